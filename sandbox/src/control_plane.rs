//! A running server: the core, its HTTP edge on loopback, and the way to reach it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::{Listener, ListenerExt};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use futures::future::BoxFuture;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::{ApiServer, InstallError, RequestCounts, Settings};
use crate::edge::Edge;
use crate::store::PersistError;
use crate::tls::{CertificateError, Identity, TlsListener};

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
    /// Whether it serves HTTPS, with a certificate that is made at each start.
    pub tls: bool,
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
            tls: false,
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
    /// There is no certificate to serve with.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct ControlPlane {
    server: Arc<ApiServer>,
    address: SocketAddr,
    /// The certificate of the server's authority, in PEM and in DER, if it serves HTTPS.
    authority: Option<(String, Vec<u8>)>,
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
        let Options { address, data, crds, tls, settings } = options;
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
        let identity = tls.then(Identity::new).transpose()?;
        let stop = shutdown.clone();
        let task = match &identity {
            None => tokio::spawn(serve(without_delay(listener), edge, stop)),
            Some(identity) => tokio::spawn(serve(TlsListener::new(listener, identity), edge, stop)),
        };
        let authority = identity.map(|one| (one.authority_pem, one.authority_der));
        let guard = shutdown.clone().drop_guard();
        Ok(Self { server, address, authority, shutdown, task, _guard: guard })
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
        format!("{}://{}", self.scheme(), self.address)
    }

    fn scheme(&self) -> &'static str {
        if self.authority.is_some() { "https" } else { "http" }
    }

    /// A kubeconfig for kubectl. If the server serves HTTPS, it has the certificate of its authority,
    /// and a token, which the server does not look at.
    pub fn kubeconfig(&self) -> String {
        let authority = self.authority.as_ref().map(|(pem, _)| {
            let pem = STANDARD.encode(pem);
            format!("\n    certificate-authority-data: {pem}")
        });
        let user = if authority.is_some() { "{token: sandbox}" } else { "{}" };
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: sandbox\n\
             clusters:\n\
             - name: sandbox\n  cluster:\n    server: {}{}\n\
             contexts:\n\
             - name: sandbox\n  context:\n    cluster: sandbox\n    user: sandbox\n\
             \x20   namespace: default\n\
             users:\n\
             - name: sandbox\n  user: {user}\n",
            self.url(),
            authority.unwrap_or_default()
        )
    }

    /// The configuration of a kube client.
    pub fn client_config(&self) -> kube::Config {
        let url = http::Uri::builder()
            .scheme(self.scheme())
            .authority(self.address.to_string())
            .path_and_query("/")
            .build()
            .unwrap_or_default();
        let mut config = kube::Config::new(url);
        config.root_cert = self.authority.as_ref().map(|(_, der)| vec![der.clone()]);
        config
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

/// Watch events are small and must not be delayed to be sent together.
fn without_delay(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays with delayed sends");
        }
    })
}

async fn serve<L>(listener: L, edge: Edge, shutdown: CancellationToken)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let serving =
        axum::serve(listener, edge.router()).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::warn!(%error, "the sandbox's server ended");
    }
}
