//! What an environment's status should say, and what the environment waits for.

use std::borrow::Cow;

use super::lifecycle::EnvironmentState;
use super::revocation::Revocation;
use super::spec::{Problem, UrlProblem};
use super::verdict::Verdict;
use super::{EnvironmentRecord, ManagedEnvironment, messages, spec};
use crate::identity::{Digest, Generation};
use crate::shared::condition::{Condition, ConditionStyle, digest};
use crate::shared::progress::Progress;
use crate::shared::standing::Standing;
use crate::shared::{messages as shared, text};
use crate::waiting::{Party, Wait};

/// Contract: whether the cluster accepts the credentials.
pub const CONNECTION_INITIALIZATION_SUCCEEDED: &str = "ConnectionInitializationSucceeded";

/// What the status should say, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentView {
    /// `status.conditions`, by type.
    pub conditions: Vec<Condition>,
}

impl EnvironmentView {
    pub(super) fn digest(&self) -> Digest {
        actual(&self.conditions)
    }
}

/// Digests what an object's conditions say. The status has no generation of its own.
pub(super) fn actual(conditions: &[Condition]) -> Digest {
    digest(Generation::default(), conditions)
}

/// What the status of an environment should say.
pub(super) fn wanted(environment: &ManagedEnvironment, style: ConditionStyle) -> EnvironmentView {
    let mut conditions: Vec<Condition> = contract(environment).into_iter().collect();
    if style == ConditionStyle::Conventional {
        conditions.extend(conventional(environment));
    }
    conditions.sort();
    EnvironmentView { conditions }
}

/// The contract's only condition: there is none before there is something to say. While the cluster is
/// asked about a new spec, the last answer stands, as in the existing system.
fn contract(environment: &ManagedEnvironment) -> Option<Condition> {
    let record = &environment.record;
    let says = |status: &str, reason: &str, message: &str| {
        Some(Condition::new(CONNECTION_INITIALIZATION_SUCCEEDED, status, reason, message))
    };
    match environment.lifecycle {
        EnvironmentState::Rejected {} => {
            let problem = spec::problem(&record.spec)?;
            let (status, reason, message) = of_problem(record, &problem);
            return says(status, reason, &message);
        }
        EnvironmentState::AwaitingKeys {} => {
            let reason = "UnableToCreateClusterCredentials";
            return says("Unknown", reason, messages::UNKNOWN_ERROR);
        }
        EnvironmentState::AwaitingEngine { .. } => {
            return says("False", "KubernetesError", messages::UNKNOWN_ERROR);
        }
        EnvironmentState::AwaitingTenant { .. } => {
            return says("Unknown", "DatabaseError", messages::UNKNOWN_ERROR);
        }
        _ => {}
    }
    let checked = record.checked.as_ref()?;
    match &checked.verdict {
        Verdict::Accepted { .. } => says("True", "Succeeded", ""),
        Verdict::SecretMissing {} => {
            let EnvironmentRecord { name, namespace, .. } = record;
            let text = messages::secret_not_found(&checked.spec.secret, name, namespace);
            says("False", "SecretNotFound", &text)
        }
        Verdict::Refused(refusal) => says(&refusal.status, &refusal.reason, &refusal.message),
    }
}

/// What the contract's condition says of a spec that cannot be right: status, reason and message.
fn of_problem(
    record: &EnvironmentRecord,
    problem: &Problem,
) -> (&'static str, &'static str, Cow<'static, str>) {
    let EnvironmentRecord { name, namespace, spec, .. } = record;
    let is_known = record.row.is_some();
    match problem {
        Problem::Url(problem) => ("Unknown", "UnsupportedAPIURL", url_message(*problem).into()),
        Problem::Namespace(invalid) => {
            let text = messages::invalid_namespace(invalid, is_known);
            ("Unknown", "InvalidNamespaceList", text.into())
        }
        Problem::NamespacesTooLong => {
            let text = messages::invalid_namespace(messages::TOO_MANY_NAMESPACES, is_known);
            ("Unknown", "InvalidNamespaceList", text.into())
        }
        Problem::NoSecret => {
            ("False", "SecretNotSpecified", messages::secret_not_specified(name, namespace).into())
        }
        Problem::SecretName => {
            let text = messages::secret_not_found(&spec.secret, name, namespace);
            ("False", "SecretNotFound", text.into())
        }
    }
}

fn url_message(problem: UrlProblem) -> &'static str {
    match problem {
        UrlProblem::Query => messages::URL_QUERY,
        UrlProblem::TooLong => messages::URL_TOO_LONG,
        UrlProblem::Scheme => messages::URL_SCHEME,
        UrlProblem::Fragment => messages::URL_FRAGMENT,
        UrlProblem::User => messages::URL_USER,
    }
}

/// Why a person is awaited, as a reason and a message; `None` if none is.
pub(super) fn complaint(environment: &ManagedEnvironment) -> Option<(String, String)> {
    progress(environment).complaint()
}

fn conventional(environment: &ManagedEnvironment) -> [Condition; 3] {
    let record = &environment.record;
    progress(environment)
        .conditions(record.generation, || messages::connected(&record.spec.api_url))
}

/// What an environment waits for, most important first.
pub(super) fn waits_for(environment: &ManagedEnvironment) -> Vec<Wait> {
    let since = environment.record.since;
    let lifecycle = match environment.lifecycle {
        // Some have no object that could wait. The others wait for their delivery, or for what is
        // revoked.
        EnvironmentState::Unseen {}
        | EnvironmentState::Gone {}
        | EnvironmentState::Accepted {}
        | EnvironmentState::Removing {}
        | EnvironmentState::Clearing {} => None,
        _ => progress(environment).wait.map(|wait| Wait { since, ..wait }),
    };
    let others = [delivery_wait(environment), revocation_wait(environment)];
    let others = others.into_iter().flatten();
    lifecycle.into_iter().chain(others).chain(environment.mirror.wait()).collect()
}

/// What the delivery waits for.
fn delivery_wait(environment: &ManagedEnvironment) -> Option<Wait> {
    let record = &environment.record;
    let under_way = match environment.lifecycle {
        EnvironmentState::Removing {} => messages::REMOVING,
        _ => messages::DISPATCHING,
    };
    let (failures, failed) = (record.failures, messages::OPERATION_FAILED);
    environment.delivery.wait(failures, &record.failure, under_way, failed)
}

/// What the revocation waits for.
fn revocation_wait(environment: &ManagedEnvironment) -> Option<Wait> {
    const ASK: &str = "the cluster is asked again";
    match &environment.revocation {
        Revocation::Idle {} => None,
        Revocation::Revoking { deadline, .. } => {
            Some(Wait::new(Party::TargetCluster, messages::REVOKING).until(*deadline, ASK))
        }
        Revocation::BackingOff { until, .. } => {
            Some(Wait::new(Party::Time, messages::REVOKING).until(*until, ASK))
        }
        Revocation::Telling { deadline, .. } => {
            let wait = Wait::new(Party::ApiServer, messages::TELLING);
            Some(wait.until(*deadline, "the Event is sent again"))
        }
    }
}

/// What a state does while it waits for a notification.
const LOOK_AGAIN: &str = "it is looked at again";

/// What is counted in the place of the many causes for which a cluster refuses.
const REFUSED: &str = "Refused";

/// Every reason that is counted.
pub const REASONS: [&str; 13] = [
    "AwaitingArgoCD",
    "AwaitingTenant",
    "Checking",
    "Dispatching",
    "NoSealingKeys",
    "OperationFailed",
    "Refused",
    "Rejected",
    "SecretNotFound",
    "Succeeded",
    "Terminating",
    "Unknown",
    "Unseen",
];

/// How far an environment is.
pub(super) fn standing(environment: &ManagedEnvironment) -> Standing {
    progress(environment).standing(&REASONS, REFUSED)
}

fn progress(environment: &ManagedEnvironment) -> Progress {
    let record = &environment.record;
    match &environment.lifecycle {
        EnvironmentState::Unseen {} | EnvironmentState::Gone {} => {
            Progress::working("Unseen", Wait::new(Party::ApiServer, ""))
        }
        EnvironmentState::AwaitingKeys {} => {
            Progress::stuck("NoSealingKeys", shared::NO_KEYS, shared::NO_KEYS_ADVICE)
        }
        EnvironmentState::Rejected {} => rejected(record),
        EnvironmentState::Refused {} => refused(record),
        EnvironmentState::Checking { deadline, .. } => {
            let wait = Wait::new(Party::TargetCluster, messages::CHECKING);
            Progress::working("Checking", wait.until(*deadline, "the cluster is asked again"))
        }
        EnvironmentState::AwaitingEngine { deadline, .. } => {
            let wait = Wait::new(Party::ArgoCd, shared::ENGINE_MISSING)
                .with_advice(shared::ENGINE_MISSING_ADVICE);
            Progress::working("AwaitingArgoCD", wait.until(*deadline, LOOK_AGAIN))
        }
        EnvironmentState::AwaitingTenant { deadline, .. } => {
            let namespace = Party::Object(format!("Namespace {}", record.namespace));
            let wait = Wait::new(namespace, shared::NO_TENANT);
            Progress::working("AwaitingTenant", wait.until(*deadline, LOOK_AGAIN))
        }
        EnvironmentState::Accepted {} => match delivery_wait(environment) {
            None => Progress::done("Succeeded"),
            Some(wait) if record.failures > 0 => Progress::working("OperationFailed", wait),
            Some(wait) => Progress::working("Dispatching", wait),
        },
        EnvironmentState::Draining { until, is_detached } => {
            let users = Party::Object("the GitOpsDeployments that use it".to_owned());
            let what = if *is_detached { messages::DRAINING } else { messages::LEAVING };
            let then = "Argo CD's cluster Secret goes";
            Progress::working("Terminating", Wait::new(users, what).until(*until, then))
        }
        EnvironmentState::Removing {} => {
            let removing = || Wait::new(Party::Agent, messages::REMOVING);
            Progress::working("Terminating", delivery_wait(environment).unwrap_or_else(removing))
        }
        EnvironmentState::Clearing {} => {
            let revoking = || Wait::new(Party::TargetCluster, messages::REVOKING);
            Progress::working("Terminating", revocation_wait(environment).unwrap_or_else(revoking))
        }
    }
}

fn rejected(record: &EnvironmentRecord) -> Progress {
    let Some(problem) = spec::problem(&record.spec) else {
        return Progress::stuck("Rejected", "the spec is not accepted", shared::SPEC_ADVICE);
    };
    match &problem {
        Problem::Url(UrlProblem::User) => {
            Progress::stuck("Rejected", messages::URL_USER, messages::URL_USER_ADVICE)
        }
        Problem::SecretName => {
            Progress::stuck("Rejected", messages::SECRET_NAME, shared::SPEC_ADVICE)
        }
        Problem::Url(_)
        | Problem::Namespace(_)
        | Problem::NamespacesTooLong
        | Problem::NoSecret => {
            Progress::stuck("Rejected", of_problem(record, &problem).2, shared::SPEC_ADVICE)
        }
    }
}

fn refused(record: &EnvironmentRecord) -> Progress {
    match record.checked.as_ref().map(|checked| &checked.verdict) {
        Some(Verdict::SecretMissing {}) => {
            let what = format!("there is no Secret {}", record.spec.secret);
            Progress::stuck("SecretNotFound", what, shared::SECRET_ADVICE)
        }
        Some(Verdict::Refused(refusal)) => {
            let what = text::bounded(&refusal.text);
            Progress::stuck(&refusal.cause, what, messages::REFUSED_ADVICE)
        }
        Some(Verdict::Accepted { .. }) | None => {
            Progress::stuck("Unknown", "the last check is not known", messages::REFUSED_ADVICE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::standing::tests::check_reasons;

    #[test]
    fn every_reason_is_listed() {
        check_reasons(include_str!("status.rs"), &REASONS, &[REFUSED]);
    }
}
