//! Campaigns of edits of one managed environment, its Secret and its cluster, with a deployment that is
//! sent there. What it says must follow from these; Argo CD has what was accepted last, and nothing
//! else; the deployment goes where the environment is; what is taken back leaves no trace; and the end
//! must equal that of a fresh installation that has only seen the last of everything.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crds::GitOpsDeploymentManagedEnvironment as Environment;
use crds::managed_environment::KUBECONFIG_KEY;
use fastrand::Rng;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, PostParams};
use machines::esr::World;
use machines::shared::condition::Condition;
use serde_json::{Value, json};

use crate::checks::observe::{ARGO_CD, ENVIRONMENTS, SECRETS as ALL_SECRETS, list};
use crate::environment::clusters::Behaviour;
use crate::environment::stage::{Running, Stage, simulate};
use crate::faults::environments::{destination, environment, kubeconfig, secret};
use crate::fuzz::campaign::{Campaign, EDITS, NAMESPACE, Report, install_after};
use crate::fuzz::hostile_strings;
use crate::runs::script::Step;

/// The environment that is edited.
const EDITED: &str = "staging";
/// The path of the tenant's environments.
const OBJECTS: &str =
    "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/team/gitopsdeploymentmanagedenvironments";
/// The path of the tenant's Secrets.
const SECRETS: &str = "/api/v1/namespaces/team/secrets";
/// The name of the Secret.
const SECRET: &str = "cluster";
/// The cluster, and one that nobody knows.
const CLUSTER: &str = "https://api.example.com:6443";
const UNKNOWN: &str = "https://unknown.example.com";
/// What opens the cluster.
const RIGHT: &str = "right";
/// A cluster that has changed, or a Secret that no watch shows, is asked for within ten minutes and a
/// tenth of them, and an answer may take half a minute for each of several requests.
const ASKED_AGAIN: Duration = Duration::from_secs(900);
/// Until what was made on two clusters is given up if neither answers: one after the other, each after
/// ten minutes.
const GIVEN_UP: Duration = Duration::from_secs(1_800);
/// What cannot be removed from a cluster is given up after ten minutes, and told.
const HEARD: Duration = Duration::from_secs(700);

/// Runs the campaign of a seed.
pub(super) fn run(seed: u64) -> anyhow::Result<Report> {
    simulate(seed, move || async move {
        let mut edits = Edits::begin(seed).await?;
        for _ in 0..2 * EDITS {
            edits.edit().await?;
            if !edits.campaign.report.violations.is_empty() {
                return Ok(edits.campaign.report);
            }
        }
        edits.end().await
    })
}

/// An installation at rest: a deployment waits for the environment.
async fn install(behaviour: Behaviour) -> anyhow::Result<(Arc<Stage>, Running)> {
    let (stage, running) = install_after(&[
        Step::CreateNamespace(NAMESPACE),
        Step::ClusterOpenedBy(CLUSTER, RIGHT),
        Step::Create("team/web", "two"),
        Step::Create("team/app", "one"),
        Step::Edit("team/app", destination(EDITED)),
    ])
    .await?;
    stage.clusters.behaves(CLUSTER, behaviour);
    Ok((stage, running))
}

/// A campaign, and what was accepted last.
struct Edits {
    campaign: Campaign,
    behaviour: Behaviour,
    /// Whether something was ever accepted of the object that is there.
    was_accepted: bool,
    processes: u32,
}

impl Edits {
    async fn begin(seed: u64) -> anyhow::Result<Self> {
        let behaviour = Behaviour::Answers;
        let (stage, running) = install(behaviour).await?;
        let api: Api<Environment> = Api::namespaced(stage.client.clone(), NAMESPACE);
        api.create(&PostParams::default(), &environment(EDITED, CLUSTER, SECRET)).await?;
        let mut campaign = Campaign::on(stage, running, Rng::with_seed(seed));
        campaign.report.environments = 1;
        let mut edits = Self { campaign, behaviour, was_accepted: false, processes: 1 };
        edits.put_secret(Content::Right).await?;
        edits.look().await?;
        let accepted = edits.was_accepted;
        edits.campaign.holds(accepted, "what is right is accepted", String::new);
        Ok(edits)
    }

    async fn edit(&mut self) -> anyhow::Result<()> {
        match self.campaign.random.u8(..16) {
            0..=5 => self.edit_object().await?,
            6..=9 => {
                let content = Content::any(&mut self.campaign.random);
                self.put_secret(content).await?;
                self.campaign.report.taken += 1;
            }
            10..=12 => self.change_cluster().await,
            13 | 14 => self.recreate().await?,
            _ => self.restart(),
        }
        self.look().await
    }

    async fn edit_object(&mut self) -> anyhow::Result<()> {
        let before = self.object()?;
        let was = essence(&self.campaign.stage.witness.world()?);
        let patch = any_patch(&mut self.campaign.random);
        self.log(patch.to_string());
        if !self.merge(&patch).await {
            self.campaign.report.refused += 1;
            let same = before == self.object()?;
            self.campaign.holds(same, "what the server refuses changes nothing", String::new);
            return Ok(());
        }
        self.campaign.report.taken += 1;
        if self.campaign.random.u8(..3) > 0 {
            return Ok(());
        }
        self.look().await?;
        self.campaign.report.reverted += 1;
        self.log("taken back".to_owned());
        let spec = serde_json::to_value(&before.spec)?;
        let patch = json!([{"op": "replace", "path": "/spec", "value": spec}]);
        let api: Api<Environment> = Api::namespaced(self.campaign.stage.client.clone(), NAMESPACE);
        let patch = kube::api::Patch::Json::<()>(serde_json::from_value(patch)?);
        api.patch(EDITED, &Default::default(), &patch).await.context("what was there")?;
        self.look().await?;
        self.compare(&was, "what is taken back leaves no trace")
    }

    /// Writes the Secret anew; what no watch shows is noticed later.
    async fn put_secret(&mut self, content: Content) -> anyhow::Result<()> {
        self.log(format!("writes {content:?} into the Secret"));
        let api: Api<Secret> = Api::namespaced(self.campaign.stage.client.clone(), NAMESPACE);
        if api.get_opt(SECRET).await?.is_some() {
            api.delete(SECRET, &DeleteParams::default()).await?;
        }
        if let Some(object) = content.secret(&mut self.campaign.random) {
            api.create(&PostParams::default(), &object).await.context("the Secret")?;
        }
        tokio::time::sleep(ASKED_AGAIN).await;
        Ok(())
    }

    async fn change_cluster(&mut self) {
        let random = &mut self.campaign.random;
        if random.u8(..4) == 0 {
            self.campaign.stage.clusters.forgets(CLUSTER);
            self.log("the cluster forgets".to_owned());
        } else {
            self.behaviour = match random.u8(..14) {
                0 => Behaviour::Refuses,
                1 => Behaviour::Hangs,
                2 => Behaviour::Unreachable,
                3 => Behaviour::Untrusted,
                4 => Behaviour::Forbids,
                5 => Behaviour::Fails,
                6 => Behaviour::MakesNoTokens,
                7 => Behaviour::Slow(Duration::from_secs(random.u64(..25))),
                _ => Behaviour::Answers,
            };
            self.log(format!("{:?}", self.behaviour));
            self.campaign.stage.clusters.behaves(CLUSTER, self.behaviour);
        }
        // Clusters do not tell of changes.
        tokio::time::sleep(ASKED_AGAIN).await;
    }

    async fn recreate(&mut self) -> anyhow::Result<()> {
        self.log("deleted and created".to_owned());
        let spec = self.object()?.spec;
        self.campaign.stage.delete(&format!("{OBJECTS}/{EDITED}")).await;
        if self.campaign.random.bool() {
            tokio::time::sleep(GIVEN_UP).await;
            self.campaign.settle().await;
            self.nothing_is_left()?;
        }
        self.was_accepted = false;
        let object = serde_json::to_string(&Environment::new(EDITED, spec))?;
        let taken = self.campaign.stage.post(OBJECTS, &object).await;
        self.campaign.holds(taken, "it may be created again", || object.clone());
        tokio::time::sleep(ASKED_AGAIN).await;
        Ok(())
    }

    fn restart(&mut self) {
        self.log("restart".to_owned());
        let running = &mut self.campaign.running;
        running.kill();
        *running = self.campaign.stage.launch_undisturbed(&format!("pod-{}", self.processes));
        self.processes += 1;
    }

    /// Waits until nothing moves, and checks what is said, what Argo CD has, and where the deployment
    /// goes.
    async fn look(&mut self) -> anyhow::Result<()> {
        tokio::time::sleep(HEARD).await;
        self.campaign.settle().await;
        let world = self.campaign.stage.witness.world()?;
        let object = world.environments.first().context("there is no environment")?;
        let says = |condition: &Condition| {
            condition.type_ == "ConnectionInitializationSucceeded" && condition.status == "True"
        };
        let is_accepted = object.conditions.iter().any(says);
        if is_accepted {
            self.was_accepted = true;
        } else {
            self.campaign.report.rejected += 1;
        }
        let told = self.told()?;
        let wanted = usize::from(self.was_accepted);
        self.campaign.holds(told.len() == wanted, "Argo CD has what was accepted last", || {
            format!("{} cluster Secrets instead of {wanted}", told.len())
        });
        let destinations = destinations(&world);
        let is_there = destinations.iter().any(|name| name.starts_with("managed-env-"));
        let is_so = is_there || !is_accepted;
        self.campaign.holds(is_so, "the deployment goes where its environment is", || {
            format!("{destinations:?}")
        });
        let stays = destinations.iter().any(|name| name == "in-cluster");
        self.campaign.holds(stays, "another deployment stays where it is", String::new);
        Ok(())
    }

    async fn end(mut self) -> anyhow::Result<Report> {
        let spec = self.object()?.spec;
        let was = essence(&self.campaign.stage.witness.world()?);
        let (stage, running) = install(self.behaviour).await?;
        if let Some(Secret { type_, data, .. }) = self.secret()? {
            let object = Secret { type_, data, ..secret(SECRET, "") };
            let object = serde_json::to_string(&object)?;
            anyhow::ensure!(stage.post(SECRETS, &object).await, "{object}");
        }
        let new = serde_json::to_string(&Environment::new(EDITED, spec))?;
        anyhow::ensure!(stage.post(OBJECTS, &new).await, "{new} is refused");
        let mut fresh = Campaign::on(stage, running, Rng::new());
        tokio::time::sleep(HEARD).await;
        fresh.settle().await;
        let is = essence(&fresh.stage.witness.world()?);
        self.campaign.report.violations.extend(fresh.report.violations);
        let same = self.compares(was == is);
        self.campaign.holds(same, "a fresh installation comes to the same", || {
            format!("{was:?} instead of {is:?}")
        });
        self.log("deleted".to_owned());
        self.campaign.stage.delete(&format!("{OBJECTS}/{EDITED}")).await;
        tokio::time::sleep(GIVEN_UP).await;
        self.campaign.settle().await;
        self.nothing_is_left()?;
        Ok(self.campaign.report)
    }

    fn compare(&mut self, was: &Essence, what: &str) -> anyhow::Result<()> {
        let is = essence(&self.campaign.stage.witness.world()?);
        let same = self.compares(*was == is);
        self.campaign.holds(same, what, || format!("{was:?} became {is:?}"));
        Ok(())
    }

    /// Counts a comparison; without new tokens it proves nothing: an account that has one goes on, and one
    /// that would need one does not.
    fn compares(&mut self, is_same: bool) -> bool {
        let is_whole = self.behaviour != Behaviour::MakesNoTokens;
        let report = &mut self.campaign.report;
        *(if is_whole { &mut report.whole } else { &mut report.in_part }) += 1;
        is_same || !is_whole
    }

    fn nothing_is_left(&mut self) -> anyhow::Result<()> {
        let told = self.told()?;
        self.campaign.holds(told.is_empty(), "nothing is left", || format!("{told:?}"));
        let world = self.campaign.stage.witness.world()?;
        let left = world.remote.iter().find(|one| !one.is_listed);
        self.campaign
            .holds(left.is_none(), "nothing is left on the cluster", || format!("{left:?}"));
        Ok(())
    }

    fn log(&mut self, what: String) {
        self.campaign.log.push(what.chars().take(hostile_strings::SHORT).collect());
    }

    async fn merge(&self, patch: &Value) -> bool {
        self.campaign.stage.merge(&format!("{OBJECTS}/{EDITED}"), &patch.to_string()).await
    }

    fn object(&self) -> anyhow::Result<Environment> {
        let objects = list::<Environment>(&self.campaign.stage.server, ENVIRONMENTS)?;
        objects.into_iter().next().context("there is no environment")
    }

    fn secret(&self) -> anyhow::Result<Option<Secret>> {
        let mut secrets = list::<Secret>(&self.campaign.stage.server, SECRETS)?.into_iter();
        Ok(secrets.find(|one| one.name_any() == SECRET))
    }

    /// The names of Argo CD's cluster Secrets.
    fn told(&self) -> anyhow::Result<Vec<String>> {
        let secrets = list::<Secret>(&self.campaign.stage.server, ALL_SECRETS)?;
        let argo_cds = secrets.iter().filter(|one| one.namespace().as_deref() == Some(ARGO_CD));
        Ok(argo_cds.map(ResourceExt::name_any).collect())
    }
}

fn destinations(world: &World) -> Vec<String> {
    let applications = world.argocd.applications.iter();
    applications.map(|one| one.spec.destination.name.clone()).collect()
}

/// What a world says of the environment, apart from how often it was edited, what its UID is, and
/// whether it was valid before; and how many Secrets Argo CD has of what says that it is accepted.
type Essence = (Vec<Condition>, usize);

fn essence(world: &World) -> Essence {
    let mut conditions = Vec::new();
    for object in &world.environments {
        for mut condition in object.conditions.clone() {
            condition.observed_generation = None;
            condition.message = condition
                .message
                .replace(object.uid.as_str(), "UID")
                .replace("user specified an invalid namespace: ", "");
            conditions.push(condition);
        }
    }
    conditions.sort();
    let is_accepted = world.environments.iter().any(|one| one.verdict.is_accepted());
    // What was accepted before depends on the past.
    (conditions, if is_accepted { world.argocd.clusters.len() } else { 0 })
}

/// What is in the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Right,
    Wrong,
    OfAnotherCluster,
    Hostile,
    NoToken,
    NoKubeconfig,
    TooLarge,
    OfAnotherType,
    /// There is none.
    Missing,
}

impl Content {
    fn any(random: &mut Rng) -> Self {
        use Content::*;
        let all = [
            Right,
            Right,
            Right,
            Wrong,
            OfAnotherCluster,
            Hostile,
            NoToken,
            NoKubeconfig,
            TooLarge,
            OfAnotherType,
            Missing,
        ];
        all[random.usize(..all.len())]
    }

    fn secret(self, random: &mut Rng) -> Option<Secret> {
        let of = |text: &str| Some(secret(SECRET, text));
        let right = kubeconfig(CLUSTER, RIGHT);
        match self {
            Self::Right => of(&right),
            Self::Wrong => of(&kubeconfig(CLUSTER, "wrong")),
            Self::OfAnotherCluster => of(&kubeconfig(UNKNOWN, RIGHT)),
            Self::Hostile => of(&hostile_strings::any(random)),
            Self::NoToken => of(&kubeconfig(CLUSTER, "")),
            Self::NoKubeconfig => {
                let data = Some([("config".to_owned(), ByteString(right.into_bytes()))].into());
                Some(Secret { data, ..secret(SECRET, "") })
            }
            Self::TooLarge => {
                let mut object = secret(SECRET, &right);
                let data = object.data.get_or_insert_default();
                debug_assert!(data.contains_key(KUBECONFIG_KEY));
                data.insert("note".to_owned(), ByteString(vec![b'a'; 64 << 10]));
                Some(object)
            }
            Self::OfAnotherType => {
                Some(Secret { type_: Some("Opaque".to_owned()), ..secret(SECRET, &right) })
            }
            Self::Missing => None,
        }
    }
}

/// A merge patch of one or two fields.
fn any_patch(random: &mut Rng) -> Value {
    let mut patch = json!({"spec": {}});
    for _ in 0..random.usize(1..3) {
        let (field, value) = any_field(random);
        patch["spec"][field] = value;
    }
    if random.u8(..8) == 0 {
        patch["metadata"] = json!({"annotations": {"note": hostile_strings::any(random)}});
    }
    patch
}

fn any_field(random: &mut Rng) -> (&'static str, Value) {
    let hostile = |random: &mut Rng| json!(hostile_strings::any(random));
    match random.u8(..12) {
        0 | 1 => ("apiURL", json!(CLUSTER)),
        2 => {
            let urls = [
                UNKNOWN,
                "https://api.example.com:6443?a=b",
                "https://api.example.com:6443/&",
                "http://api.example.com",
                "https://me@api.example.com:6443",
                "https://api.example.com:6443/#top",
                "",
            ];
            ("apiURL", json!(urls[random.usize(..urls.len())]))
        }
        3 => ("apiURL", hostile(random)),
        4 => ("credentialsSecret", json!(["", "nowhere", "no/name"][random.usize(..3)])),
        5 => ("credentialsSecret", json!(SECRET)),
        6 => ("allowInsecureSkipTLSVerify", json!(random.bool())),
        7 | 8 => ("createNewServiceAccount", json!(random.bool())),
        9 => ("namespaces", json!([["a", "b"], ["b", "a"], ["A", "b"]][random.usize(..3)])),
        10 => ("namespaces", json!([])),
        _ => ("clusterResources", json!(random.bool())),
    }
}
