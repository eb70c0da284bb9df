//! What the watch of Namespaces shows.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ObjectMeta;
use machines::identity::TenantUid;

use super::{Delivery, Index, NamespacePhase, tenant_note};
use crate::backend::observations::{NamespaceObservation, Observations};
use crate::runtime::sightings::Sightings;
use crate::runtime::watch::WatchEvent;

/// What the watch of Namespaces has shown.
#[derive(Debug, Default)]
pub struct Namespaces {
    by_name: HashMap<String, NamespaceEntry>,
    seen: Sightings<TenantUid>,
}

#[derive(Clone, Debug)]
pub(super) struct NamespaceEntry {
    pub(super) uid: TenantUid,
    pub(super) terminating: bool,
}

impl Namespaces {
    pub(super) fn get(&self, name: &str) -> Option<&NamespaceEntry> {
        self.by_name.get(name)
    }

    /// The UID of a namespace.
    pub fn uid(&self, name: &str) -> Option<&TenantUid> {
        self.by_name.get(name).map(|entry| &entry.uid)
    }

    /// What is known of the namespace of a tenant.
    pub(super) fn phase(&self, tenant: &TenantUid, namespace: &str) -> NamespacePhase {
        match self.by_name.get(namespace) {
            Some(entry) if entry.uid != *tenant => NamespacePhase::Gone,
            Some(entry) if entry.terminating => NamespacePhase::Terminating,
            Some(_) => NamespacePhase::Alive,
            None if self.seen.is_complete() => NamespacePhase::Gone,
            None => NamespacePhase::Unknown,
        }
    }
}

impl Index {
    /// Takes in an event from the watch of Namespaces.
    pub fn namespace_seen(&mut self, seen: WatchEvent<Namespace>) -> Vec<Delivery> {
        let was_complete = self.namespaces.seen.is_complete();
        let listed = self
            .namespaces
            .seen
            .note(&seen, |metadata| Some(TenantUid::new(metadata.uid.clone().unwrap_or_default())));
        match seen {
            WatchEvent::Restarted => Vec::new(),
            WatchEvent::Present(namespace) => self.namespace_present(&namespace.metadata),
            // All that matters about it is in its metadata.
            WatchEvent::Malformed(metadata) => self.namespace_present(&metadata),
            WatchEvent::Gone(gone) => {
                let uid = TenantUid::new(gone.uid);
                self.namespaces.by_name.retain(|_, entry| entry.uid != uid);
                self.namespace_gone(uid).into_iter().collect()
            }
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                self.namespaces.by_name.retain(|_, entry| !listed.lacks(&entry.uid));
                let missing: Vec<TenantUid> =
                    self.tenants.iter().filter(|uid| listed.lacks(uid)).cloned().collect();
                let mut deliveries: Vec<Delivery> =
                    missing.into_iter().filter_map(|uid| self.namespace_gone(uid)).collect();
                if !was_complete {
                    // Machines woken earlier could not know the state of their namespace.
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
        let before = self.namespaces.by_name.insert(name.clone(), entry);
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
            for objects in self.objects.all_mut() {
                deliveries.extend(objects.namespace_changed(&name, &self.namespaces));
            }
        }
        deliveries
    }

    fn namespace_gone(&self, uid: TenantUid) -> Option<Delivery> {
        self.tenants.contains(&uid).then(|| tenant_note(uid, NamespaceObservation::Absent))
    }
}
