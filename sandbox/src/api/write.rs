//! Creating, updating and patching.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::encode::{Encoder, served_value, to_stored};
use super::failure::{Cause, Failure};
use super::options::WriteOptions;
use super::request::{Request, Response};
use super::rules::{
    FieldValidation, Scope, check_finalizers, check_fixed, check_name, check_preconditions,
    check_type, check_unknown_applied, is_releasable, keep_managers, merge_scope, refuse_mistyped,
    refuse_unknown, remove_field, set_generation, unknown_beyond,
};
use super::{Endpoint, Turn, definitions};
use crate::admission::{builtins, metadata, prune, validate};
use crate::patch::Patch;
use crate::patch::apply::{self, Applier};
use crate::registry::{Resource, SchemaSource};
use crate::store::{Key, Object};

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
        if let Some(namespace) = namespace {
            let given = metadata::text(&object, "name").or(metadata::text(&object, "generateName"));
            self.check_namespace(resource, namespace, given.unwrap_or_default())?;
        }
        self.name_new(resource, namespace, &mut object)?;
        let beyond = unknown_beyond(resource, Scope::Main, &Value::Null, &object);
        if resource.behaviour.status && !resource.is_definition() {
            remove_field(&mut object, "status");
        }
        self.check_definition(resource, &object)?;
        let mut warnings = self.admit(resource, &mut object, None, options)?;
        warnings.extend(refuse_unknown(resource, beyond, options.validation)?);
        let key = self.stamp_new(resource, namespace, &mut object)?;
        if !resource.is_custom() {
            builtins::prepare_new(&resource.kind, &mut object);
        }
        if resource.is_definition() {
            definitions::prepare(resource, &mut object, None, &self.timestamp())?;
        }
        if let Some(live) = self.state.store.get(&resource.collection, &key) {
            let is_deleting = metadata::is_deleting(&live.value());
            return Err(Failure::already_exists(resource, &key.name, is_deleting));
        }
        let object = self.commit(resource, key, object, options)?;
        Ok(Outcome { object, warnings })
    }

    /// Sets namespace and name, which may have to be generated.
    fn name_new(
        &mut self,
        resource: &Resource,
        namespace: Option<&str>,
        object: &mut Value,
    ) -> Result<(), Failure> {
        let random = (self.uids)().as_u128();
        if resource.namespaced && namespace.is_none() {
            return Err(Failure::method_not_allowed());
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
        let has_name =
            fields.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        let prefix =
            fields.get("generateName").and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(prefix) = prefix.filter(|_| !has_name) {
            let name = metadata::generate_name(prefix, random);
            fields.insert("name".into(), json!(name));
        }
        Ok(())
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
        for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            fields.remove(name);
        }
        fields.insert("uid".into(), json!(uid));
        fields.insert("creationTimestamp".into(), json!(created));
        if resource.behaviour.generation {
            fields.insert("generation".into(), json!(1));
        }
        Ok(Key::new(namespace.unwrap_or_default(), &name))
    }
}

impl Turn<'_> {
    /// Replaces an object with PUT.
    pub(super) fn update(
        &mut self,
        endpoint: &Endpoint<'_>,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Response, Failure> {
        let Endpoint { resource, path, encoder, .. } = endpoint;
        let name = endpoint.name()?;
        check_type(resource, &mut object)?;
        check_name(path, name, &object)?;
        let live = match self.get(resource, path.namespace, name) {
            Ok(live) => live,
            Err(_) if resource.behaviour.create_on_update && path.subresource.is_none() => {
                metadata::of(&mut object)?.remove("resourceVersion");
                let outcome = self.create(resource, path.namespace, object, options)?;
                return Ok(outcome.response(201, resource, *encoder, self.now));
            }
            Err(failure) => return Err(failure),
        };
        let scope = Scope::of(path.subresource);
        let outcome = self.replace(resource, &live, object, scope, options)?;
        Ok(outcome.response(200, resource, *encoder, self.now))
    }

    /// Patches an object; an apply creates it if it is missing.
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
                if applied["kind"].as_str().unwrap_or_default().is_empty() {
                    return Err(Failure::bad_request("invalid object type: /, Kind="));
                }
                check_type(resource, &mut applied)?;
                check_name(path, name, &applied)?;
                check_unknown_applied(resource, name, &applied)?;
                let Ok(live) = live else {
                    if path.subresource.is_some() {
                        return Err(Failure::not_found(resource, name));
                    }
                    if let Some(uid) = metadata::text(&applied, "uid") {
                        let why = format!(
                            "uid mismatch: the provided object specified uid {uid}, and no \
                             existing object was found"
                        );
                        return Err(Failure::conflict(resource, name, &why));
                    }
                    let nothing = json!({ "metadata": {} });
                    let mut created = self.applied(resource, &nothing, &applied, None, options)?;
                    let fields = metadata::of(&mut created)?;
                    fields.insert("name".into(), json!(name));
                    fields.remove("resourceVersion");
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
                check_name(path, name, &patched)?;
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

    /// Replaces an object on the server's own behalf.
    pub(super) fn replace_main(
        &mut self,
        resource: &Resource,
        live: &Arc<Object>,
        new: Value,
        options: &WriteOptions,
    ) -> Result<(), Failure> {
        self.replace(resource, live, new, Scope::Main, options).map(|_| ())
    }

    /// Replaces the live state with a new one, within the scope.
    fn replace(
        &mut self,
        resource: &Resource,
        live: &Arc<Object>,
        new: Value,
        scope: Scope,
        options: &WriteOptions,
    ) -> Result<Outcome, Failure> {
        let old = served_value(resource, live);
        check_preconditions(resource, live, &old, &new, options.patched)?;
        check_fixed(resource, &old, &new)?;
        let beyond = unknown_beyond(resource, scope, &old, &new);
        let mut object = merge_scope(resource, &old, new, scope)?;
        let mut warnings = self.admit(resource, &mut object, Some(&old), options)?;
        warnings.extend(refuse_unknown(resource, beyond, options.validation)?);
        if metadata::is_deleting(&old) {
            check_finalizers(resource, &live.key.name, &old, &object)?;
        }
        keep_managers(&old, &mut object);
        if resource.is_definition() {
            definitions::prepare(resource, &mut object, Some(&old), &self.timestamp())?;
        }
        set_generation(resource, &old, &mut object);
        if object == old {
            return Ok(Outcome { object: Arc::clone(live), warnings });
        }
        to_stored(resource, &mut object);
        let object = if !options.dry_run && is_releasable(resource, &object) {
            // Watchers see the last stored state, not the write that released the object.
            self.remove(resource, &live.key, live.value())?;
            Arc::new(Object::preview(live.key.clone(), &object))
        } else {
            self.commit(resource, live.key.clone(), object, options)?
        };
        Ok(Outcome { object, warnings })
    }
}

impl Turn<'_> {
    /// Prunes, defaults and validates an object in its served form; returns warnings.
    fn admit(
        &mut self,
        resource: &Resource,
        object: &mut Value,
        old: Option<&Value>,
        options: &WriteOptions,
    ) -> Result<Vec<String>, Failure> {
        let sent = options.patched.then(|| object.clone());
        let undecodable = |failure: Failure| match &sent {
            Some(sent) => Failure::patched_invalid(sent, failure.message()),
            None => failure,
        };
        let mut unknown = metadata::normalise(resource, object).map_err(undecodable)?;
        if !resource.is_custom() {
            prune::drop_nulls(object);
        }
        if let Some(schema) = resource.schema() {
            unknown.extend(prune::prune(schema, object));
            prune::prune_nulls(schema, object);
            prune::apply_defaults(schema, object);
        }
        let mut warnings =
            refuse_unknown(resource, unknown, options.validation).map_err(undecodable)?;
        if !resource.is_custom() {
            builtins::apply_defaults(&resource.kind, object)?;
        }
        let mut causes = metadata::validate(resource, object);
        if let Some(schema) = resource.schema() {
            let found = validate::validate(schema, object, old);
            if !resource.is_custom() {
                refuse_mistyped(resource, &found).map_err(undecodable)?;
            }
            causes.extend(found);
            if let SchemaSource::Custom { rules: Some(rules), .. } = &resource.schema {
                if causes.iter().any(Cause::blocks_rules) {
                    causes.push(Cause::invalid(
                        "<nil>",
                        &Value::Null,
                        "some validation rules were not checked because the object was invalid; \
                         correct the existing errors to complete validation",
                    ));
                } else {
                    causes.extend(rules.evaluate(&self.state.validator, object, old));
                }
            }
        }
        if !resource.is_custom() {
            causes.extend(builtins::validate(&resource.kind, object, old));
        }
        if causes.is_empty() {
            if resource.is_custom() && options.validation != FieldValidation::Ignore {
                warnings.extend(metadata::finalizer_warnings(object));
            }
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
            .map_err(Failure::not_stored)?;
        self.after_write(resource, &object);
        Ok(stored)
    }
}
