//! A TLS server that answers as it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use git_access::Trust;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{HOST, PERMITTED};

/// An answer to any request.
pub(crate) enum Answer {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// These bytes, and then these without an end.
    Endless(Vec<u8>, Vec<u8>),
    /// One byte now and then.
    Drip(Vec<u8>),
    /// None.
    Hang,
    /// What the CGI program `git http-backend` says of the repositories in a directory.
    Git(std::path::PathBuf),
}

/// What a server shows of itself.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
    /// The authority's certificate, in PEM.
    pub(crate) authority: String,
    /// The server's, in PEM.
    pub(crate) leaf: String,
}

/// A certificate for names, signed by an authority that exists for it alone.
pub(crate) fn identity(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    signed_by("Authority", names, change)
}

/// The same by an authority of a name.
pub(crate) fn signed_by(
    authority_name: &str,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    issued_by(|it| it.distinguished_name.push(DnType::CommonName, authority_name), names, change)
}

/// The same by an authority that is otherwise than usual.
pub(crate) fn issued_by(
    change_authority: impl FnOnce(&mut CertificateParams),
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change_authority(&mut authority);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut leaf = CertificateParams::new(names).unwrap();
    change(&mut leaf);
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let chain = vec![leaf.der().clone()];
    Identity { chain, key, authority: authority_pem, leaf: leaf.pem() }
}

/// A certificate that is its own authority, as `openssl req -x509` makes them.
pub(crate) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let leaf = params.self_signed(&key).unwrap();
    let chain = vec![leaf.der().clone()];
    Identity { chain, key, authority: leaf.pem(), leaf: leaf.pem() }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
    pub(crate) leaf: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server with a certificate for the usual name and address.
    pub(crate) async fn answering(answer: Answer) -> Self {
        Self::with(identity(&[HOST, "other.example.com", PERMITTED], |_| {}), answer).await
    }

    pub(crate) async fn with(identity: Identity, answer: Answer) -> Self {
        let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &answer, &seen).await;
                    }
                });
            }
        });
        Self { address, authority: identity.authority, leaf: identity.leaf, requests }
    }

    /// The URL of a repository on it.
    pub(crate) fn url(&self) -> String {
        format!("https://{HOST}:{}/a/b.git", self.address.port())
    }

    /// Trust in its authority.
    pub(crate) fn trust(&self) -> Trust {
        trust_for(&[(HOST, &self.authority)])
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) fn trust_for(entries: &[(&str, &str)]) -> Trust {
    let certificates: BTreeMap<String, String> =
        entries.iter().map(|(host, pem)| ((*host).to_owned(), (*pem).to_owned())).collect();
    Trust { certificates, ..Trust::default() }
}

async fn serve<S>(mut stream: S, answer: &Answer, seen: &Mutex<Vec<String>>)
where
    S: AsyncReadExt + AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    seen.lock().unwrap().push(head.clone());
    // The client may leave at any time; then there is nothing more to do.
    let _ = match answer {
        Answer::Bytes(bytes) => stream.write_all(bytes).await,
        Answer::Endless(start, rest) => {
            let mut result = stream.write_all(start).await;
            while result.is_ok() {
                result = stream.write_all(rest).await;
            }
            result
        }
        Answer::Drip(bytes) => {
            let mut result = Ok(());
            for byte in bytes.iter().cycle() {
                result = stream.write_all(&[*byte]).await;
                if result.is_err() || stream.flush().await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            result
        }
        Answer::Hang => {
            let _ = stream.read_u8().await;
            Ok(())
        }
        Answer::Git(directory) => stream.write_all(&git_http_backend(directory, &head)).await,
    };
    let _ = stream.shutdown().await;
}

/// Runs the CGI program that comes with git.
fn git_http_backend(directory: &Path, head: &str) -> Vec<u8> {
    let target = head.split(' ').nth(1).unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let output = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", directory)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", "GET")
        .output()
        .expect("git is needed");
    let end = output.stdout.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let headers = String::from_utf8(output.stdout[..end].to_vec()).unwrap();
    let status = headers.lines().find_map(|line| line.strip_prefix("Status: "));
    let mut response =
        format!("HTTP/1.1 {}\r\n{headers}\r\n\r\n", status.unwrap_or("200 OK")).into_bytes();
    response.extend_from_slice(&output.stdout[end + 4..]);
    response
}
