//! Begins and ends a sync, and takes in the answers.

use machines::identity::ApplicationId;
use machines::operation::application::ApplicationDocument;
use machines::operation::sync::{SyncOperationId, SyncRequest, SyncStage};

use super::requests;
use crate::agent::Agent;
use crate::agent::resources::Effect;
use crate::agent::resources::application::entry::ApplicationEntry;
use crate::kubernetes::ApiError;
use crate::runtime::effects::Outcome;

impl Agent {
    /// Requests a sync, if the Application may still be synced.
    pub(in crate::agent) async fn begin_sync(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        name: &str,
        request: &SyncRequest,
        document: &ApplicationDocument,
    ) -> Result<Outcome, ApiError> {
        let (existing, asked) = {
            let argo = self.argo();
            (argo.application(name).cloned(), argo.ask_application())
        };
        let Some(existing) = existing else {
            return self.seek(effect, row, name).await;
        };
        // What is seen next decides.
        let may_begin = |one: &ApplicationEntry| {
            let is_idle = one.syncs.as_ref().is_some_and(|syncs| {
                syncs.application == request.application
                    && !syncs.knows(&request.sync)
                    && syncs.stage(&request.sync) == SyncStage::Idle
            });
            !one.deleting && is_idle && one.says(row, document)
        };
        if !may_begin(&existing) {
            return Ok(Outcome::Pending);
        }
        let namespace = &self.settings.argocd_namespace;
        let answer = requests::begin(&self.client, namespace, name, &existing, request).await?;
        self.take_in_answer(effect, |argo| argo.application_written(answer, asked));
        Ok(Outcome::Done)
    }

    /// Ends a sync, wherever it is, and keeps a request for it that is still on its way from
    /// beginning it.
    pub(in crate::agent) async fn end_requested_sync(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        name: &str,
        sync: &SyncOperationId,
    ) -> Result<Outcome, ApiError> {
        let (existing, asked) = {
            let argo = self.argo();
            (argo.application(name).cloned(), argo.ask_application())
        };
        let Some(existing) = existing else {
            return self.seek(effect, row, name).await;
        };
        let Some(syncs) = existing.syncs.as_ref().filter(|_| !existing.deleting) else {
            return Ok(Outcome::Pending);
        };
        let (client, namespace) = (&self.client, &self.settings.argocd_namespace);
        let answer = match syncs.stage(sync) {
            SyncStage::Running(_) if existing.held.as_ref().is_none_or(|held| held.has_begun) => {
                requests::terminate(client, namespace, name, &existing).await?
            }
            SyncStage::Running(_) | SyncStage::Requested => {
                requests::withdraw(client, namespace, name, &existing, sync).await?
            }
            SyncStage::Idle | SyncStage::Busy if !syncs.knows(sync) => {
                requests::withdraw(client, namespace, name, &existing, sync).await?
            }
            SyncStage::Idle
            | SyncStage::Busy
            | SyncStage::Comparing { .. }
            | SyncStage::Ended(_) => {
                return Ok(Outcome::Pending);
            }
        };
        self.take_in_answer(effect, |argo| argo.application_written(answer, asked));
        Ok(Outcome::Done)
    }
    /// Asks the server for an Application that the watch does not show.
    async fn seek(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        name: &str,
    ) -> Result<Outcome, ApiError> {
        let operations = self.requiring(effect);
        self.find_application(effect, row, Some(name), operations.first()).await
    }
}
