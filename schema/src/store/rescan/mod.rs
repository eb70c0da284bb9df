//! What the agent's rescan compares with Argo CD: here Applications and AppProjects, in [`secrets`]
//! repository Secrets, and in [`clusters`] cluster Secrets.

mod clusters;
mod orphans;
mod secrets;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use machines::identity::{ApplicationId, ClusterUserId, DeploymentUid};
use machines::kinds::deployment::Deployment;
use machines::operation::application::ApplicationDocument;
use sea_orm::entity::prelude::*;
use sea_orm::{JoinType, QueryOrder, QuerySelect, Select};

use crate::entity::{
    application, application_owner, deployment_to_application_mapping as mapping, machine,
    transition,
};
use crate::spec_field;
use crate::store::kinds::permitted::{Permitted, permitted};
use crate::store::machine_rows::Persistent;
use crate::store::reports::to_mapping;
use crate::store::{Call, Store, StoreError};

pub use clusters::{ClusterOwner, WantedCluster};
pub use secrets::{SecretOwner, WantedSecret};

/// Ids in one statement.
const IDS: usize = 500;

/// An Application that a row asks for.
#[derive(Clone, Debug)]
pub struct WantedApplication {
    /// The row.
    pub row: ApplicationId,
    /// The deployment that it represents.
    pub deployment: DeploymentUid,
    /// The cluster user that owns it.
    pub owner: ClusterUserId,
    /// What it asks for; `None` if that cannot be read.
    pub document: Option<ApplicationDocument>,
}

impl Store {
    /// Those of these deployments, given with the rows of their Applications, whose Applications
    /// have no owner: there is no row, and this database once had a machine for the deployment but
    /// no longer does.
    ///
    /// A deployment that the database has never known proves nothing: the database may be an older
    /// one, or an empty one. One with a machine may have no row because its spec is invalid.
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

    /// Those of these ids that occur in a column of some rows.
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

    /// A page of the Applications that rows ask for, in the order of the rows' ids, starting after
    /// one.
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

    /// What the AppProjects of these users should permit.
    pub fn permitted<'a>(
        &'a self,
        users: &'a BTreeSet<ClusterUserId>,
    ) -> Call<'a, HashMap<ClusterUserId, Permitted>> {
        self.call("permitted", async move { permitted(&self.database.reads(), users.iter()).await })
    }
}
