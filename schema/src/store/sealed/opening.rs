//! What rows say whose columns hold placeholders: opened, or why it cannot be.

use std::collections::HashMap;

use secrecy::SecretString;

use super::NO_KEYS;
use crate::entity::clear_text::ClearText;
use crate::entity::sealed_value;
use crate::sealing::{self, Keyring, OpenError, PLACEHOLDER, Place, Sealed};

/// Why it is not known what a row says. The texts are read by users: they name no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnopenedCredential {
    /// There are no keys.
    #[error("the {0} cannot be read: {NO_KEYS}")]
    NoKeys(&'static str),
    /// The keys do not open it.
    #[error("the sealed {place} cannot be read: {source}")]
    Locked {
        /// What is sealed.
        place: Place,
        /// Why it does not open.
        source: OpenError,
    },
    /// It was sealed, and is gone: its key was lost.
    #[error(
        "the sealed {0} is gone, as after the loss of its key; enter the credential in its Secret \
         again"
    )]
    Missing(Place),
}

/// What is sealed of one row, by column.
#[derive(Default)]
pub(in crate::store) struct SealedValues(HashMap<String, Sealed>);

impl SealedValues {
    pub(in crate::store) fn insert(&mut self, value: sealed_value::Model) {
        let (place, sealed) = value.into_sealed();
        self.0.insert(place.column, sealed);
    }

    /// Whether a column says that it is sealed, and nothing is.
    pub(in crate::store) fn lacks(&self, column: &str, said: Option<&ClearText>) -> bool {
        said.is_some_and(is_sealed) && !self.0.contains_key(column)
    }

    /// What a column says, sealed or not.
    pub(in crate::store) fn text(
        &self,
        keyring: &Keyring,
        place: Place,
        said: Option<&ClearText>,
    ) -> Result<SecretString, UnopenedCredential> {
        let Some(said) = said else { return Ok(SecretString::default()) };
        if !is_sealed(said) {
            // There is none, or an earlier installation has left it in the clear.
            return Ok(said.clone().into_secret());
        }
        match self.0.get(&place.column) {
            Some(sealed) => sealing::open(keyring, &place, sealed)
                .map_err(|source| UnopenedCredential::Locked { place, source }),
            None => Err(UnopenedCredential::Missing(place)),
        }
    }
}

fn is_sealed(said: &ClearText) -> bool {
    *said == ClearText::placeholder(PLACEHOLDER)
}
