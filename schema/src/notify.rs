//! PostgreSQL's LISTEN and NOTIFY: how the two halves wake each other when they are two processes.

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::sqlx::{self, Error};

use crate::connection::{Database, DatabaseKind};

/// The channel that both halves use.
const CHANNEL: &str = "managed_gitops";
/// PostgreSQL takes less than 8,000 bytes in one notification.
pub const PAYLOAD_LIMIT: usize = 7_900;

/// Sends a payload to whoever listens; on SQLite there is nobody else.
pub async fn notify(database: &Database, payload: &str) -> Result<(), Error> {
    if database.kind() == DatabaseKind::Sqlite {
        return Ok(());
    }
    let pool = database.connection().get_postgres_connection_pool();
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(pool).await?;
    Ok(())
}

/// Hears what the other half sends.
pub struct Listener(PgListener);

impl Listener {
    /// Begins to listen on PostgreSQL; what was sent before is not heard.
    pub async fn connect(database: &Database) -> Result<Self, Error> {
        let pool = database.connection().get_postgres_connection_pool();
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// The next payload; `None` after the connection was lost and made anew, when something may
    /// have been missed.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let notification = self.0.try_recv().await?;
        Ok(notification.map(|notification| notification.payload().to_owned()))
    }
}
