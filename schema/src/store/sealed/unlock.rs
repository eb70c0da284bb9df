//! What the program needs to work with secrets: the keyring, and the key of its digests.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::connection::Database;
use crate::entity::sealed_value::{Column, Entity};
use crate::sealing::digests::Digester;
use crate::sealing::{self, Keyring, OpenError, Place, Sealed, generate_key};
use crate::store::sealed::{model, seal};
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

/// What is wrong with the keyring for this database: one value of each key that something is sealed
/// with is tried. A key of the right name may be another one.
pub fn faults<'a>(database: &'a Database, keyring: &'a Keyring) -> Call<'a, Vec<OpenError>> {
    Box::pin(database.call("sealing_faults", async move {
        let used: Vec<String> = Entity::find()
            .select_only()
            .column(Column::KeyId)
            .distinct()
            .order_by_asc(Column::KeyId)
            .into_tuple()
            .all(&database.reads())
            .await?;
        let mut faults = Vec::new();
        for id in used {
            let one = Entity::find().filter(Column::KeyId.eq(id)).one(&database.reads()).await?;
            let Some(row) = one else { continue };
            let (place, sealed) = row.into_sealed();
            faults.extend(sealing::open(keyring, &place, &sealed).err());
        }
        Ok(faults)
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
                let new = seal(keyring, &place, &generate_key())?;
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
