//! Whether the program works with secrets: it needs sealing keys that open its database. Without
//! them it says so and does everything else.

use std::fmt;

use schema::connection::Database;
use schema::sealing::Keyring;
use schema::store::sealed::unlock::{Sealer, UnlockError, missing_keys, unlock};
use tokio_util::sync::CancellationToken;

use crate::runtime::retry::patiently;
use crate::runtime::store_failure::{RetryDecision, retry_decision};

/// What is said where there are no keys.
const NO_KEYS: &str = "there are no sealing keys; set SEALING_KEYS_DIR to a directory of keys and \
                       start the program again";

/// See the module.
#[derive(Clone, Debug)]
pub enum Sealing {
    /// The keys open the database.
    Open(Sealer),
    /// They do not, or there are none.
    Locked(Locked),
}

/// Why no secrets are worked with, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked(String);

impl fmt::Display for Locked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Sealing {
    /// Tries the keys on the database; `None` if it should stop first.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn start(
        database: &Database,
        keyring: Option<Keyring>,
        shutdown: &CancellationToken,
    ) -> Result<Option<Self>, UnlockError> {
        let Some(keyring) = keyring else { return Ok(Some(Self::without_keys())) };
        let unlocked = patiently("opening the sealed values", shutdown, decision, || async {
            let sealer = unlock(database, keyring.clone()).await?;
            Ok((missing_keys(database, &keyring).await?, sealer))
        });
        match unlocked.await {
            Ok(None) => Ok(None),
            Ok(Some((missing, sealer))) => {
                for id in missing {
                    tracing::warn!(
                        "credentials are sealed with the key {id}, which is not in the keyring; \
                         add it, or those credentials are not served"
                    );
                }
                Ok(Some(Self::Open(sealer)))
            }
            Err(error @ UnlockError::Locked(_)) => Ok(Some(Self::locked(error.to_string()))),
            Err(error) => Err(error),
        }
    }

    /// There are no keys.
    pub fn without_keys() -> Self {
        Self::locked(NO_KEYS.to_owned())
    }

    fn locked(why: String) -> Self {
        tracing::warn!("no credentials are served: {why}");
        Self::Locked(Locked(why))
    }

    /// What is sealed and opened with, if anything.
    pub fn sealer(&self) -> Option<&Sealer> {
        match self {
            Self::Open(sealer) => Some(sealer),
            Self::Locked(_) => None,
        }
    }

    /// A line for `/readyz`; empty if there is nothing to say.
    pub fn readiness(&self) -> String {
        match self {
            Self::Open(_) => String::new(),
            Self::Locked(why) => format!("no credentials are served: {why}\n"),
        }
    }
}

fn decision(error: &UnlockError) -> RetryDecision {
    match error {
        UnlockError::Store(error) => retry_decision(error),
        UnlockError::Locked(_) => RetryDecision::Refused,
    }
}
