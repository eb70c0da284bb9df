//! Takes batches from an inbox and has them processed, one after the other: while one is under
//! way, the next gathers.

use std::fmt::Display;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::runtime::inbox::{Coalesce, Inbox};

/// Machines in the first batch, and again in the first after one that failed. How many the next may
/// have depends on how long the one before took: who comes anew waits for the batch under way and
/// for its own.
const BATCH: usize = 256;
/// Machines in a batch at the most: what the statements of both databases have room for.
const LARGEST_BATCH: usize = 1_024;
/// Machines in a batch that are never too many: enough to share its statements.
const SMALLEST_BATCH: usize = 32;
/// A batch that was full and took less is followed by one of twice the machines.
const QUICK: Duration = Duration::from_millis(20);
/// A batch that took longer is followed by one of half the machines.
const SLOW: Duration = Duration::from_millis(40);
/// A batch of fewer machines leaves the next one to come at once: nobody waits for company that may
/// not come.
const LOAD: usize = 4;
/// How long the next batch gathers under load: a batch costs the same however many share it.
const GATHER: Duration = Duration::from_millis(50);
/// How long it goes on gathering while everybody in it has requests that wait for their turn at the
/// API server: what the batch adds to them waits all the same.
const GATHER_BEHIND: Duration = Duration::from_millis(200);
/// By how much a batch shrinks after one that failed, to find the machine that fails it.
const SHRINKING: usize = 4;
/// How long a batch may take: longer than the database lets a statement run. Beyond that it is the
/// connection that has died without a word.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);
/// After so many batches in a row that were given up, the process had better end: another replica,
/// or its own successor, may have a connection that lives.
const GIVEN_UP: u32 = 5;
/// First pause after a batch that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a machine that fails alone is set aside: everything else goes on meanwhile.
const ASIDE: Duration = Duration::from_secs(60);

/// What was taken from an inbox: whose turn it was, which machine, and its observations.
pub type Taken<K, O> = [(String, K, O)];

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing can be processed any more.
    Stop,
    /// The same batch may succeed later.
    Later,
    /// Something in the batch makes it fail.
    Unfit,
}

/// Batches were given up for so long, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence(pub Duration);

/// Whoever processes batches.
pub trait Process<K, O>: Sync {
    /// Why a batch was not processed.
    type Error: Display + Send + From<Silence>;

    /// Processes a batch, all of it or nothing. Nothing that was observed after `taken_at` is in it.
    fn process(
        &self,
        taken: &Taken<K, O>,
        taken_at: Instant,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// What a failure means.
    fn judge(error: &Self::Error) -> Verdict;

    /// Whether something that follows from a tenant's earlier batches waits for its turn.
    fn is_behind(&self, tenant: &str) -> bool;
}

/// Has batches processed until told to stop; an error that means [`Verdict::Stop`] ends it.
pub async fn run<P, K, O>(
    processor: &P,
    inbox: Arc<Inbox<K, O>>,
    shutdown: CancellationToken,
) -> Result<(), P::Error>
where
    P: Process<K, O>,
    K: Clone + Eq + Hash + Send + Sync + 'static,
    O: Coalesce + Send + Sync + 'static,
{
    let mut limit = BATCH;
    let mut pause = FIRST_PAUSE;
    let mut given_up = 0;
    // The machine that failed alone last time. Once may be chance: somebody else's row came in
    // between.
    let mut suspect: Option<K> = None;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = inbox.ready() => {}
        }
        let taken = inbox.take(limit);
        let taken_at = Instant::now();
        let processed = tokio::time::timeout(BATCH_TIMEOUT, processor.process(&taken, taken_at));
        let Ok(processed) = processed.await else {
            let seconds = BATCH_TIMEOUT.as_secs();
            tracing::warn!("a batch was given up after {seconds} s; it is tried again");
            restore(&inbox, taken);
            given_up += 1;
            if given_up == GIVEN_UP {
                return Err(Silence(BATCH_TIMEOUT * GIVEN_UP).into());
            }
            continue;
        };
        given_up = 0;
        let Err(error) = processed else {
            limit = next_limit(limit, taken.len(), taken_at.elapsed());
            pause = FIRST_PAUSE;
            if taken.len() >= LOAD && inbox.len() < limit {
                tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    () = gather(processor, &inbox, limit) => {}
                }
            }
            continue;
        };
        let verdict = P::judge(&error);
        tracing::warn!(%error, machines = taken.len(), "a batch was not committed");
        match verdict {
            Verdict::Stop => return Err(error),
            Verdict::Unfit if taken.len() == 1 => {
                let key = taken.first().map(|(_, key, _)| key.clone());
                if suspect == key {
                    suspect = None;
                    set_aside(&inbox, taken);
                    limit = BATCH;
                    continue;
                }
                suspect = key;
            }
            Verdict::Unfit => limit = (taken.len() / SHRINKING).max(1),
            Verdict::Later => {}
        }
        restore(&inbox, taken);
        if verdict == Verdict::Unfit {
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How many machines the batch may have that follows one of so many, which took so long.
fn next_limit(limit: usize, taken: usize, took: Duration) -> usize {
    if limit < SMALLEST_BATCH {
        // The machine that fails its batches is in none of these.
        BATCH
    } else if took > SLOW {
        (taken / 2).max(SMALLEST_BATCH)
    } else if took < QUICK && taken >= limit {
        (limit * 2).min(LARGEST_BATCH)
    } else {
        limit
    }
}

/// Lets a batch of at most `limit` gather under load.
async fn gather<P, K, O>(processor: &P, inbox: &Inbox<K, O>, limit: usize)
where
    P: Process<K, O>,
    K: Clone + Eq + Hash,
    O: Coalesce,
{
    let end = Instant::now() + GATHER_BEHIND;
    loop {
        tokio::time::sleep(GATHER).await;
        let enough = inbox.is_empty() || inbox.len() >= limit || Instant::now() >= end;
        if enough || inbox.any_tenant(|tenant| !processor.is_behind(tenant)) {
            return;
        }
    }
}

fn restore<K, O>(inbox: &Inbox<K, O>, taken: Vec<(String, K, O)>)
where
    K: Clone + Eq + Hash,
    O: Coalesce,
{
    for (tenant, key, observation) in taken {
        inbox.restore(&tenant, key, observation);
    }
}

/// Puts a machine's observations back later. Those that wait so are lost with the process, and
/// come again with the first list of the next one.
fn set_aside<K, O>(inbox: &Arc<Inbox<K, O>>, taken: Vec<(String, K, O)>)
where
    K: Clone + Eq + Hash + Send + 'static,
    O: Coalesce + Send + 'static,
{
    tracing::error!("a machine fails every batch that it is in; it is set aside for a minute");
    let inbox = Arc::downgrade(inbox);
    tokio::spawn(async move {
        tokio::time::sleep(ASIDE).await;
        let Some(inbox) = inbox.upgrade() else { return };
        restore(&inbox, taken);
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    struct Note;

    impl Coalesce for Note {
        fn absorb(&mut self, _: Self) {}
    }

    #[derive(Debug, thiserror::Error)]
    #[error("it failed")]
    struct Failed(Verdict);

    impl From<Silence> for Failed {
        fn from(Silence(lasted): Silence) -> Self {
            assert_eq!(lasted, Duration::from_secs(300));
            Self(Verdict::Stop)
        }
    }

    struct Fake<F> {
        fails: F,
        wanted: usize,
        attempts: Mutex<usize>,
        log: Mutex<Vec<usize>>,
        shutdown: CancellationToken,
    }

    impl<F: Fn(usize, usize) -> Option<Verdict> + Sync> Process<usize, Note> for Fake<F> {
        type Error = Failed;

        async fn process(&self, taken: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
            let attempt = {
                let mut attempts = self.attempts.lock().unwrap();
                *attempts += 1;
                *attempts
            };
            let machines = || taken.iter().map(|(_, machine, _)| *machine);
            if let Some(verdict) = machines().find_map(|machine| (self.fails)(machine, attempt)) {
                return Err(Failed(verdict));
            }
            let mut log = self.log.lock().unwrap();
            log.extend(machines());
            if log.len() >= self.wanted {
                self.shutdown.cancel();
            }
            Ok(())
        }

        fn judge(error: &Failed) -> Verdict {
            error.0
        }

        fn is_behind(&self, _: &str) -> bool {
            false
        }
    }

    /// Runs until `wanted` machines were processed, and says which, in order.
    async fn processed(
        machines: usize,
        wanted: usize,
        fails: impl Fn(usize, usize) -> Option<Verdict> + Sync,
    ) -> Vec<usize> {
        let inbox = Arc::new(Inbox::default());
        for machine in 0..machines {
            inbox.offer("tenant", machine, Note);
        }
        let shutdown = CancellationToken::new();
        let (attempts, log) = (Mutex::default(), Mutex::default());
        let fake = Fake { fails, wanted, attempts, log, shutdown: shutdown.clone() };
        let _ = run(&fake, inbox, shutdown).await;
        fake.log.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_machine_that_fails_every_batch_is_set_aside_and_stops_no_other() {
        let log =
            processed(1_000, 999, |machine, _| (machine == 300).then_some(Verdict::Unfit)).await;
        assert_eq!(log.len(), 999);
        assert!(!log.contains(&300));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_set_aside_comes_back() {
        let log = processed(2, 2, |machine, attempt| {
            (machine == 0 && attempt < 4).then_some(Verdict::Unfit)
        })
        .await;
        assert_eq!(log, [1, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_may_succeed_later_is_tried_again_whole() {
        let log = processed(3, 3, |_, attempt| (attempt < 5).then_some(Verdict::Later)).await;
        assert_eq!(log, [0, 1, 2]);
    }

    /// The sizes of the batches when so many machines of these tenants are offered at a time, at this
    /// interval; `busy` has requests that wait for their turn.
    async fn sizes(
        machines: usize,
        interval: Duration,
        at_once: usize,
        tenants: &[&str],
    ) -> Vec<usize> {
        struct Slow(Mutex<Vec<usize>>);
        impl Process<usize, Note> for Slow {
            type Error = Failed;

            async fn process(&self, taken: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.0.lock().unwrap().push(taken.len());
                Ok(())
            }

            fn judge(error: &Failed) -> Verdict {
                error.0
            }

            fn is_behind(&self, tenant: &str) -> bool {
                tenant == "busy"
            }
        }
        let inbox = Arc::new(Inbox::default());
        let shutdown = CancellationToken::new();
        let slow = Slow(Mutex::default());
        let offer = async {
            for first in (0..machines).step_by(at_once) {
                for machine in first..first + at_once {
                    inbox.offer(tenants[machine % tenants.len()], machine, Note);
                }
                tokio::time::sleep(interval).await;
            }
            tokio::time::sleep(GATHER_BEHIND).await;
            shutdown.cancel();
        };
        let (outcome, ()) = tokio::join!(run(&slow, Arc::clone(&inbox), shutdown.clone()), offer);
        assert!(outcome.is_ok());
        slow.0.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn batches_gather_under_load_and_only_then() {
        let single = sizes(100, Duration::from_millis(5), 1, &["busy"]).await;
        assert_eq!(single, [1; 100], "one at a time waits for nobody");
        let loaded = sizes(1_000, Duration::from_millis(5), 4, &["idle"]).await;
        assert_eq!(loaded.iter().sum::<usize>(), 1_000);
        assert!((30..90).contains(&(1_000 / loaded.len())), "{loaded:?}");
    }

    #[test]
    fn batches_shrink_when_they_are_slow_and_grow_when_they_are_quick_and_full() {
        let milliseconds = Duration::from_millis;
        assert_eq!(next_limit(256, 256, milliseconds(200)), 128);
        assert_eq!(next_limit(256, 40, milliseconds(200)), SMALLEST_BATCH);
        assert_eq!(next_limit(256, 256, milliseconds(30)), 256);
        assert_eq!(next_limit(256, 256, milliseconds(10)), 512);
        assert_eq!(next_limit(256, 255, milliseconds(10)), 256);
        assert_eq!(next_limit(1_024, 1_024, milliseconds(10)), LARGEST_BATCH);
        // While a machine is looked for that fails its batches, smaller ones are taken.
        assert_eq!(next_limit(4, 4, milliseconds(1)), BATCH);
    }

    #[tokio::test(start_paused = true)]
    async fn only_those_who_wait_anyway_gather_for_long() {
        let waiting = sizes(2_000, Duration::from_millis(5), 4, &["busy"]).await;
        assert_eq!(waiting.iter().sum::<usize>(), 2_000);
        assert!((120..=BATCH).contains(&(2_000 / waiting.len())), "{waiting:?}");
        let beside = sizes(2_000, Duration::from_millis(5), 4, &["busy", "idle"]).await;
        assert!((30..90).contains(&(2_000 / beside.len())), "{beside:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_never_answers_ends_it_after_a_while() {
        struct Silent;
        impl Process<usize, Note> for Silent {
            type Error = Failed;

            async fn process(&self, _: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
                std::future::pending().await
            }

            fn judge(error: &Failed) -> Verdict {
                error.0
            }

            fn is_behind(&self, _: &str) -> bool {
                false
            }
        }
        let inbox = Arc::new(Inbox::default());
        inbox.offer("tenant", 1, Note);
        let began = Instant::now();
        let outcome = run(&Silent, Arc::clone(&inbox), CancellationToken::new()).await;
        assert!(outcome.is_err());
        assert_eq!(began.elapsed(), BATCH_TIMEOUT * GIVEN_UP);
        assert_eq!(inbox.len(), 1, "nothing of it is lost");
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_failure_ends_it() {
        assert!(processed(3, 3, |_, _| Some(Verdict::Stop)).await.is_empty());
    }
}
