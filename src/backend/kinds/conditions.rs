//! Conditions between objects and their machines, and how a status is written that has nothing else.

use crds::conditions::{ConditionStatus, Said, StatusCondition, WantedCondition, merge};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use kube::api::{Api, PatchParams};
use machines::identity::Generation;
use machines::shared::condition::Condition;
use serde::Serialize;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::backend::effects::SubjectOf;
use crate::backend::index::objects::{Kind, ObjectEntry, Place};
use crate::backend::observations::Observations;
use crate::kubernetes::{self, ApiError};

/// The conditions of an object, as its machine sees them.
pub(super) fn observed<C: StatusCondition>(conditions: &[C]) -> Vec<Condition> {
    let observed = |condition: &C| {
        let Said { type_, status, reason, message, observed_generation } = condition.said();
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: observed_generation.map(Generation),
        }
    };
    conditions.iter().map(observed).collect()
}

/// The conditions that a machine wants, as its object is to have them: those that say what they said
/// keep their times.
pub(super) fn wanted<C: StatusCondition>(
    conditions: &[Condition],
    known: &[C],
    now: &Time,
) -> Vec<C> {
    let wanted = |condition: &Condition| WantedCondition {
        type_: condition.type_.clone(),
        status: match condition.status.as_str() {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        },
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        observed_generation: condition.observed_generation.map(|generation| generation.0),
    };
    merge(known, &conditions.iter().map(wanted).collect::<Vec<_>>(), now)
}

impl Backend {
    /// The status of a machine's object has these conditions.
    pub(super) async fn write_conditions<K>(
        &self,
        subject: &SubjectOf,
        conditions: &[Condition],
    ) -> Result<(), ApiError>
    where
        K: Kind + Resource<Scope = NamespaceResourceScope>,
        K::Condition: Serialize,
    {
        let (key, _) = subject;
        let (place, object, asked) = self.index().object::<K>(key).ok_or(ApiError::Missing)?;
        let now = self.settings.clock.kubernetes_now();
        let patch = patch(key.uid(), conditions, &object, &now);
        let written = write_status::<K>(&self.client, &place, patch).await?;
        self.metrics.status_writes.inc(&[]);
        let required_again = self.effects.answered(subject);
        let is_news = self.take_in(|index| index.object_written(written, asked));
        if !is_news && required_again {
            self.poke(key, Observations::facts());
        }
        Ok(())
    }
}

/// Writes a status.
pub(super) async fn write_status<K>(
    client: &kube::Client,
    place: &Place,
    patch: Value,
) -> Result<K, ApiError>
where
    K: Kind + Resource<Scope = NamespaceResourceScope>,
{
    let api: Api<K> = Api::namespaced(client.clone(), &place.namespace);
    let patch = kubernetes::json_patch(patch)?;
    api.patch_status(&place.name, &PatchParams::default(), &patch)
        .await
        .map_err(kubernetes::api_error)
}

/// The patch, which fails if the object is a different one by now, or has changed since: one that
/// arrives late would take back what has been said since.
fn patch<K: Kind>(uid: &str, conditions: &[Condition], object: &ObjectEntry<K>, now: &Time) -> Value
where
    K::Condition: Serialize,
{
    let known = object.conditions.as_deref().unwrap_or_default();
    let conditions = wanted(conditions, known, now);
    json!([
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": object.revision.0.to_string()},
        {"op": "add", "path": "/status", "value": {"conditions": conditions}},
    ])
}

#[cfg(test)]
mod tests {
    use crds::{
        GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunCondition, GitOpsDeploymentSyncRunSpec,
    };
    use kube::ResourceExt;
    use kube::api::PostParams;

    use super::*;
    use crate::runtime::watch;
    use crate::test_support;

    #[test]
    fn a_machine_sees_the_conditions_that_it_has_wanted() {
        let condition = |type_: &str, status: &str, observed_generation| Condition {
            observed_generation,
            ..Condition::new(type_, status, "Reason", "a message")
        };
        let conditions = [
            condition("Ready", "True", Some(Generation(2))),
            condition("Stalled", "False", None),
            condition("Succeeded", "Unknown", None),
        ];
        let now = Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
        let written: Vec<GitOpsDeploymentSyncRunCondition> = wanted(&conditions, &[], &now);
        assert_eq!(observed(&written), conditions);
    }

    fn says(status: &str) -> [Condition; 1] {
        [Condition {
            type_: "Succeeded".to_owned(),
            status: status.to_owned(),
            reason: "Reason".to_owned(),
            ..Condition::default()
        }]
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
        let uid = run.uid().expect("a UID");
        let place = Place { namespace: "team".to_owned(), name: "run".to_owned() };
        let mut seen = ObjectEntry::<GitOpsDeploymentSyncRun>::default();
        seen.revision = watch::revision(&run);
        let now = Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
        let late = patch(&uid, &says("Unknown"), &seen, &now);
        let end = patch(&uid, &says("True"), &seen, &now);
        let write = |patch| write_status::<GitOpsDeploymentSyncRun>(&client, &place, patch);
        write(end).await.expect("it says how it ended");
        let refused = write(late).await;
        assert!(matches!(refused, Err(ApiError::Outdated(_))), "{refused:?}");
        let status = api.get("run").await.expect("it is there").status.expect("a status");
        assert_eq!(status.conditions[0].status, "True");
    }
}
