//! Writes and removes a repository Secret, and takes in the answers.

use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::DeserializeGuard;
use machines::identity::OperationId;
use machines::kinds::repository_credential::CredentialId;
use schema::store::RepositoryAccess;

use super::requests;
use crate::agent::Agent;
use crate::agent::batch::Observations;
use crate::agent::resources::Effect;
use crate::kubernetes::{self, ApiError};
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Agent {
    pub(in crate::agent) async fn write_secret(
        &self,
        effect: &Effect,
        row: &CredentialId,
        project: Option<&str>,
        operation: &OperationId,
    ) -> Result<Outcome, ApiError> {
        match self.store.repository_access(row).await {
            Ok(Some(access)) => self.put_secret(effect, row, &access, project).await,
            // The row is gone: the operation reads that, and removes the Secret. Until it does, this
            // is tried again with pauses.
            Ok(None) => {
                self.poke(operation, Observations::default());
                Ok(Outcome::Failed)
            }
            Err(error) => {
                let row = row.as_str();
                tracing::warn!(row, %error, "a repository credential could not be read");
                Ok(Outcome::Failed)
            }
        }
    }

    /// Writes what the row says.
    pub(in crate::agent) async fn put_secret(
        &self,
        effect: &Effect,
        row: &CredentialId,
        access: &RepositoryAccess,
        project: Option<&str>,
    ) -> Result<Outcome, ApiError> {
        let (client, namespace) = (&self.client, &self.settings.argocd_namespace);
        let (is_known, asked) = {
            let argo = self.argo();
            (argo.secret(row).is_some(), argo.ask_secret())
        };
        let create = || requests::create_secret(client, namespace, row, access, project);
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
                    requests::correct_secret(client, namespace, &found, row, access, project)
                        .await?
                }
            },
        };
        self.take_in_answer(effect, |argo| {
            argo.secret_written(&written, asked).into_iter().collect()
        });
        Ok(Outcome::Done)
    }

    /// Deletes the Secret with the name of this row's, whether the watch shows it or not; that there
    /// is none counts once the server says so.
    pub(in crate::agent) async fn remove_secret(
        &self,
        effect: &Effect,
        row: &CredentialId,
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
            let (row, finalizers) = (row.as_str(), found.finalizers.unwrap_or_default());
            tracing::warn!(row, ?finalizers, "finalizers of others keep a repository Secret");
            return Ok(Outcome::Failed);
        }
        self.effects.answered(&effect.key());
        self.take_in(|argo| argo.secret_absent(row, before).into_iter().collect());
        if let Some(operation) = operation {
            let absent = Observations { secret_absent: true, ..Observations::default() };
            self.poke(operation, absent);
        }
        Ok(Outcome::Done)
    }

    /// The Secret with the name of this row's, whatever the watch shows.
    async fn find_secret(&self, row: &CredentialId) -> Result<Option<ObjectMeta>, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let name = crds::names::repository_secret_name(row.as_str());
        let found: Vec<DeserializeGuard<Secret>> =
            kubernetes::list_named(&self.client, namespace, &name).await?;
        Ok(found.into_iter().next().map(|found| found.meta().clone()))
    }
}
