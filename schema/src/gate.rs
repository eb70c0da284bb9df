//! A hook between the program and its database for tests and chaos: it can delay a call, refuse it,
//! cut it off, or let it happen and then report that it has not. Without a gate, as in production,
//! calls go straight through.

use std::future::Future;
use std::sync::Arc;

use sea_orm::{DbErr, RuntimeErr};

use crate::BoxFuture;
use crate::store::error::StoreError;

/// One call of the store, with everything that it sends to the database: a transaction, or reads.
/// It returns whether the call succeeded.
pub type Work<'a> = BoxFuture<'a, bool>;

/// What sits between the program and its database.
pub trait Gate: Send + Sync {
    /// Does the work of a call, or not. A returned error is what the caller sees, whether the work
    /// was done or not.
    fn pass<'a>(&'a self, call: &'static str, work: Work<'a>) -> BoxFuture<'a, Result<(), Cut>>;
}

/// The connection was cut, before, during or after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

impl From<Cut> for StoreError {
    fn from(Cut: Cut) -> Self {
        let text = "the connection was cut".to_owned();
        Self::Database(DbErr::Conn(RuntimeErr::Internal(text)))
    }
}

/// Sends a call through the gate, if there is one.
pub(crate) async fn through<T: Send>(
    gate: Option<&Arc<dyn Gate>>,
    call: &'static str,
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let Some(gate) = gate else { return work.await };
    let mut outcome = None;
    let done = async {
        let result = work.await;
        let succeeded = result.is_ok();
        outcome = Some(result);
        succeeded
    };
    gate.pass(call, Box::pin(done)).await?;
    outcome.unwrap_or_else(|| Err(Cut.into()))
}
