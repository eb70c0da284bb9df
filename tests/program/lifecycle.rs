//! The life of a GitOpsDeployment through every layer: creation, edits and restarts of the program.
//! Deletion and namespaces have their own files.

use crds::GitOpsDeployment;
use crds::argocd::Application;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, WatchEvent};
use managed_gitops::settings::REPAIR_GRACE;
use serde_json::json;

use crate::harness::{ARGO_CD, World, all, automated, condition, eventually, is_ready, manual};

fn path_of(application: &Application) -> &str {
    &application.spec.source.path
}

fn says(object: &GitOpsDeployment, type_: &str) -> (String, String, String) {
    let found = condition(object, type_).unwrap_or_else(|| panic!("there is no {type_}"));
    (found.status.clone(), found.reason.clone(), found.message.clone())
}

fn triple(status: &str, reason: &str, message: &str) -> (String, String, String) {
    (status.to_owned(), reason.to_owned(), message.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_becomes_an_application_and_reports_healthy() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let status = ready.status.as_ref().unwrap();
    assert_eq!((status.sync.status.as_str(), status.health.status.as_str()), ("Synced", "Healthy"));
    assert_eq!(
        says(&ready, "Ready"),
        triple("True", "Synced", "Argo CD reports Synced and Healthy")
    );
    assert_eq!(says(&ready, "Reconciling"), triple("False", "Synced", ""));
    assert_eq!(says(&ready, "Stalled"), triple("False", "Synced", ""));
    assert!(world.application_of(&ready).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manual_deployment_is_ready_once_argo_cd_has_reported_on_it() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &manual("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    assert_eq!(
        says(&ready, "Ready"),
        triple("True", "ApplicationWritten", "Argo CD reports OutOfSync and Missing")
    );
    let status = ready.status.as_ref().unwrap();
    assert!(status.operation_state.is_none(), "no sync was requested");
    // It was not ready until Argo CD had compared what the deployment asks for.
    for event in world.history(&world.deployments("team-a"), 0).await {
        if let WatchEvent::Added(seen) | WatchEvent::Modified(seen) = event
            && is_ready(&seen)
        {
            assert_eq!(seen.status.unwrap().reconciled_state.source.path, "deploy");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_change_the_application_in_place() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let first = world.wait_until_ready("team-a", "app").await;
    let before = world.application_of(&first).await.unwrap();

    let patch = json!({"spec": {"source": {"path": "other/place", "targetRevision": "v2"}}});
    world.edit("team-a", "app", patch).await;
    let second = world.wait_until_ready("team-a", "app").await;
    assert_eq!(second.status.as_ref().unwrap().observed_generation, Some(2));
    let source = &second.status.as_ref().unwrap().reconciled_state.source;
    assert_eq!((source.path.as_str(), source.branch.as_str()), ("other/place", "v2"));
    let after = world.application_of(&second).await.unwrap();
    assert_eq!(after.metadata.uid, before.metadata.uid);
    assert_eq!(after.spec.source.target_revision, "v2");

    world.edit("team-a", "app", json!({"spec": {"type": "manual"}})).await;
    world.wait_until_ready("team-a", "app").await;
    let manual = world.application_of(&second).await.unwrap();
    assert_eq!(manual.spec.sync_policy, None);

    let patch = json!({"spec": {
        "type": "automated",
        "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
    }});
    world.edit("team-a", "app", patch).await;
    world.wait_until_ready("team-a", "app").await;
    let automated = world.application_of(&second).await.unwrap();
    let policy = automated.spec.sync_policy.unwrap();
    assert!(policy.automated.is_some() && policy.retry.is_some());
    assert_eq!(policy.sync_options, ["PrunePropagationPolicy=background", "CreateNamespace=true"]);
    assert_eq!(automated.metadata.uid, before.metadata.uid);
    assert_eq!(world.count("SELECT count(*) FROM application").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_not_ready_until_argo_cd_has_compared_it() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    let since = world.plane.resource_version();
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "next"}}})).await;
    world.wait_until_ready("team-a", "app").await;
    let mut ready = 0;
    for event in world.history(&world.deployments("team-a"), since).await {
        if let WatchEvent::Modified(seen) = event
            && is_ready(&seen)
        {
            let status = seen.status.unwrap();
            assert_eq!(status.reconciled_state.source.path, "next");
            assert_eq!(
                (status.sync.status.as_str(), status.health.status.as_str()),
                ("Synced", "Healthy")
            );
            ready += 1;
        }
    }
    assert!(ready > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_in_quick_succession_end_with_the_last_and_never_open_two_operations() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    // Otherwise it might first be seen when all the edits are done.
    world.wait_until_ready("team-a", "app").await;
    for number in 1..=20 {
        let path = format!("path-{number}");
        world.edit("team-a", "app", json!({"spec": {"source": {"path": path}}})).await;
    }
    let ready = world.wait_until_ready("team-a", "app").await;
    let application = world.application_of(&created).await.unwrap();
    assert_eq!(path_of(&application), "path-20");
    assert_eq!(ready.status.unwrap().reconciled_state.source.path, "path-20");
    world.wait_until_quiet().await;

    // An operation is open from the creation of its row to its outcome. The CR of a finished one
    // may linger.
    let overlapping = "SELECT count(*) FROM operation one JOIN operation other \
         ON one.operation_id < other.operation_id \
         AND one.created_on < other.last_state_update \
         AND other.created_on < one.last_state_update";
    assert_eq!(world.count(overlapping).await, 0, "two operations were open at once");
    assert!(world.count("SELECT count(*) FROM operation").await > 1);
    assert_eq!(all(&world.operations()).await, []);
    let unfinished = "SELECT count(*) FROM operation WHERE state <> 'Completed'";
    assert_eq!(world.count(unfinished).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_picks_up_what_changed_meanwhile_and_writes_nothing_else() {
    let mut world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("edited")).await;
    world.create("team-a", &manual("kept")).await;
    world.wait_until_ready("team-a", "edited").await;
    world.wait_until_ready("team-a", "kept").await;

    let quiet = world.wait_until_quiet().await;
    let states = world.count("SELECT sum(version) FROM machine").await;
    world.stop_program().await;
    world.start_program().await;
    assert_eq!(world.wait_until_quiet().await, quiet, "a restart wrote to the API");
    assert_eq!(world.count("SELECT sum(version) FROM machine").await, states);

    world.stop_program().await;
    world.edit("team-a", "edited", json!({"spec": {"source": {"path": "while-stopped"}}})).await;
    world.start_program().await;
    let ready = world.wait_until_ready("team-a", "edited").await;
    assert_eq!(path_of(&world.application_of(&ready).await.unwrap()), "while-stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_created_while_the_program_is_stopped_is_served_by_the_next() {
    let mut world = World::without_program().await;
    world.create_namespace("team-a").await;
    for name in ["one", "two", "three"] {
        world.create("team-a", &automated(name)).await;
    }
    world.start_program().await;
    for name in ["one", "two", "three"] {
        world.wait_until_ready("team-a", name).await;
    }
    assert_eq!(all(&world.applications()).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manually_edited_status_is_repaired() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.wait_until_quiet().await;
    let right = world.deployments("team-a").get("app").await.unwrap();
    let spoil = [
        json!({"status": {"conditions": []}}),
        json!({"status": {"conditions": null, "observedGeneration": 7}}),
        json!({"status": {"sync": {"status": "OutOfSync"}}}),
        json!({"status": {"health": {"status": "Degraded", "message": "by hand"}}}),
        json!({"status": {"resources": []}}),
        json!({"status": {"operationState": null}}),
        json!({"status": {"reconciledState": {"source": {"path": "elsewhere"}}}}),
    ];
    for patch in spoil {
        let api = world.deployments("team-a");
        api.patch_status("app", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        world
            .wait_for("team-a", "app", "the status is as it was", |one| {
                let (now, before) = (one.status.clone().unwrap(), right.status.clone().unwrap());
                let same_conditions = now.conditions.len() == before.conditions.len();
                let without = |status: crds::GitOpsDeploymentStatus| crds::GitOpsDeploymentStatus {
                    conditions: Vec::new(),
                    ..status
                };
                same_conditions && is_ready(one) && without(now) == without(before)
            })
            .await;
    }
    // The repaired status is not written again.
    let version = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_keeps_its_transition_time_while_unchanged() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &manual("app")).await;
    let before = world.wait_until_ready("team-a", "app").await;
    let time = |object: &GitOpsDeployment| {
        condition(object, "Ready").unwrap().last_transition_time.clone().unwrap()
    };
    // A new generation with the same result: it is observed, and no time changes.
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "other"}}})).await;
    let after = world.wait_until_ready("team-a", "app").await;
    assert_eq!(after.status.as_ref().unwrap().observed_generation, Some(2));
    assert_eq!(time(&after), time(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_reports_what_argo_cd_could_not_do() {
    let world = World::start().await;
    world
        .set_outcomes(&[
            ("path.degraded", "degraded"),
            ("path.progressing", "progressing"),
            ("path.failing", "sync-fails"),
            ("path.missing", "missing-path"),
        ])
        .await;
    world.create_namespace("team-a").await;
    let cases = [
        ("degraded", "False", "True", "Degraded"),
        ("progressing", "True", "False", "Progressing"),
        ("failing", "True", "False", "Syncing"),
        ("missing", "False", "True", "ArgoCDError"),
    ];
    for (path, ..) in cases {
        let mut object = automated(path);
        object.spec.source.path = path.to_owned();
        world.create("team-a", &object).await;
    }
    for (name, reconciling, stalled, reason) in cases {
        let found = world
            .wait_for("team-a", name, reason, |one| {
                condition(one, "Ready").is_some_and(|ready| ready.reason == reason)
            })
            .await;
        assert_eq!(says(&found, "Ready").0, "False", "{name}");
        assert_eq!(says(&found, "Reconciling").0, reconciling, "{name}");
        assert_eq!(says(&found, "Stalled").0, stalled, "{name}");
        assert!(condition(&found, "ErrorOccurred").is_none(), "{name}: it is not our error");
    }
    // All of them recover without an edit.
    world.set_outcomes(&[]).await;
    for (name, ..) in cases {
        world.wait_until_ready("team-a", name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_4_a_manual_deletion_lasts_until_the_slow_rescan() {
    assert!(REPAIR_GRACE >= std::time::Duration::from_secs(120));
    let mut world = World::without_program().await;
    // The rescan runs constantly; only the grace period keeps it from acting.
    world.settings.rescan = Some(std::time::Duration::from_millis(10));
    world.start_program().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let application = world.application_of(&ready).await.unwrap();
    world.wait_until_quiet().await;
    world.applications().delete(&application.name_any(), &Default::default()).await.unwrap();
    world.wait_until_application_gone(&ready).await;
    let missing = world
        .wait_for("team-a", "app", "it reports that", |one| {
            condition(one, "Ready").is_some_and(|ready| ready.reason == "ApplicationMissing")
        })
        .await;
    assert_eq!(says(&missing, "Ready").0, "False");
    assert_eq!(missing.status.unwrap().health.status, "Missing");
    world.wait_until_quiet().await;
    assert!(world.application_of(&ready).await.is_none());

    // A later operation writes it again, and so does a rescan after the grace period.
    world.stop_program().await;
    world.settings.repair_grace = std::time::Duration::ZERO;
    world.start_program().await;
    world.wait_for_application(&ready, "the Application is back", |_| true).await;
    world
        .patch_application(
            &application.name_any(),
            json!({"spec": {"source": {"path": "by-hand"}}}),
        )
        .await;
    world
        .wait_for_application(&ready, "the Application is repaired", |one| path_of(one) == "deploy")
        .await;
    let server = json!({"spec": {"destination": {"server": "https://elsewhere.example.com"}}});
    world.patch_application(&application.name_any(), server).await;
    world
        .wait_for_application(&ready, "its destination is repaired", |one| {
            one.spec.destination.server.is_empty()
        })
        .await;
    let project = application.spec.project;
    world.projects().delete(&project, &Default::default()).await.unwrap();
    eventually("the AppProject is back", || async {
        world.projects().get_opt(&project).await.unwrap()
    })
    .await;
    world.wait_until_ready("team-a", "app").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_project_is_restored_even_if_its_only_deployment_is_rejected() {
    let mut world = World::without_program().await;
    world.settings.rescan = Some(std::time::Duration::from_millis(100));
    world.settings.repair_grace = std::time::Duration::ZERO;
    world.start_program().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let project = world.application_of(&ready).await.unwrap().spec.project;
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "/"}}})).await;
    world
        .wait_for("team-a", "app", "it is rejected", |one| {
            condition(one, "Ready").is_some_and(|ready| ready.reason == "Rejected")
        })
        .await;
    world.projects().delete(&project, &Default::default()).await.unwrap();
    eventually("the AppProject is back", || async {
        world.projects().get_opt(&project).await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_cds_namespace_may_be_created_after_the_deployments() {
    let mut world = World::without_program().await;
    world.delete_namespace(ARGO_CD).await;
    world.wait_until_namespace_gone(ARGO_CD).await;
    world.create_namespace("team-a").await;
    world.start_program().await;
    world.create("team-a", &automated("app")).await;
    let waiting = world
        .wait_for("team-a", "app", "it reports that it is waiting", |one| {
            condition(one, "Ready").is_some_and(|ready| ready.reason == "AwaitingArgoCD")
        })
        .await;
    assert_eq!(
        says(&waiting, "Ready"),
        triple("False", "AwaitingArgoCD", "waiting for the Argo CD namespace to exist")
    );
    assert_eq!(says(&waiting, "Reconciling").0, "True");
    assert!(condition(&waiting, "ErrorOccurred").is_none());
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet);
    world.create_namespace(ARGO_CD).await;
    let ready = world.wait_until_ready("team-a", "app").await;

    // It may also be deleted and re-created: everything is created there again.
    world.delete_namespace(ARGO_CD).await;
    world.wait_until_namespace_gone(ARGO_CD).await;
    world.wait_until_quiet().await;
    world.create_namespace(ARGO_CD).await;
    world.wait_for_application(&ready, "the Application is re-created", |_| true).await;
    world.wait_until_ready("team-a", "app").await;
}
