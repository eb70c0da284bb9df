//! Why a database could not be opened, and what to do.

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::sqlx;

/// Why a database could not be opened; no variant holds a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL has no scheme at all.
    #[error("the database URL has no scheme: use postgres://… or sqlite://…")]
    NoScheme,
    /// The scheme belongs to another database.
    #[error("the database URL starts with `{scheme}:`: use postgres://… or sqlite://…")]
    UnknownScheme {
        /// As written.
        scheme: String,
    },
    /// The scheme is known, the rest does not parse.
    #[error(
        "the {kind} URL cannot be read: write it as {form}, and percent-encode `@`, `:`, `/`, \
         `?`, `#` and `%` in user name and password"
    )]
    MalformedUrl {
        /// Which database it names.
        kind: super::DatabaseKind,
        /// An example.
        form: &'static str,
    },
    /// PostgreSQL: the URL lists several hosts.
    #[error(
        "the database URL names several hosts: give one address that always leads to the primary, \
         such as a Service, a virtual address or a proxy"
    )]
    SeveralHosts,
    /// SQLite: the directory of the file does not exist.
    #[error(
        "the directory `{}` of the database file does not exist: create it, or name another \
         file", directory.display()
    )]
    DirectoryMissing {
        /// The one that is missing.
        directory: PathBuf,
    },
    /// SQLite: the path names a directory.
    #[error("`{}` is a directory: name a file in it", path.display())]
    IsDirectory {
        /// As written.
        path: PathBuf,
    },
    /// SQLite: the file or its directory cannot be written.
    #[error(
        "the database file `{}` cannot be opened for writing: check who owns it and its \
         directory, and that the file system is not read-only (SQLite also writes `-wal` and \
         `-shm` files beside it)", path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
    },
    /// SQLite: the file is something else.
    #[error(
        "`{}` is not an SQLite database: name another file, or restore a backup", path.display()
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// SQLite: another process holds the file for writing.
    #[error(
        "the database file `{}` is locked by another process: stop the other one, or wait until \
         it is done", path.display()
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// PostgreSQL: nothing listens there.
    #[error("PostgreSQL at {location} refuses connections: check that it runs, and host and port")]
    Refused {
        /// Host, port and database.
        location: String,
    },
    /// PostgreSQL: the host cannot be reached by name or by network.
    #[error(
        "PostgreSQL at {location} cannot be reached ({source}): check the host name and the network"
    )]
    Unreachable {
        /// Host, port and database.
        location: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// PostgreSQL: no answer in time.
    #[error(
        "PostgreSQL at {location} did not answer within {} s: check host, port and firewalls",
        timeout.as_secs()
    )]
    TimedOut {
        /// Host, port and database.
        location: String,
        /// How long it was given.
        timeout: Duration,
    },
    /// PostgreSQL: wrong user, password or rule in `pg_hba.conf`.
    #[error(
        "PostgreSQL at {location} does not accept user `{user}`: check user name and password, \
         and the server's pg_hba.conf ({message})"
    )]
    Authentication {
        /// Host, port and database.
        location: String,
        /// The refused user.
        user: String,
        /// What the server said.
        message: String,
    },
    /// PostgreSQL: there is no database of that name.
    #[error("PostgreSQL at {location} has no such database: create it, or name another one")]
    NoDatabase {
        /// Host, port and database.
        location: String,
    },
    /// PostgreSQL: the database is not encoded in UTF-8.
    #[error(
        "the database at {location} has the encoding {encoding}, which lacks characters that \
         Kubernetes objects may contain: create one with CREATE DATABASE name ENCODING 'UTF8' \
         LOCALE 'C' TEMPLATE template0, move existing data with pg_dump and pg_restore, and name \
         the new database"
    )]
    Encoding {
        /// Host, port and database.
        location: String,
        /// As PostgreSQL names it.
        encoding: String,
    },
    /// PostgreSQL: no free connection, or starting up or shutting down.
    #[error("PostgreSQL at {location} takes no connection at the moment ({message}): try again")]
    Unavailable {
        /// Host, port and database.
        location: String,
        /// What the server said.
        message: String,
    },
    /// PostgreSQL: TLS could not be agreed on.
    #[error(
        "TLS with PostgreSQL at {location} failed ({message}): name the authority of its \
         certificate with sslrootcert=FILE in the URL or PGSSLROOTCERT, or, where the network may \
         be trusted, go without TLS by sslmode=disable or PGSSLMODE"
    )]
    Tls {
        /// Host, port and database.
        location: String,
        /// What went wrong.
        message: String,
    },
    /// PostgreSQL: something in front of it does not keep sessions.
    #[error(
        "a pooler such as PgBouncer stands before PostgreSQL at {location} and does not keep \
         sessions ({why}): name the server itself, or set DATABASE_POOLER=transaction"
    )]
    Pooler {
        /// Host, port and database.
        location: String,
        /// How that shows.
        why: String,
    },
    /// Anything else.
    #[error("the database at {location} cannot be opened: {source}")]
    Other {
        /// Where it is.
        location: String,
        /// What the driver said.
        source: sqlx::Error,
    },
}

impl ConnectError {
    /// Whether trying again later can help, without any change here.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Unavailable { .. } => true,
            Self::NoScheme
            | Self::UnknownScheme { .. }
            | Self::MalformedUrl { .. }
            | Self::DirectoryMissing { .. }
            | Self::IsDirectory { .. }
            | Self::NotWritable { .. }
            | Self::NotADatabase { .. }
            | Self::Authentication { .. }
            | Self::NoDatabase { .. }
            | Self::Encoding { .. }
            | Self::Tls { .. }
            | Self::Pooler { .. }
            | Self::SeveralHosts
            | Self::Other { .. } => false,
        }
    }
}
