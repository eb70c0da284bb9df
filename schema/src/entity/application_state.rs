//! What Argo CD last reported about an Application.

use sea_orm::entity::prelude::*;

/// A row of `applicationstate`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "applicationstate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub applicationstate_application_id: String,
    /// See [`crate::application_state`].
    pub argocd_application_status: Option<Vec<u8>>,
    /// Digest of what was reported; NULL in rows of the existing system.
    pub digest: Option<String>,
    /// Whether the backend has yet to take it in.
    pub unread: bool,
}

impl ActiveModelBehavior for ActiveModel {}
