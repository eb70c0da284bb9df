//! The sample events of a repository credential, and the exploration over them.

use super::spec::CredentialSpec;
use super::verdict::Verdict;
use super::{
    Checked, CredentialEvent, CredentialFacts, CredentialId, CredentialSnapshot, CredentialUid,
    ExistingCredential, RepositoryCredential, RowRecord,
};
use crate::diagram::chart::{Chart, NOW, STRIDE_MS, Sample, explore};
use crate::drive::drive;
use crate::identity::{
    ClusterUserId, Digest, EnvironmentId, Generation, InstanceId, OperationId, Revision, TenantUid,
    Timestamp,
};
use crate::kinds::tenant::TenantFact;
use crate::machine::{Machine, Observation};
use crate::rows::{OperationState, TenantRows};
use crate::shared::condition::ConditionStyle;
use crate::shared::delivery::{Delivery, DeliveryEvent};

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
        is_row_empty: false,
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

fn checked(credential: &RepositoryCredential, content: &str, verdict: Verdict) -> CredentialEvent {
    let secret = (!content.is_empty()).then(|| Digest::new(content));
    let found = Box::new(Checked { spec: spec("secret"), secret, verdict });
    CredentialEvent::Checked { shown: credential.record.shown.clone(), found }
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
    let checked = |content: &str, verdict| checked(credential, content, verdict);
    let outdated = CredentialEvent::Checked {
        shown: Some(Digest::new("before")),
        found: Box::new(Checked {
            spec: spec("secret"),
            secret: Some(Digest::new("before")),
            verdict: Verdict::Accepted {},
        }),
    };
    let absent = || CredentialEvent::Absent { as_of: Revision(2) };
    let draining = CredentialFacts { tenant: TenantFact::Draining, ..facts() };
    let key_lost = CredentialFacts { is_row_empty: true, ..facts() };
    let mut events = vec![
        ("of an earlier Secret", outdated, facts()),
        ("accepted, namespace terminating", checked("one", Verdict::Accepted {}), draining),
        ("accepted, no keys", checked("one", Verdict::Accepted {}), without_keys()),
        ("valid spec", snapshot("secret", false), facts()),
        ("valid spec, row of an earlier installation", snapshot("secret", false), adopted.clone()),
        ("invalid spec", snapshot("", false), facts()),
        ("valid spec, no keys", snapshot("secret", false), without_keys()),
        ("deleting", snapshot("secret", true), facts()),
        ("deleting, row of an earlier installation", snapshot("secret", true), adopted.clone()),
        ("no row of an earlier installation", absent(), facts()),
        ("row of an earlier installation", absent(), adopted),
        ("accepted", checked("one", Verdict::Accepted {}), facts()),
        ("accepted, key lost", checked("one", Verdict::Accepted {}), key_lost),
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
        let row = record.row.as_ref().map(|row| row.written.is_some());
        let accepted = record.checked.as_ref().map(|checked| checked.verdict.is_accepted());
        let again = matches!(credential.delivery, Delivery::Dispatching { again: true, .. });
        let delivery = credential.delivery.path();
        let place = format!("{} {delivery} {again}", credential.path());
        format!("{place} {open:?} {row:?} {accepted:?} {}", record.present)
    };
    explore("RepositoryCredential", initial, |credential| credential.path(), key, samples)
}

/// Explores the delivery of a credential that has a row.
pub(crate) fn delivery() -> Chart {
    let mut credential = RepositoryCredential::new(
        CredentialUid::new("credential-uid"),
        TenantUid::new("namespace-uid"),
        "team-a",
        "repo",
    );
    credential.record.row = Some(RowRecord {
        id: CredentialId::new("credential"),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("instance"),
        written: None,
    });
    let samples = |credential: &RepositoryCredential| {
        let step = |(when, event, now): (&'static str, DeliveryEvent, Timestamp)| {
            let mut next = credential.clone();
            let mut rows = Vec::new();
            let mut region = next.record.delivery(now, &mut rows);
            let handling = drive(&mut next.delivery, &mut region, &event, &mut ());
            Sample { event: event.name(), when, next, handling }
        };
        delivery_events(credential).into_iter().map(step).collect()
    };
    let key = |credential: &RepositoryCredential| {
        let again = matches!(credential.delivery, Delivery::Dispatching { again: true, .. });
        let open = credential.record.open.as_ref().map(|open| open.claimed);
        format!("{} {again} {open:?}", credential.delivery.path())
    };
    let path = |credential: &RepositoryCredential| credential.delivery.path().to_owned();
    explore("Delivery", credential, path, key, samples)
}

fn delivery_events(
    credential: &RepositoryCredential,
) -> Vec<(&'static str, DeliveryEvent, Timestamp)> {
    let due = credential.delivery.wake_at();
    let due = due
        .map_or(NOW, |moment| Timestamp::from_millis(moment.as_millis().saturating_add(STRIDE_MS)));
    let observed = |state| {
        let open = credential.record.open.as_ref().map(|open| open.id.clone());
        let id = open.unwrap_or_else(|| OperationId::new("another"));
        DeliveryEvent::OperationObserved { id, state }
    };
    vec![
        ("", DeliveryEvent::RowChanged, NOW),
        ("", DeliveryEvent::SecretDiffers, NOW),
        ("In_Progress", observed(Some(OperationState::InProgress)), NOW),
        ("Completed", observed(Some(OperationState::Completed)), NOW),
        ("Failed", observed(Some(OperationState::Failed("denied".to_owned()))), NOW),
        ("row lost", observed(None), NOW),
        ("early", DeliveryEvent::DeadlineReached, NOW),
        ("passed", DeliveryEvent::DeadlineReached, due),
    ]
}
