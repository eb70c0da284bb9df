//! What is remembered of a repository Secret: what it is compared by, and none of its data.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use machines::identity::{Digest, Revision};
use machines::kinds::repository_credential::CredentialId;
use machines::operation::SecretView;
use schema::sealing::digests::Digester;

use crate::runtime::watch;

/// The key of a repository Secret that names the AppProject that may use it. It is no part of what
/// a credential says.
pub const PROJECT: &str = "project";

/// What is remembered of a repository Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretEntry {
    /// Its UID.
    pub uid: String,
    /// Its revision.
    pub revision: Revision,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The row that it represents, by its label.
    pub row: Option<CredentialId>,
    /// Whether Argo CD takes it for a repository, by its label.
    pub is_repository: bool,
    /// The AppProject that it is for.
    pub project: Option<String>,
    /// The keyed digest of all its other data.
    pub digest: Digest,
}

impl SecretEntry {
    /// What is remembered of this Secret. Without a digester its digest is that of no data.
    pub(super) fn of(secret: &Secret, digester: Option<&Digester>) -> Self {
        let labels = secret.labels();
        let row = labels.get(crds::names::DATABASE_ID_LABEL).filter(|row| !row.is_empty());
        let kind = labels.get(crds::names::ARGO_CD_SECRET_TYPE_LABEL);
        let none = BTreeMap::new();
        let data: &BTreeMap<String, ByteString> = secret.data.as_ref().unwrap_or(&none);
        let compared = data.iter().filter(|(key, _)| *key != PROJECT);
        let compared = compared.map(|(key, value)| (key.as_str(), value.0.as_slice()));
        Self {
            uid: secret.uid().unwrap_or_default(),
            revision: watch::revision(secret),
            deleting: secret.metadata.deletion_timestamp.is_some(),
            row: row.map(CredentialId::new),
            is_repository: kind.is_some_and(|it| it == crds::names::ARGO_CD_REPOSITORY_SECRET),
            // A text that is no AppProject's name stays one that is not.
            project: data.get(PROJECT).map(|it| String::from_utf8_lossy(&it.0).into_owned()),
            digest: digester.map(|digester| digester.digest(compared)).unwrap_or_default(),
        }
    }

    /// What an operation on this row looks at. `project` is the AppProject that the Secret should be
    /// for; `None` if tenants are not isolated.
    pub fn view(&self, row: &CredentialId, project: Option<&str>) -> SecretView {
        SecretView::Present {
            digest: self.digest.clone(),
            in_project: self.is_in_project(row, project),
            deleting: self.deleting,
        }
    }

    /// Whether it says what a row asks for.
    pub fn says(&self, row: &CredentialId, project: Option<&str>, digest: &Digest) -> bool {
        self.is_in_project(row, project) && self.digest == *digest
    }

    /// Whether Argo CD takes it for the repository of this row, for this AppProject and no other.
    fn is_in_project(&self, row: &CredentialId, project: Option<&str>) -> bool {
        self.is_repository && self.row.as_ref() == Some(row) && self.project.as_deref() == project
    }
}
