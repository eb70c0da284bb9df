//! Evaluation of `x-kubernetes-validations`.

use kube::core::cel::{CompiledSchema, ValidationError, Validator, compile_schema};
use serde_json::Value;

use crate::api::failure::Cause;

/// The rules of a schema.
#[derive(Debug)]
pub(crate) struct Rules {
    compiled: CompiledSchema,
    /// For each rule, whether it reads only one member of the current object, so that an update
    /// that leaves that member unchanged cannot break it.
    are_of_members: bool,
}

impl Rules {
    /// Compiles the rules of a schema, if it has any: it costs memory for every node.
    pub(crate) fn of(schema: &Value) -> Option<Self> {
        let text = schema.to_string();
        text.contains("\"x-kubernetes-validations\"").then(|| Self {
            compiled: compile_schema(schema),
            are_of_members: schema.get("x-kubernetes-validations").is_none()
                && !text.contains("oldSelf"),
        })
    }

    /// Evaluates the rules; an update is not blamed for what it leaves unchanged.
    pub(crate) fn evaluate(
        &self,
        validator: &Validator,
        object: &Value,
        old: Option<&Value>,
    ) -> Vec<Cause> {
        let changed = old.filter(|_| self.are_of_members).map(|old| changed_members(object, old));
        let judged = changed.as_ref().unwrap_or(object);
        match validator.validate_compiled(&self.compiled, judged, old) {
            Ok(()) => Vec::new(),
            Err(errors) => errors
                .into_iter()
                .filter(|error| !is_grandfathered(error, object, old))
                .map(|error| cause(&error, object))
                .collect(),
        }
    }
}

/// Evaluating a rule is expensive, and most updates only change the status, which has no rules.
fn changed_members(object: &Value, old: &Value) -> Value {
    let members = object.as_object().into_iter().flatten();
    let changed = members.filter(|(name, value)| old.get(name.as_str()) != Some(value));
    Value::Object(changed.map(|(name, value)| (name.clone(), value.clone())).collect())
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
    let field = match error.field_path.as_str() {
        "" => "<nil>",
        path => path,
    };
    let message = &error.message;
    match error.reason.as_deref() {
        Some("FieldValueForbidden") => Cause::forbidden(field, message),
        Some("FieldValueRequired") => Cause::required(field, message),
        Some("FieldValueDuplicate") => {
            Cause::new("FieldValueDuplicate", field, format!("Duplicate value: {message}"))
        }
        _ => match at_path(object, &error.field_path) {
            Some(Value::Object(_) | Value::Array(_)) | None => Cause::broken(field, message),
            Some(value) => Cause::invalid(field, value, message),
        },
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
    use serde_json::json;

    use super::*;

    fn judge(object: Value, old: Option<Value>) -> Vec<String> {
        judge_by(
            &json!([
                { "rule": "self.mode != 'bad'", "message": "mode is bad", "fieldPath": ".mode" },
                { "rule": "self.size >= oldSelf.size", "message": "cannot shrink",
                  "reason": "FieldValueForbidden" },
            ]),
            &object,
            old.as_ref(),
        )
    }

    fn judge_by(rules: &Value, object: &Value, old: Option<&Value>) -> Vec<String> {
        let rules = Rules::of(&json!({ "type": "object", "properties": { "spec": {
            "type": "object",
            "properties": { "mode": { "type": "string" }, "size": { "type": "integer" } },
            "x-kubernetes-validations": rules,
        } } }));
        rules
            .unwrap()
            .evaluate(&Validator::new(), object, old)
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    #[test]
    fn a_violated_rule_is_reported_at_its_field() {
        let found = judge(json!({ "spec": { "mode": "bad", "size": 1 } }), None);
        assert_eq!(found, [r#"spec.mode: Invalid value: "bad": mode is bad"#]);
    }

    #[test]
    fn transition_rules_see_the_old_value() {
        let old = json!({ "spec": { "mode": "ok", "size": 2 } });
        let found = judge(json!({ "spec": { "mode": "ok", "size": 1 } }), Some(old.clone()));
        assert_eq!(found, ["spec: Forbidden: cannot shrink"]);
        assert!(judge(json!({ "spec": { "mode": "ok", "size": 3 } }), Some(old)).is_empty());
    }

    #[test]
    fn an_unchanged_value_passes_an_update() {
        let old = json!({ "spec": { "mode": "bad", "size": 2 } });
        assert!(judge(json!({ "spec": { "mode": "bad", "size": 3 } }), Some(old)).is_empty());
    }

    #[test]
    fn a_rule_without_old_self_checks_only_what_changed() {
        let rules = json!([{ "rule": "self.mode != 'bad'", "message": "mode is bad" }]);
        let with = |mode: &str, status: &str| json!({ "spec": { "mode": mode }, "status": status });
        let told = ["spec: Invalid value: mode is bad"];
        let judge = |object, old: Option<Value>| judge_by(&rules, &object, old.as_ref());
        assert_eq!(judge(with("bad", "new"), None), told);
        assert_eq!(judge(with("bad", "new"), Some(with("ok", "old"))), told);
        assert!(judge(with("bad", "new"), Some(with("bad", "old"))).is_empty());
        assert!(judge(with("ok", "new"), Some(with("bad", "old"))).is_empty());
    }
}
