//! Exhaustive plans: all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::runs::exhaust::judge;
use simulator::runs::fan_out::fan_out;
use simulator::runs::plan::Strike;
use simulator::runs::subprocess::Subprocesses;
use simulator::runs::tally::{asked_for, tell};
use simulator::runs::workloads;

const THREADS: usize = 2;

/// How many plans each workload has. The numbers change when the program sends other requests,
/// calls the store differently or gets other events: check that this is intended, and enter the new
/// number here.
const PLANS: [(&str, usize); 25] = [
    ("create", 369),
    ("edit", 515),
    ("an invalid edit and its correction", 388),
    ("edits in a row", 484),
    ("an edit that is taken back at once", 336),
    ("manual", 404),
    ("another repository", 600),
    ("delete", 421),
    ("delete with the finalizer", 436),
    ("a short life", 365),
    ("delete and create", 509),
    ("delete and create while it is being made", 533),
    ("a namespace goes and comes back", 740),
    ("delete while Argo CD is away", 359),
    ("two tenants of which one goes", 469),
    ("a manual edit of the Application", 462),
    ("a manual deletion of the Application", 413),
    ("a manual deletion of the AppProject", 311),
    ("Argo CD changes its mind", 259),
    ("a sync run", 318),
    ("two sync runs at once, before their deployment", 450),
    ("a sync run is deleted while it runs", 616),
    ("a sync run is deleted at once", 415),
    ("a deployment is replaced while it is synced", 720),
    ("an edit while a sync run waits", 373),
];

/// One in this many plans is run, unless the environment says otherwise.
const EVERY: usize = 1;

#[test]
fn one_fault_at_any_moment_changes_nothing_in_the_end() {
    let every = asked_for("SIMULATOR_EVERY", EVERY);
    // If not all are run, a different share each time.
    let share = fastrand::usize(..every);
    let subprocesses = Subprocesses::new(env!("CARGO_BIN_EXE_simulator"));
    let mut tried = 0;
    let mut numbers = Vec::new();
    let mut differences = Vec::new();
    for workload in workloads::all() {
        let clean = subprocesses.plan(workload.name, Strike::Nothing).unwrap();
        assert!(clean.violations.is_empty(), "{}: {}", workload.name, clean.violations[0]);
        tell(&format!("{}: {} plans", workload.name, clean.plans.len()));
        numbers.push((workload.name, clean.plans.len()));
        let chosen: Vec<Strike> = clean.plans.iter().copied().skip(share).step_by(every).collect();
        tried += chosen.len();
        let perturbed = |strike: &Strike| subprocesses.plan(workload.name, *strike);
        fan_out(THREADS, chosen, perturbed, |strike, outcome| {
            differences.extend(judge(&workload, &clean, strike, outcome));
        });
    }
    let total: usize = numbers.iter().map(|(_, number)| number).sum();
    tell(&format!("{tried} of {total} plans"));
    assert!(
        differences.is_empty(),
        "{} of {tried} failed, first {}",
        differences.len(),
        differences[0]
    );
    assert_eq!(numbers, PLANS, "see PLANS");
}
