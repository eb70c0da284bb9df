//! The sample events of a deployment's regions, and the exploration over them.

use super::conditions::ConditionStyle;
use super::destination::{Destination, Environments};
use super::error_flag::{self as flag, ErrorEvent, ErrorFlag};
use super::lifecycle::Lifecycle;
use super::spec::DeploymentSpec;
use super::{Deployment, Event, ExistingApplication, Facts, Namesake, Snapshot, TenantFact};
use crate::diagram::chart::{Chart, NOW, STRIDE_MS, Sample, explore};
use crate::drive::drive;
use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, Generation, InstanceId,
    OperationId, Revision, TenantUid, Timestamp,
};
use crate::kinds::managed_environment::{EnvironmentFact, UsedEnvironmentFact};
use crate::machine::{Machine, Observation};
use crate::rows::{OperationState, TenantRows};
use crate::shared::mirror::{self as mirroring, Mirror, MirrorEvent};

const TENANT: &str = "namespace-uid";
const UID: &str = "deployment-uid";

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
        environments: Environments::default(),
        conditions: ConditionStyle::Conventional,
    }
}

fn existing_application() -> ExistingApplication {
    ExistingApplication {
        id: ApplicationId::new("existing"),
        user: tenant_rows().user,
        instance: instance(),
        destination: Destination::default(),
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
    events.extend(environment_events(&elsewhere));
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

/// What is known of environments, and a spec with one.
fn environment_events(snapshot: &Snapshot) -> Vec<(&'static str, Event, Facts)> {
    let facts = |named, used| Facts { environments: Environments { named, used }, ..facts(NOW) };
    let ready = || EnvironmentFact::Ready(EnvironmentId::new("environment"));
    let mut snapshot = snapshot.clone();
    snapshot.spec.destination_namespace = "jane".to_owned();
    let observed = |deleting| Event::Observed(Box::new(Snapshot { deleting, ..snapshot.clone() }));
    let resolved = UsedEnvironmentFact::Resolved;
    let (missing, invalid) = (EnvironmentFact::Missing, EnvironmentFact::Invalid);
    let leaving = facts(missing.clone(), UsedEnvironmentFact::Leaving);
    let doubtful = facts(ready(), UsedEnvironmentFact::Doubtful);
    vec![
        ("new spec, environment ready", observed(false), facts(ready(), resolved)),
        ("new spec, environment missing", observed(false), facts(missing, resolved)),
        ("environment ready", Event::FactsChanged, facts(ready(), resolved)),
        ("environment invalid", Event::FactsChanged, facts(invalid, resolved)),
        ("environment leaves", Event::FactsChanged, leaving),
        ("being deleted, destination doubtful", observed(true), doubtful),
    ]
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

/// Everything that decides where a lifecycle goes next.
fn lifecycle_key(deployment: &Deployment) -> String {
    let record = &deployment.record;
    let again = match &deployment.lifecycle {
        Lifecycle::Dispatching { again, .. } | Lifecycle::Removing { again, .. } => *again,
        Lifecycle::Unseen {}
        | Lifecycle::Rejected { .. }
        | Lifecycle::Frozen {}
        | Lifecycle::AwaitingEnvironment { .. }
        | Lifecycle::AwaitingTenant { .. }
        | Lifecycle::AwaitingEngine { .. }
        | Lifecycle::AwaitingPredecessor { .. }
        | Lifecycle::BackingOff { .. }
        | Lifecycle::Settled {}
        | Lifecycle::AwaitingDestination { .. }
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
    let said = match &deployment.lifecycle {
        Lifecycle::AwaitingEnvironment { complaint, .. } => complaint.is_none(),
        _ => false,
    };
    let destination = application.map(|one| one.destination.clone());
    let rest = format!("{open:?} {object:?} {said} {destination:?}");
    format!("{} {again} {wanted:?} {rest}", deployment.path())
}

/// Explores the lifecycle of a deployment.
pub(crate) fn lifecycle() -> Chart {
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
pub(crate) fn error_flag() -> Chart {
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
pub(crate) fn mirror() -> Chart {
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
