//! The fault of each alert.

use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use simulator::environment::git_servers::Behaviour;
use simulator::environment::storage::at_once;
use simulator::faults::adversary::{Adversary, Asked, Delivery, Fate, Notice, Refusal, Request};
use simulator::faults::operators::{Keys, Options};
use simulator::runs::script::Step::{self, *};

use crate::recorder::Play;
use crate::{Scenario, WELL};

/// The repository of the credential.
pub(crate) const PRIVATE: &str = "https://git.example.com/team/private.git";
/// The cluster of the environment.
pub(crate) const CLUSTER: &str = "https://api.example.com:6443";

const MINUTE: Duration = Duration::from_secs(60);
/// Less than the program waits for an answer.
const SLOW: Duration = Duration::from_secs(19);
const FOREVER: Duration = Duration::from_secs(1_000 * 3_600);
/// The deployments that are created at once.
const BURST: usize = 200;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Store calls with this name fail; all if it is empty.
    Store(&'static str),
    /// Every second batch fails.
    EverySecondBatch,
    /// Requests with these verbs for this resource fail.
    Requests(&'static [&'static str], &'static str),
    /// Writes take this long.
    Slow(Duration),
    /// The watch of this resource stays open, and says nothing.
    Silent(&'static str),
}

/// An adversary whose faults are switched on and off.
#[derive(Default)]
pub(crate) struct Switch {
    trouble: Mutex<Trouble>,
    batches: Mutex<u64>,
}

const DONE: Fate = Fate::Done { before: Duration::ZERO, after: Duration::ZERO };

impl Switch {
    pub(crate) fn set(&self, trouble: Trouble) {
        *self.trouble.lock() = trouble;
    }

    fn trouble(&self) -> Trouble {
        *self.trouble.lock()
    }
}

impl Adversary for Switch {
    fn request(&self, request: &Request) -> Fate {
        match self.trouble() {
            Trouble::Requests(verbs, resource)
                if verbs.contains(&request.verb) && request.resource == resource =>
            {
                Fate::Refused(Refusal::Internal)
            }
            Trouble::Slow(before) if request.writes() => {
                Fate::Done { before, after: Duration::ZERO }
            }
            _ => DONE,
        }
    }

    fn event(&self, notice: &Notice) -> Delivery {
        match self.trouble() {
            Trouble::Silent(resource) if notice.resource == resource => Delivery::After(FOREVER),
            _ => Delivery::After(Duration::ZERO),
        }
    }

    fn store(&self, _: &str, call: &'static str) -> Fate {
        let is_refused = match self.trouble() {
            Trouble::Store(name) => name.is_empty() || name == call,
            Trouble::EverySecondBatch if call == "backend_batch" => {
                let mut batches = self.batches.lock();
                *batches += 1;
                *batches % 2 == 1
            }
            _ => false,
        };
        if is_refused { Fate::Refused(Refusal::Cut) } else { DONE }
    }

    fn question(&self, _: &str, _: &str) -> Asked {
        Asked::Answered
    }
}

/// A change that gives the program something to do.
fn change(round: usize) -> Step {
    Edit("team/app", json!({"spec": {"source": {"path": format!("changed-{round}")}}}))
}

/// Switches something on, changes a deployment, and lets time pass.
async fn suffer(play: &mut Play, trouble: Trouble, lasting: Duration) {
    play.switch.set(trouble);
    play.take(&change(0)).await;
    play.pass(lasting).await;
}

pub(crate) const SCENARIOS: [Scenario; 17] = [
    Scenario {
        alert: "ManagedGitOpsDown",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.kill();
                play.pass(10 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsNoLeader",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.kill();
                play.elect();
                play.switch.set(Trouble::Requests(&["create", "update"], "leases"));
                play.launch(&play.switch.clone()).await;
                play.pass(10 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsLeaseChangesHands",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                let observer = std::sync::Arc::<Switch>::default();
                observer.set(Trouble::Requests(&["create", "update"], "leases"));
                play.launch(&observer).await;
                for _ in 0..8 {
                    play.running.remove(0).kill();
                    let switch = play.switch.clone();
                    play.launch(&switch).await;
                    let last = play.running.pop().unwrap();
                    play.running.insert(0, last);
                    play.pass(2 * MINUTE).await;
                }
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsNotCommitting",
        before: WELL,
        inject: |play| Box::pin(suffer(play, Trouble::Store(""), 10 * MINUTE)),
    },
    Scenario {
        alert: "ManagedGitOpsCommitsFail",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.switch.set(Trouble::EverySecondBatch);
                for round in 0..100 {
                    play.take(&change(round)).await;
                    play.pass(MINUTE / 6).await;
                }
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsMachinesSetAside",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                refuse_one_machine(play);
                play.take(&change(0)).await;
                play.pass(20 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsWatchSilent",
        before: WELL,
        inject: |play| Box::pin(suffer(play, Trouble::Silent("applications"), 15 * MINUTE)),
    },
    Scenario {
        alert: "ManagedGitOpsWatchIncomplete",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.kill();
                play.switch.set(Trouble::Requests(&["list"], "gitopsdeploymentsyncruns"));
                play.launch(&play.switch.clone()).await;
                play.pass(10 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsOperationsOld",
        before: WELL,
        inject: |play| Box::pin(suffer(play, Trouble::Store("agent_batch"), 20 * MINUTE)),
    },
    Scenario {
        alert: "ManagedGitOpsDeploymentsStuck",
        before: WELL,
        inject: |play| {
            let trouble = Trouble::Requests(&["create", "update", "patch"], "applications");
            Box::pin(suffer(play, trouble, 30 * MINUTE))
        },
    },
    Scenario {
        alert: "ManagedGitOpsDeletionsStuck",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                let steps = [
                    Outcome("kept", "deletion-never-finishes"),
                    CreateFinalized("team/kept", "kept"),
                    Settle,
                    Delete("team/kept"),
                ];
                for step in &steps {
                    play.take(step).await;
                }
                play.pass(75 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsDeploymentsFailing",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.take(&Outcome("broken", "degraded")).await;
                for name in ["team/a", "team/b", "team/c", "team/d", "team/e"] {
                    play.take(&Create(name, "broken")).await;
                }
                play.pass(20 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsQueueGrows",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.switch.set(Trouble::Slow(SLOW));
                for number in 0..BURST {
                    let place: &'static str = format!("team/burst-{number}").leak();
                    play.take(&Create(place, "burst")).await;
                }
                play.pass(12 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsWritesFail",
        before: WELL,
        inject: |play| {
            let trouble = Trouble::Requests(&["patch"], "gitopsdeployments/status");
            Box::pin(suffer(play, trouble, 30 * MINUTE))
        },
    },
    Scenario {
        alert: "ManagedGitOpsRescanOverdue",
        before: WELL,
        inject: |play| Box::pin(suffer(play, Trouble::Store("wanted_applications"), 60 * MINUTE)),
    },
    Scenario {
        alert: "ManagedGitOpsServersUnreachable",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.take(&Server(PRIVATE, Behaviour::Unreachable)).await;
                play.pass(60 * MINUTE).await;
            })
        },
    },
    Scenario {
        alert: "ManagedGitOpsSealingKeysMissing",
        before: WELL,
        inject: |play| {
            Box::pin(async move {
                play.run_with(Options { keys: Keys::Lost, ..Options::default() }).await;
                play.take(&CreateCredential("team/another", PRIVATE, "git")).await;
                play.pass(10 * MINUTE).await;
            })
        },
    },
];

/// From now on the database refuses to write the machine of `team/app`.
fn refuse_one_machine(play: &Play) {
    use sea_orm::ConnectionTrait;
    let trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON machine \
                   WHEN OLD.kind = 'Deployment' AND OLD.name = 'app' \
                   BEGIN SELECT RAISE(ABORT, 'injected'); END";
    at_once(play.stage.database.connection().execute_unprepared(trigger)).unwrap();
}
