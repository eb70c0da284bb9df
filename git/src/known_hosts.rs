//! Host keys of SSH servers, as OpenSSH's `known_hosts` files have them.
//!
//! Names are matched as Argo CD does, which uses Go's `x/crypto/ssh/knownhosts`: a line without a
//! port is for port 22 only, `host:port` without brackets is a host and a port, and a revoked key is
//! revoked for every host.
//!
//! A server proves that it has a key with a signature of the key exchange, which russh verifies. It
//! does not compare the signature's algorithm with the one that was agreed on: although this program
//! asks for SHA-256 or SHA-512 with RSA keys, russh also takes a signature with SHA-1, and there is
//! no way to have it refuse that. What is signed is a SHA-256 or longer hash of both sides' random
//! numbers, so that to pass for a server without its key takes a server that signs with SHA-1 and,
//! in the time of one connection, a collision that SHA-1's known weaknesses do not give so fast.
//! Checked is: the key is one of those in the file, it is not revoked, and it has signed this very
//! exchange. Not checked is: the hash in the signature, and certificates of hosts, which this
//! program does not ask for and refuses.

use ring::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, KnownHosts, Marker};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, HashAlg};

use crate::url::Host;

/// The keys of one host.
#[derive(Clone, Debug)]
pub(crate) struct HostKeys {
    known: Vec<KeyData>,
    revoked: Vec<KeyData>,
}

/// The port that a line without one is for.
const DEFAULT_PORT: u16 = 22;

impl HostKeys {
    /// The keys that the text has for a host. A line that cannot be read is left out, as OpenSSH
    /// does it, and so are authorities: this program checks no certificates of hosts.
    pub(crate) fn of(text: &str, host: &Host, port: u16) -> Self {
        let name = host.name();
        let mut keys = Self { known: Vec::new(), revoked: Vec::new() };
        for line in text.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let Some(Ok(entry)) = KnownHosts::new(&fields.join(" ")).next() else {
                continue;
            };
            let key = entry.public_key().key_data().clone();
            match entry.marker() {
                Some(Marker::Revoked) => keys.revoked.push(key),
                Some(Marker::CertAuthority) => {}
                None if is_for(&entry, &name, port) => keys.known.push(key),
                None => {}
            }
        }
        keys
    }

    /// Whether there is nothing to check the host by.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a key is one of the host's.
    pub(crate) fn accepts(&self, key: &KeyData) -> bool {
        self.known.contains(key) && !self.revoked.contains(key)
    }

    /// The algorithms to ask the host for: those of the known keys first, so that it presents a
    /// key that can be checked if it has one.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let (mut first, rest): (Vec<_>, Vec<_>) = algorithms().into_iter().partition(|algorithm| {
            self.known.iter().any(|key| is_same(&key.algorithm(), algorithm))
        });
        first.extend(rest);
        first
    }
}

/// All algorithms of host keys that this program accepts, the best first.
fn algorithms() -> Vec<Algorithm> {
    use russh::keys::EcdsaCurve::{NistP256, NistP384, NistP521};
    vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: NistP256 },
        Algorithm::Ecdsa { curve: NistP384 },
        Algorithm::Ecdsa { curve: NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ]
}

/// Whether a key is for an algorithm: one RSA key is for all of RSA's.
fn is_same(key: &Algorithm, algorithm: &Algorithm) -> bool {
    match (key, algorithm) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => key == algorithm,
    }
}

fn is_for(entry: &Entry, name: &str, port: u16) -> bool {
    match entry.host_patterns() {
        HostPatterns::Patterns(patterns) => matches_patterns(patterns, name, port),
        HostPatterns::HashedName { salt, hash } => {
            let hashed = match port {
                DEFAULT_PORT => name.to_owned(),
                port => format!("[{name}]:{port}"),
            };
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, hashed.as_bytes(), hash).is_ok()
        }
    }
}

/// One pattern must match, and no negated one may.
fn matches_patterns(patterns: &[String], name: &str, port: u16) -> bool {
    let mut found = false;
    for pattern in patterns {
        let (is_negated, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern.as_str()),
        };
        let (pattern, pattern_port) = split_port(pattern);
        if pattern_port == Some(port) && matches_wildcards(&pattern.to_ascii_lowercase(), name) {
            if is_negated {
                return false;
            }
            found = true;
        }
    }
    found
}

/// `[host]:port`, `host:port`, or `host` for the default port. With more than one colon and without
/// brackets it is an IPv6 address. A port that is none is for no port.
fn split_port(pattern: &str) -> (&str, Option<u16>) {
    if let Some((host, port)) = pattern.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        return (host, port.parse().ok());
    }
    match pattern.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (pattern, Some(DEFAULT_PORT)),
    }
}

/// `*` is any text and `?` any character. It takes time proportional to both lengths, whatever the
/// pattern: after a mismatch, only the last `*` takes one character more.
fn matches_wildcards(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut position) = (0, 0);
    let mut last_star = None;
    while position < name.len() {
        match (pattern.get(at), last_star) {
            (Some(b'*'), _) => {
                last_star = Some((at, position));
                at += 1;
            }
            (Some(character), _) if *character == b'?' || *character == name[position] => {
                at += 1;
                position += 1;
            }
            (_, Some((star, taken))) => {
                last_star = Some((star, taken + 1));
                at = star + 1;
                position = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|character| *character == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBE\
        mKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";

    fn host(name: &str) -> Host {
        match name.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(name.to_owned()),
        }
    }

    fn key(line: &str) -> KeyData {
        russh::keys::PublicKey::from_openssh(line).unwrap().key_data().clone()
    }

    fn knows(hosts: &str, name: &str, port: u16) -> bool {
        let text = format!("{hosts} {ED25519}\n");
        let keys = HostKeys::of(&text, &host(name), port);
        assert_eq!(keys.is_empty(), !keys.accepts(&key(ED25519)));
        keys.accepts(&key(ED25519))
    }

    #[test]
    fn patterns() {
        for (hosts, name, port, is_known) in [
            ("example.com", "example.com", 22, true),
            ("EXAMPLE.com", "example.com", 22, true),
            ("example.com", "example.com", 2222, false),
            ("example.com", "www.example.com", 22, false),
            ("[example.com]:2222", "example.com", 2222, true),
            ("[example.com]:2222", "example.com", 22, false),
            ("[example.com]:22", "example.com", 22, true),
            ("[example.com]:nonsense", "example.com", 22, false),
            ("example.com:2222", "example.com", 2222, true),
            ("example.com:2222", "example.com", 22, false),
            ("example.com:22", "example.com", 22, true),
            ("*.example.com:2222", "git.example.com", 2222, true),
            ("*,!example.com:22", "example.com", 22, false),
            ("example.com:", "example.com", 22, false),
            ("a.com,example.com", "example.com", 22, true),
            ("*.example.com", "www.example.com", 22, true),
            ("*.example.com", "example.com", 22, false),
            ("*.example.com,!www.example.com", "www.example.com", 22, false),
            ("!www.example.com,*.example.com", "www.example.com", 22, false),
            ("*.example.com,!www.example.com", "git.example.com", 22, true),
            ("!www.example.com", "git.example.com", 22, false),
            ("[*.example.com]:2222", "git.example.com", 2222, true),
            ("exampl?.com", "example.com", 22, true),
            ("exampl?.com", "exampl.com", 22, false),
            ("*", "example.com", 22, true),
            ("192.0.2.1", "192.0.2.1", 22, true),
            ("2001:db8::1", "2001:db8::1", 22, true),
            ("[2001:db8::1]:2222", "2001:db8::1", 2222, true),
            // ssh-keygen's own hash of example.com, and one of [localhost]:2222.
            (
                "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=",
                "example.com",
                22,
                true,
            ),
            (
                "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=",
                "example.com",
                2222,
                false,
            ),
            (
                "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=",
                "example.org",
                22,
                false,
            ),
            ("|1|not a hash", "example.com", 22, false),
        ] {
            assert_eq!(knows(hosts, name, port), is_known, "{hosts} for {name}:{port}");
        }
    }

    #[test]
    fn wildcards() {
        for (pattern, name, is_match) in [
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("*ab", "aab", true),
            ("a**", "a", true),
            ("?", "", false),
            ("abc", "ab", false),
        ] {
            assert_eq!(matches_wildcards(pattern, name), is_match, "{pattern} for {name}");
        }
        assert!(!matches_wildcards(&"*a".repeat(100), &"b".repeat(250)));
    }

    #[test]
    fn authorities_are_no_host_keys() {
        let text = format!("@cert-authority example.com {ED25519}");
        assert!(HostKeys::of(&text, &host("example.com"), 22).is_empty());
    }

    #[test]
    fn a_revoked_key_is_not_accepted() {
        let text = format!("example.com {ED25519}\nexample.com {OTHER}\n@revoked * {ED25519}");
        let keys = HostKeys::of(&text, &host("example.com"), 22);
        assert!(!keys.accepts(&key(ED25519)));
        assert!(keys.accepts(&key(OTHER)));
    }

    #[test]
    fn lines_that_cannot_be_read_do_not_hide_others() {
        let text = format!(
            "# a comment\n\nexample.com nonsense\nexample.com ssh-ed25519 AAAA\n@unknown x {OTHER}\n\
             \texample.com\t{ED25519} and a comment\r\n"
        );
        let keys = HostKeys::of(&text, &host("example.com"), 22);
        assert!(keys.accepts(&key(ED25519)));
        assert!(!keys.accepts(&key(OTHER)));
    }

    #[test]
    fn algorithms_with_keys_are_asked_for_first() {
        let text = format!("example.com {ECDSA}");
        let algorithms = HostKeys::of(&text, &host("example.com"), 22).algorithms();
        assert_eq!(algorithms[0].as_str(), "ecdsa-sha2-nistp256");
        assert_eq!(algorithms[1].as_str(), "ssh-ed25519");
        assert_eq!(algorithms.len(), self::algorithms().len());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*", hosts in "[|1!*?,:a-z\\[\\]]{1,30}") {
            HostKeys::of(&text, &host("example.com"), 22);
            HostKeys::of(&format!("{hosts} {ED25519}"), &host("example.com"), 22);
        }

        #[test]
        fn a_name_matches_itself(name in "[a-z.-]{0,20}", rest in "[a-z.-]{0,20}") {
            prop_assert!(matches_wildcards(&name, &name));
            let longer = format!("{}{}", name, rest);
            let (start, end) = (format!("{name}*"), format!("*{rest}"));
            prop_assert!(matches_wildcards(&start, &longer) && matches_wildcards(&end, &longer));
        }
    }
}
