//! Deployments, what their statuses say, and what happened to objects.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a different part")]

use std::collections::BTreeMap;

use crds::deployment::Source;
use crds::{GitOpsDeployment, GitOpsDeploymentCondition, GitOpsDeploymentSpec};
use kube::api::WatchEvent;
use kube::{Resource, ResourceExt as _};

/// An automated deployment of a folder of a repository.
pub fn automated(name: &str) -> GitOpsDeployment {
    deployment(name, "automated")
}

/// A manual deployment of a folder of a repository.
pub fn manual(name: &str) -> GitOpsDeployment {
    deployment(name, "manual")
}

fn deployment(name: &str, type_: &str) -> GitOpsDeployment {
    let source = Source {
        repo_url: "https://git.example.com/team/app".to_owned(),
        path: "deploy".to_owned(),
        target_revision: "main".to_owned(),
    };
    let spec = GitOpsDeploymentSpec { source, type_: type_.to_owned(), ..Default::default() };
    GitOpsDeployment::new(name, spec)
}

/// The same deployment with the finalizer that makes its deletion wait for Argo CD.
pub fn with_finalizer(mut object: GitOpsDeployment) -> GitOpsDeployment {
    object.metadata.finalizers = Some(vec![crds::names::DEPLOYMENT_FINALIZER.to_owned()]);
    object
}

/// A condition of a deployment.
pub fn condition<'a>(
    object: &'a GitOpsDeployment,
    type_: &str,
) -> Option<&'a GitOpsDeploymentCondition> {
    object.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_)
}

/// Type, status, reason and message of every condition, by type.
pub fn conditions(object: &GitOpsDeployment) -> Vec<(String, String, String, String)> {
    let mut found: Vec<_> = object
        .status
        .iter()
        .flat_map(|status| &status.conditions)
        .map(|one| {
            let (status, reason) = (one.status.clone(), one.reason.clone());
            (one.type_.clone(), status, reason, one.message.clone())
        })
        .collect();
    found.sort();
    found
}

/// One of them.
pub fn quadruple(
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
) -> (String, String, String, String) {
    (type_.to_owned(), status.to_owned(), reason.to_owned(), message.to_owned())
}

/// Whether `ErrorOccurred` reports this error.
pub fn has_error(object: &GitOpsDeployment, message: &str) -> bool {
    condition(object, "ErrorOccurred").is_some_and(|error| {
        error.status == "True" && error.reason == "ErrorOccurred" && error.message == message
    })
}

/// Whether an error was reported and is resolved.
pub fn error_is_resolved(object: &GitOpsDeployment) -> bool {
    condition(object, "ErrorOccurred").is_some_and(|error| {
        error.status == "False"
            && error.reason == "ErrorOccurredResolved"
            && error.message.is_empty()
    })
}

/// Whether a deployment is ready in its current generation.
pub fn is_ready(object: &GitOpsDeployment) -> bool {
    let observed = object.status.as_ref().and_then(|status| status.observed_generation);
    observed == object.metadata.generation
        && condition(object, "Ready").is_some_and(|ready| ready.status == "True")
}

/// How often each object was created.
pub fn creations<K: Resource>(events: &[WatchEvent<K>]) -> BTreeMap<String, usize> {
    let mut creations = BTreeMap::new();
    for event in events {
        if let WatchEvent::Added(object) = event {
            *creations.entry(object.name_any()).or_default() += 1;
        }
    }
    creations
}
