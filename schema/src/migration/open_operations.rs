//! The database's own guard against two open operations for one resource.
//!
//! This is not a dated migration, because an adopted database may hold duplicates that its former
//! owner left. Then the index is omitted with a warning, and every later start tries again.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement};
use sea_orm_migration::SchemaManager;

use super::{MigrationError, failed};

const INDEX: &str = "operation_open_key";

const ACTION: &str = "guarding against two open operations for one resource";

/// Creates the index unless it exists or cannot be created; in the latter case returns a warning.
pub(super) async fn ensure_index(
    transaction: &DatabaseTransaction,
) -> Result<Option<String>, MigrationError> {
    let exists = SchemaManager::new(transaction).has_index("operation", INDEX).await;
    if exists.map_err(failed(ACTION))? {
        return Ok(None);
    }
    if transaction.get_database_backend() == DbBackend::Postgres {
        // No duplicate may be inserted between the count and the index.
        let lock = "LOCK TABLE operation IN SHARE MODE";
        transaction.execute_unprepared(lock).await.map_err(failed(ACTION))?;
    }
    let duplicates = count_duplicates(transaction).await?;
    if duplicates > 0 {
        return Ok(Some(format!(
            "{duplicates} resources have more than one open operation, left by the former owner \
             of the database; the unique index {INDEX} is not created until these are done (the \
             next start tries again)"
        )));
    }
    transaction
        .execute_unprepared(&format!(
            "CREATE UNIQUE INDEX {INDEX} ON operation (instance_id, resource_id, resource_type) \
             WHERE state IN ('Waiting', 'In_Progress')"
        ))
        .await
        .map_err(failed(ACTION))?;
    Ok(None)
}

async fn count_duplicates(transaction: &DatabaseTransaction) -> Result<i64, MigrationError> {
    let statement = Statement::from_string(
        transaction.get_database_backend(),
        "SELECT count(*) AS duplicates FROM (\
           SELECT 1 AS one FROM operation WHERE state IN ('Waiting', 'In_Progress') \
           GROUP BY instance_id, resource_id, resource_type HAVING count(*) > 1\
         ) AS resources",
    );
    let row = transaction.query_one_raw(statement).await.map_err(failed(ACTION))?;
    match row {
        Some(row) => row.try_get("", "duplicates").map_err(failed(ACTION)),
        None => Ok(0),
    }
}
