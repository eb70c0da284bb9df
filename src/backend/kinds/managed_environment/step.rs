//! Steps the managed environments of a batch.

use machines::identity::{TenantUid, Timestamp};
use machines::kinds::managed_environment::rows::EnvironmentRows;
use machines::kinds::managed_environment::{
    EnvironmentEvent, EnvironmentFacts, EnvironmentObligation, EnvironmentUid, ManagedEnvironment,
};
use machines::kinds::tenant::TenantFact;
use machines::rows::RowChange;
use machines::shared::open_operation::OpenOperation;
use machines::shared::standing::Standing;
use schema::store::AdoptedEnvironment;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest, EnvironmentUsers};
use schema::store::machine_rows::{Stepped, Versioned};

use super::checks::ClusterCheck;
use super::removals::AccountRemoval;
use crate::backend::checks::{Needed, Repeatedly};
use crate::backend::environment::Environment;
use crate::backend::follow_up::Consequences;
use crate::backend::index::objects::Place;
use crate::backend::index::secrets::{SecretType, ShownSecret};
use crate::backend::kinds::stepping::{self, ObjectMachine};
use crate::backend::kinds::{Check, Key, Surroundings};
use crate::backend::observations::{Item, ObjectObservation, Observations};

/// What follows for a managed environment.
#[derive(Debug)]
pub struct EnvironmentFollowUp {
    /// Which one.
    pub uid: EnvironmentUid,
    /// What follows for a machine of any kind.
    pub consequences: Consequences,
    /// What it requires from the world.
    pub obligations: Vec<EnvironmentObligation>,
    /// What it needs of clusters.
    pub needed: Needed,
    /// Why a person is awaited, as a reason and a message, if that is news.
    pub complaint: Option<(String, String)>,
}

impl ObjectMachine for ManagedEnvironment {
    fn machine_key(key: EnvironmentUid) -> Key {
        Key::Environment(key)
    }
    fn open(&self) -> Option<&OpenOperation> {
        self.record.open.as_ref()
    }
    fn rank(&self) -> Timestamp {
        self.record.born
    }
    fn shown(&self) -> Option<String> {
        Some(format!("{:?}", (self.fact(), self.used_fact())))
    }
    fn awaits_users(&self) -> bool {
        self.needs_usage()
    }
    fn standing(&self) -> Standing {
        ManagedEnvironment::standing(self)
    }
}

/// Which machines and facts a batch needs for a managed environment.
pub fn request(uid: &EnvironmentUid, observations: &Observations, request: &mut BackendRequest) {
    request.environments.push(uid.clone());
    if observations.cluster.is_some() {
        request.checked_environments.insert(uid.clone());
    }
    let is_leaving = match &observations.object {
        Some(ObjectObservation::Present { tenant, snapshot, .. }) => {
            request.tenants.push(tenant.clone());
            snapshot.environment().is_some_and(|snapshot| snapshot.deleting)
        }
        Some(ObjectObservation::Absent { .. }) => true,
        None => false,
    };
    if is_leaving {
        request.leaving_environments.insert(uid.clone());
    }
}

/// The tenant that a managed environment needs, and its namespace; `None` if it needs none now.
pub fn needed_tenant(
    loaded: &BackendLoaded,
    uid: &EnvironmentUid,
    observations: &Observations,
    environment: &Environment,
) -> Option<(TenantUid, String)> {
    stepping::needed_tenant(&loaded.environments, uid, observations, |machine| {
        let record = &machine.record;
        let row = record.row.as_ref().filter(|_| record.present);
        machine.needs_tenant()
            || row.is_some_and(|row| environment.is_elsewhere(&row.instance))
            || observations.cluster.as_ref().is_some_and(|one| one.accepted.is_some())
    })
}

/// Steps the managed environments of a batch; says what follows for each.
pub fn step_all(
    loaded: &mut BackendLoaded,
    items: &[Item],
    surroundings: &Surroundings<'_>,
    environment: &Environment,
    changes: &mut BackendChanges,
) -> Vec<EnvironmentFollowUp> {
    let mut follow_ups = Vec::new();
    for (key, observations) in items {
        let Key::Environment(uid) = key else { continue };
        let Some(before) = before(loaded, uid, observations) else {
            // One that an earlier installation has left is stepped when its object is seen, or seen to be
            // gone.
            let is_awaited = loaded.adopted_environments.contains_key(uid);
            if !is_awaited && !loaded.environments.unreadable.contains(uid) {
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
        let is_put =
            |row: &RowChange| matches!(row, RowChange::Environment(EnvironmentRows::Put(_)));
        if rows.iter().any(is_put)
            && let Some(accepted) =
                observations.cluster.as_ref().and_then(|one| one.accepted.as_ref())
        {
            changes.accepted_environments.insert(uid.clone(), (**accepted).clone());
        }
        changes.rows.extend(rows);
        loaded.named_environments.note(&stepped);
        follow_ups.push(follow_up(&stepped, insist, environment));
        changes.environments.push(stepped);
    }
    follow_ups
}

/// The machine as it was loaded, or a new one for an object that was never seen, or of which nothing
/// but what an earlier installation has made is left.
fn before(
    loaded: &mut BackendLoaded,
    uid: &EnvironmentUid,
    observations: &Observations,
) -> Option<Versioned<ManagedEnvironment>> {
    let new = ManagedEnvironment::new;
    let before = stepping::before(&mut loaded.environments, uid, observations, new);
    before.or_else(|| {
        let Some(ObjectObservation::Absent { .. }) = &observations.object else { return None };
        let AdoptedEnvironment { uid, tenant, namespace, name } =
            loaded.adopted_environments.get(uid)?.object.clone();
        Some(Versioned { machine: new(uid, tenant, &namespace, &name), version: 0 })
    })
}

fn events(
    loaded: &BackendLoaded,
    machine: &ManagedEnvironment,
    observations: &Observations,
) -> Vec<EnvironmentEvent> {
    let mut events = Vec::new();
    if let Some(open) = machine.record.open.as_ref().filter(|_| observations.operation) {
        let state = loaded.operations.get(&open.id).cloned();
        events.push(EnvironmentEvent::OperationObserved { id: open.id.clone(), state });
    }
    match &observations.object {
        Some(ObjectObservation::Present { snapshot, .. }) => {
            let snapshot = snapshot.environment().cloned();
            events.extend(snapshot.map(|one| EnvironmentEvent::Observed(Box::new(one))));
        }
        Some(ObjectObservation::Absent { as_of }) => {
            events.push(EnvironmentEvent::Absent { as_of: *as_of });
        }
        None => {}
    }
    // Before what was found: that may be about the Secret from before.
    if observations.facts {
        events.push(EnvironmentEvent::FactsChanged);
    }
    if let Some(checked) = &observations.cluster {
        let (shown, found) = (checked.shown.clone(), Box::new(checked.found.clone()));
        events.push(EnvironmentEvent::Checked { shown, found });
    }
    if let Some(removal) = &observations.removal {
        let (what, remains) = (Box::new(removal.what.clone()), removal.remains.clone());
        events.push(EnvironmentEvent::RevocationAttempted { what, remains });
    }
    if let Some(texts) = &observations.told {
        events.push(EnvironmentEvent::RemainsTold { texts: texts.clone() });
    }
    if observations.differs {
        events.push(EnvironmentEvent::SecretDiffers);
    }
    if observations.deadline {
        events.push(EnvironmentEvent::DeadlineReached);
    }
    events
}

fn facts(
    machine: &ManagedEnvironment,
    event: &EnvironmentEvent,
    loaded: &BackendLoaded,
    surroundings: &Surroundings<'_>,
    environment: &Environment,
) -> EnvironmentFacts {
    let record = &machine.record;
    // The Secret that counts is the one that the event leads to.
    let name = match event {
        EnvironmentEvent::Observed(snapshot) => &snapshot.spec.secret,
        _ => &record.spec.secret,
    };
    let place = Place { namespace: record.namespace.clone(), name: name.clone() };
    let tenant = surroundings.tenants.get(&record.tenant).cloned();
    let shown = match (surroundings.secret)(SecretType::ManagedEnvironment, &place) {
        ShownSecret::Present(digest) => Some(digest),
        ShownSecret::Absent => None,
        // It is taken for what it was.
        ShownSecret::Unknown => match &record.checked {
            Some(checked) if checked.spec.secret == *name => checked.secret.clone(),
            _ => None,
        },
    };
    let users = loaded.environment_users.get(&record.uid);
    EnvironmentFacts {
        now: environment.now,
        has_keys: environment.has_keys,
        tenant: tenant.unwrap_or(TenantFact::Unknown),
        instance: environment.instance.clone(),
        shown,
        existing: loaded.adopted_environments.get(&record.uid).map(|one| one.row.clone()),
        is_row_empty: loaded.emptied_environments.contains(&record.uid),
        usage: users.map(EnvironmentUsers::usage).unwrap_or_default(),
        conditions: environment.conditions,
    }
}

fn follow_up(
    stepped: &Stepped<ManagedEnvironment>,
    insist: bool,
    environment: &Environment,
) -> EnvironmentFollowUp {
    let (before, machine) = (&stepped.before.machine, &stepped.after);
    let complaint = machine.complaint().filter(|one| before.complaint().as_ref() != Some(one));
    let obligations =
        if stepped.gone { Vec::new() } else { machine.obligations(environment.conditions) };
    EnvironmentFollowUp {
        uid: machine.record.uid.clone(),
        consequences: Consequences::of(stepped, insist),
        needed: needed(machine, &obligations),
        obligations,
        complaint,
    }
}

/// What it needs of clusters: that the one is asked now whose answer it is obliged to know, or something
/// is removed, and that the one is asked again from time to time whose last answer counts.
fn needed(machine: &ManagedEnvironment, obligations: &[EnvironmentObligation]) -> Needed {
    let record = &machine.record;
    let check = |inquiry| Check::Cluster(Box::new(ClusterCheck::of(record, inquiry)));
    let now = obligations.iter().find_map(|obligation| match obligation {
        EnvironmentObligation::ClusterChecked(inquiry) => Some(check((**inquiry).clone())),
        EnvironmentObligation::Revoked(what) => {
            let removal = AccountRemoval::of(record, (**what).clone());
            Some(Check::Removal(Box::new(removal)))
        }
        EnvironmentObligation::OperationCreated(_)
        | EnvironmentObligation::RemainsTold(_)
        | EnvironmentObligation::StatusWritten(_) => None,
    });
    let is_doubtful = machine.is_doubtful();
    let again = machine.repeated_inquiry().map(check);
    Needed { now, repeatedly: again.map(|check| Repeatedly { check, is_doubtful }) }
}

fn gone(uid: &EnvironmentUid) -> EnvironmentFollowUp {
    EnvironmentFollowUp {
        uid: uid.clone(),
        consequences: Consequences::gone(Key::Environment(uid.clone())),
        obligations: Vec::new(),
        needed: Needed::default(),
        complaint: None,
    }
}

#[cfg(test)]
mod tests {
    use machines::identity::{ClusterUserId, Digest, EnvironmentId, InstanceId};
    use machines::kinds::managed_environment::lifecycle::EnvironmentState;
    use machines::kinds::managed_environment::spec::EnvironmentSpec;
    use machines::kinds::managed_environment::verdict::Verdict;
    use machines::kinds::managed_environment::{
        Checked, ClusterCredentialsId, Installation, RowRecord, Written,
    };

    use super::*;

    fn environment(lifecycle: EnvironmentState) -> ManagedEnvironment {
        let uid = EnvironmentUid::new("uid");
        let mut machine = ManagedEnvironment::new(uid, TenantUid::new("tenant"), "team", "env");
        let (spec, secret) = (EnvironmentSpec::default(), Some(Digest::of(&"checked")));
        machine.record.shown.clone_from(&secret);
        let verdict = Verdict::Accepted { told: Digest::default() };
        machine.record.checked = Some(Checked { spec, secret, round: None, verdict });
        ManagedEnvironment { lifecycle, ..machine }
    }

    fn needs(machine: &ManagedEnvironment) -> Needed {
        needed(machine, &machine.obligations(Default::default()))
    }

    #[test]
    fn what_an_environment_is_obliged_to_know_is_asked_now_and_the_rest_again_some_time() {
        let deadline = Timestamp::from_millis(1);
        let checking = environment(EnvironmentState::Checking { deadline, overdue: 0 });
        let Some(Check::Cluster(check)) = needs(&checking).now else {
            panic!("the machine waits for it")
        };
        assert_eq!(check.inquiry.shown, Some(Digest::of(&"checked")));
        assert_eq!(check.row, EnvironmentId::of(&EnvironmentUid::new("uid")));
        let mut outdated = environment(EnvironmentState::Accepted {});
        outdated.record.shown = Some(Digest::of(&"another"));
        let judged = [
            (environment(EnvironmentState::Accepted {}), false),
            (environment(EnvironmentState::Refused {}), true),
            (outdated, true),
        ];
        for (machine, expected) in judged {
            let Needed { now: None, repeatedly: Some(again) } = needs(&machine) else {
                panic!("{machine:?} is asked again");
            };
            assert_eq!(again.is_doubtful, expected, "{machine:?}");
        }
        let nothing = needs(&environment(EnvironmentState::Rejected {}));
        assert!(nothing.now.is_none() && nothing.repeatedly.is_none(), "{nothing:?}");
    }

    #[test]
    fn the_token_of_an_account_is_asked_about_as_it_is_in_its_row() {
        let mut machine = environment(EnvironmentState::Accepted {});
        let credentials = ClusterCredentialsId::new("credentials");
        let written = Written {
            spec: EnvironmentSpec::default(),
            secret: Digest::default(),
            told: Digest::default(),
            installation: Some(Installation { namespaces: Vec::new(), round: 3 }),
        };
        machine.record.row = Some(RowRecord {
            id: EnvironmentId::new("row"),
            credentials: credentials.clone(),
            user: ClusterUserId::new("user"),
            instance: InstanceId::new("instance"),
            written: Some(written),
            is_delivered: true,
        });
        let again = needs(&machine).repeatedly.map(|again| again.check);
        let Some(Check::Cluster(check)) = again else { panic!("it is asked again") };
        assert_eq!(check.inquiry.stored, Some((credentials, 3)));
        assert_eq!(check.row, EnvironmentId::new("row"), "the digest is of this row's name");
    }
}
