//! Checks that apply to every object: names, labels and the form of its metadata.

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::owners;
use crate::api::failure::{Cause, Failure};
use crate::registry::{NameRule, Resource};

const SUBDOMAIN_LENGTH_LIMIT: usize = 253;
const LABEL_LENGTH_LIMIT: usize = 63;
/// The limit on all annotations of an object in bytes, as in the API server.
const ANNOTATIONS_LIMIT_BYTES: usize = 256 * 1024;
/// Characters that `generateName` keeps, so that the suffix still fits into a label.
const GENERATED_PREFIX_LIMIT: usize = 58;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
    or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
    '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SERVICE_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters \
    or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
    'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_KEY: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an \
    optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The finalizers that need no domain prefix.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// The fields of an object's metadata; others are unknown.
const FIELDS: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// The object's metadata, mutable; created if absent.
pub(crate) fn of(object: &mut Value) -> Result<&mut Map<String, Value>, Failure> {
    let fields = object
        .as_object_mut()
        .ok_or_else(|| Failure::bad_request("the body must be a JSON object"))?;
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut().ok_or_else(|| Failure::bad_request("metadata must be a JSON object"))
}

/// A text field of the object's metadata.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get("metadata")?.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// The finalizers of an object.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether the object is being deleted.
pub(crate) fn is_deleting(object: &Value) -> bool {
    text(object, "deletionTimestamp").is_some()
}

/// Drops nulls and unknown fields of the metadata and checks its types; returns the paths of the
/// unknown fields.
pub(crate) fn normalise(resource: &Resource, object: &mut Value) -> Result<Vec<String>, Failure> {
    let metadata = of(object)?;
    metadata.retain(|_, value| !value.is_null());
    // Null is an empty text, as Go reads it.
    for name in ["labels", "annotations"] {
        for value in metadata.get_mut(name).and_then(Value::as_object_mut).into_iter().flatten() {
            if value.1.is_null() {
                *value.1 = Value::from("");
            }
        }
    }
    let mut unknown = Vec::new();
    metadata.retain(|name, _| {
        let known = FIELDS.contains(&name.as_str());
        if !known {
            unknown.push(format!("metadata.{name}"));
        }
        known
    });
    // Empty collections count as absent.
    for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let is_empty = metadata.get(name).is_some_and(|value| match value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        });
        if is_empty {
            metadata.remove(name);
        }
    }
    if let Some(metadata) = object.get("metadata") {
        ObjectMeta::deserialize(metadata).map_err(|error| {
            Failure::bad_request(format!(
                "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal metadata: \
                 {error}",
                resource.kind, resource.version, resource.kind
            ))
        })?;
    }
    Ok(unknown)
}

/// Checks name, labels, annotations and finalizers.
pub(crate) fn validate(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(object, "name").unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        causes.extend(check_name(resource.name_rule, name));
    }
    // An invalid name, or one from an invalid prefix, is reported for both fields.
    if let Some(prefix) = text(object, "generateName").filter(|_| resource.is_custom()) {
        let fault = check_name(resource.name_rule, prefix.trim_end_matches('-'));
        causes.extend(fault.map(|fault| Cause { field: "metadata.generateName".into(), ..fault }));
    }
    let map = |field: &str| object["metadata"][field].as_object();
    for (key, value) in map("labels").into_iter().flatten() {
        causes.extend(check_qualified_name("metadata.labels", key, key));
        let faults = faults_of_label_value(value.as_str().unwrap_or_default());
        causes.extend(faults.iter().map(|fault| Cause::invalid("metadata.labels", value, fault)));
    }
    let mut annotation_bytes = 0;
    for (key, value) in map("annotations").into_iter().flatten() {
        annotation_bytes += key.len() + value.as_str().map_or(0, str::len);
        causes.extend(check_qualified_name("metadata.annotations", &key.to_lowercase(), key));
    }
    if annotation_bytes > ANNOTATIONS_LIMIT_BYTES {
        let detail = format!("Too long: may not be more than {ANNOTATIONS_LIMIT_BYTES} bytes");
        causes.push(Cause::new("FieldValueTooLong", "metadata.annotations", detail));
    }
    causes.extend(check_finalizers(resource, object));
    causes.extend(owners::validate(object));
    causes
}

fn check_finalizers(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let finalizers = finalizers(object);
    for (at, finalizer) in finalizers.iter().enumerate() {
        causes.extend(check_qualified_name("metadata.finalizers", finalizer, finalizer));
        if !resource.is_custom() && !is_proper_finalizer(finalizer) {
            let field = format!("metadata.finalizers[{at}]");
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(field, &Value::from(*finalizer), detail));
        }
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        let shown = &object["metadata"]["finalizers"];
        causes.push(Cause::invalid("metadata.finalizers", shown, detail));
    }
    causes
}

fn is_proper_finalizer(finalizer: &str) -> bool {
    finalizer.contains('/') || STANDARD_FINALIZERS.contains(&finalizer)
}

/// Warnings about a custom object's finalizers; a built-in kind rejects these.
pub(crate) fn finalizer_warnings(object: &Value) -> Vec<String> {
    let improper = finalizers(object).into_iter().filter(|each| !is_proper_finalizer(each));
    let warning = |finalizer: &str| {
        format!(
            "metadata.finalizers: \"{finalizer}\": prefer a domain-qualified finalizer name to \
             avoid accidental conflicts with other finalizer writers"
        )
    };
    improper.map(warning).collect()
}

fn check_name(rule: NameRule, name: &str) -> Option<Cause> {
    let (fits, limit, detail) = match rule {
        NameRule::Subdomain => (is_subdomain(name), SUBDOMAIN_LENGTH_LIMIT, SUBDOMAIN),
        NameRule::Label => (is_label(name), LABEL_LENGTH_LIMIT, LABEL),
        NameRule::ServiceLabel => (
            is_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase()),
            LABEL_LENGTH_LIMIT,
            SERVICE_LABEL,
        ),
        NameRule::PathSegment => (
            !name.contains(['/', '%']) && name != "." && name != "..",
            SUBDOMAIN_LENGTH_LIMIT,
            "may not be '.', '..' or contain '/' or '%'",
        ),
    };
    let shown = Value::from(name);
    if name.len() > limit {
        let detail = format!("must be no more than {limit} characters");
        return Some(Cause::invalid("metadata.name", &shown, &detail));
    }
    if rule == NameRule::Label && name.contains('.') {
        return Some(Cause::invalid("metadata.name", &shown, "must not contain dots"));
    }
    (!fits).then(|| Cause::invalid("metadata.name", &shown, detail))
}

/// A name from a prefix and random characters from Kubernetes' alphabet.
pub(crate) fn generate_name(prefix: &str, random: u128) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut name: String = prefix.chars().take(GENERATED_PREFIX_LIMIT).collect();
    let mut rest = random;
    for _ in 0..5 {
        let base = ALPHABET.len() as u128;
        let at = usize::try_from(rest % base).unwrap_or_default();
        name.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'x')));
        rest /= base;
    }
    name
}

fn is_alphanumeric_lower(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|character| is_alphanumeric_lower(character) || character == '-')
        && text.starts_with(is_alphanumeric_lower)
        && text.ends_with(is_alphanumeric_lower)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_name_part(text: &str) -> bool {
    let fits =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    text.chars().all(fits)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
}

/// The errors of a label value.
pub(crate) fn faults_of_label_value(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > LABEL_LENGTH_LIMIT {
        faults.push(format!("must be no more than {LABEL_LENGTH_LIMIT} bytes"));
    }
    if !text.is_empty() && !is_name_part(text) {
        faults.push(LABEL_VALUE.to_owned());
    }
    faults
}

/// What is wrong with a name such as `example.com/name`, as in labels, annotations and finalizers.
pub(crate) fn faults_of_qualified_name(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let name = match text.split('/').collect::<Vec<&str>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else if !is_subdomain(prefix) {
                faults.push(format!("prefix part {SUBDOMAIN}"));
            }
            *name
        }
        _ => return vec![LABEL_KEY.to_owned()],
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_LENGTH_LIMIT {
        faults.push(format!("name part must be no more than {LABEL_LENGTH_LIMIT} bytes"));
    }
    if !is_name_part(name) {
        faults.push(QUALIFIED_NAME.to_owned());
    }
    faults
}

fn check_qualified_name(field: &str, name: &str, shown: &str) -> Vec<Cause> {
    let shown = Value::from(shown);
    let faults = faults_of_qualified_name(name);
    faults.iter().map(|fault| Cause::invalid(field, &shown, fault)).collect()
}

/// Whether the text is base64, as the data of Secrets must be.
pub(crate) fn is_base64(text: &str) -> bool {
    ByteString::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_their_kind() {
        let cases = [
            (NameRule::Subdomain, "a.b-c.1", true),
            (NameRule::Subdomain, "A", false),
            (NameRule::Subdomain, "a..b", false),
            (NameRule::Subdomain, "-a", false),
            (NameRule::Label, "a-1", true),
            (NameRule::Label, "a.b", false),
            (NameRule::ServiceLabel, "a1", true),
            (NameRule::ServiceLabel, "1a", false),
            (NameRule::PathSegment, "system:Node", true),
            (NameRule::PathSegment, "a/b", false),
        ];
        for (rule, name, fits) in cases {
            assert_eq!(check_name(rule, name).is_none(), fits, "{rule:?} {name}");
        }
        let long = "a".repeat(64);
        let refused = check_name(NameRule::Label, &long).expect("refused");
        assert!(refused.message.ends_with("must be no more than 63 characters"));
    }

    #[test]
    fn label_and_finalizer_names_may_be_qualified() {
        for name in ["a", "A_b.c", "x.io/y", "resources-finalizer.argocd.argoproj.io/background"] {
            assert!(faults_of_qualified_name(name).is_empty(), "{name}");
        }
        for name in ["", "-a", "x_y/z", "a/", "a b", "a/b/c"] {
            assert!(!faults_of_qualified_name(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn generated_names_keep_the_prefix_and_fit_a_label() {
        let name = generate_name(&"p".repeat(80), 123_456_789_012);
        assert_eq!(name.len(), 63);
        assert!(generate_name("job-", 7).starts_with("job-"));
        assert_ne!(generate_name("a", 1), generate_name("a", 2));
    }
}
