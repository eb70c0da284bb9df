//! Two tenants: one changes forty deployments at once, the other changes one.
//!
//! Machines are independent: a step of one touches no row and no fact of another, so they may be
//! stepped in any order. The runtime's inbox lets tenants take turns, and the quiet tenant's
//! deployment is settled in the first turn although the hot tenant came first. An observation that
//! arrives while another one for the same machine waits is merged with it.
//!
//! Run with `cargo run --example two_tenants_one_hot`.

mod support;

use std::collections::BTreeMap;

use machines::machine::Machine;
use machines::rows::OperationState;
use managed_gitops::runtime::inbox::{Coalesce, Inbox};
use support::Story;

/// How many deployments the hot tenant changes at once.
const HOT: usize = 40;
/// How many machines one batch takes.
const BATCH: usize = 8;

/// How often a deployment was observed since its machine's last turn.
struct Seen(usize);

impl Coalesce for Seen {
    fn absorb(&mut self, newer: Self) {
        self.0 += newer.0;
    }
}

/// Runs a machine to the end in one turn; what it waits for is available at once.
fn turn(story: &mut Story) {
    story.observe("seen");
    story.operation(OperationState::InProgress);
    story.operation(OperationState::Completed);
    story.report();
    story.write_status();
}

fn story(tenant: &str, index: usize) -> (String, Story) {
    let uid = format!("{tenant}-{index}");
    let mut story = Story::new(tenant, &format!("app-{index}"), &uid, 1, "one");
    story.told_aloud = false;
    (uid, story)
}

fn main() {
    let mut stories: BTreeMap<String, Story> = (0..HOT).map(|index| story("hot", index)).collect();
    let inbox = Inbox::default();
    for index in 0..HOT {
        inbox.offer("hot", format!("hot-{index}"), Seen(1));
    }
    // A hot deployment that changes again while it waits gets no second place in the queue.
    inbox.offer("hot", "hot-7".to_owned(), Seen(1));
    stories.extend([story("quiet", 0)]);
    inbox.offer("quiet", "quiet-0".to_owned(), Seen(1));
    assert_eq!(inbox.len(), HOT + 1);

    let mut order: Vec<String> = Vec::new();
    let mut observations = 0;
    while !inbox.is_empty() {
        let batch = inbox.take(BATCH);
        let keys: Vec<&str> = batch.iter().map(|(_, key, _)| key.as_str()).collect();
        println!("a batch of {}: {}", batch.len(), keys.join(", "));
        for (_, key, Seen(times)) in batch {
            observations += times;
            stories.get_mut(&key).into_iter().for_each(turn);
            order.push(key);
        }
    }
    let place = order.iter().position(|key| key == "quiet-0").unwrap_or(usize::MAX);
    println!("{} deployments are settled, after {observations} observations", order.len());
    println!("{place} of the hot tenant's came before the quiet tenant's");

    assert!(place <= 1, "it waited for {place} deployments of the hot tenant");
    assert_eq!((order.len(), observations), (HOT + 1, HOT + 2));
    for (key, story) in &stories {
        let record = &story.machine.record;
        assert_eq!(story.machine.path(), "Live/Settled", "{key}");
        assert!(story.machine.wake_at().is_none() && story.open().is_none(), "{key} is at rest");
        let user = record.application.as_ref().map(|application| &application.user);
        let tenant = support::tenant_rows(&record.namespace);
        assert_eq!(user, Some(&tenant.user), "nothing crosses tenants");
    }
}
