//! Where credentials are kept sealed; and the whole name of a Secret, of which the existing column
//! holds 48 characters. That column stays as it is: an operator's view may depend on its type.

#![expect(elided_lifetimes_in_paths, reason = "the trait that is implemented elides one")]

use sea_orm::{ConnectionTrait as _, DbBackend};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let bytes = match manager.get_database_backend() {
            DbBackend::Sqlite => "blob",
            _ => "bytea",
        };
        let connection = manager.get_connection();
        let sealed_value = format!(
            "CREATE TABLE sealed_value (\
               table_name varchar(64) NOT NULL, row_key varchar(64) NOT NULL, \
               column_name varchar(64) NOT NULL, key_id varchar(64) NOT NULL, \
               value {bytes} NOT NULL, PRIMARY KEY (table_name, row_key, column_name))"
        );
        connection.execute_unprepared(&sealed_value).await?;
        connection.execute_unprepared(SECRET_NAME).await?;
        Ok(())
    }
}

const SECRET_NAME: &str =
    "ALTER TABLE repositorycredentials ADD COLUMN secret_name varchar(256) NOT NULL DEFAULT ''";
