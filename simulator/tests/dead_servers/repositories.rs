//! Git servers: the life of a tenant whose server works beside others.

use crds::{GitOpsDeployment, GitOpsDeploymentRepositoryCredential};
use fastrand::Rng;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use simulator::environment::git_servers::Behaviour;
use simulator::environment::stage::Stage;
use simulator::faults::credentials::{credential, secret};
use simulator::faults::manual_changes::deployment;
use simulator::runs::script::{after, path};
use simulator::runs::tally::seeds;
use tokio::time::Instant;

use super::others::{Others, Servers};
use super::{
    FEW, HEALTHY, MANY, SEEDS, SEEDS_VARIABLE, Waits, api, applications, create,
    delay_by_turns_only, is_deployed, says, told, until,
};

/// The repository of the healthy tenant.
const PRIVATE: &str = "https://git.example.com/team/private.git";

#[test]
fn tenants_with_500_dead_servers_delay_nobody_as_long_as_they_leave_a_share() {
    for seed in seeds(SEEDS_VARIABLE, SEEDS) {
        delay_by_turns_only(seed, FEW, play);
    }
}

#[test]
fn many_tenants_with_500_dead_servers_delay_checks_by_their_turns_and_nothing_else() {
    for seed in seeds(SEEDS_VARIABLE, SEEDS) {
        delay_by_turns_only(seed, MANY, play);
    }
}

/// The life of the healthy tenant beside so many others.
async fn play(seed: u64, tenants: usize) -> anyhow::Result<Waits> {
    let (stage, running) = after(&[]).await?;
    let random = Rng::with_seed(seed);
    let mut others = Others::settle(&stage, Servers::Repositories, random, tenants).await?;
    let waits = live(&stage, &mut others).await?;
    others.come_right(&stage).await?;
    assert_eq!(stage.witness.violations(), []);
    assert!(!running.task.is_finished());
    Ok(waits)
}

/// What the healthy tenant does, always while everything else is asked; what begins with `check: ` needs
/// an answer of its own server.
async fn live(stage: &Stage, others: &mut Others) -> anyhow::Result<Waits> {
    let mut waits = Waits::new();
    stage.create_namespace(HEALTHY).await?;
    let credentials: Api<GitOpsDeploymentRepositoryCredential> = api(stage);
    let deployments: Api<GitOpsDeployment> = api(stage);
    let merge = PatchParams::default();
    stage.servers.opened_by(PRIVATE, "old");
    create(stage, HEALTHY, &secret("git", "old")).await?;

    others.are_all_asked(stage).await?;
    create(stage, HEALTHY, &credential("login", PRIVATE, "git")).await?;
    let begun = Instant::now();
    create(stage, HEALTHY, &deployment("app", "one", "automated")).await?;
    waits.insert("a deployment", until(begun, || is_deployed(stage, "one")).await);
    waits.insert("check: a credential", until(begun, || is_told(stage, "old")).await);

    others.are_all_asked(stage).await?;
    put_password(stage, "wrong").await?;
    let refused = "AuthenticationRefused";
    let wait = until(Instant::now(), || is_refused(stage, refused)).await;
    waits.insert("check: a wrong password", wait);

    others.are_all_asked(stage).await?;
    stage.servers.opened_by(PRIVATE, "new");
    put_password(stage, "new").await?;
    let begun = Instant::now();
    deployments.patch("app", &merge, &Patch::Merge(path("two"))).await?;
    waits.insert("an edit of a deployment", until(begun, || is_deployed(stage, "two")).await);
    waits.insert("check: a rotation", until(begun, || is_told(stage, "new")).await);

    others.are_all_asked(stage).await?;
    credentials.patch("login", &merge, &Patch::Merge(json!({"spec": {"secret": ""}}))).await?;
    let wait = until(Instant::now(), || is_refused(stage, "Rejected")).await;
    waits.insert("a status", wait);
    credentials.patch("login", &merge, &Patch::Merge(json!({"spec": {"secret": "git"}}))).await?;
    waits.insert("check: an edit", until(Instant::now(), || is_told(stage, "new")).await);

    others.are_all_asked(stage).await?;
    stage.servers.behaves(PRIVATE, Behaviour::Refuses);
    let wait = until(Instant::now(), || is_refused(stage, refused)).await;
    waits.insert("check: asked again", wait);

    others.are_all_asked(stage).await?;
    credentials.delete("login", &DeleteParams::default()).await?;
    deployments.delete("app", &DeleteParams::default()).await?;
    let is_gone = || passwords(stage).is_empty() && applications(stage).is_empty();
    waits.insert("a deletion", until(Instant::now(), is_gone).await);
    Ok(waits)
}

async fn put_password(stage: &Stage, password: &str) -> kube::Result<Secret> {
    let patch = json!({"data": secret("git", password).data});
    api(stage).patch("git", &PatchParams::default(), &Patch::Merge(patch)).await
}

/// Whether the tenant's credential says this of itself as it is.
fn credential_says(stage: &Stage, type_: &str, reason: Option<&str>) -> bool {
    let plural = "gitopsdeploymentrepositorycredentials";
    says::<GitOpsDeploymentRepositoryCredential>(stage, plural, type_, reason)
}

fn is_refused(stage: &Stage, reason: &str) -> bool {
    credential_says(stage, "Stalled", Some(reason))
}

/// Whether the credential is accepted, and Argo CD has this password.
fn is_told(stage: &Stage, password: &str) -> bool {
    credential_says(stage, "Ready", None)
        && passwords(stage).iter().any(|one| one == password.as_bytes())
}

/// The passwords of the repository.
fn passwords(stage: &Stage) -> Vec<Vec<u8>> {
    told(stage, ("url", PRIVATE), "password")
}
