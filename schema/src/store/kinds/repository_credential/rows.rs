//! The rows of repository credentials.

use std::collections::{BTreeMap, HashMap};

use machines::identity::Timestamp;
use machines::kinds::repository_credential::{CredentialId, CredentialUid};
use machines::rows::{CredentialKey, CredentialRow, CredentialRows};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ConnectionTrait};
use secrecy::{ExposeSecret as _, SecretString};

use super::access::Credential;
use crate::entity::api_cr_to_database_mapping as api_mapping;
use crate::entity::clear_text::ClearText;
use crate::entity::repository_credentials::{ActiveModel, Column, Entity};
use crate::sealing::{PLACEHOLDER, Place};
use crate::store::StoreError;
use crate::store::kinds::repositories::Repositories;
use crate::store::sealed::{self, NO_KEYS, REPOSITORY_CREDENTIALS};
use crate::store::statements::{database_time, insert_missing};

/// `apicrtodatabasemapping.api_resource_type` of a repository credential.
pub(super) const CREDENTIAL: &str = "GitOpsDeploymentRepositoryCredential";
/// `apicrtodatabasemapping.db_relation_type` of its row. That of an operation on the row is another
/// word: `RepositoryCredentials`.
pub(in crate::store) const RELATION: &str = "RepositoryCredential";
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

/// What is written with the rows of a batch.
pub(in crate::store) struct Texts<'a> {
    /// Of the credentials that were accepted.
    pub(in crate::store) accepted: &'a HashMap<CredentialUid, Credential>,
    /// Whether there are keys to seal them with.
    pub(in crate::store) has_keys: bool,
    /// Where they are sealed, at the end of the batch.
    pub(in crate::store) sealed: &'a mut sealed::Changes,
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
        put_mappings(tx, &rows).await?;
    }
    Ok(())
}

async fn remove(
    tx: &impl ConnectionTrait,
    removed: &BTreeMap<CredentialId, CredentialKey>,
) -> Result<(), StoreError> {
    let uids = removed.values().map(|key| key.uid.as_str());
    api_mapping::Entity::delete_many()
        .filter(api_mapping::Column::ApiResourceType.eq(CREDENTIAL))
        .filter(api_mapping::Column::ApiResourceUid.is_in(uids))
        .filter(api_mapping::Column::DbRelationType.eq(RELATION))
        .exec(tx)
        .await?;
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
    let Texts { accepted, has_keys, sealed } = texts;
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

async fn put_mappings(tx: &impl ConnectionTrait, rows: &[CredentialRow]) -> Result<(), StoreError> {
    use api_mapping::{Column, Entity};
    // A mapping has no foreign key: one of an earlier installation may name a row that is gone, and an
    // object has one mapping.
    Entity::delete_many()
        .filter(Column::ApiResourceType.eq(CREDENTIAL))
        .filter(Column::ApiResourceUid.is_in(rows.iter().map(|row| row.key.uid.as_str())))
        .filter(Column::DbRelationType.eq(RELATION))
        .filter(Column::DbRelationKey.is_not_in(rows.iter().map(|row| row.key.id.as_str())))
        .exec(tx)
        .await?;
    let mappings = rows.iter().map(|row| api_mapping::ActiveModel {
        api_resource_type: ActiveValue::Set(CREDENTIAL.to_owned()),
        api_resource_uid: ActiveValue::Set(row.key.uid.as_str().to_owned()),
        db_relation_type: ActiveValue::Set(RELATION.to_owned()),
        db_relation_key: ActiveValue::Set(row.key.id.as_str().to_owned()),
        api_resource_name: ActiveValue::Set(row.name.clone()),
        api_resource_namespace: ActiveValue::Set(row.namespace.clone()),
        api_resource_namespace_uid: ActiveValue::Set(row.tenant.as_str().to_owned()),
    });
    insert_missing(tx, mappings).await
}
