//! How a worker is doing: whether its batches are committed, and since when and why they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use crate::metrics::{BatchOutcome, Scrape, histogram, table};

/// How long commits may fail before the program reports that it is not ready: the fail-over of a
/// well configured database takes less.
pub const UNREADY_AFTER: Duration = Duration::from_secs(30);
/// How long they may fail before a restart is more promising; the same as for watches.
pub const STUCK_AFTER: Duration = Duration::from_secs(600);
/// A failing worker tries again sooner than this: a batch may take a minute, and the pause after it
/// ten seconds. One that has not failed for longer has nothing left to commit.
const FAILURES_APART: Duration = Duration::from_secs(90);

/// See the module.
#[derive(Debug)]
pub struct Commits {
    /// What the worker commits.
    pub name: &'static str,
    failing: Mutex<Option<Failing>>,
    set_aside: AtomicUsize,
    /// Batches so far, by how they ended.
    batches: [AtomicU64; BatchOutcome::NAMES.len()],
    /// How long they took.
    seconds: Histogram,
}

/// Failures with no success in between.
#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    latest: Instant,
    why: &'static str,
}

impl Commits {
    /// For a worker that has not started.
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            failing: Mutex::new(None),
            set_aside: AtomicUsize::new(0),
            batches: Default::default(),
            seconds: histogram(&table::BATCH_SECONDS),
        })
    }

    /// For how long they have failed, and why, in words that contain no user data.
    pub fn failing(&self) -> Option<(Duration, &'static str)> {
        let failing = self.lock().filter(|one| one.latest.elapsed() <= FAILURES_APART)?;
        Some((failing.since.elapsed(), failing.why))
    }

    /// How many machines fail alone and wait to be tried again.
    pub fn set_aside(&self) -> usize {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// The database accepts writes.
    pub fn note_success(&self) {
        *self.lock() = None;
    }

    /// It has not accepted what was begun then.
    pub fn note_failure(&self, begun: Instant, why: &'static str) {
        let latest = Instant::now();
        let mut failing = self.lock();
        let before = failing.filter(|before| before.latest.elapsed() <= FAILURES_APART);
        let since = before.map_or(begun, |before| before.since);
        *failing = Some(Failing { since, latest, why });
    }

    /// A batch has ended.
    pub fn note_batch(&self, outcome: BatchOutcome, took: Duration) {
        self.batches[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.seconds.observe(took.as_secs_f64());
    }

    /// Says how it is doing.
    pub fn measure(&self, scrape: &mut Scrape) {
        let failing = self.failing().map_or(0, |(lasted, _)| lasted.as_secs());
        scrape.put(&table::WORKER_FAILING, &[self.name], failing as f64);
        scrape.count(&table::WORKER_SET_ASIDE, &[self.name], self.set_aside());
        for (outcome, batches) in BatchOutcome::NAMES.iter().zip(&self.batches) {
            let batches = batches.load(Ordering::Relaxed) as f64;
            scrape.put(&table::BATCHES, &[self.name, outcome], batches);
        }
        scrape.histogram(&table::BATCH_SECONDS, &[self.name], self.seconds.clone());
    }

    /// This many machines are set aside now.
    pub fn note_set_aside(&self, machines: usize) {
        self.set_aside.store(machines, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Failing>> {
        // No user code runs under the lock.
        self.failing.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_count_from_the_first_until_a_success() {
        let commits = Commits::new("deployments");
        assert_eq!(commits.failing(), None);
        commits.note_failure(Instant::now(), "first");
        tokio::time::advance(Duration::from_secs(40)).await;
        commits.note_failure(Instant::now(), "second");
        assert_eq!(commits.failing(), Some((Duration::from_secs(40), "second")));
        commits.note_success();
        assert_eq!(commits.failing(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_with_nothing_left_to_commit_does_not_fail() {
        let commits = Commits::new("deployments");
        commits.note_failure(Instant::now(), "it");
        tokio::time::advance(FAILURES_APART + Duration::from_secs(1)).await;
        assert_eq!(commits.failing(), None);
        commits.note_failure(Instant::now(), "it");
        assert_eq!(commits.failing(), Some((Duration::ZERO, "it")), "counted from now");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_is_not_answered_counts_from_its_beginning() {
        let commits = Commits::new("deployments");
        let begun = Instant::now();
        tokio::time::advance(Duration::from_secs(60)).await;
        commits.note_failure(begun, "it");
        assert_eq!(commits.failing(), Some((Duration::from_secs(60), "it")));
    }
}
