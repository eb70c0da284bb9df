//! Properties of the managed environment machine: for every state that its types permit, and for every
//! state that it reaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod small;

use machines::Handling;
use machines::identity::{Digest, Generation, OperationId, Revision, Timestamp};
use machines::kinds::managed_environment::lifecycle::EnvironmentState;
use machines::kinds::managed_environment::rows::EnvironmentKey;
use machines::kinds::managed_environment::spec::{EnvironmentSpec, problem};
use machines::kinds::managed_environment::status::CONNECTION_INITIALIZATION_SUCCEEDED;
use machines::kinds::managed_environment::verdict::Verdict;
use machines::kinds::managed_environment::{
    Checked, ClusterCredentialsId, EnvironmentEvent, EnvironmentFacts, EnvironmentObligation,
    EnvironmentSnapshot, Inquiry, Installation, ManagedEnvironment, PersistedEnvironment,
    Revocable, Usage,
};
use machines::kinds::tenant::TenantFact;
use machines::machine::Machine;
use machines::rows::{
    EnvironmentRow, EnvironmentRows, OperationRow, OperationState, Requester, RowChange, Target,
};
use machines::shared::condition::{Condition, ConditionStyle, READY, STALLED};
use machines::shared::mirror::Mirror;
use proptest::prelude::*;
use proptests::{arbitrary, config};

/// The states in which something else than a person, the cluster or the delivery is awaited.
const WAITS_FOR_MACHINERY: [&str; 4] = [
    "Live/Checking",
    "Live/Awaiting/AwaitingEngine",
    "Live/Awaiting/AwaitingTenant",
    "Leaving/Draining",
];

fn restarted(machine: ManagedEnvironment) -> ManagedEnvironment {
    let text = serde_json::to_string(&PersistedEnvironment::from(machine)).unwrap();
    serde_json::from_str::<PersistedEnvironment>(&text).unwrap().into()
}

fn put(rows: &[RowChange]) -> Option<&EnvironmentRow> {
    rows.iter().find_map(|row| match row {
        RowChange::Environment(EnvironmentRows::Put(row)) => Some(&**row),
        _ => None,
    })
}

/// The conditions that the status of a machine should have.
fn conditions(machine: &ManagedEnvironment, style: ConditionStyle) -> Vec<Condition> {
    let dirty = ManagedEnvironment { mirror: Mirror::Dirty {}, ..machine.clone() };
    let obligations = dirty.obligations(style).into_iter();
    let mut written = obligations.filter_map(|one| match one {
        EnvironmentObligation::StatusWritten(view) => Some(view.conditions),
        _ => None,
    });
    written.next_back().unwrap()
}

/// What the machine requires of its cluster: a check, and a revocation.
fn required(machine: &ManagedEnvironment) -> (Option<Inquiry>, Option<Revocable>) {
    let (mut inquiry, mut revocable) = (None, None);
    for obligation in machine.obligations(ConditionStyle::Conventional) {
        match obligation {
            EnvironmentObligation::ClusterChecked(one) => inquiry = Some(*one),
            EnvironmentObligation::Revoked(one) => revocable = Some(*one),
            _ => {}
        }
    }
    (inquiry, revocable)
}

/// The event as it would be for an older generation, at an older revision, or of another operation;
/// `None` if nothing is older, or if an event has no age.
fn made_stale(
    machine: &ManagedEnvironment,
    event: EnvironmentEvent,
    by_generation: bool,
) -> Option<EnvironmentEvent> {
    let record = &machine.record;
    let earlier = record.last_seen.0.checked_sub(1).map(Revision);
    match event {
        EnvironmentEvent::Observed(mut snapshot) if by_generation => {
            snapshot.generation = Generation(record.generation.0.checked_sub(1)?);
            Some(EnvironmentEvent::Observed(snapshot))
        }
        EnvironmentEvent::Observed(mut snapshot) => {
            snapshot.revision = earlier?;
            Some(EnvironmentEvent::Observed(snapshot))
        }
        EnvironmentEvent::Absent { .. } => Some(EnvironmentEvent::Absent { as_of: earlier? }),
        EnvironmentEvent::OperationObserved { state, .. } => {
            let id = OperationId::new("finished long ago");
            Some(EnvironmentEvent::OperationObserved { id, state })
        }
        EnvironmentEvent::Checked { shown, mut found } if by_generation => {
            found.spec = EnvironmentSpec { secret: "edited since".to_owned(), ..found.spec };
            Some(EnvironmentEvent::Checked { shown, found })
        }
        EnvironmentEvent::Checked { mut found, .. } => {
            found.spec = record.spec.clone();
            let shown = Some(Digest::new("rotated since"));
            Some(EnvironmentEvent::Checked { shown, found })
        }
        EnvironmentEvent::RevocationAttempted { mut what, remains } => {
            what.api_url = "https://moved.example.com".to_owned();
            Some(EnvironmentEvent::RevocationAttempted { what, remains })
        }
        EnvironmentEvent::RemainsTold { .. } => {
            let texts = vec!["told before".to_owned()];
            Some(EnvironmentEvent::RemainsTold { texts })
        }
        EnvironmentEvent::SecretDiffers
        | EnvironmentEvent::FactsChanged
        | EnvironmentEvent::DeadlineReached => None,
    }
}

/// What is found of what the machine asks, or asks again.
fn fitting_check(machine: &ManagedEnvironment, found: Checked) -> EnvironmentEvent {
    let record = &machine.record;
    let inquiry = required(machine).0.or_else(|| machine.repeated_inquiry());
    let round = inquiry.and_then(|inquiry| {
        let stored = inquiry.stored.map(|(_, round)| round);
        stored.or(inquiry.account.map(|account| account.round))
    });
    // An account is made with the Secret that is shown, or there is no answer.
    let is_of_shown = !record.spec.creates_account || found.secret == record.shown;
    let secret = found.secret.filter(|_| is_of_shown);
    // Without a Secret, or without an account that is asked for, nothing is accepted.
    let round = round.filter(|_| secret.is_some());
    let is_possible = secret.is_some() && (!record.spec.creates_account || round.is_some());
    let verdict = match found.verdict {
        Verdict::Accepted { .. } if !is_possible => Verdict::SecretMissing {},
        verdict => verdict,
    };
    let found = Checked { spec: record.spec.clone(), secret, round, verdict };
    EnvironmentEvent::Checked { shown: record.shown.clone(), found: Box::new(found) }
}

/// The event as it is if it is about what the machine waits for.
fn fitting(machine: &ManagedEnvironment, event: EnvironmentEvent) -> EnvironmentEvent {
    match event {
        EnvironmentEvent::Checked { found, .. } => fitting_check(machine, *found),
        EnvironmentEvent::RevocationAttempted { what, remains } => {
            let what = required(machine).1.map_or(what, Box::new);
            EnvironmentEvent::RevocationAttempted { what, remains }
        }
        EnvironmentEvent::RemainsTold { .. } => {
            EnvironmentEvent::RemainsTold { texts: machine.record.remains.clone() }
        }
        other => other,
    }
}

/// The facts as they usually are: there are keys, and the tenant has its rows.
fn usual(facts: EnvironmentFacts) -> EnvironmentFacts {
    let tenant = arbitrary::usual_tenant();
    let instance = Some(tenant.instance.clone());
    let tenant = TenantFact::Active(tenant);
    let is_row_empty = false;
    EnvironmentFacts { has_keys: true, existing: None, is_row_empty, tenant, instance, ..facts }
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn every_event_has_a_defined_result_in_every_state(
        machine in arbitrary::managed_environment(),
        event in arbitrary::environment_event(),
        facts in arbitrary::environment_facts(),
    ) {
        let step = machine.step(&event, &facts);
        prop_assert_ne!(step.handling, Handling::Unhandled);
        prop_assert_eq!(restarted(step.machine.clone()), step.machine.clone());
        let _ = (step.machine.path(), step.machine.wake_at(), step.machine.is_overdue(facts.now));
        let _ = (step.machine.obligations(facts.conditions), step.machine.may_adopt());
        let _ = (step.machine.fact(), step.machine.used_fact(), step.machine.repeated_inquiry());
    }

    #[test]
    fn a_stale_observation_changes_nothing_in_any_state(
        machine in arbitrary::managed_environment()
            .prop_filter("seen", |one| one.path() != "Unseen"),
        event in arbitrary::environment_event(),
        by_generation in any::<bool>(),
        facts in arbitrary::environment_facts(),
    ) {
        // What a reachable machine has always done: what follows of the states of its regions.
        let nothing = EnvironmentEvent::OperationObserved { id: OperationId::new("none"), state: None };
        let mut machine = machine;
        for _ in 0..4 {
            machine = machine.step(&nothing, &facts).machine;
        }
        prop_assume!(machine.path() != "Unseen");
        let Some(stale) = made_stale(&machine, event, by_generation) else { return Ok(()) };
        let step = machine.clone().step(&stale, &facts);
        prop_assert_eq!(step.machine.lifecycle, machine.lifecycle);
        prop_assert_eq!(step.machine.delivery, machine.delivery);
        prop_assert_eq!(step.machine.revocation, machine.revocation);
        prop_assert_eq!(step.machine.record, machine.record);
        prop_assert_eq!(step.rows, vec![]);
    }

    #[test]
    fn nothing_is_written_but_what_this_step_was_shown_to_be_accepted(
        machine in arbitrary::managed_environment(),
        event in arbitrary::environment_event(),
        facts in arbitrary::environment_facts(),
    ) {
        let (event, facts) = (fitting(&machine, event), usual(facts));
        let spec = machine.record.spec.clone();
        let step = machine.step(&event, &facts);
        let Some(row) = put(&step.rows) else { return Ok(()) };
        // Whoever writes the row has the token at hand only then.
        let EnvironmentEvent::Checked { found: checked, .. } = event else {
            panic!("{row:?} by {event:?}")
        };
        prop_assert_eq!(&checked.verdict, &Verdict::Accepted { told: row.told.clone() });
        prop_assert_eq!((&checked.spec, &row.spec), (&spec, &spec));
        prop_assert_eq!(checked.round.is_some(), spec.creates_account);
        prop_assert!(matches!(&facts.tenant, TenantFact::Active(rows) if rows.user == row.key.user));
    }

    #[test]
    fn without_keys_nothing_new_is_written_and_what_is_removed_still_goes(
        machine in arbitrary::managed_environment(),
        event in arbitrary::environment_event(),
        facts in arbitrary::environment_facts(),
    ) {
        let facts = EnvironmentFacts { has_keys: false, ..usual(facts) };
        let event = fitting(&machine, event);
        let was_live = machine.path().starts_with("Live");
        let is_looked_at = matches!(event, EnvironmentEvent::FactsChanged);
        let step = machine.step(&event, &facts);
        if was_live && is_looked_at {
            prop_assert_eq!(step.machine.path(), "Live/AwaitingKeys");
        }
        prop_assert!(put(&step.rows).is_none());
        if step.machine.path() == "Live/AwaitingKeys" {
            let ready = conditions(&step.machine, ConditionStyle::Conventional);
            prop_assert!(ready.iter().any(|one| one.type_ == STALLED && one.status == "True"));
        }
    }

    #[test]
    fn there_is_never_a_second_open_operation_and_an_open_one_is_not_forgotten(
        machine in arbitrary::managed_environment(),
        event in arbitrary::environment_event(),
        facts in arbitrary::environment_facts(),
    ) {
        let before = machine.record.open.clone().map(|open| open.id);
        let step = machine.step(&event, &facts);
        let requested: Vec<_> = step
            .rows
            .iter()
            .filter_map(|row| match row {
                RowChange::RequestOperation(row) => Some(row.id.clone()),
                _ => None,
            })
            .collect();
        prop_assert!(requested.len() <= 1);
        let open = step.machine.record.open.map(|open| open.id);
        match (before, requested.first()) {
            (_, Some(new)) => prop_assert_eq!(open.as_ref(), Some(new)),
            (Some(before), None) => {
                let ended = matches!(
                    &event, EnvironmentEvent::OperationObserved { id, .. } if *id == before
                );
                prop_assert!(ended || open == Some(before));
            }
            (None, None) => prop_assert_eq!(open, None),
        }
    }

    #[test]
    fn compatibility_5_there_is_exactly_one_legacy_condition_once_there_is_something_to_say(
        machine in arbitrary::managed_environment(),
    ) {
        let legacy = conditions(&machine, ConditionStyle::Legacy);
        prop_assert!(legacy.len() <= 1);
        if machine.record.checked.is_some() && !matches!(machine.lifecycle, EnvironmentState::Rejected {}) {
            prop_assert_eq!(legacy.len(), 1);
        }
        let is_one = |one: &Condition| {
            one.type_ == CONNECTION_INITIALIZATION_SUCCEEDED && one.observed_generation.is_none()
        };
        prop_assert!(legacy.iter().all(is_one));
        let conventional = conditions(&machine, ConditionStyle::Conventional);
        prop_assert_eq!(conventional.len(), legacy.len() + 3);
        prop_assert!(legacy.iter().all(|one| conventional.contains(one)));
    }

    #[test]
    fn a_state_that_waits_for_machinery_has_a_deadline_and_others_have_none(
        machine in arbitrary::managed_environment(),
    ) {
        let machine = ManagedEnvironment { mirror: Mirror::Clean {}, ..machine };
        let waits = WAITS_FOR_MACHINERY.contains(&machine.path().as_str());
        let is_idle = machine.delivery.is_idle() && machine.revocation.is_idle();
        prop_assert_eq!(machine.wake_at().is_some(), waits || !is_idle, "{:?}", machine);
    }

    #[test]
    fn gaps_16_what_an_earlier_installation_left_of_an_object_that_is_gone_is_removed(
        facts in arbitrary::environment_facts(),
        as_of in any::<u64>().prop_map(Revision),
        is_seen_again in any::<bool>(),
    ) {
        let facts = EnvironmentFacts { usage: Usage::default(), ..facts };
        let step = arbitrary::new_environment().step(&EnvironmentEvent::Absent { as_of }, &facts);
        let Some(existing) = facts.existing.clone() else {
            prop_assert!(step.machine.is_gone());
            prop_assert_eq!(step.rows, vec![]);
            return Ok(());
        };
        prop_assert_eq!(step.machine.path(), "Leaving/Removing");
        let uid = step.machine.record.uid.clone();
        // A later machine of the object is born later, and must not ask under the same id.
        let id = OperationId::of(existing.id.as_str(), facts.now, 1);
        let (row, user) = (existing.id.clone(), existing.user.clone());
        let removal = EnvironmentKey { id: row, uid: uid.clone(), user };
        let request = OperationRow {
            id: id.clone(),
            target: Target::Environment(existing.id),
            requester: Requester::Environment(uid),
            owner: existing.user,
            instance: existing.instance,
        };
        prop_assert_eq!(step.rows, vec![
            RowChange::Environment(EnvironmentRows::Remove(Box::new(removal))),
            RowChange::RequestOperation(request),
        ]);
        let mut machine = restarted(step.machine);
        if is_seen_again {
            // A list from before the object was deleted does not bring it back.
            let Some(revision) = as_of.0.checked_sub(1).map(Revision) else { return Ok(()) };
            let seen = EnvironmentSnapshot { revision, ..EnvironmentSnapshot::default() };
            machine = machine.step(&EnvironmentEvent::Observed(Box::new(seen)), &facts).machine;
        }
        let state = Some(OperationState::Completed);
        let done = machine.step(&EnvironmentEvent::OperationObserved { id, state }, &facts);
        prop_assert!(done.machine.is_gone());
        let forgotten = EnvironmentRows::Forget(existing.credentials);
        prop_assert_eq!(done.rows, vec![RowChange::Environment(forgotten)]);
    }
}
