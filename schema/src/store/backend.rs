//! Batches of the backend: tenants and deployments.

use std::collections::{BTreeSet, HashMap, HashSet};

use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, EnvironmentId, OperationId, TenantUid, Timestamp,
};
use machines::kinds::deployment::removal::RemovalReport;
use machines::kinds::deployment::{Deployment, ExistingApplication, Namesake};
use machines::kinds::tenant::Tenant;
use machines::rows::{OperationState, RowChange};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Asterisk, ExprTrait, Func, LockType, Query};
use sea_orm::{ConnectionTrait, JoinType, QuerySelect};

use crate::entity::{
    application_state, deployment_to_application_mapping as mapping, machine, operation,
};
use crate::store::adoption::{load_existing, load_existing_tenants};
use crate::store::changes::{self};
use crate::store::machine_rows::{self, Machines, Persistent, Stepped, Writes};
use crate::store::{Call, Store, StoreError, in_order};

/// Which machines a batch is about.
#[derive(Clone, Debug, Default)]
pub struct BackendRequest {
    /// Deployments whose objects were observed.
    pub observed: Vec<DeploymentName>,
    /// Deployments that something else concerns.
    pub poked: Vec<DeploymentUid>,
    /// Those of either that Argo CD reported on.
    pub reported: HashSet<DeploymentUid>,
    /// Tenants that something concerns.
    pub tenants: Vec<TenantUid>,
}

/// Who a deployment is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeploymentName {
    /// The object's UID.
    pub uid: DeploymentUid,
    /// The namespace's UID.
    pub tenant: TenantUid,
    /// The object's name.
    pub name: String,
}

/// A batch as it was read.
#[derive(Debug, Default)]
pub struct BackendLoaded {
    /// The deployments that were asked for, as far as they exist.
    pub deployments: Machines<Deployment>,
    /// Every machine of the observed names, those asked for among them.
    pub named: HashMap<(TenantUid, String), Vec<Namesake>>,
    /// The tenants of all of them, as far as they exist.
    pub tenants: Machines<Tenant>,
    /// The state of each deployment's open operation; without a row there is no entry.
    pub operations: HashMap<OperationId, OperationState>,
    /// What Argo CD says of the removals among them.
    pub removals: HashMap<OperationId, RemovalReport>,
    /// Argo CD's reports, in the database's form.
    pub reports: HashMap<DeploymentUid, Vec<u8>>,
    /// Applications that an earlier installation made for deployments that have none yet.
    pub existing_applications: HashMap<DeploymentUid, ExistingApplication>,
    /// Cluster users that it made for tenants that have no rows yet.
    pub existing_users: HashMap<TenantUid, ClusterUserId>,
    /// In-cluster environments that it made for them.
    pub existing_environments: HashMap<TenantUid, EnvironmentId>,
    /// How many machines of any kind those tenants have whose namespace has gone.
    pub children: HashMap<TenantUid, u64>,
}

/// What is to be written of a batch.
#[derive(Debug, Default)]
pub struct BackendChanges {
    /// The tenants that were stepped.
    pub tenants: Vec<Stepped<Tenant>>,
    /// The deployments that were stepped.
    pub deployments: Vec<Stepped<Deployment>>,
    /// Rows of the other tables, in the order of the steps.
    pub rows: Vec<RowChange>,
    /// The applications whose reports were taken in.
    pub read: Vec<ApplicationId>,
}

impl BackendLoaded {
    fn note_names(&mut self, machines: &Machines<Deployment>) {
        for versioned in machines.known.values() {
            let record = &versioned.machine.record;
            let name = (record.tenant.clone(), record.name.clone());
            self.named.entry(name).or_default().push(Namesake::of(&versioned.machine));
        }
    }
}

impl Store {
    /// Loads a batch, lets `decide` step it, and commits what it says.
    ///
    /// Nothing is written where nothing has changed. `decide` runs inside of the transaction and
    /// must not block.
    pub async fn backend_batch<T: Default + Send>(
        &self,
        request: &BackendRequest,
        now: Timestamp,
        decide: impl FnOnce(BackendLoaded) -> (BackendChanges, T) + Send,
    ) -> Result<T, StoreError> {
        let mut result = T::default();
        let decide = |loaded| {
            let (changes, decided) = decide(loaded);
            result = decided;
            changes
        };
        self.commit_backend_batch(request, now, Box::new(decide)).await?;
        Ok(result)
    }

    fn commit_backend_batch<'a>(
        &'a self,
        request: &'a BackendRequest,
        now: Timestamp,
        decide: Box<dyn FnOnce(BackendLoaded) -> BackendChanges + Send + 'a>,
    ) -> Call<'a, ()> {
        self.call("backend_batch", async move {
            let tx = self.begin().await?;
            let (loaded, digests) = load(&tx, request).await?;
            let changes = decide(loaded);
            let mut machines = Writes::default();
            machines.add(&changes.tenants, now)?;
            machines.add(&changes.deployments, now)?;
            if machines.is_empty() && changes.rows.is_empty() && changes.read.is_empty() {
                return Ok(tx.rollback().await?);
            }
            changes::write(&tx, changes.rows, now).await?;
            mark_read(&tx, changes.read, &digests).await?;
            machines.write(&tx).await?;
            Ok(tx.commit().await?)
        })
    }

    /// The newest report of Argo CD on each of these applications, in the database's form.
    pub async fn reports(
        &self,
        applications: impl IntoIterator<Item = &ApplicationId>,
    ) -> Result<HashMap<ApplicationId, Vec<u8>>, StoreError> {
        let ids: Vec<&str> = applications.into_iter().map(ApplicationId::as_str).collect();
        if ids.is_empty() { Ok(HashMap::new()) } else { self.reports_on(ids).await }
    }

    fn reports_on<'a>(&'a self, ids: Vec<&'a str>) -> Call<'a, HashMap<ApplicationId, Vec<u8>>> {
        self.call("reports", async move {
            let rows = application_state::Entity::find()
                .filter(application_state::Column::ApplicationstateApplicationId.is_in(ids))
                .all(&self.database.reads())
                .await?;
            let blob = |row: application_state::Model| {
                let id = ApplicationId::new(row.applicationstate_application_id);
                (id, row.argocd_application_status.unwrap_or_default())
            };
            Ok(rows.into_iter().map(blob).collect())
        })
    }

    /// The deployments with reports that were not taken in.
    pub fn unread(&self) -> Call<'_, Vec<DeploymentUid>> {
        self.call("unread", async move {
            let uids: Vec<String> = mapping::Entity::find()
                .select_only()
                .column(mapping::Column::DeploymenttoapplicationmappingUidId)
                .join(
                    JoinType::InnerJoin,
                    mapping::Entity::belongs_to(application_state::Entity)
                        .from(mapping::Column::ApplicationId)
                        .to(application_state::Column::ApplicationstateApplicationId)
                        .into(),
                )
                // Bare, as the partial index says it.
                .filter(application_state::Column::Unread.into_expr())
                .into_tuple()
                .all(&self.database.reads())
                .await?;
            Ok(uids.into_iter().map(DeploymentUid::new).collect())
        })
    }
}

/// The digests of the reports that a batch has read, by application; empty where a report has none.
type Digests = HashMap<ApplicationId, String>;

/// Marks the reports on these applications as read, but for those that the agent has replaced since
/// they were read.
async fn mark_read(
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
    // SQLite compares rows of values with a subquery only, so the pairs are one.
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

async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
) -> Result<(BackendLoaded, Digests), StoreError> {
    let mut loaded = BackendLoaded::default();
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
    load_namesakes_of_waiting(tx, &mut loaded).await?;
    load_tenants(tx, request, &mut loaded).await?;
    load_operations(tx, &mut loaded).await?;
    let digests = load_reports(tx, request, &mut loaded).await?;
    load_existing(tx, request, &mut loaded).await?;
    Ok((loaded, digests))
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

async fn load_tenants(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let mut wanted: HashSet<&TenantUid> = request.tenants.iter().collect();
    wanted.extend(request.observed.iter().map(|one| &one.tenant));
    let known = loaded.deployments.known.values();
    wanted.extend(known.map(|versioned| &versioned.machine.record.tenant));
    loaded.tenants = machine_rows::load::<Tenant>(tx, wanted.iter().copied()).await?;
    let unknown: Vec<String> = wanted
        .iter()
        .filter(|tenant| {
            let known = loaded.tenants.known.get(*tenant);
            known.is_none_or(|known| known.machine.record.rows.is_none())
        })
        .map(|tenant| tenant.as_str().to_owned())
        .collect();
    if !unknown.is_empty() {
        load_existing_tenants(tx, unknown, loaded).await?;
    }
    let emptying: Vec<&str> = loaded
        .tenants
        .known
        .iter()
        .filter(|(_, tenant)| tenant.machine.counts_children())
        .map(|(uid, _)| uid.as_str())
        .collect();
    if !emptying.is_empty() {
        loaded.children = count_children(tx, emptying).await?;
    }
    Ok(())
}

async fn count_children(
    tx: &impl ConnectionTrait,
    tenants: Vec<&str>,
) -> Result<HashMap<TenantUid, u64>, StoreError> {
    let mut counts: HashMap<TenantUid, u64> =
        tenants.iter().map(|tenant| (TenantUid::new(*tenant), 0)).collect();
    let rows: Vec<(String, i64)> = machine::Entity::find()
        .select_only()
        .column(machine::Column::TenantUid)
        .column_as(machine::Column::Key.count(), "children")
        .filter(machine::Column::Kind.ne(Tenant::KIND))
        .filter(machine::Column::TenantUid.is_in(tenants))
        .group_by(machine::Column::TenantUid)
        .into_tuple()
        .all(tx)
        .await?;
    for (tenant, count) in rows {
        counts.insert(TenantUid::new(tenant), u64::try_from(count).unwrap_or_default());
    }
    Ok(counts)
}

async fn load_operations(
    tx: &impl ConnectionTrait,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let open: Vec<&str> = loaded
        .deployments
        .known
        .values()
        .filter_map(|versioned| versioned.machine.record.open.as_ref())
        .map(|open| open.id.as_str())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let rows = operation::Entity::find()
        .filter(operation::Column::OperationId.is_in(open))
        .all(tx)
        .await?;
    for row in rows {
        let (state, removal) = (row.progress(), row.removal());
        let id = OperationId::new(row.operation_id);
        if let Some(removal) = removal {
            loaded.removals.insert(id.clone(), removal);
        }
        loaded.operations.insert(id, state);
    }
    Ok(())
}

async fn load_reports(
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
    // Not locked, because the batch may lock applications later and those come first; `mark_read`
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
