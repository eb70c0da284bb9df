//! Poison: next to healthy deployments, of the same tenant and of another one, there are objects
//! with hostile texts in every field, objects of an unexpected form, and objects manually planted
//! where they do not belong. The healthy ones must not be affected by a single write, their sync
//! runs must succeed, and their credentials and clusters' tokens must be rotated; the process must
//! survive; poisoned objects are served or rejected; and once deleted they leave no trace.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use machines::esr::{self, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::checks::observe::{self, ARGO_CD, history};
use crate::checks::properties::Violation;
use crate::environment::stage::{RESCAN, Running, Stage, simulate};
use crate::environment::storage::FAILS;
use crate::faults::environments::destination;
use crate::fuzz::campaign::{diff, is_rejected, settled};
use crate::fuzz::hostile_objects;
use crate::fuzz::hostile_strings;
use crate::fuzz::poison_credentials::{
    HEALTHY as HEALTHY_CREDENTIALS, HEALTHY_SECRET, PASSWORDS, PlantedSecrets, REPOSITORY,
};
use crate::fuzz::poison_environments::{self, CLUSTER, TOKENS};
use crate::fuzz::poison_sync_runs::SYNCED;
use crate::runs::script::{Step, after, path};
use crate::runs::tally::Tally;

/// Rounds per run; even, so that the healthy deployments end as they started.
const ROUNDS: usize = 4;
/// The virtual time within which everything converges.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// How often this is checked.
pub(super) const LOOK: Duration = Duration::from_secs(2);
/// The time until everything has been delivered.
const MOMENT: Duration = Duration::from_secs(1);
/// Rescans during which nothing may be written.
const QUIET_RESCANS: u32 = 3;
/// The deployments that must not be affected.
const HEALTHY: [&str; 2] = ["team/web", "other/app"];
/// The names of the poisoned deployments in the first tenant's namespace.
const POISONED: [&str; 2] = ["poison-a", "poison-b"];
/// Where the deployments of the first tenant are.
pub(super) const DEPLOYMENTS: &str =
    "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/team/gitopsdeployments";

/// The result of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Writes of poison that the API server accepted.
    pub taken: u32,
    /// Writes that it rejected.
    pub refused: u32,
    /// How often the program rejected a poisoned deployment.
    pub rejected: u32,
    /// How often it served one.
    pub served: u32,
    /// How often a poisoned sync run had succeeded.
    pub synced: u32,
    /// How often one had failed, was rejected, or waited.
    pub unsynced: u32,
    /// How often a poisoned credential was accepted.
    pub accepted: u32,
    /// How often one was not.
    pub unaccepted: u32,
    /// How often the cluster of a poisoned environment was reached.
    pub reached: u32,
    /// How often one was not.
    pub unreached: u32,
    /// Violations.
    pub violations: Vec<String>,
}

impl Tally for Report {
    fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.refused += other.refused;
        self.rejected += other.rejected;
        self.served += other.served;
        self.synced += other.synced;
        self.unsynced += other.unsynced;
        self.accepted += other.accepted;
        self.unaccepted += other.unaccepted;
        self.reached += other.reached;
        self.unreached += other.unreached;
    }

    fn violations(&self) -> &[String] {
        &self.violations
    }
}

/// Runs a seed.
pub fn run(seed: u64) -> anyhow::Result<Report> {
    simulate(seed, move || async move {
        let mut play = Play::begin(seed).await?;
        let calm = play.edit_healthy(0).await?;
        for round in 1..ROUNDS {
            play.round(round, &calm).await?;
            if !play.report.violations.is_empty() {
                return Ok(play.report);
            }
        }
        play.end().await
    })
}

/// Entries of the journal that are shown.
const SHOWN: usize = 12;

/// How often each healthy object was written.
pub(crate) type Writes = Vec<(String, usize)>;

/// An installation with healthy deployments in it, and the poison planted next to them.
pub(crate) struct Play {
    /// The installation.
    pub(crate) stage: Arc<Stage>,
    running: Running,
    processes: u32,
    pub(super) random: Rng,
    /// The result so far.
    pub(crate) report: Report,
    pub(super) log: Vec<String>,
    /// Paths of what was planted in Argo CD's namespace.
    planted: BTreeSet<String>,
    /// The names of the poisoned sync runs.
    pub(super) runs: BTreeSet<String>,
    /// The names of the poisoned credentials.
    pub(super) credentials: BTreeSet<String>,
    /// The names of the poisoned environments.
    pub(super) environments: BTreeSet<String>,
    pub(super) planted_secrets: PlantedSecrets,
    /// The password of the healthy credentials.
    pub(super) password: &'static str,
    /// The token of the healthy environments.
    pub(super) token: &'static str,
    pub(super) healthy: World,
}

impl Play {
    pub(crate) async fn begin(seed: u64) -> anyhow::Result<Self> {
        let (stage, running) = after(&[
            Step::CreateNamespace("team"),
            Step::CreateNamespace("other"),
            Step::Create(HEALTHY[0], "two"),
            Step::Create(HEALTHY[1], "two"),
            Step::CreateManual(SYNCED, "two"),
            Step::OpenedBy(REPOSITORY, PASSWORDS[0]),
            Step::CreateSecret("team/healthy-git", PASSWORDS[0]),
            Step::CreateSecret("other/healthy-git", PASSWORDS[0]),
            Step::CreateCredential(HEALTHY_CREDENTIALS[0], REPOSITORY, HEALTHY_SECRET),
            Step::CreateCredential(HEALTHY_CREDENTIALS[1], REPOSITORY, HEALTHY_SECRET),
            Step::ClusterOpenedBy(CLUSTER, TOKENS[0]),
            Step::CreateKubeconfig(poison_environments::HEALTHY_SECRETS[0], CLUSTER, TOKENS[0]),
            Step::CreateKubeconfig(poison_environments::HEALTHY_SECRETS[1], CLUSTER, TOKENS[0]),
            Step::CreateEnvironment(
                poison_environments::HEALTHY[0],
                CLUSTER,
                poison_environments::HEALTHY_SECRET,
            ),
            Step::CreateEnvironment(
                poison_environments::HEALTHY[1],
                CLUSTER,
                poison_environments::HEALTHY_SECRET,
            ),
            Step::Edit(HEALTHY[1], destination("healthy-env")),
        ])
        .await?;
        let stage = Arc::new(stage);
        let healthy = stage.witness.world()?;
        let mut play = Self {
            stage,
            running,
            processes: 1,
            random: Rng::with_seed(seed),
            report: Report::default(),
            log: Vec::new(),
            planted: BTreeSet::new(),
            runs: BTreeSet::new(),
            credentials: BTreeSet::new(),
            environments: BTreeSet::new(),
            planted_secrets: PlantedSecrets::new(),
            password: PASSWORDS[0],
            token: TOKENS[0],
            healthy,
        };
        play.settle().await?;
        // Only the first sync changes what exists.
        play.sync_healthy(0).await?;
        play.settle().await?;
        play.healthy = play.world()?;
        Ok(play)
    }

    /// The healthy deployments are edited while poison is planted.
    async fn round(&mut self, round: usize, calm: &Writes) -> anyhow::Result<()> {
        let before = self.writes();
        for _ in 0..self.random.u8(2..5) {
            self.poison().await?;
        }
        self.change_healthy(round).await;
        if self.random.u8(..3) == 0 {
            self.restart();
        }
        self.settle().await?;
        self.compare(&before, calm).await
    }

    /// Checks that the healthy ones were written as often as without poison; counts the results of
    /// the others.
    pub(crate) async fn compare(&mut self, before: &Writes, calm: &Writes) -> anyhow::Result<()> {
        let writes = difference(&self.writes(), before);
        // A restart skips what it came too late for.
        let more = writes.iter().zip(calm).any(|((_, one), (_, calm))| one > calm);
        self.holds(!more, "poison costs the healthy no write", || {
            format!("{writes:?} instead of {calm:?}")
        });
        for object in self.world()?.deployments {
            if !self.is_healthy(object.uid.as_str()) {
                let counter = match is_rejected(&object) {
                    true => &mut self.report.rejected,
                    false => &mut self.report.served,
                };
                *counter += 1;
            }
        }
        self.count_runs()?;
        self.count_credentials()?;
        self.count_environments()?;
        self.healthy_is_told()?;
        self.healthy_clusters_are_told()?;
        self.healthy_sync_succeeded().await
    }

    fn is_healthy(&self, uid: &str) -> bool {
        self.healthy.deployments.iter().any(|healthy| healthy.uid.as_str() == uid)
    }

    pub(crate) async fn edit_healthy(&mut self, round: usize) -> anyhow::Result<Writes> {
        let before = self.writes();
        self.change_healthy(round).await;
        self.settle().await?;
        let writes = difference(&self.writes(), &before);
        self.healthy_is_told()?;
        self.healthy_clusters_are_told()?;
        self.healthy_sync_succeeded().await?;
        Ok(writes)
    }

    pub(crate) async fn change_healthy(&mut self, round: usize) {
        let paths = ["three", "two"];
        for place in HEALTHY {
            let (namespace, name) = place.split_once('/').unwrap_or_default();
            let deployment = DEPLOYMENTS.replace("/team/", &format!("/{namespace}/"));
            let patch = path(paths[round % paths.len()]);
            self.stage.merge(&format!("{deployment}/{name}"), &patch.to_string()).await;
        }
        self.ask_for_healthy_sync(round).await;
        self.rotate_healthy(round).await;
        self.rotate_healthy_clusters(round).await;
    }

    async fn poison(&mut self) -> anyhow::Result<()> {
        let name = POISONED[self.random.usize(..POISONED.len())];
        let deployment = format!("{DEPLOYMENTS}/{name}");
        let exists = self.application_of(name)?.is_some();
        let taken = match self.random.u8(..28) {
            0..=5 if !exists => {
                let object = hostile_objects::deployment(&mut self.random, name);
                self.post(DEPLOYMENTS, &object).await
            }
            0..=5 => {
                let patch = hostile_objects::patch(&mut self.random);
                self.log.push(format!("{name}: {}", short(&patch)));
                self.stage.merge(&deployment, &patch).await
            }
            6 => {
                let patch =
                    json!({"status": hostile_objects::status(&mut self.random)}).to_string();
                self.log.push(format!("status of {name}: {}", short(&patch)));
                self.stage.merge(&format!("{deployment}/status"), &patch).await
            }
            7 => {
                let Some(application) = self.application_of(name)? else { return Ok(()) };
                let patch = hostile_objects::report(&mut self.random).to_string();
                self.log.push(format!("Argo CD on {name}: {}", short(&patch)));
                self.stage.merge(&argo("applications", &application), &patch).await
            }
            8 | 9 => self.plant().await,
            10 | 11 => self.poison_run().await?,
            12 => self.poison_with_many_runs().await?,
            13 => self.poison_status_of_run().await,
            14..=16 => self.poison_credential().await,
            17..=19 => self.poison_secret().await,
            20 => self.poison_status_of_credential().await,
            21 => self.plant_secret().await?,
            22 | 23 => self.poison_environment().await,
            24 | 25 => self.poison_kubeconfig().await,
            26 => self.poison_status_of_environment().await,
            _ => self.plant_cluster_secret().await?,
        };
        if taken {
            self.report.taken += 1;
        } else {
            self.report.refused += 1;
        }
        Ok(())
    }

    /// Puts something into Argo CD's namespace.
    async fn plant(&mut self) -> bool {
        let rows: Vec<String> = {
            let applications = &self.healthy.database.applications;
            applications.iter().map(|row| row.id.to_string()).collect()
        };
        let (resource, object) = hostile_objects::plant(&mut self.random, &rows);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let object = object.to_string();
        let taken = self.post(&argo_collection(resource), &object).await;
        if taken {
            self.planted.insert(argo(resource, &name));
        }
        taken
    }

    fn restart(&mut self) {
        self.log.push("restart".to_owned());
        self.is_alive();
        self.running.kill();
        self.running = launch(&self.stage, self.processes);
        self.processes += 1;
    }

    fn is_alive(&mut self) {
        let ended = self.running.task.is_finished();
        self.holds(!ended, "the process lives", || "it has ended by itself".to_owned());
    }

    async fn end(mut self) -> anyhow::Result<Report> {
        self.rest().await?;
        self.make_unreadable().await?;
        self.sync_healthy(ROUNDS).await?;
        for name in POISONED {
            if let Some(application) = self.application_of(name)? {
                // The stand-in for Argo CD does not read every status, and removes what it does
                // read.
                self.stage.merge(&argo("applications", &application), r#"{"status":null}"#).await;
            }
            self.stage.delete(&format!("{DEPLOYMENTS}/{name}")).await;
        }
        self.delete_runs().await;
        self.delete_environments().await;
        self.delete_credentials().await?;
        for path in std::mem::take(&mut self.planted) {
            self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
            self.stage.delete(&path).await;
        }
        self.leaves_no_trace().await?;
        Ok(self.report)
    }

    /// Checks that everything is as it was before any poison, and stays so.
    pub(crate) async fn leaves_no_trace(&mut self) -> anyhow::Result<()> {
        self.settle().await?;
        let (mut was, mut is) = (self.healthy.clone(), self.stage.witness.world()?);
        // What Argo CD has begun, it has begun for ever.
        (was.argocd.begun, is.argocd.begun) = Default::default();
        let (was, is) = (settled(was), settled(is));
        let same = was == is;
        self.holds(same, "what is deleted leaves no trace", || diff(&was, &is));
        self.rest().await
    }

    /// Checks that nothing is written any more.
    pub(crate) async fn rest(&mut self) -> anyhow::Result<()> {
        // A rescan may already have found something suspect.
        tokio::time::sleep(2 * RESCAN).await;
        let before = self.world()?;
        tokio::time::sleep(RESCAN * QUIET_RESCANS).await;
        let after = self.world()?;
        let verdict = esr::quiet(&before, &after);
        self.note(esr::all(&after).into_iter().chain(verdict.err()));
        self.is_alive();
        Ok(())
    }

    /// Makes an object of a tenant, or an Application, unreadable for the program, as leftovers of another
    /// version's definitions may be. An Application is then deleted.
    async fn make_unreadable(&mut self) -> anyhow::Result<()> {
        match self.random.u8(..5) {
            0 => self.make_run_unreadable().await?,
            1 => self.make_credential_unreadable().await?,
            2 => self.make_environment_unreadable().await?,
            _ => self.make_deployment_unreadable().await?,
        }
        tokio::time::sleep(MOMENT).await;
        Ok(())
    }

    async fn make_deployment_unreadable(&mut self) -> anyhow::Result<()> {
        let name = POISONED[self.random.usize(..POISONED.len())];
        self.log.push(format!("{name} becomes unreadable"));
        if self.random.bool() {
            let Some(application) = self.application_of(name)? else { return Ok(()) };
            let path = argo("applications", &application);
            // Argo CD cannot read it either, so it has to be removed manually.
            let patch = r#"{"metadata":{"finalizers":null},"spec":{"source":7}}"#;
            self.stage.merge(&path, patch).await;
            tokio::time::sleep(MOMENT).await;
            self.stage.delete(&path).await;
        } else {
            let definition = crds::all().into_iter().find(hostile_objects::is_of_deployments);
            let definition = definition.unwrap_or_default();
            self.stage.server.install(&hostile_objects::without_schema(&definition))?;
            let path = format!("{DEPLOYMENTS}/{name}");
            self.stage.merge(&path, r#"{"spec":{"source":["no","object"]}}"#).await;
            self.stage.server.install(&definition)?;
        }
        Ok(())
    }

    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let world = self.world()?;
            let broken = esr::all(&world);
            if broken.is_empty() && before.as_ref() == Some(&world) {
                break;
            }
            if Instant::now() > deadline {
                self.note(broken);
                break;
            }
            before = Some(world);
        }
        self.is_alive();
        let mut seen = self.stage.witness.violations();
        let failures = self.stage.journal.entries().into_iter();
        let failures = failures.filter(|entry| entry.what.ends_with(FAILS));
        seen.extend(
            failures
                .map(|entry| Violation { property: "COMMIT".to_owned(), what: entry.to_string() }),
        );
        let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
        for violation in seen {
            self.holds(false, "nothing fails", || violation.clone());
        }
        Ok(())
    }

    /// What exists, without the planted objects.
    fn world(&self) -> anyhow::Result<World> {
        let mut world = self.stage.witness.world()?;
        let is_ours = |resource: &str, name: &String| !self.planted.contains(&argo(resource, name));
        world.argocd.applications.retain(|one| is_ours("applications", &one.name));
        world.argocd.projects.retain(|one| is_ours("appprojects", &one.name));
        world
            .argocd
            .repositories
            .retain(|one| !self.is_planted(&crds::names::repository_secret_name(one.row.as_str())));
        world
            .argocd
            .clusters
            .retain(|one| !self.is_planted(&crds::names::cluster_secret_name(one.row.as_str())));
        Ok(world)
    }

    pub(super) fn application_of(&self, name: &str) -> anyhow::Result<Option<String>> {
        let world = self.stage.witness.world()?;
        let object = world.deployments.iter().find(|one| one.name == name);
        Ok(object.map(|one| machines::operation::application::application_name(&one.uid)))
    }

    /// How often each healthy object has been written.
    pub(crate) fn writes(&self) -> Writes {
        let uids: Vec<String> =
            self.healthy.deployments.iter().map(|one| one.uid.to_string()).collect();
        let mut counts = Vec::new();
        for resource in [observe::DEPLOYMENTS, observe::APPLICATIONS] {
            let events = history(&self.stage.server, resource);
            for uid in &uids {
                let is_about = |object: &Value| {
                    let metadata = &object["metadata"];
                    let name = metadata["name"].as_str().unwrap_or_default();
                    metadata["uid"] == json!(uid) || name.ends_with(uid.as_str())
                };
                let number = events.iter().filter(|(_, object)| is_about(object)).count();
                counts.push((format!("{resource} {uid}"), number));
            }
        }
        counts.extend(self.writes_of_credentials());
        counts.extend(self.writes_of_environments());
        counts
    }

    pub(super) async fn post(&mut self, collection: &str, object: &str) -> bool {
        self.log.push(short(object));
        self.stage.post(collection, object).await
    }

    fn note(&mut self, violations: impl IntoIterator<Item = esr::Violation>) {
        for violation in violations {
            let violation = Violation::from(violation).to_string();
            self.holds(false, "everything comes right", || violation.clone());
        }
    }

    pub(super) fn holds(&mut self, holds: bool, what: &str, difference: impl FnOnce() -> String) {
        if !holds {
            let log = self.log.join("\n  ");
            let entries = self.stage.journal.entries();
            let last = entries[entries.len().saturating_sub(SHOWN)..].iter();
            let last: String = last.map(|entry| format!("\n  {entry}")).collect();
            let difference = difference();
            let text = format!("not so: {what}: {difference} after:\n  {log}\nthe last:{last}");
            self.report.violations.push(text);
        }
    }
}

fn launch(stage: &Stage, number: u32) -> Running {
    stage.launch_undisturbed(&format!("pod-{number}"))
}

/// The path of a resource in Argo CD's namespace.
fn argo_collection(resource: &str) -> String {
    let group = match resource {
        "operations" => "managed-gitops.redhat.com",
        _ => "argoproj.io",
    };
    format!("/apis/{group}/v1alpha1/namespaces/{ARGO_CD}/{resource}")
}

/// The path of an object in Argo CD's namespace.
fn argo(resource: &str, name: &str) -> String {
    format!("{}/{name}", argo_collection(resource))
}

fn difference(now: &Writes, before: &Writes) -> Writes {
    now.iter().zip(before).map(|((what, now), (_, before))| (what.clone(), now - before)).collect()
}

/// A readable prefix of a text, on one line.
pub(super) fn short(text: &str) -> String {
    text.escape_debug().take(hostile_strings::SHORT).collect()
}
