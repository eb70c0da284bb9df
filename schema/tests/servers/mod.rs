//! Servers that a test starts for itself, on loopback, and ends by their process ids.

#![allow(clippy::unwrap_in_result, reason = "none stands for what is not installed here")]
#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

/// Where Debian keeps the programs of PostgreSQL.
const POSTGRES_BIN: &str = "/usr/lib/postgresql/15/bin";

/// Who runs servers: neither PostgreSQL nor PgBouncer runs as root.
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

/// A program as that user, in silence.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    if let Some((user, group)) = account() {
        command.uid(user).gid(group);
    }
    command
}

/// A folder that the user may use.
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

/// A server; it ends with its value.
pub struct Server {
    pub port: u16,
    process: Child,
    /// The signal that ends it at once.
    end: &'static str,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args([self.end, &pid]).status();
        let _ = self.process.wait();
    }
}

/// A program of PostgreSQL, if it is installed.
fn program(name: &str) -> Option<PathBuf> {
    let folder = std::env::var("POSTGRES_BIN").unwrap_or_else(|_| POSTGRES_BIN.to_owned());
    Some(Path::new(&folder).join(name)).filter(|path| path.exists())
}

impl Server {
    /// A new PostgreSQL for a test, where tests on one are wanted and it is installed; otherwise says
    /// why there is none.
    pub fn for_test() -> Option<Self> {
        if std::env::var("DATABASE_URL").is_err() {
            println!("not run: DATABASE_URL is not set");
            return None;
        }
        let server = Self::postgres();
        if server.is_none() {
            println!("not run: PostgreSQL's programs are not installed");
        }
        server
    }

    /// A new PostgreSQL; `None` where it is not installed.
    fn postgres() -> Option<Self> {
        let folder = folder();
        let data = folder.path().join("data");
        let mut initdb = command(&program("initdb")?);
        initdb.args(["--username=postgres", "--auth=trust", "--no-sync", "--pgdata"]).arg(&data);
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
        // Killed, it would leave its children behind.
        Some(Self { port, process: server.spawn().unwrap(), end: "-QUIT", _folder: folder })
    }

    /// PgBouncer in transaction mode before this server, with two connections to it for everybody,
    /// and with these settings; `None` where it is not installed.
    pub fn pgbouncer(server: &str, settings: &str) -> Option<Self> {
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
        // It has no children, and while it starts it ignores other signals.
        Some(Self { port, process, end: "-KILL", _folder: folder })
    }

    pub fn url(&self) -> String {
        url(self.port)
    }
}

/// The database of a server that asks for no password.
pub fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

/// An address behind which a server can be replaced by another one. Connections stay with the
/// server to which they were made.
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
