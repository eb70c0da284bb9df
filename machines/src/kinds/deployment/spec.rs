//! What a GitOpsDeployment asks for, and the rules that it must follow.

use serde::{Deserialize, Serialize};

use crate::shared::is_object_name;
use crate::shared::messages;
use crate::shared::repository_url;

/// The sync options that a deployment may set.
pub const SUPPORTED_SYNC_OPTIONS: [&str; 2] = ["CreateNamespace=true", "CreateNamespace=false"];
/// Longest repository URL that the database's `appprojectrepository.repo_url` holds, in bytes.
pub const REPO_URL_LIMIT: usize = 256;
/// Longest name of a GitOpsDeployment that the database's mapping row holds, in bytes.
pub const NAME_LIMIT: usize = 256;
/// Longest path, revision or namespace, in bytes: keeps every rendered document within the
/// database's 16,384 bytes for `application.spec_field` with room for the fixed parts.
pub const FIELD_LIMIT: usize = 1_024;
/// Most sync options; only two mean anything, and duplicates are kept as written.
pub const SYNC_OPTIONS_LIMIT: usize = 32;

/// The spec of a GitOpsDeployment; what is absent in the resource is empty here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSpec {
    /// `spec.source.repoURL`, as written except for a password in it: see
    /// [`crate::shared::redaction`].
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
/// `first` says whether no Application of the deployment exists yet: two of the contract's texts
/// differ between the first and a later reconcile.
pub fn validate(name: &str, spec: &DeploymentSpec, first: bool) -> Result<(), String> {
    validate_source(spec)?;
    validate_rest(name, spec, first)
}

impl DeploymentSpec {
    /// The name of the environment to deploy to; `None` if it names none that can exist.
    pub fn environment_name(&self) -> Option<&str> {
        let name = self.environment.as_str();
        is_object_name(name).then_some(name)
    }
}

/// What is reported before the environment is checked: the contract's order of complaints.
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

/// What is reported once the environment has proved usable.
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
    validate_path(&spec.path)?;
    match repository_url::complaint(&spec.repo_url) {
        Some(text) => Err(text.into_owned()),
        None => Ok(()),
    }
}

/// What Argo CD would find out only after fetching the repository.
fn validate_path(path: &str) -> Result<(), String> {
    let text = if path.trim().is_empty() {
        messages::PATH_BLANK
    } else if path.starts_with('/') {
        messages::PATH_ABSOLUTE
    } else if leads_outside(path) {
        messages::PATH_OUTSIDE
    } else {
        return Ok(());
    };
    Err(text.to_owned())
}

/// Whether a relative path ends above its start.
fn leads_outside(path: &str) -> bool {
    let mut depth: usize = 0;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
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
/// without `.git` and without the `ssh://` prefix; `None` if it is not a URL.
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
        // Argo CD may know it, and reports it if not.
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
        for url in ["!**", "!git@host:path", "!host/path", "*", "https://host/*", "git@*:path"] {
            let text = rejected(|spec| spec.repo_url = url.to_owned());
            assert_eq!(text, messages::PATTERN, "{url}");
        }
    }

    #[test]
    fn a_repository_url_is_accepted_or_rejected_for_its_true_cause() {
        use messages as m;
        const ACCEPTED: &str = "";
        let cases = [
            ("https://git.example.com/org/r", ACCEPTED),
            ("https://git.example.com/org/r.git", ACCEPTED),
            ("https://git.example.com/org/r/", ACCEPTED),
            ("HTTPS://git.example.com/org/r", ACCEPTED),
            ("http://127.0.0.1:8080/r", ACCEPTED),
            ("https://git.example.com:65535/r", ACCEPTED),
            ("https://git.example.com:/r", ACCEPTED),
            ("https://git.example.com/", ACCEPTED),
            ("https://organisation@dev.example.com/team/_git/app", ACCEPTED),
            ("https://user@corp@git.example.com/r", ACCEPTED),
            ("https://git.example.com/team/app@v2", ACCEPTED),
            ("https://git.example.com/my%20repo", ACCEPTED),
            ("https://git.example.com/チーム/アプリ", ACCEPTED),
            ("https://git_server/r", ACCEPTED),
            ("https://[2001:db8::7]/org/r.git", ACCEPTED),
            ("https://[2001:db8::7]:8443/org/r", ACCEPTED),
            ("https://[fe80::1%25eth0]/r", ACCEPTED),
            ("https://git.example.com/a[b]/r", ACCEPTED),
            ("https://git.example.com/{a}/r\\s", ACCEPTED),
            ("https://git.example.com/r?version=2", ACCEPTED),
            ("ssh://git@git.example.com/org/r", ACCEPTED),
            ("ssh://git@git.example.com:2222/org/r", ACCEPTED),
            ("ssh://git@[2001:db8::7]:2222/org/r", ACCEPTED),
            ("ssh://git.example.com/org/r", ACCEPTED),
            ("ssh://git@git.example.com/org/r%40v2", ACCEPTED),
            ("git@git.example.com:org/r", ACCEPTED),
            ("git@git.example.com:/org/r", ACCEPTED),
            ("git@git.example.com:2222:org/r", ACCEPTED),
            ("org-1234@git.example.com:~org/r", ACCEPTED),
            ("git://git.example.com/r", ACCEPTED),
            ("oci://registry.example.com/r", ACCEPTED),
            ("", m::URL_FORM),
            ("git.example.com/org/r", m::URL_FORM),
            ("git.example.com:org/r", m::URL_FORM),
            ("/srv/git/r", m::URL_FORM),
            ("https:/git.example.com/r", m::URL_FORM),
            ("@git.example.com:org/r", m::URL_FORM),
            ("htps://git.example.com/r", m::URL_SCHEME),
            ("ftp://git.example.com/r", m::URL_SCHEME),
            ("file:///srv/git/r", m::URL_SCHEME),
            ("://git.example.com/r", m::URL_SCHEME),
            ("https://", m::URL_NO_HOST),
            ("https:///r", m::URL_NO_HOST),
            ("https://:443/r", m::URL_NO_HOST),
            ("git@:org/r", m::URL_NO_HOST),
            ("ssh://git@git.example.com:org/r@v2", m::URL_PORT_SSH),
            ("ssh://git@git.example.com:org/r", m::URL_PORT_SSH),
            ("ssh://git@git.example.com:org/@scope/r", m::PASSWORD_OR_PORT),
            ("https://git.example.com:org/r", m::URL_PORT_TEXT),
            ("https://git.example.com:80a/r", m::URL_PORT_TEXT),
            ("https://git.example.com:99999/r", m::URL_PORT),
            ("https://git.example.com:65536/r", m::URL_PORT),
            ("https://git.example.com:0/r", m::URL_PORT),
            ("https://[2001:db8::7]:99999/r", m::URL_PORT),
            ("https://2001:db8::7/r", m::URL_BARE_ADDRESS),
            ("https://[2001:db8::7/r", m::URL_BRACKETS),
            ("https://[git.example.com]/r", m::URL_BRACKETS),
            ("https://[2001:db8::7]r", m::URL_BRACKETS),
            ("https://[2001:db8::7]/{a}", m::URL_ADDRESS_ENCODING),
            ("git@[2001:db8::7]:org/r", m::URL_SCP_ADDRESS),
            ("https://git.example.com/my repo", m::URL_SPACE),
            ("https://git example.com/r", m::URL_SPACE),
            ("git@git.example.com:org/my repo", m::URL_SPACE_SCP),
            (" https://git.example.com/r", m::URL_ENDS),
            ("https://git.example.com/r ", m::URL_ENDS),
            ("\u{3000}https://git.example.com/r", m::URL_ENDS),
            (
                "https://git.example.com/\u{200b}r",
                "spec.source.repoURL has an invisible character (U+200B) in it; remove it",
            ),
            (
                "https://git.example.com/my\u{a0}repo",
                "spec.source.repoURL has an invisible character (U+00A0) in it; remove it",
            ),
            (
                "https://git.example.com/a\tb",
                "spec.source.repoURL has a control character in it; remove it",
            ),
            ("https://git\\example.com/r", m::URL_HOST),
            ("https://<host>/r", m::URL_HOST),
            ("https://-oProxyCommand=x/r", m::URL_HOST),
            ("git@${HOST}:org/r", m::URL_HOST),
            ("git@git.example.com/org/r", m::URL_SCP_COLON),
            ("git@git.example.com:", m::URL_SCP_PATH),
            ("git@git.example.com:org/@scope/r", m::URL_SECOND_AT),
            ("ssh://git@git.example.com/org/r@v2", m::URL_SECOND_AT),
            ("https://a{b@git.example.com/r", m::URL_USER),
            ("https://git.example.com/100%", m::URL_PERCENT),
            ("git@git.example.com:org/%zz", m::URL_PERCENT),
            ("https://100%@git.example.com/r", m::URL_PERCENT),
            ("https://git.example.com/r?v=ü", m::URL_QUERY),
            ("https://git.example.com/r#readme", m::URL_FRAGMENT),
            ("git@git.example.com:org/r#readme", m::URL_FRAGMENT),
        ];
        for (url, expected) in cases {
            let mut spec = spec();
            spec.repo_url = url.to_owned();
            let text = validate("app", &spec, true).err().unwrap_or_default();
            assert_eq!(text, expected, "{url:?}");
        }
    }

    #[test]
    fn a_path_that_argo_cd_refuses_whatever_the_repository_has_is_rejected() {
        let cases = [
            ("//", messages::PATH_ABSOLUTE),
            ("/apps", messages::PATH_ABSOLUTE),
            ("/apps/", messages::PATH_ABSOLUTE),
            ("/..", messages::PATH_ABSOLUTE),
            (" ", messages::PATH_BLANK),
            ("\u{3000}", messages::PATH_BLANK),
            ("..", messages::PATH_OUTSIDE),
            ("../apps", messages::PATH_OUTSIDE),
            ("./..", messages::PATH_OUTSIDE),
            ("a/../../b", messages::PATH_OUTSIDE),
            ("a/../../a", messages::PATH_OUTSIDE),
            ("a//../..", messages::PATH_OUTSIDE),
        ];
        for (path, expected) in cases {
            assert_eq!(rejected(|spec| spec.path = path.to_owned()), expected, "{path:?}");
        }
        for path in [".", "./", "./d", "a/..", "a/../b", "a/b/../..", "a//b/", "...", "..a", "a b"]
        {
            let mut spec = spec();
            spec.path = path.to_owned();
            assert_eq!(validate("app", &spec, true), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn compatibility_6_of_several_complaints_the_contracts_come_first() {
        let text = rejected(|spec| {
            spec.path = "/apps".to_owned();
            spec.type_ = "sometimes".to_owned();
        });
        assert_eq!(text, messages::TYPE);
        let text = rejected(|spec| {
            spec.path = "..".to_owned();
            spec.sync_options = vec!["CreateNamespace=maybe".to_owned()];
        });
        assert_eq!(text, messages::SYNC_OPTION);
    }

    #[test]
    fn every_field_that_the_database_keeps_refuses_what_postgresql_cannot_store() {
        // PostgreSQL's text type cannot hold a NUL, and a machine with one would fail every batch.
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
