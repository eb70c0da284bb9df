//! Argo CD's Application: what to deploy where, and its status.

use std::borrow::Cow;
use std::collections::BTreeSet;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::fields::drift_of;
use super::{ApplicationSource, Backoff, Operation, OperationState, RetryStrategy, Truncated};
use crate::names::{ARGO_CD_GROUP, VERSION};

/// An Application: Argo CD makes a namespace match a folder of a git repository.
///
/// It has an `operation` next to `spec` and `status`, hence the handwritten traits.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Application {
    /// Name, namespace, labels, finalizers.
    pub metadata: ObjectMeta,
    /// What is deployed where.
    pub spec: ApplicationSpec,
    /// The operation requested from Argo CD, which accepts it by removing it.
    #[serde(deserialize_with = "present")]
    pub operation: Option<Operation>,
    /// Its status; absent until Argo CD has processed the Application.
    pub status: Option<ApplicationStatus>,
}

impl Application {
    /// An Application that Argo CD has not seen.
    #[must_use]
    pub fn new(name: &str, spec: ApplicationSpec) -> Self {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        Self { metadata, spec, operation: None, status: None }
    }

    /// The current or last operation.
    #[must_use]
    pub fn operation_state(&self) -> Option<&OperationState> {
        self.status.as_ref()?.operation_state.as_ref()
    }

    /// Whether an operation was requested or is running.
    #[must_use]
    pub fn is_operation_open(&self) -> bool {
        self.operation.is_some() || self.operation_state().is_some_and(OperationState::is_running)
    }
}

impl kube::Resource for Application {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Application".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        ARGO_CD_GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "applications".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Serialize for Application {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Written<'a> {
            api_version: Cow<'a, str>,
            kind: Cow<'a, str>,
            metadata: &'a ObjectMeta,
            spec: &'a ApplicationSpec,
            #[serde(skip_serializing_if = "Option::is_none")]
            operation: Option<&'a Operation>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<&'a ApplicationStatus>,
        }
        let Self { metadata, spec, operation, status } = self;
        let written = Written {
            api_version: <Self as kube::Resource>::api_version(&()),
            kind: <Self as kube::Resource>::kind(&()),
            metadata,
            spec,
            operation: operation.as_ref(),
            status: status.as_ref(),
        };
        Serialize::serialize(&written, into)
    }
}

/// What is deployed where, as far as this program decides it: see [`FIELDS`](super::FIELDS).
///
/// It can always be decoded: what does not have Argo CD's form is in [`Self::drift`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// The AppProject, which says what the Application may do.
    pub project: String,
    /// Where the manifests come from.
    pub source: ApplicationSource,
    /// Where they go to.
    pub destination: ApplicationDestination,
    /// When and how they are synced; absent means only when asked, and without options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SyncPolicy>,
    /// Whether a retry uses the newest commit; None if unset.
    #[serde(skip)]
    pub refresh: Option<bool>,
    /// What exists but should not, as JSON pointers into the spec.
    #[serde(skip)]
    pub drift: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for ApplicationSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spec = Value::deserialize(from)?;
        let mut reader = Reader { drift: drift_of(&spec), spec: &spec };
        let has = |pointer: &str| spec.pointer(pointer).is_some_and(Value::is_object);
        let automated = has("/syncPolicy/automated").then(|| SyncPolicyAutomated {
            prune: reader.value("/syncPolicy/automated/prune"),
            self_heal: reader.value("/syncPolicy/automated/selfHeal"),
            allow_empty: reader.value("/syncPolicy/automated/allowEmpty"),
            enabled: reader.value("/syncPolicy/automated/enabled"),
        });
        let backoff = has("/syncPolicy/retry/backoff").then(|| Backoff {
            duration: reader.value("/syncPolicy/retry/backoff/duration"),
            factor: reader.value("/syncPolicy/retry/backoff/factor"),
            max_duration: reader.value("/syncPolicy/retry/backoff/maxDuration"),
        });
        let retry = has("/syncPolicy/retry")
            .then(|| RetryStrategy { limit: reader.value("/syncPolicy/retry/limit"), backoff });
        let sync_options = reader.value("/syncPolicy/syncOptions");
        // To Argo CD an empty policy and none are the same.
        let policy = SyncPolicy { automated, sync_options, retry };
        Ok(Self {
            project: reader.value("/project"),
            source: ApplicationSource {
                repo_url: reader.value("/source/repoURL"),
                path: reader.value("/source/path"),
                target_revision: reader.value("/source/targetRevision"),
            },
            destination: ApplicationDestination {
                name: reader.value("/destination/name"),
                namespace: reader.value("/destination/namespace"),
                server: reader.value("/destination/server"),
            },
            sync_policy: Some(policy).filter(|policy| *policy != SyncPolicy::default()),
            refresh: reader.value("/syncPolicy/retry/refresh"),
            drift: reader.drift,
        })
    }
}

/// Reads a spec field by field, and records which have an unknown form.
struct Reader<'a> {
    spec: &'a Value,
    drift: BTreeSet<String>,
}

impl Reader<'_> {
    fn value<T: DeserializeOwned + Default>(&mut self, pointer: &str) -> T {
        let value = match self.spec.pointer(pointer) {
            None | Some(Value::Null) => return T::default(),
            Some(value) => T::deserialize(value),
        };
        value.unwrap_or_else(|_| {
            self.drift.insert(pointer.to_owned());
            T::default()
        })
    }
}

impl ApplicationSpec {
    /// Whether Argo CD syncs automatically.
    #[must_use]
    pub fn is_automated(&self) -> bool {
        let automated = self.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
        automated.is_some_and(|automated| automated.enabled != Some(false))
    }
}

/// The cluster and the namespace that an Application deploys to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationDestination {
    /// The name of the cluster Secret, or `in-cluster`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The URL of the cluster's API; empty if the name is set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
}

/// When and how an Application is synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncPolicy {
    /// Sync without being asked; absent means only when asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated: Option<SyncPolicyAutomated>,
    /// Options of each sync, for example `CreateNamespace=true`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// When a failed sync is tried again; absent means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStrategy>,
}

/// What an automatic sync may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncPolicyAutomated {
    /// Whether it deletes what is no longer in the repository.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// Whether it undoes changes that others made in the cluster.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub self_heal: bool,
    /// Whether it may delete everything, if nothing is left in the repository.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty: bool,
    /// False switches it off, as if it were absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// How an Application stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationStatus {
    /// The resources that the Application consists of.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    /// Whether the cluster matches the repository.
    #[serde(deserialize_with = "lenient")]
    pub sync: SyncStatus,
    /// Whether what is deployed works.
    #[serde(deserialize_with = "lenient")]
    pub health: ApplicationHealth,
    /// What is wrong; empty when nothing is.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ApplicationCondition>,
    /// The operation that runs or ran last.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// When Argo CD last compared cluster and repository.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<String>,
    /// When an operation was last started.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<String>,
    /// The kind of tool that makes the manifests, for example `Kustomize`.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "String::is_empty")]
    pub source_type: String,
    /// What this program left out of it; Argo CD writes no such field.
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncated>,
}

/// Whether the cluster matches the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncStatus {
    /// One of [`sync`]'s words.
    pub status: String,
    /// What was compared.
    pub compared_to: ComparedTo,
    /// The commit that was compared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The commits that were compared, if the Application has several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// What [`SyncStatus`] refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComparedTo {
    /// The repository's side.
    pub source: ApplicationSource,
    /// The cluster's side.
    pub destination: ApplicationDestination,
}

/// The values of [`SyncStatus::status`].
pub mod sync {
    /// Cluster and repository could not be compared.
    pub const UNKNOWN: &str = "Unknown";
    /// The cluster matches the repository.
    pub const SYNCED: &str = "Synced";
    /// The cluster does not match the repository.
    pub const OUT_OF_SYNC: &str = "OutOfSync";
}

/// Whether an Application works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationHealth {
    /// One of [`health`]'s words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

/// Whether something works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HealthStatus {
    /// Healthy, Progressing, Degraded, Suspended, Missing or Unknown; empty while it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The values of [`HealthStatus::status`].
pub mod health {
    /// It works.
    pub const HEALTHY: &str = "Healthy";
    /// It does not work yet.
    pub const PROGRESSING: &str = "Progressing";
    /// It does not work.
    pub const DEGRADED: &str = "Degraded";
    /// It is paused.
    pub const SUSPENDED: &str = "Suspended";
    /// It is not in the cluster.
    pub const MISSING: &str = "Missing";
    /// Nothing is known about it.
    pub const UNKNOWN: &str = "Unknown";
}

/// One resource that was deployed, or is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResourceStatus {
    /// The API group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The API version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The namespace; empty for a cluster-scoped resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it matches the repository: Synced, OutOfSync or Unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Whether it works; absent for a kind that cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
}

/// Something that is wrong with an Application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationCondition {
    /// One of [`condition_type`]'s words.
    #[serde(rename = "type")]
    pub type_: String,
    /// What is wrong.
    pub message: String,
    /// When it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

/// The values of [`ApplicationCondition::type_`].
pub mod condition_type {
    /// The Application's resources could not be deleted.
    pub const DELETION_ERROR: &str = "DeletionError";
    /// The Application's spec is not allowed or cannot be understood.
    pub const INVALID_SPEC_ERROR: &str = "InvalidSpecError";
    /// Cluster and repository could not be compared.
    pub const COMPARISON_ERROR: &str = "ComparisonError";
    /// An automated sync failed.
    pub const SYNC_ERROR: &str = "SyncError";
    /// An error of another kind.
    pub const UNKNOWN_ERROR: &str = "UnknownError";
    /// A resource belongs to several Applications.
    pub const SHARED_RESOURCE_WARNING: &str = "SharedResourceWarning";
    /// A resource is in the repository more than once.
    pub const REPEATED_RESOURCE_WARNING: &str = "RepeatedResourceWarning";
    /// A resource is of a kind that Argo CD was told to ignore.
    pub const EXCLUDED_RESOURCE_WARNING: &str = "ExcludedResourceWarning";
    /// A resource of the namespace belongs to no Application.
    pub const ORPHANED_RESOURCE_WARNING: &str = "OrphanedResourceWarning";
}

/// Reads a field that is there whatever its form: an operation that cannot be decoded still runs.
fn present<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(from)?;
    Ok((!value.is_null()).then(|| T::deserialize(value).unwrap_or_default()))
}

/// Decodes a value, or uses the default if its form is unexpected.
fn lenient<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
