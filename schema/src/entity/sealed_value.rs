//! Encrypted credentials: see [`crate::sealing`].

use sea_orm::entity::prelude::*;

/// A row of `sealed_value`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sealed_value")]
pub struct Model {
    /// The table that the value belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_name: String,
    /// The key of the row there.
    #[sea_orm(primary_key, auto_increment = false)]
    pub row_key: String,
    /// The column there, which holds a placeholder.
    #[sea_orm(primary_key, auto_increment = false)]
    pub column_name: String,
    /// The sealing key that opens it.
    pub key_id: String,
    /// Format, nonce, and the encrypted text with its tag.
    #[sea_orm(column_type = "VarBinary(StringLen::None)")]
    pub value: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
