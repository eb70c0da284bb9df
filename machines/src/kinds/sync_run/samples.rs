//! The sample events of a sync run, and the exploration over them.

use super::facts::{DeploymentFact, OtherRun, SettledApplication, SyncRunFacts, SyncTarget};
use super::{SyncRun, SyncRunEvent, SyncRunSnapshot, SyncRunSpec, SyncRunUid};
use crate::diagram::chart::{Chart, NOW, STRIDE_MS, Sample, explore};
use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Generation, InstanceId, OperationId, Revision,
    TenantUid, Timestamp,
};
use crate::machine::{Machine, Observation};
use crate::rows::OperationState;
use crate::shared::condition::ConditionStyle;

fn facts(deployment: DeploymentFact) -> SyncRunFacts {
    SyncRunFacts {
        now: NOW,
        deployment,
        others: Vec::new(),
        existing: None,
        has_begun: false,
        conditions: ConditionStyle::Conventional,
    }
}

fn target(uid: &str, is_manual: bool, is_settled: bool) -> DeploymentFact {
    let application = SettledApplication {
        id: ApplicationId::new("application"),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("instance"),
    };
    DeploymentFact::Present(Box::new(SyncTarget {
        uid: DeploymentUid::new(uid),
        generation: Generation(1),
        is_manual,
        settled: is_settled.then_some(application),
    }))
}

fn snapshot(deployment: &str, revision: &str, deleting: bool) -> SyncRunEvent {
    SyncRunEvent::Observed(Box::new(SyncRunSnapshot {
        revision: Revision(1),
        generation: Generation(1),
        created: Timestamp::from_millis(1_000),
        deleting,
        spec: SyncRunSpec { deployment_name: deployment.to_owned(), revision: revision.to_owned() },
        conditions: Vec::new(),
    }))
}

fn events(run: &SyncRun) -> Vec<(&'static str, SyncRunEvent, SyncRunFacts)> {
    let settled = || facts(target("deployment", true, true));
    let first = OtherRun {
        uid: SyncRunUid::new("another"),
        created: Timestamp::from_millis(0),
        has_turn: true,
    };
    let preceded = SyncRunFacts { others: vec![first], ..settled() };
    let due = run
        .wake_at()
        .map_or(NOW, |moment| Timestamp::from_millis(moment.as_millis().saturating_add(STRIDE_MS)));
    let mut events = vec![
        ("may be synced", snapshot("app", "", false), settled()),
        (
            "it had begun before",
            snapshot("app", "", false),
            SyncRunFacts { has_begun: true, ..settled() },
        ),
        ("no such deployment", snapshot("app", "", false), facts(DeploymentFact::Missing)),
        ("an impossible revision", snapshot("app", "\n", false), settled()),
        ("deleting", snapshot("app", "", true), settled()),
        ("", SyncRunEvent::Absent { as_of: Revision(2) }, settled()),
        ("may be synced", SyncRunEvent::FactsChanged, settled()),
        ("an earlier run", SyncRunEvent::FactsChanged, preceded),
        ("deployment missing", SyncRunEvent::FactsChanged, facts(DeploymentFact::Missing)),
        ("deployment replaced", SyncRunEvent::FactsChanged, facts(target("new", true, true))),
        (
            "deployment not settled",
            SyncRunEvent::FactsChanged,
            facts(target("deployment", true, false)),
        ),
        (
            "deployment automated",
            SyncRunEvent::FactsChanged,
            facts(target("deployment", false, true)),
        ),
        ("early", SyncRunEvent::DeadlineReached, settled()),
        ("passed", SyncRunEvent::DeadlineReached, SyncRunFacts { now: due, ..settled() }),
    ];
    let open = run.record.open.as_ref().map(|open| open.id.clone());
    let states = [
        ("In_Progress", Some(OperationState::InProgress)),
        ("Completed", Some(OperationState::Completed)),
        ("Failed", Some(OperationState::Failed("a hook failed".to_owned()))),
        ("row lost", None),
    ];
    let observed = |id: OperationId, state| SyncRunEvent::OperationObserved {
        id,
        state,
        message: String::new(),
    };
    let of_open = states
        .into_iter()
        .filter_map(|(when, state)| Some((when, observed(open.clone()?, state), settled())));
    events.extend(of_open);
    let completed = Some(OperationState::Completed);
    events.push(("of another", observed(OperationId::new("another"), completed), settled()));
    events
}

/// Explores a sync run.
pub(crate) fn sync_run() -> Chart {
    let initial =
        SyncRun::new(SyncRunUid::new("run-uid"), TenantUid::new("namespace-uid"), "team-a", "sync");
    let samples = |run: &SyncRun| {
        let step = |(when, event, facts): (&'static str, SyncRunEvent, SyncRunFacts)| {
            let step = run.clone().step(&event, &facts);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        events(run).into_iter().map(step).collect()
    };
    let key = |run: &SyncRun| {
        let record = &run.record;
        let open = record.open.as_ref().map(|open| open.claimed);
        format!("{} {open:?} {}", run.path(), record.sync.is_some())
    };
    explore("SyncRun", initial, |run| run.path(), key, samples)
}
