//! What is removed by age, so that no table grows without bound.

use std::time::Duration;

use machines::identity::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Query};

use crate::entity::{operation, transition};
use crate::store::{Store, StoreError, database_time};

/// How long the row of a finished operation is kept for whoever reads the table.
pub const OPERATION_RETENTION: Duration = Duration::from_secs(3_600);
/// How long transitions are kept.
pub const TRANSITION_RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How many of the newest transitions of all machines are kept at the most: some 200 MiB.
pub const TRANSITION_LIMIT: i64 = 1_000_000;

/// What one collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Rows of finished operations.
    pub operations: u64,
    /// Transitions.
    pub transitions: u64,
}

impl Store {
    /// Removes what is older than its retention.
    pub async fn collect(&self, now: Timestamp) -> Result<Collected, StoreError> {
        let before = |retention: Duration| {
            let millis = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millis(now.as_millis().saturating_sub(millis))
        };
        let tx = self.begin().await?;
        let operations = operation::Entity::delete_many()
            .filter(operation::Column::State.is_in(["Completed", "Failed"]))
            .filter(
                operation::Column::LastStateUpdate.lt(database_time(before(OPERATION_RETENTION))),
            )
            .exec(&tx)
            .await?;
        let newest = Query::select()
            .expr(Expr::col(transition::Column::Id).max())
            .from(transition::Entity)
            .to_owned();
        let surplus = Expr::col(transition::Column::Id)
            .add(TRANSITION_LIMIT)
            .lte(Expr::expr(newest));
        let transitions = transition::Entity::delete_many()
            .filter(
                transition::Column::At
                    .lt(before(TRANSITION_RETENTION).as_millis())
                    .or(surplus),
            )
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(Collected {
            operations: operations.rows_affected,
            transitions: transitions.rows_affected,
        })
    }
}
