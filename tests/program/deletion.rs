//! The end of a GitOpsDeployment, with and without a finalizer, and its successor of the same
//! name.

use std::time::Duration;

use crds::GitOpsDeployment;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, WatchEvent};
use machines::kinds::deployment::conditions::ConditionStyle;
use serde_json::json;

use crate::harness::{ARGO_CD, World, all, automated, condition, manual, with_finalizer};

const FOREIGN: &str = "example.com/keeps-it";
const BLOCKED: [(&str, &str); 1] = [("path.deploy", "deletion-never-finishes")];
const PREDECESSOR: &str =
    "waiting for the resources of the deleted GitOpsDeployment of the same name to be removed";

/// Checks that nothing of a deployment is left in the database.
async fn wait_until_forgotten(world: &World) {
    for table in ["application", "deploymenttoapplicationmapping", "applicationstate"] {
        world.wait_until_counted(&format!("SELECT count(*) FROM {table}"), 0).await;
    }
    let machines = "SELECT count(*) FROM machine WHERE kind <> 'Tenant'";
    world.wait_until_counted(machines, 0).await;
    let open = "SELECT count(*) FROM operation WHERE state IN ('Waiting', 'In_Progress')";
    world.wait_until_counted(open, 0).await;
}

fn waits_for_its_predecessor(object: &GitOpsDeployment) -> bool {
    condition(object, "Ready")
        .is_some_and(|ready| ready.reason == "AwaitingPredecessor" && ready.message == PREDECESSOR)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_3_without_the_finalizer_a_deployment_is_gone_at_once() {
    let world = World::start().await;
    world.set_outcomes(&BLOCKED).await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    assert_eq!(ready.finalizers(), [] as [String; 0], "ours was not added");
    world.delete("team-a", "app").await;
    assert!(world.deployments("team-a").get_opt("app").await.unwrap().is_none());

    // Its resources are removed afterwards, however long that takes.
    world
        .wait_for_application(&ready, "it is being deleted", |one| {
            one.metadata.deletion_timestamp.is_some()
        })
        .await;
    world.wait_until_counted("SELECT count(*) FROM application", 0).await;
    let machines = "SELECT count(*) FROM machine WHERE kind = 'Deployment'";
    assert_eq!(world.count(machines).await, 1, "the durable record is kept until it is done");
    world.set_outcomes(&[]).await;
    world.wait_until_application_gone(&ready).await;
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_3_with_the_finalizer_a_deployment_is_removed_after_its_resources() {
    let world = World::start().await;
    world.set_outcomes(&BLOCKED).await;
    world.create_namespace("team-a").await;
    let since = world.plane.resource_version();
    world.create("team-a", &with_finalizer(automated("app"))).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    world
        .wait_for_application(&ready, "it is being deleted", |one| {
            one.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert!(world.deployments("team-a").get_opt("app").await.unwrap().is_some());
    world.set_outcomes(&[]).await;
    world.wait_until_gone("team-a", "app").await;
    let version = |one: &dyn Fn() -> Option<String>| -> u64 { one().unwrap().parse().unwrap() };
    let applications = world.history(&world.applications(), since).await;
    let application_gone = applications.iter().find_map(|event| match event {
        WatchEvent::Deleted(one) => Some(version(&|| one.resource_version())),
        _ => None,
    });
    let deployments = world.history(&world.deployments("team-a"), since).await;
    let deployment_gone = deployments.iter().find_map(|event| match event {
        WatchEvent::Deleted(one) => Some(version(&|| one.resource_version())),
        _ => None,
    });
    assert!(application_gone.unwrap() < deployment_gone.unwrap());
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_3_a_foreign_finalizer_is_left_alone() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let mut object = with_finalizer(automated("app"));
    object.metadata.finalizers.as_mut().unwrap().insert(0, FOREIGN.to_owned());
    let created = world.create("team-a", &object).await;
    world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    let held = world
        .wait_for("team-a", "app", "our finalizer is removed", |one| one.finalizers().len() == 1)
        .await;
    assert_eq!(held.finalizers(), [FOREIGN]);
    assert!(world.application_of(&created).await.is_none());
    wait_until_forgotten(&world).await;
    // Its owner may take any time and edit it meanwhile; nothing is re-created.
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "zombie"}}})).await;
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet);
    assert_eq!(all(&world.applications()).await, []);
    wait_until_forgotten(&world).await;
    world.edit("team-a", "app", json!({"metadata": {"finalizers": null}})).await;
    world.wait_until_gone("team-a", "app").await;
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_finalizer_removed_meanwhile_does_not_keep_ours() {
    let mut world = World::without_program().await;
    // So that no status is written meanwhile: its response would show the finalizers.
    world.settings.conditions = ConditionStyle::Legacy;
    world.start_program().await;
    world.set_outcomes(&BLOCKED).await;
    world.create_namespace("team-a").await;
    let mut object = with_finalizer(automated("app"));
    object.metadata.finalizers.as_mut().unwrap().insert(0, FOREIGN.to_owned());
    let created = world.create("team-a", &object).await;
    world
        .wait_for("team-a", "app", "it is synced", |one| {
            one.status.as_ref().is_some_and(|status| status.sync.status == "Synced")
        })
        .await;
    world.delete("team-a", "app").await;
    world
        .wait_for_application(&created, "it is being deleted", |one| {
            one.metadata.deletion_timestamp.is_some()
        })
        .await;
    world.wait_until_quiet().await;
    let ours = json!({"metadata": {"finalizers": [crds::names::DEPLOYMENT_FINALIZER]}});
    world.edit("team-a", "app", ours).await;
    world.wait_until_quiet().await;
    world.set_outcomes(&[]).await;
    world.wait_until_gone("team-a", "app").await;
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_whose_label_was_manually_removed_is_deleted_with_its_deployment() {
    let mut world = World::without_program().await;
    world.settings.rescan = None;
    world.start_program().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &with_finalizer(automated("app"))).await;
    world.wait_until_ready("team-a", "app").await;
    let name = world.application_of(&created).await.unwrap().name_any();
    world.patch_application(&name, json!({"metadata": {"labels": null}})).await;
    world.wait_until_quiet().await;
    world.delete("team-a", "app").await;
    world.wait_until_gone("team-a", "app").await;
    assert_eq!(all(&world.applications()).await, []);
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_3_a_foreign_finalizer_alone_does_not_keep_the_resources() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let mut object = automated("app");
    object.metadata.finalizers = Some(vec![FOREIGN.to_owned()]);
    let created = world.create("team-a", &object).await;
    world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    world.wait_until_application_gone(&created).await;
    let held = world.deployments("team-a").get("app").await.unwrap();
    assert_eq!(held.finalizers(), [FOREIGN]);
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_never_had_an_application_is_removed_at_once() {
    let mut world = World::start().await;
    world.create_namespace("team-a").await;
    let mut invalid = with_finalizer(automated("invalid"));
    invalid.spec.source.path = "/".to_owned();
    world.create("team-a", &invalid).await;
    world
        .wait_for("team-a", "invalid", "it is rejected", |one| {
            condition(one, "ErrorOccurred").is_some()
        })
        .await;
    world.delete("team-a", "invalid").await;
    world.wait_until_gone("team-a", "invalid").await;

    // One that was created and deleted while the program was stopped is released as well.
    world.stop_program().await;
    world.create("team-a", &with_finalizer(automated("unseen"))).await;
    world.delete("team-a", "unseen").await;
    world.start_program().await;
    world.wait_until_gone("team-a", "unseen").await;
    assert_eq!(all(&world.applications()).await, []);
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_waits_for_argo_cd_can_be_deleted() {
    let mut world = World::without_program().await;
    world.delete_namespace(ARGO_CD).await;
    world.wait_until_namespace_gone(ARGO_CD).await;
    world.start_program().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &with_finalizer(automated("app"))).await;
    world
        .wait_for("team-a", "app", "it reports that it is waiting", |one| {
            condition(one, "Ready").is_some_and(|ready| ready.reason == "AwaitingArgoCD")
        })
        .await;
    world.delete("team-a", "app").await;
    world.wait_until_gone("team-a", "app").await;
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_deleted_during_its_creation_leaves_nothing() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    for number in 0..10 {
        let name = format!("short-{number}");
        let object = if number % 2 == 0 { automated(&name) } else { manual(&name) };
        let object = if number % 3 == 0 { with_finalizer(object) } else { object };
        world.create("team-a", &object).await;
        world.delete("team-a", &name).await;
    }
    for number in 0..10 {
        world.wait_until_gone("team-a", &format!("short-{number}")).await;
    }
    wait_until_forgotten(&world).await;
    world.wait_until_quiet().await;
    assert_eq!(all(&world.applications()).await, []);
    assert_eq!(all(&world.projects()).await, []);
    assert_eq!(all(&world.operations()).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_missed_while_the_program_was_stopped_is_caught_up_on() {
    let mut world = World::start().await;
    world.create_namespace("team-a").await;
    let gone = world.create("team-a", &automated("gone")).await;
    let going = world.create("team-a", &with_finalizer(automated("going"))).await;
    world.wait_until_ready("team-a", "gone").await;
    world.wait_until_ready("team-a", "going").await;
    world.stop_program().await;
    world.delete("team-a", "gone").await;
    world.delete("team-a", "going").await;
    world.start_program().await;
    world.wait_until_application_gone(&gone).await;
    world.wait_until_gone("team-a", "going").await;
    assert!(world.application_of(&going).await.is_none());
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_of_the_same_name_waits_for_the_removal_of_the_old_resources() {
    let world = World::start().await;
    world.set_outcomes(&BLOCKED).await;
    world.create_namespace("team-a").await;
    let old = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.delete("team-a", "app").await;
    let new = world.create("team-a", &automated("app")).await;
    assert_ne!(old.uid(), new.uid());
    world.wait_for("team-a", "app", "it waits", waits_for_its_predecessor).await;
    assert!(world.application_of(&new).await.is_none());
    let since = world.plane.resource_version();
    world.set_outcomes(&[]).await;
    world.wait_until_ready("team-a", "app").await;
    assert!(world.application_of(&old).await.is_none());
    assert!(world.application_of(&new).await.is_some());
    // The old one was gone before the new one was created.
    let events = world.history(&world.applications(), since).await;
    let mut is_old_gone = false;
    for event in events {
        match event {
            WatchEvent::Deleted(_) => is_old_gone = true,
            WatchEvent::Added(_) => assert!(is_old_gone),
            _ => {}
        }
    }
    let machines = "SELECT count(*) FROM machine WHERE kind = 'Deployment'";
    world.wait_until_counted(machines, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_created_while_the_program_was_stopped_waits_too() {
    let mut world = World::start().await;
    world.create_namespace("team-a").await;
    let old = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.set_outcomes(&BLOCKED).await;
    world.stop_program().await;
    world.delete("team-a", "app").await;
    let new = world.create("team-a", &automated("app")).await;
    world.start_program().await;
    world.wait_for("team-a", "app", "it waits", waits_for_its_predecessor).await;
    // Neither a restart nor a further successor changes the order.
    world.stop_program().await;
    world.delete("team-a", "app").await;
    let newest = world.create("team-a", &automated("app")).await;
    world.start_program().await;
    world.wait_for("team-a", "app", "it waits", waits_for_its_predecessor).await;
    assert!(world.application_of(&old).await.is_some());
    world.set_outcomes(&[]).await;
    world.wait_until_ready("team-a", "app").await;
    assert!(world.application_of(&old).await.is_none());
    assert!(world.application_of(&new).await.is_none());
    assert!(world.application_of(&newest).await.is_some());
    assert_eq!(all(&world.applications()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_reused_repeatedly_ends_with_the_last_deployment() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let mut last = world.create("team-a", &automated("app")).await;
    for _ in 0..8 {
        world.delete("team-a", "app").await;
        last = world.create("team-a", &automated("app")).await;
    }
    world.wait_until_ready("team-a", "app").await;
    let machines = "SELECT count(*) FROM machine WHERE kind = 'Deployment'";
    world.wait_until_counted(machines, 1).await;
    let applications = all(&world.applications()).await;
    assert_eq!(applications.len(), 1);
    let expected = crds::names::application_name(&last.uid().unwrap());
    assert_eq!(applications[0].name_any(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endlessly_retried_sync_does_not_delay_a_deletion() {
    let world = World::start().await;
    world.set_outcomes(&[("path.deploy", "sync-fails")]).await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &with_finalizer(automated("app"))).await;
    world
        .wait_for("team-a", "app", "the failed attempt is reported", |one| {
            condition(one, "Ready").is_some_and(|ready| {
                ready.reason == "Syncing" && ready.message.contains("Retrying attempt #1")
            })
        })
        .await;
    world.delete("team-a", "app").await;
    world.wait_until_gone("team-a", "app").await;
    world.wait_until_application_gone(&created).await;
    wait_until_forgotten(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_manually_deleted_during_such_a_sync_is_restored() {
    let mut world = World::without_program().await;
    world.settings.rescan = Some(Duration::from_millis(10));
    world.settings.repair_grace = Duration::ZERO;
    world.start_program().await;
    world.set_outcomes(&[("path.deploy", "sync-fails")]).await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    world
        .wait_for("team-a", "app", "the failed attempt is reported", |one| {
            condition(one, "Ready").is_some_and(|ready| ready.reason == "Syncing")
        })
        .await;
    let before = world.application_of(&created).await.unwrap();
    let (name, applications) = (before.name_any(), world.applications());
    let finalizer = json!({"metadata": {"finalizers": [crds::names::ARGO_CD_FINALIZER]}});
    let parameters = PatchParams::default();
    applications.patch(&name, &parameters, &Patch::Merge(finalizer)).await.unwrap();
    applications.delete(&name, &DeleteParams::default()).await.unwrap();
    world
        .wait_for_application(&created, "a new one exists", |one| {
            one.metadata.uid != before.metadata.uid
        })
        .await;
}
