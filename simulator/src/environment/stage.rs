//! A whole installation in one thread: the API server, the database, the stand-in for Argo CD, and
//! the processes of the program, on one virtual clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use http::{Method, Request};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::jiff;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use managed_gitops::api::Health;
use managed_gitops::kubernetes::CountedClient;
use managed_gitops::lease::Candidate;
use managed_gitops::program::Program;
use managed_gitops::roles::Roles;
use managed_gitops::settings::Settings;
use managed_gitops::tenure::Tenure;
use parking_lot::Mutex;
use sandbox::ApiServer;
use schema::connection::{ConnectOptions, Database, connect};
use schema::store::sealed::unlock::unlock;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checks::observe::ARGO_CD;
use crate::checks::properties::Witness;
use crate::environment::clusters::TargetClusters;
use crate::environment::entropy;
use crate::environment::git_servers::GitServers;
use crate::environment::journal::Journal;
use crate::environment::network::{Link, answer};
use crate::environment::postgresql_limits::refuse_as_postgresql;
use crate::environment::process::{Process, wall_clock};
use crate::environment::rights::Rights;
use crate::environment::storage::{Wire, at_once};
use crate::faults::adversary::Adversary;
use crate::faults::operators::{Keys, Options};
use crate::runs::plan::{Plan, Strike};

/// How often the program rescans everything: more often than by default, so that a run takes fewer
/// virtual hours.
pub const RESCAN: Duration = Duration::from_secs(10 * 60);
/// Events that the server keeps per resource: all of a run, so that only a fault makes a watch
/// expire.
const HISTORY: usize = 100_000;
/// The virtual time within which a deleted namespace is empty, if Argo CD works.
const EMPTY_WITHIN: Duration = Duration::from_secs(600);
/// The stack of a run's thread; a debug build's futures are large.
const STACK_BYTES: usize = 16 << 20;

/// Runs something on its own thread, with a virtual clock and randomness from a seed.
pub fn simulate<T, F>(seed: u64, run: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let body = move || {
        // Before the thread creates its first hash map.
        entropy::seed(seed);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build()?;
        runtime.block_on(run())
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(body)?;
    thread.join().map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        anyhow::anyhow!("the run panicked: {}", text.unwrap_or_default())
    })?
}

/// See the module.
pub struct Stage {
    /// When the run began.
    pub begun: Instant,
    /// The API server.
    pub server: Arc<ApiServer>,
    /// A fault-free client, for users and manual changes.
    pub client: kube::Client,
    /// A fault-free connection to the database, for inspection.
    pub database: Database,
    /// The servers of private repositories.
    pub servers: GitServers,
    /// The target clusters of tenants.
    pub clusters: TargetClusters,
    /// Sees every write.
    pub witness: Arc<Witness>,
    /// What happened.
    pub journal: Journal,
    rights: Arc<Rights>,
    settings: Settings,
    /// What new processes are started with.
    options: watch::Sender<Options>,
    keys_vary: AtomicBool,
    /// The endpoints of the processes.
    launched: Arc<Mutex<Vec<Arc<Health>>>>,
}

/// A process of the program.
pub struct Running {
    /// The process.
    pub process: Arc<Process>,
    /// How it ended.
    pub task: JoinHandle<anyhow::Result<()>>,
    /// Tells it to stop.
    pub shutdown: CancellationToken,
}

impl Running {
    /// Ends it between two instructions.
    pub fn kill(&self) {
        self.process.kill();
        self.shutdown.cancel();
    }
}

impl Stage {
    /// An API server with the definitions and the namespace of Argo CD, and a migrated database.
    pub async fn set() -> anyhow::Result<Self> {
        let begun = Instant::now();
        let by_users = Arc::new(AtomicBool::new(false));
        let server = ApiServer::in_memory(sandbox::api::Settings {
            clock: sandbox::Clock::new(move || cluster_time(begun)),
            uids: Box::new(uids(Arc::clone(&by_users))),
            history_limit: HISTORY,
        });
        let definitions = argocd_stand_in::definitions().into_iter().chain(crds::all());
        for definition in definitions {
            server.install(&definition)?;
        }
        let first = Keys::First.keyring()?.context("a keyring")?;
        let everything = Keys::Rotating.keyring()?.context("a keyring")?;
        let database = at_once(async {
            let database = connect("sqlite::memory:", &ConnectOptions::default()).await?;
            schema::migrate(&database).await?;
            refuse_as_postgresql(&database).await?;
            // As the program of the day before has left it.
            unlock(&database, first).await?;
            anyhow::Ok(database)
        })?;
        let client = users_client(Arc::clone(&server), by_users);
        let (servers, clusters) = (GitServers::default(), TargetClusters::default());
        let options = watch::Sender::new(Options::default());
        let witness = Witness::new(
            Arc::clone(&server),
            database.clone(),
            (servers.clone(), clusters.clone()),
            everything,
            options.subscribe(),
        );
        let witness = Arc::new(witness);
        let settings = Settings {
            argocd_namespace: ARGO_CD.to_owned(),
            rescan: Some(RESCAN),
            ..Settings::default()
        };
        let journal = Journal::default();
        let launched = Arc::default();
        let stage = Self {
            begun,
            server,
            client,
            database,
            servers,
            clusters,
            witness,
            journal,
            rights: Arc::new(Rights::installed()?),
            settings,
            options,
            keys_vary: AtomicBool::new(false),
            launched,
        };
        stage.create_namespace(ARGO_CD).await?;
        Ok(stage)
    }

    /// Creates a namespace.
    pub async fn create_namespace(&self, name: &str) -> kube::Result<Namespace> {
        let object = Namespace {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        Api::all(self.client.clone()).create(&PostParams::default(), &object).await
    }

    /// Waits until there is a namespace of Argo CD, and creates it if nobody else has.
    pub async fn bring_back_argocd_namespace(&self) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let deadline = Instant::now() + EMPTY_WITHIN;
        while Instant::now() < deadline {
            match namespaces.get_opt(ARGO_CD).await? {
                Some(namespace) if namespace.metadata.deletion_timestamp.is_none() => return Ok(()),
                Some(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                None => drop(self.create_namespace(ARGO_CD).await?),
            }
        }
        anyhow::bail!("the namespace of Argo CD is never empty")
    }

    /// Starts the stand-in for Argo CD, until the token is cancelled.
    pub fn start_argocd(&self, pace: Duration) -> CancellationToken {
        let stop = CancellationToken::new();
        let begun = self.begun;
        let options = argocd_stand_in::Options {
            namespace: ARGO_CD.to_owned(),
            pace,
            clock: Arc::new(move || cluster_time(begun)),
        };
        tokio::spawn(argocd_stand_in::run(self.client.clone(), options, stop.clone()));
        stop
    }

    /// Sets the outcomes of Applications in Argo CD, replacing earlier ones.
    pub async fn set_outcomes(&self, data: BTreeMap<String, String>) -> anyhow::Result<()> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), ARGO_CD);
        let _ = api.delete(argocd_stand_in::OUTCOMES, &DeleteParams::default()).await;
        let name = Some(argocd_stand_in::OUTCOMES.to_owned());
        let metadata = ObjectMeta { name, ..ObjectMeta::default() };
        let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
        api.create(&PostParams::default(), &map).await.context("the outcomes")?;
        Ok(())
    }

    /// Starts the only process of the program, without faults.
    pub fn launch_undisturbed(&self, name: &str) -> Running {
        let plan: Arc<dyn Adversary> = Arc::new(Plan::new(Strike::Nothing));
        self.launch(name, &plan, 0, false)
    }

    /// Creates an object from its text, as a user does; returns whether the server accepted it.
    pub async fn post(&self, collection: &str, object: impl AsRef<[u8]>) -> bool {
        self.send(Method::POST, collection, "application/json", object).await
    }

    /// Merges a patch into an object, as a user does; returns whether the server accepted it.
    pub async fn merge(&self, path: &str, patch: impl AsRef<[u8]>) -> bool {
        self.send(Method::PATCH, path, "application/merge-patch+json", patch).await
    }

    /// Deletes an object, as a user does; returns whether the server accepted it.
    pub async fn delete(&self, path: &str) -> bool {
        self.send(Method::DELETE, path, "", "").await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl AsRef<[u8]>,
    ) -> bool {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(http::header::CONTENT_TYPE, content_type);
        let Ok(request) = request.body(body.as_ref().to_vec()) else { return false };
        self.client.request_text(request).await.is_ok()
    }

    /// What new processes are started with.
    pub fn options(&self) -> Options {
        *self.options.borrow()
    }

    /// Whether something may be sealed with a key that some process lacks.
    fn keys_vary(&self) -> bool {
        self.keys_vary.load(Ordering::Relaxed)
    }

    /// From now on processes are started with this, and those that run have to be replaced.
    pub fn run_with(&self, options: Options) {
        self.journal.note("operator", format!("{options:?}"));
        if options.keys != Keys::First {
            self.keys_vary.store(true, Ordering::Relaxed);
        }
        self.options.send_replace(options);
    }

    /// Waits until the processes that run have to be replaced.
    pub async fn are_outdated(&self) {
        // The sender is ours.
        let _ = self.options.subscribe().changed().await;
    }

    /// Starts a process of the program; with `elects` it waits for a Lease.
    pub fn launch(
        &self,
        name: &str,
        adversary: &Arc<dyn Adversary>,
        skew: i64,
        elects: bool,
    ) -> Running {
        let process = Arc::new(Process::new(name, self.begun, skew));
        let link = Link {
            process: Arc::clone(&process),
            keys_are_wrong: self.options().keys.are_wrong(),
            server: Arc::clone(&self.server),
            adversary: Arc::clone(adversary),
            rights: Arc::clone(&self.rights),
            witness: Arc::clone(&self.witness),
            journal: self.journal.clone(),
        };
        let Options { keys, isolation } = self.options();
        let keyring = keys.keyring().unwrap_or_default();
        let wire = Wire {
            process: Arc::clone(&process),
            keyring: (self.keys_vary() && !keys.open_everything()).then(|| keyring.clone()),
            adversary: Arc::clone(adversary),
            witness: Arc::clone(&self.witness),
            journal: self.journal.clone(),
        };
        let (keeper, pending) = Tenure::pending();
        let tenure = if elects { pending } else { Tenure::unlimited() };
        let counted = CountedClient::over(link.client(), tenure);
        let clock = process.clock();
        let candidate = elects.then(|| {
            let client = counted.client.clone();
            Candidate::new(client, ARGO_CD, name.to_owned(), Roles::Both, keeper, clock.clone())
        });
        let repositories = self.servers.reached_by(
            Arc::clone(&process),
            Arc::clone(adversary),
            self.journal.clone(),
        );
        let clusters = self.clusters.reached_by(
            Arc::clone(&process),
            Arc::clone(adversary),
            self.journal.clone(),
        );
        let settings = Settings {
            clock,
            repositories,
            clusters,
            sealing: keyring,
            isolation,
            ..self.settings.clone()
        };
        let database = self.database.clone().behind(Arc::new(wire));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let launched = Arc::clone(&self.launched);
        let life = async move {
            let roles = Roles::Both;
            let program = Program::start(counted, database, settings, roles, candidate, stop);
            let program = program.await?;
            let health = Arc::clone(&program.health);
            launched.lock().push(health);
            program.wait().await
        };
        Running { process, task: tokio::spawn(life), shutdown }
    }

    /// The endpoints of the processes started so far.
    pub fn launched(&self) -> Vec<Arc<Health>> {
        self.launched.lock().clone()
    }
}

/// The time of day in the cluster: for the API server and for Argo CD.
fn cluster_time(begun: Instant) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(wall_clock(begun).as_millis()).unwrap_or_default()
}

/// The client of users, manual changes and Argo CD, which marks its requests in `by_users`.
fn users_client(server: Arc<ApiServer>, by_users: Arc<AtomicBool>) -> kube::Client {
    let send = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        by_users.store(true, Ordering::Relaxed);
        let answer = answer(&server, request);
        by_users.store(false, Ordering::Relaxed);
        std::future::ready(Ok::<_, std::convert::Infallible>(answer))
    });
    kube::Client::new(send, ARGO_CD)
}

/// UIDs that count. Those of users' objects have separate numbers, so that they do not depend on
/// what the program created meanwhile.
fn uids(by_users: Arc<AtomicBool>) -> impl Fn() -> uuid::Uuid + Send + Sync {
    let (users, others) = (AtomicU64::new(1), AtomicU64::new(1 << 32));
    move || {
        let next = if by_users.load(Ordering::Relaxed) { &users } else { &others };
        let number = next.fetch_add(1, Ordering::Relaxed);
        // Scattered, so that their order is not the order of creation.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        uuid::Uuid::from_u64_pair(spread, number)
    }
}
