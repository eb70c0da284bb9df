//! Indexes on tables of the existing system, for columns by which the store and the checks of
//! foreign keys look for rows.
//!
//! They are not a dated migration, because a process that does not migrate works without them, only
//! slower. On PostgreSQL they are built by `CREATE INDEX CONCURRENTLY`: a serving process can go on
//! writing in the meantime, but the statement cannot run in a transaction, and waits for every one
//! that may see the table without the index, such as a database dump. That wait has a deadline, a
//! failure is only a warning, and the next start tries again.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
};

use super::{MigrationError, STATEMENT_TIMEOUT_MINUTES, begin_alone, failed};
use crate::connection::Database;

/// How long the build of an index waits for other transactions; the program's own are shorter.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a process may hold the migration lock while it builds indexes.
const HOLD_MINUTES: u32 = 60;

const ACTION: &str = "building indexes";

struct Index {
    name: &'static str,
    table: &'static str,
    columns: &'static str,
}

const INDEXES: [Index; 6] = [
    Index {
        name: "application_environment_idx",
        table: "application",
        columns: "managed_environment_id",
    },
    Index {
        name: "syncoperation_application_idx",
        table: "syncoperation",
        columns: "application_id",
    },
    Index {
        name: "managedenvironment_credentials_idx",
        table: "managedenvironment",
        columns: "clustercredentials_id",
    },
    Index {
        name: "repositorycredentials_user_idx",
        table: "repositorycredentials",
        columns: "repo_cred_user_id",
    },
    Index {
        name: "appprojectmanagedenvironment_environment_idx",
        table: "appprojectmanagedenvironment",
        columns: "managed_environment_id",
    },
    // Only an adopted database can lack it.
    Index {
        name: "apicrtodatabasemapping_name_idx",
        table: "apicrtodatabasemapping",
        columns: "api_resource_namespace_uid, api_resource_type, api_resource_name",
    },
];

impl Index {
    fn on(&self) -> String {
        format!("{} ON {} ({})", self.name, self.table, self.columns)
    }
}

/// Creates them on SQLite, within the transaction that migrates.
pub(super) async fn create_on_sqlite(
    transaction: &DatabaseTransaction,
) -> Result<(), MigrationError> {
    for index in &INDEXES {
        let create = format!("CREATE INDEX IF NOT EXISTS {}", index.on());
        transaction.execute_unprepared(&create).await.map_err(failed(ACTION))?;
    }
    Ok(())
}

/// Builds those that PostgreSQL lacks; returns a warning if that fails.
pub(super) async fn build_on_postgres(database: &Database) -> Option<String> {
    let error = build_alone(database).await.err()?;
    Some(format!(
        "not every index could be built ({error}): removals in large tables are slow until the \
         next start, or `managed-gitops migrate` as the owner of the tables, has built them"
    ))
}

async fn build_alone(database: &Database) -> Result<(), MigrationError> {
    if missing(database).await.map_err(failed(ACTION))?.is_empty() {
        return Ok(());
    }
    // Two builds on one table would wait for each other, and so would a build and a migration. The
    // lock is held by an idle transaction, which no build waits for.
    let lock = begin_alone(database).await?;
    let hold = format!("SET LOCAL idle_in_transaction_session_timeout = '{HOLD_MINUTES}min'");
    lock.execute_unprepared(&hold).await.map_err(failed(ACTION))?;
    let built = build_missing(database).await.map_err(failed(ACTION));
    // There is nothing in it but the lock.
    let _ = lock.rollback().await;
    built
}

async fn build_missing(database: &Database) -> Result<(), DbErr> {
    // Another process may have built them before the lock was free.
    let missing = missing(database).await?;
    let options = database.connection().get_postgres_connection_pool().connect_options();
    let options = options.as_ref().clone().options([
        ("statement_timeout", format!("{STATEMENT_TIMEOUT_MINUTES}min")),
        ("lock_timeout", format!("{}ms", LOCK_TIMEOUT.as_millis())),
    ]);
    let builder = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let builder = DatabaseConnection::from(builder);
    let mut outcome = Ok(());
    for Missing { index, is_left_behind } in missing {
        outcome = build(&builder, index, is_left_behind).await;
        if outcome.is_err() {
            // The others are likely to wait for the same.
            break;
        }
    }
    // Nothing is in progress in it any more.
    let _ = builder.close().await;
    outcome
}

async fn build(
    builder: &DatabaseConnection,
    index: &Index,
    is_left_behind: bool,
) -> Result<(), DbErr> {
    if is_left_behind {
        let drop = format!("DROP INDEX CONCURRENTLY {}", index.name);
        builder.execute_unprepared(&drop).await?;
    }
    let create = format!("CREATE INDEX CONCURRENTLY {}", index.on());
    builder.execute_unprepared(&create).await?;
    Ok(())
}

/// An index that PostgreSQL lacks.
struct Missing {
    index: &'static Index,
    /// Whether an interrupted build has left an unusable index.
    is_left_behind: bool,
}

async fn missing(database: &Database) -> Result<Vec<Missing>, DbErr> {
    let names: Vec<String> = INDEXES.iter().map(|index| format!("'{}'", index.name)).collect();
    let query = format!(
        "SELECT relname::text AS name, indisvalid FROM pg_index \
         JOIN pg_class ON pg_class.oid = indexrelid \
         WHERE relname IN ({}) AND pg_table_is_visible(indexrelid)",
        names.join(", ")
    );
    // Behind a pooler a statement must not have a name, which another client may have used as well.
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let rows = database.reads().query_all_raw(statement).await?;
    let mut found = Vec::new();
    for row in rows {
        found.push((row.try_get::<String>("", "name")?, row.try_get::<bool>("", "indisvalid")?));
    }
    let missing = INDEXES.iter().filter_map(|index| {
        let is_valid = found.iter().find(|(name, _)| name == index.name).map(|(_, valid)| *valid);
        let is_left_behind = is_valid.is_some();
        (is_valid != Some(true)).then_some(Missing { index, is_left_behind })
    });
    Ok(missing.collect())
}
