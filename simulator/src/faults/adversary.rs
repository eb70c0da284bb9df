//! Decides what goes wrong with each request, each watch event, each store call and each question to a
//! git server. Random runs and exhaustive plans differ only in this.

use serde::{Deserialize, Serialize};
use tokio::time::Duration;

/// A request of the program to the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The sender.
    pub process: String,
    /// get, list, watch, create, update, patch or delete.
    pub verb: &'static str,
    /// The resource in the plural, with its subresource if any.
    pub resource: String,
    /// `namespace/name`, as far as the request contains them.
    pub object: String,
}

impl Request {
    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }

    /// Whether it concerns leadership rather than the work itself.
    pub fn is_about_leases(&self) -> bool {
        self.resource == "leases"
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}", self.verb, self.resource, self.object)
    }
}

/// The fate of a request or of a store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is done after a delay, and answered after another.
    Done {
        /// The delay until it is done.
        before: Duration,
        /// The delay from then until the answer.
        after: Duration,
    },
    /// It is not done.
    Refused(Refusal),
    /// It is done, then the connection is cut: the caller does not learn the outcome.
    Unknown,
    /// The process ends before it is done.
    KilledBefore,
    /// The process ends once it is done, before the answer arrives.
    KilledAfter,
}

/// How something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The connection is cut.
    Cut,
    /// 409: another client was faster.
    Conflict,
    /// 429: too many requests.
    TooManyRequests,
    /// 503: temporarily unavailable.
    Unavailable,
    /// 500, from behind the API server: etcd changes its leader, or an admission webhook is down.
    Internal,
}

/// An event that a watch is about to deliver to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The recipient.
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

/// The fate of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives after a while; those behind it wait.
    After(Duration),
    /// It arrives twice.
    Twice,
    /// It never arrives: the connection is cut before it, and the program fetches what it missed.
    Cut,
    /// It never arrives: after a while the server says 410, and everything is listed again.
    Expired(Duration),
    /// The process is killed before it arrives.
    Killed,
    /// It arrives, and this long after it the process is killed.
    KilledAfter(Duration),
}

/// The fate of a question to a git server, beside what the server itself does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// It is answered.
    Answered,
    /// The server fails.
    Fails,
    /// The answer never comes.
    Hangs,
    /// The process ends before it asks.
    KilledBefore,
    /// The process ends once the server has answered, before it hears that.
    KilledAfter,
}

/// See the module.
pub trait Adversary: Send + Sync {
    /// The fate of a request.
    fn request(&self, request: &Request) -> Fate;
    /// The fate of a watch event.
    fn event(&self, notice: &Notice) -> Delivery;
    /// The fate of a store call.
    fn store(&self, process: &str, call: &'static str) -> Fate;
    /// The fate of a question to a git server.
    fn question(&self, process: &str, url: &str) -> Asked;
    /// The resource version from which a list is answered, if not the newest: an API server may
    /// serve from a stale cache.
    fn list_as_of(&self, _: &Request) -> Option<u64> {
        None
    }
}
