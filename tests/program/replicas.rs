//! Two replicas of the real binary on one cluster and one PostgreSQL database: one acts, and
//! whatever happens to it in the middle of the work, the other takes over and nothing is
//! duplicated.
//!
//! How long a handover may take is tested in virtual time (`src/lease.rs`); here it is printed.

use std::collections::BTreeMap;
use std::time::Instant;

use kube::api::WatchEvent;
use kube::{Resource, ResourceExt};

use crate::harness::{
    self, World, all, automated, check_that_nothing_is_lost_or_duplicated, eventually, is_ready,
    manual, with_finalizer,
};
use crate::process::{self, Running};

/// The namespace of the deployments.
const NAMESPACE: &str = "team-a";
/// Deployments of the burst.
const BURST: usize = 60;
/// The first replica is disturbed once this many Applications exist.
const MOMENT: usize = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_is_replaced_and_nothing_is_duplicated() {
    harness::on_postgres(|world| async {
        let Pair { mut first, second, since, .. } = Pair::in_the_middle(&world).await;
        first.kill();
        took_over(&second, "killed").await;
        end(world, second, since).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_paused_past_its_lease_is_replaced_and_does_nothing_when_it_resumes() {
    harness::on_postgres(|world| async {
        let Pair { mut first, second, since, .. } = Pair::in_the_middle(&world).await;
        first.signal("STOP");
        took_over(&second, "paused").await;
        eventually("half of them are ready", || async {
            let ready = all(&world.deployments(NAMESPACE)).await;
            (ready.iter().filter(|one| is_ready(one)).count() > BURST / 2).then_some(())
        })
        .await;
        first.signal("CONT");
        let (status, said) = tokio::task::spawn_blocking(move || first.wait()).await.unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        let sentence = process::sentence(&said);
        assert!(
            sentence.contains("could not renew its Lease, which second holds now")
                || sentence.contains("another process has taken over"),
            "{sentence}"
        );
        end(world, second, since).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_stopped_hands_over() {
    harness::on_postgres(|world| async {
        let Pair { mut first, second, since, .. } = Pair::in_the_middle(&world).await;
        first.terminate();
        took_over(&second, "told to stop").await;
        let (status, said) = tokio::task::spawn_blocking(move || first.wait()).await.unwrap();
        assert!(status.success(), "{said}");
        end(world, second, since).await;
    })
    .await;
}

/// What a replica logs once it has started, whether it acts or not.
const RUNNING: &str = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\" commit=");

/// Two replicas of which the first acts.
struct Pair {
    first: Running,
    second: Running,
    /// The API's version before there was work.
    since: u64,
    _directory: tempfile::TempDir,
}

impl Pair {
    /// Starts both and creates deployments; returns while they are in progress.
    async fn in_the_middle(world: &World) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, world.plane.kubeconfig()).unwrap();
        let start = |name: &'static str| {
            let mut command = process::program(&["all", "--listen", "127.0.0.1:0"]);
            command.args(["--identity", name, "--kubeconfig"]).arg(&kubeconfig);
            command.env("DATABASE_URL", &world.url);
            Running::begin(command)
        };
        let first = start("first");
        let first = until_it_says(first, "this replica acts").await;
        let second = start("second");
        let second = until_it_says(second, RUNNING).await;
        check_who_leads(&first, &second).await;
        let since = world.plane.resource_version();
        world.create_namespace(NAMESPACE).await;
        for number in 0..BURST {
            let name = format!("app-{number:02}");
            let object = match number % 3 {
                0 => manual(&name),
                1 => with_finalizer(automated(&name)),
                _ => automated(&name),
            };
            world.create(NAMESPACE, &object).await;
        }
        eventually("it is in the middle of its work", || async {
            (all(&world.applications()).await.len() >= MOMENT).then_some(())
        })
        .await;
        Self { first, second, since, _directory: directory }
    }
}

async fn until_it_says(replica: Running, what: &'static str) -> Running {
    tokio::task::spawn_blocking(move || {
        replica.wait_for_line(|line| line.contains(what));
        replica
    })
    .await
    .unwrap()
}

/// `/readyz` and the metrics show who leads, and the standby is ready too.
async fn check_who_leads(first: &Running, second: &Running) {
    // They have no sealing keys, which only the one that acts looks at.
    let acts = "ok\nleader: first\nno credentials are served: there are no sealing keys";
    for (replica, text, gauge) in [
        (first, acts, "gitops_leader 1"),
        (second, "ok, standing by\nleader: first\n", "gitops_leader 0"),
    ] {
        let address = address_of(replica);
        eventually(text, || async {
            let (head, body) = process::page(&address, "/readyz");
            (head.contains("200") && body.starts_with(text)).then_some(())
        })
        .await;
        let (_, metrics) = process::page(&address, "/metrics");
        assert!(metrics.contains(gauge), "{metrics}");
    }
}

/// The address of a replica's health endpoint, from its log.
fn address_of(replica: &Running) -> String {
    let line = replica.wait_for_line(|line| line.contains("address="));
    let (_, address) = line.split_once("address=").unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

async fn took_over(second: &Running, how: &str) {
    let begun = Instant::now();
    let address = address_of(second);
    eventually("the second replica acts", || async {
        let (_, metrics) = process::page(&address, "/metrics");
        metrics.contains("gitops_leader 1").then_some(())
    })
    .await;
    println!("the first was {how}: the second took over after {:.1?}", begun.elapsed());
}

/// Checks that everything is right in the end, and was created once.
async fn end(world: World, mut second: Running, since: u64) {
    eventually("all deployments are ready", || async {
        let found = all(&world.deployments(NAMESPACE)).await;
        (found.len() == BURST && found.iter().all(is_ready)).then_some(())
    })
    .await;
    let unsettled = "SELECT count(*) FROM machine WHERE owes OR wake_at IS NOT NULL";
    world.wait_until_counted(unsettled, 0).await;
    check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
    let applications = world.history(&world.applications(), since).await;
    let operations = world.history(&world.operations(), since).await;
    assert_eq!(creations(&applications).len(), BURST);
    for (name, number) in creations(&applications) {
        assert_eq!(number, 1, "{name} was created more than once");
    }
    // An operation whose outcome is known before its signal was written needs none. One that the
    // first replica signalled may finish, and its signal be removed, just before the second signals
    // it: that extra signal does nothing, and is removed as well.
    assert!(creations(&operations).len() <= BURST);
    for (name, number) in creations(&operations) {
        assert!(number <= 2, "{name} was created {number} times");
    }
    second.terminate();
    let (status, said) = tokio::task::spawn_blocking(move || second.wait()).await.unwrap();
    assert!(status.success(), "{said}");
}

/// How often each object was created.
fn creations<K: Resource + Clone>(events: &[WatchEvent<K>]) -> BTreeMap<String, usize> {
    let mut creations = BTreeMap::new();
    for event in events {
        if let WatchEvent::Added(object) = event {
            *creations.entry(object.name_any()).or_default() += 1;
        }
    }
    creations
}
