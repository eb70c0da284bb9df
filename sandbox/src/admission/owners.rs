//! Checks of an object's references to its owners.

use serde_json::{Value, json};

use crate::api::failure::Cause;

const FIELD: &str = "metadata.ownerReferences";

/// Checks that each reference is complete and that at most one owner is the controller.
pub(crate) fn validate(object: &Value) -> Vec<Cause> {
    let references = object["metadata"]["ownerReferences"].as_array();
    let references = references.map(Vec::as_slice).unwrap_or_default();
    let mut causes: Vec<Cause> = references.iter().flat_map(check).collect();
    let controllers = references.iter().filter(|reference| reference["controller"] == true);
    let names: Vec<&str> = controllers.filter_map(|each| each["name"].as_str()).collect();
    if let [first, .., last] = names.as_slice() {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for \
             {first} and {last}"
        );
        causes.push(Cause::invalid(FIELD, &Value::from(references), &detail));
    }
    causes
}

fn check(reference: &Value) -> Vec<Cause> {
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    let mut refuse = |field: &str, detail: &str| {
        causes.push(Cause::invalid(format!("{FIELD}.{field}"), &json!(text(field)), detail));
    };
    let version = text("apiVersion");
    if version.is_empty() || version.matches('/').count() > 1 {
        refuse("apiVersion", "version must not be empty");
    }
    for field in ["kind", "name", "uid"] {
        if text(field).is_empty() {
            refuse(field, "must not be empty");
        }
    }
    if version == "v1" && text("kind") == "Event" {
        let detail = "/v1, Kind=Event is disallowed from being an owner";
        causes.push(Cause::invalid(FIELD, reference, detail));
    }
    causes
}
