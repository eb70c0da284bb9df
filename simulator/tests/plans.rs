//! Exhaustive plans: a share of them, or all.

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
const PLANS: [(&str, usize); 33] = [
    ("create", 397),
    ("edit", 543),
    ("an invalid edit and its correction", 416),
    ("edits in a row", 512),
    ("an edit that is taken back at once", 364),
    ("manual", 432),
    ("another repository", 628),
    ("delete", 449),
    ("delete with the finalizer", 464),
    ("a short life", 393),
    ("delete and create", 537),
    ("delete and create while it is being made", 561),
    ("a namespace goes and comes back", 768),
    ("delete while Argo CD is away", 387),
    ("two tenants of which one goes", 497),
    ("a manual edit of the Application", 502),
    ("a manual deletion of the Application", 453),
    ("a manual deletion of the AppProject", 351),
    ("Argo CD changes its mind", 287),
    ("a sync run", 346),
    ("two sync runs at once, before their deployment", 478),
    ("a sync run is deleted while it runs", 644),
    ("a sync run is deleted at once", 443),
    ("a deployment is replaced while it is synced", 748),
    ("an edit while a sync run waits", 401),
    ("a credential whose Secret comes late", 174),
    ("a credential is rotated while a deployment runs", 518),
    ("a wrong password is corrected while the server is down", 210),
    ("two tenants with one repository of which one goes", 284),
    ("the Secret goes, and then the credential", 243),
    ("a credential is deleted and created while it is checked", 314),
    ("a manual edit of the repository Secret", 256),
    ("a manual deletion of the repository Secret, and a server that becomes trusted", 279),
];

/// One in this many plans is run, unless the environment says otherwise: all of them would take the gate
/// beyond its limit.
const EVERY: usize = 2;

#[test]
fn one_fault_at_any_moment_changes_nothing_in_the_end() {
    let every = asked_for("SIMULATOR_EVERY", EVERY);
    // Another share for another state of the code, and the same one for the same.
    let share = asked_for("SIMULATOR_FIRST", 0) % every;
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
