//! Runs an effect of the backend, and takes in its answer.

use std::sync::Arc;

use machines::kinds::deployment::conditions::next_budget;

use crate::backend::Backend;
use crate::backend::effects::{self, Effect};
use crate::backend::observations::{Key, Observations};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Backend {
    pub(super) async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        match self.try_execute(&effect).await {
            Ok(()) => Outcome::Done,
            // The watch will show what happened to the object.
            Err(ApiError::Missing) => match effect {
                Effect::CreateOperation { .. } => Outcome::Failed,
                Effect::WriteStatus { .. } | Effect::RemoveFinalizer { .. } => Outcome::Pending,
            },
            Err(error) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(subject = ?effect.key(), %error, "a write failed");
                match (error, effect) {
                    // It would be refused again; the machine requires a smaller one.
                    (ApiError::TooLarge(_), Effect::WriteStatus { uid, view, .. })
                        if next_budget(view.mirror_budget) != view.mirror_budget =>
                    {
                        let too_large = Observations::too_large(view.mirror_budget);
                        self.poke(&Key::Deployment(uid), too_large);
                        Outcome::Pending
                    }
                    _ => Outcome::Failed,
                }
            }
        }
    }

    async fn try_execute(&self, effect: &Effect) -> Result<(), ApiError> {
        match effect {
            Effect::CreateOperation { tenant, operation, .. } => {
                let namespace = &self.settings.argocd_namespace;
                effects::create_operation(&self.client, namespace, tenant, operation).await
            }
            Effect::WriteStatus { uid, view, report } => {
                self.write_status(effect, uid, view, report.as_ref()).await
            }
            Effect::RemoveFinalizer { uid } => self.remove_finalizer(uid).await,
        }
    }
}
