//! A running server: the core, its HTTP edge on loopback, and the way to reach it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use futures::future::BoxFuture;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::{ApiServer, InstallError, RequestCounts, Settings};
use crate::edge::Edge;
use crate::store::PersistError;

/// How long open connections get to end before they are cut.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// What to start.
#[derive(Debug)]
pub struct Options {
    /// Where to listen: a loopback address, and port 0 for any free one.
    pub address: SocketAddr,
    /// The directory that keeps the data; without one nothing is kept.
    pub data: Option<PathBuf>,
    /// The definitions to install or update at the start.
    pub crds: Vec<CustomResourceDefinition>,
    /// Clock, uids and limits.
    pub settings: Settings,
}

impl Default for Options {
    /// An in-memory server on any free port that knows no kinds but the built-in ones.
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: None,
            crds: Vec::new(),
            settings: Settings::default(),
        }
    }
}

impl Options {
    /// The default with these definitions.
    pub fn with_crds(crds: impl IntoIterator<Item = CustomResourceDefinition>) -> Self {
        Self { crds: crds.into_iter().collect(), ..Self::default() }
    }
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from elsewhere, and the server has no access control.
    #[error(
        "{0} is not a loopback address; choose 127.0.0.1 or [::1], since the server asks nobody \
         who they are"
    )]
    NotLoopback(SocketAddr),
    /// Nothing can listen there.
    #[error("cannot listen on {address}: {source}; stop what uses the port or choose another one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] PersistError),
    /// A definition was rejected.
    #[error(transparent)]
    Definition(#[from] InstallError),
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct ControlPlane {
    server: Arc<ApiServer>,
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    _guard: DropGuard,
}

impl ControlPlane {
    /// Starts a server.
    pub fn start(options: Options) -> BoxFuture<'static, Result<Self, Error>> {
        Box::pin(Self::start_with(options))
    }

    async fn start_with(options: Options) -> Result<Self, Error> {
        let Options { address, data, crds, settings } = options;
        if !address.ip().is_loopback() {
            return Err(Error::NotLoopback(address));
        }
        let refused = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let server = match data {
            Some(directory) => ApiServer::open(settings, &directory)?,
            None => ApiServer::in_memory(settings),
        };
        for definition in &crds {
            server.install(definition)?;
        }
        let shutdown = CancellationToken::new();
        let edge = Edge { server: Arc::clone(&server), shutdown: shutdown.clone() };
        // Watch events are small and must not be delayed to be sent together.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection stays with delayed sends");
            }
        });
        let serving = axum::serve(listener, edge.router())
            .with_graceful_shutdown(shutdown.clone().cancelled_owned());
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "the sandbox's server ended");
            }
        });
        let guard = shutdown.clone().drop_guard();
        Ok(Self { server, address, shutdown, task, _guard: guard })
    }

    /// The core, for a client inside the process and for tests.
    pub fn server(&self) -> &Arc<ApiServer> {
        &self.server
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig for kubectl.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: sandbox\n\
             clusters:\n\
             - name: sandbox\n  cluster:\n    server: {}\n\
             contexts:\n\
             - name: sandbox\n  context:\n    cluster: sandbox\n    user: sandbox\n\
             \x20   namespace: default\n\
             users:\n\
             - name: sandbox\n  user: {{}}\n",
            self.url()
        )
    }

    /// The configuration of a kube client.
    pub fn client_config(&self) -> kube::Config {
        let url = http::Uri::builder()
            .scheme("http")
            .authority(self.address.to_string())
            .path_and_query("/")
            .build()
            .unwrap_or_default();
        kube::Config::new(url)
    }

    /// The newest resource version.
    pub fn resource_version(&self) -> u64 {
        self.server.resource_version()
    }

    /// The number of requests by verb and resource.
    pub fn requests(&self) -> RequestCounts {
        self.server.request_counts()
    }

    /// Ends open watches, stops listening and releases the data directory.
    pub async fn shutdown(mut self) {
        self.shutdown.cancel();
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
        self.server.close();
    }
}
