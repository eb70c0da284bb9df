//! Whatever must be done before anything else can start is tried until it works: a database that is
//! briefly unreachable must not end the process.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::runtime::store_failure::RetryDecision;

/// First pause between attempts, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause, apart from the jitter, which may double it.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// After this long the process had better end: another replica, or its own successor, may have a
/// working connection. As long as batches may go unanswered.
const PATIENCE: Duration = Duration::from_secs(300);

/// With jitter, so that replicas that start together do not try together.
fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
}

/// Attempts something until it works, cannot work, or takes too long; `None` when it should stop.
pub async fn patiently<T, E, F>(
    what: &str,
    shutdown: &CancellationToken,
    decide: fn(&E) -> RetryDecision,
    attempt: impl Fn() -> F,
) -> Result<Option<T>, E>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let begun = Instant::now();
    let may_work =
        |error: &E| matches!(decide(error), RetryDecision::AtOnce | RetryDecision::Later);
    let attempts = attempt
        .retry(pauses())
        .when(|error| may_work(error) && begun.elapsed() < PATIENCE)
        .notify(|error, _| tracing::warn!(%error, what, "an attempt failed; it is repeated"));
    tokio::select! {
        () = shutdown.cancelled() => Ok(None),
        outcome = attempts => outcome.map(Some),
    }
}

/// Attempts something until it works, for as long as it takes: for what can wait on its own while
/// everything else goes on. `complaint` says what cannot be done yet.
pub async fn until_done<T, E, F>(complaint: &str, attempt: impl Fn() -> F) -> T
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    loop {
        let attempts = (&attempt).retry(pauses()).notify(
            |error, _| tracing::warn!(%error, complaint, "an attempt failed; it is repeated"),
        );
        // Without a limit there is no last attempt.
        if let Ok(done) = attempts.await {
            return done;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn attempts(
        decision: fn(&u32) -> RetryDecision,
        fails: u32,
    ) -> (Result<Option<()>, u32>, u32) {
        let number = Cell::new(0);
        let attempt = || {
            number.set(number.get() + 1);
            std::future::ready(if number.get() > fails { Ok(()) } else { Err(number.get()) })
        };
        let outcome = patiently("it", &CancellationToken::new(), decision, attempt).await;
        (outcome, number.get())
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_work_later_is_retried() {
        assert_eq!(attempts(|_| RetryDecision::Later, 3).await, (Ok(Some(())), 4));
        assert_eq!(attempts(|_| RetryDecision::AtOnce, 3).await, (Ok(Some(())), 4));
        assert_eq!(attempts(|_| RetryDecision::Refused, 3).await, (Err(1), 1));
        assert_eq!(attempts(|_| RetryDecision::Stop, 3).await, (Err(1), 1));
        assert_eq!(attempts(|_| RetryDecision::Unfit, 3).await, (Err(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let begun = Instant::now();
        let (outcome, _) = attempts(|_| RetryDecision::Later, u32::MAX).await;
        assert!(outcome.is_err());
        assert!(begun.elapsed() < PATIENCE + 2 * LONGEST_PAUSE);
    }
}
