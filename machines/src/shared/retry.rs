//! Back-off between attempts, jittered without randomness.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::identity::Timestamp;

/// First pause after a failure.
const FIRST: Duration = Duration::from_millis(500);
/// Longest pause before jitter: a repaired cluster is noticed within a little more than that, even
/// without any other sign.
const LONGEST: Duration = Duration::from_secs(60);
/// Doubling stops here; beyond it the pause is `LONGEST` anyway.
const LAST_DOUBLING: u32 = 7;

/// A deadline doubles each time it passes, up to this: what stays away for long is checked rarely,
/// or ten thousand deployments would write their rows each minute while Argo CD is away.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(3_600);

/// Counts that a deadline has passed once more; returns when it is due next.
pub fn postpone(first: Duration, overdue: &mut u32, now: Timestamp) -> Timestamp {
    *overdue = overdue.saturating_add(1);
    // It doubles each time; the limit is reached before the shift overflows.
    let pause = first.saturating_mul(1 << (*overdue).min(8));
    now.after(pause.min(LONGEST_DEADLINE))
}

/// When to try again after the `failures`-th failure in a row (1 is the first).
///
/// The jitter (up to a quarter of the pause) comes from the machine's own key, so machines that
/// failed together do not come back together, and a replay of one machine is exact.
pub fn next_attempt(key: &str, failures: u32, now: Timestamp) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(LAST_DOUBLING);
    let pause = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let hash = Sha256::digest(format!("{key}/{failures}").as_bytes());
    let jitter = pause.mul_f64(f64::from(hash[0]) / 255.0 / 4.0);
    now.after(pause + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_is_capped() {
        let now = Timestamp::from_millis(0);
        let pauses: Vec<i64> =
            (1..=40).map(|failures| next_attempt("key", failures, now).as_millis()).collect();
        assert!(pauses[0] >= 500 && pauses[0] <= 625);
        assert!(pauses[3] >= 4_000 && pauses[3] <= 5_000);
        assert!(pauses[39] >= 60_000 && pauses[39] <= 75_000);
    }

    #[test]
    fn machines_that_fail_together_do_not_return_together() {
        let now = Timestamp::from_millis(0);
        let moments: std::collections::BTreeSet<_> =
            (0..50).map(|key| next_attempt(&format!("key-{key}"), 6, now)).collect();
        assert!(moments.len() > 30, "only {} different moments", moments.len());
    }
}
