//! What the program may ask of the Kubernetes API: the rules that an installation gives it.

use anyhow::Context;
use http::{Method, Request};
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde::Deserialize;
use serde_json::Value;

use crate::checks::observe::ARGO_CD;

/// What `kubectl apply -k` installs.
const BASE: &str = include_str!("../../../deploy/kustomize/base/managed-gitops.yaml");
/// The program's namespace in it. Here the program lives in Argo CD's.
const OWN_NAMESPACE: &str = "managed-gitops";

/// The rules of all its roles, each with the namespace that it is for; `None` for all.
#[derive(Debug)]
pub struct Rights(Vec<(Option<String>, PolicyRule)>);

#[derive(Deserialize)]
struct Role {
    metadata: Metadata,
    rules: Vec<PolicyRule>,
}

#[derive(Deserialize)]
struct Metadata {
    namespace: Option<String>,
}

impl Rights {
    /// Those of an installation.
    pub fn installed() -> anyhow::Result<Self> {
        let mut rules = Vec::new();
        let objects: Vec<Value> = serde_saphyr::from_multiple(BASE)?;
        for object in objects {
            if !matches!(object["kind"].as_str(), Some("ClusterRole" | "Role")) {
                continue;
            }
            let role: Role = serde_json::from_value(object).context("a role")?;
            let namespace = role
                .metadata
                .namespace
                .map(|name| if name == OWN_NAMESPACE { ARGO_CD.to_owned() } else { name });
            rules.extend(role.rules.into_iter().map(|rule| (namespace.clone(), rule)));
        }
        anyhow::ensure!(!rules.is_empty(), "the installation has no roles");
        Ok(Self(rules))
    }

    /// Whether one of the rules allows a request, as the API server decides it.
    pub fn allow(&self, asked: &Asked<'_>) -> bool {
        self.0.iter().any(|(namespace, rule)| {
            namespace.as_deref().is_none_or(|namespace| asked.namespace == Some(namespace))
                && permits(rule, asked)
        })
    }
}

fn permits(rule: &PolicyRule, asked: &Asked<'_>) -> bool {
    let has =
        |values: &Option<Vec<String>>, value: &str| values.iter().flatten().any(|one| one == value);
    let is_named =
        asked.name.or(asked.selected).is_some_and(|name| has(&rule.resource_names, name));
    rule.verbs.iter().any(|verb| verb == asked.verb)
        && has(&rule.api_groups, asked.group)
        && has(&rule.resources, &asked.resource)
        && (rule.resource_names.is_none() || is_named)
}

/// What a request asks for, as rules name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The verb; of a deletion `delete`, also that of a collection, which the program never asks for.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The resource, with its subresource if any.
    pub resource: String,
    /// The namespace, if it is for one.
    pub namespace: Option<&'a str>,
    /// The name, if the path has one.
    pub name: Option<&'a str>,
    /// The name of the one object that a list or watch selects.
    pub selected: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// What a request asks for, by its method, path and query.
    pub fn of<B>(request: &'a Request<B>) -> Self {
        let path = request.uri().path();
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        // `/api/v1/…` or `/apis/<group>/<version>/…`.
        let group = match parts.next() {
            Some("api") => "",
            _ => parts.next().unwrap_or_default(),
        };
        let parts: Vec<&str> = parts.skip(1).collect();
        let (namespace, rest) = match parts.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let resource = match rest {
            [resource, _, sub, ..] => format!("{resource}/{sub}"),
            [resource, ..] => (*resource).to_owned(),
            [] => String::new(),
        };
        let name = rest.get(1).copied();
        let query = request.uri().query().unwrap_or_default();
        let watches = query.split('&').any(|one| matches!(one, "watch=true" | "watch=1"));
        let verb = match *request.method() {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ if watches => "watch",
            _ if name.is_some() => "get",
            _ => "list",
        };
        Self { verb, group, resource, namespace, name, selected: selected(query) }
    }
}

/// The name in a query's field selector, if that is all that it selects by.
fn selected(query: &str) -> Option<&str> {
    let selector = query.split('&').find_map(|one| one.strip_prefix("fieldSelector="))?;
    ["metadata.name%3D", "metadata.name="].iter().find_map(|field| selector.strip_prefix(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(method: Method, path: &str) -> bool {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        Rights::installed().unwrap().allow(&Asked::of(&request))
    }

    #[test]
    fn a_request_is_allowed_in_the_namespace_and_for_the_names_of_a_rule() {
        let applications = |namespace: &str| {
            format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications/app")
        };
        assert!(is_allowed(Method::PATCH, &applications(ARGO_CD)));
        assert!(!is_allowed(Method::PATCH, &applications("team-a")));
        assert!(!is_allowed(Method::PUT, &applications(ARGO_CD)));
        let lease =
            |name: &str| format!("/apis/coordination.k8s.io/v1/namespaces/{ARGO_CD}/leases/{name}");
        assert!(is_allowed(Method::PUT, &lease("managed-gitops-agent")));
        assert!(!is_allowed(Method::PUT, &lease("of-somebody-else")));
    }

    #[test]
    fn a_list_of_one_name_is_allowed_by_that_name() {
        let maps = |query: &str| format!("/api/v1/namespaces/{ARGO_CD}/configmaps{query}");
        let trusted = "?fieldSelector=metadata.name%3Dargocd-tls-certs-cm&limit=1";
        assert!(is_allowed(Method::GET, &maps(trusted)));
        assert!(!is_allowed(Method::GET, &maps("?fieldSelector=metadata.name%3Dargocd-cm")));
        assert!(!is_allowed(Method::GET, &maps("")));
    }

    #[test]
    fn a_status_is_a_resource_of_its_own() {
        let path =
            "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/a/gitopsdeploymentsyncruns/x";
        assert!(is_allowed(Method::PATCH, &format!("{path}/status")));
        assert!(!is_allowed(Method::PATCH, path));
    }
}
