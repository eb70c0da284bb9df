//! How the two roles notify each other that a row has changed. A signal carries no content and may
//! be lost: what it points to is in the database.

mod hearing;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use machines::identity::{DeploymentUid, OperationId, TenantUid};
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::repository_credential::CredentialUid;
use machines::rows::Requester;
use parking_lot::Mutex;
use schema::connection::Database;
use schema::notify::{self, PAYLOAD_LIMIT};
use schema::store::StoreError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use hearing::hear;

/// Pause before a lost connection is re-established, and before unsent signals are sent again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// The receiver of signals.
pub trait Listener: Send + Sync {
    /// An operation that this machine asked for has completed or failed, or says something else of
    /// interest.
    fn operation_changed(&self, requester: &Requester);
    /// A report on this deployment's Application was written.
    fn report_changed(&self, uid: &DeploymentUid);
    /// This deployment's Application has differed from its row for a while.
    fn application_differs(&self, uid: &DeploymentUid);
    /// This credential's repository Secret has differed from its row for a while.
    fn secret_differs(&self, uid: &CredentialUid);
    /// This environment's cluster Secret has differed from its row for a while.
    fn cluster_differs(&self, uid: &EnvironmentUid);
    /// Whether one of its writes for this tenant waits for its turn, so that signalling sooner
    /// gains nothing. Unknown for another process, and then false.
    fn is_behind(&self, tenant: &str) -> bool;
}

/// A listener to an agent in another process, where signals may be lost.
pub trait Hearer: Listener {
    /// Signals may have been lost: looks at every machine and report that may have been signalled;
    /// returns how many reports there were.
    fn look_again(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
    /// Looks for reports that were not taken in; returns how many there were.
    fn take_in_reports(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// What carries out operations. In the backend's own process it need not wait until its watch shows
/// the Operation CR: the row is the request, and already exists. It learns of it either way.
pub trait Executor: Send + Sync {
    /// A row was committed that asks for an operation; `tenant` is the one whose turn it
    /// takes.
    fn operation_requested(&self, id: &OperationId, tenant: &TenantUid);
}

/// Notifies a backend in another process, through PostgreSQL. What waits is kept by machine, so it
/// is bounded by their number.
#[derive(Debug, Default)]
pub struct Remote {
    waiting: Mutex<BTreeSet<Signal>>,
    arrived: Notify,
}

/// A row has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    /// The outcome of an operation that this machine asked for.
    Operation(Requester),
    /// The report on this deployment's Application.
    Report(DeploymentUid),
    /// This deployment's Application differs from its row.
    Difference(DeploymentUid),
    /// This credential's repository Secret differs from its row.
    SecretDifference(CredentialUid),
    /// This environment's cluster Secret differs from its row.
    ClusterDifference(EnvironmentUid),
}

impl Signal {
    /// Reads the form that [`fmt::Display`] writes.
    fn parse(item: &str) -> Option<Self> {
        let mut characters = item.chars();
        let kind = characters.next()?;
        let machine = characters.as_str();
        match kind {
            'o' => Requester::parse(machine).map(Self::Operation),
            'r' => Some(Self::Report(DeploymentUid::new(machine))),
            'd' => Some(Self::Difference(DeploymentUid::new(machine))),
            's' => Some(Self::SecretDifference(CredentialUid::new(machine))),
            'c' => Some(Self::ClusterDifference(EnvironmentUid::new(machine))),
            _ => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(requester) => write!(formatter, "o{requester}"),
            Self::Report(uid) => write!(formatter, "r{uid}"),
            Self::Difference(uid) => write!(formatter, "d{uid}"),
            Self::SecretDifference(uid) => write!(formatter, "s{uid}"),
            Self::ClusterDifference(uid) => write!(formatter, "c{uid}"),
        }
    }
}

impl Listener for Remote {
    fn operation_changed(&self, requester: &Requester) {
        self.add(Signal::Operation(requester.clone()));
    }

    fn report_changed(&self, uid: &DeploymentUid) {
        self.add(Signal::Report(uid.clone()));
    }

    fn application_differs(&self, uid: &DeploymentUid) {
        self.add(Signal::Difference(uid.clone()));
    }

    fn secret_differs(&self, uid: &CredentialUid) {
        self.add(Signal::SecretDifference(uid.clone()));
    }

    fn cluster_differs(&self, uid: &EnvironmentUid) {
        self.add(Signal::ClusterDifference(uid.clone()));
    }

    fn is_behind(&self, _: &str) -> bool {
        false
    }
}

impl Remote {
    fn add(&self, signal: Signal) {
        self.lock().insert(signal);
        self.arrived.notify_one();
    }

    /// Runs the agent, and sends what it signals until it has ended: the last batches commit after it
    /// was asked to stop.
    pub async fn send_for<T>(&self, agent: impl Future<Output = T>, database: Database) -> T {
        let ended = CancellationToken::new();
        let agent = async {
            let outcome = agent.await;
            ended.cancel();
            outcome
        };
        let (outcome, ()) = tokio::join!(agent, self.send(&database, &ended));
        outcome
    }

    /// Sends what waits until the agent has ended.
    async fn send(&self, database: &Database, ended: &CancellationToken) {
        loop {
            tokio::select! {
                () = ended.cancelled() => break,
                () = self.arrived.notified() => {}
            }
            if let Err(error) = self.send_waiting(database).await {
                tracing::warn!(%error, "the backend could not be told of changed rows");
                tokio::select! {
                    () = ended.cancelled() => break,
                    () = tokio::time::sleep(RECONNECT_PAUSE) => self.arrived.notify_one(),
                }
            }
        }
        // What the last commits have changed.
        if let Err(error) = self.send_waiting(database).await {
            tracing::warn!(%error, "the backend will find changed rows by itself");
        }
    }

    /// Sends what waits; what could not be sent keeps waiting.
    async fn send_waiting(&self, database: &Database) -> anyhow::Result<()> {
        let waiting = std::mem::take(&mut *self.lock());
        for payload in payloads(&waiting) {
            if let Err(error) = notify::notify(database, &payload).await {
                // Those already sent are sent again, which is harmless.
                self.lock().extend(waiting);
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, BTreeSet<Signal>> {
        self.waiting.lock()
    }
}

fn payloads(waiting: &BTreeSet<Signal>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for signal in waiting {
        let item = format!("{signal} ");
        match payloads.last_mut() {
            Some(last) if last.len() + item.len() <= PAYLOAD_LIMIT => last.push_str(&item),
            _ => payloads.push(item),
        }
    }
    payloads
}

/// Passes on each signal of a payload; returns how many there were.
fn pass_on(backend: &impl Listener, payload: &str) -> u64 {
    let mut number = 0;
    for item in payload.split_whitespace() {
        match Signal::parse(item) {
            Some(Signal::Operation(requester)) => backend.operation_changed(&requester),
            Some(Signal::Report(uid)) => backend.report_changed(&uid),
            Some(Signal::Difference(uid)) => backend.application_differs(&uid),
            Some(Signal::SecretDifference(uid)) => backend.secret_differs(&uid),
            Some(Signal::ClusterDifference(uid)) => backend.cluster_differs(&uid),
            None => {
                tracing::debug!(item, "an unknown signal was ignored");
                continue;
            }
        }
        number += 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support;

    #[test]
    fn a_signal_is_read_as_it_was_written() {
        let deployment = || DeploymentUid::new("uid");
        let credential = || CredentialUid::new("uid");
        let environment = || EnvironmentUid::new("uid");
        let signals = BTreeSet::from([
            Signal::Operation(Requester::Deployment(deployment())),
            Signal::Operation(Requester::Credential(credential())),
            Signal::Operation(Requester::Environment(environment())),
            Signal::Report(deployment()),
            Signal::Difference(deployment()),
            Signal::SecretDifference(credential()),
            Signal::ClusterDifference(environment()),
        ]);
        let written: BTreeSet<String> = signals.iter().map(Signal::to_string).collect();
        assert_eq!(written.len(), signals.len(), "each has a form of its own: {written:?}");
        let read: BTreeSet<_> = written.iter().filter_map(|item| Signal::parse(item)).collect();
        assert_eq!(read, signals);
        assert_eq!(Signal::parse("?uid"), None);
    }

    #[tokio::test]
    async fn what_the_agent_signals_as_it_ends_is_sent() {
        let database = test_support::database().await;
        let remote = Remote::default();
        let agent = async {
            // The sender has its turn before and after each.
            for number in 0..3 {
                tokio::task::yield_now().await;
                remote.report_changed(&DeploymentUid::new(number.to_string()));
            }
        };
        remote.send_for(agent, database).await;
        assert!(remote.lock().is_empty(), "{remote:?}");
    }

    #[test]
    fn payloads_stay_within_the_database_limit() {
        let waiting: BTreeSet<_> = (0..1_000)
            .map(|number| Signal::Report(DeploymentUid::new(format!("{number:036}"))))
            .collect();
        let payloads = payloads(&waiting);
        assert!(payloads.iter().all(|payload| payload.len() <= PAYLOAD_LIMIT));
        let items: usize = payloads.iter().map(|payload| payload.split_whitespace().count()).sum();
        assert_eq!(items, 1_000);
    }
}
