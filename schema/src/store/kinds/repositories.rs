//! The repositories that a tenant's AppProject permits: those that its deployments and its credentials
//! use, in each spelling of the URL that one of them uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use machines::identity::{ApplicationId, ClusterUserId, Timestamp};
use machines::kinds::deployment::spec::{REPO_URL_LIMIT, normalise_repo_url};
use machines::rows::{ApplicationKey, ApplicationRows};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, Query, SelectStatement};
use sea_orm::{ActiveValue, ConnectionTrait, QuerySelect};
use uuid::Uuid;

use crate::entity::{
    app_project_repository as repository, application_owner, cluster_user,
    deployment_to_application_mapping as mapping, repository_credentials as credential,
};
use crate::store::StoreError;
use crate::store::statements::{database_time, insert_missing};

/// The namespace under which ids of repository rows are derived.
const REPOSITORY_IDS: Uuid = Uuid::from_u128(0x1d0b_7a4e_93f4_4a52_8a4f_26d3_0f0a_5c11);

/// Repositories of tenants, as (cluster user, URL as written).
pub(in crate::store) type Repositories = BTreeSet<(String, String)>;

/// The form of a URL that existing readers know.
fn normal_form(url: &str) -> String {
    // The machine rejects what has no normal form before it asks for rows.
    normalise_repo_url(url).unwrap_or_else(|| url.to_owned())
}

/// Makes sure that these repositories are permitted.
pub(in crate::store) async fn register(
    tx: &impl ConnectionTrait,
    urls: Repositories,
    now: Timestamp,
) -> Result<(), StoreError> {
    let repositories = urls.into_iter().filter_map(|(user, url)| {
        let normal_form = normal_form(&url);
        // A credential's URL may be longer than one that a deployment can name. Then no Application
        // uses it, and the column would not hold it.
        if normal_form.chars().count() > REPO_URL_LIMIT {
            return None;
        }
        let id = Uuid::new_v5(&REPOSITORY_IDS, format!("{user}/{url}").as_bytes());
        Some(repository::ActiveModel {
            appproject_repository_id: ActiveValue::Set(id.to_string()),
            clusteruser_id: ActiveValue::Set(user),
            repo_url: ActiveValue::Set(normal_form),
            repo_url_as_written: ActiveValue::Set(url),
            created_on: ActiveValue::Set(Some(database_time(now))),
        })
    });
    let repositories: Vec<repository::ActiveModel> = repositories.collect();
    if repositories.is_empty() { Ok(()) } else { insert_missing(tx, repositories).await }
}

/// The repositories that a batch removes from one of its applications.
pub(in crate::store) async fn given_up(
    tx: &impl ConnectionTrait,
    put: &BTreeMap<ApplicationId, ApplicationRows>,
    removed: &BTreeMap<ApplicationId, ApplicationKey>,
) -> Result<Repositories, StoreError> {
    let replaced = put.iter().filter(|(_, rows)| !rows.is_new).map(|(id, _)| id);
    let ids: Vec<&str> = replaced.chain(removed.keys()).map(ApplicationId::as_str).collect();
    if ids.is_empty() {
        return Ok(Repositories::new());
    }
    let rows =
        mapping::Entity::find().filter(mapping::Column::ApplicationId.is_in(ids)).all(tx).await?;
    let mut urls = Repositories::new();
    for row in rows {
        let id = ApplicationId::new(row.application_id);
        let Some(url) = row.repo_url else { continue };
        if let Some(rows) = put.get(&id) {
            if rows.document.spec.source.repo_url != url {
                urls.insert((rows.key.user.as_str().to_owned(), url));
            }
        } else if let Some(key) = removed.get(&id) {
            urls.insert((key.user.as_str().to_owned(), url));
        }
    }
    Ok(urls)
}

/// Removes those of the given repositories that neither a deployment nor a credential of their tenant
/// uses any more.
pub(in crate::store) async fn release(
    tx: &impl ConnectionTrait,
    urls: Repositories,
) -> Result<(), StoreError> {
    if urls.is_empty() {
        return Ok(());
    }
    let (users, urls): (BTreeSet<String>, BTreeSet<String>) = urls.into_iter().unzip();
    let normal_forms: BTreeSet<String> = urls.iter().map(|url| normal_form(url)).collect();
    let same_url = Expr::col((mapping::Entity, mapping::Column::RepoUrl))
        .equals((repository::Entity, repository::Column::RepoUrlAsWritten));
    let by_deployments = mappings_of_the_tenant().and_where(same_url).to_owned();
    repository::Entity::delete_many()
        .filter(repository::Column::ClusteruserId.is_in(users.clone()))
        .filter(repository::Column::RepoUrlAsWritten.is_in(urls))
        .filter(Expr::exists(by_deployments).not())
        .filter(Expr::exists(credentials_with_the_url()).not())
        .exec(tx)
        .await?;
    // A row of an earlier installation represents every spelling: it goes with the last of them,
    // and stays while a deployment's own is not known yet.
    let not_known = Expr::col((mapping::Entity, mapping::Column::RepoUrl)).is_null();
    let mut old = repository::Entity::delete_many()
        .filter(repository::Column::ClusteruserId.is_in(users.clone()))
        .filter(repository::Column::RepoUrlAsWritten.eq(""))
        .filter(repository::Column::RepoUrl.is_in(normal_forms))
        .filter(Expr::exists(other_spellings()).not())
        .filter(Expr::exists(mappings_of_the_tenant().and_where(not_known).to_owned()).not());
    let kept = unregistered(tx, users).await?;
    if !kept.is_empty() {
        let columns = [repository::Column::ClusteruserId, repository::Column::RepoUrl];
        let kept =
            Query::select().column(Asterisk).from_values(kept, Alias::new("kept")).to_owned();
        let repository = Expr::tuple(columns.map(Expr::col).map(Into::into));
        old = old.filter(repository.in_subquery(kept).not());
    }
    old.exec(tx).await?;
    Ok(())
}

/// The repositories of credentials that an earlier installation has left and that have no row of their
/// own yet, as (cluster user, normal form).
async fn unregistered(
    tx: &impl ConnectionTrait,
    users: BTreeSet<String>,
) -> Result<Repositories, StoreError> {
    use credential::{Column, Entity};
    let same = |of_repository, of_credential| {
        Expr::col((repository::Entity, of_repository)).equals((Entity, of_credential))
    };
    let registered = Query::select()
        .expr(Expr::val(1))
        .from(repository::Entity)
        .and_where(same(repository::Column::ClusteruserId, Column::RepoCredUserId))
        .and_where(same(repository::Column::RepoUrlAsWritten, Column::RepoCredUrl))
        .to_owned();
    let found: Vec<(String, String)> = Entity::find()
        .select_only()
        .columns([Column::RepoCredUserId, Column::RepoCredUrl])
        .distinct()
        .filter(Column::RepoCredUserId.is_in(users))
        .filter(Expr::exists(registered).not())
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|(user, url)| (user, normal_form(&url))).collect())
}

/// The rows of credentials of the tenant that owns a repository row, with its URL.
fn credentials_with_the_url() -> SelectStatement {
    let same = |of_credential, of_repository| {
        Expr::col((credential::Entity, of_credential)).equals((repository::Entity, of_repository))
    };
    Query::select()
        .expr(Expr::val(1))
        .from(credential::Entity)
        .and_where(same(credential::Column::RepoCredUserId, repository::Column::ClusteruserId))
        .and_where(same(credential::Column::RepoCredUrl, repository::Column::RepoUrlAsWritten))
        .to_owned()
}

/// The mappings of the tenant that owns a repository row.
fn mappings_of_the_tenant() -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(mapping::Entity)
        .inner_join(
            cluster_user::Entity,
            Expr::col((cluster_user::Entity, cluster_user::Column::UserName))
                .equals((mapping::Entity, mapping::Column::NamespaceUid)),
        )
        .and_where(
            Expr::col((cluster_user::Entity, cluster_user::Column::ClusteruserId))
                .equals((repository::Entity, repository::Column::ClusteruserId)),
        )
        .to_owned()
}

/// The rows with the spellings of the same repository.
fn other_spellings() -> SelectStatement {
    let other = || Alias::new("other");
    let same = |column: repository::Column| {
        Expr::col((other(), column)).equals((repository::Entity, column))
    };
    Query::select()
        .expr(Expr::val(1))
        .from_as(repository::Entity, other())
        .and_where(same(repository::Column::ClusteruserId))
        .and_where(same(repository::Column::RepoUrl))
        .and_where(Expr::col((other(), repository::Column::RepoUrlAsWritten)).ne(""))
        .to_owned()
}

/// The repositories that the AppProjects of these users should permit, as written.
pub(in crate::store) async fn permitted(
    tx: &impl ConnectionTrait,
    users: impl Iterator<Item = &ClusterUserId>,
) -> Result<HashMap<ClusterUserId, BTreeSet<String>>, StoreError> {
    use repository::{Column, Entity, Model};
    let mut repositories: HashMap<ClusterUserId, BTreeSet<String>> =
        users.map(|user| (user.clone(), BTreeSet::new())).collect();
    if repositories.is_empty() {
        return Ok(repositories);
    }
    let users: Vec<&str> = repositories.keys().map(ClusterUserId::as_str).collect();
    // Rows of credentials permit something only alongside a deployment.
    let with_deployments = Query::select()
        .column(application_owner::Column::ApplicationOwnerUserId)
        .from(application_owner::Entity)
        .to_owned();
    let rows = Entity::find()
        .filter(Column::ClusteruserId.is_in(users))
        .filter(Column::ClusteruserId.in_subquery(with_deployments))
        .all(tx)
        .await?;
    for Model { clusteruser_id, repo_url, repo_url_as_written, .. } in rows {
        // Rows of an earlier installation have only the normal form.
        let url = if repo_url_as_written.is_empty() { repo_url } else { repo_url_as_written };
        repositories.entry(ClusterUserId::new(clusteruser_id)).or_default().insert(url);
    }
    Ok(repositories)
}
