//! Cluster Secrets: which ones rows ask for, what they say, and which ones nothing asks for.

use std::collections::{BTreeMap, BTreeSet};

use machines::identity::{ClusterUserId, Digest, EnvironmentId};
use machines::kinds::managed_environment::{
    ClusterCredentialsId, EnvironmentUid, ManagedEnvironment,
};
use machines::operation::target::MANAGED_ENVIRONMENT;
use machines::rows::Requester;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{QueryOrder, QuerySelect};

use super::orphans::Owners;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, cluster_access, managed_environment as environment,
};
use crate::store::kinds::managed_environment::opening::{self, targets};
use crate::store::kinds::managed_environment::rows::MAPPINGS;
use crate::store::machine_rows::Persistent;
use crate::store::{Call, EnvironmentAccess, Store, StoreError};

const OWNERS: Owners = Owners {
    kind: ManagedEnvironment::KIND,
    resource_type: MANAGED_ENVIRONMENT,
    row_of: |uid| EnvironmentId::of(&EnvironmentUid::new(uid)).into_string(),
    requester: |requester| match requester {
        Requester::Environment(uid) => Some(uid.into_string()),
        Requester::Deployment(_) | Requester::Credential(_) | Requester::SyncRun(_) => None,
    },
};

/// A cluster Secret that a row asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedCluster {
    /// Whose it is.
    pub owner: ClusterOwner,
    /// The digest of what the Secret should say; `None` if it cannot be opened.
    pub digest: Option<Digest>,
}

/// The row of a cluster Secret, without what is sealed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterOwner {
    /// The row.
    pub row: EnvironmentId,
    /// The managed environment that it represents; `None` if an earlier installation has left it
    /// without one.
    pub environment: Option<EnvironmentUid>,
    /// The cluster user that owns it; `None` if an earlier installation has left it without one.
    pub owner: Option<ClusterUserId>,
}

/// To what and to whom rows belong.
#[derive(Default)]
struct Belonging {
    environments: BTreeMap<String, EnvironmentUid>,
    owners: BTreeMap<String, ClusterUserId>,
}

impl Belonging {
    fn of(&self, row: EnvironmentId) -> ClusterOwner {
        let environment = self.environments.get(row.as_str()).cloned();
        let owner = self.owners.get(row.as_str()).cloned();
        ClusterOwner { row, environment, owner }
    }
}

impl Store {
    /// A page of the rows of cluster Secrets, in the order of their ids, starting after one.
    pub fn cluster_owners<'a>(
        &'a self,
        after: &'a EnvironmentId,
        limit: u64,
    ) -> Call<'a, Vec<ClusterOwner>> {
        self.call("cluster_owners", async move {
            let ids: Vec<String> = environment::Entity::find()
                .select_only()
                .column(environment::Column::ManagedenvironmentId)
                .filter(environment::Column::ClustercredentialsId.in_subquery(targets()))
                .filter(environment::Column::ManagedenvironmentId.gt(after.as_str()))
                .order_by_asc(environment::Column::ManagedenvironmentId)
                .limit(limit)
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            let belonging = self.belonging(ids.iter().map(String::as_str)).await?;
            Ok(ids.into_iter().map(|id| belonging.of(EnvironmentId::new(id))).collect())
        })
    }

    /// A page of the cluster Secrets that rows ask for, in the order of the rows' ids, starting after
    /// one.
    pub fn wanted_clusters<'a>(
        &'a self,
        after: &'a EnvironmentId,
        limit: u64,
    ) -> Call<'a, Vec<WantedCluster>> {
        self.call("wanted_clusters", async move {
            // A row comes once for each of its values, so the page is one of ids.
            let id = environment::Column::ManagedenvironmentId;
            let page = Query::select()
                .column(id)
                .from(environment::Entity)
                .and_where(environment::Column::ClustercredentialsId.in_subquery(targets()))
                .and_where(id.gt(after.as_str()))
                .order_by(id, sea_orm::Order::Asc)
                .limit(limit)
                .to_owned();
            let reads = self.database.reads();
            let stored = opening::load_environments(&reads, id.in_subquery(page)).await?;
            let belonging = self.belonging(stored.keys().map(EnvironmentId::as_str)).await?;
            let wanted = stored.into_iter().map(|(row, stored)| {
                let digest = stored.digest(&row, self.sealer.as_ref()).ok();
                WantedCluster { owner: belonging.of(row), digest }
            });
            Ok(wanted.collect())
        })
    }

    async fn belonging(&self, rows: impl Iterator<Item = &str>) -> Result<Belonging, StoreError> {
        let ids: Vec<&str> = rows.collect();
        if ids.is_empty() {
            return Ok(Belonging::default());
        }
        let mappings = MAPPINGS
            .find()
            .filter(api_mapping::Column::DbRelationKey.is_in(ids.iter().copied()))
            .all(&self.database.reads())
            .await?;
        let pair = |row: api_mapping::Model| {
            (row.db_relation_key, EnvironmentUid::new(row.api_resource_uid))
        };
        let environments = mappings.into_iter().map(pair).collect();
        use cluster_access::{Column, Entity};
        let accesses = Entity::find()
            .filter(Column::ClusteraccessManagedEnvironmentId.is_in(ids))
            // The last one of an environment counts, so they are read from the last to the first.
            .order_by_desc(Column::ClusteraccessUserId)
            .all(&self.database.reads())
            .await?;
        let pair = |row: cluster_access::Model| {
            let user = ClusterUserId::new(row.clusteraccess_user_id);
            (row.clusteraccess_managed_environment_id, user)
        };
        Ok(Belonging { environments, owners: accesses.into_iter().map(pair).collect() })
    }

    /// How the cluster of an environment is reached; `None` if there is no row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unopened`] if there is a row that cannot be opened.
    pub fn environment_access<'a>(
        &'a self,
        row: &'a EnvironmentId,
    ) -> Call<'a, Option<EnvironmentAccess>> {
        self.call("environment_access", async move {
            let id = environment::Column::ManagedenvironmentId.eq(row.as_str());
            let stored = opening::load_environments(&self.database.reads(), id).await?.remove(row);
            Ok(stored.map(|stored| stored.open(self.sealer.as_ref())).transpose()?)
        })
    }

    /// What these credentials open, whether or not an environment still names them; `None` if there is
    /// no row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unopened`] if there is a row that cannot be opened.
    pub fn cluster_access<'a>(
        &'a self,
        credentials: &'a ClusterCredentialsId,
    ) -> Call<'a, Option<EnvironmentAccess>> {
        self.call("cluster_access", async move {
            let stored = opening::load_credentials(&self.database.reads(), credentials).await?;
            Ok(stored.map(|stored| stored.open(self.sealer.as_ref())).transpose()?)
        })
    }

    /// Those of these rows, by the labels of cluster Secrets, whose Secrets have no owner: there is no
    /// row, and this database once had a machine for its environment but no longer does.
    pub fn orphaned_clusters(
        &self,
        mut rows: BTreeSet<EnvironmentId>,
    ) -> Call<'_, BTreeSet<EnvironmentId>> {
        self.call("orphaned_clusters", async move {
            let column = environment::Column::ManagedenvironmentId;
            let ids = rows.iter().map(EnvironmentId::as_str);
            let found = self.found_among(environment::Entity::find(), column, ids).await?;
            rows.retain(|row| !found.contains(row.as_str()));
            let rows = rows.into_iter().map(EnvironmentId::into_string).collect();
            let orphans = self.without_owners(rows, &OWNERS).await?;
            Ok(orphans.into_iter().map(EnvironmentId::new).collect())
        })
    }
}
