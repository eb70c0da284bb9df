//! The servers of private repositories: the seam at which a simulator puts its own.

use std::fmt;

use futures::future::BoxFuture;
use git_access::url::GitUrl;
use git_access::{Checker, Credentials, Failure, Trust};

/// Lists the references of repositories.
pub trait Repositories: Send + Sync + fmt::Debug {
    /// Whether a repository accepts these credentials.
    ///
    /// # Errors
    ///
    /// Why it does not, or why its server cannot be asked.
    fn list<'a>(
        &'a self,
        url: &'a GitUrl,
        credentials: &'a Credentials,
        trust: &'a Trust,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Those that can be reached by the network.
pub struct Network(Checker);

impl Network {
    /// Reached as this checker does it.
    pub fn new(checker: Checker) -> Self {
        Self(checker)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

impl Repositories for Network {
    fn list<'a>(
        &'a self,
        url: &'a GitUrl,
        credentials: &'a Credentials,
        trust: &'a Trust,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.0.list(url, credentials, trust).await.map(drop) })
    }
}
