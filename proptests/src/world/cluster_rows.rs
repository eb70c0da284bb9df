//! The rows of managed environments, and the Secrets that Argo CD reads of them.

use machines::esr::{ArgoCluster, EnvironmentEntry};
use machines::identity::EnvironmentId;
use machines::kinds::managed_environment::ClusterCredentialsId;
use machines::operation::{OperationRecord, SecretView};
use machines::rows::{EnvironmentRow, EnvironmentRows};

use super::clusters::Access;
use super::repositories::SPOILS;
use super::*;

impl Cluster {
    pub(super) fn apply_environment(&mut self, change: EnvironmentRows) {
        match change {
            EnvironmentRows::Put(row) => self.put_environment(*row),
            EnvironmentRows::Detach(id) => self.detach(&id),
            EnvironmentRows::Remove(key) => {
                self.detach(&key.id);
                self.world.database.environments.retain(|one| one.id != key.id);
                self.clusters.accesses.remove(&key.id);
            }
            EnvironmentRows::Forget(credentials) => {
                self.clusters.tokens.remove(&credentials);
            }
        }
        self.note_left_credentials();
    }

    fn put_environment(&mut self, row: EnvironmentRow) {
        let EnvironmentRow { key, credentials, spec, told, .. } = row;
        let rows = &mut self.world.database.environments;
        let entry = EnvironmentEntry {
            id: key.id.clone(),
            environment: Some(key.uid),
            owner: key.user,
            api_url: spec.api_url.clone(),
            namespaces: spec.joined_namespaces(),
            content: Some(told),
        };
        match rows.iter_mut().find(|one| one.id == entry.id) {
            Some(known) => *known = entry,
            None => rows.push(entry),
        }
        self.clusters.accesses.insert(key.id, Access { credentials, spec });
    }

    /// Whoever has checked a token writes it with the row.
    pub(super) fn write_token(&mut self, row: &EnvironmentRow, token: &str) {
        self.clusters.tokens.insert(row.credentials.clone(), token.to_owned());
    }

    /// The applications that deploy to an environment deploy nowhere.
    fn detach(&mut self, id: &EnvironmentId) {
        let name = cluster_name(id);
        for row in &mut self.world.database.applications {
            let destination = &mut row.document.spec.destination.name;
            if *destination == name {
                destination.clear();
            }
        }
    }

    /// Of which credentials there is a row, but no environment and no machine that needs them.
    fn note_left_credentials(&mut self) {
        let accesses = &self.clusters.accesses;
        let is_left =
            |id: &&ClusterCredentialsId| accesses.values().all(|one| one.credentials != **id);
        let left = self.clusters.tokens.keys().filter(is_left).cloned().collect();
        self.world.database.left_cluster_credentials = left;
    }
}

// === Argo CD's Secrets ===

impl Cluster {
    /// Whether the row of an environment cannot be read without keys.
    pub(super) fn is_environment_locked(&self, id: &EnvironmentId) -> bool {
        !self.repositories.has_keys && self.wanted_cluster(id).is_some()
    }

    /// What the row of an environment asks for.
    pub(super) fn wanted_cluster(&self, id: &EnvironmentId) -> Option<Digest> {
        let mut rows = self.world.database.environments.iter();
        rows.find(|row| row.id == *id)?.content.clone()
    }

    fn argo_cluster(&self, row: &EnvironmentId) -> Option<&ArgoCluster> {
        self.world.argocd.clusters.iter().find(|one| one.row == *row)
    }

    /// What an operation sees of the cluster Secret that it is about.
    pub(super) fn cluster_view(&self, operation: &OperationRecord) -> Option<SecretView> {
        let row = operation.environment()?;
        let Some(found) = self.argo_cluster(row) else { return Some(SecretView::Absent) };
        Some(SecretView::Present {
            digest: found.content.clone(),
            in_project: found.labelled && found.project == self.project_for(&operation.owner),
            deleting: false,
        })
    }

    /// Writes what the row says by now; returns whether that changed anything.
    pub(super) fn write_cluster(&mut self, row: &EnvironmentId, owner: &ClusterUserId) -> bool {
        let Some(content) = self.wanted_cluster(row).filter(|_| self.repositories.has_keys) else {
            return false;
        };
        self.clusters.spoiled.remove(row);
        let token = self.clusters.token_of_row(row).cloned().unwrap_or_default();
        self.clusters.delivered.insert(row.clone(), token);
        let project = self.project_for(owner);
        let wanted = ArgoCluster { row: row.clone(), labelled: true, project, content };
        if self.argo_cluster(row) == Some(&wanted) {
            return false;
        }
        let secrets = &mut self.world.argocd.clusters;
        secrets.retain(|one| one.row != *row);
        secrets.push(wanted);
        true
    }

    pub(super) fn remove_cluster(&mut self, row: &EnvironmentId) -> bool {
        self.clusters.spoiled.remove(row);
        self.clusters.delivered.remove(row);
        let secrets = &mut self.world.argocd.clusters;
        let before = secrets.len();
        secrets.retain(|one| one.row != *row);
        secrets.len() != before
    }

    pub(super) fn spoil_cluster(&mut self, which: u8, how: u8) {
        let secrets = &mut self.world.argocd.clusters;
        let Some(row) = pick(secrets.iter().map(|one| one.row.clone()), which) else { return };
        for one in secrets.iter_mut().filter(|one| one.row == row) {
            match how % SPOILS {
                1 => one.content = Digest::new("by hand"),
                2 => one.project = Some("another".to_owned()),
                _ => one.labelled = false,
            }
        }
        if how.is_multiple_of(SPOILS) {
            secrets.retain(|one| one.row != row);
        }
        if how % SPOILS < 2 {
            // Argo CD no longer has the token.
            self.clusters.delivered.remove(&row);
        }
        self.clusters.spoiled.insert(row);
    }

    /// The rows whose cluster Secrets others have changed, and that are still there.
    pub(super) fn spoiled_clusters(&self) -> Vec<EnvironmentId> {
        let has_row = |row: &&EnvironmentId| self.wanted_cluster(row).is_some();
        self.clusters.spoiled.iter().filter(has_row).cloned().collect()
    }

    /// Whether no cluster Secret says what another client has written.
    pub(super) fn are_clusters_unspoiled(&self) -> bool {
        self.clusters.spoiled.is_empty()
    }

    /// Forgets those of which nothing is left.
    pub(super) fn forget_spoiled_clusters(&mut self) {
        let mut spoiled = std::mem::take(&mut self.clusters.spoiled);
        let is_left = |row: &EnvironmentId| {
            self.wanted_cluster(row).is_some() || self.argo_cluster(row).is_some()
        };
        spoiled.retain(is_left);
        self.clusters.spoiled = spoiled;
    }
}
