//! What a step of an environment may know besides the event, and what other machines know of an
//! environment.

use super::lifecycle::EnvironmentState;
use super::{ClusterCredentialsId, ManagedEnvironment};
use crate::identity::{ClusterUserId, Digest, EnvironmentId, InstanceId, Timestamp};
use crate::kinds::tenant::TenantFact;
use crate::machine::Moment;
use crate::shared::condition::ConditionStyle;

/// What a step of an environment may know besides the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFacts {
    /// The time of the step.
    pub now: Timestamp,
    /// Whether there are keys to seal credentials with.
    pub has_keys: bool,
    /// The tenant.
    pub tenant: TenantFact,
    /// The Argo CD instance; `None` while its namespace does not exist.
    pub instance: Option<InstanceId>,
    /// The digest of the Secret, if the watch shows one of the name and of the type. It may be behind.
    pub shown: Option<Digest>,
    /// The row that an earlier installation made for the object.
    pub existing: Option<ExistingEnvironment>,
    /// Whether what was sealed with the row is gone, because its key was lost.
    pub is_row_empty: bool,
    /// Who deploys to it; looked up only if its object is gone or going.
    pub usage: Usage,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
}

impl Moment for EnvironmentFacts {
    fn now(&self) -> Timestamp {
        self.now
    }
}

/// A row that an earlier installation made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingEnvironment {
    /// Its id.
    pub id: EnvironmentId,
    /// The row of its credentials.
    pub credentials: ClusterCredentialsId,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
    /// The instance that uses it.
    pub instance: InstanceId,
}

/// The deployments that use an environment, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Those whose application rows name it.
    pub served: Vec<String>,
    /// Those that are being removed from it.
    pub removed: Vec<String>,
}

impl Usage {
    /// Whether nobody uses it.
    pub fn is_empty(&self) -> bool {
        self.served.is_empty() && self.removed.is_empty()
    }
}

/// An environment, as a deployment sees it that names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EnvironmentFact {
    /// Environments are not served.
    #[default]
    NotServed,
    /// Its machine cannot be read.
    Unknown,
    /// There is none of this name.
    Missing,
    /// It is not known yet whether it can be used.
    UnderWay,
    /// It cannot be used.
    Invalid,
    /// Argo CD knows it.
    Ready(EnvironmentId),
}

/// An environment, as a deployment sees it whose Application deploys to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsedEnvironmentFact {
    /// Argo CD can resolve the destination.
    #[default]
    Resolved,
    /// Argo CD may be unable to resolve the destination, which will change.
    Doubtful,
    /// The object is gone or going: Argo CD resolves the destination only for as long as Applications
    /// are being deleted from it.
    Leaving,
    /// Argo CD cannot resolve the destination, and never will.
    Gone,
}

impl EnvironmentFact {
    /// What the machines of all environments with a name say, of which at most one has an object.
    pub fn of<'a>(machines: impl Iterator<Item = &'a ManagedEnvironment>) -> Self {
        let live = machines.filter(|one| one.is_live());
        // Of two that seem to exist, the newer one does.
        let newest = live.max_by_key(|one| (one.record.last_seen, one.record.uid.clone()));
        newest.map_or(Self::Missing, ManagedEnvironment::fact)
    }
}

impl UsedEnvironmentFact {
    /// What the machines of all environments with a name say of the one that has a row; `None` if it
    /// is none of theirs.
    pub fn of<'a>(
        row: &EnvironmentId,
        machines: impl IntoIterator<Item = &'a ManagedEnvironment>,
    ) -> Option<Self> {
        let mut machines = machines.into_iter();
        machines.find(|one| one.record.row_id() == *row).map(ManagedEnvironment::used_fact)
    }
}

impl ManagedEnvironment {
    /// Whether its object exists, as far as is known.
    fn is_live(&self) -> bool {
        match self.lifecycle {
            EnvironmentState::AwaitingKeys {}
            | EnvironmentState::Rejected {}
            | EnvironmentState::Checking { .. }
            | EnvironmentState::Refused {}
            | EnvironmentState::AwaitingEngine { .. }
            | EnvironmentState::AwaitingTenant { .. }
            | EnvironmentState::Accepted {} => true,
            EnvironmentState::Unseen {}
            | EnvironmentState::Draining { .. }
            | EnvironmentState::Removing {}
            | EnvironmentState::Clearing {}
            | EnvironmentState::Gone {} => false,
        }
    }

    /// What a deployment is told that names it.
    pub fn fact(&self) -> EnvironmentFact {
        if !self.is_live() {
            return EnvironmentFact::Missing;
        }
        let row = self.record.row.as_ref();
        let known = row.filter(|row| row.is_delivered && row.written.is_some());
        match (&self.lifecycle, known) {
            (EnvironmentState::Rejected {} | EnvironmentState::Refused {}, _) => {
                EnvironmentFact::Invalid
            }
            // While it is asked again, what was accepted last is used.
            (_, Some(row)) => EnvironmentFact::Ready(row.id.clone()),
            (EnvironmentState::AwaitingKeys {}, None) => EnvironmentFact::Invalid,
            (_, None) => EnvironmentFact::UnderWay,
        }
    }

    /// What a deployment is told whose Application deploys to it.
    pub fn used_fact(&self) -> UsedEnvironmentFact {
        match self.lifecycle {
            EnvironmentState::Removing {}
            | EnvironmentState::Clearing {}
            | EnvironmentState::Gone {} => UsedEnvironmentFact::Gone,
            EnvironmentState::Draining { is_detached: true, .. } => UsedEnvironmentFact::Leaving,
            _ if self.is_resolved() => UsedEnvironmentFact::Resolved,
            _ => UsedEnvironmentFact::Doubtful,
        }
    }

    /// Whether Argo CD has its Secret, as far as is known, and can resolve it.
    fn is_resolved(&self) -> bool {
        self.record.failures == 0 && self.record.row.as_ref().is_some_and(|row| row.is_delivered)
    }
}
