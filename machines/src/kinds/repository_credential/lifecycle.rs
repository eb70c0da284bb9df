//! The region that takes a credential through its checks, and to the end of what it has left.
//!
//! What is written was checked, and is written by whoever has checked it, in the step that takes in
//! what was found: no state needs to remember a secret. A credential that is no longer accepted stays
//! in its row until another one is.

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
use crate::identity::{Digest, Revision, Timestamp};
use crate::kinds::tenant::TenantFact;
use crate::rows::{RowChange, TenantRows};
use crate::shared::retry::postpone;

/// A check ends within half a minute, and waits its turn among those of its tenant; this is the
/// safety net. It doubles each time, up to an hour.
pub const CHECK_DEADLINE: Duration = Duration::from_secs(120);
/// Argo CD and the tenant's rows are announced; this is the safety net. It doubles each time, up to an
/// hour.
pub const AWAITING_DEADLINE: Duration = Duration::from_secs(60);

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
    /// It was accepted, but there is no Argo CD.
    AwaitingEngine {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// It was accepted, but its tenant has no rows for the installed Argo CD.
    AwaitingTenant {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// It was accepted, and is in its row.
    Accepted {},
    /// The object is gone or going, its row is gone; Argo CD's Secret is to go.
    Removing {},
    /// Nothing is left.
    Gone {},
}

/// What is signalled to the region.
#[derive(Clone, Copy, Debug)]
pub enum LifecycleEvent<'a> {
    /// Something was observed.
    Observation(&'a CredentialEvent),
    /// Argo CD's Secret says what the row says, or is gone with it.
    Delivered,
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
        event: &LifecycleEvent<'_>,
    ) -> Outcome<CredentialState> {
        match event {
            LifecycleEvent::Observation(CredentialEvent::Observed(snapshot)) => {
                self.born = context.facts.now;
                self.take(snapshot);
                self.adopt(context);
                if snapshot.deleting {
                    return Transition(self.begin_removal(context));
                }
                Transition(self.resolve(context))
            }
            // What an earlier installation left of it goes as well.
            LifecycleEvent::Observation(CredentialEvent::Absent { as_of }) => {
                self.born = context.facts.now;
                self.note_absent(*as_of);
                self.adopt(context);
                Transition(self.begin_removal(context))
            }
            LifecycleEvent::Observation(_) | LifecycleEvent::Delivered => Handled,
        }
    }

    /// The object exists, as far as we know, and is not being deleted.
    #[superstate]
    fn live(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<CredentialState> {
        let LifecycleEvent::Observation(event) = event else { return Handled };
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
                // Most often it is the echo of our own status. As long as the watch is behind what a
                // check has read, each check would be followed by another.
                let shows_another = self.shown != context.facts.shown;
                self.look_again(shows_another, context)
            }
            CredentialEvent::Absent { as_of } if *as_of < self.last_seen => Handled,
            CredentialEvent::Absent { as_of } => {
                self.note_absent(*as_of);
                Transition(self.begin_removal(context))
            }
            CredentialEvent::FactsChanged => self.look_again(true, context),
            CredentialEvent::Checked { .. }
            | CredentialEvent::OperationObserved { .. }
            | CredentialEvent::SecretDiffers
            | CredentialEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "live")]
    fn awaiting_keys(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<CredentialState> {
        if context.facts.has_keys { self.resume(event, context) } else { Super }
    }

    #[state(superstate = "live")]
    fn rejected(&mut self, event: &LifecycleEvent<'_>) -> Outcome<CredentialState> {
        let _ = event;
        Super
    }

    #[state(superstate = "live")]
    fn checking(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        let LifecycleEvent::Observation(event) = event else { return Super };
        match event {
            CredentialEvent::Checked { shown, found } if self.is_about(shown, found) => {
                Transition(self.judge(found, context))
            }
            // Another Secret is shown: what is under way may have read the one before.
            CredentialEvent::FactsChanged if context.facts.has_keys => {
                self.shown.clone_from(&context.facts.shown);
                Handled
            }
            CredentialEvent::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = postpone(CHECK_DEADLINE, overdue, context.facts.now);
                Handled
            }
            _ => Super,
        }
    }

    /// A check has ended. The repository is asked again from time to time, and usually says what it
    /// said before.
    #[superstate(superstate = "live")]
    fn judged(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<CredentialState> {
        match event {
            LifecycleEvent::Observation(CredentialEvent::Checked { shown, found })
                if self.is_about(shown, found)
                    && (context.facts.is_row_empty || self.checked.as_ref() != Some(&**found)) =>
            {
                Transition(self.judge(found, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "judged")]
    fn refused(&mut self, event: &LifecycleEvent<'_>) -> Outcome<CredentialState> {
        let _ = event;
        Super
    }

    #[state(superstate = "judged")]
    fn accepted(&mut self, event: &LifecycleEvent<'_>) -> Outcome<CredentialState> {
        let _ = event;
        Super
    }

    /// The credential was accepted, but cannot be written yet. It is read again when it can: nothing
    /// remembers it.
    #[superstate(superstate = "live")]
    fn awaiting(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        let has_tenant = self.tenant(context).is_some();
        match event {
            LifecycleEvent::Observation(CredentialEvent::DeadlineReached)
                if context.facts.now >= *deadline =>
            {
                if has_tenant {
                    return Transition(self.resolve(context));
                }
                *deadline = postpone(AWAITING_DEADLINE, overdue, context.facts.now);
                Handled
            }
            _ if has_tenant => self.resume(event, context),
            _ => Super,
        }
    }

    #[state(superstate = "awaiting")]
    fn awaiting_engine(
        &mut self,
        event: &LifecycleEvent<'_>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        let _ = (event, deadline, overdue);
        Super
    }

    #[state(superstate = "awaiting")]
    fn awaiting_tenant(
        &mut self,
        event: &LifecycleEvent<'_>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<CredentialState> {
        let _ = (event, deadline, overdue);
        Super
    }

    /// If a stale list has shown the object as deleted, it is served again when nothing is left of
    /// before.
    #[state]
    fn removing(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<CredentialState> {
        match event {
            LifecycleEvent::Delivered => Transition(self.end_removal(context)),
            LifecycleEvent::Observation(CredentialEvent::Observed(snapshot))
                if !self.is_stale(snapshot) =>
            {
                self.take(snapshot);
                Handled
            }
            LifecycleEvent::Observation(CredentialEvent::Absent { as_of })
                if *as_of >= self.last_seen =>
            {
                self.note_absent(*as_of);
                Handled
            }
            LifecycleEvent::Observation(_) => Handled,
        }
    }

    #[state]
    fn gone(&mut self, event: &LifecycleEvent<'_>) -> Outcome<CredentialState> {
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

    /// The object does not exist: what was seen of it before counts no longer.
    fn note_absent(&mut self, as_of: Revision) {
        self.present = false;
        self.last_seen = as_of;
    }

    /// Takes over the row of an earlier installation, so that it is replaced or removed.
    fn adopt(&mut self, context: &Context<'_>) {
        if let (None, Some(existing)) = (&self.row, &context.facts.existing) {
            self.row = Some(RowRecord {
                id: existing.id.clone(),
                user: existing.user.clone(),
                instance: existing.instance.clone(),
                written: None,
            });
        }
    }

    /// Whether a check was about the spec and the Secret that count: one that began earlier may have
    /// read another Secret.
    fn is_about(&self, shown: &Option<Digest>, found: &Checked) -> bool {
        found.spec == self.spec && *shown == self.shown
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

    /// Where a credential goes whose spec is new, or that had to wait.
    fn resolve(&mut self, context: &mut Context<'_>) -> CredentialState {
        if !context.facts.has_keys {
            return CredentialState::AwaitingKeys {};
        }
        if spec::problem(&self.spec).is_some() {
            return CredentialState::Rejected {};
        }
        self.check(context)
    }

    /// What a state does that has what it waited for: it goes on with the next sign of life.
    fn resume(
        &mut self,
        event: &LifecycleEvent<'_>,
        context: &mut Context<'_>,
    ) -> Outcome<CredentialState> {
        match event {
            LifecycleEvent::Observation(CredentialEvent::FactsChanged) => {}
            LifecycleEvent::Observation(CredentialEvent::Observed(snapshot))
                if self.is_current(snapshot) =>
            {
                self.take(snapshot);
            }
            _ => return Super,
        }
        Transition(self.resolve(context))
    }

    fn check(&mut self, context: &Context<'_>) -> CredentialState {
        self.shown.clone_from(&context.facts.shown);
        CredentialState::Checking { deadline: context.after(CHECK_DEADLINE), overdue: 0 }
    }

    /// The keys, Argo CD and, if it is to be compared, the Secret may be other ones than before.
    fn look_again(
        &mut self,
        compares_secret: bool,
        context: &mut Context<'_>,
    ) -> Outcome<CredentialState> {
        if !context.facts.has_keys {
            return Transition(CredentialState::AwaitingKeys {});
        }
        if spec::problem(&self.spec).is_some() {
            return Handled;
        }
        // One that was refused is asked again anyway, and then goes to the Argo CD that is there.
        let is_accepted = self.checked.as_ref().is_some_and(|one| one.verdict.is_accepted());
        let is_elsewhere = is_accepted
            && self.tenant(context).is_some_and(|tenant| {
                self.row.as_ref().is_some_and(|row| row.instance != tenant.instance)
            });
        let is_outdated = compares_secret && self.is_outdated(context.facts.shown.as_ref());
        if is_outdated || is_elsewhere {
            return Transition(self.check(context));
        }
        self.shown.clone_from(&context.facts.shown);
        Handled
    }

    /// Whether the watch shows another Secret than the one that was checked. If the watch is behind,
    /// one check too many is made each time that something else changes meanwhile.
    fn is_outdated(&self, shown: Option<&Digest>) -> bool {
        self.checked.as_ref().is_some_and(|checked| checked.secret.as_ref() != shown)
    }

    /// What follows from a check of the current spec.
    fn judge(&mut self, found: &Checked, context: &mut Context<'_>) -> CredentialState {
        if !context.facts.has_keys {
            return CredentialState::AwaitingKeys {};
        }
        self.checked = Some(found.clone());
        let Some(secret) = found.secret.as_ref().filter(|_| found.verdict.is_accepted()) else {
            return CredentialState::Refused {};
        };
        let deadline = context.after(AWAITING_DEADLINE);
        if context.facts.instance.is_none() {
            return CredentialState::AwaitingEngine { deadline, overdue: 0 };
        }
        let Some(tenant) = self.tenant(context) else {
            return CredentialState::AwaitingTenant { deadline, overdue: 0 };
        };
        let written = Written { spec: self.spec.clone(), secret: secret.clone() };
        let is_empty = context.facts.is_row_empty;
        let is_written = self.row.as_ref().is_some_and(|row| {
            !is_empty && row.written.as_ref() == Some(&written) && row.instance == tenant.instance
        });
        if !is_written {
            self.put(written, tenant.clone(), context);
        }
        CredentialState::Accepted {}
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
        self.row = Some(RowRecord { id, user, instance, written: Some(written) });
    }

    fn begin_removal(&mut self, context: &mut Context<'_>) -> CredentialState {
        let Some(row) = &mut self.row else { return CredentialState::Gone {} };
        row.written = None;
        context.rows.push(RowChange::Credential(CredentialRows::Remove(Box::new(CredentialKey {
            id: row.id.clone(),
            uid: self.uid.clone(),
            user: row.user.clone(),
        }))));
        CredentialState::Removing {}
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
            | Self::AwaitingEngine { deadline, .. }
            | Self::AwaitingTenant { deadline, .. } => Some(*deadline),
            Self::Unseen {}
            | Self::AwaitingKeys {}
            | Self::Rejected {}
            | Self::Refused {}
            | Self::Accepted {}
            | Self::Removing {}
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
            Self::Refused {} => "Live/Judged/Refused",
            Self::AwaitingEngine { .. } => "Live/Awaiting/AwaitingEngine",
            Self::AwaitingTenant { .. } => "Live/Awaiting/AwaitingTenant",
            Self::Accepted {} => "Live/Judged/Accepted",
            Self::Removing {} => "Removing",
            Self::Gone {} => "Gone",
        };
        path.to_owned()
    }
}
