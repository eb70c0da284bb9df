//! The Events on a tenant's objects: what a person should see, once, and nothing while all goes well.

use std::time::Duration;

use crds::GitOpsDeployment;
use crds::argocd::Application;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::Api;
use serde_json::{Value, json};

use crate::harness::{World, all, automated, condition, eventually, with_finalizer};

/// Type, reason and message of the Events on objects in the namespace, oldest first.
async fn told(world: &World) -> Vec<(String, String, String)> {
    let events = all(&Api::<Event>::namespaced(world.client.clone(), "team-a")).await;
    let mut told: Vec<(u64, (String, String, String))> = events
        .into_iter()
        .map(|event| {
            let revision = event.resource_version().unwrap().parse().unwrap();
            let text = |field: Option<String>| field.unwrap_or_default();
            (revision, (text(event.type_), text(event.reason), text(event.message)))
        })
        .collect();
    told.sort();
    told.into_iter().map(|(_, event)| event).collect()
}

fn reasons(told: &[(String, String, String)]) -> Vec<(&str, &str)> {
    told.iter().map(|(type_, reason, _)| (type_.as_str(), reason.as_str())).collect()
}

async fn wait_until_told(world: &World, expected: &[(&str, &str)]) {
    eventually(&format!("Events tell {expected:?}"), || async {
        (reasons(&told(world).await) == expected).then_some(())
    })
    .await;
}

fn revision_of(name: &str) -> Value {
    json!({"spec": {"source": {"targetRevision": name}}})
}

async fn world() -> World {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world
}

async fn wait_until_stalled(world: &World, reason: &str) -> GitOpsDeployment {
    world
        .wait_for("team-a", "app", reason, |one| {
            condition(one, "Stalled")
                .is_some_and(|stalled| stalled.status == "True" && stalled.reason == reason)
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_of_what_goes_well() {
    let world = world().await;
    world.create("team-a", &with_finalizer(automated("app"))).await;
    world.wait_until_ready("team-a", "app").await;
    world.edit("team-a", "app", revision_of("another")).await;
    world.wait_until_quiet().await;
    world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    world.wait_until_gone("team-a", "app").await;
    world.wait_until_quiet().await;
    assert_eq!(told(&world).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_once_and_so_is_its_end() {
    let world = world().await;
    world.set_outcomes(&[("path.deploy", "degraded")]).await;
    let mut deployment = automated("app");
    deployment.spec.source.path = "deploy".to_owned();
    world.create("team-a", &deployment).await;
    wait_until_stalled(&world, "Degraded").await;
    let failed = ("Warning", "DeploymentFailed");
    wait_until_told(&world, &[failed]).await;
    let (_, _, message) = told(&world).await.remove(0);
    assert!(message.contains("Degraded"), "{message}");
    // Edits that change nothing of it are no news.
    for revision in ["one", "two"] {
        world.edit("team-a", "app", revision_of(revision)).await;
        world.wait_until_quiet().await;
        wait_until_stalled(&world, "Degraded").await;
    }
    world.wait_until_quiet().await;
    assert_eq!(reasons(&told(&world).await), [failed]);
    // Nor is a restart.
    let mut world = world;
    world.stop_program().await;
    world.start_program().await;
    world.wait_until_quiet().await;
    assert_eq!(reasons(&told(&world).await), [failed]);
    world.set_outcomes(&[]).await;
    world.edit("team-a", "app", revision_of("three")).await;
    world.wait_until_ready("team-a", "app").await;
    let recovered = ("Normal", "DeploymentRecovered");
    wait_until_told(&world, &[failed, recovered]).await;
    world.wait_until_quiet().await;
    assert_eq!(reasons(&told(&world).await), [failed, recovered]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_spec_is_told_and_so_is_its_correction() {
    let world = world().await;
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.edit("team-a", "app", json!({"spec": {"source": {"path": ""}}})).await;
    wait_until_stalled(&world, "Rejected").await;
    wait_until_told(&world, &[("Warning", "DeploymentFailed")]).await;
    let (_, _, message) = told(&world).await.remove(0);
    assert!(message.contains("spec.source.path is a required field"), "{message}");
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "deploy"}}})).await;
    let expected = [("Warning", "DeploymentFailed"), ("Normal", "DeploymentRecovered")];
    wait_until_told(&world, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_argo_cd_cannot_finish_is_told_once() {
    let world = world().await;
    world.set_outcomes(&[("path.deploy", "deletion-never-finishes")]).await;
    let deployment = world.create("team-a", &with_finalizer(automated("app"))).await;
    world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    let is_leaving = |one: &Application| one.metadata.deletion_timestamp.is_some();
    let leaving = world.wait_for_application(&deployment, "it is being deleted", is_leaving).await;
    world.stop_argocd();
    let name = leaving.name_any();
    for attempt in 1..=3 {
        let message = format!("attempt {attempt}: a finalizer of somebody keeps it");
        let condition = json!({"type": "DeletionError", "message": message});
        world.patch_application(&name, json!({"status": {"conditions": [condition]}})).await;
        world
            .wait_for("team-a", "app", "the message is shown", |one| {
                condition_says(one, &format!("attempt {attempt}"))
            })
            .await;
    }
    wait_until_told(&world, &[("Warning", "DeletionBlocked")]).await;
    let (_, _, message) = told(&world).await.remove(0);
    assert!(message.contains("a finalizer of somebody keeps it"), "{message}");
}

fn condition_says(deployment: &GitOpsDeployment, text: &str) -> bool {
    condition(deployment, "Stalled").is_some_and(|stalled| stalled.message.contains(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_that_is_repaired_is_told_once() {
    let mut world = World::without_program().await;
    world.settings.rescan = Some(Duration::from_millis(50));
    world.settings.repair_grace = Duration::ZERO;
    world.start_program().await;
    world.create_namespace("team-a").await;
    let deployment = world.create("team-a", &with_finalizer(automated("app"))).await;
    world.wait_until_ready("team-a", "app").await;
    let application = world.application_of(&deployment).await.unwrap();
    let (name, path) = (application.name_any(), application.spec.source.path.clone());
    for planted in ["one", "two"] {
        world.patch_application(&name, json!({"spec": {"source": {"path": planted}}})).await;
        eventually("the path is written again", || async {
            let now = world.application_of(&deployment).await?;
            (now.spec.source.path == path).then_some(())
        })
        .await;
    }
    world.wait_until_ready("team-a", "app").await;
    wait_until_told(&world, &[("Normal", "DriftRepaired")]).await;
}
