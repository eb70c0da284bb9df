//! The requests that write a Secret of Argo CD's.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, PatchParams, PostParams, Preconditions};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::entry::PROJECT;
use super::row::SecretRow;
use crate::agent::resources::operation::absent;
use crate::kubernetes::{ApiError, api_error, json_patch};

/// What a row says, by the keys that Argo CD reads.
pub type SecretData = Vec<(&'static str, SecretString)>;

/// Creates a Secret. `project` is the AppProject that it is for.
pub async fn create_secret(
    client: &kube::Client,
    namespace: &str,
    row: &SecretRow,
    said: &SecretData,
    project: Option<&str>,
) -> Result<Secret, ApiError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(row.name()),
            labels: Some(labels(row).map(owned).into()),
            annotations: Some(ANNOTATIONS.map(owned).into()),
            ..ObjectMeta::default()
        },
        data: Some(data(said, project)),
        ..Secret::default()
    };
    api.create(&PostParams::default(), &secret).await.map_err(api_error)
}

/// Corrects the Secret that has this metadata: its data are replaced as a whole, or Argo
/// CD would go on with a password where there is a key now. Labels and annotations of others stay.
pub async fn correct_secret(
    client: &kube::Client,
    namespace: &str,
    existing: &ObjectMeta,
    row: &SecretRow,
    said: &SecretData,
    project: Option<&str>,
) -> Result<Secret, ApiError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": existing.uid}),
        // One that arrives late would bring back what was replaced since.
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": existing.resource_version}),
        json!({"op": "add", "path": "/data", "value": data(said, project)}),
    ];
    operations.extend(entries("labels", existing.labels.as_ref(), &labels(row)));
    operations.extend(entries("annotations", existing.annotations.as_ref(), &ANNOTATIONS));
    let patch = json_patch(Value::Array(operations))?;
    let name = row.name();
    api.patch(&name, &PatchParams::default(), &patch).await.map_err(api_error)
}

/// Deletes the Secret that has this metadata, unless it is gone.
pub async fn remove_secret(
    client: &kube::Client,
    namespace: &str,
    existing: &ObjectMeta,
) -> Result<(), ApiError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let preconditions = Preconditions { uid: existing.uid.clone(), resource_version: None };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let name = existing.name.as_deref().unwrap_or_default();
    absent(api.delete(name, &parameters).await.map(drop).map_err(api_error))
}

/// All that a Secret says: Argo CD would use a key that is left over.
fn data(said: &SecretData, project: Option<&str>) -> BTreeMap<String, ByteString> {
    let said = said.iter().map(|(key, value)| (*key, value.expose_secret()));
    let all = said.chain(project.map(|project| (PROJECT, project)));
    all.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
}

fn labels(row: &SecretRow) -> [(&'static str, &str); 2] {
    [
        (crds::names::ARGO_CD_SECRET_TYPE_LABEL, row.kind()),
        (crds::names::DATABASE_ID_LABEL, row.as_str()),
    ]
}

const ANNOTATIONS: [(&str, &str); 1] =
    [(crds::names::MANAGED_BY_ANNOTATION, crds::names::MANAGED_BY_ARGO_CD)];

/// What sets these labels or annotations; a JSON patch adds nothing to what does not exist.
fn entries(
    field: &str,
    existing: Option<&BTreeMap<String, String>>,
    wanted: &[(&str, &str)],
) -> Vec<Value> {
    let path = format!("/metadata/{field}");
    let first = existing.is_none().then(|| json!({"op": "add", "path": path, "value": {}}));
    let set = |(key, value): &(&str, &str)| {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        json!({"op": "add", "path": path, "value": value})
    };
    first.into_iter().chain(wanted.iter().map(set)).collect()
}
