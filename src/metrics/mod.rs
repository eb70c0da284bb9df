//! What is counted and measured. [`table`] defines every metric, and nothing else is exposed; what
//! changes is counted where it happens ([`Metrics`]), and how things are is looked up when somebody
//! asks ([`Scrape`]). At rest neither costs anything.

mod cells;
mod document;
mod outcomes;
mod scrape;
pub mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use schema::store::StoreError;

pub use cells::{Counters, Histograms, histogram};
pub use document::document;
pub use outcomes::{BatchOutcome, ServerOutcome};
pub use scrape::Scrape;

/// Which requests to the Kubernetes API are counted together. Both values come from fixed lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The verb as of Kubernetes' own authorisation: get, list, watch, create, update, patch,
    /// delete or deletecollection.
    pub verb: &'static str,
    /// The resource, with its subresource if any; `other` for one that the program does not use.
    pub resource: &'static str,
}

/// Requests to the Kubernetes API, by verb and resource. A request that the client repeats
/// because the server was busy counts once.
pub type ApiRequests = Family<RequestLabels, Counter<u64, AtomicU64>>;

/// What is counted where it happens; each is described in [`table`].
#[derive(Debug)]
pub struct Metrics {
    requests: ApiRequests,
    /// Requests that were refused: of [`table::FENCED`].
    refusals: Arc<AtomicU64>,
    /// Commits that were refused: of the same.
    fenced_commits: AtomicU64,
    /// [`table::STEPS`].
    pub steps: Counters,
    /// [`table::STATUS_WRITES`].
    pub status_writes: Counters,
    /// [`table::FAILED_WRITES`].
    pub failed_writes: Counters,
    /// [`table::OPERATIONS_FINISHED`].
    pub operations_finished: Counters,
    /// [`table::REPORTS`].
    pub reports: Counters,
    /// [`table::REPAIRS`].
    pub repairs: Counters,
    /// [`table::SIGNALS`].
    pub signals: Counters,
    /// [`table::MISSED_SIGNALS`].
    pub missed_signals: Counters,
    /// [`table::RESCANS`].
    pub rescans: Counters,
    /// [`table::RESCAN_SECONDS`].
    pub rescan_seconds: Histograms,
    /// [`table::SERVER_CHECKS`].
    pub server_checks: Counters,
    /// [`table::SERVER_CHECK_SECONDS`].
    pub server_check_seconds: Histograms,
    /// [`table::CHANGE`].
    pub change_seconds: Histograms,
    /// [`table::REPORT`].
    pub report_seconds: Histograms,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::counting(ApiRequests::default(), Arc::default())
    }
}

impl Metrics {
    /// Metrics of a process whose client counts its requests and refusals here.
    pub fn counting(requests: ApiRequests, refusals: Arc<AtomicU64>) -> Self {
        Self {
            requests,
            refusals,
            fenced_commits: AtomicU64::new(0),
            steps: Counters::new(&table::STEPS),
            status_writes: Counters::new(&table::STATUS_WRITES),
            failed_writes: Counters::new(&table::FAILED_WRITES),
            operations_finished: Counters::new(&table::OPERATIONS_FINISHED),
            reports: Counters::new(&table::REPORTS),
            repairs: Counters::new(&table::REPAIRS),
            signals: Counters::new(&table::SIGNALS),
            missed_signals: Counters::new(&table::MISSED_SIGNALS),
            rescans: Counters::new(&table::RESCANS),
            rescan_seconds: Histograms::new(&table::RESCAN_SECONDS),
            server_checks: Counters::new(&table::SERVER_CHECKS),
            server_check_seconds: Histograms::new(&table::SERVER_CHECK_SECONDS),
            change_seconds: Histograms::new(&table::CHANGE),
            report_seconds: Histograms::new(&table::REPORT),
        }
    }

    /// Notes that a batch was not committed.
    pub fn note_uncommitted(&self, error: &StoreError) {
        if matches!(error, StoreError::Deposed { .. }) {
            self.fenced_commits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes what came of a request to a tenant's server: `git` or `cluster`.
    pub fn note_server(&self, server: &str, outcome: ServerOutcome, took: Duration) {
        self.server_checks.inc(&[server, outcome.name()]);
        self.server_check_seconds.observe(&[server], took);
    }

    /// What has been counted so far.
    pub fn scrape(&self) -> Scrape {
        let mut scrape = Scrape::new(self.requests.clone());
        for (at, number) in [("commit", &self.fenced_commits), ("request", &*self.refusals)] {
            scrape.put(&table::FENCED, &[at], number.load(Ordering::Relaxed) as f64);
        }
        for counters in [
            &self.steps,
            &self.status_writes,
            &self.failed_writes,
            &self.operations_finished,
            &self.reports,
            &self.repairs,
            &self.signals,
            &self.missed_signals,
            &self.rescans,
            &self.server_checks,
        ] {
            counters.measure(&mut scrape);
        }
        for histograms in [
            &self.rescan_seconds,
            &self.server_check_seconds,
            &self.change_seconds,
            &self.report_seconds,
        ] {
            histograms.measure(&mut scrape);
        }
        scrape
    }
}
