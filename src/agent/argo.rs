//! What the agent has seen of Argo CD: of each Application and AppProject only what it compares,
//! so that ten thousand of them stay within some megabytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crds::argocd::{AppProject, Application, ApplicationStatus, phase};
use kube::ResourceExt;
use machines::application::{
    ApplicationDestination, ApplicationSource, ApplicationSpec, Automated, Backoff, IN_CLUSTER,
    Retry, SyncPolicy, project_name,
};
use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, Revision};
use machines::operation::{ApplicationView, ArgoView};
use machines::repository_url::source_repo_pattern;

use crate::runtime::watch::{self, Asked, Horizon, Seen};

/// See the module.
#[derive(Debug, Default)]
pub struct Argo {
    applications: HashMap<String, ApplicationEntry>,
    by_row: HashMap<ApplicationId, BTreeSet<String>>,
    /// The source repositories of the Applications of each project, with their numbers.
    in_use: HashMap<String, BTreeMap<String, usize>>,
    projects: HashMap<String, ProjectEntry>,
    application_relist: Option<HashSet<String>>,
    project_relist: Option<HashSet<String>>,
    application_horizon: Horizon,
    project_horizon: Horizon,
}

/// What is remembered of an Application.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationEntry {
    /// Its UID.
    pub uid: String,
    /// Its revision.
    pub revision: Revision,
    /// The row that it stands for, by its label.
    pub row: Option<ApplicationId>,
    /// The part of its spec that we own.
    pub spec: ApplicationSpec,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether Argo CD is in the middle of a sync, or between two attempts at one.
    pub syncing: bool,
    /// Its finalizers.
    pub finalizers: Vec<String>,
}

/// What is remembered of an AppProject.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectEntry {
    /// Its revision.
    pub revision: Revision,
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
    /// The destinations that it permits, as (cluster, namespace).
    pub destinations: Vec<(String, String)>,
}

/// What has changed, for the machines that look at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// An Application.
    Application {
        /// The row that it stands for, by its label.
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
    /// Takes in what the watch of Applications tells.
    pub fn application_seen(&mut self, seen: Seen<Application>) -> Vec<Changed> {
        self.application_horizon.note(&seen);
        match seen {
            Seen::Restarted => {
                self.application_relist = Some(HashSet::new());
                Vec::new()
            }
            Seen::Present(application) => {
                if let Some(relist) = self.application_relist.as_mut() {
                    relist.insert(application.name_any());
                }
                self.application_present(application)
            }
            Seen::Gone(gone) => self.application_gone(&gone.name, Some(&gone.uid)),
            Seen::Malformed { name, .. } => {
                // It exists: it is neither written nor reported on, and not taken for absent.
                if let Some(relist) = self.application_relist.as_mut() {
                    relist.insert(name);
                }
                Vec::new()
            }
            Seen::Synced => {
                let listed = self.application_relist.take().unwrap_or_default();
                let missing: Vec<String> = self
                    .applications
                    .keys()
                    .filter(|name| !listed.contains(*name))
                    .cloned()
                    .collect();
                missing.iter().flat_map(|name| self.application_gone(name, None)).collect()
            }
        }
    }

    /// To be kept from before a write of an Application until [`Self::application_written`].
    pub fn ask_application(&self) -> Asked {
        self.application_horizon.ask()
    }

    /// Takes in the answer to a write.
    pub fn application_written(&mut self, written: Application, asked: Asked) -> Vec<Changed> {
        if self.application_horizon.is_news(&written, asked) {
            self.application_present(written)
        } else {
            Vec::new()
        }
    }

    fn application_present(&mut self, application: Application) -> Vec<Changed> {
        let name = application.name_any();
        let revision = watch::revision(&application);
        if self.applications.get(&name).is_some_and(|known| revision < known.revision) {
            return Vec::new();
        }
        let row = application.labels().get(crds::names::DATABASE_ID_LABEL).cloned();
        let entry = ApplicationEntry {
            uid: application.uid().unwrap_or_default(),
            revision,
            row: row.filter(|row| !row.is_empty()).map(ApplicationId::new),
            spec: application_spec(&application.spec),
            deleting: application.metadata.deletion_timestamp.is_some(),
            syncing: application.operation.is_some()
                && application.operation_state().is_some_and(|state| state.phase == phase::RUNNING),
            finalizers: application.metadata.finalizers.clone().unwrap_or_default(),
        };
        let mut projects = self.forget(&name);
        let uses = self.in_use.entry(entry.spec.project.clone()).or_default();
        let number = uses.entry(entry.spec.source.repo_url.clone()).or_default();
        *number += 1;
        if *number == 1 {
            projects.insert(entry.spec.project.clone());
        }
        let mut changed: Vec<Changed> = projects.into_iter().map(Changed::Project).collect();
        if let Some(row) = &entry.row {
            self.by_row.entry(row.clone()).or_default().insert(name.clone());
        }
        changed.push(Changed::Application {
            row: entry.row.clone(),
            name: name.clone(),
            project: entry.spec.project.clone(),
            status: Some(Box::new(application.status.unwrap_or_default())),
        });
        self.applications.insert(name, entry);
        changed
    }

    fn application_gone(&mut self, name: &str, uid: Option<&str>) -> Vec<Changed> {
        let known = self.applications.get(name);
        let Some(entry) = known.filter(|known| uid.is_none_or(|uid| known.uid == uid)).cloned()
        else {
            return Vec::new();
        };
        let mut changed: Vec<Changed> =
            self.forget(name).into_iter().map(Changed::Project).collect();
        let (row, name, project) = (entry.row, name.to_owned(), entry.spec.project);
        changed.push(Changed::Application { row, name, project, status: None });
        changed
    }

    /// Takes an Application out of the indexes; says which project has lost a use of a repository.
    fn forget(&mut self, name: &str) -> BTreeSet<String> {
        let mut projects = BTreeSet::new();
        let Some(entry) = self.applications.remove(name) else { return projects };
        if let Some(uses) = self.in_use.get_mut(&entry.spec.project) {
            if let Some(number) = uses.get_mut(&entry.spec.source.repo_url) {
                *number -= 1;
                if *number == 0 {
                    uses.remove(&entry.spec.source.repo_url);
                    projects.insert(entry.spec.project.clone());
                }
            }
            if uses.is_empty() {
                self.in_use.remove(&entry.spec.project);
            }
        }
        if let Some(row) = entry.row
            && let Some(names) = self.by_row.get_mut(&row)
        {
            names.remove(name);
            if names.is_empty() {
                self.by_row.remove(&row);
            }
        }
        projects
    }

    /// Takes in what the watch of AppProjects tells.
    pub fn project_seen(&mut self, seen: Seen<AppProject>) -> Vec<Changed> {
        self.project_horizon.note(&seen);
        match seen {
            Seen::Restarted => {
                self.project_relist = Some(HashSet::new());
                Vec::new()
            }
            Seen::Present(project) => {
                if let Some(relist) = self.project_relist.as_mut() {
                    relist.insert(project.name_any());
                }
                self.project_present(&project).into_iter().collect()
            }
            Seen::Gone(gone) => self.project_gone(&gone.name).into_iter().collect(),
            Seen::Malformed { name, .. } => {
                if let Some(relist) = self.project_relist.as_mut() {
                    relist.insert(name);
                }
                Vec::new()
            }
            Seen::Synced => {
                let listed = self.project_relist.take().unwrap_or_default();
                let missing: Vec<String> =
                    self.projects.keys().filter(|name| !listed.contains(*name)).cloned().collect();
                missing.iter().filter_map(|name| self.project_gone(name)).collect()
            }
        }
    }

    /// To be kept from before a write of an AppProject until [`Self::project_written`].
    pub fn ask_project(&self) -> Asked {
        self.project_horizon.ask()
    }

    /// Takes in the answer to a write.
    pub fn project_written(&mut self, written: &AppProject, asked: Asked) -> Option<Changed> {
        self.project_horizon.is_news(written, asked).then(|| self.project_present(written))?
    }

    fn project_present(&mut self, project: &AppProject) -> Option<Changed> {
        let name = project.name_any();
        let revision = watch::revision(project);
        if self.projects.get(&name).is_some_and(|known| revision <= known.revision) {
            return None;
        }
        let user = project.annotations().get(crds::names::USERNAME_ANNOTATION).cloned();
        let destinations = project.spec.destinations.iter();
        let document = ProjectDocument {
            name: name.clone(),
            user: user.unwrap_or_default(),
            source_repos: project.spec.source_repos.iter().cloned().collect(),
            destinations: destinations
                .map(|one| (one.name.clone(), one.namespace.clone()))
                .collect(),
        };
        self.projects.insert(name.clone(), ProjectEntry { revision, document });
        Some(Changed::Project(name))
    }

    /// Takes in that an AppProject has gone.
    pub fn project_gone(&mut self, name: &str) -> Option<Changed> {
        self.projects.remove(name).map(|_| Changed::Project(name.to_owned()))
    }

    /// An Application by its name.
    pub fn application(&self, name: &str) -> Option<&ApplicationEntry> {
        self.applications.get(name)
    }

    /// The Applications that stand for a row: by their label and, where a hand has removed that,
    /// by their name.
    pub fn applications_of(
        &self,
        row: &ApplicationId,
        name: Option<&str>,
    ) -> Vec<(String, ApplicationEntry)> {
        let labelled = self.by_row.get(row).into_iter().flatten().map(String::as_str);
        let names: BTreeSet<&str> = labelled.chain(name).collect();
        names
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.applications.get(name)?.clone())))
            .collect()
    }

    /// An AppProject by its name.
    pub fn project(&self, name: &str) -> Option<&ProjectEntry> {
        self.projects.get(name)
    }

    /// What the AppProject of a user should say; `None` where there should be none.
    ///
    /// It permits what the rows ask for, and what existing Applications still use: a project
    /// permits an Application before it exists and for as long as it does.
    pub fn wanted_project(
        &self,
        user: &ClusterUserId,
        repositories: &BTreeSet<String>,
    ) -> Option<ProjectDocument> {
        let name = project_name(user);
        let mut source_repos = repositories.clone();
        source_repos
            .extend(self.in_use.get(&name).into_iter().flat_map(|uses| uses.keys().cloned()));
        if source_repos.is_empty() {
            return None;
        }
        Some(ProjectDocument {
            name,
            user: user.as_str().to_owned(),
            source_repos: source_repos
                .iter()
                .map(|url| source_repo_pattern(url).into_owned())
                .collect(),
            destinations: vec![(IN_CLUSTER.to_owned(), "*".to_owned())],
        })
    }

    /// The Applications that are ours by their names, by their rows: deployment and name. A hand may
    /// have removed the label that tells the row; an earlier installation's rows have other ids, but
    /// then there is one for the deployment.
    pub fn ours(&self) -> BTreeMap<ApplicationId, (DeploymentUid, String)> {
        let entries = self.applications.iter().filter(|(_, entry)| !entry.deleting);
        let ours = entries.filter_map(|(name, entry)| {
            let uid = DeploymentUid::new(crds::names::deployment_uid(name)?);
            let row = entry.row.clone().unwrap_or_else(|| ApplicationId::of(&uid));
            Some((row, (uid, name.clone())))
        });
        ours.collect()
    }

    /// The cluster users that have an AppProject of ours.
    pub fn project_owners(&self) -> impl Iterator<Item = ClusterUserId> {
        self.projects.values().filter_map(|entry| {
            let owner = ClusterUserId::new(entry.document.user.clone());
            (entry.document.name == project_name(&owner)).then_some(owner)
        })
    }

    /// Whether the AppProject of a user says what it should.
    pub fn project_matches(&self, user: &ClusterUserId, repositories: &BTreeSet<String>) -> bool {
        let wanted = self.wanted_project(user, repositories);
        let actual = self.projects.get(&project_name(user)).map(|entry| &entry.document);
        wanted.as_ref() == actual
    }

    /// What an operation sees of Argo CD.
    pub fn view(
        &self,
        row: &ApplicationId,
        name: Option<&str>,
        user: &ClusterUserId,
        repositories: &BTreeSet<String>,
        isolation: bool,
    ) -> ArgoView {
        let project_matches = !isolation || self.project_matches(user, repositories);
        let named = name.and_then(|name| self.applications.get(name));
        let entry = match named {
            Some(entry) => Some(entry),
            None => self
                .by_row
                .get(row)
                .and_then(|names| names.first())
                .and_then(|name| self.applications.get(name)),
        };
        let application = match entry {
            None => ApplicationView::Absent,
            Some(entry) => ApplicationView::Present {
                spec: Box::new(entry.spec.clone()),
                labelled: entry.row.as_ref() == Some(row),
                deleting: entry.deleting,
            },
        };
        ArgoView { project_matches, application }
    }
}

/// The part of an Application's spec that we own.
pub fn application_spec(spec: &crds::argocd::ApplicationSpec) -> ApplicationSpec {
    let source = &spec.source;
    let destination = &spec.destination;
    ApplicationSpec {
        source: ApplicationSource {
            repo_url: source.repo_url.clone(),
            path: source.path.clone(),
            target_revision: source.target_revision.clone(),
        },
        destination: ApplicationDestination {
            name: destination.name.clone(),
            namespace: destination.namespace.clone(),
            server: destination.server.clone(),
        },
        project: spec.project.clone(),
        sync_policy: spec.sync_policy.as_ref().and_then(sync_policy),
    }
}

/// An empty policy and none mean the same to Argo CD.
fn sync_policy(policy: &crds::argocd::SyncPolicy) -> Option<SyncPolicy> {
    let policy = SyncPolicy {
        automated: policy.automated.as_ref().map(|automated| Automated {
            prune: automated.prune,
            self_heal: automated.self_heal,
            allow_empty: automated.allow_empty,
        }),
        sync_options: policy.sync_options.clone(),
        retry: policy.retry.as_ref().map(|retry| Retry {
            limit: retry.limit,
            backoff: retry.backoff.as_ref().map(|backoff| Backoff {
                duration: backoff.duration.clone(),
                factor: backoff.factor,
                max_duration: backoff.max_duration.clone(),
            }),
        }),
    };
    (policy != SyncPolicy::default()).then_some(policy)
}
