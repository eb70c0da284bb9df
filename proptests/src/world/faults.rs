//! What goes wrong in the world: the process dies, writes arrive late, news comes twice.

use machines::kinds::deployment::PersistedDeployment;
use machines::kinds::tenant::PersistedTenant;
use machines::machine::Machine;
use machines::operation::PersistedOperation;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

/// What becomes of a machine in a process that dies and starts again.
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
    /// Everything that deployments owe, the first deployment's first.
    pub(super) fn duties(&self) -> Vec<(DeploymentUid, Obligation)> {
        let owed = self.deployments.iter();
        owed.flat_map(|(uid, one)| {
            one.obligations(STYLE).into_iter().map(|owed| (uid.clone(), owed))
        })
        .collect()
    }

    /// The process dies while this duty is under way. Nothing but what was persisted survives:
    /// nobody knows any more whether the duty was done, and it stays owed.
    ///
    /// A write of the agent is not left under way: once it has arrived at Argo CD after the
    /// agent's next life wrote the opposite, no observation that a machine is given tells of it.
    /// What prevents it is the Lease's fence, which is not the machines'.
    pub(super) fn crash(&mut self, which: u8) {
        self.underway = pick(self.duties(), which);
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

    /// What was under way arrives, whatever has happened since.
    pub(super) fn arrive(&mut self) {
        if let Some((uid, obligation)) = self.underway.take() {
            self.fulfil(&uid, obligation);
        }
    }

    /// A deployment hears of an operation that is not its open one.
    pub(super) fn observe_former_operation(&mut self, uid: &DeploymentUid, failed: bool) {
        let id = OperationId::new("a-former-operation");
        let state = match failed {
            true => OperationState::Failed("denied".to_owned()),
            false => OperationState::Completed,
        };
        self.tell(uid, &Event::OperationObserved { id, state: Some(state) });
    }

    /// Time passes until the moment for which one machine waits; others whose moment has come as
    /// well are woken later.
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
    /// The process dies while a duty is under way.
    Crash,
    /// It does so while an operation is in progress.
    CrashDuringOperation,
    /// What was under way at a crash arrives after the next life did something else.
    LateWrite,
    /// An observation is made after a newer one.
    StaleObservation,
    /// An observation is made once more.
    RepeatedObservation,
    /// What has gone is seen as if it were there.
    SightOfTheGone,
    /// What became of a former operation is told late or once more.
    RepeatedOutcome,
    /// The Kubernetes API refuses a write for good.
    Refusal,
    /// The row of an operation is collected before its deployment knows the outcome.
    EarlyCollection,
    /// Time passes although there is something to do.
    Delay,
}

impl Cluster {
    /// What goes wrong by this move.
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

    /// What is going on, in a line.
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
