//! What the program serves: `/livez`, `/readyz` and `/metrics`, on one port.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use schema::connection::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::backend::Backend;
use crate::lease::Leadership;
use crate::metrics::{Metrics, Scrape, table};
use crate::process::{self, Usage};
use crate::runtime::commits::{Commits, STUCK_AFTER, UNREADY_AFTER};
use crate::runtime::watch::Progress;
use crate::sealing::Sealing;

/// The parts of the program whose health is checked.
pub struct Health {
    metrics: Arc<Metrics>,
    database: Database,
    leadership: Option<Leadership>,
    sealing: OnceLock<Sealing>,
    backend: OnceLock<Arc<Backend>>,
    agent: OnceLock<Arc<Agent>>,
}

impl Health {
    /// For a process that does not act yet; without a leadership it is the only one.
    pub fn new(metrics: Arc<Metrics>, database: Database, leadership: Option<Leadership>) -> Self {
        Self {
            metrics,
            database,
            leadership,
            sealing: OnceLock::default(),
            backend: OnceLock::default(),
            agent: OnceLock::default(),
        }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The backend, once this process acts as one.
    pub fn backend(&self) -> Option<&Arc<Backend>> {
        self.backend.get()
    }

    /// From now on this process acts, with these roles.
    pub fn act(&self, sealing: Sealing, backend: Option<Arc<Backend>>, agent: Option<Arc<Agent>>) {
        // A process starts to act only once, so none is set.
        let _ = self.sealing.set(sealing);
        if let Some(backend) = backend {
            let _ = self.backend.set(backend);
        }
        if let Some(agent) = agent {
            let _ = self.agent.set(agent);
        }
    }

    fn watches(&self) -> Vec<Arc<Progress>> {
        let backend = self.backend.get().into_iter().flat_map(|backend| backend.watches());
        let agent = self.agent.get().into_iter().flat_map(|agent| agent.watches());
        backend.chain(agent).cloned().collect()
    }

    fn commits(&self) -> Vec<Arc<Commits>> {
        let backend = self.backend.get().map(|backend| backend.commits());
        let agent = self.agent.get().into_iter().flat_map(|agent| agent.commits());
        backend.into_iter().chain(agent).cloned().collect()
    }

    /// The replica that acts instead of this one; empty if none does.
    fn other_leader(&self) -> Option<String> {
        self.leadership.as_ref().filter(|one| !one.acts()).map(Leadership::holder)
    }

    /// Whether every watch has seen everything once.
    pub fn is_ready(&self) -> bool {
        self.watches().iter().all(|watch| watch.is_synced())
    }

    /// What is served under `/metrics`.
    pub fn exposition(&self) -> String {
        let mut scrape = self.metrics.scrape();
        self.measure(&mut scrape);
        scrape.text()
    }

    /// Says how the process is doing.
    fn measure(&self, scrape: &mut Scrape) {
        let commit = option_env!("MANAGED_GITOPS_COMMIT").unwrap_or_default();
        scrape.put(&table::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), commit], 1.0);
        if let Some(Usage { cpu_seconds, resident_bytes }) = process::usage() {
            scrape.put(&table::CPU, &[], cpu_seconds);
            scrape.put(&table::MEMORY, &[], resident_bytes as f64);
        }
        scrape.put(&table::STATEMENTS, &[], self.database.statements() as f64);
        scrape.flag(&table::LEADER, &[], self.other_leader().is_none());
        scrape.count(&table::BACKLOG, &[], self.backlog());
        match &self.leadership {
            Some(leadership) => leadership.measure(scrape),
            None => Leadership::measure_none(scrape),
        }
        if let Some(sealing) = self.sealing.get() {
            sealing.measure(scrape);
        }
        if let Some(backend) = self.backend.get() {
            backend.measure(scrape);
        }
        if let Some(agent) = self.agent.get() {
            agent.measure(scrape);
        }
    }

    /// How much work is waiting.
    pub fn backlog(&self) -> usize {
        let backend = self.backend.get().map_or(0, |backend| backend.backlog());
        let agent = self.agent.get().map_or(0, |agent| agent.backlog());
        backend + agent
    }
}

/// Answers everything that is served.
pub fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/healthz", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Serves until it should stop.
pub async fn serve(listener: TcpListener, health: Arc<Health>, shutdown: CancellationToken) {
    let router = router(health);
    let told = shutdown.clone().cancelled_owned();
    let serving = axum::serve(listener, router).with_graceful_shutdown(told);
    let stopped = async {
        shutdown.cancelled().await;
        tokio::time::sleep(STOPPING_GRACE).await;
    };
    tokio::select! {
        // A client that never ends its request does not hold up the process.
        () = stopped => {}
        served = serving.into_future() => if let Err(error) = served {
            tracing::error!(%error, "health and metrics are no longer served");
        },
    }
}

/// How long requests for health and metrics may go on once the process should stop.
const STOPPING_GRACE: Duration = Duration::from_secs(2);

/// Opens the port.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot listen on {address}: {error}; free the port or choose another one with --listen"
        )
    })
}

async fn livez(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    let watches = health.watches();
    let stuck: Vec<&str> =
        watches.iter().filter(|watch| watch.is_stuck()).map(|watch| &*watch.name).collect();
    if !stuck.is_empty() {
        let text = format!("these watches have failed for ten minutes: {}\n", stuck.join(", "));
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    match uncommitted(&health.commits(), STUCK_AFTER) {
        Some(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
        None => (StatusCode::OK, "ok\n".to_owned()),
    }
}

/// What has not committed for longer than that, since when, and why.
fn uncommitted(commits: &[Arc<Commits>], longer_than: Duration) -> Option<String> {
    let lines = commits.iter().filter_map(|one| {
        let (lasted, why) = one.failing().filter(|(lasted, _)| *lasted > longer_than)?;
        let seconds = lasted.as_secs();
        Some(format!("no {} have been committed for {seconds} s: {why}\n", one.name))
    });
    Some(lines.collect::<String>()).filter(|text| !text.is_empty())
}

/// What is set aside while everything else goes on.
fn set_aside(commits: &[Arc<Commits>]) -> String {
    let parts = commits.iter().filter(|one| one.set_aside() > 0);
    parts.map(|one| format!("set aside: {} {}\n", one.set_aside(), one.name)).collect()
}

/// A database that answers takes milliseconds; the client waits about a second.
const DATABASE_TIMEOUT: Duration = Duration::from_millis(800);

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    // A replica that waits for its turn is ready to take it.
    if let Some(holder) = health.other_leader() {
        if holder.is_empty() {
            let text = "no replica acts: the Lease cannot be had; the log says why\n";
            return (StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
        }
        return (StatusCode::OK, format!("ok, standing by\nleader: {holder}\n"));
    }
    let commits = health.commits();
    if let Some(text) = uncommitted(&commits, UNREADY_AFTER) {
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let watches = health.watches();
    let waiting: Vec<&str> =
        watches.iter().filter(|watch| !watch.is_synced()).map(|watch| &*watch.name).collect();
    if !waiting.is_empty() {
        let text = format!("these watches have not seen everything yet: {}\n", waiting.join(", "));
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let leader = health.leadership.as_ref().map(Leadership::holder);
    let ok = leader.map_or("ok\n".to_owned(), |holder| format!("ok\nleader: {holder}\n"));
    // The reason is in the log; here anyone could read it.
    match tokio::time::timeout(DATABASE_TIMEOUT, health.database.reader().ping()).await {
        Ok(Ok(())) => {
            let sealing = health.sealing.get().map(Sealing::readiness).unwrap_or_default();
            (StatusCode::OK, ok + &sealing + &set_aside(&commits))
        }
        Ok(Err(_)) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned())
        }
    }
}

/// What is served under `/metrics`: OpenMetrics, which Prometheus reads by this name only.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

async fn metrics(State(health): State<Arc<Health>>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, OPENMETRICS)], health.exposition())
}

#[cfg(test)]
mod tests {
    use schema::store::{Role, Store};
    use tokio::time::Instant;

    use super::*;
    use crate::settings::Settings;
    use crate::test_support;

    /// Health of a process with a backend that has not started.
    async fn health() -> (Arc<Health>, Arc<Backend>) {
        let database = test_support::database().await;
        let settings = Settings::default();
        let now = settings.clock.now();
        let store = Store::take_over(database.clone(), Role::Backend, "test", now).await.unwrap();
        let client = test_support::no_api_server();
        let metrics = Arc::<Metrics>::default();
        let sealing = Sealing::without_keys();
        let backend = Backend::new(client, store, sealing.clone(), settings, Arc::clone(&metrics));
        let health = Arc::new(Health::new(metrics, database, None));
        health.act(sealing, Some(Arc::clone(&backend)), None);
        (health, backend)
    }

    /// Lets commits fail for this long.
    async fn fail(commits: &Commits, lasting: Duration) {
        let end = Instant::now() + lasting;
        while Instant::now() < end {
            commits.note_failure(Instant::now(), "the database is read-only");
            tokio::time::advance(Duration::from_secs(5)).await;
        }
        commits.note_failure(Instant::now(), "the database is read-only");
    }

    #[tokio::test]
    async fn health_reports_that_commits_have_stopped_since_when_and_why() {
        let (health, backend) = health().await;
        let commits = backend.commits();
        tokio::time::pause();
        fail(commits, UNREADY_AFTER).await;
        let (_, text) = readyz(State(Arc::clone(&health))).await;
        assert!(text.contains("watches"), "a fail-over may take that long: {text}");
        fail(commits, Duration::from_secs(10)).await;
        let (status, text) = readyz(State(Arc::clone(&health))).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            text,
            "no deployments have been committed for 40 s: the database is read-only\n"
        );
        let (_, text) = metrics(State(Arc::clone(&health))).await;
        let sample = "gitops_worker_failing_seconds{worker=\"deployments\"} 40\n";
        assert!(text.contains(sample), "{text}");

        let (status, _) = livez(State(Arc::clone(&health))).await;
        assert_eq!(status, StatusCode::OK, "it may still come right");
        fail(commits, STUCK_AFTER).await;
        let (status, text) = livez(State(Arc::clone(&health))).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.ends_with("committed for 640 s: the database is read-only\n"), "{text}");

        commits.note_success();
        assert_eq!(livez(State(Arc::clone(&health))).await.0, StatusCode::OK);
        let (_, text) = readyz(State(health)).await;
        assert!(text.contains("watches"), "nothing is said of commits any more: {text}");
    }

    #[tokio::test]
    async fn machines_set_aside_are_reported_and_leave_the_program_ready() {
        let (health, backend) = health().await;
        let commits = backend.commits();
        assert_eq!(set_aside(&health.commits()), "");
        commits.note_set_aside(3);
        assert_eq!(set_aside(&health.commits()), "set aside: 3 deployments\n");
        assert_eq!(uncommitted(&health.commits(), Duration::ZERO), None);
        let (_, text) = metrics(State(health)).await;
        assert!(text.contains("gitops_worker_set_aside{worker=\"deployments\"} 3\n"), "{text}");
    }
}
