//! A managed environment with an account on its cluster, and a deployment that uses it.

use super::*;

/// An environment with an account, and one on the same cluster without.
const WITH_ACCOUNT: u8 = 3;
const PLAIN: u8 = 1;
/// The spec of a deployment that names it.
const ON_STAGING: u8 = 7;
/// How a cluster answers that does not.
const SILENT: u8 = 4;

fn environment() -> Move {
    Move::CreateEnvironment { namespace: 0, name: 0, spec: WITH_ACCOUNT, kept: false }
}

/// Its Secret, with one of two tokens.
fn secret(content: u8) -> Move {
    Move::PutSecret { namespace: 0, name: 2, content }
}

impl Scenario {
    /// An environment whose account is made, made again and revoked, while its Secret is rotated and
    /// its cluster forgets, and a deployment that loses it.
    pub fn a_managed_environment() -> Self {
        let chapter = |rested: &[Move], begun: &[Move], acts: &[Move], faults| Chapter {
            rested: rested.to_vec(),
            begun: begun.to_vec(),
            acts: acts.to_vec(),
            faults,
        };
        let begin = [environment(), secret(1)];
        let used = [environment(), secret(1), create(0, ON_STAGING, true)];
        let delete = |which| Move::Delete { which };
        let edit = Move::Edit { which: 0, spec: PLAIN };
        let forget = Move::ForgetAccounts { cluster: 0, is_all: true };
        let silent = Move::ClusterAnswersAs { cluster: 0, answer: SILENT };
        let spoil = Move::SpoilCluster { which: 0, how: 0 };
        Self {
            name: "a managed environment",
            chapters: vec![
                chapter(&[], &begin, &[delete(0)], &[]),
                chapter(&[], &begin, &[], CREDENTIAL_FAULTS),
                chapter(&begin, &[], &[secret(2)], CREDENTIAL_FAULTS),
                chapter(&begin, std::slice::from_ref(&forget), &[], CREDENTIAL_FAULTS),
                chapter(&begin, &[], &[forget, delete(0)], &[]),
                chapter(&begin, &[], &[edit], CREDENTIAL_FAULTS),
                chapter(&begin, &[], &[delete(0)], CREDENTIAL_FAULTS),
                chapter(&begin, &[delete(0)], &[], &[Fault::Delay]),
                chapter(&begin, &[silent], &[delete(0)], &[]),
                chapter(&begin, &[], &[spoil], &[]),
                // Of the objects that exist the deployment comes first.
                chapter(&used, &[], &[delete(1)], &[]),
                chapter(&used, &[delete(0)], &[delete(1)], &[]),
            ],
            sights: vec![
                sight("an account that is used", |_, one| {
                    let remote = &one.cluster.world.remote;
                    !remote.is_empty() && remote.iter().all(|part| part.is_used)
                }),
                sight("a token that is no longer used, and its successor", |_, one| {
                    let remote = &one.cluster.world.remote;
                    remote.len() == 4 && remote.iter().any(|part| !part.is_used)
                }),
                sight("an account that is revoked while its object exists", |_, one| {
                    has_state(one, "Judged/Accepted Idle Idle")
                        && one.cluster.world.remote.is_empty()
                        && says_of_the_cluster(one)
                }),
                sight("an account that remains, and was listed", |_, one| {
                    let world = &one.cluster.world;
                    one.cluster.environments() == 0
                        && !world.remote.is_empty()
                        && world.remote.iter().all(|part| part.is_listed)
                }),
                sight("a deployment whose environment has left", |_, one| {
                    let world = &one.cluster.world;
                    let mut applications = world.argocd.applications.iter();
                    one.cluster.environments() == 0
                        && applications.any(|one| one.spec.destination.name.is_empty())
                }),
                sight("an environment that waits for the end of a deployment", |_, one| {
                    has_state(one, "Leaving/Draining") && has_state(one, "Removing")
                }),
                sight("nothing left", |_, one| is_empty(one)),
                fault_sight(Fault::CrashDuringOperation),
                fault_sight(Fault::LateWrite),
                fault_sight(Fault::LateAnswer),
                fault_sight(Fault::Refusal),
                fault_sight(Fault::EarlyCollection),
                fault_sight(Fault::SightOfTheGone),
                fault_sight(Fault::Delay),
            ],
        }
    }
}

/// Whether Argo CD is told of the first cluster with the user's own token, and of nothing else.
fn says_of_the_cluster(situation: &Situation) -> bool {
    let told = situation.cluster.world.argocd.clusters.iter();
    told.map(|one| &one.content).eq([&told_of_the_first_cluster(1)])
}
