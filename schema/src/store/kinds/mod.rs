//! What each kind of machine loads and changes: one folder each, and here the order in which a batch
//! goes through them.

pub(super) mod deployment;
pub(super) mod operation;
pub(super) mod repository_credential;
pub(super) mod sync_run;
pub(super) mod tenant;

use std::collections::BTreeMap;

use machines::identity::{ApplicationId, OperationId, Timestamp};
use machines::rows::{
    ApplicationKey, ApplicationRows, OperationRow, OperationState, RowChange, TenantRows,
};
use sea_orm::ConnectionTrait;

use crate::store::StoreError;
use crate::store::adoption::load_existing;
use crate::store::backend::{BackendChanges, BackendLoaded, BackendRequest};
use crate::store::machine_rows::Writes;
use deployment::{Digests, applications, repositories};

/// What follows when a process takes over the backend's role.
pub(super) async fn take_over(tx: &impl ConnectionTrait, now: Timestamp) -> Result<(), StoreError> {
    operation::rows::supersede_foreign(tx, now).await?;
    sync_run::adoption::supersede(tx, now).await
}

/// Loads what a batch of the backend needs.
pub(super) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
) -> Result<(BackendLoaded, Digests), StoreError> {
    let mut loaded = BackendLoaded::default();
    deployment::load(tx, request, &mut loaded).await?;
    tenant::load(tx, request, &mut loaded).await?;
    loaded.sync_runs = sync_run::load(tx, &request.sync_runs).await?;
    operation::load_open(tx, &mut loaded).await?;
    let digests = deployment::load_reports(tx, request, &mut loaded).await?;
    load_existing(tx, request, &mut loaded).await?;
    Ok((loaded, digests))
}

/// The machines of a batch of the backend, as they should be written.
pub(super) fn machines(changes: &BackendChanges, now: Timestamp) -> Result<Writes, StoreError> {
    let mut machines = Writes::default();
    machines.add(&changes.tenants, now)?;
    machines.add(&changes.deployments, now)?;
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
    sync_runs: sync_run::rows::Changes,
}

impl Changes {
    fn group(changes: Vec<RowChange>) -> Result<Self, StoreError> {
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
                // No machine of the kind is stepped yet.
                RowChange::Credential(_) => {
                    return Err(StoreError::Value {
                        what: "a repository credential".to_owned(),
                        why: "this version serves none".to_owned(),
                    });
                }
                RowChange::SyncRun(change) => grouped.sync_runs.add(change),
            }
        }
        // Why an operation failed is the last that is said of it, whatever was reported before.
        let states = &grouped.operation_states;
        let has_failed =
            |id: &OperationId| matches!(states.get(id), Some(OperationState::Failed(_)));
        grouped.progress.retain(|id, _| !has_failed(id));
        Ok(grouped)
    }
}

/// Writes what the machines of a batch ask of the other tables: a constant number of statements, in
/// the order that the foreign keys require.
pub(super) async fn write(
    tx: &impl ConnectionTrait,
    changes: Vec<RowChange>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let changes = Changes::group(changes)?;
    if !changes.tenants.is_empty() {
        tenant::rows::ensure(tx, changes.tenants.into_values().collect(), now).await?;
    }
    let before =
        repositories::in_use(tx, &changes.applications, &changes.removed_applications).await?;
    if !changes.applications.is_empty() {
        let rows: Vec<ApplicationRows> = changes.applications.into_values().collect();
        applications::put(tx, &rows, now).await?;
        repositories::register(tx, &rows, now).await?;
    }
    let environments = tenant::rows::environments_of(tx, &changes.removed_tenants).await?;
    if !changes.removed_applications.is_empty() || !changes.removed_tenants.is_empty() {
        let ids = changes.removed_applications.into_keys().map(ApplicationId::into_string);
        let users = changes.removed_tenants.iter().map(|tenant| tenant.user.as_str());
        let ids = applications::lock(tx, ids.collect(), users.collect(), &environments).await?;
        if !ids.is_empty() {
            applications::remove(tx, &ids).await?;
        }
    }
    repositories::release(tx, before).await?;
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
        tenant::rows::remove(tx, &changes.removed_tenants, &environments).await?;
    }
    Ok(())
}
