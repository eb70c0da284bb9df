//! What was seen of each deployment, and when.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::Until;
use crate::environments::Environments;
use crate::mirror::{Mirror, Standing};
use crate::sync_runs::SyncRuns;

/// How many deployments have reached each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Created by this run.
    pub(crate) created: usize,
    /// Of these, with an Application.
    pub(crate) applications: usize,
    /// Of these, ready.
    pub(crate) ready: usize,
}

/// One deployment. Its parts come in any order: a watch may show an object before the answer to its
/// creation has arrived.
#[derive(Debug, Default)]
struct Track {
    /// When its creation was requested, and when that was answered.
    created: Option<(Instant, Instant)>,
    application: Option<Instant>,
    application_exists: bool,
    /// The cluster of its environment, by the name that Argo CD knows it by.
    cluster: Option<String>,
    ready: Option<Instant>,
    mirror: Mirror,
}

impl Track {
    fn counts(&self) -> Counts {
        let is_ours = self.created.is_some();
        Counts {
            created: usize::from(is_ours),
            applications: usize::from(is_ours && self.application.is_some()),
            ready: usize::from(is_ours && self.ready.is_some()),
        }
    }

    /// From the request for its creation to a later time.
    fn until(&self, moment: Option<Instant>) -> Option<Duration> {
        let (requested, _) = self.created?;
        Some(moment?.saturating_duration_since(requested))
    }
}

/// All deployments, by UID, with the environments and the sync runs.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) environments: Environments,
    pub(crate) sync_runs: SyncRuns,
    tracks: HashMap<String, Track>,
    counts: Counts,
}

/// How long everything took.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// From each deployment's creation to its Application.
    pub(crate) application: Vec<Duration>,
    /// From each deployment's creation until it is ready.
    pub(crate) ready: Vec<Duration>,
    /// From each change of an Application until the deployment's status shows it.
    pub(crate) status: Vec<Duration>,
    /// From the first creation request to the last answer.
    pub(crate) all_created: Duration,
    /// From the first creation to the last Application.
    pub(crate) all_applications: Duration,
    /// From the first creation until the last deployment was ready.
    pub(crate) all_ready: Duration,
}

impl Ledger {
    /// A deployment of this run was created.
    pub(crate) fn created(&mut self, uid: &str, requested: Instant, answered: Instant) {
        self.update(uid, |track| track.created = Some((requested, answered)));
    }

    /// A watch shows the Application of a deployment.
    pub(crate) fn application(&mut self, uid: &str, standing: Option<Standing>, at: Instant) {
        self.update(uid, |track| {
            track.application.get_or_insert(at);
            track.application_exists = true;
            if let Some(standing) = standing {
                track.mirror.application_shows(standing, at);
            }
        });
    }

    /// The Application of a deployment goes to this cluster, or went there last.
    pub(crate) fn deployed_to(&mut self, uid: &str, cluster: &str) {
        self.update(uid, |track| track.cluster = Some(cluster.to_owned()));
    }

    /// The clusters of the environments that the deployments of this run use.
    pub(crate) fn clusters(&self) -> BTreeSet<String> {
        let ours = self.tracks.values().filter(|track| track.created.is_some());
        ours.filter_map(|track| track.cluster.clone()).collect()
    }

    /// The Application of a deployment is gone.
    pub(crate) fn application_gone(&mut self, uid: &str) {
        self.update(uid, |track| track.application_exists = false);
    }

    /// A watch shows a deployment.
    pub(crate) fn deployment(
        &mut self,
        uid: &str,
        standing: Option<Standing>,
        is_ready: bool,
        at: Instant,
    ) {
        self.update(uid, |track| {
            if is_ready {
                track.ready.get_or_insert(at);
            }
            if let Some(standing) = standing {
                track.mirror.deployment_shows(standing, at);
            }
        });
    }

    fn update(&mut self, uid: &str, change: impl FnOnce(&mut Track)) {
        let track = match self.tracks.get_mut(uid) {
            Some(track) => track,
            None => self.tracks.entry(uid.to_owned()).or_default(),
        };
        let before = track.counts();
        change(track);
        let after = track.counts();
        let Counts { created, applications, ready } = &mut self.counts;
        *created = *created + after.created - before.created;
        *applications = *applications + after.applications - before.applications;
        *ready = *ready + after.ready - before.ready;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How many deployments have got this far.
    pub(crate) fn have_come(&self, until: Until) -> usize {
        match until {
            Until::Ready => self.counts.ready,
            Until::Applications => self.counts.applications,
        }
    }

    /// Whether this deployment has got this far.
    pub(crate) fn has_come(&self, uid: &str, until: Until) -> bool {
        self.tracks.get(uid).is_some_and(|track| match until {
            Until::Ready => track.ready.is_some(),
            Until::Applications => track.application.is_some(),
        })
    }

    /// How many Applications of this run exist.
    pub(crate) fn existing_applications(&self) -> usize {
        self.ours().filter(|track| track.application_exists).count()
    }

    fn ours(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values().filter(|track| track.created.is_some())
    }

    pub(crate) fn durations(&self) -> Durations {
        let Some(first) = self.ours().filter_map(|track| track.created).map(|(at, _)| at).min()
        else {
            return Durations::default();
        };
        let until_last = |moment: fn(&Track) -> Option<Instant>| {
            let last = self.ours().filter_map(moment).max();
            last.map_or(Duration::ZERO, |last| last.saturating_duration_since(first))
        };
        Durations {
            application: self.ours().filter_map(|one| one.until(one.application)).collect(),
            ready: self.ours().filter_map(|one| one.until(one.ready)).collect(),
            status: self.ours().flat_map(|one| one.mirror.samples()).copied().collect(),
            all_created: until_last(|one| one.created.map(|(_, answered)| answered)),
            all_applications: until_last(|one| one.application),
            all_ready: until_last(|one| one.ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    fn healthy() -> Option<Standing> {
        Standing::new("Synced", "Healthy")
    }

    #[test]
    fn the_clock_runs_from_the_request_to_what_is_first_seen() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.created("a", start, after(start, 3));
        ledger.application("a", None, after(start, 10));
        ledger.application("a", healthy(), after(start, 20));
        ledger.deployment("a", healthy(), true, after(start, 26));
        ledger.deployment("a", healthy(), true, after(start, 90));
        let durations = ledger.durations();
        assert_eq!(durations.application, [Duration::from_millis(10)]);
        assert_eq!(durations.ready, [Duration::from_millis(26)]);
        assert_eq!(durations.status, [Duration::from_millis(6)]);
    }

    #[test]
    fn a_watch_may_be_faster_than_the_answer_to_the_creation() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.application("a", None, after(start, 2));
        assert_eq!(ledger.counts(), Counts::default());
        ledger.created("a", start, after(start, 5));
        assert_eq!(ledger.counts(), Counts { created: 1, applications: 1, ready: 0 });
        assert_eq!(ledger.durations().application, [Duration::from_millis(2)]);
    }

    #[test]
    fn what_others_created_does_not_count() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.application("theirs", healthy(), start);
        ledger.deployment("theirs", healthy(), true, start);
        assert_eq!(ledger.counts(), Counts::default());
        assert_eq!(ledger.existing_applications(), 0);
        assert!(ledger.durations().status.is_empty());
    }

    #[test]
    fn the_whole_run_lasts_from_the_first_request_to_the_last_sight() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.created("b", after(start, 50), after(start, 60));
        ledger.created("a", start, after(start, 5));
        ledger.application("a", None, after(start, 400));
        ledger.application("b", None, after(start, 70));
        ledger.deployment("b", None, true, after(start, 900));
        let durations = ledger.durations();
        assert_eq!(durations.all_created, Duration::from_millis(60));
        assert_eq!(durations.all_applications, Duration::from_millis(400));
        assert_eq!(durations.all_ready, Duration::from_millis(900));
    }

    #[test]
    fn the_clusters_are_those_of_this_runs_deployments_even_without_their_applications() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.deployed_to("a", "managed-env-1");
        ledger.created("a", start, start);
        ledger.deployed_to("theirs", "managed-env-2");
        ledger.application_gone("a");
        assert_eq!(ledger.clusters(), BTreeSet::from(["managed-env-1".to_owned()]));
    }

    #[test]
    fn an_application_that_is_gone_no_longer_exists_but_was_seen() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        ledger.created("a", start, start);
        ledger.application("a", None, start);
        assert!(ledger.has_come("a", Until::Applications));
        assert_eq!(ledger.existing_applications(), 1);
        ledger.application_gone("a");
        assert_eq!(ledger.existing_applications(), 0);
        assert_eq!(ledger.counts().applications, 1);
    }
}
