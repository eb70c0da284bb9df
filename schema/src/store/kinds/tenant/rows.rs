//! The rows of tenants.

use std::collections::BTreeSet;

use machines::identity::{EnvironmentId, Timestamp};
use machines::rows::TenantRows;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, Query, SelectStatement};
use sea_orm::{ActiveValue, ConnectionTrait, QuerySelect};

use crate::entity::clear_text::ClearText;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, app_project_managed_environment,
    app_project_repository, cluster_access, cluster_credentials, cluster_user,
    kubernetes_to_db_resource_mapping as resource_mapping, managed_environment, operation,
    repository_credentials, sync_operation,
};
use crate::store::StoreError;
use crate::store::kinds::managed_environment::rows::remove_unused;
use crate::store::sealed;
use crate::store::statements::{database_time, in_order, insert_missing};

/// The placeholders in the credentials of the cluster that Argo CD runs in; existing readers
/// recognise them.
pub(in crate::store) fn placeholder_credentials(
    id: String,
    now: Timestamp,
) -> cluster_credentials::ActiveModel {
    let placeholder = |text: &str| ActiveValue::Set(Some(text.to_owned()));
    let no_credential = |text| ActiveValue::Set(Some(ClearText::placeholder(text)));
    cluster_credentials::ActiveModel {
        clustercredentials_cred_id: ActiveValue::Set(id),
        host: placeholder("host"),
        kube_config: no_credential("kube_config"),
        kube_config_context: placeholder("kube_config_context"),
        serviceaccount_bearer_token: no_credential("serviceaccount_bearer_token"),
        serviceaccount_ns: placeholder("serviceaccount_ns"),
        created_on: ActiveValue::Set(database_time(now)),
        ..Default::default()
    }
}

/// Makes sure that the rows of these tenants exist.
pub(in crate::store) async fn ensure(
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
    // An environment whose id was not derived was created by an earlier installation, and has its
    // own credentials.
    let own: Vec<&TenantRows> = tenants
        .iter()
        .filter(|tenant| tenant.environment == EnvironmentId::in_cluster_of(&tenant.tenant))
        .collect();
    let credentials =
        own.iter().map(|tenant| placeholder_credentials(tenant.environment.credentials_id(), now));
    insert_missing(tx, credentials).await?;
    let environments = own.iter().map(|tenant| managed_environment::ActiveModel {
        managedenvironment_id: ActiveValue::Set(tenant.environment.as_str().to_owned()),
        name: ActiveValue::Set(format!("Managed Environment for {}", tenant.namespace)),
        clustercredentials_id: ActiveValue::Set(tenant.environment.credentials_id()),
        created_on: ActiveValue::Set(database_time(now)),
    });
    insert_missing(tx, environments).await?;
    forget_other_environments(tx, &tenants).await?;
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

/// Removes mappings of these tenants to environments that are gone: a tenant has one, and readers
/// would find the old one.
async fn forget_other_environments(
    tx: &impl ConnectionTrait,
    tenants: &[TenantRows],
) -> Result<(), StoreError> {
    use resource_mapping::{Column, Entity};
    let uids = tenants.iter().map(|tenant| tenant.tenant.as_str());
    let environments = tenants.iter().map(|tenant| tenant.environment.as_str());
    Entity::delete_many()
        .filter(Column::KubernetesResourceType.eq("Namespace"))
        .filter(Column::KubernetesResourceUid.is_in(uids))
        .filter(Column::DbRelationType.eq("ManagedEnvironment"))
        .filter(Column::DbRelationKey.is_not_in(environments))
        .exec(tx)
        .await?;
    Ok(())
}

/// Removes every row of these tenants, including those of an earlier installation, once their
/// applications are gone: an overlooked row would block the removal forever.
pub(in crate::store) async fn remove(
    tx: &impl ConnectionTrait,
    tenants: &[TenantRows],
    environments: &[String],
    sealed: &mut sealed::Changes,
) -> Result<(), StoreError> {
    let users: Vec<&str> = tenants.iter().map(|tenant| tenant.user.as_str()).collect();
    remove_what_users_own(tx, &users, sealed).await?;
    remove_what_objects_stood_for(tx, tenants).await?;
    remove_environments(tx, environments, sealed).await?;
    cluster_user::Entity::delete_many()
        .filter(cluster_user::Column::ClusteruserId.is_in(users))
        .exec(tx)
        .await?;
    Ok(())
}

/// The environments that only these tenants reach.
pub(in crate::store) async fn environments_of(
    tx: &impl ConnectionTrait,
    tenants: &[TenantRows],
) -> Result<Vec<String>, StoreError> {
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    use cluster_access::{Column, Entity};
    let users: Vec<&str> = tenants.iter().map(|tenant| tenant.user.as_str()).collect();
    let mut reached: BTreeSet<String> =
        tenants.iter().map(|tenant| tenant.environment.as_str().to_owned()).collect();
    let accesses = Entity::find()
        .filter(Column::ClusteraccessUserId.is_in(users.iter().copied()))
        .all(tx)
        .await?;
    reached.extend(accesses.into_iter().map(|access| access.clusteraccess_managed_environment_id));
    let shared: Vec<String> = Entity::find()
        .select_only()
        .column(Column::ClusteraccessManagedEnvironmentId)
        .filter(Column::ClusteraccessManagedEnvironmentId.is_in(reached.iter().cloned()))
        .filter(Column::ClusteraccessUserId.is_not_in(users.iter().copied()))
        .into_tuple()
        .all(tx)
        .await?;
    for environment in shared {
        reached.remove(&environment);
    }
    Ok(reached.into_iter().collect())
}

async fn remove_what_users_own(
    tx: &impl ConnectionTrait,
    users: &[&str],
    sealed: &mut sealed::Changes,
) -> Result<(), StoreError> {
    let users = || users.iter().copied();
    let owned =
        operation::Entity::find().filter(operation::Column::OperationOwnerUserId.is_in(users()));
    let owned = in_order(operation::Column::OperationId, owned, LockType::Update);
    operation::Entity::delete_many()
        .filter(operation::Column::OperationId.in_subquery(owned))
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
    app_project_managed_environment::Entity::delete_many()
        .filter(app_project_managed_environment::Column::ClusteruserId.is_in(users()))
        .exec(tx)
        .await?;
    let credentials: Vec<String> = repository_credentials::Entity::find()
        .select_only()
        .column(repository_credentials::Column::RepositorycredentialsId)
        .filter(repository_credentials::Column::RepoCredUserId.is_in(users()))
        .into_tuple()
        .all(tx)
        .await?;
    repository_credentials::Entity::delete_many()
        .filter(repository_credentials::Column::RepoCredUserId.is_in(users()))
        .exec(tx)
        .await?;
    sealed.remove(sealed::REPOSITORY_CREDENTIALS, credentials.iter().map(String::as_str));
    Ok(())
}

/// Removes what names the tenant's Kubernetes objects: its namespace and the objects in it.
async fn remove_what_objects_stood_for(
    tx: &impl ConnectionTrait,
    tenants: &[TenantRows],
) -> Result<(), StoreError> {
    let uids = || tenants.iter().map(|tenant| tenant.tenant.as_str());
    let sync_runs: SelectStatement = Query::select()
        .column(api_mapping::Column::DbRelationKey)
        .from(api_mapping::Entity)
        .and_where(api_mapping::Column::ApiResourceNamespaceUid.is_in(uids()))
        .and_where(api_mapping::Column::DbRelationType.eq("SyncOperation"))
        .to_owned();
    sync_operation::Entity::delete_many()
        .filter(sync_operation::Column::SyncoperationId.in_subquery(sync_runs))
        .exec(tx)
        .await?;
    api_mapping::Entity::delete_many()
        .filter(api_mapping::Column::ApiResourceNamespaceUid.is_in(uids()))
        .exec(tx)
        .await?;
    resource_mapping::Entity::delete_many()
        .filter(resource_mapping::Column::KubernetesResourceType.eq("Namespace"))
        .filter(resource_mapping::Column::KubernetesResourceUid.is_in(uids()))
        .filter(resource_mapping::Column::DbRelationType.eq("ManagedEnvironment"))
        .exec(tx)
        .await?;
    Ok(())
}

async fn remove_environments(
    tx: &impl ConnectionTrait,
    environments: &[String],
    sealed: &mut sealed::Changes,
) -> Result<(), StoreError> {
    let environments = || environments.iter().cloned();
    app_project_managed_environment::Entity::delete_many()
        .filter(app_project_managed_environment::Column::ManagedEnvironmentId.is_in(environments()))
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
    remove_unused(tx, credentials, sealed).await
}
