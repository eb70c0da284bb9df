//! What asks clusters, and the check.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tenant_servers::tls::SystemRoots;
use tenant_servers::{Policy, Resolve, SystemResolver};

use crate::failure::{Cause, Failure, Problem};
use crate::limits::Limits;
use crate::namespaces::Namespaces;
use crate::reason::Reason;
use crate::request::{Ask, not_kubernetes};
use crate::target::Target;

/// Asks clusters. One of it serves any number of them at a time.
///
/// All that a method of it does, connections included, ends when its future is dropped, but for the
/// system's look-up of a name, see [`tenant_servers::blocking`].
pub struct ClusterClient {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) roots: SystemRoots,
}

impl ClusterClient {
    /// A client that connects where the policy permits it, and to this cluster's own API server:
    /// environments that name it are common. What it may do there, their own token decides.
    pub fn new(policy: Policy) -> Self {
        Self {
            resolver: Arc::new(SystemResolver),
            policy: policy.with_own_asked(),
            limits: Limits::default(),
            roots: SystemRoots::default(),
        }
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Whether a cluster accepts its token: by the first of the namespaces if there are any, or by a
    /// list of namespaces, of which one is enough.
    ///
    /// # Errors
    ///
    /// Why it does not, or why it cannot be asked.
    pub async fn check(&self, target: &Target, namespaces: &Namespaces) -> Result<(), Failure> {
        let checked = match namespaces.first() {
            Some(namespace) => self.check_namespace(target, namespace).await,
            None => self.check_list(target).await,
        };
        checked.map_err(|problem| failure(problem, target))
    }

    async fn check_list(&self, target: &Target) -> Result<(), Problem> {
        let answer = self.ask(target, Ask::get("/api/v1/namespaces?limit=1".to_owned())).await?;
        if answer.is("NamespaceList") { Ok(()) } else { Err(not_kubernetes(target)) }
    }

    async fn check_namespace(&self, target: &Target, namespace: &str) -> Result<(), Problem> {
        let path = format!("/api/v1/namespaces/{}", segment(namespace));
        let answer = self.ask(target, Ask::get(path)).await?;
        if answer.missing().is_some() {
            return Err(Problem::new(
                Cause::NamespaceNotFound,
                format!(
                    "{} has no namespace of the first name in spec.namespaces; create it, or \
                     correct the name",
                    target.url.label()
                ),
            ));
        }
        if answer.is("Namespace") { Ok(()) } else { Err(not_kubernetes(target)) }
    }
}

/// What may not be in one part of a path as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as a part of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// What the condition says of a problem with a check.
pub(crate) fn failure(problem: Problem, target: &Target) -> Failure {
    let reason = match problem.cause {
        Cause::NoSuchHost => no_such_host(target),
        Cause::Forbidden => Reason::CredentialsForbidden,
        Cause::CertificateUnknown => Reason::CertificateUnknown,
        _ => Reason::CredentialsNotValidated,
    };
    problem.because(reason)
}

/// Clients look for the last words, and for the reason.
pub(crate) fn no_such_host(target: &Target) -> Reason {
    let error = format!("lookup {}: no such host", target.url.host().name());
    Reason::UnableToCreateClient { error }
}
