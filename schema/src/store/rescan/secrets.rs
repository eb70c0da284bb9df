//! Repository Secrets: which ones rows ask for, what they say, and which ones nothing asks for.

use std::collections::{BTreeMap, BTreeSet};

use machines::identity::{ClusterUserId, Digest};
use machines::kinds::repository_credential::{CredentialId, CredentialUid, RepositoryCredential};
use machines::operation::target::REPOSITORY_CREDENTIALS;
use machines::rows::Requester;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{QueryOrder, QuerySelect};

use super::IDS;
use crate::entity::{
    api_cr_to_database_mapping as api_mapping, machine, operation,
    repository_credentials as credential, transition,
};
use crate::store::kinds::repository_credential::opening;
use crate::store::kinds::repository_credential::rows::RELATION;
use crate::store::machine_rows::Persistent;
use crate::store::{Call, RepositoryAccess, Store, StoreError};

/// Credentials read by one statement of a scan of transitions.
const SCAN_PAGE: u64 = 2_000;

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

impl Store {
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
            .filter(Column::DbRelationType.eq(RELATION))
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
    ///
    /// A row's id does not say whose it is, so it is looked for among those of which the database
    /// remembers that it served them: the id of a row is derived from the object that left transitions,
    /// or an operation on it names that object, as of a row that an earlier installation had made. What
    /// neither proves is left alone: the database may be an older one, or an empty one. So is what an
    /// open operation is about, because the agent is about to act on it.
    pub fn orphaned_secrets(
        &self,
        mut rows: BTreeSet<CredentialId>,
    ) -> Call<'_, BTreeSet<CredentialId>> {
        self.call("orphaned_secrets", async move {
            let column = credential::Column::RepositorycredentialsId;
            let ids = rows.iter().map(CredentialId::as_str);
            let found = self.found_among(credential::Entity::find(), column, ids).await?;
            rows.retain(|row| !found.contains(row.as_str()));
            let mut served = self.requested(&mut rows).await?;
            let unknown: BTreeSet<CredentialId> =
                rows.into_iter().filter(|row| !served.contains_key(row)).collect();
            if !unknown.is_empty() {
                served.extend(self.derived_from_transitions(&unknown).await?);
            }
            let machines = machine::Entity::find()
                .filter(machine::Column::Kind.eq(RepositoryCredential::KIND));
            let uids = served.values().map(CredentialUid::as_str);
            let found = self.found_among(machines, machine::Column::Key, uids).await?;
            served.retain(|_, uid| !found.contains(uid.as_str()));
            Ok(served.into_keys().collect())
        })
    }

    /// The credentials that have asked for operations on these rows, which have ended; nobody's, for
    /// one that an earlier installation has left. Those with an open one are taken out.
    async fn requested(
        &self,
        rows: &mut BTreeSet<CredentialId>,
    ) -> Result<BTreeMap<CredentialId, CredentialUid>, StoreError> {
        use operation::{Column, Entity};
        let mut served = BTreeMap::new();
        let ids: Vec<String> = rows.iter().map(|row| row.as_str().to_owned()).collect();
        for some in ids.chunks(IDS) {
            let operations = Entity::find()
                .filter(Column::ResourceType.eq(REPOSITORY_CREDENTIALS))
                .filter(Column::ResourceId.is_in(some.iter().map(String::as_str)))
                .all(&self.database.reads())
                .await?;
            for operation in operations {
                let is_open = !operation.progress().is_terminal();
                let row = CredentialId::new(operation.resource_id);
                let requester = operation.requester.as_deref().and_then(Requester::parse);
                if is_open {
                    rows.remove(&row);
                } else {
                    match requester {
                        Some(Requester::Credential(uid)) => served.insert(row, uid),
                        None => Some(served.entry(row).or_default().clone()),
                        Some(_) => None,
                    };
                }
            }
        }
        served.retain(|row, _| rows.contains(row));
        Ok(served)
    }

    /// The credentials of which there are transitions and whose rows these would be.
    async fn derived_from_transitions(
        &self,
        rows: &BTreeSet<CredentialId>,
    ) -> Result<BTreeMap<CredentialId, CredentialUid>, StoreError> {
        use transition::{Column, Entity};
        let mut served = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page: Vec<String> = Entity::find()
                .select_only()
                .column(Column::Key)
                .distinct()
                .filter(Column::Kind.eq(RepositoryCredential::KIND))
                .filter(Column::Key.gt(after))
                .order_by_asc(Column::Key)
                .limit(SCAN_PAGE)
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            let Some(last) = page.last() else { return Ok(served) };
            after = last.clone();
            let pairs = page.into_iter().map(|uid| {
                let uid = CredentialUid::new(uid);
                (CredentialId::of(&uid), uid)
            });
            served.extend(pairs.filter(|(row, _)| rows.contains(row)));
        }
    }
}
