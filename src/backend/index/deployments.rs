//! What the watch of GitOpsDeployments shows, and the answers to writes.

use crds::GitOpsDeployment;
use kube::ResourceExt;
use machines::identity::{DeploymentUid, Digest, Revision, TenantUid};
use machines::kinds::deployment::Snapshot;

use super::{Delivery, DeploymentEntry, Index, ObjectEntry, deployment};
use crate::backend::kinds::deployment::observe;
use crate::backend::observations::{ObjectObservation, Observations};
use crate::backend::ownership::Question;
use crate::runtime::sightings::Asked;
use crate::runtime::watch::WatchEvent;

/// The revision of a list: anything not in it does not exist, however new.
const LISTED: Revision = Revision(u64::MAX);

impl Index {
    /// Takes in an event from the watch of GitOpsDeployments.
    pub fn deployment_seen(&mut self, seen: WatchEvent<GitOpsDeployment>) -> Vec<Delivery> {
        let listed = self.objects_seen.note(&seen, |metadata| {
            Some(DeploymentUid::new(metadata.uid.clone().unwrap_or_default()))
        });
        match seen {
            WatchEvent::Restarted => {
                self.ownership.clear();
                Vec::new()
            }
            WatchEvent::Present(object) => self.object_present(object),
            WatchEvent::Gone(gone) => {
                let uid = DeploymentUid::new(gone.uid);
                self.ownership.forget(&gone.namespace, &uid);
                self.object_gone(&uid, gone.revision).into_iter().collect()
            }
            // It exists: what was done for it stays.
            WatchEvent::Malformed(_) => Vec::new(),
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<DeploymentUid> =
                    self.deployments.keys().filter(|uid| listed.lacks(uid)).cloned().collect();
                let gone = missing.iter().filter_map(|uid| self.object_gone(uid, LISTED));
                let mut deliveries: Vec<Delivery> = gone.collect();
                // Now that the list is complete, one object may prove who owns another.
                let waiting = self.ownership.take_all();
                deliveries.extend(self.waiting_present(waiting));
                deliveries
            }
        }
    }

    /// To be held from before a write of an object until [`Self::object_written`].
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

    /// Questions to ask now, at most `limit`.
    pub fn questions(&mut self, limit: usize) -> Vec<Question> {
        // What a list shows is held until it is complete.
        if self.objects_seen.is_listing() {
            return Vec::new();
        }
        let namespaces = &self.namespaces;
        // What appears in a terminating namespace waits for its successor.
        let is_known = |name: &str| namespaces.get(name).is_some_and(|one| !one.terminating);
        self.ownership.questions(limit, is_known)
    }

    /// Takes in the answer to a question. If it differs from what the watch of Namespaces has
    /// shown, that watch is behind, and its next event will trigger another question.
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
        // These may prove those that came in the meantime.
        let waiting = self.ownership.take(&question.namespace);
        deliveries.extend(self.waiting_present(waiting));
        deliveries
    }

    /// Looks again at objects that waited.
    pub(super) fn waiting_present(&mut self, ownership: Vec<GitOpsDeployment>) -> Vec<Delivery> {
        ownership.into_iter().flat_map(|object| self.object_present(object)).collect()
    }

    fn object_present(&mut self, object: GitOpsDeployment) -> Vec<Delivery> {
        self.take_in(object, false)
    }

    /// The owner of an existing object; none until that is certain. The API server's answer about
    /// its namespace, given after the object was seen, is proof; see [`ownership`].
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
            // It is only being released, whichever tenant it belongs to.
            return Some(space.uid.clone());
        }
        // Nothing can be created in a terminating namespace: what appears there belongs to the old
        // one and is about to be deleted with it, or belongs to its successor of the same name, and
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
        // Even what is not news to the machine is remembered: the next write builds on it.
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
            // One that is only being released goes to the tenant that seems to be there.
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

    /// Records that no object has this UID.
    pub fn object_gone(&mut self, uid: &DeploymentUid, as_of: Revision) -> Option<Delivery> {
        let entry = self.deployments.get_mut(uid)?;
        let tenant = entry.tenant.clone();
        if entry.object.take().is_some() && entry.is_certain {
            self.ownership.moved_out(&entry.namespace, &tenant);
        }
        if !entry.machine {
            self.remove(uid);
        }
        // Delivered even if no machine is known: its first step may be in progress.
        Some(deployment(&tenant, uid, Observations::object(ObjectObservation::Absent { as_of })))
    }

    pub(super) fn remove(&mut self, uid: &DeploymentUid) {
        let Some(entry) = self.deployments.remove(uid) else { return };
        let name = (entry.namespace, entry.name);
        if let Some(uids) = self.by_name.get_mut(&name) {
            uids.remove(uid);
            if uids.is_empty() {
                self.by_name.remove(&name);
            }
        }
    }
}

/// Digests everything in a snapshot except its revision: two that differ only in that say the same.
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
