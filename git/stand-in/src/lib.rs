//! Git servers for tests, on loopback and within the test's process: [`HttpsServer`] and
//! [`SshServer`]. Both list the references of repositories, as `git ls-remote` asks for them, and
//! nothing else.
//!
//! * [`start`](HttpsServer::start) makes a server with repositories and accounts that can change
//!   while it runs, and with a [`Behaviour`];
//! * `scripted` makes one that answers whatever it is asked with an [`https::Answer`] or an
//!   [`ssh::Script`], for tests of a git client.
//!
//! A server has a thread of its own, so that it answers whatever the test's runtime and its clock do,
//! and is gone once it is dropped.
//!
//! ```
//! use git_stand_in::{Access, Account, Behaviour, HttpsServer, KeyPair, SshServer};
//!
//! let https = HttpsServer::start();
//! https.set_repository("team/app.git", Account::new("bob", "hunter2"));
//! let url = https.url("team/app.git");
//! // Key and value of an entry of argocd-tls-certs-cm.
//! let entry = (https.host(), https.certificate_pem());
//! https.set_repository("team/app.git", Account::new("bob", "rotated"));
//! https.behave(Behaviour::Down);
//! assert_eq!(https.listings("team/app.git"), 0, "nobody has asked");
//!
//! let (ssh, key) = (SshServer::start(), KeyPair::generate());
//! ssh.set_repository("team/app.git", Access::Key(key.public));
//! // Of argocd-ssh-known-hosts-cm, of the user's Secret and of the spec.
//! let (known_hosts, private_key) = (ssh.known_hosts_line(), key.private);
//! let url = ssh.url("team/app.git");
//! ssh.rotate_host_key();
//! assert!(ssh.requests().is_empty());
//! ```

#![warn(missing_docs)]
// It is part of tests: where they cannot go on, they end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod git;
mod host;
pub mod https;
pub mod identity;
mod repositories;
pub mod ssh;

pub use https::HttpsServer;
pub use repositories::Request;
pub use ssh::{Access, KeyPair, SshServer};

/// What a server does from now on. What it is answering goes on as it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It lists a repository for whoever has access to it.
    #[default]
    Normal,
    /// It refuses connections; nobody else gets its port.
    Down,
    /// It takes a request and never answers.
    Hang,
    /// It answers that it has failed.
    ServerError,
    /// It begins a listing that never ends.
    Endless,
}

/// Who may read a repository over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: String,
}

impl Account {
    /// An account with this user and password.
    pub fn new(username: &str, password: &str) -> Self {
        Self { username: username.to_owned(), password: password.to_owned() }
    }
}
