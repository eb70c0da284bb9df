//! Repository credentials of an earlier installation, which a batch may take over.

use std::collections::{BTreeSet, HashMap};

use machines::identity::{ClusterUserId, InstanceId, TenantUid, Timestamp};
use machines::kinds::repository_credential::{
    CredentialId, CredentialUid, ExistingCredential, RepositoryCredential,
};
use machines::operation::target::REPOSITORY_CREDENTIALS;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, JoinType, QuerySelect};

use super::rows::MAPPINGS;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, repository_credentials as credential,
};
use crate::store::kinds::operation;
use crate::store::machine_rows::Persistent;
use crate::store::{Call, Store, StoreError};

/// An object that an earlier installation has served and this one has not seen yet. It may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedCredential {
    /// The object.
    pub uid: CredentialUid,
    /// The UID of its namespace.
    pub tenant: TenantUid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A row that an earlier installation has made, and the object that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingRow {
    /// The object.
    pub object: AdoptedCredential,
    /// The row.
    pub row: ExistingCredential,
}

impl AdoptedCredential {
    fn of(row: api_mapping::Model) -> Self {
        Self {
            uid: CredentialUid::new(row.api_resource_uid),
            tenant: TenantUid::new(row.api_resource_namespace_uid),
            namespace: row.api_resource_namespace,
            name: row.api_resource_name,
        }
    }
}

/// The rows of these credentials, as far as an earlier installation has made some.
pub(super) async fn existing(
    tx: &impl ConnectionTrait,
    credentials: BTreeSet<&str>,
) -> Result<HashMap<CredentialUid, ExistingRow>, StoreError> {
    let to_row: RelationDef = api_mapping::Entity::belongs_to(credential::Entity)
        .from(api_mapping::Column::DbRelationKey)
        .to(credential::Column::RepositorycredentialsId)
        .into();
    let rows = MAPPINGS
        .find()
        .join(JoinType::InnerJoin, to_row)
        .filter(api_mapping::Column::ApiResourceUid.is_in(credentials))
        .select_also(credential::Entity)
        .all(tx)
        .await?;
    let existing = |(mapping, row): (api_mapping::Model, Option<credential::Model>)| {
        let row = row?;
        let row = ExistingCredential {
            id: CredentialId::new(row.repositorycredentials_id),
            user: ClusterUserId::new(row.repo_cred_user_id),
            instance: InstanceId::new(row.repo_cred_engine_id),
        };
        let object = AdoptedCredential::of(mapping);
        Some((object.uid.clone(), ExistingRow { object, row }))
    };
    Ok(rows.into_iter().filter_map(existing).collect())
}

/// Closes the open operations that an earlier installation left for rows that are still there. Those
/// whose row is gone stay open: the agent removes what is left of it.
pub(in crate::store) async fn supersede(
    tx: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wanted = Query::select()
        .column(credential::Column::RepositorycredentialsId)
        .from(credential::Entity)
        .to_owned();
    operation::rows::supersede(tx, REPOSITORY_CREDENTIALS, wanted, now).await
}

impl Store {
    /// The credentials that an earlier installation has served and that have no machine yet, page by
    /// page. Those whose objects are gone are shown by no watch.
    pub fn adopted_credentials(&self) -> Call<'_, Vec<AdoptedCredential>> {
        self.call("adopted_credentials", async move {
            let mut adopted = Vec::new();
            let mut after = String::new();
            loop {
                let reads = self.database.reads();
                let page =
                    MAPPINGS.without_machine(&reads, RepositoryCredential::KIND, &after).await?;
                let Some(last) = page.last() else { return Ok(adopted) };
                after.clone_from(&last.api_resource_uid);
                adopted.extend(page.into_iter().map(AdoptedCredential::of));
            }
        })
    }
}
