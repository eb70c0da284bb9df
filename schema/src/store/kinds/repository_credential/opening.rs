//! The rows of repository credentials, opened.

use std::collections::{BTreeMap, HashMap};

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
use crate::sealing::{self, Keyring, OpenError, PLACEHOLDER, Place, Sealed};
use crate::store::StoreError;
use crate::store::sealed::unlock::Sealer;
use crate::store::sealed::{NO_KEYS, REPOSITORY_CREDENTIALS};

/// Why it is not known what a row says. The texts are read by users: they name no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnopenedCredential {
    /// There are no keys.
    #[error("the repository credential cannot be read: {NO_KEYS}")]
    NoKeys,
    /// The keys do not open it.
    #[error("the sealed {place} cannot be read: {source}")]
    Locked {
        /// What is sealed.
        place: Place,
        /// Why it does not open.
        source: OpenError,
    },
    /// It was sealed, and is gone: its key was lost.
    #[error(
        "the sealed {0} is gone, as after the loss of its key; enter the credential in its Secret \
         again"
    )]
    Missing(Place),
}

/// A row, with what is sealed of it.
pub(in crate::store) struct StoredCredential {
    /// The row.
    pub(in crate::store) row: Model,
    /// By column.
    values: HashMap<String, Sealed>,
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
        let new = || StoredCredential { row, values: HashMap::new() };
        let entry = stored.entry(id).or_insert_with(new);
        if let Some((place, sealed)) = value.map(sealed_value::Model::into_sealed) {
            entry.values.insert(place.column, sealed);
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
        let sealed = Some(ClearText::placeholder(PLACEHOLDER));
        said.iter().any(|(column, said)| **said == sealed && !self.values.contains_key(*column))
    }

    /// The digest of what the row says.
    pub(in crate::store) fn digest(
        &self,
        sealer: Option<&Sealer>,
    ) -> Result<Digest, UnopenedCredential> {
        let sealer = sealer.ok_or(UnopenedCredential::NoKeys)?;
        Ok(self.open(Some(sealer))?.digest(&sealer.digests))
    }

    /// What the row says.
    pub(in crate::store) fn open(
        &self,
        sealer: Option<&Sealer>,
    ) -> Result<RepositoryAccess, UnopenedCredential> {
        let keyring = &sealer.ok_or(UnopenedCredential::NoKeys)?.keyring;
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
        let Some(said) = said else { return Ok(SecretString::default()) };
        if *said != ClearText::placeholder(PLACEHOLDER) {
            // There is none, or an earlier installation has left it in the clear.
            return Ok(said.clone().into_secret());
        }
        let id = self.row.repositorycredentials_id.as_str();
        let place = Place::new(REPOSITORY_CREDENTIALS, id, column);
        match self.values.get(column) {
            Some(sealed) => sealing::open(keyring, &place, sealed)
                .map_err(|source| UnopenedCredential::Locked { place, source }),
            None => Err(UnopenedCredential::Missing(place)),
        }
    }
}
