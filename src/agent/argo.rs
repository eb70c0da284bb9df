//! What the agent has seen of Argo CD: of each Application and AppProject only what it compares,
//! so that ten thousand of them stay within some megabytes.

mod projects;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crds::argocd::{Application, ApplicationStatus, phase};
use kube::ResourceExt;
use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, Revision};
use machines::operation::application::{
    ApplicationDestination, ApplicationDocument, ApplicationSource, ApplicationSpec, Automated,
    Backoff, Retry, RunningSync, SyncPolicy, project_name,
};
use machines::operation::{ApplicationView, ArgoView};

use crate::runtime::sightings::{Asked, Sightings};
use crate::runtime::watch::{self, WatchEvent};

pub use projects::{ProjectDocument, ProjectEntry, SOURCE_REPOS_LIMIT, WantedProject};

/// See the module.
#[derive(Debug, Default)]
pub struct Argo {
    applications: HashMap<String, ApplicationEntry>,
    by_row: HashMap<ApplicationId, BTreeSet<String>>,
    /// The source repositories of the Applications of each project, with their numbers.
    in_use: HashMap<String, BTreeMap<String, usize>>,
    projects: HashMap<String, ProjectEntry>,
    applications_seen: Sightings<String>,
    projects_seen: Sightings<String>,
    /// Whether the installed Argo CD knows `retry.refresh`.
    knows_refresh: bool,
    /// The cluster users for whom an earlier installation has recorded environments.
    environment_owners: BTreeSet<ClusterUserId>,
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
    /// What Argo CD is in the middle of, or between two attempts at.
    pub sync: Option<RunningSync>,
    /// Whether retries go to the newest commit, as far as its spec says.
    refresh: Option<bool>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
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
    pub fn application_seen(&mut self, seen: WatchEvent<Application>) -> Vec<Changed> {
        let listed = self.applications_seen.note(&seen, |metadata| metadata.name.clone());
        match seen {
            WatchEvent::Restarted => Vec::new(),
            WatchEvent::Present(application) => self.application_present(application, None),
            WatchEvent::Gone(gone) => self.application_gone(&gone.name, Some(&gone.uid)),
            WatchEvent::Malformed(metadata) => {
                // It exists, and its metadata is enough to repair or to delete it.
                let application = Application { metadata: *metadata, ..Application::default() };
                let name = application.name_any();
                // What it said last still counts as what it uses.
                let known = self.applications.get(&name).map(|known| known.spec.clone());
                let mut spec = known.unwrap_or_default();
                spec.drift.insert(String::new());
                self.application_present(application, Some(spec))
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<String> =
                    self.applications.keys().filter(|name| listed.lacks(name)).cloned().collect();
                missing.iter().flat_map(|name| self.application_gone(name, None)).collect()
            }
        }
    }

    /// To be kept from before a write of an Application until [`Self::application_written`].
    pub fn ask_application(&self) -> Asked {
        self.applications_seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn application_written(&mut self, written: Application, asked: Asked) -> Vec<Changed> {
        if self.applications_seen.is_news(&written, asked) {
            self.application_present(written, None)
        } else {
            Vec::new()
        }
    }

    /// Notes that an Application exists; `spec` stands for one that cannot be read.
    fn application_present(
        &mut self,
        application: Application,
        spec: Option<ApplicationSpec>,
    ) -> Vec<Changed> {
        let name = application.name_any();
        let entry = self.entry(&application, spec);
        match self.applications.get(&name) {
            Some(known) if entry.revision < known.revision => return Vec::new(),
            None if entry.row.is_some() && crds::names::deployment_uid(&name).is_none() => {
                tracing::warn!(
                    name,
                    "an Application has a row's label but not the name of that row's Application; \
                     it is left alone",
                );
            }
            _ => {}
        }
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

    fn entry(&self, application: &Application, spec: Option<ApplicationSpec>) -> ApplicationEntry {
        let row = application.labels().get(crds::names::DATABASE_ID_LABEL).cloned();
        let mut entry = ApplicationEntry {
            uid: application.uid().unwrap_or_default(),
            revision: watch::revision(application),
            row: row.filter(|row| !row.is_empty()).map(ApplicationId::new),
            spec: spec.unwrap_or_else(|| application_spec(&application.spec)),
            deleting: application.metadata.deletion_timestamp.is_some(),
            sync: running_sync(application),
            refresh: application.spec.refresh,
            finalizers: application.metadata.finalizers.clone().unwrap_or_default(),
        };
        entry.judge_refresh(self.knows_refresh);
        entry
    }

    /// Notes whether the installed Argo CD knows `retry.refresh`.
    pub fn note_refresh(&mut self, is_known: bool) {
        self.knows_refresh = is_known;
        for entry in self.applications.values_mut() {
            entry.judge_refresh(is_known);
        }
    }

    /// Notes for which cluster users an earlier installation has recorded environments.
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

    /// Whether the installed Argo CD knows `retry.refresh`.
    pub fn knows_refresh(&self) -> bool {
        self.knows_refresh
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

    /// An Application by its name.
    pub fn application(&self, name: &str) -> Option<&ApplicationEntry> {
        self.applications.get(name)
    }

    /// The Application that stands for a row, by the name that its deployment gives it. Operations of
    /// an earlier installation do not say whose they are: theirs are known by the label, and have
    /// such a name all the same. What else has the label is somebody's copy.
    fn application_of(
        &self,
        row: &ApplicationId,
        name: Option<&str>,
    ) -> Option<(&str, &ApplicationEntry)> {
        let name = match name {
            Some(name) => name,
            None => {
                let labelled = self.by_row.get(row)?.iter().map(String::as_str);
                labelled.into_iter().find(|name| crds::names::deployment_uid(name).is_some())?
            }
        };
        let (name, entry) = self.applications.get_key_value(name)?;
        Some((name, entry))
    }

    /// The Application that is to go with a row, with its name.
    pub fn application_to_remove(
        &self,
        row: &ApplicationId,
        name: Option<&str>,
    ) -> Option<(String, ApplicationEntry)> {
        let (name, entry) = self.application_of(row, name)?;
        Some((name.to_owned(), entry.clone()))
    }

    /// The Applications that are ours by their names, with their rows. The label that tells the row
    /// may have been removed; an earlier installation's rows have other ids, but then there is one
    /// for the deployment.
    pub fn ours(&self) -> BTreeMap<DeploymentUid, ApplicationId> {
        let entries = self.applications.iter().filter(|(_, entry)| !entry.deleting);
        let ours = entries.filter_map(|(name, entry)| {
            let uid = DeploymentUid::new(crds::names::deployment_uid(name)?);
            let row = entry.row.clone().unwrap_or_else(|| ApplicationId::of(&uid));
            Some((uid, row))
        });
        ours.collect()
    }

    /// What an operation sees of Argo CD.
    pub fn view(&self, row: &ApplicationId, name: Option<&str>, project_matches: bool) -> ArgoView {
        let application = match self.application_of(row, name) {
            None => ApplicationView::Absent,
            Some((_, entry)) => ApplicationView::Present {
                spec: Box::new(entry.spec.clone()),
                labelled: entry.row.as_ref() == Some(row),
                deleting: entry.deleting,
                sync: entry.sync.clone().map(Box::new),
            },
        };
        ArgoView { project_matches, application }
    }
}

impl ApplicationEntry {
    /// Whether it says what a row asks for, and Argo CD works on nothing else.
    pub fn says(&self, row: &ApplicationId, document: &ApplicationDocument) -> bool {
        self.is_written(row, document) && !self.works_on_another(document)
    }

    /// Whether it says what a row asks for.
    pub fn is_written(&self, row: &ApplicationId, document: &ApplicationDocument) -> bool {
        self.spec == document.spec && self.row.as_ref() == Some(row)
    }

    /// Whether Argo CD would go on with what is no longer wanted.
    pub fn works_on_another(&self, document: &ApplicationDocument) -> bool {
        self.sync.as_ref().is_some_and(|sync| sync.is_outdated(&document.spec))
    }

    /// Where Argo CD knows it, an Application with retries has it: without it a sync that fails is
    /// retried at its old commit, whatever git says by then.
    fn judge_refresh(&mut self, is_known: bool) {
        let retries = self.spec.sync_policy.as_ref().is_some_and(|policy| policy.retry.is_some());
        if is_known && retries && self.refresh != Some(true) {
            self.spec.drift.insert(REFRESH.to_owned());
        } else {
            self.spec.drift.remove(REFRESH);
        }
    }
}

/// Where a spec says that retries go to the newest commit.
const REFRESH: &str = "/syncPolicy/retry/refresh";

fn running_sync(application: &Application) -> Option<RunningSync> {
    let state = application.operation_state().filter(|state| state.phase == phase::RUNNING)?;
    application.operation.as_ref()?;
    let request = state.operation.sync.clone().unwrap_or_default();
    let source = request.source.as_ref().map(application_source);
    // Several sources at once are never ours.
    let several = (!request.sources.is_empty()).then(ApplicationSource::default);
    Some(RunningSync {
        automated: state.operation.initiated_by.automated,
        source: several.or(source),
    })
}

fn application_source(source: &crds::argocd::ApplicationSource) -> ApplicationSource {
    ApplicationSource {
        repo_url: source.repo_url.clone(),
        path: source.path.clone(),
        target_revision: source.target_revision.clone(),
    }
}

/// The part of an Application's spec that we own.
pub fn application_spec(spec: &crds::argocd::ApplicationSpec) -> ApplicationSpec {
    let destination = &spec.destination;
    ApplicationSpec {
        source: application_source(&spec.source),
        destination: ApplicationDestination {
            name: destination.name.clone(),
            namespace: destination.namespace.clone(),
            server: destination.server.clone(),
        },
        project: spec.project.clone(),
        sync_policy: spec.sync_policy.as_ref().map(sync_policy),
        drift: spec.drift.clone(),
    }
}

fn sync_policy(policy: &crds::argocd::SyncPolicy) -> SyncPolicy {
    SyncPolicy {
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
    }
}

#[cfg(test)]
mod tests;
