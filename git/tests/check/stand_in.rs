//! What other tests rely on of the servers that they use: repositories, accounts and behaviours that
//! change while a server runs.

use std::process::Command;

use git_access::{Cause, Credentials, Trust};
use git_stand_in::{Access, Account, Behaviour, HttpsServer, KeyPair, Request, SshServer};

use crate::https_server::trust_for;
use crate::support::{Check, OBJECT, PASSWORD, basic, short, two_references};

fn request(path: &str, is_authorised: bool) -> Request {
    Request { path: path.to_owned(), is_authorised }
}

fn over_https(server: &HttpsServer) -> Check {
    Check::with(trust_for(&[(server.host(), server.certificate_pem())]))
}

fn over_ssh(server: &SshServer) -> Check {
    Check::with(Trust { known_hosts: server.known_hosts_line(), ..Trust::default() })
}

#[tokio::test]
async fn accounts_over_https_change() {
    let server = HttpsServer::start();
    let (check, url) = (over_https(&server), server.url("team/app.git"));
    assert_eq!(check.cause(&url).await, Cause::NotFound);
    server.set_repository("team/app.git", Account::new("someone", "another"));
    assert_eq!(check.cause(&url).await, Cause::AuthenticationRefused);
    server.set_repository("team/app.git", Account::new("someone", PASSWORD));
    assert_eq!(check.list(&url).await, Ok(two_references()));
    assert_eq!(check.cause(&server.url("team/other.git")).await, Cause::NotFound);
    server.remove_repository("team/app.git");
    assert_eq!(check.cause(&url).await, Cause::NotFound);
    let requests = [false, false, true].map(|is| request("team/app.git", is));
    assert_eq!(server.requests()[..3], requests);
    assert_eq!(server.requests()[3..].len(), 2);
    assert_eq!((server.listings("team/app.git"), server.listings("team/other.git")), (1, 0));
}

#[test]
fn git_itself_lists_a_repository() {
    let server = HttpsServer::start();
    server.set_repository("team/app.git", Account::new("someone", PASSWORD));
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("certificate.pem");
    std::fs::write(&certificate, server.certificate_pem()).unwrap();
    let url = server.url("team/app.git").replace("://", &format!("://someone:{PASSWORD}@"));
    let output = Command::new("git")
        .args(["ls-remote", &url])
        .env("GIT_SSL_CAINFO", certificate)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("no_proxy", "*")
        .output()
        .expect("git is needed");
    let text = String::from_utf8_lossy(&output.stdout);
    let expected = format!("{OBJECT}\tHEAD\n{OBJECT}\trefs/heads/main\n");
    assert_eq!(text, expected, "{output:?}");
    assert_eq!(server.listings("team/app.git"), 1);
}

#[tokio::test]
async fn access_over_ssh_changes() {
    let server = SshServer::start();
    let (check, url) = (over_ssh(&server), server.url("team/app.git"));
    assert_eq!(check.cause(&url).await, Cause::AuthenticationRefused, "nobody is known");
    server.set_repository("team/app.git", Access::Password(PASSWORD.to_owned()));
    assert_eq!(check.list(&url).await, Ok(two_references()));
    assert_eq!(check.cause(&server.url("team/other.git")).await, Cause::NotFound);

    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    server.set_repository("team/app.git", Access::Key(key.public));
    server.set_repository("team/other.git", Access::Key(other.public));
    assert_eq!(check.cause(&url).await, Cause::AuthenticationRefused);
    let with_key = |key: &str| Check {
        credentials: Credentials::SshKey(key.to_owned().into()),
        ..over_ssh(&server)
    };
    assert_eq!(with_key(&key.private).list(&url).await, Ok(two_references()));
    assert_eq!(with_key(&other.private).cause(&url).await, Cause::NotFound);
    server.remove_repository("team/app.git");
    assert_eq!(with_key(&key.private).cause(&url).await, Cause::AuthenticationRefused);
    let asked = [
        request("", false),
        request("team/app.git", true),
        request("team/other.git", false),
        request("", false),
        request("team/app.git", true),
        request("team/app.git", false),
        request("", false),
    ];
    assert_eq!(server.requests(), asked);
    assert_eq!(server.listings("team/app.git"), 2);
}

#[tokio::test]
async fn a_host_key_changes() {
    let server = SshServer::start();
    server.set_repository("app", Access::Password(PASSWORD.to_owned()));
    let before = over_ssh(&server);
    assert_eq!(before.list(&server.url("app")).await, Ok(two_references()));
    server.rotate_host_key();
    assert_eq!(before.cause(&server.url("app")).await, Cause::HostKeyChanged);
    assert_eq!(over_ssh(&server).list(&server.url("app")).await, Ok(two_references()));
}

const FAILURES: [(Behaviour, Cause); 4] = [
    (Behaviour::Down, Cause::Unreachable),
    (Behaviour::Hang, Cause::TimedOut),
    (Behaviour::ServerError, Cause::ServerError),
    (Behaviour::Endless, Cause::TooLarge),
];

#[tokio::test]
async fn behaviours_over_https() {
    let server = HttpsServer::start();
    server.set_repository("app", Account::new("someone", PASSWORD));
    let url = server.url("app");
    for (behaviour, cause) in FAILURES {
        server.behave(behaviour);
        let mut check = over_https(&server);
        if behaviour == Behaviour::Hang {
            check.limits = short();
        }
        assert_eq!(check.cause(&url).await, cause, "{behaviour:?}");
        server.behave(Behaviour::Normal);
        assert_eq!(over_https(&server).list(&url).await, Ok(two_references()), "{behaviour:?}");
    }
    assert_eq!(server.listings("app"), 7, "all but the one that found nobody");
}

#[tokio::test]
async fn behaviours_over_ssh() {
    let server = SshServer::start();
    server.set_repository("app", Access::Password(PASSWORD.to_owned()));
    let url = server.url("app");
    for (behaviour, cause) in FAILURES {
        server.behave(behaviour);
        let mut check = over_ssh(&server);
        if behaviour == Behaviour::Hang {
            // Enough to come as far as the program, however busy the machine is.
            check.limits.total = std::time::Duration::from_secs(4);
        }
        assert_eq!(check.cause(&url).await, cause, "{behaviour:?}");
        server.behave(Behaviour::Normal);
        assert_eq!(over_ssh(&server).list(&url).await, Ok(two_references()), "{behaviour:?}");
    }
    assert_eq!(server.listings("app"), 7, "all but the one that found nobody");
}

#[tokio::test]
async fn a_server_is_gone_when_it_is_dropped() {
    let (https, ssh) = (HttpsServer::start(), SshServer::start());
    let urls = [https.url("app"), ssh.url("app")];
    let checks = [over_https(&https), over_ssh(&ssh)];
    drop((https, ssh));
    for (url, check) in urls.iter().zip(checks) {
        assert_eq!(Check { credentials: basic(), ..check }.cause(url).await, Cause::Unreachable);
    }
}
