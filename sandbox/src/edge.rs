//! Where requests come in: over HTTP on loopback, or directly from a client in the same process.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request as HttpRequest, State};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT, WARNING,
};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep};
use tokio_util::sync::CancellationToken;

use crate::api::{ApiServer, BODY_LIMIT_BYTES, Reply, Request, Response};
use crate::watch::Watch;

/// How often a watch that wants bookmarks gets one, as in the API server.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// Warning texts longer than this are truncated, as headers must be short.
const WARNING_LENGTH_LIMIT: usize = 256;

/// How much of a too long body is read and discarded: an honest mistake, such as a manifest with an
/// archive in it, gets an answer; beyond that the connection is closed.
const DISCARD_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server and the signal that ends its watches.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) server: Arc<ApiServer>,
    pub(crate) shutdown: CancellationToken,
}

impl Edge {
    /// The routes of the HTTP server: one handler for everything.
    pub(crate) fn router(self) -> axum::Router {
        axum::Router::new().fallback(serve).with_state(self)
    }

    async fn respond<B>(&self, request: http::Request<B>) -> http::Response<Body>
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let body = read(body).await;
        let text = |name: HeaderName| {
            let values = parts.headers.get_all(name);
            let texts: Vec<&str> = values.iter().filter_map(|value| value.to_str().ok()).collect();
            texts.join(",")
        };
        let request = Request {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            accept: text(ACCEPT),
            content_type: text(CONTENT_TYPE),
            user_agent: text(USER_AGENT),
            method: parts.method,
            body,
        };
        match self.server.handle(&request) {
            Reply::Full(response) => full(response),
            Reply::Watch(watch) => {
                let events = stream(watch, self.shutdown.clone());
                let frames = events.map(|chunk| Ok(http_body::Frame::data(chunk)));
                with_headers(200, "application/json", StreamBody::new(frames).boxed_unsync())
            }
        }
    }
}

/// Reads a body to its end. One that is too long becomes one that the core rejects for its length.
async fn read<B>(body: B) -> Bytes
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = pin!(body);
    // One byte more than allowed is read, so that the core sees and rejects what is too long.
    if let Ok(body) = Limited::new(body.as_mut(), BODY_LIMIT_BYTES + 1).collect().await {
        return body.to_bytes();
    }
    // A connection that is closed before it was read to the end is reset, and a client that is
    // still sending may never see the answer.
    let mut rest = Limited::new(body, DISCARD_LIMIT_BYTES);
    while let Some(Ok(_)) = rest.frame().await {}
    Bytes::from(vec![b' '; BODY_LIMIT_BYTES + 1])
}

async fn serve(State(edge): State<Edge>, request: HttpRequest) -> http::Response<axum::body::Body> {
    edge.respond(request).await.map(axum::body::Body::new)
}

/// A client that talks to a server in this process without a network in between.
///
/// Watches use tokio's clock for timeouts and bookmarks, so a paused clock applies to them as well.
pub fn client(server: Arc<ApiServer>, default_namespace: &str) -> kube::Client {
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(answer(&server, request).await) }
    });
    kube::Client::new(service, default_namespace)
}

/// The answer of a server in this process, without a client. Everything except a watch is answered
/// at once.
pub async fn answer<B>(server: &Arc<ApiServer>, request: http::Request<B>) -> http::Response<Body>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let edge = Edge { server: Arc::clone(server), shutdown: CancellationToken::new() };
    edge.respond(request).await
}

fn full(response: Response) -> http::Response<Body> {
    let Response { status, content_type, warnings, body } = response;
    let mut answer = with_headers(status, content_type, Full::new(body).boxed_unsync());
    for warning in warnings {
        let text: String = warning.chars().take(WARNING_LENGTH_LIMIT).collect();
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            answer.headers_mut().append(WARNING, value);
        }
    }
    answer
}

fn with_headers(status: u16, content_type: &'static str, body: Body) -> http::Response<Body> {
    let mut answer = http::Response::new(body);
    let fault = http::StatusCode::INTERNAL_SERVER_ERROR;
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(fault);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    answer
}

struct Streaming {
    watch: Box<Watch>,
    bookmarks: Interval,
    deadline: Pin<Box<Sleep>>,
    shutdown: CancellationToken,
    ending: bool,
}

/// The chunks of a watch, with its bookmarks, until it times out.
fn stream(watch: Box<Watch>, shutdown: CancellationToken) -> impl Stream<Item = Bytes> + Send {
    let mut bookmarks = tokio::time::interval_at(Instant::now() + BOOKMARK_PERIOD, BOOKMARK_PERIOD);
    bookmarks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let deadline = Box::pin(tokio::time::sleep(watch.timeout()));
    let state = Streaming { watch, bookmarks, deadline, shutdown, ending: false };
    stream::unfold(state, |mut state| async move {
        let chunk = state.next().await?;
        Some((chunk, state))
    })
}

impl Streaming {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ending {
            return None;
        }
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                chunk = self.watch.next() => return chunk,
                () = &mut self.deadline => {
                    self.ending = true;
                    return self.watch.bookmark();
                }
                _ = self.bookmarks.tick() => {
                    if let Some(bookmark) = self.watch.bookmark() {
                        return Some(bookmark);
                    }
                }
            }
        }
    }
}
