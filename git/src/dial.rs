//! From a host to a connection, and what is said where there is none.

use std::net::SocketAddr;

use tenant_servers::{Host, Policy, Resolve, Unreached};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::failure::{Cause, Failure};
use crate::limits::Limits;

/// What connections are made with.
pub(crate) struct Dialer<'a> {
    pub(crate) resolver: &'a dyn Resolve,
    pub(crate) policy: &'a Policy,
    pub(crate) limits: Limits,
    /// When the check ends, however far it is.
    pub(crate) deadline: Instant,
}

/// A server to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// What people are told it is. A host that another server has named is never repeated: the
    /// name may contain the credential.
    pub(crate) label: String,
}

impl Server {
    /// A server that a tenant has named.
    pub(crate) fn named(host: &Host, port: u16) -> Self {
        Self { host: host.clone(), port, label: format!("{host}:{port}") }
    }
}

impl Dialer<'_> {
    /// The addresses of a server that may be connected to, at least one.
    pub(crate) async fn addresses(&self, server: &Server) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = self.dialer().addresses(&server.host, server.port).await;
        addresses.map_err(|unreached| failure(unreached, server))
    }

    /// Connects to the first of the addresses that answers.
    pub(crate) async fn connect(
        &self,
        server: &Server,
        addresses: &[SocketAddr],
    ) -> Result<TcpStream, Failure> {
        let connected = self.dialer().connect(addresses).await;
        connected.map_err(|unreached| failure(unreached, server))
    }

    fn dialer(&self) -> tenant_servers::Dialer<'_> {
        let Limits { connect, addresses, .. } = self.limits;
        tenant_servers::Dialer { resolver: self.resolver, policy: self.policy, connect, addresses }
    }
}

fn failure(unreached: Unreached, server: &Server) -> Failure {
    let label = &server.label;
    let (cause, sentence) = match unreached {
        Unreached::NoSuchHost => (
            Cause::NoSuchHost,
            format!("{label} has no address; check the host in the repository URL"),
        ),
        Unreached::Unresolved => (
            Cause::Unreachable,
            format!(
                "the address of {label} could not be found out, because the name servers of this \
                 cluster or of the host do not work; it will be asked again"
            ),
        ),
        Unreached::Forbidden(reason) => (
            Cause::AddressForbidden,
            format!(
                "{label} is at {reason}, which this program may not connect to; use a server at \
                 another address, or ask an administrator to allow this one"
            ),
        ),
        Unreached::Refused => (Cause::Unreachable, not_connected(label)),
        Unreached::TimedOut => (Cause::TimedOut, not_connected(label)),
    };
    Failure::new(cause, sentence)
}

fn not_connected(label: &str) -> String {
    format!(
        "no connection to {label} could be made; check the host and the port in the repository \
         URL, and that the server can be reached from this cluster"
    )
}
