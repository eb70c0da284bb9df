//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use git_access::Policy;
use git_access::policy::Forbidden;
use ipnet::IpNet;
use proptest::prelude::*;

fn permits(policy: &Policy, address: &str) -> Result<(), Forbidden> {
    policy.permits(address.parse().unwrap())
}

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

#[test]
fn defaults() {
    use Forbidden as No;
    for (address, verdict) in [
        ("192.0.2.1", Ok(())),
        ("10.0.0.1", Ok(())),
        ("172.16.0.1", Ok(())),
        ("192.168.1.1", Ok(())),
        ("100.64.0.1", Ok(())),
        ("fc00::1", Ok(())),
        ("2001:db8::1", Ok(())),
        ("::ffff:10.0.0.1", Ok(())),
        ("64:ff9b::10.0.0.1", Ok(())),
        ("127.0.0.1", Err(No::Loopback)),
        ("127.255.255.255", Err(No::Loopback)),
        ("::1", Err(No::Loopback)),
        ("::ffff:127.0.0.1", Err(No::Loopback)),
        ("::127.0.0.1", Err(No::Loopback)),
        ("::ffff:0:127.0.0.1", Err(No::Loopback)),
        ("64:ff9b::127.0.0.1", Err(No::Loopback)),
        ("2002:7f00:1::", Err(No::Loopback)),
        ("2002:7f00:1:2:3:4:5:6", Err(No::Loopback)),
        ("0.0.0.0", Err(No::Unspecified)),
        ("0.1.2.3", Err(No::Unspecified)),
        ("::", Err(No::Unspecified)),
        ("::ffff:0.0.0.0", Err(No::Unspecified)),
        ("169.254.0.1", Err(No::LinkLocal)),
        ("169.254.170.2", Err(No::LinkLocal)),
        ("fe80::1", Err(No::LinkLocal)),
        ("febf::1", Err(No::LinkLocal)),
        ("169.254.169.254", Err(No::Metadata)),
        ("::ffff:169.254.169.254", Err(No::Metadata)),
        ("64:ff9b::a9fe:a9fe", Err(No::Metadata)),
        ("2002:a9fe:a9fe::", Err(No::Metadata)),
        ("100.100.100.200", Err(No::Metadata)),
        ("168.63.129.16", Err(No::Metadata)),
        ("192.0.0.192", Err(No::Metadata)),
        ("fd00:ec2::254", Err(No::Metadata)),
        ("fd00:ec2::23", Err(No::Metadata)),
        ("fd20:ce::254", Err(No::Metadata)),
        ("224.0.0.1", Err(No::Multicast)),
        ("239.255.255.255", Err(No::Multicast)),
        ("ff02::1", Err(No::Multicast)),
        ("255.255.255.255", Err(No::Broadcast)),
        ("::ffff:255.255.255.255", Err(No::Broadcast)),
    ] {
        assert_eq!(permits(&Policy::default(), address), verdict, "{address}");
    }
}

#[test]
fn this_clusters_addresses_are_forbidden() {
    let own = vec!["10.96.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    let policy = Policy { own, ..Policy::default() };
    for address in ["10.96.0.1", "::ffff:10.96.0.1", "64:ff9b::10.96.0.1", "fd00::1"] {
        assert_eq!(permits(&policy, address), Err(Forbidden::Own), "{address}");
    }
    assert_eq!(permits(&policy, "10.96.0.2"), Ok(()));
    let mapped = Policy { own: vec!["::ffff:10.96.0.1".parse().unwrap()], ..Policy::default() };
    assert_eq!(permits(&mapped, "10.96.0.1"), Err(Forbidden::Own));
}

#[test]
fn allowed_overrides_defaults_and_denied_overrides_all() {
    let policy = Policy {
        allow: nets(&["127.0.0.0/8", "10.96.0.1/32", "::1/128"]),
        deny: nets(&["127.0.0.2/32", "192.0.2.0/24", "2002::/16"]),
        own: vec!["10.96.0.1".parse().unwrap()],
    };
    for (address, verdict) in [
        ("127.0.0.1", Ok(())),
        ("::ffff:127.0.0.1", Ok(())),
        ("::1", Ok(())),
        ("10.96.0.1", Ok(())),
        ("127.0.0.2", Err(Forbidden::Denied)),
        ("::ffff:127.0.0.2", Err(Forbidden::Denied)),
        ("192.0.2.1", Err(Forbidden::Denied)),
        ("64:ff9b::192.0.2.1", Err(Forbidden::Denied)),
        ("2002:808:808::1", Err(Forbidden::Denied)),
        ("169.254.169.254", Err(Forbidden::Metadata)),
    ] {
        assert_eq!(permits(&policy, address), verdict, "{address}");
    }
}

#[test]
fn all_of_ipv6_allowed_is_not_all_of_ipv4() {
    let policy = Policy { allow: nets(&["::/0"]), ..Policy::default() };
    assert_eq!(permits(&policy, "2002:7f00:1::"), Err(Forbidden::Loopback));
    assert_eq!(permits(&policy, "::ffff:169.254.169.254"), Err(Forbidden::Metadata));
    assert_eq!(permits(&policy, "::1"), Ok(()));
}

/// All ways to write an IPv4 address as an IPv6 one.
fn disguises(address: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b] = [(address.to_bits() >> 16) as u16, address.to_bits() as u16];
    vec![
        address.to_ipv6_mapped(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
        Ipv6Addr::new(0x2002, a, b, 1, 2, 3, 4, 5),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
    ]
}

fn any_net() -> impl Strategy<Value = IpNet> {
    (any::<IpAddr>(), 0_u8..=32).prop_map(|(address, length)| IpNet::new(address, length).unwrap())
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let list = || proptest::collection::vec(any_net(), 0..4);
    (list(), list(), proptest::collection::vec(any::<IpAddr>(), 0..4))
        .prop_map(|(allow, deny, own)| Policy { allow, deny, own })
}

proptest! {
    #[test]
    fn a_disguise_is_seen_through(policy in any_policy(), address: Ipv4Addr) {
        // What is denied as an IPv6 address may also be denied as such.
        let deny = policy.deny.iter().filter(|net| net.addr().is_ipv4()).copied().collect();
        let policy = Policy { deny, ..policy };
        for disguise in disguises(address) {
            prop_assert_eq!(policy.permits(disguise.into()), policy.permits(address.into()));
        }
    }

    #[test]
    fn no_forbidden_range_is_open(low in 0_u32..0x0100_0000) {
        for first in [0_u32, 127] {
            let address = Ipv4Addr::from_bits(first << 24 | low);
            prop_assert!(Policy::default().permits(address.into()).is_err());
        }
        let address = Ipv4Addr::from_bits(0xa9fe_0000 | (low & 0xffff));
        prop_assert!(Policy::default().permits(address.into()).is_err());
    }

    #[test]
    fn denied_stays_denied(policy in any_policy(), address: IpAddr) {
        let deny = vec![IpNet::from(address)];
        let policy = Policy { deny, ..policy };
        prop_assert!(policy.permits(address).is_err());
    }

    #[test]
    fn own_is_forbidden_unless_allowed(policy in any_policy(), address: IpAddr) {
        let own = vec![address];
        let policy = Policy { own, allow: Vec::new(), ..policy };
        prop_assert!(policy.permits(address).is_err());
    }
}
