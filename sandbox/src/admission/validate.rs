//! Validation by structural schema, with the API server's messages.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::metadata;
use super::prune::join;
use super::schema::{Additional, Checks, Junctions, Kind, Schema};
use crate::api::failure::Cause;

type Findings = Vec<Cause>;

/// What is wrong with a value; an update is not blamed for parts that equal the old value.
pub(crate) fn validate(schema: &Schema, value: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut findings = Findings::new();
    check(schema, value, old, "", &mut findings);
    findings
}

fn check(schema: &Schema, value: &Value, old: Option<&Value>, path: &str, findings: &mut Findings) {
    if old == Some(value) || (value.is_null() && schema.nullable) {
        return;
    }
    if !is_of_kind(schema, value) {
        let wanted = if schema.int_or_string { "integer,string" } else { kind_name(schema.kind) };
        let found = type_name(value);
        let detail = format!("{path} in body must be of type {wanted}: \"{found}\"");
        findings.push(Cause::new(
            "FieldValueTypeInvalid",
            path,
            format!("Invalid value: \"{found}\": {detail}"),
        ));
        return;
    }
    if let Some(checks) = &schema.checks {
        check_value(checks, value, path, findings);
    }
    match value {
        Value::Object(_) => check_fields(schema, value, old, path, findings),
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (at, item) in items.iter().enumerate() {
                    let old = old.and_then(|old| old.get(at));
                    check(schema, item, old, &format!("{path}[{at}]"), findings);
                }
            }
        }
        _ => {}
    }
    if let Some(junctions) = &schema.junctions {
        check_junctions(junctions, value, old, path, findings);
    }
}

fn check_fields(
    schema: &Schema,
    value: &Value,
    old: Option<&Value>,
    path: &str,
    findings: &mut Findings,
) {
    let Some(fields) = value.as_object() else {
        return;
    };
    for name in &schema.required {
        if !fields.contains_key(name) {
            findings.push(Cause::required(join(path, name), ""));
        }
    }
    for (name, value) in fields {
        let is_metadata = path.is_empty() && name == "metadata";
        let property = schema.properties.get(name).or(match &schema.additional {
            Additional::Schema(schema) => Some(schema),
            Additional::Unknown | Additional::Anything => None,
        });
        if let Some(property) = property
            && !is_metadata
        {
            check(property, value, old.and_then(|old| old.get(name)), &join(path, name), findings);
        }
    }
}

fn check_junctions(
    junctions: &Junctions,
    value: &Value,
    old: Option<&Value>,
    path: &str,
    findings: &mut Findings,
) {
    for branch in &junctions.all_of {
        check(branch, value, old, path, findings);
    }
    let passes = |branch: &Schema| {
        let mut own = Findings::new();
        check(branch, value, None, path, &mut own);
        own.is_empty()
    };
    let shown = Value::String(type_name(value).to_owned());
    let mut refuse = |detail: &str| {
        findings.push(Cause::invalid(path, &shown, &format!("\"{path}\" {detail}")));
    };
    if !junctions.any_of.is_empty() && !junctions.any_of.iter().any(passes) {
        refuse("must validate at least one schema (anyOf)");
    }
    if !junctions.one_of.is_empty() {
        match junctions.one_of.iter().filter(|branch| passes(branch)).count() {
            1 => {}
            0 => refuse("must validate one and only one schema (oneOf). Found none valid"),
            found => refuse(&format!(
                "must validate one and only one schema (oneOf). Found {found} valid alternatives"
            )),
        }
    }
    if junctions.not.as_ref().is_some_and(passes) {
        refuse("must not validate the schema (not)");
    }
}

fn check_value(checks: &Checks, value: &Value, path: &str, findings: &mut Findings) {
    if !checks.allowed.is_empty() && !checks.allowed.contains(value) {
        let shown: Vec<String> = checks.allowed.iter().map(Value::to_string).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", shown.join(", "));
        findings.push(Cause::new("FieldValueNotSupported", path, message));
    }
    match value {
        Value::String(text) => check_text(checks, text, value, path, findings),
        Value::Number(number) => {
            check_number(checks, number.as_f64().unwrap_or_default(), value, path, findings);
        }
        Value::Array(items) => check_items(checks, items, value, path, findings),
        Value::Object(fields) => {
            let count = fields.len() as u64;
            if checks.max_properties.is_some_and(|most| count > most) {
                let most = checks.max_properties.unwrap_or_default();
                findings.push(Cause::new(
                    "FieldValueTooMany",
                    path,
                    format!("Too many: {count}: must have at most {most} items"),
                ));
            }
            if let Some(least) = checks.min_properties.filter(|&least| count < least) {
                let detail = format!("{path} in body should have at least {least} properties");
                findings.push(Cause::invalid(path, &Value::from(count), &detail));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_text(checks: &Checks, text: &str, value: &Value, path: &str, findings: &mut Findings) {
    let length = text.chars().count() as u64;
    if let Some(most) = checks.max_length.filter(|&most| length > most) {
        findings.push(Cause::new(
            "FieldValueTooLong",
            path,
            format!("Too long: may not be more than {most} bytes"),
        ));
    }
    if let Some(least) = checks.min_length.filter(|&least| length < least) {
        let detail = format!("{path} in body should be at least {least} chars long");
        findings.push(Cause::invalid(path, value, &detail));
    }
    if let Some(pattern) = &checks.pattern
        && pattern.regex.as_ref().is_some_and(|regex| !regex.is_match(text))
    {
        let detail = format!("{path} in body should match '{}'", pattern.source);
        findings.push(Cause::invalid(path, value, &detail));
    }
    if let Some(format) = &checks.format
        && !has_format(format, text)
    {
        let detail = format!("{path} in body must be of type {format}: {value}");
        let cause = Cause::invalid(path, value, &detail);
        findings.push(Cause { reason: "FieldValueTypeInvalid", ..cause });
    }
}

fn check_number(checks: &Checks, number: f64, value: &Value, path: &str, findings: &mut Findings) {
    let mut refuse = |detail: String| {
        findings.push(Cause::invalid(path, value, &format!("{path} in body should be {detail}")));
    };
    if let Some(most) = checks.maximum {
        if checks.exclusive_maximum && number >= most {
            refuse(format!("less than {most}"));
        } else if number > most {
            refuse(format!("less than or equal to {most}"));
        }
    }
    if let Some(least) = checks.minimum {
        if checks.exclusive_minimum && number <= least {
            refuse(format!("greater than {least}"));
        } else if number < least {
            refuse(format!("greater than or equal to {least}"));
        }
    }
    if let Some(factor) = checks.multiple_of
        && factor != 0.0
        && (number / factor).fract() != 0.0
    {
        refuse(format!("a multiple of {factor}"));
    }
    let range = match checks.format.as_deref() {
        Some("int32") => Some((f64::from(i32::MIN), f64::from(i32::MAX), "int32")),
        _ => None,
    };
    if let Some((least, most, name)) = range
        && !(least..=most).contains(&number)
    {
        refuse(format!("of type {name}"));
    }
}

fn check_items(
    checks: &Checks,
    items: &[Value],
    value: &Value,
    path: &str,
    findings: &mut Findings,
) {
    let count = items.len() as u64;
    if let Some(most) = checks.max_items.filter(|&most| count > most) {
        findings.push(Cause::new(
            "FieldValueTooMany",
            path,
            format!("Too many: {count}: must have at most {most} items"),
        ));
    }
    if let Some(least) = checks.min_items.filter(|&least| count < least) {
        let detail = format!("{path} in body should have at least {least} items");
        findings.push(Cause::invalid(path, &Value::from(count), &detail));
    }
    let distinct: BTreeSet<String> = items.iter().map(Value::to_string).collect();
    if checks.unique_items && distinct.len() < items.len() {
        findings.push(Cause::invalid(
            path,
            value,
            &format!("{path} in body shouldn't contain duplicates"),
        ));
    }
}

fn is_of_kind(schema: &Schema, value: &Value) -> bool {
    if schema.int_or_string {
        return value.is_string() || value.is_i64() || value.is_u64() || value.is_f64();
    }
    match schema.kind {
        Kind::Any => true,
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
        Kind::String => value.is_string(),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        // As in Go, 3.0 is an integer and 3.5 is not.
        Kind::Integer => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "any",
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
    }
}

/// The name of a value's type, as messages show it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The formats that are checked; others are documentation only, as in the API server.
fn has_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<Timestamp>().is_ok(),
        "date" => text.parse::<k8s_openapi::jiff::civil::Date>().is_ok(),
        "byte" => metadata::is_base64(text),
        "uuid" => uuid::Uuid::parse_str(text).is_ok(),
        "uri" => text.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some()),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sentences(schema: Value, object: Value) -> Vec<String> {
        let schema = Schema::compile(&schema, &Value::Null);
        let findings = validate(&schema, &json!({ "f": object }), None);
        findings.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
    }

    fn field(schema: Value) -> Value {
        json!({ "type": "object", "properties": { "f": schema } })
    }

    #[test]
    fn each_check_rejects_with_the_message_of_the_api_server() {
        let cases = [
            (
                json!({ "type": "string" }),
                json!(3),
                r#"f: Invalid value: "integer": f in body must be of type string: "integer""#,
            ),
            (
                json!({ "type": "string", "enum": ["a", "b"] }),
                json!("c"),
                r#"f: Unsupported value: "c": supported values: "a", "b""#,
            ),
            (
                json!({ "type": "string", "pattern": "^a+$" }),
                json!("b"),
                r#"f: Invalid value: "b": f in body should match '^a+$'"#,
            ),
            (
                json!({ "type": "string", "maxLength": 2 }),
                json!("abc"),
                "f: Too long: may not be more than 2 bytes",
            ),
            (
                json!({ "type": "string", "minLength": 1 }),
                json!(""),
                r#"f: Invalid value: "": f in body should be at least 1 chars long"#,
            ),
            (
                json!({ "type": "integer", "minimum": 1 }),
                json!(0),
                "f: Invalid value: 0: f in body should be greater than or equal to 1",
            ),
            (
                json!({ "type": "integer", "maximum": 5, "exclusiveMaximum": true }),
                json!(5),
                "f: Invalid value: 5: f in body should be less than 5",
            ),
            (
                json!({ "type": "integer" }),
                json!(1.5),
                r#"f: Invalid value: "number": f in body must be of type integer: "number""#,
            ),
            (
                json!({ "type": "array", "maxItems": 1, "items": {} }),
                json!([1, 2]),
                "f: Too many: 2: must have at most 1 items",
            ),
            (
                json!({ "type": "array", "minItems": 1, "items": {} }),
                json!([]),
                "f: Invalid value: 0: f in body should have at least 1 items",
            ),
            (
                json!({ "type": "string", "format": "date-time" }),
                json!("yesterday"),
                r#"f: Invalid value: "yesterday": f in body must be of type date-time: "yesterday""#,
            ),
            (json!({ "type": "object", "required": ["g"] }), json!({}), "f.g: Required value"),
            (
                json!({ "x-kubernetes-int-or-string": true }),
                json!(true),
                r#"f: Invalid value: "boolean": f in body must be of type integer,string: "boolean""#,
            ),
            (
                json!({ "type": "string" }),
                json!(null),
                r#"f: Invalid value: "null": f in body must be of type string: "null""#,
            ),
            (
                json!({ "type": "object", "oneOf": [{ "required": ["a"] }, { "required": ["b"] }] }),
                json!({ "a": 1, "b": 2 }),
                "f: Invalid value: \"object\": \"f\" must validate one and only one schema (oneOf). \
              Found 2 valid alternatives",
            ),
        ];
        for (schema, object, expected) in cases {
            assert_eq!(sentences(field(schema.clone()), object), [expected], "{schema}");
        }
    }

    #[test]
    fn valid_values_pass() {
        let cases = [
            (json!({ "type": "integer" }), json!(3.0)),
            (json!({ "type": "string", "nullable": true }), json!(null)),
            (json!({ "x-kubernetes-int-or-string": true }), json!("80%")),
            (json!({ "type": "string", "format": "date-time" }), json!("2026-01-02T03:04:05Z")),
            (json!({ "type": "string", "format": "made-up" }), json!("x")),
            (json!({ "type": "array", "items": { "type": "string" } }), json!(["a"])),
            (json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }), json!(1)),
        ];
        for (schema, object) in cases {
            assert!(sentences(field(schema.clone()), object).is_empty(), "{schema}");
        }
    }

    #[test]
    fn an_update_is_not_blamed_for_unchanged_values() {
        let raw = field(json!({ "type": "string", "maxLength": 2 }));
        let schema = Schema::compile(&raw, &Value::Null);
        let old = json!({ "f": "abc" });
        assert!(validate(&schema, &json!({ "f": "abc", "g": 1 }), Some(&old)).is_empty());
        assert_eq!(validate(&schema, &json!({ "f": "abcd" }), Some(&old)).len(), 1);
    }
}
