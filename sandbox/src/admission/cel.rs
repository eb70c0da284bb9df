//! Evaluation of `x-kubernetes-validations`.

use kube::core::cel::{CompiledSchema, ValidationError, Validator};
use serde_json::Value;

use super::validate::type_name;
use crate::api::failure::Cause;

/// Evaluates every rule; what an update leaves alone is not held against it.
pub(crate) fn evaluate(
    validator: &Validator,
    rules: &CompiledSchema,
    object: &Value,
    old: Option<&Value>,
) -> Vec<Cause> {
    match validator.validate_compiled(rules, object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_iter()
            .filter(|error| !is_grandfathered(error, object, old))
            .map(|error| cause(&error, object))
            .collect(),
    }
}

/// A value that broke a rule before and has not changed may stay; transitions are always judged.
fn is_grandfathered(error: &ValidationError, object: &Value, old: Option<&Value>) -> bool {
    let Some(old) = old else { return false };
    let found = at_path(old, &error.field_path);
    !error.rule.contains("oldSelf")
        && found.is_some()
        && found == at_path(object, &error.field_path)
}

fn cause(error: &ValidationError, object: &Value) -> Cause {
    let shown = at_path(object, &error.field_path).map_or("object", type_name);
    let field = match error.field_path.as_str() {
        "" => "<nil>",
        path => path,
    };
    let message = &error.message;
    match error.reason.as_deref() {
        Some("FieldValueForbidden") => Cause::forbidden(field, message),
        Some("FieldValueRequired") => Cause::required(field, message),
        Some("FieldValueDuplicate") => Cause::new(
            "FieldValueDuplicate",
            field,
            format!("Duplicate value: \"{shown}\": {message}"),
        ),
        _ => Cause::invalid(field, &Value::String(shown.to_owned()), message),
    }
}

/// The value at a path such as `spec.list[0].name`.
fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    path.split('.').try_fold(value, |value, step| {
        let (name, indices) = match step.find('[') {
            Some(at) => step.split_at(at),
            None => (step, ""),
        };
        let value = if name.is_empty() { value } else { value.get(name)? };
        indices
            .split(['[', ']'])
            .filter(|index| !index.is_empty())
            .try_fold(value, |value, index| value.get(index.parse::<usize>().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use kube::core::cel::compile_schema;
    use serde_json::json;

    use super::*;

    fn judge(object: Value, old: Option<Value>) -> Vec<String> {
        let rules = compile_schema(&json!({ "type": "object", "properties": { "spec": {
            "type": "object",
            "properties": { "mode": { "type": "string" }, "size": { "type": "integer" } },
            "x-kubernetes-validations": [
                { "rule": "self.mode != 'bad'", "message": "mode is bad", "fieldPath": ".mode" },
                { "rule": "self.size >= oldSelf.size", "message": "cannot shrink",
                  "reason": "FieldValueForbidden" },
            ],
        } } }));
        evaluate(&Validator::new(), &rules, &object, old.as_ref())
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    #[test]
    fn a_broken_rule_is_reported_at_its_field() {
        let found = judge(json!({ "spec": { "mode": "bad", "size": 1 } }), None);
        assert_eq!(found, [r#"spec.mode: Invalid value: "string": mode is bad"#]);
    }

    #[test]
    fn transition_rules_see_the_old_value() {
        let old = json!({ "spec": { "mode": "ok", "size": 2 } });
        let found = judge(json!({ "spec": { "mode": "ok", "size": 1 } }), Some(old.clone()));
        assert_eq!(found, ["spec: Forbidden: cannot shrink"]);
        assert!(judge(json!({ "spec": { "mode": "ok", "size": 3 } }), Some(old)).is_empty());
    }

    #[test]
    fn an_unchanged_value_is_let_through_on_update() {
        let old = json!({ "spec": { "mode": "bad", "size": 2 } });
        assert!(judge(json!({ "spec": { "mode": "bad", "size": 3 } }), Some(old)).is_empty());
    }
}
