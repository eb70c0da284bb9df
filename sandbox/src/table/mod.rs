//! Tables, the form in which kubectl prints objects.

mod age;
pub(crate) mod builtins;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::jsonpath::JsonPath;

pub(crate) use age::age_of;

/// One column of a resource's table.
#[derive(Debug)]
pub(crate) struct Column {
    name: String,
    kind: String,
    /// The type as shown to clients.
    shown_kind: String,
    format: String,
    description: String,
    priority: i64,
    cell: Cell,
}

#[derive(Debug)]
enum Cell {
    /// What a path selects; `None` for a path that cannot be parsed, which stays empty.
    Path(Option<JsonPath>),
    Computed(fn(&Value, Timestamp) -> Value),
}

/// How much of each object its row carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

impl Column {
    /// The columns of a custom resource: its name, then the columns of the definition, or otherwise
    /// its age.
    pub(crate) fn custom(definitions: &[Value]) -> Vec<Self> {
        let mut columns = vec![Self::name()];
        columns.extend(definitions.iter().map(|definition| {
            let text = |field: &str| definition[field].as_str().unwrap_or_default().to_owned();
            let path = text("jsonPath");
            let described = definition.get("description").is_some_and(Value::is_string);
            Self {
                name: text("name"),
                kind: text("type"),
                shown_kind: text("type"),
                format: text("format"),
                description: match described {
                    true => text("description"),
                    false => {
                        format!("Custom resource definition column (in JSONPath format): {path}")
                    }
                },
                priority: definition["priority"].as_i64().unwrap_or_default(),
                cell: Cell::Path(JsonPath::parse(&path)),
            }
        }));
        if definitions.is_empty() {
            columns.push(Self::date("Age"));
        }
        columns
    }

    /// The time of creation, as an age that is declared as a date.
    fn date(name: &str) -> Self {
        let mut column = Self::path(name, "date", ".metadata.creationTimestamp");
        column.shown_kind = "date".to_owned();
        column
    }

    fn path(name: &str, kind: &str, path: &str) -> Self {
        Self::new(name, kind, Cell::Path(JsonPath::parse(path)))
    }

    fn computed(name: &str, cell: fn(&Value, Timestamp) -> Value) -> Self {
        Self::new(name, "string", Cell::Computed(cell))
    }

    fn name() -> Self {
        let mut column = Self::path("Name", "string", ".metadata.name");
        column.format = "name".to_owned();
        column
    }

    fn age() -> Self {
        Self::path("Age", "date", ".metadata.creationTimestamp")
    }

    /// A column that only `-o wide` shows.
    fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    fn new(name: &str, kind: &str, cell: Cell) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            // A date is sent as an age, which is text.
            shown_kind: if kind == "date" { "string" } else { kind }.to_owned(),
            format: String::new(),
            description: String::new(),
            priority: 0,
            cell,
        }
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.shown_kind,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        })
    }

    fn value(&self, object: &Value, now: Timestamp) -> Value {
        let path = match &self.cell {
            Cell::Computed(cell) => return cell(object, now),
            Cell::Path(None) => return Value::Null,
            Cell::Path(Some(path)) => path,
        };
        let found: Vec<&Value> =
            path.select(object).into_iter().filter(|value| !value.is_null()).collect();
        let Some(first) = found.first() else {
            return if self.kind == "date" { json!("<unknown>") } else { Value::Null };
        };
        match self.kind.as_str() {
            "integer" | "number" if first.is_number() => (*first).clone(),
            "boolean" if first.is_boolean() => (*first).clone(),
            "date" => match first.as_str() {
                Some(text) => Value::String(age_of(text, now)),
                None => json!("<invalid>"),
            },
            _ => Value::String(found.into_iter().map(plain).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// A value as text, without the quotes of a string.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The `Table` of some objects.
pub(crate) fn table(
    columns: &[Column],
    objects: &[Value],
    include: Include,
    metadata: Value,
    now: Timestamp,
) -> Value {
    let definitions: Vec<Value> = columns.iter().map(Column::definition).collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> =
                columns.iter().map(|column| column.value(object, now)).collect();
            let mut row = json!({ "cells": cells });
            match include {
                Include::None => {}
                Include::Metadata => row["object"] = partial_metadata(object),
                Include::Object => row["object"] = object.clone(),
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// An object reduced to its metadata.
pub(crate) fn partial_metadata(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_columns_print_as_the_definition_says() {
        let columns = Column::custom(&[
            json!({ "name": "Ready", "type": "string",
                "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" }),
            json!({ "name": "Size", "type": "integer", "jsonPath": ".spec.size" }),
            json!({ "name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp" }),
            json!({ "name": "Wide", "type": "string", "jsonPath": ".spec.missing", "priority": 1 }),
        ]);
        let object = json!({
            "metadata": { "name": "a", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "spec": { "size": 3 },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        let now = "2026-01-01T00:05:00Z".parse().expect("a time");
        let table = table(&columns, &[object], Include::Metadata, json!({}), now);
        assert_eq!(table["rows"][0]["cells"], json!(["a", "True", 3, "5m", null]));
        assert_eq!(table["columnDefinitions"][0]["format"], "name");
        assert_eq!(table["columnDefinitions"][4]["priority"], 1);
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    }

    #[test]
    fn a_resource_without_columns_shows_name_and_age() {
        let columns = Column::custom(&[]);
        let object = json!({ "metadata": { "name": "a" } });
        let table = table(&columns, &[object], Include::None, json!({}), Timestamp::UNIX_EPOCH);
        assert_eq!(table["rows"][0]["cells"], json!(["a", "<unknown>"]));
    }
}
