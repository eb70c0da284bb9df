//! What a failure means for what comes next.

use std::time::Duration;

use schema::store::StoreError;
use schema::{ErrorClass, Fault};

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// Nothing can be processed any more.
    Stop,
    /// The same batch may succeed at once.
    AtOnce,
    /// The same batch may succeed later.
    Later,
    /// It succeeds once a user has changed a setting. A process that has just started had better
    /// end and say so.
    Refused,
    /// Something in the batch makes it fail.
    Unfit,
}

/// Batches in a row were given up for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence(pub Duration);

/// What a failure of the store means for the next batch, and why it came.
pub(crate) fn classify(error: &StoreError) -> (RetryDecision, &'static str) {
    let Fault { class, why } = error.fault();
    let decision = match class {
        _ if matches!(error, StoreError::Deposed { .. }) => RetryDecision::Stop,
        ErrorClass::Connection | ErrorClass::Contention => RetryDecision::AtOnce,
        ErrorClass::Unavailable => RetryDecision::Later,
        ErrorClass::Configuration => RetryDecision::Refused,
        ErrorClass::Defect => RetryDecision::Unfit,
    };
    (decision, why)
}

/// What a failure of the store means for the next attempt.
pub(crate) fn retry_decision(error: &StoreError) -> RetryDecision {
    classify(error).0
}

impl From<Silence> for StoreError {
    fn from(Silence(lasted): Silence) -> Self {
        Self::Silent { lasted }
    }
}
