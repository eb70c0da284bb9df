//! Credentials of a private repository. The credentials themselves are sealed: see
//! [`crate::sealing`].

use sea_orm::entity::prelude::*;

use super::clear_text::ClearText;

/// A row of `repositorycredentials`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "repositorycredentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub repositorycredentials_id: String,
    pub repo_cred_user_id: String,
    pub repo_cred_url: String,
    pub repo_cred_user: Option<ClearText>,
    pub repo_cred_pass: Option<ClearText>,
    pub repo_cred_ssh: Option<ClearText>,
    /// The beginning of the name of the user's Secret: as much as fits.
    pub repo_cred_secret: String,
    /// The whole name; empty in rows of the existing system.
    pub secret_name: String,
    pub repo_cred_engine_id: String,
    pub created_on: Option<DateTime>,
}

impl ActiveModelBehavior for ActiveModel {}
