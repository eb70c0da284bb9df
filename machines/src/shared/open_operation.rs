//! The operation that a machine of the backend has asked for and waits for.

use serde::{Deserialize, Serialize};

use crate::identity::OperationId;
use crate::rows::OperationState;
use crate::shared::messages;

/// An operation that the agent has not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOperation {
    /// Its id.
    pub id: OperationId,
    /// Whether the agent has started on it, and so has seen the Operation CR.
    pub claimed: bool,
}

/// What an observation of an operation means for the one that is open.
pub(crate) enum Finished {
    /// It is not the open one, or it is not finished.
    No,
    /// Argo CD matches.
    Completed,
    /// It does not, because of this.
    Failed(String),
    /// Its row is gone without an outcome.
    Lost,
}

impl OpenOperation {
    /// Takes in an observation of an operation; none is open once it has finished.
    pub(crate) fn note(
        open: &mut Option<Self>,
        id: &OperationId,
        state: Option<&OperationState>,
    ) -> Finished {
        let Some(known) = open.as_mut().filter(|known| known.id == *id) else {
            return Finished::No;
        };
        let finished = match state {
            Some(OperationState::Waiting) => return Finished::No,
            Some(OperationState::InProgress) => {
                known.claimed = true;
                return Finished::No;
            }
            Some(OperationState::Completed) => Finished::Completed,
            Some(OperationState::Failed(text)) if text.is_empty() => {
                Finished::Failed(messages::OPERATION_FAILED.to_owned())
            }
            Some(OperationState::Failed(text)) => Finished::Failed(text.clone()),
            None => Finished::Lost,
        };
        *open = None;
        finished
    }
}
