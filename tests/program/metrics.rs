//! What `/metrics` says of an installation at work: exactly what the table of metrics names.

use std::collections::{BTreeMap, BTreeSet};

use crds::{
    GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec,
    GitOpsDeploymentRepositoryCredential, GitOpsDeploymentRepositoryCredentialSpec,
    GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunSpec,
};
use kube::api::{Api, PostParams};
use managed_gitops::metrics::table::{ALL, Kind, Metric, Values};

use crate::harness::{World, automated, eventually, manual};

/// Label by label.
type Labels = BTreeMap<String, String>;

/// One line of the text: its name, its labels and its value.
fn samples(text: &str) -> Vec<(String, Labels, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let pairs = labels.trim_end_matches('}').split("\",");
        let pairs = pairs.filter_map(|pair| pair.split_once("=\""));
        let labels =
            pairs.map(|(key, value)| (key.to_owned(), value.trim_end_matches('"').to_owned()));
        (name.to_owned(), labels.collect(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// The sum of the samples of this name with these labels.
fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |of: &Labels| {
        labels.iter().all(|(key, value)| of.get(*key).is_some_and(|one| one == value))
    };
    samples(text).iter().filter(|(of, found, _)| of == name && has(found)).map(|one| one.2).sum()
}

/// The metric that a sample belongs to.
fn metric(sample: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| match metric.kind {
        Kind::Histogram(_) => sample
            .strip_prefix(metric.name)
            .is_some_and(|ending| matches!(ending, "_bucket" | "_sum" | "_count")),
        Kind::Counter | Kind::Gauge => sample == metric.name,
    })
}

/// One object of each kind.
async fn one_of_each(world: &World) {
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    world.create("team-a", &manual("manual")).await;
    let create = PostParams::default();
    let spec = GitOpsDeploymentRepositoryCredentialSpec {
        repository: "https://git.example.com/team/private".to_owned(),
        secret: "git".to_owned(),
    };
    let credential = GitOpsDeploymentRepositoryCredential::new("login", spec);
    let api = Api::namespaced(world.client.clone(), "team-a");
    api.create(&create, &credential).await.unwrap();
    let spec = GitOpsDeploymentManagedEnvironmentSpec {
        api_url: "https://api.example.com:6443".to_owned(),
        credentials_secret: "admin".to_owned(),
        ..GitOpsDeploymentManagedEnvironmentSpec::default()
    };
    let environment = GitOpsDeploymentManagedEnvironment::new("staging", spec);
    let api = Api::namespaced(world.client.clone(), "team-a");
    api.create(&create, &environment).await.unwrap();
    let spec = GitOpsDeploymentSyncRunSpec {
        gitops_deployment_name: "manual".to_owned(),
        ..GitOpsDeploymentSyncRunSpec::default()
    };
    let api = Api::namespaced(world.client.clone(), "team-a");
    api.create(&create, &GitOpsDeploymentSyncRun::new("run", spec)).await.unwrap();
    world.wait_until_ready("team-a", "app").await;
    world.wait_until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exposed_is_what_the_table_names() {
    let world = World::start().await;
    one_of_each(&world).await;
    let text = world.program().health.exposition();
    let mut exposed = BTreeSet::new();
    for (name, labels, _) in samples(&text) {
        let metric = metric(&name).unwrap_or_else(|| panic!("{name} is not in the table"));
        exposed.insert(metric.name);
        let is_bucket = name.ends_with("_bucket");
        let names: BTreeSet<&str> = labels
            .keys()
            .map(String::as_str)
            .filter(|name| !(is_bucket && *name == "le"))
            .collect();
        let defined = metric.labels.iter().map(|label| label.name);
        assert_eq!(names, defined.collect(), "{name}");
        for label in metric.labels {
            if let Values::Of(values) = label.values {
                let value = labels[label.name].as_str();
                assert!(values.contains(&value), "{name} has {} {value:?}", label.name);
            }
        }
    }
    let defined: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    let missing: Vec<_> = defined.difference(&exposed).collect();
    assert!(missing.is_empty(), "{missing:?} are not exposed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_works_was_counted_and_measured() {
    let world = World::start().await;
    one_of_each(&world).await;
    let text = world.program().health.exposition();
    let one = |name, labels: &[(&str, &str)]| {
        let found = sum(&text, name, labels);
        assert!((found - 1.0).abs() < 0.1, "{name} {labels:?}: {found}");
    };
    let some = |name, labels: &[(&str, &str)]| assert!(sum(&text, name, labels) >= 1.0, "{name}");
    let none = |name, labels: &[(&str, &str)]| assert!(sum(&text, name, labels) <= 0.0, "{name}");
    one("gitops_deployments", &[("state", "ready"), ("reason", "Synced")]);
    let without_keys = [("state", "stalled"), ("reason", "NoSealingKeys")];
    one("gitops_repository_credentials", &without_keys);
    one("gitops_managed_environments", &without_keys);
    one("gitops_sync_runs", &[("state", "ready"), ("reason", "Succeeded")]);
    none("gitops_sealing_ready", &[]);
    one("gitops_leader", &[]);
    let changes = sum(&text, "gitops_change_to_application_seconds_count", &[]);
    assert!((changes - 2.0).abs() < 0.1, "one for each deployment: {changes}");
    let lasted = sum(&text, "gitops_change_to_application_seconds_sum", &[]);
    assert!(lasted > 0.0 && lasted < 300.0, "{lasted}");
    for stage in ["recorded", "published"] {
        some("gitops_report_to_status_seconds_count", &[("stage", stage)]);
    }
    for worker in ["deployments", "operations", "reports"] {
        some("gitops_batches_total", &[("worker", worker), ("outcome", "committed")]);
        some("gitops_batch_seconds_count", &[("worker", worker)]);
    }
    some("gitops_operations_finished_total", &[("outcome", "completed")]);
    none("gitops_operations_finished_total", &[("outcome", "failed")]);
    some("gitops_statements_total", &[]);
    some("gitops_status_writes_total", &[]);
    some("gitops_api_requests_total", &[("verb", "watch")]);
    for name in [
        "gitops_operations_open",
        "gitops_inbox_length",
        "gitops_effects_waiting",
        "gitops_backlog",
    ] {
        none(name, &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_the_service_says_since_when() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.stop_argocd();
    world.create("team-a", &automated("app")).await;
    let text = eventually("its Application is written and reports are awaited", || async {
        let text = world.program().health.exposition();
        let reason = [("state", "reconciling"), ("reason", "AwaitingReport")];
        (sum(&text, "gitops_deployments", &reason) > 0.5).then_some(text)
    })
    .await;
    let waited = sum(&text, "gitops_deployments_waiting_oldest_seconds", &[]);
    assert!(waited <= 0.0, "it waits for Argo CD's report, and not for the service: {waited}");
    assert!(sum(&text, "gitops_change_to_application_seconds_count", &[]) > 0.5);
    assert!(sum(&text, "gitops_report_to_status_seconds_count", &[]) < 0.5);
}
