//! Opening a database by its URL.
//!
//! The pools are built here and not by sea-orm's own connector, for two reasons: that one puts
//! the URL, with its password, into trace spans and error texts; and it flattens the causes of a
//! failure, which [`ConnectError`] tells apart.

mod error;
pub(crate) mod patience;
mod postgres;
mod retired;
mod session;
mod sqlite;

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};

pub use error::ConnectError;
pub use session::{Reads, Session};

use crate::BoxFuture;
use crate::error_class::{ErrorClass, Fault};
use crate::gate::{Gate, through};
use crate::store::error::StoreError;
use patience::Patience;
use retired::Retired;
use session::Pooled;

/// Enough for the workers of one process, and few enough that three processes stay below
/// PostgreSQL's default of 100 connections.
const POSTGRES_CONNECTIONS: u32 = 16;
/// A healthy server answers within milliseconds; this is for one that is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any of our transactions: a wait this long means a defect.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// The slowest statement is a page of a scan.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long SQLite waits for another process's write transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the database of `url`: `sqlite://path`, `sqlite::memory:`, `postgres://…`.
///
/// An SQLite file is created when missing; its directory is not. The tables are up to
/// [`crate::migrate`].
pub fn connect<'a>(
    url: &'a str,
    options: &'a ConnectOptions,
) -> BoxFuture<'a, Result<Database, ConnectError>> {
    match scheme(url) {
        Some("sqlite") => Box::pin(sqlite::connect(url, options)),
        Some("postgres" | "postgresql") => Box::pin(postgres::connect(url, options)),
        Some(scheme) => {
            let scheme = scheme.to_owned();
            Box::pin(async { Err(ConnectError::UnknownScheme { scheme }) })
        }
        None => Box::pin(async { Err(ConnectError::NoScheme) }),
    }
}

/// The part before the first colon, if that can be a scheme.
///
/// Anything else is not repeated to the user: it may be a pasted password.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.len() <= 16
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-');
    well_formed.then_some(scheme)
}

/// Time-outs and sizes of a connection; the defaults fit a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// What PostgreSQL shows in `pg_stat_activity`.
    pub application_name: String,
    /// Upper bound of the PostgreSQL pool; SQLite has one writing connection whatever this says.
    pub max_connections: u32,
    /// For the first connection to a PostgreSQL server.
    pub connect_timeout: Duration,
    /// For a connection of the pool to become free.
    pub acquire_timeout: Duration,
    /// After which PostgreSQL cancels a statement.
    pub statement_timeout: Duration,
    /// How long SQLite waits for another process's write transaction.
    pub busy_timeout: Duration,
    /// Whether PostgreSQL is behind a pooler that gives each transaction another session, such as
    /// PgBouncer in transaction mode: nothing is then kept in a session.
    pub pooled: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            application_name: "managed-gitops".to_owned(),
            max_connections: POSTGRES_CONNECTIONS,
            connect_timeout: CONNECT_TIMEOUT,
            acquire_timeout: ACQUIRE_TIMEOUT,
            statement_timeout: STATEMENT_TIMEOUT,
            busy_timeout: BUSY_TIMEOUT,
            pooled: false,
        }
    }
}

/// Which of the two databases it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseKind {
    /// A file, or memory, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// An open database; clones share its pools.
#[derive(Clone)]
pub struct Database {
    kind: DatabaseKind,
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    file: Option<PathBuf>,
    location: String,
    statements: Arc<AtomicU64>,
    retired: Retired,
    /// How long it is waited for; SQLite is in this process and answers.
    patience: Option<Patience>,
    /// Set if transactions go through a pooler: how they then begin.
    pooled: Option<Pooled>,
    /// The same database without the pooler, to listen on.
    listened: Option<Arc<Database>>,
    gate: Option<Arc<dyn Gate>>,
}

impl Database {
    /// Combines the pools; `location` is for people and contains no password.
    fn new(
        kind: DatabaseKind,
        mut writer: DatabaseConnection,
        reader: Option<DatabaseConnection>,
        file: Option<PathBuf>,
        location: String,
        retired: Retired,
    ) -> Self {
        let statements = Arc::new(AtomicU64::new(0));
        count_statements(&mut writer, &statements);
        let reader = match reader {
            Some(mut reader) => {
                count_statements(&mut reader, &statements);
                reader
            }
            None => writer.clone(),
        };
        Self {
            kind,
            writer,
            reader,
            file,
            location,
            statements,
            retired,
            patience: None,
            pooled: None,
            listened: None,
            gate: None,
        }
    }

    /// The same database, waited for no longer than this.
    fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Waits for a statement as long as it may take.
    pub(crate) async fn patiently<T, E: From<patience::Unanswered>>(
        &self,
        statement: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        patiently(self.patience.as_ref(), statement).await
    }

    /// The same database, with transactions that begin with these statements.
    fn pooled(mut self, begin: String) -> Self {
        self.pooled = Some(Pooled { begin, statements: Arc::clone(&self.statements) });
        self
    }

    /// The same database, with a second connection that bypasses the pooler, to listen on.
    pub fn listening_on(mut self, direct: Self) -> Self {
        self.listened = Some(Arc::new(direct));
        self
    }

    /// The one to listen on; no notifications arrive through a pooler.
    pub(crate) fn listened(&self) -> &Self {
        self.listened.as_deref().unwrap_or(self)
    }

    /// Whether notifications can arrive.
    pub fn can_listen(&self) -> bool {
        self.kind == DatabaseKind::Postgres && !self.listened().is_pooled()
    }

    /// Whether it is reached through a pooler.
    pub fn is_pooled(&self) -> bool {
        self.pooled.is_some()
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Session, DbErr> {
        Session::begin(self).await
    }

    /// For reads outside a transaction, which on an SQLite file do not wait for the writer.
    pub fn reads(&self) -> Reads<'_> {
        Reads(self)
    }

    /// The same database, with a gate that the store's calls pass through.
    pub fn behind(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Sends a call through the gate, and retires the connections if its failure shows that they
    /// are unusable.
    pub(crate) async fn call<T: Send>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut passing = std::pin::pin!(through(self.gate.as_ref(), name, work));
        // Dropped before its connection is, which the pool then closes.
        let given_up = GivenUp(&self.retired);
        let outcome = passing.as_mut().await;
        std::mem::forget(given_up);
        if let Err(error) = &outcome {
            self.note(error.fault());
        }
        outcome
    }

    /// Retires the connections if that is what an error asks for: after a fail-over they lead to a
    /// read-only server, and after a migration they hold statements that no longer fit.
    pub(crate) fn note(&self, fault: Fault) {
        if fault.class == ErrorClass::Connection {
            self.retired.retire();
        }
    }

    /// Notifies when connections are retired.
    pub(crate) fn retired(&self) -> &Retired {
        &self.retired
    }

    /// Which database it is.
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// For transactions and everything else that writes.
    ///
    /// On SQLite this is a pool of one: inside a transaction use the transaction, because the pool
    /// has no second connection.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// For reads outside a transaction, which on an SQLite file do not wait for the writer.
    ///
    /// It sees what is committed. With SQLite in memory and with PostgreSQL it is the same pool
    /// as [`Self::connection`].
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The SQLite file, if it is one; what [`crate::embedded`] works on.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the database is, for people: never contains a password.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Statements sent since the database was opened.
    ///
    /// Prepared statements are counted, in and out of transactions. `BEGIN`, `COMMIT` and
    /// `execute_unprepared`, which only migrations use, are not.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Closes the pools, after what is in flight.
    pub async fn close(&self) -> Result<(), DbErr> {
        if let Some(listened) = &self.listened {
            listened.reader.close_by_ref().await?;
        }
        self.reader.close_by_ref().await?;
        self.writer.close_by_ref().await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("kind", &self.kind)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// Waits for a statement as long as it may take, if there is a limit.
async fn patiently<T, E: From<patience::Unanswered>>(
    patience: Option<&Patience>,
    statement: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match patience {
        Some(patience) => patience.wait(statement).await,
        None => statement.await,
    }
}

/// A call that is abandoned before its end may have waited for a dead connection.
struct GivenUp<'a>(&'a Retired);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.retire();
    }
}

fn count_statements(connection: &mut DatabaseConnection, statements: &Arc<AtomicU64>) {
    let statements = Arc::clone(statements);
    connection.set_metric_callback(move |_| {
        statements.fetch_add(1, Ordering::Relaxed);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_scheme_is_not_taken_for_one() {
        assert_eq!(scheme("sqlite::memory:"), Some("sqlite"));
        assert_eq!(scheme("postgres://u:p@h/d"), Some("postgres"));
        assert_eq!(scheme("hunter2"), None);
        assert_eq!(scheme("p@ss:word"), None);
        assert_eq!(scheme(":x"), None);
    }
}
