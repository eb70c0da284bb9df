//! What a tenant shows to a server.

use russh::keys::signature::Signer;
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{self, PrivateKey};
use secrecy::{ExposeSecret, SecretString};
use tenant_servers::blocking;
use tokio::sync::Semaphore;

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

/// Private keys being read: the work takes a processor, of which the program has a few.
static KEYS: Semaphore = Semaphore::const_new(4);
/// An RSA key of 8192 bits fits; what `ssh-keygen` makes has 3072 unless it is told otherwise. The
/// work on a key grows with the cube of its length, and tenants choose it.
const MAX_KEY_TEXT: usize = 8 * 1024;
/// Marks of encrypted keys in PEM. Those in OpenSSH's format say so inside.
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];
/// A format that Argo CD does not read.
const PUTTY: &str = "PuTTY-User-Key-File-";

/// Reads a private key of a kind that Argo CD can use too. It takes a thread of its own: the work
/// may take long, and a tenant's nonsense may make a library panic.
pub(crate) async fn read_key(text: &SecretString) -> Result<PrivateKey, Failure> {
    let text = text.clone();
    let read = blocking::run(&KEYS, move || parse_key(text.expose_secret())).await;
    read.unwrap_or_else(|| Err(unreadable()))
}

fn parse_key(text: &str) -> Result<PrivateKey, Failure> {
    let text = text.trim();
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
        KeypairData::Ed25519(_) | KeypairData::Ecdsa(_) | KeypairData::Rsa(_) => {}
        _ => return Err(unreadable()),
    }
    // The numbers of an RSA key may have nothing to do with each other.
    let signature: Result<Signature, _> = key.try_sign(b"a trial");
    signature.map(|_| key).map_err(|_| unreadable())
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use russh::keys::key::safe_rng;
    use russh::keys::ssh_key::private::{EcdsaKeypair, RsaKeypair, RsaPrivateKey};
    use russh::keys::ssh_key::public::RsaPublicKey;
    use russh::keys::ssh_key::{LineEnding, Mpint};
    use russh::keys::{Algorithm, EcdsaCurve, encode_pkcs8_pem};

    use super::*;

    fn openssh(key: &PrivateKey) -> String {
        key.to_openssh(LineEnding::LF).unwrap().to_string()
    }

    fn pem(kind: &str, der: &[u8]) -> String {
        use base64::Engine;
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
    }

    fn pkcs8_der(key: &PrivateKey) -> Vec<u8> {
        use rustls::pki_types::pem::PemObject;
        let mut text = Vec::new();
        encode_pkcs8_pem(key, &mut text).unwrap();
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from_pem_slice(&text).unwrap();
        der.secret_pkcs8_der().to_vec()
    }

    fn ecdsa() -> PrivateKey {
        let algorithm = Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 };
        PrivateKey::random(&mut safe_rng(), algorithm).unwrap()
    }

    fn rsa(bits: usize) -> PrivateKey {
        RsaKeypair::random(&mut safe_rng(), bits).unwrap().into()
    }

    #[test]
    fn pkcs1_is_read() {
        let key = rsa(2048);
        // What PKCS#8 has around it for an RSA key of this length.
        let text = pem("RSA PRIVATE KEY", &pkcs8_der(&key)[26..]);
        assert_eq!(parse_key(&text).unwrap().public_key().key_data(), key.public_key().key_data());
    }

    #[test]
    fn sec1_is_read() {
        let key = ecdsa();
        let KeypairData::Ecdsa(EcdsaKeypair::NistP256 { private, .. }) = key.key_data() else {
            panic!("another kind of key");
        };
        let curve = [0xa0, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        let der = [&[0x30, 0x31, 2, 1, 1, 4, 0x20], private.as_slice(), &curve].concat();
        let parameters = pem("EC PARAMETERS", &curve[2..]);
        let text = format!("{parameters}{}", pem("EC PRIVATE KEY", &der));
        assert_eq!(parse_key(&text).unwrap().public_key().key_data(), key.public_key().key_data());
    }

    #[test]
    fn an_rsa_key_that_is_none_is_unreadable() {
        let number = |length: usize| Mpint::from_positive_bytes(&vec![0x7f; length]);
        for modulus in [0, 1, 256, 1024] {
            let public = RsaPublicKey::new(number(3), number(modulus));
            let private = RsaPrivateKey::new(number(20), number(20), number(20), number(20));
            let (Ok(public), Ok(private)) = (public, private) else {
                continue;
            };
            let key = PrivateKey::from(RsaKeypair::new(public, private).unwrap());
            assert_eq!(parse_key(&openssh(&key)).unwrap_err().cause(), Cause::KeyUnreadable);
        }
    }

    proptest! {
        #[test]
        fn damaged_keys_do_not_panic(
            kind in 0..3,
            at in 0.0..1.0,
            values in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            // It takes long to make.
            static RSA: LazyLock<PrivateKey> = LazyLock::new(|| rsa(2048));
            let key = match kind {
                0 => ecdsa(),
                1 => RSA.clone(),
                _ => PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap(),
            };
            let mut der = pkcs8_der(&key);
            let mut blob = key.to_bytes().unwrap().to_vec();
            for bytes in [&mut der, &mut blob] {
                let at = (bytes.len() as f64 * at) as usize;
                let end = (at + values.len()).min(bytes.len());
                bytes.splice(at..end, values.iter().copied());
            }
            // What PKCS#8 has around an RSA key is not in PKCS#1.
            let inner = &der[26.min(der.len())..];
            for text in [
                pem("PRIVATE KEY", &der),
                pem("EC PRIVATE KEY", &der),
                pem("RSA PRIVATE KEY", &der),
                pem("RSA PRIVATE KEY", inner),
                pem("OPENSSH PRIVATE KEY", &blob),
            ] {
                let _ = parse_key(&text);
            }
        }

        #[test]
        fn any_text_is_read_or_not(text: String) {
            let _ = parse_key(&text);
            let _ = parse_key(&format!("-----BEGIN PRIVATE KEY-----\n{text}"));
        }
    }
}
