//! The condition `ConnectionInitializationSucceeded`: its reasons, and the texts that go with them.
//!
//! All of them are contract: clients compare them. What was wrong in detail, and what to do about
//! it, is for other conditions, and in [`Failure`](crate::Failure).

use std::fmt::{self, Display, Formatter};

/// What the condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The cluster accepts the credentials.
    Succeeded,
    /// `spec.apiURL` is none that can be used.
    UnsupportedApiUrl(UnsupportedApiUrl),
    /// `spec.credentialsSecret` is empty. The existing system says it in its log alone.
    SecretNotSpecified {
        /// The environment's name.
        environment: String,
        /// The environment's namespace.
        namespace: String,
    },
    /// There is no such Secret. The existing system says it in its log alone.
    SecretNotFound {
        /// The Secret's name.
        secret: String,
        /// The environment's name.
        environment: String,
        /// The environment's namespace.
        namespace: String,
    },
    /// The Secret is of another type.
    InvalidSecretType {
        /// Which.
        found: String,
    },
    /// The Secret has no kubeconfig.
    MissingKubeconfigField,
    /// The kubeconfig cannot be read, or has something that is not accepted.
    UnreadableKubeconfig {
        /// What.
        error: String,
    },
    /// The kubeconfig has no user for the context.
    MissingAuthInfo {
        /// The context's name.
        context: String,
    },
    /// The kubeconfig's user has no token.
    MissingToken {
        /// The context's name.
        context: String,
    },
    /// The kubeconfig has no cluster with the environment's URL.
    NoMatchingCluster {
        /// The environment's URL.
        url: String,
    },
    /// The kubeconfig has no context for the cluster.
    NoMatchingContext {
        /// The cluster's name.
        cluster: String,
    },
    /// Something in the kubeconfig cannot be used to connect.
    UnusableKubeconfig {
        /// What.
        error: String,
    },
    /// The cluster's name leads nowhere, or there is nothing to check its certificate by.
    UnableToCreateClient {
        /// What is wrong.
        error: String,
    },
    /// The ServiceAccount could not be made on the cluster.
    UnableToInstallServiceAccount {
        /// Which part of it.
        part: Part,
        /// The name of the ServiceAccount.
        account: String,
        /// What went wrong.
        error: String,
    },
    /// One of `spec.namespaces` cannot be the name of a namespace.
    InvalidNamespaceList {
        /// Which.
        namespace: String,
        /// Whether the environment has been valid before: then the text is a longer one.
        is_known: bool,
    },
    /// The cluster could not be asked with the credentials, or refuses them.
    CredentialsNotValidated,
    /// The credentials do not have the right to what the check asks for.
    CredentialsForbidden,
    /// The cluster's certificate is by nobody known.
    CertificateUnknown,
    /// The credentials could not be stored.
    UnableToCreateClusterCredentials,
    /// The rows of the environment could not be read or written.
    DatabaseError,
    /// The rows of the Argo CD instance could not be read or written.
    InstanceDatabaseError,
    /// This cluster could not be asked.
    KubernetesError,
}

/// What is wrong with `spec.apiURL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnsupportedApiUrl {
    /// It has a `?` or a `&`: the URL in Argo CD's cluster Secret has a query of its own.
    Query,
    /// It does not begin with `https://`.
    Scheme,
    /// It has a user or a password.
    User,
    /// It has a fragment.
    Fragment,
    /// Its host or its port is none.
    Host,
    /// Its path is none that a server can have.
    Path,
    /// It is longer than [`MAX_LENGTH`](crate::api_url::MAX_LENGTH).
    TooLong,
}

/// A part of what is made on a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The ServiceAccount itself.
    Account,
    /// What it may do.
    Rights,
    /// Its token.
    Token,
}

/// The status of the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

impl Status {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The most characters of a name or an error in a text. A kubeconfig may have names of any length,
/// and a text goes into the status of a resource.
const MAX_PART: usize = 512;

/// A part of a text that somebody has written: without control characters, and not too long.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let printable = self.0.chars().filter(|character| !character.is_control());
        printable.take(MAX_PART).try_for_each(|character| write!(formatter, "{character}"))
    }
}

impl Reason {
    /// The status of the condition.
    pub fn status(&self) -> Status {
        match self {
            Self::Succeeded => Status::True,
            Self::SecretNotSpecified { .. }
            | Self::SecretNotFound { .. }
            | Self::InvalidSecretType { .. }
            | Self::MissingKubeconfigField
            | Self::UnreadableKubeconfig { .. }
            | Self::MissingAuthInfo { .. }
            | Self::MissingToken { .. }
            | Self::NoMatchingCluster { .. }
            | Self::NoMatchingContext { .. }
            | Self::UnusableKubeconfig { .. }
            | Self::UnableToCreateClient { .. }
            | Self::UnableToInstallServiceAccount { .. }
            | Self::InstanceDatabaseError
            | Self::KubernetesError => Status::False,
            Self::UnsupportedApiUrl(_)
            | Self::InvalidNamespaceList { .. }
            | Self::CredentialsNotValidated
            | Self::CredentialsForbidden
            | Self::CertificateUnknown
            | Self::UnableToCreateClusterCredentials
            | Self::DatabaseError => Status::Unknown,
        }
    }

    /// The reason of the condition.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::UnsupportedApiUrl(_) => "UnsupportedAPIURL",
            Self::SecretNotSpecified { .. } => "SecretNotSpecified",
            Self::SecretNotFound { .. } => "SecretNotFound",
            Self::InvalidSecretType { .. } => "InvalidSecretType",
            Self::MissingKubeconfigField => "MissingKubeConfigField",
            Self::UnreadableKubeconfig { .. }
            | Self::MissingAuthInfo { .. }
            | Self::MissingToken { .. } => "UnableToParseKubeconfigData",
            Self::NoMatchingCluster { .. } | Self::NoMatchingContext { .. } => {
                "UnableToLocateContext"
            }
            Self::UnusableKubeconfig { .. } => "UnableToRetrieveRestConfig",
            Self::UnableToCreateClient { .. } => "UnableToCreateClient",
            Self::UnableToInstallServiceAccount { .. } => "UnableToInstallServiceAccount",
            Self::InvalidNamespaceList { .. } => "InvalidNamespaceList",
            Self::CredentialsNotValidated
            | Self::CredentialsForbidden
            | Self::CertificateUnknown => "UnableToValidateClusterCredentials",
            Self::UnableToCreateClusterCredentials => "UnableToCreateClusterCredentials",
            Self::DatabaseError | Self::InstanceDatabaseError => "DatabaseError",
            Self::KubernetesError => "KubernetesError",
        }
    }

    /// The message of the condition.
    pub fn message(&self) -> String {
        match self {
            Self::Succeeded => String::new(),
            Self::UnsupportedApiUrl(why) => why.message().to_owned(),
            Self::SecretNotSpecified { environment, namespace } => format!(
                "no secret specified by managed environment '{}' in '{}'",
                Quoted(environment),
                Quoted(namespace)
            ),
            Self::SecretNotFound { secret, environment, namespace } => format!(
                "secret '{}' referenced by managed environment '{}' in '{}', could not be \
                 retrieved: not found",
                Quoted(secret),
                Quoted(environment),
                Quoted(namespace)
            ),
            Self::InvalidSecretType { found } => {
                format!("invalid secret type: {}", Quoted(found))
            }
            Self::MissingKubeconfigField => "missing kubeconfig field in Secret".to_owned(),
            Self::UnreadableKubeconfig { error } => {
                format!("unable to parse kubeconfig data: {}", Quoted(error))
            }
            Self::MissingAuthInfo { context } => format!(
                "unable to extract remote cluster configuration from kubeconfig, missing auth \
                 info for {}",
                Quoted(context)
            ),
            Self::MissingToken { context } => format!(
                "kubeconfig must have a service account token for the user in context \"{}\". \
                 client-certificate is not supported at this time.",
                Quoted(context)
            ),
            Self::NoMatchingCluster { url } => format!(
                "the kubeconfig did not have a cluster entry that matched the API URL '{}'",
                Quoted(url)
            ),
            Self::NoMatchingContext { cluster } => format!(
                "the kubeconfig did not have a context that matched the cluster specified in the \
                 API URL of the GitOpsDeploymentManagedEnvironment. Context was expected to \
                 reference cluster '{}'",
                Quoted(cluster)
            ),
            Self::UnusableKubeconfig { error } => format!(
                "unable to retrieve restConfig from managed environment secret: {}",
                Quoted(error)
            ),
            Self::UnableToCreateClient { error } => format!(
                "unable to create k8s client from restConfig from managed environment secret: {}",
                Quoted(error)
            ),
            Self::UnableToInstallServiceAccount { part, account, error } => {
                part.message(account, error)
            }
            Self::InvalidNamespaceList { namespace, is_known } => format!(
                "{}ManagedEnvironment contains an invalid namespace in namespaces list: {}",
                if *is_known { "user specified an invalid namespace: " } else { "" },
                Quoted(namespace)
            ),
            Self::CredentialsNotValidated => "Unable to validate the credentials provided in the \
                                              ManagedEnvironment Secret. Verify the API URL, and \
                                              service account token are correct."
                .to_owned(),
            Self::CredentialsForbidden => "Provided service account does not have permission to \
                                           access resources in the cluster. Verify that the \
                                           service account has the correct Role and RoleBinding."
                .to_owned(),
            Self::CertificateUnknown => "Certificate signed by unknown authority. Note that the \
                                         '.spec.allowInsecureSkipTLSVerify' field can be used to \
                                         ignore this error."
                .to_owned(),
            Self::UnableToCreateClusterCredentials
            | Self::DatabaseError
            | Self::InstanceDatabaseError
            | Self::KubernetesError => "an unknown error occurred".to_owned(),
        }
    }
}

impl UnsupportedApiUrl {
    fn message(self) -> &'static str {
        match self {
            Self::Query => "the API URL must not have ? or & values",
            // What admission says, too.
            Self::Scheme => "cluster api url must start with https://",
            Self::User => "the API URL must not have a user or a password",
            Self::Fragment => "the API URL must not have a fragment",
            Self::Host => "the host or the port of the API URL is empty or not valid",
            Self::Path => "the path of the API URL is not valid",
            Self::TooLong => "the API URL is longer than 2048 characters",
        }
    }
}

impl Part {
    fn message(self, account: &str, error: &str) -> String {
        let error = Quoted(error);
        match self {
            Self::Account => format!(
                "unable to create or update service account: {}, error: {error}",
                Quoted(account)
            ),
            Self::Rights => {
                format!("unable to create or update role and cluster role binding: {error}")
            }
            Self::Token => format!("unable to create service account token secret: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each, with all that the condition says of it, as clients compare it.
    #[allow(clippy::too_many_lines, reason = "a table")]
    fn table() -> Vec<(Reason, Status, &'static str, &'static str)> {
        use Status::{False, True, Unknown};
        let install = |part| Reason::UnableToInstallServiceAccount {
            part,
            account: "argocd-manager-u".into(),
            error: "it broke".into(),
        };
        let namespace = |is_known| Reason::InvalidNamespaceList { namespace: "A".into(), is_known };
        let url = Reason::UnsupportedApiUrl;
        vec![
            (Reason::Succeeded, True, "Succeeded", ""),
            (
                url(UnsupportedApiUrl::Query),
                Unknown,
                "UnsupportedAPIURL",
                "the API URL must not have ? or & values",
            ),
            (
                url(UnsupportedApiUrl::Scheme),
                Unknown,
                "UnsupportedAPIURL",
                "cluster api url must start with https://",
            ),
            (
                url(UnsupportedApiUrl::User),
                Unknown,
                "UnsupportedAPIURL",
                "the API URL must not have a user or a password",
            ),
            (
                url(UnsupportedApiUrl::Fragment),
                Unknown,
                "UnsupportedAPIURL",
                "the API URL must not have a fragment",
            ),
            (
                url(UnsupportedApiUrl::Host),
                Unknown,
                "UnsupportedAPIURL",
                "the host or the port of the API URL is empty or not valid",
            ),
            (
                url(UnsupportedApiUrl::Path),
                Unknown,
                "UnsupportedAPIURL",
                "the path of the API URL is not valid",
            ),
            (
                url(UnsupportedApiUrl::TooLong),
                Unknown,
                "UnsupportedAPIURL",
                "the API URL is longer than 2048 characters",
            ),
            (
                Reason::SecretNotSpecified { environment: "e".into(), namespace: "n".into() },
                False,
                "SecretNotSpecified",
                "no secret specified by managed environment 'e' in 'n'",
            ),
            (
                Reason::SecretNotFound {
                    secret: "s".into(),
                    environment: "e".into(),
                    namespace: "n".into(),
                },
                False,
                "SecretNotFound",
                "secret 's' referenced by managed environment 'e' in 'n', could not be retrieved: \
                 not found",
            ),
            (
                Reason::InvalidSecretType { found: "Opaque".into() },
                False,
                "InvalidSecretType",
                "invalid secret type: Opaque",
            ),
            (
                Reason::MissingKubeconfigField,
                False,
                "MissingKubeConfigField",
                "missing kubeconfig field in Secret",
            ),
            (
                Reason::UnreadableKubeconfig { error: "it is wrong".into() },
                False,
                "UnableToParseKubeconfigData",
                "unable to parse kubeconfig data: it is wrong",
            ),
            (
                Reason::MissingAuthInfo { context: "c".into() },
                False,
                "UnableToParseKubeconfigData",
                "unable to extract remote cluster configuration from kubeconfig, missing auth \
                 info for c",
            ),
            (
                Reason::MissingToken { context: "c".into() },
                False,
                "UnableToParseKubeconfigData",
                "kubeconfig must have a service account token for the user in context \"c\". \
                 client-certificate is not supported at this time.",
            ),
            (
                Reason::NoMatchingCluster { url: "https://a".into() },
                False,
                "UnableToLocateContext",
                "the kubeconfig did not have a cluster entry that matched the API URL 'https://a'",
            ),
            (
                Reason::NoMatchingContext { cluster: "c".into() },
                False,
                "UnableToLocateContext",
                "the kubeconfig did not have a context that matched the cluster specified in the \
                 API URL of the GitOpsDeploymentManagedEnvironment. Context was expected to \
                 reference cluster 'c'",
            ),
            (
                Reason::UnusableKubeconfig { error: "it is wrong".into() },
                False,
                "UnableToRetrieveRestConfig",
                "unable to retrieve restConfig from managed environment secret: it is wrong",
            ),
            (
                Reason::UnableToCreateClient { error: "no such host".into() },
                False,
                "UnableToCreateClient",
                "unable to create k8s client from restConfig from managed environment secret: no \
                 such host",
            ),
            (
                install(Part::Account),
                False,
                "UnableToInstallServiceAccount",
                "unable to create or update service account: argocd-manager-u, error: it broke",
            ),
            (
                install(Part::Rights),
                False,
                "UnableToInstallServiceAccount",
                "unable to create or update role and cluster role binding: it broke",
            ),
            (
                install(Part::Token),
                False,
                "UnableToInstallServiceAccount",
                "unable to create service account token secret: it broke",
            ),
            (
                namespace(true),
                Unknown,
                "InvalidNamespaceList",
                "user specified an invalid namespace: ManagedEnvironment contains an invalid \
                 namespace in namespaces list: A",
            ),
            (
                namespace(false),
                Unknown,
                "InvalidNamespaceList",
                "ManagedEnvironment contains an invalid namespace in namespaces list: A",
            ),
            (
                Reason::CredentialsNotValidated,
                Unknown,
                "UnableToValidateClusterCredentials",
                "Unable to validate the credentials provided in the ManagedEnvironment Secret. \
                 Verify the API URL, and service account token are correct.",
            ),
            (
                Reason::CredentialsForbidden,
                Unknown,
                "UnableToValidateClusterCredentials",
                "Provided service account does not have permission to access resources in the \
                 cluster. Verify that the service account has the correct Role and RoleBinding.",
            ),
            (
                Reason::CertificateUnknown,
                Unknown,
                "UnableToValidateClusterCredentials",
                "Certificate signed by unknown authority. Note that the \
                 '.spec.allowInsecureSkipTLSVerify' field can be used to ignore this error.",
            ),
            (
                Reason::UnableToCreateClusterCredentials,
                Unknown,
                "UnableToCreateClusterCredentials",
                "an unknown error occurred",
            ),
            (Reason::DatabaseError, Unknown, "DatabaseError", "an unknown error occurred"),
            (Reason::InstanceDatabaseError, False, "DatabaseError", "an unknown error occurred"),
            (Reason::KubernetesError, False, "KubernetesError", "an unknown error occurred"),
        ]
    }

    #[test]
    fn each_reason_says_what_clients_compare() {
        for (reason, status, name, message) in table() {
            assert_eq!(reason.status(), status, "{reason:?}");
            assert_eq!(reason.name(), name, "{reason:?}");
            assert_eq!(reason.message(), message, "{reason:?}");
        }
    }

    #[test]
    fn statuses_are_written_as_kubernetes_has_them() {
        let written = [Status::True, Status::False, Status::Unknown].map(Status::as_str);
        assert_eq!(written, ["True", "False", "Unknown"]);
    }

    #[test]
    fn what_somebody_has_written_is_cut_and_printable() {
        let context = format!("a\n\u{1b}b{}", "ä".repeat(100_000));
        for reason in [
            Reason::MissingAuthInfo { context: context.clone() },
            Reason::MissingToken { context: context.clone() },
            Reason::NoMatchingCluster { url: context.clone() },
            Reason::NoMatchingContext { cluster: context.clone() },
            Reason::InvalidNamespaceList { namespace: context.clone(), is_known: true },
            Reason::InvalidSecretType { found: context.clone() },
            Reason::UnusableKubeconfig { error: context },
        ] {
            let message = reason.message();
            assert!(message.contains("abää") && !message.contains(char::is_control), "{message}");
            assert!(message.chars().count() < 1024, "{message}");
        }
    }
}
