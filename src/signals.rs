//! How the two halves tell each other that a row has changed. A signal carries no content and may
//! be lost: what it points to stands in the database.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use machines::identity::{DeploymentUid, OperationId, TenantUid};
use schema::connection::Database;
use schema::notify::{self, PAYLOAD_LIMIT};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::runtime::worker::Process;

/// Pause before a lost connection is made anew, and before signals that could not be sent are sent
/// again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// How often reports that nobody has signalled are looked for: an agent may have ended between
/// writing one and telling of it, and a connection may be dead without a word. One statement, by
/// an index that is empty at rest. Operations have deadlines of their own.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// Whoever is told.
pub trait Listener: Send + Sync {
    /// An operation that this deployment asked for has completed or failed.
    fn operation_finished(&self, requester: &DeploymentUid);
    /// A report on this deployment's Application was written.
    fn report_changed(&self, uid: &DeploymentUid);
    /// This deployment's Application has not said what its row says for a while.
    fn application_differs(&self, uid: &DeploymentUid);
    /// Whether something that it is to write for this tenant waits for its turn, so that nothing is
    /// gained by telling it more soon. Unknown of another process, and then not.
    fn is_behind(&self, tenant: &str) -> bool;
}

/// Whoever carries out operations. In the backend's own process it need not wait until its watch
/// shows the Operation CR: the row is the request, and stands already. It learns of it either way.
pub trait Executor: Send + Sync {
    /// A row was committed that asks for an operation; `tenant` is whose turn it is.
    fn operation_requested(&self, id: &OperationId, tenant: &TenantUid);
}

impl Listener for Backend {
    fn operation_finished(&self, requester: &DeploymentUid) {
        Self::operation_finished(self, requester);
    }

    fn report_changed(&self, uid: &DeploymentUid) {
        Self::report_changed(self, uid);
    }

    fn application_differs(&self, uid: &DeploymentUid) {
        Self::application_differs(self, uid);
    }

    fn is_behind(&self, tenant: &str) -> bool {
        Process::is_behind(self, tenant)
    }
}

/// Tells a backend in another process, through PostgreSQL. What waits is kept by deployment, so
/// it is bounded by their number.
#[derive(Debug, Default)]
pub struct Remote {
    waiting: Mutex<BTreeSet<(Signal, DeploymentUid)>>,
    arrived: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    Operation,
    Report,
    Difference,
}

impl Signal {
    fn prefix(self) -> char {
        match self {
            Self::Operation => 'o',
            Self::Report => 'r',
            Self::Difference => 'd',
        }
    }

    fn parse(prefix: char) -> Option<Self> {
        [Self::Operation, Self::Report, Self::Difference]
            .into_iter()
            .find(|signal| signal.prefix() == prefix)
    }
}

impl Listener for Remote {
    fn operation_finished(&self, requester: &DeploymentUid) {
        self.add(Signal::Operation, requester);
    }

    fn report_changed(&self, uid: &DeploymentUid) {
        self.add(Signal::Report, uid);
    }

    fn application_differs(&self, uid: &DeploymentUid) {
        self.add(Signal::Difference, uid);
    }

    fn is_behind(&self, _: &str) -> bool {
        false
    }
}

impl Remote {
    fn add(&self, signal: Signal, uid: &DeploymentUid) {
        self.lock().insert((signal, uid.clone()));
        self.arrived.notify_one();
    }

    /// Sends what waits until told to stop.
    pub async fn send(self: Arc<Self>, database: Database, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.arrived.notified() => {}
            }
            if let Err(error) = self.send_waiting(&database).await {
                tracing::warn!(%error, "the backend could not be told of changed rows");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(RECONNECT_PAUSE) => self.arrived.notify_one(),
                }
            }
        }
        // What the last commits have changed.
        if let Err(error) = self.send_waiting(&database).await {
            tracing::warn!(%error, "the backend will find changed rows by itself");
        }
    }

    /// Sends what waits; what could not be sent goes on waiting.
    async fn send_waiting(&self, database: &Database) -> anyhow::Result<()> {
        let waiting = std::mem::take(&mut *self.lock());
        for payload in payloads(&waiting) {
            if let Err(error) = notify::notify(database, &payload).await {
                // Those that were sent are sent again, which says nothing new.
                self.lock().extend(waiting);
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(Signal, DeploymentUid)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn payloads(waiting: &BTreeSet<(Signal, DeploymentUid)>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for (signal, uid) in waiting {
        let item = format!("{}{uid} ", signal.prefix());
        match payloads.last_mut() {
            Some(last) if last.len() + item.len() <= PAYLOAD_LIMIT => last.push_str(&item),
            _ => payloads.push(item),
        }
    }
    payloads
}

/// Hears an agent in another process, until told to stop.
pub async fn hear(backend: Arc<Backend>, database: Database, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            error = hear_once(&backend, &database) => {
                tracing::warn!(%error, "the agent cannot be heard; trying again");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RECONNECT_PAUSE) => {}
        }
    }
}

async fn hear_once(backend: &Backend, database: &Database) -> anyhow::Error {
    let mut listener = match notify::Listener::connect(database).await {
        Ok(listener) => listener,
        Err(error) => return error.into(),
    };
    loop {
        // Before the first payload, and after each gap, something may have been missed.
        if let Err(error) = backend.look_again().await {
            return error.into();
        }
        if let Err(error) = hear_until_a_gap(backend, &mut listener).await {
            return error;
        }
    }
}

async fn hear_until_a_gap(
    backend: &Backend,
    listener: &mut notify::Listener,
) -> anyhow::Result<()> {
    loop {
        // Held across the looks: a payload that is half read is not lost.
        let mut next = std::pin::pin!(listener.next());
        let payload = loop {
            tokio::select! {
                payload = &mut next => break payload?,
                () = tokio::time::sleep(LOOK_INTERVAL) => backend.take_in_reports().await?,
            }
        };
        match payload {
            Some(payload) => pass_on(backend, &payload),
            None => return Ok(()),
        }
    }
}

fn pass_on(backend: &Backend, payload: &str) {
    for item in payload.split_whitespace() {
        let mut characters = item.chars();
        let signal = characters.next().and_then(Signal::parse);
        let uid = DeploymentUid::new(characters.as_str());
        match signal {
            Some(Signal::Operation) => backend.operation_finished(&uid),
            Some(Signal::Report) => backend.report_changed(&uid),
            Some(Signal::Difference) => backend.application_differs(&uid),
            None => tracing::debug!(item, "an unknown signal was ignored"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_stay_within_what_the_database_takes() {
        let waiting: BTreeSet<_> = (0..1_000)
            .map(|number| (Signal::Report, DeploymentUid::new(format!("{number:036}"))))
            .collect();
        let payloads = payloads(&waiting);
        assert!(payloads.iter().all(|payload| payload.len() <= PAYLOAD_LIMIT));
        let items: usize = payloads.iter().map(|payload| payload.split_whitespace().count()).sum();
        assert_eq!(items, 1_000);
    }
}
