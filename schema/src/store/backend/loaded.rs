//! What a backend batch asks for, what was read for it, and what to write.

use std::collections::{BTreeSet, HashMap, HashSet};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, OperationId, TenantUid,
};
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::kinds::deployment::{Deployment, ExistingApplication, Namesake};
use machines::kinds::managed_environment::{EnvironmentUid, ManagedEnvironment, Usage};
use machines::kinds::repository_credential::{CredentialUid, RepositoryCredential};
use machines::kinds::sync_run::SyncRun;
use machines::kinds::tenant::Tenant;
use machines::rows::{OperationState, RowChange};

use crate::store::kinds::managed_environment::access::ClusterCredential;
use crate::store::kinds::managed_environment::adoption::AdoptedEnvironmentRow;
pub use crate::store::kinds::managed_environment::named::NamedEnvironments;
use crate::store::kinds::repository_credential::access::Credential;
use crate::store::kinds::repository_credential::adoption::ExistingRow;
pub use crate::store::kinds::sync_run::{LoadedSyncRuns, SyncRunRequest};
use crate::store::machine_rows::{Machines, Stepped};

/// Which machines a batch is about.
#[derive(Clone, Debug, Default)]
pub struct BackendRequest {
    /// Deployments whose objects were observed.
    pub observed: Vec<DeploymentName>,
    /// Deployments that something else concerns.
    pub poked: Vec<DeploymentUid>,
    /// Those of both that Argo CD reported on.
    pub reported: HashSet<DeploymentUid>,
    /// Tenants that something concerns.
    pub tenants: Vec<TenantUid>,
    /// Managed environments that something concerns.
    pub environments: Vec<EnvironmentUid>,
    /// Those of them whose clusters were asked. Only then does it matter whether what is sealed of
    /// them is still there.
    pub checked_environments: HashSet<EnvironmentUid>,
    /// Those of them whose objects are gone or going. Only then does it matter who uses them.
    pub leaving_environments: HashSet<EnvironmentUid>,
    /// The environments that the observed deployments name, as (tenant, name).
    pub named_environments: BTreeSet<(TenantUid, String)>,
    /// Repository credentials that something concerns.
    pub credentials: Vec<CredentialUid>,
    /// Those of them whose repositories were asked. Only then does it matter whether what is sealed of
    /// them is still there.
    pub checked: HashSet<CredentialUid>,
    /// Sync runs, and the deployments that they name.
    pub sync_runs: SyncRunRequest,
}

/// The identity of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeploymentName {
    /// The object's UID.
    pub uid: DeploymentUid,
    /// The namespace's UID.
    pub tenant: TenantUid,
    /// The object's name.
    pub name: String,
}

impl DeploymentName {
    pub(in crate::store) fn of(deployment: &Deployment) -> Self {
        let record = &deployment.record;
        Self { uid: record.uid.clone(), tenant: record.tenant.clone(), name: record.name.clone() }
    }
}

/// The deployments that use an environment, in the order of their UIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentUsers {
    /// Those whose application rows name it.
    pub served: Vec<DeploymentName>,
    /// Those that are being removed from it.
    pub removed: Vec<DeploymentName>,
}

impl EnvironmentUsers {
    /// The same, as its machine knows them.
    pub fn usage(&self) -> Usage {
        let names = |deployments: &[DeploymentName]| {
            deployments.iter().map(|deployment| deployment.name.clone()).collect()
        };
        Usage { served: names(&self.served), removed: names(&self.removed) }
    }
}

/// A batch as it was read.
#[derive(Debug, Default)]
pub struct BackendLoaded {
    /// The requested deployments, as far as they exist.
    pub deployments: Machines<Deployment>,
    /// Every machine with the observed names, including those requested.
    pub named: HashMap<(TenantUid, String), Vec<Namesake>>,
    /// The tenants of all of them, as far as they exist.
    pub tenants: Machines<Tenant>,
    /// The requested managed environments, as far as they exist.
    pub environments: Machines<ManagedEnvironment>,
    /// The rows that an earlier installation made for those that have none yet.
    pub adopted_environments: HashMap<EnvironmentUid, AdoptedEnvironmentRow>,
    /// The checked ones whose sealed values are gone.
    pub emptied_environments: HashSet<EnvironmentUid>,
    /// The deployments that use one that leaves.
    pub environment_users: HashMap<EnvironmentUid, EnvironmentUsers>,
    /// The environments that the deployments look at.
    pub named_environments: NamedEnvironments,
    /// The requested repository credentials, as far as they exist.
    pub credentials: Machines<RepositoryCredential>,
    /// The rows that an earlier installation made for those that have none yet.
    pub existing_credentials: HashMap<CredentialUid, ExistingRow>,
    /// The checked ones whose sealed values are gone.
    pub emptied_credentials: HashSet<CredentialUid>,
    /// Sync runs, and what they look at.
    pub sync_runs: LoadedSyncRuns,
    /// The state of each machine's open operation; no entry without a row.
    pub operations: HashMap<OperationId, OperationState>,
    /// What Argo CD says about the removals among them.
    pub removals: HashMap<OperationId, RemovalReport>,
    /// Argo CD's reports, in the database's form.
    pub reports: HashMap<DeploymentUid, Vec<u8>>,
    /// Applications that an earlier installation made for deployments that have none yet.
    pub existing_applications: HashMap<DeploymentUid, ExistingApplication>,
    /// Cluster users that it made for tenants that have no rows yet.
    pub existing_users: HashMap<TenantUid, ClusterUserId>,
    /// In-cluster environments that it made for them.
    pub existing_environments: HashMap<TenantUid, EnvironmentId>,
    /// How many machines of any kind the tenants whose namespace is gone have.
    pub children: HashMap<TenantUid, u64>,
}

/// What to write for a batch.
#[derive(Debug, Default)]
pub struct BackendChanges {
    /// The tenants that were stepped.
    pub tenants: Vec<Stepped<Tenant>>,
    /// The deployments that were stepped.
    pub deployments: Vec<Stepped<Deployment>>,
    /// The managed environments that were stepped.
    pub environments: Vec<Stepped<ManagedEnvironment>>,
    /// What is to be sealed with the rows of those that were accepted.
    pub accepted_environments: HashMap<EnvironmentUid, ClusterCredential>,
    /// The repository credentials that were stepped.
    pub credentials: Vec<Stepped<RepositoryCredential>>,
    /// What is to be sealed with the rows of those that were accepted.
    pub accepted: HashMap<CredentialUid, Credential>,
    /// The sync runs that were stepped.
    pub sync_runs: Vec<Stepped<SyncRun>>,
    /// Rows of the other tables, in the order of the steps.
    pub rows: Vec<RowChange>,
    /// The applications whose reports were taken in.
    pub read: Vec<ApplicationId>,
}

impl BackendLoaded {
    pub(in crate::store) fn note_names(&mut self, machines: &Machines<Deployment>) {
        for versioned in machines.known.values() {
            let record = &versioned.machine.record;
            let name = (record.tenant.clone(), record.name.clone());
            self.named.entry(name).or_default().push(Namesake::of(&versioned.machine));
        }
    }
}
