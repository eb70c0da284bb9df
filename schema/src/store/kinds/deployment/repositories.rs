//! The repositories that a tenant's AppProject permits: those that its deployments use, in each
//! spelling of the URL that one of them uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use machines::identity::{ApplicationId, ClusterUserId, Timestamp};
use machines::kinds::deployment::spec::normalise_repo_url;
use machines::rows::{ApplicationKey, ApplicationRows};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, ExprTrait, Query, SelectStatement};
use sea_orm::{ActiveValue, ConnectionTrait};
use uuid::Uuid;

use crate::entity::{
    app_project_repository as repository, application_owner, cluster_user,
    deployment_to_application_mapping as mapping,
};
use crate::store::StoreError;
use crate::store::statements::{database_time, insert_missing};

/// The namespace under which ids of repository rows are derived.
const REPOSITORY_IDS: Uuid = Uuid::from_u128(0x1d0b_7a4e_93f4_4a52_8a4f_26d3_0f0a_5c11);

/// The form of a URL that existing readers know.
fn normal_form(url: &str) -> String {
    // The machine rejects what has no normal form before it asks for rows.
    normalise_repo_url(url).unwrap_or_else(|| url.to_owned())
}

/// Makes sure that the repositories of these applications are permitted.
pub(in crate::store) async fn register(
    tx: &impl ConnectionTrait,
    rows: &[ApplicationRows],
    now: Timestamp,
) -> Result<(), StoreError> {
    let urls: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (row.key.user.as_str(), row.document.spec.source.repo_url.as_str()))
        .collect();
    let repositories = urls.into_iter().map(|(user, url)| repository::ActiveModel {
        appproject_repository_id: ActiveValue::Set(
            Uuid::new_v5(&REPOSITORY_IDS, format!("{user}/{url}").as_bytes()).to_string(),
        ),
        clusteruser_id: ActiveValue::Set(user.to_owned()),
        repo_url: ActiveValue::Set(normal_form(url)),
        repo_url_as_written: ActiveValue::Set(url.to_owned()),
        created_on: ActiveValue::Set(Some(database_time(now))),
    });
    insert_missing(tx, repositories).await
}

/// The repositories that a batch removes from one of its applications, as (user, URL).
pub(in crate::store) async fn in_use(
    tx: &impl ConnectionTrait,
    put: &BTreeMap<ApplicationId, ApplicationRows>,
    removed: &BTreeMap<ApplicationId, ApplicationKey>,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let replaced = put.iter().filter(|(_, rows)| !rows.is_new).map(|(id, _)| id);
    let ids: Vec<&str> = replaced.chain(removed.keys()).map(ApplicationId::as_str).collect();
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows =
        mapping::Entity::find().filter(mapping::Column::ApplicationId.is_in(ids)).all(tx).await?;
    let mut urls = BTreeSet::new();
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

/// Removes those of the given repositories that no deployment of their tenant uses any more.
pub(in crate::store) async fn release(
    tx: &impl ConnectionTrait,
    urls: BTreeSet<(String, String)>,
) -> Result<(), StoreError> {
    if urls.is_empty() {
        return Ok(());
    }
    let (users, urls): (BTreeSet<String>, BTreeSet<String>) = urls.into_iter().unzip();
    let normal_forms: BTreeSet<String> = urls.iter().map(|url| normal_form(url)).collect();
    let same_url = Expr::col((mapping::Entity, mapping::Column::RepoUrl))
        .equals((repository::Entity, repository::Column::RepoUrlAsWritten));
    repository::Entity::delete_many()
        .filter(repository::Column::ClusteruserId.is_in(users.clone()))
        .filter(repository::Column::RepoUrlAsWritten.is_in(urls))
        .filter(Expr::exists(mappings_of_the_tenant().and_where(same_url).to_owned()).not())
        .exec(tx)
        .await?;
    // A row of an earlier installation represents every spelling: it goes with the last of them,
    // and stays while a deployment's own is not known yet.
    let not_known = Expr::col((mapping::Entity, mapping::Column::RepoUrl)).is_null();
    repository::Entity::delete_many()
        .filter(repository::Column::ClusteruserId.is_in(users))
        .filter(repository::Column::RepoUrlAsWritten.eq(""))
        .filter(repository::Column::RepoUrl.is_in(normal_forms))
        .filter(Expr::exists(other_spellings()).not())
        .filter(Expr::exists(mappings_of_the_tenant().and_where(not_known).to_owned()).not())
        .exec(tx)
        .await?;
    Ok(())
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
