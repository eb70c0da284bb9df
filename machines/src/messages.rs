//! Texts that users and clients read in conditions. Those that existing clients match are
//! contract, spelling mistakes included; each says so.

/// Contract: the path is empty.
pub const PATH_EMPTY: &str = "spec.source.path is a required field and it cannot be empty";
/// Contract: the path is the repository's root.
pub const PATH_ROOT: &str = "spec.source.path cannot be '/'";
/// Contract: a sync option that is not supported.
pub const SYNC_OPTION: &str = "the specified sync option in .spec.syncPolicy.syncOptions is either \
                               mispelled or is not supported by GitOpsDeployment";
/// Contract: the type is neither `automated` nor `manual`.
pub const TYPE: &str = "spec type must be manual or automated";
/// Contract: a destination namespace without an environment.
pub const NAMESPACE_WITHOUT_ENVIRONMENT: &str =
    "the environment field should not be empty when the namespace is non-empty";
/// Contract: an environment without a destination namespace, on the first reconcile.
pub const DESTINATION_NAMESPACE: &str =
    "the namespace specified in the destination field is invalid";
/// Contract: an environment without a destination namespace, on a later reconcile.
pub const DESTINATION_NAMESPACE_UPDATE: &str =
    "destination namespace specified in the .spec.Destination.Namespace field is invalid";
/// Contract: the environment cannot be used, on the first reconcile.
pub const ENVIRONMENT: &str = "Unable to reconcile the ManagedEnvironment. Verify that the \
     ManagedEnvironment and Secret are correctly defined, and have valid credentials";
/// Contract: the environment cannot be used, on a later reconcile.
pub const ENVIRONMENT_UPDATE: &str = "unable to reconcile the ManagedEnvironment resource. Ensure \
     that the ManagedEnvironment exists, it references a Secret, and the Secret is valid";

/// The repository's URL has a password in it. It is not repeated.
pub const PASSWORD: &str = "spec.source.repoURL has a password in it, which everybody can read who \
     may read this resource; remove it, change it where it is valid, and give the new one in a \
     GitOpsDeploymentRepositoryCredential for the same URL";
/// The repository's URL would be read as a pattern by Argo CD.
pub const PATTERN: &str = "spec.source.repoURL begins with `!` or has a `*` in it, which makes it a \
     pattern for other URLs in Argo CD's AppProject; write the URL of one git repository";

/// The deployment's namespace is going away.
pub const NAMESPACE_TERMINATING: &str =
    "the namespace is being deleted; no Application is created in a terminating namespace";
/// The Argo CD namespace was not found.
pub const ENGINE_MISSING: &str = "waiting for the Argo CD namespace to exist";
/// The application of a deleted deployment of the same name is still there.
pub const PREDECESSOR: &str = "waiting for the resources of the deleted GitOpsDeployment of the \
                               same name to be removed";
/// The agent has not finished within its deadline.
pub const DISPATCH_SLOW: &str = "the cluster-agent has not finished writing the Argo CD \
     Application yet; it goes on trying. Check that the cluster-agent and Argo CD are running";
/// Argo CD has not removed the resources within the deadline.
pub const REMOVAL_SLOW: &str = "Argo CD has not removed the deployed resources yet; deletion goes \
     on when it does. Check the Argo CD Application for what blocks it";
/// Argo CD says that it cannot remove the resources; what it says follows.
pub const REMOVAL_FAILED: &str = "Argo CD cannot remove the deployed resources and tries again; \
     correct what blocks them";
/// Something that is deployed is paused on purpose; what Argo CD reports comes before.
pub const SUSPENDED: &str = "something is paused and waits for a person: resume the rollout, the \
     Deployment or the CronJob that Argo CD shows as Suspended";
/// The agent reported a failure without a text.
pub const OPERATION_FAILED: &str = "the cluster-agent could not apply the Application";
/// The agent could not write to Argo CD's namespace within its deadline.
pub const WRITE_TIMED_OUT: &str = "the Kubernetes API did not accept the Argo CD resources in \
     time; it is tried again. Check that the API server answers and that the cluster-agent may \
     write to the Argo CD namespace";
