//! Percentiles of durations.

use std::time::Duration;

/// Durations in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Percentiles(Vec<Duration>);

impl Percentiles {
    pub(crate) fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        Self(samples)
    }

    /// How many samples there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that at least this percentage of all samples do not exceed (nearest
    /// rank, so it is always a sample); `None` when there are no samples.
    pub(crate) fn at(&self, percent: usize) -> Option<Duration> {
        let rank = (percent * self.0.len()).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    /// The largest sample.
    pub(crate) fn max(&self) -> Option<Duration> {
        self.0.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Percentiles {
        Percentiles::of(milliseconds.into_iter().map(Duration::from_millis).collect())
    }

    fn at(percentiles: &Percentiles, percent: usize) -> u128 {
        percentiles.at(percent).unwrap().as_millis()
    }

    #[test]
    fn the_nearest_rank_of_a_hundred_samples_is_the_percent_itself() {
        let all = of((1..=100).rev());
        assert_eq!([at(&all, 50), at(&all, 90), at(&all, 99)], [50, 90, 99]);
        assert_eq!(all.max(), Some(Duration::from_millis(100)));
    }

    #[test]
    fn between_two_ranks_the_higher_one_counts() {
        let five = of([15, 20, 35, 40, 50]);
        assert_eq!([at(&five, 30), at(&five, 40), at(&five, 50)], [20, 20, 35]);
        assert_eq!([at(&five, 99), at(&five, 100)], [50, 50]);
    }

    #[test]
    fn one_sample_is_every_percentile() {
        let one = of([7]);
        assert_eq!([at(&one, 0), at(&one, 50), at(&one, 99)], [7, 7, 7]);
    }

    #[test]
    fn no_samples_have_no_percentile() {
        assert_eq!((of([]).at(50), of([]).max(), of([]).count()), (None, None, 0));
    }
}
