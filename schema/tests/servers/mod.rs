//! Servers that a test starts on loopback, and stops by their process ids.

#![allow(clippy::unwrap_in_result, reason = "`None` means not installed")]
#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

/// Where Debian installs the programs of PostgreSQL.
const POSTGRES_BIN: &str = "/usr/lib/postgresql/15/bin";

/// The user that runs servers: neither PostgreSQL nor PgBouncer runs as root.
fn account() -> Option<(u32, u32)> {
    let uid = |path: &str| Some(std::os::unix::fs::MetadataExt::uid(&fs::metadata(path).ok()?));
    if uid("/proc/self")? != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let account = accounts.lines().find_map(|line| line.strip_prefix("postgres:x:"));
    let mut numbers = account.expect("a user postgres").split(':').map(|one| one.parse().unwrap());
    Some((numbers.next().unwrap(), numbers.next().unwrap()))
}

/// A program as that user, without output.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    if let Some((user, group)) = account() {
        command.uid(user).gid(group);
    }
    command
}

/// A folder that the user can access.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if let Some((user, group)) = account() {
        std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
    }
    folder
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A server; it is stopped when dropped.
pub struct Server {
    pub port: u16,
    process: Child,
    /// The signal that ends it at once.
    end: &'static str,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(self.end, &[self.process.id()]);
        // In case it is frozen.
        self.signal("-CONT", &self.processes());
        let _ = self.process.wait();
    }
}

/// A program of PostgreSQL, if it is installed.
fn program(name: &str) -> Option<PathBuf> {
    let folder = std::env::var("POSTGRES_BIN").unwrap_or_else(|_| POSTGRES_BIN.to_owned());
    Some(Path::new(&folder).join(name)).filter(|path| path.exists())
}

impl Server {
    /// Freezes it: connections stay open, new ones are accepted by the kernel, and nothing is answered.
    pub fn freeze(&self) {
        // First the one that starts the others.
        self.signal("-STOP", &[self.process.id()]);
        self.signal("-STOP", &self.processes());
    }

    /// Its processes, the first one first.
    fn processes(&self) -> Vec<u32> {
        let first = self.process.id();
        let children =
            Command::new("ps").args(["-o", "pid=", "--ppid", &first.to_string()]).output();
        let children = String::from_utf8(children.unwrap().stdout).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        std::iter::once(first).chain(children).collect()
    }

    fn signal(&self, signal: &str, pids: &[u32]) {
        let pids = pids.iter().map(u32::to_string);
        // One of them may have ended.
        let _ = Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status();
    }

    /// A new PostgreSQL for a test, if enabled and installed; otherwise prints why there is none.
    pub fn for_test() -> Option<Self> {
        if std::env::var("DATABASE_URL").is_err() {
            println!("skipping: DATABASE_URL is not set");
            return None;
        }
        let server = Self::postgres();
        if server.is_none() {
            println!("skipping: PostgreSQL's programs are not installed");
        }
        server
    }

    /// A new PostgreSQL; `None` if it is not installed.
    fn postgres() -> Option<Self> {
        let folder = folder();
        let data = folder.path().join("data");
        let mut initdb = command(&program("initdb")?);
        initdb
            .args([
                "--username=postgres",
                "--encoding=UTF8",
                "--auth=trust",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&data);
        assert!(initdb.status().unwrap().success(), "initdb");
        Self::run(folder, &data)
    }

    /// A standby of this one.
    pub fn standby(&self) -> Option<Self> {
        let folder = folder();
        let data = folder.path().join("data");
        let mut copy = command(&program("pg_basebackup")?);
        copy.args(["--host=127.0.0.1", "--username=postgres", "--checkpoint=fast", "--no-sync"]);
        copy.arg(format!("--port={}", self.port)).arg("--write-recovery-conf");
        assert!(copy.arg("--pgdata").arg(&data).status().unwrap().success(), "pg_basebackup");
        Self::run(folder, &data)
    }

    fn run(folder: TempDir, data: &Path) -> Option<Self> {
        let port = free_port();
        let mut server = command(&program("postgres")?);
        server.arg("-D").arg(data).args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        server.args(["-c", "unix_socket_directories=", "-c", &format!("port={port}")]);
        // SIGKILL would leave its children behind.
        Some(Self { port, process: server.spawn().unwrap(), end: "-QUIT", _folder: folder })
    }

    /// PgBouncer in transaction mode in front of this server, with two server connections in total,
    /// and with these settings; `None` if it is not installed.
    fn pgbouncer(server: &str, settings: &str) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(PathBuf::from);
        let program = program.into_iter().find(|path| path.exists())?;
        let (folder, port) = (folder(), free_port());
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = {server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 2\n{settings}\n"
        );
        fs::write(&file, text).unwrap();
        let process = command(&program).arg(&file).spawn().unwrap();
        // It has no children, and ignores other signals while it starts.
        Some(Self { port, process, end: "-KILL", _folder: folder })
    }

    /// PgBouncer in front of the server of a URL, and the URL of the same database through it; `None`
    /// if it is not installed.
    pub fn pgbouncer_before(url: &str, settings: &str) -> Option<(Self, String)> {
        let rest = url.split_once("://").unwrap().1;
        let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
        let (account, place) = rest.rsplit_once('@').unwrap_or(("postgres", rest));
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let (host, name) = place.split_once('/').unwrap();
        let (host, port) = host.split_once(':').unwrap_or((host, "5432"));
        let mut server = format!("host={host} port={port} user={user}");
        if !password.is_empty() {
            server.push_str(&format!(" password={password}"));
        }
        let Some(pooler) = Self::pgbouncer(&server, settings) else {
            println!("skipping: pgbouncer is not installed");
            return None;
        };
        let url = format!("postgres://{user}@127.0.0.1:{}/{name}?sslmode=disable", pooler.port);
        Some((pooler, url))
    }

    pub fn url(&self) -> String {
        url(self.port)
    }
}

/// The database of a server without a password.
pub fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

/// An address behind which a server can be replaced. Existing connections stay with their server.
pub struct Address {
    pub port: u16,
    server: Arc<AtomicU16>,
}

impl Address {
    pub async fn of(server: &Server) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Arc::new(AtomicU16::new(server.port));
        let target = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let port = target.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    let Ok(mut server) = tokio::net::TcpStream::connect(server).await else {
                        return;
                    };
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, server }
    }

    pub fn leads_to(&self, server: &Server) {
        self.server.store(server.port, Ordering::SeqCst);
    }
}
