//! A newer version has migrated the database: this one goes on, and starts again if that has only
//! expanded the tables. So it is with the version before this one, except that it does not start again.

use std::path::Path;

use super::replica::{Replica, previous_program};
use crate::harness::{self, World, automated, execute};
use crate::site::this_program;

const NAMESPACE: &str = "team";
/// What a newer version might add.
const EXPANSION: &str = "ALTER TABLE machine ADD COLUMN wonder varchar(8); \
     CREATE TABLE wonder (id integer NOT NULL PRIMARY KEY); \
     INSERT INTO seaql_migrations VALUES ('m20990101_000001_expand_wonders', 0)";
/// And remove: this version does not need it.
const CONTRACTION: &str =
    "INSERT INTO seaql_migrations VALUES ('m20990102_000002_contract_wonders', 0)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_a_newer_version_has_expanded_are_used() {
    harness::on_postgres(async |world| {
        let replica = acting(&world, &this_program(), "first").await;
        execute(&world.url, EXPANSION).await;
        deploys(&world, "after-the-expansion").await;
        replica.stop().await;
        let replica = acting(&world, &this_program(), "second").await;
        deploys(&world, "after-a-rollback").await;
        execute(&world.url, CONTRACTION).await;
        deploys(&world, "after-the-contraction").await;
        replica.stop().await;
        for role in ["all", "agent"] {
            let (code, sentence) = Replica::refused(&world, &this_program(), role, "third").await;
            assert_eq!(code, Some(2), "{sentence}");
            let advice =
                "run a version whose schema is m20990102_000002_contract_wonders or a later";
            assert!(sentence.contains(advice), "{sentence}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_previous_version_goes_on_and_refuses_to_start_again_once_tables_are_expanded() {
    let Some(previous) = previous_program() else { return };
    harness::on_postgres(async move |world| {
        let replica = acting(&world, &previous, "first").await;
        execute(&world.url, EXPANSION).await;
        deploys(&world, "after-the-expansion").await;
        replica.stop().await;
        let (code, sentence) = Replica::refused(&world, &previous, "all", "second").await;
        assert_eq!(code, Some(2), "{sentence}");
        assert!(sentence.contains("run that version or a later one"), "{sentence}");
        // This one goes on where it was.
        let replica = acting(&world, &this_program(), "third").await;
        deploys(&world, "by-this-version").await;
        replica.stop().await;
    })
    .await;
}

async fn acting(world: &World, program: &Path, name: &str) -> Replica {
    let replica = Replica::start(world, program, "all", name).await;
    replica.wait_until_it_acts().await;
    replica
}

async fn deploys(world: &World, name: &str) {
    let namespaces = kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(world.client.clone());
    if namespaces.get_opt(NAMESPACE).await.unwrap().is_none() {
        world.create_namespace(NAMESPACE).await;
    }
    world.create(NAMESPACE, &automated(name)).await;
    world.wait_until_ready(NAMESPACE, name).await;
}
