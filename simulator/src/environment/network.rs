//! The network between a process and the Kubernetes API.
//!
//! A sent request stays in flight whatever happens to the sender: it may be done after the sender
//! has given up on it or died. Watches are separate streams, so that kinds overtake each other.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::StatusCode;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use sandbox::ApiServer;
use serde_json::{Value, json};
use tokio::time::Duration;

use crate::checks::observe::{ARGO_CD, past};
use crate::checks::properties::Witness;
use crate::environment::journal::Journal;
use crate::environment::process::Process;
use crate::environment::rights::{Asked, Rights};
use crate::faults::adversary::{Adversary, Delivery, Fate, Notice, Refusal, Request};

/// One process's connection to the API.
#[derive(Clone)]
pub struct Link {
    /// The sender.
    pub process: Arc<Process>,
    /// The API, without a network in between.
    pub server: Arc<ApiServer>,
    /// Decides what goes wrong.
    pub adversary: Arc<dyn Adversary>,
    /// Whether the sender's sealing keys are those of another database, or missing.
    pub keys_are_wrong: bool,
    /// What the sender may ask for.
    pub rights: Arc<Rights>,
    /// Checks each write.
    pub witness: Arc<Witness>,
    /// Records what happens.
    pub journal: Journal,
}

/// The connection was cut before the answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut")]
pub struct Broken;

type Answer = http::Response<sandbox::Body>;

impl Link {
    /// A client that uses this connection.
    pub fn client(self) -> kube::Client {
        let send = tower::service_fn(move |request| {
            let link = self.clone();
            async move { link.send(request).await }
        });
        kube::Client::new(send, ARGO_CD)
    }

    async fn send(self, request: http::Request<Body>) -> Result<Answer, Broken> {
        let asked = Asked::of(&request);
        let described = describe(self.process.name(), &asked);
        self.process.connected().await;
        if !self.rights.allow(&asked) {
            self.witness.check_forbidden(&described);
            return Ok(failed(403, "Forbidden"));
        }
        let fate = self.adversary.request(&described);
        if described.writes() || !matches!(fate, Fate::Done { .. }) {
            self.note(format!("{described}{}", remark(fate)));
        }
        match fate {
            Fate::Done { before, after } => {
                let answer = self.deliver(described, request, before).await;
                tokio::time::sleep(after).await;
                self.process.connected().await;
                answer
            }
            Fate::Refused(Refusal::Cut) => Err(Broken),
            Fate::Refused(refusal) => Ok(refused(refusal, described.writes())),
            Fate::Unknown => {
                let _ = self.deliver(described, request, Duration::ZERO).await;
                Err(Broken)
            }
            Fate::KilledBefore => {
                self.process.kill();
                std::future::pending().await
            }
            Fate::KilledAfter => {
                let _ = self.deliver(described, request, Duration::ZERO).await;
                self.process.kill();
                std::future::pending().await
            }
        }
    }

    /// Does a request, even if its sender no longer waits for it.
    async fn deliver(
        &self,
        described: Request,
        request: http::Request<Body>,
        before: Duration,
    ) -> Result<Answer, Broken> {
        let link = self.clone();
        let awaited = Arc::new(());
        let sender = Arc::downgrade(&awaited);
        let delivery = async move {
            if !before.is_zero() {
                tokio::time::sleep(before).await;
            }
            let is_awaited = sender.strong_count() > 0;
            // Nothing else happens between the checks and the request.
            let seen = link.witness.before(&described, is_awaited);
            if link.keys_are_wrong {
                link.witness.check_without_keys(&described);
            }
            let list = described.verb == "list";
            let as_of = if list { link.adversary.list_as_of(&described) } else { None };
            let path = request.uri().path().to_owned();
            let answer = match as_of.and_then(|version| past(&link.server, &path, version)) {
                Some(list) => {
                    link.note(format!("{described}: as it was"));
                    http::Response::new(Full::new(list).boxed_unsync())
                }
                None => answer(&link.server, request),
            };
            let status = answer.status();
            link.witness.after(seen, &described, status);
            if described.writes() {
                link.note(format!("{described}: {}", status.as_u16()));
            }
            let watches = described.verb == "watch" && status.is_success();
            if watches { link.watched(answer, described.resource) } else { answer }
        };
        let answer = tokio::spawn(delivery).await.map_err(|_| Broken);
        drop(awaited);
        answer
    }

    fn note(&self, what: String) {
        self.journal.note(self.process.name(), what);
    }

    /// The answer to a watch, whose events may arrive late, twice or never.
    fn watched(&self, answer: Answer, resource: String) -> Answer {
        let (parts, body) = answer.into_parts();
        let lines = lines(body);
        let state = Stream { link: self.clone(), resource, lines, again: None, over: false };
        let frames = stream::unfold(state, |mut state| async move {
            let line = state.next().await?;
            Some((Ok::<_, Infallible>(http_body::Frame::data(line)), state))
        });
        http::Response::from_parts(parts, StreamBody::new(frames).boxed_unsync())
    }
}

/// What the server answers. That takes no time: it waits for nothing, and whatever it reads of the
/// clock, such as the time of an object's creation, is the run's time.
pub fn answer<B>(server: &Arc<ApiServer>, request: http::Request<B>) -> Answer
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    futures::executor::block_on(tokio::task::unconstrained(sandbox::answer(server, request)))
}

struct Stream {
    link: Link,
    resource: String,
    lines: BoxStream<'static, Bytes>,
    again: Option<Bytes>,
    over: bool,
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if let Some(line) = self.again.take() {
            return Some(line);
        }
        let line = self.lines.next().await?;
        let notice = self.notice(&line);
        self.link.process.connected().await;
        let delivery = self.link.adversary.event(&notice);
        match delivery {
            Delivery::After(delay) => tokio::time::sleep(delay).await,
            Delivery::Twice => self.again = Some(line.clone()),
            Delivery::Cut => self.over = true,
            Delivery::Expired(pause) => {
                self.over = true;
                tokio::time::sleep(pause).await;
            }
            Delivery::Killed => {
                self.link.note(format!("{notice}: the process is killed before it"));
                self.link.process.kill();
            }
            Delivery::KilledAfter(pause) => {
                let process = self.link.process.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    process.kill();
                });
            }
        }
        self.link.process.connected().await;
        if notice.kind != "BOOKMARK" {
            let remark = match delivery {
                Delivery::After(_) | Delivery::Killed => "",
                Delivery::Twice => ", twice",
                Delivery::Cut => ": the watch is cut before it",
                Delivery::Expired(_) => ": the watch expires before it",
                Delivery::KilledAfter(_) => ", and the process will be killed",
            };
            self.link.note(format!("{notice}{remark}"));
        }
        match delivery {
            Delivery::After(_) | Delivery::Twice | Delivery::KilledAfter(_) => Some(line),
            Delivery::Cut | Delivery::Killed => None,
            Delivery::Expired(_) => {
                let gone = json!({"type": "ERROR", "object": status(410, "Expired")});
                Some(Bytes::from(format!("{gone}\n")))
            }
        }
    }

    fn notice(&self, line: &Bytes) -> Notice {
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        let metadata = &event["object"]["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Notice {
            process: self.link.process.name().to_owned(),
            resource: self.resource.clone(),
            kind: text(&event["type"]),
            object: place(metadata["namespace"].as_str(), metadata["name"].as_str()),
            version: text(&metadata["resourceVersion"]).parse().unwrap_or_default(),
        }
    }
}

/// The lines of a body, each with its line ending.
fn lines(body: sandbox::Body) -> BoxStream<'static, Bytes> {
    let chunks = body.into_data_stream().filter_map(|chunk| std::future::ready(chunk.ok()));
    chunks
        .flat_map(|chunk| {
            // The server's chunks end at line ends.
            let lines: Vec<Bytes> = chunk
                .split_inclusive(|byte| *byte == b'\n')
                .map(|line| chunk.slice_ref(line))
                .collect();
            stream::iter(lines)
        })
        .boxed()
}

fn remark(fate: Fate) -> &'static str {
    match fate {
        Fate::Done { .. } => " …",
        Fate::Refused(Refusal::Cut) => " is cut off and not done",
        Fate::Refused(Refusal::Conflict) => " is refused: 409",
        Fate::Refused(Refusal::TooManyRequests) => " is refused: 429",
        Fate::Refused(Refusal::Unavailable) => " is refused: 503",
        Fate::Refused(Refusal::Internal) => " is refused: 500",
        Fate::Unknown => " is cut off and done",
        Fate::KilledBefore => " is not done: the process is killed",
        Fate::KilledAfter => " is done and the process killed",
    }
}

fn refused(refusal: Refusal, writes: bool) -> Answer {
    let (code, reason) = match refusal {
        // Only a write can conflict.
        Refusal::Conflict if writes => (409, "Conflict"),
        Refusal::TooManyRequests => (429, "TooManyRequests"),
        Refusal::Conflict | Refusal::Unavailable | Refusal::Cut => (503, "ServiceUnavailable"),
        Refusal::Internal => (500, "InternalError"),
    };
    failed(code, reason)
}

fn failed(code: u16, reason: &str) -> Answer {
    let body = Full::new(Bytes::from(status(code, reason).to_string()));
    let mut answer = http::Response::new(body.boxed_unsync());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
    answer
}

fn status(code: u16, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "injected", "reason": reason, "code": code,
    })
}

fn place(namespace: Option<&str>, name: Option<&str>) -> String {
    match (namespace, name) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    }
}

/// What a request asks for, and of whom.
fn describe(process: &str, asked: &Asked<'_>) -> Request {
    Request {
        process: process.to_owned(),
        verb: asked.verb,
        resource: asked.resource.clone(),
        object: place(asked.namespace, asked.name),
    }
}
