//! End-to-end tests: what users do, against a sandbox and against a real cluster with Argo CD.
//!
//! Each scenario uses only the Kubernetes API and declares the capabilities it needs. It runs in
//! its own sandbox and, if `E2E=cluster` is set, in its own namespace on the cluster of
//! `KUBECONFIG`, with the program on a fresh database on `DATABASE_URL` and its own repository in
//! `E2E_GIT_FOLDER`, whose bare repositories Argo CD reads at `E2E_GIT_URL`. A second cluster to
//! deploy to is that of `E2E_TARGET_KUBECONFIG`. Parts of the clusters are killed only if `TESTBED_DIR`
//! marks them as a testbed. `testbed/up` prints all of these. With `E2E_ROLES=split` the program on the
//! cluster is two processes, backend and agent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, reason = "these modules belong to a binary, not a library")]

mod argo_cd;
mod cluster;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../process/mod.rs"]
mod process;
mod repository;
mod ring;
mod scenarios;
mod target;
mod tenant;
mod waiting;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::process::ExitCode;

use futures::FutureExt;
use libtest_mimic::{Arguments, Trial};

use ring::{Capability, Ring};

/// A test scenario.
pub struct Scenario {
    /// Its name, as a sentence.
    pub name: &'static str,
    /// The capabilities it needs.
    pub needs: &'static [Capability],
    /// What it does.
    pub run: for<'a> fn(&'a mut Ring) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for scenario in scenarios::all() {
        let lacks = scenario.needs.iter().any(|needed| !ring::SANDBOX.contains(needed));
        if !lacks {
            let name = format!("sandbox::{}", scenario.name);
            trials.push(Trial::test(name, move || run(&scenario, Ring::in_sandbox)));
        }
    }
    if cluster::is_wanted() {
        let capabilities = cluster::capabilities();
        for scenario in scenarios::all() {
            let lacks = scenario.needs.iter().any(|needed| !capabilities.contains(needed));
            let name = format!("cluster::{}", scenario.name);
            let trial = Trial::test(name, move || run(&scenario, Ring::on_cluster));
            trials.push(trial.with_ignored_flag(lacks));
        }
    } else {
        println!("skipping the cluster: E2E is not `cluster`");
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    cluster::clean_up();
    conclusion.exit_code()
}

/// Sets up the environment, runs a scenario and cleans up. The test runner reports a panic.
fn run<F: Future<Output = Ring>>(
    scenario: &Scenario,
    place: impl FnOnce(&'static str) -> F,
) -> Result<(), libtest_mimic::Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut ring = place(scenario.name).await;
        let outcome = AssertUnwindSafe((scenario.run)(&mut ring)).catch_unwind().await;
        // Also after a failure: leftovers would break the next scenario.
        let left = AssertUnwindSafe(ring.leave()).catch_unwind().await;
        if let Err(panic) = outcome.and(left) {
            resume_unwind(panic);
        }
    });
    Ok(())
}
