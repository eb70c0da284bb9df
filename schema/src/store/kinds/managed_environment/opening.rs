//! The rows of clusters and their credentials, opened.

use std::collections::BTreeMap;

use machines::identity::{Digest, EnvironmentId};
use machines::kinds::managed_environment::ClusterCredentialsId;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, IntoCondition, Query, SelectStatement};
use sea_orm::{ConnectionTrait, FromQueryResult, JoinType, QuerySelect};
use secrecy::{ExposeSecret as _, SecretString};

use super::access::{ClusterCredential, EnvironmentAccess};
use crate::entity::clear_text::ClearText;
use crate::entity::cluster_credentials::{Column, Entity};
use crate::entity::{managed_environment as environment, sealed_value};
use crate::sealing::{Keyring, Place};
use crate::store::StoreError;
use crate::store::sealed::CLUSTER_CREDENTIALS;
use crate::store::sealed::adopted::NO_TOKEN;
use crate::store::sealed::opening::{SealedValues, UnopenedCredential};
use crate::store::sealed::unlock::Sealer;

/// What a user reads of it.
const WHAT: &str = "credential of the cluster";
/// The column of the token.
const TOKEN: &str = "serviceaccount_bearer_token";

/// What the columns of credentials say.
#[derive(FromQueryResult)]
struct Columns {
    credentials: String,
    host: Option<ClearText>,
    token: Option<ClearText>,
    skips_tls_verification: Option<bool>,
    namespaces: Option<ClearText>,
    cluster_resources: Option<bool>,
    ca_data: ClearText,
    tls_server_name: String,
}

/// One of the values that are sealed with them, if there are any.
#[derive(FromQueryResult)]
struct Value {
    column_name: Option<String>,
    key_id: Option<String>,
    value: Option<Vec<u8>>,
}

/// Credentials of a cluster, with what is sealed of them.
pub(in crate::store) struct StoredCluster {
    columns: Columns,
    values: SealedValues,
}

/// What opens these credentials, whether or not an environment names them. One statement: what was
/// sealed for one URL is never taken for that of another, even if the row changes meanwhile.
pub(in crate::store) async fn load_credentials(
    database: &impl ConnectionTrait,
    credentials: &ClusterCredentialsId,
) -> Result<Option<StoredCluster>, StoreError> {
    let id = Column::ClustercredentialsCredId;
    let rows = select().column_as(id, "environment").filter(id.eq(credentials.as_str()));
    Ok(load(database, rows).await?.into_values().next())
}

/// The environments that these are, with their credentials, but for those that stand for the cluster
/// that Argo CD runs in. One statement, as well: credentials that are replaced meanwhile are not
/// missed.
pub(in crate::store) async fn load_environments(
    database: &impl ConnectionTrait,
    environments: impl IntoCondition,
) -> Result<BTreeMap<EnvironmentId, StoredCluster>, StoreError> {
    let to_environment: RelationDef = Entity::belongs_to(environment::Entity)
        .from(Column::ClustercredentialsCredId)
        .to(environment::Column::ClustercredentialsId)
        .into();
    let rows = select()
        .column_as(environment::Column::ManagedenvironmentId, "environment")
        .join(JoinType::InnerJoin, to_environment)
        .filter(environments.into_condition())
        .filter(is_of_a_target());
    let stored = load(database, rows).await?;
    Ok(stored.into_iter().map(|(id, stored)| (EnvironmentId::new(id), stored)).collect())
}

/// The credentials of other clusters than the one that Argo CD runs in.
pub(in crate::store) fn targets() -> SelectStatement {
    Query::select()
        .column(Column::ClustercredentialsCredId)
        .from(Entity)
        .and_where(is_of_a_target())
        .to_owned()
}

fn is_of_a_target() -> Expr {
    Column::ServiceaccountBearerToken.ne(NO_TOKEN)
}

fn select() -> Select<Entity> {
    let to_values: RelationDef = Entity::belongs_to(sealed_value::Entity)
        .from(Column::ClustercredentialsCredId)
        .to(sealed_value::Column::RowKey)
        .on_condition(|_, values| {
            let table = Expr::col((values, sealed_value::Column::TableName));
            table.eq(CLUSTER_CREDENTIALS).into_condition()
        })
        .into();
    Entity::find()
        .select_only()
        .column_as(Column::ClustercredentialsCredId, "credentials")
        .column_as(Column::ServiceaccountBearerToken, "token")
        .column_as(Column::AllowinsecureSkiptlsverify, "skips_tls_verification")
        .columns([Column::Host, Column::Namespaces, Column::ClusterResources])
        .columns([Column::CaData, Column::TlsServerName])
        .columns([sealed_value::Column::ColumnName, sealed_value::Column::KeyId])
        .column(sealed_value::Column::Value)
        .join(JoinType::LeftJoin, to_values)
}

/// By the column `environment`.
async fn load(
    database: &impl ConnectionTrait,
    rows: Select<Entity>,
) -> Result<BTreeMap<String, StoredCluster>, StoreError> {
    use sea_orm::QueryTrait as _;
    let mut stored = BTreeMap::new();
    for row in database.query_all(&rows.into_query()).await? {
        let columns = Columns::from_query_result(&row, "")?;
        let value = Value::from_query_result(&row, "")?.of(&columns);
        let new = || StoredCluster { columns, values: SealedValues::default() };
        let entry = stored.entry(row.try_get("", "environment")?).or_insert_with(new);
        if let Some(value) = value {
            entry.values.insert(value);
        }
    }
    Ok(stored)
}

impl Value {
    fn of(self, columns: &Columns) -> Option<sealed_value::Model> {
        Some(sealed_value::Model {
            table_name: CLUSTER_CREDENTIALS.to_owned(),
            row_key: columns.credentials.clone(),
            column_name: self.column_name?,
            key_id: self.key_id?,
            value: self.value?,
        })
    }
}

impl StoredCluster {
    /// Whether something that was sealed is gone.
    pub(in crate::store) fn is_emptied(&self) -> bool {
        let Columns { host, token, namespaces, ca_data, .. } = &self.columns;
        let said = [
            ("host", host.as_ref()),
            (TOKEN, token.as_ref()),
            ("namespaces", namespaces.as_ref()),
            ("ca_data", Some(ca_data)),
        ];
        said.into_iter().any(|(column, said)| self.values.lacks(column, said))
    }

    /// The digest of what Argo CD is told.
    pub(in crate::store) fn digest(
        &self,
        environment: &EnvironmentId,
        sealer: Option<&Sealer>,
    ) -> Result<Digest, UnopenedCredential> {
        let sealer = sealer.ok_or(UnopenedCredential::NoKeys(WHAT))?;
        Ok(self.open(Some(sealer))?.digest(environment, &sealer.digests))
    }

    /// What the row says.
    pub(in crate::store) fn open(
        &self,
        sealer: Option<&Sealer>,
    ) -> Result<EnvironmentAccess, UnopenedCredential> {
        let keyring = &sealer.ok_or(UnopenedCredential::NoKeys(WHAT))?.keyring;
        let columns = &self.columns;
        let open = |column, said| self.text(keyring, column, said);
        let plain = |column, said| Ok(open(column, said)?.expose_secret().to_owned());
        let token = open(TOKEN, columns.token.as_ref())?;
        if token.expose_secret().is_empty() {
            return Err(UnopenedCredential::Missing(self.place(TOKEN)));
        }
        Ok(EnvironmentAccess {
            api_url: plain("host", columns.host.as_ref())?,
            namespaces: plain("namespaces", columns.namespaces.as_ref())?,
            cluster_resources: columns.cluster_resources.unwrap_or_default(),
            skips_tls_verification: columns.skips_tls_verification.unwrap_or_default(),
            credential: ClusterCredential {
                token,
                authority: open("ca_data", Some(&columns.ca_data))?,
                server_name: columns.tls_server_name.clone(),
            },
        })
    }

    fn text(
        &self,
        keyring: &Keyring,
        column: &str,
        said: Option<&ClearText>,
    ) -> Result<SecretString, UnopenedCredential> {
        self.values.text(keyring, self.place(column), said)
    }

    fn place(&self, column: &str) -> Place {
        Place::new(CLUSTER_CREDENTIALS, self.columns.credentials.as_str(), column)
    }
}
