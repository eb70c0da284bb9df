//! What a sync run's status should say, and what the run waits for.

use super::lifecycle::SyncRunState;
use super::{SyncRun, messages};
use crate::identity::{Digest, Generation};
use crate::shared::condition::{Condition, ConditionStyle, ERROR_OCCURRED, digest};
use crate::shared::standing::{Readiness, Standing};
use crate::waiting::{Party, Wait};

/// How the sync has ended.
pub const SUCCEEDED: &str = "Succeeded";
/// The reason of a run that cannot begin.
pub(super) const REJECTED: &str = "Rejected";
pub(super) const TRUE: &str = "True";
pub(super) const FALSE: &str = "False";
const UNKNOWN: &str = "Unknown";

/// What the status should say, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRunView {
    /// `status.conditions`, by type.
    pub conditions: Vec<Condition>,
}

impl SyncRunView {
    pub(super) fn digest(&self) -> Digest {
        actual(&self.conditions)
    }
}

/// Digests what an object's conditions say. The status of a run has no generation of its own.
pub(super) fn actual(conditions: &[Condition]) -> Digest {
    digest(Generation::default(), conditions)
}

/// What the status of a run should say.
pub(super) fn wanted(run: &SyncRun, style: ConditionStyle) -> SyncRunView {
    let mut conditions: Vec<Condition> = error_occurred(run).into_iter().collect();
    if style == ConditionStyle::Conventional {
        conditions.push(succeeded(run));
    }
    conditions.sort();
    SyncRunView { conditions }
}

/// The contract's condition: there is none before there is something to say.
fn error_occurred(run: &SyncRun) -> Option<Condition> {
    let record = &run.record;
    let raised = |message: &str| Condition::new(ERROR_OCCURRED, TRUE, ERROR_OCCURRED, message);
    if let Some(edit) = record.edit() {
        return Some(raised(edit));
    }
    match run.lifecycle {
        SyncRunState::Failed {} | SyncRunState::Rejected {} => Some(raised(&record.message)),
        SyncRunState::Succeeded {} => Some(Condition::new(ERROR_OCCURRED, FALSE, "", "")),
        _ => record.complained.then(|| Condition::new(ERROR_OCCURRED, FALSE, "", "")),
    }
}

fn succeeded(run: &SyncRun) -> Condition {
    let record = &run.record;
    let (status, reason, message) = match &run.lifecycle {
        SyncRunState::Succeeded {} => {
            let message = match record.message.as_str() {
                "" => messages::SYNCED.to_owned(),
                revision => format!("{}{revision}", messages::SYNCED_TO),
            };
            (TRUE, "Succeeded", message)
        }
        SyncRunState::Failed {} => (FALSE, "Failed", record.message.clone()),
        SyncRunState::Rejected {} => {
            let advice = if record.message == messages::automated(&record.name) {
                messages::AUTOMATED_ADVICE
            } else {
                messages::AGAIN_ADVICE
            };
            (FALSE, REJECTED, Wait::for_user(record.message.clone(), advice).message())
        }
        state => {
            let wait = lifecycle_wait(run).map(|wait| wait.message()).unwrap_or_default();
            (UNKNOWN, reason(state), wait)
        }
    };
    let observed_generation = Some(record.ended.unwrap_or(record.generation));
    Condition { observed_generation, ..Condition::new(SUCCEEDED, status, reason, &message) }
}

/// Every reason of [`SUCCEEDED`].
pub const REASONS: [&str; 6] =
    ["AwaitingDeployment", "AwaitingTurn", "Failed", REJECTED, "Running", SUCCEEDED];

/// How far a run is: one that has failed is stalled, as only another one can succeed.
pub(super) fn standing(run: &SyncRun) -> Standing {
    let (readiness, reason) = match &run.lifecycle {
        SyncRunState::Succeeded {} => (Readiness::Ready, SUCCEEDED),
        SyncRunState::Failed {} => (Readiness::Stalled, "Failed"),
        SyncRunState::Rejected {} => (Readiness::Stalled, REJECTED),
        state => (Readiness::Reconciling, reason(state)),
    };
    Standing { readiness, reason, waits_since: None }
}

/// The reason of a result that is not known yet.
fn reason(state: &SyncRunState) -> &'static str {
    match state {
        SyncRunState::AwaitingDeployment {} | SyncRunState::AwaitingSettled {} => {
            "AwaitingDeployment"
        }
        SyncRunState::AwaitingTurn {} => "AwaitingTurn",
        _ => "Running",
    }
}

/// What a run waits for, most important first.
pub(super) fn waits_for(run: &SyncRun) -> Vec<Wait> {
    let since = run.record.since;
    let lifecycle = lifecycle_wait(run).map(|wait| Wait { since, ..wait });
    lifecycle.into_iter().chain(run.mirror.wait()).collect()
}

fn lifecycle_wait(run: &SyncRun) -> Option<Wait> {
    let record = &run.record;
    let name = &record.spec.deployment_name;
    let deployment = || Party::Object(format!("GitOpsDeployment {}/{name}", record.namespace));
    match &run.lifecycle {
        SyncRunState::AwaitingDeployment {} => {
            Some(Wait::for_user(messages::deployment_missing(name), messages::MISSING_ADVICE))
        }
        SyncRunState::AwaitingSettled {} => {
            let wait = Wait::new(deployment(), messages::UNSETTLED);
            Some(wait.with_advice(messages::UNSETTLED_ADVICE))
        }
        SyncRunState::AwaitingTurn {} => {
            let wait = Wait::new(deployment(), messages::TURN);
            Some(wait.with_advice(messages::TURN_ADVICE))
        }
        SyncRunState::Running { deadline, .. } => {
            let what = match record.message.as_str() {
                "" => messages::SYNCING.to_owned(),
                said => said.to_owned(),
            };
            let then = "the Operation is created again";
            Some(Wait::new(Party::ArgoCd, what).until(*deadline, then))
        }
        SyncRunState::Terminating { deadline, .. } => {
            let then = "its end is requested again";
            Some(Wait::new(Party::ArgoCd, "the sync is to end").until(*deadline, then))
        }
        SyncRunState::Unseen {}
        | SyncRunState::Succeeded {}
        | SyncRunState::Failed {}
        | SyncRunState::Rejected {}
        | SyncRunState::Gone {} => None,
    }
}
