//! Objects, resource versions and the bounded history behind watches and paged lists.
//!
//! An object is held once, as its serialised JSON; history and snapshots share the same bytes.

mod persist;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures::task::AtomicWaker;
use serde_json::Value;

pub use persist::PersistError;
use persist::{Database, Row};

/// etcd's default limit on a request, here on an object's JSON.
pub(crate) const OBJECT_LIMIT_BYTES: usize = 3 * 512 * 1024;

/// An object's position within its resource; the namespace of a cluster-scoped one is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Key {
    /// A key from its parts.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// The name of a stored collection: `plural` or `plural.group`.
pub(crate) type Collection = Arc<str>;

/// The labels of an object: few, so that a list is smaller and no slower than a map.
#[derive(Debug, Default)]
pub(crate) struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    /// The value of a label.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.as_ref() == name).map(|(_, value)| value.as_ref())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        Self(labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// One version of one object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) key: Key,
    pub(crate) resource_version: u64,
    pub(crate) labels: Labels,
    /// The uids of its owners.
    owners: Box<[String]>,
    /// The serialised object, with its resourceVersion.
    pub(crate) json: Bytes,
}

impl Object {
    /// Serialises a value that already carries its resourceVersion.
    fn new(key: Key, resource_version: u64, value: &Value) -> Self {
        let labels = value.pointer("/metadata/labels").and_then(Value::as_object);
        let labels = labels
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect();
        let owners = value
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|owner| Some(owner.get("uid")?.as_str()?.to_owned()))
            .collect();
        let mut json = Vec::new();
        // Writing to a Vec cannot fail; an empty document would be rejected later anyway.
        if serde_json::to_writer(&mut json, value).is_err() {
            json.clear();
        }
        json.shrink_to_fit();
        Self { key, resource_version, labels, owners, json: json.into() }
    }

    /// An object that is returned but not stored: the result of a dry run, or a removed one.
    pub(crate) fn preview(key: Key, value: &Value) -> Self {
        let resource_version = value
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        Self::new(key, resource_version, value)
    }

    /// The same state under another resource version.
    pub(crate) fn at(&self, resource_version: u64) -> Self {
        let mut value = self.value();
        set_resource_version(&mut value, resource_version);
        Self::new(self.key.clone(), resource_version, &value)
    }

    /// The object, parsed.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One entry of a collection's history.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) change: Change,
    pub(crate) object: Arc<Object>,
    pub(crate) previous: Option<Arc<Object>>,
}

#[derive(Debug, Default)]
struct Shelf {
    objects: BTreeMap<Key, Arc<Object>>,
    history: VecDeque<Event>,
    /// Events up to and including this resource version are gone.
    compacted: u64,
    /// The collection no longer exists; its last events are kept for watchers that have yet to see
    /// them.
    gone: bool,
    wakers: Vec<Weak<AtomicWaker>>,
}

/// Why a version cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistoryGap {
    /// The history no longer reaches back that far.
    Expired,
    /// The collection no longer exists.
    Gone,
}

/// All collections of one server.
#[derive(Debug)]
pub(crate) struct Store {
    shelves: HashMap<Collection, Shelf>,
    resource_version: u64,
    /// Resource versions below this one were issued before this process started.
    first_resource_version: u64,
    history_limit: usize,
    /// By the uid of an owner, the objects that it alone owns.
    dependents: HashMap<String, BTreeSet<(Collection, Key)>>,
    database: Option<Database>,
}

impl Store {
    /// An empty store in memory whose counter continues from the given resource version.
    pub(crate) fn in_memory(history_limit: usize, resource_version: u64) -> Self {
        Self {
            shelves: HashMap::new(),
            resource_version,
            first_resource_version: resource_version,
            history_limit,
            dependents: HashMap::new(),
            database: None,
        }
    }

    /// The store in a directory, with everything written there before.
    pub(crate) fn open(directory: &Path, history_limit: usize) -> Result<Self, PersistError> {
        let (database, rows, resource_version) = Database::open(directory)?;
        let mut store = Self::in_memory(history_limit, resource_version);
        for Row { collection, namespace, name, resource_version, json } in rows {
            let key = Key::new(&namespace, &name);
            let value: Value = serde_json::from_slice(&json).map_err(|source| {
                PersistError::Damaged { collection: collection.clone(), source }
            })?;
            let object = Arc::new(Object::new(key.clone(), resource_version, &value));
            let collection = collection.into();
            store.link(&collection, &object);
            store.shelf(&collection).objects.insert(key, object);
        }
        store.database = Some(database);
        Ok(store)
    }

    /// The newest resource version that was issued.
    pub(crate) fn resource_version(&self) -> u64 {
        self.resource_version
    }

    fn shelf(&mut self, collection: &Collection) -> &mut Shelf {
        let first = self.first_resource_version;
        self.shelves
            .entry(Arc::clone(collection))
            .or_insert_with(|| Shelf { compacted: first, ..Shelf::default() })
    }

    /// One object.
    pub(crate) fn get(&self, collection: &str, key: &Key) -> Option<Arc<Object>> {
        self.shelves.get(collection)?.objects.get(key).cloned()
    }

    /// The number of objects in a collection.
    pub(crate) fn count(&self, collection: &str) -> usize {
        self.shelves.get(collection).map_or(0, |shelf| shelf.objects.len())
    }

    /// The objects of a collection (of one namespace, if given), in the order of their keys.
    pub(crate) fn scan(&self, collection: &str, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let Some(shelf) = self.shelves.get(collection) else {
            return Vec::new();
        };
        match namespace {
            None => shelf.objects.values().cloned().collect(),
            Some(namespace) => shelf
                .objects
                .range((Bound::Included(Key::new(namespace, "")), Bound::Unbounded))
                .take_while(|(key, _)| key.namespace.as_ref() == namespace)
                .map(|(_, object)| Arc::clone(object))
                .collect(),
        }
    }

    /// Whether a collection has any object in a namespace.
    pub(crate) fn is_empty_in(&self, collection: &str, namespace: &str) -> bool {
        let Some(shelf) = self.shelves.get(collection) else {
            return true;
        };
        let from = (Bound::Included(Key::new(namespace, "")), Bound::Unbounded);
        let first = shelf.objects.range(from).next();
        first.is_none_or(|(key, _)| key.namespace.as_ref() != namespace)
    }

    /// The objects as they were at an earlier resource version, by undoing the history.
    pub(crate) fn scan_at(
        &self,
        collection: &str,
        namespace: Option<&str>,
        resource_version: u64,
    ) -> Result<Vec<Arc<Object>>, HistoryGap> {
        let Some(shelf) = self.shelves.get(collection) else {
            return Ok(Vec::new());
        };
        if resource_version < shelf.compacted {
            return Err(HistoryGap::Expired);
        }
        let newer = shelf
            .history
            .iter()
            .rev()
            .take_while(|event| event.object.resource_version > resource_version);
        let mut undone: BTreeMap<Key, Option<Arc<Object>>> = BTreeMap::new();
        for event in newer {
            undone.insert(event.object.key.clone(), event.previous.clone());
        }
        if undone.is_empty() {
            return Ok(self.scan(collection, namespace));
        }
        let mut objects: BTreeMap<Key, Arc<Object>> = self
            .scan(collection, namespace)
            .into_iter()
            .map(|object| (object.key.clone(), object))
            .collect();
        for (key, earlier) in undone {
            if namespace.is_some_and(|namespace| key.namespace.as_ref() != namespace) {
                continue;
            }
            match earlier {
                Some(object) => objects.insert(key, object),
                None => objects.remove(&key),
            };
        }
        Ok(objects.into_values().collect())
    }

    /// The events of a collection after a resource version, at most `limit` of them.
    pub(crate) fn events_after(
        &self,
        collection: &str,
        resource_version: u64,
        limit: usize,
    ) -> Result<Vec<Event>, HistoryGap> {
        let shelf = self.shelves.get(collection).ok_or(HistoryGap::Gone)?;
        if resource_version < shelf.compacted || resource_version > self.resource_version {
            return Err(HistoryGap::Expired);
        }
        let start = shelf
            .history
            .partition_point(|event| event.object.resource_version <= resource_version);
        if shelf.gone && start == shelf.history.len() {
            return Err(HistoryGap::Gone);
        }
        Ok(shelf.history.iter().skip(start).take(limit).cloned().collect())
    }

    /// Registers the waker for the collection's next change.
    pub(crate) fn subscribe(&mut self, collection: &Collection, waker: &Arc<AtomicWaker>) {
        let wakers = &mut self.shelf(collection).wakers;
        wakers.retain(|waker| waker.strong_count() > 0);
        wakers.push(Arc::downgrade(waker));
    }
}

impl Store {
    /// Writes an object under a new resource version, which it sets in the value.
    pub(crate) fn put(
        &mut self,
        collection: &Collection,
        key: Key,
        value: &mut Value,
    ) -> Result<Arc<Object>, PersistError> {
        let resource_version = self.resource_version + 1;
        set_resource_version(value, resource_version);
        // The versions of an object share their key.
        let key = self.get(collection, &key).map_or(key, |known| known.key.clone());
        let object = Arc::new(Object::new(key, resource_version, value));
        if object.json.len() > OBJECT_LIMIT_BYTES {
            return Err(PersistError::TooLarge);
        }
        if let Some(database) = &self.database {
            database.put(collection, &object)?;
        }
        self.resource_version = resource_version;
        let previous =
            self.shelf(collection).objects.insert(object.key.clone(), Arc::clone(&object));
        if let Some(previous) = &previous {
            self.unlink(collection, previous);
        }
        self.link(collection, &object);
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        self.record(collection, Event { change, object: Arc::clone(&object), previous });
        Ok(object)
    }

    /// Removes an object; `last` is its state for watchers, which gets a new resource version.
    pub(crate) fn remove(
        &mut self,
        collection: &Collection,
        key: &Key,
        mut last: Value,
    ) -> Result<(), PersistError> {
        let Some(previous) = self.get(collection, key) else {
            return Ok(());
        };
        let resource_version = self.resource_version + 1;
        if let Some(database) = &self.database {
            database.remove(collection, key, resource_version)?;
        }
        self.resource_version = resource_version;
        set_resource_version(&mut last, resource_version);
        let object = Arc::new(Object::new(key.clone(), resource_version, &last));
        self.shelf(collection).objects.remove(key);
        self.unlink(collection, &previous);
        let event = Event { change: Change::Deleted, object, previous: Some(previous) };
        self.record(collection, event);
        Ok(())
    }

    /// The objects that an owner alone owns.
    pub(crate) fn dependents(&self, owner_uid: &str) -> Vec<(Collection, Key)> {
        self.dependents.get(owner_uid).into_iter().flatten().cloned().collect()
    }

    fn link(&mut self, collection: &Collection, object: &Object) {
        if let [owner] = object.owners.as_ref() {
            let entry = (Arc::clone(collection), object.key.clone());
            self.dependents.entry(owner.clone()).or_default().insert(entry);
        }
    }

    fn unlink(&mut self, collection: &Collection, object: &Object) {
        let [owner] = object.owners.as_ref() else {
            return;
        };
        if let Some(entries) = self.dependents.get_mut(owner) {
            entries.remove(&(Arc::clone(collection), object.key.clone()));
            if entries.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }

    /// Drops an empty collection, which ends its watches once they have seen its last events.
    pub(crate) fn forget(&mut self, collection: &str) {
        if let Some(shelf) = self.shelves.get_mut(collection) {
            shelf.gone = true;
            shelf.wake();
        }
    }

    /// Releases the directory; later writes are not persisted.
    pub(crate) fn close(&mut self) {
        self.database = None;
    }

    /// Registers a collection, so that it can be watched while empty.
    pub(crate) fn prepare(&mut self, collection: &Collection) {
        if self.shelves.get(collection).is_some_and(|shelf| shelf.gone) {
            let compacted = self.resource_version;
            let shelf = Shelf { compacted, ..Shelf::default() };
            self.shelves.insert(Arc::clone(collection), shelf);
        }
        self.shelf(collection);
    }

    /// Drops the history of every collection, as a compaction of etcd does.
    pub(crate) fn compact(&mut self) {
        for shelf in self.shelves.values_mut() {
            // A watch that has seen all of it has missed nothing and continues.
            if let Some(newest) = shelf.history.back() {
                shelf.compacted = newest.object.resource_version;
            }
            shelf.history.clear();
            shelf.wake();
        }
    }

    fn record(&mut self, collection: &Collection, event: Event) {
        let limit = self.history_limit;
        let shelf = self.shelf(collection);
        shelf.history.push_back(event);
        while shelf.history.len() > limit {
            if let Some(oldest) = shelf.history.pop_front() {
                shelf.compacted = oldest.object.resource_version;
            }
        }
        shelf.wake();
    }
}

impl Shelf {
    fn wake(&self) {
        for waker in self.wakers.iter().filter_map(Weak::upgrade) {
            waker.wake();
        }
    }
}

fn set_resource_version(value: &mut Value, resource_version: u64) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), Value::String(resource_version.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, data: &str) -> Value {
        json!({ "metadata": { "name": name, "labels": { "a": data } }, "data": data })
    }

    fn names(objects: &[Arc<Object>]) -> Vec<String> {
        objects
            .iter()
            .map(|object| format!("{}={}", object.key.name, object.labels.get("a").unwrap()))
            .collect()
    }

    #[test]
    fn an_earlier_version_of_a_collection_can_be_read_until_it_is_compacted() {
        let things: Collection = "things".into();
        let mut store = Store::in_memory(10, 0);
        let put = |store: &mut Store, name: &str, data: &str| {
            store.put(&things, Key::new("n", name), &mut object(name, data)).expect("stored");
        };
        put(&mut store, "a", "1");
        put(&mut store, "b", "1");
        let snapshot = store.resource_version();
        put(&mut store, "a", "2");
        put(&mut store, "c", "1");
        store.remove(&things, &Key::new("n", "b"), object("b", "1")).expect("removed");
        assert_eq!(names(&store.scan("things", Some("n"))), ["a=2", "c=1"]);
        let earlier = store.scan_at("things", None, snapshot).expect("a snapshot");
        assert_eq!(names(&earlier), ["a=1", "b=1"]);
        assert!(store.scan("things", Some("m")).is_empty());
        store.compact();
        assert_eq!(store.scan_at("things", None, snapshot).err(), Some(HistoryGap::Expired));
        assert_eq!(store.events_after("things", snapshot, 9).err(), Some(HistoryGap::Expired));
    }

    #[test]
    fn the_history_is_bounded() {
        let things: Collection = "things".into();
        let mut store = Store::in_memory(3, 0);
        for round in 0..5 {
            let data = round.to_string();
            store.put(&things, Key::new("", "a"), &mut object("a", &data)).expect("stored");
        }
        assert_eq!(store.events_after("things", 1, 9).err(), Some(HistoryGap::Expired));
        assert_eq!(store.events_after("things", 2, 9).map(|events| events.len()), Ok(3));
        assert_eq!(store.events_after("things", 6, 9).err(), Some(HistoryGap::Expired));
        assert_eq!(store.events_after("others", 2, 9).err(), Some(HistoryGap::Gone));
    }
}
