//! Which Secrets in Argo CD's namespace nothing asks for any longer.

use std::collections::{BTreeMap, BTreeSet};

use machines::rows::Requester;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use super::IDS;
use crate::entity::{machine, operation, transition};
use crate::store::{Store, StoreError};

/// Machines read by one statement of a scan of transitions.
const SCAN_PAGE: u64 = 2_000;

/// Whose Secrets are looked at.
pub(super) struct Owners {
    /// The kind of their machines.
    pub(super) kind: &'static str,
    /// The type of operations on their rows.
    pub(super) resource_type: &'static str,
    /// The row of a machine that has made its own.
    pub(super) row_of: fn(&str) -> String,
    /// The machine that has asked for an operation, if it is of the kind.
    pub(super) requester: fn(Requester) -> Option<String>,
}

impl Store {
    /// Those of these keys, of which there are no rows, whose Secrets have no owner: this database once
    /// had a machine for it but no longer does.
    ///
    /// A row's key does not say whose it is, so it is looked for among those of which the database
    /// remembers that it served them: the key of a row is derived from the object that left
    /// transitions, or an operation on it names that object, as of a row that an earlier installation
    /// had made. What neither proves is left alone: the database may be an older one, or an empty one.
    /// So is what an open operation is about, because the agent is about to act on it.
    pub(super) async fn without_owners(
        &self,
        mut rows: BTreeSet<String>,
        owners: &Owners,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut served = self.requested(&mut rows, owners).await?;
        let unknown: BTreeSet<String> =
            rows.into_iter().filter(|row| !served.contains_key(row)).collect();
        if !unknown.is_empty() {
            served.extend(self.derived_from_transitions(&unknown, owners).await?);
        }
        let machines = machine::Entity::find().filter(machine::Column::Kind.eq(owners.kind));
        let uids = served.values().map(String::as_str);
        let found = self.found_among(machines, machine::Column::Key, uids).await?;
        served.retain(|_, uid| !found.contains(uid));
        Ok(served.into_keys().collect())
    }

    /// The objects that have asked for operations on these rows, which have ended; nobody, for one that
    /// an earlier installation has left. Those with an open one are taken out.
    async fn requested(
        &self,
        rows: &mut BTreeSet<String>,
        owners: &Owners,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        use operation::{Column, Entity};
        let mut served: BTreeMap<String, String> = BTreeMap::new();
        let ids: Vec<String> = rows.iter().cloned().collect();
        for some in ids.chunks(IDS) {
            let operations = Entity::find()
                .filter(Column::ResourceType.eq(owners.resource_type))
                .filter(Column::ResourceId.is_in(some.iter().map(String::as_str)))
                .all(&self.database.reads())
                .await?;
            for operation in operations {
                let is_open = !operation.progress().is_terminal();
                let row = operation.resource_id;
                if is_open {
                    rows.remove(&row);
                    continue;
                }
                match operation.requester.as_deref().and_then(Requester::parse) {
                    Some(requester) => {
                        let uid = (owners.requester)(requester);
                        served.extend(uid.map(|uid| (row, uid)));
                    }
                    None => {
                        served.entry(row).or_default();
                    }
                }
            }
        }
        served.retain(|row, _| rows.contains(row));
        Ok(served)
    }

    /// The objects of which there are transitions and whose rows these would be.
    async fn derived_from_transitions(
        &self,
        rows: &BTreeSet<String>,
        owners: &Owners,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        use transition::{Column, Entity};
        let mut served = BTreeMap::new();
        let mut after = String::new();
        loop {
            let page: Vec<String> = Entity::find()
                .select_only()
                .column(Column::Key)
                .distinct()
                .filter(Column::Kind.eq(owners.kind))
                .filter(Column::Key.gt(after))
                .order_by_asc(Column::Key)
                .limit(SCAN_PAGE)
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            let Some(last) = page.last() else { return Ok(served) };
            after = last.clone();
            let pairs = page.into_iter().map(|uid| ((owners.row_of)(&uid), uid));
            served.extend(pairs.filter(|(row, _)| rows.contains(row)));
        }
    }
}
