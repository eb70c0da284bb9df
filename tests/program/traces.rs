//! Traces, as a collector receives them from the real binary: one tree for each change of an object,
//! whichever process writes which part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use kube::ResourceExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::block_in_place;

use crate::harness::{World, automated, eventually, on_postgres, on_sqlite, with_finalizer};
use crate::process::{Running, program, sentence};

/// A span, with the name of the service that has recorded it.
type Received = (String, Span);

/// An OTLP collector on loopback.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    async fn start() -> Self {
        let received = Arc::default();
        let router =
            Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&received));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, received }
    }

    /// The spans of the trace of a change, as soon as they are complete.
    async fn trace(
        &self,
        object: &str,
        is_complete: impl Fn(&[Received]) -> bool,
    ) -> Vec<Received> {
        eventually("the trace is complete", || async {
            let received = self.received.lock();
            let root = received
                .iter()
                .find(|(_, span)| span.name == "change" && attribute(span, "gitops.uid") == object);
            let trace = root.map(|(_, root)| root.trace_id.clone())?;
            let spans = received.iter().filter(|(_, span)| span.trace_id == trace).cloned();
            let spans: Vec<Received> = spans.collect();
            is_complete(&spans).then_some(spans)
        })
        .await
    }
}

async fn receive(State(received): State<Arc<Mutex<Vec<Received>>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|one| one.attributes).unwrap_or_default();
        let service = text(&attributes, "service.name");
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        received.lock().extend(spans.map(|span| (service.clone(), span)));
    }
    StatusCode::OK
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|one| one.key == key);
    let value = found.and_then(|one| one.value.as_ref()?.value.as_ref());
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}

fn attribute(span: &Span, key: &str) -> String {
    text(&span.attributes, key)
}

/// The binary with its spans sent here, under this name.
fn traced(collector: &Collector, command: &str, world: &World, service: &str) -> Running {
    let kubeconfig = std::env::temp_dir().join(format!("gitops-{}", uuid::Uuid::new_v4()));
    std::fs::write(&kubeconfig, world.plane.kubeconfig()).unwrap();
    let mut program = program(&[command, "--listen", "127.0.0.1:0", "--leader-elect", "false"]);
    program
        .args(["--database-url", &world.url, "--kubeconfig", kubeconfig.to_str().unwrap()])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .env("OTEL_BSP_SCHEDULE_DELAY", "100");
    if !service.is_empty() {
        program.env("OTEL_SERVICE_NAME", service);
    }
    let running = Running::begin(program);
    // What it waits for is served by this process.
    block_in_place(|| running.wait_for_line(|line| line.contains("running")));
    std::fs::remove_file(kubeconfig).unwrap();
    running
}

/// Which span hangs below which.
fn edges(spans: &[Received]) -> BTreeSet<(&str, &str)> {
    let names: BTreeMap<&[u8], &str> =
        spans.iter().map(|(_, span)| (&*span.span_id, span.name.as_str())).collect();
    let parent = |span: &Span| names.get(&*span.parent_span_id).copied().unwrap_or("");
    spans.iter().map(|(_, span)| (parent(span), span.name.as_str())).collect()
}

fn is_synced(spans: &[Received]) -> bool {
    let has = |name: &str| spans.iter().any(|(_, span)| span.name == name);
    let reports = spans.iter().any(|(_, span)| {
        attribute(span, "argocd.sync") == "Synced" && attribute(span, "argocd.health") == "Healthy"
    });
    reports && has("status.write") && has("operation") && has("operation.delete")
}

async fn one_tree(world: World, roles: &'static [(&'static str, &'static str)]) {
    let collector = Collector::start().await;
    let mut processes: Vec<Running> = roles
        .iter()
        .map(|(command, service)| traced(&collector, command, &world, service))
        .collect();
    world.create_namespace("team-a").await;
    let deployment = world.create("team-a", &with_finalizer(automated("app"))).await;
    world.wait_until_ready("team-a", "app").await;
    let spans = collector.trace(&deployment.uid().unwrap(), is_synced).await;
    let expected = [
        ("", "change"),
        ("change", "operation"),
        ("change", "operation.create"),
        ("change", "status.write"),
        ("operation", "application.write"),
        ("operation", "operation.delete"),
        ("operation", "project.write"),
        ("operation", "report.write"),
    ];
    assert_eq!(edges(&spans), BTreeSet::from(expected));
    let (backend, agent) = (roles[0].1, roles[roles.len() - 1].1);
    for (service, span) in &spans {
        let is_backends = ["change", "operation.create", "status.write"].contains(&&*span.name);
        let by = if is_backends { backend } else { agent };
        assert_eq!(service, if by.is_empty() { "managed-gitops" } else { by }, "{}", span.name);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
        assert!(!format!("{span:?}").contains("git.example.com"), "no text of others: {span:?}");
    }
    let number = |name: &str| spans.iter().filter(|(_, span)| span.name == name).count();
    assert_eq!((number("change"), number("operation")), (1, 1));
    let (_, root) = spans.iter().find(|(_, span)| span.name == "change").unwrap();
    let (name, namespace) = (attribute(root, "gitops.name"), attribute(root, "k8s.namespace.name"));
    assert_eq!((&*name, &*namespace), ("app", "team-a"));
    // Another change has a trace of its own.
    let patch = json!({"spec": {"source": {"path": "another"}}});
    world.edit("team-a", "app", patch).await;
    eventually("the second change has a trace", || async {
        let received = collector.received.lock();
        let changes = received.iter().filter(|(_, span)| span.name == "change");
        let traces: BTreeSet<&[u8]> = changes.map(|(_, span)| &*span.trace_id).collect();
        (traces.len() == 2).then_some(())
    })
    .await;
    for process in &mut processes {
        process.terminate();
        let (status, said) = block_in_place(|| process.wait());
        assert!(status.success(), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_one_tree() {
    on_sqlite(|world| one_tree(world, &[("all", "")])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_one_tree_across_two_processes() {
    on_postgres(|world| {
        one_tree(world, &[("backend", "gitops-backend"), ("agent", "gitops-agent")])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_delays_nothing_and_is_told_once() {
    let world = World::without_program().await;
    let collector =
        Collector { endpoint: "http://127.0.0.1:1".to_owned(), received: Arc::default() };
    let mut all = traced(&collector, "all", &world, "");
    world.create_namespace("team-a").await;
    for name in ["one", "two"] {
        world.create("team-a", &automated(name)).await;
        world.wait_until_ready("team-a", name).await;
    }
    block_in_place(|| all.wait_for_line(|line| line.contains("the collector accepts no spans")));
    all.terminate();
    let (status, said) = block_in_place(|| all.wait());
    assert!(status.success(), "{said}");
    assert_eq!(said.matches("the collector accepts no spans").count(), 1, "{said}");
}

#[test]
fn what_is_not_supported_is_refused_before_anything_starts() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("dev");
    let arguments = ["dev", "--port", "0", "--dir", directory.to_str().unwrap()];
    for (name, value, part) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "always_on"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "no url", "OTEL_EXPORTER_OTLP_"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://u:hunter2@h h/", "OTEL_EXPORTER_OTLP_"),
    ] {
        let mut program = program(&arguments);
        program.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").env(name, value);
        let output = program.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {errors}");
        assert!(sentence(&errors).contains(part), "{name}={value}: {errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}
