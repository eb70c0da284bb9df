//! The explored scenarios.

mod environments;

use std::time::Duration;

use machines::kinds::deployment::conditions::READY;

use super::{Explored, Kind, Situation, Step};
use crate::world::{Cluster, Fault, Move, told_of_the_first_cluster, told_of_the_first_repository};

/// Something that must occur at least once: a model in which nothing happens proves nothing.
#[derive(Clone)]
pub(super) struct Sight {
    pub(super) name: &'static str,
    pub(super) seen: fn(&Explored, &Situation) -> bool,
}

/// One start of a world, and what may happen from there.
#[derive(Clone)]
struct Chapter {
    /// What has happened; after each step everything came to rest.
    rested: Vec<Move>,
    /// What has just happened, unobserved.
    begun: Vec<Move>,
    /// What users may do, each once, in any order and at any time.
    acts: Vec<Move>,
    /// What may go wrong, at any time: one of these, once.
    faults: &'static [Fault],
}

/// How a world starts, what its users may do and what may go wrong.
#[derive(Clone)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    chapters: Vec<Chapter>,
    pub(super) sights: Vec<Sight>,
}

/// Everything that can go wrong, except delays: these open so many paths that they have separate
/// chapters.
const PROMPT_FAULTS: &[Fault] = &[
    Fault::Crash,
    Fault::StaleObservation,
    Fault::RepeatedObservation,
    Fault::SightOfTheGone,
    Fault::RepeatedOutcome,
    Fault::Refusal,
    Fault::EarlyCollection,
];

/// All of them.
const FAULTS: [Fault; 10] = [
    Fault::Crash,
    Fault::CrashDuringOperation,
    Fault::LateWrite,
    Fault::StaleObservation,
    Fault::RepeatedObservation,
    Fault::RepeatedOutcome,
    Fault::SightOfTheGone,
    Fault::Refusal,
    Fault::EarlyCollection,
    Fault::Delay,
];

/// What is observed late or repeatedly.
const UNTIMELY: &[Fault] = &[
    Fault::StaleObservation,
    Fault::RepeatedObservation,
    Fault::SightOfTheGone,
    Fault::RepeatedOutcome,
];

/// What can go wrong around two runs. The sight of one that is gone is left out: it syncs again
/// once another one has been synced, see `tests/composed_sync_runs.rs`.
const TWO_RUNS_FAULTS: &[Fault] = &[
    Fault::Crash,
    Fault::StaleObservation,
    Fault::RepeatedObservation,
    Fault::RepeatedOutcome,
    Fault::Refusal,
    Fault::EarlyCollection,
];

/// What can go wrong around a credential or an environment, except delays.
const CREDENTIAL_FAULTS: &[Fault] = &[
    Fault::Crash,
    Fault::StaleObservation,
    Fault::RepeatedObservation,
    Fault::SightOfTheGone,
    Fault::RepeatedOutcome,
    Fault::LateAnswer,
    Fault::Refusal,
    Fault::EarlyCollection,
];

/// The spec of a deployment that is synced on request.
const MANUAL: u8 = 5;

fn create(name: u8, spec: u8, finalizer: bool) -> Move {
    Move::Create { namespace: 0, name, spec, finalizer }
}

/// A credential for the first repository.
fn credential(namespace: u8) -> Move {
    Move::CreateCredential { namespace, name: 0, spec: 1, kept: false }
}

/// Its Secret, with one of two passwords; 0 removes it.
fn put_secret(namespace: u8, content: u8) -> Move {
    Move::PutSecret { namespace, name: 0, content }
}

fn only_the_first_is_accepted() -> Move {
    Move::AnswerAs { repository: 0, answer: 1 }
}

impl Scenario {
    /// One deployment that is created, edited and deleted while things go wrong.
    pub fn one_deployment() -> Self {
        let edit = || Move::Edit { which: 0, spec: 2 };
        let delete = || Move::Delete { which: 0 };
        let fresh = |acts, faults| {
            let begun = vec![create(0, 1, true)];
            Chapter { rested: Vec::new(), begun, acts, faults }
        };
        let settled = |acts, faults| {
            let rested = vec![create(0, 1, true)];
            Chapter { rested, begun: Vec::new(), acts, faults }
        };
        Self {
            name: "one deployment",
            chapters: vec![
                fresh(vec![edit(), delete()], &[]),
                fresh(vec![], &[Fault::Delay]),
                fresh(vec![delete()], PROMPT_FAULTS),
                settled(vec![edit()], PROMPT_FAULTS),
                settled(vec![delete()], PROMPT_FAULTS),
                settled(vec![edit()], &[Fault::Delay]),
                settled(vec![delete()], &[Fault::Delay]),
            ],
            sights: FAULTS
                .map(fault_sight)
                .into_iter()
                .chain([
                    sight("a deployment that is ready", |_, one| is_ready(one)),
                    sight("nothing left", |_, one| is_empty(one)),
                ])
                .collect(),
        }
    }

    /// A deployment and another of the same name, which is created once the first is gone from the
    /// API. Without a finalizer the first goes at once, possibly unobserved.
    pub fn a_deployment_and_its_recreation() -> Self {
        let delete = || Move::Delete { which: 0 };
        let fresh = |finalizer| Chapter {
            rested: Vec::new(),
            begun: vec![create(0, 1, finalizer)],
            acts: vec![delete(), create(0, 2, true)],
            faults: &[],
        };
        let settled = |finalizer| Chapter {
            rested: vec![create(0, 1, finalizer)],
            begun: Vec::new(),
            acts: vec![delete(), create(0, 2, true)],
            faults: &[],
        };
        // The first is gone, unobserved, and the second exists.
        let overlapping = Chapter {
            rested: vec![create(0, 1, false)],
            begun: vec![delete(), create(0, 2, true)],
            acts: Vec::new(),
            faults: &[Fault::Crash],
        };
        // The first is removed and forgotten before the second is created.
        let following = Chapter {
            rested: vec![create(0, 1, true), delete()],
            begun: vec![create(0, 2, true)],
            acts: Vec::new(),
            faults: UNTIMELY,
        };
        Self {
            name: "a deployment and its re-creation",
            chapters: vec![
                fresh(true),
                fresh(false),
                settled(true),
                settled(false),
                overlapping,
                following,
            ],
            sights: vec![
                sight("a successor that waits for its predecessor's removal", |_, one| {
                    let states = one.cluster.states();
                    let any = |state| states.iter().any(|one| one.contains(state));
                    any("AwaitingPredecessor") && any("Removing")
                }),
                sight("a predecessor that is gone, unobserved", |_, one| {
                    let world = &one.cluster.world;
                    let kept =
                        |row: &&str| world.deployments.iter().all(|one| one.uid.as_str() != *row);
                    let rows = world.database.applications.iter();
                    let mut rows = rows.map(|row| row.deployment.as_str());
                    world.deployments.len() == 1 && rows.any(|row| kept(&row))
                }),
                fault_sight(Fault::SightOfTheGone),
                fault_sight(Fault::CrashDuringOperation),
                sight("a successor that is ready", |_, one| {
                    is_ready(one) && one.cluster.world.deployments[0].uid.as_str() == "uid-0002"
                }),
            ],
        }
    }

    /// Two deployments whose specs write one repository in two ways.
    pub fn two_deployments_sharing_a_repository_url() -> Self {
        let first = || create(0, 1, true);
        let second = || create(1, 4, true);
        let delete = |which| Move::Delete { which };
        Self {
            name: "two deployments sharing a repository URL",
            chapters: vec![
                Chapter {
                    rested: Vec::new(),
                    begun: vec![first(), second()],
                    acts: vec![],
                    faults: &[],
                },
                Chapter {
                    rested: vec![first()],
                    begun: vec![second()],
                    acts: vec![delete(0)],
                    faults: &[],
                },
                Chapter {
                    rested: vec![first()],
                    begun: vec![second()],
                    acts: vec![Move::Edit { which: 0, spec: 3 }],
                    faults: &[],
                },
                Chapter {
                    rested: vec![first(), second()],
                    begun: Vec::new(),
                    acts: vec![delete(0), delete(1)],
                    faults: &[],
                },
                Chapter {
                    rested: vec![first(), second()],
                    begun: Vec::new(),
                    acts: vec![delete(0)],
                    faults: PROMPT_FAULTS,
                },
            ],
            sights: vec![
                sight("two in one project that permits both ways to write the URL", |_, one| {
                    let argocd = &one.cluster.world.argocd;
                    argocd.applications.len() == 2
                        && argocd.projects.len() == 1
                        && argocd.projects[0].source_repos.len() == 2
                }),
                fault_sight(Fault::CrashDuringOperation),
                fault_sight(Fault::LateWrite),
                fault_sight(Fault::Refusal),
                sight("one that keeps its repository when the other is gone", |_, one| {
                    let world = &one.cluster.world;
                    is_ready(one)
                        && world.deployments.len() == 1
                        && world.argocd.applications.len() == 1
                        && world.database.repositories.len() == 1
                        && world.argocd.projects[0].source_repos.len() == 1
                }),
                sight("nothing left", |_, one| is_empty(one)),
            ],
        }
    }

    /// A manual deployment at rest and two sync runs of it, with an Argo CD whose syncs succeed or
    /// fail.
    pub fn a_manual_deployment_and_two_sync_runs() -> Self {
        let run = |name| Move::CreateRun { namespace: 0, name, spec: 0, kept: false };
        // Of the objects that exist the deployment is the first, and then come the runs.
        let delete = |which| Move::Delete { which };
        let chapter = |earlier: Vec<Move>, begun, acts, faults| {
            let rested = [create(0, MANUAL, true)].into_iter().chain(earlier).collect();
            Chapter { rested, begun, acts, faults }
        };
        // The agent has begun to work on the first run.
        let under_way = vec![
            run(0),
            Move::Observe { which: 1 },
            Move::Discharge { which: 1, choice: 0 },
            Move::ClaimOperation { which: 0 },
        ];
        let with_another = under_way.iter().cloned().chain([run(1)]).collect();
        Self {
            name: "a manual deployment and two sync runs",
            chapters: vec![
                chapter(vec![], vec![run(0), run(1)], vec![], &[]),
                chapter(vec![], with_another, vec![delete(1)], &[]),
                chapter(vec![], under_way, vec![delete(0)], &[]),
                chapter(vec![], vec![run(0)], vec![delete(1)], PROMPT_FAULTS),
                chapter(vec![], vec![run(0)], vec![], &[Fault::Delay]),
                chapter(vec![run(0)], vec![run(1)], vec![], TWO_RUNS_FAULTS),
                chapter(vec![run(0)], vec![], vec![Move::Edit { which: 1, spec: 2 }], UNTIMELY),
            ],
            sights: vec![
                sight("a run that waits for its turn", |_, one| has_state(one, "AwaitingTurn")),
                sight("a sync that is to end", |_, one| has_state(one, "EndingSync")),
                sight("two runs that have succeeded", |_, one| {
                    count_states(one, "Finished/Succeeded") == 2
                }),
                sight("one that has succeeded after one that has failed", |_, one| {
                    count_states(one, "Finished/Succeeded") == 1
                        && count_states(one, "Finished/Failed") == 1
                }),
                sight("a sync that was never begun, and its run gone", |_, one| {
                    let world = &one.cluster.world;
                    world.sync_runs.is_empty()
                        && world.database.syncs.is_empty()
                        && world.argocd.begun.is_empty()
                        && !world.deployments.is_empty()
                }),
                fault_sight(Fault::CrashDuringOperation),
                fault_sight(Fault::LateWrite),
                fault_sight(Fault::Refusal),
                fault_sight(Fault::EarlyCollection),
                fault_sight(Fault::SightOfTheGone),
                fault_sight(Fault::Delay),
            ],
        }
    }

    /// A credential whose Secret is rotated, refused and removed, whose server changes its mind, and
    /// whose Secret in Argo CD's namespace others change.
    pub fn a_repository_credential() -> Self {
        let chapter = |rested: &[Move], begun: &[Move], acts: &[Move], faults| Chapter {
            rested: rested.to_vec(),
            begun: begun.to_vec(),
            acts: acts.to_vec(),
            faults,
        };
        let begin = [only_the_first_is_accepted(), credential(0), put_secret(0, 1)];
        let (rotate, delete) = (put_secret(0, 2), Move::Delete { which: 0 });
        let accept_the_second = Move::AnswerAs { repository: 0, answer: 2 };
        let edit = Move::Edit { which: 0, spec: 2 };
        let spoil = |how| Move::SpoilSecret { which: 0, how };
        Self {
            name: "a repository credential",
            chapters: vec![
                chapter(&[], &begin, &[rotate.clone(), delete.clone()], &[]),
                chapter(&[], &begin, &[], &[Fault::Delay]),
                chapter(&[], &begin, &[], CREDENTIAL_FAULTS),
                chapter(&begin, &[], &[rotate.clone(), accept_the_second.clone()], &[]),
                chapter(&begin, &[], &[rotate, edit.clone()], &[]),
                chapter(&begin, &[accept_the_second], &[put_secret(0, 2)], CREDENTIAL_FAULTS),
                chapter(&begin, &[], &[edit], &[Fault::Delay]),
                chapter(&begin, &[], std::slice::from_ref(&delete), CREDENTIAL_FAULTS),
                chapter(&begin, &[], std::slice::from_ref(&delete), &[Fault::Delay]),
                chapter(&begin, &[], &[put_secret(0, 0), put_secret(0, 1)], &[]),
                chapter(&begin, &[], &[spoil(0), delete], &[]),
                chapter(&begin, &[], &[spoil(1)], CREDENTIAL_FAULTS),
            ],
            sights: vec![
                sight("one that was rotated is told to Argo CD", |_, one| {
                    is_rested(one) && says_of_argocd(one, 2)
                }),
                sight("the last accepted one stays while another is refused", |_, one| {
                    has_state(one, "Judged/Refused Idle") && says_of_argocd(one, 1)
                }),
                sight("an answer about the Secret from before", |_, one| {
                    one.cluster.has_old_answer()
                }),
                sight("a Secret that is removed while it should be written", |_, one| {
                    has_state(one, "Removing Dispatching") && has_state(one, "WritingSecret")
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

    /// A deployment and a credential that use one repository, and credentials of two tenants that do.
    pub fn a_shared_private_repository() -> Self {
        let begin = |namespace| [credential(namespace), put_secret(namespace, 1)];
        let delete = |which| Move::Delete { which };
        let deployment = || create(0, 1, true);
        let both = |first: Vec<Move>, second: &[Move]| -> Vec<Move> {
            first.into_iter().chain(second.iter().cloned()).collect()
        };
        let chapter = |rested, begun, acts| Chapter { rested, begun, acts, faults: &[] };
        Self {
            name: "a shared private repository",
            chapters: vec![
                chapter(vec![deployment()], begin(0).to_vec(), vec![delete(0)]),
                chapter(both(vec![deployment()], &begin(0)), vec![], vec![delete(0), delete(1)]),
                chapter(begin(0).to_vec(), begin(1).to_vec(), vec![]),
                chapter(
                    both(begin(0).to_vec(), &begin(1)),
                    vec![],
                    vec![Move::DeleteNamespace { which: 0 }],
                ),
            ],
            sights: vec![
                sight("a deployment and a credential in one project", |_, one| {
                    let world = &one.cluster.world;
                    !world.argocd.applications.is_empty()
                        && !world.argocd.repositories.is_empty()
                        && world.argocd.projects.len() == 1
                }),
                sight(
                    "a credential that keeps its repository when the deployment is gone",
                    |_, one| {
                        let world = &one.cluster.world;
                        is_rested(one)
                            && world.argocd.applications.is_empty()
                            && world.argocd.projects[0].source_repos.len() == 1
                    },
                ),
                sight("a Secret for each of two tenants", |_, one| {
                    one.cluster.world.argocd.repositories.len() == 2
                }),
                sight("one tenant is gone and the other is left", |_, one| {
                    let world = &one.cluster.world;
                    world.namespaces.len() == 1
                        && world.database.users.len() == 1
                        && world.argocd.repositories.len() == 1
                }),
                sight("nothing left", |_, one| is_empty(one)),
            ],
        }
    }

    pub(super) fn beginnings(&self) -> Vec<Situation> {
        let begin = |chapter: &Chapter| {
            let mut cluster = Cluster::default();
            cluster.step = Duration::ZERO;
            for next in &chapter.rested {
                cluster.take(next);
                cluster.rest();
            }
            chapter.begun.iter().for_each(|next| cluster.take(next));
            Situation::new(cluster, chapter.acts.clone(), chapter.faults)
        };
        self.chapters.iter().map(begin).collect()
    }

    /// Everything that can happen next and changes something.
    pub(super) fn steps(&self, situation: &Situation) -> Vec<Step> {
        let mut steps = helpful_steps(situation);
        for (index, act) in situation.acts.iter().enumerate() {
            let mut acts = situation.acts.clone();
            acts.remove(index);
            steps.extend(step(situation, Kind::Act, act, acts, situation.faults));
        }
        steps.extend(faulty_steps(situation));
        steps
    }
}

/// The fault did happen.
fn fault_sight(fault: Fault) -> Sight {
    match fault {
        Fault::Crash => {
            sight("a crash with an open obligation", |_, one| one.happened == Some(Fault::Crash))
        }
        Fault::CrashDuringOperation => {
            sight("a crash while an operation is in progress", |_, one| {
                one.happened == Some(Fault::CrashDuringOperation)
            })
        }
        Fault::LateWrite => sight("a write that arrives after a crash", |_, one| {
            one.happened == Some(Fault::LateWrite)
        }),
        Fault::StaleObservation => sight("a stale observation after a newer one", |_, one| {
            one.happened == Some(Fault::StaleObservation)
        }),
        Fault::RepeatedObservation => sight("a repeated observation", |_, one| {
            one.happened == Some(Fault::RepeatedObservation)
        }),
        Fault::RepeatedOutcome => {
            sight("a repeated outcome", |_, one| one.happened == Some(Fault::RepeatedOutcome))
        }
        Fault::LateAnswer => sight("an answer that is learned late or again", |_, one| {
            one.happened == Some(Fault::LateAnswer)
        }),
        Fault::SightOfTheGone => sight("an observation of a deleted object", |_, one| {
            one.happened == Some(Fault::SightOfTheGone)
        }),
        Fault::Refusal => sight("a refused write", |_, one| one.happened == Some(Fault::Refusal)),
        Fault::EarlyCollection => sight("an outcome that is collected unread", |_, one| {
            one.happened == Some(Fault::EarlyCollection)
        }),
        Fault::Delay => sight("a deadline that passes while there is work", |_, one| {
            one.happened == Some(Fault::Delay)
        }),
    }
}

fn sight(name: &'static str, seen: fn(&Explored, &Situation) -> bool) -> Sight {
    Sight { name, seen }
}

fn count_states(situation: &Situation, state: &str) -> usize {
    situation.cluster.states().iter().filter(|one| one.contains(state)).count()
}

fn has_state(situation: &Situation, state: &str) -> bool {
    count_states(situation, state) > 0
}

fn is_ready(situation: &Situation) -> bool {
    let world = &situation.cluster.world;
    world.deployments.iter().any(|object| {
        let conditions = &object.status.conditions;
        conditions.iter().any(|one| one.type_ == READY && one.status == "True")
    })
}

/// Whether some credential is accepted and delivered, and its status says so.
fn is_rested(situation: &Situation) -> bool {
    has_state(situation, "Judged/Accepted Idle Following/Clean")
}

/// Whether Argo CD is told of the first repository with this password, and of nothing else.
fn says_of_argocd(situation: &Situation, password: u8) -> bool {
    let told = situation.cluster.world.argocd.repositories.iter();
    told.map(|one| &one.content).eq([&told_of_the_first_repository(password)])
}

fn is_empty(situation: &Situation) -> bool {
    let world = &situation.cluster.world;
    world.deployments.is_empty()
        && world.credentials.is_empty()
        && world.database.credentials.is_empty()
        && world.argocd.repositories.is_empty()
        && world.environments.is_empty()
        && world.database.environments.is_empty()
        && world.argocd.clusters.is_empty()
        && world.database.applications.is_empty()
        && world.argocd.applications.is_empty()
        && world.argocd.projects.is_empty()
}

/// A move and its result, if it changes or writes anything: writing the same again leads nowhere,
/// but is not rest.
fn step(
    situation: &Situation,
    kind: Kind,
    next: &Move,
    acts: Vec<Move>,
    faults: &'static [Fault],
) -> Option<Step> {
    let cluster = situation.cluster.after(next)?;
    let wrote = cluster.world.writes != situation.cluster.world.writes;
    let after = Situation::new(cluster, acts, faults);
    let changed = after.cluster_key != situation.cluster_key;
    (changed || wrote).then(|| Step { kind, next_move: next.clone(), next: after, wrote })
}

fn helpful_steps(situation: &Situation) -> Vec<Step> {
    let helpful = |moves: Vec<Move>| -> Vec<Step> {
        let step =
            |next| step(situation, Kind::Help, next, situation.acts.clone(), situation.faults);
        moves.iter().filter_map(step).collect()
    };
    let steps = helpful(situation.cluster.helpful_moves());
    // Time does not pass while there is something to do.
    if steps.is_empty() { helpful(situation.cluster.waking_moves()) } else { steps }
}

fn faulty_steps(situation: &Situation) -> Vec<Step> {
    let cluster = &situation.cluster;
    let mut steps = Vec::new();
    for next in cluster.faulty_moves() {
        let named = cluster.faults(&next);
        // What a crash left in flight arrives at no further cost.
        let late = next == Move::Arrive;
        if !late && !named.iter().any(|fault| situation.faults.contains(fault)) {
            continue;
        }
        let faults = if late { situation.faults } else { &[] };
        steps.extend(named.into_iter().map(|fault| Step {
            kind: Kind::Fault,
            next_move: next.clone(),
            next: situation.sign(fault),
            wrote: false,
        }));
        steps.extend(step(situation, Kind::Fault, &next, situation.acts.clone(), faults));
    }
    steps
}
