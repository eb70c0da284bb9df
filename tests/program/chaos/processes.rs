//! Backend and agent, as two processes that are killed and started again.

use std::fmt;
use std::ops::{AddAssign, Range};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::installation::Installation;
use crate::harness::ARGO_CD;
use crate::process::{self, Running};

/// How often it is looked whether a process has ended by itself.
const LOOK: Duration = Duration::from_millis(50);
/// The roles, each of which has a process.
const ROLES: [&str; 2] = ["backend", "agent"];

/// What happened to the processes, all lives of them together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// How often one was killed.
    pub(super) kills: u32,
    /// How often one ended by itself, mostly because it could not renew its Lease in time.
    pub(super) ends: u32,
    /// Of the database.
    pub(super) calls: Failures,
    /// To the Kubernetes API.
    pub(super) requests: Failures,
}

/// Injected failures.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    /// Before anything was done.
    pub(super) refused: u32,
    /// After everything was done.
    pub(super) answers_lost: u32,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.ends += other.ends;
        for (mine, others) in [(&mut self.calls, other.calls), (&mut self.requests, other.requests)]
        {
            mine.refused += others.refused;
            mine.answers_lost += others.answers_lost;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, ends, calls, requests } = self;
        write!(
            formatter,
            "{kills} kills, {ends} ends of their own; calls of the database: {} refused, {} answers lost; \
             requests to the API: {} not sent, {} answers lost",
            calls.refused, calls.answers_lost, requests.refused, requests.answers_lost
        )
    }
}

impl Tally {
    /// What one life adds, by what was logged in it.
    fn count(&mut self, said: &str) {
        for line in said.lines() {
            let number = match line {
                _ if line.contains("chaos: a call of the database is refused") => {
                    &mut self.calls.refused
                }
                _ if line.contains("chaos: the answer to a call of the database is lost") => {
                    &mut self.calls.answers_lost
                }
                _ if line.contains("chaos: a request is not sent") => &mut self.requests.refused,
                _ if line.contains("chaos: the answer to a request is lost") => {
                    &mut self.requests.answers_lost
                }
                _ => continue,
            };
            *number += 1;
        }
        assert!(!said.contains("panicked at"), "{said}");
    }
}

/// How a process is started, again and again.
#[derive(Clone)]
struct Recipe {
    role: &'static str,
    kubeconfig: PathBuf,
    url: String,
    failure_rate: Option<u8>,
}

impl Recipe {
    fn start(&self) -> Running {
        let mut command: Command = process::program(&[self.role, "--listen", "127.0.0.1:0"]);
        // Always the same name: after a kill it need not wait for its own Lease.
        command.args(["--identity", self.role, "--lease-namespace", ARGO_CD, "--kubeconfig"]);
        command.arg(&self.kubeconfig).env("DATABASE_URL", &self.url);
        if let Some(rate) = self.failure_rate {
            command.args(["--allow-chaos", "--log", "info,managed_gitops::chaos=debug"]);
            for what in ["CLIENT", "DB"] {
                command.env(format!("ENABLE_UNRELIABLE_{what}"), "true");
                command.env(format!("UNRELIABLE_{what}_FAILURE_RATE"), rate.to_string());
            }
        }
        Running::begin(command)
    }
}

/// See the module.
pub(super) struct Processes {
    tasks: JoinSet<Tally>,
    stop: CancellationToken,
}

impl Processes {
    /// Starts both with calls that fail; each is killed after a time within this range, in
    /// milliseconds, and started again.
    pub(super) fn start(
        installation: &Installation,
        failure_rate: u8,
        killed_after: Range<u64>,
        seed: u64,
    ) -> Self {
        Self::start_with(installation, Some(failure_rate), |number| {
            Some((killed_after.clone(), fastrand::Rng::with_seed(seed.wrapping_add(number))))
        })
    }

    /// Starts both without failures.
    pub(super) fn start_steady(installation: &Installation) -> Self {
        Self::start_with(installation, None, |_| None)
    }

    fn start_with(
        installation: &Installation,
        failure_rate: Option<u8>,
        kills: impl Fn(u64) -> Option<(Range<u64>, fastrand::Rng)>,
    ) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for (number, role) in (0..).zip(ROLES) {
            let (kubeconfig, url) = (installation.kubeconfig.clone(), installation.url.clone());
            let recipe = Recipe { role, kubeconfig, url, failure_rate };
            let (kills, stop) = (kills(number), stop.clone());
            tasks.spawn_blocking(move || keep_running(&recipe, kills, &stop));
        }
        Self { tasks, stop }
    }

    /// Ends both: those that are killed by another kill, the others as they are asked to.
    pub(super) async fn stop(mut self) -> Tally {
        self.stop.cancel();
        let mut tally = Tally::default();
        while let Some(one) = self.tasks.join_next().await {
            tally += one.unwrap();
        }
        tally
    }
}

/// Where a check fails, the test must not wait for processes that nobody stops.
impl Drop for Processes {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Runs a process until the stop: starts it again whenever it was killed or has ended, as a kubelet
/// would.
fn keep_running(
    recipe: &Recipe,
    mut kills: Option<(Range<u64>, fastrand::Rng)>,
    stop: &CancellationToken,
) -> Tally {
    let mut tally = Tally::default();
    while !stop.is_cancelled() {
        let life = kills.as_mut().map(|(after, random)| Life::draw(after.clone(), random));
        let mut running = recipe.start();
        let begun = Instant::now();
        let mut acts_since = None;
        let mut is_due = |running: &Running| {
            if acts_since.is_none() && running.has_said(|line| line.contains("this replica acts")) {
                acts_since = Some(Instant::now());
            }
            let Some(life) = &life else { return false };
            let since = if life.counts_from_start { Some(begun) } else { acts_since };
            since.is_some_and(|since| since.elapsed() >= life.lasts)
        };
        while running.is_running() && !stop.is_cancelled() && !is_due(&running) {
            // Kills come at random times, whatever the process is doing.
            std::thread::sleep(LOOK);
        }
        let has_ended = !running.is_running();
        match life {
            _ if has_ended => tally.ends += 1,
            Some(_) => {
                running.kill();
                tally.kills += 1;
            }
            None => running.terminate(),
        }
        let (status, said) = running.wait();
        if has_ended {
            check_end(status.code(), &said);
        } else if kills.is_none() {
            assert!(status.success(), "{said}");
        }
        tally.count(&said);
    }
    tally
}

/// What a process says that ends because a server did not answer while it started.
const UNANSWERED: [&str; 3] = ["does not answer", "did not answer", "does not tell which cluster"];

/// A process may lose its Lease, and one that starts on a busy machine may not be answered in time.
/// Any other end is a defect.
fn check_end(code: Option<i32>, said: &str) {
    let sentence = process::sentence(said);
    let is_known = match code {
        Some(1) => sentence.contains("could not renew its Lease"),
        Some(2) => UNANSWERED.iter().any(|words| sentence.contains(words)),
        _ => false,
    };
    assert!(is_known, "ended with {code:?}: {said}");
}

/// When a process is killed.
struct Life {
    lasts: Duration,
    /// Otherwise from when it acts: on a busy machine it would be killed before that each time.
    counts_from_start: bool,
}

impl Life {
    fn draw(after: Range<u64>, random: &mut fastrand::Rng) -> Self {
        let lasts = Duration::from_millis(random.u64(after));
        Self { lasts, counts_from_start: random.u8(0..4) == 0 }
    }
}
