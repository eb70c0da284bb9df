//! The region behind the contract's `ErrorOccurred` condition: absent until the first error, and
//! never absent again after it.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use statig::prelude::*;

/// Whether there is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorFlag {
    /// There has never been an error: the object has no such condition.
    Never {},
    /// There is an error.
    Raised {
        /// What the user reads.
        message: String,
    },
    /// There was an error, and it is over.
    Resolved {},
}

/// What the lifecycle signals to this region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorEvent {
    /// An error occurred.
    Raised(String),
    /// There is no error.
    Cleared,
}

/// The region remembers nothing but its state.
#[derive(Debug)]
pub struct Region;

#[state_machine(
    initial = "ErrorFlag::Never {}",
    state(name = "ErrorFlag", custom),
    superstate(name = "ErrorFlagSuperstate", derive(Debug))
)]
impl Region {
    #[state]
    fn never(&mut self, event: &ErrorEvent) -> Outcome<ErrorFlag> {
        match event {
            ErrorEvent::Raised(message) => Self::raise(message),
            ErrorEvent::Cleared => Handled,
        }
    }

    #[state]
    fn raised(&mut self, event: &ErrorEvent, message: &mut String) -> Outcome<ErrorFlag> {
        match event {
            ErrorEvent::Raised(newer) if newer == message => Handled,
            ErrorEvent::Raised(newer) => Self::raise(newer),
            ErrorEvent::Cleared => Transition(ErrorFlag::Resolved {}),
        }
    }

    #[state]
    fn resolved(&mut self, event: &ErrorEvent) -> Outcome<ErrorFlag> {
        match event {
            ErrorEvent::Raised(message) => Self::raise(message),
            ErrorEvent::Cleared => Handled,
        }
    }

    fn raise(message: &str) -> Outcome<ErrorFlag> {
        Transition(ErrorFlag::Raised { message: message.to_owned() })
    }
}

impl ErrorFlag {
    /// The state's name.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Never {} => "Never",
            Self::Raised { .. } => "Raised",
            Self::Resolved {} => "Resolved",
        }
    }
}
