//! Keyed digests of secrets: the same secret has the same digest, and without the key nobody can
//! tell which secret a digest is of, however short it is.
//!
//! The key is random, made once for a database and sealed in it like any secret. So a rotation of
//! the keyring changes no digest.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use machines::identity::Digest;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Bytes of a digest: as many as of one without a key.
const DIGEST_BYTES: usize = 16;

/// Computes digests. Clones share the key.
#[derive(Clone)]
pub struct Digester {
    key: Arc<SecretString>,
}

impl Digester {
    /// With this key.
    pub fn new(key: SecretString) -> Self {
        Self { key: Arc::new(key) }
    }

    /// The digest of named values, whose order counts.
    pub fn digest<'a>(&self, values: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Digest {
        // A key of any length is accepted.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose_secret().as_bytes())
        else {
            return Digest::default();
        };
        for (name, value) in values {
            for part in [name.as_bytes(), value] {
                // Each part says its length: no two lists of values are the same text.
                mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                mac.update(part);
            }
        }
        let bytes = mac.finalize().into_bytes();
        let digits = bytes.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}"));
        Digest::new(digits.collect::<String>())
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digester")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digester(key: &str) -> Digester {
        Digester::new(key.to_owned().into())
    }

    #[test]
    fn a_digest_depends_on_the_key_and_on_every_value() {
        let values: [(&str, &[u8]); 2] = [("username", b"bob"), ("password", b"hunter2")];
        let digest = digester("key").digest(values);
        assert_eq!(digest.as_str().len(), 32);
        assert_eq!(digester("key").digest(values), digest);
        assert_ne!(digester("other").digest(values), digest);
        let moved: [(&str, &[u8]); 2] = [("username", b"bobh"), ("password", b"unter2")];
        assert_ne!(digester("key").digest(moved), digest);
        let (first, _) = values.split_at(1);
        assert_ne!(digester("key").digest(first.iter().copied()), digest);
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", digester("secret")), "Digester");
    }
}
