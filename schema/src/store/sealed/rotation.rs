//! Sealing everything again with the primary key, page by page, while the program runs.
//!
//! A value that the program replaces meanwhile is left alone: it is sealed with the primary key
//! already, or the next rotation finds it. So a rotation may be stopped and repeated at any time.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect};

use crate::connection::Database;
use crate::entity::sealed_value::{Column, Entity};
use crate::sealing::{self, Keyring, OpenError, Place, Sealed};
use crate::store::sealed::seal;
use crate::store::{Call, StoreError};

/// Values of one transaction: it ends within milliseconds, and what is done is kept.
const PAGE: u64 = 100;

/// What one page of a rotation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotatedPage {
    /// How many values were sealed again.
    pub resealed: u64,
    /// How many were replaced by the program meanwhile.
    pub replaced: u64,
    /// Those that the keyring does not open; they are as they were, unless they were to be forgotten.
    pub locked: Vec<(Place, OpenError)>,
    /// After which the next page begins; `None` at the end.
    pub next: Option<Place>,
}

/// How many values are sealed with another key than the primary one.
pub fn outdated<'a>(database: &'a Database, keyring: &'a Keyring) -> Call<'a, u64> {
    Box::pin(database.call("count_outdated", async move {
        let rows = Entity::find().filter(Column::KeyId.ne(keyring.primary().as_str()));
        Ok(rows.count(&database.reads()).await?)
    }))
}

/// What becomes of a value that no key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// It stays as it is.
    Keep,
    /// It is removed: its key is lost.
    Forget,
}

/// Seals the values of a page again.
pub fn rotate_page<'a>(
    database: &'a Database,
    keyring: &'a Keyring,
    after: Option<&'a Place>,
    unopened: Unopened,
) -> Call<'a, RotatedPage> {
    Box::pin(database.call("rotate_page", async move {
        let tx = database.begin().await?;
        let primary = keyring.primary();
        let mut rows = Entity::find()
            .order_by_asc(Column::TableName)
            .order_by_asc(Column::RowKey)
            .order_by_asc(Column::ColumnName)
            .limit(PAGE);
        // Under a lost key that had the same name there are values that do not open, either.
        if unopened == Unopened::Keep {
            rows = rows.filter(Column::KeyId.ne(primary.as_str()));
        }
        if let Some(Place { table, row, column }) = after {
            let columns = [Column::TableName, Column::RowKey, Column::ColumnName];
            let key = Expr::tuple(columns.map(Expr::col));
            let last = [table, row, column].map(|part| Expr::val(part.as_str()));
            rows = rows.filter(key.gt(Expr::tuple(last)));
        }
        let rows = rows.all(&tx).await?;
        let is_full = u64::try_from(rows.len()).is_ok_and(|number| number == PAGE);
        let mut page = RotatedPage::default();
        for row in rows {
            let (place, sealed) = row.into_sealed();
            page.next = Some(place.clone());
            let text = match sealing::open(keyring, &place, &sealed) {
                Ok(text) => text,
                Err(error) => {
                    if unopened == Unopened::Forget {
                        unchanged(Entity::delete_many(), &place, &sealed).exec(&tx).await?;
                    }
                    page.locked.push((place, error));
                    continue;
                }
            };
            if sealed.key == primary {
                continue;
            }
            let new = seal(keyring, &place, &text)?;
            match replace_if_unchanged(&tx, &place, sealed, new).await? {
                0 => page.replaced += 1,
                _ => page.resealed += 1,
            }
        }
        tx.commit().await?;
        page.next = page.next.filter(|_| is_full);
        Ok(page)
    }))
}

/// Writes a value in the place of the one that was read, and of no other; returns how many it
/// replaced.
pub async fn replace_if_unchanged(
    tx: &impl ConnectionTrait,
    place: &Place,
    old: Sealed,
    new: Sealed,
) -> Result<u64, StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::KeyId, Expr::val(new.key.as_str()))
        .col_expr(Column::Value, Expr::val(new.value));
    Ok(unchanged(update, place, &old).exec(tx).await?.rows_affected)
}

/// The row of a value, if it still says what was read.
fn unchanged<Q: QueryFilter>(query: Q, place: &Place, read: &Sealed) -> Q {
    query
        .filter(Column::TableName.eq(place.table.as_str()))
        .filter(Column::RowKey.eq(place.row.as_str()))
        .filter(Column::ColumnName.eq(place.column.as_str()))
        .filter(Column::KeyId.eq(read.key.as_str()))
        .filter(Column::Value.eq(read.value.clone()))
}
