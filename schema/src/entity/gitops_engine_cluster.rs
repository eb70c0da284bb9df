//! A cluster that runs Argo CD.

use sea_orm::entity::prelude::*;

/// A row of `gitopsenginecluster`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gitopsenginecluster")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub gitopsenginecluster_id: String,
    pub clustercredentials_id: String,
}

impl ActiveModelBehavior for ActiveModel {}
