//! What the watch of AppProjects shows, the answers to writes, and what each should say.

use std::collections::{BTreeMap, BTreeSet};

use crds::argocd::{AppProject, AppProjectSpec, ApplicationDestination as Destination};
use kube::ResourceExt;
use kube::api::ObjectMeta;
use kube::core::DeserializeGuard;
use machines::identity::{ClusterUserId, Revision};
use machines::operation::application::{IN_CLUSTER, cluster_name, project_name};
use machines::shared::repository_url::source_repo_pattern;
use schema::store::Permitted;

use super::entry::{ProjectDocument, ProjectEntry, WantedProject};
use crate::agent::argo::{Argo, Changed};
use crate::runtime::sightings::Asked;
use crate::runtime::watch::{self, WatchEvent};

/// Bytes of the repositories in one AppProject: some 20,000 of them. etcd takes no request beyond
/// 1.5 MiB, and the rest of the object needs room as well.
pub const SOURCE_REPOS_LIMIT: usize = 1_200_000;
/// Environments in one AppProject: some 150 kB, for which there is room as well.
pub const ENVIRONMENTS_LIMIT: usize = 2_000;
/// What JSON adds to each: quotes, and a comma.
pub(super) const PER_ITEM: usize = 3;

/// How an AppProject permits a repository.
pub(super) fn pattern(url: &str) -> String {
    source_repo_pattern(url).into_owned()
}

/// Takes repositories beyond [`SOURCE_REPOS_LIMIT`] out of a map of URLs to patterns, lowest rank
/// first, and returns their URLs.
pub(super) fn trim<R: Ord>(
    permitted: &mut BTreeMap<String, String>,
    rank: impl Fn(&str, &str) -> R,
) -> BTreeSet<String> {
    let size = |pattern: &String| pattern.len() + PER_ITEM;
    let mut bytes: usize = permitted.values().map(size).sum();
    if bytes <= SOURCE_REPOS_LIMIT {
        return BTreeSet::new();
    }
    let mut ranked: Vec<String> = permitted.keys().cloned().collect();
    ranked.sort_by_cached_key(|url| (rank(url, &permitted[url]), url.clone()));
    let mut left_out = BTreeSet::new();
    while bytes > SOURCE_REPOS_LIMIT
        && let Some(url) = ranked.pop()
        && let Some(pattern) = permitted.remove(&url)
    {
        bytes -= size(&pattern);
        left_out.insert(url);
    }
    left_out
}

impl Argo {
    /// Takes in an event from the watch of AppProjects.
    pub fn project_seen(&mut self, seen: WatchEvent<AppProject>) -> Vec<Changed> {
        let listed = self.projects_seen.note(&seen, |metadata| metadata.name.clone());
        match seen {
            WatchEvent::Restarted => Vec::new(),
            WatchEvent::Present(project) => self.project_present(&project).into_iter().collect(),
            WatchEvent::Gone(gone) => self.project_gone(&gone.name).into_iter().collect(),
            WatchEvent::Malformed(metadata) => {
                self.project_present(&unreadable(*metadata)).into_iter().collect()
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<String> =
                    self.projects.keys().filter(|name| listed.lacks(name)).cloned().collect();
                missing.iter().filter_map(|name| self.project_gone(name)).collect()
            }
        }
    }

    /// To be held from before a write of an AppProject until [`Self::project_written`].
    pub fn ask_project(&self) -> Asked {
        self.projects_seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn project_written(&mut self, written: &AppProject, asked: Asked) -> Option<Changed> {
        self.projects_seen.is_news(written, asked).then(|| self.project_present(written))?
    }

    /// Takes in what the server has listed by a name.
    pub fn project_listed(
        &mut self,
        listed: DeserializeGuard<AppProject>,
        asked: Asked,
    ) -> Option<Changed> {
        let project = listed.0.unwrap_or_else(|invalid| unreadable(invalid.metadata));
        self.project_written(&project, asked)
    }

    fn project_present(&mut self, project: &AppProject) -> Option<Changed> {
        let name = project.name_any();
        let revision = watch::revision(project);
        if self.projects.get(&name).is_some_and(|known| revision <= known.revision) {
            return None;
        }
        let user = project.annotations().get(crds::names::USERNAME_ANNOTATION).cloned();
        let document = ProjectDocument {
            name: name.clone(),
            user: user.unwrap_or_default(),
            source_repos: project.spec.source_repos.iter().cloned().collect(),
            destinations: project.spec.destinations.clone(),
        };
        let deleting = project.metadata.deletion_timestamp.is_some();
        self.absent_projects.remove(&name);
        self.projects.insert(name.clone(), ProjectEntry { revision, deleting, document });
        Some(Changed::Project(name))
    }

    /// Records that an AppProject is gone.
    pub fn project_gone(&mut self, name: &str) -> Option<Changed> {
        self.projects.remove(name).map(|_| Changed::Project(name.to_owned()))
    }

    /// Takes in that the server has listed no AppProject of this name. `before` is the revision that
    /// was known when it was asked: another one was shown by the watch in the meantime.
    pub fn project_absent(&mut self, name: &str, before: Option<Revision>) -> Option<Changed> {
        if self.project(name).map(|project| project.revision) != before {
            return None;
        }
        self.projects.remove(name);
        self.absent_projects.insert(name.to_owned());
        Some(Changed::Project(name.to_owned()))
    }

    /// Forgets that AppProjects were absent: they are about to be created, or no operation needs to
    /// know any longer.
    pub fn forget_absence<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.absent_projects.remove(name);
        }
    }

    /// An AppProject by its name.
    pub fn project(&self, name: &str) -> Option<&ProjectEntry> {
        self.projects.get(name)
    }

    /// What the AppProject of a user should say.
    ///
    /// It permits what the rows ask for, and what existing Applications still use: a project
    /// permits an Application before it exists and for as long as it does. The rows of environments
    /// stay for as long as Applications that are being deleted need them.
    pub fn wanted_project(&self, user: &ClusterUserId, rows: &Permitted) -> WantedProject {
        let name = project_name(user);
        let existing = self.projects.get(&name).map(|entry| &entry.document);
        let in_use = self.in_use.get(&name);
        let used = in_use.into_iter().flat_map(|uses| uses.keys());
        let mut permitted: BTreeMap<String, String> =
            rows.repositories.iter().chain(used).map(|url| (url.clone(), pattern(url))).collect();
        let is_used = |url: &str| in_use.is_some_and(|uses| uses.contains_key(url));
        let is_known =
            |pattern: &str| existing.is_some_and(|one| one.source_repos.contains(pattern));
        let left_out = trim(&mut permitted, |url, pattern| (!is_used(url), !is_known(pattern)));
        let fitting = rows.environments.len().min(ENVIRONMENTS_LIMIT);
        let (environments, others) = rows.environments.split_at(fitting);
        let names = environments.iter().map(cluster_name).chain([IN_CLUSTER.to_owned()]);
        let destinations = names.map(everywhere_in).collect();
        let document = (!permitted.is_empty()).then(|| ProjectDocument {
            name,
            user: user.as_str().to_owned(),
            source_repos: permitted.into_values().collect(),
            destinations,
        });
        let left_out_environments = others.iter().cloned().collect();
        WantedProject { document, left_out, left_out_environments }
    }

    /// The cluster users that have an AppProject of ours, or an Application of ours that needs one:
    /// Argo CD finalizes none whose AppProject is gone.
    pub fn project_owners(&self) -> BTreeSet<ClusterUserId> {
        let existing = self.projects.values().filter_map(|entry| {
            let owner = ClusterUserId::new(entry.document.user.clone());
            (entry.document.name == project_name(&owner)).then_some(owner)
        });
        let ours = self
            .applications
            .iter()
            .filter(|(name, _)| crds::names::deployment_uid(name).is_some());
        let named = ours.filter_map(|(_, entry)| {
            crds::names::cluster_user_id(&entry.spec.project).map(ClusterUserId::new)
        });
        existing.chain(named).collect()
    }

    /// Whether the AppProject of a user says what it should. Where there should be none, it counts
    /// once it is being deleted, which is not ours to finish, or once the server has listed none.
    pub fn project_matches(&self, user: &ClusterUserId, wanted: &WantedProject) -> bool {
        let name = project_name(user);
        match (&wanted.document, self.projects.get(&name)) {
            (Some(wanted), actual) => actual.is_some_and(|actual| actual.document == *wanted),
            (None, Some(actual)) => actual.deleting,
            (None, None) => self.absent_projects.contains(&name),
        }
    }
}

/// One that cannot be read exists, but says nothing that it should.
fn unreadable(metadata: ObjectMeta) -> AppProject {
    AppProject { metadata, spec: AppProjectSpec::default() }
}

/// Every namespace of a cluster.
fn everywhere_in(name: String) -> Destination {
    Destination { name, namespace: "*".to_owned(), ..Destination::default() }
}

#[cfg(test)]
mod tests {
    use machines::identity::EnvironmentId;

    use super::*;

    #[test]
    fn an_app_project_has_room_for_as_much_as_the_server_accepts() {
        let url = |number: usize| format!("https://git.example.com/{number:036}");
        let room = SOURCE_REPOS_LIMIT / (url(0).len() + PER_ITEM);
        let mut permitted: BTreeMap<String, String> =
            (0..room + 10).map(|number| (url(number), pattern(&url(number)))).collect();
        // The last ones are already in use, so others have to make room.
        let left_out = trim(&mut permitted, |wanted, _| wanted < url(room).as_str());
        assert_eq!((permitted.len(), left_out.len()), (room, 10));
        assert!((room..room + 10).map(url).all(|url| permitted.contains_key(&url)));
        assert_eq!(trim(&mut permitted, |_, _| 0), BTreeSet::new());
        let written: Vec<&String> = permitted.values().collect();
        assert!(serde_json::to_string(&written).unwrap().len() <= SOURCE_REPOS_LIMIT + 2);
    }

    #[test]
    fn an_app_project_permits_environments_in_the_order_of_creation_and_then_its_own_cluster() {
        let user = ClusterUserId::new("user");
        let ids = |numbers: &mut dyn Iterator<Item = usize>| {
            numbers.map(|number| EnvironmentId::new(number.to_string())).collect::<Vec<_>>()
        };
        let repositories = BTreeSet::from(["https://example.com/a".to_owned()]);
        let wanted = |environments: Vec<EnvironmentId>| {
            let rows = Permitted { repositories: repositories.clone(), environments };
            Argo::default().wanted_project(&user, &rows)
        };
        let names = |wanted: &WantedProject| {
            let document = wanted.document.clone().unwrap();
            assert!(document.destinations.iter().all(|one| one.namespace == "*"));
            document.destinations.into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&wanted(Vec::new())), ["in-cluster"]);
        let some = wanted(ids(&mut [2, 1].into_iter()));
        assert_eq!(names(&some), ["managed-env-2", "managed-env-1", "in-cluster"]);
        let many = wanted(ids(&mut (0..ENVIRONMENTS_LIMIT + 2)));
        assert_eq!(names(&many).len(), ENVIRONMENTS_LIMIT + 1);
        let others = ids(&mut (ENVIRONMENTS_LIMIT..ENVIRONMENTS_LIMIT + 2));
        assert_eq!(many.left_out_environments, others.into_iter().collect());
        // An environment alone keeps no AppProject.
        let environments = ids(&mut [1].into_iter());
        let alone = Permitted { repositories: BTreeSet::new(), environments };
        assert_eq!(Argo::default().wanted_project(&user, &alone).document, None);
    }
}
