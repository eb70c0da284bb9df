//! The target clusters of tenants: the seam at which a simulator puts its own.

use std::fmt;

use cluster_access::{
    ClusterClient, Failure, Installation, Namespaces, RemoteObject, Revocation, Target,
};
use futures::future::BoxFuture;
use secrecy::SecretString;

/// Asks clusters, and makes and removes this program's accounts there.
pub trait Clusters: Send + Sync + fmt::Debug {
    /// Whether a cluster accepts its token.
    ///
    /// # Errors
    ///
    /// Why it does not, or why it cannot be asked.
    fn check<'a>(
        &'a self,
        target: &'a Target,
        namespaces: &'a Namespaces,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Makes an account what it should be, and returns its token.
    ///
    /// # Errors
    ///
    /// What could not be made, or why.
    fn install<'a>(
        &'a self,
        target: &'a Target,
        installation: &'a Installation,
    ) -> BoxFuture<'a, Result<SecretString, Failure>>;

    /// Deletes objects of accounts, and returns those that are left.
    fn revoke<'a>(
        &'a self,
        target: &'a Target,
        objects: &'a [RemoteObject],
    ) -> BoxFuture<'a, Revocation>;
}

/// Those that can be reached by the network.
pub struct Network(ClusterClient);

impl Network {
    /// Reached as this client does it.
    pub fn new(client: ClusterClient) -> Self {
        Self(client)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

impl Clusters for Network {
    fn check<'a>(
        &'a self,
        target: &'a Target,
        namespaces: &'a Namespaces,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.0.check(target, namespaces))
    }

    fn install<'a>(
        &'a self,
        target: &'a Target,
        installation: &'a Installation,
    ) -> BoxFuture<'a, Result<SecretString, Failure>> {
        Box::pin(self.0.install(target, installation))
    }

    fn revoke<'a>(
        &'a self,
        target: &'a Target,
        objects: &'a [RemoteObject],
    ) -> BoxFuture<'a, Revocation> {
        Box::pin(self.0.revoke(target, objects))
    }
}
