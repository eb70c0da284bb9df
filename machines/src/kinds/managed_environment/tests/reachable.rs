//! What holds in every state that can be reached.

use std::collections::BTreeSet;

use super::*;
use crate::kinds::managed_environment::samples::{SampleEvent, events, key};
use crate::machine::Observation;
use crate::waiting::Party;

/// More steps than any environment needs to come to rest.
const SETTLE_LIMIT: usize = 60;

/// One environment for each state that the samples lead to.
fn reachable() -> Vec<ManagedEnvironment> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![environment()];
    let mut reached = Vec::new();
    while let Some(one) = waiting.pop() {
        if !seen.insert(key(&one)) {
            continue;
        }
        let next = |(_, event, facts): &SampleEvent| one.clone().step(event, facts).machine;
        waiting.extend(events(&one).iter().map(next));
        reached.push(one);
    }
    assert!(reached.len() > 100, "only {} states", reached.len());
    reached
}

#[test]
fn the_next_deadline_is_named_by_what_is_awaited_and_a_person_is_told_what_to_do() {
    for one in reachable() {
        let waits = one.waits_for();
        let next = waits.iter().filter_map(|wait| wait.until).min();
        assert_eq!(next, one.wake_at(), "{one:?}");
        for wait in waits {
            assert_eq!(wait.until.is_some(), !wait.then.is_empty(), "{wait:?}");
            assert!(wait.whom != Party::User || !wait.advice.is_empty(), "{wait:?}");
        }
    }
}

#[test]
fn what_waits_for_machinery_has_a_deadline() {
    for one in reachable() {
        let obligations = one.obligations(ConditionStyle::Conventional);
        let is_status =
            |one: &EnvironmentObligation| matches!(one, EnvironmentObligation::StatusWritten(_));
        let waits = one.record.open.is_some() || !obligations.iter().all(is_status);
        assert!(!waits || one.wake_at().is_some(), "{one:?}");
    }
}

#[test]
fn every_state_is_persisted() {
    for one in reachable() {
        let text = serde_json::to_string(&PersistedEnvironment::from(one.clone())).unwrap();
        let read: PersistedEnvironment = serde_json::from_str(&text).unwrap();
        assert_eq!(ManagedEnvironment::from(read), one);
    }
}

#[test]
fn the_same_sighting_twice_is_like_once() {
    let is_sighting = |event: &EnvironmentEvent| ["Observed", "Absent"].contains(&event.name());
    for one in reachable() {
        let sightings = events(&one).into_iter().filter(|(_, event, _)| is_sighting(event));
        for (when, event, facts) in sightings {
            let once = one.clone().step(&event, &facts).machine;
            let Step { machine, rows, .. } = once.clone().step(&event, &facts);
            assert_eq!((machine, rows), (once, Vec::new()), "{when}");
        }
    }
}

/// What a world answers in which everything works, or when the machine wakes; `None` if it rests.
fn answer(one: &ManagedEnvironment) -> Option<(EnvironmentEvent, EnvironmentFacts)> {
    for obligation in one.obligations(ConditionStyle::Conventional) {
        let event = match obligation {
            EnvironmentObligation::OperationCreated(_) => finish(one, OperationState::Completed),
            EnvironmentObligation::ClusterChecked(inquiry) => {
                let secret = inquiry.shown.unwrap_or_else(|| Digest::new("one"));
                checked(one, secret.as_str(), accepted("told"))
            }
            EnvironmentObligation::Revoked(what) => {
                EnvironmentEvent::RevocationAttempted { what, remains: Vec::new() }
            }
            EnvironmentObligation::RemainsTold(texts) => EnvironmentEvent::RemainsTold { texts },
            EnvironmentObligation::StatusWritten(_) => continue,
        };
        return Some((event, facts()));
    }
    if one.record.open.is_some() {
        return Some((finish(one, OperationState::Completed), facts()));
    }
    let now = one.lifecycle.wake_at().or(one.delivery.wake_at()).or(one.revocation.wake_at())?;
    Some((EnvironmentEvent::DeadlineReached, EnvironmentFacts { now, ..facts() }))
}

#[test]
fn every_state_comes_to_rest_in_a_world_in_which_everything_works() {
    for start in reachable().into_iter().filter(|one| one.path() != "Unseen") {
        let mut one = start.clone().step(&EnvironmentEvent::FactsChanged, &facts()).machine;
        let mut steps = 0;
        while let Some((event, facts)) = answer(&one) {
            one = one.step(&event, &facts).machine;
            steps += 1;
            assert!(steps < SETTLE_LIMIT, "{start:?} comes to {one:?}");
        }
        let path = one.path();
        let rests = match one.record.present {
            true => ["Live/Judged/Accepted", "Live/Judged/Refused", "Live/Rejected"]
                .contains(&path.as_str()),
            false => path == "Gone",
        };
        assert!(rests, "{start:?} comes to rest in {one:?}");
        assert!(one.delivery.is_idle() && one.revocation.is_idle(), "{one:?}");
    }
}
