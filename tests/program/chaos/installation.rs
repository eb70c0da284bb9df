//! The cluster, the database and the stand-in for Argo CD, which chaos spares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crds::GitOpsDeployment;
use crds::argocd::{AppProject, Application};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use schema::connection::{ConnectOptions, Database, connect};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::{self, ARGO_CD, all, eventually, execute, with_database};

/// A testbed without Argo CD.
pub(super) struct Testbed {
    kubeconfig: PathBuf,
    server: String,
}

impl Testbed {
    /// The one that the environment names.
    pub(super) fn from_environment() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        if variable("E2E").is_some() {
            println!(
                "skipping chaos: the testbed has an Argo CD, which would act beside the stand-in"
            );
            return None;
        }
        // Only a testbed's cluster may be treated like this.
        let of_testbed = variable("TESTBED_DIR").and(variable("KUBECONFIG"));
        let (Some(kubeconfig), Some(server)) = (of_testbed, variable("DATABASE_URL")) else {
            println!("skipping chaos: TESTBED_DIR, KUBECONFIG and DATABASE_URL name no testbed");
            return None;
        };
        Some(Self { kubeconfig: kubeconfig.into(), server })
    }
}

/// See the module.
pub(super) struct Installation {
    pub(super) client: kube::Client,
    pub(super) kubeconfig: PathBuf,
    pub(super) database: Database,
    pub(super) url: String,
    server: String,
    name: String,
    argo_cd: CancellationToken,
}

impl Installation {
    /// A fresh database, and a cluster that has the definitions and no deployments.
    pub(super) async fn prepare(testbed: &Testbed) -> Self {
        let Testbed { kubeconfig, server } = testbed;
        let client = harness::client(kubeconfig).await;
        for definition in argocd_stand_in::definitions().iter().chain(&crds::all()) {
            apply(&client, definition).await;
        }
        eventually("the definitions are served", || async {
            let deployments = Api::<GitOpsDeployment>::all(client.clone());
            let served = Api::<Application>::all(client.clone())
                .list(&Default::default())
                .await
                .is_ok()
                && Api::<AppProject>::all(client.clone()).list(&Default::default()).await.is_ok();
            // Those of other tests, which are about to go.
            let found = deployments.list(&Default::default()).await.ok()?.items;
            (served && found.is_empty()).then_some(())
        })
        .await;
        apply(&client, &namespace(ARGO_CD)).await;
        let name = format!("gitops_chaos_{}", uuid::Uuid::new_v4().simple());
        execute(server, &format!("CREATE DATABASE {name}")).await;
        let url = with_database(server, &name);
        let database = connect(&url, &ConnectOptions::default()).await.unwrap();
        // The agent expects the tables, whichever of the two starts first.
        schema::migrate(&database).await.unwrap();
        let argo_cd = CancellationToken::new();
        let options = argocd_stand_in::Options {
            namespace: ARGO_CD.to_owned(),
            ..argocd_stand_in::Options::default()
        };
        tokio::spawn(argocd_stand_in::run(client.clone(), options, argo_cd.clone()));
        let (kubeconfig, server) = (kubeconfig.clone(), server.clone());
        Self { client, kubeconfig, database, url, server, name, argo_cd }
    }

    /// The Applications of Argo CD.
    pub(super) fn applications(&self) -> Api<Application> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// The AppProjects of Argo CD.
    pub(super) fn projects(&self) -> Api<AppProject> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// The Operations that have not ended.
    pub(super) async fn operations(&self) -> usize {
        all(&Api::<crds::Operation>::namespaced(self.client.clone(), ARGO_CD)).await.len()
    }

    /// Notes each Application from now on.
    pub(super) fn watch_applications(&self) -> WatchedApplications {
        let api = Api::<PartialObjectMeta<Application>>::namespaced(self.client.clone(), ARGO_CD);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let seen = tokio::spawn(async move {
            let mut seen = BTreeMap::<String, BTreeSet<String>>::new();
            let events = watcher(api, Config::default()).default_backoff();
            let mut events = std::pin::pin!(events.take_until(stopped.cancelled_owned()));
            while let Some(event) = events.next().await {
                if let Ok(Event::Apply(one) | Event::InitApply(one)) = event {
                    seen.entry(one.name_any()).or_default().extend(one.uid());
                }
            }
            seen
        });
        WatchedApplications { seen, stop }
    }

    /// Removes what tests that come later would find.
    pub(super) async fn remove(self) {
        self.argo_cd.cancel();
        self.database.close().await.unwrap();
        execute(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

/// The UIDs that each name had.
pub(super) struct WatchedApplications {
    seen: JoinHandle<BTreeMap<String, BTreeSet<String>>>,
    stop: CancellationToken,
}

impl WatchedApplications {
    /// Ends the watch; returns what it has shown.
    pub(super) async fn stop(self) -> BTreeMap<String, BTreeSet<String>> {
        self.stop.cancel();
        self.seen.await.unwrap()
    }
}

async fn apply<K>(client: &kube::Client, object: &K)
where
    K: kube::Resource<Scope = k8s_openapi::ClusterResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned,
{
    let parameters = PatchParams::apply("tests").force();
    let api = Api::<K>::all(client.clone());
    api.patch(&object.name_any(), &parameters, &Patch::Apply(object)).await.unwrap();
}

fn namespace(name: &str) -> Namespace {
    serde_json::from_value(serde_json::json!({"metadata": {"name": name}})).unwrap()
}
