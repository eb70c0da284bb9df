//! Argo CD's operations: what an Application is requested to do, and the result.
//!
//! The same types are in the status of a GitOpsDeployment, which mirrors the Application's. What is
//! required there is always written; what is absent in an Application decodes as empty, so that an
//! unusual Application cannot make itself invisible.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An operation on an Application, and how far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["operation", "phase", "startedAt"]))]
pub struct OperationState {
    /// What was asked for.
    pub operation: Operation,
    /// How far it has come: Running, Terminating, Failed, Error or Succeeded.
    pub phase: String,
    /// The result in words, or the reason of a failure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The outcome of a sync, for each resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncOperationResult>,
    /// When the operation started.
    #[schemars(extend("format" = "date-time"))]
    pub started_at: String,
    /// When the operation ended; absent while it runs.
    #[schemars(extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// How many times the operation was tried again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_count: i64,
}

impl OperationState {
    /// Whether the operation has not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.phase.as_str(), phase::RUNNING | phase::TERMINATING)
    }

    /// Whether the operation has ended, well or badly.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase.as_str(), phase::SUCCEEDED | phase::FAILED | phase::ERROR)
    }
}

/// The phases of an operation.
pub mod phase {
    /// The operation runs.
    pub const RUNNING: &str = "Running";
    /// The operation runs and was asked to end.
    pub const TERMINATING: &str = "Terminating";
    /// The operation ended, and did not do what was asked for.
    pub const FAILED: &str = "Failed";
    /// The operation could not be carried out.
    pub const ERROR: &str = "Error";
    /// The operation did what was asked for.
    pub const SUCCEEDED: &str = "Succeeded";
}

/// What an Application is asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// The parameters of a sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncOperation>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "OperationInitiator::is_empty")]
    pub initiated_by: OperationInitiator,
    /// Facts that the one who asked wants to see beside the operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Info>,
    /// When to try again after a failure; absent means never.
    #[serde(skip_serializing_if = "RetryStrategy::is_empty")]
    pub retry: RetryStrategy,
}

/// Who asked for an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationInitiator {
    /// The name of the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Whether Argo CD started it by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
}

impl OperationInitiator {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A named fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name", "value"]))]
pub struct Info {
    /// The name of the fact.
    pub name: String,
    /// The fact.
    pub value: String,
}

/// When a failed sync is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryStrategy {
    /// The greatest number of retries; negative means without end, absent or 0 none.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: i64,
    /// How long to wait before a retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
}

impl RetryStrategy {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How long to wait before a failed sync is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Backoff {
    /// The first wait, as a number with a unit, for example "5s" or "2m".
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// What the wait is multiplied by after each failed retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// The longest wait, as a number with a unit, for example "3m".
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_duration: String,
}

/// The parameters of a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOperation {
    /// The commit, tag or branch to sync to; empty means the one of the Application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Whether resources that are no longer in the repository are deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// Whether the resources are only compared, not changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// How the resources are applied; absent means with hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_strategy: Option<SyncStrategy>,
    /// The resources to sync; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<SyncOperationResource>,
    /// The source to use instead of the Application's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// The sources to use instead of the Application's, if it has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Manifests to use instead of the repository's, for tests of changes that are not committed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<String>,
    /// Options, for example "CreateNamespace=true".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// The revisions to sync to, if the Application has several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// How resources are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncStrategy {
    /// Apply all resources at once, without hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<SyncStrategyForce>,
    /// Apply the resources with their hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<SyncStrategyForce>,
}

/// Whether resources may be replaced by force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SyncStrategyForce {
    /// Whether a resource that cannot be changed is deleted and created again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// One resource of a sync that is not for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["kind", "name"]))]
pub struct SyncOperationResource {
    /// The API group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace; empty for a cluster-scoped resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// Where an Application's manifests come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["repoURL", "path"]))]
pub struct ApplicationSource {
    /// The URL of the git repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// The folder in the repository.
    pub path: String,
    /// The branch, tag or commit; empty means the repository's default branch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
}

/// The outcome of a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["revision"]))]
pub struct SyncOperationResult {
    /// The outcome for each resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceResult>,
    /// The commit that was synced to.
    pub revision: String,
    /// The source that was used.
    #[serde(skip_serializing_if = "ApplicationSource::is_empty")]
    pub source: ApplicationSource,
    /// The sources that were used, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// The commits that were synced to, if there are several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Labels and annotations that the sync put on the namespace that it created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

impl ApplicationSource {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The outcome of a sync for one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["group", "version", "kind", "namespace", "name"]))]
pub struct ResourceResult {
    /// The API group; empty for the core group.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty for a cluster-scoped resource.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The outcome: Synced, SyncFailed, Pruned or PruneSkipped; empty while it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The outcome in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the hook runs: PreSync, Sync, PostSync, SyncFail or Skip; empty for a resource that is
    /// not a hook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hook_type: String,
    /// The state of the hook, or of the operation on a resource that is not a hook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hook_phase: String,
    /// The phase of the sync: PreSync, Sync, PostSync or SyncFail.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sync_phase: String,
}

/// Labels and annotations of a namespace that a sync created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManagedNamespaceMetadata {
    /// The labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
