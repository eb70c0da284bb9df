//! The known differences between the servers, read from `differences.yaml`.

use regex::Regex;
use serde::Deserialize;

use crate::compare::Mismatch;

/// A known difference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    pub(crate) id: String,
    /// The fixed trace that shows it. It must still show it, otherwise the difference must be
    /// removed.
    pub(crate) shown_by: String,
    /// Whether it is allowed in any trace, rather than only in the one that shows it.
    #[serde(default)]
    anywhere: bool,
    #[serde(default)]
    call: Pattern,
    at: Pattern,
    #[serde(default)]
    real: Pattern,
    #[serde(default)]
    sandbox: Pattern,
    pub(crate) reason: String,
}

/// A regular expression; without one everything matches.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Option<Regex>);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, regex::Error> {
        Regex::new(&text).map(|expression| Self(Some(expression)))
    }
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|expression| expression.is_match(text))
    }
}

impl Difference {
    /// Whether a mismatch in a trace is this difference; random traces have no name.
    pub(crate) fn explains(&self, trace: &str, mismatch: &Mismatch) -> bool {
        (self.anywhere || self.shown_by == trace)
            && self.call.fits(&mismatch.call)
            && self.at.fits(&mismatch.at)
            && self.real.fits(&mismatch.real.to_string())
            && self.sandbox.fits(&mismatch.sandbox.to_string())
    }
}

/// The list.
pub(crate) fn known() -> Vec<Difference> {
    let list: Vec<Difference> =
        serde_saphyr::from_str(include_str!("differences.yaml")).expect("a list of differences");
    for difference in &list {
        assert!(!difference.reason.trim().is_empty(), "{}: without a reason", difference.id);
    }
    list
}

/// The mismatches that no known difference explains.
pub(crate) fn unexplained(
    known: &[Difference],
    trace: &str,
    mismatches: Vec<Mismatch>,
) -> Vec<Mismatch> {
    let is_known = |mismatch: &Mismatch| known.iter().any(|each| each.explains(trace, mismatch));
    mismatches.into_iter().filter(|mismatch| !is_known(mismatch)).collect()
}
