//! The alerts and the dashboard of the chart: they name metrics that exist, and the runbook has a
//! section for each alert.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use managed_gitops::metrics::table::{ALL, Kind, Metric, Values};
use serde_json::Value;

/// Labels that Prometheus itself adds.
const ADDED: [&str; 3] = ["job", "instance", "le"];

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The alerts.
fn alerts() -> Vec<Value> {
    let rules = yaml(&file("deploy/helm/managed-gitops/files/alerts.yaml"));
    let groups = rules["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The names of an expression, each with what follows it.
fn names(expression: &str) -> Vec<(&str, &str)> {
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_part) {
        rest = &rest[start..];
        let end = rest.find(|one| !is_part(one)).unwrap_or(rest.len());
        found.push((&rest[..end], &rest[end..]));
        rest = &rest[end..];
    }
    found
}

/// The metric that a name in an expression refers to.
fn metric(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| match metric.kind {
        Kind::Histogram(_) => name
            .strip_prefix(metric.name)
            .is_some_and(|ending| matches!(ending, "_bucket" | "_sum" | "_count")),
        Kind::Counter | Kind::Gauge => name == metric.name,
    })
}

/// Checks an expression against the table; returns whether it names a metric.
fn check(expression: &str, whose: &str) -> bool {
    let mut labels: BTreeSet<&str> = ADDED.into();
    let mut is_ours = false;
    for (name, rest) in names(expression) {
        if !name.starts_with("gitops_") && !name.starts_with("process_") {
            continue;
        }
        let metric = metric(name).unwrap_or_else(|| panic!("{whose}: there is no {name}"));
        is_ours = true;
        labels.extend(metric.labels.iter().map(|label| label.name));
        if let Some(selector) = rest.strip_prefix('{') {
            check_selector(metric, selector.split('}').next().unwrap(), whose);
        }
    }
    for (_, rest) in names(expression).into_iter().filter(|(name, _)| *name == "by") {
        let list = rest.trim_start().strip_prefix('(').and_then(|rest| rest.split(')').next());
        for label in list.unwrap().split(',').map(str::trim) {
            assert!(labels.contains(label), "{whose}: nothing has a label {label}");
        }
    }
    is_ours
}

fn check_selector(metric: &Metric, selector: &str, whose: &str) {
    for matcher in selector.split(',') {
        let (label, values) = matcher.split_once(['=', '!']).unwrap();
        if ADDED.contains(&label) {
            continue;
        }
        let known = metric.labels.iter().find(|one| one.name == label);
        let known = known.unwrap_or_else(|| panic!("{whose}: {} has no {label}", metric.name));
        let Values::Of(defined) = known.values else { continue };
        for value in values.trim_start_matches(['=', '~']).trim_matches('"').split('|') {
            assert!(defined.contains(&value), "{whose}: {} is never {label} {value}", metric.name);
        }
    }
}

#[test]
fn alerts_name_metrics_that_exist_and_say_what_they_mean() {
    let alerts = alerts();
    assert!(alerts.len() >= 8);
    for alert in &alerts {
        let name = text(&alert["alert"]);
        assert!(check(text(&alert["expr"]), name), "{name} names no metric");
        let severity = text(&alert["labels"]["severity"]);
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        for annotation in ["summary", "description"] {
            assert!(text(&alert["annotations"][annotation]).ends_with('.'), "{name}: {annotation}");
        }
    }
}

#[test]
fn the_runbook_has_a_section_for_each_alert_and_no_other() {
    let runbook = file("docs/runbook.md");
    let sections: BTreeMap<&str, &str> =
        runbook.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let alerts = alerts();
    for alert in &alerts {
        let name = text(&alert["alert"]);
        let url = text(&alert["annotations"]["runbook_url"]);
        assert!(url.ends_with(&format!("/docs/runbook.md#{}", name.to_lowercase())), "{url}");
        let section = sections.get(name).unwrap_or_else(|| panic!("no section {name}"));
        for part in ["*Means:*", "*Look:*", "*Do:*"] {
            assert!(section.contains(part), "{name} lacks {part}");
        }
    }
    assert_eq!(sections.len(), alerts.len());
    for (name, _) in names(&runbook).into_iter().filter(|(name, _)| name.starts_with("gitops_")) {
        assert!(ALL.iter().any(|metric| metric.name == name), "the runbook names {name}");
    }
}

#[test]
fn the_dashboard_names_metrics_that_exist() {
    let dashboard = file("deploy/helm/managed-gitops/files/dashboard.json");
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut queries = 0;
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert!(check(text(&target["expr"]), text(&panel["title"])));
            queries += 1;
        }
    }
    assert!(queries > 20);
}

#[test]
fn kustomize_has_what_the_chart_has() {
    let component = file("deploy/kustomize/components/monitoring/alerts-and-dashboard.yaml");
    let documents: Vec<Value> = component.split("\n---\n").map(yaml).collect();
    let of_kind = |kind: &str| {
        let mut found = documents.iter().filter(|one| one["kind"] == kind);
        found.next().unwrap_or_else(|| panic!("there is no {kind}"))
    };
    let rules = yaml(&file("deploy/helm/managed-gitops/files/alerts.yaml"));
    assert_eq!(of_kind("PrometheusRule")["spec"], rules);
    let dashboard = text(&of_kind("ConfigMap")["data"]["managed-gitops.json"]).trim();
    assert_eq!(dashboard, file("deploy/helm/managed-gitops/files/dashboard.json").trim());
}
