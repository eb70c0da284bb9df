//! The fields of a status that mirror Argo CD's, as far as they fit.

use crds::argocd::{ApplicationStatus, OperationState};
use crds::deployment::{
    GitOpsDeploymentStatus, ReconciledDestination, ReconciledSource, ReconciledState, SyncStatus,
};
use k8s_openapi::jiff;
use machines::identity::Digest;
use machines::kinds::deployment::conditions;
use machines::kinds::deployment::destination::Destination;

/// Digests the part of a status that is mirrored from Argo CD.
pub fn mirrored_digest(status: &GitOpsDeploymentStatus) -> Digest {
    let GitOpsDeploymentStatus {
        sync,
        health,
        resources,
        reconciled_state,
        operation_state,
        truncated,
        conditions: _,
        observed_generation: _,
    } = status;
    let whole = (sync, health, resources, reconciled_state, operation_state);
    match truncated {
        // The same digest as before this field existed.
        None => Digest::of(&whole),
        Some(truncated) => Digest::of(&(whole, truncated)),
    }
}

/// The part of a GitOpsDeployment's status that mirrors Argo CD's, as far as it fits.
pub fn mirrored(
    argo: &ApplicationStatus,
    destination: &Destination,
    mirror_budget: u8,
) -> GitOpsDeploymentStatus {
    // The machine has its own record of the conditions.
    let argo = ApplicationStatus { conditions: Vec::new(), ..argo.clone() };
    whole(argo.shortened(conditions::budget_bytes(mirror_budget)), destination)
}

/// What is written of it: with the note about what did not fit, or as statuses were before that
/// note existed.
pub fn with_note(status: GitOpsDeploymentStatus, has_note: bool) -> GitOpsDeploymentStatus {
    let truncated = status.truncated.filter(|_| has_note);
    GitOpsDeploymentStatus { truncated, ..status }
}

fn whole(argo: ApplicationStatus, destination: &Destination) -> GitOpsDeploymentStatus {
    let compared_to = argo.sync.compared_to;
    GitOpsDeploymentStatus {
        sync: SyncStatus { status: argo.sync.status, revision: argo.sync.revision },
        health: crds::argocd::HealthStatus {
            status: argo.health.status,
            message: argo.health.message,
        },
        resources: argo.resources,
        reconciled_state: ReconciledState {
            source: ReconciledSource {
                path: compared_to.source.path,
                repo_url: compared_to.source.repo_url,
                branch: compared_to.source.target_revision,
            },
            destination: ReconciledDestination {
                name: destination.name_of(&compared_to.destination.name).to_owned(),
                namespace: compared_to.destination.namespace,
            },
        },
        operation_state: argo.operation_state.filter(has_times),
        truncated: argo.truncated,
        ..GitOpsDeploymentStatus::default()
    }
}

/// Whether the API server accepts the times of an operation; an invalid one would make it refuse
/// the whole status for as long as Argo CD reports it.
fn has_times(state: &OperationState) -> bool {
    is_date_time(&state.started_at) && state.finished_at.as_deref().is_none_or(is_date_time)
}

/// Whether a text has the form of Kubernetes' times, which is stricter than RFC 3339.
fn is_date_time(text: &str) -> bool {
    let separators = [(10, b'T'), (13, b':'), (16, b':')];
    separators.iter().all(|(at, separator)| text.as_bytes().get(*at) == Some(separator))
        && !text.contains('[')
        && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use machines::identity::EnvironmentId;

    use super::*;

    #[test]
    fn a_destination_is_named_as_its_user_knows_it() {
        let staging =
            Destination::Environment { id: EnvironmentId::new("id"), name: "staging".to_owned() };
        let name = |reported: &str, destination: &Destination| {
            let mut argo = ApplicationStatus::default();
            argo.sync.compared_to.destination.name = reported.to_owned();
            mirrored(&argo, destination, 0).reconciled_state.destination.name
        };
        assert_eq!(name("id", &staging), "staging");
        assert_eq!(name("of before", &staging), "");
        assert_eq!(name("in-cluster", &Destination::InCluster {}), "");
        assert_eq!(name("id", &Destination::Nowhere { is_requested: true }), "");
    }

    #[test]
    fn an_operation_without_a_time_that_the_api_accepts_is_not_mirrored() {
        let mirrors = |started: &str, finished: Option<&str>| {
            let state = OperationState {
                started_at: started.to_owned(),
                finished_at: finished.map(str::to_owned),
                ..OperationState::default()
            };
            let operation_state = Some(state);
            let argo = ApplicationStatus { operation_state, ..ApplicationStatus::default() };
            mirrored(&argo, &Destination::default(), 0).operation_state.is_some()
        };
        let time = "2026-01-01T00:00:00Z";
        assert!(mirrors(time, None) && mirrors(time, Some("2026-01-01T02:00:00.5+02:00")));
        for text in ["", "soon", "2026-01-01", "2026-01-01 00:00:00Z", "2026-13-01T00:00:00Z"] {
            assert!(!mirrors(text, None), "{text:?}");
            assert!(!mirrors(time, Some(text)), "{text:?}");
        }
    }
}
