//! The repository credentials of the world: what is shown to their machines, what these require, and
//! what must hold between any two moments.

use machines::kinds::repository_credential::{
    CredentialEvent, CredentialFacts, CredentialUid, PersistedCredential,
};
use machines::machine::Machine;
use machines::rows::CredentialRows;

use crate::world::faults::restarted;
use crate::world::repositories::{Found, content};
use crate::world::*;

/// A row goes only after its object.
const KEPT: Predicate = Predicate("RC-kept");
/// What is written was accepted.
const ACCEPTED: Predicate = Predicate("RC-accepted");

impl Cluster {
    pub(in crate::world) fn observe_credential(&mut self, uid: &CredentialUid) {
        let exists = self.world.credentials.iter().any(|object| object.uid == *uid);
        let newest = self.credential_history.get(uid).and_then(|versions| versions.last()).cloned();
        match newest {
            Some(snapshot) if exists => self.show_credential(uid, snapshot),
            _ => self.tell_credential(uid, &CredentialEvent::Absent { as_of: self.revision }),
        }
    }

    pub(in crate::world) fn observe_stale_credential(&mut self, uid: &CredentialUid, back: u8) {
        let versions = self.credential_history.get(uid).map(Vec::as_slice).unwrap_or_default();
        let index = versions.len().saturating_sub(1 + usize::from(back));
        if let Some(snapshot) = versions.get(index).cloned() {
            self.show_credential(uid, snapshot);
        }
    }

    fn show_credential(&mut self, uid: &CredentialUid, snapshot: CredentialSnapshot) {
        let Some((tenant, namespace, name)) = self.credential_places.get(uid).cloned() else {
            return;
        };
        self.need(&tenant);
        let machine = self.credentials.entry(uid.clone());
        machine
            .or_insert_with(|| RepositoryCredential::new(uid.clone(), tenant, &namespace, &name));
        self.tell_credential(uid, &CredentialEvent::Observed(Box::new(snapshot)));
    }

    pub(in crate::world) fn tell_credential(
        &mut self,
        uid: &CredentialUid,
        event: &CredentialEvent,
    ) {
        let Some(machine) = self.credentials.get(uid).cloned() else { return };
        let is_accepted = matches!(
            event, CredentialEvent::Checked { found, .. } if found.verdict.is_accepted()
        );
        if machine.needs_tenant() || is_accepted {
            self.need(&machine.record.tenant);
        }
        self.now = self.now.after(self.step);
        let facts = self.credential_facts(&machine, event);
        let step = machine.clone().step(event, &facts);
        if step.machine.is_gone() {
            self.credentials.remove(uid);
        } else if step.machine != machine {
            let after = restarted::<RepositoryCredential, PersistedCredential>(&step.machine);
            self.credentials.insert(uid.clone(), after);
        }
        self.check_put(event, &step.rows);
        self.write(step.rows);
    }

    pub(in crate::world) fn tell_found(&mut self, uid: &CredentialUid, found: Found) {
        let Found { shown, checked } = found;
        self.tell_credential(uid, &CredentialEvent::Checked { shown, found: Box::new(checked) });
    }

    fn credential_facts(
        &self,
        machine: &RepositoryCredential,
        event: &CredentialEvent,
    ) -> CredentialFacts {
        let record = &machine.record;
        let secret = match event {
            CredentialEvent::Observed(snapshot) => &snapshot.spec.secret,
            _ => &record.spec.secret,
        };
        CredentialFacts {
            now: self.now,
            has_keys: self.repositories.has_keys,
            tenant: self.tenant_fact(&record.tenant),
            instance: self.world.settings.instance.clone(),
            shown: self.repositories.shown(&(record.namespace.clone(), secret.clone())),
            existing: None,
            is_row_empty: false,
            conditions: self.world.settings.conditions,
        }
    }

    pub(in crate::world) fn observe_operation_of_credential(&mut self, uid: &CredentialUid) {
        let Some(open) = self.credentials.get(uid).and_then(|one| one.record.open.clone()) else {
            return;
        };
        let rows = &self.world.database.operations;
        let state = rows.iter().find(|row| row.id == open.id).map(|row| row.state.clone());
        self.tell_credential(uid, &CredentialEvent::OperationObserved { id: open.id, state });
    }

    /// The agent has compared a repository Secret with its row.
    pub(in crate::world) fn notice_secret(&mut self, row: &CredentialId) {
        let mut rows = self.world.database.credentials.iter();
        let uid = rows.find(|one| one.id == *row).and_then(|one| one.credential.clone());
        uid.iter().for_each(|uid| self.tell_credential(uid, &CredentialEvent::SecretDiffers));
    }

    /// Does one thing that a credential requires and that is not done yet: the one with this number,
    /// or the next after it.
    pub(in crate::world) fn discharge_credential(&mut self, uid: &CredentialUid, choice: u8) {
        let Some(machine) = self.credentials.get(uid) else { return };
        let mut obligations = machine.obligations(self.world.settings.conditions);
        let first = usize::from(choice).checked_rem(obligations.len()).unwrap_or_default();
        obligations.rotate_left(first);
        for obligation in obligations {
            if self.fulfil_for_credential(uid, obligation) {
                return;
            }
        }
    }

    /// Does what is required; returns whether that changed anything.
    pub(in crate::world) fn fulfil_for_credential(
        &mut self,
        uid: &CredentialUid,
        obligation: CredentialObligation,
    ) -> bool {
        let acted = match obligation {
            // Nothing is written by asking.
            CredentialObligation::CredentialChecked { spec, shown } => {
                return self.ask(uid, &spec, shown);
            }
            CredentialObligation::OperationCreated(id) => self.resources.insert(id),
            CredentialObligation::StatusWritten(view) => {
                let Some(object) = self.credential_object(uid) else { return false };
                let changed = object.conditions != view.conditions;
                object.conditions = view.conditions;
                if changed {
                    self.remember_credential(uid);
                }
                changed
            }
        };
        self.world.writes.api_requests += u64::from(acted);
        acted
    }

    /// Gives the object a new revision and records this version.
    pub(in crate::world) fn remember_credential(&mut self, uid: &CredentialUid) {
        self.revision.0 += 1;
        let revision = self.revision;
        let Some(object) = self.credential_object(uid) else { return };
        let snapshot = CredentialSnapshot {
            revision,
            generation: object.generation,
            deleting: object.deleting,
            spec: object.spec.clone(),
            conditions: object.conditions.clone(),
        };
        self.credential_history.entry(uid.clone()).or_default().push(snapshot);
    }

    /// A step writes nothing but what it was shown to be accepted.
    fn check_put(&mut self, event: &CredentialEvent, rows: &[RowChange]) {
        let shown = match event {
            CredentialEvent::Checked { found, .. } if found.verdict.is_accepted() => {
                found.secret.as_ref().map(|secret| content(&found.spec, secret))
            }
            _ => None,
        };
        for row in rows {
            let RowChange::Credential(CredentialRows::Put(row)) = row else { continue };
            let spec = CredentialSpec {
                repository: row.repository.clone(),
                secret: row.secret_name.clone(),
            };
            if shown.as_ref() != Some(&content(&spec, &row.secret)) {
                self.broken.push(Violation {
                    predicate: ACCEPTED,
                    object: row.key.uid.to_string(),
                    difference: format!("{row:?} is written by {event:?}"),
                });
            }
        }
    }

    /// What must hold between two moments: the last credential that was accepted stays until its
    /// object goes, and no tenant ever has another's.
    pub(in crate::world) fn broken_by_credentials(&self, before: &World) -> Vec<Violation> {
        let stays =
            |id: &CredentialId| self.world.database.credentials.iter().any(|row| row.id == *id);
        let is_wanted = |uid: &CredentialUid| {
            before.credentials.iter().any(|one| one.uid == *uid && !one.deleting)
        };
        let rows = before.database.credentials.iter();
        let lost =
            rows.filter(|row| row.credential.as_ref().is_some_and(is_wanted) && !stays(&row.id));
        let lost = lost.map(|row| Violation {
            predicate: KEPT,
            object: row.id.to_string(),
            difference: "its row is gone although its object is not".to_owned(),
        });
        let isolated = machines::kinds::repository_credential::esr::isolated(&self.world);
        // What another client has written is repaired later.
        lost.chain(isolated.err().filter(|_| self.is_unspoiled())).collect()
    }
}
