//! What was seen of each environment, and when.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How many environments have reached each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvironmentCounts {
    /// Created by this run.
    pub(crate) created: usize,
    /// Of these, ready.
    pub(crate) ready: usize,
}

/// How long everything took.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentDurations {
    /// From each environment's creation until it is ready.
    pub(crate) ready: Vec<Duration>,
    /// From the first creation until the last environment was ready.
    pub(crate) all_ready: Duration,
}

/// One environment. Its parts come in any order, as those of a deployment.
#[derive(Debug, Default)]
struct Track {
    created: Option<Instant>,
    ready: Option<Instant>,
}

impl Track {
    fn counts(&self) -> EnvironmentCounts {
        let is_ours = self.created.is_some();
        EnvironmentCounts {
            created: usize::from(is_ours),
            ready: usize::from(is_ours && self.ready.is_some()),
        }
    }
}

/// All environments, by UID.
#[derive(Debug, Default)]
pub(crate) struct Environments {
    tracks: HashMap<String, Track>,
    counts: EnvironmentCounts,
}

impl Environments {
    /// An environment was created; `at` is just before its creation was requested.
    pub(crate) fn created(&mut self, uid: &str, at: Instant) {
        self.update(uid, |track| track.created = Some(at));
    }

    /// A watch shows that this environment is ready.
    pub(crate) fn ready(&mut self, uid: &str, at: Instant) {
        self.update(uid, |track| {
            track.ready.get_or_insert(at);
        });
    }

    fn update(&mut self, uid: &str, change: impl FnOnce(&mut Track)) {
        let track = self.tracks.entry(uid.to_owned()).or_default();
        let before = track.counts();
        change(track);
        let after = track.counts();
        let EnvironmentCounts { created, ready } = &mut self.counts;
        *created = *created + after.created - before.created;
        *ready = *ready + after.ready - before.ready;
    }

    pub(crate) fn counts(&self) -> EnvironmentCounts {
        self.counts
    }

    /// Whether this environment is ready.
    pub(crate) fn is_ready(&self, uid: &str) -> bool {
        self.tracks.get(uid).is_some_and(|track| track.ready.is_some())
    }

    pub(crate) fn durations(&self) -> EnvironmentDurations {
        let ours = || self.tracks.values().filter_map(|track| Some((track, track.created?)));
        let took = |(track, created): (&Track, Instant)| {
            Some(track.ready?.saturating_duration_since(created))
        };
        let first = ours().map(|(_, created)| created).min();
        let last = ours().filter_map(|(track, _)| track.ready).max();
        let all_ready = first.zip(last).map(|(first, last)| last.saturating_duration_since(first));
        EnvironmentDurations {
            ready: ours().filter_map(took).collect(),
            all_ready: all_ready.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_followed_from_its_creation_until_it_is_ready_in_any_order() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut environments = Environments::default();
        environments.ready("a", after(20));
        assert_eq!(environments.counts(), EnvironmentCounts::default(), "it may be another's");
        environments.created("a", start);
        environments.ready("a", after(90));
        environments.created("b", after(10));
        assert_eq!(environments.counts(), EnvironmentCounts { created: 2, ready: 1 });
        assert!(environments.is_ready("a") && !environments.is_ready("b"));
        environments.ready("b", after(60));
        let EnvironmentDurations { mut ready, all_ready } = environments.durations();
        ready.sort();
        assert_eq!(ready, [20, 50].map(Duration::from_millis));
        assert_eq!(all_ready, Duration::from_millis(60));
    }

    #[test]
    fn what_is_not_ready_has_no_duration() {
        let mut environments = Environments::default();
        environments.created("a", Instant::now());
        let EnvironmentDurations { ready, all_ready } = environments.durations();
        assert!(ready.is_empty());
        assert_eq!(all_ready, Duration::ZERO);
    }
}
