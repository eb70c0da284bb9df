//! What a deployment's status should say, derived from the machine.

use serde::{Deserialize, Serialize};

use crate::identity::{Digest, Generation};
use crate::kinds::deployment::error_flag::ErrorFlag;
use crate::kinds::deployment::lifecycle::Lifecycle;
use crate::kinds::deployment::removal::RemovalReport;
use crate::kinds::deployment::{
    ActualStatus, Deployment, MirroredCondition, Record, Report, Snapshot,
};
use crate::shared::messages;
use crate::shared::text::bounded;

/// Contract: an error stands, or stood.
pub const ERROR_OCCURRED: &str = "ErrorOccurred";
/// What this generation asks for is done.
pub const READY: &str = "Ready";
/// Work goes on by itself.
pub const RECONCILING: &str = "Reconciling";
/// Nothing goes on until somebody does something.
pub const STALLED: &str = "Stalled";

/// Most conditions of Argo CD that are mirrored; it knows nine types today.
pub const MIRRORED_LIMIT: usize = 32;
/// Most bytes of JSON that what is mirrored from Argo CD takes in a status. etcd takes requests of
/// 1.5 MiB. Of that, annotations may use 256 KiB; the rest is for conditions, spec and the fields'
/// managers. An API server that refuses the first, because its etcd takes less or the object is
/// larger elsewhere, is given the next; the last leaves what is never cut.
pub const MIRROR_BUDGETS: [usize; 4] = [896 * 1024, 256 * 1024, 64 * 1024, 0];
/// Argo CD's type for the condition that resources cannot be removed.
pub const DELETION_ERROR: &str = "DeletionError";
/// Argo CD's word for the health of what does not exist.
pub const MISSING: &str = "Missing";

/// Which conditions are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConditionStyle {
    /// Those of the contract and the conventional ones.
    #[default]
    Conventional,
    /// Exactly those of the contract, for clients that count them.
    Legacy,
}

/// A condition, without its times.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// `type`.
    pub type_: String,
    /// `status`: `True`, `False` or `Unknown`.
    pub status: String,
    /// `reason`.
    pub reason: String,
    /// `message`.
    pub message: String,
    /// `observedGeneration`; only the conventional conditions have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<Generation>,
}

/// What the status should say, without its times. What is mirrored from Argo CD is named by its
/// digest; the content stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusView {
    /// `status.observedGeneration`.
    pub observed_generation: Generation,
    /// `status.conditions`, by type.
    pub conditions: Vec<Condition>,
    /// The mirrored part; `None` leaves what is there.
    pub mirrored: Option<Digest>,
    /// How much room there is for the mirrored part: an index of [`MIRROR_BUDGETS`].
    pub mirror_budget: u8,
}

/// The budget after a refusal; the last stays.
pub fn next_budget(budget: u8) -> u8 {
    let next = budget.saturating_add(1);
    if usize::from(next) < MIRROR_BUDGETS.len() { next } else { budget }
}

/// The bytes of a budget.
pub fn budget_bytes(budget: u8) -> usize {
    MIRROR_BUDGETS.get(usize::from(budget)).copied().unwrap_or_default()
}

impl StatusView {
    /// Whether the object's status says so already.
    pub fn matches(&self, actual: &ActualStatus) -> bool {
        self.conditions_digest() == actual.conditions
            && self.mirrored.as_ref().is_none_or(|mirrored| *mirrored == actual.mirrored)
    }

    fn conditions_digest(&self) -> Digest {
        conditions_digest(self.observed_generation, &self.conditions)
    }
}

fn conditions_digest(observed_generation: Generation, conditions: &[Condition]) -> Digest {
    let mut sorted: Vec<&Condition> = conditions.iter().collect();
    sorted.sort();
    Digest::of(&(observed_generation, sorted))
}

/// Digests what an object's status says.
pub(super) fn actual(snapshot: &Snapshot) -> ActualStatus {
    ActualStatus {
        conditions: conditions_digest(snapshot.observed_generation, &snapshot.conditions),
        mirrored: snapshot.mirrored.clone(),
    }
}

/// Merges the conditions that Argo CD reports into those that were ever mirrored: what it no
/// longer reports is resolved; of several with one type the last counts.
pub(super) fn mirror(mirrored: &mut Vec<MirroredCondition>, reported: &[MirroredCondition]) {
    for known in mirrored.iter_mut() {
        known.message = None;
    }
    for condition in reported {
        let message = condition.message.as_deref().map(bounded);
        let room = mirrored.len() < MIRRORED_LIMIT;
        match mirrored.iter_mut().find(|known| known.type_ == condition.type_) {
            Some(known) => known.message = message,
            None if room => {
                mirrored.push(MirroredCondition { type_: condition.type_.clone(), message });
            }
            None => {}
        }
    }
    mirrored.sort();
}

/// Whether Argo CD's report is about what this generation asks for: it compared with our source
/// and destination, or says by an error why it could not. That it warns of something says nothing.
pub(super) fn report_is_current(record: &Record) -> bool {
    let has_error = |report: &Report| report.conditions.iter().any(|one| is_error(&one.type_));
    is_compared(record) || record.report.as_ref().is_some_and(has_error)
}

/// Whether Argo CD has compared with what this generation asks for. An error may be of the
/// generation before: it is believed once there was time for another one.
pub(super) fn is_compared(record: &Record) -> bool {
    record.report.as_ref().is_some_and(|report| report.compared_to == compared_to(record))
}

/// Argo CD's own rule for its conditions.
fn is_error(type_: &str) -> bool {
    type_.ends_with("Error")
}

fn compared_to(record: &Record) -> Digest {
    let spec = &record.spec;
    let namespace = match spec.destination_namespace.as_str() {
        "" => record.namespace.as_str(),
        named => named,
    };
    let name = crate::operation::application::IN_CLUSTER;
    compared_to_digest(&spec.repo_url, &spec.path, &spec.target_revision, name, namespace)
}

/// Digests the source and destination that Argo CD compared with.
pub fn compared_to_digest(
    repo_url: &str,
    path: &str,
    target_revision: &str,
    destination_name: &str,
    destination_namespace: &str,
) -> Digest {
    Digest::of(&(repo_url, path, target_revision, destination_name, destination_namespace))
}

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
        mirror_budget: record.mirror_budget,
    }
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: bounded(message),
        observed_generation: None,
    }
}

fn error_occurred(flag: &ErrorFlag) -> Option<Condition> {
    match flag {
        ErrorFlag::Never {} => None,
        ErrorFlag::Raised { message } => {
            Some(condition(ERROR_OCCURRED, "True", ERROR_OCCURRED, message))
        }
        ErrorFlag::Resolved {} => {
            Some(condition(ERROR_OCCURRED, "False", "ErrorOccurredResolved", ""))
        }
    }
}

fn mirrored_condition(mirrored: &MirroredCondition) -> Condition {
    let type_ = &mirrored.type_;
    match &mirrored.message {
        Some(message) => condition(type_, "True", type_, message),
        None => condition(type_, "False", &format!("{type_}Resolved"), ""),
    }
}

/// How far a deployment is, in the words of the conventional conditions.
struct Standing {
    ready: bool,
    reconciling: bool,
    stalled: bool,
    reason: &'static str,
    message: String,
}

impl Standing {
    fn done(reason: &'static str, message: String) -> Self {
        Self { ready: true, reconciling: false, stalled: false, reason, message }
    }

    fn working(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { ready: false, reconciling: true, stalled: false, reason, message }
    }

    fn stuck(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { ready: false, reconciling: false, stalled: true, reason, message }
    }
}

fn conventional(deployment: &Deployment) -> [Condition; 3] {
    let standing = standing(deployment);
    let told = |type_, is: bool| {
        let (status, message) = match (is, type_) {
            (true, _) => ("True", standing.message.as_str()),
            (false, READY) => ("False", standing.message.as_str()),
            (false, _) => ("False", ""),
        };
        let observed_generation = Some(deployment.record.generation);
        Condition { observed_generation, ..condition(type_, status, standing.reason, message) }
    };
    [
        told(READY, standing.ready),
        told(RECONCILING, standing.reconciling),
        told(STALLED, standing.stalled),
    ]
}

fn standing(deployment: &Deployment) -> Standing {
    let error = match &deployment.error_flag {
        ErrorFlag::Raised { message } => Some(message.as_str()),
        ErrorFlag::Never {} | ErrorFlag::Resolved {} => None,
    };
    match &deployment.lifecycle {
        Lifecycle::Unseen {} => Standing::working("Unseen", ""),
        Lifecycle::Rejected { .. } => Standing::stuck("Rejected", error.unwrap_or_default()),
        Lifecycle::Frozen {} => Standing::stuck("EnvironmentNotServed", messages::FROZEN),
        Lifecycle::RemovalFrozen {} => {
            Standing::stuck("EnvironmentNotServed", messages::REMOVAL_FROZEN)
        }
        Lifecycle::AwaitingTenant { .. } => {
            Standing::working("AwaitingTenant", messages::NAMESPACE_TERMINATING)
        }
        Lifecycle::AwaitingEngine { .. } => {
            Standing::working("AwaitingArgoCD", messages::ENGINE_MISSING)
        }
        Lifecycle::AwaitingPredecessor { .. } => {
            Standing::working("AwaitingPredecessor", messages::PREDECESSOR)
        }
        // A retry says what the pause before it said, so that a status does not flap.
        Lifecycle::Dispatching { .. } if deployment.record.failures > 0 => {
            Standing::working("OperationFailed", error.unwrap_or_default())
        }
        Lifecycle::Dispatching { .. } => Standing::working(
            "Dispatching",
            error.unwrap_or("the Argo CD Application is being written"),
        ),
        Lifecycle::BackingOff { .. } => {
            Standing::working("OperationFailed", error.unwrap_or_default())
        }
        Lifecycle::Settled {} => settled(&deployment.record),
        Lifecycle::Removing { .. } | Lifecycle::RemovalBackingOff { .. }
            if deployment.record.removal.has_failed() =>
        {
            Standing::stuck(DELETION_ERROR, removal_failed(&deployment.record.removal))
        }
        Lifecycle::Removing { .. }
        | Lifecycle::RemovalBackingOff { .. }
        | Lifecycle::Finalizing { .. }
        | Lifecycle::Gone {} => Standing::working(
            "Terminating",
            error.unwrap_or("the deployed resources are being removed"),
        ),
    }
}

fn removal_failed(removal: &RemovalReport) -> String {
    format!("{}. {}", messages::REMOVAL_FAILED, removal.to_text())
}

/// What a user reads when the resources are not removed in time.
pub(super) fn removal_slow(removal: &RemovalReport) -> String {
    match removal.to_text() {
        known if known.is_empty() => messages::REMOVAL_SLOW.to_owned(),
        known => format!("{}. {known}", messages::REMOVAL_SLOW),
    }
}

/// Whether the newest report says that there is no Application: somebody has deleted it.
pub(super) fn application_is_missing(record: &Record) -> bool {
    record.report.as_ref().is_some_and(|report| {
        report.health == MISSING && report.compared_to == compared_to_digest("", "", "", "", "")
    })
}

fn settled(record: &Record) -> Standing {
    if application_is_missing(record) {
        return Standing::working("ApplicationMissing", "Argo CD's Application does not exist");
    }
    let Some(report) = record.report.as_ref().filter(|_| report_is_current(record)) else {
        return Standing::working(
            "AwaitingReport",
            "waiting for Argo CD to report on the Application",
        );
    };
    if let Some(first) = report.conditions.iter().find(|one| is_error(&one.type_)) {
        return Standing::stuck("ArgoCDError", first.message.clone().unwrap_or_default());
    }
    let summary = summary(report);
    if !record.spec.is_automated() {
        return Standing::done("ApplicationWritten", summary);
    }
    match (report.sync.as_str(), report.health.as_str()) {
        ("Synced", "Healthy") => Standing::done("Synced", summary),
        // A sync of another revision or source says nothing of what is compared now.
        _ if matches!(report.phase.as_str(), "Failed" | "Error") && !report.is_sync_outdated => {
            Standing::stuck("SyncFailed", format!("{summary}: {}", report.phase_message))
        }
        (_, "Degraded") => Standing::stuck("Degraded", summary),
        (_, "Suspended") if report.phase != "Running" => {
            Standing::stuck("Suspended", format!("{summary}: {}", messages::SUSPENDED))
        }
        ("Synced", _) => Standing::working("Progressing", summary),
        // A sync that fails is tried again for ever; its message says why, and when.
        _ if report.phase == "Running" && !report.phase_message.is_empty() => {
            Standing::working("Syncing", format!("{summary}: {}", report.phase_message))
        }
        _ => Standing::working("OutOfSync", summary),
    }
}

fn summary(report: &Report) -> String {
    let unknown = |text: &str| if text.is_empty() { "Unknown" } else { text }.to_owned();
    format!("Argo CD reports {} and {}", unknown(&report.sync), unknown(&report.health))
}
