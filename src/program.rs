//! The two roles, put together: in one process or in two.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use schema::connection::Database;
use schema::store::{Role, Store};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::api::{self, Health};
use crate::backend::Backend;
use crate::kubernetes::{self, CountedClient};
use crate::lease::Candidate;
use crate::metrics::Metrics;
use crate::roles::Roles;
use crate::runtime::clock::Clock;
use crate::runtime::retry::patiently;
use crate::runtime::store_failure::retry_decision;
use crate::sealing::Sealing;
use crate::settings::Settings;
use crate::signals::{self, Listener, Remote};

/// What is running, and how it ends.
pub struct Program {
    /// Its health.
    pub health: Arc<Health>,
    tasks: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
}

impl Program {
    /// Starts the roles on a migrated database: at once, or when the candidate's turn comes.
    pub fn start(
        client: CountedClient,
        database: Database,
        settings: Settings,
        roles: Roles,
        candidate: Option<Candidate>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, anyhow::Result<Self>> {
        Box::pin(async move {
            roles.check(database.kind())?;
            let CountedClient { client, requests, refusals } = client;
            let leadership = candidate.as_ref().map(Candidate::leadership);
            let metrics = Arc::new(Metrics::counting(requests, refusals));
            let health = Arc::new(Health::new(metrics, database.clone(), leadership));
            let actor = Actor { client, database, settings, roles, health: Arc::clone(&health) };
            let mut tasks = JoinSet::new();
            let stop = shutdown.clone();
            match candidate {
                Some(candidate) => tasks.spawn(act_in_turn(actor, candidate, stop)),
                None => {
                    let acting = actor.begin(&default_identity(), stop).await?;
                    tasks.spawn(acting.wait())
                }
            };
            Ok(Self { health, tasks, shutdown })
        })
    }

    /// Serves health and metrics.
    pub fn serve(&mut self, listener: TcpListener) {
        let serve = api::serve(listener, Arc::clone(&self.health), self.shutdown.clone());
        self.tasks.spawn(async move {
            serve.await;
            Ok(())
        });
    }

    /// Waits for the end: it should stop, or one role cannot go on, which stops the other.
    pub async fn wait(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            outcome = outcome.and(ended.unwrap_or_else(|error| Err(error.into())));
            self.shutdown.cancel();
        }
        outcome
    }
}

/// A name for this process that no other has.
pub fn default_identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "process".to_owned());
    format!("{host}_{}", uuid::Uuid::new_v4())
}

/// Waits for this replica's turn, acts, and finally gives its turn up.
async fn act_in_turn(
    actor: Actor,
    mut candidate: Candidate,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if !candidate.wait(&shutdown).await {
        candidate.release().await;
        return Ok(());
    }
    let identity = candidate.identity().to_owned();
    let acting = async {
        let acting = actor.begin(&identity, shutdown.clone()).await?;
        tracing::info!("this replica acts");
        acting.wait().await
    };
    let mut acting = std::pin::pin!(acting);
    let outcome = tokio::select! {
        // What is in progress at the end is still done under the Lease.
        outcome = &mut acting => outcome,
        lost = candidate.keep() => {
            shutdown.cancel();
            // Nothing that it still does is permitted.
            let _ = acting.await;
            Err(lost.into())
        }
    };
    candidate.release().await;
    outcome
}

/// How long requests and batches in progress may go on once a replica should stop. They end within
/// milliseconds if server and database answer, and the next replica does the rest.
const STOPPING_GRACE: Duration = Duration::from_secs(5);

/// What is needed to act.
struct Actor {
    client: kube::Client,
    database: Database,
    settings: Settings,
    roles: Roles,
    health: Arc<Health>,
}

impl Actor {
    /// Takes over the roles in the database, and starts them.
    async fn begin(self, identity: &str, shutdown: CancellationToken) -> anyhow::Result<Acting> {
        let Self { client, database, settings, roles, health } = self;
        let mut acting = Acting { tasks: JoinSet::new(), shutdown: shutdown.clone() };
        let metrics = health.metrics();
        let started = Sealing::start(&database, settings.sealing.clone(), &shutdown);
        let Some(sealing) = started.await? else { return Ok(acting) };
        let backend = if roles == Roles::Agent {
            None
        } else {
            let taken = take_over(&database, Role::Backend, identity, &settings.clock, &shutdown);
            let Some(store) = taken.await? else { return Ok(acting) };
            let store = store.with_sealer(sealing.sealer().cloned());
            let (client, settings) = (client.clone(), settings.clone());
            Some(Backend::new(client, store, sealing.clone(), settings, Arc::clone(metrics)))
        };
        let remote = Arc::new(Remote::default());
        let agent = if roles == Roles::Backend {
            None
        } else {
            let taken = take_over(&database, Role::Agent, identity, &settings.clock, &shutdown);
            let Some(store) = taken.await? else { return Ok(acting) };
            let store = store.with_sealer(sealing.sealer().cloned());
            let listener: Arc<dyn Listener> = match &backend {
                Some(backend) => Arc::clone(backend) as Arc<dyn Listener>,
                None => Arc::clone(&remote) as Arc<dyn Listener>,
            };
            Some(Agent::new(client, store, settings, Arc::clone(metrics), listener))
        };
        if let (Some(backend), Some(agent)) = (&backend, &agent) {
            let agent: Weak<Agent> = Arc::downgrade(agent);
            backend.tell_directly(agent);
        }
        health.act(sealing, backend.clone(), agent.clone());
        if let Some(agent) = agent {
            let (stop, database) = (shutdown.clone(), database.clone());
            acting.tasks.spawn(async move {
                let running = agent.run(stop);
                let ended = match roles {
                    Roles::Agent => remote.send_for(running, database).await,
                    Roles::Both | Roles::Backend => running.await,
                };
                ended.context("the agent stopped")
            });
        }
        if let Some(backend) = backend {
            if roles == Roles::Backend {
                let metrics = Arc::clone(metrics);
                let hear = signals::hear(Arc::clone(&backend), database, metrics, shutdown.clone());
                acting.tasks.spawn(async move {
                    hear.await;
                    Ok(())
                });
            }
            acting
                .tasks
                .spawn(async move { backend.run(shutdown).await.context("the backend stopped") });
        }
        Ok(acting)
    }
}

/// Tasks that end together.
struct Acting {
    tasks: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
}

impl Acting {
    /// Waits until all end; the first to end stops the others. They may finish what is in progress,
    /// but not take forever: another replica may be waiting for its turn.
    async fn wait(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        let deadline = async {
            self.shutdown.cancelled().await;
            tokio::time::sleep(STOPPING_GRACE).await;
        };
        let mut deadline = std::pin::pin!(deadline);
        loop {
            let ended = tokio::select! {
                ended = self.tasks.join_next() => ended,
                () = &mut deadline => {
                    let seconds = STOPPING_GRACE.as_secs();
                    tracing::warn!(seconds, "what was under way did not end in time");
                    return outcome;
                }
            };
            let Some(ended) = ended else { return outcome };
            outcome = outcome.and(ended.unwrap_or_else(|error| Err(error.into())));
            self.shutdown.cancel();
        }
    }
}

/// Refuses a database that was used with another cluster: seen from this one, everything in it
/// would look deleted, and be removed.
pub async fn check_cluster(client: &kube::Client, database: &Database) -> anyhow::Result<()> {
    let known = schema::store::instance::known_clusters(database).await?;
    let system = match Api::<Namespace>::all(client.clone()).get_opt("kube-system").await {
        Ok(Some(system)) => system,
        Ok(None) => return Ok(()),
        // If namespaces may not be read, their watch reports it, and nothing is done without that
        // watch.
        Err(kube::Error::Api(status)) if status.is_forbidden() => return Ok(()),
        Err(error) => anyhow::bail!(
            "the Kubernetes API does not tell which cluster this is ({}); nothing is done with \
             the database of what may be another one; start again when it answers",
            kubernetes::cause(&error)
        ),
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

/// Takes over a role; `None` if it should stop first.
async fn take_over(
    database: &Database,
    role: Role,
    identity: &str,
    clock: &Clock,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    let what = format!("taking over the role of {role}");
    patiently(&what, shutdown, retry_decision, || {
        Store::take_over(database.clone(), role, identity, clock.now())
    })
    .await
    .with_context(|| format!("the role of {role} could not be taken over"))
}
