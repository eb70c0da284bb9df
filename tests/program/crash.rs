//! The program ends at any moment and resumes where it was: nothing is lost or duplicated.
//!
//! Two ways: the real binary is killed with SIGKILL, including its sandbox; or the program is
//! stopped and restarted while the cluster keeps running and changing.

use std::collections::BTreeSet;
use std::path::Path;

use crds::GitOpsDeployment;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use schema::connection::{ConnectOptions, Database, connect};
use serde_json::json;

use crate::harness::{
    self, World, all, automated, check_that_nothing_is_lost_or_duplicated, eventually, is_ready,
    manual, with_finalizer,
};
use crate::process::Running;

/// The numbers of log lines after which `dev` is killed: a few while it starts, many while it
/// works, and some once most is done.
const KILLED_AFTER_LINES: [usize; 12] = [1, 4, 8, 12, 13, 16, 21, 30, 45, 64, 90, 130];
/// Deployments of a burst.
const BURST: usize = 50;
/// Concurrent requests.
const CONCURRENCY: usize = 8;
/// The namespace of the deployments.
const NAMESPACE: &str = "team";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_killed_at_any_moment_resumes_and_loses_or_duplicates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for (round, lines) in KILLED_AFTER_LINES.into_iter().enumerate() {
        let mut dev = start(directory.path()).await;
        let client = client(directory.path()).await;
        ensure_namespace(&client).await;
        let burst = tokio::spawn(burst(client, round));
        dev = tokio::task::spawn_blocking(move || {
            // It may have logged this already during startup; then kill it now.
            dev.wait_for_lines(lines, |line| line.contains(" INFO"));
            dev.kill();
            dev
        })
        .await
        .unwrap();
        drop(dev);
        acknowledged.extend(burst.await.unwrap());
    }
    let dev = start(directory.path()).await;
    let client = client(directory.path()).await;
    // The last round is not interrupted.
    let round = KILLED_AFTER_LINES.len();
    acknowledged.extend(burst(client.clone(), round).await);
    let known = wait_until_all_ready(&client, directory.path()).await;
    let lost: Vec<&String> = acknowledged.difference(&known).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(acknowledged.len() >= BURST, "{} were acknowledged", acknowledged.len());
    println!("{} deployments survived {round} kills", known.len());
    end_and_check(dev, client, directory.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_dev_finishes_the_deletions_it_had_started() {
    let directory = tempfile::tempdir().unwrap();
    let dev = start(directory.path()).await;
    let first = client(directory.path()).await;
    ensure_namespace(&first).await;
    burst(first.clone(), 0).await;
    wait_until_all_ready(&first, directory.path()).await;
    let api = Api::<GitOpsDeployment>::namespaced(first, NAMESPACE);
    let names: Vec<String> = all(&api).await.iter().map(ResourceExt::name_any).collect();
    let (gone, kept) = names.split_at(names.len() / 2);
    for name in gone {
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
    let mut dev = dev;
    dev.kill();
    let dev = start(directory.path()).await;
    let client = client(directory.path()).await;
    let applications =
        Api::<crds::argocd::Application>::namespaced(client.clone(), harness::ARGO_CD);
    eventually("the Applications of the deleted deployments are gone", || async {
        (all(&applications).await.len() == kept.len()).then_some(())
    })
    .await;
    let known = wait_until_all_ready(&client, directory.path()).await;
    assert_eq!(known, kept.iter().cloned().collect());
    end_and_check(dev, client, directory.path()).await;
}

async fn start(directory: &Path) -> Running {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || Running::dev(&directory, &[])).await.unwrap()
}

async fn client(directory: &Path) -> kube::Client {
    harness::client(&directory.join("kubeconfig")).await
}

/// Creates the namespace, unless it exists or the server is already gone.
async fn ensure_namespace(client: &kube::Client) {
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    let _ = Api::all(client.clone()).create(&PostParams::default(), &namespace).await;
}

/// Creates deployments until the server is gone; returns those that it acknowledged.
async fn burst(client: kube::Client, round: usize) -> Vec<String> {
    let api = Api::<GitOpsDeployment>::namespaced(client, NAMESPACE);
    let creations = (0..BURST).map(|number| {
        let api = api.clone();
        async move {
            let name = format!("app-{round:02}-{number:02}");
            let object = if number % 5 == 0 { manual(&name) } else { automated(&name) };
            let created = api.create(&PostParams::default(), &object).await;
            created.ok().map(|one| one.name_any())
        }
    });
    let acknowledged = stream::iter(creations).buffer_unordered(CONCURRENCY);
    acknowledged.filter_map(std::future::ready).collect().await
}

async fn wait_until_all_ready(client: &kube::Client, directory: &Path) -> BTreeSet<String> {
    // The machines are cheaper to query than the API, so they come first.
    let database = open(directory).await;
    let unsettled = "SELECT count(*) FROM machine WHERE kind = 'Deployment' \
                    AND state_path <> 'Live/Settled'";
    eventually("all machines are settled", || async {
        (harness::count(&database, unsettled).await == 0).then_some(())
    })
    .await;
    database.close().await.unwrap();
    let api = Api::<GitOpsDeployment>::namespaced(client.clone(), NAMESPACE);
    eventually("all deployments are ready", || async {
        let known = all(&api).await;
        known.iter().all(is_ready).then(|| known.iter().map(ResourceExt::name_any).collect())
    })
    .await
}

/// The database of a running `dev`.
async fn open(directory: &Path) -> Database {
    let url = format!("sqlite://{}", directory.join("state.db").display());
    connect(&url, &ConnectOptions::default()).await.unwrap()
}

/// Waits until no Operation is left, checks everything while `dev` runs, and stops it.
async fn end_and_check(mut dev: Running, client: kube::Client, directory: &Path) {
    let operations = Api::<crds::Operation>::namespaced(client.clone(), harness::ARGO_CD);
    let database = open(directory).await;
    eventually("nothing is in progress", || async {
        let rests = harness::count(&database, harness::UNSETTLED).await == 0;
        (rests && all(&operations).await.is_empty()).then_some(())
    })
    .await;
    check_that_nothing_is_lost_or_duplicated(&client, &database).await;
    database.close().await.unwrap();
    let (status, said) = tokio::task::spawn_blocking(move || {
        dev.terminate();
        dev.wait()
    })
    .await
    .unwrap();
    assert!(status.success(), "{said}");
}

/// How often the program is stopped while the cluster keeps running.
const ROUNDS: usize = 20;
/// Deployments that a round creates.
const CREATED: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_stopped_in_the_middle_of_bursts_loses_or_duplicates_nothing_on_sqlite() {
    harness::on_sqlite(stops_in_the_middle_of_bursts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_stopped_in_the_middle_of_bursts_loses_or_duplicates_nothing_on_postgres() {
    harness::on_postgres(stops_in_the_middle_of_bursts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_and_an_agent_stopped_in_the_middle_of_bursts_lose_or_duplicate_nothing() {
    harness::on_postgres_apart(stops_in_the_middle_of_bursts).await;
}

/// Each round creates some; edits, deletes and re-creates some of the previous round; stops the
/// program after a few more of its requests than in the previous round; and changes more while it
/// is down.
async fn stops_in_the_middle_of_bursts(mut world: World) {
    world.create_namespace(NAMESPACE).await;
    for round in 0..ROUNDS {
        world.start_program().await;
        let before = world.plane.resource_version();
        for number in 0..CREATED {
            world.create(NAMESPACE, &of_round(round, number)).await;
        }
        // A different moment in each round, counted in writes since the burst began.
        let moment = before + (CREATED + 7 * round % 40) as u64;
        eventually("this much was written", || async {
            (world.is_idle() || world.plane.resource_version() >= moment).then_some(())
        })
        .await;
        world.stop_program().await;
        if round > 0 {
            change_while_down(&world, round).await;
        }
    }
    world.start_program().await;
    world.wait_until_settled().await;
    world.wait_until_quiet().await;
    let known = all(&world.deployments(NAMESPACE)).await;
    assert_eq!(
        known.len(),
        ROUNDS * CREATED - 2 * (ROUNDS - 1),
        "those that were not re-created are gone"
    );
    let edited: Vec<&GitOpsDeployment> =
        known.iter().filter(|one| one.spec.source.path == "edited").collect();
    assert_eq!(edited.len(), ROUNDS - 1);
    for deployment in edited {
        let application = world.application_of(deployment).await.unwrap();
        assert_eq!(application.spec.source.path, "edited");
    }
    check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
}

fn of_round(round: usize, number: usize) -> GitOpsDeployment {
    let name = format!("app-{round:02}-{number}");
    match number {
        0 => manual(&name),
        1 => with_finalizer(automated(&name)),
        _ => automated(&name),
    }
}

/// Of the previous round: one is edited, two are deleted (one of them with the finalizer), and one
/// is deleted and re-created under its name.
async fn change_while_down(world: &World, round: usize) {
    let name = |number: usize| of_round(round - 1, number).name_any();
    world.edit(NAMESPACE, &name(3), json!({"spec": {"source": {"path": "edited"}}})).await;
    world.delete(NAMESPACE, &name(1)).await;
    world.delete(NAMESPACE, &name(2)).await;
    world.delete(NAMESPACE, &name(4)).await;
    world.create(NAMESPACE, &of_round(round - 1, 4)).await;
}
