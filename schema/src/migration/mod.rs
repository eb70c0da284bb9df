//! Bringing a database to the tables of this build.
//!
//! Migrations are dated and only go forward. All pending ones are applied in one transaction and
//! under a lock: of two processes that start at once, one migrates and the other finds it done; and
//! a failure leaves the database as it was. What only affects speed comes afterwards, `indexes`,
//! and so does the unique guard of `open_operations`, which duplicates may prevent.
//!
//! During an upgrade the version before still works on the tables, and after a rollback it does
//! again. So migrations expand first and contract a version later: one whose name contains
//! `_expand_` only adds what other versions need not know, and those live with it; any other makes
//! the versions before it refuse to start. `tests/expansion.rs` checks what is so named.

mod adoption;
mod indexes;
mod m20261101_000001_existing_tables;
mod m20261101_000002_urls_as_written;
mod m20261101_000003_machines;
mod m20261101_000004_wake_ups;
mod m20261101_000005_by_tenant;
mod m20261128_000006_references;
mod m20261129_000007_sealing;
mod m20261130_000008_clusters;
mod open_operations;
mod statements;

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityName as _, EntityTrait as _,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationTrait, MigratorTrait, SchemaManager, seaql_migrations,
};
use tokio::time::Instant;

use crate::BoxFuture;
use crate::connection::{Database, DatabaseKind};

/// Any number, as long as all our processes use the same one and no other program does.
const ADVISORY_LOCK: i64 = 0x6769_746f_7073;
/// Building an index on a large table takes longer than any of our other statements may.
const STATEMENT_TIMEOUT_MINUTES: u32 = 10;
/// How long a process waits for another one to migrate.
const ALONE_TIMEOUT: Duration = Duration::from_secs(600);
/// Pause between two attempts to take the lock.
const ALONE_PAUSE: Duration = Duration::from_millis(100);

/// Part of the name of each migration that only expands.
const EXPANDS: &str = "_expand_";

/// What [`migrate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations that were applied, in order; empty if there was nothing to do.
    pub applied: Vec<String>,
    /// Names of the migrations by which a newer version has expanded the tables: this one does not
    /// know them, and does without.
    pub newer: Vec<String>,
    /// Whether tables of the existing system were found and taken over.
    pub adopted: bool,
    /// Sentences for the operator.
    pub warnings: Vec<String>,
}

/// Why a database was not migrated, or is not usable; it is unchanged in each case.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// It was migrated by a later build, and not only expanded.
    #[error(
        "the database was migrated by a newer version of managed-gitops, and this one cannot work \
         with {}: run a version whose schema is {} or a later one (`managed-gitops version` prints \
         it), or restore a backup from before the upgrade; nothing was changed",
        versions.join(", "), versions.last().map_or("", String::as_str)
    )]
    Newer {
        /// Versions that this build does not know and cannot live with, in order.
        versions: Vec<String>,
    },
    /// It was expanded by a build that is neither an earlier nor a later one.
    #[error(
        "the database was migrated by a version of managed-gitops that this one neither precedes \
         nor follows: this one does not know {}, and that one did not know {}; run that version or \
         one that follows both; nothing was changed", unknown.join(", "), pending.join(", ")
    )]
    Diverged {
        /// Versions that this build does not know.
        unknown: Vec<String>,
        /// Migrations that this build has but the database lacks.
        pending: Vec<String>,
    },
    /// Migrations are pending and this process does not migrate.
    #[error(
        "the database lacks {}: start the backend of this version first, which migrates it",
        pending.join(", ")
    )]
    Behind {
        /// Migrations that this build has but the database lacks.
        pending: Vec<String>,
    },
    /// It belongs to the existing system, at a version that cannot be taken over.
    #[error(
        "the database belongs to the existing GitOps service at version {version}{}, and only \
         version {} can be taken over: let that service finish its own migrations, stop it, and \
         try again; nothing was changed",
        if *dirty { " (left half-migrated)" } else { "" },
        adoption::EXISTING_VERSION
    )]
    ExistingVersion {
        /// What its version table says.
        version: i64,
        /// Whether one of its own migrations failed half-way.
        dirty: bool,
    },
    /// Tables with the existing system's names have other columns.
    #[error(
        "tables with the names of the existing GitOps service lack columns ({}): use an empty \
         database, or one that the service has migrated; nothing was changed", columns.join(", ")
    )]
    ExistingColumns {
        /// As `table.column`.
        columns: Vec<String>,
    },
    /// Another process has migrated it for too long.
    #[error(
        "another process has been migrating the database for {} min: wait until it is done, or \
         stop it if it hangs, and try again; nothing was changed", waited.as_secs() / 60
    )]
    Busy {
        /// How long this one has waited.
        waited: Duration,
    },
    /// The database failed.
    #[error("the database failed while {action}: {source}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// What it said.
        source: DbErr,
    },
}

/// Adds context to a database error.
fn failed(action: &'static str) -> impl FnOnce(DbErr) -> MigrationError {
    move |source| MigrationError::Database { action, source }
}

/// The list of migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_existing_tables::Migration),
            Box::new(m20261101_000002_urls_as_written::Migration),
            Box::new(m20261101_000003_machines::Migration),
            Box::new(m20261101_000004_wake_ups::MIGRATION),
            Box::new(m20261101_000005_by_tenant::MIGRATION),
            Box::new(m20261128_000006_references::MIGRATION),
            Box::new(m20261129_000007_sealing::Migration),
            Box::new(m20261130_000008_clusters::MIGRATION),
        ]
    }
}

/// The newest migration of this build: the version of a database that it has migrated.
pub fn newest() -> String {
    let newest = <Migrator as MigratorTrait>::migrations().pop();
    newest.map(|migration| migration.name().to_owned()).unwrap_or_default()
}

/// Whether a migration only adds tables, indexes, and columns that may be left out, so that a
/// version that does not know it can work with the tables.
pub fn expands(migration: &str) -> bool {
    migration.contains(EXPANDS)
}

/// Applies what is pending, and takes over a database of the existing system.
pub fn migrate(database: &Database) -> BoxFuture<'_, Result<MigrationReport, MigrationError>> {
    Box::pin(migrate_alone(database))
}

async fn migrate_alone(database: &Database) -> Result<MigrationReport, MigrationError> {
    let transaction = begin_alone(database).await?;
    let outcome = migrate_within(&transaction).await;
    match outcome {
        Ok(mut report) => {
            transaction.commit().await.map_err(failed("committing the migrations"))?;
            if database.kind() == DatabaseKind::Postgres {
                report.warnings.extend(indexes::build_on_postgres(database).await);
            }
            for warning in &report.warnings {
                tracing::warn!(
                    database = database.location(),
                    warning,
                    "a migration left something undone"
                );
            }
            if !report.newer.is_empty() {
                let (location, newer) = (database.location(), report.newer.join(", "));
                tracing::info!(
                    database = location,
                    newer,
                    "a newer version has expanded the tables; this one does without what it added"
                );
            }
            Ok(report)
        }
        Err(error) => {
            // The error is what matters, and a connection that is gone has rolled back anyway.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Lets a role use the tables but not alter them: for a program whose migrations run under another
/// role, which owns the tables.
///
/// On SQLite there are no roles, and nothing is done.
pub async fn grant_use(database: &Database, role: &str) -> Result<(), MigrationError> {
    if database.kind() == DatabaseKind::Sqlite {
        return Ok(());
    }
    let schema = quoted(&text(database, "SELECT current_schema()::text").await?);
    let role = quoted(role);
    let statements = format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    );
    // Concurrent grants would disturb each other.
    let transaction = begin_alone(database).await?;
    let granted = transaction.execute_unprepared(&statements).await;
    granted.map_err(failed("granting the use of its tables"))?;
    transaction.commit().await.map_err(failed("granting the use of its tables"))
}

/// The role that a PostgreSQL connection uses.
pub async fn role_of(database: &Database) -> Result<String, MigrationError> {
    text(database, "SELECT current_user::text").await
}

/// A quoted identifier of PostgreSQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn text(database: &Database, query: &str) -> Result<String, MigrationError> {
    let statement = Statement::from_string(DbBackend::Postgres, query);
    let row = database.reads().query_one_raw(statement).await;
    let text = row.and_then(|row| row.map(|row| row.try_get_by_index(0)).transpose());
    Ok(text.map_err(failed("asking for its roles"))?.unwrap_or_default())
}

/// Returns whether this build can work with the tables of the database, and changes nothing.
///
/// For processes that do not migrate.
pub fn check(database: &Database) -> BoxFuture<'_, Result<(), MigrationError>> {
    Box::pin(async move {
        let versions = if database.is_pooled() {
            Versions::read(&begin_alone(database).await?).await?
        } else {
            Versions::read(database.reader()).await?
        };
        versions.refuse_others()?;
        if versions.pending.is_empty() {
            Ok(())
        } else {
            Err(MigrationError::Behind { pending: versions.pending })
        }
    })
}

/// A transaction that no other migrating process can be in at the same time.
///
/// The lock is polled: a statement that waited for it would hold a snapshot, and a process that
/// builds an index under the lock would wait for that.
async fn begin_alone(database: &Database) -> Result<DatabaseTransaction, MigrationError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = database
        .connection()
        .begin_with_options(options)
        .await
        .map_err(failed("waiting for its lock to migrate"))?;
    if database.is_pooled() {
        // Migrations prepare statements under names. A session previously used by another client of
        // the pooler may hold the same names.
        let forgotten = transaction.execute_unprepared("DEALLOCATE ALL").await;
        forgotten.map_err(failed("waiting for its lock to migrate"))?;
    }
    if database.kind() == DatabaseKind::Postgres {
        let timeout = format!("SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_MINUTES}min'");
        let set = transaction.execute_unprepared(&timeout).await;
        set.map_err(failed("waiting for its lock to migrate"))?;
        let begin = Instant::now();
        while !try_lock(&transaction).await.map_err(failed("waiting for its lock to migrate"))? {
            let waited = begin.elapsed();
            if waited >= ALONE_TIMEOUT {
                return Err(MigrationError::Busy { waited });
            }
            tokio::time::sleep(ALONE_PAUSE).await;
        }
    }
    Ok(transaction)
}

async fn try_lock(transaction: &DatabaseTransaction) -> Result<bool, DbErr> {
    let query = format!("SELECT pg_try_advisory_xact_lock({ADVISORY_LOCK})");
    let row = transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

async fn migrate_within(
    transaction: &DatabaseTransaction,
) -> Result<MigrationReport, MigrationError> {
    let versions = Versions::read(transaction).await?;
    versions.refuse_others()?;
    let adopted = versions.none_applied && adoption::examine(transaction).await?;
    if !versions.pending.is_empty() {
        <Migrator as MigratorTrait>::up(transaction, None)
            .await
            .map_err(failed("applying migrations"))?;
    }
    let warnings = open_operations::ensure_index(transaction).await?;
    if transaction.get_database_backend() == DbBackend::Sqlite {
        indexes::create_on_sqlite(transaction).await?;
    }
    Ok(MigrationReport {
        applied: versions.pending,
        newer: versions.unknown,
        adopted,
        warnings: warnings.into_iter().collect(),
    })
}

/// Compares the migrations of the database with those of this build.
struct Versions {
    none_applied: bool,
    pending: Vec<String>,
    unknown: Vec<String>,
}

impl Versions {
    async fn read<'c, C>(connection: &'c C) -> Result<Self, MigrationError>
    where
        C: ConnectionTrait,
        &'c C: IntoSchemaManagerConnection<'c>,
    {
        let applied = applied_migrations(connection)
            .await
            .map_err(failed("reading which migrations it has"))?;
        let known: Vec<String> = <Migrator as MigratorTrait>::migrations()
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect();
        Ok(Self {
            none_applied: applied.is_empty(),
            unknown: applied.iter().filter(|name| !known.contains(name)).cloned().collect(),
            pending: known.into_iter().filter(|name| !applied.contains(name)).collect(),
        })
    }

    /// Refuses what other builds have done, unless they have only expanded what this one would
    /// leave as it is. sea-orm's own migrator refuses whatever it does not know, but it is only asked
    /// to apply what is pending, and then there is nothing unknown.
    fn refuse_others(&self) -> Result<(), MigrationError> {
        let versions: Vec<String> =
            self.unknown.iter().filter(|name| !expands(name)).cloned().collect();
        if !versions.is_empty() {
            return Err(MigrationError::Newer { versions });
        }
        if self.unknown.is_empty() || self.pending.is_empty() {
            return Ok(());
        }
        let (unknown, pending) = (self.unknown.clone(), self.pending.clone());
        Err(MigrationError::Diverged { unknown, pending })
    }
}

/// Reads the list without creating its table, which a read-only role may not do.
async fn applied_migrations<'c, C>(connection: &'c C) -> Result<BTreeSet<String>, DbErr>
where
    C: ConnectionTrait,
    &'c C: IntoSchemaManagerConnection<'c>,
{
    let table = seaql_migrations::Entity.table_name();
    if !SchemaManager::new(connection).has_table(table).await? {
        return Ok(BTreeSet::new());
    }
    let rows = seaql_migrations::Entity::find().all(connection).await?;
    Ok(rows.into_iter().map(|migration| migration.version).collect())
}
