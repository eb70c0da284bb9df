//! One step that changed a machine's state path.

use sea_orm::entity::prelude::*;

/// A row of `transition`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transition")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub kind: String,
    pub key: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    pub from_path: String,
    pub to_path: String,
    pub cause: String,
    pub generation: i64,
}

impl ActiveModelBehavior for ActiveModel {}
