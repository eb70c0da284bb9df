//! The commands.

pub(crate) mod campaigns;
pub(crate) mod everywhere;
pub(crate) mod plans;
pub(crate) mod poison;
pub(crate) mod sim;

use std::ops::Range;

use clap::Args;

/// The seeds to run: the one that is asked for, or so many from the first on, which is a new one
/// each time unless it is given.
fn seeds(only: Option<u64>, first: Option<u64>, number: u64) -> Range<u64> {
    let (first, number) = match only {
        Some(seed) => (seed, 1),
        None => (first.unwrap_or_else(|| fastrand::u64(..u64::MAX / 2)), number),
    };
    first..first + number
}

/// Which seeds to run.
#[derive(Args)]
struct Seeds {
    /// The only seed to run.
    #[arg(long, conflicts_with_all = ["number", "first"])]
    seed: Option<u64>,
    /// How many to run [default: 1000 campaigns, 64 of poison].
    #[arg(long)]
    number: Option<u64>,
    /// The first of them; without it a new one each time.
    #[arg(long)]
    first: Option<u64>,
}

impl Seeds {
    fn range(&self, usual: u64) -> Range<u64> {
        seeds(self.seed, self.first, self.number.unwrap_or(usual))
    }
}
