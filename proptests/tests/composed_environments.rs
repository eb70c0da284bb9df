//! Managed environments of tenants beside the deployments that name them: their Secrets, what clusters
//! say of them, the accounts that are made there, and what Argo CD is told. Together they keep the
//! specification.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::esr::{self, ArgoCluster};
use machines::identity::Digest;
use machines::shared::condition::{ConditionStyle, READY, STALLED};
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::config;
use proptests::world::{
    Cluster, ENVIRONMENT_SPECS, Move, SPECS, any_move, move_of_a_cluster, move_of_the_program,
    told_of_the_first_cluster,
};

/// Environments with the user's own token on either cluster, and with an account: in all of the first
/// cluster, and in two of its namespaces.
const PLAIN: u8 = 1;
const ELSEWHERE: u8 = 2;
const WITH_ACCOUNT: u8 = 3;
const IN_NAMESPACES: u8 = 4;
/// Contents of a Secret: none, and two tokens.
const NO_SECRET: u8 = 0;
const FIRST: u8 = 1;
const SECOND: u8 = 2;
/// How a cluster answers: it opens to the first user only, or to the second, or does not answer.
const ANYBODY: u8 = 0;
const ONLY_THE_FIRST: u8 = 1;
const ONLY_THE_SECOND: u8 = 2;
const NOT_AT_ALL: u8 = 4;
/// The spec of a deployment to the first environment.
const ON_STAGING: u8 = 7;

fn environment(namespace: u8, spec: u8) -> Move {
    Move::CreateEnvironment { namespace, name: 0, spec, kept: false }
}

fn secret(namespace: u8, content: u8) -> Move {
    Move::PutSecret { namespace, name: 2, content }
}

fn answers(answer: u8) -> Move {
    Move::ClusterAnswersAs { cluster: 0, answer }
}

fn deployment(namespace: u8) -> Move {
    Move::Create { namespace, name: 0, spec: ON_STAGING, finalizer: true }
}

fn rests(cluster: &mut Cluster) {
    cluster.rest().unwrap_or_else(|| panic!("no rest: {cluster:#?}"));
    assert_eq!(esr::all(&cluster.world), [], "{cluster:#?}");
    assert_eq!(cluster.broken, []);
}

/// An environment whose cluster opens to the first user only, at rest; then these moves, and rest.
fn after(spec: u8, moves: &[Move]) -> Cluster {
    let mut cluster = accepted(Cluster::default(), spec);
    moves.iter().for_each(|next| cluster.take(next));
    rests(&mut cluster);
    cluster
}

/// The same in this cluster, without more moves.
fn accepted(mut cluster: Cluster, spec: u8) -> Cluster {
    for next in [answers(ONLY_THE_FIRST), environment(0, spec), secret(0, FIRST)] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 1);
    cluster
}

fn told(cluster: &Cluster) -> &[ArgoCluster] {
    &cluster.world.argocd.clusters
}

/// What Argo CD is told of the only environment.
fn content(cluster: &Cluster) -> Digest {
    let [told] = told(cluster) else { panic!("{:?}", told(cluster)) };
    told.content.clone()
}

/// The reason of a condition of the first environment, if it is true.
fn reason(cluster: &Cluster, type_: &str) -> Option<String> {
    let mut conditions = cluster.world.environments[0].conditions.iter();
    let found = conditions.find(|one| one.type_ == type_ && one.status == "True")?;
    Some(found.reason.clone())
}

/// Where the only Application deploys to.
fn destination(cluster: &Cluster) -> String {
    let [one] = &cluster.world.argocd.applications[..] else {
        panic!("{:?}", cluster.world.argocd.applications)
    };
    one.spec.destination.name.clone()
}

/// Moves around the environments of two tenants, and others.
fn move_about_environments() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        2 => (0..2_u8, 0..2_u8, 0..ENVIRONMENT_SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, kept)| Move::CreateEnvironment { namespace, name, spec, kept }
        ),
        2 => (0..2_u8, 0..2_u8, ON_STAGING..SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, finalizer)| Move::Create { namespace, name, spec, finalizer }
        ),
        3 => (which, 0..ENVIRONMENT_SPECS).prop_map(|(which, spec)| Move::Edit { which, spec }),
        2 => which.prop_map(|which| Move::Delete { which }),
        1 => Just(Move::DeleteNamespace { which: 0 }),
        16 => move_of_a_cluster(),
        56 => move_of_the_program(),
        2 => which.prop_map(|which| Move::Wake { which }),
        6 => any_move(),
    ]
}

/// How a world begins: few random moves get as far as a row, and fewer as far as an account.
fn beginning() -> impl Strategy<Value = (Option<u8>, bool)> {
    let spec = prop_oneof![
        2 => Just(None),
        2 => Just(Some(PLAIN)),
        4 => Just(Some(WITH_ACCOUNT)),
        2 => Just(Some(IN_NAMESPACES)),
    ];
    (spec, any::<bool>())
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn whatever_happens_to_environments_the_specification_holds_in_the_end(
        moves in vec(move_about_environments(), 0..140),
        is_legacy in any::<bool>(),
        (begins_accepted, is_used) in beginning(),
    ) {
        let mut cluster = Cluster::default();
        if is_legacy {
            cluster.world.settings.conditions = ConditionStyle::Legacy;
        }
        if let Some(spec) = begins_accepted {
            cluster = accepted(cluster, spec);
            if is_used {
                cluster.take(&deployment(0));
                rests(&mut cluster);
            }
        }
        moves.iter().for_each(|next| cluster.take(next));
        cluster.restore();
        prop_assert!(cluster.rest().is_some(), "no rest: {cluster:#?}");
        prop_assert_eq!(esr::all(&cluster.world), vec![]);
        prop_assert_eq!(&cluster.broken, &vec![]);
        let present = cluster.world.environments.iter().filter(|one| !one.deleting).count();
        prop_assert_eq!(cluster.environments(), present, "a machine outlived its environment");
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
fn an_accepted_environment_is_told_to_argo_cd_and_leaves_nothing_behind() {
    let mut cluster = after(PLAIN, &[]);
    assert_eq!(reason(&cluster, READY).as_deref(), Some("Succeeded"));
    assert_eq!(content(&cluster), told_of_the_first_cluster(FIRST));
    cluster.take(&Move::Delete { which: 0 });
    rests(&mut cluster);
    assert_eq!((told(&cluster), cluster.environments()), (&[][..], 0));
}

#[test]
fn a_rotation_is_noticed_and_what_was_accepted_stays_while_the_new_token_is_refused() {
    let mut cluster = after(PLAIN, &[secret(0, SECOND)]);
    assert_eq!(content(&cluster), told_of_the_first_cluster(FIRST));
    assert_eq!(reason(&cluster, STALLED).as_deref(), Some("TokenRefused"));
    cluster.take(&answers(ONLY_THE_SECOND));
    rests(&mut cluster);
    assert_eq!(content(&cluster), told_of_the_first_cluster(SECOND));
    cluster.take(&secret(0, NO_SECRET));
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 1, "it was accepted");
    assert_eq!(reason(&cluster, STALLED).as_deref(), Some("SecretNotFound"));
}

#[test]
fn what_was_never_accepted_is_told_to_nobody_until_its_cluster_comes_back() {
    let mut cluster = Cluster::default();
    for next in [answers(NOT_AT_ALL), environment(0, PLAIN), secret(0, FIRST), deployment(0)] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!((told(&cluster), cluster.world.argocd.applications.len()), (&[][..], 0));
    assert_eq!(reason(&cluster, STALLED).as_deref(), Some("TimedOut"));
    cluster.take(&answers(ANYBODY));
    rests(&mut cluster);
    assert_eq!(destination(&cluster), format!("managed-env-{}", told(&cluster)[0].row));
}

#[test]
fn a_deployment_follows_its_environment_until_that_is_deleted_and_created_again() {
    let mut cluster = after(PLAIN, &[deployment(0)]);
    let first = destination(&cluster);
    assert_eq!(cluster.world.argocd.projects[0].destinations, [first.as_str(), "in-cluster"]);
    // Of the objects that exist the deployment is the first.
    cluster.take(&Move::Delete { which: 1 });
    rests(&mut cluster);
    assert_eq!((destination(&cluster).as_str(), told(&cluster)), ("", &[][..]));
    assert_eq!(cluster.world.argocd.projects[0].destinations, ["in-cluster"]);
    cluster.take(&environment(0, PLAIN));
    rests(&mut cluster);
    let second = destination(&cluster);
    assert!(!second.is_empty() && second != first, "{second}");
}

#[test]
fn what_is_deleted_along_with_its_environment_is_removed_while_argo_cd_knows_the_cluster() {
    for order in [[0, 1], [1, 0]] {
        let mut cluster = after(PLAIN, &[deployment(0)]);
        // The deployment has a finalizer, so it still is the first object when it is deleted.
        for which in order {
            cluster.take(&Move::Delete { which });
            cluster.take(&Move::Observe { which });
        }
        // The agent does all that the environment asks for, and nothing about the deployment.
        for _ in 0..4 {
            cluster.take(&Move::Facts { which: 1 });
            cluster.take(&Move::Discharge { which: 1, choice: 0 });
            cluster.take(&Move::ClaimOperation { which: 0 });
            cluster.take(&Move::ObserveArgo { which: 0 });
            cluster.take(&Move::DischargeOperation { which: 0 });
        }
        assert_eq!((destination(&cluster).is_empty(), told(&cluster).len()), (false, 1));
        rests(&mut cluster);
        assert_eq!((told(&cluster), cluster.world.argocd.applications.len()), (&[][..], 0));
    }
}

#[test]
fn the_account_of_an_environment_is_revoked_with_it_or_listed() {
    for answer in [ANYBODY, NOT_AT_ALL] {
        let mut cluster = after(WITH_ACCOUNT, &[]);
        assert_eq!(cluster.world.remote.len(), 3, "an account with its rights and a token");
        assert!(cluster.world.remote.iter().all(|one| one.is_used));
        cluster.take(&answers(answer));
        cluster.take(&Move::Delete { which: 0 });
        rests(&mut cluster);
        let left = &cluster.world.remote;
        assert_eq!(left.len(), if answer == NOT_AT_ALL { 3 } else { 0 });
        assert!(left.iter().all(|one| one.is_listed));
    }
}

#[test]
fn a_token_that_is_forgotten_is_made_again_and_a_rotation_makes_another() {
    for is_all in [false, true] {
        let mut cluster = after(WITH_ACCOUNT, &[]);
        let first = content(&cluster);
        cluster.take(&Move::ForgetAccounts { cluster: 0, is_all });
        rests(&mut cluster);
        let second = content(&cluster);
        assert_ne!(second, first);
        cluster.take(&answers(ANYBODY));
        cluster.take(&secret(0, SECOND));
        rests(&mut cluster);
        assert_ne!(content(&cluster), second);
        assert_eq!(cluster.world.remote.len(), 3, "the one before is revoked");
    }
}

#[test]
fn what_an_edit_no_longer_asks_for_is_revoked() {
    for (edit, left) in [(PLAIN, 0), (IN_NAMESPACES, 4), (ELSEWHERE, 0)] {
        let cluster = after(WITH_ACCOUNT, &[Move::Edit { which: 0, spec: edit }]);
        assert_eq!(cluster.world.remote.len(), left, "{:?}", cluster.world.remote);
        assert!(cluster.world.remote.iter().all(|one| one.is_used));
    }
}

#[test]
fn two_tenants_on_one_cluster_have_a_secret_each_and_the_end_of_one_leaves_the_other() {
    let mut cluster = after(WITH_ACCOUNT, &[environment(1, WITH_ACCOUNT), secret(1, FIRST)]);
    let [one, other] = told(&cluster) else { panic!("{:?}", told(&cluster)) };
    assert_ne!((&one.project, &one.content), (&other.project, &other.content));
    let other = other.clone();
    cluster.take(&Move::DeleteNamespace { which: 0 });
    rests(&mut cluster);
    assert_eq!(told(&cluster), [other]);
    assert_eq!(cluster.world.remote.iter().filter(|one| one.is_used).count(), 3);
}

#[test]
fn what_others_do_to_argo_cds_secret_is_undone() {
    for how in 0..4 {
        let mut cluster = after(PLAIN, &[]);
        let before = told(&cluster).to_vec();
        cluster.take(&Move::SpoilCluster { which: 0, how });
        assert_ne!(told(&cluster), before);
        rests(&mut cluster);
        assert_eq!(told(&cluster), before);
    }
}

#[test]
fn a_process_that_dies_while_it_revokes_asks_again() {
    let mut cluster = after(WITH_ACCOUNT, &[answers(NOT_AT_ALL)]);
    cluster.take(&Move::Delete { which: 0 });
    while !cluster.states().iter().any(|one| one.contains("Clearing Idle Busy/Revoking")) {
        cluster.round();
    }
    cluster.take(&answers(ANYBODY));
    cluster.take(&Move::Discharge { which: 0, choice: 0 });
    assert_eq!(cluster.world.remote, []);
    cluster.take(&Move::Crash { which: 0 });
    cluster.take(&Move::LearnOfCluster { which: 0 });
    assert!(cluster.states().iter().any(|one| one.contains("Clearing")), "the answer is lost");
    rests(&mut cluster);
    assert_eq!(cluster.environments(), 0);
}

#[test]
fn what_is_not_revoked_yet_when_the_cluster_is_refused_stays_known() {
    let elsewhere = Move::Edit { which: 0, spec: ELSEWHERE };
    let mut cluster = accepted(Cluster::default(), WITH_ACCOUNT);
    cluster.take(&answers(NOT_AT_ALL));
    cluster.take(&elsewhere);
    while !cluster.states().iter().any(|one| one.contains("Judged/Accepted Idle Busy")) {
        cluster.round();
    }
    cluster.take(&Move::ClusterAnswersAs { cluster: 1, answer: NOT_AT_ALL });
    rests(&mut cluster);
    assert_eq!(cluster.world.remote.len(), 3);
    cluster.take(&Move::ClusterAnswersAs { cluster: 1, answer: ANYBODY });
    cluster.take(&answers(ANYBODY));
    rests(&mut cluster);
    assert_eq!(cluster.world.remote, []);
}
