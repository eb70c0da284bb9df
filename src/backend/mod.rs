//! The backend: from GitOpsDeployments to rows and Operations, and from reports to status.
//!
//! The data flows one way: [`index`] takes in what the watches show, once it is certain whose it
//! is ([`ownership`]), `observations` wait in the inbox, [`decide`] steps a batch of machines between load
//! and commit, and [`effect`]s do what the new states require.

mod aside;
pub mod decide;
pub mod effect;
pub mod events;
pub mod index;
pub mod observations;
pub mod observe;
pub mod ownership;
pub mod unsupported;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crds::argocd::ApplicationStatus;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::Api;
use machines::deployment::Obligation;
use machines::deployment::conditions::{ConditionStyle, StatusView, next_budget};
use machines::deployment::lifecycle::Lifecycle;
use machines::identity::{ApplicationId, DeploymentUid, InstanceId, TenantUid};
use machines::messages;
use parking_lot::{Mutex, MutexGuard};
use schema::store::{Store, StoreError};
use schema::{ErrorClass, Fault};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::decide::{DeploymentFollowUp, Environment, FollowUp, Item};
use crate::backend::effect::{Action, Effect, Mirrored, SUBJECTS, StatusWrite, Subject};
use crate::backend::events::Events;
use crate::backend::index::{Delivery, Index, Place};
use crate::backend::observations::{Key, Observations};
use crate::backend::ownership::Question;
use crate::kubernetes::ApiError;
use crate::metrics::Metrics;
use crate::runtime::commits::Commits;
use crate::runtime::effects::{EffectQueue, Outcome, QueuedEffect, Required};
use crate::runtime::inbox::Inbox;
use crate::runtime::retry::{patiently, until_done};
use crate::runtime::supervisor::{Stopped, supervise};
use crate::runtime::timers::Timers;
use crate::runtime::watch::{self, Progress};
use crate::runtime::worker::{self, Process, Silence, Taken, Verdict};
use crate::settings::Settings;
use crate::signals::Executor;

/// How long the first batch waits for everything to have been seen. Ten thousand deployments are
/// listed within two seconds.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Questions about namespaces under way at once. One is asked for each namespace in which the first
/// deployment appears.
const QUESTIONS: usize = 8;
/// The reason of the Event on a deletion that waits for another version of the program.
const DELETION_WAITS: &str = "DeletionWaits";
/// How often what has outlived its retention is removed.
const COLLECTION_INTERVAL: Duration = Duration::from_secs(3_600);

/// The backend of a running program.
pub struct Backend {
    client: kube::Client,
    store: Store,
    settings: Settings,
    metrics: Arc<Metrics>,
    index: Mutex<Index>,
    instance: tokio::sync::watch::Sender<Option<InstanceId>>,
    /// The agent, where it runs in the same process.
    executor: OnceLock<Weak<dyn Executor>>,
    inbox: Arc<Inbox<Key, Observations>>,
    timers: Timers<Key>,
    effects: Arc<EffectQueue<Effect>>,
    watches: Vec<Arc<Progress>>,
    events: Arc<Events>,
    /// The installed CustomResourceDefinition is older than the note on what a status has no room
    /// for, and loses it.
    loses_note: AtomicBool,
    commits: Arc<Commits>,
    /// Something was seen, and there may be a question about its namespace.
    seen: Notify,
    transitions: tokio::sync::broadcast::Sender<Transition>,
}

/// A deployment has moved, for whoever looks on.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The deployment's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// From which state.
    pub from: String,
    /// To which state.
    pub to: String,
    /// By which event.
    pub cause: &'static str,
}

/// Transitions that a slow onlooker may lag behind before it misses some.
const ONLOOKER_LAG: usize = 1_024;

/// What a failure of the store means for the next batch, and why it came.
pub(crate) fn judge(error: &StoreError) -> (Verdict, &'static str) {
    let Fault { class, why } = error.fault();
    let verdict = match class {
        _ if matches!(error, StoreError::Deposed { .. }) => Verdict::Stop,
        ErrorClass::Connection | ErrorClass::Contention => Verdict::AtOnce,
        ErrorClass::Unavailable => Verdict::Later,
        ErrorClass::Configuration => Verdict::Refused,
        ErrorClass::Defect => Verdict::Unfit,
    };
    (verdict, why)
}

/// What a failure of the store means for the next attempt.
pub(crate) fn verdict(error: &StoreError) -> Verdict {
    judge(error).0
}

impl From<Silence> for StoreError {
    fn from(Silence(lasted): Silence) -> Self {
        Self::Silent { lasted }
    }
}

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
        let standing =
            |tenant: &TenantUid, namespace: &str| self.index().standing(tenant, namespace);
        let request = decide::request(&items);
        let committed = self
            .store
            .backend_batch(&request, environment.now, |loaded| {
                decide::decide(loaded, &items, &standing, &environment)
            })
            .await;
        let follow_up = committed.inspect_err(|_| {
            self.metrics.failed_batches.inc();
        })?;
        self.metrics.batches.inc();
        self.metrics.steps.inc_by(follow_up.deployments.len() as u64);
        self.follow_up(follow_up, taken_at).await;
        if self.instance() != environment.instance {
            // Argo CD came or went while the batch was under way. Whoever was told of that before
            // these machines were known has not told them.
            for (tenant, key, _) in taken {
                self.inbox.offer(tenant, key.clone(), Observations::facts());
            }
        }
        Ok(())
    }

    fn judge(error: &StoreError) -> (Verdict, &'static str) {
        judge(error)
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    fn set_aside(&self, key: &Key, failures: u32, pause: Duration, why: &'static str) {
        let Key::Deployment(uid) = key else { return };
        if failures < aside::TOLD_AFTER {
            return;
        }
        if let Some((place, _)) = self.index().object(uid) {
            self.events.tell(&place, uid, aside::REASON, &aside::message(uid, pause, why));
        }
    }

    fn is_behind(&self, tenant: &str) -> bool {
        self.effects.is_behind(tenant)
    }
}

impl Backend {
    /// A backend that has not begun.
    pub fn new(
        client: kube::Client,
        store: Store,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let clock = settings.clock.clone();
        let watches =
            ["namespaces", "gitopsdeployments"].map(|name| Progress::new(name, &clock)).to_vec();
        Arc::new(Self {
            client,
            store,
            settings,
            metrics,
            index: Mutex::default(),
            instance: tokio::sync::watch::Sender::default(),
            executor: OnceLock::default(),
            inbox: Arc::default(),
            events: Arc::new(Events::new(clock.clone())),
            loses_note: AtomicBool::new(false),
            timers: Timers::new(clock),
            effects: Arc::default(),
            watches,
            commits: Commits::new("deployments"),
            seen: Notify::new(),
            transitions: tokio::sync::broadcast::Sender::new(ONLOOKER_LAG),
        })
    }

    /// Tells an agent in the same process of operations as soon as they are committed.
    pub fn tell_directly(&self, executor: Weak<dyn Executor>) {
        // There is one agent, and it is told of once.
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

    /// Tells of every transition from now on.
    pub fn transitions(&self) -> tokio::sync::broadcast::Receiver<Transition> {
        self.transitions.subscribe()
    }

    /// How much waits: observations and effects.
    pub fn backlog(&self) -> usize {
        self.inbox.len() + self.effects.len()
    }

    /// The agent has completed or failed an operation that this deployment asked for.
    pub fn operation_finished(&self, requester: &DeploymentUid) {
        self.poke(requester, Observations::operation());
    }

    /// The agent has written a report on this deployment's Application.
    pub fn report_changed(&self, uid: &DeploymentUid) {
        self.poke(uid, Observations::report());
    }

    /// The Application of this deployment was edited or deleted by hand.
    pub fn application_differs(&self, uid: &DeploymentUid) {
        self.poke(uid, Observations::differs());
    }

    /// Takes up what the database holds. For the beginning, before anything else is under way.
    async fn catch_up(&self) -> Result<(), StoreError> {
        use machines::deployment::Deployment;
        use machines::tenant::Tenant;
        for entry in self.store.index::<Tenant>().await? {
            let tenant = TenantUid::new(entry.key);
            self.take_in(|index| index.note_tenant(&tenant, &entry.namespace));
        }
        for entry in self.store.index::<Deployment>().await? {
            let uid = DeploymentUid::new(entry.key);
            let tenant = TenantUid::new(entry.tenant_uid);
            let place = index::Place { namespace: entry.namespace, name: entry.name };
            self.index().note_deployment(&uid, tenant.clone(), place);
            // Its timer is set when it has been stepped.
            if entry.owes || entry.wake_at.is_some() {
                self.inbox.offer(tenant.as_str(), Key::Deployment(uid), Observations::operation());
            }
        }
        self.take_in_reports().await
    }

    /// Signals may have been missed: looks at everything that may have been signalled.
    pub async fn look_again(&self) -> Result<(), StoreError> {
        for entry in self.store.index::<machines::deployment::Deployment>().await? {
            if entry.owes || entry.wake_at.is_some() {
                self.poke(&DeploymentUid::new(entry.key), Observations::operation());
            }
        }
        self.take_in_reports().await
    }

    /// Looks for reports that were not taken in.
    pub async fn take_in_reports(&self) -> Result<(), StoreError> {
        for uid in self.store.unread().await? {
            self.poke(&uid, Observations::report());
        }
        Ok(())
    }

    /// Runs until told to stop, or until the store says that somebody else has taken over.
    pub async fn run(
        self: Arc<Self>,
        shutdown: CancellationToken,
    ) -> Result<(), Stopped<StoreError>> {
        let caught_up = patiently("the start", &shutdown, verdict, || self.catch_up()).await;
        if caught_up.map_err(Stopped::Work)?.is_none() {
            return Ok(());
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self).watch_namespaces(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).watch_deployments(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).ask_for_namespaces(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).fire_timers(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).collect_at_intervals(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).tell_of_unsupported(shutdown.clone()));
        let backend = Arc::clone(&self);
        let execute = move |effect| Arc::clone(&backend).execute(effect);
        tasks.spawn(Arc::clone(&self.effects).run(execute, shutdown.clone()));
        supervise(self.work(&shutdown), tasks, shutdown.clone()).await
    }

    /// Processes batches, from when everything has been seen that there was: one look at each
    /// machine then instead of one for each thing that is seen. For a moment only, because a watch
    /// may fail for long.
    async fn work(&self, shutdown: &CancellationToken) -> Result<(), StoreError> {
        let seen = async {
            for watch in &self.watches {
                watch.synced().await;
            }
            if self.engine_uids().is_some() {
                // Its sender is our own.
                let _ = self.instance.subscribe().wait_for(Option::is_some).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = tokio::time::timeout(FIRST_LOOK, seen) => {}
        }
        worker::run(self, Arc::clone(&self.inbox), shutdown.clone()).await
    }

    async fn watch_namespaces(self: Arc<Self>, shutdown: CancellationToken) {
        let api = Api::all(self.client.clone());
        let (tell, hear) = tokio::sync::watch::channel(None);
        let engine = tokio::spawn(Arc::clone(&self).follow_engine(hear));
        let progress = Arc::clone(&self.watches[0]);
        let backend = Arc::clone(&self);
        watch::follow::<Namespace>(api, progress, shutdown, move |seen| {
            backend.take_in(|index| index.namespace_seen(seen));
            backend.seen.notify_one();
            let uids = backend.engine_uids();
            tell.send_if_modified(|known| {
                let changed = *known != uids;
                *known = uids;
                changed
            });
        })
        .await;
        engine.abort();
    }

    /// The UIDs of Argo CD's namespace and of kube-system, once both exist.
    fn engine_uids(&self) -> Option<(TenantUid, TenantUid)> {
        let index = self.index();
        let argocd = index.namespace_uid(&self.settings.argocd_namespace)?.clone();
        Some((argocd, index.namespace_uid("kube-system")?.clone()))
    }

    /// Keeps the rows of the Argo CD instance, and tells every deployment when it changes.
    async fn follow_engine(
        self: Arc<Self>,
        mut uids: tokio::sync::watch::Receiver<Option<(TenantUid, TenantUid)>>,
    ) {
        while uids.changed().await.is_ok() {
            let wanted = uids.borrow_and_update().clone();
            let instance = match wanted {
                None => None,
                Some((argocd, kube_system)) => {
                    Some(self.ensure_instance(argocd.as_str(), kube_system.as_str()).await)
                }
            };
            let changed = self.instance.send_if_modified(|known| {
                let changed = *known != instance;
                *known = instance;
                changed
            });
            if changed {
                self.take_in(|index| index.tell_all(&Observations::facts()));
            }
        }
    }

    async fn ensure_instance(&self, argocd: &str, kube_system: &str) -> InstanceId {
        let namespace = &self.settings.argocd_namespace;
        until_done("the Argo CD instance cannot be recorded yet", || {
            let now = self.settings.clock.now();
            self.store.ensure_instance(namespace, argocd, kube_system, now)
        })
        .await
    }

    async fn watch_deployments(self: Arc<Self>, shutdown: CancellationToken) {
        let api = Api::all(self.client.clone());
        let progress = Arc::clone(&self.watches[1]);
        let backend = Arc::clone(&self);
        watch::follow(api, progress, shutdown, move |seen| {
            backend.take_in(|index| index.deployment_seen(seen));
            backend.seen.notify_one();
        })
        .await;
    }

    /// Finds out whose the objects are of which the watches alone cannot tell: see [`ownership`].
    async fn ask_for_namespaces(self: Arc<Self>, shutdown: CancellationToken) {
        let mut asked = JoinSet::new();
        loop {
            let room = QUESTIONS.saturating_sub(asked.len());
            for question in self.index().questions(room) {
                let backend = Arc::clone(&self);
                asked.spawn(async move { backend.ask(&question).await });
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.seen.notified() => {}
                Some(_) = asked.join_next() => {}
            }
        }
    }

    async fn ask(&self, question: &Question) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let name = &question.namespace;
        let complaint = format!("the namespace {name} cannot be read yet");
        let found = until_done(&complaint, || api.get_opt(name)).await;
        let answer = found.map(|one| TenantUid::new(one.uid().unwrap_or_default()));
        self.take_in(|index| index.question_answered(question, answer.as_ref()));
    }

    async fn fire_timers(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let due = tokio::select! {
                () = shutdown.cancelled() => return,
                due = self.timers.next_due() => due,
            };
            for key in due {
                if let Key::Deployment(uid) = &key {
                    self.poke(uid, Observations::deadline());
                }
            }
        }
    }

    async fn tell_of_unsupported(self: Arc<Self>, shutdown: CancellationToken) {
        let (client, clock) = (self.client.clone(), self.settings.clock.clone());
        let watch = unsupported::run(client, clock, &self.events, shutdown.clone());
        tokio::join!(watch, self.events.run(self.client.clone(), shutdown));
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

    /// What follows from a commit: timers, effects, and who else is concerned.
    async fn follow_up(&self, follow_up: FollowUp, taken_at: Instant) {
        for tenant in follow_up.tenants {
            if tenant.gone {
                self.index().forget_tenant(&tenant.tenant);
            } else {
                self.take_in(|index| index.note_tenant(&tenant.tenant, &tenant.namespace));
            }
            if tenant.count {
                let key = Key::Tenant(tenant.tenant.clone());
                self.inbox.offer(tenant.tenant.as_str(), key, Observations::facts());
            }
        }
        let reports = self.missing_reports(&follow_up.deployments).await;
        for deployment in follow_up.deployments {
            self.tell(&deployment);
            self.follow_up_deployment(deployment, &reports, taken_at);
        }
    }

    fn tell(&self, deployment: &DeploymentFollowUp) {
        if deployment.repairs {
            self.metrics.repairs.inc();
            let Place { namespace, name } = &deployment.place;
            tracing::info!(namespace, name, "an Application that was changed by hand is repaired");
        }
        let Some(moved) = &deployment.moved else { return };
        let place = &deployment.place;
        if moved.to == (Lifecycle::RemovalFrozen {}).path() {
            // Without our finalizer there is no object any more whose status could say it.
            self.events.tell(place, &deployment.uid, DELETION_WAITS, messages::REMOVAL_FROZEN);
        }
        tracing::info!(
            namespace = place.namespace,
            name = place.name,
            from = moved.from,
            to = moved.to,
            cause = moved.cause,
            "a deployment moved",
        );
        let transition = Transition {
            namespace: place.namespace.clone(),
            name: place.name.clone(),
            from: moved.from.clone(),
            to: moved.to.clone(),
            cause: moved.cause,
        };
        // Nobody may be looking on.
        let _ = self.transitions.send(transition);
    }

    fn follow_up_deployment(
        &self,
        deployment: DeploymentFollowUp,
        reports: &HashMap<ApplicationId, Arc<ApplicationStatus>>,
        taken_at: Instant,
    ) {
        let DeploymentFollowUp { uid, tenant, place, gone, wake_at, requested, owed, .. } =
            deployment;
        self.timers.set(&Key::Deployment(uid.clone()), wake_at);
        if gone {
            self.take_in(|index| index.forget_deployment(&uid));
        } else {
            self.index().note_deployment(&uid, tenant.clone(), place);
        }
        let fresh = deployment.report.map(Arc::new);
        let known = deployment.application.as_ref().and_then(|id| reports.get(id)).cloned();
        let report = fresh.or(known).map(Mirrored::Read);
        let report = report.or(deployment.application.map(Mirrored::Unread));
        let mut settled: Vec<Subject> = SUBJECTS.to_vec();
        if let Some(id) = requested
            && let Some(executor) = self.executor.get().and_then(Weak::upgrade)
        {
            executor.operation_requested(&id, &tenant);
        }
        for obligation in owed {
            let (subject, action) = match obligation {
                Obligation::OperationSignalled(operation) => (
                    Subject::Operation,
                    Action::SignalOperation { tenant: tenant.clone(), operation },
                ),
                Obligation::StatusWritten(view) => {
                    let report = report.clone().filter(|_| view.mirrored.is_some());
                    (Subject::Status, Action::WriteStatus { view, report })
                }
                Obligation::FinalizerRemoved => (Subject::Finalizer, Action::RemoveFinalizer),
            };
            settled.retain(|other| *other != subject);
            if deployment.insist {
                self.effects.invalidate(&(uid.clone(), subject));
            }
            let effect = Effect { uid: uid.clone(), action };
            if self.effects.require(tenant.as_str(), effect, taken_at) == Required::InDoubt {
                self.poke(&uid, Observations::facts());
            }
        }
        for subject in settled {
            self.effects.withdraw(&(uid.clone(), subject));
        }
    }

    /// The reports that are to be mirrored but were not part of the batch, in one statement.
    async fn missing_reports(
        &self,
        deployments: &[DeploymentFollowUp],
    ) -> HashMap<ApplicationId, Arc<ApplicationStatus>> {
        let missing: Vec<&ApplicationId> = deployments
            .iter()
            .filter(|deployment| deployment.report.is_none())
            .filter(|deployment| {
                deployment.owed.iter().any(|owed| {
                    matches!(owed, Obligation::StatusWritten(view) if view.mirrored.is_some())
                })
            })
            .filter_map(|deployment| deployment.application.as_ref())
            .collect();
        match self.store.reports(missing).await {
            Ok(blobs) => blobs
                .into_iter()
                .filter_map(|(id, blob)| {
                    let status = decide::read_report(&blob, id.as_str())?;
                    Some((id, Arc::new(status)))
                })
                .collect(),
            Err(error) => {
                // Each is read by itself, then, when its status is written.
                tracing::warn!(%error, "reports could not be read");
                HashMap::new()
            }
        }
    }

    async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        match self.try_execute(&effect).await {
            Ok(()) => Outcome::Done,
            // The watch will show what has become of the object.
            Err(ApiError::Missing) => match effect.action {
                Action::SignalOperation { .. } => Outcome::Failed,
                Action::WriteStatus { .. } | Action::RemoveFinalizer => Outcome::Pending,
            },
            Err(error) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(uid = effect.uid.as_str(), %error, "a write failed");
                match (error, effect.action) {
                    // It would be refused again; the machine requires a smaller one.
                    (ApiError::TooLarge(_), Action::WriteStatus { view, .. })
                        if next_budget(view.mirror_budget) != view.mirror_budget =>
                    {
                        self.poke(&effect.uid, Observations::too_large(view.mirror_budget));
                        Outcome::Pending
                    }
                    _ => Outcome::Failed,
                }
            }
        }
    }

    async fn try_execute(&self, effect: &Effect) -> Result<(), ApiError> {
        let uid = &effect.uid;
        match &effect.action {
            Action::SignalOperation { tenant, operation } => {
                let namespace = &self.settings.argocd_namespace;
                effect::signal_operation(&self.client, namespace, tenant, operation).await
            }
            Action::WriteStatus { view, report } => {
                self.write_status(effect, view, report.as_ref()).await
            }
            Action::RemoveFinalizer => {
                let (place, object) = self.index().object(uid).ok_or(ApiError::Missing)?;
                effect::remove_finalizer(&self.client, uid, &place, &object).await
            }
        }
    }

    async fn write_status(
        &self,
        effect: &Effect,
        view: &StatusView,
        report: Option<&Mirrored>,
    ) -> Result<(), ApiError> {
        let uid = &effect.uid;
        let ((place, object), asked) = {
            let index = self.index();
            (index.object(uid).ok_or(ApiError::Missing)?, index.ask())
        };
        let report = self.read(report).await?;
        let (has_note, now) = (self.has_note(), self.settings.clock.kubernetes_now());
        let StatusWrite { patch, mirrored, truncated } =
            effect::status_write(uid, &object, view, report.as_deref(), has_note, &now);
        let written = effect::write_status(&self.client, &place, patch).await?;
        self.metrics.status_writes.inc();
        let mut is_known = mirrored.is_none() || mirrored == view.mirrored;
        if let Some(truncated) = truncated {
            self.events.tell(&place, uid, "StatusTruncated", &truncated.message);
            let shown = written.status.as_ref().and_then(|status| status.truncated.as_ref());
            if has_note && shown.is_none() {
                tracing::warn!(
                    "the installed CustomResourceDefinitions lose `status.truncated`: \
                    apply those that `managed-gitops crds` prints, and restart"
                );
                self.loses_note.store(true, Ordering::Relaxed);
                is_known = false;
            }
        }
        let required_again = self.effects.answered(&effect.key());
        let is_news = self.take_in(|index| index.object_written(written, asked));
        if !is_known {
            // The database holds a newer report than the machine knows, or the machine knows it in
            // another size or form.
            self.poke(uid, Observations::report());
        }
        if !is_news && required_again {
            self.poke(uid, Observations::facts());
        }
        Ok(())
    }

    async fn read(
        &self,
        mirrored: Option<&Mirrored>,
    ) -> Result<Option<Arc<ApplicationStatus>>, ApiError> {
        let application = match mirrored {
            None => return Ok(None),
            Some(Mirrored::Read(status)) => return Ok(Some(Arc::clone(status))),
            Some(Mirrored::Unread(application)) => application,
        };
        let unavailable = |error: StoreError| ApiError::Unavailable(error.to_string());
        let blobs = self.store.reports([application]).await.map_err(unavailable)?;
        let blob = blobs.get(application);
        let status = blob.and_then(|blob| decide::read_report(blob, application.as_str()));
        Ok(status.map(Arc::new))
    }

    fn poke(&self, uid: &DeploymentUid, observations: Observations) {
        let tenant = self.index().tenant_of(uid).cloned().unwrap_or_default();
        self.inbox.offer(tenant.as_str(), Key::Deployment(uid.clone()), observations);
    }

    /// Takes something in and tells those whom it concerns; whether there are any.
    ///
    /// Under one lock: an observation that was let go before it is passed on might be overtaken by a
    /// newer one and take its place in the inbox.
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
