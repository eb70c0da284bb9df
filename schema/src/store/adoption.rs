//! Rows of an earlier installation, which a batch may take over.

use std::collections::{BTreeSet, HashMap};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, InstanceId, TenantUid,
};
use machines::kinds::deployment::ExistingApplication;
use machines::kinds::deployment::destination::Destination;
use machines::operation::application::IN_CLUSTER;
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;

use crate::entity::{
    application, application_owner, cluster_user, deployment_to_application_mapping as mapping,
    kubernetes_to_db_resource_mapping, managed_environment,
};
use crate::spec_field;
use crate::store::StoreError;
use crate::store::backend::loaded::{BackendLoaded, BackendRequest};
use crate::store::kinds::managed_environment::opening::targets;

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

pub(super) async fn load_existing(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let unseen =
        request.observed.iter().map(|one| &one.uid).filter(|uid| !loaded.deployments.contains(uid));
    let known = loaded.deployments.known.iter();
    let waiting = known.filter(|(_, versioned)| versioned.machine.may_adopt()).map(|(uid, _)| uid);
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
    let applications = application::Entity::find()
        .filter(application::Column::ApplicationId.is_in(ids()))
        .all(tx)
        .await?;
    let targets = targets_of(tx, &applications).await?;
    let applications: HashMap<String, (String, Destination)> = applications
        .into_iter()
        .map(|row| {
            let destination = destination(&row, &targets);
            (row.application_id, (row.engine_instance_inst_id, destination))
        })
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
        let (instance, destination) = applications.get(&row.application_id)?.clone();
        let existing = ExistingApplication {
            user: ClusterUserId::new(user.clone()),
            instance: InstanceId::new(instance),
            id: ApplicationId::new(row.application_id),
            destination,
        };
        Some((DeploymentUid::new(row.deploymenttoapplicationmapping_uid_id), existing))
    };
    Ok(mappings.into_iter().filter_map(existing).collect())
}

/// The names of those environments of these applications that are other clusters than the one that
/// Argo CD runs in, by id.
async fn targets_of(
    tx: &impl ConnectionTrait,
    applications: &[application::Model],
) -> Result<HashMap<String, String>, StoreError> {
    use managed_environment::{Column, Entity};
    let ids: BTreeSet<&str> =
        applications.iter().filter_map(|row| row.managed_environment_id.as_deref()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Entity::find()
        .filter(Column::ManagedenvironmentId.is_in(ids))
        .filter(Column::ClustercredentialsId.in_subquery(targets()))
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.managedenvironment_id, row.name)).collect())
}

/// Where an application deploys to, given the names of targets. One that had an environment that is
/// gone has none.
fn destination(row: &application::Model, targets: &HashMap<String, String>) -> Destination {
    let Some(id) = &row.managed_environment_id else {
        let said = spec_field::decode(&row.spec_field).map(|one| one.spec.destination.name);
        let is_in_cluster = said.is_ok_and(|name| name == IN_CLUSTER);
        return if is_in_cluster {
            Destination::InCluster {}
        } else {
            Destination::Nowhere { is_requested: false }
        };
    };
    match targets.get(id) {
        Some(name) => {
            Destination::Environment { id: EnvironmentId::new(id.clone()), name: name.clone() }
        }
        None => Destination::InCluster {},
    }
}
