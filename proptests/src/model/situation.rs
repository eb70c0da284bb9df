//! One moment of a scenario, and what can come next.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::world::{Cluster, Fault, Move};

/// One moment of a scenario.
#[derive(Clone)]
pub struct Situation {
    /// Everything there is, in its normal form.
    pub cluster: Arc<Cluster>,
    /// What users may still do, each once, in any order.
    pub acts: Vec<Move>,
    /// What may still go wrong: one of these, once.
    pub faults: &'static [Fault],
    /// The fault that has just happened. Such a situation only says that it did: nothing comes
    /// after it, because what does comes after another situation without this.
    pub happened: Option<Fault>,
    /// Stands for all of the above, as a fingerprint does for a state in stateright itself: of a
    /// million situations two share one with a chance of one in forty million.
    pub key: u64,
    /// Stands for the cluster.
    pub(super) cluster_key: u64,
}

/// The same value has the same number in every process.
fn number_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Situation {
    /// A moment at which this cluster is there and so much may still happen.
    pub(super) fn new(mut cluster: Cluster, acts: Vec<Move>, faults: &'static [Fault]) -> Self {
        cluster.normalise(if faults.is_empty() { 0 } else { VERSIONS });
        let cluster_key = number_of(format!("{cluster:?}").as_str());
        let key = number_of(&(cluster_key, format!("{acts:?}"), faults));
        Self { cluster: Arc::new(cluster), acts, faults, happened: None, key, cluster_key }
    }

    /// Whether nothing is looked at after it: it is a mere sign, or a promise is broken already.
    pub(super) fn is_an_end(&self) -> bool {
        self.happened.is_some() || !self.cluster.broken.is_empty()
    }

    /// The sign that a fault has happened here.
    pub(super) fn sign(&self, fault: Fault) -> Self {
        let key = number_of(&format!("{fault:?}"));
        Self { happened: Some(fault), key, ..self.clone() }
    }
}

/// So many older versions of an object can still be shown late: the one that it began as, which is
/// the one that differs most from what it became.
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

/// Why a move is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user acts.
    Act,
    /// Something goes wrong.
    Fault,
    /// Something goes on by itself.
    Help,
}

/// One thing that can happen, and what is then.
#[derive(Clone, PartialEq)]
pub struct Step {
    /// Why it happens.
    pub kind: Kind,
    /// What happens.
    pub next_move: Move,
    /// What is then.
    pub next: Situation,
    /// Whether anything was written, to the API or to the database.
    pub wrote: bool,
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "-- {:?}: {:?}", self.kind, self.next_move)
    }
}
