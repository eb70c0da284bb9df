//! One deployment and an adversarial environment.
//!
//! The environment keeps the object as the API would (generations and revisions rise, a deletion is
//! never undone), so every state that the machine gets to is reachable. [`Walk::settle`] is the
//! same environment, but helpful: the agent completes, deadlines fire, writes are echoed.

pub mod sync_run;

use std::fmt;

use machines::Handling;
use machines::identity::{
    ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId, OperationId,
    Revision, TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::{
    Condition, ConditionStyle, StatusView, compared_to_digest,
};
use machines::kinds::deployment::destination::Environments;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{
    Deployment, Event, Facts, Namesake, Obligation, PersistedDeployment, Report, Snapshot,
    TenantFact,
};
use machines::machine::Machine;
use machines::rows::{OperationState, RowChange, TenantRows};
use proptest::prelude::*;

/// The most steps that a helpful environment needs: a removal or a dispatch after one that is open
/// (2 × claim and completion), a back-off, the finalizer, the status, and the final look.
pub const SETTLE_LIMIT: usize = 40;

const REPO_URL: &str = "https://example.com/team/app";
const NAMESPACE: &str = "team-a";

/// What the environment does next.
#[derive(Clone, Debug)]
pub enum Input {
    /// The user writes another spec; the machine sees it, or misses it for now.
    Edit {
        /// Which one; 0 is invalid.
        path: u8,
        /// Whether the machine sees it.
        seen: bool,
    },
    /// The user deletes the object; the machine sees it, or misses it for now.
    Delete {
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
    Operation(Option<OperationState>),
    /// The agent reports this about another operation.
    Other(Option<OperationState>),
    /// Argo CD reports this.
    Report(u8),
    /// The surroundings change; the machine is notified, or not.
    Facts {
        /// Their new state.
        situation: Situation,
        /// Whether the machine is notified.
        notified: bool,
    },
    /// Time passes.
    Wait {
        /// For how long.
        millis: i64,
    },
    /// The machine is woken, on time or early.
    Wake,
    /// The object's status is written as the machine requires, and echoed.
    WriteStatus,
    /// Another client writes the object's status.
    SpoilStatus,
    /// The finalizer is removed, if the machine requires it.
    RemoveFinalizer,
}

/// The surroundings of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// Everything exists.
    Good,
    /// The tenant has no rows.
    TenantUnknown,
    /// The namespace is terminating.
    Draining,
    /// Argo CD's namespace does not exist.
    EngineMissing,
    /// Argo CD's namespace was re-created.
    EngineReplaced,
    /// A deployment of the same name still exists.
    Predecessor,
}

/// Any input.
pub fn input() -> impl Strategy<Value = Input> {
    let outcome = prop_oneof![
        1 => Just(Some(OperationState::Waiting)),
        2 => Just(Some(OperationState::InProgress)),
        4 => Just(Some(OperationState::Completed)),
        2 => Just(Some(OperationState::Failed("refused".to_owned()))),
        1 => Just(Some(OperationState::Failed(String::new()))),
        1 => Just(None),
    ];
    let situation = prop_oneof![
        4 => Just(Situation::Good),
        1 => Just(Situation::TenantUnknown),
        1 => Just(Situation::Draining),
        1 => Just(Situation::EngineMissing),
        1 => Just(Situation::EngineReplaced),
        1 => Just(Situation::Predecessor),
    ];
    prop_oneof![
        4 => (0..4_u8, any::<bool>()).prop_map(|(path, seen)| Input::Edit { path, seen }),
        1 => any::<bool>().prop_map(|seen| Input::Delete { seen }),
        4 => Just(Input::Rescan),
        2 => any::<u8>().prop_map(Input::Stale),
        1 => Just(Input::StaleAbsent),
        8 => outcome.clone().prop_map(Input::Operation),
        1 => outcome.prop_map(Input::Other),
        3 => (0..6_u8).prop_map(Input::Report),
        3 => (situation, any::<bool>())
            .prop_map(|(situation, notified)| Input::Facts { situation, notified }),
        3 => (0..200_000_i64).prop_map(|millis| Input::Wait { millis }),
        3 => Just(Input::Wake),
        4 => Just(Input::WriteStatus),
        1 => Just(Input::SpoilStatus),
        3 => Just(Input::RemoveFinalizer),
    ]
}

/// One recorded step.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The machine before.
    pub before: Deployment,
    /// The event.
    pub event: Event,
    /// The facts at that time.
    pub facts: Facts,
    /// The machine afterwards.
    pub after: Deployment,
    /// The row changes that it requested.
    pub rows: Vec<RowChange>,
    /// How the event was handled.
    pub handling: Handling,
}

/// A deployment, its object and its surroundings.
#[derive(Clone)]
pub struct Walk {
    /// The machine, resumed from what was persisted after each step.
    machine: Deployment,
    /// The object; `None` once it is gone.
    pub object: Option<Snapshot>,
    /// The past versions of the object.
    history: Vec<Snapshot>,
    /// The newest revision.
    revision: Revision,
    /// The surroundings.
    pub situation: Situation,
    now: Timestamp,
    /// Every step so far.
    pub moments: Vec<Moment>,
}

impl fmt::Debug for Walk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Moment { event, facts, after, .. } in &self.moments {
            let (at, path, mirror) = (facts.now.as_millis(), after.path(), after.mirror.path());
            writeln!(formatter, "{at} {event:?}\n    -> {path} {mirror}")?;
        }
        write!(formatter, "the object is {:?}", self.object)
    }
}

/// The spec of a number; 0 is invalid.
pub fn spec(path: u8) -> DeploymentSpec {
    let path = if path == 0 { String::new() } else { format!("folder-{path}") };
    let type_ = "automated".to_owned();
    DeploymentSpec { repo_url: REPO_URL.to_owned(), path, type_, ..DeploymentSpec::default() }
}

impl Walk {
    /// An object that exists, and a machine that does not know it yet.
    pub fn new(path: u8, finalizer: bool) -> Self {
        let uid = DeploymentUid::new("uid-1");
        let machine = Deployment::new(uid, TenantUid::new("tenant-1"), NAMESPACE, "app");
        let object = Snapshot {
            revision: Revision(100),
            generation: Generation(1),
            finalizer,
            spec: spec(path),
            ..Snapshot::default()
        };
        Self {
            machine,
            history: vec![object.clone()],
            object: Some(object),
            revision: Revision(100),
            situation: Situation::Good,
            now: Timestamp::from_millis(1_000_000),
            moments: Vec::new(),
        }
    }

    /// A walk with these inputs.
    pub fn along(path: u8, finalizer: bool, inputs: &[Input]) -> Self {
        let mut walk = Self::new(path, finalizer);
        inputs.iter().for_each(|input| walk.take(input));
        walk
    }

    /// The current machine.
    pub fn machine(&self) -> &Deployment {
        &self.machine
    }

    /// The facts at this moment.
    pub fn facts(&self) -> Facts {
        let tenant = TenantUid::new("tenant-1");
        let name = match self.situation {
            Situation::EngineReplaced => "instance-2",
            _ => "instance-1",
        };
        let rows = TenantRows {
            namespace: NAMESPACE.to_owned(),
            user: ClusterUserId::of(&tenant),
            environment: EnvironmentId::in_cluster_of(&tenant),
            instance: InstanceId::new(name),
            tenant,
        };
        let older =
            Namesake { uid: DeploymentUid::new("older"), first_seen: Revision(1), waits: false };
        Facts {
            now: self.now,
            instance: (self.situation != Situation::EngineMissing).then(|| InstanceId::new(name)),
            tenant: match self.situation {
                Situation::TenantUnknown => TenantFact::Unknown,
                Situation::Draining => TenantFact::Draining,
                _ => TenantFact::Active(rows),
            },
            argocd_namespace: "argocd".to_owned(),
            isolation: false,
            namesakes: Vec::from_iter((self.situation == Situation::Predecessor).then_some(older)),
            existing_application: None,
            environments: Environments::default(),
            conditions: ConditionStyle::Conventional,
        }
    }

    /// Lets time pass until a moment, unless it has passed.
    pub fn pass(&mut self, until: Timestamp) {
        self.now = self.now.max(until);
    }

    /// Lets the environment act once.
    pub fn take(&mut self, input: &Input) {
        match input {
            Input::Edit { path, seen } => {
                self.change(|object| {
                    if object.spec != spec(*path) {
                        object.spec = spec(*path);
                        object.generation.0 += 1;
                    }
                });
                self.look_if(*seen);
            }
            Input::Delete { seen } => {
                self.delete();
                self.look_if(*seen);
            }
            Input::Rescan => self.look(),
            Input::Stale(back) => {
                let index = self.history.len().saturating_sub(1 + usize::from(*back));
                let old = self.history[index].clone();
                self.tell(Event::Observed(Box::new(old)));
            }
            Input::StaleAbsent => {
                let as_of = Revision(self.machine.record.last_seen.0.saturating_sub(1));
                if self.machine.record.last_seen > as_of {
                    self.tell(Event::Absent { as_of });
                }
            }
            Input::Operation(state) => {
                if let Some(open) = self.machine.record.open.clone() {
                    self.tell(Event::OperationObserved { id: open.id, state: state.clone() });
                }
            }
            Input::Other(state) => {
                let id = OperationId::new("another");
                self.tell(Event::OperationObserved { id, state: state.clone() });
            }
            Input::Report(kind) => self.report(*kind),
            Input::Facts { situation, notified } => {
                self.situation = *situation;
                if *notified {
                    self.tell(Event::FactsChanged);
                }
            }
            Input::Wait { millis } => {
                self.now = self.now.after(std::time::Duration::from_millis(millis.unsigned_abs()));
            }
            Input::Wake => self.tell(Event::DeadlineReached),
            Input::WriteStatus => {
                self.write_status();
            }
            Input::SpoilStatus => {
                self.change(|object| object.conditions.clear());
                self.look();
            }
            Input::RemoveFinalizer => {
                self.remove_finalizer();
            }
        }
    }

    /// Sends an event to the machine and records the step.
    pub fn tell(&mut self, event: Event) {
        let before = self.machine.clone();
        let facts = self.facts();
        let step = before.clone().step(&event, &facts);
        self.machine = resume(&persist(step.machine));
        self.moments.push(Moment {
            before,
            event,
            facts,
            after: self.machine.clone(),
            rows: step.rows,
            handling: step.handling,
        });
    }

    fn change(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let Some(object) = self.object.as_mut() else {
            return;
        };
        let before = object.clone();
        change(object);
        if *object != before {
            self.revision.0 += 1;
            object.revision = self.revision;
            self.history.push(object.clone());
        }
    }

    fn delete(&mut self) {
        self.revision.0 += 1;
        if self.object.as_ref().is_some_and(|object| !object.finalizer) {
            self.object = None;
            return;
        }
        self.change(|object| {
            if !object.deleting {
                object.deleting = true;
                object.generation.0 += 1;
            }
        });
    }

    fn look_if(&mut self, seen: bool) {
        if seen {
            self.look();
        }
    }

    /// The machine observes the current state.
    pub fn look(&mut self) {
        let event = match &self.object {
            Some(object) => Event::Observed(Box::new(object.clone())),
            None => Event::Absent { as_of: self.revision },
        };
        self.tell(event);
    }

    /// Argo CD reports on what it has: 0 and 1 are current and good, the others are not.
    fn report(&mut self, kind: u8) {
        let spec = self.machine.record.spec.clone();
        let path = if kind > 3 { "elsewhere" } else { spec.path.as_str() };
        let health = ["Healthy", "Healthy", "Progressing", "Degraded"][usize::from(kind % 4)];
        self.tell(Event::Reported(Box::new(Report {
            mirrored: Digest::of(&(kind, path)),
            sync: "Synced".to_owned(),
            health: health.to_owned(),
            compared_to: compared_to_digest(&spec.repo_url, path, "", "in-cluster", NAMESPACE),
            ..Report::default()
        })));
    }

    fn wanted_status(&self) -> Option<StatusView> {
        let obligations = self.machine.obligations(ConditionStyle::Conventional);
        obligations.into_iter().find_map(|one| match one {
            Obligation::StatusWritten(view) => Some(view),
            Obligation::OperationCreated(_) | Obligation::FinalizerRemoved => None,
        })
    }

    fn write_status(&mut self) -> bool {
        let Some(view) = self.wanted_status() else {
            return false;
        };
        let mut conditions: Vec<Condition> = view.conditions;
        // The API keeps lists as they are sent; the order is irrelevant.
        conditions.reverse();
        self.change(|object| {
            object.observed_generation = view.observed_generation;
            object.conditions = conditions;
            if let Some(mirrored) = view.mirrored {
                object.mirrored = mirrored;
            }
        });
        self.look();
        true
    }

    fn remove_finalizer(&mut self) -> bool {
        let obligations = self.machine.obligations(ConditionStyle::Conventional);
        if !obligations.contains(&Obligation::FinalizerRemoved) {
            return false;
        }
        if self.object.as_ref().is_some_and(|object| object.deleting) {
            self.revision.0 += 1;
            self.object = None;
        }
        self.look();
        true
    }

    /// The helpful environment: makes the surroundings good, shows the machine everything once,
    /// then does what it waits for until it waits for nothing. Returns the number of steps, or
    /// `None` if the machine did not come to rest within [`SETTLE_LIMIT`].
    pub fn settle(&mut self) -> Option<usize> {
        let from = self.moments.len();
        self.situation = Situation::Good;
        self.look();
        self.tell(Event::FactsChanged);
        while self.moments.len() - from < SETTLE_LIMIT {
            if !self.help() {
                return Some(self.moments.len() - from);
            }
        }
        None
    }

    /// Does one thing that the machine waits for; `false` if it waits for nothing.
    fn help(&mut self) -> bool {
        if let Some(open) = self.machine.record.open.clone() {
            let state =
                if open.claimed { OperationState::Completed } else { OperationState::InProgress };
            self.tell(Event::OperationObserved { id: open.id, state: Some(state) });
            return true;
        }
        if self.remove_finalizer() || self.write_status() {
            return true;
        }
        if self.machine.path() == "Live/Settled" && !self.is_reported() {
            self.report(0);
            return true;
        }
        let Some(wake_at) = self.machine.wake_at() else {
            return false;
        };
        self.now = self.now.max(wake_at);
        self.tell(Event::DeadlineReached);
        true
    }

    fn is_reported(&self) -> bool {
        let path = self.machine.record.spec.path.as_str();
        let current = Digest::of(&(0_u8, path));
        self.machine.record.report.as_ref().is_some_and(|report| report.mirrored == current)
    }
}

/// Resumes a machine.
#[allow(clippy::expect_used, reason = "a machine that cannot be resumed fails its test")]
pub fn resume(persisted: &str) -> Deployment {
    let persisted: PersistedDeployment =
        serde_json::from_str(persisted).expect("what was persisted can be read");
    persisted.into()
}

/// Persists a machine.
#[allow(clippy::expect_used, reason = "a machine that cannot be persisted fails its test")]
pub fn persist(machine: Deployment) -> String {
    serde_json::to_string(&PersistedDeployment::from(machine)).expect("a machine is plain data")
}
