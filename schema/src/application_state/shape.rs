//! Which fields of Argo CD's status are mirrored, and their shapes.

use serde_json::{Map, Value};

/// What Go writes for a time that was never set.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The shape of a value.
pub(super) enum Shape {
    /// Left out when empty.
    Text,
    /// Left out when false.
    Flag,
    /// Left out when zero.
    Number,
    /// A pointer to a number, for which zero is a value.
    NumberPointer,
    /// RFC 3339.
    Time,
    /// Left out when empty.
    List(&'static Shape),
    /// Keys are the user's, values are texts.
    Labels,
    /// Kept even when empty: its presence means something.
    Object(&'static [Field]),
}

/// A field of an object.
pub(super) struct Field {
    /// In Argo CD's JSON.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// The key under which the existing form nests the field, because it comes from an embedded
    /// Go struct, which yaml.v2, unlike JSON, does not inline.
    pub(super) embedded_in: Option<&'static str>,
}

impl Shape {
    /// The field of that JSON name.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The field of that key in the existing form.
    pub(super) fn field_of_key(&self, key: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name.eq_ignore_ascii_case(key))
    }

    /// Whether the existing form nests fields of this object under that key.
    pub(super) fn embeds(&self, key: &str) -> bool {
        self.fields().iter().any(|field| field.embedded_in == Some(key))
    }

    /// The shape of a list's items.
    pub(super) fn item(&self) -> Option<&'static Shape> {
        match self {
            Self::List(item) => Some(item),
            _ => None,
        }
    }

    fn fields(&self) -> &'static [Field] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The value reduced to this shape, or nothing if it is empty or of another shape.
    pub(super) fn project(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Text, Value::String(text)) => kept_text(text),
            (Self::Time, Value::String(time)) => kept_time(time),
            (Self::Flag, Value::Bool(true)) => Some(Value::Bool(true)),
            (Self::Number, Value::Number(number)) if number.as_i64() != Some(0) => {
                Some(Value::Number(number.clone()))
            }
            (Self::NumberPointer, Value::Number(number)) => Some(Value::Number(number.clone())),
            (Self::List(item), Value::Array(items)) => kept_list(
                items.iter().map(|value| item.project(value).unwrap_or_else(|| item.empty())),
            ),
            (Self::Labels, Value::Object(labels)) => kept_labels(labels.clone()),
            (Self::Object(fields), Value::Object(members)) => {
                let members = fields.iter().filter_map(|field| {
                    let value = field.shape.project(members.get(field.name)?)?;
                    Some((field.name.to_owned(), value))
                });
                Some(Value::Object(members.collect()))
            }
            _ => None,
        }
    }

    /// What a list contains for an item that would be omitted elsewhere: positions count.
    pub(super) fn empty(&self) -> Value {
        match self {
            Self::Text | Self::Time => Value::String(String::new()),
            Self::Flag => Value::Bool(false),
            Self::Number | Self::NumberPointer => Value::from(0),
            Self::List(_) => Value::Array(Vec::new()),
            Self::Labels | Self::Object(_) => Value::Object(Map::new()),
        }
    }
}

/// The text, unless it is empty.
pub(super) fn kept_text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::String(text.to_owned()))
}

/// The time, unless it was never set.
pub(super) fn kept_time(time: &str) -> Option<Value> {
    if time == ZERO_TIME { None } else { kept_text(time) }
}

/// The list, unless it is empty.
pub(super) fn kept_list(items: impl Iterator<Item = Value>) -> Option<Value> {
    let items: Vec<Value> = items.collect();
    (!items.is_empty()).then_some(Value::Array(items))
}

/// The labels, unless there are none.
pub(super) fn kept_labels(labels: Map<String, Value>) -> Option<Value> {
    (!labels.is_empty()).then_some(Value::Object(labels))
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, embedded_in: None }
}

const fn text(name: &'static str) -> Field {
    field(name, Shape::Text)
}

/// Argo CD's `.status`, as far as a GitOpsDeployment shows it.
pub(super) static STATUS: Shape = Shape::Object(&[
    field("resources", Shape::List(&RESOURCE)),
    field("sync", SYNC),
    field("health", HEALTH),
    field("conditions", Shape::List(&CONDITION)),
    field("operationState", OPERATION_STATE),
    // Not Argo CD's: what was left out. Existing readers ignore it.
    field(
        "truncated",
        Shape::Object(&[
            field("resources", Shape::Number),
            field("kept", Shape::Number),
            text("message"),
        ]),
    ),
]);

static RESOURCE: Shape = Shape::Object(&[
    text("group"),
    text("version"),
    text("kind"),
    text("namespace"),
    text("name"),
    text("status"),
    field("health", HEALTH),
]);

const SYNC: Shape = Shape::Object(&[
    text("status"),
    field(
        "comparedTo",
        Shape::Object(&[
            field("source", Shape::Object(SOURCE_FIELDS)),
            field("destination", Shape::Object(&[text("server"), text("namespace"), text("name")])),
        ]),
    ),
    text("revision"),
    field("revisions", TEXTS),
]);

const HEALTH: Shape = Shape::Object(&[text("status"), text("message")]);

static CONDITION: Shape =
    Shape::Object(&[text("type"), text("message"), field("lastTransitionTime", Shape::Time)]);

const OPERATION_STATE: Shape = Shape::Object(&[
    field("operation", OPERATION),
    text("phase"),
    text("message"),
    field("syncResult", SYNC_RESULT),
    field("startedAt", Shape::Time),
    field("finishedAt", Shape::Time),
    field("retryCount", Shape::Number),
]);

const OPERATION: Shape = Shape::Object(&[
    field("sync", OPERATION_SYNC),
    field("initiatedBy", Shape::Object(&[text("username"), field("automated", Shape::Flag)])),
    field("info", Shape::List(&INFO)),
    field(
        "retry",
        Shape::Object(&[
            field("limit", Shape::Number),
            field(
                "backoff",
                Shape::Object(&[
                    text("duration"),
                    field("factor", Shape::NumberPointer),
                    text("maxDuration"),
                ]),
            ),
        ]),
    ),
]);

const OPERATION_SYNC: Shape = Shape::Object(&[
    text("revision"),
    field("prune", Shape::Flag),
    field("dryRun", Shape::Flag),
    field(
        "syncStrategy",
        Shape::Object(&[
            field("apply", Shape::Object(&[field("force", Shape::Flag)])),
            field(
                "hook",
                Shape::Object(&[Field {
                    name: "force",
                    shape: Shape::Flag,
                    embedded_in: Some("syncstrategyapply"),
                }]),
            ),
        ]),
    ),
    field("resources", Shape::List(&OPERATION_RESOURCE)),
    field("source", SOURCE),
    field("manifests", TEXTS),
    field("syncOptions", TEXTS),
    field("sources", Shape::List(&SOURCE)),
    field("revisions", TEXTS),
]);

const SYNC_RESULT: Shape = Shape::Object(&[
    field("resources", Shape::List(&RESOURCE_RESULT)),
    text("revision"),
    field("source", SOURCE),
    field("sources", Shape::List(&SOURCE)),
    field("revisions", TEXTS),
    field(
        "managedNamespaceMetadata",
        Shape::Object(&[field("labels", Shape::Labels), field("annotations", Shape::Labels)]),
    ),
]);

static RESOURCE_RESULT: Shape = Shape::Object(&[
    text("group"),
    text("version"),
    text("kind"),
    text("namespace"),
    text("name"),
    text("status"),
    text("message"),
    text("hookType"),
    text("hookPhase"),
    text("syncPhase"),
]);

static OPERATION_RESOURCE: Shape =
    Shape::Object(&[text("group"), text("kind"), text("name"), text("namespace")]);

static INFO: Shape = Shape::Object(&[text("name"), text("value")]);

const SOURCE_FIELDS: &[Field] = &[text("repoURL"), text("path"), text("targetRevision")];

const SOURCE: Shape = Shape::Object(SOURCE_FIELDS);

const TEXTS: Shape = Shape::List(&Shape::Text);
