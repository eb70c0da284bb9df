//! Operations: their machines, and what a batch loads of them.

pub(in crate::store) mod rows;

use std::collections::{BTreeMap, HashMap};

use machines::identity::{ApplicationId, ClusterUserId, OperationId};
use machines::operation::sync::{SyncOperationId, SyncedApplication, WantedSync};
use machines::operation::target::{APPLICATION, SYNC_OPERATION};
use machines::operation::{Operation, PersistedOperation, RowView, Wanted};
use machines::rows::Requester;
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;

use crate::entity::{application, operation, sync_operation};
use crate::spec_field;
use crate::store::StoreError;
use crate::store::agent::AgentLoaded;
use crate::store::backend::loaded::BackendLoaded;
use crate::store::kinds::sync_run::rows::is_terminated;
use crate::store::machine_rows::{self, Persistent};

impl Persistent for Operation {
    type Key = OperationId;
    const KIND: &'static str = "Operation";
    type Persisted = PersistedOperation;

    fn key(&self) -> OperationId {
        self.record.id.clone()
    }
    fn parse_key(text: String) -> OperationId {
        OperationId::new(text)
    }
    fn key_text(key: &OperationId) -> &str {
        key.as_str()
    }
    fn tenant(&self) -> &str {
        self.record.owner.as_str()
    }
    fn namespace(&self) -> &str {
        ""
    }
    fn name(&self) -> &str {
        ""
    }
    fn has_obligations(&self) -> bool {
        !self.obligations().is_empty()
    }
    fn generation(&self) -> i64 {
        0
    }
}

/// What the machines of a batch wait for.
pub(in crate::store) async fn load_open(
    tx: &impl ConnectionTrait,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let deployments = loaded.deployments.known.values();
    let deployments = deployments.filter_map(|one| one.machine.record.open.as_ref());
    let sync_runs = loaded.sync_runs.runs.known.values();
    let sync_runs = sync_runs.filter_map(|one| one.machine.record.open.as_ref());
    let open: Vec<&str> = deployments.chain(sync_runs).map(|open| open.id.as_str()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let rows = operation::Entity::find()
        .filter(operation::Column::OperationId.is_in(open))
        .all(tx)
        .await?;
    for row in rows {
        let (state, removal) = (row.progress(), row.removal());
        let id = OperationId::new(row.operation_id);
        if row.resource_type == SYNC_OPERATION {
            let message = row.human_readable_state.unwrap_or_default();
            loaded.sync_runs.messages.insert(id.clone(), message);
        } else if let Some(removal) = removal {
            loaded.removals.insert(id.clone(), removal);
        }
        loaded.operations.insert(id, state);
    }
    Ok(())
}

/// The machines of these operations, and the rows of those that still read theirs.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    keys: &[OperationId],
) -> Result<AgentLoaded, StoreError> {
    let operations = machine_rows::load::<Operation>(tx, keys).await?;
    let reads = |key: &&OperationId| match operations.known.get(key) {
        Some(versioned) => versioned.machine.follows_row(),
        None => !operations.unreadable.contains(key),
    };
    let reading: Vec<&str> = keys.iter().filter(reads).map(OperationId::as_str).collect();
    let (rows, unusable) = load_rows(tx, reading).await?;
    Ok(AgentLoaded { operations, rows, unusable, ..AgentLoaded::default() })
}

async fn load_rows(
    tx: &impl ConnectionTrait,
    keys: Vec<&str>,
) -> Result<(HashMap<OperationId, RowView>, HashMap<OperationId, String>), StoreError> {
    if keys.is_empty() {
        return Ok(Default::default());
    }
    let operations = operation::Entity::find()
        .filter(operation::Column::OperationId.is_in(keys))
        .all(tx)
        .await?;
    if operations.is_empty() {
        return Ok(Default::default());
    }
    let syncs = load_syncs(tx, &operations).await?;
    let synced = syncs.values().filter_map(|row| row.application_id.as_deref());
    let targets = operations.iter().map(|row| row.resource_id.as_str()).chain(synced);
    let applications: BTreeMap<String, application::Model> = application::Entity::find()
        .filter(application::Column::ApplicationId.is_in(targets))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.application_id.clone(), row))
        .collect();
    let mut views = HashMap::new();
    let mut unusable = HashMap::new();
    for row in operations {
        let state = row.progress();
        let id = OperationId::new(row.operation_id);
        let wanted = match row.resource_type.as_str() {
            APPLICATION => wanted_application(row.resource_id, &applications),
            SYNC_OPERATION => wanted_sync(row.resource_id, &syncs, &applications),
            other => Err(format!("operations on a {other} are not supported yet")),
        };
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(text) => {
                unusable.insert(id, text);
                continue;
            }
        };
        let view = RowView {
            state,
            owner: ClusterUserId::new(row.operation_owner_user_id.unwrap_or_default()),
            requester: row.requester.as_deref().and_then(Requester::parse),
            wanted,
        };
        views.insert(id, view);
    }
    Ok((views, unusable))
}

type Applications = BTreeMap<String, application::Model>;
type Syncs = BTreeMap<String, sync_operation::Model>;

async fn load_syncs(
    tx: &impl ConnectionTrait,
    operations: &[operation::Model],
) -> Result<Syncs, StoreError> {
    let on_syncs = operations.iter().filter(|row| row.resource_type == SYNC_OPERATION);
    let ids: Vec<&str> = on_syncs.map(|row| row.resource_id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Syncs::new());
    }
    let rows = sync_operation::Entity::find()
        .filter(sync_operation::Column::SyncoperationId.is_in(ids))
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.syncoperation_id.clone(), row)).collect())
}

fn wanted_application(id: String, applications: &Applications) -> Result<Wanted, String> {
    let document = applications.get(&id).map(|row| spec_field::decode(&row.spec_field));
    let document = document.transpose().map_err(|error| error.to_string())?;
    Ok(Wanted::Application { row: ApplicationId::new(id), document })
}

fn wanted_sync(id: String, syncs: &Syncs, applications: &Applications) -> Result<Wanted, String> {
    let wanted = |row: &sync_operation::Model| -> Result<Box<WantedSync>, String> {
        let application = row.application_id.as_ref().and_then(|id| applications.get(id));
        let document = application.map(|row| spec_field::decode(&row.spec_field)).transpose();
        let synced = application.map(|row| SyncedApplication {
            row: ApplicationId::new(row.application_id.clone()),
            name: row.name.clone(),
        });
        Ok(Box::new(WantedSync {
            application: synced,
            document: document.map_err(|error| error.to_string())?.unwrap_or_default(),
            revision: row.revision.clone(),
            is_terminated: is_terminated(row),
        }))
    };
    let sync = syncs.get(&id).map(wanted).transpose()?;
    Ok(Wanted::Sync { row: SyncOperationId::new(id), sync })
}
