//! The sample events of a managed environment, and the exploration over them.

use super::account::Account;
use super::revocation::{Region, RevocationEvent};
use super::spec::EnvironmentSpec;
use super::verdict::{Refusal, TOKEN_REFUSED, Verdict};
use super::{
    Checked, ClusterCredentialsId, EnvironmentEvent, EnvironmentFacts, EnvironmentSnapshot,
    EnvironmentUid, ExistingEnvironment, Installation, ManagedEnvironment, Revocable, Usage,
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
use crate::shared::delivery::Delivery;

pub(super) type SampleEvent = (&'static str, EnvironmentEvent, EnvironmentFacts);

fn tenant_rows() -> TenantRows {
    TenantRows {
        tenant: TenantUid::new("namespace-uid"),
        namespace: "team-a".to_owned(),
        user: ClusterUserId::new("user"),
        environment: EnvironmentId::new("in-cluster"),
        instance: InstanceId::new("instance"),
    }
}

/// A day on which everything is there, and one Secret is shown.
pub(super) fn facts() -> EnvironmentFacts {
    EnvironmentFacts {
        now: NOW,
        has_keys: true,
        tenant: TenantFact::Active(tenant_rows()),
        instance: Some(InstanceId::new("instance")),
        shown: Some(Digest::new("one")),
        existing: None,
        is_row_empty: false,
        usage: Usage::default(),
        conditions: ConditionStyle::Conventional,
    }
}

/// An environment of which nothing is known.
pub(super) fn environment() -> ManagedEnvironment {
    let uid = EnvironmentUid::new("environment-uid");
    ManagedEnvironment::new(uid, TenantUid::new("namespace-uid"), "team-a", "staging")
}

/// A valid spec.
pub(super) fn spec() -> EnvironmentSpec {
    EnvironmentSpec {
        api_url: "https://api.example.com:6443".to_owned(),
        secret: "kubeconfig".to_owned(),
        ..EnvironmentSpec::default()
    }
}

/// The same, with an account that is made on the cluster.
pub(super) fn with_account() -> EnvironmentSpec {
    EnvironmentSpec { creates_account: true, ..spec() }
}

/// The object, with this spec.
pub(super) fn seen(generation: i64, spec: EnvironmentSpec, deleting: bool) -> EnvironmentEvent {
    EnvironmentEvent::Observed(Box::new(EnvironmentSnapshot {
        revision: Revision(u64::try_from(generation).unwrap_or_default()),
        generation: Generation(generation),
        deleting,
        spec,
        conditions: Vec::new(),
    }))
}

/// What the check finds that the environment asks for, of a Secret with this digest.
pub(super) fn checked(
    environment: &ManagedEnvironment,
    secret: &str,
    verdict: Verdict,
) -> EnvironmentEvent {
    let record = &environment.record;
    let found = Checked {
        spec: record.spec.clone(),
        secret: (!secret.is_empty()).then(|| Digest::new(secret)),
        round: record.newest_installation().map(|newest| newest.round),
        verdict,
    };
    EnvironmentEvent::Checked { shown: record.shown.clone(), found: Box::new(found) }
}

/// The cluster accepts what has this digest.
pub(super) fn accepted(told: &str) -> Verdict {
    Verdict::Accepted { told: Digest::new(told) }
}

/// The cluster cannot be used for this cause.
pub(super) fn refused(cause: &str) -> Verdict {
    Verdict::Refused(Refusal {
        status: "Unknown".to_owned(),
        reason: "UnableToValidateClusterCredentials".to_owned(),
        message: "Unable to validate the credentials".to_owned(),
        cause: cause.to_owned(),
        text: "the cluster does not answer; check it".to_owned(),
    })
}

fn later(moment: Option<Timestamp>) -> Timestamp {
    let due = |moment: Timestamp| moment.as_millis().saturating_add(STRIDE_MS);
    moment.map_or(NOW, |moment| Timestamp::from_millis(due(moment)))
}

fn sightings() -> Vec<SampleEvent> {
    let existing = ExistingEnvironment {
        id: EnvironmentId::new("existing"),
        credentials: ClusterCredentialsId::new("existing"),
        user: ClusterUserId::new("user"),
        instance: InstanceId::new("instance"),
    };
    let adopted = EnvironmentFacts { existing: Some(existing), ..facts() };
    let without_keys = EnvironmentFacts { has_keys: false, ..facts() };
    let usage = Usage { served: vec!["app".to_owned()], removed: Vec::new() };
    let used = EnvironmentFacts { usage, ..facts() };
    let absent = || EnvironmentEvent::Absent { as_of: Revision(2) };
    let invalid = EnvironmentSpec { secret: String::new(), ..spec() };
    vec![
        ("valid spec", seen(1, spec(), false), facts()),
        ("valid spec with an account", seen(1, with_account(), false), facts()),
        ("valid spec, row of an earlier installation", seen(1, spec(), false), adopted.clone()),
        ("invalid spec", seen(1, invalid, false), facts()),
        ("valid spec, no keys", seen(1, spec(), false), without_keys),
        ("deleting", seen(1, spec(), true), facts()),
        ("deleting, row of an earlier installation", seen(1, spec(), true), adopted.clone()),
        ("deleting, in use", seen(1, spec(), true), used.clone()),
        ("no row of an earlier installation", absent(), facts()),
        ("row of an earlier installation", absent(), adopted),
        ("in use", absent(), used),
    ]
}

fn verdicts(environment: &ManagedEnvironment) -> Vec<SampleEvent> {
    let checked = |secret: &str, verdict| checked(environment, secret, verdict);
    let outdated = EnvironmentEvent::Checked {
        shown: Some(Digest::new("before")),
        found: Box::new(Checked {
            spec: spec(),
            secret: Some(Digest::new("before")),
            round: None,
            verdict: accepted("before"),
        }),
    };
    let draining = EnvironmentFacts { tenant: TenantFact::Draining, ..facts() };
    let without_keys = EnvironmentFacts { has_keys: false, ..facts() };
    let no_argo_cd = EnvironmentFacts { instance: None, ..facts() };
    let key_lost = EnvironmentFacts { is_row_empty: true, ..facts() };
    vec![
        ("of an earlier Secret", outdated, facts()),
        ("accepted", checked("one", accepted("one")), facts()),
        ("accepted, namespace terminating", checked("one", accepted("one")), draining),
        ("accepted, no keys", checked("one", accepted("one")), without_keys),
        ("accepted, no Argo CD", checked("one", accepted("one")), no_argo_cd),
        ("accepted, key lost", checked("one", accepted("one")), key_lost),
        ("another token accepted", checked("one", accepted("two")), facts()),
        ("refused", checked("one", refused("TimedOut")), facts()),
        ("token refused", checked("one", refused(TOKEN_REFUSED)), facts()),
        ("no Secret", checked("", Verdict::SecretMissing {}), facts()),
    ]
}

fn changes(environment: &ManagedEnvironment) -> Vec<SampleEvent> {
    let shown = |shown: Option<&str>| {
        let shown = shown.map(Digest::new);
        (EnvironmentEvent::FactsChanged, EnvironmentFacts { shown, ..facts() })
    };
    let (another, facts_of_another) = shown(Some("two"));
    let (none, facts_of_none) = shown(None);
    let changed = || EnvironmentEvent::FactsChanged;
    let without_keys = EnvironmentFacts { has_keys: false, ..facts() };
    let usage = Usage { served: Vec::new(), removed: vec!["app".to_owned()] };
    let removed = EnvironmentFacts { usage, ..facts() };
    let due = later(environment.wake_at());
    let passed = |facts: EnvironmentFacts| {
        (EnvironmentEvent::DeadlineReached, EnvironmentFacts { now: due, ..facts })
    };
    let (passed_now, facts_passed) = passed(facts());
    let no_argo_cd = EnvironmentFacts { instance: None, ..facts() };
    let (passed_without, facts_without) = passed(no_argo_cd);
    let (passed_removed, facts_removed) = passed(removed.clone());
    vec![
        ("Argo CD's Secret differs", EnvironmentEvent::SecretDiffers, facts()),
        ("nothing new", changed(), facts()),
        ("another Secret", another, facts_of_another),
        ("no Secret", none, facts_of_none),
        ("no keys", changed(), without_keys),
        ("a user is being removed", changed(), removed),
        ("early", EnvironmentEvent::DeadlineReached, facts()),
        ("passed", passed_now, facts_passed),
        ("passed, no Argo CD", passed_without, facts_without),
        ("passed, a user is being removed", passed_removed, facts_removed),
    ]
}

/// What is to be revoked, or else something that is not.
fn due(environment: &ManagedEnvironment) -> Revocable {
    environment.due().unwrap_or_else(|| Revocable {
        api_url: String::new(),
        skips_tls_verification: false,
        credentials: ClusterCredentialsId::new("another"),
        revoked: Vec::new(),
        kept: None,
    })
}

fn answers(environment: &ManagedEnvironment) -> Vec<SampleEvent> {
    let what = due(environment);
    let attempted = |remains: &[&str]| EnvironmentEvent::RevocationAttempted {
        what: Box::new(what.clone()),
        remains: remains.iter().map(|&text| text.to_owned()).collect(),
    };
    let texts = environment.record.remains.clone();
    let mut events = vec![
        ("all is gone", attempted(&[]), facts()),
        ("something remains", attempted(&["ServiceAccount a/b"]), facts()),
        ("", EnvironmentEvent::RemainsTold { texts }, facts()),
    ];
    let open = environment.record.open.as_ref().map(|open| open.id.clone());
    let states = [
        ("In_Progress", Some(OperationState::InProgress)),
        ("Completed", Some(OperationState::Completed)),
        ("Failed", Some(OperationState::Failed("denied".to_owned()))),
        ("row lost", None),
    ];
    let observed = |id: OperationId, state| EnvironmentEvent::OperationObserved { id, state };
    let of_open = states
        .into_iter()
        .filter_map(|(when, state)| Some((when, observed(open.clone()?, state), facts())));
    events.extend(of_open);
    let completed = Some(OperationState::Completed);
    events.push(("of another", observed(OperationId::new("another"), completed), facts()));
    events
}

/// Everything that may happen to an environment.
pub(super) fn events(environment: &ManagedEnvironment) -> Vec<SampleEvent> {
    let groups = [sightings(), verdicts(environment), changes(environment), answers(environment)];
    groups.into_iter().flatten().collect()
}

/// What distinguishes environments. What is left out does not decide to which states the next events
/// lead, or another sample leads there as well.
pub(super) fn key(environment: &ManagedEnvironment) -> String {
    let record = &environment.record;
    let written = record.row.as_ref().map(|row| row.written.is_some());
    let accepted = record.checked.as_ref().map(|checked| checked.verdict.is_accepted());
    let again = matches!(environment.delivery, Delivery::Dispatching { again: true, .. });
    let regions = format!("{} {again}", environment.delivery.path());
    let regions = format!("{regions} {}", environment.revocation.path());
    let known = format!("{written:?} {accepted:?} {}", record.present);
    let has_accounts = !record.accounts.is_empty();
    format!("{} {regions} {known} {has_accounts}", environment.path())
}

/// Explores a managed environment.
pub(crate) fn managed_environment() -> Chart {
    let samples = |environment: &ManagedEnvironment| {
        let step = |(when, event, facts): SampleEvent| {
            let step = environment.clone().step(&event, &facts);
            let (next, handling) = (step.machine, step.handling);
            Sample { event: event.name(), when, next, handling }
        };
        events(environment).into_iter().map(step).collect()
    };
    let path = |environment: &ManagedEnvironment| environment.path();
    explore("ManagedEnvironment", environment(), path, key, samples)
}

/// Explores the revocation of an environment whose object is gone, which had an account.
pub(crate) fn revocation() -> Chart {
    let mut initial = environment();
    initial.lifecycle = super::lifecycle::EnvironmentState::Clearing {};
    let id = EnvironmentId::new("environment");
    initial.record.accounts.push(Account {
        api_url: spec().api_url,
        skips_tls_verification: false,
        credentials: ClusterCredentialsId::of_account(&id, &spec().api_url),
        secret: Digest::new("one"),
        installations: vec![Installation { namespaces: Vec::new(), round: 0 }],
        next_round: 1,
        is_renewed: false,
    });
    let samples = |environment: &ManagedEnvironment| {
        let step = |(when, event, now): (&'static str, RevocationEvent, Timestamp)| {
            let mut next = environment.clone();
            let mut rows = Vec::new();
            let (due, record) = (next.due(), &mut next.record);
            let mut region = Region { record, due, now, rows: &mut rows };
            let handling = drive(&mut next.revocation, &mut region, &event, &mut ());
            Sample { event: event.name(), when, next, handling }
        };
        revocation_events(environment).into_iter().map(step).collect()
    };
    let key = |environment: &ManagedEnvironment| {
        let record = &environment.record;
        let (due, remains) = (environment.due().is_some(), record.remains.is_empty());
        format!("{} {due} {remains}", environment.revocation.path())
    };
    let path = |environment: &ManagedEnvironment| environment.revocation.path().to_owned();
    explore("Revocation", initial, path, key, samples)
}

fn revocation_events(
    environment: &ManagedEnvironment,
) -> Vec<(&'static str, RevocationEvent, Timestamp)> {
    let late = later(environment.revocation.wake_at());
    let attempted = |remains: &[&str]| {
        let what = due(environment);
        let remains = remains.iter().map(|&text| text.to_owned()).collect();
        RevocationEvent::Attempted { what, remains }
    };
    let told = RevocationEvent::Told { texts: environment.record.remains.clone() };
    vec![
        ("", RevocationEvent::Compared, NOW),
        ("all is gone", attempted(&[]), NOW),
        ("something remains", attempted(&["ServiceAccount a/b"]), NOW),
        ("something remains, too late", attempted(&["ServiceAccount a/b"]), late),
        ("", told, NOW),
        ("early", RevocationEvent::DeadlineReached, NOW),
        ("passed", RevocationEvent::DeadlineReached, late),
    ]
}
