//! Runs an effect of the agent, and takes in its answer.

use std::sync::Arc;

use crate::agent::Agent;
use crate::agent::argo::{Argo, Changed};
use crate::agent::batch::Observations;
use crate::agent::resources::secret::row::SecretRow;
use crate::agent::resources::{Effect, Subject};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, QueuedEffect};
use crate::trace::Span;

/// What is said of a refused Secret in the place of the server's text.
fn secret_refused(row: &SecretRow) -> String {
    format!(
        "the Kubernetes API refuses Argo CD's {} Secret; a quota or an admission policy of Argo CD's \
         namespace may be in the way",
        row.kind()
    )
}

impl Agent {
    pub(super) async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        let span = self.span(&effect);
        let written = self.write(&effect).await;
        if let Some(span) = span {
            span.end(written.is_err());
        }
        match written {
            Ok(outcome) => outcome,
            Err(ApiError::Refused(text) | ApiError::TooLarge(text)) => {
                self.metrics.failed_writes.inc(&[]);
                // A policy may quote what it refuses.
                let text = match effect.key() {
                    Subject::Secret(row) => secret_refused(&row),
                    _ => text,
                };
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
                self.metrics.failed_writes.inc(&[]);
                tracing::warn!(subject = ?effect.key(), %error, "a write failed");
                Outcome::Failed
            }
        }
    }

    /// The span of an effect, in the trace of the operation that requires it; the first of several.
    fn span(&self, effect: &Effect) -> Option<Span> {
        if !self.settings.trace.is_on() {
            return None;
        }
        let operation = match effect {
            Effect::RemoveOperation { operation } => operation.clone(),
            _ => self.requiring(effect).into_iter().next()?,
        };
        let name = match effect {
            Effect::WriteProject { .. } => "project.write",
            Effect::WriteApplication { .. } => "application.write",
            Effect::RemoveApplication { .. } => "application.remove",
            Effect::WriteSecret { .. } => "secret.write",
            Effect::RemoveSecret { .. } => "secret.remove",
            Effect::BeginSync { .. } => "sync.request",
            Effect::SeekApplication { .. } => "application.seek",
            Effect::EndSync { .. } => "sync.end",
            Effect::RemoveOperation { .. } => "operation.delete",
        };
        Some(self.settings.trace.span(name, &operation)?.within_operation())
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
