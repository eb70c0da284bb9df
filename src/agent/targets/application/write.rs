//! Writes and removes an Application, and takes in the answers.

use machines::identity::{ApplicationId, OperationId};
use machines::operation::application::ApplicationDocument;

use super::requests::{self, Ending};
use crate::agent::Agent;
use crate::agent::batch::Observations;
use crate::agent::effects::Effect;
use crate::kubernetes::ApiError;
use crate::runtime::effects::Outcome;

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
            // It is written anew once it has gone.
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
            answers.push(written.await?);
        }
        // Afterwards, or Argo CD would begin the next one with what it had before.
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
            if let Some(operation) = operation {
                self.poke(operation, Observations::default());
            }
            return Ok(Outcome::Done);
        };
        let mut deleting = None;
        if !existing.deleting {
            let client = &self.client;
            deleting = requests::remove_application(client, namespace, &name, &existing).await?;
        }
        if existing.sync.is_some() {
            requests::end_sync(&self.client, namespace, &name, &existing, Ending::Any).await?;
        }
        self.take_in_answer(effect, |argo| {
            let deleting = deleting.into_iter();
            deleting.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }
}
