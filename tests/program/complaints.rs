//! The errors that the program reports, and how they are raised and resolved: the texts and
//! conditions that clients of the existing system match, clause by clause of the compatibility
//! contract.

use crds::GitOpsDeployment;
use crds::deployment::{Destination, SyncPolicy};
use kube::ResourceExt;
use kube::api::PostParams;
use machines::kinds::deployment::conditions::ConditionStyle;
use machines::shared::messages;
use serde_json::json;

use crate::harness::{
    World, all, automated, condition, conditions, error_is_resolved, has_error, quadruple,
};

const URL: &str = "https://git.example.com/team/app";
const PATH_EMPTY: &str = "spec.source.path is a required field and it cannot be empty";
const PATH_ROOT: &str = "spec.source.path cannot be '/'";
const ENVIRONMENT: &str = "Unable to reconcile the ManagedEnvironment. Verify that the \
     ManagedEnvironment and Secret are correctly defined, and have valid credentials";
const ENVIRONMENT_UPDATE: &str = "unable to reconcile the ManagedEnvironment resource. Ensure \
     that the ManagedEnvironment exists, it references a Secret, and the Secret is valid";

fn named(name: &str, url: &str) -> GitOpsDeployment {
    let mut object = automated(name);
    object.spec.source.repo_url = url.to_owned();
    object
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
        // An edit is rejected like a creation.
        let patch = json!({"spec": object.spec});
        let patch = kube::api::Patch::Merge(patch);
        let refused = api.patch("existing", &Default::default(), &patch).await.unwrap_err();
        assert!(refused.to_string().contains(message), "{refused}");
    }
    // Everything else is admitted, and reported in the status.
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
async fn compatibility_6_of_several_errors_the_contracts_first_is_reported() {
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
async fn compatibility_1_5_and_6_an_invalid_spec_is_reported_and_fixed_by_an_edit() {
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
        // The spec is right where the environment is missing.
        let (reason, advice) = match *message {
            ENVIRONMENT => ("EnvironmentNotReady", messages::ENVIRONMENT_ADVICE),
            _ => ("Rejected", messages::REJECTED_ADVICE),
        };
        let stalled = format!("{message}. {advice}");
        assert_eq!(
            conditions(&found),
            [
                quadruple("ErrorOccurred", "True", "ErrorOccurred", message),
                quadruple("Ready", "False", reason, message),
                quadruple("Reconciling", "False", reason, ""),
                quadruple("Stalled", "True", reason, &stalled),
            ]
        );
        assert_eq!(found.status.as_ref().unwrap().observed_generation, Some(1));
    }
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet, "an invalid spec is retried over and over");
    assert_eq!(all(&world.applications()).await, []);
    assert_eq!(all(&world.operations()).await, []);
    for (object, _) in &cases {
        let spec = json!({"spec": {
            "source": {"path": "deploy", "repoURL": URL}, "destination": null,
        }});
        world.edit("team-a", &object.name_any(), spec).await;
        let fixed = world.wait_until_ready("team-a", &object.name_any()).await;
        assert!(error_is_resolved(&fixed), "{:?}", conditions(&fixed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_argo_cd_would_reject_is_reported_in_the_first_status_without_asking_it() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let at = |name: &str, path: &str| {
        let mut object = automated(name);
        object.spec.source.path = path.to_owned();
        object
    };
    let absolute = "spec.source.path begins with '/', but Argo CD takes only paths relative to the \
                    repository's root; remove the '/' at its beginning";
    let outside = "spec.source.path leads out of the repository; remove the '..' that has no \
                   folder before it";
    let space = "spec.source.repoURL has a space in it; write %20 for the space";
    let port = "spec.source.repoURL has a port that is out of range; write a number from 1 to \
                65535, or leave the port and its colon out";
    let mixed = "spec.source.repoURL has a path after the colon of its host; in ssh:// URLs a port \
                 number follows that colon. Write USER@HOST:PATH or ssh://USER@HOST/PATH";
    let cases = [
        (at("slashes", "//"), absolute),
        (at("absolute", "/apps"), absolute),
        (at("parent", ".."), outside),
        (at("outside", "a/../../b"), outside),
        (
            at("blank", " "),
            "spec.source.path is blank; write a folder of the repository, for example \
             deploy/production, or '.' for all of it",
        ),
        (named("space", "https://git.example.com/my repo"), space),
        (named("port", "https://git.example.com:99999/r"), port),
        (named("mixed", "ssh://git@git.example.com:org/r@v2"), mixed),
        (
            named("ends", " https://git.example.com/r"),
            "spec.source.repoURL begins or ends with white space; remove it",
        ),
    ];
    for (object, message) in cases {
        let name = object.name_any();
        world.create("team-a", &object).await;
        let first = world
            .wait_for("team-a", &name, "a status", |one| {
                one.status.as_ref().is_some_and(|status| !status.conditions.is_empty())
            })
            .await;
        assert!(has_error(&first, message), "{name}: {:?}", conditions(&first));
        assert_eq!(condition(&first, "Stalled").unwrap().reason, "Rejected", "{name}");
    }
    assert_eq!(all(&world.applications()).await, []);
    for (name, path) in [("all", "."), ("folder", "./d"), ("within", "a/../b")] {
        world.create("team-a", &at(name, path)).await;
        world.wait_until_ready("team-a", name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_with_pattern_characters_is_permitted_and_kept_as_written() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    let cases = [
        ("address", "https://[2001:db8::7]/org/r.git", "https:[/]/[[]2001:db8::7]/org/r.git"),
        ("brackets", "https://git.example.com/a[b]/r", "https://git.example.com/a[[]b]/r"),
        ("braces", "https://git.example.com/{a}/r", "https://git.example.com/{a}/r"),
        ("query", "https://git.example.com/r?a{b}", "https://git.example.com/r[?]a[{]b}"),
        ("backslash", r"https://git.example.com/a\b", r"https://git.example.com/a\b"),
        ("ssh", "ssh://git@[2001:db8::7]:2222/org/r", "git?[[]2001:db8::7]:2222/org/r"),
    ];
    let mut patterns = Vec::new();
    for (name, url, pattern) in cases {
        let created = world.create("team-a", &named(name, url)).await;
        world.wait_until_ready("team-a", name).await;
        let application = world.application_of(&created).await.unwrap();
        assert_eq!(application.spec.source.repo_url, url);
        patterns.push(pattern.to_owned());
    }
    patterns.sort();
    let [project] = &all(&world.projects()).await[..] else { panic!("not one AppProject") };
    assert_eq!(project.spec.source_repos, patterns);
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
    let fix = json!({"spec": {"source": {"path": "deploy"}, "destination": null}});
    world.edit("team-a", "app", fix).await;
    let fixed = world.wait_until_ready("team-a", "app").await;
    assert!(error_is_resolved(&fixed));
    // What it asks for never changed, so nothing had to be written.
    let kept = world.application_of(&created).await.unwrap();
    assert_eq!(kept.resource_version(), good.resource_version());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compatibility_5_the_legacy_style_writes_exactly_the_old_conditions() {
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
    let fixed = world.wait_for("team-a", "app", "the error is resolved", error_is_resolved).await;
    let resolved = quadruple("ErrorOccurred", "False", "ErrorOccurredResolved", "");
    assert_eq!(conditions(&fixed), [resolved]);
    let quiet = world.wait_until_quiet().await;
    assert_eq!(world.wait_until_quiet().await, quiet);

    // The style may change at any time; the conditions follow.
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
