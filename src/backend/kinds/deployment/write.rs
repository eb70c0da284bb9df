//! Writes a deployment's object, and takes in the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crds::argocd::ApplicationStatus;
use machines::identity::DeploymentUid;
use machines::kinds::deployment::conditions::StatusView;
use schema::store::StoreError;

use super::observe::read_report;
use super::requests::{self, StatusWrite};
use crate::backend::Backend;
use crate::backend::effects::{Effect, Mirrored};
use crate::backend::observations::{Key, Observations};
use crate::kubernetes::ApiError;
use crate::runtime::effects::QueuedEffect;

impl Backend {
    pub(in crate::backend) async fn write_status(
        &self,
        effect: &Effect,
        uid: &DeploymentUid,
        view: &StatusView,
        report: Option<&Mirrored>,
    ) -> Result<(), ApiError> {
        let ((place, object), asked) = {
            let index = self.index();
            (index.object(uid).ok_or(ApiError::Missing)?, index.ask())
        };
        let report = self.read(report).await?;
        let (has_note, now) = (self.has_note(), self.settings.clock.kubernetes_now());
        let StatusWrite { patch, mirrored, truncated } =
            requests::status_write(uid, &object, view, report.as_deref(), has_note, &now);
        let written = requests::write_status(&self.client, &place, patch).await?;
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
            // a different size or form.
            self.poke(&Key::Deployment(uid.clone()), Observations::report());
        }
        if !is_news && required_again {
            self.poke(&Key::Deployment(uid.clone()), Observations::facts());
        }
        Ok(())
    }

    pub(in crate::backend) async fn remove_finalizer(
        &self,
        uid: &DeploymentUid,
    ) -> Result<(), ApiError> {
        let (place, object) = self.index().object(uid).ok_or(ApiError::Missing)?;
        requests::remove_finalizer(&self.client, uid, &place, &object).await
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
        let status = blob.and_then(|blob| read_report(blob, application.as_str()));
        Ok(status.map(Arc::new))
    }
}
