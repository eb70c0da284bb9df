//! Random traces: calls on a few names of a few kinds, so that they meet each other.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::trace::{
    Step, TABLE, Until, apply, delete, delete_with, get, json_patch, merge_patch, post, put, raw,
    smallest, strategic_patch, watch, with,
};

/// The longest trace, without the final checks.
const LONGEST: usize = 25;

const PLURALS: [&str; 5] =
    ["configmaps", "secrets", "gitopsdeployments", "operations", "applications"];

/// A trace; in the end every event and every object is read.
pub(crate) fn trace() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=LONGEST).prop_map(|mut steps| {
        for plural in PLURALS {
            let selected = format!("{plural}?watch=1&resourceVersion=<start>&labelSelector=tier=a");
            steps.push(watch(selected, Until::Sentinel));
            steps.push(watch(format!("{plural}?watch=1&resourceVersion=<start>"), Until::Sentinel));
            steps.push(get(plural));
        }
        steps
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => creation(),
        4 => replacement(),
        8 => patch(),
        2 => status(),
        2 => applied(),
        5 => deletion(),
        1 => collection(),
        3 => reading(),
        1 => nonsense(),
    ]
}

fn plural() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("configmaps"), 3 => Just("gitopsdeployments"), 2 => select(&PLURALS[..])]
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b"])
}

/// Metadata of a write.
fn metadata() -> impl Strategy<Value = Value> {
    let finalizers = prop_oneof![
        4 => Just(Value::Null),
        1 => Just(json!(["example.com/one"])),
        1 => Just(json!(["example.com/two", "example.com/one"])),
    ];
    let labels = select(vec![json!({ "tier": "a" }), json!({ "tier": "b" }), json!({})]);
    let annotations = option::of(select(vec!["x", "y"]));
    (finalizers, labels, annotations).prop_map(|(finalizers, labels, annotation)| {
        let annotations = annotation.map_or(json!({}), |value| json!({ "example.com/a": value }));
        let metadata =
            json!({ "labels": labels, "annotations": annotations, "finalizers": finalizers });
        json!({ "metadata": metadata })
    })
}

/// A value in a place that each kind has.
fn content(plural: &str, value: &str) -> Value {
    match plural {
        "secrets" => json!({ "stringData": { "k": value } }),
        "gitopsdeployments" => json!({ "spec": { "source": { "path": value } } }),
        "operations" => json!({ "spec": { "operationID": value } }),
        "applications" => json!({ "spec": { "project": value } }),
        _ => json!({ "data": { "k": value } }),
    }
}

fn object() -> impl Strategy<Value = (&'static str, &'static str, Value)> {
    (plural(), name(), metadata(), select(vec!["v", "w"])).prop_map(
        |(plural, name, metadata, value)| {
            let mut object = smallest(plural, name);
            object["metadata"]["labels"] = json!({});
            (plural, name, with(with(object, &metadata), &content(plural, value)))
        },
    )
}

fn creation() -> impl Strategy<Value = Step> {
    let query = prop_oneof![6 => Just(""), 1 => Just("?dryRun=All")];
    (object(), query, prop::bool::weighted(0.1)).prop_map(
        |((plural, _, mut object), query, generated)| {
            if generated {
                object["metadata"]["name"] = Value::Null;
                object["metadata"]["generateName"] = json!("g-");
            }
            post(format!("{plural}{query}"), &object)
        },
    )
}

fn replacement() -> impl Strategy<Value = Step> {
    let version = prop_oneof![5 => Just("present"), 1 => Just("old"), 2 => Just("none")];
    let uid = prop_oneof![6 => Just("none"), 1 => Just("right")];
    (object(), version, uid).prop_map(|((plural, name, mut object), version, uid)| {
        match version {
            "present" => {
                object["metadata"]["resourceVersion"] = json!(format!("<rv:{plural}/{name}>"));
            }
            "old" => object["metadata"]["resourceVersion"] = json!("1"),
            _ => {}
        }
        if uid == "right" {
            object["metadata"]["uid"] = json!(format!("<uid:{plural}/{name}>"));
        }
        put(format!("{plural}/{name}"), &object)
    })
}

fn patch() -> impl Strategy<Value = Step> {
    let query = prop_oneof![8 => Just(""), 1 => Just("?dryRun=All")];
    (object(), query, 0..7).prop_map(|((plural, name, object), query, kind)| {
        let path = format!("{plural}/{name}{query}");
        let metadata = json!({ "metadata": {
            "labels": object["metadata"]["labels"],
            "finalizers": object["metadata"]["finalizers"],
        } });
        match kind {
            0 => merge_patch(path, &metadata),
            1 => merge_patch(path, &content(plural, "x")),
            2 => merge_patch(
                path,
                &with(metadata, &json!({ "metadata": { "resourceVersion": "1" } })),
            ),
            3 => strategic_patch(
                path,
                &json!({ "metadata": { "labels": { "tier": null, "n": "1" } } }),
            ),
            4 => json_patch(
                path,
                &json!([
                    { "op": "test", "path": "/metadata/labels/tier", "value": "a" },
                    { "op": "replace", "path": "/metadata/labels/tier", "value": "b" },
                ]),
            ),
            5 => json_patch(
                path,
                &json!([
                    { "op": "test", "path": "/metadata/finalizers", "value": null },
                    { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/one"] },
                ]),
            ),
            _ => json_patch(path, &json!([{ "op": "remove", "path": "/metadata/finalizers" }])),
        }
    })
}

fn status() -> impl Strategy<Value = Step> {
    let health = select(vec!["Healthy", "Degraded"]);
    let plural = select(vec!["gitopsdeployments", "gitopsdeployments", "operations", "configmaps"]);
    (plural, name(), health, any::<bool>()).prop_map(|(plural, name, health, apart)| {
        let subresource = if apart { "/status" } else { "" };
        let status = json!({ "spec": null, "status": {
            "health": { "status": health },
            "reconciledState": {
                "source": { "path": "p", "repoURL": "r", "branch": "b" },
                "destination": { "name": "", "namespace": "" },
            },
        } });
        let patch = if apart { status } else { json!({ "status": status["status"] }) };
        merge_patch(format!("{plural}/{name}{subresource}"), &patch)
    })
}

/// Applies use separate objects: who owns the fields of a plain write is a known difference.
fn applied() -> impl Strategy<Value = Step> {
    let data =
        select(vec![json!({ "k": "v" }), json!({ "k": "w", "l": "w" }), json!({ "l": "v" })]);
    (select(vec!["one", "two"]), data, any::<bool>()).prop_map(|(manager, data, force)| {
        let force = if force { "&force=true" } else { "" };
        apply(
            format!("configmaps/applied?fieldManager={manager}{force}"),
            &json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "applied" },
                "data": data }),
        )
    })
}

fn deletion() -> impl Strategy<Value = Step> {
    (plural(), name(), 0..6).prop_map(|(plural, name, kind)| {
        let path = format!("{plural}/{name}");
        let uid = format!("<uid:{plural}/{name}>");
        let version = format!("<rv:{plural}/{name}>");
        match kind {
            0 => delete(format!("{path}?dryRun=All")),
            1 => delete_with(path, &json!({ "preconditions": { "uid": uid } })),
            2 => delete_with(path, &json!({ "preconditions": { "resourceVersion": version } })),
            3 => delete_with(path, &json!({ "preconditions": { "resourceVersion": "1" } })),
            4 => delete(format!("{path}?propagationPolicy=Background&gracePeriodSeconds=0")),
            _ => delete(path),
        }
    })
}

fn collection() -> impl Strategy<Value = Step> {
    (plural(), select(vec!["tier=a", "tier!=a"]))
        .prop_map(|(plural, selector)| delete(format!("{plural}?labelSelector={selector}")))
}

/// Lists of version 0 are not among them: a real server may answer those from an older state.
fn reading() -> impl Strategy<Value = Step> {
    let query = select(vec![
        "",
        "?labelSelector=tier=a",
        "?labelSelector=tier!=a",
        "?labelSelector=tier in (a,b)",
        "?fieldSelector=metadata.name=a",
        "?fieldSelector=spec.x=y",
    ]);
    prop_oneof![
        (plural(), name()).prop_map(|(plural, name)| get(format!("{plural}/{name}"))),
        (plural(), query.clone()).prop_map(|(plural, query)| get(format!("{plural}{query}"))),
        (plural(), query).prop_map(|(plural, query)| get(format!("{plural}{query}")).accept(TABLE)),
    ]
}

fn nonsense() -> impl Strategy<Value = Step> {
    (object(), 0..6).prop_map(|((plural, name, object), kind)| match kind {
        0 => raw(http::Method::POST, plural, "{"),
        1 => post(plural, &with(object, &json!({ "metadata": { "name": "Not_a_name" } }))),
        2 => post(plural, &with(object, &json!({ "metadata": { "labels": { "tier": "a b" } } }))),
        3 => {
            put(format!("{plural}/{name}"), &with(object, &json!({ "metadata": { "name": "c" } })))
        }
        4 => merge_patch(format!("{plural}/{name}"), &json!({ "metadata": { "name": "c" } })),
        _ => post(format!("/api/v1/namespaces/<other>/{plural}"), &object),
    })
}
