//! Steps the deployments of a batch.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crds::argocd::ApplicationStatus;
use machines::identity::{ApplicationId, DeploymentUid, TenantUid};
use machines::kinds::deployment::conditions::next_budget;
use machines::kinds::deployment::{Deployment, Event, Facts, Namesake, Obligation, TenantFact};
use machines::machine::{Machine, Run};
use machines::rows::RowChange;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest, DeploymentName};
use schema::store::machine_rows::{Persistent, Stepped, Versioned};

use super::observe::{self, read_report};
use crate::backend::environment::Environment;
use crate::backend::follow_up::Consequences;
use crate::backend::index::objects::{Noted, Place};
use crate::backend::kinds::Key;
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
            application: None,
            report: None,
        }
    }
}

/// Which machines and facts a batch needs for a deployment.
pub fn request(uid: &DeploymentUid, observations: &Observations, request: &mut BackendRequest) {
    if observations.report || observations.too_large.is_some() {
        request.reported.insert(uid.clone());
    }
    match &observations.object {
        Some(ObjectObservation::Present { tenant, name, .. }) => {
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
    match &observations.object {
        Some(ObjectObservation::Present { tenant, namespace, .. }) => {
            Some((tenant.clone(), namespace.clone()))
        }
        Some(ObjectObservation::Absent { .. }) => None,
        None => {
            let machine = &loaded.deployments.known.get(uid)?.machine;
            let record = &machine.record;
            // Argo CD's namespace was recreated: what was written there is gone with the old one.
            let application = record.application.as_ref().filter(|_| record.present);
            let moved = application.is_some_and(|application| {
                environment.instance.as_ref().is_some_and(|now| application.instance != *now)
            });
            (machine.may_resolve() || moved)
                .then(|| (record.tenant.clone(), record.namespace.clone()))
        }
    }
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
        let Some(before) = before(loaded, uid, observations) else {
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
        let Some((stepped, rows, repairs)) = step(before, &events.events, &facts) else { continue };
        changes.rows.extend(rows);
        changes.read.extend(events.read);
        let after = consequences(&stepped, insist, events.report, environment);
        follow_ups.push(DeploymentFollowUp { repairs, ..after });
        changes.deployments.push(stepped);
    }
    follow_ups
}

/// The machine as it was loaded, or a new one for an object that was never seen.
fn before(
    loaded: &mut BackendLoaded,
    uid: &DeploymentUid,
    observations: &Observations,
) -> Option<Versioned<Deployment>> {
    if let Some(known) = loaded.deployments.known.remove(uid) {
        return Some(known);
    }
    match &observations.object {
        Some(ObjectObservation::Present { tenant, namespace, name, .. })
            if !loaded.deployments.unreadable.contains(uid) =>
        {
            let machine = Deployment::new(uid.clone(), tenant.clone(), namespace, name);
            Some(Versioned { machine, version: 0 })
        }
        _ => None,
    }
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
        events.push(Event::Reported(Box::new(observe::report(status, budget, has_note))));
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
        conditions: environment.conditions,
    }
}

/// Steps one machine through its events. A panic in a step is caught here: that machine is left as
/// it was, and all others go on. The last value returned says whether a repair was asked for.
fn step(
    before: Versioned<Deployment>,
    events: &[Event],
    facts: &Facts,
) -> Option<(Stepped<Deployment>, Vec<RowChange>, bool)> {
    let uid = before.machine.record.uid.clone();
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        let mut run = Run::new(before.machine.clone());
        let mut repairs = false;
        for event in events {
            let rows = run.rows.len();
            run.step(event, facts);
            let mut new = run.rows[rows..].iter();
            let requests = new.any(|row| matches!(row, RowChange::RequestOperation(_)));
            repairs |= requests && *event == Event::ApplicationDiffers;
        }
        (run, repairs)
    }));
    match stepped {
        Ok((run, repairs)) => {
            let (stepped, rows) = Stepped::of(before, run);
            Some((stepped, rows, repairs))
        }
        Err(_) => {
            tracing::error!(uid = uid.as_str(), "a step ended unexpectedly; it is left out");
            None
        }
    }
}

fn consequences(
    stepped: &Stepped<Deployment>,
    insist: bool,
    report: Option<ApplicationStatus>,
    environment: &Environment,
) -> DeploymentFollowUp {
    let machine = &stepped.after;
    let record = &machine.record;
    let open = |machine: &Deployment| machine.record.open.as_ref().map(|open| open.id.clone());
    let before = &stepped.before.machine;
    let requested = open(machine).filter(|id| open(before).as_ref() != Some(id));
    let place = Place { namespace: record.namespace.clone(), name: record.name.clone() };
    let moved = stepped.transitions.last().cloned().map(|moved| (place.clone(), moved));
    let shown = (machine.path(), record.generation, record.present);
    let noted = Noted {
        tenant: record.tenant.clone(),
        place,
        refers_to: machine.refers_to().map(str::to_owned),
        rank: record.born,
        shown: Some(format!("{shown:?}")),
    };
    DeploymentFollowUp {
        uid: record.uid.clone(),
        consequences: Consequences {
            key: Key::Deployment(record.uid.clone()),
            noted: (!stepped.gone).then_some(noted),
            wake_at: if stepped.gone { None } else { machine.wake_at() },
            insist,
            requested,
            moved,
        },
        obligations: if stepped.gone {
            Vec::new()
        } else {
            machine.obligations(environment.conditions)
        },
        repairs: false,
        application: record.application.as_ref().map(|application| application.id.clone()),
        report,
    }
}
