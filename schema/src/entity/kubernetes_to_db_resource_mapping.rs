//! Which row represents a Kubernetes object that is not one of our API objects.

use sea_orm::entity::prelude::*;

/// A row of `kubernetestodbresourcemapping`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kubernetestodbresourcemapping")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kubernetes_resource_type: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kubernetes_resource_uid: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub db_relation_type: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub db_relation_key: String,
}

impl ActiveModelBehavior for ActiveModel {}
