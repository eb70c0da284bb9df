//! From a host to a connection: its name is resolved once, each address is judged, and exactly the
//! permitted ones are connected to, so that a second look at the name cannot lead elsewhere.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::host::Host;
use crate::policy::{Forbidden, Policy};
use crate::resolve::Resolve;

/// What connections are made with.
pub struct Dialer<'a> {
    /// What names are resolved by.
    pub resolver: &'a dyn Resolve,
    /// Which addresses may be connected to.
    pub policy: &'a Policy,
    /// One attempt to connect. An address that drops packets must leave time for the next.
    pub connect: Duration,
    /// Addresses tried. A name may have any number of them.
    pub addresses: usize,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The host has no address.
    #[error("no such host")]
    NoSuchHost,
    /// The resolver could not tell. Its words are not repeated: they are for those who run it.
    #[error("the name servers do not work")]
    Unresolved,
    /// The policy permits none of the host's addresses.
    #[error("the host is at {0}")]
    Forbidden(Forbidden),
    /// An address could not be connected to, and no other has answered.
    #[error("no connection could be made")]
    Refused,
    /// No address has answered in time.
    #[error("no address has answered in time")]
    TimedOut,
}

impl Dialer<'_> {
    /// The addresses of a server that may be connected to, at least one.
    pub async fn addresses(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, Unreached> {
        let addresses = self.resolve(host).await?;
        let mut forbidden = None;
        let mut permitted = Vec::new();
        for address in addresses {
            match self.policy.permits(address) {
                Ok(()) => permitted.push(SocketAddr::new(address, port)),
                Err(reason) => forbidden = Some(reason),
            }
        }
        permitted.truncate(self.addresses);
        match forbidden {
            Some(reason) if permitted.is_empty() => Err(Unreached::Forbidden(reason)),
            _ => Ok(permitted),
        }
    }

    async fn resolve(&self, host: &Host) -> Result<Vec<IpAddr>, Unreached> {
        let addresses = match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => match self.resolver.resolve(name).await {
                Ok(addresses) => addresses,
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                Err(_) => return Err(Unreached::Unresolved),
            },
        };
        if addresses.is_empty() { Err(Unreached::NoSuchHost) } else { Ok(addresses) }
    }

    /// Connects to the first of the addresses that answers.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Unreached> {
        let mut unreached = Unreached::TimedOut;
        for address in addresses {
            match timeout(self.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // It only makes the exchange faster; nothing depends on it.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(_)) => unreached = Unreached::Refused,
                Err(_) => {}
            }
        }
        Err(unreached)
    }
}
