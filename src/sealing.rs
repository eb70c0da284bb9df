//! Whether the program works with secrets: it needs sealing keys that open its database. Without
//! them it says so and does everything else.

use std::fmt::Display;
use std::sync::Arc;

use parking_lot::Mutex;
use schema::connection::Database;
use schema::sealing::{Keyring, OpenError};
use schema::store::sealed::unlock::{Sealer, UnlockError, faults, unlock};
use tokio_util::sync::CancellationToken;

use crate::metrics::{Scrape, table};
use crate::runtime::retry::patiently;
use crate::runtime::store_failure::{RetryDecision, retry_decision};

/// What is said where there are no keys.
const NO_KEYS: &str = "there are no sealing keys; set SEALING_KEYS_DIR to a directory of keys and \
                       start the program again";

/// See the module. Clones share what is said.
#[derive(Clone, Debug)]
pub struct Sealing {
    sealer: Option<Sealer>,
    /// What operators have to know, a line each.
    notices: Arc<Mutex<Vec<String>>>,
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
            Ok((faults(database, &keyring).await?, sealer))
        });
        match unlocked.await {
            Ok(None) => Ok(None),
            Ok(Some((faults, sealer))) => Ok(Some(Self::with(sealer, &faults))),
            Err(locked @ UnlockError::Locked(_)) => Ok(Some(Self::locked(locked))),
            Err(error) => Err(error),
        }
    }

    fn with(sealer: Sealer, faults: &[OpenError]) -> Self {
        // What it would seal could not be opened by those who have the right one of that name.
        let primary = OpenError::Refused(sealer.keyring.primary());
        if faults.contains(&primary) {
            return Self::locked(primary);
        }
        let sealing = Self { sealer: Some(sealer), notices: Arc::default() };
        for fault in faults {
            sealing.note(format!("some credentials are not served: {fault}"));
        }
        sealing
    }

    /// There are no keys.
    pub fn without_keys() -> Self {
        Self::locked(NO_KEYS)
    }

    fn locked(why: impl Display) -> Self {
        let sealing = Self { sealer: None, notices: Arc::default() };
        sealing.note(format!("no credentials are served: {why}"));
        sealing
    }

    /// What is sealed and opened with, if anything.
    pub fn sealer(&self) -> Option<&Sealer> {
        self.sealer.as_ref()
    }

    /// Says something in the log and in `/readyz`.
    pub fn note(&self, notice: String) {
        tracing::warn!(notice, "credentials are not served, or not all");
        self.notices.lock().push(notice);
    }

    /// Says whether there are keys, and how much there is to say.
    pub fn measure(&self, scrape: &mut Scrape) {
        scrape.flag(&table::SEALING_READY, &[], self.sealer.is_some());
        scrape.count(&table::SEALING_NOTICES, &[], self.notices.lock().len());
    }

    /// Lines for `/readyz`; empty if there is nothing to say.
    pub fn readiness(&self) -> String {
        self.notices.lock().iter().map(|notice| format!("{notice}\n")).collect()
    }
}

fn decision(error: &UnlockError) -> RetryDecision {
    match error {
        UnlockError::Store(error) => retry_decision(error),
        UnlockError::Locked(_) => RetryDecision::Refused,
    }
}
