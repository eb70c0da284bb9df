//! What a write may and may not do to an object, apart from its schema.

use serde_json::{Value, json};

use super::failure::{Cause, Failure};
use super::request::ResourcePath;
use crate::admission::{metadata, prune};
use crate::patch::apply;
use crate::registry::Resource;
use crate::store::Object;

/// What to do about fields that the schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The part of an object that a write is allowed to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Main,
    Status,
    /// A namespace's `spec.finalizers`.
    Finalize,
}

impl Scope {
    /// The scope of a path's subresource.
    pub(super) fn of(subresource: Option<&str>) -> Self {
        match subresource {
            Some("status") => Self::Status,
            Some("finalize") => Self::Finalize,
            _ => Self::Main,
        }
    }
}

/// Whether nothing holds the object: its deletion was requested and no finalizer is left.
pub(super) fn is_releasable(resource: &Resource, object: &Value) -> bool {
    let namespace_finalizers = match resource.is_namespace() {
        true => object.pointer("/spec/finalizers").and_then(Value::as_array).map_or(0, Vec::len),
        false => 0,
    };
    metadata::is_deleting(object)
        && metadata::finalizers(object).is_empty()
        && namespace_finalizers == 0
}

/// Checks `apiVersion` and `kind`; where a built-in kind lacks them they are filled in.
pub(super) fn check_type(resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    let shown = object.to_string();
    let expected = resource.api_version();
    let fields = object
        .as_object_mut()
        .ok_or_else(|| Failure::bad_request("the body must be a JSON object"))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if resource.is_custom() && kind.is_empty() {
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): Object 'Kind' is missing \
             in '{shown}'",
            resource.kind
        )));
    }
    if version != expected && (resource.is_custom() || !version.is_empty()) {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version \
             ({expected})"
        )));
    }
    if !kind.is_empty() && kind != resource.kind {
        return Err(Failure::bad_request(format!(
            "the kind in the data ({kind}) does not match the expected kind ({})",
            resource.kind
        )));
    }
    fields.insert("apiVersion".into(), json!(expected));
    fields.insert("kind".into(), json!(resource.kind));
    Ok(())
}

/// Checks that an object matches the path.
pub(super) fn check_name(
    path: &ResourcePath<'_>,
    name: &str,
    object: &Value,
) -> Result<(), Failure> {
    match metadata::text(object, "name") {
        None => {
            return Err(Failure::bad_request(format!(
                "the name of the object ({name} based on URL) was undeterminable: name must be \
                 provided"
            )));
        }
        Some(given) if given != name => {
            return Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        Some(_) => {}
    }
    match (metadata::text(object, "namespace"), path.namespace) {
        (Some(given), Some(namespace)) if given != namespace => Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        _ => Ok(()),
    }
}

/// Rejects an applied configuration with fields that cannot be owned.
pub(super) fn check_unknown_applied(
    resource: &Resource,
    name: &str,
    applied: &Value,
) -> Result<(), Failure> {
    let unknown = resource.schema().map(|schema| prune::prune(schema, &mut applied.clone()));
    let Some(first) = unknown.unwrap_or_default().into_iter().next() else {
        return Ok(());
    };
    let Resource { group, version, kind, .. } = resource;
    Err(Failure::new(
        500,
        "",
        format!(
            "failed to create typed patch object (/{name}; {group}/{version}, Kind={kind}): \
             .{first}: field not declared in schema"
        ),
    ))
}

/// Checks that the write is meant for the current live object.
pub(super) fn check_preconditions(
    resource: &Resource,
    live: &Object,
    old: &Value,
    new: &Value,
    patched: bool,
) -> Result<(), Failure> {
    let name = &live.key.name;
    let version = metadata::text(new, "resourceVersion").unwrap_or("0");
    match version.parse::<u64>() {
        Err(_) => {
            let message = format!("strconv.ParseUint: parsing \"{version}\": invalid syntax");
            return Err(Failure::new(500, "", message));
        }
        Ok(0) if resource.behaviour.unconditional_update => {}
        Ok(0) => return Err(Failure::version_required(resource, name)),
        Ok(version) if version != live.resource_version => {
            return Err(Failure::modified(resource, name));
        }
        Ok(_) => {}
    }
    match (metadata::text(new, "uid"), metadata::text(old, "uid")) {
        (Some(given), Some(uid)) if given != uid && patched => {
            let cause = Cause::invalid("metadata.uid", &json!(given), "field is immutable");
            Err(Failure::invalid(resource, name, &[cause]))
        }
        (Some(given), Some(uid)) if given != uid => Err(Failure::conflict(
            resource,
            name,
            &format!(
                "Precondition failed: UID in precondition: {given}, UID in object meta: {uid}"
            ),
        )),
        _ => Ok(()),
    }
}

/// Rejects a write that deletes an object, or changes its deletion time.
pub(super) fn check_fixed(resource: &Resource, old: &Value, new: &Value) -> Result<(), Failure> {
    let field = "deletionTimestamp";
    match metadata::text(new, field) {
        Some(given) if metadata::text(old, field) != Some(given) => {
            let name = metadata::text(old, "name").unwrap_or_default();
            let cause =
                Cause::invalid("metadata.deletionTimestamp", &json!(given), "field is immutable");
            Err(Failure::invalid(resource, name, &[cause]))
        }
        _ => Ok(()),
    }
}

/// Rejects what cannot be decoded as a built-in kind.
pub(super) fn refuse_mistyped(resource: &Resource, causes: &[Cause]) -> Result<(), Failure> {
    let Some(cause) = causes.iter().find(|cause| cause.message.contains("must be of type")) else {
        return Ok(());
    };
    let Resource { version, kind, .. } = resource;
    Err(Failure::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: {}: {}",
        cause.field, cause.message
    )))
}

/// The new state, restricted to the scope and with the server's own fields preserved.
pub(super) fn merge_scope(
    resource: &Resource,
    old: &Value,
    mut new: Value,
    scope: Scope,
) -> Result<Value, Failure> {
    let managers = new.pointer_mut("/metadata/managedFields").map(Value::take);
    match scope {
        Scope::Main => {
            if resource.behaviour.status {
                copy_field(old, &mut new, "status");
            }
            let kept = [
                "uid",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "generation",
                "resourceVersion",
                "selfLink",
                "name",
                "namespace",
            ];
            let fields = metadata::of(&mut new)?;
            for name in kept {
                match old["metadata"].get(name) {
                    Some(value) => fields.insert(name.to_owned(), value.clone()),
                    None => fields.remove(name),
                };
            }
            if resource.is_namespace() {
                new["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
            }
        }
        Scope::Status => {
            let mut object = old.clone();
            copy_field(&new, &mut object, "status");
            new = object;
        }
        Scope::Finalize => {
            let mut object = old.clone();
            object["spec"]["finalizers"] = new["spec"]["finalizers"].clone();
            new = object;
        }
    }
    // An apply has computed the managers; other writes do not bring their own.
    if let Some(managers) = managers {
        metadata::of(&mut new)?.insert("managedFields".into(), managers);
    }
    Ok(new)
}

/// The managers of a write: those that an apply computed, or the old ones without what has changed.
pub(super) fn keep_managers(old: &Value, object: &mut Value) {
    let unchanged = object["metadata"]["managedFields"] == old["metadata"]["managedFields"];
    let is_apply = !unchanged && object["metadata"]["managedFields"].is_array();
    if let Some(metadata) = object["metadata"].as_object_mut()
        && !is_apply
    {
        metadata.remove("managedFields");
    }
    if is_apply {
        return;
    }
    if let Some(managers) = apply::after_write(old, object) {
        object["metadata"]["managedFields"] = managers;
    }
}

/// Rejects new finalizers on an object that is being deleted.
pub(super) fn check_finalizers(
    resource: &Resource,
    name: &str,
    old: &Value,
    new: &Value,
) -> Result<(), Failure> {
    let before = metadata::finalizers(old);
    let added: Vec<&str> =
        metadata::finalizers(new).into_iter().filter(|each| !before.contains(each)).collect();
    if added.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers \
         []string{{{}}}",
        added.iter().map(|each| format!("\"{each}\"")).collect::<Vec<_>>().join(", ")
    );
    let cause = Cause::forbidden("metadata.finalizers", &detail);
    Err(Failure::invalid(resource, name, &[cause]))
}

/// Raises the generation when anything except metadata (and a separate status) changes.
pub(super) fn set_generation(resource: &Resource, old: &Value, object: &mut Value) {
    if !resource.behaviour.generation {
        return;
    }
    let counts =
        |name: &str| name != "metadata" && (name != "status" || !resource.behaviour.status);
    let relevant = |value: &Value| -> Vec<(String, Value)> {
        let fields = value.as_object().into_iter().flatten();
        fields
            .filter(|(name, _)| counts(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    if relevant(old) != relevant(object) {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
        object["metadata"]["generation"] = json!(generation);
    }
}

/// The unknown fields outside the scope, which are reported nevertheless.
pub(super) fn unknown_beyond(
    resource: &Resource,
    scope: Scope,
    old: &Value,
    new: &Value,
) -> Vec<String> {
    let part = if scope == Scope::Main { "status" } else { "spec" };
    let Some(schema) = resource.schema().filter(|_| resource.is_custom()) else {
        return Vec::new();
    };
    if !resource.behaviour.status || new[part] == old[part] {
        return Vec::new();
    }
    prune::prune(schema, &mut json!({ part: new[part] }))
}

/// Turns unknown fields into an error or into warnings, as the client requested.
pub(super) fn refuse_unknown(
    resource: &Resource,
    mut unknown: Vec<String>,
    validation: FieldValidation,
) -> Result<Vec<String>, Failure> {
    unknown.sort();
    if resource.is_custom() {
        // Metadata is read before the rest.
        unknown.sort_by_key(|path| !path.starts_with("metadata."));
    }
    let sentences: Vec<String> =
        unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(sentences),
        FieldValidation::Strict if sentences.is_empty() => Ok(Vec::new()),
        FieldValidation::Strict => Err(Failure::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
            resource.kind,
            resource.version,
            resource.kind,
            sentences.join(", ")
        ))),
    }
}

fn copy_field(from: &Value, to: &mut Value, name: &str) {
    match (from.get(name), to.as_object_mut()) {
        (Some(value), Some(fields)) => {
            fields.insert(name.to_owned(), value.clone());
        }
        (None, Some(fields)) => {
            fields.remove(name);
        }
        (_, None) => {}
    }
}

/// Removes a field of an object.
pub(super) fn remove_field(object: &mut Value, name: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(name);
    }
}
