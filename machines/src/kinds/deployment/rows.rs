//! The rows of a deployment.

use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, InstanceId, TenantUid,
};
use crate::operation::application::ApplicationDocument;

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
    /// Whether it has no rows yet.
    pub is_new: bool,
}

/// What identifies an application's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationKey {
    /// The application row.
    pub application: ApplicationId,
    /// The GitOpsDeployment that it represents.
    pub deployment: DeploymentUid,
    /// Its tenant.
    pub tenant: TenantUid,
    /// The tenant's cluster user.
    pub user: ClusterUserId,
}
