//! Transactions, and reads outside one: with the driver's prepared statements, or, through a pooler
//! that gives each transaction another session, without any.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, sqlx,
};
use sea_orm_migration::async_trait;
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres};
use tokio::sync::Mutex;

use super::patience::Patience;
use super::{Database, DatabaseKind, patiently};

/// An open transaction. Dropped without a commit, it is rolled back.
pub struct Session {
    transaction: Transaction,
    patience: Option<Patience>,
}

/// See [`Session`].
enum Transaction {
    /// Statements are prepared under a name, and found again in the next transaction.
    Named(DatabaseTransaction),
    /// Statements have no name.
    Unnamed(Unnamed),
}

/// See [`Transaction::Unnamed`].
struct Unnamed {
    transaction: Mutex<sqlx::Transaction<'static, Postgres>>,
    statements: Arc<AtomicU64>,
}

/// Reads outside a transaction. Each sees what is committed.
#[derive(Clone, Copy)]
pub struct Reads<'a>(pub(super) &'a Database);

/// How transactions through a pooler begin.
#[derive(Clone)]
pub(super) struct Pooled {
    /// `BEGIN`, and the settings that a session would have had.
    pub(super) begin: String,
    pub(super) statements: Arc<AtomicU64>,
}

impl Session {
    pub(super) async fn begin(database: &Database) -> Result<Self, DbErr> {
        let transaction = database.patiently(Transaction::begin(database)).await?;
        Ok(Self { transaction, patience: database.patience.clone() })
    }

    /// Commits it.
    pub async fn commit(self) -> Result<(), DbErr> {
        let Self { transaction, patience } = self;
        patiently(patience.as_ref(), transaction.commit()).await
    }

    /// Rolls it back.
    pub async fn rollback(self) -> Result<(), DbErr> {
        let Self { transaction, patience } = self;
        patiently(patience.as_ref(), transaction.rollback()).await
    }
}

impl Transaction {
    async fn begin(database: &Database) -> Result<Self, DbErr> {
        if let Some(pooled) = &database.pooled {
            let pool = database.writer.get_postgres_connection_pool();
            return Ok(Self::Unnamed(Unnamed::begin(pool, pooled).await?));
        }
        // SQLite takes its write lock at once: a transaction that reads first and writes later
        // would fail, not wait, if another process has written in between.
        let mode = match database.kind {
            DatabaseKind::Sqlite => Some(SqliteTransactionMode::Immediate),
            DatabaseKind::Postgres => None,
        };
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        Ok(Self::Named(database.writer.begin_with_options(options).await?))
    }

    async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Named(transaction) => transaction.commit().await,
            Self::Unnamed(unnamed) => unnamed.commit().await,
        }
    }

    async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Named(transaction) => transaction.rollback().await,
            Self::Unnamed(Unnamed { transaction, .. }) => {
                transaction.into_inner().rollback().await.map_err(exec)
            }
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Named(transaction) => transaction.get_database_backend(),
            Self::Unnamed(unnamed) => unnamed.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Named(transaction) => transaction.execute_raw(statement).await,
            Self::Unnamed(unnamed) => unnamed.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Named(transaction) => transaction.execute_unprepared(sql).await,
            Self::Unnamed(unnamed) => unnamed.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Named(transaction) => transaction.query_one_raw(statement).await,
            Self::Unnamed(unnamed) => unnamed.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Named(transaction) => transaction.query_all_raw(statement).await,
            Self::Unnamed(unnamed) => unnamed.query_all_raw(statement).await,
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Session {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let sent = self.transaction.execute_raw(statement);
        patiently(self.patience.as_ref(), sent).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sent = self.transaction.execute_unprepared(sql);
        patiently(self.patience.as_ref(), sent).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let sent = self.transaction.query_one_raw(statement);
        patiently(self.patience.as_ref(), sent).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let sent = self.transaction.query_all_raw(statement);
        patiently(self.patience.as_ref(), sent).await
    }
}

impl Unnamed {
    async fn begin(pool: &PgPool, pooled: &Pooled) -> Result<Self, DbErr> {
        let begin = AssertSqlSafe(pooled.begin.clone());
        let transaction = pool.begin_with(begin).await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout),
            error => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))),
        })?;
        let statements = Arc::clone(&pooled.statements);
        Ok(Self { transaction: Mutex::new(transaction), statements })
    }

    async fn commit(self) -> Result<(), DbErr> {
        self.transaction.into_inner().commit().await.map_err(exec)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Unnamed {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let mut transaction = self.transaction.lock().await;
        Ok(unnamed(&statement).execute(&mut **transaction).await.map_err(exec)?.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut transaction = self.transaction.lock().await;
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        Ok(sql.execute(&mut **transaction).await.map_err(exec)?.into())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let mut transaction = self.transaction.lock().await;
        let row = unnamed(&statement).fetch_optional(&mut **transaction).await.map_err(query)?;
        Ok(row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let mut transaction = self.transaction.lock().await;
        let rows = unnamed(&statement).fetch_all(&mut **transaction).await.map_err(query)?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

impl Reads<'_> {
    /// A statement without a name has to be prepared, bound and executed in one transaction.
    async fn unnamed(&self) -> Result<Option<Unnamed>, DbErr> {
        let Some(pooled) = &self.0.pooled else { return Ok(None) };
        let pool = self.0.reader.get_postgres_connection_pool();
        Ok(Some(Unnamed::begin(pool, pooled).await?))
    }

    async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(unnamed) = self.unnamed().await? else {
            return self.0.reader.execute_raw(statement).await;
        };
        let result = unnamed.execute_raw(statement).await?;
        unnamed.commit().await?;
        Ok(result)
    }

    async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(unnamed) = self.unnamed().await? else {
            return self.0.reader.query_one_raw(statement).await;
        };
        let row = unnamed.query_one_raw(statement).await?;
        unnamed.commit().await?;
        Ok(row)
    }

    async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(unnamed) = self.unnamed().await? else {
            return self.0.reader.query_all_raw(statement).await;
        };
        let rows = unnamed.query_all_raw(statement).await?;
        unnamed.commit().await?;
        Ok(rows)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reads<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.0.reader.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.patiently(self.execute(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.patiently(self.0.reader.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.patiently(self.query_one(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.patiently(self.query_all(statement)).await
    }
}

fn unnamed(statement: &Statement) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values)).persistent(false)
}

fn exec(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn query(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}
