//! The sealing keys: where they come from, and `rotate-keys`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use schema::connection::{Database, connect};
use schema::sealing::keyring::PRIMARY;
use schema::sealing::{Keyring, generate_key};
use schema::store::sealed::rotation::{outdated, rotate_page};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::{DatabaseArguments, Failure};

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
        rotate(&database, &keyring).await
    }
}

async fn rotate(database: &Database, keyring: &Keyring) -> Result<(), Failure> {
    let total = outdated(database, keyring).await.map_err(Failure::running)?;
    println!("{total} values are not sealed with the primary key {}", keyring.primary());
    let (mut seen, mut locked) = (0, Vec::new());
    let mut after = None;
    loop {
        let page =
            rotate_page(database, keyring, after.as_ref()).await.map_err(Failure::running)?;
        seen += page.resealed + page.replaced + page.locked.len() as u64;
        locked.extend(page.locked);
        if seen > 0 {
            println!("sealed again: {} of {total}", seen - locked.len() as u64);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if locked.is_empty() {
        println!("everything is sealed with the primary key; the other keys are no longer needed");
        return Ok(());
    }
    let named: Vec<String> = locked
        .iter()
        .take(NAMED_AT_MOST)
        .map(|(place, error)| format!("\n  {place}: {error}"))
        .collect();
    Err(Failure::Running(anyhow::anyhow!(
        "{} values do not open and are as they were:{}",
        locked.len(),
        named.concat()
    )))
}
