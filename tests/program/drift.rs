//! Which parts of Argo CD's resources are ours, and what happens when others add to them, remove
//! from them or copy them.

use std::time::Duration;

use crds::GitOpsDeployment;
use crds::argocd::phase;
use kube::ResourceExt;
use managed_gitops::roles::Roles;
use serde_json::{Value, json};

use crate::harness::{self, ARGO_CD, World, automated, condition, eventually, with_finalizer};

/// An installation that checks for drift constantly and repairs it at once, and a deployment.
async fn settled() -> (World, GitOpsDeployment, String) {
    let mut world = World::without_program().await;
    constantly_compared(&mut world).await;
    let (deployment, name) = deployed(&world).await;
    (world, deployment, name)
}

async fn constantly_compared(world: &mut World) {
    world.settings.rescan = Some(Duration::from_millis(50));
    world.settings.repair_grace = Duration::ZERO;
    world.start_program().await;
}

async fn deployed(world: &World) -> (GitOpsDeployment, String) {
    world.create_namespace("team-a").await;
    world.create("team-a", &with_finalizer(automated("app"))).await;
    let deployment = world.wait_until_ready("team-a", "app").await;
    let name = world.application_of(&deployment).await.unwrap().name_any();
    (deployment, name)
}

/// An Application with all of its fields.
async fn whole(world: &World, name: &str) -> Value {
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications/{name}");
    world.client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_apart_from_its_backend_tells_it_of_manual_changes() {
    harness::on_postgres_apart(|mut world| async move {
        constantly_compared(&mut world).await;
        let (deployment, name) = deployed(&world).await;
        let heard = world.metric(Roles::Backend, "gitops_signals_total");
        let elsewhere = json!({"spec": {"source": {"path": "elsewhere"}}});
        world.patch_application(&name, elsewhere).await;
        world
            .wait_for_application(&deployment, "the edit is undone", |one| {
                one.spec.source.path == deployment.spec.source.path
            })
            .await;
        assert!(world.metric(Roles::Backend, "gitops_signals_total") > heard);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_fields_that_affect_what_is_deployed_are_removed() {
    let (world, _, name) = settled().await;
    let planted = [
        ("/spec/sources", json!({"sources": [{"repoURL": "https://example.com/x", "path": "y"}]})),
        ("/spec/sourceHydrator", json!({"sourceHydrator": {"syncSource": {"path": "y"}}})),
        ("/spec/source/helm", json!({"source": {"helm": {"values": "replicas: 100"}}})),
        ("/spec/source/kustomize", json!({"source": {"kustomize": {"namePrefix": "y"}}})),
        ("/spec/source/directory", json!({"source": {"directory": {"recurse": true}}})),
        ("/spec/source/plugin", json!({"source": {"plugin": {"name": "y"}}})),
        ("/spec/source/chart", json!({"source": {"chart": "y"}})),
        ("/spec/source/newer", json!({"source": {"newer": "y"}})),
        ("/spec/destination/server", json!({"destination": {"server": "https://example.com"}})),
        (
            "/spec/syncPolicy/automated/enabled",
            json!({"syncPolicy": {"automated": {"enabled": false}}}),
        ),
        ("/spec/syncPolicy/retry/newer", json!({"syncPolicy": {"retry": {"newer": 1}}})),
    ];
    for (pointer, spec) in planted {
        world.patch_application(&name, json!({"spec": spec})).await;
        eventually(&format!("{pointer} is removed"), || async {
            whole(&world, &name).await.pointer(pointer).is_none().then_some(())
        })
        .await;
    }
    let changed = [
        ("/spec/syncPolicy/automated", json!("yes"), json!(true)),
        ("/spec/syncPolicy/retry/refresh", json!(false), json!(true)),
        ("/spec/syncPolicy/retry/limit", json!(5), json!(-1)),
    ];
    for (pointer, planted, right) in changed {
        let mut patch = planted;
        for part in pointer.rsplit('/').filter(|part| !part.is_empty()) {
            patch = json!({part: patch});
        }
        world.patch_application(&name, patch).await;
        eventually(&format!("{pointer} is repaired"), || async {
            let whole = whole(&world, &name).await;
            let found = whole.pointer(pointer).unwrap();
            (*found == right || found["prune"] == right).then_some(())
        })
        .await;
    }
    world.wait_until_ready("team-a", "app").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_argo_cd_and_of_administrators_are_left_alone() {
    let (world, _, name) = settled().await;
    let others = json!({
        "metadata": {"labels": {"team": "a"}, "annotations": {"notify": "chat"}},
        "spec": {
            "info": [{"name": "owner", "value": "a"}],
            "revisionHistoryLimit": 3,
            "ignoreDifferences": [{"group": "apps", "kind": "Deployment"}],
            "syncPolicy": {"managedNamespaceMetadata": {"labels": {"a": "b"}}},
        },
    });
    world.patch_application(&name, others.clone()).await;
    // Neither a repair nor a regular write of ours changes it.
    world.patch_application(&name, json!({"spec": {"source": {"path": "by-hand"}}})).await;
    eventually("the path is repaired", || async {
        (whole(&world, &name).await["spec"]["source"]["path"] == "deploy").then_some(())
    })
    .await;
    world.edit("team-a", "app", json!({"spec": {"type": "manual"}})).await;
    eventually("it is manual", || async {
        whole(&world, &name).await["spec"]["syncPolicy"]["automated"].is_null().then_some(())
    })
    .await;
    let found = whole(&world, &name).await;
    for pointer in [
        "/metadata/labels/team",
        "/metadata/annotations/notify",
        "/spec/info",
        "/spec/revisionHistoryLimit",
        "/spec/ignoreDifferences",
        "/spec/syncPolicy/managedNamespaceMetadata",
    ] {
        assert_eq!(found.pointer(pointer), others.pointer(pointer), "{pointer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_write_also_removes_foreign_fields() {
    let world = World::start().await;
    let (_, name) = deployed(&world).await;
    world.patch_application(&name, json!({"spec": {"sources": [{"path": "y"}]}})).await;
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "next"}}})).await;
    world.wait_until_ready("team-a", "app").await;
    let found = whole(&world, &name).await;
    assert_eq!(found["spec"]["source"]["path"], "next");
    assert_eq!(found.pointer("/spec/sources"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_application_is_deleted_before_the_finalizer_of_its_deployment() {
    let mut world = World::start().await;
    let (deployment, name) = deployed(&world).await;
    world.set_outcomes(&[("path.deploy", "deletion-never-finishes")]).await;
    world.wait_until_quiet().await;
    world.stop_program().await;
    // As a newer Argo CD might write it.
    let newer = json!({"spec": {"destination": {"namespace": ["one", "two"]}}});
    world.patch_application(&name, newer).await;
    world.delete("team-a", "app").await;
    world.start_program().await;
    eventually("the Application is being deleted", || async {
        let found = whole(&world, &name).await;
        (!found["metadata"]["deletionTimestamp"].is_null()).then_some(())
    })
    .await;
    world.wait_until_quiet().await;
    let left = world.deployments("team-a").get("app").await.unwrap();
    assert_eq!(left.finalizers(), deployment.finalizers());
    world.set_outcomes(&[]).await;
    world.wait_until_gone("team-a", "app").await;
    assert!(world.application_of(&deployment).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_an_application_is_left_alone() {
    let (world, deployment, name) = settled().await;
    let mut copy = whole(&world, &name).await;
    let labels = copy["metadata"]["labels"].clone();
    copy["metadata"] = json!({"name": "copy", "labels": labels});
    copy.as_object_mut().unwrap().remove("status");
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications");
    let request = http::Request::post(path).body(serde_json::to_vec(&copy).unwrap()).unwrap();
    let made: Value = world.client.request(request).await.unwrap();
    world.wait_until_quiet().await;
    world.delete("team-a", "app").await;
    world.wait_until_gone("team-a", "app").await;
    world.wait_until_application_gone(&deployment).await;
    world.wait_until_quiet().await;
    let left = whole(&world, "copy").await;
    assert_eq!(left["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(left["metadata"]["deletionTimestamp"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_project_is_restored_while_an_application_needs_it() {
    let (world, deployment, name) = settled().await;
    let project = whole(&world, &name).await["spec"]["project"].as_str().unwrap().to_owned();
    world.set_outcomes(&[("path.deploy", "deletion-never-finishes")]).await;
    world.wait_until_quiet().await;
    world.delete("team-a", "app").await;
    eventually("the Application is being deleted", || async {
        let found = whole(&world, &name).await;
        (!found["metadata"]["deletionTimestamp"].is_null()).then_some(())
    })
    .await;
    world.projects().delete(&project, &Default::default()).await.unwrap();
    let back = eventually("the AppProject is back", || async {
        world.projects().get_opt(&project).await.unwrap()
    })
    .await;
    let repository = &deployment.spec.source.repo_url;
    assert_eq!(back.spec.source_repos, std::slice::from_ref(repository));
    world.set_outcomes(&[]).await;
    world.wait_until_gone("team-a", "app").await;
    eventually("the AppProject is gone", || async {
        world.projects().get_opt(&project).await.unwrap().is_none().then_some(())
    })
    .await;
}

/// Reports that Argo CD is between two attempts at a failing sync.
async fn retrying(world: &World, name: &str, initiated_by: Value, path: &str) {
    let sync = json!({"revision": "old", "source": {
        "repoURL": automated("app").spec.source.repo_url, "path": path,
    }});
    let operation = json!({"sync": sync, "initiatedBy": initiated_by, "retry": {"limit": -1}});
    let state = json!({
        "phase": phase::RUNNING,
        "message": "one or more objects failed to apply. Retrying attempt #9 at 5:00PM.",
        "operation": operation,
        "startedAt": "2026-01-01T00:00:00Z",
    });
    let patch = json!({"operation": operation, "status": {"operationState": state}});
    world.patch_application(name, patch).await;
}

async fn phase_of(world: &World, name: &str) -> Value {
    whole(world, name).await["status"]["operationState"]["phase"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_ends_an_automatic_sync_of_an_outdated_spec() {
    let world = World::start().await;
    let (_, name) = deployed(&world).await;
    world.wait_until_quiet().await;
    world.stop_argocd();
    for (patch, path) in [
        (json!({"spec": {"source": {"path": "next"}}}), "deploy"),
        (json!({"spec": {"source": {"targetRevision": "v2"}}}), "next"),
        (json!({"spec": {"type": "manual"}}), "next"),
    ] {
        retrying(&world, &name, json!({"automated": true}), path).await;
        world.edit("team-a", "app", patch.clone()).await;
        eventually(&format!("{patch} ends the sync"), || async {
            (phase_of(&world, &name).await == phase::TERMINATING).then_some(())
        })
        .await;
        world.wait_until_quiet().await;
        let open = "SELECT count(*) FROM operation WHERE state IN ('Waiting', 'In_Progress')";
        assert_eq!(world.count(open).await, 0, "{patch}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_never_ends_a_requested_sync() {
    let world = World::start().await;
    let (_, name) = deployed(&world).await;
    world.wait_until_quiet().await;
    world.stop_argocd();
    retrying(&world, &name, json!({"username": "jane", "automated": null}), "deploy").await;
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "next"}}})).await;
    eventually("the Application is written", || async {
        (whole(&world, &name).await["spec"]["source"]["path"] == "next").then_some(())
    })
    .await;
    world.wait_until_quiet().await;
    assert_eq!(phase_of(&world, &name).await, phase::RUNNING);
    let found = world.deployments("team-a").get("app").await.unwrap();
    assert_eq!(condition(&found, "ErrorOccurred"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_sync_picks_up_the_next_commit() {
    let world = World::start().await;
    let fails = ("path.deploy", "sync-fails-at-first");
    world.set_outcomes(&[fails, ("commit.deploy", "first")]).await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let failing = world
        .wait_for("team-a", "app", "its sync fails", |one| {
            condition(one, "Ready").is_some_and(|ready| ready.reason == "Syncing")
        })
        .await;
    world.set_outcomes(&[fails, ("commit.deploy", "second")]).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let revision = |one: &GitOpsDeployment| one.status.as_ref().unwrap().sync.revision.clone();
    assert_ne!(revision(&ready), revision(&failing));
}
