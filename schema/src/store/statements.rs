//! What several statements have in common.

use machines::identity::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict, SelectStatement};
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, QueryTrait, Select};

use crate::store::error::StoreError;

/// The keys of these rows, locked in key order.
pub(super) fn in_order<E: EntityTrait>(
    key: E::Column,
    rows: Select<E>,
    lock: LockType,
) -> SelectStatement {
    rows.select_only().column(key).order_by_asc(key).lock(lock).into_query()
}

/// The database's form of a time: UTC without zone, to the microsecond that both databases keep.
pub(super) fn database_time(now: Timestamp) -> DateTime {
    DateTimeUtc::from_timestamp_millis(now.as_millis()).unwrap_or_default().naive_utc()
}

/// Inserts rows and leaves existing ones alone: ids are derived, so a row with the same key is the
/// same row.
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
