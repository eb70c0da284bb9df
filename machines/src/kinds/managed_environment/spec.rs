//! The spec, and what is wrong with one whatever the cluster says.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::shared::{is_default, is_object_name};

/// Longest URL, in bytes. What connects to the server has the same bound.
pub const URL_LIMIT: usize = 2_048;
/// Longest list of namespaces, joined, in bytes: it goes into one value of Argo CD's Secret.
pub const NAMESPACES_LIMIT: usize = 64 * 1_024;
/// Longest name of a namespace, in bytes.
const LABEL_LIMIT: usize = 63;
const SCHEME: &str = "https://";

/// The spec of a GitOpsDeploymentManagedEnvironment; what is absent in the resource is empty here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// `spec.apiURL`, as written except for a password in it: see [`crate::shared::redaction`].
    pub api_url: String,
    /// `spec.credentialsSecret`.
    pub secret: String,
    /// `spec.allowInsecureSkipTLSVerify`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skips_tls_verification: bool,
    /// `spec.createNewServiceAccount`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub creates_account: bool,
    /// `spec.namespaces`, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// `spec.clusterResources`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cluster_resources: bool,
}

impl EnvironmentSpec {
    /// The name of the Secret; `None` if no Secret can have it.
    pub fn secret_name(&self) -> Option<&str> {
        Some(self.secret.as_str()).filter(|name| !name.is_empty() && is_object_name(name))
    }

    /// The namespaces in alphabetical order, each once.
    pub fn sorted_namespaces(&self) -> BTreeSet<&str> {
        self.namespaces.iter().map(String::as_str).collect()
    }

    /// The namespaces as Argo CD's Secret and the row have them; empty if there is no restriction.
    pub fn joined_namespaces(&self) -> String {
        let sorted: Vec<&str> = self.sorted_namespaces().into_iter().collect();
        sorted.join(",")
    }

    /// In which namespaces a ServiceAccount of this program needs rights; none means in all of the
    /// cluster.
    pub(super) fn account_namespaces(&self) -> Vec<String> {
        if self.cluster_resources {
            return Vec::new();
        }
        self.sorted_namespaces().into_iter().map(str::to_owned).collect()
    }
}

/// What is wrong with a spec, whatever the cluster says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The URL is none that can be used.
    Url(UrlProblem),
    /// A namespace cannot have this name.
    Namespace(String),
    /// The list of namespaces is too long.
    NamespacesTooLong,
    /// It names no Secret.
    NoSecret,
    /// No object can have the name of the Secret.
    SecretName,
}

/// What is wrong with the URL. Its host and its path are left to what connects to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlProblem {
    /// It has a query, and Argo CD's Secret adds one of its own.
    Query,
    /// It is too long.
    TooLong,
    /// It does not begin with `https://`.
    Scheme,
    /// It has a fragment.
    Fragment,
    /// It has a user or a password.
    User,
}

/// What is wrong with a spec; `None` if nothing is.
pub fn problem(spec: &EnvironmentSpec) -> Option<Problem> {
    if let Some(problem) = url_problem(&spec.api_url) {
        return Some(Problem::Url(problem));
    }
    if let Some(invalid) = spec.namespaces.iter().find(|name| !is_label(name)) {
        return Some(Problem::Namespace(invalid.clone()));
    }
    if spec.joined_namespaces().len() > NAMESPACES_LIMIT {
        return Some(Problem::NamespacesTooLong);
    }
    if spec.secret.is_empty() {
        return Some(Problem::NoSecret);
    }
    (!is_object_name(&spec.secret)).then_some(Problem::SecretName)
}

fn url_problem(url: &str) -> Option<UrlProblem> {
    if url.contains(['?', '&']) {
        return Some(UrlProblem::Query);
    }
    if url.len() > URL_LIMIT {
        return Some(UrlProblem::TooLong);
    }
    let (scheme, rest) = url.split_at_checked(SCHEME.len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Some(UrlProblem::Scheme);
    }
    if rest.contains('#') {
        return Some(UrlProblem::Fragment);
    }
    let server = rest.split('/').next().unwrap_or_default();
    server.contains('@').then_some(UrlProblem::User)
}

/// Whether a namespace can have this name: a label of RFC 1123.
fn is_label(name: &str) -> bool {
    name.len() <= LABEL_LIMIT && !name.contains('.') && is_object_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> EnvironmentSpec {
        EnvironmentSpec {
            api_url: "https://api.example.com:6443".to_owned(),
            secret: "kubeconfig".to_owned(),
            ..EnvironmentSpec::default()
        }
    }

    fn with(change: impl FnOnce(&mut EnvironmentSpec)) -> Option<Problem> {
        let mut spec = spec();
        change(&mut spec);
        problem(&spec)
    }

    #[test]
    fn a_url_is_accepted_or_named_by_what_is_wrong_with_it() {
        let long = format!("https://a/{}", "b".repeat(URL_LIMIT));
        let cases = [
            ("https://api.example.com", None),
            ("HTTPS://192.0.2.1:6443/k8s/clusters/c-1", None),
            ("https://a/b@c", None),
            ("https://a?b", Some(UrlProblem::Query)),
            ("http://a&b", Some(UrlProblem::Query)),
            ("", Some(UrlProblem::Scheme)),
            ("http://a", Some(UrlProblem::Scheme)),
            (" https://a", Some(UrlProblem::Scheme)),
            ("https:/\u{e9}", Some(UrlProblem::Scheme)),
            ("https://a#b", Some(UrlProblem::Fragment)),
            ("https://me:secret@a/b", Some(UrlProblem::User)),
            (&long, Some(UrlProblem::TooLong)),
        ];
        for (url, expected) in cases {
            let found = with(|spec| spec.api_url = url.to_owned());
            assert_eq!(found, expected.map(Problem::Url), "{url}");
        }
    }

    #[test]
    fn appendix_a_namespaces_are_labels() {
        let longest = "a".repeat(63);
        for name in ["a", "0", "a-b", &longest] {
            assert_eq!(with(|spec| spec.namespaces = vec![name.to_owned()]), None, "{name}");
        }
        let longer = "a".repeat(64);
        for name in ["", "-a", "a-", "A", "a_b", "a.b", "a,b", "a b", "\u{e4}", &longer] {
            let found = with(|spec| spec.namespaces = vec!["a".to_owned(), name.to_owned()]);
            assert_eq!(found, Some(Problem::Namespace(name.to_owned())), "{name}");
        }
        let many = |count: usize| (0..count).map(|number| format!("{number:063}")).collect();
        assert_eq!(with(|spec| spec.namespaces = many(1_024)), None);
        let found = with(|spec| spec.namespaces = many(1_025));
        assert_eq!(found, Some(Problem::NamespacesTooLong));
    }

    #[test]
    fn a_secret_must_be_named_as_an_object_can_be() {
        assert_eq!(with(|spec| spec.secret.clear()), Some(Problem::NoSecret));
        for name in ["A", "a/b", "..", "-a", &"a".repeat(254)] {
            let found = with(|spec| spec.secret = name.to_owned());
            assert_eq!(found, Some(Problem::SecretName), "{name}");
        }
        assert_eq!(with(|spec| spec.secret = "my.secret-1".to_owned()), None);
    }

    #[test]
    fn what_is_wrong_with_the_url_is_said_before_what_is_wrong_with_the_rest() {
        let found = with(|spec| {
            spec.api_url = "http://a".to_owned();
            spec.namespaces = vec!["A".to_owned()];
            spec.secret.clear();
        });
        assert_eq!(found, Some(Problem::Url(UrlProblem::Scheme)));
    }

    #[test]
    fn appendix_a_namespaces_are_joined_sorted() {
        let mut spec = spec();
        spec.namespaces = ["c", "b", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(spec.joined_namespaces(), "a,b,c");
        assert_eq!(spec.account_namespaces(), ["a", "b", "c"]);
        spec.cluster_resources = true;
        assert!(spec.account_namespaces().is_empty(), "it has rights in all of the cluster");
    }
}
