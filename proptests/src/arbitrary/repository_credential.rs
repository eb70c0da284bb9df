//! Arbitrary repository credentials.

use machines::kinds::repository_credential::lifecycle::CredentialState;
use machines::kinds::repository_credential::spec::CredentialSpec;
use machines::kinds::repository_credential::verdict::Verdict;
use machines::kinds::repository_credential::{
    Checked, CredentialEvent, CredentialFacts, CredentialRecord, CredentialSnapshot, CredentialUid,
    ExistingCredential, RepositoryCredential, RowRecord, Written,
};
use machines::shared::delivery::Delivery;

use super::*;

/// A spec: usual ones, and some that are invalid.
pub fn credential_spec() -> BoxedStrategy<CredentialSpec> {
    let repository = prop_oneof![
        4 => Just("https://example.com/a".to_owned()),
        2 => Just("git@example.com:b".to_owned()),
        1 => Just("http://example.com/a".to_owned()),
        1 => text(),
    ];
    let secret = prop_oneof![6 => Just("one".to_owned()), 2 => Just("two".to_owned()), 1 => text()];
    (repository, secret)
        .prop_map(|(repository, secret)| CredentialSpec { repository, secret })
        .boxed()
}

fn verdict() -> BoxedStrategy<Verdict> {
    prop_oneof![
        4 => Just(Verdict::Accepted {}),
        1 => Just(Verdict::SecretMissing {}),
        1 => Just(Verdict::SecretOfWrongType {}),
        1 => text().prop_map(|text| Verdict::SecretUnusable { text }),
        1 => text().prop_map(|text| Verdict::RepositoryMissing { text }),
        1 => (text(), text()).prop_map(|(cause, text)| Verdict::Refused { cause, text }),
    ]
    .boxed()
}

/// What a check may find: only what was read can be accepted.
pub fn checked() -> BoxedStrategy<Checked> {
    (credential_spec(), option::weighted(0.8, digest()), verdict())
        .prop_map(|(spec, secret, verdict)| {
            let verdict = match (&secret, verdict) {
                (None, Verdict::Accepted {}) => Verdict::SecretMissing {},
                (_, verdict) => verdict,
            };
            Checked { spec, secret, verdict }
        })
        .boxed()
}

fn credential_id() -> BoxedStrategy<CredentialId> {
    prop_oneof![3 => Just("credential-1"), 1 => Just("credential-of-old")]
        .prop_map(CredentialId::new)
        .boxed()
}

fn row_record() -> BoxedStrategy<RowRecord> {
    let written = (credential_spec(), digest()).prop_map(|(spec, secret)| Written { spec, secret });
    (credential_id(), instance(), option::of(written))
        .prop_map(|(id, instance, written)| {
            let user = ClusterUserId::new("user-1");
            RowRecord { id, user, instance, written }
        })
        .boxed()
}

fn state() -> BoxedStrategy<CredentialState> {
    (moment(), count(), 0..10_u8)
        .prop_map(|(deadline, overdue, index)| match index {
            0 => CredentialState::Unseen {},
            1 => CredentialState::AwaitingKeys {},
            2 => CredentialState::Rejected {},
            3 => CredentialState::Checking { deadline, overdue },
            4 => CredentialState::Refused {},
            5 => CredentialState::AwaitingEngine { deadline, overdue },
            6 => CredentialState::AwaitingTenant { deadline, overdue },
            7 => CredentialState::Accepted {},
            8 => CredentialState::Removing {},
            _ => CredentialState::Gone {},
        })
        .boxed()
}

/// Any delivery.
pub(super) fn delivery() -> BoxedStrategy<Delivery> {
    (moment(), count(), any::<bool>(), 0..3_u8)
        .prop_map(|(deadline, overdue, again, index)| match index {
            0 => Delivery::Idle {},
            1 => Delivery::Dispatching { again, deadline, overdue },
            _ => Delivery::BackingOff { until: deadline },
        })
        .boxed()
}

/// A credential that was never seen.
pub fn new_credential() -> RepositoryCredential {
    let (uid, tenant) = (CredentialUid::new("uid-1"), TenantUid::new("tenant-1"));
    RepositoryCredential::new(uid, tenant, "team-a", "repo")
}

fn credential_record() -> BoxedStrategy<CredentialRecord> {
    let open =
        (operation_id(), any::<bool>()).prop_map(|(id, claimed)| OpenOperation { id, claimed });
    let seen = (revision(), generation(), credential_spec(), any::<bool>(), digest());
    let found = (option::of(digest()), option::of(checked()), option::of(row_record()));
    let work = (moment(), count(), option::of(open), count(), text());
    (seen, found, work)
        .prop_map(|(seen, found, work)| {
            let (last_seen, generation, spec, present, actual) = seen;
            let (shown, checked, row) = found;
            let (born, operations, open, failures, failure) = work;
            CredentialRecord {
                last_seen,
                generation,
                spec,
                present,
                shown,
                checked,
                row,
                born,
                operations,
                open,
                failures,
                failure,
                actual,
                ..new_credential().record
            }
        })
        .boxed()
}

/// Any repository credential that the types permit and whose delivery makes sense: something is
/// delivered of a row only, and an operation is open exactly while the agent is asked.
pub fn repository_credential() -> BoxedStrategy<RepositoryCredential> {
    (state(), delivery(), mirror(), credential_record(), operation_id())
        .prop_map(|(lifecycle, delivery, mirror, mut record, id)| {
            let delivery = if record.row.is_some() { delivery } else { Delivery::Idle {} };
            let is_open = matches!(delivery, Delivery::Dispatching { .. });
            let claimed = record.open.is_some_and(|open| open.claimed);
            record.open = is_open.then_some(OpenOperation { id, claimed });
            RepositoryCredential { lifecycle, delivery, mirror, record }
        })
        .boxed()
}

/// Any event of a repository credential.
pub fn credential_event() -> BoxedStrategy<CredentialEvent> {
    let snapshot = (revision(), generation(), any::<bool>(), credential_spec()).prop_map(
        |(revision, generation, deleting, spec)| {
            let conditions = Vec::new();
            let snapshot = CredentialSnapshot { revision, generation, deleting, spec, conditions };
            CredentialEvent::Observed(Box::new(snapshot))
        },
    );
    let operation = (operation_id(), option::of(operation_state()))
        .prop_map(|(id, state)| CredentialEvent::OperationObserved { id, state });
    prop_oneof![
        4 => snapshot,
        1 => revision().prop_map(|as_of| CredentialEvent::Absent { as_of }),
        4 => (option::weighted(0.8, digest()), checked()).prop_map(|(shown, found)| {
            CredentialEvent::Checked { shown, found: Box::new(found) }
        }),
        3 => operation,
        1 => Just(CredentialEvent::SecretDiffers),
        2 => Just(CredentialEvent::FactsChanged),
        2 => Just(CredentialEvent::DeadlineReached),
    ]
    .boxed()
}

/// Any facts of a repository credential.
pub fn credential_facts() -> BoxedStrategy<CredentialFacts> {
    let existing = (credential_id(), instance()).prop_map(|(id, instance)| {
        let user = ClusterUserId::new("user-1");
        ExistingCredential { id, user, instance }
    });
    let style = prop_oneof![Just(ConditionStyle::Conventional), Just(ConditionStyle::Legacy)];
    let shown = option::weighted(0.7, digest());
    let has_keys = prop_oneof![5 => Just(true), 1 => Just(false)];
    let flags = (has_keys, proptest::bool::weighted(0.1));
    (facts(), flags, shown, option::weighted(0.2, existing), style)
        .prop_map(|(facts, (has_keys, is_row_empty), shown, existing, conditions)| {
            CredentialFacts {
                now: facts.now,
                has_keys,
                tenant: facts.tenant,
                instance: facts.instance,
                shown,
                existing,
                is_row_empty,
                conditions,
            }
        })
        .boxed()
}
