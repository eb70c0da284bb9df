//! One request to an API server, on a connection of its own.
//!
//! A kept connection would save a handshake here and there, but a server may close it at any time,
//! and then a request fails for nothing.

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tenant_servers::tls::{self, Anchors, Flaw, Insecure};
use tenant_servers::{Dialer, Unreached};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::client::ClusterClient;
use crate::failure::{Cause, Problem};
use crate::target::{Target, Trust};

const AGENT: &str = "managed-gitops";
const JSON: &str = "application/json";
/// A server-side apply. Its content may be JSON, which is YAML too.
const APPLY: &str = "application/apply-patch+yaml";
/// hyper panics if it is told to read less.
const MIN_HEAD: usize = 8 * 1024;

/// What is asked for.
pub(crate) struct Ask {
    method: Method,
    /// What comes after the path of the cluster's URL, with its query.
    path: String,
    body: Bytes,
}

impl Ask {
    pub(crate) fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: Bytes::new() }
    }

    pub(crate) fn delete(path: String) -> Self {
        Self { method: Method::DELETE, path, body: Bytes::new() }
    }

    pub(crate) fn apply(path: String, object: &serde_json::Value) -> Self {
        Self { method: Method::PATCH, path, body: object.to_string().into() }
    }
}

/// What a server answers: its status, and a body within the limit.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// It may have a token in it.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// What every object of an API has.
#[derive(Deserialize)]
struct Object {
    kind: String,
    /// Of a `Status`: what went wrong.
    reason: Option<String>,
    /// Of a `Status`: what it is about.
    details: Option<Details>,
}

/// What a `Status` is about.
#[derive(Deserialize)]
struct Details {
    kind: Option<String>,
}

impl Answer {
    /// Whether it is what was asked for, an object of this kind.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.status.is_success() && self.object().is_some_and(|object| object.kind == kind)
    }

    /// What is not there, if the API server says that something is not. A 404 alone may be any
    /// server's.
    pub(crate) fn missing(&self) -> Option<Missing> {
        let object = self.object().filter(|object| object.kind == "Status")?;
        if self.status != StatusCode::NOT_FOUND || object.reason.as_deref() != Some("NotFound") {
            return None;
        }
        match object.details.and_then(|details| details.kind).as_deref() {
            Some("namespaces") => Some(Missing::Namespace),
            _ => Some(Missing::Object),
        }
    }

    fn object(&self) -> Option<Object> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Namespace,
    Object,
}

impl ClusterClient {
    /// Asks a cluster, within the limits. The answer is a success or a status that depends on what
    /// was asked for.
    pub(crate) async fn ask(&self, target: &Target, ask: Ask) -> Result<Answer, Problem> {
        let limit = self.limits.request;
        let answer = timeout(limit, self.exchange(target, ask)).await.unwrap_or_else(|_| {
            Err(Problem::new(
                Cause::TimedOut,
                format!(
                    "{} has not answered within {} seconds; check that the cluster works",
                    target.url.label(),
                    limit.as_secs_f32()
                ),
            ))
        })?;
        judge(answer, target)
    }

    async fn exchange(&self, target: &Target, ask: Ask) -> Result<Answer, Problem> {
        let request = request(target, ask)?;
        let stream = self.connect(target).await.map_err(|why| unreached(why, target))?;
        let trust = match &target.trust {
            Trust::System => tls::Trust::Anchors(Anchors::system(&self.roots).await),
            Trust::Authority(pem) => tls::Trust::Anchors(Anchors::of_pem(pem)),
            Trust::Anyone => tls::Trust::Anyone,
        };
        let name = target.server_name.clone().unwrap_or_else(|| target.url.host().name());
        let stream =
            tls::secure(stream, name, &trust).await.map_err(|why| insecure(why, target))?;
        let (mut sender, connection) = Builder::new()
            .max_buf_size(self.limits.head.max(MIN_HEAD))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error, target))?;
        let exchange = async {
            let response =
                sender.send_request(request).await.map_err(|error| broken(&error, target))?;
            read(response, self.limits.body, target).await
        };
        tokio::pin!(exchange);
        // The connection lives in this future, so that it ends with it.
        tokio::select! {
            answer = &mut exchange => answer,
            _ = connection => exchange.await,
        }
    }

    async fn connect(&self, target: &Target) -> Result<tokio::net::TcpStream, Unreached> {
        let dialer = Dialer {
            resolver: self.resolver.as_ref(),
            policy: &self.policy,
            connect: self.limits.connect,
            addresses: self.limits.addresses,
        };
        let addresses = dialer.addresses(target.url.host(), target.url.port()).await?;
        dialer.connect(&addresses).await
    }
}

fn request(target: &Target, ask: Ask) -> Result<Request<Full<Bytes>>, Problem> {
    let unusable = || Problem::new(Cause::TokenUnusable, "the token is not one that can be sent");
    let value = Zeroizing::new(format!("Bearer {}", target.token.expose_secret()));
    let mut authorization = HeaderValue::from_str(&value).map_err(|_| unusable())?;
    authorization.set_sensitive(true);
    let mut request = Request::builder()
        .method(&ask.method)
        .uri(format!("{}{}", target.url.path(), ask.path))
        .header(HOST, target.url.authority())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, JSON)
        .header(AUTHORIZATION, authorization)
        .header(CONNECTION, "close");
    if ask.method == Method::PATCH {
        request = request.header(CONTENT_TYPE, APPLY);
    }
    request.body(Full::new(ask.body)).map_err(|_| {
        Problem::new(
            Cause::ApiUrl,
            "the path of spec.apiURL is none that a server can have; correct it",
        )
    })
}

async fn read(
    response: Response<Incoming>,
    limit: usize,
    target: &Target,
) -> Result<Answer, Problem> {
    let status = response.status();
    let mut body = Zeroizing::new(Vec::new());
    let mut incoming = response.into_body();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| broken(&error, target))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if body.len() + data.len() > limit {
            return Err(too_large(target));
        }
        body.extend_from_slice(data);
    }
    Ok(Answer { status, body })
}

/// What a status means whatever was asked for.
fn judge(answer: Answer, target: &Target) -> Result<Answer, Problem> {
    let label = target.url.label();
    let status = answer.status;
    let (cause, sentence) = match status {
        StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            return Ok(answer);
        }
        status if status.is_success() => return Ok(answer),
        StatusCode::UNAUTHORIZED => (
            Cause::TokenRefused,
            format!(
                "{label} refuses the token; it may have expired or been revoked: store another"
            ),
        ),
        StatusCode::FORBIDDEN => (
            Cause::Forbidden,
            format!("{label} knows the token, but does not let it do what is needed"),
        ),
        status if status.is_redirection() => (
            Cause::RedirectRefused,
            format!(
                "{label} redirects elsewhere, perhaps to a sign-in page; use the address of the \
                 API itself in spec.apiURL"
            ),
        ),
        status => (
            Cause::ServerError,
            format!("{label} answers with HTTP status {}; it will be asked again", status.as_u16()),
        ),
    };
    Err(Problem::new(cause, sentence))
}

/// That a server is no API server.
pub(crate) fn not_kubernetes(target: &Target) -> Problem {
    Problem::new(
        Cause::NotKubernetes,
        format!(
            "{} does not answer as the API of Kubernetes does; check the host, the port and the \
             path in spec.apiURL",
            target.url.label()
        ),
    )
}

fn too_large(target: &Target) -> Problem {
    let label = target.url.label();
    Problem::new(Cause::TooLarge, format!("the answer of {label} is too large; check spec.apiURL"))
}

fn broken(error: &hyper::Error, target: &Target) -> Problem {
    if error.is_parse_too_large() {
        return too_large(target);
    }
    if error.is_parse() {
        return not_kubernetes(target);
    }
    let label = target.url.label();
    Problem::new(
        Cause::ServerError,
        format!("{label} broke off its answer; it will be asked again"),
    )
}

fn unreached(unreached: Unreached, target: &Target) -> Problem {
    let label = target.url.label();
    let not_connected = || {
        format!(
            "no connection to {label} could be made; check the host and the port in spec.apiURL, \
             and that the cluster can be reached from this one"
        )
    };
    let (cause, sentence) = match unreached {
        Unreached::NoSuchHost => {
            (Cause::NoSuchHost, format!("{label} has no address; check the host in spec.apiURL"))
        }
        Unreached::Unresolved => (
            Cause::Unreachable,
            format!(
                "the address of {label} could not be found out, because the name servers of this \
                 cluster or of the host do not work; it will be asked again"
            ),
        ),
        Unreached::Forbidden(reason) => (
            Cause::AddressForbidden,
            format!(
                "{label} is at {reason}, which this program may not connect to; use a cluster at \
                 another address, or ask an administrator to allow this one"
            ),
        ),
        Unreached::Refused => (Cause::Unreachable, not_connected()),
        Unreached::TimedOut => (Cause::TimedOut, not_connected()),
    };
    Problem::new(cause, sentence)
}

fn insecure(insecure: Insecure, target: &Target) -> Problem {
    let label = target.url.label();
    let (cause, sentence) = match insecure {
        Insecure::Broken => (
            Cause::ServerError,
            format!("no TLS connection to {label} could be made; check the port in spec.apiURL"),
        ),
        Insecure::NoAnchors => (
            Cause::CertificateUnknown,
            format!(
                "there is no certificate to check {label} by; store its authority's in \
                 clusters[].cluster.certificate-authority-data of the kubeconfig"
            ),
        ),
        Insecure::Name => (
            Cause::CertificateInvalid,
            format!("{label} is not a name that a certificate can have"),
        ),
        Insecure::Certificate(Flaw::UnknownIssuer) => (
            Cause::CertificateUnknown,
            format!(
                "the TLS certificate of {label} is not signed by a known authority; store its \
                 authority's certificate, one that has not expired, in \
                 clusters[].cluster.certificate-authority-data of the kubeconfig"
            ),
        ),
        Insecure::Certificate(Flaw::Expired) => (
            Cause::CertificateInvalid,
            format!("the TLS certificate of {label} has expired; renew it"),
        ),
        Insecure::Certificate(Flaw::NotYetValid) => {
            (Cause::CertificateInvalid, format!("the TLS certificate of {label} is not valid yet"))
        }
        Insecure::Certificate(Flaw::OtherName) => (
            Cause::CertificateInvalid,
            format!(
                "the TLS certificate of {label} is for another name; check the host in \
                 spec.apiURL, or name the certificate's in clusters[].cluster.tls-server-name of \
                 the kubeconfig"
            ),
        ),
        Insecure::Certificate(Flaw::Invalid) => {
            (Cause::CertificateInvalid, format!("the TLS certificate of {label} is not valid"))
        }
    };
    Problem::new(cause, sentence)
}
