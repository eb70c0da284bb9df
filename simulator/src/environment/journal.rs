//! What happened in a run, in order, by virtual time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

/// The number of entries kept. Those of the last virtual minutes show why something went wrong.
const LIMIT: usize = 20_000;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, since the beginning of the run.
    pub at: Duration,
    /// The actor.
    pub who: String,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(formatter, "{seconds:>10.3} s  {:<10} {}", self.who, self.what)
    }
}

/// See the module; clones share the entries.
#[derive(Clone, Debug)]
pub struct Journal {
    begun: Instant,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<Entry>,
    digest: u64,
    number: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self { begun: Instant::now(), entries: Arc::default() }
    }
}

impl Journal {
    /// Writes an entry.
    pub fn note(&self, who: &str, what: impl Into<String>) {
        let entry = Entry { at: self.begun.elapsed(), who: who.to_owned(), what: what.into() };
        let mut entries = self.lock();
        entries.number += 1;
        entries.digest = digest(entries.digest, &entry);
        if entries.kept.len() == LIMIT {
            entries.kept.pop_front();
        }
        entries.kept.push_back(entry);
    }

    /// The entries that are kept, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().kept.iter().cloned().collect()
    }

    /// A digest of everything that happened: two runs that differ anywhere differ here.
    pub fn digest(&self) -> u64 {
        self.lock().digest
    }

    /// The number of entries ever written.
    pub fn len(&self) -> u64 {
        self.lock().number
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Entries> {
        self.entries.lock()
    }
}

fn digest(before: u64, entry: &Entry) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (before, entry.at, &entry.who, &entry.what).hash(&mut hasher);
    hasher.finish()
}
