//! Until when a process may write to the cluster: as long as it holds its Leases.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Until when this process may write to the cluster.
#[derive(Clone, Debug)]
pub struct Tenure(watch::Receiver<Option<Instant>>);

/// Sets how long a [`Tenure`] lasts.
#[derive(Debug)]
pub struct TenureKeeper(watch::Sender<Option<Instant>>);

impl Tenure {
    /// One that has not started.
    pub fn pending() -> (TenureKeeper, Self) {
        let (sender, receiver) = watch::channel(None);
        (TenureKeeper(sender), Self(receiver))
    }

    /// For a process that shares its cluster with no other.
    pub fn unlimited() -> Self {
        // The sender may be dropped: its last value stays.
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        Self(watch::channel(Some(Instant::now() + century)).1)
    }

    /// Whether it lasts.
    pub fn lasts(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }
}

impl TenureKeeper {
    /// Sets until when it lasts; `None` ends it.
    pub fn set(&self, until: Option<Instant>) {
        self.0.send_replace(until);
    }

    /// The tenure that this one controls.
    pub fn tenure(&self) -> Tenure {
        Tenure(self.0.subscribe())
    }
}
