//! The region that makes Argo CD's Secret say what the credential's row says, or go with it. Whatever
//! becomes of the check meanwhile, what is in the row gets there.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statig::prelude::*;

use super::CredentialRecord;
use crate::identity::{OperationId, Timestamp};
use crate::rows::{OperationRow, OperationState, Requester, RowChange, Target};
use crate::shared::open_operation::{Finished, OpenOperation};
use crate::shared::retry::{next_attempt, postpone};
use crate::shared::text::bounded;

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

/// The region, with what it shares with its siblings.
pub struct Region<'a> {
    record: &'a mut CredentialRecord,
    now: Timestamp,
    rows: &'a mut Vec<RowChange>,
}

impl<'a> Region<'a> {
    pub(super) fn new(
        record: &'a mut CredentialRecord,
        now: Timestamp,
        rows: &'a mut Vec<RowChange>,
    ) -> Self {
        Self { record, now, rows }
    }
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
            DeliveryEvent::SecretDiffers if self.record.row.is_some() => {
                Transition(self.dispatch())
            }
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
                match OpenOperation::note(&mut self.record.open, id, state.as_ref()) {
                    Finished::No => Handled,
                    Finished::Completed if !*again => {
                        self.record.failures = 0;
                        self.record.failure.clear();
                        Transition(Delivery::Idle {})
                    }
                    Finished::Failed(text) if !*again => Transition(self.back_off(&text)),
                    Finished::Completed | Finished::Failed(_) | Finished::Lost => {
                        Transition(self.dispatch())
                    }
                }
            }
            DeliveryEvent::DeadlineReached if self.now >= *deadline => {
                if let Some(open) = &mut self.record.open {
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
        let record = &mut *self.record;
        let Some(row) = &record.row else { return };
        record.operations = record.operations.saturating_add(1);
        let id = OperationId::of(row.id.as_str(), record.born, record.operations);
        self.rows.push(RowChange::RequestOperation(OperationRow {
            id: id.clone(),
            target: Target::Credential(row.id.clone()),
            requester: Requester::Credential(record.uid.clone()),
            owner: row.user.clone(),
            instance: row.instance.clone(),
        }));
        record.open = Some(OpenOperation { id, claimed: false });
    }

    fn back_off(&mut self, text: &str) -> Delivery {
        let record = &mut *self.record;
        record.failures = record.failures.saturating_add(1);
        record.failure = bounded(text);
        let until = next_attempt(record.uid.as_str(), record.failures, self.now);
        Delivery::BackingOff { until }
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
