//! What is observed of a managed environment, and what that says to each region.

use super::Checked;
use super::account::Revocable;
use super::revocation::RevocationEvent;
use super::spec::EnvironmentSpec;
use crate::identity::{Digest, Generation, OperationId, Revision};
use crate::machine::Observation;
use crate::rows::OperationState;
use crate::shared::condition::Condition;
use crate::shared::delivery::DeliveryEvent;

/// The object as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentSnapshot {
    /// `metadata.resourceVersion`.
    pub revision: Revision,
    /// `metadata.generation`.
    pub generation: Generation,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec`.
    pub spec: EnvironmentSpec,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// What is observed of a managed environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentEvent {
    /// The object exists in this state.
    Observed(Box<EnvironmentSnapshot>),
    /// No object with this UID exists, as of a revision.
    Absent {
        /// The revision of the list or watch event that says so.
        as_of: Revision,
    },
    /// The cluster was asked.
    Checked {
        /// What the watch of Secrets showed when the check was asked for.
        shown: Option<Digest>,
        /// What was found.
        found: Box<Checked>,
    },
    /// The cluster was asked to remove what is not needed.
    RevocationAttempted {
        /// What, exactly as it was asked for.
        what: Box<Revocable>,
        /// What may remain, as people name it; empty if it is all gone.
        remains: Vec<String>,
    },
    /// The user was told what may remain on clusters.
    RemainsTold {
        /// The texts.
        texts: Vec<String>,
    },
    /// The row of an operation says this; `None` if there is no such row.
    OperationObserved {
        /// The operation.
        id: OperationId,
        /// Its state.
        state: Option<OperationState>,
    },
    /// Argo CD's Secret has differed from the row for a while: another client has edited or deleted
    /// it.
    SecretDiffers,
    /// The Secret, the tenant, the sealing keys or those who use it may have changed: look at the
    /// facts.
    FactsChanged,
    /// A time has come that the machine had asked for.
    DeadlineReached,
}

impl Observation for EnvironmentEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Observed(_) => "Observed",
            Self::Absent { .. } => "Absent",
            Self::Checked { .. } => "Checked",
            Self::RevocationAttempted { .. } => "RevocationAttempted",
            Self::RemainsTold { .. } => "RemainsTold",
            Self::OperationObserved { .. } => "OperationObserved",
            Self::SecretDiffers => "SecretDiffers",
            Self::FactsChanged => "FactsChanged",
            Self::DeadlineReached => "DeadlineReached",
        }
    }
}

impl EnvironmentEvent {
    /// What it says about what is delivered.
    pub(super) fn of_delivery(&self) -> Option<DeliveryEvent> {
        match self {
            Self::OperationObserved { id, state } => {
                Some(DeliveryEvent::OperationObserved { id: id.clone(), state: state.clone() })
            }
            Self::SecretDiffers => Some(DeliveryEvent::SecretDiffers),
            Self::DeadlineReached => Some(DeliveryEvent::DeadlineReached),
            Self::Observed(_)
            | Self::Absent { .. }
            | Self::Checked { .. }
            | Self::RevocationAttempted { .. }
            | Self::RemainsTold { .. }
            | Self::FactsChanged => None,
        }
    }

    /// What it says about what is revoked.
    pub(super) fn of_revocation(&self) -> Option<RevocationEvent> {
        match self {
            Self::RevocationAttempted { what, remains } => {
                let (what, remains) = ((**what).clone(), remains.clone());
                Some(RevocationEvent::Attempted { what, remains })
            }
            Self::RemainsTold { texts } => Some(RevocationEvent::Told { texts: texts.clone() }),
            Self::DeadlineReached => Some(RevocationEvent::DeadlineReached),
            Self::Observed(_)
            | Self::Absent { .. }
            | Self::Checked { .. }
            | Self::OperationObserved { .. }
            | Self::SecretDiffers
            | Self::FactsChanged => None,
        }
    }
}
