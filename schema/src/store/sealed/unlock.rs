//! What the program needs to work with secrets: the keyring, and the key of its digests.

use std::collections::BTreeSet;

use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;

use crate::connection::Database;
use crate::entity::sealed_value::{Column, Entity};
use crate::sealing::digests::Digester;
use crate::sealing::{self, KeyId, Keyring, OpenError, Place, Sealed, generate_key};
use crate::store::sealed::model;
use crate::store::statements::insert_missing;
use crate::store::{Call, StoreError};

/// Seals, opens and compares secrets. Clones share the keys.
#[derive(Clone, Debug)]
pub struct Sealer {
    /// The keys.
    pub keyring: Keyring,
    /// What secrets are compared by.
    pub digests: Digester,
}

/// Why the program does not work with secrets.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The keyring does not open this database.
    #[error("the sealing keys do not open this database: {0}")]
    Locked(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the key of the digests, which is made for a new database. It is what a keyring is tried on:
/// one that does not open it belongs to another database.
pub fn unlock(
    database: &Database,
    keyring: Keyring,
) -> crate::BoxFuture<'_, Result<Sealer, UnlockError>> {
    Box::pin(async move {
        let sealed = digest_key(database, &keyring).await?;
        let key = sealing::open(&keyring, &place(), &sealed)?;
        Ok(Sealer { keyring, digests: Digester::new(key) })
    })
}

/// The keys that something in the database is sealed with and that the keyring lacks.
pub fn missing_keys<'a>(database: &'a Database, keyring: &'a Keyring) -> Call<'a, Vec<KeyId>> {
    Box::pin(database.call("missing_keys", async move {
        let used: Vec<String> = Entity::find()
            .select_only()
            .column(Column::KeyId)
            .distinct()
            .into_tuple()
            .all(&database.reads())
            .await?;
        let used: BTreeSet<KeyId> = used.into_iter().map(KeyId::stored).collect();
        Ok(used.into_iter().filter(|id| !keyring.has(id)).collect())
    }))
}

async fn digest_key(database: &Database, keyring: &Keyring) -> Result<Sealed, StoreError> {
    database
        .call("digest_key", async {
            let tx = database.begin().await?;
            let place = place();
            let key = (place.table.clone(), place.row.clone(), place.column.clone());
            let found = || Entity::find_by_id(key.clone());
            if found().one(&tx).await?.is_none() {
                let new = sealing::seal(keyring, &place, &generate_key());
                let new = new.map_err(|error| StoreError::Value {
                    what: "the key of the digests".to_owned(),
                    why: error.to_string(),
                })?;
                // Another process may have made one meanwhile.
                insert_missing(&tx, [model(&place, new)]).await?;
            }
            let row = found().one(&tx).await?;
            tx.commit().await?;
            let row = row.ok_or_else(|| StoreError::Value {
                what: "the key of the digests".to_owned(),
                why: "its row has gone".to_owned(),
            })?;
            Ok(row.into_sealed().1)
        })
        .await
}

/// Where the key is kept: beside the values, as one that belongs to no other table.
fn place() -> Place {
    Place::new("sealed_value", "digests", "key")
}
