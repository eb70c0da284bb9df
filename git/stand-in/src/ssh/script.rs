//! What happens when a program is to be run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use russh::ChannelId;
use russh::server::Handle;
use tokio::sync::Notify;

use super::Shared;
use crate::git::{line, listing};

/// What happens when a program is to be run.
#[derive(Clone, Debug)]
pub enum Script {
    /// It writes a listing, and ends once it is answered, as `git-upload-pack` does.
    Waits,
    /// It writes, to standard output and standard error, and ends with a status.
    Says(String, String, u32),
    /// It writes without an end.
    Endless {
        /// Whether to standard error.
        is_error: bool,
    },
    /// It writes a byte now and then.
    Drips,
    /// It writes nothing and does not end.
    Hangs,
    /// It writes a listing and does not end.
    Stays,
    /// The server asks to forward an address before the listing.
    Requests(&'static str),
    /// It is not run.
    Refused,
    /// It writes half a listing, and the server leaves with these words.
    Leaves(&'static str),
    /// The server opens channels of its own before the listing.
    OpensChannels,
    /// A shell runs it in a directory.
    Shell(PathBuf),
}

/// Where a script is played.
pub(super) struct Stage<'a> {
    pub(super) shared: &'a Shared,
    pub(super) answered: &'a Notify,
    pub(super) handle: Handle,
    pub(super) channel: ChannelId,
}

impl Stage<'_> {
    pub(super) async fn run(&self, script: Script, command: &str) -> Result<(), ()> {
        let (output, error, status) = match script {
            Script::Says(output, error, status) => (output, error, status),
            Script::Waits => {
                self.write(listing()).await?;
                self.answered.notified().await;
                (String::new(), String::new(), 0)
            }
            Script::Endless { is_error } => loop {
                let lines = line().repeat(100);
                match is_error {
                    true => self.write_error(lines).await?,
                    false => self.write(lines).await?,
                }
            },
            Script::Drips => loop {
                for byte in line().into_bytes() {
                    self.write(vec![byte]).await?;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            },
            Script::Hangs | Script::Refused => return Ok(()),
            Script::Stays => return self.write(listing()).await,
            Script::Requests(address) => {
                assert!(self.handle.forward_tcpip(address.to_owned(), 1).await.is_err());
                (listing(), String::new(), 0)
            }
            Script::Leaves(words) => {
                self.write(listing()[..50].to_owned()).await?;
                let reason = russh::Disconnect::ByApplication;
                let left = self.handle.disconnect(reason, words.to_owned(), String::new()).await;
                return left.map_err(|_| ());
            }
            Script::OpensChannels => {
                self.open_channels().await;
                (listing(), String::new(), 0)
            }
            Script::Shell(directory) => shell(&directory, command),
        };
        self.write(output).await?;
        self.write_error(error).await?;
        self.handle.exit_status_request(self.channel, status).await?;
        self.handle.eof(self.channel).await?;
        self.handle.close(self.channel).await
    }

    async fn write(&self, data: impl Into<Vec<u8>>) -> Result<(), ()> {
        self.handle.data(self.channel, data.into()).await.map_err(|_| ())
    }

    async fn write_error(&self, data: String) -> Result<(), ()> {
        self.handle.extended_data(self.channel, 1, data).await.map_err(|_| ())
    }

    /// Opens a channel of each kind.
    async fn open_channels(&self) {
        let handle = &self.handle;
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
        self.shared.state(|state| {
            (state.log.accepted, state.log.declined) = (accepted, opened.len() - accepted);
        });
    }
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
