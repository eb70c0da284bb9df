//! A server over HTTPS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::git::{line, listing};
use crate::host::Host;
use crate::identity::{Identity, self_signed};
use crate::repositories::{Found, Repositories, Request, key};
use crate::{Account, Behaviour};

/// Where servers are, as clients name it.
const HOST: &str = "127.0.0.1";
/// What clients ask for, after the path of the repository.
const LISTING: &str = "/info/refs?service=git-upload-pack";
const CONTENT_TYPE: &str = "content-type: application/x-git-upload-pack-advertisement\r\n";
const SERVICE: &str = "001e# service=git-upload-pack\n0000";

/// An answer to any request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// These bytes, and then these without an end.
    Endless(Vec<u8>, Vec<u8>),
    /// One byte of these now and then, without an end.
    Drip(Vec<u8>),
    /// None.
    Hang,
    /// What the CGI program `git http-backend` says of the repositories in a directory.
    Git(PathBuf),
}

/// A git server over HTTPS, with a certificate of its own.
pub struct HttpsServer {
    host: Host,
    certificate: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What is answered whatever is asked.
    scripted: Option<Answer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    behaviour: Behaviour,
    repositories: Repositories<Account>,
    heads: Vec<String>,
}

impl HttpsServer {
    /// Starts a server without repositories.
    pub fn start() -> Self {
        Self::with(self_signed(&[HOST, "localhost"], |_| {}), Shared::default())
    }

    /// Starts one that always answers the same.
    pub fn scripted(identity: Identity, answer: Answer) -> Self {
        Self::with(identity, Shared { scripted: Some(answer), ..Shared::default() })
    }

    fn with(identity: Identity, shared: Shared) -> Self {
        // It speaks no h2, but a script may look at whether it is asked to.
        let offered: &[&[u8]] = match shared.scripted {
            Some(_) => &[b"h2", b"http/1.1"],
            None => &[b"http/1.1"],
        };
        let certificate = identity.leaf.clone();
        let acceptor = TlsAcceptor::from(Arc::new(identity.server_config(offered)));
        let shared = Arc::new(shared);
        let serving = Arc::clone(&shared);
        let host = Host::start(move |stream| {
            let (acceptor, shared) = (acceptor.clone(), Arc::clone(&serving));
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, &shared).await;
                }
            }
        });
        Self { host, certificate, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// The URL of a repository.
    pub fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}/{}", self.address().port(), key(path))
    }

    /// The host in its URLs: its key in Argo CD's ConfigMap `argocd-tls-certs-cm`.
    pub fn host(&self) -> &'static str {
        HOST
    }

    /// Its certificate, in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// From now on there is this repository, and only this account opens it.
    pub fn set_repository(&self, path: &str, account: Account) {
        self.state(|state| state.repositories.set(path, account));
    }

    /// From now on there is no such repository.
    pub fn remove_repository(&self, path: &str) {
        self.state(|state| state.repositories.remove(path));
    }

    /// From now on it behaves like this; a scripted server may only be [`Behaviour::Down`].
    pub fn behave(&self, behaviour: Behaviour) {
        self.state(|state| state.behaviour = behaviour);
        self.host.close(behaviour == Behaviour::Down);
    }

    /// The requests for listings so far, except those of a scripted server.
    pub fn requests(&self) -> Vec<Request> {
        self.state(|state| state.repositories.requests())
    }

    /// How often a repository was asked for with the account that opens it.
    pub fn listings(&self, path: &str) -> usize {
        self.state(|state| state.repositories.listings(path))
    }

    /// The heads of all requests so far: what comes before a body.
    pub fn heads(&self) -> Vec<String> {
        self.state(|state| state.heads.clone())
    }

    fn state<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        access(&mut self.shared.state.lock().unwrap())
    }
}

impl Shared {
    fn answer(&self, head: &str) -> Answer {
        let mut state = self.state.lock().unwrap();
        state.heads.push(head.to_owned());
        match &self.scripted {
            Some(answer) => answer.clone(),
            None => state.answer(head),
        }
    }
}

impl State {
    fn answer(&mut self, head: &str) -> Answer {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let Some(path) = target.strip_suffix(LISTING) else {
            return empty("404 Not Found", "");
        };
        let found = self.repositories.ask(path, |account| is_shown(account, head));
        let ok = format!("HTTP/1.1 200 OK\r\n{CONTENT_TYPE}");
        match self.behaviour {
            // A connection of before.
            Behaviour::Down => Answer::Bytes(Vec::new()),
            Behaviour::Hang => Answer::Hang,
            Behaviour::ServerError => empty("500 Internal Server Error", ""),
            Behaviour::Endless => {
                let start = format!("{ok}\r\n{SERVICE}");
                Answer::Endless(start.into(), line().repeat(100).into())
            }
            Behaviour::Normal => match found {
                Found::Missing => empty("404 Not Found", ""),
                Found::Closed => {
                    empty("401 Unauthorized", "www-authenticate: Basic realm=\"git\"\r\n")
                }
                Found::Open => {
                    let body = format!("{SERVICE}{}", listing());
                    let length = body.len();
                    Answer::Bytes(format!("{ok}content-length: {length}\r\n\r\n{body}").into())
                }
            },
        }
    }
}

/// Whether the head of a request shows an account.
fn is_shown(account: &Account, head: &str) -> bool {
    let expected = STANDARD.encode(format!("{}:{}", account.username, account.password));
    head.lines().filter_map(|line| line.split_once(": ")).any(|(name, value)| {
        name.eq_ignore_ascii_case("authorization") && value == format!("Basic {expected}")
    })
}

fn empty(status: &str, headers: &str) -> Answer {
    Answer::Bytes(format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n").into())
}

async fn serve<S>(mut stream: S, shared: &Shared)
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
    // The client may leave at any time; then there is nothing more to do.
    let _ = match shared.answer(&head) {
        Answer::Bytes(bytes) => stream.write_all(&bytes).await,
        Answer::Endless(start, rest) => {
            let mut result = stream.write_all(&start).await;
            while result.is_ok() {
                result = stream.write_all(&rest).await;
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
            // Until the client leaves; what it sends is not looked at.
            while stream.read_u8().await.is_ok() {}
            Ok(())
        }
        Answer::Git(directory) => stream.write_all(&git_http_backend(&directory, &head)).await,
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
