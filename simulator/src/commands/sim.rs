//! Random faults.

use std::time::Duration;

use clap::Args;
use simulator::runs::fan_out::fan_out;
use simulator::runs::run::Report;
use simulator::runs::subprocess::Subprocesses;

use super::Seeds;

/// The default number of seeds.
const USUAL: u64 = 256;

/// See the command.
#[derive(Args)]
pub(crate) struct Sim {
    #[command(flatten)]
    seeds: Seeds,
    /// A fault that the seed picks and that is left out, named as in a failure.
    #[arg(long, requires = "seed")]
    without: Vec<String>,
    /// Prints everything that happened, even if nothing went wrong.
    #[arg(long)]
    verbose: bool,
}

impl Sim {
    /// Runs seeds; returns whether one failed.
    pub(crate) fn run(self, subprocesses: &Subprocesses, threads: usize) -> bool {
        let mut totals = Totals::default();
        fan_out(
            threads,
            self.seeds.range(USUAL),
            |seed| self.run_seed(subprocesses, *seed),
            |_, outcome| {
                totals.add(&outcome, self.verbose);
            },
        );
        totals.print();
        !totals.failed.is_empty()
    }

    /// Runs a seed; a failing one repeatedly, with fewer and fewer faults.
    fn run_seed(&self, subprocesses: &Subprocesses, seed: u64) -> Report {
        let report = subprocesses.seed(seed, &self.without);
        if report.violations.is_empty() || self.verbose || !self.without.is_empty() {
            return report;
        }
        subprocesses.minimal(report.clone()).unwrap_or(report)
    }
}

#[derive(Default)]
struct Totals {
    seeds: u64,
    events: u64,
    processes: u64,
    virtual_time: Duration,
    slowest: Duration,
    failed: Vec<u64>,
}

impl Totals {
    fn add(&mut self, report: &Report, verbose: bool) {
        self.seeds += 1;
        if verbose {
            for entry in &report.entries {
                println!("{entry}");
            }
            println!("digest {:016x}", report.digest);
        }
        self.events += report.events;
        self.processes += u64::from(report.processes);
        self.virtual_time += report.lasted;
        self.slowest = self.slowest.max(report.converged_after.unwrap_or_default());
        let failed = !report.violations.is_empty();
        if failed {
            self.failed.push(report.seed);
        }
        if failed || verbose {
            print!("{report}");
        }
    }

    fn print(&self) {
        let Self { seeds, events, processes, virtual_time, slowest, failed } = self;
        println!(
            "{seeds} seeds, {:.0} virtual hours, {processes} processes, {events} events; the \
             slowest came right {} s after the faults; {} failed {failed:?}",
            virtual_time.as_secs_f64() / 3_600.0,
            slowest.as_secs(),
            failed.len(),
        );
    }
}
