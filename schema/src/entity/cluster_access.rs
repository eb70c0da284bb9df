//! Grants a tenant the use of a target through an Argo CD instance.

use sea_orm::entity::prelude::*;

/// A row of `clusteraccess`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clusteraccess")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub clusteraccess_user_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub clusteraccess_managed_environment_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub clusteraccess_gitops_engine_instance_id: String,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
