//! Deleting: options, finalizers, collections.

use serde_json::{Value, json};

use super::{Fixed, fixed};
use crate::trace::{
    Until, config_map, delete, delete_with, deployment, get, json_patch, merge_patch, post, put,
    raw, watch, with,
};

pub(super) fn traces() -> Vec<Fixed> {
    vec![
        options(),
        malformed(),
        finalizers(),
        finalizers_of_status(),
        orphans(),
        collections(),
        collection_options(),
        generation(),
    ]
}

fn held(object: Value) -> Value {
    with(object, &json!({ "metadata": { "finalizers": ["example.com/hold"] } }))
}

fn precondition(name: &str, value: &str) -> Value {
    json!({ "preconditions": { name: value } })
}

fn options() -> Fixed {
    fixed(
        "a deletion with preconditions and options",
        [
            delete("configmaps/a"),
            post("configmaps", &config_map("a")),
            delete_with("configmaps/a", &precondition("uid", "<uid:configmaps/missing>")),
            delete_with("configmaps/a", &precondition("resourceVersion", "1")),
            delete_with("configmaps/a", &precondition("uid", "<uid:configmaps/a>")),
            post("configmaps", &config_map("a")),
            delete_with("configmaps/a", &precondition("resourceVersion", "<rv:configmaps/a>")),
            post("configmaps", &config_map("a")),
            delete_with("configmaps/a", &json!({ "gracePeriodSeconds": 0 })),
            post("configmaps", &config_map("a")),
            delete("configmaps/a?gracePeriodSeconds=30"),
            post("configmaps", &config_map("a")),
            delete_with("configmaps/a", &json!({ "dryRun": ["All"] })),
            delete("configmaps/a?propagationPolicy=Background"),
            post("gitopsdeployments", &deployment("a")),
            delete_with("gitopsdeployments/a", &precondition("uid", "<uid:configmaps/missing>")),
            delete_with(
                "gitopsdeployments/a",
                &json!({
                "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background" }),
            ),
            delete("gitopsdeployments/a"),
        ],
    )
}

fn malformed() -> Fixed {
    fixed(
        "a deletion with options that are none",
        [
            post("configmaps", &config_map("a")),
            post("gitopsdeployments", &deployment("a")),
            raw(http::Method::DELETE, "configmaps/a", "{"),
            raw(http::Method::DELETE, "gitopsdeployments/a", "{"),
            delete_with("configmaps/a", &json!({ "propagationPolicy": "Sideways" })),
            delete("configmaps/a?propagationPolicy=Sideways"),
            delete_with("configmaps/a", &json!({ "gracePeriodSeconds": -1 })),
            delete_with("configmaps/missing", &json!({ "dryRun": ["Some"] })),
            delete_with("gitopsdeployments/a", &json!({ "dryRun": ["Some"] })),
            delete_with("gitopsdeployments/a", &json!({ "unknown": 1 })),
            delete_with(
                "configmaps/a",
                &json!({ "propagationPolicy": "Orphan", "orphanDependents": true }),
            ),
            get("configmaps"),
        ],
    )
}

fn finalizers() -> Fixed {
    let replace = |finalizers: Value| json!([{ "op": "replace", "path": "/metadata/finalizers", "value": finalizers }]);
    fixed(
        "finalizers hold an object until they are gone",
        [
            post("gitopsdeployments", &held(deployment("a"))),
            delete("gitopsdeployments/a"),
            get("gitopsdeployments/a"),
            delete("gitopsdeployments/a"),
            delete_with("gitopsdeployments/a", &precondition("uid", "<uid:configmaps/missing>")),
            post("gitopsdeployments", &deployment("a")),
            json_patch(
                "gitopsdeployments/a",
                &replace(json!(["example.com/hold", "example.com/more"])),
            ),
            json_patch("gitopsdeployments/a", &replace(json!(["example.com/other"]))),
            merge_patch(
                "gitopsdeployments/a",
                &json!({ "metadata": { "deletionTimestamp": null, "labels": { "tier": "b" } } }),
            ),
            merge_patch("gitopsdeployments/a", &json!({ "spec": { "type": "automated" } })),
            merge_patch("gitopsdeployments/a", &json!({ "spec": { "type": "odd" } })),
            merge_patch(
                "gitopsdeployments/a?dryRun=All",
                &json!({ "metadata": { "finalizers": null } }),
            ),
            merge_patch(
                "gitopsdeployments/a",
                &json!({ "metadata": { "finalizers": null, "labels": { "tier": "a" } } }),
            ),
            get("gitopsdeployments/a"),
            post("configmaps", &held(config_map("a"))),
            delete("configmaps/a"),
            put(
                "configmaps/a",
                &with(
                    config_map("a"),
                    &json!({ "metadata": { "finalizers": ["example.com/hold", "example.com/more"] } }),
                ),
            ),
            put("configmaps/a", &config_map("a")),
            get("configmaps/a"),
            watch("gitopsdeployments?watch=1&resourceVersion=<start>", Until::Sentinel),
            watch("configmaps?watch=1&resourceVersion=<start>", Until::Sentinel),
        ],
    )
}

fn finalizers_of_status() -> Fixed {
    fixed(
        "the status of an object that is being deleted",
        [
            post("gitopsdeployments", &held(deployment("a"))),
            delete("gitopsdeployments/a"),
            merge_patch(
                "gitopsdeployments/a/status",
                &json!({
                    "metadata": { "finalizers": null },
                    "status": { "reconciledState": {
                        "source": { "path": "p", "repoURL": "r", "branch": "b" },
                        "destination": { "name": "", "namespace": "" } } },
                }),
            ),
            get("gitopsdeployments/a"),
        ],
    )
}

fn orphans() -> Fixed {
    fixed(
        "finalizers of a deletion that waits for dependents are the collector's",
        [
            post("configmaps", &held(config_map("a"))),
            delete("configmaps/a?propagationPolicy=Background"),
            delete("configmaps/a?propagationPolicy=Background"),
            merge_patch("configmaps/a", &json!({ "metadata": { "finalizers": null } })),
            get("configmaps/a"),
        ],
    )
}

fn collections() -> Fixed {
    let named = |name: &str, tier: &str| {
        with(config_map(name), &json!({ "metadata": { "labels": { "tier": tier } } }))
    };
    fixed(
        "a collection is deleted as far as the selector goes",
        [
            post("configmaps", &named("a", "a")),
            post("configmaps", &named("b", "b")),
            post("configmaps", &held(named("c", "a"))),
            post("configmaps", &named("d", "a")),
            delete("configmaps?labelSelector=tier=a&dryRun=All"),
            delete("configmaps?labelSelector=tier=a"),
            get("configmaps"),
            delete("configmaps?labelSelector=tier=a"),
            merge_patch("configmaps/c", &json!({ "metadata": { "finalizers": null } })),
            delete("configmaps?fieldSelector=metadata.name=b"),
            delete("configmaps?labelSelector=tier=a"),
            post("gitopsdeployments", &deployment("a")),
            post("gitopsdeployments", &deployment("b")),
            delete("gitopsdeployments"),
            get("gitopsdeployments"),
            watch("configmaps?watch=1&resourceVersion=<start>", Until::Sentinel),
        ],
    )
}

fn collection_options() -> Fixed {
    fixed(
        "a collection is deleted with options",
        [
            post("configmaps", &config_map("a")),
            delete("configmaps?labelSelector=a%20b"),
            delete("configmaps?fieldSelector=data.k=v&labelSelector=tier=none"),
            delete_with("configmaps?labelSelector=tier=a", &precondition("resourceVersion", "1")),
            delete_with("configmaps?labelSelector=tier=a", &json!({ "dryRun": ["All"] })),
            delete_with(
                "configmaps?labelSelector=tier=a",
                &json!({ "propagationPolicy": "Background" }),
            ),
            get("configmaps/a"),
        ],
    )
}

fn generation() -> Fixed {
    fixed(
        "the generation follows the specification",
        [
            post("gitopsdeployments", &held(deployment("a"))),
            merge_patch("gitopsdeployments/a", &json!({ "spec": { "type": "automated" } })),
            merge_patch(
                "gitopsdeployments/a",
                &json!({ "metadata": { "annotations": { "a": "b" } } }),
            ),
            delete("gitopsdeployments/a"),
            merge_patch(
                "gitopsdeployments/a",
                &json!({ "metadata": { "annotations": { "a": "c" } } }),
            ),
            post("configmaps", &held(config_map("a"))),
            merge_patch("configmaps/a", &json!({ "data": { "k": "w" } })),
            delete("configmaps/a"),
        ],
    )
}
