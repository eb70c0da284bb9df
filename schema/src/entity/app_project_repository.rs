//! A repository that a tenant's AppProject allows.

use sea_orm::entity::prelude::*;

/// A row of `appprojectrepository`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "appprojectrepository")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub appproject_repository_id: String,
    pub clusteruser_id: String,
    /// Normalised URL, the one that existing readers know.
    pub repo_url: String,
    pub created_on: Option<DateTime>,
    /// The URL as the user wrote it, which Argo CD compares literally; empty in rows of the
    /// existing system.
    pub repo_url_as_written: String,
}

impl ActiveModelBehavior for ActiveModel {}
