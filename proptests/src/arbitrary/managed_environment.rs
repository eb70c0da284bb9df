//! Arbitrary managed environments.

use machines::kinds::managed_environment::lifecycle::EnvironmentState;
use machines::kinds::managed_environment::revocation::Revocation;
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::kinds::managed_environment::verdict::{Refusal, TOKEN_REFUSED, Verdict};
use machines::kinds::managed_environment::{
    Account, Checked, ClusterCredentialsId, EnvironmentEvent, EnvironmentFacts, EnvironmentRecord,
    EnvironmentSnapshot, EnvironmentUid, ExistingEnvironment, Installation, ManagedEnvironment,
    Revocable, RowRecord, Usage, Written,
};
use machines::shared::delivery::Delivery;

use super::repository_credential::delivery;
use super::*;

const URLS: [&str; 2] = ["https://a.example.com", "https://b.example.com:6443"];

fn namespaces() -> BoxedStrategy<Vec<String>> {
    let name = prop_oneof![3 => Just("a"), 2 => Just("b"), 1 => Just("A")];
    vec(name.prop_map(str::to_owned), 0..3).boxed()
}

/// A spec: usual ones, and some that are invalid.
pub fn environment_spec() -> BoxedStrategy<EnvironmentSpec> {
    let api_url = prop_oneof![
        4 => Just(URLS[0].to_owned()),
        2 => Just(URLS[1].to_owned()),
        1 => Just("https://me:secret@a.example.com".to_owned()),
        1 => text(),
    ];
    let secret = prop_oneof![6 => Just("one".to_owned()), 2 => Just("two".to_owned()), 1 => text()];
    let namespaces = prop_oneof![3 => Just(Vec::new()), 1 => namespaces()];
    (api_url, secret, any::<[bool; 2]>(), proptest::bool::weighted(0.2), namespaces)
        .prop_map(|(api_url, secret, [creates_account, cluster_resources], skips, namespaces)| {
            EnvironmentSpec {
                api_url,
                secret,
                skips_tls_verification: skips,
                creates_account,
                namespaces,
                cluster_resources,
            }
        })
        .boxed()
}

fn verdict() -> BoxedStrategy<Verdict> {
    let refused = |cause: BoxedStrategy<String>| {
        (cause, text()).prop_map(|(cause, text)| {
            Verdict::Refused(Refusal {
                status: "Unknown".to_owned(),
                reason: "UnableToValidateClusterCredentials".to_owned(),
                message: "refused".to_owned(),
                cause,
                text,
            })
        })
    };
    prop_oneof![
        4 => digest().prop_map(|told| Verdict::Accepted { told }),
        1 => Just(Verdict::SecretMissing {}),
        2 => refused(Just(TOKEN_REFUSED.to_owned()).boxed()),
        1 => refused(Just("TimedOut".to_owned()).boxed()),
        1 => refused(text()),
    ]
    .boxed()
}

/// What a check may find: only what was read can be accepted.
pub fn found_of_environment() -> BoxedStrategy<Checked> {
    let round = option::of(0..3_u32);
    (environment_spec(), option::weighted(0.8, digest()), round, verdict())
        .prop_map(|(spec, secret, round, verdict)| {
            let verdict = match (&secret, verdict) {
                (None, Verdict::Accepted { .. }) => Verdict::SecretMissing {},
                (_, verdict) => verdict,
            };
            Checked { spec, secret, round, verdict }
        })
        .boxed()
}

fn environment_id() -> BoxedStrategy<EnvironmentId> {
    prop_oneof![3 => Just("environment-1"), 1 => Just("environment-of-old")]
        .prop_map(EnvironmentId::new)
        .boxed()
}

fn cluster_credentials() -> BoxedStrategy<ClusterCredentialsId> {
    prop_oneof![Just("credentials-1"), Just("credentials-2")]
        .prop_map(ClusterCredentialsId::new)
        .boxed()
}

fn installation() -> BoxedStrategy<Installation> {
    (namespaces(), 0..3_u32)
        .prop_map(|(namespaces, round)| Installation { namespaces, round })
        .boxed()
}

fn account() -> BoxedStrategy<Account> {
    let url = prop_oneof![Just(URLS[0]), Just(URLS[1])];
    let made = (vec(installation(), 1..4), count(), any::<bool>());
    (url, any::<bool>(), cluster_credentials(), digest(), made)
        .prop_map(|(url, skips, credentials, secret, (installations, next_round, is_renewed))| {
            Account {
                api_url: url.to_owned(),
                skips_tls_verification: skips,
                credentials,
                secret,
                installations,
                next_round,
                is_renewed,
            }
        })
        .boxed()
}

fn environment_row() -> BoxedStrategy<RowRecord> {
    let written = (environment_spec(), digest(), digest(), option::of(installation())).prop_map(
        |(spec, secret, told, installation)| Written { spec, secret, told, installation },
    );
    (environment_id(), cluster_credentials(), instance(), option::of(written), any::<bool>())
        .prop_map(|(id, credentials, instance, written, is_delivered)| {
            let user = ClusterUserId::new("user-1");
            RowRecord { id, credentials, user, instance, written, is_delivered }
        })
        .boxed()
}

fn state() -> BoxedStrategy<EnvironmentState> {
    (moment(), count(), any::<bool>(), 0..12_u8)
        .prop_map(|(deadline, overdue, is_detached, index)| match index {
            0 => EnvironmentState::Unseen {},
            1 => EnvironmentState::AwaitingKeys {},
            2 => EnvironmentState::Rejected {},
            3 => EnvironmentState::Checking { deadline, overdue },
            4 => EnvironmentState::Refused {},
            5 => EnvironmentState::AwaitingEngine { deadline, overdue },
            6 => EnvironmentState::AwaitingTenant { deadline, overdue },
            7 => EnvironmentState::Accepted {},
            8 => EnvironmentState::Draining { until: deadline, is_detached },
            9 => EnvironmentState::Removing {},
            10 => EnvironmentState::Clearing {},
            _ => EnvironmentState::Gone {},
        })
        .boxed()
}

fn revocation() -> BoxedStrategy<Revocation> {
    (moment(), moment(), count(), 0..4_u8)
        .prop_map(|(limit, deadline, failures, index)| match index {
            0 => Revocation::Idle {},
            1 => Revocation::Revoking { limit, failures, deadline },
            2 => Revocation::BackingOff { limit, failures, until: deadline },
            _ => Revocation::Telling { deadline, overdue: failures },
        })
        .boxed()
}

/// An environment that was never seen.
pub fn new_environment() -> ManagedEnvironment {
    let (uid, tenant) = (EnvironmentUid::new("uid-1"), TenantUid::new("tenant-1"));
    ManagedEnvironment::new(uid, tenant, "team-a", "staging")
}

fn environment_record() -> BoxedStrategy<EnvironmentRecord> {
    let open =
        (operation_id(), any::<bool>()).prop_map(|(id, claimed)| OpenOperation { id, claimed });
    let seen = (revision(), generation(), environment_spec(), any::<bool>(), digest());
    let row = option::of(environment_row());
    let found = (option::of(digest()), option::of(found_of_environment()), row);
    let left = (vec(account(), 0..3), vec(text(), 0..3));
    let work = (moment(), count(), option::of(open), count(), text());
    (seen, found, left, work)
        .prop_map(|(seen, found, left, work)| {
            let (last_seen, generation, spec, present, actual) = seen;
            let (shown, checked, row) = found;
            let (accounts, remains) = left;
            let (born, operations, open, failures, failure) = work;
            EnvironmentRecord {
                last_seen,
                generation,
                spec,
                present,
                shown,
                checked,
                row,
                accounts,
                remains,
                born,
                operations,
                open,
                failures,
                failure,
                actual,
                ..new_environment().record
            }
        })
        .boxed()
}

/// Any managed environment that the types permit and whose delivery makes sense: something is
/// delivered of a row only, and an operation is open exactly while the agent is asked.
pub fn managed_environment() -> BoxedStrategy<ManagedEnvironment> {
    let regions = (state(), delivery(), revocation(), mirror());
    (regions, environment_record(), operation_id())
        .prop_map(|((lifecycle, delivery, revocation, mirror), mut record, id)| {
            let delivery = if record.row.is_some() { delivery } else { Delivery::Idle {} };
            let is_open = matches!(delivery, Delivery::Dispatching { .. });
            let claimed = record.open.is_some_and(|open| open.claimed);
            record.open = is_open.then_some(OpenOperation { id, claimed });
            ManagedEnvironment { lifecycle, delivery, revocation, mirror, record }
        })
        .boxed()
}

fn revocable() -> BoxedStrategy<Revocable> {
    (account(), option::of(installation()))
        .prop_map(|(account, kept)| Revocable {
            api_url: account.api_url,
            skips_tls_verification: account.skips_tls_verification,
            credentials: account.credentials,
            revoked: account.installations,
            kept,
        })
        .boxed()
}

/// Any event of a managed environment.
pub fn environment_event() -> BoxedStrategy<EnvironmentEvent> {
    let snapshot = (revision(), generation(), any::<bool>(), environment_spec()).prop_map(
        |(revision, generation, deleting, spec)| {
            let conditions = Vec::new();
            let snapshot = EnvironmentSnapshot { revision, generation, deleting, spec, conditions };
            EnvironmentEvent::Observed(Box::new(snapshot))
        },
    );
    let operation = (operation_id(), option::of(operation_state()))
        .prop_map(|(id, state)| EnvironmentEvent::OperationObserved { id, state });
    let attempted = (revocable(), vec(text(), 0..2)).prop_map(|(what, remains)| {
        EnvironmentEvent::RevocationAttempted { what: Box::new(what), remains }
    });
    prop_oneof![
        4 => snapshot,
        1 => revision().prop_map(|as_of| EnvironmentEvent::Absent { as_of }),
        5 => (option::weighted(0.8, digest()), found_of_environment()).prop_map(|(shown, found)| {
            EnvironmentEvent::Checked { shown, found: Box::new(found) }
        }),
        2 => attempted,
        1 => vec(text(), 0..3).prop_map(|texts| EnvironmentEvent::RemainsTold { texts }),
        3 => operation,
        1 => Just(EnvironmentEvent::SecretDiffers),
        2 => Just(EnvironmentEvent::FactsChanged),
        2 => Just(EnvironmentEvent::DeadlineReached),
    ]
    .boxed()
}

fn usage() -> BoxedStrategy<Usage> {
    let names = || vec(Just("app".to_owned()), 0..2);
    let some = (names(), names()).prop_map(|(served, removed)| Usage { served, removed });
    prop_oneof![2 => Just(Usage::default()), 1 => some].boxed()
}

/// Any facts of a managed environment.
pub fn environment_facts() -> BoxedStrategy<EnvironmentFacts> {
    let existing = (environment_id(), cluster_credentials(), instance()).prop_map(
        |(id, credentials, instance)| {
            let user = ClusterUserId::new("user-1");
            ExistingEnvironment { id, credentials, user, instance }
        },
    );
    let shown = option::weighted(0.7, digest());
    let has_keys = prop_oneof![5 => Just(true), 1 => Just(false)];
    let flags = (has_keys, proptest::bool::weighted(0.1));
    (facts(), flags, shown, option::weighted(0.2, existing), usage(), style())
        .prop_map(|(facts, (has_keys, is_row_empty), shown, existing, usage, conditions)| {
            EnvironmentFacts {
                now: facts.now,
                has_keys,
                tenant: facts.tenant,
                instance: facts.instance,
                shown,
                existing,
                is_row_empty,
                usage,
                conditions,
            }
        })
        .boxed()
}
