//! What a deployment's status should say, and what the deployment waits for: both derived from the
//! machine by a single look at its state.

use std::borrow::Cow;

use super::conditions::{
    Condition, ConditionStyle, DELETION_ERROR, ERROR_OCCURRED, READY, RECONCILING, STALLED,
    StatusView, application_is_missing, is_error, report_is_current,
};
use super::error_flag::ErrorFlag;
use super::lifecycle::Lifecycle;
use super::{Deployment, MirroredCondition, Record, Report};
use crate::identity::Timestamp;
use crate::shared::messages;
use crate::shared::standing::{Readiness, Standing};
use crate::waiting::{Party, Wait};

/// What the status of a deployment should say.
pub(super) fn wanted(deployment: &Deployment, style: ConditionStyle) -> StatusView {
    let record = &deployment.record;
    let mut conditions: Vec<Condition> = Vec::new();
    conditions.extend(error_occurred(&deployment.error_flag));
    conditions.extend(record.mirrored_conditions.iter().map(mirrored_condition));
    if style == ConditionStyle::Conventional {
        conditions.extend(conventional(deployment));
    }
    conditions.sort();
    StatusView {
        observed_generation: record.generation,
        conditions,
        mirrored: record.report.as_ref().map(|report| report.mirrored.clone()),
        destination: record.destination(),
        mirror_budget: record.mirror_budget,
    }
}

fn error_occurred(flag: &ErrorFlag) -> Option<Condition> {
    match flag {
        ErrorFlag::Never {} => None,
        ErrorFlag::Raised { message } => {
            Some(Condition::new(ERROR_OCCURRED, "True", ERROR_OCCURRED, message))
        }
        ErrorFlag::Resolved {} => {
            Some(Condition::new(ERROR_OCCURRED, "False", "ErrorOccurredResolved", ""))
        }
    }
}

fn mirrored_condition(mirrored: &MirroredCondition) -> Condition {
    let type_ = &mirrored.type_;
    match &mirrored.message {
        Some(message) => Condition::new(type_, "True", type_, message),
        None => Condition::new(type_, "False", &format!("{type_}Resolved"), ""),
    }
}

/// The reason while a failed operation is repeated.
const OPERATION_FAILED: &str = "OperationFailed";
/// The reason while something deployed is suspended.
const SUSPENDED: &str = "Suspended";

/// The progress of a deployment.
struct Progress {
    readiness: Readiness,
    reason: &'static str,
    /// What `Ready` says.
    message: String,
    /// What the lifecycle waits for.
    wait: Option<Wait>,
}

impl Progress {
    fn done(reason: &'static str, message: String) -> Self {
        Self { readiness: Readiness::Ready, reason, message, wait: None }
    }

    /// Work goes on by itself; `Ready` says what is awaited.
    fn working(reason: &'static str, wait: Wait) -> Self {
        let message = wait.what.clone().into_owned();
        Self { readiness: Readiness::Reconciling, reason, message, wait: Some(wait) }
    }

    /// Nothing goes on until a user acts; `Ready` says what is in the way.
    fn stuck(reason: &'static str, wait: Wait) -> Self {
        Self { readiness: Readiness::Stalled, ..Self::working(reason, wait) }
    }

    /// The same, with another message in `Ready`.
    fn saying(self, message: String) -> Self {
        Self { message, ..self }
    }
}

/// Why a deployment has failed, in the words of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason of its conditions.
    pub reason: &'static str,
    /// What is wrong, and what can be done.
    pub message: String,
    /// Whether it is its deletion that has failed.
    pub is_deletion: bool,
}

/// Whether a deployment has failed: it says an error, or nothing goes on until somebody acts. One that
/// is suspended was meant to be.
pub(super) fn failure(deployment: &Deployment) -> Option<Failure> {
    let is_deletion = match &deployment.lifecycle {
        // The first has no object yet, the second none any more, and an Event of its own tells of the
        // third.
        Lifecycle::Unseen {} | Lifecycle::Gone {} | Lifecycle::RemovalFrozen {} => return None,
        Lifecycle::AwaitingDestination { .. }
        | Lifecycle::Removing { .. }
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::Finalizing { .. } => true,
        _ => false,
    };
    let Progress { readiness, reason, wait, .. } = progress(deployment);
    let has_failed = match readiness {
        Readiness::Ready => false,
        Readiness::Reconciling => reason == OPERATION_FAILED,
        Readiness::Stalled => reason != SUSPENDED,
    };
    let message = match (&deployment.error_flag, wait) {
        (_, Some(wait)) if has_failed => wait.message(),
        (ErrorFlag::Raised { message }, _) if !message.is_empty() => message.clone(),
        _ => return None,
    };
    Some(Failure { reason, message, is_deletion })
}

/// Whether what its generation asks for is done.
pub(super) fn is_ready(deployment: &Deployment) -> bool {
    progress(deployment).readiness == Readiness::Ready
}

/// Every reason of `Ready`, and with it of the other two conventional conditions.
pub const REASONS: [&str; 23] = [
    "ApplicationMissing",
    "ApplicationWritten",
    "ArgoCDError",
    "AwaitingArgoCD",
    "AwaitingEnvironment",
    "AwaitingPredecessor",
    "AwaitingReport",
    "AwaitingTenant",
    "Degraded",
    DELETION_ERROR,
    "Dispatching",
    "EnvironmentNotReady",
    "EnvironmentNotServed",
    OPERATION_FAILED,
    "OutOfSync",
    "Progressing",
    "Rejected",
    SUSPENDED,
    "Synced",
    "SyncFailed",
    "Syncing",
    "Terminating",
    "Unseen",
];

/// How far a deployment is.
pub(super) fn standing(deployment: &Deployment) -> Standing {
    let Progress { readiness, reason, .. } = progress(deployment);
    let is_under_way = match deployment.lifecycle {
        Lifecycle::Unseen {}
        | Lifecycle::AwaitingTenant { .. }
        | Lifecycle::AwaitingEngine { .. }
        | Lifecycle::AwaitingPredecessor { .. }
        | Lifecycle::Dispatching { .. }
        | Lifecycle::BackingOff { .. }
        | Lifecycle::AwaitingDestination { .. }
        | Lifecycle::Removing { .. }
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::Finalizing { .. } => true,
        Lifecycle::Rejected { .. }
        | Lifecycle::Frozen {}
        | Lifecycle::AwaitingEnvironment { .. }
        | Lifecycle::Settled {}
        | Lifecycle::RemovalFrozen {}
        | Lifecycle::Gone {} => false,
    };
    let waits_since = deployment.record.since.filter(|_| is_under_way);
    Standing { readiness, reason, waits_since }
}

fn conventional(deployment: &Deployment) -> [Condition; 3] {
    let progress = progress(deployment);
    let wait = progress.wait.as_ref().map(Wait::message).unwrap_or_default();
    let observed_generation = Some(deployment.record.generation);
    [
        (READY, Readiness::Ready),
        (RECONCILING, Readiness::Reconciling),
        (STALLED, Readiness::Stalled),
    ]
    .map(|(type_, readiness)| {
        let status = if readiness == progress.readiness { "True" } else { "False" };
        let message = match readiness {
            Readiness::Ready => &progress.message,
            _ if readiness == progress.readiness => &wait,
            _ => "",
        };
        Condition { observed_generation, ..Condition::new(type_, status, progress.reason, message) }
    })
}

/// What a deployment waits for, most important first.
pub(super) fn waits_for(deployment: &Deployment) -> Vec<Wait> {
    let since = deployment.record.since;
    let lifecycle = match &deployment.lifecycle {
        // Neither has an object that could wait.
        Lifecycle::Unseen {} | Lifecycle::Gone {} => None,
        _ => progress(deployment).wait.map(|wait| Wait { since, ..wait }),
    };
    lifecycle.into_iter().chain(deployment.mirror.wait()).collect()
}

fn progress(deployment: &Deployment) -> Progress {
    let record = &deployment.record;
    let error = match &deployment.error_flag {
        ErrorFlag::Raised { message } if !message.is_empty() => Some(message.clone()),
        ErrorFlag::Raised { .. } | ErrorFlag::Never {} | ErrorFlag::Resolved {} => None,
    };
    match &deployment.lifecycle {
        Lifecycle::Unseen {} => Progress::working("Unseen", Wait::new(Party::ApiServer, "")),
        Lifecycle::Rejected { deadline } => {
            let what = error.map_or("the spec is not accepted".into(), Cow::Owned);
            let mut wait = Wait::for_user(what, messages::REJECTED_ADVICE);
            if let Some(deadline) = deadline {
                wait = wait
                    .until(*deadline, "the repair of the last valid Application is awaited again");
            }
            Progress::stuck("Rejected", wait)
        }
        Lifecycle::Frozen {} => {
            let (what, advice) = (messages::FROZEN, messages::FROZEN_ADVICE);
            Progress::stuck("EnvironmentNotServed", Wait::for_user(what, advice))
                .saying(format!("{what}. {advice}"))
        }
        Lifecycle::RemovalFrozen {} => {
            let wait = Wait::for_user(messages::REMOVAL_FROZEN, messages::REMOVAL_FROZEN_ADVICE);
            Progress::stuck("EnvironmentNotServed", wait)
        }
        Lifecycle::AwaitingEnvironment { complaint, repair } => {
            awaiting_environment(record, error, *complaint, *repair)
        }
        Lifecycle::AwaitingTenant { deadline, .. } => {
            let namespace = Party::Object(format!("Namespace {}", record.namespace));
            let wait = Wait::new(namespace, messages::NAMESPACE_TERMINATING);
            Progress::working("AwaitingTenant", wait.until(*deadline, LOOK_AGAIN))
        }
        Lifecycle::AwaitingEngine { deadline, .. } => {
            let wait = Wait::new(Party::ArgoCd, messages::ENGINE_MISSING)
                .with_advice(messages::ENGINE_MISSING_ADVICE);
            Progress::working("AwaitingArgoCD", wait.until(*deadline, LOOK_AGAIN))
        }
        Lifecycle::AwaitingPredecessor { deadline, .. } => {
            let (namespace, name) = (&record.namespace, &record.name);
            let other = Party::Object(format!("the deleted GitOpsDeployment {namespace}/{name}"));
            let wait = Wait::new(other, messages::PREDECESSOR);
            Progress::working("AwaitingPredecessor", wait.until(*deadline, LOOK_AGAIN))
        }
        Lifecycle::Dispatching { deadline, .. } => dispatching(record, error, *deadline),
        Lifecycle::BackingOff { until } => {
            let wait = Wait::new(Party::Time, failed(error)).with_advice(messages::FAILED_ADVICE);
            Progress::working(
                OPERATION_FAILED,
                wait.until(*until, "the operation is requested again"),
            )
        }
        Lifecycle::Settled {} => settled(record),
        Lifecycle::AwaitingDestination { .. }
        | Lifecycle::Removing { .. }
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::Finalizing { .. }
        | Lifecycle::Gone {} => terminating(deployment, error),
    }
}

/// What is awaited while the environment cannot be used; once that was said, it is a person's turn.
fn awaiting_environment(
    record: &Record,
    error: Option<String>,
    complaint: Option<Timestamp>,
    repair: Option<Timestamp>,
) -> Progress {
    let repaired = "the repair of the last valid Application is awaited again";
    let wait = match (complaint, error) {
        (Some(complaint), None) => {
            let name = &record.spec.environment;
            let environment = Party::Object(format!("GitOpsDeploymentManagedEnvironment {name}"));
            let moment = repair.map_or(complaint, |repair| repair.min(complaint));
            let then = "an error says that the environment cannot be used";
            let wait = Wait::new(environment, messages::ENVIRONMENT_AWAITED).until(moment, then);
            return Progress::working("AwaitingEnvironment", wait);
        }
        (_, error) => {
            let what = error.map_or(messages::ENVIRONMENT_UPDATE.into(), Cow::Owned);
            Wait::for_user(what, messages::ENVIRONMENT_ADVICE)
        }
    };
    let moment = complaint.iter().chain(&repair).min().copied();
    let wait = moment.map_or(wait.clone(), |moment| wait.until(moment, repaired));
    Progress::stuck("EnvironmentNotReady", wait)
}

/// Why an operation failed.
fn failed(error: Option<String>) -> Cow<'static, str> {
    error.map_or(messages::OPERATION_FAILED.into(), Cow::Owned)
}

/// What a state does while it waits for a notification.
const LOOK_AGAIN: &str = "it is looked at again";

fn dispatching(record: &Record, error: Option<String>, deadline: Timestamp) -> Progress {
    let then = "the Operation is created again, and an error says that it takes long";
    // A retry shows what the pause before it showed, so that a status does not flap.
    if record.failures > 0 {
        let wait = Wait::new(Party::Agent, failed(error)).with_advice(messages::FAILED_ADVICE);
        return Progress::working(OPERATION_FAILED, wait.until(deadline, then));
    }
    let what = error.map_or("the Argo CD Application is being written".into(), Cow::Owned);
    Progress::working("Dispatching", Wait::new(Party::Agent, what).until(deadline, then))
}

fn terminating(deployment: &Deployment, error: Option<String>) -> Progress {
    let removal = &deployment.record.removal;
    if let Lifecycle::AwaitingDestination { deadline, .. } = &deployment.lifecycle {
        let environment = Party::Object("the environment that it deploys to".to_owned());
        let wait = Wait::new(environment, messages::DESTINATION_AWAITED);
        return Progress::working("Terminating", wait.until(*deadline, LOOK_AGAIN));
    }
    let (whom, moment, then) = match &deployment.lifecycle {
        Lifecycle::Removing { deadline, .. } => {
            let then = "the Operation is created again, and an error says that it takes long";
            (Party::ArgoCd, Some(*deadline), then)
        }
        Lifecycle::RemovalBackingOff { until } => {
            (Party::Time, Some(*until), "the removal is requested again")
        }
        Lifecycle::Finalizing { deadline, .. } => {
            (Party::ApiServer, Some(*deadline), "the removal of the finalizer is sent again")
        }
        _ => (Party::ApiServer, None, ""),
    };
    let has_failed = removal.has_failed()
        && matches!(
            deployment.lifecycle,
            Lifecycle::Removing { .. } | Lifecycle::RemovalBackingOff { .. }
        );
    let wait = if has_failed {
        Wait::for_user(removal.failed_message(), messages::REMOVAL_FAILED_ADVICE)
    } else {
        let what = error.map_or("the deployed resources are being removed".into(), Cow::Owned);
        Wait::new(whom, what)
    };
    let wait = Wait { until: moment, then, ..wait };
    if has_failed {
        Progress::stuck(DELETION_ERROR, wait)
    } else {
        Progress::working("Terminating", wait)
    }
}

fn settled(record: &Record) -> Progress {
    if application_is_missing(record) {
        let wait = Wait::new(Party::Agent, "Argo CD's Application does not exist")
            .with_advice(messages::MISSING_ADVICE);
        return Progress::working("ApplicationMissing", wait);
    }
    let Some(report) = record.report.as_ref().filter(|_| report_is_current(record)) else {
        let wait = Wait::new(Party::ArgoCd, "waiting for Argo CD to report on the Application")
            .with_advice(messages::REPORT_ADVICE);
        return Progress::working("AwaitingReport", wait);
    };
    if let Some(first) = report.conditions.iter().find(|one| is_error(&one.type_)) {
        let text = first.message.clone().filter(|text| !text.is_empty());
        let what = text.unwrap_or_else(|| format!("Argo CD reports {}", first.type_));
        return Progress::stuck("ArgoCDError", Wait::for_user(what, messages::ARGO_CD_ADVICE));
    }
    let summary = summary(report);
    if !record.spec.is_automated() {
        return Progress::done("ApplicationWritten", summary);
    }
    match (report.sync.as_str(), report.health.as_str()) {
        ("Synced", "Healthy") => Progress::done("Synced", summary),
        // A sync of another revision or source says nothing about what is compared now.
        _ if matches!(report.phase.as_str(), "Failed" | "Error") && !report.is_sync_outdated => {
            let message = format!("{summary}: {}", report.phase_message);
            let what = if report.phase_message.is_empty() { summary } else { message.clone() };
            Progress::stuck("SyncFailed", Wait::for_user(what, messages::SYNC_FAILED_ADVICE))
                .saying(message)
        }
        (_, "Degraded") => {
            Progress::stuck("Degraded", Wait::for_user(summary, messages::DEGRADED_ADVICE))
        }
        (_, "Suspended") if report.phase != "Running" => {
            let what = format!("{summary}: {}", messages::SUSPENDED);
            let message = format!("{what}: {}", messages::SUSPENDED_ADVICE);
            let wait = Wait::for_user(what, messages::SUSPENDED_ADVICE);
            Progress::stuck(SUSPENDED, wait).saying(message)
        }
        ("Synced", _) => {
            let wait =
                Wait::new(Party::TargetCluster, summary).with_advice(messages::PROGRESSING_ADVICE);
            Progress::working("Progressing", wait)
        }
        // A failing sync is retried forever; its message says why, and when.
        _ if report.phase == "Running" && !report.phase_message.is_empty() => {
            let message = format!("{summary}: {}", report.phase_message);
            let wait = Wait::new(Party::ArgoCd, summary).with_advice(messages::SYNCING_ADVICE);
            Progress::working("Syncing", wait).saying(message)
        }
        _ => Progress::working("OutOfSync", Wait::new(Party::ArgoCd, summary)),
    }
}

fn summary(report: &Report) -> String {
    let unknown = |text: &str| if text.is_empty() { "Unknown" } else { text }.to_owned();
    format!("Argo CD reports {} and {}", unknown(&report.sync), unknown(&report.health))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::standing::tests::check_reasons;

    #[test]
    fn every_reason_is_listed() {
        let named = [DELETION_ERROR, OPERATION_FAILED, SUSPENDED];
        check_reasons(include_str!("status.rs"), &REASONS, &named);
    }
}
