//! What the scenarios see of Argo CD, and ask of it.

use std::collections::BTreeMap;

use crds::argocd::Application;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::harness::ARGO_CD;

/// The annotation that asks Argo CD to look at an Application. It is gone once Argo CD has looked.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Has Argo CD look at an Application: as it would anyway (`normal`), or whatever it remembers (`hard`).
pub async fn request_refresh(
    api: &Api<Application>,
    name: &str,
    how: &str,
) -> kube::Result<Application> {
    let patch = json!({"metadata": {"annotations": {REFRESH: how}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

/// What Argo CD's Secrets of a type hold; `None` if the server does not say.
pub async fn secrets(
    client: &kube::Client,
    secret_type: &str,
) -> Option<Vec<BTreeMap<String, String>>> {
    let api: Api<Secret> = Api::namespaced(client.clone(), ARGO_CD);
    let label = format!("{}={secret_type}", crds::names::ARGO_CD_SECRET_TYPE_LABEL);
    let found = api.list(&ListParams::default().labels(&label)).await.ok()?;
    let text = |(key, value): (String, ByteString)| (key, String::from_utf8(value.0).unwrap());
    let data = found.into_iter().map(|one| one.data.unwrap_or_default());
    Some(data.map(|data| data.into_iter().map(text).collect()).collect())
}
