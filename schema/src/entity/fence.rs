//! Which process may commit.
//!
//! A leader raises the epoch of its role when it takes over; a commit that names an older epoch
//! fails.

use sea_orm::entity::prelude::*;

/// A row of `fence`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fence")]
pub struct Model {
    /// `backend` or `agent`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub role: String,
    pub epoch: i64,
    pub holder: String,
    /// Milliseconds since the epoch.
    pub taken_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
