//! The committed diagrams are what the machines do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use machines::diagram::{self, Chart};

#[test]
fn the_committed_diagrams_are_what_the_machines_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("diagrams");
    let update = std::env::var_os("UPDATE").is_some();
    for (name, content) in diagram::pages() {
        let file = folder.join(name);
        if update {
            std::fs::write(&file, &content).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == content,
            "diagrams/{name} is not what the machine does; if the change is meant, run \
             `UPDATE=1 cargo test -p machines --test diagrams` and read the difference"
        );
    }
}

fn charts() -> impl Iterator<Item = Chart> {
    diagram::charts().into_iter().flat_map(|(_, _, charts)| charts)
}

fn chart(name: &str) -> Chart {
    charts().find(|chart| chart.name == name).expect("a chart of this name")
}

fn paths(chart: &Chart) -> BTreeSet<&str> {
    chart.states.iter().map(String::as_str).collect()
}

#[test]
fn the_exploration_reaches_every_state() {
    let charts: BTreeMap<&str, Chart> = charts().map(|chart| (chart.name, chart)).collect();
    let expected = [
        "Gone",
        "Live/Awaiting/AwaitingEngine",
        "Live/Awaiting/AwaitingPredecessor",
        "Live/Awaiting/AwaitingTenant",
        "Live/AwaitingEnvironment",
        "Live/BackingOff",
        "Live/Dispatching",
        "Live/Rejected",
        "Live/Frozen",
        "Live/Settled",
        "Terminating/AwaitingDestination",
        "Terminating/Finalizing",
        "Terminating/RemovalBackingOff",
        "Terminating/Removing",
        "Terminating/RemovalFrozen",
        "Unseen",
    ];
    assert_eq!(paths(&charts["Lifecycle"]), BTreeSet::from(expected));
    let reached: BTreeMap<&str, usize> =
        charts.values().map(|chart| (chart.name, paths(chart).len())).collect();
    let expected = [
        ("Delivery", 3),
        ("Error flag", 3),
        ("Lifecycle", 16),
        ("ManagedEnvironment", 12),
        ("Operation", 14),
        ("RepositoryCredential", 10),
        ("Revocation", 4),
        ("Status mirror", 4),
        ("SyncRun", 10),
        ("Tenant", 5),
    ];
    assert_eq!(reached, BTreeMap::from(expected));
}

#[test]
fn no_state_drops_events_for_lack_of_a_handler() {
    for chart in charts() {
        assert!(chart.unhandled.is_empty(), "{}: {:?}", chart.name, chart.unhandled);
    }
}

#[test]
fn every_state_has_a_cell_for_every_event() {
    for chart in charts() {
        for state in &chart.states {
            for event in &chart.events {
                assert!(
                    chart.steps.iter().any(|edge| edge.from == *state && edge.event == *event),
                    "{}: no sample of {event} was tried in {state}",
                    chart.name
                );
            }
        }
    }
}

#[test]
fn what_is_gone_stays_gone() {
    let finals = [
        (chart("Lifecycle"), "Gone"),
        (chart("ManagedEnvironment"), "Gone"),
        (chart("SyncRun"), "Gone"),
        (chart("Tenant"), "Reaped"),
        (chart("Operation"), "Collected"),
    ];
    for (chart, last) in finals {
        assert!(chart.steps.iter().all(|edge| edge.from != last || edge.to == last));
    }
}

#[test]
fn nothing_that_terminates_becomes_live_again() {
    let lifecycle = chart("Lifecycle");
    let returns: Vec<_> = lifecycle
        .steps
        .iter()
        .filter(|edge| edge.from.starts_with("Terminating") && edge.to.starts_with("Live"))
        .collect();
    assert_eq!(returns, Vec::<&diagram::Edge>::new());
}

#[test]
fn a_run_that_has_ended_never_begins_again() {
    let run = chart("SyncRun");
    let ended: Vec<_> =
        run.steps.iter().filter(|edge| edge.from.starts_with("Live/Finished/")).collect();
    assert!(ended.len() > 3, "{ended:?}");
    let begins = |path: &str| path.starts_with("Live/") && !path.starts_with("Live/Finished/");
    assert!(!ended.iter().any(|edge| begins(&edge.to)), "{ended:?}");
}
