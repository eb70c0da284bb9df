//! Poisoned objects.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::fuzz::field_fuzzing;
use simulator::fuzz::poison::Report;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::{seeds, tally, tell};

/// The default number of runs; the environment may set it.
const RUNS: u64 = 48;
const THREADS: usize = 2;

#[test]
fn poison_does_not_affect_healthy_deployments() {
    let seeds = seeds("SIMULATOR_POISON", RUNS);
    let subprocesses = Subprocesses::new(env!("CARGO_BIN_EXE_simulator"));
    let poison = |seed| subprocesses.poison(seed);
    let tallied = tally(THREADS, seeds, "poison --seed", poison, |one| panic!("{one}"));
    let Report {
        taken,
        refused,
        rejected,
        served,
        synced,
        unsynced,
        accepted,
        unaccepted,
        reached,
        unreached,
        ..
    } = tallied.totals;
    let number = tallied.number;
    tell(&format!(
        "{number} runs of poison: {taken} writes taken, {refused} refused; {rejected} rejected, \
         {served} served; {synced} sync runs succeeded, {unsynced} did not; {accepted} credentials were accepted, \
         {unaccepted} were not; {reached} clusters were reached, {unreached} were not"
    ));
    // Each occurred.
    assert!(taken > 0 && refused > 0 && rejected > 0 && served > 0);
    assert!(synced > 0 && unsynced > 0 && accepted > 0 && unaccepted > 0);
    assert!(reached > 0 && unreached > 0);
}

#[test]
fn every_hostile_text_in_every_field() {
    let subprocesses = Subprocesses::new(env!("CARGO_BIN_EXE_simulator"));
    let poison = |place| subprocesses.field(place);
    let places = 0..field_fuzzing::number();
    let tallied = tally(THREADS, places, "field-fuzzing --place", poison, |one| panic!("{one}"));
    let Report { taken, refused, rejected, served, .. } = tallied.totals;
    let number = tallied.number;
    tell(&format!(
        "{number} fields, each with every hostile text: {taken} taken, {refused} refused; \
         {rejected} rejected, {served} served"
    ));
    assert!(taken > 0 && refused > 0 && rejected > 0 && served > 0);
}
