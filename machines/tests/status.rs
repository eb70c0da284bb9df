//! What the status of a deployment says, and what waiting costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::identity::{
    ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId, Revision,
    TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::{
    Condition, ConditionStyle, MIRROR_BUDGETS, READY, RECONCILING, STALLED, budget_bytes,
    compared_to_digest,
};
use machines::kinds::deployment::destination::Environments;
use machines::kinds::deployment::lifecycle::{Lifecycle, REMOVAL_DEADLINE};
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    Deployment, Event, Facts, Obligation, Report, Snapshot, TenantFact,
};
use machines::machine::{Machine, Step};
use machines::rows::{OperationState, RowChange, TenantRows};
use machines::shared::text::MESSAGE_LIMIT;
use machines::waiting::Wait;

const HOUR: i64 = 3_600_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn spec(path: &str) -> DeploymentSpec {
    DeploymentSpec {
        repo_url: "https://example.com/team/app".to_owned(),
        path: path.to_owned(),
        target_revision: "main".to_owned(),
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    }
}

fn facts(now: Timestamp) -> Facts {
    let tenant = TenantUid::new("tenant");
    let rows = TenantRows {
        namespace: "team".to_owned(),
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        instance: InstanceId::new("instance"),
        tenant,
    };
    Facts {
        now,
        tenant: TenantFact::Active(rows),
        instance: Some(InstanceId::new("instance")),
        argocd_namespace: "argocd".to_owned(),
        isolation: true,
        namesakes: Vec::new(),
        existing_application: None,
        environments: Environments::default(),
        conditions: ConditionStyle::Conventional,
    }
}

fn observed(generation: i64, path: &str) -> Event {
    Event::Observed(Box::new(Snapshot {
        revision: Revision(u64::try_from(generation).unwrap() * 10),
        generation: Generation(generation),
        finalizer: true,
        spec: spec(path),
        ..Snapshot::default()
    }))
}

fn deployment() -> Deployment {
    Deployment::new(DeploymentUid::new("uid"), TenantUid::new("tenant"), "team", "app")
}

fn finished(machine: &Deployment, state: OperationState) -> Event {
    let id = machine.record.open.clone().unwrap().id;
    Event::OperationObserved { id, state: Some(state) }
}

/// A deployment that is applied.
fn settled() -> Deployment {
    let machine = deployment().step(&observed(1, "one"), &facts(at(0))).machine;
    let completed = finished(&machine, OperationState::Completed);
    let machine = machine.step(&completed, &facts(at(1))).machine;
    assert_eq!(machine.path(), "Live/Settled");
    machine
}

/// A rejected deployment that still has its last good Application.
fn rejected() -> Deployment {
    let machine = settled().step(&observed(2, "/"), &facts(at(2))).machine;
    assert_eq!(machine.path(), "Live/Rejected");
    machine
}

/// A report on the spec.
fn report(sync: &str, health: &str) -> Report {
    let (url, path) = ("https://example.com/team/app", "one");
    Report {
        mirrored: Digest::of(&(sync, health)),
        sync: sync.to_owned(),
        health: health.to_owned(),
        compared_to: compared_to_digest(url, path, "main", "in-cluster", "team"),
        ..Report::default()
    }
}

fn conditions(machine: &Deployment) -> Vec<Condition> {
    let obligations = machine.obligations(ConditionStyle::Conventional);
    let conditions = obligations.into_iter().find_map(|one| match one {
        Obligation::StatusWritten(view) => Some(view.conditions),
        _ => None,
    });
    conditions.expect("a status to write")
}

fn status_of(conditions: &[Condition], type_: &str) -> (String, String) {
    let found = conditions.iter().find(|one| one.type_ == type_).expect("the condition");
    (found.status.clone(), found.reason.clone())
}

fn says(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_suspended_deployment_waits_for_a_person_and_says_what_to_do() {
    let event = Event::Reported(Box::new(report("Synced", "Suspended")));
    let conditions = conditions(&settled().step(&event, &facts(at(2))).machine);
    assert_eq!(status_of(&conditions, READY), says("False", "Suspended"));
    assert_eq!(status_of(&conditions, RECONCILING), says("False", "Suspended"));
    assert_eq!(status_of(&conditions, STALLED), says("True", "Suspended"));
    let stalled = conditions.iter().find(|one| one.type_ == STALLED).unwrap();
    assert!(stalled.message.contains("esume"), "{}", stalled.message);
}

/// Every moment until `end` at which a waiting machine changes, and so is written.
fn writes_until(mut machine: Deployment, facts: impl Fn(Timestamp) -> Facts, end: i64) -> usize {
    let mut writes = 0;
    loop {
        let now = machine.wake_at().expect("a deadline");
        if now > at(end) {
            return writes;
        }
        let before = machine.clone();
        // A deadline also checks the facts.
        for event in [Event::FactsChanged, Event::DeadlineReached] {
            machine = machine.step(&event, &facts(now)).machine;
        }
        assert!(machine.wake_at() > Some(now), "{} would spin", machine.path());
        writes += usize::from(machine != before);
    }
}

#[test]
fn waiting_writes_the_row_less_and_less_often() {
    let away = |now| Facts { instance: None, ..facts(now) };
    let draining = |now| Facts { tenant: TenantFact::Draining, ..facts(now) };
    let begin = |facts: Facts| deployment().step(&observed(1, "one"), &facts).machine;
    // After 1, 2, 4, 8, 16 and 32 minutes, and then once an hour.
    for hours in [1, 24] {
        let expected = if hours == 1 { 5 } else { 5 + 24 };
        let writes = writes_until(begin(away(at(0))), away, hours * HOUR);
        assert!(writes <= expected, "{writes} writes in {hours} h without Argo CD");
        let writes = writes_until(begin(draining(at(0))), draining, hours * HOUR);
        assert!(writes <= expected, "{writes} writes in {hours} h without a tenant");
    }
    // No operation is answered, and the finalizer is never removed.
    let writes = writes_until(begin(facts(at(0))), facts, 24 * HOUR);
    assert!(writes <= 5 + 24, "{writes} writes in 24 h without an agent");
    let finalizing = Deployment {
        lifecycle: Lifecycle::Finalizing { deadline: at(30_000), overdue: 0 },
        ..settled()
    };
    let writes = writes_until(finalizing, facts, 24 * HOUR);
    assert!(writes <= 7 + 24, "{writes} writes in 24 h without a finalizer removed");
}

#[test]
fn the_awaited_event_wakes_at_once_however_long_it_took() {
    let away = |now| Facts { instance: None, ..facts(now) };
    let mut machine = deployment().step(&observed(1, "one"), &away(at(0))).machine;
    while machine.wake_at() < Some(at(24 * HOUR)) {
        let now = machine.wake_at().unwrap();
        machine = machine.step(&Event::DeadlineReached, &away(now)).machine;
    }
    let woken = machine.step(&Event::FactsChanged, &facts(at(24 * HOUR))).machine;
    assert_eq!(woken.path(), "Live/Dispatching");
}

fn requests(step: &Step<Deployment>) -> usize {
    step.rows.iter().filter(|row| matches!(row, RowChange::RequestOperation(_))).count()
}

#[test]
fn the_application_of_a_rejected_deployment_is_repaired_and_its_status_kept() {
    let before = rejected();
    let step = before.clone().step(&Event::ApplicationDiffers, &facts(at(1_000)));
    assert_eq!(requests(&step), 1, "an operation is requested");
    assert_eq!(step.rows.len(), 1, "the row of the last good spec stays: {:?}", step.rows);
    let machine = step.machine;
    assert_eq!(machine.path(), "Live/Rejected");
    assert_eq!(machine.error_flag, before.error_flag);
    assert_eq!(machine.mirror, before.mirror);
    assert!(machine.wake_at().is_some(), "a wait for machinery has a deadline");
    // It is requested once.
    let again = machine.clone().step(&Event::ApplicationDiffers, &facts(at(2_000)));
    assert_eq!((requests(&again), &again.machine), (0, &machine));
    // A lost signal is repeated.
    let claimed = finished(&machine, OperationState::InProgress);
    let machine = machine.step(&claimed, &facts(at(3_000))).machine;
    let moment = machine.wake_at().unwrap();
    let machine = machine.step(&Event::DeadlineReached, &facts(moment)).machine;
    assert!(machine.wake_at() > Some(moment));
    assert!(!machine.record.open.as_ref().unwrap().claimed);
    for state in [OperationState::Completed, OperationState::Failed("no".to_owned())] {
        let outcome = finished(&machine, state.clone());
        let machine = machine.clone().step(&outcome, &facts(at(HOUR))).machine;
        assert_eq!(machine.path(), "Live/Rejected");
        assert_eq!((machine.wake_at(), &machine.record.open), (None, &None), "{state:?}");
        assert_eq!(machine.error_flag, before.error_flag, "{state:?}");
        let applied = machine.record.application.as_ref().map(|one| one.applied);
        assert_eq!(applied, Some(state == OperationState::Completed), "{state:?}");
    }
}

#[test]
fn a_rejected_deployment_without_an_application_or_without_argo_cd_repairs_nothing() {
    let never = deployment().step(&observed(1, "/"), &facts(at(0))).machine;
    let away = Facts { instance: None, ..facts(at(1)) };
    for (machine, facts) in [(never, facts(at(1))), (rejected(), away)] {
        let step = machine.clone().step(&Event::ApplicationDiffers, &facts);
        assert_eq!((step.rows, step.machine), (vec![], machine));
    }
}

#[test]
fn a_failed_sync_counts_only_for_what_is_compared_now() {
    let failed = |is_sync_outdated| Report {
        phase: "Failed".to_owned(),
        phase_message: "one or more objects failed to apply".to_owned(),
        is_sync_outdated,
        ..report("Synced", "Progressing")
    };
    for (is_outdated, reason) in [(false, "SyncFailed"), (true, "Progressing")] {
        let event = Event::Reported(Box::new(failed(is_outdated)));
        let conditions = conditions(&settled().step(&event, &facts(at(2))).machine);
        let [reconciling, stalled] = [RECONCILING, STALLED].map(|one| status_of(&conditions, one));
        let says_so = |is: bool| says(if is { "True" } else { "False" }, reason);
        assert_eq!((reconciling, stalled), (says_so(is_outdated), says_so(!is_outdated)));
    }
}

/// A deployment that is being deleted, and whose Application Argo CD has started to remove.
fn removing() -> Deployment {
    let machine = settled();
    let reported = Event::Reported(Box::new(report("Synced", "Healthy")));
    let machine = machine.step(&reported, &facts(at(2))).machine;
    let Event::Observed(mut snapshot) = observed(2, "one") else { panic!("an observation") };
    snapshot.deleting = true;
    let machine = machine.step(&Event::Observed(snapshot), &facts(at(3))).machine;
    let claimed = finished(&machine, OperationState::InProgress);
    let machine = machine.step(&claimed, &facts(at(4))).machine;
    assert_eq!(machine.path(), "Terminating/Removing");
    machine
}

fn removal(error: &str) -> Event {
    let remaining = ["apps/Deployment web (Degraded)".to_owned()];
    Event::RemovalReported(RemovalReport::new(error, 1, remaining.into_iter()))
}

#[test]
fn what_keeps_argo_cd_from_removing_the_resources_is_reported_at_once() {
    let before = removing();
    let quiet = before.clone().step(&removal(""), &facts(at(5))).machine;
    assert_eq!(quiet.mirror, before.mirror, "a removal in progress is not reported");
    let error = "deployments.apps \"web\" is forbidden";
    let event = removal(error);
    let step = quiet.step(&event, &facts(at(6)));
    let again = step.machine.clone().step(&event, &facts(at(7)));
    assert_eq!(again.machine, step.machine);
    let reported = conditions(&step.machine);
    assert_eq!(status_of(&reported, READY), says("False", "DeletionError"));
    assert_eq!(status_of(&reported, RECONCILING), says("False", "DeletionError"));
    assert_eq!(status_of(&reported, STALLED), says("True", "DeletionError"));
    let stalled = reported.iter().find(|one| one.type_ == STALLED).unwrap();
    assert!(stalled.message.contains(error), "{}", stalled.message);
    assert!(stalled.message.contains("apps/Deployment web"), "{}", stalled.message);
    // Argo CD's own condition is mirrored, for clients that read it.
    let mirrored = reported.iter().find(|one| one.type_ == "DeletionError").unwrap();
    assert_eq!((mirrored.status.as_str(), mirrored.message.as_str()), ("True", error));
    // It is resolved.
    let machine = step.machine.step(&removal(""), &facts(at(8))).machine;
    let reported = conditions(&machine);
    assert_eq!(status_of(&reported, STALLED), says("False", "Terminating"));
    assert_eq!(status_of(&reported, "DeletionError"), says("False", "DeletionErrorResolved"));
    let completed = finished(&machine, OperationState::Completed);
    let machine = machine.step(&completed, &facts(at(9))).machine;
    assert_eq!(machine.path(), "Terminating/Finalizing");
}

#[test]
fn a_slow_removal_names_what_is_left() {
    let machine = removing().step(&removal(""), &facts(at(5))).machine;
    let moment = machine.wake_at().unwrap().after(REMOVAL_DEADLINE);
    let machine = machine.step(&Event::DeadlineReached, &facts(moment)).machine;
    let reported = conditions(&machine);
    let error = reported.iter().find(|one| one.type_ == "ErrorOccurred").unwrap();
    assert!(error.message.ends_with("Still there: apps/Deployment web (Degraded)"), "{error:?}");
}

#[test]
fn only_the_conventional_conditions_carry_the_generation() {
    let before = rejected();
    let reported = conditions(&before);
    for one in &reported {
        let expected = match one.type_.as_str() {
            READY | RECONCILING | STALLED => Some(Generation(2)),
            _ => None,
        };
        assert_eq!(one.observed_generation, expected, "{}", one.type_);
    }
    // A wrong one is written again.
    let written = |conditions: Vec<Condition>| {
        let Event::Observed(mut snapshot) = observed(2, "/") else { panic!("an observation") };
        snapshot.observed_generation = Generation(2);
        snapshot.conditions = conditions;
        let event = Event::Observed(snapshot);
        before.clone().step(&event, &facts(at(4))).machine
    };
    assert_eq!(written(reported.clone()).obligations(ConditionStyle::Conventional), []);
    let mut wrong = reported.clone();
    wrong.last_mut().unwrap().observed_generation = Some(Generation(1));
    assert_eq!(conditions(&written(wrong)), reported);
    // Legacy clients get exactly what they expect.
    let legacy = |now| Facts { conditions: ConditionStyle::Legacy, ..facts(now) };
    let machine = deployment().step(&observed(1, "/"), &legacy(at(0))).machine;
    let obligations = machine.obligations(ConditionStyle::Legacy);
    let [Obligation::StatusWritten(view)] = &obligations[..] else { panic!("{obligations:?}") };
    let types: Vec<&str> = view.conditions.iter().map(|one| one.type_.as_str()).collect();
    assert_eq!(types, ["ErrorOccurred"]);
    assert_eq!(view.conditions[0].observed_generation, None);
}

#[test]
fn a_status_rejected_for_its_size_gets_less_room_until_the_spec_changes() {
    let reported = Event::Reported(Box::new(report("Synced", "Degraded")));
    let mut machine = settled().step(&reported, &facts(at(2))).machine;
    for refusal in 0..6 {
        let mirror_budget = machine.record.mirror_budget;
        let event = Event::StatusTooLarge { mirror_budget };
        machine = machine.step(&event, &facts(at(3))).machine;
        // The same refusal, reported twice, counts once.
        let twice = machine.clone().step(&event, &facts(at(3))).machine;
        let is_last = usize::from(machine.record.mirror_budget) == MIRROR_BUDGETS.len() - 1;
        assert!(is_last || twice == machine, "refusal {refusal}");
    }
    let obligations = machine.obligations(ConditionStyle::Conventional);
    let [Obligation::StatusWritten(view)] = &obligations[..] else { panic!("{obligations:?}") };
    assert_eq!(budget_bytes(view.mirror_budget), 0);
    let edited = machine.step(&observed(2, "two"), &facts(at(4))).machine;
    assert_eq!(edited.record.mirror_budget, 0);
}

#[test]
fn what_is_awaited_leaves_room_for_what_a_person_can_do() {
    let message = |what: &str| Wait::for_user(what.to_owned(), "resume the rollout").message();
    assert_eq!(message("it is paused"), "it is paused. Resume the rollout");
    assert_eq!(message("denied by a webhook.\n"), "denied by a webhook. Resume the rollout");
    let long = message(&"x".repeat(5_000));
    assert_eq!(long.chars().count(), MESSAGE_LIMIT);
    assert!(long.ends_with("x.... Resume the rollout"), "{long}");
}

#[test]
fn a_syncing_deployment_says_when_argo_cd_retries_only_where_it_always_did() {
    let retries = |time: &str| {
        let report = Report {
            sync: "OutOfSync".to_owned(),
            health: "Missing".to_owned(),
            phase: "Running".to_owned(),
            phase_message: format!("Retrying attempt #2 at {time}"),
            compared_to: compared_to_digest(
                "https://example.com/team/app",
                "one",
                "main",
                "in-cluster",
                "team",
            ),
            ..Report::default()
        };
        let machine = settled().step(&Event::Reported(Box::new(report)), &facts(at(1))).machine;
        let says = |type_| {
            let view =
                machine.obligations(ConditionStyle::Conventional).into_iter().find_map(|one| {
                    match one {
                        Obligation::StatusWritten(view) => Some(view),
                        _ => None,
                    }
                });
            let found = view.unwrap().conditions.into_iter().find(|one| one.type_ == type_);
            found.unwrap().message
        };
        (says(READY), says(RECONCILING))
    };
    let (first, second) = (retries("10:00AM"), retries("10:05AM"));
    assert_ne!(first.0, second.0, "Ready keeps its text");
    assert_eq!(first.1, second.1, "Reconciling does not move with the time");
}
