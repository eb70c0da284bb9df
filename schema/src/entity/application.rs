//! The Argo CD Application that should exist.

use sea_orm::entity::prelude::*;

/// A row of `application`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "application")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub application_id: String,
    pub name: String,
    /// See [`crate::spec_field`].
    pub spec_field: String,
    pub engine_instance_inst_id: String,
    /// NULL once the target has been deleted.
    pub managed_environment_id: Option<String>,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
