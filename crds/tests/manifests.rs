//! The committed manifests, and the contract in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

fn definitions() -> Vec<Value> {
    crds::all().iter().map(|definition| serde_json::to_value(definition).unwrap()).collect()
}

fn schema(kind: &str) -> Value {
    let definitions = definitions();
    let definition = definitions.iter().find(|it| it["spec"]["names"]["kind"] == kind).unwrap();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The fields that an object must have, sorted.
fn required(schema: &Value, path: &str) -> Vec<String> {
    let mut part = schema;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        part = match step {
            "[]" => &part["items"],
            field => &part["properties"][field],
        };
        assert!(part.is_object(), "no {step} of {path}");
    }
    let mut fields: Vec<String> =
        serde_json::from_value(part.get("required").cloned().unwrap_or(json!([]))).unwrap();
    fields.sort();
    fields
}

/// Calls a function with every part of a schema.
fn each_part(schema: &Value, visit: &mut impl FnMut(&Value)) {
    visit(schema);
    for key in ["items", "additionalProperties"] {
        if schema.get(key).is_some_and(Value::is_object) {
            each_part(&schema[key], visit);
        }
    }
    for part in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        each_part(part.1, visit);
    }
}

#[test]
fn the_committed_manifests_match_the_types() {
    let committed = include_str!("../manifests/managed-gitops.yaml");
    let generated = crds::yaml().unwrap();
    assert!(
        committed == generated,
        "crds/manifests/managed-gitops.yaml is not what the types say; regenerate it with \
         `cargo run -- crds > crds/manifests/managed-gitops.yaml`"
    );
}

#[test]
fn the_manifests_parse_back_to_the_definitions() {
    let text = crds::yaml().unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    assert_eq!(documents, definitions());
}

#[test]
fn compatibility_1_the_kinds_and_their_plurals_match_the_contract() {
    let names: Vec<(String, String)> = crds::all()
        .into_iter()
        .map(|definition| (definition.spec.names.kind, definition.metadata.name.unwrap()))
        .collect();
    let expected = [
        ("GitOpsDeployment", "gitopsdeployments"),
        ("GitOpsDeploymentSyncRun", "gitopsdeploymentsyncruns"),
        ("GitOpsDeploymentManagedEnvironment", "gitopsdeploymentmanagedenvironments"),
        ("GitOpsDeploymentRepositoryCredential", "gitopsdeploymentrepositorycredentials"),
        ("Operation", "operations"),
    ]
    .map(|(kind, plural)| (kind.to_owned(), format!("{plural}.{}", crds::names::GROUP)));
    assert_eq!(names, expected);
}

#[test]
fn every_kind_has_a_status_subresource_and_one_served_version() {
    for definition in definitions() {
        let versions = definition["spec"]["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 1);
        assert_eq!(versions[0]["name"], crds::names::VERSION);
        assert_eq!(versions[0]["subresources"], json!({"status": {}}));
        assert_eq!(versions[0]["served"], true);
        assert_eq!(versions[0]["storage"], true);
        assert_eq!(definition["spec"]["scope"], "Namespaced");
    }
}

#[test]
fn spec_and_status_may_be_absent() {
    for definition in definitions() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert_eq!(required(schema, ""), [] as [&str; 0]);
        assert!(schema["properties"]["spec"].is_object());
        assert!(schema["properties"]["status"].is_object());
    }
}

#[test]
fn nothing_is_nullable_defaulted_or_titled() {
    for definition in definitions() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut parts = 0;
        each_part(schema, &mut |part| {
            parts += 1;
            for key in ["nullable", "default", "title", "minLength", "enum", "pattern"] {
                assert_eq!(part.get(key), None, "{part}");
            }
            assert!(part["type"].is_string(), "{part}");
        });
        assert!(parts > 3);
    }
}

#[test]
fn every_field_is_explained() {
    for definition in definitions() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        each_part(schema, &mut |part| {
            for (name, field) in
                part.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                let text = field["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.') || text.ends_with('"'), "{name}: {text:?}");
            }
        });
    }
}

#[test]
fn compatibility_1_the_required_fields_of_a_deployment_match_the_contract() {
    let schema = schema("GitOpsDeployment");
    for (path, fields) in [
        ("spec", &["source", "type"] as &[&str]),
        ("spec.source", &["path", "repoURL"]),
        ("spec.destination", &[]),
        ("spec.syncPolicy", &[]),
        ("status", &["reconciledState"]),
        ("status.sync", &["status"]),
        ("status.health", &[]),
        ("status.conditions.[]", &["status", "type"]),
        ("status.resources.[]", &[]),
        ("status.reconciledState", &["destination", "source"]),
        ("status.reconciledState.source", &["branch", "path", "repoURL"]),
        ("status.reconciledState.destination", &["name", "namespace"]),
        ("status.operationState", &["operation", "phase", "startedAt"]),
        ("status.operationState.operation", &[]),
        ("status.operationState.operation.info.[]", &["name", "value"]),
        ("status.operationState.operation.sync.resources.[]", &["kind", "name"]),
        ("status.operationState.operation.sync.source", &["path", "repoURL"]),
        ("status.operationState.syncResult", &["revision"]),
        (
            "status.operationState.syncResult.resources.[]",
            &["group", "kind", "name", "namespace", "version"],
        ),
    ] {
        assert_eq!(required(&schema, path), fields, "{path}");
    }
}

#[test]
fn compatibility_1_the_required_fields_of_the_other_kinds_match_the_contract() {
    let condition = ["lastTransitionTime", "message", "reason", "status", "type"];
    let environment = schema("GitOpsDeploymentManagedEnvironment");
    let fields = ["allowInsecureSkipTLSVerify", "apiURL", "credentialsSecret"];
    assert_eq!(required(&environment, "spec"), fields);
    assert_eq!(required(&environment, "status.conditions.[]"), condition);
    let credential = schema("GitOpsDeploymentRepositoryCredential");
    assert_eq!(required(&credential, "spec"), ["repository", "secret"]);
    assert_eq!(required(&credential, "status.conditions.[]"), condition);
    let run = schema("GitOpsDeploymentSyncRun");
    assert_eq!(required(&run, "spec"), ["gitopsDeploymentName"]);
    let fields = ["message", "reason", "status", "type"];
    assert_eq!(required(&run, "status.conditions.[]"), fields);
    assert_eq!(required(&schema("Operation"), "spec"), [] as [&str; 0]);
}

#[test]
fn the_columns_show_whether_it_works() {
    let columns = |kind: &str| -> Vec<String> {
        let definition = crds::all().into_iter().find(|it| it.spec.names.kind == kind).unwrap();
        let columns = definition.spec.versions[0].additional_printer_columns.clone().unwrap();
        columns.into_iter().map(|column| column.name).collect()
    };
    assert_eq!(
        columns("GitOpsDeployment"),
        ["Ready", "Sync", "Health", "Age", "Revision", "Message"]
    );
    assert_eq!(columns("GitOpsDeploymentSyncRun"), ["Deployment", "Revision", "Result", "Age"]);
    assert_eq!(columns("GitOpsDeploymentManagedEnvironment"), ["Ready", "Reason", "Age"]);
    assert_eq!(columns("GitOpsDeploymentRepositoryCredential"), ["Ready", "Reason", "Age"]);
}
