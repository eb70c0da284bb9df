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
/// The repository's URL has a password in it, or a path where a port belongs. It is not repeated.
pub const PASSWORD_OR_PORT: &str = "spec.source.repoURL has text between a colon and an `@` that is \
     either a path in place of a port number, or a password. Write a path as ssh://USER@HOST/PATH, \
     with %40 for each `@` in PATH; remove a password, change it where it is valid, and give the \
     new one in a GitOpsDeploymentRepositoryCredential for the same URL";
/// The repository's URL would be read as a pattern by Argo CD.
pub const PATTERN: &str = "spec.source.repoURL begins with `!` or has a `*` in it, which makes it a \
     pattern for other URLs in Argo CD's AppProject; write the URL of one git repository";
/// The repository's URL has none of the forms that Argo CD reads.
pub const URL_FORM: &str = "spec.source.repoURL is not the URL of a git repository; write it as \
     https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH";
/// The repository's URL has white space around it.
pub const URL_ENDS: &str = "spec.source.repoURL begins or ends with white space; remove it";
/// The repository's URL has a space in it.
pub const URL_SPACE: &str = "spec.source.repoURL has a space in it; write %20 for the space";
/// The repository's URL has a space in it, in a form without %20.
pub const URL_SPACE_SCP: &str = "spec.source.repoURL has a space in it; write the URL as \
     ssh://USER@HOST/PATH, with %20 for the space";
/// The repository's URL has an unsupported scheme.
pub const URL_SCHEME: &str = "spec.source.repoURL begins with a scheme by which Argo CD reads no \
     repository; use https://, http://, ssh://, git:// or oci://";
/// The repository's URL names no host.
pub const URL_NO_HOST: &str = "spec.source.repoURL has no host; write it as https://HOST/PATH, \
     ssh://USER@HOST/PATH or USER@HOST:PATH";
/// The repository's URL has something other than a name or an address as its host.
pub const URL_HOST: &str = "spec.source.repoURL has a character in its host that is in no host \
     name; correct the host";
/// The repository's URL has an IPv6 address without brackets.
pub const URL_BARE_ADDRESS: &str = "spec.source.repoURL has more than one colon in its host; write \
     an IPv6 address in brackets, as in https://[2001:db8::1]/PATH";
/// The repository's URL has something other than an IPv6 address in brackets.
pub const URL_BRACKETS: &str = "spec.source.repoURL has brackets around its host that hold no IPv6 \
     address; correct the address, or remove the brackets around a name";
/// The repository's URL has an IPv6 address in the form USER@HOST:PATH.
pub const URL_SCP_ADDRESS: &str = "spec.source.repoURL has an IPv6 address in the form \
     USER@HOST:PATH, which Argo CD cannot read; write it as ssh://USER@[ADDRESS]/PATH";
/// The repository's URL has an IPv6 address, and characters that an AppProject then cannot name.
pub const URL_ADDRESS_ENCODING: &str = "spec.source.repoURL has an IPv6 address for its host and \
     characters in its user or path that Argo CD would encode; percent-encode those of the path, \
     for example %7B for {, and use only letters, digits, '-', '.' and '_' for the user";
/// The repository's URL has a port that does not exist.
pub const URL_PORT: &str = "spec.source.repoURL has a port that is out of range; write a number \
     from 1 to 65535, or leave the port and its colon out";
/// The repository's URL has something other than a number as its port.
pub const URL_PORT_TEXT: &str = "spec.source.repoURL has text after the colon of its host, where \
     only a port number may stand; write it as https://HOST/PATH or https://HOST:PORT/PATH";
/// The repository's URL mixes the two forms of SSH.
pub const URL_PORT_SSH: &str = "spec.source.repoURL has a path after the colon of its host; in \
     ssh:// URLs a port number follows that colon. Write USER@HOST:PATH or ssh://USER@HOST/PATH";
/// The repository's URL has a user and a host, but no colon before the path.
pub const URL_SCP_COLON: &str = "spec.source.repoURL has no colon between host and path; write it \
     as USER@HOST:PATH or ssh://USER@HOST/PATH";
/// The repository's URL has a host, but no path.
pub const URL_SCP_PATH: &str = "spec.source.repoURL has no path after the colon; write it as \
     USER@HOST:PATH";
/// The repository's URL has an invalid user.
pub const URL_USER: &str = "spec.source.repoURL has a character in its user name that must be \
     percent-encoded; write it so, or leave the user name out";
/// The repository's SSH URL has an `@` in its path.
pub const URL_SECOND_AT: &str = "spec.source.repoURL has a second `@` in it, which keeps Argo CD \
     from finding the user; write it as ssh://USER@HOST/PATH, with %40 for each `@` in PATH";
/// The repository's URL has a `%` that encodes nothing.
pub const URL_PERCENT: &str = "spec.source.repoURL has a `%` in it without two hexadecimal digits \
     after it; write %25 for the `%` itself";
/// The repository's URL has a fragment.
pub const URL_FRAGMENT: &str = "spec.source.repoURL has a `#` in it, after which a URL names no \
     repository; remove it and what follows. For a `#` in the path write https://HOST/PATH or \
     ssh://USER@HOST/PATH, with %23 for the `#`";
/// The repository's URL has a query that is not in ASCII.
pub const URL_QUERY: &str = "spec.source.repoURL has a character after its `?` that must be \
     percent-encoded; write it so, or remove the `?` and what follows";

/// The path is only white space.
pub const PATH_BLANK: &str = "spec.source.path is blank; write a folder of the repository, for \
     example deploy/production, or '.' for all of it";
/// The path is absolute.
pub const PATH_ABSOLUTE: &str = "spec.source.path begins with '/', but Argo CD takes only paths \
     relative to the repository's root; remove the '/' at its beginning";
/// The path leads out of the repository.
pub const PATH_OUTSIDE: &str = "spec.source.path leads out of the repository; remove the '..' that \
     has no folder before it";

/// It deploys to an environment, and an earlier installation created its Application.
pub const FROZEN: &str = "this version of managed-gitops does not serve environments yet: the Argo CD \
     Application goes on as the version before left it, and changes of this GitOpsDeployment wait";
/// What to do about [`FROZEN`].
pub const FROZEN_ADVICE: &str = "Install a version that serves them, or remove spec.destination";
/// It was deleted while [`FROZEN`].
pub const REMOVAL_FROZEN: &str = "this version of managed-gitops does not serve environments yet: \
     the Argo CD Application and what it deployed stay until a version is installed that does";
/// What to do about [`REMOVAL_FROZEN`].
pub const REMOVAL_FROZEN_ADVICE: &str = "Install a version that serves environments";

/// Its environment is not known to be usable yet.
pub const ENVIRONMENT_AWAITED: &str =
    "waiting for the GitOpsDeploymentManagedEnvironment to be ready";
/// What to do about an environment that cannot be used.
pub const ENVIRONMENT_ADVICE: &str = "Create or correct the GitOpsDeploymentManagedEnvironment and \
     its Secret; its conditions say what is wrong";
/// It is being deleted, and Argo CD may not know its environment.
pub const DESTINATION_AWAITED: &str = "Argo CD may be unable to resolve the destination, and would \
     then remove nothing; the environment's conditions say why";

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
/// Something that is deployed is paused on purpose; preceded by what Argo CD reports.
pub const SUSPENDED: &str = "something is paused and waits for a person";
/// What to do about [`SUSPENDED`].
pub const SUSPENDED_ADVICE: &str =
    "resume the rollout, the Deployment or the CronJob that Argo CD shows as Suspended";
/// The agent reported a failure without a text.
pub const OPERATION_FAILED: &str = "the cluster-agent could not apply the Application";
/// The AppProject is as large as the Kubernetes API accepts.
pub const PROJECT_FULL: &str = "the AppProject of this namespace has no room for another repository \
     URL; use fewer different URLs in this namespace, or deploy from another namespace. It is tried \
     again";
/// The agent could not write to Argo CD's namespace within its deadline.
pub const WRITE_TIMED_OUT: &str = "the Kubernetes API did not accept the Argo CD resources in \
     time; it is tried again. Check that the API server answers and that the cluster-agent may \
     write to the Argo CD namespace";

/// What to do about a spec that is not accepted; preceded by what is wrong with it.
pub const REJECTED_ADVICE: &str =
    "Correct the spec of the GitOpsDeployment; it is checked again as soon as it changes";
/// What to do about [`ENGINE_MISSING`].
pub const ENGINE_MISSING_ADVICE: &str =
    "Install Argo CD in the namespace that managed-gitops is configured for";
/// What to do about a failed operation; preceded by why it failed.
pub const FAILED_ADVICE: &str =
    "The pauses between attempts grow; a change of the spec is tried at once";
/// What to do about an Application that does not exist.
pub const MISSING_ADVICE: &str = "The rescan creates it again, unless it is switched off";
/// What to do if Argo CD does not report.
pub const REPORT_ADVICE: &str =
    "If it takes long, check that Argo CD's application controller runs";
/// What to do about an error that Argo CD reports; preceded by the error.
pub const ARGO_CD_ADVICE: &str = "Correct what the message names; Argo CD looks again by itself";
/// What to do about a failed sync; preceded by the reason.
pub const SYNC_FAILED_ADVICE: &str =
    "Correct the manifests or what refuses them; a new commit is synced by itself";
/// What to do about resources that are Degraded.
pub const DEGRADED_ADVICE: &str =
    "Look at the resources that Argo CD shows as Degraded, and correct their manifests";
/// What to do about resources that are not healthy yet.
pub const PROGRESSING_ADVICE: &str =
    "The resources are on their way; if it takes long, look at those that are not Healthy";
/// What to do about a sync that is in progress, or between two attempts.
pub const SYNCING_ADVICE: &str =
    "A sync that fails is tried again; status.operationState has the newest message";
/// What to do about resources that cannot be removed; preceded by the reason.
pub const REMOVAL_FAILED_ADVICE: &str = "The removal goes on as soon as nothing blocks it";

/// What to do about a spec.
pub const SPEC_ADVICE: &str = "Correct the spec; it is checked again as soon as it changes";
/// What to do about a Secret.
pub const SECRET_ADVICE: &str =
    "Create or correct the Secret; it is read again as soon as it changes";
/// There are no sealing keys.
pub const NO_KEYS: &str = "this installation has no sealing keys that open its database, so it keeps \
     no credentials";
/// What to do about that.
pub const NO_KEYS_ADVICE: &str = "Ask those who run managed-gitops; /readyz says what is missing";
/// The tenant has no rows for Argo CD.
pub const NO_TENANT: &str = "the namespace is not prepared for Argo CD yet, or is being deleted";
