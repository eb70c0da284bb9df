//! Managed environments: their machines, and what a batch loads of them; in [`named`] what deployments
//! look at.

pub(in crate::store) mod access;
pub(in crate::store) mod adoption;
pub(in crate::store) mod named;
pub(in crate::store) mod opening;
pub(in crate::store) mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use adoption::AdoptedEnvironmentRow;
use machines::identity::{DeploymentUid, EnvironmentId, TenantUid};
use machines::kinds::deployment::Deployment;
use machines::kinds::deployment::destination::EnvironmentUse;
use machines::kinds::managed_environment::{
    EnvironmentUid, ManagedEnvironment, PersistedEnvironment,
};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, JoinType, QueryOrder, QuerySelect};

use crate::entity::{
    application, deployment_to_application_mapping as mapping, machine, managed_environment,
};
use crate::store::StoreError;
use crate::store::backend::loaded::{
    BackendLoaded, BackendRequest, DeploymentName, EnvironmentUsers,
};
use crate::store::machine_rows::{self, Persistent};
use crate::store::reports::to_mapping;

impl Persistent for ManagedEnvironment {
    type Key = EnvironmentUid;
    const KIND: &'static str = "ManagedEnvironment";
    type Persisted = PersistedEnvironment;

    fn key(&self) -> EnvironmentUid {
        self.record.uid.clone()
    }
    fn parse_key(text: String) -> EnvironmentUid {
        EnvironmentUid::new(text)
    }
    fn key_text(key: &EnvironmentUid) -> &str {
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
        self.record.spec.secret_name()
    }
}

/// How the paths of deployments begin that are being removed.
const TERMINATING: &str = "Terminating/";

/// The environments that a batch is about, the rows that they may take over, and who uses those that
/// leave.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let environments = &request.environments;
    loaded.environments = machine_rows::load(tx, environments).await?;
    let machines = &loaded.environments;
    let unseen = environments.iter().filter(|uid| !machines.contains(uid));
    let without = machines.known.iter().filter(|(_, versioned)| versioned.machine.may_adopt());
    let without = unseen.chain(without.map(|(uid, _)| uid));
    let without: BTreeSet<&str> = without.map(EnvironmentUid::as_str).collect();
    if !without.is_empty() {
        loaded.adopted_environments = adoption::existing(tx, without).await?;
    }
    load_emptied(tx, request, loaded).await?;
    load_users(tx, request, loaded).await
}

/// Those of the checked ones of which something that was sealed is gone.
async fn load_emptied(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let written = request.checked_environments.iter().filter_map(|uid| {
        let machine = &loaded.environments.known.get(uid)?.machine;
        let row = machine.record.row.as_ref().filter(|row| row.written.is_some())?;
        Some((row.id.as_str(), uid))
    });
    let written: BTreeMap<&str, &EnvironmentUid> = written.collect();
    if written.is_empty() {
        return Ok(());
    }
    let id = managed_environment::Column::ManagedenvironmentId;
    let rows = id.is_in(written.keys().copied());
    let stored = opening::load_environments(tx, rows).await?;
    let emptied = stored.iter().filter(|(_, stored)| stored.is_emptied());
    let emptied = emptied.filter_map(|(id, _)| written.get(id.as_str()).copied().cloned());
    loaded.emptied_environments = emptied.collect();
    Ok(())
}

/// The deployments that use an environment that leaves: as many as its tenant has.
async fn load_users(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &mut BackendLoaded,
) -> Result<(), StoreError> {
    let leaving = request.environments.iter().filter_map(|uid| {
        let machine = loaded.environments.known.get(uid).map(|versioned| &versioned.machine);
        let leaves = request.leaving_environments.contains(uid)
            || machine.is_some_and(ManagedEnvironment::needs_usage);
        Some(uid).filter(|_| leaves).and_then(|uid| Some((uid, Leaving::of(uid, loaded)?)))
    });
    let leaving: HashMap<EnvironmentUid, Leaving> =
        leaving.map(|(uid, one)| (uid.clone(), one)).collect();
    if leaving.is_empty() {
        return Ok(());
    }
    let mut users: HashMap<EnvironmentUid, EnvironmentUsers> = HashMap::new();
    load_removed(tx, &leaving, &mut users).await?;
    load_served(tx, &leaving, &mut users).await?;
    loaded.environment_users = users;
    Ok(())
}

/// An environment that leaves.
struct Leaving {
    tenant: TenantUid,
    name: String,
    row: EnvironmentId,
}

impl Leaving {
    /// `None` if it has no row, which nobody can use.
    fn of(uid: &EnvironmentUid, loaded: &BackendLoaded) -> Option<Self> {
        let known = loaded.environments.known.get(uid).map(|known| &known.machine.record);
        if let Some(record) = known
            && let Some(row) = &record.row
        {
            let (tenant, name) = (record.tenant.clone(), record.name.clone());
            return Some(Self { tenant, name, row: row.id.clone() });
        }
        let AdoptedEnvironmentRow { object, row } = loaded.adopted_environments.get(uid)?;
        let (tenant, name) = (object.tenant.clone(), object.name.clone());
        Some(Self { tenant, name, row: row.id.clone() })
    }
}

/// Those that are being removed, of which there may be no rows any longer.
async fn load_removed(
    tx: &impl ConnectionTrait,
    leaving: &HashMap<EnvironmentUid, Leaving>,
    users: &mut HashMap<EnvironmentUid, EnvironmentUsers>,
) -> Result<(), StoreError> {
    let name = |one: &Leaving| (one.tenant.as_str().to_owned(), one.name.clone());
    let names: Vec<(String, String)> = leaving.values().map(name).collect();
    let column = machine::Column::RefersTo;
    let referring =
        machine_rows::load_by_and_path::<Deployment>(tx, column, &names, TERMINATING).await?;
    let mut referring: Vec<Deployment> =
        referring.known.into_values().map(|versioned| versioned.machine).collect();
    referring.sort_unstable_by(|one, other| one.record.uid.cmp(&other.record.uid));
    for (environment, one) in leaving {
        let removed = referring
            .iter()
            .filter(|deployment| deployment.use_of(&one.row) == Some(EnvironmentUse::Removed));
        let removed: Vec<DeploymentName> = removed.map(DeploymentName::of).collect();
        if !removed.is_empty() {
            users.entry(environment.clone()).or_default().removed = removed;
        }
    }
    Ok(())
}

/// Those whose rows name it, but for those that are being removed.
async fn load_served(
    tx: &impl ConnectionTrait,
    leaving: &HashMap<EnvironmentUid, Leaving>,
    users: &mut HashMap<EnvironmentUid, EnvironmentUsers>,
) -> Result<(), StoreError> {
    let by_row: HashMap<&str, &EnvironmentUid> =
        leaving.iter().map(|(uid, one)| (one.row.as_str(), uid)).collect();
    let rows: Vec<(String, String, Option<String>, Option<String>)> = application::Entity::find()
        .select_only()
        .column(application::Column::ManagedEnvironmentId)
        .column(mapping::Column::DeploymenttoapplicationmappingUidId)
        .column(mapping::Column::NamespaceUid)
        .column(mapping::Column::Name)
        .join(JoinType::InnerJoin, to_mapping())
        .filter(application::Column::ManagedEnvironmentId.is_in(by_row.keys().copied()))
        .order_by_asc(mapping::Column::DeploymenttoapplicationmappingUidId)
        .into_tuple()
        .all(tx)
        .await?;
    for (environment, uid, tenant, name) in rows {
        let Some(environment) = by_row.get(environment.as_str()) else { continue };
        let users = users.entry((*environment).clone()).or_default();
        let deployment = DeploymentName {
            uid: DeploymentUid::new(uid),
            tenant: TenantUid::new(tenant.unwrap_or_default()),
            name: name.unwrap_or_default(),
        };
        if !users.removed.contains(&deployment) {
            users.served.push(deployment);
        }
    }
    Ok(())
}
