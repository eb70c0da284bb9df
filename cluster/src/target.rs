//! A cluster, and what it is opened with.

use std::fmt::{self, Debug, Formatter};

use secrecy::SecretString;

use crate::api_url::ApiUrl;
use crate::failure::{Cause, Problem};

/// A cluster, and what it is opened with.
#[derive(Clone)]
pub struct Target {
    /// Where its API is.
    pub url: ApiUrl,
    /// What is shown to it.
    pub token: SecretString,
    /// How it is recognised.
    pub trust: Trust,
    /// The name that its certificate is for, if that is not the URL's host.
    pub server_name: Option<String>,
}

/// How a cluster is recognised.
#[derive(Clone, PartialEq, Eq)]
pub enum Trust {
    /// By the certificate authorities that this machine knows.
    System,
    /// By these certificates, in PEM: each may be its own, or have issued it.
    Authority(String),
    /// Not at all: `spec.allowInsecureSkipTLSVerify`.
    Anyone,
}

/// The longest token. Real ones have up to some thousand characters; what is longer makes servers
/// refuse the request.
pub const MAX_TOKEN: usize = 64 * 1024;

impl Target {
    /// The same cluster, opened with another token.
    #[must_use]
    pub fn with_token(&self, token: SecretString) -> Self {
        Self { token, ..self.clone() }
    }
}

/// A token as it is sent: what is around it in a file is not part of it, and it has nothing that an
/// HTTP header may not have.
pub(crate) fn token(text: &str) -> Result<SecretString, Problem> {
    let text = text.trim_ascii();
    if text.len() > MAX_TOKEN {
        return Err(Problem::new(Cause::TokenUnusable, "the token is longer than 64 KiB"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::new(
            Cause::TokenUnusable,
            "the token has a character that no token has, perhaps a line break; store it as it is, \
             in one line",
        ));
    }
    Ok(text.into())
}

/// Without the certificates: those of a tenant are nobody else's business.
impl Debug for Trust {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::System => "System",
            Self::Authority(_) => "Authority",
            Self::Anyone => "Anyone",
        })
    }
}

impl Debug for Target {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({}, {:?})", self.url, self.trust)
    }
}
