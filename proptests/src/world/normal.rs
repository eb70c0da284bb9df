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
//! * *operations* named by their rank within their requester: a name is only compared with other
//!   names, and a new operation has a new name. With such names, the creation times and operation
//!   numbers that make up the real names no longer matter;
//! * *lists without an order* sorted, and counters that nothing reads set to zero;
//! * *what can no longer be seen* dropped: versions of objects beyond those that a late observation
//!   may still show, answers that nothing may bring late, finished operations that nothing waits for, a write in flight to an object
//!   that is gone.
//!
//! Each of these is a renaming that every move commutes with, or drops what no move reads. So two
//! clusters with the same normal form have the same future, and what is found for one holds for
//! all. That operations have new names is assumed here; a test of `machines::identity` and
//! `a_stale_observation_of_a_deleted_deployment_is_undone` check it.

use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::kinds::managed_environment::lifecycle::EnvironmentState;
use machines::kinds::managed_environment::revocation::Revocation;
use machines::kinds::repository_credential::lifecycle::CredentialState;
use machines::kinds::sync_run::lifecycle::SyncRunState;
use machines::operation::OperationPhase;
use machines::shared::delivery::Delivery;
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
        | Lifecycle::AwaitingDestination { overdue, .. }
        | Lifecycle::Removing { overdue, .. }
        | Lifecycle::Finalizing { overdue, .. } => Some(overdue),
        Lifecycle::Unseen {}
        | Lifecycle::Rejected { .. }
        | Lifecycle::Frozen {}
        | Lifecycle::AwaitingEnvironment { .. }
        | Lifecycle::BackingOff { .. }
        | Lifecycle::Settled {}
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::RemovalFrozen {}
        | Lifecycle::Gone {} => None,
    }
}

/// The deadline of a sync run's lifecycle, and how often it has passed.
fn deadline(state: &mut SyncRunState) -> Option<(&mut Timestamp, &mut u32)> {
    match state {
        SyncRunState::Running { deadline, overdue }
        | SyncRunState::Terminating { deadline, overdue } => Some((deadline, overdue)),
        SyncRunState::Unseen {}
        | SyncRunState::AwaitingDeployment {}
        | SyncRunState::AwaitingSettled {}
        | SyncRunState::AwaitingTurn {}
        | SyncRunState::Succeeded {}
        | SyncRunState::Failed {}
        | SyncRunState::Rejected {}
        | SyncRunState::Gone {} => None,
    }
}

/// The deadlines of a repository credential, and how often they have passed.
fn deadlines(machine: &mut RepositoryCredential) -> Vec<Due<'_>> {
    let lifecycle = match &mut machine.lifecycle {
        CredentialState::Checking { deadline, overdue }
        | CredentialState::AwaitingEngine { deadline, overdue }
        | CredentialState::AwaitingTenant { deadline, overdue } => Some((deadline, Some(overdue))),
        CredentialState::Unseen {}
        | CredentialState::AwaitingKeys {}
        | CredentialState::Rejected {}
        | CredentialState::Refused {}
        | CredentialState::Accepted {}
        | CredentialState::Removing {}
        | CredentialState::Gone {} => None,
    };
    let delivery = due_delivery(&mut machine.delivery);
    let mirror = held_until(&mut machine.mirror).map(|until| (until, None));
    lifecycle.into_iter().chain(delivery).chain(mirror).collect()
}

/// A moment of a machine, and how often something has happened that postpones it.
type Due<'a> = (&'a mut Timestamp, Option<&'a mut u32>);

/// The deadlines of a delivery.
fn due_delivery(delivery: &mut Delivery) -> Option<Due<'_>> {
    match delivery {
        Delivery::Idle {} => None,
        Delivery::Dispatching { deadline, overdue, .. } => Some((deadline, Some(overdue))),
        Delivery::BackingOff { until } => Some((until, None)),
    }
}

/// The deadlines of a managed environment, and how often they have passed.
fn deadlines_of_environment(machine: &mut ManagedEnvironment) -> Vec<Due<'_>> {
    let lifecycle: Option<Due<'_>> = match &mut machine.lifecycle {
        EnvironmentState::Checking { deadline, overdue }
        | EnvironmentState::AwaitingEngine { deadline, overdue }
        | EnvironmentState::AwaitingTenant { deadline, overdue } => Some((deadline, Some(overdue))),
        EnvironmentState::Draining { until, .. } => Some((until, None)),
        EnvironmentState::Unseen {}
        | EnvironmentState::AwaitingKeys {}
        | EnvironmentState::Rejected {}
        | EnvironmentState::Refused {}
        | EnvironmentState::Accepted {}
        | EnvironmentState::Removing {}
        | EnvironmentState::Clearing {}
        | EnvironmentState::Gone {} => None,
    };
    let revocation: Vec<Due<'_>> = match &mut machine.revocation {
        Revocation::Idle {} => Vec::new(),
        Revocation::Revoking { limit, failures, deadline: due }
        | Revocation::BackingOff { limit, failures, until: due } => {
            vec![(limit, Some(failures)), (due, None)]
        }
        Revocation::Telling { deadline, overdue } => vec![(deadline, Some(overdue))],
    };
    let delivery = due_delivery(&mut machine.delivery);
    let mirror = held_until(&mut machine.mirror).map(|until| (until, None));
    lifecycle.into_iter().chain(revocation).chain(delivery).chain(mirror).collect()
}

/// Until when a mirror holds back.
fn held_until(mirror: &mut Mirror) -> Option<&mut Timestamp> {
    match mirror {
        Mirror::Holding { until } => Some(until),
        Mirror::Silent {} | Mirror::Clean {} | Mirror::Dirty {} => None,
    }
}

/// The deadlines of a lifecycle and of a mirror.
fn moments(machine: &mut Deployment) -> impl Iterator<Item = &mut Timestamp> {
    let lifecycle = match &mut machine.lifecycle {
        Lifecycle::AwaitingTenant { deadline, .. }
        | Lifecycle::AwaitingEngine { deadline, .. }
        | Lifecycle::AwaitingPredecessor { deadline, .. }
        | Lifecycle::Dispatching { deadline, .. }
        | Lifecycle::AwaitingDestination { deadline, .. }
        | Lifecycle::Removing { deadline, .. }
        | Lifecycle::Finalizing { deadline, .. } => Some(deadline),
        Lifecycle::Rejected { deadline } => deadline.as_mut(),
        Lifecycle::AwaitingEnvironment { complaint, repair } => {
            complaint.as_mut().or(repair.as_mut())
        }
        Lifecycle::BackingOff { until } | Lifecycle::RemovalBackingOff { until } => Some(until),
        Lifecycle::Unseen {}
        | Lifecycle::Frozen {}
        | Lifecycle::Settled {}
        | Lifecycle::RemovalFrozen {}
        | Lifecycle::Gone {} => None,
    };
    lifecycle.into_iter().chain(held_until(&mut machine.mirror))
}

fn moment(machine: &mut Operation) -> Option<&mut Timestamp> {
    match &mut machine.state {
        OperationPhase::Unclaimed {} | OperationPhase::Collected {} => None,
        OperationPhase::PreparingProject { deadline, .. }
        | OperationPhase::Writing { deadline, .. }
        | OperationPhase::Deleting { deadline, .. }
        | OperationPhase::TidyingProject { deadline }
        | OperationPhase::WritingSecret { deadline, .. }
        | OperationPhase::RemovingSecret { deadline, .. }
        | OperationPhase::AwaitingApplication { deadline, .. }
        | OperationPhase::RequestingSync { deadline, .. }
        | OperationPhase::Syncing { deadline, .. }
        | OperationPhase::EndingSync { deadline, .. }
        | OperationPhase::Completed { deadline }
        | OperationPhase::Failed { deadline } => Some(deadline),
    }
}

/// Keeps the newest version of what exists, and of the older ones the first and the latest.
fn keep<T: Clone>(kept: &mut Vec<T>, versions: usize, exists: bool) {
    let newest = usize::from(exists);
    if kept.len() > versions + newest {
        let first = kept.first().filter(|_| versions > 0).cloned();
        let latest = (versions + newest).saturating_sub(usize::from(first.is_some()));
        let latest = kept.split_off(kept.len() - latest);
        *kept = first.into_iter().chain(latest).collect();
    }
}

/// Whether a write in flight changes nothing when it arrives.
fn is_futile(underway: &Underway, world: &World) -> bool {
    match underway {
        Underway::Deployment(_, Obligation::OperationCreated(_))
        | Underway::SyncRun(
            _,
            SyncRunObligation::OperationCreated(_) | SyncRunObligation::ChangeAnnounced(_),
        )
        | Underway::Credential(_, CredentialObligation::OperationCreated(_))
        | Underway::Environment(
            _,
            EnvironmentObligation::OperationCreated(_) | EnvironmentObligation::RemainsTold(_),
        ) => false,
        Underway::Deployment(uid, _) => world.deployments.iter().all(|one| one.uid != *uid),
        Underway::SyncRun(uid, _) => world.sync_runs.iter().all(|one| one.uid != *uid),
        Underway::Credential(uid, _) => world.credentials.iter().all(|one| one.uid != *uid),
        Underway::Environment(uid, _) => world.environments.iter().all(|one| one.uid != *uid),
        Underway::Request(sent) => sent.is_outdated,
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
        database.syncs.sort_by(|one, other| one.id.cmp(&other.id));
        database.credentials.sort_by(|one, other| one.id.cmp(&other.id));
        self.world.argocd.clusters.sort_by(|one, other| one.row.cmp(&other.row));
        self.world.argocd.repositories.sort_by(|one, other| one.row.cmp(&other.row));
        self.world.argocd.applications.sort_by(|one, other| one.name.cmp(&other.name));
        self.world.writes = esr::Writes::default();
    }

    /// Drops what can no longer be seen.
    fn forget(&mut self, versions: usize) {
        for (uid, kept) in &mut self.history {
            let exists = self.world.deployments.iter().any(|object| object.uid == *uid);
            keep(kept, versions, exists);
        }
        for (uid, kept) in &mut self.run_history {
            let exists = self.world.sync_runs.iter().any(|object| object.uid == *uid);
            keep(kept, versions, exists);
        }
        for (uid, kept) in &mut self.credential_history {
            let exists = self.world.credentials.iter().any(|object| object.uid == *uid);
            keep(kept, versions, exists);
        }
        for (uid, kept) in &mut self.environment_history {
            let exists = self.world.environments.iter().any(|object| object.uid == *uid);
            keep(kept, versions, exists);
        }
        if versions == 0 {
            self.repositories.forget_overtaken();
            self.clusters.forget_overtaken();
        }
        self.forget_spoiled();
        self.forget_spoiled_clusters();
        let world = &self.world;
        self.underway.take_if(|underway| is_futile(underway, world));
        let mentioned = |digest: &Digest| {
            let mut reports =
                self.deployments.values().filter_map(|one| one.record.report.as_ref());
            let underway = match &self.underway {
                Some(Underway::Deployment(_, Obligation::StatusWritten(view))) => {
                    view.mirrored.as_ref()
                }
                _ => None,
            };
            underway == Some(digest) || reports.any(|report| report.mirrored == *digest)
        };
        self.reports.retain(|digest, _| mentioned(digest));
        let awaited = |id: &OperationId| {
            let deployments = self.deployments.values().map(|one| one.record.open.as_ref());
            let runs = self.sync_runs.values().map(|one| one.record.open.as_ref());
            let credentials = self.credentials.values().map(|one| one.record.open.as_ref());
            let environments = self.environments.values().map(|one| one.record.open.as_ref());
            let open = deployments.chain(runs).chain(credentials).chain(environments);
            let mut open = open.flatten();
            self.resources.contains(id)
                || self.operations.contains_key(id)
                || open.any(|open| open.id == *id)
        };
        let rows = &mut self.world.database.operations;
        rows.retain(|row| !row.state.is_terminal() || awaited(&row.id));
        // Only a run reads what is said about its open operation.
        let open = self.sync_runs.values().filter_map(|one| one.record.open.as_ref());
        let open: BTreeSet<&OperationId> = open.map(|open| &open.id).collect();
        self.messages.retain(|id, _| open.contains(id));
    }

    fn rank_revisions(&mut self) {
        for (uid, machine) in &mut self.deployments {
            let versions = self.history.get(uid).into_iter().flatten();
            let not_older = versions.map(|version| version.revision);
            let not_older = not_older.filter(|revision| *revision >= machine.record.last_seen);
            machine.record.last_seen = not_older.min().unwrap_or(self.revision);
        }
        for (uid, machine) in &mut self.sync_runs {
            let versions = self.run_history.get(uid).into_iter().flatten();
            let not_older = versions.map(|version| version.revision);
            let not_older = not_older.filter(|revision| *revision >= machine.record.last_seen);
            machine.record.last_seen = not_older.min().unwrap_or(self.revision);
        }
        for (uid, machine) in &mut self.credentials {
            let versions = self.credential_history.get(uid).into_iter().flatten();
            let not_older = versions.map(|version| version.revision);
            let not_older = not_older.filter(|revision| *revision >= machine.record.last_seen);
            machine.record.last_seen = not_older.min().unwrap_or(self.revision);
        }
        for (uid, machine) in &mut self.environments {
            let versions = self.environment_history.get(uid).into_iter().flatten();
            let not_older = versions.map(|version| version.revision);
            let not_older = not_older.filter(|revision| *revision >= machine.record.last_seen);
            machine.record.last_seen = not_older.min().unwrap_or(self.revision);
        }
        let mut numbers: Vec<&mut Revision> = Vec::new();
        let environment_versions = self.environment_history.values_mut().flatten();
        numbers.extend(environment_versions.map(|version| &mut version.revision));
        numbers.extend(self.environments.values_mut().map(|machine| &mut machine.record.last_seen));
        let credential_versions = self.credential_history.values_mut().flatten();
        numbers.extend(credential_versions.map(|version| &mut version.revision));
        numbers.extend(self.credentials.values_mut().map(|machine| &mut machine.record.last_seen));
        let run_versions = self.run_history.values_mut().flatten();
        numbers.extend(run_versions.map(|version| &mut version.revision));
        numbers.extend(self.sync_runs.values_mut().map(|machine| &mut machine.record.last_seen));
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
        for machine in self.sync_runs.values_mut() {
            held_until(&mut machine.mirror).into_iter().for_each(relative);
            if let Some((deadline, overdue)) = deadline(&mut machine.lifecycle) {
                relative(deadline);
                *overdue = OVERDUE_LIMIT.min(*overdue);
            }
            machine.record.since = None;
            (machine.record.born, machine.record.created) = (present, present);
            machine.record.operations = 0;
        }
        // Runs are named in the order of their creation, and that order is all that counts.
        self.run_history.values_mut().flatten().for_each(|version| version.created = present);
        for machine in self.credentials.values_mut() {
            for (deadline, overdue) in deadlines(machine) {
                relative(deadline);
                if let Some(overdue) = overdue {
                    *overdue = OVERDUE_LIMIT.min(*overdue);
                }
            }
            machine.record.since = None;
            machine.record.born = present;
            machine.record.operations = 0;
        }
        for machine in self.environments.values_mut() {
            for (deadline, overdue) in deadlines_of_environment(machine) {
                relative(deadline);
                if let Some(overdue) = overdue {
                    *overdue = OVERDUE_LIMIT.min(*overdue);
                }
            }
            machine.record.since = None;
            machine.record.born = present;
            machine.record.operations = 0;
        }
        for machine in self.operations.values_mut() {
            machine.record.since = None;
            moment(machine).into_iter().for_each(relative);
            match &mut machine.state {
                OperationPhase::Deleting { overdue, .. }
                | OperationPhase::RemovingSecret { overdue, .. }
                | OperationPhase::AwaitingApplication { overdue, .. }
                | OperationPhase::RequestingSync { overdue, .. }
                | OperationPhase::Syncing { overdue, .. }
                | OperationPhase::EndingSync { overdue, .. } => {
                    *overdue = OVERDUE_LIMIT.min(*overdue);
                }
                _ => {}
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
        let machines = self.sync_runs.values_mut();
        machines.filter_map(|one| one.record.open.as_mut()).for_each(|open| name(&mut open.id));
        let machines = self.credentials.values_mut();
        machines.filter_map(|one| one.record.open.as_mut()).for_each(|open| name(&mut open.id));
        let machines = self.environments.values_mut();
        machines.filter_map(|one| one.record.open.as_mut()).for_each(|open| name(&mut open.id));
        if let Some(
            Underway::Deployment(_, Obligation::OperationCreated(id))
            | Underway::SyncRun(
                _,
                SyncRunObligation::OperationCreated(id) | SyncRunObligation::ChangeAnnounced(id),
            )
            | Underway::Credential(_, CredentialObligation::OperationCreated(id))
            | Underway::Environment(_, EnvironmentObligation::OperationCreated(id)),
        ) = &mut self.underway
        {
            name(id);
        }
        self.messages = std::mem::take(&mut self.messages)
            .into_iter()
            .map(|(mut id, message)| {
                name(&mut id);
                (id, message)
            })
            .collect();
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
