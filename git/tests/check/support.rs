//! What all checks are made with.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use git_access::{
    Cause, Checker, Credentials, Failure, GitUrl, Limits, Listing, MAX_SENTENCE, Policy, Resolve,
    Resolving, Trust,
};

pub(crate) use git_stand_in::git::{OBJECT, listing, packet};

/// The name of most servers.
pub(crate) const HOST: &str = "git.example.com";
/// A name with no address that is permitted.
pub(crate) const FORBIDDEN_HOST: &str = "forbidden.example.com";
/// A name that the resolver cannot tell anything of.
pub(crate) const BROKEN_HOST: &str = "broken.example.com";
/// The loopback addresses that the policy of these tests permits. Servers are at the first.
pub(crate) const PERMITTED: &str = "127.0.0.1";
pub(crate) const PERMITTED_TOO: &str = "127.0.0.3";
/// One that it does not.
pub(crate) const FORBIDDEN: &str = "127.0.0.2";
/// What must never be in a sentence.
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";
/// Answers from a table, and remembers the questions.
#[derive(Default)]
pub(crate) struct Names {
    table: BTreeMap<String, Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn new(table: &[(&str, &[&str])]) -> Arc<Self> {
        let addresses = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        let table =
            table.iter().map(|(name, list)| ((*name).to_owned(), addresses(list))).collect();
        Arc::new(Self { table, asked: Mutex::default() })
    }

    pub(crate) fn usual() -> Arc<Self> {
        Self::new(&[
            (HOST, &[PERMITTED]),
            ("other.example.com", &[PERMITTED]),
            (FORBIDDEN_HOST, &[FORBIDDEN, "169.254.169.254"]),
        ])
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
            None if host == BROKEN_HOST => Err(io::Error::other(PASSWORD)),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        Box::pin(async move { answer })
    }
}

/// For servers that take their time.
pub(crate) fn short() -> Limits {
    Limits { total: Duration::from_millis(400), ..Limits::default() }
}

pub(crate) fn policy() -> Policy {
    let allow = [PERMITTED, PERMITTED_TOO].map(|address| address.parse::<IpAddr>().unwrap().into());
    Policy { allow: allow.to_vec(), ..Policy::default() }
}

pub(crate) fn basic() -> Credentials {
    Credentials::Basic { username: "someone".into(), password: PASSWORD.into() }
}

/// A check with all but the URL and the trust as usual.
pub(crate) struct Check {
    pub(crate) names: Arc<Names>,
    pub(crate) limits: Limits,
    pub(crate) credentials: Credentials,
    pub(crate) trust: Trust,
}

impl Check {
    pub(crate) fn with(trust: Trust) -> Self {
        Self { names: Names::usual(), limits: Limits::default(), credentials: basic(), trust }
    }

    /// Lists, in a task of its own as the program does, and looks for secrets in what goes wrong.
    pub(crate) async fn list(&self, url: &str) -> Result<Listing, Failure> {
        let url = GitUrl::parse(url).unwrap();
        let names: Arc<dyn Resolve> = self.names.clone();
        let checker =
            Arc::new(Checker::new(policy()).with_resolver(names).with_limits(self.limits));
        let (credentials, trust) = (self.credentials.clone(), self.trust.clone());
        let task = tokio::spawn(async move { checker.list(&url, &credentials, &trust).await });
        let result = tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
        if let Err(failure) = &result {
            let text = format!("{failure} {failure:?}");
            assert!(!text.contains(PASSWORD), "{text}");
            assert!(!text.contains("c29tZW9uZTpjb3JyZWN0"), "{text}");
            assert!(failure.sentence().chars().count() <= MAX_SENTENCE);
            assert!(!failure.sentence().contains(char::is_control));
        }
        result
    }

    pub(crate) async fn cause(&self, url: &str) -> Cause {
        self.list(url).await.unwrap_err().cause()
    }
}

/// The listing of the servers as it is read.
pub(crate) fn two_references() -> Listing {
    Listing { references: 2, head: Some(OBJECT.to_owned()) }
}

fn git(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Someone", "-c", "user.email=someone@example.com"]);
    let output = command.args(arguments).current_dir(directory).output().expect("git is needed");
    assert!(output.status.success(), "{output:?}");
}

/// A real repository with a branch and an annotated tag, which are three references with `HEAD`.
pub(crate) fn real_repository(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
    git(path, &["init", "--quiet", "--initial-branch=main"]);
    git(path, &["commit", "--quiet", "--allow-empty", "--message=First"]);
    git(path, &["tag", "--annotate", "--message=First", "v1"]);
}

/// A real repository without a commit.
pub(crate) fn real_empty_repository(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
    git(path, &["init", "--quiet"]);
}
