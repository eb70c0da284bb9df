//! Sealing what an earlier installation has left in the clear, page by page, as soon as there is a
//! key. What is sealed is no longer in the clear, so the step may stop and begin again at any time.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType};
use sea_orm::{ActiveValue, Condition, ConnectionTrait, IntoActiveModel, QueryOrder, QuerySelect};
use secrecy::SecretString;

use crate::entity::clear_text::ClearText;
use crate::entity::{cluster_credentials, repository_credentials};
use crate::sealing::{Keyring, PLACEHOLDER, Place};
use crate::store::sealed::{CLUSTER_CREDENTIALS, REPOSITORY_CREDENTIALS, put};
use crate::store::{Call, Store, StoreError};

/// Rows of one transaction: it ends within milliseconds.
const PAGE: u64 = 100;
/// What stands for *no credential*: the existing system writes it for the cluster of Argo CD.
const NO_KUBECONFIG: &str = "kube_config";
/// The same for the token.
const NO_TOKEN: &str = "serviceaccount_bearer_token";

impl Store {
    /// Seals what is in the clear; returns how many rows it changed.
    pub async fn seal_clear_texts(&self, keyring: &Keyring) -> Result<u64, StoreError> {
        let mut sealed = 0;
        loop {
            let page = self.seal_page(keyring).await?;
            sealed += page;
            if page == 0 {
                return Ok(sealed);
            }
        }
    }

    fn seal_page<'a>(&'a self, keyring: &'a Keyring) -> Call<'a, u64> {
        self.call("seal_clear_texts", async move {
            let tx = self.begin().await?;
            let repositories = seal_repositories(&tx, keyring).await?;
            let clusters = seal_clusters(&tx, keyring).await?;
            tx.commit().await?;
            Ok(repositories + clusters)
        })
    }
}

async fn seal_repositories(
    tx: &impl ConnectionTrait,
    keyring: &Keyring,
) -> Result<u64, StoreError> {
    use repository_credentials::{Column, Entity, Model};
    let in_the_clear = [Column::RepoCredUser, Column::RepoCredPass, Column::RepoCredSsh]
        .into_iter()
        .fold(Condition::any(), |any, column| any.add(is_clear(column, &[PLACEHOLDER])));
    let rows: Vec<Model> = Entity::find()
        .filter(in_the_clear)
        .order_by_asc(Column::RepositorycredentialsId)
        .limit(PAGE)
        .lock(LockType::Update)
        .all(tx)
        .await?;
    let mut values = Vec::new();
    let mut number = 0;
    for row in rows {
        number += 1;
        let id = row.repositorycredentials_id.clone();
        let mut update = row.clone().into_active_model();
        let mut take = |column, text: Option<ClearText>| {
            seal(&mut values, REPOSITORY_CREDENTIALS, &id, column, text, &[PLACEHOLDER])
        };
        update.repo_cred_user = take("repo_cred_user", row.repo_cred_user);
        update.repo_cred_pass = take("repo_cred_pass", row.repo_cred_pass);
        update.repo_cred_ssh = take("repo_cred_ssh", row.repo_cred_ssh);
        Entity::update(update).exec(tx).await?;
    }
    put(tx, keyring, REPOSITORY_CREDENTIALS, &values).await?;
    Ok(number)
}

async fn seal_clusters(tx: &impl ConnectionTrait, keyring: &Keyring) -> Result<u64, StoreError> {
    use cluster_credentials::{Column, Entity, Model};
    const CONFIG: [&str; 2] = [PLACEHOLDER, NO_KUBECONFIG];
    const TOKEN: [&str; 2] = [PLACEHOLDER, NO_TOKEN];
    let in_the_clear = Condition::any()
        .add(is_clear(Column::KubeConfig, &CONFIG))
        .add(is_clear(Column::ServiceaccountBearerToken, &TOKEN));
    let rows: Vec<Model> = Entity::find()
        .filter(in_the_clear)
        .order_by_asc(Column::ClustercredentialsCredId)
        .limit(PAGE)
        .lock(LockType::Update)
        .all(tx)
        .await?;
    let mut values = Vec::new();
    let mut number = 0;
    for row in rows {
        number += 1;
        let id = row.clustercredentials_cred_id.clone();
        let mut update = row.clone().into_active_model();
        let mut take = |column, text, placeholders| {
            seal(&mut values, CLUSTER_CREDENTIALS, &id, column, text, placeholders)
        };
        update.kube_config = take("kube_config", row.kube_config, &CONFIG);
        update.serviceaccount_bearer_token =
            take("serviceaccount_bearer_token", row.serviceaccount_bearer_token, &TOKEN);
        Entity::update(update).exec(tx).await?;
    }
    put(tx, keyring, CLUSTER_CREDENTIALS, &values).await?;
    Ok(number)
}

/// Whether a column holds a credential in the clear.
fn is_clear(column: impl ColumnTrait, placeholders: &[&str]) -> Expr {
    let mut none = vec![""];
    none.extend(placeholders);
    column.is_not_null().and(column.is_not_in(none))
}

/// What the column holds afterwards; a credential is added to those to seal.
fn seal(
    values: &mut Vec<(Place, SecretString)>,
    table: &str,
    row: &str,
    column: &str,
    text: Option<ClearText>,
    placeholders: &[&str],
) -> ActiveValue<Option<ClearText>> {
    match text {
        Some(text) if text.is_credential(placeholders) => {
            values.push((Place::new(table, row, column), text.into_secret()));
            ActiveValue::Set(Some(ClearText::placeholder(PLACEHOLDER)))
        }
        _ => ActiveValue::NotSet,
    }
}
