//! What a check can find.

use serde::{Deserialize, Serialize};

use crate::identity::Digest;

/// How a refusal's cause is written if the cluster refuses the token itself.
pub const TOKEN_REFUSED: &str = "TokenRefused";

/// What a check found. The texts are sentences for the user; none has a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The cluster accepts the credentials.
    Accepted {
        /// The keyed digest of what Argo CD is told, except for the AppProject.
        told: Digest,
    },
    /// There is no Secret of the name.
    SecretMissing {},
    /// Anything else.
    Refused(Refusal),
}

/// Why the cluster cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The status of the contract's condition.
    pub status: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// The cause in one word.
    pub cause: String,
    /// What happened, and what to do.
    pub text: String,
}

impl Verdict {
    /// Whether the cluster accepts the credentials.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// Whether the cluster refuses the token itself.
    pub fn refuses_token(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.cause == TOKEN_REFUSED)
    }
}
