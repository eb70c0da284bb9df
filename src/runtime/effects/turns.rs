//! Whose turn it is.
//!
//! Tenants take turns, so that one with ten thousand effects delays another's by one turn. Every
//! other turn goes to a tenant whose user waits for something; the rest go to all tenants, so that
//! what another tenant's users wait for never delays a status or a removal for long. Within a
//! tenant the order is that of [`patience`]: what has waited long enough goes before a newcomer,
//! whatever its priority.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::effects::Priority;

/// How much later than an effect of high priority another one of the same tenant runs, if both came
/// at the same time. Longer than a burst of a thousand creates takes, so the burst comes first.
fn patience(priority: Priority) -> Duration {
    match priority {
        Priority::High => Duration::ZERO,
        Priority::Normal => Duration::from_secs(10),
        Priority::Low => Duration::from_secs(30),
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Turns<K> {
    lines: HashMap<String, Line<K>>,
    places: HashMap<K, Place>,
    /// Tenants with something of high priority, in the order of their turns; and, like the next,
    /// tenants that no longer have any.
    urgent: VecDeque<String>,
    /// Tenants with anything.
    all: VecDeque<String>,
    /// Whether the next turn is an urgent one.
    urgent_is_next: bool,
    /// The next effect's number.
    number: u64,
}

/// When an effect is due, and its number.
type Due = (Instant, u64);

/// One tenant's waiting effects.
#[derive(Debug)]
struct Line<K> {
    by_due: BTreeMap<Due, K>,
    /// How many of them have high priority.
    urgent: usize,
    /// Whether the tenant is in [`Turns::all`].
    has_turn: bool,
    /// Whether it is in [`Turns::urgent`].
    has_urgent_turn: bool,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self { by_due: BTreeMap::new(), urgent: 0, has_turn: false, has_urgent_turn: false }
    }
}

/// Where an effect waits.
#[derive(Debug, PartialEq)]
struct Place {
    tenant: String,
    due: Due,
    priority: Priority,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self {
            lines: HashMap::new(),
            places: HashMap::new(),
            urgent: VecDeque::new(),
            all: VecDeque::new(),
            urgent_is_next: true,
            number: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// Queues a key. One that already waits keeps its place, unless its priority has changed.
    pub(super) fn queue(&mut self, tenant: &str, key: K, priority: Priority, now: Instant) {
        if let Some(place) = self.places.get(&key) {
            if place.priority == priority && place.tenant == tenant {
                return;
            }
            self.remove(&key);
        }
        let due = (now + patience(priority), self.number);
        self.number += 1;
        let line = self.lines.entry(tenant.to_owned()).or_default();
        line.by_due.insert(due, key.clone());
        if !std::mem::replace(&mut line.has_turn, true) {
            self.all.push_back(tenant.to_owned());
        }
        if priority == Priority::High {
            line.urgent += 1;
            if !std::mem::replace(&mut line.has_urgent_turn, true) {
                self.urgent.push_back(tenant.to_owned());
            }
        }
        self.places.insert(key, Place { tenant: tenant.to_owned(), due, priority });
    }

    /// Takes the key whose turn it is, with its tenant. A tenant that, by `may_run`, already has
    /// its share of what runs keeps its turn for later.
    pub(super) fn take(&mut self, may_run: impl Fn(&str) -> bool) -> Option<(String, K)> {
        let urgent = self.urgent_is_next;
        self.urgent_is_next = !urgent;
        let first = if urgent { self.take_urgent(&may_run) } else { None };
        first.or_else(|| self.take_any(&may_run))
    }

    fn take_urgent(&mut self, may_run: &impl Fn(&str) -> bool) -> Option<(String, K)> {
        for _ in 0..self.urgent.len() {
            let tenant = self.urgent.pop_front()?;
            let Some(line) = self.lines.get_mut(&tenant) else { continue };
            if line.urgent == 0 {
                line.has_urgent_turn = false;
                self.forget_if_idle(&tenant);
                continue;
            }
            self.urgent.push_back(tenant.clone());
            if may_run(&tenant) {
                return self.take_of(tenant);
            }
        }
        None
    }

    fn take_any(&mut self, may_run: &impl Fn(&str) -> bool) -> Option<(String, K)> {
        for _ in 0..self.all.len() {
            let tenant = self.all.pop_front()?;
            let Some(line) = self.lines.get_mut(&tenant) else { continue };
            if line.by_due.is_empty() {
                line.has_turn = false;
                self.forget_if_idle(&tenant);
                continue;
            }
            self.all.push_back(tenant.clone());
            if may_run(&tenant) {
                return self.take_of(tenant);
            }
        }
        None
    }

    /// Forgets a tenant that is in neither order of turns.
    fn forget_if_idle(&mut self, tenant: &str) {
        if self.lines.get(tenant).is_some_and(|line| !line.has_turn && !line.has_urgent_turn) {
            self.lines.remove(tenant);
        }
    }

    fn take_of(&mut self, tenant: String) -> Option<(String, K)> {
        let line = self.lines.get_mut(&tenant)?;
        let (_, key) = line.by_due.pop_first()?;
        let place = self.places.remove(&key)?;
        if place.priority == Priority::High {
            line.urgent -= 1;
        }
        Some((tenant, key))
    }

    /// Takes a key out of its line.
    pub(super) fn remove(&mut self, key: &K) {
        let Some(place) = self.places.remove(key) else { return };
        let Some(line) = self.lines.get_mut(&place.tenant) else { return };
        line.by_due.remove(&place.due);
        if place.priority == Priority::High {
            line.urgent -= 1;
        }
    }

    /// How many of a priority wait, and since when the first of them has.
    pub(super) fn waiting(&self, priority: Priority) -> (usize, Option<Instant>) {
        let patience = patience(priority);
        let places = self.places.values().filter(|place| place.priority == priority);
        let since = places.clone().map(|place| place.due.0 - patience).min();
        (places.count(), since)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether something of this tenant waits.
    pub(super) fn has_tenant(&self, tenant: &str) -> bool {
        self.lines.get(tenant).is_some_and(|line| !line.by_due.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn queue(turns: &mut Turns<String>, tenant: &str, name: &str, priority: Priority, at: Instant) {
        turns.queue(tenant, format!("{tenant}/{name}"), priority, at);
    }

    fn take<K: Clone + Eq + Hash>(turns: &mut Turns<K>) -> Option<K> {
        turns.take(|_| true).map(|(_, key)| key)
    }

    fn all(turns: &mut Turns<String>) -> Vec<String> {
        std::iter::from_fn(|| take(turns)).collect()
    }

    #[test]
    fn a_tenant_that_has_its_share_keeps_its_turn() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        for name in ["one", "two"] {
            queue(&mut turns, "a", name, Priority::High, now);
        }
        queue(&mut turns, "b", "one", Priority::Low, now);
        let next = turns.take(|tenant| tenant != "a");
        assert_eq!(next, Some(("b".to_owned(), "b/one".to_owned())));
        assert_eq!(turns.take(|tenant| tenant != "a"), None);
        assert_eq!(all(&mut turns), ["a/one", "a/two"]);
    }

    #[test]
    fn what_users_wait_for_goes_first_within_a_tenant() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        queue(&mut turns, "t", "collect", Priority::Low, now);
        queue(&mut turns, "t", "status", Priority::Normal, now);
        queue(&mut turns, "t", "operation", Priority::High, now);
        assert_eq!(all(&mut turns), ["t/operation", "t/status", "t/collect"]);
    }

    #[test]
    fn effects_that_have_waited_long_go_before_newcomers() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        let later = now + patience(Priority::Normal) + Duration::from_millis(1);
        queue(&mut turns, "t", "status", Priority::Normal, now);
        queue(&mut turns, "t", "operation", Priority::High, later);
        assert_eq!(all(&mut turns), ["t/status", "t/operation"]);
    }

    #[test]
    fn ten_thousand_creates_of_one_tenant_delay_neither_anothers_create_nor_its_status() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        for number in 0..10_000 {
            queue(&mut turns, "hot", &number.to_string(), Priority::High, now);
        }
        queue(&mut turns, "calm", "status", Priority::Low, now);
        queue(&mut turns, "other", "create", Priority::High, now);
        let first: Vec<String> = std::iter::from_fn(|| take(&mut turns)).take(6).collect();
        assert!(first.iter().any(|key| key == "calm/status"), "{first:?}");
        assert!(first.iter().any(|key| key == "other/create"), "{first:?}");
    }

    #[test]
    fn a_thousand_tenants_with_statuses_delay_no_create() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        for number in 0..1_000 {
            queue(&mut turns, &number.to_string(), "status", Priority::Normal, now);
        }
        queue(&mut turns, "t", "create", Priority::High, now);
        let first = [take(&mut turns).unwrap(), take(&mut turns).unwrap()];
        assert!(first.iter().any(|key| key == "t/create"), "{first:?}");
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Queue(u8, u8, Priority),
        Remove(u8, u8),
        Take,
    }

    fn deed() -> impl Strategy<Value = Deed> {
        let priority =
            prop_oneof![Just(Priority::High), Just(Priority::Normal), Just(Priority::Low)];
        prop_oneof![
            (0..3_u8, 0..4_u8, priority).prop_map(|(t, k, p)| Deed::Queue(t, k, p)),
            (0..3_u8, 0..4_u8).prop_map(|(t, k)| Deed::Remove(t, k)),
            Just(Deed::Take),
        ]
    }

    proptest! {
        /// What is taken is what was queued and not removed, each once; in the end nothing is
        /// remembered.
        #[test]
        fn nothing_is_lost_or_duplicated(deeds in prop::collection::vec(deed(), 0..60)) {
            let mut turns = Turns::default();
            let mut waiting = std::collections::BTreeSet::new();
            for deed in deeds {
                match deed {
                    Deed::Queue(tenant, key, priority) => {
                        turns.queue(&tenant.to_string(), (tenant, key), priority, Instant::now());
                        waiting.insert((tenant, key));
                    }
                    Deed::Remove(tenant, key) => {
                        turns.remove(&(tenant, key));
                        waiting.remove(&(tenant, key));
                    }
                    Deed::Take => {
                        let taken = take(&mut turns);
                        prop_assert_eq!(taken.is_none(), waiting.is_empty());
                        prop_assert!(taken.is_none_or(|key| waiting.remove(&key)));
                    }
                }
                prop_assert_eq!(turns.len(), waiting.len());
                for tenant in 0..3_u8 {
                    let waits = waiting.iter().any(|(of, _)| *of == tenant);
                    prop_assert_eq!(turns.has_tenant(&tenant.to_string()), waits);
                    let turns_of = |turns: &VecDeque<String>| {
                        turns.iter().filter(|of| **of == tenant.to_string()).count()
                    };
                    prop_assert!(turns_of(&turns.all) <= 1 && turns_of(&turns.urgent) <= 1);
                }
            }
            while take(&mut turns).is_some() {}
            // The turns end with the tenants that have nothing left.
            prop_assert_eq!(take(&mut turns), None);
            prop_assert_eq!(take(&mut turns), None);
            prop_assert!(turns.lines.is_empty() && turns.places.is_empty());
        }
    }
}
