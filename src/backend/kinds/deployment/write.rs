//! Writes a deployment's object, and takes in the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crds::GitOpsDeployment;
use crds::argocd::ApplicationStatus;
use machines::identity::DeploymentUid;
use machines::kinds::deployment::conditions::{StatusView, next_budget};
use schema::store::StoreError;
use tokio::time::Instant;

use super::effects::{DeploymentEffect, Mirrored};
use super::observe::read_report;
use super::requests::{self, StatusWrite};
use crate::backend::Backend;
use crate::backend::effects::Subject;
use crate::backend::kinds::Key;
use crate::backend::kinds::conditions::write_status;
use crate::backend::observations::Observations;
use crate::kubernetes::ApiError;
use crate::runtime::effects::Outcome;

impl Backend {
    pub(in crate::backend) async fn write_deployment(
        &self,
        effect: &DeploymentEffect,
    ) -> Result<(), ApiError> {
        match effect {
            DeploymentEffect::WriteStatus { uid, view, report } => {
                self.write_status(uid, view, report.as_ref()).await
            }
            DeploymentEffect::RemoveFinalizer { uid } => self.remove_finalizer(uid).await,
        }
    }

    /// What becomes of a write that has failed.
    pub(in crate::backend) fn deployment_write_failed(
        &self,
        effect: &DeploymentEffect,
        error: &ApiError,
    ) -> Outcome {
        match (error, effect) {
            // It would be refused again; the machine requires a smaller one.
            (ApiError::TooLarge(_), DeploymentEffect::WriteStatus { uid, view, .. })
                if next_budget(view.mirror_budget) != view.mirror_budget =>
            {
                let too_large = Observations::too_large(view.mirror_budget);
                self.poke(&Key::Deployment(uid.clone()), too_large);
                Outcome::Pending
            }
            _ => Outcome::Failed,
        }
    }

    async fn write_status(
        &self,
        uid: &DeploymentUid,
        view: &StatusView,
        report: Option<&Mirrored>,
    ) -> Result<(), ApiError> {
        let (key, begun) = (Key::Deployment(uid.clone()), Instant::now());
        let found = self.index().object::<GitOpsDeployment>(&key);
        let (place, object, asked) = found.ok_or(ApiError::Missing)?;
        let report = self.read(report).await?;
        let (has_note, now) = (self.has_note(), self.settings.clock.kubernetes_now());
        let StatusWrite { patch, mirrored, truncated } =
            requests::status_write(uid, &object, view, report.as_deref(), has_note, &now);
        let written = write_status::<GitOpsDeployment>(&self.client, &place, patch).await?;
        self.metrics.status_writes.inc(&[]);
        self.latencies.published(uid, begun, &self.metrics);
        let mut is_known = mirrored.is_none() || mirrored == view.mirrored;
        if let Some(truncated) = truncated {
            self.events.tell(&place, &key, "StatusTruncated", &truncated.message);
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
        let required_again = self.effects.answered(&(key.clone(), Subject::Status));
        let is_news = self.take_in(|index| index.object_written(written, asked));
        if !is_known {
            // The database holds a newer report than the machine knows, or the machine knows it in
            // a different size or form.
            self.poke(&key, Observations::report());
        }
        if !is_news && required_again {
            self.poke(&key, Observations::facts());
        }
        Ok(())
    }

    async fn remove_finalizer(&self, uid: &DeploymentUid) -> Result<(), ApiError> {
        let found = self.index().object::<GitOpsDeployment>(&Key::Deployment(uid.clone()));
        let (place, object, _) = found.ok_or(ApiError::Missing)?;
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
