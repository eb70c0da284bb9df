//! What an environment does, step by step.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod reachable;

use std::time::Duration;

use super::lifecycle::{CHECK_DEADLINE, DRAINING_LIMIT, LEAVING_GRACE};
use super::samples::{accepted, checked, environment, facts, refused, seen, spec, with_account};
use super::spec::EnvironmentSpec;
use super::status::CONNECTION_INITIALIZATION_SUCCEEDED;
use super::verdict::Verdict;
use super::*;
use crate::identity::{Digest, OperationId, Revision};
use crate::kinds::tenant::TenantFact;
use crate::machine::Step;
use crate::rows::{OperationRow, OperationState};
use crate::shared::condition::{Condition, READY, STALLED};

fn at(seconds: u64) -> EnvironmentFacts {
    EnvironmentFacts { now: Timestamp::default().after(Duration::from_secs(seconds)), ..facts() }
}

fn showing(secret: &str) -> EnvironmentFacts {
    EnvironmentFacts { shown: Some(Digest::new(secret)), ..facts() }
}

fn used(served: &[&str], removed: &[&str], now: EnvironmentFacts) -> EnvironmentFacts {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    EnvironmentFacts { usage: Usage { served: names(served), removed: names(removed) }, ..now }
}

fn absent() -> EnvironmentEvent {
    EnvironmentEvent::Absent { as_of: Revision(9) }
}

fn finish(environment: &ManagedEnvironment, state: OperationState) -> EnvironmentEvent {
    let id = environment.record.open.clone().expect("an open operation").id;
    EnvironmentEvent::OperationObserved { id, state: Some(state) }
}

/// One with this spec, whose cluster is being asked.
fn checking(spec: EnvironmentSpec) -> ManagedEnvironment {
    let step = environment().step(&seen(1, spec, false), &facts());
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Live/Checking", 0));
    step.machine
}

/// The same, whose cluster has accepted what it was asked with.
fn recorded(spec: EnvironmentSpec) -> Step<ManagedEnvironment> {
    let environment = checking(spec);
    let event = checked(&environment, "one", accepted("told"));
    environment.step(&event, &facts())
}

/// The same, and Argo CD has it.
fn served(spec: EnvironmentSpec) -> ManagedEnvironment {
    let environment = recorded(spec).machine;
    let completed = finish(&environment, OperationState::Completed);
    let environment = environment.step(&completed, &facts()).machine;
    assert!(environment.delivery.is_idle() && environment.path() == "Live/Judged/Accepted");
    environment
}

/// The changes of an environment's own rows.
fn changes(rows: &[RowChange]) -> Vec<String> {
    let of = |row: &RowChange| match row {
        RowChange::Environment(EnvironmentRows::Put(row)) => format!("put {}", row.told),
        RowChange::Environment(EnvironmentRows::Detach(_)) => "detach".to_owned(),
        RowChange::Environment(EnvironmentRows::Remove(_)) => "remove".to_owned(),
        RowChange::Environment(EnvironmentRows::Forget(_)) => "forget".to_owned(),
        RowChange::RequestOperation(_) => "operation".to_owned(),
        other => panic!("{other:?}"),
    };
    rows.iter().map(of).collect()
}

fn inquiry(environment: &ManagedEnvironment) -> Inquiry {
    let obligations = environment.obligations(ConditionStyle::Conventional);
    let inquiry = obligations.into_iter().find_map(|one| match one {
        EnvironmentObligation::ClusterChecked(inquiry) => Some(*inquiry),
        _ => None,
    });
    inquiry.expect("a check is required")
}

/// Status, reason and message of a condition.
fn said(environment: &ManagedEnvironment, type_: &str) -> (String, String, String) {
    let conditions = status::wanted(environment, ConditionStyle::Conventional).conditions;
    let found = conditions.into_iter().find(|one| one.type_ == type_);
    let Condition { status, reason, message, .. } = found.expect("the condition");
    (status, reason, message)
}

#[test]
fn what_was_accepted_is_written_and_delivered() {
    let Step { machine, rows, .. } = recorded(spec());
    assert_eq!(changes(&rows), ["put told", "operation"]);
    let Some(RowChange::RequestOperation(OperationRow { target, requester, .. })) = rows.get(1)
    else {
        panic!("{rows:?}")
    };
    let uid = EnvironmentUid::new("environment-uid");
    assert_eq!(*target, Target::Environment(EnvironmentId::of(&uid)));
    assert_eq!(*requester, Requester::Environment(uid));
    assert_eq!(machine.fact(), EnvironmentFact::UnderWay, "Argo CD does not have it yet");
    assert_eq!(machine.used_fact(), UsedEnvironmentFact::Doubtful);
    let machine = served(spec());
    assert_eq!(machine.fact(), EnvironmentFact::Ready(machine.record.row_id()));
    assert_eq!(machine.used_fact(), UsedEnvironmentFact::Resolved);
    let connection = said(&machine, CONNECTION_INITIALIZATION_SUCCEEDED);
    assert_eq!(connection, ("True".to_owned(), "Succeeded".to_owned(), String::new()));
    assert_eq!(said(&machine, READY).0, "True");
}

#[test]
fn a_verdict_that_says_what_was_known_changes_nothing() {
    for (before, verdict) in [
        (served(spec()), accepted("told")),
        (served(with_account()), accepted("told")),
        (
            checking(spec())
                .step(&checked(&checking(spec()), "one", refused("TimedOut")), &facts())
                .machine,
            refused("TimedOut"),
        ),
    ] {
        let event = checked(&before, "one", verdict);
        let step = before.clone().step(&event, &at(600));
        assert_eq!((step.machine, step.rows), (before, Vec::new()));
    }
}

#[test]
fn a_worse_verdict_leaves_the_row_and_another_accepted_one_replaces_it() {
    let before = served(spec());
    let event = checked(&before, "one", refused("Unreachable"));
    let step = before.step(&event, &facts());
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Live/Judged/Refused", 0));
    assert_eq!(step.machine.fact(), EnvironmentFact::Invalid);
    assert_eq!(step.machine.used_fact(), UsedEnvironmentFact::Resolved, "Argo CD still has it");
    assert_eq!(said(&step.machine, STALLED).1, "Unreachable");
    let event = checked(&step.machine, "one", accepted("rotated"));
    let step = step.machine.step(&event, &facts());
    assert_eq!(changes(&step.rows), ["put rotated", "operation"]);
    let ready = EnvironmentFact::Ready(step.machine.record.row_id());
    assert_eq!(step.machine.fact(), ready, "Argo CD has what was accepted before");
}

#[test]
fn another_secret_is_checked_and_an_outcome_about_the_one_before_does_not_count() {
    let before = served(spec());
    let outdated = checked(&before, "one", refused("Forbidden"));
    let step = before.step(&EnvironmentEvent::FactsChanged, &showing("two"));
    assert_eq!(step.machine.path(), "Live/Checking");
    assert_eq!(inquiry(&step.machine).shown, Some(Digest::new("two")));
    let step = step.machine.step(&outdated, &showing("two"));
    assert_eq!(step.machine.path(), "Live/Checking");
    // While it is asked, what was accepted before is used.
    assert_eq!(step.machine.fact(), EnvironmentFact::Ready(step.machine.record.row_id()));
}

#[test]
fn another_url_has_credentials_of_its_own_and_the_ones_before_are_forgotten() {
    let before = served(spec());
    let credentials = |one: &ManagedEnvironment| one.record.row.clone().unwrap().credentials;
    let moved = EnvironmentSpec { api_url: "https://b.example.com".to_owned(), ..spec() };
    let environment = before.clone().step(&seen(2, moved, false), &facts()).machine;
    let event = checked(&environment, "one", accepted("moved"));
    let step = environment.step(&event, &facts());
    assert_eq!(changes(&step.rows), ["put moved", "forget", "operation"]);
    assert_ne!(credentials(&step.machine), credentials(&before));
    let forgotten = EnvironmentRows::Forget(credentials(&before));
    assert!(step.rows.contains(&RowChange::Environment(forgotten)));
}

#[test]
fn the_texts_of_a_spec_that_cannot_be_right_are_the_contracts() {
    type Change = fn(&mut EnvironmentSpec);
    let long = "ManagedEnvironment contains an invalid namespace in namespaces list: A";
    let cases: [(Change, &str, &str, &str); 5] = [
        (
            |spec| spec.api_url = "https://a?b".to_owned(),
            "Unknown",
            "UnsupportedAPIURL",
            "the API URL must not have ? or & values",
        ),
        (
            |spec| spec.api_url = "http://a".to_owned(),
            "Unknown",
            "UnsupportedAPIURL",
            "cluster api url must start with https://",
        ),
        (|spec| spec.namespaces = vec!["A".to_owned()], "Unknown", "InvalidNamespaceList", long),
        (
            |spec| spec.secret.clear(),
            "False",
            "SecretNotSpecified",
            "no secret specified by managed environment 'staging' in 'team-a'",
        ),
        (
            |spec| spec.secret = "A".to_owned(),
            "False",
            "SecretNotFound",
            "secret 'A' referenced by managed environment 'staging' in 'team-a', could not be \
             retrieved: not found",
        ),
    ];
    for (change, status, reason, message) in cases {
        let mut wrong = spec();
        change(&mut wrong);
        let machine = environment().step(&seen(1, wrong.clone(), false), &facts()).machine;
        assert_eq!(machine.path(), "Live/Rejected");
        assert_eq!(machine.fact(), EnvironmentFact::Invalid);
        let found = said(&machine, CONNECTION_INITIALIZATION_SUCCEEDED);
        assert_eq!(found, (status.to_owned(), reason.to_owned(), message.to_owned()));
        assert_eq!(said(&machine, STALLED).1, "Rejected");
        // Of an environment that was valid, one text is another; what it has stays.
        let step = served(spec()).step(&seen(2, wrong, false), &facts());
        assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Live/Rejected", 0));
        let found = said(&step.machine, CONNECTION_INITIALIZATION_SUCCEEDED).2;
        let prefix = if message == long { "user specified an invalid namespace: " } else { "" };
        assert_eq!(found, format!("{prefix}{message}"));
    }
}

#[test]
fn what_a_check_finds_is_said_as_it_is_and_in_legacy_mode_by_one_condition() {
    let missing = Verdict::SecretMissing {};
    let not_found = "secret 'kubeconfig' referenced by managed environment 'staging' in 'team-a', \
                     could not be retrieved: not found";
    let cases = [
        (missing, ("False", "SecretNotFound", not_found), "SecretNotFound"),
        (
            refused("TimedOut"),
            ("Unknown", "UnableToValidateClusterCredentials", "Unable to validate the credentials"),
            "TimedOut",
        ),
    ];
    for (verdict, (status, reason, message), cause) in cases {
        let environment = checking(spec());
        let event = checked(&environment, "one", verdict);
        let machine = environment.step(&event, &facts()).machine;
        let found = said(&machine, CONNECTION_INITIALIZATION_SUCCEEDED);
        assert_eq!(found, (status.to_owned(), reason.to_owned(), message.to_owned()));
        assert_eq!(said(&machine, STALLED).1, cause);
        assert_eq!(machine.complaint().unwrap().0, cause);
        let legacy = status::wanted(&machine, ConditionStyle::Legacy).conditions;
        assert_eq!(legacy.len(), 1);
        assert_eq!(legacy[0].observed_generation, None);
    }
}

#[test]
fn a_new_spec_is_checked_while_the_condition_says_what_the_last_check_found() {
    let edited = EnvironmentSpec { cluster_resources: true, ..spec() };
    let machine = served(spec()).step(&seen(2, edited, false), &facts()).machine;
    assert_eq!(machine.path(), "Live/Checking");
    assert_eq!(said(&machine, CONNECTION_INITIALIZATION_SUCCEEDED).1, "Succeeded");
    assert_eq!(said(&machine, READY).1, "Checking");
}

#[test]
fn an_environment_that_nobody_uses_goes_at_once() {
    let step = served(spec()).step(&absent(), &facts());
    assert_eq!(step.machine.path(), "Leaving/Removing");
    assert_eq!(changes(&step.rows), ["remove", "operation"]);
    assert_eq!(step.machine.used_fact(), UsedEnvironmentFact::Gone);
    let completed = finish(&step.machine, OperationState::Completed);
    let step = step.machine.step(&completed, &facts());
    assert_eq!((changes(&step.rows), step.machine.is_gone()), (vec!["forget".to_owned()], true));
    // One that was never written has nothing to remove.
    assert!(checking(spec()).step(&absent(), &facts()).machine.is_gone());
}

#[test]
fn those_who_use_it_lose_their_destination_after_a_moment() {
    let step = served(spec()).step(&absent(), &used(&["app"], &[], at(0)));
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Leaving/Draining", 0));
    assert_eq!(step.machine.used_fact(), UsedEnvironmentFact::Resolved);
    assert_eq!(step.machine.fact(), EnvironmentFact::Missing);
    assert_eq!(step.machine.wake_at(), Some(Timestamp::default().after(LEAVING_GRACE)));
    let early = used(&["app"], &[], at(1));
    let step = step.machine.step(&EnvironmentEvent::FactsChanged, &early);
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Leaving/Draining", 0));
    let due = used(&["app"], &[], at(5));
    let step = step.machine.step(&EnvironmentEvent::DeadlineReached, &due);
    // The removal of the row detaches, too.
    assert_eq!(changes(&step.rows), ["remove", "operation"]);
}

#[test]
fn it_stays_for_those_that_are_being_deleted() {
    let step = served(spec()).step(&absent(), &used(&["app"], &["other"], at(0)));
    let due = used(&["app"], &["other"], at(5));
    let step = step.machine.step(&EnvironmentEvent::DeadlineReached, &due);
    assert_eq!(step.machine.path(), "Leaving/Draining");
    assert_eq!(changes(&step.rows), ["detach"]);
    assert_eq!(step.machine.used_fact(), UsedEnvironmentFact::Leaving);
    let until = Timestamp::default().after(LEAVING_GRACE).after(DRAINING_LIMIT);
    assert_eq!(step.machine.wake_at(), Some(until));
    let draining = step.machine;
    // Its Secret is kept as it is meanwhile.
    let step = draining.clone().step(&EnvironmentEvent::SecretDiffers, &at(20));
    assert_eq!(changes(&step.rows), ["operation"]);
    // It goes with the last of them.
    let gone = used(&[], &[], at(20));
    let step = draining.clone().step(&EnvironmentEvent::FactsChanged, &gone);
    assert_eq!(changes(&step.rows), ["remove", "operation"]);
    assert_eq!(step.machine.record.remains, Vec::<String>::new());
    // Or after ten minutes, and then an Event says what may remain.
    let late = used(&[], &["other"], at(600));
    let step = draining.step(&EnvironmentEvent::DeadlineReached, &late);
    assert_eq!(changes(&step.rows), ["remove", "operation"]);
    let completed = finish(&step.machine, OperationState::Completed);
    let environment = step.machine.step(&completed, &late).machine;
    assert_eq!(environment.path(), "Leaving/Clearing");
    let texts = environment.record.remains.clone();
    assert!(texts[0].contains("https://api.example.com:6443") && texts[0].contains("other"));
    let told = EnvironmentObligation::RemainsTold(texts.clone());
    assert!(environment.obligations(ConditionStyle::Conventional).contains(&told));
    let step = environment.step(&EnvironmentEvent::RemainsTold { texts }, &late);
    assert!(step.machine.is_gone());
}

#[test]
fn a_row_of_an_earlier_installation_is_taken_over_and_its_credentials_are_replaced() {
    let existing = ExistingEnvironment {
        id: EnvironmentId::new("existing"),
        credentials: ClusterCredentialsId::new("existing-credentials"),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("instance"),
    };
    let adopting = EnvironmentFacts { existing: Some(existing), ..facts() };
    let step = environment().step(&seen(1, spec(), false), &adopting);
    assert_eq!(step.machine.used_fact(), UsedEnvironmentFact::Resolved);
    assert_eq!(step.machine.fact(), EnvironmentFact::UnderWay);
    let event = checked(&step.machine, "one", accepted("told"));
    let step = step.machine.step(&event, &facts());
    assert_eq!(changes(&step.rows), ["put told", "forget", "operation"]);
    let ready = EnvironmentFact::Ready(EnvironmentId::new("existing"));
    assert_eq!(step.machine.fact(), ready);
    // One whose object is gone is removed.
    let step = environment().step(&absent(), &adopting);
    assert_eq!(changes(&step.rows), ["remove", "operation"]);
}

#[test]
fn an_agent_that_fails_is_asked_again_and_the_destination_is_doubtful_meanwhile() {
    let environment = served(spec()).step(&EnvironmentEvent::SecretDiffers, &facts()).machine;
    assert_eq!(environment.used_fact(), UsedEnvironmentFact::Resolved);
    let failed = OperationState::Failed("the Secret other is called the same".to_owned());
    let event = finish(&environment, failed);
    let environment = environment.step(&event, &facts()).machine;
    assert_eq!(environment.used_fact(), UsedEnvironmentFact::Doubtful);
    let (status, reason, message) = said(&environment, READY);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "OperationFailed"));
    assert!(message.contains("the Secret other"), "{message}");
    let due = EnvironmentFacts { now: environment.wake_at().unwrap(), ..facts() };
    let environment = environment.step(&EnvironmentEvent::DeadlineReached, &due).machine;
    let completed = finish(&environment, OperationState::Completed);
    let environment = environment.step(&completed, &due).machine;
    assert_eq!(environment.used_fact(), UsedEnvironmentFact::Resolved);
}

#[test]
fn without_keys_argo_cd_or_tenant_it_waits_and_asks_again() {
    let without_keys = EnvironmentFacts { has_keys: false, ..facts() };
    let no_argo_cd = EnvironmentFacts { instance: None, ..facts() };
    let draining = EnvironmentFacts { tenant: TenantFact::Draining, ..facts() };
    let cases = [
        (without_keys, "Live/AwaitingKeys", "UnableToCreateClusterCredentials"),
        (no_argo_cd, "Live/Awaiting/AwaitingEngine", "KubernetesError"),
        (draining, "Live/Awaiting/AwaitingTenant", "DatabaseError"),
    ];
    for (facts_then, path, reason) in cases {
        let environment = checking(spec());
        let event = checked(&environment, "one", accepted("told"));
        let step = environment.step(&event, &facts_then);
        assert_eq!((step.machine.path().as_str(), step.rows.len()), (path, 0));
        assert_eq!(said(&step.machine, CONNECTION_INITIALIZATION_SUCCEEDED).1, reason);
        let step = step.machine.step(&EnvironmentEvent::FactsChanged, &facts());
        assert_eq!(step.machine.path(), "Live/Checking", "nothing remembers the token");
    }
}

#[test]
fn a_check_that_is_not_answered_is_asked_for_again() {
    let environment = checking(spec());
    let due = EnvironmentFacts { now: Timestamp::default().after(CHECK_DEADLINE), ..facts() };
    assert_eq!(environment.lifecycle.wake_at(), Some(due.now));
    let environment = environment.step(&EnvironmentEvent::DeadlineReached, &due).machine;
    assert_eq!(environment.path(), "Live/Checking");
    assert!(environment.lifecycle.wake_at() > Some(due.now.after(CHECK_DEADLINE)));
}

#[test]
fn an_object_that_only_a_stale_list_had_lost_is_served_again() {
    let environment = served(with_account()).step(&absent(), &facts()).machine;
    let again = seen(10, with_account(), false);
    let environment = environment.step(&again, &facts()).machine;
    assert_eq!(environment.path(), "Leaving/Removing");
    let completed = finish(&environment, OperationState::Completed);
    let environment = environment.step(&completed, &facts()).machine;
    let step = environment.clone().step(&accounts::attempted(&environment, &[]), &facts());
    assert_eq!(step.machine.path(), "Live/Checking");
    let other = OperationId::new("another");
    let event = EnvironmentEvent::OperationObserved { id: other, state: None };
    assert_eq!(step.machine.step(&event, &facts()).machine.path(), "Live/Checking");
}

#[test]
fn of_two_that_seem_to_exist_the_newer_one_counts() {
    let ready = served(spec());
    let mut newer = checking(spec());
    newer.record.uid = EnvironmentUid::new("newer");
    newer.record.last_seen = Revision(5);
    let gone = served(spec()).step(&absent(), &facts()).machine;
    let of = |machines: &[&ManagedEnvironment]| EnvironmentFact::of(machines.iter().copied());
    assert_eq!(of(&[]), EnvironmentFact::Missing);
    assert_eq!(of(&[&gone]), EnvironmentFact::Missing);
    assert_eq!(of(&[&gone, &ready]), ready.fact());
    assert_eq!(of(&[&ready, &newer]), EnvironmentFact::UnderWay);
}
