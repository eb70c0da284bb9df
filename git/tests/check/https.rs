//! Listings over HTTPS.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use git_access::{Cause, Checker, Credentials, GitUrl, Limits, Listing, Policy, Trust};
use rcgen::{IsCa, date_time_ymd};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::https_server::{
    Answer, Identity, Server, identity, issued_by, self_signed, signed_by, trust_for,
};
use crate::support::{
    BROKEN_HOST, Check, FORBIDDEN, FORBIDDEN_HOST, HOST, Names, OBJECT, PASSWORD, PERMITTED,
    PERMITTED_TOO, listing, packet, policy, real_empty_repository, real_repository, short,
    two_references,
};

const SERVICE: &str = "001e# service=git-upload-pack\n0000";

fn response(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Bytes(
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into(),
    )
}

fn git_response(body: &str) -> Answer {
    let headers = "content-type: application/x-git-upload-pack-advertisement\r\n";
    response("200 OK", headers, &format!("{SERVICE}{body}"))
}

fn redirect(location: &str) -> Answer {
    response("302 Found", &format!("location: {location}\r\n"), "")
}

/// The start of an answer that does not say how long it is.
fn endless_head() -> Vec<u8> {
    let headers = "content-type: application/x-git-upload-pack-advertisement\r\n";
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{SERVICE}").into()
}

async fn cause_of(answer: Answer) -> Cause {
    let server = Server::answering(answer);
    Check::with(server.trust()).cause(&server.url()).await
}

#[tokio::test]
async fn a_repository_is_listed() {
    let server = Server::answering(git_response(&listing()));
    let check = Check::with(server.trust());
    assert_eq!(check.list(&server.url()).await, Ok(two_references()));

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_lowercase();
    assert!(head.starts_with("get /a/b.git/info/refs?service=git-upload-pack http/1.1\r\n"));
    assert!(head.contains("\r\nuser-agent: git/"));
    assert!(head.contains(&format!("\r\nhost: {HOST}:{}\r\n", server.address.port())));
    assert!(!head.contains("git-protocol"));
    // someone:correct-horse-battery-staple
    let expected = "authorization: Basic c29tZW9uZTpjb3JyZWN0LWhvcnNlLWJhdHRlcnktc3RhcGxl\r\n";
    assert!(requests[0].contains(expected), "{requests:?}");
    assert_eq!(check.names.asked(), [HOST]);
}

#[tokio::test]
async fn an_empty_repository_is_listed() {
    let nothing = packet(&format!("{} capabilities^{{}}\0agent=git/2\n", "0".repeat(40)));
    for body in [format!("{nothing}0000"), "0000".to_owned()] {
        let server = Server::answering(git_response(&body));
        let listed = Check::with(server.trust()).list(&server.url()).await;
        assert_eq!(listed, Ok(Listing::default()));
    }
}

#[tokio::test]
async fn a_chunked_answer_is_read() {
    let body = format!("{SERVICE}{}", listing());
    let mut answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\
        content-type: Application/x-git-upload-pack-advertisement; charset=x\r\n\r\n"
        .replace("Application", "application");
    for part in body.as_bytes().chunks(7) {
        answer += &format!("{:x}\r\n{}\r\n", part.len(), std::str::from_utf8(part).unwrap());
    }
    answer += "0\r\n\r\n";
    let server = Server::answering(Answer::Bytes(answer.into()));
    let listed = Check::with(server.trust()).list(&server.url()).await;
    assert_eq!(listed, Ok(two_references()));
}

#[tokio::test]
async fn real_repositories_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    real_repository(&directory.path().join("full"));
    real_empty_repository(&directory.path().join("empty"));
    let server = Server::answering(Answer::Git(directory.path().to_owned()));
    let check = Check::with(server.trust());
    let url = |name: &str| format!("https://{HOST}:{}/{name}/.git", server.address.port());

    let listed = check.list(&url("full")).await.unwrap();
    assert_eq!(listed.references, 3);
    assert_eq!(listed.head.unwrap().len(), 40);
    assert_eq!(check.list(&url("empty")).await, Ok(Listing::default()));
    assert_eq!(check.cause(&url("none")).await, Cause::NotFound);
}

#[tokio::test]
async fn users() {
    let server = Server::answering(git_response(&listing()));
    let basic = |username: &str| Credentials::Basic {
        username: username.into(),
        password: "password".into(),
    };
    // Each is base64 of `user:password`.
    for (credentials, user_of_url, header) in [
        (basic("me"), "", Some("bWU6cGFzc3dvcmQ=")),
        (basic("me"), "you@", Some("bWU6cGFzc3dvcmQ=")),
        (basic(""), "you@", Some("eW91OnBhc3N3b3Jk")),
        (basic(""), "y%6Fu@", Some("eW91OnBhc3N3b3Jk")),
        (basic(""), "", Some("eC1hY2Nlc3MtdG9rZW46cGFzc3dvcmQ=")),
        (Credentials::Anonymous, "you@", None),
        (Credentials::SshKey("key".into()), "", None),
    ] {
        let check = Check { credentials, ..Check::with(server.trust()) };
        let url = format!("https://{user_of_url}{HOST}:{}/a", server.address.port());
        assert_eq!(check.list(&url).await, Ok(two_references()));
        let last = server.requests().pop().unwrap();
        let sent = last.lines().find_map(|line| line.strip_prefix("authorization: Basic "));
        assert_eq!(sent, header, "{user_of_url}");
    }
}

#[tokio::test]
async fn a_path_is_encoded_once() {
    let server = Server::answering(git_response(&listing()));
    let url = format!("https://{HOST}:{}/a b/%20é//", server.address.port());
    assert_eq!(Check::with(server.trust()).list(&url).await, Ok(two_references()));
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /a%20b/%20%C3%A9/info/refs?"), "{requests:?}");
}

#[tokio::test]
async fn statuses() {
    for (status, cause) in [
        ("401 Unauthorized", Cause::AuthenticationRefused),
        ("403 Forbidden", Cause::AuthenticationRefused),
        ("404 Not Found", Cause::NotFound),
        ("410 Gone", Cause::NotFound),
        ("429 Too Many Requests", Cause::ServerError),
        ("500 Internal Server Error", Cause::ServerError),
        ("503 Service Unavailable", Cause::ServerError),
        ("418 I'm a teapot", Cause::ServerError),
        ("204 No Content", Cause::ServerError),
    ] {
        // A server that repeats what it was shown.
        let echo = format!("www-authenticate: {PASSWORD}\r\ncontent-type: {PASSWORD}\r\n");
        assert_eq!(cause_of(response(status, &echo, PASSWORD)).await, cause, "{status}");
    }
}

#[tokio::test]
async fn what_is_not_git_is_told() {
    let text = "content-type: text/plain\r\n";
    let ok = format!("{SERVICE}{}", listing());
    for (answer, cause) in [
        (response("200 OK", text, &ok), Cause::NotGit),
        (response("200 OK", "", &ok), Cause::NotGit),
        (git_response(&format!("<html>{PASSWORD}</html>")), Cause::NotGit),
        (git_response(&packet("version 2\n")), Cause::NotGit),
        (git_response(listing().strip_suffix("0000").unwrap()), Cause::NotGit),
        (git_response(&packet(&format!("ERR Repository not found: {PASSWORD}"))), Cause::NotFound),
        (git_response(&packet(&format!("ERR {PASSWORD}"))), Cause::ServerError),
        (Answer::Bytes(PASSWORD.into()), Cause::NotGit),
        (Answer::Bytes("SSH-2.0-OpenSSH\r\n\r\n".into()), Cause::NotGit),
        (Answer::Bytes(Vec::new()), Cause::ServerError),
        (Answer::Bytes([endless_head(), listing()[..20].into()].concat()), Cause::NotGit),
    ] {
        assert_eq!(cause_of(answer).await, cause);
    }
    let broken_off = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-advertisement\r\n\
         content-length: 1000\r\n\r\n{SERVICE}"
    );
    assert_eq!(cause_of(Answer::Bytes(broken_off.into())).await, Cause::ServerError);
}

#[tokio::test]
async fn a_redirect_on_the_same_server_keeps_the_credential() {
    let first = Server::answering(redirect("/other.git/info/refs?service=git-upload-pack"));
    let check = Check::with(first.trust());
    assert_eq!(check.cause(&first.url()).await, Cause::RedirectRefused);
    let requests = first.requests();
    assert_eq!(requests.len(), 6, "the first request and five redirects");
    assert!(requests.iter().all(|head| head.contains("authorization: Basic ")));
    assert!(requests[1].starts_with("GET /other.git/info/refs?service=git-upload-pack "));
    assert_eq!(check.names.asked(), [HOST; 6], "the name is resolved for each request");
}

#[tokio::test]
async fn a_redirect_elsewhere_loses_the_credential() {
    let target = Server::answering(git_response(&listing()));
    let port = target.address.port();
    let rest = "/b/info/refs?service=git-upload-pack";
    for location in [
        format!("https://{HOST}:{port}{rest}"),
        format!("//other.example.com:{port}{rest}"),
        format!("https://other.example.com:{port}{rest}"),
        format!("https://{PASSWORD}:{PASSWORD}@other.example.com:{port}{rest}"),
        format!("https://{PERMITTED}:{port}{rest}"),
    ] {
        let first = Server::answering(redirect(&location));
        let trust = trust_for(&[
            (HOST, &format!("{}{}", first.authority, target.authority)),
            ("other.example.com", &target.authority),
            (PERMITTED, &target.authority),
        ]);
        assert_eq!(Check::with(trust).list(&first.url()).await, Ok(two_references()), "{location}");
        assert!(first.requests()[0].contains("authorization"));
        let last = target.requests().pop().unwrap().to_lowercase();
        assert!(!last.contains("authorization") && !last.contains(PASSWORD), "{last}");
    }
    assert_eq!(target.requests().len(), 5);
}

#[tokio::test]
async fn a_server_that_misses_the_credential_is_told_of() {
    let target = Server::answering(response("401 Unauthorized", "", ""));
    let first = Server::answering(redirect(
        &target.url().replace("/a/b.git", "/a/b.git/info/refs?service=git-upload-pack"),
    ));
    let trust = trust_for(&[(HOST, &[&*first.authority, &target.authority].concat())]);
    let failure = Check::with(trust).list(&first.url()).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::AuthenticationRefused);
    assert!(failure.sentence().contains("use the final address"), "{failure}");
}

#[tokio::test]
async fn a_lost_credential_stays_lost() {
    // From the first server to the second and back.
    let back = Server::answering(git_response(&listing()));
    let location =
        format!("https://{HOST}:{}/a/info/refs?service=git-upload-pack", back.address.port());
    let second = Server::answering(redirect(&location));
    let port = second.address.port();
    let location = format!("https://{HOST}:{port}/a/info/refs?service=git-upload-pack");
    let first = Server::answering(redirect(&location));
    let trust =
        trust_for(&[(HOST, &[&*first.authority, &second.authority, &back.authority].concat())]);
    assert_eq!(Check::with(trust).list(&first.url()).await, Ok(two_references()));
    assert!(!second.requests()[0].contains("authorization"));
    assert!(!back.requests()[0].contains("authorization"));
}

#[tokio::test]
async fn redirects_that_are_refused() {
    let rest = "info/refs?service=git-upload-pack";
    for location in [
        format!("http://{HOST}/a/{rest}"),
        format!("HTTP://{HOST}/a/{rest}"),
        format!("ftp://{HOST}/a/{rest}"),
        format!("https://-{HOST}/a/{rest}"),
        format!("https://{HOST}:0/a/{rest}"),
        format!("https:///a/{rest}"),
        format!("{PASSWORD}/{rest}"),
        format!("https://{HOST}/users/sign_in?{PASSWORD}"),
        format!("https://{HOST}/users/sign_in?from=/a/{rest}"),
        format!("/users/sign_in?/{rest}"),
        format!("/a/{rest}&a"),
        "/a/info/refs?a&service=git-upload-pack".to_owned(),
        format!("/a{rest}"),
        "/users/sign_in".to_owned(),
        "\u{e9}".to_owned(),
        String::new(),
    ] {
        let cause = cause_of(redirect(&location)).await;
        assert_eq!(cause, Cause::RedirectRefused, "{location}");
    }
    assert_eq!(cause_of(response("302 Found", "", "")).await, Cause::RedirectRefused);
}

#[tokio::test]
async fn no_redirects_as_argo_cd_has_it() {
    let server = Server::answering(redirect("/b/info/refs?service=git-upload-pack"));
    let limits = Limits { redirects: 0, ..Limits::default() };
    let check = Check { limits, ..Check::with(server.trust()) };
    assert_eq!(check.cause(&server.url()).await, Cause::RedirectRefused);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_not_followed() {
    let listener = TcpListener::bind((FORBIDDEN, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [FORBIDDEN, FORBIDDEN_HOST, "[::ffff:127.0.0.2]", "[64:ff9b::7f00:2]"] {
        let location = format!("https://{host}:{port}/a/info/refs?service=git-upload-pack");
        assert_eq!(cause_of(redirect(&location)).await, Cause::AddressForbidden, "{host}");
    }
    let arrived = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(arrived.is_err(), "a forbidden address was connected to");
}

#[tokio::test]
async fn what_another_server_is_called_is_not_repeated() {
    let location = format!("https://{PASSWORD}.example.com/a/info/refs?service=git-upload-pack");
    let server = Server::answering(redirect(&location));
    let failure = Check::with(server.trust()).list(&server.url()).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::NoSuchHost);
    let port = server.address.port();
    let expected = format!("a server redirected to by {HOST}:{port} has no address");
    assert!(failure.sentence().starts_with(&expected), "{failure}");
}

#[tokio::test]
async fn forbidden_answers_of_the_resolver_are_left_out() {
    let server = Server::answering(git_response(&listing()));
    let port = server.address.port();
    let listener = TcpListener::bind((FORBIDDEN, port)).await.unwrap();
    let names = Names::new(&[(HOST, &[FORBIDDEN, "169.254.169.254", "::1", PERMITTED])]);
    let check = Check { names, ..Check::with(server.trust()) };
    assert_eq!(check.list(&server.url()).await, Ok(two_references()));
    let arrived = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(arrived.is_err(), "a forbidden address was connected to");
}

#[tokio::test]
async fn hosts_that_are_not_reached() {
    let check = Check::with(Trust::default());
    for (url, cause) in [
        ("https://nowhere.example.com/a", Cause::NoSuchHost),
        ("https://broken.example.com/a", Cause::Unreachable),
        ("ssh://broken.example.com/a", Cause::Unreachable),
        ("https://forbidden.example.com/a", Cause::AddressForbidden),
        ("https://127.0.0.2/a", Cause::AddressForbidden),
        ("https://[::1]/a", Cause::AddressForbidden),
        ("https://[::ffff:169.254.169.254]/a", Cause::AddressForbidden),
        ("ssh://169.254.169.254/a", Cause::AddressForbidden),
    ] {
        assert_eq!(check.cause(url).await, cause, "{url}");
    }
    let failure = check.list(&format!("https://{BROKEN_HOST}/a")).await.unwrap_err();
    assert!(failure.sentence().contains("name servers"), "{failure}");
    // Nobody else can have the port, and nobody listens there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(PERMITTED.parse().unwrap(), 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let url = format!("https://{HOST}:{port}/a");
    assert_eq!(check.cause(&url).await, Cause::Unreachable);
}

#[tokio::test]
async fn names_of_this_machine_are_seen_through() {
    let checker = Checker::new(Policy::default());
    // The system's resolver takes the last three for 127.0.0.1, or for no address.
    for (host, is_name) in
        [("localhost", true), ("127.1", false), ("2130706433", false), ("0x7f000001", false)]
    {
        let url = GitUrl::parse(&format!("https://{host}/a")).unwrap();
        let result = checker.list(&url, &Credentials::Anonymous, &Trust::default()).await;
        match result.unwrap_err().cause() {
            Cause::AddressForbidden => {}
            Cause::NoSuchHost if !is_name => {}
            cause => panic!("{host}: {cause:?}"),
        }
    }
}

#[tokio::test]
async fn no_more_addresses_are_tried_than_the_limit() {
    let server = Server::answering(git_response(&listing()));
    // Nothing listens at the first.
    let names = Names::new(&[(HOST, &[PERMITTED_TOO, PERMITTED])]);
    let limits = Limits { addresses: 1, ..Limits::default() };
    let check = Check { names, limits, ..Check::with(server.trust()) };
    assert_eq!(check.cause(&server.url()).await, Cause::Unreachable);
    let check = Check { limits: Limits::default(), ..check };
    assert_eq!(check.list(&server.url()).await, Ok(two_references()));
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let server = Server::answering(git_response(&listing()));
    let socket = TcpSocket::new_v4().unwrap();
    let address = SocketAddr::new(PERMITTED_TOO.parse().unwrap(), server.address.port());
    socket.bind(address).unwrap();
    let _listener = socket.listen(1).unwrap();
    // The kernel answers until the queue is full.
    let wait = Duration::from_millis(100);
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(wait, TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
    }
    let names = Names::new(&[(HOST, &[PERMITTED_TOO, PERMITTED])]);
    let limits = Limits { connect: wait, ..Limits::default() };
    let check = Check { names, limits, ..Check::with(server.trust()) };
    assert_eq!(check.list(&server.url()).await, Ok(two_references()));
    let check = Check { names: Names::new(&[(HOST, &[PERMITTED_TOO])]), ..check };
    assert_eq!(check.cause(&server.url()).await, Cause::TimedOut);
}

#[tokio::test]
async fn servers_that_take_their_time_end_by_the_deadline() {
    let silent = TcpListener::bind((PERMITTED, 0)).await.unwrap();
    let silent_url = format!("https://{HOST}:{}/a", silent.local_addr().unwrap().port());
    let check = Check { limits: short(), ..Check::with(Trust::default()) };
    assert_eq!(check.cause(&silent_url).await, Cause::TimedOut);

    let drip = [endless_head(), packet(&format!("{OBJECT} refs/heads/main")).into()].concat();
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let cut = Answer::Drip(interim);
    for answer in [Answer::Hang, Answer::Drip(drip), cut] {
        let server = Server::answering(answer);
        let check = Check { limits: short(), ..Check::with(server.trust()) };
        let start = Instant::now();
        assert_eq!(check.cause(&server.url()).await, Cause::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn endless_answers_end_by_the_limits() {
    let lines = packet(&format!("{OBJECT} refs/heads/main\n")).repeat(100);
    let head = "HTTP/1.1 200 OK\r\n".to_owned();
    for answer in [
        Answer::Endless(endless_head(), lines.into()),
        Answer::Endless(head.clone().into(), b"x: y\r\n".repeat(20)),
        Answer::Endless(head.into(), b"x".repeat(1000)),
    ] {
        assert_eq!(cause_of(answer).await, Cause::TooLarge);
    }
    let garbage = Answer::Endless(endless_head(), b"\0".repeat(1000));
    assert_eq!(cause_of(garbage).await, Cause::NotGit);
}

#[tokio::test]
async fn the_head_of_an_answer_is_limited() {
    let body = format!("{SERVICE}{}", listing());
    let headers = "content-type: application/x-git-upload-pack-advertisement\r\n";
    let large = format!("{headers}x: {}\r\n", "x".repeat(200_000));
    let server = Server::answering(response("200 OK", &large, &body));
    let check = Check::with(server.trust());
    assert_eq!(check.cause(&server.url()).await, Cause::TooLarge);
    let limits = Limits { head: 300_000, ..Limits::default() };
    let check = Check { limits, ..check };
    assert_eq!(check.list(&server.url()).await, Ok(two_references()));

    let server = Server::answering(git_response(&listing()));
    let limits = Limits { head: 0, ..Limits::default() };
    let check = Check { limits, ..Check::with(server.trust()) };
    assert_eq!(check.list(&server.url()).await, Ok(two_references()), "too low a limit");
}

#[tokio::test]
async fn a_million_references_are_the_most() {
    let server = Server::answering(git_response(&listing()));
    let limits = Limits { references: 1, ..Limits::default() };
    let check = Check { limits, ..Check::with(server.trust()) };
    assert_eq!(check.cause(&server.url()).await, Cause::TooLarge);
}

async fn verdict(
    identity: Identity,
    trust: impl FnOnce(&Server) -> Trust,
) -> Result<Listing, Cause> {
    let server = Server::with(identity, git_response(&listing()));
    let check = Check::with(trust(&server));
    let verdict = check.list(&server.url()).await.map_err(|failure| failure.cause());
    assert_eq!(server.requests().is_empty(), verdict.is_err(), "refused before any request");
    verdict
}

#[tokio::test]
async fn certificates_are_checked() {
    let refused = Err(Cause::CertificateRefused);
    let accepted = Ok(two_references());
    let expired = |params: &mut rcgen::CertificateParams| {
        params.not_after = date_time_ymd(2020, 1, 1);
    };
    let by_authority = |server: &Server| server.trust();
    let by_leaf = |server: &Server| trust_for(&[(HOST, &server.leaf)]);
    let usual = || identity(&[HOST], |_| {});
    let stranger = usual();

    assert_eq!(verdict(usual(), by_authority).await, accepted);
    assert_eq!(verdict(usual(), by_leaf).await, accepted, "the server's own certificate");
    assert_eq!(verdict(self_signed(&[HOST], |_| {}), by_leaf).await, accepted);
    let namesake = signed_by("rcgen self signed cert", &[HOST], |_| {});
    assert_eq!(verdict(namesake, by_leaf).await, accepted, "an issuer of the same name");
    assert_eq!(verdict(identity(&["x.org"], |_| {}), by_authority).await, refused);
    assert_eq!(verdict(identity(&["x.org"], |_| {}), by_leaf).await, refused);
    assert_eq!(verdict(self_signed(&["x.org"], |_| {}), by_leaf).await, refused);
    assert_eq!(verdict(identity(&[HOST], expired), by_authority).await, refused);
    assert_eq!(verdict(identity(&[HOST], expired), by_leaf).await, refused);
    assert_eq!(verdict(self_signed(&[HOST], expired), by_leaf).await, refused);
    let of_expired = issued_by(expired, &[HOST], |_| {});
    assert_eq!(verdict(of_expired, by_authority).await, refused, "an expired authority");
    let no_authority = |params: &mut rcgen::CertificateParams| params.is_ca = IsCa::NoCa;
    let of_leaf = issued_by(no_authority, &[HOST], |_| {});
    assert_eq!(verdict(of_leaf, by_authority).await, refused, "a leaf is no authority");
    assert_eq!(verdict(self_signed(&[HOST], no_authority), by_leaf).await, accepted);
    let by_stranger = |_: &Server| trust_for(&[(HOST, &stranger.authority)]);
    assert_eq!(verdict(usual(), by_stranger).await, refused);
    let by_both =
        |server: &Server| trust_for(&[(HOST, &[&*stranger.leaf, &server.authority].concat())]);
    assert_eq!(verdict(usual(), by_both).await, accepted);
    let of_another = |server: &Server| trust_for(&[("other.example.com", &server.authority)]);
    assert_eq!(verdict(usual(), of_another).await, refused);
    for broken in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense"] {
        let by_broken = |_: &Server| trust_for(&[(HOST, broken)]);
        assert_eq!(verdict(usual(), by_broken).await, refused, "{broken}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
    let url = format!("https://{HOST}:{}/a", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let text = format!("HTTP/1.1 400 {PASSWORD}\r\n\r\n");
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await;
    });
    let check = Check::with(trust_for(&[(HOST, &identity(&[HOST], |_| {}).authority)]));
    assert_eq!(check.cause(&url).await, Cause::ServerError);
}

/// Where the next two tests agree that the system's roots are.
const ROOTS: &str = "GIT_ACCESS_TEST_ROOTS";

#[test]
fn the_systems_roots_are_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("roots.pem");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "https::with_roots_of_its_own", "--ignored"])
        .env(ROOTS, &file)
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}

#[tokio::test]
#[ignore = "the test above runs it, in a process that has other roots"]
async fn with_roots_of_its_own() {
    let Some(file) = std::env::var_os(ROOTS) else {
        return;
    };
    let server = Server::answering(git_response(&listing()));
    let url = GitUrl::parse(&server.url()).unwrap();
    let checker = Checker::new(policy()).with_resolver(Names::usual());
    let list = async |url| checker.list(url, &Credentials::Anonymous, &Trust::default()).await;
    let failure = list(&url).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::CertificateRefused);
    assert!(failure.sentence().contains("no root certificates"), "{failure}");

    // They are looked for again.
    std::fs::write(file, &server.authority).unwrap();
    assert_eq!(list(&url).await, Ok(two_references()));
    let stranger = Server::answering(git_response(&listing()));
    let url = GitUrl::parse(&stranger.url()).unwrap();
    assert_eq!(list(&url).await.unwrap_err().cause(), Cause::CertificateRefused);
    assert!(stranger.requests().is_empty());
}
