//! A whole installation inside a test: the sandbox, the stand-in for Argo CD, and the program on
//! its own database. The program can be stopped and restarted in the same world.
//!
//! The database is SQLite in a temporary folder, or, for tests run by [`on_postgres`], a fresh one
//! on the server at `DATABASE_URL`.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses a different part"
)]

mod objects;

use std::fmt::Debug;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crds::GitOpsDeployment;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{
    Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use managed_gitops::api;
use managed_gitops::kubernetes::CountedClient;
use managed_gitops::program::Program;
use managed_gitops::roles::Roles;
use managed_gitops::settings::Settings;
use managed_gitops::tenure::Tenure;
use sandbox::{ControlPlane, Options};
use schema::connection::{ConnectOptions, Database, DatabaseKind, connect};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub use objects::{
    automated, condition, conditions, creations, error_is_resolved, has_error, is_ready, manual,
    quadruple, with_finalizer,
};

/// What waits or is in progress.
pub const UNSETTLED: &str = "SELECT count(*) FROM machine WHERE owes OR wake_at IS NOT NULL";

/// How long a condition may take to come true. Far more than needed: it only bounds a test that
/// would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often a condition is checked.
const INTERVAL: Duration = Duration::from_millis(20);
/// The namespace of Argo CD.
pub const ARGO_CD: &str = "gitops-service-argocd";

/// See the module.
pub struct World {
    pub plane: ControlPlane,
    pub client: kube::Client,
    pub database: Database,
    /// The database's URL.
    pub url: String,
    pub settings: Settings,
    /// Whether backend and agent share nothing but cluster and database, as two processes do.
    apart: bool,
    program: Vec<(Roles, Program, CancellationToken)>,
    argocd: CancellationToken,
    _directory: TempDir,
}

impl World {
    /// Starts everything.
    pub async fn start() -> Self {
        let mut world = Self::without_program().await;
        world.start_program().await;
        world
    }

    /// Starts everything except the program.
    pub async fn without_program() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("state.db").display());
        Self::without_program_on(&url, directory, crds::all()).await
    }

    /// Starts everything except the program, on an empty database at this URL.
    pub async fn without_program_at(url: &str) -> Self {
        Self::without_program_on(url, tempfile::tempdir().unwrap(), crds::all()).await
    }

    /// Starts everything, on a cluster whose CRDs predate the validation rules.
    pub async fn with_crds_without_rules() -> Self {
        Self::with_crds_without("x-kubernetes-validations").await
    }

    /// Starts everything, on a cluster whose CRDs predate a field.
    pub async fn with_crds_without(field: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("state.db").display());
        let crds = crds::all().into_iter().map(|crd| {
            let mut crd = serde_json::to_value(crd).unwrap();
            remove_everywhere(&mut crd, field);
            serde_json::from_value(crd).unwrap()
        });
        let mut world = Self::without_program_on(&url, directory, crds.collect()).await;
        world.start_program().await;
        world
    }

    /// Starts everything except the program, on an empty database.
    async fn without_program_on(
        url: &str,
        directory: TempDir,
        crds: Vec<CustomResourceDefinition>,
    ) -> Self {
        let world = Self::over(url, directory, None, crds).await;
        world.create_namespace(ARGO_CD).await;
        world.start_argocd();
        world
    }

    /// Starts everything except the program, on a database, and on a sandbox's data, that an earlier
    /// version has left.
    pub async fn after(url: &str, directory: TempDir, sandbox: PathBuf) -> Self {
        let world = Self::over(url, directory, Some(sandbox), crds::all()).await;
        world.start_argocd();
        world
    }

    /// Starts the sandbox, and migrates the database.
    async fn over(
        url: &str,
        directory: TempDir,
        data: Option<PathBuf>,
        crds: Vec<CustomResourceDefinition>,
    ) -> Self {
        let crds = argocd_stand_in::definitions().into_iter().chain(crds);
        let options = Options { data, ..Options::with_crds(crds) };
        let plane = ControlPlane::start(options).await.unwrap();
        let client = kube::Client::try_from(plane.client_config()).unwrap();
        let settings = Settings::default();
        let database = connect(url, &ConnectOptions::default()).await.unwrap();
        schema::migrate(&database).await.unwrap();
        let argocd = CancellationToken::new();
        Self {
            plane,
            client,
            database,
            url: url.to_owned(),
            settings,
            apart: false,
            program: Vec::new(),
            argocd,
            _directory: directory,
        }
    }

    fn start_argocd(&self) {
        let options = argocd_stand_in::Options {
            namespace: ARGO_CD.to_owned(),
            pace: Duration::ZERO,
            ..argocd_stand_in::Options::default()
        };
        tokio::spawn(argocd_stand_in::run(self.client.clone(), options, self.argocd.clone()));
    }

    /// Starts the program.
    pub async fn start_program(&mut self) {
        if !self.apart {
            return self.start_roles(Roles::Both, self.database.clone()).await;
        }
        for roles in [Roles::Backend, Roles::Agent] {
            let database = connect(&self.url, &ConnectOptions::default()).await.unwrap();
            self.start_roles(roles, database).await;
        }
    }

    /// Starts roles of the program as if they were a process, with connections of its own.
    pub async fn start_roles(&mut self, roles: Roles, database: Database) {
        let listener = api::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let shutdown = CancellationToken::new();
        let mut program = Program::start(
            CountedClient::over(self.client.clone(), Tenure::unlimited()),
            database,
            self.settings.clone(),
            roles,
            None,
            shutdown.clone(),
        )
        .await
        .unwrap();
        program.serve(listener);
        self.program.push((roles, program, shutdown));
    }

    /// Stops the program and waits until it has ended.
    pub async fn stop_program(&mut self) {
        for (_, program, shutdown) in self.program.drain(..) {
            shutdown.cancel();
            program.wait().await.unwrap();
        }
    }

    /// The running program.
    pub fn program(&self) -> &Program {
        &self.program.first().expect("the program runs").1
    }

    /// Whether everything of it is ready and has nothing to do.
    pub fn is_idle(&self) -> bool {
        self.program.iter().all(|(_, one, _)| one.health.is_ready() && one.health.backlog() == 0)
    }

    /// A metric without labels of what runs these roles.
    pub fn metric(&self, roles: Roles, name: &str) -> f64 {
        let program = self.program.iter().find(|(one, ..)| *one == roles);
        let exposition = program.expect("it runs").1.health.exposition();
        let samples = exposition.lines().filter_map(|line| line.split_once(' '));
        let mut values = samples.filter(|(sample, _)| *sample == name).map(|(_, value)| value);
        values.next().expect("there is such a metric").parse().unwrap()
    }

    /// Creates a namespace.
    pub async fn create_namespace(&self, name: &str) -> Namespace {
        create_namespace(&self.client, name).await
    }

    /// The deployments of a namespace.
    pub fn deployments(&self, namespace: &str) -> Api<GitOpsDeployment> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The Applications of Argo CD.
    pub fn applications(&self) -> Api<crds::argocd::Application> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// The AppProjects of Argo CD.
    pub fn projects(&self) -> Api<crds::argocd::AppProject> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// Creates a deployment.
    pub async fn create(&self, namespace: &str, object: &GitOpsDeployment) -> GitOpsDeployment {
        self.deployments(namespace).create(&PostParams::default(), object).await.unwrap()
    }

    /// Merges a patch into a deployment.
    pub async fn edit(
        &self,
        namespace: &str,
        name: &str,
        patch: serde_json::Value,
    ) -> GitOpsDeployment {
        let api = self.deployments(namespace);
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap()
    }

    /// Deletes a deployment, without waiting.
    pub async fn delete(&self, namespace: &str, name: &str) {
        self.deployments(namespace).delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The Operations of Argo CD's namespace.
    pub fn operations(&self) -> Api<crds::Operation> {
        Api::namespaced(self.client.clone(), ARGO_CD)
    }

    /// Deletes a namespace, without waiting.
    pub async fn delete_namespace(&self, name: &str) {
        delete_namespace(&self.client, name).await;
    }

    /// Waits until a namespace is gone.
    pub async fn wait_until_namespace_gone(&self, name: &str) {
        wait_until_namespace_gone(&self.client, name).await;
    }

    /// Stops the stand-in for Argo CD, so that a test can report in its place.
    pub fn stop_argocd(&self) {
        self.argocd.cancel();
    }

    /// Merges a patch into an Application, as Argo CD or a human would.
    pub async fn patch_application(
        &self,
        name: &str,
        patch: serde_json::Value,
    ) -> crds::argocd::Application {
        let parameters = PatchParams::default();
        self.applications().patch(name, &parameters, &Patch::Merge(patch)).await.unwrap()
    }

    /// Waits until a deployment's Application meets a condition.
    pub async fn wait_for_application(
        &self,
        deployment: &GitOpsDeployment,
        what: &str,
        is_so: impl Fn(&crds::argocd::Application) -> bool,
    ) -> crds::argocd::Application {
        eventually(what, || async {
            self.application_of(deployment).await.filter(|one| is_so(one))
        })
        .await
    }

    /// Waits until a deployment's Application is gone.
    pub async fn wait_until_application_gone(&self, deployment: &GitOpsDeployment) {
        eventually("the Application is gone", || async {
            self.application_of(deployment).await.is_none().then_some(())
        })
        .await;
    }

    /// Waits until a deployment is gone.
    pub async fn wait_until_gone(&self, namespace: &str, name: &str) {
        let api = self.deployments(namespace);
        eventually("the deployment is gone", || async {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// Waits until a query counts this many rows.
    pub async fn wait_until_counted(&self, query: &str, number: i64) {
        let what = format!("{query} counts {number}");
        eventually(&what, || async { (self.count(query).await == number).then_some(()) }).await;
    }

    /// Waits until no machine requires anything or has a deadline.
    pub async fn wait_until_settled(&self) {
        self.wait_until_counted(UNSETTLED, 0).await;
    }

    /// All events of a kind's objects since a resource version, in order, up to now.
    pub async fn history<K>(&self, api: &Api<K>, since: u64) -> Vec<WatchEvent<K>>
    where
        K: Clone + Debug + DeserializeOwned,
    {
        history(api, &since.to_string()).await
    }

    /// Sets the outcome of Applications in the stand-in for Argo CD, through its ConfigMap:
    /// `application.<name>` or `path.<path>` → outcome. In one write: between two, a sync that
    /// should keep failing could succeed.
    pub async fn set_outcomes(&self, outcomes: &[(&str, &str)]) {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), ARGO_CD);
        let data = outcomes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(argocd_stand_in::OUTCOMES.to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(data.collect()),
            ..ConfigMap::default()
        };
        let parameters = PatchParams::apply("tests").force();
        let map = Patch::Apply(&map);
        api.patch(argocd_stand_in::OUTCOMES, &parameters, &map).await.unwrap();
    }

    /// Waits until a deployment meets a condition.
    pub async fn wait_for(
        &self,
        namespace: &str,
        name: &str,
        what: &str,
        is_so: impl Fn(&GitOpsDeployment) -> bool,
    ) -> GitOpsDeployment {
        let api = self.deployments(namespace);
        let look = || async { api.get_opt(name).await.unwrap().filter(|one| is_so(one)) };
        match within_patience(look).await {
            Some(found) => found,
            None => panic!("waited in vain until {what}\n{}", self.account(namespace, name).await),
        }
    }

    /// A deployment's state and how it got there, for the message of a wait that timed out.
    async fn account(&self, namespace: &str, name: &str) -> String {
        let object = self.deployments(namespace).get_opt(name).await.unwrap();
        let mut account = vec![format!("object: {}", serde_json::to_string(&object).unwrap())];
        if let Some(object) = &object {
            let application = self.application_of(object).await;
            account.push(format!("Application: {}", serde_json::to_string(&application).unwrap()));
        }
        for query in [
            "SELECT kind || ' ' || state_path || ' ' || state FROM machine ORDER BY kind, key",
            "SELECT at || ' ' || kind || ' ' || key || ': ' || from_path || ' -> ' || to_path \
             || ' ' || cause FROM transition ORDER BY id",
            "SELECT 'unread report: ' || unread FROM applicationstate",
        ] {
            account.extend(column::<String>(&self.database, query).await);
        }
        account.join("\n")
    }

    /// Waits until a deployment is ready in its current generation.
    pub async fn wait_until_ready(&self, namespace: &str, name: &str) -> GitOpsDeployment {
        self.wait_for(namespace, name, "the deployment is ready", is_ready).await
    }

    /// The Application of a deployment.
    pub async fn application_of(
        &self,
        deployment: &GitOpsDeployment,
    ) -> Option<crds::argocd::Application> {
        let name = crds::names::application_name(&deployment.uid().unwrap());
        self.applications().get_opt(&name).await.unwrap()
    }

    /// Waits until nothing is queued or in progress and nothing is written any more; returns the
    /// API's resource version.
    pub async fn wait_until_quiet(&self) -> u64 {
        // Quiet means the same version and an idle program in several checks in a row.
        let mut looks = 0;
        let mut version = self.plane.resource_version();
        let deadline = Instant::now() + PATIENCE;
        while looks < 25 {
            assert!(Instant::now() < deadline, "the installation never became quiet");
            tokio::time::sleep(INTERVAL).await;
            let now = self.plane.resource_version();
            let idle = self.program.iter().all(|(_, one, _)| one.health.backlog() == 0);
            looks = if idle && now == version { looks + 1 } else { 0 };
            version = now;
        }
        version
    }

    /// The text in the first row of a query's result.
    pub async fn text(&self, query: &str) -> String {
        use sea_orm::{ConnectionTrait, Statement};
        let connection = self.database.reader();
        let backend = connection.get_database_backend();
        let row = connection.query_one_raw(Statement::from_string(backend, query)).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    }

    /// The number of rows that a query counts.
    pub async fn count(&self, query: &str) -> i64 {
        count(&self.database, query).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.argocd.cancel();
        for (.., shutdown) in &self.program {
            shutdown.cancel();
        }
    }
}

/// Runs a test in a world whose database is an SQLite file; the program is not started yet.
pub async fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(World) -> F) {
    test(World::without_program().await).await;
}

/// Runs a test in a world with a fresh database on the PostgreSQL server of `DATABASE_URL`, dropped
/// at the end even if the test fails; the program is not started yet.
pub async fn on_postgres<F>(test: impl FnOnce(World) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    use sea_orm::ConnectionTrait;
    let Ok(server) = std::env::var("DATABASE_URL") else {
        println!("skipping PostgreSQL: DATABASE_URL is not set");
        return;
    };
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::default() };
    let admin = connect(&server, &options).await.unwrap();
    assert_eq!(admin.kind(), DatabaseKind::Postgres, "DATABASE_URL must name a PostgreSQL server");
    let name = format!("gitops_test_{}", uuid::Uuid::new_v4().simple());
    admin.connection().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let url = with_database(&server, &name);
    let world = World::without_program_at(&url).await;
    let outcome = tokio::spawn(test(world)).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.connection().execute_unprepared(&drop).await.unwrap();
    admin.close().await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// The same with backend and agent as two processes, which wake each other through the database.
pub async fn on_postgres_apart<F>(test: impl FnOnce(World) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_postgres(|mut world| {
        world.apart = true;
        test(world)
    })
    .await;
}

/// Removes a member wherever it occurs.
fn remove_everywhere(value: &mut serde_json::Value, member: &str) {
    match value {
        serde_json::Value::Object(members) => {
            members.remove(member);
            members.values_mut().for_each(|value| remove_everywhere(value, member));
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|item| remove_everywhere(item, member));
        }
        _ => {}
    }
}

/// The URL of another database on the same server.
pub fn with_database(url: &str, name: &str) -> String {
    let (rest, query) = match url.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = rest.split_once("://").unwrap();
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    format!("{scheme}://{host}/{name}{query}")
}

/// Runs a statement on a server.
pub async fn execute(server: &str, statement: &str) {
    use sea_orm::ConnectionTrait;
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::default() };
    let admin = connect(server, &options).await.unwrap();
    admin.connection().execute_unprepared(statement).await.unwrap();
    admin.close().await.unwrap();
}

/// Checks that an installation at rest holds exactly what its deployments ask for: each is ready
/// and has one Application and one row of each kind, no operation is open, and no machine has
/// pending work or a deadline.
pub async fn check_that_nothing_is_lost_or_duplicated(client: &kube::Client, database: &Database) {
    let deployments = all(&Api::<GitOpsDeployment>::all(client.clone())).await;
    let not_ready: Vec<String> =
        deployments.iter().filter(|one| !is_ready(one)).map(ResourceExt::name_any).collect();
    assert!(not_ready.is_empty(), "these deployments are not ready: {not_ready:?}");
    let mut wanted: Vec<String> =
        deployments.iter().map(|one| crds::names::application_name(&one.uid().unwrap())).collect();
    let argocd = Api::<crds::argocd::Application>::namespaced(client.clone(), ARGO_CD);
    let mut applications: Vec<String> =
        all(&argocd).await.iter().map(ResourceExt::name_any).collect();
    wanted.sort();
    applications.sort();
    assert_eq!(applications, wanted, "each deployment has its Application, and no other exists");
    let signals = all(&Api::<crds::Operation>::namespaced(client.clone(), ARGO_CD)).await;
    assert_eq!(signals.len(), 0, "no Operation CR is left");
    let number = i64::try_from(deployments.len()).unwrap();
    for (query, wanted) in [
        ("SELECT count(*) FROM application", number),
        ("SELECT count(DISTINCT name) FROM application", number),
        ("SELECT count(*) FROM deploymenttoapplicationmapping", number),
        ("SELECT count(*) FROM applicationstate", number),
        ("SELECT count(*) FROM machine WHERE kind = 'Deployment'", number),
        ("SELECT count(*) FROM machine WHERE kind = 'Operation'", 0),
        ("SELECT count(*) FROM operation WHERE state IN ('Waiting', 'In_Progress')", 0),
        (UNSETTLED, 0),
    ] {
        assert_eq!(count(database, query).await, wanted, "{query}");
    }
}

/// The number of rows that a query counts.
pub async fn count(database: &Database, query: &str) -> i64 {
    column(database, query).await[0]
}

/// The result of a query of one column.
pub async fn column<T: sea_orm::TryGetable>(database: &Database, query: &str) -> Vec<T> {
    use sea_orm::{ConnectionTrait, Statement};
    let connection = database.reader();
    let backend = connection.get_database_backend();
    let rows = connection.query_all_raw(Statement::from_string(backend, query)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Creates a namespace.
pub async fn create_namespace(client: &kube::Client, name: &str) -> Namespace {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap()
}

/// Deletes a namespace, without waiting.
pub async fn delete_namespace(client: &kube::Client, name: &str) {
    let api = Api::<Namespace>::all(client.clone());
    api.delete(name, &DeleteParams::default()).await.unwrap();
}

/// Waits until a namespace is gone.
pub async fn wait_until_namespace_gone(client: &kube::Client, name: &str) {
    let api = Api::<Namespace>::all(client.clone());
    eventually("the namespace is gone", || async {
        api.get_opt(name).await.unwrap().is_none().then_some(())
    })
    .await;
}

/// A client for the cluster of a kubeconfig.
pub async fn client(kubeconfig: &Path) -> kube::Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

/// Waits for a value, and returns it.
pub async fn eventually<T, F, R>(what: &str, look: F) -> T
where
    F: Fn() -> R,
    R: Future<Output = Option<T>>,
{
    match within_patience(look).await {
        Some(found) => found,
        None => panic!("waited in vain until {what}"),
    }
}

/// Waits for a value as long as [`eventually`]; `None` if it does not come.
pub async fn within_patience<T, F, R>(look: F) -> Option<T>
where
    F: Fn() -> R,
    R: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look().await;
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// All events of a kind's objects since a resource version, in order, up to now.
pub async fn history<K>(api: &Api<K>, since: &str) -> Vec<WatchEvent<K>>
where
    K: Clone + Debug + DeserializeOwned,
{
    // A watch that replays the past ends only when the server is told to.
    let parameters = WatchParams::default().timeout(1).disable_bookmarks();
    let events = api.watch(&parameters, since).await.unwrap();
    events
        .map(Result::unwrap)
        .filter(|event| std::future::ready(!matches!(event, WatchEvent::Bookmark(_))))
        .collect()
        .await
}

/// Every object of a kind.
pub async fn all<K>(api: &Api<K>) -> Vec<K>
where
    K: Clone + Debug + DeserializeOwned,
{
    api.list(&Default::default()).await.unwrap().items
}
