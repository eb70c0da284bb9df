//! An Argo CD Application, as a row asks for it, as plain data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::identity::{ClusterUserId, DeploymentUid, Digest, EnvironmentId};

/// The destination name under which Argo CD knows its own cluster.
pub const IN_CLUSTER: &str = "in-cluster";
/// The project of every Application when tenants are not isolated from each other.
pub const DEFAULT_PROJECT: &str = "default";

/// The name of the Application of a deployment.
pub fn application_name(deployment: &DeploymentUid) -> String {
    format!("gitopsdepl-{deployment}")
}

/// The name of an environment's cluster in Argo CD, and of the Secret that tells of it.
pub fn cluster_name(environment: &EnvironmentId) -> String {
    format!("managed-env-{environment}")
}

/// The name of the AppProject of a tenant.
pub fn project_name(user: &ClusterUserId) -> String {
    format!("app-project-{user}")
}

/// What is wanted from Argo CD for one deployment: stored in `application.spec_field` and written
/// by the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationDocument {
    /// Name of the Application.
    pub name: String,
    /// Namespace of Argo CD.
    pub namespace: String,
    /// Its spec.
    pub spec: ApplicationSpec,
}

/// The part of an Application's spec that we own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationSpec {
    /// Where the manifests come from.
    pub source: ApplicationSource,
    /// Where they go.
    pub destination: ApplicationDestination,
    /// The AppProject that permits it.
    pub project: String,
    /// How it is synced; `None` syncs by request only and without options.
    pub sync_policy: Option<SyncPolicy>,
    /// Fields of an existing Application that no row asks for and that should be removed, as JSON
    /// pointers; what a row asks for has none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub drift: BTreeSet<String>,
}

impl ApplicationSpec {
    /// Whether Argo CD syncs by itself.
    pub fn is_automated(&self) -> bool {
        self.sync_policy.as_ref().is_some_and(|policy| policy.automated.is_some())
    }
}

/// A sync that Argo CD is running, or between two attempts at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningSync {
    /// Whether Argo CD started it itself; others belong to the clients that requested them.
    pub automated: bool,
    /// What it deploys; `None` if the request does not say.
    pub source: Option<ApplicationSource>,
}

impl RunningSync {
    /// Whether Argo CD would, for as long as it fails, go on with what is no longer wanted. Argo
    /// CD's own request names its source, and each retry repeats the request.
    ///
    /// Different sync options alone are no reason: Argo CD starts no second automated sync of the
    /// same commit, so there would be none at all.
    pub fn is_outdated(&self, wanted: &ApplicationSpec) -> bool {
        let deploys_another = self.source.as_ref().is_some_and(|source| *source != wanted.source);
        self.automated && (deploys_another || !wanted.is_automated())
    }
}

/// A folder of a git repository at a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationSource {
    /// URL as the user wrote it.
    pub repo_url: String,
    /// Folder in the repository.
    pub path: String,
    /// Branch, tag or commit; empty means HEAD.
    pub target_revision: String,
}

/// A namespace of a cluster that Argo CD knows by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationDestination {
    /// The cluster's name in Argo CD; empty once the environment is gone.
    pub name: String,
    /// Namespace for resources that name none.
    pub namespace: String,
    /// Always empty: destinations are named, not addressed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
}

/// How Argo CD syncs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPolicy {
    /// Sync by itself.
    pub automated: Option<Automated>,
    /// Options passed on to each sync.
    pub sync_options: Vec<String>,
    /// Retries of a failed sync.
    pub retry: Option<Retry>,
}

/// What an automated sync may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automated {
    /// Delete what is gone from git.
    pub prune: bool,
    /// Undo manual changes.
    pub self_heal: bool,
    /// Allow git to become empty.
    pub allow_empty: bool,
}

/// Retries of a failed sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Number of attempts; −1 means without limit.
    pub limit: i64,
    /// Pauses between them.
    pub backoff: Option<Backoff>,
}

/// Pauses between retries, in Go's duration notation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// First pause.
    pub duration: String,
    /// Growth from pause to pause.
    pub factor: Option<i64>,
    /// Longest pause.
    pub max_duration: String,
}

impl ApplicationDocument {
    /// Equal digests mean that two documents ask for the same.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}
