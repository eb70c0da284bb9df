//! Counters and histograms by labels whose values are all known from the start: each series exists
//! before anything is counted, so that its first increase is seen as one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use crate::metrics::scrape::Scrape;
use crate::metrics::table::{Kind, Metric, Values};

/// The counters of a metric.
#[derive(Debug)]
pub struct Counters {
    metric: &'static Metric,
    cells: Vec<(Vec<&'static str>, AtomicU64)>,
}

impl Counters {
    /// All are 0.
    pub fn new(metric: &'static Metric) -> Self {
        let cells = combinations(metric).into_iter().map(|values| (values, AtomicU64::new(0)));
        Self { metric, cells: cells.collect() }
    }

    /// Counts one, with these values of the labels.
    pub fn inc(&self, labels: &[&str]) {
        self.add(labels, 1);
    }

    /// Counts several.
    pub fn add(&self, labels: &[&str], number: u64) {
        let cell = self.cells.iter().find(|(values, _)| values == labels);
        debug_assert!(cell.is_some(), "{} has no {labels:?}", self.metric.name);
        if let Some((_, cell)) = cell {
            cell.fetch_add(number, Ordering::Relaxed);
        }
    }

    pub(super) fn measure(&self, scrape: &mut Scrape) {
        for (values, cell) in &self.cells {
            scrape.put(self.metric, values, cell.load(Ordering::Relaxed) as f64);
        }
    }
}

/// The histograms of a metric.
#[derive(Debug)]
pub struct Histograms {
    metric: &'static Metric,
    cells: Vec<(Vec<&'static str>, Histogram)>,
}

impl Histograms {
    /// All are empty.
    pub fn new(metric: &'static Metric) -> Self {
        let cells = combinations(metric).into_iter().map(|values| (values, histogram(metric)));
        Self { metric, cells: cells.collect() }
    }

    /// Counts a duration, with these values of the labels.
    pub fn observe(&self, labels: &[&str], lasted: Duration) {
        let cell = self.cells.iter().find(|(values, _)| values == labels);
        debug_assert!(cell.is_some(), "{} has no {labels:?}", self.metric.name);
        if let Some((_, cell)) = cell {
            cell.observe(lasted.as_secs_f64());
        }
    }

    pub(super) fn measure(&self, scrape: &mut Scrape) {
        for (values, cell) in &self.cells {
            scrape.histogram(self.metric, values, cell.clone());
        }
    }
}

/// An empty histogram with the buckets of a metric.
pub fn histogram(metric: &Metric) -> Histogram {
    let buckets = match metric.kind {
        Kind::Histogram(buckets) => buckets,
        Kind::Counter | Kind::Gauge => &[],
    };
    Histogram::new(buckets.iter().copied())
}

/// All combinations of the values of a metric's labels.
fn combinations(metric: &Metric) -> Vec<Vec<&'static str>> {
    let mut combinations = vec![Vec::new()];
    for label in metric.labels {
        let Values::Of(values) = label.values else { return Vec::new() };
        let extended = combinations.iter().flat_map(|one| {
            values.iter().map(move |value| one.iter().copied().chain([*value]).collect())
        });
        combinations = extended.collect();
    }
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, table};

    #[test]
    fn every_series_exists_before_it_is_counted() {
        let metrics = Metrics::default();
        metrics.repairs.inc(&["secret"]);
        let text = metrics.scrape().text();
        for sample in [
            "gitops_fenced_total{at=\"commit\"} 0\n",
            "gitops_repairs_total{resource=\"orphan\"} 0\n",
            "gitops_repairs_total{resource=\"secret\"} 1\n",
            "gitops_server_checks_total{server=\"git\",outcome=\"accepted\"} 0\n",
            "gitops_rescan_seconds_count 0\n",
        ] {
            assert!(text.contains(sample), "{sample}{text}");
        }
    }

    #[test]
    fn a_duration_is_counted_in_seconds() {
        let histograms = Histograms::new(&table::REPORT);
        histograms.observe(&["recorded"], Duration::from_millis(40));
        let mut scrape = Scrape::default();
        histograms.measure(&mut scrape);
        let text = scrape.text();
        let bucket = |le| format!("_bucket{{le=\"{le}\",stage=\"recorded\"}}");
        assert!(text.contains(&format!("{} 0\n", bucket("0.025"))), "{text}");
        assert!(text.contains(&format!("{} 1\n", bucket("0.05"))), "{text}");
    }
}
