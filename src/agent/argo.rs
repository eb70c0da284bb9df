//! What the agent has seen of Argo CD: only what it compares of each Application, AppProject and
//! Secret of its own, so that ten thousand of them take a few megabytes, and none of what is secret.
//! What is taken in and reported for each is in `resources`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crds::argocd::ApplicationStatus;
use machines::identity::{ApplicationId, ClusterUserId, Revision};
use machines::operation::application::project_name;
use machines::operation::{ApplicationView, SecretView};
use machines::rows::Target;
use schema::sealing::digests::Digester;

use crate::agent::resources::application::entry::ApplicationEntry;
use crate::agent::resources::project::entry::ProjectEntry;
use crate::agent::resources::secret::collisions::Claims;
use crate::agent::resources::secret::entry::SecretEntry;
use crate::agent::resources::secret::row::SecretRow;
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
    /// The Secrets that are ours by their names, by the rows in these.
    pub(super) secrets: HashMap<SecretRow, SecretEntry>,
    /// By their names, and those of others.
    pub(super) secrets_seen: Sightings<String>,
    /// What all cluster Secrets claim to be.
    pub(super) claims: Claims,
    /// What they are compared by; without keys nothing is.
    pub(super) digester: Option<Digester>,
    /// Whether the installed Argo CD knows `retry.refresh`.
    pub(super) knows_refresh: bool,
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
    /// The Secret of a row, or those that claim to be its cluster.
    Secret(SecretRow),
}

impl Argo {
    /// Nothing was seen yet.
    pub fn new(digester: Option<Digester>) -> Self {
        Self { digester, ..Self::default() }
    }

    /// The revisions of what an operation looks at: its Application's or its Secret's, and its
    /// AppProject's.
    pub fn revisions(
        &self,
        target: Option<&Target>,
        row: Option<&ApplicationId>,
        name: Option<&str>,
        owner: &ClusterUserId,
    ) -> [Option<Revision>; 2] {
        let written = match target.and_then(SecretRow::of) {
            Some(row) => self.secret(&row).map(|entry| entry.revision),
            None => {
                let application = row.and_then(|row| self.application_of(row, name));
                application.map(|(_, entry)| entry.revision)
            }
        };
        let project = self.project(&project_name(owner));
        [written, project.map(|entry| entry.revision)]
    }

    /// What the watch shows of the Application of an operation.
    pub fn view(&self, row: &ApplicationId, name: Option<&str>) -> ApplicationView {
        match self.application_of(row, name) {
            None => ApplicationView::Unseen,
            Some((_, entry)) => entry.view(row),
        }
    }

    /// What the watch shows of the Secret of an operation, which should be for this AppProject.
    pub fn secret_view(&self, row: &SecretRow, project: Option<&str>) -> SecretView {
        match self.secret(row) {
            None => SecretView::Unseen,
            Some(entry) => entry.view(row, project),
        }
    }
}
