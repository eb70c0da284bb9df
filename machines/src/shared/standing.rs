//! How far machines are, in few words: what is counted of them.

use crate::identity::Timestamp;

/// Which of the three conventional conditions holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Readiness {
    /// What is asked for is done.
    Ready,
    /// Work goes on by itself.
    Reconciling,
    /// Nothing goes on until a user acts.
    Stalled,
}

impl Readiness {
    /// All of them, as they are counted.
    pub const NAMES: [&'static str; 3] = ["ready", "reconciling", "stalled"];

    /// As it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Reconciling => "reconciling",
            Self::Stalled => "stalled",
        }
    }
}

/// How far a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which condition holds.
    pub readiness: Readiness,
    /// Its reason, one of a list.
    pub reason: &'static str,
    /// Since when it has waited for the service itself, if it does.
    pub waits_since: Option<Timestamp>,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    /// Checks that a list has the reason of every progress in a source.
    pub(crate) fn check_reasons(source: &str, listed: &[&str], elsewhere: &[&str]) {
        let mut found: BTreeSet<&str> = elsewhere.iter().copied().collect();
        for call in ["Progress::done(", "Progress::working(", "Progress::stuck("] {
            let arguments = source.split(call).skip(1).map(str::trim_start);
            let literals = arguments.filter_map(|text| text.strip_prefix('"'));
            found.extend(literals.filter_map(|text| text.split('"').next()));
        }
        assert!(found.len() > elsewhere.len(), "the source has reasons");
        assert_eq!(found, listed.iter().copied().collect::<BTreeSet<_>>());
    }
}
