//! From a host's name to its addresses.

use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;

use crate::blocking::{self, LOOK_UPS};

/// The addresses of a name, to come.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Resolves names; a trait so that tests can decide the answers.
pub trait Resolve: Send + Sync {
    /// The addresses of a host, in the order in which to try them. None, or an error of the kind
    /// [`io::ErrorKind::NotFound`], says that there is no such host; any other error says that the
    /// resolver could not tell.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let name = host.to_owned();
            let look_up = move || {
                let addresses = (name.as_str(), 0).to_socket_addrs()?;
                Ok(addresses.map(|address| address.ip()).collect())
            };
            let found: io::Result<_> = blocking::run(&LOOK_UPS, look_up)
                .await
                .unwrap_or_else(|| Err(io::Error::other("the look-up of a name has been lost")));
            found.map_err(|error| match is_no_such_host(&error.to_string()) {
                true => io::Error::new(io::ErrorKind::NotFound, error),
                false => error,
            })
        })
    }
}

/// What `getaddrinfo` says if a name has no address: those of glibc, of musl, and of macOS. The
/// standard library has no kind for it, and passes on the text alone, which is always in English.
const NO_SUCH_HOST: [&str; 6] = [
    "Name or service not known",
    "No address associated with hostname",
    "Address family for hostname not supported",
    "Name does not resolve",
    "Name has no usable address",
    "nodename nor servname provided, or not known",
];

fn is_no_such_host(text: &str) -> bool {
    NO_SUCH_HOST.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_has_an_address() {
        let addresses = SystemResolver.resolve("localhost").await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback) && !addresses.is_empty());
    }

    #[test]
    fn a_resolver_that_fails_is_told_from_a_name_that_is_none() {
        let says = |text: &str| format!("failed to lookup address information: {text}");
        assert!(is_no_such_host(&says("Name or service not known")));
        assert!(is_no_such_host(&says("Name does not resolve")));
        assert!(!is_no_such_host(&says("Temporary failure in name resolution")));
        assert!(!is_no_such_host(&says("Try again")));
        assert!(!is_no_such_host(&says("Non-recoverable failure in name resolution")));
    }
}
