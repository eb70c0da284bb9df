//! A random run: first faults strike and nothing may break permanently; then they stop, and
//! everything must converge.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use machines::esr::{self, World};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checks::properties::Violation;
use crate::checks::search::{CANARY, Listener, search};
use crate::environment::journal::Entry;
use crate::environment::stage::{RESCAN, Running, Stage, simulate};
use crate::faults::adversary::Adversary;
use crate::faults::credentials;
use crate::faults::environments;
use crate::faults::manual_changes;
use crate::faults::operators;
use crate::faults::swarm::{Faults, Swarm};
use crate::faults::sync_runs;

/// How long faults strike, in virtual time.
pub const FAULTS_FOR: Duration = Duration::from_secs(20 * 60);
/// The virtual time after the end of all faults within which everything converges. A manual change
/// is found by the second rescan after it, and an unanswered deletion is retried after two minutes.
pub const CONVERGES_WITHIN: Duration = Duration::from_secs(40 * 60);
/// How often this is checked.
const LOOK: Duration = Duration::from_secs(30);
/// How long a process tries to start, or to do what it cannot do, before it gives up and ends.
const PATIENCE: Duration = Duration::from_secs(300);
/// Rescans during which nothing may be written.
const QUIET_RESCANS: u32 = 3;
/// The longest pause between two things that users do.
const LONGEST_PAUSE: Duration = Duration::from_secs(40);

/// The result of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Faults that the seed picked and that were left out.
    pub without: Vec<String>,
    /// Its faults.
    pub faults: Faults,
    /// Violations, in order.
    pub violations: Vec<Violation>,
    /// What happened last.
    pub entries: Vec<Entry>,
    /// A digest of everything that happened.
    pub digest: u64,
    /// How many entries the journal has.
    pub events: u64,
    /// How long it lasted, in virtual time.
    pub lasted: Duration,
    /// How long after the end of the faults everything had converged.
    pub converged_after: Option<Duration>,
    /// Processes that were started.
    pub processes: u32,
    /// The faults that struck at least once.
    pub struck: Vec<String>,
    /// How often a password occurred in what users or Argo CD wrote.
    pub written: usize,
    /// How often git servers were asked with a credential.
    pub asked: u64,
    /// How often clusters were asked.
    pub asked_clusters: u64,
}

impl Report {
    /// For a run that did not finish: a failure like any other.
    pub fn unfinished(seed: u64, without: &[String], error: &anyhow::Error) -> Self {
        let faults = Faults::pick(&mut Rng::with_seed(seed)).without(without);
        Self {
            seed,
            without: without.to_vec(),
            faults: faults.unwrap_or_default(),
            violations: vec![Violation { property: "END".to_owned(), what: format!("{error:#}") }],
            entries: Vec::new(),
            digest: 0,
            events: 0,
            lasted: Duration::ZERO,
            converged_after: None,
            processes: 0,
            struck: Vec::new(),
            written: 0,
            asked: 0,
            asked_clusters: 0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, without, faults, violations, entries, .. } = self;
        let without: Vec<String> =
            without.iter().map(|name| format!(" --without {name}")).collect();
        let without = without.concat();
        writeln!(formatter, "seed {seed}: {faults}")?;
        let Some(first) = violations.first() else { return Ok(()) };
        writeln!(formatter, "  {first}")?;
        writeln!(formatter, "  what happened before:")?;
        for entry in concerning(entries, first) {
            writeln!(formatter, "  {entry}")?;
        }
        writeln!(formatter, "  again: cargo run -p simulator -- sim --seed {seed}{without}")
    }
}

/// How many entries of a failure are shown.
const SHOWN: usize = 60;

/// The last entries that concern the subject of a violation, or no subject.
fn concerning<'a>(entries: &'a [Entry], violation: &Violation) -> Vec<&'a Entry> {
    let words: Vec<&str> = violation
        .what
        .split(|one: char| !(one.is_alphanumeric() || one == '-' || one == '/'))
        .filter(|word| word.len() > 8)
        .collect();
    let speaks = |entry: &&Entry| {
        words.iter().any(|word| entry.what.contains(word))
            || matches!(entry.who.as_str(), "user" | "manual" | "server" | "Argo CD" | "run")
            || entry.what.contains("kill")
    };
    let speaking: Vec<&Entry> = entries.iter().filter(speaks).collect();
    speaking[speaking.len().saturating_sub(SHOWN)..].to_vec()
}

/// Runs a seed, without some of the faults that it picks.
///
/// # Errors
///
/// There is no such fault, or the run did not finish.
pub fn run(seed: u64, without: Vec<String>) -> anyhow::Result<Report> {
    simulate(seed, move || play(seed, without))
}

async fn play(seed: u64, without: Vec<String>) -> anyhow::Result<Report> {
    let mut random = Rng::with_seed(seed);
    let faults = Faults::pick(&mut random).without(&without)?;
    let stage = Arc::new(Stage::set().await?);
    let swarm = Arc::new(Swarm::new(faults.clone(), random.fork()));
    stage.journal.note("run", faults.to_string());
    let over = CancellationToken::new();
    let mut replicas = Vec::new();
    for number in 0..if faults.replicas { 2 } else { 1 } {
        let replica = Replica {
            number,
            elects: faults.replicas,
            stage: Arc::clone(&stage),
            swarm: Arc::clone(&swarm),
        };
        replicas.push(tokio::spawn(replica.live(random.fork(), over.clone())));
    }
    let pace = if faults.argocd { Duration::from_secs(random.u64(..20)) } else { Duration::ZERO };
    let mut argocd = stage.start_argocd(pace);
    for namespace in manual_changes::NAMESPACES {
        stage.create_namespace(namespace).await?;
    }
    let end = Instant::now() + FAULTS_FOR;
    let runs = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { sync_runs::act(&stage, seed, end).await }
    });
    let operators = tokio::spawn({
        let (stage, swarm, faults) = (Arc::clone(&stage), Arc::clone(&swarm), faults.clone());
        async move { operators::act(&stage, &swarm, &faults, seed, end).await }
    });
    let secrets = tokio::spawn({
        let (stage, swarm, faults) = (Arc::clone(&stage), Arc::clone(&swarm), faults.clone());
        async move { credentials::act(&stage, &swarm, &faults, seed, end).await }
    });
    let clusters = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { environments::act(&stage, seed, end).await }
    });
    while Instant::now() < end {
        tokio::time::sleep(LONGEST_PAUSE.mul_f64(random.f64().powi(3))).await;
        let meddles = faults.manual_changes && random.u8(..3) == 0;
        if meddles {
            manual_changes::manual_change(&stage, &mut random).await;
            swarm.note("manual-changes");
        } else {
            manual_changes::user_acts(&stage, &mut random).await;
        }
        if faults.argocd && random.u8(..4) == 0 {
            argocd = disturb_argocd(&stage, argocd, pace, &mut random).await;
            swarm.note("argocd");
        }
    }
    runs.await?;
    secrets.await?;
    clusters.await?;
    operators.await?;
    swarm.end();
    if argocd.is_cancelled() {
        argocd = stage.start_argocd(pace);
    }
    stage.bring_back_argocd_namespace().await?;
    stage.set_outcomes(BTreeMap::new()).await?;
    stage.journal.note("run", "the faults are over");
    let converged_after = settle(&stage).await?;
    let written = search_for_canary(&stage)?;
    over.cancel();
    let mut processes = 0;
    for replica in replicas {
        processes += replica.await?;
    }
    argocd.cancel();
    Ok(Report {
        without,
        seed,
        faults,
        violations: stage.witness.violations(),
        entries: stage.journal.entries(),
        digest: stage.journal.digest(),
        events: stage.journal.len(),
        lasted: stage.begun.elapsed(),
        converged_after,
        processes,
        struck: swarm.struck(),
        written,
        asked: stage.servers.asked(),
        asked_clusters: stage.clusters.asked(),
    })
}

/// Checks that the password that users wrote is repeated nowhere; returns how often they wrote it.
fn search_for_canary(stage: &Stage) -> anyhow::Result<usize> {
    let found = search(stage, CANARY)?;
    let (heard, lines) = Listener::heard();
    anyhow::ensure!(lines > 0, "the log was not captured");
    for leak in found.leaks.into_iter().chain(heard) {
        stage.witness.violated("SECRET", format!("{}: {}", leak.place, leak.text));
    }
    Ok(found.written)
}

async fn disturb_argocd(
    stage: &Stage,
    argocd: CancellationToken,
    pace: Duration,
    random: &mut Rng,
) -> CancellationToken {
    if argocd.is_cancelled() {
        stage.journal.note("Argo CD", "is back");
        stage.start_argocd(pace)
    } else if random.u8(..4) == 0 {
        stage.journal.note("Argo CD", "is away");
        argocd.cancel();
        argocd
    } else if random.bool() {
        manual_changes::argocd_errs(stage, random).await;
        argocd
    } else {
        manual_changes::argocd_edits(stage, random).await;
        argocd
    }
}

/// Waits until everything has converged, then checks that it stays so and nothing is written.
async fn settle(stage: &Stage) -> anyhow::Result<Option<Duration>> {
    let begun = Instant::now();
    let (world, broken) = loop {
        tokio::time::sleep(LOOK).await;
        let world = stage.witness.world()?;
        let broken = esr::all(&world);
        if broken.is_empty() || begun.elapsed() >= CONVERGES_WITHIN {
            break (world, broken);
        }
    };
    let converged_after = broken.is_empty().then(|| begun.elapsed());
    let minutes = CONVERGES_WITHIN.as_secs() / 60;
    for violation in broken {
        let place = place_of(&world, &violation.object);
        for state in stage.witness.states(&violation.object) {
            stage.journal.note("run", format!("{place}{state}"));
        }
        let violation = Violation::from(violation);
        let what = format!("{place}{} (after {minutes} virtual minutes)", violation.what);
        stage.witness.violated(&violation.property, what);
    }
    if converged_after.is_none() {
        return Ok(None);
    }
    // A rescan may already have found something suspect, and what users cannot see may go on.
    tokio::time::sleep(CONVERGES_WITHIN.saturating_sub(begun.elapsed())).await;
    let (before, states) = (stage.witness.world()?, stage.witness.states(""));
    tokio::time::sleep(RESCAN * QUIET_RESCANS + LOOK).await;
    let after = stage.witness.world()?;
    let mut broken = esr::all(&after);
    if let Err(violation) = esr::quiet(&before, &after) {
        for state in stage.witness.states("").iter().filter(|state| !states.contains(state)) {
            stage.journal.note("run", format!("has changed: {state}"));
        }
        broken.push(violation);
    }
    for violation in broken {
        let violation = Violation::from(violation);
        stage.witness.violated(&violation.property, violation.what);
    }
    Ok(converged_after)
}

/// `namespace/name` of an existing object, to explain its UID.
fn place_of(world: &World, uid: &str) -> String {
    let mut credentials = world.credentials.iter();
    if let Some(object) = credentials.find(|object| object.uid.as_str() == uid) {
        let mut namespaces = world.namespaces.iter();
        let namespace = namespaces.find(|one| one.uid == object.tenant);
        let namespace = namespace.map(|one| one.name.as_str()).unwrap_or_default();
        return format!("{namespace}/{} ", object.name);
    }
    let mut environments = world.environments.iter();
    if let Some(object) = environments.find(|object| object.uid.as_str() == uid) {
        return format!("{}/{} ", object.namespace, object.name);
    }
    let object = world.deployments.iter().find(|object| object.uid.as_str() == uid);
    object.map(|object| format!("{}/{} ", object.namespace, object.name)).unwrap_or_default()
}

/// One replica of a Kubernetes Deployment: a process and its successors.
struct Replica {
    number: u32,
    elects: bool,
    stage: Arc<Stage>,
    swarm: Arc<Swarm>,
}

impl Replica {
    /// Starts one process after another until the run is over; returns how many.
    async fn live(self, mut random: Rng, over: CancellationToken) -> u32 {
        let mut processes = 0;
        loop {
            let name = format!("pod-{}-{processes}", self.number);
            let adversary: Arc<dyn Adversary> = Arc::clone(&self.swarm) as Arc<dyn Adversary>;
            let skew = if self.swarm.clocks() { random.i64(-5_000..5_000) } else { 0 };
            let running = self.stage.launch(&name, &adversary, skew, self.elects);
            processes += 1;
            let ended = tokio::select! {
                () = over.cancelled() => None,
                ended = self.attend(running, &mut random) => Some(ended),
            };
            let Some(ended) = ended else { return processes };
            self.stage.journal.note(&name, ended);
            tokio::time::sleep(Duration::from_millis(random.u64(100..10_000))).await;
        }
    }

    /// Runs a process until it ends; returns why it did.
    async fn attend(&self, running: Running, random: &mut Rng) -> String {
        let begun = Instant::now();
        let Running { process, mut task, shutdown, .. } = running;
        let troubles = async {
            loop {
                tokio::time::sleep(Duration::from_secs(random.u64(20..400))).await;
                if self.swarm.is_over() {
                    std::future::pending::<()>().await;
                }
                let lasts = Duration::from_secs(random.u64(1..90));
                if self.swarm.cuts_off() && random.bool() {
                    self.stage.journal.note(process.name(), "is cut off");
                    process.cut_off();
                    self.swarm.note("cut-off");
                    tokio::time::sleep(lasts).await;
                    process.join();
                    self.stage.journal.note(process.name(), "is back");
                } else if self.swarm.clocks() {
                    process.move_clock(lasts, random.bool());
                    self.swarm.note("clocks");
                    let skew = process.skew();
                    self.stage.journal.note(process.name(), format!("clock ahead by {skew} ms"));
                }
            }
        };
        let ended = tokio::select! {
            () = process.died() => "was killed".to_owned(),
            ended = &mut task => self.ended_by_itself(process.name(), begun, ended),
            () = self.stage.are_outdated() => "is replaced".to_owned(),
            () = troubles => String::new(),
        };
        // It can no longer reach anything.
        process.kill();
        shutdown.cancel();
        ended
    }

    fn ended_by_itself(
        &self,
        name: &str,
        begun: Instant,
        ended: Result<anyhow::Result<()>, tokio::task::JoinError>,
    ) -> String {
        let text = match ended {
            Ok(Ok(())) => "ended without a word".to_owned(),
            Ok(Err(error)) => format!("ended: {error:#}"),
            Err(error) => format!("panicked: {error}"),
        };
        // It may if it was replaced, lost its Lease, or has tried long enough to start without its
        // database.
        let may = ["has taken over", "could not renew its Lease"];
        let was_patient = text.contains("the connection was cut") && begun.elapsed() >= PATIENCE;
        if may.iter().any(|reason| text.contains(reason)) {
            self.swarm.note("replicas");
        } else if !was_patient {
            self.stage.witness.violated("ALIVE", format!("{name} {text}"));
        }
        text
    }
}
