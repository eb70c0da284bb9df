//! The requests that write an AppProject.

use crds::argocd::{AppProject, AppProjectSpec};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::entry::ProjectDocument;
use crate::agent::resources::operation::absent;
use crate::kubernetes::{ApiError, api_error};

/// Creates an AppProject, or corrects the existing one.
pub async fn write_project(
    client: &kube::Client,
    namespace: &str,
    wanted: &ProjectDocument,
    exists: bool,
) -> Result<AppProject, ApiError> {
    let api: Api<AppProject> = Api::namespaced(client.clone(), namespace);
    let spec = AppProjectSpec {
        source_repos: wanted.source_repos.iter().cloned().collect(),
        destinations: wanted.destinations.clone(),
        ..AppProjectSpec::default()
    };
    let annotations = json!({crds::names::USERNAME_ANNOTATION: wanted.user});
    if exists {
        let patch = json!({
            "metadata": {"annotations": annotations},
            "spec": {"sourceRepos": spec.source_repos, "destinations": spec.destinations},
        });
        let parameters = PatchParams::default();
        return api.patch(&wanted.name, &parameters, &Patch::Merge(patch)).await.map_err(api_error);
    }
    let mut project = AppProject::new(&wanted.name, spec);
    project
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(crds::names::USERNAME_ANNOTATION.to_owned(), wanted.user.clone());
    api.create(&PostParams::default(), &project).await.map_err(api_error)
}

/// Deletes an AppProject, unless it is gone.
pub async fn remove_project(
    client: &kube::Client,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    let api: Api<AppProject> = Api::namespaced(client.clone(), namespace);
    absent(api.delete(name, &DeleteParams::default()).await.map(drop).map_err(api_error))
}
