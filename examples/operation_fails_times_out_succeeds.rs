//! An operation that fails, one that is never answered, and one that succeeds.
//!
//! A failure is retried after a growing pause; an agent that does not answer is reported in the
//! status, and asked again with the same operation; a success clears the error. The agent's own
//! machine runs alongside for the last one.
//!
//! Run with `cargo run --example operation_fails_times_out_succeeds`.

mod support;

use machines::identity::Timestamp;
use machines::machine::Machine;
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationObligation, RowView, SecretView,
    Wanted,
};
use machines::rows::{OperationState, Requester, RowChange};
use support::{Story, row_text, short, spec};

/// Sends an event to the agent's machine, prints the result, and returns the state of its row.
fn tell(
    operation: &mut Operation,
    what: &str,
    event: &OperationEvent,
    now: Timestamp,
) -> Option<OperationState> {
    let before = operation.path();
    let step = operation.clone().step(event, &now);
    *operation = step.machine;
    println!("[{:>6} ms] agent, {}: {what}", now.as_millis(), short(operation.record.id.as_str()));
    println!("    state   {before} -> {}", operation.path());
    step.rows.iter().for_each(|row| println!("    row     {}", row_text(row)));
    for owed in operation.obligations() {
        let text = match owed {
            OperationObligation::ProjectWritten(_) => "the AppProject says what it should",
            OperationObligation::ApplicationWritten(..) => "the Application says what the row says",
            OperationObligation::ApplicationRemoved(_) => "there is no Application for the row",
            OperationObligation::ClusterWritten(..) => "the cluster Secret says what the row says",
            OperationObligation::ClusterRemoved(_) => "there is no cluster Secret for the row",
            OperationObligation::SecretWritten(..) => {
                "the repository Secret says what the row says"
            }
            OperationObligation::SecretRemoved(_) => "there is no repository Secret for the row",
            OperationObligation::SyncRequested(..) => "Argo CD was asked for the sync",
            OperationObligation::ApplicationSought(_) => "it is known whether it exists",
            OperationObligation::SyncEnded(..) => "Argo CD does not run the sync",
            OperationObligation::ResourceRemoved(_) => "the Operation CR does not exist",
        };
        println!("    needs   {text}");
    }
    step.rows.into_iter().find_map(|row| match row {
        RowChange::SetOperationState(_, state) => Some(state),
        _ => None,
    })
}

/// The agent's side of the open operation, from the CR to the end.
fn agent(story: &mut Story) {
    let Some(id) = story.open() else { return };
    let record = story.machine.record.clone();
    let Some(application) = record.application else {
        return;
    };
    let document = machines::kinds::deployment::render::render(
        &record.uid,
        &record.namespace,
        &spec("one"),
        "argocd",
        machines::operation::application::project_name(&application.user),
    );
    let row = OperationEvent::RowObserved(Box::new(RowView {
        state: OperationState::Waiting,
        owner: application.user,
        requester: Some(Requester::Deployment(record.uid)),
        wanted: Wanted::Application { row: application.id, document: Some(document.clone()) },
    }));
    let argo = |application| {
        OperationEvent::ArgoObserved(Box::new(ArgoView {
            project_matches: true,
            application,
            secret: SecretView::Unseen,
        }))
    };
    let written = ApplicationView::Present {
        spec: Box::new(document.spec),
        labelled: true,
        deleting: false,
        sync: None,
        syncs: Some(Box::default()),
    };
    let mut operation = Operation::new(id);
    let events = [
        ("the CR exists; its row was read", row),
        ("the project permits it, there is no Application", argo(ApplicationView::Absent)),
        ("the Application was written", argo(written)),
        ("the Operation CR is gone", OperationEvent::ResourceAbsent),
    ];
    for (what, event) in events {
        if let Some(state) = tell(&mut operation, what, &event, story.now) {
            story.operation(state);
        }
    }
    assert!(operation.is_gone(), "the agent keeps nothing of finished work");
}

fn main() {
    let mut story = Story::new("team-a", "app", "uid-1", 100, "one");
    story.observe("created");
    let first = story.open();

    println!("\n== the first operation fails ==");
    story.operation(OperationState::Failed("admission webhook refused the Application".to_owned()));
    story.write_status();
    assert_eq!(story.machine.path(), "Live/BackingOff");
    let error = story.condition("ErrorOccurred").map(|error| error.1.to_owned());
    assert_eq!(error.as_deref(), Some("admission webhook refused the Application"));

    println!("\n== after a pause it is requested again, and nothing answers ==");
    assert!(story.wait_for_deadline());
    let second = story.open();
    assert!(second.is_some() && second != first, "a new operation with a new id");
    story.operation(OperationState::InProgress);
    assert!(story.wait_for_deadline(), "a wait for machinery has a deadline");
    story.write_status();
    assert_eq!(story.machine.path(), "Live/Dispatching");
    assert_eq!(story.open(), second, "the same operation is signalled again");
    let slow = story.condition("ErrorOccurred").map(|error| error.1.to_owned());
    assert!(slow.is_some_and(|text| text.contains("goes on trying")), "the user is informed");

    println!("\n== the agent is back ==");
    agent(&mut story);
    story.report();
    story.write_status();
    assert_eq!(story.machine.path(), "Live/Settled");
    assert_eq!(story.condition("ErrorOccurred"), Some(("False", "")));
    assert_eq!(story.machine.record.failures, 0);
    println!("\nThe deployment is settled, and the error is resolved.");
}
