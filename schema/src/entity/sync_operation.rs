//! One requested sync of an Application.

use sea_orm::entity::prelude::*;

/// A row of `syncoperation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "syncoperation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub syncoperation_id: String,
    /// NULL once the Application has been deleted.
    pub application_id: Option<String>,
    pub deployment_name: String,
    pub revision: String,
    /// `Running` or `Terminated`.
    pub desired_state: String,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
