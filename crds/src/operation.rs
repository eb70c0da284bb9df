//! Operation: the signal from the backend to the cluster-agent that a database row needs work.
#![allow(dead_code, unreachable_pub, reason = "of the copies that KubeSchema makes of the types")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// Which row wants work. Written by this program; not for users.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "managed-gitops.redhat.com",
    version = "v1alpha1",
    kind = "Operation",
    plural = "operations",
    shortname = "gitopsop",
    category = "managed-gitops",
    printcolumn(name = "Operation ID", type_ = "string", json_path = ".spec.operationID"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    namespaced,
    status = "OperationStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    doc = "An Operation tells the cluster-agent that a row of the database wants work. The backend \
           creates it in the namespace of Argo CD, the cluster-agent deletes it."
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct OperationSpec {
    /// The primary key of the row in the table `operation`.
    #[serde(default, rename = "operationID", skip_serializing_if = "String::is_empty")]
    pub operation_id: String,
}

absent_is_default!(OperationSpec);

/// Nothing: how an Operation stands is in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationStatus {}
