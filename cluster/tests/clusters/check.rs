//! Whether a cluster accepts a token.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use cluster_access::{
    ApiUrl, Cause, ClusterClient, Limits, Namespaces, Policy, Reason, Target, Trust,
};
use git_stand_in::https::Answer;
use git_stand_in::identity::{identity, self_signed, signed_by};
use git_stand_in::{Behaviour, HttpsServer};
use rcgen::date_time_ymd;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::api_server::ApiServer;
use crate::support::{
    BROKEN_HOST, FORBIDDEN, FORBIDDEN_HOST, HOST, Names, PERMITTED, TOKEN, cause_of, check,
    check_with, client, policy, response, scripted, short, target, usual,
};

const LIST: &str = r#"{"kind":"NamespaceList","apiVersion":"v1","items":[]}"#;

fn ok() -> Answer {
    response("200 OK", "content-type: application/json\r\n", LIST)
}

#[tokio::test]
async fn namespaces_are_listed_or_the_specs_first_is_got() {
    let server = ApiServer::start(&["b", "a"]).await;
    for (list, request) in [
        (&[][..], "GET /api/v1/namespaces?limit=1"),
        (&["b", "a"][..], "GET /api/v1/namespaces/b"),
        (&["a", "none"][..], "GET /api/v1/namespaces/a"),
    ] {
        assert_eq!(check_with(client(usual()), &server.target, list).await, Ok(()));
        assert_eq!(server.take_requests(), [request]);
    }
    let failure = check_with(client(usual()), &server.target, &["none", "a"]).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::NamespaceNotFound);
    assert_eq!(failure.reason(), &Reason::CredentialsNotValidated);
}

#[tokio::test]
async fn a_cluster_below_a_path_is_asked_there() {
    let (server, target) = scripted(ok());
    let url = ApiUrl::parse(&format!("{}/k8s/clusters/c-1/", target.url)).unwrap();
    let target = Target { url, ..target };
    assert_eq!(check(&target).await, Ok(()));
    let head = server.heads().pop().unwrap();
    let line = "GET /k8s/clusters/c-1/api/v1/namespaces?limit=1 HTTP/1.1\r\n";
    assert!(head.starts_with(line), "{head}");
    let port = server.address().port();
    for header in [
        format!("host: {HOST}:{port}\r\n"),
        format!("authorization: Bearer {TOKEN}\r\n"),
        "accept: application/json\r\n".to_owned(),
    ] {
        assert!(head.contains(&header), "{head}");
    }
}

#[tokio::test]
async fn statuses() {
    use Reason as R;
    for (status, cause, reason) in [
        ("401 Unauthorized", Cause::TokenRefused, R::CredentialsNotValidated),
        ("403 Forbidden", Cause::Forbidden, R::CredentialsForbidden),
        ("404 Not Found", Cause::NotKubernetes, R::CredentialsNotValidated),
        ("409 Conflict", Cause::NotKubernetes, R::CredentialsNotValidated),
        ("301 Moved Permanently", Cause::RedirectRefused, R::CredentialsNotValidated),
        ("302 Found", Cause::RedirectRefused, R::CredentialsNotValidated),
        ("307 Temporary Redirect", Cause::RedirectRefused, R::CredentialsNotValidated),
        ("429 Too Many Requests", Cause::ServerError, R::CredentialsNotValidated),
        ("500 Internal Server Error", Cause::ServerError, R::CredentialsNotValidated),
        ("503 Service Unavailable", Cause::ServerError, R::CredentialsNotValidated),
        ("418 I'm a teapot", Cause::ServerError, R::CredentialsNotValidated),
    ] {
        // A server that repeats what it was shown, and one that leads elsewhere.
        let headers = format!("www-authenticate: {TOKEN}\r\nlocation: https://{HOST}/{TOKEN}\r\n");
        let (server, target) = scripted(response(status, &headers, TOKEN));
        let failure = check(&target).await.unwrap_err();
        assert_eq!((failure.cause(), failure.reason()), (cause, &reason), "{status}");
        assert_eq!(server.heads().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_knows_another_token_refuses_ours() {
    let server = ApiServer::start(&[]).await;
    let target = server.target.with_token("another".into());
    assert_eq!(check(&target).await.unwrap_err().cause(), Cause::TokenRefused);
}

#[tokio::test]
async fn what_is_not_kubernetes_is_told() {
    let json = |body: &str| response("200 OK", "content-type: application/json\r\n", body);
    for answer in [
        json(""),
        json("{}"),
        json("[]"),
        json(r#"{"kind":"NodeList","apiVersion":"v1"}"#),
        json(r#"{"kind":["NamespaceList"]}"#),
        json(&"[".repeat(100_000)),
        json(&format!("<html>{TOKEN}</html>")),
        response("204 No Content", "", ""),
        Answer::Bytes(TOKEN.into()),
        Answer::Bytes("SSH-2.0-OpenSSH\r\n\r\n".into()),
    ] {
        assert_eq!(cause_of(answer).await, Cause::NotKubernetes);
    }
    for answer in [
        Answer::Bytes(Vec::new()),
        Answer::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{LIST}").into()),
    ] {
        assert_eq!(cause_of(answer).await, Cause::ServerError);
    }
}

#[tokio::test]
async fn a_404_of_any_server_says_nothing_of_a_namespace() {
    let (_server, target) = scripted(response("404 Not Found", "", "<html></html>"));
    let failure = check_with(client(usual()), &target, &["a"]).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::NotKubernetes);
}

#[tokio::test]
async fn a_server_takes_no_more_than_its_time() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    for answer in [
        Answer::Hang,
        Answer::Drip(b"HTTP/1.1 200 OK\r\na: b".to_vec()),
        Answer::Drip([head, vec![b' '; 1000]].concat()),
    ] {
        let (_server, target) = scripted(answer);
        let began = Instant::now();
        let failure = check_with(client(short()), &target, &[]).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::TimedOut);
        assert_eq!(failure.reason(), &Reason::CredentialsNotValidated);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    // One that does not even speak TLS.
    let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = target(HOST, port, Trust::Anyone);
    let failure = check_with(client(short()), &silent, &[]).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::TimedOut);
}

#[tokio::test]
async fn a_server_sends_no_more_than_its_share() {
    let head = "HTTP/1.1 200 OK\r\n";
    for answer in [
        Answer::Endless(format!("{head}\r\n").into(), vec![b' '; 10_000]),
        Answer::Endless(head.into(), "a: b\r\n".repeat(1000).into()),
        Answer::Endless(head.into(), vec![b'a'; 10_000]),
        Answer::Endless(
            format!("{head}transfer-encoding: chunked\r\n\r\n").into(),
            "5\r\nabcde\r\n".repeat(1000).into(),
        ),
    ] {
        assert_eq!(cause_of(answer).await, Cause::TooLarge);
    }
    let (_server, target) = scripted(ok());
    let limits = |body: usize| Limits { body, ..usual() };
    let bounded = |body: usize| check_with(client(limits(body)), &target, &[]);
    assert_eq!(bounded(LIST.len()).await, Ok(()));
    assert_eq!(bounded(LIST.len() - 1).await.unwrap_err().cause(), Cause::TooLarge);
}

#[tokio::test]
async fn only_whose_certificate_it_should_be_is_shown_the_token() {
    let unknown = Reason::CertificateUnknown;
    let other = Reason::CredentialsNotValidated;
    let expired = |params: &mut rcgen::CertificateParams| {
        params.not_after = date_time_ymd(2020, 1, 1);
    };
    let future = |params: &mut rcgen::CertificateParams| {
        params.not_before = date_time_ymd(2999, 1, 1);
        params.not_after = date_time_ymd(3000, 1, 1);
    };
    let namesake = signed_by("rcgen self signed cert", &[HOST], |_| {}).authority;
    let nothing = Some(String::new());
    for (server, trusted, cause, reason) in [
        (identity(&[HOST], |_| {}), Some(namesake), Cause::CertificateUnknown, &unknown),
        (identity(&[HOST], |_| {}), nothing, Cause::CertificateUnknown, &unknown),
        (identity(&[HOST], expired), None, Cause::CertificateInvalid, &other),
        (identity(&[HOST], future), None, Cause::CertificateInvalid, &other),
        (identity(&["b.example.com"], |_| {}), None, Cause::CertificateInvalid, &other),
    ] {
        let trust = Trust::Authority(trusted.unwrap_or_else(|| server.authority.clone()));
        let server = HttpsServer::scripted(server, ok());
        let target = target(HOST, server.address().port(), trust);
        let failure = check(&target).await.unwrap_err();
        assert_eq!((failure.cause(), failure.reason()), (cause, reason), "{failure}");
        assert!(server.heads().is_empty(), "a server that is not trusted saw the token");
    }
}

#[tokio::test]
async fn a_certificate_of_its_own_is_known_by_itself() {
    let identity = self_signed(&[HOST], |_| {});
    let own = identity.leaf.clone();
    let server = HttpsServer::scripted(identity, ok());
    let port = server.address().port();
    assert_eq!(check(&target(HOST, port, Trust::Authority(own))).await, Ok(()));
    let failure = check(&target(HOST, port, Trust::System)).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::CertificateUnknown);
    assert_eq!(failure.reason(), &Reason::CertificateUnknown);
}

#[tokio::test]
async fn the_check_of_a_certificate_can_be_skipped() {
    let expired = |params: &mut rcgen::CertificateParams| {
        params.not_after = date_time_ymd(2020, 1, 1);
    };
    let server = HttpsServer::scripted(identity(&["b.example.com"], expired), ok());
    let target = target(HOST, server.address().port(), Trust::Anyone);
    assert_eq!(check(&target).await, Ok(()));
}

#[tokio::test]
async fn a_certificate_may_be_for_the_kubeconfigs_name() {
    let identity = identity(&["b.example.com"], |_| {});
    let trust = Trust::Authority(identity.authority.clone());
    let server = HttpsServer::scripted(identity, ok());
    let named = |name: Option<&str>| Target {
        server_name: name.map(str::to_owned),
        ..target(HOST, server.address().port(), trust.clone())
    };
    assert_eq!(check(&named(Some("b.example.com"))).await, Ok(()));
    let head = server.heads().pop().unwrap();
    assert!(head.contains(&format!("host: {HOST}:")), "{head}");
    for name in [None, Some("c.example.com")] {
        let failure = check(&named(name)).await.unwrap_err();
        assert_eq!(failure.cause(), Cause::CertificateInvalid);
    }
}

#[tokio::test]
async fn clusters_that_are_not_reached() {
    let (server, up) = scripted(ok());
    let port = server.address().port();
    let names = Names::usual();
    let ask = |host: &str| {
        let client = ClusterClient::new(policy()).with_resolver(names.clone());
        let target = target(host, port, up.trust.clone());
        async move { check_with(client, &target, &[]).await.unwrap_err() }
    };
    for (host, cause) in [
        ("none.example.com", Cause::NoSuchHost),
        (BROKEN_HOST, Cause::Unreachable),
        (FORBIDDEN_HOST, Cause::AddressForbidden),
        (FORBIDDEN, Cause::AddressForbidden),
        ("[::1]", Cause::AddressForbidden),
        ("[::ffff:127.0.0.2]", Cause::AddressForbidden),
        ("169.254.169.254", Cause::AddressForbidden),
        ("0.0.0.0", Cause::AddressForbidden),
    ] {
        assert_eq!(ask(host).await.cause(), cause, "{host}");
    }
    let asked = ["none.example.com", BROKEN_HOST, FORBIDDEN_HOST];
    assert_eq!(names.asked(), asked, "a name is resolved once");

    let failure = ask("none.example.com").await;
    assert_eq!(failure.reason().name(), "UnableToCreateClient");
    let message = failure.reason().message();
    assert!(message.ends_with(": lookup none.example.com: no such host"), "{message}");

    server.behave(Behaviour::Down);
    let failure = check(&up).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::Unreachable);
    assert_eq!(failure.reason(), &Reason::CredentialsNotValidated);
}

#[tokio::test]
async fn no_forbidden_address_is_connected_to() {
    let listener = TcpListener::bind((FORBIDDEN, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let failure = check(&target(FORBIDDEN_HOST, port, Trust::Anyone)).await.unwrap_err();
    assert_eq!(failure.cause(), Cause::AddressForbidden);
    let arrived = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(arrived.is_err(), "a forbidden address was connected to");
}

#[tokio::test]
async fn this_clusters_own_api_server_may_be_asked() {
    let (server, up) = scripted(ok());
    let SocketAddr::V4(address) = server.address() else { panic!("another kind of address") };
    let own: Vec<IpAddr> = vec![(*address.ip()).into()];
    // It is on loopback, which is forbidden for another reason, unless that is allowed.
    for (policy, is_asked) in [
        (Policy { own: own.clone(), ..policy() }, true),
        (Policy { own, ..Policy::default() }, false),
    ] {
        let client = ClusterClient::new(policy).with_resolver(Names::usual());
        assert_eq!(check_with(client, &up, &[]).await.is_ok(), is_asked);
    }
}

#[tokio::test]
async fn a_check_ends_with_its_future() {
    let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let target = target(HOST, port, Trust::Anyone);
        client(usual()).check(&target, &Namespaces::default()).await
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    task.abort();
    let mut sink = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut sink);
    // An end, or a reset.
    let _ = timeout(Duration::from_secs(10), read).await.expect("the connection has ended");
}
