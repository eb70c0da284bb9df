//! Poisoned objects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::alone::Alone;
use simulator::poison::Report;
use simulator::tally::{asked_for, tally};

/// Runs, unless the environment says how many; always the same ones, as seeds are.
const RUNS: u64 = 32;
const THREADS: usize = 2;

#[test]
fn poison_leaves_the_healthy_untouched() {
    let number = asked_for("SIMULATOR_POISON", RUNS);
    let alone = Alone::new(env!("CARGO_BIN_EXE_simulator"));
    let poison = |seed| alone.poison(seed);
    let tallied = tally(THREADS, 1..=number, "poison", poison, |one| panic!("{one}"));
    let Report { taken, refused, rejected, served, .. } = tallied.totals;
    println!("{taken} taken, {refused} refused; {rejected} rejected, {served} served");
    // Each has come about.
    assert!(taken > 0 && refused > 0 && rejected > 0 && served > 0);
}
