//! The chaos test of the existing system, on a real API server and a real PostgreSQL: a fifth of the
//! calls to both fails, and backend and agent, two processes, are killed with SIGKILL again and again,
//! while tenants create, edit and delete deployments. Once it is over, nothing is lost and nothing is
//! doubled.
//!
//! It needs a testbed without Argo CD (`testbed/up --without-argocd`), for which the stand-in stands in.
//! `testbed/chaos` runs it as often as one likes.

mod checks;
mod installation;
mod processes;
mod tenants;

use std::ops::Range;
use std::time::{Duration, Instant};

use installation::{Installation, Testbed};
use processes::{Processes, Tally};
use tenants::Tenants;

/// Of a hundred calls and requests, so many fail.
const FAILURE_RATE: u8 = 20;

/// How much happens, and for how long.
#[derive(Clone, Debug)]
struct Plan {
    /// How many deployments tenants create.
    deployments: usize,
    /// How many namespaces they are in.
    tenants: usize,
    /// How long they are created, edited and deleted.
    lasts: Duration,
    /// After how many milliseconds each process is killed.
    killed_after: Range<u64>,
}

/// For the gate.
const SHORT: Plan = Plan {
    deployments: 40,
    tenants: 5,
    lasts: Duration::from_secs(45),
    killed_after: 3_000..8_000,
};

/// As the existing system has it.
const LONG: Plan = Plan {
    deployments: 200,
    tenants: 10,
    lasts: Duration::from_secs(150),
    killed_after: 10_000..55_000,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backend_and_agent_lose_and_double_nothing_in_chaos() {
    let Some(testbed) = Testbed::from_environment() else { return };
    println!("{}", run(&testbed, &SHORT, fastrand::u64(..)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "five minutes for each of the runs: testbed/chaos"]
async fn backend_and_agent_lose_and_double_nothing_in_chaos_as_often_as_asked_for() {
    let Some(testbed) = Testbed::from_environment() else { return };
    let runs = std::env::var("CHAOS_RUNS").map_or(10, |runs| runs.parse().unwrap());
    for number in 1..=runs {
        let line = run(&testbed, &LONG, fastrand::u64(..)).await;
        println!("run {number} of {runs}: {line}");
    }
}

/// One run; returns what happened in it, in a line.
async fn run(testbed: &Testbed, plan: &Plan, seed: u64) -> String {
    println!("chaos with seed {seed}: {plan:?}");
    let installation = Installation::prepare(testbed).await;
    let watched = installation.watch_applications();
    let mut tenants = Tenants::create(&installation.client, plan).await;
    let chaos = Processes::start(&installation, FAILURE_RATE, plan.killed_after.clone(), seed);
    tenants.play(plan, seed).await;
    let tally = chaos.stop().await;
    check_that_it_was_chaos(&tally);

    let calm = Instant::now();
    let steady = Processes::start_steady(&installation);
    checks::wait_until_everything_is_as_wanted(&installation, &tenants).await;
    let settled = calm.elapsed();
    checks::check(&installation, &tenants).await;
    let remaining = tenants.wanted().len();
    tenants.leave().await;
    checks::wait_until_nothing_is_left(&installation).await;
    checks::check_transitions(&installation.database).await;
    steady.stop().await;
    checks::check_that_none_was_doubled(watched.stop().await);
    installation.remove().await;
    format!(
        "{tally}; {} deployments, {remaining} of them remained, settled {settled:.1?} after the end",
        plan.deployments
    )
}

/// Without failures of each kind and kills of both, a run proves nothing.
fn check_that_it_was_chaos(tally: &Tally) {
    assert!(tally.kills >= 4, "{tally}");
    for failures in [&tally.calls, &tally.requests] {
        assert!(failures.refused > 0 && failures.answers_lost > 0, "{tally}");
    }
}
