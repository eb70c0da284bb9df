//! Arbitrary sync runs.

use machines::kinds::sync_run::facts::{
    DeploymentFact, ExistingSync, OtherRun, SettledApplication, SyncRunFacts, SyncTarget,
};
use machines::kinds::sync_run::lifecycle::SyncRunState;
use machines::kinds::sync_run::{
    SyncRecord, SyncRun, SyncRunEvent, SyncRunRecord, SyncRunSnapshot, SyncRunSpec, SyncRunUid,
};

use super::*;

/// The run that all others here are not.
const UID: &str = "run-2";

/// A spec: usual ones, and some that no deployment or no revision can have.
pub fn run_spec() -> BoxedStrategy<SyncRunSpec> {
    let name = prop_oneof![
        6 => Just("app".to_owned()),
        2 => Just("web".to_owned()),
        1 => text(),
    ];
    let revision = prop_oneof![4 => Just(String::new()), 2 => Just("v1".to_owned()), 1 => text()];
    (name, revision)
        .prop_map(|(deployment_name, revision)| SyncRunSpec { deployment_name, revision })
        .boxed()
}

fn deployment_uid() -> BoxedStrategy<DeploymentUid> {
    prop_oneof![4 => Just("uid-1"), 1 => Just("uid-2")].prop_map(DeploymentUid::new).boxed()
}

fn sync_record() -> BoxedStrategy<SyncRecord> {
    let id = prop_oneof![3 => Just(UID), 1 => Just("sync-of-old")].prop_map(SyncOperationId::new);
    (id, option::of(deployment_uid()), instance())
        .prop_map(|(id, deployment, instance)| {
            let user = ClusterUserId::new("user-1");
            SyncRecord { id, deployment, user, instance }
        })
        .boxed()
}

fn state() -> BoxedStrategy<SyncRunState> {
    (moment(), count(), 0..10_u8)
        .prop_map(|(deadline, overdue, index)| match index {
            0 => SyncRunState::Unseen {},
            1 => SyncRunState::AwaitingDeployment {},
            2 => SyncRunState::AwaitingSettled {},
            3 => SyncRunState::AwaitingTurn {},
            4 => SyncRunState::Running { deadline, overdue },
            5 => SyncRunState::Succeeded {},
            6 => SyncRunState::Failed {},
            7 => SyncRunState::Rejected {},
            8 => SyncRunState::Terminating { deadline, overdue },
            _ => SyncRunState::Gone {},
        })
        .boxed()
}

fn run_record() -> BoxedStrategy<SyncRunRecord> {
    let open =
        (operation_id(), any::<bool>()).prop_map(|(id, claimed)| OpenOperation { id, claimed });
    let seen = (moment(), revision(), generation(), run_spec(), any::<bool>());
    let work = (option::of(run_spec()), option::of(sync_record()), count(), option::of(open));
    let told = (text(), option::of(generation()), any::<bool>(), digest());
    (seen, work, moment(), told)
        .prop_map(|(seen, work, born, told)| {
            let (created, last_seen, generation, spec, present) = seen;
            let (accepted, sync, operations, open) = work;
            let (message, ended, complained, actual) = told;
            SyncRunRecord {
                created,
                last_seen,
                generation,
                spec,
                present,
                accepted,
                sync,
                message,
                ended,
                complained,
                born,
                operations,
                open,
                actual,
                ..new_run().record
            }
        })
        .boxed()
}

/// A run that was never seen.
pub fn new_run() -> SyncRun {
    SyncRun::new(SyncRunUid::new(UID), TenantUid::new("tenant-1"), "team-a", "sync")
}

/// Any sync run that the types permit.
pub fn sync_run() -> BoxedStrategy<SyncRun> {
    (state(), mirror(), run_record())
        .prop_map(|(lifecycle, mirror, record)| SyncRun { lifecycle, mirror, record })
        .boxed()
}

/// Any sync run whose turn has not come.
pub fn waiting_sync_run() -> BoxedStrategy<SyncRun> {
    let wait = (0..3_u8).prop_map(|index| match index {
        0 => SyncRunState::AwaitingDeployment {},
        1 => SyncRunState::AwaitingSettled {},
        _ => SyncRunState::AwaitingTurn {},
    });
    (sync_run(), wait)
        .prop_map(|(run, lifecycle)| {
            let SyncRunRecord { created, last_seen, generation, spec, actual, .. } = run.record;
            let nothing_done = new_run().record;
            let record = SyncRunRecord {
                created,
                last_seen,
                generation,
                spec,
                actual,
                present: true,
                ..nothing_done
            };
            SyncRun { lifecycle, mirror: run.mirror, record }
        })
        .boxed()
}

/// Any sync run that has ended.
pub fn ended_sync_run() -> BoxedStrategy<SyncRun> {
    let end = prop_oneof![
        Just(SyncRunState::Succeeded {}),
        Just(SyncRunState::Failed {}),
        Just(SyncRunState::Rejected {}),
    ];
    (sync_run(), end, generation())
        .prop_map(|(mut run, end, generation)| {
            run.lifecycle = end;
            run.record.ended = Some(generation);
            run.record.accepted.get_or_insert_default();
            run
        })
        .boxed()
}

fn run_snapshot() -> BoxedStrategy<SyncRunSnapshot> {
    let metadata = (revision(), generation(), moment(), any::<bool>());
    (metadata, run_spec(), vec(condition(), 0..3))
        .prop_map(|((revision, generation, created, deleting), spec, conditions)| SyncRunSnapshot {
            revision,
            generation,
            created,
            deleting,
            spec,
            conditions,
        })
        .boxed()
}

/// Any event of a sync run.
pub fn sync_run_event() -> BoxedStrategy<SyncRunEvent> {
    let operation = (operation_id(), option::of(operation_state()), text());
    prop_oneof![
        3 => run_snapshot().prop_map(|snapshot| SyncRunEvent::Observed(Box::new(snapshot))),
        1 => revision().prop_map(|as_of| SyncRunEvent::Absent { as_of }),
        2 => operation.prop_map(|(id, state, message)| SyncRunEvent::OperationObserved {
            id,
            state,
            message,
        }),
        2 => Just(SyncRunEvent::FactsChanged),
        2 => Just(SyncRunEvent::DeadlineReached),
    ]
    .boxed()
}

fn settled_application() -> BoxedStrategy<SettledApplication> {
    (application_id(), instance())
        .prop_map(|(id, instance)| {
            let user = ClusterUserId::new("user-1");
            SettledApplication { id, user, instance }
        })
        .boxed()
}

/// A deployment as a run sees it: most often one that may be synced.
pub fn deployment_fact() -> BoxedStrategy<DeploymentFact> {
    let is_manual = prop_oneof![4 => Just(true), 1 => Just(false)];
    let settled = prop_oneof![
        4 => settled_application().prop_map(Some),
        1 => Just(None),
    ];
    let target = (deployment_uid(), is_manual, settled).prop_map(|(uid, is_manual, settled)| {
        DeploymentFact::Present(Box::new(SyncTarget {
            uid,
            generation: Generation(1),
            is_manual,
            settled,
        }))
    });
    prop_oneof![
        1 => Just(DeploymentFact::Unknown),
        1 => Just(DeploymentFact::Missing),
        6 => target,
    ]
    .boxed()
}

/// Other runs of a deployment, created before, with or after this one.
pub fn other_runs() -> BoxedStrategy<Vec<OtherRun>> {
    let uid = prop_oneof![Just("run-1"), Just("run-3")].prop_map(SyncRunUid::new);
    let created = prop_oneof![3 => 0..3_000_i64, 1 => Just(i64::MAX)];
    let has_turn = prop_oneof![1 => Just(true), 3 => Just(false)];
    let other = (uid, created, has_turn).prop_map(|(uid, created, has_turn)| {
        let created = Timestamp::from_millis(created);
        OtherRun { uid, created, has_turn }
    });
    prop_oneof![2 => Just(Vec::new()), 1 => vec(other, 0..3)].boxed()
}

fn existing_sync() -> BoxedStrategy<ExistingSync> {
    (option::of(settled_application()), run_spec(), any::<bool>())
        .prop_map(|(application, spec, is_open)| ExistingSync {
            sync: SyncOperationId::new("sync-of-old"),
            application,
            deployment_name: spec.deployment_name,
            revision: spec.revision,
            is_open,
        })
        .boxed()
}

/// Any facts of a sync run.
pub fn sync_run_facts() -> BoxedStrategy<SyncRunFacts> {
    let existing = prop_oneof![4 => Just(None), 1 => existing_sync().prop_map(Some)];
    let has_begun = prop_oneof![4 => Just(false), 1 => Just(true)];
    (moment(), deployment_fact(), other_runs(), existing, has_begun, style())
        .prop_map(|(now, deployment, others, existing, has_begun, conditions)| SyncRunFacts {
            now,
            deployment,
            others,
            existing,
            has_begun,
            conditions,
        })
        .boxed()
}
