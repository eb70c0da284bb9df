//! The spec, and what is wrong with one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::messages;
use crate::shared::redaction::password;
use crate::shared::{is_object_name, repository_url};

/// Longest URL that the database holds, in bytes.
pub const URL_LIMIT: usize = 512;
/// How the messages about the URL of a deployment call it.
const OF_A_DEPLOYMENT: &str = "spec.source.repoURL";

/// The spec of a GitOpsDeploymentRepositoryCredential; what is absent in the resource is empty here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CredentialSpec {
    /// `spec.repository`.
    pub repository: String,
    /// `spec.secret`.
    pub secret: String,
}

impl CredentialSpec {
    /// The name of the Secret; `None` if no Secret can have it.
    pub fn secret_name(&self) -> Option<&str> {
        Some(self.secret.as_str()).filter(|name| !name.is_empty() && is_object_name(name))
    }
}

/// What is wrong with a spec, whatever the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It names no Secret.
    NoSecret,
    /// No object can have the name of the Secret.
    SecretName,
    /// The URL is none that can be asked.
    Url(Cow<'static, str>),
}

/// What is wrong with a spec; `None` if nothing is.
pub fn problem(spec: &CredentialSpec) -> Option<Problem> {
    if spec.secret.is_empty() {
        return Some(Problem::NoSecret);
    }
    if !is_object_name(&spec.secret) {
        return Some(Problem::SecretName);
    }
    let url = spec.repository.as_str();
    let text = if password(url).is_some() {
        Cow::Borrowed(messages::URL_PASSWORD)
    } else if url.len() > URL_LIMIT {
        Cow::Borrowed(messages::URL_LENGTH)
    } else if !has_scheme(url) {
        Cow::Borrowed(messages::URL_SCHEME)
    } else {
        let complaint = repository_url::complaint(url)?;
        Cow::Owned(complaint.replace(OF_A_DEPLOYMENT, "spec.repository"))
    };
    Some(Problem::Url(text))
}

/// `https://`, `ssh://`, or `USER@HOST:PATH`, which is SSH as well.
fn has_scheme(url: &str) -> bool {
    match url.trim_start().split_once("://") {
        Some((scheme, _)) => matches!(scheme.to_ascii_lowercase().as_str(), "https" | "ssh"),
        None => url.contains('@') && url.contains(':'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(repository: &str) -> Option<Problem> {
        problem(&CredentialSpec { repository: repository.to_owned(), secret: "secret".to_owned() })
    }

    #[test]
    fn gaps_12_ssh_in_any_form_is_accepted() {
        for url in [
            "https://example.com/org/repo",
            "https://bob@example.com:8443/org/repo.git",
            "ssh://git@example.com/org/repo.git",
            "ssh://example.com:2222/org/repo.git",
            "git@example.com:org/repo.git",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn compatibility_6_other_schemes_have_the_contracts_text() {
        for url in ["", "http://example.com/a", "file:///a", "git://example.com/a", "example.com/a"]
        {
            assert_eq!(of(url), Some(Problem::Url(messages::URL_SCHEME.into())), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_of_this_field_and_without_its_password() {
        for url in ["https://bob:hunter2@example.com/a", "https://example.com/a b", "ssh://-a/b"] {
            let Some(Problem::Url(text)) = of(url) else { panic!("{url} was accepted") };
            assert!(text.starts_with("spec.repository has"), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("repoURL"), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_LIMIT));
        assert_eq!(of(&long), Some(Problem::Url(messages::URL_LENGTH.into())));
    }

    #[test]
    fn a_secret_must_be_named_as_an_object_can_be() {
        let named = |secret: &str| {
            let repository = "https://example.com/a".to_owned();
            problem(&CredentialSpec { repository, secret: secret.to_owned() })
        };
        assert_eq!(named(""), Some(Problem::NoSecret));
        for name in ["A", "a/b", "../a", ".", "..", "a..b", "-a", "a-", &"a".repeat(254)] {
            assert_eq!(named(name), Some(Problem::SecretName), "{name}");
        }
        assert_eq!(named("my.secret-1"), None);
    }
}
