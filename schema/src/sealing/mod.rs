//! Sealing: no credential lies in the database in the clear.
//!
//! A value is sealed directly with a key of the [`keyring`], under a random nonce, and bound to its
//! place: table, row and column. Moved to another row, it does not open. The algorithm is
//! XChaCha20-Poly1305: its nonces of 24 bytes can be random, whatever the number of values, and it
//! is as fast without hardware for AES.
//!
//! Secrets are compared by [`digests`], which are keyed: a stolen database cannot be searched for
//! guesses.

pub mod digests;
pub mod keyring;

use std::fmt;

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Generate as _, Payload};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

pub use keyring::{KeyId, Keyring, KeyringError, generate_key};

/// The first byte of a sealed value. Another algorithm or layout is another number.
const FORMAT: u8 = 1;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;
/// Longest text that is sealed, in bytes: the longest of the existing system's columns has 65,000
/// characters, of up to four bytes each.
pub const TEXT_LIMIT: usize = 256 * 1_024;

/// What the existing system's columns hold in the place of a sealed value. It is another word than
/// that system's own placeholder, which means that there is no credential.
pub const PLACEHOLDER: &str = "(sealed)";

/// Where a sealed value belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The table.
    pub table: String,
    /// The key of the row.
    pub row: String,
    /// The column.
    pub column: String,
}

impl Place {
    /// The place of a value.
    pub fn new(
        table: impl Into<String>,
        row: impl Into<String>,
        column: impl Into<String>,
    ) -> Self {
        Self { table: table.into(), row: row.into(), column: column.into() }
    }

    /// What is authenticated with the value. Each part says its length, so that no two places have
    /// the same.
    fn associated_data(&self, key: &KeyId) -> Vec<u8> {
        let mut data = vec![FORMAT];
        for part in [&self.table, &self.row, &self.column, key.as_str()] {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            data.extend(length.to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} {}", self.column, self.table, self.row)
    }
}

/// A sealed value, as the database stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The key that opens it.
    pub key: KeyId,
    /// Format, nonce, and the encrypted text with its tag.
    pub value: Vec<u8>,
}

/// Why a value was not sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is too long.
    #[error("it is longer than {TEXT_LIMIT} bytes")]
    TooLong,
    /// The keyring or the system's randomness failed.
    #[error("the system gave no randomness, or the keyring no key")]
    Failed,
}

/// Why a value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The keyring lacks the key.
    #[error("it is sealed with the key {0}, which is not in the keyring; add that key")]
    KeyMissing(KeyId),
    /// The value is not what was sealed at this place with this key.
    #[error(
        "the key {0} does not open it: the key is another one of the same name, or the value was \
         changed or moved; restore the key, or replace the credential"
    )]
    Refused(KeyId),
}

/// Seals a text for its place.
///
/// # Errors
///
/// It is too long, or there is no randomness.
pub fn seal(keyring: &Keyring, place: &Place, text: &SecretString) -> Result<Sealed, SealError> {
    let text = text.expose_secret().as_bytes();
    if text.len() > TEXT_LIMIT {
        return Err(SealError::TooLong);
    }
    let (key, cipher) = keyring.sealing().ok_or(SealError::Failed)?;
    let nonce = XNonce::try_generate().map_err(|_| SealError::Failed)?;
    let payload = Payload { msg: text, aad: &place.associated_data(&key) };
    let encrypted = cipher.encrypt(&nonce, payload).map_err(|_| SealError::Failed)?;
    let mut value = Vec::with_capacity(1 + NONCE_BYTES + encrypted.len());
    value.push(FORMAT);
    value.extend(nonce);
    value.extend(encrypted);
    Ok(Sealed { key, value })
}

/// Opens a value at its place.
///
/// # Errors
///
/// The key is missing, or the value does not belong here.
pub fn open(keyring: &Keyring, place: &Place, sealed: &Sealed) -> Result<SecretString, OpenError> {
    let key = &sealed.key;
    let cipher = keyring.opening(key).ok_or_else(|| OpenError::KeyMissing(key.clone()))?;
    let refused = || OpenError::Refused(key.clone());
    let (format, rest) = sealed.value.split_first().ok_or_else(refused)?;
    let (nonce, encrypted) = rest.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| refused())?;
    if *format != FORMAT {
        return Err(refused());
    }
    let payload = Payload { msg: encrypted, aad: &place.associated_data(key) };
    let text = cipher.decrypt(&nonce, payload).map(Zeroizing::new).map_err(|_| refused())?;
    std::str::from_utf8(&text).map(SecretString::from).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(ids: &[&str]) -> Keyring {
        let keys: Vec<String> = ids
            .iter()
            .map(|id| {
                let key = format!("{id:x<32}");
                use base64::Engine as _;
                format!("{id}={}", base64::prelude::BASE64_STANDARD.encode(key))
            })
            .collect();
        Keyring::parse(&keys.join(",").into()).unwrap()
    }

    fn place() -> Place {
        Place::new("repositorycredentials", "row", "repo_cred_pass")
    }

    fn text() -> SecretString {
        "hunter2".to_owned().into()
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_only() {
        let keyring = keyring(&["one"]);
        let sealed = seal(&keyring, &place(), &text()).unwrap();
        assert_eq!(open(&keyring, &place(), &sealed).unwrap().expose_secret(), "hunter2");
        let refused = OpenError::Refused(keyring.primary());
        for other in [
            Place::new("clustercredentials", "row", "repo_cred_pass"),
            Place::new("repositorycredentials", "other", "repo_cred_pass"),
            Place::new("repositorycredentials", "row", "repo_cred_ssh"),
            Place::new("repositorycredentials", "rowrepo_cred_", "pass"),
        ] {
            assert_eq!(open(&keyring, &other, &sealed).unwrap_err(), refused, "{other:?}");
        }
    }

    #[test]
    fn no_bit_of_a_sealed_value_may_change() {
        let keyring = keyring(&["one"]);
        let sealed = seal(&keyring, &place(), &text()).unwrap();
        for bit in 0..sealed.value.len() * 8 {
            let mut changed = sealed.clone();
            changed.value[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&keyring, &place(), &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.value.len() {
            let cut = Sealed { value: sealed.value[..length].to_vec(), ..sealed.clone() };
            assert!(open(&keyring, &place(), &cut).is_err(), "length {length}");
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same() {
        let keyring = keyring(&["one"]);
        let seal = || seal(&keyring, &place(), &text()).unwrap().value;
        assert_ne!(seal(), seal());
    }

    #[test]
    fn every_key_of_the_ring_opens_and_the_primary_seals() {
        let (old, both) = (keyring(&["one"]), keyring(&["two", "one"]));
        let before = seal(&old, &place(), &text()).unwrap();
        assert!(open(&both, &place(), &before).is_ok());
        let after = seal(&both, &place(), &text()).unwrap();
        assert_eq!(after.key.as_str(), "two");
        assert_eq!(
            open(&old, &place(), &after).unwrap_err(),
            OpenError::KeyMissing(after.key.clone())
        );
        // A value cannot be passed off as one of another key.
        let renamed = Sealed { key: before.key, ..after };
        assert!(open(&both, &place(), &renamed).is_err());
    }

    #[test]
    fn a_text_may_be_empty_or_long_but_not_longer() {
        let keyring = keyring(&["one"]);
        for length in [0, TEXT_LIMIT] {
            let text: SecretString = "ä".repeat(length / 2).into();
            let sealed = seal(&keyring, &place(), &text).unwrap();
            let opened = open(&keyring, &place(), &sealed).unwrap();
            assert_eq!(opened.expose_secret(), text.expose_secret());
        }
        let longer: SecretString = "a".repeat(TEXT_LIMIT + 1).into();
        assert_eq!(seal(&keyring, &place(), &longer).unwrap_err(), SealError::TooLong);
    }
}
