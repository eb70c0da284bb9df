//! The sandbox against a real Kubernetes API server: the same traces of requests, the same answers.
//!
//! `CONFORMANCE_KUBECONFIG` is the path of a kubeconfig with full permissions for the real one; the
//! testbed creates one. Without it the traces run on the sandbox alone, which must answer each of
//! them identically twice, without internal errors, and with watches that lead to what lists show.
//!
//! * `trace`: what a trace is made of; `fixed`: the known subtleties; `generate`: random traces;
//! * `server`: runs a trace in its own namespaces, so that others may use the server meanwhile;
//! * `normal`, `compare`: makes answers comparable, and finds where they differ;
//! * `differences`: the known differences, in `differences.yaml`, each with its reason.
//!
//! The definitions of the custom kinds are installed if missing, and stay: others may have started
//! to use them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compare;
mod differences;
mod fixed;
mod generate;
mod normal;
mod server;
mod trace;

use futures::{StreamExt, stream};
use http::Method;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::config::{KubeConfigOptions, Kubeconfig};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sandbox::{ControlPlane, Options};

use compare::Mismatch;
use fixed::Fixed;
use server::Server;
use trace::{Call, Step};

/// The variable that names the real server's kubeconfig.
const KUBECONFIG: &str = "CONFORMANCE_KUBECONFIG";

/// Concurrent traces: the real server's controllers take seconds, mostly waiting.
const CONCURRENCY: usize = 12;

/// The default number of random traces; `PROPTEST_CASES` overrides it.
const CASES: u32 = 64;

/// Threads that run random traces.
const WORKERS: u32 = 8;

/// The servers of a run.
struct Servers {
    sandbox: Server,
    real: Option<Server>,
    _control_plane: ControlPlane,
}

impl Servers {
    async fn start() -> Self {
        let control_plane =
            ControlPlane::start(Options::with_crds(definitions())).await.expect("a sandbox");
        let sandbox = Server::new(control_plane.client_config(), false);
        let real = real_server().await;
        Self { sandbox, real, _control_plane: control_plane }
    }

    /// Deletes what the traces created on the real server.
    async fn clean_up(&self) {
        if let Some(real) = &self.real {
            real.clean_up().await;
        }
    }

    /// Runs a trace on both servers: returns how they differ, and what is wrong with either.
    async fn run(&self, steps: &[Step]) -> (Vec<Mismatch>, Vec<String>) {
        // Without a real server, the sandbox must agree with itself.
        let reference = self.real.as_ref().unwrap_or(&self.sandbox);
        let (reference, sandbox) = tokio::join!(reference.run(steps), self.sandbox.run(steps));
        let (reference, sandbox) = (normal::normalise(&reference), normal::normalise(&sandbox));
        let mismatches = compare::compare(steps, &reference, &sandbox);
        let mut broken = compare::check_faults(steps, &sandbox);
        broken.extend(compare::check_replays(steps, &sandbox));
        broken.extend(compare::check_replays(steps, &reference));
        (mismatches, broken)
    }
}

async fn real_server() -> Option<Server> {
    let Some(path) = std::env::var_os(KUBECONFIG) else {
        eprintln!(
            "NOT compared with a real API server: {KUBECONFIG} names none; \
             the traces run on the sandbox alone"
        );
        return None;
    };
    let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a config");
    let server = Server::new(config, true);
    install_definitions(&server).await;
    Some(server)
}

/// The kinds that traces are about: ours, and the stand-in's Application and AppProject, whose
/// content is not validated, in a separate group, because a server may have Argo CD's.
fn definitions() -> Vec<CustomResourceDefinition> {
    let free = argocd_stand_in::definitions().into_iter().map(|mut definition| {
        "conformance.example.com".clone_into(&mut definition.spec.group);
        let name = format!("{}.{}", definition.spec.names.plural, definition.spec.group);
        definition.metadata.name = Some(name);
        definition.metadata.annotations = None;
        definition
    });
    crds::all().into_iter().chain(free).collect()
}

/// Installs the definitions that the sandbox has too, and waits until they are served.
async fn install_definitions(server: &Server) {
    for definition in definitions() {
        let body = serde_json::to_string(&definition).expect("JSON");
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let created = server.send(&Call { body, ..Call::new(Method::POST, path) }).await;
        assert!(matches!(created.code, 201 | 409), "{}", created.body);
        let spec = &definition.spec;
        let served = format!("/apis/{}/v1alpha1/{}", spec.group, spec.names.plural);
        server.wait_for(&served, |outcome| outcome.code == 200).await;
    }
}

/// What the fixed traces found.
#[derive(Default)]
struct Report {
    failures: Vec<String>,
    /// The known differences that were seen where expected.
    seen: Vec<String>,
}

fn judge(
    known: &[differences::Difference],
    trace: &Fixed,
    (mismatches, broken): (Vec<Mismatch>, Vec<String>),
    report: &mut Report,
) {
    let shown = known.iter().filter(|each| each.shown_by == trace.name);
    let shown =
        shown.filter(|each| mismatches.iter().any(|mismatch| each.explains(trace.name, mismatch)));
    report.seen.extend(shown.map(|each| each.id.clone()));
    let unexplained = differences::unexplained(known, trace.name, mismatches);
    let sentences = unexplained.iter().map(Mismatch::to_string).chain(broken);
    report.failures.extend(sentences.map(|sentence| format!("{}\n  {sentence}", trace.name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fixed_traces_have_the_same_outcome() {
    let servers = Servers::start().await;
    let known = differences::known();
    let traces = fixed::all();
    let mut report = Report::default();
    let mut runs = stream::iter(&traces)
        .map(|trace| {
            let servers = &servers;
            async move { (trace, servers.run(&trace.steps).await) }
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((trace, found)) = runs.next().await {
        judge(&known, trace, found, &mut report);
    }
    if servers.real.is_some() {
        let gone = known.iter().filter(|each| !report.seen.contains(&each.id));
        report.failures.extend(gone.map(|each| {
            format!(
                "the difference {} is no longer shown by \"{}\": strike it",
                each.id, each.shown_by
            )
        }));
    }
    servers.clean_up().await;
    let steps: usize = traces.iter().map(|trace| trace.steps.len()).sum();
    eprintln!("{} fixed traces, {steps} steps", traces.len());
    let failures = report.failures;
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn random_traces_have_the_same_outcome() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let servers = runtime.block_on(Servers::start());
    let known = differences::known();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default().cases,
        None => CASES,
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let cases = (cases + worker) / WORKERS;
                let (runtime, servers, known) = (&runtime, &servers, &known);
                scope.spawn(move || try_random(runtime, servers, known, cases))
            })
            .collect();
        workers.into_iter().filter_map(|worker| worker.join().expect("a worker")).collect()
    });
    runtime.block_on(servers.clean_up());
    eprintln!("{cases} random traces");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs random traces; reports the smallest that fails. Each run has fresh namespaces.
fn try_random(
    runtime: &tokio::runtime::Runtime,
    servers: &Servers,
    known: &[differences::Difference],
    cases: u32,
) -> Option<String> {
    // Failing traces are not saved: what they find belongs among the fixed ones.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&generate::trace(), |steps| {
        let (mismatches, broken) = runtime.block_on(servers.run(&steps));
        let unexplained = differences::unexplained(known, "", mismatches);
        let found: Vec<String> =
            unexplained.iter().map(Mismatch::to_string).chain(broken).collect();
        if found.is_empty() {
            return Ok(());
        }
        let trace: Vec<String> = steps.iter().map(Step::shown).collect();
        Err(TestCaseError::fail(format!("{}\n{}", trace.join("\n"), found.join("\n"))))
    });
    match outcome {
        Ok(()) => None,
        Err(proptest::test_runner::TestError::Fail(reason, _)) => Some(reason.to_string()),
        Err(error) => Some(error.to_string()),
    }
}
