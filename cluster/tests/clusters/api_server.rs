//! A small API server over TLS: it keeps the objects that are applied, knows tokens, and refuses,
//! forgets or stops as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cluster_access::{Target, Trust};
use git_stand_in::identity::identity;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{HOST, PERMITTED, TOKEN, target};

/// What an account's token is, decoded, for its Secret's name.
pub(crate) fn token_of(secret: &str) -> String {
    format!("token-of-{secret}")
}

/// A running server; it ends with the test's runtime.
pub(crate) struct ApiServer {
    pub(crate) target: Target,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    /// By path.
    pub(crate) objects: BTreeMap<String, Value>,
    /// Tokens that are accepted besides those in Secrets.
    pub(crate) tokens: BTreeSet<String>,
    /// Beginnings of `METHOD path` that nobody may request.
    pub(crate) forbidden: Vec<String>,
    /// Beginnings of paths at which something is in the way.
    pub(crate) conflicts: Vec<String>,
    /// Applies of a Secret before its token is there.
    pub(crate) slowness: usize,
    /// What is in Secrets instead of a token.
    pub(crate) data: Option<Value>,
    /// Requests that are taken. Then one is taken but not answered, and no other.
    pub(crate) remaining: Option<usize>,
    /// `METHOD path?query`
    pub(crate) requests: Vec<String>,
    /// How often each Secret was applied.
    applied: BTreeMap<String, usize>,
}

enum Reply {
    Status(u16, Value),
    /// The connection is closed.
    Nothing,
}

impl ApiServer {
    /// A server with namespaces.
    pub(crate) async fn start(namespaces: &[&str]) -> Self {
        let identity = identity(&[HOST], |_| {});
        let trust = Trust::Authority(identity.authority.clone());
        let acceptor = TlsAcceptor::from(Arc::new(identity.server_config(&[b"http/1.1"])));
        let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let namespace = |name: &&str| {
            let object =
                json!({ "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": name } });
            (format!("/api/v1/namespaces/{name}"), object)
        };
        let state = Arc::new(Mutex::new(State {
            objects: namespaces.iter().map(namespace).collect(),
            tokens: [TOKEN.to_owned()].into(),
            forbidden: Vec::new(),
            conflicts: Vec::new(),
            slowness: 0,
            data: None,
            remaining: None,
            requests: Vec::new(),
            applied: BTreeMap::new(),
        }));
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&serving));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(|request| serve(Arc::clone(&state), request));
                    // The client may leave at any time.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { target: target(HOST, port, trust), state }
    }

    pub(crate) fn state<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        access(&mut self.state.lock().unwrap())
    }

    pub(crate) fn take_requests(&self) -> Vec<String> {
        self.state(|state| std::mem::take(&mut state.requests))
    }

    /// The paths of all objects but the namespaces.
    pub(crate) fn paths(&self) -> Vec<String> {
        let is_namespace = |object: &Value| object["kind"] == "Namespace";
        self.state(|state| {
            let others = state.objects.iter().filter(|(_, object)| !is_namespace(object));
            others.map(|(path, _)| path.clone()).collect()
        })
    }
}

async fn serve(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    match state.lock().unwrap().reply(&parts, &body) {
        Reply::Status(status, body) => {
            let response = Response::builder().status(status);
            Ok(response.body(Full::new(body.to_string().into()))?)
        }
        Reply::Nothing => Err("no answer".into()),
    }
}

fn refusal(status: u16, reason: &str, kind: &str) -> Reply {
    // It repeats what it was shown, as no API server should.
    let details = json!({ "kind": kind, "name": TOKEN });
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": TOKEN,
        "reason": reason,
        "details": details,
        "code": status,
    });
    Reply::Status(status, body)
}

impl State {
    fn reply(&mut self, request: &http::request::Parts, body: &[u8]) -> Reply {
        let is_last = match &mut self.remaining {
            Some(0) => return Reply::Nothing,
            Some(remaining) => {
                *remaining -= 1;
                *remaining == 0
            }
            None => false,
        };
        let (method, path) = (&request.method, request.uri.path());
        self.requests.push(format!("{method} {}", request.uri));
        let reply = self.answer(request, method, path, body);
        if is_last { Reply::Nothing } else { reply }
    }

    fn answer(
        &mut self,
        request: &http::request::Parts,
        method: &Method,
        path: &str,
        body: &[u8],
    ) -> Reply {
        let shown = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if !shown.is_some_and(|shown| self.knows(shown)) {
            return refusal(401, "Unauthorized", "");
        }
        let asked = format!("{method} {path}");
        if self.forbidden.iter().any(|begin| asked.starts_with(begin)) {
            return refusal(403, "Forbidden", "");
        }
        if *method == Method::PATCH && self.conflicts.iter().any(|begin| path.starts_with(begin)) {
            return refusal(422, "Invalid", "");
        }
        match *method {
            Method::GET if path == "/api/v1/namespaces" => {
                let list = json!({ "kind": "NamespaceList", "apiVersion": "v1", "items": [] });
                Reply::Status(200, list)
            }
            Method::GET => match self.objects.get(path) {
                Some(object) => Reply::Status(200, object.clone()),
                None => refusal(404, "NotFound", "namespaces"),
            },
            Method::PATCH => self.apply(request, path, body),
            Method::DELETE => self.delete(path),
            _ => refusal(405, "MethodNotAllowed", ""),
        }
    }

    /// A token counts as long as its Secret and its account are there.
    fn knows(&self, shown: &str) -> bool {
        let Some(token) = shown.strip_prefix("Bearer ") else { return false };
        let is_of = |(_, secret): (&String, &Value)| {
            let metadata = &secret["metadata"];
            let account = &metadata["annotations"]["kubernetes.io/service-account.name"];
            let namespace = metadata["namespace"].as_str().unwrap_or_default();
            let account = format!(
                "/api/v1/namespaces/{namespace}/serviceaccounts/{}",
                account.as_str().unwrap_or_default()
            );
            secret["data"]["token"] == STANDARD.encode(token) && self.objects.contains_key(&account)
        };
        self.tokens.contains(token) || self.objects.iter().any(is_of)
    }

    fn apply(&mut self, request: &http::request::Parts, path: &str, body: &[u8]) -> Reply {
        assert_eq!(request.headers["content-type"], "application/apply-patch+yaml");
        assert_eq!(request.uri.query(), Some("fieldManager=managed-gitops&force=true"));
        let mut object: Value = serde_json::from_slice(body).unwrap();
        let metadata = object["metadata"].clone();
        let name = metadata["name"].as_str().unwrap();
        assert!(path.ends_with(&format!("/{name}")), "{path} is not of {name}");
        if let Some(namespace) = metadata["namespace"].as_str() {
            assert!(path.contains(&format!("/namespaces/{namespace}/")), "{path}");
            if !self.objects.contains_key(&format!("/api/v1/namespaces/{namespace}")) {
                return refusal(404, "NotFound", "namespaces");
            }
        }
        if object["kind"] == "Secret" {
            assert_eq!(object["type"], "kubernetes.io/service-account-token");
            let applied = self.applied.entry(path.to_owned()).or_default();
            *applied += 1;
            if *applied > self.slowness {
                let token = || json!({ "token": STANDARD.encode(token_of(name)) });
                object["data"] = self.data.clone().unwrap_or_else(token);
            }
        }
        self.objects.insert(path.to_owned(), object.clone());
        Reply::Status(200, object)
    }

    fn delete(&mut self, path: &str) -> Reply {
        match self.objects.remove(path) {
            Some(object) if object["kind"] == "ServiceAccount" => Reply::Status(200, object),
            Some(_) => {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" });
                Reply::Status(200, status)
            }
            None => refusal(404, "NotFound", "things"),
        }
    }
}
