//! A target that a tenant's AppProject allows.

use sea_orm::entity::prelude::*;

/// A row of `appprojectmanagedenvironment`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "appprojectmanagedenvironment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub appproject_managedenv_id: String,
    pub clusteruser_id: String,
    pub managed_environment_id: String,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
