//! A fail-over of PostgreSQL whose old primary is frozen: its connections stay open, and nothing that is
//! sent on them is answered any more. Backend and agent, apart, notice it in the middle of their work and
//! go on with the promoted standby.

use std::time::Duration;

use managed_gitops::roles::Roles;
use schema::connection::{ConnectOptions, Database, connect};
use sea_orm::ConnectionTrait as _;

use crate::harness::{
    World, all, automated, check_that_nothing_is_lost_or_duplicated, column, creations, eventually,
    is_ready, manual,
};
use crate::servers::{self, Address, Server};
use crate::site;

const NAMESPACE: &str = "team-a";
/// Deployments of a burst.
const BURST: usize = 30;
/// The primary is frozen once this many Applications of the first burst exist.
const MOMENT: usize = 8;
/// So that the test need not wait half a minute until a statement is given up.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);

async fn open(server: &Server) -> Database {
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::default() };
    let url = server.url();
    eventually("the server takes connections", || async { connect(&url, &options).await.ok() })
        .await
}

/// A standby without which the primary commits nothing.
async fn synchronous_standby(primary: &Server) -> Server {
    let standby = primary.standby().unwrap();
    let admin = open(primary).await;
    for statement in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"]
    {
        admin.connection().execute_unprepared(statement).await.unwrap();
    }
    eventually("the standby is synchronous", || async {
        let states = column::<String>(&admin, "SELECT sync_state FROM pg_stat_replication").await;
        (states == ["sync"]).then_some(())
    })
    .await;
    admin.close().await.unwrap();
    standby
}

async fn create(world: &World, burst: &str) {
    for number in 0..BURST {
        let name = format!("{burst}-{number:02}");
        let object = if number % 3 == 0 { manual(&name) } else { automated(&name) };
        world.create(NAMESPACE, &object).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_primary_is_left_for_the_promoted_standby_and_nothing_is_lost_or_doubled() {
    let Some(primary) = Server::for_test() else { return };
    drop(open(&primary).await);
    let address = Address::of(&primary).await;
    let mut world = World::without_program_at(&servers::url(address.port)).await;
    let standby = synchronous_standby(&primary).await;
    let options =
        ConnectOptions { statement_timeout: STATEMENT_TIMEOUT, ..ConnectOptions::default() };
    for roles in [Roles::Backend, Roles::Agent] {
        world.start_roles(roles, connect(&world.url, &options).await.unwrap()).await;
    }
    world.create_namespace(NAMESPACE).await;
    let since = world.plane.resource_version();
    create(&world, "before").await;
    eventually("it is in the middle of its work", || async {
        (all(&world.applications()).await.len() >= MOMENT).then_some(())
    })
    .await;

    primary.freeze();
    let promoted = open(&standby).await;
    promoted.connection().execute_unprepared("SELECT pg_promote()").await.unwrap();
    address.leads_to(&standby);
    create(&world, "after").await;

    eventually("all deployments are ready", || async {
        let found = all(&world.deployments(NAMESPACE)).await;
        (found.len() == 2 * BURST && found.iter().all(is_ready)).then_some(())
    })
    .await;
    eventually("nothing is in progress", || async {
        let unsettled = "SELECT key FROM machine WHERE owes OR wake_at IS NOT NULL";
        let operations = all(&world.operations()).await;
        let unsettled = column::<String>(&promoted, unsettled).await;
        (unsettled.is_empty() && operations.is_empty()).then_some(())
    })
    .await;
    check_that_nothing_is_lost_or_duplicated(&world.client, &promoted).await;
    let creations = creations(&world.history(&world.applications(), since).await);
    assert_eq!(creations.len(), 2 * BURST);
    assert!(creations.values().all(|number| *number == 1), "{creations:?}");
    // On the promoted server, too.
    let heard = || world.metric(Roles::Backend, "gitops_signals_total");
    site::check_that_the_backend_hears(&world, NAMESPACE, heard).await;
    world.stop_program().await;
}
