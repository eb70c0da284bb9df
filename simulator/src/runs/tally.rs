//! Many runs of one kind, each from a seed, and their totals.

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::str::FromStr;

use crate::runs::fan_out::fan_out;

/// The result of a run, to be added up with others of its kind.
pub trait Tally: Default + Send {
    /// Adds the counts of another run, but not its violations.
    fn add(&mut self, other: &Self);
    /// Violations.
    fn violations(&self) -> &[String];
}

/// A run with a violation, or that did not finish.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The command that repeats it, without the seed.
    command: &'static str,
    seed: u64,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, seed, what } = self;
        writeln!(formatter, "{command} {seed}: {what}")?;
        write!(formatter, "  again: cargo run -p simulator -- {command} {seed}")
    }
}

/// Runs of one kind.
#[derive(Clone, Debug, Default)]
pub struct Tallied<R> {
    /// How many.
    pub number: u64,
    /// What happened in all of them.
    pub totals: R,
    /// How many of them failed.
    pub failed: u64,
}

/// Runs something for each seed, on several threads, and reports each failure as it occurs;
/// `command` repeats the seed that is appended to it.
pub fn tally<R: Tally>(
    threads: usize,
    seeds: impl IntoIterator<Item = u64, IntoIter: Send>,
    command: &'static str,
    run: impl Fn(u64) -> anyhow::Result<R> + Sync,
    mut tell: impl FnMut(&Failure) + Send,
) -> Tallied<R> {
    let mut tallied: Tallied<R> = Tallied::default();
    fan_out(
        threads,
        seeds,
        |seed| run(*seed),
        |seed, outcome| {
            tallied.number += 1;
            let what = match &outcome {
                Ok(report) => {
                    tallied.totals.add(report);
                    report.violations().first().cloned()
                }
                Err(error) => Some(format!("{error:#}")),
            };
            if let Some(what) = what {
                tallied.failed += 1;
                tell(&Failure { command, seed, what });
            }
        },
    );
    tallied
}

/// The number from an environment variable.
pub fn asked_for<T: FromStr>(variable: &str, usual: T) -> T {
    let number = std::env::var(variable).ok().and_then(|number| number.parse().ok());
    number.unwrap_or(usual)
}

/// The seeds that a test runs, as many as a variable says. The gate derives the first one from the
/// state of the code, so that a repeated check gives the same result.
pub fn seeds(variable: &str, usual: u64) -> Range<u64> {
    let first = asked_for("SIMULATOR_FIRST", 1);
    first..first + asked_for(variable, usual)
}

/// Prints a test's result even if it passes: normal output is shown only on failure.
pub fn tell(what: &str) {
    // A failed write is harmless.
    let _ = writeln!(std::io::stdout(), "simulator: {what}");
}
