//! Objects that were seen but whose tenant is not yet certain.
//!
//! An object names its namespace, but not that namespace's UID, and the watch of Namespaces may be
//! behind: a namespace that was deleted and recreated, perhaps by another user, then still looks
//! like the old one. Two things prove who owns an object. One watch shows all objects in the order
//! in which they came and went, and a namespace goes after everything in it: so an object belongs
//! to the same tenant as any other object that exists beside it. And the API server's answer, given
//! after the object was seen, is no older than the object.

use std::collections::{HashMap, HashSet};

use kube::Resource;
use machines::identity::TenantUid;

use crate::backend::kinds::Key;

/// See the module.
#[derive(Debug)]
pub struct Ownership<K> {
    waiting: HashMap<String, HashMap<Key, Arrival<K>>>,
    /// Namespaces with a question in progress.
    asking: HashSet<String>,
    residents: HashMap<String, Residents>,
}

impl<K> Default for Ownership<K> {
    fn default() -> Self {
        let (waiting, residents) = (HashMap::new(), HashMap::new());
        Self { waiting, asking: HashSet::new(), residents }
    }
}

#[derive(Debug)]
struct Arrival<K> {
    object: K,
    /// Whether it was seen before the last question about its namespace was asked.
    asked: bool,
}

/// How many objects exist in a namespace, and their common tenant.
#[derive(Debug)]
struct Residents {
    tenant: TenantUid,
    number: usize,
}

/// What is the UID of this namespace?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The kind of the objects that it is about.
    pub kind: String,
    /// The name of the namespace.
    pub namespace: String,
    /// The objects that were seen before the question was asked.
    about: Vec<Key>,
}

impl<K: Resource<DynamicType = ()>> Ownership<K> {
    /// Keeps an object until its tenant is certain; a newer state replaces an older one.
    pub fn hold(&mut self, namespace: String, key: Key, object: K) {
        let waiting = self.waiting.entry(namespace).or_default();
        let asked = waiting.get(&key).is_some_and(|known| known.asked);
        waiting.insert(key, Arrival { object, asked });
    }

    /// Forgets an object.
    pub fn forget(&mut self, namespace: &str, key: &Key) {
        if let Some(waiting) = self.waiting.get_mut(namespace) {
            waiting.remove(key);
            if waiting.is_empty() {
                self.waiting.remove(namespace);
            }
        }
    }

    /// Forgets all objects: the list now starting will show them.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes out the objects of a namespace.
    pub fn take(&mut self, namespace: &str) -> Vec<K> {
        let waiting = self.waiting.remove(namespace).unwrap_or_default();
        in_order(waiting.into_values())
    }

    /// Takes out all objects.
    pub fn take_all(&mut self) -> Vec<K> {
        let waiting = std::mem::take(&mut self.waiting);
        in_order(waiting.into_values().flat_map(HashMap::into_values))
    }

    /// Questions to ask now about known namespaces, at most `limit`.
    pub fn questions(&mut self, limit: usize, known: impl Fn(&str) -> bool) -> Vec<Question> {
        let mut questions = Vec::new();
        for (namespace, waiting) in &mut self.waiting {
            if questions.len() == limit {
                break;
            }
            let is_asked = waiting.values().all(|arrival| arrival.asked);
            if is_asked || self.asking.contains(namespace) || !known(namespace) {
                continue;
            }
            self.asking.insert(namespace.clone());
            waiting.values_mut().for_each(|arrival| arrival.asked = true);
            let about = waiting.keys().cloned().collect();
            let kind = K::kind(&()).into_owned();
            questions.push(Question { kind, namespace: namespace.clone(), about });
        }
        questions
    }

    /// Notes that a question is no longer in progress.
    pub fn settle(&mut self, question: &Question) {
        self.asking.remove(&question.namespace);
    }

    /// Takes out the objects that a question was about.
    pub fn take_asked(&mut self, question: &Question) -> Vec<K> {
        let Some(waiting) = self.waiting.get_mut(&question.namespace) else { return Vec::new() };
        let objects = in_order(question.about.iter().filter_map(|key| waiting.remove(key)));
        if waiting.is_empty() {
            self.waiting.remove(&question.namespace);
        }
        objects
    }

    /// Notes that an object exists whose tenant is certain.
    pub fn moved_in(&mut self, namespace: &str, tenant: &TenantUid) {
        let none = || Residents { tenant: tenant.clone(), number: 0 };
        let residents = self.residents.entry(namespace.to_owned()).or_insert_with(none);
        if residents.tenant != *tenant {
            *residents = none();
        }
        residents.number += 1;
    }

    /// Notes that such an object is gone.
    pub fn moved_out(&mut self, namespace: &str, tenant: &TenantUid) {
        let Some(residents) = self.residents.get_mut(namespace) else { return };
        if residents.tenant != *tenant {
            return;
        }
        residents.number = residents.number.saturating_sub(1);
        if residents.number == 0 {
            self.residents.remove(namespace);
        }
    }

    /// Whether another object in the namespace proves who owns everything in it.
    pub fn is_home_of(&self, namespace: &str, tenant: &TenantUid) -> bool {
        self.residents.get(namespace).is_some_and(|residents| residents.tenant == *tenant)
    }
}

/// Objects that come in together come in as they were created: some of them take turns.
fn in_order<K: Resource>(arrivals: impl Iterator<Item = Arrival<K>>) -> Vec<K> {
    let mut objects: Vec<K> = arrivals.map(|arrival| arrival.object).collect();
    let age = |one: &K| one.meta().creation_timestamp.as_ref().map(|time| time.0);
    objects.sort_by(|one, other| {
        age(one).cmp(&age(other)).then_with(|| one.meta().uid.cmp(&other.meta().uid))
    });
    objects
}

#[cfg(test)]
mod tests {
    use crds::{GitOpsDeployment, GitOpsDeploymentSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use kube::ResourceExt;
    use machines::identity::DeploymentUid;

    use super::*;

    fn hold(ownership: &mut Ownership<GitOpsDeployment>, uid: &str) {
        let object = GitOpsDeployment::new(uid, GitOpsDeploymentSpec::default());
        ownership.hold("team".to_owned(), Key::Deployment(DeploymentUid::new(uid)), object);
    }

    #[test]
    fn an_answer_is_about_what_was_seen_before_its_question() {
        let mut ownership = Ownership::default();
        hold(&mut ownership, "one");
        assert_eq!(ownership.questions(8, |_| false), []);
        let questions = ownership.questions(8, |_| true);
        assert_eq!(questions.len(), 1);
        assert_eq!(ownership.questions(8, |_| true), [], "it was asked");
        hold(&mut ownership, "one");
        hold(&mut ownership, "two");
        assert_eq!(ownership.questions(8, |_| true), [], "one is under way");
        ownership.settle(&questions[0]);
        assert_eq!(ownership.take_asked(&questions[0]).len(), 1);
        let questions = ownership.questions(8, |_| true);
        assert_eq!(questions.len(), 1);
        ownership.settle(&questions[0]);
        assert_eq!(ownership.take_asked(&questions[0]).len(), 1);
        assert_eq!(ownership.questions(8, |_| true), []);
    }

    #[test]
    fn what_was_created_first_comes_first() {
        let mut ownership = Ownership::default();
        for (uid, second) in [("c", 2), ("a", 3), ("d", 1), ("b", 2)] {
            let mut object = GitOpsDeployment::new(uid, GitOpsDeploymentSpec::default());
            object.metadata.uid = Some(uid.to_owned());
            object.metadata.creation_timestamp = Timestamp::from_second(second).ok().map(Time);
            ownership.hold("team".to_owned(), Key::Deployment(DeploymentUid::new(uid)), object);
        }
        let uids: Vec<_> = ownership.take_all().into_iter().filter_map(|one| one.uid()).collect();
        assert_eq!(uids, ["d", "b", "c", "a"]);
    }

    #[test]
    fn a_namespace_belongs_to_a_tenant_as_long_as_it_has_an_object_there() {
        let mut ownership = Ownership::<GitOpsDeployment>::default();
        let (old, new) = (TenantUid::new("old"), TenantUid::new("new"));
        ownership.moved_in("team", &old);
        ownership.moved_in("team", &old);
        ownership.moved_out("team", &old);
        assert!(ownership.is_home_of("team", &old));
        ownership.moved_out("team", &old);
        assert!(!ownership.is_home_of("team", &old));
        ownership.moved_in("team", &new);
        ownership.moved_out("team", &old);
        assert!(ownership.is_home_of("team", &new));
    }
}
