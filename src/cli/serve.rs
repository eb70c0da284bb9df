//! `all`, `backend` and `agent`: against a cluster and a database.

use clap::Args;

use crate::api;
use crate::cli::chaos::ChaosArguments;
use crate::cli::check::check_definitions;
use crate::cli::log_level;
use crate::cli::logging::Log;
use crate::cli::sealing::SealingArguments;
use crate::cli::settings::SettingsArguments;
use crate::cli::tenant_servers::{TenantServerArguments, own_addresses};
use crate::cli::version::Build;
use crate::cli::{
    ClusterArguments, DatabaseArguments, Failure, LeaseArguments, ListenArguments,
    MigrationArguments,
};
use crate::kubernetes::CountedClient;
use crate::lease::Candidate;
use crate::program::{self, Program};
use crate::roles::Roles;
use crate::settings::Settings;
use crate::tenure::Tenure;
use crate::trace::Trace;

/// Options of `all`, `backend` and `agent`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    migration: MigrationArguments,
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(flatten)]
    sealing: SealingArguments,
    #[command(flatten)]
    tenant_servers: TenantServerArguments,
    #[command(flatten)]
    listen: ListenArguments,
    #[command(flatten)]
    replicas: ReplicaArguments,
    #[command(flatten)]
    chaos: ChaosArguments,
}

/// How replicas take turns.
#[derive(Clone, Debug, Args)]
struct ReplicaArguments {
    /// Whether to wait for a Lease before acting, so that several replicas can run of which one
    /// acts. Without it, a second process stops the first by taking over the database.
    #[arg(long, env = "LEADER_ELECT", default_value = "true", action = clap::ArgAction::Set)]
    leader_elect: bool,
    #[command(flatten)]
    lease: LeaseArguments,
    /// Name of this replica, which no other may have, such as its pod's; a replica that comes back
    /// under its name need not wait for the Lease to expire. Without it each start has a new name.
    #[arg(long, env = "POD_NAME")]
    identity: Option<String>,
}

impl Serve {
    pub(super) async fn run(self, roles: Roles, build: Build, log: Log) -> Result<(), Failure> {
        let Self { cluster, database, migration, settings, sealing, .. } = &self;
        let chaos = self.chaos.chaos()?;
        let sealing = sealing.keyring()?;
        let config = cluster.config().await?;
        let settings = Settings { sealing, ..settings.settings() };
        let trace = Trace::from_environment(&settings.clock).map_err(Failure::input)?;
        let settings = Settings { trace: trace.clone(), ..settings };
        let settings = self.tenant_servers.apply(settings, own_addresses(&config).await);
        let Self { listen, replicas, .. } = &self;
        // Not the whole URL, which may contain a password.
        let server = config.cluster_url.host().unwrap_or_default().to_owned();
        let namespace = replicas.lease.namespace(&config);
        let (keeper, pending) = Tenure::pending();
        let tenure = if replicas.leader_elect { pending } else { Tenure::unlimited() };
        let counted = CountedClient::new(config, tenure).map_err(Failure::client)?;
        let listener = api::bind(listen.listen).await.map_err(Failure::Input)?;
        let options = database.options();
        let database = database.open(roles).await?;
        check_definitions(&counted.client, &server).await.map_err(Failure::Input)?;
        if roles == Roles::Agent {
            schema::check(&database).await.map_err(Failure::input)?;
        } else {
            migration.migrate(&database, &options).await?;
        }
        program::check_cluster(&counted.client, &database).await.map_err(Failure::Input)?;
        // From here on failures are tried again; what is checked before ends the process.
        let (counted, database) = chaos.apply(counted, database);
        let shutdown = super::shutdown_on_signal();
        let address = listener.local_addr().map_err(Failure::running)?;
        log_level::serve(log, address, shutdown.clone());
        let candidate = replicas.leader_elect.then(|| {
            let identity = replicas.identity.clone().unwrap_or_else(program::default_identity);
            let clock = settings.clock.clone();
            Candidate::new(counted.client.clone(), &namespace, identity, roles, keeper, clock)
        });
        let mut program = Program::start(counted, database, settings, roles, candidate, shutdown)
            .await
            .map_err(Failure::Input)?;
        program.serve(listener);
        let (version, commit) = (build.version(), build.commit());
        tracing::info!(?roles, %address, version, commit, "running");
        let outcome = program.wait().await.map_err(Failure::Running);
        trace.shutdown().await;
        outcome
    }
}
