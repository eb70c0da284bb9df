//! What was noted lately: a map with a bound on its size and on the age of what it holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// A full map looks for what is too old no more often than this: it looks at everything.
const PURGE_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (V, Instant)>,
    limit: usize,
    age: Duration,
    purged: Option<Instant>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Holds at most so much, for so long.
    pub(super) fn new(limit: usize, age: Duration) -> Self {
        Self { entries: HashMap::new(), limit, age, purged: None }
    }

    /// Notes something in the place of what was noted before; not if there is no room.
    pub(super) fn note(&mut self, key: K, value: V, now: Instant) {
        if self.entries.len() >= self.limit && !self.entries.contains_key(&key) {
            if self.purged.is_some_and(|purged| now < purged + PURGE_INTERVAL) {
                return;
            }
            self.purged = Some(now);
            let age = self.age;
            self.entries.retain(|_, (_, noted)| now < *noted + age);
            if self.entries.len() >= self.limit {
                return;
            }
        }
        self.entries.insert(key, (value, now));
    }

    /// What was noted, unless that is too long ago.
    pub(super) fn get(&self, key: &K, now: Instant) -> Option<&V> {
        let (value, noted) = self.entries.get(key)?;
        (now < *noted + self.age).then_some(value)
    }

    /// Forgets something; returns it.
    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_age_nor_size_is_without_bound() {
        let now = Instant::now();
        let age = Duration::from_secs(60);
        let mut recent = Recent::new(2, age);
        recent.note("one", 1, now);
        recent.note("two", 2, now);
        recent.note("three", 3, now);
        assert_eq!((recent.get(&"two", now), recent.get(&"three", now)), (Some(&2), None));
        recent.note("two", 22, now + age / 2);
        assert_eq!(recent.get(&"two", now + age / 2), Some(&22));
        assert_eq!(recent.get(&"one", now + age), None);
        recent.note("three", 3, now + age);
        assert_eq!(recent.get(&"three", now + age), Some(&3));
        assert_eq!(recent.get(&"two", now + age), Some(&22));
        assert_eq!((recent.take(&"two"), recent.take(&"one")), (Some(22), None));
    }
}
