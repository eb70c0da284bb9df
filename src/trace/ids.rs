//! The ids of traces and spans. Those that both roles have to know follow from the operation's id.

use std::cell::Cell;

use machines::identity::{Digest, OperationId};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

/// The spans of a trace that have children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The change that an operation was requested for: the root.
    Change,
    /// The operation.
    Operation,
}

impl Place {
    /// The id of this span in the trace of an operation.
    pub(super) fn span_id(self, operation: &OperationId) -> SpanId {
        let name = match self {
            Self::Change => "change",
            Self::Operation => "operation",
        };
        let digest = Digest::of(&(name, operation.as_str()));
        let half = digest.as_str().get(..16).unwrap_or_default();
        SpanId::from_hex(half).unwrap_or(SpanId::INVALID)
    }
}

/// The trace of an operation. Not its id itself: some bits of a UUID are fixed, and a sampler takes
/// them for random.
pub(super) fn trace_id(operation: &OperationId) -> TraceId {
    let digest = Digest::of(&("trace", operation.as_str()));
    TraceId::from_hex(digest.as_str()).unwrap_or(TraceId::INVALID)
}

thread_local! {
    /// The ids of the span that this thread is about to record; its own is random if there is none.
    static NEXT: Cell<Option<(TraceId, Option<SpanId>)>> = const { Cell::new(None) };
}

/// Gives spans the ids that they should have: the SDK asks a generator, on the same thread.
#[derive(Debug, Default)]
pub(super) struct Ids(RandomIdGenerator);

impl Ids {
    /// The ids of the next span on this thread.
    pub(super) fn set_next(trace: TraceId, span: Option<SpanId>) {
        NEXT.set(Some((trace, span)));
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().and_then(|(_, span)| span).unwrap_or_else(|| self.0.new_span_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_roles_derive_the_same_ids_and_each_operation_has_its_own() {
        let (one, two) = (OperationId::new("one"), OperationId::new("two"));
        assert_eq!(trace_id(&one), trace_id(&one.clone()));
        assert_ne!(trace_id(&one), trace_id(&two));
        assert_ne!(Place::Change.span_id(&one), Place::Operation.span_id(&one));
        assert_ne!(Place::Change.span_id(&one), Place::Change.span_id(&two));
        assert_ne!(trace_id(&one), TraceId::INVALID);
        assert_ne!(Place::Change.span_id(&one), SpanId::INVALID);
    }
}
