//! How a target cluster is reached: what an environment's row says, opened.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use machines::identity::{Digest, EnvironmentId};
use machines::kinds::managed_environment::spec::EnvironmentSpec;
use machines::operation::application::cluster_name;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::sealing::digests::Digester;

/// What is shown to a cluster, and how it is recognised. What is absent is empty.
#[derive(Clone, Debug, Default)]
pub struct ClusterCredential {
    /// The bearer token.
    pub token: SecretString,
    /// The certificates by which the cluster is recognised, in PEM. They are nobody else's business.
    pub authority: SecretString,
    /// The name that its certificate is for, if that is not the URL's host.
    pub server_name: String,
}

/// What a row says of a cluster.
#[derive(Clone, Debug)]
pub struct EnvironmentAccess {
    /// The URL of its API.
    pub api_url: String,
    /// The namespaces that Argo CD is limited to, sorted and joined by commas; empty means all.
    pub namespaces: String,
    /// Whether Argo CD also manages what belongs to no namespace.
    pub cluster_resources: bool,
    /// Whether the cluster's certificate is not verified.
    pub skips_tls_verification: bool,
    /// The credential.
    pub credential: ClusterCredential,
}

/// The field `config` of a cluster Secret.
#[derive(Serialize)]
struct Config<'a> {
    #[serde(rename = "bearerToken")]
    token: &'a str,
    #[serde(rename = "tlsClientConfig")]
    tls: Tls<'a>,
}

#[derive(Serialize)]
struct Tls<'a> {
    insecure: bool,
    #[serde(rename = "serverName", skip_serializing_if = "str::is_empty")]
    server_name: &'a str,
    #[serde(rename = "caData", skip_serializing_if = "String::is_empty")]
    authority: String,
}

impl EnvironmentAccess {
    /// What the row says once this credential was accepted for a spec.
    pub fn accepted(spec: &EnvironmentSpec, credential: ClusterCredential) -> Self {
        Self {
            api_url: spec.api_url.clone(),
            namespaces: spec.joined_namespaces(),
            cluster_resources: spec.cluster_resources,
            skips_tls_verification: spec.skips_tls_verification,
            credential,
        }
    }

    /// What Argo CD's cluster Secret says of it, except for the AppProject, by key and in the order of
    /// the keys; what is empty is left out. Argo CD reads these keys.
    pub fn data(&self, environment: &EnvironmentId) -> Vec<(&'static str, SecretString)> {
        let name = cluster_name(environment);
        // The query keeps two environments with one URL apart.
        let server = format!("{}?managedEnvironment={environment}", self.api_url);
        let cluster_resources = if self.cluster_resources { "true" } else { "" };
        let mut data = vec![
            ("clusterResources", cluster_resources.to_owned().into()),
            ("config", self.config()),
            ("name", name.into()),
            ("namespaces", self.namespaces.clone().into()),
            ("server", server.into()),
        ];
        data.retain(|(_, value): &(_, SecretString)| !value.expose_secret().is_empty());
        data
    }

    fn config(&self) -> SecretString {
        let ClusterCredential { token, authority, server_name } = &self.credential;
        // Argo CD refuses a cluster that names an authority and does not verify it.
        let authority = if self.skips_tls_verification { "" } else { authority.expose_secret() };
        let config = Config {
            token: token.expose_secret(),
            tls: Tls {
                insecure: self.skips_tls_verification,
                server_name,
                authority: BASE64_STANDARD.encode(authority),
            },
        };
        // Texts and a flag always have a form in JSON.
        serde_json::to_string(&config).unwrap_or_default().into()
    }

    /// The keyed digest of all of it, by which it is compared with such a Secret.
    pub fn digest(&self, environment: &EnvironmentId, digester: &Digester) -> Digest {
        let data = self.data(environment);
        digester.digest(data.iter().map(|(key, value)| (*key, value.expose_secret().as_bytes())))
    }
}
