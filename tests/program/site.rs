//! The real binary, of this version or of another, on the sandbox of a test, as one process or as several.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use tempfile::TempDir;

use crate::harness::{World, automated, eventually};
use crate::process::{self, Running};

/// What a process logs once it has started, whether it acts or not.
pub(super) const RUNNING: &str = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\" commit=");
/// What it logs once it acts.
pub(super) const ACTS: &str = "this replica acts";

/// This version.
pub(super) fn this_program() -> PathBuf {
    env!("CARGO_BIN_EXE_managed-gitops").into()
}

/// What the processes of a test have in common.
pub(super) struct Site {
    kubeconfig: PathBuf,
    variables: Vec<(&'static str, String)>,
    _directory: TempDir,
}

impl Site {
    /// On a world and its database.
    pub(super) fn of(world: &World) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, world.plane.kubeconfig()).unwrap();
        let variables = vec![("DATABASE_URL", world.url.clone())];
        Self { kubeconfig, variables, _directory: directory }
    }

    /// With this variable of the environment.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The command of a process.
    pub(super) fn command(&self, program: &Path, role: &str, identity: &str) -> Command {
        let mut command = process::program_at(program, &[role, "--listen", "127.0.0.1:0"]);
        command.args(["--identity", identity, "--kubeconfig"]).arg(&self.kubeconfig);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts a process of this version, and waits until it has logged this.
    pub(super) async fn start(&self, role: &str, identity: &str, until: &'static str) -> Running {
        let command = self.command(&this_program(), role, identity);
        let started = tokio::task::spawn_blocking(move || {
            let process = Running::begin(command);
            process.wait_for_line(|line| line.contains(until));
            process
        });
        started.await.unwrap()
    }
}

/// The address of a process's health endpoint, from its log.
pub(super) fn address_of(process: &Running) -> String {
    let line = process.wait_for_line(|line| line.contains("address="));
    let (_, address) = line.split_once("address=").unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

/// A metric of a process, which has no labels.
pub(super) fn metric(process: &Running, name: &str) -> f64 {
    let (_, metrics) = process::page(&address_of(process), "/metrics");
    let samples = metrics.lines().filter_map(|line| line.split_once(' '));
    let mut values = samples.filter(|(sample, _)| *sample == name).map(|(_, value)| value);
    values.next().unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

/// Asks processes to end, all at once, and checks that they do; returns what each has said.
pub(super) async fn end(processes: Vec<Running>) -> Vec<String> {
    // One that stands by takes its turn when the other ends.
    processes.iter().for_each(Running::terminate);
    let mut all = Vec::new();
    for process in processes {
        let (status, said) = ended(process).await;
        assert!(status.success(), "{said}");
        all.push(said);
    }
    all
}

/// Waits until a process ends; returns what it has said.
pub(super) async fn ended(mut process: Running) -> (ExitStatus, String) {
    tokio::task::spawn_blocking(move || process.wait()).await.unwrap()
}

/// Checks that the backend hears what the agent does with one more deployment; `heard` is the number of
/// signals until now. The backend may have found by looking what happened before it acted.
pub(super) async fn check_that_the_backend_hears(
    world: &World,
    namespace: &str,
    heard: impl Fn() -> f64,
) {
    let before = heard();
    world.create(namespace, &automated("last")).await;
    world.wait_until_ready(namespace, "last").await;
    eventually("the backend has heard the agent", || async { (heard() > before).then_some(()) })
        .await;
}
