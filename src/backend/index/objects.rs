//! Objects of one kind, as the watch of that kind and the answers to writes show them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Debug;

use crds::conditions::StatusCondition;
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use machines::identity::{Digest, Generation, Revision, TenantUid, Timestamp};
use machines::shared::standing::Standing;
use serde::de::DeserializeOwned;

use super::namespaces::Namespaces;
use super::{Delivery, Index};
use crate::backend::kinds::{Key, ObjectSnapshot};
use crate::backend::observations::{ObjectObservation, Observations};
use crate::backend::ownership::{Ownership, Question};
use crate::runtime::sightings::{Asked, Sightings};
use crate::runtime::watch::{self, WatchEvent};

/// The revision of a list: anything not in it does not exist, however new.
const LISTED: Revision = Revision(u64::MAX);

/// A custom resource with a machine of its own.
pub trait Kind:
    Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static
{
    /// The conditions of its status.
    type Condition: StatusCondition + Debug + Send;

    /// The key of its machine.
    fn key(uid: &str) -> Key;
    /// What it looks like to its machine.
    fn snapshot(&self) -> ObjectSnapshot;
    /// Its conditions, with their times; `None` if it has no status.
    fn conditions(self) -> Option<Vec<Self::Condition>>;
    /// Where its objects are, and what they look at.
    fn objects(index: &mut Index) -> (&mut Objects<Self>, &Namespaces);
}

/// See the module.
#[derive(Debug)]
pub struct Objects<K: Kind> {
    entries: HashMap<Key, Entry<K>>,
    by_name: HashMap<Place, HashSet<Key>>,
    /// Those that refer to an object of another kind, by its place, in their order.
    referring: HashMap<Place, BTreeSet<(Timestamp, Key)>>,
    /// Objects whose tenant is not certain yet.
    ownership: Ownership<K>,
    /// What the watch has shown.
    seen: Sightings<Key>,
}

impl<K: Kind> Default for Objects<K> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            by_name: HashMap::new(),
            referring: HashMap::new(),
            ownership: Ownership::default(),
            seen: Sightings::default(),
        }
    }
}

#[derive(Debug)]
struct Entry<K: Kind> {
    tenant: TenantUid,
    place: Place,
    /// The object, while it exists.
    object: Option<ObjectEntry<K>>,
    /// Whether there is a machine.
    machine: bool,
    /// The object that its machine refers to, and its order among those that do.
    refers_to: Option<(Place, Timestamp)>,
    /// What others see of its machine.
    shown: Option<String>,
    /// Whether its machine looks at those that refer to it.
    awaits_users: bool,
    /// How far its machine is; `None` until it was stepped.
    standing: Option<Standing>,
    /// Whether its owner was certain when it was taken in.
    is_certain: bool,
}

impl<K: Kind> Entry<K> {
    /// Notes how far its machine is; what waits for one thing after another has waited since the
    /// first.
    fn note_standing(&mut self, standing: Option<Standing>) {
        let before = self.standing.and_then(|before| before.waits_since);
        self.standing = standing.map(|now| {
            let waits_since = now.waits_since.map(|since| before.unwrap_or(since));
            Standing { waits_since, ..now }
        });
    }
}

/// What is remembered of an object, for writing to it.
#[derive(Clone, Debug)]
pub struct ObjectEntry<K: Kind> {
    /// Its revision.
    pub revision: Revision,
    /// Its conditions, with their times; `None` if it has no status at all.
    pub conditions: Option<Vec<K::Condition>>,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Its generation.
    generation: Option<Generation>,
    /// Digest of what was last delivered about it.
    delivered: Digest,
}

impl<K: Kind> Default for ObjectEntry<K> {
    fn default() -> Self {
        let (revision, delivered) = (Revision::default(), Digest::default());
        Self { revision, conditions: None, finalizers: Vec::new(), generation: None, delivered }
    }
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is remembered of a machine.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Its tenant.
    pub tenant: TenantUid,
    /// Where its object is or was.
    pub place: Place,
    /// The object of another kind that it refers to, by name.
    pub refers_to: Option<String>,
    /// Its order among those that refer to the same: the earliest goes first.
    pub rank: Timestamp,
    /// What other machines see of it; `None` if that is not known.
    pub shown: Option<String>,
    /// Whether it looks at those that refer to it.
    pub awaits_users: bool,
    /// How far it is; `None` if that is not known.
    pub standing: Option<Standing>,
}

/// What can be asked of the objects of every kind.
pub trait AnyObjects {
    /// Notes that a machine exists; returns who may go on in its place, and whether others see
    /// something new of it.
    ///
    /// What is remembered here decides, not what a step has changed: a commit may succeed although
    /// it is reported as failed, and its repetition changes nothing.
    fn note_machine(&mut self, key: &Key, noted: &Noted) -> (Vec<Delivery>, bool);
    /// Notes that a machine is gone; returns those that may have waited for it.
    fn forget_machine(&mut self, key: &Key) -> Vec<Delivery>;
    /// Where the object of a machine is or was.
    fn machine_place(&self, key: &Key) -> Option<&Place>;
    /// Every machine, to be notified of the same; also those just being created.
    fn tell_all(&self, observations: &Observations) -> Vec<Delivery>;
    /// The generation of an object, as the watch shows it.
    fn generation(&self, key: &Key) -> Option<Generation>;
    /// The tenant of an object, as far as it is known.
    fn tenant_of(&self, key: &Key) -> Option<&TenantUid>;
    /// Where an object is; `None` when it is gone.
    fn place_of(&self, key: &Key) -> Option<&Place>;
    /// The machines that refer to an object of another kind.
    fn referring(&self, place: &Place) -> Vec<Key>;
    /// The object of another kind that a machine refers to.
    fn referred(&self, key: &Key) -> Option<&Place>;
    /// Shows how far each machine is.
    fn each_standing(&self, see: &mut dyn FnMut(&Standing));
    /// The machines of a place that look at those that refer to them.
    fn awaiting_users(&self, place: &Place) -> Vec<Key>;
    /// The state of a namespace has changed: looks again at what waits for that.
    fn namespace_changed(&mut self, namespace: &str, namespaces: &Namespaces) -> Vec<Delivery>;
    /// Questions to ask now, at most `limit`.
    fn questions(&mut self, limit: usize, namespaces: &Namespaces) -> Vec<Question>;
    /// Takes in the answer to one of them.
    fn answered(
        &mut self,
        question: &Question,
        answer: Option<&TenantUid>,
        namespaces: &Namespaces,
    ) -> Vec<Delivery>;
}

impl<K: Kind> Objects<K> {
    /// Takes in an event from the watch.
    pub fn seen(&mut self, seen: WatchEvent<K>, namespaces: &Namespaces) -> Vec<Delivery> {
        let key = |metadata: &ObjectMeta| Some(K::key(metadata.uid.as_deref().unwrap_or_default()));
        let listed = self.seen.note(&seen, key);
        match seen {
            WatchEvent::Restarted => {
                self.ownership.clear();
                Vec::new()
            }
            WatchEvent::Present(object) => self.take_in(object, namespaces, false),
            WatchEvent::Gone(gone) => {
                let key = K::key(&gone.uid);
                self.ownership.forget(&gone.namespace, &key);
                self.gone(&key, gone.revision).into_iter().collect()
            }
            // It exists: what was done for it stays.
            WatchEvent::Malformed(_) => Vec::new(),
            WatchEvent::Synced => {
                let Some(listed) = listed else { return Vec::new() };
                let missing: Vec<Key> =
                    self.entries.keys().filter(|key| listed.lacks(key)).cloned().collect();
                let gone = missing.iter().filter_map(|key| self.gone(key, LISTED));
                let mut deliveries: Vec<Delivery> = gone.collect();
                // Now that the list is complete, one object may prove who owns another.
                let waiting = self.ownership.take_all();
                deliveries.extend(self.look_again(waiting, namespaces));
                deliveries
            }
        }
    }

    /// To be held from before a write of an object until [`Self::written`].
    pub fn ask(&self) -> Asked {
        self.seen.ask()
    }

    /// Takes in the answer to a write.
    pub fn written(&mut self, written: K, asked: Asked, namespaces: &Namespaces) -> Vec<Delivery> {
        if self.seen.is_news(&written, asked) {
            self.take_in(written, namespaces, false)
        } else {
            Vec::new()
        }
    }

    /// Where an object is, and what is remembered of it; `None` when it is gone.
    pub fn object(&self, key: &Key) -> Option<(Place, ObjectEntry<K>)> {
        let entry = self.entries.get(key)?;
        Some((entry.place.clone(), entry.object.clone()?))
    }

    fn look_again(&mut self, objects: Vec<K>, namespaces: &Namespaces) -> Vec<Delivery> {
        objects.into_iter().flat_map(|object| self.take_in(object, namespaces, false)).collect()
    }

    /// The owner of an existing object; none until that is certain. The API server's answer about
    /// its namespace, given after the object was seen, is proof; see [`ownership`].
    ///
    /// [`ownership`]: crate::backend::ownership
    fn owner(
        &self,
        key: &Key,
        namespace: &str,
        is_deleting: bool,
        is_answered: bool,
        namespaces: &Namespaces,
    ) -> Option<TenantUid> {
        let space = namespaces.get(namespace)?;
        if let Some(known) = self.entries.get(key) {
            return Some(known.tenant.clone());
        }
        if is_deleting {
            // It is only being released, whichever tenant it belongs to.
            return Some(space.uid.clone());
        }
        // Nothing can be created in a terminating namespace: what appears there belongs to the old
        // one and is about to be deleted with it, or belongs to its successor of the same name, and
        // this watch is ahead of the namespaces' watch.
        let is_home = !self.seen.is_listing() && self.ownership.is_home_of(namespace, &space.uid);
        (!space.terminating && (is_answered || is_home)).then(|| space.uid.clone())
    }

    fn take_in(&mut self, object: K, namespaces: &Namespaces, is_answered: bool) -> Vec<Delivery> {
        let (Some(uid), Some(namespace)) = (object.uid(), object.namespace()) else {
            return Vec::new();
        };
        let key = K::key(&uid);
        let is_deleting = object.meta().deletion_timestamp.is_some();
        let owner = self.owner(&key, &namespace, is_deleting, is_answered, namespaces);
        let Some(tenant) = owner else {
            self.ownership.hold(namespace, key, object);
            return Vec::new();
        };
        self.ownership.forget(&namespace, &key);
        let known = self.entries.get(&key).and_then(|known| known.object.as_ref());
        if known.is_some_and(|known| watch::revision(&object) < known.revision) {
            return Vec::new();
        }
        let place = Place { namespace, name: object.name_any() };
        let snapshot = object.snapshot();
        let delivered = snapshot.digest();
        let is_news = known.is_none_or(|known| known.delivered != delivered);
        // Even what is not news to the machine is remembered: the next write builds on it.
        self.remember(&key, &tenant, &place, object, delivered);
        if !is_news {
            return Vec::new();
        }
        let Place { namespace, name } = place;
        let note = ObjectObservation::Present { tenant: tenant.clone(), namespace, name, snapshot };
        vec![(tenant.into_string(), key, Observations::object(note))]
    }

    fn remember(
        &mut self,
        key: &Key,
        tenant: &TenantUid,
        place: &Place,
        object: K,
        delivered: Digest,
    ) {
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry {
            tenant: tenant.clone(),
            place: place.clone(),
            object: None,
            machine: false,
            refers_to: None,
            shown: None,
            awaits_users: false,
            standing: None,
            // One that is only being released goes to the tenant that seems to be there.
            is_certain: object.meta().deletion_timestamp.is_none(),
        });
        if entry.object.is_none() && entry.is_certain {
            self.ownership.moved_in(&place.namespace, &entry.tenant);
        }
        entry.object = Some(ObjectEntry {
            revision: watch::revision(&object),
            finalizers: object.finalizers().to_vec(),
            generation: object.meta().generation.map(Generation),
            conditions: object.conditions(),
            delivered,
        });
        self.by_name.entry(place.clone()).or_default().insert(key.clone());
    }

    /// Records that no object has this UID.
    fn gone(&mut self, key: &Key, as_of: Revision) -> Option<Delivery> {
        let entry = self.entries.get_mut(key)?;
        let tenant = entry.tenant.clone();
        if entry.object.take().is_some() && entry.is_certain {
            self.ownership.moved_out(&entry.place.namespace, &tenant);
        }
        if !entry.machine {
            self.remove(key);
        }
        // Delivered even if no machine is known: its first step may be in progress.
        let absent = Observations::object(ObjectObservation::Absent { as_of });
        Some((tenant.into_string(), key.clone(), absent))
    }

    fn remove(&mut self, key: &Key) {
        let Some(entry) = self.entries.remove(key) else { return };
        remove_from(&mut self.by_name, &entry.place, key);
        if let Some((place, rank)) = &entry.refers_to {
            remove_referring(&mut self.referring, place, *rank, key);
        }
    }

    /// The next of the machines that refer to an object.
    fn next_referring(&self, place: &Place) -> Option<Delivery> {
        let (_, key) = self.referring.get(place)?.first()?;
        let tenant = self.entries.get(key)?.tenant.as_str().to_owned();
        Some((tenant, key.clone(), Observations::facts()))
    }
}

impl<K: Kind> AnyObjects for Objects<K> {
    fn note_machine(&mut self, key: &Key, noted: &Noted) -> (Vec<Delivery>, bool) {
        let Noted { tenant, place, refers_to, rank, shown, awaits_users, standing } = noted;
        self.by_name.entry(place.clone()).or_default().insert(key.clone());
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry {
            tenant: tenant.clone(),
            place: place.clone(),
            object: None,
            machine: false,
            refers_to: None,
            shown: None,
            awaits_users: false,
            standing: None,
            is_certain: true,
        });
        entry.machine = true;
        entry.awaits_users = *awaits_users;
        entry.note_standing(*standing);
        let is_news = shown.is_some() && entry.shown != *shown;
        entry.shown.clone_from(shown);
        let namespace = place.namespace.clone();
        let refers_to = refers_to.clone().map(|name| (Place { namespace, name }, *rank));
        let before = std::mem::replace(&mut entry.refers_to, refers_to.clone());
        if before == refers_to {
            return (Vec::new(), is_news);
        }
        if let Some((place, rank)) = &refers_to {
            self.referring.entry(place.clone()).or_default().insert((*rank, key.clone()));
        }
        let released = before.and_then(|(place, rank)| {
            remove_referring(&mut self.referring, &place, rank, key);
            self.next_referring(&place)
        });
        (released.into_iter().collect(), is_news)
    }

    fn forget_machine(&mut self, key: &Key) -> Vec<Delivery> {
        let Some(entry) = self.entries.get_mut(key) else { return Vec::new() };
        entry.machine = false;
        entry.shown = None;
        entry.awaits_users = false;
        entry.standing = None;
        let tenant = entry.tenant.clone();
        let place = entry.place.clone();
        let is_gone = entry.object.is_none();
        let referred = entry.refers_to.take();
        let released = referred.and_then(|(place, rank)| {
            remove_referring(&mut self.referring, &place, rank, key);
            self.next_referring(&place)
        });
        if is_gone {
            self.remove(key);
        }
        let facts = |key: Key| (tenant.as_str().to_owned(), key, Observations::facts());
        let namesakes = self.by_name.get(&place).into_iter().flatten();
        let mut deliveries: Vec<Delivery> =
            namesakes.filter(|other| *other != key).cloned().map(facts).collect();
        deliveries.push(facts(Key::Tenant(tenant.clone())));
        deliveries.extend(released);
        deliveries
    }

    fn machine_place(&self, key: &Key) -> Option<&Place> {
        self.entries.get(key).map(|entry| &entry.place)
    }

    fn tell_all(&self, observations: &Observations) -> Vec<Delivery> {
        let entries = self.entries.iter();
        let deliver = |(key, entry): (&Key, &Entry<K>)| {
            (entry.tenant.as_str().to_owned(), key.clone(), observations.clone())
        };
        entries.map(deliver).collect()
    }

    fn generation(&self, key: &Key) -> Option<Generation> {
        self.entries.get(key)?.object.as_ref()?.generation
    }

    fn tenant_of(&self, key: &Key) -> Option<&TenantUid> {
        self.entries.get(key).map(|entry| &entry.tenant)
    }

    fn place_of(&self, key: &Key) -> Option<&Place> {
        let entry = self.entries.get(key)?;
        entry.object.as_ref().map(|_| &entry.place)
    }

    fn referring(&self, place: &Place) -> Vec<Key> {
        self.referring.get(place).into_iter().flatten().map(|(_, key)| key.clone()).collect()
    }

    fn referred(&self, key: &Key) -> Option<&Place> {
        self.entries.get(key)?.refers_to.as_ref().map(|(place, _)| place)
    }

    fn each_standing(&self, see: &mut dyn FnMut(&Standing)) {
        self.entries.values().filter_map(|entry| entry.standing.as_ref()).for_each(see);
    }

    fn awaiting_users(&self, place: &Place) -> Vec<Key> {
        let waits = |key: &&Key| self.entries.get(*key).is_some_and(|entry| entry.awaits_users);
        self.by_name.get(place).into_iter().flatten().filter(waits).cloned().collect()
    }

    fn namespace_changed(&mut self, namespace: &str, namespaces: &Namespaces) -> Vec<Delivery> {
        let waiting = self.ownership.take(namespace);
        self.look_again(waiting, namespaces)
    }

    fn questions(&mut self, limit: usize, namespaces: &Namespaces) -> Vec<Question> {
        // What a list shows is held until it is complete.
        if self.seen.is_listing() {
            return Vec::new();
        }
        // What appears in a terminating namespace waits for its successor.
        let is_known = |name: &str| namespaces.get(name).is_some_and(|one| !one.terminating);
        self.ownership.questions(limit, is_known)
    }

    fn answered(
        &mut self,
        question: &Question,
        answer: Option<&TenantUid>,
        namespaces: &Namespaces,
    ) -> Vec<Delivery> {
        if question.kind != K::kind(&()) {
            return Vec::new();
        }
        self.ownership.settle(question);
        if answer.is_none() || namespaces.uid(&question.namespace) != answer {
            return Vec::new();
        }
        let asked = self.ownership.take_asked(question).into_iter();
        let mut deliveries: Vec<Delivery> =
            asked.flat_map(|object| self.take_in(object, namespaces, true)).collect();
        // These may prove those that came in the meantime.
        deliveries.extend(self.namespace_changed(&question.namespace, namespaces));
        deliveries
    }
}

/// Takes a machine out of those that refer to a place; a place without any has no entry.
fn remove_referring(
    referring: &mut HashMap<Place, BTreeSet<(Timestamp, Key)>>,
    place: &Place,
    rank: Timestamp,
    key: &Key,
) {
    if let Some(keys) = referring.get_mut(place) {
        keys.remove(&(rank, key.clone()));
        if keys.is_empty() {
            referring.remove(place);
        }
    }
}

/// Takes a machine out of an index; a place without machines has no entry.
fn remove_from(index: &mut HashMap<Place, HashSet<Key>>, place: &Place, key: &Key) {
    if let Some(keys) = index.get_mut(place) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(place);
        }
    }
}
