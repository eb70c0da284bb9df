//! Many runs of one kind, each from a seed, and what they come to together.

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::str::FromStr;

use crate::fan_out::fan_out;

/// What became of a run, to be added up with others of its kind.
pub trait Tally: Default + Send {
    /// Counts what happened in another run, too; not what did not hold in it.
    fn add(&mut self, other: &Self);
    /// What did not hold.
    fn violations(&self) -> &[String];
}

/// A run in which something did not hold, or that did not come to an end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The command that repeats it, but for the seed.
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

/// Runs something for each seed, on several threads, and tells of each failure as it comes; `command`
/// is what runs the one seed that is put behind it.
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

/// How many a variable of the environment asks for.
pub fn asked_for<T: FromStr>(variable: &str, usual: T) -> T {
    let number = std::env::var(variable).ok().and_then(|number| number.parse().ok());
    number.unwrap_or(usual)
}

/// The seeds that a test runs, as many as a variable asks for. The gate gives another first one for
/// each state of the code, so that what is judged twice is judged alike.
pub fn seeds(variable: &str, usual: u64) -> Range<u64> {
    let first = asked_for("SIMULATOR_FIRST", 1);
    first..first + asked_for(variable, usual)
}

/// Says what a test came to, also where it passes: what it prints in the usual way is shown only
/// where it fails.
pub fn tell(what: &str) {
    // Who cannot be told can do without.
    let _ = writeln!(std::io::stdout(), "simulator: {what}");
}
