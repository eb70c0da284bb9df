//! The git servers of tenants, in virtual time: what opens each repository, and how its server
//! behaves. Both can change at any moment.
//!
//! A question that was asked is answered by what was so when it arrived, and the answer may arrive
//! long after that. A process that is dead or cut off neither asks nor hears.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::Arc;

use futures::future::BoxFuture;
use git_access::url::{GitUrl, Transport};
use git_access::{Cause, Credentials, Failure, Limits, Trust};
use managed_gitops::repositories::Repositories;
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use tokio::time::{Duration, timeout};

use crate::environment::journal::Journal;
use crate::environment::process::Process;
use crate::environment::questions::Questions;
use crate::faults::adversary::{Adversary, Asked};

/// How long a server takes that is not slow.
const USUAL: Duration = Duration::from_millis(20);

/// How a server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers at once.
    #[default]
    Answers,
    /// It answers after this long.
    Slow(Duration),
    /// It refuses every credential.
    Refuses,
    /// It never answers.
    Hangs,
    /// There is no connection to it.
    Unreachable,
    /// Its certificate, or host key, is trusted only if a ConfigMap of Argo CD's says so.
    Untrusted,
    /// It shows the repository to nobody.
    Missing,
    /// It fails.
    Fails,
    /// Its listing has no end; this long passes between two references.
    Endless(Duration),
}

impl Behaviour {
    /// How long the program listens: until its check ends, if the server does not end it before.
    fn takes(self) -> Duration {
        let Limits { total, references, .. } = Limits::default();
        match self {
            Self::Hangs => total,
            Self::Slow(pause) => pause.min(total),
            Self::Endless(pause) => {
                let references = u32::try_from(references).unwrap_or(u32::MAX);
                pause.saturating_mul(references).min(total)
            }
            _ => USUAL,
        }
    }
}

/// A repository, and its server.
#[derive(Clone, Debug, Default)]
struct Repository {
    /// The password, or the private key, that opens it.
    opened_by: String,
    behaviour: Behaviour,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    revision: u64,
}

/// See the module; clones share the servers.
#[derive(Clone, Debug, Default)]
pub struct GitServers {
    state: Arc<Mutex<State>>,
    /// By the hosts that are asked.
    questions: Questions,
}

impl GitServers {
    /// From now on this password, or private key, opens a repository, and no other.
    pub fn opened_by(&self, url: &str, secret: &str) {
        self.change(url, |one| secret.clone_into(&mut one.opened_by));
    }

    /// From now on its server behaves like this.
    pub fn behaves(&self, url: &str, behaviour: Behaviour) {
        self.change(url, |one| one.behaviour = behaviour);
    }

    fn change(&self, url: &str, change: impl FnOnce(&mut Repository)) {
        let mut state = self.state.lock();
        state.revision += 1;
        change(state.repositories.entry(url.to_owned()).or_default());
    }

    /// It changes with every change.
    pub fn revision(&self) -> u64 {
        self.state.lock().revision
    }

    /// How often processes have asked.
    pub fn asked(&self) -> u64 {
        self.questions.asked()
    }

    /// The hosts that are asked now, once for each question.
    pub fn asking(&self) -> Vec<String> {
        self.questions.asking()
    }

    /// What the server of a repository says, now, of a password or of a private key. `is_trusted` is
    /// whether Argo CD's ConfigMaps vouch for it.
    ///
    /// # Errors
    ///
    /// Why it is not accepted, or why nothing is known.
    pub fn say(&self, url: &str, shown: &str, is_trusted: bool) -> Result<(), Failure> {
        let repository = self.state.lock().repositories.get(url).cloned();
        let failed = |cause, text: &str| Err(Failure::new(cause, text));
        let is_https = url.starts_with("https:");
        if needs_passphrase(url, shown) {
            return failed(Cause::KeyEncrypted, "the private key needs a passphrase");
        }
        let Some(Repository { opened_by, behaviour }) = repository else {
            return failed(Cause::NotFound, "the server knows no such repository");
        };
        let takes_too_long = behaviour.takes() >= Limits::default().total;
        match behaviour {
            Behaviour::Refuses => failed(Cause::AuthenticationRefused, "the server is closed"),
            Behaviour::Hangs => timed_out(),
            Behaviour::Slow(_) | Behaviour::Endless(_) if takes_too_long => timed_out(),
            Behaviour::Endless(_) => failed(Cause::TooLarge, "the listing has too many references"),
            Behaviour::Unreachable => failed(Cause::Unreachable, "no connection can be made"),
            Behaviour::Untrusted if !is_trusted && is_https => {
                failed(Cause::CertificateRefused, "the server's certificate is not trusted")
            }
            Behaviour::Untrusted if !is_trusted => {
                failed(Cause::HostUnknown, "the server's host key is not known")
            }
            Behaviour::Missing => failed(Cause::NotFound, "the server shows no such repository"),
            Behaviour::Fails => failed(Cause::ServerError, "the server failed"),
            Behaviour::Answers | Behaviour::Slow(_) | Behaviour::Untrusted => {
                if opened_by == shown && !shown.is_empty() {
                    return Ok(());
                }
                failed(Cause::AuthenticationRefused, "the server refuses the credential")
            }
        }
    }

    fn behaviour(&self, url: &str) -> Behaviour {
        self.state.lock().repositories.get(url).map(|one| one.behaviour).unwrap_or_default()
    }

    /// These servers, as a process reaches them.
    pub fn reached_by(
        &self,
        process: Arc<Process>,
        adversary: Arc<dyn Adversary>,
        journal: Journal,
    ) -> Arc<dyn Repositories> {
        Arc::new(Reached { servers: self.clone(), process, adversary, journal })
    }
}

/// Whether a private key is an encrypted one.
fn needs_passphrase(url: &str, shown: &str) -> bool {
    !url.starts_with("https:") && shown.contains("ENCRYPTED")
}

fn timed_out() -> Result<(), Failure> {
    Err(Failure::new(Cause::TimedOut, "the server has not answered in time"))
}

/// Whether Argo CD's ConfigMaps vouch for the server of a URL: one by its certificate, the other by its
/// host key.
pub fn is_trusted(
    url: &GitUrl,
    certificates: &BTreeMap<String, String>,
    known_hosts: &str,
) -> bool {
    let host = url.host().name();
    match url.transport() {
        Transport::Https => certificates.contains_key(&host),
        Transport::Ssh => {
            known_hosts.lines().any(|line| line.split(' ').next() == Some(host.as_str()))
        }
    }
}

/// See [`GitServers::reached_by`].
struct Reached {
    servers: GitServers,
    process: Arc<Process>,
    adversary: Arc<dyn Adversary>,
    journal: Journal,
}

impl fmt::Debug for Reached {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reached")
    }
}

impl Reached {
    async fn ask(&self, url: &str, shown: &str, is_trusted: bool) -> Result<(), Failure> {
        self.process.connected().await;
        let asked = self.adversary.question(self.process.name(), url);
        if asked == Asked::KilledBefore {
            self.is_killed(&format!("does not ask {url}"));
        }
        self.process.connected().await;
        let mut said = self.servers.say(url, shown, is_trusted);
        match self.servers.behaviour(url) {
            _ if asked == Asked::Hangs => pending().await,
            Behaviour::Hangs => pending().await,
            behaviour => tokio::time::sleep(behaviour.takes()).await,
        }
        if asked == Asked::Fails {
            said = Err(Failure::new(Cause::ServerError, "the server failed"));
        }
        if asked == Asked::KilledAfter {
            self.is_killed(&format!("is answered by {url}"));
        }
        self.process.connected().await;
        said
    }

    fn is_killed(&self, what: &str) {
        self.journal.note(self.process.name(), format!("{what}: the process is killed"));
        self.process.kill();
    }
}

impl Repositories for Reached {
    fn list<'a>(
        &'a self,
        url: &'a GitUrl,
        credentials: &'a Credentials,
        trust: &'a Trust,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let shown = match credentials {
                Credentials::Anonymous => "",
                Credentials::Basic { password, .. } => password.expose_secret(),
                Credentials::SshKey(key) => key.expose_secret(),
            };
            let is_trusted = is_trusted(url, &trust.certificates, &trust.known_hosts);
            let text = url.to_string();
            let _asking = self.servers.questions.begin(&url.host().name());
            if needs_passphrase(&text, shown) {
                // The key is read before anybody is asked.
                return self.servers.say(&text, shown, is_trusted);
            }
            let asked = self.ask(&text, shown, is_trusted);
            let said = timeout(Limits::default().total, asked).await;
            let said = said.unwrap_or_else(|_| timed_out());
            let outcome = match &said {
                Ok(()) => "accepted".to_owned(),
                Err(failure) => format!("{:?}", failure.cause()),
            };
            self.journal.note(self.process.name(), format!("asks {text}: {outcome}"));
            said
        })
    }
}
