//! Effects: what persisted states require from the world.
//!
//! Every requirement follows from a persisted state, so nothing here needs to survive: after a
//! crash the states are read again and say what they require. An effect has a key; one effect runs
//! per key at a time, and a newer one replaces a waiting one.
//!
//! * [`slot`]: what is known of one key, a state machine;
//! * [`turns`]: whose turn it is, between tenants and by priority;
//! * [`queue`]: runs what the two say.

mod queue;
mod slot;
mod turns;

use std::fmt::Debug;
use std::hash::Hash;

pub use queue::{EffectQueue, Pool};
pub use slot::Required;

/// How long a user is willing to wait for an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A user waits for it: Operations, Applications, AppProjects, finalizers.
    High,
    /// A user may be looking: status.
    Normal,
    /// No user waits: finished Operations.
    Low,
}

impl Priority {
    const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// As it is counted.
    fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// What a queue needs to know about an effect.
pub trait QueuedEffect: Clone + PartialEq + Debug + Send + 'static {
    /// What it is about.
    type Key: Clone + Eq + Hash + Ord + Debug + Send;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Its priority.
    fn priority(&self) -> Priority;
    /// Whether its answer reaches the machine as an observation before the run ends. A machine that
    /// has taken that in and still requires the same has seen it undone.
    fn is_answered(&self) -> bool;
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The world is as it should be; the same effect does not run again while it is required.
    Done,
    /// Another actor must act first; observing that requires the effect again.
    Pending,
    /// It failed, and may succeed later.
    Failed,
}
