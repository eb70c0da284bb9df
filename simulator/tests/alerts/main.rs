//! Every alert of the chart fires by the fault that it is about, and none in an installation that is
//! well. The program runs on the virtual clock; its `/metrics` are read every thirty seconds, and
//! Prometheus' own engine evaluates the rules over what was read (testbed/rules).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod prometheus;
mod recorder;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use simulator::environment::stage::simulate;
use simulator::runs::script::Step::{self, *};

use crate::faults::SCENARIOS;
use crate::recorder::Play;

/// How long all is well before a fault.
const CALM: Duration = Duration::from_secs(20 * 60);

/// A fault, and the alert that it is to fire.
struct Scenario {
    /// The alert.
    alert: &'static str,
    /// What there is before the fault.
    before: &'static [Step],
    /// Injects the fault, and lets time pass.
    inject: fn(&mut Play) -> LocalBoxFuture<'_, ()>,
}

/// Some of everything: tenants with deployments, a credential, an environment and a sync run.
const WELL: &[Step] = &[
    CreateNamespace("team"),
    OpenedBy(faults::PRIVATE, "password"),
    CreateSecret("team/git", "password"),
    CreateCredential("team/login", faults::PRIVATE, "git"),
    ClusterOpenedBy(faults::CLUSTER, "token"),
    CreateKubeconfig("team/admin", faults::CLUSTER, "token"),
    CreateEnvironment("team/staging", faults::CLUSTER, "admin"),
    Create("team/app", "one"),
    CreateManual("team/manual", "two"),
    Run("team/run", "manual", ""),
    Settle,
];

#[test]
fn no_alert_fires_while_all_is_well() {
    let Some(prometheus) = prometheus::found() else { return };
    let scrapes = simulate(1, || async {
        let play = Play::begin(WELL, true).await?;
        for round in 0..12 {
            let path = format!("path-{round}");
            play.take(&Edit("team/app", serde_json::json!({"spec": {"source": {"path": path}}})))
                .await;
            play.pass(Duration::from_secs(15 * 60)).await;
        }
        Ok(play.scrapes())
    })
    .unwrap();
    let alerts = prometheus.evaluate(&scrapes);
    let active: Vec<_> = alerts.iter().filter(|(_, alert)| !alert.firing.is_empty()).collect();
    assert!(active.is_empty(), "{active:?}");
}

/// Plays a scenario: its alert is silent before the fault, and fires after it.
fn fires(name: &str) {
    let Some(prometheus) = prometheus::found() else { return };
    let scenario = SCENARIOS.iter().find(|one| one.alert == name).unwrap();
    let Scenario { before, inject, .. } = *scenario;
    let elects = matches!(name, "ManagedGitOpsLeaseChangesHands");
    let (scrapes, injected) = simulate(1, move || async move {
        let mut play = Play::begin(before, elects).await?;
        play.pass(CALM).await;
        let injected = play.now();
        inject(&mut play).await;
        Ok((play.scrapes(), injected))
    })
    .unwrap();
    let alerts = prometheus.evaluate(&scrapes);
    let calm = |at: &&f64| **at < injected.as_secs_f64();
    for (other, alert) in &alerts {
        let early: Vec<_> = alert.firing.iter().filter(calm).collect();
        assert!(early.is_empty(), "{other} fires before the fault: {early:?}");
    }
    let fired: Vec<&String> =
        alerts.iter().filter(|(_, alert)| !alert.firing.is_empty()).map(|(name, _)| name).collect();
    assert!(!alerts[name].firing.is_empty(), "{name} does not fire, but {fired:?}");
}

#[test]
fn every_alert_has_a_fault() {
    let played: BTreeSet<&str> = SCENARIOS.iter().map(|scenario| scenario.alert).collect();
    let rules = std::fs::read_to_string(prometheus::rules()).unwrap();
    let defined = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    assert_eq!(played, defined.collect());
}

macro_rules! tests {
    ($($test:ident: $alert:literal,)+) => {
        $(
            #[test]
            fn $test() {
                fires($alert);
            }
        )+

        #[test]
        fn every_fault_is_injected() {
            let names = BTreeSet::from([$($alert),+]);
            let defined = SCENARIOS.iter().map(|scenario| scenario.alert);
            assert_eq!(names, defined.collect());
        }
    };
}

tests! {
    a_program_that_is_down: "ManagedGitOpsDown",
    no_leader: "ManagedGitOpsNoLeader",
    leaders_that_die: "ManagedGitOpsLeaseChangesHands",
    a_database_that_refuses: "ManagedGitOpsNotCommitting",
    a_database_that_refuses_now_and_then: "ManagedGitOpsCommitsFail",
    a_machine_that_cannot_be_written: "ManagedGitOpsMachinesSetAside",
    a_silent_watch: "ManagedGitOpsWatchSilent",
    a_kind_that_cannot_be_listed: "ManagedGitOpsWatchIncomplete",
    an_agent_that_commits_nothing: "ManagedGitOpsOperationsOld",
    applications_that_cannot_be_written: "ManagedGitOpsDeploymentsStuck",
    a_deletion_that_never_ends: "ManagedGitOpsDeletionsStuck",
    deployments_that_fail: "ManagedGitOpsDeploymentsFailing",
    a_slow_api_server: "ManagedGitOpsQueueGrows",
    statuses_that_are_refused: "ManagedGitOpsWritesFail",
    a_database_that_cannot_be_compared: "ManagedGitOpsRescanOverdue",
    unreachable_servers: "ManagedGitOpsServersUnreachable",
    lost_sealing_keys: "ManagedGitOpsSealingKeysMissing",
}
