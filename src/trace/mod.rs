//! Traces: what became of one change of an object, from the backend that takes it in to the agent and
//! back to the status.
//!
//! A trace is about one operation. The ids of the trace and of its inner spans follow from the
//! operation's id, which both roles read in its row: so two processes write parts of one trace, also
//! after a restart, and nothing has to be stored or passed on for it.
//!
//! ```text
//! change                 backend: what was observed of the object, until its operation is committed
//! ├ operation.create     backend: the Operation resource
//! ├ operation            agent: from the first look at the row until its end is committed
//! │ ├ application.write  agent: a write to Argo CD's namespace; likewise project.write and others
//! │ └ report.write       agent: what Argo CD reports, until it is in the database
//! └ status.write         backend: the object's status
//! ```
//!
//! A span is recorded when it ends: one that a crash cuts off is missing, its children are not.
//! Attributes are names and states; no text of others is among them, and so no secret.

mod collector;
mod export;
mod ids;
mod recent;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use machines::identity::OperationId;
use opentelemetry::KeyValue;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::runtime::clock::Clock;
pub use export::SetupError;
use export::{Ended, Exporter};
use ids::Place;
use recent::Recent;

/// How long reports and statuses belong to the trace of the last operation of their object.
const FOLLOWED_FOR: Duration = Duration::from_secs(600);
/// The longest operation with a span of its own: a sync may take hours.
const LONGEST_OPERATION: Duration = Duration::from_secs(24 * 3_600);
/// How many operations are remembered at a time; what begins beyond them is not recorded in full.
const REMEMBERED: usize = 10_000;

/// Where spans go. Clones lead to the same place; by default nothing is recorded.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Recorder>>);

struct Recorder {
    exporter: Exporter,
    clock: Clock,
    /// When operations began that have not ended.
    begun: Mutex<Recent<OperationId, Instant>>,
    /// The last operation of an object, by what identifies that.
    followed: Mutex<Recent<String, OperationId>>,
}

impl Trace {
    /// What the standard OpenTelemetry variables ask for: nothing, unless they name a collector.
    ///
    /// # Errors
    ///
    /// They ask for something that is not supported.
    pub fn from_environment(clock: &Clock) -> Result<Self, SetupError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if !export::is_wanted(&variable) {
            return Ok(Self::default());
        }
        let recorder = Recorder {
            exporter: Exporter::new(&variable)?,
            clock: clock.clone(),
            begun: Mutex::new(Recent::new(REMEMBERED, LONGEST_OPERATION)),
            followed: Mutex::new(Recent::new(REMEMBERED, FOLLOWED_FOR)),
        };
        Ok(Self(Some(Arc::new(recorder))))
    }

    /// Whether anything is recorded.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a span of an operation; `None` if nothing is recorded of it.
    pub fn span(&self, name: &'static str, operation: &OperationId) -> Option<Span> {
        let recorder = self.sampling(operation)?;
        Some(Span {
            recorder: Arc::clone(recorder),
            operation: operation.clone(),
            name,
            place: None,
            parent: Some(Place::Change),
            begun: Instant::now(),
            attributes: Vec::new(),
        })
    }

    /// Begins a span of the operation that an object follows.
    pub fn span_of(&self, name: &'static str, object: &str) -> Option<Span> {
        let recorder = self.0.as_ref()?;
        let followed = recorder.followed.lock().get(&object.to_owned(), Instant::now()).cloned();
        self.span(name, &followed?)
    }

    /// From now on what is written or reported of an object belongs to this operation.
    pub fn follow(&self, object: &str, operation: &OperationId) {
        if let Some(recorder) = self.sampling(operation) {
            let (object, operation) = (object.to_owned(), operation.clone());
            recorder.followed.lock().note(object, operation, Instant::now());
        }
    }

    /// The agent looks at an operation, perhaps for the first time.
    pub fn begin(&self, operation: &OperationId, begun: Instant) {
        let Some(recorder) = self.sampling(operation) else { return };
        let mut known = recorder.begun.lock();
        if known.get(operation, begun).is_none() {
            known.note(operation.clone(), begun, begun);
        }
    }

    /// An operation is gone.
    pub fn forget(&self, operation: &OperationId) {
        if let Some(recorder) = &self.0 {
            recorder.begun.lock().take(operation);
        }
    }

    /// The span of an operation that ends now.
    pub fn end(&self, operation: &OperationId) -> Option<Span> {
        let begun = self.0.as_ref()?.begun.lock().take(operation)?;
        let span = self.span("operation", operation)?;
        Some(Span { begun, place: Some(Place::Operation), ..span })
    }

    /// Sends what is left.
    pub async fn shutdown(&self) {
        if let Some(recorder) = self.0.clone() {
            // The SDK waits for its own thread.
            let _ = tokio::task::spawn_blocking(move || recorder.exporter.shutdown()).await;
        }
    }

    fn sampling(&self, operation: &OperationId) -> Option<&Arc<Recorder>> {
        self.0.as_ref().filter(|recorder| recorder.exporter.samples(operation))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Trace(on)" } else { "Trace(off)" })
    }
}

/// A step of an operation, from its begin on.
#[must_use = "it is recorded when it ends"]
pub struct Span {
    recorder: Arc<Recorder>,
    operation: OperationId,
    name: &'static str,
    place: Option<Place>,
    parent: Option<Place>,
    begun: Instant,
    attributes: Vec<KeyValue>,
}

impl Span {
    /// The root of the trace.
    pub fn root(self) -> Self {
        Self { place: Some(Place::Change), parent: None, ..self }
    }

    /// One below the operation's span.
    pub fn within_operation(self) -> Self {
        Self { parent: Some(Place::Operation), ..self }
    }

    /// One that began earlier.
    pub fn since(self, begun: Instant) -> Self {
        Self { begun, ..self }
    }

    /// With a name or a state: never a text, which may be somebody else's.
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push(KeyValue::new(key, value.into()));
        self
    }

    /// Ends it.
    pub fn end(self, has_failed: bool) {
        let Self { recorder, operation, name, place, parent, begun, mut attributes } = self;
        let now = u64::try_from(recorder.clock.now().as_millis()).unwrap_or_default();
        let end = SystemTime::UNIX_EPOCH + Duration::from_millis(now);
        let start = end.checked_sub(begun.elapsed()).unwrap_or(end);
        attributes.push(KeyValue::new("gitops.operation", operation.as_str().to_owned()));
        let ended = Ended { operation, name, place, parent, start, end, attributes, has_failed };
        recorder.exporter.record(ended);
    }
}
