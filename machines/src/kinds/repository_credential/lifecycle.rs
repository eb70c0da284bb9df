//! The region that takes a credential from its check to Argo CD's Secret, and to the end of that.
//!
//! What is written was checked, and is written by whoever has checked it, in the step that takes in
//! what was found: no state needs to remember a secret. A credential that is no longer accepted stays
//! where it is until another one is.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use super::rows::{CredentialKey, CredentialRow, CredentialRows};
use super::{
    Checked, CredentialEvent, CredentialFacts, CredentialId, CredentialRecord, CredentialSnapshot,
    RowRecord, Written, spec, status,
};
use crate::identity::{Digest, OperationId, Timestamp};
use crate::kinds::tenant::TenantFact;
use crate::rows::{OperationRow, Requester, RowChange, Target, TenantRows};
use crate::shared::open_operation::{Finished, OpenOperation};
use crate::shared::retry::{next_attempt, postpone};
use crate::shared::text::bounded;

/// A check ends within half a minute, and waits its turn among those of its tenant; this is the
/// safety net. It doubles each time, up to an hour.
pub const CHECK_DEADLINE: Duration = Duration::from_secs(120);
/// The agent and the tenant answer; this is the safety net. It doubles each time, up to an hour.
pub const CREDENTIAL_DEADLINE: Duration = Duration::from_secs(60);

/// How far a repository credential has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialState {
    /// Nothing is known about the object.
    Unseen {},
    /// There are no keys to seal the credential with.
    AwaitingKeys {},
    /// The spec cannot be right, whatever the server says.
    Rejected {},
    /// The repository should be asked with what the Secret holds.
    Checking {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// What the last check found keeps the credential from being used.
    Refused {},
    /// It was accepted, but its tenant has no rows for the installed Argo CD.
    AwaitingTenant {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The rows are written; the agent has been asked for Argo CD's Secret.
    Dispatching {
        /// Whether the agent is to be asked once more, because the rows have changed since.
        again: bool,
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The agent could not write the Secret.
    BackingOff {
        /// When it is asked again.
        until: Timestamp,
    },
    /// Argo CD's Secret says what was accepted.
    Settled {},
    /// The object is gone or going; the agent has been asked to remove the Secret.
    Removing {
        /// Whether the agent is to be asked once more, because the rows were there when it began.
        again: bool,
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The agent could not remove the Secret.
    RemovalBackingOff {
        /// When it is asked again.
        until: Timestamp,
    },
    /// Nothing is left.
    Gone {},
}

/// What a step collects.
pub struct Context<'a> {
    facts: &'a CredentialFacts,
    /// Rows to write.
    pub(super) rows: Vec<RowChange>,
}

impl<'a> Context<'a> {
    pub(super) fn new(facts: &'a CredentialFacts) -> Self {
        Self { facts, rows: Vec::new() }
    }

    fn after(&self, pause: Duration) -> Timestamp {
        self.facts.now.after(pause)
    }
}

#[state_machine(
    initial = "CredentialState::Unseen {}",
    state(name = "CredentialState", custom),
    superstate(name = "CredentialSuperstate", derive(Debug))
)]
impl CredentialRecord {
    #[state]
    fn unseen(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::Observed(snapshot) => {
                self.born = context.facts.now;
                self.take(snapshot);
                self.adopt(context);
                if snapshot.deleting {
                    return Transition(self.begin_removal(context));
                }
                Transition(self.resolve(context))
            }
            CredentialEvent::Absent { .. } => Transition(CredentialState::Gone {}),
            CredentialEvent::Checked(_)
            | CredentialEvent::OperationObserved { .. }
            | CredentialEvent::SecretDiffers
            | CredentialEvent::FactsChanged
            | CredentialEvent::DeadlineReached => Handled,
        }
    }

    /// The object exists, as far as we know, and is not being deleted.
    #[superstate]
    fn live(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::Observed(snapshot) if self.is_stale(snapshot) => Handled,
            CredentialEvent::Observed(snapshot) if snapshot.deleting => {
                self.take(snapshot);
                Transition(self.begin_removal(context))
            }
            CredentialEvent::Observed(snapshot) => {
                let is_edited = snapshot.spec != self.spec;
                self.take(snapshot);
                if is_edited {
                    return Transition(self.resolve(context));
                }
                self.look_again(context)
            }
            CredentialEvent::Absent { as_of } if *as_of < self.last_seen => Handled,
            CredentialEvent::Absent { .. } => {
                self.present = false;
                Transition(self.begin_removal(context))
            }
            CredentialEvent::FactsChanged => self.look_again(context),
            CredentialEvent::Checked(checked) => self.take_verdict(checked, context),
            CredentialEvent::OperationObserved { id, state } => {
                let finished = OpenOperation::note(&mut self.open, id, state.as_ref());
                if matches!(finished, Finished::Completed) {
                    self.note_applied();
                }
                Handled
            }
            // What was accepted last is what Argo CD should have. Nothing waits for this: if it fails,
            // the next rescan finds the difference again.
            CredentialEvent::SecretDiffers => {
                self.request_operation(context);
                Handled
            }
            CredentialEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "live")]
    fn awaiting_keys(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::FactsChanged if context.facts.has_keys => {
                Transition(self.resolve(context))
            }
            CredentialEvent::Observed(snapshot)
                if context.facts.has_keys && self.is_current(snapshot) =>
            {
                self.take(snapshot);
                Transition(self.resolve(context))
            }
            // Nothing could be written.
            CredentialEvent::Checked(_) => Handled,
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn rejected(&mut self, event: &CredentialEvent) -> Outcome<CredentialState> {
        match event {
            // It was about an earlier spec, or changes nothing.
            CredentialEvent::Checked(_) => Handled,
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn checking(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::Checked(checked) if checked.spec == self.spec => {
                Transition(self.judge(checked, context))
            }
            CredentialEvent::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = postpone(CHECK_DEADLINE, overdue, context.facts.now);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn refused(&mut self, event: &CredentialEvent) -> Outcome<CredentialState> {
        let _ = event;
        Super
    }

    #[state(superstate = "live")]
    fn awaiting_tenant(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        match event {
            // The credential is read again: nothing remembers it.
            CredentialEvent::FactsChanged if self.tenant(context).is_some() => {
                Transition(self.resolve(context))
            }
            CredentialEvent::Observed(snapshot)
                if self.tenant(context).is_some() && self.is_current(snapshot) =>
            {
                self.take(snapshot);
                Transition(self.resolve(context))
            }
            CredentialEvent::DeadlineReached if context.facts.now >= *deadline => {
                if self.tenant(context).is_some() {
                    return Transition(self.resolve(context));
                }
                *deadline = postpone(CREDENTIAL_DEADLINE, overdue, context.facts.now);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn dispatching(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
        again: &mut bool,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::OperationObserved { id, state } => {
                match OpenOperation::note(&mut self.open, id, state.as_ref()) {
                    Finished::No => Handled,
                    Finished::Completed if !*again => {
                        self.note_applied();
                        Transition(self.settle(context))
                    }
                    Finished::Failed(text) if !*again => Transition(self.back_off(&text, context)),
                    Finished::Completed | Finished::Failed(_) | Finished::Lost => {
                        Transition(self.dispatch(context))
                    }
                }
            }
            // What was accepted before is still to be written.
            CredentialEvent::Checked(checked)
                if checked.spec == self.spec && !checked.verdict.is_accepted() =>
            {
                self.checked = Some((**checked).clone());
                Handled
            }
            CredentialEvent::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = self.insist(overdue, context);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn backing_off(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
        until: &mut Timestamp,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::DeadlineReached if context.facts.now >= *until => {
                Transition(self.dispatch(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn settled(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::SecretDiffers => Transition(self.dispatch(context)),
            _ => Super,
        }
    }

    /// The object is gone or going. If a stale list has shown it as deleted, it is served again when
    /// nothing is left of before.
    #[superstate]
    fn terminating(&mut self, event: &CredentialEvent) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::Observed(snapshot) if !self.is_stale(snapshot) => {
                self.take(snapshot);
                Handled
            }
            CredentialEvent::Absent { as_of } if *as_of >= self.last_seen => {
                self.present = false;
                Handled
            }
            _ => Handled,
        }
    }

    #[state(superstate = "terminating")]
    fn removing(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
        again: &mut bool,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::OperationObserved { id, state } => {
                match OpenOperation::note(&mut self.open, id, state.as_ref()) {
                    Finished::No => Handled,
                    Finished::Completed if !*again => Transition(self.end_removal(context)),
                    Finished::Failed(text) if !*again => {
                        let until = self.note_failure(&text, context);
                        Transition(CredentialState::RemovalBackingOff { until })
                    }
                    Finished::Completed | Finished::Failed(_) | Finished::Lost => {
                        Transition(self.request_removal(context))
                    }
                }
            }
            CredentialEvent::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = self.insist(overdue, context);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn removal_backing_off(
        &mut self,
        context: &mut Context<'_>,
        event: &CredentialEvent,
        until: &mut Timestamp,
    ) -> Outcome<CredentialState> {
        match event {
            CredentialEvent::DeadlineReached if context.facts.now >= *until => {
                Transition(self.request_removal(context))
            }
            _ => Super,
        }
    }

    #[state]
    fn gone(&mut self, event: &CredentialEvent) -> Outcome<CredentialState> {
        let _ = event;
        Handled
    }
}

/// What a credential takes over from observations.
impl CredentialRecord {
    fn is_stale(&self, snapshot: &CredentialSnapshot) -> bool {
        snapshot.generation < self.generation || snapshot.revision < self.last_seen
    }

    /// Whether an observation counts and does not end the credential.
    fn is_current(&self, snapshot: &CredentialSnapshot) -> bool {
        !snapshot.deleting && !self.is_stale(snapshot)
    }

    /// Takes over what an observation says. The revision is remembered only along with something
    /// worth remembering, so that an echo of our own status write changes nothing.
    fn take(&mut self, snapshot: &CredentialSnapshot) {
        let before = self.clone();
        self.present = !snapshot.deleting;
        self.generation = snapshot.generation;
        self.spec = snapshot.spec.clone();
        self.actual = status::actual(&snapshot.conditions);
        if *self != before {
            self.last_seen = snapshot.revision;
        }
    }

    /// Takes over the row of an earlier installation, so that it is replaced or removed.
    fn adopt(&mut self, context: &Context<'_>) {
        if let (None, Some(existing)) = (&self.row, &context.facts.existing) {
            self.row = Some(RowRecord {
                id: existing.id.clone(),
                user: existing.user.clone(),
                instance: existing.instance.clone(),
                written: None,
                applied: false,
            });
        }
    }

    /// Takes in what the repository said, in a state that did not wait for it.
    fn take_verdict(
        &mut self,
        checked: &Checked,
        context: &mut Context<'_>,
    ) -> Outcome<CredentialState> {
        // The usual case: it says what it said before.
        if checked.spec != self.spec || self.checked.as_ref() == Some(checked) {
            return Handled;
        }
        Transition(self.judge(checked, context))
    }

    fn note_applied(&mut self) {
        self.failures = 0;
        self.failure.clear();
        if let Some(row) = &mut self.row {
            row.applied = true;
        }
    }
}

/// What the states do.
impl CredentialRecord {
    /// The tenant's rows for the installed Argo CD.
    fn tenant<'a>(&self, context: &Context<'a>) -> Option<&'a TenantRows> {
        match &context.facts.tenant {
            TenantFact::Active(rows) if Some(&rows.instance) == context.facts.instance.as_ref() => {
                Some(rows)
            }
            TenantFact::Active(_) | TenantFact::Unknown | TenantFact::Draining => None,
        }
    }

    /// Where a credential goes whose spec is new.
    fn resolve(&mut self, context: &mut Context<'_>) -> CredentialState {
        if !context.facts.has_keys {
            return CredentialState::AwaitingKeys {};
        }
        if spec::problem(&self.spec).is_some() {
            return CredentialState::Rejected {};
        }
        self.check(context)
    }

    fn check(&mut self, context: &Context<'_>) -> CredentialState {
        self.shown.clone_from(&context.facts.shown);
        CredentialState::Checking { deadline: context.after(CHECK_DEADLINE), overdue: 0 }
    }

    /// The Secret or Argo CD may be another one than before.
    fn look_again(&mut self, context: &mut Context<'_>) -> Outcome<CredentialState> {
        if !context.facts.has_keys {
            return Transition(CredentialState::AwaitingKeys {});
        }
        if spec::problem(&self.spec).is_some() {
            return Handled;
        }
        let is_elsewhere = self.tenant(context).is_some_and(|tenant| {
            self.row.as_ref().is_some_and(|row| row.instance != tenant.instance)
        });
        if self.takes_notice(context.facts.shown.as_ref()) || is_elsewhere {
            return Transition(self.check(context));
        }
        Handled
    }

    /// Whether the watch shows another Secret than the one that was checked. It may be behind: what it
    /// showed before the check, and what the check has read, are no news.
    fn takes_notice(&mut self, shown: Option<&Digest>) -> bool {
        if self.shown.as_ref() == shown {
            return false;
        }
        self.shown = shown.cloned();
        let read = self.checked.as_ref().and_then(|checked| checked.secret.as_ref());
        shown.is_none() || read != shown
    }

    /// What follows from a check of the current spec.
    fn judge(&mut self, checked: &Checked, context: &mut Context<'_>) -> CredentialState {
        self.checked = Some(checked.clone());
        let Some(secret) = checked.secret.as_ref().filter(|_| checked.verdict.is_accepted()) else {
            return CredentialState::Refused {};
        };
        let Some(tenant) = self.tenant(context) else {
            let deadline = context.after(CREDENTIAL_DEADLINE);
            return CredentialState::AwaitingTenant { deadline, overdue: 0 };
        };
        let written = Written { spec: self.spec.clone(), secret: secret.clone() };
        let is_written = self.row.as_ref().is_some_and(|row| {
            row.written.as_ref() == Some(&written) && row.instance == tenant.instance
        });
        if !is_written {
            self.put(written, tenant.clone(), context);
        } else if self.row.as_ref().is_some_and(|row| row.applied) && self.open.is_none() {
            return CredentialState::Settled {};
        }
        self.dispatch(context)
    }

    fn put(&mut self, written: Written, tenant: TenantRows, context: &mut Context<'_>) {
        let id = match &self.row {
            Some(row) => row.id.clone(),
            None => CredentialId::of(&self.uid),
        };
        let key =
            CredentialKey { id: id.clone(), uid: self.uid.clone(), user: tenant.user.clone() };
        let row = CredentialRow {
            key,
            instance: tenant.instance.clone(),
            repository: written.spec.repository.clone(),
            secret_name: written.spec.secret.clone(),
            secret: written.secret.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            tenant: self.tenant.clone(),
        };
        context.rows.push(RowChange::Credential(CredentialRows::Put(Box::new(row))));
        let (user, instance) = (tenant.user, tenant.instance);
        self.row = Some(RowRecord { id, user, instance, written: Some(written), applied: false });
    }

    /// Asks the agent to make Argo CD's Secret say what the row says; if it is at work, once more.
    fn dispatch(&mut self, context: &mut Context<'_>) -> CredentialState {
        let again = !self.request_operation(context);
        let deadline = context.after(CREDENTIAL_DEADLINE);
        CredentialState::Dispatching { again, deadline, overdue: 0 }
    }

    /// Asks the agent; `false` if an operation is already open.
    fn request_operation(&mut self, context: &mut Context<'_>) -> bool {
        let Some(row) = self.row.as_ref().filter(|_| self.open.is_none()) else { return false };
        self.operations = self.operations.saturating_add(1);
        let id = OperationId::of(row.id.as_str(), self.born, self.operations);
        context.rows.push(RowChange::RequestOperation(OperationRow {
            id: id.clone(),
            target: Target::Credential(row.id.clone()),
            requester: Requester::Credential(self.uid.clone()),
            owner: row.user.clone(),
            instance: row.instance.clone(),
        }));
        self.open = Some(OpenOperation { id, claimed: false });
        true
    }

    /// Argo CD's Secret says what the row says. Whatever was found meanwhile counts now.
    fn settle(&mut self, context: &mut Context<'_>) -> CredentialState {
        let shown = context.facts.shown.as_ref();
        if context.facts.has_keys && self.takes_notice(shown) {
            return self.check(context);
        }
        match &self.checked {
            Some(checked) if !checked.verdict.is_accepted() => CredentialState::Refused {},
            _ => CredentialState::Settled {},
        }
    }

    fn back_off(&mut self, text: &str, context: &Context<'_>) -> CredentialState {
        CredentialState::BackingOff { until: self.note_failure(text, context) }
    }

    fn note_failure(&mut self, text: &str, context: &Context<'_>) -> Timestamp {
        self.failures = self.failures.saturating_add(1);
        self.failure = bounded(text);
        next_attempt(self.uid.as_str(), self.failures, context.facts.now)
    }

    /// A deadline has passed: the agent is asked again, and the next deadline is later.
    fn insist(&mut self, overdue: &mut u32, context: &Context<'_>) -> Timestamp {
        if let Some(open) = &mut self.open {
            open.claimed = false;
        }
        postpone(CREDENTIAL_DEADLINE, overdue, context.facts.now)
    }

    fn begin_removal(&mut self, context: &mut Context<'_>) -> CredentialState {
        self.failures = 0;
        self.failure.clear();
        let Some(row) = &self.row else { return CredentialState::Gone {} };
        context.rows.push(RowChange::Credential(CredentialRows::Remove(Box::new(CredentialKey {
            id: row.id.clone(),
            uid: self.uid.clone(),
            user: row.user.clone(),
        }))));
        self.request_removal(context)
    }

    fn request_removal(&mut self, context: &mut Context<'_>) -> CredentialState {
        let again = !self.request_operation(context);
        let deadline = context.after(CREDENTIAL_DEADLINE);
        CredentialState::Removing { again, deadline, overdue: 0 }
    }

    fn end_removal(&mut self, context: &mut Context<'_>) -> CredentialState {
        self.row = None;
        self.checked = None;
        if self.present { self.resolve(context) } else { CredentialState::Gone {} }
    }
}

impl CredentialState {
    /// When the region wants to be woken.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Checking { deadline, .. }
            | Self::AwaitingTenant { deadline, .. }
            | Self::Dispatching { deadline, .. }
            | Self::Removing { deadline, .. } => Some(*deadline),
            Self::BackingOff { until } | Self::RemovalBackingOff { until } => Some(*until),
            Self::Unseen {}
            | Self::AwaitingKeys {}
            | Self::Rejected {}
            | Self::Refused {}
            | Self::Settled {}
            | Self::Gone {} => None,
        }
    }

    /// The state's path, outermost first.
    pub fn path(&self) -> String {
        let path = match self {
            Self::Unseen {} => "Unseen",
            Self::AwaitingKeys {} => "Live/AwaitingKeys",
            Self::Rejected {} => "Live/Rejected",
            Self::Checking { .. } => "Live/Checking",
            Self::Refused {} => "Live/Refused",
            Self::AwaitingTenant { .. } => "Live/AwaitingTenant",
            Self::Dispatching { .. } => "Live/Dispatching",
            Self::BackingOff { .. } => "Live/BackingOff",
            Self::Settled {} => "Live/Settled",
            Self::Removing { .. } => "Terminating/Removing",
            Self::RemovalBackingOff { .. } => "Terminating/RemovalBackingOff",
            Self::Gone {} => "Gone",
        };
        path.to_owned()
    }
}
