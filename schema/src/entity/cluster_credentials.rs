//! How to reach one target cluster.
//!
//! A row is about one URL of one managed environment: another URL is another row. One that no
//! environment names any more is deleted, as soon as nothing has to be revoked with it.

use sea_orm::entity::prelude::*;

use super::clear_text::ClearText;

/// A row of `clustercredentials`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clustercredentials")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub clustercredentials_cred_id: String,
    /// API server URL, or the placeholder of one that is too long and sealed; the literal `host` for
    /// the cluster that Argo CD runs in.
    pub host: Option<String>,
    pub kube_config: Option<ClearText>,
    pub kube_config_context: Option<String>,
    pub serviceaccount_bearer_token: Option<ClearText>,
    pub serviceaccount_ns: Option<String>,
    /// NULL means false: the existing system writes NULL for false when it updates a row.
    pub allowinsecure_skiptlsverify: Option<bool>,
    pub created_on: DateTime,
    /// Comma-separated namespaces that the credentials are limited to, or the placeholder of a list
    /// that is too long and sealed; empty means all.
    pub namespaces: Option<String>,
    pub cluster_resources: Option<bool>,
    /// The placeholder of the certificates by which the cluster is recognised; empty if there are
    /// none.
    pub ca_data: String,
    /// The name that the cluster's certificate is for; empty if that is the URL's host.
    pub tls_server_name: String,
}

impl ActiveModelBehavior for ActiveModel {}
