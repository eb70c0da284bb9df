//! What Argo CD reports on Applications, on its way from the agent to the backend.

use std::collections::{HashMap, HashSet};

use machines::identity::{ApplicationId, DeploymentUid, Digest};
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::operation::target::APPLICATION;
use machines::rows::Requester;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, LockType, OnConflict};
use sea_orm::{ActiveValue, ConnectionTrait, JoinType, QueryOrder, QuerySelect};

use crate::entity::{
    application, application_state, deployment_to_application_mapping as mapping, operation,
};
use crate::store::kinds::operation::rows::is_open;
use crate::store::statements::in_order;
use crate::store::{Call, Store, StoreError};

/// Digests read by one statement of the startup scan.
const SCAN_PAGE: u64 = 5_000;

/// What Argo CD says about an Application, in the database's form.
#[derive(Clone, Debug)]
pub struct ApplicationReport {
    /// The application row.
    pub application: ApplicationId,
    /// The deployment whose row it should be.
    pub deployment: DeploymentUid,
    /// The status, encoded.
    pub status: Vec<u8>,
    /// Digest of the status.
    pub digest: Digest,
    /// What it says about a removal, which is in progress if the row is gone.
    pub removal: RemovalReport,
}

/// What became of reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Those that were written, by application.
    pub written: HashMap<ApplicationId, DeploymentUid>,
    /// Those whose row is gone and whose removal error appeared or disappeared.
    pub removals: HashMap<ApplicationId, DeploymentUid>,
}

impl Store {
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

    /// Writes reports of Argo CD, and returns on which applications: those whose row belongs to
    /// another deployment are left out. If the row is gone, what is said about the removal is
    /// written to the open operation, if that belongs to the deployment. Of several on one
    /// application the last counts.
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
}

/// Keeps these applications from being removed until the end of the transaction, and returns which
/// exist, each with its deployment.
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

/// From an application to the deployment that it represents.
pub(super) fn to_mapping() -> RelationDef {
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

/// Writes what Argo CD says about removals to the operations that ask for them, if that is new.
/// Returns those whose error appeared or disappeared: the deployment learns about the others when
/// its deadline passes.
async fn write_removals(
    tx: &impl ConnectionTrait,
    reports: Vec<ApplicationReport>,
) -> Result<HashMap<ApplicationId, DeploymentUid>, StoreError> {
    use operation::{Column, Entity};
    let mut urgent = HashMap::new();
    let rows = Entity::find()
        .filter(Column::ResourceType.eq(APPLICATION))
        .filter(is_open())
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
            // It may have ended in the meantime.
            .filter(is_open())
            .exec(tx)
            .await?;
    }
    Ok(urgent)
}
