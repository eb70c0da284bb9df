//! One sync run and an adversarial environment.
//!
//! As for a deployment: the object is kept as the API would keep it, so every state that the
//! machine gets to is reachable; and [`SyncWalk::settle`] is the same environment, but helpful.

use std::fmt;
use std::time::Duration;

use machines::Handling;
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Generation, InstanceId, OperationId, Revision,
    Timestamp,
};
use machines::kinds::sync_run::facts::{
    DeploymentFact, OtherRun, SettledApplication, SyncRunFacts, SyncTarget,
};
use machines::kinds::sync_run::{
    PersistedSyncRun, SyncRun, SyncRunEvent, SyncRunObligation, SyncRunSnapshot, SyncRunSpec,
};
use machines::machine::Machine;
use machines::rows::{OperationState, RowChange};
use machines::shared::condition::{Condition, ConditionStyle};
use machines::shared::mirror::Mirror;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::arbitrary;

/// The most steps that a helpful environment needs: the turn, the claim and the outcome, the
/// status, and the final look.
pub const SETTLE_LIMIT: usize = 16;

/// When the object was created.
pub const CREATED: Timestamp = Timestamp::from_millis(1_000);

/// What the environment does next.
#[derive(Clone, Debug)]
pub enum Input {
    /// The user writes another spec; the machine sees it, or misses it for now.
    Edit(SyncRunSpec, bool),
    /// The user deletes the object, which another client's finalizer may keep for a while.
    Delete {
        /// Whether it is kept.
        kept: bool,
        /// Whether the machine sees it.
        seen: bool,
    },
    /// The machine sees the current object, or that it is gone.
    Rescan,
    /// The machine sees the object as it was this many versions ago.
    Stale(u8),
    /// The machine learns that there is no object, as of a time before it was last seen.
    StaleAbsent,
    /// The agent reports this about the open operation.
    Operation(Option<OperationState>, String),
    /// The agent reports this about another operation.
    Other(Option<OperationState>),
    /// The deployment and the queue change; the machine is notified, or not.
    Facts(DeploymentFact, Vec<OtherRun>, bool),
    /// Time passes.
    Wait(u64),
    /// The machine is woken, on time or early.
    Wake,
    /// The object's status is written as the machine requires, and echoed.
    WriteStatus,
    /// Another client writes the object's status.
    SpoilStatus,
}

/// Any input.
pub fn input() -> impl Strategy<Value = Input> {
    let outcome = prop_oneof![
        1 => Just(OperationState::Waiting),
        2 => Just(OperationState::InProgress),
        2 => Just(OperationState::Completed),
        1 => Just(OperationState::Failed("a hook failed".to_owned())),
        1 => Just(OperationState::Failed(String::new())),
    ];
    let outcome = prop_oneof![6 => outcome.prop_map(Some), 1 => Just(None)];
    let said = prop_oneof![Just(""), Just("abc"), Just("waiting for a hook")];
    let facts = (arbitrary::deployment_fact(), arbitrary::other_runs(), any::<bool>());
    prop_oneof![
        3 => (arbitrary::run_spec(), any::<bool>()).prop_map(|(spec, seen)| Input::Edit(spec, seen)),
        1 => any::<[bool; 2]>().prop_map(|[kept, seen]| Input::Delete { kept, seen }),
        3 => Just(Input::Rescan),
        2 => any::<u8>().prop_map(Input::Stale),
        1 => Just(Input::StaleAbsent),
        6 => (outcome.clone(), said.prop_map(str::to_owned))
            .prop_map(|(state, said)| Input::Operation(state, said)),
        1 => outcome.prop_map(Input::Other),
        6 => facts
            .prop_map(|(deployment, others, told)| Input::Facts(deployment, others, told)),
        2 => (0..200_000_u64).prop_map(Input::Wait),
        2 => Just(Input::Wake),
        3 => Just(Input::WriteStatus),
        1 => Just(Input::SpoilStatus),
    ]
}

/// Any walk of at most so many inputs.
pub fn walk(inputs: usize) -> impl Strategy<Value = SyncWalk> {
    let style = prop_oneof![
        2 => Just(ConditionStyle::Conventional),
        1 => Just(ConditionStyle::Legacy),
    ];
    let facts = (arbitrary::deployment_fact(), arbitrary::other_runs());
    let start = (style, arbitrary::run_spec(), facts, option::of(Just(())));
    (start, vec(input(), 0..inputs)).prop_map(|((style, spec, facts, seen), inputs)| {
        let mut walk = SyncWalk::new(spec, style);
        (walk.deployment, walk.others) = facts;
        if seen.is_some() {
            walk.look();
        }
        inputs.iter().for_each(|input| walk.take(input));
        walk
    })
}

/// One recorded step.
#[derive(Clone, Debug)]
pub struct SyncMoment {
    /// The machine before.
    pub before: SyncRun,
    /// The event.
    pub event: SyncRunEvent,
    /// The facts at that time.
    pub facts: SyncRunFacts,
    /// The machine afterwards.
    pub after: SyncRun,
    /// The row changes that it requested.
    pub rows: Vec<RowChange>,
    /// How the event was handled.
    pub handling: Handling,
}

/// A sync run, its object and its surroundings.
#[derive(Clone)]
pub struct SyncWalk {
    /// The machine, resumed from what was persisted after each step.
    machine: SyncRun,
    /// The object; `None` once it is gone.
    pub object: Option<SyncRunSnapshot>,
    history: Vec<SyncRunSnapshot>,
    revision: Revision,
    now: Timestamp,
    /// What the machine is told of its deployment.
    pub deployment: DeploymentFact,
    /// What it is told of other runs.
    pub others: Vec<OtherRun>,
    /// Which conditions are written.
    pub style: ConditionStyle,
    /// Every step so far.
    pub moments: Vec<SyncMoment>,
}

impl fmt::Debug for SyncWalk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for SyncMoment { event, facts, after, rows, .. } in &self.moments {
            let (path, mirror) = (after.path(), after.mirror.path());
            writeln!(formatter, "{event:?} {facts:?}\n    -> {path} {mirror} {rows:?}")?;
        }
        write!(formatter, "the object is {:?}", self.object)
    }
}

/// A manual deployment that is settled.
pub fn may_be_synced() -> DeploymentFact {
    let application = SettledApplication {
        id: ApplicationId::new("application-1"),
        user: ClusterUserId::new("user-1"),
        instance: InstanceId::new("instance-1"),
    };
    DeploymentFact::Present(Box::new(SyncTarget {
        uid: DeploymentUid::new("uid-1"),
        generation: Generation(1),
        is_manual: true,
        settled: Some(application),
    }))
}

impl SyncWalk {
    /// An object that exists, and a machine that does not know it yet.
    pub fn new(spec: SyncRunSpec, style: ConditionStyle) -> Self {
        let object = SyncRunSnapshot {
            revision: Revision(100),
            generation: Generation(1),
            created: CREATED,
            spec,
            ..SyncRunSnapshot::default()
        };
        Self {
            machine: arbitrary::new_run(),
            history: vec![object.clone()],
            object: Some(object),
            revision: Revision(100),
            now: Timestamp::from_millis(1_000_000),
            deployment: may_be_synced(),
            others: Vec::new(),
            style,
            moments: Vec::new(),
        }
    }

    /// The current machine.
    pub fn machine(&self) -> &SyncRun {
        &self.machine
    }

    /// The facts at this moment.
    pub fn facts(&self) -> SyncRunFacts {
        SyncRunFacts {
            now: self.now,
            deployment: self.deployment.clone(),
            others: self.others.clone(),
            existing: None,
            has_begun: false,
            conditions: self.style,
        }
    }

    /// Lets the environment act once.
    pub fn take(&mut self, input: &Input) {
        match input {
            Input::Edit(spec, seen) => {
                self.edit(spec.clone());
                self.look_if(*seen);
            }
            Input::Delete { kept, seen } => {
                self.delete(*kept);
                self.look_if(*seen);
            }
            Input::Rescan => self.look(),
            Input::Stale(back) => {
                let index = self.history.len().saturating_sub(1 + usize::from(*back));
                let old = self.history[index].clone();
                self.tell(SyncRunEvent::Observed(Box::new(old)));
            }
            Input::StaleAbsent => {
                if let Some(before) = self.machine.record.last_seen.0.checked_sub(1) {
                    self.tell(SyncRunEvent::Absent { as_of: Revision(before) });
                }
            }
            Input::Operation(state, said) => self.hear(state.clone(), said),
            Input::Other(state) => {
                let (id, state) = (OperationId::new("another"), state.clone());
                let message = "of another".to_owned();
                self.tell(SyncRunEvent::OperationObserved { id, state, message });
            }
            Input::Facts(deployment, others, told) => {
                (self.deployment, self.others) = (deployment.clone(), others.clone());
                if *told {
                    self.tell(SyncRunEvent::FactsChanged);
                }
            }
            Input::Wait(millis) => self.now = self.now.after(Duration::from_millis(*millis)),
            Input::Wake => self.tell(SyncRunEvent::DeadlineReached),
            Input::WriteStatus => {
                self.write_status();
            }
            Input::SpoilStatus => {
                self.change(|object| object.conditions.clear());
                self.look();
            }
        }
    }

    /// Sends an event to the machine and records the step.
    pub fn tell(&mut self, event: SyncRunEvent) {
        let before = self.machine.clone();
        let facts = self.facts();
        let step = before.clone().step(&event, &facts);
        self.machine = restarted(step.machine);
        self.moments.push(SyncMoment {
            before,
            event,
            facts,
            after: self.machine.clone(),
            rows: step.rows,
            handling: step.handling,
        });
    }

    /// The agent reports this about the open operation.
    pub fn hear(&mut self, state: Option<OperationState>, said: &str) {
        if let Some(open) = self.machine.record.open.clone() {
            let message = said.to_owned();
            self.tell(SyncRunEvent::OperationObserved { id: open.id, state, message });
        }
    }

    /// The user writes another spec.
    pub fn edit(&mut self, spec: SyncRunSpec) {
        self.change(|object| {
            if object.spec != spec {
                object.spec = spec;
                object.generation.0 += 1;
            }
        });
    }

    /// The user deletes the object, which another client's finalizer may keep for a while.
    pub fn delete(&mut self, kept: bool) {
        if kept {
            self.change(|object| {
                if !object.deleting {
                    object.deleting = true;
                    object.generation.0 += 1;
                }
            });
        } else {
            self.revision.0 += 1;
            self.object = None;
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut SyncRunSnapshot)) {
        let Some(object) = self.object.as_mut() else { return };
        let before = object.clone();
        change(object);
        if *object != before {
            self.revision.0 += 1;
            object.revision = self.revision;
            self.history.push(object.clone());
        }
    }

    fn look_if(&mut self, seen: bool) {
        if seen {
            self.look();
        }
    }

    /// The machine observes the current state.
    pub fn look(&mut self) {
        self.tell(match &self.object {
            Some(object) => SyncRunEvent::Observed(Box::new(object.clone())),
            None => SyncRunEvent::Absent { as_of: self.revision },
        });
    }

    fn write_status(&mut self) -> bool {
        if !matches!(self.machine.mirror, Mirror::Dirty {}) {
            return false;
        }
        let mut conditions = conditions(&self.machine, self.style);
        // The API keeps lists as they are sent; the order is irrelevant.
        conditions.reverse();
        self.change(|object| object.conditions = conditions);
        self.look();
        true
    }

    /// The helpful environment: the deployment may be synced, the queue is empty, and what the
    /// machine waits for is done until it waits for nothing. Returns the number of steps, or `None`
    /// if the machine did not come to rest within [`SETTLE_LIMIT`].
    pub fn settle(&mut self) -> Option<usize> {
        let from = self.moments.len();
        (self.deployment, self.others) = (may_be_synced(), Vec::new());
        self.look();
        self.tell(SyncRunEvent::FactsChanged);
        while self.moments.len() - from < SETTLE_LIMIT {
            if !self.help() {
                return Some(self.moments.len() - from);
            }
        }
        None
    }

    /// Does one thing that the machine waits for; `false` if it waits for nothing.
    fn help(&mut self) -> bool {
        if let Some(open) = &self.machine.record.open {
            let state =
                if open.claimed { OperationState::Completed } else { OperationState::InProgress };
            self.hear(Some(state), "abc");
            return true;
        }
        if self.write_status() {
            return true;
        }
        let Some(wake_at) = self.machine.wake_at() else { return false };
        self.now = self.now.max(wake_at);
        self.tell(SyncRunEvent::DeadlineReached);
        true
    }
}

/// What a run's status should say, whether or not it already does.
pub fn conditions(machine: &SyncRun, style: ConditionStyle) -> Vec<Condition> {
    let unwritten = SyncRun { mirror: Mirror::Dirty {}, ..machine.clone() };
    let views = unwritten.obligations(style).into_iter().filter_map(|one| match one {
        SyncRunObligation::StatusWritten(view) => Some(view.conditions),
        SyncRunObligation::OperationCreated(_) | SyncRunObligation::ChangeAnnounced(_) => None,
    });
    views.flatten().collect()
}

/// What a machine becomes when its process dies and restarts.
#[allow(clippy::expect_used, reason = "a machine that cannot be resumed fails its test")]
pub fn restarted(machine: SyncRun) -> SyncRun {
    let text = serde_json::to_string(&PersistedSyncRun::from(machine)).expect("it is plain data");
    serde_json::from_str::<PersistedSyncRun>(&text).expect("what was persisted can be read").into()
}
