//! Installing, on a real control plane.

use std::path::Path;

use crate::cluster::{Cluster, NAMESPACE};
use crate::manifests::deploy;
use crate::tenant::Tenant;

fn chart() -> String {
    deploy("helm/managed-gitops").display().to_string()
}

fn kustomization(name: &str) -> String {
    deploy("kustomize").join(name).display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chart_is_installed_upgraded_and_uninstalled() {
    let Some(cluster) = Cluster::shared().await else { return };
    cluster.kubectl(&["apply", "-k", &kustomization("common")]);
    cluster.create_secrets();
    let chart = chart();
    let install = ["upgrade", "--install", "managed-gitops", &chart, "-n", NAMESPACE];
    // They are there already, from tests before this one.
    let install = [&install[..], &["--set", "crds.install=false"]].concat();
    cluster.helm(&install);
    cluster.wait_until_rolled_out("managed-gitops");
    let tenant = Tenant::create(&cluster.client).await;
    tenant.deploy("first").await;
    tenant.wait_until_ready("first").await;
    cluster.helm(&[&install[..], &["--set", "replicas=2"]].concat());
    cluster.wait_until_rolled_out("managed-gitops");
    tenant.deploy("second").await;
    tenant.wait_until_ready("second").await;
    tenant.leave().await;
    cluster.helm(&["uninstall", "managed-gitops", "-n", NAMESPACE]);
    cluster.kubectl(&["get", "crd", "gitopsdeployments.managed-gitops.redhat.com"]);
    cluster.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backend_and_agent_run_apart() {
    let Some(cluster) = Cluster::shared().await else { return };
    cluster.kubectl(&["apply", "-k", &kustomization("common")]);
    cluster.create_secrets();
    cluster.kubectl(&["apply", "-k", &kustomization("overlays/split")]);
    cluster.wait_until_rolled_out("managed-gitops-backend");
    cluster.wait_until_rolled_out("managed-gitops-agent");
    Tenant::deploys_and_leaves(&cluster.client).await;
    cluster.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_brings_its_own_database() {
    let Some(cluster) = Cluster::shared().await else { return };
    cluster.offer_volume();
    cluster.kubectl(&["apply", "-k", &kustomization("overlays/trial")]);
    cluster.wait_until_rolled_out("managed-gitops");
    Tenant::deploys_and_leaves(&cluster.client).await;
    cluster.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kustomization_is_accepted_without_a_warning() {
    let Some(cluster) = Cluster::shared().await else { return };
    cluster.kubectl(&["apply", "-k", &kustomization("common")]);
    let definition =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install/prometheus-operator.yaml");
    cluster.kubectl(&["apply", "-f", &definition.display().to_string()]);
    for name in [
        "base",
        "overlays/trial",
        "overlays/production",
        "overlays/split",
        "overlays/high-availability",
    ] {
        let dry = ["apply", "--server-side", "--dry-run=server", "--force-conflicts"];
        let strictly = ["--warnings-as-errors", "--validate=strict", "-k", &kustomization(name)];
        cluster.kubectl(&[&dry[..], &strictly].concat());
    }
    cluster.leave().await;
}
