//! From a deployment to running workloads.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Api;
use serde_json::json;

use crate::harness::{condition, eventually};
use crate::repository::{config_map, workload};
use crate::ring::Ring;

pub async fn a_repository_is_deployed_and_becomes_healthy(ring: &mut Ring) {
    let files = [
        ("shop/first.json", config_map("first", "one")),
        ("shop/second.json", config_map("second", "two")),
        ("shop/web.json", workload("web")),
    ];
    let commit = ring.commit(&files).unwrap();
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    let shop = ring.wait_until_ready("shop").await;
    let status = shop.status.unwrap();
    assert_eq!(status.sync.status, "Synced");
    assert_eq!(status.health.status, "Healthy");
    assert_eq!(status.sync.revision, commit);
    let mut resources: Vec<String> = status
        .resources
        .iter()
        .map(|one| format!("{} {} {}", one.kind, one.name, one.status))
        .collect();
    resources.sort();
    let wanted = ["ConfigMap first Synced", "ConfigMap second Synced", "Deployment web Synced"];
    assert_eq!(resources, wanted);
    ring.wait_for_word("first", Some("one")).await;
    ring.wait_for_word("second", Some("two")).await;
    let api = Api::<Deployment>::namespaced(ring.client.clone(), &ring.namespace);
    let web = api.get("web").await.unwrap();
    assert_eq!(web.status.unwrap().ready_replicas, Some(2));
}

pub async fn an_automated_deployment_becomes_ready(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    ring.wait_until_ready("shop").await;
    ring.check_that_nothing_is_lost_or_duplicated().await;
}

pub async fn a_missing_path_is_reported_and_can_be_fixed(ring: &mut Ring) {
    ring.commit(&[("right/first.json", config_map("first", "one"))]);
    ring.make_path_missing("wrong").await;
    ring.create(&ring.deployment("shop", "automated", "wrong")).await;
    let shop = ring
        .wait_for("shop", "Argo CD's error is reported", |shop| {
            condition(shop, "ComparisonError").is_some_and(|one| one.status == "True")
        })
        .await;
    let complaint = condition(&shop, "ComparisonError").unwrap();
    assert!(complaint.message.contains("wrong"), "{}", complaint.message);
    assert_ne!(condition(&shop, "Ready").unwrap().status, "True");
    ring.edit("shop", json!({"spec": {"source": {"path": "right"}}})).await;
    let shop = ring.wait_until_ready("shop").await;
    let complaint = condition(&shop, "ComparisonError").unwrap();
    assert_eq!((&*complaint.status, &*complaint.reason), ("False", "ComparisonErrorResolved"));
}

pub async fn a_repository_with_brackets_in_its_url_is_deployed(ring: &mut Ring) {
    let repository = ring.another_repository("a[b]");
    let mut object = ring.deployment("shop", "automated", "shop");
    object.spec.source.repo_url = "https://git.example.com/a[b]/shop".to_owned();
    if let Some(repository) = &repository {
        repository.commit(&[("shop/first.json", config_map("first", "one"))]);
        object.spec.source.repo_url.clone_from(&repository.url);
    }
    ring.create(&object).await;
    ring.wait_until_ready("shop").await;
}

pub async fn a_repository_at_an_ipv6_address_is_permitted(ring: &mut Ring) {
    let urls = ["http://[::1]:9/org/r.git", "ssh://git@[::1]:9/org/r.git"];
    for (name, url) in ["http", "ssh"].into_iter().zip(urls) {
        let mut object = ring.deployment(name, "automated", "shop");
        object.spec.source.repo_url = url.to_owned();
        ring.create(&object).await;
        // Nothing serves it; an Argo CD that reads repositories reports that.
        let looked_at = ring
            .wait_for(name, "Argo CD has looked at it", |one| {
                let is_true = |type_| condition(one, type_).is_some_and(|it| it.status == "True");
                is_true("Ready") || is_true("ComparisonError") || is_true("InvalidSpecError")
            })
            .await;
        assert!(condition(&looked_at, "InvalidSpecError").is_none(), "{url}: {looked_at:?}");
        ring.delete(name).await;
        ring.wait_until_gone(name).await;
    }
}

pub async fn a_new_commit_is_deployed_without_an_edit(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&ring.deployment("shop", "automated", "shop")).await;
    ring.wait_until_ready("shop").await;
    let commit = ring.commit(&[("shop/first.json", config_map("first", "changed"))]).unwrap();
    ring.wait_for_word("first", Some("changed")).await;
    ring.wait_for("shop", "the new revision is reported", |shop| {
        shop.status
            .as_ref()
            .is_some_and(|status| status.sync.revision == commit && status.sync.status == "Synced")
    })
    .await;
}

pub async fn a_manual_deployment_waits_and_an_automated_one_does_not(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    ring.create(&ring.deployment("shop", "manual", "shop")).await;
    ring.wait_for("shop", "Argo CD says that it is out of sync", |shop| {
        shop.status.as_ref().is_some_and(|status| status.sync.status == "OutOfSync")
    })
    .await;
    assert!(ring.config_maps().get_opt("first").await.unwrap().is_none());
    ring.edit("shop", json!({"spec": {"type": "automated"}})).await;
    ring.wait_for_word("first", Some("one")).await;
    ring.wait_until_ready("shop").await;
    // Back to manual: a manual change stays, and the status shows it.
    ring.edit("shop", json!({"spec": {"type": "manual"}})).await;
    ring.wait_until_ready("shop").await;
    let application = ring.deployments().get("shop").await.unwrap();
    let name = ring.application_name(&application);
    eventually("the Application is manual", || async {
        let application = ring.applications().get(&name).await.ok()?;
        let policy = application.spec.sync_policy;
        policy.is_none_or(|policy| policy.automated.is_none()).then_some(())
    })
    .await;
    ring.wait_until_argocd_has_seen(&name).await;
    let patch = kube::api::Patch::Merge(json!({"data": {"word": "by hand"}}));
    ring.config_maps().patch("first", &Default::default(), &patch).await.unwrap();
    ring.wait_for("shop", "the manual change is reported", |shop| {
        shop.status.as_ref().is_some_and(|status| status.sync.status == "OutOfSync")
    })
    .await;
    ring.wait_for_word("first", Some("by hand")).await;
}

pub async fn a_path_that_argo_cd_refuses_is_rejected_and_any_other_is_deployed(ring: &mut Ring) {
    ring.commit(&[
        ("first.json", config_map("first", "one")),
        ("shop/second.json", config_map("second", "two")),
    ]);
    for (name, path) in [("twice", "//"), ("root", "/shop"), ("parent", ".."), ("up", "a/../../b")]
    {
        ring.create(&ring.deployment(name, "automated", path)).await;
        ring.wait_for(name, &format!("{path} is rejected"), |one| {
            condition(one, "Stalled").is_some_and(|stalled| stalled.reason == "Rejected")
        })
        .await;
    }
    ring.create(&ring.deployment("here", "automated", ".")).await;
    ring.create(&ring.deployment("below", "automated", "./shop")).await;
    ring.wait_until_ready("here").await;
    ring.wait_until_ready("below").await;
}

pub async fn a_report_of_any_size_is_passed_on(ring: &mut Ring) {
    ring.commit(&[("shop/first.json", config_map("first", "one"))]);
    let mut object = ring.deployment("shop", "automated", "shop");
    // The largest that an API server accepts.
    let note = "x".repeat(250_000);
    object.metadata.annotations = Some([("example.com/note".to_owned(), note)].into());
    ring.create(&object).await;
    let shop = ring.wait_until_ready("shop").await;
    ring.stop_argocd("shop").await;
    let resource = |_| {
        json!({
            "version": "v1", "kind": "ConfigMap", "namespace": "shop", "status": "Synced",
            // Names that barely compress.
            "name": format!("{}.{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()),
            "health": {"status": "Degraded"},
        })
    };
    let resources: Vec<serde_json::Value> = (0..6_000).map(resource).collect();
    let report = json!({"status": {"health": {"status": "Degraded"}, "resources": resources}});
    let name = ring.application_name(&shop);
    let patch = kube::api::Patch::Merge(report);
    ring.applications().patch(&name, &Default::default(), &patch).await.unwrap();
    let told = ring
        .wait_for("shop", "its health is reported", |one| {
            condition(one, "Stalled").is_some_and(|stalled| stalled.reason == "Degraded")
        })
        .await;
    let truncated = told.status.unwrap().truncated.unwrap();
    assert_eq!(truncated.resources, 6_000);
    assert!(truncated.kept > 0 && truncated.kept < 6_000, "{truncated:?}");
    ring.start_argocd().await;
    ring.wait_until_ready("shop").await;
}
