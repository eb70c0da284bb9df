//! A real cluster, and the program on it: with its own account, the rights of
//! `deploy/kustomize/base` and a fresh database; or backend and agent apart, each with its account and
//! rights of `deploy/kustomize/overlays/split`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use schema::connection::{ConnectOptions, Database, connect};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::harness::{self, eventually, execute, with_database};
use crate::process::{self, Running};
use crate::repository::PrivateGit;
use crate::ring::{self, Capability};
use crate::target::{self, Target};
use crate::waiting;

/// The namespace of the program in `deploy/kustomize`.
const OWN_NAMESPACE: &str = "managed-gitops";
/// The parts of a testbed, in the order in which they start.
const PARTS: [&str; 15] = [
    "etcd",
    "postgres",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "redis",
    "git-server",
    "git-server-https",
    "sshd",
    "argocd-repo-server",
    "argocd-application-controller",
    "target-etcd",
    "target-kube-apiserver",
    "target-kube-controller-manager",
];

/// How the program runs.
struct Layout {
    /// The kustomization with its accounts and rights.
    kustomization: &'static str,
    processes: &'static [Process],
}

/// A process of the program.
struct Process {
    command: &'static str,
    account: &'static str,
}

const TOGETHER: Layout = Layout {
    kustomization: "base",
    processes: &[Process { command: "all", account: "managed-gitops" }],
};

/// The backend first: it makes the tables, which the agent expects.
const APART: Layout = Layout {
    kustomization: "overlays/split",
    processes: &[
        Process { command: "backend", account: "managed-gitops-backend" },
        Process { command: "agent", account: "managed-gitops-agent" },
    ],
};

impl Layout {
    /// The one that the environment asks for.
    fn wanted() -> &'static Self {
        match std::env::var("E2E_ROLES").as_deref() {
            Err(_) | Ok("together") => &TOGETHER,
            Ok("split") => &APART,
            Ok(other) => panic!("E2E_ROLES is `{other}`: use `together` or `split`"),
        }
    }
}

/// Shared by all scenarios; the first one creates it.
static SHARED: Mutex<Option<Cluster>> = Mutex::const_new(None);

/// See the module.
pub struct Cluster {
    kubeconfig: PathBuf,
    server: String,
    database: String,
    /// The folder of the bare repositories, and the URL at which Argo CD reads it.
    pub git: (PathBuf, String),
    directory: TempDir,
    sealing_keys: Vec<SealingKey>,
    is_isolated: bool,
    layout: &'static Layout,
    /// What runs of the layout, by its command.
    program: BTreeMap<&'static str, Running>,
}

/// Whether to run on a cluster: opt-in, because the tests are destructive.
pub fn is_wanted() -> bool {
    std::env::var("E2E").is_ok_and(|value| value == "cluster")
}

/// What the cluster can do.
pub fn capabilities() -> Vec<Capability> {
    let mut capabilities = vec![Capability::Workloads, Capability::Git];
    if PrivateGit::from_environment().is_some() {
        capabilities.push(Capability::PrivateGit);
    }
    if target::second_cluster().is_some() {
        capabilities.push(Capability::Target);
    }
    if testbed().is_some() {
        capabilities.extend([Capability::ArgoCdStop, Capability::ServerKill]);
    }
    capabilities
}

fn testbed() -> Option<PathBuf> {
    std::env::var_os("TESTBED_DIR").map(PathBuf::from)
}

fn wanted(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("E2E=cluster needs {name}"))
}

/// The cluster, for one scenario at a time.
pub async fn shared() -> Lent {
    let mut guard = SHARED.lock().await;
    if guard.is_none() {
        *guard = Some(Cluster::prepare().await);
    }
    MutexGuard::map(guard, |cluster| cluster.as_mut().unwrap())
}

/// What [`shared`] returns.
pub type Lent = tokio::sync::MappedMutexGuard<'static, Cluster>;

/// Stops the program and drops its database.
pub fn clean_up() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let Some(cluster) = SHARED.lock().await.take() else { return };
        drop(cluster.program);
        let statement = format!("DROP DATABASE {} WITH (FORCE)", cluster.database);
        execute(&cluster.server, &statement).await;
    });
}

impl Cluster {
    async fn prepare() -> Self {
        let cluster = Self {
            kubeconfig: PathBuf::from(wanted("KUBECONFIG")),
            server: wanted("DATABASE_URL"),
            database: format!("gitops_e2e_{}", uuid::Uuid::new_v4().simple()),
            git: (PathBuf::from(wanted("E2E_GIT_FOLDER")), wanted("E2E_GIT_URL")),
            directory: tempfile::tempdir().unwrap(),
            sealing_keys: vec![SealingKey::generate()],
            is_isolated: true,
            layout: Layout::wanted(),
            program: BTreeMap::new(),
        };
        let definitions = cluster.directory.path().join("crds.yaml");
        std::fs::write(&definitions, process::succeeds(&["crds"])).unwrap();
        let apply = ["apply", "--server-side"];
        cluster.kubectl(&[&apply[..], &["-f", &definitions.display().to_string()]].concat());
        let kustomize = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kustomize");
        let kustomization = kustomize.join(cluster.layout.kustomization).display().to_string();
        let rights = ["-k", &kustomization, "-l", "app.kubernetes.io/component=rights"];
        cluster.kubectl(&[&apply[..], &rights].concat());
        let kind = "crd/gitopsdeployments.managed-gitops.redhat.com";
        cluster.kubectl(&["wait", "--for=condition=Established", kind]);
        for process in cluster.layout.processes {
            cluster.write_kubeconfig_of(process);
        }
        execute(&cluster.server, &format!("CREATE DATABASE {}", cluster.database)).await;
        cluster
    }

    /// Derives a kubeconfig for a process's account from ours.
    fn write_kubeconfig_of(&self, process: &Process) {
        let token = ["create", "token", process.account, "-n", OWN_NAMESPACE, "--duration=24h"];
        let token = self.kubectl(&token);
        let mut config = target::with_token(&self.kubeconfig, token.trim());
        config["contexts"][0]["context"]["namespace"] = OWN_NAMESPACE.into();
        std::fs::write(self.kubeconfig_of(process), config.to_string()).unwrap();
    }

    /// The same cluster as a target of its tenants.
    pub async fn as_target(&self) -> Target {
        Target::of(self.kubeconfig.clone()).await
    }

    fn kubeconfig_of(&self, process: &Process) -> PathBuf {
        self.directory.path().join(process.account)
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?} failed: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A client with full permissions.
    pub async fn client(&self) -> kube::Client {
        harness::client(&self.kubeconfig).await
    }

    /// The program's database.
    pub async fn database(&self) -> Database {
        let url = with_database(&self.server, &self.database);
        let options = ConnectOptions { max_connections: 1, ..ConnectOptions::default() };
        connect(&url, &options).await.unwrap()
    }

    /// Starts whatever is not running (parts of the testbed, the program) and waits until it works.
    pub async fn start_everything(&mut self) {
        if testbed().is_some() {
            for part in PARTS {
                self.part("start", part).await;
            }
        }
        let client = self.client().await;
        eventually("the Kubernetes API answers", || async {
            client.apiserver_version().await.ok().map(drop)
        })
        .await;
        if target::second_cluster().is_some() {
            let target = Target::second().await;
            eventually("the target cluster answers", || async {
                target.client.apiserver_version().await.ok().map(drop)
            })
            .await;
        }
        eventually("PostgreSQL answers", || async {
            let database = connect(&self.server, &ConnectOptions::default()).await;
            if database.is_err() && testbed().is_some() {
                // It refuses to start next to the leftovers of a killed one.
                self.part("start", "postgres").await;
            }
            database.ok()?.close().await.ok()
        })
        .await;
        self.start_program().await;
    }

    /// Waits until the program has renewed its Leases after an outage. If it has ended because it could
    /// not do so in time, starts it again, as a kubelet would.
    pub async fn outlive_outage(&mut self) {
        let leases: Api<Lease> = Api::namespaced(self.client().await, OWN_NAMESPACE);
        let held = || async {
            let leases = leases.list(&ListParams::default()).await.ok()?.items.into_iter();
            let held =
                leases.filter_map(|one| one.spec).map(|one| (one.holder_identity, one.renew_time));
            Some(held.collect::<Vec<_>>())
        };
        let before = eventually("the Leases can be read", held).await;
        loop {
            let program = Mutex::new(&mut self.program);
            let has_outlived = eventually("the program renews its Leases, or ends", || async {
                if !program.lock().await.values_mut().all(Running::is_running) {
                    return Some(false);
                }
                let now = held().await?;
                let renewed = now.iter().zip(&before).all(|(now, before)| {
                    now.0.as_ref().is_some_and(|holder| !holder.is_empty()) && now.1 != before.1
                });
                renewed.then_some(true)
            })
            .await;
            if has_outlived {
                return;
            }
            self.start_program().await;
        }
    }

    /// Starts what does not run of it.
    async fn start_program(&mut self) {
        for process in self.layout.processes {
            let running = self.program.get_mut(process.command);
            if !running.is_some_and(|running| running.is_running()) {
                self.program.insert(process.command, self.start(process).await);
            }
        }
    }

    async fn start(&self, process: &Process) -> Running {
        let mut command = process::program(&[process.command, "--listen", "127.0.0.1:0"]);
        command.args(ring::SETTINGS);
        // Always the same name: after a kill it need not wait for its own Lease.
        command.args(["--identity", "e2e", "--kubeconfig"]).arg(self.kubeconfig_of(process));
        command.env("DATABASE_URL", with_database(&self.server, &self.database));
        command.env("SEALING_KEYS", self.sealing_keys());
        command.env("ENABLE_APPPROJECT_ISOLATION", self.is_isolated.to_string());
        // The scenarios' git servers are on this machine.
        command.env("TENANT_SERVERS_ALLOW", "127.0.0.0/8,::1/128");
        let started = tokio::task::spawn_blocking(move || {
            let program = Running::begin(command);
            program.wait_for_line(|line| line.contains("this replica acts"));
            program
        });
        started.await.unwrap()
    }

    /// Kills the program with SIGKILL and restarts it.
    pub async fn kill_program(&mut self) {
        self.end_program().await;
        self.start_program().await;
    }

    async fn end_program(&mut self) {
        let mut old = std::mem::take(&mut self.program);
        tokio::task::spawn_blocking(move || old.values_mut().for_each(Running::kill))
            .await
            .unwrap();
    }

    /// Kills the program and restarts it as if it had been away for so long, as far as managed
    /// environments are concerned: each moment that one waits for is that much nearer.
    pub async fn let_pass_for_environments(&mut self, time: Duration) {
        self.end_program().await;
        let database = self.database().await;
        waiting::shorten(&database, "ManagedEnvironment", time).await;
        database.close().await.unwrap();
        self.start_program().await;
    }

    /// Switches isolation between tenants on or off, by a restart of the program.
    pub async fn set_isolated(&mut self, is_isolated: bool) {
        self.is_isolated = is_isolated;
        self.kill_program().await;
    }

    /// Has a new key seal from now on, beside the old one.
    pub async fn add_sealing_key(&mut self) {
        // Every replica knows a key before one seals with it.
        self.sealing_keys.push(SealingKey::generate());
        self.kill_program().await;
        self.sealing_keys.rotate_right(1);
        self.kill_program().await;
    }

    /// Has everything sealed with the new key, and the program do without the old one.
    pub async fn remove_old_sealing_key(&mut self) {
        let mut command = process::program(&["rotate-keys"]);
        command.env("DATABASE_URL", with_database(&self.server, &self.database));
        command.env("SEALING_KEYS", self.sealing_keys());
        let rotated = tokio::task::spawn_blocking(move || command.output().unwrap());
        let rotated = rotated.await.unwrap();
        let errors = String::from_utf8_lossy(&rotated.stderr);
        assert!(rotated.status.success(), "rotate-keys failed: {errors}");
        self.sealing_keys.truncate(1);
        self.kill_program().await;
    }

    /// The id of the key that seals.
    pub fn primary_key(&self) -> &str {
        &self.sealing_keys[0].id
    }

    fn sealing_keys(&self) -> String {
        let keys = self.sealing_keys.iter();
        let keys = keys.map(|key| format!("{}={}", key.id, key.key.expose_secret()));
        keys.collect::<Vec<_>>().join(",")
    }

    /// Kills the second cluster's API server with SIGKILL. It stays away until
    /// [`Self::start_everything`].
    pub async fn kill_target(&self) {
        self.part("kill", "target-kube-apiserver").await;
    }

    /// Stops Argo CD's controller.
    pub async fn stop_argocd(&self) {
        self.part("stop", "argocd-application-controller").await;
    }

    /// Runs `testbed/part` on one part.
    pub async fn part(&self, verb: &str, name: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/part");
        let mut command = tokio::process::Command::new(script);
        // What it starts outlives it and must not inherit our pipes.
        command.args([verb, name]).stdin(Stdio::null()).stdout(Stdio::null());
        assert!(command.status().await.unwrap().success(), "testbed/part {verb} {name} failed");
    }
}

/// A key that seals credentials.
struct SealingKey {
    id: String,
    key: SecretString,
}

impl SealingKey {
    fn generate() -> Self {
        let id = format!("e2e-{}", uuid::Uuid::new_v4().simple());
        Self { id, key: schema::sealing::generate_key() }
    }
}
