//! Server-side apply: merging an applied configuration and tracking field owners.
//!
//! Sets of fields have the form of `managedFields`: a tree whose edges are `f:<field>`, `k:<keys of
//! a list's element>` and `v:<element of a set>`. Only managers that apply are recorded; a plain
//! write takes the fields that it changes away from them.

use serde_json::{Map, Value, json};

use super::merge_keys;
use crate::admission::schema::{ListKind, Schema};
use crate::api::failure::Failure;

type Tree = Map<String, Value>;

/// Fields that identify an object rather than configure it, and so have no owner.
const UNOWNED: [&str; 2] = ["apiVersion", "kind"];
const UNOWNED_METADATA: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

/// Who applies, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applier<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) time: &'a str,
    pub(crate) force: bool,
}

/// The live object with the configuration merged in and its `managedFields` updated.
pub(crate) fn apply(
    schema: Option<&Schema>,
    live: &Value,
    applied: &Value,
    applier: Applier<'_>,
) -> Result<Value, Failure> {
    // Built-in kinds use the table of merge keys; a schema with list types is enough on its own.
    let shape = Shape { schema, built_in: schema.is_none(), field: "" };
    let mut configuration = applied.clone();
    strip_unowned(&mut configuration);
    let mut entries = managed_fields(live);
    let own_at = entries.iter().position(|entry| is_entry_of(entry, applier));
    let previous = match own_at {
        Some(at) => fields_of_entry(&entries.remove(at)),
        None => Tree::new(),
    };
    let owned = set_of(shape, &configuration);
    take_over(&mut entries, &owned, live, &configuration, applier.force)?;

    let mut merged = live.clone();
    let others: Vec<Tree> = entries.iter().map(fields_of_entry).collect();
    let others: Vec<&Tree> = others.iter().collect();
    remove_dropped(&mut merged, &previous, Some(&owned), &others);
    merge(shape, &mut merged, &configuration);

    let mut entry = json!({
        "manager": applier.manager,
        "operation": "Apply",
        "apiVersion": applier.api_version,
        "time": applier.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
    });
    if !applier.subresource.is_empty() {
        entry["subresource"] = json!(applier.subresource);
    }
    // In its old position, or an apply that changes nothing would itself be a change.
    entries.insert(own_at.unwrap_or(entries.len()), entry);
    entries.retain(|entry| !fields_of_entry(entry).is_empty());
    keep_times(&mut entries, live);
    merged["metadata"]["managedFields"] = Value::Array(entries);
    Ok(merged)
}

/// The managers after a plain write: they lose the fields that it changed.
pub(crate) fn after_write(old: &Value, new: &Value) -> Option<Value> {
    let mut entries = managed_fields(old);
    if entries.is_empty() {
        return None;
    }
    for entry in &mut entries {
        let mut set = fields_of_entry(entry);
        retain_unchanged(&mut set, old, new);
        entry["fieldsV1"] = Value::Object(set);
    }
    entries.retain(|entry| !fields_of_entry(entry).is_empty());
    (!entries.is_empty()).then_some(Value::Array(entries))
}

/// An apply that changes nothing keeps the time of the entry, or it would itself be a change.
fn keep_times(entries: &mut [Value], live: &Value) {
    for before in managed_fields(live) {
        for entry in entries.iter_mut() {
            let mut dated = entry.clone();
            dated["time"] = before["time"].clone();
            if dated == before {
                *entry = dated;
            }
        }
    }
}

fn managed_fields(object: &Value) -> Vec<Value> {
    object.pointer("/metadata/managedFields").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn is_entry_of(entry: &Value, applier: Applier<'_>) -> bool {
    entry["manager"] == applier.manager
        && entry["operation"] == "Apply"
        && entry["subresource"].as_str().unwrap_or_default() == applier.subresource
}

fn fields_of_entry(entry: &Value) -> Tree {
    entry.get("fieldsV1").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn strip_unowned(configuration: &mut Value) {
    let Some(fields) = configuration.as_object_mut() else {
        return;
    };
    fields.retain(|name, _| !UNOWNED.contains(&name.as_str()));
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !UNOWNED_METADATA.contains(&name.as_str()));
        if metadata.is_empty() {
            fields.remove("metadata");
        }
    }
}

/// The position of a value in an object, for merging.
#[derive(Clone, Copy)]
struct Shape<'a> {
    schema: Option<&'a Schema>,
    /// Lists follow the table of built-in kinds rather than the schema.
    built_in: bool,
    field: &'a str,
}

impl<'a> Shape<'a> {
    fn field(self, name: &'a str) -> Self {
        let is_metadata = self.field.is_empty() && name == "metadata";
        Self {
            schema: self.schema.and_then(|schema| schema.field(name)),
            built_in: self.built_in || is_metadata,
            field: name,
        }
    }

    fn element(self) -> Self {
        Self { schema: self.schema.and_then(|schema| schema.items.as_deref()), ..self }
    }

    fn list(self, elements: &[Value]) -> ListKind {
        if !self.built_in {
            return self.schema.map_or(ListKind::Atomic, |schema| schema.list.clone());
        }
        match merge_keys(self.field) {
            None => ListKind::Atomic,
            Some([]) => ListKind::Set,
            Some(keys) => {
                let present =
                    |key: &&&str| elements.iter().all(|element| element.get(key).is_some());
                match keys.iter().find(present) {
                    Some(key) => ListKind::Map(vec![(*key).to_owned()]),
                    None => ListKind::Atomic,
                }
            }
        }
    }

    fn is_atomic_map(self) -> bool {
        self.schema.is_some_and(|schema| schema.atomic_map)
    }
}

fn element_key(element: &Value, keys: &[String]) -> String {
    let key: Map<String, Value> =
        keys.iter().map(|key| (key.clone(), element[key.as_str()].clone())).collect();
    format!("k:{}", Value::Object(key))
}

fn set_of(shape: Shape<'_>, value: &Value) -> Tree {
    match value {
        Value::Object(fields) if !shape.is_atomic_map() => fields
            .iter()
            .map(|(name, value)| {
                (format!("f:{name}"), Value::Object(set_of(shape.field(name), value)))
            })
            .collect(),
        Value::Array(elements) => match shape.list(elements) {
            ListKind::Atomic => Tree::new(),
            ListKind::Set => {
                elements.iter().map(|element| (format!("v:{element}"), json!({}))).collect()
            }
            ListKind::Map(keys) => elements
                .iter()
                .map(|element| {
                    let mut set = set_of(shape.element(), element);
                    set.insert(".".into(), json!({}));
                    (element_key(element, &keys), Value::Object(set))
                })
                .collect(),
        },
        _ => Tree::new(),
    }
}

fn merge(shape: Shape<'_>, live: &mut Value, applied: &Value) {
    match applied {
        Value::Object(fields) if !shape.is_atomic_map() => {
            if !live.is_object() {
                *live = json!({});
            }
            for (name, value) in fields {
                merge(shape.field(name), &mut live[name.as_str()], value);
            }
        }
        Value::Array(elements) => {
            let kind = shape.list(elements);
            match (kind, live.as_array_mut()) {
                (ListKind::Set, Some(items)) => {
                    for element in elements {
                        if !items.contains(element) {
                            items.push(element.clone());
                        }
                    }
                }
                (ListKind::Map(keys), Some(items)) => {
                    for element in elements {
                        let wanted = element_key(element, &keys);
                        let found =
                            items.iter_mut().find(|item| element_key(item, &keys) == wanted);
                        match found {
                            Some(item) => merge(shape.element(), item, element),
                            None => items.push(element.clone()),
                        }
                    }
                }
                _ => *live = applied.clone(),
            }
        }
        _ => *live = applied.clone(),
    }
}

/// Removes what the manager applied before, no longer applies, and no other manager owns.
fn remove_dropped(live: &mut Value, previous: &Tree, current: Option<&Tree>, others: &[&Tree]) {
    for (step, below) in previous {
        let current_below = current.and_then(|tree| tree.get(step)).and_then(Value::as_object);
        let others_below: Vec<&Tree> =
            others.iter().filter_map(|tree| tree.get(step)?.as_object()).collect();
        let is_owned = current_below.is_some() || !others_below.is_empty();
        let empty = Tree::new();
        let below = below.as_object().unwrap_or(&empty);
        if let Some(name) = step.strip_prefix("f:") {
            let Some(fields) = live.as_object_mut() else {
                continue;
            };
            let Some(value) = fields.get_mut(name) else {
                continue;
            };
            if below.is_empty() {
                if !is_owned {
                    fields.remove(name);
                }
                continue;
            }
            remove_dropped(value, below, current_below, &others_below);
            if !is_owned && is_empty(value) {
                fields.remove(name);
            }
        } else if let Some(items) = live.as_array_mut() {
            if !is_owned {
                items.retain(|item| !is_element(item, step));
            } else if let Some(item) = items.iter_mut().find(|item| is_element(item, step)) {
                remove_dropped(item, below, current_below, &others_below);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn is_element(item: &Value, step: &str) -> bool {
    let parse = |prefix| {
        step.strip_prefix(prefix).and_then(|text| serde_json::from_str::<Value>(text).ok())
    };
    if let Some(value) = parse("v:") {
        return *item == value;
    }
    match parse("k:") {
        Some(Value::Object(keys)) => keys.iter().all(|(name, value)| item.get(name) == Some(value)),
        _ => false,
    }
}

/// Finds what other managers own with another value: a conflict, or with force no longer theirs.
fn take_over(
    entries: &mut [Value],
    owned: &Tree,
    live: &Value,
    configuration: &Value,
    force: bool,
) -> Result<(), Failure> {
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut() {
        let manager = entry["manager"].as_str().unwrap_or_default().to_owned();
        let mut set = fields_of_entry(entry);
        let mut disputed = Vec::new();
        dispute(&mut set, owned, live, configuration, "", &mut disputed);
        if force {
            entry["fieldsV1"] = Value::Object(set);
        } else {
            conflicts.extend(disputed.into_iter().map(|path| (manager.clone(), path)));
        }
    }
    if conflicts.is_empty() { Ok(()) } else { Err(Failure::apply_conflict(&conflicts)) }
}

fn dispute(
    theirs: &mut Tree,
    owned: &Tree,
    live: &Value,
    configuration: &Value,
    path: &str,
    disputed: &mut Vec<String>,
) {
    theirs.retain(|step, below| {
        let (Some(own_below), Some(below)) =
            (owned.get(step).and_then(Value::as_object), below.as_object_mut())
        else {
            return true;
        };
        let (Some(live), Some(wanted)) = (child(live, step), child(configuration, step)) else {
            return true;
        };
        let path = format!("{path}{}", shown_step(step));
        if !below.is_empty() && !own_below.is_empty() {
            dispute(below, own_below, live, wanted, &path, disputed);
            return !below.is_empty();
        }
        // An empty map or struct takes nothing from another manager's content in it.
        let is_shared =
            live.is_object() && wanted.is_object() && (is_empty(live) || is_empty(wanted));
        let keeps = is_shared || live == wanted;
        if !keeps {
            disputed.push(path);
        }
        keeps
    });
}

fn retain_unchanged(set: &mut Tree, old: &Value, new: &Value) {
    set.retain(|step, below| {
        if step == "." {
            return true;
        }
        let (before, after) = (child(old, step), child(new, step));
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            // An omitted empty value is absent before and after.
            (before, after) => return before == after,
        };
        match below.as_object_mut() {
            Some(tree) if !tree.is_empty() => {
                retain_unchanged(tree, before, after);
                !tree.is_empty()
            }
            _ => before == after,
        }
    });
}

fn child<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match step.strip_prefix("f:") {
        Some(name) => value.get(name),
        None => value.as_array()?.iter().find(|item| is_element(item, step)),
    }
}

fn shown_step(step: &str) -> String {
    match step.strip_prefix("f:") {
        Some(name) => format!(".{name}"),
        None => {
            let (kind, text) = step.split_at(2);
            if kind == "k:" {
                format!("[{}]", text.trim_matches(['{', '}']))
            } else {
                format!("[={text}]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applier(manager: &str, force: bool) -> Applier<'_> {
        Applier { manager, api_version: "v1", subresource: "", time: "t", force }
    }

    fn schema() -> Schema {
        let raw = json!({ "type": "object", "properties": { "spec": { "type": "object",
            "properties": {
                "a": { "type": "string" }, "b": { "type": "string" },
                "list": { "type": "array", "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"], "items": { "type": "object",
                    "properties": { "name": { "type": "string" }, "v": { "type": "integer" } } } },
                "atomic": { "type": "array", "items": { "type": "string" } },
            } } } });
        Schema::compile(&raw, &Value::Null)
    }

    #[test]
    fn fields_that_a_manager_drops_are_removed_unless_another_owns_them() {
        let schema = schema();
        let one = json!({ "spec": { "a": "1", "b": "1", "list": [{ "name": "x", "v": 1 }] } });
        let live = apply(Some(&schema), &json!({ "metadata": {} }), &one, applier("one", false))
            .expect("applied");
        let two = json!({ "spec": { "b": "1", "list": [{ "name": "y", "v": 2 }] } });
        let live = apply(Some(&schema), &live, &two, applier("two", false)).expect("applied");
        assert_eq!(live["spec"]["list"].as_array().map(Vec::len), Some(2));
        let live = apply(Some(&schema), &live, &json!({ "spec": {} }), applier("one", false))
            .expect("applied");
        assert_eq!(live["spec"], json!({ "b": "1", "list": [{ "name": "y", "v": 2 }] }));
        let live = apply(Some(&schema), &live, &json!({}), applier("two", false)).expect("applied");
        assert_eq!(live["spec"], json!({}), "an empty spec stays, as manager one owns it");
    }

    #[test]
    fn a_conflict_is_an_error_unless_forced() {
        let schema = schema();
        let apply_as = |live: &Value, manager, value: &str, force| {
            let configuration = json!({ "spec": { "a": value } });
            apply(Some(&schema), live, &configuration, applier(manager, force))
        };
        let live = apply_as(&json!({ "metadata": {} }), "one", "1", false).expect("applied");
        let refused = apply_as(&live, "two", "2", false).expect_err("a conflict");
        assert_eq!(
            refused.message(),
            "Apply failed with 1 conflict: conflict with \"one\": .spec.a"
        );
        let live = apply_as(&live, "two", "1", false).expect("the same value is shared");
        assert_eq!(live["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
        let live = apply_as(&live, "two", "2", true).expect("forced");
        let managers = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        assert_eq!(managers.len(), 1);
        assert_eq!(managers[0]["manager"], "two");
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        let schema = schema();
        let configuration = json!({ "spec": { "a": "1", "atomic": ["p", "q"] } });
        let live = json!({ "metadata": {} });
        let first = apply(Some(&schema), &live, &configuration, applier("one", false));
        let first = first.expect("applied");
        let later = Applier { time: "later", ..applier("one", false) };
        assert_eq!(apply(Some(&schema), &first, &configuration, later).expect("applied"), first);
    }

    #[test]
    fn a_plain_write_takes_what_it_changes() {
        let schema = schema();
        let configuration = json!({ "spec": { "a": "1", "b": "1" } });
        let live =
            apply(Some(&schema), &json!({ "metadata": {} }), &configuration, applier("one", false))
                .expect("applied");
        let mut written = live.clone();
        written["spec"]["a"] = json!("2");
        let left = after_write(&live, &written).expect("managers are left");
        assert_eq!(left[0]["fieldsV1"], json!({ "f:spec": { "f:b": {} } }));
    }
}
