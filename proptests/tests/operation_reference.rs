//! The operation machine against a flat table, handwritten from the protocol.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, OperationId, Timestamp};
use machines::kinds::deployment::render::render;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::machine::Machine;
use machines::operation::application::{
    ApplicationDocument, ApplicationSource, ApplicationSpec, RunningSync,
};
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, PersistedOperation, RowView, SecretView,
    Wanted,
};
use machines::rows::{OperationState, RowChange};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proptests::config;

/// Where an operation is, without superstates and without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flat {
    Unclaimed,
    Preparing,
    Writing,
    Deleting,
    Tidying,
    Completed,
    Failed,
    Collected,
}

/// What is observed of the Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Absent,
    Right,
    Wrong,
    Deleting,
    Unlabelled,
    /// With a field that no row asks for.
    Drifted,
    /// Right, but an automatic sync of Argo CD still works on the previous spec.
    Outdated,
    /// Right, during a requested sync of something else.
    AskedFor,
}

#[derive(Clone, Debug)]
enum Transition {
    Row(OperationState, bool),
    NoRow,
    Argo(bool, Seen),
    Refused,
    ResourceAbsent,
    Deadline,
    TooEarly,
}

/// The reference: a place and the outcome that the row was given.
#[derive(Clone, Debug)]
struct Table {
    place: Flat,
    row: Option<OperationState>,
}

impl ReferenceStateMachine for Table {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self { place: Flat::Unclaimed, row: None }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let state = prop_oneof![
            4 => Just(OperationState::Waiting),
            2 => Just(OperationState::InProgress),
            1 => Just(OperationState::Completed),
            1 => Just(OperationState::Failed("refused".to_owned())),
        ];
        let seen = prop_oneof![
            1 => Just(Seen::Absent),
            2 => Just(Seen::Right),
            1 => Just(Seen::Wrong),
            1 => Just(Seen::Deleting),
            1 => Just(Seen::Unlabelled),
            1 => Just(Seen::Drifted),
            1 => Just(Seen::Outdated),
            1 => Just(Seen::AskedFor),
        ];
        prop_oneof![
            4 => (state, any::<bool>()).prop_map(|(state, wanted)| Transition::Row(state, wanted)),
            1 => Just(Transition::NoRow),
            8 => (any::<bool>(), seen).prop_map(|(project, seen)| Transition::Argo(project, seen)),
            1 => Just(Transition::Refused),
            1 => Just(Transition::ResourceAbsent),
            1 => Just(Transition::Deadline),
            2 => Just(Transition::TooEarly),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        use Flat::{
            Collected, Completed, Deleting, Failed, Preparing, Tidying, Unclaimed, Writing,
        };
        let before = state.place;
        let working = matches!(before, Preparing | Writing | Deleting | Tidying);
        state.place = match (before, transition) {
            (Unclaimed, Transition::Row(OperationState::Completed, _)) => {
                return at(state, Completed);
            }
            (Unclaimed, Transition::Row(OperationState::Failed(_), _)) => return at(state, Failed),
            (Unclaimed, Transition::Row(_, wanted)) => {
                state.row = Some(OperationState::InProgress);
                if *wanted { Preparing } else { Deleting }
            }
            (Unclaimed, Transition::NoRow) => return at(state, Completed),
            (Preparing, Transition::Argo(true, Seen::Right | Seen::AskedFor)) => Completed,
            (Preparing, Transition::Argo(true, _)) => Writing,
            (Writing, Transition::Argo(true, Seen::Right | Seen::AskedFor)) => Completed,
            (Writing, Transition::Argo(false, Seen::Right | Seen::AskedFor)) => Tidying,
            (Deleting, Transition::Argo(true, Seen::Absent)) => Completed,
            (Deleting, Transition::Argo(false, Seen::Absent)) => Tidying,
            (Tidying, Transition::Argo(true, _)) => Completed,
            (Preparing | Writing | Tidying, Transition::Deadline) => Failed,
            (Unclaimed, Transition::Refused) => Failed,
            (_, Transition::Refused) if working => Failed,
            (Unclaimed | Completed | Failed, Transition::ResourceAbsent) => {
                return at(state, Collected);
            }
            _ => return state,
        };
        match state.place {
            Completed => state.row = Some(OperationState::Completed),
            Failed => state.row = Some(OperationState::Failed(String::new())),
            _ => {}
        }
        state
    }
}

fn at(state: Table, place: Flat) -> Table {
    Table { place, ..state }
}

/// The system under test: the JSON text that would be in the database, and what the row says.
struct Persisted {
    machine: String,
    row: Option<OperationState>,
    now: Timestamp,
}

fn document() -> ApplicationDocument {
    let spec = DeploymentSpec { path: "one".to_owned(), ..DeploymentSpec::default() };
    render(&DeploymentUid::new("uid-1"), "team-a", &spec, "argocd", "default".to_owned())
}

fn event(transition: &Transition) -> OperationEvent {
    let beside = |spec: ApplicationSpec, labelled, deleting, sync| ApplicationView::Present {
        spec: Box::new(spec),
        labelled,
        deleting,
        sync,
        syncs: Some(Box::default()),
    };
    let present = |spec, labelled, deleting| beside(spec, labelled, deleting, None);
    let another = |automated| {
        let source = Some(ApplicationSource { path: "two".to_owned(), ..Default::default() });
        Some(Box::new(RunningSync { automated, source }))
    };
    match transition {
        Transition::Row(state, wanted) => OperationEvent::RowObserved(Box::new(RowView {
            state: state.clone(),
            owner: ClusterUserId::new("user-1"),
            requester: None,
            wanted: Wanted::Application {
                row: ApplicationId::new("application-1"),
                document: wanted.then(document),
            },
        })),
        Transition::NoRow => OperationEvent::RowAbsent,
        Transition::Argo(project_matches, seen) => {
            let right = document().spec;
            let application = match seen {
                Seen::Absent => ApplicationView::Absent,
                Seen::Right => present(right, true, false),
                Seen::Wrong => present(ApplicationSpec::default(), true, false),
                Seen::Deleting => present(right, true, true),
                Seen::Unlabelled => present(right, false, false),
                Seen::Drifted => {
                    let drift = ["/sources".to_owned()].into();
                    present(ApplicationSpec { drift, ..right }, true, false)
                }
                Seen::Outdated => beside(right, true, false, another(true)),
                Seen::AskedFor => beside(right, true, false, another(false)),
            };
            let project_matches = *project_matches;
            OperationEvent::ArgoObserved(Box::new(ArgoView {
                project_matches,
                application,
                secret: SecretView::Unseen,
            }))
        }
        Transition::Refused => OperationEvent::Refused { text: "denied".to_owned() },
        Transition::ResourceAbsent => OperationEvent::ResourceAbsent,
        Transition::Deadline | Transition::TooEarly => OperationEvent::DeadlineReached,
    }
}

fn resume(text: &str) -> Operation {
    serde_json::from_str::<PersistedOperation>(text).unwrap().into()
}

fn persist(operation: Operation) -> String {
    serde_json::to_string(&PersistedOperation::from(operation)).unwrap()
}

struct OperationTest;

impl StateMachineTest for OperationTest {
    type SystemUnderTest = Persisted;
    type Reference = Table;

    fn init_test(_: &Table) -> Persisted {
        let machine = persist(Operation::new(OperationId::new("operation-1")));
        Persisted { machine, row: None, now: Timestamp::from_millis(0) }
    }

    fn apply(mut system: Persisted, _: &Table, transition: Transition) -> Persisted {
        let machine = resume(&system.machine);
        if let (Transition::Deadline, Some(deadline)) = (&transition, machine.wake_at()) {
            system.now = system.now.max(deadline).after(Duration::from_secs(1));
        }
        let step = machine.step(&event(&transition), &system.now);
        for row in step.rows {
            let RowChange::SetOperationState(_, state) = row else { panic!("writes {row:?}") };
            system.row = Some(state);
        }
        system.machine = persist(step.machine);
        system
    }

    fn check_invariants(system: &Persisted, expected: &Table) {
        let place = match expected.place {
            Flat::Unclaimed => "Unclaimed",
            Flat::Preparing => "InProgress/PreparingProject",
            Flat::Writing => "InProgress/Writing",
            Flat::Deleting => "InProgress/Deleting",
            Flat::Tidying => "InProgress/TidyingProject",
            Flat::Completed => "Finished/Completed",
            Flat::Failed => "Finished/Failed",
            Flat::Collected => "Collected",
        };
        assert_eq!(resume(&system.machine).path(), place);
        match (&system.row, &expected.row) {
            (Some(OperationState::Failed(_)), Some(OperationState::Failed(_))) => {}
            (written, expected) => assert_eq!(written, expected),
        }
    }
}

prop_state_machine! {
    #![proptest_config(config(256))]

    #[test]
    fn the_machine_does_what_the_table_says(sequential 1..40 => OperationTest);
}
