//! In a small world everything that can happen happens, in every order, and the specification
//! holds. `proptests::model` says what that means.
//!
//! How many different situations there are is pinned. A number that moves without a reason is a
//! finding: something that was possible no longer is, or the other way round. After a change of the
//! machines, of the world's moves or of a scenario that is meant to change what is possible, look
//! at whether it grew or shrank as it should, and pin the number that the failure shows. Where
//! `MODELS_UNPINNED` is set the numbers do not count: a machine that was broken on purpose is to be
//! found by what it does.
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
