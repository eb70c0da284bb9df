//! OpenAPI documents, generated on request: enough for `kubectl explain` and kubectl's validation.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::failure::Failure;
use crate::api::request::Response;
use crate::registry::{DEFINITIONS, Registry, Resource, builtins};
use crate::store::{Key, Store};

const OBJECT_META: &str = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
const GROUP_VERSION_KIND: &str = "x-kubernetes-group-version-kind";

const API_VERSION_DESCRIPTION: &str = "The versioned schema of this representation of an object.";
const KIND_DESCRIPTION: &str = "The REST resource that this object represents.";

/// The media type in which kubectl requests version 2 if version 3 does not know a kind, such as
/// List.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// The same in an answer, where `@` is not allowed.
const PROTOBUF_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// Such a document without kinds, so that kubectl goes on to report the kind: `swagger` (field 1)
/// is "2.0", and `info` (field 2) has the title "Kubernetes" (field 1).
const EMPTY_VERSION_2: &[u8] = b"\x0a\x032.0\x12\x0c\x0a\x0aKubernetes";

/// Answers a path below `/openapi`.
pub(crate) fn document(
    registry: &Registry,
    store: &Store,
    path: &[&str],
    accept: &str,
) -> Result<Response, Failure> {
    if path == ["v2"] && accept.contains(PROTOBUF) {
        return Ok(Response::protobuf(PROTOBUF_TYPE, EMPTY_VERSION_2));
    }
    let wants_json = accept.is_empty() || accept.contains("json") || accept.contains('*');
    if !wants_json {
        let message = "only the following media types are accepted: application/json";
        return Err(Failure::new(406, "NotAcceptable", message));
    }
    let document = match path {
        ["v2"] => version_2(registry, store),
        ["v3"] => index(registry),
        ["v3", "api", version] => version_3(registry, store, "", version),
        ["v3", "apis", group, version] => version_3(registry, store, group, version),
        _ => None,
    };
    document.map(|document| Response::value(200, &document)).ok_or_else(Failure::no_such_path)
}

fn index(registry: &Registry) -> Option<Value> {
    let paths: BTreeSet<String> = registry.iter().map(|resource| group_path(resource)).collect();
    let paths: Map<String, Value> = paths
        .into_iter()
        .map(|path| {
            let url = format!("/openapi/v3/{path}");
            (path, json!({ "serverRelativeURL": url }))
        })
        .collect();
    Some(json!({ "paths": paths }))
}

fn group_path(resource: &Resource) -> String {
    match resource.group.as_str() {
        "" => format!("api/{}", resource.version),
        group => format!("apis/{group}/{}", resource.version),
    }
}

fn version_3(registry: &Registry, store: &Store, group: &str, version: &str) -> Option<Value> {
    let served: Vec<&Resource> = registry
        .iter()
        .map(AsRef::as_ref)
        .filter(|resource| resource.group == group && resource.version == version)
        .collect();
    if served.is_empty() {
        return None;
    }
    let (kinds, mut schemas) = builtins::definitions(group, version);
    for (kind, name) in &kinds {
        if let Some(schema) = schemas.get_mut(name) {
            schema[GROUP_VERSION_KIND] = json!([identity(group, version, kind)]);
        }
    }
    let mut paths = Map::new();
    for resource in served {
        let name = match kinds.iter().find(|(kind, _)| *kind == resource.kind) {
            Some((_, name)) => name.clone(),
            None => schema_name(resource),
        };
        if resource.is_custom() {
            schemas.insert(name.clone(), custom_schema(store, resource));
            schemas.insert(format!("{name}List"), list_schema(resource, &name));
        }
        paths.extend(operations(resource, &name));
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.34.0" },
        "paths": paths,
        "components": { "schemas": schemas },
    }))
}

/// The older document only holds the custom kinds; newer clients request version 3 first.
fn version_2(registry: &Registry, store: &Store) -> Option<Value> {
    let definitions: Map<String, Value> = registry
        .iter()
        .filter(|resource| resource.is_custom())
        .map(|resource| {
            let mut schema = custom_schema(store, resource);
            schema["properties"]["metadata"] = json!({ "type": "object" });
            (schema_name(resource), schema)
        })
        .collect();
    Some(json!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": "v1.34.0" },
        "paths": {},
        "definitions": definitions,
    }))
}

fn identity(group: &str, version: &str, kind: &str) -> Value {
    json!({ "group": group, "version": version, "kind": kind })
}

/// A kind's name in the documents: its reversed group, version and kind.
fn schema_name(resource: &Resource) -> String {
    let mut parts: Vec<&str> = resource.group.split('.').rev().collect();
    parts.extend([resource.version.as_str(), resource.kind.as_str()]);
    parts.join(".")
}

fn custom_schema(store: &Store, resource: &Resource) -> Value {
    let definition = store
        .get(DEFINITIONS, &Key::new("", &resource.collection))
        .map(|definition| definition.value())
        .unwrap_or_default();
    let versions = definition["spec"]["versions"].as_array();
    let mut schema = versions
        .into_iter()
        .flatten()
        .find(|version| version["name"] == resource.version)
        .and_then(|version| version.pointer("/schema/openAPIV3Schema").cloned())
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({ "type": "object" }));
    schema["properties"]["apiVersion"] =
        json!({ "type": "string", "description": API_VERSION_DESCRIPTION });
    schema["properties"]["kind"] = json!({ "type": "string", "description": KIND_DESCRIPTION });
    schema["properties"]["metadata"] = json!({
        "description": "Standard object's metadata.",
        "allOf": [{ "$ref": OBJECT_META }],
    });
    schema[GROUP_VERSION_KIND] =
        json!([identity(&resource.group, &resource.version, &resource.kind)]);
    schema
}

fn list_schema(resource: &Resource, name: &str) -> Value {
    json!({
        "type": "object",
        "description": format!("{} is a list of {}.", resource.list_kind, resource.kind),
        "required": ["items"],
        "properties": {
            "apiVersion": { "type": "string", "description": API_VERSION_DESCRIPTION },
            "kind": { "type": "string", "description": KIND_DESCRIPTION },
            "metadata": { "allOf": [{ "$ref": LIST_META }] },
            "items": {
                "type": "array",
                "items": { "$ref": format!("#/components/schemas/{name}") },
            },
        },
        GROUP_VERSION_KIND: [identity(&resource.group, &resource.version, &resource.list_kind)],
    })
}

/// The operations that kubectl looks up to learn which query parameters the server knows.
fn operations(resource: &Resource, schema: &str) -> Map<String, Value> {
    let root = match resource.group.as_str() {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    let collection = match resource.namespaced {
        true => format!("{root}/namespaces/{{namespace}}/{}", resource.plural),
        false => format!("{root}/{}", resource.plural),
    };
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
        .into_iter()
        .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }))
        .collect();
    let reference = format!("#/components/schemas/{schema}");
    let content = json!({ "application/json": { "schema": { "$ref": reference } } });
    let operation = |action: &str| {
        json!({
            "x-kubernetes-action": action,
            GROUP_VERSION_KIND: identity(&resource.group, &resource.version, &resource.kind),
            "parameters": parameters,
            "responses": { "200": { "description": "OK", "content": content } },
        })
    };
    let mut paths = Map::new();
    if !resource.behaviour.is_virtual {
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({
                "get": operation("get"),
                "put": operation("put"),
                "patch": operation("patch"),
                "delete": operation("delete"),
            }),
        );
    }
    paths.insert(collection, json!({ "post": operation("post") }));
    paths
}
