//! The region behind the contract's `ErrorOccurred` condition: absent until the first error, and
//! never absent again after it.

// statig emits public enums for superstates, which cannot be given documentation.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use statig::prelude::*;

/// Whether an error stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorFlag {
    /// There never was an error: the object has no such condition.
    Never {},
    /// An error stands.
    Raised {
        /// What the user reads.
        message: String,
    },
    /// There was an error, and it is over.
    Resolved {},
}

/// What the lifecycle says to this region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorEvent {
    /// An error was met.
    Raised(String),
    /// No error stands.
    Cleared,
}

/// The region has nothing to remember but its state.
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
