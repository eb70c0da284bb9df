//! Whoever decides what goes wrong: of every request, every event of a watch and every call of the
//! store. Random runs and exhaustive plans differ in nothing else.

use serde::{Deserialize, Serialize};
use tokio::time::Duration;

/// A request of the program to the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who sends it.
    pub process: String,
    /// get, list, watch, create, update, patch or delete.
    pub verb: &'static str,
    /// The resource in the plural, with its subresource if any.
    pub resource: String,
    /// `namespace/name`, as far as the request names them.
    pub object: String,
}

impl Request {
    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }

    /// Whether it is about who acts, and not about what is to be done.
    pub fn is_about_leases(&self) -> bool {
        self.resource == "leases"
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}", self.verb, self.resource, self.object)
    }
}

/// What becomes of a request, or of a call of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is done, after a while, and the answer takes a while.
    Done {
        /// Until it is done.
        before: Duration,
        /// From then until the answer.
        after: Duration,
    },
    /// It is not done.
    Refused(Refusal),
    /// It is done, and then the connection is cut: the caller does not know.
    Unknown,
    /// The process ends before it is done.
    KilledBefore,
    /// The process ends when it is done, before it has the answer.
    KilledAfter,
}

/// How something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The connection is cut.
    Cut,
    /// 409: somebody else was quicker.
    Conflict,
    /// 429: too many requests.
    TooManyRequests,
    /// 503: not now.
    Unavailable,
    /// 500, from behind the API server: etcd's leader changes, an admission webhook is down.
    Internal,
}

/// An event that a watch is to tell to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who is told.
    pub process: String,
    /// The resource in the plural.
    pub resource: String,
    /// ADDED, MODIFIED, DELETED or BOOKMARK.
    pub kind: String,
    /// `namespace/name`.
    pub object: String,
    /// The object's resource version.
    pub version: u64,
}

impl std::fmt::Display for Notice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, resource, object, version, .. } = self;
        write!(formatter, "is told: {kind} {resource} {object} at {version}")
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives after a while; those behind it wait.
    After(Duration),
    /// It arrives twice.
    Twice,
    /// It never arrives: the connection is cut before it, and the program asks for what it missed.
    Cut,
    /// It never arrives: after a while the server says 410, and everything is listed anew.
    Expired(Duration),
    /// The process is killed before it arrives.
    Killed,
    /// It arrives, and so long after it the process is killed.
    KilledAfter(Duration),
}

/// See the module.
pub trait Adversary: Send + Sync {
    /// Of a request.
    fn request(&self, request: &Request) -> Fate;
    /// Of an event of a watch.
    fn event(&self, notice: &Notice) -> Delivery;
    /// Of a call of the store.
    fn store(&self, process: &str, call: &'static str) -> Fate;
    /// The resource version as of which a list is answered, where that is not the newest: an API
    /// server may serve from a cache that lags behind.
    fn list_as_of(&self, _: &Request) -> Option<u64> {
        None
    }
}
