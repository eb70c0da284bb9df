//! Campaigns of edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::alone::Alone;
use simulator::campaign::Report;
use simulator::tally::{asked_for, tally};

/// Campaigns, unless the environment says how many; always the same ones, as seeds are.
const CAMPAIGNS: u64 = 1_000;
const THREADS: usize = 2;

#[test]
fn campaigns_of_edits() {
    let number = asked_for("SIMULATOR_CAMPAIGNS", CAMPAIGNS);
    let alone = Alone::new(env!("CARGO_BIN_EXE_simulator"));
    let campaign = |seed| alone.campaign(seed);
    let tallied = tally(THREADS, 1..=number, "campaigns", campaign, |one| panic!("{one}"));
    // Each kind of edit has come about.
    let Report { taken, refused, rejected, reverted, .. } = tallied.totals;
    println!("{taken} taken, {rejected} rejected, {refused} refused, {reverted} taken back");
    assert!(taken > 0 && refused > 0 && rejected > 0 && reverted > 0);
}
