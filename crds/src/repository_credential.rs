//! GitOpsDeploymentRepositoryCredential: a tenant's credential for a private git repository.
#![allow(dead_code, unreachable_pub, reason = "of the copies that KubeSchema makes of the types")]
#![allow(clippy::duplicated_attributes, reason = "two printer columns may have one type")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// The keys of the Secret that the credential refers to.
pub mod secret_key {
    /// The name of the user.
    pub const USERNAME: &str = "username";
    /// The password or token.
    pub const PASSWORD: &str = "password";
    /// The private key, for an `ssh://` URL.
    pub const SSH_PRIVATE_KEY: &str = "sshPrivateKey";
}

/// Which repository, and how to read it. Written by the user.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "managed-gitops.redhat.com",
    version = "v1alpha1",
    kind = "GitOpsDeploymentRepositoryCredential",
    plural = "gitopsdeploymentrepositorycredentials",
    shortname = "gitopsrepocred",
    category = "managed-gitops",
    namespaced,
    status = "GitOpsDeploymentRepositoryCredentialStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    doc = "A GitOpsDeploymentRepositoryCredential lets the GitOpsDeployments of the same namespace \
           read a private git repository.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ValidRepositoryCredential")].status"#,
        description = "Whether the repository accepts the credential"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ValidRepositoryCredential")].reason"#,
        description = "Why"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct GitOpsDeploymentRepositoryCredentialSpec {
    /// The URL of the repository, beginning with "https://" or "ssh://", or of the form
    /// "git@host:path".
    #[x_kube(validation = Rule::new(
            "self == '' || (isURL(self) && url(self).getScheme() in ['https', 'ssh']) \
             || (self.contains('@') && self.contains(':') && !self.contains('://'))"
        )
        .message("repository must begin with ssh:// or https://"))]
    pub repository: String,
    /// The name of a Secret in the same namespace, of type
    /// "managed-gitops.redhat.com/repository-credential", with the keys "username" and "password",
    /// or "sshPrivateKey".
    pub secret: String,
}

absent_is_default!(GitOpsDeploymentRepositoryCredentialSpec);

/// Whether the credential works. Written by this program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GitOpsDeploymentRepositoryCredentialStatus {
    /// What is known about the credential. "ValidRepositoryURL" says whether the repository exists,
    /// "ValidRepositoryCredential" whether it accepts the credential, "ErrorOccurred" whether the
    /// user has to correct something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
