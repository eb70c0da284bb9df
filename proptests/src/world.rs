//! Tenants, deployments and operations around an in-memory database, Kubernetes API and Argo CD.
//!
//! The world is the specification's own [`esr::World`], plus the machines and what the API would
//! keep (revisions, Operation CRs). Every [`Move`] is one thing that could happen next: a user
//! acts, an observation arrives (late, twice or never), one effect is carried out, time passes.
//! [`Cluster::rest`] is the safety net: full rescans until nothing changes any more.

mod agent;
mod choices;
mod database;
mod faults;
mod kinds;
mod moves;
mod normal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use machines::esr::{
    self, ApplicationEntry, ArgoApplication, ArgoProject, ArgoReport, DeploymentObject,
    MappingEntry, NamespaceObject, OperationEntry, RepositoryEntry, Settings, UserEntry, Violation,
    World,
};
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, Generation, InstanceId, OperationId,
    Revision, TenantUid, Timestamp,
};
use machines::kinds::deployment::conditions::{ConditionStyle, StatusView, compared_to_digest};
use machines::kinds::deployment::spec::{DeploymentSpec, normalise_repo_url};
use machines::kinds::deployment::{
    Deployment, Event, Facts, Namesake, Obligation, Report, Snapshot, TenantFact,
};
use machines::kinds::tenant::{Tenant, TenantEvent, TenantFacts, TenantState};
use machines::machine::Machine;
use machines::operation::application::{ApplicationDocument, project_name};
use machines::operation::{
    ApplicationView, ArgoView, Operation, OperationEvent, OperationObligation, RowView, Wanted,
};
use machines::rows::{OperationState, Requester, RowChange, Target};
use machines::shared::repository_url::source_repo_pattern;

use crate::walk::{persist, resume};

pub use faults::Fault;
pub use moves::{Move, any_move};

/// The most rounds of rescans until nothing changes: the longest chain (a namespace is deleted
/// while its deployment waits for a predecessor that is still being dispatched) needs about twenty.
pub const ROUNDS_LIMIT: usize = 60;

/// How many specs there are.
pub const SPECS: u8 = 5;

/// The moment at which everything starts.
const START_MILLIS: i64 = 1_000_000;
const STYLE: ConditionStyle = ConditionStyle::Conventional;
const NAMES: [&str; 2] = ["app", "web"];
const NAMESPACES: [&str; 2] = ["team-a", "team-b"];

/// The world and the machines in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// What exists.
    pub world: World,
    tenants: BTreeMap<TenantUid, Tenant>,
    deployments: BTreeMap<DeploymentUid, Deployment>,
    operations: BTreeMap<OperationId, Operation>,
    /// The Operation CRs.
    resources: BTreeSet<OperationId>,
    /// Every version of every deployment that ever existed.
    history: BTreeMap<DeploymentUid, Vec<Snapshot>>,
    /// Where a deployment was: tenant, namespace, name.
    places: BTreeMap<DeploymentUid, (TenantUid, String, String)>,
    /// What a digest in a status view refers to; it is in the database.
    reports: BTreeMap<Digest, ArgoReport>,
    /// What a deployment required when the process died; whether it was done is unknown.
    underway: Option<(DeploymentUid, Obligation)>,
    revision: Revision,
    now: Timestamp,
    /// How long each step of a deployment takes. Operations are named after a machine's time of
    /// creation, so it must not be zero unless their names are kept distinct in another way.
    pub step: Duration,
    /// Broken safety promises, with the move that broke them.
    pub broken: Vec<Violation>,
}

/// The spec of a number; 0 is invalid, 3 needs another repository, 4 writes the URL of the first
/// in another way.
fn spec(number: u8) -> DeploymentSpec {
    let repo = match number {
        3 => "other.git",
        4 => "app",
        _ => "app.git",
    };
    DeploymentSpec {
        repo_url: format!("https://example.com/team/{repo}"),
        path: if number == 0 { String::new() } else { format!("folder-{number}") },
        type_: "automated".to_owned(),
        ..DeploymentSpec::default()
    }
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
            conditions: STYLE,
        };
        Self {
            world: World { settings, ..World::default() },
            tenants: BTreeMap::new(),
            deployments: BTreeMap::new(),
            operations: BTreeMap::new(),
            resources: BTreeSet::new(),
            history: BTreeMap::new(),
            places: BTreeMap::new(),
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
            self.broken.extend(esr::finalizer_kept(before, &self.world, uid).err());
        }
        let mut namesakes: BTreeMap<_, Vec<DeploymentUid>> = BTreeMap::new();
        for (uid, place) in &self.places {
            namesakes.entry(place).or_default().push(uid.clone());
        }
        for uids in namesakes.values() {
            self.broken.extend(esr::one_at_a_time(&self.world, uids).err());
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
        let uid = |which| pick(self.deployments.keys().cloned(), which);
        let operation = |which| pick(self.operations.keys().cloned(), which);
        match *next {
            Move::Create { namespace, name, spec, finalizer } => {
                self.create(namespace, name, spec, finalizer);
            }
            Move::Edit { which, spec } => self.edit(which, spec),
            Move::Delete { which } => {
                let uids = self.world.deployments.iter().map(|object| object.uid.clone());
                pick(uids, which).into_iter().for_each(|uid| self.delete(&uid));
            }
            Move::DeleteNamespace { which } => self.delete_namespace(which),
            Move::ToggleEngine => {
                let there = self.world.settings.instance.is_some();
                self.world.settings.instance = (!there).then(|| InstanceId::new("instance"));
            }
            Move::Observe { which } => {
                pick(self.places.keys().cloned(), which).iter().for_each(|uid| self.observe(uid));
            }
            Move::ObserveStale { which, back } => {
                pick(self.places.keys().cloned(), which)
                    .iter()
                    .for_each(|uid| self.observe_stale(uid, back));
            }
            Move::ObserveTenant { which } => {
                let tenants: BTreeSet<TenantUid> =
                    self.places.values().map(|place| place.0.clone()).collect();
                pick(tenants, which).iter().for_each(|tenant| self.observe_tenant(tenant));
            }
            Move::Facts { which } => {
                uid(which).iter().for_each(|uid| self.tell(uid, &Event::FactsChanged));
            }
            Move::ObserveOperation { which } => {
                uid(which).iter().for_each(|uid| self.observe_operation(uid));
            }
            Move::Report { which } => uid(which).iter().for_each(|uid| self.report(uid)),
            Move::ObserveFormerOperation { which, failed } => {
                uid(which).iter().for_each(|uid| self.observe_former_operation(uid, failed));
            }
            Move::Discharge { which, choice } => {
                uid(which).iter().for_each(|uid| self.discharge(uid, choice));
            }
            Move::Crash { which } => self.crash(which),
            Move::Arrive => self.arrive(),
            Move::ClaimOperation { which } => {
                let known = self.known_operations();
                pick(known, which).iter().for_each(|id| self.observe_row(id));
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
            Move::CollectOperation { which } => self.collect_operation(which),
            Move::Wait { seconds } => {
                self.now = self.now.after(Duration::from_secs(seconds.into()));
                self.wake();
            }
            Move::Wake { which } => self.wake_one(which),
        }
    }

    /// Rescans everything and does all required work, round after round, until a round changes
    /// nothing. Returns the number of rounds, or `None` beyond [`ROUNDS_LIMIT`].
    pub fn rest(&mut self) -> Option<usize> {
        (1..=ROUNDS_LIMIT).find(|_| {
            let before = (self.world.clone(), self.states());
            self.round();
            before == (self.world.clone(), self.states())
        })
    }

    /// One full rescan; afterwards every machine with an expired deadline is woken.
    pub fn round(&mut self) {
        let tenants: BTreeSet<TenantUid> =
            self.places.values().map(|place| place.0.clone()).collect();
        let uids: Vec<DeploymentUid> = self.places.keys().cloned().collect();
        for tenant in &tenants {
            self.observe_tenant(tenant);
        }
        for uid in &uids {
            self.observe(uid);
            self.tell(uid, &Event::FactsChanged);
            self.observe_operation(uid);
            self.report(uid);
            // More than any machine requires at once.
            (0..3).for_each(|_| self.discharge(uid, 0));
        }
        for id in self.known_operations() {
            self.observe_row(&id);
            self.observe_argo(&id);
            self.discharge_operation(&id);
        }
        for which in 0..self.world.argocd.applications.len() {
            self.sync(u8::try_from(which).unwrap_or(u8::MAX));
        }
        let moments = self.deployments.values().filter_map(Deployment::wake_at);
        let moments = moments.chain(self.operations.values().filter_map(Operation::wake_at));
        if let Some(first) = moments.min() {
            self.now = self.now.max(first);
            self.wake();
        }
    }

    /// The state of each machine.
    pub fn states(&self) -> Vec<String> {
        let states = |one: &Deployment| format!("{} {}", one.path(), one.mirror.path());
        let deployments = self.deployments.values().map(states);
        let operations = self.operations.values().map(|one| one.path().to_owned());
        let tenants = self.tenants.values().map(|one| one.path().to_owned());
        deployments.chain(operations).chain(tenants).collect()
    }

    /// How many machines exist; at rest, none whose object is gone.
    pub fn machines(&self) -> (usize, usize, usize) {
        (self.tenants.len(), self.deployments.len(), self.operations.len())
    }

    // === the users and the Kubernetes API ===

    fn create(&mut self, namespace: u8, name: u8, number: u8, finalizer: bool) {
        let namespace = NAMESPACES[usize::from(namespace) % NAMESPACES.len()];
        let name = NAMES[usize::from(name) % NAMES.len()];
        let taken = |one: &DeploymentObject| one.namespace == namespace && one.name == name;
        if self.world.deployments.iter().any(taken) {
            return;
        }
        self.revision.0 += 1;
        let existing = self.world.namespaces.iter().find(|one| one.name == namespace);
        if existing.is_some_and(|one| one.terminating) {
            return;
        }
        let number_of_object = self.places.len() + 1;
        let tenant = existing.map_or_else(
            || TenantUid::new(format!("{namespace}-{number_of_object}")),
            |one| one.uid.clone(),
        );
        if existing.is_none() {
            self.world.namespaces.push(NamespaceObject {
                uid: tenant.clone(),
                name: namespace.to_owned(),
                terminating: false,
            });
        }
        let uid = DeploymentUid::new(format!("uid-{number_of_object:04}"));
        let place = (tenant.clone(), namespace.to_owned(), name.to_owned());
        self.places.insert(uid.clone(), place);
        self.world.deployments.push(DeploymentObject {
            uid: uid.clone(),
            tenant,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            generation: Generation(1),
            finalizer,
            spec: spec(number),
            ..DeploymentObject::default()
        });
        self.remember(&uid);
    }

    fn object(&mut self, uid: &DeploymentUid) -> Option<&mut DeploymentObject> {
        self.world.deployments.iter_mut().find(|object| object.uid == *uid)
    }

    /// Gives the object a new revision and records this version.
    fn remember(&mut self, uid: &DeploymentUid) {
        self.revision.0 += 1;
        let revision = self.revision;
        let Some(object) = self.object(uid) else {
            return;
        };
        let snapshot = Snapshot {
            revision,
            generation: object.generation,
            deleting: object.deleting,
            finalizer: object.finalizer,
            spec: object.spec.clone(),
            observed_generation: object.status.observed_generation,
            conditions: object.status.conditions.clone(),
            mirrored: mirrored(&object.status.report),
        };
        self.history.entry(uid.clone()).or_default().push(snapshot);
    }

    fn edit(&mut self, which: u8, number: u8) {
        let uids = self.world.deployments.iter().map(|object| object.uid.clone());
        let Some(uid) = pick(uids, which) else { return };
        let Some(object) = self.object(&uid) else {
            return;
        };
        if object.spec != spec(number) {
            object.spec = spec(number);
            object.generation.0 += 1;
            self.remember(&uid);
        }
    }

    fn delete(&mut self, uid: &DeploymentUid) {
        let Some(object) = self.object(uid) else {
            return;
        };
        if object.finalizer && !object.deleting {
            object.deleting = true;
            object.generation.0 += 1;
            self.remember(uid);
        } else if !object.finalizer {
            self.revision.0 += 1;
            self.world.deployments.retain(|object| object.uid != *uid);
            self.collect_namespaces();
        }
    }

    fn delete_namespace(&mut self, which: u8) {
        let Some(tenant) = pick(self.world.namespaces.iter().map(|one| one.uid.clone()), which)
        else {
            return;
        };
        let spaces = self.world.namespaces.iter_mut();
        spaces.filter(|one| one.uid == tenant).for_each(|one| one.terminating = true);
        let inside = self.world.deployments.iter().filter(|one| one.tenant == tenant);
        for uid in inside.map(|one| one.uid.clone()).collect::<Vec<_>>() {
            self.delete(&uid);
        }
        self.collect_namespaces();
    }

    /// A terminating namespace is removed with the last object in it.
    fn collect_namespaces(&mut self) {
        let deployments = &self.world.deployments;
        let used = |space: &NamespaceObject| deployments.iter().any(|one| one.tenant == space.uid);
        self.world.namespaces.retain(|space| !space.terminating || used(space));
    }

    // === the backend ===
}
