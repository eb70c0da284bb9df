//! Campaigns of edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::fuzz::campaign::Report;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::{seeds, tally, tell};

/// The default number of campaigns; the environment may set it.
const CAMPAIGNS: u64 = 500;
const THREADS: usize = 2;

#[test]
fn campaigns_of_edits() {
    let seeds = seeds("SIMULATOR_CAMPAIGNS", CAMPAIGNS);
    let subprocesses = Subprocesses::new(env!("CARGO_BIN_EXE_simulator"));
    let campaign = |seed| subprocesses.campaign(seed);
    let tallied = tally(THREADS, seeds, "campaigns --seed", campaign, |one| panic!("{one}"));
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
    let number = tallied.number;
    tell(&format!(
        "{number} campaigns, {sync_runs} with sync runs, {credentials} with credentials, {environments} with environments: {taken} edits taken, of which {rejected} \
         rejected; {refused} refused; {reverted} taken back; {whole} ends compared as a whole, \
         {in_part} in part"
    ));
    // Each kind of edit occurred, and most ends are conclusive.
    assert!(
        taken > 0
            && refused > 0
            && rejected > 0
            && reverted > 0
            && sync_runs > 0
            && credentials > 0
            && environments > 0
    );
    assert!(whole > in_part, "{whole} ends compared as a whole, {in_part} in part");
}
