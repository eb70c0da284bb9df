//! The four kinds of patches.

use http::Method;
use serde_json::json;

use super::{Fixed, fixed};
use crate::trace::{
    APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, apply, config_map, deployment, get,
    json_patch, merge_patch, post, put, raw, strategic_patch, with,
};

pub(super) fn traces() -> Vec<Fixed> {
    let mut traces = json_patches();
    traces.extend(merge_patches());
    traces.extend(strategic_patches());
    traces.extend(applies());
    traces
}

fn json_patches() -> Vec<Fixed> {
    vec![
        fixed(
            "a JSON patch is applied whole or not at all",
            [
                post("configmaps", &config_map("a")),
                json_patch(
                    "configmaps/a",
                    &json!([
                        { "op": "test", "path": "/data/k", "value": "v" },
                        { "op": "replace", "path": "/data/k", "value": "w" },
                    ]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([
                        { "op": "replace", "path": "/data/k", "value": "x" },
                        { "op": "test", "path": "/data/k", "value": "v" },
                    ]),
                ),
                json_patch("configmaps/a", &json!([{ "op": "remove", "path": "/data/missing" }])),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "replace", "path": "/data/missing", "value": "x" }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "add", "path": "/binaryData/k", "value": "x" }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "add", "path": "/metadata/annotations", "value": { "a/b": "c" } }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "remove", "path": "/metadata/annotations/a~1b" }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "copy", "from": "/data/k", "path": "/data/l" }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "move", "from": "/data/k", "path": "/data/m" }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "test", "path": "/metadata/finalizers", "value": null }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "test", "path": "/metadata/name", "value": null }]),
                ),
                json_patch(
                    "configmaps/a",
                    &json!([{ "op": "test", "path": "/data/none", "value": "x" }]),
                ),
                json_patch("configmaps/a", &json!([])),
                json_patch("configmaps/missing", &json!([])),
                get("configmaps/a"),
            ],
        ),
        fixed(
            "a JSON patch of finalizers, as controllers do it",
            [
                post("gitopsdeployments", &deployment("a")),
                json_patch(
                    "gitopsdeployments/a",
                    &json!([
                        { "op": "test", "path": "/metadata/finalizers", "value": null },
                        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/one"] },
                    ]),
                ),
                json_patch(
                    "gitopsdeployments/a",
                    &json!([
                        { "op": "test", "path": "/metadata/finalizers", "value": null },
                        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/two"] },
                    ]),
                ),
                json_patch(
                    "gitopsdeployments/a",
                    &json!([
                        { "op": "add", "path": "/metadata/finalizers/-", "value": "example.com/two" },
                    ]),
                ),
                json_patch(
                    "gitopsdeployments/a",
                    &json!([
                        { "op": "test", "path": "/metadata/finalizers/0", "value": "example.com/one" },
                        { "op": "remove", "path": "/metadata/finalizers/0" },
                    ]),
                ),
                json_patch(
                    "gitopsdeployments/a",
                    &json!([{ "op": "remove", "path": "/metadata/finalizers/7" }]),
                ),
                get("gitopsdeployments/a"),
            ],
        ),
        fixed(
            "a JSON patch that is none",
            [
                post("configmaps", &config_map("a")),
                post("gitopsdeployments", &deployment("a")),
                raw(Method::PATCH, "configmaps/a", "{}").content_type(JSON_PATCH),
                raw(Method::PATCH, "configmaps/a", "[").content_type(JSON_PATCH),
                raw(Method::PATCH, "configmaps/a", r#"[{"op":"none","path":"/data"}]"#)
                    .content_type(JSON_PATCH),
                raw(Method::PATCH, "configmaps/a", r#"[{"op":"remove"}]"#).content_type(JSON_PATCH),
                raw(Method::PATCH, "gitopsdeployments/a", "{}").content_type(JSON_PATCH),
                raw(Method::PATCH, "gitopsdeployments/a", r#"[{"op":"remove","path":"/spec"}]"#)
                    .content_type(JSON_PATCH),
                raw(Method::PATCH, "configmaps/a", r#"[{"op":"replace","path":"","value":3}]"#)
                    .content_type(JSON_PATCH),
                raw(
                    Method::PATCH,
                    "configmaps/a",
                    r#"[{"op":"replace","path":"/metadata/labels/tier","value":3}]"#,
                )
                .content_type(JSON_PATCH),
            ],
        ),
    ]
}

fn merge_patches() -> Vec<Fixed> {
    vec![
        fixed(
            "a merge patch of what identifies the object",
            [
                post("configmaps", &config_map("a")),
                post("gitopsdeployments", &deployment("a")),
                merge_patch("configmaps/a", &json!({ "metadata": { "name": "b" } })),
                merge_patch("gitopsdeployments/a", &json!({ "metadata": { "name": "b" } })),
                merge_patch("configmaps/a", &json!({ "metadata": { "name": null } })),
                merge_patch("gitopsdeployments/a", &json!({ "metadata": { "name": null } })),
                merge_patch("configmaps/a", &json!({ "metadata": { "namespace": "x" } })),
                merge_patch("gitopsdeployments/a", &json!({ "metadata": { "namespace": "x" } })),
                merge_patch(
                    "configmaps/a",
                    &json!({ "metadata": { "uid": "11111111-1111-4111-8111-111111111111" } }),
                ),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "metadata": { "uid": "11111111-1111-4111-8111-111111111111" } }),
                ),
                merge_patch("configmaps/a", &json!({ "kind": "Secret" })),
                merge_patch("gitopsdeployments/a", &json!({ "kind": "Operation" })),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "apiVersion": "managed-gitops.redhat.com/v2" }),
                ),
                merge_patch("gitopsdeployments/a", &json!({ "kind": null, "apiVersion": null })),
            ],
        ),
        fixed(
            "a merge patch with and without a resource version",
            [
                post("configmaps", &config_map("a")),
                post("gitopsdeployments", &deployment("a")),
                merge_patch(
                    "configmaps/a",
                    &json!({ "metadata": { "resourceVersion": "1" }, "data": { "k": "w" } }),
                ),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "metadata": { "resourceVersion": "1" }, "spec": { "type": "automated" } }),
                ),
                merge_patch(
                    "configmaps/a",
                    &json!({ "metadata": { "resourceVersion": "<rv:configmaps/a>" }, "data": { "k": "w" } }),
                ),
                merge_patch(
                    "configmaps/a",
                    &json!({ "metadata": { "resourceVersion": null }, "data": { "k": "x" } }),
                ),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "metadata": { "resourceVersion": null }, "spec": { "type": "automated" } }),
                ),
                merge_patch("configmaps/a", &json!({ "metadata": { "resourceVersion": "" } })),
                merge_patch("configmaps/a", &json!({ "metadata": { "resourceVersion": "x" } })),
            ],
        ),
        fixed(
            "a merge patch that changes nothing, or only what is apart",
            [
                post("gitopsdeployments", &deployment("a")),
                merge_patch("gitopsdeployments/a", &json!({})),
                merge_patch("gitopsdeployments/a", &json!({ "spec": { "type": "manual" } })),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "status": { "health": { "status": "Healthy" } } }),
                ),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "metadata": { "labels": { "tier": "b" } } }),
                ),
                merge_patch("gitopsdeployments/a", &json!({ "metadata": { "labels": null } })),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "metadata": { "generation": 7, "creationTimestamp": null } }),
                ),
                merge_patch(
                    "gitopsdeployments/a/status",
                    &json!({ "status": { "health": { "status": "Healthy" } } }),
                ),
                merge_patch(
                    "gitopsdeployments/a/status",
                    &json!({
                        "spec": { "type": "automated" },
                        "metadata": { "labels": { "x": "y" }, "annotations": { "x": "y" } },
                        "status": { "health": { "status": "Missing" }, "reconciledState": {
                            "source": { "path": "p", "repoURL": "r", "branch": "b" },
                            "destination": { "name": "", "namespace": "" } } },
                    }),
                ),
                merge_patch("gitopsdeployments/a/status", &json!({ "status": null })),
                merge_patch(
                    "gitopsdeployments/a",
                    &json!({ "metadata": { "finalizers": ["example.com/a"] } }),
                ),
                merge_patch("configmaps/a/status", &json!({})),
                get("gitopsdeployments/a"),
            ],
        ),
        fixed(
            "a merge patch that is none",
            [
                post("configmaps", &config_map("a")),
                post("gitopsdeployments", &deployment("a")),
                raw(Method::PATCH, "configmaps/a", "[]").content_type(MERGE_PATCH),
                raw(Method::PATCH, "configmaps/a", "{").content_type(MERGE_PATCH),
                raw(Method::PATCH, "configmaps/a", "").content_type(MERGE_PATCH),
                raw(Method::PATCH, "configmaps/a", "3").content_type(MERGE_PATCH),
                raw(Method::PATCH, "gitopsdeployments/a", "[]").content_type(MERGE_PATCH),
                raw(Method::PATCH, "gitopsdeployments/a", "{").content_type(MERGE_PATCH),
                merge_patch("configmaps/a", &json!({ "data": 3 })),
                merge_patch("gitopsdeployments/a", &json!({ "spec": 3 })),
                merge_patch("gitopsdeployments/a", &json!({ "spec": null })),
                merge_patch("gitopsdeployments/a", &json!({ "metadata": null })),
                merge_patch("configmaps/a", &json!({ "metadata": null })),
            ],
        ),
    ]
}

fn strategic_patches() -> Vec<Fixed> {
    vec![fixed(
        "a strategic merge patch is for built-in kinds",
        [
            post(
                "configmaps",
                &with(
                    config_map("a"),
                    &json!({ "metadata": { "finalizers": ["a.io/a", "a.io/b"] } }),
                ),
            ),
            strategic_patch("configmaps/a", &json!({ "data": { "k": null, "l": "w" } })),
            strategic_patch("configmaps/a", &json!({ "data": { "$patch": "replace", "m": "x" } })),
            strategic_patch(
                "configmaps/a",
                &json!({ "metadata": { "finalizers": ["a.io/c", "a.io/a"] } }),
            ),
            strategic_patch(
                "configmaps/a",
                &json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a.io/a"] } }),
            ),
            strategic_patch("configmaps/a", &json!({ "metadata": { "finalizers": null } })),
            strategic_patch(
                "configmaps/a",
                &json!({ "metadata": { "resourceVersion": "1" }, "data": { "z": "z" } }),
            ),
            strategic_patch("configmaps/a", &json!({ "metadata": { "name": "b" } })),
            strategic_patch("configmaps/a", &json!({ "data": 3 })),
            strategic_patch("configmaps/a", &json!({ "unknown": 3 })),
            raw(Method::PATCH, "configmaps/a", "[]").content_type(STRATEGIC_PATCH),
            strategic_patch("configmaps/missing", &json!({})),
            post("gitopsdeployments", &deployment("a")),
            strategic_patch("gitopsdeployments/a", &json!({ "spec": { "type": "automated" } })),
            get("configmaps/a"),
        ],
    )]
}

fn applies() -> Vec<Fixed> {
    let map = |data: serde_json::Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data });
    vec![
        fixed(
            "an apply creates, changes and removes what its manager owns",
            [
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "v", "l": "v" }))),
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "v", "l": "v" }))),
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "w" }))),
                apply("configmaps/a?fieldManager=two", &map(json!({ "m": "x" }))),
                apply("configmaps/a?fieldManager=two", &map(json!({ "k": "x" }))),
                apply("configmaps/a?fieldManager=two&force=true", &map(json!({ "k": "x" }))),
                apply("configmaps/a?fieldManager=one", &map(json!({}))),
                get("configmaps/a"),
            ],
        ),
        fixed(
            "an apply that changes nothing is no change, whoever applied meanwhile",
            [
                apply("configmaps/a?fieldManager=two", &map(json!({ "l": "v" }))),
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "v" }))),
                apply("configmaps/a?fieldManager=two", &map(json!({ "l": "v" }))),
            ],
        ),
        fixed(
            "an apply of a custom kind",
            [
                apply("gitopsdeployments/a?fieldManager=one", &deployment("a")),
                apply("gitopsdeployments/a?fieldManager=one", &deployment("a")),
                apply(
                    "gitopsdeployments/a?fieldManager=two",
                    &with(deployment("a"), &json!({ "spec": { "type": "automated" } })),
                ),
                apply(
                    "gitopsdeployments/a?fieldManager=two&force=true",
                    &with(deployment("a"), &json!({ "spec": { "type": "automated" } })),
                ),
                apply(
                    "gitopsdeployments/a?fieldManager=one&force=true",
                    &with(deployment("a"), &json!({ "spec": { "type": "odd" } })),
                ),
                apply(
                    "gitopsdeployments/a/status?fieldManager=one",
                    &json!({
                    "apiVersion": "managed-gitops.redhat.com/v1alpha1", "kind": "GitOpsDeployment",
                    "metadata": { "name": "a" },
                    "status": { "health": { "status": "Healthy" }, "reconciledState": {
                        "source": { "path": "p", "repoURL": "r", "branch": "b" },
                        "destination": { "name": "", "namespace": "" } } } }),
                ),
                get("gitopsdeployments/a"),
            ],
        ),
        fixed(
            "an apply that is refused",
            [
                apply("configmaps/a", &map(json!({}))),
                apply("configmaps/a?fieldManager=one", &json!({ "metadata": { "name": "a" } })),
                apply(
                    "configmaps/a?fieldManager=one",
                    &with(map(json!({})), &json!({ "metadata": { "name": "b" } })),
                ),
                apply(
                    "configmaps/a?fieldManager=one",
                    &with(map(json!({})), &json!({ "metadata": { "resourceVersion": "1" } })),
                ),
                apply(
                    "configmaps/a?fieldManager=one",
                    &with(map(json!({})), &json!({ "unknown": 1 })),
                ),
                apply(
                    "configmaps/b?fieldManager=one",
                    &with(
                        map(json!({})),
                        &json!({ "metadata": {
                            "name": "b",
                            "uid": "11111111-1111-4111-8111-111111111111",
                        } }),
                    ),
                ),
                apply(
                    "configmaps/a?fieldManager=one&fieldValidation=Strict",
                    &with(map(json!({})), &json!({ "unknown": 1 })),
                ),
                apply(
                    "gitopsdeployments/a?fieldManager=one&fieldValidation=Strict",
                    &with(deployment("a"), &json!({ "spec": { "unknown": 1 } })),
                ),
                raw(Method::PATCH, "configmaps/a?fieldManager=one", "{").content_type(APPLY_PATCH),
                apply("gitopsdeployments/a/status?fieldManager=one", &deployment("a")),
                apply(
                    "gitopsdeployments/a?fieldManager=one",
                    &with(deployment("a"), &json!({ "kind": "Operation" })),
                ),
                merge_patch("configmaps/a?force=true", &json!({})),
                get("configmaps"),
            ],
        ),
        fixed(
            "an apply over what others wrote",
            [
                post("configmaps", &config_map("a")),
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "v" }))),
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "w" }))),
                put(
                    "configmaps/a?fieldManager=two",
                    &with(config_map("a"), &json!({ "data": { "k": "x" } })),
                ),
                apply("configmaps/a?fieldManager=one", &map(json!({ "k": "y" }))),
                apply("configmaps/a?fieldManager=one&force=true", &map(json!({ "k": "z" }))),
                apply("configmaps/a?fieldManager=one", &map(json!({}))),
                get("configmaps/a"),
            ],
        ),
    ]
}
