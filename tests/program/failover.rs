//! A failover of PostgreSQL under the whole program: the old server keeps its connections, answers
//! reads and rejects writes, while new connections reach the new one.

use std::time::{Duration, Instant};

use schema::connection::{ConnectOptions, Database, connect};
use sea_orm::ConnectionTrait as _;

use crate::harness::{self, World, automated, eventually};
use crate::servers::{self, Address, Server};

/// A loaded machine needs part of it; without recovery it would take 30 minutes.
const SOON: Duration = Duration::from_secs(60);

async fn open(server: &Server) -> Database {
    let url = server.url();
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::default() };
    eventually("the server takes connections", || async { connect(&url, &options).await.ok() })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_deployments_become_ready_on_the_new_server() {
    let Some(first) = Server::for_test() else { return };
    let admin = open(&first).await;
    let address = Address::of(&first).await;
    let mut world = World::without_program_at(&servers::url(address.port)).await;
    world.start_program().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("before")).await;
    world.wait_until_ready("team-a", "before").await;
    world.wait_until_quiet().await;

    let second = first.standby().unwrap();
    let promoted = open(&second).await;
    let demote = "ALTER SYSTEM SET default_transaction_read_only = on";
    admin.connection().execute_unprepared(demote).await.unwrap();
    admin.connection().execute_unprepared("SELECT pg_reload_conf()").await.unwrap();
    promoted.connection().execute_unprepared("SELECT pg_promote()").await.unwrap();
    address.leads_to(&second);

    let begun = Instant::now();
    world.create("team-a", &automated("after")).await;
    world.edit("team-a", "before", serde_json::json!({"spec": {"source": {"path": "new"}}})).await;
    world.wait_until_ready("team-a", "after").await;
    world.wait_until_ready("team-a", "before").await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let rows = "SELECT count(*) FROM deploymenttoapplicationmapping";
    assert_eq!(harness::count(&promoted, rows).await, 2);
    world.stop_program().await;
}
