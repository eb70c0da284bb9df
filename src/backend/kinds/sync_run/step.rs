//! Steps the sync runs of a batch, after its deployments, which they look at.

use std::collections::HashMap;

use machines::identity::{DeploymentUid, Generation, TenantUid, Timestamp};
use machines::kinds::deployment::Deployment;
use machines::kinds::sync_run::facts::{DeploymentFact, OtherRun, SyncRunFacts};
use machines::kinds::sync_run::{SyncRun, SyncRunEvent, SyncRunObligation, SyncRunUid};
use machines::shared::open_operation::OpenOperation;
use machines::shared::standing::Standing;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use schema::store::machine_rows::{Stepped, Versioned};

use crate::backend::environment::Environment;
use crate::backend::follow_up::Consequences;
use crate::backend::kinds::Key;
use crate::backend::kinds::stepping::{self, ObjectMachine};
use crate::backend::observations::{Item, ObjectObservation, Observations};

/// What follows for a sync run.
#[derive(Debug)]
pub struct SyncRunFollowUp {
    /// Which one.
    pub uid: SyncRunUid,
    /// What follows for a machine of any kind.
    pub consequences: Consequences,
    /// What it requires from the world.
    pub obligations: Vec<SyncRunObligation>,
}

impl ObjectMachine for SyncRun {
    fn machine_key(key: SyncRunUid) -> Key {
        Key::SyncRun(key)
    }
    fn open(&self) -> Option<&OpenOperation> {
        self.record.open.as_ref()
    }
    fn rank(&self) -> Timestamp {
        self.record.created
    }
    fn standing(&self) -> Standing {
        SyncRun::standing(self)
    }
}

/// Which machines and facts a batch needs for a sync run.
pub fn request(uid: &SyncRunUid, observations: &Observations, request: &mut BackendRequest) {
    request.sync_runs.runs.push(uid.clone());
    if let Some(ObjectObservation::Present { tenant, snapshot, .. }) = &observations.object
        && let Some(snapshot) = snapshot.sync_run()
    {
        let name = snapshot.spec.deployment();
        let named = name.map(|name| (tenant.clone(), name.to_owned()));
        request.sync_runs.deployments.extend(named);
    }
}

/// Steps the sync runs of a batch; says what follows for each.
pub fn step_all(
    loaded: &mut BackendLoaded,
    items: &[Item],
    generation: &dyn Fn(&DeploymentUid) -> Option<Generation>,
    environment: &Environment,
    changes: &mut BackendChanges,
) -> Vec<SyncRunFollowUp> {
    let mut batch: Vec<(Versioned<SyncRun>, &Observations)> = Vec::new();
    let mut follow_ups = Vec::new();
    for (key, observations) in items {
        let Key::SyncRun(uid) = key else { continue };
        match stepping::before(&mut loaded.sync_runs.runs, uid, observations, SyncRun::new) {
            Some(before) => batch.push((before, observations)),
            // A commit may have succeeded although it was reported as failed, and then nothing was
            // notified. One that cannot be read waits for nothing, and no other waits for it.
            None => follow_ups.push(gone(uid)),
        }
    }
    // Each step sees what the one before has left of the queue.
    batch.sort_by_key(|(before, observations)| order(&before.machine, observations));
    let mut seen = Seen::new(loaded, changes, generation);
    for (before, observations) in batch {
        let events = events(loaded, &before.machine, observations);
        let insist = observations.deadline && before.machine.is_overdue(environment.now);
        let Some(stepped) = step(before, &events, loaded, &mut seen, environment, changes) else {
            continue;
        };
        follow_ups.push(consequences(&stepped, insist, environment));
        changes.sync_runs.push(stepped);
    }
    follow_ups
}

/// Where a run comes in the queue: one that is seen for the first time knows it by its object.
fn order(machine: &SyncRun, observations: &Observations) -> impl Ord + use<> {
    let record = &machine.record;
    let seen = match &observations.object {
        Some(ObjectObservation::Present { snapshot, .. }) => snapshot.sync_run(),
        _ => None,
    };
    (seen.map_or(record.created, |snapshot| snapshot.created), record.uid.clone())
}

/// What the runs of a batch look at, as the batch leaves it.
struct Seen<'a> {
    /// The generation of a deployment's object, as the watch shows it.
    generation: &'a dyn Fn(&DeploymentUid) -> Option<Generation>,
    deployments: HashMap<(TenantUid, String), Vec<Deployment>>,
    queues: HashMap<(TenantUid, String), Vec<OtherRun>>,
    has_unreadable: bool,
}

impl<'a> Seen<'a> {
    fn new(
        loaded: &mut BackendLoaded,
        changes: &BackendChanges,
        generation: &'a dyn Fn(&DeploymentUid) -> Option<Generation>,
    ) -> Self {
        let mut deployments = std::mem::take(&mut loaded.sync_runs.deployments);
        for stepped in &changes.deployments {
            let record = &stepped.after.record;
            let name = (record.tenant.clone(), record.name.clone());
            let named = deployments.entry(name).or_default();
            named.retain(|one| one.record.uid != record.uid);
            if !stepped.gone {
                named.push(stepped.after.clone());
            }
        }
        let queues = std::mem::take(&mut loaded.sync_runs.queues);
        let has_unreadable = loaded.sync_runs.has_unreadable;
        Self { generation, deployments, queues, has_unreadable }
    }

    /// What a run sees of the deployment that it names.
    fn facts(
        &self,
        run: &SyncRun,
        name: &str,
        loaded: &BackendLoaded,
        environment: &Environment,
    ) -> SyncRunFacts {
        let record = &run.record;
        let name = (record.tenant.clone(), name.to_owned());
        let named = self.deployments.get(&name).into_iter().flatten();
        let deployment = match DeploymentFact::of(named) {
            DeploymentFact::Missing if self.has_unreadable => DeploymentFact::Unknown,
            // It is to be stepped, and a run that is judged by what it was would be judged wrongly.
            DeploymentFact::Present(target)
                if (self.generation)(&target.uid) > Some(target.generation) =>
            {
                DeploymentFact::Unknown
            }
            known => known,
        };
        let others = self.queues.get(&name).into_iter().flatten();
        let others = others.filter(|other| other.uid != record.uid);
        // The first one and the one that has its turn decide for all others.
        let first = others.clone().min_by_key(|other| (other.created, &other.uid));
        let turn = others.filter(|other| other.has_turn);
        SyncRunFacts {
            now: environment.now,
            deployment,
            others: first.into_iter().chain(turn).cloned().collect(),
            existing: loaded.sync_runs.existing.get(&record.uid).cloned(),
            has_begun: loaded.sync_runs.begun.contains(&record.uid),
            conditions: environment.conditions,
        }
    }

    /// Notes where a run is in the queues now.
    fn note(&mut self, before: &SyncRun, after: &SyncRun) {
        let name =
            |run: &SyncRun| Some((run.record.tenant.clone(), run.deployment_name()?.to_owned()));
        if let Some(queue) = name(before).and_then(|name| self.queues.get_mut(&name)) {
            queue.retain(|other| other.uid != before.record.uid);
        }
        if let Some(name) = name(after) {
            self.queues.entry(name).or_default().push(OtherRun::of(after));
        }
    }
}

fn events(
    loaded: &BackendLoaded,
    machine: &SyncRun,
    observations: &Observations,
) -> Vec<SyncRunEvent> {
    let mut events = Vec::new();
    if let Some(open) = machine.record.open.as_ref().filter(|_| observations.operation) {
        let state = loaded.operations.get(&open.id).cloned();
        let message = loaded.sync_runs.messages.get(&open.id).cloned().unwrap_or_default();
        events.push(SyncRunEvent::OperationObserved { id: open.id.clone(), state, message });
    }
    match &observations.object {
        Some(ObjectObservation::Present { snapshot, .. }) => {
            let snapshot = snapshot.sync_run().cloned();
            events.extend(snapshot.map(|one| SyncRunEvent::Observed(Box::new(one))));
        }
        Some(ObjectObservation::Absent { as_of }) => {
            events.push(SyncRunEvent::Absent { as_of: *as_of });
        }
        None => {}
    }
    if observations.facts {
        events.push(SyncRunEvent::FactsChanged);
    }
    if observations.deadline {
        events.push(SyncRunEvent::DeadlineReached);
    }
    events
}

/// The name of the deployment that a run looks at when it takes this event.
fn named<'a>(run: &'a SyncRun, event: &'a SyncRunEvent) -> &'a str {
    match event {
        SyncRunEvent::Observed(snapshot) if !run.has_turn() => &snapshot.spec.deployment_name,
        _ => run.deployment_name().unwrap_or_default(),
    }
}

/// Steps one machine through its events.
fn step(
    before: Versioned<SyncRun>,
    events: &[SyncRunEvent],
    loaded: &BackendLoaded,
    seen: &mut Seen<'_>,
    environment: &Environment,
    changes: &mut BackendChanges,
) -> Option<Stepped<SyncRun>> {
    let (stepped, rows) = stepping::step(before, |run| {
        for event in events {
            let name = named(&run.machine, event).to_owned();
            let facts = seen.facts(&run.machine, &name, loaded, environment);
            run.step(event, &facts);
        }
    })?;
    seen.note(&stepped.before.machine, &stepped.after);
    changes.rows.extend(rows);
    Some(stepped)
}

fn consequences(
    stepped: &Stepped<SyncRun>,
    insist: bool,
    environment: &Environment,
) -> SyncRunFollowUp {
    let machine = &stepped.after;
    SyncRunFollowUp {
        uid: machine.record.uid.clone(),
        consequences: Consequences::of(stepped, insist),
        obligations: if stepped.gone {
            Vec::new()
        } else {
            machine.obligations(environment.conditions)
        },
    }
}

fn gone(uid: &SyncRunUid) -> SyncRunFollowUp {
    SyncRunFollowUp {
        uid: uid.clone(),
        consequences: Consequences::gone(Key::SyncRun(uid.clone())),
        obligations: Vec::new(),
    }
}
