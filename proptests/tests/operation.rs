//! Properties of the operation machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use machines::Handling;
use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, OperationId, Timestamp};
use machines::kinds::deployment::render::render;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::repository_credential::CredentialId;
use machines::machine::{Machine, Step};
use machines::operation::application::ApplicationSpec;
use machines::operation::sync::SyncOperationId;
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationObligation, OperationPhase,
    PersistedOperation, RowView, SecretView, Wanted,
};
use machines::rows::{OperationState, RowChange};
use proptest::collection::vec;
use proptest::prelude::*;
use proptests::{arbitrary, config};

/// The most steps that a helpful environment needs: claim, project, Application, project, signal,
/// and one deadline before each.
const SETTLE_LIMIT: usize = 12;

fn persisted(operation: &Operation) -> Operation {
    let text = serde_json::to_string(&PersistedOperation::from(operation.clone())).unwrap();
    serde_json::from_str::<PersistedOperation>(&text).unwrap().into()
}

/// One recorded step.
#[derive(Clone, Debug)]
struct Moment {
    before: Operation,
    event: OperationEvent,
    now: Timestamp,
    step: Step<Operation>,
}

/// An operation that received all these events, with pauses, from its beginning.
fn walk(length: usize) -> impl Strategy<Value = Vec<Moment>> {
    let pause = prop_oneof![3 => Just(0_u64), 1 => 0..10_000_000_u64];
    vec((likely_event(), pause), 1..length).prop_map(|events| {
        let mut operation = Operation::new(OperationId::new("operation-1"));
        let mut now = Timestamp::from_millis(0);
        let mut moments = Vec::new();
        for (event, pause) in events {
            now = now.after(Duration::from_millis(pause));
            let step = operation.clone().step(&event, &now);
            moments.push(Moment { before: operation, event, now, step: step.clone() });
            operation = persisted(&step.machine);
        }
        moments
    })
}

fn document() -> machines::operation::application::ApplicationDocument {
    let spec = DeploymentSpec { path: "one".to_owned(), ..DeploymentSpec::default() };
    render(&DeploymentUid::new("uid-1"), "team-a", &spec, "argocd", "default".to_owned())
}

fn row(state: OperationState, wanted: bool) -> OperationEvent {
    let document = wanted.then(document);
    row_of(state, Wanted::Application { row: ApplicationId::new("application-1"), document })
}

fn row_of(state: OperationState, wanted: Wanted) -> OperationEvent {
    let owner = ClusterUserId::new("user-1");
    OperationEvent::RowObserved(Box::new(RowView { state, owner, requester: None, wanted }))
}

/// A sync whose run is gone.
fn withdrawn() -> Wanted {
    Wanted::Sync { row: SyncOperationId::new("sync-1"), sync: None }
}

fn present(spec: ApplicationSpec, labelled: bool, deleting: bool) -> ApplicationView {
    ApplicationView::Present {
        spec: Box::new(spec),
        labelled,
        deleting,
        sync: None,
        syncs: Some(Box::default()),
    }
}

/// Events that make progress more often than arbitrary ones.
fn likely_event() -> impl Strategy<Value = OperationEvent> {
    let state = prop_oneof![
        4 => Just(OperationState::Waiting),
        2 => Just(OperationState::InProgress),
        1 => Just(OperationState::Completed),
        1 => Just(OperationState::Failed("refused".to_owned())),
    ];
    let view = prop_oneof![
        2 => Just(ApplicationView::Absent),
        2 => Just(present(document().spec, true, false)),
        1 => Just(present(document().spec, false, false)),
        1 => Just(present(document().spec, true, true)),
        1 => Just(present(ApplicationSpec::default(), true, false)),
    ];
    prop_oneof![
        4 => (state, any::<bool>()).prop_map(|(state, wanted)| row(state, wanted)),
        6 => (any::<bool>(), view).prop_map(|(project_matches, application)| {
            OperationEvent::ArgoObserved(Box::new(ArgoView {
                project_matches,
                application,
                secret: SecretView::Unseen,
            }))
        }),
        3 => Just(OperationEvent::DeadlineReached),
        1 => arbitrary::operation_event(),
    ]
}

fn is_deleting(operation: &Operation) -> bool {
    matches!(operation.state, OperationPhase::Deleting { .. })
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn every_event_has_a_defined_result_in_every_state(
        operation in arbitrary::operation(),
        event in arbitrary::operation_event(),
        now in arbitrary::moment(),
    ) {
        let step = operation.step(&event, &now);
        prop_assert_ne!(step.handling, Handling::Unhandled);
        prop_assert_eq!(persisted(&step.machine), step.machine.clone());
        let _ = (step.machine.obligations(), step.machine.wake_at(), step.machine.path());
    }

    #[test]
    fn a_finished_operation_stays_unchanged_until_it_is_collected(
        mut operation in arbitrary::operation(),
        deadline in arbitrary::moment(),
        phase in 0..3_u8,
        event in arbitrary::operation_event(),
        now in arbitrary::moment(),
    ) {
        operation.state = match phase {
            0 => OperationPhase::Completed { deadline },
            1 => OperationPhase::Failed { deadline },
            _ => OperationPhase::Collected {},
        };
        let path = operation.path();
        let step = operation.step(&event, &now);
        prop_assert_eq!(&step.rows, &vec![], "an outcome is written once");
        let collected = event == OperationEvent::ResourceAbsent || path == "Collected";
        prop_assert_eq!(step.machine.path(), if collected { "Collected" } else { path.as_str() });
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn a_repeated_observation_changes_nothing(moments in walk(30)) {
        for Moment { event, now, step, .. } in moments {
            let again = step.machine.clone().step(&event, &now);
            prop_assert_eq!(&again.machine, &step.machine, "{:?}", event);
            prop_assert_eq!(&again.rows, &vec![], "{:?}", event);
        }
    }

    #[test]
    fn a_working_operation_has_a_deadline_and_at_most_one_obligation(moments in walk(30)) {
        for Moment { step, .. } in moments {
            let operation = step.machine;
            let obligations = operation.obligations().len();
            let waits = operation.wake_at().is_some();
            match operation.path().as_str() {
                "Unclaimed" | "Collected" => prop_assert_eq!((obligations, waits), (0, false)),
                // Argo CD works on it, or is to be left alone.
                "InProgress/AwaitingApplication" | "InProgress/Syncing" => {
                    prop_assert_eq!((obligations, waits), (0, true));
                }
                path => prop_assert_eq!((obligations, waits), (1, true), "{}", path),
            }
        }
    }

    #[test]
    fn a_deadline_that_fired_is_cleared(moments in walk(30)) {
        for Moment { event, now, step, .. } in moments {
            if let (OperationEvent::DeadlineReached, Some(next)) = (event, step.machine.wake_at()) {
                prop_assert!(next > now, "{} would spin", step.machine.path());
            }
        }
    }

    #[test]
    fn the_row_is_claimed_once_and_gets_one_outcome(moments in walk(40)) {
        let rows = moments.into_iter().flat_map(|moment| moment.step.rows);
        let mut states = Vec::new();
        for row in rows {
            match row {
                RowChange::SetOperationState(id, state) => {
                    prop_assert_eq!(id, OperationId::new("operation-1"));
                    states.push(state);
                }
                RowChange::ReportProgress(id, _) => {
                    prop_assert_eq!(id, OperationId::new("operation-1"));
                }
                other => prop_assert!(false, "an operation writes no {other:?}"),
            }
        }
        prop_assert!(states.len() <= 2, "{states:?}");
        prop_assert!(!states.contains(&OperationState::Waiting));
        let claims = states.iter().filter(|state| **state == OperationState::InProgress).count();
        prop_assert!(claims <= 1);
        if let [first, second] = states.as_slice() {
            prop_assert_eq!(first, &OperationState::InProgress);
            prop_assert!(second.is_terminal());
        }
    }

    #[test]
    fn a_removal_ends_only_once_the_application_is_observed_absent(moments in walk(40)) {
        for Moment { before, event, step, .. } in moments {
            let left = is_deleting(&before) && !is_deleting(&step.machine);
            if left && step.machine.path() != "Finished/Failed" {
                let OperationEvent::ArgoObserved(argo) = event else {
                    return Err(TestCaseError::fail(format!("it ended by {event:?}")));
                };
                prop_assert_eq!(argo.application, ApplicationView::Absent);
            }
        }
    }

    #[test]
    fn every_reachable_state_is_collected_in_a_helpful_world(moments in walk(30)) {
        let last = moments.last().unwrap();
        let (mut operation, now) = (last.step.machine.clone(), last.now);
        for _ in 0..SETTLE_LIMIT {
            let shows = |application, secret| {
                let project_matches = true;
                let view = ArgoView { project_matches, application, secret };
                OperationEvent::ArgoObserved(Box::new(view))
            };
            let view = |application| shows(application, SecretView::Unseen);
            let secret = |secret| shows(ApplicationView::Unseen, secret);
            let event = match operation.obligations().first() {
                None if operation.follows_row() => row_of(OperationState::Waiting, withdrawn()),
                None => row(OperationState::Waiting, true),
                Some(OperationObligation::ProjectWritten(_)) => view(ApplicationView::Absent),
                Some(OperationObligation::ApplicationWritten(_, document)) => {
                    view(present(document.spec.clone(), true, false))
                }
                Some(OperationObligation::ApplicationRemoved(_)) => view(ApplicationView::Absent),
                Some(
                    OperationObligation::ClusterWritten(_, digest)
                    | OperationObligation::SecretWritten(_, digest),
                ) => {
                    let digest = digest.clone();
                    secret(SecretView::Present { digest, in_project: true, deleting: false })
                }
                Some(
                    OperationObligation::ClusterRemoved(_) | OperationObligation::SecretRemoved(_),
                ) => secret(SecretView::Absent),
                Some(OperationObligation::SyncRequested(..)) => {
                    row_of(OperationState::Waiting, withdrawn())
                }
                Some(OperationObligation::ApplicationSought(_)) => view(ApplicationView::Absent),
                Some(OperationObligation::SyncEnded(..)) => view(ApplicationView::Absent),
                Some(OperationObligation::ResourceRemoved(_)) => OperationEvent::ResourceAbsent,
            };
            operation = persisted(&operation.step(&event, &now).machine);
        }
        prop_assert_eq!(operation.path(), "Collected");
    }
}

#[test]
fn a_secret_that_stays_is_asked_to_go_again_and_again() {
    let row = CredentialId::new("credential-1");
    let view = RowView {
        state: OperationState::Waiting,
        owner: ClusterUserId::new("user-1"),
        requester: None,
        wanted: Wanted::Credential { row, secret: None },
    };
    let mut now = Timestamp::from_millis(0);
    let mut operation = Operation::new(OperationId::new("operation-1"))
        .step(&OperationEvent::RowObserved(Box::new(view)), &now)
        .machine;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let due = operation.wake_at().unwrap();
        pauses.push(due.as_millis() - now.as_millis());
        now = due;
        operation = operation.step(&OperationEvent::DeadlineReached, &now).machine;
        assert_eq!(operation.path(), "InProgress/RemovingSecret");
    }
    assert!(pauses.is_sorted() && pauses[7] <= 3_600_000, "{pauses:?}");
}

#[test]
fn an_operation_whose_writes_are_rejected_or_never_accepted_fails_and_reports_it() {
    let now = Timestamp::from_millis(0);
    let claimed = Operation::new(OperationId::new("operation-1"))
        .step(&row(OperationState::Waiting, true), &now)
        .machine;
    let refused = OperationEvent::Refused { text: "denied".to_owned() };
    let outcomes = [
        claimed.clone().step(&refused, &now),
        claimed.step(&OperationEvent::DeadlineReached, &now.after(Duration::from_secs(600))),
    ];
    for step in outcomes {
        assert_eq!(step.machine.path(), "Finished/Failed");
        let [RowChange::SetOperationState(_, OperationState::Failed(text))] = step.rows.as_slice()
        else {
            panic!("no outcome in {:?}", step.rows);
        };
        assert!(!text.is_empty());
    }
}
