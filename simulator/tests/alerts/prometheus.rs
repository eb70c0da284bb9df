//! Prometheus' own evaluation of the alerts: testbed/rules.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// The program, as testbed/up exports it.
const VARIABLE: &str = "TESTBED_RULES";

/// What was read of a process.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scrape {
    /// When, in seconds.
    pub(crate) at: f64,
    /// The process.
    pub(crate) instance: String,
    /// The metrics; `None` if the process did not answer.
    pub(crate) text: Option<String>,
}

/// When an alert was active, in seconds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Alert {
    /// At which evaluations it fired.
    pub(crate) firing: Vec<f64>,
}

/// See the module.
pub(crate) struct Prometheus(PathBuf);

/// The file of the rules.
pub(crate) fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/helm/managed-gitops/files/alerts.yaml")
}

/// The program, if it is built.
pub(crate) fn found() -> Option<Prometheus> {
    let found = std::env::var_os(VARIABLE).map(|path| Prometheus(path.into()));
    if found.is_none() {
        println!(
            "skipping: {VARIABLE} is not set; testbed/up builds Prometheus' engine and sets it"
        );
    }
    found
}

impl Prometheus {
    /// When each alert was active.
    pub(crate) fn evaluate(&self, scrapes: &[Scrape]) -> BTreeMap<String, Alert> {
        let mut command = Command::new(&self.0);
        let command = command.arg(rules()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let mut input = running.stdin.take().unwrap();
        let scrapes = serde_json::to_vec(scrapes).unwrap();
        let writing = std::thread::spawn(move || input.write_all(&scrapes));
        let output = running.wait_with_output().unwrap();
        writing.join().unwrap().unwrap();
        assert!(output.status.success(), "the rules could not be evaluated");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
