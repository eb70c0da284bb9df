//! Takes batches from an inbox and has them processed one after the other: while one is in
//! progress, the next gathers. A batch that contains something unfit is tried again in parts, until
//! the machines that fail alone are found; those are [set aside](crate::runtime::aside).

use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::BatchOutcome;
use crate::runtime::aside::{Aside, Failing};
use crate::runtime::commits::Commits;
use crate::runtime::inbox::{Coalesce, Inbox};
use crate::runtime::store_failure::{RetryDecision, Silence};

/// Machines in the first batch. How many the next may have depends on how long the previous one
/// took: a newcomer waits for the current batch and for its own.
const BATCH: usize = 256;
/// Most machines in a batch: what the statements of both databases have room for.
const LARGEST_BATCH: usize = 1_024;
/// A batch size that is never too large, yet enough to share its statements.
const SMALLEST_BATCH: usize = 32;
/// A full batch that took less is followed by one of twice the size.
const QUICK: Duration = Duration::from_millis(20);
/// A batch that took longer is followed by one of half the size.
const SLOW: Duration = Duration::from_millis(40);
/// After a batch of fewer machines the next one starts at once: no machine waits for company that
/// may not come.
const LOAD: usize = 4;
/// How long the next batch gathers under load: a batch costs the same, however many share it.
const GATHER: Duration = Duration::from_millis(50);
/// How long it goes on gathering while all tenants in it have requests waiting for their turn at
/// the API server: what the batch adds would wait anyway.
const GATHER_BEHIND: Duration = Duration::from_millis(200);
/// Into how many parts a batch is split to find the machines that fail it. With one of them in a
/// thousand machines that takes some twenty attempts.
const PARTS: usize = 4;
/// How long a batch may take: longer than the database lets a statement run. Beyond that, the
/// connection has died silently.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);
/// After this many abandoned batches in a row, the process had better end: another replica, or its
/// own successor, may have a live connection.
const GIVEN_UP: u32 = 5;
/// How often in a row a batch is tried again at once: if that has not helped by then, it takes
/// time.
const AT_ONCE: u32 = 3;
/// First pause after a batch that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The reason given for abandoned batches.
const NO_ANSWER: &str = "the database does not answer";

/// What was taken from an inbox: whose turn it takes, which machine, and its observations.
pub type Taken<K, O> = [(String, K, O)];

/// What processes batches.
pub trait Process<K, O>: Sync {
    /// Why a batch was not processed.
    type Error: Display + Send + From<Silence>;

    /// Processes a batch, all of it or nothing. It contains nothing observed after `taken_at`.
    fn process(
        &self,
        taken: &Taken<K, O>,
        taken_at: Instant,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// What a failure means, and its reason, in words that contain no user data.
    fn classify(error: &Self::Error) -> (RetryDecision, &'static str);

    /// Where it is noted whether batches are committed.
    fn commits(&self) -> &Commits;

    /// Whether anything that follows from a tenant's earlier batches waits for its turn.
    fn is_behind(&self, tenant: &str) -> bool;

    /// A machine has failed alone this many times, and is tried again after this pause.
    fn set_aside(&self, _: &K, _failures: u32, _pause: Duration, _why: &'static str) {}
}

/// Has batches processed until it should stop; an error that means [`RetryDecision::Stop`] ends it.
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
    /// Most machines in the next batch.
    limit: usize,
    /// The next pause after a failure.
    pause: Duration,
    /// Batches in a row that were given up.
    given_up: u32,
    /// Batches in a row that were tried again at once.
    at_once: u32,
    /// What is left of a batch that contains something unfit; the last part is next.
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
    /// A machine that was set aside, which has failed alone this many times.
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
        // A batch holds everything observed of its machines until it was taken.
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
        let processed = tokio::time::timeout(BATCH_TIMEOUT, processed).await;
        let outcome = match &processed {
            Ok(Ok(())) => BatchOutcome::Committed,
            Ok(Err(error)) if P::classify(error).0 == RetryDecision::Unfit => BatchOutcome::Split,
            Ok(Err(_)) => BatchOutcome::Retried,
            Err(_) => BatchOutcome::Abandoned,
        };
        self.processor.commits().note_batch(outcome, begun.elapsed());
        let rest = match processed {
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
        let (decision, why) = P::classify(&error);
        tracing::warn!(%error, machines = batch.taken.len(), "a batch was not committed");
        match decision {
            RetryDecision::Stop => return Err(error),
            RetryDecision::Unfit => {
                // Apart from this, the database does as asked.
                self.processor.commits().note_success();
                self.at_once = 0;
                self.isolate(batch, why);
                return Ok(Rest::Nothing);
            }
            RetryDecision::AtOnce | RetryDecision::Later | RetryDecision::Refused => {}
        }
        self.processor.commits().note_failure(begun, why);
        self.restore(batch);
        if decision == RetryDecision::AtOnce && self.at_once < AT_ONCE {
            self.at_once += 1;
            return Ok(Rest::Nothing);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Ok(Rest::Pause(pause))
    }

    fn unanswered(&mut self, batch: Batch<K, O>, begun: Instant) -> Result<Rest, P::Error> {
        let (seconds, machines) = (BATCH_TIMEOUT.as_secs(), batch.taken.len());
        tracing::warn!(seconds, machines, "a batch was given up; it is tried again");
        self.processor.commits().note_failure(begun, NO_ANSWER);
        self.restore(batch);
        self.given_up += 1;
        if self.given_up == GIVEN_UP {
            return Err(Silence(BATCH_TIMEOUT * GIVEN_UP).into());
        }
        Ok(Rest::Nothing)
    }

    /// Searches a batch's parts for the machine that fails it, or sets it aside.
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

/// How many machines the next batch may have, after one of this size and duration.
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
mod tests;
