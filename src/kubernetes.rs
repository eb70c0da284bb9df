//! The Kubernetes API: a client that counts its requests and writes only while its process may act,
//! and errors, classified by who must act.

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request};
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::api::{Api, ListParams, Patch};
use kube::client::{AuthError, Body, ClientBuilder};
use kube::core::{DeserializeGuard, Status};
use machines::shared::redaction::redacted;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::filter::FilterLayer;
use tower::timeout::TimeoutLayer;

use crate::metrics::{ApiRequests, RequestLabels};
use crate::tenure::Tenure;

/// A client, and where its requests are counted.
#[derive(Clone)]
pub struct CountedClient {
    /// The client.
    pub client: kube::Client,
    /// Its requests so far.
    pub requests: ApiRequests,
    /// Writes so far that were not sent: see [`NotLeader`].
    pub refusals: Arc<AtomicU64>,
}

/// A write was not sent, because another replica acts or may act.
#[derive(Debug, thiserror::Error)]
#[error("this replica's time to act is over; nothing was sent")]
pub struct NotLeader;

/// Has to be among the directives of the program's log filter, whatever the rest of it is: the client
/// logs the whole body of an answer that it cannot decode, as a warning, and that may be a Secret.
pub const SILENCED: &str = "kube_client::client=error";

/// A server that has sent nothing for this long on an open watch is gone: it would have ended the
/// watch by itself before.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(295);
/// A server answers within seconds, or starts to; one that does not is asked again later.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

impl CountedClient {
    /// A client for this cluster that counts each request, and writes only during its tenure.
    pub fn new(mut config: kube::Config, tenure: Tenure) -> kube::Result<Self> {
        // Without it a silently dead connection would go unnoticed.
        config.read_timeout = Some(READ_TIMEOUT);
        // The client would resend a request that the tenure no longer permits. Callers have their
        // own back-off.
        config.default_retry = false;
        let (requests, refusals) = (ApiRequests::default(), Arc::default());
        let client = ClientBuilder::try_from(config)?
            .with_layer(&TimeoutLayer::new(ANSWER_TIMEOUT))
            .with_layer(&FilterLayer::new(admission(&requests, &refusals, tenure)))
            .build();
        Ok(Self { client, requests, refusals })
    }

    /// The same, on top of another client.
    pub fn over(transport: kube::Client, tenure: Tenure) -> Self {
        let (requests, refusals) = (ApiRequests::default(), Arc::default());
        let namespace = transport.default_namespace().to_owned();
        let send = tower::service_fn(move |request| {
            let transport = transport.clone();
            async move { transport.send(request).await }
        });
        let client = ClientBuilder::new(send, namespace)
            .with_layer(&TimeoutLayer::new(ANSWER_TIMEOUT))
            .with_layer(&FilterLayer::new(admission(&requests, &refusals, tenure)))
            .build();
        Self { client, requests, refusals }
    }
}

/// Counts each request, and blocks writes after the tenure.
fn admission(
    requests: &ApiRequests,
    refusals: &Arc<AtomicU64>,
    tenure: Tenure,
) -> impl Fn(Request<Body>) -> Result<Request<Body>, NotLeader> + Clone + use<> {
    let (requests, refusals) = (requests.clone(), Arc::clone(refusals));
    move |request| {
        let labels = labels(&request);
        if !is_admitted(labels, &tenure) {
            refusals.fetch_add(1, Ordering::Relaxed);
            return Err(NotLeader);
        }
        requests.get_or_create(&labels).inc();
        Ok(request)
    }
}

/// Reads are harmless, and a Lease is what a tenure comes from.
fn is_admitted(request: RequestLabels, tenure: &Tenure) -> bool {
    matches!(request.verb, "get" | "list" | "watch")
        || request.resource == "leases"
        || tenure.lasts()
}

/// A client that was created elsewhere and counts nothing.
impl From<kube::Client> for CountedClient {
    fn from(client: kube::Client) -> Self {
        Self { client, requests: ApiRequests::default(), refusals: Arc::default() }
    }
}

/// The verbs by which requests are counted.
pub const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The resources that the program uses, as rules of authorisation name them. What is not in this
/// list is counted as the last one, so that the number of labels is bounded.
pub const RESOURCES: [&str; 18] = [
    "applications",
    "appprojects",
    "configmaps",
    "customresourcedefinitions",
    "events",
    "gitopsdeploymentmanagedenvironments",
    "gitopsdeploymentmanagedenvironments/status",
    "gitopsdeploymentrepositorycredentials",
    "gitopsdeploymentrepositorycredentials/status",
    "gitopsdeployments",
    "gitopsdeployments/status",
    "gitopsdeploymentsyncruns",
    "gitopsdeploymentsyncruns/status",
    "leases",
    "namespaces",
    "operations",
    "secrets",
    OTHER,
];
/// See [`RESOURCES`].
const OTHER: &str = "other";

pub(crate) fn labels<B>(request: &Request<B>) -> RequestLabels {
    let path = resource_path(request.uri().path());
    let is_watch = request.uri().query().is_some_and(|query| {
        query.split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
    });
    let verb = match *request.method() {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if path.has_name => "delete",
        Method::DELETE => "deletecollection",
        _ if is_watch => "watch",
        _ if path.has_name => "get",
        _ => "list",
    };
    let known = RESOURCES.into_iter().find(|known| match known.split_once('/') {
        Some((resource, sub)) => (path.resource, path.subresource) == (resource, Some(sub)),
        None => (path.resource, path.subresource) == (*known, None),
    });
    RequestLabels { verb, resource: known.unwrap_or(OTHER) }
}

/// What an API path refers to.
struct ResourcePath<'a> {
    resource: &'a str,
    has_name: bool,
    subresource: Option<&'a str>,
}

fn resource_path(path: &str) -> ResourcePath<'_> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    // /api/VERSION/… for the core group, /apis/GROUP/VERSION/… for all others.
    let before_resource = if parts.next() == Some("api") { 1 } else { 2 };
    let parts: Vec<&str> = parts.skip(before_resource).collect();
    let parts = match parts.as_slice() {
        // A namespace is itself an object when nothing follows its name.
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    ResourcePath {
        resource: parts.first().copied().unwrap_or_default(),
        has_name: parts.len() > 1,
        subresource: parts.get(2).copied(),
    }
}

/// The objects of a kind with a given name: one or none, whatever a watch has shown. Only a list
/// proves that there is none: a 404 may be about the kind. One that cannot be decoded exists.
pub async fn list_named<K>(
    client: &kube::Client,
    namespace: &str,
    name: &str,
) -> Result<Vec<DeserializeGuard<K>>, ApiError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<DeserializeGuard<K>> = Api::namespaced(client.clone(), namespace);
    // Without a resource version the answer is at least as new as the request.
    let parameters = ListParams::default().fields(&format!("metadata.name={name}"));
    Ok(api.list(&parameters).await.map_err(api_error)?.items)
}

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The object does not exist.
    #[error("the object does not exist")]
    Missing,
    /// What was to be created already exists.
    #[error("the object exists already: {0}")]
    AlreadyExists(String),
    /// Another client has written in between, or the object is a different one.
    #[error("the object was changed by somebody else: {0}")]
    Outdated(String),
    /// The server refuses it, and will refuse it again.
    #[error("{0}")]
    Refused(String),
    /// The object, or what would be written of it, is larger than the server stores.
    #[error("the object is too large for the Kubernetes API: {0}")]
    TooLarge(String),
    /// The server does not answer, or not at the moment.
    #[error("the Kubernetes API is not available: {0}")]
    Unavailable(String),
}

/// Longest text of a server's refusal that is kept, in characters.
const TEXT_LIMIT: usize = 512;

/// The innermost cause of a client's error: what surrounds it says only that a request failed.
pub fn cause(error: &kube::Error) -> String {
    plugin_failure(error).unwrap_or_else(|| {
        let mut innermost: &(dyn Error + 'static) = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        bounded(&innermost.to_string())
    })
}

/// What an error says, fit for a log or a status: see [`bounded`].
pub fn said(error: &(dyn Error + 'static)) -> String {
    plugin_failure(error).unwrap_or_else(|| bounded(&error.to_string()))
}

/// For a kubeconfig's credentials command, only how it ended: its output and input may be the very
/// secrets that it protects.
fn plugin_failure(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(AuthError::AuthExecRun { out, .. }) = error.downcast_ref() {
            return Some(format!(
                "the kubeconfig's command for credentials failed: {}",
                out.status
            ));
        }
        cause = error.source();
    }
    None
}

/// A JSON patch from its operations.
pub fn json_patch(operations: Value) -> Result<Patch<()>, ApiError> {
    let patch = serde_json::from_value(operations);
    patch.map(Patch::Json).map_err(|error| ApiError::Refused(error.to_string()))
}

/// How the API server words a JSON patch that does not apply.
const PATCH_FAILED: &str = "error in our request";

/// How an API server says that an object exceeds a storage limit: etcd's on a request, that of the
/// connection to etcd, and its own on a field.
const TOO_LARGE: [&str; 3] =
    ["request is too large", "trying to send message larger than max", "Too long: "];

/// Classifies a client's error. A refusal is final only if the same request would be refused again:
/// a server that is starting answers 401 and 403 while it loads credentials and roles.
pub fn api_error(error: kube::Error) -> ApiError {
    let kube::Error::Api(status) = &error else {
        return ApiError::Unavailable(said(&error));
    };
    let text = bounded(&status.message);
    if is_too_large(status) {
        return ApiError::TooLarge(text);
    }
    match status.code {
        // Without a name it is about the path: the kind is not served, or not yet.
        404 if status.details.as_ref().is_some_and(|details| !details.name.is_empty()) => {
            ApiError::Missing
        }
        409 if status.is_already_exists() => ApiError::AlreadyExists(text),
        409 => ApiError::Outdated(text),
        // This is the answer when the `test` of a JSON patch fails: the object has changed.
        422 if text.contains(PATCH_FAILED) => ApiError::Outdated(text),
        403 if !is_unauthorized(status) => ApiError::Refused(text),
        // Credentials that rotate, roles and kinds that load, a server or a proxy under load.
        401 | 403 | 404 | 408 | 410 | 425 | 429 | 500..=599 => ApiError::Unavailable(text),
        400..=499 => ApiError::Refused(text),
        _ => ApiError::Unavailable(text),
    }
}

fn is_too_large(status: &Status) -> bool {
    let worded = || TOO_LARGE.iter().any(|words| status.message.contains(words));
    status.code == 413 || (matches!(status.code, 422 | 500) && worded())
}

/// Whether a 403 is the authorizer's, which names the user and what it cannot do. Any other is
/// admission's: a quota, a webhook, a namespace that terminates.
fn is_unauthorized(status: &Status) -> bool {
    status.message.contains("User \"") && status.message.contains(" cannot ")
}

/// A text from elsewhere, cut to a readable length, and without the passwords of the URLs in it.
pub fn bounded(text: &str) -> String {
    // First, or part of a password could remain.
    redacted(text).chars().take(TEXT_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn counted_as(method: Method, uri: &str) -> (&'static str, &'static str) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let RequestLabels { verb, resource } = labels(&request);
        (verb, resource)
    }

    fn answered(code: u16, message: &str, name: &str) -> ApiError {
        let answer = json!({"code": code, "message": message, "details": {"name": name}});
        api_error(kube::Error::Api(Box::new(serde_json::from_value(answer).unwrap())))
    }

    #[test]
    fn api_server_answers_that_may_change_by_themselves_are_retried() {
        let unavailable = [
            (401, "Unauthorized"),
            (
                403,
                "applications.argoproj.io is forbidden: User \"system:serviceaccount:gitops:\
                   agent\" cannot create resource \"applications\" in API group \"argoproj.io\" in \
                   the namespace \"argocd\": RBAC: clusterrole.rbac.authorization.k8s.io \
                   \"agent\" not found",
            ),
            (404, "404 page not found"),
            (404, "the server could not find the requested resource"),
            (408, "request timeout"),
            (410, "The resourceVersion for the provided list is too old."),
            (425, "Too Early"),
            (429, "too many requests, please try again later"),
            (500, "Internal error occurred: failed calling webhook \"x\": connection refused"),
            (502, "Bad Gateway"),
            (503, "the request has been made before all known HTTP paths have been installed"),
            (504, "etcdserver: request timed out"),
        ];
        for (code, message) in unavailable {
            let expected = ApiError::Unavailable(message.to_owned());
            assert_eq!(answered(code, message, ""), expected, "{code}");
        }
    }

    #[test]
    fn api_server_answers_that_stay_the_same_are_refusals() {
        let refused = [
            (400, "Application in version \"v1alpha1\" cannot be handled as a Application"),
            (403, "applications.argoproj.io \"a\" is forbidden: exceeded quota: objects"),
            (403, "admission webhook \"policy.example.com\" denied the request: no"),
            (
                403,
                "gitopsdeployments \"a\" is forbidden: unable to create new content in \
                   namespace team because it is being terminated",
            ),
            (405, "the server does not allow this method on the requested resource"),
            (415, "the body of the request was in an unknown format"),
            (422, "Application.argoproj.io \"a\" is invalid: spec.source: Required value"),
        ];
        for (code, message) in refused {
            let expected = ApiError::Refused(message.to_owned());
            assert_eq!(answered(code, message, "a"), expected, "{code}");
        }
    }

    #[test]
    fn missing_changed_and_too_large_objects_are_distinguished() {
        assert_eq!(answered(404, "gitopsdeployments \"a\" not found", "a"), ApiError::Missing);
        let outdated = [
            (
                409,
                "Operation cannot be fulfilled on applications \"a\": the object has been modified",
            ),
            (409, "applications.argoproj.io \"a\" already exists"),
            (422, "the server rejected our request due to an error in our request"),
        ];
        for (code, message) in outdated {
            let expected = ApiError::Outdated(message.to_owned());
            assert_eq!(answered(code, message, "a"), expected, "{message}");
        }
        let too_large = [
            (413, "Request entity too large: limit is 3145728"),
            (413, "<html>413 Request Entity Too Large</html>"),
            (
                422,
                "GitOpsDeployment \"a\" is invalid: status: Too long: may not be more than 9 bytes",
            ),
            (500, "etcdserver: request is too large"),
            (500, "Internal error occurred: etcdserver: request is too large"),
            (
                500,
                "rpc error: code = ResourceExhausted desc = trying to send message larger than \
                   max (2254178 vs. 2097152)",
            ),
        ];
        for (code, message) in too_large {
            let expected = ApiError::TooLarge(message.to_owned());
            assert_eq!(answered(code, message, "a"), expected, "{message}");
        }
    }

    #[test]
    fn requests_are_counted_by_verb_and_resource() {
        let group = "/apis/managed-gitops.redhat.com/v1alpha1";
        let cases = [
            (
                Method::GET,
                format!("{group}/gitopsdeployments?limit=5"),
                "list",
                "gitopsdeployments",
            ),
            (
                Method::GET,
                format!("{group}/gitopsdeployments?watch=true&resourceVersion=7"),
                "watch",
                "gitopsdeployments",
            ),
            (
                Method::PATCH,
                format!("{group}/namespaces/a/gitopsdeployments/b/status?"),
                "patch",
                "gitopsdeployments/status",
            ),
            (Method::POST, format!("{group}/namespaces/a/operations"), "create", "operations"),
            (Method::DELETE, format!("{group}/namespaces/a/operations/b"), "delete", "operations"),
            (
                Method::PUT,
                "/apis/argoproj.io/v1alpha1/namespaces/a/applications/b".to_owned(),
                "update",
                "applications",
            ),
            (Method::GET, "/api/v1/namespaces/a/secrets/b".to_owned(), "get", "secrets"),
            (
                Method::DELETE,
                "/api/v1/namespaces/a/secrets".to_owned(),
                "deletecollection",
                "secrets",
            ),
        ];
        for (method, uri, verb, resource) in cases {
            assert_eq!(counted_as(method, &uri), (verb, resource), "{uri}");
        }
    }

    #[test]
    fn a_namespace_is_counted_as_itself() {
        assert_eq!(counted_as(Method::GET, "/api/v1/namespaces"), ("list", "namespaces"));
        assert_eq!(counted_as(Method::GET, "/api/v1/namespaces/a"), ("get", "namespaces"));
    }

    #[test]
    fn resources_that_the_program_does_not_use_share_one_label() {
        assert_eq!(counted_as(Method::GET, "/version").1, "other");
        assert_eq!(counted_as(Method::GET, "/api/v1/namespaces/a/pods/b").1, "other");
        assert_eq!(counted_as(Method::GET, "/api/v1/namespaces/a/secrets/b/status").1, "other");
    }

    #[tokio::test]
    async fn a_counted_client_counts_a_request_even_without_an_answer() {
        let mut config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        config.default_retry = false;
        let client = CountedClient::new(config, Tenure::unlimited()).unwrap();
        let CountedClient { client, requests, .. } = client;
        let request = Request::get("/api/v1/namespaces").body(Vec::new()).unwrap();
        assert!(client.request_text(request).await.is_err());
        let labels = RequestLabels { verb: "list", resource: "namespaces" };
        assert_eq!(requests.get_or_create(&labels).get(), 1);
    }

    /// A server that gives every client the same answer, and how often it was asked.
    async fn server(answer: &'static str) -> (kube::Config, Arc<AtomicUsize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            // Accepted connections stay open.
            let mut connections = Vec::new();
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                connection.write_all(answer.as_bytes()).await.unwrap();
                connections.push(connection);
            }
        });
        (kube::Config::new(url), asked)
    }

    #[tokio::test]
    async fn a_busy_server_is_not_asked_again_behind_the_tenures_back() {
        let busy = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\
                    content-length: 0\r\n\r\n";
        let (config, asked) = server(busy).await;
        let CountedClient { client, .. } = CountedClient::new(config, Tenure::unlimited()).unwrap();
        let request = Request::delete("/api/v1/namespaces/a/secrets/b").body(Vec::new()).unwrap();
        assert!(client.request_text(request).await.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_standby_replica_reads_and_claims_but_writes_nothing() {
        let (_keeper, pending) = Tenure::pending();
        let admitted = |verb, resource| is_admitted(RequestLabels { verb, resource }, &pending);
        assert!(admitted("watch", "gitopsdeployments") && admitted("update", "leases"));
        for verb in ["create", "update", "patch", "delete", "deletecollection"] {
            assert!(!admitted(verb, "applications"), "{verb}");
        }
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let CountedClient { client, requests, .. } = CountedClient::new(config, pending).unwrap();
        let request = Request::delete("/api/v1/namespaces/a/secrets/b").body(Vec::new()).unwrap();
        let error = client.request_text(request).await.unwrap_err();
        assert_eq!(cause(&error), NotLeader.to_string());
        let labels = RequestLabels { verb: "delete", resource: "secrets" };
        assert_eq!(requests.get_or_create(&labels).get(), 0);
    }
}
