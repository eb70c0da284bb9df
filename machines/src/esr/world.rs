//! The world as plain data: what the Kubernetes API, the database and Argo CD say at one point in
//! time.
//!
//! Whatever checks a run against the specification (unit test, simulator, cluster test) fills this
//! in from what it can see. Times, revisions and everything else that the predicates must not
//! depend on are left out.

use crate::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, EnvironmentId, Generation, InstanceId,
    OperationId, TenantUid,
};
use crate::kinds::deployment::conditions::{Condition, ConditionStyle};
use crate::kinds::deployment::spec::DeploymentSpec;
use crate::kinds::managed_environment::spec::EnvironmentSpec;
use crate::kinds::managed_environment::verdict::Verdict as ClusterVerdict;
use crate::kinds::managed_environment::{ClusterCredentialsId, EnvironmentUid};
use crate::kinds::repository_credential::spec::CredentialSpec;
use crate::kinds::repository_credential::verdict::Verdict;
use crate::kinds::repository_credential::{CredentialId, CredentialUid};
use crate::kinds::sync_run::{SyncRunSpec, SyncRunUid};
use crate::operation::application::{ApplicationDocument, ApplicationSpec};
use crate::operation::sync::SyncOperationId;
use crate::rows::{OperationState, Requester, Target};

/// Everything that the specification is about, at one point in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// How the installation is set up.
    pub settings: Settings,
    /// The namespaces.
    pub namespaces: Vec<NamespaceObject>,
    /// The GitOpsDeployments, as the API shows them.
    pub deployments: Vec<DeploymentObject>,
    /// The GitOpsDeploymentSyncRuns, as the API shows them.
    pub sync_runs: Vec<SyncRunObject>,
    /// The GitOpsDeploymentManagedEnvironments, as the API shows them.
    pub environments: Vec<EnvironmentObject>,
    /// The GitOpsDeploymentRepositoryCredentials, as the API shows them.
    pub credentials: Vec<CredentialObject>,
    /// The rows of the database.
    pub database: Database,
    /// The resources in Argo CD's namespace.
    pub argocd: ArgoCd,
    /// What was made on the clusters of tenants, and is there.
    pub remote: Vec<RemoteEntry>,
    /// How much has ever been written.
    pub writes: Writes,
}

impl World {
    /// Which parts are the same in another world.
    pub(super) fn compare(&self, other: &Self) -> [(&'static str, bool); 9] {
        // `writes` are what explains a difference. A part that is forgotten here does not compile.
        let Self {
            settings,
            namespaces,
            deployments,
            sync_runs,
            environments,
            credentials,
            database,
            argocd,
            remote,
            writes: _,
        } = other;
        [
            ("the settings", self.settings == *settings),
            ("a namespace", self.namespaces == *namespaces),
            ("a deployment", self.deployments == *deployments),
            ("a sync run", self.sync_runs == *sync_runs),
            ("a managed environment", self.environments == *environments),
            ("a repository credential", self.credentials == *credentials),
            ("a row", self.database == *database),
            ("a resource of Argo CD", self.argocd == *argocd),
            ("a resource on a cluster", self.remote == *remote),
        ]
    }
}

/// How the installation is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// The Argo CD instance; `None` while its namespace does not exist.
    pub instance: Option<InstanceId>,
    /// Whether each tenant has an AppProject of its own.
    pub isolation: bool,
    /// Which conditions are written.
    pub conditions: ConditionStyle,
}

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceObject {
    /// `metadata.uid`.
    pub uid: TenantUid,
    /// `metadata.name`.
    pub name: String,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A GitOpsDeployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentObject {
    /// `metadata.uid`.
    pub uid: DeploymentUid,
    /// UID of its namespace.
    pub tenant: TenantUid,
    /// Name of its namespace.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.generation`.
    pub generation: Generation,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether our finalizer is on it.
    pub finalizer: bool,
    /// `spec`.
    pub spec: DeploymentSpec,
    /// `status`.
    pub status: DeploymentStatus,
}

/// The status of a GitOpsDeployment, without its times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// `status.observedGeneration`.
    pub observed_generation: Generation,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// What is mirrored from Argo CD.
    pub report: ArgoReport,
}

/// A GitOpsDeploymentSyncRun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRunObject {
    /// `metadata.uid`.
    pub uid: SyncRunUid,
    /// UID of its namespace.
    pub tenant: TenantUid,
    /// `metadata.name`.
    pub name: String,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec`.
    pub spec: SyncRunSpec,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// A GitOpsDeploymentRepositoryCredential, its Secret, and its repository's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialObject {
    /// `metadata.uid`.
    pub uid: CredentialUid,
    /// UID of its namespace.
    pub tenant: TenantUid,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.generation`.
    pub generation: Generation,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec`.
    pub spec: CredentialSpec,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// What a check finds of the Secret as it is, by the server as it is.
    pub verdict: Verdict,
    /// Digest of what Argo CD is told if the Secret as it is was accepted.
    pub content: Digest,
}

/// A GitOpsDeploymentManagedEnvironment, its Secret, and its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentObject {
    /// `metadata.uid`.
    pub uid: EnvironmentUid,
    /// UID of its namespace.
    pub tenant: TenantUid,
    /// Name of its namespace.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.generation`.
    pub generation: Generation,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec`.
    pub spec: EnvironmentSpec,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// What a check finds of the Secret as it is, by the cluster as it is.
    pub verdict: ClusterVerdict,
}

/// Something that was made on a tenant's cluster, and is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteEntry {
    /// For which environment.
    pub environment: EnvironmentUid,
    /// As people name it.
    pub object: String,
    /// Whether the token that Argo CD has depends on it.
    pub is_used: bool,
    /// Whether an Event has said that it may remain, or its namespace, where an Event would be, is gone.
    pub is_listed: bool,
}

/// Sync and health, as Argo CD reports them or as a status mirrors them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoReport {
    /// Sync status.
    pub sync: String,
    /// Health status.
    pub health: String,
}

/// The rows of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// The cluster users, one per tenant.
    pub users: Vec<UserEntry>,
    /// The applications.
    pub applications: Vec<ApplicationEntry>,
    /// The mappings between GitOpsDeployments and applications.
    pub mappings: Vec<MappingEntry>,
    /// The syncs of runs.
    pub syncs: Vec<SyncEntry>,
    /// The operations.
    pub operations: Vec<OperationEntry>,
    /// The repositories that the tenants' projects permit.
    pub repositories: Vec<RepositoryEntry>,
    /// The environments that are not a tenant's own namespace.
    pub environments: Vec<EnvironmentEntry>,
    /// Of which cluster credentials a row or a sealed value is left, but no environment.
    pub left_cluster_credentials: Vec<ClusterCredentialsId>,
    /// The repository credentials.
    pub credentials: Vec<CredentialEntry>,
    /// Of which credentials a mapping or a sealed value is left, but no row.
    pub left_credentials: Vec<CredentialId>,
}

/// A row of `clusteruser`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserEntry {
    /// Its key.
    pub id: ClusterUserId,
    /// The namespace's UID.
    pub tenant: TenantUid,
}

/// A row of `application`, with its owner and its deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationEntry {
    /// Its key.
    pub id: ApplicationId,
    /// The deployment that it represents.
    pub deployment: DeploymentUid,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// The wanted Application.
    pub document: ApplicationDocument,
}

/// A row of `deploymenttoapplicationmapping`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingEntry {
    /// The deployment.
    pub deployment: DeploymentUid,
    /// The application.
    pub application: ApplicationId,
    /// Name of the deployment.
    pub name: String,
    /// UID of its namespace.
    pub tenant: TenantUid,
}

/// A row of `syncoperation`, with the run that it is mapped to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncEntry {
    /// Its key.
    pub id: SyncOperationId,
    /// The run; `None` if no mapping names it.
    pub run: Option<SyncRunUid>,
    /// The application; `None` once it has been removed.
    pub application: Option<ApplicationId>,
}

/// A row of `operation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationEntry {
    /// Its key.
    pub id: OperationId,
    /// What it is about.
    pub target: Target,
    /// What asked for it; unknown for one of an earlier installation.
    pub requester: Option<Requester>,
    /// Its progress.
    pub state: OperationState,
}

/// A row of `appprojectrepository`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryEntry {
    /// The cluster user whose project permits it.
    pub owner: ClusterUserId,
    /// The repository's URL, normalised.
    pub repo_url: String,
    /// The URL as it is written.
    pub written: String,
}

/// A row of `repositorycredentials`, with what is sealed of it and the object that it is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialEntry {
    /// Its key.
    pub id: CredentialId,
    /// The object; `None` if no mapping names it.
    pub credential: Option<CredentialUid>,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// The repository's URL, as it is written.
    pub repository: String,
    /// Digest of what Argo CD is told; `None` if what is sealed does not open.
    pub content: Option<Digest>,
}

/// A row of `managedenvironment` with its credentials, what is sealed of them, and the object that it
/// is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentEntry {
    /// Its key.
    pub id: EnvironmentId,
    /// The object; `None` if no mapping names it.
    pub environment: Option<EnvironmentUid>,
    /// The cluster user whose AppProject permits it.
    pub owner: ClusterUserId,
    /// The URL of the cluster's API.
    pub api_url: String,
    /// The namespaces, joined.
    pub namespaces: String,
    /// Digest of what Argo CD is told; `None` if what is sealed does not open.
    pub content: Option<Digest>,
}

/// The resources in Argo CD's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoCd {
    /// The Applications.
    pub applications: Vec<ArgoApplication>,
    /// The AppProjects.
    pub projects: Vec<ArgoProject>,
    /// The cluster Secrets that are ours by their names.
    pub clusters: Vec<ArgoCluster>,
    /// The repository Secrets that are ours by their names.
    pub repositories: Vec<ArgoRepository>,
    /// The syncs of runs that Argo CD has ever begun, once for each time.
    pub begun: Vec<SyncOperationId>,
}

/// An Application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoApplication {
    /// Its name.
    pub name: String,
    /// Its label `databaseID`; empty if it has none.
    pub application: ApplicationId,
    /// The part of its spec that we own.
    pub spec: ApplicationSpec,
    /// What Argo CD reports on it.
    pub report: ArgoReport,
}

/// An AppProject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoProject {
    /// Its name.
    pub name: String,
    /// Its `spec.sourceRepos`.
    pub source_repos: Vec<String>,
    /// The names of the clusters in its `spec.destinations`.
    pub destinations: Vec<String>,
}

/// A repository Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoRepository {
    /// The row that it represents, by its name.
    pub row: CredentialId,
    /// Whether its labels make it a repository of Argo CD, and name that row.
    pub labelled: bool,
    /// The AppProject that may use it.
    pub project: Option<String>,
    /// Digest of everything else that it says.
    pub content: Digest,
}

/// A cluster Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoCluster {
    /// The row that it represents, by its name.
    pub row: EnvironmentId,
    /// Whether its labels make it a cluster of Argo CD, and name that row.
    pub labelled: bool,
    /// The AppProject that may use it.
    pub project: Option<String>,
    /// Digest of everything else that it says.
    pub content: Digest,
}

/// How much has ever been written; a write that was refused or changed nothing counts too, because
/// it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Mutating requests to the Kubernetes API, without those of Leases.
    pub api_requests: u64,
    /// Inserts, updates and deletes in the database, without the collection of retained rows.
    pub row_changes: u64,
}
