//! Carries what Argo CD reports into the database: the newest of each Application, in batches,
//! and only what differs from what the database holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crds::argocd::{ApplicationStatus, sync};
use machines::deployment::conditions::MISSING;
use machines::identity::{ApplicationId, DeploymentUid, Digest};
use machines::redaction::redacted;
use schema::application_state;
use schema::store::agent::ApplicationReport;
use schema::store::{Store, StoreError};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backend::judge;
use crate::metrics::Metrics;
use crate::runtime::commits::Commits;
use crate::runtime::inbox::{Coalesce, Inbox};
use crate::runtime::worker::{self, Process, Taken, Verdict};
use crate::signals::Listener;

/// See the module.
pub struct Reports {
    store: Store,
    listener: Arc<dyn Listener>,
    metrics: Arc<Metrics>,
    inbox: Arc<Inbox<Reported, Report>>,
    /// What the database holds.
    written: Mutex<HashMap<ApplicationId, Digest>>,
    commits: Arc<Commits>,
}

/// What is reported on: a row by its Application's label, and the deployment by its name. A hand may
/// have put one's label on the other's Application, and only the database knows what belongs together.
type Reported = (ApplicationId, DeploymentUid);

/// A report that waits.
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
    /// A carrier that has not begun.
    pub fn new(store: Store, listener: Arc<dyn Listener>, metrics: Arc<Metrics>) -> Self {
        let written = Mutex::default();
        let commits = Commits::new("reports");
        Self { store, listener, metrics, inbox: Arc::default(), written, commits }
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

    /// Takes in what an Application says; `turn` is whose turn it is.
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

    /// Writes reports until told to stop.
    pub async fn pump(&self, shutdown: CancellationToken) -> Result<(), StoreError> {
        worker::run(self, Arc::clone(&self.inbox), shutdown).await
    }

    fn written(&self) -> MutexGuard<'_, HashMap<ApplicationId, Digest>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process<Reported, Report> for Reports {
    type Error = StoreError;

    async fn process(&self, taken: &Taken<Reported, Report>, _: Instant) -> Result<(), StoreError> {
        {
            // Until the outcome is known nobody knows what the database holds: a report that goes
            // back to what it held before is as much news as any other.
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
                })
            })
            .collect();
        let written = self.store.write_reports(rows).await.inspect_err(|_| {
            self.metrics.failed_batches.inc();
        })?;
        self.metrics.reports.inc_by(written.len() as u64);
        for (_, (row, uid), report) in taken {
            if written.get(row) == Some(uid) {
                self.written().insert(row.clone(), report.digest.clone());
                self.listener.report_changed(uid);
            }
        }
        Ok(())
    }

    fn judge(error: &StoreError) -> (Verdict, &'static str) {
        judge(error)
    }

    fn commits(&self) -> &Commits {
        &self.commits
    }

    fn is_behind(&self, _: &str) -> bool {
        // Whoever looks at a status waits for nothing else.
        false
    }
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
    let mut status = ApplicationStatus { reconciled_at: None, observed_at: None, ..status };
    status.health.last_transition_time = None;
    status
}

/// Argo CD repeats the URL of a repository where it compares with it and where it fails.
fn without_passwords(status: ApplicationStatus) -> ApplicationStatus {
    let Ok(text) = serde_json::to_string(&status) else { return status };
    // It stands behind every password, and in most reports nowhere.
    if !text.contains('@') {
        return status;
    }
    let Ok(mut value) = serde_json::from_str(&text) else { return status };
    if !redact(&mut value) {
        return status;
    }
    serde_json::from_value(value).unwrap_or_default()
}

/// Leaves the passwords out of all texts; says whether there were any.
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

fn encode(status: &ApplicationStatus, row: &ApplicationId) -> Option<Vec<u8>> {
    let mut status = status.clone();
    let destination = &mut status.sync.compared_to.destination.name;
    if let Some(environment) = crds::names::managed_environment_id(destination) {
        *destination = environment.to_owned();
    }
    let value = match serde_json::to_value(&status) {
        Ok(value) => value,
        Err(error) => {
            tracing::error!(row = row.as_str(), %error, "a report cannot be written as JSON");
            return None;
        }
    };
    match application_state::encode(&application_state::mirrored(&value)) {
        Ok(blob) => Some(blob),
        Err(error) => {
            tracing::error!(row = row.as_str(), %error, "a report is not written");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use schema::connection::{ConnectOptions, connect};
    use schema::store::Role;

    use super::*;

    struct Nobody;

    impl Listener for Nobody {
        fn operation_finished(&self, _: &DeploymentUid) {}
        fn report_changed(&self, _: &DeploymentUid) {}
        fn application_differs(&self, _: &DeploymentUid) {}
        fn is_behind(&self, _: &str) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn a_report_that_the_database_did_not_take_is_news_when_it_comes_again() {
        let database = connect("sqlite::memory:", &ConnectOptions::default()).await.expect("it");
        schema::migrate(&database).await.expect("tables");
        let now = crate::runtime::clock::Clock::default().now();
        let store = Store::take_over(database, Role::Agent, "test", now).await.expect("the role");
        let reports = Reports::new(store, Arc::new(Nobody), Arc::default());
        // There is no such row, or it is not this deployment's.
        let (row, uid) = (ApplicationId::new("row"), DeploymentUid::new("uid"));
        let report = Report { digest: Digest::of(&missing()), status: Box::new(missing()) };
        let taken = [("tenant".to_owned(), (row.clone(), uid.clone()), report)];
        reports.process(&taken, Instant::now()).await.expect("it is answered");
        reports.offer("tenant", row, uid, missing());
        assert_eq!(reports.backlog(), 1);
    }
}
