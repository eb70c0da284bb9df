//! What the API server itself fills in and checks for some built-in kinds.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::api::failure::{Cause, Failure};

/// The limit on all data of a Secret or a ConfigMap, in bytes.
const DATA_LIMIT_BYTES: usize = 1024 * 1024;

/// Fills in the defaults of a built-in kind, and folds a Secret's `stringData` into its data.
pub(crate) fn apply_defaults(kind: &str, object: &mut Value) -> Result<(), Failure> {
    match kind {
        "Namespace" => {
            let name = object["metadata"]["name"].clone();
            if !name.is_null() {
                object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            }
        }
        "Event" if object["apiVersion"] == "v1" => {
            set_default(object, "source", json!({}));
            set_default(object, "reportingComponent", json!(""));
            set_default(object, "reportingInstance", json!(""));
        }
        "ConfigMap" => drop_empty_data(object),
        "Secret" => {
            set_default(object, "type", json!("Opaque"));
            fold_string_data(object);
            drop_empty_data(object);
        }
        "Service" => {
            set_nested_default(object, "spec", "type", json!("ClusterIP"));
            set_nested_default(object, "spec", "sessionAffinity", json!("None"));
        }
        "Deployment" | "StatefulSet" | "ReplicaSet" => {
            set_nested_default(object, "spec", "replicas", json!(1));
        }
        _ => {}
    }
    Ok(())
}

/// Initial values of a new object of a built-in kind, besides its defaults.
pub(crate) fn prepare_new(kind: &str, object: &mut Value) {
    match kind {
        "Namespace" => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({ "phase": "Active" });
        }
        "Pod" => object["status"] = json!({ "phase": "Pending" }),
        _ => {}
    }
}

/// Checks that apply only to some built-in kinds.
pub(crate) fn validate(kind: &str, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if kind == "Lease"
        && let Some(seconds) = object["spec"]["leaseDurationSeconds"].as_i64()
        && seconds <= 0
    {
        let field = "spec.leaseDurationSeconds";
        causes.push(Cause::invalid(field, &json!(seconds), "must be greater than 0"));
    }
    if !matches!(kind, "Secret" | "ConfigMap") {
        return causes;
    }
    causes.extend(check_size(kind, object));
    for name in ["data", "binaryData"] {
        for key in object[name].as_object().into_iter().flatten().map(|(key, _)| key) {
            if !is_data_key(key) {
                let detail = "a valid config key must consist of alphanumeric characters, '-', \
                    '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for \
                    validation is '[-._a-zA-Z0-9]+')";
                causes.push(Cause::invalid(format!("{name}[{key}]"), &json!(key), detail));
            }
            let mut refuse = |detail: &str| {
                causes.push(Cause::invalid(format!("{name}[{key}]"), &json!(key), detail));
            };
            if key == "." {
                refuse("must not be '.'");
            } else if key == ".." {
                refuse("must not be '..'");
            } else if key.starts_with("..") {
                refuse("must not start with '..'");
            }
            if name == "data" && object["binaryData"].get(key).is_some() {
                refuse("duplicate of key present in binaryData");
            }
        }
    }
    let Some(old) = old else { return causes };
    if kind == "Secret" && object["type"] != old["type"] {
        causes.push(Cause::invalid("type", &object["type"], "field is immutable"));
    }
    if old["immutable"] == true {
        for name in ["immutable", "data", "binaryData"] {
            if object[name] != old[name] {
                let detail = "field is immutable when `immutable` is set";
                causes.push(Cause::forbidden(name, detail));
            }
        }
    }
    causes
}

/// Checks the total size of all data.
fn check_size(kind: &str, object: &Value) -> Option<Cause> {
    let lengths = |name: &str, is_base64: bool| {
        let texts = object[name].as_object().into_iter().flatten();
        let texts = texts.filter_map(|(_, value)| value.as_str());
        let length = |text: &str| match is_base64 {
            true => text.trim_end_matches('=').len() * 3 / 4,
            false => text.len(),
        };
        texts.map(length).sum::<usize>()
    };
    let bytes = lengths("data", kind == "Secret") + lengths("binaryData", true);
    let field = if kind == "Secret" { "data" } else { "" };
    (bytes > DATA_LIMIT_BYTES).then(|| {
        let message = format!("Too long: may not be more than {DATA_LIMIT_BYTES} bytes");
        Cause::new("FieldValueTooLong", field, message)
    })
}

fn is_data_key(key: &str) -> bool {
    let fits =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    !key.is_empty() && key.chars().all(fits)
}

fn set_default(object: &mut Value, field: &str, default: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.entry(field).or_insert(default);
    }
}

fn set_nested_default(object: &mut Value, parent: &str, field: &str, default: Value) {
    if let Some(parent) = object.get_mut(parent) {
        set_default(parent, field, default);
    }
}

fn drop_empty_data(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, value| {
            !matches!(name.as_str(), "data" | "binaryData")
                || value.as_object().is_none_or(|data| !data.is_empty())
        });
    }
}

fn fold_string_data(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(texts)) = fields.remove("stringData") else {
        return;
    };
    let data = fields.entry("data").or_insert_with(|| json!({}));
    for (key, text) in texts {
        let bytes = ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec());
        data[key] = serde_json::to_value(bytes).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_becomes_base64_data() {
        let mut secret = json!({ "data": { "a": "eA==" }, "stringData": { "b": "hello" } });
        apply_defaults("Secret", &mut secret).expect("defaults");
        let expected = json!({ "type": "Opaque", "data": { "a": "eA==", "b": "aGVsbG8=" } });
        assert_eq!(secret, expected);
    }

    #[test]
    fn an_immutable_config_map_stays_unchanged() {
        let old = json!({ "immutable": true, "data": { "a": "1" } });
        let changed = json!({ "immutable": true, "data": { "a": "2" } });
        let causes = validate("ConfigMap", &changed, Some(&old));
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].field, "data");
        assert!(validate("ConfigMap", &old, Some(&old)).is_empty());
    }

    #[test]
    fn keys_of_data_are_checked() {
        let causes = validate("ConfigMap", &json!({ "data": { "a/b": "1", "ok.key": "" } }), None);
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].field, "data[a/b]");
    }
}
