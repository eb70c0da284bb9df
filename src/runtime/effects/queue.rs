//! Runs effects: the slots say what, the turns say when.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Scrape, table};
use crate::runtime::effects::slot::{Action, Slot, Work};
use crate::runtime::effects::turns::Turns;
use crate::runtime::effects::{Outcome, Priority, QueuedEffect, Required};

/// How many effects run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Of all tenants together.
    pub size: usize,
    /// Of one tenant.
    pub per_tenant: usize,
}

impl Pool {
    /// For requests to the API server. They keep one of several cores busy; with more, each would
    /// only take longer, and the next one waits for those in progress. As all go to the same
    /// server, none takes longer because of its tenant, and a single tenant may use all of them.
    pub const API_SERVER: Self = Self { size: 8, per_tenant: 8 };

    /// For requests to servers that tenants choose. They mostly wait, so many may; and one tenant's
    /// servers that never answer hold no more than its share.
    pub const TENANTS_SERVERS: Self = Self { size: 32, per_tenant: 4 };
}

/// See the module.
#[derive(Debug)]
pub struct EffectQueue<E: QueuedEffect> {
    pool: Pool,
    state: Mutex<State<E>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<E: QueuedEffect> {
    /// Those that are not idle.
    slots: HashMap<E::Key, Slot<E>>,
    turns: Turns<E::Key>,
    running: usize,
    /// Those of each tenant that has any.
    running_of: HashMap<String, usize>,
}

impl<E: QueuedEffect> EffectQueue<E> {
    /// A queue in which nothing waits. Effects whose requests go to servers chosen by tenants
    /// belong in a queue with its own pool, in which no tenant has more than its share.
    pub fn new(pool: Pool) -> Arc<Self> {
        let state = State {
            slots: HashMap::new(),
            turns: Turns::default(),
            running: 0,
            running_of: HashMap::new(),
        };
        Arc::new(Self { pool, state: Mutex::new(state), changed: Notify::new() })
    }

    /// Adds an effect that follows from observations, none of them later than `as_of`.
    ///
    /// A running one is not added again. One that was done is repeated after a pause, a few times,
    /// if it is required despite the answer. If the answer came after `as_of`, that is unknown:
    /// then the machine has to be stepped again, because the answer may have been no news and may
    /// be the last thing it receives.
    #[must_use = "an effect in doubt is settled by one more step"]
    pub fn require(self: &Arc<Self>, tenant: &str, effect: E, as_of: Instant) -> Required {
        let key = effect.key();
        let work = Work { tenant: tenant.to_owned(), effect };
        self.change(&key, |slot, now| slot.require(work, as_of, now))
    }

    /// To be called before the machine receives the answer to the effect of this key.
    ///
    /// Returns whether the effect was required again since it started to run. The step that did so
    /// may have seen the effect already, and more: even if the answer is no news, the machine must
    /// be stepped, or nothing would require the effect again.
    pub fn answered(self: &Arc<Self>, key: &E::Key) -> bool {
        self.change(key, |slot, now| (slot.answer(now), None))
    }

    /// Forgets an effect that is no longer required.
    pub fn withdraw(self: &Arc<Self>, key: &E::Key) {
        self.change(key, |slot, _| (slot.withdraw(), None));
    }

    /// Lets an effect run again although it was done: whether it took hold is in doubt.
    pub fn invalidate(self: &Arc<Self>, key: &E::Key) {
        self.change(key, |slot, _| (slot.invalidate(), None));
    }

    /// How many effects run or wait for their turn.
    pub fn len(&self) -> usize {
        let state = self.lock();
        state.turns.len() + state.running
    }

    /// Says how many run and wait, and for how long.
    pub fn measure(&self, name: &str, scrape: &mut Scrape) {
        let state = self.lock();
        for priority in Priority::ALL {
            let (number, since) = state.turns.waiting(priority);
            let lasted = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
            let labels = [name, priority.name()];
            scrape.count(&table::EFFECTS_WAITING, &labels, number);
            scrape.put(&table::EFFECTS_OLDEST, &labels, lasted);
        }
        let is_backing_off = |slot: &&Slot<E>| matches!(slot, Slot::BackingOff { .. });
        let backing_off = state.slots.values().filter(is_backing_off).count();
        scrape.count(&table::EFFECTS_RUNNING, &[name], state.running);
        scrape.count(&table::EFFECTS_BACKING_OFF, &[name], backing_off);
    }

    /// Whether none runs or waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of this tenant's effects waits for its turn.
    pub fn is_behind(&self, tenant: &str) -> bool {
        self.lock().turns.has_tenant(tenant)
    }

    /// Runs effects until it should stop; those in progress finish first.
    pub async fn run<F, R>(self: Arc<Self>, execute: F, shutdown: CancellationToken)
    where
        F: Fn(E) -> R,
        R: Future<Output = Outcome> + Send + 'static,
    {
        let mut running: JoinSet<Outcome> = JoinSet::new();
        let mut begun: HashMap<task::Id, (String, E::Key)> = HashMap::new();
        loop {
            // Interest is registered before looking, so that nothing slips in between.
            let changed = self.changed.notified();
            while running.len() < self.pool.size
                && let Some((tenant, effect)) = self.next()
            {
                let key = effect.key();
                // A panic in one run fails only that run and stops no other.
                let outcome = AssertUnwindSafe(execute(effect)).catch_unwind();
                let run = running.spawn(async move { outcome.await.unwrap_or(Outcome::Failed) });
                begun.insert(run.id(), (tenant, key));
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = changed => {}
                Some(finished) = running.join_next_with_id() => self.settle(finished, &mut begun),
            }
        }
        while let Some(finished) = running.join_next_with_id().await {
            self.settle(finished, &mut begun);
        }
    }

    fn settle(
        self: &Arc<Self>,
        finished: Result<(task::Id, Outcome), JoinError>,
        begun: &mut HashMap<task::Id, (String, E::Key)>,
    ) {
        let (id, outcome) = finished.unwrap_or_else(|error| {
            tracing::error!(%error, "a run was cancelled");
            (error.id(), Outcome::Failed)
        });
        let Some((tenant, key)) = begun.remove(&id) else { return };
        self.change(&key, |slot, now| ((), slot.finish(outcome, now)));
        self.lock().ended(&tenant);
    }

    fn next(&self) -> Option<(String, E)> {
        let per_tenant = self.pool.per_tenant;
        let mut state = self.lock();
        let State { slots, turns, running, running_of } = &mut *state;
        let has_share =
            |tenant: &str| running_of.get(tenant).is_none_or(|number| *number < per_tenant);
        while let Some((tenant, key)) = turns.take(has_share) {
            if let Some(effect) = slots.get_mut(&key).and_then(Slot::start) {
                *running += 1;
                *running_of.entry(tenant.clone()).or_default() += 1;
                return Some((tenant, effect));
            }
        }
        None
    }

    /// Changes the slot of a key, and does what it says.
    fn change<T>(
        self: &Arc<Self>,
        key: &E::Key,
        change: impl FnOnce(&mut Slot<E>, Instant) -> (T, Option<Action>),
    ) -> T {
        let now = Instant::now();
        let mut state = self.lock();
        let State { slots, turns, .. } = &mut *state;
        let mut slot = slots.remove(key).unwrap_or_default();
        let (result, action) = change(&mut slot, now);
        match (action, &slot) {
            (Some(Action::Queue), Slot::Queued { work, .. }) => {
                turns.queue(&work.tenant, key.clone(), work.effect.priority(), now);
                self.changed.notify_one();
            }
            (Some(Action::WakeAt(moment)), _) => self.wake_at(key.clone(), moment),
            (_, Slot::Queued { .. }) => {}
            _ => turns.remove(key),
        }
        if !matches!(slot, Slot::Idle) {
            slots.insert(key.clone(), slot);
        }
        result
    }

    fn wake_at(self: &Arc<Self>, key: E::Key, moment: Instant) {
        let queue = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep_until(moment).await;
            queue.change(&key, |slot, now| ((), slot.wake(now)));
        });
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // The only foreign code that runs under the lock compares and clones effects.
        self.state.lock()
    }
}

impl<E: QueuedEffect> State<E> {
    fn ended(&mut self, tenant: &str) {
        self.running -= 1;
        if let Some(number) = self.running_of.get_mut(tenant) {
            *number -= 1;
            if *number == 0 {
                self.running_of.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests;
