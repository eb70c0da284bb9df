//! Deleting one object or a collection.

use std::sync::Arc;

use serde_json::{Value, json};

use super::encode::ListMetadata;
use super::failure::{Cause, Failure};
use super::options::check_dry_run;
use super::read::filter;
use super::request::{Parameters, Request, Response};
use super::rules::is_releasable;
use super::{Endpoint, INITIAL_NAMESPACES, Turn};
use crate::admission::metadata;
use crate::registry::Resource;
use crate::store::{Key, Object};

/// The options of a deletion, from the body and the query.
#[derive(Debug, Clone, Default)]
pub(super) struct DeleteOptions {
    dry_run: bool,
    uid: Option<String>,
    resource_version: Option<String>,
    /// Dependents stay, if the object is removed at once: no finalizer records the choice.
    orphan: bool,
}

impl DeleteOptions {
    /// Reads the options.
    pub(super) fn read(request: &Request, parameters: &Parameters) -> Result<Self, Failure> {
        let body = if request.body.is_empty() { Value::Null } else { request.json()? };
        let precondition = |name: &str| body["preconditions"][name].as_str().map(str::to_owned);
        let stage = body["dryRun"][0].as_str().or(parameters.get("dryRun"));
        let policy = body["propagationPolicy"].as_str().or(parameters.get("propagationPolicy"));
        let mut causes: Vec<Cause> = check_dry_run(stage).into_iter().collect();
        if let Some(policy) = policy {
            let field = "propagationPolicy";
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            if body["orphanDependents"].is_boolean() {
                let detail = "orphanDependents and deletionPropagation cannot be both set";
                causes.push(Cause::invalid(field, &json!(policy), detail));
            } else if !supported.contains(&policy) {
                causes.push(Cause::unsupported(field, &json!(policy), &supported));
            }
        }
        if !causes.is_empty() {
            return Err(Failure::invalid_options("DeleteOptions", &causes));
        }
        Ok(Self {
            dry_run: stage.is_some(),
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            orphan: policy == Some("Orphan"),
        })
    }

    fn check(&self, resource: &Resource, live: &Object, value: &Value) -> Result<(), Failure> {
        let failed = |what: &str, wanted: &str, found: &str, happened: &str| {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record \
                 ({found}). The object might have been {happened}"
            );
            Failure::precondition(resource, &live.key.name, &why)
        };
        let uid = metadata::text(value, "uid").unwrap_or_default();
        if let Some(wanted) = self.uid.as_deref().filter(|&wanted| wanted != uid) {
            return Err(failed("UID", wanted, uid, "deleted and then recreated"));
        }
        let found = live.resource_version.to_string();
        if let Some(wanted) = self.resource_version.as_deref().filter(|&wanted| wanted != found) {
            return Err(failed("ResourceVersion", wanted, &found, "modified"));
        }
        Ok(())
    }
}

/// The outcome of a deletion.
enum Deletion {
    /// It is gone; this was its uid.
    Done { uid: String },
    /// It waits for its finalizers.
    Pending(Arc<Object>),
}

impl Turn<'_> {
    /// Answers a DELETE of one object.
    pub(super) fn delete_one(
        &mut self,
        endpoint: &Endpoint<'_>,
        options: &DeleteOptions,
    ) -> Result<Response, Failure> {
        let Endpoint { resource, path, encoder, .. } = endpoint;
        let live = self.get(resource, path.namespace, endpoint.name()?)?;
        match self.delete(resource, &live, options)? {
            Deletion::Pending(object) => Ok(encoder.one(200, resource, &object, self.now)),
            Deletion::Done { uid } => {
                let mut details = json!({
                    "name": live.key.name.as_ref(),
                    "kind": resource.plural,
                    "uid": uid,
                });
                if !resource.group.is_empty() {
                    details["group"] = json!(resource.group);
                }
                let status = json!({
                    "kind": "Status",
                    "apiVersion": "v1",
                    "metadata": {},
                    "status": "Success",
                    "details": details,
                });
                Ok(Response::value(200, &status))
            }
        }
    }

    /// Answers a DELETE of a collection with the objects that it held.
    pub(super) fn delete_collection(
        &mut self,
        endpoint: &Endpoint<'_>,
        options: &DeleteOptions,
    ) -> Result<Response, Failure> {
        let Endpoint { resource, encoder, .. } = endpoint;
        if resource.is_namespace() {
            return Err(Failure::method_not_allowed());
        }
        let filter = filter(endpoint)?;
        let objects = self.state.store.scan(&resource.collection, filter.namespace.as_deref());
        let objects: Vec<Arc<Object>> =
            objects.into_iter().filter(|object| filter.matches(object)).collect();
        for object in &objects {
            self.delete(resource, object, options)?;
        }
        let resource_version = self.state.store.resource_version();
        let metadata = ListMetadata { resource_version, ..ListMetadata::default() };
        Ok(encoder.list(resource, &objects, &metadata, self.now))
    }

    /// Deletes an object on the server's own behalf.
    pub(super) fn delete_quietly(&mut self, resource: &Resource, live: &Arc<Object>) {
        if let Err(failure) = self.delete(resource, live, &DeleteOptions::default()) {
            tracing::warn!(
                resource = resource.qualified(),
                name = live.key.name.as_ref(),
                error = failure.message(),
                "an object could not be deleted",
            );
        }
    }

    fn delete(
        &mut self,
        resource: &Resource,
        live: &Arc<Object>,
        options: &DeleteOptions,
    ) -> Result<Deletion, Failure> {
        let mut object = live.value();
        options.check(resource, live, &object)?;
        let name = live.key.name.as_ref();
        if resource.is_namespace() && INITIAL_NAMESPACES.contains(&name) {
            return Err(Failure::forbidden(resource, name, "this namespace may not be deleted"));
        }
        if metadata::is_deleting(&object) {
            return Ok(Deletion::Pending(Arc::clone(live)));
        }
        let uid = metadata::text(&object, "uid").unwrap_or_default().to_owned();
        if resource.is_definition() {
            self.hold_definition(&mut object)?;
        }
        self.mark_deleted(resource, &mut object)?;
        if options.dry_run {
            return Ok(match is_releasable(resource, &object) {
                true => Deletion::Done { uid },
                false => Deletion::Pending(Arc::new(Object::preview(live.key.clone(), &object))),
            });
        }
        if is_releasable(resource, &object) {
            // Nothing held the object, so watchers see its last state unchanged.
            let last = live.value();
            if options.orphan {
                self.orphan_dependents(&uid);
            }
            self.remove(resource, &live.key, last)?;
            return Ok(Deletion::Done { uid });
        }
        let store = &mut self.state.store;
        let marked = store
            .put(&resource.collection, live.key.clone(), &mut object)
            .map_err(Failure::internal)?;
        self.after_marking(resource, &marked);
        Ok(Deletion::Pending(marked))
    }

    fn mark_deleted(&mut self, resource: &Resource, object: &mut Value) -> Result<(), Failure> {
        let deleted = self.timestamp();
        if resource.is_namespace() {
            object["status"]["phase"] = json!("Terminating");
        }
        let fields = metadata::of(object)?;
        fields.insert("deletionTimestamp".into(), json!(deleted));
        if resource.is_namespace() || resource.is_definition() {
            return Ok(());
        }
        fields.insert("deletionGracePeriodSeconds".into(), json!(0));
        if let Some(generation) = fields.get("generation").and_then(Value::as_i64) {
            fields.insert("generation".into(), json!(generation + 1));
        }
        Ok(())
    }

    /// Takes an object out of the store; returns the state that watchers see last.
    pub(super) fn remove(
        &mut self,
        resource: &Resource,
        key: &Key,
        object: Value,
    ) -> Result<Arc<Object>, Failure> {
        self.state
            .store
            .remove(&resource.collection, key, object.clone())
            .map_err(Failure::internal)?;
        self.after_removal(resource, key, &object);
        Ok(Arc::new(Object::preview(key.clone(), &object)))
    }
}
