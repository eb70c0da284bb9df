//! The region that revokes what was made on clusters and is not needed any longer: while the object
//! exists, tokens and rights that were replaced, once Argo CD has the new ones; after its end,
//! everything. What cannot be revoked in time is listed for the user.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use super::account::Revocable;
use super::{EnvironmentRecord, messages};
use crate::identity::Timestamp;
use crate::rows::RowChange;
use crate::shared::retry::{next_attempt, postpone};

/// For how long a cluster is asked that does not answer, or refuses. Several are asked one after the
/// other.
pub const REVOCATION_LIMIT: Duration = Duration::from_secs(600);
/// An attempt ends by itself, and waits its turn among those of its tenant; this is the safety net.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(120);
/// An Event is written within milliseconds; this is the safety net. It doubles each time, up to an hour.
pub const TELLING_DEADLINE: Duration = Duration::from_secs(60);

/// Whether what is not needed is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Revocation {
    /// There is nothing to revoke and nothing to tell.
    Idle {},
    /// The cluster has been asked.
    Revoking {
        /// When it is given up.
        limit: Timestamp,
        /// How many attempts have failed.
        failures: u32,
        /// When to ask again.
        deadline: Timestamp,
    },
    /// The cluster could not be asked, or has refused.
    BackingOff {
        /// When it is given up.
        limit: Timestamp,
        /// How many attempts have failed.
        failures: u32,
        /// When it is asked again.
        until: Timestamp,
    },
    /// The user is to be told what may remain.
    Telling {
        /// When to try again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
}

/// What is signalled to the region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationEvent {
    /// The siblings have taken a step: what is to be revoked may be something else.
    Compared,
    /// The cluster was asked to remove something.
    Attempted {
        /// What, exactly as it was asked for.
        what: Revocable,
        /// What may remain, as people name it; empty if it is all gone.
        remains: Vec<String>,
    },
    /// The user was told what may remain.
    Told {
        /// The texts.
        texts: Vec<String>,
    },
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl RevocationEvent {
    /// Its name, for the diagram.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Compared => "Compared",
            Self::Attempted { .. } => "Attempted",
            Self::Told { .. } => "Told",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

/// The region, with what it shares with its siblings.
pub struct Region<'a> {
    /// What the machine remembers.
    pub(super) record: &'a mut EnvironmentRecord,
    /// What is to be revoked.
    pub(super) due: Option<Revocable>,
    /// The time of the step.
    pub(super) now: Timestamp,
    /// Rows to write.
    pub(super) rows: &'a mut Vec<RowChange>,
}

#[state_machine(
    initial = "Revocation::Idle {}",
    state(name = "Revocation", custom),
    superstate(name = "RevocationSuperstate", derive(Debug))
)]
impl Region<'_> {
    #[state]
    fn idle(&mut self, event: &RevocationEvent) -> Outcome<Revocation> {
        match event {
            RevocationEvent::Compared => self.begin(),
            RevocationEvent::Attempted { .. }
            | RevocationEvent::Told { .. }
            | RevocationEvent::DeadlineReached => Handled,
        }
    }

    /// Something is to be revoked.
    #[superstate]
    fn busy(&mut self, event: &RevocationEvent) -> Outcome<Revocation> {
        match event {
            RevocationEvent::Compared if self.due.is_none() => Transition(Revocation::Idle {}),
            RevocationEvent::Compared
            | RevocationEvent::Attempted { .. }
            | RevocationEvent::Told { .. }
            | RevocationEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "busy")]
    fn revoking(
        &mut self,
        event: &RevocationEvent,
        limit: &mut Timestamp,
        failures: &mut u32,
        deadline: &mut Timestamp,
    ) -> Outcome<Revocation> {
        match event {
            RevocationEvent::Attempted { what, remains } if self.due.as_ref() == Some(what) => {
                if remains.is_empty() {
                    self.record.note_revoked(what, self.rows);
                    return Transition(Revocation::Idle {});
                }
                if self.now >= *limit {
                    return Transition(self.give_up(messages::remains(&what.api_url, remains)));
                }
                let failures = failures.saturating_add(1);
                let until = next_attempt(self.record.uid.as_str(), failures, self.now);
                Transition(Revocation::BackingOff { limit: *limit, failures, until })
            }
            // No answer at all has come for as long as it is waited for.
            RevocationEvent::DeadlineReached if self.now >= (*limit).max(*deadline) => {
                let url = self.due.as_ref().map(|due| due.api_url.clone()).unwrap_or_default();
                Transition(self.give_up(vec![messages::untracked(&url)]))
            }
            RevocationEvent::DeadlineReached if self.now >= *deadline => {
                *deadline = self.now.after(ATTEMPT_DEADLINE);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "busy")]
    fn backing_off(
        &mut self,
        event: &RevocationEvent,
        limit: &mut Timestamp,
        failures: &mut u32,
        until: &mut Timestamp,
    ) -> Outcome<Revocation> {
        match event {
            RevocationEvent::DeadlineReached if self.now >= *until => {
                let deadline = self.now.after(ATTEMPT_DEADLINE);
                Transition(Revocation::Revoking { limit: *limit, failures: *failures, deadline })
            }
            _ => Super,
        }
    }

    /// If more may remain meanwhile, the texts are other ones, and are told again.
    #[state]
    fn telling(
        &mut self,
        event: &RevocationEvent,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Revocation> {
        match event {
            RevocationEvent::Told { texts } if *texts == self.record.remains => {
                self.record.remains.clear();
                Transition(Revocation::Idle {})
            }
            RevocationEvent::DeadlineReached if self.now >= *deadline => {
                *deadline = postpone(TELLING_DEADLINE, overdue, self.now);
                Handled
            }
            RevocationEvent::Compared
            | RevocationEvent::Attempted { .. }
            | RevocationEvent::Told { .. }
            | RevocationEvent::DeadlineReached => Handled,
        }
    }

    /// What remains on one cluster is told before another is asked, which may take long.
    fn begin(&mut self) -> Outcome<Revocation> {
        if !self.record.remains.is_empty() {
            let deadline = self.now.after(TELLING_DEADLINE);
            return Transition(Revocation::Telling { deadline, overdue: 0 });
        }
        if self.due.is_none() {
            return Handled;
        }
        Transition(Revocation::Revoking {
            limit: self.now.after(REVOCATION_LIMIT),
            failures: 0,
            deadline: self.now.after(ATTEMPT_DEADLINE),
        })
    }

    /// Nothing more is done about what is due; the user is told of it.
    fn give_up(&mut self, texts: Vec<String>) -> Revocation {
        if let Some(due) = &self.due {
            self.record.note_revoked(due, self.rows);
            self.record.note_remains(texts, messages::untracked(&due.api_url));
        }
        Revocation::Idle {}
    }
}

impl Revocation {
    /// When the region wants to be woken.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Idle {} => None,
            Self::BackingOff { until, .. } => Some(*until),
            Self::Revoking { deadline, .. } | Self::Telling { deadline, .. } => Some(*deadline),
        }
    }

    /// Whether there is nothing to revoke and nothing to tell.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle {})
    }

    /// The state's path, outermost first.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Idle {} => "Idle",
            Self::Revoking { .. } => "Busy/Revoking",
            Self::BackingOff { .. } => "Busy/BackingOff",
            Self::Telling { .. } => "Telling",
        }
    }
}
