//! Operations: their machines, and what a batch loads of them.

pub(in crate::store) mod rows;

use std::collections::BTreeMap;

use machines::identity::{ApplicationId, ClusterUserId, EnvironmentId, OperationId};
use machines::kinds::repository_credential::CredentialId;
use machines::operation::sync::{SyncOperationId, SyncedApplication, WantedSync};
use machines::operation::target::{
    APPLICATION, MANAGED_ENVIRONMENT, REPOSITORY_CREDENTIALS, SYNC_OPERATION,
};
use machines::operation::{Operation, PersistedOperation, RowView, Wanted};
use machines::rows::Requester;
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;

use crate::entity::{
    application, managed_environment, operation, repository_credentials, sync_operation,
};
use crate::spec_field;
use crate::store::StoreError;
use crate::store::agent::{AgentLoaded, Unusable};
use crate::store::backend::loaded::BackendLoaded;
use crate::store::kinds::managed_environment::opening::{StoredCluster, load_environments};
use crate::store::kinds::repository_credential::opening::{self, StoredCredential};
use crate::store::kinds::sync_run::rows::is_terminated;
use crate::store::machine_rows::{self, Persistent};
use crate::store::sealed::unlock::Sealer;

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
    fn requester(&self) -> Option<String> {
        self.record.requester.as_ref().map(Requester::to_string)
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
    let credentials = loaded.credentials.known.values();
    let credentials = credentials.filter_map(|one| one.machine.record.open.as_ref());
    let environments = loaded.environments.known.values();
    let environments = environments.filter_map(|one| one.machine.record.open.as_ref());
    let open = deployments.chain(sync_runs).chain(credentials).chain(environments);
    let open: Vec<&str> = open.map(|open| open.id.as_str()).collect();
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
        match (row.resource_type.as_str(), removal) {
            (SYNC_OPERATION, _) => {
                let message = row.human_readable_state.unwrap_or_default();
                loaded.sync_runs.messages.insert(id.clone(), message);
            }
            (APPLICATION, Some(removal)) => {
                loaded.removals.insert(id.clone(), removal);
            }
            _ => {}
        }
        loaded.operations.insert(id, state);
    }
    Ok(())
}

/// The machines of these operations, and the rows of those that still read theirs.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    keys: &[OperationId],
    sealer: Option<&Sealer>,
) -> Result<AgentLoaded, StoreError> {
    let operations = machine_rows::load::<Operation>(tx, keys).await?;
    let reads = |key: &&OperationId| match operations.known.get(key) {
        Some(versioned) => versioned.machine.follows_row(),
        None => !operations.unreadable.contains(key),
    };
    let reading: Vec<&str> = keys.iter().filter(reads).map(OperationId::as_str).collect();
    let mut loaded = AgentLoaded::default();
    load_rows(tx, reading, sealer, &mut loaded).await?;
    loaded.operations = operations;
    Ok(loaded)
}

async fn load_rows(
    tx: &impl ConnectionTrait,
    keys: Vec<&str>,
    sealer: Option<&Sealer>,
    loaded: &mut AgentLoaded,
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let operations = operation::Entity::find()
        .filter(operation::Column::OperationId.is_in(keys))
        .all(tx)
        .await?;
    if operations.is_empty() {
        return Ok(());
    }
    let syncs = load_syncs(tx, &operations).await?;
    let applications = load_applications(tx, &operations, &syncs).await?;
    let credentials = load_credentials(tx, &operations).await?;
    let clusters = load_clusters(tx, &operations).await?;
    for row in operations {
        let state = row.progress();
        let id = OperationId::new(row.operation_id);
        let wanted = match row.resource_type.as_str() {
            APPLICATION => wanted_application(row.resource_id, &applications),
            MANAGED_ENVIRONMENT => wanted_environment(row.resource_id, &clusters, sealer),
            REPOSITORY_CREDENTIALS => wanted_credential(row.resource_id, &credentials, sealer),
            SYNC_OPERATION => wanted_sync(row.resource_id, &syncs, &applications),
            _ => {
                loaded.unknown.insert(id);
                continue;
            }
        };
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(text) => {
                let requester = row.requester.as_deref().and_then(Requester::parse);
                loaded.unusable.insert(id, Unusable { text, requester });
                continue;
            }
        };
        let view = RowView {
            state,
            owner: ClusterUserId::new(row.operation_owner_user_id.unwrap_or_default()),
            requester: row.requester.as_deref().and_then(Requester::parse),
            wanted,
        };
        loaded.rows.insert(id, view);
    }
    Ok(())
}

type Applications = BTreeMap<String, application::Model>;
type Clusters = BTreeMap<EnvironmentId, StoredCluster>;
type Credentials = BTreeMap<CredentialId, StoredCredential>;
type Syncs = BTreeMap<String, sync_operation::Model>;

/// The rows that operations of a type are about.
fn targets<'a>(
    operations: &'a [operation::Model],
    resource_type: &'static str,
) -> impl Iterator<Item = &'a str> {
    let of_the_type = operations.iter().filter(move |row| row.resource_type == resource_type);
    of_the_type.map(|row| row.resource_id.as_str())
}

async fn load_applications(
    tx: &impl ConnectionTrait,
    operations: &[operation::Model],
    syncs: &Syncs,
) -> Result<Applications, StoreError> {
    let synced = syncs.values().filter_map(|row| row.application_id.as_deref());
    let ids: Vec<&str> = targets(operations, APPLICATION).chain(synced).collect();
    if ids.is_empty() {
        return Ok(Applications::new());
    }
    let rows = application::Entity::find()
        .filter(application::Column::ApplicationId.is_in(ids))
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.application_id.clone(), row)).collect())
}

async fn load_credentials(
    tx: &impl ConnectionTrait,
    operations: &[operation::Model],
) -> Result<Credentials, StoreError> {
    let ids: Vec<&str> = targets(operations, REPOSITORY_CREDENTIALS).collect();
    if ids.is_empty() {
        return Ok(Credentials::new());
    }
    let id = repository_credentials::Column::RepositorycredentialsId;
    opening::load(tx, id.is_in(ids)).await
}

async fn load_clusters(
    tx: &impl ConnectionTrait,
    operations: &[operation::Model],
) -> Result<Clusters, StoreError> {
    let ids: Vec<&str> = targets(operations, MANAGED_ENVIRONMENT).collect();
    if ids.is_empty() {
        return Ok(Clusters::new());
    }
    load_environments(tx, managed_environment::Column::ManagedenvironmentId.is_in(ids)).await
}

async fn load_syncs(
    tx: &impl ConnectionTrait,
    operations: &[operation::Model],
) -> Result<Syncs, StoreError> {
    let ids: Vec<&str> = targets(operations, SYNC_OPERATION).collect();
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

/// What is wanted of a row that is gone needs no keys.
fn wanted_environment(
    id: String,
    clusters: &Clusters,
    sealer: Option<&Sealer>,
) -> Result<Wanted, String> {
    let row = EnvironmentId::new(id);
    let secret = clusters.get(&row).map(|stored| stored.digest(&row, sealer)).transpose();
    let secret = secret.map_err(|error| error.to_string())?;
    Ok(Wanted::Environment { row, secret })
}

/// The same for a credential.
fn wanted_credential(
    id: String,
    credentials: &Credentials,
    sealer: Option<&Sealer>,
) -> Result<Wanted, String> {
    let row = CredentialId::new(id);
    let secret = credentials.get(&row).map(|stored| stored.digest(sealer)).transpose();
    let secret = secret.map_err(|error| error.to_string())?;
    Ok(Wanted::Credential { row, secret })
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
