//! What was seen of each sync run, and when.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How many sync runs have reached each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SyncRunCounts {
    /// Created by this run of the command.
    pub(crate) created: usize,
    /// Of these, requested of Argo CD.
    pub(crate) requested: usize,
    /// Of these, ended, well or not.
    pub(crate) ended: usize,
    /// Of these, successful.
    pub(crate) succeeded: usize,
}

/// How long everything took.
#[derive(Debug, Default)]
pub(crate) struct SyncRunDurations {
    /// From each run's creation until Argo CD was asked for its sync.
    pub(crate) requested: Vec<Duration>,
    /// From each run's creation until it says how it ended.
    pub(crate) ended: Vec<Duration>,
    /// From the first creation to the last request.
    pub(crate) all_requested: Duration,
    /// From the first creation until the last run had ended.
    pub(crate) all_ended: Duration,
}

/// One sync run. Its parts come in any order, as those of a deployment.
#[derive(Debug, Default)]
struct Track {
    created: Option<Instant>,
    requested: Option<Instant>,
    ended: Option<Instant>,
    succeeded: bool,
}

/// All sync runs, by UID; their syncs are named like them.
#[derive(Debug, Default)]
pub(crate) struct SyncRuns {
    tracks: HashMap<String, Track>,
    counts: SyncRunCounts,
}

impl SyncRuns {
    /// A sync run was created; `at` is just before its creation was requested.
    pub(crate) fn created(&mut self, uid: &str, at: Instant) {
        self.update(uid, |track| track.created = Some(at));
    }

    /// A watch shows that Argo CD was asked for the sync of this run.
    pub(crate) fn requested(&mut self, uid: &str, at: Instant) {
        self.update(uid, |track| {
            track.requested.get_or_insert(at);
        });
    }

    /// A watch shows that this run has ended.
    pub(crate) fn ended(&mut self, uid: &str, succeeded: bool, at: Instant) {
        self.update(uid, |track| {
            track.ended.get_or_insert(at);
            track.succeeded |= succeeded;
        });
    }

    fn update(&mut self, uid: &str, change: impl FnOnce(&mut Track)) {
        let track = self.tracks.entry(uid.to_owned()).or_default();
        let before = track.counts();
        change(track);
        let after = track.counts();
        let SyncRunCounts { created, requested, ended, succeeded } = &mut self.counts;
        *created = *created + after.created - before.created;
        *requested = *requested + after.requested - before.requested;
        *ended = *ended + after.ended - before.ended;
        *succeeded = *succeeded + after.succeeded - before.succeeded;
    }

    pub(crate) fn counts(&self) -> SyncRunCounts {
        self.counts
    }

    /// Whether this run has ended.
    pub(crate) fn has_ended(&self, uid: &str) -> bool {
        self.tracks.get(uid).is_some_and(|track| track.ended.is_some())
    }

    pub(crate) fn durations(&self) -> SyncRunDurations {
        let ours = || self.tracks.values().filter_map(|track| Some((track, track.created?)));
        let Some(first) = ours().map(|(_, created)| created).min() else {
            return SyncRunDurations::default();
        };
        let each = |moment: fn(&Track) -> Option<Instant>| {
            let took = |(track, created): (&Track, Instant)| {
                Some(moment(track)?.saturating_duration_since(created))
            };
            ours().filter_map(took).collect()
        };
        let all = |moment: fn(&Track) -> Option<Instant>| {
            let last = ours().filter_map(|(track, _)| moment(track)).max();
            last.map_or(Duration::ZERO, |last| last.saturating_duration_since(first))
        };
        SyncRunDurations {
            requested: each(|track| track.requested),
            ended: each(|track| track.ended),
            all_requested: all(|track| track.requested),
            all_ended: all(|track| track.ended),
        }
    }
}

impl Track {
    fn counts(&self) -> SyncRunCounts {
        let is_ours = self.created.is_some();
        SyncRunCounts {
            created: usize::from(is_ours),
            requested: usize::from(is_ours && self.requested.is_some()),
            ended: usize::from(is_ours && self.ended.is_some()),
            succeeded: usize::from(is_ours && self.succeeded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_followed_from_its_creation_to_its_end_in_any_order() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut runs = SyncRuns::default();
        runs.requested("a", after(20));
        assert_eq!(runs.counts(), SyncRunCounts::default(), "it may be somebody else's");
        runs.created("a", start);
        runs.requested("a", after(30));
        assert!(!runs.has_ended("a"));
        runs.ended("a", true, after(50));
        runs.created("b", after(10));
        runs.ended("b", false, after(15));
        let counts = SyncRunCounts { created: 2, requested: 1, ended: 2, succeeded: 1 };
        assert_eq!(runs.counts(), counts);
        let SyncRunDurations { requested, mut ended, all_requested, all_ended } = runs.durations();
        ended.sort();
        assert_eq!(requested, [Duration::from_millis(20)]);
        assert_eq!(ended, [Duration::from_millis(5), Duration::from_millis(50)]);
        assert_eq!(all_requested, Duration::from_millis(20));
        assert_eq!(all_ended, Duration::from_millis(50));
    }
}
