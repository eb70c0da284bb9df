//! Which tenant owns an Application.

use sea_orm::entity::prelude::*;

/// A row of `applicationowner`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "applicationowner")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_owner_application_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_owner_user_id: String,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
