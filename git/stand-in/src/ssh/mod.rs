//! A server over SSH.

mod connection;
mod script;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use russh::MethodSet;
use russh::kex::dh::groups::DhGroup;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::RsaKeypair;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};
use russh::server::Config;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::Behaviour;
use crate::git::packet;
use crate::host::Host;
use crate::repositories::{Found, Repositories, Request, key};

pub use script::Script;

/// Where servers are, as clients name it.
const HOST: &str = "127.0.0.1";
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who may read a repository over SSH, whatever the name of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever knows this password.
    Password(String),
    /// Whoever has the private key of this public one: [`KeyPair::public`].
    Key(String),
}

/// A key to log in with, in the forms in which OpenSSH keeps them.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The private key, as in `id_ed25519`.
    pub private: String,
    /// The public key, as in `id_ed25519.pub`.
    pub public: String,
}

impl KeyPair {
    /// A new one.
    pub fn generate() -> Self {
        let key = ed25519();
        Self { private: key.to_openssh(LineEnding::LF).unwrap().to_string(), public: public(&key) }
    }
}

/// Who may log in to a scripted server.
#[derive(Clone, Default)]
pub struct Door {
    /// Whoever has the private key of this one.
    pub key: Option<PublicKey>,
    /// Whoever knows this password.
    pub password: Option<&'static str>,
    /// Anybody.
    pub is_open: bool,
    /// What whoever is refused may try then.
    pub methods: Option<MethodSet>,
    /// Not the usual one, for key exchanges whose parameters the server chooses.
    pub group: Option<DhGroup>,
}

/// What has happened so far.
#[derive(Clone, Default)]
pub struct Log {
    /// How many connections there were.
    pub connections: usize,
    /// The user of each attempt to log in.
    pub users: Vec<String>,
    /// The algorithm of each signature by which somebody tried to log in.
    pub algorithms: Vec<String>,
    /// What was to be run.
    pub commands: Vec<String>,
    /// What clients have sent to what was run.
    pub input: Vec<u8>,
    /// How many channels clients have declined.
    pub declined: usize,
    /// How many they have accepted.
    pub accepted: usize,
}

/// A git server over SSH, with a host key of its own.
pub struct SshServer {
    host: Host,
    shared: Arc<Shared>,
}

struct Shared {
    /// What happens whatever is asked.
    scripted: Option<(Door, Script)>,
    state: Mutex<State>,
    running: Notify,
    ended: Notify,
}

struct State {
    config: Arc<Config>,
    behaviour: Behaviour,
    repositories: Repositories<Access>,
    log: Log,
}

impl SshServer {
    /// Starts a server without repositories.
    pub fn start() -> Self {
        Self::with(config(vec![ed25519()]), None)
    }

    /// Starts one that lets in whom the door says, and then always does the same.
    pub fn scripted(config: Config, door: Door, script: Script) -> Self {
        Self::with(config, Some((door, script)))
    }

    fn with(config: Config, scripted: Option<(Door, Script)>) -> Self {
        let state = State {
            config: Arc::new(config),
            behaviour: Behaviour::Normal,
            repositories: Repositories::default(),
            log: Log::default(),
        };
        let shared = Arc::new(Shared {
            scripted,
            state: Mutex::new(state),
            running: Notify::new(),
            ended: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        let host = Host::start(move |stream| connection::serve(stream, Arc::clone(&serving)));
        Self { host, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// The URL of a repository.
    pub fn url(&self, path: &str) -> String {
        format!("ssh://git@{HOST}:{}/{}", self.address().port(), key(path))
    }

    /// Its line in a file `known_hosts`, or in Argo CD's ConfigMap `argocd-ssh-known-hosts-cm`.
    pub fn known_hosts_line(&self) -> String {
        let host = format!("[{HOST}]:{}", self.address().port());
        self.host_keys().iter().map(|key| format!("{host} {key}\n")).collect()
    }

    /// Its host keys, each as `ALGORITHM BASE64`.
    pub fn host_keys(&self) -> Vec<String> {
        self.state(|state| state.config.keys.iter().map(public).collect())
    }

    /// From now on it has another host key, and nothing else of the configuration that a scripted
    /// server was started with.
    pub fn rotate_host_key(&self) {
        self.state(|state| state.config = Arc::new(config(vec![ed25519()])));
    }

    /// From now on there is this repository, and only this opens it.
    pub fn set_repository(&self, path: &str, access: Access) {
        if let Access::Key(public) = &access {
            PublicKey::from_openssh(public).expect("a public key as OpenSSH keeps it");
        }
        self.state(|state| state.repositories.set(path, access));
    }

    /// From now on there is no such repository.
    pub fn remove_repository(&self, path: &str) {
        self.state(|state| state.repositories.remove(path));
    }

    /// From now on it behaves like this, towards those who may log in because they have access to a
    /// repository. A scripted server may only be [`Behaviour::Down`].
    pub fn behave(&self, behaviour: Behaviour) {
        self.state(|state| state.behaviour = behaviour);
        self.host.close(behaviour == Behaviour::Down);
    }

    /// The requests for listings so far, except those of a scripted server.
    pub fn requests(&self) -> Vec<Request> {
        self.state(|state| state.repositories.requests())
    }

    /// How often a repository was asked for with what opens it.
    pub fn listings(&self, path: &str) -> usize {
        self.state(|state| state.repositories.listings(path))
    }

    /// What has happened so far.
    pub fn log(&self) -> Log {
        self.state(|state| state.log.clone())
    }

    /// Returns once a program is being run.
    pub async fn running(&self) {
        timeout(PATIENCE, self.shared.running.notified()).await.expect("no program is run");
    }

    /// Returns once a connection has ended, and what was run there.
    pub async fn ended(&self) {
        timeout(PATIENCE, self.shared.ended.notified()).await.expect("no connection ends");
    }

    fn state<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        self.shared.state(access)
    }
}

/// What somebody logs in with.
enum Shown {
    Nothing,
    Password(String),
    Key(PublicKey),
}

impl Access {
    fn is_shown(&self, shown: &Shown) -> bool {
        match (self, shown) {
            (Self::Password(expected), Shown::Password(password)) => password == expected,
            (Self::Key(expected), Shown::Key(key)) => {
                PublicKey::from_openssh(expected).unwrap().key_data() == key.key_data()
            }
            _ => false,
        }
    }
}

impl Door {
    fn lets_in(&self, shown: &Shown) -> bool {
        self.is_open
            || match shown {
                Shown::Nothing => false,
                Shown::Password(password) => self.password == Some(password),
                Shown::Key(key) => {
                    self.key.as_ref().is_some_and(|one| one.key_data() == key.key_data())
                }
            }
    }
}

impl Shared {
    fn state<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        access(&mut self.state.lock().unwrap())
    }

    /// Whether somebody may log in.
    fn lets_in(&self, user: &str, shown: &Shown) -> bool {
        self.state(|state| {
            state.log.users.push(user.to_owned());
            if let Some((door, _)) = &self.scripted {
                return door.lets_in(shown);
            }
            let is_known = state.repositories.any_opens(|access| access.is_shown(shown));
            // A client asks first what it may log in with.
            if !is_known && !matches!(shown, Shown::Nothing) {
                state.repositories.note("", false);
            }
            is_known
        })
    }

    /// What happens when somebody has a program run.
    fn script(&self, command: &str, shown: &Shown) -> Script {
        self.state(|state| {
            state.log.commands.push(command.to_owned());
            match &self.scripted {
                Some((_, script)) => script.clone(),
                None => state.script(command, shown),
            }
        })
    }
}

impl State {
    fn script(&mut self, command: &str, shown: &Shown) -> Script {
        let Some(argument) = command.strip_prefix("git-upload-pack ") else {
            return Script::Refused;
        };
        let path = argument.trim_matches('\'');
        let found = self.repositories.ask(path, |access| access.is_shown(shown));
        let failure = |text: &str| Script::Says(String::new(), text.to_owned(), 128);
        match self.behaviour {
            Behaviour::Hang => Script::Hangs,
            Behaviour::ServerError => Script::Says(packet("ERR out of memory"), String::new(), 128),
            Behaviour::Endless => Script::Endless { is_error: false },
            // Those who may not read a repository do not learn that there is one.
            Behaviour::Normal if found != Found::Open => failure("ERROR: Repository not found.\n"),
            Behaviour::Normal => Script::Waits,
            // A connection of before.
            Behaviour::Down => failure(""),
        }
    }
}

/// The usual configuration of a server, with these host keys.
pub fn config(keys: Vec<PrivateKey>) -> Config {
    Config { keys, auth_rejection_time: Duration::ZERO, ..Config::default() }
}

/// A new Ed25519 key.
pub fn ed25519() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
}

/// A new ECDSA key.
pub fn ecdsa(curve: EcdsaCurve) -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ecdsa { curve }).unwrap()
}

/// An RSA key, the same one each time: it takes long to make.
pub fn rsa() -> PrivateKey {
    static KEY: LazyLock<PrivateKey> =
        LazyLock::new(|| RsaKeypair::random(&mut safe_rng(), 2048).unwrap().into());
    KEY.clone()
}

fn public(key: &PrivateKey) -> String {
    key.public_key().to_openssh().unwrap()
}
