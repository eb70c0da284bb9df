//! The watches that observe the deployments' progress, and that of environments and sync runs.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crds::argocd::Application;
use crds::conditions::condition_type::{
    CONNECTION_INITIALIZATION_SUCCEEDED, ERROR_OCCURRED, READY, SUCCEEDED,
};
use crds::names;
use crds::sync_run::SYNC_ANNOTATION;
use crds::{GitOpsDeployment, GitOpsDeploymentManagedEnvironment, GitOpsDeploymentSyncRun};
use futures::TryStreamExt;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt};
use parking_lot::{Mutex, MutexGuard};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::mirror::Standing;
use crate::plan::Plan;

/// Seconds after which the server ends a watch, which is then started again: below the idle
/// time-outs of common load balancers.
const WATCH_TIMEOUT_SECONDS: u32 = 230;
/// Objects in one page of a list: a page stays within a few megabytes.
const PAGE_SIZE: u32 = 500;

/// The ledger, and the subscribers to its changes.
#[derive(Debug)]
pub(crate) struct Observer {
    ledger: Mutex<Ledger>,
    changed: watch::Sender<()>,
    synced: watch::Sender<usize>,
    watches: usize,
    failures: AtomicU64,
    /// The Applications without a report on what they say, for a reporter that stands in for Argo
    /// CD.
    unreported: Option<Unreported>,
}

/// A queue of what the watch has shown; as long as there are Applications and syncs.
#[derive(Debug)]
struct Unreported {
    sender: mpsc::UnboundedSender<Application>,
    receiver: tokio::sync::Mutex<mpsc::UnboundedReceiver<Application>>,
}

/// What a watch shows: an object as it is, or as it was before its deletion.
enum Sight<K> {
    Present(K),
    Gone(K),
}

impl Observer {
    /// Watches the deployments of a plan, its environments and sync runs if it has any, and the
    /// Applications of a namespace, for as long as the set of tasks lives.
    pub(crate) fn start(
        client: &kube::Client,
        plan: &Plan,
        argocd_namespace: &str,
        reports: bool,
    ) -> (Arc<Self>, JoinSet<()>) {
        let (has_environments, has_sync_runs) = (plan.environments > 0, plan.sync_runs > 0);
        let unreported = reports.then(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            Unreported { sender, receiver: tokio::sync::Mutex::new(receiver) }
        });
        let observer = Arc::new(Self {
            unreported,
            ledger: Mutex::default(),
            changed: watch::Sender::new(()),
            synced: watch::Sender::new(0),
            watches: 2 + usize::from(has_environments) + usize::from(has_sync_runs),
            failures: AtomicU64::new(0),
        });
        let config = watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS).page_size(PAGE_SIZE);
        let mut tasks = JoinSet::new();
        let api = Api::<GitOpsDeployment>::all(client.clone());
        let ours = config.clone().labels(&plan.selector());
        tasks.spawn(Arc::clone(&observer).follow(api, ours.clone(), Self::see_deployment));
        if has_environments {
            let api = Api::<GitOpsDeploymentManagedEnvironment>::all(client.clone());
            tasks.spawn(Arc::clone(&observer).follow(api, ours.clone(), Self::see_environment));
        }
        if has_sync_runs {
            let api = Api::<GitOpsDeploymentSyncRun>::all(client.clone());
            tasks.spawn(Arc::clone(&observer).follow(api, ours, Self::see_sync_run));
        }
        let api = Api::<Application>::namespaced(client.clone(), argocd_namespace);
        tasks.spawn(Arc::clone(&observer).follow(api, config, Self::see_application));
        (observer, tasks)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // No holder leaves the ledger partly changed, so a panicked one does no harm.
        self.ledger.lock()
    }

    /// Notes something in the ledger.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Ledger)) {
        change(&mut self.ledger());
        self.changed.send_replace(());
    }

    /// Waits until the ledger says so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Ledger) -> bool) {
        let mut changed = self.changed.subscribe();
        while !is_so(&self.ledger()) {
            // The sender lives in self.
            let _ = changed.changed().await;
        }
    }

    /// Waits until all watches have listed everything.
    pub(crate) async fn until_synced(&self) {
        let _ = self.synced.subscribe().wait_for(|watches| *watches == self.watches).await;
    }

    /// How often a watch failed; what happens until it is restarted is seen late.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The next Application that has appeared without a report, or that asks for a sync.
    pub(crate) async fn unreported(&self) -> Application {
        let Some(queue) = &self.unreported else { return std::future::pending().await };
        match queue.receiver.lock().await.recv().await {
            Some(application) => application,
            // The sender lives in self.
            None => std::future::pending().await,
        }
    }

    async fn follow<K>(
        self: Arc<Self>,
        api: Api<K>,
        config: watcher::Config,
        see: fn(&Self, Sight<K>, Instant),
    ) where
        K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let mut stream = std::pin::pin!(watcher(api, config).default_backoff());
        let mut is_first_list = true;
        loop {
            match stream.try_next().await {
                Ok(Some(Event::Apply(object))) => {
                    see(&self, Sight::Present(object), Instant::now())
                }
                Ok(Some(Event::Delete(object))) => see(&self, Sight::Gone(object), Instant::now()),
                Ok(Some(Event::InitApply(object))) => {
                    // What the first list holds is older than the run.
                    if !is_first_list {
                        see(&self, Sight::Present(object), Instant::now());
                    }
                }
                Ok(Some(Event::InitDone)) if is_first_list => {
                    is_first_list = false;
                    self.synced.send_modify(|watches| *watches += 1);
                }
                Ok(Some(Event::Init | Event::InitDone)) => {}
                Ok(None) => return,
                Err(error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(kind = %K::kind(&()), %error, "a watch failed; it begins anew");
                }
            }
        }
    }

    fn see_deployment(&self, sight: Sight<GitOpsDeployment>, at: Instant) {
        let Sight::Present(object) = sight else { return };
        let Some(uid) = object.uid() else { return };
        let standing = object
            .status
            .as_ref()
            .and_then(|status| Standing::new(&status.sync.status, &status.health.status));
        let is_ready = is_done(&object, standing.as_ref());
        self.note(|ledger| ledger.deployment(&uid, standing, is_ready, at));
    }

    fn see_environment(&self, sight: Sight<GitOpsDeploymentManagedEnvironment>, at: Instant) {
        let Sight::Present(object) = sight else { return };
        let Some(uid) = object.uid() else { return };
        if is_connected(&object) {
            self.note(|ledger| ledger.environments.ready(&uid, at));
        }
    }

    fn see_sync_run(&self, sight: Sight<GitOpsDeploymentSyncRun>, at: Instant) {
        let Sight::Present(object) = sight else { return };
        let Some(uid) = object.uid() else { return };
        if let Some(succeeded) = outcome(&object) {
            self.note(|ledger| ledger.sync_runs.ended(&uid, succeeded, at));
        }
    }

    fn see_application(&self, sight: Sight<Application>, at: Instant) {
        match sight {
            Sight::Present(object) => {
                let name = object.name_any();
                let Some(uid) = names::deployment_uid(&name) else { return };
                let standing = object
                    .status
                    .as_ref()
                    .and_then(|status| Standing::new(&status.sync.status, &status.health.status));
                let is_reported = standing.is_some() && object.operation.is_none();
                let cluster = &object.spec.destination.name;
                let cluster = names::managed_environment_id(cluster).map(|_| cluster.as_str());
                let sync = object.annotations().get(SYNC_ANNOTATION);
                self.note(|ledger| {
                    ledger.application(uid, standing, at);
                    if let Some(cluster) = cluster {
                        ledger.deployed_to(uid, cluster);
                    }
                    if let Some(run) = sync {
                        ledger.sync_runs.requested(run, at);
                    }
                });
                if let Some(queue) = self.unreported.as_ref().filter(|_| !is_reported) {
                    // The receiver lives in self.
                    let _ = queue.sender.send(object);
                }
            }
            Sight::Gone(object) => {
                let name = object.name_any();
                let Some(uid) = names::deployment_uid(&name) else { return };
                self.note(|ledger| ledger.application_gone(uid));
            }
        }
    }
}

/// Whether the deployment is ready; if that condition is not written, whether it is in good
/// standing.
fn is_done(object: &GitOpsDeployment, standing: Option<&Standing>) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    match conditions.into_iter().any(|condition| condition.type_ == READY) {
        true => object.is_ready(),
        false => standing.is_some_and(Standing::is_good),
    }
}

/// Whether the environment is ready; if that condition is not written, whether its cluster accepts the
/// credentials.
fn is_connected(object: &GitOpsDeploymentManagedEnvironment) -> bool {
    let conditions = || object.status.iter().flat_map(|status| &status.conditions);
    let find = |type_: &str| conditions().find(|condition| condition.type_ == type_);
    let told = find(READY).or_else(|| find(CONNECTION_INITIALIZATION_SUCCEEDED));
    told.is_some_and(|condition| condition.status == "True")
}

/// Whether the sync of a run succeeded, once it has ended; if that condition is not written, whether
/// it says that no error occurred.
fn outcome(run: &GitOpsDeploymentSyncRun) -> Option<bool> {
    let conditions = &run.status.as_ref()?.conditions;
    let find = |type_: &str| conditions.iter().find(|condition| condition.type_ == type_);
    match find(SUCCEEDED) {
        Some(succeeded) => match succeeded.status.as_str() {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        },
        None => Some(find(ERROR_OCCURRED)?.status == "False"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_done_with(status: serde_json::Value) -> bool {
        let object: GitOpsDeployment = serde_json::from_value(json!({
            "metadata": {"name": "a", "generation": 2},
            "spec": {"source": {"repoURL": "u", "path": "p"}, "type": "automated"},
            "status": status,
        }))
        .unwrap();
        let status = object.status.as_ref().unwrap();
        let standing = Standing::new(&status.sync.status, &status.health.status);
        is_done(&object, standing.as_ref())
    }

    #[test]
    fn a_deployment_is_done_when_its_present_generation_is_ready() {
        let ready = |status, generation| {
            is_done_with(json!({
                "conditions": [{"type": "Ready", "status": status}],
                "observedGeneration": generation,
                "sync": {"status": "Synced"},
                "health": {"status": "Healthy"},
            }))
        };
        assert!(ready("True", 2));
        assert!(!ready("True", 1));
        assert!(!ready("False", 2));
    }

    #[test]
    fn an_environment_is_ready_when_it_says_so_and_else_when_its_cluster_accepts_it() {
        let is_ready = |told: &[(&str, &str)]| {
            let told = told.iter().map(|(type_, status)| {
                json!({
                    "type": type_,
                    "status": status,
                    "reason": "Told",
                    "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                })
            });
            let object = serde_json::from_value(json!({
                "metadata": {"name": "a"},
                "spec": {
                    "apiURL": "u",
                    "credentialsSecret": "s",
                    "allowInsecureSkipTLSVerify": false,
                },
                "status": {"conditions": told.collect::<Vec<_>>()},
            }));
            is_connected(&object.unwrap())
        };
        let connection = "ConnectionInitializationSucceeded";
        assert!(is_ready(&[(connection, "True"), ("Ready", "True")]));
        assert!(!is_ready(&[(connection, "True"), ("Ready", "False")]), "Argo CD lacks it");
        assert!(is_ready(&[(connection, "True")]));
        assert!(!is_ready(&[(connection, "Unknown")]));
        assert!(!is_ready(&[]));
    }

    #[test]
    fn without_that_condition_good_standing_is_enough() {
        let standing = |health: &str| {
            is_done_with(json!({"sync": {"status": "Synced"}, "health": {"status": health}}))
        };
        assert!(standing("Healthy"));
        assert!(!standing("Progressing"));
    }
}
