//! Creates deployments, environments for them, and sync runs of them, in a cluster and measures how
//! they fare.
//!
//! * `plan`: what is created; `run`: creates it, waits, and deletes it if asked to;
//! * `provision`: creates the environments, with accounts that open the `target` that they name;
//! * `observer`: the watches; they write into the `ledger`, which has a `mirror` for each
//!   deployment, the `environments` and the `sync_runs`;
//! * `reporter`: stands in for Argo CD if none is running;
//! * `figures`: what the program says it costs;
//! * `progress` while it runs, `report` (or `json`) and `percentiles` when it is done;
//! * `error`: why it did not do what it should.

#![warn(missing_docs)]

mod environments;
mod error;
mod figures;
mod json;
mod ledger;
mod mirror;
mod observer;
mod percentiles;
mod plan;
mod progress;
mod provision;
mod report;
mod reporter;
mod run;
mod sync_runs;
mod target;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::figures::Sources;
use crate::plan::Plan;
use crate::run::Run;
use crate::target::Target;

pub use crate::error::Error;

/// Most deployments of one run: what the project is meant for.
const MOST_DEPLOYMENTS: i64 = 100_000;

/// Options of a run.
///
/// A run creates namespaces and GitOpsDeployments, waits until each has an Application and is ready,
/// and prints how long that took and what it cost; before them, if asked to,
/// GitOpsDeploymentManagedEnvironments that they deploy to, and after them GitOpsDeploymentSyncRuns of
/// them. What it creates stays, unless --cleanup is given: a run that went badly can be looked
/// into, and the next one can be made beside it. The command that deletes it is printed.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// How many GitOpsDeployments to create.
    #[arg(
        long,
        env = "LOAD_DEPLOYMENTS",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=MOST_DEPLOYMENTS)
    )]
    deployments: u32,
    /// In how many new namespaces [default: 10, or as many fewer as the numbers of deployments and
    /// environments require].
    #[arg(
        long,
        env = "LOAD_NAMESPACES",
        value_parser = clap::value_parser!(u32).range(1..=MOST_DEPLOYMENTS)
    )]
    namespaces: Option<u32>,
    /// Over how many repositories the deployments of each namespace are spread. One is a repository
    /// that Argo CD can read; more than one do not exist, and serve where no Argo CD reads them.
    #[arg(
        long,
        env = "LOAD_REPOSITORIES",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=MOST_DEPLOYMENTS)
    )]
    repositories: u32,
    /// How many GitOpsDeploymentManagedEnvironments to create in all, and to wait for until they are
    /// ready, before the deployments, which are spread evenly over those of their namespaces: a
    /// multiple of the namespaces, and at most one for each deployment. They name this cluster, with
    /// tokens that may get the namespace and nothing else and expire after a day: enough where no Argo
    /// CD deploys with them.
    #[arg(
        long,
        env = "LOAD_ENVIRONMENTS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=MOST_DEPLOYMENTS)
    )]
    environments: u32,
    /// Path of a kubeconfig whose current context the environments name, with its token, in the place
    /// of this cluster; the token has to list namespaces. Needs --environments.
    #[arg(long, env = "LOAD_ENVIRONMENT_KUBECONFIG", value_name = "FILE")]
    environment_kubeconfig: Option<PathBuf>,
    /// How many GitOpsDeploymentSyncRuns to create once that is done, taking turns with the
    /// deployments, which are manual then.
    #[arg(
        long,
        env = "LOAD_SYNC_RUNS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=MOST_DEPLOYMENTS)
    )]
    sync_runs: u32,
    /// How many of each to create in a second; without it as many as the API server takes from 16
    /// connections.
    #[arg(long, env = "LOAD_RATE", value_parser = rate, conflicts_with = "one_at_a_time")]
    rate: Option<f64>,
    /// Create the next one only when the one before has come as far as is waited for; after an
    /// environment, when it is ready, and after a sync run, when it has ended.
    #[arg(long, env = "LOAD_ONE_AT_A_TIME")]
    one_at_a_time: bool,
    /// What to wait for.
    #[arg(long, env = "LOAD_UNTIL", default_value = "ready")]
    until: Until,
    /// Report on each Application in the place of Argo CD, where none runs: Synced and Healthy, in
    /// one write, as soon as it appears, and the success of each sync as soon as it is requested.
    #[arg(long, env = "LOAD_AS_ARGO_CD")]
    as_argo_cd: bool,
    /// How many seconds creating and waiting may take together, for the environments, for the
    /// deployments and for the sync runs; then the command ends with 3.
    #[arg(
        long,
        env = "LOAD_WITHIN",
        default_value_t = 600,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    within: u64,
    /// After that, watch the counters of the program at rest for so many seconds; needs --metrics.
    #[arg(
        long,
        env = "LOAD_REST",
        requires = "metrics",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    rest: Option<u64>,
    /// URL of the program's /metrics, for what each deployment costs; one for each process, with
    /// commas between them.
    #[arg(long, env = "METRICS_URL", value_delimiter = ',')]
    metrics: Vec<String>,
    /// Namespace of Argo CD, in which the Applications appear.
    #[arg(long, env = "ARGO_CD_NAMESPACE", default_value = crds::names::DEFAULT_ARGO_CD_NAMESPACE)]
    argo_cd_namespace: String,
    /// How to print the results.
    #[arg(long, env = "LOAD_OUTPUT", default_value = "text")]
    output: Output,
    /// Delete what was created, and wait until it has gone.
    #[arg(long, env = "LOAD_CLEANUP")]
    cleanup: bool,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    /// Every deployment is ready.
    Ready,
    /// Every deployment has an Application: where no Argo CD runs.
    Applications,
}

/// How to print the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table, for people.
    Text,
    /// For programs.
    Json,
}

/// One per quarter of an hour: anything slower can be created manually.
const SLOWEST_RATE: f64 = 0.001;
/// More than any API server can take.
const FASTEST_RATE: f64 = 100_000.0;

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (SLOWEST_RATE..=FASTEST_RATE).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "give a number from {SLOWEST_RATE} to {FASTEST_RATE}, for example 50 or 0.5"
        )),
    }
}

impl Options {
    /// Checks what can be checked without a cluster.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if the options do not go together, or what they name is unfit.
    pub fn prepare(self) -> Result<Prepared, Error> {
        let Self { deployments, namespaces, repositories, environments, .. } = self;
        let plan = Plan::new(deployments, namespaces, repositories, environments);
        let plan = Plan { sync_runs: self.sync_runs, ..plan.map_err(Error::input)? };
        let sources = Sources::new(&self.metrics).map_err(Error::input)?;
        let target = match &self.environment_kubeconfig {
            Some(_) if environments == 0 => {
                return Err(Error::Input(anyhow!(
                    "without environments no cluster is named; give --environments, or leave out \
                     --environment-kubeconfig"
                )));
            }
            path => path.as_deref().map(other_target).transpose()?,
        };
        Ok(Prepared { options: self, plan, sources, target })
    }
}

/// The cluster that a kubeconfig names.
fn other_target(path: &Path) -> Result<Target, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::Input(anyhow!(
            "{} cannot be read: {error}; name another file with --environment-kubeconfig",
            path.display()
        ))
    })?;
    Target::other(text)
}

/// A run that only needs a cluster.
pub struct Prepared {
    options: Options,
    plan: Plan,
    sources: Sources,
    /// The cluster that environments name, if it is another one.
    target: Option<Target>,
}

impl Prepared {
    /// Has environments name the cluster of this configuration, unless another one was named.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if they cannot name it.
    pub fn on(self, config: &kube::Config) -> Result<Self, Error> {
        if self.plan.environments == 0 || self.target.is_some() {
            return Ok(self);
        }
        Ok(Self { target: Some(Target::own(config)?), ..self })
    }

    /// Creates, waits, measures and prints the results on standard output; on standard error, its
    /// progress and what it leaves behind.
    ///
    /// # Errors
    ///
    /// If the cluster is unsuitable, something fails or does not happen in time, or the run is
    /// interrupted.
    pub fn run(
        self,
        client: kube::Client,
        interrupt: CancellationToken,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let Self { options, plan, sources, target } = self;
        let run = Run {
            client,
            plan,
            sources,
            target,
            argocd_namespace: options.argo_cd_namespace,
            rate: options.rate,
            one_at_a_time: options.one_at_a_time,
            until: options.until,
            as_argo_cd: options.as_argo_cd,
            within: Duration::from_secs(options.within),
            rest: options.rest.map(Duration::from_secs),
            output: options.output,
            cleanup: options.cleanup,
        };
        Box::pin(run.perform(interrupt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_that_can_be_kept() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "1e-20", "1e300", "NaN", "inf", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
