//! An unobserved deletion, and a namesake with a new UID.
//!
//! The watch was down while a user deleted a deployment and created another one of the same name.
//! Two machines meet: the new one waits until the old one's resources are removed, and neither
//! needs the lost event, because "no object has this UID" can be observed at any later time.
//!
//! Run with `cargo run --example missed_delete_and_recreation`.

mod support;

use machines::kinds::deployment::{Event, Namesake};
use machines::machine::Machine;
use machines::rows::OperationState;
use support::Story;

fn main() {
    let mut old = Story::new("team-a", "app", "uid-old", 100, "one");
    old.observe("created");
    old.operation(OperationState::Completed);
    old.report();
    old.write_status();
    assert_eq!(old.machine.path(), "Live/Settled");

    println!("\n== the watch is down; uid-old is deleted, uid-new has its name ==");
    let mut new = Story::new("team-a", "app", "uid-new", 200, "two");
    new.namesakes.push(Namesake::of(&old.machine));
    new.observe("seen for the first time");
    assert_eq!(new.machine.path(), "Live/Awaiting/AwaitingPredecessor");

    println!("\n== an observation of uid-old arrives that is older than what is known ==");
    let before = old.machine.clone();
    old.tell("a stale absence", &Event::Absent { as_of: machines::identity::Revision(50) });
    assert_eq!(old.machine, before, "a stale observation changes nothing");

    println!("\n== the list after the reconnect does not have uid-old ==");
    old.absent("no object has this UID");
    assert_eq!(old.machine.path(), "Terminating/Removing");
    let first = old.open();
    old.operation(OperationState::InProgress);
    old.operation(OperationState::Completed);
    assert!(first.is_some() && old.machine.is_gone(), "no object, so no finalizer to remove");

    println!("\n== the way is free ==");
    new.namesakes.clear();
    new.tell("a namesake is gone: check the facts", &Event::FactsChanged);
    assert_eq!(new.machine.path(), "Live/Dispatching");
    new.operation(OperationState::InProgress);
    new.operation(OperationState::Completed);
    new.report();
    new.write_status();
    assert_eq!(new.machine.path(), "Live/Settled");
    let ids = [&old, &new].map(|story| story.machine.record.uid.clone());
    assert_ne!(ids[0], ids[1]);
    println!("\nuid-new is deployed; nothing of uid-old is left.");
}
