//! From resources as the API shows them to what the machines observe.

use crds::GitOpsDeploymentRepositoryCredential;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use machines::identity::{Digest, Generation};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::{CredentialSnapshot, CredentialUid};
use machines::shared::redaction::redacted_url;

use crate::backend::index::Index;
use crate::backend::index::namespaces::Namespaces;
use crate::backend::index::objects::{Kind, Objects};
use crate::backend::kinds::conditions::observed;
use crate::backend::kinds::{Key, ObjectSnapshot};
use crate::runtime::watch;

impl Kind for GitOpsDeploymentRepositoryCredential {
    type Condition = v1::Condition;

    fn key(uid: &str) -> Key {
        Key::Credential(CredentialUid::new(uid))
    }

    fn snapshot(&self) -> ObjectSnapshot {
        ObjectSnapshot::Credential(Box::new(snapshot(self)))
    }

    fn conditions(self) -> Option<Vec<v1::Condition>> {
        Some(self.status?.conditions)
    }

    fn objects(index: &mut Index) -> (&mut Objects<Self>, &Namespaces) {
        (&mut index.objects.credentials, &index.namespaces)
    }
}

/// What a GitOpsDeploymentRepositoryCredential looks like to its machine.
pub fn snapshot(object: &GitOpsDeploymentRepositoryCredential) -> CredentialSnapshot {
    let status = object.status.clone().unwrap_or_default();
    CredentialSnapshot {
        revision: watch::revision(object),
        generation: Generation(object.metadata.generation.unwrap_or_default()),
        deleting: object.metadata.deletion_timestamp.is_some(),
        spec: CredentialSpec {
            // Nothing after this line can repeat a password.
            repository: redacted_url(&object.spec.repository).into_owned(),
            secret: object.spec.secret.clone(),
        },
        conditions: observed(&status.conditions),
    }
}

/// Digests everything in a snapshot except its revision.
pub fn digest(snapshot: &CredentialSnapshot) -> Digest {
    let CredentialSnapshot { revision: _, generation, deleting, spec, conditions } = snapshot;
    Digest::of(&(generation, deleting, spec, conditions))
}
