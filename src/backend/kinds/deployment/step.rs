//! Steps the deployments of a batch.

use std::collections::HashMap;

use crds::argocd::ApplicationStatus;
use machines::identity::{ApplicationId, DeploymentUid, TenantUid, Timestamp};
use machines::kinds::deployment::conditions::next_budget;
use machines::kinds::deployment::destination::Environments;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    Deployment, Event, Facts, Failure, Namesake, Obligation, TenantFact,
};
use machines::machine::Machine;
use machines::rows::RowChange;
use machines::shared::open_operation::OpenOperation;
use machines::shared::standing::Standing;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest, DeploymentName};
use schema::store::machine_rows::{Stepped, Versioned};

use super::observe::{self, read_report};
use crate::backend::environment::Environment;
use crate::backend::follow_up::Consequences;
use crate::backend::kinds::Key;
use crate::backend::kinds::stepping::{self, ObjectMachine};
use crate::backend::latencies::{Change, Progress};
use crate::backend::observations::{Item, ObjectObservation, Observations};

/// What follows for a deployment.
#[derive(Debug)]
pub struct DeploymentFollowUp {
    /// Which one.
    pub uid: DeploymentUid,
    /// What follows for a machine of any kind.
    pub consequences: Consequences,
    /// What it requires from the world.
    pub obligations: Vec<Obligation>,
    /// Whether it asked for an operation because another client changed its Application.
    pub repairs: bool,
    /// Whether it has failed, and why.
    pub failure: Option<Failure>,
    /// Whether it is the reason of an earlier step why it has failed.
    pub is_known: bool,
    /// Whether what it asks for is done.
    pub is_ready: bool,
    /// What its steps mean for a change of its object.
    pub change: Change,
    /// Its application row.
    pub application: Option<ApplicationId>,
    /// What Argo CD reported, if that was just taken in.
    pub report: Option<ApplicationStatus>,
}

impl DeploymentFollowUp {
    /// There is no such machine.
    fn gone(uid: DeploymentUid) -> Self {
        Self {
            consequences: Consequences::gone(Key::Deployment(uid.clone())),
            uid,
            obligations: Vec::new(),
            repairs: false,
            failure: None,
            is_known: false,
            is_ready: false,
            change: Change { begins: false, progress: Progress::Over },
            application: None,
            report: None,
        }
    }
}

impl ObjectMachine for Deployment {
    fn machine_key(key: DeploymentUid) -> Key {
        Key::Deployment(key)
    }
    fn open(&self) -> Option<&OpenOperation> {
        self.record.open.as_ref()
    }
    fn rank(&self) -> Timestamp {
        self.record.born
    }
    fn shown(&self) -> Option<String> {
        let shown = (self.path(), self.record.generation, self.record.present);
        Some(format!("{shown:?}"))
    }
    fn standing(&self) -> Standing {
        Deployment::standing(self)
    }
}

/// Which machines and facts a batch needs for a deployment.
pub fn request(uid: &DeploymentUid, observations: &Observations, request: &mut BackendRequest) {
    if observations.report || observations.too_large.is_some() {
        request.reported.insert(uid.clone());
    }
    match &observations.object {
        Some(ObjectObservation::Present { tenant, name, snapshot, .. }) => {
            let spec = snapshot.deployment().map(|snapshot| &snapshot.spec);
            if let Some(environment) = spec.and_then(DeploymentSpec::environment_name) {
                request.named_environments.insert((tenant.clone(), environment.to_owned()));
            }
            request.observed.push(DeploymentName {
                uid: uid.clone(),
                tenant: tenant.clone(),
                name: name.clone(),
            });
        }
        Some(ObjectObservation::Absent { .. }) | None => request.poked.push(uid.clone()),
    }
}

/// The tenant that a deployment needs, and its namespace; `None` if it needs none now.
pub fn needed_tenant(
    loaded: &BackendLoaded,
    uid: &DeploymentUid,
    observations: &Observations,
    environment: &Environment,
) -> Option<(TenantUid, String)> {
    stepping::needed_tenant(&loaded.deployments, uid, observations, |machine| {
        let record = &machine.record;
        let application = record.application.as_ref().filter(|_| record.present);
        machine.may_resolve()
            || application
                .is_some_and(|application| environment.is_elsewhere(&application.instance))
    })
}

/// Steps the deployments of a batch; says what follows for each.
pub fn step_all(
    loaded: &mut BackendLoaded,
    items: &[Item],
    tenants: &HashMap<TenantUid, TenantFact>,
    environment: &Environment,
    changes: &mut BackendChanges,
) -> Vec<DeploymentFollowUp> {
    let mut follow_ups = Vec::new();
    for (key, observations) in items {
        let Key::Deployment(uid) = key else { continue };
        let before = stepping::before(&mut loaded.deployments, uid, observations, Deployment::new);
        let Some(before) = before else {
            if !loaded.deployments.unreadable.contains(uid) {
                // Usually known. But a commit may have succeeded although it was reported as
                // failed, and then nothing was notified.
                follow_ups.push(DeploymentFollowUp::gone(uid.clone()));
            }
            continue;
        };
        let events = events(loaded, &before.machine, observations, environment.has_note);
        let facts = facts(loaded, &before.machine, tenants, environment);
        let insist = observations.deadline && before.machine.is_overdue(environment.now);
        let environments =
            |machine: &Deployment, event: &Event| environments(loaded, machine, event);
        let stepped = step(before, &events.events, &facts, &environments);
        let Some((stepped, rows, repairs)) = stepped else { continue };
        changes.rows.extend(rows);
        changes.read.extend(events.read);
        let after = consequences(&stepped, insist, events.report, environment);
        follow_ups.push(DeploymentFollowUp { repairs, ..after });
        changes.deployments.push(stepped);
    }
    follow_ups
}

struct Events {
    events: Vec<Event>,
    report: Option<ApplicationStatus>,
    read: Option<ApplicationId>,
}

fn events(
    loaded: &BackendLoaded,
    machine: &Deployment,
    observations: &Observations,
    has_note: bool,
) -> Events {
    let record = &machine.record;
    let mut events = Vec::new();
    if let Some(open) = record.open.as_ref().filter(|_| observations.operation) {
        let state = loaded.operations.get(&open.id).cloned();
        events.push(Event::OperationObserved { id: open.id.clone(), state });
        if let Some(removal) = loaded.removals.get(&open.id) {
            events.push(Event::RemovalReported(removal.clone()));
        }
    }
    match &observations.object {
        Some(ObjectObservation::Present { snapshot, .. }) => {
            let snapshot = snapshot.deployment().cloned();
            events.extend(snapshot.map(|snapshot| Event::Observed(Box::new(snapshot))));
        }
        Some(ObjectObservation::Absent { as_of }) => events.push(Event::Absent { as_of: *as_of }),
        None => {}
    }
    let mut budget = record.mirror_budget;
    if let Some(mirror_budget) = observations.too_large {
        events.push(Event::StatusTooLarge { mirror_budget });
        if mirror_budget == budget {
            budget = next_budget(budget);
        }
    }
    let blob = loaded.reports.get(&record.uid);
    let blob = blob.filter(|_| observations.report || observations.too_large.is_some());
    let report = blob.and_then(|blob| read_report(blob, record.uid.as_str()));
    if let Some(status) = &report {
        let report = observe::report(status, &record.destination(), budget, has_note);
        events.push(Event::Reported(Box::new(report)));
    }
    if observations.differs {
        events.push(Event::ApplicationDiffers);
    }
    if observations.facts {
        events.push(Event::FactsChanged);
    }
    if observations.deadline {
        events.push(Event::DeadlineReached);
    }
    let read = blob.and_then(|_| Some(record.application.as_ref()?.id.clone()));
    Events { events, report, read }
}

fn facts(
    loaded: &BackendLoaded,
    machine: &Deployment,
    tenants: &HashMap<TenantUid, TenantFact>,
    environment: &Environment,
) -> Facts {
    let record = &machine.record;
    let named = loaded.named.get(&(record.tenant.clone(), record.name.clone()));
    let namesakes: Vec<Namesake> =
        named.into_iter().flatten().filter(|other| other.uid != record.uid).cloned().collect();
    Facts {
        now: environment.now,
        tenant: tenants.get(&record.tenant).cloned().unwrap_or(TenantFact::Unknown),
        instance: environment.instance.clone(),
        argocd_namespace: environment.argocd_namespace.clone(),
        isolation: environment.isolation,
        namesakes,
        existing_application: loaded.existing_applications.get(&record.uid).cloned(),
        environments: Environments::default(),
        conditions: environment.conditions,
    }
}

/// What a deployment knows of environments: of the one that is named by the spec that the event leads
/// to, and of the one that its Application deploys to.
fn environments(loaded: &BackendLoaded, machine: &Deployment, event: &Event) -> Environments {
    let record = &machine.record;
    let spec = match event {
        Event::Observed(snapshot) => &snapshot.spec,
        _ => &record.spec,
    };
    let existing = loaded.existing_applications.get(&record.uid);
    let destination = machine.destination_with(existing);
    loaded.named_environments.facts(&record.tenant, spec.environment_name(), &destination)
}

/// Steps one machine through its events. The last value returned says whether a repair was asked for.
fn step(
    before: Versioned<Deployment>,
    events: &[Event],
    facts: &Facts,
    environments: &dyn Fn(&Deployment, &Event) -> Environments,
) -> Option<(Stepped<Deployment>, Vec<RowChange>, bool)> {
    let mut repairs = false;
    let stepped = stepping::step(before, |run| {
        for event in events {
            let rows = run.rows.len();
            let environments = environments(&run.machine, event);
            run.step(event, &Facts { environments, ..facts.clone() });
            let mut new = run.rows[rows..].iter();
            let requests = new.any(|row| matches!(row, RowChange::RequestOperation(_)));
            repairs |= requests && *event == Event::ApplicationDiffers;
        }
    });
    stepped.map(|(stepped, rows)| (stepped, rows, repairs))
}

fn consequences(
    stepped: &Stepped<Deployment>,
    insist: bool,
    report: Option<ApplicationStatus>,
    environment: &Environment,
) -> DeploymentFollowUp {
    let machine = &stepped.after;
    let record = &machine.record;
    let failure = machine.failure();
    let reason = |failure: &Failure| failure.reason;
    let is_known =
        stepped.before.machine.failure().as_ref().map(reason) == failure.as_ref().map(reason);
    DeploymentFollowUp {
        uid: record.uid.clone(),
        consequences: Consequences::of(stepped, insist),
        obligations: if stepped.gone {
            Vec::new()
        } else {
            machine.obligations(environment.conditions)
        },
        repairs: false,
        failure,
        is_known,
        is_ready: machine.is_ready(),
        change: Change::of(&stepped.before.machine, machine),
        application: record.application.as_ref().map(|application| application.id.clone()),
        report,
    }
}
