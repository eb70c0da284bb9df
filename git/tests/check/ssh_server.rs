//! An SSH server that answers as it is told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use git_access::Trust;
use russh::client::GexParams;
use russh::kex::dh::groups::{DH_GROUP14, DhGroup};
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::private::RsaKeypair;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};
use russh::server::{
    self, Auth, ChannelOpenHandle, Config, Handle, Msg, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, MethodSet};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{HOST, OBJECT, PASSWORD, PERMITTED, listing, packet};

/// What happens when a program is to be run.
#[derive(Clone)]
pub(crate) enum Script {
    /// It writes a listing, and ends once it is answered, as `git-upload-pack` does.
    Waits,
    /// It writes, to standard output and standard error, and ends.
    Says(String, String, u32),
    /// It writes without an end, to standard error or not.
    Endless { is_error: bool },
    /// It writes a byte now and then.
    Drips,
    /// It writes nothing and does not end.
    Hangs,
    /// It writes a listing and does not end.
    Stays,
    /// The server asks for something before the listing.
    Requests,
    /// It is not run.
    Refused,
    /// It writes half a listing, and the server leaves.
    Leaves,
    /// The server opens channels of its own before the listing.
    OpensChannels,
    /// A shell runs it in a directory.
    Shell(PathBuf),
}

/// Who may log in.
#[derive(Clone, Default)]
pub(crate) struct Door {
    pub(crate) key: Option<PublicKey>,
    pub(crate) password: Option<&'static str>,
    pub(crate) is_open: bool,
    /// What whoever is refused may try then.
    pub(crate) methods: Option<MethodSet>,
    /// Not the usual one, for key exchanges whose parameters the server chooses.
    pub(crate) group: Option<DhGroup>,
}

/// What has happened so far.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) connections: usize,
    pub(crate) users: Vec<String>,
    pub(crate) algorithms: Vec<String>,
    pub(crate) commands: Vec<String>,
    pub(crate) input: Vec<u8>,
    pub(crate) declined: usize,
    pub(crate) accepted: usize,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    keys: Vec<PublicKey>,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    door: Door,
    log: Mutex<Log>,
    running: Notify,
    answered: Notify,
    ended: Notify,
    scripts: Mutex<Vec<JoinHandle<()>>>,
}

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn ed25519() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
}

pub(crate) fn ecdsa(curve: EcdsaCurve) -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ecdsa { curve }).unwrap()
}

/// The same one each time: it takes long to make.
pub(crate) fn rsa() -> PrivateKey {
    static KEY: LazyLock<PrivateKey> =
        LazyLock::new(|| RsaKeypair::random(&mut safe_rng(), 2048).unwrap().into());
    KEY.clone()
}

impl Server {
    /// A server with an Ed25519 host key that lets anyone in.
    pub(crate) async fn open(script: Script) -> Self {
        Self::with(vec![ed25519()], Door { is_open: true, ..Door::default() }, script).await
    }

    pub(crate) async fn with(keys: Vec<PrivateKey>, door: Door, script: Script) -> Self {
        Self::changed(|_| {}, keys, door, script).await
    }

    /// A server with another configuration.
    pub(crate) async fn changed(
        change: impl FnOnce(&mut Config),
        keys: Vec<PrivateKey>,
        door: Door,
        script: Script,
    ) -> Self {
        let listener = TcpListener::bind((PERMITTED, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let public_keys = keys.iter().map(|key| key.public_key().clone()).collect();
        let mut config = Config { keys, auth_rejection_time: Duration::ZERO, ..Config::default() };
        change(&mut config);
        let config = Arc::new(config);
        let shared = Arc::new(Shared {
            script,
            door,
            log: Mutex::default(),
            running: Notify::new(),
            answered: Notify::new(),
            ended: Notify::new(),
            scripts: Mutex::default(),
        });
        let all = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&all));
                tokio::spawn(async move {
                    shared.log.lock().unwrap().connections += 1;
                    let connection = Connection { shared: Arc::clone(&shared) };
                    if let Ok(session) = server::run_stream(config, stream, connection).await {
                        // However it ends, it has ended.
                        let _ = session.await;
                    }
                    let scripts = std::mem::take(&mut *shared.scripts.lock().unwrap());
                    for script in scripts {
                        script.await.unwrap();
                    }
                    shared.ended.notify_one();
                });
            }
        });
        Self { address, keys: public_keys, shared }
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("a/b.git")
    }

    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("ssh://{HOST}:{}/{path}", self.address.port())
    }

    /// How the host is written in `known_hosts`.
    pub(crate) fn host(&self) -> String {
        format!("[{HOST}]:{}", self.address.port())
    }

    /// Trust in the host keys of an algorithm, or in all.
    pub(crate) fn trust_in(&self, algorithm: &str) -> Trust {
        let keys = self.keys.iter().map(|key| key.to_openssh().unwrap());
        let lines = keys
            .filter(|key| key.starts_with(algorithm))
            .map(|key| format!("{} {key}\n", self.host()))
            .collect();
        Trust { known_hosts: lines, ..Trust::default() }
    }

    pub(crate) fn trust(&self) -> Trust {
        self.trust_in("")
    }

    pub(crate) fn log(&self) -> Log {
        self.shared.log.lock().unwrap().clone()
    }

    /// Returns once a program is being run.
    pub(crate) async fn running(&self) {
        timeout(PATIENCE, self.shared.running.notified()).await.expect("no program is run");
    }

    /// Returns once a connection has ended, and what was run there.
    pub(crate) async fn ended(&self) {
        timeout(PATIENCE, self.shared.ended.notified()).await.expect("no connection ends");
    }
}

struct Connection {
    shared: Arc<Shared>,
}

impl Connection {
    fn judge(&self, user: &str, is_right: bool) -> Auth {
        self.shared.log.lock().unwrap().users.push(user.to_owned());
        let proceed_with_methods = self.shared.door.methods.clone();
        match is_right {
            true => Auth::Accept,
            false => Auth::Reject { proceed_with_methods, partial_success: false },
        }
    }
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn lookup_dh_gex_group(
        &mut self,
        _: &GexParams,
    ) -> Result<Option<DhGroup>, russh::Error> {
        Ok(Some(self.shared.door.group.clone().unwrap_or(DH_GROUP14)))
    }

    async fn auth_none(&mut self, user: &str) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, self.shared.door.is_open))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let door = &self.shared.door;
        Ok(self.judge(user, door.is_open || door.password == Some(password)))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        self.shared.log.lock().unwrap().algorithms.push(key.algorithm.to_string());
        let expected = self.shared.door.key.as_ref().map(PublicKey::key_data);
        Ok(self.judge(user, expected == Some(key.public_key.key_data())))
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn data(
        &mut self,
        _: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.shared.log.lock().unwrap().input.extend_from_slice(data);
        self.shared.answered.notify_one();
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let command = String::from_utf8(command.to_vec()).unwrap();
        self.shared.log.lock().unwrap().commands.push(command.clone());
        if matches!(self.shared.script, Script::Refused) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let (shared, handle) = (Arc::clone(&self.shared), session.handle());
        let script = tokio::spawn(async move {
            shared.running.notify_one();
            // The client may leave at any time; then there is nothing more to do.
            let _ = run(&shared, &handle, channel, &command).await;
        });
        self.shared.scripts.lock().unwrap().push(script);
        Ok(())
    }
}

async fn run(
    shared: &Shared,
    handle: &Handle,
    channel: ChannelId,
    command: &str,
) -> Result<(), ()> {
    let (output, error, status) = match &shared.script {
        Script::Says(output, error, status) => (output.clone(), error.clone(), *status),
        Script::Waits => {
            handle.data(channel, listing()).await.map_err(|_| ())?;
            shared.answered.notified().await;
            (String::new(), String::new(), 0)
        }
        Script::Endless { is_error } => loop {
            let line = packet(&format!("{OBJECT} refs/heads/main\n")).repeat(100);
            match is_error {
                true => handle.extended_data(channel, 1, line).await.map_err(|_| ())?,
                false => handle.data(channel, line).await.map_err(|_| ())?,
            }
        },
        Script::Drips => loop {
            for byte in packet(&format!("{OBJECT} refs/heads/main\n")).into_bytes() {
                handle.data(channel, vec![byte]).await.map_err(|_| ())?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        },
        Script::Hangs | Script::Refused => return Ok(()),
        Script::Stays => return handle.data(channel, listing()).await.map_err(|_| ()),
        Script::Requests => {
            assert!(handle.forward_tcpip(PASSWORD.to_owned(), 1).await.is_err());
            (listing(), String::new(), 0)
        }
        Script::Leaves => {
            handle.data(channel, listing()[..50].to_owned()).await.map_err(|_| ())?;
            let reason = russh::Disconnect::ByApplication;
            let left = handle.disconnect(reason, PASSWORD.to_owned(), String::new()).await;
            return left.map_err(|_| ());
        }
        Script::OpensChannels => {
            let opened = [
                handle.channel_open_agent().await.is_ok(),
                handle.channel_open_session().await.is_ok(),
                handle.channel_open_x11("127.0.0.1", 1).await.is_ok(),
                handle.channel_open_forwarded_tcpip("127.0.0.1", 1, "127.0.0.1", 1).await.is_ok(),
                handle.channel_open_direct_tcpip("127.0.0.1", 1, "127.0.0.1", 1).await.is_ok(),
                handle.channel_open_forwarded_streamlocal("/a").await.is_ok(),
                handle.channel_open_direct_streamlocal("/a").await.is_ok(),
            ];
            let accepted = opened.iter().filter(|is_open| **is_open).count();
            let mut log = shared.log.lock().unwrap();
            (log.accepted, log.declined) = (accepted, opened.len() - accepted);
            (listing(), String::new(), 0)
        }
        Script::Shell(directory) => shell(directory, command),
    };
    handle.data(channel, output).await.map_err(|_| ())?;
    handle.extended_data(channel, 1, error).await.map_err(|_| ())?;
    handle.exit_status_request(channel, status).await?;
    handle.eof(channel).await?;
    handle.close(channel).await
}

fn shell(directory: &Path, command: &str) -> (String, String, u32) {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("a shell is needed");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let status = output.status.code().unwrap().try_into().unwrap();
    (text(output.stdout), text(output.stderr), status)
}
