//! What users read about sync runs. Texts that existing clients match are contract.

/// Contract: the deployment does not exist, or was deleted during the sync.
pub fn deployment_missing(deployment: &str) -> String {
    format!(
        "Unable to retrieve GitOpsDeployment '{deployment}' referenced by the \
         GitOpsDeploymentSyncRun"
    )
}

/// Contract: the deployment is synced by Argo CD itself.
pub fn automated(run: &str) -> String {
    format!(
        "invalid GitOpsDeploymentSyncRun '{run}'. Syncing a GitOpsDeployment with Automated sync \
         policy is not allowed"
    )
}

/// The deployment was replaced during the sync.
pub fn deployment_replaced(deployment: &str) -> String {
    format!(
        "GitOpsDeployment '{deployment}' was deleted and created again before the sync had ended"
    )
}

/// Contract: `spec.gitopsDeploymentName` was edited.
pub const NAME_CHANGED: &str = "deployment name field is immutable: changing it from its initial \
     value is not supported";
/// Contract: `spec.revisionID` was edited.
pub const REVISION_CHANGED: &str = "revision change is not supported: changing it from its initial \
     value is not supported";
/// The revision fits in no database.
pub const REVISION_FORM: &str = "spec.revisionID is not a branch, a tag or a commit; write one with \
     at most 256 bytes and without control characters";
/// A name that the definition rules out, as definitions of the existing system do.
pub const RESERVED_NAME: &str = "zyxwvutsrqponmlkjihgfedcba-abcdefghijklmnoqrstuvwxyz";

/// Contract: the run has a name that it must not have.
pub fn name_reserved() -> String {
    format!("name should not be {RESERVED_NAME}")
}

/// Why a run was rejected, by what it said.
pub fn rejection_in(run: &str, said: &str) -> String {
    let mut texts = [REVISION_FORM.to_owned(), name_reserved(), automated(run)].into_iter();
    texts.find(|text| said.starts_with(text)).unwrap_or_else(|| said.to_owned())
}

/// What a person can do about any of these.
pub const AGAIN_ADVICE: &str = "create another GitOpsDeploymentSyncRun";
/// What a person can do about an automated deployment.
pub const AUTOMATED_ADVICE: &str = "set the deployment's spec.type to manual, then create another \
     GitOpsDeploymentSyncRun";
/// What a person can do about a missing deployment.
pub const MISSING_ADVICE: &str = "create that GitOpsDeployment, or correct \
     spec.gitopsDeploymentName";
/// The run's turn has not come.
pub const TURN: &str = "an earlier GitOpsDeploymentSyncRun of the same GitOpsDeployment has not \
     ended";
/// What a person can do about that.
pub const TURN_ADVICE: &str = "delete the earlier one to go ahead without it";
/// The deployment is not deployed as its spec says.
pub const UNSETTLED: &str = "the GitOpsDeployment is not ready to be synced";
/// What a person can do about that.
pub const UNSETTLED_ADVICE: &str = "look at the GitOpsDeployment's conditions";
/// The sync is under way.
pub const SYNCING: &str = "the sync is under way";
/// The sync was successful; its commit follows.
pub const SYNCED_TO: &str = "synced to ";
/// The sync was successful.
pub const SYNCED: &str = "the sync was successful";
/// The run was taken for deleted once.
pub const SEEMED_DELETED: &str = "the sync was ended, because the API server did not list this \
     object. Create another GitOpsDeploymentSyncRun";
/// An earlier installation did not record how the sync ended.
pub const UNKNOWN_OUTCOME: &str = "the service was replaced before it had recorded how this sync \
     ended";
