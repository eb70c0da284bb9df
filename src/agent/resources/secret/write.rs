//! Writes and removes a Secret of Argo CD's, and takes in the answers.

use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::DeserializeGuard;
use machines::identity::OperationId;
use schema::store::{RepositoryAccess, StoreError};

use super::requests::{self, SecretData};
use super::row::SecretRow;
use crate::agent::Agent;
use crate::agent::batch::Observations;
use crate::agent::resources::Effect;
use crate::kubernetes::{self, ApiError};
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Agent {
    pub(in crate::agent) async fn write_secret(
        &self,
        effect: &Effect,
        row: &SecretRow,
        project: Option<&str>,
        operation: &OperationId,
    ) -> Result<Outcome, ApiError> {
        match self.secret_data(row).await {
            Ok(Some(said)) => self.put_secret(effect, row, &said, project).await,
            // The row is gone: the operation reads that, and removes the Secret. Until it does, this
            // is tried again with pauses.
            Ok(None) => {
                self.poke(operation, Observations::default());
                Ok(Outcome::Failed)
            }
            Err(error) => {
                let name = row.name();
                tracing::warn!(name, %error, "what a Secret should say could not be read");
                Ok(Outcome::Failed)
            }
        }
    }

    /// What the row says; `None` if there is no such row.
    async fn secret_data(&self, row: &SecretRow) -> Result<Option<SecretData>, StoreError> {
        match row {
            SecretRow::Cluster(row) => {
                let access = self.store.environment_access(row).await?;
                Ok(access.map(|access| access.data(row)))
            }
            SecretRow::Repository(row) => {
                let access = self.store.repository_access(row).await?;
                Ok(access.map(|access| repository_data(&access)))
            }
        }
    }

    /// Writes what the row says.
    pub(in crate::agent) async fn put_secret(
        &self,
        effect: &Effect,
        row: &SecretRow,
        said: &SecretData,
        project: Option<&str>,
    ) -> Result<Outcome, ApiError> {
        let (client, namespace) = (&self.client, &self.settings.argocd_namespace);
        let (is_known, asked) = {
            let argo = self.argo();
            (argo.secret(row).is_some(), argo.ask_secret())
        };
        let create = || requests::create_secret(client, namespace, row, said, project);
        let created = if is_known { None } else { Some(create().await) };
        let written = match created {
            Some(Ok(created)) => created,
            Some(Err(error)) if !matches!(error, ApiError::AlreadyExists(_)) => return Err(error),
            // What there is may differ from what the watch shows: one that has lost its label is not
            // shown at all.
            Some(Err(_)) | None => match self.find_secret(row).await? {
                None => create().await?,
                // It is created again once it is gone.
                Some(found) if found.deletion_timestamp.is_some() => return Ok(Outcome::Failed),
                Some(found) => {
                    requests::correct_secret(client, namespace, &found, row, said, project).await?
                }
            },
        };
        self.take_in_answer(effect, |argo| argo.secret_written(&written, asked));
        Ok(Outcome::Done)
    }

    /// Deletes the Secret with the name of this row's, whether the watch shows it or not; that there
    /// is none counts once the server says so.
    pub(in crate::agent) async fn remove_secret(
        &self,
        effect: &Effect,
        row: &SecretRow,
        operation: Option<&OperationId>,
    ) -> Result<Outcome, ApiError> {
        let revision = || self.argo().secret(row).map(|entry| entry.revision);
        let mut before = revision();
        let mut found = self.find_secret(row).await?;
        if let Some(existing) = found.as_ref().filter(|found| found.deletion_timestamp.is_none()) {
            let namespace = &self.settings.argocd_namespace;
            requests::remove_secret(&self.client, namespace, existing).await?;
            before = revision();
            found = self.find_secret(row).await?;
        }
        if let Some(found) = found {
            let (name, finalizers) = (row.name(), found.finalizers.unwrap_or_default());
            tracing::warn!(name, ?finalizers, "finalizers of others keep a Secret of Argo CD's");
            return Ok(Outcome::Failed);
        }
        self.effects.answered(&effect.key());
        self.take_in(|argo| argo.secret_absent(row, before));
        if let Some(operation) = operation {
            let absent = Observations { secret_absent: true, ..Observations::default() };
            self.poke(operation, absent);
        }
        Ok(Outcome::Done)
    }

    /// The Secret with the name of this row's, whatever the watch shows.
    pub(in crate::agent) async fn find_secret(
        &self,
        row: &SecretRow,
    ) -> Result<Option<ObjectMeta>, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let name = row.name();
        let found: Vec<DeserializeGuard<Secret>> =
            kubernetes::list_named(&self.client, namespace, &name).await?;
        Ok(found.into_iter().next().map(|found| found.meta().clone()))
    }
}

/// What a repository Secret says.
pub(in crate::agent) fn repository_data(access: &RepositoryAccess) -> SecretData {
    access.data().map(|(key, value)| (key, value.to_owned().into())).collect()
}
