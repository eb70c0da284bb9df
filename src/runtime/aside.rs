//! Machines that fail every batch they are in. Each waits for its own time to be tried again,
//! alone; what is observed of it in the meantime waits with it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::inbox::Coalesce;

/// Pause after a machine's first failure alone. It may have been chance: another process may have
/// written a row in between.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause, reached by doubling. Such a machine is mostly fixed by a new version or a change
/// in the database, and neither is observed.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Shortest pause for a machine when a new observation may fix it: endless edits of an object have
/// it tried at most this often.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// See the module. It holds at most one entry per machine and needs no other bound.
#[derive(Debug)]
pub struct Aside<K, O> {
    machines: HashMap<K, Waiting<O>>,
    /// The times at which they are due, each with a number that makes it unique.
    due: BTreeMap<Due, K>,
    numbers: u64,
}

type Due = (Instant, u64);

#[derive(Debug)]
struct Waiting<O> {
    machine: Failing<O>,
    tried: Instant,
    due: Due,
}

/// A machine that has failed alone.
#[derive(Debug)]
pub struct Failing<O> {
    /// Whose turn it takes.
    pub tenant: String,
    /// What was observed of it.
    pub observation: O,
    /// How often in a row it has failed alone.
    pub failures: u32,
}

impl<K, O> Default for Aside<K, O> {
    fn default() -> Self {
        Self { machines: HashMap::new(), due: BTreeMap::new(), numbers: 0 }
    }
}

impl<K: Clone + Eq + Hash, O: Coalesce> Aside<K, O> {
    /// How many machines wait.
    pub fn count(&self) -> usize {
        self.machines.len()
    }

    /// Sets aside a machine that has just failed; returns for how long.
    pub fn add(&mut self, key: K, machine: Failing<O>, now: Instant) -> Duration {
        let doublings = machine.failures.saturating_sub(1).min(16);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        self.insert(key, machine, now, now + pause);
        pause
    }

    /// Puts back a machine for which it is unknown whether it would have failed.
    pub fn put_back(&mut self, key: K, machine: Failing<O>, now: Instant) {
        self.insert(key, machine, now, now);
    }

    /// Holds back from a batch what was observed of machines that are set aside.
    pub fn sift(&mut self, taken: Vec<(String, K, O)>) -> Vec<(String, K, O)> {
        if self.machines.is_empty() {
            return taken;
        }
        taken.into_iter().filter_map(|(tenant, key, new)| self.absorb(tenant, key, new)).collect()
    }

    /// The machine that is due, if there is one.
    pub fn take_due(&mut self, now: Instant) -> Option<(K, Failing<O>)> {
        let first = self.due.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let key = first.remove();
        let waiting = self.machines.remove(&key)?;
        Some((key, waiting.machine))
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((moment, _), _)| *moment)
    }

    fn absorb(&mut self, tenant: String, key: K, new: O) -> Option<(String, K, O)> {
        let Some(waiting) = self.machines.get_mut(&key) else { return Some((tenant, key, new)) };
        let early = waiting.tried + SHORTEST_PAUSE;
        if new.may_mend() && early < waiting.due.0 {
            self.due.remove(&waiting.due);
            waiting.due.0 = early;
            self.due.insert(waiting.due, key);
        }
        waiting.machine.observation.absorb(new);
        None
    }

    fn insert(&mut self, key: K, machine: Failing<O>, tried: Instant, moment: Instant) {
        self.numbers += 1;
        let due = (moment, self.numbers);
        self.due.insert(due, key.clone());
        self.machines.insert(key, Waiting { machine, tried, due });
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

        fn may_mend(&self) -> bool {
            self.0.contains(&100)
        }
    }

    fn failing(failures: u32) -> Failing<Notes> {
        Failing { tenant: "t".to_owned(), observation: Notes(vec![1]), failures }
    }

    fn sifted(aside: &mut Aside<&'static str, Notes>, key: &'static str, note: u32) -> usize {
        aside.sift(vec![("t".to_owned(), key, Notes(vec![note]))]).len()
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_bound() {
        let now = Instant::now();
        let pauses: Vec<u64> = (1..=12)
            .map(|failures| Aside::default().add("a", failing(failures), now).as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(Aside::default().add("a", failing(u32::MAX), now), LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn observations_wait_with_their_machine() {
        let now = Instant::now();
        let mut aside = Aside::default();
        let pause = aside.add("a", failing(5), now);
        assert_eq!(sifted(&mut aside, "a", 2), 0);
        assert_eq!(sifted(&mut aside, "b", 2), 1, "another machine is not concerned");
        assert_eq!(aside.next_due(), Some(now + pause));
        assert!(aside.take_due(now + pause - Duration::from_millis(1)).is_none());
        let (key, machine) = aside.take_due(now + pause).unwrap();
        assert_eq!((key, machine.failures), ("a", 5));
        assert_eq!(machine.observation, Notes(vec![1, 2]));
        assert_eq!((aside.count(), aside.next_due()), (0, None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_observation_that_may_fix_a_machine_ends_its_pause() {
        let now = Instant::now();
        let mut aside = Aside::default();
        aside.add("a", failing(10), now);
        aside.add("b", failing(3), now);
        assert_eq!(sifted(&mut aside, "a", 100), 0);
        assert_eq!(aside.next_due(), Some(now + SHORTEST_PAUSE));
        assert_eq!(aside.take_due(now + SHORTEST_PAUSE).unwrap().0, "a");
        assert_eq!(aside.count(), 1);
    }
}
