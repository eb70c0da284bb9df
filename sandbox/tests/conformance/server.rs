//! Running a trace on one server, by raw HTTP.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;
use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::trace::{self, Call, Settle, State, Step, Until, Watch};

/// How long the server may take for asynchronous work.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long a watch may take to show what is expected.
const WATCH_DEADLINE: Duration = Duration::from_secs(5);

/// The pause between two checks while waiting.
const PAUSE: Duration = Duration::from_millis(50);

/// A placeholder for a byte that need not be valid UTF-8.
const BYTE: &str = "<byte ([0-9a-f]{2})>";

/// A placeholder for the uid of a missing object.
const NO_UID: &str = "00000000-0000-4000-8000-000000000000";

/// The kinds of which a trace may leave objects with finalizers.
const CLEANED: [&str; 6] =
    ["configmaps", "secrets", "leases", "gitopsdeployments", "operations", "applications"];

/// What a server answered to a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

/// What a server did with a whole trace.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) namespace: String,
    pub(crate) outcomes: Vec<Outcome>,
}

/// A server under comparison.
#[derive(Clone)]
pub(crate) struct Server {
    client: kube::Client,
    /// Whether it is a real one, with controllers.
    has_controllers: bool,
    /// Deleted only at the end, so that the controllers have time for what traces wait for.
    namespaces: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(mut config: kube::Config, has_controllers: bool) -> Self {
        // The server's own answer is needed, even if a client would retry.
        config.default_retry = false;
        let client = kube::Client::try_from(config).expect("a client");
        Self { client, has_controllers, namespaces: Arc::default() }
    }

    /// Runs a trace in its own namespace.
    pub(crate) async fn run(&self, steps: &[Step]) -> Run {
        let namespace = format!("conformance-{}", uuid::Uuid::new_v4().simple());
        let session = Session::start(self.clone(), &namespace).await;
        self.namespaces.lock().expect("the list").push(namespace);
        session.play(steps).await
    }

    /// Deletes what the traces created.
    pub(crate) async fn clean_up(&self) {
        let namespaces = std::mem::take(&mut *self.namespaces.lock().expect("the list"));
        for namespace in namespaces {
            self.delete_namespaces(&namespace).await;
        }
    }

    /// Sends a request with all placeholders filled in; one that comes too early is repeated.
    pub(crate) async fn send(&self, call: &Call) -> Outcome {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let outcome = self.send_once(call).await;
            if outcome.code != 429 || Instant::now() > deadline {
                return outcome;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until a path gives the expected answer, or until the timeout; returns the last answer.
    pub(crate) async fn wait_for(&self, path: &str, wish: impl Fn(&Outcome) -> bool) -> Outcome {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let outcome = self.send(&Call::new(Method::GET, path)).await;
            if wish(&outcome) || Instant::now() > deadline {
                return outcome;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send_once(&self, call: &Call) -> Outcome {
        let response = self.open(call).await;
        let code = response.status().as_u16();
        let warnings = response
            .headers()
            .get_all(http::header::WARNING)
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
        Outcome { code, body, warnings }
    }

    async fn open(&self, call: &Call) -> http::Response<Body> {
        let request = http::Request::builder()
            .method(call.method.clone())
            .uri(encoded(&call.path))
            .header(http::header::CONTENT_TYPE, call.content_type)
            .header(http::header::ACCEPT, call.accept)
            .header(http::header::USER_AGENT, "conformance/1.0")
            .body(Body::from(bytes(&call.body)))
            .expect("a request");
        self.client.send(request).await.expect("an answer")
    }

    /// Deletes the namespaces of a trace, and what would block that.
    async fn delete_namespaces(&self, namespace: &str) {
        for namespace in [namespace.to_owned(), other(namespace)] {
            let path = format!("/api/v1/namespaces/{namespace}");
            let there = self.send(&Call::new(Method::GET, &path)).await;
            if there.code == 404 {
                continue;
            }
            self.release(&path).await;
            for plural in CLEANED {
                let list_path = trace::full_path(plural).replace("<ns>", &namespace);
                let list = self.send(&Call::new(Method::GET, &list_path)).await;
                for item in list.body["items"].as_array().into_iter().flatten() {
                    let held = item["metadata"]["finalizers"].is_array();
                    if let Some(name) = item["metadata"]["name"].as_str().filter(|_| held) {
                        self.release(&format!("{list_path}/{name}")).await;
                    }
                }
            }
            self.send(&Call::new(Method::DELETE, &path)).await;
        }
    }

    async fn release(&self, path: &str) {
        let body = r#"{"metadata":{"finalizers":null}}"#.to_owned();
        let content_type = trace::MERGE_PATCH;
        self.send(&Call { body, content_type, ..Call::new(Method::PATCH, path) }).await;
    }
}

/// The path with the characters encoded that selectors contain and URLs may not.
fn encoded(path: &str) -> String {
    path.replace(' ', "%20").replace('<', "%3C").replace('>', "%3E")
}

/// The name of the second namespace of a trace.
pub(crate) fn other(namespace: &str) -> String {
    format!("{namespace}-other")
}

/// One running trace.
struct Session {
    server: Server,
    namespace: String,
    start: String,
    continue_token: String,
    sentinels: usize,
    places: Regex,
}

impl Session {
    async fn start(server: Server, namespace: &str) -> Self {
        let created = json!({ "metadata": { "name": namespace } }).to_string();
        let call = Call { body: created, ..Call::new(Method::POST, "/api/v1/namespaces") };
        let outcome = server.send(&call).await;
        assert_eq!(outcome.code, 201, "{}", outcome.body);
        let list = format!("/api/v1/namespaces/{namespace}/configmaps");
        if server.has_controllers {
            // What the controllers create in every namespace must not interfere.
            let own = format!("{list}/kube-root-ca.crt");
            server.wait_for(&own, |outcome| outcome.code == 200).await;
        }
        let list = server.send(&Call::new(Method::GET, list)).await;
        let start = list.body["metadata"]["resourceVersion"].as_str().expect("a version");
        Self {
            server,
            namespace: namespace.to_owned(),
            start: start.to_owned(),
            continue_token: String::new(),
            sentinels: 0,
            places: Regex::new("<(ns|other|rv|uid|start|continue)(?::([^>]+))?>")
                .expect("an expression"),
        }
    }

    async fn play(mut self, steps: &[Step]) -> Run {
        let mut outcomes = Vec::new();
        for step in steps {
            let outcome = match step {
                Step::Call(call) => self.call(call).await,
                Step::Watch(watch) => self.watch(watch).await,
                Step::Settle(settle) => self.settle(settle).await,
            };
            outcomes.push(outcome);
        }
        Run { namespace: self.namespace, outcomes }
    }

    async fn call(&mut self, call: &Call) -> Outcome {
        let path = self.fill(&trace::full_path(&call.path)).await;
        let body = self.fill(&call.body).await;
        let outcome = self.server.send(&Call { path, body, ..call.clone() }).await;
        let token = outcome.body["metadata"]["continue"].as_str();
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            token.clone_into(&mut self.continue_token);
        }
        outcome
    }

    /// Fills in the placeholders.
    async fn fill(&self, text: &str) -> String {
        let mut values = Vec::new();
        for place in self.places.captures_iter(text) {
            values.push(self.value(&place).await);
        }
        let mut values = values.into_iter();
        self.places.replace_all(text, |_: &Captures<'_>| values.next().expect("a value")).into()
    }

    async fn value(&self, place: &Captures<'_>) -> String {
        match &place[1] {
            "ns" => self.namespace.clone(),
            "other" => other(&self.namespace),
            "start" => self.start.clone(),
            "continue" => self.continue_token.clone(),
            field => {
                let path = place.get(2).map_or("", |found| found.as_str());
                let path = trace::full_path(path).replace("<ns>", &self.namespace);
                let found = self.server.send(&Call::new(Method::GET, path)).await;
                let (field, missing) = match field {
                    "rv" => ("resourceVersion", "1"),
                    _ => ("uid", NO_UID),
                };
                found.body["metadata"][field].as_str().unwrap_or(missing).to_owned()
            }
        }
    }

    /// Reads a watch and reports its events.
    async fn watch(&mut self, watch: &Watch) -> Outcome {
        let path = self.fill(&trace::full_path(&watch.path)).await;
        let sentinel = match watch.until {
            Until::Sentinel => self.sentinel(&watch.path).await,
            _ => String::new(),
        };
        let call = Call { accept: watch.accept, ..Call::new(Method::GET, path) };
        let mut response = self.server.open(&call).await;
        let code = response.status().as_u16();
        if code != 200 {
            return self.server.send(&call).await;
        }
        let mut events = Vec::new();
        let reading = read_events(&mut response, &mut events, |event| match watch.until {
            Until::Sentinel => name_of(event) == sentinel,
            Until::Deleted => event["type"] == "DELETED",
            Until::InitialEnd => ends_initial_events(event),
            Until::End => false,
        });
        let in_time = tokio::time::timeout(WATCH_DEADLINE, reading).await.is_ok();
        events.retain(|event| {
            !name_of(event).starts_with("sentinel-")
                && (event["type"] != "BOOKMARK" || ends_initial_events(event))
        });
        Outcome { code, body: json!({ "events": events, "inTime": in_time }), warnings: Vec::new() }
    }

    /// Creates an object that the watch will see last.
    async fn sentinel(&mut self, path: &str) -> String {
        self.sentinels += 1;
        let name = format!("sentinel-{}", self.sentinels);
        let plural = path.split(['/', '?']).next().unwrap_or_default();
        let body = trace::smallest(plural, &name).to_string();
        let call = Call { body, ..Call::new(Method::POST, plural) };
        let created = self.call(&call).await;
        assert_eq!(created.code, 201, "{}", created.body);
        name
    }

    async fn settle(&self, settle: &Settle) -> Outcome {
        let path = self.fill(&trace::full_path(&settle.path)).await;
        let wish = |outcome: &Outcome| match settle.state {
            State::Gone => outcome.code == 404,
            State::Served => outcome.code == 200,
            State::Has(pointer) => outcome.body.pointer(pointer).is_some(),
            State::Lacks(pointer) => outcome.body.pointer(pointer).is_none(),
            State::Condition(kind) => has_condition(&outcome.body, kind),
        };
        let outcome = self.server.wait_for(&path, wish).await;
        // The next step compares the result.
        match wish(&outcome) {
            true => Outcome { code: 0, body: Value::Null, warnings: Vec::new() },
            false => outcome,
        }
    }
}

fn has_condition(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// The name of an event's object, even in a table.
fn name_of(event: &Value) -> &str {
    let object = &event["object"];
    let row = &object["rows"][0]["object"];
    let named = if row.is_object() { row } else { object };
    named["metadata"]["name"].as_str().unwrap_or_default()
}

fn ends_initial_events(event: &Value) -> bool {
    event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
}

async fn read_events(
    response: &mut http::Response<Body>,
    events: &mut Vec<Value>,
    is_last: impl Fn(&Value) -> bool,
) {
    let mut rest = Vec::new();
    while let Some(Ok(frame)) = response.body_mut().frame().await {
        rest.extend(frame.into_data().unwrap_or_default());
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line).expect("an event");
            let ends = event["type"] == "ERROR" || is_last(&event);
            events.push(event);
            if ends {
                return;
            }
        }
    }
}

/// A body with the bytes of its [`BYTE`] placeholders.
fn bytes(body: &str) -> Vec<u8> {
    let place = regex::bytes::Regex::new(BYTE).expect("a pattern");
    let byte = |found: &regex::bytes::Captures<'_>| {
        let digits = std::str::from_utf8(&found[1]).expect("digits");
        vec![u8::from_str_radix(digits, 16).expect("a byte")]
    };
    place.replace_all(body.as_bytes(), byte).into_owned()
}
