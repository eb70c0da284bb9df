//! What each kind of machine loads and changes: one folder each, and here the order in which a batch
//! goes through them.

pub(super) mod api_mappings;
pub(super) mod deployment;
pub(super) mod managed_environment;
pub(super) mod operation;
pub(super) mod permitted;
pub(super) mod repositories;
pub(super) mod repository_credential;
pub(super) mod sync_run;
pub(super) mod tenant;

use std::collections::{BTreeMap, HashMap};

use machines::identity::{ApplicationId, OperationId, Timestamp};
use machines::kinds::managed_environment::EnvironmentUid;
use machines::kinds::repository_credential::CredentialUid;
use machines::rows::{
    ApplicationKey, ApplicationRows, OperationRow, OperationState, RowChange, TenantRows,
};
use sea_orm::ConnectionTrait;

use crate::store::StoreError;
use crate::store::adoption::load_existing;
use crate::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use crate::store::machine_rows::Writes;
use crate::store::sealed;
use crate::store::sealed::unlock::Sealer;
use deployment::{Digests, applications};
use managed_environment::access::ClusterCredential;
use repositories::Repositories;
use repository_credential::access::Credential;

/// What follows when a process takes over the backend's role.
pub(super) async fn take_over(tx: &impl ConnectionTrait, now: Timestamp) -> Result<(), StoreError> {
    operation::rows::supersede_foreign(tx, now).await?;
    managed_environment::adoption::supersede(tx, now).await?;
    repository_credential::adoption::supersede(tx, now).await?;
    sync_run::adoption::supersede(tx, now).await
}

/// Loads what a batch of the backend needs.
pub(super) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
) -> Result<(BackendLoaded, Digests), StoreError> {
    let mut loaded = BackendLoaded::default();
    managed_environment::load(tx, request, &mut loaded).await?;
    deployment::load(tx, request, &mut loaded).await?;
    repository_credential::load(tx, request, &mut loaded).await?;
    tenant::load(tx, request, &mut loaded).await?;
    loaded.sync_runs = sync_run::load(tx, &request.sync_runs).await?;
    operation::load_open(tx, &mut loaded).await?;
    let digests = deployment::load_reports(tx, request, &mut loaded).await?;
    load_existing(tx, request, &mut loaded).await?;
    loaded.named_environments = managed_environment::named::load(tx, request, &loaded).await?;
    Ok((loaded, digests))
}

/// The machines of a batch of the backend, as they should be written.
pub(super) fn machines(changes: &BackendChanges, now: Timestamp) -> Result<Writes, StoreError> {
    let mut machines = Writes::default();
    machines.add(&changes.tenants, now)?;
    machines.add(&changes.environments, now)?;
    machines.add(&changes.deployments, now)?;
    machines.add(&changes.credentials, now)?;
    machines.add(&changes.sync_runs, now)?;
    Ok(machines)
}

/// The changes of a batch by what they are about. Of several changes to one thing the last counts:
/// they come in the order of the steps.
#[derive(Default)]
struct Changes {
    tenants: BTreeMap<String, TenantRows>,
    removed_tenants: Vec<TenantRows>,
    applications: BTreeMap<ApplicationId, ApplicationRows>,
    removed_applications: BTreeMap<ApplicationId, ApplicationKey>,
    operations: BTreeMap<OperationId, OperationRow>,
    operation_states: BTreeMap<OperationId, OperationState>,
    progress: BTreeMap<OperationId, String>,
    environments: managed_environment::rows::Changes,
    credentials: repository_credential::rows::Changes,
    sync_runs: sync_run::rows::Changes,
}

impl Changes {
    fn group(changes: Vec<RowChange>) -> Self {
        let mut grouped = Self::default();
        for change in changes {
            match change {
                RowChange::EnsureTenant(rows) => {
                    grouped.tenants.insert(rows.tenant.as_str().to_owned(), rows);
                }
                RowChange::RemoveTenant(rows) => grouped.removed_tenants.push(rows),
                RowChange::PutApplication(mut rows) => {
                    let id = rows.key.application.clone();
                    // What was to be removed in the same batch is still there.
                    rows.is_new &= grouped.removed_applications.remove(&id).is_none();
                    grouped.applications.insert(id, *rows);
                }
                RowChange::RemoveApplication(key) => {
                    grouped.applications.remove(&key.application);
                    grouped.removed_applications.insert(key.application.clone(), key);
                }
                RowChange::RequestOperation(row) => {
                    grouped.operations.insert(row.id.clone(), row);
                }
                RowChange::SetOperationState(id, state) => {
                    grouped.operation_states.insert(id, state);
                }
                RowChange::ReportProgress(id, message) => {
                    grouped.progress.insert(id, message);
                }
                RowChange::Environment(change) => grouped.environments.add(change),
                RowChange::Credential(change) => grouped.credentials.add(change),
                RowChange::SyncRun(change) => grouped.sync_runs.add(change),
            }
        }
        // Why an operation failed is the last that is said of it, whatever was reported before.
        let states = &grouped.operation_states;
        let has_failed =
            |id: &OperationId| matches!(states.get(id), Some(OperationState::Failed(_)));
        grouped.progress.retain(|id, _| !has_failed(id));
        grouped
    }

    /// The repositories that its deployments and credentials use.
    fn repositories(&self) -> Repositories {
        let of_application = |rows: &ApplicationRows| {
            (rows.key.user.as_str().to_owned(), rows.document.spec.source.repo_url.clone())
        };
        let mut repositories = self.credentials.repositories();
        repositories.extend(self.applications.values().map(of_application));
        repositories
    }
}

/// What is sealed with the rows of a batch.
pub(super) struct Texts<'a> {
    /// Of the repository credentials that were accepted.
    accepted: &'a HashMap<CredentialUid, Credential>,
    /// Of the managed environments that were accepted.
    accepted_environments: &'a HashMap<EnvironmentUid, ClusterCredential>,
    /// Whether there are keys to seal them with.
    has_keys: bool,
    /// Where they are sealed, at the end of the batch.
    sealed: &'a mut sealed::Changes,
}

/// What a batch writes besides its machines.
#[derive(Default)]
pub(super) struct Batch<'a> {
    /// Rows, in the order of the steps.
    pub(super) rows: Vec<RowChange>,
    /// What is to be sealed with the rows of credentials.
    pub(super) accepted: HashMap<CredentialUid, Credential>,
    /// What is to be sealed with the rows of managed environments.
    pub(super) accepted_environments: HashMap<EnvironmentUid, ClusterCredential>,
    /// What it is sealed with.
    pub(super) sealer: Option<&'a Sealer>,
    /// The applications whose reports were taken in.
    pub(super) read: Vec<ApplicationId>,
    /// The digests of the reports that the batch has read.
    pub(super) digests: Digests,
}

/// Writes a batch: a constant number of statements.
pub(super) async fn write(
    tx: &impl ConnectionTrait,
    batch: Batch<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Batch { rows, accepted, accepted_environments, sealer, read, digests } = batch;
    let mut sealed = sealed::Changes::default();
    if !rows.is_empty() {
        let texts = Texts {
            accepted: &accepted,
            accepted_environments: &accepted_environments,
            has_keys: sealer.is_some(),
            sealed: &mut sealed,
        };
        write_rows(tx, Changes::group(rows), texts, now).await?;
    }
    deployment::mark_read(tx, read, &digests).await?;
    sealed.write(tx, sealer.map(|sealer| &sealer.keyring)).await
}

/// Writes what the machines of a batch ask of the other tables, in the order that the foreign keys
/// require.
async fn write_rows(
    tx: &impl ConnectionTrait,
    changes: Changes,
    mut texts: Texts<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let used = changes.repositories();
    if !changes.tenants.is_empty() {
        tenant::rows::ensure(tx, changes.tenants.into_values().collect(), now).await?;
    }
    managed_environment::rows::put(tx, &changes.environments, &mut texts, now).await?;
    let mut given_up =
        repositories::given_up(tx, &changes.applications, &changes.removed_applications).await?;
    given_up.extend(repository_credential::rows::given_up(tx, &changes.credentials).await?);
    if !changes.applications.is_empty() {
        let rows: Vec<ApplicationRows> = changes.applications.into_values().collect();
        applications::put(tx, &rows, now).await?;
    }
    managed_environment::rows::detach(tx, &changes.environments).await?;
    repository_credential::rows::write(tx, changes.credentials, &mut texts, now).await?;
    repositories::register(tx, used, now).await?;
    let environments = tenant::rows::environments_of(tx, &changes.removed_tenants).await?;
    if !changes.removed_applications.is_empty() || !changes.removed_tenants.is_empty() {
        let ids = changes.removed_applications.into_keys().map(ApplicationId::into_string);
        let users = changes.removed_tenants.iter().map(|tenant| tenant.user.as_str());
        let ids = applications::lock(tx, ids.collect(), users.collect(), &environments).await?;
        if !ids.is_empty() {
            applications::remove(tx, &ids).await?;
        }
    }
    managed_environment::rows::remove(tx, changes.environments, texts.sealed).await?;
    repositories::release(tx, given_up).await?;
    sync_run::rows::write(tx, changes.sync_runs, now).await?;
    if !changes.operations.is_empty() {
        operation::rows::request(tx, changes.operations.into_values().collect(), now).await?;
    }
    if !changes.operation_states.is_empty() {
        operation::rows::set_states(tx, changes.operation_states, now).await?;
    }
    if !changes.progress.is_empty() {
        sync_run::rows::report_progress(tx, changes.progress).await?;
    }
    if !changes.removed_tenants.is_empty() {
        tenant::rows::remove(tx, &changes.removed_tenants, &environments, texts.sealed).await?;
    }
    Ok(())
}
