//! The rows of repository credentials, opened.

use std::collections::BTreeMap;

use machines::identity::Digest;
use machines::kinds::repository_credential::CredentialId;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, IntoCondition};
use sea_orm::{ConnectionTrait, JoinType, QuerySelect};
use secrecy::SecretString;

use super::access::{Credential, RepositoryAccess};
use crate::entity::clear_text::ClearText;
use crate::entity::repository_credentials::{Column, Entity, Model};
use crate::entity::sealed_value;
use crate::sealing::{Keyring, Place};
use crate::store::StoreError;
use crate::store::sealed::REPOSITORY_CREDENTIALS;
use crate::store::sealed::opening::{SealedValues, UnopenedCredential};
use crate::store::sealed::unlock::Sealer;

/// What a user reads of it.
const WHAT: &str = "repository credential";

/// A row, with what is sealed of it.
pub(in crate::store) struct StoredCredential {
    /// The row.
    pub(in crate::store) row: Model,
    values: SealedValues,
}

/// Rows with what is sealed of them, by id. One statement: what was sealed for one URL is never taken
/// for that of another, even if the row changes meanwhile.
pub(in crate::store) async fn load(
    database: &impl ConnectionTrait,
    rows: impl IntoCondition,
) -> Result<BTreeMap<CredentialId, StoredCredential>, StoreError> {
    let to_values: RelationDef = Entity::belongs_to(sealed_value::Entity)
        .from(Column::RepositorycredentialsId)
        .to(sealed_value::Column::RowKey)
        .on_condition(|_, values| {
            let table = Expr::col((values, sealed_value::Column::TableName));
            table.eq(REPOSITORY_CREDENTIALS).into_condition()
        })
        .into();
    let found = Entity::find()
        .join(JoinType::LeftJoin, to_values)
        .filter(rows.into_condition())
        .select_also(sealed_value::Entity)
        .all(database)
        .await?;
    let mut stored = BTreeMap::new();
    for (row, value) in found {
        let id = CredentialId::new(row.repositorycredentials_id.clone());
        let new = || StoredCredential { row, values: SealedValues::default() };
        let entry = stored.entry(id).or_insert_with(new);
        if let Some(value) = value {
            entry.values.insert(value);
        }
    }
    Ok(stored)
}

impl StoredCredential {
    /// Whether something that was sealed is gone.
    pub(in crate::store) fn is_emptied(&self) -> bool {
        let said = [
            ("repo_cred_user", &self.row.repo_cred_user),
            ("repo_cred_pass", &self.row.repo_cred_pass),
            ("repo_cred_ssh", &self.row.repo_cred_ssh),
        ];
        said.iter().any(|(column, said)| self.values.lacks(column, said.as_ref()))
    }

    /// The digest of what the row says.
    pub(in crate::store) fn digest(
        &self,
        sealer: Option<&Sealer>,
    ) -> Result<Digest, UnopenedCredential> {
        let sealer = sealer.ok_or(UnopenedCredential::NoKeys(WHAT))?;
        Ok(self.open(Some(sealer))?.digest(&sealer.digests))
    }

    /// What the row says.
    pub(in crate::store) fn open(
        &self,
        sealer: Option<&Sealer>,
    ) -> Result<RepositoryAccess, UnopenedCredential> {
        let keyring = &sealer.ok_or(UnopenedCredential::NoKeys(WHAT))?.keyring;
        let row = &self.row;
        // Rows of the existing system have no other name than the one that fits the old column.
        let names = [&row.secret_name, &row.repo_cred_secret];
        let name = names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
        let credential = Credential {
            username: self.text(keyring, "repo_cred_user", row.repo_cred_user.as_ref())?,
            password: self.text(keyring, "repo_cred_pass", row.repo_cred_pass.as_ref())?,
            ssh_private_key: self.text(keyring, "repo_cred_ssh", row.repo_cred_ssh.as_ref())?,
        };
        Ok(RepositoryAccess { name, url: row.repo_cred_url.clone(), credential })
    }

    fn text(
        &self,
        keyring: &Keyring,
        column: &str,
        said: Option<&ClearText>,
    ) -> Result<SecretString, UnopenedCredential> {
        let id = self.row.repositorycredentials_id.as_str();
        self.values.text(keyring, Place::new(REPOSITORY_CREDENTIALS, id, column), said)
    }
}
