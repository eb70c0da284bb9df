//! From resources as the API shows them to what the machines observe.

use crds::GitOpsDeploymentManagedEnvironment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use machines::identity::{Digest, Generation};
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::{EnvironmentSnapshot, EnvironmentUid};
use machines::shared::redaction::redacted_url;

use crate::backend::index::Index;
use crate::backend::index::namespaces::Namespaces;
use crate::backend::index::objects::{Kind, Objects};
use crate::backend::kinds::conditions::observed;
use crate::backend::kinds::{Key, ObjectSnapshot};
use crate::runtime::watch;

impl Kind for GitOpsDeploymentManagedEnvironment {
    type Condition = v1::Condition;

    fn key(uid: &str) -> Key {
        Key::Environment(EnvironmentUid::new(uid))
    }

    fn snapshot(&self) -> ObjectSnapshot {
        ObjectSnapshot::Environment(Box::new(snapshot(self)))
    }

    fn conditions(self) -> Option<Vec<v1::Condition>> {
        Some(self.status?.conditions)
    }

    fn objects(index: &mut Index) -> (&mut Objects<Self>, &Namespaces) {
        (&mut index.objects.environments, &index.namespaces)
    }
}

/// What a GitOpsDeploymentManagedEnvironment looks like to its machine.
pub fn snapshot(object: &GitOpsDeploymentManagedEnvironment) -> EnvironmentSnapshot {
    let status = object.status.clone().unwrap_or_default();
    let spec = &object.spec;
    EnvironmentSnapshot {
        revision: watch::revision(object),
        generation: Generation(object.metadata.generation.unwrap_or_default()),
        deleting: object.metadata.deletion_timestamp.is_some(),
        spec: EnvironmentSpec {
            // Nothing after this line can repeat a password.
            api_url: redacted_url(&spec.api_url).into_owned(),
            secret: spec.credentials_secret.clone(),
            skips_tls_verification: spec.allow_insecure_skip_tls_verify,
            creates_account: spec.create_new_service_account,
            namespaces: spec.namespaces.clone(),
            cluster_resources: spec.cluster_resources,
        },
        conditions: observed(&status.conditions),
    }
}

/// Digests everything in a snapshot except its revision.
pub fn digest(snapshot: &EnvironmentSnapshot) -> Digest {
    let EnvironmentSnapshot { revision: _, generation, deleting, spec, conditions } = snapshot;
    Digest::of(&(generation, deleting, spec, conditions))
}

#[cfg(test)]
mod tests {
    use crds::GitOpsDeploymentManagedEnvironmentSpec;

    use super::*;

    #[test]
    fn a_password_in_the_url_is_not_repeated() {
        let spec = GitOpsDeploymentManagedEnvironmentSpec {
            api_url: "https://me:hunter2@api.example.com:6443".to_owned(),
            ..GitOpsDeploymentManagedEnvironmentSpec::default()
        };
        let seen = snapshot(&GitOpsDeploymentManagedEnvironment::new("cluster", spec));
        assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
        assert!(seen.spec.api_url.contains('@'), "what is wrong with it is still seen: {seen:?}");
    }
}
