//! What makes a repository credential ask its repository again, and what does not: whatever it does
//! would otherwise be followed by one more question.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use machines::identity::{
    ClusterUserId, Digest, EnvironmentId, InstanceId, Revision, TenantUid, Timestamp,
};
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{
    Checked, CredentialEvent, CredentialFacts, CredentialSnapshot, RepositoryCredential,
};
use machines::kinds::tenant::TenantFact;
use machines::machine::Machine;
use machines::rows::TenantRows;
use machines::shared::condition::ConditionStyle;
use proptests::arbitrary;

fn spec() -> CredentialSpec {
    CredentialSpec { repository: "https://example.com/a".to_owned(), secret: "one".to_owned() }
}

fn refused() -> Verdict {
    Verdict::Refused { cause: "TimedOut".to_owned(), text: "no answer".to_owned() }
}

/// The facts while the watch shows this Secret, and Argo CD is this one.
fn facts(shown: &str, instance: &str) -> CredentialFacts {
    let instance = InstanceId::new(instance);
    CredentialFacts {
        now: Timestamp::from_millis(0),
        has_keys: true,
        tenant: TenantFact::Active(TenantRows {
            tenant: TenantUid::new("tenant"),
            namespace: "team".to_owned(),
            user: ClusterUserId::new("user"),
            environment: EnvironmentId::new("environment"),
            instance: instance.clone(),
        }),
        instance: Some(instance),
        shown: Some(Digest::new(shown)),
        existing: None,
        is_row_empty: false,
        conditions: ConditionStyle::Conventional,
    }
}

/// The object, whose status alone is another one.
fn seen(revision: u64) -> CredentialEvent {
    CredentialEvent::Observed(Box::new(CredentialSnapshot {
        revision: Revision(revision),
        spec: spec(),
        ..CredentialSnapshot::default()
    }))
}

fn checked(shown: &str, read: &str, verdict: Verdict) -> CredentialEvent {
    let found = Checked { spec: spec(), secret: Some(Digest::new(read)), verdict };
    CredentialEvent::Checked { shown: Some(Digest::new(shown)), found: Box::new(found) }
}

fn after(
    machine: RepositoryCredential,
    events: &[CredentialEvent],
    facts: &CredentialFacts,
) -> RepositoryCredential {
    events.iter().fold(machine, |machine, event| machine.step(event, facts).machine)
}

#[test]
fn while_the_watch_is_behind_an_echo_of_a_status_is_followed_by_no_check() {
    for verdict in [refused(), Verdict::Accepted {}] {
        let behind = facts("first", "argo-cd");
        let events = [seen(1), checked("first", "second", verdict)];
        let judged = after(arbitrary::new_credential(), &events, &behind);
        let path = judged.path();
        let echoed = after(judged, &[seen(2)], &behind);
        assert_eq!(echoed.path(), path);
        let caught_up = after(echoed, &[seen(3)], &facts("third", "argo-cd"));
        assert_eq!(caught_up.path(), "Live/Checking", "another Secret than the one that was read");
    }
}

#[test]
fn what_is_refused_is_not_asked_about_again_and_again_after_a_change_of_argo_cd() {
    let (before, now) = (facts("first", "before"), facts("first", "now"));
    let events = [seen(1), checked("first", "first", Verdict::Accepted {})];
    let accepted = after(arbitrary::new_credential(), &events, &before);
    let asking = after(accepted, &[CredentialEvent::FactsChanged], &now);
    assert_eq!(asking.path(), "Live/Checking", "what was accepted moves");
    let events = [checked("first", "first", refused()), CredentialEvent::FactsChanged, seen(2)];
    let refused = after(asking, &events, &now);
    assert_eq!(refused.path(), "Live/Judged/Refused");
    let accepted = after(refused, &[checked("first", "first", Verdict::Accepted {})], &now);
    let row = accepted.record.row.unwrap();
    assert_eq!(row.instance, InstanceId::new("now"), "it moves once it is accepted");
}
