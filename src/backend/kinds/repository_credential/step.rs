//! Steps the repository credentials of a batch.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use machines::identity::TenantUid;
use machines::kinds::repository_credential::lifecycle::CredentialState;
use machines::kinds::repository_credential::{
    CredentialEvent, CredentialFacts, CredentialObligation, CredentialUid, RepositoryCredential,
};
use machines::kinds::tenant::TenantFact;
use machines::machine::{Machine, Run};
use machines::rows::{CredentialRows, RowChange};
use schema::store::AdoptedCredential;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use schema::store::machine_rows::{Persistent, Stepped, Versioned};

use super::checks::{Check, Needed, Reason};
use crate::backend::environment::Environment;
use crate::backend::follow_up::Consequences;
use crate::backend::index::objects::{Noted, Place};
use crate::backend::index::secrets::ShownSecret;
use crate::backend::kinds::Key;
use crate::backend::observations::{Item, ObjectObservation, Observations};

/// What follows for a repository credential.
#[derive(Debug)]
pub struct CredentialFollowUp {
    /// Which one.
    pub uid: CredentialUid,
    /// What follows for a machine of any kind.
    pub consequences: Consequences,
    /// What it requires from the world.
    pub obligations: Vec<CredentialObligation>,
    /// What it needs of its repository's server.
    pub needed: Needed,
    /// Why a person is awaited, as a reason and a message, if that is news.
    pub complaint: Option<(String, String)>,
}

/// What the steps look at besides what was loaded.
pub struct Surroundings<'a> {
    /// The tenants, as the batch leaves them.
    pub tenants: &'a HashMap<TenantUid, TenantFact>,
    /// What the watch shows of a Secret.
    pub secret: &'a dyn Fn(&Place) -> ShownSecret,
}

/// Which machines and facts a batch needs for a repository credential.
pub fn request(uid: &CredentialUid, observations: &Observations, request: &mut BackendRequest) {
    request.credentials.push(uid.clone());
    if let Some(ObjectObservation::Present { tenant, .. }) = &observations.object {
        request.tenants.push(tenant.clone());
    }
}

/// The tenant that a repository credential needs, and its namespace; `None` if it needs none now.
pub fn needed_tenant(
    loaded: &BackendLoaded,
    uid: &CredentialUid,
    observations: &Observations,
    environment: &Environment,
) -> Option<(TenantUid, String)> {
    match &observations.object {
        Some(ObjectObservation::Present { tenant, namespace, .. }) => {
            Some((tenant.clone(), namespace.clone()))
        }
        Some(ObjectObservation::Absent { .. }) => None,
        None => {
            let machine = &loaded.credentials.known.get(uid)?.machine;
            let record = &machine.record;
            // Argo CD's namespace was recreated: what was written there is gone with the old one.
            let row = record.row.as_ref().filter(|_| record.present);
            let moved = row.is_some_and(|row| {
                environment.instance.as_ref().is_some_and(|now| row.instance != *now)
            });
            let accepted = observations.checked.as_ref().is_some_and(|one| one.accepted.is_some());
            (machine.needs_tenant() || moved || accepted)
                .then(|| (record.tenant.clone(), record.namespace.clone()))
        }
    }
}

/// Steps the repository credentials of a batch; says what follows for each.
pub fn step_all(
    loaded: &mut BackendLoaded,
    items: &[Item],
    surroundings: &Surroundings<'_>,
    environment: &Environment,
    changes: &mut BackendChanges,
) -> Vec<CredentialFollowUp> {
    let mut follow_ups = Vec::new();
    for (key, observations) in items {
        let Key::Credential(uid) = key else { continue };
        let Some(before) = before(loaded, uid, observations) else {
            // One that an earlier installation has left is stepped when its object is seen, or seen to be
            // gone.
            let is_awaited = loaded.existing_credentials.contains_key(uid);
            if !is_awaited && !loaded.credentials.unreadable.contains(uid) {
                // A commit may have succeeded although it was reported as failed, and then nothing
                // was notified.
                follow_ups.push(gone(uid));
            }
            continue;
        };
        let insist = observations.deadline && before.machine.is_overdue(environment.now);
        let events = events(loaded, &before.machine, observations);
        let facts = |credential: &RepositoryCredential, event: &CredentialEvent| {
            facts(credential, event, loaded, surroundings, environment)
        };
        let Some((stepped, rows)) = step(before, &events, &facts) else { continue };
        let is_put = |row: &RowChange| matches!(row, RowChange::Credential(CredentialRows::Put(_)));
        if rows.iter().any(is_put)
            && let Some(accepted) =
                observations.checked.as_ref().and_then(|one| one.accepted.as_ref())
        {
            changes.accepted.insert(uid.clone(), (**accepted).clone());
        }
        changes.rows.extend(rows);
        follow_ups.push(follow_up(&stepped, insist, environment));
        changes.credentials.push(stepped);
    }
    follow_ups
}

/// The machine as it was loaded, or a new one for an object that was never seen.
fn before(
    loaded: &mut BackendLoaded,
    uid: &CredentialUid,
    observations: &Observations,
) -> Option<Versioned<RepositoryCredential>> {
    if let Some(known) = loaded.credentials.known.remove(uid) {
        return Some(known);
    }
    match &observations.object {
        Some(ObjectObservation::Present { tenant, namespace, name, .. })
            if !loaded.credentials.unreadable.contains(uid) =>
        {
            let machine = RepositoryCredential::new(uid.clone(), tenant.clone(), namespace, name);
            Some(Versioned { machine, version: 0 })
        }
        // What an earlier installation has left of it is removed.
        Some(ObjectObservation::Absent { .. }) => {
            let AdoptedCredential { uid, tenant, namespace, name } =
                loaded.existing_credentials.get(uid)?.object.clone();
            let machine = RepositoryCredential::new(uid, tenant, &namespace, &name);
            Some(Versioned { machine, version: 0 })
        }
        _ => None,
    }
}

fn events(
    loaded: &BackendLoaded,
    machine: &RepositoryCredential,
    observations: &Observations,
) -> Vec<CredentialEvent> {
    let mut events = Vec::new();
    if let Some(open) = machine.record.open.as_ref().filter(|_| observations.operation) {
        let state = loaded.operations.get(&open.id).cloned();
        events.push(CredentialEvent::OperationObserved { id: open.id.clone(), state });
    }
    match &observations.object {
        Some(ObjectObservation::Present { snapshot, .. }) => {
            let snapshot = snapshot.credential().cloned();
            events.extend(snapshot.map(|one| CredentialEvent::Observed(Box::new(one))));
        }
        Some(ObjectObservation::Absent { as_of }) => {
            events.push(CredentialEvent::Absent { as_of: *as_of });
        }
        None => {}
    }
    // Before what was found: that may be about the Secret from before.
    if observations.facts {
        events.push(CredentialEvent::FactsChanged);
    }
    if let Some(checked) = &observations.checked {
        let (shown, found) = (checked.shown.clone(), Box::new(checked.found.clone()));
        events.push(CredentialEvent::Checked { shown, found });
    }
    if observations.differs {
        events.push(CredentialEvent::SecretDiffers);
    }
    if observations.deadline {
        events.push(CredentialEvent::DeadlineReached);
    }
    events
}

fn facts(
    credential: &RepositoryCredential,
    event: &CredentialEvent,
    loaded: &BackendLoaded,
    surroundings: &Surroundings<'_>,
    environment: &Environment,
) -> CredentialFacts {
    let record = &credential.record;
    // The Secret that counts is the one that the event leads to.
    let name = match event {
        CredentialEvent::Observed(snapshot) => &snapshot.spec.secret,
        _ => &record.spec.secret,
    };
    let place = Place { namespace: record.namespace.clone(), name: name.clone() };
    let tenant = surroundings.tenants.get(&record.tenant).cloned();
    let shown = match (surroundings.secret)(&place) {
        ShownSecret::Present(digest) => Some(digest),
        ShownSecret::Absent => None,
        // It is taken for what it was.
        ShownSecret::Unknown => match &record.checked {
            Some(checked) if checked.spec.secret == *name => checked.secret.clone(),
            _ => None,
        },
    };
    CredentialFacts {
        now: environment.now,
        has_keys: environment.has_keys,
        tenant: tenant.unwrap_or(TenantFact::Unknown),
        instance: environment.instance.clone(),
        shown,
        existing: loaded.existing_credentials.get(&record.uid).map(|one| one.row.clone()),
        is_row_empty: loaded.emptied_credentials.contains(&record.uid),
        conditions: environment.conditions,
    }
}

/// Steps one machine through its events. A panic in a step is caught here: that machine is left as
/// it was, and all others go on.
fn step(
    before: Versioned<RepositoryCredential>,
    events: &[CredentialEvent],
    facts: &dyn Fn(&RepositoryCredential, &CredentialEvent) -> CredentialFacts,
) -> Option<(Stepped<RepositoryCredential>, Vec<RowChange>)> {
    let uid = before.machine.record.uid.clone();
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        let mut run = Run::new(before.machine.clone());
        for event in events {
            let facts = facts(&run.machine, event);
            run.step(event, &facts);
        }
        run
    }));
    let Ok(run) = stepped else {
        tracing::error!(uid = uid.as_str(), "a step ended unexpectedly; it is left out");
        return None;
    };
    Some(Stepped::of(before, run))
}

fn follow_up(
    stepped: &Stepped<RepositoryCredential>,
    insist: bool,
    environment: &Environment,
) -> CredentialFollowUp {
    let (before, machine) = (&stepped.before.machine, &stepped.after);
    let record = &machine.record;
    let open = |one: &RepositoryCredential| one.record.open.as_ref().map(|open| open.id.clone());
    let requested = open(machine).filter(|id| open(before).as_ref() != Some(id));
    let place = Place { namespace: record.namespace.clone(), name: record.name.clone() };
    let moved = stepped.transitions.last().cloned().map(|moved| (place.clone(), moved));
    let complaint = machine.complaint().filter(|one| before.complaint().as_ref() != Some(one));
    let noted = Noted {
        tenant: record.tenant.clone(),
        place,
        refers_to: machine.refers_to().map(str::to_owned),
        rank: record.born,
        shown: None,
    };
    let obligations = machine.obligations(environment.conditions);
    CredentialFollowUp {
        uid: record.uid.clone(),
        consequences: Consequences {
            key: Key::Credential(record.uid.clone()),
            noted: (!stepped.gone).then_some(noted),
            wake_at: if stepped.gone { None } else { machine.wake_at() },
            insist,
            requested,
            moved,
        },
        obligations: if stepped.gone { Vec::new() } else { obligations },
        needed: needed(machine),
        complaint,
    }
}

fn needed(machine: &RepositoryCredential) -> Needed {
    let record = &machine.record;
    let check = |reason| Check::of(record, reason);
    let secret = record.checked.as_ref().and_then(|checked| checked.secret.as_ref());
    let is_refused = matches!(machine.lifecycle, CredentialState::Refused {});
    let is_doubtful = is_refused || secret != record.shown.as_ref();
    if matches!(machine.lifecycle, CredentialState::Checking { .. }) {
        Needed::Now(check(Reason::Required))
    } else if machine.is_rechecked() {
        Needed::Repeatedly { check: check(Reason::Repeated), is_doubtful }
    } else {
        Needed::Nothing
    }
}

fn gone(uid: &CredentialUid) -> CredentialFollowUp {
    CredentialFollowUp {
        uid: uid.clone(),
        consequences: Consequences::gone(Key::Credential(uid.clone())),
        obligations: Vec::new(),
        needed: Needed::Nothing,
        complaint: None,
    }
}
