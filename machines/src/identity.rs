//! Newtypes for everything that is compared, keyed or stored, and the rules that derive row ids.
//!
//! Row ids are derived (UUID version 5) from what they represent, so a step repeated after a crash
//! names the same row again: an insert can never duplicate anything.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

text_newtype! {
    /// The UID of a tenant's Namespace: a namespace that is deleted and recreated is another
    /// tenant.
    TenantUid
}
text_newtype! {
    /// The UID of a GitOpsDeployment.
    DeploymentUid
}
text_newtype! {
    /// Primary key of a `clusteruser` row.
    ClusterUserId
}
text_newtype! {
    /// Primary key of a `managedenvironment` row.
    EnvironmentId
}
text_newtype! {
    /// Primary key of an `application` row; the label `databaseID` of the Argo CD Application.
    ApplicationId
}
text_newtype! {
    /// Primary key of an `operation` row; the Operation CR is named after it.
    OperationId
}
text_newtype! {
    /// Primary key of a `gitopsengineinstance` row.
    InstanceId
}
text_newtype! {
    /// Content hash in lower-case hexadecimal: equal digests mean equal content.
    Digest
}

/// Longest id of an operation, in bytes: what the database's `operation.operation_id` holds.
pub const OPERATION_ID_LIMIT: usize = 48;

/// The UUID namespace under which row ids are derived; a random constant of this project.
const ROW_ID_NAMESPACE: Uuid = Uuid::from_u128(0x6d0c_5d0f_2f3a_4f55_9d0e_5b1e_7a61_c0de);

/// The id of a row of a kind, from what it represents.
pub(crate) fn derive(kind: &str, parts: &[&str]) -> String {
    let mut name = kind.to_owned();
    for part in parts {
        name.push('/');
        name.push_str(part);
    }
    Uuid::new_v5(&ROW_ID_NAMESPACE, name.as_bytes()).to_string()
}

impl ApplicationId {
    /// The id of the row that represents a deployment.
    pub fn of(deployment: &DeploymentUid) -> Self {
        Self(derive("application", &[deployment.as_str()]))
    }
}

impl OperationId {
    /// The id of the `sequence`-th operation that one machine asks for on the row of a target. The
    /// machine is named by the time of its creation: rows of finished operations outlive it, and a
    /// later machine of the same object (from a stale view of a deleted one) must not collide with
    /// them.
    pub fn of(target: &str, born: Timestamp, sequence: u32) -> Self {
        let (born, sequence) = (born.as_millis().to_string(), sequence.to_string());
        Self(derive("operation", &[target, &born, &sequence]))
    }
}

impl ClusterUserId {
    /// The id of the cluster user of a tenant.
    pub fn of(tenant: &TenantUid) -> Self {
        Self(derive("clusteruser", &[tenant.as_str()]))
    }
}

impl EnvironmentId {
    /// The id of the environment that represents the tenant's own namespace.
    pub fn in_cluster_of(tenant: &TenantUid) -> Self {
        Self(derive("managedenvironment", &[tenant.as_str()]))
    }

    /// The id of the placeholder credentials row that an in-cluster environment refers to.
    pub fn credentials_id(&self) -> String {
        derive("clustercredentials", &[self.as_str()])
    }
}

impl InstanceId {
    /// The id of the Argo CD instance in a namespace of a cluster.
    pub fn of(argocd_namespace_uid: &str, kube_system_uid: &str) -> Self {
        Self(derive("gitopsengineinstance", &[argocd_namespace_uid, kube_system_uid]))
    }

    /// The id of the cluster row behind an instance: the cluster is known by kube-system's UID.
    pub fn cluster_id(kube_system_uid: &str) -> String {
        derive("gitopsenginecluster", &[kube_system_uid])
    }

    /// The id of the placeholder credentials row of that cluster.
    pub fn cluster_credentials_id(kube_system_uid: &str) -> String {
        derive("clustercredentials", &["gitopsenginecluster", kube_system_uid])
    }
}

impl Digest {
    /// Hashes a value by its JSON form. 128 bits are kept: enough that no two contents of one
    /// object ever collide by accident, short enough for a column and a log line.
    pub fn of(value: &impl Serialize) -> Self {
        // Serialising our own plain data cannot fail; should a map ever have keys that are not
        // text, the error's own text replaces the value and the digest stays deterministic.
        let json = serde_json::to_vec(value).unwrap_or_else(|error| error.to_string().into_bytes());
        let hash = Sha256::digest(&json);
        Self(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A point in time, in milliseconds since the Unix epoch (UTC). The core has no clock: the time is
/// passed in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time this many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This time plus a duration; saturates at the end of time.
    pub fn after(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// `metadata.generation`: rises with each change of the spec.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub i64);

/// `metadata.resourceVersion` as a number. Kubernetes promises that versions of one resource type
/// can be ordered so (KEP-5504); it shows which of two namesakes was created later.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_ids_are_stable_and_distinct() {
        let uid = DeploymentUid::new("4f1c9a3e-0000-4000-8000-000000000001");
        let application = ApplicationId::of(&uid);
        assert_eq!(application, ApplicationId::of(&uid));
        assert_ne!(
            OperationId::of(application.as_str(), Timestamp::from_millis(1), 1),
            OperationId::of(application.as_str(), Timestamp::from_millis(2), 1)
        );
        let born = Timestamp::from_millis(1);
        assert_ne!(
            OperationId::of(application.as_str(), born, 1),
            OperationId::of(application.as_str(), born, 2)
        );
        assert_eq!(application.as_str().len(), 36, "fits the existing VARCHAR(48) columns");
    }

    #[test]
    fn a_digest_distinguishes_contents() {
        assert_eq!(Digest::of(&("a", 1)), Digest::of(&("a", 1)));
        assert_ne!(Digest::of(&("a", 1)), Digest::of(&("a", 2)));
        assert_eq!(Digest::of(&"x").as_str().len(), 32);
    }
}
