//! The two kinds of Argo CD that the stand-in knows, as far as a client can tell.
//!
//! Fields are not checked: that is up to Argo CD, which the stand-in plays. As in the real
//! definitions, `Application` has no status subresource.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, CustomResourceValidation,
    JSONSchemaProps,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

const GROUP: &str = "argoproj.io";

/// The definitions of `Application` and `AppProject`.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![application(), app_project()]
}

fn application() -> CustomResourceDefinition {
    let columns = vec![
        column("Sync Status", ".status.sync.status", 0),
        column("Health Status", ".status.health.status", 0),
        column("Revision", ".status.sync.revision", 10),
        column("Project", ".spec.project", 10),
    ];
    let refresh = JSONSchemaProps { type_: Some("boolean".into()), ..Default::default() };
    // By its definition clients detect whether Argo CD supports this field, added in version 3.2.
    let spec = ["retry", "syncPolicy"]
        .into_iter()
        .fold(open_object_with("refresh", refresh), |inner, name| open_object_with(name, inner));
    let properties = [("spec", spec), ("status", open_object()), ("operation", open_object())];
    definition(
        CustomResourceDefinitionNames {
            kind: "Application".into(),
            list_kind: Some("ApplicationList".into()),
            plural: "applications".into(),
            singular: Some("application".into()),
            short_names: Some(vec!["app".into(), "apps".into()]),
            categories: None,
        },
        columns,
        &properties,
    )
}

fn app_project() -> CustomResourceDefinition {
    let properties = [("spec", open_object()), ("status", open_object())];
    definition(
        CustomResourceDefinitionNames {
            kind: "AppProject".into(),
            list_kind: Some("AppProjectList".into()),
            plural: "appprojects".into(),
            singular: Some("appproject".into()),
            short_names: Some(vec!["appproj".into(), "appprojs".into()]),
            categories: None,
        },
        Vec::new(),
        &properties,
    )
}

fn definition(
    names: CustomResourceDefinitionNames,
    columns: Vec<CustomResourceColumnDefinition>,
    properties: &[(&str, JSONSchemaProps)],
) -> CustomResourceDefinition {
    let mut fields: std::collections::BTreeMap<String, JSONSchemaProps> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    for (name, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        fields.insert(
            name.into(),
            JSONSchemaProps { type_: Some(kind.into()), ..Default::default() },
        );
    }
    let schema = JSONSchemaProps {
        type_: Some("object".into()),
        properties: Some(fields),
        required: Some(vec!["metadata".into(), "spec".into()]),
        ..Default::default()
    };
    CustomResourceDefinition {
        metadata: ObjectMeta {
            name: Some(format!("{}.{GROUP}", names.plural)),
            ..Default::default()
        },
        spec: CustomResourceDefinitionSpec {
            group: GROUP.into(),
            names,
            scope: "Namespaced".into(),
            versions: vec![CustomResourceDefinitionVersion {
                name: "v1alpha1".into(),
                served: true,
                storage: true,
                additional_printer_columns: (!columns.is_empty()).then_some(columns),
                schema: Some(CustomResourceValidation { open_api_v3_schema: Some(schema) }),
                ..Default::default()
            }],
            ..Default::default()
        },
        status: None,
    }
}

fn column(name: &str, json_path: &str, priority: i32) -> CustomResourceColumnDefinition {
    CustomResourceColumnDefinition {
        name: name.into(),
        type_: "string".into(),
        json_path: json_path.into(),
        priority: (priority > 0).then_some(priority),
        ..Default::default()
    }
}

fn open_object_with(name: &str, property: JSONSchemaProps) -> JSONSchemaProps {
    let properties = Some([(name.to_owned(), property)].into());
    JSONSchemaProps { properties, ..open_object() }
}

fn open_object() -> JSONSchemaProps {
    JSONSchemaProps {
        type_: Some("object".into()),
        x_kubernetes_preserve_unknown_fields: Some(true),
        ..Default::default()
    }
}
