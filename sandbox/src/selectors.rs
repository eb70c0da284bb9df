//! Label and field selectors.

use serde_json::Value;

use crate::admission::metadata;
use crate::jsonpath::JsonPath;
use crate::registry::SelectableFields;
use crate::store::{Labels, Object};

/// What a list or a watch is restricted to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Only objects of this namespace.
    pub(crate) namespace: Option<String>,
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum LabelRequirement {
    In { key: String, values: Vec<String>, absent_counts: bool, negated: bool },
    Exists { key: String, negated: bool },
    Compare { key: String, greater: bool, than: i64 },
}

#[derive(Debug, Clone)]
struct FieldRequirement {
    path: FieldPath,
    value: String,
    negated: bool,
}

#[derive(Debug, Clone)]
enum FieldPath {
    Name,
    Namespace,
    Other(JsonPath),
}

impl Filter {
    /// Reads both selectors; the error is the message of a 400.
    pub(crate) fn new(
        namespace: Option<&str>,
        selectable: &SelectableFields,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, String> {
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: parse_labels(labels.unwrap_or_default())?,
            fields: parse_fields(selectable, fields.unwrap_or_default())?,
        })
    }

    /// Whether every object of the namespace passes the filter.
    pub(crate) fn has_selectors(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    /// Whether the object passes.
    pub(crate) fn matches(&self, object: &Object) -> bool {
        if let Some(namespace) = &self.namespace
            && object.key.namespace.as_ref() != namespace.as_str()
        {
            return false;
        }
        if !self.labels.iter().all(|requirement| requirement.matches(&object.labels)) {
            return false;
        }
        let mut parsed: Option<Value> = None;
        self.fields.iter().all(|requirement| requirement.matches(object, &mut parsed))
    }
}

impl LabelRequirement {
    fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::In { key, values, absent_counts, negated } => match labels.get(key) {
                Some(value) => values.iter().any(|one| one == value) != *negated,
                None => *absent_counts,
            },
            Self::Exists { key, negated } => labels.get(key).is_some() != *negated,
            Self::Compare { key, greater, than } => labels
                .get(key)
                .and_then(|value| value.parse::<i64>().ok())
                .is_some_and(|value| if *greater { value > *than } else { value < *than }),
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Object, parsed: &mut Option<Value>) -> bool {
        let equal = match &self.path {
            FieldPath::Name => object.key.name.as_ref() == self.value,
            FieldPath::Namespace => object.key.namespace.as_ref() == self.value,
            FieldPath::Other(path) => {
                let value = parsed.get_or_insert_with(|| object.value());
                match path.first(value) {
                    None | Some(Value::Null) => self.value.is_empty(),
                    Some(Value::String(text)) => *text == self.value,
                    Some(other) => {
                        let shown = other.to_string();
                        shown == self.value
                    }
                }
            }
        };
        equal != self.negated
    }
}

fn parse_fields(
    selectable: &SelectableFields,
    text: &str,
) -> Result<Vec<FieldRequirement>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(|term| {
            let (field, value, negated) = split_equality(term)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))?;
            let path = match field {
                "metadata.name" => FieldPath::Name,
                "metadata.namespace" => FieldPath::Namespace,
                other => match (selectable.refuse(other), JsonPath::parse(other)) {
                    (None, Some(path)) => FieldPath::Other(path),
                    (refusal, _) => return Err(refusal.unwrap_or_default()),
                },
            };
            Ok(FieldRequirement { path, value: value.to_owned(), negated })
        })
        .collect()
}

fn split_equality(term: &str) -> Option<(&str, &str, bool)> {
    let (left, right, negated) = if let Some((left, right)) = term.split_once("!=") {
        (left, right, true)
    } else if let Some((left, right)) = term.split_once("==") {
        (left, right, false)
    } else {
        let (left, right) = term.split_once('=')?;
        (left, right, false)
    };
    Some((left.trim(), right.trim(), negated))
}

fn parse_labels(text: &str) -> Result<Vec<LabelRequirement>, String> {
    let terms: Vec<&str> = split_outside_parentheses(text).into_iter().map(str::trim).collect();
    if terms.len() > 1 && terms.last().is_some_and(|last| last.is_empty()) {
        return Err("found '', expected: identifier after ','".to_owned());
    }
    terms
        .into_iter()
        .filter(|term| !term.is_empty())
        .map(|term| {
            let requirement = parse_label(term).ok_or_else(|| {
                format!("unable to parse requirement: found '{term}', expected: a label selector")
            })?;
            check_label(&requirement)?;
            Ok(requirement)
        })
        .collect()
}

/// Keys and values must be valid.
fn check_label(requirement: &LabelRequirement) -> Result<(), String> {
    let (LabelRequirement::In { key, .. }
    | LabelRequirement::Exists { key, .. }
    | LabelRequirement::Compare { key, .. }) = requirement;
    let refused = |place: &str, shown: &str, faults: Vec<String>| match faults.first() {
        None => Ok(()),
        Some(fault) => Err(format!(
            "unable to parse requirement: {place}: Invalid value: \"{shown}\": {fault}"
        )),
    };
    refused("<nil>", key, metadata::faults_of_qualified_name(key))?;
    if let LabelRequirement::In { values, .. } = requirement {
        for (at, value) in values.iter().enumerate() {
            refused(
                &format!("values[{at}][{key}]"),
                value,
                metadata::faults_of_label_value(value),
            )?;
        }
    }
    Ok(())
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut depth = 0_i32;
    let mut start = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.extend(text.get(start..));
    terms
}

fn parse_label(term: &str) -> Option<LabelRequirement> {
    if let Some((head, set)) = term.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = set.split(',').map(|value| value.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        let negated = match operator {
            "in" => false,
            "notin" => true,
            _ => return None,
        };
        let key = valid_key(key.trim())?;
        return Some(LabelRequirement::In { key, values, absent_counts: negated, negated });
    }
    if let Some((left, right, negated)) = split_equality(term) {
        let key = valid_key(left)?;
        let values = vec![right.to_owned()];
        return Some(LabelRequirement::In { key, values, absent_counts: negated, negated });
    }
    for (sign, greater) in [('>', true), ('<', false)] {
        if let Some((left, right)) = term.split_once(sign) {
            let than = right.trim().parse().ok()?;
            return Some(LabelRequirement::Compare { key: valid_key(left.trim())?, greater, than });
        }
    }
    match term.strip_prefix('!') {
        Some(key) => Some(LabelRequirement::Exists { key: valid_key(key.trim())?, negated: true }),
        None => Some(LabelRequirement::Exists { key: valid_key(term)?, negated: false }),
    }
}

fn valid_key(key: &str) -> Option<String> {
    let fits = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/')
    };
    (!key.is_empty() && key.chars().all(fits)).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().copied().collect();
        parse_labels(selector)
            .expect("a selector")
            .iter()
            .all(|requirement| requirement.matches(&labels))
    }

    #[test]
    fn label_selectors_follow_the_documented_table() {
        let labels = [("app", "web"), ("tier", "2"), ("x.io/y", "z")];
        let cases = [
            ("app=web", true),
            ("app==web,tier=2", true),
            ("app=db", false),
            ("app!=db", true),
            ("missing!=db", true),
            ("app in (web, db)", true),
            ("app notin (web,db)", false),
            ("missing notin (a)", true),
            ("missing in (a)", false),
            ("app,x.io/y", true),
            ("!app", false),
            ("!missing", true),
            ("tier>1,tier<3", true),
            ("tier>2", false),
            ("", true),
        ];
        for (selector, expected) in cases {
            assert_eq!(matches(selector, &labels), expected, "{selector}");
        }
    }

    #[test]
    fn a_malformed_selector_is_rejected() {
        for selector in ["a b", "a of (b)", "=x", "a>b"] {
            assert!(parse_labels(selector).is_err(), "{selector}");
        }
        let none = SelectableFields::built_in("ConfigMap");
        assert!(parse_fields(&none, "metadata.name").is_err());
        assert!(parse_fields(&none, "data.k=v").is_err());
    }
}
