//! Exhaustive plans: a workload runs once without faults, and then once for each fault at each of
//! its moments. The end must always be the same, and each object must be created and deleted as
//! often.
//!
//! Operations only have to be gone in the end: their number depends on how often the program had to
//! ask.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use machines::esr::{self, SyncRunObject, World, Writes};
use machines::kinds::deployment::conditions::ERROR_OCCURRED;
use sandbox::ApiServer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::checks::observe::{APPLICATIONS, DEPLOYMENTS, OPERATIONS, PROJECTS, SECRETS, history};
use crate::checks::properties::Violation;
use crate::environment::journal::Entry;
use crate::environment::stage::{RESCAN, Stage, simulate};
use crate::faults::adversary::Adversary;
use crate::runs::plan::{self, Plan, STALE_FOR, Strike};
use crate::runs::script::{Actor, settle};
use crate::runs::workloads::Workload;

/// The seed of everything else.
const SEED: u64 = 1;
/// The virtual time after the last step within which everything converges: a rescan that finds
/// something suspect, the grace period, and a second rescan.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long a step waits at most for convergence if there is no fault: what is noticed by a timer alone
/// takes longer.
const SOON: Duration = Duration::from_secs(20);
/// The pause before a killed process is replaced.
const RESTART: Duration = Duration::from_secs(1);

/// The result of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What exists in the end, part by part, without what is retained for a while.
    pub end: BTreeMap<String, String>,
    /// How often each object was created and deleted.
    pub counts: BTreeMap<String, (u32, u32)>,
    /// Violations.
    pub violations: Vec<Violation>,
    /// The plans derived from it.
    pub plans: Vec<Strike>,
    /// Whether the moment of the strike came.
    pub struck: bool,
    /// What happened.
    pub entries: Vec<Entry>,
    /// How long it lasted, in virtual time.
    pub lasted: Duration,
}

/// A plan whose outcome differs from the run without faults.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The workload.
    pub workload: &'static str,
    /// What went wrong.
    pub strike: Strike,
    /// What is different.
    pub what: String,
    /// What happened.
    pub entries: Vec<Entry>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workload, strike, what, .. } = self;
        writeln!(formatter, "{workload}: {strike}: {what}")?;
        write!(
            formatter,
            "  again: cargo run -p simulator -- plans --workload '{workload}' --plan {strike}"
        )
    }
}

/// Runs a workload under a strike.
pub fn run(workload: &Workload, strike: Strike) -> anyhow::Result<Outcome> {
    let steps = workload.steps.clone();
    simulate(SEED, move || async move {
        let stage = Arc::new(Stage::set().await?);
        let plan = Arc::new(Plan::new(strike));
        let over = CancellationToken::new();
        let processes = tokio::spawn(keep_running(
            Arc::clone(&stage),
            Arc::clone(&plan) as Arc<dyn Adversary>,
            over.clone(),
        ));
        let mut actor = Actor::new(&stage);
        for step in &steps {
            actor.take(step).await;
        }
        let longest_wait = actor.longest_wait;
        settle(&stage, PATIENCE).await;
        // By then everything delayed has been delivered.
        tokio::time::sleep(2 * STALE_FOR).await;
        let plans = plan::plans(&plan.record());
        let before = stage.witness.world()?;
        tokio::time::sleep(RESCAN).await;
        let after = stage.witness.world()?;
        let broken = esr::all(&after).into_iter().chain(esr::quiet(&before, &after).err());
        let mut violations = stage.witness.violations();
        violations.extend(broken.map(Violation::from));
        violations.extend(two_at_once(&stage.server));
        if longest_wait > SOON && strike == Strike::Nothing {
            let what = format!("a step waited {} s for convergence", longest_wait.as_secs());
            violations.push(Violation { property: "SOON".to_owned(), what });
        }
        let outcome = Outcome {
            counts: counts(&stage),
            end: parts(retained(after)),
            violations,
            plans,
            struck: plan.has_struck(),
            entries: stage.journal.entries(),
            lasted: stage.begun.elapsed(),
        };
        over.cancel();
        processes.await?;
        Ok(outcome)
    })
}

/// One process after another, until the run is over.
async fn keep_running(stage: Arc<Stage>, adversary: Arc<dyn Adversary>, over: CancellationToken) {
    for number in 0.. {
        let name = format!("pod-{number}");
        let mut running = stage.launch(&name, &adversary, 0, false);
        let what = tokio::select! {
            () = over.cancelled() => return,
            () = running.process.died() => "was killed".to_owned(),
            ended = &mut running.task => {
                let text = format!("ended by itself: {ended:?}");
                stage.witness.violated("ALIVE", format!("{name} {text}"));
                text
            }
        };
        stage.journal.note(&name, what);
        running.kill();
        tokio::time::sleep(RESTART).await;
    }
}

fn retained(mut world: World) -> World {
    world.writes = Writes::default();
    world.database.operations.retain(|one| !one.state.is_terminal());
    world
}

/// The kinds whose objects are counted, by their paths.
const COUNTED: [&str; 5] = [APPLICATIONS, PROJECTS, DEPLOYMENTS, SECRETS, OPERATIONS];

fn counts(stage: &Stage) -> BTreeMap<String, (u32, u32)> {
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for path in COUNTED {
        for (kind, object) in history(&stage.server, path) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let is_operation = path.ends_with("/operations");
            let name = if is_operation { "all that remain" } else { name };
            let resource = path.rsplit('/').next().unwrap_or_default();
            let (created, deleted) = counts.entry(format!("{resource} {name}")).or_default();
            match (kind.as_str(), is_operation) {
                ("ADDED", _) => *created += 1,
                ("DELETED", false) => *deleted += 1,
                ("DELETED", true) => *created -= 1,
                _ => {}
            }
        }
    }
    counts.retain(|_, count| *count != (0, 0));
    counts
}

/// Whether two successive deployments of one name ever had an Application at the same time: both
/// would deploy to the same place.
fn two_at_once(server: &Arc<ApiServer>) -> Option<Violation> {
    let text = |object: &Value, field: &str| {
        object["metadata"][field].as_str().unwrap_or_default().to_owned()
    };
    let mut places = BTreeMap::new();
    for (_, object) in history(server, DEPLOYMENTS) {
        let place = format!("{}/{}", text(&object, "namespace"), text(&object, "name"));
        places.insert(text(&object, "uid"), place);
    }
    let mut existing: BTreeMap<&String, String> = BTreeMap::new();
    for (kind, object) in history(server, APPLICATIONS) {
        let name = text(&object, "name");
        let uid = crds::names::deployment_uid(&name).unwrap_or_default();
        let Some(place) = places.get(uid) else { continue };
        match kind.as_str() {
            "DELETED" => {
                existing.remove(place);
            }
            _ => {
                if let Some(other) = existing.insert(place, name.clone())
                    && other != name
                {
                    let what = format!("{place}: {other} and {name} exist at the same time");
                    return Some(Violation { property: "ESR-ONE".to_owned(), what });
                }
            }
        }
    }
    None
}

/// What is different from the run without faults, if anything.
pub fn difference(clean: &Outcome, perturbed: &Outcome) -> Option<String> {
    if let Some(violation) = perturbed.violations.first() {
        return Some(violation.to_string());
    }
    for key in clean.counts.keys().chain(perturbed.counts.keys()) {
        let of = |outcome: &Outcome| outcome.counts.get(key).copied().unwrap_or_default();
        let ((created, deleted), (clean_created, clean_deleted)) = (of(perturbed), of(clean));
        // What is seen late may be obsolete by then, and need not be created any more.
        let fewer = clean_created.checked_sub(created);
        if fewer.is_none() || fewer != clean_deleted.checked_sub(deleted) {
            return Some(format!(
                "{key} was created {created} times and deleted {deleted} times, instead of \
                 {clean_created} and {clean_deleted}"
            ));
        }
    }
    let mut parts = clean.end.keys();
    let part = parts.find(|part| clean.end.get(*part) != perturbed.end.get(*part))?;
    let of = |outcome: &Outcome| outcome.end.get(part).cloned().unwrap_or_default();
    Some(format!("other {part} in the end: {} instead of {}", of(perturbed), of(clean)))
}

fn parts(mut world: World) -> BTreeMap<String, String> {
    // Whether a run that is deleted or whose deployment is replaced had begun is a matter of time;
    // that none is begun twice is checked for itself.
    world.argocd.begun.clear();
    // In which order conditions were first written says nothing.
    world.credentials.iter_mut().for_each(|one| one.conditions.sort());
    world.environments.iter_mut().for_each(|one| one.conditions.sort());
    // An error that was resolved stays: a deployment may have waited for a cluster that did not answer.
    for object in &mut world.deployments {
        object.status.conditions.retain(|one| one.type_ != ERROR_OCCURRED || one.status == "True");
        object.status.conditions.sort();
    }
    let run = |run: &SyncRunObject| format!("{} of {}", run.name, run.spec.deployment_name);
    let parts = [
        ("sync runs", format!("{:#?}", world.sync_runs.iter().map(run).collect::<Vec<_>>())),
        ("namespaces", format!("{:#?}", world.namespaces)),
        ("credentials", format!("{:#?}", world.credentials)),
        ("environments", format!("{:#?}", world.environments)),
        ("clusters", format!("{:#?}", world.remote)),
        ("deployments", format!("{:#?}", world.deployments)),
        ("rows", format!("{:#?}", sorted(&world))),
        ("Argo CD's resources", format!("{:#?}", world.argocd)),
    ];
    parts.into_iter().map(|(part, text)| (part.to_owned(), text)).collect()
}

/// The rows in an order that does not depend on when they were written.
fn sorted(world: &World) -> Vec<String> {
    let rows = &world.database;
    let mut texts: Vec<String> = Vec::new();
    texts.extend(rows.users.iter().map(|row| format!("{row:?}")));
    texts.extend(rows.applications.iter().map(|row| format!("{row:?}")));
    texts.extend(rows.mappings.iter().map(|row| format!("{row:?}")));
    texts.extend(rows.operations.iter().map(|row| format!("{row:?}")));
    texts.extend(rows.repositories.iter().map(|row| format!("{row:?}")));
    texts.extend(rows.credentials.iter().map(|row| format!("{row:?}")));
    texts.extend(rows.environments.iter().map(|row| format!("{row:?}")));
    texts.sort();
    texts
}

/// What is wrong with a plan's outcome, if anything. A plan whose moment never came is wrong, too:
/// the run did not repeat the one that it was derived from.
pub fn judge(
    workload: &Workload,
    clean: &Outcome,
    strike: Strike,
    outcome: anyhow::Result<Outcome>,
) -> Option<Difference> {
    let (what, entries) = match outcome {
        Err(error) => (Some(format!("{error:#}")), Vec::new()),
        Ok(outcome) if !outcome.struck => {
            (Some("its moment never came".to_owned()), outcome.entries)
        }
        Ok(outcome) => (difference(clean, &outcome), outcome.entries),
    };
    what.map(|what| Difference { workload: workload.name, strike, what, entries })
}
