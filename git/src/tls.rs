//! TLS, with the trust that Argo CD has.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    Resumption, verify_server_cert_signed_by_trust_anchor as verify_chain, verify_server_name,
};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
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
use webpki::{EndEntityCert, KeyUsage};

use crate::blocking::{self, ROOTS};
use crate::dial::Server;
use crate::failure::{Cause, Failure};
use crate::trust::Trust;

/// The system's roots, read when they are first needed: that takes a hundred files. If none is found,
/// they are looked for again the next time: the files may be there by then.
#[derive(Default)]
pub(crate) struct SystemRoots(OnceCell<Arc<RootCertStore>>);

/// Begins a certificate in PEM. An entry without it is as good as none, as for Argo CD.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

impl SystemRoots {
    async fn get(&self) -> Arc<RootCertStore> {
        self.get_from(|| rustls_native_certs::load_native_certs().certs).await
    }

    async fn get_from(
        &self,
        load: impl FnOnce() -> Vec<CertificateDer<'static>> + Send + 'static,
    ) -> Arc<RootCertStore> {
        let read = || async {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(blocking::run(&ROOTS, load).await.unwrap_or_default());
            if roots.is_empty() { Err(roots) } else { Ok(Arc::new(roots)) }
        };
        self.0.get_or_try_init(read).await.map_or_else(Arc::new, Arc::clone)
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
    let config = config(anchors).ok_or_else(|| no_roots(server, is_from_entry))?;
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
    /// Authorities.
    roots: Arc<RootCertStore>,
    /// All certificates of the entry, each of which may be the server's own.
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
        let mut pinned: Vec<_> =
            CertificateDer::pem_slice_iter(entry.as_bytes()).filter_map(Result::ok).collect();
        // What cannot be read is neither an authority nor a server's own.
        pinned.retain(|certificate| EndEntityCert::try_from(certificate).is_ok());
        let now = UnixTime::now();
        let mut roots = RootCertStore::empty();
        let authorities = pinned.iter().filter(|certificate| is_authority(certificate, now));
        roots.add_parsable_certificates(authorities.cloned());
        Self { roots: Arc::new(roots), pinned, is_from_entry: true }
    }
}

/// Whether a certificate says of itself that it may issue others, and is valid now. Of a trusted root,
/// nobody checks either: webpki keeps its name and its key alone. As a server's own, webpki refuses
/// exactly such a certificate for being an authority, after it has looked at the time. One of
/// version 1, which cannot say that it is one, is none.
fn is_authority(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok(parsed) = EndEntityCert::try_from(certificate) else {
        return false;
    };
    let usage = KeyUsage::server_auth();
    let verdict = parsed.verify_for_usage(&[], &[], &[], now, usage, None, None);
    matches!(verdict, Err(webpki::Error::CaUsedAsEndEntity))
}

/// Fails if there is nothing to check a server by.
fn config(anchors: Anchors) -> Option<ClientConfig> {
    let Anchors { roots, pinned, .. } = anchors;
    if roots.is_empty() && pinned.is_empty() {
        return None;
    }
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Arc::new(Verifier { roots, pinned, algorithms });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Some(config)
}

/// Checks servers as rustls does, except that a certificate which is itself in the server's entry
/// needs no issuer there. Go has it so, and people do put a server's own certificate there.
#[derive(Debug)]
struct Verifier {
    roots: Arc<RootCertStore>,
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let all = self.algorithms.all;
        match verify_chain(&parsed, &self.roots, intermediates, now, all) {
            Err(error) if lacks_only_an_issuer(&error) && self.pinned.contains(end_entity) => {}
            verdict => verdict?,
        }
        verify_server_name(&parsed, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
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
             certificate, one that has not expired, to argocd-tls-certs-cm"
        ),
        _ => format!("the TLS certificate of {label} is not valid"),
    };
    Failure::new(Cause::CertificateRefused, sentence)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    fn certificate_with(change: impl FnOnce(&mut CertificateParams)) -> rcgen::Certificate {
        let mut params = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    fn certificate() -> rcgen::Certificate {
        certificate_with(|_| {})
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
    async fn only_valid_authorities_are_roots() {
        let authority = certificate();
        let others = [
            certificate_with(|params| params.is_ca = IsCa::NoCa),
            certificate_with(|params| params.is_ca = IsCa::ExplicitNoCa),
            certificate_with(|params| params.not_after = date_time_ymd(2020, 1, 1)),
            certificate_with(|params| params.not_before = date_time_ymd(2999, 1, 1)),
        ];
        let entry = others.iter().map(rcgen::Certificate::pem).collect::<String>();
        let anchors = Anchors::of("example.com", &trust(&entry), &system()).await;
        assert!(anchors.roots.is_empty());
        assert_eq!(anchors.pinned.len(), 4);

        let entry = entry + &authority.pem();
        let anchors = Anchors::of("example.com", &trust(&entry), &system()).await;
        assert_eq!(anchors.roots.len(), 1);
        assert_eq!(anchors.pinned.len(), 5);
    }

    #[tokio::test]
    async fn the_systems_roots_are_looked_for_until_there_are_any() {
        let system = SystemRoots::default();
        assert!(system.get_from(Vec::new).await.is_empty());
        assert!(system.get_from(|| std::panic::resume_unwind(Box::new(()))).await.is_empty());
        let root = certificate().der().clone();
        assert_eq!(system.get_from(|| vec![root]).await.len(), 1);
        assert_eq!(system.get_from(Vec::new).await.len(), 1);
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
        assert!(config(anchors).is_none());
    }
}
