//! GitOpsDeploymentSyncRuns: one sync each, one after the other, and how it went.

use std::collections::BTreeMap;

use crds::argocd::Application;
use crds::{GitOpsDeployment, GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunSpec};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, WatchEvent};
use machines::shared::condition::ConditionStyle;
use serde_json::json;

use crate::harness::{World, all, automated, eventually, manual};

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

/// The syncs that Argo CD has begun for runs since a resource version, in order.
async fn begun(world: &World, since: &GitOpsDeployment) -> Vec<String> {
    let since = since.resource_version().unwrap().parse().unwrap();
    let mut begun: Vec<String> = Vec::new();
    let mut running = String::new();
    for event in world.history::<Application>(&world.applications(), since).await {
        let WatchEvent::Modified(application) = event else { continue };
        let Some(state) = application.operation_state() else { continue };
        let mut info = state.operation.info.iter();
        let named = info.find(|one| one.name == crds::sync_run::SYNC_INFO);
        let named = named.filter(|_| state.is_running()).map(|one| one.value.clone());
        let named = named.unwrap_or_default();
        if !named.is_empty() && named != running {
            begun.push(named.clone());
        }
        running = named;
    }
    begun
}

fn uids(runs: &[GitOpsDeploymentSyncRun]) -> Vec<String> {
    runs.iter().map(|run| run.uid().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_syncs_its_deployment_once_and_says_how_it_went() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    let application = world.application_of(&deployment).await.unwrap();
    assert_eq!(application.status.unwrap_or_default().sync.status, "OutOfSync");
    let first = create(&world, &run("first", "app", "")).await;
    let done = wait_until_succeeded(&world, "first").await;
    let told = told(&done);
    assert!(says(&told, "ErrorOccurred", "False", ""), "{told:?}");
    assert!(told["Succeeded"].2.starts_with("synced to "), "{told:?}");
    let application = world.application_of(&deployment).await.unwrap();
    let state = application.operation_state().unwrap();
    assert_eq!(state.operation.sync.as_ref().unwrap().revision, "main");
    assert_eq!(state.operation.initiated_by.username, "managed-gitops");
    assert_eq!(state.operation.info[0].value, first.uid().unwrap());
    world.wait_until_quiet().await;
    assert_eq!(begun(&world, &deployment).await, [first.uid().unwrap()]);
    assert_eq!(all(&world.operations()).await.len(), 0);
    let row =
        "SELECT deployment_name || ' ' || revision || ' ' || desired_state FROM syncoperation";
    assert_eq!(world.text(row).await, "app  Running");
    delete(&world, "first").await;
    wait_until_gone(&world).await;
    world.wait_until_quiet().await;
    assert_eq!(begun(&world, &deployment).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_9_runs_of_one_deployment_go_one_after_the_other() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    let mut created = Vec::new();
    for number in 0..6 {
        created.push(create(&world, &run(&format!("run-{number}"), "app", "v1")).await);
    }
    for number in 0..6 {
        wait_until_succeeded(&world, &format!("run-{number}")).await;
    }
    let begun = begun(&world, &deployment).await;
    assert_eq!(begun.len(), 6, "{begun:?}");
    // Those of one second go by their UIDs, but the first may have begun before the next was there.
    let time = |run: &GitOpsDeploymentSyncRun| run.creation_timestamp().map(|time| time.0);
    let order = |uid: &String| created.iter().find(|one| one.uid().as_ref() == Some(uid));
    let times: Vec<_> = begun.iter().map(|uid| time(order(uid).unwrap())).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_together_go_in_the_order_of_their_creation() {
    let mut world = World::start().await;
    world.create_namespace("team-a").await;
    let mut created = Vec::new();
    for name in ["c", "b", "a"] {
        created.push(create(&world, &run(name, "app", "")).await);
    }
    let what = "it waits for its deployment";
    for name in ["a", "b", "c"] {
        wait_for(&world, name, what, |told| {
            says(told, "Succeeded", "Unknown", "AwaitingDeployment")
        })
        .await;
    }
    // A restart changes nothing.
    world.stop_program().await;
    world.start_program().await;
    world.create("team-a", &manual("app")).await;
    let deployment = world.deployments("team-a").get("app").await.unwrap();
    for name in ["a", "b", "c"] {
        wait_until_succeeded(&world, name).await;
    }
    created.sort_by_key(|run| (run.creation_timestamp().map(|time| time.0), run.uid()));
    assert_eq!(begun(&world, &deployment).await, uids(&created));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_deployment_is_missing_says_so_and_goes_on_when_it_appears() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    create(&world, &run("early", "app", "")).await;
    let what = "it waits for its deployment";
    let waits = |told: &Told| says(told, "Succeeded", "Unknown", "AwaitingDeployment");
    let waiting = told(&wait_for(&world, "early", what, waits).await);
    let missing = "Unable to retrieve GitOpsDeployment 'app' referenced by the \
                   GitOpsDeploymentSyncRun";
    assert!(waiting["Succeeded"].2.starts_with(missing), "{waiting:?}");
    assert!(!waiting.contains_key("ErrorOccurred"), "{waiting:?}");
    // Until it has begun, it may be corrected.
    edit(&world, "early", json!({"gitopsDeploymentName": "other"})).await;
    wait_for(&world, "early", "it names the other", |told| {
        told.get("Succeeded").is_some_and(|one| one.2.contains("'other'"))
    })
    .await;
    world.create("team-a", &manual("other")).await;
    wait_until_succeeded(&world, "early").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_9_a_run_of_an_automated_deployment_is_an_error() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let deployment = world.wait_until_ready("team-a", "app").await;
    create(&world, &run("first", "app", "")).await;
    let is_rejected = |told: &Told| says(told, "Succeeded", "False", "Rejected");
    let rejected = told(&wait_for(&world, "first", "it is rejected", is_rejected).await);
    let text = "invalid GitOpsDeploymentSyncRun 'first'. Syncing a GitOpsDeployment with Automated \
                sync policy is not allowed";
    assert!(says(&rejected, "ErrorOccurred", "True", "ErrorOccurred"), "{rejected:?}");
    assert_eq!(rejected["ErrorOccurred"].2, text);
    // It stays so: a sync long after it was asked for would surprise everybody.
    world.edit("team-a", "app", json!({"spec": {"type": "manual"}})).await;
    world.wait_until_ready("team-a", "app").await;
    world.wait_until_quiet().await;
    assert_eq!(told(&runs(&world).get("first").await.unwrap()), rejected);
    assert_eq!(begun(&world, &deployment).await, [] as [String; 0]);
    create(&world, &run("second", "app", "")).await;
    wait_until_succeeded(&world, "second").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_6_edits_of_a_finished_run_are_errors_and_change_nothing_else() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    create(&world, &run("first", "app", "v1")).await;
    let result = told(&wait_until_succeeded(&world, "first").await)["Succeeded"].clone();
    let name = "deployment name field is immutable: changing it from its initial value is not \
                supported";
    let revision = "revision change is not supported: changing it from its initial value is not \
                    supported";
    for (spec, text) in [
        (json!({"gitopsDeploymentName": "other"}), name),
        (json!({"gitopsDeploymentName": "app", "revisionID": "v2"}), revision),
        (json!({"revisionID": null}), revision),
    ] {
        edit(&world, "first", spec).await;
        let is_told = |told: &Told| told.get("ErrorOccurred").is_some_and(|one| one.2 == text);
        let told = told(&wait_for(&world, "first", text, is_told).await);
        assert!(says(&told, "ErrorOccurred", "True", "ErrorOccurred"), "{told:?}");
        assert_eq!(told["Succeeded"], result);
    }
    edit(&world, "first", json!({"revisionID": "v1"})).await;
    let is_mended = |told: &Told| says(told, "ErrorOccurred", "False", "");
    wait_for(&world, "first", "the error is gone", is_mended).await;
    world.wait_until_quiet().await;
    assert_eq!(begun(&world, &deployment).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_ends_its_run_with_argo_cds_message() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    world.set_outcomes(&[("path.deploy", "sync-fails")]).await;
    create(&world, &run("first", "app", "")).await;
    let has_failed = |told: &Told| says(told, "Succeeded", "False", "Failed");
    let failed = told(&wait_for(&world, "first", "it fails", has_failed).await);
    assert!(failed["Succeeded"].2.starts_with("the sync ended in phase Failed: "), "{failed:?}");
    assert_eq!(failed["ErrorOccurred"].2, failed["Succeeded"].2);
    world.wait_until_quiet().await;
    assert_eq!(begun(&world, &deployment).await.len(), 1, "it is not tried again");
    world.set_outcomes(&[]).await;
    create(&world, &run("second", "app", "")).await;
    wait_until_succeeded(&world, "second").await;
}

/// A run whose sync never ends by itself.
async fn endless(world: &World) -> (GitOpsDeployment, GitOpsDeploymentSyncRun) {
    let deployment = deployed(world).await;
    world.set_outcomes(&[("path.deploy", "sync-never-ends")]).await;
    let run = create(world, &run("endless", "app", "")).await;
    world
        .wait_for_application(&deployment, "the sync runs", |one| {
            one.operation_state().is_some_and(|state| state.message.contains("hook"))
        })
        .await;
    (deployment, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_takes_long_says_what_it_waits_for() {
    let world = World::start().await;
    endless(&world).await;
    wait_for(&world, "endless", "it says what it waits for", |told| {
        says(told, "Succeeded", "Unknown", "Running") && told["Succeeded"].2.contains("hook")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_9_deleting_a_run_that_runs_ends_its_sync_and_the_next_one_begins() {
    let world = World::start().await;
    let (deployment, first) = endless(&world).await;
    let second = create(&world, &run("second", "app", "")).await;
    wait_for(&world, "second", "it waits for its turn", |told| {
        says(told, "Succeeded", "Unknown", "AwaitingTurn")
    })
    .await;
    world.set_outcomes(&[]).await;
    delete(&world, "endless").await;
    wait_until_succeeded(&world, "second").await;
    let count = "SELECT count(*) FROM syncoperation";
    world.wait_until_counted(count, 1).await;
    assert_eq!(begun(&world, &deployment).await, uids(&[first, second]));
}

/// A run whose sync a window of the AppProject holds.
async fn held(world: &World) -> GitOpsDeployment {
    let deployment = deployed(world).await;
    world.set_outcomes(&[("path.deploy", "sync-held")]).await;
    create(world, &run("held", "app", "")).await;
    wait_for(world, "held", "it says what it waits for", |told| {
        says(told, "Succeeded", "Unknown", "Running") && told["Succeeded"].2.contains("sync window")
    })
    .await;
    deployment
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_a_sync_window_holds_can_be_withdrawn() {
    let world = World::start().await;
    let deployment = held(&world).await;
    let second = create(&world, &run("second", "app", "")).await;
    delete(&world, "held").await;
    // The next one has its turn: Argo CD would have kept the first until the window opens.
    world
        .wait_for_application(&deployment, "the next sync waits for the window", |one| {
            let state = one.operation_state().filter(|state| state.message.contains("window"));
            state.is_some_and(|state| {
                let uid = second.uid().unwrap();
                state.operation.info.iter().any(|info| info.value == uid)
            })
        })
        .await;
    world.set_outcomes(&[]).await;
    wait_until_succeeded(&world, "second").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_whose_sync_a_window_holds_can_be_deleted() {
    let world = World::start().await;
    let deployment = held(&world).await;
    // Somebody has asked Argo CD to end it, to no avail.
    let name = crds::names::application_name(&deployment.uid().unwrap());
    let end = json!({"status": {"operationState": {"phase": "Terminating"}}});
    world.patch_application(&name, end).await;
    world.delete("team-a", "app").await;
    world.wait_until_application_gone(&deployment).await;
    wait_for(&world, "held", "it ends", |told| says(told, "Succeeded", "False", "Failed")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_being_deleted_counts_as_deleted() {
    let world = World::start().await;
    let (deployment, _) = endless(&world).await;
    let finalizers = |value| Patch::Merge(json!({"metadata": {"finalizers": value}}));
    let api = runs(&world);
    let parameters = PatchParams::default();
    api.patch("endless", &parameters, &finalizers(json!(["example.com/kept"]))).await.unwrap();
    delete(&world, "endless").await;
    world
        .wait_for_application(&deployment, "the sync was ended", |one| {
            one.operation_state().is_some_and(|state| state.phase == "Failed")
        })
        .await;
    wait_until_gone(&world).await;
    assert!(api.get_opt("endless").await.unwrap().is_some(), "somebody else keeps it");
    api.patch("endless", &parameters, &finalizers(json!(null))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_when_its_deployment_is_deleted() {
    let world = World::start().await;
    endless(&world).await;
    world.delete("team-a", "app").await;
    let has_failed = |told: &Told| says(told, "Succeeded", "False", "Failed");
    let failed = told(&wait_for(&world, "endless", "it fails", has_failed).await);
    let text =
        "Unable to retrieve GitOpsDeployment 'app' referenced by the GitOpsDeploymentSyncRun";
    assert_eq!(failed["ErrorOccurred"].2, text);
    world.wait_until_gone("team-a", "app").await;
    // A namesake is another deployment, which others may sync.
    world.set_outcomes(&[]).await;
    world.create("team-a", &manual("app")).await;
    create(&world, &run("second", "app", "")).await;
    wait_until_succeeded(&world, "second").await;
    assert_eq!(told(&runs(&world).get("endless").await.unwrap()), failed);
    delete(&world, "endless").await;
    world.wait_until_counted("SELECT count(*) FROM syncoperation", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_goes_takes_its_runs_with_it() {
    let world = World::start().await;
    endless(&world).await;
    create(&world, &run("waiting", "app", "")).await;
    world.delete_namespace("team-a").await;
    wait_until_gone(&world).await;
    world.wait_until_counted("SELECT count(*) FROM machine", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_5_legacy_clients_see_one_condition_and_none_before_the_end() {
    let mut world = World::without_program().await;
    world.settings.conditions = ConditionStyle::Legacy;
    world.start_program().await;
    world.create_namespace("team-a").await;
    create(&world, &run("waiting", "missing", "")).await;
    world.create("team-a", &manual("app")).await;
    let first = create(&world, &run("first", "app", "")).await;
    let is_done = |told: &Told| says(told, "ErrorOccurred", "False", "");
    let done = wait_for(&world, "first", "it says how it went", is_done).await;
    assert_eq!(told(&done).len(), 1);
    let status = serde_json::to_value(&done.status).unwrap();
    let condition = status["conditions"][0].as_object().unwrap();
    let fields: Vec<&str> = condition.keys().map(String::as_str).collect();
    assert_eq!(fields, ["lastTransitionTime", "message", "reason", "status", "type"]);
    world.wait_until_quiet().await;
    assert_eq!(runs(&world).get("waiting").await.unwrap().status, None);
    assert_eq!(done.uid(), first.uid());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_of_somebody_else_is_waited_for_and_never_overwritten() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    world.set_outcomes(&[("path.deploy", "sync-never-ends")]).await;
    let name = crds::names::application_name(&deployment.uid().unwrap());
    let foreign = json!({"operation": {"sync": {"revision": "theirs"}}});
    world.patch_application(&name, foreign).await;
    let run = create(&world, &run("first", "app", "")).await;
    wait_for(&world, "first", "it runs", |told| says(told, "Succeeded", "Unknown", "Running"))
        .await;
    let application = world.application_of(&deployment).await.unwrap();
    assert_eq!(application.operation.unwrap().sync.unwrap().revision, "theirs");
    world.set_outcomes(&[]).await;
    let end = json!({"status": {"operationState": {"phase": "Terminating"}}});
    world.patch_application(&name, end).await;
    wait_until_succeeded(&world, "first").await;
    assert_eq!(begun(&world, &deployment).await, [run.uid().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_object_and_no_revision_can_be_called_is_told_and_harms_nobody() {
    let world = World::start().await;
    let deployment = deployed(&world).await;
    create(&world, &run("nul", "a\x00pp", "")).await;
    create(&world, &run("long", &"n".repeat(10_000), "")).await;
    create(&world, &run("revision", "app", "v\x00")).await;
    create(&world, &run("endless", "app", &"v".repeat(257))).await;
    for name in ["revision", "endless"] {
        let is_rejected = |told: &Told| says(told, "Succeeded", "False", "Rejected");
        let told = told(&wait_for(&world, name, "it is rejected", is_rejected).await);
        assert!(told["ErrorOccurred"].2.starts_with("spec.revisionID is not"), "{told:?}");
    }
    for name in ["nul", "long"] {
        let waits = |told: &Told| says(told, "Succeeded", "Unknown", "AwaitingDeployment");
        wait_for(&world, name, "it waits", waits).await;
    }
    let last = create(&world, &run("last", "app", &"v".repeat(256))).await;
    wait_until_succeeded(&world, "last").await;
    assert_eq!(begun(&world, &deployment).await, [last.uid().unwrap()]);
}
