//! The sync runs of the world: what is shown to their machines, and what these require.

use machines::kinds::sync_run::facts::{DeploymentFact, OtherRun, SyncRunFacts};
use machines::kinds::sync_run::{SyncRun, SyncRunEvent, SyncRunObligation, SyncRunSnapshot};

use crate::walk::sync_run::restarted;
use crate::world::*;

impl Cluster {
    pub(in crate::world) fn observe_run(&mut self, uid: &SyncRunUid) {
        let exists = self.world.sync_runs.iter().any(|object| object.uid == *uid);
        let newest = self.run_history.get(uid).and_then(|versions| versions.last()).cloned();
        match newest {
            Some(snapshot) if exists => self.show_run(uid, snapshot),
            _ => self.tell_run(uid, &SyncRunEvent::Absent { as_of: self.revision }),
        }
    }

    pub(in crate::world) fn observe_stale_run(&mut self, uid: &SyncRunUid, back: u8) {
        let versions = self.run_history.get(uid).map(Vec::as_slice).unwrap_or_default();
        let index = versions.len().saturating_sub(1 + usize::from(back));
        if let Some(snapshot) = versions.get(index).cloned() {
            self.show_run(uid, snapshot);
        }
    }

    fn show_run(&mut self, uid: &SyncRunUid, snapshot: SyncRunSnapshot) {
        if !self.sync_runs.contains_key(uid) {
            let Some((tenant, namespace, name)) = self.run_places.get(uid).cloned() else {
                return;
            };
            let machine = SyncRun::new(uid.clone(), tenant, &namespace, &name);
            self.sync_runs.insert(uid.clone(), machine);
        }
        self.tell_run(uid, &SyncRunEvent::Observed(Box::new(snapshot)));
    }

    pub(in crate::world) fn tell_run(&mut self, uid: &SyncRunUid, event: &SyncRunEvent) {
        let Some(machine) = self.sync_runs.get(uid).cloned() else {
            return;
        };
        self.now = self.now.after(self.step);
        let facts = self.run_facts(&machine, event);
        let step = machine.clone().step(event, &facts);
        if step.machine.is_gone() {
            self.sync_runs.remove(uid);
            if machine.record.sync.is_some() {
                self.begun_runs.insert(uid.clone());
            }
        } else if step.machine != machine {
            self.sync_runs.insert(uid.clone(), restarted(step.machine));
        }
        self.write(step.rows);
    }

    /// What a run sees of the deployment that it names, as of this event.
    fn run_facts(&self, machine: &SyncRun, event: &SyncRunEvent) -> SyncRunFacts {
        let record = &machine.record;
        let name = match event {
            SyncRunEvent::Observed(snapshot) if !machine.has_turn() => {
                snapshot.spec.deployment_name.as_str()
            }
            _ => machine.deployment_name().unwrap_or_default(),
        };
        let deployments = self.deployments.values();
        let named =
            deployments.filter(|one| one.record.tenant == record.tenant && one.record.name == name);
        let beside = |other: &&SyncRun| {
            other.record.uid != record.uid
                && other.record.tenant == record.tenant
                && other.deployment_name() == Some(name)
        };
        SyncRunFacts {
            now: self.now,
            deployment: DeploymentFact::of(named),
            others: self.sync_runs.values().filter(beside).map(OtherRun::of).collect(),
            existing: None,
            has_begun: self.begun_runs.contains(&record.uid),
            conditions: self.world.settings.conditions,
        }
    }

    pub(in crate::world) fn observe_operation_of_run(&mut self, uid: &SyncRunUid) {
        let Some(open) = self.sync_runs.get(uid).and_then(|one| one.record.open.clone()) else {
            return;
        };
        let rows = &self.world.database.operations;
        let state = rows.iter().find(|row| row.id == open.id).map(|row| row.state.clone());
        let message = self.messages.get(&open.id).cloned().unwrap_or_default();
        self.tell_run(uid, &SyncRunEvent::OperationObserved { id: open.id, state, message });
    }

    /// Does one thing that a run requires and that is not done yet: the one with this number, or
    /// the next after it.
    pub(in crate::world) fn discharge_run(&mut self, uid: &SyncRunUid, choice: u8) {
        let Some(machine) = self.sync_runs.get(uid) else {
            return;
        };
        let mut obligations = machine.obligations(self.world.settings.conditions);
        let first = usize::from(choice).checked_rem(obligations.len()).unwrap_or_default();
        obligations.rotate_left(first);
        for obligation in obligations {
            if self.fulfil_for_run(uid, obligation) {
                return;
            }
        }
    }

    /// Does what is required; returns whether that changed anything.
    pub(in crate::world) fn fulfil_for_run(
        &mut self,
        uid: &SyncRunUid,
        obligation: SyncRunObligation,
    ) -> bool {
        let acted = match obligation {
            // Whoever sees an Operation CR reads its row and that of its target.
            SyncRunObligation::OperationCreated(id) | SyncRunObligation::ChangeAnnounced(id) => {
                self.resources.insert(id)
            }
            SyncRunObligation::StatusWritten(view) => {
                let objects = &mut self.world.sync_runs;
                let Some(object) = objects.iter_mut().find(|object| object.uid == *uid) else {
                    return false;
                };
                let changed = object.conditions != view.conditions;
                object.conditions = view.conditions;
                if changed {
                    self.remember_run(uid);
                }
                changed
            }
        };
        self.world.writes.api_requests += u64::from(acted);
        acted
    }

    /// Gives the object a new revision and records this version.
    pub(in crate::world) fn remember_run(&mut self, uid: &SyncRunUid) {
        self.revision.0 += 1;
        let versions = self.run_history.entry(uid.clone()).or_default();
        let Some(object) = self.world.sync_runs.iter().find(|object| object.uid == *uid) else {
            return;
        };
        // Each edit and the deletion begin a generation.
        let before = versions.last();
        let is_edited =
            before.is_some_and(|one| one.spec != object.spec || one.deleting != object.deleting);
        let generation = before.map_or(1, |one| one.generation.0 + i64::from(is_edited));
        // A creation timestamp has seconds only, so runs may share it.
        let created = before
            .map_or(self.now.as_millis() / MILLIS_PER_SECOND * MILLIS_PER_SECOND, |one| {
                one.created.as_millis()
            });
        let snapshot = SyncRunSnapshot {
            revision: self.revision,
            generation: Generation(generation),
            created: Timestamp::from_millis(created),
            deleting: object.deleting,
            spec: object.spec.clone(),
            conditions: object.conditions.clone(),
        };
        versions.push(snapshot);
    }
}

const MILLIS_PER_SECOND: i64 = 1_000;
