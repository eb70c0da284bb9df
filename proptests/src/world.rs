//! Tenants, deployments and operations around an in-memory database, Kubernetes API and Argo CD.
//!
//! The world is the specification's own [`esr::World`], plus the machines and what the API would
//! keep (revisions, Operation CRs). Every [`Move`] is one thing that could happen next: a user
//! acts, an observation arrives (late, twice or never), one effect is carried out, time passes.
//! [`Cluster::rest`] is the safety net: full rescans until nothing changes any more.

mod agent;
mod argo;
mod choices;
mod cluster_rows;
mod clusters;
mod database;
mod faults;
mod kinds;
mod moves;
mod normal;
mod objects;
mod remote;
mod repositories;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use machines::esr::{
    self, ApplicationEntry, ArgoApplication, ArgoProject, ArgoReport, CredentialObject,
    DeploymentObject, EnvironmentObject, MappingEntry, NamespaceObject, OperationEntry, Predicate,
    RepositoryEntry, Settings, SyncEntry, SyncRunObject, UserEntry, Violation, World,
};
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, Generation, InstanceId, OperationId,
    Revision, TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::{ConditionStyle, StatusView, compared_to_digest};
use machines::kinds::deployment::spec::{DeploymentSpec, normalise_repo_url};
use machines::kinds::deployment::{
    self, Deployment, Event, Facts, Namesake, Obligation, Report, Snapshot, TenantFact,
};
use machines::kinds::managed_environment::verdict::Verdict;
use machines::kinds::managed_environment::{
    EnvironmentObligation, EnvironmentSnapshot, EnvironmentUid, ManagedEnvironment,
};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::{
    CredentialId, CredentialObligation, CredentialSnapshot, CredentialUid, RepositoryCredential,
};
use machines::kinds::sync_run::{
    self, SyncRun, SyncRunObligation, SyncRunSnapshot, SyncRunSpec, SyncRunUid,
};
use machines::kinds::tenant::{Tenant, TenantEvent, TenantFacts, TenantState};
use machines::machine::Machine;
use machines::operation::application::{
    ApplicationDocument, IN_CLUSTER, cluster_name, project_name,
};
use machines::operation::sync::{SyncOperationId, SyncedApplication, SyncsSeen};
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationObligation, RowView, Wanted,
};
use machines::rows::{OperationState, Requester, RowChange, SyncRunRows, Target};
use machines::shared::repository_url::source_repo_pattern;

use crate::walk::{persist, resume};

use argo::{SentRequest, SyncRow};
use clusters::Clusters;
use objects::Object;
use repositories::Repositories;

pub use clusters::told_of_the_first_cluster;
pub use faults::Fault;
pub use moves::{Move, any_move, move_of_a_cluster, move_of_a_repository, move_of_the_program};
pub use repositories::told_of_the_first_repository;

/// The most rounds of rescans until nothing changes: the longest chain (a namespace is deleted
/// while its deployment waits for a predecessor that is still being dispatched) needs about twenty.
pub const ROUNDS_LIMIT: usize = 60;

/// How many specs there are.
pub const SPECS: u8 = 9;
/// How many specs of sync runs there are.
pub const RUN_SPECS: u8 = 4;
/// How many specs of repository credentials there are.
pub const CREDENTIAL_SPECS: u8 = 5;
/// How many specs of managed environments there are.
pub const ENVIRONMENT_SPECS: u8 = 8;

/// The moment at which everything starts.
const START_MILLIS: i64 = 1_000_000;
const NAMES: [&str; 2] = ["app", "web"];
const RUN_NAMES: [&str; 3] = ["first", "second", "third"];
const CREDENTIAL_NAMES: [&str; 2] = ["login", "backup"];
const ENVIRONMENT_NAMES: [&str; 2] = ["staging", "production"];
const NAMESPACES: [&str; 2] = ["team-a", "team-b"];

/// The world and the machines in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What exists.
    pub world: World,
    tenants: BTreeMap<TenantUid, Tenant>,
    deployments: BTreeMap<DeploymentUid, Deployment>,
    sync_runs: BTreeMap<SyncRunUid, SyncRun>,
    credentials: BTreeMap<CredentialUid, RepositoryCredential>,
    environments: BTreeMap<EnvironmentUid, ManagedEnvironment>,
    /// The runs whose machines had begun and are gone: the store knows them by their transitions.
    begun_runs: BTreeSet<SyncRunUid>,
    operations: BTreeMap<OperationId, Operation>,
    /// The Operation CRs.
    resources: BTreeSet<OperationId>,
    /// Every version of every deployment that ever existed.
    history: BTreeMap<DeploymentUid, Vec<Snapshot>>,
    /// Where a deployment was: tenant, namespace, name.
    places: BTreeMap<DeploymentUid, (TenantUid, String, String)>,
    /// The same of sync runs.
    run_history: BTreeMap<SyncRunUid, Vec<SyncRunSnapshot>>,
    run_places: BTreeMap<SyncRunUid, (TenantUid, String, String)>,
    /// The same of repository credentials.
    credential_history: BTreeMap<CredentialUid, Vec<CredentialSnapshot>>,
    credential_places: BTreeMap<CredentialUid, (TenantUid, String, String)>,
    /// The same of managed environments.
    environment_history: BTreeMap<EnvironmentUid, Vec<EnvironmentSnapshot>>,
    environment_places: BTreeMap<EnvironmentUid, (TenantUid, String, String)>,
    /// The runs that have another client's finalizer.
    kept: BTreeSet<SyncRunUid>,
    /// The credentials that have one.
    kept_credentials: BTreeSet<CredentialUid>,
    /// The environments that have one.
    kept_environments: BTreeSet<EnvironmentUid>,
    /// What the credentials are about.
    repositories: Repositories,
    /// What the environments are about.
    clusters: Clusters,
    /// What the rows of syncs say besides their keys.
    sync_rows: BTreeMap<SyncOperationId, SyncRow>,
    /// What the agent has reported on operations.
    messages: BTreeMap<OperationId, String>,
    /// What Argo CD's Applications say of syncs, by row.
    syncs: BTreeMap<ApplicationId, SyncsSeen>,
    /// What a digest in a status view refers to; it is in the database.
    reports: BTreeMap<Digest, ArgoReport>,
    /// What was required when the process died; whether it was done is unknown.
    underway: Option<Underway>,
    revision: Revision,
    now: Timestamp,
    /// How long each step of a deployment takes. Operations are named after a machine's time of
    /// creation, so it must not be zero unless their names are kept distinct in another way.
    pub step: Duration,
    /// Broken safety promises, with the move that broke them.
    pub broken: Vec<Violation>,
}

/// Something that a process was about to write when it died.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Underway {
    /// What a deployment required.
    Deployment(DeploymentUid, Obligation),
    /// What a sync run required.
    SyncRun(SyncRunUid, SyncRunObligation),
    /// What a repository credential required.
    Credential(CredentialUid, CredentialObligation),
    /// What a managed environment required.
    Environment(EnvironmentUid, EnvironmentObligation),
    /// The agent's request for a sync.
    Request(SentRequest),
}

/// Of the runs of a deployment, one at a time has its turn.
const ONE_TURN: Predicate = Predicate("SR-turn");

/// The spec of a number; 0 is invalid, 3 needs another repository, 4 writes the URL of the first
/// in another way, 5 and 6 are synced on request, and 7 and 8 deploy to an environment.
fn spec(number: u8) -> DeploymentSpec {
    let repo = match number {
        3 => "other.git",
        4 => "app",
        _ => "app.git",
    };
    let environment = match number {
        7 => Some(ENVIRONMENT_NAMES[0]),
        8 => Some(ENVIRONMENT_NAMES[1]),
        _ => None,
    };
    DeploymentSpec {
        repo_url: format!("https://example.com/team/{repo}"),
        path: if number == 0 { String::new() } else { format!("folder-{number}") },
        type_: if matches!(number, 5 | 6) { "manual" } else { "automated" }.to_owned(),
        environment: environment.map(str::to_owned).unwrap_or_default(),
        destination_namespace: environment.map(|_| "apps".to_owned()).unwrap_or_default(),
        ..DeploymentSpec::default()
    }
}

/// The spec of a sync run: of either deployment, and of two revisions; 3 cannot be one.
fn run_spec(number: u8) -> SyncRunSpec {
    let (name, revision) = match number {
        0 => ("app", ""),
        1 => ("app", "v1"),
        2 => ("web", ""),
        _ => ("app", "\n"),
    };
    SyncRunSpec { deployment_name: name.to_owned(), revision: revision.to_owned() }
}

fn pick<T: Clone>(items: impl IntoIterator<Item = T>, which: u8) -> Option<T> {
    let items: Vec<T> = items.into_iter().collect();
    let index = usize::from(which).checked_rem(items.len())?;
    items.get(index).cloned()
}

fn mirrored(report: &ArgoReport) -> Digest {
    match report {
        none if *none == ArgoReport::default() => Digest::default(),
        some => Digest::of(&(&some.sync, &some.health)),
    }
}

impl Default for Cluster {
    fn default() -> Self {
        let settings = Settings {
            argocd_namespace: "argocd".to_owned(),
            instance: Some(InstanceId::new("instance")),
            isolation: true,
            conditions: ConditionStyle::Conventional,
        };
        Self {
            world: World { settings, ..World::default() },
            tenants: BTreeMap::new(),
            deployments: BTreeMap::new(),
            sync_runs: BTreeMap::new(),
            credentials: BTreeMap::new(),
            environments: BTreeMap::new(),
            begun_runs: BTreeSet::new(),
            operations: BTreeMap::new(),
            resources: BTreeSet::new(),
            history: BTreeMap::new(),
            places: BTreeMap::new(),
            run_history: BTreeMap::new(),
            run_places: BTreeMap::new(),
            credential_history: BTreeMap::new(),
            credential_places: BTreeMap::new(),
            environment_history: BTreeMap::new(),
            environment_places: BTreeMap::new(),
            kept: BTreeSet::new(),
            kept_credentials: BTreeSet::new(),
            kept_environments: BTreeSet::new(),
            repositories: Repositories::default(),
            clusters: Clusters::default(),
            sync_rows: BTreeMap::new(),
            messages: BTreeMap::new(),
            syncs: BTreeMap::new(),
            reports: BTreeMap::new(),
            underway: None,
            revision: Revision(1),
            now: Timestamp::from_millis(START_MILLIS),
            step: Duration::from_millis(1),
            broken: Vec::new(),
        }
    }
}

impl Cluster {
    /// Performs one move, and checks what must hold between any two moments.
    pub fn take(&mut self, next: &Move) {
        let before = self.world.clone();
        self.happen(next);
        self.check_since(&before);
    }

    /// Checks what must hold between two moments.
    fn check_since(&mut self, before: &World) {
        for uid in self.places.keys() {
            self.broken.extend(deployment::esr::finalizer_kept(before, &self.world, uid).err());
        }
        let mut namesakes: BTreeMap<_, Vec<DeploymentUid>> = BTreeMap::new();
        for (uid, place) in &self.places {
            namesakes.entry(place).or_default().push(uid.clone());
        }
        for uids in namesakes.values() {
            self.broken.extend(deployment::esr::one_at_a_time(&self.world, uids).err());
        }
        self.broken.extend(sync_run::esr::at_most_once(&self.world).err());
        self.broken.extend(self.broken_by_credentials(before));
        self.broken.extend(self.broken_by_environments(before));
        self.check_turns();
    }

    /// Of the runs of a deployment, one at a time has its turn.
    fn check_turns(&mut self) {
        let mut turns = BTreeSet::new();
        for run in self.sync_runs.values().filter(|run| run.has_turn()) {
            let turn = (run.record.tenant.clone(), run.deployment_name().map(str::to_owned));
            if !turns.insert(turn) {
                self.broken.push(Violation {
                    predicate: ONE_TURN,
                    object: run.record.uid.to_string(),
                    difference: "another run has its turn, too".to_owned(),
                });
            }
        }
    }

    /// The state after a move; `None` if it changes nothing.
    pub fn after(&self, next: &Move) -> Option<Self> {
        let mut after = self.clone();
        after.happen(next);
        if after == *self {
            return None;
        }
        after.check_since(&self.world);
        Some(after)
    }

    fn happen(&mut self, next: &Move) {
        self.act(next);
        self.note_clusters();
    }

    fn act(&mut self, next: &Move) {
        let known = |which| pick(self.known_objects(), which);
        let existing = |which| pick(self.existing_objects(), which);
        let object = |which| pick(self.all_objects(), which);
        let operation = |which| pick(self.operations.keys().cloned(), which);
        match *next {
            Move::Create { namespace, name, spec, finalizer } => {
                self.create(namespace, name, spec, finalizer);
            }
            Move::CreateRun { namespace, name, spec, kept } => {
                self.create_run(namespace, name, spec, kept);
            }
            Move::CreateCredential { namespace, name, spec, kept } => {
                self.create_credential(namespace, name, spec, kept);
            }
            Move::CreateEnvironment { namespace, name, spec, kept } => {
                self.create_environment(namespace, name, spec, kept);
            }
            Move::Edit { which, spec } => {
                existing(which).iter().for_each(|one| self.edit_object(one, spec));
            }
            Move::Delete { which } => {
                existing(which).iter().for_each(|one| self.delete_object(one));
            }
            Move::DeleteNamespace { which } => self.delete_namespace(which),
            Move::ToggleEngine => self.toggle_engine(),
            Move::ToggleKeys => self.toggle_keys(),
            Move::PutSecret { namespace, name, content } => {
                self.put_secret(namespace, name, content);
            }
            Move::AnswerAs { repository, answer } => self.answer_as(repository, answer),
            Move::ClusterAnswersAs { cluster, answer } => self.cluster_answers_as(cluster, answer),
            Move::ForgetAccounts { cluster, is_all } => self.forget_accounts(cluster, is_all),
            Move::AskCluster { which } => {
                pick(self.asked_again(), which).iter().for_each(|uid| self.ask_cluster_again(uid));
            }
            Move::LearnOfCluster { which } => {
                let question = pick(self.answered_questions(), which);
                question.iter().for_each(|question| self.learn_of_cluster(question));
            }
            Move::LearnOfClusterLate { which } => {
                let overtaken = pick(self.overtaken_checks(), which);
                overtaken.iter().for_each(|uid| self.learn_of_cluster_late(uid));
            }
            Move::SpoilCluster { which, how } => self.spoil_cluster(which, how),
            Move::NoticeCluster { which } => {
                pick(self.spoiled_clusters(), which)
                    .iter()
                    .for_each(|row| self.notice_cluster(row));
            }
            Move::ShowSecret { which } => {
                pick(self.unshown_secrets(), which).iter().for_each(|one| self.show_secret(one));
            }
            Move::AskAgain { which } => {
                pick(self.rechecked(), which).iter().for_each(|uid| self.ask_again(uid));
            }
            Move::Learn { which } => {
                pick(self.answered(), which).iter().for_each(|uid| self.learn(uid));
            }
            Move::LearnLate { which } => {
                pick(self.overtaken(), which).iter().for_each(|uid| self.learn_late(uid));
            }
            Move::SpoilSecret { which, how } => self.spoil_secret(which, how),
            Move::NoticeSecret { which } => {
                pick(self.spoiled(), which).iter().for_each(|row| self.notice_secret(row));
            }
            Move::Observe { which } => {
                object(which).iter().for_each(|one| self.observe_object(one));
            }
            Move::ObserveStale { which, back } => {
                object(which).iter().for_each(|one| self.observe_stale_object(one, back));
            }
            Move::ObserveTenant { which } => {
                pick(self.all_tenants(), which).iter().for_each(|one| self.observe_tenant(one));
            }
            Move::Facts { which } => known(which).iter().for_each(|one| self.check_facts(one)),
            Move::ObserveOperation { which } => {
                known(which).iter().for_each(|one| self.observe_operation_of(one));
            }
            Move::Report { which } => {
                let uid = pick(self.deployments.keys().cloned(), which);
                uid.iter().for_each(|uid| self.report(uid));
            }
            Move::ObserveFormerOperation { which, failed } => {
                known(which).iter().for_each(|one| self.observe_former_operation(one, failed));
            }
            Move::Discharge { which, choice } => {
                known(which).iter().for_each(|one| self.discharge_for(one, choice));
            }
            Move::Crash { which } => self.crash(which),
            Move::Arrive => self.arrive(),
            Move::ClaimOperation { which } => {
                pick(self.known_operations(), which).iter().for_each(|id| self.observe_row(id));
            }
            Move::ObserveArgo { which } => {
                operation(which).iter().for_each(|id| self.observe_argo(id));
            }
            Move::DischargeOperation { which } => {
                operation(which).iter().for_each(|id| self.discharge_operation(id));
            }
            Move::Refuse { which } => {
                let refused = OperationEvent::Refused { text: "denied".to_owned() };
                operation(which).iter().for_each(|id| self.tell_operation(id, &refused));
            }
            Move::Sync { which } => self.sync(which),
            Move::RunSync { which, goes_well } => self.run_sync(which, goes_well),
            Move::RequestForeignSync { which } => self.request_foreign_sync(which),
            Move::CollectOperation { which } => self.collect_operation(which),
            Move::Wait { seconds } => {
                self.now = self.now.after(Duration::from_secs(seconds.into()));
                self.wake();
            }
            Move::Wake { which } => self.wake_one(which),
        }
    }

    /// The tenants of all objects that ever existed.
    fn all_tenants(&self) -> BTreeSet<TenantUid> {
        let places = self.places.values().chain(self.run_places.values());
        let places = places.chain(self.credential_places.values());
        let places = places.chain(self.environment_places.values());
        places.map(|place| place.0.clone()).collect()
    }

    /// Rescans everything and does all required work, round after round, until a round changes
    /// nothing. Returns the number of rounds, or `None` beyond [`ROUNDS_LIMIT`].
    pub fn rest(&mut self) -> Option<usize> {
        (1..=ROUNDS_LIMIT).find(|_| {
            let before = self.moment();
            self.round();
            before == self.moment()
        })
    }

    /// Everything that changes as long as anything does.
    fn moment(&self) -> impl PartialEq + use<> {
        (self.world.clone(), self.syncs.clone(), self.states(), self.verdicts(), self.ends_at())
    }

    /// What the servers of tenants have said. A machine may be in the same states before and after it
    /// learns something else.
    fn verdicts(&self) -> Vec<String> {
        let credentials = self.credentials.values();
        let credentials = credentials.map(|one| format!("{:?}", one.record.checked));
        let environments = self.environments.values();
        let environments = environments.map(|one| format!("{:?}", one.record.checked));
        credentials.chain(environments).collect()
    }

    /// One full rescan; afterwards every machine with an expired deadline is woken.
    pub fn round(&mut self) {
        for tenant in &self.all_tenants() {
            self.observe_tenant(tenant);
        }
        self.unshown_secrets().iter().for_each(|secret| self.show_secret(secret));
        for object in &self.all_objects() {
            self.observe_object(object);
            self.check_facts(object);
            self.observe_operation_of(object);
            match object {
                Object::Deployment(uid) => self.report(uid),
                Object::Credential(uid) => self.ask_for_news(uid),
                Object::Environment(uid) => self.ask_cluster_for_news(uid),
                Object::SyncRun(_) => {}
            }
            // More than any machine requires at once.
            (0..3).for_each(|_| self.discharge_for(object, 0));
        }
        self.answered().iter().for_each(|uid| self.learn(uid));
        for question in &self.answered_questions() {
            self.learn_of_cluster(question);
        }
        self.spoiled().iter().for_each(|row| self.notice_secret(row));
        self.spoiled_clusters().iter().for_each(|row| self.notice_cluster(row));
        for id in self.known_operations() {
            self.observe_row(&id);
            self.observe_argo(&id);
            self.discharge_operation(&id);
        }
        for which in 0..self.world.argocd.applications.len() {
            let which = u8::try_from(which).unwrap_or(u8::MAX);
            self.sync(which);
            // What is requested is taken up, ends and is compared.
            (0..3).for_each(|_| self.run_sync(which, true));
        }
        let known = self.known_objects();
        let moments = known.iter().filter_map(|object| self.wake_at(object));
        let moments = moments.chain(self.operations.values().filter_map(Operation::wake_at));
        if let Some(first) = moments.min() {
            self.now = self.now.max(first);
            self.wake();
        }
        self.note_clusters();
    }

    /// The present, if something is under way that ends by itself, however often the same is tried
    /// until then.
    fn ends_at(&self) -> Option<Timestamp> {
        let mut all = self.environments.values();
        all.any(environment_ends).then_some(self.now)
    }

    /// The state of each machine.
    pub fn states(&self) -> Vec<String> {
        let states =
            |one: &Deployment| format!("{} {} {}", one.record.uid, one.path(), one.mirror.path());
        let deployments = self.deployments.values().map(states);
        let run =
            |one: &SyncRun| format!("{} {} {}", one.record.uid, one.path(), one.mirror.path());
        let deployments = deployments.chain(self.sync_runs.values().map(run));
        let deployments = deployments.chain(self.credentials.values().map(credential_state));
        let deployments = deployments.chain(self.environments.values().map(environment_state));
        let operations = self.operations.values().map(|one| one.path().to_owned());
        let tenants = self.tenants.values().map(|one| one.path().to_owned());
        deployments.chain(operations).chain(tenants).collect()
    }

    /// How many machines exist; at rest, none whose object is gone.
    pub fn machines(&self) -> (usize, usize, usize) {
        (self.tenants.len(), self.deployments.len(), self.operations.len())
    }

    /// How many machines of sync runs exist; at rest, none whose object is gone or going.
    pub fn sync_runs(&self) -> usize {
        self.sync_runs.len()
    }

    /// How many machines of repository credentials exist; at rest, none whose object is gone or
    /// going.
    pub fn credentials(&self) -> usize {
        self.credentials.len()
    }

    /// How many machines of managed environments exist; at rest, none whose object is gone or going.
    pub fn environments(&self) -> usize {
        self.environments.len()
    }

    /// There are keys to seal credentials with, and Argo CD is there.
    pub fn restore(&mut self) {
        self.world.settings.instance = Some(InstanceId::new("instance"));
        self.repositories.has_keys = true;
    }
}

/// The states of a repository credential.
fn credential_state(one: &RepositoryCredential) -> String {
    let (path, delivery, mirror) = (one.path(), one.delivery.path(), one.mirror.path());
    format!("{} {path} {delivery} {mirror}", one.record.uid)
}

/// The states of a managed environment.
fn environment_state(one: &ManagedEnvironment) -> String {
    let (path, delivery, mirror) = (one.path(), one.delivery.path(), one.mirror.path());
    format!("{} {path} {delivery} {} {mirror}", one.record.uid, one.revocation.path())
}

/// Whether a managed environment waits for the end of something that it tries for a limited time.
fn environment_ends(one: &ManagedEnvironment) -> bool {
    !one.revocation.is_idle() || one.needs_usage()
}
