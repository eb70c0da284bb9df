//! GitOpsDeploymentSyncRuns: one sync each, one after the other, and how it went.

use std::collections::BTreeMap;

use crds::argocd::Application;
use crds::{GitOpsDeployment, GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunSpec};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::harness::{World, all, automated, condition, eventually, manual};

type Told = BTreeMap<String, (String, String, String)>;

fn runs(world: &World) -> Api<GitOpsDeploymentSyncRun> {
    Api::namespaced(world.client.clone(), "team-a")
}

fn run(name: &str, deployment: &str, revision: &str) -> GitOpsDeploymentSyncRun {
    let spec = GitOpsDeploymentSyncRunSpec {
        gitops_deployment_name: deployment.to_owned(),
        revision_id: revision.to_owned(),
    };
    GitOpsDeploymentSyncRun::new(name, spec)
}

async fn create(world: &World, run: &GitOpsDeploymentSyncRun) -> GitOpsDeploymentSyncRun {
    runs(world).create(&PostParams::default(), run).await.unwrap()
}

async fn edit(world: &World, name: &str, spec: serde_json::Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    runs(world).patch(name, &PatchParams::default(), &patch).await.unwrap();
}

async fn delete(world: &World, name: &str) {
    runs(world).delete(name, &DeleteParams::default()).await.unwrap();
}

/// Status, reason and message of each condition.
fn told(run: &GitOpsDeploymentSyncRun) -> Told {
    let conditions = run.status.iter().flat_map(|status| &status.conditions);
    let told = conditions.map(|one| {
        (one.type_.clone(), (one.status.clone(), one.reason.clone(), one.message.clone()))
    });
    told.collect()
}

fn says(told: &Told, type_: &str, status: &str, reason: &str) -> bool {
    told.get(type_).is_some_and(|one| (one.0.as_str(), one.1.as_str()) == (status, reason))
}

async fn wait_for(
    world: &World,
    name: &str,
    what: &str,
    is_so: impl Fn(&Told) -> bool,
) -> GitOpsDeploymentSyncRun {
    let api = runs(world);
    eventually(&format!("{name}: {what}"), || async {
        api.get_opt(name).await.unwrap().filter(|one| is_so(&told(one)))
    })
    .await
}

async fn wait_until_succeeded(world: &World, name: &str) -> GitOpsDeploymentSyncRun {
    wait_for(world, name, "it succeeds", |told| says(told, "Succeeded", "True", "Succeeded")).await
}

async fn wait_until_gone(world: &World) {
    world.wait_until_counted("SELECT count(*) FROM machine WHERE kind = 'SyncRun'", 0).await;
    world.wait_until_counted("SELECT count(*) FROM syncoperation", 0).await;
    let mapped = "SELECT count(*) FROM apicrtodatabasemapping";
    world.wait_until_counted(mapped, 0).await;
}

/// A manual deployment whose Application is written.
async fn deployed(world: &World) -> GitOpsDeployment {
    world.create_namespace("team-a").await;
    world.create("team-a", &manual("app")).await;
    world.wait_until_ready("team-a", "app").await
}

/// The syncs that Argo CD has begun for runs, in order.
async fn begun(world: &World) -> Vec<String> {
    let mut begun: Vec<String> = Vec::new();
    let mut last = String::new();
    for event in world.history(&world.applications(), 0).await {
        let kube::api::WatchEvent::Modified(application) = event else { continue };
        let application: Application = application;
        let Some(state) = application.operation_state() else { continue };
        let info = state.operation.info.iter().find(|one| one.name == crds::names::SYNC_INFO);
        let Some(info) = info else { continue };
        let is_new = state.is_running() && last != info.value;
        if is_new {
            begun.push(info.value.clone());
        }
        last = if state.is_running() { info.value.clone() } else { String::new() };
    }
    begun
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_syncs_its_deployment_once_and_says_how_it_went() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    let application = world.application_of(&deployment).await.unwrap();
    assert_eq!(application.status.unwrap_or_default().sync.status, "OutOfSync");
    let created = create(&world, &run("first", "app", "")).await;
    let done = wait_until_succeeded(&world, "first").await;
    let told = told(&done);
    assert!(says(&told, "ErrorOccurred", "False", ""), "{told:?}");
    assert!(told["Succeeded"].2.starts_with("synced to "), "{told:?}");
    let application = world.application_of(&deployment).await.unwrap();
    let state = application.operation_state().unwrap();
    assert_eq!(state.operation.sync.as_ref().unwrap().revision, "main");
    assert_eq!(state.operation.initiated_by.username, "managed-gitops");
    assert_eq!(state.operation.info[0].value, created.uid().unwrap());
    world.wait_until_quiet().await;
    assert_eq!(begun(&world).await, [created.uid().unwrap()]);
    assert_eq!(all(&world.operations()).await.len(), 0);
    delete(&world, "first").await;
    wait_until_gone(&world).await;
    let deployment = world.wait_until_ready("team-a", "app").await;
    assert!(condition(&deployment, "ErrorOccurred").is_none());
    let _ = automated("other");
}
