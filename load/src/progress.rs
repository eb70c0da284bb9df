//! The progress of a run: a bar on a terminal, plain lines elsewhere.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::interval;

use crate::observer::Observer;

/// How often a bar is drawn.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
/// How often a line is written.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// See the module. Everything goes to standard error, so that standard output has the results.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
}

impl Progress {
    pub(crate) fn new(total: u32) -> Self {
        let total = u64::from(total);
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template("{elapsed:>4} [{bar:32}] {msg}");
            bar.set_style(
                style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "),
            );
            bar
        });
        Self { bar, total }
    }

    /// Says what is happening.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    /// Shows what the observer sees, for as long as it runs.
    pub(crate) async fn show(&self, observer: &Observer) -> Infallible {
        let mut ticks = interval(if self.bar.is_some() { BAR_INTERVAL } else { LINE_INTERVAL });
        // The first tick comes at once, when there is nothing to report.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.draw(observer);
        }
    }

    /// Shows what the observer sees now.
    pub(crate) fn draw(&self, observer: &Observer) {
        let (counts, environments, sync_runs) = {
            let ledger = observer.ledger();
            (ledger.counts(), ledger.environments.counts(), ledger.sync_runs.counts())
        };
        let text = if sync_runs.created > 0 {
            format!("{} sync runs created, {} ended", sync_runs.created, sync_runs.ended)
        } else if counts.created == 0 && environments.created > 0 {
            format!("{} environments created, {} ready", environments.created, environments.ready)
        } else {
            format!(
                "of {}: {} created, {} with an Application, {} ready",
                self.total, counts.created, counts.applications, counts.ready
            )
        };
        if let Some(bar) = &self.bar {
            bar.set_position(counts.ready as u64);
        }
        self.say(&text);
    }

    /// Takes the bar away, so that results can follow.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
