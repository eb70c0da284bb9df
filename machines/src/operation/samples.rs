//! The sample events of an operation, and the exploration over them.

use super::application::{ApplicationDocument, ApplicationSpec};
use crate::diagram::chart::{Chart, NOW, STRIDE_MS, Sample, explore};
use crate::identity::{ApplicationId, ClusterUserId, DeploymentUid, OperationId, Timestamp};
use crate::machine::{Machine, Observation};
use crate::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationPhase, RowView, Wanted,
};
use crate::rows::{OperationState, Requester};

fn document() -> ApplicationDocument {
    let mut document = ApplicationDocument { name: "app".to_owned(), ..Default::default() };
    document.spec.source.path = "one".to_owned();
    document
}

fn operation_events(operation: &Operation) -> Vec<(&'static str, OperationEvent, Timestamp)> {
    let row = |state, document| {
        OperationEvent::RowObserved(Box::new(RowView {
            state,
            owner: ClusterUserId::new("user"),
            requester: Some(Requester::Deployment(DeploymentUid::new("deployment-uid"))),
            wanted: Wanted::Application { row: ApplicationId::new("application"), document },
        }))
    };
    let argo = |project_matches, application| {
        OperationEvent::ArgoObserved(Box::new(ArgoView { project_matches, application }))
    };
    let says = |spec| ApplicationView::Present {
        spec: Box::new(spec),
        labelled: true,
        deleting: false,
        sync: None,
    };
    let right = || says(document().spec);
    let wrong = || says(ApplicationSpec::default());
    let due = operation.wake_at().map_or(0, Timestamp::as_millis);
    let later = Timestamp::from_millis(due.saturating_add(STRIDE_MS));
    let failed = OperationState::Failed("refused".to_owned());
    let events = [
        ("an Application is wanted", row(OperationState::Waiting, Some(document()))),
        ("none is wanted", row(OperationState::InProgress, None)),
        ("it was completed", row(OperationState::Completed, None)),
        ("it had failed", row(failed, None)),
        ("", OperationEvent::RowAbsent),
        ("project and Application match", argo(true, right())),
        ("project matches, Application differs", argo(true, wrong())),
        ("project matches, no Application", argo(true, ApplicationView::Absent)),
        ("project matches, no Application seen", argo(true, ApplicationView::Unseen)),
        ("project differs, Application matches", argo(false, right())),
        ("project differs, no Application", argo(false, ApplicationView::Absent)),
        ("project differs, no Application seen", argo(false, ApplicationView::Unseen)),
        ("", OperationEvent::Refused { text: "denied".to_owned() }),
        ("", OperationEvent::ResourceAbsent),
        ("early", OperationEvent::DeadlineReached),
    ];
    let mut events: Vec<_> = events.into_iter().map(|(when, event)| (when, event, NOW)).collect();
    events.push(("passed", OperationEvent::DeadlineReached, later));
    events
}

/// Explores an operation.
pub fn operation() -> Chart {
    let initial = Operation::new(OperationId::new("operation"));
    let samples = |operation: &Operation| {
        let step = |(when, event, now): (&'static str, OperationEvent, Timestamp)| {
            let step = operation.clone().step(&event, &now);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        operation_events(operation).into_iter().map(step).collect()
    };
    let key = |operation: &Operation| match &operation.state {
        OperationPhase::Deleting { overdue, .. } => format!("Deleting {}", (*overdue).min(1)),
        _ => operation.path(),
    };
    explore("Operation", initial, |operation| operation.path(), key, samples)
}
