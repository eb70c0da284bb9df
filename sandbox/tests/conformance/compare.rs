//! Where two runs of one trace differ, and what must hold within one run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::trace::{Step, Until};

/// One place in which the servers differ.
#[derive(Debug, Clone)]
pub(crate) struct Mismatch {
    /// The position of the step in its trace.
    pub(crate) step: usize,
    /// The step as reports show it.
    pub(crate) call: String,
    /// Where in the outcome, as a JSON pointer.
    pub(crate) at: String,
    pub(crate) real: Value,
    pub(crate) sandbox: Value,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { step, call, at, real, sandbox } = self;
        write!(
            formatter,
            "step {step}: {call}\n  at {at}\n    real:    {real}\n    sandbox: {sandbox}"
        )
    }
}

/// Every place in which the outcomes of two runs differ.
pub(crate) fn compare(steps: &[Step], real: &[Value], sandbox: &[Value]) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for (step, (real, sandbox)) in real.iter().zip(sandbox).enumerate() {
        let call = steps[step].shown();
        differ(real, sandbox, "", &mut |at, real, sandbox| {
            let (real, sandbox) = (real.clone(), sandbox.clone());
            mismatches.push(Mismatch {
                step,
                call: call.clone(),
                at: at.to_owned(),
                real,
                sandbox,
            });
        });
    }
    mismatches
}

fn differ(left: &Value, right: &Value, at: &str, report: &mut dyn FnMut(&str, &Value, &Value)) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                differ(
                    &left[name.as_str()],
                    &right[name.as_str()],
                    &format!("{at}/{name}"),
                    report,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (place, (left, right)) in a.iter().zip(b).enumerate() {
                differ(left, right, &format!("{at}/{place}"), report);
            }
        }
        _ if left != right => report(at, left, right),
        _ => {}
    }
}

/// The steps in which the sandbox had an internal error. Some requests make a real server fail, and
/// so the sandbox; those failures have no reason.
pub(crate) fn check_faults(steps: &[Step], outcomes: &[Value]) -> Vec<String> {
    let reason =
        |outcome: &Value| outcome["body"]["reason"].as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| {
            matches!(reason(outcome).as_str(), "InternalError" | "ServiceUnavailable")
        })
        .map(|(step, outcome)| format!("{}: a fault of the sandbox: {outcome}", step.shown()))
        .collect()
}

/// A watch that is directly followed by a list of the same objects must lead to that list.
pub(crate) fn check_replays(steps: &[Step], outcomes: &[Value]) -> Vec<String> {
    let mut broken = Vec::new();
    let pairs = steps.windows(2).zip(outcomes.windows(2));
    for (steps, outcomes) in pairs {
        let [Step::Watch(watch), Step::Call(list)] = steps else { continue };
        if watch.until != Until::Sentinel || !watch.path.starts_with(&list.path) {
            continue;
        }
        let mut replayed = BTreeMap::new();
        for (key, events) in outcomes[0]["body"]["events"].as_object().into_iter().flatten() {
            let last = events.as_array().and_then(|events| events.last());
            if let Some(last) = last.filter(|last| last["type"] != "DELETED") {
                replayed.insert(key.clone(), last["object"].clone());
            }
        }
        let listed = outcomes[1]["body"]["items"].as_array().into_iter().flatten();
        let listed: BTreeMap<String, &Value> = listed
            .map(|item| {
                let text = |field: &str| item["metadata"][field].as_str().unwrap_or_default();
                (format!("{} {}", text("name"), text("uid")), item)
            })
            .filter(|(key, _)| !key.starts_with("sentinel-"))
            .collect();
        let same = replayed.len() == listed.len()
            && replayed.iter().all(|(key, object)| {
                listed.get(key).is_some_and(|item| same_but_type(item, object))
            });
        if !same {
            broken.push(format!("{}: led to {replayed:?}, not to {listed:?}", watch.path));
        }
    }
    broken
}

/// The items of a list of a built-in kind have neither kind nor version.
fn same_but_type(left: &Value, right: &Value) -> bool {
    let parts = |value: &Value| {
        let fields = value.as_object().into_iter().flatten();
        let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion"));
        fields.map(|(name, value)| (name.clone(), value.clone())).collect::<BTreeMap<_, _>>()
    };
    parts(left) == parts(right)
}
