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
use git_access::url::GitUrl;
use git_access::{Cause, Credentials, Failure, Limits, Trust};
use managed_gitops::repositories::Repositories;
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use tokio::time::{Duration, timeout};

use crate::environment::journal::Journal;
use crate::environment::process::Process;

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
    /// Its certificate is trusted only if a ConfigMap of Argo CD's says so.
    Untrusted,
    /// It shows the repository to nobody.
    Missing,
    /// It fails.
    Fails,
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
    asked: u64,
}

/// See the module; clones share the servers.
#[derive(Clone, Debug, Default)]
pub struct GitServers(Arc<Mutex<State>>);

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
        let mut state = self.0.lock();
        state.revision += 1;
        change(state.repositories.entry(url.to_owned()).or_default());
    }

    /// It changes with every change.
    pub fn revision(&self) -> u64 {
        self.0.lock().revision
    }

    /// How often processes have asked.
    pub fn asked(&self) -> u64 {
        self.0.lock().asked
    }

    /// What the server of a repository says, now, of a password or of a private key. `is_trusted` is
    /// whether Argo CD's ConfigMaps vouch for it.
    ///
    /// # Errors
    ///
    /// Why it is not accepted, or why nothing is known.
    pub fn say(&self, url: &str, shown: &str, is_trusted: bool) -> Result<(), Failure> {
        let repository = self.0.lock().repositories.get(url).cloned();
        let failed = |cause, text: &str| Err(Failure::new(cause, text));
        let Some(Repository { opened_by, behaviour }) = repository else {
            return failed(Cause::NotFound, "the server knows no such repository");
        };
        match behaviour {
            Behaviour::Refuses => failed(Cause::AuthenticationRefused, "the server is closed"),
            Behaviour::Hangs => timed_out(),
            Behaviour::Unreachable => failed(Cause::Unreachable, "no connection can be made"),
            Behaviour::Untrusted if !is_trusted => {
                failed(Cause::CertificateRefused, "the server's certificate is not trusted")
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
        self.0.lock().repositories.get(url).map(|one| one.behaviour).unwrap_or_default()
    }

    /// These servers, as a process reaches them.
    pub fn reached_by(&self, process: Arc<Process>, journal: Journal) -> Arc<dyn Repositories> {
        Arc::new(Reached { servers: self.clone(), process, journal })
    }
}

fn timed_out() -> Result<(), Failure> {
    Err(Failure::new(Cause::TimedOut, "the server has not answered in time"))
}

/// See [`GitServers::reached_by`].
struct Reached {
    servers: GitServers,
    process: Arc<Process>,
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
        self.servers.0.lock().asked += 1;
        let said = self.servers.say(url, shown, is_trusted);
        match self.servers.behaviour(url) {
            Behaviour::Hangs => pending().await,
            Behaviour::Slow(pause) => tokio::time::sleep(pause).await,
            _ => tokio::time::sleep(USUAL).await,
        }
        self.process.connected().await;
        said
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
            let is_trusted = trust.certificates.contains_key(&url.host().name());
            let text = url.to_string();
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
