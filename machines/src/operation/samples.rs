//! The sample events of an operation, and the exploration over them.

use super::application::{ApplicationDocument, ApplicationSpec};
use crate::diagram::chart::{Chart, NOW, STRIDE_MS, Sample, explore};
use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, OperationId, Timestamp,
};
use crate::kinds::repository_credential::{CredentialId, CredentialUid};
use crate::kinds::sync_run::SyncRunUid;
use crate::machine::{Machine, Observation};
use crate::operation::sync::{LastSync, SyncOperationId, SyncedApplication, SyncsSeen, WantedSync};
use crate::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationPhase, RowView, SecretView,
    Wanted,
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
        OperationEvent::ArgoObserved(Box::new(ArgoView {
            project_matches,
            application,
            secret: SecretView::Unseen,
        }))
    };
    let says = |spec| ApplicationView::Present {
        spec: Box::new(spec),
        labelled: true,
        deleting: false,
        sync: None,
        syncs: Some(Box::default()),
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
    let events = events.into_iter().chain(secret_events()).chain(sync_events());
    let mut events: Vec<_> = events.map(|(when, event)| (when, event, NOW)).collect();
    events.push(("passed", OperationEvent::DeadlineReached, later));
    events
}

fn secret_events() -> [(&'static str, OperationEvent); 7] {
    let row = |secret: Option<&str>| {
        OperationEvent::RowObserved(Box::new(RowView {
            state: OperationState::Waiting,
            owner: ClusterUserId::new("user"),
            requester: Some(Requester::Credential(CredentialUid::new("credential-uid"))),
            wanted: Wanted::Credential {
                row: CredentialId::new("credential"),
                secret: secret.map(Digest::new),
            },
        }))
    };
    let shows = |project_matches, secret| {
        let application = ApplicationView::Unseen;
        OperationEvent::ArgoObserved(Box::new(ArgoView { project_matches, application, secret }))
    };
    let says = |digest: &str| {
        let digest = Digest::new(digest);
        SecretView::Present { digest, in_project: true, deleting: false }
    };
    let digest = Digest::new("one");
    let elsewhere = SecretView::Present { digest, in_project: false, deleting: false };
    [
        ("a repository Secret is wanted", row(Some("one"))),
        ("no repository Secret is wanted", row(None)),
        ("the Secret says it", shows(true, says("one"))),
        ("the Secret says it, project differs", shows(false, says("one"))),
        ("the Secret says something else", shows(true, says("two"))),
        ("the Secret is another project's", shows(true, elsewhere)),
        ("there is no Secret", shows(true, SecretView::Absent)),
    ]
}

fn sync_events() -> [(&'static str, OperationEvent); 13] {
    let sync = SyncOperationId::new("sync");
    let row = |application: bool, is_terminated| {
        let application = application.then(|| SyncedApplication {
            row: ApplicationId::new("application"),
            name: "app".to_owned(),
        });
        let revision = String::new();
        let wanted = WantedSync { application, document: document(), revision, is_terminated };
        OperationEvent::RowObserved(Box::new(RowView {
            state: OperationState::Waiting,
            owner: ClusterUserId::new("user"),
            requester: Some(Requester::SyncRun(SyncRunUid::new("run-uid"))),
            wanted: Wanted::Sync { row: sync.clone(), sync: Some(Box::new(wanted)) },
        }))
    };
    let shows = |deleting, syncs| {
        let application = ApplicationView::Present {
            spec: Box::new(document().spec),
            labelled: true,
            deleting,
            sync: None,
            syncs: Some(Box::new(syncs)),
        };
        OperationEvent::ArgoObserved(Box::new(ArgoView {
            project_matches: true,
            application,
            secret: SecretView::Unseen,
        }))
    };
    let last = |sync: Option<&SyncOperationId>, phase: &str, is_finished| LastSync {
        sync: sync.cloned(),
        phase: phase.to_owned(),
        is_finished,
        is_compared: true,
        is_synced: true,
        ..LastSync::default()
    };
    let ran = |last: LastSync| SyncsSeen {
        is_requested: !last.is_finished,
        last: Some(last),
        ..SyncsSeen::default()
    };
    let noted = || SyncsSeen { noted: Some(sync.clone()), ..SyncsSeen::default() };
    let requested = || SyncsSeen { is_requested: true, requested: Some(sync.clone()), ..noted() };
    [
        ("a sync is wanted", row(true, false)),
        ("its end is wanted", row(true, true)),
        ("its deployment is gone", row(false, false)),
        ("its deployment is gone, and so is the run", row(false, true)),
        ("the sync is requested", shows(false, requested())),
        ("the sync runs", shows(false, ran(last(Some(&sync), "Running", false)))),
        ("the sync succeeded", shows(false, ran(last(Some(&sync), "Succeeded", true)))),
        ("the sync failed", shows(false, ran(last(Some(&sync), "Failed", true)))),
        ("another runs", shows(false, ran(last(None, "Running", false)))),
        ("the sync was requested, and another ran", shows(false, noted())),
        ("the Application is being deleted", shows(true, SyncsSeen::default())),
        ("the sync is requested, and the Application is being deleted", shows(true, requested())),
        ("another has ended", shows(false, ran(last(None, "Succeeded", true)))),
    ]
}

/// Explores an operation.
pub(crate) fn operation() -> Chart {
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
