//! The life of one deployment: created, deployed, edited, broken, repaired, deleted.
//!
//! Shows the machine's states and what each of them requires. An invalid spec stops nothing that
//! runs; the finalizer is removed only after the Application is gone.
//!
//! Run with `cargo run --example life_of_a_deployment`.

mod support;

use machines::machine::Machine;
use machines::rows::OperationState;
use support::Story;

fn deploy(story: &mut Story) {
    story.operation(OperationState::InProgress);
    story.operation(OperationState::Completed);
    story.report();
    story.write_status();
}

fn main() {
    let mut story = Story::new("team-a", "app", "uid-1", 100, "staging");
    story.observe("created for folder \"staging\"");
    deploy(&mut story);
    assert_eq!(story.machine.path(), "Live/Settled");
    assert_eq!(story.condition("Ready").map(|ready| ready.0), Some("True"));
    assert!(story.machine.wake_at().is_none(), "a settled deployment costs nothing");

    println!("\n== the user moves on to another folder ==");
    story.edit("production");
    story.observe("edited to folder \"production\"");
    deploy(&mut story);
    assert_eq!(story.machine.path(), "Live/Settled");

    println!("\n== the user forgets the folder ==");
    story.edit("");
    story.observe("edited to an empty folder");
    story.write_status();
    assert_eq!(story.machine.path(), "Live/Rejected");
    let error = story.condition("ErrorOccurred").map(|error| error.0);
    assert_eq!(error, Some("True"));
    let application = story.machine.record.application.as_ref();
    assert!(application.is_some_and(|one| one.applied), "the last good Application keeps running");

    println!("\n== the user goes back to what already runs ==");
    story.edit("production");
    story.observe("edited to folder \"production\"");
    assert!(story.open().is_none(), "nothing has to be done for it");
    story.report();
    story.write_status();
    assert_eq!(story.machine.path(), "Live/Settled");
    assert_eq!(story.condition("ErrorOccurred"), Some(("False", "")));

    println!("\n== the user deletes it ==");
    story.delete();
    story.observe("being deleted");
    story.operation(OperationState::InProgress);
    assert_eq!(story.machine.path(), "Terminating/Removing");
    story.operation(OperationState::Completed);
    assert_eq!(story.machine.path(), "Terminating/Finalizing");
    story.absent("the finalizer was removed, the object is gone");
    assert!(story.machine.is_gone());
    println!("\nThe deployment is gone, and so is everything that it required.");
}
