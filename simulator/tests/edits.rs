//! Campaigns of edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::alone::Alone;
use simulator::campaign::Report;
use simulator::fan_out::fan_out;

/// Campaigns, unless the environment says how many; always the same ones, as seeds are.
const CAMPAIGNS: u64 = 1_000;
const THREADS: usize = 2;

#[test]
fn campaigns_of_edits() {
    let number = std::env::var("SIMULATOR_CAMPAIGNS").ok().and_then(|number| number.parse().ok());
    let number = number.unwrap_or(CAMPAIGNS);
    let alone = Alone::new(env!("CARGO_BIN_EXE_simulator"));
    let mut totals = Report::default();
    fan_out(
        THREADS,
        1..=number,
        |seed| alone.campaign(*seed),
        |seed, outcome| {
            let report = outcome.unwrap_or_else(|error| panic!("campaign {seed}: {error:#}"));
            let again = format!("again: cargo run -p simulator -- campaigns --seed {seed}");
            assert!(report.violations.is_empty(), "{}\n{again}", report.violations[0]);
            totals.add(&report);
        },
    );
    // Each kind of edit has come about.
    let Report { taken, refused, rejected, reverted, .. } = totals;
    println!("{taken} taken, {rejected} rejected, {refused} refused, {reverted} taken back");
    assert!(taken > 0 && refused > 0 && rejected > 0 && reverted > 0);
}
