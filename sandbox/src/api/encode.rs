//! From stored objects to the form that clients requested.

use std::sync::Arc;

use bytes::Bytes;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::failure::Failure;
use super::request::{Format, Parameters, Request, Response};
use crate::events;
use crate::registry::{Conversion, Resource};
use crate::store::Object;
use crate::table::{self, Include};

/// The stored form of an object that arrived in its served form.
pub(crate) fn to_stored(resource: &Resource, value: &mut Value) {
    match resource.conversion {
        Conversion::None => {}
        Conversion::ApiVersion => value["apiVersion"] = json!(resource.stored_api_version),
        Conversion::Events => events::to_core(value),
    }
}

/// The served form of a stored value.
pub(crate) fn to_served(resource: &Resource, value: &mut Value) {
    match resource.conversion {
        Conversion::None => {}
        Conversion::ApiVersion => value["apiVersion"] = json!(resource.api_version()),
        Conversion::Events => events::to_events_api(value),
    }
}

/// An object in its served form, parsed.
pub(crate) fn served_value(resource: &Resource, object: &Object) -> Value {
    let mut value = object.value();
    to_served(resource, &mut value);
    value
}

fn served_json(resource: &Resource, object: &Object) -> Bytes {
    match resource.conversion {
        Conversion::None => object.json.clone(),
        Conversion::ApiVersion | Conversion::Events => {
            served_value(resource, object).to_string().into()
        }
    }
}

/// The form in which a client wants objects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder {
    format: Format,
    include: Include,
}

/// The metadata of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListMetadata {
    pub(crate) resource_version: u64,
    pub(crate) continue_token: Option<String>,
    pub(crate) remaining: Option<usize>,
}

impl ListMetadata {
    fn value(&self) -> Value {
        let mut metadata = json!({ "resourceVersion": self.resource_version.to_string() });
        if let Some(token) = &self.continue_token {
            metadata["continue"] = json!(token);
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        metadata
    }
}

impl Encoder {
    /// Reads the requested form from the request.
    pub(crate) fn negotiate(request: &Request, parameters: &Parameters) -> Result<Self, Failure> {
        let include = match parameters.get("includeObject") {
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            _ => Include::Metadata,
        };
        Ok(Self { format: Format::negotiate(&request.accept)?, include })
    }

    /// An answer with one object.
    pub(crate) fn one(
        self,
        status: u16,
        resource: &Resource,
        object: &Object,
        now: Timestamp,
    ) -> Response {
        match self.format {
            Format::Object => Response::json(status, served_json(resource, object)),
            Format::Metadata => Response::value(status, &table::partial_metadata(&object.value())),
            Format::Table => Response::value(status, &self.table(resource, object, now)),
        }
    }

    /// An answer with a list.
    pub(crate) fn list(
        self,
        resource: &Resource,
        objects: &[Arc<Object>],
        metadata: &ListMetadata,
        now: Timestamp,
    ) -> Response {
        let mut metadata = metadata.value();
        if resource.is_custom() && self.format == Format::Object && metadata["continue"].is_null() {
            metadata["continue"] = json!("");
        }
        match self.format {
            Format::Object => {
                let items = objects.iter().map(|object| served_json(resource, object));
                list_json(&resource.list_kind, &resource.api_version(), &metadata, items)
            }
            Format::Metadata => {
                let items = objects
                    .iter()
                    .map(|object| table::partial_metadata(&object.value()).to_string().into());
                list_json("PartialObjectMetadataList", "meta.k8s.io/v1", &metadata, items)
            }
            Format::Table => {
                let values: Vec<Value> = objects.iter().map(|object| object.value()).collect();
                let columns = &resource.columns;
                Response::value(200, &table::table(columns, &values, self.include, metadata, now))
            }
        }
    }

    /// The object of a watch event.
    pub(crate) fn event(
        self,
        resource: &Resource,
        object: &Object,
        now: Timestamp,
        with_columns: bool,
    ) -> Bytes {
        if self.format != Format::Table || with_columns {
            return self.one(200, resource, object, now).body;
        }
        let mut table = self.table(resource, object, now);
        table["columnDefinitions"] = Value::Null;
        table.to_string().into()
    }

    fn table(self, resource: &Resource, object: &Object, now: Timestamp) -> Value {
        let metadata = json!({ "resourceVersion": object.resource_version.to_string() });
        table::table(&resource.columns, &[object.value()], self.include, metadata, now)
    }

    /// The object of a bookmark.
    pub(crate) fn bookmark(self, resource: &Resource, metadata: Value) -> Value {
        match self.format {
            Format::Object => json!({
                "kind": resource.kind,
                "apiVersion": resource.api_version(),
                "metadata": metadata,
            }),
            Format::Metadata => table::partial_metadata(&json!({ "metadata": metadata })),
            Format::Table => json!({
                "kind": "Table",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "columnDefinitions": [],
                "rows": [],
            }),
        }
    }
}

fn list_json(
    kind: &str,
    api_version: &str,
    metadata: &Value,
    items: impl Iterator<Item = Bytes>,
) -> Response {
    let mut body = format!(
        "{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":["
    )
    .into_bytes();
    for (at, item) in items.enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&item);
    }
    body.extend_from_slice(b"]}");
    Response::json(200, body)
}
