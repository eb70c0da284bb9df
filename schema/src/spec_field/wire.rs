//! The spelling of `application.spec_field`: lower-cased names of Go fields, all present.

use machines::operation::application as domain;
use serde::{Deserialize, Deserializer, Serialize};

/// Its specification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ApplicationSpec {
    /// Where the manifests come from.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) source: Source,
    /// Where they go.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) destination: Destination,
    /// Name of the AppProject.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) project: String,
    /// None for a manual deployment without options.
    #[serde(rename = "syncpolicy")]
    pub(super) sync_policy: Option<SyncPolicy>,
}

/// Where the manifests come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    /// As the user wrote it.
    #[serde(rename = "repourl", deserialize_with = "null_as_default")]
    pub(super) repo_url: String,
    /// Path in the repository.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) path: String,
    /// Branch, tag or commit; empty means HEAD.
    #[serde(rename = "targetrevision", deserialize_with = "null_as_default")]
    pub(super) target_revision: String,
}

/// Where they go: by name or by server, not both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Destination {
    /// URL of an API server; the backend leaves it empty.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) server: String,
    /// Target namespace.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) namespace: String,
    /// `in-cluster` or `managed-env-<id>`; empty once the environment is gone.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) name: String,
}

/// How Argo CD syncs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SyncPolicy {
    /// None for a manual deployment.
    pub(super) automated: Option<Automated>,
    /// In the order in which they were given.
    #[serde(rename = "syncoptions", deserialize_with = "null_as_default")]
    pub(super) sync_options: Vec<String>,
    /// How failed syncs are retried.
    pub(super) retry: Option<Retry>,
}

/// Syncing without a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Automated {
    /// Whether to delete what the repository no longer has.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) prune: bool,
    /// Whether to revert changes made in the cluster.
    #[serde(rename = "selfheal", deserialize_with = "null_as_default")]
    pub(super) self_heal: bool,
    /// Whether an empty repository may delete everything.
    #[serde(rename = "allowempty", deserialize_with = "null_as_default")]
    pub(super) allow_empty: bool,
}

/// How failed syncs are retried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Retry {
    /// Negative means forever.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) limit: i64,
    /// The time between two attempts.
    pub(super) backoff: Option<Backoff>,
}

/// The time between two attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Backoff {
    /// The first time, as `5s`.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) duration: String,
    /// The factor by which each later time grows.
    pub(super) factor: Option<i64>,
    /// The longest time, as `3m`.
    #[serde(rename = "maxduration", deserialize_with = "null_as_default")]
    pub(super) max_duration: String,
}

/// yaml.v2 writes null for what Go calls nil; the empty value represents it here.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Both directions between a wire type and the machines' type of the same fields.
macro_rules! mirrors {
    ($wire:ident, $domain:ident { $($field:ident),* $(; $($option:ident),*)? }) => {
        impl From<domain::$domain> for $wire {
            fn from(from: domain::$domain) -> Self {
                Self {
                    $($field: from.$field.into(),)*
                    $($($option: from.$option.map(Into::into),)*)?
                }
            }
        }

        impl From<$wire> for domain::$domain {
            fn from(from: $wire) -> Self {
                Self {
                    $($field: from.$field.into(),)*
                    $($($option: from.$option.map(Into::into),)*)?
                }
            }
        }
    };
}

impl From<domain::ApplicationSpec> for ApplicationSpec {
    fn from(from: domain::ApplicationSpec) -> Self {
        let domain::ApplicationSpec { source, destination, project, sync_policy, drift: _ } = from;
        let (source, destination) = (source.into(), destination.into());
        Self { source, destination, project, sync_policy: sync_policy.map(Into::into) }
    }
}

impl From<ApplicationSpec> for domain::ApplicationSpec {
    fn from(from: ApplicationSpec) -> Self {
        let ApplicationSpec { source, destination, project, sync_policy } = from;
        Self {
            source: source.into(),
            destination: destination.into(),
            project,
            sync_policy: sync_policy.map(Into::into),
            ..Self::default()
        }
    }
}

mirrors!(Source, ApplicationSource { repo_url, path, target_revision });
mirrors!(Destination, ApplicationDestination { server, namespace, name });
mirrors!(SyncPolicy, SyncPolicy { sync_options; automated, retry });
mirrors!(Automated, Automated { prune, self_heal, allow_empty });
mirrors!(Retry, Retry { limit; backoff });
mirrors!(Backoff, Backoff { duration, max_duration; factor });
