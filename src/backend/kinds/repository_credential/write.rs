//! Writes a repository credential's status.

use crds::GitOpsDeploymentRepositoryCredential;
use machines::kinds::repository_credential::CredentialUid;
use machines::kinds::repository_credential::status::CredentialView;

use crate::backend::Backend;
use crate::backend::effects::{Subject, SubjectOf};
use crate::backend::kinds::Key;
use crate::kubernetes::ApiError;

/// The status of a repository credential's object says this.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialEffect {
    /// The credential.
    pub uid: CredentialUid,
    /// What it says.
    pub view: CredentialView,
}

impl CredentialEffect {
    /// Which machine requires it, and what it is about.
    pub fn key(&self) -> SubjectOf {
        (Key::Credential(self.uid.clone()), Subject::Status)
    }
}

impl Backend {
    pub(in crate::backend) async fn write_credential(
        &self,
        effect: &CredentialEffect,
    ) -> Result<(), ApiError> {
        let conditions = &effect.view.conditions;
        self.write_conditions::<GitOpsDeploymentRepositoryCredential>(&effect.key(), conditions)
            .await
    }
}
