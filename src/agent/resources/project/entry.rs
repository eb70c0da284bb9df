//! What is remembered of an AppProject, and what it should say.

use std::collections::BTreeSet;

use crds::argocd::ApplicationDestination as Destination;
use machines::identity::{EnvironmentId, Revision};

/// What is remembered of an AppProject.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectEntry {
    /// Its revision.
    pub revision: Revision,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What it says.
    pub document: ProjectDocument,
}

/// What an AppProject of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectDocument {
    /// Its name.
    pub name: String,
    /// The cluster user that it belongs to.
    pub user: String,
    /// The repositories that it permits, as patterns.
    pub source_repos: BTreeSet<String>,
    /// The destinations that it permits.
    pub destinations: Vec<Destination>,
}

/// What an AppProject of ours should say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedProject {
    /// What it should say; `None` where there should be none.
    pub document: Option<ProjectDocument>,
    /// The repositories that do not fit.
    pub left_out: BTreeSet<String>,
    /// The environments that do not fit.
    pub left_out_environments: BTreeSet<EnvironmentId>,
}
