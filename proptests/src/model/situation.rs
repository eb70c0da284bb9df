//! One moment of a scenario, and its successors.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::world::{Cluster, Fault, Move};

/// One moment of a scenario.
#[derive(Clone)]
pub struct Situation {
    /// Everything that exists, in its normal form.
    pub cluster: Arc<Cluster>,
    /// What users may still do, each once, in any order.
    pub acts: Vec<Move>,
    /// What may still go wrong: one of these, once.
    pub faults: &'static [Fault],
    /// The fault that has just happened. Such a situation only records the fault: it has no
    /// successors, because those belong to the same situation without this mark.
    pub happened: Option<Fault>,
    /// A digest of all of the above, like a state's fingerprint in stateright: among a million
    /// situations, the chance that two share one is one in forty million.
    pub key: u64,
    /// A digest of the cluster.
    pub(super) cluster_key: u64,
}

/// The same value has the same number in every process.
fn number_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Situation {
    /// A moment with this cluster, and with what may still happen.
    pub(super) fn new(mut cluster: Cluster, acts: Vec<Move>, faults: &'static [Fault]) -> Self {
        cluster.normalise(if faults.is_empty() { 0 } else { VERSIONS });
        let cluster_key = number_of(format!("{cluster:?}").as_str());
        let key = number_of(&(cluster_key, format!("{acts:?}"), faults));
        Self { cluster: Arc::new(cluster), acts, faults, happened: None, key, cluster_key }
    }

    /// Whether it has no successors: it is a mere mark, or a promise is already broken.
    pub(super) fn is_an_end(&self) -> bool {
        self.happened.is_some() || !self.cluster.broken.is_empty()
    }

    /// The mark that a fault happened here.
    pub(super) fn sign(&self, fault: Fault) -> Self {
        let key = number_of(&format!("{fault:?}"));
        Self { happened: Some(fault), key, ..self.clone() }
    }
}

/// How many older versions of an object can still be shown late: the first one, which differs most
/// from the current one.
const VERSIONS: usize = 1;

impl PartialEq for Situation {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Situation {}

impl Hash for Situation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for Situation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.cluster.summary())
    }
}

/// The kind of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user acts.
    Act,
    /// Something goes wrong.
    Fault,
    /// Something happens spontaneously.
    Help,
}

/// One thing that can happen, and its result.
#[derive(Clone, PartialEq)]
pub struct Step {
    /// Why it happens.
    pub kind: Kind,
    /// What happens.
    pub next_move: Move,
    /// The result.
    pub next: Situation,
    /// Whether anything was written, to the API or to the database.
    pub wrote: bool,
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "-- {:?}: {:?}", self.kind, self.next_move)
    }
}
