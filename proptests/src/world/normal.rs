//! The normal form of a cluster, in which equivalent situations are equal values.
//!
//! In a run of the real system, revisions, moments and operation numbers grow forever. Their
//! absolute values do not matter. [`Cluster::normalise`] gives the same cluster with
//!
//! * *revisions* replaced by their rank: machines only compare them with each other, and a new
//!   revision is larger than all existing ones. What a machine saw last is compared with the
//!   versions of its object that can still be shown to it, so it is expressed in terms of these;
//! * *moments* relative to the present, all past ones being equal: a machine compares a moment only
//!   with the present, and time never goes back. This needs steps that take no time
//!   ([`Cluster::step`]); time passes where a [`Move`] says so;
//! * *when a state was entered* left out, because only people read it;
//! * *operations* named by their rank within their deployment: a name is only compared with other
//!   names, and a new operation has a new name. With such names, the creation times and operation
//!   numbers that make up the real names no longer matter;
//! * *lists without an order* sorted, and counters that nothing reads set to zero;
//! * *what can no longer be seen* dropped: versions of objects beyond those that a late observation
//!   may still show, finished operations that nothing waits for, a write in flight to an object
//!   that is gone.
//!
//! Each of these is a renaming that every move commutes with, or drops what no move reads. So two
//! clusters with the same normal form have the same future, and what is found for one holds for
//! all. That operations have new names is assumed here; a test of `machines::identity` and
//! `a_stale_observation_of_a_deleted_deployment_is_undone` check it.

use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::operation::OperationPhase;
use machines::shared::mirror::Mirror;

use super::*;

/// Deadlines stop growing here; further expirations make no difference.
const OVERDUE_LIMIT: u32 = 8;

/// How often a deadline has passed.
fn overdue(lifecycle: &mut Lifecycle) -> Option<&mut u32> {
    match lifecycle {
        Lifecycle::AwaitingTenant { overdue, .. }
        | Lifecycle::AwaitingEngine { overdue, .. }
        | Lifecycle::AwaitingPredecessor { overdue, .. }
        | Lifecycle::Dispatching { overdue, .. }
        | Lifecycle::Removing { overdue, .. }
        | Lifecycle::Finalizing { overdue, .. } => Some(overdue),
        Lifecycle::Unseen {}
        | Lifecycle::Rejected { .. }
        | Lifecycle::Frozen {}
        | Lifecycle::BackingOff { .. }
        | Lifecycle::Settled {}
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::RemovalFrozen {}
        | Lifecycle::Gone {} => None,
    }
}

/// The deadlines of a lifecycle and of a mirror.
fn moments(machine: &mut Deployment) -> impl Iterator<Item = &mut Timestamp> {
    let lifecycle = match &mut machine.lifecycle {
        Lifecycle::AwaitingTenant { deadline, .. }
        | Lifecycle::AwaitingEngine { deadline, .. }
        | Lifecycle::AwaitingPredecessor { deadline, .. }
        | Lifecycle::Dispatching { deadline, .. }
        | Lifecycle::Removing { deadline, .. }
        | Lifecycle::Finalizing { deadline, .. } => Some(deadline),
        Lifecycle::Rejected { deadline } => deadline.as_mut(),
        Lifecycle::BackingOff { until } | Lifecycle::RemovalBackingOff { until } => Some(until),
        Lifecycle::Unseen {}
        | Lifecycle::Frozen {}
        | Lifecycle::Settled {}
        | Lifecycle::RemovalFrozen {}
        | Lifecycle::Gone {} => None,
    };
    let mirror = match &mut machine.mirror {
        Mirror::Holding { until } => Some(until),
        Mirror::Silent {} | Mirror::Clean {} | Mirror::Dirty {} => None,
    };
    lifecycle.into_iter().chain(mirror)
}

fn moment(machine: &mut Operation) -> Option<&mut Timestamp> {
    match &mut machine.state {
        OperationPhase::Unclaimed {} | OperationPhase::Collected {} => None,
        OperationPhase::PreparingProject { deadline, .. }
        | OperationPhase::Writing { deadline, .. }
        | OperationPhase::Deleting { deadline, .. }
        | OperationPhase::TidyingProject { deadline }
        | OperationPhase::AwaitingApplication { deadline, .. }
        | OperationPhase::RequestingSync { deadline, .. }
        | OperationPhase::Syncing { deadline, .. }
        | OperationPhase::EndingSync { deadline, .. }
        | OperationPhase::Completed { deadline }
        | OperationPhase::Failed { deadline } => Some(deadline),
    }
}

impl Cluster {
    /// Brings the cluster into its normal form. At most `versions` older versions of each object
    /// are kept for late observations: the first one and the latest ones.
    pub fn normalise(&mut self, versions: usize) {
        self.forget(versions);
        self.rank_revisions();
        self.tell_moments_from_the_present();
        self.name_operations();
        let database = &mut self.world.database;
        database.users.sort_by(|one, other| one.id.cmp(&other.id));
        database.applications.sort_by(|one, other| one.deployment.cmp(&other.deployment));
        database.mappings.sort_by(|one, other| one.deployment.cmp(&other.deployment));
        self.world.argocd.applications.sort_by(|one, other| one.name.cmp(&other.name));
        self.world.writes = esr::Writes::default();
    }

    /// Drops what can no longer be seen.
    fn forget(&mut self, versions: usize) {
        for (uid, kept) in &mut self.history {
            let exists = self.world.deployments.iter().any(|object| object.uid == *uid);
            let newest = usize::from(exists);
            if kept.len() > versions + newest {
                let first = kept.first().filter(|_| versions > 0).cloned();
                let latest = (versions + newest).saturating_sub(usize::from(first.is_some()));
                let latest = kept.split_off(kept.len() - latest);
                *kept = first.into_iter().chain(latest).collect();
            }
        }
        let exists = |uid: &DeploymentUid| self.world.deployments.iter().any(|one| one.uid == *uid);
        let futile =
            |obligation: &Obligation| !matches!(obligation, Obligation::OperationCreated(_));
        self.underway.take_if(|(uid, obligation)| futile(obligation) && !exists(uid));
        let mentioned = |digest: &Digest| {
            let mut reports =
                self.deployments.values().filter_map(|one| one.record.report.as_ref());
            let underway = match &self.underway {
                Some((_, Obligation::StatusWritten(view))) => view.mirrored.as_ref(),
                _ => None,
            };
            underway == Some(digest) || reports.any(|report| report.mirrored == *digest)
        };
        self.reports.retain(|digest, _| mentioned(digest));
        let awaited = |id: &OperationId| {
            let mut open = self.deployments.values().filter_map(|one| one.record.open.as_ref());
            self.resources.contains(id)
                || self.operations.contains_key(id)
                || open.any(|open| open.id == *id)
        };
        let rows = &mut self.world.database.operations;
        rows.retain(|row| !row.state.is_terminal() || awaited(&row.id));
    }

    fn rank_revisions(&mut self) {
        for (uid, machine) in &mut self.deployments {
            let versions = self.history.get(uid).into_iter().flatten();
            let not_older = versions.map(|version| version.revision);
            let not_older = not_older.filter(|revision| *revision >= machine.record.last_seen);
            machine.record.last_seen = not_older.min().unwrap_or(self.revision);
        }
        let mut numbers: Vec<&mut Revision> = Vec::new();
        numbers.extend(self.history.values_mut().flatten().map(|version| &mut version.revision));
        for machine in self.deployments.values_mut() {
            numbers.push(&mut machine.record.first_seen);
            numbers.push(&mut machine.record.last_seen);
        }
        let known: BTreeSet<Revision> = numbers.iter().map(|one| **one).collect();
        let ranks: BTreeMap<Revision, u64> = known.into_iter().zip(1..).collect();
        for one in numbers {
            one.0 = ranks[one];
        }
        self.revision = Revision(u64::try_from(ranks.len()).unwrap_or(u64::MAX));
    }

    fn tell_moments_from_the_present(&mut self) {
        let present = Timestamp::from_millis(START_MILLIS);
        let passed = self.now.as_millis() - START_MILLIS;
        let relative = |moment: &mut Timestamp| {
            *moment = Timestamp::from_millis(moment.as_millis() - passed).max(present);
        };
        for machine in self.deployments.values_mut() {
            moments(machine).for_each(relative);
            if let Some(overdue) = overdue(&mut machine.lifecycle) {
                *overdue = OVERDUE_LIMIT.min(*overdue);
            }
            machine.record.since = None;
            machine.record.born = present;
            machine.record.operations = 0;
        }
        for machine in self.operations.values_mut() {
            machine.record.since = None;
            moment(machine).into_iter().for_each(relative);
            if let OperationPhase::Deleting { overdue, .. } = &mut machine.state {
                *overdue = OVERDUE_LIMIT.min(*overdue);
            }
        }
        self.now = present;
    }

    fn name_operations(&mut self) {
        let rows = &mut self.world.database.operations;
        // The order of one requester's requests is kept.
        rows.sort_by(|one, other| one.requester.cmp(&other.requester));
        let mut named: BTreeMap<OperationId, OperationId> = BTreeMap::new();
        let mut name = |id: &mut OperationId| {
            let next = OperationId::new(format!("operation-{}", named.len() + 1));
            *id = named.entry(id.clone()).or_insert(next).clone();
        };
        rows.iter_mut().for_each(|row| name(&mut row.id));
        let machines = self.deployments.values_mut();
        machines.filter_map(|one| one.record.open.as_mut()).for_each(|open| name(&mut open.id));
        if let Some((_, Obligation::OperationCreated(id))) = &mut self.underway {
            name(id);
        }
        // What nothing else names has lost its row, and all of these are equivalent.
        self.resources = std::mem::take(&mut self.resources)
            .into_iter()
            .map(|mut id| {
                name(&mut id);
                id
            })
            .collect();
        self.operations = std::mem::take(&mut self.operations)
            .into_iter()
            .map(|(mut id, mut machine)| {
                name(&mut id);
                machine.record.id = id.clone();
                (id, machine)
            })
            .collect();
    }
}
