//! What a failure means for what comes next.

use std::time::Duration;

use schema::store::StoreError;
use schema::{ErrorClass, Fault};

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
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
pub(crate) fn judge(error: &StoreError) -> (Verdict, &'static str) {
    let Fault { class, why } = error.fault();
    let verdict = match class {
        _ if matches!(error, StoreError::Deposed { .. }) => Verdict::Stop,
        ErrorClass::Connection | ErrorClass::Contention => Verdict::AtOnce,
        ErrorClass::Unavailable => Verdict::Later,
        ErrorClass::Configuration => Verdict::Refused,
        ErrorClass::Defect => Verdict::Unfit,
    };
    (verdict, why)
}

/// What a failure of the store means for the next attempt.
pub(crate) fn verdict(error: &StoreError) -> Verdict {
    judge(error).0
}

impl From<Silence> for StoreError {
    fn from(Silence(lasted): Silence) -> Self {
        Self::Silent { lasted }
    }
}
