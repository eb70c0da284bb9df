//! Runs, each in its own process.
//!
//! A process keeps state that outlives a run: the counter from which tokio derives the order in
//! which `select!` polls its branches, and whatever the first run initialises for all others. So a
//! run is certain to be repeatable only as the first of its process. Also, a run that kills its
//! process, or never ends, affects no other.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fuzz::{campaign, field_fuzzing, poison};
use crate::runs::plan::Strike;
use crate::runs::{exhaust, run, workloads};

/// The command of the program that performs a task.
pub const COMMAND: &str = "subprocess";
/// How long a run may take, in real time: a hundred times as long as the longest takes. Beyond that
/// it is in an endless loop in which no virtual time passes.
const DEADLINE: Duration = Duration::from_secs(600);

/// What to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Task {
    /// Random faults, and those left out.
    Seed(u64, Vec<String>),
    /// A workload, and what goes wrong in it.
    Plan(String, Strike),
    /// A campaign of edits.
    Campaign(u64),
    /// Random poison.
    Poison(u64),
    /// Every hostile text in one field.
    FieldFuzzing(u64),
}

/// The program that performs tasks.
#[derive(Clone, Debug)]
pub struct Subprocesses {
    program: PathBuf,
    log: bool,
}

impl Subprocesses {
    /// Uses this program.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), log: false }
    }

    /// Also prints the runs' logs, if `log` is set.
    #[must_use]
    pub fn with_log(self, log: bool) -> Self {
        Self { log, ..self }
    }

    /// Runs a seed, without some of the faults that it picks.
    pub fn seed(&self, seed: u64, without: &[String]) -> run::Report {
        let report = self.spawn(&Task::Seed(seed, without.to_vec()));
        report.unwrap_or_else(|error| run::Report::unfinished(seed, without, &error))
    }

    /// A failed run without the faults that are not needed for its failure.
    ///
    /// # Errors
    ///
    /// The faults cannot be named; that does not happen.
    pub fn minimal(&self, failed: run::Report) -> anyhow::Result<run::Report> {
        let property = |report: &run::Report| {
            report.violations.first().map(|violation| violation.property.clone())
        };
        let mut minimal = failed;
        for name in minimal.faults.names()? {
            let mut without = minimal.without.clone();
            without.push(name);
            let fewer = self.seed(minimal.seed, &without);
            if property(&fewer) == property(&minimal) {
                minimal = fewer;
            }
        }
        Ok(minimal)
    }

    /// Runs a workload under a strike.
    ///
    /// # Errors
    ///
    /// The run did not finish.
    pub fn plan(&self, workload: &str, strike: Strike) -> anyhow::Result<exhaust::Outcome> {
        self.spawn(&Task::Plan(workload.to_owned(), strike))
    }

    /// Runs a campaign.
    ///
    /// # Errors
    ///
    /// The run did not finish.
    pub fn campaign(&self, seed: u64) -> anyhow::Result<campaign::Report> {
        self.spawn(&Task::Campaign(seed))
    }

    /// Runs poison.
    ///
    /// # Errors
    ///
    /// The run did not finish.
    pub fn poison(&self, seed: u64) -> anyhow::Result<poison::Report> {
        self.spawn(&Task::Poison(seed))
    }

    /// Puts every hostile text into a place, by its number.
    ///
    /// # Errors
    ///
    /// The run did not finish.
    pub fn field(&self, place: u64) -> anyhow::Result<poison::Report> {
        self.spawn(&Task::FieldFuzzing(place))
    }

    fn spawn<T: DeserializeOwned>(&self, task: &Task) -> anyhow::Result<T> {
        let mut command = Command::new(&self.program);
        if self.log {
            command.arg("--log").stderr(Stdio::inherit());
        }
        let output = command.arg(COMMAND).arg(serde_json::to_string(task)?).output()?;
        anyhow::ensure!(
            output.status.success(),
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        serde_json::from_slice(&output.stdout).context("the report of a run")
    }
}

/// Performs a task in this process and prints its report.
///
/// # Errors
///
/// The run did not finish, or the text is no task.
pub fn perform(task: &str) -> anyhow::Result<()> {
    std::thread::spawn(|| {
        std::thread::sleep(DEADLINE);
        eprintln!("the run was given up after {} s", DEADLINE.as_secs());
        std::process::exit(1);
    });
    let report = match serde_json::from_str(task).context("the task")? {
        Task::Seed(seed, without) => serde_json::to_string(&run::run(seed, without)?)?,
        Task::Plan(name, strike) => {
            let workload = workloads::all().into_iter().find(|one| one.name == name);
            let workload = workload.with_context(|| format!("no workload is called {name}"))?;
            serde_json::to_string(&exhaust::run(&workload, strike)?)?
        }
        Task::Campaign(seed) => serde_json::to_string(&campaign::run(seed)?)?,
        Task::Poison(seed) => serde_json::to_string(&poison::run(seed)?)?,
        Task::FieldFuzzing(place) => serde_json::to_string(&field_fuzzing::run(place)?)?,
    };
    println!("{report}");
    Ok(())
}
