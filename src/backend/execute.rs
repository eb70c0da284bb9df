//! Runs an effect of the backend, and takes in its answer.

use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::effects::{self, Effect};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Backend {
    pub(super) async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        let done = match &effect {
            Effect::CreateOperation { tenant, operation, .. } => {
                let namespace = &self.settings.argocd_namespace;
                effects::create_operation(&self.client, namespace, tenant, operation).await
            }
            Effect::AnnounceChange { tenant, operation, .. } => {
                let namespace = &self.settings.argocd_namespace;
                let now = self.settings.clock.now();
                effects::announce_change(&self.client, namespace, tenant, operation, now).await
            }
            Effect::Object(effect) => effect.write(&self).await,
        };
        let Err(error) = done else { return Outcome::Done };
        match (&error, &effect) {
            // The watch will show what happened to the object.
            (ApiError::Missing, Effect::Object(_)) => return Outcome::Pending,
            (ApiError::Missing, _) => return Outcome::Failed,
            _ => {}
        }
        self.metrics.failed_writes.inc();
        tracing::warn!(subject = ?effect.key(), %error, "a write failed");
        match &effect {
            Effect::CreateOperation { .. } | Effect::AnnounceChange { .. } => Outcome::Failed,
            Effect::Object(effect) => effect.failed(&self, &error),
        }
    }
}
