//! Runs an effect of the backend, and takes in its answer.

use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::effects::{self, Effect, Subject};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, QueuedEffect};
use crate::trace::Span;

impl Backend {
    pub(super) async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        let span = self.span(&effect);
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
        if let Some(span) = span {
            span.end(done.is_err());
        }
        let Err(error) = done else { return Outcome::Done };
        match (&error, &effect) {
            // The watch will show what happened to the object.
            (ApiError::Missing, Effect::Object(_)) => return Outcome::Pending,
            (ApiError::Missing, _) => return Outcome::Failed,
            _ => {}
        }
        self.metrics.failed_writes.inc(&[]);
        tracing::warn!(subject = ?effect.key(), %error, "a write failed");
        match &effect {
            Effect::CreateOperation { .. } | Effect::AnnounceChange { .. } => Outcome::Failed,
            Effect::Object(effect) => effect.failed(&self, &error),
        }
    }
    /// The span of an effect that belongs to a trace.
    fn span(&self, effect: &Effect) -> Option<Span> {
        let trace = &self.settings.trace;
        match effect {
            Effect::CreateOperation { operation, .. } => trace.span("operation.create", operation),
            Effect::AnnounceChange { operation, .. } => trace.span("operation.announce", operation),
            Effect::Object(effect) => match effect.key() {
                (key, Subject::Status) => trace.span_of("status.write", key.uid()),
                (_, Subject::Operation | Subject::Finalizer | Subject::Event) => None,
            },
        }
    }
}
