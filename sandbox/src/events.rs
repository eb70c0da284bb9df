//! Events: one collection behind two APIs, kept within bounds.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::store::{Object, Store};

/// The number of events beyond which the oldest are dropped: they are informational, and memory is
/// limited.
pub(crate) const EVENT_COUNT_LIMIT: usize = 2_000;

/// How many events are dropped at once, so that not every write has to search for one.
const EVENT_DROP_COUNT: usize = 200;

/// The age at which an event expires, as in the API server.
pub(crate) const EVENT_AGE_LIMIT_SECONDS: i64 = 3_600;

/// Field names that differ: core/v1, then events.k8s.io/v1.
const RENAMED: [(&str, &str); 7] = [
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// A stored event as events.k8s.io/v1 shows it.
pub(crate) fn to_events_api(event: &mut Value) {
    rename(event, |&(core, new)| (core, new));
    event["apiVersion"] = json!("events.k8s.io/v1");
}

/// An event of events.k8s.io/v1 as it is stored.
pub(crate) fn to_core(event: &mut Value) {
    rename(event, |&(core, new)| (new, core));
    event["apiVersion"] = json!("v1");
}

fn rename(
    event: &mut Value,
    direction: impl Fn(&(&'static str, &'static str)) -> (&'static str, &'static str),
) {
    let Some(fields) = event.as_object_mut() else {
        return;
    };
    let mut renamed = Map::new();
    for (from, to) in RENAMED.iter().map(direction) {
        if let Some(value) = fields.remove(from) {
            renamed.insert(to.to_owned(), value);
        }
    }
    fields.append(&mut renamed);
}

/// The events to drop now: expired ones, and the oldest if there are too many.
pub(crate) fn expired(store: &Store, now: Timestamp) -> Vec<Arc<Object>> {
    if store.count("events") <= EVENT_COUNT_LIMIT {
        return Vec::new();
    }
    let mut events = store.scan("events", None);
    // Resource versions grow with time, so the least recently written come first.
    events.sort_by_key(|event| event.resource_version);
    let is_old = |event: &Arc<Object>| {
        let value = event.value();
        let created = value["metadata"]["creationTimestamp"].as_str();
        created
            .and_then(|text| text.parse::<Timestamp>().ok())
            .is_some_and(|time| now.as_second() - time.as_second() > EVENT_AGE_LIMIT_SECONDS)
    };
    let old = events.iter().take_while(|event| is_old(event)).count();
    events.truncate(old.max(EVENT_DROP_COUNT));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_conversion_between_both_apis() {
        let stored = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e" },
            "message": "m", "involvedObject": { "name": "o" }, "reportingComponent": "c",
            "reportingInstance": "i", "count": 2, "reason": "R", "type": "Normal",
        });
        let mut shown = stored.clone();
        to_events_api(&mut shown);
        assert_eq!(shown["note"], "m");
        assert_eq!(shown["regarding"]["name"], "o");
        assert_eq!(shown["reportingController"], "c");
        assert_eq!(shown.get("message"), None);
        to_core(&mut shown);
        assert_eq!(shown, stored);
    }
}
