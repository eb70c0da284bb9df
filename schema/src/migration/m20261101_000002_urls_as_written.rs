//! Repository URLs as users wrote them, alongside the normalised ones.
//!
//! Argo CD compares an AppProject's `sourceRepos` literally, so a trailing `/` counts. The
//! normalised URL alone is therefore no longer a key: two spellings of one URL are two rows.

#![expect(elided_lifetimes_in_paths, reason = "the trait that is implemented elides one")]

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection
            .execute_unprepared(
                "ALTER TABLE deploymenttoapplicationmapping ADD COLUMN repo_url varchar(512)",
            )
            .await?;
        connection
            .execute_unprepared(
                "CREATE INDEX deploymenttoapplicationmapping_repo_url_idx \
                 ON deploymenttoapplicationmapping (namespace_uid, repo_url)",
            )
            .await?;
        match manager.get_database_backend() {
            DbBackend::Sqlite => {
                connection.execute_unprepared(REBUILD).await?;
                Ok(())
            }
            _ => widen_key(manager).await,
        }
    }
}

/// SQLite cannot drop a table's constraint: a new table replaces it. None refers to it.
const REBUILD: &str = "\
    CREATE TABLE appprojectrepository_next (\
      appproject_repository_id varchar(48) NOT NULL PRIMARY KEY, seq_id integer, \
      clusteruser_id varchar(48) NOT NULL, repo_url varchar(256) NOT NULL, \
      created_on timestamp DEFAULT CURRENT_TIMESTAMP, \
      repo_url_as_written varchar(512) NOT NULL DEFAULT '', \
      UNIQUE (clusteruser_id, repo_url, repo_url_as_written), \
      FOREIGN KEY (clusteruser_id) REFERENCES clusteruser (clusteruser_id)); \
    INSERT INTO appprojectrepository_next \
      (appproject_repository_id, seq_id, clusteruser_id, repo_url, created_on) \
      SELECT appproject_repository_id, seq_id, clusteruser_id, repo_url, created_on \
      FROM appprojectrepository; \
    DROP TABLE appprojectrepository; \
    ALTER TABLE appprojectrepository_next RENAME TO appprojectrepository;";

/// Unique indexes over exactly the two columns, whatever their names, and the constraint that owns
/// each, if any.
const OLD_KEYS: &str = "\
    SELECT quote_ident(index.relname) AS index_name, \
           quote_ident(owner.conname) AS constraint_name \
    FROM pg_index AS key \
    JOIN pg_class AS index ON index.oid = key.indexrelid \
    LEFT JOIN pg_constraint AS owner ON owner.conindid = key.indexrelid AND owner.contype = 'u' \
    WHERE key.indrelid = 'appprojectrepository'::regclass \
      AND key.indisunique AND NOT key.indisprimary \
      AND (SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_attribute \
           WHERE attrelid = key.indrelid AND attnum = ANY (key.indkey)) \
          = ARRAY['clusteruser_id', 'repo_url']";

async fn widen_key(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let old_keys = Statement::from_string(DbBackend::Postgres, OLD_KEYS);
    for row in connection.query_all_raw(old_keys).await? {
        let index: String = row.try_get("", "index_name")?;
        let constraint: Option<String> = row.try_get("", "constraint_name")?;
        let drop = match constraint {
            Some(name) => format!("ALTER TABLE appprojectrepository DROP CONSTRAINT {name}"),
            None => format!("DROP INDEX {index}"),
        };
        connection.execute_unprepared(&drop).await?;
    }
    connection
        .execute_unprepared(
            "ALTER TABLE appprojectrepository \
             ADD COLUMN repo_url_as_written varchar(512) NOT NULL DEFAULT '', \
             ADD CONSTRAINT appprojectrepository_url_key \
             UNIQUE (clusteruser_id, repo_url, repo_url_as_written)",
        )
        .await?;
    Ok(())
}
