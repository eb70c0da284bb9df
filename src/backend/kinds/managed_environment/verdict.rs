//! From what a cluster, or its kubeconfig, says to what the machine keeps of it.

use cluster_access::{Cause, Failure, Reason};
use machines::kinds::managed_environment::verdict::{Refusal, Verdict};

use crate::backend::checks::secret::{SECRET_UNREADABLE, UNREADABLE};

/// What a failure says.
pub(super) fn refused(failure: &Failure) -> Verdict {
    refusal(failure.reason(), &format!("{:?}", failure.cause()), failure.sentence())
}

/// What is said where the program itself is in the way.
pub(super) fn unreadable() -> Verdict {
    refusal(&Reason::KubernetesError, SECRET_UNREADABLE, UNREADABLE)
}

/// The Secret has another type.
pub(super) fn wrong_type(found: &str) -> Verdict {
    refused(&Failure::new(
        Reason::InvalidSecretType { found: found.to_owned() },
        Cause::SecretOfWrongType,
        format!(
            "the Secret is not of type {}; create it again with that type",
            crds::names::MANAGED_ENVIRONMENT_SECRET_TYPE
        ),
    ))
}

/// The Secret has no kubeconfig.
pub(super) fn no_kubeconfig() -> Verdict {
    refused(&Failure::new(
        Reason::MissingKubeconfigField,
        Cause::KubeconfigMissing,
        "the Secret has no \"kubeconfig\"; store a kubeconfig under that key",
    ))
}

/// The Secret is too large for its kubeconfig to be read.
pub(super) fn too_large(text: &str) -> Verdict {
    let error = text.to_owned();
    let sentence = format!("{text}; store nothing but the kubeconfig of one cluster in it");
    let cause = Cause::KubeconfigTooLarge;
    refused(&Failure::new(Reason::UnreadableKubeconfig { error }, cause, sentence))
}

fn refusal(reason: &Reason, cause: &str, text: &str) -> Verdict {
    Verdict::Refused(Refusal {
        status: reason.status().as_str().to_owned(),
        reason: reason.name().to_owned(),
        message: reason.message(),
        cause: cause.to_owned(),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use cluster_access::{Namespaces, Status, UnsupportedApiUrl};
    use machines::identity::{Generation, Revision, TenantUid, Timestamp};
    use machines::kinds::managed_environment::spec::EnvironmentSpec;
    use machines::kinds::managed_environment::status::CONNECTION_INITIALIZATION_SUCCEEDED;
    use machines::kinds::managed_environment::verdict::TOKEN_REFUSED;
    use machines::kinds::managed_environment::{
        Checked, EnvironmentEvent, EnvironmentFacts, EnvironmentObligation, EnvironmentSnapshot,
        EnvironmentUid, ManagedEnvironment, Usage, messages,
    };
    use machines::kinds::tenant::TenantFact;
    use machines::machine::Machine;
    use machines::shared::condition::ConditionStyle;

    use super::*;

    fn facts() -> EnvironmentFacts {
        EnvironmentFacts {
            now: Timestamp::from_millis(0),
            has_keys: true,
            tenant: TenantFact::Unknown,
            instance: None,
            shown: None,
            existing: None,
            is_row_empty: false,
            usage: Usage::default(),
            conditions: ConditionStyle::Legacy,
        }
    }

    fn spec() -> EnvironmentSpec {
        EnvironmentSpec {
            api_url: "https://api.example.com".to_owned(),
            secret: "kubeconfig".to_owned(),
            ..EnvironmentSpec::default()
        }
    }

    /// The contract's condition after these events: its status, its reason and its message.
    fn said(events: &[EnvironmentEvent]) -> [String; 3] {
        let uid = EnvironmentUid::new("uid");
        let mut machine = ManagedEnvironment::new(uid, TenantUid::new("tenant"), "team", "env");
        for event in events {
            machine.apply(event, &facts());
        }
        let obligations = machine.obligations(ConditionStyle::Legacy);
        let view = obligations.into_iter().find_map(|one| match one {
            EnvironmentObligation::StatusWritten(view) => Some(view),
            _ => None,
        });
        let conditions = view.expect("it says something").conditions;
        let [condition] = conditions.as_slice() else { panic!("{conditions:?}") };
        assert_eq!(condition.type_, CONNECTION_INITIALIZATION_SUCCEEDED);
        [condition.status.clone(), condition.reason.clone(), condition.message.clone()]
    }

    fn observed(spec: EnvironmentSpec) -> EnvironmentEvent {
        EnvironmentEvent::Observed(Box::new(EnvironmentSnapshot {
            revision: Revision(1),
            generation: Generation(1),
            spec,
            ..EnvironmentSnapshot::default()
        }))
    }

    fn of(reason: &Reason) -> [String; 3] {
        [reason.status().as_str().to_owned(), reason.name().to_owned(), reason.message()]
    }

    #[test]
    fn what_the_machine_says_of_a_spec_is_what_its_reader_would_say() {
        let with_url = |url: &str| EnvironmentSpec { api_url: url.to_owned(), ..spec() };
        let url = Reason::UnsupportedApiUrl;
        let long = format!("https://a/{}", "b".repeat(2_048));
        let invalid = vec!["A".to_owned()];
        let (environment, namespace) = ("env".to_owned(), "team".to_owned());
        let cases = [
            (with_url("https://a?b"), url(UnsupportedApiUrl::Query)),
            (with_url("http://a"), url(UnsupportedApiUrl::Scheme)),
            (with_url("https://me@a"), url(UnsupportedApiUrl::User)),
            (with_url("https://a#b"), url(UnsupportedApiUrl::Fragment)),
            (with_url(&long), url(UnsupportedApiUrl::TooLong)),
            (
                EnvironmentSpec { namespaces: invalid.clone(), ..spec() },
                Namespaces::parse(&invalid, false).expect_err("it is no label").reason().clone(),
            ),
            (
                EnvironmentSpec { secret: String::new(), ..spec() },
                Reason::SecretNotSpecified { environment, namespace },
            ),
        ];
        for (spec, reason) in cases {
            assert_eq!(said(&[observed(spec)]), of(&reason));
        }
        let too_many: Vec<String> = (0..1_025).map(|number| format!("{number:063}")).collect();
        let failure = Namespaces::parse(&too_many, true).expect_err("there are too many");
        let text = messages::invalid_namespace(messages::TOO_MANY_NAMESPACES, true);
        assert_eq!(failure.reason().message(), text);
        assert_eq!(Reason::KubernetesError.message(), messages::UNKNOWN_ERROR);
    }

    #[test]
    fn what_a_check_finds_is_said_as_the_contract_has_it() {
        let checked = |verdict: Verdict| {
            let found = Checked { spec: spec(), secret: None, round: None, verdict };
            let checked = EnvironmentEvent::Checked { shown: None, found: Box::new(found) };
            said(&[observed(spec()), checked])
        };
        let missing = Reason::SecretNotFound {
            secret: "kubeconfig".to_owned(),
            environment: "env".to_owned(),
            namespace: "team".to_owned(),
        };
        assert_eq!(checked(Verdict::SecretMissing {}), of(&missing));
        let found = "Opaque".to_owned();
        assert_eq!(checked(wrong_type("Opaque")), of(&Reason::InvalidSecretType { found }));
        assert_eq!(checked(no_kubeconfig()), of(&Reason::MissingKubeconfigField));
        assert_eq!(checked(unreadable()), of(&Reason::KubernetesError));
        let failure = Failure::new(Reason::CredentialsForbidden, Cause::Forbidden, "it may not");
        assert_eq!(checked(refused(&failure)), of(&Reason::CredentialsForbidden));
        assert_eq!(Reason::Succeeded.status(), Status::True);
    }

    #[test]
    fn the_machine_knows_a_refused_token_by_its_cause() {
        let failure =
            Failure::new(Reason::CredentialsNotValidated, Cause::TokenRefused, "it has expired");
        let verdict = refused(&failure);
        assert!(verdict.refuses_token(), "{verdict:?}");
        assert_eq!(format!("{:?}", Cause::TokenRefused), TOKEN_REFUSED);
    }
}
