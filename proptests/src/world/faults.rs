//! What goes wrong in the world: the process dies, writes arrive late, events arrive twice.

use machines::kinds::deployment::PersistedDeployment;
use machines::kinds::managed_environment::PersistedEnvironment;
use machines::kinds::repository_credential::PersistedCredential;
use machines::kinds::sync_run::PersistedSyncRun;
use machines::kinds::tenant::PersistedTenant;
use machines::machine::Machine;
use machines::operation::PersistedOperation;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

/// What a machine becomes when its process dies and restarts.
#[allow(clippy::expect_used, reason = "a machine that cannot be resumed fails its test")]
pub(super) fn restarted<M, P>(machine: &M) -> M
where
    M: Clone + From<P>,
    P: From<M> + Serialize + DeserializeOwned,
{
    let json = serde_json::to_string(&P::from(machine.clone())).expect("a machine is plain data");
    serde_json::from_str::<P>(&json).expect("what was persisted can be read").into()
}

impl Cluster {
    /// Everything that the process may be about to write when it dies: what deployments require,
    /// what sync runs, credentials and environments require, and the agent's requests for syncs, each
    /// in their order.
    pub(super) fn unwritten(&self) -> Vec<Underway> {
        let style = self.world.settings.conditions;
        let mut all = Vec::new();
        for (uid, machine) in &self.deployments {
            let obligations = machine.obligations(style).into_iter();
            all.extend(obligations.map(|one| Underway::Deployment(uid.clone(), one)));
        }
        for (uid, machine) in &self.sync_runs {
            let obligations = machine.obligations(style).into_iter();
            all.extend(obligations.map(|one| Underway::SyncRun(uid.clone(), one)));
        }
        for (uid, machine) in &self.credentials {
            let obligations = machine.obligations(style).into_iter();
            // The answer to a check dies with the process that asked.
            let written = obligations
                .filter(|one| !matches!(one, CredentialObligation::CredentialChecked { .. }));
            all.extend(written.map(|one| Underway::Credential(uid.clone(), one)));
        }
        for (uid, machine) in &self.environments {
            let obligations = machine.obligations(style).into_iter();
            // So does the answer to what was asked of a cluster.
            let written = obligations.filter(|one| {
                !matches!(
                    one,
                    EnvironmentObligation::ClusterChecked(_) | EnvironmentObligation::Revoked(_)
                )
            });
            all.extend(written.map(|one| Underway::Environment(uid.clone(), one)));
        }
        for obligation in self.operations.values().flat_map(Operation::obligations) {
            if let OperationObligation::SyncRequested(row, request, document) = obligation
                && self.may_begin(&row, &request, &document)
            {
                let sent = SentRequest { row, request, is_outdated: false };
                all.push(Underway::Request(sent));
            }
        }
        all
    }

    /// The process dies while this obligation is in progress. Only what was persisted survives:
    /// whether the work was done is unknown, and it is still required.
    ///
    /// A write of the agent is not left in flight: if it reached Argo CD after the agent's next
    /// life wrote the opposite, no observation of a machine would show it. The Lease's fence
    /// prevents that, not the machines. A request for a sync is: it is refused once the Application
    /// has changed.
    pub(super) fn crash(&mut self, which: u8) {
        self.underway = pick(self.unwritten(), which);
        for machine in self.tenants.values_mut() {
            *machine = restarted::<Tenant, PersistedTenant>(machine);
        }
        for machine in self.deployments.values_mut() {
            *machine = restarted::<Deployment, PersistedDeployment>(machine);
        }
        for machine in self.sync_runs.values_mut() {
            *machine = restarted::<SyncRun, PersistedSyncRun>(machine);
        }
        for machine in self.credentials.values_mut() {
            *machine = restarted::<RepositoryCredential, PersistedCredential>(machine);
        }
        for machine in self.environments.values_mut() {
            *machine = restarted::<ManagedEnvironment, PersistedEnvironment>(machine);
        }
        self.repositories.forget_answers();
        self.clusters.forget_answers();
        for machine in self.operations.values_mut() {
            *machine = restarted::<Operation, PersistedOperation>(machine);
        }
    }

    /// What was in flight arrives, whatever has happened since.
    pub(super) fn arrive(&mut self) {
        match self.underway.take() {
            Some(Underway::Deployment(uid, obligation)) => {
                self.fulfil(&uid, obligation);
            }
            Some(Underway::SyncRun(uid, obligation)) => {
                self.fulfil_for_run(&uid, obligation);
            }
            Some(Underway::Credential(uid, obligation)) => {
                self.fulfil_for_credential(&uid, obligation);
            }
            Some(Underway::Environment(uid, obligation)) => {
                self.fulfil_for_environment(&uid, obligation);
            }
            Some(Underway::Request(sent)) => self.arrive_request(&sent),
            None => {}
        }
    }

    /// Time passes until one machine's deadline; others whose deadlines have also passed are woken
    /// later.
    pub(super) fn wake_one(&mut self, which: u8) {
        let known = self.known_objects();
        let objects = known
            .iter()
            .filter_map(|object| Some((self.wake_at(object)?, Some(object.clone()), None)));
        let operations = self.operations.iter();
        let operations =
            operations.filter_map(|(id, one)| Some((one.wake_at()?, None, Some(id.clone()))));
        let waiting: Vec<_> = objects.chain(operations).collect();
        let Some((moment, object, id)) = pick(waiting, which) else {
            return;
        };
        self.now = self.now.max(moment);
        object.iter().for_each(|object| self.wake_object(object));
        id.iter().for_each(|id| self.tell_operation(id, &OperationEvent::DeadlineReached));
    }
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The process dies while an obligation is in progress.
    Crash,
    /// It does so while an operation is in progress.
    CrashDuringOperation,
    /// What was in flight at a crash arrives after the next life did something else.
    LateWrite,
    /// An observation is made after a newer one.
    StaleObservation,
    /// An observation is repeated.
    RepeatedObservation,
    /// The answer to a check is learned again, or after that to a later one.
    LateAnswer,
    /// What is gone is observed as if it existed.
    SightOfTheGone,
    /// The outcome of a former operation is reported late or again.
    RepeatedOutcome,
    /// The Kubernetes API rejects a write permanently.
    Refusal,
    /// The row of an operation is collected before its deployment learns the outcome.
    EarlyCollection,
    /// Time passes although there is something to do.
    Delay,
}

impl Cluster {
    /// The fault of this move.
    pub fn faults(&self, next: &Move) -> BTreeSet<Fault> {
        let fault = match next {
            Move::Crash { .. } => {
                let at_work = self.operations.values().any(Operation::watches_argo);
                let during = at_work.then_some(Fault::CrashDuringOperation);
                return [Fault::Crash].into_iter().chain(during).collect();
            }
            Move::Arrive => Some(Fault::LateWrite),
            Move::ObserveStale { which, back } => self.untimely(*which, *back),
            Move::ObserveFormerOperation { .. } => Some(Fault::RepeatedOutcome),
            Move::LearnLate { .. } | Move::LearnOfClusterLate { .. } => Some(Fault::LateAnswer),
            Move::Refuse { .. } => Some(Fault::Refusal),
            Move::CollectOperation { .. } => Some(Fault::EarlyCollection),
            Move::Wake { .. } => Some(Fault::Delay),
            _ => None,
        };
        fault.into_iter().collect()
    }

    fn untimely(&self, which: u8, back: u8) -> Option<Fault> {
        let object = pick(self.all_objects(), which)?;
        let versions: Vec<Revision> = match &object {
            Object::Deployment(uid) => {
                self.history.get(uid)?.iter().map(|one| one.revision).collect()
            }
            Object::SyncRun(uid) => {
                self.run_history.get(uid)?.iter().map(|one| one.revision).collect()
            }
            Object::Credential(uid) => {
                self.credential_history.get(uid)?.iter().map(|one| one.revision).collect()
            }
            Object::Environment(uid) => {
                self.environment_history.get(uid)?.iter().map(|one| one.revision).collect()
            }
        };
        let shown = *versions.get(versions.len().checked_sub(1 + usize::from(back))?)?;
        if !self.existing_objects().contains(&object) {
            return Some(Fault::SightOfTheGone);
        }
        let seen = match &object {
            Object::Deployment(uid) => self.deployments.get(uid)?.record.last_seen,
            Object::SyncRun(uid) => self.sync_runs.get(uid)?.record.last_seen,
            Object::Credential(uid) => self.credentials.get(uid)?.record.last_seen,
            Object::Environment(uid) => self.environments.get(uid)?.record.last_seen,
        };
        match shown.cmp(&seen) {
            std::cmp::Ordering::Less => Some(Fault::StaleObservation),
            std::cmp::Ordering::Equal => Some(Fault::RepeatedObservation),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// The current state, on one line.
    pub fn summary(&self) -> String {
        let objects = self.world.deployments.iter().map(|object| {
            let deleting = if object.deleting { " deleting" } else { "" };
            format!("{}@{}{deleting}", object.uid, object.generation.0)
        });
        let rows = self.world.database.applications.iter();
        let rows = rows.map(|row| row.deployment.as_str().to_owned());
        let argocd = self.world.argocd.applications.iter().map(|one| one.name.clone());
        let objects = objects.chain(self.world.credentials.iter().map(|object| {
            let deleting = if object.deleting { " deleting" } else { "" };
            format!("{}@{}{deleting} {:?}", object.uid, object.generation.0, object.verdict)
        }));
        let objects = objects.chain(self.world.environments.iter().map(|object| {
            let deleting = if object.deleting { " deleting" } else { "" };
            format!("{}@{}{deleting} {:?}", object.uid, object.generation.0, object.verdict)
        }));
        let secrets = &self.world.argocd.repositories;
        let secrets = secrets.iter().map(|one| format!("{} {}", one.row, one.content));
        let clusters = &self.world.argocd.clusters;
        let secrets =
            secrets.chain(clusters.iter().map(|one| format!("{} {}", one.row, one.content)));
        let remote = self.world.remote.iter().map(|one| one.object.clone());
        let resources = self.resources.iter().map(|id| id.as_str().to_owned());
        let machines = self.deployments.values().map(|one| {
            let uid = &one.record.uid;
            format!("{uid} {} {}", one.path(), one.mirror.path())
        });
        let runs = self.sync_runs.values().map(|one| {
            let uid = &one.record.uid;
            format!("{uid} {} {}", one.path(), one.mirror.path())
        });
        let credentials = self.credentials.values().map(credential_state);
        let credentials = credentials.chain(self.environments.values().map(environment_state));
        let operations = self.operations.values();
        let operations = operations.map(|one| format!("{} {}", one.record.id, one.path()));
        let begun = self.world.argocd.begun.iter().map(|sync| sync.as_str().to_owned());
        let list = |items: Vec<String>| items.join(", ");
        format!(
            "objects [{}] rows [{}] Applications [{}] Secrets [{}] Operations [{}] machines [{}] \
             begun [{}] on clusters [{}]",
            list(objects.collect()),
            list(rows.collect()),
            list(argocd.collect()),
            list(secrets.collect()),
            list(resources.collect()),
            list(machines.chain(runs).chain(credentials).chain(operations).collect()),
            list(begun.collect()),
            list(remote.collect()),
        )
    }
}
