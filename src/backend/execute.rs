//! Runs an effect of the backend, and takes in its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crds::argocd::ApplicationStatus;
use machines::kinds::deployment::conditions::{StatusView, next_budget};
use schema::store::StoreError;

use crate::backend::effect::{Action, Effect, Mirrored, StatusWrite};
use crate::backend::observations::Observations;
use crate::backend::{Backend, decide, effect};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, QueuedEffect};

impl Backend {
    pub(super) async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        match self.try_execute(&effect).await {
            Ok(()) => Outcome::Done,
            // The watch will show what has become of the object.
            Err(ApiError::Missing) => match effect.action {
                Action::CreateOperation { .. } => Outcome::Failed,
                Action::WriteStatus { .. } | Action::RemoveFinalizer => Outcome::Pending,
            },
            Err(error) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(uid = effect.uid.as_str(), %error, "a write failed");
                match (error, effect.action) {
                    // It would be refused again; the machine requires a smaller one.
                    (ApiError::TooLarge(_), Action::WriteStatus { view, .. })
                        if next_budget(view.mirror_budget) != view.mirror_budget =>
                    {
                        self.poke(&effect.uid, Observations::too_large(view.mirror_budget));
                        Outcome::Pending
                    }
                    _ => Outcome::Failed,
                }
            }
        }
    }

    async fn try_execute(&self, effect: &Effect) -> Result<(), ApiError> {
        let uid = &effect.uid;
        match &effect.action {
            Action::CreateOperation { tenant, operation } => {
                let namespace = &self.settings.argocd_namespace;
                effect::create_operation(&self.client, namespace, tenant, operation).await
            }
            Action::WriteStatus { view, report } => {
                self.write_status(effect, view, report.as_ref()).await
            }
            Action::RemoveFinalizer => {
                let (place, object) = self.index().object(uid).ok_or(ApiError::Missing)?;
                effect::remove_finalizer(&self.client, uid, &place, &object).await
            }
        }
    }

    async fn write_status(
        &self,
        effect: &Effect,
        view: &StatusView,
        report: Option<&Mirrored>,
    ) -> Result<(), ApiError> {
        let uid = &effect.uid;
        let ((place, object), asked) = {
            let index = self.index();
            (index.object(uid).ok_or(ApiError::Missing)?, index.ask())
        };
        let report = self.read(report).await?;
        let (has_note, now) = (self.has_note(), self.settings.clock.kubernetes_now());
        let StatusWrite { patch, mirrored, truncated } =
            effect::status_write(uid, &object, view, report.as_deref(), has_note, &now);
        let written = effect::write_status(&self.client, &place, patch).await?;
        self.metrics.status_writes.inc();
        let mut is_known = mirrored.is_none() || mirrored == view.mirrored;
        if let Some(truncated) = truncated {
            self.events.tell(&place, uid, "StatusTruncated", &truncated.message);
            let shown = written.status.as_ref().and_then(|status| status.truncated.as_ref());
            if has_note && shown.is_none() {
                tracing::warn!(
                    "the installed CustomResourceDefinitions lose `status.truncated`: \
                    apply those that `managed-gitops crds` prints, and restart"
                );
                self.loses_note.store(true, Ordering::Relaxed);
                is_known = false;
            }
        }
        let required_again = self.effects.answered(&effect.key());
        let is_news = self.take_in(|index| index.object_written(written, asked));
        if !is_known {
            // The database holds a newer report than the machine knows, or the machine knows it in
            // another size or form.
            self.poke(uid, Observations::report());
        }
        if !is_news && required_again {
            self.poke(uid, Observations::facts());
        }
        Ok(())
    }

    async fn read(
        &self,
        mirrored: Option<&Mirrored>,
    ) -> Result<Option<Arc<ApplicationStatus>>, ApiError> {
        let application = match mirrored {
            None => return Ok(None),
            Some(Mirrored::Read(status)) => return Ok(Some(Arc::clone(status))),
            Some(Mirrored::Unread(application)) => application,
        };
        let unavailable = |error: StoreError| ApiError::Unavailable(error.to_string());
        let blobs = self.store.reports([application]).await.map_err(unavailable)?;
        let blob = blobs.get(application);
        let status = blob.and_then(|blob| decide::read_report(blob, application.as_str()));
        Ok(status.map(Arc::new))
    }
}
