//! Properties of the agent's operation on a sync: it is requested only while it may be, and never
//! again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid, OperationId, Timestamp};
use machines::kinds::deployment::render::render;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::machine::{Machine, Step};
use machines::operation::application::{ApplicationDocument, application_name};
use machines::operation::sync::{
    ApplicationUid, LastSync, SyncOperationId, SyncStage, SyncedApplication, SyncsSeen, WantedSync,
};
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationObligation, OperationPhase,
    RowView, SecretView, Wanted,
};
use machines::rows::{OperationState, RowChange, Target};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptests::{arbitrary, config};

/// The most looks that a helpful environment needs: claim, request, end, and the end of the CR.
const SETTLE_LIMIT: usize = 8;

fn sync() -> SyncOperationId {
    SyncOperationId::new("sync-1")
}

fn another() -> SyncOperationId {
    SyncOperationId::new("sync-2")
}

fn document(path: &str) -> ApplicationDocument {
    let spec = DeploymentSpec { path: path.to_owned(), ..DeploymentSpec::default() };
    render(&DeploymentUid::new("uid-1"), "team-a", &spec, "argocd", "default".to_owned())
}

/// What the agent looks at, each time: the row and then the Application.
#[derive(Clone, Debug)]
struct Look {
    row: RowView,
    application: ApplicationView,
    /// What happens besides.
    event: Option<OperationEvent>,
    pause: u64,
}

/// One look, and what came of it.
#[derive(Clone, Debug)]
struct Seen {
    before: Operation,
    look: Look,
    after: Operation,
    rows: Vec<RowChange>,
}

fn row(path: &str, revision: &str, is_terminated: bool) -> RowView {
    let application = SyncedApplication {
        row: ApplicationId::new("application-1"),
        name: application_name(&DeploymentUid::new("uid-1")),
    };
    let wanted = WantedSync {
        application: Some(application),
        document: document(path),
        revision: revision.to_owned(),
        is_terminated,
    };
    RowView {
        state: OperationState::Waiting,
        owner: ClusterUserId::new("user-1"),
        requester: None,
        wanted: Wanted::Sync { row: sync(), sync: Some(Box::new(wanted)) },
    }
}

/// A row that most often asks for the sync of the same document.
fn any_row() -> impl Strategy<Value = RowView> {
    let path = prop_oneof![8 => Just("one"), 1 => Just("two")];
    let revision = prop_oneof![Just(""), Just("v1")];
    let flags =
        prop_oneof![30 => Just((false, true)), 1 => Just((true, true)), 1 => Just((false, false))];
    (path, revision, flags).prop_map(|(path, revision, (is_terminated, is_deployed))| {
        let mut row = row(path, revision, is_terminated);
        if let (Wanted::Sync { sync: Some(sync), .. }, false) = (&mut row.wanted, is_deployed) {
            sync.application = None;
        }
        row
    })
}

fn present(path: &str, deleting: bool, syncs: SyncsSeen) -> ApplicationView {
    ApplicationView::Present {
        spec: Box::new(document(path).spec),
        labelled: true,
        deleting,
        sync: None,
        syncs: Some(Box::new(syncs)),
    }
}

fn last(sync: Option<SyncOperationId>, phase: &str) -> LastSync {
    LastSync {
        sync,
        phase: phase.to_owned(),
        message: phase.to_lowercase(),
        revision: "abc".to_owned(),
        is_finished: !["Running", "Terminating"].contains(&phase),
        is_compared: true,
        is_synced: true,
        to_prune: 0,
    }
}

fn any_syncs() -> impl Strategy<Value = SyncsSeen> {
    let named =
        || prop_oneof![3 => Just(None), 1 => Just(Some(sync())), 1 => Just(Some(another()))];
    let phase =
        prop_oneof![Just("Running"), Just("Terminating"), Just("Succeeded"), Just("Failed")];
    let any_last = (named(), phase).prop_map(|(sync, phase)| last(sync, phase));
    let any = (named(), any::<bool>(), named(), option::of(any_last)).prop_map(
        |(noted, is_requested, requested, last)| {
            let requested = requested.filter(|_| is_requested);
            SyncsSeen { noted, is_requested, requested, last, ..SyncsSeen::default() }
        },
    );
    let application = prop_oneof![12 => Just(""), 1 => Just("another")];
    let seen = prop_oneof![2 => Just(SyncsSeen::default()), 1 => any];
    (application, seen).prop_map(|(application, seen)| SyncsSeen {
        application: ApplicationUid::new(application),
        ..seen
    })
}

fn any_look() -> impl Strategy<Value = Look> {
    let path = prop_oneof![6 => Just("one"), 1 => Just("two")];
    let seen = (path, prop_oneof![20 => Just(false), 1 => Just(true)], any_syncs());
    let application = prop_oneof![
        1 => Just(ApplicationView::Unseen),
        1 => Just(ApplicationView::Absent),
        10 => seen.prop_map(|(path, deleting, syncs)| present(path, deleting, syncs)),
    ];
    let event = prop_oneof![
        8 => Just(None),
        2 => Just(Some(OperationEvent::DeadlineReached)),
        1 => Just(Some(OperationEvent::ResourceAbsent)),
        1 => Just(Some(OperationEvent::RowAbsent)),
    ];
    let pause = prop_oneof![2 => Just(0_u64), 1 => 0..300_000_u64];
    (any_row(), application, event, pause).prop_map(|(row, application, event, pause)| Look {
        row,
        application,
        event,
        pause,
    })
}

/// An operation that looked at these, from its beginning.
fn walk(length: usize) -> impl Strategy<Value = Vec<Seen>> {
    vec(any_look(), 1..length).prop_map(|looks| {
        let mut operation = Operation::new(OperationId::new("operation-1"));
        let mut now = Timestamp::from_millis(0);
        let mut all = Vec::new();
        for look in looks {
            now = now.after(Duration::from_millis(look.pause));
            let before = operation.clone();
            let mut rows = Vec::new();
            let mut events = vec![OperationEvent::RowObserved(Box::new(look.row.clone()))];
            events.push(argo(look.application.clone()));
            events.extend(look.event.clone());
            for event in events {
                let Step { machine, rows: more, .. } = operation.step(&event, &now);
                operation = machine;
                rows.extend(more);
            }
            all.push(Seen { before, look, after: operation.clone(), rows });
        }
        all
    })
}

fn argo(application: ApplicationView) -> OperationEvent {
    OperationEvent::ArgoObserved(Box::new(ArgoView {
        project_matches: true,
        application,
        secret: SecretView::Unseen,
    }))
}

fn requests(operation: &Operation) -> bool {
    let obligations = operation.obligations();
    obligations.iter().any(|one| matches!(one, OperationObligation::SyncRequested(..)))
}

/// What is seen of syncs, unless the Application is being deleted.
fn syncs(application: &ApplicationView) -> Option<&SyncsSeen> {
    match application {
        ApplicationView::Present { deleting: false, syncs, .. } => syncs.as_deref(),
        _ => None,
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_sync_is_requested_only_while_the_application_is_as_it_should_be_idle_and_unaware_of_it(
        walk in walk(40),
    ) {
        for Seen { before, look, after, .. } in walk {
            let unseen = look.application == ApplicationView::Unseen;
            if !requests(&after) || (unseen && requests(&before)) {
                continue;
            }
            let Wanted::Sync { sync: Some(wanted), .. } = &look.row.wanted else {
                return Err(TestCaseError::fail("nothing is wanted"));
            };
            prop_assert!(!wanted.is_terminated);
            let ApplicationView::Present { spec, syncs: Some(syncs), deleting, .. } =
                &look.application
            else {
                return Err(TestCaseError::fail(format!("{:?} is seen", look.application)));
            };
            prop_assert!(!deleting);
            prop_assert_eq!(&**spec, &wanted.document.spec);
            prop_assert_eq!(syncs.stage(&sync()), SyncStage::Idle);
            prop_assert!(!syncs.knows(&sync()));
            let OperationPhase::RequestingSync { request, .. } = &after.state else { panic!() };
            let revision = if wanted.revision.is_empty() { "HEAD" } else { &wanted.revision };
            prop_assert_eq!((&request.sync, request.revision.as_str()), (&sync(), revision));
        }
    }

    #[test]
    fn a_sync_that_the_application_knew_is_never_requested_again(walk in walk(60)) {
        let mut was_known = false;
        for Seen { look, after, .. } in walk {
            was_known |= syncs(&look.application).is_some_and(|syncs| syncs.knows(&sync()));
            prop_assert!(!(was_known && requests(&after)));
        }
    }

    // Each request is on its way from then on, and may have been carried out.
    #[test]
    fn a_sync_is_requested_of_one_application_only(walk in walk(60)) {
        let mut asked: Option<ApplicationUid> = None;
        for Seen { after, .. } in walk {
            let OperationPhase::RequestingSync { request, .. } = &after.state else { continue };
            let first = asked.get_or_insert_with(|| request.application.clone());
            prop_assert_eq!(&*first, &request.application);
        }
    }

    #[test]
    fn a_sync_that_is_to_end_is_never_requested_again(walk in walk(60)) {
        let mut is_to_end = false;
        for Seen { look, after, .. } in walk {
            let Wanted::Sync { sync: Some(wanted), .. } = &look.row.wanted else { panic!() };
            is_to_end |= wanted.is_terminated;
            if is_to_end {
                prop_assert!(!requests(&after));
                let path = after.path();
                let is_leaving = path == "InProgress/EndingSync"
                    || path.starts_with("Finished/")
                    || path == "Collected";
                prop_assert!(is_leaving, "{path}");
            }
        }
    }

    #[test]
    fn a_sync_that_is_to_end_completes_only_once_it_can_neither_run_nor_begin(walk in walk(60)) {
        for Seen { before, look, after, .. } in walk {
            let was_ending = matches!(before.state, OperationPhase::EndingSync { .. });
            if !was_ending || matches!(after.state, OperationPhase::EndingSync { .. }) {
                continue;
            }
            let Wanted::Sync { sync: Some(wanted), .. } = &look.row.wanted else { panic!() };
            let Some(syncs) = syncs(&look.application).filter(|_| wanted.application.is_some())
            else {
                continue;
            };
            let stage = syncs.stage(&sync());
            prop_assert!(!matches!(stage, SyncStage::Requested | SyncStage::Running(_)));
            prop_assert!(syncs.knows(&sync()), "a request on its way would begin it: {stage:?}");
        }
    }

    #[test]
    fn a_terminated_row_ends_any_sync(
        operation in arbitrary::operation(),
        now in arbitrary::moment(),
    ) {
        let is_of_a_sync = matches!(operation.record.target, Some(Target::Sync(_)));
        if !is_of_a_sync || !operation.follows_row() {
            return Ok(());
        }
        let terminated = OperationEvent::RowObserved(Box::new(row("one", "", true)));
        let ending = operation.step(&terminated, &now).machine;
        prop_assert_eq!(ending.path(), "InProgress/EndingSync");
        let [OperationObligation::SyncEnded(..)] = ending.obligations()[..] else {
            return Err(TestCaseError::fail(format!("{:?}", ending.obligations())));
        };
    }

    #[test]
    fn what_argo_cd_says_is_reported_and_then_not_again_until_it_changes(walk in walk(60)) {
        let mut said: Option<String> = None;
        for row in walk.into_iter().flat_map(|seen| seen.rows) {
            if let RowChange::ReportProgress(_, text) = row {
                prop_assert_ne!(said.as_ref(), Some(&text));
                said = Some(text);
            }
        }
    }

    #[test]
    fn every_reachable_state_is_collected_in_a_helpful_world(walk in walk(40)) {
        let mut operation = walk.last().unwrap().after.clone();
        let mut now = Timestamp::from_millis(100_000_000);
        let mut seen = SyncsSeen::default();
        for _ in 0..SETTLE_LIMIT {
            for event in [
                OperationEvent::RowObserved(Box::new(row("one", "", false))),
                argo(present("one", false, seen.clone())),
            ] {
                operation = operation.step(&event, &now).machine;
            }
            match operation.obligations().first() {
                Some(OperationObligation::SyncRequested(_, request, _)) => {
                    let noted = Some(request.sync.clone());
                    let last = Some(last(noted.clone(), "Succeeded"));
                    seen = SyncsSeen { noted, last, ..SyncsSeen::default() };
                }
                Some(OperationObligation::SyncEnded(_, sync)) => seen.noted = Some(sync.clone()),
                Some(OperationObligation::ResourceRemoved(_)) => {
                    operation = operation.step(&OperationEvent::ResourceAbsent, &now).machine;
                }
                _ => now = operation.wake_at().unwrap_or(now),
            }
        }
        prop_assert_eq!(operation.path(), "Collected");
    }
}

/// An operation whose sync may be requested, after these looks at the Application.
fn after(looks: impl IntoIterator<Item = ApplicationView>) -> (Operation, Vec<RowChange>) {
    let now = Timestamp::from_millis(0);
    let mut operation = Operation::new(OperationId::new("operation-1"));
    let mut rows = Vec::new();
    let row = || OperationEvent::RowObserved(Box::new(row("one", "", false)));
    for application in looks {
        for event in [row(), argo(application)] {
            let step = operation.step(&event, &now);
            operation = step.machine;
            rows.extend(step.rows);
        }
    }
    (operation, rows)
}

fn idle() -> ApplicationView {
    present("one", false, SyncsSeen::default())
}

fn failure(rows: &[RowChange]) -> Option<&str> {
    rows.iter().find_map(|row| match row {
        RowChange::SetOperationState(_, OperationState::Failed(text)) => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn a_sync_whose_application_is_gone_once_it_may_have_been_requested_fails() {
    let gone = "Argo CD's Application was deleted before the sync had ended";
    let successor =
        SyncsSeen { application: ApplicationUid::new("another"), ..SyncsSeen::default() };
    // It was edited meanwhile, and so is not to be synced before it is repaired.
    let edited = present("two", false, SyncsSeen::default());
    for looks in [
        vec![idle(), ApplicationView::Absent],
        vec![idle(), present("one", false, successor.clone())],
        vec![idle(), edited.clone(), ApplicationView::Absent],
        vec![idle(), edited.clone(), present("one", false, successor)],
    ] {
        let (operation, rows) = after(looks.clone());
        assert_eq!(operation.path(), "Finished/Failed", "{looks:?}");
        assert_eq!(failure(&rows), Some(gone));
    }
    let (operation, _) = after([idle(), edited, ApplicationView::Unseen]);
    let sought = operation.obligations();
    assert!(matches!(sought[..], [OperationObligation::ApplicationSought(_)]), "{sought:?}");
    let (operation, rows) = after([ApplicationView::Absent, idle()]);
    assert_eq!(operation.path(), "InProgress/RequestingSync", "nobody was asked before");
    assert_eq!(failure(&rows), None);
}

#[test]
fn what_a_sync_leaves_unpruned_counts_even_if_argo_cd_does_not_compare_the_result() {
    for (to_prune, expected) in [(0, None), (2, Some("2 resources require pruning"))] {
        let ran = |is_compared| {
            let last = LastSync { is_compared, to_prune, ..last(Some(sync()), "Succeeded") };
            let noted = Some(sync());
            present("one", false, SyncsSeen { noted, last: Some(last), ..SyncsSeen::default() })
        };
        let (operation, _) = after([idle(), ran(false), ran(false)]);
        assert_eq!(operation.path(), "InProgress/Syncing");
        let late = operation.wake_at().unwrap();
        let step = operation.clone().step(&OperationEvent::DeadlineReached, &late);
        assert_eq!(failure(&step.rows), expected);
        assert!(step.machine.path().starts_with("Finished/"), "{}", step.machine.path());
        // The same if somebody else's sync takes its place before.
        let others = SyncsSeen { noted: Some(sync()), is_requested: true, ..SyncsSeen::default() };
        let step = operation.step(&argo(present("one", false, others)), &late);
        assert_eq!(failure(&step.rows), expected);
    }
}
