//! From a host to a connection: its name is resolved once, each address is judged, and exactly the
//! permitted ones are connected to, so that a second look at the name cannot lead elsewhere.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::failure::{Cause, Failure};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::resolve::Resolve;
use crate::url::Host;

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
        let addresses = self.resolve(server).await?;
        let mut forbidden = None;
        let mut permitted = Vec::new();
        for address in addresses {
            match self.policy.permits(address) {
                Ok(()) => permitted.push(SocketAddr::new(address, server.port)),
                Err(reason) => forbidden = Some(reason),
            }
        }
        permitted.truncate(self.limits.addresses);
        match forbidden {
            Some(reason) if permitted.is_empty() => Err(Failure::new(
                Cause::AddressForbidden,
                format!(
                    "{} is at {reason}, which this program may not connect to; use a server at \
                     another address, or ask an administrator to allow this one",
                    server.label
                ),
            )),
            _ => Ok(permitted),
        }
    }

    async fn resolve(&self, server: &Server) -> Result<Vec<IpAddr>, Failure> {
        let addresses = match &server.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => match self.resolver.resolve(name).await {
                Ok(addresses) => addresses,
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                // Its words are not repeated: they are for those who run the resolver.
                Err(_) => {
                    return Err(Failure::new(
                        Cause::Unreachable,
                        format!(
                            "the address of {} could not be found out, because the name servers \
                             of this cluster or of the host do not work; it will be asked again",
                            server.label
                        ),
                    ));
                }
            },
        };
        if addresses.is_empty() {
            return Err(Failure::new(
                Cause::NoSuchHost,
                format!("{} has no address; check the host in the repository URL", server.label),
            ));
        }
        Ok(addresses)
    }

    /// Connects to the first of the addresses that answers.
    pub(crate) async fn connect(
        &self,
        server: &Server,
        addresses: &[SocketAddr],
    ) -> Result<TcpStream, Failure> {
        let mut cause = Cause::TimedOut;
        for address in addresses {
            match timeout(self.limits.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // It only makes the exchange faster; nothing depends on it.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(_)) => cause = Cause::Unreachable,
                Err(_) => {}
            }
        }
        Err(Failure::new(
            cause,
            format!(
                "no connection to {} could be made; check the host and the port in the repository \
                 URL, and that the server can be reached from this cluster",
                server.label
            ),
        ))
    }
}
