//! The rows of managed environments.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use machines::identity::{ClusterUserId, EnvironmentId, Timestamp};
use machines::kinds::managed_environment::ClusterCredentialsId;
use machines::operation::application::cluster_name;
use machines::rows::{EnvironmentKey, EnvironmentRow, EnvironmentRows};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, LockType, OnConflict, Query};
use sea_orm::{ActiveValue, ConnectionTrait, DbBackend, IntoActiveModel, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::access::ClusterCredential;
use crate::entity::clear_text::ClearText;
use crate::entity::{
    app_project_managed_environment as permission, application, cluster_access as access,
    cluster_credentials as credentials, gitops_engine_cluster, managed_environment as environment,
};
use crate::sealing::{PLACEHOLDER, Place};
use crate::spec_field;
use crate::store::StoreError;
use crate::store::kinds::Texts;
use crate::store::kinds::api_mappings::{ApiMapping, ApiMappings};
use crate::store::sealed::{self, CLUSTER_CREDENTIALS, NO_KEYS};
use crate::store::statements::{database_time, insert_missing};

/// The mappings from environments to their rows.
pub(in crate::store) const MAPPINGS: ApiMappings =
    ApiMappings { object: "GitOpsDeploymentManagedEnvironment", relation: "ManagedEnvironment" };
/// The namespace under which ids of the rows are derived that permit an environment.
const PERMISSION_IDS: Uuid = Uuid::from_u128(0x6c3f_0a7d_52e1_4d0b_9a86_8f1c_37b2_e4d5);
/// The size of `host`.
const HOST_LIMIT: usize = 512;
/// The size of `namespaces`.
const NAMESPACES_LIMIT: usize = 4_096;
/// Applications that are detached by one statement: with their texts, at most a few megabytes.
const DETACHED: u64 = 500;
/// The namespace in which the existing system makes its ServiceAccount.
const ACCOUNT_NAMESPACE: &str = "kube-system";

/// What the environments of a batch change, by row. Of several changes to one row the last counts.
#[derive(Default)]
pub(in crate::store) struct Changes {
    put: BTreeMap<EnvironmentId, EnvironmentRow>,
    detached: BTreeSet<EnvironmentId>,
    removed: BTreeMap<EnvironmentId, EnvironmentKey>,
    forgotten: BTreeSet<ClusterCredentialsId>,
}

impl Changes {
    pub(in crate::store) fn add(&mut self, change: EnvironmentRows) {
        match change {
            EnvironmentRows::Put(row) => {
                self.removed.remove(&row.key.id);
                self.forgotten.remove(&row.credentials);
                self.put.insert(row.key.id.clone(), *row);
            }
            EnvironmentRows::Detach(id) => {
                self.detached.insert(id);
            }
            EnvironmentRows::Remove(key) => {
                self.put.remove(&key.id);
                self.detached.insert(key.id.clone());
                self.removed.insert(key.id.clone(), *key);
            }
            EnvironmentRows::Forget(credentials) => {
                self.forgotten.insert(credentials);
            }
        }
    }
}

/// Writes the rows that are to exist, once the tenants of the batch have theirs, and before the
/// applications that name them.
pub(in crate::store) async fn put(
    tx: &impl ConnectionTrait,
    changes: &Changes,
    texts: &mut Texts<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if changes.put.is_empty() {
        return Ok(());
    }
    let rows: Vec<&EnvironmentRow> = changes.put.values().collect();
    put_credentials(tx, &rows, texts, now).await?;
    put_environments(tx, &rows, now).await?;
    let mappings = rows.iter().map(|row| ApiMapping {
        uid: row.key.uid.as_str(),
        row: row.key.id.as_str(),
        name: &row.name,
        namespace: &row.namespace,
        tenant: row.tenant.as_str(),
    });
    MAPPINGS.put(tx, &mappings.collect::<Vec<_>>()).await?;
    put_accesses(tx, &rows, now).await?;
    put_permissions(tx, &rows, now).await
}

async fn put_credentials(
    tx: &impl ConnectionTrait,
    rows: &[&EnvironmentRow],
    texts: &mut Texts<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    use credentials::{ActiveModel, Column, Entity};
    let mut models = Vec::with_capacity(rows.len());
    for row in rows {
        let credential = accepted(row, texts)?;
        let id = row.credentials.as_str();
        // What does not fit its column is sealed as well: half a URL, or some of the namespaces, would
        // be taken for all of it.
        let mut seal = |column: &str, text: &SecretString, limit: usize| {
            let said = text.expose_secret();
            let fits = said.chars().count() <= limit;
            let kept = if fits { SecretString::default() } else { text.clone() };
            let said = if fits { said.to_owned() } else { PLACEHOLDER.to_owned() };
            texts.sealed.set(Place::new(CLUSTER_CREDENTIALS, id, column), kept);
            said
        };
        let ClusterCredential { token, authority, server_name } = credential;
        let token = seal("serviceaccount_bearer_token", token, 0);
        models.push(ActiveModel {
            clustercredentials_cred_id: ActiveValue::Set(id.to_owned()),
            host: ActiveValue::Set(Some(seal("host", &text(&row.spec.api_url), HOST_LIMIT))),
            kube_config: ActiveValue::Set(Some(ClearText::placeholder(""))),
            kube_config_context: ActiveValue::Set(Some(String::new())),
            serviceaccount_bearer_token: ActiveValue::Set(Some(ClearText::placeholder(&token))),
            serviceaccount_ns: ActiveValue::Set(Some(ACCOUNT_NAMESPACE.to_owned())),
            allowinsecure_skiptlsverify: ActiveValue::Set(Some(row.spec.skips_tls_verification)),
            created_on: ActiveValue::Set(database_time(now)),
            namespaces: ActiveValue::Set(Some(seal(
                "namespaces",
                &text(&row.spec.joined_namespaces()),
                NAMESPACES_LIMIT,
            ))),
            cluster_resources: ActiveValue::Set(Some(row.spec.cluster_resources)),
            ca_data: ActiveValue::Set(seal("ca_data", authority, 0)),
            tls_server_name: ActiveValue::Set(server_name.clone()),
        });
    }
    let replace = OnConflict::column(Column::ClustercredentialsCredId)
        .update_columns([
            Column::Host,
            Column::KubeConfig,
            Column::KubeConfigContext,
            Column::ServiceaccountBearerToken,
            Column::ServiceaccountNs,
            Column::AllowinsecureSkiptlsverify,
            Column::Namespaces,
            Column::ClusterResources,
            Column::CaData,
            Column::TlsServerName,
        ])
        .to_owned();
    Entity::insert_many(models).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

fn text(said: &str) -> SecretString {
    said.to_owned().into()
}

/// What was accepted for a row.
fn accepted<'a>(
    row: &EnvironmentRow,
    texts: &Texts<'a>,
) -> Result<&'a ClusterCredential, StoreError> {
    let refused = |why: &str| StoreError::Value {
        what: format!("the managed environment {}/{}", row.namespace, row.name),
        why: why.to_owned(),
    };
    if !texts.has_keys {
        return Err(refused(NO_KEYS));
    }
    let credential = texts.accepted_environments.get(&row.key.uid);
    // Without a token there is nothing that a cluster could have accepted.
    let credential = credential.filter(|one| !one.token.expose_secret().is_empty());
    credential.ok_or_else(|| refused("the batch does not bring what was accepted"))
}

async fn put_environments(
    tx: &impl ConnectionTrait,
    rows: &[&EnvironmentRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    use environment::{ActiveModel, Column, Entity};
    let models = rows.iter().map(|row| ActiveModel {
        managedenvironment_id: ActiveValue::Set(row.key.id.as_str().to_owned()),
        name: ActiveValue::Set(row.name.clone()),
        clustercredentials_id: ActiveValue::Set(row.credentials.as_str().to_owned()),
        created_on: ActiveValue::Set(database_time(now)),
    });
    let replace = OnConflict::column(Column::ManagedenvironmentId)
        .update_columns([Column::Name, Column::ClustercredentialsId])
        .to_owned();
    Entity::insert_many(models).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Only the tenant has access to an environment, and only by way of the instance that is there.
async fn put_accesses(
    tx: &impl ConnectionTrait,
    rows: &[&EnvironmentRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    use access::{ActiveModel, Column, Entity};
    let keys = rows.iter().map(|row| {
        let texts = [row.key.user.as_str(), row.key.id.as_str(), row.instance.as_str()];
        let [user, environment, instance] = texts.map(str::to_owned);
        (user, environment, instance)
    });
    let keys: Vec<(String, String, String)> = keys.collect();
    // SQLite compares row values only with a subquery, so the keys are one.
    let kept =
        Query::select().column(Asterisk).from_values(keys.clone(), Alias::new("kept")).to_owned();
    let key = [
        Column::ClusteraccessUserId,
        Column::ClusteraccessManagedEnvironmentId,
        Column::ClusteraccessGitopsEngineInstanceId,
    ];
    Entity::delete_many()
        .filter(Column::ClusteraccessManagedEnvironmentId.is_in(ids(rows)))
        .filter(Expr::tuple(key.map(Expr::col).map(Into::into)).in_subquery(kept).not())
        .exec(tx)
        .await?;
    let models = keys.into_iter().map(|(user, environment, instance)| ActiveModel {
        clusteraccess_user_id: ActiveValue::Set(user),
        clusteraccess_managed_environment_id: ActiveValue::Set(environment),
        clusteraccess_gitops_engine_instance_id: ActiveValue::Set(instance),
        created_on: ActiveValue::Set(Some(database_time(now))),
    });
    insert_missing(tx, models).await
}

/// Only the tenant's AppProject permits an environment. Those that it permits already keep their place
/// in the order of creation.
async fn put_permissions(
    tx: &impl ConnectionTrait,
    rows: &[&EnvironmentRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    use permission::{ActiveModel, Column, Entity};
    let found =
        Entity::find().filter(Column::ManagedEnvironmentId.is_in(ids(rows))).all(tx).await?;
    let owners: BTreeMap<&str, &str> =
        rows.iter().map(|row| (row.key.id.as_str(), row.key.user.as_str())).collect();
    let is_own = |one: &permission::Model| {
        owners.get(one.managed_environment_id.as_str()) == Some(&one.clusteruser_id.as_str())
    };
    let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(is_own);
    if !others.is_empty() {
        let others = others.into_iter().map(|row| row.appproject_managedenv_id);
        Entity::delete_many().filter(Column::AppprojectManagedenvId.is_in(others)).exec(tx).await?;
    }
    let permitted: BTreeSet<&str> =
        own.iter().map(|row| row.managed_environment_id.as_str()).collect();
    let missing = owners.into_iter().filter(|(id, _)| !permitted.contains(id));
    let models: Vec<ActiveModel> = missing
        .map(|(id, user)| ActiveModel {
            appproject_managedenv_id: ActiveValue::Set(
                Uuid::new_v5(&PERMISSION_IDS, format!("{user}/{id}").as_bytes()).to_string(),
            ),
            clusteruser_id: ActiveValue::Set(user.to_owned()),
            managed_environment_id: ActiveValue::Set(id.to_owned()),
            created_on: ActiveValue::Set(Some(database_time(now))),
        })
        .collect();
    if models.is_empty() { Ok(()) } else { insert_missing(tx, models).await }
}

/// The environments that the AppProjects of these users should permit, in the order of their creation.
pub(in crate::store) async fn permitted(
    database: &impl ConnectionTrait,
    users: impl Iterator<Item = &ClusterUserId>,
) -> Result<HashMap<ClusterUserId, Vec<EnvironmentId>>, StoreError> {
    use permission::{Column, Entity};
    let users: Vec<&str> = users.map(ClusterUserId::as_str).collect();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    // A time would not do: clocks jump, and a batch has one time.
    let number = match database.get_database_backend() {
        DbBackend::Sqlite => "rowid",
        _ => "seq_id",
    };
    let rows = Entity::find()
        .filter(Column::ClusteruserId.is_in(users))
        .order_by_asc(Expr::col((Entity, Alias::new(number))))
        .all(database)
        .await?;
    let mut permitted: HashMap<ClusterUserId, Vec<EnvironmentId>> = HashMap::new();
    for row in rows {
        let environments = permitted.entry(ClusterUserId::new(row.clusteruser_id)).or_default();
        environments.push(EnvironmentId::new(row.managed_environment_id));
    }
    Ok(permitted)
}

fn ids<'a>(rows: &'a [&EnvironmentRow]) -> impl Iterator<Item = &'a str> {
    rows.iter().map(|row| row.key.id.as_str())
}

/// Takes their destination from the applications that deploy to what is detached, once those of the
/// batch are written.
///
/// No report waits for these locks: it only keeps an application from being removed.
pub(in crate::store) async fn detach(
    tx: &impl ConnectionTrait,
    changes: &Changes,
) -> Result<(), StoreError> {
    use application::{Column, Entity};
    if changes.detached.is_empty() {
        return Ok(());
    }
    loop {
        let environments = changes.detached.iter().map(EnvironmentId::as_str);
        let page = Entity::find()
            .filter(Column::ManagedEnvironmentId.is_in(environments))
            .order_by_asc(Column::ApplicationId)
            .limit(DETACHED)
            .lock(LockType::NoKeyUpdate)
            .all(tx)
            .await?;
        let is_last = u64::try_from(page.len()).is_ok_and(|number| number < DETACHED);
        if !page.is_empty() {
            let detached = page.into_iter().map(|row| without_destination(row).into_active_model());
            let replace = OnConflict::column(Column::ApplicationId)
                .update_columns([Column::SpecField, Column::ManagedEnvironmentId])
                .to_owned();
            let insert = Entity::insert_many(detached).on_conflict(replace);
            insert.exec_without_returning(tx).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

fn without_destination(mut row: application::Model) -> application::Model {
    let environment = row.managed_environment_id.take().map(EnvironmentId::new);
    let emptied = spec_field::decode(&row.spec_field).and_then(|mut document| {
        let destination = &mut document.spec.destination.name;
        if environment.is_some_and(|environment| *destination == cluster_name(&environment)) {
            destination.clear();
        }
        spec_field::encode(&document)
    });
    match emptied {
        Ok(text) => row.spec_field = text,
        // The agent refuses it as well, and says so to the deployment.
        Err(error) => {
            let id = &row.application_id;
            tracing::error!(row = id, %error, "an application keeps its destination");
        }
    }
    row
}

/// Removes what is to go, once no application names it.
pub(in crate::store) async fn remove(
    tx: &impl ConnectionTrait,
    changes: Changes,
    sealed: &mut sealed::Changes,
) -> Result<(), StoreError> {
    let Changes { removed, forgotten, .. } = changes;
    if !removed.is_empty() {
        let ids = || removed.keys().map(EnvironmentId::as_str);
        MAPPINGS.remove(tx, removed.values().map(|key| key.uid.as_str())).await?;
        access::Entity::delete_many()
            .filter(access::Column::ClusteraccessManagedEnvironmentId.is_in(ids()))
            .exec(tx)
            .await?;
        permission::Entity::delete_many()
            .filter(permission::Column::ManagedEnvironmentId.is_in(ids()))
            .exec(tx)
            .await?;
        environment::Entity::delete_many()
            .filter(environment::Column::ManagedenvironmentId.is_in(ids()))
            .exec(tx)
            .await?;
    }
    if !forgotten.is_empty() {
        let forgotten = forgotten.into_iter().map(ClusterCredentialsId::into_string);
        remove_unused(tx, forgotten.collect(), sealed).await?;
    }
    Ok(())
}

/// Removes those of these credentials that neither an environment nor the cluster of an Argo CD names,
/// and what is sealed of them.
pub(in crate::store) async fn remove_unused(
    tx: &impl ConnectionTrait,
    credentials: Vec<String>,
    sealed: &mut sealed::Changes,
) -> Result<(), StoreError> {
    let of_environments = Query::select()
        .column(environment::Column::ClustercredentialsId)
        .from(environment::Entity)
        .to_owned();
    let of_clusters = Query::select()
        .column(gitops_engine_cluster::Column::ClustercredentialsId)
        .from(gitops_engine_cluster::Entity)
        .to_owned();
    use credentials::{Column, Entity};
    let unused: Vec<String> = Entity::find()
        .select_only()
        .column(Column::ClustercredentialsCredId)
        .filter(Column::ClustercredentialsCredId.is_in(credentials))
        .filter(Column::ClustercredentialsCredId.not_in_subquery(of_environments))
        .filter(Column::ClustercredentialsCredId.not_in_subquery(of_clusters))
        .into_tuple()
        .all(tx)
        .await?;
    Entity::delete_many()
        .filter(Column::ClustercredentialsCredId.is_in(unused.iter().cloned()))
        .exec(tx)
        .await?;
    sealed.remove(CLUSTER_CREDENTIALS, unused.iter().map(String::as_str));
    Ok(())
}
