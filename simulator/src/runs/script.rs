//! What users and Argo CD do, and manual changes, as data: workloads and campaigns are lists of steps.

use std::time::Duration;

use crds::argocd::{AppProject, Application};
use crds::{
    GitOpsDeployment, GitOpsDeploymentManagedEnvironment as Environment,
    GitOpsDeploymentRepositoryCredential as Credential, GitOpsDeploymentSyncRun,
};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use machines::esr;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checks::observe::ARGO_CD;
use crate::environment::clusters;
use crate::environment::git_servers::Behaviour;
use crate::environment::stage::{Running, Stage};
use crate::faults::credentials::{credential, secret, trust};
use crate::faults::environments::{self, environment, kubeconfig};
use crate::faults::manual_changes::deployment;
use crate::faults::sync_runs::sync_run;

/// What steps create, edit and delete.
trait Object:
    kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + serde::Serialize
    + serde::de::DeserializeOwned
{
}

impl<K> Object for K where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + serde::de::DeserializeOwned
{
}

/// How often convergence is checked.
const LOOK: Duration = Duration::from_secs(1);
/// How long a step waits for it. Faults may delay it beyond that.
const PATIENCE: Duration = Duration::from_secs(240);

/// One thing that happens. Deployments and sync runs are written as `namespace/name`.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A namespace is created.
    CreateNamespace(&'static str),
    /// A namespace is deleted.
    DeleteNamespace(&'static str),
    /// A deployment of a path is created.
    Create(&'static str, &'static str),
    /// The same with our finalizer on it.
    CreateFinalized(&'static str, &'static str),
    /// The same, but synced only on a user's request.
    CreateManual(&'static str, &'static str),
    /// A patch is merged into a deployment.
    Edit(&'static str, Value),
    /// A deployment is deleted.
    Delete(&'static str),
    /// A sync run of a deployment is created, with a revision.
    Run(&'static str, &'static str, &'static str),
    /// A sync run is deleted.
    DeleteRun(&'static str),
    /// A credential for a repository is created, with the name of a Secret.
    CreateCredential(&'static str, &'static str, &'static str),
    /// A patch is merged into a credential.
    EditCredential(&'static str, Value),
    /// A credential is deleted.
    DeleteCredential(&'static str),
    /// An environment on a cluster is created, with the name of a Secret.
    CreateEnvironment(&'static str, &'static str, &'static str),
    /// A patch is merged into an environment.
    EditEnvironment(&'static str, Value),
    /// An environment is deleted.
    DeleteEnvironment(&'static str),
    /// A Secret with a kubeconfig is created: for a cluster, with a token.
    CreateKubeconfig(&'static str, &'static str, &'static str),
    /// A Secret gets another kubeconfig.
    EditKubeconfig(&'static str, &'static str, &'static str),
    /// A token opens a cluster, and no other of users does.
    ClusterOpenedBy(&'static str, &'static str),
    /// The API server of a cluster behaves differently.
    Cluster(&'static str, clusters::Behaviour),
    /// A cluster forgets what was made there.
    ClusterForgets(&'static str),
    /// A Secret with a password is created.
    CreateSecret(&'static str, &'static str),
    /// A Secret gets another password.
    EditSecret(&'static str, &'static str),
    /// A Secret is deleted.
    DeleteSecret(&'static str),
    /// A password opens a repository, and no other does.
    OpenedBy(&'static str, &'static str),
    /// The server of a repository behaves differently.
    Server(&'static str, Behaviour),
    /// Argo CD vouches for a host.
    Trust(&'static str),
    /// A manual deletion of all Secrets of Argo CD's.
    DeleteArgoCdsSecrets,
    /// A manual patch of all Secrets of Argo CD's.
    EditArgoCdsSecrets(Value),
    /// A manual deletion of a deployment's Application.
    DeleteApplication(&'static str),
    /// A manual patch of a deployment's Application.
    EditApplication(&'static str, Value),
    /// A manual deletion of all AppProjects that are ours.
    DeleteProjects,
    /// The Applications of a path get this outcome.
    Outcome(&'static str, &'static str),
    /// Argo CD stops.
    ArgoCdStops,
    /// Argo CD starts again.
    ArgoCdStarts,
    /// Waits until everything converges, or patience runs out.
    Settle,
    /// Lets virtual time pass.
    Pass(Duration),
}

/// An installation after these steps, without faults; Argo CD stays as they left it.
///
/// # Errors
///
/// The installation does not start.
pub async fn after(steps: &[Step]) -> anyhow::Result<(Stage, Running)> {
    let stage = Stage::set().await?;
    let running = stage.launch_undisturbed("pod-0");
    let mut actor = Actor::new(&stage);
    for step in steps {
        actor.take(step).await;
    }
    actor.stay();
    Ok((stage, running))
}

/// Carries steps out.
pub struct Actor<'a> {
    stage: &'a Stage,
    argocd: CancellationToken,
    /// The longest that a [`Step::Settle`] has waited.
    pub longest_wait: Duration,
}

impl<'a> Actor<'a> {
    /// An actor on a stage, for which it starts Argo CD.
    pub fn new(stage: &'a Stage) -> Self {
        let argocd = stage.start_argocd(Duration::from_millis(50));
        Self { stage, argocd, longest_wait: Duration::ZERO }
    }

    /// An actor on a stage where Argo CD is already running.
    pub fn beside(stage: &'a Stage) -> Self {
        Self { stage, argocd: CancellationToken::new(), longest_wait: Duration::ZERO }
    }

    /// Carries out a step. A server may reject it; the journal records that.
    pub async fn take(&mut self, step: &Step) {
        let client = || self.stage.client.clone();
        let applications: Api<Application> = Api::namespaced(client(), ARGO_CD);
        self.stage.journal.note("script", format!("{step:?}"));
        let outcome = match step {
            Step::CreateNamespace(name) => self.stage.create_namespace(name).await.map(drop),
            Step::DeleteNamespace(name) => {
                let api = Api::<Namespace>::all(client());
                api.delete(name, &DeleteParams::default()).await.map(drop)
            }
            Step::Create(place, path) => self.create(place, path, "automated", false).await,
            Step::CreateFinalized(place, path) => self.create(place, path, "automated", true).await,
            Step::CreateManual(place, path) => self.create(place, path, "manual", false).await,
            Step::Edit(place, patch) => self.merge::<GitOpsDeployment>(place, patch).await,
            Step::Delete(place) => self.delete::<GitOpsDeployment>(place).await,
            Step::Run(place, deployment, revision) => {
                self.post(place, |name| sync_run(name, deployment, revision)).await
            }
            Step::DeleteRun(place) => self.delete::<GitOpsDeploymentSyncRun>(place).await,
            Step::CreateCredential(place, url, name_of_secret) => {
                self.post(place, |name| credential(name, url, name_of_secret)).await
            }
            Step::EditCredential(place, patch) => self.merge::<Credential>(place, patch).await,
            Step::DeleteCredential(place) => self.delete::<Credential>(place).await,
            Step::CreateEnvironment(place, url, name_of_secret) => {
                self.post(place, |name| environment(name, url, name_of_secret)).await
            }
            Step::EditEnvironment(place, patch) => self.merge::<Environment>(place, patch).await,
            Step::DeleteEnvironment(place) => self.delete::<Environment>(place).await,
            Step::CreateKubeconfig(place, url, token) => {
                let kubeconfig = kubeconfig(url, token);
                self.post(place, |name| environments::secret(name, &kubeconfig)).await
            }
            Step::EditKubeconfig(place, url, token) => {
                let data = environments::secret("", &kubeconfig(url, token)).data;
                self.merge::<Secret>(place, &json!({"data": data})).await
            }
            Step::ClusterOpenedBy(url, token) => {
                self.stage.clusters.opened_by(url, token);
                Ok(())
            }
            Step::Cluster(url, behaviour) => {
                self.stage.clusters.behaves(url, *behaviour);
                Ok(())
            }
            Step::ClusterForgets(url) => {
                self.stage.clusters.forgets(url);
                Ok(())
            }
            Step::CreateSecret(place, password) => {
                self.post(place, |name| secret(name, password)).await
            }
            Step::EditSecret(place, password) => {
                self.merge::<Secret>(place, &json!({"data": secret("", password).data})).await
            }
            Step::DeleteSecret(place) => self.delete::<Secret>(place).await,
            Step::OpenedBy(url, password) => {
                self.stage.servers.opened_by(url, password);
                Ok(())
            }
            Step::Server(url, behaviour) => {
                self.stage.servers.behaves(url, *behaviour);
                Ok(())
            }
            Step::Trust(host) => {
                trust(self.stage, &[host]).await;
                Ok(())
            }
            Step::DeleteArgoCdsSecrets => self.with_argocds_secrets(None).await,
            Step::EditArgoCdsSecrets(patch) => self.with_argocds_secrets(Some(patch)).await,
            Step::DeleteApplication(place) => {
                let name = self.application_of(place).await;
                applications.delete(&name, &DeleteParams::default()).await.map(drop)
            }
            Step::EditApplication(place, patch) => {
                merge(&applications, &self.application_of(place).await, patch).await
            }
            Step::DeleteProjects => self.delete_projects().await,
            Step::Outcome(path, outcome) => {
                let data = [(format!("path.{path}"), (*outcome).to_owned())].into();
                let _ = self.stage.set_outcomes(data).await;
                Ok(())
            }
            Step::ArgoCdStops => {
                self.argocd.cancel();
                Ok(())
            }
            Step::ArgoCdStarts => {
                self.argocd = self.stage.start_argocd(Duration::from_millis(50));
                Ok(())
            }
            Step::Settle => {
                let begun = Instant::now();
                settle(self.stage, PATIENCE).await;
                self.longest_wait = self.longest_wait.max(begun.elapsed());
                Ok(())
            }
            Step::Pass(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
        };
        if let Err(error) = outcome {
            self.stage.journal.note("script", format!("refused: {error}"));
        }
    }

    /// Leaves Argo CD running at the end.
    pub fn stay(mut self) {
        self.argocd = CancellationToken::new();
    }

    async fn create(
        &self,
        place: &str,
        path: &str,
        type_: &str,
        finalized: bool,
    ) -> kube::Result<()> {
        let (api, name) = self.deployments(place);
        let mut object = deployment(name, path, type_);
        if finalized {
            object.metadata.finalizers = Some(vec![crds::names::DEPLOYMENT_FINALIZER.to_owned()]);
        }
        api.create(&PostParams::default(), &object).await.map(drop)
    }

    async fn delete_projects(&self) -> kube::Result<()> {
        let projects: Api<AppProject> = Api::namespaced(self.stage.client.clone(), ARGO_CD);
        for project in projects.list(&Default::default()).await? {
            projects.delete(&project.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    /// Changes, or deletes, all Secrets of Argo CD's.
    async fn with_argocds_secrets(&self, patch: Option<&Value>) -> kube::Result<()> {
        let secrets: Api<Secret> = Api::namespaced(self.stage.client.clone(), ARGO_CD);
        for secret in secrets.list(&Default::default()).await? {
            let name = secret.name_any();
            match patch {
                Some(patch) => merge(&secrets, &name, patch).await?,
                None => drop(secrets.delete(&name, &DeleteParams::default()).await?),
            }
        }
        Ok(())
    }

    async fn post<K: Object>(&self, place: &str, object: impl Fn(&str) -> K) -> kube::Result<()> {
        let (api, name) = self.objects::<K>(place);
        api.create(&PostParams::default(), &object(name)).await.map(drop)
    }

    async fn merge<K: Object>(&self, place: &str, patch: &Value) -> kube::Result<()> {
        let (api, name) = self.objects::<K>(place);
        merge(&api, name, patch).await
    }

    async fn delete<K: Object>(&self, place: &str) -> kube::Result<()> {
        let (api, name) = self.objects::<K>(place);
        api.delete(name, &DeleteParams::default()).await.map(drop)
    }

    fn deployments<'b>(&self, place: &'b str) -> (Api<GitOpsDeployment>, &'b str) {
        self.objects(place)
    }

    fn objects<'b, K>(&self, place: &'b str) -> (Api<K>, &'b str)
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let (namespace, name) = place.split_once('/').unwrap_or(("default", place));
        (Api::namespaced(self.stage.client.clone(), namespace), name)
    }

    async fn application_of(&self, place: &str) -> String {
        let (api, name) = self.deployments(place);
        let uid = api.get(name).await.ok().and_then(|object| object.uid());
        crds::names::application_name(&uid.unwrap_or_default())
    }
}

impl Drop for Actor<'_> {
    fn drop(&mut self) {
        self.argocd.cancel();
    }
}

/// Waits until everything has converged, in two checks in a row; false if patience runs out first.
pub async fn settle(stage: &Stage, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    let mut looked_at = None;
    let mut is_right = false;
    while Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
        let mark = stage.witness.mark();
        if looked_at == Some(mark) {
            if is_right {
                return true;
            }
            continue;
        }
        looked_at = Some(mark);
        let Ok(world) = stage.witness.world() else { return false };
        is_right = esr::all(&world).is_empty();
    }
    false
}

async fn merge<K>(api: &Api<K>, name: &str, patch: &Value) -> kube::Result<()>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
}

/// A patch that changes the path of a deployment.
pub fn path(path: &str) -> Value {
    json!({"spec": {"source": {"path": path}}})
}
