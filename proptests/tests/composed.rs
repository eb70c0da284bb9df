//! Tenants, deployments, repository credentials, managed environments and operations together keep the
//! specification, whatever happens to them and in whatever order they learn of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::esr;
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::config;
use proptests::world::{Cluster, Move, any_move};

fn after(moves: &[Move]) -> Cluster {
    let mut cluster = Cluster::default();
    moves.iter().for_each(|next| cluster.take(next));
    cluster
}

/// Lets everything come to rest, and checks that the specification holds and nothing more is
/// written.
fn rests_well(cluster: &mut Cluster) -> Result<(), String> {
    let rounds = cluster.rest();
    rounds.ok_or_else(|| format!("no rest: {cluster:#?}"))?;
    let violations = esr::all(&cluster.world);
    if let Some(violation) = violations.first() {
        return Err(format!("{violation}\n{cluster:#?}"));
    }
    let before = cluster.world.clone();
    for _ in 0..3 {
        cluster.take(&Move::Wait { seconds: 4_000 });
        cluster.round();
    }
    esr::quiet(&before, &cluster.world).map_err(|violation| violation.to_string())
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn whatever_happens_the_specification_holds_in_the_end(moves in vec(any_move(), 0..120)) {
        let mut cluster = after(&moves);
        cluster.restore();
        rests_well(&mut cluster).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&cluster.broken, &vec![]);
        let (_, deployments, operations) = cluster.machines();
        prop_assert_eq!(deployments, cluster.world.deployments.len(), "a machine outlived its object");
        prop_assert_eq!(operations, 0, "an operation outlived its work");
        let present = cluster.world.sync_runs.iter().filter(|one| !one.deleting).count();
        prop_assert_eq!(cluster.sync_runs(), present, "a machine outlived its run");
        let present = cluster.world.credentials.iter().filter(|one| !one.deleting).count();
        prop_assert_eq!(cluster.credentials(), present, "a machine outlived its credential");
        let present = cluster.world.environments.iter().filter(|one| !one.deleting).count();
        prop_assert_eq!(cluster.environments(), present, "a machine outlived its environment");
    }

    #[test]
    fn without_argo_cd_everything_waits_quietly(moves in vec(any_move(), 0..60)) {
        let mut cluster = Cluster::default();
        cluster.world.settings.instance = None;
        for next in moves.iter().filter(|next| !matches!(next, Move::ToggleEngine)) {
            cluster.take(next);
        }
        prop_assert_eq!(cluster.world.argocd.applications.len(), 0);
        prop_assert_eq!(cluster.world.argocd.repositories.len(), 0);
        prop_assert_eq!(cluster.world.argocd.clusters.len(), 0);
        prop_assert_eq!(&cluster.world.database, &esr::Database::default());
        cluster.restore();
        rests_well(&mut cluster).map_err(TestCaseError::fail)?;
    }
}

fn create(spec: u8) -> Move {
    Move::Create { namespace: 0, name: 0, spec, finalizer: true }
}

#[test]
fn one_deployment_is_deployed_and_its_namesake_replaces_it_after_a_missed_deletion() {
    let mut cluster = after(&[create(1)]);
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.argocd.applications.len(), 1);
    let first = cluster.world.argocd.applications[0].name.clone();
    cluster.take(&Move::Edit { which: 0, spec: 2 });
    cluster.world.deployments.clear();
    cluster.take(&create(2));
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.argocd.applications.len(), 1);
    assert_ne!(cluster.world.argocd.applications[0].name, first);
}

#[test]
fn a_removed_tenant_takes_its_rows_along() {
    let mut cluster = after(&[create(1)]);
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.database.users.len(), 1);
    cluster.take(&Move::DeleteNamespace { which: 0 });
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.database.users.len(), 0);
    assert_eq!(cluster.world.namespaces, []);
}

#[test]
fn two_deployments_share_a_repository_until_the_last_one_is_removed() {
    let second = Move::Create { namespace: 0, name: 1, spec: 2, finalizer: false };
    let mut cluster = after(&[create(1), second]);
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.database.repositories.len(), 1);
    cluster.take(&Move::Delete { which: 0 });
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.database.repositories.len(), 1);
    cluster.take(&Move::Delete { which: 0 });
    rests_well(&mut cluster).unwrap();
    assert_eq!(cluster.world.database.repositories, []);
    assert_eq!(cluster.world.argocd.projects, []);
}

#[test]
fn a_stale_observation_of_a_replaced_deployment_is_ignored() {
    let mut cluster = after(&[create(1)]);
    rests_well(&mut cluster).unwrap();
    cluster.take(&Move::Delete { which: 0 });
    rests_well(&mut cluster).unwrap();
    cluster.take(&create(2));
    rests_well(&mut cluster).unwrap();
    let settled = (cluster.world.argocd.clone(), cluster.world.database.clone());
    cluster.take(&Move::ObserveStale { which: 0, back: 99 });
    rests_well(&mut cluster).unwrap();
    assert_eq!((cluster.world.argocd, cluster.world.database), settled);
}

#[test]
fn a_stale_observation_of_a_deleted_deployment_is_undone() {
    let mut cluster = after(&[create(1)]);
    rests_well(&mut cluster).unwrap();
    cluster.take(&Move::Delete { which: 0 });
    rests_well(&mut cluster).unwrap();
    // Of the two operations of its first life only the removal is still remembered.
    cluster.take(&Move::CollectOperation { which: 0 });
    cluster.take(&Move::ObserveStale { which: 0, back: 99 });
    for next in [
        Move::ObserveTenant { which: 0 },
        Move::Facts { which: 0 },
        Move::Discharge { which: 0, choice: 0 },
    ] {
        cluster.take(&next);
    }
    for _ in 0..4 {
        cluster.take(&Move::ClaimOperation { which: 0 });
        cluster.take(&Move::ObserveArgo { which: 0 });
        cluster.take(&Move::DischargeOperation { which: 0 });
    }
    assert_eq!(cluster.world.argocd.applications.len(), 1, "{cluster:#?}");
    rests_well(&mut cluster).unwrap();
}
