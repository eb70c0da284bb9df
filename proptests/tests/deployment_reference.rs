//! The deployment's lifecycle against a flat, handwritten table.
//!
//! The table knows no deadlines, revisions or documents: a spec is a number (0 is invalid), the row
//! is the number of the spec it asks for, an operation is its sequence number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::identity::{ApplicationId, DeploymentUid, OperationId, Revision, Timestamp};
use machines::kinds::deployment::{Deployment, Event, Facts};
use machines::machine::Machine;
use machines::rows::{OperationState, RowChange};
use machines::shared::mirror::Mirror;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proptests::config;
use proptests::walk::{Situation, Walk, persist, resume, spec};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flat {
    Unseen,
    Rejected,
    AwaitingTenant,
    AwaitingEngine,
    AwaitingPredecessor,
    Dispatching,
    BackingOff,
    Settled,
    Removing,
    RemovalBackingOff,
    Finalizing,
    Gone,
}

use Flat::{
    AwaitingEngine, AwaitingPredecessor, AwaitingTenant, BackingOff, Dispatching, Finalizing, Gone,
    Rejected, RemovalBackingOff, Removing, Settled, Unseen,
};

#[derive(Clone, Debug)]
enum Transition {
    Spec(u8),
    Same,
    Deletion { finalizer: bool },
    Absent,
    Stale,
    Claimed,
    Completed,
    Failed,
    Lost,
    Other,
    Differs,
    Facts(Situation),
    Deadline,
    TooEarly,
}

/// The reference.
#[derive(Clone, Debug)]
struct Table {
    place: Flat,
    /// The newest spec.
    spec: u8,
    situation: Situation,
    /// What the application row asks for.
    row: Option<u8>,
    /// Whether the agent has confirmed it.
    applied: bool,
    /// The number of the newest operation, and whether it is open.
    operation: (u32, bool),
    /// The open operation has an older intent.
    again: bool,
    /// The open operation repairs the Application of a rejected deployment.
    repairs: bool,
    present: bool,
    finalizer: bool,
}

impl Table {
    fn is_live(&self) -> bool {
        !matches!(self.place, Unseen | Removing | RemovalBackingOff | Finalizing | Gone)
    }

    fn request(&mut self, place: Flat) {
        self.again = self.operation.1;
        if !self.operation.1 {
            self.operation = (self.operation.0 + 1, true);
        }
        self.place = place;
    }

    fn resolve(&mut self) {
        self.repairs = false;
        if self.spec == 0 {
            self.place = Rejected;
            return;
        }
        match self.situation {
            Situation::Predecessor => self.place = AwaitingPredecessor,
            Situation::EngineMissing => self.place = AwaitingEngine,
            Situation::TenantUnknown | Situation::Draining => self.place = AwaitingTenant,
            Situation::Good | Situation::EngineReplaced => {
                let same = self.row == Some(self.spec);
                self.applied &= same;
                self.row = Some(self.spec);
                match self.applied {
                    true => self.place = Settled,
                    false => self.request(Dispatching),
                }
            }
        }
    }

    fn can_follow(&self) -> bool {
        matches!(self.situation, Situation::Good | Situation::Predecessor)
    }

    fn remove(&mut self) {
        match self.row {
            Some(_) => self.request(Removing),
            None => self.finalize(),
        }
    }

    fn finalize(&mut self) {
        self.place = if self.present && self.finalizer { Finalizing } else { Gone };
    }

    fn finish(&mut self, completed: bool) {
        self.operation.1 = false;
        match (self.place, completed) {
            (Dispatching, _) if self.again => self.resolve(),
            (Dispatching, true) => {
                self.applied = true;
                self.place = Settled;
                if self.can_follow() {
                    self.resolve();
                }
            }
            (Dispatching, false) => self.place = BackingOff,
            (Rejected, completed) => {
                self.applied |= completed && self.repairs;
                self.repairs = false;
            }
            (Removing, _) if self.again => self.request(Removing),
            (Removing, true) => {
                self.row = None;
                self.finalize();
            }
            (Removing, false) => self.place = RemovalBackingOff,
            _ => {}
        }
    }

    fn deadline(&mut self) {
        match self.place {
            AwaitingTenant | AwaitingEngine | AwaitingPredecessor | BackingOff => self.resolve(),
            RemovalBackingOff => self.request(Removing),
            _ => {}
        }
    }

    fn seen(&mut self, number: u8, finalizer: bool) {
        self.spec = number;
        self.present = true;
        self.finalizer = finalizer;
    }
}

impl ReferenceStateMachine for Table {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            place: Unseen,
            spec: 0,
            situation: Situation::Good,
            row: None,
            applied: false,
            operation: (0, false),
            again: false,
            repairs: false,
            present: false,
            finalizer: false,
        })
        .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let situation = prop_oneof![
            4 => Just(Situation::Good),
            1 => Just(Situation::TenantUnknown),
            1 => Just(Situation::Draining),
            1 => Just(Situation::EngineMissing),
            1 => Just(Situation::Predecessor),
        ];
        prop_oneof![
            6 => (0..4_u8).prop_map(Transition::Spec),
            2 => Just(Transition::Same),
            1 => any::<bool>().prop_map(|finalizer| Transition::Deletion { finalizer }),
            1 => Just(Transition::Absent),
            2 => Just(Transition::Stale),
            3 => Just(Transition::Claimed),
            8 => Just(Transition::Completed),
            3 => Just(Transition::Failed),
            1 => Just(Transition::Lost),
            1 => Just(Transition::Other),
            2 => Just(Transition::Differs),
            5 => situation.prop_map(Transition::Facts),
            4 => Just(Transition::Deadline),
            2 => Just(Transition::TooEarly),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        let open = state.operation.1;
        match transition {
            Transition::Spec(number) if state.is_live() || state.place == Unseen => {
                state.seen(*number, true);
                state.resolve();
            }
            Transition::Deletion { finalizer } if state.is_live() || state.place == Unseen => {
                state.seen(state.spec, *finalizer);
                state.remove();
            }
            Transition::Deletion { finalizer } if state.present && state.place != Gone => {
                state.finalizer = *finalizer;
                if state.place == Finalizing && !finalizer {
                    state.place = Gone;
                }
            }
            Transition::Absent if state.place == Unseen => state.place = Gone,
            Transition::Absent if state.is_live() => {
                state.present = false;
                state.remove();
            }
            Transition::Absent => {
                state.present = false;
                if state.place == Finalizing {
                    state.place = Gone;
                }
            }
            Transition::Completed if open => state.finish(true),
            Transition::Failed if open => state.finish(false),
            Transition::Lost if open => {
                state.operation.1 = false;
                match state.place {
                    Dispatching => state.resolve(),
                    Rejected => state.repairs = false,
                    Removing => state.request(Removing),
                    _ => {}
                }
            }
            Transition::Differs if state.place == Settled && state.can_follow() => {
                state.applied = false;
                state.resolve();
            }
            Transition::Differs
                if state.place == Rejected
                    && state.can_follow()
                    && state.row.is_some()
                    && !open =>
            {
                state.applied = false;
                state.repairs = true;
                state.request(Rejected);
            }
            Transition::Facts(situation) => {
                state.situation = *situation;
                let awaits =
                    matches!(state.place, AwaitingTenant | AwaitingEngine | AwaitingPredecessor);
                if awaits || (state.place == Settled && state.can_follow()) {
                    state.resolve();
                }
            }
            Transition::Deadline => state.deadline(),
            _ => {}
        }
        state
    }
}

/// The system under test: the JSON text that would be in the database.
struct Persisted {
    machine: String,
    surroundings: Walk,
    revision: u64,
}

impl Persisted {
    fn observed(
        &mut self,
        machine: &Deployment,
        number: Option<u8>,
        finalizer: Option<bool>,
    ) -> Event {
        self.revision += 1;
        let record = &machine.record;
        let mut snapshot = Walk::new(0, finalizer.unwrap_or(record.finalizer)).object.unwrap();
        snapshot.revision = Revision(self.revision);
        snapshot.deleting = number.is_none() && finalizer.is_some();
        snapshot.generation = record.generation;
        snapshot.spec = record.spec.clone();
        if number.is_some() || snapshot.deleting {
            snapshot.generation.0 += 1;
        }
        if let Some(number) = number {
            snapshot.spec = spec(number);
        }
        Event::Observed(Box::new(snapshot))
    }

    fn operation(&self, machine: &Deployment, state: Option<OperationState>) -> Option<Event> {
        let open = machine.record.open.as_ref()?;
        Some(Event::OperationObserved { id: open.id.clone(), state })
    }

    fn event(&mut self, machine: &Deployment, transition: &Transition) -> Option<Event> {
        let last_seen = machine.record.last_seen;
        let known = machine.path() != "Unseen";
        match transition {
            Transition::Spec(number) => Some(self.observed(machine, Some(*number), Some(true))),
            Transition::Same => known.then(|| self.observed(machine, None, None)),
            Transition::Deletion { finalizer } => {
                Some(self.observed(machine, None, Some(*finalizer)))
            }
            Transition::Absent => Some(Event::Absent { as_of: Revision(self.revision) }),
            Transition::Stale => {
                let earlier = Revision(last_seen.0.checked_sub(1)?);
                Some(Event::Absent { as_of: earlier })
            }
            Transition::Claimed => self.operation(machine, Some(OperationState::InProgress)),
            Transition::Completed => self.operation(machine, Some(OperationState::Completed)),
            Transition::Failed => {
                self.operation(machine, Some(OperationState::Failed("refused".to_owned())))
            }
            Transition::Lost => self.operation(machine, None),
            Transition::Other => {
                let id = OperationId::new("another");
                Some(Event::OperationObserved { id, state: Some(OperationState::Completed) })
            }
            Transition::Differs => Some(Event::ApplicationDiffers),
            Transition::Facts(situation) => {
                self.surroundings.situation = *situation;
                Some(Event::FactsChanged)
            }
            Transition::Deadline => {
                if let Some(deadline) = lifecycle_deadline(machine) {
                    self.surroundings.pass(deadline);
                }
                Some(Event::DeadlineReached)
            }
            Transition::TooEarly => Some(Event::DeadlineReached),
        }
    }

    fn facts(&self) -> Facts {
        self.surroundings.facts()
    }
}

fn lifecycle_deadline(machine: &Deployment) -> Option<Timestamp> {
    // The mirror's deadline would hide the lifecycle's.
    let mirror = Mirror::Silent {};
    Deployment { mirror, ..machine.clone() }.wake_at()
}

struct DeploymentTest;

impl StateMachineTest for DeploymentTest {
    type SystemUnderTest = Persisted;
    type Reference = Table;

    fn init_test(_: &Table) -> Persisted {
        let surroundings = Walk::new(0, false);
        Persisted { machine: persist(surroundings.machine().clone()), surroundings, revision: 100 }
    }

    fn apply(mut system: Persisted, _: &Table, transition: Transition) -> Persisted {
        let machine = resume(&system.machine);
        if let Some(event) = system.event(&machine, &transition) {
            let step = machine.step(&event, &system.facts());
            system.machine = persist(step.machine);
            let removals =
                step.rows.iter().filter(|row| matches!(row, RowChange::RemoveApplication(_)));
            assert!(removals.count() <= 1);
        }
        system
    }

    fn check_invariants(system: &Persisted, expected: &Table) {
        let machine = resume(&system.machine);
        let path = machine.path();
        let leaf = path.rsplit('/').next().unwrap();
        assert_eq!(leaf, format!("{:?}", expected.place));
        let record = &machine.record;
        assert_eq!(record.operations, expected.operation.0);
        let id = ApplicationId::of(&DeploymentUid::new("uid-1"));
        let open = expected
            .operation
            .1
            .then(|| OperationId::of(id.as_str(), record.born, expected.operation.0));
        assert_eq!(record.open.as_ref().map(|open| open.id.clone()), open);
        assert_eq!(record.application.is_some(), expected.row.is_some(), "the row");
        let applied = record.application.as_ref().is_some_and(|one| one.applied);
        assert_eq!(applied, expected.applied && expected.row.is_some(), "applied");
        assert_eq!(
            record.present && expected.place != Gone,
            expected.present && expected.place != Gone
        );
    }
}

prop_state_machine! {
    #![proptest_config(config(256))]

    #[test]
    fn the_lifecycle_does_what_the_table_says(sequential 1..40 => DeploymentTest);
}
