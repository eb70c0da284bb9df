//! How long a deployment's status takes to show what its Application shows.

use std::time::{Duration, Instant};

/// Most changes of one Application that are kept until its deployment shows them. An Application
/// changes a handful of times; more pile up only if nothing is mirrored.
const WAITING_LIMIT: usize = 32;

/// What Argo CD says about an Application in two words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    sync: String,
    health: String,
}

impl Standing {
    /// `None` while neither is known.
    pub(crate) fn new(sync: &str, health: &str) -> Option<Self> {
        let is_known = !(sync.is_empty() && health.is_empty());
        is_known.then(|| Self { sync: sync.to_owned(), health: health.to_owned() })
    }

    pub(crate) fn is_good(&self) -> bool {
        self.sync == "Synced" && self.health == "Healthy"
    }
}

/// The changes of one Application and of the deployment that mirrors it. A change that the
/// deployment skips, because a later one overtook it, gives no sample.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    application: Option<Standing>,
    deployment: Option<Standing>,
    waiting: Vec<(Standing, Instant)>,
    /// What the deployment showed before the Application was seen to: two watches may cross.
    ahead: Option<Standing>,
    samples: Vec<Duration>,
}

impl Mirror {
    /// The Application's watch shows this.
    pub(crate) fn application_shows(&mut self, standing: Standing, at: Instant) {
        if self.application.as_ref() == Some(&standing) {
            return;
        }
        self.application = Some(standing.clone());
        if self.ahead.as_ref() == Some(&standing) {
            self.ahead = None;
            self.waiting.clear();
            self.samples.push(Duration::ZERO);
            return;
        }
        if self.waiting.len() == WAITING_LIMIT {
            self.waiting.remove(0);
        }
        self.waiting.push((standing, at));
    }

    /// The deployment's watch shows this.
    pub(crate) fn deployment_shows(&mut self, standing: Standing, at: Instant) {
        if self.deployment.as_ref() == Some(&standing) {
            return;
        }
        self.deployment = Some(standing.clone());
        // Of equal changes the first counts: better too long a time than too short.
        match self.waiting.iter().position(|(waiting, _)| *waiting == standing) {
            Some(position) => {
                let since = self.waiting.drain(..=position).next_back();
                let taken = since.map(|(_, since)| at.saturating_duration_since(since));
                self.samples.extend(taken);
                self.ahead = None;
            }
            None => self.ahead = Some(standing),
        }
    }

    /// One duration for each change that both have shown.
    pub(crate) fn samples(&self) -> &[Duration] {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clock(Instant);

    impl Clock {
        fn at(&self, milliseconds: u64) -> Instant {
            self.0 + Duration::from_millis(milliseconds)
        }
    }

    fn standing(sync: &str, health: &str) -> Standing {
        Standing::new(sync, health).unwrap()
    }

    fn progressing() -> Standing {
        standing("OutOfSync", "Progressing")
    }

    fn healthy() -> Standing {
        standing("Synced", "Healthy")
    }

    fn milliseconds(mirror: &Mirror) -> Vec<u128> {
        mirror.samples().iter().map(Duration::as_millis).collect()
    }

    #[test]
    fn each_change_that_both_show_is_a_sample() {
        let (clock, mut mirror) = (Clock(Instant::now()), Mirror::default());
        mirror.application_shows(progressing(), clock.at(0));
        mirror.deployment_shows(progressing(), clock.at(5));
        mirror.application_shows(healthy(), clock.at(100));
        mirror.deployment_shows(healthy(), clock.at(107));
        assert_eq!(milliseconds(&mirror), [5, 7]);
    }

    #[test]
    fn a_change_that_the_deployment_skips_is_no_sample() {
        let (clock, mut mirror) = (Clock(Instant::now()), Mirror::default());
        mirror.application_shows(progressing(), clock.at(0));
        mirror.application_shows(healthy(), clock.at(10));
        mirror.deployment_shows(healthy(), clock.at(14));
        assert_eq!(milliseconds(&mirror), [4]);
        mirror.deployment_shows(progressing(), clock.at(15));
        assert_eq!(milliseconds(&mirror), [4]);
    }

    #[test]
    fn what_is_shown_again_unchanged_is_no_sample() {
        let (clock, mut mirror) = (Clock(Instant::now()), Mirror::default());
        mirror.application_shows(healthy(), clock.at(0));
        mirror.application_shows(healthy(), clock.at(3));
        mirror.deployment_shows(healthy(), clock.at(4));
        mirror.deployment_shows(healthy(), clock.at(9));
        assert_eq!(milliseconds(&mirror), [4]);
    }

    #[test]
    fn a_deployment_whose_watch_was_faster_took_no_time() {
        let (clock, mut mirror) = (Clock(Instant::now()), Mirror::default());
        mirror.deployment_shows(healthy(), clock.at(4));
        mirror.application_shows(healthy(), clock.at(5));
        mirror.application_shows(progressing(), clock.at(10));
        mirror.deployment_shows(progressing(), clock.at(12));
        assert_eq!(milliseconds(&mirror), [0, 2]);
    }

    #[test]
    fn changes_that_are_not_mirrored_are_not_kept_forever() {
        let (clock, mut mirror) = (Clock(Instant::now()), Mirror::default());
        for number in 0..200 {
            let sync = if number % 2 == 0 { "Synced" } else { "OutOfSync" };
            mirror.application_shows(standing(sync, "Healthy"), clock.at(number));
        }
        assert_eq!(mirror.waiting.len(), WAITING_LIMIT);
        assert_eq!(milliseconds(&mirror), [] as [u128; 0]);
    }

    #[test]
    fn a_standing_about_which_nothing_is_known_is_none() {
        assert_eq!(Standing::new("", ""), None);
        assert!(Standing::new("Synced", "").is_some_and(|standing| !standing.is_good()));
        assert!(healthy().is_good());
    }
}
