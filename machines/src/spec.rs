//! What a GitOpsDeployment asks for, and the rules that it must keep.

use serde::{Deserialize, Serialize};

use crate::messages;
use crate::redaction::has_password;

/// The sync options that a deployment may set.
pub const SUPPORTED_SYNC_OPTIONS: [&str; 2] = ["CreateNamespace=true", "CreateNamespace=false"];
/// Longest repository URL that the database's `appprojectrepository.repo_url` holds, in bytes.
pub const REPO_URL_LIMIT: usize = 256;
/// Longest name of a GitOpsDeployment that the database's mapping row holds, in bytes.
pub const NAME_LIMIT: usize = 256;
/// Longest path, revision or namespace, in bytes: keeps every rendered document within the
/// database's 16,384 bytes for `application.spec_field` with room for the fixed parts.
pub const FIELD_LIMIT: usize = 1_024;
/// Most sync options; there are two that mean anything, and duplicates are kept as written.
pub const SYNC_OPTIONS_LIMIT: usize = 32;

/// The spec of a GitOpsDeployment; what is absent in the resource is empty here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSpec {
    /// `spec.source.repoURL`, as written but for a password in it: see [`crate::redaction`].
    pub repo_url: String,
    /// `spec.source.path`.
    pub path: String,
    /// `spec.source.targetRevision`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
    /// `spec.destination.environment`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// `spec.destination.namespace`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub destination_namespace: String,
    /// `spec.syncPolicy.syncOptions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// `spec.type`.
    pub type_: String,
}

impl DeploymentSpec {
    /// Whether Argo CD syncs by itself.
    pub fn is_automated(&self) -> bool {
        self.type_ == "automated"
    }
}

/// Checks a spec; the error is the text that the user reads.
///
/// `first` tells whether no Application of the deployment exists yet: two of the contract's texts
/// differ between the first and a later reconcile.
pub fn validate(name: &str, spec: &DeploymentSpec, first: bool) -> Result<(), String> {
    validate_source(spec)?;
    validate_rest(name, spec, first)
}

/// What is told before the environment is looked at: the contract's order of complaints.
pub(crate) fn validate_source(spec: &DeploymentSpec) -> Result<(), String> {
    if spec.path.is_empty() {
        return Err(messages::PATH_EMPTY.to_owned());
    }
    if spec.path == "/" {
        return Err(messages::PATH_ROOT.to_owned());
    }
    if !matches!(spec.type_.as_str(), "automated" | "manual") {
        return Err(messages::TYPE.to_owned());
    }
    Ok(())
}

/// What is told after the environment was found fit.
pub(crate) fn validate_rest(name: &str, spec: &DeploymentSpec, first: bool) -> Result<(), String> {
    if !spec.environment.is_empty() && spec.destination_namespace.is_empty() {
        let text = if first {
            messages::DESTINATION_NAMESPACE
        } else {
            messages::DESTINATION_NAMESPACE_UPDATE
        };
        return Err(text.to_owned());
    }
    let supported = |option: &String| SUPPORTED_SYNC_OPTIONS.contains(&option.as_str());
    if !spec.sync_options.iter().all(supported) {
        return Err(messages::SYNC_OPTION.to_owned());
    }
    if spec.environment.is_empty() && !spec.destination_namespace.is_empty() {
        return Err(messages::NAMESPACE_WITHOUT_ENVIRONMENT.to_owned());
    }
    validate_sizes(name, spec)?;
    validate_repo_url(&spec.repo_url)
}

fn validate_repo_url(url: &str) -> Result<(), String> {
    if has_password(url) {
        return Err(messages::PASSWORD.to_owned());
    }
    // In an AppProject it stands beside those of the tenant's other deployments, and `!**` would
    // forbid them all.
    if url.trim_start().starts_with('!') || url.contains('*') {
        return Err(messages::PATTERN.to_owned());
    }
    if normalise_repo_url(url).is_none() {
        return Err("spec.source.repoURL is not the URL of a git repository; write it as \
                    https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH"
            .to_owned());
    }
    Ok(())
}

fn validate_sizes(name: &str, spec: &DeploymentSpec) -> Result<(), String> {
    let fields = [
        ("metadata.name", name, NAME_LIMIT),
        ("spec.source.repoURL", &spec.repo_url, REPO_URL_LIMIT),
        ("spec.source.path", &spec.path, FIELD_LIMIT),
        ("spec.source.targetRevision", &spec.target_revision, FIELD_LIMIT),
        ("spec.destination.namespace", &spec.destination_namespace, FIELD_LIMIT),
    ];
    for (field, value, limit) in fields {
        if value.len() > limit {
            return Err(format!("{field} is too long; shorten it to at most {limit} bytes"));
        }
        if value.chars().any(char::is_control) {
            return Err(format!("{field} has a control character in it; remove it"));
        }
    }
    if spec.sync_options.len() > SYNC_OPTIONS_LIMIT {
        return Err(format!(
            "spec.syncPolicy.syncOptions has too many items; keep at most {SYNC_OPTIONS_LIMIT}"
        ));
    }
    Ok(())
}

/// The form of a repository URL that existing readers of `appprojectrepository` know: lower case,
/// without `.git` and without the `ssh://` prefix; `None` where it is no URL.
pub fn normalise_repo_url(url: &str) -> Option<String> {
    let lower = url.trim().to_lowercase();
    let stripped = lower.strip_suffix(".git").unwrap_or(&lower);
    let (scheme, rest) = match stripped.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest.to_owned()),
        None => (None, stripped.to_owned()),
    };
    // The scp-like form USER@HOST:PATH separates the path by the first colon.
    let rest = match (scheme, rest.split_once('@')) {
        (None, Some(_)) => rest.replacen(':', "/", 1),
        _ => rest,
    };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || rest.chars().any(char::is_whitespace) {
        return None;
    }
    if let Some((_, port)) = host.rsplit_once(':').filter(|_| !host.ends_with(']'))
        && !port.chars().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    match scheme {
        None | Some("ssh") => Some(rest),
        // Argo CD may know it, and says so if it does not.
        Some(scheme) => is_scheme(scheme).then(|| format!("{scheme}://{rest}")),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> DeploymentSpec {
        DeploymentSpec {
            repo_url: "https://example.com/team/app.git".to_owned(),
            path: "deploy".to_owned(),
            type_: "automated".to_owned(),
            ..DeploymentSpec::default()
        }
    }

    fn rejected(change: impl FnOnce(&mut DeploymentSpec)) -> String {
        let mut spec = spec();
        change(&mut spec);
        validate("app", &spec, true).unwrap_err()
    }

    #[test]
    fn compatibility_6_texts_of_the_validation() {
        assert_eq!(validate("app", &spec(), true), Ok(()));
        assert_eq!(rejected(|spec| spec.path.clear()), messages::PATH_EMPTY);
        assert_eq!(rejected(|spec| spec.path = "/".to_owned()), messages::PATH_ROOT);
        assert_eq!(rejected(|spec| spec.type_ = "Automated".to_owned()), messages::TYPE);
        assert_eq!(
            rejected(|spec| spec.sync_options = vec!["CreateNamespace=maybe".to_owned()]),
            messages::SYNC_OPTION
        );
        assert_eq!(
            rejected(|spec| spec.destination_namespace = "other".to_owned()),
            messages::NAMESPACE_WITHOUT_ENVIRONMENT
        );
        assert_eq!(
            rejected(|spec| spec.environment = "staging".to_owned()),
            messages::DESTINATION_NAMESPACE
        );
    }

    #[test]
    fn oversized_and_unprintable_fields_are_named() {
        let text = rejected(|spec| spec.repo_url = format!("https://h/{}", "a".repeat(300)));
        assert_eq!(text, "spec.source.repoURL is too long; shorten it to at most 256 bytes");
        let text = rejected(|spec| spec.path = "a\nb".to_owned());
        assert_eq!(text, "spec.source.path has a control character in it; remove it");
        assert!(
            validate(&"n".repeat(257), &spec(), true).unwrap_err().starts_with("metadata.name")
        );
    }

    #[test]
    fn a_repository_url_with_a_password_is_rejected_without_repeating_it() {
        for url in
            ["https://user:s3cret@host/path", "https://user:s3cret@host:x/path", "u:s3cret@h/p"]
        {
            let text = rejected(|spec| spec.repo_url = url.to_owned());
            assert_eq!(text, messages::PASSWORD, "{url}");
        }
        let mut spec = spec();
        for url in ["git@host:path", "ssh://git@host/path", "https://organisation@host/path"] {
            spec.repo_url = url.to_owned();
            assert_eq!(validate("app", &spec, true), Ok(()), "{url}");
        }
    }

    #[test]
    fn a_repository_url_that_argo_cd_reads_as_a_pattern_is_rejected() {
        for url in ["!**", " !git@host:path", "!host/path", "*", "https://host/*", "git@*:path"] {
            let text = rejected(|spec| spec.repo_url = url.to_owned());
            assert_eq!(text, messages::PATTERN, "{url}");
        }
    }

    #[test]
    fn every_field_that_the_database_keeps_refuses_what_postgresql_cannot_store() {
        // PostgreSQL's text holds no NUL, and a machine with one would fail every batch.
        let fields: [fn(&mut DeploymentSpec) -> &mut String; 4] = [
            |spec| &mut spec.repo_url,
            |spec| &mut spec.path,
            |spec| &mut spec.target_revision,
            |spec| &mut spec.type_,
        ];
        for field in fields {
            rejected(|spec| field(spec).push('\0'));
        }
        rejected(|spec| {
            spec.environment = "staging".to_owned();
            spec.destination_namespace = "other\0".to_owned();
        });
        rejected(|spec| spec.sync_options = vec!["CreateNamespace=true\0".to_owned()]);
        assert!(validate("app\0", &spec(), true).is_err());
    }

    #[test]
    fn repository_urls_are_normalised_as_existing_readers_expect() {
        let cases = [
            ("https://github.com/Org/Test.git", Some("https://github.com/org/test")),
            ("git@github.com:org/repo.git", Some("git@github.com/org/repo")),
            ("ssh://git@host:2222/org/repo", Some("git@host:2222/org/repo")),
            ("http://127.0.0.1:8080/a", Some("http://127.0.0.1:8080/a")),
            ("https://@github.com:test:git", None),
            ("https://", None),
            ("", None),
            ("ftp://host/x", Some("ftp://host/x")),
            ("1://host/x", None),
            ("a b://host/x", None),
            ("https://ho st/x", None),
        ];
        for (written, normalised) in cases {
            assert_eq!(normalise_repo_url(written).as_deref(), normalised, "{written:?}");
        }
    }
}
