//! Target clusters: the life of a tenant whose cluster works beside others, and what those are told
//! whose clusters do not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crds::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment as Environment,
    GitOpsDeploymentRepositoryCredential as Credential,
};
use fastrand::Rng;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use simulator::environment::clusters::Behaviour;
use simulator::environment::stage::{Stage, simulate};
use simulator::faults::credentials::credential;
use simulator::faults::environments::{destination, environment, kubeconfig, secret};
use simulator::faults::manual_changes::deployment;
use simulator::faults::{credentials, environments};
use simulator::runs::script::{after, path};
use simulator::runs::tally::{seeds, tell};
use tokio::time::Instant;

use super::others::{Others, Servers, cluster, environment as name_of, namespace};
use super::{
    DEAD, HEALTHY, LONGEST_BACK_OFF, LOOK, MANY, MOMENT, SEEDS, SEEDS_VARIABLE, SOON, Waits, api,
    applications, create, delay_by_turns_only, is_deployed, longest_check, says, says_itself, told,
    turns_of_a_tenant, until,
};

/// The cluster of the healthy tenant.
const CLUSTER: &str = "https://api.example.com:6443";
/// Its repository.
const PRIVATE: &str = "https://git.example.com/team/private.git";
/// What a tenant is promised: a cluster that does not work is said to be so within this time, once it
/// is asked.
const SAID_WITHIN: Duration = Duration::from_secs(60);
/// A cluster that has been dead for so long is asked as seldom as any.
const LONG_DEAD: Duration = Duration::from_secs(2 * 60 * 60);

#[test]
fn one_tenant_with_500_dead_clusters_delays_nobody() {
    for seed in seeds(SEEDS_VARIABLE, SEEDS) {
        delay_by_turns_only(seed, 1, play);
    }
}

#[test]
fn many_tenants_with_500_dead_clusters_delay_checks_by_their_turns_and_nothing_else() {
    for seed in seeds(SEEDS_VARIABLE, SEEDS) {
        delay_by_turns_only(seed, MANY, play);
    }
}

/// The life of the healthy tenant beside so many others.
async fn play(seed: u64, tenants: usize) -> anyhow::Result<Waits> {
    let (stage, running) = after(&[]).await?;
    let random = Rng::with_seed(seed);
    let mut others = Others::settle(&stage, Servers::Clusters, random, tenants).await?;
    let waits = live(&stage, &mut others).await?;
    others.come_right(&stage).await?;
    assert_eq!(stage.witness.violations(), []);
    assert!(!running.task.is_finished());
    Ok(waits)
}

/// What the healthy tenant does, always while everything else is asked; what begins with `check: ` needs
/// an answer of its own servers.
async fn live(stage: &Stage, others: &mut Others) -> anyhow::Result<Waits> {
    let mut waits = Waits::new();
    stage.create_namespace(HEALTHY).await?;
    let environments: Api<Environment> = api(stage);
    let deployments: Api<GitOpsDeployment> = api(stage);
    let merge = PatchParams::default();
    stage.clusters.opened_by(CLUSTER, "old");
    stage.servers.opened_by(PRIVATE, "password");
    create(stage, HEALTHY, &secret("admin", &kubeconfig(CLUSTER, "old"))).await?;
    create(stage, HEALTHY, &credentials::secret("git", "password")).await?;

    others.are_all_asked(stage).await?;
    create(stage, HEALTHY, &environment("staging", CLUSTER, "admin")).await?;
    create(stage, HEALTHY, &credential("login", PRIVATE, "git")).await?;
    let begun = Instant::now();
    create(stage, HEALTHY, &deployment("app", "one", "automated")).await?;
    waits.insert("a deployment", until(begun, || is_deployed(stage, "one")).await);
    waits.insert("check: an environment", until(begun, || is_told(stage, "old")).await);
    let plural = "gitopsdeploymentrepositorycredentials";
    let is_ready = || says::<Credential>(stage, plural, "Ready", None);
    waits.insert("check: a credential", until(begun, is_ready).await);

    others.are_all_asked(stage).await?;
    deployments.patch("app", &merge, &Patch::Merge(destination("staging"))).await?;
    let wait = until(Instant::now(), || is_deployed_to_an_environment(stage)).await;
    waits.insert("another destination", wait);

    others.are_all_asked(stage).await?;
    put_token(stage, "wrong").await?;
    let wait = until(Instant::now(), || is_refused(stage, "TokenRefused")).await;
    waits.insert("check: a wrong token", wait);

    others.are_all_asked(stage).await?;
    stage.clusters.opened_by(CLUSTER, "new");
    put_token(stage, "new").await?;
    let begun = Instant::now();
    deployments.patch("app", &merge, &Patch::Merge(path("two"))).await?;
    waits.insert("an edit of a deployment", until(begun, || is_deployed(stage, "two")).await);
    waits.insert("check: a rotation", until(begun, || is_told(stage, "new")).await);

    others.are_all_asked(stage).await?;
    let secret = |name: &str| Patch::Merge(json!({"spec": {"credentialsSecret": name}}));
    environments.patch("staging", &merge, &secret("")).await?;
    let wait = until(Instant::now(), || is_refused(stage, "Rejected")).await;
    waits.insert("a status", wait);
    environments.patch("staging", &merge, &secret("admin")).await?;
    waits.insert("check: an edit", until(Instant::now(), || is_told(stage, "new")).await);

    others.are_all_asked(stage).await?;
    stage.clusters.behaves(CLUSTER, Behaviour::Refuses);
    let wait = until(Instant::now(), || is_refused(stage, "TokenRefused")).await;
    waits.insert("check: asked again", wait);

    others.are_all_asked(stage).await?;
    environments.delete("staging", &DeleteParams::default()).await?;
    api::<Credential>(stage).delete("login", &DeleteParams::default()).await?;
    deployments.delete("app", &DeleteParams::default()).await?;
    let is_gone = || {
        let passwords = told(stage, ("url", PRIVATE), "password");
        tokens(stage).is_empty() && passwords.is_empty() && applications(stage).is_empty()
    };
    waits.insert("a deletion", until(Instant::now(), is_gone).await);
    Ok(waits)
}

async fn put_token(stage: &Stage, token: &str) -> kube::Result<Secret> {
    let patch = json!({"data": secret("admin", &kubeconfig(CLUSTER, token)).data});
    api(stage).patch("admin", &PatchParams::default(), &Patch::Merge(patch)).await
}

/// Whether the healthy tenant's environment says this of itself as it is.
fn environment_says(stage: &Stage, type_: &str, reason: Option<&str>) -> bool {
    says::<Environment>(stage, "gitopsdeploymentmanagedenvironments", type_, reason)
}

fn is_refused(stage: &Stage, reason: &str) -> bool {
    environment_says(stage, "Stalled", Some(reason))
}

/// Whether the environment is accepted, and Argo CD has this token.
fn is_told(stage: &Stage, token: &str) -> bool {
    let quoted = format!("\"{token}\"");
    let has_token = |config: &Vec<u8>| String::from_utf8_lossy(config).contains(&quoted);
    environment_says(stage, "Ready", None) && tokens(stage).iter().any(has_token)
}

/// What Argo CD has of the cluster.
fn tokens(stage: &Stage) -> Vec<Vec<u8>> {
    told(stage, ("server", CLUSTER), "config")
}

fn is_deployed_to_an_environment(stage: &Stage) -> bool {
    applications(stage).iter().any(|one| one.spec.destination.name.starts_with("managed-env-"))
}

/// A tenant with 500 clusters that hang, each of which is being asked for the first time.
async fn hanging(stage: &Stage) -> anyhow::Result<()> {
    stage.create_namespace(&namespace(0)).await?;
    for number in 0..DEAD {
        let (url, name) = (cluster(&namespace(0), number), name_of(number));
        stage.clusters.opened_by(&url, "token");
        stage.clusters.behaves(&url, Behaviour::Hangs);
        let kubeconfig = kubeconfig(&url, "token");
        create(stage, &namespace(0), &environments::secret(&name, &kubeconfig)).await?;
        create(stage, &namespace(0), &environment(&name, &url, &name)).await?;
    }
    Ok(())
}

async fn dead(stage: &Stage, number: usize) -> kube::Result<Environment> {
    Api::namespaced(stage.client.clone(), &namespace(0)).get(&name_of(number)).await
}

/// How long it took from the first question until each environment said so, in the order of the
/// questions, and how long until the last has said so.
async fn said(stage: &Stage) -> anyhow::Result<Vec<(usize, Duration)>> {
    let numbers: BTreeMap<String, usize> =
        (0..DEAD).map(|number| (cluster(&namespace(0), number), number)).collect();
    let mut asked: BTreeMap<usize, Instant> = BTreeMap::new();
    let mut untold: BTreeSet<usize> = BTreeSet::new();
    let mut said = Vec::new();
    let deadline = Instant::now() + turns_of_a_tenant(DEAD) + SOON;
    while said.len() < DEAD {
        let waiting = DEAD - said.len();
        assert!(Instant::now() < deadline, "{waiting} of them still wait for their first turn");
        for url in stage.clusters.asking() {
            let Some(number) = numbers.get(&url) else { continue };
            if asked.insert(*number, Instant::now()).is_none() {
                untold.insert(*number);
            }
        }
        for number in untold.clone() {
            if says_itself(&dead(stage, number).await?, "Stalled", Some("TimedOut")) {
                untold.remove(&number);
                said.push((number, asked[&number].elapsed()));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(said)
}

#[test]
fn each_of_500_dead_clusters_is_said_to_be_so_within_a_minute_of_its_first_turn() {
    for seed in seeds(SEEDS_VARIABLE, 1) {
        let longest = simulate(seed, || async {
            let (stage, running) = after(&[]).await?;
            hanging(&stage).await?;
            let begun = Instant::now();
            let said = said(&stage).await?;
            assert_eq!(stage.witness.violations(), []);
            assert!(!running.task.is_finished());
            tell(&format!("the last of {DEAD} was said to be dead after {:?}", begun.elapsed()));
            Ok(said.into_iter().map(|(_, wait)| wait).max())
        });
        let longest = longest.unwrap().unwrap();
        assert!(longest <= SAID_WITHIN, "seed {seed}: {longest:?}");
    }
}

/// Has the cluster of the healthy tenant and one of the others' answer again, after so long that they
/// are asked as seldom as any; returns how long it takes until each is ready.
async fn recover(seed: u64) -> anyhow::Result<(Duration, Duration)> {
    let (stage, _running) = after(&[]).await?;
    let mut random = Rng::with_seed(seed);
    hanging(&stage).await?;
    stage.create_namespace(HEALTHY).await?;
    stage.clusters.opened_by(CLUSTER, "token");
    stage.clusters.behaves(CLUSTER, Behaviour::Hangs);
    create(&stage, HEALTHY, &secret("admin", &kubeconfig(CLUSTER, "token"))).await?;
    create(&stage, HEALTHY, &environment("staging", CLUSTER, "admin")).await?;
    tokio::time::sleep(LONG_DEAD + LONGEST_BACK_OFF.mul_f64(random.f64())).await;
    assert!(is_refused(&stage, "TimedOut"));
    let number = random.usize(..DEAD);
    stage.clusters.behaves(CLUSTER, Behaviour::Answers);
    stage.clusters.behaves(&cluster(&namespace(0), number), Behaviour::Answers);
    let begun = Instant::now();
    let healthy = until(begun, || is_told(&stage, "token")).await;
    let deadline = begun + 2 * (turns_of_a_tenant(DEAD) + LONGEST_BACK_OFF);
    while !says_itself(&dead(&stage, number).await?, "Ready", None) {
        assert!(Instant::now() < deadline, "the one of a tenant with {DEAD} is never asked again");
        tokio::time::sleep(MOMENT).await;
    }
    Ok((healthy, begun.elapsed()))
}

#[test]
fn the_recovery_of_a_cluster_is_noticed_within_the_longest_pause_and_the_turns_of_its_tenant() {
    for seed in seeds(SEEDS_VARIABLE, SEEDS) {
        let (healthy, others) = simulate(seed, move || recover(seed)).unwrap();
        // A question that was asked before ends first.
        let longest = LONGEST_BACK_OFF + longest_check() + MOMENT;
        assert!(healthy <= longest, "seed {seed}: {healthy:?} > {longest:?}");
        let longest = longest + turns_of_a_tenant(DEAD);
        assert!(others <= longest, "seed {seed}: {others:?} > {longest:?}");
        tell(&format!("recoveries were noticed after {healthy:?}, and {others:?} in the crowd"));
    }
}
