//! The objects that are poisoned: see [`crate::fuzz::poison`].

use fastrand::Rng;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::fuzz::hostile_strings;

/// A placeholder for an unpaired surrogate, which JSON can express and no string can hold.
const SURROGATE: &str = "UNPAIRED";
/// The most resources that Argo CD reports.
const RESOURCES: usize = 2_000;

/// Fields of a deployment that hold, or in some version held, a text.
pub const FIELDS: [&str; 12] = [
    "/spec/source/repoURL",
    "/spec/source/path",
    "/spec/source/targetRevision",
    "/spec/destination/environment",
    "/spec/destination/namespace",
    "/spec/syncPolicy/syncOptions/0",
    "/spec/type",
    "/spec/unknown",
    "/spec/source/unknown",
    "/metadata/annotations/note",
    "/metadata/labels/note",
    "/metadata/generateName",
];

/// Fields of a sync run that hold a text.
const SYNC_RUN_FIELDS: [&str; 5] = [
    "/spec/gitopsDeploymentName",
    "/spec/revisionID",
    "/spec/unknown",
    "/metadata/annotations/note",
    "/metadata/labels/note",
];

/// A deployment of this name with poison in it, as JSON.
pub fn deployment(random: &mut Rng, name: &str) -> String {
    let mut object = json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": "GitOpsDeployment",
        "metadata": {"name": name},
        "spec": {
            "source": {"repoURL": "https://example.com/team/app.git", "path": "one"},
            "type": if random.u8(..4) == 0 { "manual" } else { "automated" },
        },
    });
    if random.u8(..4) == 0 {
        object["metadata"]["finalizers"] = json!([crds::names::DEPLOYMENT_FINALIZER]);
    }
    poison(random, &mut object, &FIELDS, 3);
    encode(random, &object)
}

/// A merge patch for a deployment.
pub fn patch(random: &mut Rng) -> String {
    any_patch(random, &FIELDS, 3)
}

/// A sync run of this name with poison in it, as JSON; often of the deployment.
pub fn sync_run(random: &mut Rng, name: &str, deployment: &str) -> String {
    let names = [deployment, deployment, "poison-a", "web", "nobody"];
    let named = names[random.usize(..names.len())];
    let mut object =
        sync_run_of(name, &json!({"gitopsDeploymentName": named, "revisionID": "one"}));
    if random.u8(..4) == 0 {
        object["metadata"]["finalizers"] = json!(["example.com/kept"]);
    }
    if random.bool() {
        poison(random, &mut object, &SYNC_RUN_FIELDS, 2);
    }
    encode(random, &object)
}

/// A merge patch for a sync run.
pub fn sync_run_patch(random: &mut Rng) -> String {
    any_patch(random, &SYNC_RUN_FIELDS, 2)
}

/// A merge patch of some of these fields, most often of one of the first.
pub fn any_patch(random: &mut Rng, fields: &[&str], first: usize) -> String {
    let mut patch = json!({});
    poison(random, &mut patch, fields, first);
    encode(random, &patch)
}

/// A sync run with this spec.
pub fn sync_run_of(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": "GitOpsDeploymentSyncRun",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// Puts poison into some of these fields, most often into one of the first.
pub fn poison(random: &mut Rng, object: &mut Value, fields: &[&str], first: usize) {
    for _ in 0..random.u8(1..4) {
        let field = fields[random.usize(..fields.len())];
        // These admit most texts.
        let field = if random.u8(..4) > 0 { fields[random.usize(..first)] } else { field };
        let value = match random.u8(..14) {
            0 => Value::Null,
            1 => any_value(random),
            _ => json!(hostile_strings::any(random)),
        };
        set(object, field, value);
    }
    if random.u8(..12) == 0 {
        // Keys are texts, too.
        let key = hostile_strings::any(random);
        let value = hostile_strings::any(random);
        let place = ["/metadata/annotations", "/metadata/labels", "/spec"][random.usize(..3)];
        set(object, place, json!({key: value}));
    }
}

/// A value that is not a text.
fn any_value(random: &mut Rng) -> Value {
    match random.u8(..6) {
        0 => json!(random.bool()),
        1 => json!(random.i64(..)),
        2 => json!(1e300),
        3 => json!([hostile_strings::some(random)]),
        4 => json!({hostile_strings::some(random): hostile_strings::some(random)}),
        _ => (0..random.usize(..200)).fold(json!(null), |inner, _| json!([inner])),
    }
}

/// Sets a field, and creates the objects and lists around it; values of another type are replaced.
pub fn set(object: &mut Value, field: &str, value: Value) {
    let mut place = object;
    for part in field.split('/').skip(1) {
        place = if part == "0" {
            if !place.is_array() {
                *place = json!([null]);
            }
            &mut place[0]
        } else {
            if !place.is_object() {
                *place = json!({});
            }
            &mut place[part]
        };
    }
    match (place, value) {
        (Value::Object(known), Value::Object(more)) => known.extend(more),
        (place, value) => *place = value,
    }
}

/// The object as JSON, sometimes with a text that Rust cannot represent.
pub fn encode(random: &mut Rng, object: &Value) -> String {
    let text = object.to_string();
    if random.u8(..20) > 0 {
        return text;
    }
    // A text that Rust cannot represent, but other clients can send.
    text.replacen("\"one\"", &format!("\"one{SURROGATE}\""), 1).replace(SURROGATE, "\\ud800")
}

/// A foreign status for a deployment.
pub fn status(random: &mut Rng) -> Value {
    let mut text = || hostile_strings::any(random);
    json!({
        "conditions": [{"type": text(), "status": text(), "reason": text(), "message": text()}],
        "health": {"status": text(), "message": text()},
        "sync": {"status": text(), "revision": text()},
        "reconciledState": {
            "source": {"path": text(), "repoURL": text(), "branch": text()},
            "destination": {"name": text(), "namespace": text()},
        },
    })
}

/// Argo CD's status of an Application.
pub fn report(random: &mut Rng) -> Value {
    let number = if random.u8(..4) == 0 { RESOURCES } else { random.usize(..5) };
    let resources: Vec<Value> = (0..number)
        .map(|_| {
            let name = hostile_strings::some(random);
            json!({"kind": name, "name": name, "namespace": name, "health": {"message": name}})
        })
        .collect();
    let number = random.usize(..100);
    let conditions: Vec<Value> = (0..number)
        .map(|_| json!({"type": hostile_strings::some(random), "message": hostile_strings::some(random)}))
        .collect();
    let mut text = || hostile_strings::any(random);
    let mut report = json!({
        "conditions": conditions,
        "resources": resources,
        "health": {"status": text(), "message": text()},
        "sync": {
            "status": text(),
            "revision": text(),
            "comparedTo": {"source": {"repoURL": text(), "path": text()}},
        },
        "operationState": {"phase": text(), "message": text(), "startedAt": text()},
    });
    if random.u8(..3) == 0 {
        let fields = ["conditions", "resources", "health", "sync", "operationState"];
        report[fields[random.usize(..fields.len())]] = any_value(random);
    }
    json!({"status": report})
}

/// An object for Argo CD's namespace, and its resource; `rows` are the ids of existing application
/// rows.
pub fn plant(random: &mut Rng, rows: &[String]) -> (&'static str, Value) {
    let names = ["nonsense", "0", "a.b", "00000000-0000-0000-0000-000000000000"];
    let mut name = names[random.usize(..names.len())].to_owned();
    if random.bool() {
        name = "x".repeat(random.usize(1..200));
    }
    match random.u8(..4) {
        0 | 1 => {
            let id = if random.bool() { name.clone() } else { hostile_strings::any(random) };
            let spec = json!({"operationID": id});
            let name = crds::names::operation_name(&name);
            let labels = json!({"managed-gitops.redhat.com/tenant": label(random, rows)});
            let api_version = "managed-gitops.redhat.com/v1alpha1";
            ("operations", object(api_version, "Operation", &name, &labels, spec))
        }
        2 => {
            let uid: String = name.chars().cycle().take(36).collect();
            let name = crds::names::application_name(uid.trim_end_matches('.'));
            let labels = json!({crds::names::DATABASE_ID_LABEL: label(random, rows)});
            let spec =
                json!({"project": "default", "source": {"repoURL": hostile_strings::any(random)}});
            let mut application =
                object("argoproj.io/v1alpha1", "Application", &name, &labels, spec);
            application["status"] = report(random)["status"].take();
            ("applications", application)
        }
        _ => {
            let name = crds::names::app_project_name(&name);
            let spec = json!({"sourceRepos": [hostile_strings::any(random)], "destinations": []});
            let mut project = object("argoproj.io/v1alpha1", "AppProject", &name, &json!({}), spec);
            let user = json!({crds::names::USERNAME_ANNOTATION: hostile_strings::any(random)});
            project["metadata"]["annotations"] = user;
            ("appprojects", project)
        }
    }
}

/// The value of a label; often one of these.
pub fn label(random: &mut Rng, rows: &[String]) -> String {
    match random.u8(..6) {
        0 => "x".repeat(63),
        1 => String::new(),
        _ => rows.get(random.usize(..rows.len().max(1))).cloned().unwrap_or_default(),
    }
}

fn object(api_version: &str, kind: &str, name: &str, labels: &Value, spec: Value) -> Value {
    let metadata = json!({"name": name, "labels": labels});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// Whether a definition is that of GitOpsDeployments.
pub fn is_of_deployments(definition: &CustomResourceDefinition) -> bool {
    definition.spec.names.kind == "GitOpsDeployment"
}

/// Whether a definition is that of GitOpsDeploymentRepositoryCredentials.
pub fn is_of_credentials(definition: &CustomResourceDefinition) -> bool {
    definition.spec.names.kind == "GitOpsDeploymentRepositoryCredential"
}

/// Whether a definition is that of GitOpsDeploymentManagedEnvironments.
pub fn is_of_environments(definition: &CustomResourceDefinition) -> bool {
    definition.spec.names.kind == "GitOpsDeploymentManagedEnvironment"
}

/// Whether a definition is that of GitOpsDeploymentSyncRuns.
pub fn is_of_sync_runs(definition: &CustomResourceDefinition) -> bool {
    definition.spec.names.kind == "GitOpsDeploymentSyncRun"
}

/// The same definition without a schema, as an older version might have it.
pub fn without_schema(definition: &CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(definition).unwrap_or_default();
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    for version in value["spec"]["versions"].as_array_mut().into_iter().flatten() {
        let properties = json!({"spec": anything, "status": anything});
        version["schema"] =
            json!({"openAPIV3Schema": {"type": "object", "properties": properties}});
    }
    serde_json::from_value(value).unwrap_or_default()
}
