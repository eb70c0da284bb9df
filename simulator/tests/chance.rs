//! Faults by chance: the seeds that ever failed, and others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use simulator::alone::Alone;
use simulator::fan_out::fan_out;
use simulator::tally::asked_for;

/// Seeds, unless the environment says how many. Their numbers are always the same: with each change
/// of the program they mean other runs, and the same program is always judged alike.
const SEEDS: u64 = 256;
const THREADS: usize = 2;

fn alone() -> Alone {
    Alone::new(env!("CARGO_BIN_EXE_simulator"))
}

fn check(seeds: impl IntoIterator<Item = u64, IntoIter: Send>) {
    let alone = alone();
    let mut failures = Vec::new();
    let mut number = 0;
    let mut virtual_time = Duration::ZERO;
    fan_out(
        THREADS,
        seeds,
        |seed| alone.seed(*seed, &[]),
        |seed, outcome| {
            number += 1;
            match outcome {
                Ok(report) if report.violations.is_empty() => virtual_time += report.lasted,
                Ok(report) => failures.push(report),
                Err(error) => panic!("seed {seed}: {error:#}"),
            }
        },
    );
    if let Some(first) = failures.first() {
        let minimal = alone.minimal(first.clone()).unwrap();
        panic!("{} of {number} seeds failed:\n{minimal}", failures.len());
    }
    println!("{number} seeds, {:.0} virtual hours", virtual_time.as_secs_f64() / 3_600.0);
}

#[test]
fn seeds_that_ever_failed() {
    let text = include_str!("../seeds/regressions.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let seeds: BTreeSet<u64> =
        lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(!seeds.is_empty());
    check(seeds);
}

#[test]
fn seeds() {
    check(1..=asked_for("SIMULATOR_SEEDS", SEEDS));
}

#[test]
fn the_same_seed_is_the_same_run() {
    let digest = |seed| alone().seed(seed, &[]).unwrap().digest;
    // With two replicas, kills, clocks, cuts and everything else that these seeds pick.
    for seed in [2, 9, 42] {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
    assert_ne!(digest(9), digest(42));
}
