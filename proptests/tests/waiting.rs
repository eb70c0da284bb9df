//! What machines say of their waits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Debug;

use machines::identity::Timestamp;
use machines::kinds::deployment::{Deployment, Event, Facts};
use machines::machine::Machine;
use machines::waiting::{Party, Wait};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use proptests::{arbitrary, config};

/// What holds for every machine in every state.
fn is_complete(machine: &(impl Machine + Debug)) -> Result<(), TestCaseError> {
    let waits = machine.waits_for();
    let until = waits.iter().filter_map(|wait| wait.until).min();
    prop_assert_eq!(until, machine.wake_at(), "a deadline that no wait names: {:?}", machine);
    for wait in waits {
        prop_assert_eq!(wait.until.is_some(), !wait.then.is_empty(), "{:?}", wait);
        let for_a_person = wait.whom == Party::User;
        prop_assert!(!for_a_person || !wait.advice.is_empty(), "nothing to do: {:?}", wait);
        prop_assert!(!wait.message().is_empty(), "{:?}", wait);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_deployment_names_its_deadlines_and_what_a_person_can_do(machine in arbitrary::deployment()) {
        is_complete(&machine)?;
    }

    #[test]
    fn an_operation_names_its_deadlines_and_what_a_person_can_do(machine in arbitrary::operation()) {
        is_complete(&machine)?;
    }

    #[test]
    fn a_sync_run_names_its_deadlines_and_what_a_person_can_do(machine in arbitrary::sync_run()) {
        is_complete(&machine)?;
    }

    #[test]
    fn a_credential_names_its_deadlines_and_what_a_person_can_do(
        machine in arbitrary::repository_credential(),
    ) {
        is_complete(&machine)?;
    }

    #[test]
    fn an_environment_names_its_deadlines_and_what_a_person_can_do(
        machine in arbitrary::managed_environment(),
    ) {
        is_complete(&machine)?;
    }

    #[test]
    fn a_tenant_names_its_deadlines_and_what_a_person_can_do(machine in arbitrary::tenant()) {
        is_complete(&machine)?;
    }

    #[test]
    fn a_deadline_that_moves_without_a_transition_changes_no_message(
        machine in arbitrary::deployment(),
        facts in arbitrary::facts(),
    ) {
        let messages = |machine: &Deployment| -> Vec<String> {
            machine.waits_for().iter().map(Wait::message).collect()
        };
        let Some(now) = machine.wake_at() else { return Ok(()) };
        let facts = Facts { now, ..facts };
        let after = machine.clone().step(&Event::DeadlineReached, &facts).machine;
        let same = after.path() == machine.path()
            && after.error_flag == machine.error_flag
            && after.mirror == machine.mirror;
        if same {
            prop_assert_eq!(messages(&after), messages(&machine));
        }
    }

    #[test]
    fn since_is_the_moment_of_the_last_transition(
        machine in arbitrary::deployment(),
        event in arbitrary::event(),
        facts in arbitrary::facts(),
    ) {
        let (path, since) = (machine.path(), machine.since());
        let after = machine.step(&event, &facts).machine;
        let expected: Option<Timestamp> = if after.path() == path { since } else { Some(facts.now) };
        prop_assert_eq!(after.since(), expected);
    }
}
