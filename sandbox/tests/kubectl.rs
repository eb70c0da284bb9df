//! The real kubectl against a running server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use sandbox::ControlPlane;
use tempfile::TempDir;

use common::control_plane;

const GADGET: &str = "
apiVersion: test.example.com/v1
kind: Gadget
metadata:
  name: one
  namespace: default
  labels: {tier: front}
spec:
  mode: manual
";

/// A kubectl that talks to one server, with its own cache.
struct Kubectl {
    directory: TempDir,
}

impl Kubectl {
    fn new(control_plane: &ControlPlane) -> Option<Self> {
        if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
            println!("skipping: kubectl is not installed");
            return None;
        }
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("kubeconfig");
        std::fs::write(path, control_plane.kubeconfig()).expect("written");
        Some(Self { directory })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        let path = |name: &str| self.directory.path().join(name);
        command
            .env("KUBECONFIG", path("kubeconfig"))
            .env("HOME", self.directory.path())
            .arg("--cache-dir")
            .arg(path("cache"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn spawn(&self, arguments: &[&str], input: &str) -> Child {
        let mut child = self.command(arguments).spawn().expect("kubectl starts");
        let mut stdin = child.stdin.take().expect("an input");
        stdin.write_all(input.as_bytes()).expect("written");
        child
    }

    fn output(&self, arguments: &[&str], input: &str) -> Output {
        self.spawn(arguments, input).wait_with_output().expect("kubectl ends")
    }

    /// What kubectl prints on success.
    fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?} failed: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The error that kubectl prints.
    fn refused(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "kubectl {arguments:?} succeeded: {shown}");
        String::from_utf8(output.stderr).expect("text")
    }
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing from:\n{text}");
    }
}

async fn with_kubectl(test: impl FnOnce(&Kubectl) + Send + 'static) {
    let control_plane = control_plane().await;
    if let Some(kubectl) = Kubectl::new(&control_plane) {
        let ran = tokio::task::spawn_blocking(move || test(&kubectl)).await;
        ran.expect("the test passes");
    }
    control_plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_discovers_what_is_served() {
    with_kubectl(|kubectl| {
        contains(&kubectl.run(&["version"], ""), &["Server Version: v1.34.0"]);
        contains(
            &kubectl.run(&["api-resources"], ""),
            &["gadgets", "gd", "applications", "app,apps", "namespaces", "ns"],
        );
        contains(&kubectl.run(&["api-versions"], ""), &["apps/v1", "test.example.com/v1"]);
        assert_eq!(kubectl.run(&["auth", "can-i", "create", "gadgets"], "").trim(), "yes");
        kubectl.run(&["cluster-info"], "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_applies_gets_and_deletes_a_custom_resource() {
    with_kubectl(|kubectl| {
        let created = kubectl.run(&["apply", "-f", "-"], GADGET);
        contains(&created, &["gadget.test.example.com/one created"]);
        contains(&kubectl.run(&["apply", "-f", "-"], GADGET), &["unchanged"]);
        let changed = GADGET.replace("manual", "automated");
        contains(&kubectl.run(&["diff", "-f", "-"], GADGET), &[""]);
        contains(&kubectl.run(&["apply", "-f", "-"], &changed), &["configured"]);

        contains(
            &kubectl.run(&["get", "gd"], ""),
            &["NAME", "MODE", "READY", "AGE", "one", "automated"],
        );
        contains(&kubectl.run(&["get", "toys", "-o", "wide"], ""), &["SIZE", "one"]);
        contains(
            &kubectl.run(&["get", "gd", "one", "-o", "yaml"], ""),
            &["size: 1", "mode: automated"],
        );
        contains(&kubectl.run(&["get", "gd", "-A", "-o", "json"], ""), &["\"kind\": \"List\""]);
        contains(
            &kubectl.run(&["get", "gd", "-l", "tier in (front)", "-o", "name"], ""),
            &["gadget"],
        );
        contains(
            &kubectl.run(&["get", "gd", "--field-selector", "metadata.name=one"], ""),
            &["one"],
        );
        let none = kubectl.output(&["get", "gd", "-l", "tier=back"], "");
        contains(&String::from_utf8_lossy(&none.stderr), &["No resources found"]);
        contains(
            &kubectl.refused(&["get", "gd", "two"], ""),
            &["Error from server (NotFound): gadgets.test.example.com \"two\" not found"],
        );

        contains(&kubectl.run(&["delete", "gd", "one"], ""), &["deleted"]);
        contains(&kubectl.refused(&["get", "gd", "one"], ""), &["NotFound"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_why_an_object_is_rejected() {
    with_kubectl(|kubectl| {
        let unknown = GADGET.replace("mode: manual", "mode: manual\n  colour: red");
        contains(&kubectl.refused(&["apply", "-f", "-"], &unknown), &[
            "strict decoding error: unknown field \"spec.colour\"",
        ]);
        let warned = kubectl.output(&["apply", "--validate=warn", "-f", "-"], &unknown);
        contains(&String::from_utf8_lossy(&warned.stderr), &["unknown field \"spec.colour\""]);
        let bad_value = GADGET.replace("manual", "sometimes");
        contains(&kubectl.refused(&["apply", "-f", "-"], &bad_value), &[
            "The Gadget \"one\" is invalid:",
            "spec.mode: Unsupported value: \"sometimes\": supported values: \"automated\", \"manual\"",
        ]);
        let bad_rule = GADGET.replace("mode: manual", "mode: automated\n  size: 200");
        contains(&kubectl.refused(&["apply", "-f", "-"], &bad_rule), &[
            "The Gadget \"one\" is invalid: spec: Invalid value: an automated gadget has \
             to be small",
        ]);
        contains(&kubectl.refused(&["create", "configmap", "Bad_Name"], ""), &[
            "a lowercase RFC 1123 subdomain must consist of",
        ]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_patches_edits_labels_and_applies_on_the_server() {
    with_kubectl(|kubectl| {
        kubectl.run(&["apply", "-f", "-"], GADGET);
        let merge = r#"{"spec":{"size":5}}"#;
        kubectl.run(&["patch", "gd", "one", "--type", "merge", "-p", merge], "");
        let json = r#"[{"op":"replace","path":"/spec/size","value":6}]"#;
        kubectl.run(&["patch", "gd", "one", "--type", "json", "-p", json], "");
        let status = r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;
        kubectl.run(
            &["patch", "gd", "one", "--subresource", "status", "--type", "merge", "-p", status],
            "",
        );
        contains(&kubectl.run(&["get", "gd", "one", "-o", "jsonpath={.spec.size}"], ""), &["6"]);
        contains(&kubectl.run(&["get", "gd", "one"], ""), &["True"]);
        kubectl.run(&["wait", "gd/one", "--for=condition=Ready", "--timeout=20s"], "");
        kubectl.run(&["label", "gd", "one", "new=label"], "");
        kubectl.run(&["annotate", "gd", "one", "note=text"], "");

        let mut edit = kubectl.command(&["edit", "gd", "one"]);
        edit.env("KUBE_EDITOR", "sed -i 's/size: 6/size: 7/'");
        let edited = edit.output().expect("kubectl ends");
        assert!(edited.status.success(), "{}", String::from_utf8_lossy(&edited.stderr));
        contains(&kubectl.run(&["get", "gd", "one", "-o", "jsonpath={.spec.size}"], ""), &["7"]);

        let server_side = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        contains(&kubectl.run(&server_side, GADGET), &["serverside-applied"]);
        let again = kubectl.run(&["get", "gd", "one", "-o", "yaml", "--show-managed-fields"], "");
        contains(&again, &["manager: kubectl", "operation: Apply"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_handles_built_in_kinds() {
    with_kubectl(|kubectl| {
        kubectl.run(&["create", "namespace", "team"], "");
        contains(&kubectl.run(&["get", "ns"], ""), &["team", "Active", "kube-system"]);
        kubectl.run(&["create", "configmap", "settings", "-n", "team", "--from-literal=a=1"], "");
        kubectl
            .run(&["create", "secret", "generic", "keys", "-n", "team", "--from-literal=k=v"], "");
        kubectl.run(&["create", "serviceaccount", "robot", "-n", "team"], "");
        kubectl.run(&["create", "deployment", "web", "-n", "team", "--image=web:1"], "");
        kubectl.run(&["set", "image", "deployment/web", "web=web:2", "-n", "team"], "");
        let shown = kubectl.run(&["get", "all", "-n", "team", "-o", "wide"], "");
        contains(&shown, &["deployment.apps/web", "web:2", "0/1"]);
        let patch = r#"{"data":{"b":"2"}}"#;
        kubectl.run(&["patch", "cm", "settings", "-n", "team", "-p", patch], "");
        contains(&kubectl.run(&["describe", "cm", "settings", "-n", "team"], ""), &["b:", "a:"]);
        contains(&kubectl.run(&["get", "secret", "keys", "-n", "team"], ""), &["Opaque"]);
        let manifest = "
apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: team}
data: {q: w}
";
        contains(&kubectl.run(&["apply", "-f", "-"], manifest), &["created"]);
        let manifest = manifest.replace("q: w", "e: r");
        contains(&kubectl.run(&["apply", "-f", "-"], &manifest), &["configured"]);
        contains(
            &kubectl.run(&["get", "cm", "x", "-n", "team", "-o", "jsonpath={.data}"], ""),
            &[r#"{"e":"r"}"#],
        );
        kubectl.run(&["delete", "namespace", "team", "--timeout=20s"], "");
        let none = kubectl.output(&["get", "cm,secret,deploy", "-n", "team"], "");
        contains(&String::from_utf8_lossy(&none.stderr), &["No resources found"]);
        contains(
            &kubectl.refused(&["create", "configmap", "late", "-n", "team"], ""),
            &["namespaces \"team\" not found"],
        );
        contains(&kubectl.refused(&["delete", "ns", "default"], ""), &["may not be deleted"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_describes_an_object_with_its_events() {
    with_kubectl(|kubectl| {
        kubectl.run(&["apply", "-f", "-"], GADGET);
        let uid = kubectl.run(&["get", "gd", "one", "-o", "jsonpath={.metadata.uid}"], "");
        let event = serde_json::json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": "one.1", "namespace": "default" },
            "type": "Normal", "reason": "Assembled", "message": "all parts fit",
            "lastTimestamp": "2026-01-01T00:00:00Z",
            "involvedObject": { "apiVersion": "test.example.com/v1", "kind": "Gadget",
                "name": "one", "namespace": "default", "uid": uid },
        });
        kubectl.run(&["create", "-f", "-"], &event.to_string());
        let described = kubectl.run(&["describe", "gd", "one"], "");
        contains(&described, &["Mode:", "manual", "Events:", "Assembled", "all parts fit"]);
        contains(&kubectl.run(&["get", "events"], ""), &["Assembled", "gadget/one"]);
        contains(&kubectl.run(&["events", "--for", "gadget/one"], ""), &["all parts fit"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explains_custom_and_built_in_kinds() {
    with_kubectl(|kubectl| {
        contains(
            &kubectl.run(&["explain", "gadget"], ""),
            &[
                "GROUP:      test.example.com",
                "KIND:       Gadget",
                "Gadget is a thing for tests.",
                "metadata\t<ObjectMeta>",
            ],
        );
        contains(
            &kubectl.run(&["explain", "gadgets.spec.mode"], ""),
            &["How the gadget works.", "ENUM:\n    automated\n    manual"],
        );
        contains(&kubectl.run(&["explain", "gadget.metadata.labels"], ""), &["labels"]);
        contains(
            &kubectl.run(&["explain", "deployment.spec.replicas"], ""),
            &["replicas <integer>"],
        );
        contains(&kubectl.run(&["explain", "gadget", "--recursive"], ""), &["size", "conditions"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_watches_changes() {
    with_kubectl(|kubectl| {
        kubectl.run(&["apply", "-f", "-"], GADGET);
        let mut watch = kubectl.spawn(&["get", "gd", "-w", "--output-watch-events"], "");
        let output = BufReader::new(watch.stdout.take().expect("an output"));
        let mut lines = output.lines().map(|line| line.expect("a line"));
        let mut expect = |parts: &[&str]| contains(&lines.next().expect("a line"), parts);
        expect(&["EVENT", "NAME", "MODE"]);
        expect(&["ADDED", "one", "manual"]);
        let patch = r#"{"spec":{"mode":"automated"}}"#;
        kubectl.run(&["patch", "gd", "one", "--type", "merge", "-p", patch], "");
        expect(&["MODIFIED", "one", "automated"]);
        kubectl.run(&["delete", "gd", "one"], "");
        expect(&["DELETED", "one"]);
        watch.kill().expect("killed");
        watch.wait().expect("ended");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_waits_for_finalizers() {
    with_kubectl(|kubectl| {
        let held = GADGET.replace("name: one", "name: one\n  finalizers: [test.example.com/held]");
        kubectl.run(&["create", "-f", "-"], &held);
        contains(&kubectl.run(&["delete", "gd", "one", "--wait=false"], ""), &["deleted"]);
        contains(&kubectl.run(&["get", "gd", "one", "-o", "yaml"], ""), &["deletionTimestamp"]);
        let waiting = kubectl.spawn(&["wait", "gd/one", "--for=delete", "--timeout=30s"], "");
        let release = r#"{"metadata":{"finalizers":null}}"#;
        kubectl.run(&["patch", "gd", "one", "--type", "merge", "-p", release], "");
        let ended = waiting.wait_with_output().expect("ended");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_adds_and_removes_a_kind_at_run_time() {
    with_kubectl(|kubectl| {
        let crd = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: bolts.parts.example.com}
spec:
  group: parts.example.com
  scope: Cluster
  names: {kind: Bolt, plural: bolts}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object,
     x-kubernetes-preserve-unknown-fields: true}}}
";
        kubectl.run(&["apply", "-f", "-"], crd);
        let established = ["wait", "crd/bolts.parts.example.com", "--for=condition=Established"];
        kubectl.run(&established, "");
        let bolt = "{\"apiVersion\": \"parts.example.com/v1\", \"kind\": \"Bolt\", \"metadata\": {\"name\": \"b\"}}";
        kubectl.run(&["apply", "-f", "-"], bolt);
        contains(&kubectl.run(&["get", "bolts"], ""), &["NAME", "AGE", "b"]);
        kubectl.run(&["delete", "crd", "bolts.parts.example.com", "--timeout=20s"], "");
        contains(&kubectl.refused(&["get", "bolts"], ""), &["the server"]);
    })
    .await;
}
