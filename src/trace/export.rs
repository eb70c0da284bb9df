//! The OpenTelemetry SDK, as the standard variables set it up.

use std::time::{Duration, SystemTime};

use machines::identity::OperationId;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SdkTracer, SdkTracerProvider, ShouldSample,
};

use super::collector::Collector;
use super::ids::{self, Ids, Place};

/// Names the collector; without it nothing is recorded.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
/// The only protocol that is spoken.
const PROTOCOL: &str = "http/protobuf";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
/// Names the service in all traces, unless `OTEL_SERVICE_NAME` does.
const SERVICE: &str = "managed-gitops";
/// How long the last spans may take when the process ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Why traces cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Another protocol.
    #[error("{variable}={value:?} is not supported; set it to {PROTOCOL}, or leave it out")]
    Protocol {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// No known sampler.
    #[error(
        "{SAMPLER}={0:?} is not supported; give always_on, always_off, traceidratio, \
         parentbased_always_on, parentbased_always_off or parentbased_traceidratio"
    )]
    Sampler(String),
    /// No ratio.
    #[error("{SAMPLER_ARGUMENT}={0:?} is not a ratio; give a number from 0 to 1")]
    Ratio(String),
    /// The SDK refuses something. What it says may contain a password.
    #[error(
        "spans cannot be sent as the OTEL_EXPORTER_OTLP_ variables ask; give a URL such as \
         http://collector:4318 as the endpoint, and no compression"
    )]
    Exporter,
    /// No certificates.
    #[error("the system's certificates cannot be read, by which a collector is known: {0}")]
    Certificates(#[from] std::io::Error),
}

/// A variable's value; an empty one counts as none, as the specification has it.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whether the variables ask for traces.
pub(super) fn is_wanted(variable: Variables<'_>) -> bool {
    let is_disabled =
        variable("OTEL_SDK_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true"));
    let is_none = variable("OTEL_TRACES_EXPORTER").is_some_and(|name| name == "none");
    ENDPOINTS.iter().any(|name| variable(name).is_some()) && !is_disabled && !is_none
}

/// Which traces are recorded. Every trace begins here, so a parent decides nothing.
fn sampler(variable: Variables<'_>) -> Result<Sampler, SetupError> {
    let Some(name) = variable(SAMPLER) else { return Ok(Sampler::AlwaysOn) };
    match name.strip_prefix("parentbased_").unwrap_or(&name) {
        "always_on" => Ok(Sampler::AlwaysOn),
        "always_off" => Ok(Sampler::AlwaysOff),
        "traceidratio" => {
            let text = variable(SAMPLER_ARGUMENT).unwrap_or_else(|| "1".to_owned());
            let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            Ok(Sampler::TraceIdRatioBased(ratio.ok_or(SetupError::Ratio(text))?))
        }
        _ => Err(SetupError::Sampler(name)),
    }
}

fn check_protocol(variable: Variables<'_>) -> Result<(), SetupError> {
    for name in PROTOCOLS {
        if let Some(value) = variable(name)
            && value != PROTOCOL
        {
            return Err(SetupError::Protocol { variable: name, value });
        }
    }
    Ok(())
}

/// A span that has ended.
pub(super) struct Ended {
    pub(super) operation: OperationId,
    pub(super) name: &'static str,
    /// If others belong below it.
    pub(super) place: Option<Place>,
    pub(super) parent: Option<Place>,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) has_failed: bool,
}

/// See the module.
pub(super) struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    sampler: Sampler,
}

impl Exporter {
    /// What the standard variables ask for.
    pub(super) fn new(variable: Variables<'_>) -> Result<Self, SetupError> {
        check_protocol(variable)?;
        let sampler = sampler(variable)?;
        let exporter = SpanExporter::builder().with_http().with_http_client(Collector::new()?);
        let exporter = exporter.build().map_err(|_| SetupError::Exporter)?;
        let resource = Resource::builder();
        let resource = match variable("OTEL_SERVICE_NAME") {
            Some(_) => resource,
            None => resource.with_service_name(SERVICE),
        };
        // What is not sampled is never handed over.
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_id_generator(Ids::default())
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        let tracer = provider.tracer(SERVICE);
        Ok(Self { provider, tracer, sampler })
    }

    /// Whether the trace of an operation is recorded. It follows from the id, so all processes agree.
    pub(super) fn samples(&self, operation: &OperationId) -> bool {
        let (trace, kind) = (ids::trace_id(operation), SpanKind::Internal);
        let result = self.sampler.should_sample(None, trace, "", &kind, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    /// Hands a span over; waits for nothing.
    pub(super) fn record(&self, span: Ended) {
        let Ended { operation, name, place, parent, start, end, attributes, has_failed } = span;
        let trace = ids::trace_id(&operation);
        let parent = parent.map(|place| place.span_id(&operation));
        Ids::set_next(trace, place.map(|place| place.span_id(&operation)));
        let mut span = self
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Internal)
            .with_start_time(start)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &context(trace, parent));
        if has_failed {
            // No text: it may be somebody else's.
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(end);
    }

    /// Sends what is left; blocks.
    pub(super) fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "the last spans may be lost");
        }
    }
}

fn context(trace: TraceId, parent: Option<SpanId>) -> Context {
    let Some(parent) = parent else { return Context::new() };
    let state = TraceState::default();
    let parent = SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, state);
    Context::new().with_remote_span_context(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let set: Vec<(String, String)> =
            set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        move |name| set.iter().find(|one| one.0 == name).map(|one| one.1.clone())
    }

    #[test]
    fn traces_are_off_unless_a_collector_is_named() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces");
        for (set, wanted) in [
            (&[][..], false),
            (&[("OTEL_SERVICE_NAME", "gitops")], false),
            (&[endpoint], true),
            (&[traces], true),
            (&[endpoint, ("OTEL_SDK_DISABLED", "true")], false),
            (&[endpoint, ("OTEL_SDK_DISABLED", "false")], true),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "otlp")], true),
        ] {
            assert_eq!(is_wanted(&variables(set)), wanted, "{set:?}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for (set, part) in [
            (&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..], "http/protobuf"),
            (&[("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")], "http/protobuf"),
            (&[("OTEL_TRACES_SAMPLER", "sometimes")], "always_on"),
            (&[("OTEL_TRACES_SAMPLER", "xray")], "always_on"),
            (
                &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "half")],
                "from 0 to 1",
            ),
            (
                &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.5")],
                "from 0 to 1",
            ),
        ] {
            let variables = variables(set);
            let refused = check_protocol(&variables).and_then(|()| sampler(&variables).map(|_| ()));
            let said = refused.expect_err("it is refused").to_string();
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn all_processes_sample_the_same_operations_at_about_the_ratio() {
        let set = [
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ];
        let sampler = sampler(&variables(&set)).expect("it is supported");
        let sampled = |number: u32| {
            let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &number.to_be_bytes());
            let trace = ids::trace_id(&OperationId::new(id.to_string()));
            let result = sampler.should_sample(None, trace, "", &SpanKind::Internal, &[], &[]);
            result.decision == SamplingDecision::RecordAndSample
        };
        let number = (0..4_000).filter(|number| sampled(*number)).count();
        assert!((900..=1_100).contains(&number), "{number}");
    }
}
