//! Campaigns of edits of one sync run: before it is taken up, while it runs and after it has ended.
//! What it says must follow from what it was taken up with, and from the world around it; what has
//! ended never says anything else; and the end must equal that of a fresh installation that has
//! seen the text that was taken up, and then the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crds::{GitOpsDeployment, GitOpsDeploymentSyncRun};
use fastrand::Rng;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use machines::esr::World;
use schema::entity::sync_operation;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::checks::observe::{ARGO_CD, DEPLOYMENTS, SYNC_RUNS, history, list};
use crate::environment::stage::{Running, Stage, simulate};
use crate::environment::storage::at_once;
use crate::faults::sync_runs::sync_run;
use crate::fuzz::campaign::{Campaign, EDITS, NAMESPACE, Report, diff, install_after, settled};
use crate::fuzz::hostile_strings;
use crate::fuzz::sync_run_expectation::{Expectation, Said, Sync, Text, complaint, condition};
use crate::runs::script::{Actor, Step};

/// The sync run that is edited.
const RUN: &str = "run";
/// The path of the first tenant's sync runs.
pub(super) const RUNS: &str =
    "/apis/managed-gitops.redhat.com/v1alpha1/namespaces/team/gitopsdeploymentsyncruns";
/// How long a status that waits may be held back, and a little more.
const HELD: Duration = Duration::from_secs(15);
/// The names that a run is given: the first is manual, the next two vary, and no deployment has the
/// last one.
const NAMES: [&str; 4] = ["app", "web", "late", "nobody"];
/// The paths of the first three.
const PATHS: [&str; 3] = ["one", "two", "three"];
/// The longest revision, in bytes.
const LONGEST_REVISION: usize = 256;

/// Runs the campaign of a seed.
pub(super) fn run(seed: u64) -> anyhow::Result<Report> {
    simulate(seed, move || async move {
        let mut edits = Edits::begin(seed).await?;
        for _ in 0..EDITS {
            edits.something_happens().await?;
            edits.edit().await?;
            if !edits.campaign.report.violations.is_empty() {
                return Ok(edits.campaign.report);
            }
        }
        edits.end().await
    })
}

/// What a campaign's installation is like.
#[derive(Clone, Copy, Debug)]
struct Surroundings {
    /// The type of the second deployment.
    web: &'static str,
    /// The type of the one that is created late.
    late: &'static str,
    /// Whether that has been created.
    is_late_there: bool,
    /// The outcome of every sync.
    outcome: &'static str,
}

/// What becomes of a run that is taken up with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waits,
    HasNoRevision,
    IsOfAutomated,
    IsSynced,
}

impl Surroundings {
    fn any(random: &mut Rng) -> Self {
        let types = ["manual", "automated"];
        let outcomes = ["healthy", "healthy", "sync-fails", "sync-never-ends", "sync-never-ends"];
        Self {
            web: types[random.usize(..2)],
            late: types[random.usize(..2)],
            is_late_there: false,
            outcome: outcomes[random.usize(..outcomes.len())],
        }
    }

    /// An installation at rest, without the late deployment.
    async fn install(self) -> anyhow::Result<(Arc<Stage>, Running)> {
        let web = match self.web {
            "manual" => Step::CreateManual("team/web", PATHS[1]),
            _ => Step::Create("team/web", PATHS[1]),
        };
        let app = Step::CreateManual("team/app", PATHS[0]);
        let installed = install_after(&[Step::CreateNamespace(NAMESPACE), app, web]).await?;
        installed.0.set_outcomes(self.outcomes()).await?;
        Ok(installed)
    }

    fn outcomes(self) -> BTreeMap<String, String> {
        PATHS.map(|path| (format!("path.{path}"), self.outcome.to_owned())).into()
    }

    async fn create_late(self, stage: &Stage) {
        let step = match self.late {
            "manual" => Step::CreateManual("team/late", PATHS[2]),
            _ => Step::Create("team/late", PATHS[2]),
        };
        Actor::beside(stage).take(&step).await;
    }

    fn fate(self, text: &Text) -> Fate {
        let revision = &text.revision_id;
        if revision.len() > LONGEST_REVISION || revision.chars().any(char::is_control) {
            return Fate::HasNoRevision;
        }
        let type_ = match text.gitops_deployment_name.as_str() {
            "app" => "manual",
            "web" => self.web,
            "late" if self.is_late_there => self.late,
            _ => return Fate::Waits,
        };
        if type_ == "manual" { Fate::IsSynced } else { Fate::IsOfAutomated }
    }
}

/// A campaign, and what is around its run.
struct Edits {
    campaign: Campaign,
    around: Surroundings,
    processes: u32,
}

impl Edits {
    async fn begin(seed: u64) -> anyhow::Result<Self> {
        let mut random = Rng::with_seed(seed);
        let around = Surroundings::any(&mut random);
        let (stage, running) = around.install().await?;
        let text = Text {
            gitops_deployment_name: NAMES[random.usize(..NAMES.len())].to_owned(),
            revision_id: any_revision(&mut random),
        };
        create(&stage, &text).await?;
        let mut campaign = Campaign::on(stage, running, random);
        campaign.report.sync_runs = 1;
        campaign.log.push(format!("{around:?}; {text:?}"));
        Ok(Self { campaign, around, processes: 1 })
    }

    /// Time passes; sometimes there is more to it.
    async fn something_happens(&mut self) -> anyhow::Result<()> {
        let random = &mut self.campaign.random;
        let pause = match random.u8(..4) {
            0 => Duration::ZERO,
            1 => Duration::from_millis(random.u64(..60)),
            2 => Duration::from_millis(random.u64(..3_000)),
            _ => Duration::from_secs(random.u64(..30)),
        };
        let event = random.u8(..12);
        self.campaign.log.push(format!("{pause:?} later"));
        tokio::time::sleep(pause).await;
        match event {
            0 | 1 if !self.around.is_late_there => {
                self.campaign.log.push("late is created".to_owned());
                self.around.is_late_there = true;
                self.around.create_late(&self.campaign.stage).await;
            }
            2 => self.restart(),
            3 => self.let_syncs_end().await,
            4..=7 => self.look().await?,
            _ => {}
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.campaign.log.push("restart".to_owned());
        let running = &mut self.campaign.running;
        running.kill();
        *running = self.campaign.stage.launch_undisturbed(&format!("pod-{}", self.processes));
        self.processes += 1;
    }

    /// Lets the hook end that held every sync, if one did.
    async fn let_syncs_end(&mut self) {
        if self.around.outcome == "sync-never-ends" {
            self.campaign.log.push("syncs end".to_owned());
            self.around.outcome = "healthy";
            let path =
                format!("/api/v1/namespaces/{ARGO_CD}/configmaps/{}", argocd_stand_in::OUTCOMES);
            let patch = json!({"data": self.around.outcomes()}).to_string();
            // Not replaced: a new object would take the UID of the late deployment.
            let taken = self.campaign.stage.merge(&path, &patch).await;
            self.campaign.holds(taken, "the outcomes can be edited", String::new);
        }
    }

    async fn edit(&mut self) -> anyhow::Result<()> {
        let before = self.object()?;
        let patch = match self.taken_up()? {
            Some(text) if text != before.spec && self.campaign.random.u8(..3) == 0 => {
                self.campaign.report.reverted += 1;
                whole(&text)
            }
            _ => any_patch(&mut self.campaign.random),
        };
        self.campaign.log.push(patch.to_string().chars().take(hostile_strings::SHORT).collect());
        let taken = self.campaign.stage.merge(&format!("{RUNS}/{RUN}"), &patch.to_string()).await;
        if taken {
            self.campaign.report.taken += 1;
            return Ok(());
        }
        self.campaign.report.refused += 1;
        self.campaign.log.push("refused".to_owned());
        let same = as_written(before) == as_written(self.object()?);
        self.campaign.holds(same, "what the server refuses changes nothing", String::new);
        Ok(())
    }

    /// Waits until nothing moves, and checks what the run says.
    async fn look(&mut self) -> anyhow::Result<()> {
        tokio::time::sleep(HELD).await;
        if self.around.outcome == "sync-never-ends" {
            // A run that does not end is not right, and need not be.
            return self.check();
        }
        self.campaign.settle().await;
        self.check()
    }

    async fn end(mut self) -> anyhow::Result<Report> {
        self.look().await?;
        self.let_syncs_end().await;
        self.look().await?;
        self.never_says_anything_else();
        self.equals_a_fresh_installation().await?;
        self.campaign.log.push("the run is deleted".to_owned());
        self.campaign.stage.delete(&format!("{RUNS}/{RUN}")).await;
        self.campaign.settle().await;
        let left = self.row()?;
        self.campaign.holds(left.is_none(), "no row is left", || format!("{left:?}"));
        Ok(self.campaign.report)
    }

    fn object(&self) -> anyhow::Result<GitOpsDeploymentSyncRun> {
        let mut runs = list(&self.campaign.stage.server, SYNC_RUNS)?;
        runs.pop().context("there is no run")
    }

    /// The row of the sync, once the run is taken up.
    fn row(&self) -> anyhow::Result<Option<sync_operation::Model>> {
        let database = self.campaign.stage.database.reader();
        Ok(at_once(sync_operation::Entity::find().one(database))?)
    }

    /// Every text that the run has had, by its generation.
    fn texts(&self) -> BTreeMap<i64, Text> {
        let events = history(&self.campaign.stage.server, SYNC_RUNS).into_iter();
        let runs = events.filter_map(|(_, object)| serde_json::from_value(object).ok());
        runs.map(|run: GitOpsDeploymentSyncRun| {
            (run.metadata.generation.unwrap_or_default(), run.spec)
        })
        .collect()
    }

    /// What the run was taken up with, or rejected for.
    fn taken_up(&self) -> anyhow::Result<Option<Text>> {
        if let Some(row) = self.row()? {
            return Ok(Some(Text {
                gitops_deployment_name: row.deployment_name,
                revision_id: row.revision,
            }));
        }
        let object = self.object()?;
        let result = condition(&object, "Succeeded").filter(|one| one.status != "Unknown");
        let generation = result.and_then(|one| one.observed_generation);
        Ok(generation.and_then(|generation| self.texts().remove(&generation)))
    }

    /// Checks that the run says what follows from the world.
    fn check(&mut self) -> anyhow::Result<()> {
        let object = self.object()?;
        let taken_up = self.taken_up()?;
        let fate = self.around.fate(taken_up.as_ref().unwrap_or(&object.spec));
        let has_row = self.row()?.is_some();
        let is_so = match fate {
            Fate::Waits => taken_up.is_none(),
            Fate::IsSynced => has_row,
            Fate::HasNoRevision | Fate::IsOfAutomated => !has_row && taken_up.is_some(),
        };
        self.campaign.holds(is_so, "it is taken up when it can be", || {
            format!("{fate:?}, taken up with {taken_up:?}, row: {has_row}")
        });
        let known = taken_up.as_ref().is_none_or(|text| self.texts().values().any(|it| it == text));
        self.campaign
            .holds(known, "it is taken up with a text of its user", || format!("{taken_up:?}"));
        let expected = self.expectation(fate, &object, taken_up.as_ref())?;
        self.campaign.report.rejected += u32::from(expected.is_rejection());
        let said = Said::of(condition(&object, "Succeeded"));
        self.campaign.holds(expected.result.admits(said.as_ref()), "its result follows", || {
            format!("{said:?} instead of {:?}", expected.result)
        });
        let said = Said::of(condition(&object, "ErrorOccurred"));
        let is_so = expected.errors.contains(&said);
        self.campaign.holds(is_so, "its error follows", || {
            format!("{said:?} instead of one of {:?}", expected.errors)
        });
        Ok(())
    }

    fn expectation(
        &mut self,
        fate: Fate,
        object: &GitOpsDeploymentSyncRun,
        taken_up: Option<&Text>,
    ) -> anyhow::Result<Expectation> {
        let mut expected = match (fate, taken_up) {
            (Fate::IsSynced, Some(text)) => {
                let sync = Sync::of(&self.campaign.stage, object);
                self.is_as_asked(&sync, text)?;
                Expectation::of_sync(&sync)
            }
            (Fate::HasNoRevision, _) => Expectation::without_revision(),
            (Fate::IsOfAutomated, _) => Expectation::of_automated(RUN),
            _ => Expectation::of_waiting(&object.spec),
        };
        let edit = taken_up.and_then(|text| complaint(text, &object.spec));
        if let Some(edit) = edit {
            expected.errors = vec![Some(Said::raised(edit))];
        }
        Ok(expected)
    }

    /// Checks that one sync was requested, of what the text says.
    fn is_as_asked(&mut self, sync: &Sync, text: &Text) -> anyhow::Result<()> {
        let name = &text.gitops_deployment_name;
        let deployments: Vec<GitOpsDeployment> = list(&self.campaign.stage.server, DEPLOYMENTS)?;
        let deployment = deployments.iter().find(|one| one.name_any() == *name);
        let application = crds::names::application_name(
            &deployment.and_then(ResourceExt::uid).unwrap_or_default(),
        );
        let revision = match text.revision_id.as_str() {
            "" => "HEAD",
            revision => revision,
        };
        let wanted = BTreeSet::from([(application, revision.to_owned())]);
        self.campaign.holds(sync.requests == wanted, "what is asked for is synced", || {
            format!("{:?} instead of {wanted:?}", sync.requests)
        });
        Ok(())
    }

    /// Checks, by everything that the server has ever shown, that the result was said once.
    fn never_says_anything_else(&mut self) {
        let events = history(&self.campaign.stage.server, SYNC_RUNS);
        let results = events.iter().map(|(_, object)| {
            let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            conditions.filter(|one| one["type"] == "Succeeded").cloned().collect::<Vec<Value>>()
        });
        let is_unknown = |said: &Vec<Value>| said.iter().all(|one| one["status"] == "Unknown");
        let mut ends: Vec<_> = results.skip_while(is_unknown).collect();
        ends.dedup();
        self.campaign.holds(ends.len() <= 1, "a result never changes", || format!("{ends:?}"));
    }

    /// Compares with an installation whose run had from the beginning the text that was taken up.
    async fn equals_a_fresh_installation(&mut self) -> anyhow::Result<()> {
        let last = self.object()?.spec;
        let first = self.taken_up()?.unwrap_or_else(|| last.clone());
        let (stage, running) = self.around.install().await?;
        create(&stage, &first).await?;
        if self.around.is_late_there {
            self.around.create_late(&stage).await;
        }
        let mut fresh = Campaign::on(stage, running, Rng::new());
        tokio::time::sleep(HELD).await;
        fresh.settle().await;
        if first != last {
            fresh.stage.merge(&format!("{RUNS}/{RUN}"), &whole(&last).to_string()).await;
            fresh.settle().await;
        }
        let was = without_generations(fresh.stage.witness.world()?);
        let is = without_generations(self.campaign.stage.witness.world()?);
        self.campaign.report.violations.extend(fresh.report.violations);
        self.campaign.report.whole += 1;
        let same = was == is;
        let what = "a fresh installation comes to the same";
        self.campaign.holds(same, what, || diff(&was, &is));
        Ok(())
    }
}

/// Drops what reflects the number of edits, and in which order the conditions came to be.
fn without_generations(world: World) -> World {
    let mut world = settled(world);
    for run in &mut world.sync_runs {
        run.conditions.iter_mut().for_each(|one| one.observed_generation = None);
        run.conditions.sort();
    }
    world
}

/// What the user has written: the program may say something at any moment.
fn as_written(object: GitOpsDeploymentSyncRun) -> (ObjectMeta, Text) {
    let metadata = ObjectMeta { resource_version: None, managed_fields: None, ..object.metadata };
    (metadata, object.spec)
}

async fn create(stage: &Stage, text: &Text) -> anyhow::Result<()> {
    let object = sync_run(RUN, &text.gitops_deployment_name, &text.revision_id);
    let object = serde_json::to_string(&object)?;
    anyhow::ensure!(stage.post(RUNS, object.as_str()).await, "{object} is refused");
    Ok(())
}

/// A merge patch that sets the whole text.
fn whole(text: &Text) -> Value {
    let name = &text.gitops_deployment_name;
    json!({"spec": {"gitopsDeploymentName": name, "revisionID": text.revision_id}})
}

fn any_revision(random: &mut Rng) -> String {
    match random.u8(..8) {
        0..=2 => String::new(),
        3 | 4 => "v1".to_owned(),
        5 => "main".to_owned(),
        6 => "x".repeat(LONGEST_REVISION + random.usize(..2)),
        _ => hostile_strings::any(random),
    }
}

fn any_name(random: &mut Rng) -> String {
    match random.u8(..6) {
        0 => hostile_strings::any(random),
        _ => NAMES[random.usize(..NAMES.len())].to_owned(),
    }
}

/// A merge patch for a run: of one field or both, of its metadata, or one that does not fit.
fn any_patch(random: &mut Rng) -> Value {
    let unfit = [json!(null), json!(7), json!(["app"]), json!({})];
    let mut patch = match random.u8(..10) {
        0..=3 => json!({"spec": {"gitopsDeploymentName": any_name(random)}}),
        4..=6 => json!({"spec": {"revisionID": any_revision(random)}}),
        7 => json!({"spec": {
            "gitopsDeploymentName": any_name(random), "revisionID": any_revision(random),
        }}),
        8 => {
            let field = ["gitopsDeploymentName", "revisionID", "unknown"][random.usize(..3)];
            json!({"spec": {field: unfit[random.usize(..unfit.len())]}})
        }
        _ => json!({"spec": unfit[random.usize(..unfit.len())]}),
    };
    if random.u8(..5) == 0 {
        let place = ["annotations", "labels"][random.usize(..2)];
        patch["metadata"] = json!({place: {"note": hostile_strings::any(random)}});
    }
    patch
}
