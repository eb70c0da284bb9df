//! Poisoned objects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::alone::Alone;
use simulator::fan_out::fan_out;
use simulator::poison::Report;

/// Runs, unless the environment says how many; always the same ones, as seeds are.
const RUNS: u64 = 32;
const THREADS: usize = 2;

#[test]
fn poison_leaves_the_healthy_untouched() {
    let number = std::env::var("SIMULATOR_POISON").ok().and_then(|number| number.parse().ok());
    let number = number.unwrap_or(RUNS);
    let alone = Alone::new(env!("CARGO_BIN_EXE_simulator"));
    let mut totals = Report::default();
    fan_out(
        THREADS,
        1..=number,
        |seed| alone.poison(*seed),
        |seed, outcome| {
            let report = outcome.unwrap_or_else(|error| panic!("poison {seed}: {error:#}"));
            let again = format!("again: cargo run -p simulator -- poison --seed {seed}");
            assert!(report.violations.is_empty(), "{}\n{again}", report.violations[0]);
            totals.add(&report);
        },
    );
    let Report { taken, refused, rejected, served, .. } = totals;
    println!("{taken} taken, {refused} refused; {rejected} rejected, {served} served");
    // Each has come about.
    assert!(taken > 0 && refused > 0 && rejected > 0 && served > 0);
}
