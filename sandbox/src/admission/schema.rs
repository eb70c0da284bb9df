//! Structural schemas, compiled from a CustomResourceDefinition or from a built-in kind.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// Nesting depth beyond which a schema is considered recursive and left open.
const DEPTH_LIMIT: usize = 64;

/// The JSON types that a schema can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// How a schema treats properties that it does not name.
#[derive(Debug)]
pub(crate) enum Additional {
    /// They are unknown fields.
    Unknown,
    /// They may be anything.
    Anything,
    /// They follow a schema: the object is a map.
    Schema(Box<Schema>),
}

/// How server-side apply identifies the elements of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// The list is one value.
    Atomic,
    /// Elements are their own keys.
    Set,
    /// Elements are identified by these fields.
    Map(Vec<String>),
}

/// A pattern with its source, which messages show.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) source: String,
    pub(crate) regex: Option<Regex>,
}

/// The checks of single values.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) allowed: Vec<Value>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) format: Option<String>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) unique_items: bool,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
}

/// The value validations that combine other schemas.
#[derive(Debug, Default)]
pub(crate) struct Junctions {
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Schema>,
}

/// One node of a compiled schema.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) kind: Kind,
    pub(crate) properties: BTreeMap<String, Schema>,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) required: Vec<String>,
    pub(crate) nullable: bool,
    pub(crate) int_or_string: bool,
    pub(crate) preserve_unknown: bool,
    pub(crate) embedded: bool,
    pub(crate) default: Option<Value>,
    pub(crate) list: ListKind,
    /// A map or struct that server-side apply treats as one value.
    pub(crate) atomic_map: bool,
    /// Boxed: most nodes have none.
    pub(crate) checks: Option<Box<Checks>>,
    pub(crate) junctions: Option<Box<Junctions>>,
}

impl Schema {
    /// Compiles a raw schema; `definitions` resolves `$ref`s by the last part of their path.
    pub(crate) fn compile(raw: &Value, definitions: &Value) -> Self {
        compile(raw, definitions, 0)
    }

    /// The schema of a named field, whether it is a property or a map's value.
    pub(crate) fn field(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(match &self.additional {
            Additional::Schema(schema) => Some(schema),
            Additional::Unknown | Additional::Anything => None,
        })
    }

    /// A schema that accepts anything.
    pub(crate) fn open() -> Self {
        Self {
            kind: Kind::Any,
            properties: BTreeMap::new(),
            additional: Additional::Anything,
            items: None,
            required: Vec::new(),
            nullable: true,
            int_or_string: false,
            preserve_unknown: true,
            embedded: false,
            default: None,
            list: ListKind::Atomic,
            atomic_map: false,
            checks: None,
            junctions: None,
        }
    }
}

fn compile(raw: &Value, definitions: &Value, depth: usize) -> Schema {
    if depth > DEPTH_LIMIT {
        return Schema::open();
    }
    if let Some(target) = reference(raw, definitions) {
        return compile(target, definitions, depth + 1);
    }
    let built_in = !definitions.is_null();
    let below = |raw: &Value| compile(raw, definitions, depth + 1);
    let properties: BTreeMap<String, Schema> = raw
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), below(schema)))
        .collect();
    let additional = match raw.get("additionalProperties") {
        Some(Value::Bool(false)) | None => Additional::Unknown,
        Some(Value::Bool(true)) => Additional::Anything,
        Some(schema) => Additional::Schema(Box::new(below(schema))),
    };
    let flag = |name: &str| raw.get(name).and_then(Value::as_bool).unwrap_or(false);
    // Built-in kinds describe free-form objects as objects without properties.
    let free_form = built_in && properties.is_empty() && matches!(additional, Additional::Unknown);
    Schema {
        kind: kind(raw),
        additional,
        items: raw.get("items").map(|items| Box::new(below(items))),
        required: texts(raw, "required"),
        nullable: flag("nullable"),
        int_or_string: flag("x-kubernetes-int-or-string"),
        preserve_unknown: flag("x-kubernetes-preserve-unknown-fields") || free_form,
        embedded: flag("x-kubernetes-embedded-resource"),
        default: raw.get("default").cloned(),
        list: list_kind(raw),
        atomic_map: raw["x-kubernetes-map-type"] == "atomic",
        checks: checks(raw),
        junctions: junctions(raw, &below),
        properties,
    }
}

fn reference<'a>(raw: &Value, definitions: &'a Value) -> Option<&'a Value> {
    // A reference with siblings arrives wrapped in an `allOf` of one.
    let path = raw
        .get("$ref")
        .or_else(|| match raw.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            Some([only]) => only.get("$ref"),
            _ => None,
        })
        .and_then(Value::as_str)?;
    definitions.get(path.rsplit('/').next()?)
}

fn kind(raw: &Value) -> Kind {
    match raw.get("type").and_then(Value::as_str) {
        Some("object") => Kind::Object,
        Some("array") => Kind::Array,
        Some("string") => Kind::String,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        _ => Kind::Any,
    }
}

fn list_kind(raw: &Value) -> ListKind {
    match raw.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(texts(raw, "x-kubernetes-list-map-keys")),
        _ => ListKind::Atomic,
    }
}

fn checks(raw: &Value) -> Option<Box<Checks>> {
    const NAMES: [&str; 15] = [
        "enum",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    ];
    if !NAMES.iter().any(|name| raw.get(name).is_some()) {
        return None;
    }
    let whole = |name: &str| raw.get(name).and_then(Value::as_u64);
    let number = |name: &str| raw.get(name).and_then(Value::as_f64);
    let flag = |name: &str| raw.get(name).and_then(Value::as_bool).unwrap_or(false);
    Some(Box::new(Checks {
        allowed: raw.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        pattern: raw
            .get("pattern")
            .and_then(Value::as_str)
            .map(|source| Pattern { source: source.to_owned(), regex: Regex::new(source).ok() }),
        format: raw.get("format").and_then(Value::as_str).map(str::to_owned),
        min_length: whole("minLength"),
        max_length: whole("maxLength"),
        minimum: number("minimum"),
        maximum: number("maximum"),
        exclusive_minimum: flag("exclusiveMinimum"),
        exclusive_maximum: flag("exclusiveMaximum"),
        multiple_of: number("multipleOf"),
        min_items: whole("minItems"),
        max_items: whole("maxItems"),
        unique_items: flag("uniqueItems"),
        min_properties: whole("minProperties"),
        max_properties: whole("maxProperties"),
    }))
}

fn junctions(raw: &Value, below: &dyn Fn(&Value) -> Schema) -> Option<Box<Junctions>> {
    let branches = |name: &str| -> Vec<Schema> {
        raw.get(name).and_then(Value::as_array).into_iter().flatten().map(below).collect()
    };
    let junctions = Junctions {
        all_of: branches("allOf"),
        any_of: branches("anyOf"),
        one_of: branches("oneOf"),
        not: raw.get("not").map(below),
    };
    let empty = junctions.all_of.is_empty()
        && junctions.any_of.is_empty()
        && junctions.one_of.is_empty()
        && junctions.not.is_none();
    (!empty).then(|| Box::new(junctions))
}

fn texts(raw: &Value, name: &str) -> Vec<String> {
    let items = raw.get(name).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
