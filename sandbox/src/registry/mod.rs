//! What the server serves: built-in resources and those of CustomResourceDefinitions.

pub(crate) mod builtins;
mod custom;
pub(crate) mod discovery;
mod fields;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::admission::cel::Rules;
use crate::admission::schema::Schema;
use crate::store::Collection;
use crate::table::Column;
pub(crate) use fields::SelectableFields;

/// The collection of CustomResourceDefinitions.
pub(crate) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The name rules of Kubernetes, by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// An RFC 1123 subdomain: most kinds.
    Subdomain,
    /// An RFC 1123 label: namespaces.
    Label,
    /// An RFC 1035 label: services.
    ServiceLabel,
    /// Anything that fits into a path: RBAC kinds.
    PathSegment,
}

/// How the stored form becomes the served one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// They are the same.
    None,
    /// They differ in `apiVersion` only.
    ApiVersion,
    /// Events are stored as core/v1 and also served as events.k8s.io/v1.
    Events,
}

/// What a kind does besides holding objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// `status` is written through its own subresource only.
    pub(crate) status: bool,
    /// `metadata.generation` is kept.
    pub(crate) generation: bool,
    /// A PUT needs no resourceVersion.
    pub(crate) unconditional_update: bool,
    /// A PUT of a missing object creates it.
    pub(crate) create_on_update: bool,
    /// Requests are answered, never stored: access reviews.
    pub(crate) is_virtual: bool,
}

/// Where a kind's schema comes from.
#[derive(Debug)]
pub(crate) enum SchemaSource {
    /// A CustomResourceDefinition's version.
    Custom {
        schema: Box<Schema>,
        /// Absent if the schema has no rules.
        rules: Option<Box<Rules>>,
    },
    /// A built-in kind, compiled at its first write.
    BuiltIn { name: &'static str, schema: OnceLock<Box<Schema>> },
}

/// One served resource in one version.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) collection: Collection,
    /// The `apiVersion` that stored objects carry.
    pub(crate) stored_api_version: String,
    pub(crate) conversion: Conversion,
    pub(crate) name_rule: NameRule,
    pub(crate) behaviour: Behaviour,
    pub(crate) columns: Vec<Column>,
    pub(crate) selectable_fields: SelectableFields,
    pub(crate) schema: SchemaSource,
}

impl Resource {
    /// `plural` or `plural.group`, as messages name it.
    pub(crate) fn qualified(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// `Kind` or `Kind.group`, as messages name it.
    pub(crate) fn qualified_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// `version` or `group/version`.
    pub(crate) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether it is the core Namespace, not a custom kind of that name.
    pub(crate) fn is_namespace(&self) -> bool {
        self.collection.as_ref() == "namespaces"
    }

    /// Whether it is the CustomResourceDefinition.
    pub(crate) fn is_definition(&self) -> bool {
        self.collection.as_ref() == DEFINITIONS
    }

    /// Whether it is one of the two views of events.
    pub(crate) fn is_event(&self) -> bool {
        self.collection.as_ref() == "events"
    }

    /// Whether a CustomResourceDefinition defines it.
    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.schema, SchemaSource::Custom { .. })
    }

    /// The schema to validate and prune by.
    pub(crate) fn schema(&self) -> Option<&Schema> {
        match &self.schema {
            SchemaSource::Custom { schema, .. } => Some(schema),
            SchemaSource::BuiltIn { name, schema } => {
                if let Some(compiled) = schema.get() {
                    return Some(compiled);
                }
                let compiled = builtins::compile_schema(name)?;
                Some(schema.get_or_init(|| Box::new(compiled)))
            }
        }
    }

    /// The verbs for discovery.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.behaviour.is_virtual {
            return &["create"];
        }
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }
}

/// `name` or `name.group`.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    match group {
        "" => name.to_owned(),
        group => format!("{name}.{group}"),
    }
}

/// All served resources.
#[derive(Debug)]
pub(crate) struct Registry {
    /// By group, version and plural; the order is that of discovery.
    resources: BTreeMap<(String, String, String), Arc<Resource>>,
}

impl Registry {
    /// The built-in resources.
    pub(crate) fn new() -> Self {
        let mut registry = Self { resources: BTreeMap::new() };
        for resource in builtins::resources() {
            registry.insert(resource);
        }
        registry
    }

    fn insert(&mut self, resource: Resource) {
        let key = (resource.group.clone(), resource.version.clone(), resource.plural.clone());
        self.resources.insert(key, Arc::new(resource));
    }

    /// The resource that a path names.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let key = (group.to_owned(), version.to_owned(), plural.to_owned());
        self.resources.get(&key).cloned()
    }

    /// Every resource, in the order of group, version and plural.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// One resource for each collection that can hold objects.
    pub(crate) fn collections(&self) -> Vec<Arc<Resource>> {
        let mut seen = std::collections::BTreeSet::new();
        self.iter()
            .filter(|resource| !resource.behaviour.is_virtual)
            .filter(|resource| seen.insert(Arc::clone(&resource.collection)))
            .cloned()
            .collect()
    }

    /// Serves what a CustomResourceDefinition defines, replacing its earlier version.
    pub(crate) fn install(&mut self, definition: &serde_json::Value) {
        self.uninstall(definition);
        for resource in custom::resources(definition) {
            self.insert(resource);
        }
    }

    /// Stops serving a CustomResourceDefinition's kinds.
    pub(crate) fn uninstall(&mut self, definition: &serde_json::Value) {
        let name = definition.pointer("/metadata/name").and_then(serde_json::Value::as_str);
        self.resources.retain(|_, resource| {
            !(resource.is_custom() && Some(resource.collection.as_ref()) == name)
        });
    }
}
