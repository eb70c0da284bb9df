//! The rows of Argo CD's instance, the index of all machines, and removal by age.

use std::time::Duration;

use machines::kinds::deployment::Deployment;
use machines::kinds::tenant::Tenant;
use machines::operation::Operation;
use schema::store::StoreError;
use schema::store::collect::{
    Collected, OPERATION_RETENTION, TRANSITION_LIMIT, TRANSITION_RETENTION,
};

use crate::driver::{ARGOCD, BEGINNING, Input, Object, World};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    an_instance_is_recorded_once,
    an_argo_cd_namespace_with_too_long_a_name_is_refused,
    the_index_lists_every_machine_once,
    finished_operations_are_removed_after_their_retention,
    transitions_are_removed_by_age,
    transitions_are_removed_by_number,
    more_than_a_page_is_removed_at_once,
);

async fn an_instance_is_recorded_once(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let tables = [
        "gitopsengineinstance",
        "gitopsenginecluster",
        "clustercredentials",
        "kubernetestodbresourcemapping",
    ];
    let rows = async || {
        let mut rows = Vec::new();
        for table in tables {
            rows.push(world.count(table).await);
        }
        rows
    };
    assert_eq!(rows().await, [1, 1, 1, 2]);
    let again = world.backend.ensure_instance(ARGOCD, "uid-argocd", "uid-system", BEGINNING);
    assert_eq!(again.await.unwrap(), world.instance.clone().unwrap());
    assert_eq!(rows().await, [1, 1, 1, 2]);
    // The namespace was re-created, in the same cluster.
    let other = world.backend.ensure_instance(ARGOCD, "uid-other", "uid-system", BEGINNING);
    assert_ne!(other.await.unwrap(), world.instance.clone().unwrap());
    assert_eq!(rows().await, [2, 1, 1, 3]);
    let mapped = world.texts("kubernetes_resource_uid", "kubernetestodbresourcemapping").await;
    assert_eq!(mapped, ["uid-argocd", "uid-other", "uid-system"]);
}

async fn an_argo_cd_namespace_with_too_long_a_name_is_refused(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let longest = "n".repeat(48);
    let ensure = |name: String, uid: &'static str| {
        let store = world.backend.clone();
        async move { store.ensure_instance(&name, uid, "uid-system", BEGINNING).await }
    };
    ensure(longest.clone(), "uid-longest").await.unwrap();
    let error = ensure(format!("{longest}n"), "uid-longer").await.unwrap_err();
    assert!(matches!(error, StoreError::Value { .. }), "{error}");
    assert!(error.to_string().contains("shorter name"), "{error}");
}

async fn the_index_lists_every_machine_once(scratch: Scratch) {
    // Three pages, the last of them full.
    const MACHINES: usize = 6_000;
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    let others: Vec<String> = (1..MACHINES)
        .map(|which| {
            format!(
                "('Deployment', 'uid-{which}', 't2', 'team', 'name-{which}', '{{}}', 'Gone', 1, \
                 NULL, FALSE, 1)"
            )
        })
        .collect();
    for page in others.chunks(1_000) {
        let insert = format!(
            "INSERT INTO machine (kind, key, tenant_uid, namespace, name, state, state_path, version, \
             wake_at, owes, updated_at) VALUES {}",
            page.join(", ")
        );
        world.execute(&insert).await;
    }
    let (statements, entries) = world.statements(world.backend.index::<Deployment>()).await;
    let mut entries = entries.unwrap();
    assert_eq!(statements, 4);
    let real = entries.iter().find(|entry| entry.key == object.uid.as_str()).unwrap();
    assert_eq!((real.tenant_uid.as_str(), real.name.as_str()), ("t1", "name-a"));
    assert_eq!(real.namespace, "team-t1");
    assert!(real.has_obligations && real.wake_at > Some(world.now.as_millis()));
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    entries.dedup_by(|one, other| one.key == other.key);
    assert_eq!(entries.len(), MACHINES);
    assert_eq!(world.backend.index::<Tenant>().await.unwrap().len(), 1);
    assert_eq!(world.backend.index::<Operation>().await.unwrap().len(), 0);
}

async fn finished_operations_are_removed_after_their_retention(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    let objects = ["old", "open", "failed", "young"].map(|which| Object::new("t1", which));
    world.settle(&objects[..1]).await;
    for object in &objects[1..3] {
        world.process(&[Input::Seen(object.clone())]).await.unwrap();
    }
    let failed = world.open(&objects[2..3]).await;
    world.claim(&failed).await;
    world.refuse(&failed, |_| "no".to_owned()).await;
    world.pass(1);
    world.settle(&objects[3..]).await;
    let due = world.now.after(OPERATION_RETENTION);
    assert_eq!(world.backend.collect(world.now).await.unwrap(), Collected::default());
    let collected = world.backend.collect(due).await.unwrap();
    assert_eq!(collected, Collected { operations: 2, transitions: 0 });
    let left = world.texts("requester", "operation").await;
    assert_eq!(left, ["uid-t1-open", "uid-t1-young"]);
    // An awaited one whose row is gone is requested again.
    world.process(&[Input::Operation(objects[2].uid.clone())]).await.unwrap();
    assert_eq!(world.path(&objects[2]).await, "Live/Dispatching");
}

async fn transitions_are_removed_by_age(scratch: Scratch) {
    let mut world = World::start(&scratch).await;
    world.settle(&[Object::new("t1", "a")]).await;
    let old = u64::try_from(world.count("transition").await).unwrap();
    world.pass(1);
    world.settle(&[Object::new("t1", "b")]).await;
    let young = world.count("transition").await - i64::try_from(old).unwrap();
    assert!(old > 0 && young > 0);
    let collected = world.agent.collect(world.now.after(TRANSITION_RETENTION)).await.unwrap();
    assert_eq!(collected.transitions, old);
    assert_eq!(world.count("transition").await, young);
}

/// Inserts transitions with these numbers.
async fn insert_transitions(world: &World, ids: impl Iterator<Item = i64>) {
    let at = BEGINNING.as_millis();
    let rows: Vec<String> =
        ids.map(|id| format!("({id}, 'Deployment', 'x', {at}, 'a', 'b', 'c', 1)")).collect();
    for page in rows.chunks(1_000) {
        let insert = format!(
            "INSERT INTO transition (id, kind, key, at, from_path, to_path, cause, generation) \
             VALUES {}",
            page.join(", ")
        );
        world.execute(&insert).await;
    }
}

async fn transitions_are_removed_by_number(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let newest = TRANSITION_LIMIT + 10;
    insert_transitions(&world, [1, 10, 11, newest].into_iter()).await;
    let collected = world.backend.collect(world.now).await.unwrap();
    assert_eq!(collected, Collected { operations: 0, transitions: 2 });
    let left = world.texts("cast(id AS text)", "transition").await;
    assert_eq!(left, [newest.to_string(), "11".to_owned()]);
}

async fn more_than_a_page_is_removed_at_once(scratch: Scratch) {
    let world = World::start(&scratch).await;
    insert_transitions(&world, 1..=5_001).await;
    let due = world.now.after(TRANSITION_RETENTION).after(Duration::from_millis(1));
    let collected = world.backend.collect(due).await.unwrap();
    assert_eq!(collected.transitions, 5_001);
    assert_eq!(world.count("transition").await, 0);
}
