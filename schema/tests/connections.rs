//! Opening: the settings of each database, and the errors if it cannot be opened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::time::Duration;

use harness::{in_a_file, on_postgres, options, with_database};
use schema::entity::fence;
use schema::{ConnectError, ConnectOptions, Database, DatabaseKind, connect, migrate};
use sea_orm::{ActiveModelTrait as _, ConnectionTrait as _, EntityTrait as _, Set, Statement};

async fn refused(url: &str) -> ConnectError {
    connect(url, &ConnectOptions::default()).await.unwrap_err()
}

async fn setting(database: &Database, query: &str) -> String {
    let backend = match database.kind() {
        DatabaseKind::Sqlite => sea_orm::DbBackend::Sqlite,
        DatabaseKind::Postgres => sea_orm::DbBackend::Postgres,
    };
    let statement = Statement::from_string(backend, query);
    let row = database.connection().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index::<String>(0)
        .or_else(|_| row.try_get_by_index::<i64>(0).map(|number| number.to_string()))
        .or_else(|_| row.try_get_by_index::<i32>(0).map(|number| number.to_string()))
        .unwrap()
}

#[tokio::test]
async fn an_unsupported_url_error_names_the_supported_kinds() {
    let error = refused("mysql://root:hunter2@localhost/x").await;
    assert_eq!(
        error.to_string(),
        "the database URL starts with `mysql:`: use postgres://… or sqlite://…"
    );
    let error = refused("hunter2").await;
    assert!(matches!(error, ConnectError::NoScheme));
    for url in ["sqlite:", "sqlite://", "sqlite://?mode=rw"] {
        assert!(matches!(refused(url).await, ConnectError::MalformedUrl { .. }), "{url}");
    }
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_a_password() {
    let urls = [
        "postgres://user:hunter2@localhost:port/db",
        "postgres://user:hunter2@127.0.0.1:1/db",
        "postgres://user:hunter2@no-such-host.invalid/db",
        "postgresql://user:hunter2@127.0.0.1:1/db?sslmode=sometimes",
        "p@ss:hunter2",
    ];
    for url in urls {
        let error = refused(url).await;
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_distinguished_from_an_unknown_host() {
    let error = refused("postgres://user@127.0.0.1:1/db").await;
    assert_eq!(
        error.to_string(),
        "PostgreSQL at 127.0.0.1:1/db refuses connections: check that it runs, and host and port"
    );
    assert!(error.is_transient());
    let error = refused("postgres://user@no-such-host.invalid/db").await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_times_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://user@{}/db", silent.local_addr().unwrap());
    let options =
        ConnectOptions { connect_timeout: Duration::from_millis(200), ..ConnectOptions::default() };
    let error = connect(&url, &options).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_path_that_cannot_be_a_database_file_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let error = refused(&format!("sqlite://{}/none/x.db", path.display())).await;
    assert!(
        matches!(&error, ConnectError::DirectoryMissing { directory }
        if directory == &path.join("none")),
        "{error}"
    );
    let error = refused(&format!("sqlite://{}", path.display())).await;
    assert!(matches!(error, ConnectError::IsDirectory { .. }), "{error}");
    // Not even root can create files there.
    let error = refused("sqlite:///proc/x.db").await;
    assert!(matches!(error, ConnectError::NotWritable { .. }), "{error}");
    let text = path.join("notes.txt");
    std::fs::write(&text, "a text that is longer than the header of a database. ".repeat(40))
        .unwrap();
    let error = refused(&format!("sqlite://{}", text.display())).await;
    assert!(matches!(error, ConnectError::NotADatabase { .. }), "{error}");
}

#[tokio::test]
async fn a_file_is_created_in_wal_mode() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        assert_eq!(database.kind(), DatabaseKind::Sqlite);
        assert!(database.file().unwrap().is_file());
        assert_eq!(setting(&database, "PRAGMA journal_mode").await, "wal");
        assert_eq!(setting(&database, "PRAGMA synchronous").await, "1");
        assert_eq!(setting(&database, "PRAGMA foreign_keys").await, "1");
        assert_eq!(setting(&database, "PRAGMA busy_timeout").await, "10000");
        database.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_reader_of_a_file_sees_what_is_committed_and_cannot_write() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        let row = fence::ActiveModel {
            role: Set("backend".to_owned()),
            epoch: Set(1),
            holder: Set("a".to_owned()),
            taken_at: Set(None),
        };
        row.clone().insert(database.connection()).await.unwrap();
        let seen = fence::Entity::find().one(database.reader()).await.unwrap();
        assert_eq!(seen.unwrap().holder, "a");
        let delete = fence::Entity::delete_many().exec(database.reader()).await;
        assert!(delete.unwrap_err().to_string().contains("readonly"));
    })
    .await;
}

#[tokio::test]
async fn a_database_in_memory_outlives_its_idle_time() {
    let database = connect("sqlite::memory:", &options()).await.unwrap();
    migrate(&database).await.unwrap();
    assert_eq!(database.file(), None);
    let pool = database.connection().get_sqlite_connection_pool();
    assert_eq!(pool.options().get_idle_timeout(), None);
    assert_eq!(pool.options().get_max_lifetime(), None);
    assert_eq!(pool.options().get_max_connections(), 1);
}

#[tokio::test]
async fn postgres_gets_our_name_and_our_limits() {
    on_postgres(async |scratch| {
        let database = scratch.open().await;
        assert_eq!(database.kind(), DatabaseKind::Postgres);
        assert_eq!(setting(&database, "SHOW application_name").await, "managed-gitops");
        assert_eq!(setting(&database, "SHOW statement_timeout").await, "30s");
        let idle = setting(&database, "SHOW idle_in_transaction_session_timeout").await;
        assert_eq!(idle, "10s");
        assert_eq!(setting(&database, "SHOW timezone").await, "UTC");
        assert!(!format!("{database:?}").contains("password"));
    })
    .await;
}

#[tokio::test]
async fn a_missing_postgres_database_is_reported() {
    on_postgres(async |scratch| {
        let error = refused(&with_database(&scratch.url, "no_such_database")).await;
        assert!(matches!(error, ConnectError::NoDatabase { .. }), "{error}");
        assert!(!error.is_transient());
    })
    .await;
}

#[tokio::test]
async fn postgres_with_an_unsuitable_encoding_is_rejected_with_advice() {
    on_postgres(async |scratch| {
        let (_, name) = scratch.url.rsplit_once("/gitops_test_").unwrap();
        let name = format!("gitops_test_{}_latin1", name.split('?').next().unwrap());
        let server = scratch.open().await;
        let create =
            format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
        server.connection().execute_unprepared(&create).await.unwrap();
        let outcome =
            connect(&with_database(&scratch.url, &name), &ConnectOptions::default()).await;
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        server.connection().execute_unprepared(&drop).await.unwrap();
        let error = outcome.unwrap_err();
        assert!(
            matches!(&error, ConnectError::Encoding { encoding, .. } if encoding == "LATIN1"),
            "{error}"
        );
        assert!(error.to_string().contains("ENCODING 'UTF8'"), "{error}");
        assert!(!error.is_transient());
    })
    .await;
}

#[tokio::test]
async fn a_user_that_postgres_rejects_is_reported() {
    on_postgres(async |scratch| {
        let (scheme, rest) = scratch.url.split_once("://").unwrap();
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let stranger = format!("{scheme}://no_such_user:hunter2@{host}");
        let error = refused(&stranger).await;
        assert!(matches!(error, ConnectError::Authentication { .. }), "{error}");
        assert!(error.to_string().contains("`no_such_user`"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    })
    .await;
}
