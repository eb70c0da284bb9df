//! Schemas and rules: every message that the contract quotes.

use serde_json::{Value, json};

use super::{Fixed, fixed};
use crate::trace::{
    Step, application, config_map, deployment, get, merge_patch, post, raw, typed, with,
};

pub(super) fn traces() -> Vec<Fixed> {
    vec![
        deployments(),
        transitions(),
        environments(),
        credentials(),
        runs(),
        types(),
        unknown(),
        unknown_of_built_ins(),
        duplicates(),
        applications(),
        built_ins(),
        nulls(),
    ]
}

fn spec(changes: &Value) -> Value {
    with(deployment("a"), &json!({ "spec": changes }))
}

/// A dry run each, so that each one creates a new object.
fn tried(plural: &str, objects: Vec<Value>) -> Vec<Step> {
    objects.iter().map(|object| post(format!("{plural}?dryRun=All"), object)).collect()
}

fn deployments() -> Fixed {
    let mut bare = deployment("a");
    bare["spec"] = json!({});
    let mut none = deployment("a");
    none.as_object_mut().expect("an object").remove("spec");
    fixed(
        "the rules of a GitOpsDeployment",
        tried(
            "gitopsdeployments",
            vec![
                spec(&json!({ "type": "odd" })),
                spec(&json!({ "type": "" })),
                spec(&json!({ "destination": { "namespace": "n" } })),
                spec(&json!({ "destination": { "namespace": "n", "environment": "" } })),
                spec(&json!({ "destination": { "namespace": "n", "environment": "e" } })),
                spec(&json!({ "destination": { "environment": "e" } })),
                spec(&json!({ "syncPolicy": { "syncOptions": ["CreateNamespace=true"] } })),
                spec(
                    &json!({ "syncPolicy": { "syncOptions": ["Prune=true", "CreateNamespace=true"] } }),
                ),
                spec(
                    &json!({ "syncPolicy": { "syncOptions": ["x"] }, "type": "odd", "destination": { "namespace": "n" } }),
                ),
                spec(&json!({ "syncPolicy": { "syncOptions": vec!["x"; 1025] } })),
                spec(&json!({ "source": { "path": "" } })),
                bare,
                none,
            ],
        ),
    )
}

fn transitions() -> Fixed {
    fixed(
        "the rules of a GitOpsDeployment at a change",
        [
            post("gitopsdeployments", &deployment("a")),
            merge_patch("gitopsdeployments/a", &json!({ "spec": { "type": "odd" } })),
            merge_patch(
                "gitopsdeployments/a",
                &json!({ "spec": { "destination": { "namespace": "n" } } }),
            ),
            merge_patch("gitopsdeployments/a", &json!({ "spec": { "source": null } })),
            merge_patch("gitopsdeployments/a", &json!({ "spec": { "source": { "path": 3 } } })),
            merge_patch("gitopsdeployments/a/status", &json!({ "status": { "sync": {} } })),
            get("gitopsdeployments/a"),
        ],
    )
}

fn environments() -> Fixed {
    let environment = |url: &str| {
        typed(
            "GitOpsDeploymentManagedEnvironment",
            "a",
            &json!({
                "apiURL": url, "credentialsSecret": "s", "allowInsecureSkipTLSVerify": false,
            }),
        )
    };
    let urls = [
        "https://example.com",
        "http://example.com",
        "",
        "x",
        "HTTPS://example.com",
        "https://example.com/a?b",
        "ftp://example.com",
        "//example.com",
        "https://a b",
        "https://",
    ];
    fixed(
        "the rules of a GitOpsDeploymentManagedEnvironment",
        tried("gitopsdeploymentmanagedenvironments", urls.map(environment).to_vec()),
    )
}

fn credentials() -> Fixed {
    let credential = |url: &str| {
        typed(
            "GitOpsDeploymentRepositoryCredential",
            "a",
            &json!({ "repository": url, "secret": "s" }),
        )
    };
    let urls = [
        "https://example.com/r",
        "ssh://git@example.com/r",
        "git@example.com:r",
        "http://example.com",
        "",
        "x",
        "https:/example.com",
        "git://example.com/r",
    ];
    fixed(
        "the rules of a GitOpsDeploymentRepositoryCredential",
        tried("gitopsdeploymentrepositorycredentials", urls.map(credential).to_vec()),
    )
}

fn runs() -> Fixed {
    let run = |name: &str| {
        let spec = json!({ "gitopsDeploymentName": "d", "revisionID": "r" });
        typed("GitOpsDeploymentSyncRun", name, &spec)
    };
    let forbidden = "zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz";
    let mut steps = tried(
        "gitopsdeploymentsyncruns",
        vec![
            run("a"),
            run(forbidden),
            with(run(forbidden), &json!({ "metadata": { "generateName": "x" } })),
            with(run("a"), &json!({ "spec": { "gitopsDeploymentName": null } })),
            with(run("a"), &json!({ "spec": null })),
        ],
    );
    steps.extend([
        post("gitopsdeploymentsyncruns", &run("a")),
        merge_patch("gitopsdeploymentsyncruns/a", &json!({ "spec": { "revisionID": "s" } })),
        merge_patch(
            "gitopsdeploymentsyncruns/a/status",
            &json!({ "status": { "conditions": [
            { "type": "Succeeded", "status": "True", "message": "", "reason": "" },
        ] } }),
        ),
        merge_patch(
            "gitopsdeploymentsyncruns/a/status",
            &json!({ "status": { "conditions": [
            { "type": "Succeeded", "status": "True" },
        ] } }),
        ),
    ]);
    fixed("the rules of a GitOpsDeploymentSyncRun", steps)
}

fn types() -> Fixed {
    let mut steps = tried(
        "gitopsdeployments",
        vec![
            spec(&json!({ "type": 3 })),
            spec(&json!({ "type": null })),
            spec(&json!({ "source": "x" })),
            spec(&json!({ "source": [] })),
            spec(&json!({ "source": { "repoURL": true, "path": {} } })),
            spec(&json!({ "syncPolicy": { "syncOptions": "x" } })),
            spec(&json!({ "syncPolicy": { "syncOptions": [1] } })),
            spec(&json!({ "syncPolicy": {} })),
            spec(&json!({ "destination": null })),
            spec(&json!(3)),
            spec(&json!([])),
            with(deployment("a"), &json!({ "spec": { "source": { "path": 1.5 } } })),
        ],
    );
    steps.push(post("operations", &typed("Operation", "a", &json!({ "operationID": 1 }))));
    steps.push(post("operations", &typed("Operation", "b", &json!({}))));
    steps.push(post("operations", &typed("Operation", "c", &json!(null))));
    fixed("values of the wrong type", steps)
}

fn unknown() -> Fixed {
    let object = with(
        deployment("a"),
        &json!({
            "extra": 1,
            "spec": { "extra": 1, "source": { "extra": { "deep": 1 } } },
            "metadata": { "extra": 1 },
        }),
    );
    let validations =
        ["", "&fieldValidation=Ignore", "&fieldValidation=Warn", "&fieldValidation=Strict"];
    let mut steps: Vec<Step> = validations
        .map(|query| post(format!("gitopsdeployments?dryRun=All{query}"), &object))
        .to_vec();
    steps.extend([
        post("gitopsdeployments", &deployment("a")),
        merge_patch("gitopsdeployments/a", &json!({ "spec": { "extra": 1 } })),
        merge_patch(
            "gitopsdeployments/a?fieldValidation=Strict",
            &json!({ "spec": { "extra": 1 } }),
        ),
        merge_patch(
            "gitopsdeployments/a/status?fieldValidation=Strict",
            &json!({ "status": { "extra": 1 } }),
        ),
    ]);
    // Even if the request cannot change anything.
    steps.extend([
        merge_patch("gitopsdeployments/a", &json!({ "status": { "extra": 1 } })),
        merge_patch("gitopsdeployments/a/status", &json!({ "spec": { "extra": 1 } })),
        post("gitopsdeployments", &with(deployment("b"), &json!({ "status": { "extra": 1 } }))),
    ]);
    fixed("unknown fields of a custom kind", steps)
}

fn unknown_of_built_ins() -> Fixed {
    let object = with(config_map("a"), &json!({ "extra": 1, "metadata": { "extra": 1 } }));
    let validations =
        ["", "&fieldValidation=Ignore", "&fieldValidation=Warn", "&fieldValidation=Strict"];
    let mut steps: Vec<Step> =
        validations.map(|query| post(format!("configmaps?dryRun=All{query}"), &object)).to_vec();
    steps.extend([
        post("configmaps", &config_map("a")),
        merge_patch("configmaps/a", &json!({ "extra": 1 })),
        merge_patch("configmaps/a?fieldValidation=Strict", &json!({ "extra": 1 })),
    ]);
    fixed("unknown fields of a built-in kind", steps)
}

fn duplicates() -> Fixed {
    let twice = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","name":"a"},"data":{"k":"v","k":"w"}}"#;
    let custom = r#"{"apiVersion":"managed-gitops.redhat.com/v1alpha1","kind":"Operation","metadata":{"name":"a"},"spec":{"operationID":"1","operationID":"2"}}"#;
    let steps =
        ["", "&fieldValidation=Ignore", "&fieldValidation=Strict"].into_iter().flat_map(|query| {
            [
                raw(http::Method::POST, format!("configmaps?dryRun=All{query}"), twice),
                raw(http::Method::POST, format!("operations?dryRun=All{query}"), custom),
            ]
        });
    fixed("fields that are given twice", steps)
}

fn applications() -> Fixed {
    let mut steps = tried(
        "applications",
        vec![
            with(application("a"), &json!({ "spec": { "anything": { "goes": [1, "x", null] } } })),
            with(application("a"), &json!({ "operation": { "sync": { "revision": "x" } } })),
            with(application("a"), &json!({ "spec": 3 })),
            with(application("a"), &json!({ "extra": 3 })),
        ],
    );
    let mut bare = application("a");
    bare.as_object_mut().expect("an object").remove("spec");
    steps.push(post("applications", &bare));
    fixed("an Application is not looked into", steps)
}

fn built_ins() -> Fixed {
    fixed(
        "values of the wrong type in built-in kinds",
        [
            post("configmaps", &json!({ "metadata": { "name": "a" }, "data": [] })),
            post("configmaps", &json!({ "metadata": { "name": "a" }, "data": { "a": true } })),
            post("configmaps", &json!({ "metadata": { "name": "a" }, "immutable": "yes" })),
            post("configmaps", &json!({ "metadata": { "name": "a", "labels": { "a": true } } })),
            post("configmaps", &json!({ "metadata": { "name": "a" }, "binaryData": { "a": "!" } })),
            post("secrets", &json!({ "metadata": { "name": "a" }, "type": 3 })),
            post(
                "leases",
                &json!({ "metadata": { "name": "a" }, "spec": { "leaseDurationSeconds": "x" } }),
            ),
            post(
                "leases",
                &json!({ "metadata": { "name": "a" }, "spec": { "leaseDurationSeconds": 0 } }),
            ),
            post("leases", &json!({ "metadata": { "name": "a" }, "spec": { "renewTime": "now" } })),
            post(
                "leases",
                &json!({ "metadata": { "name": "b" }, "spec": { "renewTime": "2026-01-01T00:00:00.123456Z" } }),
            ),
        ],
    )
}

fn nulls() -> Fixed {
    fixed(
        "nulls",
        [
            post(
                "configmaps",
                &json!({ "metadata": { "name": "a", "labels": null, "annotations": { "a": "b" } }, "data": null }),
            ),
            post(
                "gitopsdeployments",
                &with(
                    deployment("a"),
                    &json!({ "metadata": { "labels": null }, "spec": { "syncPolicy": null } }),
                ),
            ),
            post(
                "gitopsdeployments",
                &with(
                    deployment("b"),
                    &json!({ "spec": { "source": { "targetRevision": null } } }),
                ),
            ),
            post("applications", &with(application("a"), &json!({ "spec": { "x": null } }))),
            get("configmaps/a"),
            get("gitopsdeployments/a"),
            get("applications/a"),
        ],
    )
}
