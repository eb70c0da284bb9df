use std::time::Duration;

use super::*;
use crate::runtime::effects::slot::{FIRST_PAUSE, LONGEST_PAUSE, REPEAT_PAUSE, REPEATS};

#[derive(Clone, Debug, PartialEq)]
struct Effect {
    key: &'static str,
    content: u32,
    priority: Priority,
}

impl QueuedEffect for Effect {
    type Key = &'static str;

    fn key(&self) -> &'static str {
        self.key
    }

    fn priority(&self) -> Priority {
        self.priority
    }

    fn is_answered(&self) -> bool {
        self.key != "signal"
    }
}

/// Requires an effect, given everything observed until now.
fn require(queue: &Arc<EffectQueue<Effect>>, tenant: &str, effect: Effect) {
    assert_eq!(queue.require(tenant, effect, Instant::now()), Required::Certain);
}

fn effect(key: &'static str, content: u32, priority: Priority) -> Effect {
    Effect { key, content, priority }
}

fn nothing_backs_off(queue: &EffectQueue<Effect>) -> bool {
    queue.lock().slots.values().all(|slot| !matches!(slot, Slot::BackingOff { .. }))
}

/// Runs effects until none waits, and returns which ran, in order.
async fn executed(
    queue: &Arc<EffectQueue<Effect>>,
    outcome: impl Fn(&Effect, usize) -> Outcome + Send + Sync + 'static,
) -> Vec<(&'static str, u32)> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let shutdown = CancellationToken::new();
    let outcome = Arc::new(outcome);
    let run = Arc::clone(queue).run(
        {
            let log = Arc::clone(&log);
            move |effect: Effect| {
                let mut log = log.lock();
                log.push((effect.key, effect.content));
                let verdict = outcome(&effect, log.len());
                async move { verdict }
            }
        },
        shutdown.clone(),
    );
    let run = tokio::spawn(run);
    while !(queue.is_empty() && nothing_backs_off(queue)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shutdown.cancel();
    run.await.unwrap();
    let log = log.lock();
    log.clone()
}

#[tokio::test(start_paused = true)]
async fn what_users_wait_for_goes_first() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "t", effect("collect", 0, Priority::Low));
    require(&queue, "t", effect("status", 0, Priority::Normal));
    require(&queue, "t", effect("operation", 0, Priority::High));
    let order = executed(&queue, |_, _| Outcome::Done).await;
    assert_eq!(order, [("operation", 0), ("status", 0), ("collect", 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_by_its_priority() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "t", effect("status", 0, Priority::Normal));
    tokio::time::advance(Duration::from_secs(7)).await;
    require(&queue, "t", effect("operation", 0, Priority::High));
    let mut scrape = Scrape::default();
    queue.measure("backend", &mut scrape);
    let text = scrape.text();
    for (name, priority, value) in
        [("waiting", "normal", 1), ("oldest_seconds", "normal", 7), ("waiting", "low", 0)]
    {
        let labels = format!("{{queue=\"backend\",priority=\"{priority}\"}}");
        assert!(text.contains(&format!("gitops_effects_{name}{labels} {value}\n")), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_effect_of_a_key_replaces_the_waiting_one() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "t", effect("status", 1, Priority::Normal));
    require(&queue, "t", effect("status", 2, Priority::Normal));
    require(&queue, "t", effect("other", 1, Priority::Normal));
    queue.withdraw(&"other");
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await, [("status", 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_completed_effect_does_not_rerun_at_once_unless_invalidated() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    let effect = effect("operation", 1, Priority::High);
    require(&queue, "t", effect.clone());
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 1);
    require(&queue, "t", effect.clone());
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 0);
    queue.invalidate(&"operation");
    require(&queue, "t", effect);
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_effect_done_in_vain_is_repeated_only_a_few_times() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    let effect = effect("application", 1, Priority::High);
    let mut runs = 0;
    for _ in 0..40 {
        require(&queue, "t", effect.clone());
        require(&queue, "t", effect.clone());
        runs += executed(&queue, |_, _| Outcome::Done).await.len();
        tokio::time::sleep(LONGEST_PAUSE).await;
    }
    assert_eq!(runs, 1 + REPEATS as usize);
}

#[tokio::test(start_paused = true)]
async fn an_effect_required_without_knowing_the_answer_is_in_doubt_and_not_repeated() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    let application = effect("application", 1, Priority::High);
    let signal = effect("signal", 1, Priority::High);
    let before = Instant::now();
    require(&queue, "t", application.clone());
    require(&queue, "t", signal.clone());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 2);
    // A step that was in progress meanwhile, and one whose answer comes from elsewhere.
    assert_eq!(queue.require("t", application, before), Required::InDoubt);
    assert_eq!(queue.require("t", signal, before), Required::Certain);
    tokio::time::sleep(LONGEST_PAUSE).await;
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_effect_undone_between_its_answer_and_the_end_of_its_run_is_repeated() {
    let queue = EffectQueue::<Effect>::new(Pool::API_SERVER);
    let effect = effect("status", 1, Priority::Normal);
    require(&queue, "tenant", effect.clone());
    let runs = Arc::new(Mutex::new(0));
    let shutdown = CancellationToken::new();
    let run = Arc::clone(&queue).run(
        {
            let (queue, runs) = (Arc::clone(&queue), Arc::clone(&runs));
            move |effect: Effect| {
                let first = {
                    let mut runs = runs.lock();
                    *runs += 1;
                    *runs == 1
                };
                queue.answered(&effect.key());
                if first {
                    // The machine has taken in the answer, and what undid it.
                    require(&queue, "tenant", effect);
                }
                std::future::ready(Outcome::Done)
            }
        },
        shutdown.clone(),
    );
    let end = async {
        tokio::time::sleep(REPEAT_PAUSE * 2).await;
        shutdown.cancel();
    };
    tokio::join!(run, end);
    assert_eq!(*runs.lock(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_effect_required_without_knowing_the_answer_before_its_run_ends_is_in_doubt() {
    let queue = EffectQueue::<Effect>::new(Pool::API_SERVER);
    require(&queue, "tenant", effect("status", 1, Priority::Normal));
    let before = Instant::now();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let answering = Arc::clone(&queue);
    let order = executed(&queue, move |effect, _| {
        answering.answered(&effect.key());
        assert_eq!(answering.require("tenant", effect.clone(), before), Required::InDoubt);
        Outcome::Done
    })
    .await;
    assert_eq!(order, [("status", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_shows_whether_its_effect_was_required_again_meanwhile() {
    for required_again in [false, true] {
        let queue = EffectQueue::<Effect>::new(Pool::API_SERVER);
        require(&queue, "tenant", effect("status", 1, Priority::Normal));
        let answering = Arc::clone(&queue);
        let order = executed(&queue, move |effect, _| {
            if required_again {
                require(&answering, "tenant", effect.clone());
            }
            assert_eq!(answering.answered(&effect.key()), required_again);
            Outcome::Done
        })
        .await;
        assert_eq!(order, [("status", 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_effect_is_not_repeated() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    let effect = effect("application", 1, Priority::High);
    require(&queue, "t", effect.clone());
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 1);
    require(&queue, "t", effect);
    queue.withdraw(&"application");
    tokio::time::sleep(LONGEST_PAUSE).await;
    assert_eq!(executed(&queue, |_, _| Outcome::Done).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_effect_required_again_comes_after_effects_required_in_between() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "t", effect("status", 1, Priority::Normal));
    let other = Arc::clone(&queue);
    tokio::spawn(async move {
        // It has failed, and its next attempt is due later.
        tokio::time::sleep(Duration::from_millis(1)).await;
        require(&other, "t", effect("status", 2, Priority::Normal));
    });
    let again = Arc::clone(&queue);
    let order = executed(&queue, move |effect, attempt| match (effect.content, attempt) {
        (1, 1) => Outcome::Failed,
        (2, _) => {
            require(&again, "t", Effect { content: 1, ..effect.clone() });
            Outcome::Done
        }
        _ => Outcome::Done,
    })
    .await;
    assert_eq!(order, [("status", 1), ("status", 2), ("status", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_older_effect_never_runs_after_a_newer_one() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "t", effect("application", 1, Priority::High));
    let newer = Arc::clone(&queue);
    let order = executed(&queue, move |effect, attempt| match (effect.content, attempt) {
        (1, 1) => {
            require(&newer, "t", Effect { content: 2, ..effect.clone() });
            Outcome::Failed
        }
        (2, 2) => Outcome::Failed,
        _ => Outcome::Done,
    })
    .await;
    assert_eq!(order, [("application", 1), ("application", 2), ("application", 2)]);
}

#[tokio::test(start_paused = true)]
async fn requiring_an_effect_again_does_not_hasten_its_next_attempt() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    let effect = effect("application", 1, Priority::High);
    require(&queue, "t", effect.clone());
    let began = Instant::now();
    let hurrying = Arc::clone(&queue);
    let order = executed(&queue, move |_, attempt| {
        if attempt > 8 {
            return Outcome::Done;
        }
        let (hurrying, effect) = (Arc::clone(&hurrying), effect.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            require(&hurrying, "t", effect);
        });
        Outcome::Failed
    })
    .await;
    assert_eq!(order.len(), 9);
    assert!(began.elapsed() >= FIRST_PAUSE * ((1 << 8) - 1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_failed_effect_is_retried_and_delays_no_other() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "a", effect("fails", 1, Priority::High));
    require(&queue, "b", effect("works", 1, Priority::Normal));
    let order = executed(&queue, |effect, attempt| match (effect.key, attempt) {
        ("fails", 1..=3) => Outcome::Failed,
        _ => Outcome::Done,
    })
    .await;
    assert_eq!(order[..2], [("fails", 1), ("works", 1)]);
    assert_eq!(order.iter().filter(|(key, _)| *key == "fails").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_effect_withdrawn_while_running_is_neither_repeated_nor_remembered() {
    for outcome in [Outcome::Done, Outcome::Pending, Outcome::Failed] {
        let queue = EffectQueue::new(Pool::API_SERVER);
        require(&queue, "t", effect("signal", 1, Priority::Low));
        let withdrawing = Arc::clone(&queue);
        let order = executed(&queue, move |effect, _| {
            withdrawing.withdraw(&effect.key);
            outcome
        })
        .await;
        assert_eq!(order, [("signal", 1)], "{outcome:?}");
        assert!(queue.lock().slots.is_empty(), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_fails_only_itself() {
    let queue = EffectQueue::new(Pool::API_SERVER);
    require(&queue, "a", effect("panics", 1, Priority::High));
    require(&queue, "b", effect("works", 1, Priority::High));
    let attempts = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let shutdown = CancellationToken::new();
    let counted = Arc::clone(&attempts);
    let run = tokio::spawn(Arc::clone(&queue).run(
        move |effect: Effect| {
            let counted = Arc::clone(&counted);
            async move {
                let first = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                assert!(!(first && effect.key == "panics"), "a defect");
                Outcome::Done
            }
        },
        shutdown.clone(),
    ));
    while attempts.load(std::sync::atomic::Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shutdown.cancel();
    run.await.unwrap();
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_server_never_answers_leaves_room_for_others() {
    let queue = EffectQueue::new(Pool { size: 3, per_tenant: 2 });
    for key in ["a1", "a2", "a3", "a4"] {
        require(&queue, "a", effect(key, 1, Priority::High));
    }
    require(&queue, "b", effect("b1", 1, Priority::Low));
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let execute = move |effect: Effect| {
        let _ = started.send(effect.key);
        async move {
            if effect.key.starts_with('a') {
                std::future::pending::<()>().await;
            }
            Outcome::Done
        }
    };
    let run = tokio::spawn(Arc::clone(&queue).run(execute, shutdown));
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(starts.recv().await);
    }
    order.sort_unstable();
    assert_eq!(order, [Some("a1"), Some("a2"), Some("b1")]);
    let next = tokio::time::timeout(Duration::from_secs(60), starts.recv()).await;
    assert!(next.is_err(), "a has its share: {next:?}");
    run.abort();
}
