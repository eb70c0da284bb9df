//! Repository credentials of tenants beside deployments and sync runs: their Secrets, what servers
//! say of them, and what Argo CD is told. Together they keep the specification.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::esr::{self, ArgoRepository};
use machines::identity::Digest;
use machines::shared::condition::{ConditionStyle, READY, STALLED};
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::config;
use proptests::world::{
    CREDENTIAL_SPECS, Cluster, Move, any_move, move_of_a_repository, move_of_the_program,
};

/// A credential for the repository of a deployment.
const VALID: u8 = 1;
/// One for another repository.
const ELSEWHERE: u8 = 2;
/// Contents of a Secret: none, and two passwords.
const NO_SECRET: u8 = 0;
const FIRST: u8 = 1;
const SECOND: u8 = 2;
/// How a server answers: it accepts the first password only, or the second, or does not answer.
const ONLY_THE_FIRST: u8 = 1;
const ONLY_THE_SECOND: u8 = 2;
const NOT_AT_ALL: u8 = 4;

fn credential(namespace: u8, name: u8, spec: u8) -> Move {
    Move::CreateCredential { namespace, name, spec, kept: false }
}

fn secret(namespace: u8, content: u8) -> Move {
    Move::PutSecret { namespace, name: 0, content }
}

fn answers(answer: u8) -> Move {
    Move::AnswerAs { repository: 0, answer }
}

fn rests(cluster: &mut Cluster) {
    cluster.rest().unwrap_or_else(|| panic!("no rest: {cluster:#?}"));
    assert_eq!(esr::all(&cluster.world), [], "{cluster:#?}");
    assert_eq!(cluster.broken, []);
}

/// A credential whose first password is the only one that is accepted, at rest; then these moves.
fn after(moves: &[Move]) -> Cluster {
    let mut cluster = accepted(Cluster::default());
    moves.iter().for_each(|next| cluster.take(next));
    cluster
}

/// The same in this cluster, without more moves.
fn accepted(mut cluster: Cluster) -> Cluster {
    for next in [answers(ONLY_THE_FIRST), credential(0, 0, VALID), secret(0, FIRST)] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 1);
    cluster
}

fn told(cluster: &Cluster) -> &[ArgoRepository] {
    &cluster.world.argocd.repositories
}

/// What Argo CD is told of the only credential.
fn content(cluster: &Cluster) -> Digest {
    let [told] = told(cluster) else { panic!("{:?}", told(cluster)) };
    told.content.clone()
}

/// The reason of a condition of the first credential, if it is true.
fn reason(cluster: &Cluster, type_: &str) -> Option<String> {
    let mut conditions = cluster.world.credentials[0].conditions.iter();
    let found = conditions.find(|one| one.type_ == type_ && one.status == "True")?;
    Some(found.reason.clone())
}

fn observe() -> Move {
    Move::Observe { which: 0 }
}

fn learn() -> Move {
    Move::Learn { which: 0 }
}

fn do_it() -> Move {
    Move::Discharge { which: 0, choice: 0 }
}

/// Moves around the credentials of one tenant, and others.
fn move_about_credentials() -> impl Strategy<Value = Move> {
    let which = any::<u8>();
    prop_oneof![
        2 => (0..2_u8, 0..2_u8, 0..CREDENTIAL_SPECS, any::<bool>()).prop_map(
            |(namespace, name, spec, kept)| Move::CreateCredential { namespace, name, spec, kept }
        ),
        2 => (which, 0..CREDENTIAL_SPECS).prop_map(|(which, spec)| Move::Edit { which, spec }),
        1 => which.prop_map(|which| Move::Delete { which }),
        1 => Just(Move::DeleteNamespace { which: 0 }),
        16 => move_of_a_repository(),
        56 => move_of_the_program(),
        8 => any_move(),
    ]
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn whatever_happens_to_credentials_the_specification_holds_in_the_end(
        moves in vec(move_about_credentials(), 0..140),
        is_legacy in any::<bool>(),
        // Few random moves get as far as a row.
        begins_accepted in prop::bool::weighted(0.8),
    ) {
        let mut cluster = Cluster::default();
        if is_legacy {
            cluster.world.settings.conditions = ConditionStyle::Legacy;
        }
        if begins_accepted {
            cluster = accepted(cluster);
        }
        moves.iter().for_each(|next| cluster.take(next));
        cluster.restore();
        prop_assert!(cluster.rest().is_some(), "no rest: {cluster:#?}");
        prop_assert_eq!(esr::all(&cluster.world), vec![]);
        prop_assert_eq!(&cluster.broken, &vec![]);
        let present = cluster.world.credentials.iter().filter(|one| !one.deleting).count();
        prop_assert_eq!(cluster.credentials(), present, "a machine outlived its credential");
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
fn an_accepted_credential_is_told_to_argo_cd_and_leaves_nothing_behind() {
    let mut cluster = after(&[]);
    assert!(reason(&cluster, READY).is_some());
    assert_eq!(cluster.world.argocd.projects[0].source_repos.len(), 1);
    cluster.take(&Move::Delete { which: 0 });
    rests(&mut cluster);
    assert_eq!((told(&cluster), &cluster.world.argocd.projects[..]), (&[][..], &[][..]));
    assert_eq!(cluster.world.database.repositories, []);
}

#[test]
fn a_rotation_is_noticed_and_the_last_accepted_one_stays_while_the_new_one_is_refused() {
    let mut cluster = after(&[]);
    let first = content(&cluster);
    cluster.take(&secret(0, SECOND));
    rests(&mut cluster);
    assert_eq!(content(&cluster), first);
    assert_eq!(reason(&cluster, STALLED).as_deref(), Some("AuthenticationRefused"));
    cluster.take(&answers(ONLY_THE_SECOND));
    rests(&mut cluster);
    assert_ne!(content(&cluster), first);
    assert!(reason(&cluster, READY).is_some());
    cluster.take(&secret(0, NO_SECRET));
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 1, "it was accepted");
    assert_eq!(reason(&cluster, STALLED).as_deref(), Some("SecretNotFound"));
}

#[test]
fn what_was_never_accepted_is_told_to_nobody() {
    let mut cluster = Cluster::default();
    for next in [answers(NOT_AT_ALL), credential(0, 0, VALID), secret(0, FIRST)] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!((told(&cluster), &cluster.world.database.credentials[..]), (&[][..], &[][..]));
    assert_eq!(reason(&cluster, STALLED).as_deref(), Some("TimedOut"));
}

#[test]
fn two_tenants_with_one_repository_have_a_secret_each_and_the_end_of_one_leaves_the_other() {
    let mut cluster = after(&[credential(1, 0, VALID), secret(1, FIRST)]);
    rests(&mut cluster);
    let [one, other] = told(&cluster) else { panic!("{:?}", told(&cluster)) };
    assert_ne!(one.project, other.project);
    let other = other.clone();
    cluster.take(&Move::DeleteNamespace { which: 0 });
    rests(&mut cluster);
    assert_eq!(told(&cluster), [other]);
}

#[test]
fn the_answer_to_a_check_of_the_secret_from_before_does_not_count() {
    // The new password is accepted as well.
    let mut cluster = after(&[answers(0)]);
    // The Secret is read, and rotated while the server is asked.
    for next in [
        Move::AskAgain { which: 0 },
        secret(0, SECOND),
        Move::ShowSecret { which: 0 },
        Move::Facts { which: 0 },
        learn(),
    ] {
        cluster.take(&next);
    }
    assert!(cluster.states()[0].contains("Checking"), "{:?}", cluster.states());
    rests(&mut cluster);
}

#[test]
fn a_process_that_dies_during_a_check_asks_again() {
    let mut cluster = Cluster::default();
    for next in [credential(0, 0, VALID), secret(0, FIRST), observe(), do_it()] {
        cluster.take(&next);
    }
    cluster.take(&Move::Crash { which: 0 });
    cluster.take(&learn());
    assert!(cluster.states()[0].contains("Checking"), "{:?}", cluster.states());
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 1);
}

#[test]
fn a_credential_that_is_deleted_while_the_agent_writes_it_leaves_nothing() {
    let mut cluster = after(&[
        answers(0),
        secret(0, SECOND),
        Move::ShowSecret { which: 0 },
        Move::Facts { which: 0 },
        do_it(),
        learn(),
        do_it(),
        Move::ClaimOperation { which: 0 },
    ]);
    assert!(cluster.states().iter().any(|one| one.contains("WritingSecret")));
    for next in [Move::Delete { which: 0 }, observe(), Move::DischargeOperation { which: 0 }] {
        cluster.take(&next);
    }
    rests(&mut cluster);
    assert_eq!(told(&cluster), []);
}

#[test]
fn what_others_do_to_argo_cds_secret_is_undone() {
    for how in 0..4 {
        let mut cluster = after(&[]);
        let before = told(&cluster).to_vec();
        cluster.take(&Move::SpoilSecret { which: 0, how });
        assert_ne!(told(&cluster), before);
        rests(&mut cluster);
        assert_eq!(told(&cluster), before);
    }
}

#[test]
fn a_deployment_and_a_credential_of_one_repository_share_it_until_the_last_one_is_removed() {
    let deployment = Move::Create { namespace: 0, name: 0, spec: 1, finalizer: true };
    let mut cluster = after(&[deployment]);
    rests(&mut cluster);
    assert_eq!(cluster.world.database.repositories.len(), 1);
    // Of the objects that exist the deployment comes first.
    cluster.take(&Move::Edit { which: 1, spec: ELSEWHERE });
    rests(&mut cluster);
    assert_eq!(cluster.world.database.repositories.len(), 2);
    assert_eq!(cluster.world.argocd.projects[0].source_repos.len(), 2);
    cluster.take(&Move::Delete { which: 1 });
    rests(&mut cluster);
    assert_eq!(cluster.world.argocd.projects[0].source_repos.len(), 1);
    cluster.take(&Move::Delete { which: 0 });
    rests(&mut cluster);
    assert_eq!(cluster.world.argocd.projects, []);
}

#[test]
fn an_object_that_another_client_keeps_leaves_nothing_either() {
    let kept = Move::CreateCredential { namespace: 0, name: 1, spec: VALID, kept: true };
    let mut cluster = after(&[kept]);
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 2);
    cluster.take(&Move::Delete { which: 1 });
    rests(&mut cluster);
    assert!(cluster.world.credentials[1].deleting);
    assert_eq!((told(&cluster).len(), cluster.credentials()), (1, 1));
}

#[test]
fn without_keys_nothing_new_is_told_and_what_is_deleted_goes() {
    let mut cluster = after(&[Move::ToggleKeys, credential(0, 1, VALID)]);
    cluster.rest();
    assert_eq!(told(&cluster).len(), 1);
    cluster.take(&Move::Delete { which: 0 });
    cluster.rest();
    assert_eq!(told(&cluster), []);
    cluster.restore();
    rests(&mut cluster);
    assert_eq!(told(&cluster).len(), 1);
}

#[test]
fn a_machine_that_learns_something_else_in_the_same_states_is_not_at_rest() {
    let mut cluster = Cluster::default();
    for next in [
        Move::CreateCredential { namespace: 1, name: 0, spec: 2, kept: false },
        Move::PutSecret { namespace: 1, name: 0, content: 1 },
        Move::AnswerAs { repository: 1, answer: 2 },
        Move::ShowSecret { which: 0 },
        Move::Observe { which: 0 },
        Move::Discharge { which: 0, choice: 0 },
        Move::Learn { which: 0 },
        // The status is written and not observed yet when the server changes its mind.
        Move::Discharge { which: 0, choice: 0 },
        Move::AnswerAs { repository: 1, answer: 3 },
    ] {
        cluster.take(&next);
    }
    cluster.restore();
    assert!(cluster.rest().is_some());
    assert_eq!(esr::all(&cluster.world), []);
}
