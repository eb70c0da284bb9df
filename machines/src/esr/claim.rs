//! The promises by name, and what a predicate says about a world.

use std::fmt;

/// A promise, by the name that documents and reports use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Predicate(pub &'static str);

/// While no cause changes, nothing is written.
pub(crate) const QUIET: Predicate = Predicate("QUIET");

/// A promise that the world breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub predicate: Predicate,
    /// About what.
    pub object: String,
    /// What is, and what should be.
    pub difference: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}: {}", self.predicate.0, self.object, self.difference)
    }
}

impl std::error::Error for Violation {}

/// What a predicate says about a world.
pub type Verdict = Result<(), Violation>;

/// Names the promise and the object once for all clauses of a predicate.
pub(crate) struct Claim {
    predicate: Predicate,
    object: String,
}

impl Claim {
    pub(crate) fn new(predicate: Predicate, object: impl fmt::Display) -> Self {
        Self { predicate, object: object.to_string() }
    }

    pub(crate) fn holds(&self, clause: bool, difference: impl FnOnce() -> String) -> Verdict {
        if clause {
            return Ok(());
        }
        Err(Violation {
            predicate: self.predicate,
            object: self.object.clone(),
            difference: difference(),
        })
    }

    /// The one item of its kind.
    pub(crate) fn only<'a, T>(&self, what: &str, items: &[&'a T]) -> Result<&'a T, Violation> {
        self.holds(items.len() == 1, || format!("{} {what} instead of 1", items.len()))?;
        Ok(items[0])
    }
}
