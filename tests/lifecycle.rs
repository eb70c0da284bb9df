//! The life of a GitOpsDeployment, through every layer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use harness::{World, automated};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_becomes_an_application_and_reports_healthy() {
    let world = World::start().await;
    world.create_namespace("team-a").await;
    world.create("team-a", &automated("app")).await;
    let ready = world.wait_until_ready("team-a", "app").await;
    let status = ready.status.as_ref().unwrap();
    assert_eq!((status.sync.status.as_str(), status.health.status.as_str()), ("Synced", "Healthy"));
    assert!(world.application_of(&ready).await.is_some());
}
