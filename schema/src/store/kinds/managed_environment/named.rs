//! The environments that deployments name, or whose rows their Applications deploy to.

use std::collections::{BTreeSet, HashMap, HashSet};

use machines::identity::{EnvironmentId, TenantUid};
use machines::kinds::deployment::destination::{Destination, Environments};
use machines::kinds::managed_environment::{
    EnvironmentFact, ManagedEnvironment, UsedEnvironmentFact,
};
use sea_orm::ConnectionTrait;

use super::adoption;
use crate::store::StoreError;
use crate::store::backend::loaded::{BackendLoaded, BackendRequest};
use crate::store::machine_rows::{self, Stepped};

/// A name of environments in a tenant.
type Name = (TenantUid, String);

/// What the deployments of a batch look at: the environments of the names that they know.
#[derive(Debug, Default)]
pub struct NamedEnvironments(HashMap<Name, OfName>);

/// The environments that have a name, or had it. At most one of them has an object.
#[derive(Debug, Default)]
struct OfName {
    machines: Vec<ManagedEnvironment>,
    /// Whether there is one that cannot be read.
    has_unreadable: bool,
    /// The rows of those that only an earlier installation has served.
    unseen: HashSet<EnvironmentId>,
}

impl OfName {
    fn fact(&self) -> EnvironmentFact {
        match EnvironmentFact::of(self.machines.iter()) {
            EnvironmentFact::Missing if self.has_unreadable => EnvironmentFact::Unknown,
            // Its machine learns first whether its object is still there.
            EnvironmentFact::Missing if !self.unseen.is_empty() => EnvironmentFact::UnderWay,
            known => known,
        }
    }

    fn used(&self, row: &EnvironmentId) -> UsedEnvironmentFact {
        // Nothing happens to the Secret of one that cannot be read, or has not been stepped yet.
        let is_left_alone = self.has_unreadable || self.unseen.contains(row);
        let otherwise =
            if is_left_alone { UsedEnvironmentFact::Resolved } else { UsedEnvironmentFact::Gone };
        UsedEnvironmentFact::of(row, &self.machines).unwrap_or(otherwise)
    }
}

impl NamedEnvironments {
    /// What a deployment of a tenant knows that names an environment, if it does, and whose
    /// Application deploys there.
    pub fn facts(
        &self,
        tenant: &TenantUid,
        named: Option<&str>,
        destination: &Destination,
    ) -> Environments {
        let of = |name: &str| self.0.get(&(tenant.clone(), name.to_owned()));
        let named = named.and_then(of).map_or(EnvironmentFact::Missing, OfName::fact);
        let used = match destination {
            Destination::Environment { id, name } => {
                of(name).map_or(UsedEnvironmentFact::Gone, |of_name| of_name.used(id))
            }
            Destination::InCluster {} | Destination::Nowhere { .. } => {
                UsedEnvironmentFact::default()
            }
        };
        Environments { named, used }
    }

    /// Takes over how a batch leaves an environment.
    pub fn note(&mut self, stepped: &Stepped<ManagedEnvironment>) {
        let record = &stepped.after.record;
        let of_name = self.0.entry((record.tenant.clone(), record.name.clone())).or_default();
        of_name.machines.retain(|one| one.record.uid != record.uid);
        if let Some(row) = record.row.as_ref() {
            of_name.unseen.remove(&row.id);
        }
        if !stepped.gone {
            of_name.machines.push(stepped.after.clone());
        }
    }
}

/// The environments that the deployments of a batch look at, once these are loaded.
pub(in crate::store) async fn load(
    tx: &impl ConnectionTrait,
    request: &BackendRequest,
    loaded: &BackendLoaded,
) -> Result<NamedEnvironments, StoreError> {
    let names: Vec<(String, String)> = names(request, loaded).into_iter().collect();
    let mut named = NamedEnvironments::default();
    if names.is_empty() {
        return Ok(named);
    }
    let pair = |(tenant, name): (String, String)| (TenantUid::new(tenant), name);
    for (name, machine) in machine_rows::load_each_named(tx, &names).await? {
        let of_name = named.0.entry(pair(name)).or_default();
        match machine {
            Some(machine) => of_name.machines.push(machine),
            None => of_name.has_unreadable = true,
        }
    }
    for (name, row) in adoption::unseen(tx, &names).await? {
        named.0.entry(pair(name)).or_default().unseen.insert(row);
    }
    Ok(named)
}

/// The names that the batch's deployments know, as (tenant, name).
fn names(request: &BackendRequest, loaded: &BackendLoaded) -> BTreeSet<(String, String)> {
    let of = |tenant: &TenantUid, name: &str| (tenant.as_str().to_owned(), name.to_owned());
    let mut names: BTreeSet<(String, String)> =
        request.named_environments.iter().map(|(tenant, name)| of(tenant, name)).collect();
    let mut tenants = HashMap::new();
    tenants.extend(request.observed.iter().map(|one| (&one.uid, &one.tenant)));
    for (uid, versioned) in &loaded.deployments.known {
        let record = &versioned.machine.record;
        tenants.insert(uid, &record.tenant);
        let used = record.application.as_ref().map(|application| &application.destination);
        let known = [record.spec.environment_name(), used.and_then(Destination::environment_name)];
        names.extend(known.into_iter().flatten().map(|name| of(&record.tenant, name)));
    }
    names.extend(loaded.existing_applications.iter().filter_map(|(uid, existing)| {
        Some(of(tenants.get(uid)?, existing.destination.environment_name()?))
    }));
    names
}
