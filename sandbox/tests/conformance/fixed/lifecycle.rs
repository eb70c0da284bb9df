//! What takes time on a real server: namespaces, definitions, dependents.

use serde_json::{Value, json};

use super::{Fixed, fixed};
use crate::trace::{
    State, Until, config_map, delete, delete_with, deployment, get, merge_patch, post, put, raw,
    settle, watch, with,
};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const OWN: &str = "/apis/<ns>.example.com/v1/namespaces/<ns>/widgets";

pub(super) fn traces() -> Vec<Fixed> {
    let mut traces = namespaces();
    traces.extend(definitions());
    traces.extend(dependents());
    traces
}

fn namespace(name: &str) -> Value {
    json!({ "metadata": { "name": name } })
}

fn namespaces() -> Vec<Fixed> {
    vec![
        fixed(
            "a finalizer on its content holds a namespace, in which nothing can be created",
            [
                post(
                    "configmaps",
                    &with(
                        config_map("held"),
                        &json!({ "metadata": { "finalizers": ["example.com/hold"] } }),
                    ),
                ),
                post("configmaps", &config_map("free")),
                post("gitopsdeployments", &deployment("free")),
                delete("/api/v1/namespaces/<ns>"),
                settle("/api/v1/namespaces/<ns>", State::Condition("NamespaceFinalizersRemaining")),
                get("/api/v1/namespaces/<ns>"),
                get("configmaps"),
                get("gitopsdeployments"),
                post("configmaps", &config_map("new")),
                post("configmaps", &json!({ "metadata": { "generateName": "new-" } })),
                post("gitopsdeployments", &deployment("new")),
                put("leases/new", &json!({ "metadata": { "name": "new" } })),
                merge_patch("configmaps/held", &json!({ "data": { "k": "still writable" } })),
                delete("/api/v1/namespaces/<ns>"),
                merge_patch("configmaps/held", &json!({ "metadata": { "finalizers": null } })),
                settle("/api/v1/namespaces/<ns>", State::Gone),
                get("/api/v1/namespaces/<ns>"),
                get("configmaps"),
                post("configmaps", &config_map("late")),
                post("/api/v1/namespaces", &namespace("<ns>")),
                get("configmaps"),
            ],
        ),
        fixed(
            "an empty namespace goes, and its watchers see it go",
            [
                post("/api/v1/namespaces", &namespace("<other>")),
                get("/api/v1/namespaces/<other>"),
                delete("/api/v1/namespaces/<other>"),
                settle("/api/v1/namespaces/<other>", State::Gone),
                watch(
                    "/api/v1/namespaces?watch=1&resourceVersion=<start>\
                     &fieldSelector=metadata.name=<other>",
                    Until::Deleted,
                ),
                delete("/api/v1/namespaces/<other>"),
            ],
        ),
        fixed(
            "a namespace's own finalizer holds it when its content is gone",
            [
                post(
                    "/api/v1/namespaces",
                    &with(
                        namespace("<other>"),
                        &json!({ "metadata": { "finalizers": ["example.com/hold"] } }),
                    ),
                ),
                post("/api/v1/namespaces/<other>/configmaps", &config_map("a")),
                delete("/api/v1/namespaces/<other>"),
                settle("/api/v1/namespaces/<other>/configmaps/a", State::Gone),
                settle("/api/v1/namespaces/<other>", State::Lacks("/spec/finalizers/0")),
                post("/api/v1/namespaces/<other>/configmaps", &config_map("b")),
                merge_patch(
                    "/api/v1/namespaces/<other>",
                    &json!({ "metadata": { "finalizers": null } }),
                ),
                settle("/api/v1/namespaces/<other>", State::Gone),
            ],
        ),
    ]
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.<ns>.example.com" },
        "spec": {
            "group": "<ns>.example.com",
            "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets" },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "selectableFields": [{ "jsonPath": ".spec.color" }],
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "properties": {
                        "color": { "type": "string", "default": "red" },
                        "size": { "type": "integer", "minimum": 1, "maximum": 9 },
                        "note": { "type": "string", "nullable": true },
                    } },
                } } },
            }],
        },
    })
}

fn widget(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "<ns>.example.com/v1",
        "kind": "Widget",
        "metadata": { "name": name },
        "spec": spec,
    })
}

fn definitions() -> Vec<Fixed> {
    vec![
        fixed(
            "a definition is held by its objects' finalizers and goes after them",
            [
                post(DEFINITIONS, &definition()),
                settle(OWN, State::Served),
                post(
                    OWN,
                    &with(
                        widget("held", &json!({})),
                        &json!({ "metadata": { "finalizers": ["example.com/hold"] } }),
                    ),
                ),
                post(OWN, &widget("free", &json!({ "size": 2, "note": null }))),
                delete(format!("{DEFINITIONS}/widgets.<ns>.example.com")),
                settle(format!("{OWN}/free"), State::Gone),
                settle(format!("{OWN}/held"), State::Has("/metadata/deletionTimestamp")),
                get(format!("{OWN}/held")),
                post(OWN, &widget("new", &json!({}))),
                merge_patch(format!("{OWN}/held"), &json!({ "metadata": { "finalizers": null } })),
                settle(format!("{DEFINITIONS}/widgets.<ns>.example.com"), State::Gone),
                settle(OWN, State::Gone),
                get(OWN),
            ],
        ),
        fixed(
            "a definition's defaults, limits and selectable fields",
            [
                post(DEFINITIONS, &definition()),
                settle(OWN, State::Served),
                post(OWN, &widget("red", &json!({ "size": 3 }))),
                post(OWN, &widget("blue", &json!({ "color": "blue", "note": null }))),
                post(OWN, &widget("small", &json!({ "size": 0 }))),
                post(OWN, &widget("big", &json!({ "size": 10 }))),
                post(OWN, &widget("half", &json!({ "size": 1.5 }))),
                post(OWN, &widget("text", &json!({ "size": "1" }))),
                post(OWN, &widget("null", &json!({ "color": null, "size": null }))),
                get(format!("{OWN}?fieldSelector=spec.color=red")),
                get(format!("{OWN}?fieldSelector=spec.color!=red")),
                get(format!("{OWN}?fieldSelector=spec.size=3")),
                post(DEFINITIONS, &definition()),
                delete(format!("{DEFINITIONS}/widgets.<ns>.example.com")),
                settle(format!("{DEFINITIONS}/widgets.<ns>.example.com"), State::Gone),
            ],
        ),
    ]
}

fn owned(name: &str, owner: &str, uid: &str) -> Value {
    with(
        config_map(name),
        &json!({ "metadata": { "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uid,
        }] } }),
    )
}

fn dependents() -> Vec<Fixed> {
    vec![
        fixed(
            "dependents go with their owner, in the background and one after another",
            [
                post("configmaps", &config_map("owner")),
                post("configmaps", &owned("child", "owner", "<uid:configmaps/owner>")),
                post("configmaps", &owned("grandchild", "child", "<uid:configmaps/child>")),
                post("configmaps", &config_map("stranger")),
                delete_with("configmaps/owner", &json!({ "propagationPolicy": "Background" })),
                settle("configmaps/child", State::Gone),
                settle("configmaps/grandchild", State::Gone),
                get("configmaps"),
            ],
        ),
        fixed(
            "an owner that is deleted in the foreground waits for its dependents",
            [
                post("configmaps", &config_map("owner")),
                post("configmaps", &owned("child", "owner", "<uid:configmaps/owner>")),
                delete("configmaps/owner?propagationPolicy=Foreground"),
                settle("configmaps/owner", State::Gone),
                settle("configmaps/child", State::Gone),
                get("configmaps"),
            ],
        ),
        fixed(
            "orphans lose the reference to their owner",
            [
                post("configmaps", &config_map("owner")),
                post("configmaps", &owned("child", "owner", "<uid:configmaps/owner>")),
                delete_with("configmaps/owner", &json!({ "propagationPolicy": "Orphan" })),
                settle("configmaps/owner", State::Gone),
                get("configmaps"),
            ],
        ),
        fixed(
            "a reference to an owner is complete",
            [
                post("configmaps", &owned("a", "owner", "")),
                raw(
                    http::Method::POST,
                    "configmaps",
                    r#"{"metadata":{"name":"b","ownerReferences":[{"apiVersion":"v1"}]}}"#,
                ),
                post(
                    "configmaps",
                    &with(
                        config_map("c"),
                        &json!({ "metadata": { "ownerReferences": [
                        { "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1",
                          "controller": true },
                        { "apiVersion": "v1", "kind": "ConfigMap", "name": "y", "uid": "2",
                          "controller": true },
                    ] } }),
                    ),
                ),
                post(
                    "configmaps",
                    &with(
                        config_map("d"),
                        &json!({ "metadata": { "ownerReferences": [
                        { "apiVersion": "v1", "kind": "Event", "name": "x", "uid": "1" },
                    ] } }),
                    ),
                ),
                post(
                    "gitopsdeployments",
                    &with(
                        deployment("e"),
                        &json!({ "metadata": { "ownerReferences": [
                        { "apiVersion": "a/b/c", "kind": "", "name": "", "uid": "" },
                    ] } }),
                    ),
                ),
            ],
        ),
    ]
}
