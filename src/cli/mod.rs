//! The command line.
//!
//! * [`dev`]: everything in one process, with nothing installed;
//! * [`serve`]: `all`, `backend` and `agent` against a cluster and a database;
//! * [`chaos`]: calls that fail on purpose;
//! * [`check`]: whether an installation works;
//! * [`load`]: measures a running installation;
//! * `logging`: what is logged; [`log_level`]: changes it while the program runs;
//! * [`sealing`]: the keys that seal credentials, and `rotate-keys`;
//! * [`settings`]: what every way to run shares;
//! * [`tenant_servers`]: which servers of tenants' choice may be connected to;
//! * [`tools`]: `crds`, `migrate` and `backup`;
//! * [`version`]: which build this is.

pub mod chaos;
pub mod check;
pub mod dev;
pub mod load;
pub mod log_level;
mod logging;
pub mod sealing;
pub mod serve;
pub mod settings;
pub mod tenant_servers;
pub mod tools;
pub mod version;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use futures::future::LocalBoxFuture;
use kube::config::{Kubeconfig, KubeconfigError};
use schema::store::instance::NAMESPACE_LIMIT;
use schema::{ConnectOptions, Database, DatabaseKind, MigrationReport};

use crate::cli::logging::{Log, LogFormat};
use crate::cli::version::Build;
use crate::kubernetes;
use crate::roles::Roles;

/// Why a command did not do what it should, by exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It failed while running: 1.
    #[error("{0:#}")]
    Running(anyhow::Error),
    /// The input or the environment is not fit: 2.
    #[error("{0:#}")]
    Input(anyhow::Error),
    /// What was waited for did not come in time: 3.
    #[error("{0}")]
    NotInTime(String),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Running(_) => 1,
            Self::Input(_) => 2,
            Self::NotInTime(_) => 3,
        }
    }

    /// The input or the environment is not fit.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::Input(error.into())
    }

    /// The kubeconfig yields no client.
    pub fn client(error: kube::Error) -> Self {
        Self::Input(anyhow::anyhow!(kubernetes::said(&error)))
    }

    /// It failed while running.
    pub fn running(error: impl Into<anyhow::Error>) -> Self {
        Self::Running(error.into())
    }
}

/// A multi-tenant GitOps control backend built from durable state machines.
#[derive(Debug, Parser)]
#[command(name = "managed-gitops", version, max_term_width = 100)]
pub struct Cli {
    /// What to log: off, error, warn, info, debug or trace; for a part of the program TARGET=LEVEL.
    /// Several are separated by commas: info,managed_gitops::backend=debug,kube_client=debug.
    #[arg(long, env = "LOG", default_value = "info", global = true)]
    log: String,
    /// How to log.
    #[arg(long, env = "LOG_FORMAT", default_value = "text", global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process, with nothing installed: SQLite, a sandbox Kubernetes API
    /// and a stand-in for Argo CD.
    Dev(dev::Dev),
    /// Run backend and agent in one process against a cluster and a database.
    All(serve::Serve),
    /// Run the backend alone; needs PostgreSQL.
    Backend(serve::Serve),
    /// Run the agent alone; needs PostgreSQL.
    Agent(serve::Serve),
    /// Check an installation with the settings of its program: that database and cluster can be
    /// reached and fit this version, that the keys open the database, and that a replica acts.
    Check(check::Check),
    /// Print the CustomResourceDefinitions as YAML.
    Crds,
    /// Bring the database to the tables of this version, and end.
    Migrate(tools::Migrate),
    /// Copy the SQLite database of `dev` while it runs.
    Backup(tools::Backup),
    /// Seal every credential in the database again with the primary key, while the program runs.
    RotateKeys(sealing::RotateKeys),
    /// Create deployments in a cluster and measure how they fare.
    Load(load::Load),
    /// Print the version, the commit it was built from, and the version of its database.
    Version(version::Version),
    /// Print or change what a running program logs, on the same machine and as the same user, such as
    /// by `kubectl exec`.
    LogLevel(log_level::LogLevel),
}

/// Which database.
#[derive(Clone, Debug, Args)]
pub struct DatabaseArguments {
    /// URL of the database: postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite://FILE. Wins over
    /// the DB_ variables.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Host of the PostgreSQL server, where no URL is given.
    #[arg(long, env = "DB_ADDR", default_value = "localhost")]
    db_addr: String,
    /// Password of the user `postgres`, where no URL is given.
    #[arg(long, env = "DB_PASS", default_value = "gitops", hide_env_values = true)]
    db_pass: String,
    /// Name of the database, where no URL is given.
    #[arg(long, env = "POSTGRESQL_DATABASE", default_value = "postgres")]
    postgresql_database: String,
    /// Whether the connection may go without TLS, where no URL is given.
    #[arg(
        long,
        env = "DEV_ONLY_ALLOW_NON_TLS_CONNECTION_TO_POSTGRESQL",
        default_value = "false",
        action = clap::ArgAction::Set
    )]
    dev_only_allow_non_tls_connection_to_postgresql: bool,
    /// Whether a pooler stands before PostgreSQL that gives each transaction another session, such
    /// as PgBouncer in transaction mode.
    #[arg(long, env = "DATABASE_POOLER", default_value = "none")]
    database_pooler: Pooler,
    /// URL of the same database beside the pooler, where `backend` listens for the agent.
    #[arg(long, env = "LISTEN_DATABASE_URL", hide_env_values = true)]
    listen_database_url: Option<String>,
}

/// What stands before PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pooler {
    /// Nothing, or something that keeps sessions.
    None,
    /// A pooler in transaction mode.
    Transaction,
}

impl DatabaseArguments {
    /// How to connect.
    pub fn options(&self) -> ConnectOptions {
        let pooled = self.database_pooler == Pooler::Transaction;
        ConnectOptions { pooled, ..ConnectOptions::default() }
    }

    /// The URL by which these roles listen, if not by the other one.
    fn listen_url(&self, roles: Roles) -> Option<&str> {
        self.listen_database_url.as_deref().filter(|_| roles == Roles::Backend)
    }

    /// Opens the database.
    async fn open(&self, roles: Roles) -> Result<Database, Failure> {
        let url = self.url();
        if url.starts_with("sqlite:") {
            // Said before creating an unwanted file.
            roles.check(DatabaseKind::Sqlite).map_err(Failure::Input)?;
        }
        let listen = self.listen_url(roles);
        let database = schema::connect(&url, &self.options()).await.map_err(Failure::input)?;
        let Some(listen) = listen else { return Ok(database) };
        let direct =
            schema::connect(listen, &ConnectOptions::default()).await.map_err(Failure::input)?;
        if direct.kind() != DatabaseKind::Postgres {
            return Err(Failure::Input(anyhow::anyhow!(
                "LISTEN_DATABASE_URL must name the PostgreSQL database of DATABASE_URL"
            )));
        }
        Ok(database.listening_on(direct))
    }

    /// The URL that follows from them.
    pub fn url(&self) -> String {
        let Self {
            database_url,
            db_addr,
            db_pass,
            postgresql_database,
            dev_only_allow_non_tls_connection_to_postgresql: without_tls,
            ..
        } = self;
        if let Some(url) = database_url {
            return url.clone();
        }
        let mode = if *without_tls { "disable" } else { "verify-full" };
        let password = percent_encoded(db_pass);
        let database = percent_encoded(postgresql_database);
        format!("postgres://postgres:{password}@{db_addr}:5432/{database}?sslmode={mode}")
    }
}

/// Under which role the tables are made.
#[derive(Clone, Debug, Args)]
pub struct MigrationArguments {
    /// URL of the same PostgreSQL database for a role that may make tables and owns them; the
    /// program's own role is then granted their use, and needs no more than to connect.
    #[arg(long, env = "MIGRATION_DATABASE_URL", hide_env_values = true)]
    migration_database_url: Option<String>,
}

impl MigrationArguments {
    /// Brings an open database to the tables of this version.
    async fn migrate(
        &self,
        database: &Database,
        options: &ConnectOptions,
    ) -> Result<MigrationReport, Failure> {
        let Some(url) = &self.migration_database_url else {
            return schema::migrate(database).await.map_err(Failure::input);
        };
        let owner = schema::connect(url, options).await.map_err(Failure::input)?;
        if (owner.kind(), database.kind()) != (DatabaseKind::Postgres, DatabaseKind::Postgres) {
            return Err(Failure::Input(anyhow::anyhow!(
                "SQLite has no roles: give MIGRATION_DATABASE_URL for a PostgreSQL database only"
            )));
        }
        let report = schema::migrate(&owner).await.map_err(Failure::input)?;
        let role = schema::role_of(database).await.map_err(Failure::input)?;
        schema::grant_use(&owner, &role).await.map_err(Failure::input)?;
        // Nothing is in progress in it any more.
        let _ = owner.close().await;
        schema::check(database).await.map_err(|error| {
            Failure::Input(anyhow::anyhow!(
                "{error}; do both URLs, DATABASE_URL and MIGRATION_DATABASE_URL, name one database?"
            ))
        })?;
        Ok(report)
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn namespace(text: &str) -> Result<String, String> {
    let fits = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    let is_name = !text.is_empty()
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_name && text.len() <= NAMESPACE_LIMIT {
        return Ok(text.to_owned());
    }
    Err(format!(
        "give the name of a namespace: lower case letters, digits and '-', at most \
         {NAMESPACE_LIMIT} characters"
    ))
}

/// Where health and metrics are served.
#[derive(Clone, Copy, Debug, Args)]
pub struct ListenArguments {
    /// Address on which /livez, /readyz and /metrics are served.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
}

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub struct ClusterArguments {
    /// Path of a kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's own account.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
}

impl ClusterArguments {
    /// A configuration for the cluster.
    pub async fn config(&self) -> Result<kube::Config, Failure> {
        let Some(path) = &self.kubeconfig else {
            return kube::Config::infer().await.map_err(|error| {
                let reason = std::error::Error::source(&error)
                    .and_then(|source| source.downcast_ref::<KubeconfigError>())
                    .map_or_else(|| "nothing was found".to_owned(), reason);
                Failure::Input(anyhow::anyhow!(
                    "no cluster is configured ({reason}); set KUBECONFIG, name a file with \
                     --kubeconfig, or run inside of a cluster"
                ))
            });
        };
        let unfit = |error| {
            Failure::Input(anyhow::anyhow!(
                "the kubeconfig {} cannot be used ({}); name another one with --kubeconfig",
                path.display(),
                reason(&error)
            ))
        };
        let kubeconfig = Kubeconfig::read_from(path).map_err(unfit)?;
        kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.map_err(unfit)
    }
}

/// Where the Leases are.
#[derive(Clone, Debug, Args)]
pub struct LeaseArguments {
    /// Namespace of the Lease; without it that of the pod or of the kubeconfig's context.
    #[arg(long, env = "LEASE_NAMESPACE", value_parser = namespace)]
    lease_namespace: Option<String>,
}

impl LeaseArguments {
    /// The namespace, for this cluster.
    fn namespace(&self, config: &kube::Config) -> String {
        self.lease_namespace.clone().unwrap_or_else(|| config.default_namespace.clone())
    }
}

/// Why a kubeconfig cannot be used. The parser's own message quotes the lines around the mistake,
/// which may contain a token.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(location) => format!("it is not a kubeconfig; see its line {}", location.line()),
            None => "it is not a kubeconfig".to_owned(),
        },
        KubeconfigError::ReadConfig(error, path) => {
            format!("{} cannot be read: {error}", path.display())
        }
        other => other.to_string(),
    }
}

/// Runs the given command.
pub fn run(cli: Cli, build: Build) -> LocalBoxFuture<'static, Result<(), Failure>> {
    Box::pin(run_command(cli, build))
}

async fn run_command(cli: Cli, build: Build) -> Result<(), Failure> {
    let Cli { log, log_format, command } = cli;
    let log = Log::start(&log, log_format)?;
    match command {
        Command::Dev(dev) => dev.run(log).await,
        Command::All(serve) => serve.run(Roles::Both, build, log).await,
        Command::Backend(serve) => serve.run(Roles::Backend, build, log).await,
        Command::Agent(serve) => serve.run(Roles::Agent, build, log).await,
        Command::Check(check) => check.run().await,
        Command::Crds => tools::crds(),
        Command::Migrate(migrate) => migrate.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::RotateKeys(rotate) => rotate.run().await,
        Command::Load(load) => load.run().await,
        Command::Version(version) => version.run(build),
        Command::LogLevel(level) => level.run().await,
    }
}

/// Reports how a command ended, on standard error and by its exit code.
pub fn exit(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("managed-gitops: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// Cancelled by the first interrupt or termination signal; a second one ends the process at once.
pub(crate) fn shutdown_on_signal() -> tokio_util::sync::CancellationToken {
    let shutdown = tokio_util::sync::CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        signal().await;
        tracing::info!("stopping; what is under way is finished first");
        token.cancel();
        signal().await;
        std::process::exit(1);
    });
    shutdown
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct OnlyDatabase {
        #[command(flatten)]
        database: DatabaseArguments,
    }

    #[test]
    fn only_a_backend_on_its_own_listens_beside_the_pooler() {
        let parse = |arguments: &[&str]| {
            let words = std::iter::once(&"program").chain(arguments);
            <OnlyDatabase as clap::Parser>::try_parse_from(words).unwrap().database
        };
        assert!(!parse(&[]).options().pooled);
        let pooled = parse(&["--database-pooler=transaction"]);
        assert!(pooled.options().pooled);
        assert_eq!(pooled.listen_url(Roles::Backend), None);
        let both = ["--database-pooler=transaction", "--listen-database-url=postgres://h/d"];
        let both = parse(&both);
        assert_eq!(both.listen_url(Roles::Backend), Some("postgres://h/d"));
        for roles in [Roles::Both, Roles::Agent] {
            assert_eq!(both.listen_url(roles), None, "only a backend apart from its agent listens");
        }
    }
}
