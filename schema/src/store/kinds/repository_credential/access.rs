//! How a private repository is reached: what a credential's row says, opened.

use machines::identity::Digest;
use secrecy::{ExposeSecret as _, SecretString};

use crate::sealing::digests::Digester;

/// What a user shows to a git server. What is absent is empty.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    /// The name of the user.
    pub username: SecretString,
    /// The password or token.
    pub password: SecretString,
    /// The private key.
    pub ssh_private_key: SecretString,
}

impl Credential {
    /// Whether there is a password.
    pub fn has_password(&self) -> bool {
        !self.password.expose_secret().is_empty()
    }

    /// Whether there is a private key.
    pub fn has_key(&self) -> bool {
        !self.ssh_private_key.expose_secret().is_empty()
    }
}

/// What a row says of a private repository.
#[derive(Clone, Debug)]
pub struct RepositoryAccess {
    /// The name of the user's Secret.
    pub name: String,
    /// The repository's URL, as written.
    pub url: String,
    /// The credential.
    pub credential: Credential,
}

impl RepositoryAccess {
    /// What Argo CD's repository Secret says of it, by key and in the order of the keys; what is empty
    /// is left out. Argo CD reads these keys.
    pub fn data(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { name, url, credential } = self;
        let data = [
            ("name", name.as_str()),
            ("password", credential.password.expose_secret()),
            ("sshPrivateKey", credential.ssh_private_key.expose_secret()),
            ("url", url.as_str()),
            ("username", credential.username.expose_secret()),
        ];
        data.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The keyed digest of all of it, by which it is compared with such a Secret.
    pub fn digest(&self, digester: &Digester) -> Digest {
        digester.digest(self.data().map(|(key, value)| (key, value.as_bytes())))
    }
}
