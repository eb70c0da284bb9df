//! Steps the repository credentials of a batch.

use machines::identity::{TenantUid, Timestamp};
use machines::kinds::repository_credential::lifecycle::CredentialState;
use machines::kinds::repository_credential::{
    CredentialEvent, CredentialFacts, CredentialObligation, CredentialUid, RepositoryCredential,
};
use machines::kinds::tenant::TenantFact;
use machines::rows::{CredentialRows, RowChange};
use machines::shared::open_operation::OpenOperation;
use machines::shared::standing::Standing;
use schema::store::AdoptedCredential;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use schema::store::machine_rows::{Stepped, Versioned};

use super::checks::RepositoryCheck;
use crate::backend::checks::{Needed, Repeatedly};
use crate::backend::environment::Environment;
use crate::backend::follow_up::Consequences;
use crate::backend::index::objects::Place;
use crate::backend::index::secrets::{SecretType, ShownSecret};
use crate::backend::kinds::stepping::{self, ObjectMachine};
use crate::backend::kinds::{Check, Key, Surroundings};
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

impl ObjectMachine for RepositoryCredential {
    fn machine_key(key: CredentialUid) -> Key {
        Key::Credential(key)
    }
    fn open(&self) -> Option<&OpenOperation> {
        self.record.open.as_ref()
    }
    fn rank(&self) -> Timestamp {
        self.record.born
    }
    fn standing(&self) -> Standing {
        RepositoryCredential::standing(self)
    }
}

/// Which machines and facts a batch needs for a repository credential.
pub fn request(uid: &CredentialUid, observations: &Observations, request: &mut BackendRequest) {
    request.credentials.push(uid.clone());
    if observations.checked.is_some() {
        request.checked.insert(uid.clone());
    }
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
    stepping::needed_tenant(&loaded.credentials, uid, observations, |machine| {
        let record = &machine.record;
        let row = record.row.as_ref().filter(|_| record.present);
        machine.needs_tenant()
            || row.is_some_and(|row| environment.is_elsewhere(&row.instance))
            || observations.checked.as_ref().is_some_and(|one| one.accepted.is_some())
    })
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
        let stepped = stepping::step(before, |run| {
            for event in &events {
                let facts = facts(&run.machine, event, loaded, surroundings, environment);
                run.step(event, &facts);
            }
        });
        let Some((stepped, rows)) = stepped else { continue };
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

/// The machine as it was loaded, or a new one for an object that was never seen, or of which nothing
/// but what an earlier installation has made is left.
fn before(
    loaded: &mut BackendLoaded,
    uid: &CredentialUid,
    observations: &Observations,
) -> Option<Versioned<RepositoryCredential>> {
    let new = RepositoryCredential::new;
    let before = stepping::before(&mut loaded.credentials, uid, observations, new);
    before.or_else(|| {
        let Some(ObjectObservation::Absent { .. }) = &observations.object else { return None };
        let AdoptedCredential { uid, tenant, namespace, name } =
            loaded.existing_credentials.get(uid)?.object.clone();
        Some(Versioned { machine: new(uid, tenant, &namespace, &name), version: 0 })
    })
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
    let shown = match (surroundings.secret)(SecretType::RepositoryCredential, &place) {
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

fn follow_up(
    stepped: &Stepped<RepositoryCredential>,
    insist: bool,
    environment: &Environment,
) -> CredentialFollowUp {
    let (before, machine) = (&stepped.before.machine, &stepped.after);
    let complaint = machine.complaint().filter(|one| before.complaint().as_ref() != Some(one));
    let obligations =
        if stepped.gone { Vec::new() } else { machine.obligations(environment.conditions) };
    CredentialFollowUp {
        uid: machine.record.uid.clone(),
        consequences: Consequences::of(stepped, insist),
        needed: needed(machine, &obligations),
        obligations,
        complaint,
    }
}

/// What it needs of its repository's server: to be asked now if it is obliged to know the answer, or
/// else again from time to time, as long as the last answer counts.
fn needed(machine: &RepositoryCredential, obligations: &[CredentialObligation]) -> Needed {
    let required = obligations.iter().find_map(|obligation| match obligation {
        CredentialObligation::CredentialChecked { spec, shown } => Some((spec, shown)),
        CredentialObligation::OperationCreated(_) | CredentialObligation::StatusWritten(_) => None,
    });
    let record = &machine.record;
    let check = |spec, shown| Check::Repository(RepositoryCheck::of(record, spec, shown));
    if let Some((spec, shown)) = required {
        return Needed { now: Some(check(spec, shown)), repeatedly: None };
    }
    if !machine.is_rechecked() {
        return Needed::default();
    }
    let secret = record.checked.as_ref().and_then(|checked| checked.secret.as_ref());
    let is_refused = matches!(machine.lifecycle, CredentialState::Refused {});
    let repeatedly = Repeatedly {
        check: check(&record.spec, &record.shown),
        is_doubtful: is_refused || secret != record.shown.as_ref(),
    };
    Needed { now: None, repeatedly: Some(repeatedly) }
}

fn gone(uid: &CredentialUid) -> CredentialFollowUp {
    CredentialFollowUp {
        uid: uid.clone(),
        consequences: Consequences::gone(Key::Credential(uid.clone())),
        obligations: Vec::new(),
        needed: Needed::default(),
        complaint: None,
    }
}

#[cfg(test)]
mod tests {
    use machines::identity::Digest;
    use machines::kinds::repository_credential::Checked;
    use machines::kinds::repository_credential::spec::CredentialSpec;
    use machines::kinds::repository_credential::verdict::Verdict;

    use super::*;

    fn credential(lifecycle: CredentialState) -> RepositoryCredential {
        let uid = CredentialUid::new("uid");
        let mut machine = RepositoryCredential::new(uid, TenantUid::new("tenant"), "team", "repo");
        let (spec, secret) = (CredentialSpec::default(), Some(Digest::of(&"checked")));
        machine.record.shown.clone_from(&secret);
        machine.record.checked = Some(Checked { spec, secret, verdict: Verdict::Accepted {} });
        RepositoryCredential { lifecycle, ..machine }
    }

    fn needs(machine: &RepositoryCredential) -> Needed {
        needed(machine, &machine.obligations(Default::default()))
    }

    #[test]
    fn what_a_credential_is_obliged_to_know_is_asked_now_and_the_rest_again_some_time() {
        let deadline = Timestamp::from_millis(1);
        let checking = credential(CredentialState::Checking { deadline, overdue: 0 });
        let Some(Check::Repository(check)) = needs(&checking).now else {
            panic!("the machine waits for it")
        };
        assert_eq!(check.shown, Some(Digest::of(&"checked")));
        let mut outdated = credential(CredentialState::Accepted {});
        outdated.record.shown = Some(Digest::of(&"another"));
        let judged = [
            (credential(CredentialState::Accepted {}), false),
            (credential(CredentialState::Refused {}), true),
            (outdated, true),
        ];
        for (machine, expected) in judged {
            let Needed { now: None, repeatedly: Some(again) } = needs(&machine) else {
                panic!("{machine:?} is asked again");
            };
            assert_eq!(again.is_doubtful, expected, "{machine:?}");
        }
        let nothing = needs(&credential(CredentialState::Rejected {}));
        assert!(nothing.now.is_none() && nothing.repeatedly.is_none(), "{nothing:?}");
    }
}
