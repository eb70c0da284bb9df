//! When a cluster is asked again that was asked before. These moments are no deadlines of the machine,
//! which would write its row each time; whoever asks keeps them.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::EnvironmentUid;

/// How often a cluster is asked again, apart from the jitter.
pub const INTERVAL: Duration = Duration::from_secs(600);
/// How soon one is asked again that could not be used, doubled each time up to the interval: its
/// recovery is noticed soon.
pub const FIRST_INTERVAL: Duration = Duration::from_secs(15);
/// By how much a pause may differ, as a share of it: clusters that were asked together are not asked
/// together ever after.
const JITTER: f64 = 0.1;
/// Doubling stops here; beyond it the pause is the interval anyway.
const LAST_DOUBLING: u32 = 6;

/// The pause before a cluster is asked again, after so many refusals in a row. If it `is_doubtful`
/// whether it can be used, the pause is never longer than the interval.
pub fn pause(uid: &EnvironmentUid, refusals: u32, is_doubtful: bool) -> Duration {
    let hash = Sha256::digest(format!("{uid}/{refusals}").as_bytes());
    let share = f64::from(hash[0]) / 255.0;
    if !is_doubtful {
        return INTERVAL.mul_f64(1.0 - JITTER + 2.0 * JITTER * share);
    }
    let doublings = refusals.saturating_sub(1).min(LAST_DOUBLING);
    let pause = FIRST_INTERVAL.saturating_mul(1 << doublings).min(INTERVAL);
    pause.mul_f64(1.0 - JITTER * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(refusals: u32, is_doubtful: bool) -> Vec<f64> {
        let uids = (0..50).map(|number| EnvironmentUid::new(format!("uid-{number}")));
        uids.map(|uid| pause(&uid, refusals, is_doubtful).as_secs_f64()).collect()
    }

    fn are_within(pauses: &[f64], low: f64, high: f64) -> bool {
        pauses.iter().all(|pause| (low..=high).contains(pause))
    }

    #[test]
    fn a_good_cluster_is_asked_every_ten_minutes_or_so() {
        let pauses = seconds(0, false);
        assert!(are_within(&pauses, 540.0, 660.0), "{pauses:?}");
        let different: std::collections::BTreeSet<u64> =
            pauses.iter().map(|pause| pause.to_bits()).collect();
        assert!(different.len() > 30, "only {} different pauses", different.len());
    }

    #[test]
    fn a_doubtful_one_is_asked_soon_and_then_less_and_less_often() {
        for (refusals, longest) in [(0, 15.0), (1, 15.0), (2, 30.0), (4, 120.0), (7, 600.0)] {
            let pauses = seconds(refusals, true);
            assert!(are_within(&pauses, longest * 0.9, longest), "{refusals}: {pauses:?}");
        }
        let pauses = seconds(u32::MAX, true);
        assert!(are_within(&pauses, 540.0, 600.0), "never longer than the interval: {pauses:?}");
    }
}
