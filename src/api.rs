//! What the program serves: `/livez`, `/readyz` and `/metrics`, on one port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::backend::Backend;
use crate::metrics::Metrics;
use crate::runtime::clock;
use crate::runtime::watch::Progress;

/// The parts of the program that are asked how they are.
#[derive(Clone, Default)]
pub struct Health {
    /// The backend, if this process has it.
    pub backend: Option<Arc<Backend>>,
    /// The agent, if this process has it.
    pub agent: Option<Arc<Agent>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The database, for its statement counter.
    pub database: Option<schema::connection::Database>,
}

impl Health {
    fn watches(&self) -> Vec<Arc<Progress>> {
        let backend = self.backend.iter().flat_map(|backend| backend.watches());
        let agent = self.agent.iter().flat_map(|agent| agent.watches());
        backend.chain(agent).cloned().collect()
    }

    /// Whether every watch has seen everything once.
    pub fn is_ready(&self) -> bool {
        self.watches().iter().all(|watch| watch.is_synced())
    }

    /// How much waits to be done.
    pub fn backlog(&self) -> usize {
        let backend = self.backend.as_ref().map_or(0, |backend| backend.backlog());
        let agent = self.agent.as_ref().map_or(0, |agent| agent.backlog());
        backend + agent
    }
}

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, health: Health, shutdown: CancellationToken) {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/healthz", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "health and metrics are no longer served");
    }
}

/// Opens the port.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot listen on {address}: {error}; free the port or choose another one with --listen"
        )
    })
}

async fn livez(State(health): State<Health>) -> (StatusCode, String) {
    let now = clock::now();
    let watches = health.watches();
    let stuck: Vec<&str> =
        watches.iter().filter(|watch| watch.is_stuck(now)).map(|watch| watch.name).collect();
    if stuck.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let text = format!("these watches have failed for ten minutes: {}\n", stuck.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    let watches = health.watches();
    let waiting: Vec<&str> =
        watches.iter().filter(|watch| !watch.is_synced()).map(|watch| watch.name).collect();
    if waiting.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let text = format!("these watches have not seen everything yet: {}\n", waiting.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn metrics(State(health): State<Health>) -> String {
    let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    if let Some(database) = &health.database {
        health.metrics.statements.set(gauge(database.statements()));
    }
    health.metrics.backlog.set(gauge(health.backlog() as u64));
    let mut text = health.metrics.text();
    // The watches are few and fixed, so their names make bounded labels.
    for watch in health.watches() {
        let name = watch.name;
        let synced = u8::from(watch.is_synced());
        let (events, errors) = (watch.events(), watch.errors());
        let line = format!(
            "gitops_watch_synced{{watch=\"{name}\"}} {synced}\n\
             gitops_watch_events_total{{watch=\"{name}\"}} {events}\n\
             gitops_watch_errors_total{{watch=\"{name}\"}} {errors}\n\
             gitops_watch_malformed_total{{watch=\"{name}\"}} {}\n",
            watch.malformed(),
        );
        // The registry's text ends with a mark after which nothing is read.
        match text.rfind("# EOF") {
            Some(end) => text.insert_str(end, &line),
            None => text.push_str(&line),
        }
    }
    text
}
