//! GitOpsDeploymentSyncRun: a tenant's request for one sync of a manual GitOpsDeployment.
#![allow(dead_code, unreachable_pub, reason = "of the copies that KubeSchema makes of the types")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// The annotation of an Application that names the sync that was requested last: a request sets it
/// along with the operation, so that it is known that there was one whatever becomes of it.
pub const SYNC_ANNOTATION: &str = "managed-gitops.redhat.com/sync";
/// The name of the fact that names the sync in Argo CD's operation.
pub const SYNC_INFO: &str = "GitOpsDeploymentSyncRun";

/// Which GitOpsDeployment to sync, and to what. Written by the user; neither field may be changed
/// once the sync was taken up.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "managed-gitops.redhat.com",
    version = "v1alpha1",
    kind = "GitOpsDeploymentSyncRun",
    plural = "gitopsdeploymentsyncruns",
    shortname = "gitopssyncrun",
    category = "managed-gitops",
    namespaced,
    status = "GitOpsDeploymentSyncRunStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    doc = "A GitOpsDeploymentSyncRun asks for one sync of a manual GitOpsDeployment in the same \
           namespace. Deleting it while it runs ends the sync.",
    validation = Rule::new(
            "self.metadata.name != 'zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz'"
        )
        .message("name should not be zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz"),
    printcolumn(
        name = "Deployment",
        type_ = "string",
        json_path = ".spec.gitopsDeploymentName",
        description = "The GitOpsDeployment that is synced"
    ),
    printcolumn(
        name = "Revision",
        type_ = "string",
        json_path = ".spec.revisionID",
        description = "The revision that was asked for"
    ),
    printcolumn(
        name = "Result",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Succeeded")].status"#,
        description = "Whether the sync succeeded; Unknown while it runs"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct GitOpsDeploymentSyncRunSpec {
    /// The name of the GitOpsDeployment to sync, in the same namespace. It must be of type "manual".
    pub gitops_deployment_name: String,
    /// The branch, tag or commit to sync to. Empty: the one that the GitOpsDeployment names.
    #[serde(default, rename = "revisionID", skip_serializing_if = "String::is_empty")]
    pub revision_id: String,
}

absent_is_default!(GitOpsDeploymentSyncRunSpec);

/// How a sync went. Written by this program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GitOpsDeploymentSyncRunStatus {
    /// What is known about the sync. "Succeeded" says how it ended, "ErrorOccurred" what went wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<GitOpsDeploymentSyncRunCondition>,
}

/// Something that is known about a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["type", "message", "status", "reason"]))]
pub struct GitOpsDeploymentSyncRunCondition {
    /// What the condition is about: "Succeeded" or "ErrorOccurred".
    #[serde(rename = "type")]
    pub type_: String,
    /// Why, in words. Empty: there is nothing to say.
    pub message: String,
    /// Whether it is so: True, False or Unknown.
    pub status: String,
    /// Why, in one word. Empty on an "ErrorOccurred" that is False.
    pub reason: String,
    /// When status, reason or message last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// The generation of the spec that the condition speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
