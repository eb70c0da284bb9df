//! What is sent to both servers: traces, which are lists of steps.
//!
//! Paths, queries and bodies may contain placeholders that are filled in when a step runs, since
//! their values differ between servers and runs:
//!
//! * `<ns>`: the trace's own namespace, and `<other>`: the name of a second one, which a trace must
//!   create if it needs it;
//! * `<rv:configmaps/a>`, `<uid:configmaps/a>`: the current resourceVersion and uid of an object;
//! * `<start>`: the resource version before the first step;
//! * `<continue>`: the token of the last list that had one.

use http::Method;
use serde_json::{Value, json};

/// The group of the program's own kinds, as paths name it.
const GITOPS: &str = "/apis/managed-gitops.redhat.com/v1alpha1";
/// The group of the kinds whose content is not validated, as paths name it.
const FREE: &str = "/apis/conformance.example.com/v1alpha1";

/// The media types of patches.
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";

/// What kubectl requests to print a list.
pub(crate) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// One step of a trace.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Call(Call),
    Watch(Watch),
    Settle(Settle),
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) body: String,
}

/// A watch that is read up to `until`.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    pub(crate) until: Until,
}

/// How far a watch is read. An ERROR event or the end of the stream always ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// An object created for this purpose, with the label `tier=a`, is seen: so everything before
    /// it has been seen too, without waiting.
    Sentinel,
    /// The first DELETED event.
    Deleted,
    /// The bookmark that ends a streamed list.
    InitialEnd,
    /// The server ends the stream.
    End,
}

/// Waits for asynchronous work of the server.
#[derive(Debug, Clone)]
pub(crate) struct Settle {
    pub(crate) path: String,
    pub(crate) state: State,
}

/// What to wait for.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// The path answers 404.
    Gone,
    /// A condition of the object is True.
    Condition(&'static str),
    /// The object has a field, or no longer has it.
    Has(&'static str),
    Lacks(&'static str),
    /// The path is served: a new definition takes time.
    Served,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { method, path, content_type: JSON, accept: JSON, body: String::new() }
    }

    /// The line that reports show.
    pub(crate) fn shown(&self) -> String {
        let content_type = match self.content_type {
            JSON => "",
            other => other,
        };
        let Self { method, path, body, .. } = self;
        format!("{method} {path} {content_type} {body}").trim_end().to_owned()
    }
}

impl Step {
    /// The line that reports show.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Call(call) => call.shown(),
            Self::Watch(watch) => format!("WATCH {}", watch.path),
            Self::Settle(settle) => format!("WAIT {} {:?}", settle.path, settle.state),
        }
    }

    /// The same request with another `Accept` header.
    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        match &mut self {
            Self::Call(call) => call.accept = accept,
            Self::Watch(watch) => watch.accept = accept,
            Self::Settle(_) => {}
        }
        self
    }

    /// The same request with another `Content-Type` header.
    pub(crate) fn content_type(mut self, content_type: &'static str) -> Self {
        if let Self::Call(call) = &mut self {
            call.content_type = content_type;
        }
        self
    }
}

/// The path on the server: a short one starts with a plural and is relative to `<ns>`.
pub(crate) fn full_path(path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let plural = path.split(['/', '?']).next().unwrap_or_default();
    let group = match plural {
        "leases" => "/apis/coordination.k8s.io/v1",
        "applications" | "appprojects" => FREE,
        plural if plural.starts_with("gitops") || plural == "operations" => GITOPS,
        _ => "/api/v1",
    };
    format!("{group}/namespaces/<ns>/{path}")
}

fn with_body(
    method: Method,
    path: impl Into<String>,
    content_type: &'static str,
    body: &Value,
) -> Step {
    let call = Call { content_type, body: body.to_string(), ..Call::new(method, path) };
    Step::Call(call)
}

pub(crate) fn get(path: impl Into<String>) -> Step {
    Step::Call(Call::new(Method::GET, path))
}

pub(crate) fn post(path: impl Into<String>, body: &Value) -> Step {
    with_body(Method::POST, path, JSON, body)
}

pub(crate) fn put(path: impl Into<String>, body: &Value) -> Step {
    with_body(Method::PUT, path, JSON, body)
}

pub(crate) fn json_patch(path: impl Into<String>, operations: &Value) -> Step {
    with_body(Method::PATCH, path, JSON_PATCH, operations)
}

pub(crate) fn merge_patch(path: impl Into<String>, patch: &Value) -> Step {
    with_body(Method::PATCH, path, MERGE_PATCH, patch)
}

pub(crate) fn strategic_patch(path: impl Into<String>, patch: &Value) -> Step {
    with_body(Method::PATCH, path, STRATEGIC_PATCH, patch)
}

pub(crate) fn apply(path: impl Into<String>, configuration: &Value) -> Step {
    with_body(Method::PATCH, path, APPLY_PATCH, configuration)
}

pub(crate) fn delete(path: impl Into<String>) -> Step {
    Step::Call(Call::new(Method::DELETE, path))
}

pub(crate) fn delete_with(path: impl Into<String>, options: &Value) -> Step {
    with_body(Method::DELETE, path, JSON, options)
}

/// A request whose body need not be JSON.
pub(crate) fn raw(method: Method, path: impl Into<String>, body: impl Into<String>) -> Step {
    Step::Call(Call { body: body.into(), ..Call::new(method, path) })
}

pub(crate) fn watch(path: impl Into<String>, until: Until) -> Step {
    Step::Watch(Watch { path: path.into(), accept: JSON, until })
}

pub(crate) fn settle(path: impl Into<String>, state: State) -> Step {
    Step::Settle(Settle { path: path.into(), state })
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "tier": "a" } }, "data": { "k": "v" } })
}

/// A GitOpsDeployment; its kind is named, since the servers must not guess the kind of a custom
/// object.
pub(crate) fn deployment(name: &str) -> Value {
    typed(
        "GitOpsDeployment",
        name,
        &json!({
            "source": { "repoURL": "https://example.com/r", "path": "p" },
            "type": "manual",
        }),
    )
}

/// One of the program's own kinds.
pub(crate) fn typed(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "labels": { "tier": "a" } },
        "spec": spec,
    })
}

/// An Application of Argo CD.
pub(crate) fn application(name: &str) -> Value {
    json!({
        "apiVersion": "conformance.example.com/v1alpha1",
        "kind": "Application",
        "metadata": { "name": name, "labels": { "tier": "a" } },
        "spec": { "project": "default", "destination": { "name": "in-cluster" } },
    })
}

/// The smallest object of a kind, for its plural.
pub(crate) fn smallest(plural: &str, name: &str) -> Value {
    match plural {
        "gitopsdeployments" => deployment(name),
        "operations" => typed("Operation", name, &json!({ "operationID": "1" })),
        "applications" => application(name),
        _ => json!({ "metadata": { "name": name, "labels": { "tier": "a" } } }),
    }
}

/// The value with another merged into it, as a merge patch does.
pub(crate) fn with(mut value: Value, changes: &Value) -> Value {
    merge(&mut value, changes);
    value
}

fn merge(value: &mut Value, changes: &Value) {
    let Some(fields) = changes.as_object() else {
        *value = changes.clone();
        return;
    };
    for (name, change) in fields {
        merge(&mut value[name.as_str()], change);
    }
}
