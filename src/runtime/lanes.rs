//! What is owed to the world, discharged in the order in which users wait for it.
//!
//! Every obligation follows from a persisted state, so nothing here needs to survive: after a
//! crash the states are read again and say what they owe. A duty is keyed; a newer one of the
//! same key replaces the waiting one, and none runs beside another of its key.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::runtime::inbox::{Coalesce, Inbox};

/// Requests under way at once. They keep an API server of several cores busy; with more, each would
/// only take longer, and who comes anew waits for those under way.
const CONCURRENCY: usize = 8;
/// First pause after a discharge that failed, doubled with each further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// First pause before something is written again that was written and is still wanting: somebody
/// has undone it in the same moment. Doubled with each repetition.
const REPEAT_PAUSE: Duration = Duration::from_secs(1);
/// After so many repetitions it is the server that changes what it is given, and writing it again
/// would never end. The machine's deadline says so.
const REPEATS: u32 = 5;

/// How long somebody is willing to wait for a duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A user waits for the effect: Operations, Applications, AppProjects, finalizers.
    First,
    /// A user may be looking: status.
    Second,
    /// Nobody waits: Operations that are finished.
    Last,
}

const LANES: [Lane; 3] = [Lane::First, Lane::Second, Lane::Last];

/// One thing that is owed.
pub trait Duty: Clone + PartialEq + Debug + Send + 'static {
    /// What it is about; at most one duty of a key is discharged at a time.
    type Key: Clone + Eq + Hash + Ord + Debug + Send;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Its lane.
    fn lane(&self) -> Lane;
    /// Whether the answer to its discharge is given to the machine as an observation, before the
    /// discharge ends. A machine that has taken that in and still owes the same has seen it undone.
    fn is_answered(&self) -> bool;
}

/// What became of a discharge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discharge {
    /// The world is as it should be; the same duty is not discharged again while it is owed.
    Done,
    /// Somebody else must act first; the duty comes again with the observation of that.
    Pending,
    /// It failed, and may succeed later.
    Failed,
}

/// Whether a duty is still owed, as far as its discharge tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// It is, and will be discharged, or has been and shows its effect elsewhere.
    Certain,
    /// It was discharged meanwhile: only one more step of the machine can tell.
    InDoubt,
}

/// See the module.
#[derive(Debug)]
pub struct Lanes<D: Duty> {
    queues: [Inbox<D::Key, Latest<D>>; 3],
    state: Mutex<State<D>>,
    changed: Notify,
}

#[derive(Clone, Debug)]
struct Latest<D>(D);

impl<D> Coalesce for Latest<D> {
    fn absorb(&mut self, newer: Self) {
        *self = newer;
    }
}

#[derive(Debug)]
struct State<D: Duty> {
    /// What is being discharged now.
    running: HashMap<D::Key, Running<D>>,
    /// What is being discharged now and no longer owed: nothing of it is remembered.
    withdrawn: HashSet<D::Key>,
    /// What came while an older duty of its key was being discharged.
    parked: HashMap<D::Key, (String, D)>,
    /// What was discharged and is still owed.
    done: HashMap<D::Key, Done<D>>,
    /// Failures in a row, by key.
    failures: HashMap<D::Key, Failures<D>>,
    /// Repetitions of what was discharged in vain, by key.
    repeats: HashMap<D::Key, Repeats<D>>,
}

impl<D: Duty> Default for Lanes<D> {
    fn default() -> Self {
        let state = State {
            running: HashMap::new(),
            withdrawn: HashSet::new(),
            parked: HashMap::new(),
            done: HashMap::new(),
            failures: HashMap::new(),
            repeats: HashMap::new(),
        };
        let queues = [Inbox::default(), Inbox::default(), Inbox::default()];
        Self { queues, state: Mutex::new(state), changed: Notify::new() }
    }
}

/// A duty that is being discharged.
#[derive(Debug)]
struct Running<D> {
    /// As it was owed last.
    duty: D,
    /// Whether it was owed once more meanwhile.
    owed_again: bool,
    /// When the machine was given the answer.
    answered: Option<Instant>,
    /// Whether it is owed in spite of the answer.
    in_vain: bool,
}

/// A duty that was discharged.
#[derive(Debug)]
struct Done<D> {
    duty: D,
    /// When the machine was given the answer.
    answered: Instant,
}

/// Failures in a row.
#[derive(Debug)]
struct Failures<D> {
    /// What failed last.
    duty: D,
    number: u32,
    /// Whether the next attempt waits for its moment.
    waits: bool,
}

/// Repetitions of a duty that was discharged in vain.
#[derive(Debug)]
struct Repeats<D> {
    duty: D,
    number: u32,
    /// Whether the next one waits already.
    waits: bool,
}

impl<D: Duty> State<D> {
    /// Notes a failure; the pause before the next attempt, unless one waits already.
    fn next_attempt(&mut self, duty: D) -> Option<Duration> {
        let first = || Failures { duty: duty.clone(), number: 0, waits: false };
        let failures = self.failures.entry(duty.key()).or_insert_with(first);
        failures.number = failures.number.saturating_add(1);
        failures.duty = duty;
        if std::mem::replace(&mut failures.waits, true) {
            return None;
        }
        let doublings = (failures.number - 1).min(9);
        Some(FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE))
    }

    /// The pause before the next repetition; none where one waits already or there were enough.
    fn next_repeat(&mut self, duty: &D) -> Option<Duration> {
        let first = || Repeats { duty: duty.clone(), number: 0, waits: false };
        let repeats = self.repeats.entry(duty.key()).or_insert_with(first);
        if repeats.waits || repeats.number >= REPEATS {
            return None;
        }
        let pause = REPEAT_PAUSE.saturating_mul(1 << repeats.number);
        repeats.number += 1;
        repeats.waits = true;
        Some(pause)
    }
}

impl<D: Duty> Lanes<D> {
    /// Adds a duty that follows from observations, none of which came after `as_of`.
    ///
    /// One that is being discharged is not added again. One that was discharged is repeated after
    /// a pause, a few times, where it is owed in spite of the answer. Where the answer came after
    /// `as_of`, nobody can tell: then the machine has to be stepped once more, because the answer
    /// may have been no news and may be the last thing that it hears.
    #[must_use = "a duty in doubt is settled by one more step"]
    pub fn owe(self: &Arc<Self>, tenant: &str, duty: D, as_of: Instant) -> Owed {
        let key = duty.key();
        let mut state = self.lock();
        if let Some(running) = state.running.get_mut(&key).filter(|running| running.duty == duty) {
            let answered = running.answered.filter(|_| duty.is_answered());
            running.in_vain |= answered.is_some_and(|answered| answered <= as_of);
            running.owed_again = true;
            running.duty = duty;
            // What came in between is no longer wanted.
            state.withdrawn.remove(&key);
            state.parked.remove(&key);
            let in_doubt = answered.is_some_and(|answered| answered > as_of);
            return if in_doubt { Owed::InDoubt } else { Owed::Certain };
        }
        // It comes again by itself, unless another one has been owed since: that would come after it.
        let failed = state.failures.get(&key);
        let comes_again = failed.is_some_and(|failed| failed.waits && failed.duty == duty);
        if comes_again && !state.running.contains_key(&key) && !self.is_queued(&key) {
            return Owed::Certain;
        }
        if let Some(done) = state.done.get(&key).filter(|done| done.duty == duty) {
            if !duty.is_answered() {
                return Owed::Certain;
            }
            if done.answered > as_of {
                return Owed::InDoubt;
            }
            if let Some(pause) = state.next_repeat(&duty) {
                drop(state);
                self.repeat_after(pause, tenant, duty);
            }
            return Owed::Certain;
        }
        state.done.remove(&key);
        if state.repeats.get(&key).is_some_and(|repeats| repeats.duty != duty) {
            state.repeats.remove(&key);
        }
        if state.running.contains_key(&key) {
            state.parked.insert(key, (tenant.to_owned(), duty));
            return Owed::Certain;
        }
        drop(state);
        self.queue(tenant, duty);
        Owed::Certain
    }

    /// To be called before the machine is given the answer to the duty of this key.
    ///
    /// Says whether the duty was owed once more since it began. The step that did so may have seen
    /// the effect already, and more than that: where the answer is no news, the machine must be
    /// stepped all the same, or nobody would owe it again.
    pub fn answered(&self, key: &D::Key) -> bool {
        let mut state = self.lock();
        let Some(running) = state.running.get_mut(key) else { return false };
        running.answered = Some(Instant::now());
        running.owed_again
    }

    fn repeat_after(self: &Arc<Self>, pause: Duration, tenant: &str, duty: D) {
        let lanes = Arc::clone(self);
        let tenant = tenant.to_owned();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let key = duty.key();
            let mut state = lanes.lock();
            // Withdrawn or replaced meanwhile: nothing is wanting any more.
            if state.done.get(&key).is_none_or(|done| done.duty != duty) {
                return;
            }
            state.done.remove(&key);
            if let Some(repeats) = state.repeats.get_mut(&key) {
                repeats.waits = false;
            }
            drop(state);
            lanes.queue(&tenant, duty);
        });
    }

    /// Forgets a duty that is no longer owed.
    pub fn withdraw(&self, key: &D::Key) {
        let mut state = self.lock();
        if state.running.contains_key(key) {
            state.withdrawn.insert(key.clone());
        }
        state.done.remove(key);
        state.parked.remove(key);
        state.failures.remove(key);
        state.repeats.remove(key);
        for queue in &self.queues {
            queue.remove(key);
        }
    }

    /// Lets a duty be discharged again although it was: its effect is in doubt.
    pub fn doubt(&self, key: &D::Key) {
        let mut state = self.lock();
        state.done.remove(key);
        state.repeats.remove(key);
    }

    /// How many duties wait or are being discharged.
    pub fn len(&self) -> usize {
        let waiting: usize = self.queues.iter().map(Inbox::len).sum();
        let state = self.lock();
        waiting + state.running.len() + state.parked.len()
    }

    /// Whether one of this tenant waits for its turn.
    pub fn is_behind(&self, tenant: &str) -> bool {
        self.queues.iter().any(|queue| queue.has_tenant(tenant))
    }

    /// Whether none waits or is being discharged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Discharges duties until told to stop; those under way are finished first.
    pub async fn run<F, R>(self: Arc<Self>, discharge: F, shutdown: CancellationToken)
    where
        F: Fn(D) -> R,
        R: Future<Output = Discharge> + Send + 'static,
    {
        let mut running: JoinSet<(String, D, Discharge)> = JoinSet::new();
        loop {
            while running.len() < CONCURRENCY
                && let Some((tenant, duty)) = self.next()
            {
                // A panic in one discharge is a failure of that one and stops no other.
                let outcome = AssertUnwindSafe(discharge(duty.clone())).catch_unwind();
                running.spawn(
                    async move { (tenant, duty, outcome.await.unwrap_or(Discharge::Failed)) },
                );
            }
            let changed = self.changed.notified();
            if running.len() < CONCURRENCY && !self.nothing_waits() {
                continue;
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = changed => {}
                Some(finished) = running.join_next() => self.settle(finished),
            }
        }
        while let Some(finished) = running.join_next().await {
            self.settle(finished);
        }
    }

    fn settle(self: &Arc<Self>, finished: Result<(String, D, Discharge), tokio::task::JoinError>) {
        match finished {
            Ok((tenant, duty, outcome)) => self.finish(tenant, duty, outcome),
            Err(error) => tracing::error!(%error, "a discharge was cancelled"),
        }
    }

    fn finish(self: &Arc<Self>, tenant: String, duty: D, outcome: Discharge) {
        let key = duty.key();
        let mut state = self.lock();
        let running = state.running.remove(&key);
        let withdrawn = state.withdrawn.remove(&key);
        if let Some((tenant, newer)) = state.parked.remove(&key) {
            drop(state);
            self.queue(&tenant, newer);
            return;
        }
        if withdrawn {
            return;
        }
        match outcome {
            Discharge::Done => {
                state.failures.remove(&key);
                let (answered, in_vain, duty) = match running {
                    Some(running) => (running.answered, running.in_vain, running.duty),
                    None => (None, false, duty),
                };
                let pause = in_vain.then(|| state.next_repeat(&duty)).flatten();
                let answered = answered.unwrap_or_else(Instant::now);
                state.done.insert(key, Done { duty: duty.clone(), answered });
                drop(state);
                if let Some(pause) = pause {
                    self.repeat_after(pause, &tenant, duty);
                }
            }
            Discharge::Pending => {
                state.failures.remove(&key);
            }
            Discharge::Failed => {
                if let Some(pause) = state.next_attempt(duty) {
                    drop(state);
                    let lanes = Arc::clone(self);
                    tokio::spawn(async move {
                        tokio::time::sleep(pause).await;
                        lanes.retry(&tenant, &key);
                    });
                }
            }
        }
    }

    /// Queues what failed last under a key, unless it was withdrawn meanwhile.
    fn retry(self: &Arc<Self>, tenant: &str, key: &D::Key) {
        let mut state = self.lock();
        let Some(failed) = state.failures.get_mut(key) else { return };
        failed.waits = false;
        let duty = failed.duty.clone();
        let replaced = state.parked.contains_key(key)
            || state.running.contains_key(key)
            || self.is_queued(key);
        drop(state);
        // A newer one may be on its way: it is tried at once, and its failure comes back here.
        if !replaced {
            self.queue(tenant, duty);
        }
    }

    fn is_queued(&self, key: &D::Key) -> bool {
        self.queues.iter().any(|queue| queue.contains(key))
    }

    fn queue(&self, tenant: &str, duty: D) {
        self.queues[duty.lane() as usize].offer(tenant, duty.key(), Latest(duty));
        self.changed.notify_one();
    }

    fn next(&self) -> Option<(String, D)> {
        for lane in LANES {
            while let Some((tenant, key, Latest(duty))) = self.queues[lane as usize].take(1).pop() {
                let mut state = self.lock();
                if state.running.contains_key(&key) {
                    // Whatever is parked already came later.
                    state.parked.entry(key).or_insert((tenant, duty));
                    continue;
                }
                let running = Running {
                    duty: duty.clone(),
                    owed_again: false,
                    answered: None,
                    in_vain: false,
                };
                state.running.insert(key, running);
                return Some((tenant, duty));
            }
        }
        None
    }

    fn nothing_waits(&self) -> bool {
        self.queues.iter().all(Inbox::is_empty)
    }

    fn lock(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Errand {
        key: &'static str,
        content: u32,
        lane: Lane,
    }

    impl Duty for Errand {
        type Key = &'static str;

        fn key(&self) -> &'static str {
            self.key
        }

        fn lane(&self) -> Lane {
            self.lane
        }

        fn is_answered(&self) -> bool {
            self.key != "signal"
        }
    }

    /// Owes a duty in the light of everything that was observed until now.
    fn owe(lanes: &Arc<Lanes<Errand>>, tenant: &str, errand: Errand) {
        assert_eq!(lanes.owe(tenant, errand, Instant::now()), Owed::Certain);
    }

    fn errand(key: &'static str, content: u32, lane: Lane) -> Errand {
        Errand { key, content, lane }
    }

    /// Runs the lanes until they are empty and returns what was discharged, in order.
    async fn discharged(
        lanes: &Arc<Lanes<Errand>>,
        outcome: impl Fn(&Errand, usize) -> Discharge + Send + Sync + 'static,
    ) -> Vec<(&'static str, u32)> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let shutdown = CancellationToken::new();
        let outcome = Arc::new(outcome);
        let run = Arc::clone(lanes).run(
            {
                let log = Arc::clone(&log);
                move |errand: Errand| {
                    let mut log = log.lock().unwrap();
                    log.push((errand.key, errand.content));
                    let verdict = outcome(&errand, log.len());
                    async move { verdict }
                }
            },
            shutdown.clone(),
        );
        let run = tokio::spawn(run);
        while !(lanes.is_empty() && lanes.lock().failures.is_empty()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        shutdown.cancel();
        run.await.unwrap();
        let log = log.lock().unwrap();
        log.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn what_users_wait_for_goes_first() {
        let lanes = Arc::new(Lanes::default());
        owe(&lanes, "t", errand("collect", 0, Lane::Last));
        owe(&lanes, "t", errand("status", 0, Lane::Second));
        owe(&lanes, "t", errand("operation", 0, Lane::First));
        let order = discharged(&lanes, |_, _| Discharge::Done).await;
        assert_eq!(order, [("operation", 0), ("status", 0), ("collect", 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_duty_of_a_key_replaces_the_waiting_one() {
        let lanes = Arc::new(Lanes::default());
        owe(&lanes, "t", errand("status", 1, Lane::Second));
        owe(&lanes, "t", errand("status", 2, Lane::Second));
        owe(&lanes, "t", errand("other", 1, Lane::Second));
        lanes.withdraw(&"other");
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await, [("status", 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_discharged_is_not_discharged_again_at_once_unless_in_doubt() {
        let lanes = Arc::new(Lanes::default());
        let duty = errand("operation", 1, Lane::First);
        owe(&lanes, "t", duty.clone());
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 1);
        owe(&lanes, "t", duty.clone());
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 0);
        lanes.doubt(&"operation");
        owe(&lanes, "t", duty);
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_discharged_in_vain_is_repeated_a_few_times_and_no_more() {
        let lanes = Arc::new(Lanes::default());
        let duty = errand("application", 1, Lane::First);
        let mut discharges = 0;
        for _ in 0..40 {
            owe(&lanes, "t", duty.clone());
            owe(&lanes, "t", duty.clone());
            discharges += discharged(&lanes, |_, _| Discharge::Done).await.len();
            tokio::time::sleep(LONGEST_PAUSE).await;
        }
        assert_eq!(discharges, 1 + REPEATS as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_without_knowing_of_the_answer_is_in_doubt_and_not_repeated() {
        let lanes = Arc::new(Lanes::default());
        let application = errand("application", 1, Lane::First);
        let signal = errand("signal", 1, Lane::First);
        let before = Instant::now();
        owe(&lanes, "t", application.clone());
        owe(&lanes, "t", signal.clone());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 2);
        // A step that was under way meanwhile; and one whose answer comes from elsewhere.
        assert_eq!(lanes.owe("t", application, before), Owed::InDoubt);
        assert_eq!(lanes.owe("t", signal, before), Owed::Certain);
        tokio::time::sleep(LONGEST_PAUSE).await;
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_undone_between_the_answer_and_the_end_of_its_discharge_is_repeated() {
        let lanes: Arc<Lanes<Errand>> = Arc::default();
        let duty = errand("status", 1, Lane::Second);
        owe(&lanes, "tenant", duty.clone());
        let discharges = Arc::new(Mutex::new(0));
        let shutdown = CancellationToken::new();
        let run = Arc::clone(&lanes).run(
            {
                let (lanes, discharges) = (Arc::clone(&lanes), Arc::clone(&discharges));
                move |duty: Errand| {
                    let first = {
                        let mut discharges = discharges.lock().unwrap();
                        *discharges += 1;
                        *discharges == 1
                    };
                    lanes.answered(&duty.key());
                    if first {
                        // The machine has taken the answer in, and what undid it.
                        owe(&lanes, "tenant", duty);
                    }
                    std::future::ready(Discharge::Done)
                }
            },
            shutdown.clone(),
        );
        let end = async {
            tokio::time::sleep(REPEAT_PAUSE * 2).await;
            shutdown.cancel();
        };
        tokio::join!(run, end);
        assert_eq!(*discharges.lock().unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_without_knowing_of_the_answer_before_its_discharge_ends_is_in_doubt() {
        let lanes: Arc<Lanes<Errand>> = Arc::default();
        owe(&lanes, "tenant", errand("status", 1, Lane::Second));
        let before = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let answering = Arc::clone(&lanes);
        let order = discharged(&lanes, move |duty, _| {
            answering.answered(&duty.key());
            assert_eq!(answering.owe("tenant", duty.clone(), before), Owed::InDoubt);
            Discharge::Done
        })
        .await;
        assert_eq!(order, [("status", 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_tells_whether_its_duty_was_owed_once_more_meanwhile() {
        for owed_again in [false, true] {
            let lanes: Arc<Lanes<Errand>> = Arc::default();
            owe(&lanes, "tenant", errand("status", 1, Lane::Second));
            let answering = Arc::clone(&lanes);
            let order = discharged(&lanes, move |duty, _| {
                if owed_again {
                    owe(&answering, "tenant", duty.clone());
                }
                assert_eq!(answering.answered(&duty.key()), owed_again);
                Discharge::Done
            })
            .await;
            assert_eq!(order, [("status", 1)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_withdrawn_is_not_repeated() {
        let lanes = Arc::new(Lanes::default());
        let duty = errand("application", 1, Lane::First);
        owe(&lanes, "t", duty.clone());
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 1);
        owe(&lanes, "t", duty);
        lanes.withdraw(&"application");
        tokio::time::sleep(LONGEST_PAUSE).await;
        assert_eq!(discharged(&lanes, |_, _| Discharge::Done).await.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_and_is_owed_again_comes_after_what_was_owed_between() {
        let lanes = Arc::new(Lanes::default());
        owe(&lanes, "t", errand("status", 1, Lane::Second));
        let other = Arc::clone(&lanes);
        tokio::spawn(async move {
            // It has failed, and its next attempt is due later.
            tokio::time::sleep(Duration::from_millis(1)).await;
            owe(&other, "t", errand("status", 2, Lane::Second));
        });
        let again = Arc::clone(&lanes);
        let order = discharged(&lanes, move |duty, attempt| match (duty.content, attempt) {
            (1, 1) => Discharge::Failed,
            (2, _) => {
                owe(&again, "t", Errand { content: 1, ..duty.clone() });
                Discharge::Done
            }
            _ => Discharge::Done,
        })
        .await;
        assert_eq!(order, [("status", 1), ("status", 2), ("status", 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_duty_that_failed_never_runs_after_a_newer_one() {
        let lanes = Arc::new(Lanes::default());
        owe(&lanes, "t", errand("application", 1, Lane::First));
        let newer = Arc::clone(&lanes);
        let order = discharged(&lanes, move |errand, attempt| match (errand.content, attempt) {
            (1, 1) => {
                owe(&newer, "t", Errand { content: 2, ..errand.clone() });
                Discharge::Failed
            }
            (2, 2) => Discharge::Failed,
            _ => Discharge::Done,
        })
        .await;
        assert_eq!(order, [("application", 1), ("application", 2), ("application", 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_its_next_attempt_is_not_hurried_by_being_owed_again() {
        let lanes = Arc::new(Lanes::default());
        let duty = errand("application", 1, Lane::First);
        owe(&lanes, "t", duty.clone());
        let began = Instant::now();
        let hurrying = Arc::clone(&lanes);
        let order = discharged(&lanes, move |_, attempt| {
            if attempt > 8 {
                return Discharge::Done;
            }
            let (hurrying, duty) = (Arc::clone(&hurrying), duty.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                owe(&hurrying, "t", duty);
            });
            Discharge::Failed
        })
        .await;
        assert_eq!(order.len(), 9);
        assert!(began.elapsed() >= FIRST_PAUSE * ((1 << 8) - 1), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_discharge_is_tried_again_and_delays_no_other() {
        let lanes = Arc::new(Lanes::default());
        owe(&lanes, "a", errand("fails", 1, Lane::First));
        owe(&lanes, "b", errand("works", 1, Lane::Second));
        let order = discharged(&lanes, |errand, attempt| match (errand.key, attempt) {
            ("fails", 1..=3) => Discharge::Failed,
            _ => Discharge::Done,
        })
        .await;
        assert_eq!(order[..2], [("fails", 1), ("works", 1)]);
        assert_eq!(order.iter().filter(|(key, _)| *key == "fails").count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_withdrawn_while_it_is_discharged_is_neither_repeated_nor_remembered() {
        for outcome in [Discharge::Done, Discharge::Pending, Discharge::Failed] {
            let lanes = Arc::new(Lanes::default());
            owe(&lanes, "t", errand("signal", 1, Lane::Last));
            let withdrawing = Arc::clone(&lanes);
            let order = discharged(&lanes, move |errand, _| {
                withdrawing.withdraw(&errand.key);
                outcome
            })
            .await;
            assert_eq!(order, [("signal", 1)], "{outcome:?}");
            let state = lanes.lock();
            let remembered = [state.done.len(), state.failures.len(), state.repeats.len()];
            assert_eq!(remembered, [0, 0, 0], "{outcome:?}");
            assert!(state.withdrawn.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_discharge_is_a_failure_of_its_own_only() {
        let lanes = Arc::new(Lanes::default());
        owe(&lanes, "a", errand("panics", 1, Lane::First));
        owe(&lanes, "b", errand("works", 1, Lane::First));
        let attempts = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let shutdown = CancellationToken::new();
        let counted = Arc::clone(&attempts);
        let run = tokio::spawn(Arc::clone(&lanes).run(
            move |errand: Errand| {
                let counted = Arc::clone(&counted);
                async move {
                    let first = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                    assert!(!(first && errand.key == "panics"), "a defect");
                    Discharge::Done
                }
            },
            shutdown.clone(),
        ));
        while attempts.load(std::sync::atomic::Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        shutdown.cancel();
        run.await.unwrap();
        assert!(lanes.is_empty());
    }
}
