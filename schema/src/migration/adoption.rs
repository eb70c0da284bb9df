//! Whether a database of the existing system can be taken over.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Statement};
use sea_orm_migration::SchemaManager;

use super::m20261101_000001_existing_tables::TABLES;
use super::{MigrationError, failed};

/// The last version of the existing system's own migrations: the tables that we know.
pub(super) const EXISTING_VERSION: i64 = 20;

/// Where the existing system keeps its version.
const EXISTING_VERSION_TABLE: &str = "schema_migrations";

const ACTION: &str = "looking for tables of the existing GitOps service";

/// Whether there is something to take over; an error if there is and it does not fit.
pub(super) async fn examine(transaction: &DatabaseTransaction) -> Result<bool, MigrationError> {
    let manager = SchemaManager::new(transaction);
    let mut found = false;
    let mut missing = Vec::new();
    for table in TABLES {
        if !manager.has_table(table.name).await.map_err(failed(ACTION))? {
            continue;
        }
        found = true;
        for (column, _) in table.columns {
            if !manager.has_column(table.name, *column).await.map_err(failed(ACTION))? {
                missing.push(format!("{}.{column}", table.name));
            }
        }
    }
    if !found {
        return Ok(false);
    }
    check_version(transaction).await?;
    if missing.is_empty() {
        Ok(true)
    } else {
        Err(MigrationError::ExistingColumns { columns: missing })
    }
}

/// A database that was created from the schema file, not by migrations, has no version table; its
/// columns decide.
async fn check_version(transaction: &DatabaseTransaction) -> Result<(), MigrationError> {
    let manager = SchemaManager::new(transaction);
    if !manager.has_table(EXISTING_VERSION_TABLE).await.map_err(failed(ACTION))? {
        return Ok(());
    }
    let statement = Statement::from_string(
        transaction.get_database_backend(),
        format!("SELECT version, dirty FROM {EXISTING_VERSION_TABLE}"),
    );
    let row = transaction.query_one_raw(statement).await.map_err(failed(ACTION))?;
    let Some(row) = row else {
        return Ok(());
    };
    let version: i64 = row.try_get("", "version").map_err(failed(ACTION))?;
    let dirty: bool = row.try_get("", "dirty").map_err(failed(ACTION))?;
    if version == EXISTING_VERSION && !dirty {
        Ok(())
    } else {
        Err(MigrationError::ExistingVersion { version, dirty })
    }
}
