//! What users do with sync runs.

use std::time::Duration;

use crds::{GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunSpec};
use fastrand::Rng;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::Instant;

use crate::environment::stage::Stage;
use crate::faults::manual_changes::{NAMES, NAMESPACES};

/// Apart from the other choices of a seed, which stay as they were before there were sync runs.
const OTHER_CHOICES: u64 = 0x73_79_6e_63;
/// The longest pause between two things that users do.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The names of sync runs: few, so that names are used again.
const RUNS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// A sync run of a deployment.
pub fn sync_run(name: &str, deployment: &str, revision: &str) -> GitOpsDeploymentSyncRun {
    let spec = GitOpsDeploymentSyncRunSpec {
        gitops_deployment_name: deployment.to_owned(),
        revision_id: revision.to_owned(),
    };
    GitOpsDeploymentSyncRun::new(name, spec)
}

/// Creates, edits and deletes sync runs until the end; two seeds in three do.
pub async fn act(stage: &Stage, seed: u64, end: Instant) {
    let mut random = Rng::with_seed(seed ^ OTHER_CHOICES);
    if random.u8(..3) == 0 {
        return;
    }
    loop {
        let pause = LONGEST_PAUSE.mul_f64(random.f64().powi(2));
        if Instant::now() + pause >= end {
            return;
        }
        tokio::time::sleep(pause).await;
        user_acts(stage, &mut random).await;
    }
}

async fn user_acts(stage: &Stage, random: &mut Rng) {
    let namespace = NAMESPACES[random.usize(..NAMESPACES.len())];
    let name = RUNS[random.usize(..RUNS.len())];
    let deployment = NAMES[random.usize(..NAMES.len())];
    let revision = ["", "", "v1", "v\n1"][random.usize(..4)];
    let api: Api<GitOpsDeploymentSyncRun> = Api::namespaced(stage.client.clone(), namespace);
    let said = |what: &str| stage.journal.note("user", format!("{what} run {namespace}/{name}"));
    match random.u8(..10) {
        0..=4 => {
            said(&format!("asks for a sync of {deployment} by"));
            let run = sync_run(name, deployment, revision);
            let _ = api.create(&PostParams::default(), &run).await;
        }
        5 => {
            said(&format!("edits to {deployment} the"));
            let spec = json!({"gitopsDeploymentName": deployment, "revisionID": revision});
            let patch = Patch::Merge(json!({"spec": spec}));
            let _ = api.patch(name, &PatchParams::default(), &patch).await;
        }
        6 => {
            said("keeps and deletes");
            let kept = |by| Patch::Merge(json!({"metadata": {"finalizers": by}}));
            let parameters = PatchParams::default();
            let _ = api.patch(name, &parameters, &kept(json!(["example.com/kept"]))).await;
            let _ = api.delete(name, &DeleteParams::default()).await;
            tokio::time::sleep(Duration::from_secs(random.u64(..20))).await;
            let _ = api.patch(name, &parameters, &kept(json!(null))).await;
        }
        _ => {
            said("deletes");
            let _ = api.delete(name, &DeleteParams::default()).await;
        }
    }
}
