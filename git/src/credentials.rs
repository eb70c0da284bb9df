//! What a tenant shows to a server.

use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{self, PrivateKey};
use secrecy::{ExposeSecret, SecretString};

use crate::failure::{Cause, Failure};

/// What a tenant shows to a server. Each transport uses what it can: HTTPS ignores a private key.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Nothing.
    #[default]
    Anonymous,
    /// For HTTPS basic authentication, for SSH a password.
    Basic {
        /// Empty for the user in the URL.
        username: SecretString,
        /// A password or a token.
        password: SecretString,
    },
    /// A private key, in OpenSSH's format or in PEM (PKCS#1, PKCS#8 or SEC1).
    SshKey(SecretString),
}

/// Longer than any usable key. Work on a key grows with the cube of its length, and tenants choose
/// it.
const MAX_KEY_TEXT: usize = 8 * 1024;
/// The most bits of an RSA key; what `ssh-keygen` makes has 3072 unless it is told otherwise.
const MAX_RSA_BITS: u32 = 8192;
/// Marks of encrypted keys in PEM. Those in OpenSSH's format say so inside.
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];
/// A format that Argo CD does not read.
const PUTTY: &str = "PuTTY-User-Key-File-";

/// Reads a private key of a kind that Argo CD can use too.
pub(crate) fn read_key(text: &SecretString) -> Result<PrivateKey, Failure> {
    let text = text.expose_secret().trim();
    if ENCRYPTED.iter().any(|mark| text.contains(mark)) {
        return Err(encrypted());
    }
    if text.len() > MAX_KEY_TEXT || text.starts_with(PUTTY) {
        return Err(unreadable());
    }
    let key = keys::decode_secret_key(text, None).map_err(|error| match error {
        keys::Error::KeyIsEncrypted => encrypted(),
        _ => unreadable(),
    })?;
    match key.key_data() {
        KeypairData::Ed25519(_) | KeypairData::Ecdsa(_) => Ok(key),
        KeypairData::Rsa(pair) if pair.public().key_size() <= MAX_RSA_BITS => Ok(key),
        _ => Err(unreadable()),
    }
}

fn encrypted() -> Failure {
    Failure::new(
        Cause::KeyEncrypted,
        "the SSH private key is protected by a passphrase; store a key without one",
    )
}

fn unreadable() -> Failure {
    Failure::new(
        Cause::KeyUnreadable,
        "the SSH private key cannot be read; store an Ed25519, ECDSA, or RSA key in OpenSSH or PEM \
         format, with all its lines",
    )
}
