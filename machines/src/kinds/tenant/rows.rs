//! The rows of a tenant.

use serde::{Deserialize, Serialize};

use crate::identity::{ClusterUserId, EnvironmentId, InstanceId, TenantUid};

/// The ids of a tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRows {
    /// The namespace's UID, which is the cluster user's name.
    pub tenant: TenantUid,
    /// The namespace's name, which is the cluster user's display name.
    pub namespace: String,
    /// The cluster user.
    pub user: ClusterUserId,
    /// The environment that represents the namespace itself.
    pub environment: EnvironmentId,
    /// The Argo CD instance that the tenant has access to.
    pub instance: InstanceId,
}
