//! Four sync runs of one deployment: they wait for it, run one after the other in the order of their
//! creation, and each ends once.
//!
//! Shows the machine of a sync run with the facts that it looks at: the deployment, and the other
//! runs that have not ended.
//!
//! Run with `cargo run --example sync_runs_in_a_row`.

mod support;

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Generation, InstanceId, OperationId, Revision,
    TenantUid, Timestamp,
};
use machines::kinds::sync_run::facts::{
    DeploymentFact, OtherRun, SettledApplication, SyncRunFacts, SyncTarget,
};
use machines::kinds::sync_run::{
    SyncRun, SyncRunEvent, SyncRunObligation, SyncRunSnapshot, SyncRunSpec, SyncRunUid,
};
use machines::machine::Machine;
use machines::rows::OperationState;
use support::{STYLE, row_text};

/// The runs of one deployment, and what they look at.
struct Queue {
    runs: Vec<SyncRun>,
    deployment: DeploymentFact,
    now: Timestamp,
}

impl Queue {
    fn facts(&self, uid: &SyncRunUid) -> SyncRunFacts {
        let waiting = self.runs.iter().filter(|run| run.deployment_name().is_some());
        let others = waiting.map(OtherRun::of).filter(|other| other.uid != *uid);
        SyncRunFacts {
            now: self.now,
            deployment: self.deployment.clone(),
            others: others.collect(),
            existing: None,
            has_begun: false,
            conditions: STYLE,
        }
    }

    /// Steps a run, and prints what came of it.
    fn tell(&mut self, which: usize, event: &SyncRunEvent) {
        let run = self.runs[which].clone();
        let before = run.path();
        let step = run.clone().step(event, &self.facts(&run.record.uid));
        if step.machine.path() != before {
            println!("{}: {before} -> {}", run.record.name, step.machine.path());
        }
        step.rows.iter().for_each(|row| println!("    row     {}", row_text(row)));
        self.runs[which] = step.machine;
    }

    /// The deployment or a run has changed: each run looks again.
    fn look_again(&mut self) {
        for which in 0..self.runs.len() {
            self.tell(which, &SyncRunEvent::FactsChanged);
        }
    }

    fn create(&mut self, which: usize, name: &str, created: i64) {
        let tenant = TenantUid::new("uid-of-team-a");
        self.runs.push(SyncRun::new(SyncRunUid::new(name), tenant, "team-a", name));
        let spec = SyncRunSpec { deployment_name: "shop".to_owned(), revision: "v1".to_owned() };
        let snapshot = SyncRunSnapshot {
            revision: Revision(1),
            generation: Generation(1),
            created: Timestamp::from_millis(created),
            spec,
            ..SyncRunSnapshot::default()
        };
        self.tell(which, &SyncRunEvent::Observed(Box::new(snapshot)));
    }

    fn open(&self, which: usize) -> Option<OperationId> {
        self.runs[which].record.open.as_ref().map(|open| open.id.clone())
    }

    /// The agent says how the sync of a run has ended.
    fn end(&mut self, which: usize, state: OperationState, message: &str) {
        let Some(id) = self.open(which) else { return };
        let message = message.to_owned();
        self.tell(which, &SyncRunEvent::OperationObserved { id, state: Some(state), message });
        self.look_again();
    }

    fn result(&self, which: usize) -> String {
        let obligations = self.runs[which].obligations(STYLE).into_iter();
        let view = obligations.filter_map(|one| match one {
            SyncRunObligation::StatusWritten(view) => Some(view),
            SyncRunObligation::OperationCreated(_) | SyncRunObligation::ChangeAnnounced(_) => None,
        });
        let conditions = view.flat_map(|view| view.conditions);
        let says = conditions.map(|one| format!("{}={} {}", one.type_, one.status, one.message));
        says.collect::<Vec<_>>().join("; ")
    }
}

fn settled() -> DeploymentFact {
    let application = SettledApplication {
        id: ApplicationId::new("application"),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("argocd"),
    };
    let uid = DeploymentUid::new("shop-uid");
    let target =
        SyncTarget { uid, generation: Generation(1), is_manual: true, settled: Some(application) };
    DeploymentFact::Present(Box::new(target))
}

fn main() {
    let now = Timestamp::from_millis(10_000);
    let mut queue = Queue { runs: Vec::new(), deployment: DeploymentFact::Missing, now };
    for (which, (name, created)) in
        [("second", 2_000), ("first", 1_000), ("third", 3_000), ("fourth", 3_000)]
            .iter()
            .enumerate()
    {
        queue.create(which, name, *created);
    }
    println!("\n== the deployment appears ==");
    queue.deployment = settled();
    queue.look_again();
    assert!(queue.open(1).is_some(), "the one that was created first");
    assert!(queue.open(0).is_none() && queue.open(2).is_none(), "and no other");

    println!("\n== the first sync succeeds ==");
    queue.end(1, OperationState::Completed, "0123abc");
    println!("    status  {}", queue.result(1));

    println!("\n== the third run is deleted while it waits ==");
    queue.tell(2, &SyncRunEvent::Absent { as_of: Revision(2) });
    assert!(queue.runs[2].is_gone(), "nothing was done for it");

    println!("\n== the second sync fails ==");
    queue.end(0, OperationState::Failed("the sync ended in phase Failed".to_owned()), "");
    println!("    status  {}", queue.result(0));

    println!("\n== the fourth run is deleted while it runs ==");
    queue.tell(3, &SyncRunEvent::Absent { as_of: Revision(2) });
    queue.end(3, OperationState::Completed, "");
    assert!(queue.runs[3].is_gone(), "its sync has ended, and its rows are gone");
    assert_eq!(queue.runs[1].path(), "Live/Finished/Succeeded");
    assert_eq!(queue.runs[0].path(), "Live/Finished/Failed");
}
