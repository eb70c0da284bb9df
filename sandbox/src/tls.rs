//! HTTPS with a certificate of its own, made at each start.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many do so at a time; others wait.
const HANDSHAKES: usize = 64;

/// What the server shows of itself, and by what clients recognise it.
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    /// The certificate of its authority, in PEM.
    pub(crate) authority_pem: String,
    /// The same, in DER.
    pub(crate) authority_der: Vec<u8>,
}

/// The certificate could not be made, or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error("the certificate could not be made: {0}")]
    Made(#[from] rcgen::Error),
    /// It could not be used.
    #[error("the certificate could not be used: {0}")]
    Used(#[from] tokio_rustls::rustls::Error),
}

impl Identity {
    /// One for loopback.
    pub(crate) fn new() -> Result<Self, CertificateError> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "sandbox");
        let authority_key = KeyPair::generate()?;
        let certificate = authority.self_signed(&authority_key)?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(authority, authority_key);
        let leaf = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| {
            CertificateError::Used(tokio_rustls::rustls::Error::General(error.to_owned()))
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            authority_pem: certificate.pem(),
            authority_der: certificate.der().to_vec(),
        })
    }
}

/// A listener whose connections are encrypted.
pub(crate) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    /// Over this one.
    pub(crate) fn new(listener: TcpListener, identity: &Identity) -> Self {
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        Self { listener, acceptor, handshakes: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.handshakes.len() < HANDSHAKES;
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.listener), if has_room => {
                    let acceptor = self.acceptor.clone();
                    // As without encryption, so that what is small is sent at once.
                    let _ = stream.set_nodelay(true);
                    self.handshakes.spawn(async move {
                        let stream = timeout(HANDSHAKE, acceptor.accept(stream)).await;
                        Some((stream.ok()?.ok()?, address))
                    });
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
