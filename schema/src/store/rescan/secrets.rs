//! Repository Secrets: which ones rows ask for, what they say, and which ones nothing asks for.

use std::collections::{BTreeMap, BTreeSet};

use machines::identity::{ClusterUserId, Digest};
use machines::kinds::repository_credential::{CredentialId, CredentialUid, RepositoryCredential};
use machines::operation::target::REPOSITORY_CREDENTIALS;
use machines::rows::Requester;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{QueryOrder, QuerySelect};

use super::orphans::Owners;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, repository_credentials as credential,
};
use crate::store::kinds::repository_credential::opening;
use crate::store::kinds::repository_credential::rows::MAPPINGS;
use crate::store::machine_rows::Persistent;
use crate::store::{Call, RepositoryAccess, Store, StoreError};

const OWNERS: Owners = Owners {
    kind: RepositoryCredential::KIND,
    resource_type: REPOSITORY_CREDENTIALS,
    row_of: |uid| CredentialId::of(&CredentialUid::new(uid)).into_string(),
    requester: |requester| match requester {
        Requester::Credential(uid) => Some(uid.into_string()),
        Requester::Deployment(_) | Requester::Environment(_) | Requester::SyncRun(_) => None,
    },
};

/// A repository Secret that a row asks for.
#[derive(Clone, Debug)]
pub struct WantedSecret {
    /// The row.
    pub row: CredentialId,
    /// The credential that it represents; `None` if an earlier installation has left it without one.
    pub credential: Option<CredentialUid>,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// The digest of what the Secret should say; `None` if it cannot be opened.
    pub digest: Option<Digest>,
}

/// The row of a repository Secret, without what is sealed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretOwner {
    /// The row.
    pub row: CredentialId,
    /// The credential that it represents; `None` if an earlier installation has left it without one.
    pub credential: Option<CredentialUid>,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
}

impl Store {
    /// A page of the rows of repository Secrets, in the order of their ids, starting after one.
    pub fn secret_owners<'a>(
        &'a self,
        after: &'a CredentialId,
        limit: u64,
    ) -> Call<'a, Vec<SecretOwner>> {
        self.call("secret_owners", async move {
            let rows: Vec<(String, String)> = credential::Entity::find()
                .select_only()
                .column(credential::Column::RepositorycredentialsId)
                .column(credential::Column::RepoCredUserId)
                .filter(credential::Column::RepositorycredentialsId.gt(after.as_str()))
                .order_by_asc(credential::Column::RepositorycredentialsId)
                .limit(limit)
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            let pair = |(row, owner)| (CredentialId::new(row), ClusterUserId::new(owner));
            let owners: BTreeMap<CredentialId, ClusterUserId> =
                rows.into_iter().map(pair).collect();
            let credentials = self.mapped(owners.keys()).await?;
            let owned = owners.into_iter().map(|(row, owner)| {
                let credential = credentials.get(&row).cloned();
                SecretOwner { row, credential, owner }
            });
            Ok(owned.collect())
        })
    }

    /// A page of the repository Secrets that rows ask for, in the order of the rows' ids, starting
    /// after one.
    pub fn wanted_secrets<'a>(
        &'a self,
        after: &'a CredentialId,
        limit: u64,
    ) -> Call<'a, Vec<WantedSecret>> {
        self.call("wanted_secrets", async move {
            // A row comes once for each of its values, so the page is one of ids.
            let page = Query::select()
                .column(credential::Column::RepositorycredentialsId)
                .from(credential::Entity)
                .and_where(credential::Column::RepositorycredentialsId.gt(after.as_str()))
                .order_by(credential::Column::RepositorycredentialsId, sea_orm::Order::Asc)
                .limit(limit)
                .to_owned();
            let rows = credential::Column::RepositorycredentialsId.in_subquery(page);
            let stored = opening::load(&self.database.reads(), rows).await?;
            let credentials = self.mapped(stored.keys()).await?;
            let wanted = stored.into_iter().map(|(row, stored)| WantedSecret {
                credential: credentials.get(&row).cloned(),
                owner: ClusterUserId::new(stored.row.repo_cred_user_id.clone()),
                digest: stored.digest(self.sealer.as_ref()).ok(),
                row,
            });
            Ok(wanted.collect())
        })
    }

    /// The credentials that these rows represent.
    async fn mapped(
        &self,
        rows: impl Iterator<Item = &CredentialId>,
    ) -> Result<BTreeMap<CredentialId, CredentialUid>, StoreError> {
        use api_mapping::{Column, Entity};
        let ids: Vec<&str> = rows.map(CredentialId::as_str).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mappings = Entity::find()
            .filter(Column::DbRelationType.eq(MAPPINGS.relation))
            .filter(Column::DbRelationKey.is_in(ids))
            .all(&self.database.reads())
            .await?;
        let pair = |row: api_mapping::Model| {
            (CredentialId::new(row.db_relation_key), CredentialUid::new(row.api_resource_uid))
        };
        Ok(mappings.into_iter().map(pair).collect())
    }

    /// How a private repository is reached; `None` if there is no row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unopened`] if there is a row that cannot be opened.
    pub fn repository_access<'a>(
        &'a self,
        row: &'a CredentialId,
    ) -> Call<'a, Option<RepositoryAccess>> {
        self.call("repository_access", async move {
            let id = credential::Column::RepositorycredentialsId.eq(row.as_str());
            let stored = opening::load(&self.database.reads(), id).await?.remove(row);
            Ok(stored.map(|stored| stored.open(self.sealer.as_ref())).transpose()?)
        })
    }

    /// Those of these rows, by the labels of repository Secrets, whose Secrets have no owner: there is
    /// no row, and this database once had a machine for its credential but no longer does.
    pub fn orphaned_secrets(
        &self,
        mut rows: BTreeSet<CredentialId>,
    ) -> Call<'_, BTreeSet<CredentialId>> {
        self.call("orphaned_secrets", async move {
            let column = credential::Column::RepositorycredentialsId;
            let ids = rows.iter().map(CredentialId::as_str);
            let found = self.found_among(credential::Entity::find(), column, ids).await?;
            rows.retain(|row| !found.contains(row.as_str()));
            let rows = rows.into_iter().map(CredentialId::into_string).collect();
            let orphans = self.without_owners(rows, &OWNERS).await?;
            Ok(orphans.into_iter().map(CredentialId::new).collect())
        })
    }
}
