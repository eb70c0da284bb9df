//! Which addresses may be connected to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::prelude::*;
use tenant_servers::Policy;
use tenant_servers::policy::Forbidden;

fn forbids(policy: &Policy, address: &str) -> Option<Forbidden> {
    policy.permits(address.parse().unwrap()).err()
}

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

#[test]
fn defaults() {
    use Forbidden as No;
    for (address, verdict) in [
        ("192.0.2.1", None),
        ("10.0.0.1", None),
        ("172.16.0.1", None),
        ("192.168.1.1", None),
        ("100.64.0.1", None),
        ("fc00::1", None),
        ("2001:db8::1", None),
        ("::ffff:10.0.0.1", None),
        ("64:ff9b::10.0.0.1", None),
        ("127.0.0.1", Some(No::Loopback)),
        ("127.255.255.255", Some(No::Loopback)),
        ("::1", Some(No::Loopback)),
        ("::ffff:127.0.0.1", Some(No::Loopback)),
        ("::127.0.0.1", Some(No::Loopback)),
        ("::ffff:0:127.0.0.1", Some(No::Loopback)),
        ("64:ff9b::127.0.0.1", Some(No::Loopback)),
        ("2002:7f00:1::", Some(No::Loopback)),
        ("2002:7f00:1:2:3:4:5:6", Some(No::Loopback)),
        ("0.0.0.0", Some(No::Unspecified)),
        ("0.1.2.3", Some(No::Unspecified)),
        ("::", Some(No::Unspecified)),
        ("::ffff:0.0.0.0", Some(No::Unspecified)),
        ("169.254.0.1", Some(No::LinkLocal)),
        ("169.254.170.2", Some(No::LinkLocal)),
        ("fe80::1", Some(No::LinkLocal)),
        ("febf::1", Some(No::LinkLocal)),
        ("169.254.169.254", Some(No::Metadata)),
        ("::ffff:169.254.169.254", Some(No::Metadata)),
        ("64:ff9b::a9fe:a9fe", Some(No::Metadata)),
        ("2002:a9fe:a9fe::", Some(No::Metadata)),
        ("100.100.100.200", Some(No::Metadata)),
        ("168.63.129.16", Some(No::Metadata)),
        ("192.0.0.192", Some(No::Metadata)),
        ("fd00:ec2::254", Some(No::Metadata)),
        ("fd00:ec2::23", Some(No::Metadata)),
        ("fd20:ce::254", Some(No::Metadata)),
        ("fd00:42::42", Some(No::Metadata)),
        ("fd00:c1::a9fe:a9fe", Some(No::Metadata)),
        ("224.0.0.1", Some(No::Multicast)),
        ("239.255.255.255", Some(No::Multicast)),
        ("ff02::1", Some(No::Multicast)),
        ("255.255.255.255", Some(No::Broadcast)),
        ("::ffff:255.255.255.255", Some(No::Broadcast)),
    ] {
        assert_eq!(forbids(&Policy::default(), address), verdict, "{address}");
    }
}

#[test]
fn this_clusters_addresses_are_forbidden() {
    let own = vec!["10.96.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    let policy = Policy { own, ..Policy::default() };
    for address in ["10.96.0.1", "::ffff:10.96.0.1", "64:ff9b::10.96.0.1", "fd00::1"] {
        assert_eq!(forbids(&policy, address), Some(Forbidden::Own), "{address}");
    }
    assert_eq!(forbids(&policy, "10.96.0.2"), None);
    let mapped = Policy { own: vec!["::ffff:10.96.0.1".parse().unwrap()], ..Policy::default() };
    assert_eq!(forbids(&mapped, "10.96.0.1"), Some(Forbidden::Own));
}

#[test]
fn this_clusters_addresses_may_be_asked_where_others_like_them_may() {
    let own = ["10.96.0.1", "127.0.0.1", "192.0.2.1"].map(|address| address.parse().unwrap());
    let policy = Policy { own: own.to_vec(), deny: nets(&["192.0.2.0/24"]), ..Policy::default() };
    let policy = policy.with_own_asked();
    assert_eq!(forbids(&policy, "10.96.0.1"), None);
    assert_eq!(forbids(&policy, "127.0.0.1"), Some(Forbidden::Loopback));
    assert_eq!(forbids(&policy, "192.0.2.1"), Some(Forbidden::Denied));
}

#[test]
fn allowed_overrides_defaults_and_denied_overrides_all() {
    let policy = Policy {
        allow: nets(&["127.0.0.0/8", "10.96.0.1/32", "::1/128"]),
        deny: nets(&["127.0.0.2/32", "192.0.2.0/24", "2002::/16"]),
        own: vec!["10.96.0.1".parse().unwrap()],
    };
    for (address, verdict) in [
        ("127.0.0.1", None),
        ("::ffff:127.0.0.1", None),
        ("::1", None),
        ("10.96.0.1", None),
        ("127.0.0.2", Some(Forbidden::Denied)),
        ("::ffff:127.0.0.2", Some(Forbidden::Denied)),
        ("192.0.2.1", Some(Forbidden::Denied)),
        ("64:ff9b::192.0.2.1", Some(Forbidden::Denied)),
        ("2002:808:808::1", Some(Forbidden::Denied)),
        ("169.254.169.254", Some(Forbidden::Metadata)),
    ] {
        assert_eq!(forbids(&policy, address), verdict, "{address}");
    }
}

#[test]
fn mapped_networks_are_those_of_the_addresses_in_them() {
    let policy = Policy {
        allow: nets(&["::ffff:127.0.0.0/104"]),
        deny: nets(&["::ffff:192.0.2.7/120", "::ffff:127.0.0.2/128"]),
        own: Vec::new(),
    };
    for (address, verdict) in [
        ("127.0.0.1", None),
        ("::ffff:127.0.0.1", None),
        ("127.0.0.2", Some(Forbidden::Denied)),
        ("64:ff9b::127.0.0.2", Some(Forbidden::Denied)),
        ("192.0.2.1", Some(Forbidden::Denied)),
        ("::ffff:192.0.2.1", Some(Forbidden::Denied)),
        ("192.0.3.1", None),
    ] {
        assert_eq!(forbids(&policy, address), verdict, "{address}");
    }
    let all = Policy { deny: nets(&["::ffff:0:0/96"]), ..Policy::default() };
    assert_eq!(forbids(&all, "192.0.2.1"), Some(Forbidden::Denied));
    assert_eq!(forbids(&all, "2001:db8::1"), None);
}

#[test]
fn all_of_ipv6_allowed_is_not_all_of_ipv4() {
    let policy = Policy { allow: nets(&["::/0"]), ..Policy::default() };
    assert_eq!(forbids(&policy, "2002:7f00:1::"), Some(Forbidden::Loopback));
    assert_eq!(forbids(&policy, "::ffff:169.254.169.254"), Some(Forbidden::Metadata));
    assert_eq!(forbids(&policy, "::1"), None);
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
