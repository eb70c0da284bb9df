//! What the backend has seen of the cluster and knows of its machines: small, in memory, rebuilt
//! at each start.

pub mod namespaces;
pub mod objects;
pub mod secrets;

use std::collections::{BTreeMap, HashSet};

use k8s_openapi::api::core::v1::Secret;
use machines::identity::{Generation, TenantUid};
use schema::sealing::digests::Digester;

use crate::backend::kinds::{Key, ObjectsByKind};
use crate::backend::observations::{NamespaceObservation, Observations};
use crate::backend::ownership::Question;
use crate::runtime::sightings::Asked;
use crate::runtime::watch::WatchEvent;
use crate::settings::SecretNamespaces;
use namespaces::Namespaces;
use objects::{Kind, Noted, ObjectEntry, Objects, Place};
use secrets::{SecretType, Secrets, ShownSecret};

/// Observations on their way to the inbox: whose turn it takes, which machine, and what was
/// observed.
pub type Delivery = (String, Key, Observations);

/// See the module.
#[derive(Debug, Default)]
pub struct Index {
    /// What the watch of Namespaces has shown.
    pub(super) namespaces: Namespaces,
    /// Tenants that have machines.
    tenants: HashSet<TenantUid>,
    /// What the watches of our kinds have shown.
    pub(super) objects: ObjectsByKind,
    /// What the watches of Secrets have shown, by type.
    secrets: BTreeMap<SecretType, Secrets>,
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
    /// Takes in an event from the watch of a kind.
    pub fn object_seen<K: Kind>(&mut self, seen: WatchEvent<K>) -> Vec<Delivery> {
        let (objects, namespaces) = K::objects(self);
        objects.seen(seen, namespaces)
    }

    /// Nothing yet; of Secrets it will be shown those in these namespaces.
    pub fn new(secret_namespaces: &SecretNamespaces) -> Self {
        let of_type = |type_| (type_, Secrets::of(secret_namespaces));
        Self { secrets: SecretType::ALL.into_iter().map(of_type).collect(), ..Self::default() }
    }

    /// Takes in an event from a watch of Secrets of a type, in a namespace or in the cluster; returns
    /// the machines that refer to those that have changed.
    pub fn secret_seen(
        &mut self,
        type_: SecretType,
        namespace: &Option<String>,
        seen: &WatchEvent<Secret>,
        digests: &Digester,
    ) -> Vec<Delivery> {
        let secrets = self.secrets.entry(type_).or_default();
        let was_complete = secrets.is_complete();
        let changed = secrets.seen(namespace, seen, digests);
        let is_complete = secrets.is_complete();
        let users = self.objects.users_of(type_);
        if is_complete && !was_complete {
            // Now it is known which are missing.
            return users.tell_all(&Observations::facts());
        }
        let concerned = changed.iter().flat_map(|place| users.referring(place));
        self.deliver_facts(concerned)
    }

    /// What the watches show of a Secret of a type.
    pub fn secret(&self, type_: SecretType, place: &Place) -> ShownSecret {
        let secrets = self.secrets.get(&type_);
        secrets.map_or(ShownSecret::Unknown, |secrets| secrets.shown(place))
    }

    /// Where an object is, and what is remembered of it, to be held with [`Asked`] from before a
    /// write until [`Self::object_written`]; `None` when it is gone.
    pub fn object<K: Kind>(&mut self, key: &Key) -> Option<(Place, ObjectEntry<K>, Asked)> {
        let objects: &Objects<K> = K::objects(self).0;
        let (place, entry) = objects.object(key)?;
        Some((place, entry, objects.ask()))
    }

    /// Takes in the answer to a write.
    pub fn object_written<K: Kind>(&mut self, written: K, asked: Asked) -> Vec<Delivery> {
        let (objects, namespaces) = K::objects(self);
        objects.written(written, asked, namespaces)
    }

    /// Notes that a machine exists; returns those that may go on because of what has changed of it.
    pub fn note_machine(&mut self, key: &Key, noted: &Noted) -> Vec<Delivery> {
        let Some(objects) = self.objects.of_mut(key) else { return Vec::new() };
        let (mut deliveries, is_news) = objects.note_machine(key, noted);
        if is_news {
            deliveries.extend(self.tell_dependents(key, &noted.place));
        }
        deliveries
    }

    /// Notes that a machine is gone; returns those that may have waited for it.
    pub fn forget_machine(&mut self, key: &Key) -> Vec<Delivery> {
        let Some(objects) = self.objects.of(key) else { return Vec::new() };
        // What it refers to is forgotten with it.
        let place = objects.machine_place(key).cloned();
        let told: Vec<_> =
            place.into_iter().flat_map(|place| self.tell_dependents(key, &place)).collect();
        let Some(objects) = self.objects.of_mut(key) else { return Vec::new() };
        let mut deliveries = objects.forget_machine(key);
        deliveries.extend(told);
        deliveries
    }

    /// Notifies the machines that look at this one.
    fn tell_dependents(&self, key: &Key, place: &Place) -> Vec<Delivery> {
        self.deliver_facts(self.objects.dependents(key, place))
    }

    /// Notifies machines that facts may have changed.
    fn deliver_facts(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Delivery> {
        let deliver = |key: Key| {
            let tenant = self.tenant_of(&key).unwrap_or_default();
            (tenant.into_string(), key, Observations::facts())
        };
        keys.into_iter().map(deliver).collect()
    }

    /// Questions to ask now, at most `limit`.
    pub fn questions(&mut self, limit: usize) -> Vec<Question> {
        let mut questions = Vec::new();
        for objects in self.objects.all_mut() {
            let room = limit.saturating_sub(questions.len());
            questions.extend(objects.questions(room, &self.namespaces));
        }
        questions
    }

    /// Takes in the answer to a question. If it differs from what the watch of Namespaces has
    /// shown, that watch is behind, and its next event will trigger another question.
    pub fn question_answered(
        &mut self,
        question: &Question,
        answer: Option<&TenantUid>,
    ) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for objects in self.objects.all_mut() {
            deliveries.extend(objects.answered(question, answer, &self.namespaces));
        }
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

    /// Every machine but the tenants', to be notified of the same; also those just being created.
    pub fn tell_all(&self, observations: &Observations) -> Vec<Delivery> {
        let kinds = self.objects.all().into_iter();
        kinds.flat_map(|objects| objects.tell_all(observations)).collect()
    }

    /// The generation of a machine's object, as the watch shows it.
    pub fn generation(&self, key: &Key) -> Option<Generation> {
        self.objects.of(key)?.generation(key)
    }

    /// The tenant of a machine, as far as it is known.
    pub fn tenant_of(&self, key: &Key) -> Option<TenantUid> {
        match key {
            Key::Tenant(tenant) => Some(tenant.clone()),
            _ => self.objects.of(key)?.tenant_of(key).cloned(),
        }
    }

    /// Where the object of a machine is; `None` when it is gone.
    pub fn place_of(&self, key: &Key) -> Option<&Place> {
        self.objects.of(key)?.place_of(key)
    }

    /// The UID of a namespace.
    pub fn namespace_uid(&self, name: &str) -> Option<&TenantUid> {
        self.namespaces.uid(name)
    }

    /// What is known of the namespace of a tenant.
    pub fn namespace_phase(&self, tenant: &TenantUid, namespace: &str) -> NamespacePhase {
        self.namespaces.phase(tenant, namespace)
    }
}

fn tenant_note(tenant: TenantUid, note: NamespaceObservation) -> Delivery {
    (tenant.as_str().to_owned(), Key::Tenant(tenant), Observations::namespace(note))
}

#[cfg(test)]
mod tests;
