//! What goes wrong in the world: the process dies, writes arrive late, events arrive twice.

use machines::kinds::deployment::PersistedDeployment;
use machines::kinds::tenant::PersistedTenant;
use machines::machine::Machine;
use machines::operation::PersistedOperation;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

/// What a machine becomes when its process dies and restarts.
#[allow(clippy::expect_used, reason = "a machine that cannot be resumed fails its test")]
fn restarted<M, P>(machine: &M) -> M
where
    M: Clone + From<P>,
    P: From<M> + Serialize + DeserializeOwned,
{
    let json = serde_json::to_string(&P::from(machine.clone())).expect("a machine is plain data");
    serde_json::from_str::<P>(&json).expect("what was persisted can be read").into()
}

impl Cluster {
    /// All pending obligations of deployments, in the order of deployments.
    pub(super) fn obligations(&self) -> Vec<(DeploymentUid, Obligation)> {
        let deployments = self.deployments.iter();
        deployments
            .flat_map(|(uid, one)| one.obligations(STYLE).into_iter().map(|one| (uid.clone(), one)))
            .collect()
    }

    /// The process dies while this obligation is in progress. Only what was persisted survives:
    /// whether the work was done is unknown, and it is still required.
    ///
    /// A write of the agent is not left in flight: if it reached Argo CD after the agent's next
    /// life wrote the opposite, no observation of a machine would show it. The Lease's fence
    /// prevents that, not the machines.
    pub(super) fn crash(&mut self, which: u8) {
        self.underway = pick(self.obligations(), which);
        for machine in self.tenants.values_mut() {
            *machine = restarted::<Tenant, PersistedTenant>(machine);
        }
        for machine in self.deployments.values_mut() {
            *machine = restarted::<Deployment, PersistedDeployment>(machine);
        }
        for machine in self.operations.values_mut() {
            *machine = restarted::<Operation, PersistedOperation>(machine);
        }
    }

    /// What was in flight arrives, whatever has happened since.
    pub(super) fn arrive(&mut self) {
        if let Some((uid, obligation)) = self.underway.take() {
            self.fulfil(&uid, obligation);
        }
    }

    /// A deployment is notified of an operation that is not its open one.
    pub(super) fn observe_former_operation(&mut self, uid: &DeploymentUid, failed: bool) {
        let id = OperationId::new("a-former-operation");
        let state = match failed {
            true => OperationState::Failed("denied".to_owned()),
            false => OperationState::Completed,
        };
        self.tell(uid, &Event::OperationObserved { id, state: Some(state) });
    }

    /// Time passes until one machine's deadline; others whose deadlines have also passed are woken
    /// later.
    pub(super) fn wake_one(&mut self, which: u8) {
        let deployments = self.deployments.iter();
        let deployments =
            deployments.filter_map(|(uid, one)| Some((one.wake_at()?, Some(uid), None)));
        let operations = self.operations.iter();
        let operations = operations.filter_map(|(id, one)| Some((one.wake_at()?, None, Some(id))));
        let waiting = deployments.chain(operations);
        let waiting = waiting.map(|(moment, uid, id)| (moment, uid.cloned(), id.cloned()));
        let Some((moment, uid, id)) = pick(waiting.collect::<Vec<_>>(), which) else {
            return;
        };
        self.now = self.now.max(moment);
        uid.iter().for_each(|uid| self.tell(uid, &Event::DeadlineReached));
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
            Move::Refuse { .. } => Some(Fault::Refusal),
            Move::CollectOperation { .. } => Some(Fault::EarlyCollection),
            Move::Wake { .. } => Some(Fault::Delay),
            _ => None,
        };
        fault.into_iter().collect()
    }

    fn untimely(&self, which: u8, back: u8) -> Option<Fault> {
        let uid = pick(self.places.keys().cloned(), which)?;
        let versions = self.history.get(&uid)?;
        let shown = versions.get(versions.len().checked_sub(1 + usize::from(back))?)?.revision;
        if self.world.deployments.iter().all(|object| object.uid != uid) {
            return Some(Fault::SightOfTheGone);
        }
        let seen = self.deployments.get(&uid)?.record.last_seen;
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
        let resources = self.resources.iter().map(|id| id.as_str().to_owned());
        let machines = self.deployments.values().map(|one| {
            let uid = &one.record.uid;
            format!("{uid} {} {}", one.path(), one.mirror.path())
        });
        let operations = self.operations.values();
        let operations = operations.map(|one| format!("{} {}", one.record.id, one.path()));
        let list = |items: Vec<String>| items.join(", ");
        format!(
            "objects [{}] rows [{}] Applications [{}] Operations [{}] machines [{}]",
            list(objects.collect()),
            list(rows.collect()),
            list(argocd.collect()),
            list(resources.collect()),
            list(machines.chain(operations).collect()),
        )
    }
}
