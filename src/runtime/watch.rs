//! One stream for each kind of object, with a back-off and a gauge of its own: a watch that fails
//! starves no other.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use kube::Resource;
use kube::api::{Api, ObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use machines::identity::{Revision, Timestamp};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::kubernetes;
use crate::runtime::clock::Clock;

/// Seconds after which the server ends a watch that is then begun anew: below the idle time-outs
/// of common load balancers (240 s), which would cut it without a word.
const WATCH_TIMEOUT_SECONDS: u32 = 230;
/// Objects in one page of a list: a page of large objects stays within some megabytes.
const PAGE_SIZE: u32 = 500;
/// How long a watch may fail before the process counts as dead.
const FAILING_LIMIT: Duration = Duration::from_secs(600);

/// How a watch is doing.
#[derive(Debug)]
pub struct Progress {
    /// Which watch it is.
    pub name: &'static str,
    clock: Clock,
    synced: AtomicBool,
    complete: Notify,
    events: AtomicU64,
    malformed: AtomicU64,
    errors: AtomicU64,
    last_event: AtomicI64,
    failing_since: AtomicI64,
}

impl Progress {
    /// A watch that has not begun.
    pub fn new(name: &'static str, clock: &Clock) -> Arc<Self> {
        Arc::new(Self {
            name,
            clock: clock.clone(),
            synced: AtomicBool::new(false),
            complete: Notify::new(),
            events: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            last_event: AtomicI64::new(0),
            failing_since: AtomicI64::new(0),
        })
    }

    /// Whether everything that there was has been seen once.
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Waits until everything that there was has been seen once.
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

    /// When the last event came.
    pub fn last_event(&self) -> Timestamp {
        Timestamp::from_millis(self.last_event.load(Ordering::Relaxed))
    }

    /// Whether it has failed for so long that a restart is the better hope.
    pub fn is_stuck(&self, now: Timestamp) -> bool {
        let since = self.failing_since.load(Ordering::Relaxed);
        since != 0 && now > Timestamp::from_millis(since).after(FAILING_LIMIT)
    }

    fn note_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
        self.last_event.store(self.clock.now().as_millis(), Ordering::Relaxed);
        self.failing_since.store(0, Ordering::Relaxed);
    }

    fn note_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now().as_millis();
        let _ = self.failing_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// What a watch tells. A relist begins with `Restarted` and ends with `Synced`: what was not seen
/// between the two does not exist.
#[derive(Debug)]
pub enum Seen<K> {
    /// A relist begins.
    Restarted,
    /// The object exists and looks so.
    Present(K),
    /// The object has gone, whether it could be read or not.
    Gone(Gone),
    /// An object of this name exists but cannot be read.
    Malformed {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// The relist is complete.
    Synced,
}

/// Which object has gone. An object that could be read once, and has a machine, may have become
/// unreadable since; what it said last is of no interest.
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

/// How far a watch has come.
///
/// The answer to a write is an observation like any other, and often the earliest. But it may be
/// taken in late, when the watch has already told what became of the object, up to its deletion:
/// then it would bring back what has gone. So an answer counts only while the watch is behind it.
#[derive(Debug, Default)]
pub struct Horizon {
    newest: Revision,
    relists: u64,
    relisting: bool,
}

/// The moment of a request, by the watch that will show its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    relists: u64,
}

impl Horizon {
    /// Takes note of what the watch tells.
    pub fn note<K: Resource>(&mut self, seen: &Seen<K>) {
        match seen {
            Seen::Restarted => {
                self.relists += 1;
                self.relisting = true;
            }
            Seen::Present(object) => self.newest = self.newest.max(revision(object)),
            Seen::Gone(gone) => self.newest = self.newest.max(gone.revision),
            Seen::Malformed { .. } => {}
            Seen::Synced => {
                // What was asked meanwhile may have come and gone before the list was made.
                self.relists += 1;
                self.relisting = false;
            }
        }
    }

    /// To be kept from before a request until its answer.
    pub fn ask(&self) -> Asked {
        Asked { relists: self.relists }
    }

    /// Whether the answer to a request says what the watch has not told.
    pub fn is_news<K: Resource>(&self, answer: &K, asked: Asked) -> bool {
        !self.relisting && asked.relists == self.relists && revision(answer) > self.newest
    }
}

/// Follows all objects of a kind until told to stop.
pub async fn follow<K>(
    api: Api<DeserializeGuard<K>>,
    progress: Arc<Progress>,
    shutdown: CancellationToken,
    mut tell: impl FnMut(Seen<K>) + Send,
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let config = watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS).page_size(PAGE_SIZE);
    let stream = watcher(api, config).default_backoff();
    let mut stream = std::pin::pin!(stream);
    loop {
        let next = tokio::select! {
            () = shutdown.cancelled() => return,
            next = stream.try_next() => next,
        };
        match next {
            Ok(Some(event)) => {
                progress.note_event();
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
                tracing::warn!(watch = progress.name, error, "the watch failed; it begins anew");
            }
        }
    }
}

fn translate<K>(event: watcher::Event<DeserializeGuard<K>>, progress: &Progress) -> Option<Seen<K>>
where
    K: Resource<DynamicType = ()>,
{
    match event {
        watcher::Event::Init => Some(Seen::Restarted),
        watcher::Event::InitDone => Some(Seen::Synced),
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            Some(present(object, progress))
        }
        watcher::Event::Delete(object) => Some(Seen::Gone(match &object.0 {
            Ok(object) => Gone::of(object.meta()),
            Err(invalid) => Gone::of(&invalid.metadata),
        })),
    }
}

fn present<K>(object: DeserializeGuard<K>, progress: &Progress) -> Seen<K>
where
    K: Resource<DynamicType = ()>,
{
    match object.0 {
        Ok(object) => Seen::Present(object),
        Err(invalid) => {
            progress.malformed.fetch_add(1, Ordering::Relaxed);
            let meta = invalid.metadata;
            let namespace = meta.namespace.unwrap_or_default();
            let name = meta.name.unwrap_or_default();
            // It may quote what stands in the object.
            let error = kubernetes::bounded(&invalid.error);
            tracing::warn!(
                watch = progress.name, %namespace, %name, error,
                "an object cannot be read and is left alone",
            );
            Seen::Malformed { namespace, name, uid: meta.uid.unwrap_or_default() }
        }
    }
}

/// The revision of an object; 0 where the server gives something else than a number.
pub fn revision<K: Resource>(object: &K) -> Revision {
    revision_of(object.meta())
}

fn revision_of(meta: &ObjectMeta) -> Revision {
    let version = meta.resource_version.as_deref().unwrap_or_default();
    Revision(version.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(revision: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.resource_version = Some(revision.to_owned());
        object
    }

    #[test]
    fn a_watch_that_fails_for_long_is_stuck_until_it_goes_on() {
        let clock = Clock::default();
        let progress = Progress::new("applications", &clock);
        let limit = clock.now().after(FAILING_LIMIT);
        assert!(!progress.is_stuck(limit.after(FAILING_LIMIT)), "it has not failed");
        progress.note_error();
        assert!(!progress.is_stuck(limit));
        progress.note_error();
        let later = clock.now().after(FAILING_LIMIT).after(Duration::from_secs(1));
        assert!(progress.is_stuck(later));
        progress.note_event();
        assert!(!progress.is_stuck(later));
    }

    #[test]
    fn an_answer_counts_only_while_the_watch_is_behind_it() {
        let mut horizon = Horizon::default();
        horizon.note(&Seen::Present(object("10")));
        let asked = horizon.ask();
        assert!(horizon.is_news(&object("11"), asked));
        horizon.note(&Seen::<ConfigMap>::Gone(Gone::of(&object("12").metadata)));
        assert!(!horizon.is_news(&object("11"), asked), "the watch has shown its deletion");
    }

    #[test]
    fn an_answer_that_a_relist_has_overtaken_does_not_count() {
        let mut horizon = Horizon::default();
        let asked = horizon.ask();
        horizon.note(&Seen::<ConfigMap>::Restarted);
        let meanwhile = horizon.ask();
        assert!(!horizon.is_news(&object("11"), meanwhile), "the list may be older or newer");
        horizon.note(&Seen::<ConfigMap>::Synced);
        assert!(!horizon.is_news(&object("11"), asked), "the list may have been without it");
        assert!(!horizon.is_news(&object("11"), meanwhile));
        assert!(horizon.is_news(&object("11"), horizon.ask()));
    }
}
