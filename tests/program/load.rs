//! `load` as its users call it: the binary, against a `dev` that runs alongside it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use crds::argocd::{AppProject, Application};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::Api;
use tempfile::TempDir;

use crate::harness;

const PROGRAM: &str = env!("CARGO_BIN_EXE_managed-gitops");

/// A separate `dev` on its own ports.
struct Dev {
    process: Child,
    /// Kept open, because it prints more than its address.
    _output: BufReader<ChildStdout>,
    directory: TempDir,
    metrics: String,
}

impl Dev {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new(PROGRAM)
            .args(["--log", "warn", "dev", "--port", "0", "--argo-cd-pace", "0", "--dir"])
            .arg(directory.path())
            .args(arguments)
            .env_remove("DATABASE_URL")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The address is printed once everything runs; without it the pipe ends.
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let metrics = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("health, metrics:").map(|url| url.trim().to_owned()))
            .expect("dev prints where its metrics are");
        Self { process, _output: output, directory, metrics }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--log", "warn", "load", "--kubeconfig"])
            .arg(self.kubeconfig())
            .args(arguments);
        command
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// What is in Argo CD's namespace.
    fn in_argocd<K>(&self) -> Vec<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = harness::client(&self.kubeconfig()).await;
            harness::all(&Api::<K>::namespaced(client, harness::ARGO_CD)).await
        })
    }

    /// How many Applications go to each cluster.
    fn destinations(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for application in self.in_argocd::<Application>() {
            *count.entry(application.spec.destination.name).or_default() += 1;
        }
        count
    }

    fn load(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The words of the table line that begins with this.
fn words(table: &str, beginning: &str) -> Vec<String> {
    let mut lines = table.lines().map(str::trim_start);
    let line = lines.find_map(|line| line.strip_prefix(beginning));
    let line = line.unwrap_or_else(|| panic!("no line begins with {beginning:?}:\n{table}"));
    line.split_whitespace().map(str::to_owned).collect()
}

fn number(table: &str, beginning: &str) -> f64 {
    words(table, beginning)[0].parse().unwrap()
}

#[test]
fn a_run_measures_every_deployment_and_its_cost_and_cleans_up() {
    let dev = Dev::start();
    let metrics = ["--metrics", &dev.metrics];
    let size = ["--deployments", "30", "--namespaces", "3", "--rest", "1", "--cleanup"];
    let output = dev.load(&[metrics.as_slice(), &size].concat());
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}\n{errors}");
    for what in ["CR created → Application seen", "CR created → CR ready"] {
        assert_eq!(words(&table, what).last().unwrap(), "30", "{table}");
    }
    let samples: usize = words(&table, "Application status").last().unwrap().parse().unwrap();
    assert!(samples >= 30, "each status at least became Healthy:\n{table}");
    assert_eq!(words(&table, "with an Application")[..3], ["30", "of", "30"]);
    assert_eq!(words(&table, "create applications"), ["1.000"], "{table}");
    assert!(number(&table, "SQL statements") > 0.0, "{table}");
    if cfg!(target_os = "linux") {
        words(&table, "CPU of the whole process");
        assert!(number(&table, "resident memory of the whole process") > 0.1, "{table}");
    }
    assert!(table.contains("deleted, and gone after"), "{table}");
    assert!(!errors.contains("kubectl delete"), "nothing is left to delete:\n{errors}");
}

#[test]
fn one_at_a_time_leaves_the_deployments_and_says_how_to_delete_them() {
    let dev = Dev::start();
    let output = dev.load(&["--deployments", "4", "--one-at-a-time", "--until", "applications"]);
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}\n{errors}");
    assert!(table.contains("4 deployments in 4 namespaces, one at a time"), "{table}");
    assert_eq!(words(&table, "CR created → Application seen").last().unwrap(), "4");
    assert!(table.contains("is not known: name its /metrics with --metrics"), "{table}");
    assert!(errors.contains("kubectl delete namespaces -l managed-gitops.redhat.com/load-run="));
}

#[test]
fn the_deployments_of_a_namespace_are_spread_over_the_requested_number_of_repositories() {
    let dev = Dev::start();
    let size = ["--deployments", "12", "--namespaces", "2", "--repositories", "3"];
    let output = dev.load(&size);
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}\n{errors}");
    let title = "12 deployments in 2 namespaces of 3 repositories each, from 16 connections";
    assert!(table.contains(title), "{table}");
    // Each namespace's AppProject permits what its deployments use.
    let projects = dev.in_argocd::<AppProject>();
    assert_eq!(projects.len(), 2);
    for project in projects {
        assert_eq!(
            project.spec.source_repos,
            ["0", "1", "2"].map(|number| format!("https://git.example.com/load/{number}"))
        );
    }
}

#[test]
fn bad_input_ends_with_2_and_says_what_to_do() {
    let dev = Dev::start();
    let cases: [(&[&str], &str); 13] = [
        (&["--deployments", "0"], "0 is not in 1..=100000"),
        (&["--deployments", "2", "--namespaces", "3"], "give --namespaces at most 2"),
        (&["--repositories", "0"], "0 is not in 1..=100000"),
        (&["--deployments", "5", "--repositories", "2"], "give --repositories at most 1"),
        (&["--deployments", "2", "--environments", "3"], "give --environments at most 2"),
        (&["--namespaces", "3", "--environments", "4"], "give --environments a multiple of 3"),
        (&["--environments", "2"], "start `dev` with --tls"),
        (&["--environment-kubeconfig", "/none"], "give --environments, or leave out"),
        (&["--environments", "2", "--environment-kubeconfig", "/none"], "/none cannot be read"),
        (&["--rate", "0"], "give a number from 0.001"),
        (&["--rest", "5"], "--metrics"),
        (&["--metrics", "localhost"], "is no http:// URL"),
        (&["--argo-cd-namespace", "elsewhere"], "has no namespace elsewhere"),
    ];
    for (arguments, sentence) in cases {
        let output = dev.load(arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(sentence), "{arguments:?}: {errors}");
    }
}

#[test]
fn unreconciled_deployments_end_with_3_and_the_numbers_so_far() {
    let dev = Dev::start();
    // Applications never appear in this namespace, so the wait fails.
    let elsewhere = ["--argo-cd-namespace", "default", "--until", "applications"];
    let few = ["--deployments", "3", "--within", "2"];
    let output = dev.load(&[elsewhere, few].concat());
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{table}\n{errors}");
    assert!(errors.contains("only 0 of 3 had an Application"), "{errors}");
    assert_eq!(words(&table, "created")[..3], ["3", "of", "3"], "{table}");
}

#[test]
fn an_interrupted_run_deletes_nothing_and_says_what_is_left() {
    let dev = Dev::start();
    let elsewhere = ["--argo-cd-namespace", "default", "--until", "applications"];
    let mut command = dev.command(&[elsewhere.as_slice(), &["--deployments", "3"]].concat());
    let mut run = command.arg("--cleanup").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map_while(Result::ok);
    // It waits in vain for Applications in a namespace that has none.
    lines.find(|line| line.contains("3 created")).expect("the run reports its progress");
    let signal = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(signal.success());
    let rest: String = lines.collect();
    assert_eq!(run.wait().unwrap().code(), Some(1), "{rest}");
    assert!(rest.contains("3 of 3 deployments were created; delete whatever is left"), "{rest}");
    assert!(rest.contains("managed-gitops: interrupted"), "{rest}");
}

#[test]
fn sync_runs_are_measured_after_the_deployments() {
    let dev = Dev::start();
    let size = ["--deployments", "4", "--sync-runs", "10", "--cleanup", "--metrics", &dev.metrics];
    let output = dev.load(&size);
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}\n{errors}");
    assert!(table.contains("4 deployments in 4 namespaces, then 10 sync runs"), "{table}");
    let written = words(&table, "Sync run created → operation written");
    assert_eq!(written.last().unwrap(), "10", "{table}");
    assert_eq!(words(&table, "sync runs ended")[..3], ["10", "of", "10"], "{table}");
    assert_eq!(words(&table, "succeeded"), ["10", "of", "10"], "{table}");
    assert!(table.contains("The program, for each sync run"), "{table}");
}

#[test]
fn environments_are_ready_before_the_deployments_that_use_them_and_go_with_them() {
    let dev = Dev::start_with(&["--tls"]);
    let size = ["--deployments", "12", "--namespaces", "2", "--environments", "4"];
    let output = dev.load(&[&size[..], &["--metrics", &dev.metrics]].concat());
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}\n{errors}");
    let title = "12 deployments in 2 namespaces to 4 environments, from 16 connections";
    assert!(table.contains(title), "{table}");
    assert_eq!(words(&table, "Environment created → ready").last().unwrap(), "4", "{table}");
    assert_eq!(words(&table, "environments ready")[..3], ["4", "of", "4"], "{table}");
    assert!(table.contains("The program, for each environment"), "{table}");
    let destinations = dev.destinations();
    let secrets: Vec<Secret> = dev.in_argocd();
    let clusters: Vec<String> = secrets.iter().map(ResourceExt::name_any).collect();
    assert_eq!(destinations.keys().cloned().collect::<Vec<_>>(), clusters);
    assert_eq!(destinations.values().collect::<Vec<_>>(), [&3; 4], "{destinations:?}");

    let output = dev.load(&[&size[..], &["--cleanup", "--output", "json"]].concat());
    let (report, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{report}\n{errors}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["environments"]["ready"]["count"], 4, "{report:#}");
    assert!(report["environments"]["readySeen"]["p99"].as_f64().unwrap() > 0.0, "{report:#}");
    assert_eq!(dev.destinations(), destinations, "nothing of the second run is left");
    assert_eq!(dev.in_argocd::<Secret>().len(), 4, "nothing of the second run is left");
}

#[test]
fn environments_may_name_another_cluster() {
    let (dev, target) = (Dev::start(), Dev::start_with(&["--tls"]));
    let kubeconfig = target.kubeconfig();
    let there = ["--environment-kubeconfig", kubeconfig.to_str().unwrap()];
    let few = ["--deployments", "4", "--environments", "2", "--until", "applications"];
    let output = dev.load(&[few.as_slice(), &there].concat());
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{table}\n{errors}");
    assert_eq!(words(&table, "environments ready")[..3], ["2", "of", "2"], "{table}");
    let secrets: Vec<Secret> = dev.in_argocd();
    let server = |secret: &Secret| secret.data.as_ref().unwrap()["server"].0.clone();
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    assert_eq!(secrets.len(), 2);
    for server in secrets.iter().map(|secret| String::from_utf8(server(secret)).unwrap()) {
        let (url, _) = server.split_once("?managedEnvironment=").unwrap();
        assert!(text.contains(&format!("server: {url}\n")), "{server}");
    }
}

#[test]
fn environments_that_are_not_ready_in_time_end_with_3_and_without_deployments() {
    let dev = Dev::start();
    let kubeconfig = dev.directory.path().join("nobody");
    // Nobody listens on this port.
    let own = std::fs::read_to_string(dev.kubeconfig()).unwrap();
    let (_, url) = own.split_once("server: ").unwrap();
    let url = url.lines().next().unwrap();
    let other = own.replace(url, "https://127.0.0.1:1").replace("user: {}", "user: {token: none}");
    std::fs::write(&kubeconfig, other).unwrap();
    let there = ["--environment-kubeconfig", kubeconfig.to_str().unwrap(), "--within", "2"];
    let output = dev.load(&[&["--deployments", "4", "--environments", "2"][..], &there].concat());
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{table}\n{errors}");
    assert!(errors.contains("only 0 of 2 environments were ready"), "{errors}");
    assert_eq!(words(&table, "environments ready")[..3], ["0", "of", "2"], "{table}");
    assert_eq!(words(&table, "created")[..3], ["0", "of", "4"], "{table}");
}
