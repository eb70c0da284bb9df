//! The end-to-end ring: what users do, against a sandbox, and against a real cluster with Argo CD.
//!
//! Each scenario sees nothing but the Kubernetes API and says which capabilities it needs. It runs
//! in a sandbox of its own, and, where `E2E=cluster` is set, in a namespace of its own on the
//! cluster of `KUBECONFIG`, with the program on a fresh database of `DATABASE_URL`, and a repository
//! of its own in `E2E_GIT_FOLDER`, whose bare repositories Argo CD reads at `E2E_GIT_URL`. Parts of
//! the cluster are killed only where `TESTBED_DIR` says that it is a testbed. `testbed/up` prints
//! all of these.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, reason = "the modules are those of a program, not of a library")]

mod cluster;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../process/mod.rs"]
mod process;
mod repository;
mod ring;
mod scenarios;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::process::ExitCode;

use futures::FutureExt;
use libtest_mimic::{Arguments, Trial};

use ring::{Capability, Ring};

/// What is run.
pub struct Scenario {
    /// Its name, as a sentence.
    pub name: &'static str,
    /// What it needs of the place where it runs.
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
        println!("not run on a cluster: E2E is not `cluster`");
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    cluster::clean_up();
    conclusion.exit_code()
}

/// Runs a scenario in a place that is made for it, and leaves the place as it was found. A panic
/// is the test runner's to report.
fn run<F: Future<Output = Ring>>(
    scenario: &Scenario,
    place: impl FnOnce(&'static str) -> F,
) -> Result<(), libtest_mimic::Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut ring = place(scenario.name).await;
        let outcome = AssertUnwindSafe((scenario.run)(&mut ring)).catch_unwind().await;
        // Also after a failure: what it leaves would be in the way of the next.
        let left = AssertUnwindSafe(ring.leave()).catch_unwind().await;
        if let Err(panic) = outcome.and(left) {
            resume_unwind(panic);
        }
    });
    Ok(())
}
