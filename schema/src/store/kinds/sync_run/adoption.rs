//! Sync runs of an earlier installation, which a batch may take over.

use std::collections::{HashMap, HashSet};

use machines::identity::{ApplicationId, ClusterUserId, InstanceId, Timestamp};
use machines::kinds::sync_run::SyncRunUid;
use machines::kinds::sync_run::facts::{ExistingSync, SettledApplication};
use machines::operation::sync::SyncOperationId;
use machines::operation::target::SYNC_OPERATION;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, QuerySelect};

use super::rows::RUN;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, application, application_owner,
    operation as operation_row, sync_operation,
};
use crate::store::StoreError;
use crate::store::kinds::operation;

/// The rows of these runs, which are seen for the first time.
pub(super) async fn existing(
    tx: &impl ConnectionTrait,
    runs: Vec<&str>,
) -> Result<HashMap<SyncRunUid, ExistingSync>, StoreError> {
    use api_mapping::{Column, Entity};
    let mapped: HashMap<String, SyncRunUid> = Entity::find()
        .filter(Column::ApiResourceType.eq(RUN))
        .filter(Column::ApiResourceUid.is_in(runs))
        .filter(Column::DbRelationType.eq(SYNC_OPERATION))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.db_relation_key, SyncRunUid::new(row.api_resource_uid)))
        .collect();
    if mapped.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = || mapped.keys().map(String::as_str);
    let syncs = sync_operation::Entity::find()
        .filter(sync_operation::Column::SyncoperationId.is_in(ids()))
        .all(tx)
        .await?;
    let open: HashSet<String> = operation_row::Entity::find()
        .select_only()
        .column(operation_row::Column::ResourceId)
        .filter(operation_row::Column::ResourceType.eq(SYNC_OPERATION))
        .filter(operation_row::Column::ResourceId.is_in(ids()))
        .filter(operation_row::Column::Requester.is_null())
        .filter(operation::rows::was_open())
        .into_tuple()
        .all(tx)
        .await?
        .into_iter()
        .collect();
    let applications = load_applications(tx, &syncs).await?;
    let mut found = HashMap::new();
    for row in syncs {
        let Some(run) = mapped.get(&row.syncoperation_id) else { continue };
        let existing = ExistingSync {
            application: row.application_id.and_then(|id| applications.get(&id).cloned()),
            deployment_name: row.deployment_name,
            revision: row.revision,
            // The operations of one that had ended are removed some time later.
            is_open: open.contains(&row.syncoperation_id),
            sync: SyncOperationId::new(row.syncoperation_id),
        };
        found.insert(run.clone(), existing);
    }
    Ok(found)
}

/// Closes the open operations that an earlier installation left for syncs that go on.
pub(in crate::store) async fn supersede(
    tx: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wanted = Query::select()
        .column(sync_operation::Column::SyncoperationId)
        .from(sync_operation::Entity)
        .and_where(sync_operation::Column::ApplicationId.is_not_null())
        .to_owned();
    operation::rows::supersede(tx, SYNC_OPERATION, wanted, now).await
}

async fn load_applications(
    tx: &impl ConnectionTrait,
    syncs: &[sync_operation::Model],
) -> Result<HashMap<String, SettledApplication>, StoreError> {
    let ids = || syncs.iter().filter_map(|row| row.application_id.as_deref());
    let owners: HashMap<String, String> = application_owner::Entity::find()
        .filter(application_owner::Column::ApplicationOwnerApplicationId.is_in(ids()))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.application_owner_application_id, row.application_owner_user_id))
        .collect();
    let rows = application::Entity::find()
        .filter(application::Column::ApplicationId.is_in(ids()))
        .all(tx)
        .await?;
    let settled = |row: application::Model| {
        let user = owners.get(&row.application_id).cloned().unwrap_or_default();
        let settled = SettledApplication {
            user: ClusterUserId::new(user),
            instance: InstanceId::new(row.engine_instance_inst_id),
            id: ApplicationId::new(row.application_id.clone()),
        };
        (row.application_id, settled)
    };
    Ok(rows.into_iter().map(settled).collect())
}
