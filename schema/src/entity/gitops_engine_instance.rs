//! One Argo CD installation on such a cluster.

use sea_orm::entity::prelude::*;

/// A row of `gitopsengineinstance`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gitopsengineinstance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub gitopsengineinstance_id: String,
    pub namespace_name: String,
    pub namespace_uid: String,
    pub enginecluster_id: String,
}

impl ActiveModelBehavior for ActiveModel {}
