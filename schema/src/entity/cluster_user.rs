//! A tenant.

use sea_orm::entity::prelude::*;

/// A row of `clusteruser`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clusteruser")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub clusteruser_id: String,
    /// UID of the tenant's namespace.
    #[sea_orm(unique)]
    pub user_name: String,
    pub created_on: Option<DateTime>,
    pub display_name: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
