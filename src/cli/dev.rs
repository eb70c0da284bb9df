//! `dev`: everything in one process, with nothing installed.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use crds::deployment::Source;
use crds::{GitOpsDeployment, GitOpsDeploymentSpec};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Resource, ResourceExt};
use sandbox::{ControlPlane, Options};
use schema::connection::{ConnectOptions, connect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::cli::Failure;
use crate::cli::log_level;
use crate::cli::logging::Log;
use crate::cli::sealing::SealingArguments;
use crate::cli::settings::SettingsArguments;
use crate::cli::tenant_servers::TenantServerArguments;
use crate::kubernetes::CountedClient;
use crate::program::{self, Program};
use crate::roles::Roles;
use crate::settings::Settings;
use crate::tenure::Tenure;
use crate::trace::Trace;

/// The database's file in the directory of `dev`.
pub const DATABASE_FILE: &str = "state.db";
/// The namespace and the name of the sample.
const SAMPLE: (&str, &str) = ("demo", "guestbook");
/// How often the cluster is asked whether everything is healthy.
const HEALTH_INTERVAL: Duration = Duration::from_millis(100);

/// Options of `dev`.
#[derive(Clone, Debug, Args)]
pub struct Dev {
    /// Directory for the kubeconfig, the database and the sandbox's data; created when missing.
    #[arg(long, env = "MANAGED_GITOPS_DIR", default_value = ".managed-gitops")]
    dir: PathBuf,
    /// Port of the sandbox's Kubernetes API on 127.0.0.1; 0 takes any free one.
    #[arg(long, env = "PORT", default_value_t = 16_443)]
    port: u16,
    /// Serve the sandbox's Kubernetes API over HTTPS, with a certificate that is made at each start and
    /// that its kubeconfig names, so that another one can have it as a target.
    #[arg(long, env = "TLS")]
    tls: bool,
    /// URL of another database, for example postgres://USER:PASSWORD@HOST:PORT/NAME; without it
    /// an SQLite file in the directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Apply a sample and print each of its transitions until it is healthy.
    #[arg(long, env = "DEMO")]
    demo: bool,
    /// End once every deployment is ready: with 0, or with 3 when that takes too long.
    #[arg(long, env = "EXIT_WHEN_HEALTHY")]
    exit_when_healthy: bool,
    /// How many seconds --exit-when-healthy waits.
    #[arg(long, env = "HEALTHY_WITHIN", default_value_t = 60)]
    healthy_within: u64,
    /// How many milliseconds the stand-in for Argo CD stays in each state.
    #[arg(long, env = "ARGO_CD_PACE", default_value_t = 50)]
    argo_cd_pace: u64,
    /// Address on which /livez, /readyz and /metrics are served; port 0 takes any free one.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(flatten)]
    sealing: SealingArguments,
    #[command(flatten)]
    tenant_servers: TenantServerArguments,
}

impl Dev {
    pub(super) async fn run(self, log: Log) -> Result<(), Failure> {
        let shutdown = super::shutdown_on_signal();
        let running = Running::start(&self, shutdown.clone()).await?;
        log_level::serve(log, running.address, shutdown.clone());
        let outcome = running.attend(&self, &shutdown).await;
        shutdown.cancel();
        let ended = running.stop().await;
        outcome.and(ended)
    }
}

/// Everything that `dev` has started.
struct Running {
    plane: ControlPlane,
    client: kube::Client,
    program: Program,
    trace: Trace,
    address: SocketAddr,
    argocd: tokio::task::JoinHandle<Result<(), argocd_stand_in::Error>>,
    kubeconfig: PathBuf,
    /// Held until the end, so that two processes never share a directory.
    _lock: File,
}

impl Running {
    async fn start(dev: &Dev, shutdown: CancellationToken) -> Result<Self, Failure> {
        let directory = prepare(&dev.dir).map_err(Failure::Input)?;
        let lock = lock(&directory).map_err(Failure::Input)?;
        let sealing = Some(dev.sealing.keyring_of_dev(&directory)?);
        let settings = Settings { sealing, ..dev.settings.settings() };
        let trace = Trace::from_environment(&settings.clock).map_err(Failure::input)?;
        let settings = Settings { trace: trace.clone(), ..settings };
        let settings = dev.tenant_servers.apply_in_dev(settings);
        let url = match &dev.database_url {
            Some(url) => url.clone(),
            None => format!("sqlite://{}", directory.join(DATABASE_FILE).display()),
        };
        let database = connect(&url, &ConnectOptions::default()).await.map_err(Failure::input)?;
        schema::migrate(&database).await.map_err(Failure::input)?;
        let listener = api::bind(dev.listen).await.map_err(Failure::Input)?;
        let crds = argocd_stand_in::definitions().into_iter().chain(crds::all());
        let plane = ControlPlane::start(Options {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, dev.port)),
            data: Some(directory.join("sandbox")),
            tls: dev.tls,
            ..Options::with_crds(crds)
        })
        .await
        .map_err(|error| match error {
            sandbox::Error::Listen { .. } => {
                Failure::Input(anyhow!("{error}; with --port 0 any free one is taken"))
            }
            other => Failure::input(other),
        })?;
        let kubeconfig = directory.join("kubeconfig");
        write_privately(&kubeconfig, &plane.kubeconfig()).map_err(Failure::Input)?;
        let client = kube::Client::try_from(plane.client_config()).map_err(Failure::running)?;
        program::check_cluster(&client, &database).await.map_err(Failure::Input)?;
        let argocd_namespace = settings.argocd_namespace.clone();
        ensure_namespace(&client, &argocd_namespace).await.map_err(Failure::Running)?;
        let stand_in = argocd_stand_in::Options {
            namespace: argocd_namespace,
            pace: Duration::from_millis(dev.argo_cd_pace),
            ..argocd_stand_in::Options::default()
        };
        let argocd = tokio::spawn(argocd_stand_in::run(client.clone(), stand_in, shutdown.clone()));
        tracing::info!(
            "this is a sandbox: an in-process Kubernetes API stands in for a cluster, and a \
             stand-in for Argo CD reads no git and deploys nothing"
        );
        // The program has a client of its own, so that no requests but its own are counted.
        let counted = CountedClient::new(plane.client_config(), Tenure::unlimited())
            .map_err(Failure::running)?;
        let roles = Roles::Both;
        let address = listener.local_addr().map_err(Failure::running)?;
        let mut program = Program::start(counted, database, settings, roles, None, shutdown)
            .await
            .map_err(Failure::Running)?;
        program.serve(listener);
        Ok(Self { plane, client, program, trace, address, argocd, kubeconfig, _lock: lock })
    }

    async fn attend(&self, dev: &Dev, shutdown: &CancellationToken) -> Result<(), Failure> {
        println!("Kubernetes API:   {}", self.plane.url());
        println!("health, metrics:  http://{}", self.address);
        println!("try:              export KUBECONFIG={}", self.kubeconfig.display());
        if dev.exit_when_healthy {
            return self.until_healthy(dev, shutdown).await;
        }
        if dev.demo {
            self.demonstrate(shutdown).await?;
        }
        if dev.demo {
            println!("serving; stop with Ctrl-C");
        }
        // If one role gives up, the same token stops the other.
        shutdown.cancelled().await;
        Ok(())
    }

    /// Applies the sample and prints what becomes of it.
    async fn demonstrate(&self, shutdown: &CancellationToken) -> Result<(), Failure> {
        let Some(backend) = self.program.health.backend() else { return Ok(()) };
        let mut transitions = backend.transitions();
        let (namespace, name) = SAMPLE;
        ensure_namespace(&self.client, namespace).await.map_err(Failure::Running)?;
        let api: Api<GitOpsDeployment> = Api::namespaced(self.client.clone(), namespace);
        println!("applying GitOpsDeployment {namespace}/{name}");
        create(&api, &sample()).await.map_err(Failure::Running)?;
        loop {
            if let Some(object) = api.get_opt(name).await.map_err(Failure::running)?
                && object.is_ready()
            {
                let status = object.status.unwrap_or_default();
                let (sync, health) = (status.sync.status, status.health.status);
                println!("  {namespace}/{name} is {sync} and {health}");
                return Ok(());
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(HEALTH_INTERVAL) => {}
                transition = transitions.recv() => match transition {
                    Ok(one) => println!(
                        "  {}/{}: {} → {}  ({})",
                        one.namespace, one.name, one.from, one.to, one.cause
                    ),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }

    /// Waits until every deployment is ready, or as long as the user is willing to wait.
    async fn until_healthy(&self, dev: &Dev, shutdown: &CancellationToken) -> Result<(), Failure> {
        let waiting = async {
            if dev.demo {
                self.demonstrate(shutdown).await?;
            }
            self.wait_until_all_ready().await
        };
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            outcome = tokio::time::timeout(Duration::from_secs(dev.healthy_within), waiting) => {
                match outcome {
                    Ok(outcome) => outcome,
                    Err(_) => Err(self.not_in_time(dev.healthy_within).await),
                }
            }
        }
    }

    /// Prints which are not ready, and why: it is too late to ask afterwards.
    async fn not_in_time(&self, seconds: u64) -> Failure {
        let api: Api<GitOpsDeployment> = Api::all(self.client.clone());
        let all = api.list(&Default::default()).await.map(|list| list.items).unwrap_or_default();
        let waiting: Vec<&GitOpsDeployment> = all.iter().filter(|one| !one.is_ready()).collect();
        let mut text = format!(
            "{} of {} deployments were not ready within {seconds} s",
            waiting.len(),
            all.len()
        );
        for one in waiting.iter().take(TOLD_AT_MOST) {
            let place = format!("{}/{}", one.namespace().unwrap_or_default(), one.name_any());
            let _ = write!(text, "\n  {place}: {}", why_not_ready(one));
        }
        if waiting.len() > TOLD_AT_MOST {
            let _ = write!(text, "\n  and {} more", waiting.len() - TOLD_AT_MOST);
        }
        Failure::NotInTime(text)
    }

    async fn wait_until_all_ready(&self) -> Result<(), Failure> {
        let api: Api<GitOpsDeployment> = Api::all(self.client.clone());
        loop {
            let all = api.list(&Default::default()).await.map_err(Failure::running)?.items;
            // While something is still waiting, a status may be from an earlier run.
            let health = &self.program.health;
            let is_current = health.is_ready() && health.backlog() == 0;
            if is_current && all.iter().all(GitOpsDeployment::is_ready) {
                println!("healthy: {} of {}", all.len(), all.len());
                return Ok(());
            }
            tokio::time::sleep(HEALTH_INTERVAL).await;
        }
    }

    async fn stop(self) -> Result<(), Failure> {
        let outcome = self.program.wait().await.map_err(Failure::Running);
        self.trace.shutdown().await;
        if let Ok(Err(error)) = self.argocd.await {
            tracing::warn!(%error, "the stand-in for Argo CD ended by itself");
        }
        self.plane.shutdown().await;
        outcome
    }
}

/// Most deployments that are listed by name when they are not ready in time.
const TOLD_AT_MOST: usize = 10;

fn why_not_ready(object: &GitOpsDeployment) -> String {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions
        .filter(|one| one.type_ == crds::conditions::condition_type::READY)
        .find(|one| one.status != "True");
    match ready {
        Some(ready) if ready.message.is_empty() => ready.reason.clone(),
        Some(ready) => ready.message.clone(),
        None => "nothing was reported on this generation yet".to_owned(),
    }
}

/// The sample: what most people deploy first with Argo CD.
fn sample() -> GitOpsDeployment {
    let (_, name) = SAMPLE;
    let spec = GitOpsDeploymentSpec {
        source: Source {
            repo_url: "https://github.com/argoproj/argocd-example-apps".to_owned(),
            path: "guestbook".to_owned(),
            target_revision: "HEAD".to_owned(),
        },
        destination: None,
        sync_policy: None,
        type_: "automated".to_owned(),
    };
    GitOpsDeployment::new(name, spec)
}

async fn ensure_namespace(client: &kube::Client, name: &str) -> anyhow::Result<()> {
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    create(&Api::all(client.clone()), &namespace).await
}

/// Creates an object, unless it exists.
async fn create<K>(api: &Api<K>, object: &K) -> anyhow::Result<()>
where
    K: Resource + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    match api.create(&PostParams::default(), object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn prepare(directory: &Path) -> anyhow::Result<PathBuf> {
    let explain = || {
        format!(
            "the directory {} cannot be used; name one that you may write to with --dir",
            directory.display()
        )
    };
    // It will hold what a cluster holds, including Secrets.
    DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(explain)?;
    std::path::absolute(directory).with_context(explain)
}

fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).with_context(
            || format!("{} cannot be written; name another directory with --dir", path.display()),
        )?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(anyhow!(
            "another `managed-gitops dev` is running on {}; stop it, or name another directory \
             with --dir",
            directory.display()
        )),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

fn write_privately(path: &Path, text: &str) -> anyhow::Result<()> {
    let explain = || format!("{} cannot be written", path.display());
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(explain)?;
    file.write_all(text.as_bytes()).with_context(explain)
}
