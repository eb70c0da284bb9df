//! A tenant's day with the real kubectl, against the whole installation. `--nocapture` shows the
//! transcript; the README has one like it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::harness::World;

/// Objects in the file that is applied.
const OBJECTS: usize = 200;

const GUESTBOOK: &str = "\
apiVersion: managed-gitops.redhat.com/v1alpha1
kind: GitOpsDeployment
metadata:
  name: guestbook
spec:
  type: automated
  source:
    repoURL: https://github.com/argoproj/argocd-example-apps
    path: guestbook
    targetRevision: HEAD
";

/// A kubectl with a cache of its own.
struct Kubectl {
    directory: TempDir,
}

impl Kubectl {
    fn new(world: &World) -> Option<Self> {
        let present = Command::new("kubectl").args(["version", "--client"]).output();
        if !present.is_ok_and(|output| output.status.success()) {
            println!("skipping: kubectl is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), world.plane.kubeconfig()).unwrap();
        Some(Self { directory })
    }

    fn output(&self, line: &str, input: &str) -> Output {
        let mut child = Command::new("kubectl")
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("KUBECACHEDIR", self.directory.path().join("cache"))
            .env("HOME", self.directory.path())
            .args(words(line))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn run(&self, line: &str, input: &str) -> String {
        let output = self.output(line, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {line} failed: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a line, shows it in the transcript, and checks that its output contains these parts.
    fn shows(&self, line: &str, input: &str, parts: &[&str]) -> String {
        let text = self.run(line, input);
        println!("$ kubectl {line}\n{text}");
        for part in parts {
            assert!(text.contains(part), "kubectl {line}: {part:?} is missing from\n{text}");
        }
        text
    }

    /// Runs a line that must fail, and checks that the error contains these parts.
    fn refuses(&self, line: &str, input: &str, parts: &[&str]) {
        let output = self.output(line, input);
        let errors = String::from_utf8(output.stderr).unwrap();
        println!("$ kubectl {line}\n{errors}");
        assert!(!output.status.success(), "kubectl {line} succeeded");
        for part in parts {
            assert!(errors.contains(part), "kubectl {line}: {part:?} is missing from\n{errors}");
        }
    }
}

/// Splits a line into words as a shell would; single quotes keep a word together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (position, part) in line.split('\'').enumerate() {
        if position % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

async fn with_kubectl(test: impl FnOnce(&Kubectl) + Send + 'static) {
    let world = World::start().await;
    if let Some(kubectl) = Kubectl::new(&world) {
        tokio::task::spawn_blocking(move || test(&kubectl)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_applies_reads_edits_and_deletes_with_kubectl() {
    with_kubectl(|kubectl| {
        kubectl.shows("create namespace demo", "", &["namespace/demo created"]);
        kubectl.shows("apply -n demo -f -", GUESTBOOK, &["gitopsdeployment", "guestbook created"]);
        let wait = "wait -n demo --for=condition=Ready gitopsdeployment/guestbook --timeout=120s";
        kubectl.shows(wait, "", &["condition met"]);
        let columns = ["NAME", "READY", "SYNC", "HEALTH", "AGE", "True", "Synced", "Healthy"];
        kubectl.shows("get gitopsdeployments -n demo", "", &columns);
        kubectl.shows("get gitopsdeployments -n demo -o wide", "", &["MESSAGE", "REVISION"]);
        kubectl.shows("get gitopsdeployments -A", "", &["NAMESPACE", "demo"]);
        let described = [
            "Kind:         GitOpsDeployment",
            "Conditions:",
            "Type:",
            "Ready",
            "Observed Generation:",
            "Repo URL:",
            "Events:",
        ];
        kubectl.shows("describe gitopsdeployment guestbook -n demo", "", &described);
        let applications = "get applications -n gitops-service-argocd";
        kubectl.shows(applications, "", &["gitopsdepl-", "Synced", "Healthy"]);
        edit(kubectl);
        kubectl.shows("delete gitopsdeployment guestbook -n demo", "", &["deleted"]);
        let gone = "wait -n gitops-service-argocd --for=delete application --all --timeout=120s";
        kubectl.run(gone, "");
        assert_eq!(kubectl.run("get gitopsdeployments -n demo -o name", ""), "");
        assert_eq!(kubectl.run("get applications -A -o name", ""), "");
    })
    .await;
}

fn edit(kubectl: &Kubectl) {
    let patch = r#"patch gitopsdeployment guestbook -n demo --type=merge -p '{"spec":{"source":{"path":"helm-guestbook"}}}'"#;
    kubectl.shows(patch, "", &["patched"]);
    let generation = "get gitopsdeployment guestbook -n demo -o 'jsonpath={.metadata.generation}'";
    assert_eq!(kubectl.run(generation, ""), "2");
    let observed = "wait -n demo --for=jsonpath={.status.observedGeneration}=2 \
                    gitopsdeployment/guestbook --timeout=120s";
    kubectl.run(observed, "");
    let wait = "wait -n demo --for=condition=Ready gitopsdeployment/guestbook --timeout=120s";
    kubectl.run(wait, "");
    let path = "get applications -A -o 'jsonpath={.items[*].spec.source.path}'";
    assert_eq!(kubectl.run(path, ""), "helm-guestbook");
    let same = GUESTBOOK.replace("path: guestbook", "path: helm-guestbook");
    kubectl.shows("apply -n demo -f -", &same, &["guestbook"]);
    assert_eq!(
        kubectl.run(generation, ""),
        "2",
        "an apply that changes nothing creates no new generation"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_explains_the_fields_of_a_deployment() {
    with_kubectl(|kubectl| {
        let parts = ["KIND:       GitOpsDeployment", "FIELD: source", "repoURL", "targetRevision"];
        kubectl.shows("explain gitopsdeployment.spec.source", "", &parts);
        kubectl.shows("explain gitopsdeployment.status", "", &["conditions", "reconciledState"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_says_what_is_wrong_with_a_deployment() {
    with_kubectl(|kubectl| {
        kubectl.run("create namespace demo", "");
        let unknown = GUESTBOOK.replace("type: automated", "type: sometimes");
        kubectl.refuses("apply -n demo -f -", &unknown, &["spec type must be manual or automated"]);
        let lacking =
            GUESTBOOK.replace("    repoURL: https://github.com/argoproj/argocd-example-apps\n", "");
        kubectl.refuses("apply -n demo -f -", &lacking, &["repoURL"]);
        let pathless = GUESTBOOK.replace("path: guestbook", "path: \"\"");
        kubectl.run("apply -n demo -f -", &pathless);
        let wait = "wait -n demo --for=condition=Stalled gitopsdeployment/guestbook --timeout=120s";
        kubectl.run(wait, "");
        let text = "spec.source.path is a required field and it cannot be empty";
        kubectl.shows("get gitopsdeployments -n demo -o wide", "", &[text]);
        kubectl.shows("describe gitopsdeployment guestbook -n demo", "", &[text]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_many_deployments_takes_one_command_each_to_apply_and_delete() {
    with_kubectl(|kubectl| {
        kubectl.run("create namespace demo", "");
        let file: Vec<String> = (0..OBJECTS)
            .map(|number| GUESTBOOK.replace("name: guestbook", &format!("name: app-{number:03}")))
            .collect();
        let file = file.join("---\n");
        let created = kubectl.run("apply -n demo -f -", &file);
        assert_eq!(created.lines().filter(|line| line.ends_with(" created")).count(), OBJECTS);
        kubectl
            .run("wait -n demo --for=condition=Ready gitopsdeployments --all --timeout=300s", "");
        let again = kubectl.run("apply -n demo -f -", &file);
        assert_eq!(again.lines().filter(|line| line.ends_with(" unchanged")).count(), OBJECTS);
        let healthy = "get gitopsdeployments -n demo --no-headers";
        let rows = kubectl.run(healthy, "");
        assert_eq!(rows.lines().filter(|line| line.contains("Healthy")).count(), OBJECTS, "{rows}");
        kubectl.run("delete gitopsdeployments -n demo --all --wait=false", "");
        let gone = "wait -n gitops-service-argocd --for=delete application --all --timeout=300s";
        kubectl.run(gone, "");
        assert_eq!(kubectl.run("get applications -A -o name", ""), "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apply_accepts_what_get_prints_and_an_unknown_kind_is_named() {
    with_kubectl(|kubectl| {
        kubectl.run("create namespace team-a", "");
        kubectl.run("apply -n team-a -f -", GUESTBOOK);
        kubectl.run("wait -n team-a gitopsdeployment/guestbook --for=condition=Ready", "");
        let list = kubectl.run("get gitopsdeployments -n team-a -o yaml", "");
        assert!(list.contains("kind: List"), "{list}");
        kubectl.run("apply -n team-a -f -", &list);
        let unknown = GUESTBOOK.replace("GitOpsDeployment", "GitOpsDeploymnet");
        kubectl.refuses("apply -n team-a -f -", &unknown, &["no matches for kind"]);
    })
    .await;
}
