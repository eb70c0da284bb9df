//! Exhaustive plans: all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use simulator::alone::Alone;
use simulator::exhaust::judge;
use simulator::fan_out::fan_out;
use simulator::plan::Strike;
use simulator::tally::{asked_for, tell};
use simulator::workloads;

const THREADS: usize = 2;

/// How many plans each workload gives rise to. They move where the program sends other requests,
/// asks the store otherwise, or is told of other events: then look whether that is what you wanted,
/// and write the new number here.
const PLANS: [(&str, usize); 19] = [
    ("create", 361),
    ("edit", 507),
    ("an invalid edit and its correction", 380),
    ("edits in a row", 476),
    ("an edit that is taken back at once", 436),
    ("manual", 396),
    ("another repository", 588),
    ("delete", 409),
    ("delete with the finalizer", 424),
    ("a short life", 353),
    ("delete and create", 493),
    ("delete and create while it is being made", 521),
    ("a namespace goes and comes back", 728),
    ("delete while Argo CD is away", 343),
    ("two tenants of which one goes", 453),
    ("a hand edits the Application", 454),
    ("a hand deletes the Application", 405),
    ("a hand deletes the AppProject", 303),
    ("Argo CD changes its mind", 251),
];

/// One plan of so many is run, unless the environment says otherwise.
const EVERY: usize = 1;

#[test]
fn one_fault_at_any_moment_changes_nothing_in_the_end() {
    let every = asked_for("SIMULATOR_EVERY", EVERY);
    // Where not all are run, another share each time.
    let share = fastrand::usize(..every);
    let alone = Alone::new(env!("CARGO_BIN_EXE_simulator"));
    let mut tried = 0;
    let mut numbers = Vec::new();
    let mut differences = Vec::new();
    for workload in workloads::all() {
        let clean = alone.plan(workload.name, Strike::Nothing).unwrap();
        assert!(clean.violations.is_empty(), "{}: {}", workload.name, clean.violations[0]);
        tell(&format!("{}: {} plans", workload.name, clean.plans.len()));
        numbers.push((workload.name, clean.plans.len()));
        let chosen: Vec<Strike> = clean.plans.iter().copied().skip(share).step_by(every).collect();
        tried += chosen.len();
        let perturbed = |strike: &Strike| alone.plan(workload.name, *strike);
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
