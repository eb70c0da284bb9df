//! What several statements have in common.

use machines::identity::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict, SelectStatement};
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, QueryTrait, Select};

use crate::store::error::StoreError;

/// The keys of these rows, which are locked in the order of the keys.
pub(super) fn in_order<E: EntityTrait>(
    key: E::Column,
    rows: Select<E>,
    lock: LockType,
) -> SelectStatement {
    rows.select_only().column(key).order_by_asc(key).lock(lock).into_query()
}

/// The database's form of a moment: UTC without zone, to the microsecond that both databases keep.
pub(super) fn database_time(now: Timestamp) -> DateTime {
    DateTimeUtc::from_timestamp_millis(now.as_millis()).unwrap_or_default().naive_utc()
}

/// Inserts rows and leaves those alone that are there: ids are derived, so a row of the same key
/// is the same row.
pub(super) async fn insert_missing<A>(
    tx: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = A>,
) -> Result<(), StoreError>
where
    A: ActiveModelTrait,
{
    A::Entity::insert_many(rows)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
