//! What is written to a deployment's object: its status, and that our finalizer goes.

use crds::argocd::{ApplicationStatus, Truncated};
use crds::{GitOpsDeployment, GitOpsDeploymentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, PatchParams};
use machines::identity::{DeploymentUid, Digest};
use machines::kinds::deployment::conditions::StatusView;
use serde_json::{Value, json};

use super::status_fields;
use crate::backend::index::objects::{self, Place};
use crate::backend::kinds::conditions::wanted;
use crate::kubernetes::{self, ApiError};

/// What is remembered of a deployment's object.
pub type ObjectEntry = objects::ObjectEntry<GitOpsDeployment>;

/// Removes our finalizer and leaves all others.
pub async fn remove_finalizer(
    client: &kube::Client,
    uid: &DeploymentUid,
    place: &Place,
    object: &ObjectEntry,
) -> Result<(), ApiError> {
    let position =
        object.finalizers.iter().position(|one| one == crds::names::DEPLOYMENT_FINALIZER);
    let Some(position) = position else { return Ok(()) };
    let api: Api<GitOpsDeployment> = Api::namespaced(client.clone(), &place.namespace);
    let path = format!("/metadata/finalizers/{position}");
    let patch = kubernetes::json_patch(json!([
        {"op": "test", "path": "/metadata/uid", "value": uid.as_str()},
        {"op": "test", "path": path, "value": crds::names::DEPLOYMENT_FINALIZER},
        {"op": "remove", "path": path},
    ]))?;
    match api.patch(&place.name, &PatchParams::default(), &patch).await {
        Ok(_) => Ok(()),
        Err(error) => match kubernetes::api_error(error) {
            ApiError::Missing => Ok(()),
            api_error => Err(api_error),
        },
    }
}

/// What is written of a status.
#[derive(Debug)]
pub struct StatusWrite {
    /// The patch, which fails if the object is a different one by now.
    pub patch: Value,
    /// Digest of what is mirrored from Argo CD, if that is part of it.
    pub mirrored: Option<Digest>,
    /// What there was no room for.
    pub truncated: Option<Truncated>,
}

/// The whole status in one write.
pub fn status_write(
    uid: &DeploymentUid,
    object: &ObjectEntry,
    view: &StatusView,
    report: Option<&ApplicationStatus>,
    has_note: bool,
    now: &Time,
) -> StatusWrite {
    let generation = Some(view.observed_generation.0);
    let known = object.conditions.as_deref();
    let conditions = wanted(&view.conditions, known.unwrap_or_default(), now);
    let same_object = json!({"op": "test", "path": "/metadata/uid", "value": uid.as_str()});
    let mirrored = |argo| status_fields::mirrored(argo, &view.destination, view.mirror_budget);
    let report = report.map(mirrored);
    let truncated = report.as_ref().and_then(|report| report.truncated.clone());
    let report = report.map(|report| status_fields::with_note(report, has_note));
    let mirrored = report.as_ref().map(status_fields::mirrored_digest);
    let patch = if report.is_some() || known.is_none() {
        let status = GitOpsDeploymentStatus {
            conditions,
            observed_generation: generation,
            ..report.unwrap_or_default()
        };
        json!([same_object, {"op": "add", "path": "/status", "value": status}])
    } else {
        json!([
            same_object,
            {"op": "add", "path": "/status/conditions", "value": conditions},
            {"op": "add", "path": "/status/observedGeneration", "value": generation},
        ])
    };
    StatusWrite { patch, mirrored, truncated }
}

#[cfg(test)]
mod tests {
    use crds::deployment::Source;
    use crds::{GitOpsDeploymentSpec, names};
    use k8s_openapi::api::core::v1::Namespace;
    use kube::ResourceExt;
    use kube::api::{DeleteParams, Patch, PostParams};
    use machines::identity::{Generation, TenantUid};
    use machines::kinds::deployment::conditions::{Condition, ConditionStyle};
    use machines::kinds::deployment::destination::Destination;

    use super::*;
    use crate::backend::index::Index;
    use crate::backend::kinds::deployment::observe;
    use crate::backend::kinds::{Key, conditions};
    use crate::runtime::watch::WatchEvent;
    use crate::test_support;

    async fn api() -> (kube::Client, Api<GitOpsDeployment>) {
        let client = test_support::api_server(crds::all(), "team").await;
        (client.clone(), Api::namespaced(client, "team"))
    }

    async fn write_status(
        client: &kube::Client,
        place: &Place,
        patch: Value,
    ) -> Result<GitOpsDeployment, ApiError> {
        conditions::write_status(client, place, patch).await
    }

    fn deployment() -> GitOpsDeployment {
        let source = Source {
            repo_url: "https://example.com/team/app".to_owned(),
            path: "one".to_owned(),
            ..Source::default()
        };
        let spec = GitOpsDeploymentSpec {
            source,
            type_: "automated".to_owned(),
            ..GitOpsDeploymentSpec::default()
        };
        let mut object = GitOpsDeployment::new("app", spec);
        object.metadata.finalizers = Some(vec![names::DEPLOYMENT_FINALIZER.to_owned()]);
        object
    }

    /// What is remembered about an object that was seen.
    async fn remembered(
        client: &kube::Client,
        object: &GitOpsDeployment,
        uid: &DeploymentUid,
    ) -> (Place, ObjectEntry) {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = namespaces.get("team").await.expect("the namespace");
        let tenant = TenantUid::new(namespace.uid().expect("a UID"));
        let mut index = Index::default();
        index.namespace_seen(WatchEvent::Present(namespace));
        index.object_seen(WatchEvent::Present(object.clone()));
        for question in index.questions(1) {
            index.question_answered(&question, Some(&tenant));
        }
        let (place, entry, _) =
            index.object(&Key::Deployment(uid.clone())).expect("it is remembered");
        (place, entry)
    }

    #[tokio::test]
    async fn another_deployment_of_the_same_name_keeps_its_finalizer_and_its_status() {
        let (client, api) = api().await;
        let first = api.create(&PostParams::default(), &deployment()).await.expect("it is made");
        let uid = DeploymentUid::new(first.uid().expect("a UID"));
        let (place, entry) = remembered(&client, &first, &uid).await;
        let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        api.patch("app", &PatchParams::default(), &none).await.expect("it is let go");
        api.delete("app", &DeleteParams::default()).await.expect("it is deleted");
        let second = api.create(&PostParams::default(), &deployment()).await.expect("another one");
        let removed = remove_finalizer(&client, &uid, &place, &entry).await;
        assert!(matches!(removed, Err(ApiError::Outdated(_))), "{removed:?}");
        let left = api.get("app").await.expect("it is there");
        assert_eq!(left.resource_version(), second.resource_version());
    }

    fn told(type_: &str, generation: Option<i64>) -> Condition {
        Condition {
            type_: type_.to_owned(),
            status: "True".to_owned(),
            reason: "Reason".to_owned(),
            message: "a message".to_owned(),
            observed_generation: generation.map(Generation),
        }
    }

    fn view(conditions: Vec<Condition>) -> StatusView {
        StatusView {
            observed_generation: Generation(2),
            conditions,
            mirrored: None,
            destination: Destination::default(),
            mirror_budget: 0,
        }
    }

    fn time(second: i64) -> Time {
        Time(k8s_openapi::jiff::Timestamp::from_second(1_750_000_000 + second).expect("a time"))
    }

    #[tokio::test]
    async fn a_generation_is_written_to_conventional_conditions_and_to_no_others() {
        let (client, api) = api().await;
        let created = api.create(&PostParams::default(), &deployment()).await.expect("it is made");
        let uid = DeploymentUid::new(created.uid().expect("a UID"));
        let (place, entry) = remembered(&client, &created, &uid).await;
        let write = |entry: &ObjectEntry, generation: i64, style, at: i64| {
            let mut conditions = vec![told("ErrorOccurred", None)];
            if style == ConditionStyle::Conventional {
                conditions.push(told("Ready", Some(generation)));
            }
            status_write(&uid, entry, &view(conditions), None, true, &time(at)).patch
        };
        let first = write(&entry, 1, ConditionStyle::Conventional, 1);
        let written = write_status(&client, &place, first).await.expect("it is written");
        let (_, entry) = remembered(&client, &written, &uid).await;
        let second = write(&entry, 2, ConditionStyle::Conventional, 2);
        let written = write_status(&client, &place, second).await.expect("it is written");
        let since = "2025-06-15T15:06:41Z";
        let expected = |generation: Option<i64>, type_: &str| {
            let mut condition = json!({
                "type": type_, "status": "True", "reason": "Reason", "message": "a message",
                "lastProbeTime": since, "lastTransitionTime": since,
            });
            if let Some(generation) = generation {
                condition["observedGeneration"] = generation.into();
            }
            condition
        };
        let status = serde_json::to_value(written.status.clone()).expect("JSON");
        let conditions = json!([expected(None, "ErrorOccurred"), expected(Some(2), "Ready")]);
        assert_eq!(status["conditions"], conditions, "a generation alone moves no time");
        // Legacy clients get exactly the old fields; anything more is removed.
        let (_, entry) = remembered(&client, &written, &uid).await;
        let legacy = write(&entry, 2, ConditionStyle::Legacy, 3);
        let written = write_status(&client, &place, legacy).await.expect("it is written");
        let status = serde_json::to_value(written.status).expect("JSON");
        assert_eq!(status["conditions"], json!([expected(None, "ErrorOccurred")]));
    }

    fn report_of(resources: usize) -> ApplicationStatus {
        let mut report = ApplicationStatus::default();
        report.health.status = "Degraded".to_owned();
        let resource = |number| crds::argocd::ResourceStatus {
            name: format!("configuration-{number:0200}"),
            ..crds::argocd::ResourceStatus::default()
        };
        report.resources = (0..resources).map(resource).collect();
        report
    }

    #[test]
    fn legacy_clients_learn_of_a_cut_only_from_the_event() {
        let (uid, entry) = (DeploymentUid::new("uid"), ObjectEntry::default());
        let report = report_of(10_000);
        for has_note in [true, false] {
            let write =
                status_write(&uid, &entry, &view(vec![]), Some(&report), has_note, &time(1));
            let told = write.truncated.expect("it is cut");
            assert_eq!(told.resources, 10_000);
            let shown = write.patch.pointer("/1/value/truncated").is_some();
            assert_eq!(shown, has_note);
            let said = observe::report(&report, &Destination::default(), 0, has_note).mirrored;
            assert_eq!(write.mirrored, Some(said), "the machine knows it so");
        }
    }

    #[tokio::test]
    async fn a_status_fits_beside_the_largest_annotations_and_more_is_refused_as_too_large() {
        let (client, api) = api().await;
        let mut object = deployment();
        let annotations = [("example.com/observations".to_owned(), "n".repeat(250 * 1024))];
        object.metadata.annotations = Some(annotations.into());
        let created = api.create(&PostParams::default(), &object).await.expect("it is made");
        let uid = DeploymentUid::new(created.uid().expect("a UID"));
        let (place, entry) = remembered(&client, &created, &uid).await;
        let report = report_of(10_000);
        let write = status_write(&uid, &entry, &view(vec![]), Some(&report), true, &time(1));
        let written = write_status(&client, &place, write.patch).await.expect("there is room");
        assert_eq!(written.status.unwrap_or_default().health.status, "Degraded");
        // Uncut, it is more than an API server stores.
        let status = GitOpsDeploymentStatus { resources: report.resources, ..Default::default() };
        let patch = json!([{"op": "add", "path": "/status", "value": status}]);
        let refused = write_status(&client, &place, patch).await;
        assert!(matches!(refused, Err(ApiError::TooLarge(_))), "{refused:?}");
    }
}
