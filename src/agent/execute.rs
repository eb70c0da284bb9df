//! Runs an effect of the agent, and takes in its answer.

use std::sync::Arc;

use machines::identity::{ApplicationId, OperationId};
use machines::operation::application::{ApplicationDocument, project_name};

use crate::agent::argo::{Argo, Changed};
use crate::agent::decide::Observations;
use crate::agent::effect::{Effect, Ending};
use crate::agent::{Agent, effect};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Agent {
    pub(super) async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        match self.try_execute(&effect).await {
            Ok(outcome) => outcome,
            Err(ApiError::Refused(text) | ApiError::TooLarge(text)) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(subject = ?effect.key(), text, "a write was refused");
                for id in self.requiring(&effect) {
                    self.poke(
                        &id,
                        Observations { refused: Some(text.clone()), ..Observations::default() },
                    );
                }
                Outcome::Pending
            }
            Err(error) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(subject = ?effect.key(), %error, "a write failed");
                Outcome::Failed
            }
        }
    }

    /// The operations that require an effect.
    fn requiring(&self, effect: &Effect) -> Vec<OperationId> {
        match effect {
            Effect::WriteProject { user, .. } => {
                self.open().concerned(&Changed::Project(project_name(user)))
            }
            Effect::WriteApplication { operation, .. } => vec![operation.clone()],
            Effect::RemoveApplication { operation, .. } => operation.iter().cloned().collect(),
            // A refusal to delete an Operation CR concerns nobody but whoever runs the cluster.
            Effect::RemoveOperation { .. } => Vec::new(),
        }
    }

    async fn try_execute(&self, effect: &Effect) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        match effect {
            Effect::WriteProject { user, wanted } => {
                let name = project_name(user);
                let (exists, asked) = {
                    let argo = self.argo();
                    (argo.project(&name).is_some(), argo.ask_project())
                };
                let written = match wanted {
                    Some(wanted) => {
                        let write = effect::write_project(&self.client, namespace, wanted, exists);
                        Some(write.await?)
                    }
                    None => {
                        effect::remove_project(&self.client, namespace, &name).await?;
                        None
                    }
                };
                self.take_in_answer(effect, |argo| match written {
                    Some(written) => argo.project_written(&written, asked).into_iter().collect(),
                    None => argo.project_gone(&name).into_iter().collect(),
                });
                Ok(Outcome::Done)
            }
            Effect::WriteApplication { row, document, .. } => {
                self.write_application(effect, row, document).await
            }
            Effect::RemoveApplication { row, name, operation } => {
                self.remove_application(effect, row, name.as_deref(), operation.as_ref()).await
            }
            Effect::RemoveOperation { operation } => {
                let sighting = self.open().resources.get(operation).copied();
                effect::remove_operation(&self.client, namespace, operation).await?;
                self.effects.answered(&effect.key());
                if self.open().is_absent(operation, sighting) {
                    self.poke(
                        operation,
                        Observations { resource_absent: true, ..Observations::default() },
                    );
                    return Ok(Outcome::Done);
                }
                // It still requires the removal.
                self.poke(operation, Observations::default());
                Ok(Outcome::Pending)
            }
        }
    }

    async fn write_application(
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
                effect::end_sync(&self.client, namespace, name, existing, Ending::Any).await?;
            }
            return Ok(Outcome::Pending);
        }
        let mut answers = Vec::new();
        if !existing.is_some_and(|existing| existing.is_written(row, document)) {
            let client = &self.client;
            let written = effect::write_application(client, row, document, existing, knows_refresh);
            answers.push(written.await?);
        }
        // Afterwards, or Argo CD would begin the next one with what it had before.
        if let Some(existing) = existing.filter(|existing| existing.works_on_another(document)) {
            let ended =
                effect::end_sync(&self.client, namespace, name, existing, Ending::Automated);
            answers.extend(ended.await?);
        }
        self.take_in_answer(effect, |argo| {
            let answers = answers.into_iter();
            answers.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }

    async fn remove_application(
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
            deleting = effect::remove_application(client, namespace, &name, &existing).await?;
        }
        if existing.sync.is_some() {
            effect::end_sync(&self.client, namespace, &name, &existing, Ending::Any).await?;
        }
        self.take_in_answer(effect, |argo| {
            let deleting = deleting.into_iter();
            deleting.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }

    /// Takes in the answer to what an effect has written. Where it is no news, those that require it are
    /// stepped all the same if they did so once more meanwhile: see [`EffectQueue::answered`].
    fn take_in_answer(&self, effect: &Effect, note: impl FnOnce(&mut Argo) -> Vec<Changed>) {
        let required_again = self.effects.answered(&effect.key());
        let is_news = self.take_in(note);
        if !is_news && required_again {
            for id in self.requiring(effect) {
                self.poke(&id, Observations::default());
            }
        }
    }
}
