//! Properties of the sync run machine: for every state that its types permit, and for every state
//! that it reaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use machines::Handling;
use machines::identity::{ApplicationId, DeploymentUid, Generation, OperationId, Revision};
use machines::kinds::sync_run::facts::{DeploymentFact, OtherRun, SyncRunFacts};
use machines::kinds::sync_run::lifecycle::SyncRunState;
use machines::kinds::sync_run::rows::SyncRunRows;
use machines::kinds::sync_run::status::SUCCEEDED;
use machines::kinds::sync_run::{
    SyncRun, SyncRunEvent, SyncRunObligation, SyncRunSnapshot, SyncRunSpec,
};
use machines::machine::Machine;
use machines::operation::sync::SyncOperationId;
use machines::rows::{OperationState, RowChange, Target};
use machines::shared::condition::{Condition, ConditionStyle, ERROR_OCCURRED};
use machines::shared::mirror::Mirror;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptests::walk::sync_run::{SyncMoment, SyncWalk, conditions, may_be_synced, restarted, walk};
use proptests::{arbitrary, config};

const WAITS_FOR_MACHINERY: [&str; 2] = ["Live/Running", "Terminating"];

fn has_ended(machine: &SyncRun) -> bool {
    machine.path().starts_with("Live/Finished/")
}

fn is_waiting(machine: &SyncRun) -> bool {
    machine.path().starts_with("Live/Waiting/")
}

fn result(machine: &SyncRun) -> Condition {
    let conditions = conditions(machine, ConditionStyle::Conventional);
    conditions.into_iter().find(|one| one.type_ == SUCCEEDED).unwrap()
}

/// Whether a change asks for a sync.
fn asks(row: &RowChange) -> bool {
    matches!(row, RowChange::RequestOperation(_) | RowChange::SyncRun(SyncRunRows::Put(_)))
}

/// The event as it would be for an older generation, at an older revision, or for an operation that
/// is not the open one; `None` if nothing is older, or if an event has no age.
fn made_stale(machine: &SyncRun, event: SyncRunEvent, by_generation: bool) -> Option<SyncRunEvent> {
    let record = &machine.record;
    let earlier = record.last_seen.0.checked_sub(1).map(Revision);
    match event {
        SyncRunEvent::Observed(mut snapshot) if by_generation => {
            snapshot.generation = Generation(record.generation.0.checked_sub(1)?);
            Some(SyncRunEvent::Observed(snapshot))
        }
        SyncRunEvent::Observed(mut snapshot) => {
            snapshot.revision = earlier?;
            Some(SyncRunEvent::Observed(snapshot))
        }
        SyncRunEvent::Absent { .. } => Some(SyncRunEvent::Absent { as_of: earlier? }),
        SyncRunEvent::OperationObserved { state, message, .. } => {
            let id = OperationId::new("finished long ago");
            Some(SyncRunEvent::OperationObserved { id, state, message })
        }
        SyncRunEvent::FactsChanged | SyncRunEvent::DeadlineReached => None,
    }
}

/// A run that may ask for its sync now: it is the first one, and the deployment is ready.
fn may_begin(machine: &SyncRun, event: &SyncRunEvent, facts: &SyncRunFacts) -> bool {
    let DeploymentFact::Present(target) = &facts.deployment else { return false };
    let created = match event {
        SyncRunEvent::Observed(seen) if machine.path() == "Unseen" => seen.created,
        _ => machine.record.created,
    };
    let own = (created, &machine.record.uid);
    let goes_first = |other: &OtherRun| other.has_turn || (other.created, &other.uid) < own;
    target.is_manual && target.settled.is_some() && !facts.others.iter().any(goes_first)
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn every_event_has_a_defined_result_in_every_state(
        machine in arbitrary::sync_run(),
        event in arbitrary::sync_run_event(),
        facts in arbitrary::sync_run_facts(),
    ) {
        let step = machine.step(&event, &facts);
        prop_assert_ne!(step.handling, Handling::Unhandled);
        prop_assert_eq!(restarted(step.machine.clone()), step.machine.clone());
        let _ = (step.machine.path(), step.machine.wake_at(), step.machine.deployment_name());
        let _ = (step.machine.obligations(facts.conditions), step.machine.may_adopt());
    }

    #[test]
    fn a_stale_observation_changes_nothing_in_any_state(
        machine in arbitrary::sync_run().prop_filter("seen", |one| one.path() != "Unseen"),
        event in arbitrary::sync_run_event(),
        by_generation in any::<bool>(),
        facts in arbitrary::sync_run_facts(),
    ) {
        let Some(stale) = made_stale(&machine, event, by_generation) else { return Ok(()) };
        // What a reachable machine has always done: it has noticed whether its spec was edited.
        let nothing = SyncRunEvent::OperationObserved {
            id: OperationId::new("of another"),
            state: None,
            message: String::new(),
        };
        let before = machine.step(&nothing, &facts).machine;
        let step = before.clone().step(&stale, &facts);
        prop_assert_eq!(step.machine.lifecycle, before.lifecycle);
        prop_assert_eq!(step.machine.record, before.record);
        prop_assert_eq!(step.rows, vec![]);
    }

    #[test]
    fn what_has_ended_is_told_alike_whatever_happens_later(
        machine in arbitrary::ended_sync_run(),
        event in arbitrary::sync_run_event(),
        facts in arbitrary::sync_run_facts(),
    ) {
        let step = machine.clone().step(&event, &facts);
        prop_assert!(!step.rows.iter().any(asks), "{:?}", step.rows);
        if has_ended(&step.machine) {
            prop_assert_eq!(step.machine.path(), machine.path());
            prop_assert_eq!(result(&step.machine), result(&machine));
        } else {
            prop_assert!(["Terminating", "Gone"].contains(&step.machine.path().as_str()));
        }
    }

    #[test]
    fn nothing_is_requested_unless_the_deployment_is_ready_and_no_other_run_is_ahead(
        machine in prop_oneof![arbitrary::waiting_sync_run(), Just(arbitrary::new_run())],
        event in arbitrary::sync_run_event(),
        facts in arbitrary::sync_run_facts(),
    ) {
        let facts = SyncRunFacts { existing: None, ..facts };
        let step = machine.clone().step(&event, &facts);
        if !step.rows.iter().any(asks) {
            prop_assert_ne!(step.machine.path(), "Live/Running");
            return Ok(());
        }
        prop_assert!(may_begin(&machine, &event, &facts), "{:?}", step.rows);
        let DeploymentFact::Present(target) = facts.deployment else { unreachable!() };
        let application = target.settled.unwrap();
        let [RowChange::SyncRun(SyncRunRows::Put(sync)), RowChange::RequestOperation(operation)] =
            step.rows.as_slice()
        else {
            return Err(TestCaseError::fail(format!("{:?}", step.rows)));
        };
        prop_assert_eq!(&sync.application, &application.id);
        prop_assert_eq!(&operation.owner, &application.user);
        prop_assert_eq!(&operation.instance, &application.instance);
        prop_assert_eq!(&operation.target, &Target::Sync(sync.sync.clone()));
    }

    #[test]
    fn a_run_that_may_go_ahead_does_so_whenever_it_looks(
        machine in arbitrary::waiting_sync_run(),
        facts in arbitrary::sync_run_facts(),
    ) {
        if !may_begin(&machine, &SyncRunEvent::FactsChanged, &facts) {
            return Ok(());
        }
        let path = machine.step(&SyncRunEvent::FactsChanged, &facts).machine.path();
        // Nothing but a revision that cannot be one keeps it from its sync.
        prop_assert!(["Live/Running", "Live/Finished/Rejected"].contains(&path.as_str()), "{path}");
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn a_repeated_observation_changes_nothing(walk in walk(40)) {
        for moment in &walk.moments {
            let again = moment.after.clone().step(&moment.event, &moment.facts);
            prop_assert_eq!(&again.machine, &moment.after, "{:?}", moment.event);
            prop_assert_eq!(&again.rows, &vec![], "{:?}", moment.event);
        }
    }

    // A stale list may lack the object, and a restored backup may lack the rows.
    #[test]
    fn what_a_run_says_of_its_end_outlasts_its_rows(
        mut walk in walk(40),
        deployment in arbitrary::deployment_fact(),
    ) {
        walk.style = ConditionStyle::Conventional;
        let Some(object) = walk.object.clone().filter(|object| !object.deleting) else {
            return Ok(());
        };
        prop_assume!(has_ended(walk.machine()));
        let told = conditions(walk.machine(), ConditionStyle::Conventional);
        let mut again = SyncWalk::new(object.spec.clone(), ConditionStyle::Conventional);
        again.object = Some(SyncRunSnapshot { conditions: told, ..object });
        again.deployment = deployment;
        again.look();
        prop_assert_eq!(result(again.machine()), result(walk.machine()));
        prop_assert!(again.moments.iter().all(|moment| moment.rows.is_empty()));
    }

    #[test]
    fn what_has_ended_never_begins_again(walk in walk(60)) {
        for SyncMoment { before, event, after, rows, .. } in &walk.moments {
            if !has_ended(before) {
                continue;
            }
            prop_assert!(!rows.iter().any(asks), "{:?} by {:?}", rows, event);
            if has_ended(after) {
                prop_assert_eq!(before.path(), after.path());
                prop_assert_eq!(result(before), result(after), "by {:?}", event);
            }
        }
    }

    #[test]
    fn a_run_asks_for_one_sync_by_one_operation_at_a_time(walk in walk(60)) {
        let mut syncs: BTreeSet<SyncOperationId> = BTreeSet::new();
        let mut given: BTreeSet<OperationId> = BTreeSet::new();
        let mut open: BTreeSet<OperationId> = BTreeSet::new();
        for moment in &walk.moments {
            if let SyncRunEvent::OperationObserved { id, state, .. } = &moment.event
                && state.as_ref().is_none_or(OperationState::is_terminal)
            {
                open.remove(id);
            }
            for row in &moment.rows {
                match row {
                    RowChange::RequestOperation(row) => {
                        prop_assert!(given.insert(row.id.clone()), "{} was given before", row.id);
                        open.insert(row.id.clone());
                        let Target::Sync(sync) = &row.target else { panic!("{row:?}") };
                        syncs.insert(sync.clone());
                    }
                    RowChange::SyncRun(SyncRunRows::Put(row)) => {
                        syncs.insert(row.sync.clone());
                    }
                    _ => {}
                }
            }
            prop_assert!(syncs.len() <= 1, "{syncs:?} are asked for");
            prop_assert!(open.len() <= 1, "{open:?} are open at once");
            let remembered = moment.after.record.open.iter().map(|open| open.id.clone()).collect();
            prop_assert_eq!(&open, &remembered);
        }
    }

    #[test]
    fn a_run_that_is_gone_leaves_no_rows(mut walk in walk(60)) {
        walk.delete(false);
        walk.look();
        walk.settle();
        prop_assert_eq!(walk.machine().path(), "Gone");
        let mut there: BTreeSet<SyncOperationId> = BTreeSet::new();
        for row in walk.moments.iter().flat_map(|moment| &moment.rows) {
            match row {
                RowChange::SyncRun(SyncRunRows::Put(row)) => {
                    prop_assert!(there.insert(row.sync.clone()), "{} is there", row.sync);
                }
                RowChange::SyncRun(SyncRunRows::Terminate(sync)) => {
                    prop_assert!(there.contains(sync), "{sync} is not there");
                }
                RowChange::SyncRun(SyncRunRows::Remove { sync, .. }) => {
                    prop_assert!(there.remove(sync), "{sync} is not there");
                }
                RowChange::RequestOperation(_) => {}
                other => prop_assert!(false, "a run writes no {other:?}"),
            }
        }
        prop_assert_eq!(there, BTreeSet::new());
        prop_assert_eq!(&walk.machine().record.open, &None);
    }

    #[test]
    fn what_waits_for_machinery_has_a_deadline_and_what_waits_for_a_person_has_none(
        walk in walk(40),
    ) {
        for SyncMoment { after, .. } in &walk.moments {
            let path = after.path();
            let is_holding = matches!(after.mirror, Mirror::Holding { .. });
            let has_deadline = WAITS_FOR_MACHINERY.contains(&path.as_str()) || is_holding;
            prop_assert_eq!(after.wake_at().is_some(), has_deadline, "{}", path);
            let obligations = after.obligations(walk.style);
            let dirty = matches!(after.mirror, Mirror::Dirty {});
            let writes =
                obligations.iter().any(|one| matches!(one, SyncRunObligation::StatusWritten(_)));
            prop_assert_eq!(dirty, writes);
            let Some(open) = &after.record.open else {
                prop_assert!(!["Live/Running", "Terminating"].contains(&path.as_str()), "{path}");
                continue;
            };
            let required = if path == "Terminating" {
                Some(SyncRunObligation::ChangeAnnounced(open.id.clone()))
            } else {
                (!open.claimed).then(|| SyncRunObligation::OperationCreated(open.id.clone()))
            };
            prop_assert_eq!(obligations.len(), usize::from(required.is_some()) + usize::from(dirty));
            prop_assert!(required.is_none_or(|one| obligations.contains(&one)));
        }
    }

    #[test]
    fn a_deadline_that_fired_is_cleared(walk in walk(40)) {
        let fired = |one: &&SyncMoment| one.event == SyncRunEvent::DeadlineReached;
        for moment in walk.moments.iter().filter(fired) {
            if let Some(next) = moment.after.wake_at() {
                prop_assert!(next > moment.facts.now, "{} would spin", moment.after.path());
            }
        }
    }

    #[test]
    fn legacy_clients_read_one_condition_and_none_before_there_is_something_to_say(
        walk in walk(40),
    ) {
        for SyncMoment { after, .. } in &walk.moments {
            let told = conditions(after, ConditionStyle::Legacy);
            let types: Vec<&str> = told.iter().map(|one| one.type_.as_str()).collect();
            prop_assert!(types.is_empty() || types == [ERROR_OCCURRED], "{types:?}");
            prop_assert!(told.iter().all(|one| one.observed_generation.is_none()));
            prop_assert!(!is_waiting(after) || told.is_empty(), "{told:?} while it waits");
            prop_assert!(!has_ended(after) || !told.is_empty(), "nothing is told of its end");
        }
    }

    #[test]
    fn an_edit_is_complained_of_from_its_turn_on_and_no_longer_than_it_lasts(mut walk in walk(40)) {
        walk.look();
        let machine = walk.machine();
        let Some(accepted) = machine.record.accepted.clone() else { return Ok(()) };
        prop_assume!(machine.record.present);
        let told = conditions(machine, walk.style);
        let error = told.iter().find(|one| one.type_ == ERROR_OCCURRED);
        let said = error.map(|one| one.message.as_str()).unwrap_or_default();
        let spec = &machine.record.spec;
        let name_differs = spec.deployment_name != accepted.deployment_name;
        prop_assert_eq!(said == NAME_CHANGED, name_differs);
        let revision_differs = spec.revision != accepted.revision;
        prop_assert_eq!(said == REVISION_CHANGED, revision_differs && !name_differs);
    }

    #[test]
    fn every_reachable_state_comes_to_rest_in_a_helpful_world(mut walk in walk(60)) {
        let steps = walk.settle();
        let machine = walk.machine().clone();
        prop_assert!(steps.is_some(), "still at {} {:?}", machine.path(), machine.mirror);
        match &walk.object {
            Some(object) if !object.deleting => {
                prop_assert!(has_ended(&machine), "{}", machine.path());
                prop_assert_eq!(machine.mirror, Mirror::Clean {});
            }
            _ => prop_assert_eq!(machine.path(), "Gone"),
        }
        let count = walk.moments.len();
        walk.look();
        walk.tell(SyncRunEvent::FactsChanged);
        for moment in &walk.moments[count..] {
            prop_assert_eq!(&moment.before, &moment.after, "rest is quiet");
            prop_assert_eq!(&moment.rows, &vec![]);
        }
    }
}

#[test]
fn the_walks_reach_every_state() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = walk(60);
    let mut reached = BTreeSet::new();
    for _ in 0..200 {
        let walk = Strategy::new_tree(&strategy, &mut runner).unwrap().current();
        reached.extend(walk.moments.iter().map(|moment| moment.after.path()));
    }
    let unseen = SyncRunState::Unseen {}.path();
    assert_eq!(reached.iter().filter(|path| **path != unseen).count(), 9, "{reached:?}");
}

// === the contract's texts ===

const MISSING: &str =
    "Unable to retrieve GitOpsDeployment 'app' referenced by the GitOpsDeploymentSyncRun";
const AUTOMATED: &str = "invalid GitOpsDeploymentSyncRun 'sync'. Syncing a GitOpsDeployment with \
     Automated sync policy is not allowed";
const NAME_CHANGED: &str =
    "deployment name field is immutable: changing it from its initial value is not supported";
const REVISION_CHANGED: &str =
    "revision change is not supported: changing it from its initial value is not supported";

/// A run of the deployment `app`, seen once.
fn seen(deployment: DeploymentFact, style: ConditionStyle) -> SyncWalk {
    let spec = spec("app", "");
    let mut walk = SyncWalk::new(spec, style);
    walk.deployment = deployment;
    walk.look();
    walk
}

fn spec(name: &str, revision: &str) -> SyncRunSpec {
    SyncRunSpec { deployment_name: name.to_owned(), revision: revision.to_owned() }
}

fn automated() -> DeploymentFact {
    let DeploymentFact::Present(mut target) = may_be_synced() else { unreachable!() };
    target.is_manual = false;
    DeploymentFact::Present(target)
}

/// The status and the message of `ErrorOccurred`; legacy clients read nothing else.
fn error(walk: &SyncWalk) -> Option<(String, String, String)> {
    let told = conditions(walk.machine(), ConditionStyle::Legacy);
    assert!(told.len() <= 1, "{told:?}");
    told.into_iter().next().map(|one| (one.status, one.reason, one.message))
}

fn raised(message: &str) -> Option<(String, String, String)> {
    Some(("True".to_owned(), ERROR_OCCURRED.to_owned(), message.to_owned()))
}

fn cleared() -> Option<(String, String, String)> {
    Some(("False".to_owned(), String::new(), String::new()))
}

const STYLES: [ConditionStyle; 2] = [ConditionStyle::Conventional, ConditionStyle::Legacy];

#[test]
fn a_run_without_a_deployment_waits_and_says_so_and_begins_once_there_is_one() {
    for style in STYLES {
        let mut walk = seen(DeploymentFact::Missing, style);
        assert_eq!(walk.machine().path(), "Live/Waiting/AwaitingDeployment");
        assert_eq!(error(&walk), None);
        let result = result(walk.machine());
        assert_eq!(
            (result.status.as_str(), result.reason.as_str()),
            ("Unknown", "AwaitingDeployment")
        );
        assert!(result.message.contains(MISSING), "{}", result.message);
        walk.deployment = may_be_synced();
        walk.tell(SyncRunEvent::FactsChanged);
        assert_eq!(walk.machine().path(), "Live/Running");
    }
}

#[test]
fn a_run_whose_deployment_is_deleted_or_replaced_during_the_sync_ends_with_that_reason() {
    let mut deleted = seen(may_be_synced(), ConditionStyle::Conventional);
    deleted.deployment = DeploymentFact::Missing;
    deleted.tell(SyncRunEvent::FactsChanged);
    assert_eq!(deleted.machine().path(), "Live/Finished/Failed");
    assert_eq!(error(&deleted), raised(MISSING));
    let mut replaced = seen(may_be_synced(), ConditionStyle::Conventional);
    let DeploymentFact::Present(mut target) = may_be_synced() else { unreachable!() };
    target.uid = DeploymentUid::new("uid-2");
    target.settled.as_mut().unwrap().id = ApplicationId::new("application-2");
    replaced.deployment = DeploymentFact::Present(target);
    replaced.tell(SyncRunEvent::FactsChanged);
    assert_eq!(replaced.machine().path(), "Live/Finished/Failed");
    let text = error(&replaced).unwrap().2;
    assert!(text.contains("'app' was deleted and created again"), "{text}");
}

#[test]
fn a_run_on_an_automated_deployment_is_rejected_and_stays_so_when_it_becomes_manual() {
    for style in STYLES {
        let mut walk = seen(automated(), style);
        assert_eq!(walk.machine().path(), "Live/Finished/Rejected");
        assert_eq!(error(&walk), raised(AUTOMATED));
        walk.deployment = may_be_synced();
        walk.tell(SyncRunEvent::FactsChanged);
        assert_eq!(error(&walk), raised(AUTOMATED));
    }
}

#[test]
fn edits_of_a_running_run_are_complained_of_until_they_are_taken_back() {
    for style in STYLES {
        let mut walk = seen(may_be_synced(), style);
        assert_eq!(error(&walk), None);
        for (edited, expected) in [
            (spec("web", ""), raised(NAME_CHANGED)),
            (spec("app", "v2"), raised(REVISION_CHANGED)),
            (spec("web", "v2"), raised(NAME_CHANGED)),
            (spec("app", ""), cleared()),
        ] {
            walk.edit(edited);
            walk.look();
            assert_eq!(error(&walk), expected);
            assert_eq!(walk.machine().path(), "Live/Running");
        }
    }
}

#[test]
fn edits_of_a_run_that_has_ended_are_complained_of_and_its_result_stays() {
    for style in STYLES {
        let mut walk = seen(may_be_synced(), style);
        walk.hear(Some(OperationState::Completed), "abc");
        assert_eq!(error(&walk), cleared());
        let told = result(walk.machine());
        assert_eq!((told.status.as_str(), told.message.as_str()), ("True", "synced to abc"));
        for (edited, expected) in [
            (spec("web", ""), raised(NAME_CHANGED)),
            (spec("app", "v2"), raised(REVISION_CHANGED)),
            (spec("app", ""), cleared()),
        ] {
            walk.edit(edited);
            walk.look();
            assert_eq!(error(&walk), expected);
            assert_eq!(result(walk.machine()), told);
        }
    }
}

#[test]
fn deleting_a_waiting_run_withdraws_it_and_deleting_a_running_one_terminates_its_sync() {
    for kept in [false, true] {
        let mut waiting = seen(DeploymentFact::Missing, ConditionStyle::Conventional);
        waiting.delete(kept);
        waiting.look();
        assert_eq!(waiting.machine().path(), "Gone");
        assert!(waiting.moments.iter().all(|moment| moment.rows.is_empty()));
        let mut running = seen(may_be_synced(), ConditionStyle::Conventional);
        running.delete(kept);
        running.look();
        assert_eq!(running.machine().path(), "Terminating");
        let sync = SyncOperationId::new(running.machine().record.uid.as_str());
        let rows = &running.moments.last().unwrap().rows;
        assert_eq!(*rows, [RowChange::SyncRun(SyncRunRows::Terminate(sync))]);
        running.hear(Some(OperationState::Completed), "");
        assert_eq!(running.machine().path(), "Gone");
    }
}

#[test]
fn a_run_with_the_name_that_the_definition_rules_out_is_rejected_where_an_older_one_lets_it_in() {
    let name = "zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz";
    let walk = seen(may_be_synced(), ConditionStyle::Conventional);
    let SyncRun { record, .. } = walk.machine();
    let run = SyncRun::new(record.uid.clone(), record.tenant.clone(), "team-a", name);
    let event = walk.moments[0].event.clone();
    let run = run.step(&event, &walk.facts()).machine;
    assert_eq!(run.path(), "Live/Finished/Rejected");
    assert!(result(&run).message.starts_with(&format!("name should not be {name}")));
}
