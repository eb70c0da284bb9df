//! `load`: creates deployments in a cluster and measures how they fare.
//!
//! * `plan`: what is created; `run`: creates it, waits, and deletes it if asked to;
//! * `observer`: the watches; they write into the `ledger`, which has a `mirror` for each
//!   deployment;
//! * `reporter`: stands in for Argo CD where none runs;
//! * `figures`: what the program says that it costs;
//! * `progress` while it runs, `report` (or `json`) and `percentiles` when it is done.

mod figures;
mod json;
mod ledger;
mod mirror;
mod observer;
mod percentiles;
mod plan;
mod progress;
mod report;
mod reporter;
mod run;

use std::time::Duration;

use clap::{Args, ValueEnum};

use self::figures::Sources;
use self::plan::Plan;
use self::run::Run;
use crate::cli::{ClusterArguments, Failure};

/// Most deployments of one run: what the project is meant for.
const MOST_DEPLOYMENTS: i64 = 100_000;

/// Options of `load`.
///
/// It creates namespaces and GitOpsDeployments, waits until each has an Application and is ready,
/// and prints how long that took and what it cost. What it creates stays, unless --cleanup is
/// given: a run that went badly can be looked into, and the next one can be made beside it. The
/// command that deletes it is printed.
#[derive(Clone, Debug, Args)]
pub struct Load {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// How many GitOpsDeployments to create.
    #[arg(
        long,
        env = "LOAD_DEPLOYMENTS",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=MOST_DEPLOYMENTS)
    )]
    deployments: u32,
    /// In how many new namespaces [default: 10, or one for each deployment if they are fewer].
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
    /// How many to create in a second; without it as many as the API server takes from 16
    /// connections.
    #[arg(long, env = "LOAD_RATE", value_parser = rate, conflicts_with = "one_at_a_time")]
    rate: Option<f64>,
    /// Create the next one only when the one before has come as far as is waited for.
    #[arg(long, env = "LOAD_ONE_AT_A_TIME")]
    one_at_a_time: bool,
    /// What to wait for.
    #[arg(long, env = "LOAD_UNTIL", default_value = "ready")]
    until: Until,
    /// Report on each Application in the place of Argo CD, where none runs: Synced and Healthy, in
    /// one write, as soon as it appears.
    #[arg(long, env = "LOAD_AS_ARGO_CD")]
    as_argo_cd: bool,
    /// How many seconds creating and waiting may take together; then the command ends with 3.
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

/// One in a quarter of an hour: who wants fewer creates them by hand.
const SLOWEST_RATE: f64 = 0.001;
/// More than any API server takes.
const FASTEST_RATE: f64 = 100_000.0;

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (SLOWEST_RATE..=FASTEST_RATE).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "give a number from {SLOWEST_RATE} to {FASTEST_RATE}, for example 50 or 0.5"
        )),
    }
}

impl Load {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self {
            cluster,
            deployments,
            namespaces,
            repositories,
            rate,
            one_at_a_time,
            until,
            as_argo_cd,
            within,
            rest,
            metrics,
            argo_cd_namespace,
            output,
            cleanup,
        } = self;
        let plan = Plan::new(deployments, namespaces, repositories).map_err(Failure::input)?;
        let sources = Sources::new(&metrics).map_err(Failure::input)?;
        let config = cluster.config().await?;
        let client = kube::Client::try_from(config).map_err(Failure::client)?;
        let run = Run {
            client,
            plan,
            sources,
            argocd_namespace: argo_cd_namespace,
            rate,
            one_at_a_time,
            until,
            as_argo_cd,
            within: Duration::from_secs(within),
            rest: rest.map(Duration::from_secs),
            output,
            cleanup,
        };
        run.perform(super::shutdown_on_signal()).await
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
