//! Batches of the agent: operations, and what Argo CD reports.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, Digest, OperationId, Timestamp,
};
use machines::kinds::deployment::Deployment;
use machines::kinds::deployment::removal::RemovalReport;
use machines::operation::application::ApplicationDocument;
use machines::operation::{Operation, RowView, Wanted};
use machines::rows::{Requester, RowChange};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, LockType, OnConflict, Query};
use sea_orm::{ActiveValue, ConnectionTrait, JoinType, QueryOrder, QuerySelect, Select};

use crate::entity::{
    app_project_managed_environment, app_project_repository, application, application_owner,
    application_state, deployment_to_application_mapping as mapping, machine, operation,
    transition,
};
use crate::spec_field;
use crate::store::changes;
use crate::store::changes::operations::APPLICATION;
use crate::store::machine_rows::{self, Machines, Persistent, Stepped, Writes};
use crate::store::{Call, Store, StoreError, in_order};

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
    /// What it says of a removal, which is under way where the row has gone.
    pub removal: RemovalReport,
}

/// What became of reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Those that were written, by application.
    pub written: HashMap<ApplicationId, DeploymentUid>,
    /// Those whose row has gone and of whose removal an error has come or gone.
    pub removals: HashMap<ApplicationId, DeploymentUid>,
}

impl Store {
    /// Loads a batch, lets `decide` step it, and commits what it says.
    pub async fn agent_batch<T: Default + Send>(
        &self,
        keys: &[OperationId],
        now: Timestamp,
        decide: impl FnOnce(AgentLoaded) -> (AgentChanges, T) + Send,
    ) -> Result<T, StoreError> {
        let mut result = T::default();
        let decide = |loaded| {
            let (changes, decided) = decide(loaded);
            result = decided;
            changes
        };
        self.commit_agent_batch(keys, now, Box::new(decide)).await?;
        Ok(result)
    }

    fn commit_agent_batch<'a>(
        &'a self,
        keys: &'a [OperationId],
        now: Timestamp,
        decide: Box<dyn FnOnce(AgentLoaded) -> AgentChanges + Send + 'a>,
    ) -> Call<'a, ()> {
        self.call("agent_batch", async move {
            let tx = self.begin().await?;
            let loaded = load(&tx, keys).await?;
            let changes = decide(loaded);
            let mut machines = Writes::default();
            machines.add(&changes.operations, now)?;
            if machines.is_empty() && changes.rows.is_empty() {
                return Ok(tx.rollback().await?);
            }
            changes::write(&tx, changes.rows, now).await?;
            machines.write(&tx).await?;
            Ok(tx.commit().await?)
        })
    }

    /// The digests of all reports that the database holds.
    pub fn report_digests(&self) -> Call<'_, HashMap<ApplicationId, Digest>> {
        self.call("report_digests", async move {
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
                    .all(&self.database.reads())
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
    }

    /// Writes reports of Argo CD, and says on which applications: those whose row is another
    /// deployment's are left out. Where the row has gone, what is said of the removal is written to
    /// the open operation, if that is the deployment's. Of several on one application the last
    /// counts.
    pub fn write_reports(&self, reports: Vec<ApplicationReport>) -> Call<'_, Reported> {
        self.call("write_reports", async move {
            if reports.is_empty() {
                return Ok(Reported::default());
            }
            let tx = self.begin().await?;
            let ids = reports.iter().map(|report| &report.application);
            let belongs = hold_applications(&tx, ids).await?;
            let known: HashSet<ApplicationId> =
                belongs.iter().map(|(row, _)| row.clone()).collect();
            let mut reports: HashMap<(ApplicationId, DeploymentUid), ApplicationReport> = reports
                .into_iter()
                .map(|report| ((report.application.clone(), report.deployment.clone()), report))
                .collect();
            // In the order in which the applications are held.
            let present: Vec<ApplicationReport> =
                belongs.into_iter().filter_map(|pair| reports.remove(&pair)).collect();
            let pair = |one: &ApplicationReport| (one.application.clone(), one.deployment.clone());
            let written = present.iter().map(pair).collect();
            let gone = reports.into_values().filter(|report| !known.contains(&report.application));
            let removals = write_removals(&tx, gone.collect()).await?;
            put_reports(&tx, present).await?;
            tx.commit().await?;
            Ok(Reported { written, removals })
        })
    }

    /// Those of these deployments, given with the rows of their Applications, whose Applications
    /// belong to nobody: there is no row, and the deployment is one that this database had a machine
    /// for and has no more.
    ///
    /// A deployment that the database has never known says nothing: it may be an older one, or an
    /// empty one. One with a machine may have no row because its spec is invalid.
    pub fn orphans(
        &self,
        mut applications: BTreeMap<DeploymentUid, ApplicationId>,
    ) -> Call<'_, BTreeSet<DeploymentUid>> {
        self.call("orphans", async move {
            let rows = application::Entity::find();
            let column = application::Column::ApplicationId;
            let ids = applications.values().map(ApplicationId::as_str);
            let found = self.found_among(rows, column, ids).await?;
            applications.retain(|_, row| !found.contains(row.as_str()));
            let known =
                transition::Entity::find().filter(transition::Column::Kind.eq(Deployment::KIND));
            let ids = applications.keys().map(DeploymentUid::as_str);
            let found = self.found_among(known, transition::Column::Key, ids).await?;
            applications.retain(|uid, _| found.contains(uid.as_str()));
            let served = machine::Entity::find().filter(machine::Column::Kind.eq(Deployment::KIND));
            let ids = applications.keys().map(DeploymentUid::as_str);
            let found = self.found_among(served, machine::Column::Key, ids).await?;
            applications.retain(|uid, _| !found.contains(uid.as_str()));
            Ok(applications.into_keys().collect())
        })
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
            found.extend(page.all(&self.database.reads()).await?);
        }
        Ok(found)
    }

    /// A page of the Applications that rows ask for, in the order of the rows' ids, after one.
    pub fn wanted_applications<'a>(
        &'a self,
        after: &'a ApplicationId,
        limit: u64,
    ) -> Call<'a, Vec<WantedApplication>> {
        self.call("wanted_applications", async move {
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
                .all(&self.database.reads())
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
    }

    /// The cluster users whose AppProjects permit environments that an earlier installation recorded.
    /// Nobody records any more of them, so that once is enough.
    pub fn environment_owners(&self) -> Call<'_, BTreeSet<ClusterUserId>> {
        self.call("environment_owners", async move {
            use app_project_managed_environment::{Column, Entity};
            let owners: Vec<String> = Entity::find()
                .select_only()
                .column(Column::ClusteruserId)
                .distinct()
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            Ok(owners.into_iter().map(ClusterUserId::new).collect())
        })
    }

    /// The repositories that the AppProjects of these users are to permit, as written.
    pub fn repositories<'a>(
        &'a self,
        users: &'a BTreeSet<ClusterUserId>,
    ) -> Call<'a, HashMap<ClusterUserId, BTreeSet<String>>> {
        self.call("repositories", async move {
            repositories(&self.database.reads(), users.iter()).await
        })
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

async fn put_reports(
    tx: &impl ConnectionTrait,
    reports: Vec<ApplicationReport>,
) -> Result<(), StoreError> {
    if reports.is_empty() {
        return Ok(());
    }
    let rows = reports.into_iter().map(|report| application_state::ActiveModel {
        applicationstate_application_id: ActiveValue::Set(report.application.into_string()),
        argocd_application_status: ActiveValue::Set(Some(report.status)),
        digest: ActiveValue::Set(Some(report.digest.into_string())),
        unread: ActiveValue::Set(true),
    });
    let replace = OnConflict::column(application_state::Column::ApplicationstateApplicationId)
        .update_columns([
            application_state::Column::ArgocdApplicationStatus,
            application_state::Column::Digest,
            application_state::Column::Unread,
        ])
        .to_owned();
    let insert = application_state::Entity::insert_many(rows).on_conflict(replace);
    insert.exec_without_returning(tx).await?;
    Ok(())
}

/// Writes what Argo CD says of removals to the operations that ask for them, where that is new.
/// Returned are those with an error that has come or gone: of the others the deployment learns when
/// its deadline passes.
async fn write_removals(
    tx: &impl ConnectionTrait,
    reports: Vec<ApplicationReport>,
) -> Result<HashMap<ApplicationId, DeploymentUid>, StoreError> {
    use operation::{Column, Entity};
    let mut urgent = HashMap::new();
    let rows = Entity::find()
        .filter(Column::ResourceType.eq(APPLICATION))
        .filter(Column::State.is_in(["Waiting", "In_Progress"]))
        .filter(Column::ResourceId.is_in(reports.iter().map(|report| report.application.as_str())));
    let rows = if reports.is_empty() { Vec::new() } else { rows.all(tx).await? };
    let reports: HashMap<&str, &ApplicationReport> =
        reports.iter().map(|report| (report.application.as_str(), report)).collect();
    let mut texts = CaseStatement::new();
    let mut ids = Vec::new();
    for row in rows {
        let Some(report) = reports.get(row.resource_id.as_str()) else { continue };
        let known = row.removal().unwrap_or_default();
        let requester = row.requester.as_deref().and_then(Requester::parse);
        let is_its_own = requester == Some(Requester::Deployment(report.deployment.clone()));
        if !is_its_own || known == report.removal {
            continue;
        }
        let text = report.removal.to_text();
        texts = texts.case(Column::OperationId.eq(row.operation_id.as_str()), text);
        ids.push(row.operation_id);
        if known.has_failed() || report.removal.has_failed() {
            urgent.insert(report.application.clone(), report.deployment.clone());
        }
    }
    if !ids.is_empty() {
        Entity::update_many()
            .col_expr(Column::HumanReadableState, texts.into())
            .filter(Column::OperationId.in_subquery(in_order(
                Column::OperationId,
                Entity::find().filter(Column::OperationId.is_in(ids)),
                LockType::NoKeyUpdate,
            )))
            // It may have ended meanwhile.
            .filter(Column::State.is_in(["Waiting", "In_Progress"]))
            .exec(tx)
            .await?;
    }
    Ok(urgent)
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
    let repositories = repositories(tx, owners.into_iter()).await?;
    Ok(AgentLoaded { operations, rows, unusable, repositories })
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
        let application = applications.get(&row.resource_id);
        let document = application.map(|row| spec_field::decode(&row.spec_field)).transpose();
        let document = match document {
            Ok(document) => document,
            Err(error) => {
                unusable.insert(id, error.to_string());
                continue;
            }
        };
        let view = RowView {
            state,
            owner: ClusterUserId::new(row.operation_owner_user_id.unwrap_or_default()),
            requester: row.requester.as_deref().and_then(Requester::parse),
            wanted: Wanted::Application { row: ApplicationId::new(row.resource_id), document },
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
