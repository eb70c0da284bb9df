//! Creating and replacing.

use http::Method;
use serde_json::json;

use super::{Fixed, fixed};
use crate::trace::{
    application, config_map, delete, deployment, get, post, put, raw, smallest, typed, with,
};

pub(super) fn traces() -> Vec<Fixed> {
    let mut traces = creating();
    traces.extend(replacing());
    traces.extend(bodies());
    traces.extend(statuses());
    traces
}

fn creating() -> Vec<Fixed> {
    vec![
        fixed(
            "each kind is stored as it was sent, with its defaults",
            [
                post("configmaps", &config_map("a")),
                post(
                    "secrets",
                    &json!({ "metadata": { "name": "a" }, "stringData": { "k": "v" } }),
                ),
                post("secrets", &json!({ "metadata": { "name": "b" }, "data": { "k": "!" } })),
                post("secrets", &json!({ "metadata": { "name": "c" }, "type": "Opaque" })),
                post(
                    "leases",
                    &json!({ "metadata": { "name": "a" },
                    "spec": { "holderIdentity": "me", "leaseDurationSeconds": 15 } }),
                ),
                post(
                    "events",
                    &json!({ "metadata": { "name": "a" }, "reason": "R", "message": "m",
                    "involvedObject": { "kind": "ConfigMap", "name": "a", "namespace": "<ns>" } }),
                ),
                post("gitopsdeployments", &deployment("a")),
                post("operations", &typed("Operation", "a", &json!({ "operationID": "1" }))),
                post("applications", &application("a")),
                get("configmaps/a"),
                get("secrets/a"),
                get("leases/a"),
                get("events/a"),
                get("gitopsdeployments/a"),
                get("operations/a"),
                get("applications/a"),
            ],
        ),
        fixed(
            "a name that is taken",
            [
                post("configmaps", &config_map("a")),
                post("configmaps", &config_map("a")),
                post("gitopsdeployments", &deployment("a")),
                post("gitopsdeployments", &deployment("a")),
                post("/api/v1/namespaces", &json!({ "metadata": { "name": "<ns>" } })),
                post("/api/v1/namespaces", &json!({ "metadata": { "name": "default" } })),
            ],
        ),
        fixed(
            "a namespace that is not there",
            [
                post("/api/v1/namespaces/<other>/configmaps", &config_map("a")),
                post(
                    "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/<other>/operations",
                    &smallest("operations", "a"),
                ),
                get("/api/v1/namespaces/<other>/configmaps"),
                get("/api/v1/namespaces/<other>/configmaps/a"),
                post("/api/v1/configmaps", &config_map("a")),
                post(
                    "configmaps",
                    &with(config_map("a"), &json!({ "metadata": { "namespace": "x" } })),
                ),
                post(
                    "gitopsdeployments",
                    &with(deployment("a"), &json!({ "metadata": { "namespace": "x" } })),
                ),
            ],
        ),
        fixed(
            "what the server sets is not taken from the client",
            [
                post(
                    "configmaps",
                    &with(
                        config_map("a"),
                        &json!({ "metadata": {
                    "uid": "11111111-1111-4111-8111-111111111111",
                    "creationTimestamp": "2001-01-01T00:00:00Z",
                    "deletionTimestamp": "2001-01-01T00:00:00Z",
                    "deletionGracePeriodSeconds": 30,
                    "generation": 7,
                    "selfLink": "/x",
                } }),
                    ),
                ),
                post(
                    "gitopsdeployments",
                    &with(
                        deployment("a"),
                        &json!({
                            "metadata": { "generation": 7, "uid": "x" },
                            "status": { "health": { "status": "Healthy" } },
                        }),
                    ),
                ),
                post(
                    "configmaps",
                    &with(config_map("b"), &json!({ "metadata": { "resourceVersion": "1" } })),
                ),
                post(
                    "gitopsdeployments",
                    &with(deployment("b"), &json!({ "metadata": { "resourceVersion": "1" } })),
                ),
                post("applications", &with(application("a"), &json!({ "status": { "x": 1 } }))),
            ],
        ),
        fixed(
            "a dry run stores nothing",
            [
                post("configmaps?dryRun=All", &config_map("a")),
                post("gitopsdeployments?dryRun=All", &deployment("a")),
                get("configmaps/a"),
                post("configmaps", &config_map("a")),
                put("configmaps/a?dryRun=All", &config_map("a")),
                put(
                    "configmaps/a?dryRun=All",
                    &with(config_map("a"), &json!({ "data": { "k": "w" } })),
                ),
                delete("configmaps/a?dryRun=All"),
                post("configmaps?dryRun=Some", &config_map("b")),
                post("configmaps?fieldValidation=Some", &config_map("b")),
                get("configmaps"),
            ],
        ),
    ]
}

fn replacing() -> Vec<Fixed> {
    let version = |version: &str| json!({ "metadata": { "resourceVersion": version } });
    let changed = json!({ "data": { "k": "w" } });
    let manual = json!({ "spec": { "type": "automated" } });
    vec![
        fixed(
            "a replacement of a built-in kind needs no resource version, but a right one",
            [
                post("configmaps", &config_map("a")),
                put("configmaps/a", &with(config_map("a"), &changed)),
                put("configmaps/a", &config_map("a")),
                put("configmaps/a", &with(config_map("a"), &version("<rv:configmaps/a>"))),
                put("configmaps/a", &with(config_map("a"), &version("1"))),
                put("configmaps/a", &with(config_map("a"), &version("x"))),
                put("configmaps/a", &with(config_map("a"), &version("0"))),
                put("configmaps/missing", &config_map("missing")),
                put("configmaps/missing", &with(config_map("missing"), &version("1"))),
            ],
        ),
        fixed(
            "a replacement of a custom kind needs the resource version",
            [
                post("gitopsdeployments", &deployment("a")),
                put("gitopsdeployments/a", &with(deployment("a"), &manual)),
                put(
                    "gitopsdeployments/a",
                    &with(with(deployment("a"), &manual), &version("<rv:gitopsdeployments/a>")),
                ),
                put(
                    "gitopsdeployments/a",
                    &with(with(deployment("a"), &manual), &version("<rv:gitopsdeployments/a>")),
                ),
                put("gitopsdeployments/a", &with(deployment("a"), &version("1"))),
                put("gitopsdeployments/a", &with(deployment("a"), &version("x"))),
                put("gitopsdeployments/missing", &deployment("missing")),
                get("gitopsdeployments/a"),
            ],
        ),
        fixed(
            "a replacement is of the object with the given uid",
            [
                post("configmaps", &config_map("a")),
                put(
                    "configmaps/a",
                    &with(
                        config_map("a"),
                        &json!({ "metadata": { "uid": "<uid:configmaps/missing>" } }),
                    ),
                ),
                put(
                    "configmaps/a",
                    &with(config_map("a"), &json!({ "metadata": { "uid": "<uid:configmaps/a>" } })),
                ),
                post("gitopsdeployments", &deployment("a")),
                put(
                    "gitopsdeployments/a",
                    &with(
                        deployment("a"),
                        &json!({ "metadata": {
                    "uid": "<uid:configmaps/missing>",
                    "resourceVersion": "<rv:gitopsdeployments/a>",
                } }),
                    ),
                ),
                put(
                    "configmaps/missing",
                    &with(
                        config_map("missing"),
                        &json!({ "metadata": { "uid": "<uid:configmaps/a>" } }),
                    ),
                ),
            ],
        ),
        fixed(
            "a replacement keeps what the server sets, and drops what is not named",
            [
                post(
                    "configmaps",
                    &with(
                        config_map("a"),
                        &json!({ "metadata": {
                    "annotations": { "x": "y" }, "finalizers": ["example.com/hold"] } }),
                    ),
                ),
                put(
                    "configmaps/a",
                    &json!({ "metadata": { "name": "a",
                    "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 9,
                    "deletionTimestamp": "2001-01-01T00:00:00Z" } }),
                ),
                put("configmaps/a", &json!({ "metadata": { "name": "a", "namespace": "<ns>" } })),
                put("configmaps/a", &json!({ "metadata": { "name": "a", "namespace": "other" } })),
                put("configmaps/a", &json!({ "metadata": { "namespace": "<ns>" } })),
                put("configmaps/a", &config_map("b")),
                put("configmaps/a", &json!({})),
            ],
        ),
        fixed(
            "a lease is created by a replacement, as leader election does it",
            [
                put(
                    "leases/a",
                    &json!({ "metadata": { "name": "a" }, "spec": { "holderIdentity": "me" } }),
                ),
                put(
                    "leases/a",
                    &json!({ "metadata": { "name": "a" }, "spec": { "holderIdentity": "you" } }),
                ),
                put(
                    "leases/a",
                    &json!({ "metadata": { "name": "a", "resourceVersion": "<rv:leases/a>" }, "spec": { "holderIdentity": "you" } }),
                ),
                put(
                    "leases/a",
                    &json!({ "metadata": { "name": "a", "resourceVersion": "1" }, "spec": { "holderIdentity": "you" } }),
                ),
                put(
                    "leases/b",
                    &json!({ "metadata": { "name": "b", "resourceVersion": "1" }, "spec": {} }),
                ),
            ],
        ),
        fixed(
            "a secret's type and what is immutable stay",
            [
                post(
                    "secrets",
                    &json!({ "metadata": { "name": "a" }, "type": "x.io/y", "data": { "k": "dg==" } }),
                ),
                put("secrets/a", &json!({ "metadata": { "name": "a" }, "type": "x.io/z" })),
                put(
                    "secrets/a",
                    &json!({ "metadata": { "name": "a" }, "type": "x.io/y", "immutable": true, "data": { "k": "dg==" } }),
                ),
                put(
                    "secrets/a",
                    &json!({ "metadata": { "name": "a" }, "type": "x.io/y", "data": { "k": "dw==" } }),
                ),
                post("configmaps", &with(config_map("a"), &json!({ "immutable": true }))),
                put(
                    "configmaps/a",
                    &with(config_map("a"), &json!({ "immutable": true, "data": { "k": "w" } })),
                ),
                put("configmaps/a", &config_map("a")),
            ],
        ),
    ]
}

fn bodies() -> Vec<Fixed> {
    let typed = |api_version: &str, kind: &str| json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "a" } });
    vec![
        fixed(
            "a body that is no object",
            ["", "{", "[]", "\"a\"", "{}", "{\"metadata\": 1}"].into_iter().flat_map(|body| {
                [
                    raw(Method::POST, "configmaps", body),
                    raw(Method::POST, "gitopsdeployments", body),
                ]
            }),
        ),
        fixed(
            "a body of another type",
            [
                post("configmaps", &typed("v1", "Secret")),
                post("configmaps", &typed("v2", "ConfigMap")),
                post("configmaps", &typed("apps/v1", "Deployment")),
                post("configmaps", &typed("", "ConfigMap")),
                post("configmaps", &typed("v1", "")),
                post(
                    "gitopsdeployments",
                    &typed("managed-gitops.redhat.com/v1alpha1", "Operation"),
                ),
                post(
                    "gitopsdeployments",
                    &typed("managed-gitops.redhat.com/v1", "GitOpsDeployment"),
                ),
                post("gitopsdeployments", &typed("", "GitOpsDeployment")),
                post("gitopsdeployments", &typed("managed-gitops.redhat.com/v1alpha1", "")),
                post("gitopsdeployments", &typed("v1", "ConfigMap")),
                put("configmaps/a", &typed("v1", "Secret")),
            ],
        ),
        fixed(
            "a body of another format",
            [
                raw(Method::POST, "configmaps", "metadata:\n  name: a\n")
                    .content_type("application/yaml"),
                raw(Method::POST, "configmaps", "{}").content_type("text/plain"),
                raw(Method::PATCH, "configmaps/a", "{}").content_type("text/plain"),
                raw(Method::PATCH, "gitopsdeployments/a", "{}").content_type("application/json"),
                get("configmaps").accept("text/html"),
                get("configmaps/a").accept("text/html"),
            ],
        ),
        fixed(
            "bytes that are no text",
            [
                raw(
                    Method::POST,
                    "configmaps",
                    r#"{"metadata": {"name": "a"}, "data": {"k": "a<byte ff>b<byte e2><byte 82>c"}}"#,
                ),
                raw(
                    Method::POST,
                    "gitopsdeployments",
                    r#"{"apiVersion": "managed-gitops.redhat.com/v1alpha1",
                        "kind": "GitOpsDeployment", "metadata": {"name": "a"},
                        "spec": {"type": "manual", "source": {"repoURL": "https://example.com/a",
                        "path": "<byte ed><byte a0><byte 80>\ud800x\udc00\ud83d\ude00\\ud800"}}}"#,
                ),
                raw(
                    Method::PATCH,
                    "gitopsdeployments/a",
                    r#"{"spec": {"source": {"path": "\ud800<byte c0><byte af>"}}}"#,
                )
                .content_type("application/merge-patch+json"),
                raw(
                    Method::PATCH,
                    "configmaps/a",
                    r#"[{"op": "add", "path": "/data/l", "value": "\ud800<byte c0>"}]"#,
                )
                .content_type("application/json-patch+json"),
                get("configmaps/a"),
                get("gitopsdeployments/a"),
            ],
        ),
        fixed(
            "a body that is too long",
            [
                post(
                    "configmaps",
                    &with(config_map("a"), &json!({ "data": { "k": "x".repeat(1 << 20) } })),
                ),
                post(
                    "configmaps",
                    &with(config_map("b"), &json!({ "data": { "k": "x".repeat((1 << 20) - 1) } })),
                ),
                post(
                    "secrets",
                    &json!({ "metadata": { "name": "a" }, "stringData": { "k": "x".repeat((1 << 20) + 1) } }),
                ),
                // If a body is more than 256 KiB too long, the API server does not read the rest,
                // and a client may or may not see its answer.
                post(
                    "configmaps",
                    &with(
                        config_map("c"),
                        &json!({ "data": { "k": "x".repeat((3 << 20) + (128 << 10)) } }),
                    ),
                ),
                post(
                    "gitopsdeployments",
                    &with(
                        deployment("a"),
                        &json!({ "spec": { "source": { "path": "x".repeat(2 << 20) } } }),
                    ),
                ),
            ],
        ),
        fixed(
            "a path or verb that is not served",
            [
                get("/api/v1/namespaces/<ns>/nothing"),
                get("/apis/none.example.com/v1/things"),
                get("/apis/managed-gitops.redhat.com/v2/gitopsdeployments"),
                raw(Method::POST, "configmaps/a", config_map("a").to_string()),
                raw(Method::PUT, "configmaps", config_map("a").to_string()),
                raw(Method::PATCH, "configmaps", "{}"),
                raw(Method::PUT, "gitopsdeployments", deployment("a").to_string()),
                raw(Method::POST, "gitopsdeployments/a", deployment("a").to_string()),
                get("configmaps/a/status"),
                get("operations/a/scale"),
                get("/api/v1/namespaces/<ns>/namespaces"),
                delete("/api/v1/namespaces"),
            ],
        ),
    ]
}

fn statuses() -> Vec<Fixed> {
    let health = |status: &str| {
        json!({ "status": {
            "health": { "status": status },
            "reconciledState": {
                "source": { "path": "p", "repoURL": "r", "branch": "b" },
                "destination": { "name": "", "namespace": "" },
            },
        } })
    };
    let version = json!({ "metadata": { "resourceVersion": "<rv:gitopsdeployments/a>" } });
    let full = |status: &str| with(with(deployment("a"), &health(status)), &version);
    vec![
        fixed(
            "the status is written apart from the rest",
            [
                post("gitopsdeployments", &deployment("a")),
                put(
                    "gitopsdeployments/a/status",
                    &with(
                        full("Healthy"),
                        &json!({
                            "metadata": { "labels": { "tier": "b" }, "annotations": { "x": "y" },
                                "finalizers": ["example.com/hold"] },
                            "spec": { "type": "automated" },
                        }),
                    ),
                ),
                put("gitopsdeployments/a", &full("Degraded")),
                put(
                    "gitopsdeployments/a",
                    &with(full("Degraded"), &json!({ "spec": { "type": "automated" } })),
                ),
                put(
                    "gitopsdeployments/a/status",
                    &with(full("Healthy"), &json!({ "metadata": { "resourceVersion": "1" } })),
                ),
                put("gitopsdeployments/a/status", &with(deployment("a"), &health("Missing"))),
                put("gitopsdeployments/a/status", &with(deployment("a"), &version)),
                get("gitopsdeployments/a/status"),
                get("gitopsdeployments/missing/status"),
                raw(Method::POST, "gitopsdeployments/a/status", deployment("a").to_string()),
                delete("gitopsdeployments/a/status"),
            ],
        ),
        fixed(
            "an invalid status is refused",
            [
                post("gitopsdeployments", &deployment("a")),
                put(
                    "gitopsdeployments/a/status",
                    &with(
                        full("Healthy"),
                        &json!({ "status": { "conditions": [{ "type": "Ready" }] } }),
                    ),
                ),
                put(
                    "gitopsdeployments/a/status",
                    &with(full("Healthy"), &json!({ "status": { "sync": 1 } })),
                ),
                put(
                    "gitopsdeployments/a/status",
                    &with(
                        full("Healthy"),
                        &json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "now" }] } }),
                    ),
                ),
            ],
        ),
        fixed(
            "an Application has no status of its own",
            [
                post("applications", &application("a")),
                get("applications/a/status"),
                put(
                    "applications/a",
                    &with(
                        application("a"),
                        &json!({
                            "metadata": { "resourceVersion": "<rv:applications/a>" },
                            "status": { "health": { "status": "Healthy" } },
                        }),
                    ),
                ),
                put(
                    "applications/a",
                    &with(
                        application("a"),
                        &json!({
                            "metadata": { "resourceVersion": "<rv:applications/a>", "annotations": { "a": "b" } },
                            "status": { "health": { "status": "Healthy" } },
                        }),
                    ),
                ),
                get("applications/a"),
            ],
        ),
    ]
}
