//! What a credential's status should say, and what the credential waits for.

use super::lifecycle::CredentialState;
use super::spec::Problem;
use super::verdict::Verdict;
use super::{CredentialRecord, RepositoryCredential, messages, spec};
use crate::identity::{Digest, Generation};
use crate::shared::condition::{Condition, ConditionStyle, ERROR_OCCURRED, digest};
use crate::shared::progress::Progress;
use crate::shared::standing::Standing;
use crate::shared::{messages as shared, text};
use crate::waiting::{Party, Wait};

/// Contract: whether the repository exists.
pub const VALID_REPOSITORY_URL: &str = "ValidRepositoryURL";
/// Contract: whether the repository accepts the credential.
pub const VALID_REPOSITORY_CREDENTIAL: &str = "ValidRepositoryCredential";

/// What the status should say, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialView {
    /// `status.conditions`, by type.
    pub conditions: Vec<Condition>,
}

impl CredentialView {
    pub(super) fn digest(&self) -> Digest {
        actual(&self.conditions)
    }
}

/// Digests what an object's conditions say. The status has no generation of its own.
pub(super) fn actual(conditions: &[Condition]) -> Digest {
    digest(Generation::default(), conditions)
}

/// What the status of a credential should say.
pub(super) fn wanted(credential: &RepositoryCredential, style: ConditionStyle) -> CredentialView {
    let mut conditions: Vec<Condition> =
        contract(&credential.record).into_iter().flatten().collect();
    if style == ConditionStyle::Conventional {
        conditions.extend(conventional(credential));
    }
    conditions.sort();
    CredentialView { conditions }
}

/// The contract's three conditions: there are none before there is something to say.
fn contract(record: &CredentialRecord) -> Option<[Condition; 3]> {
    let CredentialRecord { spec, .. } = record;
    let all_alike = |reason: &str, message: &str| {
        [
            (ERROR_OCCURRED, "True"),
            (VALID_REPOSITORY_URL, "False"),
            (VALID_REPOSITORY_CREDENTIAL, "False"),
        ]
        .map(|(type_, status)| Condition::new(type_, status, reason, message))
    };
    match spec::problem(spec) {
        Some(Problem::NoSecret) => {
            return Some(all_alike("SecretNotSpecified", messages::SECRET_NOT_SPECIFIED));
        }
        Some(Problem::SecretName) => {
            return Some(all_alike("SecretNotFound", messages::SECRET_NOT_FOUND));
        }
        Some(Problem::Url(why)) => {
            return Some(all_alike("InvalidRepositoryUrl", &messages::repository_missing(&why)));
        }
        None => {}
    }
    let checked = record.checked.as_ref().filter(|checked| checked.spec == *spec)?;
    let (secret, repository) = (spec.secret.as_str(), spec.repository.as_str());
    let exists = || {
        let text = messages::repository_exists(repository);
        Condition::new(VALID_REPOSITORY_URL, "True", "ValidRepositoryUrl", &text)
    };
    Some(match &checked.verdict {
        Verdict::SecretMissing {} => all_alike("SecretNotFound", messages::SECRET_NOT_FOUND),
        Verdict::SecretOfWrongType {} => {
            all_alike("SecretInvalidType", messages::SECRET_INVALID_TYPE)
        }
        Verdict::RepositoryMissing { text } => {
            all_alike("InvalidRepositoryUrl", &messages::repository_missing(text))
        }
        Verdict::SecretUnusable { .. } | Verdict::Refused { .. } => {
            let text = messages::credentials_invalid(secret, repository);
            [
                Condition::new(ERROR_OCCURRED, "True", "InvalidCredentials", &text),
                exists(),
                Condition::new(VALID_REPOSITORY_CREDENTIAL, "False", "InvalidCredentials", &text),
            ]
        }
        Verdict::Accepted {} => {
            let reason = "RepositoryCredentialUpToDate";
            let text = messages::credentials_valid(secret, repository);
            [
                Condition::new(ERROR_OCCURRED, "False", reason, messages::VALID),
                exists(),
                Condition::new(VALID_REPOSITORY_CREDENTIAL, "True", reason, &text),
            ]
        }
    })
}

/// Why a person is awaited, as a reason and a message; `None` if none is.
pub(super) fn complaint(credential: &RepositoryCredential) -> Option<(String, String)> {
    progress(credential).complaint()
}

fn conventional(credential: &RepositoryCredential) -> [Condition; 3] {
    let CredentialRecord { spec, generation, .. } = &credential.record;
    progress(credential)
        .conditions(*generation, || messages::credentials_valid(&spec.secret, &spec.repository))
}

/// What a credential waits for, most important first.
pub(super) fn waits_for(credential: &RepositoryCredential) -> Vec<Wait> {
    let since = credential.record.since;
    let lifecycle = match credential.lifecycle {
        // Neither has an object that could wait, and what is accepted or removed waits for its
        // delivery.
        CredentialState::Unseen {}
        | CredentialState::Gone {}
        | CredentialState::Accepted {}
        | CredentialState::Removing {} => None,
        _ => progress(credential).wait.map(|wait| Wait { since, ..wait }),
    };
    let mirror = credential.mirror.wait();
    lifecycle.into_iter().chain(delivery_wait(credential)).chain(mirror).collect()
}

/// What the delivery waits for.
fn delivery_wait(credential: &RepositoryCredential) -> Option<Wait> {
    let record = &credential.record;
    let under_way = match credential.lifecycle {
        CredentialState::Removing {} => messages::REMOVING,
        _ => messages::DISPATCHING,
    };
    let (failures, failed) = (record.failures, messages::OPERATION_FAILED);
    credential.delivery.wait(failures, &record.failure, under_way, failed)
}

/// What is counted in the place of the many causes for which a repository refuses.
const REFUSED: &str = "Refused";

/// Every reason that is counted.
pub const REASONS: [&str; 16] = [
    "AwaitingArgoCD",
    "AwaitingTenant",
    "Checking",
    "Dispatching",
    "NoSealingKeys",
    "OperationFailed",
    "Refused",
    "Rejected",
    "RepositoryNotFound",
    "SecretInvalidType",
    "SecretNotFound",
    "SecretUnusable",
    "Terminating",
    "Unknown",
    "Unseen",
    "Valid",
];

/// How far a credential is.
pub(super) fn standing(credential: &RepositoryCredential) -> Standing {
    progress(credential).standing(&REASONS, REFUSED)
}

fn progress(credential: &RepositoryCredential) -> Progress {
    let record = &credential.record;
    match &credential.lifecycle {
        CredentialState::Unseen {} | CredentialState::Gone {} => {
            Progress::working("Unseen", Wait::new(Party::ApiServer, ""))
        }
        CredentialState::AwaitingKeys {} => {
            Progress::stuck("NoSealingKeys", shared::NO_KEYS, shared::NO_KEYS_ADVICE)
        }
        CredentialState::Rejected {} => rejected(record),
        CredentialState::Refused {} => refused(record),
        CredentialState::Checking { deadline, .. } => {
            let wait = Wait::new(Party::Object(record.spec.repository.clone()), messages::CHECKING);
            Progress::working("Checking", wait.until(*deadline, "the repository is asked again"))
        }
        CredentialState::AwaitingEngine { deadline, .. } => {
            let wait = Wait::new(Party::ArgoCd, shared::ENGINE_MISSING)
                .with_advice(shared::ENGINE_MISSING_ADVICE);
            Progress::working("AwaitingArgoCD", wait.until(*deadline, LOOK_AGAIN))
        }
        CredentialState::AwaitingTenant { deadline, .. } => {
            let namespace = Party::Object(format!("Namespace {}", record.namespace));
            let wait = Wait::new(namespace, shared::NO_TENANT);
            Progress::working("AwaitingTenant", wait.until(*deadline, LOOK_AGAIN))
        }
        CredentialState::Accepted {} => match delivery_wait(credential) {
            None => Progress::done("Valid"),
            Some(wait) if record.failures > 0 => Progress::working("OperationFailed", wait),
            Some(wait) => Progress::working("Dispatching", wait),
        },
        CredentialState::Removing {} => {
            let removing = || Wait::new(Party::Agent, messages::REMOVING);
            Progress::working("Terminating", delivery_wait(credential).unwrap_or_else(removing))
        }
    }
}

/// What a state does while it waits for a notification.
const LOOK_AGAIN: &str = "it is looked at again";

fn rejected(record: &CredentialRecord) -> Progress {
    let what = match spec::problem(&record.spec) {
        Some(Problem::NoSecret) => messages::SECRET_NOT_SPECIFIED.into(),
        Some(Problem::SecretName) | None => messages::SECRET_NAME.into(),
        Some(Problem::Url(why)) => why,
    };
    Progress::stuck("Rejected", what, shared::SPEC_ADVICE)
}

fn refused(record: &CredentialRecord) -> Progress {
    let verdict = record.checked.as_ref().map(|checked| &checked.verdict);
    let cut = |text: &String| text::bounded(text);
    match verdict {
        Some(Verdict::SecretMissing {}) => {
            let what = format!("there is no Secret {}", record.spec.secret);
            Progress::stuck("SecretNotFound", what, shared::SECRET_ADVICE)
        }
        Some(Verdict::SecretOfWrongType {}) => Progress::stuck(
            "SecretInvalidType",
            messages::SECRET_INVALID_TYPE,
            messages::TYPE_ADVICE,
        ),
        Some(Verdict::SecretUnusable { text }) => {
            Progress::stuck("SecretUnusable", cut(text), shared::SECRET_ADVICE)
        }
        Some(Verdict::RepositoryMissing { text }) => {
            Progress::stuck("RepositoryNotFound", cut(text), messages::MISSING_ADVICE)
        }
        Some(Verdict::Refused { cause, text }) => {
            Progress::stuck(cause, cut(text), messages::REFUSED_ADVICE)
        }
        Some(Verdict::Accepted {}) | None => {
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
