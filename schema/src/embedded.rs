//! Backup, check and inspection of an SQLite file, by rusqlite and without the pool.
//!
//! All of it works on the file of a running program, in the same process or another one, and
//! none of it writes to that file. The calls block: from async code, call them within
//! `spawn_blocking`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Pages of 4 KiB per step: a megabyte, after which progress is reported.
const PAGES_PER_STEP: i32 = 256;
/// A writer holds its lock for milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// A damaged file has more defects than anyone would read.
const MAXIMUM_PROBLEMS: usize = 20;

/// Why the file could not be backed up, checked or read.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// There is no such file.
    #[error("there is no database file `{}`: check the path", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("`{}` is not an SQLite database: name another file", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file has none of our tables.
    #[error(
        "`{}` is an SQLite database, but not one of managed-gitops: name another file",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A backup would overwrite a file.
    #[error("`{}` exists: name another file for the backup, or remove this one", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the file.
    #[error("`{}` is locked by another process: try again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "the database file `{}` is damaged ({}): stop the program and restore a backup",
        path.display(), problems.join("; ")
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found; the first few.
        problems: Vec<String>,
    },
    /// The backup could not be moved into place.
    #[error("the backup cannot be written to `{}` ({source}): check the directory and its space",
        path.display())]
    Write {
        /// Where it should have gone.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite failed otherwise.
    #[error("SQLite failed on `{}`: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// The progress of a backup, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// Pages copied so far.
    pub copied: u64,
    /// Pages that the file has.
    pub total: u64,
}

/// Copies the database file `source`, which may be in use, to the new file `destination`.
///
/// The copy is a snapshot of when the call starts. It is checked before it gets its name: a file of
/// that name is a complete backup. `progress` is called after each step and at the end. Returns the
/// size of the copy in bytes.
pub fn backup(
    source: &Path,
    destination: &Path,
    mut progress: impl FnMut(BackupProgress),
) -> Result<u64, EmbeddedError> {
    if destination.exists() {
        return Err(EmbeddedError::Exists { path: destination.to_owned() });
    }
    let unfinished = Unfinished::beside(destination)?;
    copy(source, &unfinished.0, &mut progress)?;
    integrity_check(&unfinished.0)?;
    let write_failed = |source| EmbeddedError::Write { path: destination.to_owned(), source };
    let file = std::fs::File::open(&unfinished.0).map_err(write_failed)?;
    file.sync_all().map_err(write_failed)?;
    let bytes = file.metadata().map_err(write_failed)?.len();
    std::fs::rename(&unfinished.0, destination).map_err(write_failed)?;
    Ok(bytes)
}

/// Reads the whole file, and returns what is wrong with it.
pub fn integrity_check(path: &Path) -> Result<(), EmbeddedError> {
    let connection = open_read_only(path)?;
    let mut problems =
        collect_problems(&connection).or_else(|error| match primary_code(&error) {
            // Damage can also show as a failure of the check.
            Some(ErrorCode::DatabaseCorrupt) => Ok(vec![error.to_string()]),
            _ => Err(classify(path, error)),
        })?;
    if problems.is_empty() {
        Ok(())
    } else {
        problems.truncate(MAXIMUM_PROBLEMS);
        Err(EmbeddedError::Damaged { path: path.to_owned(), problems })
    }
}

/// How many machines of a kind are in a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineCount {
    /// As in the table `machine`.
    pub kind: String,
    /// As in the table `machine`.
    pub state_path: String,
    /// How many there are.
    pub count: u64,
}

/// Counts the machines of a database file by kind and state, in that order.
pub fn machine_counts(path: &Path) -> Result<Vec<MachineCount>, EmbeddedError> {
    let connection = open_read_only(path)?;
    let failed = |error| classify(path, error);
    if !connection.table_exists(None, "machine").map_err(failed)? {
        return Err(EmbeddedError::NotOurs { path: path.to_owned() });
    }
    count_machines(&connection).map_err(failed)
}

fn count_machines(connection: &Connection) -> rusqlite::Result<Vec<MachineCount>> {
    let mut statement = connection.prepare(
        "SELECT kind, state_path, count(*) FROM machine \
         GROUP BY kind, state_path ORDER BY kind, state_path",
    )?;
    let counts = statement.query_map((), |row| {
        Ok(MachineCount {
            kind: row.get(0)?,
            state_path: row.get(1)?,
            count: u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
        })
    })?;
    counts.collect()
}

fn copy(
    source: &Path,
    unfinished: &Path,
    progress: &mut impl FnMut(BackupProgress),
) -> Result<u64, EmbeddedError> {
    let failed = |error| classify(source, error);
    let from = open_read_only(source)?;
    // Without its own transaction, a backup starts over on every write, and under steady load never
    // ends.
    from.execute_batch("BEGIN").map_err(failed)?;
    from.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(())).map_err(failed)?;
    let mut to = Connection::open(unfinished).map_err(|error| classify(unfinished, error))?;
    let backup = Backup::new(&from, &mut to).map_err(failed)?;
    loop {
        let step = backup.step(PAGES_PER_STEP).map_err(failed)?;
        let pages = backup.progress();
        let total = u64::try_from(pages.pagecount).unwrap_or_default();
        let remaining = u64::try_from(pages.remaining).unwrap_or_default();
        progress(BackupProgress { copied: total.saturating_sub(remaining), total });
        match step {
            StepResult::Done => return Ok(total),
            StepResult::More => {}
            // No other process knows the copy, and the source has its own transaction: this is a
            // foreign lock, and a wait for it might never end.
            _ => {
                return Err(EmbeddedError::Locked { path: unfinished.to_owned() });
            }
        }
    }
}

fn collect_problems(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let check = format!("PRAGMA integrity_check({MAXIMUM_PROBLEMS})");
    let mut statement = connection.prepare(&check)?;
    let lines = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut problems = Vec::new();
    for line in lines {
        let line = line?;
        if line != "ok" {
            problems.push(line);
        }
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()?
        && problems.len() < MAXIMUM_PROBLEMS
    {
        let child: String = row.get(0)?;
        let parent: String = row.get(2)?;
        problems.push(format!("a row of {child} refers to a row of {parent} that is not there"));
    }
    Ok(problems)
}

fn open_read_only(path: &Path) -> Result<Connection, EmbeddedError> {
    if !path.is_file() {
        return Err(EmbeddedError::Missing { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| classify(path, error))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| classify(path, error))?;
    // SQLite opens lazily; reading the schema shows what the file is.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))
        .map_err(|error| classify(path, error))?;
    Ok(connection)
}

fn primary_code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

fn classify(path: &Path, source: rusqlite::Error) -> EmbeddedError {
    let path = path.to_owned();
    match primary_code(&source) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => EmbeddedError::Locked { path },
        Some(ErrorCode::NotADatabase) => EmbeddedError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => {
            EmbeddedError::Damaged { path, problems: vec![source.to_string()] }
        }
        _ => EmbeddedError::Sqlite { path, source },
    }
}

/// The file that a backup is written to; removed unless renamed.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(destination: &Path) -> Result<Self, EmbeddedError> {
        let mut name = destination.as_os_str().to_owned();
        name.push(format!(".{}.unfinished", uuid::Uuid::new_v4()));
        let path = PathBuf::from(name);
        std::fs::File::create_new(&path)
            .map_err(|source| EmbeddedError::Write { path: destination.to_owned(), source })?;
        Ok(Self(path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // Most of them do not exist, and a leftover that cannot be removed is harmless.
            let _ = std::fs::remove_file(name);
        }
    }
}
