//! Carries what Argo CD reports into the database: the newest of each Application, in batches, and
//! only if it differs from what the database holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crds::argocd::{ApplicationStatus, ResourceStatus, condition_type, health, stored_bytes, sync};
use machines::identity::{ApplicationId, DeploymentUid, Digest};
use machines::kinds::deployment::conditions::MISSING;
use machines::kinds::deployment::removal_report::RemovalReport;
use machines::rows::Requester;
use machines::shared::redaction::redacted;
use parking_lot::{Mutex, MutexGuard};
use schema::application_state::{self, ApplicationStateError};
use schema::store::reports::ApplicationReport;
use schema::store::{Store, StoreError};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Metrics, Scrape};
use crate::runtime::commits::Commits;
use crate::runtime::inbox::{Coalesce, Inbox};
use crate::runtime::store_failure::RetryDecision;
use crate::runtime::store_failure::classify;
use crate::runtime::worker::{self, Process, Taken};
use crate::signals::Listener;
use crate::trace::Trace;

/// See the module.
pub struct Reports {
    store: Store,
    listener: Arc<dyn Listener>,
    metrics: Arc<Metrics>,
    trace: Trace,
    inbox: Arc<Inbox<Reported, Report>>,
    /// What the database holds.
    written: Mutex<HashMap<ApplicationId, Digest>>,
    commits: Arc<Commits>,
}

/// What is reported on: a row by its Application's label, and the deployment by its name. One's
/// label may have been put manually on the other's Application, and only the database knows which
/// belong together.
type Reported = (ApplicationId, DeploymentUid);

/// A waiting report.
#[derive(Clone, Debug)]
pub struct Report {
    digest: Digest,
    status: Box<ApplicationStatus>,
}

impl Coalesce for Report {
    fn absorb(&mut self, newer: Self) {
        *self = newer;
    }

    fn may_mend(&self) -> bool {
        // Nothing is left of the older one.
        true
    }
}

impl Reports {
    /// A carrier that has not started.
    pub fn new(
        store: Store,
        listener: Arc<dyn Listener>,
        metrics: Arc<Metrics>,
        trace: Trace,
    ) -> Self {
        let written = Mutex::default();
        let commits = Commits::new("reports");
        Self { store, listener, metrics, trace, inbox: Arc::default(), written, commits }
    }

    /// Reads what the database holds.
    pub async fn load(&self) -> Result<(), StoreError> {
        let digests = self.store.report_digests().await?;
        *self.written() = digests;
        Ok(())
    }

    /// How its worker is doing.
    pub(super) fn commits(&self) -> &Arc<Commits> {
        &self.commits
    }

    /// How many reports wait.
    pub fn backlog(&self) -> usize {
        self.inbox.len()
    }

    /// Says how its worker is doing, and what waits.
    pub(super) fn measure(&self, scrape: &mut Scrape) {
        self.commits.measure(scrape);
        self.inbox.measure("reports", scrape);
    }

    /// Takes in what an Application says; `turn` says whose turn it takes.
    pub fn offer(
        &self,
        turn: &str,
        row: ApplicationId,
        uid: DeploymentUid,
        status: ApplicationStatus,
    ) {
        let status = without_passwords(without_times(status));
        if status == ApplicationStatus::default() {
            // Argo CD has not looked at it yet.
            return;
        }
        let digest = Digest::of(&status);
        if self.written().get(&row) == Some(&digest) {
            self.inbox.remove(&(row, uid));
            return;
        }
        self.inbox.offer(turn, (row, uid), Report { digest, status: Box::new(status) });
    }

    /// Writes reports until it should stop.
    pub async fn pump(&self, shutdown: CancellationToken) -> Result<(), StoreError> {
        worker::run(self, Arc::clone(&self.inbox), shutdown).await
    }

    fn written(&self) -> MutexGuard<'_, HashMap<ApplicationId, Digest>> {
        self.written.lock()
    }
}

impl Process<Reported, Report> for Reports {
    type Error = StoreError;

    async fn process(
        &self,
        taken: &Taken<Reported, Report>,
        taken_at: Instant,
    ) -> Result<(), StoreError> {
        {
            // Until the outcome is known, the contents of the database are unknown: a report that
            // returns to what it held before is news like any other.
            let mut known = self.written();
            for (_, (row, _), _) in taken {
                known.remove(row);
            }
        }
        let rows: Vec<ApplicationReport> = taken
            .iter()
            .filter_map(|(_, (row, uid), report)| {
                let status = encode(&report.status, row)?;
                Some(ApplicationReport {
                    application: row.clone(),
                    deployment: uid.clone(),
                    status,
                    digest: report.digest.clone(),
                    removal: removal(&report.status),
                })
            })
            .collect();
        let reported = self.store.write_reports(rows).await.inspect_err(|error| {
            self.metrics.note_uncommitted(error);
        })?;
        self.metrics.reports.add(&[], reported.written.len() as u64);
        for (_, (row, uid), report) in taken {
            if reported.removals.get(row) == Some(uid) {
                // It is in the row of the operation.
                self.listener.operation_changed(&Requester::Deployment(uid.clone()));
            }
            if reported.written.get(row) == Some(uid) {
                self.written().insert(row.clone(), report.digest.clone());
                if let Some(span) = self.trace.span_of("report.write", row.as_str()) {
                    let ApplicationStatus { sync, health, .. } = &*report.status;
                    span.within_operation()
                        .since(taken_at)
                        .with("argocd.sync", word(&sync.status))
                        .with("argocd.health", word(&health.status))
                        .end(false);
                }
                let seen = self.inbox.waited_since(&(row.clone(), uid.clone()));
                let lasted = seen.unwrap_or(taken_at).elapsed();
                self.metrics.report_seconds.observe(&["recorded"], lasted);
                self.listener.report_changed(uid);
            }
        }
        Ok(())
    }

    fn classify(error: &StoreError) -> (RetryDecision, &'static str) {
        classify(error)
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    fn is_behind(&self, _: &str) -> bool {
        // This is all that a user looking at a status waits for.
        false
    }
}

/// A word of Argo CD's for a state, if it is one.
fn word(text: &str) -> &str {
    let is_word = text.len() <= LONGEST_WORD && text.chars().all(|one| one.is_ascii_alphabetic());
    if is_word { text } else { "" }
}

/// What is reported while a row has no Application.
pub fn missing() -> ApplicationStatus {
    let mut status = ApplicationStatus::default();
    sync::UNKNOWN.clone_into(&mut status.sync.status);
    MISSING.clone_into(&mut status.health.status);
    status
}

/// Times that change although nothing else does: each refresh of Argo CD moves them.
fn without_times(status: ApplicationStatus) -> ApplicationStatus {
    // Argo CD writes no note about what is missing; one planted by another client is not repeated.
    let (reconciled_at, observed_at, truncated) = (None, None, None);
    let mut status = ApplicationStatus { reconciled_at, observed_at, truncated, ..status };
    status.health.last_transition_time = None;
    status
}

/// Argo CD repeats a repository's URL in comparisons and in failures.
fn without_passwords(status: ApplicationStatus) -> ApplicationStatus {
    let Ok(text) = serde_json::to_string(&status) else { return status };
    // It follows every password, and most reports contain none.
    if !text.contains('@') {
        return status;
    }
    let Ok(mut value) = serde_json::from_str(&text) else { return status };
    if !redact(&mut value) {
        return status;
    }
    serde_json::from_value(value).unwrap_or_default()
}

/// Removes the passwords from all texts; returns whether there were any.
fn redact(value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let Cow::Owned(without) = redacted(text) else { return false };
            *text = without;
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| redact(item) | any),
        Value::Object(fields) => fields.values_mut().fold(false, |any, field| redact(field) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What a report says about the removal of the Application.
fn removal(status: &ApplicationStatus) -> RemovalReport {
    let conditions = status.conditions.iter();
    let mut errors = conditions.filter(|one| one.type_ == condition_type::DELETION_ERROR);
    let error = errors.next_back().map_or("", |one| one.message.as_str());
    let health = |one: &ResourceStatus| one.health.clone().unwrap_or_default().status;
    let is_there = |one: &&ResourceStatus| health(one) != MISSING;
    let remaining = status.resources.iter().filter(is_there);
    let count = remaining.clone().count();
    let named = remaining.map(|one| {
        let kind = [one.group.as_str(), one.kind.as_str()].join("/");
        let kind = kind.trim_start_matches('/');
        match health(one).as_str() {
            "" | health::HEALTHY => format!("{kind} {}", one.name),
            health => format!("{kind} {} ({health})", one.name),
        }
    });
    RemovalReport::new(error, count, named)
}

/// Longest of Argo CD's words for a state, in letters.
const LONGEST_WORD: usize = 16;
/// How often a report is shortened before nothing is left to shorten. Each time the target is a
/// tenth less than what would fit if all of it compressed equally well.
const SHORTENINGS: u32 = 6;
/// Beyond this no compression is attempted, in bytes of JSON: a quarter of what a reader unfolds.
const LONGEST_REPORT: usize = application_state::MAXIMUM_TEXT_BYTES / 4;

/// A report in the database's form, shortened where the column has no room for it.
fn encode(status: &ApplicationStatus, row: &ApplicationId) -> Option<Vec<u8>> {
    let mut budget = LONGEST_REPORT;
    for _ in 0..SHORTENINGS {
        let short = status.clone().shortened(budget);
        budget = match encode_whole(&short) {
            Err(ApplicationStateError::TooLarge { bytes }) => {
                let room = application_state::MAXIMUM_COMPRESSED_BYTES;
                let fitting = stored_bytes(&short).min(budget) as u128 * room as u128;
                usize::try_from(fitting * 9 / 10 / bytes.max(1) as u128).unwrap_or_default()
            }
            encoded => return logged(encoded, row),
        };
    }
    logged(encode_whole(&status.clone().shortened(0)), row)
}

fn logged(encoded: Result<Vec<u8>, ApplicationStateError>, row: &ApplicationId) -> Option<Vec<u8>> {
    let complain = |error: &ApplicationStateError| {
        tracing::error!(row = row.as_str(), %error, "a report is not written");
    };
    encoded.inspect_err(complain).ok()
}

fn encode_whole(status: &ApplicationStatus) -> Result<Vec<u8>, ApplicationStateError> {
    let value = serde_json::to_value(status);
    let mut value = value.map_err(|error| ApplicationStateError::Unwritable(error.to_string()))?;
    let destination = &status.sync.compared_to.destination.name;
    if let (Some(environment), Some(name)) = (
        crds::names::managed_environment_id(destination),
        value.pointer_mut("/sync/comparedTo/destination/name"),
    ) {
        *name = environment.into();
    }
    application_state::encode(&application_state::mirrored(&value))
}

#[cfg(test)]
mod tests {
    use crds::argocd::{
        ApplicationCondition, HealthStatus, OperationState, ResourceResult, SyncOperationResult,
    };
    use crds::deployment::GitOpsDeploymentStatus;
    use machines::kinds::deployment::Report as Said;
    use machines::kinds::deployment::conditions::{MIRROR_BUDGETS, budget_bytes};
    use machines::kinds::deployment::destination::Destination;
    use proptest::prelude::*;
    use schema::store::Role;

    use super::*;

    use crate::backend::kinds::deployment::{observe, status_fields};
    use crate::test_support::{self, Nobody};

    #[tokio::test]
    async fn a_report_that_was_not_written_is_news_when_it_comes_again() {
        let database = test_support::database().await;
        let now = crate::runtime::clock::Clock::default().now();
        let store = Store::take_over(database, Role::Agent, "test", now).await.expect("the role");
        let reports = Reports::new(store, Arc::new(Nobody), Arc::default(), Trace::default());
        // There is no such row, or it is not this deployment's.
        let (row, uid) = (ApplicationId::new("row"), DeploymentUid::new("uid"));
        let report = Report { digest: Digest::of(&missing()), status: Box::new(missing()) };
        let taken = [("tenant".to_owned(), (row.clone(), uid.clone()), report)];
        reports.process(&taken, Instant::now()).await.expect("it is answered");
        reports.offer("tenant", row, uid, missing());
        assert_eq!(reports.backlog(), 1);
    }

    /// Texts that compress well, or hardly at all.
    fn text(length: usize, seed: u64, is_dull: bool) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        let letter = |_| if is_dull { 'x' } else { random.char('!'..'\u{2fff}') };
        (0..length).map(letter).collect()
    }

    #[derive(Clone, Debug)]
    struct Size {
        resources: usize,
        results: usize,
        name: usize,
        message: usize,
        conditions: usize,
        is_dull: bool,
        seed: u64,
    }

    fn size() -> impl Strategy<Value = Size> {
        let counts = (0..4_000_usize, 0..4_000_usize, 0..40_usize);
        let lengths = (1..250_usize, prop_oneof![3 => 0..3_000_usize, 1 => 0..1_500_000_usize]);
        (counts, lengths, any::<bool>(), any::<u64>()).prop_map(
            |((resources, results, conditions), (name, message), is_dull, seed)| Size {
                resources,
                results,
                name,
                message,
                conditions,
                is_dull,
                seed,
            },
        )
    }

    fn status(size: &Size) -> ApplicationStatus {
        let Size { resources, results, name, message, conditions, is_dull, seed } = *size;
        let words = |length, number: usize| text(length, seed ^ number as u64, is_dull);
        let health = |number| if number % 7 == 0 { health::DEGRADED } else { health::HEALTHY };
        let resource = |number: usize| ResourceStatus {
            kind: "ConfigMap".to_owned(),
            name: format!("{number} {}", words(name, number)),
            status: sync::SYNCED.to_owned(),
            health: Some(HealthStatus {
                status: health(number).to_owned(),
                message: words(9, number),
            }),
            ..ResourceStatus::default()
        };
        let result = |number: usize| ResourceResult {
            name: format!("{number}"),
            message: words(name, number),
            ..ResourceResult::default()
        };
        let mut status = ApplicationStatus::default();
        sync::OUT_OF_SYNC.clone_into(&mut status.sync.status);
        status.sync.revision = "0123456789abcdef".to_owned();
        status.sync.compared_to.source.repo_url = "https://example.com/team/app".to_owned();
        health::DEGRADED.clone_into(&mut status.health.status);
        status.resources = (0..resources).map(resource).collect();
        let condition = |number: usize| ApplicationCondition {
            type_: format!("Kind{}Error", number % 35),
            message: words(message.min(40_000), number),
            last_transition_time: Some("2026-01-01T00:00:00Z".to_owned()),
        };
        status.conditions = (0..conditions).map(condition).collect();
        let sync_result = SyncOperationResult {
            resources: (0..results).map(result).collect(),
            revision: "0123456789abcdef".to_owned(),
            ..SyncOperationResult::default()
        };
        status.operation_state = Some(OperationState {
            phase: "Failed".to_owned(),
            message: words(message, 0),
            sync_result: Some(sync_result),
            started_at: "2026-01-01T00:00:00Z".to_owned(),
            ..OperationState::default()
        });
        status
    }

    /// What the machine learns, without the digest of what is shown.
    fn said(status: &ApplicationStatus) -> Said {
        let report = observe::report(status, &Destination::default(), 0, true);
        Said { mirrored: Digest::default(), ..report }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

        /// Whatever its size: a report that does not get through says nothing about health.
        #[test]
        fn a_report_of_any_size_gets_through(size in size()) {
            let status = status(&size);
            let row = ApplicationId::new("row");
            let blob = encode(&status, &row).expect("it fits");
            prop_assert!(blob.len() <= application_state::MAXIMUM_COMPRESSED_BYTES);
            let again = encode(&status, &row);
            prop_assert_eq!(again.as_ref(), Some(&blob), "equal reports are written equally");
            let read = observe::read_report(&blob, "uid").expect("it is read");
            prop_assert_eq!(said(&read), said(&status));
            let kept = read.truncated.as_ref().map(|one| (one.resources, one.kept));
            let expected = (size.resources as i64, read.resources.len() as i64);
            prop_assert_eq!(kept.unwrap_or(expected), expected);
            prop_assert!(kept.is_some() || read.resources.len() == size.resources);
            for budget in 0..MIRROR_BUDGETS.len() as u8 {
                let mirrored = status_fields::mirrored(&read, &Destination::default(), budget);
                let room = budget_bytes(budget).max(32 * 1024);
                prop_assert!(stored_bytes(&mirrored) <= room, "{}", stored_bytes(&mirrored));
                let GitOpsDeploymentStatus { sync, health, .. } = mirrored;
                prop_assert_eq!((sync.status, health.status), (read.sync.status.clone(), read.health.status.clone()));
            }
        }
    }

    #[test]
    fn a_report_that_fits_is_written_as_before() {
        let size = Size {
            resources: 300,
            results: 300,
            name: 30,
            message: 5_000,
            conditions: 3,
            is_dull: false,
            seed: 7,
        };
        let status = status(&size);
        let value = serde_json::to_value(&status).expect("JSON");
        let as_ever = application_state::encode(&application_state::mirrored(&value)).ok();
        assert_eq!(encode(&status, &ApplicationId::new("row")), as_ever);
    }

    #[test]
    fn a_report_on_a_removal_names_the_error_and_what_is_still_there() {
        let mut status = ApplicationStatus::default();
        let resource = |kind: &str, name: &str, health: Option<&str>| ResourceStatus {
            group: if kind == "Deployment" { "apps" } else { "" }.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            health: health.map(|status| HealthStatus {
                status: status.to_owned(),
                ..HealthStatus::default()
            }),
            ..ResourceStatus::default()
        };
        status.resources = vec![
            resource("Deployment", "web", Some(health::DEGRADED)),
            resource("ConfigMap", "settings", None),
            resource("Service", "gone", Some(MISSING)),
        ];
        let expected = "Still there: apps/Deployment web (Degraded), ConfigMap settings";
        assert_eq!(removal(&status).to_text(), expected);
        status.conditions = vec![ApplicationCondition {
            type_: condition_type::DELETION_ERROR.to_owned(),
            message: "no permission".to_owned(),
            ..ApplicationCondition::default()
        }];
        assert_eq!(removal(&status).to_text(), format!("DeletionError: no permission\n{expected}"));
    }
}
