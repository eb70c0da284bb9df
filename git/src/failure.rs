//! Why a repository could not be listed: a cause for programs and a sentence for people.

use std::fmt::{self, Display, Formatter};

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The host has no address.
    NoSuchHost,
    /// The policy permits none of the host's addresses.
    AddressForbidden,
    /// No connection could be made, or the host's name could not be looked up.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// The server's TLS certificate is not trusted.
    CertificateRefused,
    /// There is no host key for the SSH server to check it by.
    HostUnknown,
    /// The SSH server's host key is not one of those known for it.
    HostKeyChanged,
    /// The server refuses the credential, or the lack of one.
    AuthenticationRefused,
    /// The server knows no such repository, or does not tell.
    NotFound,
    /// The server redirects where this program does not go.
    RedirectRefused,
    /// The answer is not what a git server sends.
    NotGit,
    /// The answer exceeds a limit.
    TooLarge,
    /// The private key needs a passphrase.
    KeyEncrypted,
    /// The private key is not one.
    KeyUnreadable,
    /// The server failed, or broke off.
    ServerError,
}

/// Why a repository could not be listed.
///
/// The sentence repeats nothing that a server sent: that might be the credential which the server
/// was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    cause: Cause,
    sentence: String,
}

/// The most characters of a sentence: it goes into the status of a resource.
pub const MAX_SENTENCE: usize = 512;

impl Failure {
    /// A failure, which a stand-in for servers needs as well.
    pub fn new(cause: Cause, sentence: impl Into<String>) -> Self {
        let printable = |character: &char| !character.is_control();
        let sentence = sentence.into().chars().filter(printable).take(MAX_SENTENCE).collect();
        Self { cause, sentence }
    }

    /// What was wrong.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The same for people, with what to do about it.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}
