//! Connections that must not be used again. A pool cannot be made to drop what it holds, but it
//! asks about each connection before it hands it out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Connections opened up to this time are retired; clones agree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retired(Arc<watch::Sender<Option<Instant>>>);

impl Retired {
    /// Retires every connection that is open now.
    pub(super) fn retire(&self) {
        self.0.send_replace(Some(Instant::now()));
    }

    /// Whether a connection opened this long ago is retired.
    pub(super) fn covers(&self, age: Duration) -> bool {
        self.0.borrow().is_some_and(|moment| age >= moment.elapsed())
    }

    /// Changes each time connections are retired.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Instant>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_opened_before_are_retired() {
        let retired = Retired::default();
        let told = retired.subscribe();
        assert!(!retired.covers(Duration::MAX));
        retired.retire();
        assert!(told.has_changed().unwrap());
        assert!(retired.covers(Duration::from_secs(1)));
        assert!(!retired.covers(Duration::ZERO));
    }
}
