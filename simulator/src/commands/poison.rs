//! Hostile texts and planted objects.

use clap::Args;
use simulator::fuzz::poison::Report;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::tally;

use super::Seeds;

/// The default number of runs.
const USUAL: u64 = 64;

/// See the command.
#[derive(Args)]
pub(crate) struct Poison {
    #[command(flatten)]
    seeds: Seeds,
}

impl Poison {
    /// Runs poison; returns whether a run failed.
    pub(crate) fn run(self, subprocesses: &Subprocesses, threads: usize) -> bool {
        let poison = |seed| subprocesses.poison(seed);
        let seeds = self.seeds.range(USUAL);
        let tallied = tally(threads, seeds, "poison --seed", poison, |one| println!("{one}"));
        let Report { taken, refused, rejected, served, synced, unsynced, .. } = tallied.totals;
        let (number, failed) = (tallied.number, tallied.failed);
        println!(
            "{number} runs: {taken} writes of poison taken, {refused} refused by the server; \
             {rejected} times rejected by the program, {served} times served; \
             {synced} sync runs of poison succeeded, {unsynced} did not; {failed} failed"
        );
        failed > 0
    }
}
