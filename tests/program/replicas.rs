//! Two replicas of the real binary on one cluster and one PostgreSQL database: one acts, and
//! whatever happens to it in the middle of the work, the other takes over and nothing is
//! duplicated. A replica is one process, or a backend and an agent, which wake each other through
//! PostgreSQL and of which one may be replaced while the other goes on.
//!
//! How long a handover may take is tested in virtual time (`src/lease.rs`); here it is printed.

use std::time::Instant;

use crate::harness::{
    self, World, all, automated, check_that_nothing_is_lost_or_duplicated, creations, eventually,
    is_ready, manual, with_finalizer,
};
use crate::process::{self, Running};
use crate::site::{self, Site};

/// The namespace of the deployments.
const NAMESPACE: &str = "team-a";
/// Deployments of the burst.
const BURST: usize = 60;
/// The first replica is disturbed once this many Applications exist.
const MOMENT: usize = 15;

/// What each replica consists of: the commands of its processes.
type Layout = &'static [&'static str];
const TOGETHER: Layout = &["all"];
const APART: Layout = &["backend", "agent"];

/// The positions of the halves in [`APART`].
const BACKEND: usize = 0;
const AGENT: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_is_replaced_and_nothing_is_duplicated() {
    harness::on_postgres(|world| async {
        let mut pair = Pair::in_the_middle(&world, TOGETHER).await;
        pair.first[0].kill();
        took_over(&pair.second[0], "killed").await;
        pair.end(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_backend_and_agent_are_replaced_and_nothing_is_duplicated() {
    harness::on_postgres(|world| async {
        let mut pair = Pair::in_the_middle(&world, APART).await;
        pair.first.iter_mut().for_each(Running::kill);
        for half in &pair.second {
            took_over(half, "killed").await;
        }
        pair.end(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_paused_past_its_lease_is_replaced_and_does_nothing_when_it_resumes() {
    harness::on_postgres(|world| async {
        let mut pair = Pair::in_the_middle(&world, TOGETHER).await;
        replaced_while_paused(&world, &mut pair, 0).await;
        pair.end(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_paused_past_its_lease_is_replaced_while_the_agent_goes_on() {
    harness::on_postgres(|world| async {
        let mut pair = Pair::in_the_middle(&world, APART).await;
        replaced_while_paused(&world, &mut pair, BACKEND).await;
        assert!(pair.first.iter_mut().all(Running::is_running), "the agent goes on");
        pair.end(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_stopped_hands_over() {
    harness::on_postgres(|world| async {
        let mut pair = Pair::in_the_middle(&world, TOGETHER).await;
        replaced_when_stopped(&mut pair, 0).await;
        pair.end(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_stopped_hands_over_while_the_backend_goes_on() {
    harness::on_postgres(|world| async {
        let mut pair = Pair::in_the_middle(&world, APART).await;
        replaced_when_stopped(&mut pair, AGENT).await;
        assert!(pair.first.iter_mut().all(Running::is_running), "the backend goes on");
        pair.end(world).await;
    })
    .await;
}

/// Pauses a process of the first replica until that of the second has done half of the work.
async fn replaced_while_paused(world: &World, pair: &mut Pair, process: usize) {
    let paused = pair.first.remove(process);
    paused.signal("STOP");
    took_over(&pair.second[process], "paused").await;
    eventually("half of them are ready", || async {
        let ready = all(&world.deployments(NAMESPACE)).await;
        (ready.iter().filter(|one| is_ready(one)).count() > BURST / 2).then_some(())
    })
    .await;
    paused.signal("CONT");
    let (status, said) = site::ended(paused).await;
    assert_eq!(status.code(), Some(1), "{said}");
    let sentence = process::sentence(&said);
    assert!(
        sentence.contains("could not renew its Lease, which second holds now")
            || sentence.contains("another process has taken over"),
        "{sentence}"
    );
}

/// Asks a process of the first replica to stop.
async fn replaced_when_stopped(pair: &mut Pair, process: usize) {
    let stopped = pair.first.remove(process);
    stopped.terminate();
    took_over(&pair.second[process], "told to stop").await;
    let (status, said) = site::ended(stopped).await;
    assert!(status.success(), "{said}");
}

/// Two replicas of which the first acts.
struct Pair {
    layout: Layout,
    first: Vec<Running>,
    second: Vec<Running>,
    /// The API's version before there was work.
    since: u64,
    _site: Site,
}

impl Pair {
    /// Starts both and creates deployments; returns while they are in progress.
    async fn in_the_middle(world: &World, layout: Layout) -> Self {
        let site = Site::of(world);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for role in layout {
            first.push(site.start(role, "first", site::ACTS).await);
        }
        for role in layout {
            second.push(site.start(role, "second", site::RUNNING).await);
        }
        for (first, second) in first.iter().zip(&second) {
            check_who_leads(first, second).await;
        }
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
        Self { layout, first, second, since, _site: site }
    }

    /// Checks that everything is right in the end, and was created once.
    async fn end(self, world: World) {
        eventually("all deployments are ready", || async {
            let found = all(&world.deployments(NAMESPACE)).await;
            (found.len() == BURST && found.iter().all(is_ready)).then_some(())
        })
        .await;
        world.wait_until_settled().await;
        check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
        check_creations(&world, self.since).await;
        let mut living: Vec<Running> = self.first.into_iter().chain(self.second).collect();
        // Those that were killed have said nothing since.
        living.retain_mut(Running::is_running);
        if self.layout.len() > 1 {
            let heard = |one: &Running| site::metric(one, "gitops_signals_total");
            let heard = || living.iter().map(heard).sum();
            site::check_that_the_backend_hears(&world, NAMESPACE, heard).await;
        }
        site::end(living).await;
    }
}

/// `/readyz` and the metrics show who leads, and the standby is ready too.
async fn check_who_leads(first: &Running, second: &Running) {
    // They have no sealing keys, which only the one that acts looks at.
    let acts = "ok\nleader: first\nno credentials are served: there are no sealing keys";
    for (replica, text, gauge) in [
        (first, acts, "gitops_leader 1"),
        (second, "ok, standing by\nleader: first\n", "gitops_leader 0"),
    ] {
        let address = site::address_of(replica);
        eventually(text, || async {
            let (head, body) = process::page(&address, "/readyz");
            (head.contains("200") && body.starts_with(text)).then_some(())
        })
        .await;
        let (_, metrics) = process::page(&address, "/metrics");
        assert!(metrics.contains(gauge), "{metrics}");
    }
}

async fn took_over(second: &Running, how: &str) {
    let begun = Instant::now();
    let address = site::address_of(second);
    eventually("the second replica acts", || async {
        let (_, metrics) = process::page(&address, "/metrics");
        metrics.contains("gitops_leader 1").then_some(())
    })
    .await;
    println!("the first was {how}: the second took over after {:.1?}", begun.elapsed());
}

/// Checks that everything was created once since this version.
async fn check_creations(world: &World, since: u64) {
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
}
