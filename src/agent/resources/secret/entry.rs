//! What is remembered of a Secret of ours: what it is compared by, and none of its data.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use machines::identity::{Digest, Revision};
use machines::operation::SecretView;
use schema::sealing::digests::Digester;

use super::row::SecretRow;
use crate::runtime::watch;

/// The key that names the AppProject that may use what a Secret tells of. It is no part of what a row
/// says.
pub const PROJECT: &str = "project";

/// What is remembered of a Secret of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretEntry {
    /// Its UID.
    pub uid: String,
    /// Its revision.
    pub revision: Revision,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The key of the row that it represents, by its label.
    pub row: Option<String>,
    /// What Argo CD takes it for, by its label.
    pub kind: Option<String>,
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
            row: row.cloned(),
            kind: kind.cloned(),
            // A text that is no AppProject's name stays one that is not.
            project: data.get(PROJECT).map(|it| String::from_utf8_lossy(&it.0).into_owned()),
            digest: digester.map(|digester| digester.digest(compared)).unwrap_or_default(),
        }
    }

    /// What an operation on this row looks at. `project` is the AppProject that the Secret should be
    /// for; `None` if tenants are not isolated.
    pub fn view(&self, row: &SecretRow, project: Option<&str>) -> SecretView {
        SecretView::Present {
            digest: self.digest.clone(),
            in_project: self.is_in_project(row, project),
            deleting: self.deleting,
        }
    }

    /// Whether it says what a row asks for.
    pub fn says(&self, row: &SecretRow, project: Option<&str>, digest: &Digest) -> bool {
        self.is_in_project(row, project) && self.digest == *digest
    }

    /// Whether Argo CD takes it for what this row is about, for this AppProject and no other.
    fn is_in_project(&self, row: &SecretRow, project: Option<&str>) -> bool {
        self.kind.as_deref() == Some(row.kind())
            && self.row.as_deref() == Some(row.as_str())
            && self.project.as_deref() == project
    }
}
