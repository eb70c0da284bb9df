//! Listings over SSH.

use std::sync::Arc;
use std::time::{Duration, Instant};

use git_access::{Cause, Checker, Credentials, Failure, GitUrl, Limits, Listing, Trust};
use ring::hmac;
use russh::kex::dh::groups::{DH_GROUP14, DH_GROUP16};
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{EcdsaCurve, PrivateKey, encode_pkcs8_pem, encode_pkcs8_pem_encrypted};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, kex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::ssh_server::{Door, Script, Server, ecdsa, ed25519, rsa};
use crate::support::{
    Check, HOST, Names, PASSWORD, PERMITTED, listing, packet, policy, real_empty_repository,
    real_repository, short, two_references,
};

fn says(output: &str) -> Script {
    Script::Says(output.to_owned(), String::new(), 0)
}

fn fails(error: &str) -> Script {
    Script::Says(String::new(), format!("{error} {PASSWORD}"), 128)
}

fn openssh(key: &PrivateKey) -> String {
    key.to_openssh(LineEnding::LF).unwrap().to_string()
}

fn pkcs8(key: &PrivateKey) -> String {
    let mut text = Vec::new();
    encode_pkcs8_pem(key, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn door(key: &PrivateKey) -> Door {
    Door { key: Some(key.public_key().clone()), ..Door::default() }
}

fn with_key(server: &Server, text: &str) -> Check {
    Check { credentials: Credentials::SshKey(text.into()), ..Check::with(server.trust()) }
}

async fn cause_of(script: Script) -> Cause {
    let server = Server::open(script);
    Check::with(server.trust()).cause(&server.url()).await
}

#[tokio::test]
async fn a_repository_is_listed_with_each_kind_of_key() {
    for (key, algorithm) in [
        (ed25519(), "ssh-ed25519"),
        (ecdsa(EcdsaCurve::NistP256), "ecdsa-sha2-nistp256"),
        (ecdsa(EcdsaCurve::NistP384), "ecdsa-sha2-nistp384"),
        (ecdsa(EcdsaCurve::NistP521), "ecdsa-sha2-nistp521"),
        (rsa(), "rsa-sha2-512"),
    ] {
        let server = Server::with(vec![ed25519()], door(&key), says(&listing()));
        for text in [openssh(&key), pkcs8(&key), openssh(&key).replace('\n', "\r\n")] {
            let check = with_key(&server, &text);
            assert_eq!(check.list(&server.url()).await, Ok(two_references()), "{algorithm}");
        }
        let log = server.log();
        assert_eq!(log.algorithms, [algorithm; 3]);
        assert_eq!(log.users, ["git"; 3]);
        assert_eq!(log.commands, ["git-upload-pack '/a/b.git'"; 3]);
    }
}

#[tokio::test]
async fn the_server_is_told_that_nothing_is_wanted() {
    let server = Server::open(Script::Waits);
    let check = Check::with(server.trust());
    assert_eq!(check.list(&server.url()).await, Ok(two_references()));
    server.ended().await;
    assert_eq!(server.log().input, b"0000");
    assert_eq!(check.names.asked(), [HOST]);
}

#[tokio::test]
async fn real_repositories_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["it's \"here\" $HOME `id` !x; \\ é", "plain", "~tilde"];
    for name in names {
        real_repository(&directory.path().join(name));
    }
    real_empty_repository(&directory.path().join("empty"));
    let server = Server::open(Script::Shell(directory.path().to_owned()));
    let check = Check::with(server.trust());
    let root = directory.path().display();
    for name in names {
        let listed = check.list(&server.url_of(&format!("{root}/{name}"))).await.unwrap();
        assert_eq!(listed.references, 3, "{name}");
    }
    let encoded = server.url_of(&format!("{root}/pl%61in"));
    assert_eq!(check.list(&encoded).await.unwrap().references, 3);
    let empty = server.url_of(&format!("{root}/empty"));
    assert_eq!(check.list(&empty).await, Ok(Listing::default()));
    assert_eq!(check.cause(&server.url_of("none")).await, Cause::NotFound);
}

#[tokio::test]
async fn commands() {
    let server = Server::open(says(&listing()));
    let check = Check::with(server.trust());
    for (path, command) in [
        ("a", "git-upload-pack '/a'"),
        ("~me/a", "git-upload-pack '~me/a'"),
        ("it's", r"git-upload-pack '/it'\''s'"),
        ("%27;id;%27", r"git-upload-pack '/'\'';id;'\'''"),
        ("a!", r"git-upload-pack '/a'\!''"),
    ] {
        assert_eq!(check.list(&server.url_of(path)).await, Ok(two_references()));
        assert_eq!(server.log().commands.pop().unwrap(), command);
    }
}

#[tokio::test]
async fn users_and_passwords() {
    let door = Door { password: Some(PASSWORD), ..Door::default() };
    let server = Server::with(vec![ed25519()], door, says(&listing()));
    let basic = |username: &str, password: &str| Credentials::Basic {
        username: username.into(),
        password: password.into(),
    };
    for (user_of_url, username, user) in
        [("", "", "git"), ("", "me", "me"), ("you@", "me", "you"), ("you@", "", "you")]
    {
        let check = Check { credentials: basic(username, PASSWORD), ..Check::with(server.trust()) };
        let url = server.url().replace(HOST, &format!("{user_of_url}{HOST}"));
        assert_eq!(check.list(&url).await, Ok(two_references()));
        assert_eq!(server.log().users.pop().unwrap(), user);
    }
    for credentials in [basic("git", "wrong"), Credentials::Anonymous] {
        let check = Check { credentials, ..Check::with(server.trust()) };
        assert_eq!(check.cause(&server.url()).await, Cause::AuthenticationRefused);
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    for (right, wrong) in [(ed25519(), ed25519()), (rsa(), ed25519()), (ed25519(), rsa())] {
        let server = Server::with(vec![ed25519()], door(&right), says(&listing()));
        let check = with_key(&server, &openssh(&wrong));
        assert_eq!(check.cause(&server.url()).await, Cause::AuthenticationRefused);
        assert!(server.log().commands.is_empty());
    }
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_found_before_a_connection() {
    let key = ed25519();
    let server = Server::with(vec![ed25519()], door(&key), says(&listing()));
    let mut encrypted_pkcs8 = Vec::new();
    encode_pkcs8_pem_encrypted(&key, b"x", 10, &mut encrypted_pkcs8).unwrap();
    let encrypted_pkcs8 = String::from_utf8(encrypted_pkcs8).unwrap();
    let encrypted = openssh(&key.encrypt(&mut safe_rng(), b"x").unwrap());
    let encrypted_pkcs1 = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
        DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n\
        -----END RSA PRIVATE KEY-----\n";
    let text = openssh(&key);
    let half = &text[..text.len() / 2];
    let long = format!("{}{}", "\n# comment".repeat(1000), text);
    for (text, cause) in [
        (encrypted.as_str(), Cause::KeyEncrypted),
        (&encrypted_pkcs8, Cause::KeyEncrypted),
        (encrypted_pkcs1, Cause::KeyEncrypted),
        ("", Cause::KeyUnreadable),
        (PASSWORD, Cause::KeyUnreadable),
        (half, Cause::KeyUnreadable),
        (&key.public_key().to_openssh().unwrap(), Cause::KeyUnreadable),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
            Cause::KeyUnreadable,
        ),
        ("-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----", Cause::KeyUnreadable),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none", Cause::KeyUnreadable),
        (&long, Cause::KeyUnreadable),
    ] {
        let check = with_key(&server, text);
        assert_eq!(check.cause(&server.url()).await, cause, "{text}");
        assert!(check.names.asked().is_empty());
    }
    assert_eq!(server.log().connections, 0);
}

async fn judged(server: &Server, known_hosts: &str) -> Result<Listing, Cause> {
    let trust = Trust { known_hosts: known_hosts.to_owned(), ..Trust::default() };
    let result = Check::with(trust).list(&server.url()).await;
    if result.is_err() {
        assert!(server.log().users.is_empty(), "nothing is shown to a server that is not trusted");
    }
    result.map_err(|failure| failure.cause())
}

#[tokio::test]
async fn host_keys_are_checked() {
    let server = Server::open(says(&listing()));
    let (host, port) = (server.host(), server.address.port());
    let other = ed25519().public_key().to_openssh().unwrap();
    let lines = server.trust().known_hosts;
    let key = lines.trim().split_once(' ').unwrap().1.to_owned();

    let unknown = Err(Cause::HostUnknown);
    let changed = Err(Cause::HostKeyChanged);
    assert_eq!(judged(&server, "").await, unknown);
    assert_eq!(judged(&server, &format!("example.org {key}")).await, unknown);
    assert_eq!(judged(&server, &format!("{HOST} {key}")).await, unknown, "for another port");
    assert_eq!(judged(&server, &format!("# {lines}")).await, unknown);
    assert_eq!(judged(&server, &format!("@cert-authority {lines}")).await, unknown);
    assert_eq!(judged(&server, &format!("[*]:{port},!{host} {key}")).await, unknown);
    assert_eq!(server.log().connections, 0, "an unknown host is not connected to");

    assert_eq!(judged(&server, &format!("{host} {other}")).await, changed);
    assert_eq!(judged(&server, &format!("{lines}@revoked * {key}")).await, changed);
    let rsa = rsa().public_key().to_openssh().unwrap();
    assert_eq!(judged(&server, &format!("{host} {rsa}")).await, changed);

    let listed = Ok(two_references());
    let salt = [7; 20];
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    let hash = hmac::sign(&hmac_key, host.as_bytes());
    let base64 = |bytes: &[u8]| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let hashed = format!("|1|{}|{} {key}", base64(&salt), base64(hash.as_ref()));
    assert_eq!(judged(&server, &hashed).await, listed);
    assert_eq!(judged(&server, &format!("{host} {other}\n{lines}")).await, listed);
    assert_eq!(judged(&server, &format!("a.org,[*.example.com]:{port} {key}")).await, listed);
}

#[tokio::test]
async fn sentences_say_what_to_do() {
    let server = Server::open(says(&listing()));
    let failure = Check::with(Trust::default()).list(&server.url()).await.unwrap_err();
    let port = server.address.port();
    let expected =
        format!("the host key of {HOST}:{port} is not in argocd-ssh-known-hosts-cm; add it there");
    assert_eq!(failure.sentence(), expected);
}

#[tokio::test]
async fn a_host_is_asked_for_a_key_that_is_known() {
    let keys = vec![rsa(), ecdsa(EcdsaCurve::NistP256), ed25519()];
    let door = Door { is_open: true, ..Door::default() };
    let server = Server::with(keys, door, says(&listing()));
    for algorithm in ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"] {
        let check = Check::with(server.trust_in(algorithm));
        assert_eq!(check.list(&server.url()).await, Ok(two_references()), "{algorithm}");
    }
}

#[tokio::test]
async fn a_host_with_another_kind_of_key_has_changed() {
    let known = ed25519().public_key().to_openssh().unwrap();
    let door = Door { is_open: true, ..Door::default() };
    let server = Server::with(vec![rsa()], door, says(&listing()));
    assert_eq!(
        judged(&server, &format!("{} {known}", server.host())).await,
        Err(Cause::HostKeyChanged)
    );
}

#[tokio::test]
async fn key_exchanges() {
    for (exchange, cause) in [
        (kex::MLKEM768X25519_SHA256, None),
        (kex::CURVE25519, None),
        (kex::ECDH_SHA2_NISTP256, None),
        (kex::ECDH_SHA2_NISTP521, None),
        (kex::DH_G14_SHA256, None),
        (kex::DH_GEX_SHA256, None),
        (kex::DH_G14_SHA1, Some(Cause::ServerError)),
        (kex::NONE, Some(Cause::ServerError)),
    ] {
        let preferred = Preferred { kex: vec![exchange].into(), ..Preferred::default() };
        let door = Door { is_open: true, ..Door::default() };
        let prefer = |config: &mut Config| config.preferred = preferred;
        let server = Server::changed(prefer, vec![ed25519()], door, says(&listing()));
        let result = Check::with(server.trust()).list(&server.url()).await;
        assert_eq!(result.err().map(|failure| failure.cause()), cause, "{exchange:?}");
    }
}

#[tokio::test]
async fn parameters_that_take_long_are_refused() {
    for (group, cause) in [(DH_GROUP14, None), (DH_GROUP16, Some(Cause::ServerError))] {
        let kex = vec![kex::DH_GEX_SHA256].into();
        let prefer =
            |config: &mut Config| config.preferred = Preferred { kex, ..Preferred::default() };
        let door = Door { is_open: true, group: Some(group), ..Door::default() };
        let server = Server::changed(prefer, vec![ed25519()], door, says(&listing()));
        let result = Check::with(server.trust()).list(&server.url()).await;
        assert_eq!(result.err().map(|failure| failure.cause()), cause);
    }
}

#[tokio::test]
async fn a_server_may_not_exchange_keys_all_the_time() {
    for (bytes, cause) in [(1 << 30, Cause::TooLarge), (64 * 1024, Cause::ServerError)] {
        let hour = Duration::from_secs(3600);
        let limit = |config: &mut Config| config.limits = russh::Limits::new(bytes, 1 << 30, hour);
        let door = Door { is_open: true, ..Door::default() };
        let script = Script::Endless { is_error: false };
        let server = Server::changed(limit, vec![ed25519()], door, script);
        assert_eq!(Check::with(server.trust()).cause(&server.url()).await, cause);
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_a_refusal() {
    for methods in [MethodSet::empty(), MethodSet::from(&[MethodKind::PublicKey][..])] {
        let door = Door { methods: Some(methods), ..Door::default() };
        let server = Server::with(vec![ed25519()], door, says(&listing()));
        for _ in 0..10 {
            let check = Check::with(server.trust());
            assert_eq!(check.cause(&server.url()).await, Cause::AuthenticationRefused);
        }
    }
}

#[tokio::test]
async fn a_complete_listing_is_enough() {
    // The server takes no data, and does not end.
    let close = |config: &mut Config| config.window_size = 0;
    let door = Door { is_open: true, ..Door::default() };
    let server = Server::changed(close, vec![ed25519()], door, Script::Stays);
    assert_eq!(Check::with(server.trust()).list(&server.url()).await, Ok(two_references()));
    server.ended().await;
    assert!(server.log().input.is_empty());
}

#[tokio::test]
async fn what_programs_say() {
    for (script, cause) in [
        (fails("ERROR: Repository not found."), Cause::NotFound),
        (
            fails("ERROR: The project you were looking for could not be found or you don't have"),
            Cause::NotFound,
        ),
        (fails("fatal: '/a' does not appear to be a git repository"), Cause::NotFound),
        (fails("ERROR: Permission to a/b.git denied to deploy key"), Cause::NotFound),
        (fails("Welcome!"), Cause::NotGit),
        (Script::Says(String::new(), String::new(), 0), Cause::NotGit),
        (says(&packet(&format!("ERR access denied: {PASSWORD}"))), Cause::NotFound),
        (says(&packet(&format!("ERR {PASSWORD}"))), Cause::ServerError),
        (says(PASSWORD), Cause::NotGit),
        (says(&listing()[..50]), Cause::NotGit),
        (Script::Refused, Cause::NotGit),
        (Script::Leaves(PASSWORD), Cause::ServerError),
    ] {
        assert_eq!(cause_of(script).await, cause);
    }
}

#[tokio::test]
async fn endless_programs_end_by_the_limits() {
    assert_eq!(cause_of(Script::Endless { is_error: false }).await, Cause::TooLarge);
    assert_eq!(cause_of(Script::Endless { is_error: true }).await, Cause::TooLarge);
}

#[tokio::test]
async fn servers_that_take_their_time_end_by_the_deadline() {
    // Enough to come as far as the program, however busy the machine is.
    let total = Duration::from_secs(4);
    let end_of = async |script| {
        let server = Server::open(script);
        let limits = Limits { total, ..Limits::default() };
        let check = Check { limits, ..Check::with(server.trust()) };
        let start = Instant::now();
        assert_eq!(check.cause(&server.url()).await, Cause::TimedOut);
        assert!(start.elapsed() >= total);
        server.running().await;
        server.ended().await;
    };
    tokio::join!(end_of(Script::Hangs), end_of(Script::Drips));
}

/// Listens, and says something or nothing to all who come.
async fn stranger(text: &'static str) -> (String, Trust) {
    let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(text.as_bytes()).await;
            streams.extend(text.is_empty().then_some(stream));
        }
    });
    let key = ed25519().public_key().to_openssh().unwrap();
    let known_hosts = format!("[{HOST}]:{port} {key}");
    (format!("ssh://{HOST}:{port}/a"), Trust { known_hosts, ..Trust::default() })
}

#[tokio::test]
async fn servers_that_do_not_speak_ssh() {
    let (url, trust) = stranger("").await;
    let check = Check { limits: short(), ..Check::with(trust) };
    assert_eq!(check.cause(&url).await, Cause::TimedOut);
    for text in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\nnonsense nonsense nonsense"] {
        let (url, trust) = stranger(text).await;
        assert_eq!(Check::with(trust).cause(&url).await, Cause::ServerError, "{text}");
    }
}

#[tokio::test]
async fn a_server_may_open_no_channel() {
    let server = Server::open(Script::OpensChannels);
    assert_eq!(Check::with(server.trust()).list(&server.url()).await, Ok(two_references()));
    let log = server.log();
    assert_eq!((log.accepted, log.declined), (0, 7));
}

#[tokio::test]
async fn a_dropped_check_leaves_no_connection() {
    let server = Server::open(Script::Hangs);
    let checker = Checker::new(policy()).with_resolver(Names::usual());
    let (url, trust) = (GitUrl::parse(&server.url()).unwrap(), server.trust());
    let checker = Arc::new(checker);
    let task: tokio::task::JoinHandle<Result<Listing, Failure>> =
        tokio::spawn(async move { checker.list(&url, &Credentials::Anonymous, &trust).await });
    server.running().await;
    task.abort();
    server.ended().await;
}

#[tokio::test]
async fn a_server_that_stops_halfway_is_left() {
    let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let end = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
    });
    let key = ed25519().public_key().to_openssh().unwrap();
    let trust = Trust { known_hosts: format!("[{HOST}]:{port} {key}"), ..Trust::default() };
    let limits = Limits { total: Duration::from_secs(2), ..Limits::default() };
    let check = Check { limits, ..Check::with(trust) };
    assert_eq!(check.cause(&format!("ssh://{HOST}:{port}/a")).await, Cause::TimedOut);
    tokio::time::timeout(Duration::from_secs(20), end).await.unwrap().unwrap();
}
