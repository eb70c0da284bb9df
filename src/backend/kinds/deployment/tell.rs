//! What is told of deployments besides their statuses: Events and lines in the log. Nothing is told of
//! what goes as it should.

use std::collections::HashMap;

use machines::identity::DeploymentUid;
use machines::kinds::deployment::Failure;
use machines::kinds::deployment::lifecycle::Lifecycle;
use machines::shared::messages;
use parking_lot::Mutex;

use super::step::DeploymentFollowUp;
use crate::backend::Backend;
use crate::backend::events::{Happening, NORMAL, WARNING};
use crate::backend::follow_up::Consequences;
use crate::backend::index::objects::Place;

/// The reason of the Event about a deletion that waits for another version of the program.
const DELETION_WAITS: &str = "DeletionWaits";
/// About a deployment that has failed.
const FAILED: &str = "DeploymentFailed";
/// About one that had failed and is ready again.
const RECOVERED: &str = "DeploymentRecovered";
/// About a deletion that does not go on.
const DELETION_BLOCKED: &str = "DeletionBlocked";
/// About a change of somebody else that is undone.
const DRIFT_REPAIRED: &str = "DriftRepaired";

const RECOVERED_MESSAGE: &str = "the deployment had failed, and is ready again";
const REPAIRED_MESSAGE: &str = "somebody has changed or deleted the Argo CD Application of this \
                                deployment; it is written again as the GitOpsDeployment asks";

/// Most deployments that are remembered to have failed; those beyond are told of more often.
const REMEMBERED: usize = 16_384;

/// Deployments that have failed and are not ready since, and why. A repeated attempt is no news of
/// them. Each start looks at all deployments, so nothing has to be stored.
#[derive(Debug, Default)]
pub(in crate::backend) struct Failures(Mutex<HashMap<DeploymentUid, &'static str>>);

impl Failures {
    /// Notes that a deployment has failed; returns whether that, or why, is news.
    fn note(&self, uid: &DeploymentUid, failure: &Failure) -> bool {
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED && !known.contains_key(uid) {
            known.clear();
        }
        known.insert(uid.clone(), failure.reason) != Some(failure.reason)
    }

    /// Forgets that a deployment has failed; returns whether it had.
    fn forget(&self, uid: &DeploymentUid) -> bool {
        self.0.lock().remove(uid).is_some()
    }
}

impl Backend {
    pub(super) fn tell_of_deployment(&self, deployment: &DeploymentFollowUp) {
        let Consequences { key, noted, moved, .. } = &deployment.consequences;
        if let Some((place, moved)) = moved
            && moved.to == (Lifecycle::RemovalFrozen {}).path()
        {
            // Without our finalizer there is no longer an object whose status could say it.
            self.events.tell(place, key, DELETION_WAITS, messages::REMOVAL_FROZEN);
        }
        let Some(noted) = noted else {
            self.failures.forget(&deployment.uid);
            return;
        };
        self.tell_of_repair(deployment, &noted.place);
        self.tell_of_failure(deployment, &noted.place);
    }

    fn tell_of_repair(&self, deployment: &DeploymentFollowUp, place: &Place) {
        if !deployment.repairs {
            return;
        }
        self.metrics.repairs.inc(&["application"]);
        let Place { namespace, name } = place;
        tracing::info!(namespace, name, "an Application that was changed manually is repaired");
        let (reason, message) = (DRIFT_REPAIRED, REPAIRED_MESSAGE);
        let happening = Happening { type_: NORMAL, reason, cause: "", message };
        self.events.note(place, &deployment.consequences.key, &happening);
    }

    fn tell_of_failure(&self, deployment: &DeploymentFollowUp, place: &Place) {
        let DeploymentFollowUp { uid, failure, is_known, is_ready, consequences, .. } = deployment;
        let tell = |happening| self.events.note(place, &consequences.key, &happening);
        match failure {
            Some(failure) if self.failures.note(uid, failure) && !is_known => {
                let reason = if failure.is_deletion { DELETION_BLOCKED } else { FAILED };
                let (cause, message) = (failure.reason, failure.message.as_str());
                tell(Happening { type_: WARNING, reason, cause, message });
            }
            None if *is_ready && self.failures.forget(uid) => {
                let (reason, message) = (RECOVERED, RECOVERED_MESSAGE);
                tell(Happening { type_: NORMAL, reason, cause: "", message });
            }
            Some(_) | None => {}
        }
    }
}
