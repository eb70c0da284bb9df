//! Dead, slow and endless git servers cost their tenants' shares of the pool of checks, and nobody
//! else anything.
//!
//! What exactly holds depends on how many tenants have such servers. As long as their shares leave
//! another tenant's free, nobody else waits at all. Beyond that the pool is full, and a check of
//! another tenant waits for its turn: see [`longest_wait`]. Deployments, statuses and Argo CD's
//! Secrets never wait.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use crds::argocd::Application;
use crds::{GitOpsDeployment, GitOpsDeploymentRepositoryCredential};
use fastrand::Rng;
use git_access::Limits;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use machines::esr;
use managed_gitops::runtime::effects::Pool;
use serde::Serialize;
use serde_json::json;
use simulator::checks::observe::{ARGO_CD, list};
use simulator::environment::git_servers::Behaviour;
use simulator::environment::stage::{Stage, simulate};
use simulator::faults::credentials::{credential, secret, trust};
use simulator::faults::manual_changes::deployment;
use simulator::runs::script::{after, path};
use simulator::runs::tally::{seeds, tell};
use tokio::time::Instant;

/// Credentials whose servers do not work.
const DEAD: usize = 500;
/// Tenants whose shares leave exactly one share of the pool.
const FEW: usize = Pool::TENANTS_SERVERS.size / Pool::TENANTS_SERVERS.per_tenant - 1;
/// Tenants whose shares are several pools.
const MANY: usize = 60;
/// The default number of seeds for each number of tenants.
const SEEDS: u64 = 2;
/// The tenant whose server works.
const HEALTHY: &str = "healthy";
/// Its repository.
const PRIVATE: &str = "https://git.example.com/team/private.git";
/// How often is looked.
const LOOK: Duration = Duration::from_millis(50);
/// What is not a wait for servers or turns: requests, commits and events take some milliseconds each.
const MOMENT: Duration = Duration::from_secs(1);
/// What is noticed by a timer alone takes longer.
const SOON: Duration = Duration::from_secs(20);
/// The longest pause between two questions about a credential that is accepted: ten minutes, and a
/// tenth of them.
const ASKED_AGAIN: Duration = Duration::from_secs(660);

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

/// The deadline of a check, and the reading of its Secret.
fn longest_check() -> Duration {
    Limits::default().total + MOMENT
}

#[test]
fn tenants_with_500_dead_servers_delay_nobody_as_long_as_they_leave_a_share() {
    for seed in seeds("SIMULATOR_DEAD_SERVERS", SEEDS) {
        delay_by_turns_only(seed, FEW);
    }
}

#[test]
fn many_tenants_with_500_dead_servers_delay_checks_by_their_turns_and_nothing_else() {
    for seed in seeds("SIMULATOR_DEAD_SERVERS", SEEDS) {
        delay_by_turns_only(seed, MANY);
    }
}

fn delay_by_turns_only(seed: u64, tenants: usize) {
    let calm = simulate(seed, || play(0, 0)).unwrap();
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

/// The life of the healthy tenant beside so many others.
async fn play(seed: u64, tenants: usize) -> anyhow::Result<Waits> {
    let (stage, running) = after(&[]).await?;
    let mut others = Others::settle(&stage, Rng::with_seed(seed), tenants).await?;
    let waits = live(&stage, &mut others).await?;
    others.come_right(&stage).await?;
    assert_eq!(stage.witness.violations(), []);
    assert!(!running.task.is_finished());
    Ok(waits)
}

/// The tenants whose servers do not work.
struct Others {
    /// How many credentials each has.
    credentials: Vec<usize>,
    /// How often Argo CD has changed its mind.
    changes: usize,
}

impl Others {
    /// Creates them: one has many credentials, and the others share the rest unevenly.
    async fn settle(stage: &Stage, mut random: Rng, tenants: usize) -> anyhow::Result<Self> {
        let mut credentials = vec![1; tenants];
        if tenants > 0 {
            credentials[0] += (DEAD - tenants) / 4;
            for _ in credentials.iter().sum()..DEAD {
                // Squared: the first have more.
                let place = random.f64().powi(2) * tenants as f64;
                credentials[place as usize] += 1;
            }
        }
        for (tenant, number) in credentials.iter().enumerate() {
            let namespace = format!("dead-{tenant}");
            stage.create_namespace(&namespace).await?;
            create(stage, &namespace, &secret("git", "password")).await?;
            for number in 0..*number {
                let url = format!("https://{namespace}.example.com/{number}.git");
                stage.servers.opened_by(&url, "password");
                stage.servers.behaves(&url, does_not_work(&mut random));
                let name = format!("repo-{number}");
                create(stage, &namespace, &credential(&name, &url, "git")).await?;
            }
        }
        Ok(Self { credentials, changes: 0 })
    }

    /// Has all of them asked again: Argo CD trusts another server.
    async fn are_all_asked(&mut self, stage: &Stage) {
        self.changes += 1;
        trust(stage, &[&format!("{}.example.org", self.changes)]).await;
        tokio::time::sleep(2 * MOMENT).await;
        let asking = stage.servers.asking();
        let Pool { size, per_tenant } = Pool::TENANTS_SERVERS;
        assert!(asking.len() <= size, "{asking:?}");
        for host in &asking {
            let number = asking.iter().filter(|one| *one == host).count();
            assert!(number <= per_tenant, "{number} of {host}");
        }
        if self.credentials.len() > FEW {
            is_full(stage, size).await;
        } else if let Some(first) = self.credentials.first() {
            let of_first = asking.iter().filter(|one| one.starts_with("dead-0.")).count();
            assert_eq!(of_first, per_tenant.min(*first), "the first tenant uses its share");
        }
    }

    /// Checks that everything says what is so, as soon as each of their credentials had its turn.
    async fn come_right(&self, stage: &Stage) -> anyhow::Result<()> {
        let most = self.credentials.iter().max().copied().unwrap_or_default();
        let turn = longest_check() + longest_wait(self.credentials.len());
        let deadline = Instant::now() + turn * u32::try_from(most)? + SOON;
        loop {
            let broken = esr::all(&stage.witness.world()?);
            if broken.is_empty() {
                return Ok(());
            }
            assert!(Instant::now() < deadline, "{} of: {}", broken.len(), broken[0]);
            tokio::time::sleep(longest_check()).await;
        }
    }
}

/// Waits until as many questions are under way as the pool allows: a check that has just got its turn
/// reads its Secret before it asks.
async fn is_full(stage: &Stage, size: usize) {
    let deadline = Instant::now() + MOMENT;
    while stage.servers.asking().len() < size {
        assert!(Instant::now() < deadline, "the pool is not full: {:?}", stage.servers.asking());
        tokio::time::sleep(LOOK).await;
    }
}

/// Mostly in such a way that a check takes as long as it can.
fn does_not_work(random: &mut Rng) -> Behaviour {
    match random.u8(..10) {
        0..=4 => Behaviour::Hangs,
        // Bytes without end, slowly, and so fast that a limit is reached.
        5 | 6 => Behaviour::Endless(Duration::from_millis(1)),
        7 => Behaviour::Endless(Duration::from_micros(random.u64(1..20))),
        8 => Behaviour::Slow(Duration::from_secs(random.u64(5..40))),
        _ => [Behaviour::Unreachable, Behaviour::Refuses, Behaviour::Fails][random.usize(..3)],
    }
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

    others.are_all_asked(stage).await;
    create(stage, HEALTHY, &credential("login", PRIVATE, "git")).await?;
    let begun = Instant::now();
    create(stage, HEALTHY, &deployment("app", "one", "automated")).await?;
    waits.insert("a deployment", until(begun, || is_deployed(stage, "one")).await);
    waits.insert("check: a credential", until(begun, || is_told(stage, "old")).await);

    others.are_all_asked(stage).await;
    put_password(stage, "wrong").await?;
    let refused = "AuthenticationRefused";
    let wait = until(Instant::now(), || is_refused(stage, refused)).await;
    waits.insert("check: a wrong password", wait);

    others.are_all_asked(stage).await;
    stage.servers.opened_by(PRIVATE, "new");
    put_password(stage, "new").await?;
    let begun = Instant::now();
    deployments.patch("app", &merge, &Patch::Merge(path("two"))).await?;
    waits.insert("an edit of a deployment", until(begun, || is_deployed(stage, "two")).await);
    waits.insert("check: a rotation", until(begun, || is_told(stage, "new")).await);

    others.are_all_asked(stage).await;
    credentials.patch("login", &merge, &Patch::Merge(json!({"spec": {"secret": ""}}))).await?;
    let wait = until(Instant::now(), || is_refused(stage, "Rejected")).await;
    waits.insert("a status", wait);
    credentials.patch("login", &merge, &Patch::Merge(json!({"spec": {"secret": "git"}}))).await?;
    waits.insert("check: an edit", until(Instant::now(), || is_told(stage, "new")).await);

    others.are_all_asked(stage).await;
    stage.servers.behaves(PRIVATE, Behaviour::Refuses);
    let wait = until(Instant::now(), || is_refused(stage, refused)).await;
    waits.insert("check: asked again", wait);

    others.are_all_asked(stage).await;
    credentials.delete("login", &DeleteParams::default()).await?;
    deployments.delete("app", &DeleteParams::default()).await?;
    waits.insert("a deletion", until(Instant::now(), || nothing_is_left(stage)).await);
    Ok(waits)
}

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
        + serde::de::DeserializeOwned,
{
    Api::namespaced(stage.client.clone(), namespace).create(&PostParams::default(), object).await
}

async fn put_password(stage: &Stage, password: &str) -> kube::Result<Secret> {
    let patch = json!({"data": secret("git", password).data});
    api(stage).patch("git", &PatchParams::default(), &Patch::Merge(patch)).await
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

/// Whether the tenant's credential says this of itself as it is.
fn says(stage: &Stage, type_: &str, reason: Option<&str>) -> bool {
    let path = format!(
        "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/{HEALTHY}/\
         gitopsdeploymentrepositorycredentials"
    );
    let objects = list::<GitOpsDeploymentRepositoryCredential>(&stage.server, &path).unwrap();
    objects.iter().any(|object| {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        conditions.filter(|one| one.type_ == type_ && one.status == "True").any(|one| {
            one.observed_generation == object.metadata.generation
                && reason.is_none_or(|reason| one.reason == reason)
        })
    })
}

fn is_refused(stage: &Stage, reason: &str) -> bool {
    says(stage, "Stalled", Some(reason))
}

/// Whether the credential is accepted, and Argo CD has this password.
fn is_told(stage: &Stage, password: &str) -> bool {
    says(stage, "Ready", None) && passwords(stage).iter().any(|one| one == password.as_bytes())
}

/// The passwords of the repository.
fn passwords(stage: &Stage) -> Vec<Vec<u8>> {
    let path = format!("/api/v1/namespaces/{ARGO_CD}/secrets");
    let secrets = list::<Secret>(&stage.server, &path).unwrap().into_iter();
    let data = secrets.filter_map(|secret| secret.data);
    let data = data.filter(|data| data.get("url").is_some_and(|url| url.0 == PRIVATE.as_bytes()));
    data.filter_map(|mut data| Some(data.remove("password")?.0)).collect()
}

/// Whether Argo CD deploys this path, and the deployment says that it is ready.
fn is_deployed(stage: &Stage, path: &str) -> bool {
    let place = format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications");
    let applications = list::<Application>(&stage.server, &place).unwrap();
    let place =
        format!("/apis/managed-gitops.redhat.com/v1alpha1/namespaces/{HEALTHY}/gitopsdeployments");
    let deployments = list::<GitOpsDeployment>(&stage.server, &place).unwrap();
    applications.iter().any(|one| one.spec.source.path == path)
        && deployments.iter().any(|object| {
            let conditions = object.status.iter().flat_map(|status| &status.conditions);
            conditions
                .filter(|one| one.type_ == "Ready" && one.status == "True")
                .any(|one| one.observed_generation == object.metadata.generation)
        })
}

/// Whether nothing of the tenant's is left in Argo CD.
fn nothing_is_left(stage: &Stage) -> bool {
    let place = format!("/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications");
    let applications = list::<Application>(&stage.server, &place).unwrap();
    passwords(stage).is_empty() && applications.is_empty()
}
