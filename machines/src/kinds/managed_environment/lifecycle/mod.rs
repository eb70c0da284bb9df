//! The region that takes an environment through its checks, and to the end of what it has left.
//!
//! What is written was checked, and is written by whoever has checked it, in the step that takes in
//! what was found: no state needs to remember a secret. Credentials that are no longer accepted stay
//! in their row until others are.
//!
//! Argo CD drops an Application that is being deleted, without removing anything, once it cannot
//! resolve the destination. So the Secret stays for those that are being deleted when the object goes,
//! for a limited time.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

mod actions;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use super::{EnvironmentEvent, EnvironmentFacts, EnvironmentRecord};
use crate::identity::Timestamp;
use crate::rows::RowChange;
use crate::shared::retry::postpone;

/// A check ends by itself, and waits its turn among those of its tenant; this is the safety net. It
/// doubles each time, up to an hour.
pub const CHECK_DEADLINE: Duration = Duration::from_secs(120);
/// Argo CD and the tenant's rows are announced; this is the safety net. It doubles each time, up to an
/// hour.
pub const AWAITING_DEADLINE: Duration = Duration::from_secs(60);
/// For how long an environment waits for the deletion of those who use it: `kubectl delete` takes the
/// objects of one file one after the other.
pub const LEAVING_GRACE: Duration = Duration::from_secs(5);
/// For how long after that it stays for Applications that are being deleted: ten minutes, together with
/// the grace and the time in which its Secret goes.
pub const DRAINING_LIMIT: Duration = Duration::from_secs(590);

/// How far a managed environment has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvironmentState {
    /// Nothing is known about the object.
    Unseen {},
    /// There are no keys to seal the credentials with.
    AwaitingKeys {},
    /// The spec cannot be right, whatever the cluster says.
    Rejected {},
    /// The cluster should be asked with what the Secret holds.
    Checking {
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// What the last check found keeps the cluster from being used.
    Refused {},
    /// The credentials were accepted, but there is no Argo CD.
    AwaitingEngine {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// They were accepted, but the tenant has no rows for the installed Argo CD.
    AwaitingTenant {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// They were accepted, and are in their row.
    Accepted {},
    /// The object is gone or going. The row stays for Applications that are being deleted.
    Draining {
        /// When it waits no longer.
        until: Timestamp,
        /// Whether all other Applications have lost their destination.
        is_detached: bool,
    },
    /// The row is gone; Argo CD's Secret is to go.
    Removing {},
    /// Argo CD has nothing of it. What was made on clusters is to be revoked.
    Clearing {},
    /// Nothing is left.
    Gone {},
}

/// What is signalled to the region.
#[derive(Clone, Copy, Debug)]
pub enum LifecycleEvent<'a> {
    /// Something was observed.
    Observation(&'a EnvironmentEvent),
    /// Argo CD's Secret says what the row says, or is gone with it.
    Delivered,
    /// There is nothing to revoke, and nothing to tell.
    Cleared,
}

/// What a step collects.
pub struct Context<'a> {
    facts: &'a EnvironmentFacts,
    /// Rows to write.
    pub(super) rows: Vec<RowChange>,
}

impl<'a> Context<'a> {
    pub(super) fn new(facts: &'a EnvironmentFacts) -> Self {
        Self { facts, rows: Vec::new() }
    }

    fn after(&self, pause: Duration) -> Timestamp {
        self.facts.now.after(pause)
    }
}

#[state_machine(
    initial = "EnvironmentState::Unseen {}",
    state(name = "EnvironmentState", custom),
    superstate(name = "EnvironmentSuperstate", derive(Debug))
)]
impl EnvironmentRecord {
    #[state]
    fn unseen(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Observation(EnvironmentEvent::Observed(snapshot)) => {
                self.born = context.facts.now;
                self.take(snapshot);
                self.adopt(context);
                if snapshot.deleting {
                    return Transition(self.leave(context));
                }
                Transition(self.resolve(context))
            }
            // What an earlier installation left of it goes as well.
            LifecycleEvent::Observation(EnvironmentEvent::Absent { as_of }) => {
                self.born = context.facts.now;
                self.note_absent(*as_of);
                self.adopt(context);
                Transition(self.leave(context))
            }
            LifecycleEvent::Observation(_)
            | LifecycleEvent::Delivered
            | LifecycleEvent::Cleared => Handled,
        }
    }

    /// The object exists, as far as we know, and is not being deleted.
    #[superstate]
    fn live(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<EnvironmentState> {
        let event = match event {
            LifecycleEvent::Observation(event) => event,
            LifecycleEvent::Delivered => {
                self.note_delivered();
                return Handled;
            }
            LifecycleEvent::Cleared => return Handled,
        };
        match event {
            EnvironmentEvent::Observed(snapshot) if self.is_stale(snapshot) => Handled,
            EnvironmentEvent::Observed(snapshot) if snapshot.deleting => {
                self.take(snapshot);
                Transition(self.leave(context))
            }
            EnvironmentEvent::Observed(snapshot) => {
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
            EnvironmentEvent::Absent { as_of } if *as_of < self.last_seen => Handled,
            EnvironmentEvent::Absent { as_of } => {
                self.note_absent(*as_of);
                Transition(self.leave(context))
            }
            EnvironmentEvent::FactsChanged => self.look_again(true, context),
            EnvironmentEvent::Checked { .. }
            | EnvironmentEvent::RevocationAttempted { .. }
            | EnvironmentEvent::RemainsTold { .. }
            | EnvironmentEvent::OperationObserved { .. }
            | EnvironmentEvent::SecretDiffers
            | EnvironmentEvent::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "live")]
    fn awaiting_keys(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<EnvironmentState> {
        if context.facts.has_keys { self.resume(event, context) } else { Super }
    }

    #[state(superstate = "live")]
    fn rejected(&mut self, event: &LifecycleEvent<'_>) -> Outcome<EnvironmentState> {
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
    ) -> Outcome<EnvironmentState> {
        let LifecycleEvent::Observation(event) = event else { return Super };
        match event {
            EnvironmentEvent::Checked { shown, found } if self.is_about(shown, found) => {
                Transition(self.judge(found, context))
            }
            // Another Secret is shown: what is under way may have read the one before.
            EnvironmentEvent::FactsChanged if context.facts.has_keys => {
                self.follow_secret(context);
                Handled
            }
            EnvironmentEvent::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = postpone(CHECK_DEADLINE, overdue, context.facts.now);
                Handled
            }
            _ => Super,
        }
    }

    /// A check has ended. The cluster is asked again from time to time, and usually says what it said
    /// before.
    #[superstate(superstate = "live")]
    fn judged(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Observation(EnvironmentEvent::Checked { shown, found })
                if self.is_about(shown, found)
                    && (context.facts.is_row_empty || self.checked.as_ref() != Some(&**found)) =>
            {
                Transition(self.judge(found, context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "judged")]
    fn refused(&mut self, event: &LifecycleEvent<'_>) -> Outcome<EnvironmentState> {
        let _ = event;
        Super
    }

    #[state(superstate = "judged")]
    fn accepted(&mut self, event: &LifecycleEvent<'_>) -> Outcome<EnvironmentState> {
        let _ = event;
        Super
    }

    /// The credentials were accepted, but cannot be written yet. They are read again when they can:
    /// nothing remembers them.
    #[superstate(superstate = "live")]
    fn awaiting(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<EnvironmentState> {
        let has_tenant = self.tenant(context).is_some();
        match event {
            LifecycleEvent::Observation(EnvironmentEvent::DeadlineReached)
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
    ) -> Outcome<EnvironmentState> {
        let _ = (event, deadline, overdue);
        Super
    }

    #[state(superstate = "awaiting")]
    fn awaiting_tenant(
        &mut self,
        event: &LifecycleEvent<'_>,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<EnvironmentState> {
        let _ = (event, deadline, overdue);
        Super
    }

    /// The object is gone or going. If a stale list has shown it as deleted, it is served again when
    /// nothing is left of before.
    #[superstate]
    fn leaving(&mut self, event: &LifecycleEvent<'_>) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Observation(EnvironmentEvent::Observed(snapshot))
                if !self.is_stale(snapshot) =>
            {
                self.take(snapshot);
                Handled
            }
            LifecycleEvent::Observation(EnvironmentEvent::Absent { as_of })
                if *as_of >= self.last_seen =>
            {
                self.note_absent(*as_of);
                Handled
            }
            LifecycleEvent::Observation(_)
            | LifecycleEvent::Delivered
            | LifecycleEvent::Cleared => Handled,
        }
    }

    #[state(superstate = "leaving")]
    fn draining(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
        until: &mut Timestamp,
        is_detached: &mut bool,
    ) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Observation(
                EnvironmentEvent::FactsChanged | EnvironmentEvent::DeadlineReached,
            ) => self.drain(*until, *is_detached, context),
            _ => Super,
        }
    }

    #[state(superstate = "leaving")]
    fn removing(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Delivered => Transition(self.end_removal(context)),
            _ => Super,
        }
    }

    #[state(superstate = "leaving")]
    fn clearing(
        &mut self,
        context: &mut Context<'_>,
        event: &LifecycleEvent<'_>,
    ) -> Outcome<EnvironmentState> {
        match event {
            LifecycleEvent::Cleared => Transition(self.end(context)),
            _ => Super,
        }
    }

    #[state]
    fn gone(&mut self, event: &LifecycleEvent<'_>) -> Outcome<EnvironmentState> {
        let _ = event;
        Handled
    }
}

impl EnvironmentState {
    /// When the region wants to be woken.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Checking { deadline, .. }
            | Self::AwaitingEngine { deadline, .. }
            | Self::AwaitingTenant { deadline, .. } => Some(*deadline),
            Self::Draining { until, .. } => Some(*until),
            Self::Unseen {}
            | Self::AwaitingKeys {}
            | Self::Rejected {}
            | Self::Refused {}
            | Self::Accepted {}
            | Self::Removing {}
            | Self::Clearing {}
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
            Self::Draining { .. } => "Leaving/Draining",
            Self::Removing {} => "Leaving/Removing",
            Self::Clearing {} => "Leaving/Clearing",
            Self::Gone {} => "Gone",
        };
        path.to_owned()
    }
}
