//! Observations that wait for their machine.
//!
//! An inbox is keyed by machine: a newer observation joins the waiting ones of its machine, so it
//! holds at most one entry per machine and needs no other bound. Tenants take turns: one with ten
//! thousand waiting machines delays another's single one by one turn.

use std::collections::hash_map;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics::{Scrape, table};

/// Observations of one machine that wait together.
pub trait Coalesce {
    /// Merges in what was observed later.
    fn absorb(&mut self, newer: Self);

    /// Whether it may let a failed machine succeed, so that it is tried again before its pause is
    /// over.
    fn may_mend(&self) -> bool {
        false
    }
}

/// See the module.
#[derive(Debug)]
pub struct Inbox<K, O> {
    waiting: Mutex<Waiting<K, O>>,
    arrived: Notify,
}

#[derive(Debug)]
struct Waiting<K, O> {
    entries: HashMap<K, Entry<O>>,
    /// Since when those have waited that were taken last: they may be put back.
    taken: HashMap<K, Instant>,
    /// The keys of each tenant that has any, first come first served.
    queues: HashMap<String, VecDeque<K>>,
    /// The tenants that have any, in the order of their turns.
    turns: VecDeque<String>,
}

#[derive(Debug)]
struct Entry<O> {
    observation: O,
    since: Instant,
}

impl<K, O> Default for Inbox<K, O> {
    fn default() -> Self {
        let waiting = Waiting {
            entries: HashMap::new(),
            taken: HashMap::new(),
            queues: HashMap::new(),
            turns: VecDeque::new(),
        };
        Self { waiting: Mutex::new(waiting), arrived: Notify::new() }
    }
}

impl<K: Clone + Eq + Hash, O: Coalesce> Inbox<K, O> {
    /// Adds an observation.
    pub fn offer(&self, tenant: &str, key: K, observation: O) {
        let mut waiting = self.lock();
        match waiting.entries.entry(key.clone()) {
            hash_map::Entry::Occupied(mut entry) => entry.get_mut().observation.absorb(observation),
            hash_map::Entry::Vacant(entry) => {
                entry.insert(Entry { observation, since: Instant::now() });
                waiting.queue(tenant, key);
            }
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Puts back what was taken but could not be processed; what came since is newer.
    pub fn restore(&self, tenant: &str, key: K, mut observation: O) {
        let mut waiting = self.lock();
        let since = waiting.taken.remove(&key).unwrap_or_else(Instant::now);
        match waiting.entries.entry(key.clone()) {
            hash_map::Entry::Occupied(mut entry) => {
                let newer = entry.get_mut();
                newer.since = since;
                std::mem::swap(&mut newer.observation, &mut observation);
                newer.observation.absorb(observation);
            }
            hash_map::Entry::Vacant(entry) => {
                entry.insert(Entry { observation, since });
                waiting.queue(tenant, key);
            }
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Takes the observations of at most `limit` machines, one of each tenant in turn.
    pub fn take(&self, limit: usize) -> Vec<(String, K, O)> {
        let mut waiting = self.lock();
        let mut taken = Vec::new();
        waiting.taken.clear();
        while taken.len() < limit {
            let Some(tenant) = waiting.turns.pop_front() else { break };
            let Some(queue) = waiting.queues.get_mut(&tenant) else { continue };
            let key = queue.pop_front();
            if queue.is_empty() {
                waiting.queues.remove(&tenant);
            } else {
                waiting.turns.push_back(tenant.clone());
            }
            let Some(key) = key else { continue };
            if let Some(Entry { observation, since }) = waiting.entries.remove(&key) {
                waiting.taken.insert(key.clone(), since);
                taken.push((tenant, key, observation));
            }
        }
        taken
    }

    /// Takes the observations of one machine, out of turn.
    pub fn take_one(&self, key: &K) -> Option<O> {
        // The key stays in its queue, as below.
        self.lock().entries.remove(key).map(|entry| entry.observation)
    }

    /// Drops what waits for a machine.
    pub fn remove(&self, key: &K) {
        // The key stays in its queue; taking it finds nothing and goes on.
        self.lock().entries.remove(key);
    }

    /// Since when what was taken last of a machine had waited.
    pub fn waited_since(&self, key: &K) -> Option<Instant> {
        self.lock().taken.get(key).copied()
    }

    /// Whether something waits for a machine of this tenant; also if it has been dropped by now.
    pub fn has_tenant(&self, tenant: &str) -> bool {
        self.lock().queues.contains_key(tenant)
    }

    /// Whether something waits for a machine.
    pub fn contains(&self, key: &K) -> bool {
        self.lock().entries.contains_key(key)
    }

    /// Whether a tenant in line satisfies this.
    pub fn any_tenant(&self, is_so: impl FnMut(&str) -> bool) -> bool {
        self.lock().turns.iter().map(String::as_str).any(is_so)
    }

    /// Waits until there is something.
    pub async fn ready(&self) {
        loop {
            // Interest is registered before looking, so that nothing slips in between.
            let arrived = self.arrived.notified();
            if !self.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// How many machines have observations waiting.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says how many wait, and for how long.
    pub fn measure(&self, name: &str, scrape: &mut Scrape) {
        let waiting = self.lock();
        let oldest = waiting.entries.values().map(|entry| entry.since.elapsed()).max();
        scrape.count(&table::INBOX_LENGTH, &[name], waiting.entries.len());
        scrape.put(&table::INBOX_OLDEST, &[name], oldest.unwrap_or_default().as_secs_f64());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<K, O>> {
        self.waiting.lock()
    }
}

impl<K: Clone, O> Waiting<K, O> {
    fn queue(&mut self, tenant: &str, key: K) {
        match self.queues.get_mut(tenant) {
            Some(queue) => queue.push_back(key),
            None => {
                self.queues.insert(tenant.to_owned(), VecDeque::from([key]));
                self.turns.push_back(tenant.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Notes(Vec<u32>);

    impl Coalesce for Notes {
        fn absorb(&mut self, newer: Self) {
            self.0.extend(newer.0);
        }
    }

    fn keys(taken: &[(String, &'static str, Notes)]) -> Vec<&'static str> {
        taken.iter().map(|(_, key, _)| *key).collect()
    }

    #[test]
    fn a_newer_observation_joins_the_waiting_one() {
        let inbox = Inbox::default();
        inbox.offer("t", "machine", Notes(vec![1]));
        inbox.offer("t", "machine", Notes(vec![2]));
        assert_eq!(inbox.len(), 1);
        assert_eq!(inbox.take(10), [("t".to_owned(), "machine", Notes(vec![1, 2]))]);
        assert!(inbox.is_empty());
    }

    #[test]
    fn observations_put_back_are_older_than_those_that_came_since() {
        let inbox = Inbox::default();
        inbox.offer("t", "machine", Notes(vec![1]));
        let taken = inbox.take(1);
        inbox.offer("t", "machine", Notes(vec![2]));
        for (tenant, key, notes) in taken {
            inbox.restore(&tenant, key, notes);
        }
        assert_eq!(inbox.take(1), [("t".to_owned(), "machine", Notes(vec![1, 2]))]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_put_back_has_waited_since_it_came() {
        let inbox = Inbox::default();
        inbox.offer("t", "machine", Notes(vec![1]));
        for _ in 0..3 {
            for (tenant, key, notes) in inbox.take(1) {
                tokio::time::advance(std::time::Duration::from_secs(10)).await;
                inbox.restore(&tenant, key, notes);
            }
        }
        let mut scrape = Scrape::default();
        inbox.measure("agent", &mut scrape);
        let text = scrape.text();
        assert!(text.contains("gitops_inbox_oldest_seconds{inbox=\"agent\"} 30\n"), "{text}");
        assert!(text.contains("gitops_inbox_length{inbox=\"agent\"} 1\n"), "{text}");
    }

    #[test]
    fn a_hot_tenant_delays_another_by_one_turn_only() {
        let names: Vec<&'static str> = (0..2_000)
            .map(|number| &*Box::leak(format!("hot-{number}").into_boxed_str()))
            .collect();
        let inbox = Inbox::default();
        for name in &names {
            inbox.offer("hot", *name, Notes(vec![]));
        }
        inbox.offer("calm", "calm", Notes(vec![]));
        assert_eq!(keys(&inbox.take(3)), ["hot-0", "calm", "hot-1"]);
        assert_eq!(keys(&inbox.take(2)), ["hot-2", "hot-3"]);
    }

    #[test]
    fn one_machine_can_be_taken_out_of_turn() {
        let inbox = Inbox::default();
        inbox.offer("t", "first", Notes(vec![1]));
        inbox.offer("t", "second", Notes(vec![2]));
        assert_eq!(inbox.take_one(&"second"), Some(Notes(vec![2])));
        assert_eq!(inbox.take_one(&"second"), None);
        assert_eq!(keys(&inbox.take(10)), ["first"]);
    }

    #[tokio::test]
    async fn a_waiter_wakes_when_something_arrives() {
        let inbox = std::sync::Arc::new(Inbox::default());
        let waiter = tokio::spawn({
            let inbox = inbox.clone();
            async move { inbox.ready().await }
        });
        tokio::task::yield_now().await;
        inbox.offer("t", "machine", Notes(vec![1]));
        waiter.await.unwrap();
    }
}
