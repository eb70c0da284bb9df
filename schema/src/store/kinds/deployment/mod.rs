//! Deployments: their machines, and what a batch loads and marks of them.

pub(in crate::store) mod applications;

use std::collections::{BTreeSet, HashMap};

use machines::identity::{ApplicationId, DeploymentUid};
use machines::kinds::deployment::{Deployment, PersistedDeployment};
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, Func, LockType, Query};

use crate::entity::application_state;
use crate::store::StoreError;
use crate::store::backend::loaded::{BackendLoaded, BackendRequest};
use crate::store::machine_rows::{self, Persistent};
use crate::store::statements::in_order;

impl Persistent for Deployment {
    type Key = DeploymentUid;
    const KIND: &'static str = "Deployment";
    type Persisted = PersistedDeployment;

    fn key(&self) -> DeploymentUid {
        self.record.uid.clone()
    }
    fn parse_key(text: String) -> DeploymentUid {
        DeploymentUid::new(text)
    }
    fn key_text(key: &DeploymentUid) -> &str {
        key.as_str()
    }
    fn tenant(&self) -> &str {
        self.record.tenant.as_str()
    }
    fn namespace(&self) -> &str {
        &self.record.namespace
    }
    fn name(&self) -> &str {
        &self.record.name
    }
    fn has_obligations(&self) -> bool {
        // The style decides what a status says, not whether one is required.
        !self.obligations(Default::default()).is_empty()
    }
    fn generation(&self) -> i64 {
        self.record.generation.0
    }
    fn refers_to(&self) -> Option<&str> {
        self.environment_name()
    }
}

/// The deployments that a batch is about, and their namesakes.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let names: BTreeSet<(String, String)> = request
        .observed
        .iter()
        .map(|one| (one.tenant.as_str().to_owned(), one.name.clone()))
        .collect();
    let names: Vec<_> = names.into_iter().collect();
    let observed = machine_rows::load_named::<Deployment>(tx, &names).await?;
    loaded.note_names(&observed);
    loaded.deployments = observed;
    let missing = request.poked.iter().filter(|uid| !loaded.deployments.contains(uid));
    let poked = machine_rows::load::<Deployment>(tx, missing).await?;
    loaded.deployments.extend(poked);
    load_namesakes_of_waiting(tx, loaded).await
}

/// A deployment that waits for its predecessor must learn whether that is still there, whatever
/// woke it.
async fn load_namesakes_of_waiting(
    tx: &impl ConnectionTrait,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let names: Vec<(String, String)> = loaded
        .deployments
        .known
        .values()
        .filter(|versioned| versioned.machine.may_resolve())
        .map(|versioned| &versioned.machine.record)
        .filter(|record| !loaded.named.contains_key(&(record.tenant.clone(), record.name.clone())))
        .map(|record| (record.tenant.as_str().to_owned(), record.name.clone()))
        .collect();
    let namesakes = machine_rows::load_named::<Deployment>(tx, &names).await?;
    loaded.note_names(&namesakes);
    Ok(())
}

pub(in crate::store) async fn load_reports(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<Digests, StoreError> {
    let applications: HashMap<&str, &DeploymentUid> = request
        .reported
        .iter()
        .filter_map(|uid| {
            let record = &loaded.deployments.known.get(uid)?.machine.record;
            Some((record.application.as_ref()?.id.as_str(), uid))
        })
        .collect();
    if applications.is_empty() {
        return Ok(Digests::new());
    }
    // Not locked, because the batch may later lock applications, which come first; `mark_read`
    // knows by the digest whether the report is still the one that was read.
    let rows = application_state::Entity::find()
        .filter(
            application_state::Column::ApplicationstateApplicationId
                .is_in(applications.keys().copied()),
        )
        .all(tx)
        .await?;
    let mut digests = Digests::new();
    let mut reports = HashMap::new();
    for row in rows {
        let id = ApplicationId::new(row.applicationstate_application_id);
        if let Some(uid) = applications.get(id.as_str()) {
            reports.insert((*uid).clone(), row.argocd_application_status.unwrap_or_default());
        }
        digests.insert(id, row.digest.unwrap_or_default());
    }
    loaded.reports = reports;
    Ok(digests)
}

/// The digests of the reports that a batch has read, by application; empty where a report has none.
pub(in crate::store) type Digests = HashMap<ApplicationId, String>;

/// Marks the reports on these applications as read, except for those that the agent has replaced
/// since they were read.
pub(in crate::store) async fn mark_read(
    tx: &impl ConnectionTrait,
    applications: Vec<ApplicationId>,
    digests: &Digests,
) -> Result<(), StoreError> {
    use application_state::{Column, Entity};
    let read: Vec<(String, String)> = applications
        .into_iter()
        .filter_map(|id| {
            let digest = digests.get(&id)?.clone();
            Some((id.into_string(), digest))
        })
        .collect();
    if read.is_empty() {
        return Ok(());
    }
    // SQLite compares row values only with a subquery, so the pairs are one.
    let read = Query::select().column(Asterisk).from_values(read, Alias::new("read")).to_owned();
    let id = Expr::col(Column::ApplicationstateApplicationId);
    let digest = Func::coalesce([Expr::col(Column::Digest), Expr::value("")]);
    let unchanged = Entity::find().filter(Expr::tuple([id, digest.into()]).in_subquery(read));
    let key = Column::ApplicationstateApplicationId;
    Entity::update_many()
        .col_expr(Column::Unread, Expr::value(false))
        .filter(key.in_subquery(in_order(key, unchanged, LockType::NoKeyUpdate)))
        .exec(tx)
        .await?;
    Ok(())
}
