//! How long the database is waited for. A server that is frozen, or whose host is, keeps its connections
//! open and never answers: nothing but a deadline tells.

use std::pin::pin;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, sqlx};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::retired::Retired;

/// A server that works cancels a statement at its own time-out and says so; that answer gets this long.
const GRACE: Duration = Duration::from_secs(5);
/// A ping needs no lock and no disk.
const PING_DEADLINE: Duration = Duration::from_secs(3);

/// Gives up what a PostgreSQL server does not answer, and every connection with it.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    statement: Duration,
    retired: Retired,
}

impl Patience {
    /// For a server that cancels statements after this time.
    pub(super) fn new(statement_timeout: Duration, retired: Retired) -> Self {
        Self { statement: statement_timeout + GRACE, retired }
    }

    /// Waits for a statement, and for a connection before it.
    pub(crate) async fn wait<T, E: From<Unanswered>>(
        &self,
        statement: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut statement = pin!(statement);
        if let Ok(outcome) = tokio::time::timeout(self.statement, &mut statement).await {
            return outcome;
        }
        // Before the connection goes back to the pool, which then closes it.
        self.retired.retire();
        Err(Unanswered(self.statement).into())
    }

    /// Whether a connection answers, in time.
    pub(super) async fn ping(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if let Ok(outcome) = tokio::time::timeout(PING_DEADLINE, connection.ping()).await {
            return outcome;
        }
        self.retired.retire();
        Err(Unanswered(PING_DEADLINE).into())
    }
}

/// Nothing came back for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered(Duration);

impl From<Unanswered> for sqlx::Error {
    fn from(Unanswered(lasted): Unanswered) -> Self {
        let text = format!("the database has not answered for {} s", lasted.as_secs());
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
    }
}

impl From<Unanswered> for DbErr {
    fn from(unanswered: Unanswered) -> Self {
        Self::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(unanswered.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_class::{ErrorClass, Fault};

    #[tokio::test(start_paused = true)]
    async fn what_is_never_answered_is_given_up_with_all_connections() {
        let retired = Retired::default();
        let patience = Patience::new(Duration::from_secs(30), retired.clone());
        let begun = tokio::time::Instant::now();
        let answered = patience.wait(std::future::ready(Ok::<_, DbErr>(1))).await;
        assert_eq!(answered.unwrap(), 1);
        assert!(!retired.covers(Duration::MAX), "an answer retires nothing");
        let silent = std::future::pending::<Result<(), DbErr>>();
        let error = patience.wait(silent).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_secs(35));
        assert!(retired.covers(Duration::MAX));
        assert_eq!(Fault::of(&error).class, ErrorClass::Connection, "{error}");
        assert!(error.to_string().contains("has not answered for 35 s"), "{error}");
    }
}
