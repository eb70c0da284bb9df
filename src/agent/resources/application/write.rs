//! Writes and removes an Application, and takes in the answers.

use crds::argocd::Application;
use kube::core::DeserializeGuard;
use machines::identity::{ApplicationId, EnvironmentId, OperationId};
use machines::operation::application::ApplicationDocument;

use super::requests::{self, Ending};
use crate::agent::Agent;
use crate::agent::batch::Observations;
use crate::agent::resources::Effect;
use crate::agent::resources::secret::row::SecretRow;
use crate::kubernetes::{self, ApiError};
use crate::runtime::effects::{Outcome, QueuedEffect};
use crate::runtime::sightings::Asked;

impl Agent {
    pub(in crate::agent) async fn write_application(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        document: &ApplicationDocument,
    ) -> Result<Outcome, ApiError> {
        let ApplicationDocument { name, namespace, .. } = document;
        let (existing, asked, knows_refresh) = {
            let argo = self.argo();
            (argo.application(name).cloned(), argo.ask_application(), argo.knows_refresh())
        };
        let existing = existing.as_ref();
        if let Some(existing) = existing.filter(|existing| existing.deleting) {
            // It is written again once it is gone.
            if existing.sync.is_some() {
                requests::end_sync(&self.client, namespace, name, existing, Ending::Any).await?;
            }
            return Ok(Outcome::Pending);
        }
        let mut answers = Vec::new();
        if !existing.is_some_and(|existing| existing.is_written(row, document)) {
            let client = &self.client;
            let written =
                requests::write_application(client, row, document, existing, knows_refresh);
            match written.await {
                Ok(written) => answers.push(written),
                Err(ApiError::AlreadyExists(_)) if existing.is_none() => {
                    return self.look_up_application(effect, namespace, name).await;
                }
                Err(error) => return Err(error),
            }
        }
        // Afterwards, or Argo CD would start the next one with the old spec.
        if let Some(existing) = existing.filter(|existing| existing.works_on_another(document)) {
            let ended =
                requests::end_sync(&self.client, namespace, name, existing, Ending::Automated);
            answers.extend(ended.await?);
        }
        self.take_in_answer(effect, |argo| {
            let answers = answers.into_iter();
            answers.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }

    pub(in crate::agent) async fn remove_application(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        name: Option<&str>,
        operation: Option<&OperationId>,
    ) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let (application, asked) = {
            let argo = self.argo();
            (argo.application_to_remove(row, name), argo.ask_application())
        };
        let Some((name, existing)) = application else {
            return self.find_application(effect, row, name, operation).await;
        };
        let mut deleting = None;
        if !existing.deleting {
            if !self.can_be_resolved(&existing.spec.destination.name).await? {
                // It is tried again with pauses.
                return Ok(Outcome::Failed);
            }
            let client = &self.client;
            deleting = requests::remove_application(client, namespace, &name, &existing).await?;
        }
        if existing.sync.is_some() || existing.held.is_some() {
            requests::end_sync(&self.client, namespace, &name, &existing, Ending::Any).await?;
        }
        if deleting.is_none() && !existing.deleting {
            // It was gone already, or went at once; the watch may be silent about it.
            return self.find_application(effect, row, Some(&name), operation).await;
        }
        self.take_in_answer(effect, |argo| {
            let deleting = deleting.into_iter();
            deleting.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }

    /// Whether Argo CD can resolve a destination, or never will. It drops an Application whose cluster it
    /// cannot find, and leaves what was deployed there: while the environment exists, its Secret comes
    /// back, and the Application is deleted after that.
    async fn can_be_resolved(&self, destination: &str) -> Result<bool, ApiError> {
        let Some(row) = crds::names::managed_environment_id(destination) else { return Ok(true) };
        let row = EnvironmentId::new(row);
        let secret = SecretRow::Cluster(row.clone());
        let (is_shown, is_ambiguous) = {
            let argo = self.argo();
            (argo.secret(&secret).is_some(), !argo.rivals(&row).is_empty())
        };
        // Until the watch has shown everything, the server is asked.
        let exists = is_shown
            || (!self.watches.secrets.is_synced() && self.find_secret(&secret).await?.is_some());
        if exists && !is_ambiguous {
            return Ok(true);
        }
        // One that cannot be opened exists all the same.
        let is_gone = matches!(self.store.environment_access(&row).await, Ok(None));
        if !is_gone {
            let row = row.as_str();
            tracing::warn!(row, is_ambiguous, "an Application waits for its cluster Secret");
        }
        Ok(is_gone)
    }

    /// Asks the server for an Application that the watch has not shown, before a removal counts as
    /// complete.
    pub(in crate::agent) async fn find_application(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        name: Option<&str>,
        operation: Option<&OperationId>,
    ) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let (asked, before) = {
            let argo = self.argo();
            (argo.ask_application(), argo.application_to_remove(row, name))
        };
        let found = match name {
            Some(name) => kubernetes::list_named(&self.client, namespace, name).await?,
            None => requests::list_labelled(&self.client, namespace, row).await?,
        };
        if found.is_empty() {
            self.effects.answered(&effect.key());
            if let Some((name, before)) = before {
                self.take_in(|argo| argo.application_absent(&name, before.revision));
            }
            if let Some(operation) = operation {
                let absent = Observations { application_absent: true, ..Observations::default() };
                self.poke(operation, absent);
            }
            return Ok(Outcome::Done);
        }
        Ok(self.take_in_listed(effect, found, asked))
    }

    /// What was to be created exists: learns what it says. The operation's next step decides
    /// whether that is what is wanted.
    async fn look_up_application(
        &self,
        effect: &Effect,
        namespace: &str,
        name: &str,
    ) -> Result<Outcome, ApiError> {
        let asked = self.argo().ask_application();
        let found = kubernetes::list_named(&self.client, namespace, name).await?;
        Ok(self.take_in_listed(effect, found, asked))
    }

    fn take_in_listed(
        &self,
        effect: &Effect,
        found: Vec<DeserializeGuard<Application>>,
        asked: Asked,
    ) -> Outcome {
        self.effects.answered(&effect.key());
        let is_news = self.take_in(|argo| {
            found.into_iter().flat_map(|one| argo.application_listed(one, asked)).collect()
        });
        // News steps the operations that it concerns. Anything else was shown by the watch in the
        // meantime, or belongs to another one.
        if is_news { Outcome::Pending } else { Outcome::Failed }
    }
}
