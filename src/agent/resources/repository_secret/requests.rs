//! The requests that write a repository Secret.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, PatchParams, PostParams, Preconditions};
use machines::kinds::repository_credential::CredentialId;
use schema::store::RepositoryAccess;
use serde_json::{Value, json};

use super::entry::PROJECT;
use crate::agent::resources::operation::absent;
use crate::kubernetes::{ApiError, api_error, json_patch};

/// Creates a repository Secret. `project` is the AppProject that it is for.
pub async fn create_secret(
    client: &kube::Client,
    namespace: &str,
    row: &CredentialId,
    access: &RepositoryAccess,
    project: Option<&str>,
) -> Result<Secret, ApiError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(crds::names::repository_secret_name(row.as_str())),
            labels: Some(labels(row).map(owned).into()),
            annotations: Some(ANNOTATIONS.map(owned).into()),
            ..ObjectMeta::default()
        },
        data: Some(data(access, project)),
        ..Secret::default()
    };
    api.create(&PostParams::default(), &secret).await.map_err(api_error)
}

/// Corrects the repository Secret that has this metadata: its data are replaced as a whole, or Argo
/// CD would go on with a password where there is a key now. Labels and annotations of others stay.
pub async fn correct_secret(
    client: &kube::Client,
    namespace: &str,
    existing: &ObjectMeta,
    row: &CredentialId,
    access: &RepositoryAccess,
    project: Option<&str>,
) -> Result<Secret, ApiError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": existing.uid}),
        // One that arrives late would bring back what was replaced since.
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": existing.resource_version}),
        json!({"op": "add", "path": "/data", "value": data(access, project)}),
    ];
    operations.extend(entries("labels", existing.labels.as_ref(), &labels(row)));
    operations.extend(entries("annotations", existing.annotations.as_ref(), &ANNOTATIONS));
    let patch = json_patch(Value::Array(operations))?;
    let name = crds::names::repository_secret_name(row.as_str());
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

/// All that a repository Secret says: Argo CD would use a key that is left over.
fn data(access: &RepositoryAccess, project: Option<&str>) -> BTreeMap<String, ByteString> {
    let project = project.map(|project| (PROJECT, project));
    let said = access.data().chain(project);
    said.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
}

fn labels(row: &CredentialId) -> [(&'static str, &str); 2] {
    [
        (crds::names::ARGO_CD_SECRET_TYPE_LABEL, crds::names::ARGO_CD_REPOSITORY_SECRET),
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
