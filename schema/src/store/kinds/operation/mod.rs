//! Operations: their machines, and what a batch loads of them.

pub(in crate::store) mod rows;

use std::collections::{BTreeMap, HashMap};

use machines::identity::{ApplicationId, ClusterUserId, OperationId};
use machines::operation::target::APPLICATION;
use machines::operation::{Operation, PersistedOperation, RowView, Wanted};
use machines::rows::Requester;
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;

use crate::entity::{application, operation};
use crate::spec_field;
use crate::store::StoreError;
use crate::store::agent::AgentLoaded;
use crate::store::backend::loaded::BackendLoaded;
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

/// What the deployments of a batch wait for.
pub(in crate::store) async fn load_open(
    tx: &impl ConnectionTrait,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let open: Vec<&str> = loaded
        .deployments
        .known
        .values()
        .filter_map(|versioned| versioned.machine.record.open.as_ref())
        .map(|open| open.id.as_str())
        .collect();
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
        if let Some(removal) = removal {
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
    let unclaimed: Vec<&str> =
        keys.iter().filter(|key| !operations.contains(key)).map(OperationId::as_str).collect();
    let (rows, unusable) = load_rows(tx, unclaimed).await?;
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
    let targets = operations.iter().map(|row| row.resource_id.as_str());
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
        if row.resource_type != APPLICATION {
            let text = format!("operations on a {} are not supported yet", row.resource_type);
            unusable.insert(id, text);
            continue;
        }
        let application = applications.get(&row.resource_id);
        let document = application.map(|row| spec_field::decode(&row.spec_field)).transpose();
        let document = match document {
            Ok(document) => document,
            Err(error) => {
                unusable.insert(id, error.to_string());
                continue;
            }
        };
        let view = RowView {
            state,
            owner: ClusterUserId::new(row.operation_owner_user_id.unwrap_or_default()),
            requester: row.requester.as_deref().and_then(Requester::parse),
            wanted: Wanted::Application { row: ApplicationId::new(row.resource_id), document },
        };
        views.insert(id, view);
    }
    Ok((views, unusable))
}
