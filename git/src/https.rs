//! A listing over HTTPS, as git's "smart" protocol has it: one request per server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT,
};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret;
use tenant_servers::Host;
use tenant_servers::tls::SystemRoots;
use zeroize::Zeroizing;

use crate::advertisement::{Advertisement, Flaw, Listing};
use crate::credentials::Credentials;
use crate::dial::{Dialer, Server};
use crate::failure::{Cause, Failure};
use crate::tls;
use crate::trust::Trust;
use crate::url::GitUrl;

/// What the path of every request ends with. git goes to no redirect that does not.
const SERVICE_PATH: &str = "/info/refs";
/// The query of every request, which is in no other place of it.
const SERVICE_QUERY: &str = "service=git-upload-pack";
const LISTING_TYPE: &[u8] = b"application/x-git-upload-pack-advertisement";
/// Some servers serve repositories only to what calls itself git.
const AGENT: &str = "git/2.0 (managed-gitops)";
/// The user that Argo CD shows with a token if there is no other.
const DEFAULT_USER: &str = "x-access-token";
const DEFAULT_PORT: u16 = 443;
/// hyper panics if it is told to read less.
const MIN_HEAD: usize = 8 * 1024;
/// Begins the label of a server that another has named.
const REDIRECTED: &str = "a server redirected to by ";
/// What may not be in the path of a request as it is. A `%` stays: the path in the URL may be
/// encoded already.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// One request of a chain of redirects.
struct Hop {
    server: Server,
    target: String,
}

/// What a server answers.
enum Answer {
    Listing(Listing),
    Redirect(Hop),
}

/// Lists the references of a repository.
pub(crate) async fn list(
    dialer: &Dialer<'_>,
    url: &GitUrl,
    credentials: &Credentials,
    trust: &Trust,
    roots: &SystemRoots,
) -> Result<Listing, Failure> {
    let mut authorization = authorization(url, credentials);
    let path = utf8_percent_encode(url.path().trim_end_matches('/'), ENCODED);
    let mut hop = Hop {
        server: Server::named(url.host(), url.port()),
        target: format!("{path}{SERVICE_PATH}?{SERVICE_QUERY}"),
    };
    for _ in 0..=dialer.limits.redirects {
        match ask(dialer, &hop, authorization.as_ref(), trust, roots).await? {
            Answer::Listing(listing) => return Ok(listing),
            Answer::Redirect(next) => {
                let is_same_server =
                    next.server.host == hop.server.host && next.server.port == hop.server.port;
                if !is_same_server {
                    authorization = None;
                }
                hop = next;
            }
        }
    }
    Err(Failure::new(
        Cause::RedirectRefused,
        format!(
            "{} redirects too often; use the final address of the repository in its URL",
            Server::named(url.host(), url.port()).label
        ),
    ))
}

/// The header that shows the credential.
fn authorization(url: &GitUrl, credentials: &Credentials) -> Option<HeaderValue> {
    let Credentials::Basic { username, password } = credentials else {
        return None;
    };
    let user_of_url = url.user();
    let username = match (username.expose_secret(), &user_of_url) {
        ("", Some(user)) => user,
        ("", None) => DEFAULT_USER,
        (username, _) => username,
    };
    let pair = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut header = HeaderValue::from_str(&value).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Asks one server.
async fn ask(
    dialer: &Dialer<'_>,
    hop: &Hop,
    authorization: Option<&HeaderValue>,
    trust: &Trust,
    roots: &SystemRoots,
) -> Result<Answer, Failure> {
    let server = &hop.server;
    let request = request(hop, authorization)?;
    let addresses = dialer.addresses(server).await?;
    let stream = dialer.connect(server, &addresses).await?;
    let stream = tls::secure(stream, server, trust, roots).await?;
    let (mut sender, connection) = Builder::new()
        .max_buf_size(dialer.limits.head.max(MIN_HEAD))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error, server))?;
    let exchange = async {
        let response =
            sender.send_request(request).await.map_err(|error| broken(&error, server))?;
        answer(dialer, hop, authorization.is_some(), response).await
    };
    tokio::pin!(exchange);
    // The connection lives in this future, so that it ends with it.
    tokio::select! {
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}

fn request(
    hop: &Hop,
    authorization: Option<&HeaderValue>,
) -> Result<Request<Empty<Bytes>>, Failure> {
    let host = match hop.server.port {
        DEFAULT_PORT => hop.server.host.to_string(),
        port => format!("{}:{port}", hop.server.host),
    };
    let mut request = Request::get(&hop.target)
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close");
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request.body(Empty::new()).map_err(|_| {
        Failure::new(
            Cause::NotFound,
            "the path in the repository URL is none that a server can have; correct it",
        )
    })
}

async fn answer(
    dialer: &Dialer<'_>,
    hop: &Hop,
    has_credential: bool,
    response: Response<Incoming>,
) -> Result<Answer, Failure> {
    use StatusCode as Code;
    match response.status() {
        Code::OK => {
            let reader = Advertisement::over_http(dialer.limits);
            listing(&hop.server, response, reader).await.map(Answer::Listing)
        }
        Code::MOVED_PERMANENTLY
        | Code::FOUND
        | Code::SEE_OTHER
        | Code::TEMPORARY_REDIRECT
        | Code::PERMANENT_REDIRECT => redirect(hop, &response).map(Answer::Redirect),
        status => Err(refused(&hop.server, status, has_credential)),
    }
}

async fn listing(
    server: &Server,
    response: Response<Incoming>,
    mut reader: Advertisement,
) -> Result<Listing, Failure> {
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = content_type.and_then(|value| value.split(|byte| *byte == b';').next());
    if essence.map(<[u8]>::trim_ascii) != Some(LISTING_TYPE) {
        return Err(Flaw::NotGit.failure(&server.label));
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error, server))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if let Some(listing) = reader.take(data).map_err(|flaw| flaw.failure(&server.label))? {
            return Ok(listing);
        }
    }
    Err(Flaw::NotGit.failure(&server.label))
}

/// Where a redirect leads, if this program goes there.
fn redirect(hop: &Hop, response: &Response<Incoming>) -> Result<Hop, Failure> {
    let refused = |why: &str| {
        Failure::new(
            Cause::RedirectRefused,
            format!(
                "{} redirects {why}; use the final address of the repository in its URL",
                hop.server.label
            ),
        )
    };
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|location| match location.strip_prefix("//") {
        Some(rest) => format!("https://{rest}").parse::<Uri>().ok(),
        None => location.parse().ok(),
    });
    let uri = location.ok_or_else(|| refused("to an address that is not valid"))?;
    let server = match (uri.scheme_str(), uri.authority()) {
        (None, None) => hop.server.clone(),
        (Some("https"), Some(authority)) => {
            // A user or a password in it are not for us to show to anyone.
            let server = authority.as_str().rsplit('@').next().unwrap_or_default();
            let (host, port) =
                Host::parse_server(server).map_err(|_| refused("to a host that is not valid"))?;
            let port = port.unwrap_or(DEFAULT_PORT);
            match host == hop.server.host && port == hop.server.port {
                true => hop.server.clone(),
                false => Server { host, port, label: redirected(&hop.server) },
            }
        }
        _ => return Err(refused("to an address without TLS")),
    };
    let is_absolute = uri.path().starts_with('/');
    if !is_absolute || !uri.path().ends_with(SERVICE_PATH) || uri.query() != Some(SERVICE_QUERY) {
        return Err(refused("to something other than a repository, perhaps to a sign-in page"));
    }
    Ok(Hop { server, target: format!("{}?{SERVICE_QUERY}", uri.path()) })
}

/// A chain of redirects is named by its beginning.
fn redirected(from: &Server) -> String {
    match from.label.starts_with(REDIRECTED) {
        true => from.label.clone(),
        false => format!("{REDIRECTED}{}", from.label),
    }
}

fn refused(server: &Server, status: StatusCode, has_credential: bool) -> Failure {
    let label = &server.label;
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_credential => Failure::new(
            Cause::AuthenticationRefused,
            format!(
                "{label} refuses the credential; check the user name and the password or token, \
                 and that they may read this repository"
            ),
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if label.starts_with(REDIRECTED) => {
            Failure::new(
                Cause::AuthenticationRefused,
                format!(
                    "{label} asks for a credential, which is not shown to it; use the final \
                     address of the repository in its URL"
                ),
            )
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::new(
            Cause::AuthenticationRefused,
            format!("{label} asks for a user name and a password or token; provide them"),
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => Flaw::NotFound.failure(label),
        status => Failure::new(
            Cause::ServerError,
            format!("{label} answers with HTTP status {}; it will be asked again", status.as_u16()),
        ),
    }
}

fn broken(error: &hyper::Error, server: &Server) -> Failure {
    let label = &server.label;
    if error.is_parse_too_large() {
        return Failure::new(Cause::TooLarge, format!("the answer of {label} is too large"));
    }
    if error.is_parse() {
        return Flaw::NotGit.failure(&server.label);
    }
    Failure::new(
        Cause::ServerError,
        format!("{label} broke off its answer; it will be asked again"),
    )
}
