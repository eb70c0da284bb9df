//! The kinds of machines that the backend steps, a folder each, and everything that they have to be
//! registered for: no other file of the backend names them all.

mod conditions;
pub mod deployment;
pub mod managed_environment;
pub mod repository_credential;
pub mod stepping;
pub mod sync_run;
pub mod tenant;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crds::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment, GitOpsDeploymentRepositoryCredential,
    GitOpsDeploymentSyncRun,
};
use machines::identity::{DeploymentUid, Digest, Generation, TenantUid};
use machines::kinds::deployment::{Deployment, Snapshot};
use machines::kinds::managed_environment::{
    EnvironmentSnapshot, EnvironmentUid, ManagedEnvironment, recheck,
};
use machines::kinds::repository_credential::{
    CredentialSnapshot, CredentialUid, RepositoryCredential,
};
use machines::kinds::sync_run::{SyncRun, SyncRunSnapshot, SyncRunUid};
use machines::kinds::tenant::{Tenant, TenantFact};
use machines::rows::Requester;
use schema::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use schema::store::machine_rows::{IndexEntry, Which};
use schema::store::{Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::backend::effects::{Subject, SubjectOf};
use crate::backend::environment::Environment;
use crate::backend::index::NamespacePhase;
use crate::backend::index::objects::{AnyObjects, Objects, Place};
use crate::backend::index::secrets::{SecretType, ShownSecret};
use crate::backend::observations::{Item, Observations};
use crate::kubernetes::ApiError;
use crate::runtime::effects::{Outcome, Priority};
use deployment::effects::DeploymentEffect;
use deployment::step::DeploymentFollowUp;
use managed_environment::checks::ClusterCheck;
use managed_environment::removals::AccountRemoval;
use managed_environment::step::EnvironmentFollowUp;
use managed_environment::write::EnvironmentEffect;
use repository_credential::checks::RepositoryCheck;
use repository_credential::step::CredentialFollowUp;
use repository_credential::write::CredentialEffect;
use sync_run::step::SyncRunFollowUp;
use sync_run::write::SyncRunEffect;
use tenant::step::TenantFollowUp;

/// A machine of the backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A tenant.
    Tenant(TenantUid),
    /// A deployment.
    Deployment(DeploymentUid),
    /// A managed environment.
    Environment(EnvironmentUid),
    /// A repository credential.
    Credential(CredentialUid),
    /// A sync run.
    SyncRun(SyncRunUid),
}

impl Key {
    /// The machine that asks for an operation.
    pub fn of(requester: &Requester) -> Self {
        match requester {
            Requester::Deployment(uid) => Self::Deployment(uid.clone()),
            Requester::Environment(uid) => Self::Environment(uid.clone()),
            Requester::Credential(uid) => Self::Credential(uid.clone()),
            Requester::SyncRun(uid) => Self::SyncRun(uid.clone()),
        }
    }

    /// The kind of the object behind it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "Namespace",
            Self::Deployment(_) => "GitOpsDeployment",
            Self::Environment(_) => "GitOpsDeploymentManagedEnvironment",
            Self::Credential(_) => "GitOpsDeploymentRepositoryCredential",
            Self::SyncRun(_) => "GitOpsDeploymentSyncRun",
        }
    }

    /// The UID of the object behind it.
    pub fn uid(&self) -> &str {
        match self {
            Self::Tenant(uid) => uid.as_str(),
            Self::Deployment(uid) => uid.as_str(),
            Self::Environment(uid) => uid.as_str(),
            Self::Credential(uid) => uid.as_str(),
            Self::SyncRun(uid) => uid.as_str(),
        }
    }
}

/// The plurals of the custom resources that are watched, as their watches are named.
pub const WATCHED: [&str; 4] = [
    "gitopsdeployments",
    "gitopsdeploymentsyncruns",
    "gitopsdeploymentmanagedenvironments",
    "gitopsdeploymentrepositorycredentials",
];

/// Starts what follows the objects of each kind.
pub(super) fn watch(backend: &Arc<Backend>, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
    let backend = || Arc::clone(backend);
    let ended = || shutdown.clone();
    tasks.spawn(backend().watch_objects::<GitOpsDeployment>(ended()));
    tasks.spawn(backend().watch_objects::<GitOpsDeploymentSyncRun>(ended()));
    tasks.spawn(backend().watch_objects::<GitOpsDeploymentManagedEnvironment>(ended()));
    tasks.spawn(backend().watch_objects::<GitOpsDeploymentRepositoryCredential>(ended()));
}

/// What an object looks like to its machine.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectSnapshot {
    /// A GitOpsDeployment.
    Deployment(Box<Snapshot>),
    /// A GitOpsDeploymentManagedEnvironment.
    Environment(Box<EnvironmentSnapshot>),
    /// A GitOpsDeploymentRepositoryCredential.
    Credential(Box<CredentialSnapshot>),
    /// A GitOpsDeploymentSyncRun.
    SyncRun(Box<SyncRunSnapshot>),
}

impl ObjectSnapshot {
    /// Digests everything but the revision: two that differ only in that say the same.
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Deployment(snapshot) => deployment::observe::digest(snapshot),
            Self::Environment(snapshot) => managed_environment::observe::digest(snapshot),
            Self::Credential(snapshot) => repository_credential::observe::digest(snapshot),
            Self::SyncRun(snapshot) => sync_run::observe::digest(snapshot),
        }
    }

    /// If it is a GitOpsDeployment.
    pub fn deployment(&self) -> Option<&Snapshot> {
        match self {
            Self::Deployment(snapshot) => Some(snapshot),
            Self::Environment(_) | Self::Credential(_) | Self::SyncRun(_) => None,
        }
    }

    /// If it is a GitOpsDeploymentManagedEnvironment.
    pub fn environment(&self) -> Option<&EnvironmentSnapshot> {
        match self {
            Self::Environment(snapshot) => Some(snapshot),
            Self::Deployment(_) | Self::Credential(_) | Self::SyncRun(_) => None,
        }
    }

    /// If it is a GitOpsDeploymentRepositoryCredential.
    pub fn credential(&self) -> Option<&CredentialSnapshot> {
        match self {
            Self::Credential(snapshot) => Some(snapshot),
            Self::Deployment(_) | Self::Environment(_) | Self::SyncRun(_) => None,
        }
    }

    /// If it is a GitOpsDeploymentSyncRun.
    pub fn sync_run(&self) -> Option<&SyncRunSnapshot> {
        match self {
            Self::SyncRun(snapshot) => Some(snapshot),
            Self::Deployment(_) | Self::Environment(_) | Self::Credential(_) => None,
        }
    }
}

/// The objects of each kind.
#[derive(Debug, Default)]
pub struct ObjectsByKind {
    /// The GitOpsDeployments.
    pub(super) deployments: Objects<GitOpsDeployment>,
    /// The GitOpsDeploymentManagedEnvironments.
    pub(super) environments: Objects<GitOpsDeploymentManagedEnvironment>,
    /// The GitOpsDeploymentRepositoryCredentials.
    pub(super) credentials: Objects<GitOpsDeploymentRepositoryCredential>,
    /// The GitOpsDeploymentSyncRuns.
    pub(super) sync_runs: Objects<GitOpsDeploymentSyncRun>,
}

impl ObjectsByKind {
    /// All kinds.
    pub(super) fn all(&self) -> [&dyn AnyObjects; 4] {
        [&self.deployments, &self.environments, &self.credentials, &self.sync_runs]
    }

    /// All kinds.
    pub(super) fn all_mut(&mut self) -> [&mut dyn AnyObjects; 4] {
        [&mut self.deployments, &mut self.environments, &mut self.credentials, &mut self.sync_runs]
    }

    /// The objects of a machine's kind; a tenant has none.
    pub(super) fn of(&self, key: &Key) -> Option<&dyn AnyObjects> {
        match key {
            Key::Tenant(_) => None,
            Key::Deployment(_) => Some(&self.deployments),
            Key::Environment(_) => Some(&self.environments),
            Key::Credential(_) => Some(&self.credentials),
            Key::SyncRun(_) => Some(&self.sync_runs),
        }
    }

    /// The objects of a machine's kind; a tenant has none.
    pub(super) fn of_mut(&mut self, key: &Key) -> Option<&mut dyn AnyObjects> {
        match key {
            Key::Tenant(_) => None,
            Key::Deployment(_) => Some(&mut self.deployments),
            Key::Environment(_) => Some(&mut self.environments),
            Key::Credential(_) => Some(&mut self.credentials),
            Key::SyncRun(_) => Some(&mut self.sync_runs),
        }
    }

    /// The machines that look at another one, whose object is here.
    pub(super) fn dependents(&self, key: &Key, place: &Place) -> Vec<Key> {
        match key {
            Key::Deployment(_) => {
                let mut dependents = self.sync_runs.referring(place);
                let used = self.deployments.referred(key);
                dependents.extend(
                    used.into_iter().flat_map(|used| self.environments.awaiting_users(used)),
                );
                dependents
            }
            Key::Environment(_) => self.deployments.referring(place),
            Key::Tenant(_) | Key::Credential(_) | Key::SyncRun(_) => Vec::new(),
        }
    }

    /// The objects that refer to Secrets of a type.
    pub(super) fn users_of(&self, type_: SecretType) -> &dyn AnyObjects {
        match type_ {
            SecretType::RepositoryCredential => &self.credentials,
            SecretType::ManagedEnvironment => &self.environments,
        }
    }
}

/// Machines in the database, without their states.
pub(super) async fn machines(
    store: &Store,
    which: Which,
) -> Result<Vec<(Key, IndexEntry)>, StoreError> {
    let mut machines = Vec::new();
    for entry in store.index_of::<Tenant>(which).await? {
        machines.push((Key::Tenant(TenantUid::new(entry.key.clone())), entry));
    }
    for entry in store.index_of::<Deployment>(which).await? {
        machines.push((Key::Deployment(DeploymentUid::new(entry.key.clone())), entry));
    }
    for entry in store.index_of::<ManagedEnvironment>(which).await? {
        machines.push((Key::Environment(EnvironmentUid::new(entry.key.clone())), entry));
    }
    for entry in store.index_of::<RepositoryCredential>(which).await? {
        machines.push((Key::Credential(CredentialUid::new(entry.key.clone())), entry));
    }
    for entry in store.index_of::<SyncRun>(which).await? {
        machines.push((Key::SyncRun(SyncRunUid::new(entry.key.clone())), entry));
    }
    Ok(machines)
}

/// The objects that only an earlier installation has served, with their tenants. They may be gone.
pub(super) async fn adopted(store: &Store) -> Result<Vec<(Key, TenantUid, Place)>, StoreError> {
    let mut adopted = Vec::new();
    for one in store.adopted_environments().await? {
        let place = Place { namespace: one.namespace, name: one.name };
        adopted.push((Key::Environment(one.uid), one.tenant, place));
    }
    for one in store.adopted_credentials().await? {
        let place = Place { namespace: one.namespace, name: one.name };
        adopted.push((Key::Credential(one.uid), one.tenant, place));
    }
    Ok(adopted)
}

/// Which machines and facts a batch needs.
pub fn request(items: &[Item]) -> BackendRequest {
    let mut request = BackendRequest::default();
    for (key, observations) in items {
        match key {
            Key::Tenant(tenant) => request.tenants.push(tenant.clone()),
            Key::Deployment(uid) => deployment::step::request(uid, observations, &mut request),
            Key::Environment(uid) => {
                managed_environment::step::request(uid, observations, &mut request);
            }
            Key::Credential(uid) => {
                repository_credential::step::request(uid, observations, &mut request);
            }
            Key::SyncRun(uid) => sync_run::step::request(uid, observations, &mut request),
        }
    }
    request
}

/// The tenant that a machine needs, and its namespace; `None` if it needs none now.
pub(super) fn needed_tenant(
    loaded: &BackendLoaded,
    key: &Key,
    observations: &Observations,
    environment: &Environment,
) -> Option<(TenantUid, String)> {
    match key {
        // Its deployment does.
        Key::Tenant(_) | Key::SyncRun(_) => None,
        Key::Deployment(uid) => {
            deployment::step::needed_tenant(loaded, uid, observations, environment)
        }
        Key::Environment(uid) => {
            managed_environment::step::needed_tenant(loaded, uid, observations, environment)
        }
        Key::Credential(uid) => {
            repository_credential::step::needed_tenant(loaded, uid, observations, environment)
        }
    }
}

/// What follows from a batch once it is committed.
#[derive(Debug, Default)]
pub struct FollowUp {
    tenants: Vec<TenantFollowUp>,
    deployments: Vec<DeploymentFollowUp>,
    environments: Vec<EnvironmentFollowUp>,
    credentials: Vec<CredentialFollowUp>,
    sync_runs: Vec<SyncRunFollowUp>,
}

impl FollowUp {
    /// How many machines were stepped, without tenants.
    pub fn steps(&self) -> usize {
        let Self { tenants: _, deployments, environments, credentials, sync_runs } = self;
        deployments.len() + environments.len() + credentials.len() + sync_runs.len()
    }
}

/// What the watches have shown, as far as steps look at it.
pub struct Shown<'a> {
    /// What is known of the namespace of a tenant, which has this name.
    pub namespace_phase: &'a (dyn Fn(&TenantUid, &str) -> NamespacePhase + Sync),
    /// The generation of a deployment's object.
    pub generation: &'a (dyn Fn(&DeploymentUid) -> Option<Generation> + Sync),
    /// What is shown of a Secret of a type.
    pub secret: &'a (dyn Fn(SecretType, &Place) -> ShownSecret + Sync),
}

/// What the steps of kinds that refer to Secrets look at besides what was loaded.
pub struct Surroundings<'a> {
    /// The tenants, as the batch leaves them.
    pub tenants: &'a HashMap<TenantUid, TenantFact>,
    /// What the watch shows of a Secret of a type.
    pub secret: &'a dyn Fn(SecretType, &Place) -> ShownSecret,
}

/// Steps a batch: from what was loaded and observed to what to write and what follows. Pure.
///
/// The kinds keep an order: tenants first, because all look at them; environments before the
/// deployments that look at them; and sync runs last, because they look at deployments.
pub fn step(
    mut loaded: BackendLoaded,
    items: &[Item],
    shown: &Shown<'_>,
    environment: &Environment,
) -> (BackendChanges, FollowUp) {
    let Shown { namespace_phase, generation, secret } = shown;
    let (loaded, mut changes) = (&mut loaded, BackendChanges::default());
    let (facts, tenants) =
        tenant::step::step_all(loaded, items, namespace_phase, environment, &mut changes);
    let surroundings = Surroundings { tenants: &facts, secret };
    let environments = managed_environment::step::step_all(
        loaded,
        items,
        &surroundings,
        environment,
        &mut changes,
    );
    let deployments = deployment::step::step_all(loaded, items, &facts, environment, &mut changes);
    let credentials = repository_credential::step::step_all(
        loaded,
        items,
        &surroundings,
        environment,
        &mut changes,
    );
    let sync_runs = sync_run::step::step_all(loaded, items, generation, environment, &mut changes);
    (changes, FollowUp { tenants, deployments, environments, credentials, sync_runs })
}

/// What follows from a commit.
pub(super) async fn follow_up(backend: &Backend, follow_up: FollowUp, taken_at: Instant) {
    let FollowUp { tenants, deployments, environments, credentials, sync_runs } = follow_up;
    for tenant in tenants {
        backend.follow_up_tenant(&tenant);
    }
    // Before the deployments: from then on those that leave are told what becomes of their users.
    for environment in environments {
        backend.follow_up_environment(environment, taken_at);
    }
    backend.follow_up_deployments(deployments, taken_at).await;
    for credential in credentials {
        backend.follow_up_credential(credential, taken_at);
    }
    for run in sync_runs {
        backend.follow_up_sync_run(run, taken_at);
    }
}

/// One write to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectEffect {
    /// To a GitOpsDeployment.
    Deployment(DeploymentEffect),
    /// To a GitOpsDeploymentManagedEnvironment, or about one.
    Environment(EnvironmentEffect),
    /// To a GitOpsDeploymentRepositoryCredential.
    Credential(CredentialEffect),
    /// To a GitOpsDeploymentSyncRun.
    SyncRun(SyncRunEffect),
}

impl ObjectEffect {
    /// Which machine requires it, and what it is about.
    pub(super) fn key(&self) -> SubjectOf {
        match self {
            Self::Deployment(effect) => effect.key(),
            Self::Environment(effect) => effect.key(),
            Self::Credential(effect) => effect.key(),
            Self::SyncRun(effect) => effect.key(),
        }
    }

    /// How urgent it is.
    pub(super) fn priority(&self) -> Priority {
        match self.key().1 {
            Subject::Operation | Subject::Finalizer => Priority::High,
            Subject::Status | Subject::Event => Priority::Normal,
        }
    }

    /// Whether its answer is taken in.
    pub(super) fn is_answered(&self) -> bool {
        // The watch shows the others.
        matches!(self.key().1, Subject::Status | Subject::Event)
    }

    /// Carries it out.
    pub(super) async fn write(&self, backend: &Backend) -> Result<(), ApiError> {
        match self {
            Self::Deployment(effect) => backend.write_deployment(effect).await,
            Self::Environment(effect) => backend.write_environment(effect).await,
            Self::Credential(effect) => backend.write_credential(effect).await,
            Self::SyncRun(effect) => backend.write_sync_run(effect).await,
        }
    }

    /// What becomes of one that has failed.
    pub(super) fn failed(&self, backend: &Backend, error: &ApiError) -> Outcome {
        match self {
            Self::Deployment(effect) => backend.deployment_write_failed(effect, error),
            Self::Environment(_) | Self::Credential(_) | Self::SyncRun(_) => Outcome::Failed,
        }
    }
}

/// What is asked of a server that a tenant has chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Whether a cluster accepts credentials.
    Cluster(Box<ClusterCheck>),
    /// Whether a repository accepts a credential.
    Repository(RepositoryCheck),
    /// To remove something from a cluster.
    Removal(Box<AccountRemoval>),
}

impl Check {
    /// The machine that requires it.
    pub(super) fn machine(&self) -> Key {
        match self {
            Self::Cluster(check) => Key::Environment(check.uid.clone()),
            Self::Repository(check) => Key::Credential(check.uid.clone()),
            Self::Removal(removal) => Key::Environment(removal.uid.clone()),
        }
    }

    /// How urgent it is when its machine requires it.
    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Cluster(_) | Self::Repository(_) => Priority::High,
            Self::Removal(_) => Priority::Normal,
        }
    }

    /// The pause before it is repeated, after so many refusals in a row. If it `is_doubtful` whether the
    /// server accepts what it is shown, the pause is shorter.
    pub(super) fn pause(&self, refusals: u32, is_doubtful: bool) -> Duration {
        match self {
            Self::Cluster(check) => check.pause(refusals, is_doubtful),
            Self::Repository(check) => check.pause(refusals, is_doubtful),
            // It is never repeated like that: its machine requires it again.
            Self::Removal(_) => recheck::INTERVAL,
        }
    }

    /// Whether its server is trusted by what Argo CD trusts.
    pub(super) fn trusts_as_argo_cd(&self) -> bool {
        match self {
            Self::Repository(_) => true,
            Self::Cluster(_) | Self::Removal(_) => false,
        }
    }

    /// Carries it out; without an answer, says how it ended.
    pub(super) async fn carry_out(self, backend: &Backend) -> Result<Observations, Outcome> {
        match self {
            Self::Cluster(check) => backend.check_cluster(*check).await,
            Self::Repository(check) => backend.check_repository(check).await,
            Self::Removal(removal) => backend.remove_account(*removal).await,
        }
    }
}
