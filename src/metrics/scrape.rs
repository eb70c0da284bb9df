//! What one scrape finds, and its text.

use std::collections::HashMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::metrics::ApiRequests;
use crate::metrics::table::{ALL, API_REQUESTS, Kind, Metric};

type NoLabels = [(&'static str, &'static str); 0];

/// One value of a metric.
#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Histogram(Histogram),
}

/// One value of a metric, by the values of its labels.
type Sample = (Vec<String>, Value);

/// See the module.
#[derive(Debug, Default)]
pub struct Scrape {
    samples: HashMap<&'static str, Vec<Sample>>,
    requests: ApiRequests,
}

impl Scrape {
    /// Nothing but these requests.
    pub fn new(requests: ApiRequests) -> Self {
        Self { samples: HashMap::new(), requests }
    }

    /// Adds a value of a metric, for these values of its labels.
    pub fn put(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        self.add(metric, labels, Value::Number(value));
    }

    /// The same, of a number of things.
    pub fn count(&mut self, metric: &Metric, labels: &[&str], number: usize) {
        self.put(metric, labels, number as f64);
    }

    /// The same, of a flag.
    pub fn flag(&mut self, metric: &Metric, labels: &[&str], is_so: bool) {
        self.put(metric, labels, if is_so { 1.0 } else { 0.0 });
    }

    /// Adds a histogram.
    pub fn histogram(&mut self, metric: &Metric, labels: &[&str], histogram: Histogram) {
        self.add(metric, labels, Value::Histogram(histogram));
    }

    fn add(&mut self, metric: &Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.samples.entry(metric.name).or_default().push((labels, value));
    }

    /// Its text, in the form of OpenMetrics.
    pub fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            tracing::error!("the metrics could not be written as text");
        }
        text
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for metric in ALL {
            let samples = self.samples.get(metric.name).map(Vec::as_slice).unwrap_or_default();
            if samples.is_empty() && metric.name != API_REQUESTS.name {
                continue;
            }
            let (name, kind) = match metric.kind {
                // The suffix comes with the samples.
                Kind::Counter => (metric.name.trim_end_matches("_total"), MetricType::Counter),
                Kind::Gauge => (metric.name, MetricType::Gauge),
                Kind::Histogram(_) => (metric.name, MetricType::Histogram),
            };
            let help = format!("{}.", metric.help);
            let mut encoder = encoder.encode_descriptor(name, &help, None, kind)?;
            if metric.name == API_REQUESTS.name {
                self.requests.encode(encoder)?;
            } else if metric.labels.is_empty() {
                // There is only one.
                if let Some((_, value)) = samples.first() {
                    value.encode(metric.kind, encoder)?;
                }
            } else {
                for (values, value) in samples {
                    let names = metric.labels.iter().map(|label| label.name);
                    let labels: Vec<(&str, &str)> =
                        names.zip(values.iter().map(String::as_str)).collect();
                    value.encode(metric.kind, encoder.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, kind: Kind, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let none: Option<&Exemplar<NoLabels, f64>> = None;
        match self {
            // What is whole is written so: 40, not 40.0.
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => match kind {
                Kind::Counter => encoder.encode_counter(&(*number as u64), none),
                Kind::Gauge | Kind::Histogram(_) => encoder.encode_gauge(&(*number as i64)),
            },
            Self::Number(number) => match kind {
                Kind::Counter => encoder.encode_counter(number, none),
                Kind::Gauge | Kind::Histogram(_) => encoder.encode_gauge(number),
            },
            Self::Histogram(histogram) => histogram.encode(encoder),
        }
    }
}
