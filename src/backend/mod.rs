//! The backend: from GitOpsDeployments to rows and Operations, and from reports to status.
//!
//! The data flows one way: [`index`] takes in what the watches show, once its owner is certain
//! ([`ownership`]), [`observations`] wait in the inbox, [`kinds`] step their machines between load
//! and commit, and `effects` do what the new states require. Whatever depends on a machine's kind is
//! in `kinds`.

mod aside;
mod catch_up;
pub mod checks;
pub mod effects;
pub mod environment;
pub mod events;
mod execute;
pub mod follow_up;
pub mod index;
pub mod kinds;
pub mod latencies;
mod listener;
mod measure;
pub mod observations;
pub mod ownership;
mod sealing;
pub mod trust;
mod watching;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use machines::identity::{DeploymentUid, InstanceId, TenantUid};
use machines::kinds::deployment::conditions::ConditionStyle;
use parking_lot::{Mutex, MutexGuard};
use schema::store::{Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::checks::Checks;
use crate::backend::effects::Effect;
use crate::backend::environment::Environment;
use crate::backend::events::Events;
use crate::backend::index::objects::Place;
use crate::backend::index::secrets::SecretType;
use crate::backend::index::{Delivery, Index};
use crate::backend::kinds::deployment::tell::Failures;
use crate::backend::kinds::{FollowUp, Key, Shown};
use crate::backend::latencies::Latencies;
use crate::backend::observations::{Item, Observations};
use crate::backend::trust::TrustedServers;
use crate::backend::watching::watches_of_secrets;
use crate::metrics::Metrics;
use crate::runtime::commits::Commits;
use crate::runtime::effects::{EffectQueue, Pool};
use crate::runtime::inbox::Inbox;
use crate::runtime::retry::patiently;
use crate::runtime::store_failure::{RetryDecision, classify, retry_decision};
use crate::runtime::supervisor::{Stopped, supervise};
use crate::runtime::timers::Timers;
use crate::runtime::watch::Progress;
use crate::runtime::worker::{self, Process, Taken};
use crate::sealing::Sealing;
use crate::settings::Settings;
use crate::signals::Executor;

/// How long the first batch waits until everything has been seen. Ten thousand deployments are
/// listed within two seconds.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How often anything past its retention is removed.
const COLLECTION_INTERVAL: Duration = Duration::from_secs(3_600);

/// The backend of a running program.
pub struct Backend {
    client: kube::Client,
    store: Store,
    sealing: Sealing,
    settings: Settings,
    metrics: Arc<Metrics>,
    index: Mutex<Index>,
    instance: tokio::sync::watch::Sender<Option<InstanceId>>,
    /// The agent, if it runs in the same process.
    executor: OnceLock<Weak<dyn Executor>>,
    inbox: Arc<Inbox<Key, Observations>>,
    timers: Timers<Key>,
    effects: Arc<EffectQueue<Effect>>,
    checks: Checks,
    trust: TrustedServers,
    watches: Vec<Arc<Progress>>,
    events: Arc<Events>,
    failures: Failures,
    /// The installed CustomResourceDefinition predates the note about what a status has no room
    /// for, and drops it.
    loses_note: AtomicBool,
    commits: Arc<Commits>,
    latencies: Latencies,
    /// Something was seen, and there may be a question about its namespace.
    seen: Notify,
    transitions: tokio::sync::broadcast::Sender<Transition>,
}

/// A machine has moved, for onlookers.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The kind of its object.
    pub kind: &'static str,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// From which state.
    pub from: String,
    /// To which state.
    pub to: String,
    /// By which event.
    pub cause: &'static str,
}

/// How many transitions a slow onlooker may lag behind before it misses some.
const ONLOOKER_LAG: usize = 1_024;

impl Process<Key, Observations> for Backend {
    type Error = StoreError;

    async fn process(
        &self,
        taken: &Taken<Key, Observations>,
        taken_at: Instant,
    ) -> Result<(), StoreError> {
        let items: Vec<Item> = taken
            .iter()
            .map(|(_, key, observations)| (key.clone(), observations.clone()))
            .collect();
        let environment = self.environment();
        let namespace_phase =
            |tenant: &TenantUid, namespace: &str| self.index().namespace_phase(tenant, namespace);
        let generation =
            |uid: &DeploymentUid| self.index().generation(&Key::Deployment(uid.clone()));
        let secret = |type_: SecretType, place: &Place| self.index().secret(type_, place);
        let shown =
            Shown { namespace_phase: &namespace_phase, generation: &generation, secret: &secret };
        let request = kinds::request(&items);
        let committed = self
            .store
            .backend_batch(&request, environment.now, |loaded| {
                kinds::step(loaded, &items, &shown, &environment)
            })
            .await;
        let follow_up: FollowUp =
            committed.inspect_err(|error| self.metrics.note_uncommitted(error))?;
        self.metrics.steps.add(&[], follow_up.steps() as u64);
        kinds::follow_up(self, follow_up, taken_at).await;
        if self.instance() != environment.instance {
            // Argo CD appeared or disappeared while the batch was in progress. That was announced
            // before these machines were known, so it did not reach them.
            for (tenant, key, _) in taken {
                self.inbox.offer(tenant, key.clone(), Observations::facts());
            }
        }
        Ok(())
    }

    fn classify(error: &StoreError) -> (RetryDecision, &'static str) {
        classify(error)
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    fn set_aside(&self, key: &Key, failures: u32, pause: Duration, why: &'static str) {
        if failures < aside::TOLD_AFTER {
            return;
        }
        if let Some(place) = self.index().place_of(key) {
            self.events.tell(place, key, aside::REASON, &aside::message(key.uid(), pause, why));
        }
    }

    fn is_behind(&self, tenant: &str) -> bool {
        self.effects.is_behind(tenant)
    }
}

impl Backend {
    /// A backend that has not started.
    pub fn new(
        client: kube::Client,
        store: Store,
        sealing: Sealing,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let clock = settings.clock.clone();
        let trust = TrustedServers::default();
        let names = ["namespaces"].into_iter().chain(kinds::WATCHED);
        let mut watches: Vec<_> = names.map(Progress::new).collect();
        if sealing.sealer().is_some() {
            let names = watches_of_secrets(&settings.secret_namespaces).into_iter();
            watches.extend(names.map(|(.., name)| Progress::new(name)));
            watches.extend(trust.watches().map(Arc::clone));
        }
        Arc::new(Self {
            client,
            store,
            sealing,
            index: Mutex::new(Index::new(&settings.secret_namespaces)),
            settings,
            metrics,
            instance: tokio::sync::watch::Sender::default(),
            executor: OnceLock::default(),
            inbox: Arc::default(),
            events: Arc::new(Events::new(clock.clone())),
            failures: Failures::default(),
            loses_note: AtomicBool::new(false),
            checks: Checks::new(&clock),
            trust,
            timers: Timers::new(clock),
            effects: EffectQueue::new(Pool::API_SERVER),
            watches,
            commits: Commits::new("deployments"),
            latencies: Latencies::default(),
            seen: Notify::new(),
            transitions: tokio::sync::broadcast::Sender::new(ONLOOKER_LAG),
        })
    }

    /// Notifies an agent in the same process of operations as soon as they are committed.
    pub fn tell_directly(&self, executor: Weak<dyn Executor>) {
        // There is one agent, and it is set once.
        let _ = self.executor.set(executor);
    }

    /// The gauges of its watches.
    pub fn watches(&self) -> &[Arc<Progress>] {
        &self.watches
    }

    /// How its worker is doing.
    pub fn commits(&self) -> &Arc<Commits> {
        &self.commits
    }

    /// Publishes every transition from now on.
    pub fn transitions(&self) -> tokio::sync::broadcast::Receiver<Transition> {
        self.transitions.subscribe()
    }

    /// How many observations and effects wait.
    pub fn backlog(&self) -> usize {
        self.inbox.len() + self.effects.len() + self.checks.backlog()
    }

    /// Runs until it should stop, or until the store says that another replica has taken over.
    pub async fn run(
        self: Arc<Self>,
        shutdown: CancellationToken,
    ) -> Result<(), Stopped<StoreError>> {
        let caught_up = patiently("the start", &shutdown, retry_decision, || self.catch_up()).await;
        if caught_up.map_err(Stopped::Work)?.is_none() {
            return Ok(());
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self).watch_namespaces(shutdown.clone()));
        kinds::watch(&self, &mut tasks, &shutdown);
        tasks.spawn(Arc::clone(&self).ask_for_namespaces(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).fire_timers(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).collect_at_intervals(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).send_events(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).seal_clear_texts(shutdown.clone()));
        if self.sealing.sealer().is_some() {
            for (type_, namespace, name) in watches_of_secrets(&self.settings.secret_namespaces) {
                let backend = Arc::clone(&self);
                tasks.spawn(backend.watch_secrets(type_, namespace, name, shutdown.clone()));
            }
            tasks.spawn(Arc::clone(&self).follow_trust(shutdown.clone()));
            tasks.spawn(Arc::clone(&self).run_checks(shutdown.clone()));
        }
        let backend = Arc::clone(&self);
        let execute = move |effect| Arc::clone(&backend).execute(effect);
        tasks.spawn(Arc::clone(&self.effects).run(execute, shutdown.clone()));
        supervise(self.work(&shutdown), tasks, shutdown.clone()).await
    }

    /// Processes batches once everything that existed has been seen: that takes one look at each
    /// machine instead of one for each thing seen. It waits only briefly, because a watch may fail
    /// for a long time.
    async fn work(&self, shutdown: &CancellationToken) -> Result<(), StoreError> {
        let seen = async {
            for watch in &self.watches {
                watch.synced().await;
            }
            if self.engine_uids().is_some() {
                // We hold its sender.
                let _ = self.instance.subscribe().wait_for(Option::is_some).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = tokio::time::timeout(FIRST_LOOK, seen) => {}
        }
        worker::run(self, Arc::clone(&self.inbox), shutdown.clone()).await
    }

    async fn fire_timers(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let due = tokio::select! {
                () = shutdown.cancelled() => return,
                due = self.timers.next_due() => due,
            };
            for machine in due {
                self.poke(&machine, Observations::deadline());
            }
        }
    }

    async fn send_events(self: Arc<Self>, shutdown: CancellationToken) {
        self.events.run(self.client.clone(), shutdown).await;
    }

    async fn collect_at_intervals(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(COLLECTION_INTERVAL) => {}
            }
            match self.store.collect(self.settings.clock.now()).await {
                Ok(collected) => tracing::info!(?collected, "old rows were removed"),
                Err(error) => tracing::warn!(%error, "old rows could not be removed"),
            }
        }
    }

    fn environment(&self) -> Environment {
        Environment {
            now: self.settings.clock.now(),
            instance: self.instance(),
            argocd_namespace: self.settings.argocd_namespace.clone(),
            isolation: self.settings.isolation,
            conditions: self.settings.conditions,
            has_keys: self.sealing.sealer().is_some(),
            has_note: self.has_note(),
        }
    }

    fn has_note(&self) -> bool {
        let is_known = !self.loses_note.load(Ordering::Relaxed);
        is_known && self.settings.conditions == ConditionStyle::Conventional
    }

    fn instance(&self) -> Option<InstanceId> {
        self.instance.borrow().clone()
    }

    /// Steps a machine of any kind.
    fn poke(&self, machine: &Key, observations: Observations) {
        let tenant = self.index().tenant_of(machine).unwrap_or_default();
        self.inbox.offer(tenant.as_str(), machine.clone(), observations);
    }

    /// Takes something in and notifies the machines that it concerns; returns whether there are
    /// any.
    ///
    /// Under one lock: otherwise a newer observation might overtake this one before it is passed
    /// on, and be replaced by it in the inbox.
    fn take_in<D>(&self, note: impl FnOnce(&mut Index) -> D) -> bool
    where
        D: IntoIterator<Item = Delivery>,
    {
        let mut index = self.index();
        let mut is_news = false;
        for (tenant, key, observations) in note(&mut index) {
            is_news = true;
            self.inbox.offer(&tenant, key, observations);
        }
        is_news
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock()
    }
}

#[cfg(test)]
mod tests {
    use schema::store::Role;

    use super::*;
    use crate::test_support;

    #[tokio::test]
    async fn a_deadline_wakes_a_machine_of_any_kind() {
        let database = test_support::database().await;
        let settings = Settings::default();
        let now = settings.clock.now();
        let store = Store::take_over(database, Role::Backend, "test", now).await.expect("the role");
        let client = test_support::no_api_server();
        let sealing = Sealing::without_keys();
        let backend = Backend::new(client, store, sealing, settings, Arc::default());
        let machines = [
            Key::Tenant(TenantUid::new("tenant")),
            Key::Deployment(machines::identity::DeploymentUid::new("uid")),
        ];
        for machine in &machines {
            backend.timers.set(machine, Some(now));
        }
        let shutdown = CancellationToken::new();
        let timers = tokio::spawn(Arc::clone(&backend).fire_timers(shutdown.clone()));
        for _ in &machines {
            backend.inbox.ready().await;
            let woken = backend.inbox.take(1);
            assert!(machines.contains(&woken[0].1) && woken[0].2.deadline, "{woken:?}");
        }
        shutdown.cancel();
        timers.await.expect("it ends");
    }
}
