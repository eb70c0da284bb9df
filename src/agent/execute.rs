//! Runs an effect of the agent, and takes in its answer.

use std::sync::Arc;

use machines::identity::OperationId;
use machines::operation::application::project_name;

use crate::agent::Agent;
use crate::agent::argo::{Argo, Changed};
use crate::agent::batch::Observations;
use crate::agent::effects::{self, Effect};
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
    pub(super) fn requiring(&self, effect: &Effect) -> Vec<OperationId> {
        match effect {
            Effect::WriteProject { user, .. } => {
                self.open().concerned(&Changed::Project(project_name(user)))
            }
            Effect::WriteApplication { operation, .. } => vec![operation.clone()],
            Effect::RemoveApplication { operation, .. } => operation.iter().cloned().collect(),
            // A refusal to delete an Operation CR concerns only the cluster's administrators.
            Effect::RemoveOperation { .. } => Vec::new(),
        }
    }

    async fn try_execute(&self, effect: &Effect) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        match effect {
            Effect::WriteProject { user, wanted } => {
                self.write_project(effect, user, wanted.as_deref()).await
            }
            Effect::WriteApplication { row, document, .. } => {
                self.write_application(effect, row, document).await
            }
            Effect::RemoveApplication { row, name, operation, .. } => {
                self.remove_application(effect, row, name.as_deref(), operation.as_ref()).await
            }
            Effect::RemoveOperation { operation } => {
                let sighting = self.open().resources.get(operation).copied();
                effects::remove_operation(&self.client, namespace, operation).await?;
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

    /// Takes in the answer to an effect's write. If it is no news, the operations that require it
    /// are still stepped if they required it again in the meantime: see [`EffectQueue::answered`].
    pub(super) fn take_in_answer(
        &self,
        effect: &Effect,
        note: impl FnOnce(&mut Argo) -> Vec<Changed>,
    ) {
        let required_again = self.effects.answered(&effect.key());
        let is_news = self.take_in(note);
        if !is_news && required_again {
            for id in self.requiring(effect) {
                self.poke(&id, Observations::default());
            }
        }
    }
}
