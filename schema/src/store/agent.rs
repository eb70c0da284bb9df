//! Batches of the agent: operations, and what Argo CD reports.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use machines::application::ApplicationDocument;
use machines::deployment::Deployment;
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, OperationId, Timestamp,
};
use machines::operation::{Operation, RowView};
use machines::rows::RowChange;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, LockType, OnConflict, Query};
use sea_orm::{ActiveValue, ConnectionTrait, JoinType, QueryOrder, QuerySelect, Select};

use crate::entity::{
    app_project_managed_environment, app_project_repository, application, application_owner,
    application_state, deployment_to_application_mapping as mapping,
    kubernetes_to_db_resource_mapping as resource_mapping, machine, operation, transition,
};
use crate::spec_field;
use crate::store::changes;
use crate::store::changes::operations::APPLICATION;
use crate::store::machine_rows::{self, Machines, Persistent, Stepped, Writes};
use crate::store::{Store, StoreError};

/// Digests read by one statement of the scan at the start.
const SCAN_PAGE: u64 = 5_000;
/// Ids in one statement.
const IDS: usize = 500;

/// A batch as it was read.
#[derive(Debug, Default)]
pub struct AgentLoaded {
    /// The operations that were asked for, as far as they have machines.
    pub operations: Machines<Operation>,
    /// The rows of those that were not claimed yet.
    pub rows: HashMap<OperationId, RowView>,
    /// Why the rows of the others cannot be acted on.
    pub unusable: HashMap<OperationId, String>,
    /// The repositories that each owner's AppProject is to permit, as written.
    pub repositories: HashMap<ClusterUserId, BTreeSet<String>>,
    /// Those of these owners for whom an earlier installation has recorded managed environments:
    /// their AppProjects permit more destinations than this program knows.
    pub keeps_destinations: BTreeSet<ClusterUserId>,
}

/// What is to be written of a batch.
#[derive(Debug, Default)]
pub struct AgentChanges {
    /// The operations that were stepped.
    pub operations: Vec<Stepped<Operation>>,
    /// Rows of the other tables, in the order of the steps.
    pub rows: Vec<RowChange>,
}

/// An Application that a row asks for.
#[derive(Clone, Debug)]
pub struct WantedApplication {
    /// The row.
    pub row: ApplicationId,
    /// The deployment that it stands for.
    pub deployment: DeploymentUid,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// What it asks for; `None` where that cannot be read.
    pub document: Option<ApplicationDocument>,
}

/// What Argo CD says of an Application, in the database's form.
#[derive(Clone, Debug)]
pub struct ApplicationReport {
    /// The application row.
    pub application: ApplicationId,
    /// The deployment that it is to be the row of.
    pub deployment: DeploymentUid,
    /// The status, encoded.
    pub status: Vec<u8>,
    /// Digest of the status.
    pub digest: Digest,
}

impl Store {
    /// Loads a batch, lets `decide` step it, and commits what it says.
    pub async fn agent_batch<T: Send>(
        &self,
        keys: &[OperationId],
        now: Timestamp,
        decide: impl FnOnce(AgentLoaded) -> (AgentChanges, T) + Send,
    ) -> Result<T, StoreError> {
        self.call("agent_batch", async {
            let tx = self.begin().await?;
            let loaded = load(&tx, keys).await?;
            let (changes, result) = decide(loaded);
            let mut machines = Writes::default();
            machines.add(&changes.operations, now)?;
            if machines.is_empty() && changes.rows.is_empty() {
                tx.rollback().await?;
                return Ok(result);
            }
            changes::write(&tx, changes.rows, now).await?;
            machines.write(&tx).await?;
            tx.commit().await?;
            Ok(result)
        })
        .await
    }

    /// The digests of all reports that the database holds.
    pub async fn report_digests(&self) -> Result<HashMap<ApplicationId, Digest>, StoreError> {
        self.call("report_digests", async {
            use application_state::{Column, Entity};
            let mut digests = HashMap::new();
            let mut after = String::new();
            loop {
                let page: Vec<(String, Option<String>)> = Entity::find()
                    .select_only()
                    .columns([Column::ApplicationstateApplicationId, Column::Digest])
                    .filter(Column::ApplicationstateApplicationId.gt(after))
                    .order_by_asc(Column::ApplicationstateApplicationId)
                    .limit(SCAN_PAGE)
                    .into_tuple()
                    .all(self.database.reader())
                    .await?;
                let Some((last, _)) = page.last() else {
                    return Ok(digests);
                };
                after = last.clone();
                digests.extend(page.into_iter().map(|(id, digest)| {
                    (ApplicationId::new(id), Digest::new(digest.unwrap_or_default()))
                }));
            }
        })
        .await
    }

    /// Writes reports of Argo CD, and says on which applications: those whose row has gone, or is
    /// another deployment's, are left out. Of several on one application the last counts.
    pub async fn write_reports(
        &self,
        reports: Vec<ApplicationReport>,
    ) -> Result<HashMap<ApplicationId, DeploymentUid>, StoreError> {
        self.call("write_reports", async {
            if reports.is_empty() {
                return Ok(HashMap::new());
            }
            let tx = self.begin().await?;
            let ids = reports.iter().map(|report| &report.application);
            let belongs = hold_applications(&tx, ids).await?;
            let mut reports: HashMap<(ApplicationId, DeploymentUid), ApplicationReport> = reports
                .into_iter()
                .map(|report| ((report.application.clone(), report.deployment.clone()), report))
                .collect();
            // In the order in which the applications are held.
            let reports: Vec<ApplicationReport> =
                belongs.into_iter().filter_map(|pair| reports.remove(&pair)).collect();
            let written = reports
                .iter()
                .map(|report| (report.application.clone(), report.deployment.clone()));
            let written = written.collect();
            let rows: Vec<_> = reports.into_iter().map(state_row).collect();
            if rows.is_empty() {
                tx.rollback().await?;
                return Ok(HashMap::new());
            }
            let replace =
                OnConflict::column(application_state::Column::ApplicationstateApplicationId)
                    .update_columns([
                        application_state::Column::ArgocdApplicationStatus,
                        application_state::Column::Digest,
                        application_state::Column::Unread,
                    ])
                    .to_owned();
            let insert = application_state::Entity::insert_many(rows).on_conflict(replace);
            insert.exec_without_returning(&tx).await?;
            tx.commit().await?;
            Ok(written)
        })
        .await
    }

    /// Those of these Applications, given with their deployments, that belong to nobody: there is
    /// no row, and the deployment is one that this database had a machine for and has no more.
    ///
    /// A deployment that the database has never known says nothing: it may be an older one, or an
    /// empty one. One with a machine may have no row because its spec is invalid.
    pub async fn orphans(
        &self,
        mut applications: BTreeMap<ApplicationId, DeploymentUid>,
    ) -> Result<BTreeSet<ApplicationId>, StoreError> {
        self.call("orphans", async {
            let rows = application::Entity::find();
            let column = application::Column::ApplicationId;
            let ids = applications.keys().map(ApplicationId::as_str);
            let found = self.found_among(rows, column, ids).await?;
            applications.retain(|row, _| !found.contains(row.as_str()));
            let known =
                transition::Entity::find().filter(transition::Column::Kind.eq(Deployment::KIND));
            let ids = applications.values().map(DeploymentUid::as_str);
            let found = self.found_among(known, transition::Column::Key, ids).await?;
            applications.retain(|_, uid| found.contains(uid.as_str()));
            let served = machine::Entity::find().filter(machine::Column::Kind.eq(Deployment::KIND));
            let ids = applications.values().map(DeploymentUid::as_str);
            let found = self.found_among(served, machine::Column::Key, ids).await?;
            applications.retain(|_, uid| !found.contains(uid.as_str()));
            Ok(applications.into_keys().collect())
        })
        .await
    }

    /// Those of these ids that stand in a column of some rows.
    async fn found_among<E: EntityTrait>(
        &self,
        rows: Select<E>,
        column: E::Column,
        ids: impl Iterator<Item = &str>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut found = BTreeSet::new();
        for some in ids.collect::<Vec<&str>>().chunks(IDS) {
            let rows = rows.clone().select_only().column(column).distinct();
            let page = rows.filter(column.is_in(some.iter().copied())).into_tuple::<String>();
            found.extend(page.all(self.database.reader()).await?);
        }
        Ok(found)
    }

    /// A page of the Applications that rows ask for, in the order of the rows' ids, after one.
    pub async fn wanted_applications(
        &self,
        after: &ApplicationId,
        limit: u64,
    ) -> Result<Vec<WantedApplication>, StoreError> {
        self.call("wanted_applications", async {
            let rows: Vec<(String, String, String, Option<String>)> = application::Entity::find()
                .select_only()
                .column(application::Column::ApplicationId)
                .column(application::Column::SpecField)
                .column(mapping::Column::DeploymenttoapplicationmappingUidId)
                .column(application_owner::Column::ApplicationOwnerUserId)
                .join(JoinType::InnerJoin, to_mapping())
                .join(
                    JoinType::LeftJoin,
                    application::Entity::belongs_to(application_owner::Entity)
                        .from(application::Column::ApplicationId)
                        .to(application_owner::Column::ApplicationOwnerApplicationId)
                        .into(),
                )
                .filter(application::Column::ApplicationId.gt(after.as_str()))
                .order_by_asc(application::Column::ApplicationId)
                .limit(limit)
                .into_tuple()
                .all(self.database.reader())
                .await?;
            let read =
                |(row, spec, deployment, owner): (String, String, String, Option<String>)| {
                    let document = spec_field::decode(&spec)
                        .inspect_err(|error| tracing::error!(row, %error, "a row cannot be read"))
                        .ok();
                    let deployment = DeploymentUid::new(deployment);
                    let owner = ClusterUserId::new(owner.unwrap_or_default());
                    WantedApplication { row: ApplicationId::new(row), deployment, owner, document }
                };
            Ok(rows.into_iter().map(read).collect())
        })
        .await
    }

    /// The repositories that the AppProjects of these users are to permit, as written.
    pub async fn repositories(
        &self,
        users: &BTreeSet<ClusterUserId>,
    ) -> Result<HashMap<ClusterUserId, BTreeSet<String>>, StoreError> {
        self.call("repositories", async {
            repositories(self.database.reader(), users.iter()).await
        })
        .await
    }

    /// Those of these users for whom an earlier installation has recorded managed environments; see
    /// [`AgentLoaded::keeps_destinations`].
    pub async fn keeps_destinations(
        &self,
        users: &BTreeSet<ClusterUserId>,
    ) -> Result<BTreeSet<ClusterUserId>, StoreError> {
        self.call("keeps_destinations", async {
            keeps_destinations(self.database.reader(), users.iter()).await
        })
        .await
    }
}

/// Keeps these applications from being removed until the end of the transaction, and says which
/// there are, each with its deployment.
async fn hold_applications(
    tx: &impl ConnectionTrait,
    ids: impl Iterator<Item = &ApplicationId>,
) -> Result<Vec<(ApplicationId, DeploymentUid)>, StoreError> {
    let mut held = application::Entity::find()
        .select_only()
        .column(application::Column::ApplicationId)
        .column(mapping::Column::DeploymenttoapplicationmappingUidId)
        .join(JoinType::InnerJoin, to_mapping())
        .filter(application::Column::ApplicationId.is_in(ids.map(ApplicationId::as_str)))
        .order_by_asc(application::Column::ApplicationId);
    let table = application::Entity.table_ref();
    QuerySelect::query(&mut held).lock_with_tables(LockType::KeyShare, [table]);
    let held: Vec<(String, String)> = held.into_tuple().all(tx).await?;
    let pair = |(row, uid)| (ApplicationId::new(row), DeploymentUid::new(uid));
    Ok(held.into_iter().map(pair).collect())
}

fn to_mapping() -> RelationDef {
    application::Entity::belongs_to(mapping::Entity)
        .from(application::Column::ApplicationId)
        .to(mapping::Column::ApplicationId)
        .into()
}

fn state_row(report: ApplicationReport) -> application_state::ActiveModel {
    application_state::ActiveModel {
        applicationstate_application_id: ActiveValue::Set(report.application.into_string()),
        argocd_application_status: ActiveValue::Set(Some(report.status)),
        digest: ActiveValue::Set(Some(report.digest.into_string())),
        unread: ActiveValue::Set(true),
    }
}

async fn load(tx: &impl ConnectionTrait, keys: &[OperationId]) -> Result<AgentLoaded, StoreError> {
    let operations = machine_rows::load::<Operation>(tx, keys).await?;
    let unclaimed: Vec<&str> =
        keys.iter().filter(|key| !operations.contains(key)).map(OperationId::as_str).collect();
    let (rows, unusable) = load_rows(tx, unclaimed).await?;
    let owners: BTreeSet<&ClusterUserId> = operations
        .known
        .values()
        .map(|versioned| &versioned.machine.record.owner)
        .chain(rows.values().map(|row| &row.owner))
        .collect();
    let repositories = repositories(tx, owners.iter().copied()).await?;
    let keeps_destinations = keeps_destinations(tx, owners.into_iter()).await?;
    Ok(AgentLoaded { operations, rows, unusable, repositories, keeps_destinations })
}

async fn load_rows(
    tx: &impl ConnectionTrait,
    keys: Vec<&str>,
) -> Result<(HashMap<OperationId, RowView>, HashMap<OperationId, String>), StoreError> {
    if keys.is_empty() {
        return Ok(Default::default());
    }
    let operations = operation::Entity::find()
        .filter(operation::Column::OperationId.is_in(keys))
        .all(tx)
        .await?;
    if operations.is_empty() {
        return Ok(Default::default());
    }
    let targets = operations.iter().map(|row| row.resource_id.as_str());
    let applications: BTreeMap<String, application::Model> = application::Entity::find()
        .filter(application::Column::ApplicationId.is_in(targets))
        .all(tx)
        .await?
        .into_iter()
        .map(|row| (row.application_id.clone(), row))
        .collect();
    let mut views = HashMap::new();
    let mut unusable = HashMap::new();
    for row in operations {
        let state = row.progress();
        let id = OperationId::new(row.operation_id);
        if row.resource_type != APPLICATION {
            let text = format!("operations on a {} are not supported yet", row.resource_type);
            unusable.insert(id, text);
            continue;
        }
        let target = applications.get(&row.resource_id);
        let target = match target.map(|target| spec_field::decode(&target.spec_field)).transpose() {
            Ok(target) => target,
            Err(error) => {
                unusable.insert(id, error.to_string());
                continue;
            }
        };
        let view = RowView {
            state,
            application: ApplicationId::new(row.resource_id),
            owner: ClusterUserId::new(row.operation_owner_user_id.unwrap_or_default()),
            requester: row.requester.map(DeploymentUid::new),
            target,
        };
        views.insert(id, view);
    }
    Ok((views, unusable))
}

async fn repositories(
    tx: &impl ConnectionTrait,
    users: impl Iterator<Item = &ClusterUserId>,
) -> Result<HashMap<ClusterUserId, BTreeSet<String>>, StoreError> {
    use app_project_repository::{Column, Entity, Model};
    let mut repositories: HashMap<ClusterUserId, BTreeSet<String>> =
        users.map(|user| (user.clone(), BTreeSet::new())).collect();
    if repositories.is_empty() {
        return Ok(repositories);
    }
    let users: Vec<&str> = repositories.keys().map(ClusterUserId::as_str).collect();
    // Rows of credentials permit something only beside a deployment.
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
        // Rows of an earlier installation know the normal form only.
        let url = if repo_url_as_written.is_empty() { repo_url } else { repo_url_as_written };
        repositories.entry(ClusterUserId::new(clusteruser_id)).or_default().insert(url);
    }
    Ok(repositories)
}

async fn keeps_destinations(
    tx: &impl ConnectionTrait,
    users: impl Iterator<Item = &ClusterUserId>,
) -> Result<BTreeSet<ClusterUserId>, StoreError> {
    use app_project_managed_environment::{Column, Entity};
    let users: Vec<&str> = users.map(ClusterUserId::as_str).collect();
    if users.is_empty() {
        return Ok(BTreeSet::new());
    }
    let in_cluster = Query::select()
        .expr(Expr::val(1))
        .from(resource_mapping::Entity)
        .and_where(resource_mapping::Column::KubernetesResourceType.eq("Namespace"))
        .and_where(resource_mapping::Column::DbRelationType.eq("ManagedEnvironment"))
        .and_where(
            Expr::col((resource_mapping::Entity, resource_mapping::Column::DbRelationKey))
                .equals((Entity, Column::ManagedEnvironmentId)),
        )
        .to_owned();
    let users: Vec<String> = Entity::find()
        .select_only()
        .column(Column::ClusteruserId)
        .distinct()
        .filter(Column::ClusteruserId.is_in(users))
        .filter(Expr::exists(in_cluster).not())
        .into_tuple()
        .all(tx)
        .await?;
    Ok(users.into_iter().map(ClusterUserId::new).collect())
}
