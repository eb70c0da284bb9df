//! Writes a sync run's status, and takes in the answer.

use crds::GitOpsDeploymentSyncRun;
use crds::conditions::{ConditionStatus, WantedCondition, merge};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, PatchParams};
use machines::kinds::sync_run::SyncRunUid;
use machines::kinds::sync_run::status::SyncRunView;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::backend::effects::{Subject, SubjectOf};
use crate::backend::index::objects::{ObjectEntry, Place};
use crate::backend::kinds::Key;
use crate::backend::observations::Observations;
use crate::kubernetes::{self, ApiError};

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
        let (key, _) = effect.key();
        let found = self.index().object::<GitOpsDeploymentSyncRun>(&key);
        let (place, object, asked) = found.ok_or(ApiError::Missing)?;
        let now = self.settings.clock.kubernetes_now();
        let written = write_status(&self.client, &place, patch(effect, &object, &now)).await?;
        self.metrics.status_writes.inc();
        let required_again = self.effects.answered(&effect.key());
        let is_news = self.take_in(|index| index.object_written(written, asked));
        if !is_news && required_again {
            self.poke(&key, Observations::facts());
        }
        Ok(())
    }
}

async fn write_status(
    client: &kube::Client,
    place: &Place,
    patch: Value,
) -> Result<GitOpsDeploymentSyncRun, ApiError> {
    let api: Api<GitOpsDeploymentSyncRun> = Api::namespaced(client.clone(), &place.namespace);
    let patch = kubernetes::json_patch(patch)?;
    api.patch_status(&place.name, &PatchParams::default(), &patch)
        .await
        .map_err(kubernetes::api_error)
}

/// The patch, which fails if the object is a different one by now, or has changed since: one that
/// arrives late would take back what the run has said about its end.
fn patch(
    effect: &SyncRunEffect,
    object: &ObjectEntry<GitOpsDeploymentSyncRun>,
    now: &Time,
) -> Value {
    let wanted: Vec<WantedCondition> = effect
        .view
        .conditions
        .iter()
        .map(|condition| WantedCondition {
            type_: condition.type_.clone(),
            status: match condition.status.as_str() {
                "True" => ConditionStatus::True,
                "False" => ConditionStatus::False,
                _ => ConditionStatus::Unknown,
            },
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            observed_generation: condition.observed_generation.map(|generation| generation.0),
        })
        .collect();
    let known = object.conditions.as_deref().unwrap_or_default();
    let conditions = merge(known, &wanted, now);
    json!([
        {"op": "test", "path": "/metadata/uid", "value": effect.uid.as_str()},
        {"op": "test", "path": "/metadata/resourceVersion", "value": object.revision.0.to_string()},
        {"op": "add", "path": "/status", "value": {"conditions": conditions}},
    ])
}

#[cfg(test)]
mod tests {
    use crds::GitOpsDeploymentSyncRunSpec;
    use kube::ResourceExt;
    use kube::api::PostParams;
    use machines::shared::condition::Condition;

    use super::*;
    use crate::runtime::watch;
    use crate::test_support;

    fn says(uid: &SyncRunUid, status: &str) -> SyncRunEffect {
        let succeeded = Condition {
            type_: "Succeeded".to_owned(),
            status: status.to_owned(),
            reason: "Reason".to_owned(),
            ..Condition::default()
        };
        let view = SyncRunView { conditions: vec![succeeded] };
        SyncRunEffect { uid: uid.clone(), view }
    }

    #[tokio::test]
    async fn a_status_that_arrives_late_does_not_take_back_the_end() {
        let client = test_support::api_server(crds::all(), "team").await;
        let api: Api<GitOpsDeploymentSyncRun> = Api::namespaced(client.clone(), "team");
        let spec = GitOpsDeploymentSyncRunSpec {
            gitops_deployment_name: "app".to_owned(),
            revision_id: String::new(),
        };
        let run = GitOpsDeploymentSyncRun::new("run", spec);
        let run = api.create(&PostParams::default(), &run).await.expect("it is created");
        let uid = SyncRunUid::new(run.uid().expect("a UID"));
        let place = Place { namespace: "team".to_owned(), name: "run".to_owned() };
        let mut seen = ObjectEntry::default();
        seen.revision = watch::revision(&run);
        let now = Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
        let late = patch(&says(&uid, "Unknown"), &seen, &now);
        let end = patch(&says(&uid, "True"), &seen, &now);
        write_status(&client, &place, end).await.expect("it says how it ended");
        let refused = write_status(&client, &place, late).await;
        assert!(matches!(refused, Err(ApiError::Outdated(_))), "{refused:?}");
        let status = api.get("run").await.expect("it is there").status.expect("a status");
        assert_eq!(status.conditions[0].status, "True");
    }
}
