//! What the agent has seen of Argo CD: only what it compares of each Application and AppProject, so
//! that ten thousand of them take a few megabytes. What is taken in and reported for each is in
//! `resources`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crds::argocd::ApplicationStatus;
use machines::identity::{ApplicationId, ClusterUserId, Revision};
use machines::operation::ApplicationView;
use machines::operation::application::project_name;

use crate::agent::resources::application::entry::ApplicationEntry;
use crate::agent::resources::project::entry::ProjectEntry;
use crate::runtime::sightings::Sightings;

/// See the module.
#[derive(Debug, Default)]
pub struct Argo {
    pub(super) applications: HashMap<String, ApplicationEntry>,
    pub(super) by_row: HashMap<ApplicationId, BTreeSet<String>>,
    /// The source repositories of the Applications of each project, with their numbers.
    pub(super) in_use: HashMap<String, BTreeMap<String, usize>>,
    pub(super) projects: HashMap<String, ProjectEntry>,
    /// The names of AppProjects of which the server has listed none, and that nobody has created since
    /// as far as is known; of owners with open operations only.
    pub(super) absent_projects: HashSet<String>,
    pub(super) applications_seen: Sightings<String>,
    pub(super) projects_seen: Sightings<String>,
    /// Whether the installed Argo CD knows `retry.refresh`.
    pub(super) knows_refresh: bool,
    /// The cluster users for whom an earlier installation recorded environments.
    pub(super) environment_owners: BTreeSet<ClusterUserId>,
}

/// What has changed, for the machines that look at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// An Application.
    Application {
        /// The row that it represents, by its label.
        row: Option<ApplicationId>,
        /// Its name.
        name: String,
        /// The AppProject that it is or was in.
        project: String,
        /// What it reports, if it exists.
        status: Option<Box<ApplicationStatus>>,
    },
    /// An AppProject, or what its Applications use, by the project's name.
    Project(String),
}

impl Argo {
    /// Notes for which cluster users an earlier installation recorded environments.
    pub fn note_environments(&mut self, owners: BTreeSet<ClusterUserId>) {
        self.environment_owners = owners;
    }

    /// The revisions of what an operation looks at: its Application's and its AppProject's.
    pub fn revisions(
        &self,
        row: Option<&ApplicationId>,
        name: Option<&str>,
        owner: &ClusterUserId,
    ) -> [Option<Revision>; 2] {
        let application = row.and_then(|row| self.application_of(row, name));
        let project = self.project(&project_name(owner));
        [application.map(|(_, entry)| entry.revision), project.map(|entry| entry.revision)]
    }

    /// What the watch shows of the Application of an operation.
    pub fn view(&self, row: &ApplicationId, name: Option<&str>) -> ApplicationView {
        match self.application_of(row, name) {
            None => ApplicationView::Unseen,
            Some((_, entry)) => entry.view(row),
        }
    }
}
