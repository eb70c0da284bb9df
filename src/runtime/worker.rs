//! Takes batches from an inbox and has them processed, one after the other: while one is under
//! way, the next gathers. A batch in which something is unfit is tried again in parts, until the
//! machines are found that fail alone; those are [set aside](crate::runtime::aside).

use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::runtime::aside::{Aside, Failing};
use crate::runtime::commits::Commits;
use crate::runtime::inbox::{Coalesce, Inbox};

/// Machines in the first batch. How many the next may have depends on how long the one before took:
/// who comes anew waits for the batch under way and for its own.
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
/// Into how many parts a batch is split to find the machines that fail it. With one of them in a
/// thousand machines that makes some twenty attempts.
const PARTS: usize = 4;
/// How long a batch may take: longer than the database lets a statement run. Beyond that it is the
/// connection that has died without a word.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);
/// After so many batches in a row that were given up, the process had better end: another replica,
/// or its own successor, may have a connection that lives.
const GIVEN_UP: u32 = 5;
/// How often in a row a batch is tried again at once: what did not help by then takes time.
const AT_ONCE: u32 = 3;
/// First pause after a batch that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Why batches fail that were given up.
const NO_ANSWER: &str = "the database does not answer";

/// What was taken from an inbox: whose turn it was, which machine, and its observations.
pub type Taken<K, O> = [(String, K, O)];

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing can be processed any more.
    Stop,
    /// The same batch may succeed at once.
    AtOnce,
    /// The same batch may succeed later.
    Later,
    /// It succeeds once somebody has changed a setting. A process that has only begun had better
    /// end and say so.
    Refused,
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

    /// What a failure means, and why it came, in words that hold no value of anybody's.
    fn judge(error: &Self::Error) -> (Verdict, &'static str);

    /// Where it is noted whether batches are committed.
    fn commits(&self) -> &Commits;

    /// Whether something that follows from a tenant's earlier batches waits for its turn.
    fn is_behind(&self, tenant: &str) -> bool;

    /// A machine has failed alone so many times, and is tried again after this pause.
    fn set_aside(&self, _: &K, _failures: u32, _pause: Duration, _why: &'static str) {}
}

/// Has batches processed until told to stop; an error that means [`Verdict::Stop`] ends it.
pub async fn run<P, K, O>(
    processor: &P,
    inbox: Arc<Inbox<K, O>>,
    shutdown: CancellationToken,
) -> Result<(), P::Error>
where
    P: Process<K, O>,
    K: Clone + Debug + Eq + Hash + Send + Sync + 'static,
    O: Coalesce + Send + Sync + 'static,
{
    let mut worker = Worker::new(processor, &inbox);
    loop {
        let batch = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            batch = worker.next() => batch,
        };
        let rest = worker.process(batch).await?;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = worker.rest(rest) => {}
        }
    }
}

/// What a worker knows between two batches.
struct Worker<'a, P, K, O> {
    processor: &'a P,
    inbox: &'a Inbox<K, O>,
    /// Machines in the next batch at the most.
    limit: usize,
    /// The next pause after a failure.
    pause: Duration,
    /// Batches in a row that were given up.
    given_up: u32,
    /// Batches in a row that were tried again at once.
    at_once: u32,
    /// What is left of a batch in which something is unfit; the last part is the next.
    parts: Vec<Batch<K, O>>,
    aside: Aside<K, O>,
    /// Machines that are set aside take turns with batches.
    batch_is_next: bool,
}

struct Batch<K, O> {
    taken: Vec<(String, K, O)>,
    taken_at: Instant,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Straight from the inbox.
    Inbox,
    /// A part of one that failed.
    Part,
    /// A machine that was set aside, which has failed alone so many times.
    Aside(u32),
}

/// What comes between two batches.
enum Rest {
    Nothing,
    Pause(Duration),
    Gather,
}

impl<'a, P, K, O> Worker<'a, P, K, O>
where
    P: Process<K, O>,
    K: Clone + Debug + Eq + Hash + Send + Sync + 'static,
    O: Coalesce + Send + Sync + 'static,
{
    fn new(processor: &'a P, inbox: &'a Inbox<K, O>) -> Self {
        Self {
            processor,
            inbox,
            limit: BATCH,
            pause: FIRST_PAUSE,
            given_up: 0,
            at_once: 0,
            parts: Vec::new(),
            aside: Aside::default(),
            batch_is_next: true,
        }
    }

    /// Waits for the next batch.
    async fn next(&mut self) -> Batch<K, O> {
        loop {
            if let Some(part) = self.parts.pop() {
                return part;
            }
            if !self.batch_is_next || self.inbox.is_empty() {
                self.batch_is_next = true;
                if let Some(alone) = self.next_alone() {
                    return alone;
                }
            }
            self.batch_is_next = false;
            let taken = self.inbox.take(self.limit);
            let taken_at = Instant::now();
            if taken.is_empty() {
                self.something().await;
                continue;
            }
            let taken = self.aside.sift(taken);
            if !taken.is_empty() {
                return Batch { taken, taken_at, origin: Origin::Inbox };
            }
        }
    }

    /// The machine that was set aside and is due.
    fn next_alone(&mut self) -> Option<Batch<K, O>> {
        let (key, machine) = self.aside.take_due(Instant::now())?;
        let Failing { tenant, mut observation, failures } = machine;
        // A batch holds everything that was observed of its machines until it was taken.
        if let Some(newer) = self.inbox.take_one(&key) {
            observation.absorb(newer);
        }
        let taken = vec![(tenant, key, observation)];
        Some(Batch { taken, taken_at: Instant::now(), origin: Origin::Aside(failures) })
    }

    async fn something(&self) {
        let Some(due) = self.aside.next_due() else { return self.inbox.ready().await };
        tokio::select! {
            () = self.inbox.ready() => {}
            () = tokio::time::sleep_until(due) => {}
        }
    }

    async fn process(&mut self, batch: Batch<K, O>) -> Result<Rest, P::Error> {
        let begun = Instant::now();
        let processed = self.processor.process(&batch.taken, batch.taken_at);
        let rest = match tokio::time::timeout(BATCH_TIMEOUT, processed).await {
            Ok(Ok(())) => Ok(self.succeeded(&batch)),
            Ok(Err(error)) => self.failed(batch, begun, error),
            Err(_) => self.unanswered(batch, begun),
        };
        self.processor.commits().note_set_aside(self.aside.count());
        rest
    }

    fn succeeded(&mut self, batch: &Batch<K, O>) -> Rest {
        self.processor.commits().note_success();
        self.given_up = 0;
        self.at_once = 0;
        self.pause = FIRST_PAUSE;
        let machines = batch.taken.len();
        match batch.origin {
            Origin::Inbox => {
                self.limit = next_limit(self.limit, machines, batch.taken_at.elapsed());
                let gathers = machines >= LOAD && self.inbox.len() < self.limit;
                if gathers { Rest::Gather } else { Rest::Nothing }
            }
            Origin::Part => Rest::Nothing,
            Origin::Aside(failures) => {
                let machine = batch.taken.first().map(|(_, key, _)| key);
                tracing::info!(?machine, failures, "a machine no longer fails");
                Rest::Nothing
            }
        }
    }

    fn failed(
        &mut self,
        batch: Batch<K, O>,
        begun: Instant,
        error: P::Error,
    ) -> Result<Rest, P::Error> {
        self.given_up = 0;
        let (verdict, why) = P::judge(&error);
        tracing::warn!(%error, machines = batch.taken.len(), "a batch was not committed");
        match verdict {
            Verdict::Stop => return Err(error),
            Verdict::Unfit => {
                // The database does what it is asked to, apart from this.
                self.processor.commits().note_success();
                self.at_once = 0;
                self.isolate(batch, why);
                return Ok(Rest::Nothing);
            }
            Verdict::AtOnce | Verdict::Later | Verdict::Refused => {}
        }
        self.processor.commits().note_failure(begun, why);
        self.restore(batch);
        if verdict == Verdict::AtOnce && self.at_once < AT_ONCE {
            self.at_once += 1;
            return Ok(Rest::Nothing);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Ok(Rest::Pause(pause))
    }

    fn unanswered(&mut self, batch: Batch<K, O>, begun: Instant) -> Result<Rest, P::Error> {
        let seconds = BATCH_TIMEOUT.as_secs();
        tracing::warn!("a batch was given up after {seconds} s; it is tried again");
        self.processor.commits().note_failure(begun, NO_ANSWER);
        self.restore(batch);
        self.given_up += 1;
        if self.given_up == GIVEN_UP {
            return Err(Silence(BATCH_TIMEOUT * GIVEN_UP).into());
        }
        Ok(Rest::Nothing)
    }

    /// Looks for the machine that fails a batch in its parts, or sets it aside.
    fn isolate(&mut self, batch: Batch<K, O>, why: &'static str) {
        let Batch { mut taken, taken_at, origin } = batch;
        if taken.len() > 1 {
            let size = taken.len().div_ceil(PARTS);
            while !taken.is_empty() {
                let part = taken.split_off(taken.len().saturating_sub(size));
                self.parts.push(Batch { taken: part, taken_at, origin: Origin::Part });
            }
            return;
        }
        let failures = match origin {
            Origin::Inbox | Origin::Part => 1,
            Origin::Aside(failures) => failures.saturating_add(1),
        };
        for (tenant, key, observation) in taken {
            let machine = Failing { tenant, observation, failures };
            let pause = self.aside.add(key.clone(), machine, Instant::now());
            tracing::error!(
                machine = ?key,
                failures,
                pause_seconds = pause.as_secs(),
                "a machine fails by itself; it is set aside",
            );
            self.processor.set_aside(&key, failures, pause, why);
        }
    }

    /// Puts everything back that was not processed.
    fn restore(&mut self, batch: Batch<K, O>) {
        for Batch { taken, origin, .. } in self.parts.drain(..).chain([batch]) {
            for (tenant, key, observation) in taken {
                match origin {
                    Origin::Inbox | Origin::Part => self.inbox.restore(&tenant, key, observation),
                    Origin::Aside(failures) => {
                        let machine = Failing { tenant, observation, failures };
                        self.aside.put_back(key, machine, Instant::now());
                    }
                }
            }
        }
    }

    async fn rest(&self, rest: Rest) {
        match rest {
            Rest::Nothing => {}
            Rest::Pause(pause) => tokio::time::sleep(pause).await,
            Rest::Gather => gather(self.processor, self.inbox, self.limit).await,
        }
    }
}

/// How many machines the batch may have that follows one of so many, which took so long.
fn next_limit(limit: usize, taken: usize, took: Duration) -> usize {
    if took > SLOW {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Note {
        mends: bool,
    }

    impl Coalesce for Note {
        fn absorb(&mut self, newer: Self) {
            self.mends |= newer.mends;
        }

        fn may_mend(&self) -> bool {
            self.mends
        }
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
        commits: Arc<Commits>,
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

        fn judge(error: &Failed) -> (Verdict, &'static str) {
            (error.0, "it failed")
        }

        fn commits(&self) -> &Commits {
            &self.commits
        }

        fn is_behind(&self, _: &str) -> bool {
            false
        }
    }

    fn fake<F>(wanted: usize, fails: F) -> Fake<F> {
        Fake {
            fails,
            wanted,
            attempts: Mutex::default(),
            log: Mutex::default(),
            commits: Commits::new("machines"),
            shutdown: CancellationToken::new(),
        }
    }

    fn inbox_of(machines: usize) -> Arc<Inbox<usize, Note>> {
        let inbox = Arc::new(Inbox::default());
        for machine in 0..machines {
            inbox.offer("tenant", machine, Note::default());
        }
        inbox
    }

    /// Runs until `wanted` machines were processed, and says which, in order.
    async fn processed(
        machines: usize,
        wanted: usize,
        fails: impl Fn(usize, usize) -> Option<Verdict> + Sync,
    ) -> Vec<usize> {
        let fake = fake(wanted, fails);
        let _ = run(&fake, inbox_of(machines), fake.shutdown.clone()).await;
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
    async fn machines_that_always_fail_are_tried_ever_less_often_and_stop_no_other() {
        for poisoned in [2, 20] {
            // Beyond this many it would be a loop without pauses, which never lets the hour pass.
            let bound = poisoned * 45;
            let stop = CancellationToken::new();
            let fake = fake(usize::MAX, |machine, attempt| {
                if attempt > bound {
                    stop.cancel();
                }
                (machine % 50 == 7 && machine / 50 < poisoned).then_some(Verdict::Unfit)
            });
            let hour = Duration::from_secs(3_600);
            let run = run(&fake, inbox_of(1_000), stop.clone());
            let _ = tokio::time::timeout(hour, run).await;
            let attempts = *fake.attempts.lock().unwrap();
            assert!(attempts <= bound, "{attempts} attempts in an hour with {poisoned}");
            assert_eq!(fake.log.lock().unwrap().len(), 1_000 - poisoned);
            assert_eq!(fake.commits.set_aside(), poisoned);
            assert_eq!(fake.commits.failing(), None, "the database works");
        }
    }

    /// The moments, in seconds, at which the one machine was tried.
    async fn moments(
        inbox: &Arc<Inbox<usize, Note>>,
        last: Duration,
        fails: impl Fn(u64) -> bool + Sync,
    ) -> Vec<u64> {
        let begun = Instant::now();
        let moments = Mutex::new(Vec::new());
        let fake = fake(usize::MAX, |_, _| {
            let now = begun.elapsed().as_secs();
            moments.lock().unwrap().push(now);
            fails(now).then_some(Verdict::Unfit)
        });
        let run = run(&fake, Arc::clone(inbox), fake.shutdown.clone());
        let _ = tokio::time::timeout(last, run).await;
        moments.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_has_succeeded_begins_with_the_shortest_pause_again() {
        let inbox = inbox_of(1);
        let offer = tokio::spawn({
            let inbox = Arc::clone(&inbox);
            async move {
                tokio::time::sleep(Duration::from_secs(100)).await;
                inbox.offer("tenant", 0, Note::default());
            }
        });
        let found =
            moments(&inbox, Duration::from_secs(110), |now| !(20..100).contains(&now)).await;
        assert_eq!(found, [0, 1, 3, 7, 15, 31, 100, 101, 103, 107]);
        offer.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_observed_of_a_machine_that_is_set_aside_is_kept_and_what_may_mend_it_ends_its_pause()
     {
        let inbox = inbox_of(1);
        let offer = tokio::spawn({
            let inbox = Arc::clone(&inbox);
            async move {
                tokio::time::sleep(Duration::from_secs(80)).await;
                inbox.offer("tenant", 0, Note::default());
                tokio::time::sleep(Duration::from_secs(10)).await;
                inbox.offer("tenant", 0, Note { mends: true });
            }
        });
        let found = moments(&inbox, Duration::from_secs(120), |now| now < 90).await;
        // It would have been tried at 127 s.
        assert_eq!(found, [0, 1, 3, 7, 15, 31, 63, 90]);
        assert!(inbox.is_empty());
        offer.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn edits_without_end_have_a_machine_tried_once_a_second() {
        let inbox = inbox_of(1);
        let offer = tokio::spawn({
            let inbox = Arc::clone(&inbox);
            async move {
                loop {
                    inbox.offer("tenant", 0, Note { mends: true });
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
        let found = moments(&inbox, Duration::from_secs(100), |_| true).await;
        offer.abort();
        assert!((90..=101).contains(&found.len()), "{found:?}");
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
    async fn a_database_that_fails_while_a_batch_is_in_parts_loses_none_of_them() {
        let mut log = processed(100, 99, |machine, attempt| match attempt {
            3..=5 => Some(Verdict::Later),
            6 => Some(Verdict::AtOnce),
            _ => (machine == 50).then_some(Verdict::Unfit),
        })
        .await;
        log.sort_unstable();
        log.dedup();
        assert_eq!(log.len(), 99, "all but the one that fails");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_succeed_at_once_is_tried_at_once_but_not_for_ever() {
        let begun = Instant::now();
        let log = processed(3, 3, |_, attempt| (attempt <= 3).then_some(Verdict::AtOnce)).await;
        assert_eq!((log.len(), begun.elapsed()), (3, Duration::ZERO));
        let log = processed(3, 3, |_, attempt| (attempt <= 20).then_some(Verdict::AtOnce)).await;
        assert_eq!(log.len(), 3);
        let pauses = begun.elapsed().as_secs();
        assert!((100..200).contains(&pauses), "{pauses} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_tried_again_and_told() {
        let fake = fake(3, |_, attempt| (attempt <= 8).then_some(Verdict::Refused));
        let run = run(&fake, inbox_of(3), fake.shutdown.clone());
        let look = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            fake.commits.failing().unwrap()
        };
        let (_, (lasted, why)) = tokio::join!(run, look);
        assert_eq!((lasted.as_secs(), why), (10, "it failed"));
        assert_eq!(fake.commits.failing(), None);
        assert_eq!(fake.log.lock().unwrap().len(), 3);
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
        struct Slow(Arc<Commits>, Mutex<Vec<usize>>);
        impl Process<usize, Note> for Slow {
            type Error = Failed;

            async fn process(&self, taken: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.1.lock().unwrap().push(taken.len());
                Ok(())
            }

            fn judge(error: &Failed) -> (Verdict, &'static str) {
                (error.0, "it failed")
            }

            fn commits(&self) -> &Commits {
                &self.0
            }

            fn is_behind(&self, tenant: &str) -> bool {
                tenant == "busy"
            }
        }
        let inbox = Arc::new(Inbox::default());
        let shutdown = CancellationToken::new();
        let slow = Slow(Commits::new("slow"), Mutex::default());
        let offer = async {
            for first in (0..machines).step_by(at_once) {
                for machine in first..first + at_once {
                    inbox.offer(tenants[machine % tenants.len()], machine, Note::default());
                }
                tokio::time::sleep(interval).await;
            }
            tokio::time::sleep(GATHER_BEHIND).await;
            shutdown.cancel();
        };
        let (outcome, ()) = tokio::join!(run(&slow, Arc::clone(&inbox), shutdown.clone()), offer);
        assert!(outcome.is_ok());
        slow.1.into_inner().unwrap()
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
        struct Silent(Arc<Commits>);
        impl Process<usize, Note> for Silent {
            type Error = Failed;

            async fn process(&self, _: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
                std::future::pending().await
            }

            fn judge(error: &Failed) -> (Verdict, &'static str) {
                (error.0, "it failed")
            }

            fn commits(&self) -> &Commits {
                &self.0
            }

            fn is_behind(&self, _: &str) -> bool {
                false
            }
        }
        let inbox = Arc::new(Inbox::default());
        inbox.offer("tenant", 1, Note::default());
        let began = Instant::now();
        let silent = Silent(Commits::new("silent"));
        let outcome = run(&silent, Arc::clone(&inbox), CancellationToken::new()).await;
        assert!(outcome.is_err());
        assert_eq!(began.elapsed(), BATCH_TIMEOUT * GIVEN_UP);
        assert_eq!(inbox.len(), 1, "nothing of it is lost");
        assert_eq!(silent.0.failing(), Some((BATCH_TIMEOUT * GIVEN_UP, NO_ANSWER)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_failure_ends_it() {
        assert!(processed(3, 3, |_, _| Some(Verdict::Stop)).await.is_empty());
    }
}
