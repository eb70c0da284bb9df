//! Which row represents an API object other than a GitOpsDeployment.

use sea_orm::entity::prelude::*;

/// A row of `apicrtodatabasemapping`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "apicrtodatabasemapping")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub api_resource_type: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub api_resource_uid: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub db_relation_type: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub db_relation_key: String,
    pub api_resource_name: String,
    pub api_resource_namespace: String,
    pub api_resource_namespace_uid: String,
}

impl ActiveModelBehavior for ActiveModel {}
