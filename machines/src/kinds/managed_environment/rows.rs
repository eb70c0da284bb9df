//! The rows of a managed environment.

use crate::identity::{ClusterUserId, Digest, EnvironmentId, InstanceId, TenantUid};
use crate::kinds::managed_environment::spec::EnvironmentSpec;
use crate::kinds::managed_environment::{ClusterCredentialsId, EnvironmentUid};

/// A change of the rows of a managed environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentRows {
    /// They exist and say this.
    Put(Box<EnvironmentRow>),
    /// No application deploys to it any longer: those that did have no destination.
    Detach(EnvironmentId),
    /// They are gone, except for its credentials, and no application deploys to it.
    Remove(Box<EnvironmentKey>),
    /// Credentials are gone, with what is sealed of them.
    Forget(ClusterCredentialsId),
}

/// What the rows of an environment are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentKey {
    /// The id of the row.
    pub id: EnvironmentId,
    /// The object.
    pub uid: EnvironmentUid,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
}

/// A row with its credentials, what maps the object to it, and the Argo CD and the AppProject that may
/// use it. The token itself is written with it, by whoever has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRow {
    /// What it is found by.
    pub key: EnvironmentKey,
    /// The row of its credentials.
    pub credentials: ClusterCredentialsId,
    /// The instance that uses it.
    pub instance: InstanceId,
    /// The spec that was accepted.
    pub spec: EnvironmentSpec,
    /// The digest of what Argo CD is told.
    pub told: Digest,
    /// The object's name.
    pub name: String,
    /// The object's namespace.
    pub namespace: String,
    /// The namespace's UID.
    pub tenant: TenantUid,
}
