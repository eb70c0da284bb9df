//! The durable state of one state machine.

use sea_orm::entity::prelude::*;

/// A row of `machine`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "machine")]
pub struct Model {
    /// `Tenant`, `Deployment`, `Operation`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub tenant_uid: String,
    pub namespace: String,
    pub name: String,
    /// The name of the object in the namespace that it waits for or acts on.
    pub refers_to: Option<String>,
    /// Versioned JSON; what is queried has its own columns.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub state_path: String,
    /// Rises by one with each commit: a commit names the version that it read.
    pub version: i64,
    /// Next timer, in milliseconds since the epoch.
    pub wake_at: Option<i64>,
    /// Whether the state has undischarged obligations.
    #[sea_orm(column_name = "owes")]
    pub has_obligations: bool,
    /// Milliseconds since the epoch.
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
