//! From resources as the API shows them to what the machines observe.

use crds::argocd::{ApplicationCondition, ApplicationStatus, OperationState};
use crds::deployment::{ReconciledDestination, ReconciledSource, ReconciledState, SyncStatus};
use crds::{GitOpsDeployment, GitOpsDeploymentStatus};
use k8s_openapi::jiff;
use kube::ResourceExt;
use machines::deployment::conditions::{self, Condition};
use machines::deployment::{MirroredCondition, Report, Snapshot};
use machines::identity::{Digest, Generation};
use machines::redaction::redacted_url;
use machines::spec::DeploymentSpec;

use crate::runtime::watch;

/// What a GitOpsDeployment looks like to its machine.
pub fn snapshot(object: &GitOpsDeployment) -> Snapshot {
    let status = object.status.clone().unwrap_or_default();
    let conditions = status.conditions.iter().map(|condition| Condition {
        type_: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    });
    Snapshot {
        revision: watch::revision(object),
        generation: Generation(object.metadata.generation.unwrap_or_default()),
        deleting: object.metadata.deletion_timestamp.is_some(),
        finalizer: object
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == crds::names::DEPLOYMENT_FINALIZER),
        spec: spec(object),
        observed_generation: Generation(status.observed_generation.unwrap_or_default()),
        conditions: conditions.collect(),
        mirrored: mirrored_digest(&status),
    }
}

/// What a GitOpsDeployment asks for.
pub fn spec(object: &GitOpsDeployment) -> DeploymentSpec {
    let spec = &object.spec;
    DeploymentSpec {
        // Nothing behind this line can repeat a password.
        repo_url: redacted_url(&spec.source.repo_url).into_owned(),
        path: spec.source.path.clone(),
        target_revision: spec.source.target_revision.clone(),
        environment: spec.environment().to_owned(),
        destination_namespace: spec.destination_namespace().to_owned(),
        sync_options: spec.sync_options().to_vec(),
        type_: spec.type_.clone(),
    }
}

/// Digests the part of a status that is mirrored from Argo CD.
pub fn mirrored_digest(status: &GitOpsDeploymentStatus) -> Digest {
    let GitOpsDeploymentStatus {
        sync,
        health,
        resources,
        reconciled_state,
        operation_state,
        conditions: _,
        observed_generation: _,
    } = status;
    Digest::of(&(sync, health, resources, reconciled_state, operation_state))
}

/// The part of a GitOpsDeployment's status that mirrors Argo CD's.
pub fn mirrored(argo: &ApplicationStatus) -> GitOpsDeploymentStatus {
    let compared_to = &argo.sync.compared_to;
    GitOpsDeploymentStatus {
        sync: SyncStatus { status: argo.sync.status.clone(), revision: argo.sync.revision.clone() },
        health: crds::argocd::HealthStatus {
            status: argo.health.status.clone(),
            message: argo.health.message.clone(),
        },
        resources: argo.resources.clone(),
        reconciled_state: ReconciledState {
            source: ReconciledSource {
                path: compared_to.source.path.clone(),
                repo_url: compared_to.source.repo_url.clone(),
                branch: compared_to.source.target_revision.clone(),
            },
            destination: ReconciledDestination {
                // A user knows environments by the names of their resources; the cluster that
                // Argo CD runs in has none, and no other is served yet.
                name: String::new(),
                namespace: compared_to.destination.namespace.clone(),
            },
        },
        operation_state: argo.operation_state.clone().filter(has_times),
        ..GitOpsDeploymentStatus::default()
    }
}

/// Whether the API server takes the times of an operation; with one that is none it would refuse
/// the whole status, for as long as Argo CD reports it.
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

/// What Argo CD's status says to the machine.
pub fn report(argo: &ApplicationStatus) -> Report {
    let compared_to = &argo.sync.compared_to;
    let operation = argo.operation_state.as_ref();
    let bounded = |condition: &ApplicationCondition| MirroredCondition {
        type_: condition.type_.clone(),
        message: Some(conditions::bounded(&condition.message)),
    };
    Report {
        mirrored: mirrored_digest(&mirrored(argo)),
        sync: argo.sync.status.clone(),
        health: argo.health.status.clone(),
        revision: argo.sync.revision.clone(),
        phase: operation.map(|state| state.phase.clone()).unwrap_or_default(),
        phase_message: operation
            .map(|state| conditions::bounded(&state.message))
            .unwrap_or_default(),
        compared_to: conditions::compared_to_digest(
            &compared_to.source.repo_url,
            &compared_to.source.path,
            &compared_to.source.target_revision,
            &compared_to.destination.name,
            &compared_to.destination.namespace,
        ),
        conditions: last_of_each_type(&argo.conditions).map(bounded).collect(),
    }
}

/// Of several conditions of one type the last is mirrored, as in the existing system; of many
/// types the first.
fn last_of_each_type(
    conditions: &[ApplicationCondition],
) -> impl Iterator<Item = &ApplicationCondition> {
    let last = conditions.iter().enumerate().filter(|(position, condition)| {
        let later = conditions.iter().skip(position + 1);
        later.clone().all(|other| other.type_ != condition.type_)
    });
    last.map(|(_, condition)| condition).take(conditions::MIRRORED_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(type_: &str, message: &str) -> ApplicationCondition {
        ApplicationCondition {
            type_: type_.to_owned(),
            message: message.to_owned(),
            ..ApplicationCondition::default()
        }
    }

    #[test]
    fn an_operation_without_a_time_that_the_api_takes_is_not_mirrored() {
        let mirrors = |started: &str, finished: Option<&str>| {
            let state = OperationState {
                started_at: started.to_owned(),
                finished_at: finished.map(str::to_owned),
                ..OperationState::default()
            };
            let operation_state = Some(state);
            let argo = ApplicationStatus { operation_state, ..ApplicationStatus::default() };
            mirrored(&argo).operation_state.is_some()
        };
        let time = "2026-01-01T00:00:00Z";
        assert!(mirrors(time, None) && mirrors(time, Some("2026-01-01T02:00:00.5+02:00")));
        for text in ["", "soon", "2026-01-01", "2026-01-01 00:00:00Z", "2026-13-01T00:00:00Z"] {
            assert!(!mirrors(text, None), "{text:?}");
            assert!(!mirrors(time, Some(text)), "{text:?}");
        }
    }

    #[test]
    fn compatibility_8_many_conditions_of_one_type_hide_none_of_another() {
        let mut argo = ApplicationStatus::default();
        for number in 0..100 {
            argo.conditions.push(condition("SharedResourceWarning", &number.to_string()));
        }
        argo.conditions.push(condition("SyncError", "it failed"));
        let mirrored = report(&argo).conditions;
        let told = |condition: &MirroredCondition| {
            (condition.type_.clone(), condition.message.clone().unwrap_or_default())
        };
        let expected = [("SharedResourceWarning", "99"), ("SyncError", "it failed")];
        let expected = expected.map(|(type_, message)| (type_.to_owned(), message.to_owned()));
        assert_eq!(mirrored.iter().map(told).collect::<Vec<_>>(), expected);
    }
}
