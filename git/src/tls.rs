//! TLS, with the trust that Argo CD has.

use tenant_servers::tls::{Anchors, Flaw, Insecure, SystemRoots, Trust as Trusted};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::dial::Server;
use crate::failure::{Cause, Failure};
use crate::trust::Trust;

/// Begins a certificate in PEM. An entry without it is as good as none, as for Argo CD.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// Makes a connection secure.
pub(crate) async fn secure(
    stream: TcpStream,
    server: &Server,
    trust: &Trust,
    system: &SystemRoots,
) -> Result<TlsStream<TcpStream>, Failure> {
    let host = server.host.name();
    let entry = entry(&host, trust);
    // An entry for the server replaces the system's roots.
    let trusted = Trusted::Anchors(match entry {
        Some(entry) => Anchors::of_pem(entry),
        None => Anchors::system(system).await,
    });
    let secured = tenant_servers::tls::secure(stream, host, &trusted).await;
    secured.map_err(|error| refused(error, server, entry.is_some()))
}

/// The entry for a server, if it has a certificate.
fn entry<'a>(host: &str, trust: &'a Trust) -> Option<&'a str> {
    let entry = trust.certificates.get(host)?;
    entry.lines().any(|line| line.starts_with(CERTIFICATE)).then_some(entry)
}

fn refused(error: Insecure, server: &Server, has_entry: bool) -> Failure {
    let label = &server.label;
    let flaw = match error {
        Insecure::Certificate(flaw) => flaw,
        Insecure::Broken => {
            return Failure::new(
                Cause::ServerError,
                format!("no TLS connection to {label} could be made; check the port"),
            );
        }
        Insecure::NoAnchors => return no_roots(server, has_entry),
        Insecure::Name => {
            return Failure::new(
                Cause::CertificateRefused,
                format!("{label} is not a name that a certificate can have"),
            );
        }
    };
    let sentence = match flaw {
        Flaw::Expired => format!("the TLS certificate of {label} has expired; renew it"),
        Flaw::NotYetValid => format!("the TLS certificate of {label} is not valid yet"),
        Flaw::OtherName => {
            format!("the TLS certificate of {label} is for another name; check the repository URL")
        }
        Flaw::UnknownIssuer => format!(
            "the TLS certificate of {label} is not signed by a known authority; add its authority's \
             certificate, one that has not expired, to argocd-tls-certs-cm"
        ),
        Flaw::Invalid => format!("the TLS certificate of {label} is not valid"),
    };
    Failure::new(Cause::CertificateRefused, sentence)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_certificate_an_entry_is_none() {
        let begun = format!("# mine\n{CERTIFICATE}\nnonsense");
        for (host, text, is_one) in [
            ("example.com", begun.as_str(), true),
            ("example.org", begun.as_str(), false),
            ("example.com", "", false),
            ("example.com", "no certificate", false),
        ] {
            let certificates = [("example.com".to_owned(), text.to_owned())].into();
            let trust = Trust { certificates, ..Trust::default() };
            assert_eq!(entry(host, &trust).is_some(), is_one, "{host}: {text}");
        }
    }
}
