//! Watches: each one is a cursor into a collection's history, so a slow reader costs no memory.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::task::AtomicWaker;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::encode::Encoder;
use crate::api::failure::Failure;
use crate::registry::Resource;
use crate::selectors::Filter;
use crate::store::{Change, Event, HistoryGap, Object, Store};

/// Events encoded at once: enough to fill a network buffer, few enough to hold the lock only
/// briefly.
const BATCH_LIMIT: usize = 64;

/// The timeout of a watch if the client sets none, like the API server's minimum.
const DEFAULT_TIMEOUT_SECONDS: u64 = 1_800;

/// The annotation of the bookmark that ends a streamed list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A running watch: a stream of chunks, each some lines of JSON.
///
/// It needs no particular runtime: its poller is woken by the server's writes. The edge, which has
/// a clock, handles its timeout and its periodic bookmarks.
#[derive(Debug)]
pub struct Watch {
    server: Arc<ApiServer>,
    resource: Arc<Resource>,
    filter: Filter,
    encoder: Encoder,
    /// Everything up to this resource version was sent.
    cursor: u64,
    initial: VecDeque<Arc<Object>>,
    /// Sent after the initial objects.
    initial_end: bool,
    bookmarks: bool,
    ended: bool,
    /// In a table, only the first event names the columns.
    columns_sent: bool,
    timeout_seconds: u64,
    waker: Arc<AtomicWaker>,
}

/// What a client requested.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Where to start; `None` to list existing objects first.
    pub(crate) resource_version: Option<u64>,
    /// Whether existing objects come first.
    pub(crate) initial_events: bool,
    /// Whether a marked bookmark follows the initial events.
    pub(crate) initial_events_end: bool,
    pub(crate) bookmarks: bool,
    pub(crate) timeout_seconds: Option<u64>,
}

impl Watch {
    /// A watch that starts now; called with the store locked.
    pub(crate) fn start(
        server: &Arc<ApiServer>,
        store: &mut Store,
        resource: &Arc<Resource>,
        filter: Filter,
        encoder: Encoder,
        options: Options,
    ) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        store.subscribe(&resource.collection, &waker);
        let mut initial = VecDeque::new();
        if options.initial_events {
            let objects = store.scan(&resource.collection, filter.namespace.as_deref());
            initial.extend(objects.into_iter().filter(|object| filter.matches(object)));
        }
        Self {
            server: Arc::clone(server),
            resource: Arc::clone(resource),
            filter,
            encoder,
            cursor: options.resource_version.unwrap_or_else(|| store.resource_version()),
            initial,
            initial_end: options.initial_events_end,
            bookmarks: options.bookmarks,
            ended: false,
            columns_sent: false,
            timeout_seconds: options.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            waker,
        }
    }

    /// How long the client wants the watch to last.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// The next chunk, if there is anything to send now.
    pub fn poll_chunk(&mut self) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut chunk = Vec::new();
        self.take_initial(&mut chunk);
        if chunk.is_empty() {
            self.take_events(&mut chunk);
        }
        match (chunk.is_empty(), self.ended) {
            (false, _) => Poll::Ready(Some(chunk.into())),
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }

    /// A bookmark for the present, if the client wants bookmarks and is up to date.
    pub fn bookmark(&mut self) -> Option<Bytes> {
        if !self.bookmarks || self.ended || !self.initial.is_empty() || self.initial_end {
            return None;
        }
        let newest = {
            let server = Arc::clone(&self.server);
            let state = server.lock();
            let newest = state.store.resource_version();
            let missed = state.store.events_after(&self.resource.collection, self.cursor, 1);
            missed.is_ok_and(|events| events.is_empty()).then_some(newest)?
        };
        self.cursor = self.cursor.max(newest);
        Some(self.bookmark_line(false).into())
    }

    fn bookmark_line(&self, ends_initial_events: bool) -> Vec<u8> {
        let mut metadata = json!({ "resourceVersion": self.cursor.to_string() });
        if ends_initial_events {
            metadata["annotations"] = json!({ INITIAL_EVENTS_END: "true" });
        }
        let object = self.encoder.bookmark(&self.resource, metadata);
        line("BOOKMARK", object.to_string().as_bytes())
    }

    fn take_initial(&mut self, chunk: &mut Vec<u8>) {
        for _ in 0..BATCH_LIMIT {
            let Some(object) = self.initial.pop_front() else {
                break;
            };
            chunk.extend(self.object_line("ADDED", &object));
        }
        if self.initial.is_empty() && self.initial_end {
            self.initial_end = false;
            chunk.extend(self.bookmark_line(true));
        }
    }

    fn take_events(&mut self, chunk: &mut Vec<u8>) {
        let server = Arc::clone(&self.server);
        loop {
            let (events, newest) = {
                let state = server.lock();
                let collection = &self.resource.collection;
                let events = state.store.events_after(collection, self.cursor, BATCH_LIMIT);
                (events, state.store.resource_version())
            };
            match events {
                Err(HistoryGap::Gone) => {
                    self.ended = true;
                    return;
                }
                Err(HistoryGap::Expired) => {
                    self.ended = true;
                    let message = format!("too old resource version: {} ({newest})", self.cursor);
                    let status = Failure::expired(message).status();
                    chunk.extend(line("ERROR", status.to_string().as_bytes()));
                    return;
                }
                // Nothing was missed up to the newest version, so a later compaction does no harm.
                Ok(events) if events.is_empty() => {
                    self.cursor = self.cursor.max(newest);
                    return;
                }
                Ok(events) => {
                    for event in &events {
                        self.cursor = event.object.resource_version;
                        self.encode(event, chunk);
                    }
                    if !chunk.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    /// An object that starts or stops matching the filter is added or deleted for this watch.
    fn encode(&mut self, event: &Event, chunk: &mut Vec<u8>) {
        let passes = event.change != Change::Deleted && self.filter.matches(&event.object);
        let passed = event.previous.as_ref().is_some_and(|object| self.filter.matches(object));
        let kind = match (passed, passes) {
            (false, false) => return,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        let object = match &event.previous {
            // What stops matching is shown as it last matched.
            Some(previous) if kind == "DELETED" && event.change != Change::Deleted => {
                Arc::new(previous.at(event.object.resource_version))
            }
            _ => Arc::clone(&event.object),
        };
        chunk.extend(self.object_line(kind, &object));
    }

    fn object_line(&mut self, kind: &str, object: &Object) -> Vec<u8> {
        let with_columns = !std::mem::replace(&mut self.columns_sent, true);
        let now = self.server.now();
        line(kind, &self.encoder.event(&self.resource, object, now, with_columns))
    }
}

fn line(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut line = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line
}

impl Stream for Watch {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Registered before looking, so that a write in between is not missed.
        self.waker.register(context.waker());
        self.poll_chunk()
    }
}

/// The parts of a chunk, for tests and simulations.
pub fn events_of(chunk: &[u8]) -> Vec<Value> {
    chunk
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}
