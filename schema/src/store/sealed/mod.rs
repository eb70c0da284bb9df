//! Sealed values as rows: written and read with the rows that they belong to.
//!
//! * [`unlock`]: what the program needs to seal, to open and to compare;
//! * `opening`: what rows say whose columns hold placeholders;
//! * [`rotation`]: sealing everything again with another key;
//! * [`adopted`]: sealing what an earlier installation has left in the clear.

pub mod adopted;
pub(in crate::store) mod opening;
pub mod rotation;
pub mod unlock;

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, LockType, OnConflict, Query};
use sea_orm::{ActiveValue, Condition, ConnectionTrait, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret as _, SecretString};

use crate::entity::sealed_value::{ActiveModel, Column, Entity, Model};
use crate::sealing::{self, KeyId, Keyring, Place, Sealed};
use crate::store::StoreError;

/// The table of repository credentials.
pub(in crate::store) const REPOSITORY_CREDENTIALS: &str = "repositorycredentials";
/// The table of cluster credentials.
pub(in crate::store) const CLUSTER_CREDENTIALS: &str = "clustercredentials";

/// Why nothing is sealed or opened where there are no keys, and what to do.
pub(in crate::store) const NO_KEYS: &str = "there are no sealing keys that open the database; set \
     SEALING_KEYS_DIR to the directory of its keys and start the program again";

/// What a batch changes of the sealed values. It is written at the end, where the order of locks has
/// its place, and in a constant number of statements.
#[derive(Default)]
pub(in crate::store) struct Changes {
    put: BTreeMap<Place, SecretString>,
    emptied: BTreeSet<Place>,
    /// Rows that are gone, as (table, key).
    removed: BTreeSet<(String, String)>,
}

impl Changes {
    /// A value says this, and no longer what it said before. An empty text is not kept: nothing of
    /// what it replaces may be left behind.
    pub(in crate::store) fn set(&mut self, place: Place, text: SecretString) {
        if text.expose_secret().is_empty() {
            self.emptied.insert(place);
        } else {
            self.put.insert(place, text);
        }
    }

    /// The values of these rows go with them, whether or not they can be opened, and so does what
    /// the batch writes for them.
    pub(in crate::store) fn remove<'a>(
        &mut self,
        table: &str,
        rows: impl IntoIterator<Item = &'a str>,
    ) {
        self.removed.extend(rows.into_iter().map(|row| (table.to_owned(), row.to_owned())));
    }

    /// Seals and writes it.
    ///
    /// A value that the keyring does not open is never replaced: the keyring may be the wrong one.
    pub(in crate::store) async fn write(
        self,
        tx: &impl ConnectionTrait,
        keyring: Option<&Keyring>,
    ) -> Result<(), StoreError> {
        let Self { mut put, mut emptied, removed } = self;
        put.retain(|place, _| !removed.contains(&row_of(place)));
        emptied.retain(|place| !removed.contains(&row_of(place)));
        let changed: BTreeSet<_> = put.keys().chain(&emptied).map(row_of).collect();
        if changed.is_empty() && removed.is_empty() {
            return Ok(());
        }
        lock(tx, changed.union(&removed)).await?;
        if !removed.is_empty() {
            Entity::delete_many().filter(of_rows(&removed)).exec(tx).await?;
        }
        if changed.is_empty() {
            return Ok(());
        }
        let mut going = Vec::new();
        for row in Entity::find().filter(of_rows(&changed)).all(tx).await? {
            let (place, sealed) = row.into_sealed();
            let is_emptied = emptied.contains(&place);
            if is_emptied || put.contains_key(&place) {
                let keyring = keyring.ok_or_else(|| without_keys(&place))?;
                sealing::open(keyring, &place, &sealed)
                    .map_err(|source| StoreError::Sealed { place: place.clone(), source })?;
            }
            if is_emptied {
                going.push(place);
            }
        }
        if !going.is_empty() {
            delete(tx, going).await?;
        }
        let mut models = Vec::with_capacity(put.len());
        for (place, text) in &put {
            let keyring = keyring.ok_or_else(|| without_keys(place))?;
            models.push(model(place, seal(keyring, place, text)?));
        }
        if !models.is_empty() {
            Entity::insert_many(models).on_conflict(replace()).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

/// The row that a value belongs to, as (table, key).
fn row_of(place: &Place) -> (String, String) {
    (place.table.clone(), place.row.clone())
}

/// The values of these rows.
fn of_rows<'a>(rows: impl IntoIterator<Item = &'a (String, String)>) -> Condition {
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, row) in rows {
        tables.entry(table).or_default().push(row);
    }
    let of_table = |(table, rows)| {
        Condition::all().add(Column::TableName.eq::<&str>(table)).add(Column::RowKey.is_in(rows))
    };
    tables.into_iter().map(of_table).fold(Condition::any(), Condition::add)
}

/// Locks the values of these rows in the order of their keys, like a rotation: so the two wait for each
/// other and not in a circle.
async fn lock<'a>(
    tx: &impl ConnectionTrait,
    rows: impl Iterator<Item = &'a (String, String)>,
) -> Result<(), StoreError> {
    let key = [Column::TableName, Column::RowKey, Column::ColumnName];
    let values = Entity::find().select_only().columns(key).filter(of_rows(rows));
    let values = key.into_iter().fold(values, QueryOrder::order_by_asc);
    let _: Vec<(String, String, String)> =
        values.lock(LockType::Update).into_tuple().all(tx).await?;
    Ok(())
}

/// Deletes values that are locked.
async fn delete(tx: &impl ConnectionTrait, places: Vec<Place>) -> Result<(), StoreError> {
    let keys = places.into_iter().map(|Place { table, row, column }| (table, row, column));
    // SQLite compares row values only with a subquery, so the keys are one.
    let keys = Query::select().column(Asterisk).from_values(keys, Alias::new("going")).to_owned();
    let key = [Column::TableName, Column::RowKey, Column::ColumnName].map(Expr::col);
    Entity::delete_many()
        .filter(Expr::tuple(key.map(Into::into)).in_subquery(keys))
        .exec(tx)
        .await?;
    Ok(())
}

/// Seals a text for its place.
pub(in crate::store) fn seal(
    keyring: &Keyring,
    place: &Place,
    text: &SecretString,
) -> Result<Sealed, StoreError> {
    sealing::seal(keyring, place, text)
        .map_err(|error| StoreError::Value { what: place.to_string(), why: error.to_string() })
}

fn without_keys(place: &Place) -> StoreError {
    StoreError::Value { what: place.to_string(), why: NO_KEYS.to_owned() }
}

impl Model {
    /// What the row says, and where it belongs.
    pub(in crate::store) fn into_sealed(self) -> (Place, Sealed) {
        let Self { table_name, row_key, column_name, key_id, value } = self;
        let place = Place::new(table_name, row_key, column_name);
        (place, Sealed { key: KeyId::stored(key_id), value })
    }
}

fn model(place: &Place, sealed: Sealed) -> ActiveModel {
    ActiveModel {
        table_name: ActiveValue::Set(place.table.clone()),
        row_key: ActiveValue::Set(place.row.clone()),
        column_name: ActiveValue::Set(place.column.clone()),
        key_id: ActiveValue::Set(sealed.key.as_str().to_owned()),
        value: ActiveValue::Set(sealed.value),
    }
}

fn replace() -> OnConflict {
    OnConflict::columns([Column::TableName, Column::RowKey, Column::ColumnName])
        .update_columns([Column::KeyId, Column::Value])
        .to_owned()
}
