//! CustomResourceDefinitions: their checks, their conditions and their installation at start.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Turn;
use super::failure::{Cause, Failure};
use super::options::WriteOptions;
use crate::admission::metadata;
use crate::registry::Resource;
use crate::store::Key;

/// Keeps a deleted definition until the objects that it defines are gone.
pub(super) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Checks a definition, fills in its names and sets its status.
pub(super) fn prepare(
    resource: &Resource,
    object: &mut Value,
    old: Option<&Value>,
    now: &str,
) -> Result<(), Failure> {
    CustomResourceDefinition::deserialize(&*object).map_err(|error| {
        Failure::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: json: {error}",
            resource.kind, resource.version, resource.kind
        ))
    })?;
    let causes = check(object, old);
    if !causes.is_empty() {
        let name = metadata::text(object, "name").unwrap_or_default();
        return Err(Failure::invalid(resource, name, &causes));
    }
    fill_in(object);
    set_status(object, old, now);
    Ok(())
}

fn check(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    let name = metadata::text(object, "name").unwrap_or_default();
    let group = spec["group"].as_str().unwrap_or_default();
    let plural = spec["names"]["plural"].as_str().unwrap_or_default();
    let expected = format!("{plural}.{group}");
    if name != expected {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &json!(name), detail));
    }
    let scope = spec["scope"].as_str().unwrap_or_default();
    if !matches!(scope, "Namespaced" | "Cluster") {
        let message = format!(
            "Unsupported value: \"{scope}\": supported values: \"Cluster\", \"Namespaced\""
        );
        causes.push(Cause::new("FieldValueNotSupported", "spec.scope", message));
    }
    if let Some(old) = old {
        for (path, field) in [("/spec/scope", "spec.scope"), ("/spec/group", "spec.group")] {
            if object.pointer(path) != old.pointer(path) {
                let value = object.pointer(path).cloned().unwrap_or_default();
                causes.push(Cause::invalid(field, &value, "field is immutable"));
            }
        }
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], detail));
    }
    for (at, version) in versions.iter().enumerate() {
        let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
        match version.pointer("/schema/openAPIV3Schema") {
            None => causes.push(Cause::required(field, "schemas are required")),
            Some(schema) => causes.extend(check_rules(schema, &field)),
        }
    }
    causes
}

/// Rules that do not compile would reject every object later, so they are rejected here.
fn check_rules(schema: &Value, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let compiled = kube::core::cel::compile_schema(schema);
    let mut nodes = vec![&compiled];
    while let Some(node) = nodes.pop() {
        for error in node.compilation_errors() {
            let shown = Value::String("x-kubernetes-validations".to_owned());
            causes.push(Cause::invalid(field, &shown, &error.to_string()));
        }
        nodes.extend(node.properties.values());
        nodes.extend(node.items.as_deref());
        nodes.extend(node.additional_properties.as_deref());
    }
    causes
}

fn fill_in(object: &mut Value) {
    let names = &mut object["spec"]["names"];
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if names["singular"].as_str().unwrap_or_default().is_empty() {
        names["singular"] = json!(kind.to_lowercase());
    }
    if names["listKind"].as_str().unwrap_or_default().is_empty() {
        names["listKind"] = json!(format!("{kind}List"));
    }
    if object["spec"].get("conversion").is_none_or(Value::is_null) {
        object["spec"]["conversion"] = json!({ "strategy": "None" });
    }
}

fn set_status(object: &mut Value, old: Option<&Value>, now: &str) {
    let spec = &object["spec"];
    let storage = spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .unwrap_or_default();
    let mut stored: Vec<Value> = old
        .and_then(|old| old.pointer("/status/storedVersions")?.as_array().cloned())
        .unwrap_or_default();
    if !stored.contains(&storage) {
        stored.push(storage);
    }
    let conditions = match old.and_then(|old| old.pointer("/status/conditions")) {
        Some(conditions) => conditions.clone(),
        None => json!([
            condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now),
            condition(
                "Established",
                "True",
                "InitialNamesAccepted",
                "the initial names have been accepted",
                now,
            ),
        ]),
    };
    object["status"] = json!({
        "acceptedNames": spec["names"],
        "conditions": conditions,
        "storedVersions": stored,
    });
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: &str) -> Value {
    json!({
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": now,
    })
}

/// Records in a definition's status that it is terminating.
pub(super) fn mark_terminating(object: &mut Value, now: &str) {
    let terminating = condition(
        "Terminating",
        "True",
        "InstanceDeletionInProgress",
        "CustomResource deletion is in progress",
        now,
    );
    if let Some(conditions) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut)
    {
        conditions.retain(|condition| condition["type"] != "Terminating");
        conditions.push(terminating);
    }
}

impl Turn<'_> {
    /// Creates a definition or brings the stored one up to date.
    pub(super) fn install(&mut self, definition: Value) -> Result<(), Failure> {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let resource = self.built_in(path)?;
        let name = metadata::text(&definition, "name").unwrap_or_default().to_owned();
        let options = WriteOptions::internal();
        let Some(live) = self.state.store.get(&resource.collection, &Key::new("", &name)) else {
            return self.create(&resource, None, definition, &options).map(|_| ());
        };
        let mut wanted = live.value();
        wanted["spec"] = definition["spec"].clone();
        self.replace_main(&resource, &live, wanted, &options)
    }
}
