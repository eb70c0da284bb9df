//! Dead, slow and endless servers, of git repositories and of target clusters, cost their tenants'
//! shares of the pool of checks, and nobody else anything.
//!
//! What exactly holds depends on how many tenants have such servers. As long as their shares leave
//! another tenant's free, nobody else waits at all. Beyond that the pool is full, and a check of
//! another tenant waits for its turn: see [`longest_wait`]. Deployments, statuses and Argo CD's
//! Secrets never wait.
//!
//! Their own tenants wait as long as their shares make them: see [`turns_of_a_tenant`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clusters;
mod others;
mod repositories;

use std::collections::BTreeMap;
use std::time::Duration;

use crds::GitOpsDeployment;
use crds::argocd::Application;
use git_access::Limits;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use managed_gitops::runtime::effects::Pool;
use serde::Serialize;
use serde::de::DeserializeOwned;
use simulator::checks::observe::{ARGO_CD, list};
use simulator::environment::stage::{Stage, simulate};
use simulator::runs::tally::tell;
use tokio::time::Instant;

/// Servers that do not work.
const DEAD: usize = 500;
/// Tenants whose shares leave exactly one share of the pool.
const FEW: usize = Pool::TENANTS_SERVERS.size / Pool::TENANTS_SERVERS.per_tenant - 1;
/// Tenants whose shares are several pools.
const MANY: usize = 60;
/// The default number of seeds for each number of tenants.
const SEEDS: u64 = 2;
/// How many seeds there are.
const SEEDS_VARIABLE: &str = "SIMULATOR_DEAD_SERVERS";
/// The tenant whose servers work.
const HEALTHY: &str = "healthy";
/// How often is looked.
const LOOK: Duration = Duration::from_millis(50);
/// What is not a wait for servers or turns: requests, commits and events take some milliseconds each.
const MOMENT: Duration = Duration::from_secs(1);
/// What is noticed by a timer alone takes longer.
const SOON: Duration = Duration::from_secs(20);
/// The longest pause between two questions about what is accepted: ten minutes, and a tenth of them.
const ASKED_AGAIN: Duration = Duration::from_secs(660);
/// The longest pause between two questions about what is not.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(600);

/// How long each thing took that the healthy tenant did.
type Waits = BTreeMap<&'static str, Duration>;

/// How long a check waits at most for its turn, beside so many other tenants whose servers take as long
/// as they can.
///
/// If their shares leave one free: not at all. Otherwise the pool is full. Turns alternate between the
/// tenants with something urgent and all tenants, each of these in a circle, so that every other tenant
/// comes at most twice before the one that waits. Whatever runs ends within the deadline of a check, so
/// in the time of a deadline as many turns come as the pool is large.
fn longest_wait(tenants: usize) -> Duration {
    let Pool { size, per_tenant } = Pool::TENANTS_SERVERS;
    if (tenants + 1) * per_tenant <= size {
        return Duration::ZERO;
    }
    let turns = 2 * (tenants + 1);
    longest_check() * u32::try_from(turns.div_ceil(size)).unwrap()
}

/// How long a tenant takes at most to ask so many servers of its own once, if nobody else is in its way:
/// each question takes as long as it can, and as many are under way as its share is large.
fn turns_of_a_tenant(servers: usize) -> Duration {
    longest_check() * u32::try_from(servers.div_ceil(Pool::TENANTS_SERVERS.per_tenant)).unwrap()
}

/// The deadline of a check, and the reading of its Secret.
fn longest_check() -> Duration {
    let (repository, cluster) = (Limits::default(), cluster_access::Limits::default());
    repository.total.max(cluster.request) + MOMENT
}

/// Compares what the healthy tenant waits for beside other tenants with what it waits for alone. Both
/// are given as what is played: with a seed and a number of tenants.
fn delay_by_turns_only<F>(seed: u64, tenants: usize, play: fn(u64, usize) -> F)
where
    F: Future<Output = anyhow::Result<Waits>> + 'static,
{
    let calm = simulate(seed, move || play(0, 0)).unwrap();
    let waits = simulate(seed, move || play(seed, tenants)).unwrap();
    for (what, wait) in &waits {
        let usual = calm[what].max(MOMENT);
        assert!(usual <= SOON || what.ends_with("asked again"), "{what}: {usual:?}");
        let turns =
            if what.starts_with("check: ") { longest_wait(tenants) } else { Duration::ZERO };
        let longest = match what.ends_with("asked again") {
            true => ASKED_AGAIN + turns + MOMENT,
            false => usual + turns + MOMENT,
        };
        assert!(*wait <= longest, "seed {seed}, {tenants} tenants, {what}: {wait:?} > {longest:?}");
    }
    let total: Duration = waits.values().sum();
    tell(&format!("{tenants} tenants with {DEAD} dead servers, seed {seed}: {total:?} of waits"));
}

/// The objects of the healthy tenant.
fn api<K>(stage: &Stage) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(stage.client.clone(), HEALTHY)
}

async fn create<K>(stage: &Stage, namespace: &str, object: &K) -> kube::Result<K>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    Api::namespaced(stage.client.clone(), namespace).create(&PostParams::default(), object).await
}

/// How long it takes from a moment until something is so.
async fn until(begun: Instant, is_so: impl Fn() -> bool) -> Duration {
    // Nothing takes longer.
    let deadline = begun + 2 * ASKED_AGAIN + longest_wait(MANY);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never happens");
        tokio::time::sleep(LOOK).await;
    }
    begun.elapsed()
}

/// Whether one of the healthy tenant's objects of a kind says this of itself as it is.
fn says<K>(stage: &Stage, plural: &str, type_: &str, reason: Option<&str>) -> bool
where
    K: kube::Resource + Clone + Serialize + DeserializeOwned,
{
    let path = format!("/apis/managed-gitops.redhat.com/v1alpha1/namespaces/{HEALTHY}/{plural}");
    let objects = list::<K>(&stage.server, &path).unwrap();
    objects.iter().any(|object| says_itself(object, type_, reason))
}

/// Whether an object says this of itself as it is.
fn says_itself(object: &impl Serialize, type_: &str, reason: Option<&str>) -> bool {
    let object = serde_json::to_value(object).unwrap();
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.filter(|one| one["type"] == type_ && one["status"] == "True").any(|one| {
        one["observedGeneration"] == object["metadata"]["generation"]
            && reason.is_none_or(|reason| one["reason"] == reason)
    })
}

/// Whether Argo CD deploys this path, and the deployment says that it is ready.
fn is_deployed(stage: &Stage, path: &str) -> bool {
    applications(stage).iter().any(|one| one.spec.source.path == path)
        && says::<GitOpsDeployment>(stage, "gitopsdeployments", "Ready", None)
}

fn applications(stage: &Stage) -> Vec<Application> {
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications");
    list(&stage.server, &path).unwrap()
}

/// What Argo CD's Secrets of a URL have under a key. Of a cluster the URL ends with the environment.
fn told(stage: &Stage, (name_of_url, url): (&str, &str), key: &str) -> Vec<Vec<u8>> {
    let path = format!("/api/v1/namespaces/{ARGO_CD}/secrets");
    let secrets = list::<Secret>(&stage.server, &path).unwrap().into_iter();
    let data = secrets.filter_map(|secret| secret.data);
    let data = data
        .filter(|data| data.get(name_of_url).is_some_and(|one| one.0.starts_with(url.as_bytes())));
    data.filter_map(|mut data| Some(data.remove(key)?.0)).collect()
}
