//! An SSH server that answers as it is told, under the name of these tests.

use std::net::SocketAddr;

use git_access::Trust;
use git_stand_in::SshServer;
use git_stand_in::ssh::{Log, config};
use russh::keys::PrivateKey;
use russh::server::Config;

use crate::support::HOST;

pub(crate) use git_stand_in::ssh::{Door, Script, ecdsa, ed25519, rsa};

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    server: SshServer,
}

impl Server {
    /// A server with an Ed25519 host key that lets anyone in.
    pub(crate) fn open(script: Script) -> Self {
        Self::with(vec![ed25519()], Door { is_open: true, ..Door::default() }, script)
    }

    pub(crate) fn with(keys: Vec<PrivateKey>, door: Door, script: Script) -> Self {
        Self::changed(|_| {}, keys, door, script)
    }

    /// A server with another configuration.
    pub(crate) fn changed(
        change: impl FnOnce(&mut Config),
        keys: Vec<PrivateKey>,
        door: Door,
        script: Script,
    ) -> Self {
        let mut config = config(keys);
        change(&mut config);
        let server = SshServer::scripted(config, door, script);
        Self { address: server.address(), server }
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
        let keys = self.server.host_keys().into_iter();
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
        self.server.log()
    }

    /// Returns once a program is being run.
    pub(crate) async fn running(&self) {
        self.server.running().await;
    }

    /// Returns once a connection has ended, and what was run there.
    pub(crate) async fn ended(&self) {
        self.server.ended().await;
    }
}
