//! SQLite: one writing connection and, for a file, a few that only read.

use std::path::Path;
use std::time::Duration;

use sea_orm::{SqlxSqliteConnector, sqlx};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::retired::Retired;
use super::{ConnectError, ConnectOptions, Database, DatabaseKind};

/// The web page, `explain` and scans read; more connections than this would only add threads.
const READERS: u32 = 4;
/// Prepared statements that a connection keeps: about as many as a batch of one uses. Those of
/// larger batches differ each time, and would only take room.
const STATEMENTS: usize = 32;
/// Pages that a connection keeps, in KiB: the hot set is small, and the system caches the file.
const CACHE_KIB: u32 = 512;

pub(super) async fn connect(url: &str, options: &ConnectOptions) -> Result<Database, ConnectError> {
    let path = path_of(url)?;
    let common = url
        .parse::<SqliteConnectOptions>()
        .map_err(|_| malformed())?
        .foreign_keys(true)
        .busy_timeout(options.busy_timeout)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", format!("-{CACHE_KIB}"))
        .disable_statement_logging();
    if path == ":memory:" {
        return connect_memory(common.shared_cache(false), options).await;
    }
    let path = common.get_filename().to_owned();
    check_path(&path)?;
    let writer = common
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let writer =
        pool(1, options).connect_with(writer).await.map_err(|error| classify(&path, error))?;
    let reader = pool(READERS, options)
        .idle_timeout(Some(Duration::from_secs(60)))
        .connect_lazy_with(common.read_only(true));
    // An absolute path still names the file after the process changes its directory.
    let file = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    let location = format!("file `{}`", file.display());
    Ok(Database::new(
        DatabaseKind::Sqlite,
        SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        Some(SqlxSqliteConnector::from_sqlx_sqlite_pool(reader)),
        Some(file),
        location,
        Retired::default(),
    ))
}

/// A database in memory lives as long as its one connection, which therefore is never reaped.
async fn connect_memory(
    memory: SqliteConnectOptions,
    options: &ConnectOptions,
) -> Result<Database, ConnectError> {
    let location = "memory".to_owned();
    match pool(1, options).connect_with(memory).await {
        Ok(pool) => Ok(Database::new(
            DatabaseKind::Sqlite,
            SqlxSqliteConnector::from_sqlx_sqlite_pool(pool),
            None,
            None,
            location,
            Retired::default(),
        )),
        Err(source) => Err(ConnectError::Other { location, source }),
    }
}

fn pool(connections: u32, options: &ConnectOptions) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        // A connection to a file does not die: checking it before each use would double the calls.
        .test_before_acquire(false)
}

/// The part between the scheme and the query, which must not be empty.
fn path_of(url: &str) -> Result<&str, ConnectError> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    let path = path.unwrap_or_default().split('?').next().unwrap_or_default();
    if path.is_empty() { Err(malformed()) } else { Ok(path) }
}

fn malformed() -> ConnectError {
    ConnectError::MalformedUrl { kind: DatabaseKind::Sqlite, form: "sqlite:///path/to/file.db" }
}

/// SQLite reports all of these with the same code; check first.
fn check_path(path: &Path) -> Result<(), ConnectError> {
    if path.is_dir() {
        return Err(ConnectError::IsDirectory { path: path.to_owned() });
    }
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.is_dir() => {
            Err(ConnectError::DirectoryMissing { directory: directory.to_owned() })
        }
        _ => Ok(()),
    }
}

fn classify(path: &Path, error: sqlx::Error) -> ConnectError {
    const PRIMARY_CODE: i32 = 0xff;
    const BUSY: i32 = 5;
    const READ_ONLY: i32 = 8;
    const CANNOT_OPEN: i32 = 14;
    const NOT_A_DATABASE: i32 = 26;
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & PRIMARY_CODE);
    let path = path.to_owned();
    match code {
        Some(BUSY) => ConnectError::Locked { path },
        Some(READ_ONLY | CANNOT_OPEN) => ConnectError::NotWritable { path },
        Some(NOT_A_DATABASE) => ConnectError::NotADatabase { path },
        _ => ConnectError::Other { location: format!("file `{}`", path.display()), source: error },
    }
}
