//! The program with a PostgreSQL role that owns nothing and cannot alter tables.

use schema::connection::{ConnectOptions, connect};
use sea_orm::ConnectionTrait;

use crate::harness::{self, automated, with_finalizer};
use crate::process::{self, Running};

const PASSWORD: &str = "only-for-this-test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_under_their_own_role_and_the_program_cannot_alter_tables() {
    harness::on_postgres(|world| async move {
        // Roles belong to a server, not to a database, so the name is unique to this test. The
        // quote and the capital would break an unquoted identifier.
        let role = format!("App\"_{}", uuid::Uuid::new_v4().simple());
        let quoted = format!("\"{}\"", role.replace('"', "\"\""));
        let owner = world.database.connection().clone();
        let create = format!("CREATE ROLE {quoted} LOGIN PASSWORD '{PASSWORD}'");
        owner.execute_unprepared(&create).await.unwrap();
        let url = with_user(&world.url, &role.replace('"', "%22"));

        let said = process::succeeds(&[
            "migrate",
            "--database-url",
            &url,
            "--migration-database-url",
            &world.url,
        ]);
        assert_eq!(said, "the database is up to date\n");
        let app = connect(&url, &ConnectOptions::default()).await.unwrap();
        let refused = app.connection().execute_unprepared("CREATE TABLE mine (id INT)").await;
        assert!(refused.unwrap_err().to_string().contains("permission denied"));
        let refused = app.connection().execute_unprepared("DROP TABLE operation").await;
        assert!(refused.unwrap_err().to_string().contains("must be owner"));
        app.close().await.unwrap();

        let directory = tempfile::tempdir().unwrap();
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, world.plane.kubeconfig()).unwrap();
        let mut command = process::program(&["all", "--listen", "127.0.0.1:0", "--kubeconfig"]);
        command.arg(&kubeconfig);
        command.env("DATABASE_URL", &url).env("MIGRATION_DATABASE_URL", &world.url);
        let mut program = Running::begin(command);
        world.create_namespace("team-a").await;
        world.create("team-a", &with_finalizer(automated("app"))).await;
        world.wait_until_ready("team-a", "app").await;
        world.delete("team-a", "app").await;
        world.wait_until_gone("team-a", "app").await;
        let (status, said) = tokio::task::spawn_blocking(move || {
            program.terminate();
            program.wait()
        })
        .await
        .unwrap();
        assert!(status.success(), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
        let drop = format!("DROP OWNED BY {quoted}; DROP ROLE {quoted}");
        owner.execute_unprepared(&drop).await.unwrap();
    })
    .await;
}

/// The URL of the same database for another user.
fn with_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{user}:{PASSWORD}@{host}")
}
