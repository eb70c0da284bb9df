//! The custom resources: their types, their validation rules, and the manifests made from them.
//!
//! | module | what is there |
//! |---|---|
//! | [`deployment`] | GitOpsDeployment, what a tenant wants deployed |
//! | [`sync_run`] | GitOpsDeploymentSyncRun, a request for one sync |
//! | [`managed_environment`] | GitOpsDeploymentManagedEnvironment, a cluster to deploy to |
//! | [`repository_credential`] | GitOpsDeploymentRepositoryCredential, access to a repository |
//! | [`operation`] | Operation, the request of the backend to the cluster-agent |
//! | [`argocd`] | Argo CD's Application and AppProject |
//! | [`conditions`] | how a new list of conditions follows from the old one |
//! | [`names`] | the names, labels and finalizers that are contract |
//! | [`all`], [`yaml`] | the CustomResourceDefinitions |
//!
//! A validation rule here rejects exactly what the existing admission webhooks reject, with the
//! same message: everything else is accepted and reported in the status, where clients look for it.
//! Rules are CEL expressions next to their field; the unit tests evaluate them.
#![warn(missing_docs)]

mod absent;
pub mod argocd;
pub mod conditions;
pub mod deployment;
pub mod managed_environment;
mod manifests;
pub mod names;
pub mod operation;
pub mod repository_credential;
pub mod sync_run;

pub use deployment::{
    GitOpsDeployment, GitOpsDeploymentCondition, GitOpsDeploymentSpec, GitOpsDeploymentStatus,
};
pub use managed_environment::{
    GitOpsDeploymentManagedEnvironment, GitOpsDeploymentManagedEnvironmentSpec,
    GitOpsDeploymentManagedEnvironmentStatus,
};
pub use manifests::{YamlError, all, yaml};
pub use operation::{Operation, OperationSpec, OperationStatus};
pub use repository_credential::{
    GitOpsDeploymentRepositoryCredential, GitOpsDeploymentRepositoryCredentialSpec,
    GitOpsDeploymentRepositoryCredentialStatus,
};
pub use sync_run::{
    GitOpsDeploymentSyncRun, GitOpsDeploymentSyncRunCondition, GitOpsDeploymentSyncRunSpec,
    GitOpsDeploymentSyncRunStatus,
};
