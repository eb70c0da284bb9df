//! What clients of the existing system read: names, Applications, AppProjects, rows and the
//! mirrored status, clause by clause of the compatibility contract.

use std::time::Duration;

use crds::argocd::{AppProject, Application};
use crds::deployment::SyncPolicy;
use crds::{GitOpsDeployment, Operation};
use kube::ResourceExt;
use kube::api::{PostParams, WatchEvent};
use serde_json::json;

use crate::harness::{ARGO_CD, World, all, automated, condition, conditions, eventually, manual};

const URL: &str = "https://git.example.com/team/app";

fn named(name: &str, url: &str) -> GitOpsDeployment {
    let mut object = automated(name);
    object.spec.source.repo_url = url.to_owned();
    object
}

async fn only_project(world: &World) -> AppProject {
    let mut projects = all(&world.projects()).await;
    assert_eq!(projects.len(), 1, "{projects:?}");
    projects.remove(0)
}

async fn wait_for_repositories(world: &World, wanted: &[&str]) -> AppProject {
    let what = format!("the AppProject permits {wanted:?}");
    eventually(&what, || async {
        let project = all(&world.projects()).await.into_iter().next()?;
        let mut repositories = project.spec.source_repos.clone();
        repositories.sort();
        (repositories == wanted).then_some(project)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_2_and_7_the_application_field_by_field() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let mut object = automated("app");
    let sync_options = ["CreateNamespace=false", "CreateNamespace=true", "CreateNamespace=false"];
    let sync_options = sync_options.map(str::to_owned).to_vec();
    object.spec.sync_policy = Some(SyncPolicy { sync_options });
    let created = world.create("team-a", &object).await;
    world.wait_until_ready("team-a", "app").await;
    let uid = created.uid().unwrap();
    let application = world.application_of(&created).await.unwrap();
    assert_eq!(application.name_any(), format!("gitopsdepl-{uid}"));
    assert_eq!(application.namespace().as_deref(), Some(ARGO_CD));
    let row = world
        .text(&format!(
            "SELECT application_id FROM deploymenttoapplicationmapping \
             WHERE deploymenttoapplicationmapping_uid_id = '{uid}'"
        ))
        .await;
    assert_eq!(application.labels().get("databaseID"), Some(&row));
    let project = only_project(&world).await.name_any();
    assert_eq!(
        serde_json::to_value(&application.spec).unwrap(),
        json!({
            "project": project,
            "source": {"repoURL": URL, "path": "deploy", "targetRevision": "main"},
            "destination": {"name": "in-cluster", "namespace": "team-a"},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true, "allowEmpty": true},
                "syncOptions": [
                    "PrunePropagationPolicy=background",
                    "CreateNamespace=false",
                    "CreateNamespace=true",
                    "CreateNamespace=false",
                ],
                "retry": {
                    "limit": -1,
                    "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"},
                },
            },
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_7_a_manual_application_has_no_sync_policy_but_the_users_options() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let plain = world.create("team-a", &manual("plain")).await;
    let mut object = manual("options");
    let sync_options = vec!["CreateNamespace=false".to_owned()];
    object.spec.sync_policy = Some(SyncPolicy { sync_options });
    let options = world.create("team-a", &object).await;
    world.wait_until_ready("team-a", "plain").await;
    world.wait_until_ready("team-a", "options").await;
    let plain = world.application_of(&plain).await.unwrap();
    assert_eq!(plain.spec.sync_policy, None);
    let options = world.application_of(&options).await.unwrap();
    assert_eq!(
        serde_json::to_value(options.spec.sync_policy.unwrap()).unwrap(),
        json!({"syncOptions": ["CreateNamespace=false"]})
    );
    // An automated one that becomes manual ends up with the same.
    let edit = json!({"spec": {"type": "automated"}});
    let automated = world.edit("team-a", "options", edit).await;
    let is_automated = |one: &Application| one.spec.is_automated();
    world.wait_for_application(&automated, "it is automated", is_automated).await;
    world.edit("team-a", "options", json!({"spec": {"type": "manual"}})).await;
    let what = "it is manual again";
    let manual = world.wait_for_application(&automated, what, |one| !is_automated(one)).await;
    assert_eq!(
        serde_json::to_value(manual.spec.sync_policy.unwrap()).unwrap(),
        json!({"syncOptions": ["CreateNamespace=false"]})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_2_and_7_the_app_project_is_named_by_the_user_and_exists_first() {
    let world = World::start().await;
    let namespace = world.create_namespace("team-a").await;
    let since = world.plane.resource_version();
    world.create("team-a", &named("app", "https://git.example.com/Team/App/")).await;
    world.wait_until_ready("team-a", "app").await;
    let user = world
        .text(&format!(
            "SELECT clusteruser_id FROM clusteruser WHERE user_name = '{}'",
            namespace.uid().unwrap()
        ))
        .await;
    let project = only_project(&world).await;
    assert_eq!(project.name_any(), format!("app-project-{user}"));
    assert_eq!(
        serde_json::to_value(&project.spec).unwrap(),
        json!({
            "sourceRepos": ["https://git.example.com/Team/App/"],
            "destinations": [{"name": "in-cluster", "namespace": "*"}],
        })
    );
    // Existing clients read the normalised URL; the URL as written is next to it.
    let normalised = "SELECT repo_url FROM appprojectrepository";
    assert_eq!(world.text(normalised).await, "https://git.example.com/team/app/");
    let as_written = "SELECT repo_url_as_written FROM appprojectrepository";
    assert_eq!(world.text(as_written).await, "https://git.example.com/Team/App/");

    let created_at = |event: Option<u64>| event.expect("it was created");
    let projects: Vec<WatchEvent<AppProject>> = world.history(&world.projects(), since).await;
    let applications: Vec<WatchEvent<Application>> =
        world.history(&world.applications(), since).await;
    let project = projects.iter().find_map(|event| match event {
        WatchEvent::Added(one) => one.resource_version()?.parse().ok(),
        _ => None,
    });
    let application = applications.iter().find_map(|event| match event {
        WatchEvent::Added(one) => one.resource_version()?.parse().ok(),
        _ => None,
    });
    assert!(created_at(project) < created_at(application));
    // So Argo CD never had a reason to object.
    for event in applications {
        if let WatchEvent::Modified(one) = event {
            assert!(one.status.is_none_or(|status| status.conditions.is_empty()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_7_the_app_project_permits_the_urls_in_use_and_is_removed_with_the_last() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &named("one", URL)).await;
    world.create("team-a", &named("two", URL)).await;
    world.create("team-a", &named("slash", "https://git.example.com/team/app/")).await;
    for name in ["one", "two", "slash"] {
        world.wait_until_ready("team-a", name).await;
    }
    let since = world.plane.resource_version();
    let both = [URL, "https://git.example.com/team/app/"];
    let uid = wait_for_repositories(&world, &both).await.uid();

    // Two share a URL: it stays until neither uses it.
    let other = json!({"spec": {"source": {"repoURL": "https://git.example.com/team/other"}}});
    world.edit("team-a", "one", other.clone()).await;
    world.wait_until_ready("team-a", "one").await;
    let three = [URL, "https://git.example.com/team/app/", "https://git.example.com/team/other"];
    wait_for_repositories(&world, &three).await;
    world.edit("team-a", "two", other).await;
    world.wait_until_ready("team-a", "two").await;
    wait_for_repositories(&world, &three[1..]).await;

    world.delete("team-a", "slash").await;
    wait_for_repositories(&world, &three[2..]).await;
    world.delete("team-a", "one").await;
    world.wait_until_counted("SELECT count(*) FROM application", 1).await;
    assert_eq!(wait_for_repositories(&world, &three[2..]).await.uid(), uid);
    world.delete("team-a", "two").await;
    eventually("the AppProject is gone", || async {
        all(&world.projects()).await.is_empty().then_some(())
    })
    .await;
    // Argo CD never saw an Application that its project did not permit.
    let applications: Vec<WatchEvent<Application>> =
        world.history(&world.applications(), since).await;
    let mut last_gone = 0;
    for event in applications {
        match event {
            WatchEvent::Modified(one) => {
                let conditions = one.status.map(|status| status.conditions).unwrap_or_default();
                assert_eq!(conditions, []);
            }
            WatchEvent::Deleted(one) => {
                last_gone = one.resource_version().unwrap().parse::<u64>().unwrap();
            }
            _ => {}
        }
    }
    let projects: Vec<WatchEvent<AppProject>> = world.history(&world.projects(), since).await;
    let project_gone = projects.iter().find_map(|event| match event {
        WatchEvent::Deleted(one) => one.resource_version()?.parse::<u64>().ok(),
        _ => None,
    });
    assert!(last_gone > 0 && last_gone < project_gone.unwrap());
    assert_eq!(world.count("SELECT count(*) FROM appprojectrepository").await, 0);
}

/// A control plane with the AppProject that comes with Argo CD.
async fn world_with_default_project() -> World {
    let world = World::without_program().await;
    let default = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "name": "*", "namespace": "*"}]},
    });
    let default: AppProject = serde_json::from_value(default).unwrap();
    world.projects().create(&PostParams::default(), &default).await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_7_without_isolation_the_project_is_the_default() {
    let mut world = world_with_default_project().await;
    world.settings.isolation = false;
    world.start_program().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    let application = world.wait_for_application(&created, "it is written", |_| true).await;
    assert_eq!(application.spec.project, "default");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_7_projects_go_and_come_with_a_switch_of_isolation() {
    let mut world = world_with_default_project().await;
    world.settings.rescan = Some(Duration::from_millis(50));
    world.settings.repair_grace = Duration::ZERO;
    world.start_program().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    for isolation in [false, true] {
        world.stop_program().await;
        world.settings.isolation = isolation;
        world.start_program().await;
        let of_a_tenant = |name: &str| name.starts_with("app-project-");
        let moved = |one: &Application| of_a_tenant(&one.spec.project) == isolation;
        world.wait_for_application(&created, "it is in the right project", moved).await;
        eventually("there are the projects that are used, and no others", || async {
            let projects = all(&world.projects()).await;
            let number = projects.iter().filter(|one| of_a_tenant(&one.name_any())).count();
            (number == usize::from(isolation)).then_some(())
        })
        .await;
        world.wait_until_ready("team-a", "app").await;
    }
    world.stop_program().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_2_an_operation_is_signalled_in_argo_cds_namespace_and_cleaned_up() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let since = world.plane.resource_version();
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    eventually("the Operation is gone", || async {
        all(&world.operations()).await.is_empty().then_some(())
    })
    .await;
    let everywhere = kube::Api::<Operation>::all(world.client.clone());
    let history = world.history(&everywhere, since).await;
    let operation = match history.as_slice() {
        [WatchEvent::Added(operation), .., WatchEvent::Deleted(_)] => operation,
        other => panic!("an Operation is created and deleted: {other:?}"),
    };
    assert_eq!(operation.namespace().as_deref(), Some(ARGO_CD));
    let id = world.text("SELECT operation_id FROM operation").await;
    assert_eq!(operation.name_any(), format!("operation-{id}"));
    assert_eq!(operation.spec.operation_id, id);
    // The row is kept for debugging.
    let kept = "SELECT count(*) FROM operation WHERE state = 'Completed' \
                AND resource_type = 'Application'";
    assert_eq!(world.count(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_2_argo_cd_may_be_in_another_namespace() {
    let mut world = World::without_program().await;
    world.settings.argocd_namespace = "argocd".to_owned();
    world.create_namespace("argocd").await;
    world.start_program().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    let name = format!("gitopsdepl-{}", created.uid().unwrap());
    let elsewhere = kube::Api::<Application>::namespaced(world.client.clone(), "argocd");
    eventually("the Application exists", || async { elsewhere.get_opt(&name).await.unwrap() })
        .await;
    let projects = kube::Api::<AppProject>::namespaced(world.client.clone(), "argocd");
    assert_eq!(all(&projects).await.len(), 1);
    assert_eq!(all(&world.applications()).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_12_the_existing_tables_say_what_existing_clients_read() {
    let world = World::start().await;
    let namespace = world.create_namespace("team-a").await.uid().unwrap();
    let created = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    let uid = created.uid().unwrap();
    let queries = [
        format!(
            "SELECT count(*) FROM clusteruser \
             WHERE user_name = '{namespace}' AND display_name = 'team-a'"
        ),
        format!(
            "SELECT count(*) FROM application a \
             JOIN deploymenttoapplicationmapping m ON m.application_id = a.application_id \
             JOIN applicationowner o ON o.application_owner_application_id = a.application_id \
             JOIN clusteruser u ON u.clusteruser_id = o.application_owner_user_id \
             JOIN managedenvironment e ON e.managedenvironment_id = a.managed_environment_id \
             JOIN clustercredentials c ON c.clustercredentials_cred_id = e.clustercredentials_id \
             JOIN gitopsengineinstance i \
               ON i.gitopsengineinstance_id = a.engine_instance_inst_id \
             WHERE a.name = 'gitopsdepl-{uid}' AND u.user_name = '{namespace}' \
               AND m.deploymenttoapplicationmapping_uid_id = '{uid}' AND m.name = 'app' \
               AND m.namespace = 'team-a' AND m.namespace_uid = '{namespace}' \
               AND i.namespace_name = '{ARGO_CD}'"
        ),
        "SELECT count(*) FROM clusteraccess".to_owned(),
        format!(
            "SELECT count(*) FROM kubernetestodbresourcemapping \
             WHERE kubernetes_resource_type = 'Namespace' \
               AND kubernetes_resource_uid = '{namespace}' \
               AND db_relation_type = 'ManagedEnvironment'"
        ),
        "SELECT count(*) FROM applicationstate WHERE argocd_application_status IS NOT NULL"
            .to_owned(),
        "SELECT count(*) FROM operation WHERE state = 'Completed'".to_owned(),
    ];
    for query in queries {
        assert_eq!(world.count(&query).await, 1, "{query}");
    }
    for table in ["syncoperation", "apicrtodatabasemapping", "repositorycredentials"] {
        assert_eq!(world.count(&format!("SELECT count(*) FROM {table}")).await, 0);
    }
    let document = world.text("SELECT spec_field FROM application").await;
    for text in [&format!("gitopsdepl-{uid}"), URL, "deploy", "in-cluster", "team-a"] {
        assert!(document.contains(text), "{text} is not in {document}");
    }
}

/// A world in which the test reports in Argo CD's place, and the name of its only Application.
async fn world_of_reports() -> (World, String) {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &manual("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.wait_until_quiet().await;
    world.stop_argocd();
    let name = world.application_of(&created).await.unwrap().name_any();
    (world, name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_8_status_mirrors_the_application_exactly() {
    let (world, application) = world_of_reports().await;
    let resource = json!({
        "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "team-a",
        "name": "web", "status": "OutOfSync",
        "health": {"status": "Degraded", "message": "it crashes"},
    });
    let operation = json!({
        "operation": {
            "sync": {"revision": "abc", "prune": true, "syncOptions": ["CreateNamespace=true"]},
            "initiatedBy": {"username": "somebody"},
            "info": [{"name": "why", "value": "because"}],
            "retry": {"limit": 3, "backoff": {"duration": "1s", "factor": 2, "maxDuration": "1m"}},
        },
        "phase": "Failed",
        "message": "one or more objects failed to apply",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:01:00Z",
        "retryCount": 3,
        "syncResult": {
            "revision": "abc",
            "source": {"repoURL": URL, "path": "deploy", "targetRevision": "main"},
            "resources": [{
                "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "team-a",
                "name": "web", "status": "SyncFailed", "message": "it is refused",
                "hookPhase": "Failed", "syncPhase": "Sync",
            }],
        },
    });
    let patch = json!({"status": {
        "sync": {"status": "OutOfSync", "revision": "abc"},
        "health": {"status": "Degraded", "message": "web crashes"},
        "resources": [resource],
        "operationState": operation,
    }});
    world.patch_application(&application, patch).await;
    let found = world
        .wait_for("team-a", "app", "the report is mirrored", |one| {
            one.status.as_ref().is_some_and(|status| status.operation_state.is_some())
        })
        .await;
    let status = serde_json::to_value(found.status.unwrap()).unwrap();
    assert_eq!(status["sync"], json!({"status": "OutOfSync", "revision": "abc"}));
    assert_eq!(status["health"], json!({"status": "Degraded", "message": "web crashes"}));
    assert_eq!(status["resources"], json!([resource]));
    assert_eq!(status["operationState"], operation);
    assert_eq!(
        status["reconciledState"],
        json!({
            "source": {"repoURL": URL, "path": "deploy", "branch": "main"},
            // Argo CD's own cluster has no name that a user would know.
            "destination": {"name": "", "namespace": "team-a"},
        })
    );
    // What disappears from the report disappears from the status.
    let patch = json!({"status": {
        "sync": {"status": "Synced"}, "health": {"status": "Healthy", "message": null},
        "resources": null, "operationState": null,
    }});
    world.patch_application(&application, patch).await;
    let found = world
        .wait_for("team-a", "app", "the new report is mirrored", |one| {
            one.status.as_ref().is_some_and(|status| status.health.status == "Healthy")
        })
        .await;
    let status = found.status.unwrap();
    assert!(status.operation_state.is_none() && status.resources.is_empty());
    assert!(status.health.message.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_8_conditions_of_argo_cd_appear_and_are_resolved() {
    let (world, application) = world_of_reports().await;
    let report = |conditions: serde_json::Value| json!({"status": {"conditions": conditions}});
    let shared = json!({"type": "SharedResourceWarning", "message": "web is shared"});
    world.patch_application(&application, report(json!([shared]))).await;
    let is = |type_: &'static str, status: &'static str, message: &'static str| {
        move |one: &GitOpsDeployment| {
            condition(one, type_)
                .is_some_and(|found| found.status == status && found.message == message)
        }
    };
    let warned = world
        .wait_for(
            "team-a",
            "app",
            "the warning",
            is("SharedResourceWarning", "True", "web is shared"),
        )
        .await;
    let reason =
        |object: &GitOpsDeployment, type_: &str| condition(object, type_).unwrap().reason.clone();
    assert_eq!(reason(&warned, "SharedResourceWarning"), "SharedResourceWarning");
    // A warning does not keep a deployment from being ready.
    assert_eq!(condition(&warned, "Ready").unwrap().status, "True");

    // If several share a type the last one wins, and they do not flap.
    let twice = json!([
        {"type": "OrphanedResourceWarning", "message": "one is orphaned"},
        {"type": "OrphanedResourceWarning", "message": "two are orphaned"},
    ]);
    world.patch_application(&application, report(twice)).await;
    let changed = world
        .wait_for(
            "team-a",
            "app",
            "the last",
            is("OrphanedResourceWarning", "True", "two are orphaned"),
        )
        .await;
    assert!(is("SharedResourceWarning", "False", "")(&changed));
    assert_eq!(reason(&changed, "SharedResourceWarning"), "SharedResourceWarningResolved");
    let orphaned =
        conditions(&changed).into_iter().filter(|one| one.0 == "OrphanedResourceWarning");
    assert_eq!(orphaned.count(), 1);
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet);

    world.patch_application(&application, report(json!(null))).await;
    let resolved = world
        .wait_for("team-a", "app", "the end", is("OrphanedResourceWarning", "False", ""))
        .await;
    assert_eq!(reason(&resolved, "OrphanedResourceWarning"), "OrphanedResourceWarningResolved");
    assert!(condition(&resolved, "ErrorOccurred").is_none(), "Argo CD's errors are not ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_8_a_refresh_that_finds_nothing_new_writes_nothing() {
    let (world, application) = world_of_reports().await;
    let quiet = world.wait_until_quiet().await;
    for second in 1..=5 {
        let time = format!("2026-01-01T00:00:0{second}Z");
        let patch = json!({"status": {"reconciledAt": time}});
        world.patch_application(&application, patch).await;
    }
    assert_eq!(world.wait_until_quiet().await, quiet + 5, "only the test wrote");
}
