//! The rows of a repository credential.

use crate::identity::{ClusterUserId, Digest, InstanceId, TenantUid};
use crate::kinds::repository_credential::{CredentialId, CredentialUid};

/// A change of the rows of a repository credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialRows {
    /// They exist and say this.
    Put(Box<CredentialRow>),
    /// They are gone, and its repository with the last one that uses it.
    Remove(Box<CredentialKey>),
}

/// What the rows of a credential are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialKey {
    /// The id of the row.
    pub id: CredentialId,
    /// The object.
    pub uid: CredentialUid,
    /// The cluster user that owns it.
    pub user: ClusterUserId,
}

/// A row, and what maps the object to it. The credential itself is written with it, by whoever has
/// checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// What it is found by.
    pub key: CredentialKey,
    /// The instance that uses it.
    pub instance: InstanceId,
    /// The repository's URL, as written.
    pub repository: String,
    /// The name of the user's Secret.
    pub secret_name: String,
    /// The digest of the Secret that is written.
    pub secret: Digest,
    /// The object's name.
    pub name: String,
    /// The object's namespace.
    pub namespace: String,
    /// The namespace's UID.
    pub tenant: TenantUid,
}
