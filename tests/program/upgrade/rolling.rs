//! The version before this one, and this one beside it: replicas take over from each other under load,
//! there and back, and nothing is lost, nothing is doubled, and no status flaps.

use std::path::Path;

use kube::ResourceExt as _;

use super::flaps;
use super::load::{Load, Wanted};
use super::replica::{Replica, previous_program};
use crate::harness::{
    self, World, all, automated, check_that_nothing_is_lost_or_duplicated, creations, eventually,
    is_ready, manual,
};
use crate::site::this_program;

/// Of those that nobody touches.
const RESTING: &str = "resting";
/// Of those that are created, edited and deleted meanwhile.
const BUSY: &str = "busy";
/// Deployments that are ready before anything changes.
const AT_REST: usize = 12;
/// A version is replaced once so many deployments have been created under it.
const MOMENT: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_previous_version_rolls_over_to_this_one_and_back() {
    let Some(previous) = previous_program() else { return };
    harness::on_postgres(async move |world| rolls_over(world, &previous, &["all"]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backend_and_agent_roll_over_one_after_the_other_and_back() {
    let Some(previous) = previous_program() else { return };
    harness::on_postgres(async move |world| {
        rolls_over(world, &previous, &["agent", "backend"]).await;
    })
    .await;
}

/// Each role is a process, which is replaced in this order, and back in the opposite one: then each
/// version of one works with each of the other.
async fn rolls_over(world: World, previous: &Path, roles: &[&'static str]) {
    let old = start_all(&world, previous, roles, "old").await;
    for replica in &old {
        replica.wait_until_it_acts().await;
    }
    let since = world.plane.resource_version();
    rest(&world).await;
    let rested = world.plane.resource_version();

    world.create_namespace(BUSY).await;
    let load = Load::start(world.client.clone(), BUSY);
    let new = replace(&world, &load, old, &this_program(), roles, "new").await;
    let back: Vec<&'static str> = roles.iter().rev().copied().collect();
    let new = new.into_iter().rev().collect();
    let last = replace(&world, &load, new, previous, &back, "old-again").await;
    let wanted = load.end().await;

    check(&world, since, rested, &wanted).await;
    for replica in last {
        replica.stop().await;
    }
}

async fn start_all(
    world: &World,
    program: &Path,
    roles: &[&'static str],
    name: &str,
) -> Vec<Replica> {
    let mut replicas = Vec::new();
    for role in roles {
        let name = format!("{name}-{role}");
        replicas.push(Replica::start(world, program, role, &name).await);
    }
    replicas
}

/// Starts another version beside the one that acts, and stops that, one role after the other, in the
/// middle of the load.
async fn replace(
    world: &World,
    load: &Load,
    acting: Vec<Replica>,
    program: &Path,
    roles: &[&'static str],
    name: &str,
) -> Vec<Replica> {
    let others = start_all(world, program, roles, name).await;
    for (replica, other) in acting.into_iter().zip(&others) {
        other.wait_until_it_stands_by().await;
        load.wait_for(MOMENT).await;
        replica.stop().await;
        other.wait_until_it_acts().await;
    }
    load.wait_for(MOMENT).await;
    others
}

/// Creates what is ready before anything changes.
async fn rest(world: &World) {
    world.create_namespace(RESTING).await;
    for number in 0..AT_REST {
        let name = format!("app-{number:02}");
        let object = if number % 3 == 0 { manual(&name) } else { automated(&name) };
        world.create(RESTING, &object).await;
    }
    eventually("what is to rest is ready", || async {
        let found = all(&world.deployments(RESTING)).await;
        found.iter().all(is_ready).then_some(())
    })
    .await;
    world.wait_until_settled().await;
}

async fn check(world: &World, since: u64, rested: u64, wanted: &Wanted) {
    eventually("all deployments are ready", || async {
        let found = all(&world.deployments(BUSY)).await;
        (found.len() == wanted.len() && found.iter().all(is_ready)).then_some(())
    })
    .await;
    world.wait_until_settled().await;
    eventually("no Operation is left", || async {
        all(&world.operations()).await.is_empty().then_some(())
    })
    .await;
    check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
    let mut found = Wanted::new();
    for one in all(&world.deployments(BUSY)).await {
        let application = world.application_of(&one).await.unwrap();
        found.insert(one.name_any(), application.spec.source.path);
    }
    assert_eq!(&found, wanted, "each Application is as the last edit says");
    for (name, number) in creations(&world.history(&world.applications(), since).await) {
        assert_eq!(number, 1, "{name} was created more than once");
    }
    let touched = world.history(&world.deployments(RESTING), rested).await;
    assert_eq!(touched.len(), 0, "what is at rest is not written: {touched:#?}");
    flaps::check(&world.history(&world.deployments(BUSY), since).await);
}
