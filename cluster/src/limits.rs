//! How much of a cluster's time and data is taken.

use std::time::Duration;

/// How much of a cluster's time and data is taken at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One request, from the name to the end of the answer: so also a whole check. A server that
    /// sends a byte now and then must not hold it for good; an honest one needs a second.
    pub request: Duration,
    /// One attempt to connect. An address that drops packets must leave time for the next.
    pub connect: Duration,
    /// Addresses tried. A name may have any number of them.
    pub addresses: usize,
    /// Bytes of the head of an HTTP response, which has to be held in memory. They are counted
    /// between reads, so that up to twice as many may pass, and never fewer than 8192.
    pub head: usize,
    /// Bytes of the body of a response, which is held in memory. The largest object that an API
    /// server keeps has one and a half MiB, and more in JSON.
    pub body: usize,
    /// All requests of an installation but the wait for the token. With a hundred namespaces there
    /// are two hundred of them.
    pub install: Duration,
    /// The wait for the token of a ServiceAccount, which a controller of the cluster makes. The
    /// existing system waits as long.
    pub token: Duration,
    /// The pause before the token is looked for again, doubled each time, up to
    /// [`Limits::longest_pause`]: usually it is there at once.
    pub pause: Duration,
    /// The longest such pause.
    pub longest_pause: Duration,
    /// All requests of a revocation. It is repeated if it was not enough.
    pub revoke: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            addresses: 8,
            head: 64 * 1024,
            body: 4 * 1024 * 1024,
            install: Duration::from_secs(120),
            token: Duration::from_secs(120),
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(5),
            revoke: Duration::from_secs(120),
        }
    }
}
