//! Names, labels, annotations and the rest of the metadata.

use serde_json::{Value, json};

use super::{Fixed, fixed};
use crate::trace::{Step, config_map, deployment, get, post, with};

pub(super) fn traces() -> Vec<Fixed> {
    let long = "a".repeat(254);
    let names = ["A", "a_b", "a..b", "-a", "a-", "", "a/b", "a b", long.as_str()];
    let label = "a".repeat(64);
    vec![
        fixed(
            "invalid names",
            names.iter().flat_map(|name| {
                [
                    post("configmaps", &config_map(name)),
                    post("gitopsdeployments", &deployment(name)),
                ]
            }),
        ),
        fixed(
            "invalid names of namespaces",
            ["A", "a.b", "-a", "", label.as_str()]
                .map(|name| post("/api/v1/namespaces", &json!({ "metadata": { "name": name } }))),
        ),
        fixed(
            "the longest names",
            [
                post("configmaps", &config_map(&"a".repeat(253))),
                post("gitopsdeployments", &deployment(&"a".repeat(253))),
            ],
        ),
        fixed(
            "generated names",
            [
                post("configmaps", &json!({ "metadata": { "generateName": "a-" } })),
                post("configmaps", &json!({ "metadata": { "generateName": "a-", "name": "b" } })),
                post("configmaps", &json!({ "metadata": { "generateName": "" } })),
                post("configmaps", &json!({ "metadata": {} })),
                post("configmaps", &json!({ "metadata": { "generateName": "A-" } })),
                post(
                    "gitopsdeployments",
                    &with(deployment(""), &json!({ "metadata": { "generateName": "a-" } })),
                ),
                post(
                    "gitopsdeployments",
                    &with(deployment(""), &json!({ "metadata": { "generateName": "A" } })),
                ),
                post("gitopsdeployments", &deployment("")),
            ],
        ),
        fixed(
            "a generated name leaves room for its end",
            [post("configmaps", &json!({ "metadata": { "generateName": "p".repeat(80) } }))],
        ),
        fixed(
            "invalid labels",
            metadata_of(
                "labels",
                &[
                    json!({ "a": "b c" }),
                    json!({ "a b": "c" }),
                    json!({ "a": label }),
                    json!({ "A_/b": "c" }),
                    json!({ "a/b/c": "d" }),
                    json!({ "": "c" }),
                    json!({ "a": "-" }),
                    json!({ "a": 1 }),
                    json!({ "a": null }),
                    json!({ "a": "" }),
                    json!({}),
                    json!("x"),
                    json!({ label.clone(): "x" }),
                ],
            ),
        ),
        fixed(
            "invalid annotations",
            metadata_of(
                "annotations",
                &[
                    json!({ "a b": "c" }),
                    json!({ "A.io/b": "c" }),
                    json!({ "a/b/c": "d" }),
                    json!({ "a": 1 }),
                    json!({ "a": null }),
                    json!({ "a": "any thing\n" }),
                    json!({ "a": "x".repeat(256 * 1024) }),
                ],
            ),
        ),
        fixed(
            "invalid finalizers",
            metadata_of(
                "finalizers",
                &[
                    json!(["a"]),
                    json!(["a b"]),
                    json!(["foregroundDeletion"]),
                    json!(["orphan"]),
                    json!(["a.io/b/c"]),
                    json!(["a.io/b", "a.io/b"]),
                    json!("a"),
                    json!([1]),
                    json!([""]),
                    json!([]),
                    json!(["orphan", "foregroundDeletion"]),
                ],
            ),
        ),
        fixed(
            "unknown and mistyped fields of the metadata",
            metadata_of("unknown", &[json!(1)])
                .into_iter()
                .chain(metadata_of("generation", &[json!("x"), json!(3)]))
                .chain(metadata_of("creationTimestamp", &[json!("x"), json!(null)]))
                .chain(metadata_of("name", &[json!(3)])),
        ),
        fixed(
            "keys of data",
            [
                post("configmaps", &json!({ "metadata": { "name": "a" }, "data": { "a/b": "c" } })),
                post(
                    "configmaps",
                    &json!({ "metadata": { "name": "b" }, "data": { "..": "c", ".": "d" } }),
                ),
                post("configmaps", &json!({ "metadata": { "name": "c" }, "data": { "..a": "c" } })),
                post(
                    "configmaps",
                    &json!({ "metadata": { "name": "d" }, "data": { "a": "c" }, "binaryData": { "a": "YQ==" } }),
                ),
                post("configmaps", &json!({ "metadata": { "name": "e" }, "data": { "a": 1 } })),
                post("configmaps", &json!({ "metadata": { "name": "f" }, "data": { "a": null } })),
                post(
                    "secrets",
                    &json!({ "metadata": { "name": "a" }, "stringData": { "a/b": "c" } }),
                ),
                post("secrets", &json!({ "metadata": { "name": "b" }, "data": { "x": "YQ" } })),
                get("configmaps"),
                get("secrets"),
            ],
        ),
    ]
}

/// A creation of a built-in and of a custom kind for each value of a field of the metadata.
fn metadata_of(field: &str, values: &[Value]) -> Vec<Step> {
    let steps = values.iter().enumerate().flat_map(|(at, value)| {
        let changed = |mut object: Value| {
            object["metadata"][field] = value.clone();
            object
        };
        let name = format!("n{at}");
        [
            post("configmaps", &changed(config_map(&name))),
            post("gitopsdeployments", &changed(deployment(&name))),
        ]
    });
    steps.collect()
}
