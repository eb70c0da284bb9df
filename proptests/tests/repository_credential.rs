//! Properties of the repository credential machine: for every state that its types permit, and for
//! every state that it reaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use machines::Handling;
use machines::identity::{Digest, Generation, OperationId, Revision, Timestamp};
use machines::kinds::repository_credential::lifecycle::CredentialState;
use machines::kinds::repository_credential::rows::CredentialKey;
use machines::kinds::repository_credential::spec::{CredentialSpec, problem};
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{
    Checked, CredentialEvent, CredentialFacts, CredentialObligation, CredentialSnapshot,
    PersistedCredential, RepositoryCredential,
};
use machines::kinds::tenant::TenantFact;
use machines::machine::Machine;
use machines::rows::{
    CredentialRow, CredentialRows, OperationRow, OperationState, Requester, RowChange, Target,
};
use machines::shared::condition::{Condition, ConditionStyle, ERROR_OCCURRED, READY, STALLED};
use machines::shared::mirror::Mirror;
use proptest::prelude::*;
use proptests::{arbitrary, config};

/// The states in which something else than a person, the repository or the delivery is awaited.
const WAITS_FOR_MACHINERY: [&str; 3] =
    ["Live/Checking", "Live/Awaiting/AwaitingEngine", "Live/Awaiting/AwaitingTenant"];

fn restarted(machine: RepositoryCredential) -> RepositoryCredential {
    let text = serde_json::to_string(&PersistedCredential::from(machine)).unwrap();
    serde_json::from_str::<PersistedCredential>(&text).unwrap().into()
}

fn put(rows: &[RowChange]) -> Option<&CredentialRow> {
    rows.iter().find_map(|row| match row {
        RowChange::Credential(CredentialRows::Put(row)) => Some(&**row),
        _ => None,
    })
}

/// The conditions that the status of a machine should have.
fn conditions(machine: &RepositoryCredential, style: ConditionStyle) -> Vec<Condition> {
    let dirty = RepositoryCredential { mirror: Mirror::Dirty {}, ..machine.clone() };
    let obligations = dirty.obligations(style).into_iter();
    let mut written = obligations.filter_map(|one| match one {
        CredentialObligation::StatusWritten(view) => Some(view.conditions),
        _ => None,
    });
    written.next_back().unwrap()
}

/// The event as it would be for an older generation, at an older revision, or of another operation;
/// `None` if nothing is older, or if an event has no age.
fn made_stale(
    machine: &RepositoryCredential,
    event: CredentialEvent,
    by_generation: bool,
) -> Option<CredentialEvent> {
    let record = &machine.record;
    let earlier = record.last_seen.0.checked_sub(1).map(Revision);
    match event {
        CredentialEvent::Observed(mut snapshot) if by_generation => {
            snapshot.generation = Generation(record.generation.0.checked_sub(1)?);
            Some(CredentialEvent::Observed(snapshot))
        }
        CredentialEvent::Observed(mut snapshot) => {
            snapshot.revision = earlier?;
            Some(CredentialEvent::Observed(snapshot))
        }
        CredentialEvent::Absent { .. } => Some(CredentialEvent::Absent { as_of: earlier? }),
        CredentialEvent::OperationObserved { state, .. } => {
            let id = OperationId::new("finished long ago");
            Some(CredentialEvent::OperationObserved { id, state })
        }
        CredentialEvent::Checked { shown, mut found } if by_generation => {
            found.spec = CredentialSpec { secret: "edited since".to_owned(), ..found.spec };
            Some(CredentialEvent::Checked { shown, found })
        }
        CredentialEvent::Checked { mut found, .. } => {
            found.spec = record.spec.clone();
            let shown = Some(Digest::new("rotated since"));
            Some(CredentialEvent::Checked { shown, found })
        }
        CredentialEvent::SecretDiffers
        | CredentialEvent::FactsChanged
        | CredentialEvent::DeadlineReached => None,
    }
}

/// The event as it is if it is about what the machine waits for.
fn fitting(machine: &RepositoryCredential, event: CredentialEvent) -> CredentialEvent {
    match event {
        CredentialEvent::Checked { mut found, .. } => {
            found.spec = machine.record.spec.clone();
            CredentialEvent::Checked { shown: machine.record.shown.clone(), found }
        }
        other => other,
    }
}

/// The facts as they usually are: there are keys, and the tenant has its rows.
fn usual(facts: CredentialFacts) -> CredentialFacts {
    let tenant = arbitrary::usual_tenant();
    let instance = Some(tenant.instance.clone());
    let tenant = TenantFact::Active(tenant);
    let is_row_empty = false;
    CredentialFacts { has_keys: true, existing: None, is_row_empty, tenant, instance, ..facts }
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn every_event_has_a_defined_result_in_every_state(
        machine in arbitrary::repository_credential(),
        event in arbitrary::credential_event(),
        facts in arbitrary::credential_facts(),
    ) {
        let step = machine.step(&event, &facts);
        prop_assert_ne!(step.handling, Handling::Unhandled);
        prop_assert_eq!(restarted(step.machine.clone()), step.machine.clone());
        let _ = (step.machine.path(), step.machine.wake_at(), step.machine.is_overdue(facts.now));
        let _ = (step.machine.obligations(facts.conditions), step.machine.may_adopt());
    }

    #[test]
    fn a_stale_observation_changes_nothing_in_any_state(
        machine in arbitrary::repository_credential()
            .prop_filter("seen", |one| one.path() != "Unseen"),
        event in arbitrary::credential_event(),
        by_generation in any::<bool>(),
        facts in arbitrary::credential_facts(),
    ) {
        let Some(stale) = made_stale(&machine, event, by_generation) else { return Ok(()) };
        // What a reachable machine has always done: what is delivered ends a removal.
        let nothing = CredentialEvent::OperationObserved { id: OperationId::new("none"), state: None };
        let machine = machine.step(&nothing, &facts).machine;
        let step = machine.clone().step(&stale, &facts);
        prop_assert_eq!(step.machine.lifecycle, machine.lifecycle);
        prop_assert_eq!(step.machine.delivery, machine.delivery);
        prop_assert_eq!(step.machine.record, machine.record);
        prop_assert_eq!(step.rows, vec![]);
    }

    #[test]
    fn nothing_is_written_but_what_this_step_was_shown_to_be_accepted(
        machine in arbitrary::repository_credential(),
        event in arbitrary::credential_event(),
        facts in arbitrary::credential_facts(),
    ) {
        let (event, facts) = (fitting(&machine, event), usual(facts));
        let spec = machine.record.spec.clone();
        let step = machine.step(&event, &facts);
        let Some(row) = put(&step.rows) else { return Ok(()) };
        // Whoever writes the row has the credential at hand only then.
        let CredentialEvent::Checked { found: checked, .. } = event else {
            panic!("{row:?} by {event:?}")
        };
        prop_assert_eq!(&checked.verdict, &Verdict::Accepted {});
        prop_assert_eq!(&checked.spec, &spec);
        prop_assert_eq!(checked.secret.as_ref(), Some(&row.secret));
        prop_assert_eq!((&row.repository, &row.secret_name), (&spec.repository, &spec.secret));
        prop_assert!(matches!(&facts.tenant, TenantFact::Active(rows) if rows.user == row.key.user));
    }

    #[test]
    fn without_keys_nothing_new_is_written_and_what_is_removed_still_goes(
        machine in arbitrary::repository_credential(),
        event in arbitrary::credential_event(),
        facts in arbitrary::credential_facts(),
    ) {
        let facts = CredentialFacts { has_keys: false, ..usual(facts) };
        let event = fitting(&machine, event);
        let was_live = machine.path().starts_with("Live");
        let is_looked_at = matches!(event, CredentialEvent::FactsChanged);
        let step = machine.step(&event, &facts);
        if was_live && is_looked_at {
            prop_assert_eq!(step.machine.path(), "Live/AwaitingKeys");
        }
        prop_assert!(put(&step.rows).is_none());
        if step.machine.path() == "Live/AwaitingKeys" {
            let ready = conditions(&step.machine, ConditionStyle::Conventional);
            prop_assert!(ready.iter().any(|one| one.type_ == STALLED && one.status == "True"));
        }
    }

    #[test]
    fn there_is_never_a_second_open_operation_and_an_open_one_is_not_forgotten(
        machine in arbitrary::repository_credential(),
        event in arbitrary::credential_event(),
        facts in arbitrary::credential_facts(),
    ) {
        let before = machine.record.open.clone();
        let step = machine.step(&event, &facts);
        let requested: Vec<_> = step
            .rows
            .iter()
            .filter_map(|row| match row {
                RowChange::RequestOperation(row) => Some(row.id.clone()),
                _ => None,
            })
            .collect();
        prop_assert!(requested.len() <= 1);
        let open = step.machine.record.open.map(|open| open.id);
        match (before.map(|open| open.id), requested.first()) {
            (_, Some(new)) => prop_assert_eq!(open.as_ref(), Some(new)),
            (Some(before), None) => {
                let ended = matches!(&event, CredentialEvent::OperationObserved { id, .. } if *id == before);
                prop_assert!(ended || open == Some(before));
            }
            (None, None) => prop_assert_eq!(open, None),
        }
    }

    #[test]
    fn compatibility_5_there_are_exactly_three_legacy_conditions_once_there_is_something_to_say(
        machine in arbitrary::repository_credential(),
    ) {
        let legacy = conditions(&machine, ConditionStyle::Legacy);
        let record = &machine.record;
        let is_checked = record.checked.as_ref().is_some_and(|one| one.spec == record.spec);
        let expected = if is_checked || problem(&record.spec).is_some() { 3 } else { 0 };
        prop_assert_eq!(legacy.len(), expected);
        prop_assert!(legacy.iter().all(|one| one.observed_generation.is_none()));
        let conventional = conditions(&machine, ConditionStyle::Conventional);
        prop_assert_eq!(conventional.len(), expected + 3);
        prop_assert!(legacy.iter().all(|one| conventional.contains(one)));
    }

    #[test]
    fn a_state_that_waits_for_machinery_has_a_deadline_and_others_have_none(
        machine in arbitrary::repository_credential(),
    ) {
        let machine = RepositoryCredential { mirror: Mirror::Clean {}, ..machine };
        let waits = WAITS_FOR_MACHINERY.contains(&machine.path().as_str());
        let is_delivered = machine.delivery.is_idle();
        prop_assert_eq!(machine.wake_at().is_some(), waits || !is_delivered, "{:?}", machine);
    }

    #[test]
    fn gaps_15_and_16_what_an_earlier_installation_left_of_an_object_that_is_gone_is_removed(
        facts in arbitrary::credential_facts(),
        as_of in any::<u64>().prop_map(Revision),
        is_seen_again in any::<bool>(),
    ) {
        let step = arbitrary::new_credential().step(&CredentialEvent::Absent { as_of }, &facts);
        let Some(existing) = facts.existing.clone() else {
            prop_assert!(step.machine.is_gone());
            prop_assert_eq!(step.rows, vec![]);
            return Ok(());
        };
        prop_assert_eq!(step.machine.path(), "Removing");
        let uid = step.machine.record.uid.clone();
        // A later machine of the object is born later, and must not ask under the same id.
        let id = OperationId::of(existing.id.as_str(), facts.now, 1);
        let (row, user) = (existing.id.clone(), existing.user.clone());
        let removal = CredentialKey { id: row, uid: uid.clone(), user };
        let request = OperationRow {
            id: id.clone(),
            target: Target::Credential(existing.id),
            requester: Requester::Credential(uid),
            owner: existing.user,
            instance: existing.instance,
        };
        prop_assert_eq!(step.rows, vec![
            RowChange::Credential(CredentialRows::Remove(Box::new(removal))),
            RowChange::RequestOperation(request),
        ]);
        let mut machine = restarted(step.machine);
        if is_seen_again {
            // A list from before the object was deleted does not bring it back.
            let Some(revision) = as_of.0.checked_sub(1).map(Revision) else { return Ok(()) };
            let seen = CredentialSnapshot { revision, ..CredentialSnapshot::default() };
            machine = machine.step(&CredentialEvent::Observed(Box::new(seen)), &facts).machine;
        }
        let state = Some(OperationState::Completed);
        let done = machine.step(&CredentialEvent::OperationObserved { id, state }, &facts);
        prop_assert!(done.machine.is_gone());
        prop_assert_eq!(done.rows, vec![]);
    }
}

proptest! {
    #![proptest_config(config(6_000))]

    #[test]
    fn whatever_happened_it_ends_as_its_object_and_the_repository_say(
        events in proptest::collection::vec(
            (arbitrary::credential_event(), arbitrary::credential_facts(), 0..5_u8), 0..24
        ),
        end in End::any(),
    ) {
        let mut world = Small::new();
        for (event, facts, unusual) in events {
            let facts = if unusual == 0 { facts } else { usual(facts) };
            world.step(&world.fitting(&event), &facts);
        }
        world.settle(&end, false);
        world.has_read(&end)?;
        world.settle(&end, true);
        world.is_as(&end)?;
    }
}

#[test]
fn what_could_not_be_written_is_written_after_the_next_check() {
    let spec =
        CredentialSpec { repository: "https://example.com/a".to_owned(), secret: "one".to_owned() };
    let secret = Some(Digest::new("first"));
    let end =
        End { spec: Some(spec.clone()), secret: secret.clone(), verdict: Verdict::Accepted {} };
    let mut world = Small::new();
    let facts = usual(CredentialFacts {
        now: Timestamp::from_millis(0),
        has_keys: true,
        tenant: TenantFact::Unknown,
        instance: None,
        shown: secret.clone(),
        existing: None,
        is_row_empty: false,
        conditions: ConditionStyle::Conventional,
    });
    let found = |secret: &Option<Digest>, verdict| {
        let (spec, secret) = (spec.clone(), secret.clone());
        let shown = Some(Digest::new("first"));
        CredentialEvent::Checked { shown, found: Box::new(Checked { spec, secret, verdict }) }
    };
    let refused = Verdict::Refused { cause: "TimedOut".to_owned(), text: "no answer".to_owned() };
    let seen = CredentialEvent::Observed(Box::new(CredentialSnapshot {
        spec: spec.clone(),
        ..CredentialSnapshot::default()
    }));
    let failed = CredentialEvent::OperationObserved {
        id: OperationId::default(),
        state: Some(OperationState::Failed("denied".to_owned())),
    };
    for event in [
        seen,
        found(&secret, Verdict::Accepted {}),
        failed,
        found(&Some(Digest::new("second")), refused),
    ] {
        world.step(&world.fitting(&event), &facts);
    }
    assert_eq!((world.machine.path().as_str(), &world.applied), ("Live/Judged/Refused", &None));
    world.settle(&end, true);
    world.is_as(&end).unwrap();
    assert_eq!(world.applied.as_ref().unwrap().2, Digest::new("first"));
    // Another client deletes Argo CD's Secret.
    world.applied = None;
    world.step(&CredentialEvent::SecretDiffers, &facts);
    world.settle(&end, true);
    world.is_as(&end).unwrap();
}

/// What the world says from some point on.
#[derive(Clone, Debug)]
struct End {
    /// The object; `None` once it is gone.
    spec: Option<CredentialSpec>,
    secret: Option<Digest>,
    verdict: Verdict,
}

impl End {
    fn any() -> BoxedStrategy<Self> {
        let spec = proptest::option::weighted(0.8, arbitrary::credential_spec());
        (spec, arbitrary::checked())
            .prop_map(|(spec, checked)| Self {
                spec,
                secret: checked.secret,
                verdict: checked.verdict,
            })
            .boxed()
    }
}

/// An operation.
#[derive(Debug)]
struct Requested {
    id: OperationId,
    /// What the row said when the agent looked at it last: it may have finished right after.
    read: Option<Content>,
    has_ended: bool,
}

/// What a row says, and so Argo CD's Secret: the repository, the name of the user's Secret and what is
/// in it.
type Content = (String, String, Digest);

fn content(row: &CredentialRow) -> Content {
    (row.repository.clone(), row.secret_name.clone(), row.secret.clone())
}

/// A credential with its rows, a repository that answers and an agent that obeys.
struct Small {
    machine: RepositoryCredential,
    row: Option<CredentialRow>,
    /// The operations that were requested.
    operations: Vec<Requested>,
    /// What Argo CD's Secret says.
    applied: Option<Content>,
    revision: u64,
    now: i64,
}

impl Small {
    fn new() -> Self {
        Self {
            machine: arbitrary::new_credential(),
            row: None,
            operations: Vec::new(),
            applied: None,
            revision: 1_000,
            now: 20_000_000,
        }
    }

    /// An event as it may happen: operations are those that were requested, and each revision is
    /// later than the one before.
    fn fitting(&self, event: &CredentialEvent) -> CredentialEvent {
        match event.clone() {
            CredentialEvent::OperationObserved { state, .. } => {
                let open = self.machine.record.open.as_ref().map(|open| open.id.clone());
                // A row is lost only with its database; then the machine is, too.
                let state = state.or(Some(OperationState::InProgress));
                let id = open.unwrap_or_else(|| OperationId::new("none"));
                CredentialEvent::OperationObserved { id, state }
            }
            CredentialEvent::Observed(mut snapshot) => {
                snapshot.revision = Revision(self.revision);
                snapshot.generation = Generation(i64::try_from(self.revision).unwrap());
                CredentialEvent::Observed(snapshot)
            }
            CredentialEvent::Absent { .. } => {
                CredentialEvent::Absent { as_of: Revision(self.revision) }
            }
            other => fitting(&self.machine, other),
        }
    }

    fn step(&mut self, event: &CredentialEvent, facts: &CredentialFacts) {
        self.revision += 1;
        let row = self.row.as_ref().map(content);
        if let CredentialEvent::OperationObserved { id, state: Some(state) } = event
            && let Some(open) = self.operations.iter_mut().find(|one| one.id == *id)
        {
            open.has_ended |= state.is_terminal();
            match state {
                OperationState::InProgress => open.read = row,
                OperationState::Completed => self.applied.clone_from(&open.read),
                OperationState::Waiting | OperationState::Failed(_) => {}
            }
        }
        let step = self.machine.clone().step(event, facts);
        for row in &step.rows {
            match row {
                RowChange::Credential(CredentialRows::Put(row)) => self.row = Some((**row).clone()),
                RowChange::Credential(CredentialRows::Remove(_)) => self.row = None,
                RowChange::RequestOperation(row) => {
                    let others = &self.operations;
                    let is_alone = others.iter().all(|one| one.id != row.id && one.has_ended);
                    assert!(is_alone, "{row:?} beside {others:?}");
                    let read = self.row.as_ref().map(content);
                    self.operations.push(Requested { id: row.id.clone(), read, has_ended: false });
                }
                other => panic!("{other:?}"),
            }
        }
        self.machine = if step.machine.is_gone() {
            // Its row goes; another machine begins if the object is seen again.
            RepositoryCredential {
                record: machines::kinds::repository_credential::CredentialRecord {
                    born: step.machine.record.born,
                    operations: step.machine.record.operations,
                    ..arbitrary::new_credential().record
                },
                ..arbitrary::new_credential()
            }
        } else {
            restarted(step.machine)
        };
    }

    /// From now on the world is like this, and everybody does what is asked.
    fn settle(&mut self, end: &End, asks_again: bool) {
        let mut facts = usual(CredentialFacts {
            now: Timestamp::from_millis(self.now),
            has_keys: true,
            tenant: TenantFact::Unknown,
            instance: None,
            shown: end.secret.clone(),
            existing: None,
            is_row_empty: false,
            conditions: ConditionStyle::Conventional,
        });
        let observed = match &end.spec {
            Some(spec) => CredentialEvent::Observed(Box::new(CredentialSnapshot {
                revision: Revision(self.revision),
                generation: Generation(i64::try_from(self.revision).unwrap()),
                deleting: false,
                spec: spec.clone(),
                conditions: Vec::new(),
            })),
            None => CredentialEvent::Absent { as_of: Revision(self.revision) },
        };
        self.step(&observed, &facts);
        self.step(&CredentialEvent::FactsChanged, &facts);
        let mut paths = BTreeSet::new();
        for _ in 0..64 {
            paths.insert(self.machine.path());
            let Some(event) = self.answer(end, asks_again, &mut facts) else { return };
            self.step(&event, &facts);
        }
        panic!("it never settles: {paths:?}");
    }

    /// What follows from what the machine requires.
    fn answer(
        &mut self,
        end: &End,
        asks_again: bool,
        facts: &mut CredentialFacts,
    ) -> Option<CredentialEvent> {
        if let Some(open) = &self.machine.record.open {
            let state = Some(OperationState::Completed);
            return Some(CredentialEvent::OperationObserved { id: open.id.clone(), state });
        }
        let found = Checked {
            spec: self.machine.record.spec.clone(),
            secret: end.secret.clone(),
            verdict: end.verdict.clone(),
        };
        let is_asked = matches!(self.machine.lifecycle, CredentialState::Checking { .. });
        // From time to time it is asked again, although nothing seems to have changed.
        let known = self.machine.record.checked.as_ref();
        let is_news = asks_again && self.machine.is_rechecked() && known != Some(&found);
        if is_asked || is_news {
            let shown = self.machine.record.shown.clone();
            return Some(CredentialEvent::Checked { shown, found: Box::new(found) });
        }
        let due = RepositoryCredential { mirror: Mirror::Clean {}, ..self.machine.clone() };
        let due = due.wake_at()?;
        facts.now = facts.now.max(due);
        self.now = facts.now.as_millis();
        Some(CredentialEvent::DeadlineReached)
    }

    /// Whether the newest Secret was read, without waiting for the next periodic check.
    fn has_read(&self, end: &End) -> Result<(), TestCaseError> {
        let record = &self.machine.record;
        if end.spec.as_ref().is_some_and(|spec| problem(spec).is_none()) {
            let read = record.checked.as_ref().unwrap().secret.clone();
            prop_assert_eq!(&read, &end.secret, "{:?}", self.machine);
        }
        Ok(())
    }

    fn is_as(&self, end: &End) -> Result<(), TestCaseError> {
        let machine = &self.machine;
        let Some(spec) = &end.spec else {
            prop_assert_eq!(machine.path(), "Unseen", "gone");
            prop_assert!(self.row.is_none() && self.applied.is_none());
            return Ok(());
        };
        let status = conditions(machine, ConditionStyle::Conventional);
        let is = |type_: &str| status.iter().any(|one| one.type_ == type_ && one.status == "True");
        if problem(spec).is_some() {
            prop_assert_eq!(machine.path(), "Live/Rejected");
            prop_assert!(is(STALLED), "{status:?}");
            prop_assert!(is(ERROR_OCCURRED), "{status:?}");
            return Ok(());
        }
        if end.verdict.is_accepted() {
            prop_assert_eq!(machine.path(), "Live/Judged/Accepted");
            prop_assert!(machine.delivery.is_idle());
            prop_assert!(is(READY), "{status:?}");
            let row = self.row.as_ref().unwrap();
            prop_assert_eq!(Some(&row.secret), end.secret.as_ref());
            prop_assert_eq!(&row.repository, &spec.repository);
            prop_assert_eq!(self.applied.as_ref(), Some(&content(row)));
        } else {
            prop_assert_eq!(machine.path(), "Live/Judged/Refused");
            // What was accepted last is delivered nonetheless.
            prop_assert_eq!(&self.applied, &self.row.as_ref().map(content));
            prop_assert!(is(STALLED), "{status:?}");
        }
        Ok(())
    }
}
