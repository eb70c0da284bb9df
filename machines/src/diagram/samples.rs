//! The sample events of each machine, and the exploration over them.

use super::{Chart, Sample, explore};
use crate::application::{ApplicationDocument, render};
use crate::deployment::conditions::ConditionStyle;
use crate::deployment::error_flag::{self as flag, ErrorEvent, ErrorFlag};
use crate::deployment::lifecycle::Lifecycle;
use crate::deployment::mirror::{self as mirroring, Mirror, MirrorEvent};
use crate::deployment::{
    Deployment, Event, ExistingApplication, Facts, Namesake, Snapshot, TenantFact,
};
use crate::drive::drive;
use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, Generation, InstanceId,
    OperationId, Revision, TenantUid, Timestamp,
};
use crate::machine::{Machine, Observation};
use crate::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationPhase, RowView,
};
use crate::rows::{OperationState, TenantRows};
use crate::spec::DeploymentSpec;
use crate::tenant::{Tenant, TenantEvent, TenantFacts};

const TENANT: &str = "namespace-uid";
const UID: &str = "deployment-uid";
const NOW: Timestamp = Timestamp::from_millis(0);
/// Later than any deadline that a step at [`NOW`] or at another such moment sets.
const STRIDE_MS: i64 = 86_400_000;

fn instance() -> InstanceId {
    InstanceId::new("instance")
}

fn tenant_rows() -> TenantRows {
    let tenant = TenantUid::new(TENANT);
    TenantRows {
        user: ClusterUserId::of(&tenant),
        environment: EnvironmentId::in_cluster_of(&tenant),
        namespace: "team-a".to_owned(),
        instance: instance(),
        tenant,
    }
}

fn facts(now: Timestamp) -> Facts {
    Facts {
        now,
        tenant: TenantFact::Active(tenant_rows()),
        instance: Some(instance()),
        argocd_namespace: "argocd".to_owned(),
        isolation: true,
        namesakes: Vec::new(),
        existing_application: None,
        conditions: ConditionStyle::Conventional,
    }
}

fn existing_application() -> ExistingApplication {
    ExistingApplication {
        id: ApplicationId::new("existing"),
        user: tenant_rows().user,
        instance: instance(),
    }
}

fn spec(path: &str) -> DeploymentSpec {
    DeploymentSpec {
        repo_url: "https://example.com/team/app".to_owned(),
        path: path.to_owned(),
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    }
}

/// Sample facts: what the machine finds when it looks.
fn situations(now: Timestamp) -> [(usize, Facts); 4] {
    let draining = Facts { tenant: TenantFact::Draining, ..facts(now) };
    let no_engine = Facts { instance: None, ..facts(now) };
    let older =
        Namesake { uid: DeploymentUid::new("older"), first_seen: Revision(0), waits: false };
    let predecessor = Facts { namesakes: vec![older], ..facts(now) };
    [(0, facts(now)), (1, draining), (2, no_engine), (3, predecessor)]
}

const OBSERVED_WHEN: [&str; 4] = [
    "new valid spec",
    "new valid spec, namespace terminating",
    "new valid spec, Argo CD missing",
    "new valid spec, predecessor left",
];
const FACTS_WHEN: [&str; 4] =
    ["all is there", "namespace terminating", "Argo CD missing", "predecessor left"];
const DEADLINE_WHEN: [&str; 4] = [
    "passed",
    "passed, namespace terminating",
    "passed, Argo CD missing",
    "passed, predecessor left",
];

fn deployment_events(deployment: &Deployment) -> Vec<(&'static str, Event, Facts)> {
    let record = &deployment.record;
    let mut events = Vec::new();
    let other = if record.spec.path == "one" { "two" } else { "one" };
    let newer = Snapshot {
        revision: Revision(record.last_seen.0 + 10),
        generation: Generation(record.generation.0 + 1),
        finalizer: true,
        spec: spec(other),
        ..Snapshot::default()
    };
    let observed = |snapshot| Event::Observed(Box::new(snapshot));
    let later = Timestamp::from_millis(
        deployment.wake_at().map_or(0, Timestamp::as_millis).saturating_add(STRIDE_MS),
    );
    for (index, facts) in situations(NOW) {
        events.push((OBSERVED_WHEN[index], observed(newer.clone()), facts.clone()));
        events.push((FACTS_WHEN[index], Event::FactsChanged, facts));
    }
    for (index, facts) in situations(later) {
        events.push((DEADLINE_WHEN[index], Event::DeadlineReached, facts));
    }
    let now = facts(NOW);
    events.push(("early", Event::DeadlineReached, now.clone()));
    events.push(("", Event::ApplicationDiffers, now.clone()));
    let invalid = Snapshot { spec: spec(""), ..newer.clone() };
    events.push(("new invalid spec", observed(invalid), now.clone()));
    let mut elsewhere = newer.clone();
    elsewhere.spec.environment = "staging".to_owned();
    let existing = Facts { existing_application: Some(existing_application()), ..now.clone() };
    let when = "new spec with an environment, of an earlier installation";
    events.push((when, observed(elsewhere), existing));
    let same = Snapshot {
        generation: record.generation,
        spec: record.spec.clone(),
        finalizer: record.finalizer,
        ..newer.clone()
    };
    events.push(("nothing new", observed(same), now.clone()));
    let deleting = Snapshot { deleting: true, ..newer.clone() };
    events.push(("being deleted", observed(deleting.clone()), now.clone()));
    let released = Snapshot { finalizer: false, ..deleting };
    events.push(("being deleted, our finalizer gone", observed(released), now.clone()));
    if record.present {
        let stale = Snapshot { revision: Revision(record.last_seen.0 - 1), ..newer };
        events.push(("stale", observed(stale), now.clone()));
        let as_of = Revision(record.last_seen.0 - 1);
        events.push(("stale", Event::Absent { as_of }, now.clone()));
    }
    let as_of = Revision(record.last_seen.0 + 10);
    events.push(("current", Event::Absent { as_of }, now.clone()));
    events
        .extend(operation_observations(deployment).map(|(when, event)| (when, event, now.clone())));
    events.push(("", Event::Reported(Box::default()), now));
    events
}

fn operation_observations(
    deployment: &Deployment,
) -> impl Iterator<Item = (&'static str, Event)> + use<> {
    let other = OperationId::new("another");
    let open = deployment.record.open.as_ref().map(|open| open.id.clone());
    let states = [
        ("Waiting", Some(OperationState::Waiting)),
        ("In_Progress", Some(OperationState::InProgress)),
        ("Completed", Some(OperationState::Completed)),
        ("Failed", Some(OperationState::Failed("refused".to_owned()))),
        ("row lost", None),
    ];
    let of_open = states.into_iter().filter_map(move |(when, state)| {
        Some((when, Event::OperationObserved { id: open.clone()?, state }))
    });
    let completed = Some(OperationState::Completed);
    of_open.chain([("of another", Event::OperationObserved { id: other, state: completed })])
}

/// All that decides about where a lifecycle goes next.
fn lifecycle_key(deployment: &Deployment) -> String {
    let record = &deployment.record;
    let again = match &deployment.lifecycle {
        Lifecycle::Dispatching { again, .. } | Lifecycle::Removing { again, .. } => *again,
        Lifecycle::Unseen {}
        | Lifecycle::Rejected { .. }
        | Lifecycle::Frozen {}
        | Lifecycle::AwaitingTenant { .. }
        | Lifecycle::AwaitingEngine { .. }
        | Lifecycle::AwaitingPredecessor { .. }
        | Lifecycle::BackingOff { .. }
        | Lifecycle::Settled {}
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::RemovalFrozen {}
        | Lifecycle::Finalizing { .. }
        | Lifecycle::Gone {} => false,
    };
    let application = record.application.as_ref();
    let wanted = application.map(|one| (one.applied, one.digest.clone()));
    let open = record.open.as_ref().map(|open| open.claimed);
    let spec = (&record.spec.path, &record.spec.environment);
    let object = (record.present, record.finalizer, spec);
    format!("{} {again} {wanted:?} {open:?} {object:?}", deployment.path())
}

/// Explores the lifecycle of a deployment.
pub fn lifecycle() -> Chart {
    let uid = DeploymentUid::new(UID);
    let initial = Deployment::new(uid, TenantUid::new(TENANT), "team-a", "app");
    let samples = |deployment: &Deployment| {
        let step = |(when, event, facts): (&'static str, Event, Facts)| {
            let step = deployment.clone().step(&event, &facts);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        deployment_events(deployment).into_iter().map(step).collect()
    };
    explore("Lifecycle", initial, Deployment::path, lifecycle_key, samples)
}

/// Explores the region behind `ErrorOccurred`.
pub fn error_flag() -> Chart {
    let samples = |state: &ErrorFlag| {
        let raised = |text: &str| ErrorEvent::Raised(text.to_owned());
        let events = [
            ("Raised", "a text", raised("one")),
            ("Raised", "another text", raised("two")),
            ("Cleared", "", ErrorEvent::Cleared),
        ];
        let step = |(event, when, sample)| {
            let mut next = state.clone();
            let handling = drive(&mut next, &mut flag::Region, &sample, &mut ());
            Sample { event, when, next, handling }
        };
        events.into_iter().map(step).collect()
    };
    let key = |state: &ErrorFlag| format!("{state:?}");
    explore("Error flag", ErrorFlag::Never {}, |state| state.path().to_owned(), key, samples)
}

/// Explores the region that keeps the status up to date.
pub fn mirror() -> Chart {
    let samples = |state: &Mirror| {
        let due = state.wake_at().map_or(0, Timestamp::as_millis);
        let compared = |matches, hold, now| MirrorEvent::Compared {
            matches,
            hold,
            now: Timestamp::from_millis(now),
        };
        let events = [
            ("ObjectGone", "", MirrorEvent::ObjectGone),
            ("Compared", "status matches", compared(true, false, due - 1)),
            ("Compared", "status differs", compared(false, false, due - 1)),
            ("Compared", "status differs, outcome is near", compared(false, true, due - 1)),
            ("Compared", "status differs, outcome is late", compared(false, true, due)),
        ];
        let step = |(event, when, sample)| {
            let mut next = state.clone();
            let handling = drive(&mut next, &mut mirroring::Region, &sample, &mut ());
            Sample { event, when, next, handling }
        };
        events.into_iter().map(step).collect()
    };
    let path = |state: &Mirror| state.path().to_owned();
    explore("Status mirror", Mirror::Silent {}, path, path, samples)
}

/// Explores a tenant.
pub fn tenant() -> Chart {
    let initial = Tenant::new(TenantUid::new(TENANT), "team-a");
    let samples = |tenant: &Tenant| {
        let facts = |instance| TenantFacts { instance, ..TenantFacts::default() };
        let there = facts(Some(instance()));
        let observed = |terminating| TenantEvent::NamespaceObserved { terminating };
        let counted = |deployments| TenantEvent::ChildrenCounted { deployments };
        let events = [
            ("Argo CD is there", TenantEvent::Needed, there.clone()),
            ("Argo CD missing", TenantEvent::Needed, facts(None)),
            ("it lives", observed(false), there.clone()),
            ("it is terminating", observed(true), there.clone()),
            ("", TenantEvent::NamespaceAbsent, there.clone()),
            ("none is left", counted(0), there.clone()),
            ("some are left", counted(2), there),
        ];
        let step = |(when, event, facts): (_, TenantEvent, TenantFacts)| {
            let step = tenant.clone().step(&event, &facts);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        events.into_iter().map(step).collect()
    };
    let path = |tenant: &Tenant| tenant.path();
    explore("Tenant", initial, path, path, samples)
}

fn document() -> ApplicationDocument {
    let uid = DeploymentUid::new(UID);
    render(&uid, "team-a", &spec("one"), "argocd", "app-project-team-a".to_owned())
}

fn operation_events(operation: &Operation) -> Vec<(&'static str, OperationEvent, Timestamp)> {
    let row = |state, target| {
        OperationEvent::RowObserved(Box::new(RowView {
            state,
            application: ApplicationId::new("application"),
            owner: ClusterUserId::new("user"),
            requester: Some(DeploymentUid::new(UID)),
            target,
        }))
    };
    let argo = |project_matches, application| {
        OperationEvent::ArgoObserved(Box::new(ArgoView { project_matches, application }))
    };
    let says = |spec| ApplicationView::Present {
        spec: Box::new(spec),
        labelled: true,
        deleting: false,
        sync: None,
    };
    let right = || says(document().spec);
    let wrong = || says(crate::application::ApplicationSpec::default());
    let due = operation.wake_at().map_or(0, Timestamp::as_millis);
    let later = Timestamp::from_millis(due.saturating_add(STRIDE_MS));
    let failed = OperationState::Failed("refused".to_owned());
    let events = [
        ("an Application is wanted", row(OperationState::Waiting, Some(document()))),
        ("none is wanted", row(OperationState::InProgress, None)),
        ("it was completed", row(OperationState::Completed, None)),
        ("it had failed", row(failed, None)),
        ("", OperationEvent::RowAbsent),
        ("project and Application match", argo(true, right())),
        ("project matches, Application differs", argo(true, wrong())),
        ("project matches, no Application", argo(true, ApplicationView::Absent)),
        ("project differs, Application matches", argo(false, right())),
        ("project differs, no Application", argo(false, ApplicationView::Absent)),
        ("", OperationEvent::Refused { text: "denied".to_owned() }),
        ("", OperationEvent::SignalAbsent),
        ("early", OperationEvent::DeadlineReached),
    ];
    let mut events: Vec<_> = events.into_iter().map(|(when, event)| (when, event, NOW)).collect();
    events.push(("passed", OperationEvent::DeadlineReached, later));
    events
}

/// Explores an operation.
pub fn operation() -> Chart {
    let initial = Operation::new(OperationId::new("operation"));
    let samples = |operation: &Operation| {
        let step = |(when, event, now): (&'static str, OperationEvent, Timestamp)| {
            let step = operation.clone().step(&event, &now);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        operation_events(operation).into_iter().map(step).collect()
    };
    let key = |operation: &Operation| match &operation.state {
        OperationPhase::Deleting { overdue, .. } => format!("Deleting {}", (*overdue).min(1)),
        _ => operation.path(),
    };
    explore("Operation", initial, |operation| operation.path(), key, samples)
}
