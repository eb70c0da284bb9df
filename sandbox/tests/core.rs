//! The core without a network: requests in, answers out, with a clock and uids of the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use http::Method;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams, WatchEvent, WatchParams};
use sandbox::{ApiServer, Clock, Reply, Request, Settings, Watch, events_of};
use serde_json::{Value, json};
use uuid::Uuid;

/// A server whose time stands still and whose uids count up.
fn server() -> Arc<ApiServer> {
    let counter = AtomicU64::new(1);
    let settings = Settings {
        clock: Clock::new(|| Timestamp::from_second(1_700_000_000).expect("a time")),
        uids: Box::new(move || Uuid::from_u128(counter.fetch_add(1, Ordering::Relaxed).into())),
        ..Settings::default()
    };
    let server = ApiServer::in_memory(settings);
    server.install(&common::gadget_crd()).expect("installed");
    server
}

fn send(server: &Arc<ApiServer>, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let content_type = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    answer(server, &Request::with_body(method, path, content_type, body.into()))
}

fn answer(server: &Arc<ApiServer>, request: &Request) -> (u16, Value) {
    match server.handle(request) {
        Reply::Full(response) => {
            (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
        }
        Reply::Watch(_) => panic!("{} is a watch", request.path),
    }
}

fn watch(server: &Arc<ApiServer>, path: &str) -> Box<Watch> {
    match server.handle(&Request::get(path)) {
        Reply::Watch(watch) => watch,
        Reply::Full(response) => panic!("{path} is no watch: {response:?}"),
    }
}

fn kinds_of(watch: &mut Watch) -> Vec<String> {
    let mut kinds = Vec::new();
    while let Poll::Ready(Some(chunk)) = watch.poll_chunk() {
        let kind = |event: Value| event["type"].as_str().unwrap_or_default().to_owned();
        kinds.extend(events_of(&chunk).into_iter().map(kind));
    }
    kinds
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const GADGETS: &str = "/apis/test.example.com/v1/namespaces/default/gadgets";

fn gadget(spec: Value) -> Value {
    json!({
        "apiVersion": "test.example.com/v1",
        "kind": "Gadget",
        "metadata": { "name": "g" },
        "spec": spec,
    })
}

fn config_map(name: &str) -> Value {
    json!({ "metadata": { "name": name }, "data": { "k": "v" } })
}

#[test]
fn the_same_requests_lead_to_the_same_state() {
    let run = || {
        let server = server();
        send(&server, Method::POST, CONFIG_MAPS, json!({ "metadata": { "generateName": "a-" } }));
        send(&server, Method::POST, CONFIG_MAPS, config_map("b"));
        send(&server, Method::GET, CONFIG_MAPS, Value::Null).1
    };
    let first = run();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(first, run());
}

#[test]
fn nonsense_is_rejected_with_the_right_code() {
    let server = server();
    send(&server, Method::POST, CONFIG_MAPS, config_map("taken"));
    let cases = [
        (Method::GET, "/nothing", Value::Null, 404),
        (Method::GET, "/apis/none.example.com/v1", Value::Null, 404),
        (Method::GET, "/apis/none.example.com/v1/things", Value::Null, 404),
        (Method::GET, "/api/v1/namespaces/default/configmaps/taken/status", Value::Null, 404),
        (Method::GET, "/api/v1/configmaps?labelSelector=a%20b", Value::Null, 400),
        (Method::GET, "/api/v1/configmaps?resourceVersion=x", Value::Null, 400),
        (Method::GET, "/api/v1/configmaps?resourceVersion=9999999999", Value::Null, 504),
        (Method::GET, "/api/v1/configmaps?continue=x", Value::Null, 400),
        (
            Method::GET,
            "/api/v1/configmaps?resourceVersionMatch=Exact&resourceVersion=1",
            Value::Null,
            410,
        ),
        (Method::POST, CONFIG_MAPS, config_map("taken"), 409),
        (Method::POST, CONFIG_MAPS, json!([]), 400),
        (Method::POST, CONFIG_MAPS, json!({ "kind": "Secret", "metadata": { "name": "x" } }), 400),
        (Method::POST, CONFIG_MAPS, json!({ "metadata": { "name": "x", "namespace": "y" } }), 400),
        (Method::POST, CONFIG_MAPS, json!({ "metadata": {} }), 422),
        (
            Method::POST,
            CONFIG_MAPS,
            json!({ "metadata": { "name": "x", "labels": { "a": "b c" } } }),
            422,
        ),
        (Method::POST, CONFIG_MAPS, json!({ "metadata": { "name": "x", "labels": 1 } }), 400),
        (
            Method::POST,
            CONFIG_MAPS,
            json!({ "metadata": { "name": "x", "resourceVersion": "1" } }),
            500,
        ),
        (
            Method::POST,
            CONFIG_MAPS,
            json!({ "metadata": { "name": "x" }, "data": { "k": 1 } }),
            400,
        ),
        (Method::POST, "/api/v1/configmaps", config_map("x"), 405),
        (Method::PUT, "/api/v1/namespaces/default/configmaps/taken", config_map("other"), 400),
        (Method::PUT, "/api/v1/namespaces/default/configmaps/missing", config_map("missing"), 404),
        (Method::PATCH, "/api/v1/namespaces/default/configmaps/missing", json!({}), 404),
        (Method::DELETE, "/api/v1/namespaces/default", Value::Null, 403),
        (Method::POST, GADGETS, gadget(json!({})), 422),
        (Method::POST, GADGETS, gadget(json!({ "mode": "manual", "size": "big" })), 422),
        (
            Method::POST,
            "/apis/test.example.com/v1/namespaces/default/gadgets?fieldValidation=Strict",
            gadget(json!({ "mode": "manual", "x": 1 })),
            400,
        ),
        (
            Method::POST,
            "/apis/test.example.com/v1/namespaces/default/gadgets?dryRun=maybe",
            gadget(json!({ "mode": "manual" })),
            422,
        ),
    ];
    for (method, path, body, code) in cases {
        let (found, status) = send(&server, method.clone(), path, body.clone());
        assert_eq!(found, code, "{method} {path} {body}: {status}");
        assert_eq!(status["kind"], "Status", "{method} {path} {body}");
    }
}

#[test]
fn an_invalid_object_is_reported_with_every_cause() {
    let server = server();
    let body = gadget(json!({ "mode": "odd", "label": "too long" }));
    let (_, status) = send(&server, Method::POST, GADGETS, body);
    assert_eq!(
        status["message"],
        "Gadget.test.example.com \"g\" is invalid: [spec.label: Too long: may not be more than 5 \
         bytes, spec.mode: Unsupported value: \"odd\": supported values: \"automated\", \"manual\", \
         <nil>: Invalid value: null: some validation rules were not checked because the object \
         was invalid; correct the existing errors to complete validation]"
    );
    assert_eq!(status["details"]["causes"].as_array().map(Vec::len), Some(3));
    assert_eq!(status["details"]["group"], "test.example.com");
    assert_eq!(status["details"]["kind"], "Gadget");
}

#[test]
fn unknown_fields_are_pruned_with_a_warning() {
    let server = server();
    let body = gadget(json!({ "mode": "manual", "extra": 1 }));
    let request =
        Request::with_body(Method::POST, GADGETS, "application/json", body.to_string().into());
    let Reply::Full(response) = server.handle(&request) else { panic!("no watch") };
    assert_eq!(response.warnings, ["unknown field \"spec.extra\""]);
    let (_, stored) = send(&server, Method::GET, &format!("{GADGETS}/g"), Value::Null);
    assert_eq!(stored["spec"], json!({ "mode": "manual", "size": 1 }));
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = server();
    send(&server, Method::POST, CONFIG_MAPS, config_map("a"));
    let before = server.resource_version();
    let path = format!("{CONFIG_MAPS}/a?dryRun=All");
    let dry = format!("{CONFIG_MAPS}?dryRun=All");
    assert_eq!(send(&server, Method::POST, &dry, config_map("b")).0, 201);
    assert_eq!(
        send(&server, Method::PATCH, &path, json!({ "data": { "k": "w" } })).1["data"]["k"],
        "w"
    );
    assert_eq!(send(&server, Method::DELETE, &path, Value::Null).1["status"], "Success");
    assert_eq!(server.resource_version(), before);
    assert_eq!(
        send(&server, Method::GET, CONFIG_MAPS, Value::Null).1["items"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_watch_starts_where_requested() {
    let server = server();
    send(&server, Method::POST, CONFIG_MAPS, config_map("a"));
    let version = server.resource_version();
    send(&server, Method::POST, CONFIG_MAPS, config_map("b"));
    let all = "/api/v1/configmaps?watch=true";
    let cases = [
        (all.to_owned(), vec!["ADDED", "ADDED"]),
        (format!("{all}&resourceVersion=0"), vec!["ADDED", "ADDED"]),
        (format!("{all}&resourceVersion={version}"), vec!["ADDED"]),
        (format!("{all}&resourceVersion={}", version + 1), vec![]),
        (format!("{all}&resourceVersion=1"), vec!["ERROR"]),
        (format!("{all}&resourceVersion={}", version + 1_000), vec!["ERROR"]),
        (format!("{all}&fieldSelector=metadata.name%3Db"), vec!["ADDED"]),
        (
            format!(
                "{all}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
                 &allowWatchBookmarks=true"
            ),
            vec!["ADDED", "ADDED", "BOOKMARK"],
        ),
        (format!("{all}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"), vec![]),
    ];
    for (path, expected) in cases {
        assert_eq!(kinds_of(&mut watch(&server, &path)), expected, "{path}");
    }
}

#[test]
fn a_watch_sees_the_deletion_of_a_definitions_objects() {
    let server = server();
    let mut watch = watch(&server, &format!("{GADGETS}?watch=1"));
    send(&server, Method::POST, GADGETS, gadget(json!({ "mode": "manual" })));
    let definition =
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.test.example.com";
    assert_eq!(send(&server, Method::DELETE, definition, Value::Null).0, 200);
    assert_eq!(send(&server, Method::GET, GADGETS, Value::Null).0, 404);
    assert_eq!(kinds_of(&mut watch), ["ADDED", "DELETED"]);
    assert_eq!(watch.poll_chunk(), Poll::Ready(None));
    server.install(&common::gadget_crd()).expect("installed again");
    assert_eq!(send(&server, Method::GET, GADGETS, Value::Null).1["items"], json!([]));
}

#[test]
fn a_streamed_list_ends_with_a_marked_bookmark() {
    let server = server();
    let path = "/api/v1/configmaps?watch=1&sendInitialEvents=true&allowWatchBookmarks=true\
                &resourceVersionMatch=NotOlderThan";
    let mut watch = watch(&server, path);
    let Poll::Ready(Some(chunk)) = watch.poll_chunk() else { panic!("a bookmark is due") };
    let bookmark = &events_of(&chunk)[0];
    assert_eq!(
        bookmark["object"]["metadata"],
        json!({
            "resourceVersion": server.resource_version().to_string(),
            "annotations": { "k8s.io/initial-events-end": "true" },
        })
    );
}

#[test]
fn a_bookmark_carries_an_idle_watch_over_a_compaction() {
    let server = server();
    let version = server.resource_version();
    let path =
        format!("/api/v1/secrets?watch=1&allowWatchBookmarks=true&resourceVersion={version}");
    let mut idle = watch(&server, &path);
    for name in ["a", "b"] {
        send(&server, Method::POST, CONFIG_MAPS, config_map(name));
    }
    let bookmark = idle.bookmark().expect("a bookmark");
    let seen = &events_of(&bookmark)[0]["object"]["metadata"]["resourceVersion"];
    assert_eq!(*seen, json!(server.resource_version().to_string()));
    server.compact();
    send(
        &server,
        Method::POST,
        "/api/v1/namespaces/default/secrets",
        json!({ "metadata": { "name": "s" } }),
    );
    assert_eq!(kinds_of(&mut idle), ["ADDED"]);
}

#[test]
fn a_watch_that_lags_behind_the_history_is_ended() {
    let settings = Settings { history_limit: 3, ..Settings::default() };
    let server = ApiServer::in_memory(settings);
    let version = server.resource_version();
    let mut slow = watch(&server, &format!("/api/v1/configmaps?watch=1&resourceVersion={version}"));
    for name in ["a", "b", "c", "d"] {
        send(&server, Method::POST, CONFIG_MAPS, config_map(name));
    }
    assert_eq!(kinds_of(&mut slow), ["ERROR"]);
    assert_eq!(slow.poll_chunk(), Poll::Ready(None));
}

#[test]
fn events_are_kept_within_bounds() {
    let server = server();
    for round in 0..2_300 {
        let event = json!({
            "metadata": { "name": format!("e{round}"), "namespace": "default" },
            "involvedObject": { "name": "a", "namespace": "default" },
        });
        let (code, _) = send(&server, Method::POST, "/api/v1/namespaces/default/events", event);
        assert_eq!(code, 201);
    }
    let (_, list) = send(&server, Method::GET, "/api/v1/events", Value::Null);
    let names: Vec<&str> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["metadata"]["name"].as_str())
        .collect();
    assert!(names.len() <= 2_000, "{}", names.len());
    assert!(names.contains(&"e2299") && !names.contains(&"e0"), "the oldest are dropped");
}

#[test]
fn a_table_has_the_printer_columns() {
    let server = server();
    let body = gadget(json!({ "mode": "manual" }));
    send(&server, Method::POST, GADGETS, body);
    let mut request = Request::get(GADGETS);
    request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json".to_owned();
    let (_, table) = answer(&server, &request);
    assert_eq!(table["rows"][0]["cells"], json!(["g", "manual", null, 1, "0s"]));
    let names: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(names, ["Name", "Mode", "Ready", "Size", "Age"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_works_in_process_and_in_virtual_time() {
    let server = server();
    let client = sandbox::client(Arc::clone(&server), "default");
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let new: ConfigMap = serde_json::from_value(config_map("a")).expect("a config map");
    api.create(&PostParams::default(), &new).await.expect("created");
    let params = WatchParams::default().timeout(120);
    let started = tokio::time::Instant::now();
    let events: Vec<_> = api.watch(&params, "0").await.expect("a watch").collect().await;
    assert!(matches!(events[0], Ok(WatchEvent::Added(_))));
    assert!(matches!(events[1], Ok(WatchEvent::Bookmark(_))), "one per minute");
    assert!(started.elapsed() >= Duration::from_secs(120), "the watch lasts as long as requested");
}

#[test]
fn the_programs_own_definitions_are_accepted() {
    let server = server();
    for definition in crds::all() {
        server.install(&definition).expect("installed");
        server.install(&definition).expect("installed again");
    }
    let path = "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/default/gitopsdeployments";
    let deployment = json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1",
        "kind": "GitOpsDeployment",
        "metadata": { "name": "d" },
        "spec": { "source": { "repoURL": "https://example.com/r", "path": "." }, "type": "odd" },
    });
    let (code, refused) = send(&server, Method::POST, path, deployment);
    assert_eq!(code, 422, "{refused}");
    let message = refused["message"].as_str().expect("a message");
    let start = "GitOpsDeployment.managed-gitops.redhat.com \"d\" is invalid: spec";
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn a_namespace_with_thousands_of_objects_is_removed_at_once() {
    let server = server();
    send(&server, Method::POST, "/api/v1/namespaces", json!({ "metadata": { "name": "big" } }));
    for round in 0..3_000 {
        let body = config_map(&format!("c{round}"));
        send(&server, Method::POST, "/api/v1/namespaces/big/configmaps", body);
    }
    assert_eq!(send(&server, Method::DELETE, "/api/v1/namespaces/big", Value::Null).0, 200);
    assert_eq!(send(&server, Method::GET, "/api/v1/namespaces/big", Value::Null).0, 404);
}
