//! Hostile sync runs, and the healthy ones beside them: see [`crate::fuzz::poison`].

use machines::esr::SyncRunObject;
use machines::kinds::sync_run::status::SUCCEEDED;
use serde_json::json;
use tokio::time::Instant;

use crate::faults::sync_runs::sync_run;
use crate::fuzz::hostile_objects;
use crate::fuzz::poison::{DEPLOYMENTS, LOOK, PATIENCE, Play, short};
use crate::fuzz::sync_run_campaign::RUNS;
use crate::runs::script::{Actor, Step};

/// The manual deployment whose syncs must not be affected.
pub(super) const SYNCED: &str = "team/synced";
/// A manual deployment for poisoned runs: of the healthy one they would legitimately take turns.
pub(crate) const TARGET: &str = "poison-target";
/// The names of the poisoned runs that are edited.
const POISONED: [&str; 3] = ["poison-run-a", "poison-run-b", "poison-run-c"];
/// The beginning of the names of healthy runs.
const HEALTHY: &str = "healthy";
/// The most runs that are created at once.
const MANY: usize = 40;
/// What no program can read as the spec of a run.
const UNREADABLE: [&str; 4] = [
    r#"{"spec":["no","object"]}"#,
    r#"{"spec":7}"#,
    r#"{"spec":{"gitopsDeploymentName":["no","text"]}}"#,
    r#"{"spec":{"revisionID":{"no":"text"}}}"#,
];

impl Play {
    /// Asks for a sync of the healthy manual deployment.
    pub(super) async fn ask_for_healthy_sync(&self, round: usize) {
        let deployment = SYNCED.rsplit('/').next().unwrap_or_default();
        let run = run(&format!("{HEALTHY}-{round}"), deployment, "v1");
        self.stage.post(RUNS, &run).await;
    }

    /// The same, and waits for its end.
    pub(super) async fn sync_healthy(&mut self, round: usize) -> anyhow::Result<()> {
        self.ask_for_healthy_sync(round).await;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
            if self.sync_runs(HEALTHY)?.iter().all(has_succeeded) {
                break;
            }
        }
        self.healthy_sync_succeeded().await
    }

    /// Checks that there is one healthy run, and that it has succeeded; then deletes it.
    pub(super) async fn healthy_sync_succeeded(&mut self) -> anyhow::Result<()> {
        let runs = self.sync_runs(HEALTHY)?;
        let is_so = runs.len() == 1 && runs.iter().all(has_succeeded);
        self.holds(is_so, "a healthy sync run succeeds", || format!("{runs:?}"));
        for run in runs {
            self.stage.delete(&format!("{RUNS}/{}", run.name)).await;
        }
        Ok(())
    }

    /// The runs whose names begin like this.
    fn sync_runs(&self, beginning: &str) -> anyhow::Result<Vec<SyncRunObject>> {
        let runs = self.stage.witness.world()?.sync_runs.into_iter();
        Ok(runs.filter(|one| one.name.starts_with(beginning)).collect())
    }

    /// Creates the manual deployment of the poisoned runs, if there is none.
    pub(crate) async fn create_target(&self) -> anyhow::Result<()> {
        if self.application_of(TARGET)?.is_none() {
            let step = Step::CreateManual("team/poison-target", "one");
            Actor::beside(&self.stage).take(&step).await;
        }
        Ok(())
    }

    /// Creates or edits a poisoned run.
    pub(super) async fn poison_run(&mut self) -> anyhow::Result<bool> {
        self.create_target().await?;
        let name = POISONED[self.random.usize(..POISONED.len())];
        if !self.runs.contains(name) {
            let object = hostile_objects::sync_run(&mut self.random, name, TARGET);
            return Ok(self.post_run(name, &object).await);
        }
        let patch = hostile_objects::sync_run_patch(&mut self.random);
        self.log.push(format!("{name}: {}", short(&patch)));
        Ok(self.stage.merge(&format!("{RUNS}/{name}"), &patch).await)
    }

    /// Creates many runs at once, which all wait for one deployment, for none, or for each other.
    pub(super) async fn poison_with_many_runs(&mut self) -> anyhow::Result<bool> {
        self.create_target().await?;
        let names = [TARGET, TARGET, "nobody", "web"];
        let deployment = names[self.random.usize(..names.len())];
        let number = self.random.usize(12..MANY);
        self.log.push(format!("{number} runs of {deployment}"));
        let mut taken = true;
        for number in 0..number {
            let name = format!("poison-run-{number}");
            if !self.runs.contains(&name) {
                taken &= self.post_run(&name, &run(&name, deployment, "")).await;
            }
        }
        Ok(taken)
    }

    async fn post_run(&mut self, name: &str, object: &str) -> bool {
        let taken = self.post(RUNS, object).await;
        if taken {
            self.runs.insert(name.to_owned());
        }
        taken
    }

    /// Writes a foreign status on a poisoned run.
    pub(super) async fn poison_status_of_run(&mut self) -> bool {
        let name = POISONED[self.random.usize(..POISONED.len())];
        let patch = json!({"status": hostile_objects::status(&mut self.random)}).to_string();
        self.log.push(format!("status of {name}: {}", short(&patch)));
        self.stage.merge(&format!("{RUNS}/{name}/status"), &patch).await
    }

    /// Counts what became of the poisoned runs.
    pub(super) fn count_runs(&mut self) -> anyhow::Result<()> {
        for run in self.sync_runs("poison")? {
            let report = &mut self.report;
            let counter =
                if has_succeeded(&run) { &mut report.synced } else { &mut report.unsynced };
            *counter += 1;
        }
        Ok(())
    }

    /// Makes a run unreadable for the program, as leftovers of another version's definitions may be.
    pub(super) async fn make_run_unreadable(&mut self) -> anyhow::Result<()> {
        let name = POISONED[self.random.usize(..POISONED.len())];
        if !self.runs.contains(name) {
            self.post_run(name, &run(name, TARGET, "")).await;
        }
        let path = format!("{RUNS}/{name}");
        // Nothing could remove it later.
        self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
        let definition = crds::all().into_iter().find(hostile_objects::is_of_sync_runs);
        let definition = definition.unwrap_or_default();
        self.stage.server.install(&hostile_objects::without_schema(&definition))?;
        let patch = UNREADABLE[self.random.usize(..UNREADABLE.len())];
        self.log.push(format!("{name} becomes unreadable: {patch}"));
        self.stage.merge(&path, patch).await;
        self.stage.server.install(&definition)?;
        Ok(())
    }

    /// Deletes the poisoned runs and their deployment.
    pub(super) async fn delete_runs(&mut self) {
        for name in std::mem::take(&mut self.runs) {
            let path = format!("{RUNS}/{name}");
            self.stage.merge(&path, r#"{"metadata":{"finalizers":null}}"#).await;
            self.stage.delete(&path).await;
        }
        self.delete_target().await;
    }

    pub(crate) async fn delete_target(&self) {
        self.stage.delete(&format!("{DEPLOYMENTS}/{TARGET}")).await;
    }
}

fn has_succeeded(run: &SyncRunObject) -> bool {
    run.conditions.iter().any(|one| one.type_ == SUCCEEDED && one.status == "True")
}

/// A valid run.
fn run(name: &str, deployment: &str, revision: &str) -> String {
    serde_json::to_string(&sync_run(name, deployment, revision)).unwrap_or_default()
}
