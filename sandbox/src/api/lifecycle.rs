//! The consequences of a write: namespaces and definitions are emptied, dependents are deleted with
//! their owner, old events expire.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::{Turn, definitions};
use crate::admission::metadata;
use crate::events;
use crate::registry::Resource;
use crate::store::{Key, Object};

pub(super) const NAMESPACES: &str = "/api/v1/namespaces";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

impl Turn<'_> {
    /// Whether objects can be created in a namespace.
    pub(super) fn check_namespace(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), Failure> {
        let namespaces = self.built_in(NAMESPACES)?;
        let live = self.get(&namespaces, None, namespace)?;
        if metadata::is_deleting(&live.value()) {
            return Err(Failure::namespace_terminating(resource, name, namespace));
        }
        Ok(())
    }

    /// Whether objects of a custom kind can be created: not while its definition is terminating.
    pub(super) fn check_definition(
        &self,
        resource: &Resource,
        object: &Value,
    ) -> Result<(), Failure> {
        if !resource.is_custom() {
            return Ok(());
        }
        let key = Key::new("", &resource.collection);
        let definition = self.state.store.get(crate::registry::DEFINITIONS, &key);
        if definition.is_some_and(|definition| metadata::is_deleting(&definition.value())) {
            let name = metadata::text(object, "name").unwrap_or_default();
            let why = "create not allowed while custom resource definition is terminating";
            return Err(Failure::forbidden(resource, name, why));
        }
        Ok(())
    }

    /// After an object was stored.
    pub(super) fn after_write(&mut self, resource: &Resource, object: &Value) {
        if resource.is_definition() {
            self.state.registry.install(object);
            let name = metadata::text(object, "name").unwrap_or_default();
            self.state.store.prepare(&name.into());
        }
        if resource.is_event() {
            for event in events::expired(&self.state.store, self.now) {
                self.delete_quietly(resource, &event);
            }
        }
    }

    /// After a deletion was requested but has to wait.
    pub(super) fn after_marking(&mut self, resource: &Resource, marked: &Arc<Object>) {
        if resource.is_namespace() {
            self.empty_namespace(&marked.key.name);
        }
        if resource.is_definition() {
            self.empty_definition(marked);
        }
    }

    /// After an object is gone.
    pub(super) fn after_removal(&mut self, resource: &Resource, key: &Key, object: &Value) {
        if let Some(uid) = metadata::text(object, "uid") {
            self.delete_dependents(uid);
        }
        if resource.is_definition() {
            self.state.registry.uninstall(object);
            self.state.store.forget(&key.name);
        }
        if !key.namespace.is_empty() {
            self.finish_namespace(&key.namespace);
        }
        if resource.is_custom() && self.state.store.count(&resource.collection) == 0 {
            self.finish_definition(&resource.collection);
        }
    }

    /// Lets the dependents of an owner outlive it, by removing their references to it.
    pub(super) fn orphan_dependents(&mut self, owner_uid: &str) {
        let resources = self.state.registry.collections();
        for (collection, key) in self.state.store.dependents(owner_uid) {
            let resource = resources.iter().find(|resource| resource.collection == collection);
            let live = self.state.store.get(&collection, &key);
            let (Some(resource), Some(live)) = (resource, live) else { continue };
            let mut orphan = live.value();
            if let Some(metadata) = orphan["metadata"].as_object_mut() {
                metadata.remove("ownerReferences");
            }
            let stored = self.state.store.put(&resource.collection, key, &mut orphan);
            if let Err(error) = stored {
                tracing::warn!(%error, "an object keeps its owner");
            }
        }
    }

    /// Deletes what only the removed object owned, as the garbage collector does.
    fn delete_dependents(&mut self, owner_uid: &str) {
        let dependents = self.state.store.dependents(owner_uid);
        if dependents.is_empty() {
            return;
        }
        let resources = self.state.registry.collections();
        for (collection, key) in dependents {
            let resource = resources.iter().find(|resource| resource.collection == collection);
            let object = self.state.store.get(&collection, &key);
            if let (Some(resource), Some(object)) = (resource, object) {
                self.delete_quietly(resource, &object);
            }
        }
    }

    /// Deletes every object of a namespace, then the namespace itself if nothing holds it.
    fn empty_namespace(&mut self, namespace: &str) {
        for resource in self.state.registry.collections() {
            if !resource.namespaced {
                continue;
            }
            for object in self.state.store.scan(&resource.collection, Some(namespace)) {
                self.delete_quietly(&resource, &object);
            }
        }
        self.finish_namespace(namespace);
        if !self.is_empty(namespace) {
            self.note_remaining(namespace);
        }
    }

    fn is_empty(&self, namespace: &str) -> bool {
        self.state.registry.iter().all(|resource| {
            !resource.namespaced || self.state.store.is_empty_in(&resource.collection, namespace)
        })
    }

    /// Removes a terminating namespace once it is empty.
    fn finish_namespace(&mut self, name: &str) {
        let Ok(namespaces) = self.built_in(NAMESPACES) else {
            return;
        };
        let Ok(live) = self.get(&namespaces, None, name) else {
            return;
        };
        let mut object = live.value();
        if !metadata::is_deleting(&object) {
            return;
        }
        if !self.is_empty(name) {
            return;
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("finalizers");
        }
        let finished = if metadata::finalizers(&object).is_empty() {
            self.remove(&namespaces, &live.key, object).map(|_| ())
        } else if object != live.value() {
            object["status"]["conditions"] = self.conditions_of_terminating(name);
            let stored =
                self.state.store.put(&namespaces.collection, live.key.clone(), &mut object);
            stored.map(|_| ()).map_err(Failure::internal)
        } else {
            Ok(())
        };
        if let Err(failure) = finished {
            tracing::warn!(namespace = name, error = failure.message(), "a namespace stays");
        }
    }
}

impl Turn<'_> {
    /// Adds the finalizer that keeps a definition until its objects are gone.
    pub(super) fn hold_definition(&self, definition: &mut Value) -> Result<(), Failure> {
        definitions::mark_terminating(definition, &self.timestamp());
        let name = metadata::text(definition, "name").unwrap_or_default().to_owned();
        if self.state.store.count(&name) == 0 {
            return Ok(());
        }
        let mut finalizers: Vec<String> =
            metadata::finalizers(definition).into_iter().map(str::to_owned).collect();
        finalizers.push(definitions::CLEANUP_FINALIZER.to_owned());
        metadata::of(definition)?.insert("finalizers".into(), json!(finalizers));
        Ok(())
    }

    fn empty_definition(&mut self, definition: &Arc<Object>) {
        let name = definition.key.name.as_ref();
        let resources = self.state.registry.collections();
        let Some(resource) = resources.iter().find(|each| each.collection.as_ref() == name) else {
            return self.finish_definition(name);
        };
        for object in self.state.store.scan(name, None) {
            self.delete_quietly(resource, &object);
        }
        if self.state.store.count(name) == 0 {
            self.finish_definition(name);
        }
    }

    /// Removes a terminating definition once its last object is gone.
    fn finish_definition(&mut self, name: &str) {
        let Ok(definitions) = self.built_in(DEFINITIONS) else {
            return;
        };
        let Ok(live) = self.get(&definitions, None, name) else {
            return;
        };
        let mut object = live.value();
        if !metadata::is_deleting(&object) {
            return;
        }
        let left: Vec<String> = metadata::finalizers(&object)
            .into_iter()
            .filter(|&each| each != definitions::CLEANUP_FINALIZER)
            .map(str::to_owned)
            .collect();
        let is_free = left.is_empty();
        object["metadata"]["finalizers"] = json!(left);
        let finished = if is_free {
            self.remove(&definitions, &live.key, object).map(|_| ())
        } else {
            let stored =
                self.state.store.put(&definitions.collection, live.key.clone(), &mut object);
            stored.map(|_| ()).map_err(Failure::internal)
        };
        if let Err(failure) = finished {
            tracing::warn!(definition = name, error = failure.message(), "a definition stays");
        }
    }

    /// Serves the stored definitions, and resumes the emptying that an earlier process started.
    pub(super) fn restore(&mut self) {
        let Ok(definitions) = self.built_in(DEFINITIONS) else {
            return;
        };
        let stored = self.state.store.scan(&definitions.collection, None);
        for definition in &stored {
            self.after_write(&definitions, &definition.value());
        }
        for resource in self.state.registry.collections() {
            self.state.store.prepare(&resource.collection);
        }
        for definition in &stored {
            if metadata::is_deleting(&definition.value()) {
                self.empty_definition(definition);
            }
        }
        let Ok(namespaces) = self.built_in(NAMESPACES) else {
            return;
        };
        for namespace in self.state.store.scan(&namespaces.collection, None) {
            if metadata::is_deleting(&namespace.value()) {
                self.empty_namespace(&namespace.key.name);
            }
        }
    }
}
