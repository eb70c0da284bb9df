//! One stream per kind of object, with its own back-off and gauge: a failing watch starves no
//! other.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use http_body_util::BodyExt as _;
use kube::Resource;
use kube::api::{Api, ObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, watcher};
use machines::identity::Revision;
use parking_lot::{Mutex, MutexGuard};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kubernetes;
use crate::metrics::{Scrape, table};

/// Seconds after which the server ends a watch, which is then started again: below the idle
/// time-outs of common load balancers (240 s), which would cut it silently.
const WATCH_TIMEOUT_SECONDS: u32 = 230;
/// Objects in one page of a list: a page of large objects stays within a few megabytes.
const PAGE_SIZE: u32 = 500;
/// How long a watch may fail before the process counts as dead.
const FAILING_LIMIT: Duration = Duration::from_secs(600);
/// A watch that fails is started again after 30 s at most, and a request may be silent for
/// [`kubernetes::READ_TIMEOUT`]: one that has not failed for longer than both has got through. A
/// quiet watch gives no other sign.
const FAILURES_APART: Duration = kubernetes::READ_TIMEOUT.saturating_add(Duration::from_secs(60));

/// Failures with no success in between.
#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    latest: Instant,
}

/// How a watch is doing.
#[derive(Debug)]
pub struct Progress {
    /// Which watch it is.
    pub name: Cow<'static, str>,
    synced: AtomicBool,
    complete: Notify,
    events: AtomicU64,
    malformed: AtomicU64,
    errors: AtomicU64,
    /// When the server last sent anything; since the start if it has not.
    heard: Mutex<Instant>,
    failing: Mutex<Option<Failing>>,
}

impl Progress {
    /// A watch that has not started.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            synced: AtomicBool::new(false),
            complete: Notify::new(),
            events: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            heard: Mutex::new(Instant::now()),
            failing: Mutex::new(None),
        })
    }

    /// Whether everything that existed has been seen once.
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Waits until everything that existed has been seen once.
    pub async fn synced(&self) {
        loop {
            let mut complete = std::pin::pin!(self.complete.notified());
            complete.as_mut().enable();
            if self.is_synced() {
                return;
            }
            complete.await;
        }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Objects so far that could not be read.
    pub fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Failures so far.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Whether it has failed for so long that a restart is more promising.
    pub fn is_stuck(&self) -> bool {
        self.failing().is_some_and(|failing| {
            failing.latest - failing.since > FAILING_LIMIT
                && failing.latest.elapsed() <= FAILURES_APART
        })
    }

    /// The same client, for this watch only: whatever the server sends is noted, also the bookmarks
    /// that the stream of events does not show, but no refusal.
    pub fn listening(self: &Arc<Self>, client: &kube::Client) -> kube::Client {
        let namespace = client.default_namespace().to_owned();
        let (transport, progress) = (client.clone(), Arc::clone(self));
        let send = tower::service_fn(move |request| {
            let (transport, progress) = (transport.clone(), Arc::clone(&progress));
            async move {
                let answer = transport.send(request).await?;
                let is_watching = answer.status().is_success();
                let note = move |frame| {
                    if is_watching {
                        *progress.heard.lock() = Instant::now();
                    }
                    frame
                };
                Ok::<_, kube::Error>(answer.map(|body| body.map_frame(note)))
            }
        });
        kube::Client::new(send, namespace)
    }

    /// Says how it is doing.
    pub fn measure(&self, scrape: &mut Scrape) {
        let labels = [&*self.name];
        scrape.flag(&table::WATCH_SYNCED, &labels, self.is_synced());
        let silence = self.heard.lock().elapsed();
        scrape.put(&table::WATCH_SILENCE, &labels, silence.as_secs_f64());
        scrape.put(&table::WATCH_EVENTS, &labels, self.events() as f64);
        scrape.put(&table::WATCH_ERRORS, &labels, self.errors() as f64);
        scrape.put(&table::WATCH_MALFORMED, &labels, self.malformed() as f64);
    }

    fn note_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    fn note_success(&self) {
        *self.failing() = None;
    }

    fn note_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let latest = Instant::now();
        let mut failing = self.failing();
        let before = failing.filter(|before| before.latest.elapsed() <= FAILURES_APART);
        let since = before.map_or(latest, |before| before.since);
        *failing = Some(Failing { since, latest });
    }

    fn failing(&self) -> MutexGuard<'_, Option<Failing>> {
        self.failing.lock()
    }
}

/// What a watch reports. A relist begins with `Restarted` and ends with `Synced`: what was not seen
/// between the two does not exist.
#[derive(Debug)]
pub enum WatchEvent<K> {
    /// A relist begins.
    Restarted,
    /// The object exists in this state.
    Present(K),
    /// The object is gone, whether it could be read or not.
    Gone(Gone),
    /// An object exists, but no more than this can be read.
    Malformed(Box<ObjectMeta>),
    /// The relist is complete.
    Synced,
}

/// Which object is gone. One that was readable once, and has a machine, may have become unreadable
/// since; what it said last does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The revision of its deletion.
    pub revision: Revision,
}

impl Gone {
    /// Of an object, or of the metadata of one that cannot be read.
    pub fn of(meta: &ObjectMeta) -> Self {
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            revision: revision_of(meta),
        }
    }
}

/// Which objects of a kind a watch shows. One that no longer matches is reported as gone, although it
/// may still exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// All of them.
    All,
    /// Those with these labels.
    Labels(String),
    /// Those whose fields say this.
    Fields(String),
}

/// Follows all objects of a kind until it should stop.
pub async fn follow<K>(
    api: Api<DeserializeGuard<K>>,
    progress: Arc<Progress>,
    shutdown: CancellationToken,
    tell: impl FnMut(WatchEvent<K>) + Send,
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    follow_selected(api, Selector::All, progress, shutdown, tell).await;
}

/// Follows the selected objects of a kind until it should stop.
pub async fn follow_selected<K>(
    api: Api<DeserializeGuard<K>>,
    selector: Selector,
    progress: Arc<Progress>,
    shutdown: CancellationToken,
    mut tell: impl FnMut(WatchEvent<K>) + Send,
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let config = watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS).page_size(PAGE_SIZE);
    let config = match selector {
        Selector::All => config,
        Selector::Labels(labels) => config.labels(&labels),
        Selector::Fields(fields) => config.fields(&fields),
    };
    let mut stream = std::pin::pin!(watcher(api, config));
    let mut pauses = DefaultBackoff::default();
    loop {
        let next = tokio::select! {
            () = shutdown.cancelled() => return,
            next = stream.try_next() => next,
        };
        match next {
            Ok(Some(event)) => {
                progress.note_event();
                // Requesting a list does not mean that it arrives completely.
                if !matches!(event, watcher::Event::Init | watcher::Event::InitApply(_)) {
                    progress.note_success();
                    pauses.reset();
                }
                let done = matches!(event, watcher::Event::InitDone);
                if let Some(seen) = translate(event, &progress) {
                    tell(seen);
                }
                if done {
                    progress.synced.store(true, Ordering::Release);
                    progress.complete.notify_waiters();
                }
            }
            Ok(None) => return,
            Err(error) => {
                progress.note_error();
                let error = kubernetes::said(&error);
                tracing::warn!(watch = %progress.name, error, "the watch failed; it starts again");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(pauses.next().unwrap_or_default()) => {}
                }
            }
        }
    }
}

fn translate<K>(
    event: watcher::Event<DeserializeGuard<K>>,
    progress: &Progress,
) -> Option<WatchEvent<K>>
where
    K: Resource<DynamicType = ()>,
{
    match event {
        watcher::Event::Init => Some(WatchEvent::Restarted),
        watcher::Event::InitDone => Some(WatchEvent::Synced),
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            Some(present(object, progress))
        }
        watcher::Event::Delete(object) => Some(WatchEvent::Gone(match &object.0 {
            Ok(object) => Gone::of(object.meta()),
            Err(invalid) => Gone::of(&invalid.metadata),
        })),
    }
}

fn present<K>(object: DeserializeGuard<K>, progress: &Progress) -> WatchEvent<K>
where
    K: Resource<DynamicType = ()>,
{
    match object.0 {
        Ok(object) => WatchEvent::Present(object),
        Err(invalid) => {
            progress.malformed.fetch_add(1, Ordering::Relaxed);
            let metadata = invalid.metadata;
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            let name = metadata.name.as_deref().unwrap_or_default();
            // It may quote the object's content, of which nothing of a Secret is said.
            let is_secret = K::kind(&()) == "Secret";
            let error = if is_secret { String::new() } else { kubernetes::bounded(&invalid.error) };
            tracing::warn!(
                watch = %progress.name,
                namespace,
                name,
                error,
                "an object cannot be read",
            );
            WatchEvent::Malformed(Box::new(metadata))
        }
    }
}

/// The revision of an object; 0 if the server gives anything but a number.
pub fn revision<K: Resource>(object: &K) -> Revision {
    revision_of(object.meta())
}

pub(crate) fn revision_of(meta: &ObjectMeta) -> Revision {
    let version = meta.resource_version.as_deref().unwrap_or_default();
    Revision(version.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use k8s_openapi::api::core::v1::ConfigMap;
    use sandbox::{ApiServer, Settings};

    use super::*;

    /// Follows the ConfigMaps of a server that refuses everything while it is set to.
    fn following(refused: &Arc<AtomicBool>) -> Arc<Progress> {
        let (server, refused) = (ApiServer::in_memory(Settings::default()), Arc::clone(refused));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (server, refused) = (Arc::clone(&server), refused.load(Ordering::Relaxed));
            async move {
                if !refused {
                    return Ok::<_, Infallible>(sandbox::answer(&server, request).await);
                }
                let mut refusal = http::Response::new(sandbox::Body::default());
                *refusal.status_mut() = http::StatusCode::FORBIDDEN;
                Ok(refusal)
            }
        });
        let progress = Progress::new("config maps");
        let client = progress.listening(&kube::Client::new(service, "default"));
        let api = Api::<DeserializeGuard<ConfigMap>>::all(client);
        let watch = follow(api, Arc::clone(&progress), CancellationToken::new(), |_| {});
        tokio::spawn(watch);
        progress
    }

    #[tokio::test]
    async fn a_watch_shows_what_its_selector_names() {
        use kube::ResourceExt;
        let client = crate::test_support::api_server([], "team").await;
        let maps = Api::<ConfigMap>::namespaced(client.clone(), "team");
        for name in ["one", "two"] {
            let labels = Some([("of".to_owned(), name.to_owned())].into());
            let metadata =
                ObjectMeta { name: Some(name.to_owned()), labels, ..ObjectMeta::default() };
            let map = ConfigMap { metadata, ..ConfigMap::default() };
            maps.create(&kube::api::PostParams::default(), &map).await.unwrap();
        }
        let cases = [
            (Selector::All, vec!["one", "two"]),
            (Selector::Labels("of=two".to_owned()), vec!["two"]),
            (Selector::Fields("metadata.name=one".to_owned()), vec!["one"]),
        ];
        for (selector, expected) in cases {
            let api = Api::<DeserializeGuard<ConfigMap>>::namespaced(client.clone(), "team");
            let (progress, ended) = (Progress::new("maps"), CancellationToken::new());
            let mut shown = Vec::new();
            let tell = |seen| match seen {
                WatchEvent::Present(map) => shown.push(ConfigMap::name_any(&map)),
                WatchEvent::Synced => ended.cancel(),
                _ => {}
            };
            follow_selected(api, selector.clone(), progress, ended.clone(), tell).await;
            assert_eq!(shown, expected, "{selector:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_whose_lists_are_refused_is_stuck() {
        let refused = Arc::new(AtomicBool::new(true));
        let progress = following(&refused);
        tokio::time::sleep(FAILING_LIMIT / 2).await;
        assert!(!progress.is_stuck(), "it may still come right");
        tokio::time::sleep(FAILING_LIMIT).await;
        assert!(progress.is_stuck());
        refused.store(false, Ordering::Relaxed);
        progress.synced().await;
        assert!(!progress.is_stuck());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_silent_while_it_is_refused_and_not_while_nothing_happens() {
        let refused = Arc::new(AtomicBool::new(false));
        let progress = following(&refused);
        progress.synced().await;
        let silence = || progress.heard.lock().elapsed();
        for _ in 0..20 {
            tokio::time::sleep(FAILING_LIMIT / 10).await;
            assert!(silence() <= Duration::from_secs(61), "a bookmark comes each minute");
        }
        refused.store(true, Ordering::Relaxed);
        tokio::time::sleep(2 * FAILING_LIMIT).await;
        assert!(silence() > FAILING_LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_watch_is_not_stuck_because_of_an_old_error() {
        let refused = Arc::new(AtomicBool::new(false));
        let progress = following(&refused);
        progress.synced().await;
        for _ in 0..3 {
            progress.note_error();
            tokio::time::sleep(FAILING_LIMIT).await;
            assert!(!progress.is_stuck());
        }
    }
}
