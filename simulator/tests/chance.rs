//! Random faults: the seeds that once failed, and others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use simulator::faults::swarm::Faults;
use simulator::runs::fan_out::fan_out;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::{seeds, tell};

/// The default number of seeds; the environment may set it, and the first seed.
const SEEDS: u64 = 256;
const THREADS: usize = 2;

fn subprocesses() -> Subprocesses {
    Subprocesses::new(env!("CARGO_BIN_EXE_simulator"))
}

/// Those that once failed.
fn regressions() -> BTreeSet<u64> {
    let text = include_str!("../seeds/regressions.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn seeds_that_once_failed_and_others() {
    let subprocesses = subprocesses();
    let first = regressions();
    assert!(!first.is_empty());
    let fresh = seeds("SIMULATOR_SEEDS", SEEDS);
    let others = fresh.clone().filter(|seed| !first.contains(seed));
    let seeds: Vec<u64> = first.iter().copied().chain(others).collect();
    let number = seeds.len();
    let mut failures = Vec::new();
    let mut virtual_time = Duration::ZERO;
    let mut processes = 0;
    let mut written = 0;
    let (mut asked, mut asked_clusters) = (0, 0);
    let mut struck = BTreeSet::new();
    fan_out(
        THREADS,
        seeds,
        |seed| subprocesses.seed(*seed, &[]),
        |_, report| {
            virtual_time += report.lasted;
            processes += report.processes;
            written += report.written;
            asked += report.asked;
            asked_clusters += report.asked_clusters;
            struck.extend(report.struck.iter().cloned());
            if !report.violations.is_empty() {
                failures.push(report);
            }
        },
    );
    if let Some(first) = failures.first() {
        let minimal = subprocesses.minimal(first.clone()).unwrap();
        panic!("{} of {number} seeds failed:\n{minimal}", failures.len());
    }
    let hours = virtual_time.as_secs_f64() / 3_600.0;
    tell(&format!(
        "{number} seeds, of which {} that once failed, the others from {} on: {hours:.0} virtual \
         hours, {processes} processes, {asked} questions to git servers, \
         {asked_clusters} to clusters",
        regressions().len(),
        fresh.start
    ));
    assert!(written > 0, "the password was never written");
    assert!(asked > 0, "no git server was ever asked");
    assert!(asked_clusters > 0, "no cluster was ever asked");
    assert_eq!(struck, Faults::all_names().unwrap(), "a fault that never strikes proves nothing");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let digest = |seed| subprocesses().seed(seed, &[]).digest;
    // With two replicas, kills, clock jumps, isolation and everything else that these seeds pick.
    for seed in [2, 9, 42] {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
    assert_ne!(digest(9), digest(42));
}
