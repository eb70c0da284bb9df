//! What became of batches and of requests to tenants' servers, in few words.

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It was committed, or found nothing to write.
    Committed,
    /// The database was not able to commit it; it is tried again.
    Retried,
    /// A machine in it cannot be processed; that one is looked for.
    Split,
    /// The database gave no answer; it is tried again.
    Abandoned,
}

impl BatchOutcome {
    /// All of them, in their order.
    pub const NAMES: [&'static str; 4] = ["committed", "retried", "split", "abandoned"];

    /// As it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Retried => "retried",
            Self::Split => "split",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What came of a request to a tenant's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerOutcome {
    /// It accepts what it was shown.
    Accepted,
    /// It refuses the credential, or does not grant what is needed.
    Refused,
    /// It has not what is asked for.
    NotFound,
    /// It was not reached, or took too long.
    Unreachable,
    /// It has failed, or has sent what nobody understands.
    Failed,
    /// Its certificate or host key is not trusted.
    Untrusted,
    /// It may not be asked: the policy forbids its address.
    Forbidden,
    /// It was not asked: what it would have been shown is unusable.
    Unusable,
}

impl ServerOutcome {
    /// All of them, in their order.
    pub const NAMES: [&'static str; 8] = [
        "accepted",
        "refused",
        "not_found",
        "unreachable",
        "failed",
        "untrusted",
        "forbidden",
        "unusable",
    ];

    /// As it is counted.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Of a git server.
    pub fn of_git(cause: Option<git_access::Cause>) -> Self {
        use git_access::Cause;
        let Some(cause) = cause else { return Self::Accepted };
        match cause {
            Cause::AuthenticationRefused => Self::Refused,
            Cause::NotFound => Self::NotFound,
            Cause::NoSuchHost | Cause::Unreachable | Cause::TimedOut => Self::Unreachable,
            Cause::RedirectRefused | Cause::NotGit | Cause::TooLarge | Cause::ServerError => {
                Self::Failed
            }
            Cause::CertificateRefused | Cause::HostUnknown | Cause::HostKeyChanged => {
                Self::Untrusted
            }
            Cause::AddressForbidden => Self::Forbidden,
            Cause::KeyEncrypted | Cause::KeyUnreadable => Self::Unusable,
        }
    }

    /// Of a cluster.
    pub fn of_cluster(cause: Option<cluster_access::Cause>) -> Self {
        use cluster_access::Cause;
        let Some(cause) = cause else { return Self::Accepted };
        match cause {
            Cause::TokenRefused | Cause::Forbidden | Cause::Conflict => Self::Refused,
            Cause::NamespaceNotFound => Self::NotFound,
            Cause::NoSuchHost | Cause::Unreachable | Cause::TimedOut => Self::Unreachable,
            Cause::TokenNotMade
            | Cause::RedirectRefused
            | Cause::NotKubernetes
            | Cause::TooLarge
            | Cause::ServerError => Self::Failed,
            Cause::CertificateUnknown | Cause::CertificateInvalid => Self::Untrusted,
            Cause::AddressForbidden => Self::Forbidden,
            Cause::ApiUrl
            | Cause::NamespaceInvalid
            | Cause::SecretOfWrongType
            | Cause::KubeconfigMissing
            | Cause::KubeconfigTooLarge
            | Cause::KubeconfigUnreadable
            | Cause::FieldRefused
            | Cause::ClusterMissing
            | Cause::ContextMissing
            | Cause::UserMissing
            | Cause::TokenMissing
            | Cause::TokenUnusable
            | Cause::AuthorityUnreadable
            | Cause::ServerNameInvalid => Self::Unusable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_own_name() {
        assert_eq!(ServerOutcome::Accepted.name(), "accepted");
        assert_eq!(ServerOutcome::Unusable.name(), "unusable");
        let batches = [
            BatchOutcome::Committed,
            BatchOutcome::Retried,
            BatchOutcome::Split,
            BatchOutcome::Abandoned,
        ];
        assert_eq!(batches.map(BatchOutcome::name), BatchOutcome::NAMES);
    }
}
