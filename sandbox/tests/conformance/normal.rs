//! Making the answers of two servers comparable: what must differ gets a common name.
//!
//! * the namespaces become `<ns>` and `<other>`;
//! * a uid becomes `uid-1`, `uid-2`, … in the order in which the trace meets them;
//! * an object's resource version becomes `rv-1`, `rv-2`, … by its rank among those of the object
//!   that the trace met, so that both servers must raise or keep it alike;
//! * times, ages, continue tokens and generated names become `<time>`, `<age>`, `<continue>` and
//!   `<generated-1>`, …;
//! * `managedFields` are dropped, since the servers may divide the same object differently among
//!   managers; ownership shows in conflicts, which are compared;
//! * the events of a watch are grouped by object: there is no order between objects;
//! * the order of several causes of a rejection is ignored, as a real server's varies;
//! * the warnings of a request that found no object are dropped: a real server first tries a patch
//!   on the object that its cache still shows, and keeps the warnings of that attempt.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use crate::server::{Outcome, Run, other};

/// Stands in for an object that does not exist.
const NOT_FOUND: u16 = 404;

/// What every namespace of a real server has and the sandbox does not create.
const FOREIGN: [&str; 1] = ["kube-root-ca.crt"];

/// The outcomes of a run, in comparable form.
pub(crate) fn normalise(run: &Run) -> Vec<Value> {
    let mut normaliser = Normaliser::new(&run.namespace);
    for outcome in &run.outcomes {
        normaliser.learn(&outcome.body);
    }
    run.outcomes.iter().map(|outcome| normaliser.outcome(outcome)).collect()
}

struct Normaliser {
    namespace: String,
    /// By uid, the resource versions seen so far.
    versions: BTreeMap<String, BTreeSet<u64>>,
    uids: Vec<String>,
    generated: Vec<String>,
    uid: Regex,
    time: Regex,
    age: Regex,
    number: Regex,
    /// The generated name of a rejected object.
    unnamed: Regex,
}

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("an expression")
}

impl Normaliser {
    fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            versions: BTreeMap::new(),
            uids: Vec::new(),
            generated: Vec::new(),
            uid: expression("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
            time: expression(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
            age: expression(r"^\d+[sm](\d+s)?$"),
            number: expression(r"\d+"),
            unnamed: expression(r"\b(A-?)[bcdfghjklmnpqrstvwxz2456789]{5}\b"),
        }
    }

    /// Records the objects within a value.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(metadata) = fields.get("metadata") {
                    self.learn_metadata(metadata);
                }
                fields.values().for_each(|value| self.learn(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn learn_metadata(&mut self, metadata: &Value) {
        let text = |field: &str| metadata[field].as_str();
        if let (Some(name), Some(prefix)) = (text("name"), text("generateName"))
            && name.starts_with(prefix.get(..58).unwrap_or(prefix))
        {
            note(&mut self.generated, name);
        }
        let Some(uid) = text("uid") else { return };
        let version = text("resourceVersion").and_then(|version| version.parse::<u64>().ok());
        self.versions.entry(uid.to_owned()).or_default().extend(version);
    }

    fn outcome(&mut self, outcome: &Outcome) -> Value {
        let body = match outcome.body.get("events") {
            Some(events) => json!({
                "events": self.events(events),
                "inTime": outcome.body["inTime"],
            }),
            None => self.value(&outcome.body, ""),
        };
        let told = outcome.warnings.iter().filter(|_| outcome.code != NOT_FOUND);
        let warnings: Vec<Value> = told.map(|warning| self.text(warning).into()).collect();
        json!({ "code": outcome.code, "body": body, "warnings": warnings })
    }

    /// The events of each object, under the object's name and uid.
    fn events(&mut self, events: &Value) -> Value {
        let mut by_object: Map<String, Value> = Map::new();
        for event in events.as_array().into_iter().flatten() {
            if is_foreign(&event["object"]) {
                continue;
            }
            let event = self.value(event, "");
            let row = &event["object"]["rows"][0]["object"];
            let object = if row.is_object() { row } else { &event["object"] };
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let key = format!("{} {}", text("name"), text("uid"));
            let list = by_object.entry(key).or_insert_with(|| json!([]));
            list.as_array_mut().expect("a list").push(event);
        }
        Value::Object(by_object)
    }

    fn value(&mut self, value: &Value, field: &str) -> Value {
        match value {
            Value::String(text) if field == "cells" && self.age.is_match(text) => json!("<age>"),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => {
                let items = items.iter().filter(|item| !is_foreign(item));
                let mut items: Vec<Value> = items.map(|item| self.value(item, field)).collect();
                // Generated names sort differently on each server.
                if items.iter().any(|item| name_of(item).starts_with("<generated")) {
                    items.sort_by_key(|item| name_of(item).to_owned());
                }
                Value::Array(items)
            }
            Value::Object(fields) if field == "metadata" => self.metadata(fields),
            Value::Object(fields) => self.object(fields),
            other => other.clone(),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) -> Value {
        // In the order of the names, so that uids appear in the same order on both servers.
        let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
        let mut object = Map::new();
        for (name, value) in sorted {
            object.insert(name.clone(), self.value(value, name));
        }
        let mut object = Value::Object(object);
        if object["kind"] == "Status" {
            sort_causes(&mut object);
        }
        object
    }

    fn metadata(&mut self, fields: &Map<String, Value>) -> Value {
        let mut metadata = fields.clone();
        metadata.remove("managedFields");
        let version = metadata.get("resourceVersion").and_then(Value::as_str);
        if let Some(version) = version {
            let uid = metadata.get("uid").and_then(Value::as_str).unwrap_or_default();
            let rank = self.versions.get(uid).zip(version.parse::<u64>().ok());
            let rank = rank.map(|(versions, version)| versions.range(..=version).count());
            let shown = rank.map_or("<list>".to_owned(), |rank| format!("rv-{rank}"));
            metadata.insert("resourceVersion".into(), json!(shown));
        }
        if metadata.get("continue").is_some_and(|token| token != "") {
            metadata.insert("continue".into(), json!("<continue>"));
        }
        self.object(&metadata)
    }

    fn text(&mut self, text: &str) -> String {
        let text = text.replace(&other(&self.namespace), "<other>");
        let text = text.replace(&self.namespace, "<ns>");
        let text = self.time.replace_all(&text, "<time>");
        let uids = &mut self.uids;
        let text = self.uid.replace_all(&text, |found: &Captures<'_>| {
            format!("uid-{}", note(uids, &found[0]) + 1)
        });
        let mut text = self.unnamed.replace_all(&text, "$1<generated>").into_owned();
        for (at, name) in self.generated.iter().enumerate() {
            text = text.replace(name, &format!("<generated-{}>", at + 1));
        }
        let speaks_of_versions = text.to_lowercase().replace(' ', "").contains("resourceversion");
        match speaks_of_versions {
            true => self.number.replace_all(&text, "<number>").into_owned(),
            false => text,
        }
    }
}

/// The position of a text in a list, to which it is added if new.
fn note(known: &mut Vec<String>, text: &str) -> usize {
    known.iter().position(|each| each == text).unwrap_or_else(|| {
        known.push(text.to_owned());
        known.len() - 1
    })
}

/// The name of an object, or of the object of a table's row.
fn name_of(value: &Value) -> &str {
    let row = &value["object"];
    let named = if row.is_object() { row } else { value };
    named["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether an object is the real server's own.
fn is_foreign(value: &Value) -> bool {
    FOREIGN.contains(&name_of(value))
}

/// Several causes have no order, neither in the details nor in the message.
fn sort_causes(status: &mut Value) {
    let Some(causes) = status["details"]["causes"].as_array_mut() else { return };
    let sentence = |cause: &Value| {
        let text = |field: &str| cause[field].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("field"), text("message"))
    };
    causes.sort_by_key(sentence);
    let sentences: Vec<String> = causes.iter().map(sentence).collect();
    let message = status["message"].as_str().unwrap_or_default();
    let Some((head, told)) = message.split_once(" is invalid: [") else { return };
    if sentences.iter().all(|sentence| told.contains(sentence.as_str())) {
        status["message"] = json!(format!("{head} is invalid: [{}]", sentences.join(", ")));
    }
}
