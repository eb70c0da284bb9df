//! The form of columns in which the existing system keeps credentials in the clear.

use std::fmt;

use sea_orm::DeriveValueType;
use secrecy::SecretString;

/// A credential in the clear, or the placeholder of one that is sealed. It is never printed.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct ClearText(String);

impl ClearText {
    /// Of a text that is no secret.
    pub fn placeholder(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether there is a credential in it: neither nothing nor one of these placeholders.
    pub(crate) fn is_credential(&self, placeholders: &[&str]) -> bool {
        !self.0.is_empty() && !placeholders.contains(&self.0.as_str())
    }

    /// To be sealed.
    pub(crate) fn into_secret(self) -> SecretString {
        self.0.into()
    }
}

impl fmt::Debug for ClearText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClearText([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_printed() {
        assert!(!format!("{:?}", ClearText::placeholder("hunter2")).contains("hunter2"));
    }
}
