//! Lists, watches and restarts, as kube-rs sees them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::ResourceExt;
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::watcher;
use sandbox::{ControlPlane, Options, Settings};
use serde_json::json;

use common::{DEADLINE, Gadget, client, gadget, gadget_crd, gadgets, next};

#[tokio::test]
async fn paged_lists_show_one_version() {
    let (_control_plane, api) = gadgets().await;
    for name in ["a", "b", "c", "d", "e"] {
        api.create(&PostParams::default(), &gadget(name, "manual")).await.expect("created");
    }
    let first = api.list(&ListParams::default().limit(2)).await.expect("a page");
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    let token = first.metadata.continue_.clone().expect("more");
    api.delete("d", &DeleteParams::default()).await.expect("deleted");
    let rest = api.list(&ListParams::default().continue_token(&token)).await.expect("the rest");
    let names: Vec<String> = rest.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["c", "d", "e"], "as it was when the first page was read");
    assert_eq!(rest.metadata.resource_version, first.metadata.resource_version);
    let now = api.list(&ListParams::default()).await.expect("a list");
    assert_eq!(now.items.len(), 4);
}

#[tokio::test]
async fn a_watch_continues_from_a_list_and_follows_a_selector() {
    let (_control_plane, api) = gadgets().await;
    api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
    let list = api.list(&ListParams::default()).await.expect("a list");
    let version = list.metadata.resource_version.expect("a version");
    let selected = WatchParams::default().labels("team=x");
    let mut events = api.watch(&selected, &version).await.expect("a watch").boxed();
    for label in ["x", "y"] {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "team": label } } }));
        api.patch("a", &PatchParams::default(), &patch).await.expect("patched");
    }
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Added(_))));
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Deleted(_))));
}

#[tokio::test]
async fn a_watch_from_a_compacted_version_gets_an_error() {
    let (control_plane, api) = gadgets().await;
    let created =
        api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
    let patch = Patch::Merge(json!({ "spec": { "size": 2 } }));
    api.patch("a", &PatchParams::default(), &patch).await.expect("patched");
    control_plane.server().compact();
    let version = created.resource_version().expect("a version");
    let mut events = api.watch(&WatchParams::default(), &version).await.expect("a watch").boxed();
    match next(&mut events).await {
        Ok(WatchEvent::Error(status)) => {
            assert_eq!((status.code, status.reason.as_str()), (410, "Expired"))
        }
        other => panic!("unexpected: {other:?}"),
    }
}

async fn apply_of(
    stream: &mut BoxStream<'_, Result<watcher::Event<Gadget>, watcher::Error>>,
) -> Gadget {
    loop {
        if let Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) =
            next(stream).await
        {
            return object;
        }
    }
}

#[tokio::test]
async fn a_watcher_recovers_from_compaction_and_streams_lists() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let options = Options {
            settings: Settings { history_limit: 4, ..Settings::default() },
            ..Options::with_crds([gadget_crd()])
        };
        let control_plane = ControlPlane::start(options).await.expect("started");
        let api: Api<Gadget> = Api::namespaced(client(&control_plane), "default");
        api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
        let mut stream = watcher(api.clone(), config).boxed();
        assert!(matches!(next(&mut stream).await, Ok(watcher::Event::Init)));
        assert!(matches!(next(&mut stream).await, Ok(watcher::Event::InitApply(_))));
        assert!(matches!(next(&mut stream).await, Ok(watcher::Event::InitDone)));
        for size in 2..20 {
            let patch = Patch::Merge(json!({ "spec": { "size": size } }));
            api.patch("a", &PatchParams::default(), &patch).await.expect("patched");
        }
        while apply_of(&mut stream).await.spec.size != Some(19) {}
    }
}

#[tokio::test]
async fn a_server_with_a_directory_resumes_where_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let start = || {
        let options = Options {
            data: Some(directory.path().to_owned()),
            ..Options::with_crds([gadget_crd()])
        };
        ControlPlane::start(options)
    };
    let first = start().await.expect("started");
    let api: Api<Gadget> = Api::namespaced(client(&first), "default");
    let created =
        api.create(&PostParams::default(), &gadget("a", "manual")).await.expect("created");
    let second = start().await.expect_err("the directory is in use");
    assert!(second.to_string().contains("in use by another process"), "{second}");
    let reached = first.resource_version();
    first.shutdown().await;
    let late = api.get("a").await;
    assert!(late.is_err(), "a server that was shut down answers no request");
    let again = start().await.expect("started again");
    assert_eq!(again.resource_version(), reached, "a restart writes nothing");
    let api: Api<Gadget> = Api::namespaced(client(&again), "default");
    let read = api.get("a").await.expect("read");
    assert_eq!((read.uid(), read.resource_version()), (created.uid(), created.resource_version()));
    let version = created.resource_version().expect("a version");
    let older = (version.parse::<u64>().expect("a number") - 1).to_string();
    let mut events = api.watch(&WatchParams::default(), &older).await.expect("a watch").boxed();
    assert!(matches!(next(&mut events).await, Ok(WatchEvent::Error(status)) if status.code == 410));
}

#[tokio::test]
async fn a_shutdown_ends_open_watches() {
    let (control_plane, api) = gadgets().await;
    let mut events = api.watch(&WatchParams::default(), "0").await.expect("a watch").boxed();
    let ended = async { while events.next().await.is_some() {} };
    let both = async { tokio::join!(control_plane.shutdown(), ended) };
    tokio::time::timeout(DEADLINE, both).await.expect("both end");
}
