//! TLS, with the trust that Argo CD has, which is written in Go.

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

/// The system's roots, read when they are first needed: that takes a hundred files. If none is found,
/// they are looked for again the next time: the files may be there by then.
#[derive(Default)]
pub struct SystemRoots(OnceCell<Arc<RootCertStore>>);

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

/// What a server's certificate is checked by.
#[derive(Clone, Debug)]
pub struct Anchors {
    /// Authorities.
    roots: Arc<RootCertStore>,
    /// Certificates each of which may be the server's own.
    pinned: Vec<CertificateDer<'static>>,
}

impl Anchors {
    /// The authorities that this machine knows.
    pub async fn system(roots: &SystemRoots) -> Self {
        Self { roots: roots.get().await, pinned: Vec::new() }
    }

    /// Certificates in PEM. Each may be the server's own, and those that are authorities and valid
    /// may have issued it. What cannot be read is left out, as by Argo CD.
    pub fn of_pem(text: &str) -> Self {
        let mut pinned: Vec<_> =
            CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok).collect();
        // What cannot be read is neither an authority nor a server's own.
        pinned.retain(|certificate| EndEntityCert::try_from(certificate).is_ok());
        let now = UnixTime::now();
        let mut roots = RootCertStore::empty();
        let authorities = pinned.iter().filter(|certificate| is_authority(certificate, now));
        roots.add_parsable_certificates(authorities.cloned());
        Self { roots: Arc::new(roots), pinned }
    }

    /// Whether no certificate at all is accepted.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.pinned.is_empty()
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

/// Whose certificate a server has to show.
#[derive(Clone, Debug)]
pub enum Trust {
    /// One for the server's name, by one of these.
    Anchors(Anchors),
    /// Any. Whoever is between this program and the server can then read and change everything.
    Anyone,
}

/// Why a connection could not be made secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Insecure {
    /// There is no certificate to check the server by.
    #[error("there is no certificate to check the server by")]
    NoAnchors,
    /// The host's name is none that a certificate can have.
    #[error("the name is not one that a certificate can have")]
    Name,
    /// The server's certificate is refused.
    #[error("{0}")]
    Certificate(Flaw),
    /// The server does not speak TLS, or nothing that both sides know, or it broke off.
    #[error("no TLS connection could be made")]
    Broken,
}

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// It is another server's.
    #[error("the certificate is for another name")]
    OtherName,
    /// Nobody known has issued it.
    #[error("the certificate is not signed by a known authority")]
    UnknownIssuer,
    /// It is none, or one for another purpose.
    #[error("the certificate is not valid")]
    Invalid,
}

/// Makes a connection secure: to speak HTTP/1.1, to the server of this name.
pub async fn secure(
    stream: TcpStream,
    name: String,
    trust: &Trust,
) -> Result<TlsStream<TcpStream>, Insecure> {
    let config = config(trust)?;
    let name = ServerName::try_from(name).map_err(|_| Insecure::Name)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| insecure(&error))
}

fn config(trust: &Trust) -> Result<ClientConfig, Insecure> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let anchors = match trust {
        Trust::Anchors(anchors) if anchors.is_empty() => return Err(Insecure::NoAnchors),
        Trust::Anchors(anchors) => Some(anchors.clone()),
        Trust::Anyone => None,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Insecure::Broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { anchors, algorithms }))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Checks servers as rustls does, except that a certificate which is itself among the anchors
/// needs no issuer there. Go has it so, and people do put a server's own certificate there.
#[derive(Debug)]
struct Verifier {
    /// Nothing if any certificate is accepted.
    anchors: Option<Anchors>,
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
        let Some(Anchors { roots, pinned }) = &self.anchors else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let all = self.algorithms.all;
        match verify_chain(&parsed, roots, intermediates, now, all) {
            Err(error) if lacks_only_an_issuer(&error) && pinned.contains(end_entity) => {}
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

fn insecure(error: &io::Error) -> Insecure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let problem = match inner {
        // One that has issued itself has an unknown issuer, too.
        Some(error) if lacks_only_an_issuer(error) => &CertificateError::UnknownIssuer,
        Some(rustls::Error::InvalidCertificate(problem)) => problem,
        Some(rustls::Error::NoCertificatesPresented) => &CertificateError::BadEncoding,
        _ => return Insecure::Broken,
    };
    Insecure::Certificate(match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Flaw::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Flaw::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Flaw::OtherName
        }
        CertificateError::UnknownIssuer => Flaw::UnknownIssuer,
        _ => Flaw::Invalid,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::pki_types::Der;

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

    fn keys(roots: &RootCertStore) -> Vec<Der<'_>> {
        roots.roots.iter().map(|root| root.subject_public_key_info.clone()).collect()
    }

    #[test]
    fn each_certificate_is_an_authority_and_a_servers_own() {
        let (own, other) = (certificate(), certificate());
        let anchors = Anchors::of_pem(&format!("# mine\n{}{}", own.pem(), other.pem()));
        assert_eq!(anchors.pinned, [own.der().clone(), other.der().clone()]);
        let mut expected = RootCertStore::empty();
        expected.add_parsable_certificates(anchors.pinned);
        assert_eq!(keys(&anchors.roots), keys(&expected));
    }

    #[test]
    fn only_valid_authorities_are_roots() {
        let authority = certificate();
        let others = [
            certificate_with(|params| params.is_ca = IsCa::NoCa),
            certificate_with(|params| params.is_ca = IsCa::ExplicitNoCa),
            certificate_with(|params| params.not_after = date_time_ymd(2020, 1, 1)),
            certificate_with(|params| params.not_before = date_time_ymd(2999, 1, 1)),
        ];
        let text = others.iter().map(rcgen::Certificate::pem).collect::<String>();
        let anchors = Anchors::of_pem(&text);
        assert!(anchors.roots.is_empty());
        assert_eq!(anchors.pinned.len(), 4);

        let anchors = Anchors::of_pem(&(text + &authority.pem()));
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

    #[test]
    fn what_cannot_be_read_trusts_nothing() {
        for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense"] {
            let anchors = Anchors::of_pem(text);
            assert!(anchors.is_empty(), "{text}");
            assert_eq!(config(&Trust::Anchors(anchors)).err(), Some(Insecure::NoAnchors), "{text}");
        }
    }
}
