//! Properties of the deployment machine: for every state that its types permit, and for every state
//! that it reaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use machines::Handling;
use machines::identity::{DeploymentUid, Digest, Generation, OperationId, Revision};
use machines::kinds::deployment::conditions::{ConditionStyle, READY};
use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::kinds::deployment::{
    Deployment, Event, MirroredCondition, Namesake, Obligation, Report,
};
use machines::machine::Machine;
use machines::rows::{OperationState, RowChange};
use machines::shared::mirror::Mirror;
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::walk::{Input, Moment, Walk, input, persist, resume};
use proptests::{arbitrary, config};

const WAITS_FOR_MACHINERY: [&str; 8] = [
    "Live/Awaiting/AwaitingTenant",
    "Live/Awaiting/AwaitingEngine",
    "Live/Awaiting/AwaitingPredecessor",
    "Live/Dispatching",
    "Live/BackingOff",
    "Terminating/Removing",
    "Terminating/RemovalBackingOff",
    "Terminating/Finalizing",
];

fn walk(inputs: usize) -> impl Strategy<Value = Walk> {
    (0..4_u8, any::<bool>(), vec(input(), 0..inputs))
        .prop_map(|(path, finalizer, inputs)| Walk::along(path, finalizer, &inputs))
}

fn obligations(machine: &Deployment) -> Vec<Obligation> {
    machine.obligations(ConditionStyle::Conventional)
}

fn is_holding(machine: &Deployment) -> bool {
    matches!(machine.mirror, Mirror::Holding { .. })
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn every_event_has_a_defined_result_in_every_state(
        machine in arbitrary::deployment(),
        event in arbitrary::event(),
        facts in arbitrary::facts(),
    ) {
        let step = machine.step(&event, &facts);
        prop_assert_ne!(step.handling, Handling::Unhandled);
        prop_assert_eq!(resume(&persist(step.machine.clone())), step.machine.clone());
        let _ = (step.machine.path(), step.machine.wake_at());
        let _ = step.machine.obligations(facts.conditions);
    }

    #[test]
    fn a_stale_observation_changes_nothing_in_any_state(
        machine in arbitrary::deployment().prop_filter("seen", |one| one.path() != "Unseen"),
        event in arbitrary::event(),
        by_generation in any::<bool>(),
        facts in arbitrary::facts(),
    ) {
        let Some(stale) = made_stale(&machine, event, by_generation) else { return Ok(()) };
        let before = machine.clone();
        let step = machine.step(&stale, &facts);
        prop_assert_eq!(step.machine.lifecycle, before.lifecycle);
        prop_assert_eq!(step.machine.record, before.record);
        prop_assert_eq!(step.machine.error_flag, before.error_flag);
        prop_assert_eq!(step.rows, vec![]);
    }

    /// Whichever was seen first: revisions mean nothing after an etcd was restored.
    #[test]
    fn no_deployment_takes_a_name_that_another_one_holds(
        machine in arbitrary::deployment(),
        event in arbitrary::event(),
        mut facts in arbitrary::facts(),
        first_seen in any::<u64>(),
    ) {
        let machine = Deployment { lifecycle: Lifecycle::Unseen {}, ..machine };
        let holder = DeploymentUid::new("holder");
        facts.namesakes.push(Namesake {
            uid: holder,
            first_seen: Revision(first_seen),
            waits: false,
        });
        let step = machine.step(&event, &facts);
        let puts = |row: &RowChange| matches!(row, RowChange::PutApplication(_));
        prop_assert!(!step.rows.iter().any(puts), "{}", step.machine.path());
    }
}

/// The event as it would be for an older generation, at an older revision, or for an operation that
/// is not the open one; `None` if nothing is older, or if an event has no age.
fn made_stale(machine: &Deployment, event: Event, by_generation: bool) -> Option<Event> {
    let record = &machine.record;
    let earlier = record.last_seen.0.checked_sub(1).map(Revision);
    match event {
        Event::Observed(mut snapshot) if by_generation => {
            snapshot.generation = Generation(record.generation.0.checked_sub(1)?);
            Some(Event::Observed(snapshot))
        }
        Event::Observed(mut snapshot) => {
            snapshot.revision = earlier?;
            Some(Event::Observed(snapshot))
        }
        Event::Absent { .. } => Some(Event::Absent { as_of: earlier? }),
        Event::OperationObserved { state, .. } => {
            Some(Event::OperationObserved { id: OperationId::new("finished long ago"), state })
        }
        Event::Reported(_)
        | Event::RemovalReported(_)
        | Event::StatusTooLarge { .. }
        | Event::ApplicationDiffers
        | Event::FactsChanged
        | Event::DeadlineReached => None,
    }
}

fn is_stale(machine: &Deployment, event: &Event) -> bool {
    let record = &machine.record;
    match event {
        Event::Observed(snapshot) => {
            snapshot.generation < record.generation || snapshot.revision < record.last_seen
        }
        Event::Absent { as_of } => *as_of < record.last_seen,
        _ => false,
    }
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn a_stale_observation_changes_nothing_on_any_walk(
        mut walk in walk(40),
        back in any::<u8>(),
    ) {
        // The machine checks its current surroundings before the stale event arrives.
        walk.tell(Event::FactsChanged);
        let before = walk.machine().clone();
        prop_assume!(before.path() != "Unseen");
        walk.take(&Input::Stale(back));
        walk.take(&Input::StaleAbsent);
        let news = walk.moments.iter().rev().take(2).filter(|one| is_stale(&before, &one.event));
        for moment in news.cloned().collect::<Vec<Moment>>() {
            prop_assert_eq!(&moment.rows, &vec![]);
            prop_assert_eq!(moment.before, moment.after);
        }
    }

    #[test]
    fn a_repeated_observation_changes_nothing(walk in walk(40)) {
        for moment in &walk.moments {
            let again = moment.after.clone().step(&moment.event, &moment.facts);
            prop_assert_eq!(&again.machine, &moment.after, "{:?}", moment.event);
            prop_assert_eq!(&again.rows, &vec![], "{:?}", moment.event);
        }
    }

    #[test]
    fn a_state_that_waits_for_machinery_has_a_deadline_and_an_obligation(walk in walk(40)) {
        for Moment { after, .. } in &walk.moments {
            let path = after.path();
            let obligations = obligations(after);
            if WAITS_FOR_MACHINERY.contains(&path.as_str()) || is_holding(after) {
                prop_assert!(after.wake_at().is_some(), "{path} has no deadline");
            }
            let open = after.record.open.as_ref();
            match path.as_str() {
                "Live/Dispatching" | "Terminating/Removing" => {
                    prop_assert!(open.is_some(), "{path} waits for no operation");
                }
                "Terminating/Finalizing" => {
                    prop_assert!(obligations.contains(&Obligation::FinalizerRemoved));
                }
                _ => {}
            }
            if let Some(open) = open {
                let created = Obligation::OperationCreated(open.id.clone());
                prop_assert_eq!(obligations.contains(&created), !open.claimed, "{}", path);
            }
            let dirty = matches!(after.mirror, Mirror::Dirty {});
            let writes = obligations.iter().any(|one| matches!(one, Obligation::StatusWritten(_)));
            prop_assert_eq!(dirty, writes);
        }
    }

    #[test]
    fn a_deadline_that_fired_is_cleared(walk in walk(40)) {
        for moment in walk.moments.iter().filter(|one| one.event == Event::DeadlineReached) {
            if let Some(next) = moment.after.wake_at() {
                prop_assert!(next > moment.facts.now, "{} would spin", moment.after.path());
            }
        }
    }

    #[test]
    fn a_state_that_waits_for_a_person_waits_for_nothing_else(walk in walk(40)) {
        for Moment { after, .. } in &walk.moments {
            let waits = match after.path().as_str() {
                "Live/Rejected" | "Live/Settled" => after.record.open.is_none(),
                "Gone" => true,
                _ => false,
            };
            if waits {
                prop_assert!(after.wake_at().is_none() || is_holding(after), "{:?}", after.lifecycle);
                for one in obligations(after) {
                    prop_assert!(matches!(one, Obligation::StatusWritten(_)), "{one:?}");
                }
            }
        }
    }

    #[test]
    fn there_is_at_most_one_open_operation_and_no_id_is_used_twice(walk in walk(60)) {
        let mut given: BTreeSet<OperationId> = BTreeSet::new();
        let mut open: BTreeSet<OperationId> = BTreeSet::new();
        for moment in &walk.moments {
            if let Event::OperationObserved { id, state } = &moment.event
                && state.as_ref().is_none_or(OperationState::is_terminal)
            {
                open.remove(id);
            }
            for row in &moment.rows {
                if let RowChange::RequestOperation(row) = row {
                    prop_assert!(given.insert(row.id.clone()), "{} was given before", row.id);
                    open.insert(row.id.clone());
                }
            }
            prop_assert!(open.len() <= 1, "{open:?} are open at once");
            let remembered = moment.after.record.open.iter().map(|open| open.id.clone()).collect();
            prop_assert_eq!(&open, &remembered);
        }
    }

    #[test]
    fn the_finalizer_is_removed_only_after_a_completed_removal(walk in walk(80)) {
        let mut written = false;
        let mut removal = BTreeSet::new();
        let mut removing = false;
        let mut removed = false;
        for moment in &walk.moments {
            if let Event::OperationObserved { id, state: Some(OperationState::Completed) } =
                &moment.event
            {
                removed |= removal.contains(id);
            }
            for row in &moment.rows {
                match row {
                    RowChange::PutApplication(_) => written = true,
                    RowChange::RemoveApplication(_) => removing = true,
                    RowChange::RequestOperation(row) if removing => {
                        removal.insert(row.id.clone());
                    }
                    _ => {}
                }
            }
            let path = moment.after.path();
            let leaving = ["Terminating/Finalizing", "Gone"].contains(&path.as_str());
            prop_assert!(!leaving || !written || removed, "{:?}", moment.after);
        }
    }

    #[test]
    fn every_reachable_state_comes_to_rest_in_a_helpful_world(mut walk in walk(60)) {
        let steps = walk.settle();
        let machine = walk.machine().clone();
        prop_assert!(steps.is_some(), "still at {} {:?}", machine.path(), machine.mirror);
        let path = machine.path();
        match &walk.object {
            None => prop_assert_eq!(path, "Gone"),
            Some(object) if object.spec.path.is_empty() => prop_assert_eq!(path, "Live/Rejected"),
            Some(object) => {
                prop_assert_eq!(path, "Live/Settled");
                prop_assert_eq!(&machine.record.spec, &object.spec);
            }
        }
        if let Some(object) = &walk.object {
            prop_assert_eq!(machine.mirror, Mirror::Clean {});
            prop_assert_eq!(object.observed_generation, object.generation);
        }
        let count = walk.moments.len();
        walk.look();
        walk.tell(Event::FactsChanged);
        for moment in &walk.moments[count..] {
            prop_assert_eq!(&moment.before, &moment.after, "rest is quiet");
            prop_assert_eq!(&moment.rows, &vec![]);
        }
    }
}

#[test]
fn the_walks_reach_every_state() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = walk(80);
    let mut reached = BTreeSet::new();
    for _ in 0..120 {
        let walk = proptest::strategy::Strategy::new_tree(&strategy, &mut runner).unwrap();
        let walk = proptest::strategy::ValueTree::current(&walk);
        reached.extend(walk.moments.iter().map(|moment| moment.after.path()));
        reached.extend(walk.moments.iter().map(|moment| moment.after.mirror.path().to_owned()));
        reached.extend(walk.moments.iter().map(|moment| moment.after.error_flag.path().to_owned()));
    }
    assert_eq!(reached.len(), 12 + 4 + 3 - usize::from(!reached.contains("Unseen")), "{reached:?}");
    for path in WAITS_FOR_MACHINERY {
        assert!(reached.contains(path), "no walk reaches {path}");
    }
}

#[test]
fn a_namesake_that_was_seen_earlier_is_waited_for() {
    let mut walk = Walk::new(1, true);
    walk.situation = proptests::walk::Situation::Predecessor;
    walk.look();
    assert!(walk.machine().record.first_seen > Revision(1));
    assert_eq!(walk.machine().path(), "Live/Awaiting/AwaitingPredecessor");
}

/// A report on an earlier spec: an error may still be right, once there was time for another one; a
/// warning does not show whether anything was compared.
#[test]
fn an_older_report_does_not_count_for_the_current_generation() {
    let mut walk = Walk::new(1, true);
    walk.settle();
    assert_eq!(walk.machine().path(), "Live/Settled");
    for (type_, reason) in
        [("SharedResourceWarning", "AwaitingReport"), ("ComparisonError", "ArgoCDError")]
    {
        let message = Some("of an earlier generation".to_owned());
        let report = Report {
            mirrored: Digest::of(&type_),
            sync: "Synced".to_owned(),
            health: "Healthy".to_owned(),
            compared_to: Digest::of(&"another source"),
            conditions: vec![MirroredCondition { type_: type_.to_owned(), message }],
            ..Report::default()
        };
        let mut facts = walk.facts();
        let reported = walk.machine().clone().step(&Event::Reported(Box::new(report)), &facts);
        assert!(is_holding(&reported.machine), "{type_}");
        facts.now = reported.machine.wake_at().unwrap();
        let after = reported.machine.step(&Event::DeadlineReached, &facts).machine;
        let obligations = obligations(&after);
        let [Obligation::StatusWritten(view)] = &obligations[..] else { panic!("{obligations:?}") };
        let ready = view.conditions.iter().find(|one| one.type_ == READY).unwrap();
        assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", reason));
    }
}
