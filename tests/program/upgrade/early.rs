//! What version 75c0616 has left, killed in the middle of its work, goes on with this one: `make` in
//! `tests/upgrade/75c0616` has run that version and written down its database and its cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crds::GitOpsDeployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, WatchEvent};
use schema::connection::{ConnectOptions, connect};
use serde_json::{Value, json};

use super::flaps;
use crate::harness::{
    ARGO_CD, World, all, automated, check_that_nothing_is_lost_or_duplicated, conditions,
    eventually, execute, is_ready, with_database,
};

/// Of those that were at rest, but for three that were touched at the end.
const TEAM: &str = "team";
/// Of those that were being created.
const BUSY: &str = "busy";
/// What was deleted just before the end; Argo CD did not finish the last.
const DELETED: [&str; 3] = ["ready-1", "protected-1", "stuck"];
/// Its migrations are the first five.
const APPLIED: [&str; 3] =
    ["m20261128_000006_references", "m20261129_000007_sealing", "m20261130_000008_clusters"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_75c0616_has_left_on_sqlite_goes_on() {
    let fixture = Fixture::read("sqlite");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute_batch(&fixture.database).unwrap();
    database.close().unwrap();
    let url = format!("sqlite://{}", file.display());
    goes_on(fixture, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_75c0616_has_left_on_postgres_goes_on() {
    let Ok(server) = std::env::var("DATABASE_URL") else {
        println!("skipping PostgreSQL: DATABASE_URL is not set");
        return;
    };
    let fixture = Fixture::read("postgres");
    let name = format!("gitops_test_{}", uuid::Uuid::new_v4().simple());
    execute(&server, &format!("CREATE DATABASE {name}")).await;
    let url = with_database(&server, &name);
    execute(&url, &fixture.database).await;
    let outcome = tokio::spawn(async move { goes_on(fixture, &url).await }).await;
    execute(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// What `make` has written down.
struct Fixture {
    /// As SQL.
    database: String,
    /// The newest revision in the cluster.
    revision: u64,
    /// Each object, with the collection that it is in.
    objects: Vec<(String, Value)>,
}

impl Fixture {
    fn read(kind: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/75c0616").join(kind);
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let objects = read("objects.jsonl");
        let mut lines = objects.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let revision = lines.next().unwrap()["resourceVersion"].as_u64().unwrap();
        let objects = lines.map(|mut line| {
            (line["collection"].as_str().unwrap().to_owned(), line["object"].take())
        });
        Self { database: read("database.sql"), revision, objects: objects.collect() }
    }

    /// The objects of one kind that were not about to go.
    fn all<K: serde::de::DeserializeOwned + kube::Resource>(&self, collection: &str) -> Vec<K> {
        let objects = self.objects.iter().filter(|(of, _)| of == collection);
        let objects = objects.map(|(_, object)| serde_json::from_value(object.clone()).unwrap());
        objects.filter(|one: &K| one.meta().deletion_timestamp.is_none()).collect()
    }

    /// Writes the cluster as the sandbox keeps it; returns its folder.
    fn restore_cluster(&self, directory: &Path) -> PathBuf {
        let folder = directory.join("sandbox");
        std::fs::create_dir(&folder).unwrap();
        let file = rusqlite::Connection::open(folder.join("sandbox.db")).unwrap();
        file.execute_batch(
            "CREATE TABLE objects (collection TEXT NOT NULL, namespace TEXT NOT NULL, \
               name TEXT NOT NULL, resource_version INTEGER NOT NULL, json BLOB NOT NULL, \
               PRIMARY KEY (collection, namespace, name)); \
             CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL); \
             PRAGMA user_version = 1",
        )
        .unwrap();
        let revision = rusqlite::params!["resource_version", self.revision.cast_signed()];
        file.execute("INSERT INTO meta VALUES (?1, ?2)", revision).unwrap();
        for (collection, object) in &self.objects {
            let metadata = &object["metadata"];
            let revision: i64 = metadata["resourceVersion"].as_str().unwrap().parse().unwrap();
            let namespace = metadata["namespace"].as_str().unwrap_or_default();
            let name = metadata["name"].as_str().unwrap();
            let json = serde_json::to_vec(object).unwrap();
            let row = rusqlite::params![collection, namespace, name, revision, json];
            file.execute("INSERT INTO objects VALUES (?1, ?2, ?3, ?4, ?5)", row).unwrap();
        }
        folder
    }
}

async fn goes_on(fixture: Fixture, url: &str) {
    let database = connect(url, &ConnectOptions::default()).await.unwrap();
    assert_eq!(schema::migrate(&database).await.unwrap().applied, APPLIED);
    database.close().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let cluster = fixture.restore_cluster(directory.path());
    let mut world = World::after(url, directory, cluster).await;
    let since = world.plane.resource_version();
    world.start_program().await;
    // But for the removal that Argo CD does not finish.
    let unsettled = "SELECT count(*) FROM machine WHERE (owes OR wake_at IS NOT NULL) AND NOT \
                     (kind = 'Deployment' AND name = 'stuck' OR state_path = 'InProgress/Deleting')";
    world.wait_until_counted(unsettled, 0).await;
    world.wait_until_quiet().await;

    check_that_it_is_as_it_was(&fixture, &world).await;
    let events = world.history(&all_deployments(&world), since).await;
    check_writes(&events);
    flaps::check(&events);
    mend(&world).await;
    check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
    world.stop_program().await;
}

fn all_deployments(world: &World) -> Api<GitOpsDeployment> {
    Api::all(world.client.clone())
}

/// Each deployment and each Application is the same object as before, and says the same if nothing was
/// changed at the end; what was in progress is done.
async fn check_that_it_is_as_it_was(fixture: &Fixture, world: &World) {
    let name = |one: &GitOpsDeployment| (one.namespace().unwrap(), one.name_any());
    let before = fixture.all::<GitOpsDeployment>("gitopsdeployments.managed-gitops.redhat.com");
    let now: BTreeMap<_, _> =
        all(&all_deployments(world)).await.into_iter().map(|one| (name(&one), one)).collect();
    let remaining = before.iter().filter(|one| !DELETED.contains(&one.name_any().as_str()));
    assert!(remaining.clone().count() > 30, "the fixture has deployments");
    let applications = applications(&all(&world.applications()).await);
    for (uid, name) in applications_before(fixture) {
        let is_gone = !applications.contains_key(&name);
        assert!(is_gone || applications[&name] == uid, "{name} was created again");
    }
    for deployment in remaining {
        let found = &now[&name(deployment)];
        assert_eq!(found.uid(), deployment.uid());
        let application = crds::names::application_name(&found.uid().unwrap());
        let is_rejected = found.name_any() == "rejected";
        assert_eq!(applications.contains_key(&application), !is_rejected, "{application}");
        let is_broken = ["degraded", "sync-fails", "missing-path", "rejected"];
        let is_broken = is_broken.contains(&found.name_any().as_str());
        assert_eq!(is_ready(found), !is_broken, "{found:#?}");
        if found.namespace().unwrap() == TEAM && found.name_any() != "ready-0" {
            assert_eq!(verdicts(found), verdicts(deployment));
        }
    }
    let edited = world.application_of(&now[&(TEAM.to_owned(), "ready-0".to_owned())]).await;
    assert_eq!(edited.unwrap().spec.source.path, "deploy/edited");
    for name in ["ready-1", "protected-1"] {
        assert!(!now.contains_key(&(TEAM.to_owned(), name.to_owned())), "{name} is gone");
    }
}

/// Conditions without their messages, which have become longer.
fn verdicts(one: &GitOpsDeployment) -> Vec<[String; 3]> {
    conditions(one).into_iter().map(|(type_, status, reason, _)| [type_, status, reason]).collect()
}

fn applications(found: &[crds::argocd::Application]) -> BTreeMap<String, String> {
    found.iter().map(|one| (one.name_any(), one.uid().unwrap())).collect()
}

/// UID and name of each.
fn applications_before(fixture: &Fixture) -> Vec<(String, String)> {
    let found = fixture.all::<crds::argocd::Application>("applications.argoproj.io");
    found.iter().map(|one| (one.uid().unwrap(), one.name_any())).collect()
}

/// What was at rest, and was not touched, is written at most once.
fn check_writes(events: &[WatchEvent<GitOpsDeployment>]) {
    let mut writes: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        if let WatchEvent::Modified(one) = event
            && one.namespace().unwrap() == TEAM
            && !DELETED.contains(&one.name_any().as_str())
            && one.name_any() != "ready-0"
        {
            *writes.entry(one.name_any()).or_default() += 1;
        }
    }
    assert!(writes.values().all(|number| *number <= 1), "{writes:?}");
}

/// Mends what was broken, has Argo CD finish, and adds a deployment: then all of them are ready.
async fn mend(world: &World) {
    let outcomes = Api::<ConfigMap>::namespaced(world.client.clone(), ARGO_CD);
    outcomes.delete(argocd_stand_in::OUTCOMES, &DeleteParams::default()).await.unwrap();
    world.edit(TEAM, "rejected", json!({"spec": {"source": {"path": "deploy"}}})).await;
    world.edit(TEAM, "sync-fails", json!({"spec": {"source": {"path": "deploy"}}})).await;
    world.create(BUSY, &automated("one-more")).await;
    world.wait_until_gone(TEAM, "stuck").await;
    eventually("all deployments are ready", || async {
        all(&all_deployments(world)).await.iter().all(is_ready).then_some(())
    })
    .await;
    world.wait_until_settled().await;
    world.wait_until_quiet().await;
}
