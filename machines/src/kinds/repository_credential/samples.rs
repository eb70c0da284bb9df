//! The sample events of a repository credential, and the exploration over them.

use super::spec::CredentialSpec;
use super::verdict::Verdict;
use super::{
    Checked, CredentialEvent, CredentialFacts, CredentialId, CredentialSnapshot, CredentialUid,
    ExistingCredential, RepositoryCredential,
};
use crate::diagram::chart::{Chart, NOW, STRIDE_MS, Sample, explore};
use crate::identity::{
    ClusterUserId, Digest, EnvironmentId, Generation, InstanceId, OperationId, Revision, TenantUid,
    Timestamp,
};
use crate::kinds::tenant::TenantFact;
use crate::machine::{Machine, Observation};
use crate::rows::{OperationState, TenantRows};
use crate::shared::condition::ConditionStyle;

fn tenant_rows() -> TenantRows {
    TenantRows {
        tenant: TenantUid::new("namespace-uid"),
        namespace: "team-a".to_owned(),
        user: ClusterUserId::new("user"),
        environment: EnvironmentId::new("environment"),
        instance: InstanceId::new("instance"),
    }
}

fn facts() -> CredentialFacts {
    CredentialFacts {
        now: NOW,
        has_keys: true,
        tenant: TenantFact::Active(tenant_rows()),
        instance: Some(InstanceId::new("instance")),
        shown: Some(Digest::new("one")),
        existing: None,
        conditions: ConditionStyle::Conventional,
    }
}

fn spec(secret: &str) -> CredentialSpec {
    let repository = "https://example.com/a".to_owned();
    CredentialSpec { repository, secret: secret.to_owned() }
}

fn snapshot(secret: &str, deleting: bool) -> CredentialEvent {
    CredentialEvent::Observed(Box::new(CredentialSnapshot {
        revision: Revision(1),
        generation: Generation(1),
        deleting,
        spec: spec(secret),
        conditions: Vec::new(),
    }))
}

fn checked(content: &str, verdict: Verdict) -> CredentialEvent {
    let secret = (!content.is_empty()).then(|| Digest::new(content));
    CredentialEvent::Checked(Box::new(Checked { spec: spec("secret"), secret, verdict }))
}

fn events(
    credential: &RepositoryCredential,
) -> Vec<(&'static str, CredentialEvent, CredentialFacts)> {
    let without_keys = || CredentialFacts { has_keys: false, ..facts() };
    let existing = ExistingCredential {
        id: CredentialId::new("existing"),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("instance"),
    };
    let adopted = CredentialFacts { existing: Some(existing), ..facts() };
    let no_argo_cd = || CredentialFacts { instance: None, ..facts() };
    let other_secret = CredentialFacts { shown: Some(Digest::new("two")), ..facts() };
    let no_secret = CredentialFacts { shown: None, ..facts() };
    let due = credential
        .wake_at()
        .map_or(NOW, |moment| Timestamp::from_millis(moment.as_millis().saturating_add(STRIDE_MS)));
    let refused =
        || Verdict::Refused { cause: "TimedOut".to_owned(), text: "no answer".to_owned() };
    let mut events = vec![
        ("valid spec", snapshot("secret", false), facts()),
        ("valid spec, row of an earlier installation", snapshot("secret", false), adopted.clone()),
        ("invalid spec", snapshot("", false), facts()),
        ("valid spec, no keys", snapshot("secret", false), without_keys()),
        ("deleting", snapshot("secret", true), facts()),
        ("deleting, row of an earlier installation", snapshot("secret", true), adopted),
        ("", CredentialEvent::Absent { as_of: Revision(2) }, facts()),
        ("accepted", checked("one", Verdict::Accepted {}), facts()),
        ("accepted, no Argo CD", checked("one", Verdict::Accepted {}), no_argo_cd()),
        ("another Secret accepted", checked("two", Verdict::Accepted {}), facts()),
        ("refused", checked("one", refused()), facts()),
        ("no Secret", checked("", Verdict::SecretMissing {}), facts()),
        ("Argo CD's Secret differs", CredentialEvent::SecretDiffers, facts()),
        ("nothing new", CredentialEvent::FactsChanged, facts()),
        ("another Secret", CredentialEvent::FactsChanged, other_secret),
        ("no Secret", CredentialEvent::FactsChanged, no_secret),
        ("no keys", CredentialEvent::FactsChanged, without_keys()),
        ("early", CredentialEvent::DeadlineReached, facts()),
        ("passed", CredentialEvent::DeadlineReached, CredentialFacts { now: due, ..facts() }),
        (
            "passed, no Argo CD",
            CredentialEvent::DeadlineReached,
            CredentialFacts { now: due, ..no_argo_cd() },
        ),
    ];
    let open = credential.record.open.as_ref().map(|open| open.id.clone());
    let states = [
        ("In_Progress", Some(OperationState::InProgress)),
        ("Completed", Some(OperationState::Completed)),
        ("Failed", Some(OperationState::Failed("denied".to_owned()))),
        ("row lost", None),
    ];
    let observed = |id: OperationId, state| CredentialEvent::OperationObserved { id, state };
    let of_open = states
        .into_iter()
        .filter_map(|(when, state)| Some((when, observed(open.clone()?, state), facts())));
    events.extend(of_open);
    let completed = Some(OperationState::Completed);
    events.push(("of another", observed(OperationId::new("another"), completed), facts()));
    events
}

/// Explores a repository credential.
pub(crate) fn repository_credential() -> Chart {
    let initial = RepositoryCredential::new(
        CredentialUid::new("credential-uid"),
        TenantUid::new("namespace-uid"),
        "team-a",
        "repo",
    );
    let samples = |credential: &RepositoryCredential| {
        let step = |(when, event, facts): (&'static str, CredentialEvent, CredentialFacts)| {
            let step = credential.clone().step(&event, &facts);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        events(credential).into_iter().map(step).collect()
    };
    let key = |credential: &RepositoryCredential| {
        let record = &credential.record;
        let open = record.open.as_ref().map(|open| open.claimed);
        let row = record.row.as_ref().map(|row| (row.applied, row.written.is_some()));
        let accepted = record.checked.as_ref().map(|checked| checked.verdict.is_accepted());
        let again = match credential.lifecycle {
            super::CredentialState::Dispatching { again, .. }
            | super::CredentialState::Removing { again, .. } => again,
            _ => false,
        };
        format!("{} {open:?} {row:?} {accepted:?} {again} {}", credential.path(), record.present)
    };
    explore("RepositoryCredential", initial, |credential| credential.path(), key, samples)
}
