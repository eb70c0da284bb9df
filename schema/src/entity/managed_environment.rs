//! A target that applications are deployed to.

use sea_orm::entity::prelude::*;

/// A row of `managedenvironment`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "managedenvironment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub managedenvironment_id: String,
    pub name: String,
    pub clustercredentials_id: String,
    pub created_on: DateTime,
}

impl ActiveModelBehavior for ActiveModel {}
