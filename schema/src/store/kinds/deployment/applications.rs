//! The rows of applications.

use machines::identity::Timestamp;
use machines::rows::ApplicationRows;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict, Query};
use sea_orm::{ActiveValue, Condition, ConnectionTrait};

use crate::entity::{
    application, application_owner, application_state,
    deployment_to_application_mapping as mapping, sync_operation,
};
use crate::spec_field;
use crate::store::StoreError;
use crate::store::statements::{database_time, in_order, insert_missing};

/// Makes the rows of these applications say what they should.
pub(in crate::store) async fn put(
    tx: &impl ConnectionTrait,
    rows: &[ApplicationRows],
    now: Timestamp,
) -> Result<(), StoreError> {
    let created_on = Some(database_time(now));
    let mut applications = Vec::with_capacity(rows.len());
    for row in rows {
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
        application_owner_application_id: ActiveValue::Set(row.key.application.as_str().to_owned()),
        application_owner_user_id: ActiveValue::Set(row.key.user.as_str().to_owned()),
        created_on: ActiveValue::Set(created_on),
    });
    insert_missing(tx, owners).await?;
    put_mappings(tx, rows).await
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

/// Locks the applications to remove, and returns which exist: those with these ids, and those that
/// these users own or that are deployed to these environments.
///
/// All in one statement: the agent holds several while it writes reports on them.
pub(in crate::store) async fn lock(
    tx: &impl ConnectionTrait,
    ids: Vec<String>,
    users: Vec<&str>,
    environments: &[String],
) -> Result<Vec<String>, StoreError> {
    use application::{Column, Entity};
    let owned = Query::select()
        .column(application_owner::Column::ApplicationOwnerApplicationId)
        .from(application_owner::Entity)
        .and_where(application_owner::Column::ApplicationOwnerUserId.is_in(users))
        .to_owned();
    let environments = environments.iter().map(String::as_str);
    let removed = Entity::find().filter(
        Condition::any()
            .add(Column::ApplicationId.is_in(ids))
            .add(Column::ApplicationId.in_subquery(owned))
            .add(Column::ManagedEnvironmentId.is_in(environments)),
    );
    let locked = in_order(Column::ApplicationId, removed, LockType::Update);
    let rows = tx.query_all(&locked).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// Removes the rows of these applications; their syncs stay, and name none.
pub(in crate::store) async fn remove(
    tx: &impl ConnectionTrait,
    ids: &[String],
) -> Result<(), StoreError> {
    let ids = || ids.iter().cloned();
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
