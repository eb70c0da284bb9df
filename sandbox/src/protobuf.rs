//! Reading the protobuf bodies that kubectl sends for a few built-in kinds.
//!
//! `kubectl create namespace` and similar commands send protobuf by default; everything else is
//! JSON or YAML. Messages are described by a table; a field outside it is rejected rather than
//! dropped.

use k8s_openapi::ByteString;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The content type of such bodies.
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The bytes in front of every message.
const MAGIC: &[u8] = b"k8s\0";

/// The limit on nested messages; the deepest described here has eight.
const DEPTH_LIMIT: usize = 16;

type Message = &'static [(u64, &'static str, Field)];

/// How a field becomes JSON.
#[derive(Debug, Clone, Copy)]
enum Field {
    Text,
    /// A number that is text both in protobuf's wrapper and in JSON: quantities.
    Quantity,
    Bytes,
    Integer,
    Flag,
    Time,
    One(Message),
    Many(Message),
    Texts,
    TextMap,
    BytesMap,
    QuantityMap,
    IntOrText,
}

const OWNER: Message = &[
    (1, "kind", Field::Text),
    (3, "name", Field::Text),
    (4, "uid", Field::Text),
    (5, "apiVersion", Field::Text),
    (6, "controller", Field::Flag),
    (7, "blockOwnerDeletion", Field::Flag),
];
const METADATA: Message = &[
    (1, "name", Field::Text),
    (2, "generateName", Field::Text),
    (3, "namespace", Field::Text),
    (4, "selfLink", Field::Text),
    (5, "uid", Field::Text),
    (6, "resourceVersion", Field::Text),
    (7, "generation", Field::Integer),
    (8, "creationTimestamp", Field::Time),
    (9, "deletionTimestamp", Field::Time),
    (11, "labels", Field::TextMap),
    (12, "annotations", Field::TextMap),
    (13, "ownerReferences", Field::Many(OWNER)),
    (14, "finalizers", Field::Texts),
];
const NAMESPACE: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (2, "spec", Field::One(&[(1, "finalizers", Field::Texts)])),
    (3, "status", Field::One(&[(1, "phase", Field::Text)])),
];
const CONFIG_MAP: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (2, "data", Field::TextMap),
    (3, "binaryData", Field::BytesMap),
    (4, "immutable", Field::Flag),
];
const SECRET: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (2, "data", Field::BytesMap),
    (3, "type", Field::Text),
    (4, "stringData", Field::TextMap),
    (5, "immutable", Field::Flag),
];
const SERVICE_ACCOUNT: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (3, "imagePullSecrets", Field::Many(&[(1, "name", Field::Text)])),
    (4, "automountServiceAccountToken", Field::Flag),
];
const RESOURCE_ATTRIBUTES: Message = &[
    (1, "namespace", Field::Text),
    (2, "verb", Field::Text),
    (3, "group", Field::Text),
    (4, "version", Field::Text),
    (5, "resource", Field::Text),
    (6, "subresource", Field::Text),
    (7, "name", Field::Text),
];
const ACCESS_REVIEW: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (
        2,
        "spec",
        Field::One(&[
            (1, "resourceAttributes", Field::One(RESOURCE_ATTRIBUTES)),
            (
                2,
                "nonResourceAttributes",
                Field::One(&[(1, "path", Field::Text), (2, "verb", Field::Text)]),
            ),
        ]),
    ),
    (3, "status", Field::One(&[(1, "allowed", Field::Flag)])),
];
const RULES_REVIEW: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (2, "spec", Field::One(&[(1, "namespace", Field::Text)])),
    (3, "status", Field::One(&[(3, "incomplete", Field::Flag)])),
];
const SUBJECT_REVIEW: Message = &[(1, "metadata", Field::One(METADATA))];
const CONTAINER: Message = &[
    (1, "name", Field::Text),
    (2, "image", Field::Text),
    (3, "command", Field::Texts),
    (4, "args", Field::Texts),
    (
        6,
        "ports",
        Field::Many(&[
            (1, "name", Field::Text),
            (3, "containerPort", Field::Integer),
            (4, "protocol", Field::Text),
        ]),
    ),
    (7, "env", Field::Many(&[(1, "name", Field::Text), (2, "value", Field::Text)])),
    (
        8,
        "resources",
        Field::One(&[(1, "limits", Field::QuantityMap), (2, "requests", Field::QuantityMap)]),
    ),
    (14, "imagePullPolicy", Field::Text),
];
const POD_TEMPLATE: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (
        2,
        "spec",
        Field::One(&[
            (2, "containers", Field::Many(CONTAINER)),
            (3, "restartPolicy", Field::Text),
            (8, "serviceAccountName", Field::Text),
        ]),
    ),
];
const DEPLOYMENT: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (
        2,
        "spec",
        Field::One(&[
            (1, "replicas", Field::Integer),
            (2, "selector", Field::One(&[(1, "matchLabels", Field::TextMap)])),
            (3, "template", Field::One(POD_TEMPLATE)),
            (4, "strategy", Field::One(&[(1, "type", Field::Text)])),
        ]),
    ),
    (3, "status", Field::One(&[])),
];
const SERVICE: Message = &[
    (1, "metadata", Field::One(METADATA)),
    (
        2,
        "spec",
        Field::One(&[
            (
                1,
                "ports",
                Field::Many(&[
                    (1, "name", Field::Text),
                    (2, "protocol", Field::Text),
                    (3, "port", Field::Integer),
                    (4, "targetPort", Field::IntOrText),
                    (5, "nodePort", Field::Integer),
                ]),
            ),
            (2, "selector", Field::TextMap),
            (3, "clusterIP", Field::Text),
            (4, "type", Field::Text),
            (7, "sessionAffinity", Field::Text),
            (10, "externalName", Field::Text),
        ]),
    ),
    (3, "status", Field::One(&[(1, "loadBalancer", Field::One(&[]))])),
];
const DELETE_OPTIONS: Message = &[
    (1, "gracePeriodSeconds", Field::Integer),
    (
        2,
        "preconditions",
        Field::One(&[(1, "uid", Field::Text), (2, "resourceVersion", Field::Text)]),
    ),
    (4, "propagationPolicy", Field::Text),
    (5, "dryRun", Field::Texts),
];

/// The described kinds.
const KINDS: &[(&str, Message)] = &[
    ("Namespace", NAMESPACE),
    ("ConfigMap", CONFIG_MAP),
    ("Secret", SECRET),
    ("ServiceAccount", SERVICE_ACCOUNT),
    ("SelfSubjectAccessReview", ACCESS_REVIEW),
    ("SelfSubjectRulesReview", RULES_REVIEW),
    ("SelfSubjectReview", SUBJECT_REVIEW),
    ("Deployment", DEPLOYMENT),
    ("Service", SERVICE),
    ("DeleteOptions", DELETE_OPTIONS),
];

/// Reads an enveloped message; the error says what is not supported.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    let envelope = body.strip_prefix(MAGIC).ok_or("the protobuf body has no envelope")?;
    let (mut kind, mut api_version, mut raw) = (String::new(), String::new(), &[][..]);
    for part in parts(envelope) {
        match part? {
            (1, Content::Bytes(meta)) => {
                for part in parts(meta) {
                    match part? {
                        (1, Content::Bytes(text)) => api_version = text_of(text)?,
                        (2, Content::Bytes(text)) => kind = text_of(text)?,
                        _ => {}
                    }
                }
            }
            (2, Content::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (_, message) = KINDS.iter().find(|(name, _)| *name == kind).ok_or_else(|| {
        format!("a {kind} is not understood as protobuf: send it as JSON or YAML, with -f")
    })?;
    let mut object = read_message(message, raw, 0)?;
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    Ok(object)
}

fn read_message(message: Message, bytes: &[u8], depth: usize) -> Result<Value, String> {
    if depth > DEPTH_LIMIT {
        return Err("the protobuf body is nested too deeply".to_owned());
    }
    let mut fields = Map::new();
    for part in parts(bytes) {
        let (number, content) = part?;
        match message.iter().find(|(known, _, _)| *known == number) {
            Some((_, name, field)) => read_field(&mut fields, name, *field, content, depth)?,
            // Go writes empty structs, zeros and the like.
            None if content.is_empty() => {}
            None => {
                return Err(format!(
                    "field {number} is not understood as protobuf: send JSON or YAML, with -f"
                ));
            }
        }
    }
    Ok(Value::Object(fields))
}

fn read_field(
    fields: &mut Map<String, Value>,
    name: &str,
    field: Field,
    content: Content<'_>,
    depth: usize,
) -> Result<(), String> {
    let value = match (field, content) {
        (Field::Integer, Content::Number(number)) => json!(number.cast_signed()),
        (Field::Flag, Content::Number(number)) => json!(number != 0),
        (_, Content::Bytes(bytes)) => return read_bytes(fields, name, field, bytes, depth),
        (_, Content::Number(_)) => return Err(format!("{name} is not a number")),
    };
    fields.insert(name.to_owned(), value);
    Ok(())
}

fn read_bytes(
    fields: &mut Map<String, Value>,
    name: &str,
    field: Field,
    bytes: &[u8],
    depth: usize,
) -> Result<(), String> {
    let value = match field {
        Field::Text => match text_of(bytes)? {
            text if text.is_empty() => return Ok(()),
            text => json!(text),
        },
        Field::Bytes => base64(bytes),
        Field::Quantity => {
            read_message(&[(1, "text", Field::Text)], bytes, depth + 1)?["text"].take()
        }
        Field::Time => match time_of(bytes)? {
            Some(time) => json!(time),
            None => return Ok(()),
        },
        Field::IntOrText => int_or_text(bytes)?,
        Field::One(message) => read_message(message, bytes, depth + 1)?,
        Field::Many(message) => {
            return push(fields, name, read_message(message, bytes, depth + 1)?);
        }
        Field::Texts => return push(fields, name, json!(text_of(bytes)?)),
        Field::TextMap => return entry(fields, name, bytes, Field::Text, depth),
        Field::BytesMap => return entry(fields, name, bytes, Field::Bytes, depth),
        Field::QuantityMap => return entry(fields, name, bytes, Field::Quantity, depth),
        Field::Integer | Field::Flag => return Err(format!("{name} is a number")),
    };
    fields.insert(name.to_owned(), value);
    Ok(())
}

fn push(fields: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), String> {
    let list = fields.entry(name).or_insert_with(|| json!([]));
    list.as_array_mut().ok_or_else(|| format!("{name} is not a list"))?.push(value);
    Ok(())
}

fn entry(
    fields: &mut Map<String, Value>,
    name: &str,
    bytes: &[u8],
    field: Field,
    depth: usize,
) -> Result<(), String> {
    let (mut key, mut value) = (String::new(), Map::from_iter([("value".to_owned(), json!(""))]));
    for part in parts(bytes) {
        match part? {
            (1, Content::Bytes(text)) => key = text_of(text)?,
            (2, Content::Bytes(bytes)) => read_bytes(&mut value, "value", field, bytes, depth + 1)?,
            _ => {}
        }
    }
    fields.entry(name).or_insert_with(|| json!({}))[key] =
        value.remove("value").unwrap_or_default();
    Ok(())
}

fn base64(bytes: &[u8]) -> Value {
    serde_json::to_value(ByteString(bytes.to_vec())).unwrap_or_default()
}

fn text_of(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
}

fn time_of(bytes: &[u8]) -> Result<Option<String>, String> {
    let mut seconds = None;
    for part in parts(bytes) {
        if let (1, Content::Number(number)) = part? {
            seconds = Some(number.cast_signed());
        }
    }
    let time =
        seconds.map(Timestamp::from_second).transpose().map_err(|error| error.to_string())?;
    Ok(time.map(|time| time.to_string()))
}

fn int_or_text(bytes: &[u8]) -> Result<Value, String> {
    let (mut is_text, mut number, mut text) = (false, 0_i64, String::new());
    for part in parts(bytes) {
        match part? {
            (1, Content::Number(kind)) => is_text = kind == 1,
            (2, Content::Number(value)) => number = value.cast_signed(),
            (3, Content::Bytes(bytes)) => text = text_of(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { json!(text) } else { json!(number) })
}

/// What a field holds on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Content<'_> {
    fn is_empty(self) -> bool {
        match self {
            Self::Number(number) => number == 0,
            // A message with only empty fields counts as none.
            Self::Bytes(bytes) => {
                parts(bytes).all(|part| part.is_ok_and(|(_, content)| content.is_empty()))
            }
        }
    }
}

fn parts(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Content<'_>), String>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let part = take_part(&mut bytes);
        if part.is_none() {
            bytes = &[];
        }
        Some(part.ok_or_else(|| "the protobuf body is cut short".to_owned()))
    })
}

fn take_part<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Content<'a>)> {
    let tag = take_number(bytes)?;
    let content = match tag & 7 {
        0 => Content::Number(take_number(bytes)?),
        2 => {
            let length = usize::try_from(take_number(bytes)?).ok()?;
            let (content, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Content::Bytes(content)
        }
        _ => return None,
    };
    Some((tag >> 3, content))
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).expect("short")];
        bytes.extend_from_slice(content);
        bytes
    }

    fn envelope(kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_is_read_from_protobuf() {
        let metadata = [field(1, b"name"), field(8, &[])].concat();
        let entry = [field(1, b"key"), field(2, b"hello")].concat();
        let raw = [field(1, &metadata), field(2, &entry), field(3, b"Opaque")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "name" },
            "data": { "key": "aGVsbG8=" }, "type": "Opaque",
        });
        assert_eq!(read(&envelope("Secret", &raw)), Ok(expected));
    }

    #[test]
    fn unknown_fields_and_kinds_are_rejected_not_dropped() {
        let refused = read(&envelope("Pod", b"")).expect_err("an unknown kind");
        assert!(refused.contains("send it as JSON or YAML"), "{refused}");
        let raw = field(9, &field(1, b"value"));
        let refused = read(&envelope("ConfigMap", &raw)).expect_err("an unknown field");
        assert!(refused.starts_with("field 9"), "{refused}");
        assert!(read(&envelope("ConfigMap", &field(9, &[]))).is_ok(), "an empty one is fine");
        assert!(read(&envelope("ConfigMap", &[0x0a, 0x7f])).is_err(), "cut short");
        assert!(read(b"{}").is_err());
    }
}
