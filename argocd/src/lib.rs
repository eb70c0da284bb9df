//! A stand-in for Argo CD: it drives Applications through the states that Argo CD would drive them
//! through, but reads no repository and deploys nothing.
//!
//! | module | what is there |
//! |---|---|
//! | `definitions` | the CustomResourceDefinitions of Application and AppProject |
//! | `application` | what the stand-in reads from an Application |
//! | `project` | whether an AppProject permits an Application |
//! | `glob` | the patterns of an AppProject |
//! | `repository` | the form in which Argo CD compares URLs |
//! | `outcome` | the ConfigMap by which a test or a user makes an Application fail |
//! | `status` | the parts of a status that Argo CD would write |
//! | `decision` | pure: the next write that an Application needs, if any |
//! | `driver` | when each write is due; no task and no lock per Application |
//!
//! An automated Application, or one whose `.operation` is set, goes through OutOfSync and
//! Progressing to Synced and Healthy in three writes; a manual one settles at OutOfSync in one. At
//! rest nothing is written. Every revision is taken for the newest of its repository, until another
//! is declared as pushed. As for Argo CD, `sources` and `sourceHydrator` count instead of `source`,
//! and `automated.enabled` counts too.
//!
//! A sync goes on with the source and the commit that it was started with, whatever the spec says
//! by now. If it fails and has a retry strategy it stays Running, with `.operation` set, until
//! another attempt would have a different outcome or a user terminates it; with `retry.refresh`
//! another attempt takes the newest commit of the branch.
//!
//! An Application's outcome can be changed by the ConfigMap [`OUTCOMES`] in Argo CD's namespace.
//! Its keys are `application.<name>` or `path.<source.path, with '.' for '/'>`, its values are
//!
//! | value | what happens |
//! |---|---|
//! | `sync-fails` | a sync fails, and the Application stays OutOfSync; with a retry strategy the sync never ends |
//! | `sync-fails-at-<commit>` | a sync fails at the commit of this name, and works at any other |
//! | `sync-never-ends` | a sync waits for a hook that never ends, until it is terminated |
//! | `sync-held` | a sync window holds each sync: it neither goes on nor can be terminated |
//! | `degraded` | the Application is synced and becomes Degraded |
//! | `progressing` | the Application is synced and never becomes Healthy |
//! | `missing-path` | the repository has no such path: a ComparisonError, sync is Unknown |
//! | `deletion-never-finishes` | a deleted Application keeps its finalizer |
//!
//! The key `commit.<source.path>` names the newest commit, with any word; another word is another
//! commit, as if it had been pushed. To break a deployment and fix it in git: `path.shop:
//! sync-fails-at-1` with `commit.shop: 1`, and then with `commit.shop: 2`.

#![warn(missing_docs)]

mod application;
mod decision;
mod definitions;
mod driver;
mod glob;
mod outcome;
mod project;
mod repository;
mod status;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::jiff::{self, Timestamp};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use driver::{Driver, WriteFailure, WriteOutcome};

pub use definitions::definitions;

/// The name of the ConfigMap that changes Applications' outcomes.
pub const OUTCOMES: &str = "argocd-stand-in";

/// How many writes run at once. Argo CD's own default is 20 status processors; more would not make
/// a loopback server faster.
const WRITES_AT_ONCE: usize = 20;

/// Returns the time of day.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How to stand in for Argo CD.
#[derive(Clone)]
pub struct Options {
    /// The namespace of the Applications, the AppProjects and the ConfigMap of outcomes.
    pub namespace: String,
    /// How long an Application stays in each state on its way; zero for load tests.
    pub pace: Duration,
    /// The source of the times in its statuses.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: "gitops-service-argocd".to_owned(),
            pace: Duration::from_millis(50),
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// Why the stand-in stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The watches ended, which they never do by themselves.
    #[error("the stand-in for Argo CD lost its watches: start it again")]
    WatchesEnded,
}

/// What the stand-in learns from its watches.
enum Seen {
    Application(watcher::Event<DynamicObject>),
    Project(watcher::Event<DynamicObject>),
    Outcomes(watcher::Event<ConfigMap>),
}

/// Stands in for Argo CD until the shutdown.
///
/// # Errors
///
/// If the watches end. Errors of single requests are logged and the requests retried.
pub fn run(
    client: Client,
    options: Options,
    shutdown: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    Box::pin(stand_in(client, options, shutdown))
}

async fn stand_in(
    client: Client,
    options: Options,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let Options { namespace, pace, clock } = options;
    let applications: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &namespace, &resource("Application"));
    let mut seen = watches(&client, &namespace, applications.clone());
    let mut driver = Driver::new(pace);
    let mut writes = FuturesUnordered::new();
    loop {
        let now = Instant::now().into_std();
        let free = WRITES_AT_ONCE.saturating_sub(writes.len());
        for write in driver.take_due(now, &timestamp(clock()), free) {
            let applications = &applications;
            writes.push(async move {
                let patch = Patch::Merge(&write.patch);
                let params = PatchParams::default();
                let result = applications.patch(&write.name, &params, &patch).await;
                (write, result)
            });
        }
        let due =
            driver.next_due().filter(|_| writes.len() < WRITES_AT_ONCE).map(Instant::from_std);
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            event = seen.next() => {
                let event = event.ok_or(Error::WatchesEnded)?;
                driver.observe(event, Instant::now().into_std());
            }
            Some((write, result)) = writes.next(), if !writes.is_empty() => {
                let outcome = written(&write.name, result);
                driver.write_done(&write, outcome, Instant::now().into_std());
            }
            () = until(due) => {}
        }
    }
}

/// Sleeps until the time, or forever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn written(name: &str, result: kube::Result<DynamicObject>) -> WriteOutcome {
    match result {
        Ok(object) => Ok(Box::new(object)),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
            Err(WriteFailure::Overtaken)
        }
        Err(error) => {
            tracing::warn!(application = name, %error, "could not write an Application");
            Err(WriteFailure::Refused)
        }
    }
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", kind))
}

fn watches(
    client: &Client,
    namespace: &str,
    applications: Api<DynamicObject>,
) -> BoxStream<'static, Seen> {
    let projects = Api::namespaced_with(client.clone(), namespace, &resource("AppProject"));
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let only_outcomes = watcher::Config::default().fields(&format!("metadata.name={OUTCOMES}"));
    let applications = watch(applications, watcher::Config::default()).map(Seen::Application);
    let projects = watch(projects, watcher::Config::default()).map(Seen::Project);
    let outcomes = watch(config_maps, only_outcomes).map(Seen::Outcomes);
    futures::stream::select_all([applications.boxed(), projects.boxed(), outcomes.boxed()]).boxed()
}

/// The events of a watch; an error is logged and the watch goes on after a while.
fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
) -> impl futures::Stream<Item = watcher::Event<K>> + Send + 'static
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    watcher(api, config).default_backoff().filter_map(async |event| match event {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::warn!(%error, "a watch of the stand-in for Argo CD was interrupted");
            None
        }
    })
}

/// The time in the form of a status.
fn timestamp(now: Timestamp) -> String {
    jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%SZ", now).unwrap_or_else(|_| now.to_string())
}

/// The version of an object, as far as two of them can be compared.
fn version(object: &DynamicObject) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
