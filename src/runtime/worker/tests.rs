use std::sync::Mutex;

use super::*;

#[derive(Debug, Default)]
struct Note {
    mends: bool,
}

impl Coalesce for Note {
    fn absorb(&mut self, newer: Self) {
        self.mends |= newer.mends;
    }

    fn may_mend(&self) -> bool {
        self.mends
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it failed")]
struct Failed(RetryDecision);

impl From<Silence> for Failed {
    fn from(Silence(lasted): Silence) -> Self {
        assert_eq!(lasted, Duration::from_secs(300));
        Self(RetryDecision::Stop)
    }
}

struct Fake<F> {
    fails: F,
    wanted: usize,
    attempts: Mutex<usize>,
    log: Mutex<Vec<usize>>,
    commits: Arc<Commits>,
    shutdown: CancellationToken,
}

impl<F: Fn(usize, usize) -> Option<RetryDecision> + Sync> Process<usize, Note> for Fake<F> {
    type Error = Failed;

    async fn process(&self, taken: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            *attempts += 1;
            *attempts
        };
        let machines = || taken.iter().map(|(_, machine, _)| *machine);
        if let Some(decision) = machines().find_map(|machine| (self.fails)(machine, attempt)) {
            return Err(Failed(decision));
        }
        let mut log = self.log.lock().unwrap();
        log.extend(machines());
        if log.len() >= self.wanted {
            self.shutdown.cancel();
        }
        Ok(())
    }

    fn classify(error: &Failed) -> (RetryDecision, &'static str) {
        (error.0, "it failed")
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    fn is_behind(&self, _: &str) -> bool {
        false
    }
}

fn fake<F>(wanted: usize, fails: F) -> Fake<F> {
    Fake {
        fails,
        wanted,
        attempts: Mutex::default(),
        log: Mutex::default(),
        commits: Commits::new("machines"),
        shutdown: CancellationToken::new(),
    }
}

fn inbox_of(machines: usize) -> Arc<Inbox<usize, Note>> {
    let inbox = Arc::new(Inbox::default());
    for machine in 0..machines {
        inbox.offer("tenant", machine, Note::default());
    }
    inbox
}

/// Runs until `wanted` machines were processed, and returns which, in order.
async fn processed(
    machines: usize,
    wanted: usize,
    fails: impl Fn(usize, usize) -> Option<RetryDecision> + Sync,
) -> Vec<usize> {
    let fake = fake(wanted, fails);
    let _ = run(&fake, inbox_of(machines), fake.shutdown.clone()).await;
    fake.log.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_machine_that_fails_every_batch_is_set_aside_and_stops_no_other() {
    let log =
        processed(1_000, 999, |machine, _| (machine == 300).then_some(RetryDecision::Unfit)).await;
    assert_eq!(log.len(), 999);
    assert!(!log.contains(&300));
}

#[tokio::test(start_paused = true)]
async fn machines_that_always_fail_are_retried_ever_less_often_and_stop_no_other() {
    for poisoned in [2, 20] {
        // Beyond this many it would be a loop without pauses, in which the hour never passes.
        let bound = poisoned * 45;
        let stop = CancellationToken::new();
        let fake = fake(usize::MAX, |machine, attempt| {
            if attempt > bound {
                stop.cancel();
            }
            (machine % 50 == 7 && machine / 50 < poisoned).then_some(RetryDecision::Unfit)
        });
        let hour = Duration::from_secs(3_600);
        let run = run(&fake, inbox_of(1_000), stop.clone());
        let _ = tokio::time::timeout(hour, run).await;
        let attempts = *fake.attempts.lock().unwrap();
        assert!(attempts <= bound, "{attempts} attempts in an hour with {poisoned}");
        assert_eq!(fake.log.lock().unwrap().len(), 1_000 - poisoned);
        assert_eq!(fake.commits.set_aside(), poisoned);
        assert_eq!(fake.commits.failing(), None, "the database works");
    }
}

/// The times, in seconds, at which the single machine was tried.
async fn moments(
    inbox: &Arc<Inbox<usize, Note>>,
    last: Duration,
    fails: impl Fn(u64) -> bool + Sync,
) -> Vec<u64> {
    let begun = Instant::now();
    let moments = Mutex::new(Vec::new());
    let fake = fake(usize::MAX, |_, _| {
        let now = begun.elapsed().as_secs();
        moments.lock().unwrap().push(now);
        fails(now).then_some(RetryDecision::Unfit)
    });
    let run = run(&fake, Arc::clone(inbox), fake.shutdown.clone());
    let _ = tokio::time::timeout(last, run).await;
    moments.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_has_succeeded_starts_over_with_the_shortest_pause() {
    let inbox = inbox_of(1);
    let offer = tokio::spawn({
        let inbox = Arc::clone(&inbox);
        async move {
            tokio::time::sleep(Duration::from_secs(100)).await;
            inbox.offer("tenant", 0, Note::default());
        }
    });
    let found = moments(&inbox, Duration::from_secs(110), |now| !(20..100).contains(&now)).await;
    assert_eq!(found, [0, 1, 3, 7, 15, 31, 100, 101, 103, 107]);
    offer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn observations_of_a_machine_set_aside_are_kept_and_one_that_may_fix_it_ends_its_pause() {
    let inbox = inbox_of(1);
    let offer = tokio::spawn({
        let inbox = Arc::clone(&inbox);
        async move {
            tokio::time::sleep(Duration::from_secs(80)).await;
            inbox.offer("tenant", 0, Note::default());
            tokio::time::sleep(Duration::from_secs(10)).await;
            inbox.offer("tenant", 0, Note { mends: true });
        }
    });
    let found = moments(&inbox, Duration::from_secs(120), |now| now < 90).await;
    // It would have been tried at 127 s.
    assert_eq!(found, [0, 1, 3, 7, 15, 31, 63, 90]);
    assert!(inbox.is_empty());
    offer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn endless_edits_have_a_machine_tried_once_a_second() {
    let inbox = inbox_of(1);
    let offer = tokio::spawn({
        let inbox = Arc::clone(&inbox);
        async move {
            loop {
                inbox.offer("tenant", 0, Note { mends: true });
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let found = moments(&inbox, Duration::from_secs(100), |_| true).await;
    offer.abort();
    assert!((90..=101).contains(&found.len()), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_set_aside_comes_back() {
    let log = processed(2, 2, |machine, attempt| {
        (machine == 0 && attempt < 4).then_some(RetryDecision::Unfit)
    })
    .await;
    assert_eq!(log, [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_database_failure_while_a_batch_is_in_parts_loses_none_of_them() {
    let mut log = processed(100, 99, |machine, attempt| match attempt {
        3..=5 => Some(RetryDecision::Later),
        6 => Some(RetryDecision::AtOnce),
        _ => (machine == 50).then_some(RetryDecision::Unfit),
    })
    .await;
    log.sort_unstable();
    log.dedup();
    assert_eq!(log.len(), 99, "all but the one that fails");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_may_succeed_at_once_is_retried_at_once_but_not_forever() {
    let begun = Instant::now();
    let log = processed(3, 3, |_, attempt| (attempt <= 3).then_some(RetryDecision::AtOnce)).await;
    assert_eq!((log.len(), begun.elapsed()), (3, Duration::ZERO));
    let log = processed(3, 3, |_, attempt| (attempt <= 20).then_some(RetryDecision::AtOnce)).await;
    assert_eq!(log.len(), 3);
    let pauses = begun.elapsed().as_secs();
    assert!((100..200).contains(&pauses), "{pauses} s");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_retried_and_reported() {
    let fake = fake(3, |_, attempt| (attempt <= 8).then_some(RetryDecision::Refused));
    let run = run(&fake, inbox_of(3), fake.shutdown.clone());
    let look = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        fake.commits.failing().unwrap()
    };
    let (_, (lasted, why)) = tokio::join!(run, look);
    assert_eq!((lasted.as_secs(), why), (10, "it failed"));
    assert_eq!(fake.commits.failing(), None);
    assert_eq!(fake.log.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_may_succeed_later_is_retried_whole() {
    let log = processed(3, 3, |_, attempt| (attempt < 5).then_some(RetryDecision::Later)).await;
    assert_eq!(log, [0, 1, 2]);
}

/// The batch sizes when this many machines of these tenants are offered at a time, at this
/// interval; `busy` has requests waiting for their turn.
async fn sizes(
    machines: usize,
    interval: Duration,
    at_once: usize,
    tenants: &[&str],
) -> Vec<usize> {
    struct Slow(Arc<Commits>, Mutex<Vec<usize>>);
    impl Process<usize, Note> for Slow {
        type Error = Failed;

        async fn process(&self, taken: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.1.lock().unwrap().push(taken.len());
            Ok(())
        }

        fn classify(error: &Failed) -> (RetryDecision, &'static str) {
            (error.0, "it failed")
        }

        fn commits(&self) -> &Commits {
            &self.0
        }

        fn is_behind(&self, tenant: &str) -> bool {
            tenant == "busy"
        }
    }
    let inbox = Arc::new(Inbox::default());
    let shutdown = CancellationToken::new();
    let slow = Slow(Commits::new("slow"), Mutex::default());
    let offer = async {
        for first in (0..machines).step_by(at_once) {
            for machine in first..first + at_once {
                inbox.offer(tenants[machine % tenants.len()], machine, Note::default());
            }
            tokio::time::sleep(interval).await;
        }
        tokio::time::sleep(GATHER_BEHIND).await;
        shutdown.cancel();
    };
    let (outcome, ()) = tokio::join!(run(&slow, Arc::clone(&inbox), shutdown.clone()), offer);
    assert!(outcome.is_ok());
    slow.1.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn batches_gather_only_under_load() {
    let single = sizes(100, Duration::from_millis(5), 1, &["busy"]).await;
    assert_eq!(single, [1; 100], "one at a time waits for nobody");
    let loaded = sizes(1_000, Duration::from_millis(5), 4, &["idle"]).await;
    assert_eq!(loaded.iter().sum::<usize>(), 1_000);
    assert!((30..90).contains(&(1_000 / loaded.len())), "{loaded:?}");
}

#[test]
fn batches_shrink_when_slow_and_grow_when_quick_and_full() {
    let milliseconds = Duration::from_millis;
    assert_eq!(next_limit(256, 256, milliseconds(200)), 128);
    assert_eq!(next_limit(256, 40, milliseconds(200)), SMALLEST_BATCH);
    assert_eq!(next_limit(256, 256, milliseconds(30)), 256);
    assert_eq!(next_limit(256, 256, milliseconds(10)), 512);
    assert_eq!(next_limit(256, 255, milliseconds(10)), 256);
    assert_eq!(next_limit(1_024, 1_024, milliseconds(10)), LARGEST_BATCH);
}

#[tokio::test(start_paused = true)]
async fn only_batches_that_would_wait_anyway_gather_for_long() {
    let waiting = sizes(2_000, Duration::from_millis(5), 4, &["busy"]).await;
    assert_eq!(waiting.iter().sum::<usize>(), 2_000);
    assert!((120..=BATCH).contains(&(2_000 / waiting.len())), "{waiting:?}");
    let beside = sizes(2_000, Duration::from_millis(5), 4, &["busy", "idle"]).await;
    assert!((30..90).contains(&(2_000 / beside.len())), "{beside:?}");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_never_answers_eventually_ends_the_worker() {
    struct Silent(Arc<Commits>);
    impl Process<usize, Note> for Silent {
        type Error = Failed;

        async fn process(&self, _: &Taken<usize, Note>, _: Instant) -> Result<(), Failed> {
            std::future::pending().await
        }

        fn classify(error: &Failed) -> (RetryDecision, &'static str) {
            (error.0, "it failed")
        }

        fn commits(&self) -> &Commits {
            &self.0
        }

        fn is_behind(&self, _: &str) -> bool {
            false
        }
    }
    let inbox = Arc::new(Inbox::default());
    inbox.offer("tenant", 1, Note::default());
    let began = Instant::now();
    let silent = Silent(Commits::new("silent"));
    let outcome = run(&silent, Arc::clone(&inbox), CancellationToken::new()).await;
    assert!(outcome.is_err());
    assert_eq!(began.elapsed(), BATCH_TIMEOUT * GIVEN_UP);
    assert_eq!(inbox.len(), 1, "nothing of it is lost");
    assert_eq!(silent.0.failing(), Some((BATCH_TIMEOUT * GIVEN_UP, NO_ANSWER)));
}

#[tokio::test(start_paused = true)]
async fn a_final_failure_ends_the_worker() {
    assert!(processed(3, 3, |_, _| Some(RetryDecision::Stop)).await.is_empty());
}
