//! In a small world everything possible happens, in every order, and the specification holds.
//! `proptests::model` explains what that means.
//!
//! The number of distinct situations is pinned. A number that changes without a reason is a
//! finding: something that was possible no longer is, or vice versa. After an intended change of
//! the machines, of the world's moves or of a scenario, check that it grew or shrank as expected,
//! and pin the number that the failure shows. If `MODELS_UNPINNED` is set the numbers do not count:
//! a machine broken on purpose must be found by its behaviour.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use proptests::model::{Scenario, explore};

fn check(scenario: Scenario, unique_states: usize) {
    let (name, begin) = (scenario.name, Instant::now());
    let found = explore(scenario);
    println!("{name}: {found}, {:.1} s", begin.elapsed().as_secs_f64());
    assert!(found.failures.is_empty(), "{name}:\n{}", found.failures.join("\n"));
    assert_eq!(found.unseen, [""; 0], "{name}: this never happens, so nothing is said of it");
    if std::env::var_os("MODELS_UNPINNED").is_some() {
        return;
    }
    assert_eq!(found.unique_states, unique_states, "{name}: other things are possible now");
}

#[test]
fn one_deployment_keeps_the_specification_through_every_fault() {
    check(Scenario::one_deployment(), 44_568);
}

#[test]
fn a_deployment_and_its_recreation_keep_the_specification() {
    check(Scenario::a_deployment_and_its_recreation(), 24_882);
}

#[test]
fn two_deployments_sharing_a_repository_url_keep_the_specification() {
    check(Scenario::two_deployments_sharing_a_repository_url(), 14_636);
}

#[test]
fn a_manual_deployment_and_two_sync_runs_keep_the_specification() {
    check(Scenario::a_manual_deployment_and_two_sync_runs(), 47_341);
}

#[test]
fn a_repository_credential_keeps_the_specification() {
    check(Scenario::a_repository_credential(), 52_088);
}

#[test]
fn a_shared_private_repository_keeps_the_specification() {
    check(Scenario::a_shared_private_repository(), 25_252);
}

#[test]
fn a_managed_environment_keeps_the_specification() {
    check(Scenario::a_managed_environment(), 6_240);
}
