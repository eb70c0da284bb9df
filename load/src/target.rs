//! The cluster that environments name, and the kubeconfigs that open it.

use anyhow::anyhow;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::config::{AuthInfo, Kubeconfig};
use secrecy::SecretString;
use serde_json::json;

use crate::error::Error;

/// Characters in a line of PEM.
const PEM_LINE: usize = 64;

/// See the module.
pub(crate) enum Target {
    /// The cluster of the run, where it has accounts.
    Own(Box<OwnCluster>),
    /// Another one.
    Other(OtherCluster),
}

/// The cluster of the run, without the credentials of the run.
pub(crate) struct OwnCluster(kube::Config);

/// Another cluster, and the kubeconfig that opens it.
pub(crate) struct OtherCluster {
    url: String,
    pub(crate) kubeconfig: String,
}

impl Target {
    /// The cluster of the run.
    pub(crate) fn own(config: &kube::Config) -> Result<Self, Error> {
        if config.cluster_url.scheme_str() != Some("https") {
            return Err(Error::Input(anyhow!(
                "environments need an API server at an https:// URL, and this cluster's is not; \
                 start `dev` with --tls, or name another cluster with --environment-kubeconfig"
            )));
        }
        let mut config = config.clone();
        config.auth_info = AuthInfo::default();
        Ok(Self::Own(Box::new(OwnCluster(config))))
    }

    /// The cluster of a kubeconfig's current context. No message repeats anything of it.
    pub(crate) fn other(kubeconfig: String) -> Result<Self, Error> {
        let url = url_in(&kubeconfig).map_err(|what| {
            Error::Input(anyhow!(
                "the file of --environment-kubeconfig {what}; give the kubeconfig of a cluster at \
                 an https:// URL, with a token"
            ))
        })?;
        Ok(Self::Other(OtherCluster { url, kubeconfig }))
    }

    /// The URL of its API.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Own(own) => own.url(),
            Self::Other(other) => other.url.clone(),
        }
    }

    /// Whether its certificate is accepted without a check.
    pub(crate) fn skips_verification(&self) -> bool {
        matches!(self, Self::Own(own) if own.0.accept_invalid_certs)
    }
}

/// The URL of the current context's cluster, for which there is a token; or what is wrong.
fn url_in(kubeconfig: &str) -> Result<String, &'static str> {
    let Ok(parsed) = Kubeconfig::from_yaml(kubeconfig) else { return Err("is no kubeconfig") };
    let current = parsed.current_context.unwrap_or_default();
    let mut contexts = parsed.contexts.into_iter();
    let context = contexts.find(|one| one.name == current).and_then(|one| one.context);
    let context = context.ok_or("has no current context")?;
    let mut clusters = parsed.clusters.into_iter();
    let cluster = clusters.find(|one| one.name == context.cluster).and_then(|one| one.cluster);
    let url = cluster.and_then(|cluster| cluster.server).unwrap_or_default();
    if !url.starts_with("https://") {
        return Err("has no https:// URL in its current context");
    }
    let mut users = parsed.auth_infos.into_iter();
    let user = users.find(|one| Some(&one.name) == context.user.as_ref());
    match user.and_then(|one| one.auth_info?.token) {
        Some(_) => Ok(url),
        None => Err("has no token in its current context"),
    }
}

impl OwnCluster {
    fn url(&self) -> String {
        self.0.cluster_url.to_string().trim_end_matches('/').to_owned()
    }

    /// A client that has nothing but a token.
    pub(crate) fn client(&self, token: &str) -> kube::Result<kube::Client> {
        let mut config = self.0.clone();
        config.auth_info.token = Some(SecretString::from(token));
        kube::Client::try_from(config)
    }

    /// A kubeconfig that has nothing but a token.
    pub(crate) fn kubeconfig(&self, token: &str) -> String {
        let Self(config) = self;
        let mut cluster = json!({"server": self.url()});
        if let Some(authorities) = &config.root_cert {
            let authorities: String = authorities.iter().map(|one| pem(one)).collect();
            cluster["certificate-authority-data"] = BASE64_STANDARD.encode(authorities).into();
        }
        if let Some(name) = &config.tls_server_name {
            cluster["tls-server-name"] = name.as_str().into();
        }
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "load", "cluster": cluster}],
            "contexts": [{"name": "load", "context": {"cluster": "load", "user": "load"}}],
            "current-context": "load",
            "users": [{"name": "load", "user": {"token": token}}],
        });
        kubeconfig.to_string()
    }
}

/// A certificate as text.
fn pem(certificate: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(certificate);
    let lines = encoded.as_bytes().chunks(PEM_LINE).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> kube::Config {
        kube::Config::new(url.parse().unwrap())
    }

    #[test]
    fn the_kubeconfig_of_an_account_has_the_cluster_of_the_run_and_no_other_credentials() {
        let mut config = config("https://192.0.2.1:6443/");
        config.auth_info.token = Some(SecretString::from("ours"));
        config.root_cert = Some(vec![vec![7; 100], vec![8; 3]]);
        config.tls_server_name = Some("api.example.com".to_owned());
        let target = Target::own(&config).unwrap();
        assert_eq!(target.url(), "https://192.0.2.1:6443");
        let Target::Own(own) = target else { panic!("it is the cluster of the run") };
        let text = own.kubeconfig("theirs");
        assert!(!text.contains("ours"), "{text}");
        let read = Kubeconfig::from_yaml(&text).unwrap();
        let cluster = read.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://192.0.2.1:6443"));
        assert_eq!(cluster.tls_server_name.as_deref(), Some("api.example.com"));
        let authority = cluster.certificate_authority_data.as_ref().unwrap();
        let authority = String::from_utf8(BASE64_STANDARD.decode(authority).unwrap()).unwrap();
        assert_eq!(authority.matches("-----BEGIN CERTIFICATE-----\n").count(), 2, "{authority}");
        assert!(authority.lines().all(|line| line.len() <= PEM_LINE), "{authority}");
    }

    #[test]
    fn a_certificate_is_encoded_in_lines() {
        let encoded = pem(&[0; 49]);
        let expected = format!("\n{}\nAA==\n", "A".repeat(64));
        assert!(encoded.contains(&expected), "{encoded}");
    }

    #[test]
    fn an_api_server_without_tls_is_refused() {
        let error = Target::own(&config("http://127.0.0.1:16443")).err().unwrap();
        assert!(matches!(error, Error::Input(_)), "{error:?}");
        assert!(error.to_string().contains("start `dev` with --tls"), "{error}");
    }

    fn kubeconfig(server: &str, user: &str) -> String {
        format!(
            "current-context: b\n\
             clusters:\n\
             - {{name: a, cluster: {{server: 'https://a'}}}}\n\
             - {{name: b, cluster: {{server: '{server}'}}}}\n\
             contexts:\n\
             - {{name: b, context: {{cluster: b, user: b}}}}\n\
             users:\n\
             - {{name: b, user: {user}}}\n"
        )
    }

    #[test]
    fn another_cluster_is_that_of_the_current_context() {
        let text = kubeconfig("https://b:6443", "{token: secret}");
        let target = Target::other(text.clone()).unwrap();
        assert_eq!(target.url(), "https://b:6443");
        let Target::Other(other) = target else { panic!("it is another cluster") };
        assert_eq!(other.kubeconfig, text);
    }

    #[test]
    fn what_is_wrong_with_a_kubeconfig_is_said_without_what_is_in_it() {
        let cases = [
            ("{secret".to_owned(), "is no kubeconfig"),
            ("current-context: secret".to_owned(), "has no current context"),
            (kubeconfig("http://secret", "{token: secret}"), "has no https:// URL"),
            (kubeconfig("https://secret", "{password: secret}"), "has no token"),
        ];
        for (text, sentence) in cases {
            let error = Target::other(text).err().unwrap().to_string();
            assert!(error.contains(sentence), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
