//! The keys that seal and open credentials.
//!
//! A keyring is a directory, such as a mounted Secret, with a file for each key, named by the key's
//! id, and a file `primary` that names the key that seals; or a text with the same. All keys open.
//! The directory is read again when a key is missing, so a key that was added to it opens what
//! another process has sealed with it, without a restart. Which key seals changes with a restart only:
//! what one run of a program writes, one key opens.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chacha20poly1305::aead::{Generate as _, Key};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use parking_lot::RwLock;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// The file that names the key that seals.
pub const PRIMARY: &str = "primary";
/// Longest id of a key: what the column holds.
const ID_LIMIT: usize = 64;
/// Most keys of a keyring. A rotation needs two; more than this is a directory of something else.
const KEYS_LIMIT: usize = 64;
/// Longest file of a key, in bytes: its 44 characters, and room for white space.
const FILE_LIMIT: u64 = 128;

/// The id of a key; no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Checks an id.
    ///
    /// # Errors
    ///
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let fits = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        let is_id = !text.is_empty()
            && text.len() <= ID_LIMIT
            && text.chars().all(fits)
            && !text.starts_with('.')
            && text != PRIMARY;
        if is_id { Ok(Self(text.to_owned())) } else { Err(KeyringError::Id) }
    }

    /// As the database stores it.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Why there is no keyring. No message repeats a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The directory, or a file in it, cannot be read.
    #[error("the sealing keys in {} cannot be read: {source}; mount them there", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no key.
    #[error("there are no sealing keys {place}; add one and name it as the primary key")]
    Empty {
        /// Where.
        place: Place,
    },
    /// None is named that seals.
    #[error("no primary key is named {place}; name the key that seals")]
    NoPrimary {
        /// Where.
        place: Place,
    },
    /// The one that is named does not exist.
    #[error("the primary key is {id}, but there is no such key {place}; add it")]
    PrimaryMissing {
        /// Which.
        id: KeyId,
        /// Where.
        place: Place,
    },
    /// It is not an id.
    #[error(
        "the id of a sealing key has up to {ID_LIMIT} letters, digits, '-', '_' and '.', does \
         not begin with '.', and is not `{PRIMARY}`; rename the key"
    )]
    Id,
    /// It is no key.
    #[error(
        "the sealing key {id} is not {KEY_BYTES} bytes in base64; make one with \
         `openssl rand -base64 {KEY_BYTES}`"
    )]
    Key {
        /// Which.
        id: KeyId,
    },
    /// There are too many.
    #[error("there are more than {KEYS_LIMIT} sealing keys {place}; remove those not in use")]
    TooMany {
        /// Where.
        place: Place,
    },
    /// The text is not a list of keys.
    #[error("SEALING_KEYS is a list of ID=KEY, separated by commas; the first one seals")]
    Form,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// `SEALING_KEYS`.
    Text,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(formatter, "in {}", path.display()),
            Self::Text => formatter.write_str("in SEALING_KEYS"),
        }
    }
}

/// See the module. Clones share the keys.
#[derive(Clone)]
pub struct Keyring {
    place: Place,
    keys: Arc<RwLock<Arc<Keys>>>,
}

struct Keys {
    primary: KeyId,
    all: BTreeMap<KeyId, XChaCha20Poly1305>,
}

impl Keyring {
    /// Reads a directory.
    ///
    /// # Errors
    ///
    /// It does not contain a keyring.
    pub fn read(directory: impl Into<PathBuf>) -> Result<Self, KeyringError> {
        let place = Place::Directory(directory.into());
        Self::of(Keys::read(&place)?, place)
    }

    /// Reads the text of `SEALING_KEYS`.
    ///
    /// # Errors
    ///
    /// It is not a keyring.
    pub fn parse(text: &SecretString) -> Result<Self, KeyringError> {
        Self::of(Keys::parse(text)?, Place::Text)
    }

    fn of(keys: Keys, place: Place) -> Result<Self, KeyringError> {
        Ok(Self { place, keys: Arc::new(RwLock::new(Arc::new(keys))) })
    }

    /// The id of the key that seals.
    pub fn primary(&self) -> KeyId {
        self.keys.read().primary.clone()
    }

    /// The ids of all keys.
    pub fn ids(&self) -> Vec<KeyId> {
        self.keys.read().all.keys().cloned().collect()
    }

    /// Whether it has a key; a directory that lacks it is read again.
    pub fn has(&self, id: &KeyId) -> bool {
        self.opening(id).is_some()
    }

    /// The key that seals, if its ring is consistent, which was checked.
    pub(super) fn sealing(&self) -> Option<(KeyId, XChaCha20Poly1305)> {
        let keys = Arc::clone(&self.keys.read());
        let cipher = keys.all.get(&keys.primary)?.clone();
        Some((keys.primary.clone(), cipher))
    }

    /// A key; a directory that lacks it is read again.
    pub(super) fn opening(&self, id: &KeyId) -> Option<XChaCha20Poly1305> {
        let known = self.keys.read().all.get(id).cloned();
        if known.is_some() || self.place == Place::Text {
            return known;
        }
        // A directory that cannot be read now leaves the ring as it was.
        let mut keys = Keys::read(&self.place).ok()?;
        let found = keys.all.get(id).cloned()?;
        let mut current = self.keys.write();
        if let Some(sealing) = current.all.get(&current.primary) {
            keys.all.insert(current.primary.clone(), sealing.clone());
            keys.primary = current.primary.clone();
        }
        *current = Arc::new(keys);
        Some(found)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, .. } = self;
        let (primary, ids) = (self.primary(), self.ids());
        let mut shown = formatter.debug_struct("Keyring");
        shown.field("place", place).field("primary", &primary).field("ids", &ids).finish()
    }
}

impl Keys {
    fn read(place: &Place) -> Result<Self, KeyringError> {
        let Place::Directory(directory) = place else { return Err(KeyringError::Form) };
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| KeyringError::Unreadable { path, source }
        };
        let mut all = BTreeMap::new();
        let mut primary = None;
        for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
            let entry = entry.map_err(unreadable(directory))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            // A mounted Secret has such entries for its versions.
            if name.starts_with('.') {
                continue;
            }
            let text = read_file(&path).map_err(unreadable(&path))?;
            if name == PRIMARY {
                primary = Some(KeyId::parse(text.trim())?);
                continue;
            }
            let id = KeyId::parse(&name)?;
            all.insert(id.clone(), cipher(id, &text)?);
            if all.len() > KEYS_LIMIT {
                return Err(KeyringError::TooMany { place: place.clone() });
            }
        }
        Self::checked(primary, all, place)
    }

    fn parse(text: &SecretString) -> Result<Self, KeyringError> {
        let mut all = BTreeMap::new();
        let mut primary = None;
        let entries = text.expose_secret().split(',').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let (id, key) = entry.split_once('=').ok_or(KeyringError::Form)?;
            let id = KeyId::parse(id.trim())?;
            primary.get_or_insert_with(|| id.clone());
            all.insert(id.clone(), cipher(id, key)?);
            if all.len() > KEYS_LIMIT {
                return Err(KeyringError::TooMany { place: Place::Text });
            }
        }
        Self::checked(primary, all, &Place::Text)
    }

    fn checked(
        primary: Option<KeyId>,
        all: BTreeMap<KeyId, XChaCha20Poly1305>,
        place: &Place,
    ) -> Result<Self, KeyringError> {
        let place = place.clone();
        if all.is_empty() {
            return Err(KeyringError::Empty { place });
        }
        let Some(primary) = primary else { return Err(KeyringError::NoPrimary { place }) };
        if !all.contains_key(&primary) {
            return Err(KeyringError::PrimaryMissing { id: primary, place });
        }
        Ok(Self { primary, all })
    }
}

/// Reads a file of a keyring, and no more than a key has.
fn read_file(path: &Path) -> std::io::Result<Zeroizing<String>> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(FILE_LIMIT).read_to_string(&mut text)?;
    Ok(text)
}

fn cipher(id: KeyId, text: &str) -> Result<XChaCha20Poly1305, KeyringError> {
    let bytes = BASE64_STANDARD.decode(text.trim()).map(Zeroizing::new);
    let cipher = bytes.ok().and_then(|bytes| XChaCha20Poly1305::new_from_slice(&bytes).ok());
    cipher.ok_or(KeyringError::Key { id })
}

/// A new random key, as a keyring has it.
pub fn generate_key() -> SecretString {
    let key = Zeroizing::new(<[u8; KEY_BYTES]>::from(Key::<XChaCha20Poly1305>::generate()));
    BASE64_STANDARD.encode(*key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(letter: char) -> String {
        BASE64_STANDARD.encode(letter.to_string().repeat(KEY_BYTES))
    }

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    fn refusal(files: &[(&str, &str)]) -> String {
        let directory = directory(files);
        let refusal = Keyring::read(directory.path()).unwrap_err().to_string();
        refusal.replace(&directory.path().display().to_string(), "DIR")
    }

    #[test]
    fn a_directory_is_a_keyring() {
        let line = format!("{}\n", key('a'));
        let files = [
            ("2026-01", line.as_str()),
            ("2026-02", &key('b')),
            ("primary", "2026-02\n"),
            ("..data", "x"),
        ];
        let directory = directory(&files);
        let keyring = Keyring::read(directory.path()).unwrap();
        assert_eq!(keyring.primary().as_str(), "2026-02");
        assert_eq!(keyring.ids().len(), 2);
    }

    #[test]
    fn a_key_that_was_added_is_found_without_a_restart() {
        let directory = directory(&[("one", &key('a')), ("primary", "one")]);
        let keyring = Keyring::read(directory.path()).unwrap();
        let two = KeyId::parse("two").unwrap();
        assert!(keyring.opening(&two).is_none());
        std::fs::write(directory.path().join("two"), key('b')).unwrap();
        std::fs::write(directory.path().join("primary"), "two").unwrap();
        assert!(keyring.clone().opening(&two).is_some());
        assert_eq!(keyring.primary().as_str(), "one", "until the next start");
        std::fs::remove_file(directory.path().join("primary")).unwrap();
        assert!(keyring.opening(&KeyId::parse("three").unwrap()).is_none());
        assert!(keyring.opening(&two).is_some(), "a broken directory changes nothing");
    }

    #[test]
    fn what_is_no_keyring_is_refused_with_a_sentence() {
        assert_eq!(
            refusal(&[]),
            "there are no sealing keys in DIR; add one and name it as the primary key"
        );
        assert_eq!(
            refusal(&[("one", &key('a'))]),
            "no primary key is named in DIR; name the key that seals"
        );
        assert_eq!(
            refusal(&[("one", &key('a')), ("primary", "two")]),
            "the primary key is two, but there is no such key in DIR; add it"
        );
        let short = "the sealing key one is not 32 bytes in base64; make one with \
                     `openssl rand -base64 32`";
        assert_eq!(refusal(&[("one", "c2hvcnQ="), ("primary", "one")]), short);
        assert_eq!(refusal(&[("one", &"A".repeat(4_096)), ("primary", "one")]), short);
        assert!(refusal(&[("one two", &key('a'))]).starts_with("the id of a sealing key has"));
        let missing = Keyring::read("/nonexistent").unwrap_err().to_string();
        assert!(missing.starts_with("the sealing keys in /nonexistent cannot be read"));
    }

    #[test]
    fn a_text_is_a_keyring_whose_first_key_seals() {
        let text = format!("b={}, a={}", key('b'), key('a'));
        let keyring = Keyring::parse(&text.into()).unwrap();
        assert_eq!(keyring.primary().as_str(), "b");
        for (text, sentence) in [
            (
                "",
                "there are no sealing keys in SEALING_KEYS; add one and name it as the primary key",
            ),
            (
                "secret",
                "SEALING_KEYS is a list of ID=KEY, separated by commas; the first one seals",
            ),
        ] {
            assert_eq!(Keyring::parse(&text.to_owned().into()).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn no_key_is_printed() {
        let text = format!("a={}", key('a'));
        let keyring = Keyring::parse(&text.into()).unwrap();
        assert!(!format!("{keyring:?}").contains(&key('a')));
        let wrong = format!("a={}", key('a').replace('Y', "!"));
        assert!(!format!("{:?}", Keyring::parse(&wrong.into()).unwrap_err()).contains('!'));
    }

    #[test]
    fn generated_keys_differ_and_are_keys() {
        let (one, other) = (generate_key(), generate_key());
        assert_ne!(one.expose_secret(), other.expose_secret());
        let text = format!("a={}", one.expose_secret());
        assert!(Keyring::parse(&text.into()).is_ok());
    }
}
