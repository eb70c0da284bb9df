//! What is removed by age, so that no table grows without bound.

use std::time::Duration;

use machines::identity::Timestamp;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType, Query};

use crate::entity::{operation, transition};
use crate::store::statements::{database_time, in_order};
use crate::store::{Call, Store, StoreError};

/// How long the row of a finished operation is kept for readers of the table.
pub const OPERATION_RETENTION: Duration = Duration::from_secs(3_600);
/// How long transitions are kept.
pub const TRANSITION_RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Most transitions kept, the newest of all machines: some 200 MiB.
pub const TRANSITION_LIMIT: i64 = 1_000_000;

/// Rows of a table that one transaction removes: some tens of milliseconds, so that no batch waits
/// for long and no statement times out after a long pause.
const PAGE: u64 = 5_000;

/// What one collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Rows of finished operations.
    pub operations: u64,
    /// Transitions.
    pub transitions: u64,
}

impl Store {
    /// Removes what is older than its retention, page by page.
    pub async fn collect(&self, now: Timestamp) -> Result<Collected, StoreError> {
        let mut collected = Collected::default();
        loop {
            let page = self.collect_page(now).await?;
            collected.operations += page.operations;
            collected.transitions += page.transitions;
            if page.operations < PAGE && page.transitions < PAGE {
                return Ok(collected);
            }
        }
    }

    fn collect_page(&self, now: Timestamp) -> Call<'_, Collected> {
        self.call("collect_page", async move {
            let tx = self.begin().await?;
            let finished = operation::Entity::find()
                .filter(operation::Column::State.is_in(["Completed", "Failed"]))
                .filter(
                    operation::Column::LastStateUpdate
                        .lt(database_time(before(now, OPERATION_RETENTION))),
                )
                .limit(PAGE);
            let finished = in_order(operation::Column::OperationId, finished, LockType::Update);
            let operations = operation::Entity::delete_many()
                .filter(operation::Column::OperationId.in_subquery(finished))
                .exec(&tx)
                .await?;
            let newest = Query::select()
                .expr(Expr::col(transition::Column::Id).max())
                .from(transition::Entity)
                .to_owned();
            let surplus =
                Expr::col(transition::Column::Id).lte(Expr::expr(newest).sub(TRANSITION_LIMIT));
            let old = transition::Column::At.lt(before(now, TRANSITION_RETENTION).as_millis());
            let outlived = transition::Entity::find().filter(old.or(surplus)).limit(PAGE);
            let outlived = in_order(transition::Column::Id, outlived, LockType::Update);
            let transitions = transition::Entity::delete_many()
                .filter(transition::Column::Id.in_subquery(outlived))
                .exec(&tx)
                .await?;
            tx.commit().await?;
            Ok(Collected {
                operations: operations.rows_affected,
                transitions: transitions.rows_affected,
            })
        })
    }
}

fn before(now: Timestamp, retention: Duration) -> Timestamp {
    let millis = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(millis))
}
