//! Every metric of the program: what is exposed, what is documented, and what alerts may name.

use machines::kinds::{deployment, managed_environment, repository_credential, sync_run};
use machines::shared::standing::Readiness;

use crate::agent::Stage;
use crate::kubernetes::{RESOURCES, VERBS};

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows, from 0 at the start of the process.
    Counter,
    /// It says how something is now.
    Gauge,
    /// It counts values by these upper bounds.
    Histogram(&'static [f64]),
}

/// What one of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A thing: a deployment, a batch, a request.
    Count,
    /// A second.
    Seconds,
    /// A byte.
    Bytes,
    /// Yes (1) or no (0).
    Flag,
}

/// Which values a label has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These.
    Of(&'static [&'static str]),
    /// As many as this says; users choose none of them.
    Bounded(&'static str),
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// Which processes have a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// All, whether they act or stand by.
    Process,
    /// Those that act, in any role.
    Acting,
    /// Those that act as the backend.
    Backend,
    /// Those that act as the agent.
    Agent,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name, as queries have it; the samples of a histogram add `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What one of it is.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [Label],
    /// Which processes have it.
    pub source: Source,
    /// What it says.
    pub help: &'static str,
    /// Which question it answers at three in the morning.
    pub question: &'static str,
}

impl Metric {
    const fn new(
        name: &'static str,
        (kind, unit, source): (Kind, Unit, Source),
        labels: &'static [Label],
        help: &'static str,
        question: &'static str,
    ) -> Self {
        Self { name, kind, unit, labels, source, help, question }
    }
}

const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::Of(values) }
}

const fn bounded(name: &'static str, bound: &'static str) -> Label {
    Label { name, values: Values::Bounded(bound) }
}

use Kind::{Counter, Gauge, Histogram};
use Source::{Acting, Agent, Backend, Process};
use Unit::{Bytes, Count, Flag, Seconds};

/// From a create on its own (23 ms, docs/performance.md), over bursts of 1,000 (6 s) and 10,000 (a
/// minute), to what somebody has to look at.
const LATENCY: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// Batches aim at 20 to 40 ms, and are given up after a minute.
const BATCH: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.25, 2.5, 5.0, 10.0, 60.0];
/// A comparison takes a second for 10,000 deployments.
const RESCAN: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// A server of a tenant answers within a second, or is given up after half a minute.
const CHECK: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

const STATE: Label = label("state", &Readiness::NAMES);
const WATCH: Label = bounded(
    "watch",
    "a watch for each kind, and for Secrets one for each namespace of `--secret-namespaces`",
);
const WORKER: Label = label("worker", &["deployments", "operations", "reports"]);
const INBOX: Label = label("inbox", &["backend", "agent", "reports"]);
const QUEUE: Label = label("queue", &["backend", "agent", "checks"]);
const PRIORITY: Label = label("priority", &["high", "normal", "low"]);
const STAGE: Label = label("stage", &Stage::NAMES);
const SERVER: Label = label("server", &["git", "cluster"]);

/// What the reasons of deployments are that wait for the service.
pub const WAITING_REASONS: &[&str] = &[
    "AwaitingArgoCD",
    "AwaitingPredecessor",
    "AwaitingTenant",
    "DeletionError",
    "Dispatching",
    "OperationFailed",
    "Terminating",
    "Unseen",
];

macro_rules! table {
    ($($(#[$attribute:meta])* $constant:ident = ($($definition:expr),+ $(,)?);)+) => {
        $(
            #[doc = concat!("See [`ALL`]: `", stringify!($constant), "`.")]
            pub const $constant: Metric = Metric::new($($definition),+);
        )+

        /// All of them, in the order of the document.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

table! {
    BUILD_INFO = (
        "gitops_build_info", (Gauge, Flag, Process),
        &[
            bounded("version", "one for each process"),
            bounded("commit", "one for each process; empty if the build does not name it"),
        ],
        "The version that runs, always 1", "Which version runs, and do all replicas run the same?",
    );
    CPU = (
        "process_cpu_seconds_total", (Counter, Seconds, Process), &[],
        "CPU time that the process has used; only on Linux", "Is it busy?",
    );
    MEMORY = (
        "process_resident_memory_bytes", (Gauge, Bytes, Process), &[],
        "Memory of the process that is resident; only on Linux", "Will it be killed for its memory?",
    );
    LEADER = (
        "gitops_leader", (Gauge, Flag, Process), &[],
        "Whether this replica acts: 1, or 0 while it stands by", "Does any replica act?",
    );
    LEASE_TRANSITIONS = (
        "gitops_lease_transitions_total", (Counter, Count, Process), &[],
        "Changes of the Lease's holder that this replica has seen",
        "Do the replicas take the Lease from each other?",
    );
    LEASE_ERRORS = (
        "gitops_lease_errors_total", (Counter, Count, Process), &[],
        "Requests for a Lease that failed", "Can the replica renew its Lease?",
    );
    FENCED = (
        "gitops_fenced_total", (Counter, Count, Process), &[label("at", &["commit", "request"])],
        "Commits and requests refused because another replica acts, or may act",
        "Did a replica that had been replaced still try to act?",
    );
    DEPLOYMENTS = (
        "gitops_deployments", (Gauge, Count, Backend),
        &[STATE, label("reason", &deployment::status::REASONS)],
        "GitOpsDeployments by the condition that holds and its reason", "How many work, and what is wrong with the others?",
    );
    DEPLOYMENTS_WAITING = (
        "gitops_deployments_waiting_oldest_seconds", (Gauge, Seconds, Backend),
        &[label("reason", WAITING_REASONS)],
        "For how long the one has waited that has waited longest for this service or Argo CD",
        "Is anybody's deployment stuck because of us?",
    );
    CREDENTIALS = (
        "gitops_repository_credentials", (Gauge, Count, Backend),
        &[STATE, label("reason", &repository_credential::status::REASONS)],
        "GitOpsDeploymentRepositoryCredentials by the condition that holds and its reason",
        "How many private repositories can be read?",
    );
    ENVIRONMENTS = (
        "gitops_managed_environments", (Gauge, Count, Backend),
        &[STATE, label("reason", &managed_environment::status::REASONS)],
        "GitOpsDeploymentManagedEnvironments by the condition that holds and its reason",
        "How many clusters of tenants can be used?",
    );
    SYNC_RUNS = (
        "gitops_sync_runs", (Gauge, Count, Backend),
        &[STATE, label("reason", &sync_run::status::REASONS)],
        "GitOpsDeploymentSyncRuns by how far they are and their reason", "Do sync runs end well?",
    );
    CHANGE = (
        "gitops_change_to_application_seconds", (Histogram(LATENCY), Seconds, Backend), &[],
        "From the first sight of a deployment's new generation until its Application is written",
        "How long do users wait until Argo CD learns of a change?",
    );
    REPORT = (
        "gitops_report_to_status_seconds", (Histogram(LATENCY), Seconds, Acting),
        &[label("stage", &["recorded", "published"])],
        "From a report of Argo CD until it is in the database (recorded), and from there until it is \
         in the status (published)",
        "How old is what users read in the status?",
    );
    REPORTS = (
        "gitops_reports_total", (Counter, Count, Process), &[],
        "Reports of Argo CD written to the database", "Does Argo CD report at all?",
    );
    STATUS_WRITES = (
        "gitops_status_writes_total", (Counter, Count, Process), &[],
        "Statuses written", "Are statuses written, or rewritten forever?",
    );
    OPERATIONS_OPEN = (
        "gitops_operations_open", (Gauge, Count, Agent), &[STAGE],
        "Operations that have not ended", "Does work pile up at the agent?",
    );
    OPERATIONS_OLDEST = (
        "gitops_operations_oldest_seconds", (Gauge, Seconds, Agent), &[STAGE],
        "For how long the agent has known the oldest operation that has not ended",
        "Is an operation stuck?",
    );
    OPERATIONS_FINISHED = (
        "gitops_operations_finished_total", (Counter, Count, Process),
        &[label("outcome", &["completed", "failed"])],
        "Operations that have ended", "Do operations fail?",
    );
    BACKLOG = (
        "gitops_backlog", (Gauge, Count, Process), &[],
        "Observations and effects that wait or run", "Is there anything left to do?",
    );
    INBOX_LENGTH = (
        "gitops_inbox_length", (Gauge, Count, Acting), &[INBOX],
        "Machines with observations that wait for a batch", "Is the database the bottleneck?",
    );
    INBOX_OLDEST = (
        "gitops_inbox_oldest_seconds", (Gauge, Seconds, Acting), &[INBOX],
        "For how long the oldest of them has waited", "Is a queue standing still?",
    );
    EFFECTS_WAITING = (
        "gitops_effects_waiting", (Gauge, Count, Acting), &[QUEUE, PRIORITY],
        "Requests that wait for their turn", "Is the API server, or a server of a tenant, the bottleneck?",
    );
    EFFECTS_OLDEST = (
        "gitops_effects_oldest_seconds", (Gauge, Seconds, Acting), &[QUEUE, PRIORITY],
        "For how long the oldest of them has waited", "Is a queue standing still?",
    );
    EFFECTS_RUNNING = (
        "gitops_effects_running", (Gauge, Count, Acting), &[QUEUE],
        "Requests in progress", "Is the pool exhausted?",
    );
    EFFECTS_BACKING_OFF = (
        "gitops_effects_backing_off", (Gauge, Count, Acting), &[QUEUE],
        "Requests that have failed and are repeated after a pause", "Does something refuse what is written?",
    );
    FAILED_WRITES = (
        "gitops_failed_writes_total", (Counter, Count, Process), &[],
        "Writes to the Kubernetes API that failed", "Does the API server refuse writes?",
    );
    API_REQUESTS = (
        "gitops_api_requests_total", (Counter, Count, Process),
        &[label("verb", &VERBS), label("resource", &RESOURCES)],
        "Requests to the Kubernetes API; one that the client repeats counts once",
        "What do we ask of the API server?",
    );
    WATCH_SYNCED = (
        "gitops_watch_synced", (Gauge, Flag, Acting), &[WATCH],
        "Whether everything that there was has been seen once", "Which watch is missing?",
    );
    WATCH_SILENCE = (
        "gitops_watch_silence_seconds", (Gauge, Seconds, Acting), &[WATCH],
        "Since the API server last sent anything on this watch: an event, a bookmark or an answer",
        "Do we still see what happens?",
    );
    WATCH_EVENTS = (
        "gitops_watch_events_total", (Counter, Count, Acting), &[WATCH],
        "Events of the watch", "What changes in the cluster?",
    );
    WATCH_ERRORS = (
        "gitops_watch_errors_total", (Counter, Count, Acting), &[WATCH],
        "Failures of the watch", "Which watch fails?",
    );
    WATCH_MALFORMED = (
        "gitops_watch_malformed_total", (Counter, Count, Acting), &[WATCH],
        "Objects that could not be read", "Are the installed definitions ours?",
    );
    STEPS = (
        "gitops_backend_steps_total", (Counter, Count, Process), &[],
        "Machines of the backend that were stepped", "How busy is the backend?",
    );
    BATCHES = (
        "gitops_batches_total", (Counter, Count, Acting),
        &[WORKER, label("outcome", &super::BatchOutcome::NAMES)],
        "Batches by how they ended: committed; tried again because the database was not able to; \
         split because a machine in it cannot be processed; or given up without an answer",
        "Does the database commit, and how often must it be asked again?",
    );
    BATCH_SECONDS = (
        "gitops_batch_seconds", (Histogram(BATCH), Seconds, Acting), &[WORKER],
        "How long a batch took, committed or not", "Is the database slow?",
    );
    WORKER_FAILING = (
        "gitops_worker_failing_seconds", (Gauge, Seconds, Acting), &[WORKER],
        "For how long no batch could be committed", "Since when does nothing get committed?",
    );
    WORKER_SET_ASIDE = (
        "gitops_worker_set_aside", (Gauge, Count, Acting), &[WORKER],
        "Machines that fail by themselves and wait to be tried again", "Is there a machine that cannot be processed?",
    );
    STATEMENTS = (
        "gitops_statements_total", (Counter, Count, Process), &[],
        "Statements sent to the database", "What do we ask of the database?",
    );
    SIGNALS = (
        "gitops_signals_total", (Counter, Count, Process), &[],
        "Signals of an agent in another process that the backend has heard",
        "Does the backend hear the agent, or only look?",
    );
    MISSED_SIGNALS = (
        "gitops_missed_signals_total", (Counter, Count, Process), &[],
        "Reports that the backend has found by looking for them: their signal was lost, or had not \
         arrived yet",
        "Do signals of the agent get lost?",
    );
    RESCANS = (
        "gitops_rescans_total", (Counter, Count, Process),
        &[label("outcome", &["completed", "failed"])],
        "Comparisons of everything in Argo CD's namespace with the database", "Are manual changes still found?",
    );
    RESCAN_SECONDS = (
        "gitops_rescan_seconds", (Histogram(RESCAN), Seconds, Process), &[],
        "How long a comparison took", "Does the comparison outgrow its interval?",
    );
    RESCAN_AGE = (
        "gitops_rescan_age_seconds", (Gauge, Seconds, Agent), &[],
        "Since the last comparison that completed, or since the agent acts; absent if they are off",
        "When was everything last compared?",
    );
    RESCAN_INTERVAL = (
        "gitops_rescan_interval_seconds", (Gauge, Seconds, Agent), &[],
        "How often everything is compared; absent if never", "How often should it be?",
    );
    REPAIRS = (
        "gitops_repairs_total", (Counter, Count, Process),
        &[label("resource", &["application", "appproject", "secret", "orphan"])],
        "Repairs of what was changed manually in Argo CD's namespace, and removals of what has no owner",
        "Does somebody fight with us over Argo CD's resources?",
    );
    SERVER_CHECKS = (
        "gitops_server_checks_total", (Counter, Count, Process),
        &[SERVER, label("outcome", &super::ServerOutcome::NAMES)],
        "Requests to git servers and clusters of tenants, by what came of them",
        "Is it one tenant's server, or do we reach none?",
    );
    SERVER_CHECK_SECONDS = (
        "gitops_server_check_seconds", (Histogram(CHECK), Seconds, Process), &[SERVER],
        "How long a request to a tenant's server took", "Are the tenants' servers slow?",
    );
    SEALING_READY = (
        "gitops_sealing_ready", (Gauge, Flag, Acting), &[],
        "Whether there are sealing keys that open the database", "Are credentials served?",
    );
    SEALING_NOTICES = (
        "gitops_sealing_notices", (Gauge, Count, Acting), &[],
        "What `/readyz` says about sealing keys, in lines", "Is a sealing key missing?",
    );
}
