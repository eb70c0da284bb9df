//! The part of JSONPath that printer columns, waits and field selectors use.
//!
//! `.a.b`, `['a']`, `.a[0]`, `.a[*]`, `\.` within a key, and filters such as
//! `[?(@.type=="Ready")]` with `==`, `!=`, `<`, `<=`, `>` and `>=`.

use std::borrow::Cow;

use serde_json::Value;

/// A parsed path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Index(i64),
    Every,
    Filter { path: JsonPath, comparison: Option<(Operator, Value)> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl JsonPath {
    /// Parses a path; `None` for one outside the supported part.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('{').trim_end_matches('}');
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            let (key, tail) = take_key(rest);
            steps.push(Step::Key(key.into_owned()));
            rest = tail;
        }
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix('.') {
                let (key, tail) = take_key(tail);
                match key.as_ref() {
                    "" if tail.starts_with('[') || tail.is_empty() => {}
                    "" => return None,
                    "*" => steps.push(Step::Every),
                    key => steps.push(Step::Key(key.to_owned())),
                }
                rest = tail;
            } else {
                let inner = rest.strip_prefix('[')?;
                let end = closing_bracket(inner)?;
                steps.push(parse_bracket(inner.get(..end)?)?);
                rest = inner.get(end + 1..)?;
            }
        }
        Some(Self(steps))
    }

    /// Every value that the path selects.
    pub(crate) fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let mut selected = vec![value];
        for step in &self.0 {
            selected = selected.into_iter().flat_map(|value| step.apply(value)).collect();
        }
        selected
    }

    /// The first value that the path selects.
    pub(crate) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.select(value).into_iter().next()
    }
}

impl Step {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Key(key) => value.get(key).into_iter().collect(),
            Self::Index(index) => {
                let Some(items) = value.as_array() else {
                    return Vec::new();
                };
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let position = if *index < 0 { length + index } else { *index };
                usize::try_from(position).ok().and_then(|at| items.get(at)).into_iter().collect()
            }
            Self::Every => children(value),
            Self::Filter { path, comparison } => children(value)
                .into_iter()
                .filter(|child| match (path.first(child), comparison) {
                    (found, None) => found.is_some(),
                    (Some(found), Some((operator, wanted))) => operator.holds(found, wanted),
                    (None, Some(_)) => false,
                })
                .collect(),
        }
    }
}

impl Operator {
    fn holds(self, found: &Value, wanted: &Value) -> bool {
        let order = match (found.as_f64(), wanted.as_f64()) {
            (Some(found), Some(wanted)) => found.partial_cmp(&wanted),
            _ => match (found.as_str(), wanted.as_str()) {
                (Some(found), Some(wanted)) => Some(found.cmp(wanted)),
                _ if found == wanted => Some(std::cmp::Ordering::Equal),
                _ => None,
            },
        };
        match (self, order) {
            (Self::Equal, order) => order.is_some_and(std::cmp::Ordering::is_eq),
            (Self::NotEqual, order) => !order.is_some_and(std::cmp::Ordering::is_eq),
            (Self::Less, order) => order.is_some_and(std::cmp::Ordering::is_lt),
            (Self::LessOrEqual, order) => order.is_some_and(std::cmp::Ordering::is_le),
            (Self::Greater, order) => order.is_some_and(std::cmp::Ordering::is_gt),
            (Self::GreaterOrEqual, order) => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// Splits a leading key off; a backslash makes the next character part of the key.
fn take_key(text: &str) -> (Cow<'_, str>, &str) {
    let mut key = String::new();
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => {
                key.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '.' | '[' => return (Cow::Owned(key), text.get(at..).unwrap_or_default()),
            _ => key.push(character),
        }
    }
    (Cow::Owned(key), "")
}

/// The position of the bracket that closes the one just opened, respecting quotes and nesting.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

fn parse_bracket(inner: &str) -> Option<Step> {
    let inner = inner.trim();
    if inner == "*" {
        return Some(Step::Every);
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|text| text.strip_suffix(')')) {
        return parse_filter(filter);
    }
    match unquote(inner) {
        Some(key) => Some(Step::Key(key.to_owned())),
        None => inner.parse().ok().map(Step::Index),
    }
}

fn parse_filter(text: &str) -> Option<Step> {
    let found = OPERATORS
        .iter()
        .filter_map(|(sign, operator)| text.find(sign).map(|at| (at, *sign, *operator)))
        .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
    let (left, comparison) = match found {
        None => (text, None),
        Some((at, sign, operator)) => {
            let right = text.get(at + sign.len()..)?.trim();
            let wanted = match unquote(right) {
                Some(text) => Value::String(text.to_owned()),
                None => serde_json::from_str(right).ok()?,
            };
            (text.get(..at)?, Some((operator, wanted)))
        }
    };
    let path = JsonPath::parse(left.trim().strip_prefix('@')?)?;
    Some(Step::Filter { path, comparison })
}

fn unquote(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_select_what_kubectl_would_print() {
        let object = json!({
            "metadata": { "labels": { "a.b/c": "dotted" } },
            "status": { "conditions": [
                { "type": "Synced", "status": "False", "count": 2 },
                { "type": "Ready", "status": "True", "count": 5 },
            ] },
        });
        let cases = [
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"])),
            (r#".status.conditions[?(@.type!='Ready')].status"#, json!(["False"])),
            (".status.conditions[?(@.count>=3)].type", json!(["Ready"])),
            (".status.conditions[?(@.missing)].type", json!([])),
            (".status.conditions[*].type", json!(["Synced", "Ready"])),
            (".status.conditions[-1].type", json!(["Ready"])),
            (".status.conditions[0].type", json!(["Synced"])),
            (r".metadata.labels.a\.b/c", json!(["dotted"])),
            (".metadata.labels['a.b/c']", json!(["dotted"])),
            ("{.status.missing.deeper}", json!([])),
        ];
        for (path, expected) in cases {
            let parsed = JsonPath::parse(path).unwrap_or_else(|| panic!("{path} parses"));
            let found: Vec<Value> = parsed.select(&object).into_iter().cloned().collect();
            assert_eq!(Value::Array(found), expected, "{path}");
        }
    }

    #[test]
    fn unsupported_paths_do_not_parse() {
        for path in [".a[", ".a[?(@.b==)]", "..a", ".a[x]"] {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }
}
