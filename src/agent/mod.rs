//! The agent: the only writer of Argo CD's resources, and the reader of what they report.
//!
//! [`argo`] holds what the watches show, `open` the operations that look at it, [`batch`] steps
//! operations between load and commit, [`resources`] have the effects that their states require,
//! `definition` says what the installed Argo CD supports, [`reports`] carries what Argo CD says into
//! the database, and `rescan` finds manual changes.

pub mod argo;
pub mod batch;
mod definition;
mod execute;
mod follow_up;
mod measure;
mod open;
pub mod reports;
mod rescan;
pub mod resources;
mod watching;

#[cfg(test)]
mod absence_tests;
#[cfg(test)]
mod cluster_secret_tests;
#[cfg(test)]
mod repository_secret_tests;

use std::sync::Arc;

use machines::identity::{DeploymentUid, OperationId, TenantUid, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use schema::store::{Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::argo::{Argo, Changed};
use crate::agent::batch::Observations;
use crate::agent::open::OpenOperations;
pub use crate::agent::open::Stage;
use crate::agent::reports::Reports;
use crate::agent::resources::Effect;
use crate::agent::watching::Watches;
use crate::metrics::Metrics;
use crate::runtime::commits::Commits;
use crate::runtime::effects::{EffectQueue, Pool};
use crate::runtime::inbox::Inbox;
use crate::runtime::retry::patiently;
use crate::runtime::store_failure::RetryDecision;
use crate::runtime::store_failure::{classify, retry_decision};
use crate::runtime::supervisor::{Stopped, supervise};
use crate::runtime::timers::Timers;
use crate::runtime::watch::Progress;
use crate::runtime::worker::{self, Process, Taken};
use crate::settings::Settings;
use crate::signals::{Executor, Listener};

/// The agent of a running program.
pub struct Agent {
    client: kube::Client,
    store: Store,
    settings: Settings,
    metrics: Arc<Metrics>,
    listener: Arc<dyn Listener>,
    argo: Mutex<Argo>,
    open: Mutex<OpenOperations>,
    reports: Reports,
    inbox: Arc<Inbox<OperationId, Observations>>,
    timers: Timers<OperationId>,
    effects: Arc<EffectQueue<Effect>>,
    watches: Watches,
    commits: Arc<Commits>,
    /// When everything was last compared; before that, when this agent was made.
    rescanned: Mutex<Instant>,
}

impl Process<OperationId, Observations> for Agent {
    type Error = StoreError;

    async fn process(
        &self,
        taken: &Taken<OperationId, Observations>,
        taken_at: Instant,
    ) -> Result<(), StoreError> {
        let items: Vec<(OperationId, Observations)> = {
            let open = self.open();
            // An observation of an operation made just as it was forgotten no longer counts;
            // stepping it would bring the operation back.
            let still_open = taken.iter().filter(|(_, id, _)| open.by_id.contains_key(id));
            still_open.map(|(_, id, observations)| (id.clone(), observations.clone())).collect()
        };
        if items.is_empty() {
            return Ok(());
        }
        let keys: Vec<OperationId> = items.iter().map(|(id, _)| id.clone()).collect();
        let isolation = self.settings.isolation;
        let now = self.settings.clock.now();
        let committed = self
            .store
            .agent_batch(&keys, now, |mut loaded| {
                let argo = self.argo();
                let (changes, follow_ups) =
                    batch::decide(&mut loaded, &items, &argo, isolation, now);
                (changes, (follow_ups, loaded.permitted))
            })
            .await;
        let (follow_ups, permitted) =
            committed.inspect_err(|error| self.metrics.note_uncommitted(error))?;
        for (owner, wanted) in follow_ups.projects {
            self.open().note_project(&owner, wanted);
        }
        for one in follow_ups.operations {
            self.follow_up(one, taken_at);
        }
        for id in &follow_ups.left {
            self.forget(id);
        }
        let idle = self.open().forget_idle(permitted.keys());
        self.argo().forget_absence(idle.iter().map(String::as_str));
        Ok(())
    }

    fn classify(error: &StoreError) -> (RetryDecision, &'static str) {
        classify(error)
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    fn is_behind(&self, tenant: &str) -> bool {
        self.effects.is_behind(tenant) || self.listener.is_behind(tenant)
    }
}

impl Executor for Agent {
    fn operation_requested(&self, id: &OperationId, tenant: &TenantUid) {
        self.take_up(id.clone(), tenant.as_str());
    }
}

impl Agent {
    /// An agent that has not started.
    pub fn new(
        client: kube::Client,
        store: Store,
        settings: Settings,
        metrics: Arc<Metrics>,
        listener: Arc<dyn Listener>,
    ) -> Arc<Self> {
        let clock = settings.clock.clone();
        let watches = Watches::new();
        let digester = store.sealer().map(|sealer| sealer.digests.clone());
        Arc::new(Self {
            client,
            reports: Reports::new(
                store.clone(),
                Arc::clone(&listener),
                Arc::clone(&metrics),
                settings.trace.clone(),
            ),
            store,
            settings,
            metrics,
            listener,
            argo: Mutex::new(Argo::new(digester)),
            open: Mutex::default(),
            inbox: Arc::default(),
            timers: Timers::new(clock),
            effects: EffectQueue::new(Pool::API_SERVER),
            watches,
            commits: Commits::new("operations"),
            rescanned: Mutex::new(Instant::now()),
        })
    }

    /// The gauges of its watches.
    pub fn watches(&self) -> [&Arc<Progress>; 4] {
        let Watches { operations, applications, projects, secrets } = &self.watches;
        [operations, applications, projects, secrets]
    }

    /// How its workers are doing.
    pub fn commits(&self) -> [&Arc<Commits>; 2] {
        [&self.commits, self.reports.commits()]
    }

    /// How many observations, reports and effects wait.
    pub fn backlog(&self) -> usize {
        self.inbox.len() + self.reports.backlog() + self.effects.len()
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
        tasks.spawn(Arc::clone(&self).watch_applications(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).watch_projects(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).watch_secrets(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).watch_operations(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).fire_timers(shutdown.clone()));
        tasks.spawn(rescan::secrets::move_to_projects(Arc::clone(&self), shutdown.clone()));
        if let Some(interval) = self.settings.rescan {
            tasks.spawn(rescan::run(Arc::clone(&self), interval, shutdown.clone()));
        }
        let agent = Arc::clone(&self);
        let execute = move |effect| Arc::clone(&agent).execute(effect);
        tasks.spawn(Arc::clone(&self.effects).run(execute, shutdown.clone()));
        let work = async {
            let reports = self.reports.pump(shutdown.clone());
            tokio::try_join!(self.work(&shutdown), reports).map(|((), ())| ())
        };
        supervise(work, tasks, shutdown.clone()).await
    }

    async fn catch_up(&self) -> Result<(), StoreError> {
        use machines::operation::Operation;
        for entry in self.store.index::<Operation>().await? {
            let id = OperationId::new(entry.key);
            self.open().note(&id, "");
            self.timers.set(&id, entry.wake_at.map(Timestamp::from_millis));
            self.inbox.offer("", id, Observations::default());
        }
        self.reports.load().await
    }

    async fn fire_timers(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let due = tokio::select! {
                () = shutdown.cancelled() => return,
                due = self.timers.next_due() => due,
            };
            for id in due {
                self.poke(&id, Observations { deadline: true, ..Observations::default() });
            }
        }
    }

    /// Steps batches, one after the other, once Argo CD's Applications and AppProjects have been seen:
    /// until then nothing is known of what exists. It does not wait for Secrets, which each write looks
    /// for by name: where they may not be watched, deployments go on.
    async fn work(&self, shutdown: &CancellationToken) -> Result<(), StoreError> {
        let Watches { applications, projects, .. } = &self.watches;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = async { tokio::join!(applications.synced(), projects.synced()) } => {}
        }
        self.read_definition().await;
        worker::run(self, Arc::clone(&self.inbox), shutdown.clone()).await
    }

    /// Learns what the installed Argo CD supports; it may have been replaced in the meantime.
    async fn read_definition(&self) {
        match definition::knows_refresh(&self.client).await {
            Ok(is_known) => self.argo().note_refresh(is_known),
            Err(error) => tracing::warn!(
                %error,
                "Argo CD's definition of an Application cannot be read; the next rescan tries again",
            ),
        }
    }

    /// Takes in what is seen of Argo CD, and notifies the operations that look at what changed;
    /// returns whether anything did.
    ///
    /// Under one lock: otherwise a newer report might overtake this one before it is passed on, and
    /// this one be taken for the newest.
    fn take_in(&self, note: impl FnOnce(&mut Argo) -> Vec<Changed>) -> bool {
        let mut argo = self.argo();
        let changed = note(&mut argo);
        let is_news = !changed.is_empty();
        for one in changed {
            let concerned = self.open().concerned(&one);
            for id in concerned {
                self.poke(&id, Observations::default());
            }
            let Changed::Application { row, name, project, status } = one else { continue };
            let Some(row) = row else { continue };
            let Some(uid) = crds::names::deployment_uid(&name) else { continue };
            // If its row is gone as well, there is nothing to report on.
            let status = status.map_or_else(reports::missing, |status| *status);
            self.reports.offer(&project, row, DeploymentUid::new(uid), status);
        }
        is_news
    }

    fn poke(&self, id: &OperationId, observations: Observations) {
        let known = self.open().by_id.get(id).map(|entry| entry.tenant.clone());
        // One that is not open has nothing left to do.
        if let Some(tenant) = known {
            self.inbox.offer(&tenant, id.clone(), observations);
        }
    }

    fn turn(&self, id: &OperationId) -> String {
        self.open().by_id.get(id).map(|entry| entry.tenant.clone()).unwrap_or_default()
    }

    fn argo(&self) -> MutexGuard<'_, Argo> {
        self.argo.lock()
    }

    fn open(&self) -> MutexGuard<'_, OpenOperations> {
        self.open.lock()
    }
}
