//! The operations that still exist, by what concerns them.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use machines::identity::{ApplicationId, ClusterUserId, OperationId};
use machines::operation::OperationPhase;
use machines::operation::application::project_name;
use machines::rows::Target;
use tokio::time::Instant;

use crate::agent::argo::Changed;
use crate::agent::batch::FollowUp;
use crate::agent::resources::project::entry::ProjectDocument;
use crate::agent::resources::secret::row::SecretRow;
use crate::metrics::{Scrape, table};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OpenOperations {
    /// All of them.
    pub(super) by_id: HashMap<OperationId, OpenOperation>,
    /// By the rows whose Applications they look at.
    by_row: HashMap<ApplicationId, BTreeSet<OperationId>>,
    /// By the rows whose Secrets they look at.
    by_secret: HashMap<SecretRow, BTreeSet<OperationId>>,
    /// By the name of the Application, which cannot be changed.
    by_name: HashMap<String, BTreeSet<OperationId>>,
    /// By the names of the AppProjects of their owners.
    pub(super) by_project: HashMap<String, BTreeSet<OperationId>>,
    /// Those of them that wait for the AppProject: few compared with all that one tenant may have
    /// open.
    awaiting_project: HashMap<String, BTreeSet<OperationId>>,
    /// The Operation CRs known to exist, each with the number of its last sighting.
    pub(super) resources: HashMap<OperationId, u64>,
    sightings: u64,
    /// What the AppProjects of their owners should say, as last computed. All operations that
    /// require the same one share it: it may be large, and they are many.
    projects: HashMap<ClusterUserId, Option<Arc<ProjectDocument>>>,
}

/// One of them.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenOperation {
    /// Whose turn it is; the label of its CR.
    pub(super) tenant: String,
    /// What it is about, once known.
    target: Option<Target>,
    /// The row whose Application it looks at, once known.
    application: Option<ApplicationId>,
    /// The name of its Application, once known.
    name: Option<String>,
    /// Its owner, once known.
    owner: ClusterUserId,
    /// Since when it is known here.
    since: Option<Instant>,
    /// What it is doing; `None` if it has ended, and only its CR is left.
    stage: Option<Stage>,
}

/// What an operation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was not looked at yet.
    Unclaimed,
    /// Its AppProject is written, before or after everything else.
    Project,
    /// Something is written.
    Writing,
    /// Something is removed, which may wait for Argo CD.
    Removing,
    /// It follows a sync, which lasts as long as Argo CD takes.
    Syncing,
}

impl Stage {
    /// All of them, as they are counted.
    pub const NAMES: [&'static str; 5] = ["unclaimed", "project", "writing", "removing", "syncing"];

    /// Of a machine; `None` if it has ended.
    pub fn of(phase: &OperationPhase) -> Option<Self> {
        match phase {
            OperationPhase::Unclaimed {} => Some(Self::Unclaimed),
            OperationPhase::PreparingProject { .. } | OperationPhase::TidyingProject { .. } => {
                Some(Self::Project)
            }
            OperationPhase::Writing { .. } | OperationPhase::WritingSecret { .. } => {
                Some(Self::Writing)
            }
            OperationPhase::Deleting { .. } | OperationPhase::RemovingSecret { .. } => {
                Some(Self::Removing)
            }
            OperationPhase::AwaitingApplication { .. }
            | OperationPhase::RequestingSync { .. }
            | OperationPhase::Syncing { .. }
            | OperationPhase::EndingSync { .. } => Some(Self::Syncing),
            OperationPhase::Completed { .. }
            | OperationPhase::Failed { .. }
            | OperationPhase::Collected {} => None,
        }
    }
}

impl OpenOperations {
    /// Says how many have not ended, and how old they are.
    pub(super) fn measure(&self, scrape: &mut Scrape) {
        let mut counts = [0; Stage::NAMES.len()];
        let mut ages = [Duration::ZERO; Stage::NAMES.len()];
        for one in self.by_id.values() {
            let (Some(stage), Some(since)) = (one.stage, one.since) else { continue };
            counts[stage as usize] += 1;
            ages[stage as usize] = ages[stage as usize].max(since.elapsed());
        }
        for ((name, count), age) in Stage::NAMES.into_iter().zip(counts).zip(ages) {
            scrape.count(&table::OPERATIONS_OPEN, &[name], count);
            scrape.put(&table::OPERATIONS_OLDEST, &[name], age.as_secs_f64());
        }
    }

    /// Notes that an operation is open; returns whether that is news.
    pub(super) fn note(&mut self, id: &OperationId, tenant: &str) -> bool {
        let known = self.by_id.contains_key(id);
        let unclaimed = || OpenOperation {
            since: Some(Instant::now()),
            stage: Some(Stage::Unclaimed),
            ..OpenOperation::default()
        };
        let entry = self.by_id.entry(id.clone()).or_insert_with(unclaimed);
        if entry.tenant.is_empty() {
            entry.tenant = tenant.to_owned();
        }
        !known
    }

    /// Notes that the watch shows an Operation CR.
    pub(super) fn sighted(&mut self, id: &OperationId) {
        self.sightings += 1;
        self.resources.insert(id.clone(), self.sightings);
    }

    /// Notes that a CR does not exist, by the answer to a request made when `sighting` was its
    /// last. One seen since was created in the meantime: the backend that creates it may be slower
    /// than the agent that did what it asks for.
    pub(super) fn is_absent(&mut self, id: &OperationId, sighting: Option<u64>) -> bool {
        let absent = self.resources.get(id).copied() == sighting;
        if absent {
            self.resources.remove(id);
        }
        absent
    }

    /// Notes what concerns an operation from now on; returns whether something did not before.
    pub(super) fn update(&mut self, follow_up: &FollowUp) -> bool {
        let FollowUp { id, target, application, application_name, owner, stage, .. } = follow_up;
        let awaits_project = follow_up.awaits_project;
        let entry = self.by_id.entry(id.clone()).or_default();
        entry.target.clone_from(target);
        entry.application.clone_from(application);
        entry.name.clone_from(application_name);
        entry.owner = owner.clone();
        entry.stage = *stage;
        if let Some(name) = application_name {
            self.by_name.entry(name.clone()).or_default().insert(id.clone());
        }
        let mut is_new = application
            .as_ref()
            .is_some_and(|row| self.by_row.entry(row.clone()).or_default().insert(id.clone()));
        if let Some(row) = target.as_ref().and_then(SecretRow::of) {
            is_new |= self.by_secret.entry(row).or_default().insert(id.clone());
        }
        let project = project_name(owner);
        if awaits_project {
            let awaiting = self.awaiting_project.entry(project.clone()).or_default();
            is_new |= awaiting.insert(id.clone());
        } else {
            remove_from(&mut self.awaiting_project, &project, id);
        }
        self.by_project.entry(project).or_default().insert(id.clone());
        is_new
    }

    /// Forgets an operation that is gone.
    pub(super) fn forget(&mut self, id: &OperationId) {
        let Some(entry) = self.by_id.remove(id) else { return };
        if let Some(row) = &entry.application {
            remove_from(&mut self.by_row, row, id);
        }
        if let Some(row) = entry.target.as_ref().and_then(SecretRow::of) {
            remove_from(&mut self.by_secret, &row, id);
        }
        if let Some(name) = &entry.name {
            remove_from(&mut self.by_name, name, id);
        }
        let project = project_name(&entry.owner);
        remove_from(&mut self.awaiting_project, &project, id);
        remove_from(&mut self.by_project, &project, id);
    }

    /// Whether an operation writes or removes the Application of a row.
    pub(super) fn writes(&self, row: &ApplicationId) -> bool {
        let mut ids = self.by_row.get(row).into_iter().flatten();
        let target = Target::Application(row.clone());
        ids.any(|id| self.by_id.get(id).is_some_and(|one| one.target.as_ref() == Some(&target)))
    }

    /// Whether an operation writes or removes the Secret of a row.
    pub(super) fn writes_secret(&self, row: &SecretRow) -> bool {
        self.by_secret.contains_key(row)
    }

    /// Whether an operation of this owner waits for the AppProject.
    pub(super) fn awaits_project(&self, owner: &ClusterUserId) -> bool {
        self.awaiting_project.contains_key(&project_name(owner))
    }

    /// Notes what the AppProject of an owner should say; `None` where there should be none.
    pub(super) fn note_project(&mut self, owner: &ClusterUserId, wanted: Option<ProjectDocument>) {
        let known = self.projects.entry(owner.clone()).or_default();
        if known.as_deref() != wanted.as_ref() {
            *known = wanted.map(Arc::new);
        }
    }

    /// What the AppProject of an owner should say.
    pub(super) fn project(&self, owner: &ClusterUserId) -> Option<Arc<ProjectDocument>> {
        self.projects.get(owner).cloned().flatten()
    }

    /// Forgets the AppProjects of these owners, except where one has an open operation; returns their
    /// names.
    pub(super) fn forget_idle<'a>(
        &mut self,
        owners: impl Iterator<Item = &'a ClusterUserId>,
    ) -> Vec<String> {
        let mut idle = Vec::new();
        for owner in owners {
            let name = project_name(owner);
            if !self.by_project.contains_key(&name) {
                self.projects.remove(owner);
                idle.push(name);
            }
        }
        idle
    }

    /// The operations that something concerns.
    pub(super) fn concerned(&self, changed: &Changed) -> Vec<OperationId> {
        match changed {
            Changed::Application { row, name, .. } => {
                let by_row = row.as_ref().and_then(|row| self.by_row.get(row));
                let by_name = self.by_name.get(name);
                let ids: BTreeSet<&OperationId> =
                    by_row.into_iter().chain(by_name).flatten().collect();
                ids.into_iter().cloned().collect()
            }
            Changed::Project(name) => {
                self.awaiting_project.get(name).into_iter().flatten().cloned().collect()
            }
            Changed::Secret(row) => {
                self.by_secret.get(row).into_iter().flatten().cloned().collect()
            }
        }
    }
}

/// Takes an operation out of an index; one without operations has no entry.
fn remove_from<K: Eq + Hash>(
    index: &mut HashMap<K, BTreeSet<OperationId>>,
    key: &K,
    id: &OperationId,
) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use machines::identity::DeploymentUid;
    use machines::operation::application::application_name;
    use machines::rows::Requester;

    use super::*;

    fn follow_up(id: &str, awaits_project: bool) -> FollowUp {
        FollowUp {
            id: OperationId::new(id),
            target: Some(Target::Application(ApplicationId::new(format!("row-{id}")))),
            application: Some(ApplicationId::new(format!("row-{id}"))),
            application_name: Some(application_name(&DeploymentUid::new(id))),
            owner: ClusterUserId::new("owner"),
            requester: Some(Requester::Deployment(DeploymentUid::new(id))),
            gone: false,
            stage: Some(Stage::Writing),
            completed: false,
            failed: false,
            concerns_requester: false,
            awaits_project,
            revisions: [None; 2],
            wake_at: None,
            obligations: Vec::new(),
            insist: false,
        }
    }

    #[test]
    fn a_cr_created_during_its_removal_is_not_taken_for_absent() {
        let mut open = OpenOperations::default();
        let id = OperationId::new("one");
        let before = open.resources.get(&id).copied();
        open.sighted(&id);
        assert!(!open.is_absent(&id, before));
        let before = open.resources.get(&id).copied();
        assert!(open.is_absent(&id, before));
        assert!(open.resources.is_empty());
    }

    #[test]
    fn an_operation_is_found_by_what_concerns_it_until_it_is_forgotten() {
        let mut open = OpenOperations::default();
        let owner = ClusterUserId::new("owner");
        let project = Changed::Project(project_name(&owner));
        for id in ["one", "two"] {
            assert!(open.note(&OperationId::new(id), "tenant"));
            assert!(!open.note(&OperationId::new(id), "tenant"));
            open.update(&follow_up(id, true));
        }
        assert_eq!(open.concerned(&project).len(), 2);
        open.update(&follow_up("one", false));
        assert_eq!(open.concerned(&project), [OperationId::new("two")]);
        let application = Changed::Application {
            row: None,
            name: application_name(&DeploymentUid::new("one")),
            project: String::new(),
            status: None,
        };
        assert_eq!(open.concerned(&application), [OperationId::new("one")]);
        for id in ["one", "two"] {
            assert!(open.by_project.contains_key(&project_name(&owner)));
            open.forget(&OperationId::new(id));
        }
        assert!(!open.awaits_project(&owner));
        let empty = open.by_id.is_empty() && open.by_row.is_empty() && open.by_name.is_empty();
        assert!(empty && open.by_project.is_empty() && open.awaiting_project.is_empty());
    }
}
