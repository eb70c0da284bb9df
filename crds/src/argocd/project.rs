//! Argo CD's AppProject: what a tenant's Applications may read and where they may deploy.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

use super::ApplicationDestination;
use crate::absent::absent_is_default;

/// What the Applications of an AppProject may do.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "argoproj.io",
    version = "v1alpha1",
    kind = "AppProject",
    plural = "appprojects",
    shortname = "appproj",
    namespaced,
    schema = "disabled",
    doc = "What a tenant's Applications may read, and where they may deploy."
)]
#[kube(derive = "PartialEq", derive = "Default")]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub struct AppProjectSpec {
    /// The repositories that Applications may use, "*" for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_repos: Vec<String>,
    /// Where Applications may deploy; "*" in a field allows any value of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<ApplicationDestination>,
    /// What the AppProject is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

absent_is_default!(AppProjectSpec);
