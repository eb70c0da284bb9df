//! Removes unknown fields and fills in defaults, according to the schema.

use serde_json::{Map, Value};

use super::schema::{Additional, Schema};

/// Fields that every object has and that no schema needs to name.
const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Removes the fields that the schema does not know and returns their paths.
pub(crate) fn prune(schema: &Schema, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_value(schema, object, "", true, &mut unknown);
    unknown
}

fn prune_value(
    schema: &Schema,
    value: &mut Value,
    path: &str,
    is_object_root: bool,
    unknown: &mut Vec<String>,
) {
    match value {
        Value::Object(fields) => prune_fields(schema, fields, path, is_object_root, unknown),
        Value::Array(items) => {
            let Some(schema) = &schema.items else { return };
            for (at, item) in items.iter_mut().enumerate() {
                let path = format!("{path}[{at}]");
                prune_value(schema, item, &path, schema.embedded, unknown);
            }
        }
        _ => {}
    }
}

fn prune_fields(
    schema: &Schema,
    fields: &mut Map<String, Value>,
    path: &str,
    is_object_root: bool,
    unknown: &mut Vec<String>,
) {
    let is_kept = |name: &str| is_object_root && OBJECT_FIELDS.contains(&name);
    let closed = matches!(schema.additional, Additional::Unknown) && !schema.preserve_unknown;
    if closed {
        fields.retain(|name, _| {
            let known = schema.properties.contains_key(name) || is_kept(name);
            if !known {
                unknown.push(join(path, name));
            }
            known
        });
    }
    for (name, value) in fields.iter_mut() {
        if is_kept(name) {
            continue;
        }
        if let Some(schema) = schema.field(name) {
            prune_value(schema, value, &join(path, name), schema.embedded, unknown);
        }
    }
}

/// Removes the nulls of fields that are not nullable: they count as absent.
pub(crate) fn prune_nulls(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                !value.is_null() || schema.field(name).is_none_or(|field| field.nullable)
            });
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = schema.field(name) {
                    prune_nulls(schema, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                items.iter_mut().for_each(|item| prune_nulls(schema, item));
            }
        }
        _ => {}
    }
}

/// Fills in the defaults of absent fields.
pub(crate) fn apply_defaults(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, property) in &schema.properties {
                let Some(default) = &property.default else {
                    continue;
                };
                fields.entry(name.clone()).or_insert_with(|| default.clone());
            }
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = schema.field(name) {
                    apply_defaults(schema, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                items.iter_mut().for_each(|item| apply_defaults(schema, item));
            }
        }
        _ => {}
    }
}

/// Removes nulls, which built-in kinds treat as absent fields.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Appends a field name to a path.
pub(crate) fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_are_removed_and_named() {
        let raw = json!({ "type": "object", "properties": {
            "spec": { "type": "object", "properties": {
                "a": { "type": "string" },
                "open": { "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    "properties": { "closed": { "type": "object", "properties": {} } } },
                "map": { "type": "object", "additionalProperties": { "type": "object",
                    "properties": { "b": { "type": "string" } } } },
                "list": { "type": "array", "items": { "type": "object",
                    "properties": { "c": { "type": "string" } } } },
            } },
        } });
        let schema = Schema::compile(&raw, &Value::Null);
        let mut object = json!({
            "apiVersion": "v1", "kind": "K", "metadata": { "name": "x" }, "extra": 1,
            "spec": {
                "a": "1", "x": 1,
                "open": { "any": { "thing": 1 }, "closed": { "y": 1 } },
                "map": { "k": { "b": "2", "z": 1 } },
                "list": [{ "c": "3", "w": 1 }],
            },
        });
        let mut unknown = prune(&schema, &mut object);
        unknown.sort();
        let expected = ["extra", "spec.list[0].w", "spec.map.k.z", "spec.open.closed.y", "spec.x"];
        assert_eq!(unknown, expected);
        assert_eq!(object["spec"]["open"], json!({ "any": { "thing": 1 }, "closed": {} }));
        assert_eq!(object["metadata"]["name"], "x");
    }

    #[test]
    fn defaults_fill_what_is_absent_and_nest() {
        let raw = json!({ "type": "object", "properties": {
            "spec": { "type": "object", "default": {}, "properties": {
                "mode": { "type": "string", "default": "manual" },
                "kept": { "type": "string", "nullable": true, "default": "d" },
            } },
        } });
        let schema = Schema::compile(&raw, &Value::Null);
        let mut absent = json!({});
        apply_defaults(&schema, &mut absent);
        assert_eq!(absent, json!({ "spec": { "mode": "manual", "kept": "d" } }));
        let mut nulls = json!({ "spec": { "mode": null, "kept": null } });
        prune_nulls(&schema, &mut nulls);
        apply_defaults(&schema, &mut nulls);
        assert_eq!(nulls, json!({ "spec": { "mode": "manual", "kept": null } }));
    }
}
