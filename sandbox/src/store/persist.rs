//! The store's copy on disk: one SQLite file, written before the answer is sent.
//!
//! WAL with `synchronous=NORMAL` keeps every committed write when the process is killed; only a
//! crash of the machine can lose the last ones, which is good enough for a sandbox.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, params};

use super::{Key, Object};

/// The file within the data directory.
const FILE_NAME: &str = "sandbox.db";

/// The format of the file; a newer one is rejected rather than guessed at.
const FORMAT: i64 = 1;

/// SQLite's page cache, in KiB: everything is in memory anyway, so it only serves writes.
const CACHE_KIB: i64 = 256;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// The directory cannot be created or written.
    #[error(
        "cannot write to {path}: {source}; choose a writable data directory",
        path = .path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file was written by a newer program.
    #[error(
        "{path} has format {found} and this program knows formats up to {FORMAT}; \
         use the newer program or another data directory",
        path = .path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format found in it.
        found: i64,
    },
    /// The object is larger than a real API server's etcd accepts.
    #[error("etcdserver: request is too large")]
    TooLarge,
    /// Another process has the file open.
    #[error(
        "{path} is in use by another process; stop it or choose another data directory",
        path = .path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// SQLite failed.
    #[error("the sandbox's database failed: {0}; check the data directory's disk")]
    Database(#[from] rusqlite::Error),
    /// A stored object cannot be read.
    #[error("a stored object of {collection} cannot be read: {source}; remove the data directory")]
    Damaged {
        /// The collection that the object is in.
        collection: String,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}

/// A stored object.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) collection: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: u64,
    pub(super) json: Vec<u8>,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
}

impl Database {
    /// Opens or creates the file and reads all of it: the objects and the newest version issued.
    pub(super) fn open(directory: &Path) -> Result<(Self, Vec<Row>, u64), PersistError> {
        std::fs::create_dir_all(directory)
            .map_err(|source| PersistError::Directory { path: directory.to_owned(), source })?;
        let path = directory.join(FILE_NAME);
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| PersistError::Directory { path: directory.to_owned(), source })?;
        let connection = Connection::open(&path)?;
        prepare(&connection, &path).map_err(|error| in_use(error, &path))?;
        let database = Self { connection };
        let rows = database.rows()?;
        let removed: i64 = database.connection.query_row(
            "SELECT value FROM meta WHERE name = 'resource_version'",
            [],
            |row| row.get(0),
        )?;
        let newest = rows
            .iter()
            .map(|row| row.resource_version)
            .chain([removed.unsigned_abs()])
            .max()
            .unwrap_or_default();
        Ok((database, rows, newest))
    }

    fn rows(&self) -> Result<Vec<Row>, PersistError> {
        let mut statement = self.connection.prepare(
            "SELECT collection, namespace, name, resource_version, json FROM objects \
             ORDER BY collection, namespace, name",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Row {
                collection: row.get(0)?,
                namespace: row.get(1)?,
                name: row.get(2)?,
                resource_version: row.get::<_, i64>(3)?.unsigned_abs(),
                json: row.get(4)?,
            })
        })?;
        rows.collect::<Result<_, _>>().map_err(PersistError::from)
    }

    /// Writes an object; its row also carries the resource version that the counter reached.
    pub(super) fn put(&self, collection: &str, object: &Object) -> Result<(), PersistError> {
        self.connection
            .prepare_cached(
                "INSERT INTO objects (collection, namespace, name, resource_version, json) \
                 VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (collection, namespace, name) DO UPDATE \
                 SET resource_version = excluded.resource_version, json = excluded.json",
            )?
            .execute(params![
                collection,
                object.key.namespace.as_ref(),
                object.key.name.as_ref(),
                object.resource_version.cast_signed(),
                object.json.as_ref(),
            ])?;
        Ok(())
    }

    /// Removes an object and records the resource version of the removal.
    pub(super) fn remove(
        &self,
        collection: &str,
        key: &Key,
        resource_version: u64,
    ) -> Result<(), PersistError> {
        let transaction = self.connection.unchecked_transaction()?;
        transaction
            .prepare_cached(
                "DELETE FROM objects WHERE collection = ?1 AND namespace = ?2 AND name = ?3",
            )?
            .execute(params![collection, key.namespace.as_ref(), key.name.as_ref()])?;
        transaction
            .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'resource_version'")?
            .execute(params![resource_version.cast_signed()])?;
        transaction.commit()?;
        Ok(())
    }
}

fn prepare(connection: &Connection, path: &Path) -> Result<(), PersistError> {
    // A second process would wait in vain for the first to end.
    connection.busy_timeout(Duration::ZERO)?;
    // Exclusive locking keeps a second process out and needs no shared-memory file.
    connection.execute_batch(&format!(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; \
         PRAGMA synchronous = NORMAL; PRAGMA cache_size = -{CACHE_KIB};"
    ))?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > FORMAT {
        return Err(PersistError::NewerFormat { path: path.to_owned(), found });
    }
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS objects (
             collection TEXT NOT NULL,
             namespace TEXT NOT NULL,
             name TEXT NOT NULL,
             resource_version INTEGER NOT NULL,
             json BLOB NOT NULL,
             PRIMARY KEY (collection, namespace, name)
         );
         CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
         INSERT OR IGNORE INTO meta (name, value) VALUES ('resource_version', 0);
         PRAGMA user_version = {FORMAT};
         COMMIT;"
    ))?;
    Ok(())
}

fn in_use(error: PersistError, path: &Path) -> PersistError {
    match error {
        PersistError::Database(rusqlite::Error::SqliteFailure(cause, _))
            if cause.code == rusqlite::ErrorCode::DatabaseBusy =>
        {
            PersistError::InUse { path: path.to_owned() }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Store;

    #[test]
    fn objects_and_the_counter_survive_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let things = "things".into();
        let reached = {
            let mut store = Store::open(directory.path(), 10).expect("opened");
            for name in ["a", "b"] {
                let mut value = json!({ "metadata": { "name": name } });
                store.put(&things, Key::new("n", name), &mut value).expect("stored");
            }
            let last = json!({ "metadata": { "name": "b" } });
            store.remove(&things, &Key::new("n", "b"), last).expect("removed");
            store.resource_version()
        };
        let store = Store::open(directory.path(), 10).expect("opened again");
        assert_eq!(store.resource_version(), reached);
        assert_eq!(store.scan("things", None).len(), 1);
        assert!(store.events_after("things", reached - 1, 9).is_err(), "the history is gone");
        assert!(store.events_after("things", reached, 9).is_ok_and(|events| events.is_empty()));
    }

    #[test]
    fn only_one_server_at_a_time_uses_a_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let _first = Store::open(directory.path(), 10).expect("opened");
        let second = Store::open(directory.path(), 10).expect_err("refused");
        assert!(matches!(second, PersistError::InUse { .. }), "{second}");
    }

    #[test]
    fn a_newer_format_is_rejected_with_an_explanation() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(Store::open(directory.path(), 10).expect("opened"));
        let path = directory.path().join(FILE_NAME);
        let connection = Connection::open(path).expect("a file");
        connection.execute_batch("PRAGMA user_version = 99").expect("set");
        drop(connection);
        let refused = Store::open(directory.path(), 10).expect_err("refused");
        assert!(refused.to_string().contains("use the newer program"), "{refused}");
    }
}
