//! The commands.

pub(crate) mod campaigns;
pub(crate) mod plans;
pub(crate) mod poison;
pub(crate) mod sim;

use std::ops::Range;

/// The seeds to run: the one that is asked for, or so many from the first on, which is a new one
/// each time unless it is given.
fn seeds(only: Option<u64>, first: Option<u64>, number: u64) -> Range<u64> {
    let (first, number) = match only {
        Some(seed) => (seed, 1),
        None => (first.unwrap_or_else(|| fastrand::u64(..u64::MAX / 2)), number),
    };
    first..first + number
}
