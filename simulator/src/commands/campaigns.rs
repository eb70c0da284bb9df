//! Sequences of edits.

use clap::Args;
use simulator::fuzz::campaign::Report;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::tally;

use super::Seeds;

/// The default number of campaigns.
const USUAL: u64 = 1_000;

/// See the command.
#[derive(Args)]
pub(crate) struct Campaigns {
    #[command(flatten)]
    seeds: Seeds,
}

impl Campaigns {
    /// Runs campaigns; returns whether one failed.
    pub(crate) fn run(self, subprocesses: &Subprocesses, threads: usize) -> bool {
        let campaign = |seed| subprocesses.campaign(seed);
        let seeds = self.seeds.range(USUAL);
        let tallied = tally(threads, seeds, "campaigns --seed", campaign, |one| println!("{one}"));
        let Report {
            taken,
            refused,
            rejected,
            reverted,
            whole,
            in_part,
            sync_runs,
            credentials,
            environments,
            ..
        } = tallied.totals;
        let (number, failed) = (tallied.number, tallied.failed);
        println!(
            "{number} campaigns, {sync_runs} of them with sync runs, {credentials} with credentials, {environments} with environments: {taken} edits taken (of which \
             {rejected} rejected by the program), {refused} refused by the server, {reverted} taken \
             back; {whole} ends compared as a whole, {in_part} without what depends on the past; \
             {failed} failed"
        );
        failed > 0
    }
}
