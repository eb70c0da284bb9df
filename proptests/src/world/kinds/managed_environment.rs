//! The managed environments of the world: what is shown to their machines, what these require, and what
//! must hold between any two moments.

use machines::identity::EnvironmentId;
use machines::kinds::deployment::destination::{EnvironmentUse, Environments};
use machines::kinds::managed_environment::{
    EnvironmentEvent, EnvironmentFact, EnvironmentFacts, EnvironmentUid, PersistedEnvironment,
    Usage, UsedEnvironmentFact,
};
use machines::machine::Machine;
use machines::rows::EnvironmentRows;

use crate::world::clusters::Answer;
use crate::world::faults::restarted;
use crate::world::*;

/// A row goes only after its object.
const KEPT: Predicate = Predicate("ME-kept");
/// What is written was accepted.
const ACCEPTED: Predicate = Predicate("ME-accepted");

impl Cluster {
    pub(in crate::world) fn observe_environment(&mut self, uid: &EnvironmentUid) {
        let exists = self.world.environments.iter().any(|object| object.uid == *uid);
        let newest = self.environment_history.get(uid).and_then(|versions| versions.last());
        match newest.cloned() {
            Some(snapshot) if exists => self.show_environment(uid, snapshot),
            _ => self.tell_environment(uid, &EnvironmentEvent::Absent { as_of: self.revision }),
        }
    }

    pub(in crate::world) fn observe_stale_environment(&mut self, uid: &EnvironmentUid, back: u8) {
        let versions = self.environment_history.get(uid).map(Vec::as_slice).unwrap_or_default();
        let index = versions.len().saturating_sub(1 + usize::from(back));
        if let Some(snapshot) = versions.get(index).cloned() {
            self.show_environment(uid, snapshot);
        }
    }

    fn show_environment(&mut self, uid: &EnvironmentUid, snapshot: EnvironmentSnapshot) {
        let Some((tenant, namespace, name)) = self.environment_places.get(uid).cloned() else {
            return;
        };
        self.need(&tenant);
        let machine = self.environments.entry(uid.clone());
        machine.or_insert_with(|| ManagedEnvironment::new(uid.clone(), tenant, &namespace, &name));
        self.tell_environment(uid, &EnvironmentEvent::Observed(Box::new(snapshot)));
    }

    pub(in crate::world) fn tell_environment(
        &mut self,
        uid: &EnvironmentUid,
        event: &EnvironmentEvent,
    ) {
        self.tell_environment_with(uid, event, "");
    }

    pub(in crate::world) fn tell_answer(&mut self, uid: &EnvironmentUid, answer: Answer) {
        match answer {
            Answer::Checked { shown, checked, token } => {
                let event = EnvironmentEvent::Checked { shown, found: Box::new(checked) };
                self.tell_environment_with(uid, &event, &token);
            }
            Answer::Revoked { what, remains } => {
                let what = Box::new(what);
                self.tell_environment(
                    uid,
                    &EnvironmentEvent::RevocationAttempted { what, remains },
                );
            }
        }
    }

    /// Tells a machine something; the token is what was accepted, if something was.
    fn tell_environment_with(
        &mut self,
        uid: &EnvironmentUid,
        event: &EnvironmentEvent,
        token: &str,
    ) {
        let Some(machine) = self.environments.get(uid).cloned() else { return };
        let is_accepted = matches!(
            event, EnvironmentEvent::Checked { found, .. } if found.verdict.is_accepted()
        );
        if machine.needs_tenant() || is_accepted {
            self.need(&machine.record.tenant);
        }
        self.now = self.now.after(self.step);
        let facts = self.environment_facts(&machine, event);
        let step = machine.clone().step(event, &facts);
        if step.machine.is_gone() {
            self.environments.remove(uid);
        } else if step.machine != machine {
            let after = restarted::<ManagedEnvironment, PersistedEnvironment>(&step.machine);
            self.environments.insert(uid.clone(), after);
        }
        self.check_put_environment(event, &step.rows);
        for row in &step.rows {
            if let RowChange::Environment(EnvironmentRows::Put(row)) = row {
                self.write_token(row, token);
            }
        }
        self.write(step.rows);
    }

    fn environment_facts(
        &self,
        machine: &ManagedEnvironment,
        event: &EnvironmentEvent,
    ) -> EnvironmentFacts {
        let record = &machine.record;
        let secret = match event {
            EnvironmentEvent::Observed(snapshot) => &snapshot.spec.secret,
            _ => &record.spec.secret,
        };
        let leaves = match event {
            EnvironmentEvent::Observed(snapshot) => snapshot.deleting,
            EnvironmentEvent::Absent { .. } => true,
            _ => false,
        };
        let row = record.row.as_ref().filter(|_| leaves || machine.needs_usage());
        EnvironmentFacts {
            now: self.now,
            has_keys: self.repositories.has_keys,
            tenant: self.tenant_fact(&record.tenant),
            instance: self.world.settings.instance.clone(),
            shown: self.repositories.shown(&(record.namespace.clone(), secret.clone())),
            existing: None,
            is_row_empty: false,
            usage: row.map(|row| self.usage_of(&row.id)).unwrap_or_default(),
            conditions: self.world.settings.conditions,
        }
    }

    /// Who deploys to an environment.
    fn usage_of(&self, row: &EnvironmentId) -> Usage {
        let removed = |uid: &DeploymentUid| {
            let deployment = self.deployments.get(uid);
            deployment.is_some_and(|one| one.use_of(row) == Some(EnvironmentUse::Removed))
        };
        let name = |uid: &DeploymentUid| self.places.get(uid).map(|place| place.2.clone());
        let cluster = cluster_name(row);
        let rows = self.world.database.applications.iter();
        let rows = rows.filter(|one| one.document.spec.destination.name == cluster);
        let served = rows.map(|one| &one.deployment).filter(|uid| !removed(uid)).filter_map(name);
        let served = served.collect();
        let removed = self.deployments.keys().filter(|uid| removed(uid)).filter_map(name).collect();
        Usage { served, removed }
    }

    /// What a deployment knows of environments: of the one that is named by the spec that the event
    /// leads to, and of the one that its Application deploys to.
    pub(in crate::world) fn environments_of(
        &self,
        machine: &Deployment,
        event: &Event,
    ) -> Environments {
        let record = &machine.record;
        let spec = match event {
            Event::Observed(snapshot) => &snapshot.spec,
            _ => &record.spec,
        };
        let of_name = |name: &str| {
            let name = name.to_owned();
            let all = self.environments.values();
            all.filter(move |one| one.record.tenant == record.tenant && one.record.name == name)
        };
        let named = spec.environment_name().map(|name| EnvironmentFact::of(of_name(name)));
        let destination = machine.destination_with(None);
        let used =
            destination.environment().zip(destination.environment_name()).map(|(row, name)| {
                UsedEnvironmentFact::of(row, of_name(name)).unwrap_or(UsedEnvironmentFact::Gone)
            });
        Environments {
            named: named.unwrap_or(EnvironmentFact::Missing),
            used: used.unwrap_or_default(),
        }
    }

    /// How reports name a cluster: an environment by its id.
    pub(in crate::world) fn reported_cluster(&self, name: &str) -> String {
        let mut ids = self.environment_places.keys().map(EnvironmentId::of);
        let id = ids.find(|id| cluster_name(id) == name);
        id.map_or_else(|| name.to_owned(), |id| id.to_string())
    }

    pub(in crate::world) fn observe_operation_of_environment(&mut self, uid: &EnvironmentUid) {
        let Some(open) = self.environments.get(uid).and_then(|one| one.record.open.clone()) else {
            return;
        };
        let rows = &self.world.database.operations;
        let state = rows.iter().find(|row| row.id == open.id).map(|row| row.state.clone());
        self.tell_environment(uid, &EnvironmentEvent::OperationObserved { id: open.id, state });
    }

    /// The agent has compared a cluster Secret with its row.
    pub(in crate::world) fn notice_cluster(&mut self, row: &EnvironmentId) {
        let mut rows = self.world.database.environments.iter();
        let uid = rows.find(|one| one.id == *row).and_then(|one| one.environment.clone());
        uid.iter().for_each(|uid| self.tell_environment(uid, &EnvironmentEvent::SecretDiffers));
    }

    /// Does one thing that an environment requires and that is not done yet: the one with this number,
    /// or the next after it.
    pub(in crate::world) fn discharge_environment(&mut self, uid: &EnvironmentUid, choice: u8) {
        let Some(machine) = self.environments.get(uid) else { return };
        let mut obligations = machine.obligations(self.world.settings.conditions);
        let first = usize::from(choice).checked_rem(obligations.len()).unwrap_or_default();
        obligations.rotate_left(first);
        for obligation in obligations {
            if self.fulfil_for_environment(uid, obligation) {
                return;
            }
        }
    }

    /// Does what is required; returns whether that changed anything.
    pub(in crate::world) fn fulfil_for_environment(
        &mut self,
        uid: &EnvironmentUid,
        obligation: EnvironmentObligation,
    ) -> bool {
        let acted = match obligation {
            // What is made on clusters is not among the writes that are counted.
            EnvironmentObligation::ClusterChecked(inquiry) => {
                return self.ask_cluster(uid, &inquiry);
            }
            EnvironmentObligation::Revoked(what) => return self.revoke(uid, &what),
            EnvironmentObligation::RemainsTold(texts) => {
                self.list_remains(uid, &texts);
                self.tell_environment(uid, &EnvironmentEvent::RemainsTold { texts });
                true
            }
            EnvironmentObligation::OperationCreated(id) => self.resources.insert(id),
            EnvironmentObligation::StatusWritten(view) => {
                let Some(object) = self.environment_object(uid) else { return false };
                let changed = object.conditions != view.conditions;
                object.conditions = view.conditions;
                if changed {
                    self.remember_environment(uid);
                }
                changed
            }
        };
        self.world.writes.api_requests += u64::from(acted);
        acted
    }

    /// Gives the object a new revision and records this version.
    pub(in crate::world) fn remember_environment(&mut self, uid: &EnvironmentUid) {
        self.revision.0 += 1;
        let revision = self.revision;
        let Some(object) = self.environment_object(uid) else { return };
        let snapshot = EnvironmentSnapshot {
            revision,
            generation: object.generation,
            deleting: object.deleting,
            spec: object.spec.clone(),
            conditions: object.conditions.clone(),
        };
        self.environment_history.entry(uid.clone()).or_default().push(snapshot);
    }

    /// A step writes nothing but what it was shown to be accepted.
    fn check_put_environment(&mut self, event: &EnvironmentEvent, rows: &[RowChange]) {
        let shown = match event {
            EnvironmentEvent::Checked { found, .. } => match &found.verdict {
                Verdict::Accepted { told } => Some((&found.spec, told)),
                Verdict::SecretMissing {} | Verdict::Refused(_) => None,
            },
            _ => None,
        };
        for row in rows {
            let RowChange::Environment(EnvironmentRows::Put(row)) = row else { continue };
            if shown != Some((&row.spec, &row.told)) {
                self.broken.push(Violation {
                    predicate: ACCEPTED,
                    object: row.key.uid.to_string(),
                    difference: format!("{row:?} is written by {event:?}"),
                });
            }
        }
    }

    /// What must hold between two moments: what was accepted last stays until its object goes, no
    /// tenant ever has another's, and nothing is on a cluster that nothing knows of.
    pub(in crate::world) fn broken_by_environments(&self, before: &World) -> Vec<Violation> {
        let rows = &self.world.database.environments;
        let is_wanted = |uid: &EnvironmentUid| {
            before.environments.iter().any(|one| one.uid == *uid && !one.deleting)
        };
        let lost = before.database.environments.iter().filter(|row| {
            row.environment.as_ref().is_some_and(is_wanted)
                && rows.iter().all(|one| one.id != row.id)
        });
        let lost = lost.map(|row| Violation {
            predicate: KEPT,
            object: row.id.to_string(),
            difference: "its row is gone although its object is not".to_owned(),
        });
        let isolated = machines::kinds::managed_environment::esr::isolated(&self.world);
        // What another client has written is repaired later.
        let isolated = isolated.err().filter(|_| self.are_clusters_unspoiled());
        lost.chain(isolated).chain(self.untracked()).collect()
    }
}
