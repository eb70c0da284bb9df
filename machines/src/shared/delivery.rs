//! The region that makes a Secret of Argo CD say what its row says, or go with it. Whatever becomes of
//! the check meanwhile, what is in the row gets there.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use crate::identity::{ClusterUserId, InstanceId, OperationId, Timestamp};
use crate::rows::{OperationRow, OperationState, Requester, RowChange, Target};
use crate::shared::messages;
use crate::shared::open_operation::{Finished, OpenOperation};
use crate::shared::retry::{next_attempt, postpone};
use crate::shared::text::bounded;
use crate::waiting::{Party, Wait};

/// The agent answers; this is the safety net. It doubles each time, up to an hour.
pub const DELIVERY_DEADLINE: Duration = Duration::from_secs(60);

/// Whether Argo CD's Secret says what the row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// As far as is known, it does.
    Idle {},
    /// The agent has been asked for it.
    Dispatching {
        /// Whether the agent is to be asked once more: the row may have changed after it had read it.
        again: bool,
        /// When to ask again.
        deadline: Timestamp,
        /// How often the deadline has passed.
        overdue: u32,
    },
    /// The agent could not do it.
    BackingOff {
        /// When it is asked again.
        until: Timestamp,
    },
}

/// What is signalled to the region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// The row has changed, or has gone.
    RowChanged,
    /// The row of an operation says this; `None` if there is no such row.
    OperationObserved {
        /// The operation.
        id: OperationId,
        /// Its state.
        state: Option<OperationState>,
    },
    /// Argo CD's Secret has differed from the row for a while.
    SecretDiffers,
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl DeliveryEvent {
    /// Its name, for the diagram.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RowChanged => "RowChanged",
            Self::OperationObserved { .. } => "OperationObserved",
            Self::SecretDiffers => "SecretDiffers",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

/// The row whose content is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredRow {
    /// What the operations are about.
    pub target: Target,
    /// Who asks for them.
    pub requester: Requester,
    /// The cluster user that owns the row.
    pub owner: ClusterUserId,
    /// The Argo CD instance that is told.
    pub instance: InstanceId,
}

/// What a machine remembers of its operations.
#[derive(Debug)]
pub struct Requests<'a> {
    /// When the object was first seen; with the number below it names the operations.
    pub born: Timestamp,
    /// How many have been requested.
    pub operations: &'a mut u32,
    /// The one that the agent has not finished.
    pub open: &'a mut Option<OpenOperation>,
    /// How many in a row have failed.
    pub failures: &'a mut u32,
    /// Why the last one has.
    pub failure: &'a mut String,
}

/// The region, with what it shares with its siblings.
#[derive(Debug)]
pub struct Region<'a> {
    /// The row; `None` if there is none.
    pub row: Option<DeliveredRow>,
    /// Its operations.
    pub requests: Requests<'a>,
    /// What spreads the pauses between attempts: the object's UID.
    pub key: &'a str,
    /// The time of the step.
    pub now: Timestamp,
    /// Rows to write.
    pub rows: &'a mut Vec<RowChange>,
}

#[state_machine(
    initial = "Delivery::Idle {}",
    state(name = "Delivery", custom),
    superstate(name = "DeliverySuperstate", derive(Debug))
)]
impl Region<'_> {
    #[state]
    fn idle(&mut self, event: &DeliveryEvent) -> Outcome<Delivery> {
        match event {
            DeliveryEvent::RowChanged => Transition(self.dispatch()),
            // Without a row there is nothing of ours to repair.
            DeliveryEvent::SecretDiffers if self.row.is_some() => Transition(self.dispatch()),
            DeliveryEvent::SecretDiffers
            | DeliveryEvent::OperationObserved { .. }
            | DeliveryEvent::DeadlineReached => Handled,
        }
    }

    #[state]
    fn dispatching(
        &mut self,
        event: &DeliveryEvent,
        again: &mut bool,
        deadline: &mut Timestamp,
        overdue: &mut u32,
    ) -> Outcome<Delivery> {
        match event {
            DeliveryEvent::RowChanged | DeliveryEvent::SecretDiffers => {
                *again = true;
                Handled
            }
            DeliveryEvent::OperationObserved { id, state } => {
                match OpenOperation::note(self.requests.open, id, state.as_ref()) {
                    Finished::No => Handled,
                    Finished::Completed if !*again => {
                        *self.requests.failures = 0;
                        self.requests.failure.clear();
                        Transition(Delivery::Idle {})
                    }
                    Finished::Failed(text) if !*again => Transition(self.back_off(&text)),
                    Finished::Completed | Finished::Failed(_) | Finished::Lost => {
                        Transition(self.dispatch())
                    }
                }
            }
            DeliveryEvent::DeadlineReached if self.now >= *deadline => {
                if let Some(open) = self.requests.open {
                    open.claimed = false;
                }
                *deadline = postpone(DELIVERY_DEADLINE, overdue, self.now);
                Handled
            }
            DeliveryEvent::DeadlineReached => Handled,
        }
    }

    #[state]
    fn backing_off(&mut self, event: &DeliveryEvent, until: &mut Timestamp) -> Outcome<Delivery> {
        match event {
            DeliveryEvent::RowChanged => Transition(self.dispatch()),
            DeliveryEvent::DeadlineReached if self.now >= *until => Transition(self.dispatch()),
            DeliveryEvent::SecretDiffers
            | DeliveryEvent::OperationObserved { .. }
            | DeliveryEvent::DeadlineReached => Handled,
        }
    }

    /// Asks the agent. None of its operations is open: each of them ends in one of the other states.
    fn dispatch(&mut self) -> Delivery {
        self.request_operation();
        let deadline = self.now.after(DELIVERY_DEADLINE);
        Delivery::Dispatching { again: false, deadline, overdue: 0 }
    }

    fn request_operation(&mut self) {
        let Some(row) = &self.row else { return };
        let Requests { born, operations, open, .. } = &mut self.requests;
        **operations = operations.saturating_add(1);
        let id = OperationId::of(row.target.row(), *born, **operations);
        self.rows.push(RowChange::RequestOperation(OperationRow {
            id: id.clone(),
            target: row.target.clone(),
            requester: row.requester.clone(),
            owner: row.owner.clone(),
            instance: row.instance.clone(),
        }));
        **open = Some(OpenOperation { id, claimed: false });
    }

    fn back_off(&mut self, text: &str) -> Delivery {
        let Requests { failures, failure, .. } = &mut self.requests;
        **failures = failures.saturating_add(1);
        **failure = bounded(text);
        Delivery::BackingOff { until: next_attempt(self.key, **failures, self.now) }
    }
}

impl Delivery {
    /// When the region wants to be woken.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Dispatching { deadline, .. } => Some(*deadline),
            Self::BackingOff { until } => Some(*until),
            Self::Idle {} => None,
        }
    }

    /// What the region waits for. `under_way` is what the agent does, and `failed` what it could not do
    /// if it has given no reason.
    pub(crate) fn wait(
        &self,
        failures: u32,
        failure: &str,
        under_way: &'static str,
        failed: &'static str,
    ) -> Option<Wait> {
        let failed = || match failure.trim() {
            "" => Cow::Borrowed(failed),
            text => Cow::Owned(text.to_owned()),
        };
        match self {
            Self::Idle {} => None,
            Self::Dispatching { deadline, .. } => {
                let what = if failures > 0 { failed() } else { under_way.into() };
                let wait = Wait::new(Party::Agent, what);
                Some(wait.until(*deadline, "the Operation is created again"))
            }
            Self::BackingOff { until } => {
                let wait = Wait::new(Party::Time, failed()).with_advice(messages::FAILED_ADVICE);
                Some(wait.until(*until, "the agent is asked again"))
            }
        }
    }

    /// Whether Argo CD's Secret says what the row says, as far as is known.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle {})
    }

    /// The state's path.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Idle {} => "Idle",
            Self::Dispatching { .. } => "Dispatching",
            Self::BackingOff { .. } => "BackingOff",
        }
    }
}
