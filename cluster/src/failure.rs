//! Why an environment cannot be used: what its condition says, a cause for programs, and a sentence
//! for people.

use std::fmt::{self, Display, Formatter};

use crate::reason::Reason;

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// `spec.apiURL` is none that can be used.
    ApiUrl,
    /// One of `spec.namespaces` cannot be the name of a namespace.
    NamespaceInvalid,
    /// The Secret is of another type.
    SecretOfWrongType,
    /// The Secret has no kubeconfig.
    KubeconfigMissing,
    /// The kubeconfig is larger than [`MAX_LENGTH`](crate::kubeconfig::MAX_LENGTH).
    KubeconfigTooLarge,
    /// The kubeconfig is not one.
    KubeconfigUnreadable,
    /// The kubeconfig has a field that this program does not use on purpose.
    FieldRefused,
    /// The kubeconfig has no cluster with the environment's URL.
    ClusterMissing,
    /// The kubeconfig has no context for the cluster.
    ContextMissing,
    /// The kubeconfig has no user for the context.
    UserMissing,
    /// The kubeconfig's user has no token.
    TokenMissing,
    /// The token is none that can be sent.
    TokenUnusable,
    /// The cluster's certificate authority in the kubeconfig cannot be read.
    AuthorityUnreadable,
    /// The name for the cluster's certificate in the kubeconfig is none.
    ServerNameInvalid,
    /// The host has no address.
    NoSuchHost,
    /// The policy permits none of the host's addresses.
    AddressForbidden,
    /// No connection could be made, or the host's name could not be looked up.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// Nobody known has issued the cluster's certificate.
    CertificateUnknown,
    /// The cluster's certificate is not valid, or another server's.
    CertificateInvalid,
    /// The cluster refuses the token.
    TokenRefused,
    /// The token does not have the right to what was asked.
    Forbidden,
    /// The cluster has no such namespace.
    NamespaceNotFound,
    /// There is something on the cluster that is in the way.
    Conflict,
    /// The cluster has not made a token.
    TokenNotMade,
    /// The server redirects, where this program does not go.
    RedirectRefused,
    /// The answer is not what an API server sends.
    NotKubernetes,
    /// The answer exceeds a limit.
    TooLarge,
    /// The server failed, or broke off.
    ServerError,
}

impl Cause {
    /// Whether it may end without anybody changing the environment, its Secret, or rights on the
    /// cluster.
    pub fn is_transient(self) -> bool {
        match self {
            Self::NoSuchHost
            | Self::Unreachable
            | Self::TimedOut
            | Self::TokenNotMade
            | Self::NotKubernetes
            | Self::TooLarge
            | Self::ServerError => true,
            Self::ApiUrl
            | Self::NamespaceInvalid
            | Self::SecretOfWrongType
            | Self::KubeconfigMissing
            | Self::KubeconfigTooLarge
            | Self::KubeconfigUnreadable
            | Self::FieldRefused
            | Self::ClusterMissing
            | Self::ContextMissing
            | Self::UserMissing
            | Self::TokenMissing
            | Self::TokenUnusable
            | Self::AuthorityUnreadable
            | Self::ServerNameInvalid
            | Self::AddressForbidden
            | Self::CertificateUnknown
            | Self::CertificateInvalid
            | Self::TokenRefused
            | Self::Forbidden
            | Self::NamespaceNotFound
            | Self::Conflict
            | Self::RedirectRefused => false,
        }
    }
}

/// Why an environment cannot be used.
///
/// Nothing in it repeats what a server has sent, which might be the token that it was shown, nor
/// what is in a kubeconfig, except the names of its contexts and clusters where the condition's text
/// has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    reason: Reason,
    cause: Cause,
    sentence: String,
}

/// The most characters of a sentence: it goes into the status of a resource.
pub const MAX_SENTENCE: usize = 512;

impl Failure {
    /// A failure, which a stand-in for clusters needs as well.
    pub fn new(reason: Reason, cause: Cause, sentence: impl Into<String>) -> Self {
        let Problem { cause, sentence } = Problem::new(cause, sentence);
        Self { reason, cause, sentence }
    }

    /// What the condition `ConnectionInitializationSucceeded` says.
    pub fn reason(&self) -> &Reason {
        &self.reason
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

/// A failure before it is known what the condition says of it: that depends on what was being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) cause: Cause,
    pub(crate) sentence: String,
}

impl Problem {
    pub(crate) fn new(cause: Cause, sentence: impl Into<String>) -> Self {
        let printable = |character: &char| !character.is_control();
        let sentence = sentence.into().chars().filter(printable).take(MAX_SENTENCE).collect();
        Self { cause, sentence }
    }

    pub(crate) fn because(self, reason: Reason) -> Failure {
        Failure { reason, cause: self.cause, sentence: self.sentence }
    }
}
