//! Manual changes to resources that we manage.

use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::harness::eventually;
use crate::repository::config_map;
use crate::ring::Ring;

/// The rescan runs once a minute, so one scenario makes all manual changes.
pub async fn manual_changes_to_managed_resources_are_undone(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let mut deployments = Vec::new();
    for name in ["edited", "deleted", "neighbour"] {
        ring.create(&ring.deployment(name, "manual", "shop")).await;
        deployments.push(ring.wait_until_ready(name).await);
    }
    let applications = ring.applications();
    let [edited, deleted, neighbour] =
        [0, 1, 2].map(|one| ring.application_name(&deployments[one]));
    let untouched = applications.get(&neighbour).await.unwrap();
    let projects = ring.projects();
    let project = projects.get(&untouched.spec.project).await.unwrap();

    let patch = Patch::Merge(json!({"spec": {"source": {"path": "elsewhere"}}}));
    applications.patch(&edited, &PatchParams::default(), &patch).await.unwrap();
    let gone = applications.get(&deleted).await.unwrap().uid();
    applications.delete(&deleted, &DeleteParams::default()).await.unwrap();
    let patch = Patch::Merge(json!({"spec": {"sourceRepos": ["*"]}}));
    projects.patch(&project.name_any(), &PatchParams::default(), &patch).await.unwrap();

    ring.wait_for_application(&deployments[0], "the edit is undone", |found| {
        found.is_some_and(|one| one.spec.source.path == "shop")
    })
    .await;
    ring.wait_for_application(&deployments[1], "a new Application exists", |found| {
        found.is_some_and(|one| one.uid() != gone)
    })
    .await;
    let is_mended = || async {
        let found = projects.get_opt(&project.name_any()).await.ok()??;
        (found.spec.source_repos == project.spec.source_repos).then_some(())
    };
    eventually("the AppProject permits only what it should", is_mended).await;
    projects.delete(&project.name_any(), &DeleteParams::default()).await.unwrap();
    eventually("the AppProject is back", is_mended).await;
    for name in ["edited", "deleted", "neighbour"] {
        ring.wait_until_ready(name).await;
    }
    assert_eq!(applications.get(&neighbour).await.unwrap().spec, untouched.spec);
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
