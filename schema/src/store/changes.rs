//! What the machines ask of the tables beside their own, grouped by table: a constant number of
//! statements for a batch, in the order that the foreign keys want.

use std::collections::{BTreeMap, BTreeSet};

use machines::identity::{ApplicationId, OperationId, Timestamp};
use machines::rows::{
    ApplicationKey, ApplicationRows, OperationRow, OperationState, RowChange, TenantRows,
};
use machines::spec::normalise_repo_url;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Condition, OnConflict, Query};
use sea_orm::{ActiveValue, ConnectionTrait};
use uuid::Uuid;

use crate::entity::{
    app_project_repository, application, application_owner, application_state, cluster_access,
    cluster_credentials, cluster_user, deployment_to_application_mapping as mapping,
    kubernetes_to_db_resource_mapping as resource_mapping, managed_environment, operation,
    sync_operation,
};
use crate::spec_field;
use crate::store::{StoreError, database_time};

/// `operation.resource_type` of an operation on an application.
pub(super) const APPLICATION: &str = "Application";
/// The namespace under which ids of repository rows are derived.
const REPOSITORY_IDS: Uuid = Uuid::from_u128(0x1d0b_7a4e_93f4_4a52_8a4f_26d3_0f0a_5c11);

/// The spelling of an operation's state in the database.
pub(super) fn state_text(state: &OperationState) -> &'static str {
    match state {
        OperationState::Waiting => "Waiting",
        OperationState::InProgress => "In_Progress",
        OperationState::Completed => "Completed",
        OperationState::Failed(_) => "Failed",
    }
}

/// The state of an operation by its spelling and text in the database.
pub(super) fn parse_state(state: &str, text: Option<String>) -> OperationState {
    match state {
        "Completed" => OperationState::Completed,
        "Failed" => OperationState::Failed(text.unwrap_or_default()),
        "In_Progress" => OperationState::InProgress,
        _ => OperationState::Waiting,
    }
}

/// The changes of a batch by what they are about. Of several on one thing the last counts: they
/// come in the order of the steps.
#[derive(Default)]
struct Changes {
    tenants: BTreeMap<String, TenantRows>,
    removed_tenants: Vec<TenantRows>,
    applications: BTreeMap<ApplicationId, ApplicationRows>,
    removed_applications: BTreeMap<ApplicationId, ApplicationKey>,
    operations: BTreeMap<OperationId, OperationRow>,
    operation_states: BTreeMap<OperationId, OperationState>,
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
                RowChange::PutApplication(rows) => {
                    grouped.applications.insert(rows.key.application.clone(), *rows);
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
            }
        }
        grouped
    }
}

/// Writes the changes of a batch.
pub(super) async fn write(
    tx: &impl ConnectionTrait,
    changes: Vec<RowChange>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let changes = Changes::group(changes);
    if !changes.tenants.is_empty() {
        ensure_tenants(tx, changes.tenants.into_values().collect(), now).await?;
    }
    let released = urls_before(tx, &changes.applications, &changes.removed_applications).await?;
    if !changes.applications.is_empty() {
        put_applications(tx, changes.applications.into_values().collect(), now).await?;
    }
    if !changes.removed_applications.is_empty() {
        remove_applications(tx, changes.removed_applications.into_values().collect()).await?;
    }
    release_urls(tx, released).await?;
    if !changes.operations.is_empty() {
        request_operations(tx, changes.operations.into_values().collect(), now).await?;
    }
    set_operation_states(tx, changes.operation_states, now).await?;
    if !changes.removed_tenants.is_empty() {
        remove_tenants(tx, &changes.removed_tenants).await?;
    }
    Ok(())
}

/// The placeholders that stand in the credentials of the cluster that Argo CD runs in; existing
/// readers recognise them.
pub(super) fn placeholder_credentials(
    id: String,
    now: Timestamp,
) -> cluster_credentials::ActiveModel {
    cluster_credentials::ActiveModel {
        clustercredentials_cred_id: ActiveValue::Set(id),
        host: ActiveValue::Set(Some("host".to_owned())),
        kube_config: ActiveValue::Set(Some("kube_config".to_owned())),
        kube_config_context: ActiveValue::Set(Some("kube_config_context".to_owned())),
        serviceaccount_bearer_token: ActiveValue::Set(Some(
            "serviceaccount_bearer_token".to_owned(),
        )),
        serviceaccount_ns: ActiveValue::Set(Some("serviceaccount_ns".to_owned())),
        created_on: ActiveValue::Set(database_time(now)),
        ..Default::default()
    }
}

async fn ensure_tenants(
    tx: &impl ConnectionTrait,
    tenants: Vec<TenantRows>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let users = tenants.iter().map(|tenant| cluster_user::ActiveModel {
        clusteruser_id: ActiveValue::Set(tenant.user.as_str().to_owned()),
        user_name: ActiveValue::Set(tenant.tenant.as_str().to_owned()),
        display_name: ActiveValue::Set(Some(tenant.namespace.clone())),
        created_on: ActiveValue::Set(Some(database_time(now))),
    });
    insert_missing(tx, users).await?;
    let credentials = tenants
        .iter()
        .map(|tenant| placeholder_credentials(tenant.environment.credentials_id(), now));
    insert_missing(tx, credentials).await?;
    let environments = tenants.iter().map(|tenant| managed_environment::ActiveModel {
        managedenvironment_id: ActiveValue::Set(tenant.environment.as_str().to_owned()),
        name: ActiveValue::Set(format!("Managed Environment for {}", tenant.namespace)),
        clustercredentials_id: ActiveValue::Set(tenant.environment.credentials_id()),
        created_on: ActiveValue::Set(database_time(now)),
    });
    insert_missing(tx, environments).await?;
    let mappings = tenants.iter().map(|tenant| resource_mapping::ActiveModel {
        kubernetes_resource_type: ActiveValue::Set("Namespace".to_owned()),
        kubernetes_resource_uid: ActiveValue::Set(tenant.tenant.as_str().to_owned()),
        db_relation_type: ActiveValue::Set("ManagedEnvironment".to_owned()),
        db_relation_key: ActiveValue::Set(tenant.environment.as_str().to_owned()),
    });
    insert_missing(tx, mappings).await?;
    let accesses = tenants.iter().map(|tenant| cluster_access::ActiveModel {
        clusteraccess_user_id: ActiveValue::Set(tenant.user.as_str().to_owned()),
        clusteraccess_managed_environment_id: ActiveValue::Set(
            tenant.environment.as_str().to_owned(),
        ),
        clusteraccess_gitops_engine_instance_id: ActiveValue::Set(
            tenant.instance.as_str().to_owned(),
        ),
        created_on: ActiveValue::Set(Some(database_time(now))),
    });
    insert_missing(tx, accesses).await
}

/// Inserts rows and leaves those alone that are there: ids are derived, so a row of the same key
/// is the same row.
pub(super) async fn insert_missing<A>(
    tx: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = A>,
) -> Result<(), StoreError>
where
    A: ActiveModelTrait,
{
    A::Entity::insert_many(rows)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

async fn put_applications(
    tx: &impl ConnectionTrait,
    rows: Vec<ApplicationRows>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let created_on = Some(database_time(now));
    let mut applications = Vec::with_capacity(rows.len());
    for row in &rows {
        let spec = spec_field::encode(&row.document).map_err(|error| StoreError::Value {
            what: format!("the Application of {}/{}", row.namespace, row.deployment_name),
            why: error.to_string(),
        })?;
        applications.push(application::ActiveModel {
            application_id: ActiveValue::Set(row.key.application.as_str().to_owned()),
            name: ActiveValue::Set(row.document.name.clone()),
            spec_field: ActiveValue::Set(spec),
            engine_instance_inst_id: ActiveValue::Set(row.instance.as_str().to_owned()),
            managed_environment_id: ActiveValue::Set(Some(row.environment.as_str().to_owned())),
            created_on: ActiveValue::Set(created_on),
        });
    }
    let replace = OnConflict::column(application::Column::ApplicationId)
        .update_columns([
            application::Column::Name,
            application::Column::SpecField,
            application::Column::EngineInstanceInstId,
            application::Column::ManagedEnvironmentId,
        ])
        .to_owned();
    let insert = application::Entity::insert_many(applications).on_conflict(replace);
    insert.exec_without_returning(tx).await?;
    let owners = rows.iter().map(|row| application_owner::ActiveModel {
        application_owner_application_id: ActiveValue::Set(
            row.key.application.as_str().to_owned(),
        ),
        application_owner_user_id: ActiveValue::Set(row.key.user.as_str().to_owned()),
        created_on: ActiveValue::Set(created_on),
    });
    insert_missing(tx, owners).await?;
    put_mappings(tx, &rows).await?;
    register_urls(tx, &rows, now).await
}

async fn put_mappings(
    tx: &impl ConnectionTrait,
    rows: &[ApplicationRows],
) -> Result<(), StoreError> {
    let mappings = rows.iter().map(|row| mapping::ActiveModel {
        deploymenttoapplicationmapping_uid_id: ActiveValue::Set(
            row.key.deployment.as_str().to_owned(),
        ),
        name: ActiveValue::Set(Some(row.deployment_name.clone())),
        namespace: ActiveValue::Set(Some(row.namespace.clone())),
        namespace_uid: ActiveValue::Set(Some(row.key.tenant.as_str().to_owned())),
        application_id: ActiveValue::Set(row.key.application.as_str().to_owned()),
        repo_url: ActiveValue::Set(Some(row.document.spec.source.repo_url.clone())),
    });
    let replace = OnConflict::column(mapping::Column::DeploymenttoapplicationmappingUidId)
        .update_columns([mapping::Column::RepoUrl])
        .to_owned();
    let insert = mapping::Entity::insert_many(mappings).on_conflict(replace);
    insert.exec_without_returning(tx).await?;
    Ok(())
}

async fn register_urls(
    tx: &impl ConnectionTrait,
    rows: &[ApplicationRows],
    now: Timestamp,
) -> Result<(), StoreError> {
    let urls: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (row.key.user.as_str(), row.document.spec.source.repo_url.as_str()))
        .collect();
    let repositories = urls.into_iter().map(|(user, url)| app_project_repository::ActiveModel {
        appproject_repository_id: ActiveValue::Set(
            Uuid::new_v5(&REPOSITORY_IDS, format!("{user}/{url}").as_bytes()).to_string(),
        ),
        clusteruser_id: ActiveValue::Set(user.to_owned()),
        // The machine rejects what has no normal form before it asks for rows.
        repo_url: ActiveValue::Set(normalise_repo_url(url).unwrap_or_else(|| url.to_owned())),
        repo_url_as_written: ActiveValue::Set(url.to_owned()),
        created_on: ActiveValue::Set(Some(database_time(now))),
    });
    insert_missing(tx, repositories).await
}

/// The repositories that the applications of a batch used before it, as (user, URL).
async fn urls_before(
    tx: &impl ConnectionTrait,
    put: &BTreeMap<ApplicationId, ApplicationRows>,
    removed: &BTreeMap<ApplicationId, ApplicationKey>,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let keys: Vec<&ApplicationKey> =
        put.values().map(|rows| &rows.key).chain(removed.values()).collect();
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids = keys.iter().map(|key| key.application.as_str());
    let rows =
        mapping::Entity::find().filter(mapping::Column::ApplicationId.is_in(ids)).all(tx).await?;
    let mut urls = BTreeSet::new();
    for row in rows {
        let id = ApplicationId::new(row.application_id);
        let Some(url) = row.repo_url else { continue };
        if let Some(rows) = put.get(&id) {
            if rows.document.spec.source.repo_url != url {
                urls.insert((rows.key.user.as_str().to_owned(), url));
            }
        } else if let Some(key) = removed.get(&id) {
            urls.insert((key.user.as_str().to_owned(), url));
        }
    }
    Ok(urls)
}

/// Removes those of the given repositories that no deployment of their tenant uses any more.
async fn release_urls(
    tx: &impl ConnectionTrait,
    urls: BTreeSet<(String, String)>,
) -> Result<(), StoreError> {
    if urls.is_empty() {
        return Ok(());
    }
    let (users, urls): (BTreeSet<String>, BTreeSet<String>) = urls.into_iter().unzip();
    let still_used = Query::select()
        .expr(Expr::val(1))
        .from(mapping::Entity)
        .inner_join(
            cluster_user::Entity,
            Expr::col((cluster_user::Entity, cluster_user::Column::UserName))
                .equals((mapping::Entity, mapping::Column::NamespaceUid)),
        )
        .and_where(
            Expr::col((cluster_user::Entity, cluster_user::Column::ClusteruserId)).equals((
                app_project_repository::Entity,
                app_project_repository::Column::ClusteruserId,
            )),
        )
        .and_where(Expr::col((mapping::Entity, mapping::Column::RepoUrl)).equals((
            app_project_repository::Entity,
            app_project_repository::Column::RepoUrlAsWritten,
        )))
        .to_owned();
    app_project_repository::Entity::delete_many()
        .filter(app_project_repository::Column::ClusteruserId.is_in(users))
        .filter(app_project_repository::Column::RepoUrlAsWritten.is_in(urls))
        .filter(Condition::all().not().add(Expr::exists(still_used)))
        .exec(tx)
        .await?;
    Ok(())
}

async fn remove_applications(
    tx: &impl ConnectionTrait,
    keys: Vec<ApplicationKey>,
) -> Result<(), StoreError> {
    let ids = || keys.iter().map(|key| key.application.as_str());
    application_state::Entity::delete_many()
        .filter(application_state::Column::ApplicationstateApplicationId.is_in(ids()))
        .exec(tx)
        .await?;
    sync_operation::Entity::update_many()
        .col_expr(sync_operation::Column::ApplicationId, Expr::value(None::<String>))
        .filter(sync_operation::Column::ApplicationId.is_in(ids()))
        .exec(tx)
        .await?;
    mapping::Entity::delete_many()
        .filter(mapping::Column::ApplicationId.is_in(ids()))
        .exec(tx)
        .await?;
    application_owner::Entity::delete_many()
        .filter(application_owner::Column::ApplicationOwnerApplicationId.is_in(ids()))
        .exec(tx)
        .await?;
    application::Entity::delete_many()
        .filter(application::Column::ApplicationId.is_in(ids()))
        .exec(tx)
        .await?;
    Ok(())
}

async fn request_operations(
    tx: &impl ConnectionTrait,
    rows: Vec<OperationRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let operations = rows.into_iter().map(|row| operation::ActiveModel {
        operation_id: ActiveValue::Set(row.id.into_string()),
        instance_id: ActiveValue::Set(row.instance.into_string()),
        resource_id: ActiveValue::Set(row.application.into_string()),
        operation_owner_user_id: ActiveValue::Set(Some(row.owner.into_string())),
        resource_type: ActiveValue::Set(APPLICATION.to_owned()),
        created_on: ActiveValue::Set(database_time(now)),
        last_state_update: ActiveValue::Set(database_time(now)),
        state: ActiveValue::Set(state_text(&OperationState::Waiting).to_owned()),
        requester: ActiveValue::Set(Some(row.requester.into_string())),
        ..Default::default()
    });
    // By primary key alone: an open operation for the same application would be a defect of the
    // machine, and is to fail loudly by its unique index.
    let leave = OnConflict::column(operation::Column::OperationId).do_nothing().to_owned();
    operation::Entity::insert_many(operations)
        .on_conflict(leave)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

async fn set_operation_states(
    tx: &impl ConnectionTrait,
    states: BTreeMap<OperationId, OperationState>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut groups: BTreeMap<(&'static str, Option<String>), Vec<String>> = BTreeMap::new();
    for (id, state) in states {
        let text = match &state {
            OperationState::Failed(text) => Some(text.clone()),
            OperationState::Waiting | OperationState::InProgress | OperationState::Completed => {
                None
            }
        };
        groups.entry((state_text(&state), text)).or_default().push(id.into_string());
    }
    for ((state, text), ids) in groups {
        operation::Entity::update_many()
            .col_expr(operation::Column::State, Expr::value(state))
            .col_expr(operation::Column::HumanReadableState, Expr::value(text))
            .col_expr(operation::Column::LastStateUpdate, Expr::value(database_time(now)))
            .filter(operation::Column::OperationId.is_in(ids))
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn remove_tenants(
    tx: &impl ConnectionTrait,
    tenants: &[TenantRows],
) -> Result<(), StoreError> {
    let users = || tenants.iter().map(|tenant| tenant.user.as_str());
    let environments = || tenants.iter().map(|tenant| tenant.environment.as_str());
    operation::Entity::delete_many()
        .filter(operation::Column::OperationOwnerUserId.is_in(users()))
        .exec(tx)
        .await?;
    cluster_access::Entity::delete_many()
        .filter(cluster_access::Column::ClusteraccessUserId.is_in(users()))
        .exec(tx)
        .await?;
    app_project_repository::Entity::delete_many()
        .filter(app_project_repository::Column::ClusteruserId.is_in(users()))
        .exec(tx)
        .await?;
    resource_mapping::Entity::delete_many()
        .filter(resource_mapping::Column::DbRelationType.eq("ManagedEnvironment"))
        .filter(resource_mapping::Column::DbRelationKey.is_in(environments()))
        .exec(tx)
        .await?;
    let credentials: Vec<String> = managed_environment::Entity::find()
        .filter(managed_environment::Column::ManagedenvironmentId.is_in(environments()))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| row.clustercredentials_id)
        .collect();
    managed_environment::Entity::delete_many()
        .filter(managed_environment::Column::ManagedenvironmentId.is_in(environments()))
        .exec(tx)
        .await?;
    cluster_credentials::Entity::delete_many()
        .filter(cluster_credentials::Column::ClustercredentialsCredId.is_in(credentials))
        .exec(tx)
        .await?;
    cluster_user::Entity::delete_many()
        .filter(cluster_user::Column::ClusteruserId.is_in(users()))
        .exec(tx)
        .await?;
    Ok(())
}
