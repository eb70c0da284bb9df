//! The requests that begin and end a sync, as Argo CD's own API server makes them.
//!
//! Each names the revision of the Application that it was decided on, so that one which arrives late
//! is refused: it neither overwrites another operation nor begins a sync anew.
//!
//! A request also removes the last operation's state. Argo CD merges the new one's into it, and then
//! goes on with what it finds: with the retries of an automated sync, or with a failed hook's result.

use crds::argocd::{Application, phase};
use crds::sync_run::{SYNC_ANNOTATION, SYNC_INFO};
use kube::api::{Api, Patch, PatchParams};
use machines::operation::application::{Retry, SyncPolicy};
use machines::operation::sync::{SyncOperationId, SyncRequest};
use serde_json::{Map, Value, json};

use crate::agent::resources::application::entry::ApplicationEntry;
use crate::kubernetes::{ApiError, api_error, json_patch};

/// The name by which Argo CD knows who has asked for a sync.
const USERNAME: &str = "managed-gitops";

/// Has Argo CD sync an Application that runs no operation.
pub async fn begin(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
    request: &SyncRequest,
) -> Result<Application, ApiError> {
    let change = json!({
        "operation": operation(existing, request),
        "status": {"operationState": null},
    });
    patch(client, namespace, name, existing, &request.sync, change).await
}

/// Takes back a sync that Argo CD has not taken up, that a sync window holds before it has begun, or
/// that was never asked for.
pub async fn withdraw(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
    sync: &SyncOperationId,
) -> Result<Application, ApiError> {
    let requested = existing.syncs.as_ref().and_then(|syncs| syncs.requested.as_ref());
    let is_requested = requested == Some(sync);
    let mut change = if is_requested { json!({"operation": null}) } else { json!({}) };
    if is_requested && existing.held.is_some() {
        // Nobody would ever finish it.
        change["status"] = json!({"operationState": null});
    }
    patch(client, namespace, name, existing, sync, change).await
}

/// Ends a sync that Argo CD runs.
pub async fn terminate(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
) -> Result<Application, ApiError> {
    let api: Api<Application> = Api::namespaced(client.clone(), namespace);
    let path = "/status/operationState/phase";
    let revision = existing.revision.0.to_string();
    let patch = json_patch(json!([
        {"op": "test", "path": "/metadata/uid", "value": existing.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": revision},
        {"op": "replace", "path": path, "value": phase::TERMINATING},
    ]))?;
    api.patch(name, &PatchParams::default(), &patch).await.map_err(api_error)
}

/// Changes an Application, and notes the sync on it.
async fn patch(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
    sync: &SyncOperationId,
    mut change: Value,
) -> Result<Application, ApiError> {
    let api: Api<Application> = Api::namespaced(client.clone(), namespace);
    change["metadata"] = json!({
        "uid": existing.uid,
        "resourceVersion": existing.revision.0.to_string(),
        "annotations": {SYNC_ANNOTATION: sync.as_str()},
    });
    api.patch(name, &PatchParams::default(), &Patch::Merge(change)).await.map_err(api_error)
}

/// What Argo CD is asked for: the Application's own options and retries, hooks, no pruning.
fn operation(existing: &ApplicationEntry, request: &SyncRequest) -> Value {
    let none = SyncPolicy::default();
    let policy = existing.spec.sync_policy.as_ref().unwrap_or(&none);
    let mut sync = json!({
        "revision": request.revision,
        "syncStrategy": {"hook": {}},
    });
    if !policy.sync_options.is_empty() {
        sync["syncOptions"] = json!(policy.sync_options);
    }
    let mut operation = json!({
        "sync": sync,
        "initiatedBy": {"username": USERNAME},
        "info": [{"name": SYNC_INFO, "value": request.sync.as_str()}],
    });
    if let Some(retry) = &policy.retry {
        operation["retry"] = retries(retry, existing.refresh);
    }
    operation
}

fn retries(retry: &Retry, refresh: Option<bool>) -> Value {
    let mut written = Map::new();
    written.insert("limit".to_owned(), json!(retry.limit));
    if let Some(backoff) = &retry.backoff {
        let mut pauses = json!({"duration": backoff.duration, "maxDuration": backoff.max_duration});
        if let Some(factor) = backoff.factor {
            pauses["factor"] = json!(factor);
        }
        written.insert("backoff".to_owned(), pauses);
    }
    if let Some(refresh) = refresh {
        written.insert("refresh".to_owned(), json!(refresh));
    }
    Value::Object(written)
}

#[cfg(test)]
mod tests {
    use kube::api::PostParams;
    use machines::operation::sync::{ApplicationUid, SyncStage};

    use super::*;
    use crate::agent::argo::Argo;
    use crate::runtime::watch::WatchEvent;
    use crate::test_support;

    const NAMESPACE: &str = "argocd";

    fn entry(application: &Application) -> ApplicationEntry {
        let mut argo = Argo::default();
        argo.application_seen(WatchEvent::Present(application.clone()));
        argo.application("app").expect("it is known").clone()
    }

    fn request(sync: &str) -> SyncRequest {
        let (sync, application) = (SyncOperationId::new(sync), ApplicationUid::default());
        SyncRequest { sync, application, revision: "v1".to_owned() }
    }

    async fn application() -> (kube::Client, Api<Application>, Application) {
        let client = test_support::api_server(argocd_stand_in::definitions(), NAMESPACE).await;
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        let spec = json!({
            "project": "default",
            "source": {"repoURL": "https://example.com/team/app", "path": "deploy"},
            "destination": {"name": "in-cluster", "namespace": "team"},
            "syncPolicy": {
                "syncOptions": ["CreateNamespace=true"],
                "retry": {"limit": 2, "backoff": {"duration": "5s", "factor": 2}},
            },
        });
        let object = json!({"metadata": {"name": "app"}, "spec": spec});
        let object = serde_json::from_value(object).expect("an Application");
        let created = api.create(&PostParams::default(), &object).await.expect("it is created");
        (client, api, created)
    }

    #[tokio::test]
    async fn a_sync_is_requested_as_argo_cds_api_server_does() {
        let (client, _, created) = application().await;
        let request = request("one");
        let written = begin(&client, NAMESPACE, "app", &entry(&created), &request).await;
        let written = written.expect("it is requested");
        let operation = serde_json::to_value(&written.operation).expect("JSON");
        let expected = json!({
            "sync": {
                "revision": "v1",
                "syncOptions": ["CreateNamespace=true"],
                "syncStrategy": {"hook": {}},
            },
            "initiatedBy": {"username": "managed-gitops"},
            "info": [{"name": "GitOpsDeploymentSyncRun", "value": "one"}],
            "retry": {"limit": 2, "backoff": {"duration": "5s", "factor": 2}},
        });
        assert_eq!(operation, expected);
        let syncs = entry(&written).syncs.expect("it can be read");
        assert!(syncs.knows(&request.sync));
        assert_eq!(syncs.stage(&request.sync), SyncStage::Requested);
    }

    #[tokio::test]
    async fn a_request_leaves_nothing_of_the_last_operations_state() {
        let (client, api, _) = application().await;
        let state = json!({
            "operation": {"sync": {}, "retry": {"limit": -1}},
            "phase": "Failed",
            "startedAt": "2026-11-28T10:00:00Z",
        });
        let last = Patch::Merge(json!({"status": {"operationState": state}}));
        let last = api.patch("app", &PatchParams::default(), &last).await.expect("it is written");
        let written = begin(&client, NAMESPACE, "app", &entry(&last), &request("one")).await;
        let written = written.expect("it is requested");
        assert_eq!(written.operation_state(), None);
        assert!(written.operation.is_some());
    }

    #[tokio::test]
    async fn a_late_request_neither_overwrites_another_operation_nor_syncs_again() {
        let (client, api, created) = application().await;
        let late = entry(&created);
        let first = begin(&client, NAMESPACE, "app", &late, &request("one")).await;
        let first = first.expect("it is requested");
        let refused = begin(&client, NAMESPACE, "app", &late, &request("two")).await;
        assert!(matches!(refused, Err(ApiError::Outdated(_))), "{refused:?}");
        let sync = SyncOperationId::new("one");
        let withdrawn = withdraw(&client, NAMESPACE, "app", &entry(&first), &sync).await;
        let withdrawn = withdrawn.expect("it is withdrawn");
        assert_eq!(withdrawn.operation, None);
        // It was requested once, and is not again.
        let refused = begin(&client, NAMESPACE, "app", &late, &request("one")).await;
        assert!(matches!(refused, Err(ApiError::Outdated(_))), "{refused:?}");
        assert_eq!(api.get("app").await.expect("it is there").operation, None);
        assert!(entry(&withdrawn).syncs.expect("it can be read").knows(&sync));
    }

    #[tokio::test]
    async fn what_was_never_requested_cannot_be_any_more() {
        let (client, _, created) = application().await;
        let (late, sync) = (entry(&created), SyncOperationId::new("one"));
        let withdrawn = withdraw(&client, NAMESPACE, "app", &late, &sync).await;
        let syncs = entry(&withdrawn.expect("it is noted")).syncs;
        assert!(syncs.expect("it can be read").knows(&sync));
        let refused = begin(&client, NAMESPACE, "app", &late, &request("one")).await;
        assert!(matches!(refused, Err(ApiError::Outdated(_))), "{refused:?}");
    }
}
