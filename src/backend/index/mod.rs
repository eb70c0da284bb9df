//! What the backend has seen of the cluster and knows of its machines: small, in memory, rebuilt
//! at each start.

mod deployments;
mod namespaces;

use std::collections::{HashMap, HashSet};

use crds::GitOpsDeploymentCondition;
use machines::identity::{DeploymentUid, Digest, Revision, TenantUid};

use crate::backend::observations::{Key, NamespaceObservation, Observations};
use crate::backend::ownership::Ownership;
use crate::runtime::sightings::Sightings;

/// Observations on their way to the inbox: whose turn it takes, which machine, and what was
/// observed.
pub type Delivery = (String, Key, Observations);

/// See the module.
#[derive(Debug, Default)]
pub struct Index {
    namespaces: HashMap<String, NamespaceEntry>,
    /// Tenants that have machines.
    tenants: HashSet<TenantUid>,
    deployments: HashMap<DeploymentUid, DeploymentEntry>,
    by_name: HashMap<(String, String), HashSet<DeploymentUid>>,
    /// Objects whose tenant is not certain yet.
    ownership: Ownership,
    /// What the watch of GitOpsDeployments has shown.
    objects_seen: Sightings<DeploymentUid>,
    /// What the watch of Namespaces has shown.
    namespaces_seen: Sightings<TenantUid>,
}

#[derive(Clone, Debug)]
struct NamespaceEntry {
    uid: TenantUid,
    terminating: bool,
}

#[derive(Debug)]
struct DeploymentEntry {
    tenant: TenantUid,
    namespace: String,
    name: String,
    /// The object, while it exists.
    object: Option<ObjectEntry>,
    /// Whether there is a machine.
    machine: bool,
    /// Whether its owner was certain when it was taken in.
    is_certain: bool,
}

/// What is remembered of an object, for writing to it.
#[derive(Clone, Debug, Default)]
pub struct ObjectEntry {
    /// Its revision.
    pub revision: Revision,
    /// Its conditions, with their times.
    pub conditions: Vec<GitOpsDeploymentCondition>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Whether it has a status at all.
    pub has_status: bool,
    /// Digest of what was last delivered about it.
    delivered: Digest,
}

/// Where a deployment's object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is known of a tenant's namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespacePhase {
    /// Nothing yet: the program has just started, and not every namespace has been seen.
    Unknown,
    /// It exists.
    Alive,
    /// It is being deleted.
    Terminating,
    /// It does not exist, or another one has its name now.
    Gone,
}

impl Index {
    /// Notes that a machine exists.
    pub fn note_deployment(&mut self, uid: &DeploymentUid, tenant: TenantUid, place: Place) {
        let Place { namespace, name } = place;
        self.by_name.entry((namespace.clone(), name.clone())).or_default().insert(uid.clone());
        let entry = self.deployments.entry(uid.clone()).or_insert_with(|| DeploymentEntry {
            tenant,
            namespace,
            name,
            object: None,
            machine: false,
            is_certain: true,
        });
        entry.machine = true;
    }

    /// Notes that a machine is gone; returns those that may have waited for it.
    pub fn forget_deployment(&mut self, uid: &DeploymentUid) -> Vec<Delivery> {
        let Some(entry) = self.deployments.get_mut(uid) else { return Vec::new() };
        entry.machine = false;
        let tenant = entry.tenant.clone();
        let name = (entry.namespace.clone(), entry.name.clone());
        let forgotten = entry.object.is_none();
        if forgotten {
            self.remove(uid);
        }
        let mut deliveries: Vec<Delivery> = Vec::new();
        for other in self.by_name.get(&name).into_iter().flatten() {
            if other != uid {
                deliveries.push(deployment(&tenant, other, Observations::facts()));
            }
        }
        deliveries.push((
            tenant.as_str().to_owned(),
            Key::Tenant(tenant.clone()),
            Observations::facts(),
        ));
        deliveries
    }

    /// Notes that a tenant has a machine; returns what was seen of its namespace earlier, when no
    /// machine could be notified.
    pub fn note_tenant(&mut self, tenant: &TenantUid, namespace: &str) -> Option<Delivery> {
        if !self.tenants.insert(tenant.clone()) {
            return None;
        }
        match self.namespace_phase(tenant, namespace) {
            NamespacePhase::Unknown | NamespacePhase::Alive => None,
            NamespacePhase::Terminating => {
                let note = NamespaceObservation::Present { terminating: true };
                Some(tenant_note(tenant.clone(), note))
            }
            NamespacePhase::Gone => Some(tenant_note(tenant.clone(), NamespaceObservation::Absent)),
        }
    }

    /// Notes that a tenant's machine is gone.
    pub fn forget_tenant(&mut self, tenant: &TenantUid) {
        self.tenants.remove(tenant);
    }

    /// Every deployment, to be notified of the same; also those whose machine is just being
    /// created.
    pub fn tell_all(&self, observations: &Observations) -> Vec<Delivery> {
        self.deployments
            .iter()
            .map(|(uid, entry)| deployment(&entry.tenant, uid, observations.clone()))
            .collect()
    }

    /// The tenant of a deployment, as far as it is known.
    pub fn tenant_of(&self, uid: &DeploymentUid) -> Option<&TenantUid> {
        self.deployments.get(uid).map(|entry| &entry.tenant)
    }

    /// Where a deployment's object is, and what is remembered of it; `None` when it is gone.
    pub fn object(&self, uid: &DeploymentUid) -> Option<(Place, ObjectEntry)> {
        let entry = self.deployments.get(uid)?;
        let place = Place { namespace: entry.namespace.clone(), name: entry.name.clone() };
        Some((place, entry.object.clone()?))
    }

    /// The UID of a namespace.
    pub fn namespace_uid(&self, name: &str) -> Option<&TenantUid> {
        self.namespaces.get(name).map(|entry| &entry.uid)
    }

    /// What is known of the namespace of a tenant.
    pub fn namespace_phase(&self, tenant: &TenantUid, namespace: &str) -> NamespacePhase {
        match self.namespaces.get(namespace) {
            Some(entry) if entry.uid != *tenant => NamespacePhase::Gone,
            Some(entry) if entry.terminating => NamespacePhase::Terminating,
            Some(_) => NamespacePhase::Alive,
            None if self.namespaces_seen.is_complete() => NamespacePhase::Gone,
            None => NamespacePhase::Unknown,
        }
    }
}

fn tenant_note(tenant: TenantUid, note: NamespaceObservation) -> Delivery {
    (tenant.as_str().to_owned(), Key::Tenant(tenant), Observations::namespace(note))
}

fn deployment(tenant: &TenantUid, uid: &DeploymentUid, observations: Observations) -> Delivery {
    (tenant.as_str().to_owned(), Key::Deployment(uid.clone()), observations)
}

#[cfg(test)]
mod tests;
