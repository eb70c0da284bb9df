//! The rows of repository credentials.

use std::collections::BTreeMap;

use machines::identity::Timestamp;
use machines::kinds::repository_credential::CredentialId;
use machines::rows::{CredentialKey, CredentialRow, CredentialRows};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ConnectionTrait};
use secrecy::{ExposeSecret as _, SecretString};

use super::access::Credential;
use crate::entity::clear_text::ClearText;
use crate::entity::repository_credentials::{ActiveModel, Column, Entity};
use crate::sealing::{PLACEHOLDER, Place};
use crate::store::StoreError;
use crate::store::kinds::Texts;
use crate::store::kinds::api_mappings::{ApiMapping, ApiMappings};
use crate::store::kinds::repositories::Repositories;
use crate::store::sealed::{NO_KEYS, REPOSITORY_CREDENTIALS};
use crate::store::statements::database_time;

/// The mappings from credentials to their rows. The relation is another word than the type of an
/// operation on the row: `RepositoryCredentials`.
pub(in crate::store) const MAPPINGS: ApiMappings = ApiMappings {
    object: "GitOpsDeploymentRepositoryCredential",
    relation: "RepositoryCredential",
};
/// The size of `repo_cred_secret`.
const SECRET_LIMIT: usize = 48;

/// What the credentials of a batch change, by row. Of several changes to one row the last counts.
#[derive(Default)]
pub(in crate::store) struct Changes {
    put: BTreeMap<CredentialId, CredentialRow>,
    removed: BTreeMap<CredentialId, CredentialKey>,
}

impl Changes {
    pub(in crate::store) fn add(&mut self, change: CredentialRows) {
        match change {
            CredentialRows::Put(row) => {
                self.removed.remove(&row.key.id);
                self.put.insert(row.key.id.clone(), *row);
            }
            CredentialRows::Remove(key) => {
                self.put.remove(&key.id);
                self.removed.insert(key.id.clone(), *key);
            }
        }
    }

    /// The repositories that those that stay use.
    pub(in crate::store) fn repositories(&self) -> Repositories {
        self.put.values().map(repository).collect()
    }
}

fn repository(row: &CredentialRow) -> (String, String) {
    (row.key.user.as_str().to_owned(), row.repository.clone())
}

/// The repositories that a batch removes from one of its credentials.
pub(in crate::store) async fn given_up(
    tx: &impl ConnectionTrait,
    changes: &Changes,
) -> Result<Repositories, StoreError> {
    let Changes { put, removed } = changes;
    let ids: Vec<&str> = put.keys().chain(removed.keys()).map(CredentialId::as_str).collect();
    if ids.is_empty() {
        return Ok(Repositories::new());
    }
    let rows = Entity::find().filter(Column::RepositorycredentialsId.is_in(ids)).all(tx).await?;
    let mut repositories = Repositories::new();
    for row in rows {
        let before = (row.repo_cred_user_id, row.repo_cred_url);
        let after = put.get(&CredentialId::new(row.repositorycredentials_id)).map(repository);
        if after.as_ref() != Some(&before) {
            repositories.insert(before);
        }
    }
    Ok(repositories)
}

fn mapping(row: &CredentialRow) -> ApiMapping<'_> {
    ApiMapping {
        uid: row.key.uid.as_str(),
        row: row.key.id.as_str(),
        name: &row.name,
        namespace: &row.namespace,
        tenant: row.tenant.as_str(),
    }
}

/// Writes them, once the tenants of the batch have their rows.
pub(in crate::store) async fn write(
    tx: &impl ConnectionTrait,
    changes: Changes,
    texts: &mut Texts<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Changes { put, removed } = changes;
    if !removed.is_empty() {
        remove(tx, &removed).await?;
        texts.sealed.remove(REPOSITORY_CREDENTIALS, removed.keys().map(CredentialId::as_str));
    }
    if !put.is_empty() {
        let rows: Vec<CredentialRow> = put.into_values().collect();
        put_rows(tx, &rows, texts, now).await?;
        MAPPINGS.put(tx, &rows.iter().map(mapping).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

async fn remove(
    tx: &impl ConnectionTrait,
    removed: &BTreeMap<CredentialId, CredentialKey>,
) -> Result<(), StoreError> {
    MAPPINGS.remove(tx, removed.values().map(|key| key.uid.as_str())).await?;
    let ids = removed.keys().map(CredentialId::as_str);
    Entity::delete_many().filter(Column::RepositorycredentialsId.is_in(ids)).exec(tx).await?;
    Ok(())
}

async fn put_rows(
    tx: &impl ConnectionTrait,
    rows: &[CredentialRow],
    texts: &mut Texts<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Texts { accepted, has_keys, sealed, .. } = texts;
    let mut models = Vec::with_capacity(rows.len());
    for row in rows {
        let refused = |why: &str| StoreError::Value {
            what: format!("the repository credential {}/{}", row.namespace, row.name),
            why: why.to_owned(),
        };
        if !*has_keys {
            return Err(refused(NO_KEYS));
        }
        let text = accepted.get(&row.key.uid);
        let Credential { username, password, ssh_private_key } =
            text.ok_or_else(|| refused("the batch does not bring what was accepted"))?;
        let id = row.key.id.as_str();
        let mut seal = |column: &str, text: &SecretString| {
            sealed.set(Place::new(REPOSITORY_CREDENTIALS, id, column), text.clone());
            let is_empty = text.expose_secret().is_empty();
            let said = if is_empty { "" } else { PLACEHOLDER };
            ActiveValue::Set(Some(ClearText::placeholder(said)))
        };
        models.push(ActiveModel {
            repositorycredentials_id: ActiveValue::Set(id.to_owned()),
            repo_cred_user_id: ActiveValue::Set(row.key.user.as_str().to_owned()),
            repo_cred_url: ActiveValue::Set(row.repository.clone()),
            repo_cred_user: seal("repo_cred_user", username),
            repo_cred_pass: seal("repo_cred_pass", password),
            repo_cred_ssh: seal("repo_cred_ssh", ssh_private_key),
            repo_cred_secret: ActiveValue::Set(
                row.secret_name.chars().take(SECRET_LIMIT).collect(),
            ),
            secret_name: ActiveValue::Set(row.secret_name.clone()),
            repo_cred_engine_id: ActiveValue::Set(row.instance.as_str().to_owned()),
            created_on: ActiveValue::Set(Some(database_time(now))),
        });
    }
    let replace = OnConflict::column(Column::RepositorycredentialsId)
        .update_columns([
            Column::RepoCredUserId,
            Column::RepoCredUrl,
            Column::RepoCredUser,
            Column::RepoCredPass,
            Column::RepoCredSsh,
            Column::RepoCredSecret,
            Column::SecretName,
            Column::RepoCredEngineId,
        ])
        .to_owned();
    Entity::insert_many(models).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
