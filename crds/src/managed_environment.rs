//! GitOpsDeploymentManagedEnvironment: a tenant's own cluster to deploy to.
#![allow(dead_code, unreachable_pub, reason = "of the copies that KubeSchema makes of the types")]
#![allow(clippy::duplicated_attributes, reason = "two printer columns may have one type")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// The key of the Secret that holds the kubeconfig.
pub const KUBECONFIG_KEY: &str = "kubeconfig";

/// Which cluster, and how to get at it. Written by the user.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "managed-gitops.redhat.com",
    version = "v1alpha1",
    kind = "GitOpsDeploymentManagedEnvironment",
    plural = "gitopsdeploymentmanagedenvironments",
    shortname = "gitopsmanagedenv",
    category = "managed-gitops",
    namespaced,
    status = "GitOpsDeploymentManagedEnvironmentStatus",
    derive = "PartialEq",
    derive = "Default",
    cel,
    doc = "A GitOpsDeploymentManagedEnvironment is a cluster, or a part of one, that the \
           GitOpsDeployments of the same namespace can deploy to.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ConnectionInitializationSucceeded")].status"#,
        description = "Whether the cluster accepts the credentials"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ConnectionInitializationSucceeded")].reason"#,
        description = "Why"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct GitOpsDeploymentManagedEnvironmentSpec {
    /// The URL of the cluster's API, for example "https://api.example.com:6443". It must not
    /// contain "?" or "&".
    #[serde(rename = "apiURL")]
    #[x_kube(validation = Rule::new(
            "self == '' || (isURL(self) && url(self).getScheme() == 'https')"
        )
        .message("cluster api url must start with https://"))]
    pub api_url: String,
    /// The name of a Secret in the same namespace, of type
    /// "managed-gitops.redhat.com/managed-environment", whose key "kubeconfig" holds a kubeconfig
    /// with a cluster of that URL and a token for it.
    pub credentials_secret: String,
    /// Whether the cluster's certificate is accepted without a check. true lets others read and
    /// change what is sent.
    #[serde(rename = "allowInsecureSkipTLSVerify")]
    pub allow_insecure_skip_tls_verify: bool,
    /// Whether a ServiceAccount of its own is made on the cluster, with the kubeconfig's rights.
    /// false: the kubeconfig's token is used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_new_service_account: bool,
    /// The namespaces that may be deployed to. Empty: all that the token allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Whether cluster-scoped resources may be deployed, if `namespaces` is not empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cluster_resources: bool,
}

absent_is_default!(GitOpsDeploymentManagedEnvironmentSpec);

/// Whether the cluster can be reached. Written by this program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GitOpsDeploymentManagedEnvironmentStatus {
    /// What is known about the cluster. "ConnectionInitializationSucceeded" says whether it accepts
    /// the credentials.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
