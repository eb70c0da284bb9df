//! The table of metrics for people: `docs/metrics.md`.

use crate::metrics::table::{ALL, Kind, Metric, Source, Unit, Values};

const HEAD: &str = "\
# Metrics

<!-- Generated from src/metrics/table.rs: UPDATE=1 cargo test --lib metrics -->

Every metric that `/metrics` has, in the form of OpenMetrics. Names, labels and units are kept from one
version to the next, or [operating.md](operating.md#health-and-metrics) names the change. No label has a value that a
user chooses. Nothing is measured at rest: counters count what happens, and everything else is looked up in
memory when somebody asks.

Times are seconds. A process that stands by has the metrics of `every process` only; of two
processes, one backend and one agent, each has its own. So sum, or take the maximum, over all
processes. Counters start at 0 with each process. [runbook.md](runbook.md) says what to do when one of the
[alerts](../deploy/helm/managed-gitops/files/alerts.yaml) that rest on these metrics fires.

| metric | kind | labels | had by | what it says | which question it answers |
|---|---|---|---|---|---|
";

/// The document.
pub fn document() -> String {
    let rows: String = ALL.iter().map(row).collect();
    let buckets: String = ALL.iter().filter_map(buckets).collect();
    format!("{HEAD}{rows}\n## Labels\n\n{}\n## Buckets\n\n{buckets}", labels())
}

fn row(metric: &Metric) -> String {
    let Metric { name, kind, unit, labels, source, help, question } = metric;
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    let unit = match unit {
        Unit::Count => "",
        Unit::Seconds => ", seconds",
        Unit::Bytes => ", bytes",
        Unit::Flag => ", 0 or 1",
    };
    let source = match source {
        Source::Process => "every process",
        Source::Acting => "what acts",
        Source::Backend => "the backend",
        Source::Agent => "the agent",
    };
    let labels: Vec<String> = labels.iter().map(|label| format!("`{}`", label.name)).collect();
    format!(
        "| `{name}` | {kind}{unit} | {} | {source} | {help} | {question} |\n",
        labels.join(", ")
    )
}

/// The values of each label, with the metrics that have these.
fn labels() -> String {
    let mut known: Vec<(&str, Values, Vec<&str>)> = Vec::new();
    for metric in ALL {
        for label in metric.labels {
            let same = known.iter_mut().find(|one| (one.0, one.1) == (label.name, label.values));
            match same {
                Some((.., metrics)) => metrics.push(metric.name),
                None => known.push((label.name, label.values, vec![metric.name])),
            }
        }
    }
    let row = |(name, values, metrics): &(&str, Values, Vec<&str>)| {
        let values = match values {
            Values::Of(values) => {
                let values: Vec<String> = values.iter().map(|one| format!("`{one}`")).collect();
                values.join(", ")
            }
            Values::Bounded(bound) => (*bound).to_owned(),
        };
        let metrics: Vec<String> = metrics.iter().map(|one| format!("`{one}`")).collect();
        format!("| `{name}` | {} | {values} |\n", metrics.join(", "))
    };
    let rows: String = known.iter().map(row).collect();
    format!("| label | of | values |\n|---|---|---|\n{rows}")
}

fn buckets(metric: &Metric) -> Option<String> {
    let Kind::Histogram(buckets) = metric.kind else { return None };
    let bounds: Vec<String> = buckets.iter().map(ToString::to_string).collect();
    Some(format!("* `{}`: {}\n", metric.name, bounds.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_document_says_what_the_table_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let document = document();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &document).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == document, "run it with UPDATE=1, and commit docs/metrics.md");
    }

    #[test]
    fn names_are_unique_and_end_with_their_units() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let Metric { name, kind, unit, .. } = metric;
            let counted = name.strip_suffix("_total");
            assert_eq!(counted.is_some(), *kind == Kind::Counter, "{name}");
            let bare = counted.unwrap_or(name);
            assert_eq!(bare.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
            assert_eq!(bare.ends_with("_bytes"), *unit == Unit::Bytes, "{name}");
            assert!(name.starts_with("gitops_") || name.starts_with("process_"), "{name}");
            assert!(metric.question.ends_with('?') && !metric.help.ends_with('.'), "{name}");
        }
    }
}
