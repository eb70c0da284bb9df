//! GitOpsDeploymentSyncRuns: what a tenant who syncs by hand sees.

use std::collections::BTreeMap;

use crds::argocd::{Application, phase};
use crds::sync_run::GitOpsDeploymentSyncRunCondition;
use crds::{GitOpsDeployment, GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunSpec};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, WatchEvent};
use serde_json::json;

use crate::harness::{all, eventually, history};
use crate::repository::{JobEnd, config_map, hook};
use crate::ring::Ring;

/// A commit that only the stand-in for Argo CD has.
const SOME_COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// How many runs are created at once.
const RUNS: usize = 10;

/// Status and message of each condition.
type Told = BTreeMap<String, (String, String)>;

fn runs(ring: &Ring) -> Api<GitOpsDeploymentSyncRun> {
    Api::namespaced(ring.client.clone(), &ring.namespace)
}

/// Creates a run that syncs the deployment `shop`.
async fn create(ring: &Ring, name: &str, revision: &str) -> GitOpsDeploymentSyncRun {
    let spec = GitOpsDeploymentSyncRunSpec {
        gitops_deployment_name: "shop".to_owned(),
        revision_id: revision.to_owned(),
    };
    let run = GitOpsDeploymentSyncRun::new(name, spec);
    runs(ring).create(&PostParams::default(), &run).await.unwrap()
}

/// Waits until a run has ended, and returns what it says.
async fn outcome(ring: &Ring, name: &str) -> Told {
    let api = runs(ring);
    eventually(&format!("{name} has ended"), || async {
        let status = api.get(name).await.ok()?.status.unwrap_or_default();
        let conditions = status.conditions.into_iter();
        let told: Told = conditions.map(|one| (one.type_, (one.status, one.message))).collect();
        let has_ended = told.get("Succeeded").is_some_and(|(status, _)| status != "Unknown");
        has_ended.then_some(told)
    })
    .await
}

/// Waits until a run has ended, which must be successful; returns the message.
async fn success(ring: &Ring, name: &str) -> String {
    let told = outcome(ring, name).await;
    assert_eq!(told["Succeeded"].0, "True", "{name}: {told:?}");
    assert_eq!(told["ErrorOccurred"], ("False".to_owned(), String::new()), "{name}");
    told["Succeeded"].1.clone()
}

/// Waits until a run has ended, which must not be successful; returns the error.
async fn failure(ring: &Ring, name: &str) -> String {
    let told = outcome(ring, name).await;
    assert_eq!(told["Succeeded"].0, "False", "{name}: {told:?}");
    assert_eq!(told["ErrorOccurred"].0, "True", "{name}: {told:?}");
    told["ErrorOccurred"].1.clone()
}

/// The manual deployment `shop` of the folder `shop`, once Argo CD has compared it with git.
async fn deployed(ring: &Ring) -> GitOpsDeployment {
    ring.create(&ring.deployment("shop", "manual", "shop")).await;
    ring.wait_for("shop", "Argo CD says that it is out of sync", |shop| {
        shop.status.as_ref().is_some_and(|status| status.sync.status == "OutOfSync")
    })
    .await
}

/// Has Argo CD sync nothing of a deployment's project, or sync it at any time.
async fn close_sync_window(ring: &Ring, shop: &GitOpsDeployment, is_closed: bool) {
    let application = ring.applications().get(&ring.application_name(shop)).await.unwrap();
    let always = json!({
        "kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"],
    });
    let windows = if is_closed { json!([always]) } else { json!(null) };
    let patch = Patch::Merge(json!({"spec": {"syncWindows": windows}}));
    let project = &application.spec.project;
    ring.projects().patch(project, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits until a run says that a sync window holds it.
async fn until_held(ring: &Ring, name: &str) {
    let api = runs(ring);
    eventually(&format!("{name} says what it waits for"), || async {
        let conditions = api.get(name).await.ok()?.status.unwrap_or_default().conditions;
        let is_so = |one: &GitOpsDeploymentSyncRunCondition| {
            one.status == "Unknown" && one.message.contains("blocked by sync window")
        };
        conditions.iter().any(is_so).then_some(())
    })
    .await;
}

/// Name of the sync and phase, each time that one of them changes, in the history of all
/// Applications.
async fn syncs(ring: &Ring, since: &str) -> Vec<(String, String)> {
    let mut syncs: Vec<(String, String)> = Vec::new();
    for event in history(&ring.applications(), since).await {
        let WatchEvent::Modified(application) = event else { continue };
        let application: Application = application;
        let Some(state) = application.operation_state() else { continue };
        let info = state.operation.info.iter().find(|one| one.name == crds::sync_run::SYNC_INFO);
        let now = (info.map(|one| one.value.clone()).unwrap_or_default(), state.phase.clone());
        if syncs.last() != Some(&now) {
            syncs.push(now);
        }
    }
    syncs
}

pub async fn a_manual_deployment_is_synced_to_an_older_commit(ring: &mut Ring) {
    let older = ring.commit(&[("shop/first.json", config_map("first", "older"))]).unwrap();
    let newer = ring.commit(&[("shop/first.json", config_map("first", "newer"))]).unwrap();
    deployed(ring).await;
    create(ring, "back", &older).await;
    assert_eq!(success(ring, "back").await, format!("synced to {older}"));
    // Without waiting: the run has ended.
    ring.wait_for_word("first", Some("older")).await;
    create(ring, "forth", &newer).await;
    assert_eq!(success(ring, "forth").await, format!("synced to {newer}"));
    ring.wait_for_word("first", Some("newer")).await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

pub async fn a_run_without_a_revision_syncs_the_deployments(ring: &mut Ring) {
    let commit = ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    deployed(ring).await;
    create(ring, "run", "").await;
    let message = success(ring, "run").await;
    if let Some(commit) = commit {
        assert_eq!(message, format!("synced to {commit}"));
        ring.wait_for_word("first", Some("one")).await;
    }
    ring.wait_for("shop", "it is synced", |shop| {
        shop.status.as_ref().is_some_and(|status| status.sync.status == "Synced")
    })
    .await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

pub async fn a_failing_hook_ends_a_run_and_the_next_one_works(ring: &mut Ring) {
    ring.commit(&[
        ("shop/first.json", config_map("first", "one")),
        ("shop/hook.json", hook("migrate", JobEnd::Failure)),
    ]);
    ring.make_syncs_fail("shop").await;
    deployed(ring).await;
    create(ring, "broken", "").await;
    let error = failure(ring, "broken").await;
    assert!(error.starts_with("the sync ended in phase Failed: one or more "), "{error}");
    let mended = ring.commit(&[("shop/hook.json", hook("migrate", JobEnd::Success))]);
    ring.forget_outcomes().await;
    create(ring, "mended", mended.as_deref().unwrap_or(SOME_COMMIT)).await;
    success(ring, "mended").await;
    assert_eq!(failure(ring, "broken").await, error, "what has ended stays as it is");
    if mended.is_some() {
        ring.wait_for_word("first", Some("one")).await;
    }
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

pub async fn a_run_of_a_deployment_that_was_automated_is_not_retried(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    let shop = ring.wait_until_ready("shop").await;
    ring.edit("shop", json!({"spec": {"type": "manual"}})).await;
    ring.wait_for_application(&shop, "the Application is manual", |found| {
        let policy = found.and_then(|one| one.spec.sync_policy.as_ref());
        found.is_some() && policy.is_none_or(|policy| policy.automated.is_none())
    })
    .await;
    let broken = ring.commit(&[("shop/hook.json", hook("migrate", JobEnd::Failure))]).unwrap();
    create(ring, "broken", &broken).await;
    let error = failure(ring, "broken").await;
    assert!(!error.contains("retried"), "{error}");
}

pub async fn deleting_a_run_ends_its_sync_and_the_next_one_works(ring: &mut Ring) {
    ring.commit(&[
        ("shop/first.json", config_map("first", "one")),
        ("shop/hook.json", hook("migrate", JobEnd::Never)),
    ]);
    ring.make_syncs_endless("shop").await;
    let shop = deployed(ring).await;
    create(ring, "endless", "").await;
    ring.wait_for_application(&shop, "its sync waits for the hook", |found| {
        found
            .and_then(Application::operation_state)
            .is_some_and(|state| state.message.contains("hook batch/Job/migrate"))
    })
    .await;
    runs(ring).delete("endless", &DeleteParams::default()).await.unwrap();
    ring.wait_for_application(&shop, "its sync is terminated", |found| {
        let ended = found.filter(|one| one.operation.is_none());
        ended.and_then(Application::operation_state).is_some_and(|state| {
            state.phase == phase::FAILED && state.message == "Operation terminated"
        })
    })
    .await;
    let jobs = Api::<Job>::namespaced(ring.client.clone(), &ring.namespace);
    eventually("the hook is gone", || async {
        jobs.get_opt("migrate").await.ok()?.is_none().then_some(())
    })
    .await;
    ring.wait_until_counted("SELECT count(*) FROM syncoperation", 0).await;
    let mended = ring.commit(&[("shop/hook.json", hook("migrate", JobEnd::Success))]);
    ring.forget_outcomes().await;
    create(ring, "next", mended.as_deref().unwrap_or(SOME_COMMIT)).await;
    success(ring, "next").await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

pub async fn a_run_tells_of_the_sync_window_that_it_waits_for(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let shop = deployed(ring).await;
    close_sync_window(ring, &shop, true).await;
    create(ring, "run", "").await;
    until_held(ring, "run").await;
    close_sync_window(ring, &shop, false).await;
    success(ring, "run").await;
    ring.wait_for_word("first", Some("one")).await;
}

pub async fn what_a_sync_window_holds_can_be_withdrawn(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let shop = deployed(ring).await;
    close_sync_window(ring, &shop, true).await;
    create(ring, "first", "").await;
    until_held(ring, "first").await;
    create(ring, "second", "").await;
    runs(ring).delete("first", &DeleteParams::default()).await.unwrap();
    // Its turn has come although the window is closed.
    until_held(ring, "second").await;
    ring.wait_for_word("first", None).await;
    // Argo CD deletes nothing while an operation is open, either.
    let name = ring.application_name(&shop);
    ring.delete("shop").await;
    eventually("the Application is gone", || async {
        ring.applications().get_opt(&name).await.ok()?.is_none().then_some(())
    })
    .await;
    let error = failure(ring, "second").await;
    assert!(error.starts_with("Unable to retrieve GitOpsDeployment 'shop'"), "{error}");
}

pub async fn ten_runs_created_at_once_run_one_after_the_other(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    // They wait for the deployment: otherwise the first one would begin before the last one exists.
    let mut created = Vec::new();
    for number in 0..RUNS {
        created.push(create(ring, &format!("run-{number}"), "").await);
    }
    // The API server's times are whole seconds.
    created.sort_by_key(|run| (run.creation_timestamp(), run.uid()));
    let since = ring.applications().list(&Default::default()).await.unwrap();
    let since = since.metadata.resource_version.unwrap();
    ring.create(&ring.deployment("shop", "manual", "shop")).await;
    for run in &created {
        success(ring, &run.name_any()).await;
    }
    let wanted: Vec<(String, String)> = created
        .iter()
        .flat_map(|run| {
            [phase::RUNNING, phase::SUCCEEDED].map(|phase| (run.uid().unwrap(), phase.to_owned()))
        })
        .collect();
    assert_eq!(syncs(ring, &since).await, wanted);
    ring.check_that_nothing_is_lost_or_duplicated().await;
    runs(ring).delete_collection(&Default::default(), &Default::default()).await.unwrap();
    ring.wait_until_counted("SELECT count(*) FROM syncoperation", 0).await;
    assert_eq!(all(&runs(ring)).await.len(), 0);
}

pub async fn a_run_of_an_automated_deployment_is_rejected(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    ring.wait_until_ready("shop").await;
    create(ring, "run", "").await;
    let text = "invalid GitOpsDeploymentSyncRun 'run'. Syncing a GitOpsDeployment with Automated \
                sync policy is not allowed";
    assert_eq!(failure(ring, "run").await, text);
    ring.check_that_nothing_is_lost_or_duplicated().await;
}
