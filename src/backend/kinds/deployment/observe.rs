//! From resources as the API shows them to what the machines observe.

use crds::argocd::{
    self, ApplicationCondition, ApplicationSource, ApplicationStatus, OperationState,
};
use crds::{GitOpsDeployment, GitOpsDeploymentCondition};
use kube::ResourceExt;
use machines::identity::{DeploymentUid, Digest, Generation};
use machines::kinds::deployment::conditions;
use machines::kinds::deployment::destination::Destination;
use machines::kinds::deployment::spec::DeploymentSpec;
use machines::kinds::deployment::{MirroredCondition, Report, Snapshot};
use machines::shared::redaction::redacted_url;
use machines::shared::text;
use schema::application_state;

use super::status_fields::{mirrored, mirrored_digest, with_note};
use crate::backend::index::Index;
use crate::backend::index::namespaces::Namespaces;
use crate::backend::index::objects::{Kind, Objects};
use crate::backend::kinds::conditions::observed;
use crate::backend::kinds::{Key, ObjectSnapshot};
use crate::runtime::watch;

impl Kind for GitOpsDeployment {
    type Condition = GitOpsDeploymentCondition;

    fn key(uid: &str) -> Key {
        Key::Deployment(DeploymentUid::new(uid))
    }

    fn snapshot(&self) -> ObjectSnapshot {
        ObjectSnapshot::Deployment(Box::new(snapshot(self)))
    }

    fn conditions(self) -> Option<Vec<GitOpsDeploymentCondition>> {
        Some(self.status?.conditions)
    }

    fn objects(index: &mut Index) -> (&mut Objects<Self>, &Namespaces) {
        (&mut index.objects.deployments, &index.namespaces)
    }
}

/// What a GitOpsDeployment looks like to its machine.
pub fn snapshot(object: &GitOpsDeployment) -> Snapshot {
    let status = object.status.clone().unwrap_or_default();
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
        conditions: observed(&status.conditions),
        mirrored: mirrored_digest(&status),
    }
}

/// Digests everything in a snapshot except its revision.
pub fn digest(snapshot: &Snapshot) -> Digest {
    let Snapshot {
        revision: _,
        generation,
        deleting,
        finalizer,
        spec,
        observed_generation,
        conditions,
        mirrored,
    } = snapshot;
    let seen = (generation, deleting, finalizer, spec, observed_generation, conditions, mirrored);
    Digest::of(&seen)
}

/// What a GitOpsDeployment asks for.
pub fn spec(object: &GitOpsDeployment) -> DeploymentSpec {
    let spec = &object.spec;
    DeploymentSpec {
        // Nothing after this line can repeat a password.
        repo_url: redacted_url(&spec.source.repo_url).into_owned(),
        path: spec.source.path.clone(),
        target_revision: spec.source.target_revision.clone(),
        environment: spec.environment().to_owned(),
        destination_namespace: spec.destination_namespace().to_owned(),
        sync_options: spec.sync_options().to_vec(),
        type_: spec.type_.clone(),
    }
}

/// What Argo CD's status says to the machine, whose Application deploys to this destination, and whose
/// status has this much room for it.
pub fn report(
    argo: &ApplicationStatus,
    destination: &Destination,
    mirror_budget: u8,
    has_note: bool,
) -> Report {
    let compared_to = &argo.sync.compared_to;
    let operation = argo.operation_state.as_ref();
    let bounded = |condition: &ApplicationCondition| MirroredCondition {
        type_: condition.type_.clone(),
        message: Some(text::bounded(&condition.message)),
    };
    Report {
        mirrored: mirrored_digest(&with_note(mirrored(argo, destination, mirror_budget), has_note)),
        sync: argo.sync.status.clone(),
        health: argo.health.status.clone(),
        revision: argo.sync.revision.clone(),
        phase: operation.map(|state| state.phase.clone()).unwrap_or_default(),
        phase_message: operation.map(|state| text::bounded(&state.message)).unwrap_or_default(),
        is_sync_outdated: operation.is_some_and(|state| is_of_something_else(state, &argo.sync)),
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

/// Whether a sync was of a different revision or source than the one Argo CD compares with now.
/// What Argo CD does not say counts as the same: a sync may fail before it knows its revision.
fn is_of_something_else(state: &OperationState, compared: &argocd::SyncStatus) -> bool {
    let result = state.sync_result.as_ref();
    let asked = state.operation.sync.as_ref();
    let revision = result.map(|result| &result.revision).filter(|revision| !revision.is_empty());
    let revision = revision.or(asked.map(|sync| &sync.revision));
    let source =
        result.map(|result| &result.source).or(asked.and_then(|sync| sync.source.as_ref()));
    let differs =
        |one: &String, other: &String| !one.is_empty() && !other.is_empty() && one != other;
    revision.is_some_and(|revision| differs(revision, &compared.revision))
        || source.is_some_and(|source| {
            let compared = &compared.compared_to.source;
            let unknown = ApplicationSource::default();
            *source != unknown && *compared != unknown && source != compared
        })
}

/// Of several conditions of one type the last is mirrored, as in the existing system; of too many
/// types, the first ones.
fn last_of_each_type(
    conditions: &[ApplicationCondition],
) -> impl Iterator<Item = &ApplicationCondition> {
    let last = conditions.iter().enumerate().filter(|(position, condition)| {
        let later = conditions.iter().skip(position + 1);
        later.clone().all(|other| other.type_ != condition.type_)
    });
    last.map(|(_, condition)| condition).take(conditions::MIRRORED_LIMIT)
}

/// Reads a report in the database's form; one that cannot be read is logged by its deployment or row,
/// and left out.
pub fn read_report(blob: &[u8], id: &str) -> Option<ApplicationStatus> {
    let status = match application_state::decode(Some(blob)) {
        Ok(status) => status,
        Err(error) => {
            tracing::error!(id, %error, "the report on an Application cannot be read");
            return None;
        }
    };
    match serde_json::from_value(status) {
        Ok(status) => Some(status),
        Err(error) => {
            tracing::error!(id, %error, "the report on an Application has an unknown form");
            None
        }
    }
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
    fn compatibility_8_many_conditions_of_one_type_hide_none_of_another() {
        let mut argo = ApplicationStatus::default();
        for number in 0..100 {
            argo.conditions.push(condition("SharedResourceWarning", &number.to_string()));
        }
        argo.conditions.push(condition("SyncError", "it failed"));
        let mirrored = report(&argo, &Destination::default(), 0, true).conditions;
        let told = |condition: &MirroredCondition| {
            (condition.type_.clone(), condition.message.clone().unwrap_or_default())
        };
        let expected = [("SharedResourceWarning", "99"), ("SyncError", "it failed")];
        let expected = expected.map(|(type_, message)| (type_.to_owned(), message.to_owned()));
        assert_eq!(mirrored.iter().map(told).collect::<Vec<_>>(), expected);
    }

    fn compared(revision: &str, path: &str) -> ApplicationStatus {
        let mut argo = ApplicationStatus::default();
        argo.sync.revision = revision.to_owned();
        argo.sync.compared_to.source = source(path);
        argo
    }

    fn source(path: &str) -> ApplicationSource {
        ApplicationSource {
            repo_url: "https://example.com/team/app".to_owned(),
            path: path.to_owned(),
            target_revision: "main".to_owned(),
        }
    }

    #[test]
    fn a_sync_of_another_revision_or_source_is_distinguished_from_one_of_what_is_compared() {
        use crds::argocd::{Operation, SyncOperation, SyncOperationResult};
        let of = |revision: &str, source: ApplicationSource| {
            let revision = revision.to_owned();
            let result = SyncOperationResult { revision, source, ..SyncOperationResult::default() };
            OperationState { sync_result: Some(result), ..OperationState::default() }
        };
        let asked = |revision: &str| {
            let sync = SyncOperation { revision: revision.to_owned(), ..SyncOperation::default() };
            let operation = Operation { sync: Some(sync), ..Operation::default() };
            OperationState { operation, ..OperationState::default() }
        };
        let none = ApplicationSource::default;
        let cases = [
            (of("b", source("deploy")), false),
            (of("a", source("deploy")), true),
            (of("b", source("old")), true),
            (of("b", none()), false),
            (of("a", none()), true),
            (asked("b"), false),
            (asked("a"), true),
            // Nothing is known about it: it may be about this one.
            (of("", none()), false),
            (OperationState::default(), false),
        ];
        for (state, expected) in cases {
            let mut argo = compared("b", "deploy");
            argo.operation_state = Some(state.clone());
            let report = report(&argo, &Destination::default(), 0, true);
            assert_eq!(report.is_sync_outdated, expected, "{state:?}");
        }
    }
}
