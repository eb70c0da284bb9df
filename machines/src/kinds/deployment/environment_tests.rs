//! What a deployment does about environments, step by step.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use super::conditions::{ERROR_OCCURRED, STALLED, compared_to_digest, report_is_current};
use super::destination::{Destination, EnvironmentUse, Environments};
use super::spec::DeploymentSpec;
use super::*;
use crate::identity::EnvironmentId;
use crate::kinds::managed_environment::{EnvironmentFact, UsedEnvironmentFact};
use crate::machine::Step;
use crate::rows::{ApplicationRows, RowChange, TenantRows};
use crate::shared::messages;

fn staging() -> EnvironmentId {
    EnvironmentId::new("staging-id")
}

fn ready() -> EnvironmentFact {
    EnvironmentFact::Ready(staging())
}

fn facts(seconds: u64, named: EnvironmentFact) -> Facts {
    let tenant = TenantUid::new("tenant");
    let rows = TenantRows {
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        namespace: "team-a".to_owned(),
        instance: InstanceId::new("instance"),
        tenant,
    };
    Facts {
        now: Timestamp::default().after(Duration::from_secs(seconds)),
        instance: Some(rows.instance.clone()),
        tenant: TenantFact::Active(rows),
        argocd_namespace: "argocd".to_owned(),
        isolation: true,
        namesakes: Vec::new(),
        existing_application: None,
        environments: Environments { named, used: UsedEnvironmentFact::Resolved },
        conditions: ConditionStyle::Conventional,
    }
}

fn using(used: UsedEnvironmentFact, facts: Facts) -> Facts {
    let named = facts.environments.named.clone();
    Facts { environments: Environments { named, used }, ..facts }
}

fn seen(generation: i64, environment: &str, deleting: bool) -> Event {
    let spec = DeploymentSpec {
        repo_url: "https://example.com/team/app".to_owned(),
        path: "deploy".to_owned(),
        environment: environment.to_owned(),
        destination_namespace: if environment.is_empty() { "" } else { "jane" }.to_owned(),
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    };
    Event::Observed(Box::new(Snapshot {
        revision: Revision(u64::try_from(generation).unwrap()),
        generation: Generation(generation),
        deleting,
        finalizer: true,
        spec,
        ..Snapshot::default()
    }))
}

fn new() -> Deployment {
    Deployment::new(DeploymentUid::new("uid"), TenantUid::new("tenant"), "team-a", "app")
}

fn first(named: EnvironmentFact) -> Step<Deployment> {
    new().step(&seen(1, "staging", false), &facts(0, named))
}

fn complete(deployment: Deployment, facts: &Facts) -> Step<Deployment> {
    let id = deployment.record.open.clone().expect("an open operation").id;
    let state = Some(OperationState::Completed);
    deployment.step(&Event::OperationObserved { id, state }, facts)
}

/// One whose Application deploys to the environment.
fn settled() -> Deployment {
    let deployment = complete(first(ready()).machine, &facts(1, ready())).machine;
    assert_eq!(deployment.path(), "Live/Settled");
    deployment
}

fn look(deployment: Deployment, facts: &Facts) -> Step<Deployment> {
    deployment.step(&Event::FactsChanged, facts)
}

fn put(rows: &[RowChange]) -> ApplicationRows {
    let put = rows.iter().find_map(|row| match row {
        RowChange::PutApplication(rows) => Some((**rows).clone()),
        _ => None,
    });
    put.unwrap_or_else(|| panic!("no application in {rows:?}"))
}

fn operations(rows: &[RowChange]) -> usize {
    rows.iter().filter(|row| matches!(row, RowChange::RequestOperation(_))).count()
}

fn condition(deployment: &Deployment, type_: &str) -> (String, String, String) {
    let conditions = status::wanted(deployment, ConditionStyle::Conventional).conditions;
    let found = conditions.into_iter().find(|one| one.type_ == type_);
    let found = found.unwrap_or_else(|| panic!("no {type_}"));
    (found.status, found.reason, found.message)
}

fn has_complained(deployment: &Deployment) -> bool {
    matches!(deployment.error_flag, ErrorFlag::Raised { .. })
}

#[test]
fn a_ready_environment_is_deployed_to_by_its_name_in_argo_cd() {
    let Step { machine, rows, .. } = first(ready());
    let written = put(&rows);
    assert_eq!(written.environment, staging());
    assert_eq!(written.document.spec.destination.name, "managed-env-staging-id");
    assert_eq!(written.document.spec.destination.namespace, "jane");
    assert_eq!(machine.path(), "Live/Dispatching");
    assert_eq!(machine.use_of(&staging()), Some(EnvironmentUse::Served));
    assert_eq!(machine.use_of(&EnvironmentId::new("other")), None);
    let mut settled = settled();
    // Reports name an environment by the id of its row.
    let of = |name: &str| Report {
        compared_to: compared_to_digest("https://example.com/team/app", "deploy", "", name, "jane"),
        ..Report::default()
    };
    settled.record.report = Some(of("in-cluster"));
    assert!(!report_is_current(&settled.record));
    settled.record.report = Some(of("staging-id"));
    assert!(report_is_current(&settled.record));
}

#[test]
fn a_missing_environment_is_complained_of_after_a_moment_and_an_invalid_one_at_once() {
    let cases = [
        (EnvironmentFact::Missing, Some(5)),
        (EnvironmentFact::UnderWay, Some(60)),
        (EnvironmentFact::Unknown, Some(60)),
        (EnvironmentFact::Invalid, None),
    ];
    for (named, delay) in cases {
        let Step { machine, rows, .. } = first(named.clone());
        assert_eq!((machine.path().as_str(), rows.len()), ("Live/AwaitingEnvironment", 0));
        assert_eq!(has_complained(&machine), delay.is_none(), "{named:?}");
        let due = delay.map(|seconds| Timestamp::default().after(Duration::from_secs(seconds)));
        assert_eq!(machine.lifecycle.wake_at(), due);
        let late = facts(delay.unwrap_or_default(), named);
        let machine = machine.step(&Event::DeadlineReached, &late).machine;
        let said = condition(&machine, ERROR_OCCURRED);
        assert_eq!((said.0.as_str(), said.2.as_str()), ("True", messages::ENVIRONMENT));
        assert_eq!(condition(&machine, STALLED).1, "EnvironmentNotReady");
        assert_eq!(machine.lifecycle.wake_at(), None, "it is a person's turn");
        // It goes on by itself.
        let step = look(machine, &late.clone());
        assert_eq!(step.machine.path(), "Live/AwaitingEnvironment");
        let step = look(step.machine, &facts(100, ready()));
        assert_eq!(step.machine.path(), "Live/Dispatching");
        let machine = complete(step.machine, &facts(101, ready())).machine;
        assert_eq!(condition(&machine, ERROR_OCCURRED).0, "False");
    }
}

#[test]
fn patience_becomes_shorter_and_never_longer() {
    let underway = first(EnvironmentFact::UnderWay).machine;
    let missing = look(underway, &facts(1, EnvironmentFact::Missing)).machine;
    let due = Timestamp::default().after(Duration::from_secs(6));
    assert_eq!(missing.lifecycle.wake_at(), Some(due));
    let again = look(missing, &facts(2, EnvironmentFact::UnderWay)).machine;
    assert_eq!(again.lifecycle.wake_at(), Some(due));
    let invalid = look(again, &facts(3, EnvironmentFact::Invalid)).machine;
    assert!(has_complained(&invalid));
    let again = look(invalid, &facts(4, EnvironmentFact::UnderWay)).machine;
    assert!(has_complained(&again) && again.lifecycle.wake_at().is_none());
}

#[test]
fn one_that_was_served_keeps_its_application_and_says_what_is_wrong() {
    let Step { machine, rows, .. } = look(settled(), &facts(2, EnvironmentFact::Invalid));
    assert_eq!((machine.path().as_str(), rows.len()), ("Live/AwaitingEnvironment", 0));
    assert_eq!(condition(&machine, ERROR_OCCURRED).2, messages::ENVIRONMENT_UPDATE);
    let step =
        machine.clone().step(&Event::ApplicationDiffers, &facts(3, EnvironmentFact::Invalid));
    assert_eq!(operations(&step.rows), 1, "the last good Application stays as it was");
    let step = look(machine, &facts(4, ready()));
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Live/Settled", 0));
    assert_eq!(condition(&step.machine, ERROR_OCCURRED).0, "False");
    // While nothing is known of it, nothing changes.
    for named in [EnvironmentFact::Unknown, EnvironmentFact::UnderWay] {
        let step = look(settled(), &facts(2, named));
        assert_eq!((step.machine, step.rows.len()), (settled(), 0));
    }
}

#[test]
fn appendix_a_a_spec_switches_between_environments_and_its_own_namespace() {
    let to = |deployment: Deployment, generation, environment: &str, named| {
        let event = seen(generation, environment, false);
        let step = deployment.step(&event, &facts(2, named));
        (put(&step.rows).environment, operations(&step.rows), step.machine)
    };
    let (environment, requested, _) = to(settled(), 2, "", EnvironmentFact::default());
    let own = EnvironmentId::in_cluster_of(&TenantUid::new("tenant"));
    assert_eq!((environment, requested), (own, 1));
    let other = EnvironmentId::new("other");
    let named = EnvironmentFact::Ready(other.clone());
    let (environment, requested, machine) = to(settled(), 2, "other", named);
    assert_eq!((environment, requested), (other.clone(), 1));
    assert_eq!(machine.environment_name(), Some("other"));
    assert_eq!(machine.use_of(&other), Some(EnvironmentUse::Served));
}

#[test]
fn when_its_environment_leaves_the_application_loses_its_destination() {
    let left =
        |seconds| using(UsedEnvironmentFact::Leaving, facts(seconds, EnvironmentFact::Missing));
    let Step { machine, rows, .. } = look(settled(), &left(2));
    assert_eq!((machine.path().as_str(), operations(&rows)), ("Live/AwaitingEnvironment", 1));
    assert_eq!(rows.len(), 1, "the environment's own step has emptied the row");
    assert!(has_complained(&machine), "it was served");
    assert_eq!(machine.use_of(&staging()), None);
    assert!(machine.lifecycle.wake_at().is_some(), "the agent has a deadline");
    let gone = facts(3, EnvironmentFact::Missing);
    let machine = complete(machine, &gone).machine;
    assert_eq!((machine.lifecycle.wake_at(), machine.record.open.is_none()), (None, true));
    // The same environment may come back, after a list that had lost it.
    let step = look(machine, &facts(4, ready()));
    assert_eq!(put(&step.rows).environment, staging());
}

#[test]
fn an_operation_from_before_the_environment_left_is_followed_by_another() {
    let dispatching = first(ready()).machine;
    let left = using(UsedEnvironmentFact::Gone, facts(1, EnvironmentFact::Missing));
    let Step { machine, rows, .. } = look(dispatching, &left);
    assert_eq!((machine.path().as_str(), rows.len()), ("Live/AwaitingEnvironment", 0));
    assert!(machine.lifecycle.wake_at().is_some(), "the agent has a deadline");
    let step = complete(machine, &facts(2, EnvironmentFact::Missing));
    assert_eq!(operations(&step.rows), 1);
    let step = complete(step.machine, &facts(3, EnvironmentFact::Missing));
    assert_eq!(operations(&step.rows), 0);
}

#[test]
fn a_rejected_one_loses_its_destination_as_well() {
    let mut event = seen(2, "staging", false);
    let Event::Observed(snapshot) = &mut event else { panic!("{event:?}") };
    snapshot.spec.path.clear();
    let rejected = settled().step(&event, &facts(2, ready())).machine;
    assert_eq!(rejected.path(), "Live/Rejected");
    let left = using(UsedEnvironmentFact::Leaving, facts(3, EnvironmentFact::Missing));
    let Step { machine, rows, .. } = look(rejected, &left);
    assert_eq!((machine.path().as_str(), operations(&rows)), ("Live/Rejected", 1));
    assert_eq!(machine.use_of(&staging()), None);
    assert!(machine.lifecycle.wake_at().is_some());
}

#[test]
fn a_rejected_one_says_so_when_its_environment_fails() {
    let mut event = seen(1, "staging", false);
    let Event::Observed(snapshot) = &mut event else { panic!("{event:?}") };
    snapshot.spec.sync_options = vec!["Sometimes=true".to_owned()];
    let says =
        |deployment: &Deployment| (deployment.path(), condition(deployment, ERROR_OCCURRED).2);
    let rejected = new().step(&event, &facts(0, ready())).machine;
    assert_eq!(says(&rejected), ("Live/Rejected".to_owned(), messages::SYNC_OPTION.to_owned()));
    let failing = look(rejected, &facts(1, EnvironmentFact::Invalid)).machine;
    let expected = ("Live/AwaitingEnvironment".to_owned(), messages::ENVIRONMENT.to_owned());
    assert_eq!(says(&failing), expected);
    let rejected = look(failing, &facts(2, ready())).machine;
    assert_eq!(says(&rejected), ("Live/Rejected".to_owned(), messages::SYNC_OPTION.to_owned()));
}

#[test]
fn one_that_moves_elsewhere_asks_only_once() {
    let left = using(UsedEnvironmentFact::Leaving, facts(2, EnvironmentFact::Missing));
    let step = settled().step(&seen(2, "", false), &left);
    assert_eq!(operations(&step.rows), 1);
    assert_eq!(step.machine.record.destination(), Destination::InCluster {});
}

#[test]
fn a_removal_waits_until_argo_cd_can_resolve_the_destination() {
    let doubtful = |seconds| using(UsedEnvironmentFact::Doubtful, facts(seconds, ready()));
    let Step { machine, rows, .. } = settled().step(&seen(2, "staging", true), &doubtful(2));
    assert_eq!((machine.path().as_str(), rows.len()), ("Terminating/AwaitingDestination", 0));
    assert_eq!(machine.use_of(&staging()), Some(EnvironmentUse::Removed));
    assert_eq!(machine.environment_name(), Some("staging"));
    let obligations = machine.obligations(ConditionStyle::Conventional);
    assert!(!obligations.contains(&Obligation::FinalizerRemoved));
    let step = machine.clone().step(&Event::DeadlineReached, &doubtful(62));
    assert_eq!(step.machine.path(), "Terminating/AwaitingDestination");
    assert!(step.machine.lifecycle.wake_at() > machine.lifecycle.wake_at());
    // It begins as soon as it can, and also when the environment has gone: nothing would change.
    let ends =
        [UsedEnvironmentFact::Resolved, UsedEnvironmentFact::Leaving, UsedEnvironmentFact::Gone];
    for used in ends {
        let step = look(machine.clone(), &using(used, facts(3, ready())));
        assert_eq!(step.machine.path(), "Terminating/Removing", "{used:?}");
        let removes = |row: &RowChange| matches!(row, RowChange::RemoveApplication(_));
        assert!(step.rows.iter().any(removes));
        assert_eq!(step.machine.use_of(&staging()), Some(EnvironmentUse::Removed));
    }
    // An Application in the tenant's own namespace has nothing to wait for.
    let own = new().step(&seen(1, "", false), &facts(0, EnvironmentFact::default())).machine;
    let step = own.step(&seen(2, "", true), &doubtful(1));
    assert_eq!(step.machine.path(), "Terminating/Removing");
}

fn existing() -> ExistingApplication {
    ExistingApplication {
        id: ApplicationId::new("existing"),
        user: ClusterUserId::of(&TenantUid::new("tenant")),
        instance: InstanceId::new("instance"),
        destination: Destination::default(),
    }
}

/// One that an earlier version has frozen: it had not noted where the Application deploys to.
fn frozen() -> Deployment {
    let not_served = facts(0, EnvironmentFact::NotServed);
    let adopting = Facts { existing_application: Some(existing()), ..not_served };
    let deployment = new().step(&seen(1, "staging", false), &adopting).machine;
    assert_eq!(deployment.path(), "Live/Frozen");
    deployment
}

fn adopting(named: EnvironmentFact) -> Facts {
    let destination = Destination::Environment { id: staging(), name: "staging".to_owned() };
    let existing_application = Some(ExistingApplication { destination, ..existing() });
    Facts { existing_application, ..facts(1, named) }
}

#[test]
fn what_was_frozen_goes_on_once_environments_are_served() {
    for named in [ready(), EnvironmentFact::UnderWay, EnvironmentFact::Unknown] {
        let step = look(frozen(), &adopting(named));
        assert_eq!(step.machine.path(), "Live/Dispatching");
        assert_eq!(put(&step.rows).environment, staging());
    }
    let step = look(frozen(), &adopting(EnvironmentFact::Invalid));
    assert_eq!((step.machine.path().as_str(), step.rows.len()), ("Live/AwaitingEnvironment", 0));
    assert_eq!(step.machine.use_of(&staging()), Some(EnvironmentUse::Served));
}

#[test]
fn a_removal_that_was_frozen_goes_on_once_environments_are_served() {
    let deleting = seen(2, "staging", true);
    let not_served = facts(1, EnvironmentFact::NotServed);
    let frozen = frozen().step(&deleting, &not_served).machine;
    assert_eq!(frozen.path(), "Terminating/RemovalFrozen");
    assert_eq!(frozen.environment_name(), Some("staging"));
    let doubtful = using(UsedEnvironmentFact::Doubtful, adopting(ready()));
    let step = look(frozen.clone(), &doubtful);
    assert_eq!(step.machine.path(), "Terminating/AwaitingDestination");
    let step = look(frozen, &adopting(ready()));
    assert_eq!(step.machine.path(), "Terminating/Removing");
}

#[test]
fn where_it_deploys_to_is_learnt_until_something_is_written() {
    let facts = adopting(ready());
    let existing = facts.existing_application.as_ref();
    let there = existing.unwrap().destination.clone();
    let frozen = frozen();
    assert!(frozen.may_adopt());
    assert_eq!(*frozen.destination_with(existing), there);
    assert_eq!(*frozen.destination_with(None), Destination::InCluster {});
    let served = look(frozen, &facts).machine;
    assert!(!served.may_adopt());
    let elsewhere = self::existing();
    assert_eq!(*served.destination_with(Some(&elsewhere)), there);
    // The step that sees it first takes over what there is.
    assert_eq!(*new().destination_with(existing), there);
}

#[test]
fn an_application_without_a_destination_that_was_frozen_is_asked_for_once() {
    let destination = Destination::Nowhere { is_requested: false };
    let existing_application = Some(ExistingApplication { destination, ..existing() });
    let nowhere = Facts { existing_application, ..facts(1, EnvironmentFact::Missing) };
    let step = look(frozen(), &nowhere);
    assert_eq!(step.machine.path(), "Live/AwaitingEnvironment");
    assert_eq!(operations(&step.rows), 1);
    let step = complete(step.machine, &nowhere);
    assert_eq!(operations(&step.rows), 0);
    let step = look(step.machine, &nowhere);
    assert_eq!(
        (step.machine.path().as_str(), operations(&step.rows)),
        ("Live/AwaitingEnvironment", 0)
    );
}
