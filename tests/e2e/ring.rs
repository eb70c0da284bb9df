//! Where a scenario runs, and what it can do there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crds::GitOpsDeployment;
use crds::argocd::{AppProject, Application};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use schema::connection::{Database, connect};
use tempfile::TempDir;

use crate::argo_cd::{REFRESH, request_refresh};
use crate::cluster::{self, Cluster, Lent};
use crate::harness::{self, ARGO_CD, all, eventually, is_ready};
use crate::process::Running;
use crate::repository::Repository;

/// What an environment offers beyond the Kubernetes API and the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Argo CD reads git repositories and deploys their content.
    Git,
    /// Pods run and become ready.
    Workloads,
    /// Argo CD, or its stand-in, can be stopped and restarted.
    ArgoCdStop,
    /// Private repositories are served over HTTPS and SSH.
    PrivateGit,
    /// There is a second cluster, which deployments can go to.
    Target,
    /// The API servers and PostgreSQL can be killed and restarted.
    ServerKill,
}

/// The capabilities of the sandbox.
pub const SANDBOX: &[Capability] = &[Capability::ArgoCdStop];

/// The program's settings in both: manual changes are undone soon, not after 30 minutes.
pub const SETTINGS: &[&str] = &["--self-heal-interval=1", "--self-heal-grace=1"];

/// The environment of one scenario.
pub struct Ring {
    /// A client with full permissions.
    pub client: kube::Client,
    /// The namespace of the scenario.
    pub namespace: String,
    /// Those of other tenants.
    more_namespaces: Vec<String>,
    repository: Option<Repository>,
    place: Place,
}

enum Place {
    Sandbox {
        directory: TempDir,
        dev: Option<Running>,
    },
    /// One scenario at a time: they share the program, and some kill it.
    Cluster(Lent),
}

impl Ring {
    /// In its own sandbox.
    pub async fn in_sandbox(_: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let dev = tokio::task::spawn_blocking(move || Running::dev(&path, SETTINGS)).await.unwrap();
        let client = harness::client(&directory.path().join("kubeconfig")).await;
        let place = Place::Sandbox { directory, dev: Some(dev) };
        let namespace = "team".to_owned();
        let ring = Self { client, namespace, more_namespaces: vec![], repository: None, place };
        ring.create_namespace(&ring.namespace).await;
        ring
    }

    /// In its own namespace on the cluster.
    pub async fn on_cluster(name: &'static str) -> Self {
        let mut cluster = cluster::shared().await;
        cluster.start_everything().await;
        let client = cluster.client().await;
        let id = uuid::Uuid::new_v4().simple().to_string();
        // As much of the scenario's name as fits, for a human who looks at the cluster.
        let name: String = name.replace('_', "-").chars().take(40).collect();
        let namespace = format!("e2e-{}-{}", name.trim_matches('-'), &id[..6]);
        let (folder, url) = &cluster.git;
        let repository = Some(Repository::create(folder, url, &namespace));
        let place = Place::Cluster(cluster);
        let ring = Self { client, namespace, more_namespaces: vec![], repository, place };
        ring.create_namespace(&ring.namespace).await;
        ring
    }

    /// Removes what the scenario left behind, and checks that nothing remains.
    pub async fn leave(self) {
        let mut namespaces = self.more_namespaces.clone();
        namespaces.push(self.namespace.clone());
        for namespace in &namespaces {
            self.delete_namespace(namespace).await;
        }
        for namespace in &namespaces {
            self.wait_until_namespace_gone(namespace).await;
        }
        let applications = self.applications();
        eventually("none of its Applications is left", || async {
            let left = all(&applications).await;
            let is_ours = |one: &Application| namespaces.contains(&one.spec.destination.namespace);
            (!left.iter().any(is_ours)).then_some(())
        })
        .await;
    }

    /// Creates a namespace.
    pub async fn create_namespace(&self, name: &str) {
        harness::create_namespace(&self.client, name).await;
    }

    /// Creates a namespace of another tenant, which goes with the scenario's; returns its name.
    pub async fn create_another_namespace(&mut self) -> String {
        let name = format!("{}-{}", self.namespace, self.more_namespaces.len() + 2);
        self.more_namespaces.push(name.clone());
        self.create_namespace(&name).await;
        name
    }

    /// Deletes a namespace, without waiting.
    pub async fn delete_namespace(&self, name: &str) {
        harness::delete_namespace(&self.client, name).await;
    }

    /// Waits until a namespace is gone.
    pub async fn wait_until_namespace_gone(&self, name: &str) {
        harness::wait_until_namespace_gone(&self.client, name).await;
    }

    /// The repository of the scenario.
    pub fn repository(&self) -> &Repository {
        self.repository.as_ref().expect("the scenario says that it needs git")
    }

    /// Another repository, with part of its name given; `None` if nothing reads it.
    pub fn another_repository(&self, name: &str) -> Option<Repository> {
        let Place::Cluster(cluster) = &self.place else { return None };
        let (folder, url) = &cluster.git;
        Some(Repository::create(folder, url, &format!("{}-{name}", self.namespace)))
    }

    /// The cluster and the program on it.
    pub fn cluster(&mut self) -> &mut Cluster {
        match &mut self.place {
            Place::Cluster(cluster) => cluster,
            Place::Sandbox { .. } => panic!("the scenario does not say that it needs the cluster"),
        }
    }

    /// A deployment of a folder of the scenario's repository, which nothing reads in the sandbox.
    pub fn deployment(&self, name: &str, type_: &str, path: &str) -> GitOpsDeployment {
        let mut object = harness::automated(name);
        object.spec.type_ = type_.to_owned();
        object.spec.source.path = path.to_owned();
        if let Some(repository) = &self.repository {
            object.spec.source.repo_url = repository.url.clone();
        }
        object
    }

    /// Commits files to the repository, if there is one; returns the commit hash.
    pub fn commit(&self, files: &[(&str, String)]) -> Option<String> {
        self.repository.as_ref().map(|repository| repository.commit(files))
    }

    /// The deployments of the scenario's namespace.
    pub fn deployments(&self) -> Api<GitOpsDeployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The ConfigMaps of the scenario's namespace.
    pub fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Argo CD's Applications.
    pub fn applications(&self) -> Api<Application> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// Argo CD's AppProjects.
    pub fn projects(&self) -> Api<AppProject> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// Creates a deployment.
    pub async fn create(&self, object: &GitOpsDeployment) -> GitOpsDeployment {
        self.deployments().create(&PostParams::default(), object).await.unwrap()
    }

    /// Merges a patch into a deployment.
    pub async fn edit(&self, name: &str, patch: serde_json::Value) {
        let parameters = PatchParams::default();
        self.deployments().patch(name, &parameters, &Patch::Merge(patch)).await.unwrap();
    }

    /// Deletes a deployment, without waiting.
    pub async fn delete(&self, name: &str) {
        self.deployments().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until a deployment meets a condition.
    pub async fn wait_for(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&GitOpsDeployment) -> bool,
    ) -> GitOpsDeployment {
        let api = self.deployments();
        eventually(what, || async { api.get_opt(name).await.ok()?.filter(|one| is_so(one)) }).await
    }

    /// Waits until a deployment is ready in its current generation.
    pub async fn wait_until_ready(&self, name: &str) -> GitOpsDeployment {
        self.wait_for(name, &format!("{name} is ready"), is_ready).await
    }

    /// Waits until a deployment is gone.
    pub async fn wait_until_gone(&self, name: &str) {
        let api = self.deployments();
        eventually("the deployment is gone", || async {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// The name of a deployment's Application.
    pub fn application_name(&self, deployment: &GitOpsDeployment) -> String {
        crds::names::application_name(&deployment.uid().unwrap())
    }

    /// Waits until a deployment's Application meets a condition; `None` means absent.
    pub async fn wait_for_application(
        &self,
        deployment: &GitOpsDeployment,
        what: &str,
        is_so: impl Fn(Option<&Application>) -> bool,
    ) {
        let (api, name) = (self.applications(), self.application_name(deployment));
        eventually(what, || async { is_so(api.get_opt(&name).await.ok()?.as_ref()).then_some(()) })
            .await;
    }

    /// Waits until Argo CD has seen an Application in its current state: until then it may act on
    /// an older one. It removes the refresh annotation once it has looked.
    pub async fn wait_until_argocd_has_seen(&self, name: &str) {
        let api = self.applications();
        request_refresh(&api, name, "normal").await.unwrap();
        eventually("Argo CD has looked at the Application", || async {
            let application = api.get(name).await.ok()?;
            (!application.annotations().contains_key(REFRESH)).then_some(())
        })
        .await;
    }

    /// Waits until a ConfigMap of the scenario's namespace holds this word; `None` means no
    /// ConfigMap.
    pub async fn wait_for_word(&self, name: &str, word: Option<&str>) {
        let api = self.config_maps();
        eventually(&format!("ConfigMap {name} says {word:?}"), || async {
            let map = api.get_opt(name).await.ok()?;
            let found = map.map(|map| map.data.unwrap_or_default().remove("word"));
            (found == word.map(|word| Some(word.to_owned()))).then_some(())
        })
        .await;
    }

    /// Makes a path fail like one that is not in the repository; where git is read, it really is
    /// not.
    pub async fn make_path_missing(&self, path: &str) {
        self.set_outcome(path, "missing-path").await;
    }

    /// Makes syncs of a path fail like those of a hook that fails; where git is read, it says so.
    pub async fn make_syncs_fail(&self, path: &str) {
        self.set_outcome(path, "sync-fails").await;
    }

    /// Makes syncs of a path wait for a hook that never ends; where git is read, it says so.
    pub async fn make_syncs_endless(&self, path: &str) {
        self.set_outcome(path, "sync-never-ends").await;
    }

    /// Makes every path work again; where git is read, a commit does so.
    pub async fn forget_outcomes(&self) {
        if matches!(self.place, Place::Sandbox { .. }) {
            let api = Api::<ConfigMap>::namespaced(self.client.clone(), ARGO_CD);
            api.delete(argocd_stand_in::OUTCOMES, &DeleteParams::default()).await.unwrap();
        }
    }

    /// From now on, Applications of this path are never fully deleted.
    pub async fn stop_argocd(&mut self, path: &str) {
        self.set_outcome(path, "deletion-never-finishes").await;
        if let Place::Cluster(cluster) = &self.place {
            cluster.stop_argocd().await;
        }
    }

    /// Restarts what [`Self::stop_argocd`] stopped.
    pub async fn start_argocd(&mut self) {
        self.forget_outcomes().await;
        if let Place::Cluster(cluster) = &mut self.place {
            cluster.start_everything().await;
        }
    }

    /// Sets the outcome for a path in the stand-in for Argo CD, if there is one.
    async fn set_outcome(&self, path: &str, outcome: &str) {
        if !matches!(self.place, Place::Sandbox { .. }) {
            return;
        }
        let data = BTreeMap::from([(format!("path.{path}"), outcome.to_owned())]);
        let name = Some(argocd_stand_in::OUTCOMES.to_owned());
        let metadata = ObjectMeta { name, ..ObjectMeta::default() };
        let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), ARGO_CD);
        api.create(&PostParams::default(), &map).await.unwrap();
    }

    /// Kills the program with SIGKILL and restarts it.
    pub async fn kill_program(&mut self) {
        match &mut self.place {
            Place::Cluster(cluster) => cluster.kill_program().await,
            Place::Sandbox { directory, dev } => {
                let mut old = dev.take().unwrap();
                let path: PathBuf = directory.path().to_owned();
                // The sandbox dies with it.
                let started = tokio::task::spawn_blocking(move || {
                    old.kill();
                    Running::dev(&path, SETTINGS)
                });
                *dev = Some(started.await.unwrap());
                self.client = harness::client(&directory.path().join("kubeconfig")).await;
            }
        }
    }

    /// Kills a part of the testbed with SIGKILL and restarts it.
    pub async fn kill_part(&mut self, part: &str) {
        let Place::Cluster(cluster) = &mut self.place else {
            panic!("the scenario does not declare that it kills servers");
        };
        cluster.part("kill", part).await;
        cluster.start_everything().await;
        cluster.outlive_outage().await;
    }

    async fn database(&self) -> Database {
        match &self.place {
            Place::Cluster(cluster) => cluster.database().await,
            Place::Sandbox { directory, .. } => {
                let url = format!("sqlite://{}", directory.path().join("state.db").display());
                connect(&url, &Default::default()).await.unwrap()
            }
        }
    }

    /// Waits until a query counts this many rows in the program's database.
    pub async fn wait_until_counted(&self, query: &str, number: i64) {
        let database = self.database().await;
        eventually(&format!("{query} counts {number}"), || async {
            (harness::count(&database, query).await == number).then_some(())
        })
        .await;
        database.close().await.unwrap();
    }

    /// Checks that the installation is at rest and holds exactly what its deployments ask for. All
    /// of it: on a cluster the program serves only these tests.
    pub async fn check_that_nothing_is_lost_or_duplicated(&self) {
        let database = self.database().await;
        let operations = Api::<crds::Operation>::namespaced(self.client.clone(), ARGO_CD);
        eventually("nothing is in progress", || async {
            let rests = harness::count(&database, harness::UNSETTLED).await == 0;
            (rests && all(&operations).await.is_empty()).then_some(())
        })
        .await;
        harness::check_that_nothing_is_lost_or_duplicated(&self.client, &database).await;
        database.close().await.unwrap();
    }
}
