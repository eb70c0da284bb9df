//! A thousand deployments in fifty namespaces: all become ready, each at the same small cost, and
//! afterwards the installation is idle.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, PostParams};

use crate::harness::{
    self, World, all, automated, check_that_nothing_is_lost_or_duplicated, eventually, is_ready,
};

const NAMESPACES: usize = 50;
const DEPLOYMENTS: usize = 1_000;
/// Concurrent requests: as many as an eager client sends.
const CONCURRENCY: usize = 32;
/// Checks of an installation at rest, and the pause between two of them.
const LOOKS: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);
/// Status writes that a deployment may need: that its Application is in progress, the stand-in's
/// three reports, and that it is ready.
const STATUSES: u64 = 5;
/// Statements per deployment. One alone costs more than ten; batching saves the rest.
const STATEMENTS: u64 = 5;
/// One in this many requests may be repeated: on a slow machine a deadline may pass.
const REPEATED: u64 = 10;

const GITOPSDEPLOYMENTS: &str = "gitopsdeployments.managed-gitops.redhat.com";
const OPERATIONS: &str = "operations.managed-gitops.redhat.com";

type Requests = BTreeMap<(String, String), u64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_deployments_become_ready_and_then_nothing_is_written_on_sqlite() {
    harness::on_sqlite(a_thousand_deployments).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_deployments_become_ready_and_then_nothing_is_written_on_postgres() {
    harness::on_postgres(a_thousand_deployments).await;
}

async fn a_thousand_deployments(mut world: World) {
    world.start_program().await;
    for number in 0..NAMESPACES {
        world.create_namespace(&namespace(number)).await;
    }
    world.wait_until_quiet().await;
    let requests = world.plane.requests();
    let statements = world.database.statements();
    create_all(&world).await;
    // Listing all of them is expensive, so wait until nothing changes any more.
    world.wait_until_quiet().await;
    let everything = Api::<crds::GitOpsDeployment>::all(world.client.clone());
    eventually("all deployments are ready", || async {
        let ready = all(&everything).await.iter().filter(|one| is_ready(one)).count();
        (ready == DEPLOYMENTS).then_some(())
    })
    .await;
    world.wait_until_quiet().await;
    let statements = world.database.statements() - statements;
    let requests = since(&requests, &world.plane.requests());
    check_costs(&world, &requests, statements);
    check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
    let operations = world.count("SELECT count(*) FROM operation").await;
    assert_eq!(operations, i64::try_from(DEPLOYMENTS).unwrap(), "one operation for each");
    check_silence(&world).await;
    assert_eq!(world.projects().list(&Default::default()).await.unwrap().items.len(), NAMESPACES);
}

fn namespace(number: usize) -> String {
    format!("team-{:02}", number % NAMESPACES)
}

async fn create_all(world: &World) {
    let creations = (0..DEPLOYMENTS).map(|number| {
        let api = world.deployments(&namespace(number));
        async move {
            let object = automated(&format!("app-{number:04}"));
            api.create(&PostParams::default(), &object).await.map(drop)
        }
    });
    stream::iter(creations).buffer_unordered(CONCURRENCY).try_collect::<Vec<()>>().await.unwrap();
}

fn since(before: &Requests, after: &Requests) -> Requests {
    after
        .iter()
        .map(|(key, number)| (key.clone(), number - before.get(key).copied().unwrap_or_default()))
        .filter(|(_, number)| *number > 0)
        .collect()
}

fn check_costs(world: &World, requests: &Requests, statements: u64) {
    let deployments = DEPLOYMENTS as u64;
    let kind = world.database.kind();
    println!("{deployments} deployments on {kind}: {statements} statements");
    for ((verb, resource), number) in requests {
        println!("  {verb:>6} {resource}: {number}");
    }
    let sent = |verb: &str, resource: &str| {
        requests.get(&(verb.to_owned(), resource.to_owned())).copied().unwrap_or_default()
    };
    let costs = |verb: &str, resource: &str, least: u64, most: u64| {
        let sent = sent(verb, resource);
        assert!((least..=most).contains(&sent), "{verb} {resource}: {sent}");
    };
    let about = deployments + deployments / REPEATED;
    // An operation whose outcome is known before its signal was written needs none, so they have no
    // minimum.
    costs("create", OPERATIONS, 0, about);
    costs("create", "applications.argoproj.io", deployments, about);
    costs("delete", OPERATIONS, 0, about);
    let namespaces = NAMESPACES as u64;
    costs("create", "appprojects.argoproj.io", namespaces, namespaces + namespaces / REPEATED);
    costs("patch", GITOPSDEPLOYMENTS, deployments, STATUSES * deployments);
    // The lookup of a namespace at its first deployment.
    costs("get", "namespaces", namespaces, namespaces);
    // Otherwise the program only watches; lists are this test's own.
    for (verb, resource) in requests.keys() {
        let reads = (verb == "get" && resource != "namespaces")
            || (verb == "list" && resource != GITOPSDEPLOYMENTS);
        assert!(!reads, "{verb} {resource}");
    }
    assert!(statements <= STATEMENTS * deployments, "{statements} statements");
}

/// Checks that nothing is written or requested, and no deadline is pending.
async fn check_silence(world: &World) {
    let versions = "SELECT CAST(sum(version) AS BIGINT) FROM machine";
    let transitions = "SELECT count(*) FROM transition";
    let row_versions = world.count(versions).await;
    let moves = world.count(transitions).await;
    let version = world.plane.resource_version();
    let requests = world.plane.requests();
    let statements = world.database.statements();
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        assert_eq!(world.plane.resource_version(), version, "something writes to the API at rest");
        assert_eq!(
            world.database.statements(),
            statements,
            "something queries the database at rest"
        );
    }
    // Watches that time out are restarted; nothing else is requested.
    let asked = since(&requests, &world.plane.requests());
    assert!(asked.keys().all(|(verb, _)| verb == "watch"), "requested at rest: {asked:?}");
    assert_eq!(world.count(versions).await, row_versions);
    assert_eq!(world.count(transitions).await, moves);
}
