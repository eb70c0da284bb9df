//! The rows of operations.

use std::collections::BTreeMap;

use machines::identity::{OperationId, Timestamp};
use machines::operation::target::APPLICATION;
use machines::rows::{OperationRow, OperationState};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{ActiveValue, Condition, ConnectionTrait};

use crate::entity::{application, operation};
use crate::store::StoreError;
use crate::store::statements::{database_time, in_order};

/// The text in an operation of an earlier installation that is requested again.
const SUPERSEDED: &str = "the service was replaced before this operation was finished; it is \
     asked for again";

/// The spelling of an operation's state in the database.
fn state_text(state: &OperationState) -> &'static str {
    match state {
        OperationState::Waiting => "Waiting",
        OperationState::InProgress => "In_Progress",
        OperationState::Completed => "Completed",
        OperationState::Failed(_) => "Failed",
    }
}

/// Inserts operations that wait for the agent.
pub(in crate::store) async fn request(
    tx: &impl ConnectionTrait,
    rows: Vec<OperationRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let operations = rows.into_iter().map(|row| operation::ActiveModel {
        operation_id: ActiveValue::Set(row.id.into_string()),
        instance_id: ActiveValue::Set(row.instance.into_string()),
        resource_id: ActiveValue::Set(row.target.row().to_owned()),
        operation_owner_user_id: ActiveValue::Set(Some(row.owner.into_string())),
        resource_type: ActiveValue::Set(row.target.resource_type().to_owned()),
        created_on: ActiveValue::Set(database_time(now)),
        last_state_update: ActiveValue::Set(database_time(now)),
        state: ActiveValue::Set(state_text(&OperationState::Waiting).to_owned()),
        requester: ActiveValue::Set(Some(row.requester.to_string())),
        ..Default::default()
    });
    // By primary key alone: an open operation for the same application would be a defect of the
    // machine, and should fail loudly by its unique index.
    let leave = OnConflict::column(operation::Column::OperationId).do_nothing().to_owned();
    operation::Entity::insert_many(operations)
        .on_conflict(leave)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Writes what the agent says about operations: one statement, whatever it says.
pub(in crate::store) async fn set_states(
    tx: &impl ConnectionTrait,
    states: BTreeMap<OperationId, OperationState>,
    now: Timestamp,
) -> Result<(), StoreError> {
    use operation::{Column, Entity};
    let mut by_state: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
    let mut texts: Option<CaseStatement> = None;
    for (id, state) in &states {
        by_state.entry(state_text(state)).or_default().push(id.as_str());
        if let OperationState::Failed(text) = state {
            // PostgreSQL text cannot contain a NUL, and errors from elsewhere are repeated here.
            let text = text.replace('\0', "\u{fffd}");
            let case = texts.take().unwrap_or_default();
            texts = Some(case.case(Column::OperationId.eq(id.as_str()), text));
        }
        if *state == OperationState::InProgress {
            // If an earlier operation started the removal, it already shows its progress.
            let case = texts.take().unwrap_or_default();
            let known = Expr::col(Column::HumanReadableState);
            texts = Some(case.case(Column::OperationId.eq(id.as_str()), known));
        }
    }
    let mut state = CaseStatement::new();
    for (text, ids) in by_state {
        state = state.case(Column::OperationId.is_in(ids), text);
    }
    let text = match texts {
        Some(texts) => texts.finally(Expr::value(None::<String>)).into(),
        None => Expr::value(None::<String>),
    };
    let ids = states.keys().map(OperationId::as_str);
    let named = Entity::find().filter(Column::OperationId.is_in(ids));
    Entity::update_many()
        .col_expr(Column::State, state.into())
        .col_expr(Column::HumanReadableState, text)
        .col_expr(Column::LastStateUpdate, Expr::value(database_time(now)))
        .filter(Column::OperationId.in_subquery(in_order(
            Column::OperationId,
            named,
            LockType::NoKeyUpdate,
        )))
        .exec(tx)
        .await?;
    Ok(())
}

/// Closes the open operations that an earlier installation left for applications that are still
/// wanted. Those whose application is gone stay open: the agent removes what is left of it.
pub(in crate::store) async fn supersede_foreign(
    tx: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wanted = Query::select()
        .column(application::Column::ApplicationId)
        .from(application::Entity)
        .to_owned();
    supersede(tx, APPLICATION, wanted, now).await
}

/// Whether an operation has not ended.
pub(in crate::store) fn is_open() -> Expr {
    operation::Column::State.is_in(["Waiting", "In_Progress"])
}

/// Whether an operation of an earlier installation was open when this one began.
pub(in crate::store) fn was_open() -> Condition {
    Condition::any().add(is_open()).add(operation::Column::HumanReadableState.eq(SUPERSEDED))
}

/// Closes the open operations that an earlier installation left for these rows. What they are of asks
/// again when it is first seen, and an open one would block the new request.
pub(in crate::store) async fn supersede(
    tx: &impl ConnectionTrait,
    resource_type: &str,
    wanted: SelectStatement,
    now: Timestamp,
) -> Result<(), StoreError> {
    use operation::{Column, Entity};
    let foreign = Entity::find()
        .filter(Column::Requester.is_null())
        .filter(Column::ResourceType.eq(resource_type))
        .filter(is_open())
        .filter(Column::ResourceId.in_subquery(wanted));
    Entity::update_many()
        .col_expr(Column::State, Expr::value("Failed"))
        .col_expr(Column::HumanReadableState, Expr::value(SUPERSEDED))
        .col_expr(Column::LastStateUpdate, Expr::value(database_time(now)))
        .filter(Column::OperationId.in_subquery(in_order(
            Column::OperationId,
            foreign,
            LockType::NoKeyUpdate,
        )))
        .exec(tx)
        .await?;
    Ok(())
}
