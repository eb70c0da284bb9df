//! The server in a URL.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The server: a name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, to be resolved.
    Name(String),
    /// An address that needs no resolver.
    Address(IpAddr),
}

/// Why a server in a URL is refused. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No host, or one that is neither a name nor an address.
    #[error("the host is empty or not valid")]
    Host,
    /// Not a number between 1 and 65535.
    #[error("the port is not valid")]
    Port,
}

/// The longest name that the domain name system has.
const MAX_NAME_LENGTH: usize = 253;

impl Host {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub fn parse_server(server: &str) -> Result<(Self, Option<u16>), HostError> {
        let (host, port) = if let Some(rest) = server.strip_prefix('[') {
            let (address, port) = rest.split_once(']').ok_or(HostError::Host)?;
            let address = Ipv6Addr::from_str(address).map_err(|_| HostError::Host)?;
            let port = match port.strip_prefix(':') {
                None if !port.is_empty() => return Err(HostError::Host),
                port => port,
            };
            (Self::Address(address.into()), port)
        } else {
            match server.split_once(':') {
                Some((host, port)) => (Self::parse(host)?, Some(port)),
                None => (Self::parse(server)?, None),
            }
        };
        Ok((host, port.map(parse_port).transpose()?))
    }

    fn parse(host: &str) -> Result<Self, HostError> {
        let is_name_character =
            |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        if host.is_empty()
            || host.len() > MAX_NAME_LENGTH
            || host.starts_with(['-', '.'])
            || !host.chars().all(is_name_character)
        {
            return Err(HostError::Host);
        }
        Ok(match IpAddr::from_str(host) {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(host.to_ascii_lowercase()),
        })
    }

    /// The name or the address, without the brackets that an IPv6 address has in a URL.
    pub fn name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

fn parse_port(port: &str) -> Result<u16, HostError> {
    match port.parse() {
        Ok(number) if number > 0 && port.chars().all(|digit| digit.is_ascii_digit()) => Ok(number),
        _ => Err(HostError::Port),
    }
}

impl Display for Host {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}
