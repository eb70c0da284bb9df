//! `log-level`: prints or changes what a running program logs.
//!
//! The two meet at a Unix socket without a file: its name is in Linux's abstract namespace, which
//! belongs to the network namespace, so that a container needs no writable directory and nothing
//! outside of the pod reaches it. Only processes of the program's own user are answered.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net as unix;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::cli::logging::{Levels, Log};
use crate::cli::{Failure, ListenArguments};

/// How long either side may take: both do next to nothing.
const DEADLINE: Duration = Duration::from_secs(5);
/// Longest request or answer in bytes. An answer may contain the request and a sentence about it.
const LONGEST: u64 = 4_096;
/// Most bytes of levels.
const LONGEST_LEVELS: usize = 1_024;
/// What an answer begins with that is no error.
const DONE: &str = "done ";
/// Pause after a connection that could not be taken, such as when there are too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// Options of `log-level`.
#[derive(Clone, Debug, Args)]
pub struct LogLevel {
    /// What to log from now on, as with --log; without it, what is logged now is printed.
    levels: Option<String>,
    #[command(flatten)]
    listen: ListenArguments,
}

impl LogLevel {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { levels, listen } = self;
        let asked = levels.as_deref().unwrap_or_default();
        if levels.is_some() {
            check(asked).map_err(Failure::Input)?;
        }
        let address = listen.listen;
        let asking = tokio::time::timeout(DEADLINE, ask(address, asked)).await;
        let answer = asking.map_err(io::Error::from).flatten().map_err(|error| {
            Failure::Input(anyhow!(
                "no managed-gitops of this user that listens on {address} answers ({error}); run \
                 this next to it, as by `kubectl exec`, with the same --listen"
            ))
        })?;
        match answer.strip_prefix(DONE) {
            Some(text) => println!("{text}"),
            None => return Err(Failure::Input(anyhow!(answer))),
        }
        Ok(())
    }
}

fn check(text: &str) -> anyhow::Result<Levels> {
    if text.len() > LONGEST_LEVELS {
        return Err(anyhow!("the levels are longer than {LONGEST_LEVELS} bytes; give fewer"));
    }
    Ok(Levels::parse(text)?)
}

async fn ask(address: SocketAddr, levels: &str) -> io::Result<String> {
    let stream = unix::UnixStream::connect_addr(&socket(address)?)?;
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    // Anybody in the network namespace could have taken the name.
    if !is_own(&stream)? {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    stream.write_all(levels.as_bytes()).await?;
    stream.shutdown().await?;
    match receive(&mut stream).await? {
        answer if answer.is_empty() => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        answer => Ok(answer),
    }
}

/// Lets `log-level` print and change what this process logs, until it should stop.
pub(super) fn serve(log: Log, address: SocketAddr, shutdown: CancellationToken) {
    match bind(address) {
        Ok(listener) => {
            let serving = accept(Arc::new(log), listener);
            tokio::spawn(async move { shutdown.run_until_cancelled(serving).await });
        }
        Err(error) => tracing::warn!(%error, "the log level cannot be changed while this runs"),
    }
}

fn bind(address: SocketAddr) -> io::Result<UnixListener> {
    let listener = unix::UnixListener::bind_addr(&socket(address)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// The socket's name: that of the port on which health and metrics are served, since no two
/// processes in a network namespace share one.
#[cfg(target_os = "linux")]
fn socket(address: SocketAddr) -> io::Result<unix::SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    unix::SocketAddr::from_abstract_name(format!("managed-gitops/log-level/{address}"))
}

#[cfg(not(target_os = "linux"))]
fn socket(_: SocketAddr) -> io::Result<unix::SocketAddr> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Answers one after the other: each takes at most [`DEADLINE`].
async fn accept(log: Arc<Log>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // One that went away has no use for an answer.
                let _ = tokio::time::timeout(DEADLINE, answer(&log, stream)).await;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn answer(log: &Log, mut stream: UnixStream) -> io::Result<()> {
    if !is_own(&stream)? {
        return Ok(());
    }
    let asked = receive(&mut stream).await?;
    let answer = match change(log, &asked) {
        Ok(text) => format!("{DONE}{text}"),
        Err(error) => format!("{error:#}"),
    };
    stream.write_all(answer.as_bytes()).await
}

fn change(log: &Log, asked: &str) -> anyhow::Result<String> {
    if asked.is_empty() {
        return Ok(log.levels().to_string());
    }
    let to = check(asked)?;
    let from = log.set(to.clone())?;
    tracing::warn!(%from, %to, "the log level was changed");
    Ok(format!("{to} (was {from})"))
}

async fn receive(stream: &mut UnixStream) -> io::Result<String> {
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text).await?;
    Ok(text)
}

/// Whether the other side is a process of the same user.
fn is_own(stream: &UnixStream) -> io::Result<bool> {
    let (own, _) = UnixStream::pair()?;
    Ok(stream.peer_cred()?.uid() == own.peer_cred()?.uid())
}
