//! What clients of the existing system read: names, Applications, AppProjects, rows, texts,
//! conditions and the mirrored status, sentence by sentence of the compatibility contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use crds::argocd::{AppProject, Application};
use crds::deployment::{Destination, SyncPolicy};
use crds::{GitOpsDeployment, Operation};
use harness::{ARGO_CD, World, all, automated, condition, eventually, manual};
use kube::ResourceExt;
use kube::api::{PostParams, WatchEvent};
use machines::deployment::conditions::ConditionStyle;
use serde_json::json;

const URL: &str = "https://git.example.com/team/app";
const PATH_EMPTY: &str = "spec.source.path is a required field and it cannot be empty";
const PATH_ROOT: &str = "spec.source.path cannot be '/'";
const ENVIRONMENT: &str = "Unable to reconcile the ManagedEnvironment. Verify that the \
     ManagedEnvironment and Secret are correctly defined, and have valid credentials";
const ENVIRONMENT_UPDATE: &str = "unable to reconcile the ManagedEnvironment resource. Ensure \
     that the ManagedEnvironment exists, it references a Secret, and the Secret is valid";

/// Type, status, reason and message of every condition, by type.
fn conditions(object: &GitOpsDeployment) -> Vec<(String, String, String, String)> {
    let mut found: Vec<_> = object
        .status
        .iter()
        .flat_map(|status| &status.conditions)
        .map(|one| {
            let (status, reason) = (one.status.clone(), one.reason.clone());
            (one.type_.clone(), status, reason, one.message.clone())
        })
        .collect();
    found.sort();
    found
}

fn quadruple(
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
) -> (String, String, String, String) {
    (type_.to_owned(), status.to_owned(), reason.to_owned(), message.to_owned())
}

fn has_error(object: &GitOpsDeployment, message: &str) -> bool {
    condition(object, "ErrorOccurred").is_some_and(|error| {
        error.status == "True" && error.reason == "ErrorOccurred" && error.message == message
    })
}

fn error_is_resolved(object: &GitOpsDeployment) -> bool {
    condition(object, "ErrorOccurred").is_some_and(|error| {
        error.status == "False"
            && error.reason == "ErrorOccurredResolved"
            && error.message.is_empty()
    })
}

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
    // What is automated and becomes manual is left with the same.
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
    // Existing readers know the normalised URL; the one as written stands beside it.
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
async fn compatibility_7_the_app_project_permits_the_urls_in_use_and_goes_with_the_last() {
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

    // Two share a URL: it stays until both have left it.
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
    eventually("the AppProject has gone", || async {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_7_without_isolation_the_project_is_the_default() {
    let mut world = World::without_program().await;
    let default = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "name": "*", "namespace": "*"}]},
    });
    let default: AppProject = serde_json::from_value(default).unwrap();
    world.projects().create(&PostParams::default(), &default).await.unwrap();
    world.settings.isolation = false;
    world.start_program().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    let application = world.wait_for_application(&created, "it is written", |_| true).await;
    assert_eq!(application.spec.project, "default");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_2_an_operation_is_signalled_in_argo_cds_namespace_and_tidied_away() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let since = world.plane.resource_version();
    world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    eventually("the Operation has gone", || async {
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
    // The row is kept for whoever looks for the cause of something.
    let kept = "SELECT count(*) FROM operation WHERE state = 'Completed' \
                AND resource_type = 'Application'";
    assert_eq!(world.count(kept).await, 1);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_1_admission_rejects_with_the_messages_of_the_webhooks() {
    let world = World::without_program().await;
    world.create_namespace("team-a").await;
    let mut bad_type = automated("app");
    bad_type.spec.type_ = "Automated".to_owned();
    let mut bad_option = automated("app");
    let sync_options = vec!["CreateNamespace=maybe".to_owned()];
    bad_option.spec.sync_policy = Some(SyncPolicy { sync_options });
    let mut bad_namespace = automated("app");
    let namespace = "elsewhere".to_owned();
    bad_namespace.spec.destination = Some(Destination { environment: String::new(), namespace });
    let cases = [
        (bad_type, "spec type must be manual or automated"),
        (
            bad_option,
            "the specified sync option in .spec.syncPolicy.syncOptions is either mispelled or is \
             not supported by GitOpsDeployment",
        ),
        (
            bad_namespace,
            "the environment field should not be empty when the namespace is non-empty",
        ),
    ];
    let api = world.deployments("team-a");
    world.create("team-a", &automated("existing")).await;
    for (object, message) in cases {
        let refused = match api.create(&PostParams::default(), &object).await.unwrap_err() {
            kube::Error::Api(status) => status,
            other => panic!("{other}"),
        };
        assert_eq!(refused.code, 422);
        let causes = refused.details.unwrap().causes;
        assert!(causes.iter().any(|cause| cause.message.ends_with(message)), "{causes:?}");
        // An edit is refused as a creation is.
        let patch = json!({"spec": object.spec});
        let patch = kube::api::Patch::Merge(patch);
        let refused = api.patch("existing", &Default::default(), &patch).await.unwrap_err();
        assert!(refused.to_string().contains(message), "{refused}");
    }
    // Everything else passes, and is reported in status.
    for path in ["", "/"] {
        let mut object = automated("");
        object.metadata.name = None;
        object.metadata.generate_name = Some("passes-".to_owned());
        object.spec.source.path = path.to_owned();
        world.create("team-a", &object).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_1_rules_hold_on_a_cluster_with_older_crds_too() {
    let world = World::with_crds_without_rules().await;
    world.create_namespace("team-a").await;
    let sync_policy = Some(SyncPolicy { sync_options: vec!["CreateNamespace=maybe".to_owned()] });
    let at = |environment: &str, namespace: &str| {
        Some(Destination { environment: environment.to_owned(), namespace: namespace.to_owned() })
    };
    let cases = [
        ("type", "spec type must be manual or automated"),
        (
            "option",
            "the specified sync option in .spec.syncPolicy.syncOptions is either mispelled or is \
             not supported by GitOpsDeployment",
        ),
        ("namespace", "the environment field should not be empty when the namespace is non-empty"),
    ];
    for (name, message) in cases {
        let mut object = automated(name);
        match name {
            "type" => object.spec.type_ = "Automated".to_owned(),
            "option" => object.spec.sync_policy.clone_from(&sync_policy),
            _ => object.spec.destination = at("", "elsewhere"),
        }
        world.create("team-a", &object).await;
        world.wait_for("team-a", name, message, |one| has_error(one, message)).await;
    }
    assert_eq!(all(&world.applications()).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_6_of_several_complaints_the_contracts_first_is_told() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let at = |namespace: &str| {
        let (environment, namespace) = ("staging".to_owned(), namespace.to_owned());
        Some(Destination { environment, namespace })
    };
    let mut path_and_environment = automated("path-and-environment");
    path_and_environment.spec.source.path = "/".to_owned();
    path_and_environment.spec.destination = at("elsewhere");
    let mut environment_and_namespace = automated("environment-and-namespace");
    environment_and_namespace.spec.destination = at("");
    let cases = [(path_and_environment, PATH_ROOT), (environment_and_namespace, ENVIRONMENT)];
    for (object, message) in cases {
        world.create("team-a", &object).await;
        let name = object.name_any();
        world.wait_for("team-a", &name, message, |one| has_error(one, message)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_1_5_and_6_an_invalid_spec_is_reported_and_mended_by_an_edit() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let mut environment = automated("environment");
    environment.spec.destination =
        Some(Destination { environment: "staging".to_owned(), namespace: "elsewhere".to_owned() });
    let long = named("long", &format!("https://git.example.com/{}", "a".repeat(300)));
    let mut empty = automated("empty");
    empty.spec.source.path = String::new();
    let mut root = automated("root");
    root.spec.source.path = "/".to_owned();
    let cases = [
        (empty, PATH_EMPTY),
        (root, PATH_ROOT),
        (environment, ENVIRONMENT),
        (long, "spec.source.repoURL is too long; shorten it to at most 256 bytes"),
    ];
    for (object, message) in &cases {
        let name = object.name_any();
        world.create("team-a", object).await;
        let found = world.wait_for("team-a", &name, message, |one| has_error(one, message)).await;
        assert_eq!(
            conditions(&found),
            [
                quadruple("ErrorOccurred", "True", "ErrorOccurred", message),
                quadruple("Ready", "False", "Rejected", message),
                quadruple("Reconciling", "False", "Rejected", ""),
                quadruple("Stalled", "True", "Rejected", message),
            ]
        );
        assert_eq!(found.status.as_ref().unwrap().observed_generation, Some(1));
    }
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet, "an invalid spec is tried again and again");
    assert_eq!(all(&world.applications()).await, []);
    assert_eq!(all(&world.operations()).await, []);
    for (object, _) in &cases {
        let spec = json!({"spec": {
            "source": {"path": "deploy", "repoURL": URL}, "destination": null,
        }});
        world.edit("team-a", &object.name_any(), spec).await;
        let mended = world.wait_until_ready("team-a", &object.name_any()).await;
        assert!(error_is_resolved(&mended), "{:?}", conditions(&mended));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_6_an_invalid_edit_leaves_the_last_good_application_alone() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let created = world.create("team-a", &automated("app")).await;
    world.wait_until_ready("team-a", "app").await;
    world.wait_until_quiet().await;
    let good = world.application_of(&created).await.unwrap();
    let destination = json!({"environment": "staging", "namespace": "elsewhere"});
    let cases = [
        (json!({"source": {"path": ""}}), PATH_EMPTY),
        (json!({"source": {"path": "/"}}), PATH_ROOT),
        (json!({"source": {"path": "deploy"}, "destination": destination}), ENVIRONMENT_UPDATE),
    ];
    for (spec, message) in cases {
        world.edit("team-a", "app", json!({"spec": spec})).await;
        let found = world.wait_for("team-a", "app", message, |one| has_error(one, message)).await;
        assert_eq!(condition(&found, "Ready").unwrap().status, "False");
        let quiet = world.wait_until_quiet().await;
        assert_eq!(world.wait_until_quiet().await, quiet);
        let kept = world.application_of(&created).await.unwrap();
        assert_eq!(kept.resource_version(), good.resource_version());
    }
    let mend = json!({"spec": {"source": {"path": "deploy"}, "destination": null}});
    world.edit("team-a", "app", mend).await;
    let mended = world.wait_until_ready("team-a", "app").await;
    assert!(error_is_resolved(&mended));
    // What it asks for was never changed, so nothing had to be written.
    let kept = world.application_of(&created).await.unwrap();
    assert_eq!(kept.resource_version(), good.resource_version());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_5_the_legacy_style_writes_exactly_the_conditions_of_old() {
    let mut world = World::without_program().await;
    world.settings.conditions = ConditionStyle::Legacy;
    world.start_program().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let is_healthy = |one: &GitOpsDeployment| {
        one.status.as_ref().is_some_and(|status| {
            status.observed_generation == one.metadata.generation
                && status.sync.status == "Synced"
                && status.health.status == "Healthy"
        })
    };
    let healthy = world.wait_for("team-a", "app", "it is healthy", is_healthy).await;
    assert_eq!(conditions(&healthy), []);
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "/"}}})).await;
    let failed = world.wait_for("team-a", "app", PATH_ROOT, |one| has_error(one, PATH_ROOT)).await;
    let error = quadruple("ErrorOccurred", "True", "ErrorOccurred", PATH_ROOT);
    assert_eq!(conditions(&failed), [error]);
    world.edit("team-a", "app", json!({"spec": {"source": {"path": "deploy"}}})).await;
    let mended = world.wait_for("team-a", "app", "the error is resolved", error_is_resolved).await;
    let resolved = quadruple("ErrorOccurred", "False", "ErrorOccurredResolved", "");
    assert_eq!(conditions(&mended), [resolved]);
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet);

    // The style may be changed at any time; the conditions follow.
    world.stop_program().await;
    world.settings.conditions = ConditionStyle::Conventional;
    world.start_program().await;
    world.wait_until_ready("team-a", "app").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_5_a_deployment_that_never_failed_has_no_error_condition() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let types: Vec<String> = conditions(&ready).into_iter().map(|one| one.0).collect();
    assert_eq!(types, ["Ready", "Reconciling", "Stalled"]);
}

/// A world in which Argo CD's reports are the test's, and its one Application's name.
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
            // The cluster of Argo CD itself has no name for a user.
            "destination": {"name": "", "namespace": "team-a"},
        })
    );
    // What goes from the report goes from the status.
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
async fn compatibility_8_conditions_of_argo_cd_come_and_are_resolved() {
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

    // Of several of one type the last counts, and they do not flap.
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
    assert!(condition(&resolved, "ErrorOccurred").is_none(), "Argo CD's are not our errors");
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
    assert_eq!(world.wait_until_quiet().await, quiet + 5, "only the test has written");
}
