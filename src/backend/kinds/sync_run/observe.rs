//! From resources as the API shows them to what the machines observe.

use crds::{GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunCondition};
use machines::identity::{Digest, Generation, Timestamp};
use machines::kinds::sync_run::{SyncRunSnapshot, SyncRunSpec, SyncRunUid};

use crate::backend::index::Index;
use crate::backend::index::namespaces::Namespaces;
use crate::backend::index::objects::{Kind, Objects};
use crate::backend::kinds::conditions::observed;
use crate::backend::kinds::{Key, ObjectSnapshot};
use crate::runtime::watch;

impl Kind for GitOpsDeploymentSyncRun {
    type Condition = GitOpsDeploymentSyncRunCondition;

    fn key(uid: &str) -> Key {
        Key::SyncRun(SyncRunUid::new(uid))
    }

    fn snapshot(&self) -> ObjectSnapshot {
        ObjectSnapshot::SyncRun(Box::new(snapshot(self)))
    }

    fn conditions(self) -> Option<Vec<GitOpsDeploymentSyncRunCondition>> {
        Some(self.status?.conditions)
    }

    fn objects(index: &mut Index) -> (&mut Objects<Self>, &Namespaces) {
        (&mut index.objects.sync_runs, &index.namespaces)
    }
}

/// What a GitOpsDeploymentSyncRun looks like to its machine.
pub fn snapshot(object: &GitOpsDeploymentSyncRun) -> SyncRunSnapshot {
    let status = object.status.clone().unwrap_or_default();
    let created = object.metadata.creation_timestamp.as_ref();
    SyncRunSnapshot {
        revision: watch::revision(object),
        generation: Generation(object.metadata.generation.unwrap_or_default()),
        created: created
            .map(|time| time.0.as_millisecond())
            .map_or_else(Timestamp::default, Timestamp::from_millis),
        deleting: object.metadata.deletion_timestamp.is_some(),
        spec: SyncRunSpec {
            deployment_name: object.spec.gitops_deployment_name.clone(),
            revision: object.spec.revision_id.clone(),
        },
        conditions: observed(&status.conditions),
    }
}

/// Digests everything in a snapshot except its revision.
pub fn digest(snapshot: &SyncRunSnapshot) -> Digest {
    let SyncRunSnapshot { revision: _, generation, created, deleting, spec, conditions } = snapshot;
    Digest::of(&(generation, created, deleting, spec, conditions))
}
