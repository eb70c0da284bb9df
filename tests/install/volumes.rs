//! The volumes of a pod, as folders.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, KeyToPath, PersistentVolumeClaim, ProjectedVolumeSource, Secret, ServiceAccount,
    Volume, VolumeProjection,
};
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use crate::pod::{Pod, write};

/// The folder of each volume, by its name.
pub struct Volumes(HashMap<String, PathBuf>);

impl Volumes {
    /// Prepares those of a pod, or says what is lacking.
    pub async fn prepare(pod: &Pod) -> Result<Self, String> {
        let mut folders = HashMap::new();
        for volume in pod.spec().volumes.iter().flatten() {
            folders.insert(volume.name.clone(), prepare(pod, volume).await?);
        }
        Ok(Self(folders))
    }

    /// The folder of one.
    pub fn folder(&self, name: &str) -> &Path {
        &self.0[name]
    }
}

async fn prepare(pod: &Pod, volume: &Volume) -> Result<PathBuf, String> {
    let mut folder = pod.folder.join("volumes").join(&volume.name);
    if let Some(claim) = &volume.persistent_volume_claim {
        let claims: Api<PersistentVolumeClaim> =
            Api::namespaced(pod.node.client.clone(), &pod.node.namespace);
        let claim = claims.get(&claim.claim_name).await.map_err(|error| error.to_string())?;
        // It outlives the pod, but not the claim.
        folder = pod.node.folder.join("claims").join(claim.uid().unwrap());
    }
    std::fs::create_dir_all(&folder).unwrap();
    if let Some(secret) = &volume.secret {
        let name = secret.secret_name.as_ref().unwrap();
        let data = secret_data(pod, name, secret.optional == Some(true)).await?;
        lay_out(&folder, &data, secret.items.as_deref());
    } else if let Some(projected) = &volume.projected {
        project(pod, &folder, projected).await?;
    } else {
        let is_known = volume.empty_dir.is_some() || volume.persistent_volume_claim.is_some();
        assert!(is_known, "a volume of a kind that this kubelet does not know: {volume:?}");
    }
    Ok(folder)
}

/// What a Secret holds; nothing if it may be missing and is.
pub async fn secret_data(
    pod: &Pod,
    name: &str,
    may_be_missing: bool,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let secrets: Api<Secret> = Api::namespaced(pod.node.client.clone(), &pod.node.namespace);
    match secrets.get_opt(name).await.map_err(|error| error.to_string())? {
        Some(secret) => {
            Ok(secret.data.into_iter().flatten().map(|(key, value)| (key, value.0)).collect())
        }
        None if may_be_missing => Ok(Vec::new()),
        None => Err(format!("secret \"{name}\" not found")),
    }
}

/// Writes the values that are wanted, or all.
fn lay_out(folder: &Path, data: &[(String, Vec<u8>)], items: Option<&[KeyToPath]>) {
    for (key, value) in data {
        match items {
            None => write(&folder.join(key), value),
            Some(items) => {
                for item in items.iter().filter(|item| item.key == *key) {
                    write(&folder.join(&item.path), value);
                }
            }
        }
    }
}

/// What every pod has of its account: a token, the authority of the API server, and its namespace.
async fn project(
    pod: &Pod,
    folder: &Path,
    projected: &ProjectedVolumeSource,
) -> Result<(), String> {
    for source in projected.sources.iter().flatten() {
        let VolumeProjection { service_account_token, config_map, downward_api, .. } = source;
        if let Some(token) = service_account_token {
            write(&folder.join(&token.path), self::token(pod).await?.as_bytes());
        }
        if let Some(config_map) = config_map {
            let maps: Api<ConfigMap> =
                Api::namespaced(pod.node.client.clone(), &pod.node.namespace);
            let map = maps.get(&config_map.name).await.map_err(|error| error.to_string())?;
            let data = map.data.into_iter().flatten();
            let data: Vec<_> = data.map(|(key, value)| (key, value.into_bytes())).collect();
            lay_out(folder, &data, config_map.items.as_deref());
        }
        for file in downward_api.iter().flat_map(|api| api.items.iter().flatten()) {
            let field = file.field_ref.as_ref().unwrap();
            write(&folder.join(&file.path), self::field(pod, &field.field_path).as_bytes());
        }
    }
    Ok(())
}

/// A field of a pod that its containers ask for.
pub fn field(pod: &Pod, path: &str) -> String {
    match path {
        "metadata.name" => pod.object.name_any(),
        "metadata.namespace" => pod.node.namespace.clone(),
        "metadata.uid" => pod.object.uid().unwrap(),
        "status.podIP" => pod.address.to_string(),
        _ => panic!("a field that this kubelet does not know: {path}"),
    }
}

/// A token of the pod's account, which ends with the pod.
async fn token(pod: &Pod) -> Result<String, String> {
    let accounts: Api<ServiceAccount> =
        Api::namespaced(pod.node.client.clone(), &pod.node.namespace);
    let account = pod.spec().service_account_name.as_deref().unwrap_or("default");
    let bound = BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(pod.object.name_any()),
        uid: pod.object.uid(),
    };
    let spec = TokenRequestSpec { bound_object_ref: Some(bound), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let token = accounts.create_token_request(account, &PostParams::default(), &request).await;
    Ok(token.map_err(|error| error.to_string())?.status.unwrap().token)
}
