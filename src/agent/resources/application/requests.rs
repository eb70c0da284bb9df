//! The requests that write an Application.

use crds::argocd::Application;
use kube::Resource;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::DeserializeGuard;
use machines::identity::ApplicationId;
use machines::operation::application::{ApplicationDocument, SyncPolicy};
use serde_json::{Value, json};

use super::entry::ApplicationEntry;
use crate::kubernetes::{ApiError, api_error, json_patch};

/// Creates an Application, or corrects the existing one: see [`crds::argocd::FIELDS`].
/// `knows_refresh` says whether Argo CD supports `retry.refresh`.
pub async fn write_application(
    client: &kube::Client,
    row: &ApplicationId,
    document: &ApplicationDocument,
    existing: Option<&ApplicationEntry>,
    knows_refresh: bool,
) -> Result<Application, ApiError> {
    let api: Api<Application> = Api::namespaced(client.clone(), &document.namespace);
    let labels = json!({crds::names::DATABASE_ID_LABEL: row.as_str()});
    let mut spec = application_spec(document, knows_refresh);
    let Some(existing) = existing else {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": document.name, "labels": labels},
            "spec": spec,
        });
        return create(client, &document.namespace, &without_nulls(object)).await;
    };
    if document.spec.sync_policy.is_none() {
        spec["syncPolicy"] = sync_policy(&SyncPolicy::default(), false);
    }
    for pointer in &existing.spec.drift {
        remove(&mut spec, pointer);
    }
    let patch = json!({
        "metadata": {"labels": labels, "uid": existing.uid},
        "spec": spec,
    });
    let parameters = PatchParams::default();
    api.patch(&document.name, &parameters, &Patch::Merge(patch)).await.map_err(api_error)
}

/// Has Argo CD remove what an Application deployed, and then the Application; returns what waits
/// for that.
pub async fn remove_application(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
) -> Result<Option<Application>, ApiError> {
    let api: Api<Application> = Api::namespaced(client.clone(), namespace);
    let background = crds::names::ARGO_CD_BACKGROUND_FINALIZER;
    let cascades = existing
        .finalizers
        .iter()
        .any(|finalizer| finalizer.starts_with(crds::names::ARGO_CD_FINALIZER));
    if !cascades {
        let mut finalizers = existing.finalizers.clone();
        finalizers.push(background.to_owned());
        let patch = json!({
            "metadata": {
                "uid": existing.uid,
                "resourceVersion": existing.revision.0.to_string(),
                "finalizers": finalizers,
            },
        });
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        match patched.map_err(api_error) {
            Ok(_) => {}
            Err(ApiError::Missing) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(existing.uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match api.delete(name, &parameters).await.map_err(api_error) {
        Ok(deleted) => Ok(deleted.left()),
        Err(ApiError::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The Applications that have the label of a row and one of our names: operations of an earlier
/// installation do not say who owns them.
pub async fn list_labelled(
    client: &kube::Client,
    namespace: &str,
    row: &ApplicationId,
) -> Result<Vec<DeserializeGuard<Application>>, ApiError> {
    let api: Api<DeserializeGuard<Application>> = Api::namespaced(client.clone(), namespace);
    let label = format!("{}={row}", crds::names::DATABASE_ID_LABEL);
    let listed = api.list(&ListParams::default().labels(&label)).await.map_err(api_error)?;
    let name = |one: &DeserializeGuard<Application>| one.meta().name.clone().unwrap_or_default();
    let ours =
        |one: &DeserializeGuard<Application>| crds::names::deployment_uid(&name(one)).is_some();
    Ok(listed.items.into_iter().filter(ours).collect())
}

/// Which syncs are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Any: Argo CD removes nothing before its sync has ended, and a failing one is retried
    /// forever.
    Any,
    /// One that Argo CD started itself; any other is for the client that requested it to end.
    Automated,
}

/// Ends the sync of an Application, as Argo CD's own API server does; returns the Application, or
/// nothing if no such sync is running any more. One that a sync window holds is taken back instead:
/// Argo CD would end it no sooner than the window opens.
pub async fn end_sync(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    existing: &ApplicationEntry,
    ending: Ending,
) -> Result<Option<Application>, ApiError> {
    let api: Api<Application> = Api::namespaced(client.clone(), namespace);
    let state = "/status/operationState";
    let phase = format!("{state}/phase");
    let mut operations =
        vec![json!({"op": "test", "path": "/metadata/uid", "value": existing.uid})];
    if ending == Ending::Automated {
        let initiator = format!("{state}/operation/initiatedBy/automated");
        operations.push(json!({"op": "test", "path": initiator, "value": true}));
    }
    let held = existing.held.as_ref();
    let in_phase = held.map_or(crds::argocd::phase::RUNNING, |held| &held.phase);
    operations.push(json!({"op": "test", "path": phase, "value": in_phase}));
    match held {
        Some(held) => {
            if !held.message.is_empty() {
                let message = format!("{state}/message");
                operations.push(json!({"op": "test", "path": message, "value": held.message}));
            }
            operations.push(json!({"op": "remove", "path": "/operation"}));
            operations.push(json!({"op": "remove", "path": state}));
        }
        None => {
            let terminating = crds::argocd::phase::TERMINATING;
            operations.push(json!({"op": "replace", "path": phase, "value": terminating}));
        }
    }
    let patch = json_patch(Value::Array(operations))?;
    let patched = api.patch(name, &PatchParams::default(), &patch).await;
    match patched.map_err(api_error) {
        Ok(ended) => Ok(Some(ended)),
        // It has ended by itself.
        Err(ApiError::Missing | ApiError::Outdated(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates an Application as written here: its type has fewer fields.
async fn create(
    client: &kube::Client,
    namespace: &str,
    object: &Value,
) -> Result<Application, ApiError> {
    let refused = |error: &dyn std::error::Error| ApiError::Refused(error.to_string());
    let body = serde_json::to_vec(object).map_err(|error| refused(&error))?;
    let path = Application::url_path(&(), Some(namespace));
    let request = kube::core::Request::new(path).create(&PostParams::default(), body);
    let request = request.map_err(|error| refused(&error))?;
    client.request(request).await.map_err(api_error)
}

/// The same without nulls, which only a merge patch needs.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        other => other,
    }
}

fn application_spec(document: &ApplicationDocument, knows_refresh: bool) -> Value {
    let spec = &document.spec;
    let mut written = json!({
        "project": spec.project,
        "source": {
            "repoURL": spec.source.repo_url,
            "path": spec.source.path,
            "targetRevision": spec.source.target_revision,
        },
        "destination": {
            "name": spec.destination.name,
            "namespace": spec.destination.namespace,
        },
    });
    if let Some(policy) = &spec.sync_policy {
        written["syncPolicy"] = sync_policy(policy, knows_refresh);
    }
    written
}

/// Every field is written, even as null, because a merge patch keeps what is absent.
fn sync_policy(policy: &SyncPolicy, knows_refresh: bool) -> Value {
    let mut written = json!({
        "automated": policy.automated.as_ref().map(|automated| json!({
            "prune": automated.prune,
            "selfHeal": automated.self_heal,
            "allowEmpty": automated.allow_empty,
        })),
        "syncOptions": policy.sync_options,
        "retry": policy.retry.as_ref().map(|retry| json!({
            "limit": retry.limit,
            "backoff": retry.backoff.as_ref().map(|backoff| json!({
                "duration": backoff.duration,
                "factor": backoff.factor,
                "maxDuration": backoff.max_duration,
            })),
        })),
    });
    if knows_refresh && policy.retry.is_some() {
        written["retry"]["refresh"] = json!(true);
    }
    if policy.sync_options.is_empty() {
        written["syncOptions"] = Value::Null;
    }
    written
}

/// Makes a merge patch remove what a JSON pointer names, unless it writes that anyway.
fn remove(patch: &mut Value, pointer: &str) {
    let mut at = patch;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        // The value here is written as a whole.
        let Some(fields) = at.as_object_mut() else { return };
        at = fields.entry(name).or_insert(Value::Null);
        if at.is_null() {
            // It is removed as a whole, along with what the pointer names.
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crds::argocd::{FIELDS, Ownership};
    use kube::ResourceExt;
    use machines::identity::DeploymentUid;
    use machines::kinds::deployment::render::render;
    use machines::kinds::deployment::spec::DeploymentSpec;
    use machines::operation::application::{
        ApplicationDestination, ApplicationSource, ApplicationSpec,
    };

    use super::*;
    use crate::agent::argo::Argo;
    use crate::runtime::watch::WatchEvent;
    use crate::test_support;

    const NAMESPACE: &str = "argocd";

    async fn client() -> kube::Client {
        test_support::api_server(argocd_stand_in::definitions(), NAMESPACE).await
    }

    fn document(path: &str) -> ApplicationDocument {
        ApplicationDocument {
            name: "app".to_owned(),
            namespace: NAMESPACE.to_owned(),
            spec: ApplicationSpec {
                source: ApplicationSource {
                    repo_url: "https://example.com/team/app".to_owned(),
                    path: path.to_owned(),
                    target_revision: String::new(),
                },
                destination: ApplicationDestination::default(),
                project: "default".to_owned(),
                ..ApplicationSpec::default()
            },
        }
    }

    /// What is remembered of an Application that was seen.
    fn entry(application: &Application) -> ApplicationEntry {
        let mut argo = Argo::default();
        argo.application_seen(WatchEvent::Present(application.clone()));
        argo.application(&application.name_any()).expect("it is remembered").clone()
    }

    async fn create(client: &kube::Client) -> Application {
        let (row, document) = (ApplicationId::new("1"), document("one"));
        write_application(client, &row, &document, None, false).await.expect("it is created")
    }

    async fn merge(client: &kube::Client, patch: Value) -> Application {
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        let patched = api.patch("app", &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.expect("a patch")
    }

    /// The paths of the values in an object that are not objects.
    fn leaves(value: &Value, path: &str) -> BTreeSet<String> {
        match value {
            Value::Object(fields) => {
                let inner = |(name, value)| leaves(value, &format!("{path}.{name}"));
                fields.iter().flat_map(inner).collect()
            }
            _ => [path.to_owned()].into(),
        }
    }

    #[test]
    fn the_written_spec_matches_the_table_of_fields() {
        let spec = DeploymentSpec { type_: "automated".to_owned(), ..DeploymentSpec::default() };
        let document = render(&DeploymentUid::new("uid"), "team", &spec, NAMESPACE, String::new());
        let written = FIELDS.iter().filter(|field| field.ownership == Ownership::Written);
        let of_spec = written.filter(|field| field.path.starts_with("spec."));
        let of_spec: BTreeSet<String> = of_spec.map(|field| field.path.to_owned()).collect();
        assert_eq!(leaves(&application_spec(&document, true), "spec"), of_spec);
    }

    #[test]
    fn a_patch_removes_what_no_row_asks_for_and_keeps_what_it_writes() {
        let mut patch = json!({"source": {"path": "one"}, "syncPolicy": {"retry": null}});
        for pointer in
            ["", "/sources", "/source/helm", "/source/path", "/syncPolicy/retry/newer", "/a~1b/c"]
        {
            remove(&mut patch, pointer);
        }
        let expected = json!({
            "source": {"path": "one", "helm": null},
            "sources": null,
            "syncPolicy": {"retry": null},
            "a/b": null,
        });
        assert_eq!(patch, expected);
    }

    #[tokio::test]
    async fn a_terminating_sync_is_taken_back_only_from_an_application_that_is_being_deleted() {
        let client = client().await;
        create(&client).await;
        let state =
            json!({"operation": {}, "phase": "Terminating", "startedAt": "2026-11-28T10:00:00Z"});
        let change = json!({"operation": {"sync": {}}, "status": {"operationState": state}});
        let terminating = entry(&merge(&client, change).await);
        assert_eq!(terminating.held, None, "Argo CD ends it");
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        remove_application(&client, NAMESPACE, "app", &terminating).await.expect("it is deleted");
        let deleting = entry(&api.get("app").await.expect("its finalizer keeps it"));
        assert!(deleting.deleting && deleting.held.is_some());
        let ended = end_sync(&client, NAMESPACE, "app", &deleting, Ending::Any).await;
        let ended = ended.expect("it is ended").expect("it is there");
        assert_eq!((ended.operation.as_ref(), ended.operation_state()), (None, None));
    }

    #[tokio::test]
    async fn another_application_of_the_same_name_is_neither_written_nor_deleted() {
        let client = client().await;
        let seen = create(&client).await;
        let api: Api<Application> = Api::namespaced(client.clone(), NAMESPACE);
        api.delete("app", &DeleteParams::default()).await.expect("it is deleted");
        let mut other = create(&client).await;
        for finalizers in [vec![], vec![crds::names::ARGO_CD_FINALIZER.to_owned()]] {
            other = merge(&client, json!({"metadata": {"finalizers": finalizers}})).await;
            let mut seen = entry(&seen);
            seen.finalizers = finalizers;
            let removed = remove_application(&client, NAMESPACE, "app", &seen).await;
            assert!(removed.is_err(), "{removed:?}");
            let (row, document) = (ApplicationId::new("1"), document("two"));
            let written = write_application(&client, &row, &document, Some(&seen), false).await;
            assert!(written.is_err(), "{written:?}");
        }
        let left = api.get("app").await.expect("the other one is there");
        assert_eq!((left.uid(), left.resource_version()), (other.uid(), other.resource_version()));
    }
}
