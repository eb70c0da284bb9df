//! What is counted, in Prometheus' text form.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::process::ProcessCollector;

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

/// The program's metrics; none has a label with user-chosen values.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Batches of the backend that were committed or found nothing to write.
    pub batches: Counter<u64, AtomicU64>,
    /// Deployments that were stepped.
    pub steps: Counter<u64, AtomicU64>,
    /// Batches that were not committed.
    pub failed_batches: Counter<u64, AtomicU64>,
    /// Statuses that were written.
    pub status_writes: Counter<u64, AtomicU64>,
    /// Writes to the Kubernetes API that failed.
    pub failed_writes: Counter<u64, AtomicU64>,
    /// Operations that the agent completed.
    pub operations_completed: Counter<u64, AtomicU64>,
    /// Operations that the agent failed.
    pub operations_failed: Counter<u64, AtomicU64>,
    /// Reports that the agent wrote to the database.
    pub reports: Counter<u64, AtomicU64>,
    /// Repairs of Applications and AppProjects that were changed manually.
    pub repairs: Counter<u64, AtomicU64>,
    /// Statements sent to the database.
    pub statements: Gauge,
    /// Observations and effects that wait.
    pub backlog: Gauge,
    /// Whether this replica acts: 1, or 0 while it stands by.
    pub leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::counting(ApiRequests::default())
    }
}

impl Metrics {
    /// Metrics of a process whose client counts its requests here.
    pub fn counting(api_requests: ApiRequests) -> Self {
        let mut root = Registry::default();
        // These names are standard, so they have no prefix.
        root.register_collector(Box::new(ProcessCollector));
        let registry = root.sub_registry_with_prefix("gitops");
        let mut counter = |name, help| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let batches = counter("backend_batches", "Batches of machines that were processed");
        let steps = counter("backend_steps", "Deployments that were stepped");
        let failed_batches = counter("failed_batches", "Batches that were not committed");
        let status_writes = counter("status_writes", "Statuses that were written");
        let failed_writes = counter("failed_writes", "Writes to the Kubernetes API that failed");
        let operations_completed = counter("operations_completed", "Operations completed");
        let operations_failed = counter("operations_failed", "Operations that failed");
        let reports = counter("reports", "Reports of Argo CD written to the database");
        let repairs = counter("repairs", "Repairs of Applications and AppProjects");
        let statements = Gauge::default();
        registry.register("statements", "Statements sent to the database", statements.clone());
        let backlog = Gauge::default();
        registry.register("backlog", "Observations and writes that wait", backlog.clone());
        let leader = Gauge::default();
        registry.register("leader", "Whether this replica acts, or stands by", leader.clone());
        let help = "Requests to the Kubernetes API, by verb and resource";
        registry.register("api_requests", help, api_requests);
        Self {
            registry: root,
            batches,
            steps,
            failed_batches,
            status_writes,
            failed_writes,
            operations_completed,
            operations_failed,
            reports,
            repairs,
            statements,
            backlog,
            leader,
        }
    }

    /// The metrics in Prometheus' text form.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("the metrics could not be written as text");
        }
        text
    }
}
