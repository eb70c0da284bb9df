//! What a sync run should say: see [`crate::fuzz::sync_run_campaign`]. The contract's texts are
//! written out: the program's own constants would agree with any mistake.

use std::collections::BTreeSet;

use crds::{
    GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunCondition, GitOpsDeploymentSyncRunSpec,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::checks::observe::{APPLICATIONS, history};
use crate::environment::stage::Stage;

/// A message that is longer than this may have been cut.
const NEVER_CUT: usize = 800;
const MISSING: &str = "Create that GitOpsDeployment, or correct spec.gitopsDeploymentName";
const NAME_CHANGED: &str = "deployment name field is immutable: changing it from its initial value \
     is not supported";
const REVISION_CHANGED: &str = "revision change is not supported: changing it from its initial \
     value is not supported";

/// What users write.
pub(super) type Text = GitOpsDeploymentSyncRunSpec;

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    status: String,
    reason: String,
    message: String,
}

impl Said {
    fn new(status: &str, reason: &str, message: &str) -> Self {
        let [status, reason, message] = [status, reason, message].map(str::to_owned);
        Self { status, reason, message }
    }

    pub(super) fn of(condition: Option<&GitOpsDeploymentSyncRunCondition>) -> Option<Self> {
        condition.map(|one| Self::new(&one.status, &one.reason, &one.message))
    }

    pub(super) fn raised(message: &str) -> Self {
        Self::new("True", "ErrorOccurred", message)
    }

    fn resolved() -> Self {
        Self::new("False", "", "")
    }

    /// Whether something says this. An empty message admits any that is not empty, and one that is
    /// too long admits what begins like it.
    pub(super) fn admits(&self, said: Option<&Self>) -> bool {
        let Some(said) = said else { return false };
        let is_message = if self.message.is_empty() {
            !said.message.is_empty()
        } else if self.message.chars().count() > NEVER_CUT {
            let beginning: String = self.message.chars().take(NEVER_CUT).collect();
            said.message.starts_with(&beginning)
        } else {
            said.message == self.message
        };
        said.status == self.status && said.reason == self.reason && is_message
    }
}

/// What a run should say.
pub(super) struct Expectation {
    /// `Succeeded`.
    pub(super) result: Said,
    /// What `ErrorOccurred` may say; `None` if it may be missing.
    pub(super) errors: Vec<Option<Said>>,
}

impl Expectation {
    pub(super) fn of_waiting(text: &Text) -> Self {
        let name = &text.gitops_deployment_name;
        let message = format!(
            "Unable to retrieve GitOpsDeployment '{name}' referenced by the \
             GitOpsDeploymentSyncRun. {MISSING}"
        );
        Self { result: Said::new("Unknown", "AwaitingDeployment", &message), errors: vec![None] }
    }

    pub(super) fn without_revision() -> Self {
        let what = "spec.revisionID is not a branch, a tag or a commit; write one with at most 256 \
             bytes and without control characters";
        Self::of_rejection(what, "Create another GitOpsDeploymentSyncRun")
    }

    pub(super) fn of_automated(run: &str) -> Self {
        let what = format!(
            "invalid GitOpsDeploymentSyncRun '{run}'. Syncing a GitOpsDeployment with Automated \
             sync policy is not allowed"
        );
        let advice = "Set the deployment's spec.type to manual, then create another \
             GitOpsDeploymentSyncRun";
        Self::of_rejection(&what, advice)
    }

    fn of_rejection(what: &str, advice: &str) -> Self {
        Self {
            result: Said::new("False", "Rejected", &format!("{what}. {advice}")),
            errors: vec![Some(Said::raised(what))],
        }
    }

    pub(super) fn of_sync(sync: &Sync) -> Self {
        let Sync { phase, message, revision, .. } = sync;
        match phase.as_str() {
            "Succeeded" => Self {
                result: Said::new("True", "Succeeded", &format!("synced to {revision}")),
                errors: vec![Some(Said::resolved())],
            },
            "Failed" => {
                let message = format!("the sync ended in phase Failed: {message}");
                let errors = vec![Some(Said::raised(&message))];
                Self { result: Said::new("False", "Failed", &message), errors }
            }
            // A complaint that was taken back leaves a condition that is False.
            _ => Self {
                result: Said::new("Unknown", "Running", ""),
                errors: vec![None, Some(Said::resolved())],
            },
        }
    }

    pub(super) fn is_rejection(&self) -> bool {
        let is_edit = |said: &Said| [NAME_CHANGED, REVISION_CHANGED].contains(&&*said.message);
        self.result.reason == "Rejected" || self.errors.iter().flatten().any(is_edit)
    }
}

/// The sync of a run, as Argo CD has seen it.
#[derive(Debug, Default)]
pub(super) struct Sync {
    /// Of which Applications which revisions were asked for.
    pub(super) requests: BTreeSet<(String, String)>,
    phase: String,
    message: String,
    revision: String,
}

impl Sync {
    pub(super) fn of(stage: &Stage, run: &GitOpsDeploymentSyncRun) -> Self {
        let uid = json!(run.uid().unwrap_or_default());
        let is_its = |operation: &Value| {
            operation["info"].as_array().into_iter().flatten().any(|one| one["value"] == uid)
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut sync = Self::default();
        for (_, application) in history(&stage.server, APPLICATIONS) {
            let state = &application["status"]["operationState"];
            let operation = &application["operation"];
            if is_its(operation) {
                let name = text(&application["metadata"]["name"]);
                sync.requests.insert((name, text(&operation["sync"]["revision"])));
            }
            if is_its(&state["operation"]) {
                sync.phase = text(&state["phase"]);
                sync.message = text(&state["message"]);
                sync.revision = text(&state["syncResult"]["revision"]);
            }
        }
        sync
    }
}

pub(super) fn condition<'a>(
    object: &'a GitOpsDeploymentSyncRun,
    type_: &str,
) -> Option<&'a GitOpsDeploymentSyncRunCondition> {
    object.status.as_ref()?.conditions.iter().find(|one| one.type_ == type_)
}

/// What is wrong with the edit of a run that was taken up with another text.
pub(super) fn complaint(taken_up: &Text, text: &Text) -> Option<&'static str> {
    if taken_up.gitops_deployment_name != text.gitops_deployment_name {
        return Some(NAME_CHANGED);
    }
    (taken_up.revision_id != text.revision_id).then_some(REVISION_CHANGED)
}
