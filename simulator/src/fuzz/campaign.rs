//! Campaigns: a user edits one deployment repeatedly, with valid and invalid values derived from
//! its schema. After each edit everything must converge; a rejected edit must change nothing; a
//! reverted one must leave no trace; and the end must equal that of a fresh installation that has
//! only seen the last edit. Some campaigns edit a sync run instead, a repository credential or a managed
//! environment: see [`crate::fuzz::sync_run_campaign`], [`crate::fuzz::credential_campaign`] and
//! [`crate::fuzz::environment_campaign`].

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crds::GitOpsDeployment;
use fastrand::Rng;
use kube::api::{Api, Patch, PatchParams};
use machines::esr::{self, World, Writes};
use machines::identity::Generation;
use machines::kinds::deployment::conditions::ERROR_OCCURRED;
use machines::kinds::deployment::esr::untouched;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::checks::properties::Violation;
use crate::environment::stage::{Running, Stage, simulate};
use crate::fuzz::{credential_campaign, environment_campaign, sync_run_campaign};
use crate::runs::script::{Step, after};
use crate::runs::tally::Tally;

/// Edits per campaign.
pub(super) const EDITS: usize = 6;
/// Of so many campaigns, two edit a sync run, two a repository credential, and one an environment.
const EVERY: u64 = 8;
/// The virtual time within which everything converges after an edit.
const PATIENCE: Duration = Duration::from_secs(300);
/// The deployment that is edited.
const EDITED: &str = "app";
/// Its namespace.
pub(super) const NAMESPACE: &str = "team";

/// The result of a campaign.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Edits that the API server accepted.
    pub taken: u32,
    /// Edits that it rejected.
    pub refused: u32,
    /// Edits that it accepted and the program rejects.
    pub rejected: u32,
    /// Edits that were reverted.
    pub reverted: u32,
    /// Full comparisons with another world.
    pub whole: u32,
    /// Comparisons that left out what legitimately depends on the past.
    pub in_part: u32,
    /// Campaigns that edited a sync run.
    pub sync_runs: u32,
    /// Campaigns that edited a repository credential.
    pub credentials: u32,
    /// Campaigns that edited a managed environment.
    pub environments: u32,
    /// Violations.
    pub violations: Vec<String>,
}

impl Tally for Report {
    fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.refused += other.refused;
        self.rejected += other.rejected;
        self.reverted += other.reverted;
        self.whole += other.whole;
        self.in_part += other.in_part;
        self.sync_runs += other.sync_runs;
        self.credentials += other.credentials;
        self.environments += other.environments;
    }

    fn violations(&self) -> &[String] {
        &self.violations
    }
}

/// Runs the campaign of a seed.
pub fn run(seed: u64) -> anyhow::Result<Report> {
    match seed % EVERY {
        1 | 5 => return credential_campaign::run(seed),
        3 | 7 => return sync_run_campaign::run(seed),
        6 => return environment_campaign::run(seed),
        _ => {}
    }
    simulate(seed, move || async move {
        let mut campaign = Campaign::begin(seed).await?;
        for _ in 0..EDITS {
            campaign.edit().await?;
            if !campaign.report.violations.is_empty() {
                break;
            }
        }
        campaign.end().await
    })
}

/// An installation, and what has been done in it.
pub(super) struct Campaign {
    pub(super) stage: Arc<Stage>,
    pub(super) random: Rng,
    pub(super) report: Report,
    pub(super) log: Vec<String>,
    pub(super) running: Running,
}

impl Campaign {
    async fn begin(seed: u64) -> anyhow::Result<Self> {
        let (stage, running) = install(&json!({})).await?;
        Ok(Self::on(stage, running, Rng::with_seed(seed)))
    }

    pub(super) fn on(stage: Arc<Stage>, running: Running, random: Rng) -> Self {
        Self { stage, random, report: Report::default(), log: Vec::new(), running }
    }

    fn api(&self) -> Api<GitOpsDeployment> {
        Api::namespaced(self.stage.client.clone(), NAMESPACE)
    }

    async fn spec(&self) -> anyhow::Result<Value> {
        let object = self.api().get(EDITED).await?;
        Ok(serde_json::to_value(&object.spec)?)
    }

    async fn edit(&mut self) -> anyhow::Result<()> {
        let before = self.stage.witness.world()?;
        let spec = self.spec().await?;
        let patch = any_patch(&mut self.random);
        self.log.push(patch.to_string());
        let parameters = PatchParams::default();
        let merge = Patch::Merge(&patch);
        let taken = self.api().patch(EDITED, &parameters, &merge).await.is_ok();
        self.settle().await;
        let after = self.stage.witness.world()?;
        if !taken {
            self.report.refused += 1;
            let same = before == after;
            self.holds(same, "what the server refuses changes nothing", || diff(&before, &after));
            return Ok(());
        }
        self.report.taken += 1;
        for object in &before.deployments {
            let verdict = untouched(&before, &after, &object.uid);
            self.note(verdict.err());
        }
        let others = |world: &World| -> Vec<_> {
            world.deployments.iter().filter(|one| one.name != EDITED).cloned().collect()
        };
        let same = others(&before) == others(&after);
        self.holds(same, "an edit changes no other deployment", || diff(&before, &after));
        if after.deployments.iter().any(is_rejected) {
            self.report.rejected += 1;
            self.leaves_resources_alone(&before, &after);
        }
        if self.random.bool() {
            self.revert(&spec, &before).await?;
        }
        Ok(())
    }

    /// Checks that a rejected edit left rows and Argo CD's resources unchanged.
    fn leaves_resources_alone(&mut self, before: &World, after: &World) {
        let (was, is) = (settled(before.clone()), settled(after.clone()));
        let same = was.database == is.database && was.argocd == is.argocd;
        self.holds(same, "what is rejected changes nothing but the status", || diff(&was, &is));
    }

    async fn revert(&mut self, spec: &Value, before: &World) -> anyhow::Result<()> {
        self.report.reverted += 1;
        self.log.push("taken back".to_owned());
        self.replace(spec).await?;
        self.settle().await;
        let is = self.stage.witness.world()?;
        self.compare(before.clone(), is, "what is taken back leaves no trace");
        Ok(())
    }

    /// Checks that two worlds are equal except for what legitimately depends on the past.
    fn compare(&mut self, was: World, is: World, what: &str) {
        let (was, is) = (settled(was), settled(is));
        let bare = (without_history(was.clone()), without_history(is.clone()));
        let is_whole = bare == (was, is);
        *(if is_whole { &mut self.report.whole } else { &mut self.report.in_part }) += 1;
        let (was, is) = bare;
        self.holds(was == is, what, || diff(&was, &is));
    }

    async fn replace(&self, spec: &Value) -> anyhow::Result<()> {
        let patch = json!([{"op": "replace", "path": "/spec", "value": spec}]);
        let patch: Patch<()> = Patch::Json(serde_json::from_value(patch)?);
        self.api().patch(EDITED, &PatchParams::default(), &patch).await.context("the revert")?;
        Ok(())
    }

    async fn end(mut self) -> anyhow::Result<Report> {
        if self.report.violations.is_empty() {
            let (fresh, running) = install(&self.spec().await?).await?;
            let (was, is) = (fresh.witness.world()?, self.stage.witness.world()?);
            drop(running);
            self.compare(was, is, "a fresh installation comes to the same");
        }
        Ok(self.report)
    }

    pub(super) async fn settle(&mut self) {
        let (right, world) = come_right(&self.stage, PATIENCE).await;
        if !right {
            let broken = world.as_ref().map(esr::all).unwrap_or_default();
            let restless = || "it is written again and again".to_owned();
            self.holds(!broken.is_empty(), "it comes to rest", restless);
            for violation in broken {
                self.note(Some(violation));
            }
        }
        let seen = self.stage.witness.violations();
        self.report.violations.extend(seen.iter().map(ToString::to_string));
    }

    fn note(&mut self, violation: Option<esr::Violation>) {
        let Some(violation) = violation.map(Violation::from) else { return };
        let log = self.log.join("; ");
        self.report.violations.push(format!("{violation} after: {log}"));
    }

    pub(super) fn holds(&mut self, holds: bool, what: &str, difference: impl FnOnce() -> String) {
        if !holds {
            let log = self.log.join("; ");
            self.report.violations.push(format!("not so: {what}: {} after: {log}", difference()));
        }
    }
}

/// An installation at rest with two deployments, one of them with this merged into its spec.
async fn install(spec: &Value) -> anyhow::Result<(Arc<Stage>, Running)> {
    install_after(&[
        Step::CreateNamespace(NAMESPACE),
        Step::Create("team/web", "two"),
        Step::Create("team/app", "one"),
        Step::Edit("team/app", json!({"spec": spec})),
    ])
    .await
}

/// An installation at rest after these steps.
pub(super) async fn install_after(steps: &[Step]) -> anyhow::Result<(Arc<Stage>, Running)> {
    let (stage, running) = after(steps).await?;
    let stage = Arc::new(stage);
    anyhow::ensure!(come_right(&stage, PATIENCE).await.0, "the installation never comes right");
    Ok((stage, running))
}

async fn come_right(stage: &Arc<Stage>, patience: Duration) -> (bool, Option<World>) {
    let right = crate::runs::script::settle(stage, patience).await;
    (right, stage.witness.world().ok())
}

/// Whether the program has rejected a deployment.
pub fn is_rejected(object: &esr::DeploymentObject) -> bool {
    let conditions = &object.status.conditions;
    conditions.iter().any(|one| one.type_ == ERROR_OCCURRED && one.status == "True")
}

/// Drops what only reflects the number of edits: generations, and that an error is resolved.
pub fn settled(mut world: World) -> World {
    world.writes = Writes::default();
    world.database.operations.clear();
    for object in &mut world.deployments {
        object.generation = Generation(0);
        object.status.observed_generation = Generation(0);
        object.status.conditions.retain(|one| one.type_ != ERROR_OCCURRED || one.status == "True");
        object.status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        object.status.conditions.iter_mut().for_each(|one| one.observed_generation = None);
    }
    world.database.applications.sort_by(|a, b| a.id.cmp(&b.id));
    world.database.mappings.sort_by(|a, b| a.deployment.cmp(&b.deployment));
    world.database.repositories.sort_by(|a, b| a.written.cmp(&b.written));
    world
}

/// Drops what legitimately depends on the past: the last good Application of a deployment that is
/// now rejected, and what Argo CD reports on a manual one.
fn without_history(mut world: World) -> World {
    let rejected = world.deployments.iter().find(|one| is_rejected(one)).cloned();
    if let Some(rejected) = rejected {
        let name = machines::operation::application::application_name(&rejected.uid);
        world.argocd.applications.retain(|one| one.name != name);
        world.argocd.projects.clear();
        world.database.applications.retain(|one| one.deployment != rejected.uid);
        world.database.mappings.retain(|one| one.deployment != rejected.uid);
        world.database.repositories.clear();
    }
    for object in world.deployments.iter_mut().filter(|object| is_rejected(object)) {
        object.status.report = Default::default();
        object.status.conditions.retain(|one| one.type_ == ERROR_OCCURRED);
        // The wording depends on whether there was an Application before.
        object.status.conditions.iter_mut().for_each(|one| one.message.clear());
    }
    without_manual_reports(world)
}

/// Drops what Argo CD reports on a manual deployment: it depends on whether it was ever synced.
fn without_manual_reports(mut world: World) -> World {
    for object in world.deployments.iter_mut().filter(|object| object.spec.type_ == "manual") {
        object.status.report = Default::default();
        object.status.conditions.retain(|one| one.type_ == ERROR_OCCURRED);
        let name = machines::operation::application::application_name(&object.uid);
        let applications = world.argocd.applications.iter_mut();
        applications.filter(|one| one.name == name).for_each(|one| one.report = Default::default());
    }
    world
}

/// The first lines in which two worlds differ.
pub fn diff(before: &World, after: &World) -> String {
    let (before, after) = (format!("{before:#?}"), format!("{after:#?}"));
    let pairs = before.lines().zip(after.lines());
    let lines: Vec<String> = pairs
        .filter(|(before, after)| before != after)
        .take(3)
        .map(|(before, after)| format!("`{}` became `{}`", before.trim(), after.trim()))
        .collect();
    lines.join(", ")
}

/// A merge patch that sets one or two fields of a deployment's spec to a value that its schema
/// suggests or forbids; sometimes also a label or an annotation.
fn any_patch(random: &mut Rng) -> Value {
    let definitions = crds::all();
    let schema = definitions
        .iter()
        .filter(|one| one.spec.names.kind == "GitOpsDeployment")
        .find_map(|one| one.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref());
    let schema = serde_json::to_value(schema).unwrap_or_default();
    let spec = &schema["properties"]["spec"];
    let mut patch = json!({"spec": any_change(spec, "spec", random)});
    if random.u8(..4) == 0 {
        merge(&mut patch, json!({"spec": any_change(spec, "spec", random)}));
    }
    if random.u8(..8) == 0 {
        let place = ["annotations", "labels"][random.usize(..2)];
        let note = STRINGS[random.usize(..STRINGS.len())];
        merge(&mut patch, json!({"metadata": {place: {"note": note}}}));
    }
    patch
}

/// Merges the fields of one patch into another.
fn merge(patch: &mut Value, other: Value) {
    match (patch, other) {
        (Value::Object(patch), Value::Object(other)) => {
            for (name, value) in other {
                merge(patch.entry(name).or_insert(Value::Null), value);
            }
        }
        (patch, other) => *patch = other,
    }
}

/// A value for a part of an object, with one of its fields set.
fn any_change(schema: &Value, field: &str, random: &mut Rng) -> Value {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    if properties.is_empty() {
        return any_value(schema, field, random);
    }
    if random.u8(..12) == 0 {
        // Removed, or of another type.
        return if random.bool() { Value::Null } else { json!(7) };
    }
    let names: Vec<&String> = properties.keys().collect();
    let name = names[random.usize(..names.len())];
    let mut object = Map::new();
    object.insert(name.clone(), any_change(&properties[name], name, random));
    Value::Object(object)
}

/// Strings that cause trouble elsewhere.
const STRINGS: [&str; 10] =
    ["", "/", "one", "a/b", "-", " ", "ünï/cödé", "\u{0}", "line\nbreak", "{{template}}"];
/// Strings that fit fields by their names.
const FITTING: [(&str, &[&str]); 4] = [
    ("path", &["one", "two", "deep/er", "three"]),
    (
        "repoURL",
        &[
            "https://example.com/team/app.git",
            "https://example.com/team/app",
            "git@example.com:team/app.git",
            "not a url",
        ],
    ),
    ("type", &["automated", "manual", "sometimes"]),
    ("targetRevision", &["main", "v1.0", "0123456789abcdef"]),
];

fn any_value(schema: &Value, field: &str, random: &mut Rng) -> Value {
    let of = |random: &mut Rng, texts: &[&str]| json!(texts[random.usize(..texts.len())]);
    match schema["type"].as_str() {
        Some("string") => {
            let fitting = FITTING.iter().find(|(name, _)| *name == field);
            match (fitting, random.u8(..10)) {
                (_, 0) => json!("long/".repeat(random.usize(100..2_000))),
                (_, 1) => Value::Null,
                (Some((_, texts)), 2..=7) => of(random, texts),
                _ => of(random, &STRINGS),
            }
        }
        Some("array") => {
            let options = ["CreateNamespace=true", "CreateNamespace=false", "Prune=yes"];
            let number = random.usize(..3);
            let items = (0..number).map(|_| of(random, &options)).collect();
            Value::Array(items)
        }
        Some("boolean") => json!(random.bool()),
        _ => json!(random.u8(..)),
    }
}
