//! What the backend has seen of the cluster and knows of its machines: small, in memory, rebuilt
//! at each start.

use std::collections::{HashMap, HashSet};

use crds::{GitOpsDeployment, GitOpsDeploymentCondition};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use machines::identity::{DeploymentUid, Digest, Revision, TenantUid};
use machines::kinds::deployment::Snapshot;

use crate::backend::observations::{Key, NamespaceObservation, ObjectObservation, Observations};
use crate::backend::observe;
use crate::backend::ownership::{Ownership, Question};
use crate::runtime::sightings::{Asked, Sightings};
use crate::runtime::watch::Seen;

/// Observations on their way to the inbox: whose turn it is, which machine, and what was observed.
pub type Delivery = (String, Key, Observations);

/// The revision of a list: whatever it does not hold does not exist, however new.
const LISTED: Revision = Revision(u64::MAX);

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
    /// Whether it was certain whose it is when it was taken in.
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
    /// Digest of what was last delivered of it.
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
pub enum Standing {
    /// Nothing yet: the program has just begun, and not every namespace has been seen.
    Unknown,
    /// It exists.
    Alive,
    /// It is being deleted.
    Terminating,
    /// It does not exist, or another one has its name by now.
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

    /// Notes that a machine has gone; returns those that may have waited for it.
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

    /// Notes that a tenant has a machine; returns what was seen of its namespace before that, when
    /// there was nobody to tell.
    pub fn note_tenant(&mut self, tenant: &TenantUid, namespace: &str) -> Option<Delivery> {
        if !self.tenants.insert(tenant.clone()) {
            return None;
        }
        match self.standing(tenant, namespace) {
            Standing::Unknown | Standing::Alive => None,
            Standing::Terminating => {
                let note = NamespaceObservation::Present { terminating: true };
                Some(tenant_note(tenant.clone(), note))
            }
            Standing::Gone => Some(tenant_note(tenant.clone(), NamespaceObservation::Absent)),
        }
    }

    /// Notes that a tenant's machine has gone.
    pub fn forget_tenant(&mut self, tenant: &TenantUid) {
        self.tenants.remove(tenant);
    }

    /// Every deployment, to be told the same; also those whose machine is only now being made.
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

    /// Where a deployment's object is, and what is remembered of it; `None` when it has gone.
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
    pub fn standing(&self, tenant: &TenantUid, namespace: &str) -> Standing {
        match self.namespaces.get(namespace) {
            Some(entry) if entry.uid != *tenant => Standing::Gone,
            Some(entry) if entry.terminating => Standing::Terminating,
            Some(_) => Standing::Alive,
            None if self.namespaces_seen.is_complete() => Standing::Gone,
            None => Standing::Unknown,
        }
    }

    /// Takes in what the watch of GitOpsDeployments tells.
    pub fn deployment_seen(&mut self, seen: Seen<GitOpsDeployment>) -> Vec<Delivery> {
        let listed = self.objects_seen.note(&seen, |metadata| {
            Some(DeploymentUid::new(metadata.uid.clone().unwrap_or_default()))
        });
        match seen {
            Seen::Restarted => {
                self.ownership.clear();
                Vec::new()
            }
            Seen::Present(object) => self.object_present(object),
            Seen::Gone(gone) => {
                let uid = DeploymentUid::new(gone.uid);
                self.ownership.forget(&gone.namespace, &uid);
                self.object_gone(&uid, gone.revision).into_iter().collect()
            }
            // It exists: whatever was done for it stays.
            Seen::Malformed(_) => Vec::new(),
            Seen::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<DeploymentUid> =
                    self.deployments.keys().filter(|uid| listed.lacks(uid)).cloned().collect();
                let gone = missing.iter().filter_map(|uid| self.object_gone(uid, LISTED));
                let mut deliveries: Vec<Delivery> = gone.collect();
                // Now that the list is complete one object may prove whose another one is.
                let ownership = self.ownership.take_all();
                deliveries.extend(self.arrivals_present(ownership));
                deliveries
            }
        }
    }

    /// To be kept from before a write of an object until [`Self::object_written`].
    pub fn ask(&self) -> Asked {
        self.objects_seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn object_written(&mut self, written: GitOpsDeployment, asked: Asked) -> Vec<Delivery> {
        if self.objects_seen.is_news(&written, asked) {
            self.object_present(written)
        } else {
            Vec::new()
        }
    }

    /// Questions that are to be asked now, at most so many.
    pub fn questions(&mut self, limit: usize) -> Vec<Question> {
        // What a list shows is held until it is complete.
        if self.objects_seen.is_listing() {
            return Vec::new();
        }
        let namespaces = &self.namespaces;
        // What appears in a terminating namespace waits for the next one.
        let is_known = |name: &str| namespaces.get(name).is_some_and(|one| !one.terminating);
        self.ownership.questions(limit, is_known)
    }

    /// Takes in the answer to a question. Where it is not what the watch of Namespaces has told,
    /// that watch is behind, and will ask anew by what it tells next.
    pub fn question_answered(
        &mut self,
        question: &Question,
        answer: Option<&TenantUid>,
    ) -> Vec<Delivery> {
        self.ownership.settle(question);
        if answer.is_none() || self.namespace_uid(&question.namespace) != answer {
            return Vec::new();
        }
        let asked = self.ownership.take_asked(question);
        let mut deliveries: Vec<Delivery> =
            asked.into_iter().flat_map(|object| self.take_in(object, true)).collect();
        // Those that came meanwhile may be proven by those.
        let ownership = self.ownership.take(&question.namespace);
        deliveries.extend(self.arrivals_present(ownership));
        deliveries
    }

    /// Looks once more at objects that waited.
    fn arrivals_present(&mut self, ownership: Vec<GitOpsDeployment>) -> Vec<Delivery> {
        ownership.into_iter().flat_map(|object| self.object_present(object)).collect()
    }

    fn object_present(&mut self, object: GitOpsDeployment) -> Vec<Delivery> {
        self.take_in(object, false)
    }

    /// Whose an object is that exists; nobody's as long as that is not certain. What the API server
    /// has answered about its namespace after it was seen is proof, see [`ownership`].
    ///
    /// [`ownership`]: crate::backend::ownership
    fn owner(
        &self,
        uid: &DeploymentUid,
        namespace: &str,
        is_deleting: bool,
        is_answered: bool,
    ) -> Option<TenantUid> {
        let space = self.namespaces.get(namespace)?;
        if let Some(known) = self.deployments.get(uid) {
            return Some(known.tenant.clone());
        }
        if is_deleting {
            // It is only let go, whoever it belongs to.
            return Some(space.uid.clone());
        }
        // Nothing can be created in a terminating namespace: what appears there is of the old one
        // and is deleted with it in a moment, or is of the next one of the same name, of which
        // this watch is ahead of the namespaces' watch.
        let is_home =
            !self.objects_seen.is_listing() && self.ownership.is_home_of(namespace, &space.uid);
        (!space.terminating && (is_answered || is_home)).then(|| space.uid.clone())
    }

    fn take_in(&mut self, object: GitOpsDeployment, is_answered: bool) -> Vec<Delivery> {
        let (Some(uid), Some(namespace)) = (object.uid(), object.namespace()) else {
            return Vec::new();
        };
        let uid = DeploymentUid::new(uid);
        let is_deleting = object.metadata.deletion_timestamp.is_some();
        let Some(tenant) = self.owner(&uid, &namespace, is_deleting, is_answered) else {
            self.ownership.hold(namespace, uid, object);
            return Vec::new();
        };
        self.ownership.forget(&namespace, &uid);
        let name = object.name_any();
        let snapshot = observe::snapshot(&object);
        let delivered = delivery_digest(&snapshot);
        let known = self.deployments.get(&uid).and_then(|known| known.object.as_ref());
        if known.is_some_and(|known| snapshot.revision < known.revision) {
            return Vec::new();
        }
        let is_news = known.is_none_or(|known| known.delivered != delivered);
        // Also what is no news to the machine is remembered: the next write builds on it.
        self.remember(&uid, &tenant, &namespace, &name, object, &snapshot, delivered);
        if !is_news {
            return Vec::new();
        }
        let note = ObjectObservation::Present {
            tenant: tenant.clone(),
            namespace,
            name,
            snapshot: Box::new(snapshot),
        };
        vec![deployment(&tenant, &uid, Observations::object(note))]
    }

    #[expect(clippy::too_many_arguments, reason = "it is one assignment, in a place of its own")]
    fn remember(
        &mut self,
        uid: &DeploymentUid,
        tenant: &TenantUid,
        namespace: &str,
        name: &str,
        object: GitOpsDeployment,
        snapshot: &Snapshot,
        delivered: Digest,
    ) {
        let entry = self.deployments.entry(uid.clone()).or_insert_with(|| DeploymentEntry {
            tenant: tenant.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object: None,
            machine: false,
            // One that is only let go is given to whoever seems to be there.
            is_certain: object.metadata.deletion_timestamp.is_none(),
        });
        if entry.object.is_none() && entry.is_certain {
            self.ownership.moved_in(namespace, &entry.tenant);
        }
        entry.object = Some(ObjectEntry {
            revision: snapshot.revision,
            finalizers: object.metadata.finalizers.unwrap_or_default(),
            has_status: object.status.is_some(),
            conditions: object.status.unwrap_or_default().conditions,
            delivered,
        });
        self.by_name
            .entry((namespace.to_owned(), name.to_owned()))
            .or_default()
            .insert(uid.clone());
    }

    /// Takes in that no object has this UID.
    pub fn object_gone(&mut self, uid: &DeploymentUid, as_of: Revision) -> Option<Delivery> {
        let entry = self.deployments.get_mut(uid)?;
        let tenant = entry.tenant.clone();
        if entry.object.take().is_some() && entry.is_certain {
            self.ownership.moved_out(&entry.namespace, &tenant);
        }
        if !entry.machine {
            self.remove(uid);
        }
        // Told even where no machine is known: its first step may be under way.
        Some(deployment(&tenant, uid, Observations::object(ObjectObservation::Absent { as_of })))
    }

    fn remove(&mut self, uid: &DeploymentUid) {
        let Some(entry) = self.deployments.remove(uid) else { return };
        let name = (entry.namespace, entry.name);
        if let Some(uids) = self.by_name.get_mut(&name) {
            uids.remove(uid);
            if uids.is_empty() {
                self.by_name.remove(&name);
            }
        }
    }

    /// Takes in what the watch of Namespaces tells.
    pub fn namespace_seen(&mut self, seen: Seen<Namespace>) -> Vec<Delivery> {
        let was_complete = self.namespaces_seen.is_complete();
        let listed = self
            .namespaces_seen
            .note(&seen, |metadata| Some(TenantUid::new(metadata.uid.clone().unwrap_or_default())));
        match seen {
            Seen::Restarted => Vec::new(),
            Seen::Present(namespace) => self.namespace_present(&namespace.metadata),
            // What is of interest of it is in its metadata.
            Seen::Malformed(metadata) => self.namespace_present(&metadata),
            Seen::Gone(gone) => {
                let uid = TenantUid::new(gone.uid);
                self.namespaces.retain(|_, entry| entry.uid != uid);
                self.namespace_gone(uid).into_iter().collect()
            }
            Seen::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                self.namespaces.retain(|_, entry| !listed.lacks(&entry.uid));
                let missing: Vec<TenantUid> =
                    self.tenants.iter().filter(|uid| listed.lacks(uid)).cloned().collect();
                let mut deliveries: Vec<Delivery> =
                    missing.into_iter().filter_map(|uid| self.namespace_gone(uid)).collect();
                if !was_complete {
                    // Whoever was woken before could not know how its namespace stands.
                    deliveries.extend(self.tell_all(&Observations::facts()));
                }
                deliveries
            }
        }
    }

    fn namespace_present(&mut self, metadata: &ObjectMeta) -> Vec<Delivery> {
        let uid = TenantUid::new(metadata.uid.clone().unwrap_or_default());
        let terminating = metadata.deletion_timestamp.is_some();
        let name = metadata.name.clone().unwrap_or_default();
        let entry = NamespaceEntry { uid: uid.clone(), terminating };
        let before = self.namespaces.insert(name.clone(), entry);
        let mut deliveries = Vec::new();
        if let Some(before) = before.as_ref().filter(|before| before.uid != uid) {
            deliveries.extend(self.namespace_gone(before.uid.clone()));
        }
        let changed =
            before.is_none_or(|before| before.uid != uid || before.terminating != terminating);
        if changed && self.tenants.contains(&uid) {
            let note = NamespaceObservation::Present { terminating };
            deliveries.push(tenant_note(uid, note));
        }
        if changed {
            let ownership = self.ownership.take(&name);
            deliveries.extend(self.arrivals_present(ownership));
        }
        deliveries
    }

    fn namespace_gone(&self, uid: TenantUid) -> Option<Delivery> {
        self.tenants.contains(&uid).then(|| tenant_note(uid, NamespaceObservation::Absent))
    }
}

fn tenant_note(tenant: TenantUid, note: NamespaceObservation) -> Delivery {
    (tenant.as_str().to_owned(), Key::Tenant(tenant), Observations::namespace(note))
}

fn deployment(tenant: &TenantUid, uid: &DeploymentUid, observations: Observations) -> Delivery {
    (tenant.as_str().to_owned(), Key::Deployment(uid.clone()), observations)
}

/// Digests everything of a snapshot but its revision: two that differ in nothing else say the
/// same.
fn delivery_digest(snapshot: &Snapshot) -> Digest {
    let Snapshot {
        revision: _,
        generation,
        deleting,
        finalizer,
        spec,
        observed_generation,
        conditions,
        mirrored,
    } = snapshot;
    let seen = (generation, deleting, finalizer, spec, observed_generation, conditions, mirrored);
    Digest::of(&seen)
}

#[cfg(test)]
mod tests;
