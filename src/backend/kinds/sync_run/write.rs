//! Writes a sync run's status.

use crds::GitOpsDeploymentSyncRun;
use machines::kinds::sync_run::SyncRunUid;
use machines::kinds::sync_run::status::SyncRunView;

use crate::backend::Backend;
use crate::backend::effects::{Subject, SubjectOf};
use crate::backend::kinds::Key;
use crate::kubernetes::ApiError;

/// The status of a sync run's object says this.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncRunEffect {
    /// The run.
    pub uid: SyncRunUid,
    /// What it says.
    pub view: SyncRunView,
}

impl SyncRunEffect {
    /// Which machine requires it, and what it is about.
    pub fn key(&self) -> SubjectOf {
        (Key::SyncRun(self.uid.clone()), Subject::Status)
    }
}

impl Backend {
    pub(in crate::backend) async fn write_sync_run(
        &self,
        effect: &SyncRunEffect,
    ) -> Result<(), ApiError> {
        let conditions = &effect.view.conditions;
        self.write_conditions::<GitOpsDeploymentSyncRun>(&effect.key(), conditions).await
    }
}
