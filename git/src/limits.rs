//! How much of a server's time and data a check takes.

use std::time::Duration;

/// How much of a server's time and data a check takes at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The whole check, from the name to the last reference. A server that sends a byte now and
    /// then must not hold a check for good; an honest one needs seconds.
    pub total: Duration,
    /// One attempt to connect. An address that drops packets must leave time for the next.
    pub connect: Duration,
    /// Addresses tried. A name may have any number of them.
    pub addresses: usize,
    /// Redirects followed. A chain may be endless; git itself follows 20. Argo CD follows none.
    pub redirects: usize,
    /// Bytes of the head of an HTTP response, which has to be held in memory. They are counted
    /// between reads, so that up to twice as many may pass, and never fewer than 8192.
    pub head: usize,
    /// Bytes of a listing. They are counted and discarded; without a limit, a server could keep
    /// this program downloading until the time is up.
    pub listing: usize,
    /// References of a listing. The largest repositories have some hundred thousand.
    pub references: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            addresses: 8,
            redirects: 5,
            head: 64 * 1024,
            listing: 16 * 1024 * 1024,
            references: 1_000_000,
        }
    }
}
