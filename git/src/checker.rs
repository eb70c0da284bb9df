//! The check: whether a credential opens a repository.

use std::sync::Arc;
use std::time::Duration;

use tenant_servers::tls::SystemRoots;
use tenant_servers::{Policy, Resolve, SystemResolver};
use tokio::time::{Instant, timeout_at};

use crate::advertisement::Listing;
use crate::credentials::Credentials;
use crate::dial::{Dialer, Server};
use crate::failure::{Cause, Failure};
use crate::limits::Limits;
use crate::trust::Trust;
use crate::url::{GitUrl, Transport};
use crate::{https, ssh};

/// No clock has a moment that is any time from now.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Lists the references of repositories. One of it serves any number of checks at a time.
pub struct Checker {
    resolver: Arc<dyn Resolve>,
    policy: Policy,
    limits: Limits,
    roots: SystemRoots,
}

impl Checker {
    /// A checker that connects where the policy permits it.
    pub fn new(policy: Policy) -> Self {
        Self {
            resolver: Arc::new(SystemResolver),
            policy,
            limits: Limits::default(),
            roots: SystemRoots::default(),
        }
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Lists the references of a repository, as `git ls-remote` does. All of it, connections
    /// included, ends when the future is dropped, with one exception: the system's look-up of a
    /// name, the reading of a private key, and that of the system's root certificates are work on
    /// threads, which goes on to its own end once it has begun. How much of it there is at a time
    /// is bounded, for all checkers of the program together.
    pub async fn list(
        &self,
        url: &GitUrl,
        credentials: &Credentials,
        trust: &Trust,
    ) -> Result<Listing, Failure> {
        let deadline = Instant::now() + self.limits.total.min(LONGEST);
        let (resolver, policy) = (self.resolver.as_ref(), &self.policy);
        let dialer = Dialer { resolver, policy, limits: self.limits, deadline };
        let listing = async {
            match url.transport() {
                Transport::Https => {
                    https::list(&dialer, url, credentials, trust, &self.roots).await
                }
                Transport::Ssh => ssh::list(&dialer, url, credentials, trust).await,
            }
        };
        timeout_at(deadline, listing).await.unwrap_or_else(|_| {
            Err(Failure::new(
                Cause::TimedOut,
                format!(
                    "{} has not listed the repository's references within {} seconds; check that \
                     the server works",
                    Server::named(url.host(), url.port()).label,
                    self.limits.total.as_secs_f32()
                ),
            ))
        })
    }
}
