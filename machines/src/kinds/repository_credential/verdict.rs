//! What a check can find.

use serde::{Deserialize, Serialize};

/// What a check found. The texts are sentences for the user; none has a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The repository accepts the credential.
    Accepted {},
    /// There is no Secret of the name.
    SecretMissing {},
    /// The Secret has another type.
    SecretOfWrongType {},
    /// There is no credential in the Secret, or none that can be used.
    SecretUnusable {
        /// What is wrong with it.
        text: String,
    },
    /// There is no such repository, or the server does not say that there is.
    RepositoryMissing {
        /// What the server answered.
        text: String,
    },
    /// Anything else.
    Refused {
        /// The cause in one word.
        cause: String,
        /// What happened, and what to do.
        text: String,
    },
}

impl Verdict {
    /// Whether the repository accepts the credential.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted {})
    }
}
