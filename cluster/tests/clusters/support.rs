//! What all clusters are asked with.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster_access::{
    ApiUrl, Cause, ClusterClient, Failure, Limits, MAX_SENTENCE, Namespaces, Policy, Resolve,
    Resolving, Target, Trust,
};
use git_stand_in::HttpsServer;
use git_stand_in::https::Answer;
use git_stand_in::identity::identity;

/// The name of most clusters.
pub(crate) const HOST: &str = "api.example.com";
/// A name with no address that is permitted.
pub(crate) const FORBIDDEN_HOST: &str = "forbidden.example.com";
/// A name that the resolver cannot tell anything of.
pub(crate) const BROKEN_HOST: &str = "broken.example.com";
/// The loopback address that the policy of these tests permits.
pub(crate) const PERMITTED: &str = "127.0.0.1";
/// One that it does not.
pub(crate) const FORBIDDEN: &str = "127.0.0.2";
/// What must never be in a text.
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";

/// Answers from a table, and remembers the questions.
#[derive(Default)]
pub(crate) struct Names {
    table: BTreeMap<String, Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn usual() -> Arc<Self> {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let table = [
            (HOST, vec![address(PERMITTED)]),
            (FORBIDDEN_HOST, vec![address(FORBIDDEN), address("169.254.169.254")]),
        ];
        let table = table.map(|(name, addresses)| (name.to_owned(), addresses)).into();
        Arc::new(Self { table, asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = match self.table.get(host) {
            Some(addresses) => Ok(addresses.clone()),
            None if host == BROKEN_HOST => Err(io::Error::other(TOKEN)),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        Box::pin(async move { answer })
    }
}

/// For servers that take their time.
pub(crate) fn short() -> Limits {
    let little = Duration::from_millis(400);
    Limits { request: little, token: little, install: little, revoke: little, ..usual() }
}

pub(crate) fn usual() -> Limits {
    Limits { pause: Duration::from_millis(1), ..Limits::default() }
}

pub(crate) fn policy() -> Policy {
    Policy { allow: vec![PERMITTED.parse::<IpAddr>().unwrap().into()], ..Policy::default() }
}

pub(crate) fn client(limits: Limits) -> ClusterClient {
    ClusterClient::new(policy()).with_resolver(Names::usual()).with_limits(limits)
}

pub(crate) fn target(host: &str, port: u16, trust: Trust) -> Target {
    let url = ApiUrl::parse(&format!("https://{host}:{port}")).unwrap();
    Target { url, token: TOKEN.into(), trust, server_name: None }
}

pub(crate) fn namespaces(list: &[&str]) -> Namespaces {
    let list: Vec<String> = list.iter().map(|name| (*name).to_owned()).collect();
    Namespaces::parse(&list, false).unwrap()
}

/// A server that always answers the same, and the target that it is.
pub(crate) fn scripted(answer: Answer) -> (HttpsServer, Target) {
    let identity = identity(&[HOST], |_| {});
    let trust = Trust::Authority(identity.authority.clone());
    let server = HttpsServer::scripted(identity, answer);
    let target = target(HOST, server.address().port(), trust);
    (server, target)
}

/// A response with a body.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
    Answer::Bytes(text.into())
}

/// Looks for secrets in all that is said of a failure.
pub(crate) fn searched(failure: Failure) -> Failure {
    let reason = failure.reason();
    let text = format!("{failure} {failure:?} {} {}", reason.name(), reason.message());
    assert!(!text.contains(TOKEN) && !text.contains(&TOKEN[..12]), "{text}");
    assert!(!failure.sentence().contains(char::is_control), "{text}");
    let length = failure.sentence().chars().count();
    assert!(length > 0 && length < MAX_SENTENCE, "{text}");
    failure
}

/// Checks, in a task of its own as the program does.
pub(crate) async fn check_with(
    client: ClusterClient,
    target: &Target,
    list: &[&str],
) -> Result<(), Failure> {
    let (target, namespaces) = (target.clone(), namespaces(list));
    let task = tokio::spawn(async move { client.check(&target, &namespaces).await });
    let result = tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
    result.map_err(searched)
}

pub(crate) async fn check(target: &Target) -> Result<(), Failure> {
    check_with(client(usual()), target, &[]).await
}

pub(crate) async fn cause_of(answer: Answer) -> Cause {
    let (_server, target) = scripted(answer);
    check(&target).await.unwrap_err().cause()
}
