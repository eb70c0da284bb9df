//! The names, labels, finalizers and Secret types that this program and its clients agree on.
//!
//! They are contract: clients find objects by them, and an existing installation has objects that
//! carry them.

/// The API group of the five custom resources.
pub const GROUP: &str = "managed-gitops.redhat.com";
/// The only version of the API group.
pub const VERSION: &str = "v1alpha1";
/// The API group of Argo CD's custom resources.
pub const ARGO_CD_GROUP: &str = "argoproj.io";

/// The namespace of Argo CD, unless the configuration says otherwise.
pub const DEFAULT_ARGO_CD_NAMESPACE: &str = "gitops-service-argocd";

/// The finalizer with which a user keeps a GitOpsDeployment until its resources are gone.
pub const DEPLOYMENT_FINALIZER: &str = "resources-finalizer.managed-gitops.redhat.com";
/// The finalizer of an Application that makes Argo CD delete its resources in the background.
pub const ARGO_CD_BACKGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/background";
/// The finalizer of an Application that makes Argo CD delete its resources in the foreground.
pub const ARGO_CD_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// The type of the Secret that a GitOpsDeploymentManagedEnvironment refers to.
pub const MANAGED_ENVIRONMENT_SECRET_TYPE: &str = "managed-gitops.redhat.com/managed-environment";
/// The type of the Secret that a GitOpsDeploymentRepositoryCredential refers to.
pub const REPOSITORY_CREDENTIAL_SECRET_TYPE: &str =
    "managed-gitops.redhat.com/repository-credential";

/// The label of an Operation that says which tenant it is for: the UID of the namespace.
pub const TENANT_LABEL: &str = "managed-gitops.redhat.com/tenant";
/// The annotation of an Operation whose row has changed since it was created: the agent reads it
/// again. Its value says when, and means nothing else.
pub const CHANGED_ANNOTATION: &str = "managed-gitops.redhat.com/changed";
/// The label that ties an Application or a Secret of Argo CD to its row in the database.
pub const DATABASE_ID_LABEL: &str = "databaseID";
/// The label by which Argo CD recognises its cluster and repository Secrets.
pub const ARGO_CD_SECRET_TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";
/// The value of [`ARGO_CD_SECRET_TYPE_LABEL`] on a cluster Secret.
pub const ARGO_CD_CLUSTER_SECRET: &str = "cluster";
/// The value of [`ARGO_CD_SECRET_TYPE_LABEL`] on a repository Secret.
pub const ARGO_CD_REPOSITORY_SECRET: &str = "repository";
/// The annotation of a cluster or repository Secret that says which program keeps its content.
pub const MANAGED_BY_ANNOTATION: &str = "managed-by";
/// The value of [`MANAGED_BY_ANNOTATION`] on a Secret of Argo CD's.
pub const MANAGED_BY_ARGO_CD: &str = "argocd.argoproj.io";
/// The annotation that asks Argo CD to compare an Application with its repository again.
pub const ARGO_CD_REFRESH_ANNOTATION: &str = "argocd.argoproj.io/refresh";
/// The label that Argo CD sets on resources that it deploys; its value is the Application's name.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";

/// The name of the cluster on which Argo CD itself runs, as an Application's destination.
pub const IN_CLUSTER_DESTINATION: &str = "in-cluster";
/// The AppProject of all Applications when tenants are not isolated from each other.
pub const DEFAULT_APP_PROJECT: &str = "default";

/// The annotation of an Operation or an AppProject that names the cluster user it belongs to.
pub const USERNAME_ANNOTATION: &str = "username";
/// The annotation of an Operation that self-healing created, see [`OPERATION_SOURCE_REPAIR`].
pub const OPERATION_SOURCE_ANNOTATION: &str = "source";
/// The value of [`OPERATION_SOURCE_ANNOTATION`].
pub const OPERATION_SOURCE_REPAIR: &str = "periodic-cleanup";

const APPLICATION_PREFIX: &str = "gitopsdepl-";
const APP_PROJECT_PREFIX: &str = "app-project-";
const CLUSTER_SECRET_PREFIX: &str = "managed-env-";
const REPOSITORY_SECRET_PREFIX: &str = "repo-cred-";
const OPERATION_PREFIX: &str = "operation-";

/// The number of characters in a UID; clients distinguish our Applications from others by it.
const UID_LENGTH: usize = 36;

/// The name of the Application of the GitOpsDeployment with that UID.
#[must_use]
pub fn application_name(deployment_uid: &str) -> String {
    format!("{APPLICATION_PREFIX}{deployment_uid}")
}

/// The UID of the GitOpsDeployment that an Application belongs to, or None for a foreign one.
#[must_use]
pub fn deployment_uid(application_name: &str) -> Option<&str> {
    let uid = application_name.strip_prefix(APPLICATION_PREFIX)?;
    (uid.len() == UID_LENGTH).then_some(uid)
}

/// The name of the AppProject of the cluster user with that id.
#[must_use]
pub fn app_project_name(cluster_user_id: &str) -> String {
    format!("{APP_PROJECT_PREFIX}{cluster_user_id}")
}

/// The id of the cluster user that an AppProject belongs to, or None for a foreign one.
#[must_use]
pub fn cluster_user_id(app_project_name: &str) -> Option<&str> {
    app_project_name.strip_prefix(APP_PROJECT_PREFIX).filter(|id| !id.is_empty())
}

/// The name of a managed environment's cluster Secret, which is also the Application's destination.
#[must_use]
pub fn cluster_secret_name(managed_environment_id: &str) -> String {
    format!("{CLUSTER_SECRET_PREFIX}{managed_environment_id}")
}

/// The id of the managed environment behind an Application's destination, or None for another one.
#[must_use]
pub fn managed_environment_id(destination_name: &str) -> Option<&str> {
    destination_name.strip_prefix(CLUSTER_SECRET_PREFIX).filter(|id| !id.is_empty())
}

/// The server of a cluster Secret; the query keeps two environments with one URL apart.
#[must_use]
pub fn cluster_secret_server(api_url: &str, managed_environment_id: &str) -> String {
    format!("{api_url}?managedEnvironment={managed_environment_id}")
}

/// The name of the repository Secret of the repository credential with that id.
#[must_use]
pub fn repository_secret_name(repository_credential_id: &str) -> String {
    format!("{REPOSITORY_SECRET_PREFIX}{repository_credential_id}")
}

/// The id of the repository credential that a repository Secret represents, or None for a foreign
/// one.
#[must_use]
pub fn repository_credential_id(secret_name: &str) -> Option<&str> {
    secret_name.strip_prefix(REPOSITORY_SECRET_PREFIX).filter(|id| !id.is_empty())
}

/// The name of the Operation for the database row with that id.
#[must_use]
pub fn operation_name(operation_id: &str) -> String {
    format!("{OPERATION_PREFIX}{operation_id}")
}

/// The id of the database row behind an Operation's name, or None for a name of another form.
#[must_use]
pub fn operation_id(operation_name: &str) -> Option<&str> {
    operation_name.strip_prefix(OPERATION_PREFIX).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "b9c5e7a8-53cb-4d43-9d5f-0a2d2b1d8a11";

    #[test]
    fn compatibility_2_an_application_is_traced_back_to_its_deployment() {
        assert_eq!(application_name(UID), format!("gitopsdepl-{UID}"));
        assert_eq!(deployment_uid(&application_name(UID)), Some(UID));
    }

    #[test]
    fn a_foreign_application_belongs_to_no_deployment() {
        assert_eq!(deployment_uid("guestbook"), None);
        assert_eq!(deployment_uid("gitopsdepl-my-own-app"), None);
    }

    #[test]
    fn a_destination_is_traced_back_to_its_managed_environment() {
        assert_eq!(managed_environment_id(&cluster_secret_name("e1")), Some("e1"));
        assert_eq!(managed_environment_id(IN_CLUSTER_DESTINATION), None);
        assert_eq!(managed_environment_id("managed-env-"), None);
    }

    #[test]
    fn two_environments_with_one_url_have_different_servers() {
        let url = "https://api.example.com:6443";
        assert_eq!(
            cluster_secret_server(url, "e1"),
            "https://api.example.com:6443?managedEnvironment=e1"
        );
        assert_ne!(cluster_secret_server(url, "e1"), cluster_secret_server(url, "e2"));
    }

    #[test]
    fn compatibility_2_an_operation_is_traced_back_to_its_row() {
        assert_eq!(operation_id(&operation_name("17")), Some("17"));
        assert_eq!(operation_id("17"), None);
    }

    #[test]
    fn compatibility_2_the_other_names_match_existing_installations() {
        assert_eq!(app_project_name("u1"), "app-project-u1");
        assert_eq!(repository_secret_name("r1"), "repo-cred-r1");
        assert_eq!(repository_credential_id("repo-cred-r1"), Some("r1"));
        assert_eq!(repository_credential_id("repo-1234567"), None);
    }
}
