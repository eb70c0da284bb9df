//! Rows of an earlier installation, which a batch may take over.

use std::collections::{BTreeSet, HashMap};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, InstanceId, TenantUid,
};
use machines::kinds::deployment::{Deployment, ExistingApplication};
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;

use crate::entity::{
    application, application_owner, cluster_user, deployment_to_application_mapping as mapping,
    kubernetes_to_db_resource_mapping, managed_environment,
};
use crate::store::StoreError;
use crate::store::backend::loaded::{BackendLoaded, BackendRequest};

pub(super) async fn load_existing_tenants(
    tx: &impl ConnectionTrait,
    tenants: Vec<String>,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let users = cluster_user::Entity::find()
        .filter(cluster_user::Column::UserName.is_in(tenants.clone()))
        .all(tx)
        .await?;
    loaded.existing_users = users
        .into_iter()
        .map(|row| (TenantUid::new(row.user_name), ClusterUserId::new(row.clusteruser_id)))
        .collect();
    use kubernetes_to_db_resource_mapping::{Column, Entity};
    // A mapping has no foreign key: what it names may be gone.
    let existing = Query::select()
        .column(managed_environment::Column::ManagedenvironmentId)
        .from(managed_environment::Entity)
        .to_owned();
    let environments = Entity::find()
        .filter(Column::KubernetesResourceType.eq("Namespace"))
        .filter(Column::KubernetesResourceUid.is_in(tenants))
        .filter(Column::DbRelationType.eq("ManagedEnvironment"))
        .filter(Column::DbRelationKey.in_subquery(existing))
        .all(tx)
        .await?;
    let pair = |row: kubernetes_to_db_resource_mapping::Model| {
        let tenant = TenantUid::new(row.kubernetes_resource_uid);
        (tenant, EnvironmentId::new(row.db_relation_key))
    };
    loaded.existing_environments = environments.into_iter().map(pair).collect();
    Ok(())
}

/// Whether the deployment may still take over an application of an earlier installation.
fn may_adopt(machine: &Deployment) -> bool {
    machine.record.present && machine.record.application.is_none()
}

pub(super) async fn load_existing(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let unseen =
        request.observed.iter().map(|one| &one.uid).filter(|uid| !loaded.deployments.contains(uid));
    let known = loaded.deployments.known.iter();
    let waiting = known.filter(|(_, versioned)| may_adopt(&versioned.machine)).map(|(uid, _)| uid);
    let without: BTreeSet<&str> = unseen.chain(waiting).map(DeploymentUid::as_str).collect();
    if without.is_empty() {
        return Ok(());
    }
    let rows = mapping::Entity::find()
        .filter(mapping::Column::DeploymenttoapplicationmappingUidId.is_in(without))
        .all(tx)
        .await?;
    if !rows.is_empty() {
        loaded.existing_applications = load_existing_applications(tx, rows).await?;
    }
    Ok(())
}

/// The rows behind the mappings of an earlier installation. The owner is given by a separate table
/// or, in rows from before that table, by the namespace.
async fn load_existing_applications(
    tx: &impl ConnectionTrait,
    mappings: Vec<mapping::Model>,
) -> Result<HashMap<DeploymentUid, ExistingApplication>, StoreError> {
    let ids = || mappings.iter().map(|row| row.application_id.as_str());
    let instances: HashMap<String, String> = application::Entity::find()
        .filter(application::Column::ApplicationId.is_in(ids()))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.application_id, row.engine_instance_inst_id))
        .collect();
    let owners: HashMap<String, String> = application_owner::Entity::find()
        .filter(application_owner::Column::ApplicationOwnerApplicationId.is_in(ids()))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.application_owner_application_id, row.application_owner_user_id))
        .collect();
    let namespaces = mappings.iter().filter_map(|row| row.namespace_uid.as_deref());
    let users: HashMap<String, String> = cluster_user::Entity::find()
        .filter(cluster_user::Column::UserName.is_in(namespaces))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.user_name, row.clusteruser_id))
        .collect();
    let existing = |row: mapping::Model| {
        let of_namespace = || users.get(row.namespace_uid.as_deref()?);
        let user = owners.get(&row.application_id).or_else(of_namespace)?;
        let existing = ExistingApplication {
            user: ClusterUserId::new(user.clone()),
            instance: InstanceId::new(instances.get(&row.application_id)?.clone()),
            id: ApplicationId::new(row.application_id),
        };
        Some((DeploymentUid::new(row.deploymenttoapplicationmapping_uid_id), existing))
    };
    Ok(mappings.into_iter().filter_map(existing).collect())
}
