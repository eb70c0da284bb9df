//! The agent: the only writer of Argo CD's resources, and the reader of what they report.
//!
//! [`argo`] holds what the watches show, `open` the operations that look at it, [`decide`] steps a
//! batch of operations between load and commit, [`effect`]s do what their states require,
//! `definition` tells what the installed Argo CD knows, [`reports`] carries what Argo CD says into the
//! database, and `rescan` finds manual changes.

pub mod argo;
pub mod decide;
mod definition;
pub mod effect;
mod open;
pub mod reports;
mod rescan;

use std::collections::BTreeSet;
use std::sync::Arc;

use crds::Operation;
use kube::ResourceExt;
use kube::api::{Api, ObjectMeta};
use machines::application::{ApplicationDocument, application_name, project_name};
use machines::identity::{
    ApplicationId, ClusterUserId, DeploymentUid, OPERATION_ID_LIMIT, OperationId, TenantUid,
    Timestamp,
};
use machines::operation::OperationObligation;
use parking_lot::{Mutex, MutexGuard};
use schema::store::{Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::argo::{Argo, Changed};
use crate::agent::decide::{FollowUp, Observations};
use crate::agent::effect::{Effect, Ending, Subject};
use crate::agent::open::OpenOperations;
use crate::agent::reports::Reports;
use crate::backend::effect::TENANT_LABEL;
use crate::backend::{judge, verdict};
use crate::kubernetes::ApiError;
use crate::metrics::Metrics;
use crate::runtime::commits::Commits;
use crate::runtime::effects::{EffectQueue, Outcome, QueuedEffect, Required};
use crate::runtime::inbox::Inbox;
use crate::runtime::retry::patiently;
use crate::runtime::sightings::{Listed, Sightings};
use crate::runtime::supervisor::{Stopped, supervise};
use crate::runtime::timers::Timers;
use crate::runtime::watch::{self, Progress, Seen};
use crate::runtime::worker::{self, Process, Taken, Verdict};
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
    watches: Vec<Arc<Progress>>,
    commits: Arc<Commits>,
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
            // What was observed of an operation in the moment in which it was forgotten says
            // nothing any more; stepped, it would come into being once more.
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
                    decide::decide(&mut loaded, &items, &argo, isolation, now);
                (changes, (follow_ups, loaded.repositories))
            })
            .await;
        let (follow_ups, repositories) = committed.inspect_err(|_| {
            self.metrics.failed_batches.inc();
        })?;
        for (owner, wanted) in follow_ups.projects {
            self.open().note_project(&owner, wanted);
        }
        for one in follow_ups.operations {
            self.follow_up(one, taken_at);
        }
        self.open().forget_idle(repositories.keys());
        Ok(())
    }

    fn judge(error: &StoreError) -> (Verdict, &'static str) {
        judge(error)
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
    /// An agent that has not begun.
    pub fn new(
        client: kube::Client,
        store: Store,
        settings: Settings,
        metrics: Arc<Metrics>,
        listener: Arc<dyn Listener>,
    ) -> Arc<Self> {
        let clock = settings.clock.clone();
        let watches = ["operations", "applications", "appprojects"]
            .map(|name| Progress::new(name, &clock))
            .to_vec();
        Arc::new(Self {
            client,
            reports: Reports::new(store.clone(), Arc::clone(&listener), Arc::clone(&metrics)),
            store,
            settings,
            metrics,
            listener,
            argo: Mutex::default(),
            open: Mutex::default(),
            inbox: Arc::default(),
            timers: Timers::new(clock),
            effects: Arc::default(),
            watches,
            commits: Commits::new("operations"),
        })
    }

    /// The gauges of its watches.
    pub fn watches(&self) -> &[Arc<Progress>] {
        &self.watches
    }

    /// How its workers are doing.
    pub fn commits(&self) -> [&Arc<Commits>; 2] {
        [&self.commits, self.reports.commits()]
    }

    /// How much waits: observations, reports and effects.
    pub fn backlog(&self) -> usize {
        self.inbox.len() + self.reports.backlog() + self.effects.len()
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
        tasks.spawn(Arc::clone(&self).watch_applications(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).watch_projects(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).watch_operations(shutdown.clone()));
        tasks.spawn(Arc::clone(&self).fire_timers(shutdown.clone()));
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
        let owners = self.store.environment_owners().await?;
        self.argo().note_environments(owners);
        self.reports.load().await
    }

    async fn watch_applications(self: Arc<Self>, shutdown: CancellationToken) {
        let api = Api::namespaced(self.client.clone(), &self.settings.argocd_namespace);
        let progress = Arc::clone(&self.watches[1]);
        let agent = Arc::clone(&self);
        watch::follow(api, progress, shutdown, move |seen| {
            agent.take_in(|argo| argo.application_seen(seen));
        })
        .await;
    }

    async fn watch_projects(self: Arc<Self>, shutdown: CancellationToken) {
        let api = Api::namespaced(self.client.clone(), &self.settings.argocd_namespace);
        let progress = Arc::clone(&self.watches[2]);
        let agent = Arc::clone(&self);
        watch::follow(api, progress, shutdown, move |seen| {
            agent.take_in(|argo| argo.project_seen(seen));
        })
        .await;
    }

    async fn watch_operations(self: Arc<Self>, shutdown: CancellationToken) {
        let api = Api::namespaced(self.client.clone(), &self.settings.argocd_namespace);
        let progress = Arc::clone(&self.watches[0]);
        let agent = Arc::clone(&self);
        let mut sightings = Sightings::default();
        watch::follow::<Operation>(api, progress, shutdown, move |seen| {
            let listed = sightings.note(&seen, operation_id);
            agent.operation_seen(seen, listed);
        })
        .await;
    }

    fn operation_seen(&self, seen: Seen<Operation>, listed: Option<Listed<OperationId>>) {
        let absent = Observations { signal_absent: true, ..Observations::default() };
        match seen {
            Seen::Restarted => {}
            Seen::Present(operation) => {
                let id = OperationId::new(operation.spec.operation_id.clone());
                self.signalled(&operation, id);
            }
            Seen::Gone(gone) => {
                let id = crds::names::operation_id(&gone.name).unwrap_or_default();
                let id = OperationId::new(id);
                self.open().signals.remove(&id);
                self.poke(&id, absent);
            }
            // It exists, and its name says which operation it is of.
            Seen::Malformed(metadata) => {
                let open = |id: &OperationId| self.open().by_id.contains_key(id);
                if let Some(id) = operation_id(&metadata).filter(open) {
                    self.open().sighted(&id);
                }
            }
            Seen::Synced => {
                let Some(listed) = listed else { return };
                self.open().signals.retain(|id, _| !listed.lacks(id));
                let open: Vec<OperationId> = self.open().by_id.keys().cloned().collect();
                for id in open.into_iter().filter(|id| listed.lacks(id)) {
                    self.poke(&id, absent.clone());
                }
            }
        }
    }

    fn signalled(&self, operation: &Operation, id: OperationId) {
        // The name follows from the id; anything else was not made by a backend. What is longer than
        // the database's column names no row, and PostgreSQL would not take it for a machine's key.
        if id.as_str().is_empty()
            || id.as_str().len() > OPERATION_ID_LIMIT
            || operation.name_any() != crds::names::operation_name(id.as_str())
        {
            tracing::warn!(name = operation.name_any(), "an Operation names no row; left alone");
            return;
        }
        let tenant = operation.labels().get(TENANT_LABEL).cloned().unwrap_or_default();
        self.open().sighted(&id);
        self.take_up(id, &tenant);
    }

    /// Makes sure that an operation is open.
    fn take_up(&self, id: OperationId, tenant: &str) {
        let news = self.open().note(&id, tenant);
        if news {
            self.inbox.offer(tenant, id, Observations::default());
        }
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

    /// Steps batches, one after the other, once Argo CD's resources have all been seen: what is
    /// not there then does not exist.
    async fn work(&self, shutdown: &CancellationToken) -> Result<(), StoreError> {
        let [_, applications, projects] = &self.watches[..] else { return Ok(()) };
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = async { tokio::join!(applications.synced(), projects.synced()) } => {}
        }
        self.read_definition().await;
        worker::run(self, Arc::clone(&self.inbox), shutdown.clone()).await
    }

    /// Learns what the installed Argo CD knows; it may have been replaced meanwhile.
    async fn read_definition(&self) {
        match definition::knows_refresh(&self.client).await {
            Ok(is_known) => self.argo().note_refresh(is_known),
            Err(error) => tracing::warn!(
                %error,
                "Argo CD's definition of an Application cannot be read; the next rescan tries again",
            ),
        }
    }

    fn follow_up(&self, follow_up: FollowUp, taken_at: Instant) {
        self.timers.set(&follow_up.id, follow_up.wake_at);
        if follow_up.completed {
            self.metrics.operations_completed.inc();
        }
        if follow_up.failed {
            self.metrics.operations_failed.inc();
        }
        // That it was claimed is of interest to nobody who waits for it.
        let finished = follow_up.completed || follow_up.failed;
        if let Some(requester) = follow_up.requester.as_ref().filter(|_| finished) {
            self.listener.operation_finished(requester);
        }
        if follow_up.gone {
            self.forget(&follow_up.id);
            return;
        }
        self.open().update(&follow_up);
        if !self.open().awaits_project(&follow_up.owner) {
            // The next operation that finds the project wanting requires it, though it was written before.
            self.effects.withdraw(&Subject::Project(follow_up.owner.clone()));
        }
        let tenant = self.turn(&follow_up.id);
        for obligation in &follow_up.owed {
            let effect = self.effect(&follow_up, obligation);
            if follow_up.insist {
                self.effects.invalidate(&effect.key());
            }
            if self.effects.require(&tenant, effect, taken_at) == Required::InDoubt {
                self.poke(&follow_up.id, Observations::default());
            }
        }
        if finished {
            // Only at its end: a finished operation lingers until its CR has gone, and by then the
            // Application may be the business of the next one.
            self.effects.withdraw(&Subject::Application(follow_up.application.clone()));
        }
    }

    /// Forgets an operation that has gone. Should its CR have been created anew meanwhile, by a
    /// backend that had not seen the outcome yet, it begins again, and ends by removing it.
    fn forget(&self, id: &OperationId) {
        self.effects.withdraw(&Subject::Signal(id.clone()));
        let tenant = self.turn(id);
        let signalled = {
            let mut open = self.open();
            open.forget(id);
            open.signals.contains_key(id)
        };
        if signalled {
            self.take_up(id.clone(), &tenant);
        }
    }

    fn effect(&self, follow_up: &FollowUp, obligation: &OperationObligation) -> Effect {
        let FollowUp { id, requester, .. } = follow_up;
        let requester = requester.as_ref();
        match obligation {
            OperationObligation::ProjectWritten(user) => {
                Effect::WriteProject { user: user.clone(), wanted: self.open().project(user) }
            }
            OperationObligation::ApplicationWritten(row, document) => Effect::WriteApplication {
                row: row.clone(),
                document: document.clone(),
                operation: id.clone(),
            },
            OperationObligation::ApplicationRemoved(row) => Effect::RemoveApplication {
                row: row.clone(),
                name: requester.map(application_name),
                operation: Some(id.clone()),
            },
            OperationObligation::SignalRemoved(id) => {
                Effect::RemoveSignal { operation: id.clone() }
            }
        }
    }

    /// Removes an Application that belongs to nobody.
    fn remove_orphan(&self, row: ApplicationId, name: String) {
        tracing::info!(name, "an Application that belongs to nobody is removed");
        self.metrics.repairs.inc();
        let turn = row.as_str().to_owned();
        self.require_afresh(
            &turn,
            Effect::RemoveApplication { row, name: Some(name), operation: None },
        );
    }

    /// Makes an AppProject say what it should, although no operation asks for it.
    fn repair_project(&self, user: ClusterUserId, repositories: &BTreeSet<String>) {
        tracing::info!(user = user.as_str(), "an AppProject that was changed manually is repaired");
        self.metrics.repairs.inc();
        let wanted = self.argo().wanted_project(&user, repositories).document.map(Arc::new);
        let turn = user.as_str().to_owned();
        self.require_afresh(&turn, Effect::WriteProject { user, wanted });
    }

    /// Requires what no machine does. That it was done before says nothing any more.
    fn require_afresh(&self, turn: &str, effect: Effect) {
        self.effects.withdraw(&effect.key());
        let _ = self.effects.require(turn, effect, Instant::now());
    }

    async fn execute(self: Arc<Self>, effect: Effect) -> Outcome {
        match self.try_execute(&effect).await {
            Ok(execute) => execute,
            Err(ApiError::Refused(text) | ApiError::TooLarge(text)) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(subject = ?effect.key(), text, "a write was refused");
                for id in self.requiring(&effect) {
                    self.poke(
                        &id,
                        Observations { refused: Some(text.clone()), ..Observations::default() },
                    );
                }
                Outcome::Pending
            }
            Err(error) => {
                self.metrics.failed_writes.inc();
                tracing::warn!(subject = ?effect.key(), %error, "a write failed");
                Outcome::Failed
            }
        }
    }

    /// The operations that require an effect.
    fn requiring(&self, effect: &Effect) -> Vec<OperationId> {
        match effect {
            Effect::WriteProject { user, .. } => {
                self.open().concerned(&Changed::Project(project_name(user)))
            }
            Effect::WriteApplication { operation, .. } => vec![operation.clone()],
            Effect::RemoveApplication { operation, .. } => operation.iter().cloned().collect(),
            // A refusal to delete an Operation CR concerns nobody but whoever runs the cluster.
            Effect::RemoveSignal { .. } => Vec::new(),
        }
    }

    async fn try_execute(&self, effect: &Effect) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        match effect {
            Effect::WriteProject { user, wanted } => {
                let name = project_name(user);
                let (exists, asked) = {
                    let argo = self.argo();
                    (argo.project(&name).is_some(), argo.ask_project())
                };
                let written = match wanted {
                    Some(wanted) => {
                        let write = effect::write_project(&self.client, namespace, wanted, exists);
                        Some(write.await?)
                    }
                    None => {
                        effect::remove_project(&self.client, namespace, &name).await?;
                        None
                    }
                };
                self.take_in_answer(effect, |argo| match written {
                    Some(written) => argo.project_written(&written, asked).into_iter().collect(),
                    None => argo.project_gone(&name).into_iter().collect(),
                });
                Ok(Outcome::Done)
            }
            Effect::WriteApplication { row, document, .. } => {
                self.write_application(effect, row, document).await
            }
            Effect::RemoveApplication { row, name, operation } => {
                self.remove_application(effect, row, name.as_deref(), operation.as_ref()).await
            }
            Effect::RemoveSignal { operation } => {
                let sighting = self.open().signals.get(operation).copied();
                effect::remove_signal(&self.client, namespace, operation).await?;
                self.effects.answered(&effect.key());
                if self.open().is_absent(operation, sighting) {
                    self.poke(
                        operation,
                        Observations { signal_absent: true, ..Observations::default() },
                    );
                    return Ok(Outcome::Done);
                }
                // It still requires the removal.
                self.poke(operation, Observations::default());
                Ok(Outcome::Pending)
            }
        }
    }

    async fn write_application(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        document: &ApplicationDocument,
    ) -> Result<Outcome, ApiError> {
        let ApplicationDocument { name, namespace, .. } = document;
        let (existing, asked, knows_refresh) = {
            let argo = self.argo();
            (argo.application(name).cloned(), argo.ask_application(), argo.knows_refresh())
        };
        let existing = existing.as_ref();
        if let Some(existing) = existing.filter(|existing| existing.deleting) {
            // It is written anew once it has gone.
            if existing.sync.is_some() {
                effect::end_sync(&self.client, namespace, name, existing, Ending::Any).await?;
            }
            return Ok(Outcome::Pending);
        }
        let mut answers = Vec::new();
        if !existing.is_some_and(|existing| existing.is_written(row, document)) {
            let client = &self.client;
            let written = effect::write_application(client, row, document, existing, knows_refresh);
            answers.push(written.await?);
        }
        // Afterwards, or Argo CD would begin the next one with what it had before.
        if let Some(existing) = existing.filter(|existing| existing.works_on_another(document)) {
            let ended =
                effect::end_sync(&self.client, namespace, name, existing, Ending::Automated);
            answers.extend(ended.await?);
        }
        self.take_in_answer(effect, |argo| {
            let answers = answers.into_iter();
            answers.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }

    async fn remove_application(
        &self,
        effect: &Effect,
        row: &ApplicationId,
        name: Option<&str>,
        operation: Option<&OperationId>,
    ) -> Result<Outcome, ApiError> {
        let namespace = &self.settings.argocd_namespace;
        let (application, asked) = {
            let argo = self.argo();
            (argo.application_to_remove(row, name), argo.ask_application())
        };
        let Some((name, existing)) = application else {
            if let Some(operation) = operation {
                self.poke(operation, Observations::default());
            }
            return Ok(Outcome::Done);
        };
        let mut deleting = None;
        if !existing.deleting {
            let client = &self.client;
            deleting = effect::remove_application(client, namespace, &name, &existing).await?;
        }
        if existing.sync.is_some() {
            effect::end_sync(&self.client, namespace, &name, &existing, Ending::Any).await?;
        }
        self.take_in_answer(effect, |argo| {
            let deleting = deleting.into_iter();
            deleting.flat_map(|one| argo.application_written(one, asked)).collect()
        });
        Ok(Outcome::Done)
    }

    /// Takes in the answer to what an effect has written. Where it is no news, those that require it are
    /// stepped all the same if they did so once more meanwhile: see [`EffectQueue::answered`].
    fn take_in_answer(&self, effect: &Effect, note: impl FnOnce(&mut Argo) -> Vec<Changed>) {
        let required_again = self.effects.answered(&effect.key());
        let is_news = self.take_in(note);
        if !is_news && required_again {
            for id in self.requiring(effect) {
                self.poke(&id, Observations::default());
            }
        }
    }

    /// Takes in what is seen of Argo CD, and tells whoever looks at what has changed; whether
    /// anything has.
    ///
    /// Under one lock: a report that was let go before it is passed on might be overtaken by a newer
    /// one and be taken for the newest.
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
            // Where its row has gone as well, there is nothing to report on.
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

/// The operation that an Operation CR is of, by the CR's name.
fn operation_id(metadata: &ObjectMeta) -> Option<OperationId> {
    crds::names::operation_id(metadata.name.as_deref()?).map(OperationId::new)
}
