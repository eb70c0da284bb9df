//! What a tenant reads in a status, whatever Argo CD reports: reports of any size, blocked
//! removals, manually changed Applications.

use std::time::Duration;

use crds::GitOpsDeployment;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::Api;
use machines::kinds::deployment::conditions::budget_bytes;
use serde_json::{Value, json};

use crate::harness::{World, all, automated, condition, eventually, with_finalizer};

fn says(object: &GitOpsDeployment, type_: &str, status: &str, reason: &str) -> bool {
    condition(object, type_).is_some_and(|one| one.status == status && one.reason == reason)
}

/// Resources whose names barely compress; every hundredth is Degraded.
fn resources(count: usize, length: usize) -> Vec<Value> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut name = || (0..length).map(|_| random.alphanumeric()).collect::<String>();
    let health = |number: usize| if number % 100 == 99 { "Degraded" } else { "Healthy" };
    let resource = |number| {
        json!({
            "version": "v1", "kind": "ConfigMap", "namespace": "team-a", "name": name(),
            "status": "Synced", "health": {"status": health(number)},
        })
    };
    (0..count).map(resource).collect()
}

/// A ready deployment; Argo CD is stopped.
async fn ready(world: &World, object: &GitOpsDeployment) -> GitOpsDeployment {
    world.create_namespace("team-a").await;
    world.create("team-a", object).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    world.stop_argocd();
    ready
}

async fn report(world: &World, deployment: &GitOpsDeployment, resources: Vec<Value>) {
    let name = crds::names::application_name(&deployment.uid().unwrap());
    let status = json!({"status": {"health": {"status": "Degraded"}, "resources": resources}});
    world.patch_application(&name, status).await;
}

async fn wait_until_degraded(world: &World) -> crds::GitOpsDeploymentStatus {
    let degraded = world
        .wait_for("team-a", "app", "it is Degraded", |one| {
            says(one, "Stalled", "True", "Degraded") && says(one, "Ready", "False", "Degraded")
        })
        .await;
    let status = degraded.status.unwrap();
    assert_eq!(
        (status.sync.status.as_str(), status.health.status.as_str()),
        ("Synced", "Degraded")
    );
    let is_bad = |one: &&crds::argocd::ResourceStatus| {
        one.health.as_ref().is_some_and(|health| health.status == "Degraded")
    };
    let truncated = status.truncated.as_ref().expect("it says that it is truncated");
    assert_eq!(truncated.kept, i64::try_from(status.resources.len()).unwrap());
    let expected = usize::try_from(truncated.resources).unwrap() / 100;
    assert_eq!(status.resources.iter().filter(is_bad).count(), expected, "those are kept first");
    status
}

async fn events(world: &World) -> Vec<Event> {
    let mut events = all(&Api::<Event>::namespaced(world.client.clone(), "team-a")).await;
    events.retain(|event| event.reason.as_deref() == Some("StatusTruncated"));
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_too_large_for_the_database_is_truncated_and_delivered() {
    let world = World::start().await;
    let ready = ready(&world, &automated("app")).await;
    report(&world, &ready, resources(3_200, 200)).await;
    let status = wait_until_degraded(&world).await;
    let truncated = status.truncated.unwrap();
    assert_eq!(truncated.resources, 3_200);
    assert!(truncated.kept > 1_000, "{truncated:?}");
    let reported = eventually("an Event reports it", || async {
        let reported = events(&world).await;
        (!reported.is_empty()).then_some(reported)
    })
    .await;
    assert_eq!(reported.len(), 1);
    let about = &reported[0].involved_object;
    assert_eq!((about.uid.clone(), about.name.as_deref()), (ready.uid(), Some("app")));
    assert!(reported[0].message.as_ref().unwrap().contains("some of the resources"));
    // It is at rest, and was reported once.
    world.wait_until_quiet().await;
    report(&world, &ready, resources(3_200, 210)).await;
    world.wait_until_quiet().await;
    assert_eq!(events(&world).await.len(), 1);
    // Once it fits, it is complete again.
    report(&world, &ready, resources(10, 10)).await;
    world
        .wait_for("team-a", "app", "it is complete again", |one| {
            let status = one.status.as_ref().unwrap();
            status.truncated.is_none() && status.resources.len() == 10
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_older_crds_a_report_is_truncated_and_written_once() {
    let world = World::with_crds_without("truncated").await;
    let ready = ready(&world, &automated("app")).await;
    report(&world, &ready, resources(3_200, 200)).await;
    let degraded = world
        .wait_for("team-a", "app", "it is Degraded", |one| says(one, "Stalled", "True", "Degraded"))
        .await;
    let status = degraded.status.unwrap();
    assert!(status.truncated.is_none() && status.resources.len() > 1_000);
    let version = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_the_api_server_rejects_for_its_size_is_truncated_further() {
    let world = World::start().await;
    let mut object = automated("app");
    // 750 KiB outside the annotations, so that less is left than usual.
    let prefix = "a".repeat(240);
    let finalizers = (0..3_000).map(|number| format!("{prefix}.example/{number:04}"));
    object.metadata.finalizers = Some(finalizers.collect());
    let ready = ready(&world, &object).await;
    // It compresses well enough for the database.
    let mut large = resources(3_400, 10);
    for one in &mut large {
        one["health"]["message"] = "x".repeat(200).into();
    }
    report(&world, &ready, large).await;
    let status = wait_until_degraded(&world).await;
    assert_eq!(status.truncated.as_ref().unwrap().resources, 3_400);
    let bytes = crds::argocd::stored_bytes(&status.resources);
    assert!(bytes <= budget_bytes(1), "{bytes} bytes");
    let version = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, version, "it is not retried over and over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_blocks_a_removal_is_reported_to_the_tenant() {
    let world = World::start().await;
    world.set_outcomes(&[("path.deploy", "deletion-never-finishes")]).await;
    world.create_namespace("team-a").await;
    world.create("team-a", &with_finalizer(automated("app"))).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    let application = world
        .wait_for_application(&ready, "it is being deleted", |one| {
            one.metadata.deletion_timestamp.is_some()
        })
        .await;
    world.stop_argocd();
    let blocked = json!({"status": {
        "conditions": [{"type": "DeletionError", "message": "webhook denied the deletion"}],
        "resources": [
            {"group": "apps", "kind": "Deployment", "name": "web", "health": {"status": "Degraded"}},
            {"kind": "Service", "name": "gone", "health": {"status": "Missing"}},
        ],
    }});
    world.patch_application(&application.name_any(), blocked).await;
    let reported = world
        .wait_for("team-a", "app", "it reports what blocks it", |one| {
            says(one, "Stalled", "True", "DeletionError")
        })
        .await;
    assert!(says(&reported, "Ready", "False", "DeletionError"));
    assert!(
        says(&reported, "DeletionError", "True", "DeletionError"),
        "like other conditions of Argo CD"
    );
    let message = &condition(&reported, "Stalled").unwrap().message;
    assert!(message.contains("webhook denied the deletion"), "{message}");
    assert!(message.contains("apps/Deployment web (Degraded)"), "{message}");
    assert!(!message.contains("Service"), "{message}");
    let over = json!({"status": {"conditions": []}});
    world.patch_application(&application.name_any(), over).await;
    world
        .wait_for("team-a", "app", "nothing blocks it", |one| {
            says(one, "Stalled", "False", "Terminating")
                && says(one, "DeletionError", "False", "DeletionErrorResolved")
        })
        .await;
    let finalizers = json!({"metadata": {"finalizers": null}});
    world.patch_application(&application.name_any(), finalizers).await;
    world.wait_until_gone("team-a", "app").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_of_a_rejected_deployment_is_repaired_and_its_status_kept() {
    let mut world = World::without_program().await;
    world.settings.rescan = Some(Duration::from_millis(10));
    world.settings.repair_grace = Duration::ZERO;
    world.start_program().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "/"}}})).await;
    world
        .wait_for("team-a", "app", "it is rejected", |one| says(one, "Stalled", "True", "Rejected"))
        .await;
    world.wait_until_quiet().await;
    let before = world.deployments("team-a").get("app").await.unwrap();
    let operations = world.count("SELECT count(*) FROM operation").await;
    let name = crds::names::application_name(&ready.uid().unwrap());
    let edit = json!({"spec": {"source": {"path": "by-hand"}}});
    world.patch_application(&name, edit).await;
    world
        .wait_for_application(&ready, "the Application is repaired", |one| {
            one.spec.source.path == "deploy"
        })
        .await;
    world.wait_until_quiet().await;
    let after = world.deployments("team-a").get("app").await.unwrap();
    assert!(says(&after, "Stalled", "True", "Rejected"));
    let of = |object: &GitOpsDeployment| object.status.clone().unwrap().conditions;
    assert_eq!(of(&after), of(&before), "no condition has changed");
    let asked = world.count("SELECT count(*) FROM operation").await - operations;
    assert_eq!(asked, 1, "one operation was requested");
}
