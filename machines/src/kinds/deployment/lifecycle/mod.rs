//! The region that decides what is done about a deployment.
//!
//! A state that waits for machinery (the agent, Argo CD, the tenant) has a deadline; a state that
//! waits for a person (`Rejected`, `Settled`, `Frozen`, and `AwaitingEnvironment` once it says so) has
//! none, unless a repair is in progress alongside it.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

mod actions;
mod environments;
mod observed;
mod paths;

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use crate::identity::Timestamp;
use crate::kinds::deployment::error_flag::ErrorEvent;
use crate::kinds::deployment::{Event, Facts, Record};
use crate::rows::RowChange;
use crate::shared::retry::{self, LONGEST_DEADLINE};
use crate::shared::{messages, text};

/// The agent answers within milliseconds; after this the user is informed that it does not.
pub const DISPATCH_DEADLINE: Duration = Duration::from_secs(60);
/// Argo CD removes resources within seconds; after this the user is informed that it does not.
pub const REMOVAL_DEADLINE: Duration = Duration::from_secs(120);
/// A change of the tenant, of Argo CD or of a predecessor is pushed; this is the safety net.
pub const AWAITING_DEADLINE: Duration = Duration::from_secs(60);
/// Removing a finalizer is one request; after this it is sent again.
pub const FINALIZING_DEADLINE: Duration = Duration::from_secs(30);

/// An environment that is created along with its deployments is seen within moments; after this the
/// user is informed that there is none.
pub const MISSING_ENVIRONMENT_DELAY: Duration = Duration::from_secs(5);
/// A cluster answers within seconds, or is known not to; after this the user is informed that the
/// environment cannot be used.
pub const ENVIRONMENT_DELAY: Duration = Duration::from_secs(60);

/// What is done about a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifecycle {
    /// Nothing is known about the object.
    Unseen {},
    /// The spec cannot be acted on; the user must change it.
    Rejected {
        /// When to check the repair of the last good Application, if one was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// It deploys to an environment, which an earlier installation handled. This version does not,
    /// and leaves what that one created as it is.
    Frozen {},
    /// The environment that the spec names cannot be used, or it is not known yet whether it can. The
    /// last good Application stays.
    AwaitingEnvironment {
        /// When to complain; `None` once that is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complaint: Option<Timestamp>,
        /// When to check the repair of the last good Application, if one was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repair: Option<Timestamp>,
    },
    /// The namespace is terminating, or its tenant has no rows yet.
    AwaitingTenant {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "crate::shared::is_default")]
        overdue: u32,
    },
    /// Argo CD's namespace does not exist.
    AwaitingEngine {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "crate::shared::is_default")]
        overdue: u32,
    },
    /// Another deployment of the same name is not gone yet.
    AwaitingPredecessor {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "crate::shared::is_default")]
        overdue: u32,
    },
    /// The rows are written; the agent has been asked to make Argo CD match.
    Dispatching {
        /// When to complain.
        deadline: Timestamp,
        /// The spec has changed since the open operation was requested: ask again after it.
        again: bool,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "crate::shared::is_default")]
        overdue: u32,
    },
    /// The agent failed; it is asked again later.
    BackingOff {
        /// When.
        until: Timestamp,
    },
    /// Argo CD's Application says what this generation asks for.
    Settled {},
    /// The object is gone or going. Argo CD may be unable to resolve the destination, and would then
    /// remove nothing.
    AwaitingDestination {
        /// When to look again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "crate::shared::is_default")]
        overdue: u32,
    },
    /// The rows are gone; the agent has been asked to remove the Application.
    Removing {
        /// When to complain.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
        /// The open operation was asked for before the rows went: ask again after it.
        again: bool,
    },
    /// The agent failed to remove the Application; it is asked again later.
    RemovalBackingOff {
        /// When.
        until: Timestamp,
    },
    /// It was deleted while it was frozen: what was created for it stays until a version is
    /// installed that can remove it.
    RemovalFrozen {},
    /// Nothing is left but our finalizer on the object.
    Finalizing {
        /// When to try again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        #[serde(default, skip_serializing_if = "crate::shared::is_default")]
        overdue: u32,
    },
    /// Nothing is left.
    Gone {},
}

/// What a step collects.
pub struct Context<'a> {
    facts: &'a Facts,
    /// Whether this deployment does not yet hold its name.
    waits: bool,
    /// The state before the step.
    before: Discriminant<Lifecycle>,
    /// Rows to write.
    pub(super) rows: Vec<RowChange>,
    /// What is signalled to the error flag.
    pub(super) error_event: Option<ErrorEvent>,
}

impl<'a> Context<'a> {
    pub(super) fn new(facts: &'a Facts, before: &Lifecycle) -> Self {
        let waits = before.waits_for_its_name();
        Self { facts, waits, before: discriminant(before), rows: Vec::new(), error_event: None }
    }

    /// Counts that a deadline has passed once more; returns when it is due next.
    fn postpone(&self, first: Duration, overdue: &mut u32) -> Timestamp {
        retry::postpone(first, overdue, self.facts.now)
    }

    fn is_as_before(&self, lifecycle: &Lifecycle) -> bool {
        discriminant(lifecycle) == self.before
    }

    fn raise(&mut self, message: impl Into<String>) {
        let message = text::bounded(&message.into());
        self.error_event = Some(ErrorEvent::Raised(message));
    }

    fn clear(&mut self) {
        self.error_event = Some(ErrorEvent::Cleared);
    }
}

#[state_machine(
    initial = "Lifecycle::Unseen {}",
    state(name = "Lifecycle", custom),
    superstate(name = "LifecycleSuperstate", derive(Debug))
)]
impl Record {
    #[state]
    fn unseen(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::Observed(snapshot) => {
                self.first_seen = snapshot.revision;
                self.born = context.facts.now;
                self.take(snapshot);
                if snapshot.deleting {
                    return Transition(self.begin_removal(context));
                }
                Transition(self.resolve(context))
            }
            Event::Absent { .. } => Transition(Lifecycle::Gone {}),
            Event::OperationObserved { .. }
            | Event::Reported(_)
            | Event::RemovalReported(_)
            | Event::StatusTooLarge { .. }
            | Event::ApplicationDiffers
            | Event::FactsChanged
            | Event::DeadlineReached => Handled,
        }
    }

    /// The object exists, as far as we know, and is not being deleted.
    #[superstate]
    fn live(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::Observed(snapshot) if self.is_stale(snapshot) => Handled,
            Event::Observed(snapshot) if snapshot.deleting => {
                self.take(snapshot);
                Transition(self.begin_removal(context))
            }
            Event::Observed(snapshot) => self.follow_spec(snapshot, context),
            Event::Absent { as_of } if *as_of < self.last_seen => Handled,
            Event::Absent { .. } => {
                self.vanish();
                Transition(self.begin_removal(context))
            }
            Event::OperationObserved { id, state } => {
                self.note_operation(id, state.as_ref());
                Handled
            }
            Event::Reported(report) => {
                self.note_report(report);
                Handled
            }
            // Its environment leaves: the Application is to deploy nowhere.
            Event::FactsChanged if self.is_left(&context.facts.environments) => {
                Transition(self.resolve(context))
            }
            Event::RemovalReported(_)
            | Event::StatusTooLarge { .. }
            | Event::ApplicationDiffers
            | Event::FactsChanged
            | Event::DeadlineReached => Handled,
        }
    }

    /// The last good Application stays, and stays as its row says.
    #[state(superstate = "live")]
    fn rejected(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Option<Timestamp>,
    ) -> Outcome<Lifecycle> {
        match event {
            // That its environment cannot be used is said before what else is wrong.
            Event::FactsChanged if !self.spec.environment.is_empty() => {
                match self.resolve(context) {
                    Lifecycle::Rejected { deadline: asked } => {
                        *deadline = asked.or(*deadline);
                        Handled
                    }
                    elsewhere => Transition(elsewhere),
                }
            }
            Event::ApplicationDiffers if self.can_follow(context) => {
                if self.request_repair(context) {
                    *deadline = Some(context.facts.now.after(DISPATCH_DEADLINE));
                }
                Handled
            }
            Event::OperationObserved { id, state } => {
                let finished = self.note_operation(id, state.as_ref());
                self.end_repair(&finished, deadline, context);
                Handled
            }
            Event::DeadlineReached if deadline.is_some_and(|at| context.facts.now >= at) => {
                *deadline = Some(context.facts.now.after(LONGEST_DEADLINE));
                self.expect_no_claim();
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn frozen(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::FactsChanged if context.facts.environments.are_served() => {
                Transition(self.resolve(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn awaiting_environment(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        complaint: &mut Option<Timestamp>,
        repair: &mut Option<Timestamp>,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::FactsChanged => self.look_at_environment(complaint, repair, context),
            Event::ApplicationDiffers if self.can_follow(context) => {
                if self.request_repair(context) {
                    *repair = Some(context.facts.now.after(DISPATCH_DEADLINE));
                }
                Handled
            }
            Event::OperationObserved { id, state } => {
                let finished = self.note_operation(id, state.as_ref());
                self.end_repair(&finished, repair, context);
                Handled
            }
            Event::DeadlineReached => self.end_patience(complaint, repair, context),
            _ => Super,
        }
    }

    /// Waits for something outside this deployment.
    #[superstate(superstate = "live")]
    fn awaiting(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        let is_due = context.facts.now >= *deadline;
        match event {
            Event::FactsChanged => match self.resolve(context) {
                same if context.is_as_before(&same) => Handled,
                elsewhere => Transition(elsewhere),
            },
            Event::DeadlineReached if is_due => match self.resolve(context) {
                same if context.is_as_before(&same) => {
                    *deadline = context.postpone(AWAITING_DEADLINE, overdue);
                    Handled
                }
                elsewhere => Transition(elsewhere),
            },
            _ => Super,
        }
    }

    #[state(superstate = "awaiting")]
    fn awaiting_tenant(
        &mut self,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        let _ = (event, deadline, overdue);
        Super
    }

    #[state(superstate = "awaiting")]
    fn awaiting_engine(
        &mut self,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        let _ = (event, deadline, overdue);
        Super
    }

    #[state(superstate = "awaiting")]
    fn awaiting_predecessor(
        &mut self,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        let _ = (event, deadline, overdue);
        Super
    }

    #[state(superstate = "live")]
    fn dispatching(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        again: &mut bool,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::OperationObserved { id, state } => {
                let finished = self.note_operation(id, state.as_ref());
                self.end_dispatch(finished, *again, context)
            }
            Event::DeadlineReached if context.facts.now >= *deadline => {
                context.raise(messages::DISPATCH_SLOW);
                *deadline = self.insist(DISPATCH_DEADLINE, overdue, context);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn backing_off(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        until: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::DeadlineReached if context.facts.now >= *until => {
                Transition(self.resolve(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "live")]
    fn settled(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::FactsChanged if self.can_follow(context) => match self.resolve(context) {
                Lifecycle::Settled {} => Handled,
                elsewhere => Transition(elsewhere),
            },
            // In a namespace that is going away, or without Argo CD, nothing is recreated.
            Event::ApplicationDiffers if self.can_follow(context) => {
                self.note_difference();
                Transition(self.resolve(context))
            }
            _ => Super,
        }
    }

    /// The object is gone or going.
    #[superstate]
    fn terminating(&mut self, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::Observed(snapshot)
                if self.present && snapshot.deleting && !self.is_stale(snapshot) =>
            {
                self.take(snapshot);
                Handled
            }
            Event::Absent { as_of } if *as_of >= self.last_seen => {
                self.vanish();
                Handled
            }
            Event::OperationObserved { id, state } => {
                self.note_operation(id, state.as_ref());
                Handled
            }
            Event::RemovalReported(report) => {
                self.note_removal(report);
                Handled
            }
            // A deletion is never undone, and what is gone never comes back under the same UID: an
            // observation that says otherwise is stale.
            Event::Observed(_)
            | Event::Absent { .. }
            | Event::Reported(_)
            | Event::StatusTooLarge { .. }
            | Event::ApplicationDiffers
            | Event::FactsChanged
            | Event::DeadlineReached => Handled,
        }
    }

    #[state(superstate = "terminating")]
    fn awaiting_destination(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        let awaits = self.awaits_destination(&context.facts.environments);
        let is_due = context.facts.now >= *deadline;
        match event {
            Event::FactsChanged if !awaits => Transition(self.begin_removal(context)),
            Event::DeadlineReached if !awaits => Transition(self.begin_removal(context)),
            Event::DeadlineReached if is_due => {
                *deadline = context.postpone(AWAITING_DEADLINE, overdue);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn removing(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
        again: &mut bool,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::OperationObserved { id, state } => {
                let finished = self.note_operation(id, state.as_ref());
                self.end_removal(finished, *again, context)
            }
            Event::DeadlineReached if context.facts.now >= *deadline => {
                if self.present {
                    context.raise(self.removal.slow_message());
                }
                *deadline = self.insist(REMOVAL_DEADLINE, overdue, context);
                Handled
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn removal_backing_off(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        until: &mut Timestamp,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::DeadlineReached if context.facts.now >= *until => {
                Transition(self.request_removal(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn removal_frozen(&mut self, context: &mut Context<'_>, event: &Event) -> Outcome<Lifecycle> {
        match event {
            Event::FactsChanged if context.facts.environments.are_served() => {
                Transition(self.begin_removal(context))
            }
            _ => Super,
        }
    }

    #[state(superstate = "terminating")]
    fn finalizing(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Lifecycle> {
        match event {
            Event::Absent { as_of } if *as_of >= self.last_seen => {
                self.vanish();
                Transition(Lifecycle::Gone {})
            }
            Event::Observed(snapshot) if !snapshot.finalizer && !self.is_stale(snapshot) => {
                self.take(snapshot);
                Transition(Lifecycle::Gone {})
            }
            Event::DeadlineReached if context.facts.now >= *deadline => {
                *deadline = context.postpone(FINALIZING_DEADLINE, overdue);
                Handled
            }
            _ => Super,
        }
    }

    #[state]
    fn gone(&mut self, event: &Event) -> Outcome<Lifecycle> {
        let _ = event;
        Handled
    }
}
