//! Conditions, as every kind has them.

use serde::{Deserialize, Serialize};

use crate::identity::{Digest, Generation};
use crate::shared::text::bounded;

/// Contract: there is or was an error.
pub const ERROR_OCCURRED: &str = "ErrorOccurred";
/// What this generation asks for is done.
pub const READY: &str = "Ready";
/// Work goes on by itself.
pub const RECONCILING: &str = "Reconciling";
/// Nothing goes on until a user acts.
pub const STALLED: &str = "Stalled";

/// Which conditions are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConditionStyle {
    /// Those of the contract and the conventional ones.
    #[default]
    Conventional,
    /// Exactly those of the contract, for clients that count them.
    Legacy,
}

/// A condition, without its times.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// `type`.
    pub type_: String,
    /// `status`: `True`, `False` or `Unknown`.
    pub status: String,
    /// `reason`.
    pub reason: String,
    /// `message`.
    pub message: String,
    /// `observedGeneration`; only the conventional conditions have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<Generation>,
}

impl Condition {
    /// A condition whose message is cut to its limit.
    pub fn new(type_: &str, status: &str, reason: &str, message: &str) -> Self {
        Self {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: bounded(message),
            observed_generation: None,
        }
    }
}

/// Digests what a status says by conditions: two that differ only in their order say the same.
pub(crate) fn digest(observed_generation: Generation, conditions: &[Condition]) -> Digest {
    let mut sorted: Vec<&Condition> = conditions.iter().collect();
    sorted.sort();
    Digest::of(&(observed_generation, sorted))
}
