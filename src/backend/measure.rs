//! What the backend says of itself when somebody asks.

use std::collections::BTreeMap;

use machines::identity::Timestamp;
use machines::shared::standing::Standing;

use crate::backend::Backend;
use crate::backend::index::objects::AnyObjects;
use crate::metrics::Scrape;
use crate::metrics::table::{self, Metric, WAITING_REASONS};

impl Backend {
    /// Says how the backend is doing, by what is in memory.
    pub fn measure(&self, scrape: &mut Scrape) {
        self.watches.iter().for_each(|watch| watch.measure(scrape));
        self.commits.measure(scrape);
        self.inbox.measure("backend", scrape);
        self.effects.measure("backend", scrape);
        self.checks.measure(scrape);
        let now = self.settings.clock.now();
        let index = self.index();
        let objects = &index.objects;
        measure(&table::DEPLOYMENTS, &objects.deployments, scrape);
        measure(&table::CREDENTIALS, &objects.credentials, scrape);
        measure(&table::ENVIRONMENTS, &objects.environments, scrape);
        measure(&table::SYNC_RUNS, &objects.sync_runs, scrape);
        measure_waits(&objects.deployments, now, scrape);
    }
}

/// Counts the machines of a kind. A combination that no machine has is left out.
fn measure(metric: &Metric, objects: &dyn AnyObjects, scrape: &mut Scrape) {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    objects.each_standing(&mut |one: &Standing| {
        *counts.entry((one.readiness, one.reason)).or_default() += 1;
    });
    for ((readiness, reason), number) in counts {
        scrape.count(metric, &[readiness.name(), reason], number);
    }
}

/// Says for how long deployments have waited.
fn measure_waits(objects: &dyn AnyObjects, now: Timestamp, scrape: &mut Scrape) {
    let mut oldest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    objects.each_standing(&mut |one: &Standing| {
        let Some(since) = one.waits_since else { return };
        let known = oldest.entry(one.reason).or_insert(since);
        *known = since.min(*known);
    });
    for reason in WAITING_REASONS {
        let millis = oldest.get(reason).map_or(0, |since| now.as_millis() - since.as_millis());
        let seconds = std::time::Duration::from_millis(millis.try_into().unwrap_or_default());
        scrape.put(&table::DEPLOYMENTS_WAITING, &[reason], seconds.as_secs_f64());
    }
}
