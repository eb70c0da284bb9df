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
const PLANS: [(&str, usize); 40] = [
    ("create", 405),
    ("edit", 551),
    ("an invalid edit and its correction", 434),
    ("edits in a row", 520),
    ("an edit that is taken back at once", 372),
    ("manual", 440),
    ("another repository", 636),
    ("delete", 457),
    ("delete with the finalizer", 472),
    ("a short life", 401),
    ("delete and create", 545),
    ("delete and create while it is being made", 569),
    ("a namespace goes and comes back", 776),
    ("delete while Argo CD is away", 395),
    ("two tenants of which one goes", 505),
    ("a manual edit of the Application", 527),
    ("a manual deletion of the Application", 478),
    ("a manual deletion of the AppProject", 381),
    ("Argo CD changes its mind", 305),
    ("a sync run", 354),
    ("two sync runs at once, before their deployment", 486),
    ("a sync run is deleted while it runs", 652),
    ("a sync run is deleted at once", 451),
    ("a deployment is replaced while it is synced", 756),
    ("an edit while a sync run waits", 409),
    ("a credential whose Secret comes late", 186),
    ("a credential is rotated while a deployment runs", 534),
    ("a wrong password is corrected while the server is down", 238),
    ("two tenants with one repository of which one goes", 300),
    ("the Secret goes, and then the credential", 255),
    ("a credential is deleted and created while it is checked", 334),
    ("a manual edit of the repository Secret", 288),
    ("a manual deletion of the repository Secret, and a server that becomes trusted", 315),
    ("a deployment waits for its environment, whose Secret comes late", 421),
    ("a token is rotated while a deployment runs on a cluster", 542),
    ("an account is made on a cluster that forgets it, and revoked", 381),
    ("a deployment moves to a cluster and back", 641),
    ("an environment is deleted while deployments use it", 747),
    ("a cluster is away while its token is corrected", 238),
    ("a manual deletion of the cluster Secret", 468),
];

/// One in this many plans is run, unless the environment says otherwise: all of them would take the gate
/// beyond its limit.
const EVERY: usize = 6;

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
