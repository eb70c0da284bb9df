//! Creating, updating and patching.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::encode::{Encoder, served_value, to_stored};
use super::failure::{Cause, Failure};
use super::request::{Parameters, Request, Response};
use super::{Endpoint, Turn, definitions};
use crate::admission::{builtins, cel, metadata, prune, validate};
use crate::patch::Patch;
use crate::patch::apply::{self, Applier};
use crate::registry::{Resource, SchemaSource};
use crate::store::{Key, Object};

/// What to do about fields that the schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The options that all writes share.
#[derive(Debug, Clone)]
pub(super) struct WriteOptions {
    dry_run: bool,
    manager: String,
    validation: FieldValidation,
    force: bool,
}

impl WriteOptions {
    /// Reads the options from the query.
    pub(super) fn read(request: &Request, parameters: &Parameters) -> Result<Self, Failure> {
        let dry_run = match parameters.get("dryRun") {
            None => false,
            Some("All") => true,
            Some(other) => {
                return Err(Failure::bad_request(format!(
                    "invalid dryRun value \"{other}\": supported values: \"All\""
                )));
            }
        };
        let validation = match parameters.get("fieldValidation") {
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            None | Some("Warn") => FieldValidation::Warn,
            Some(other) => {
                return Err(Failure::bad_request(format!(
                    "invalid fieldValidation value \"{other}\": supported values: \"Ignore\", \
                     \"Warn\", \"Strict\""
                )));
            }
        };
        let agent = request.user_agent.split('/').next().unwrap_or_default();
        Ok(Self {
            dry_run,
            manager: parameters.get("fieldManager").unwrap_or(agent).to_owned(),
            validation,
            force: parameters.flag("force"),
        })
    }

    /// The options of the server's own writes.
    pub(super) fn internal() -> Self {
        Self {
            dry_run: false,
            manager: "sandbox".to_owned(),
            validation: FieldValidation::Ignore,
            force: true,
        }
    }
}

/// The part of an object that a write is allowed to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Main,
    Status,
    /// A namespace's `spec.finalizers`.
    Finalize,
}

impl Scope {
    fn of(subresource: Option<&str>) -> Self {
        match subresource {
            Some("status") => Self::Status,
            Some("finalize") => Self::Finalize,
            _ => Self::Main,
        }
    }
}

/// A write that succeeded.
#[derive(Debug)]
pub(super) struct Outcome {
    object: Arc<Object>,
    warnings: Vec<String>,
}

impl Outcome {
    /// The answer.
    pub(super) fn response(
        self,
        status: u16,
        resource: &Resource,
        encoder: Encoder,
        now: Timestamp,
    ) -> Response {
        let mut response = encoder.one(status, resource, &self.object, now);
        response.warnings = self.warnings;
        response
    }
}

impl Turn<'_> {
    /// Creates an object.
    pub(super) fn create(
        &mut self,
        resource: &Resource,
        namespace: Option<&str>,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Outcome, Failure> {
        check_type(resource, &mut object)?;
        let generated = self.name_new(resource, namespace, &mut object)?;
        if resource.behaviour.status && resource.plural != "customresourcedefinitions" {
            remove_field(&mut object, "status");
        }
        let mut warnings = self.admit(resource, &mut object, None, options)?;
        let key = self.stamp_new(resource, namespace, &mut object)?;
        if let Some(namespace) = namespace {
            self.check_namespace(resource, namespace, &key.name)?;
        }
        if !resource.is_custom() {
            builtins::prepare_new(&resource.kind, &mut object);
        }
        if resource.plural == "customresourcedefinitions" {
            definitions::prepare(resource, &mut object, None, &self.timestamp())?;
        }
        if self.state.store.get(&resource.collection, &key).is_some() {
            // A generated name that is taken is the server's bad luck, and the client may retry.
            let failure = Failure::already_exists(resource, &key.name);
            return Err(if generated { Failure::new(409, "AlreadyExists", failure.message()) } else { failure });
        }
        warnings.dedup();
        let object = self.commit(resource, key, object, options)?;
        Ok(Outcome { object, warnings })
    }

    /// Sets namespace and name; whether the name was generated.
    fn name_new(
        &mut self,
        resource: &Resource,
        namespace: Option<&str>,
        object: &mut Value,
    ) -> Result<bool, Failure> {
        let random = (self.uids)().as_u128();
        if resource.namespaced && namespace.is_none() {
            return Err(Failure::bad_request("namespace is required to create this resource"));
        }
        let fields = metadata::of(object)?;
        if !matches!(fields.get("resourceVersion").and_then(Value::as_str), None | Some("")) {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Failure::new(500, "", message));
        }
        match (namespace, fields.get("namespace").and_then(Value::as_str)) {
            (Some(namespace), Some(given)) if !given.is_empty() && given != namespace => {
                return Err(Failure::bad_request(
                    "the namespace of the provided object does not match the namespace sent on \
                     the request",
                ));
            }
            (Some(namespace), _) => {
                fields.insert("namespace".into(), json!(namespace));
            }
            (None, _) => {
                fields.remove("namespace");
            }
        }
        let has_name = fields.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        let prefix = fields.get("generateName").and_then(Value::as_str).filter(|text| !text.is_empty());
        match prefix {
            Some(prefix) if !has_name => {
                let name = metadata::generate_name(prefix, random);
                fields.insert("name".into(), json!(name));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Sets what only the server may set.
    fn stamp_new(
        &mut self,
        resource: &Resource,
        namespace: Option<&str>,
        object: &mut Value,
    ) -> Result<Key, Failure> {
        let created = self.timestamp();
        let uid = (self.uids)().to_string();
        let name = metadata::text(object, "name").unwrap_or_default().to_owned();
        to_stored(resource, object);
        let fields = metadata::of(object)?;
        for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
            fields.remove(name);
        }
        fields.insert("uid".into(), json!(uid));
        fields.insert("creationTimestamp".into(), json!(created));
        if resource.behaviour.generation {
            fields.insert("generation".into(), json!(1));
        }
        Ok(Key::new(namespace.unwrap_or_default(), &name))
    }

    /// Replaces an object by PUT.
    pub(super) fn update(
        &mut self,
        endpoint: &Endpoint<'_>,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Response, Failure> {
        let Endpoint { resource, path, encoder, .. } = endpoint;
        let name = endpoint.name()?;
        check_type(resource, &mut object)?;
        match metadata::text(&object, "name") {
            Some(given) if given == name => {}
            Some(given) => {
                return Err(Failure::bad_request(format!(
                    "the name of the object ({given}) does not match the name on the URL ({name})"
                )));
            }
            None => {
                return Err(Failure::bad_request(
                    "the name of the object (based on URL) was undeterminable: name must be \
                     provided",
                ));
            }
        }
        let live = match self.get(resource, path.namespace, name) {
            Ok(live) => live,
            Err(_) if resource.behaviour.create_on_update && path.subresource.is_none() => {
                let outcome = self.create(resource, path.namespace, object, options)?;
                return Ok(outcome.response(201, resource, *encoder, self.now));
            }
            Err(failure) => return Err(failure),
        };
        let unconditional = metadata::text(&object, "resourceVersion").is_none();
        if unconditional && !resource.behaviour.unconditional_update {
            let cause = Cause::new(
                "FieldValueInvalid",
                "metadata.resourceVersion",
                "Invalid value: 0x0: must be specified for an update".to_owned(),
            );
            return Err(Failure::invalid(resource, name, &[cause]));
        }
        let scope = Scope::of(path.subresource);
        let outcome = self.replace(resource, &live, object, scope, options)?;
        Ok(outcome.response(200, resource, *encoder, self.now))
    }

    /// Patches an object; an apply creates it where it is missing.
    pub(super) fn patch(
        &mut self,
        endpoint: &Endpoint<'_>,
        request: &Request,
        options: &WriteOptions,
    ) -> Result<Response, Failure> {
        let Endpoint { resource, path, encoder, .. } = endpoint;
        let name = endpoint.name()?;
        let patch = Patch::read(resource, request)?;
        let live = self.get(resource, path.namespace, name);
        let (live, patched) = match (patch, live) {
            (Patch::Apply(mut applied), live) => {
                check_type(resource, &mut applied)?;
                if options.manager.is_empty() {
                    return Err(Failure::bad_request(
                        "fieldManager is required for apply patch: name the manager in the query",
                    ));
                }
                metadata::of(&mut applied)?.insert("name".into(), json!(name));
                // Unknown fields must not come to be owned.
                let unknown = resource.schema().map(|schema| prune::prune(schema, &mut applied));
                refuse_unknown(resource, unknown.unwrap_or_default(), options)?;
                let Ok(live) = live else {
                    if path.subresource.is_some() {
                        return Err(Failure::not_found(resource, name));
                    }
                    let created = self.applied(resource, &json!({ "metadata": {} }), &applied, path.subresource, options)?;
                    let outcome = self.create(resource, path.namespace, created, options)?;
                    return Ok(outcome.response(201, resource, *encoder, self.now));
                };
                let current = served_value(resource, &live);
                let patched =
                    self.applied(resource, &current, &applied, path.subresource, options)?;
                (live, patched)
            }
            (patch, live) => {
                let live = live?;
                let mut patched = patch.patched(&served_value(resource, &live))?;
                check_type(resource, &mut patched)?;
                (live, patched)
            }
        };
        let scope = Scope::of(path.subresource);
        let outcome = self.replace(resource, &live, patched, scope, options)?;
        Ok(outcome.response(200, resource, *encoder, self.now))
    }

    fn applied(
        &self,
        resource: &Resource,
        live: &Value,
        applied: &Value,
        subresource: Option<&str>,
        options: &WriteOptions,
    ) -> Result<Value, Failure> {
        let api_version = resource.api_version();
        let time = self.timestamp();
        let applier = Applier {
            manager: &options.manager,
            api_version: &api_version,
            subresource: subresource.unwrap_or_default(),
            time: &time,
            force: options.force,
        };
        let mut configuration = applied.clone();
        if resource.behaviour.status && subresource.is_none() {
            remove_field(&mut configuration, "status");
        }
        let schema = resource.schema().filter(|_| resource.is_custom());
        let mut merged = apply::apply(schema, live, &configuration, applier)?;
        if merged.get("kind").is_none() {
            merged["kind"] = json!(resource.kind);
            merged["apiVersion"] = json!(api_version);
        }
        if let Some(version) = metadata::text(applied, "resourceVersion") {
            merged["metadata"]["resourceVersion"] = json!(version);
        }
        if let Some(uid) = metadata::text(applied, "uid") {
            merged["metadata"]["uid"] = json!(uid);
        }
        Ok(merged)
    }

    /// Replaces an object for the server's own reasons.
    pub(super) fn replace_main(
        &mut self,
        resource: &Resource,
        live: &Arc<Object>,
        new: Value,
        options: &WriteOptions,
    ) -> Result<(), Failure> {
        self.replace(resource, live, new, Scope::Main, options).map(|_| ())
    }

    /// Puts a new state in place of the live one, within what the scope allows.
    fn replace(
        &mut self,
        resource: &Resource,
        live: &Arc<Object>,
        new: Value,
        scope: Scope,
        options: &WriteOptions,
    ) -> Result<Outcome, Failure> {
        let old = served_value(resource, live);
        check_preconditions(resource, live, &old, &new)?;
        let mut object = merge_scope(resource, &old, new, scope)?;
        let warnings = self.admit(resource, &mut object, Some(&old), options)?;
        if metadata::is_deleting(&old) {
            check_finalizers(resource, &live.key.name, &old, &object)?;
        }
        keep_managers(resource, &old, &mut object);
        if resource.plural == "customresourcedefinitions" {
            definitions::prepare(resource, &mut object, Some(&old), &self.timestamp())?;
        }
        set_generation(resource, &old, &mut object);
        if object == old {
            return Ok(Outcome { object: Arc::clone(live), warnings });
        }
        to_stored(resource, &mut object);
        let object = if !options.dry_run && is_releasable(&object) {
            self.remove(resource, &live.key, object)?
        } else {
            self.commit(resource, live.key.clone(), object, options)?
        };
        Ok(Outcome { object, warnings })
    }

    /// Prunes, fills in and validates an object in its served form; returns warnings.
    fn admit(
        &mut self,
        resource: &Resource,
        object: &mut Value,
        old: Option<&Value>,
        options: &WriteOptions,
    ) -> Result<Vec<String>, Failure> {
        let mut unknown = metadata::normalise(resource, object)?;
        if !resource.is_custom() {
            prune::drop_nulls(object);
        }
        if let Some(schema) = resource.schema() {
            unknown.extend(prune::prune(schema, object));
            prune::apply_defaults(schema, object);
        }
        let warnings = refuse_unknown(resource, unknown, options)?;
        if !resource.is_custom() {
            builtins::apply_defaults(&resource.kind, object)?;
        }
        let mut causes = metadata::validate(resource, object);
        if let Some(schema) = resource.schema() {
            let findings = validate::validate(schema, object, old);
            causes.extend(findings.causes);
            if let SchemaSource::Custom { rules: Some(rules), .. } = &resource.schema {
                if findings.blocks_rules {
                    causes.push(Cause::invalid(
                        "<nil>",
                        &Value::Null,
                        "some validation rules were not checked because the object was invalid; \
                         correct the existing errors to complete validation",
                    ));
                } else {
                    causes.extend(cel::evaluate(&self.state.validator, rules, object, old));
                }
            }
        }
        if !resource.is_custom() {
            causes.extend(builtins::validate(&resource.kind, object, old));
        }
        if causes.is_empty() {
            return Ok(warnings);
        }
        let name = metadata::text(object, "name").unwrap_or_default();
        Err(Failure::invalid(resource, name, &causes))
    }

    /// Stores an object, unless the write is a dry run.
    pub(super) fn commit(
        &mut self,
        resource: &Resource,
        key: Key,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        if options.dry_run {
            return Ok(Arc::new(Object::preview(key, &object)));
        }
        let stored = self
            .state
            .store
            .put(&resource.collection, key, &mut object)
            .map_err(Failure::internal)?;
        self.after_write(resource, &object);
        Ok(stored)
    }
}

/// Whether nothing holds the object any longer: its deletion was asked for and no finalizer is left.
pub(super) fn is_releasable(object: &Value) -> bool {
    let namespace_finalizers = match object["kind"] == "Namespace" {
        true => object.pointer("/spec/finalizers").and_then(Value::as_array).map_or(0, Vec::len),
        false => 0,
    };
    metadata::is_deleting(object)
        && metadata::finalizers(object).is_empty()
        && namespace_finalizers == 0
}

/// Checks `apiVersion` and `kind`, which are filled in where they are missing.
fn check_type(resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    let expected = resource.api_version();
    let fields = object
        .as_object_mut()
        .ok_or_else(|| Failure::bad_request("the body must be a JSON object"))?;
    let given = fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if !given.is_empty() && given != expected {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({given}) does not match the expected API version \
             ({expected})"
        )));
    }
    let given = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !given.is_empty() && given != resource.kind {
        return Err(Failure::bad_request(format!(
            "the kind in the data ({given}) does not match the expected kind ({})",
            resource.kind
        )));
    }
    fields.insert("apiVersion".into(), json!(expected));
    fields.insert("kind".into(), json!(resource.kind));
    Ok(())
}

fn check_preconditions(
    resource: &Resource,
    live: &Object,
    old: &Value,
    new: &Value,
) -> Result<(), Failure> {
    let name = &live.key.name;
    if let Some(given) = metadata::text(new, "resourceVersion")
        && given != live.resource_version.to_string()
    {
        return Err(Failure::modified(resource, name));
    }
    match (metadata::text(new, "uid"), metadata::text(old, "uid")) {
        (Some(given), Some(uid)) if given != uid => Err(Failure::conflict(
            resource,
            name,
            &format!("Precondition failed: UID in precondition: {given}, UID in object meta: {uid}"),
        )),
        _ => Ok(()),
    }
}

/// What is left of the new state when the scope and the server's own fields are respected.
fn merge_scope(
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
                "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                "generation", "resourceVersion", "selfLink", "name", "namespace",
            ];
            let fields = metadata::of(&mut new)?;
            for name in kept {
                match old["metadata"].get(name) {
                    Some(value) => fields.insert(name.to_owned(), value.clone()),
                    None => fields.remove(name),
                };
            }
            if resource.plural == "namespaces" {
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
    // An apply has computed the managers; other writes do not bring any of their own.
    if let Some(managers) = managers {
        metadata::of(&mut new)?.insert("managedFields".into(), managers);
    }
    Ok(new)
}

/// The managers of a write: those that an apply computed, or the old ones less what has changed.
fn keep_managers(resource: &Resource, old: &Value, object: &mut Value) {
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
    let schema = resource.schema().filter(|_| resource.is_custom());
    if let Some(managers) = apply::after_write(schema, old, object) {
        object["metadata"]["managedFields"] = managers;
    }
}

fn check_finalizers(
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

/// Raises the generation when anything but metadata (and status, where it is apart) changes.
fn set_generation(resource: &Resource, old: &Value, object: &mut Value) {
    if !resource.behaviour.generation {
        return;
    }
    let counts = |name: &str| name != "metadata" && (name != "status" || !resource.behaviour.status);
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

/// Turns unknown fields into a refusal or into warnings, as the client asked.
fn refuse_unknown(
    resource: &Resource,
    mut unknown: Vec<String>,
    options: &WriteOptions,
) -> Result<Vec<String>, Failure> {
    unknown.sort();
    let sentences: Vec<String> =
        unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match options.validation {
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

fn remove_field(object: &mut Value, name: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(name);
    }
}
