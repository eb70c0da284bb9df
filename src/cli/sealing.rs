//! The sealing keys: where they come from, and `rotate-keys`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use schema::connection::{Database, connect};
use schema::sealing::keyring::PRIMARY;
use schema::sealing::{Keyring, OpenError, Place, generate_key};
use schema::store::sealed::rotation::{Unopened, outdated, rotate_page};
use schema::store::sealed::unlock::faults;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::cli::{DatabaseArguments, Failure};
use crate::runtime::retry::patiently;
use crate::runtime::store_failure::retry_decision;

/// The directory of the keys of `dev`, in its own.
pub const DEV_KEYS: &str = "sealing-keys";
/// The id of the key that `dev` makes.
const DEV_KEY: &str = "dev";
/// Most values that are named when they do not open.
const NAMED_AT_MOST: usize = 10;

/// Where the sealing keys come from.
#[derive(Clone, Debug, Args)]
pub struct SealingArguments {
    /// Directory of the keys that seal credentials in the database, such as a mounted Secret: a
    /// file for each key, and a file `primary` that names the one that seals.
    #[arg(long, env = "SEALING_KEYS_DIR", conflicts_with = "sealing_keys")]
    sealing_keys_dir: Option<PathBuf>,
    /// The same as a list of ID=KEY, separated by commas, of which the first one seals.
    #[arg(long, env = "SEALING_KEYS", hide_env_values = true, value_parser = secret)]
    sealing_keys: Option<SecretString>,
}

fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

impl SealingArguments {
    /// The keyring; `None` if none was named.
    pub(super) fn keyring(&self) -> Result<Option<Keyring>, Failure> {
        let keyring = match (&self.sealing_keys_dir, &self.sealing_keys) {
            (Some(directory), _) => Keyring::read(directory),
            (None, Some(text)) => Keyring::parse(text),
            (None, None) => return Ok(None),
        };
        keyring.map(Some).map_err(Failure::input)
    }

    /// The keyring; without one, that of `dev`, which makes its own.
    pub(super) fn keyring_of_dev(&self, directory: &Path) -> Result<Keyring, Failure> {
        if let Some(keyring) = self.keyring()? {
            return Ok(keyring);
        }
        let directory = directory.join(DEV_KEYS);
        make_keyring(&directory).map_err(Failure::Input)?;
        Keyring::read(directory).map_err(Failure::input)
    }
}

/// Makes a keyring with a random key, unless there is one.
fn make_keyring(directory: &Path) -> anyhow::Result<()> {
    let explain = || format!("the sealing key of dev cannot be kept in {}", directory.display());
    DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(explain)?;
    // The key first: a keyring that names its key has it.
    let files = [(DEV_KEY, generate_key()), (PRIMARY, SecretString::from(DEV_KEY))];
    for (name, text) in files {
        let path = directory.join(name);
        if !path.exists() {
            write_whole(&path, &text).with_context(explain)?;
        }
    }
    Ok(())
}

/// Writes a file that nobody else may read. It appears with its whole text or not at all.
fn write_whole(path: &Path, text: &SecretString) -> std::io::Result<()> {
    // A keyring ignores such names.
    let part = path.with_file_name(".part");
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(part, path)
}

/// Options of `rotate-keys`.
#[derive(Clone, Debug, Args)]
pub struct RotateKeys {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    sealing: SealingArguments,
    /// Remove values that no key opens, because their keys are lost: their users have to enter them
    /// again.
    #[arg(long)]
    forget_unopened: bool,
}

impl RotateKeys {
    /// Seals everything again with the primary key.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Some(keyring) = self.sealing.keyring()? else {
            return Err(Failure::Input(anyhow::anyhow!(
                "name the sealing keys with SEALING_KEYS_DIR or SEALING_KEYS: the old ones, and \
                 the new one as the primary key"
            )));
        };
        let options = self.database.options();
        let database = connect(&self.database.url(), &options).await.map_err(Failure::input)?;
        schema::check(&database).await.map_err(Failure::input)?;
        let unopened = if self.forget_unopened { Unopened::Forget } else { Unopened::Keep };
        let faults = faults(&database, &keyring).await.map_err(Failure::running)?;
        // A key of the right name that is another one must not seal anything.
        if let Some(wrong) = faults.iter().find(|one| matches!(one, OpenError::Refused(_)))
            && unopened == Unopened::Keep
        {
            return Err(Failure::Input(anyhow::anyhow!(
                "the keyring is not that of this database, and nothing was changed: {wrong}"
            )));
        }
        Rotation { database: &database, keyring: &keyring, unopened }.run().await
    }
}

/// A rotation until its end.
struct Rotation<'a> {
    database: &'a Database,
    keyring: &'a Keyring,
    unopened: Unopened,
}

impl Rotation<'_> {
    async fn run(self) -> Result<(), Failure> {
        let primary = self.keyring.primary();
        let mut left = self.outdated().await?;
        println!("not sealed with the primary key {primary}: {left}");
        // What the program writes meanwhile may be behind the place that a pass has come to.
        loop {
            let locked = self.pass(left).await?;
            let before = std::mem::replace(&mut left, self.outdated().await?);
            if left == 0 && !locked.is_empty() {
                println!("removed, because no key opens them: {}", locked.len());
            }
            if left == 0 {
                println!(
                    "everything is sealed with the primary key; no other key is needed any more"
                );
                return Ok(());
            }
            if left >= before || left <= locked.len() as u64 {
                return Err(self.unfinished(left, &locked));
            }
        }
    }

    async fn outdated(&self) -> Result<u64, Failure> {
        outdated(self.database, self.keyring).await.map_err(Failure::running)
    }

    /// Goes through everything once; returns what does not open.
    async fn pass(&self, total: u64) -> Result<Vec<(Place, OpenError)>, Failure> {
        let (mut resealed, mut locked) = (0, Vec::new());
        let mut after = None;
        let shutdown = CancellationToken::new();
        loop {
            // PostgreSQL ends a transaction that waits for one of the program in a circle.
            let page = patiently("a page of the rotation", &shutdown, retry_decision, || {
                rotate_page(self.database, self.keyring, after.as_ref(), self.unopened)
            });
            let Some(page) = page.await.map_err(Failure::running)? else { return Ok(locked) };
            resealed += page.resealed;
            locked.extend(page.locked);
            if total > 0 {
                println!("sealed again: {resealed} of {total}");
            }
            after = page.next;
            if after.is_none() {
                return Ok(locked);
            }
        }
    }

    fn unfinished(&self, left: u64, locked: &[(Place, OpenError)]) -> Failure {
        if locked.is_empty() {
            return Failure::Running(anyhow::anyhow!(
                "{left} values were sealed with another key meanwhile: the program still seals with \
                 it. Restart the program with the primary key {}, then run this again",
                self.keyring.primary()
            ));
        }
        let named: Vec<String> = locked
            .iter()
            .take(NAMED_AT_MOST)
            .map(|(place, error)| format!("\n  {place}: {error}"))
            .collect();
        Failure::Running(anyhow::anyhow!(
            "values that do not open, and were left as they are: {}{}\nIf their keys are lost, \
             --forget-unopened removes them, and their users have to enter them again",
            locked.len(),
            named.concat()
        ))
    }
}
