//! How long users wait: from the change of an object until its Application is written, and from a
//! report until it is in a status. What is remembered ends with the wait, and with the process: what
//! another process began is not measured.

use std::collections::HashMap;

use machines::identity::DeploymentUid;
use machines::kinds::deployment::Deployment;
use machines::kinds::deployment::lifecycle::Lifecycle;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::metrics::Metrics;

/// What a deployment's steps mean for a change of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether a new generation was taken in.
    pub begins: bool,
    /// How far the newest is.
    pub progress: Progress,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its Application is yet to be written.
    UnderWay,
    /// Its Application is written.
    Written,
    /// There is nothing to write: it is rejected, waits for a user, or leaves.
    Over,
}

impl Change {
    /// Of a deployment before and after its steps.
    pub fn of(before: &Deployment, after: &Deployment) -> Self {
        let begins = after.record.generation != before.record.generation;
        let progress = match after.lifecycle {
            Lifecycle::Unseen {}
            | Lifecycle::AwaitingTenant { .. }
            | Lifecycle::AwaitingEngine { .. }
            | Lifecycle::AwaitingPredecessor { .. }
            | Lifecycle::Dispatching { .. }
            | Lifecycle::BackingOff { .. } => Progress::UnderWay,
            Lifecycle::Settled {} => Progress::Written,
            Lifecycle::Rejected { .. }
            | Lifecycle::Frozen {}
            | Lifecycle::AwaitingEnvironment { .. }
            | Lifecycle::AwaitingDestination { .. }
            | Lifecycle::Removing { .. }
            | Lifecycle::RemovalBackingOff { .. }
            | Lifecycle::RemovalFrozen {}
            | Lifecycle::Finalizing { .. }
            | Lifecycle::Gone {} => Progress::Over,
        };
        Self { begins, progress }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Latencies {
    /// When the oldest change of each deployment was seen that is under way.
    changes: Mutex<HashMap<DeploymentUid, Instant>>,
    /// Since when the report of each deployment is in the database that is not in its status.
    reports: Mutex<HashMap<DeploymentUid, Instant>>,
}

impl Latencies {
    /// A deployment was stepped because of what was first seen then.
    pub fn changed(&self, uid: &DeploymentUid, change: Change, seen: Instant, metrics: &Metrics) {
        let mut changes = self.changes.lock();
        match change.progress {
            Progress::UnderWay if change.begins => {
                changes.entry(uid.clone()).or_insert(seen);
            }
            Progress::UnderWay => {}
            // A new generation that asks for the same was never under way.
            Progress::Written => {
                if let Some(seen) = changes.remove(uid) {
                    metrics.change_seconds.observe(&[], seen.elapsed());
                }
            }
            Progress::Over => {
                changes.remove(uid);
            }
        }
    }

    /// A report on a deployment's Application is in the database.
    pub fn report_recorded(&self, uid: &DeploymentUid) {
        self.reports.lock().entry(uid.clone()).or_insert_with(Instant::now);
    }

    /// What was taken then asks for no status.
    pub fn nothing_to_publish(&self, uid: &DeploymentUid, taken_at: Instant) {
        let mut reports = self.reports.lock();
        if reports.get(uid).is_some_and(|since| *since <= taken_at) {
            reports.remove(uid);
        }
    }

    /// A status is written that was decided before that.
    pub fn published(&self, uid: &DeploymentUid, begun: Instant, metrics: &Metrics) {
        let mut reports = self.reports.lock();
        if let Some(since) = reports.get(uid).copied().filter(|since| *since <= begun) {
            reports.remove(uid);
            metrics.report_seconds.observe(&["published"], since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const UNDER_WAY: Change = Change { begins: true, progress: Progress::UnderWay };

    fn observed(metrics: &Metrics, series: &str) -> String {
        let text = metrics.scrape().text();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.unwrap_or_default().trim().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_lasts_from_its_first_sight_until_the_application_is_written() {
        let (latencies, metrics) = (Latencies::default(), Metrics::default());
        let uid = DeploymentUid::new("uid");
        let seen = Instant::now();
        latencies.changed(&uid, UNDER_WAY, seen, &metrics);
        tokio::time::advance(Duration::from_secs(3)).await;
        latencies.changed(&uid, UNDER_WAY, Instant::now(), &metrics);
        tokio::time::advance(Duration::from_secs(1)).await;
        let written = Change { begins: false, progress: Progress::Written };
        for _ in 0..2 {
            latencies.changed(&uid, written, Instant::now(), &metrics);
        }
        assert_eq!(observed(&metrics, "gitops_change_to_application_seconds_sum"), "4.0");
        assert_eq!(observed(&metrics, "gitops_change_to_application_seconds_count"), "1");
        latencies.changed(&uid, UNDER_WAY, seen, &metrics);
        latencies.changed(&uid, Change { progress: Progress::Over, ..written }, seen, &metrics);
        latencies.changed(&uid, written, seen, &metrics);
        assert_eq!(observed(&metrics, "gitops_change_to_application_seconds_count"), "1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_counts_once_if_it_leads_to_a_status() {
        let (latencies, metrics) = (Latencies::default(), Metrics::default());
        let uid = DeploymentUid::new("uid");
        let count = "gitops_report_to_status_seconds_count{stage=\"published\"}";
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        latencies.report_recorded(&uid);
        latencies.published(&uid, before, &metrics);
        latencies.nothing_to_publish(&uid, before);
        assert_eq!(observed(&metrics, count), "0", "both were decided before the report");
        latencies.published(&uid, Instant::now(), &metrics);
        latencies.published(&uid, Instant::now(), &metrics);
        assert_eq!(observed(&metrics, count), "1");
        latencies.report_recorded(&uid);
        latencies.nothing_to_publish(&uid, Instant::now());
        latencies.published(&uid, Instant::now(), &metrics);
        assert_eq!(observed(&metrics, count), "1");
    }
}
