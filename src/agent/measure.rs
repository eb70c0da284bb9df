//! What the agent says of itself when somebody asks.

use crate::agent::Agent;
use crate::metrics::{Scrape, table};

impl Agent {
    /// Says how the agent is doing, by what is in memory.
    pub fn measure(&self, scrape: &mut Scrape) {
        self.watches().into_iter().for_each(|watch| watch.measure(scrape));
        self.commits.measure(scrape);
        self.reports.measure(scrape);
        self.inbox.measure("agent", scrape);
        self.effects.measure("agent", scrape);
        self.open().measure(scrape);
        if let Some(interval) = self.settings.rescan {
            let age = self.rescanned.lock().elapsed();
            scrape.put(&table::RESCAN_AGE, &[], age.as_secs_f64());
            scrape.put(&table::RESCAN_INTERVAL, &[], interval.as_secs_f64());
        }
    }
}
