//! Sealed values as rows: written and read with the rows that they belong to.
//!
//! * [`unlock`]: what the program needs to seal, to open and to compare;
//! * [`rotation`]: sealing everything again with another key;
//! * [`adopted`]: sealing what an earlier installation has left in the clear.

pub mod adopted;
pub mod rotation;
pub mod unlock;

use std::collections::HashMap;

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ConnectionTrait};
use secrecy::SecretString;

use crate::entity::sealed_value::{ActiveModel, Column, Entity, Model};
use crate::sealing::{self, KeyId, Keyring, Place, Sealed};
use crate::store::StoreError;

/// The table of repository credentials.
pub(in crate::store) const REPOSITORY_CREDENTIALS: &str = "repositorycredentials";
/// The table of cluster credentials.
pub(in crate::store) const CLUSTER_CREDENTIALS: &str = "clustercredentials";

/// Seals values and writes them, in the place of earlier ones.
///
/// A value that the keyring does not open is never overwritten: the keyring may be the wrong one.
pub(in crate::store) async fn put(
    tx: &impl ConnectionTrait,
    keyring: &Keyring,
    table: &str,
    values: &[(Place, SecretString)],
) -> Result<(), StoreError> {
    if values.is_empty() {
        return Ok(());
    }
    let rows: Vec<&str> = values.iter().map(|(place, _)| place.row.as_str()).collect();
    let earlier = stored(tx, table, &rows).await?;
    // In the order of the key, like a rotation, so that the two wait for each other and not in a circle.
    let mut ordered: Vec<&(Place, SecretString)> = values.iter().collect();
    ordered.sort_by(|one, other| one.0.cmp(&other.0));
    let mut models = Vec::with_capacity(values.len());
    for (place, text) in ordered {
        if let Some(sealed) = earlier.get(place) {
            sealing::open(keyring, place, sealed)
                .map_err(|source| StoreError::Sealed { place: place.clone(), source })?;
        }
        let sealed = sealing::seal(keyring, place, text).map_err(|source| StoreError::Value {
            what: place.to_string(),
            why: source.to_string(),
        })?;
        models.push(model(place, sealed));
    }
    Entity::insert_many(models).on_conflict(replace()).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes the values of these rows, whether or not they could be opened.
pub(in crate::store) async fn remove(
    tx: &impl ConnectionTrait,
    table: &str,
    rows: &[String],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    of_rows(Entity::delete_many(), table, &rows).exec(tx).await?;
    Ok(())
}

async fn stored(
    tx: &impl ConnectionTrait,
    table: &str,
    rows: &[&str],
) -> Result<HashMap<Place, Sealed>, StoreError> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let found = of_rows(Entity::find(), table, rows).all(tx).await?;
    Ok(found.into_iter().map(Model::into_sealed).collect())
}

fn of_rows<Q: QueryFilter>(query: Q, table: &str, rows: &[&str]) -> Q {
    query.filter(Column::TableName.eq(table)).filter(Column::RowKey.is_in(rows.iter().copied()))
}

impl Model {
    /// What the row says, and where it belongs.
    fn into_sealed(self) -> (Place, Sealed) {
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
