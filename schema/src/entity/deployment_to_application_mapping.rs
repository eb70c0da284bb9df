//! Which GitOpsDeployment an Application belongs to.

use sea_orm::entity::prelude::*;

/// A row of `deploymenttoapplicationmapping`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deploymenttoapplicationmapping")]
pub struct Model {
    /// UID of the GitOpsDeployment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub deploymenttoapplicationmapping_uid_id: String,
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub namespace_uid: Option<String>,
    #[sea_orm(unique)]
    pub application_id: String,
    /// Repository URL as the deployment wrote it; NULL in rows of the existing system.
    pub repo_url: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
