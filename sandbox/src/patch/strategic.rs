//! Strategic merge patches of built-in kinds.

use serde_json::{Map, Value};

/// The fields that identify the elements of a built-in kind's list; empty for a set.
///
/// `None`: the list is one value. The names are unambiguous over the built-in kinds served here.
pub(crate) fn merge_keys(field: &str) -> Option<&'static [&'static str]> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "volumeClaimTemplates" => &["name"],
        "ports" => &["port", "containerPort"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" => &["ip"],
        "conditions" | "addresses" => &["type"],
        "ownerReferences" => &["uid"],
        "finalizers" => &[],
        _ => return None,
    })
}

/// Merges a strategic patch into an object.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if changes.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = Value::Object(without_directives(changes));
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    if let Some(kept) = changes.get("$retainKeys").and_then(Value::as_array) {
        fields.retain(|name, _| kept.iter().any(|kept| kept == name));
    }
    for (name, change) in changes {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            delete_elements(fields, list, change);
        } else if !name.starts_with('$') {
            merge_field(fields, name, change);
        }
    }
}

fn merge_field(fields: &mut Map<String, Value>, name: &str, change: &Value) {
    match change {
        Value::Null => {
            fields.remove(name);
        }
        Value::Object(object) if object.get("$patch").is_some_and(|patch| patch == "delete") => {
            fields.remove(name);
        }
        Value::Object(_) => {
            merge(fields.entry(name).or_insert(Value::Null), change);
        }
        Value::Array(elements) => match merge_keys(name) {
            None => {
                fields.insert(name.to_owned(), change.clone());
            }
            Some(keys) => {
                let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(list, elements, keys);
            }
        },
        _ => {
            fields.insert(name.to_owned(), change.clone());
        }
    }
}

fn merge_list(list: &mut Value, elements: &[Value], keys: &[&str]) {
    if elements.iter().any(|element| element["$patch"] == "replace") {
        let kept = elements.iter().filter(|element| element["$patch"] != "replace");
        *list = Value::Array(kept.cloned().collect());
        return;
    }
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Some(items) = list.as_array_mut() else {
        return;
    };
    if keys.is_empty() {
        // The patch's elements come first, in the patch's order.
        let kept = items.iter().filter(|item| !elements.contains(item));
        *items = elements.iter().chain(kept).cloned().collect();
        return;
    }
    for element in elements {
        let position = items.iter().position(|item| is_same(item, element, keys));
        match (element.get("$patch").and_then(Value::as_str), position) {
            (Some("delete"), Some(at)) => {
                items.remove(at);
            }
            (Some("delete"), None) => {}
            (_, Some(at)) => {
                if let Some(item) = items.get_mut(at) {
                    merge(item, element);
                }
            }
            (_, None) => items.push(match element.as_object() {
                Some(fields) => Value::Object(without_directives(fields)),
                None => element.clone(),
            }),
        }
    }
}

fn is_same(item: &Value, element: &Value, keys: &[&str]) -> bool {
    match keys.iter().find(|key| element.get(key).is_some()) {
        Some(key) => item.get(key) == element.get(key),
        None => item == element,
    }
}

fn delete_elements(fields: &mut Map<String, Value>, list: &str, removed: &Value) {
    let removed = removed.as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(items) = fields.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| !removed.contains(item));
    }
}

fn without_directives(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .filter(|(name, value)| !name.starts_with('$') && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_merge_by_their_key_and_obey_directives() {
        let mut target = json!({ "spec": {
            "containers": [{ "name": "a", "image": "1" }, { "name": "b", "image": "1" }],
            "args": ["x"],
        }, "metadata": { "finalizers": ["one", "two"] } });
        let patch = json!({ "spec": {
            "$setElementOrder/containers": [{ "name": "a" }, { "name": "c" }],
            "containers": [
                { "name": "a", "image": "2" },
                { "name": "b", "$patch": "delete" },
                { "name": "c", "image": "3" },
            ],
            "args": ["y"],
        }, "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["one"], "finalizers": ["three", "two"],
        } });
        merge(&mut target, &patch);
        assert_eq!(
            target,
            json!({ "spec": {
            "containers": [{ "name": "a", "image": "2" }, { "name": "c", "image": "3" }],
            "args": ["y"],
        }, "metadata": { "finalizers": ["three", "two"] } })
        );
    }

    #[test]
    fn maps_merge_and_can_be_replaced_or_trimmed() {
        let mut target = json!({ "data": { "a": "1", "b": "2" }, "strategy": { "x": 1, "y": 2 } });
        let patch = json!({
            "data": { "a": null, "c": "3" },
            "strategy": { "$retainKeys": ["y"], "y": 3 },
        });
        merge(&mut target, &patch);
        assert_eq!(target, json!({ "data": { "b": "2", "c": "3" }, "strategy": { "y": 3 } }));
        merge(&mut target, &json!({ "data": { "$patch": "replace", "z": "9" } }));
        assert_eq!(target["data"], json!({ "z": "9" }));
    }
}
