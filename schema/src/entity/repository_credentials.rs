//! Credentials of a private repository.

use sea_orm::entity::prelude::*;

/// A row of `repositorycredentials`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "repositorycredentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub repositorycredentials_id: String,
    pub repo_cred_user_id: String,
    pub repo_cred_url: String,
    pub repo_cred_user: Option<String>,
    pub repo_cred_pass: Option<String>,
    pub repo_cred_ssh: Option<String>,
    /// Name of the Argo CD repository Secret.
    pub repo_cred_secret: String,
    pub repo_cred_engine_id: String,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
