//! What can go wrong in a call of the store.

use std::time::Duration;

use sea_orm::DbErr;

use crate::error_class::{ErrorClass, Fault};
use crate::sealing::{OpenError, Place};
use crate::store::role::Role;
use crate::store::sealed::opening::UnopenedCredential;

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has taken over the role.
    #[error("another process has taken over as {role}; this one must stop writing")]
    Deposed {
        /// The role.
        role: Role,
    },
    /// Another process has changed a machine since it was read.
    #[error("{expected} machines were to be written, but only {written} stood as they were read")]
    Conflict {
        /// How many were to be written.
        expected: u64,
        /// How many were.
        written: u64,
    },
    /// A persisted state cannot be read.
    #[error("the persisted state of {kind} {key} cannot be read: {source}")]
    State {
        /// The kind of machine.
        kind: &'static str,
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A value does not fit its column.
    #[error("{what} cannot be stored: {why}")]
    Value {
        /// Which value.
        what: String,
        /// Why.
        why: String,
    },
    /// A credential is sealed with a key that the program does not have.
    #[error("the sealed {place} would be overwritten, but {source}")]
    Sealed {
        /// Where it is.
        place: Place,
        /// Why it does not open.
        source: OpenError,
    },
    /// A credential cannot be opened.
    #[error(transparent)]
    Unopened(#[from] UnopenedCredential),
    /// The database accepts connections but never answers.
    #[error(
        "the database has not answered for {} s; this process ends, so that another may try with a \
         new connection", lasted.as_secs()
    )]
    Silent {
        /// For how long.
        lasted: Duration,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] DbErr),
}

impl StoreError {
    /// What to do about it, and its reason.
    pub fn fault(&self) -> Fault {
        let (class, why) = match self {
            Self::Deposed { .. } => (ErrorClass::Configuration, "another process has taken over"),
            Self::Conflict { .. } => {
                (ErrorClass::Contention, "another process has changed the same rows")
            }
            Self::State { .. } => (ErrorClass::Defect, "a persisted state cannot be read"),
            Self::Value { .. } => (ErrorClass::Defect, "a value does not fit its column"),
            Self::Sealed { .. } | Self::Unopened(_) => {
                (ErrorClass::Defect, "a sealed credential does not open")
            }
            Self::Silent { .. } => (ErrorClass::Unavailable, "the database does not answer"),
            Self::Database(error) => return Fault::of(error),
        };
        Fault { class, why }
    }
}
