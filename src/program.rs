//! The two halves, put together: in one process or in two.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use schema::connection::{Database, DatabaseKind};
use schema::store::{Role, Store};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::api::{self, Health};
use crate::backend::Backend;
use crate::kubernetes::CountedClient;
use crate::metrics::Metrics;
use crate::runtime::clock;
use crate::settings::Settings;
use crate::signals::{self, Listener, Remote};

/// Which halves a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halves {
    /// Both, which wake each other directly.
    Both,
    /// The backend; the agent runs elsewhere.
    Backend,
    /// The agent; the backend runs elsewhere.
    Agent,
}

impl Halves {
    /// Whether they can run on this kind of database.
    pub fn check(self, database: DatabaseKind) -> anyhow::Result<()> {
        anyhow::ensure!(
            self == Self::Both || database == DatabaseKind::Postgres,
            "backend and agent as two processes need PostgreSQL; give a postgres:// URL, or run \
             both in one process with `managed-gitops all`"
        );
        Ok(())
    }
}

/// What runs, and how it ends.
pub struct Program {
    /// How it is.
    pub health: Health,
    /// Where health and metrics are served.
    pub address: SocketAddr,
    tasks: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
}

impl Program {
    /// Starts the halves on a database that is migrated.
    pub async fn start(
        client: impl Into<CountedClient>,
        database: Database,
        settings: Settings,
        halves: Halves,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        halves.check(database.kind())?;
        let CountedClient { client, requests } = client.into();
        let metrics = Arc::new(Metrics::counting(requests));
        let mut program = Self {
            health: Health { metrics, database: Some(database.clone()), ..Health::default() },
            address: listener.local_addr()?,
            tasks: JoinSet::new(),
            shutdown: shutdown.clone(),
        };
        let metrics = Arc::clone(&program.health.metrics);
        let backend = if halves == Halves::Agent {
            None
        } else {
            let store = take_over(&database, Role::Backend).await?;
            let metrics = Arc::clone(&metrics);
            Some(Backend::new(client.clone(), store, settings.clone(), metrics))
        };
        if halves != Halves::Backend {
            let store = take_over(&database, Role::Agent).await?;
            let listener: Arc<dyn Listener> = match &backend {
                Some(backend) => Arc::clone(backend) as Arc<dyn Listener>,
                None => program.tell_remote(&database),
            };
            let agent = Agent::new(client, store, settings, metrics, listener);
            program.health.agent = Some(Arc::clone(&agent));
            let stop = shutdown.clone();
            program.tasks.spawn(async move { agent.run(stop).await.context("the agent stopped") });
        }
        if let Some(backend) = backend {
            program.health.backend = Some(Arc::clone(&backend));
            if halves == Halves::Backend {
                let hear = signals::hear(Arc::clone(&backend), database, shutdown.clone());
                program.tasks.spawn(async move {
                    hear.await;
                    Ok(())
                });
            }
            let stop = shutdown.clone();
            program
                .tasks
                .spawn(async move { backend.run(stop).await.context("the backend stopped") });
        }
        let serve = api::serve(listener, program.health.clone(), shutdown);
        program.tasks.spawn(async move {
            serve.await;
            Ok(())
        });
        Ok(program)
    }

    fn tell_remote(&mut self, database: &Database) -> Arc<dyn Listener> {
        let remote = Arc::new(Remote::default());
        let send = Arc::clone(&remote).send(database.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            send.await;
            Ok(())
        });
        remote
    }

    /// Waits for the end: told to stop, or one half cannot go on, which stops the other.
    pub async fn wait(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(error.into()));
            if outcome.is_ok() {
                outcome = ended;
            }
            self.shutdown.cancel();
        }
        outcome
    }
}

/// Refuses a database that holds what was made for another cluster: seen from this one, everything
/// in it would have been deleted, and would be removed.
pub async fn check_cluster(client: &kube::Client, database: &Database) -> anyhow::Result<()> {
    let known = schema::store::backend::known_clusters(database).await?;
    let Ok(Some(system)) = Api::<Namespace>::all(client.clone()).get_opt("kube-system").await
    else {
        // Who may not read it, or has none, says what is wrong elsewhere.
        return Ok(());
    };
    let uid = system.metadata.uid.unwrap_or_default();
    anyhow::ensure!(
        known.is_empty() || known.contains(&uid),
        "the database ({}) belongs to another cluster: it was used with a kube-system namespace \
         of UID {}, and this cluster's is {uid}; give this cluster a database of its own",
        database.location(),
        known.join(", "),
    );
    Ok(())
}

async fn take_over(database: &Database, role: Role) -> anyhow::Result<Store> {
    let holder = format!("{}-{}", std::process::id(), uuid::Uuid::new_v4());
    Store::take_over(database.clone(), role, &holder, clock::now())
        .await
        .with_context(|| format!("the role of {role} could not be taken over"))
}
