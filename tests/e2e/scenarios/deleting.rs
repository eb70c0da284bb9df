//! What is deleted, and in which order.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use kube::api::{Api, PostParams};

use crate::harness::{all, condition, eventually, with_finalizer};
use crate::repository::config_map;
use crate::ring::Ring;

/// Concurrent requests.
const CONCURRENCY: usize = 8;
/// As in the existing system's worst case: 500 deletions without Argo CD stopped every tenant.
const DELETIONS: usize = 500;

pub async fn with_the_finalizer_the_resources_are_removed_first(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&with_finalizer(ring.deployment("shop", "automated", "shop"))).await;
    let shop = ring.wait_until_ready("shop").await;
    ring.wait_for_word("first", Some("one")).await;
    ring.delete("shop").await;
    ring.wait_until_gone("shop").await;
    // Without waiting: the finalizer guarantees it.
    assert!(ring.config_maps().get_opt("first").await.unwrap().is_none());
    let name = ring.application_name(&shop);
    assert!(ring.applications().get_opt(&name).await.unwrap().is_none());
}

pub async fn without_the_finalizer_the_resources_are_removed_too(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    let shop = ring.wait_until_ready("shop").await;
    ring.delete("shop").await;
    ring.wait_for_application(&shop, "the Application is gone", |found| found.is_none()).await;
    ring.wait_for_word("first", None).await;
}

pub async fn a_recreated_namespace_starts_from_scratch(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let mut projects = BTreeSet::new();
    for round in 1..=3 {
        let object = with_finalizer(ring.deployment("shop", "automated", "shop"));
        ring.create(&object).await;
        let shop = ring.wait_until_ready("shop").await;
        let name = ring.application_name(&shop);
        projects.insert(ring.applications().get(&name).await.unwrap().spec.project);
        assert_eq!(projects.len(), round, "it is a new tenant each time");
        ring.delete_namespace(&ring.namespace).await;
        ring.wait_until_namespace_gone(&ring.namespace).await;
        ring.create_namespace(&ring.namespace).await;
        ring.wait_for_application(&shop, "its Application is gone", |one| one.is_none()).await;
    }
}

pub async fn five_hundred_deletions_without_argo_cd_delay_no_other_deployment(ring: &mut Ring) {
    ring.commit(&[
        ("hot/first.json", config_map("first", "one")),
        ("other/second.json", config_map("second", "two")),
    ]);
    let object = |number: usize| {
        let mut object = ring.deployment(&format!("hot-{number:03}"), "manual", "hot");
        object.spec.source.path = "hot".to_owned();
        with_finalizer(object)
    };
    let api = ring.deployments();
    let parameters = PostParams::default();
    stream::iter((0..DELETIONS).map(object))
        .for_each_concurrent(CONCURRENCY, |object| {
            let (api, parameters) = (&api, &parameters);
            async move {
                api.create(parameters, &object).await.unwrap();
            }
        })
        .await;
    ring.wait_until_ready("hot-499").await;
    ring.stop_argocd("hot").await;
    api.delete_collection(&Default::default(), &Default::default()).await.unwrap();
    let neighbour = format!("{}-neighbour", ring.namespace);
    ring.create_namespace(&neighbour).await;
    let theirs = Api::namespaced(ring.client.clone(), &neighbour);
    let object = ring.deployment("other", "automated", "other");
    let other = theirs.create(&PostParams::default(), &object).await.unwrap();
    ring.wait_for_application(&other, "the neighbour's Application exists", |one| one.is_some())
        .await;
    // All of them are still waiting, so none delayed it.
    assert_eq!(all(&api).await.len(), DELETIONS);
    let applications = all(&ring.applications()).await;
    let going = applications.iter().filter(|one| one.metadata.deletion_timestamp.is_some());
    println!("{} of {DELETIONS} Applications were being deleted by then", going.count());
    ring.start_argocd().await;
    ring.wait_for_application(&other, "Argo CD reports its state", |one| {
        one.and_then(|one| one.status.as_ref()).is_some_and(|one| one.sync.status == "Synced")
    })
    .await;
    ring.delete_namespace(&neighbour).await;
    ring.wait_until_namespace_gone(&neighbour).await;
}

pub async fn an_endlessly_retried_sync_does_not_delay_a_deletion(ring: &mut Ring) {
    // The API server always rejects it.
    ring.commit(&[("shop/first.json", config_map("Not_A_Name", "one"))]);
    ring.create(&with_finalizer(ring.deployment("shop", "automated", "shop"))).await;
    ring.wait_for("shop", "the failed attempt is reported", |shop| {
        condition(shop, "Ready").is_some_and(|ready| {
            ready.reason == "Syncing" && ready.message.contains("Retrying attempt")
        })
    })
    .await;
    ring.delete("shop").await;
    ring.wait_until_gone("shop").await;
}

pub async fn an_app_project_that_a_deletion_needs_is_restored(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&with_finalizer(ring.deployment("shop", "automated", "shop"))).await;
    let shop = ring.wait_until_ready("shop").await;
    let name = ring.application_name(&shop);
    let project = ring.applications().get(&name).await.unwrap().spec.project;
    ring.stop_argocd("shop").await;
    ring.delete("shop").await;
    ring.wait_for_application(&shop, "the Application is being deleted", |found| {
        found.is_some_and(|one| one.metadata.deletion_timestamp.is_some())
    })
    .await;
    // It is the namespace's last deployment, so no row requires the AppProject any more.
    let projects = ring.projects();
    projects.delete(&project, &Default::default()).await.unwrap();
    eventually("the AppProject is back", || async {
        projects.get_opt(&project).await.ok()?.map(drop)
    })
    .await;
    ring.start_argocd().await;
    ring.wait_until_gone("shop").await;
    ring.wait_for_word("first", None).await;
}
