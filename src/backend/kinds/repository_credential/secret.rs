//! What is in the Secret of a tenant: a credential, or what is wrong with it.

use crds::repository_credential::secret_key;
use git_access::url::{GitUrl, Transport};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use machines::kinds::repository_credential::verdict::Verdict;
use schema::store::Credential;
use secrecy::SecretString;

use crate::backend::checks::secret::{TOO_LARGE, is_of_type, is_too_large};
use crate::backend::index::secrets::SecretType;

const NO_PASSWORD: &str = "the Secret has no \"password\", which an https:// URL needs";
const NO_KEY: &str = "the Secret has no \"sshPrivateKey\", which an SSH URL needs";

/// What to show to the server of a repository, by its URL and the tenant's Secret.
///
/// # Errors
///
/// What is wrong with the Secret. It repeats nothing that is in it.
pub fn credential(secret: &Secret, url: &GitUrl) -> Result<Credential, Verdict> {
    if !is_of_type(secret, SecretType::RepositoryCredential) {
        return Err(Verdict::SecretOfWrongType {});
    }
    if is_too_large(secret) {
        return Err(unusable(TOO_LARGE));
    }
    // Of a Secret that has both, Argo CD would use the password whatever the URL is.
    match url.transport() {
        Transport::Https => {
            let username = text(secret, secret_key::USERNAME)?;
            let password = text(secret, secret_key::PASSWORD)?;
            let credential = Credential { username, password, ..Credential::default() };
            let is_complete = credential.has_password();
            is_complete.then_some(credential).ok_or_else(|| unusable(NO_PASSWORD))
        }
        Transport::Ssh => {
            let ssh_private_key = text(secret, secret_key::SSH_PRIVATE_KEY)?;
            let credential = Credential { ssh_private_key, ..Credential::default() };
            let is_complete = credential.has_key();
            is_complete.then_some(credential).ok_or_else(|| unusable(NO_KEY))
        }
    }
}

fn text(secret: &Secret, key: &str) -> Result<SecretString, Verdict> {
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes = value.map(|ByteString(bytes)| bytes.as_slice()).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(unusable(&format!("\"{key}\" in the Secret is not UTF-8 text"))),
    }
}

fn unusable(text: &str) -> Verdict {
    Verdict::SecretUnusable { text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::checks::secret::SIZE_LIMIT;

    const HTTPS: &str = "https://example.com/a";

    fn secret(data: &[(&str, &[u8])]) -> Secret {
        let entry = |(key, value): &(&str, &[u8])| ((*key).to_owned(), ByteString(value.to_vec()));
        Secret {
            type_: Some(crds::names::REPOSITORY_CREDENTIAL_SECRET_TYPE.to_owned()),
            data: Some(data.iter().map(entry).collect()),
            ..Secret::default()
        }
    }

    fn wrong(secret: &Secret, url: &str) -> String {
        match credential(secret, &GitUrl::parse(url).unwrap()) {
            Err(Verdict::SecretUnusable { text }) => text,
            other => panic!("{:?}", other.map(|_| ())),
        }
    }

    #[test]
    fn a_secret_has_what_its_url_needs() {
        let password = secret(&[("username", b"bob"), ("password", b"hunter2")]);
        let token = secret(&[("password", b"hunter2")]);
        let key = secret(&[("sshPrivateKey", b"-----BEGIN")]);
        for (secret, url) in [
            (&password, HTTPS),
            (&token, HTTPS),
            (&key, "ssh://git@example.com/a"),
            (&key, "git@example.com:a"),
        ] {
            assert!(credential(secret, &GitUrl::parse(url).unwrap()).is_ok(), "{url}");
        }
        assert!(wrong(&key, HTTPS).contains("\"password\""));
        assert!(wrong(&password, "git@example.com:a").contains("\"sshPrivateKey\""));
    }

    #[test]
    fn of_a_secret_that_has_both_only_what_the_url_needs_is_used() {
        let both = secret(&[("username", b"bob"), ("password", b"a"), ("sshPrivateKey", b"b")]);
        for (url, has_password, has_key) in
            [(HTTPS, true, false), ("ssh://git@example.com/a", false, true)]
        {
            let credential = credential(&both, &GitUrl::parse(url).unwrap()).unwrap();
            let has = (credential.has_password(), credential.has_key());
            assert_eq!(has, (has_password, has_key), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_what_is_in_it() {
        assert!(wrong(&secret(&[]), HTTPS).contains("no \"password\""));
        assert!(wrong(&secret(&[("password", b"")]), HTTPS).contains("no \"password\""));
        let large = vec![b'a'; SIZE_LIMIT];
        assert!(wrong(&secret(&[("other", &large)]), HTTPS).contains("64 KiB"));
        let text = wrong(&secret(&[("password", b"hunter2\xff")]), HTTPS);
        assert!(text.contains("UTF-8") && !text.contains("hunter2"), "{text}");
        let other = Secret { type_: Some("Opaque".to_owned()), ..secret(&[("password", b"a")]) };
        let verdict = credential(&other, &GitUrl::parse(HTTPS).unwrap()).unwrap_err();
        assert_eq!(verdict, Verdict::SecretOfWrongType {});
    }
}
