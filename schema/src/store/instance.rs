//! The Argo CD instance that a database is used with, and its cluster.

use machines::identity::{InstanceId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, IntoActiveModel, QueryOrder};

use crate::connection::Database;
use crate::entity::{
    gitops_engine_cluster, gitops_engine_instance, kubernetes_to_db_resource_mapping,
};
use crate::store::kinds::tenant::rows::placeholder_credentials;
use crate::store::statements::insert_missing;
use crate::store::{Call, Store, StoreError};

/// What the mapping of a namespace's UID may lead to.
const INSTANCE: &str = "GitopsEngineInstance";
/// The same for the cluster that the instance runs in.
const CLUSTER: &str = "GitopsEngineCluster";
/// Longest name of Argo CD's namespace that `gitopsengineinstance.namespace_name` holds.
pub const NAMESPACE_LIMIT: usize = 48;

impl Store {
    /// Makes sure that the rows of the Argo CD instance exist, and returns its id.
    ///
    /// They are known by the UIDs of their namespaces: a previously recorded instance keeps its id,
    /// wherever that came from.
    pub fn ensure_instance<'a>(
        &'a self,
        argocd_namespace: &'a str,
        argocd_namespace_uid: &'a str,
        kube_system_uid: &'a str,
        now: Timestamp,
    ) -> Call<'a, InstanceId> {
        self.call("ensure_instance", async move {
            if argocd_namespace.chars().count() > NAMESPACE_LIMIT {
                return Err(StoreError::Value {
                    what: format!("the Argo CD namespace {argocd_namespace}"),
                    why: format!(
                        "its name is longer than the {NAMESPACE_LIMIT} characters of the existing \
                     column; install Argo CD in a namespace with a shorter name"
                    ),
                });
            }
            let tx = self.begin().await?;
            if let Some(id) = mapped(&tx, INSTANCE, argocd_namespace_uid).await? {
                if gitops_engine_instance::Entity::find_by_id(&id).one(&tx).await?.is_some() {
                    tx.rollback().await?;
                    return Ok(InstanceId::new(id));
                }
                unmap(&tx, INSTANCE, argocd_namespace_uid).await?;
            }
            let cluster = ensure_cluster(&tx, kube_system_uid, now).await?;
            // Its row may exist although the mapping led elsewhere.
            let unmapped = gitops_engine_instance::Entity::find()
                .filter(gitops_engine_instance::Column::NamespaceUid.eq(argocd_namespace_uid))
                .filter(gitops_engine_instance::Column::EngineclusterId.eq(&cluster))
                .one(&tx)
                .await?;
            let id = match unmapped {
                Some(row) => InstanceId::new(row.gitopsengineinstance_id),
                None => InstanceId::of(argocd_namespace_uid, kube_system_uid),
            };
            let instance = gitops_engine_instance::Model {
                gitopsengineinstance_id: id.as_str().to_owned(),
                namespace_name: argocd_namespace.to_owned(),
                namespace_uid: argocd_namespace_uid.to_owned(),
                enginecluster_id: cluster,
            };
            insert_missing(&tx, [instance.into_active_model()]).await?;
            map(&tx, INSTANCE, argocd_namespace_uid, id.as_str()).await?;
            tx.commit().await?;
            Ok(id)
        })
    }
}

/// The UIDs of the kube-system namespaces of the clusters that a database was used with.
pub fn known_clusters(database: &Database) -> Call<'_, Vec<String>> {
    use kubernetes_to_db_resource_mapping::{Column, Entity};
    Box::pin(async move {
        let rows = Entity::find()
            .filter(Column::KubernetesResourceType.eq("Namespace"))
            .filter(Column::DbRelationType.eq(CLUSTER))
            .order_by_asc(Column::KubernetesResourceUid)
            .all(&database.reads())
            .await?;
        Ok(rows.into_iter().map(|row| row.kubernetes_resource_uid).collect())
    })
}

async fn ensure_cluster(
    tx: &impl ConnectionTrait,
    kube_system_uid: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    if let Some(id) = mapped(tx, CLUSTER, kube_system_uid).await? {
        if gitops_engine_cluster::Entity::find_by_id(&id).one(tx).await?.is_some() {
            return Ok(id);
        }
        unmap(tx, CLUSTER, kube_system_uid).await?;
    }
    insert_cluster(tx, kube_system_uid, now).await
}

async fn insert_cluster(
    tx: &impl ConnectionTrait,
    kube_system_uid: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    let id = InstanceId::cluster_id(kube_system_uid);
    let credentials = InstanceId::cluster_credentials_id(kube_system_uid);
    insert_missing(tx, [placeholder_credentials(credentials.clone(), now)]).await?;
    let cluster = gitops_engine_cluster::Model {
        gitopsenginecluster_id: id.clone(),
        clustercredentials_id: credentials,
    };
    insert_missing(tx, [cluster.into_active_model()]).await?;
    map(tx, CLUSTER, kube_system_uid, &id).await?;
    Ok(id)
}

async fn mapped(
    tx: &impl ConnectionTrait,
    relation: &str,
    namespace_uid: &str,
) -> Result<Option<String>, StoreError> {
    use kubernetes_to_db_resource_mapping::{Column, Entity};
    let row = Entity::find()
        .filter(Column::KubernetesResourceType.eq("Namespace"))
        .filter(Column::KubernetesResourceUid.eq(namespace_uid))
        .filter(Column::DbRelationType.eq(relation))
        .one(tx)
        .await?;
    Ok(row.map(|row| row.db_relation_key))
}

/// Removes a mapping to a row that is gone; a mapping has no foreign key.
async fn unmap(
    tx: &impl ConnectionTrait,
    relation: &str,
    namespace_uid: &str,
) -> Result<(), StoreError> {
    use kubernetes_to_db_resource_mapping::{Column, Entity};
    Entity::delete_many()
        .filter(Column::KubernetesResourceType.eq("Namespace"))
        .filter(Column::KubernetesResourceUid.eq(namespace_uid))
        .filter(Column::DbRelationType.eq(relation))
        .exec(tx)
        .await?;
    Ok(())
}

async fn map(
    tx: &impl ConnectionTrait,
    relation: &str,
    namespace_uid: &str,
    key: &str,
) -> Result<(), StoreError> {
    let row = kubernetes_to_db_resource_mapping::Model {
        kubernetes_resource_type: "Namespace".to_owned(),
        kubernetes_resource_uid: namespace_uid.to_owned(),
        db_relation_type: relation.to_owned(),
        db_relation_key: key.to_owned(),
    };
    insert_missing(tx, [row.into_active_model()]).await
}
