//! Which addresses may be connected to.
//!
//! Tenants choose the servers, so a server may be one that only this program can reach: the
//! machine's own services, the cloud's metadata, this cluster's API server. Private ranges are
//! allowed, because many servers of tenants are there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses may be connected to. By default all but those of [`Forbidden`].
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Allowed even if they are forbidden by default or this cluster's own. Here and in `deny`,
    /// IPv4-mapped addresses are the IPv4 addresses in them.
    pub allow: Vec<IpNet>,
    /// Forbidden, whatever else applies.
    pub deny: Vec<IpNet>,
    /// The addresses of this cluster's API server, where tenants have no business to have it asked;
    /// see [`Policy::with_own_asked`].
    pub own: Vec<IpAddr>,
}

/// Why an address is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// In [`Policy::deny`].
    #[error("a denied address")]
    Denied,
    /// In [`Policy::own`].
    #[error("an address of this cluster")]
    Own,
    /// This machine.
    #[error("a loopback address")]
    Loopback,
    /// No machine, which the kernel takes for this one.
    #[error("an unspecified address")]
    Unspecified,
    /// Neighbors on the network, among them most metadata services.
    #[error("a link-local address")]
    LinkLocal,
    /// What a cloud tells its machines, credentials included.
    #[error("an address of a cloud's metadata service")]
    Metadata,
    /// Many machines.
    #[error("a multicast address")]
    Multicast,
    /// All machines of the network.
    #[error("a broadcast address")]
    Broadcast,
}

/// Metadata services outside the link-local ranges: Alibaba Cloud's, Oracle Cloud's and Azure's.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// The same of Google Cloud, Scaleway and Oracle Cloud.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];
/// All that AWS serves to its machines is in fd00:ec2::/32.
const METADATA_AWS: [u16; 2] = [0xfd00, 0xec2];

/// The length of what is before the IPv4 address in an IPv4-mapped one.
const MAPPED: u8 = 96;

impl Policy {
    /// The same where this cluster's own API server may be asked like any other server. It is not
    /// allowed whatever its address is: where it is on loopback, so are this machine's own services.
    #[must_use]
    pub fn with_own_asked(self) -> Self {
        Self { own: Vec::new(), ..self }
    }

    /// Whether the address may be connected to.
    pub fn permits(&self, address: IpAddr) -> Result<(), Forbidden> {
        let judged = judged(address);
        if self.deny.iter().any(|net| contains(net, judged) || net.contains(&address)) {
            return Err(Forbidden::Denied);
        }
        if self.allow.iter().any(|net| contains(net, judged)) {
            return Ok(());
        }
        if self.own.iter().any(|own| self::judged(*own) == judged) {
            return Err(Forbidden::Own);
        }
        match judged {
            IpAddr::V4(address) => permits_v4(address),
            IpAddr::V6(address) => permits_v6(address),
        }
    }
}

fn permits_v4(address: Ipv4Addr) -> Result<(), Forbidden> {
    if METADATA_V4.contains(&address) || address == Ipv4Addr::new(169, 254, 169, 254) {
        return Err(Forbidden::Metadata);
    }
    match address.octets() {
        [0, ..] => Err(Forbidden::Unspecified),
        [127, ..] => Err(Forbidden::Loopback),
        [169, 254, ..] => Err(Forbidden::LinkLocal),
        [224..=239, ..] => Err(Forbidden::Multicast),
        [255, 255, 255, 255] => Err(Forbidden::Broadcast),
        _ => Ok(()),
    }
}

fn permits_v6(address: Ipv6Addr) -> Result<(), Forbidden> {
    if METADATA_V6.contains(&address) || address.segments()[..2] == METADATA_AWS {
        return Err(Forbidden::Metadata);
    }
    if address.is_unspecified() {
        return Err(Forbidden::Unspecified);
    }
    if address.is_loopback() {
        return Err(Forbidden::Loopback);
    }
    if address.is_unicast_link_local() {
        return Err(Forbidden::LinkLocal);
    }
    if address.is_multicast() {
        return Err(Forbidden::Multicast);
    }
    Ok(())
}

/// Whether an address is in a network, which may be one of IPv4-mapped addresses.
fn contains(net: &IpNet, judged: IpAddr) -> bool {
    let mapped = match net {
        IpNet::V6(inner) if inner.prefix_len() >= MAPPED => {
            let inner = inner.network().to_ipv4_mapped().map(IpAddr::V4);
            inner.and_then(|address| IpNet::new(address, net.prefix_len() - MAPPED).ok())
        }
        _ => None,
    };
    mapped.as_ref().unwrap_or(net).contains(&judged)
}

/// The address that a packet would end at: the IPv4 address in an IPv6 address that has one.
fn judged(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(inner) => embedded(inner).map_or(address, IpAddr::V4),
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 =
        |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match [a, b, c, d, e, f] {
        // ::1 and :: are IPv6's own.
        [0, 0, 0, 0, 0, 0] if g == 0 && h <= 1 => None,
        // IPv4-compatible and IPv4-mapped.
        [0, 0, 0, 0, 0, 0 | 0xffff] => v4(g, h),
        // IPv4-translated.
        [0, 0, 0, 0, 0xffff, 0] => v4(g, h),
        // NAT64.
        [0x64, 0xff9b, 0, 0, 0, 0] => v4(g, h),
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}
