//! kube-rs against a running server: what a controller relies on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use futures::StreamExt;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event as CoreEvent, Namespace, Secret, ServiceAccount,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions,
    WatchEvent, WatchParams,
};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt};
use sandbox::{ControlPlane, Options};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use common::{
    DEADLINE, Gadget, GadgetStatus, client, control_plane, gadget, gadgets, next, status,
};

#[tokio::test]
async fn an_object_is_created_read_replaced_and_deleted() {
    let (_control_plane, api) = gadgets().await;
    let created =
        api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
    assert_eq!(created.metadata.generation, Some(1));
    assert!(created.uid().is_some() && created.creation_timestamp().is_some());
    assert_eq!(created.spec.size, Some(1), "the default is filled in");
    let mut changed = api.get("a").await.expect("read");
    changed.spec.size = Some(4);
    let changed = api.replace("a", &PostParams::default(), &changed).await.expect("replaced");
    assert_eq!(changed.metadata.generation, Some(2));
    assert_ne!(changed.resource_version(), created.resource_version());
    let again = api.replace("a", &PostParams::default(), &changed).await.expect("replaced");
    assert_eq!(again.resource_version(), changed.resource_version(), "a no-op writes nothing");
    let gone = api.delete("a", &DeleteParams::default()).await.expect("deleted");
    assert!(gone.is_right(), "there was nothing to wait for");
    assert!(status(api.get("a").await.expect_err("gone")).is_not_found());
}

#[tokio::test]
async fn failures_have_the_reasons_that_clients_check() {
    let (_control_plane, api) = gadgets().await;
    let post = PostParams::default();
    let created = api.create(&post, &gadget("a", "manual")).await.expect("created");
    assert!(
        status(api.create(&post, &gadget("a", "manual")).await.expect_err("taken"))
            .is_already_exists()
    );
    let mut stale = created.clone();
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({ "spec": { "size": 2 } })))
        .await
        .expect("patched");
    stale.spec.size = Some(3);
    let conflict = status(api.replace("a", &post, &stale).await.expect_err("stale"));
    assert!(conflict.is_conflict());
    assert!(conflict.message.starts_with(
        "Operation cannot be fulfilled on gadgets.test.example.com \"a\": the object has been modified"
    ));
    stale.metadata.resource_version = None;
    assert!(status(api.replace("a", &post, &stale).await.expect_err("no version")).is_invalid());
    let invalid = status(api.create(&post, &gadget("b", "odd")).await.expect_err("invalid"));
    assert!(invalid.is_invalid());
    let details = invalid.details.expect("details");
    assert!(
        details
            .causes
            .iter()
            .any(|cause| cause.field == "spec.mode" && cause.reason == "FieldValueNotSupported")
    );
    let shrunk = Patch::Merge(json!({ "spec": { "size": 0 } }));
    let refused =
        status(api.patch("a", &PatchParams::default(), &shrunk).await.expect_err("a rule"));
    assert!(refused.message.ends_with("spec: Invalid value: a gadget cannot shrink"));
}

/// The client sends everything before it reads, and must still get the answer.
#[tokio::test]
async fn a_body_that_is_too_long_is_rejected_with_an_explanation() {
    let control_plane = control_plane().await;
    let mut stream = TcpStream::connect(control_plane.address()).await.expect("connected");
    let body = vec![b'x'; 16 * 1024 * 1024];
    let head = format!(
        "POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&body).await.expect("sent to the end");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("Request entity too large: limit is 3145728"), "{answer}");
}

#[tokio::test]
async fn spec_and_status_are_written_separately() {
    let (_control_plane, api) = gadgets().await;
    let mut new = gadget("a", "manual");
    new.status = Some(GadgetStatus { phase: Some("Early".into()) });
    let created = api.create(&PostParams::default(), &new).await.expect("created");
    assert_eq!(created.status, None, "a creation brings no status");
    let mut written = created.clone();
    written.status = Some(GadgetStatus { phase: Some("Done".into()) });
    written.spec.size = Some(50);
    let written = api.replace_status("a", &PostParams::default(), &written).await.expect("written");
    assert_eq!(written.spec.size, Some(1), "a status write leaves the spec alone");
    assert_eq!(written.metadata.generation, Some(1));
    let mut main = written.clone();
    main.status = None;
    main.spec.size = Some(2);
    let main = api.replace("a", &PostParams::default(), &main).await.expect("written");
    assert_eq!(main.status, written.status, "a main write leaves the status alone");
    assert_eq!(main.metadata.generation, Some(2));
    let patch = Patch::Merge(json!({ "status": { "phase": "Again" } }));
    let patched = api.patch_status("a", &PatchParams::default(), &patch).await.expect("patched");
    assert_eq!(patched.status.and_then(|status| status.phase).as_deref(), Some("Again"));
}

#[tokio::test]
async fn an_account_that_exists_has_tokens() {
    let control_plane = control_plane().await;
    let api: Api<ServiceAccount> = Api::namespaced(client(&control_plane), "default");
    let spec = TokenRequestSpec { expiration_seconds: Some(86_400), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let post = PostParams::default();
    let missing = api.create_token_request("deployer", &post, &request).await;
    assert!(status(missing.expect_err("no such account")).is_not_found());
    let mut account = ServiceAccount::default();
    account.metadata.name = Some("deployer".to_owned());
    api.create(&post, &account).await.expect("created");
    let before = k8s_openapi::jiff::Timestamp::now().as_second();
    let answer = api.create_token_request("deployer", &post, &request).await.expect("made");
    let made = answer.status.expect("a status");
    assert_eq!(made.token, "sandbox");
    assert!(made.expiration_timestamp.0.as_second() >= before + 86_400);
}

#[tokio::test]
async fn a_kind_without_status_subresource_counts_every_change() {
    let control_plane = control_plane().await;
    let resource = kube::discovery::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
        "argoproj.io",
        "v1alpha1",
        "Application",
    ));
    let api: Api<kube::api::DynamicObject> =
        Api::namespaced_with(client(&control_plane), "default", &resource);
    let mut application = kube::api::DynamicObject::new("app", &resource);
    application.data = json!({ "spec": { "project": "default" } });
    api.create(&PostParams::default(), &application).await.expect("created");
    let patch = Patch::Merge(json!({ "status": { "sync": { "status": "Synced" } } }));
    let patched = api.patch("app", &PatchParams::default(), &patch).await.expect("patched");
    assert_eq!(patched.data["status"]["sync"]["status"], "Synced");
    assert_eq!(patched.metadata.generation, Some(2));
    let refused = api.patch_status("app", &PatchParams::default(), &patch).await;
    assert!(status(refused.expect_err("no such subresource")).is_not_found());
}

#[tokio::test]
async fn finalizers_hold_an_object_until_the_last_is_gone() {
    let (_control_plane, api) = gadgets().await;
    let mut held = gadget("a", "manual");
    held.metadata.finalizers = Some(vec!["x.io/one".into(), "x.io/two".into()]);
    let created = api.create(&PostParams::default(), &held).await.expect("created");
    let version = created.resource_version().expect("a version");
    let mut events = api.watch(&WatchParams::default(), &version).await.expect("a watch").boxed();
    let pending = api.delete("a", &DeleteParams::default()).await.expect("deleted").left();
    let pending = pending.expect("the object is still there");
    assert!(pending.metadata.deletion_timestamp.is_some());
    assert_eq!(pending.metadata.generation, Some(2));
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Modified(seen))
        if seen.metadata.deletion_timestamp.is_some()));
    let add = Patch::Merge(json!({ "metadata": { "finalizers": ["x.io/one", "x.io/new"] } }));
    let refused = status(api.patch("a", &PatchParams::default(), &add).await.expect_err("refused"));
    assert!(refused.message.contains("no new finalizers can be added"));
    for left in [json!(["x.io/two"]), json!([])] {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": left } }));
        api.patch("a", &PatchParams::default(), &patch).await.expect("patched");
    }
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Modified(_))));
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Deleted(_))));
    assert!(api.get_opt("a").await.expect("read").is_none());
}

#[tokio::test]
async fn a_deletion_can_be_bound_to_uid_and_version() {
    let (_control_plane, api) = gadgets().await;
    let created =
        api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
    let with =
        |preconditions| DeleteParams { preconditions: Some(preconditions), ..Default::default() };
    let wrong_uid = with(Preconditions { uid: Some("other".into()), resource_version: None });
    assert!(status(api.delete("a", &wrong_uid).await.expect_err("refused")).is_conflict());
    let wrong_version = with(Preconditions { uid: None, resource_version: Some("1".into()) });
    assert!(status(api.delete("a", &wrong_version).await.expect_err("refused")).is_conflict());
    let right =
        with(Preconditions { uid: created.uid(), resource_version: created.resource_version() });
    api.delete("a", &right).await.expect("deleted");
}

#[tokio::test]
async fn patches_of_every_type_are_understood() {
    let control_plane = control_plane().await;
    let api: Api<ConfigMap> = Api::namespaced(client(&control_plane), "default");
    let data = |text: &str| Some([("k".to_owned(), text.to_owned())].into());
    let new = ConfigMap {
        metadata: ObjectMeta { name: Some("c".into()), ..Default::default() },
        data: data("1"),
        ..Default::default()
    };
    api.create(&PostParams::default(), &new).await.expect("created");
    let params = PatchParams::default();
    let strategic = Patch::Strategic(json!({ "data": { "s": "2" } }));
    let patched = api.patch("c", &params, &strategic).await.expect("patched");
    assert_eq!(patched.data.map(|data| data.len()), Some(2));
    let operations = serde_json::from_value(json!([
        { "op": "test", "path": "/metadata/finalizers", "value": null },
        { "op": "add", "path": "/data/j", "value": "3" },
    ]));
    let json_patch = Patch::<()>::Json(operations.expect("a patch"));
    assert_eq!(
        api.patch("c", &params, &json_patch).await.expect("patched").data.map(|data| data.len()),
        Some(3)
    );
    let apply_to = |name: &str, value: serde_json::Value| {
        Patch::Apply(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name },
            "data": value,
        }))
    };
    let apply = |value: serde_json::Value| apply_to("c", value);
    let manager = PatchParams::apply("tests");
    let applied =
        api.patch("c", &manager, &apply(json!({ "a": "4", "b": "5" }))).await.expect("applied");
    assert_eq!(applied.data.map(|data| data.len()), Some(5));
    let applied = api.patch("c", &manager, &apply(json!({ "a": "4" }))).await.expect("applied");
    assert!(applied.data.is_some_and(|data| !data.contains_key("b") && data.contains_key("k")));
    let other = PatchParams::apply("others");
    let conflict =
        api.patch("c", &other, &apply(json!({ "a": "6" }))).await.expect_err("a conflict");
    assert!(status(conflict).is_conflict());
    api.patch("c", &other.clone().force(), &apply(json!({ "a": "6" }))).await.expect("forced");
    let fresh =
        api.patch("new", &manager, &apply_to("new", json!({ "a": "1" }))).await.expect("created");
    assert!(fresh.uid().is_some(), "an apply creates what is missing");
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    api.patch("new", &dry, &Patch::Merge(json!({ "data": { "a": "9" } })))
        .await
        .expect("a dry run");
    let kept = api.get("new").await.expect("read");
    assert_eq!(kept.data.expect("data")["a"], "1");
}

#[tokio::test]
async fn a_namespace_is_deleted_with_its_content() {
    let control_plane = control_plane().await;
    let client: Client = client(&control_plane);
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let inside: Api<Gadget> = Api::namespaced(client.clone(), "team");
    let missing = status(
        inside.create(&PostParams::default(), &gadget("a", "manual")).await.expect_err("missing"),
    );
    assert_eq!((missing.code, missing.message.as_str()), (404, "namespaces \"team\" not found"));
    let team = Namespace {
        metadata: ObjectMeta { name: Some("team".into()), ..Default::default() },
        ..Default::default()
    };
    let created = namespaces.create(&PostParams::default(), &team).await.expect("created");
    assert_eq!(created.status.and_then(|status| status.phase).as_deref(), Some("Active"));
    let mut held = gadget("held", "manual");
    held.metadata.finalizers = Some(vec!["x.io/hold".into()]);
    inside.create(&PostParams::default(), &held).await.expect("created");
    inside.create(&PostParams::default(), &gadget("free", "manual")).await.expect("created");
    let terminating = namespaces.delete("team", &DeleteParams::default()).await.expect("deleted");
    let terminating = terminating.left().expect("it is still there");
    assert_eq!(terminating.status.and_then(|status| status.phase).as_deref(), Some("Terminating"));
    let late = status(
        inside.create(&PostParams::default(), &gadget("late", "manual")).await.expect_err("late"),
    );
    assert_eq!(late.code, 403);
    let causes = late.details.expect("details").causes;
    assert_eq!(causes[0].reason, "NamespaceTerminating");
    assert!(inside.get_opt("free").await.expect("read").is_none());
    let waiting = inside.get("held").await.expect("held");
    assert!(waiting.metadata.deletion_timestamp.is_some());
    assert!(namespaces.get_opt("team").await.expect("read").is_some());
    let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    inside.patch("held", &PatchParams::default(), &release).await.expect("released");
    assert!(namespaces.get_opt("team").await.expect("read").is_none());
}

#[tokio::test]
async fn dependents_are_deleted_with_their_owner() {
    let (control_plane, api) = gadgets().await;
    let owner =
        api.create(&PostParams::default(), &gadget("owner", "manual")).await.expect("created");
    let secrets: Api<Secret> = Api::namespaced(client(&control_plane), "default");
    let owned = Secret {
        metadata: ObjectMeta {
            name: Some("owned".into()),
            owner_references: Some(vec![owner.controller_owner_ref(&()).expect("a reference")]),
            ..Default::default()
        },
        ..Default::default()
    };
    secrets.create(&PostParams::default(), &owned).await.expect("created");
    api.delete("owner", &DeleteParams::default()).await.expect("deleted");
    assert!(secrets.get_opt("owned").await.expect("read").is_none());
}

#[tokio::test]
async fn a_recorder_writes_events_that_both_apis_show() {
    let (control_plane, api) = gadgets().await;
    let client = client(&control_plane);
    let object = api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
    let reporter = Reporter { controller: "tests".into(), instance: None };
    let recorder = Recorder::new(client.clone(), reporter);
    let event = Event {
        type_: EventType::Normal,
        reason: "Tried".into(),
        note: Some("it worked".into()),
        action: "Trying".into(),
        secondary: None,
    };
    for _ in 0..2 {
        recorder.publish(&event, &object.object_ref(&())).await.expect("published");
    }
    let events: Api<CoreEvent> = Api::namespaced(client, "default");
    let about = ListParams::default().fields("involvedObject.name=a,involvedObject.kind=Gadget");
    let found = events.list(&about).await.expect("events").items;
    assert_eq!(found.len(), 1, "a repetition is counted, not added");
    assert_eq!(found[0].message.as_deref(), Some("it worked"));
    assert_eq!(found[0].series.as_ref().and_then(|series| series.count), Some(2));
}

#[tokio::test]
async fn only_one_client_wins_a_lease() {
    let control_plane = control_plane().await;
    let leases: Api<Lease> = Api::namespaced(client(&control_plane), "default");
    let lease = |holder: &str| -> Lease {
        serde_json::from_value(json!({
            "metadata": { "name": "leader" },
            "spec": { "holderIdentity": holder, "renewTime": "2026-01-01T00:00:00.000000Z" },
        }))
        .expect("a lease")
    };
    let held = leases.create(&PostParams::default(), &lease("one")).await.expect("created");
    let post = PostParams::default();
    assert!(
        status(leases.create(&post, &lease("two")).await.expect_err("held")).is_already_exists()
    );
    let mut renewed = held.clone();
    renewed.spec.as_mut().expect("a spec").holder_identity = Some("two".into());
    leases.replace("leader", &post, &renewed).await.expect("taken over");
    assert!(status(leases.replace("leader", &post, &held).await.expect_err("lost")).is_conflict());
}

#[tokio::test]
async fn a_definition_is_deleted_with_its_objects() {
    let (control_plane, api) = gadgets().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client(&control_plane));
    let name = "gadgets.test.example.com";
    let definition = definitions.get(name).await.expect("read");
    let conditions = definition.status.and_then(|status| status.conditions).expect("conditions");
    assert!(conditions.iter().any(|each| each.type_ == "Established" && each.status == "True"));
    let mut held = gadget("held", "manual");
    held.metadata.finalizers = Some(vec!["x.io/hold".into()]);
    api.create(&PostParams::default(), &held).await.expect("created");
    let mut events = api.watch(&WatchParams::default(), "0").await.expect("a watch").boxed();
    definitions.delete(name, &DeleteParams::default()).await.expect("deleted");
    assert!(definitions.get_opt(name).await.expect("read").is_some(), "an object holds it");
    let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    api.patch("held", &PatchParams::default(), &release).await.expect("released");
    assert!(definitions.get_opt(name).await.expect("read").is_none());
    assert!(status(api.list(&ListParams::default()).await.expect_err("not served")).is_not_found());
    let ended = async { while events.next().await.is_some() {} };
    tokio::time::timeout(DEADLINE, ended).await.expect("the watch ends");
}

#[tokio::test]
async fn generated_names_and_collections() {
    let (control_plane, api) = gadgets().await;
    for _ in 0..3 {
        let mut generated = gadget("", "manual");
        generated.metadata.name = None;
        generated.metadata.generate_name = Some("made-".into());
        let created = api.create(&PostParams::default(), &generated).await.expect("created");
        assert!(created.name_any().starts_with("made-"));
    }
    api.create(&PostParams::default(), &gadget("kept", "automated")).await.expect("created");
    let generated = ListParams::default().fields("spec.mode=manual");
    let gone = api.delete_collection(&DeleteParams::default(), &generated).await.expect("deleted");
    assert_eq!(gone.left().map(|list| list.items.len()), Some(3));
    assert_eq!(api.list(&ListParams::default()).await.expect("a list").items.len(), 1);
    let counts = control_plane.requests();
    let key = ("create".to_owned(), "gadgets.test.example.com".to_owned());
    assert_eq!(counts.get(&key), Some(&4));
    let metadata = api.list_metadata(&ListParams::default()).await.expect("metadata");
    assert_eq!(metadata.items[0].metadata.name.as_deref(), Some("kept"));
    assert_eq!(Gadget::kind(&()), "Gadget");
}

#[tokio::test]
async fn a_server_listens_only_on_loopback_and_reports_what_prevents_it() {
    let everywhere = Options { address: ([0, 0, 0, 0], 0).into(), ..Options::default() };
    let refused = ControlPlane::start(everywhere).await.expect_err("refused");
    assert!(refused.to_string().contains("not a loopback address"), "{refused}");
    let first = ControlPlane::start(Options::default()).await.expect("started");
    let taken = Options { address: first.address(), ..Options::default() };
    let refused = ControlPlane::start(taken).await.expect_err("refused");
    assert!(refused.to_string().contains("choose another one"), "{refused}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let options = Options { data: Some(file.path().join("below")), ..Options::default() };
    let refused = ControlPlane::start(options).await.expect_err("refused");
    assert!(refused.to_string().contains("choose a writable data directory"), "{refused}");
}
