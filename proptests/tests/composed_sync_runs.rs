//! Sync runs, deployments, operations and a tiny Argo CD together keep the specification.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::esr;
use machines::kinds::sync_run::status::SUCCEEDED;
use machines::shared::condition::{ConditionStyle, ERROR_OCCURRED};
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::config;
use proptests::world::{Cluster, Move, RUN_SPECS, any_move};

/// A manual deployment, and another spec of it.
const MANUAL: u8 = 5;
const EDITED: u8 = 6;

fn deployment(spec: u8) -> Move {
    Move::Create { namespace: 0, name: 0, spec, finalizer: true }
}

fn run(name: u8) -> Move {
    Move::CreateRun { namespace: 0, name, spec: 0, kept: false }
}

fn rests(cluster: &mut Cluster) {
    cluster.rest().unwrap_or_else(|| panic!("no rest: {cluster:#?}"));
    assert_eq!(esr::all(&cluster.world), []);
    assert_eq!(cluster.broken, []);
}

/// A manual deployment at rest, and these moves.
fn after(moves: &[Move]) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.take(&deployment(MANUAL));
    rests(&mut cluster);
    moves.iter().for_each(|next| cluster.take(next));
    cluster
}

/// How a run has ended: the status of its result and its message.
fn result(cluster: &Cluster, which: usize) -> (String, String) {
    let conditions = &cluster.world.sync_runs[which].conditions;
    let result = conditions.iter().find(|one| one.type_ == SUCCEEDED).unwrap();
    (result.status.clone(), result.message.clone())
}

fn begun(cluster: &Cluster) -> Vec<&str> {
    cluster.world.argocd.begun.iter().map(|sync| sync.as_str()).collect()
}

/// Moves around one manual deployment: mostly about its runs and their syncs.
fn move_about_syncs() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        2 => (0..3_u8, 0..RUN_SPECS, any::<bool>())
            .prop_map(|(name, spec, kept)| Move::CreateRun { namespace: 0, name, spec, kept }),
        1 => which.prop_map(|which| Move::Delete { which }),
        1 => Just(deployment(MANUAL)),
        4 => which.prop_map(|which| Move::Observe { which }),
        4 => which.prop_map(|which| Move::Facts { which }),
        6 => which.prop_map(|which| Move::ObserveOperation { which }),
        8 => (which, any::<u8>()).prop_map(|(which, choice)| Move::Discharge { which, choice }),
        2 => which.prop_map(|which| Move::Crash { which }),
        2 => Just(Move::Arrive),
        6 => which.prop_map(|which| Move::ClaimOperation { which }),
        6 => which.prop_map(|which| Move::ObserveArgo { which }),
        6 => which.prop_map(|which| Move::DischargeOperation { which }),
        6 => (which, any::<bool>()).prop_map(|(which, goes_well)| Move::RunSync { which, goes_well }),
        6 => any_move(),
    ]
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn whatever_happens_to_runs_of_a_manual_deployment_the_specification_holds_in_the_end(
        moves in vec(move_about_syncs(), 0..120),
        is_legacy in any::<bool>(),
    ) {
        let mut cluster = Cluster::default();
        if is_legacy {
            cluster.world.settings.conditions = ConditionStyle::Legacy;
        }
        cluster.take(&deployment(MANUAL));
        cluster.rest();
        moves.iter().for_each(|next| cluster.take(next));
        cluster.restore();
        prop_assert!(cluster.rest().is_some(), "no rest: {cluster:#?}");
        prop_assert_eq!(esr::all(&cluster.world), vec![]);
        prop_assert_eq!(&cluster.broken, &vec![]);
        let before = cluster.world.clone();
        for _ in 0..3 {
            cluster.take(&Move::Wait { seconds: 4_000 });
            cluster.round();
        }
        esr::quiet(&before, &cluster.world)
            .map_err(|violation| TestCaseError::fail(violation.to_string()))?;
    }
}

#[test]
fn two_runs_of_a_deployment_are_synced_once_each_and_in_the_order_of_their_creation() {
    let mut cluster = after(&[run(0), run(1)]);
    // The later one is seen first; once both are known it waits for its turn.
    cluster.take(&Move::Observe { which: 1 });
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001", "run-0002"]);
    for which in [0, 1] {
        assert_eq!(result(&cluster, which), ("True".to_owned(), "synced to abc".to_owned()));
    }
}

#[test]
fn a_run_waits_for_its_deployment_and_is_then_synced() {
    let mut cluster = Cluster::default();
    cluster.take(&run(0));
    rests(&mut cluster);
    assert_eq!(result(&cluster, 0).0, "Unknown");
    cluster.take(&deployment(MANUAL));
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001"]);
    assert_eq!(result(&cluster, 0).0, "True");
}

#[test]
fn a_run_of_an_automated_deployment_is_rejected_and_stays_so() {
    let mut cluster = Cluster::default();
    cluster.take(&deployment(1));
    cluster.take(&run(0));
    rests(&mut cluster);
    let rejected = result(&cluster, 0);
    assert_eq!(rejected.0, "False");
    cluster.take(&Move::Edit { which: 0, spec: MANUAL });
    rests(&mut cluster);
    assert_eq!(result(&cluster, 0), rejected);
    assert_eq!(begun(&cluster), [""; 0]);
}

/// Lets the one run of a cluster get to where the agent is to request its sync.
fn get_ready(cluster: &mut Cluster) {
    for next in [
        Move::Observe { which: 1 },
        Move::Discharge { which: 1, choice: 0 },
        Move::ClaimOperation { which: 0 },
        Move::ObserveArgo { which: 0 },
    ] {
        cluster.take(&next);
    }
}

fn request(cluster: &mut Cluster) {
    get_ready(cluster);
    cluster.take(&Move::DischargeOperation { which: 0 });
}

/// The process dies with the request on its way, which arrives before or after the next one.
#[test]
fn a_sync_whose_request_was_sent_twice_is_begun_once() {
    for is_late in [false, true] {
        let mut cluster = after(&[run(0)]);
        get_ready(&mut cluster);
        // The run requires its Operation CR, and the agent the request.
        cluster.take(&Move::Crash { which: 1 });
        if !is_late {
            cluster.take(&Move::Arrive);
        }
        cluster.take(&Move::DischargeOperation { which: 0 });
        (0..3).for_each(|_| cluster.take(&Move::RunSync { which: 0, goes_well: true }));
        assert_eq!(begun(&cluster), ["run-0001"]);
        cluster.take(&Move::Arrive);
        rests(&mut cluster);
        assert_eq!(begun(&cluster), ["run-0001"]);
    }
}

#[test]
fn a_run_that_is_deleted_before_argo_cd_takes_its_sync_up_never_syncs() {
    let mut cluster = after(&[run(0)]);
    request(&mut cluster);
    for next in [
        Move::Delete { which: 1 },
        Move::Observe { which: 1 },
        Move::ClaimOperation { which: 0 },
        Move::DischargeOperation { which: 0 },
    ] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!(begun(&cluster), [""; 0]);
    assert_eq!(cluster.world.database.syncs, []);
}

#[test]
fn a_run_that_is_deleted_while_it_syncs_ends_the_sync_and_the_next_one_goes_on() {
    let mut cluster = after(&[run(0)]);
    request(&mut cluster);
    for next in [
        Move::RunSync { which: 0, goes_well: true },
        run(1),
        Move::Delete { which: 1 },
        Move::Observe { which: 1 },
        Move::ClaimOperation { which: 0 },
        Move::DischargeOperation { which: 0 },
    ] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001", "run-0002"]);
    assert_eq!(result(&cluster, 0).0, "True");
}

#[test]
fn a_run_says_that_its_deployment_was_deleted_while_it_synced() {
    let mut cluster = after(&[run(0)]);
    request(&mut cluster);
    cluster.take(&Move::RunSync { which: 0, goes_well: true });
    cluster.take(&Move::Delete { which: 0 });
    rests(&mut cluster);
    assert_eq!(cluster.world.deployments.len(), 0);
    let (status, message) = result(&cluster, 0);
    assert_eq!(status, "False");
    assert!(message.contains("deleted") || message.contains("Unable to retrieve"), "{message}");
}

#[test]
fn a_sync_waits_until_the_application_says_what_the_edited_deployment_says() {
    let mut cluster = after(&[run(0), Move::Edit { which: 0, spec: EDITED }]);
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001"]);
    assert_eq!(cluster.world.argocd.applications[0].spec.source.path, "folder-6");
}

#[test]
fn a_foreign_sync_is_waited_for() {
    let mut cluster = after(&[Move::RequestForeignSync { which: 0 }, run(0)]);
    request(&mut cluster);
    cluster.take(&Move::RunSync { which: 0, goes_well: true });
    request(&mut cluster);
    assert_eq!(begun(&cluster), [""; 0]);
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001"]);
    assert_eq!(result(&cluster, 0).0, "True");
}

#[test]
fn an_edit_of_a_run_that_has_ended_is_complained_of_and_leaves_its_result() {
    let mut cluster = after(&[run(0)]);
    rests(&mut cluster);
    let told = result(&cluster, 0);
    cluster.take(&Move::Edit { which: 1, spec: 2 });
    rests(&mut cluster);
    assert_eq!(result(&cluster, 0), told);
    let conditions = &cluster.world.sync_runs[0].conditions;
    let error = conditions.iter().find(|one| one.type_ == ERROR_OCCURRED).unwrap();
    assert!(error.message.starts_with("deployment name field is immutable"), "{}", error.message);
    assert_eq!(begun(&cluster), ["run-0001"]);
}

#[test]
fn a_stale_observation_of_a_run_that_is_gone_does_not_sync_again() {
    let mut cluster = after(&[run(0)]);
    rests(&mut cluster);
    cluster.take(&Move::Delete { which: 1 });
    rests(&mut cluster);
    cluster.take(&run(1));
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001", "run-0002"]);
    // The first run is seen as if it existed, and takes its turn.
    cluster.take(&Move::ObserveStale { which: 1, back: 99 });
    for next in [
        Move::Discharge { which: 1, choice: 0 },
        Move::ClaimOperation { which: 0 },
        Move::ObserveArgo { which: 0 },
        Move::DischargeOperation { which: 0 },
        Move::RunSync { which: 0, goes_well: true },
    ] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!(begun(&cluster), ["run-0001", "run-0002"]);
}
