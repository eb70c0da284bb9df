//! The rows of sync runs.

use std::collections::{BTreeMap, BTreeSet};

use machines::identity::{OperationId, Timestamp};
use machines::kinds::sync_run::SyncRunUid;
use machines::kinds::sync_run::rows::{SyncOperationRow, SyncRunRows};
use machines::operation::sync::SyncOperationId;
use machines::operation::target::SYNC_OPERATION;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, LockType, OnConflict};
use sea_orm::{ActiveValue, ConnectionTrait};

use crate::entity::{api_cr_to_database_mapping as api_mapping, operation, sync_operation};
use crate::store::StoreError;
use crate::store::statements::{database_time, in_order, insert_missing};

/// `apicrtodatabasemapping.api_resource_type` of a sync run.
pub(super) const RUN: &str = "GitOpsDeploymentSyncRun";
/// The words of `syncoperation.desired_state`.
const RUNNING: &str = "Running";
const TERMINATED: &str = "Terminated";

/// What the runs of a batch change, by sync. Of several changes to one sync the last counts.
#[derive(Default)]
pub(in crate::store) struct Changes {
    put: BTreeMap<SyncOperationId, SyncOperationRow>,
    terminated: BTreeSet<SyncOperationId>,
    removed: BTreeMap<SyncOperationId, SyncRunUid>,
}

impl Changes {
    pub(in crate::store) fn add(&mut self, change: SyncRunRows) {
        match change {
            SyncRunRows::Put(row) => {
                self.removed.remove(&row.sync);
                self.put.insert(row.sync.clone(), *row);
            }
            SyncRunRows::Terminate(sync) => {
                self.terminated.insert(sync);
            }
            SyncRunRows::Remove { sync, run } => {
                self.put.remove(&sync);
                self.terminated.remove(&sync);
                self.removed.insert(sync, run);
            }
        }
    }
}

/// Writes them, once the applications of the batch exist.
pub(in crate::store) async fn write(
    tx: &impl ConnectionTrait,
    changes: Changes,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Changes { put, terminated, removed } = changes;
    if !put.is_empty() {
        insert(tx, put.into_values().collect(), now).await?;
    }
    if !terminated.is_empty() {
        let ids = terminated.iter().map(SyncOperationId::as_str);
        sync_operation::Entity::update_many()
            .col_expr(sync_operation::Column::DesiredState, Expr::value(TERMINATED))
            .filter(sync_operation::Column::SyncoperationId.is_in(ids))
            .exec(tx)
            .await?;
    }
    if !removed.is_empty() {
        let runs = removed.values().map(SyncRunUid::as_str);
        api_mapping::Entity::delete_many()
            .filter(api_mapping::Column::ApiResourceType.eq(RUN))
            .filter(api_mapping::Column::ApiResourceUid.is_in(runs))
            .exec(tx)
            .await?;
        let ids = removed.keys().map(SyncOperationId::as_str);
        sync_operation::Entity::delete_many()
            .filter(sync_operation::Column::SyncoperationId.is_in(ids))
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn insert(
    tx: &impl ConnectionTrait,
    rows: Vec<SyncOperationRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let syncs = rows.iter().map(|row| sync_operation::ActiveModel {
        syncoperation_id: ActiveValue::Set(row.sync.as_str().to_owned()),
        application_id: ActiveValue::Set(Some(row.application.as_str().to_owned())),
        deployment_name: ActiveValue::Set(row.deployment_name.clone()),
        revision: ActiveValue::Set(row.revision.clone()),
        desired_state: ActiveValue::Set(RUNNING.to_owned()),
        created_on: ActiveValue::Set(Some(database_time(now))),
    });
    let leave = OnConflict::column(sync_operation::Column::SyncoperationId).do_nothing().to_owned();
    sync_operation::Entity::insert_many(syncs)
        .on_conflict(leave)
        .exec_without_returning(tx)
        .await?;
    let mappings = rows.iter().map(|row| api_mapping::ActiveModel {
        api_resource_type: ActiveValue::Set(RUN.to_owned()),
        api_resource_uid: ActiveValue::Set(row.run.as_str().to_owned()),
        db_relation_type: ActiveValue::Set(SYNC_OPERATION.to_owned()),
        db_relation_key: ActiveValue::Set(row.sync.as_str().to_owned()),
        api_resource_name: ActiveValue::Set(row.name.clone()),
        api_resource_namespace: ActiveValue::Set(row.namespace.clone()),
        api_resource_namespace_uid: ActiveValue::Set(row.tenant.as_str().to_owned()),
    });
    insert_missing(tx, mappings).await
}

/// Writes what the agent says about operations, beside their states.
pub(in crate::store) async fn report_progress(
    tx: &impl ConnectionTrait,
    messages: BTreeMap<OperationId, String>,
) -> Result<(), StoreError> {
    use operation::{Column, Entity};
    let mut text = CaseStatement::new();
    for (id, message) in &messages {
        // PostgreSQL text cannot contain a NUL, and messages from elsewhere are repeated here.
        let message = message.replace('\0', "\u{fffd}");
        text = text.case(Column::OperationId.eq(id.as_str()), message);
    }
    let named =
        Entity::find().filter(Column::OperationId.is_in(messages.keys().map(OperationId::as_str)));
    Entity::update_many()
        .col_expr(Column::HumanReadableState, text.into())
        .filter(Column::OperationId.in_subquery(in_order(
            Column::OperationId,
            named,
            LockType::NoKeyUpdate,
        )))
        .exec(tx)
        .await?;
    Ok(())
}

/// The wanted state of a sync is its end.
pub(in crate::store) fn is_terminated(row: &sync_operation::Model) -> bool {
    row.desired_state == TERMINATED
}
