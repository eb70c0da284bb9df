//! The cluster of a testbed, for one test at a time, and the tools that a platform team has.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kube::Client;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::harness::{self, execute, with_database};
use crate::kubelet::{Image, Kubelet, Node};
use crate::{image, manifests};

/// The namespace of the program in the kustomizations.
pub const NAMESPACE: &str = "managed-gitops";

/// The registry of the document on installing.
pub const REGISTRY: &str = "registry.example.com/platform";
/// What the entry point of PostgreSQL's image does.
const POSTGRESQL: &str = r#"
    export PATH=/usr/lib/postgresql/15/bin:/usr/bin
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        mkdir -p "$PGDATA"
        printf %s "$POSTGRES_PASSWORD" >/tmp/password
        initdb -U postgres --auth-host=scram-sha-256 --pwfile=/tmp/password $POSTGRES_INITDB_ARGS >/dev/null
        echo "host all all 0.0.0.0/0 scram-sha-256" >>"$PGDATA/pg_hba.conf"
    fi
    exec postgres -c listen_addresses="$POD_IP" -k /var/run/postgresql
"#;

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// See the module.
pub struct Cluster {
    pub kubeconfig: PathBuf,
    pub client: Client,
    helm: PathBuf,
    database: String,
    server: String,
    folder: TempDir,
    kubelet: Kubelet,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// The one of the environment, if the environment wants it to be used.
    pub async fn shared() -> Option<Self> {
        let program = image::program()?;
        if std::env::var("E2E").is_ok_and(|value| value == "cluster") {
            return Some(Self::of_environment(&program).await);
        }
        println!("skipping the cluster: E2E is not `cluster`");
        None
    }

    async fn of_environment(program: &Path) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let kubeconfig = PathBuf::from(std::env::var_os("KUBECONFIG").unwrap());
        let client = harness::client(&kubeconfig).await;
        let server = std::env::var("DATABASE_URL").unwrap();
        let database = format!("gitops_install_{}", uuid::Uuid::new_v4().simple());
        execute(&server, &format!("CREATE DATABASE {database}")).await;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("image");
        image::assemble_root(program, &root);
        let program = format!("managed-gitops:{}", env!("CARGO_PKG_VERSION"));
        let image = || Image::Root(root.clone(), vec!["/managed-gitops".to_owned()]);
        let pushed = (format!("{REGISTRY}/{program}"), image());
        let program = (program, image());
        let postgresql = ["sh", "-ec", POSTGRESQL].map(str::to_owned);
        let postgresql = ("postgres:15".to_owned(), Image::Machine(postgresql.into()));
        let kubelet = Kubelet::start(Node {
            client: client.clone(),
            namespace: NAMESPACE.to_owned(),
            api_server: api_server(&kubeconfig),
            images: HashMap::from([program, pushed, postgresql]),
            folder: folder.path().to_owned(),
        });
        let helm = manifests::helm().expect("a testbed has helm");
        let _alone = alone;
        let cluster = Self { kubeconfig, client, helm, database, server, folder, kubelet, _alone };
        // A test before this one may have failed.
        cluster.remove().await;
        cluster
    }

    /// Runs `kubectl`, which must succeed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.succeed(Path::new("kubectl"), arguments)
    }

    /// Runs `helm`, which must succeed.
    pub fn helm(&self, arguments: &[&str]) -> String {
        self.succeed(&self.helm, arguments)
    }

    fn succeed(&self, tool: &Path, arguments: &[&str]) -> String {
        let output = self.run(tool, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?} failed: {errors}", tool.display());
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, tool: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(tool);
        command.env("KUBECONFIG", &self.kubeconfig);
        // Helm's own files.
        command.env("HELM_CACHE_HOME", self.folder.path().join("helm"));
        command.args(arguments).output().unwrap()
    }

    /// Runs statements on the server's own database.
    pub async fn execute(&self, statements: &[&str]) {
        for statement in statements {
            execute(&self.server, statement).await;
        }
    }

    /// How `psql` reaches the server as its superuser, and the file of its authority.
    pub fn server(&self) -> [(&'static str, String); 5] {
        let (_, rest) = self.server.split_once("://").unwrap();
        let (user, rest) = rest.split_once('@').unwrap();
        let ((user, password), (host, rest)) =
            (user.split_once(':').unwrap(), rest.split_once(':').unwrap());
        let (port, _) = rest.split_once('/').unwrap();
        let ca = self.ca().display().to_string();
        [
            ("PGHOST", host.to_owned()),
            ("PGPORT", port.to_owned()),
            ("PGUSER", user.to_owned()),
            ("PGPASSWORD", password.to_owned()),
            ("CA", ca),
        ]
    }

    /// A `PATH` on which `helm` is.
    pub fn path(&self) -> String {
        let tools = self.folder.path().join("tools");
        std::fs::create_dir_all(&tools).unwrap();
        let _ = std::os::unix::fs::symlink(&self.helm, tools.join("helm"));
        format!("{}:{}", tools.display(), std::env::var("PATH").unwrap())
    }

    /// Waits until a Deployment has been rolled out.
    pub fn wait_until_rolled_out(&self, name: &str) {
        let deployment = format!("deployment/{name}");
        let output = self.run(
            Path::new("kubectl"),
            &["rollout", "status", "-n", NAMESPACE, &deployment, "--timeout=120s"],
        );
        if !output.status.success() {
            let pods = self.kubectl(&["get", "pods", "-n", NAMESPACE, "-o", "wide"]);
            let log = self.logs();
            panic!("{name} is not rolled out: {pods}\n{log}");
        }
    }

    /// A volume on this machine, for the first claim that fits.
    pub fn offer_volume(&self) {
        let volume = self.folder.path().join("volume.json");
        let json = serde_json::json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": format!("install-{}", uuid::Uuid::new_v4().simple())},
            "spec": {
                "capacity": {"storage": "8Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": self.folder.path()},
            },
        });
        std::fs::write(&volume, json.to_string()).unwrap();
        self.kubectl(&["apply", "-f", &volume.display().to_string()]);
    }

    /// The Secrets that an installation needs.
    pub fn create_secrets(&self) {
        let url = format!("--from-literal=url={}", self.url_in_a_pod());
        let ca = format!("--from-file=ca.crt={}", self.ca().display());
        let secret = ["create", "secret", "generic", "-n", NAMESPACE];
        self.kubectl(&[&secret[..], &["managed-gitops-database", &url, &ca]].concat());
        let key = schema::sealing::generate_key();
        let key = format!("--from-literal=2026-11={}", secrecy::ExposeSecret::expose_secret(&key));
        let primary = "--from-literal=primary=2026-11";
        self.kubectl(&[&secret[..], &["managed-gitops-sealing-keys", &key, primary]].concat());
    }

    /// The authority of the server's certificate.
    fn ca(&self) -> PathBuf {
        let (_, file) = self.server.split_once("sslrootcert=").unwrap();
        PathBuf::from(file)
    }

    /// The URL of a fresh database as a pod needs it, whose files are elsewhere.
    fn url_in_a_pod(&self) -> String {
        let ca = self.ca().display().to_string();
        with_database(&self.server, &self.database)
            .replace(&ca, "/etc/managed-gitops/database/ca.crt")
    }

    /// Removes the program's namespace with everything in it, and then what it has elsewhere, but not its
    /// definitions.
    pub async fn remove(&self) {
        let delete = ["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false"];
        self.kubectl(&delete);
        harness::wait_until_namespace_gone(&self.client, NAMESPACE).await;
        let ours = ["-l", "app.kubernetes.io/name=managed-gitops"];
        let elsewhere = ["delete", "clusterroles,clusterrolebindings,priorityclasses"];
        self.kubectl(&[&elsewhere[..], &ours].concat());
        let in_argo_cd = ["delete", "roles,rolebindings", "-n", harness::ARGO_CD];
        self.kubectl(&[&in_argo_cd[..], &ours].concat());
    }

    /// What all containers have logged.
    pub fn logs(&self) -> String {
        self.kubelet.logs()
    }

    /// Removes everything of this test.
    pub async fn leave(self) {
        // While there is a kubelet, which says that the pods have ended.
        self.remove().await;
        self.kubelet.stop().await;
        execute(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
    }
}

/// Host and port.
fn api_server(kubeconfig: &Path) -> (String, u16) {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let server = kubeconfig.clusters[0].cluster.as_ref().unwrap().server.clone().unwrap();
    let (host, port) = server.trim_start_matches("https://").split_once(':').unwrap();
    (host.to_owned(), port.trim_end_matches('/').parse().unwrap())
}
