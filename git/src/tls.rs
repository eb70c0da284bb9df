//! TLS, with the trust that Argo CD has.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::dial::Server;
use crate::failure::{Cause, Failure};
use crate::trust::Trust;

/// The system's roots, read when they are first needed: that takes a hundred files.
#[derive(Default)]
pub(crate) struct SystemRoots(OnceCell<Arc<RootCertStore>>);

/// Begins a certificate in PEM. An entry without it is as good as none, as for Argo CD.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

impl SystemRoots {
    async fn get(&self) -> Arc<RootCertStore> {
        let read = || async {
            let read = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let mut roots = RootCertStore::empty();
            if let Ok(found) = read {
                roots.add_parsable_certificates(found.certs);
            }
            Arc::new(roots)
        };
        Arc::clone(self.0.get_or_init(read).await)
    }
}

/// Makes a connection secure.
pub(crate) async fn secure(
    stream: TcpStream,
    server: &Server,
    trust: &Trust,
    system: &SystemRoots,
) -> Result<TlsStream<TcpStream>, Failure> {
    let host = server.host.name();
    let anchors = Anchors::of(&host, trust, system).await;
    let is_from_entry = anchors.is_from_entry;
    let config = config(anchors).map_err(|_| no_roots(server, is_from_entry))?;
    let name = ServerName::try_from(host).map_err(|_| {
        Failure::new(
            Cause::CertificateRefused,
            format!("{} is not a name that a certificate can have", server.label),
        )
    })?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| refused(&error, server))
}

/// What a server's certificate is checked by.
struct Anchors {
    roots: Arc<RootCertStore>,
    pinned: Vec<CertificateDer<'static>>,
    is_from_entry: bool,
}

impl Anchors {
    /// An entry for the server replaces the system's roots. Certificates in it that cannot be read
    /// are left out, as by Argo CD.
    async fn of(host: &str, trust: &Trust, system: &SystemRoots) -> Self {
        let has_certificate =
            |entry: &&String| entry.lines().any(|line| line.starts_with(CERTIFICATE));
        let Some(entry) = trust.certificates.get(host).filter(has_certificate) else {
            let roots = system.get().await;
            return Self { roots, pinned: Vec::new(), is_from_entry: false };
        };
        let pinned: Vec<_> =
            CertificateDer::pem_slice_iter(entry.as_bytes()).filter_map(Result::ok).collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(pinned.iter().cloned());
        Self { roots: Arc::new(roots), pinned, is_from_entry: true }
    }
}

/// Fails if there are no roots.
fn config(anchors: Anchors) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let Anchors { roots, pinned, .. } = anchors;
    let provider = Arc::new(ring::default_provider());
    let inner =
        WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
    let verifier = Arc::new(Verifier { inner, pinned, provider: Arc::clone(&provider) });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Checks servers as rustls does, except that a certificate which is itself in the server's entry
/// needs no issuer there. Go has it so, and people do put a server's own certificate there.
#[derive(Debug)]
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verdict {
            Err(error) if lacks_only_an_issuer(&error) && self.pinned.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate is at fault only for its issuer, or for being one. Its time is checked
/// before any of that.
fn lacks_only_an_issuer(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => true,
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
        }
        _ => false,
    }
}

fn no_roots(server: &Server, has_entry: bool) -> Failure {
    let sentence = match has_entry {
        true => format!(
            "the entry for the host of {} in argocd-tls-certs-cm has no readable certificate; \
             correct it",
            server.label
        ),
        false => "this program has no root certificates; ask an administrator".to_owned(),
    };
    Failure::new(Cause::CertificateRefused, sentence)
}

fn refused(error: &io::Error, server: &Server) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let label = &server.label;
    let problem = match inner {
        Some(rustls::Error::InvalidCertificate(problem)) => problem,
        Some(rustls::Error::NoCertificatesPresented) => &CertificateError::BadEncoding,
        _ => {
            return Failure::new(
                Cause::ServerError,
                format!("no TLS connection to {label} could be made; check the port"),
            );
        }
    };
    let sentence = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the TLS certificate of {label} has expired; renew it")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the TLS certificate of {label} is not valid yet")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the TLS certificate of {label} is for another name; check the repository URL")
        }
        CertificateError::UnknownIssuer => format!(
            "the TLS certificate of {label} is not signed by a known authority; add its authority's \
             certificate to argocd-tls-certs-cm"
        ),
        _ => format!("the TLS certificate of {label} is not valid"),
    };
    Failure::new(Cause::CertificateRefused, sentence)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate() -> rcgen::Certificate {
        let params = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    fn system() -> SystemRoots {
        let mut roots = RootCertStore::empty();
        roots.add(certificate().der().clone()).unwrap();
        SystemRoots(OnceCell::new_with(Some(Arc::new(roots))))
    }

    fn trust(entry: &str) -> Trust {
        let certificates = [("example.com".to_owned(), entry.to_owned())].into();
        Trust { certificates, ..Trust::default() }
    }

    #[tokio::test]
    async fn an_entry_replaces_the_systems_roots() {
        let (own, other) = (certificate(), certificate());
        let entry = format!("# mine\n{}{}", own.pem(), other.pem());
        let anchors = Anchors::of("example.com", &trust(&entry), &system()).await;
        assert!(anchors.is_from_entry);
        assert_eq!(anchors.pinned, [own.der().clone(), other.der().clone()]);
        let keys: Vec<_> =
            anchors.roots.roots.iter().map(|root| root.subject_public_key_info.clone()).collect();
        let mut expected = RootCertStore::empty();
        expected.add_parsable_certificates(anchors.pinned);
        let expected: Vec<_> =
            expected.roots.iter().map(|root| root.subject_public_key_info.clone()).collect();
        assert_eq!(keys, expected);
    }

    #[tokio::test]
    async fn without_a_certificate_an_entry_is_none() {
        for (host, entry) in [
            ("example.org", certificate().pem()),
            ("example.com", String::new()),
            ("example.com", "no certificate".to_owned()),
        ] {
            let anchors = Anchors::of(host, &trust(&entry), &system()).await;
            assert!(!anchors.is_from_entry && anchors.pinned.is_empty());
            assert_eq!(anchors.roots.len(), 1);
        }
    }

    #[tokio::test]
    async fn an_entry_that_cannot_be_read_trusts_nothing() {
        let entry = "-----BEGIN CERTIFICATE-----\nnonsense";
        let anchors = Anchors::of("example.com", &trust(entry), &system()).await;
        assert!(anchors.is_from_entry && anchors.roots.is_empty() && anchors.pinned.is_empty());
        assert!(config(anchors).is_err());
    }
}
