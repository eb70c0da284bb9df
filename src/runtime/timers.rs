//! The times at which machines asked to be woken: at most one per machine.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use machines::identity::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::runtime::clock::Clock;

/// The longest sleep: a jump of the system's clock is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub struct Timers<K> {
    clock: Clock,
    armed: Mutex<Armed<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct Armed<K> {
    by_key: HashMap<K, Timestamp>,
    by_moment: BTreeSet<(Timestamp, K)>,
}

impl<K: Clone + Eq + Hash + Ord> Timers<K> {
    /// No timers yet; this clock gives their times.
    pub fn new(clock: Clock) -> Self {
        let armed = Armed { by_key: HashMap::new(), by_moment: BTreeSet::new() };
        Self { clock, armed: Mutex::new(armed), changed: Notify::new() }
    }

    /// Sets, moves or removes the timer of a machine.
    pub fn set(&self, key: &K, moment: Option<Timestamp>) {
        let mut armed = self.lock();
        if armed.by_key.get(key).copied() == moment {
            return;
        }
        if let Some(before) = armed.by_key.remove(key) {
            armed.by_moment.remove(&(before, key.clone()));
        }
        let Some(moment) = moment else { return };
        armed.by_key.insert(key.clone(), moment);
        armed.by_moment.insert((moment, key.clone()));
        let first = armed.by_moment.first().is_some_and(|(first, _)| *first == moment);
        drop(armed);
        if first {
            self.changed.notify_one();
        }
    }

    /// Removes and returns the keys whose time has come.
    pub fn due(&self, now: Timestamp) -> Vec<K> {
        let mut armed = self.lock();
        let mut due = Vec::new();
        while armed.by_moment.first().is_some_and(|(moment, _)| *moment <= now) {
            if let Some((_, key)) = armed.by_moment.pop_first() {
                armed.by_key.remove(&key);
                due.push(key);
            }
        }
        due
    }

    /// Waits until a timer fires, and returns the keys.
    pub async fn next_due(&self) -> Vec<K> {
        loop {
            let changed = self.changed.notified();
            let now = self.clock.now();
            let due = self.due(now);
            if !due.is_empty() {
                return due;
            }
            let first = self.lock().by_moment.first().map(|(moment, _)| *moment);
            match first {
                None => changed.await,
                Some(moment) => {
                    let millis = moment.as_millis().saturating_sub(now.as_millis());
                    let pause = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
                    tokio::select! {
                        () = tokio::time::sleep(pause.min(LONGEST_SLEEP)) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Armed<K>> {
        self.armed.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_machine_has_one_timer_and_it_fires_once() {
        let timers = Timers::new(Clock::default());
        timers.set(&"a", Some(at(10)));
        timers.set(&"a", Some(at(30)));
        timers.set(&"b", Some(at(20)));
        timers.set(&"c", Some(at(5)));
        timers.set(&"c", None);
        assert_eq!(timers.due(at(15)), Vec::<&str>::new());
        assert_eq!(timers.due(at(40)), ["b", "a"]);
        assert_eq!(timers.due(at(40)), Vec::<&str>::new());
    }

    #[tokio::test]
    async fn an_earlier_timer_wakes_the_sleeper() {
        let timers = std::sync::Arc::new(Timers::new(Clock::default()));
        timers.set(&"late", Some(Clock::default().now().after(Duration::from_secs(3_600))));
        let sleeper = tokio::spawn({
            let timers = timers.clone();
            async move { timers.next_due().await }
        });
        tokio::task::yield_now().await;
        timers.set(&"soon", Some(at(0)));
        assert_eq!(sleeper.await.unwrap(), ["soon"]);
    }
}
