//! PostgreSQL's LISTEN and NOTIFY: how the two roles wake each other when they are two processes.

use std::time::Instant;

use sea_orm::sqlx::Error;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::sync::watch;

use crate::connection::{Database, DatabaseKind};
use crate::store::error::StoreError;

/// The channel that both roles use.
const CHANNEL: &str = "managed_gitops";
/// PostgreSQL accepts less than 8,000 bytes in one notification.
pub const PAYLOAD_LIMIT: usize = 7_900;

/// Sends a payload to the listeners; on SQLite there are none.
pub async fn notify(database: &Database, payload: &str) -> Result<(), StoreError> {
    if database.kind() == DatabaseKind::Sqlite {
        return Ok(());
    }
    let values = [CHANNEL.into(), payload.into()];
    let notify = "SELECT pg_notify($1, $2)";
    let notify = Statement::from_sql_and_values(DbBackend::Postgres, notify, values);
    let sent = async { Ok(database.reads().execute_raw(notify).await.map(drop)?) };
    database.call("notify", sent).await
}

/// Receives what the other role sends.
pub struct Listener {
    listener: PgListener,
    database: Database,
    retired: watch::Receiver<Option<Instant>>,
}

impl Listener {
    /// Starts to listen on PostgreSQL; what was sent before is not received.
    pub async fn connect(database: &Database) -> Result<Self, Error> {
        let retired = database.retired().subscribe();
        let listener = listen(database).await?;
        Ok(Self { listener, database: database.clone(), retired })
    }

    /// The next payload; `None` after the connection was replaced, when something may have been
    /// missed.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        tokio::select! {
            notification = self.listener.try_recv() => {
                Ok(notification?.map(|notification| notification.payload().to_owned()))
            }
            // Its sender lives as long as the database.
            _ = self.retired.changed() => {
                // It may lead to a server that no longer receives notifications.
                self.listener = listen(&self.database).await?;
                Ok(None)
            }
        }
    }
}

/// Listens on a connection in a pool of its own, which goes with it. The driver ends to listen in the
/// background before it gives a connection back; on a frozen server that never ends, and would cost the
/// pool of the database a connection each time.
async fn listen(database: &Database) -> Result<PgListener, Error> {
    let server = database.listened().connection().get_postgres_connection_pool().connect_options();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(PgConnectOptions::clone(&server));
    let listening = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    database.patiently(listening).await
}
