//! Backend and agent apart, through PgBouncer in transaction mode: with a connection beside it on which
//! the backend listens, without one, and with one that leads to another database.

use crate::harness::{
    self, World, all, automated, check_that_nothing_is_lost_or_duplicated, eventually, is_ready,
};
use crate::process::Running;
use crate::servers::Server;
use crate::site::{self, Site};

const NAMESPACE: &str = "team-a";
/// More than PgBouncer has connections to the server.
const DEPLOYMENTS: usize = 12;

/// Backend and agent, with PgBouncer.
struct Pooled {
    backend: Running,
    agent: Running,
    _site: Site,
    _pooler: Server,
}

impl Pooled {
    /// Starts them, with this URL to listen by; `None` if PgBouncer is not installed.
    async fn start(world: &World, listen: Option<&str>) -> Option<Self> {
        let (pooler, url) = Server::pgbouncer_before(&world.url, "")?;
        let mut site = Site::of(world).with("DATABASE_URL", &url);
        site = site.with("DATABASE_POOLER", "transaction");
        if let Some(listen) = listen {
            site = site.with("LISTEN_DATABASE_URL", listen);
        }
        let backend = site.start("backend", "first", site::ACTS).await;
        let agent = site.start("agent", "first", site::ACTS).await;
        Some(Self { backend, agent, _site: site, _pooler: pooler })
    }

    /// Has deployments created and edited, and checks that everything comes to rest as it should.
    async fn work(&self, world: &World) {
        world.create_namespace(NAMESPACE).await;
        for number in 0..DEPLOYMENTS {
            world.create(NAMESPACE, &automated(&format!("app-{number}"))).await;
        }
        until_ready(world).await;
        for number in 0..DEPLOYMENTS / 2 {
            let edit = serde_json::json!({"spec": {"source": {"path": "new"}}});
            world.edit(NAMESPACE, &format!("app-{number}"), edit).await;
        }
        until_ready(world).await;
        world.wait_until_settled().await;
        check_that_nothing_is_lost_or_duplicated(&world.client, &world.database).await;
    }

    /// Ends both; returns how often the backend has said this.
    async fn end(self, what: &str) -> usize {
        let said = site::end(vec![self.backend, self.agent]).await;
        said[0].lines().filter(|line| line.contains(what)).count()
    }
}

async fn until_ready(world: &World) {
    eventually("all deployments are ready", || async {
        let found = all(&world.deployments(NAMESPACE)).await;
        (found.len() == DEPLOYMENTS && found.iter().all(is_ready)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backend_hears_the_agent_beside_the_pooler() {
    harness::on_postgres(|world| async move {
        let Some(pooled) = Pooled::start(&world, Some(&world.url)).await else { return };
        pooled.work(&world).await;
        assert!(site::metric(&pooled.backend, "gitops_signals_total") > 0.0);
        assert_eq!(pooled.end("looking at intervals").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_url_to_listen_by_the_backend_looks_and_says_so_once() {
    harness::on_postgres(|world| async move {
        let Some(pooled) = Pooled::start(&world, None).await else { return };
        pooled.work(&world).await;
        assert_eq!(site::metric(&pooled.backend, "gitops_signals_total"), 0.0);
        assert!(site::metric(&pooled.backend, "gitops_missed_signals_total") > 0.0);
        assert_eq!(pooled.end("not heard without LISTEN_DATABASE_URL").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_to_listen_by_that_leads_elsewhere_is_noticed_and_said_once() {
    harness::on_postgres(|world| async move {
        let elsewhere = harness::with_database(&world.url, "postgres");
        let Some(pooled) = Pooled::start(&world, Some(&elsewhere)).await else { return };
        let backend = pooled.backend.wait_for_line(|line| line.contains("looking at intervals"));
        assert!(backend.contains("LISTEN_DATABASE_URL names another database"), "{backend}");
        pooled.work(&world).await;
        assert_eq!(pooled.end("looking at intervals").await, 1);
    })
    .await;
}
