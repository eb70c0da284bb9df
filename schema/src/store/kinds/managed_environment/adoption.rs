//! Managed environments of an earlier installation, which a batch may take over.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use machines::identity::{ClusterUserId, EnvironmentId, InstanceId, TenantUid, Timestamp};
use machines::kinds::managed_environment::{
    ClusterCredentialsId, EnvironmentUid, ExistingEnvironment, ManagedEnvironment,
};
use machines::operation::target::MANAGED_ENVIRONMENT;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, Query};
use sea_orm::{ConnectionTrait, JoinType, QueryOrder, QuerySelect};

use super::rows::MAPPINGS;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, cluster_access, cluster_user,
    managed_environment as environment,
};
use crate::store::kinds::api_mappings::without_machine;
use crate::store::kinds::operation;
use crate::store::machine_rows::Persistent;
use crate::store::{Call, Store, StoreError};

/// An object that an earlier installation has served and this one has not seen yet. It may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedEnvironment {
    /// The object.
    pub uid: EnvironmentUid,
    /// The UID of its namespace.
    pub tenant: TenantUid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A row that an earlier installation has made, and the object that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedEnvironmentRow {
    /// The object.
    pub object: AdoptedEnvironment,
    /// The row.
    pub row: ExistingEnvironment,
}

impl AdoptedEnvironment {
    fn of(row: api_mapping::Model) -> Self {
        Self {
            uid: EnvironmentUid::new(row.api_resource_uid),
            tenant: TenantUid::new(row.api_resource_namespace_uid),
            namespace: row.api_resource_namespace,
            name: row.api_resource_name,
        }
    }
}

/// The rows of these environments, as far as an earlier installation has made some.
pub(super) async fn existing(
    tx: &impl ConnectionTrait,
    environments: BTreeSet<&str>,
) -> Result<HashMap<EnvironmentUid, AdoptedEnvironmentRow>, StoreError> {
    let rows = MAPPINGS
        .find()
        .join(JoinType::InnerJoin, to_row())
        .filter(api_mapping::Column::ApiResourceUid.is_in(environments))
        .select_also(environment::Entity)
        .all(tx)
        .await?;
    let rows: Vec<_> =
        rows.into_iter().filter_map(|(mapping, row)| Some((mapping, row?))).collect();
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let owners = Owners::load(tx, &rows).await?;
    let existing = rows.into_iter().filter_map(|(mapping, row)| {
        let (user, instance) = owners.of(&mapping, &row)?;
        let row = ExistingEnvironment {
            id: EnvironmentId::new(row.managedenvironment_id),
            credentials: ClusterCredentialsId::new(row.clustercredentials_id),
            user: ClusterUserId::new(user),
            instance: InstanceId::new(instance),
        };
        let object = AdoptedEnvironment::of(mapping);
        Some((object.uid.clone(), AdoptedEnvironmentRow { object, row }))
    });
    Ok(existing.collect())
}

/// The rows of environments with these names, as (tenant, name), that an earlier installation has made
/// and of which no machine has taken note yet.
pub(super) async fn unseen(
    tx: &impl ConnectionTrait,
    names: &[(String, String)],
) -> Result<Vec<((String, String), EnvironmentId)>, StoreError> {
    use api_mapping::Column;
    // SQLite compares row values only with a subquery, so the pairs are one.
    let pairs = Query::select()
        .column(Asterisk)
        .from_values(names.iter().cloned(), Alias::new("wanted"))
        .to_owned();
    let name = [Column::ApiResourceNamespaceUid, Column::ApiResourceName].map(Expr::col);
    let rows = MAPPINGS
        .find()
        .join(JoinType::InnerJoin, to_row())
        .filter(Expr::tuple(name.map(Into::into)).in_subquery(pairs))
        .filter(without_machine(ManagedEnvironment::KIND))
        .all(tx)
        .await?;
    let unseen = rows.into_iter().map(|row| {
        let name = (row.api_resource_namespace_uid, row.api_resource_name);
        (name, EnvironmentId::new(row.db_relation_key))
    });
    Ok(unseen.collect())
}

fn to_row() -> RelationDef {
    api_mapping::Entity::belongs_to(environment::Entity)
        .from(api_mapping::Column::DbRelationKey)
        .to(environment::Column::ManagedenvironmentId)
        .into()
}

/// To whom environments belong, and which instances use them.
struct Owners {
    /// The user and the instance, by environment.
    accesses: BTreeMap<String, (String, String)>,
    /// The users of namespaces.
    users: HashMap<String, String>,
    /// An instance that each user has access to.
    instances: BTreeMap<String, String>,
}

impl Owners {
    async fn load(
        tx: &impl ConnectionTrait,
        rows: &[(api_mapping::Model, environment::Model)],
    ) -> Result<Self, StoreError> {
        use cluster_access::{Column, Entity};
        let namespaces = rows.iter().map(|(mapping, _)| &*mapping.api_resource_namespace_uid);
        let users: HashMap<String, String> = cluster_user::Entity::find()
            .filter(cluster_user::Column::UserName.is_in(namespaces))
            .all(tx)
            .await?
            .into_iter()
            .map(|row| (row.user_name, row.clusteruser_id))
            .collect();
        let ids = rows.iter().map(|(_, row)| row.managedenvironment_id.as_str());
        let of_environments = Column::ClusteraccessManagedEnvironmentId.is_in(ids);
        let of_users = Column::ClusteraccessUserId.is_in(users.values());
        let found = Entity::find()
            .filter(sea_orm::Condition::any().add(of_environments).add(of_users))
            .order_by_asc(Column::ClusteraccessUserId)
            .order_by_asc(Column::ClusteraccessGitopsEngineInstanceId)
            .all(tx)
            .await?;
        let (mut accesses, mut instances) = (BTreeMap::new(), BTreeMap::new());
        for access in found {
            let user = access.clusteraccess_user_id;
            let instance = access.clusteraccess_gitops_engine_instance_id;
            instances.entry(user.clone()).or_insert_with(|| instance.clone());
            let environment = access.clusteraccess_managed_environment_id;
            accesses.entry(environment).or_insert((user, instance));
        }
        Ok(Self { accesses, users, instances })
    }

    /// An environment's user and instance. The access is the last of the rows that the existing system
    /// makes: without one, both are those of the namespace.
    fn of(
        &self,
        mapping: &api_mapping::Model,
        row: &environment::Model,
    ) -> Option<(String, String)> {
        let of_namespace = || {
            let user = self.users.get(&mapping.api_resource_namespace_uid)?;
            Some((user.clone(), self.instances.get(user)?.clone()))
        };
        self.accesses.get(&row.managedenvironment_id).cloned().or_else(of_namespace)
    }
}

/// Closes the open operations that an earlier installation left for rows that are still there. Those
/// whose row is gone stay open: the agent removes what is left of it.
pub(in crate::store) async fn supersede(
    tx: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wanted = Query::select()
        .column(environment::Column::ManagedenvironmentId)
        .from(environment::Entity)
        .to_owned();
    operation::rows::supersede(tx, MANAGED_ENVIRONMENT, wanted, now).await
}

impl Store {
    /// The environments that an earlier installation has served and that have no machine yet, page by
    /// page. Those whose objects are gone are shown by no watch.
    pub fn adopted_environments(&self) -> Call<'_, Vec<AdoptedEnvironment>> {
        self.call("adopted_environments", async move {
            let mut adopted = Vec::new();
            let mut after = String::new();
            loop {
                let reads = self.database.reads();
                let page =
                    MAPPINGS.without_machine(&reads, ManagedEnvironment::KIND, &after).await?;
                let Some(last) = page.last() else { return Ok(adopted) };
                after.clone_from(&last.api_resource_uid);
                adopted.extend(page.into_iter().map(AdoptedEnvironment::of));
            }
        })
    }
}
