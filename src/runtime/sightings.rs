//! What a watch has shown since its list started.
//!
//! A list that is complete is the only proof that an object does not exist. An object that cannot be
//! decoded exists, from the first list on: its metadata names it.

use std::collections::HashSet;
use std::hash::Hash;

use kube::Resource;
use kube::api::ObjectMeta;
use machines::identity::Revision;

use crate::runtime::watch::{WatchEvent, revision, revision_of};

/// See the module. `K` names an object of the kind.
#[derive(Debug)]
pub struct Sightings<K> {
    /// The newest revision that was shown.
    newest: Revision,
    /// How often a list started or ended.
    relists: u64,
    /// What the current list has shown so far.
    listed: Option<HashSet<K>>,
    is_complete: bool,
}

/// The time of a request, by the watch that will show its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    relists: u64,
}

/// What a complete list held, decodable or not.
#[derive(Debug)]
pub struct Listed<K>(HashSet<K>);

impl<K: Eq + Hash> Listed<K> {
    /// Whether it was not in the list, and so does not exist.
    pub fn lacks(&self, key: &K) -> bool {
        !self.0.contains(key)
    }
}

impl<K> Default for Sightings<K> {
    fn default() -> Self {
        Self { newest: Revision::default(), relists: 0, listed: None, is_complete: false }
    }
}

impl<K: Eq + Hash> Sightings<K> {
    /// Notes a watch event; returns the list at its end. `key` names an object by its metadata; one
    /// without a name of the kind is not tracked.
    pub fn note<O: Resource>(
        &mut self,
        seen: &WatchEvent<O>,
        key: impl Fn(&ObjectMeta) -> Option<K>,
    ) -> Option<Listed<K>> {
        let metadata = match seen {
            WatchEvent::Restarted => {
                self.relists += 1;
                self.listed = Some(HashSet::new());
                return None;
            }
            WatchEvent::Synced => {
                // What was asked for in the meantime may have come and gone before the list was
                // made.
                self.relists += 1;
                let listed = self.listed.take()?;
                self.is_complete = true;
                return Some(Listed(listed));
            }
            WatchEvent::Gone(gone) => {
                self.newest = self.newest.max(gone.revision);
                return None;
            }
            WatchEvent::Present(object) => object.meta(),
            WatchEvent::Malformed(metadata) => metadata,
        };
        self.newest = self.newest.max(revision_of(metadata));
        if let Some(listed) = self.listed.as_mut() {
            listed.extend(key(metadata));
        }
        None
    }

    /// Whether every object has been seen once.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether a list is in progress.
    pub fn is_listing(&self) -> bool {
        self.listed.is_some()
    }

    /// To be held from before a request until its answer.
    pub fn ask(&self) -> Asked {
        Asked { relists: self.relists }
    }

    /// Whether the answer to a request says what the watch has not shown.
    ///
    /// The answer to a write is an observation like any other, and often the earliest. But it may
    /// be taken in late, when the watch has already shown what became of the object, up to its
    /// deletion: then it would bring back what is gone. So an answer counts only while the watch is
    /// behind it.
    pub fn is_news<O: Resource>(&self, answer: &O, asked: Asked) -> bool {
        !self.is_listing() && asked.relists == self.relists && revision(answer) > self.newest
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;
    use crate::runtime::watch::Gone;

    fn metadata(name: &str) -> ObjectMeta {
        ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
    }

    fn present(name: &str) -> WatchEvent<ConfigMap> {
        WatchEvent::Present(ConfigMap { metadata: metadata(name), ..ConfigMap::default() })
    }

    #[test]
    fn an_object_that_cannot_be_decoded_exists_from_the_first_list_on() {
        let mut sightings = Sightings::default();
        let mut note = |seen| sightings.note(&seen, |metadata| metadata.name.clone());
        assert!(note(WatchEvent::Restarted).is_none());
        assert!(note(present("readable")).is_none());
        assert!(note(WatchEvent::Malformed(Box::new(metadata("unreadable")))).is_none());
        let listed = note(WatchEvent::Synced).unwrap();
        let lacks =
            ["readable", "unreadable", "another"].map(|name| listed.lacks(&name.to_owned()));
        assert_eq!(lacks, [false, false, true]);
        assert!(sightings.is_complete());
    }

    #[test]
    fn without_a_complete_list_nothing_is_absent() {
        let mut sightings: Sightings<String> = Sightings::default();
        let mut note = |seen| sightings.note(&seen, |metadata| metadata.name.clone());
        assert!(note(WatchEvent::Synced).is_none(), "no list has begun");
        assert!(note(present("one")).is_none());
        assert!(note(WatchEvent::Gone(Gone::of(&metadata("one")))).is_none());
        assert!(note(WatchEvent::Restarted).is_none());
        assert!(!sightings.is_complete() && sightings.is_listing());
    }

    fn object(revision: &str) -> ConfigMap {
        let resource_version = Some(revision.to_owned());
        let metadata = ObjectMeta { resource_version, ..ObjectMeta::default() };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    fn note(sightings: &mut Sightings<String>, seen: WatchEvent<ConfigMap>) {
        sightings.note(&seen, |metadata| metadata.name.clone());
    }

    #[test]
    fn an_answer_counts_only_while_the_watch_is_behind_it() {
        let mut sightings = Sightings::default();
        note(&mut sightings, WatchEvent::Present(object("10")));
        let asked = sightings.ask();
        assert!(sightings.is_news(&object("11"), asked));
        note(&mut sightings, WatchEvent::Gone(Gone::of(&object("12").metadata)));
        assert!(!sightings.is_news(&object("11"), asked), "the watch has shown its deletion");
    }

    #[test]
    fn an_answer_overtaken_by_a_relist_does_not_count() {
        let mut sightings = Sightings::default();
        let asked = sightings.ask();
        note(&mut sightings, WatchEvent::Restarted);
        let meanwhile = sightings.ask();
        assert!(!sightings.is_news(&object("11"), meanwhile), "the list may be older or newer");
        note(&mut sightings, WatchEvent::Synced);
        assert!(!sightings.is_news(&object("11"), asked), "the list may have been without it");
        assert!(!sightings.is_news(&object("11"), meanwhile));
        assert!(sightings.is_news(&object("11"), sightings.ask()));
    }
}
