//! How to reach one target cluster.
//!
//! Credentials are only replaced, never changed: rotation is a new row, and a row that no managed
//! environment names any more is deleted.

use sea_orm::entity::prelude::*;

use super::clear_text::ClearText;

/// A row of `clustercredentials`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clustercredentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub clustercredentials_cred_id: String,
    /// API server URL; the literal `host` for the cluster that Argo CD runs in.
    pub host: Option<String>,
    pub kube_config: Option<ClearText>,
    pub kube_config_context: Option<String>,
    pub serviceaccount_bearer_token: Option<ClearText>,
    pub serviceaccount_ns: Option<String>,
    /// NULL means false: the existing system writes NULL for false when it updates a row.
    pub allowinsecure_skiptlsverify: Option<bool>,
    pub created_on: DateTime,
    /// Comma-separated namespaces that the credentials are limited to; empty means all.
    pub namespaces: Option<String>,
    pub cluster_resources: Option<bool>,
}

impl ActiveModelBehavior for ActiveModel {}
