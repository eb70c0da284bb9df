//! GitOpsDeployment: a tenant's request that a namespace match a folder of a git repository.
#![allow(dead_code, unreachable_pub, reason = "of the copies that KubeSchema makes of the types")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;
use crate::argocd::{HealthStatus, OperationState, ResourceStatus, Truncated};
use crate::conditions::condition_type::READY;

/// The value of [`GitOpsDeploymentSpec::type_`] that syncs automatically.
pub const TYPE_AUTOMATED: &str = "automated";
/// The value of [`GitOpsDeploymentSpec::type_`] that syncs when a GitOpsDeploymentSyncRun requests
/// it.
pub const TYPE_MANUAL: &str = "manual";
/// The sync options that a user may give.
pub const SYNC_OPTIONS: [&str; 2] = ["CreateNamespace=true", "CreateNamespace=false"];

/// What to deploy, where to, and whether automatically. Written by the user.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "managed-gitops.redhat.com",
    version = "v1alpha1",
    kind = "GitOpsDeployment",
    plural = "gitopsdeployments",
    shortname = "gitopsdepl",
    category = "managed-gitops",
    namespaced,
    status = "GitOpsDeploymentStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    doc = "A GitOpsDeployment makes a namespace match a folder of a git repository, and keeps it \
           so. Its status says whether it does.",
    validation = Rule::new("has(self.spec)")
        .message("spec type must be manual or automated"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether what the repository says is deployed and works"
    ),
    printcolumn(
        name = "Sync",
        type_ = "string",
        json_path = ".status.sync.status",
        description = "Whether the cluster matches the repository"
    ),
    printcolumn(
        name = "Health",
        type_ = "string",
        json_path = ".status.health.status",
        description = "Whether what is deployed works"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Revision",
        type_ = "string",
        json_path = ".status.sync.revision",
        description = "The commit that the cluster was compared with",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        description = "Why it is not ready, or what it waits for",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", remote = "Self")]
#[x_kube(validation = Rule::new("self.type == 'manual' || self.type == 'automated'")
    .message("spec type must be manual or automated"))]
#[x_kube(validation = Rule::new(
        "!has(self.destination) || !has(self.destination.__namespace__) \
         || self.destination.__namespace__ == '' \
         || (has(self.destination.environment) && self.destination.environment != '')"
    )
    .message("the environment field should not be empty when the namespace is non-empty"))]
pub struct GitOpsDeploymentSpec {
    /// Where the manifests are.
    pub source: Source,
    /// Where to deploy them. Absent or empty: to the GitOpsDeployment's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// How they are synced. Absent: without options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SyncPolicy>,
    /// When they are synced: "automated" (after each change of the repository or the cluster) or
    /// "manual" (when a GitOpsDeploymentSyncRun asks for it).
    #[serde(rename = "type")]
    pub type_: String,
}

absent_is_default!(GitOpsDeploymentSpec);

impl GitOpsDeploymentSpec {
    /// The name of the managed environment to deploy to; empty for the cluster of Argo CD.
    #[must_use]
    pub fn environment(&self) -> &str {
        self.destination.as_ref().map_or("", |destination| &destination.environment)
    }

    /// The namespace to deploy to; empty for the GitOpsDeployment's own.
    #[must_use]
    pub fn destination_namespace(&self) -> &str {
        self.destination.as_ref().map_or("", |destination| &destination.namespace)
    }

    /// The sync options of the user, in their order.
    #[must_use]
    pub fn sync_options(&self) -> &[String] {
        self.sync_policy.as_ref().map_or(&[], |policy| &policy.sync_options)
    }
}

impl GitOpsDeployment {
    /// Whether its present generation is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.as_ref().is_some_and(|status| {
            let mut conditions = status.conditions.iter();
            status.observed_generation == self.metadata.generation
                && conditions.any(|one| one.type_ == READY && one.status == "True")
        })
    }
}

/// Where the manifests are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The URL of the git repository, for example "https://github.com/example/manifests". A private
    /// repository needs a GitOpsDeploymentRepositoryCredential for the same URL.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// The folder in the repository, for example "environments/staging". It must not be empty or
    /// "/"; the status says so if it is.
    pub path: String,
    /// The branch, tag or commit. Empty: the repository's default branch.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
}

/// Where to deploy to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The name of a GitOpsDeploymentManagedEnvironment in the same namespace. Empty: the cluster
    /// that Argo CD runs on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// The namespace in that environment. Needed when `environment` is set, and to be left out
    /// when it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// How manifests are synced.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPolicy {
    /// Options of each sync: "CreateNamespace=true" or "CreateNamespace=false". Empty: none.
    // The bound keeps the rule within the API server's cost budget; with only two possible values,
    // no list comes near it.
    #[schemars(length(max = 1024))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new(
            "self.all(option, option == 'CreateNamespace=true' || option == 'CreateNamespace=false')"
        )
        .message("the specified sync option in .spec.syncPolicy.syncOptions is either mispelled or \
                  is not supported by GitOpsDeployment"))]
    pub sync_options: Vec<String>,
}

/// How a GitOpsDeployment stands. Written by this program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["reconciledState"]))]
pub struct GitOpsDeploymentStatus {
    /// What is known about the GitOpsDeployment. "Ready" says whether what the repository says is
    /// deployed and works; "ErrorOccurred" says what the user has to correct; others are Argo
    /// CD's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<GitOpsDeploymentCondition>,
    /// Whether the cluster matches the repository.
    pub sync: SyncStatus,
    /// Whether what is deployed works.
    pub health: HealthStatus,
    /// The resources that are deployed, or are to be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    /// What `sync` was compared with.
    pub reconciled_state: ReconciledState,
    /// The sync that runs or ran last. Absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What of Argo CD's report there is no room for here. Absent: everything is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncated>,
}

/// Something that is known about a GitOpsDeployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["type", "status"]))]
pub struct GitOpsDeploymentCondition {
    /// What the condition is about, for example "Ready".
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it is so: True, False or Unknown.
    pub status: String,
    /// Why, in words. Empty: there is nothing to say.
    pub message: String,
    /// Why, in one word.
    pub reason: String,
    /// When the program last found the condition changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_probe_time: Option<Time>,
    /// When status, reason or message last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// The generation of the spec that the condition speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Whether the cluster matches the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["status"]))]
pub struct SyncStatus {
    /// Synced, OutOfSync or Unknown; empty while it is not known.
    pub status: String,
    /// The commit that the cluster was compared with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
}

/// What cluster and repository were compared with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["source", "destination"]))]
pub struct ReconciledState {
    /// The repository's side.
    pub source: ReconciledSource,
    /// The cluster's side.
    pub destination: ReconciledDestination,
}

/// The source that was last compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["path", "repoURL", "branch"]))]
pub struct ReconciledSource {
    /// The folder in the repository.
    pub path: String,
    /// The URL of the git repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// The branch, tag or commit, as the spec has it.
    pub branch: String,
}

/// The destination that was last compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["name", "namespace"]))]
pub struct ReconciledDestination {
    /// The name of the GitOpsDeploymentManagedEnvironment. Empty: the cluster that Argo CD runs on.
    pub name: String,
    /// The namespace.
    pub namespace: String,
}
