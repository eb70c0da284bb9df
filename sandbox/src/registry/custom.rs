//! Resources made from CustomResourceDefinitions.

use serde_json::Value;

use super::{Behaviour, Conversion, NameRule, Resource, SchemaSource, SelectableFields};
use crate::admission::cel::Rules;
use crate::admission::schema::Schema;
use crate::table::Column;

/// One resource per served version of the definition.
pub(super) fn resources(definition: &Value) -> Vec<Resource> {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let versions = versions.map(Vec::as_slice).unwrap_or_default();
    let storage = versions
        .iter()
        .find(|version| version["storage"] == true)
        .and_then(|version| version["name"].as_str())
        .unwrap_or_default();
    versions
        .iter()
        .filter(|version| version["served"] == true)
        .filter_map(|version| resource(definition, version, storage))
        .collect()
}

fn resource(definition: &Value, version: &Value, storage: &str) -> Option<Resource> {
    let spec = definition.get("spec")?;
    let names = spec.get("names")?;
    let group = spec["group"].as_str()?.to_owned();
    let kind = names["kind"].as_str()?.to_owned();
    let plural = names["plural"].as_str()?.to_owned();
    let name = version["name"].as_str()?.to_owned();
    let raw = version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default();
    let columns = version.get("additionalPrinterColumns").and_then(Value::as_array);
    Some(Resource {
        stored_api_version: format!("{group}/{storage}"),
        conversion: if name == storage { Conversion::None } else { Conversion::ApiVersion },
        singular: text(names, "singular").unwrap_or_else(|| kind.to_lowercase()),
        list_kind: text(names, "listKind").unwrap_or_else(|| format!("{kind}List")),
        short_names: texts(names, "shortNames"),
        categories: texts(names, "categories"),
        namespaced: spec["scope"] == "Namespaced",
        collection: format!("{plural}.{group}").into(),
        name_rule: NameRule::Subdomain,
        behaviour: Behaviour {
            status: version.pointer("/subresources/status").is_some(),
            generation: true,
            unconditional_update: false,
            create_on_update: false,
            is_virtual: false,
        },
        columns: Column::custom(columns.map(Vec::as_slice).unwrap_or_default()),
        selectable_fields: SelectableFields::custom(version),
        schema: SchemaSource::Custom {
            schema: Box::new(Schema::compile(&raw, &Value::Null)),
            rules: Rules::of(&raw).map(Box::new),
        },
        version: name,
        group,
        kind,
        plural,
    })
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let items = value.get(field).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
