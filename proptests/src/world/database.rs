//! What the machines request from the database.

use machines::esr::CredentialEntry;
use machines::rows::{CredentialRow, CredentialRows};

use super::repositories::content;
use super::*;

impl Cluster {
    pub(super) fn write(&mut self, rows: Vec<RowChange>) {
        self.world.writes.row_changes += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        for row in rows {
            self.apply(row);
        }
    }

    pub(super) fn apply(&mut self, row: RowChange) {
        let database = &mut self.world.database;
        match row {
            RowChange::EnsureTenant(rows) => {
                database.users.retain(|one| one.id != rows.user);
                database.users.push(UserEntry { id: rows.user, tenant: rows.tenant });
            }
            RowChange::RemoveTenant(rows) => database.users.retain(|one| one.id != rows.user),
            RowChange::PutApplication(rows) => {
                database.applications.retain(|one| one.id != rows.key.application);
                database.mappings.retain(|one| one.application != rows.key.application);
                database.mappings.push(MappingEntry {
                    deployment: rows.key.deployment.clone(),
                    application: rows.key.application.clone(),
                    name: rows.deployment_name,
                    tenant: rows.key.tenant,
                });
                database.applications.push(ApplicationEntry {
                    id: rows.key.application,
                    deployment: rows.key.deployment,
                    owner: rows.key.user,
                    document: rows.document,
                });
                self.derive_repositories();
            }
            RowChange::RemoveApplication(key) => {
                database.applications.retain(|one| one.id != key.application);
                database.mappings.retain(|one| one.application != key.application);
                let synced =
                    |one: &&mut SyncEntry| one.application.as_ref() == Some(&key.application);
                database.syncs.iter_mut().filter(synced).for_each(|one| one.application = None);
                self.derive_repositories();
            }
            RowChange::RequestOperation(row) => {
                if database.operations.iter().all(|one| one.id != row.id) {
                    database.operations.push(OperationEntry {
                        id: row.id,
                        target: row.target,
                        requester: Some(row.requester),
                        state: OperationState::Waiting,
                    });
                }
            }
            RowChange::Environment(change) => self.apply_environment(change),
            RowChange::Credential(change) => self.apply_credential(change),
            RowChange::SyncRun(change) => self.apply_run(change),
            RowChange::ReportProgress(id, message) => {
                self.messages.insert(id, message);
            }
            RowChange::SetOperationState(id, state) => {
                let rows = database.operations.iter_mut();
                rows.filter(|one| one.id == id).for_each(|one| one.state = state.clone());
            }
        }
    }

    /// What exists is left alone, so that a sync which is to end does not go on.
    fn apply_run(&mut self, change: SyncRunRows) {
        let syncs = &mut self.world.database.syncs;
        match change {
            SyncRunRows::Put(row) => {
                if syncs.iter().any(|one| one.id == row.sync) {
                    return;
                }
                let says = SyncRow { revision: row.revision, is_terminated: false };
                self.sync_rows.insert(row.sync.clone(), says);
                let application = Some(row.application);
                syncs.push(SyncEntry { id: row.sync, run: Some(row.run), application });
            }
            SyncRunRows::Terminate(sync) => {
                let row = self.sync_rows.get_mut(&sync);
                row.into_iter().for_each(|row| row.is_terminated = true);
            }
            SyncRunRows::Remove { sync, .. } => {
                syncs.retain(|one| one.id != sync);
                self.sync_rows.remove(&sync);
            }
        }
    }

    fn apply_credential(&mut self, change: CredentialRows) {
        let rows = &mut self.world.database.credentials;
        match change {
            CredentialRows::Put(row) => {
                let CredentialRow { key, repository, secret_name, secret, .. } = *row;
                rows.retain(|one| one.id != key.id);
                let spec = CredentialSpec { repository: repository.clone(), secret: secret_name };
                rows.push(CredentialEntry {
                    id: key.id,
                    credential: Some(key.uid),
                    owner: key.user,
                    repository,
                    content: Some(content(&spec, &secret)),
                });
            }
            CredentialRows::Remove(key) => rows.retain(|one| one.id != key.id),
        }
        self.derive_repositories();
    }

    /// There is a repository row for each repository that an application or a credential of the owner
    /// uses.
    pub(super) fn derive_repositories(&mut self) {
        let rows = self.world.database.applications.iter();
        let used = rows.map(|row| (&row.owner, &row.document.spec.source.repo_url));
        let credentials = self.world.database.credentials.iter();
        let used = used.chain(credentials.map(|row| (&row.owner, &row.repository)));
        let wanted: BTreeSet<(ClusterUserId, String, String)> = used
            .filter_map(|(owner, written)| {
                Some((owner.clone(), normalise_repo_url(written)?, written.clone()))
            })
            .collect();
        self.world.database.repositories = wanted
            .into_iter()
            .map(|(owner, repo_url, written)| RepositoryEntry { owner, repo_url, written })
            .collect();
    }
}
