//! How the backend hears an agent in another process, and what it does while it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use schema::connection::Database;
use schema::notify::{self, Listener};
use schema::store::StoreError;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Hearer, RECONNECT_PAUSE, pass_on};
use crate::metrics::Metrics;

/// How often unsignalled reports are looked for: an agent may have ended between writing one and
/// signalling it, and a connection may be silently dead. One statement, by an index that is empty
/// at rest. Operations have their own deadlines.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// How often the backend sends itself an echo, by the connections by which the agent sends its signals.
/// Until the next one is due it has to arrive, which takes milliseconds; otherwise the connection on which
/// the backend listens is dead, or leads to another database.
const ECHO_INTERVAL: Duration = Duration::from_secs(20);
/// How often the backend looks for what the agent has changed while it does not hear it. Users wait for
/// that; it costs a few statements, which return what is in progress.
const DEAF_INTERVAL: Duration = Duration::from_secs(5);
/// What an echo begins with. A signal never does: it has a kind of its own.
const ECHO: char = '=';

/// Listens to an agent in another process, until it should stop.
pub async fn hear(
    backend: Arc<impl Hearer>,
    database: Database,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) {
    let ear = Listening { backend: &*backend, database, metrics, is_deaf: AtomicBool::new(false) };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = ear.hear() => {}
    }
}

/// See [`hear`].
struct Listening<'a, B> {
    backend: &'a B,
    database: Database,
    metrics: Arc<Metrics>,
    /// It has been said that the agent is not heard.
    is_deaf: AtomicBool,
}

impl<B: Hearer> Listening<'_, B> {
    async fn hear(&self) {
        if !self.database.can_listen() {
            return self.look_only().await;
        }
        loop {
            let error = self.hear_once().await;
            let pause = if self.is_deaf.swap(true, Ordering::Relaxed) {
                tracing::debug!(%error, "the agent still cannot be heard");
                DEAF_INTERVAL
            } else {
                let seconds = DEAF_INTERVAL.as_secs();
                tracing::warn!(%error, seconds, "the agent cannot be heard; looking at intervals instead");
                RECONNECT_PAUSE
            };
            tokio::time::sleep(pause).await;
            self.look_again().await;
        }
    }

    /// Looks at intervals, where listening is not possible.
    async fn look_only(&self) {
        let seconds = DEAF_INTERVAL.as_secs();
        tracing::warn!(
            seconds,
            "the agent is not heard without LISTEN_DATABASE_URL; looking at intervals instead, and \
             manual changes in Argo CD's namespace are not undone"
        );
        loop {
            self.look_again().await;
            tokio::time::sleep(DEAF_INTERVAL).await;
        }
    }

    /// Looks at everything, while nothing is heard.
    async fn look_again(&self) {
        match self.backend.look_again().await {
            Ok(reports) => self.metrics.missed_signals.add(&[], reports),
            Err(error) => {
                tracing::warn!(%error, "what the agent has changed could not be looked for")
            }
        }
    }

    /// Hears until that fails.
    async fn hear_once(&self) -> anyhow::Error {
        let listener = match Listener::connect(&self.database).await {
            Ok(listener) => listener,
            Err(error) => return error.into(),
        };
        // The stream keeps a partly read payload; a dropped call of `next` would lose it.
        let mut payloads = std::pin::pin!(stream::unfold(listener, |mut listener| async {
            Some((listener.next().await, listener))
        }));
        loop {
            // Before the first payload, and after each gap, something may have been missed.
            if let Err(error) = self.backend.look_again().await {
                return error.into();
            }
            if let Err(error) = hear_until_a_gap(&mut payloads, self).await {
                return error;
            }
        }
    }
}

/// What is done with what is heard.
trait Ear {
    /// Passes on a payload.
    fn pass_on(&self, payload: &str);
    /// An echo has arrived.
    fn hears(&self);
    /// Looks for what was not signalled.
    async fn look(&self) -> Result<(), StoreError>;
    /// Sends a payload as the agent does.
    async fn send(&self, payload: &str) -> Result<(), StoreError>;
}

impl<B: Hearer> Ear for Listening<'_, B> {
    fn pass_on(&self, payload: &str) {
        self.metrics.signals.add(&[], pass_on(self.backend, payload));
    }

    fn hears(&self) {
        if self.is_deaf.swap(false, Ordering::Relaxed) {
            tracing::info!("the agent is heard again");
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let reports = self.backend.take_in_reports().await?;
        self.metrics.missed_signals.add(&[], reports);
        Ok(())
    }

    async fn send(&self, payload: &str) -> Result<(), StoreError> {
        notify::notify(&self.database, payload).await
    }
}

/// Passes on each payload until there is a gap. Looks every [`LOOK_INTERVAL`], however many payloads
/// arrive, and fails if an echo does not arrive, however many other payloads do.
async fn hear_until_a_gap<E: Into<anyhow::Error>>(
    payloads: &mut (impl Stream<Item = Result<Option<String>, E>> + Unpin),
    ear: &impl Ear,
) -> anyhow::Result<()> {
    // One interval for all payloads: a sleep for each would start again with every payload.
    let mut looks = tokio::time::interval_at(Instant::now() + LOOK_INTERVAL, LOOK_INTERVAL);
    let mut echoes = tokio::time::interval(ECHO_INTERVAL);
    for interval in [&mut looks, &mut echoes] {
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut awaited: Option<String> = None;
    loop {
        tokio::select! {
            heard = payloads.next() => match heard.transpose().map_err(Into::into)?.flatten() {
                Some(payload) if awaited.as_ref() == Some(&payload) => {
                    awaited = None;
                    ear.hears();
                }
                Some(payload) => ear.pass_on(&payload),
                None => return Ok(()),
            },
            _ = looks.tick() => ear.look().await?,
            _ = echoes.tick() => {
                anyhow::ensure!(
                    awaited.is_none(),
                    "what the backend sends itself does not arrive: its connection is dead, or \
                     LISTEN_DATABASE_URL names another database than DATABASE_URL"
                );
                let echo = format!("{ECHO}{}", uuid::Uuid::new_v4().simple());
                match tokio::time::timeout(ECHO_INTERVAL, ear.send(&echo)).await {
                    Ok(sent) => sent?,
                    Err(_) => anyhow::bail!("the database does not take what the backend sends itself"),
                }
                awaited = Some(echo);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

    use super::*;

    /// Counts what is done with what is heard; what it sends may come back.
    #[derive(Default)]
    struct Counted {
        passed_on: Cell<usize>,
        looks: Cell<usize>,
        echoes: Cell<usize>,
        sent: RefCell<Option<UnboundedSender<String>>>,
    }

    impl Counted {
        /// One that hears what it sends, and what it then hears.
        fn with_echo() -> (Self, UnboundedReceiver<String>) {
            let (sender, receiver) = unbounded();
            (Self { sent: RefCell::new(Some(sender)), ..Self::default() }, receiver)
        }
    }

    impl Ear for Counted {
        fn pass_on(&self, _: &str) {
            self.passed_on.set(self.passed_on.get() + 1);
        }

        fn hears(&self) {
            self.echoes.set(self.echoes.get() + 1);
        }

        async fn look(&self) -> Result<(), StoreError> {
            self.looks.set(self.looks.get() + 1);
            Ok(())
        }

        async fn send(&self, payload: &str) -> Result<(), StoreError> {
            if let Some(sent) = &*self.sent.borrow() {
                sent.unbounded_send(payload.to_owned()).expect("it is still listening");
            }
            Ok(())
        }
    }

    /// A payload each second, and then a gap.
    fn each_second(seconds: usize) -> impl Stream<Item = anyhow::Result<Option<String>>> {
        let each_second = stream::iter(0..seconds).then(|number| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Some(number.to_string()))
        });
        each_second.chain(stream::once(async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(None)
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn steady_signals_do_not_delay_the_check_for_missed_ones() {
        const SECONDS: usize = 600;
        let (ear, echoes) = Counted::with_echo();
        let echoes = echoes.map(|echo| Ok(Some(echo)));
        let mut payloads = std::pin::pin!(stream::select(each_second(SECONDS), echoes));
        hear_until_a_gap(&mut payloads, &ear).await.expect("no error");
        assert_eq!(ear.passed_on.get(), SECONDS);
        assert_eq!(ear.looks.get(), 10);
        assert_eq!(ear.echoes.get(), 31, "one at once, and one every 20 s");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_does_not_delay_the_check_for_missed_signals() {
        let (ear, echoes) = Counted::with_echo();
        let echoes = echoes.map(|echo| Ok::<_, anyhow::Error>(Some(echo)));
        let gap = stream::once(async {
            tokio::time::sleep(LOOK_INTERVAL * 3 + RECONNECT_PAUSE).await;
            Ok(None)
        });
        let mut payloads = std::pin::pin!(stream::select(gap, echoes));
        hear_until_a_gap(&mut payloads, &ear).await.expect("no error");
        assert_eq!(ear.looks.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_echo_that_does_not_arrive_is_noticed_however_much_is_heard() {
        let ear = Counted::default();
        let begun = Instant::now();
        let mut payloads = std::pin::pin!(each_second(600));
        let error = hear_until_a_gap(&mut payloads, &ear).await.unwrap_err();
        assert_eq!(begun.elapsed(), ECHO_INTERVAL);
        assert!(error.to_string().contains("does not arrive"), "{error}");
        assert_eq!(ear.echoes.get(), 0);
    }
}
