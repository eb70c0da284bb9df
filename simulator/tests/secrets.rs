//! Secrets that must not be repeated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use kube::config::Kubeconfig;
use kube::core::Status;
use managed_gitops::kubernetes::{CountedClient, api_error, cause, said};
use managed_gitops::tenure::Tenure;
use parking_lot::Mutex;
use schema::connection::{ConnectOptions, connect};
use serde_json::{Value, json};
use simulator::checks::search::find;
use simulator::fuzz::secrets::{run, urls};

/// Everything that was logged, of every target and level.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A secret that occurs nowhere else.
fn canary() -> String {
    LazyLock::force(&LOG);
    format!("canary{:016x}", fastrand::u64(..))
}

fn is_not_repeated(secret: &str, place: &str, text: &str) {
    assert_eq!(find(secret, place, text), None);
}

#[test]
fn a_password_in_a_url_is_repeated_nowhere() {
    let secret = canary();
    let report = run(&secret).unwrap();
    assert_eq!(report.found.leaks, []);
    // It was present, it was seen, and it was searched for.
    assert!(report.found.written >= urls(&secret).len(), "{report:?}");
    assert!(report.rejected >= urls(&secret).len(), "{report:?}");
    assert_eq!(report.told, 2, "{report:?}");
    assert!(report.found.searched > 500, "{report:?}");
    let log = LOG.text();
    assert!(log.contains("an object cannot be read"), "the log was not captured");
    is_not_repeated(&secret, "the log", &log);
}

#[test]
fn passwords_are_removed_from_what_the_api_server_says() {
    let secret = canary();
    for url in urls(&secret).iter().filter(|url| url.starts_with("https://user")) {
        for code in [403, 409, 422, 500] {
            let message = format!("spec.source.repoURL: Invalid value: {url:?}: it is not allowed");
            let status = Status { code, ..Status::failure(&message, "Invalid") };
            let api_error = api_error(kube::Error::Api(Box::new(status)));
            is_not_repeated(&secret, "an error", &format!("{api_error} {api_error:?}"));
        }
    }
}

/// Serves one connection on loopback; returns its port.
fn serve(answer: Vec<u8>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(&answer);
        }
    });
    port
}

/// PostgreSQL's answer to an unknown user.
fn unknown_user() -> Vec<u8> {
    let fields = ["SFATAL", "VFATAL", "C28P01", "Mpassword authentication failed for user \"u\""];
    let fields = fields.map(|field| format!("{field}\0")).concat() + "\0";
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    [&b"E"[..], &length, fields.as_bytes()].concat()
}

#[tokio::test]
async fn the_password_of_the_database_is_in_no_error() {
    let secret = canary();
    let port = serve(unknown_user());
    let plain = serve(b"N".to_vec());
    let silent = ConnectOptions {
        connect_timeout: std::time::Duration::from_millis(200),
        ..ConnectOptions::default()
    };
    for (url, says) in [
        (format!("postgres://u:{secret}@127.0.0.1:{port}/d?sslmode=disable"), "does not accept"),
        (format!("postgres://u:{secret}@127.0.0.1:1/d?sslmode=disable"), "refuses connections"),
        (format!("postgres://u:{secret}@nowhere.invalid/d?sslmode=disable"), "cannot be reached"),
        (format!("postgres://u:{secret}@127.0.0.1:{plain}/d"), "TLS"),
        (format!("postgres://u:{secret}@host:port/d"), "cannot be read"),
        (format!("postgres://u:{secret}/@host/d"), "cannot be read"),
        (format!("mysql://u:{secret}@host/d"), "mysql:"),
        (secret.clone(), "no scheme"),
    ] {
        let error = connect(&url, &silent).await.unwrap_err();
        let error = anyhow::Error::from(error);
        assert!(format!("{error:#}").contains(says), "{error:#}");
        is_not_repeated(&secret, "an error", &format!("{error:#} {error:?}"));
    }
    is_not_repeated(&secret, "the log", &LOG.text());
}

/// A kubeconfig with this user in it, for a server on loopback.
fn kubeconfig(port: u16, user: &Value) -> Kubeconfig {
    let server = format!("http://127.0.0.1:{port}");
    let kubeconfig = json!({
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    });
    serde_json::from_value(kubeconfig).unwrap()
}

#[tokio::test]
async fn the_credentials_of_a_kubeconfig_are_in_no_error() {
    let secret = canary();
    let refusal =
        r#"{"kind":"Status","code":401,"message":"Unauthorized","reason":"Unauthorized"}"#;
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{refusal}",
        refusal.len()
    );
    let port = serve(answer.into_bytes());
    let script = format!("echo {secret}; echo {secret} >&2; exit 1");
    let plugin = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
        "interactiveMode": "Never",
    });
    for (user, says) in [
        (json!({"token": secret}), "Unauthorized"),
        (json!({"username": "user", "password": secret}), "Unauthorized"),
        (
            json!({"client-key-data": format!("!{secret}"), "client-certificate-data": "AAAA"}),
            "base64",
        ),
        (json!({"exec": plugin}), "credentials failed"),
    ] {
        let config = kubeconfig(port, &user);
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await;
        // As the commands print it.
        let error = match config {
            Err(error) => format!("{error:#}"),
            Ok(config) => match CountedClient::new(config, Tenure::unlimited()) {
                Err(error) => format!("{} {}", said(&error), cause(&error)),
                Ok(CountedClient { client, .. }) => {
                    let error = client.apiserver_version().await.unwrap_err();
                    let text = format!("{} {}", said(&error), cause(&error));
                    format!("{text} {:?}", api_error(error))
                }
            },
        };
        assert!(error.contains(says), "{error}");
        is_not_repeated(&secret, "an error", &error);
    }
    is_not_repeated(&secret, "the log", &LOG.text());
}
