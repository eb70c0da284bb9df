//! Sealing what an earlier installation has left in the clear, page by page, as soon as there is a
//! key. What is sealed is no longer in the clear, so the step may stop and begin again at any time.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType};
use sea_orm::{
    ActiveValue, Condition, ConnectionTrait, IntoActiveModel, QueryOrder, QuerySelect, Select,
};

use crate::entity::clear_text::ClearText;
use crate::entity::{cluster_credentials, repository_credentials};
use crate::sealing::{Keyring, PLACEHOLDER, Place};
use crate::store::sealed::{CLUSTER_CREDENTIALS, Changes, REPOSITORY_CREDENTIALS};
use crate::store::{Call, Store, StoreError};

/// Rows of one transaction: it ends within milliseconds.
const PAGE: u64 = 100;
/// What stands for *no credential*: the existing system writes it for the cluster of Argo CD.
const NO_KUBECONFIG: &str = "kube_config";
/// The same for the token.
pub(in crate::store) const NO_TOKEN: &str = "serviceaccount_bearer_token";

/// What was sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedTexts {
    /// How many rows had something in the clear that is sealed now.
    pub rows: u64,
    /// What could not be sealed, and why; it is as it was.
    pub left: Vec<String>,
}

/// The tables that have credentials in the clear.
#[derive(Clone, Copy, Debug)]
enum Table {
    Repositories,
    Clusters,
}

/// The rows of a transaction.
#[derive(Clone, Copy, Debug)]
struct Page<'a> {
    /// After this key.
    after: &'a str,
    rows: u64,
}

/// What a transaction did.
struct Done {
    rows: u64,
    /// The key of its last row; `None` if there was none.
    last: Option<String>,
}

impl Store {
    /// Seals what is in the clear. What cannot be sealed keeps nothing else from it.
    pub async fn seal_clear_texts(&self, keyring: &Keyring) -> Result<SealedTexts, StoreError> {
        let mut sealed = SealedTexts::default();
        for table in [Table::Repositories, Table::Clusters] {
            self.seal_table(keyring, table, &mut sealed).await?;
        }
        Ok(sealed)
    }

    async fn seal_table(
        &self,
        keyring: &Keyring,
        table: Table,
        sealed: &mut SealedTexts,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        let mut rows = PAGE;
        loop {
            let done = self.seal_page(keyring, table, Page { after: &after, rows }).await;
            match done {
                Ok(Done { last: None, .. }) => return Ok(()),
                Ok(Done { rows: number, last: Some(last) }) => {
                    sealed.rows += number;
                    after = last;
                    rows = PAGE;
                }
                // One of the page; then it is looked for, row by row.
                Err(StoreError::Sealed { .. } | StoreError::Value { .. }) if rows > 1 => rows = 1,
                Err(error @ (StoreError::Sealed { .. } | StoreError::Value { .. })) => {
                    sealed.left.push(error.to_string());
                    match self.next_clear(table, &after).await? {
                        Some(next) => after = next,
                        None => return Ok(()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn seal_page<'a>(
        &'a self,
        keyring: &'a Keyring,
        table: Table,
        page: Page<'a>,
    ) -> Call<'a, Done> {
        self.call("seal_clear_texts", async move {
            let tx = self.begin().await?;
            let done = match table {
                Table::Repositories => seal_repositories(&tx, keyring, page).await?,
                Table::Clusters => seal_clusters(&tx, keyring, page).await?,
            };
            tx.commit().await?;
            Ok(done)
        })
    }

    /// The key of the next row with something in the clear.
    fn next_clear<'a>(&'a self, table: Table, after: &'a str) -> Call<'a, Option<String>> {
        self.call("next_clear_text", async move {
            let reads = self.database.reads();
            Ok(match table {
                Table::Repositories => {
                    let row = clear_repositories(after).one(&reads).await?;
                    row.map(|row| row.repositorycredentials_id)
                }
                Table::Clusters => {
                    let row = clear_clusters(after).one(&reads).await?;
                    row.map(|row| row.clustercredentials_cred_id)
                }
            })
        })
    }
}

/// What stands for *no credential in the clear* in each column.
const SEALED: [&str; 1] = [PLACEHOLDER];
const CONFIG: [&str; 2] = [PLACEHOLDER, NO_KUBECONFIG];
const TOKEN: [&str; 2] = [PLACEHOLDER, NO_TOKEN];

fn clear_repositories(after: &str) -> Select<repository_credentials::Entity> {
    use repository_credentials::{Column, Entity};
    let in_the_clear = [Column::RepoCredUser, Column::RepoCredPass, Column::RepoCredSsh]
        .into_iter()
        .fold(Condition::any(), |any, column| any.add(is_clear(column, &SEALED)));
    Entity::find()
        .filter(in_the_clear)
        .filter(Column::RepositorycredentialsId.gt(after))
        .order_by_asc(Column::RepositorycredentialsId)
}

fn clear_clusters(after: &str) -> Select<cluster_credentials::Entity> {
    use cluster_credentials::{Column, Entity};
    let in_the_clear = Condition::any()
        .add(is_clear(Column::KubeConfig, &CONFIG))
        .add(is_clear(Column::ServiceaccountBearerToken, &TOKEN));
    Entity::find()
        .filter(in_the_clear)
        .filter(Column::ClustercredentialsCredId.gt(after))
        .order_by_asc(Column::ClustercredentialsCredId)
}

async fn seal_repositories(
    tx: &impl ConnectionTrait,
    keyring: &Keyring,
    page: Page<'_>,
) -> Result<Done, StoreError> {
    let rows = clear_repositories(page.after).limit(page.rows).lock(LockType::Update);
    let mut sealed = Changes::default();
    let mut done = Done { rows: 0, last: None };
    for row in rows.all(tx).await? {
        done.rows += 1;
        let id = row.repositorycredentials_id.clone();
        let mut update = row.clone().into_active_model();
        let mut take = |column, text: Option<ClearText>| {
            seal(&mut sealed, REPOSITORY_CREDENTIALS, &id, column, text, &SEALED)
        };
        update.repo_cred_user = take("repo_cred_user", row.repo_cred_user);
        update.repo_cred_pass = take("repo_cred_pass", row.repo_cred_pass);
        update.repo_cred_ssh = take("repo_cred_ssh", row.repo_cred_ssh);
        repository_credentials::Entity::update(update).exec(tx).await?;
        done.last = Some(id);
    }
    sealed.write(tx, Some(keyring)).await?;
    Ok(done)
}

async fn seal_clusters(
    tx: &impl ConnectionTrait,
    keyring: &Keyring,
    page: Page<'_>,
) -> Result<Done, StoreError> {
    let rows = clear_clusters(page.after).limit(page.rows).lock(LockType::Update);
    let mut sealed = Changes::default();
    let mut done = Done { rows: 0, last: None };
    for row in rows.all(tx).await? {
        done.rows += 1;
        let id = row.clustercredentials_cred_id.clone();
        let mut update = row.clone().into_active_model();
        let mut take = |column, text, placeholders| {
            seal(&mut sealed, CLUSTER_CREDENTIALS, &id, column, text, placeholders)
        };
        update.kube_config = take("kube_config", row.kube_config, &CONFIG);
        update.serviceaccount_bearer_token =
            take("serviceaccount_bearer_token", row.serviceaccount_bearer_token, &TOKEN);
        cluster_credentials::Entity::update(update).exec(tx).await?;
        done.last = Some(id);
    }
    sealed.write(tx, Some(keyring)).await?;
    Ok(done)
}

/// Whether a column holds a credential in the clear.
fn is_clear(column: impl ColumnTrait, placeholders: &[&str]) -> Expr {
    let mut none = vec![""];
    none.extend(placeholders);
    column.is_not_null().and(column.is_not_in(none))
}

/// What the column holds afterwards; a credential is added to those to seal.
fn seal(
    sealed: &mut Changes,
    table: &str,
    row: &str,
    column: &str,
    text: Option<ClearText>,
    placeholders: &[&str],
) -> ActiveValue<Option<ClearText>> {
    match text {
        Some(text) if text.is_credential(placeholders) => {
            sealed.set(Place::new(table, row, column), text.into_secret());
            ActiveValue::Set(Some(ClearText::placeholder(PLACEHOLDER)))
        }
        _ => ActiveValue::NotSet,
    }
}
