//! Database rows that a step asks to change, as data. They are written in the same transaction as
//! the machine's new state, grouped by table, so a batch of machines costs a constant number of
//! statements.

use serde::{Deserialize, Serialize};

use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, InstanceId, OperationId, TenantUid,
};
use crate::operation::application::ApplicationDocument;

/// One change; idempotent, because ids are derived and every insert is an upsert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// The rows of a tenant exist: cluster user, in-cluster environment and access to Argo CD.
    EnsureTenant(TenantRows),
    /// All rows of a tenant are gone.
    RemoveTenant(TenantRows),
    /// The rows of an application exist and say this.
    PutApplication(Box<ApplicationRows>),
    /// The rows of an application are gone, and its repository with the last one that uses it.
    RemoveApplication(ApplicationKey),
    /// An operation is asked for: inserted in state `Waiting`, left alone if it exists.
    RequestOperation(OperationRow),
    /// An operation's outcome, written by the agent alone.
    SetOperationState(OperationId, OperationState),
}

/// The ids of a tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRows {
    /// The namespace's UID, which is the cluster user's name.
    pub tenant: TenantUid,
    /// The namespace's name, which is the cluster user's display name.
    pub namespace: String,
    /// The cluster user.
    pub user: ClusterUserId,
    /// The environment that stands for the namespace itself.
    pub environment: EnvironmentId,
    /// The Argo CD instance that the tenant has access to.
    pub instance: InstanceId,
}

/// An `application` row with its owner, its mapping from the GitOpsDeployment and its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationRows {
    /// Which rows.
    pub key: ApplicationKey,
    /// The environment that it deploys to.
    pub environment: EnvironmentId,
    /// The Argo CD instance that deploys it.
    pub instance: InstanceId,
    /// The wanted Application.
    pub document: ApplicationDocument,
    /// Name of the GitOpsDeployment.
    pub deployment_name: String,
    /// Namespace of the GitOpsDeployment.
    pub namespace: String,
    /// Whether there are no rows of it yet.
    pub is_new: bool,
}

/// What identifies an application's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationKey {
    /// The application row.
    pub application: ApplicationId,
    /// The GitOpsDeployment that it stands for.
    pub deployment: DeploymentUid,
    /// Its tenant.
    pub tenant: TenantUid,
    /// The tenant's cluster user.
    pub user: ClusterUserId,
}

/// An operation on an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Its id.
    pub id: OperationId,
    /// The application that it is about.
    pub application: ApplicationId,
    /// The deployment that asked for it and waits for its outcome.
    pub requester: DeploymentUid,
    /// The cluster user on whose behalf it runs.
    pub owner: ClusterUserId,
    /// The Argo CD instance that it concerns.
    pub instance: InstanceId,
}

/// The state of an operation row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// Not seen by the agent yet.
    Waiting,
    /// The agent works on it.
    InProgress,
    /// Argo CD's resources match.
    Completed,
    /// They cannot be made to match, because of this.
    Failed(String),
}

impl OperationState {
    /// Whether the agent is done with it.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed(_))
    }
}
