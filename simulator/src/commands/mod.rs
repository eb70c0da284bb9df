//! The commands.

pub(crate) mod campaigns;
pub(crate) mod field_fuzzing;
pub(crate) mod plans;
pub(crate) mod poison;
pub(crate) mod sim;

use std::ops::Range;

use clap::Args;

/// Which seeds to run.
#[derive(Args)]
struct Seeds {
    /// The only seed to run.
    #[arg(long, conflicts_with_all = ["number", "first"])]
    seed: Option<u64>,
    /// How many to run [default: 256 random runs, 1000 campaigns, 64 of poison].
    #[arg(long, visible_alias = "seeds")]
    number: Option<u64>,
    /// The first of them [default: a new one each time].
    #[arg(long)]
    first: Option<u64>,
}

impl Seeds {
    fn range(&self, usual: u64) -> Range<u64> {
        let (first, number) = match self.seed {
            Some(seed) => (seed, 1),
            None => {
                let first = self.first.unwrap_or_else(|| fastrand::u64(..u64::MAX / 2));
                (first, self.number.unwrap_or(usual))
            }
        };
        first..first + number
    }
}
